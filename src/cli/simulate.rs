//! `pointsman simulate`: messages through a policy, and what was expected of them.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    slice,
};

use base::{Mailbox, Millis};
use clap::Args;
use config::{resolve, strategies::strategies};
use document::render::Colour;
use indicatif::{ProgressBar, ProgressStyle};
use policy::{Decide as _, Instead, Kind, Plan, Scratch, Strategies, Target, Variable};
use scenario::{Environment, Message, Property, Scenario, message, property};
use serde_json::{Value as Json, json};
use simulate::{Attempt, Decided, Summary, Unmet, expect, summary::Line};

use super::{
    Failure, Outcome, Verdict,
    coverage::Policies,
    dry_run::{self, Beside, DryRun, Followed},
    engine::{self, Engine},
    files,
    given::{Given, Run, given},
    in_world::{self, InWorld},
    junit::{self, Suite},
    life::summary,
    limits::Limits,
    page::{Page, Section},
};

/// Replay messages through a policy and check what is expected of them
///
/// Give a folder to run every `*.scenario.toml` in it, scenarios, or messages as NDJSON (one object a line; `-` is standard
/// input). Each scenario is run with the policy that it names, or with the policy that is given, which messages always need.
/// Files of properties and an environment may stand among them: each file is taken for what is in it, in any order.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(after_help = "Examples:\n  pointsman simulate corpus/quickstart\n  \
                        pointsman simulate config.toml monday.scenario.toml\n  \
                        pointsman simulate config.toml messages.ndjson --environment environment.toml")]
pub(super) struct Arguments {
    /// Folders of scenarios, scenarios and messages; a policy, properties and an environment for all of them
    #[arg(required = true, value_name = "DIR | FILE")]
    paths: Vec<PathBuf>,
    /// What local domains, stores, DNS and databases answer, for messages and for scenarios without an environment
    #[arg(long)]
    environment: Option<PathBuf>,
    #[command(flatten)]
    reading: dry_run::Reading,
    #[command(flatten)]
    engine: engine::Choice,
    /// Run each scenario with a world as it is written, then under this many seeds, each with other faults, and look for
    /// what must never be and for properties that do not hold
    #[arg(long, value_name = "SEEDS")]
    pub(super) explore: Option<u64>,
    /// The first seed of `--explore`
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "explore")]
    pub(super) explore_from: u64,
    /// Hold every scenario with a world to what this file says must never, or always, be seen
    #[arg(long, value_name = "FILE")]
    properties: Option<PathBuf>,
    /// Show how loaded each queue of a scenario with a world was, instead of each recipient's life
    #[arg(long, conflicts_with = "explore")]
    pub(super) capacity: bool,
    /// Show each scenario with what holds where it says nothing, instead of running it
    #[arg(long)]
    show_scenario: bool,
    /// Write what came of scenarios to this file, as one page with lives, plots and the policies
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explore", "capacity", "show_scenario"])]
    pub(super) report: Option<PathBuf>,
    /// Write what came of each scenario's expectations to this file, as the XML that CI servers read
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Say which rules and strategies of each policy the scenarios reached
    #[arg(long, conflicts_with_all = ["explore", "capacity", "show_scenario"])]
    coverage: bool,
    /// Write that to this file, as coverage tools read it (LCOV)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explore", "capacity", "show_scenario"])]
    lcov: Option<PathBuf>,
    /// Fail where less than this much of a policy is reached, in hundredths
    #[arg(long, value_name = "PERCENT", conflicts_with_all = ["explore", "capacity", "show_scenario"])]
    fail_under: Option<f64>,
    /// Name the quirks of the target that affected each recipient [default: affecting, for up to 200 messages]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(super) quirks: Option<WhichQuirks>,
    /// Show also the limits that were counted and had room, and the commands of each connection
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Write one JSON object a line: one for each recipient, then one for each scenario
    #[arg(long)]
    pub(super) json: bool,
}

