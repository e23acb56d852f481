//! Text from outside made fit for a terminal: harmless, of known width, wrapped.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` with every character that could steer a terminal or turn the line round replaced by `�`, and every run of
/// white space by one space.
pub fn plain(text: &str) -> Cow<'_, str> {
    let ordinary = |c: char| c == ' ' || !(c.is_whitespace() || steers(c));
    if text.chars().all(ordinary) && !text.contains("  ") {
        return Cow::Borrowed(text);
    }
    let words = text.split_whitespace().map(|word| {
        word.chars()
            .map(|c| if steers(c) { '\u{fffd}' } else { c })
            .collect()
    });
    Cow::Owned(words.collect::<Vec<String>>().join(" "))
}

/// Control characters, and those that are invisible or change the direction of writing.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `columns`, with `…` where something is missing.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut room = columns.saturating_sub(1);
    let fits = |c: &char| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    Cow::Owned(short)
}

/// `text` broken between words into lines of at most `columns`; a longer word has a line of its own, cut. A number
/// stays with its unit.
pub fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in unbroken(&plain(text)) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(cut(&word, columns).into_owned()),
        }
    }
    lines
}

fn unbroken(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if belong_together(last, word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Whether these are the halves of `12 ms` or of `2m 5s`.
fn belong_together(before: &str, word: &str) -> bool {
    let unit = word.trim_end_matches(|c: char| !c.is_alphanumeric());
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match unit {
        "ns" | "µs" | "ms" | "s" | "B" | "kB" | "MB" | "GB" => {
            before.ends_with(|c: char| c.is_ascii_digit())
        }
        _ => {
            number(before)
                && before.ends_with(['m', 'h', 'd'])
                && number(unit)
                && unit.ends_with(['s', 'm', 'h'])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_on_the_wire_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\tb\r\n  c\u{202e}d"), "a�[31m b c�d");
        assert!(matches!(plain("SELECT 1"), Cow::Borrowed(_)));
    }

    #[test]
    fn cuts_by_columns_not_by_bytes() {
        assert_eq!(cut("SELECT orders", 9), "SELECT o…");
        assert_eq!(cut("SELECT orders", 8), "SELECT…");
        assert_eq!(cut("数据库", 5), "数据…");
        assert_eq!(cut("fits", 4), "fits");
        assert_eq!(cut("no room", 0), "…");
    }

    #[test]
    fn wraps_between_words() {
        assert_eq!(lines("one two  three\nfour", 9), ["one two", "three", "four"]);
        assert_eq!(lines("overlongword x", 6), ["overl…", "x"]);
        assert!(lines("", 5).is_empty());
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        assert_eq!(
            lines("it took 12.3 ms, not 2m 5s.", 13),
            ["it took", "12.3 ms, not", "2m 5s."]
        );
    }
}
