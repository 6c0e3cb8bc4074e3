//! The command line: one file a command, which wires the floors together and holds no rule of its own.
//!
//! Exit codes, the same for every command: 0 success, 1 problems found, 2 usage or I/O error or no policy, 3 undecided.
//! What a policy comes to by itself is the same for each that reads one.

mod bench;
mod capacity;
mod check;
mod coverage;
mod dry_run;
mod dump;
mod engine;
mod eval;
mod explain;
mod files;
mod given;
mod in_world;
mod junit;
mod life;
mod limits;
mod masked;
mod page;
mod quirks;
mod simulate;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use config::Dialect;
use document::render::Colour;
use policy::Target;

/// What a command found, in the order in which one outweighs another: what is known to be wrong stays wrong however much
/// is undecided beside it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// All is as it should be.
    Yes,
    /// Something could not be decided.
    Undecided,
    /// An error in a policy, a failed expectation, a difference.
    No,
    /// The command could not run.
    CannotRun,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(match verdict {
            Verdict::Yes => 0,
            Verdict::No => 1,
            Verdict::CannotRun => 2,
            Verdict::Undecided => 3,
        })
    }
}

/// Why a command could not run: a sentence for standard error.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for cannot be done; the text says why and what can.
    #[error("{0}")]
    Usage(String),
    /// Standard output is gone.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// What a command comes to.
pub type Outcome = Result<Verdict, Failure>;

/// Check, explain and simulate outbound mail policies.
///
/// A policy says for every recipient which route, schedule, connection and TLS strategy its mail takes. pointsman reads
/// the policy file of a mail server as it is and tells what it does with a message, and why.
#[derive(Debug, Parser)]
#[command(
    name = "pointsman",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 success, 1 problems found (errors, a failed expectation, a difference), 2 usage or I/O error or \
                  not a policy, 3 undecided."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// When to use colours; `auto` is on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value = "auto")]
    colour: When,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Explain(explain::Arguments),
    Simulate(simulate::Arguments),
    Eval(eval::Arguments),
    Dump(dump::Arguments),
    Bench(bench::Arguments),
    Quirks(quirks::Arguments),
    /// Write completions for a shell to standard output
    ///
    /// For bash: `pointsman completions bash > /etc/bash_completion.d/pointsman`.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; it must exist
        folder: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

/// A dialect on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum DialectName {
    /// 0.1 to 0.5: structured rules
    #[value(name = "legacy_2022")]
    Legacy2022,
    /// 0.6 to 0.12: `queue.outbound.*` with expressions
    #[value(name = "expressions_2024")]
    Expressions2024,
    /// 0.13 to 0.15: `queue.strategy.*`
    #[value(name = "strategies_2025")]
    Strategies2025,
    /// 0.16 and later: JSON objects
    #[value(name = "objects_2026")]
    Objects2026,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Legacy2022 => Self::Legacy2022,
            DialectName::Expressions2024 => Self::Expressions2024,
            DialectName::Strategies2025 => Self::Strategies2025,
            DialectName::Objects2026 => Self::Objects2026,
        }
    }
}

/// The target of this name.
fn target(name: &str) -> Result<Target, String> {
    Target::named(name).ok_or_else(|| {
        let names = Target::names().join(", ");
        format!("name a release of Stalwart, such as `stalwart-0.16.3`, or one of {names}")
    })
}

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for; anything else is a command that cannot run.
            let verdict = if error.use_stderr() { Verdict::CannotRun } else { Verdict::Yes };
            let _ = error.print();
            return verdict.into();
        }
    };
    let colour = arguments.colour.resolve();
    let mut output = masked::Masked::new(io::BufWriter::new(io::stdout().lock()));
    let outcome = match arguments.command {
        Command::Check(arguments) => check::run(&arguments, colour, &mut output),
        Command::Explain(arguments) => explain::run(&arguments, colour, &mut output),
        Command::Simulate(arguments) => simulate::run(&arguments, colour, &mut output),
        Command::Eval(arguments) => eval::run(&arguments, colour, &mut output),
        Command::Dump(arguments) => dump::run(&arguments, colour, &mut output),
        Command::Bench(arguments) => bench::run(&arguments, colour, &mut output),
        Command::Quirks(arguments) => quirks::run(&arguments, &mut output),
        Command::Completions { shell } => completions(shell, &mut output),
        Command::Man { folder } => manual(&folder),
    };
    let outcome = outcome.and_then(|verdict| Ok(output.flush().map(|()| verdict)?));
    match outcome {
        Ok(verdict) => verdict.into(),
        // Whoever read the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Verdict::Yes.into(),
        Err(failure) => {
            let _ = writeln!(masked::stderr(), "pointsman: {failure}");
            Verdict::CannotRun.into()
        }
    }
}

impl When {
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is the user's word to every program on a terminal")]
    fn resolve(self) -> Colour {
        let wanted = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                io::stdout().is_terminal() && !refused
            }
        };
        if wanted { Colour::Always } else { Colour::Never }
    }
}

fn completions(shell: clap_complete::Shell, output: &mut impl io::Write) -> Outcome {
    // The generator panics where it cannot write, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "pointsman", &mut script);
    output.write_all(&script)?;
    Ok(Verdict::Yes)
}

fn manual(folder: &std::path::Path) -> Outcome {
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    written.map_err(|error| Failure::Usage(format!("cannot write manual pages to `{}`: {error}", folder.display())))?;
    Ok(Verdict::Yes)
}
