//! The contract's JSON: one object, on one line for programs and indented for people.

use std::io::{self, Write};

use serde::Serialize;

/// Writes `model` on one line, as NDJSON wants it.
pub fn line(model: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, model)?;
    out.write_all(b"\n")
}

/// Writes `model` indented.
pub fn pretty(model: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, model)?;
    out.write_all(b"\n")
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
