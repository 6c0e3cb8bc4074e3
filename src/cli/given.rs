//! What the paths of `pointsman simulate` are: each file is taken for what is in it, wherever it stands on the command
//! line.
//!
//! What can be read only once, a pipe, is not looked into: it is taken for what its name and its place say.

use std::{
    io::{self, BufRead as _},
    path::{Path, PathBuf},
};

use scenario::recognise::{self, What};

use super::{Failure, dry_run, files};

/// How much of a file of messages is read to see that it is one.
const FIRST_LINES_BYTES: u64 = 1 << 16;

/// What is to be simulated, and with what.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Given {
    pub(super) runs: Vec<Run>,
    /// What answers lookups where a scenario has no environment of its own.
    pub(super) environment: Option<PathBuf>,
    /// What every scenario with a world is held to.
    pub(super) properties: Vec<PathBuf>,
}

/// One thing to run.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Run {
    /// A scenario, with the policy that is given for it.
    Scenario { policy: Option<PathBuf>, path: PathBuf },
    /// Messages: one a line, or a file with one message.
    Messages { policy: PathBuf, path: PathBuf, is_one: bool },
}

/// What one path is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Folder,
    Policy,
    Scenario,
    Properties,
    Environment,
    Message,
    Messages,
}

/// What the command line asks for.
pub(super) fn given(paths: &[PathBuf]) -> Result<Given, Failure> {
    let mut kinds = Vec::with_capacity(paths.len());
    for (place, path) in paths.iter().enumerate() {
        kinds.push(kind(path, place == 0 && paths.len() > 1)?);
    }
    // Standard input is the policy where it stands before what is run and nothing else is one.
    if let [first @ Kind::Messages, rest @ ..] = &mut *kinds
        && paths.first().is_some_and(|path| path == Path::new("-"))
        && rest.iter().any(|kind| matches!(kind, Kind::Folder | Kind::Scenario | Kind::Message | Kind::Messages))
        && !rest.contains(&Kind::Policy)
    {
        *first = Kind::Policy;
    }
    let of = |wanted: Kind| {
        let all = paths.iter().zip(&kinds);
        all.filter(move |(_, kind)| **kind == wanted).map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    let policy = only("policies", &of(Kind::Policy))?;
    let environment = only("environments", &of(Kind::Environment))?;
    let mut given = Given { runs: Vec::new(), environment, properties: of(Kind::Properties) };
    for (path, kind) in paths.iter().zip(&kinds) {
        match kind {
            Kind::Folder => {
                let all = scenarios(path)?.into_iter();
                given.runs.extend(all.map(|path| Run::Scenario { policy: policy.clone(), path }));
            }
            Kind::Scenario => given.runs.push(Run::Scenario { policy: policy.clone(), path: path.clone() }),
            Kind::Message | Kind::Messages => {
                let Some(policy) = policy.clone() else {
                    let what = path.display();
                    let why = format!("`{what}` has messages and names no policy: give the policy as well");
                    return Err(Failure::Usage(why));
                };
                given.runs.push(Run::Messages { policy, path: path.clone(), is_one: *kind == Kind::Message });
            }
            Kind::Policy | Kind::Properties | Kind::Environment => {}
        }
    }
    if given.runs.is_empty() {
        let what = match paths {
            [] => "nothing".to_owned(),
            [first, ..] => format!("`{}`", first.display()),
        };
        let policy = policy.as_deref().unwrap_or_else(|| Path::new("policy.toml")).display();
        return Err(Failure::Usage(format!(
            "{what} has no messages to simulate: give a folder of scenarios, or a policy and a scenario or messages, as in `pointsman simulate {policy} messages.ndjson`"
        )));
    }
    Ok(given)
}

/// The only one of these.
fn only(what: &str, found: &[PathBuf]) -> Result<Option<PathBuf>, Failure> {
    match found {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        [first, second, ..] => {
            let (first, second) = (first.display(), second.display());
            Err(Failure::Usage(format!("`{first}` and `{second}` are both {what}: give one at a time")))
        }
    }
}

/// What `path` is; a pipe that is the first of several is a policy, and another one a scenario unless its name says that it
/// has messages.
fn kind(path: &Path, is_first: bool) -> Result<Kind, Failure> {
    if path == Path::new("-") {
        return Ok(Kind::Messages);
    }
    let unreadable = |error: io::Error| Failure::Usage(format!("cannot read `{}`: {error}", path.display()));
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Ok(Kind::Folder);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if extension == "eml" {
        let what = path.display();
        return Err(Failure::Usage(format!(
            "`{what}` is a mail file without an envelope: name it in a message as `eml`, or see `pointsman explain policy.toml --message {what}`"
        )));
    }
    let has_lines = matches!(&*extension, "ndjson" | "jsonl");
    if !meta.is_file() {
        return Ok(match (is_first, has_lines) {
            (true, _) => Kind::Policy,
            (false, true) => Kind::Messages,
            (false, false) => Kind::Scenario,
        });
    }
    // A file of a million messages is not read for it.
    if has_lines && meta.len() > FIRST_LINES_BYTES {
        let line = first_line(path)?;
        return Ok(if recognise::is_message(&line) { Kind::Messages } else { Kind::Policy });
    }
    let (source, _) = files::read(path)?;
    Ok(match recognise::what(&source) {
        What::Scenario => Kind::Scenario,
        What::Properties => Kind::Properties,
        What::Environment => Kind::Environment,
        What::Message => Kind::Message,
        What::Messages => Kind::Messages,
        // Lines that cannot be read are messages with mistakes.
        What::Other if has_lines && !source.text().contains("\"@type\"") => Kind::Messages,
        What::Other => Kind::Policy,
    })
}

/// The first line of a file that is not blank, as far as it is read.
fn first_line(path: &Path) -> Result<String, Failure> {
    let mut reader = io::Read::take(dry_run::lines(path)?, FIRST_LINES_BYTES);
    let mut line = Vec::new();
    while line.iter().all(u8::is_ascii_whitespace) {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The scenarios in a folder, by name.
fn scenarios(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let usage = |error: io::Error| Failure::Usage(format!("cannot read `{}`: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(usage)? {
        let path = entry.map_err(usage)?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(".scenario.toml")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(Failure::Usage(format!("`{}` holds no `*.scenario.toml`", folder.display())));
    }
    paths.sort();
    Ok(paths)
}
