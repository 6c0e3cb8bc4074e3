//! What the commands of a dry run share: a policy, a message and an environment from the command line.
//!
//! Each reads a document, shows its findings on standard error, and gives `None` where it has errors.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{Diagnostic, Findings, Mailbox};
use config::{
    Dialect, Loaded, Options, Settings,
    as_is::{self, AsIs, Departure},
};
use document::{
    Source,
    render::{self, Colour},
};
use policy::{Target, Value};
use rusqlite::types::{Value as SqlValue, ValueRef};
use scenario::{Database, Environment, Files, Message, Scenario, environment, message};

use super::{DialectName, Failure, Verdict, files};

/// How a policy is read, and for which server it is run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reading {
    /// Read policies in this dialect, whatever they look like
    #[arg(long, value_enum)]
    dialect: Option<DialectName>,
    /// Decide as this server does; the scenario's word or the dialect's own unless given
    /// Such as stalwart-0.15, stalwart-0.16.3 or native
    #[arg(long, value_parser = super::target)]
    target: Option<Target>,
    /// Expand macros and open the files that a policy names
    #[arg(long)]
    resolve: bool,
    /// Leave out what the policy's server writes into its own database at its first start
    #[arg(long)]
    bare: bool,
    /// Do with a policy that has errors what its server does: it drops, replaces or ignores what it cannot use
    ///
    /// Each such departure is named.
    #[arg(long)]
    as_is: bool,
}

impl Reading {
    /// How a document is read.
    pub(crate) fn options(&self) -> Options {
        Options { dialect: self.dialect.map(Into::into), bare: self.bare }
    }

    /// The same for what a scenario names, which may ask for more.
    pub(crate) fn of_scenario(&self, scenario: &Scenario) -> Self {
        Self { bare: self.bare || scenario.bare, as_is: self.as_is || scenario.as_is, ..self.clone() }
    }

    /// The server that is asked for, else the one that `wanted` names, else that of the policy's dialect.
    pub(crate) fn target(&self, wanted: Option<Target>, settings: &Settings) -> Followed {
        let layout = || Followed { target: settings.dialect.target(), by: By::Layout(settings.dialect) };
        let scenario = wanted.map(|target| Followed { target, by: By::Scenario });
        let option = self.target.map(|target| Followed { target, by: By::Option });
        option.or(scenario).unwrap_or_else(layout)
    }

    /// What the policy at `path` may ask of this machine.
    pub(crate) fn machine(&self, path: &Path) -> files::Machine {
        files::Machine::new(path, self.resolve)
    }
}

/// The server that is followed, and what chose it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed {
    pub(crate) target: Target,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Option,
    Scenario,
    Layout(Dialect),
}

impl Followed {
    /// The word for what chose it, in JSON.
    pub(crate) const fn by(self) -> &'static str {
        match self.by {
            By::Option => "option",
            By::Scenario => "scenario",
            By::Layout(_) => "layout",
        }
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, ", self.target)?;
        match self.by {
            By::Option => out.write_str("because of `--target`"),
            By::Scenario => out.write_str("because the scenario says so"),
            By::Layout(dialect) => write!(out, "because its layout is that of Stalwart {}", dialect.releases()),
        }
    }
}

/// A policy that was read.
#[derive(Clone)]
pub(crate) struct DryRun {
    /// Its text.
    pub(crate) source: Source,
    /// The same without its secrets, as it may be shown.
    pub(crate) shown: Source,
    /// What it says.
    pub(crate) settings: Settings,
    /// What was found in it, which was shown.
    pub(crate) findings: Findings,
    /// Where its server does otherwise than it says, and is followed.
    pub(crate) departures: Vec<Departure>,
    /// Whether its server is followed.
    is_followed: bool,
}

impl DryRun {
    /// What a command comes to that does all that was asked with this policy.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.findings.has_errors() && !self.is_followed { Verdict::No } else { Verdict::Yes }
    }

    /// Whether it has errors that keep it from being run, and its server is not followed.
    pub(crate) fn is_broken(&self) -> bool {
        !self.is_followed && self.findings.iter().any(as_is::keeps_from_running)
    }

    /// Each departure with its place.
    pub(crate) fn departures(&self) -> impl Iterator<Item = (document::Position, &str)> {
        let at = |departure: &'_ Departure| self.source.position(departure.range.start());
        self.departures.iter().map(move |departure| (at(departure), &*departure.what))
    }

    /// Shows those of `findings` about the same document that were not shown when it was read.
    pub(crate) fn show_more(&self, findings: &Findings, colour: Colour) -> Result<(), Failure> {
        let mut more = findings.clone();
        let is_shown = |finding: &Diagnostic| {
            self.findings.iter().any(|known| known.code == finding.code && known.range == finding.range)
        };
        more.retain(|finding| !is_shown(finding));
        show(&self.source, &more, colour)
    }
}