/// Which quirks a life names.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum WhichQuirks {
    /// None
    None,
    /// Those that changed what was done, for any number of messages
    Affecting,
    /// Also those that changed only words: replies that are kept, and what reports say
    All,
}

pub(super) fn run(arguments: &Arguments, colour: Colour, output: &mut impl Write) -> Outcome {
    let (mut verdict, mut came) = (Verdict::Yes, Came::default());
    let Given { runs, environment, properties } = given(&arguments.paths)?;
    came.environment = match (&arguments.environment, environment) {
        (Some(one), Some(other)) => {
            let (one, other) = (one.display(), other.display());
            return Err(Failure::Usage(format!("`{one}` and `{other}` are both environments: give one at a time")));
        }
        (Some(path), None) => Some(path.clone()),
        (None, path) => path,
    };
    for path in arguments.properties.iter().chain(&properties) {
        let (source, mut findings) = files::read(path)?;
        let (properties, found) = property::read(&source, &Beside::new(path));
        findings.extend(found);
        dry_run::show(&source, &findings, colour)?;
        if findings.has_errors() {
            return Ok(Verdict::CannotRun);
        }
        came.properties.extend(properties);
    }
    for run in runs {
        let found = match run {
            Run::Scenario { policy, path } => scenario(arguments, policy.as_deref(), &path, colour, &mut came, output)?,
            Run::Messages { policy, path, is_one } => {
                messages(arguments, (&policy, &path), is_one, colour, &mut came, output)?
            }
        };
        verdict = verdict.max(found);
    }
    if let Some(path) = &arguments.junit {
        junit::write(path, &came.suites)?;
    }
    if let Some(path) = &arguments.report {
        came.page.write(path, &came.policies)?;
    }
    if let Some(path) = &arguments.lcov {
        came.policies.write_lcov(path)?;
    }
    if arguments.coverage && arguments.json {
        came.policies.json(output)?;
    } else if arguments.coverage {
        came.policies.text(output)?;
    }
    let least = came.policies.least();
    if let Some(wanted) = arguments.fail_under.filter(|wanted| least < *wanted) {
        writeln!(super::masked::stderr(), "{least:.1}% of a policy is reached, which is under {wanted}%")?;
        verdict = verdict.max(Verdict::No);
    }
    Ok(verdict)
}

/// What came of all scenarios.
#[derive(Default)]
pub(super) struct Came {
    pub(super) suites: Vec<Suite>,
    pub(super) policies: Policies,
    pub(super) page: Page,
    /// What answers lookups where a scenario has no environment of its own.
    environment: Option<PathBuf>,
    /// What every scenario with a world is held to.
    properties: Vec<Property>,
    /// The policies as they were read.
    read: dry_run::Policies,
}

/// What came of a scenario, in each of the forms in which it is shown.
pub(super) trait Shown {
    fn text(&self, output: &mut impl Write) -> Result<(), Failure>;

    fn json(&self, output: &mut impl Write) -> Result<(), Failure>;

    /// The same for a page.
    fn section(&self) -> Result<Section<'_>, Failure>;
}

impl Came {
    /// Shows what came of a scenario, on the page as well where there is one.
    pub(super) fn show(
        &mut self,
        report: &impl Shown,
        arguments: &Arguments,
        output: &mut impl Write,
    ) -> Result<(), Failure> {
        if arguments.report.is_some() {
            self.page.add(&report.section()?);
        }
        if arguments.json { report.json(output) } else { report.text(output) }
    }
}

/// A policy made ready for a target.
pub(super) struct Wired {
    pub(super) path: PathBuf,
    pub(super) followed: Followed,
    pub(super) engine: Engine,
    pub(super) strategies: Strategies,
    pub(super) read: DryRun,
}

