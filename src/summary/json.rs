//! The contract's JSON: one object, on one line for programs and indented for people.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Writes `model` on one line, as NDJSON wants it.
pub fn line(model: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(model, out, Layout::Line(CompactFormatter))
}

/// Writes `model` indented.
pub fn pretty(model: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(model, out, Layout::Indented(PrettyFormatter::new()))
}

fn write(model: &impl Serialize, mut out: &mut dyn Write, layout: Layout) -> io::Result<()> {
    model.serialize(&mut Serializer::with_formatter(&mut out, layout))?;
    out.write_all(b"\n")
}

/// One type for both, chosen at run time: what writes a model is compiled for each type of formatter, and is long.
enum Layout {
    Line(CompactFormatter),
    Indented(PrettyFormatter<'static>),
}

/// What the two write differently.
macro_rules! by_layout {
    ($($begin_or_end:ident($($first:ident)?);)*) => {
        impl Formatter for Layout {
            $(
                #[inline(never)]
                fn $begin_or_end<W: Write + ?Sized>(&mut self, out: &mut W $(, $first: bool)?) -> io::Result<()> {
                    match self {
                        Self::Line(layout) => layout.$begin_or_end(out $(, $first)?),
                        Self::Indented(layout) => layout.$begin_or_end(out $(, $first)?),
                    }
                }
            )*
        }
    };
}

by_layout! {
    begin_array();
    end_array();
    begin_array_value(first);
    end_array_value();
    begin_object();
    end_object();
    begin_object_key(first);
    begin_object_value();
    end_object_value();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{Finding, Severity, Subject, Summary};

    /// Bytes that are no text on the wire arrive here as replacement characters; whatever else, JSON stays valid.
    #[test]
    fn whatever_was_on_the_wire_stays_valid_json_on_one_line() {
        let nasty = "quote \" backslash \\ newline \n null \0 escape \u{1b}[31m separator \u{2028} \u{fffd}";
        let summary = Summary {
            findings: vec![Finding {
                code: "x".to_owned(),
                severity: Severity::Info,
                title: nasty.to_owned(),
                detail: String::new(),
                subject: Subject::default(),
                evidence: serde_json::Map::new(),
                advice: String::new(),
            }],
            ..Summary::default()
        };
        let mut text = Vec::new();
        line(&summary, &mut text).unwrap();
        assert_eq!(
            text.iter().filter(|&&byte| byte < b' ').count(),
            1,
            "only the newline at the end"
        );
        let back: Summary = serde_json::from_slice(&text).unwrap();
        assert_eq!(back.findings[0].title, nasty);
    }
}
