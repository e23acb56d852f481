//! What is wrong, the worst first.

use std::io::{self, Write};

use super::section;
use crate::report::style::{ADVICE, FAINT, GOOD, STRONG, paint, severity};
use crate::report::units::{counted, duration};
use crate::report::wrap::{lines, plain, width};
use crate::summary::{Finding, Summary};

const INDENT: usize = 4;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if summary.services.is_empty() && summary.findings.is_empty() {
        return Ok(());
    }
    let count = summary.findings.len();
    if count == 0 {
        section("WHAT IS WRONG", "", out)?;
        let clean = format!(
            "Nothing that sockhound knows of, in the {} watched.",
            duration(summary.seconds)
        );
        return writeln!(out, "  {}", paint(GOOD, clean));
    }
    section(
        "WHAT IS WRONG",
        &counted(count as u64, "finding", "findings"),
        out,
    )?;
    summary
        .findings
        .iter()
        .try_for_each(|finding| draw_one(finding, columns, out))
}

fn draw_one(finding: &Finding, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let label = finding.severity.name().to_uppercase();
    let indent = 2 + width(&label) + 2;
    for (index, line) in lines(&finding.title, columns - indent).iter().enumerate() {
        match index {
            0 => write!(out, "  {}  ", paint(severity(finding.severity), &label))?,
            _ => write!(out, "{}", " ".repeat(indent))?,
        }
        writeln!(out, "{}", paint(STRONG, line))?;
    }
    draw_detail(finding, columns, out)?;
    for (index, line) in lines(&finding.advice, columns - INDENT - 2).iter().enumerate() {
        let lead = if index == 0 { "→" } else { " " };
        writeln!(out, "    {}", paint(ADVICE, format!("{lead} {line}")))?;
    }
    Ok(())
}

/// The detail, and behind it the code, which is the name of its page in the manual.
fn draw_detail(finding: &Finding, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let code = format!("[{}]", plain(&finding.code));
    let mut detail = lines(&format!("{} {code}", finding.detail), columns - INDENT);
    if let Some(before) = detail
        .last_mut()
        .and_then(|line| Some(line.strip_suffix(&code)?.to_owned()))
    {
        detail.pop();
        detail.push(before + &paint(FAINT, &code));
    }
    detail.iter().try_for_each(|line| writeln!(out, "    {line}"))
}