/// The policy `path`, made ready; what the run comes to where it has errors, which were shown, or is none.
fn wired(
    arguments: &Arguments,
    path: &Path,
    (reading, target): (&dry_run::Reading, Option<Target>),
    colour: Colour,
    came: &mut Came,
) -> Result<Result<Wired, Verdict>, Failure> {
    let read = match came.read.read(path, reading, colour)? {
        Ok(read) => read,
        Err(verdict) => return Ok(Err(verdict)),
    };
    if read.is_broken() {
        let name = path.display();
        let what = format!("`{name}` has errors: fix them, or see what its server does with it by `--as-is`");
        writeln!(super::masked::stderr(), "pointsman: {what}")?;
        return Ok(Err(Verdict::No));
    }
    let DryRun { settings, .. } = &read;
    let followed = reading.target(target, settings);
    match resolve::plan(settings, followed.target) {
        Ok(plan) => {
            let strategies = strategies(settings, &plan);
            Ok(Ok(Wired { path: path.to_path_buf(), followed, engine: arguments.engine.wire(plan)?, strategies, read }))
        }
        Err(findings) => {
            read.show_more(&findings, colour)?;
            Ok(Err(Verdict::No))
        }
    }
}

/// Says where the servers of policies do otherwise than these say.
fn departures(policies: &[Wired], json: bool, output: &mut impl Write) -> Result<(), Failure> {
    for Wired { path, read, .. } in policies {
        let path = path.display();
        for (at, what) in read.departures() {
            if json {
                let policy = path.to_string();
                let line = json!({ "type": "departure", "policy": policy, "line": at.line, "column": at.column, "what": what });
                writeln!(output, "{line}")?;
            } else {
                writeln!(output, "as is: {path}:{}:{}: {what}", at.line, at.column)?;
            }
        }
    }
    Ok(())
}

fn scenario(
    arguments: &Arguments,
    policy: Option<&Path>,
    path: &Path,
    colour: Colour,
    came: &mut Came,
    output: &mut impl Write,
) -> Outcome {
    let (source, mut findings) = files::read(path)?;
    let beside = Beside::new(path);
    let (scenario, found) = scenario::read(&source, &beside);
    findings.extend(found);
    dry_run::show(&source, &findings, colour)?;
    let Some(mut scenario) = scenario.filter(|_| !findings.has_errors()) else { return Ok(Verdict::CannotRun) };
    let policy = match (policy, &scenario.policy) {
        (Some(policy), _) => policy.to_path_buf(),
        (None, Some(name)) => beside.path(name),
        (None, None) => {
            let name = path.display();
            let why = format!("`{name}` names no policy: add `policy = \"policy.toml\"`, or give one before it");
            return Err(Failure::Usage(why));
        }
    };
    let mut not_checked = Vec::new();
    if let Some(environment) = came.environment.as_deref() {
        if scenario.environment == Environment::default() {
            let Some(environment) = dry_run::environment(Some(environment), colour)? else {
                return Ok(Verdict::CannotRun);
            };
            scenario.environment = environment;
        } else {
            not_checked.push(format!("`{}`: the scenario has an environment of its own", environment.display()));
        }
    }
    let reading = arguments.reading.of_scenario(&scenario);
    let first = match wired(arguments, &policy, (&reading, scenario.target), colour, came)? {
        Ok(wired) => wired,
        Err(verdict) => return Ok(verdict),
    };
    scenario.properties.extend(came.properties.iter().cloned());
    let followed = first.followed;
    let target = followed.target;
    if arguments.show_scenario {
        scenario.target = Some(target);
        write!(output, "{}", scenario::writer::write_all(&scenario))?;
        return Ok(Verdict::Yes);
    }
    not_checked.extend(leave_others(&mut scenario, target));
    if let Some(world) = scenario.world.take() {
        let mut all = vec![first];
        for reload in &world.reloads {
            match wired(arguments, &beside.path(&reload.policy), (&reading, Some(target)), colour, came)? {
                Ok(next) => all.push(next),
                Err(verdict) => return Ok(verdict),
            }
        }
        let mut verdict = Verdict::Yes;
        for known in &all {
            verdict = verdict.max(known.engine.verdict()?);
        }
        departures(&all, arguments.json, output)?;
        let environment = std::mem::take(&mut scenario.environment);
        let limits: Vec<Limits> = all.iter().map(Limits::of).collect();
        let (source, scenario, world, environment) = (&source, &scenario, &world, &environment);
        let (wired, limits) = (&*all, &*limits);
        let given = InWorld { arguments, path, source, scenario, world, environment, followed, wired, limits };
        return Ok(verdict.max(in_world::run(given, not_checked, came, output)?));
    }
    not_checked.extend(arguments.only_in_a_world(came));
    departures(slice::from_ref(&first), arguments.json, output)?;
    let Wired { engine, read, .. } = first;
    let result = replay(&engine, &mut scenario);
    let coverage = came.policies.of(&policy, &read, engine.plan());
    result.attempts.iter().for_each(|(_, _, attempt)| coverage.count_attempt(attempt));
    let otherwise: Vec<_> = result
        .unmet
        .iter()
        .map(|unmet| (unmet.place, told(&unmet.rcpt, unmet.kind.word(), &unmet.expected, &unmet.found)))
        .collect();
    came.suites.push(Suite::new(path, &source, &scenario.expectations, &otherwise, Vec::new(), Vec::new()));
    let plan = engine.plan();
    let (scenario, result, source) = (&scenario, &result, &source);
    let report =
        Decisions { path, policy: &policy, plan, followed, scenario, result, source, not_checked: &not_checked };
    came.show(&report, arguments, output)?;
    Ok(result.verdict().max(engine.verdict()?))
}

