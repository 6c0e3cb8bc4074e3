//! What `pointsman simulate` makes of a scenario with a world, in each of its modes: lives, a search for faults, and loads.
//!
//! Whatever is shown, the scenario's expectations and properties and what must never be are looked at. What a mode does not
//! look at is said.

use std::{io::Write, path::Path};

use document::Source;
use policy::{Decide as _, Target};
use scenario::{Environment, Scenario, World};
use serde_json::json;
use simulate::{
    Keep, Life, Reload, Setup, Timeline, Violation,
    explore::{Found, explore},
    properties::{self, Broken},
    quirks::{self, Decided},
    run::CHECKED_MAX,
    timeline::{self, Otherwise},
};

use super::{
    Outcome, Verdict, capacity,
    dry_run::Followed,
    junit::Suite,
    life::Report,
    limits::Limits,
    simulate::{Arguments, Came, Shown as _, WhichQuirks, Wired, told},
};

/// A scenario with its world, and the policies it is run by, one after the other.
#[derive(Clone, Copy)]
pub(super) struct InWorld<'r> {
    pub(super) arguments: &'r Arguments,
    pub(super) path: &'r Path,
    pub(super) source: &'r Source,
    pub(super) scenario: &'r Scenario,
    pub(super) world: &'r World,
    pub(super) environment: &'r Environment,
    pub(super) followed: Followed,
    pub(super) wired: &'r [Wired],
    /// The limits of each policy.
    pub(super) limits: &'r [Limits],
}

/// What is to be said of a run.
#[derive(Default)]
struct Judged {
    timelines: Vec<Timeline>,
    /// The lives of the reports.
    of_reports: Vec<Timeline>,
    violations: Vec<Violation>,
    properties: Vec<(String, Vec<Broken>)>,
    unmet: Vec<Otherwise>,
    met: usize,
}

impl Judged {
    fn of(setup: Setup<'_>, life: &Life) -> Self {
        let timelines = timeline::timelines(setup, life);
        let (mut unmet, mut met) = (Vec::new(), 0);
        for expectation in &setup.scenario.expectations {
            let (otherwise, as_expected) = timeline::compare(expectation, setup.scenario, &timelines, life);
            unmet.extend(otherwise);
            met += as_expected;
        }
        let violations = simulate::violations(setup, life);
        let properties = properties::all_broken(setup.scenario, &timelines, life);
        let of_reports = timeline::of_reports(setup, life);
        Self { timelines, of_reports, violations, properties, unmet, met }
    }
}

/// Runs it; `not_checked` is what is not looked at in any case.
pub(super) fn run(
    given: InWorld<'_>,
    mut not_checked: Vec<String>,
    came: &mut Came,
    output: &mut impl Write,
) -> Outcome {
    let InWorld { arguments, scenario, world, environment, wired, .. } = given;
    let Some((Wired { engine, strategies, .. }, later)) = wired.split_first() else { return Ok(Verdict::CannotRun) };
    let later = world.reloads.iter().zip(later);
    let reloads: Vec<Reload<'_>> = later
        .map(|(reload, next)| Reload { at: reload.at, engine: &next.engine, strategies: &next.strategies })
        .collect();
    let setup = Setup { reloads: &reloads, ..Setup::new(scenario, world, engine, strategies) };
    if arguments.capacity {
        return given.loads(setup, not_checked, came, output);
    }
    if let Some(count) = arguments.explore {
        return given.explored(setup, count, &not_checked, came, output);
    }
    let life = simulate::run(setup, &mut environment.clone(), Keep::Events);
    for (number, Wired { path, engine, read, .. }) in wired.iter().enumerate() {
        came.policies.of(path, read, engine.plan()).count_life(number, engine.plan(), &life);
    }
    let judged = Judged::of(setup, &life);
    came.suites.push(given.suite(&judged));
    let quirks = given.quirks(setup, &life, &judged.timelines, &mut not_checked);
    let report = given.report(setup, &life, &judged, quirks.as_deref(), &not_checked);
    came.show(&report, arguments, output)?;
    Ok(report.verdict())
}

impl<'r> InWorld<'r> {
    /// Which quirks affected each recipient, as far as that is asked for.
    fn quirks(
        &self,
        setup: Setup<'r>,
        life: &Life,
        timelines: &[Timeline],
        not_checked: &mut Vec<String>,
    ) -> Option<Vec<Vec<Decided>>> {
        let target = setup.engine.plan().target;
        let is_many = self.scenario.messages.len() > quirks::MESSAGES_MAX;
        let wanted = match self.arguments.quirks {
            Some(WhichQuirks::None) => return None,
            None if is_many && target != Target::Native => {
                not_checked.push(format!(
                    "which quirks of {target} affected each recipient: that takes a run for each quirk, and there are more than {} messages; ask for it by `--quirks affecting`",
                    quirks::MESSAGES_MAX
                ));
                return None;
            }
            None => WhichQuirks::Affecting,
            Some(wanted) => wanted,
        };
        let mut all = quirks::decided(setup, self.environment, life, timelines);
        if wanted != WhichQuirks::All {
            for decided in &mut all {
                decided.retain(|decided| !decided.is_words);
            }
        }
        Some(all)
    }

    fn suite(&self, judged: &Judged) -> Suite {
        let unmet = judged.unmet.iter();
        let otherwise: Vec<_> =
            unmet.map(|unmet| (unmet.place, told(&unmet.rcpt, unmet.about, &unmet.expected, &unmet.found))).collect();
        let violations = judged.violations.iter();
        let violations = violations.map(|violation| format!("{}: {}", violation.checker, violation.what)).collect();
        let kept = kept(&judged.properties);
        Suite::new(self.path, self.source, &self.scenario.expectations, &otherwise, kept, violations)
    }

