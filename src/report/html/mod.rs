//! The summary as one page that stands alone: no script, nothing fetched, light or dark as the reader likes, fit to
//! print. Everything that came from the wire is [`escape`]d.

mod charts;
mod escape;
mod findings;
mod head;
mod hoarded;
mod pools;
mod services;
mod statements;

use std::io::{self, Write};

use crate::summary::Summary;

const STYLE: &str = include_str!("style.css");

/// Draws `summary`.
pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape::text(&head::title(summary))
    )?;
    head::draw(summary, out)?;
    writeln!(out, "<main>")?;
    findings::draw(summary, out)?;
    services::draw(summary, out)?;
    pools::draw(summary, out)?;
    hoarded::draw(summary, out)?;
    statements::draw(summary, out)?;
    writeln!(out, "</main>")?;
    head::foot(summary, out)?;
    writeln!(out, "</body>\n</html>")
}

/// Begins a section with a heading and a word of explanation.
fn section(id: &str, title: &str, aside: &str, out: &mut dyn Write) -> io::Result<()> {
    let aside = escape::text(aside);
    writeln!(out, "<section id=\"{id}\">\n<h2>{title}</h2>")?;
    if aside.is_empty() {
        Ok(())
    } else {
        writeln!(out, "<p class=\"aside\">{aside}</p>")
    }
}

/// A row of `tag` cells (`td` or `th`); a cell is a class and its markup.
fn row<'a>(
    tag: &str,
    cells: impl IntoIterator<Item = (&'a str, String)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "<tr>")?;
    for (class, markup) in cells {
        match class {
            "" => write!(out, "<{tag}>{markup}</{tag}>")?,
            class => write!(out, "<{tag} class=\"{class}\">{markup}</{tag}>")?,
        }
    }
    writeln!(out, "</tr>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden;
    use crate::summary::sample;

    fn drawn(summary: &Summary) -> String {
        let mut out = Vec::new();
        draw(summary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn looks_as_it_did() {
        golden::check("summary.html", &drawn(&sample::morning()));
        golden::check("nothing.html", &drawn(&sample::nothing()));
    }

    #[test]
    fn every_element_is_closed() {
        for page in [drawn(&sample::morning()), drawn(&sample::nothing())] {
            let mut open: Vec<&str> = Vec::new();
            for tag in page.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
                let name = tag.split([' ', '>', '\n']).next().unwrap();
                match name.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name)),
                    None if matches!(name, "meta" | "br") => {}
                    None if tag.split('>').next().unwrap().ends_with('/') => {}
                    None => open.push(name),
                }
            }
            assert!(open.is_empty(), "{open:?}");
        }
    }

    #[test]
    fn nothing_on_the_wire_becomes_markup() {
        let nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}\u{0}&lt;";
        let mut summary = sample::morning();
        let own = || Some(nasty.to_owned());
        summary.host = own();
        summary.source.interfaces = vec![nasty.to_owned()];
        summary.source.notes = vec![nasty.to_owned()];
        for statement in &mut summary.statements {
            (statement.text, statement.summary) = (own(), own());
            statement.verb = nasty.to_owned();
            statement.id = nasty.to_owned();
        }
        for pool in &mut summary.pools {
            (pool.user, pool.database, pool.client.process) = (own(), own(), own());
            (pool.client.unit, pool.client.container, pool.client.application) = (own(), own(), own());
        }
        for connection in &mut summary.hoarded {
            (connection.user, connection.application, connection.owner) = (own(), own(), None);
        }
        for finding in &mut summary.findings {
            finding.code = nasty.to_owned();
            finding.title = nasty.to_owned();
            finding.detail = nasty.to_owned();
            finding.advice = nasty.to_owned();
            finding.evidence.insert(nasty.to_owned(), nasty.into());
        }
        let mut empty = summary.clone();
        empty.services.clear();
        empty.source.targets = vec![nasty.to_owned()];
        empty.source.elsewhere = sample::nothing().source.elsewhere;
        empty.source.elsewhere[0].server = nasty.to_owned();
        for page in [drawn(&summary), drawn(&empty)] {
            assert!(!page.contains("<script") && !page.contains("<img"));
            assert!(!page.contains('\u{202e}') && !page.contains('\u{0}'));
            assert!(page.contains("&lt;script&gt;"));
        }
    }
}