/// Leaves what is about other targets out, and says what that is.
fn leave_others(scenario: &mut Scenario, target: Target) -> Option<String> {
    let is_about = |wanted: Option<Target>| wanted.is_none_or(|wanted| wanted == target);
    let before = (scenario.expectations.len(), scenario.properties.len());
    scenario.expectations.retain(|expectation| is_about(expectation.target));
    scenario.properties.retain(|property| is_about(property.seen.target));
    let left = [
        (before.0 - scenario.expectations.len(), "`[[expect]]`"),
        (before.1 - scenario.properties.len(), "`[[never]]` or `[[always]]`"),
    ];
    let left: Vec<String> =
        left.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!left.is_empty()).then(|| format!("{} for other targets than {target}", left.join(" and ")))
}

impl Arguments {
    /// What this command line asks for that is looked at only in a world.
    fn only_in_a_world(&self, came: &Came) -> Option<String> {
        let asked = [
            (self.explore.is_some(), "--explore"),
            (self.capacity, "--capacity"),
            (!came.properties.is_empty(), "properties"),
        ];
        let asked: Vec<&str> = asked.iter().filter(|(is_asked, _)| *is_asked).map(|(_, what)| *what).collect();
        (!asked.is_empty()).then(|| format!("{}: without a `[world]`, nothing is sent", asked.join(", ")))
    }
}

/// What came otherwise than it was expected, in a line.
pub(super) fn told(rcpt: &Mailbox, about: &str, expected: &str, found: &str) -> String {
    format!("{about} for {rcpt}: expected `{expected}`, found {found}")
}

/// What came of a scenario.
struct Replay {
    /// Whether a strategy was taken for what is none, and no expectation says so.
    surprises: bool,
    /// Message, recipient and decisions, in the order of the scenario.
    attempts: Vec<(usize, usize, Attempt)>,
    unmet: Vec<Unmet>,
    met: usize,
}

impl Replay {
    fn verdict(&self) -> Verdict {
        let open = |attempt: &Attempt| Kind::ALL.iter().any(|kind| is_open(attempt.get(*kind)));
        // An expectation of a decision that stayed open is neither met nor refuted.
        let refuted = self.unmet.iter().any(|unmet| !unmet.is_open);
        let unmet = match (refuted, self.unmet.is_empty()) {
            (true, _) => Verdict::No,
            (false, false) => Verdict::Undecided,
            (false, true) => Verdict::Yes,
        };
        let is_open = self.attempts.iter().any(|(_, _, attempt)| open(attempt));
        let found = match (self.surprises, is_open) {
            (true, _) => Verdict::No,
            (false, true) => Verdict::Undecided,
            (false, false) => Verdict::Yes,
        };
        unmet.max(found)
    }
}

