//! `pointsman check`: what is wrong with policies.

use std::{io::Write, path::PathBuf};

use base::{Findings, Severity};
use clap::{Args, ValueEnum};
use config::Options;
use document::{
    Source,
    render::{self, Colour},
};

use super::{DialectName, Failure, Outcome, Verdict, dry_run, files};

/// Report what is wrong with policy files
///
/// Each file is a policy of its own. Every mistake is found in one run, with its place, what is wrong and what would be
/// right. Exit 0 where no file has an error, 1 where one has, 2 where a file cannot be read or is no policy.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pointsman check config.toml\n  pointsman check --format github *.toml\n  \
                        pointsman check --deny warnings plan.ndjson")]
pub(super) struct Arguments {
    /// Policy files, in any published layout; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to write the findings
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Read the files in this dialect, whatever they look like
    #[arg(long, value_enum)]
    dialect: Option<DialectName>,
    /// What to treat as an error besides errors
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Expand macros and open the files that a policy names
    #[arg(long)]
    resolve: bool,
    /// Leave out what the policy's server writes into its own database at its first start
    #[arg(long)]
    bare: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object with all findings
    Json,
    /// Annotations for GitHub Actions
    Github,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Deny {
    /// Warnings too
    Warnings,
}

pub(super) fn run(arguments: &Arguments, colour: Colour, output: &mut impl Write) -> Outcome {
    let mut checked = Vec::with_capacity(arguments.files.len());
    let mut verdict = Verdict::Yes;
    for path in &arguments.files {
        let (source, found) = match files::read(path) {
            Ok(read) => read,
            // The other files are checked all the same.
            Err(failure) => {
                writeln!(super::masked::stderr(), "pointsman: {failure}")?;
                verdict = Verdict::CannotRun;
                continue;
            }
        };
        let machine = files::Machine::new(path, arguments.resolve);
        let options = Options { dialect: arguments.dialect.map(Into::into), bare: arguments.bare };
        let loaded = dry_run::load(&source, found, options, &machine);
        verdict = verdict.max(dry_run::verdict(&loaded));
        let findings = loaded.findings;
        if let Format::Text = arguments.format {
            write!(output, "{}", render::text(&source, &findings, colour))?;
        }
        checked.push((source, findings));
    }
    let pairs: Vec<(&Source, &Findings)> = checked.iter().map(|(source, findings)| (source, findings)).collect();
    match arguments.format {
        Format::Text => {
            output.flush()?;
            summary(&pairs)?;
        }
        Format::Json => writeln!(output, "{}", render::json(&pairs))?,
        Format::Github => write!(output, "{}", render::github(&pairs))?,
    }
    let denied = |findings: &Findings| {
        let warned = findings.iter().any(|finding| finding.severity == Severity::Warning);
        arguments.deny == Some(Deny::Warnings) && warned
    };
    let any = pairs.iter().any(|(_, findings)| denied(findings));
    Ok(verdict.max(if any { Verdict::No } else { Verdict::Yes }))
}

/// One line on standard error: how many of what.
fn summary(checked: &[(&Source, &Findings)]) -> Result<(), Failure> {
    let count = |severity| {
        let of = |findings: &Findings| findings.iter().filter(|finding| finding.severity == severity).count();
        checked.iter().map(|(_, findings)| of(findings)).sum::<usize>()
    };
    let errors = checked.iter().map(|(_, findings)| findings.errors()).sum::<usize>();
    let parts =
        [plural(errors, "error"), plural(count(Severity::Warning), "warning"), plural(count(Severity::Note), "note")];
    let found: Vec<String> = parts.into_iter().flatten().collect();
    let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
    let files = plural(checked.len(), "file").unwrap_or_default();
    writeln!(super::masked::stderr(), "{found} in {files}")?;
    Ok(())
}

/// `2 errors`, or nothing for none.
fn plural(count: usize, noun: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        many => Some(format!("{many} {noun}s")),
    }
}