/// What a text that is given for a policy comes to, as far as that is known once it is read: exit code 2 where it is
/// none, so that nobody takes the decisions of built-in rules for those of a file.
pub(crate) fn verdict(loaded: &Loaded) -> Verdict {
    match (&loaded.settings, loaded.findings.has_errors()) {
        _ if loaded.is_no_policy() => Verdict::CannotRun,
        (_, true) | (None, _) => Verdict::No,
        (Some(_), false) => Verdict::Yes,
    }
}

/// Reads the document `source` as a policy; `found` is what its bytes gave. A text whose bytes are none is not read.
pub(crate) fn load(source: &Source, found: Findings, options: Options, machine: &files::Machine) -> Loaded {
    let mut loaded = if found.has_errors() {
        Loaded { settings: None, dialect: None, findings: Findings::new() }
    } else {
        config::load(source, options, machine)
    };
    let mut findings = found;
    findings.extend(std::mem::take(&mut loaded.findings));
    Loaded { findings, ..loaded }
}

/// Shows findings on standard error.
pub(crate) fn show(source: &Source, findings: &Findings, colour: Colour) -> Result<(), Failure> {
    Ok(write!(super::masked::stderr(), "{}", render::text(source, findings, colour))?)
}

/// Reads a policy and shows its findings; what it comes to where there is nothing to go on with. A policy with errors is
/// gone on with as far as it can be read.
pub(crate) fn policy(path: &Path, reading: &Reading, colour: Colour) -> Result<Result<DryRun, Verdict>, Failure> {
    let (source, found) = files::read(path)?;
    let loaded = load(&source, found, reading.options(), &reading.machine(path));
    show(&source, &loaded.findings, colour)?;
    let verdict = verdict(&loaded);
    let Loaded { settings, findings, .. } = loaded;
    let shown = source.masked(findings.hidden());
    let Some(mut settings) = settings else { return Ok(Err(verdict)) };
    let AsIs { departures, unknown } =
        if reading.as_is { as_is::follow(&mut settings, &findings) } else { AsIs::default() };
    let name = path.display();
    for Departure { range, what } in departures.iter().chain(&unknown) {
        let at = source.position(range.start());
        writeln!(super::masked::stderr(), "{name}:{}:{}: {what}", at.line, at.column)?;
    }
    if !unknown.is_empty() {
        writeln!(super::masked::stderr(), "pointsman: what the server does with `{name}` cannot be told")?;
        return Ok(Err(Verdict::Undecided));
    }
    Ok(Ok(DryRun { source, shown, settings, findings, departures, is_followed: reading.as_is }))
}

/// The policies of a run, each read once in each way and its findings shown once, however often it is used.
#[derive(Default)]
pub(crate) struct Policies(BTreeMap<(PathBuf, bool, bool), Result<DryRun, Verdict>>);

impl Policies {
    /// The policy at `path`.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        reading: &Reading,
        colour: Colour,
    ) -> Result<Result<DryRun, Verdict>, Failure> {
        let key = (path.to_path_buf(), reading.bare, reading.as_is);
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let read = policy(path, reading, colour)?;
        self.0.insert(key, read.clone());
        Ok(read)
    }
}

/// Reads what answers lookups; one that knows nothing where no file is named.
pub(crate) fn environment(path: Option<&Path>, colour: Colour) -> Result<Option<Environment>, Failure> {
    let Some(path) = path else { return Ok(Some(Environment::default())) };
    let (source, mut findings) = files::read(path)?;
    let (environment, found) = environment::read_source(&source, &Beside::new(path));
    findings.extend(found);
    show(&source, &findings, colour)?;
    Ok((!findings.has_errors()).then_some(environment))
}