fn is_open(decided: &Decided) -> bool {
    match decided {
        Decided::Needs(_) | Decided::Failed(_) | Decided::NoStrategy(_) => true,
        Decided::Strategy { .. } | Decided::NotMade => false,
    }
}

/// Whether the target took a strategy for what is none.
const fn is_instead(decided: &Decided) -> bool {
    matches!(decided, Decided::Strategy { instead_of: Some(_), .. })
}

fn replay(engine: &Engine, scenario: &mut Scenario) -> Replay {
    let mut scratch = Scratch::new();
    let mut replay = Replay { surprises: false, attempts: Vec::new(), unmet: Vec::new(), met: 0 };
    for (index, message) in scenario.messages.iter().enumerate() {
        for (rcpt_index, rcpt) in message.recipients.iter().enumerate() {
            scenario.environment.reset();
            let attempt = Attempt::decide(engine, &message.facts(rcpt_index), &mut scenario.environment, &mut scratch);
            let about = |expectation: &&scenario::Expectation| expect::is_about(expectation, &message.id, rcpt);
            let is_expected = |kind: Kind| {
                let mut expectations = scenario.expectations.iter().filter(about);
                expectations.any(|expectation| expectation.decision(kind).is_some())
            };
            replay.surprises |= Kind::ALL.into_iter().any(|kind| is_instead(attempt.get(kind)) && !is_expected(kind));
            for expectation in scenario.expectations.iter().filter(about) {
                let unmet = expect::unmet(expectation, rcpt, &attempt);
                let asked = Kind::ALL.iter().filter(|kind| expectation.decision(**kind).is_some()).count();
                replay.met += asked - unmet.len();
                replay.unmet.extend(unmet);
            }
            replay.attempts.push((index, rcpt_index, attempt));
        }
    }
    replay
}

/// The first decisions of a scenario's messages, to be shown.
struct Decisions<'r> {
    path: &'r Path,
    policy: &'r Path,
    plan: &'r Plan,
    followed: Followed,
    scenario: &'r Scenario,
    result: &'r Replay,
    source: &'r document::Source,
    /// What is not looked at.
    not_checked: &'r [String],
}

impl Shown for Decisions<'_> {
    fn text(&self, output: &mut impl Write) -> Result<(), Failure> {
        let (name, policy) = (self.path.display(), self.policy.display());
        writeln!(output, "{name}: {policy} as {}\n", self.followed)?;
        self.table(output)?;
        self.expectations(output)
    }

    fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (index, rcpt_index, attempt) in &self.result.attempts {
            let Some(message) = self.message(*index) else { continue };
            let mut line = attempt_json(message, *rcpt_index, attempt);
            if let Json::Object(line) = &mut line {
                line.insert("scenario".to_owned(), json!(self.path.display().to_string()));
            }
            writeln!(output, "{line}")?;
        }
        let unmet = self.result.unmet.iter().map(|unmet| {
            let position = self.source.position(unmet.place.0.start());
            json!({
                "rcpt": unmet.rcpt.as_str(), "kind": unmet.kind.word(), "expected": unmet.expected,
                "found": unmet.found, "line": position.line, "column": position.column,
            })
        });
        let report = json!({
            "type": "scenario",
            "version": 1,
            "scenario": self.path.display().to_string(),
            "policy": self.policy.display().to_string(),
            "target": self.plan.target.to_string(),
            "target_by": self.followed.by(),
            "recipients": self.result.attempts.len(),
            "expectations": { "met": self.result.met, "unmet": unmet.collect::<Vec<_>>() },
            "not_checked": self.not_checked,
        });
        writeln!(output, "{report}")?;
        Ok(())
    }

    fn section(&self) -> Result<Section<'_>, Failure> {
        let mut text = Vec::new();
        self.table(&mut text)?;
        let unmet =
            self.result.unmet.iter().map(|unmet| told(&unmet.rcpt, unmet.kind.word(), &unmet.expected, &unmet.found));
        let not_checked = self.not_checked.iter().map(|what| format!("not checked: {what}"));
        let summary = summary(self.result.attempts.len(), self.result.met, self.result.unmet.len());
        Ok(Section {
            path: self.path,
            head: format!("{} as {}: {summary}", self.policy.display(), self.followed),
            timelines: &[],
            lives: vec![("decisions".to_owned(), String::from_utf8_lossy(&text).into_owned())],
            wrong: unmet.chain(not_checked).collect(),
            reports: Vec::new(),
            length: Millis(0),
        })
    }
}

