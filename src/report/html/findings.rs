//! What is wrong, the worst first, with its evidence.

use std::io::{self, Write};

use serde_json::Value;

use super::{escape, section};
use crate::report::units::{counted, duration};
use crate::summary::{Finding, Summary};

pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let count = summary.findings.len() as u64;
    if count == 0 && summary.services.is_empty() {
        return Ok(());
    }
    if count == 0 {
        let clean = format!(
            "Nothing that sockhound knows of, in the {} watched.",
            duration(summary.seconds)
        );
        section("findings", "What is wrong", "", out)?;
        return writeln!(out, "<p class=\"good\">{clean}</p>\n</section>");
    }
    section(
        "findings",
        "What is wrong",
        &counted(count, "finding", "findings"),
        out,
    )?;
    summary
        .findings
        .iter()
        .try_for_each(|finding| draw_one(finding, out))?;
    writeln!(out, "</section>")
}

fn draw_one(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let severity = finding.severity.name();
    writeln!(out, "<article class=\"finding {severity}\">")?;
    writeln!(
        out,
        "<h3><span class=\"badge\">{severity}</span> {}</h3>",
        escape::text(&finding.title)
    )?;
    writeln!(
        out,
        "<p>{} <code>{}</code></p>",
        escape::text(&finding.detail),
        escape::text(&finding.code)
    )?;
    writeln!(out, "<p class=\"advice\">{}</p>", escape::text(&finding.advice))?;
    if !finding.evidence.is_empty() {
        writeln!(out, "<details><summary>evidence</summary><dl class=\"evidence\">")?;
        for (name, value) in &finding.evidence {
            writeln!(
                out,
                "<dt>{}</dt><dd>{}</dd>",
                escape::text(name),
                escape::text(&told(name, value))
            )?;
        }
        writeln!(out, "</dl></details>")?;
    }
    writeln!(out, "</article>")
}

fn told(name: &str, value: &Value) -> String {
    match (value, value.as_f64()) {
        (Value::String(text), _) => text.clone(),
        (_, Some(seconds)) if name.ends_with("_seconds") => duration(seconds),
        _ => value.to_string(),
    }
}