    fn report(
        &self,
        setup: Setup<'r>,
        life: &'r Life,
        judged: &'r Judged,
        quirks: Option<&'r [Vec<Decided>]>,
        not_checked: &'r [String],
    ) -> Report<'r> {
        let mut policies = self.wired.iter().map(|wired| &*wired.path);
        Report {
            path: self.path,
            policy: policies.next().unwrap_or_else(|| Path::new("")),
            later: policies.collect(),
            plan: setup.engine.plan(),
            followed: self.followed,
            scenario: setup.scenario,
            source: self.source,
            life,
            limits: self.limits,
            is_verbose: self.arguments.verbose,
            timelines: &judged.timelines,
            of_reports: &judged.of_reports,
            quirks,
            violations: &judged.violations,
            properties: &judged.properties,
            unmet: &judged.unmet,
            met: judged.met,
            not_checked,
        }
    }

    /// How loaded each queue was. Of a run of many messages nothing but that is kept.
    fn loads(
        &self,
        setup: Setup<'r>,
        mut not_checked: Vec<String>,
        came: &mut Came,
        output: &mut impl Write,
    ) -> Outcome {
        let is_checked = self.scenario.messages.len() <= CHECKED_MAX;
        let keep = if is_checked { Keep::Events } else { Keep::Outcomes };
        let life = simulate::run(setup, &mut self.environment.clone(), keep);
        let judged = if is_checked {
            let judged = Judged::of(setup, &life);
            came.suites.push(self.suite(&judged));
            judged
        } else {
            not_checked.push(format!(
                "expectations, properties and what must never be: with --capacity, nothing but loads is kept of more than {CHECKED_MAX} messages"
            ));
            Judged::default()
        };
        let report = self.report(setup, &life, &judged, None, &not_checked);
        capacity::show(self.path, &life, setup.strategies, self.arguments.json, output)?;
        if self.arguments.json {
            report.scenario_json(output)?;
        } else {
            report.closing(output)?;
        }
        Ok(report.verdict())
    }

    /// The world as it is written, where expectations hold; then under many seeds, where only properties and what must
    /// never be do.
    fn explored(
        &self,
        setup: Setup<'r>,
        count: u64,
        not_checked: &'r [String],
        came: &mut Came,
        output: &mut impl Write,
    ) -> Outcome {
        let is_json = self.arguments.json;
        let life = simulate::run(setup, &mut self.environment.clone(), Keep::Events);
        let judged = Judged::of(setup, &life);
        let as_written = self.report(setup, &life, &judged, None, not_checked);
        if !is_json {
            as_written.head(output)?;
            as_written.closing(output)?;
        }
        let first = self.arguments.explore_from;
        let (found, ran) = explore(setup, self.environment, (first, count));
        let seed = found.as_ref().map(|found| found.seed);
        let mut suite = self.suite(&judged);
        if let Some(found) = &found {
            let violations = found.violations.iter();
            let violations = violations.map(|violation| format!("{}: {}", violation.checker, violation.what));
            let broken = kept(&found.properties).into_iter();
            let broken = broken.flat_map(|(name, all)| all.into_iter().map(move |one| format!("{name}: {one}")));
            suite.add(format!("seed {}", found.seed), violations.chain(broken).collect());
        } else {
            suite.add(format!("{ran} seeds from {first}"), Vec::new());
        }
        came.suites.push(suite);
        if is_json {
            let line = json!({
                "type": "explore", "version": 1, "scenario": self.path.display().to_string(), "first": first,
                "seeds": ran, "found": seed, "as_written": as_written.summary(),
            });
            writeln!(output, "{line}")?;
        }
        let path = self.path.display();
        let Some(Found { seed, violations, properties, life }) = found else {
            if !is_json {
                writeln!(
                    output,
                    "\n{path}: {ran} seeds ({first} to {}): no violations",
                    (first + ran).saturating_sub(1)
                )?;
            }
            return Ok(as_written.verdict());
        };
        // In a world that goes wrong by a seed, the fault is what matters.
        let timelines = timeline::timelines(setup, &life);
        let of_reports = timeline::of_reports(setup, &life);
        let judged = Judged { timelines, of_reports, violations, properties, unmet: Vec::new(), met: 0 };
        let not_checked = [
            "expectations, which are about the world as it is written".to_owned(),
            "which quirks affected it".to_owned(),
        ];
        let report = self.report(setup, &life, &judged, None, &not_checked);
        if is_json {
            report.json(output)?;
        } else {
            writeln!(output, "\nunder seed {seed}:\n")?;
            report.text(output)?;
        }
        writeln!(
            super::masked::stderr(),
            "seed {seed} shows it; again by: pointsman simulate {path} --explore 1 --explore-from {seed}"
        )?;
        Ok(report.verdict().max(as_written.verdict()))
    }
}

/// Properties by name, each with where it does not hold, in a line.
fn kept(properties: &[(String, Vec<Broken>)]) -> Vec<(String, Vec<String>)> {
    let broken = |(name, broken): &(String, Vec<Broken>)| {
        (name.clone(), broken.iter().map(|broken| format!("{}: {}", broken.rcpt, broken.what)).collect())
    };
    properties.iter().map(broken).collect()
}
