//! Findings as workflow commands, which GitHub shows beside the changed lines of a pull request.
//!
//! Columns are left out where a finding runs over several lines: GitHub refuses them there.
//!
//! Source: GitHub's documentation, "Workflow commands for GitHub Actions".

use std::fmt::Write as _;

use base::{Diagnostic, Findings, Severity};

use super::in_order;
use crate::Source;

/// The findings of all `files`, one command a line.
#[must_use]
pub fn github(files: &[(&Source, &Findings)]) -> String {
    let mut out = String::new();
    for &(source, findings) in files {
        for finding in in_order(findings) {
            out.push_str(&command(source, finding));
            out.push('\n');
        }
        if findings.omitted() > 0 {
            let file = property(source.name());
            let count = findings.omitted();
            writeln!(out, "::notice file={file}::{count} more findings are not shown").ok();
        }
    }
    out
}

fn command(source: &Source, finding: &Diagnostic) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let file = property(source.name());
    let (start, end) = (source.position(finding.range.start()), source.position(finding.range.end()));
    let columns =
        if start.line == end.line { format!(",col={},endColumn={}", start.column, end.column) } else { String::new() };
    let title = property(&format!("{} {}", finding.code.id, finding.code.rule));
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let message = escape(&format!("{}{help}", finding.message));
    format!("::{name} file={file},line={},endLine={}{columns},title={title}::{message}", start.line, end.line)
}

/// `text` as the message of a command.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `text` as a property of a command.
fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