/// Reads one message: a description, or an `.eml` file.
pub(crate) fn message(path: &Path, colour: Colour) -> Result<Option<Message>, Failure> {
    let is_mail = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"));
    if is_mail {
        let bytes = files::bytes(path)?;
        let mail = message::read_eml(&path.display().to_string(), &bytes, None, Vec::new());
        show(&mail.source, &mail.findings, colour)?;
        return Ok(if mail.findings.has_errors() { None } else { mail.message });
    }
    let (source, mut findings) = files::read(path)?;
    let (message, found) = message::read(&source, &Beside::new(path));
    findings.extend(found);
    show(&source, &findings, colour)?;
    Ok(if findings.has_errors() { None } else { message })
}

/// Changes a message as the command line says.
pub(crate) fn amend(
    message: &mut Message,
    from: Option<&str>,
    recipients: &[String],
    variables: &[String],
) -> Result<(), Failure> {
    let mailbox = |text: &str| {
        let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        Mailbox::parse(bare).ok_or_else(|| Failure::Usage(format!("`{text}` is no address")))
    };
    if let Some(from) = from {
        message.sender = mailbox(from)?;
    }
    for rcpt in recipients {
        let rcpt = mailbox(rcpt)?;
        if !message.recipients.contains(&rcpt) {
            message.recipients.push(rcpt);
        }
    }
    for assignment in variables {
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(Failure::Usage(format!("`{assignment}` sets nothing: write `--set name=value`")));
        };
        message.set(name.trim(), value).map_err(|error| Failure::Usage(format!("`--set {assignment}`: {error}")))?;
    }
    Ok(())
}

/// The lines of a file of messages, or of standard input.
#[expect(clippy::disallowed_methods, reason = "the root is where files are opened")]
pub(crate) fn lines(path: &Path) -> Result<Box<dyn io::BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| Failure::Usage(format!("cannot read `{}`: {error}", path.display())))?;
    let mut reader = io::BufReader::new(file);
    reader.fill_buf()?;
    Ok(Box::new(reader))
}

/// Files beside a document that names them.
#[derive(Debug)]
pub(crate) struct Beside {
    folder: PathBuf,
}

impl Beside {
    /// Those beside the document `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Self { folder: path.parent().map_or_else(PathBuf::new, Path::to_path_buf) }
    }

    /// The path of a file that the document calls `name`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Files for Beside {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        files::bytes(&self.path(path)).map_err(|failure| failure.to_string())
    }

    fn open_database(&self, path: &str) -> Result<Arc<dyn Database>, String> {
        use rusqlite::OpenFlags;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(self.path(path), flags);
        let connection = connection.map_err(|error| format!("cannot open `{path}`: {error}"))?;
        Ok(Arc::new(Sqlite { connection: std::sync::Mutex::new(connection) }))
    }
}

/// A database of `SQLite`, opened for reading.
#[derive(Debug)]
struct Sqlite {
    connection: std::sync::Mutex<rusqlite::Connection>,
}

impl Database for Sqlite {
    /// One value where the query gives one row of one column, the row as an array where it gives one row, an array of
    /// rows otherwise; the empty string where it gives none.
    fn query(&self, query: &str, arguments: &[Value]) -> Result<Value, String> {
        let connection = self.connection.lock().map_err(|_| "the database is in an unknown state".to_owned())?;
        let rows = rows(&connection, query, arguments).map_err(|error| error.to_string())?;
        Ok(match <[Vec<Value>; 1]>::try_from(rows) {
            Ok([row]) => match <[Value; 1]>::try_from(row) {
                Ok([value]) => value,
                Err(row) => Value::list(row),
            },
            Err(rows) if rows.is_empty() => Value::empty(),
            Err(rows) => Value::list(
                rows.into_iter()
                    .map(|row| match <[Value; 1]>::try_from(row) {
                        Ok([value]) => value,
                        Err(row) => Value::list(row),
                    })
                    .collect(),
            ),
        })
    }
}

fn rows(connection: &rusqlite::Connection, query: &str, arguments: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare(query)?;
    let columns = statement.column_count();
    let parameters = arguments.iter().map(|argument| match argument {
        Value::Int(int) => SqlValue::Integer(*int),
        Value::Float(float) => SqlValue::Real(*float),
        other => SqlValue::Text(other.to_text().to_string()),
    });
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => Value::empty(),
                    ValueRef::Integer(int) => Value::Int(int),
                    ValueRef::Real(float) => Value::Float(float),
                    ValueRef::Text(text) | ValueRef::Blob(text) => Value::text(String::from_utf8_lossy(text)),
                })
            })
            .collect()
    })?;
    rows.collect()
}
