//! `pointsman quirks`: what the servers do otherwise than we would.

use std::io::Write;

use clap::Args;
use policy::{Quirk, Target};
use serde_json::json;

use super::{Outcome, Verdict};

/// Show what each server does otherwise than one would wish
///
/// A simulation behaves as the server that the policy is for; each line is a behaviour that `native` does not have.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only what this server has, such as stalwart-0.15 or stalwart-0.16.3
    #[arg(long, value_parser = super::target)]
    target: Option<Target>,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut impl Write) -> Outcome {
    let shown = Quirk::ALL.iter().filter(|quirk| arguments.target.is_none_or(|target| target.has(**quirk)));
    for quirk in shown {
        let entry = quirk.entry();
        let targets: Vec<String> =
            Target::ALL.iter().filter(|target| target.has(*quirk)).map(ToString::to_string).collect();
        if arguments.json {
            let line = json!({
                "name": entry.name, "section": entry.section, "targets": targets, "reference": entry.reference,
                "native": entry.native,
            });
            writeln!(output, "{line}")?;
        } else {
            writeln!(output, "{} ({}; delivery spec {})", entry.name, targets.join(", "), entry.section)?;
            writeln!(output, "    the server {}", entry.reference)?;
            writeln!(output, "    native {}", entry.native)?;
        }
    }
    Ok(Verdict::Yes)
}
