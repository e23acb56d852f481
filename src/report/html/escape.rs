//! Text from outside made fit for markup: as content and inside quoted attributes.

use crate::report::wrap::steers;

/// `text` with markup's own characters escaped, and those that could turn the page round replaced.
pub fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            c if steers(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_nothing_that_markup_means() {
        assert_eq!(text("a<b>&\"'\u{1b}\n"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd} ");
    }
}