impl Decisions<'_> {
    fn message(&self, index: usize) -> Option<&Message> {
        self.scenario.messages.get(index)
    }

    fn table(&self, output: &mut impl Write) -> Result<(), Failure> {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["message", "recipient", "route", "schedule", "connection", "tls"]);
        let mut remarks: Vec<String> = Vec::new();
        for (index, rcpt_index, attempt) in &self.result.attempts {
            let Some(message) = self.message(*index) else { continue };
            let rcpt = message.recipients.get(*rcpt_index).map_or("", Mailbox::as_str);
            let mut row = vec![message.id.clone(), rcpt.to_owned()];
            for kind in Kind::ALL {
                let decided = attempt.get(kind);
                row.push(cell(decided));
                remarks.extend(remark(kind, decided, self.plan.target).filter(|remark| !remarks.contains(remark)));
            }
            table.add_row(row);
        }
        for line in table.lines() {
            writeln!(output, "{}", line.trim_end())?;
        }
        remarks.extend(self.host_remark());
        for remark in remarks {
            writeln!(output, "\n{remark}")?;
        }
        Ok(())
    }

    /// What is decided anew at each host, where a message does not say at which.
    fn host_remark(&self) -> Option<String> {
        let asks = |kind: &Kind| self.plan.choice(*kind).block().asks_host();
        let without_host = |&(index, rcpt_index, ref attempt): &(usize, usize, Attempt)| {
            let facts = self.message(index).map(|message| message.facts(rcpt_index));
            let has_host = facts.is_some_and(|facts| facts.get(Variable::Mx).is_some_and(policy::Value::is_true));
            !has_host && !matches!(attempt.tls, Decided::NotMade)
        };
        let kinds: Vec<_> = [Kind::Connection, Kind::Tls].into_iter().filter(asks).map(Kind::word).collect();
        (!kinds.is_empty() && self.result.attempts.iter().any(without_host)).then(|| {
            let kinds = kinds.join(" and ");
            format!("{kinds}: the rules ask about the host, and this is before hosts are known; give a message `mx` to see it at one")
        })
    }

    fn expectations(&self, output: &mut impl Write) -> Result<(), Failure> {
        for unmet in &self.result.unmet {
            let position = self.source.position(unmet.place.0.start());
            writeln!(
                output,
                "\nexpectation failed: {}:{}:{}: {} for {}: expected `{}`, found {}",
                self.path.display(),
                position.line,
                position.column,
                unmet.kind,
                unmet.rcpt,
                unmet.expected,
                unmet.found,
            )?;
        }
        let (met, unmet) = (self.result.met, self.result.unmet.len());
        writeln!(output, "\n{}", summary(self.result.attempts.len(), met, unmet))?;
        for what in self.not_checked {
            writeln!(output, "not checked: {what}")?;
        }
        Ok(())
    }
}

