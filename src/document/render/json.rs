//! Findings for programs.
//!
//! One JSON object on one line:
//!
//! ```json
//! {"version":1,"findings":[{"code":"D0106","rule":"toml-unquoted-text","severity":"error","file":"policy.toml",
//!  "line":3,"column":10,"end_line":3,"end_column":13,"message":"the duration `72h` has no quotes",
//!  "help":"write \"72h\"","fix":{"safe":true,"title":"quote it","edits":[{"line":3,"column":10,"end_line":3,
//!  "end_column":13,"text":"\"72h\""}]}}],"omitted":0}
//! ```
//!
//! - `severity` is `error`, `warning` or `note`.
//! - Lines and columns count from 1, columns in Unicode scalar values; the end is the first place behind.
//! - `help` and `fix` are `null` where there is none. An edit with an empty range inserts, one with an empty text
//!   deletes. A `safe` fix can be made without a look.
//! - `omitted` is how many findings came after the first 1,000 of a file, which alone are kept.
//! - Findings stand in the order of the files as given, and within a file in the order of their place.
//!
//! `version` changes when a member changes its meaning or goes; members may be added without.

use base::{Diagnostic, Edit, Findings, Fix, TextRange};
use serde::Serialize;

use super::in_order;
use crate::Source;

/// The findings of all `files` as one JSON object, without a line end.
#[must_use]
pub fn json(files: &[(&Source, &Findings)]) -> String {
    let findings = files.iter().flat_map(|&(source, findings)| {
        in_order(findings).into_iter().map(move |finding| Finding::of(source, finding))
    });
    let omitted = files.iter().map(|(_, findings)| findings.omitted()).sum();
    let report = Report { version: 1, findings: findings.collect(), omitted };
    serde_json::to_string(&report).unwrap_or_default()
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    findings: Vec<Finding<'a>>,
    omitted: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    rule: &'a str,
    severity: &'a str,
    file: &'a str,
    #[serde(flatten)]
    place: Place,
    message: &'a str,
    help: Option<&'a str>,
    fix: Option<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    safe: bool,
    title: &'a str,
    edits: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
struct Replacement<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

#[derive(Serialize)]
struct Place {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

impl<'a> Finding<'a> {
    fn of(source: &'a Source, finding: &'a Diagnostic) -> Self {
        Self {
            code: finding.code.id,
            rule: finding.code.rule,
            severity: finding.severity.word(),
            file: source.name(),
            place: Place::of(source, finding.range),
            message: &finding.message,
            help: finding.help.as_deref(),
            fix: finding.fix.as_ref().map(|fix| Change::of(source, fix)),
        }
    }
}

impl<'a> Change<'a> {
    fn of(source: &Source, fix: &'a Fix) -> Self {
        let edits = fix.edits.iter().map(|Edit { range, text }| Replacement { place: Place::of(source, *range), text });
        Self { safe: fix.safe, title: &fix.title, edits: edits.collect() }
    }
}

impl Place {
    fn of(source: &Source, range: TextRange) -> Self {
        let (start, end) = (source.position(range.start()), source.position(range.end()));
        Self { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    }
}