fn cell(decided: &Decided) -> String {
    match decided {
        Decided::Strategy { name, instead_of: None, .. } => name.clone(),
        Decided::Strategy { name, instead_of: Some(_), .. } => format!("{name} (!)"),
        Decided::NotMade => "-".to_owned(),
        Decided::Needs(_) => "undecided".to_owned(),
        Decided::Failed(_) | Decided::NoStrategy(_) => "none (!)".to_owned(),
    }
}

/// What a cell cannot say.
fn remark(kind: Kind, decided: &Decided, target: Target) -> Option<String> {
    match decided {
        Decided::Strategy { name, instead_of: Some(Instead::Value(of)), .. } => {
            Some(format!("(!) {kind}: {of} is not defined; {target} uses `{name}` instead"))
        }
        Decided::Strategy { name, instead_of: Some(Instead::Failed(error)), .. } => {
            Some(format!("(!) {kind}: {error}; {target} uses `{name}` instead"))
        }
        Decided::Needs(lookup) => {
            let advice = Environment::advice(lookup).replace('\n', "\n  ");
            Some(format!("{kind}: undecided, needs {lookup}; add to the environment:\n  {advice}"))
        }
        Decided::Failed(error) => Some(format!("(!) {kind}: {error}")),
        Decided::NoStrategy(value) => Some(format!("(!) {kind}: {value} is no strategy of the policy")),
        Decided::Strategy { .. } | Decided::NotMade => None,
    }
}

fn decided_json(decided: &Decided) -> Json {
    match decided {
        Decided::Strategy { name, rule, instead_of: Some(Instead::Failed(error)) } => {
            let rule = rule.map(|rule| rule + 1);
            json!({ "name": name, "rule": rule, "instead_of": null, "failed": error.to_string() })
        }
        Decided::Strategy { name, rule, instead_of } => {
            let rule = rule.map(|rule| rule + 1);
            let value = match instead_of {
                Some(Instead::Value(value)) => Some(value.to_string()),
                Some(Instead::Failed(_)) | None => None,
            };
            json!({ "name": name, "rule": rule, "instead_of": value })
        }
        Decided::NotMade => json!({ "name": null, "not_made": "the route is local" }),
        Decided::Needs(lookup) => json!({ "name": null, "needs": lookup.to_string() }),
        Decided::Failed(error) => json!({ "name": null, "failed": error.to_string() }),
        Decided::NoStrategy(value) => json!({ "name": null, "no_strategy": value.to_string() }),
    }
}

fn attempt_json(message: &Message, rcpt_index: usize, attempt: &Attempt) -> Json {
    let rcpt = message.recipients.get(rcpt_index).map_or("", Mailbox::as_str);
    json!({
        "type": "recipient",
        "message": message.id,
        "rcpt": rcpt,
        "route": decided_json(&attempt.route),
        "schedule": decided_json(&attempt.schedule),
        "connection": decided_json(&attempt.connection),
        "tls": decided_json(&attempt.tls),
    })
}

/// How many bad lines of a file of messages are shown.
const BAD_LINES_SHOWN: u64 = 20;

fn messages(
    arguments: &Arguments,
    (policy, path): (&Path, &Path),
    is_one: bool,
    colour: Colour,
    came: &mut Came,
    output: &mut impl Write,
) -> Outcome {
    let environment = dry_run::environment(came.environment.as_deref(), colour)?;
    let Some(mut environment) = environment else { return Ok(Verdict::CannotRun) };
    let Wired { engine, read, .. } = match wired(arguments, policy, (&arguments.reading, None), colour, came)? {
        Ok(wired) => wired,
        Err(verdict) => return Ok(verdict),
    };
    let asked = [(arguments.junit.is_some(), "--junit"), (arguments.report.is_some(), "--report")];
    let asked: Vec<&str> = asked.iter().filter(|(is_asked, _)| *is_asked).map(|(_, what)| *what).collect();
    let no_scenario = (!asked.is_empty()).then(|| format!("{}: messages are no scenario", asked.join(", ")));
    let not_checked: Vec<String> = no_scenario.into_iter().chain(arguments.only_in_a_world(came)).collect();
    let coverage = came.policies.of(policy, &read, engine.plan());
    let mut scratch = Scratch::new();
    let progress = progress();
    let beside = Beside::new(path);
    let (mut summary, mut bad, mut verdict) = (Summary::default(), 0_u64, Verdict::Yes);
    let lines: Box<dyn Iterator<Item = io::Result<message::Line>>> = if is_one {
        let (source, mut findings) = files::read(path)?;
        let (message, found) = message::read(&source, &beside);
        findings.extend(found);
        Box::new(std::iter::once(Ok(message::Line { number: 1, source, message, findings })))
    } else {
        Box::new(message::lines(path.display().to_string(), dry_run::lines(path)?, &beside))
    };
    for line in lines {
        let line = line?;
        progress.inc(1);
        let Some(message) = line.message.filter(|_| !line.findings.has_errors()) else {
            bad += 1;
            verdict = Verdict::CannotRun;
            if bad <= BAD_LINES_SHOWN {
                progress.suspend(|| dry_run::show(&line.source, &line.findings, colour))?;
            }
            continue;
        };
        for rcpt_index in 0..message.recipients.len() {
            environment.reset();
            let attempt = Attempt::decide(&engine, &message.facts(rcpt_index), &mut environment, &mut scratch);
            if Kind::ALL.iter().any(|kind| is_open(attempt.get(*kind))) {
                verdict = verdict.max(Verdict::Undecided);
            }
            if Kind::ALL.iter().any(|kind| is_instead(attempt.get(*kind))) {
                verdict = verdict.max(Verdict::No);
            }
            summary.add(&attempt);
            coverage.count_attempt(&attempt);
            if arguments.json {
                writeln!(output, "{}", attempt_json(&message, rcpt_index, &attempt))?;
            }
        }
    }
    progress.finish_and_clear();
    if bad > BAD_LINES_SHOWN {
        writeln!(super::masked::stderr(), "{} more lines with errors are not shown", bad - BAD_LINES_SHOWN)?;
    }
    if arguments.json {
        summary_json(&summary, bad, &not_checked, output)?;
    } else {
        summary_text(&summary, bad, &not_checked, output)?;
    }
    Ok(verdict.max(engine.verdict()?))
}

/// A bar on standard error, where that is a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} messages, {per_sec}, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn line_text(line: &Line) -> String {
    match line {
        Line::Strategy(name) => name.clone(),
        Line::Instead { name, of } => format!("{name} (instead of {of})"),
        Line::InsteadOfFailing { name, error } => format!("{name} (because {error})"),
        Line::NotMade => "- (local route)".to_owned(),
        Line::Undecided(why) => format!("undecided: {why}"),
    }
}

fn summary_text(summary: &Summary, bad: u64, not_checked: &[String], output: &mut impl Write) -> Result<(), Failure> {
    for kind in Kind::ALL {
        writeln!(output, "{kind}")?;
        for (line, count) in summary.lines(kind) {
            writeln!(output, "  {count:>10}  {}", line_text(line))?;
        }
    }
    writeln!(output, "{} recipients; {bad} lines with errors", summary.attempts())?;
    for what in not_checked {
        writeln!(output, "not checked: {what}")?;
    }
    Ok(())
}

fn summary_json(summary: &Summary, bad: u64, not_checked: &[String], output: &mut impl Write) -> Result<(), Failure> {
    let of_kind = |kind: Kind| {
        let lines = summary.lines(kind).into_iter();
        Json::Array(lines.map(|(line, count)| json!({ "outcome": line_text(line), "count": count })).collect())
    };
    let kinds: serde_json::Map<String, Json> =
        Kind::ALL.into_iter().map(|kind| (kind.word().to_owned(), of_kind(kind))).collect();
    let report = json!({
        "type": "summary", "version": 1, "recipients": summary.attempts(), "lines_with_errors": bad, "counts": kinds,
        "not_checked": not_checked,
    });
    writeln!(output, "{report}")?;
    Ok(())
}
