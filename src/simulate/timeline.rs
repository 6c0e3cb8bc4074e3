//! What each recipient went through: the events of a run, put together by recipient and attempt.

use std::{collections::BTreeMap, sync::Arc};

use base::{Instant, Mailbox, Millis};
use delivery::{
    Failure, Status,
    event::{Event, What},
    report::Action,
    tls::Verification,
};
use policy::{Chosen, Kind, RuleId};
use scenario::{Expectation, Scenario, Status as Wanted};

use crate::{
    expect::is_about,
    run::{Life, Setup},
};

/// A recipient's life.
#[derive(Debug)]
pub struct Timeline {
    /// The message's place in the scenario.
    pub message: usize,
    /// The recipient's place in the message.
    pub recipient: usize,
    /// Who it is.
    pub rcpt: Mailbox,
    /// When the message was accepted, from the run's beginning; `None` where it was not.
    pub accepted: Option<Millis>,
    /// What the client was answered, where the message or this recipient was not accepted.
    pub refused: Option<String>,
    /// The schedule that it was accepted under.
    pub schedule: Option<Decision>,
    /// The attempts, in order.
    pub attempts: Vec<Try>,
    /// The delay notices that were due.
    pub notices: Vec<Millis>,
    /// The waits for a rate limit.
    pub waits: Vec<Wait>,
    /// When an operator had it tried at another time, and at which.
    pub rescheduled: Vec<(Millis, Millis)>,
    /// What its sender was told, when, and by which report.
    pub reports: Vec<(Millis, u64, Action)>,
    /// How it ended without an attempt, and when.
    pub given_up: Option<(Millis, Status)>,
}

/// A wait for a rate limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait {
    /// When it began, from the run's beginning.
    pub at: Millis,
    /// The limiter's place among the policy's, from 0.
    pub limiter: usize,
    /// When it ends.
    pub until: Millis,
    /// How often it was looked at in vain meanwhile, each time for one window more, where that was more often than
    /// [`ROUNDS_TOLD`] times; each of fewer is a wait of its own.
    pub rounds: u64,
}

/// How many looks in vain at one who waits are told each.
pub const ROUNDS_TOLD: u64 = 100;

/// A decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// The strategy's name; `None` where the rules gave nothing that the target goes on with.
    pub name: Option<String>,
    /// The rule, from 0; `None` for `else`.
    pub rule: Option<usize>,
    /// Whether the target took it instead of what the rules gave.
    pub is_instead: bool,
    /// What rules choose of its settings (2022, 2024).
    pub settings: Vec<SetBy>,
}

/// A setting that rules chose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SetBy {
    /// Its key.
    pub key: &'static str,
    /// The value as text; `None` where the strategy's own stays, as the rules gave no value of the setting.
    pub value: Option<String>,
    /// The rule, from 0; `None` for `else`.
    pub rule: Option<usize>,
}

/// An attempt.
#[derive(Debug)]
pub struct Try {
    /// When it began, from the run's beginning.
    pub at: Millis,
    /// The four decisions, by [`Kind::ALL`]; the TLS strategy is that of the last host. The schedule is the one that was
    /// chosen behind the attempt, where it failed.
    pub decisions: [Option<Decision>; 4],
    /// What was done with which host, in order.
    pub steps: Vec<(Millis, Step)>,
    /// What came of it, and when; `None` where the run ended before.
    pub outcome: Option<(Millis, Status)>,
    /// When it is tried next.
    pub next: Option<Millis>,
}

/// Something that was done with a host.
#[derive(Clone, Debug)]
pub enum Step {
    /// A connection to this address was begun.
    Connecting(Arc<str>, std::net::IpAddr),
    /// It was secured.
    Secured(Arc<str>, Verification),
    /// It counted for the domain's TLS report.
    TlsCounted(Box<str>),
    /// The host failed.
    Failed(Arc<str>, Failure),
}

/// The timelines of a run, by message and recipient.
#[must_use]
pub fn timelines(setup: Setup<'_>, life: &Life) -> Vec<Timeline> {
    let scenario = setup.scenario;
    let mut all = Vec::new();
    let mut of: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    for event in &life.events {
        of.entry(event.message.0).or_default().push(event);
    }
    for (place, message) in scenario.messages.iter().enumerate() {
        let events = of.remove(&(place as u64)).unwrap_or_default();
        let refused_at_rcpt = life.refused_at_rcpt.get(&(place as u64));
        // The core knows the recipients that were accepted, and counts them alone.
        let mut accepted = 0;
        for (number, rcpt) in message.recipients.iter().enumerate() {
            let refused = life.refused.get(&(place as u64)).map(ToString::to_string);
            let at_rcpt = refused_at_rcpt.and_then(|refused| refused.get(rcpt));
            let at_rcpt = at_rcpt.map(|reply| format!("refused at RCPT: {reply}"));
            let is_known = at_rcpt.is_none();
            let mut timeline = Timeline {
                message: place,
                recipient: number,
                rcpt: rcpt.clone(),
                accepted: None,
                refused: at_rcpt.or(refused),
                schedule: None,
                attempts: Vec::new(),
                notices: Vec::new(),
                waits: Vec::new(),
                rescheduled: Vec::new(),
                reports: Vec::new(),
                given_up: None,
            };
            if is_known {
                let mut teller = Teller { setup, start: life.start, number: accepted, routes: None, is_tried: false };
                for event in &events {
                    teller.tell(event, &mut timeline);
                }
                accepted += 1;
            }
            all.push(timeline);
        }
    }
    all
}

/// What is known on the way through the events.
struct Teller<'s> {
    setup: Setup<'s>,
    start: Instant,
    number: u32,
    /// The route that was chosen before the attempt begins.
    routes: Option<Decision>,
    /// Whether the transaction at hand is this recipient's.
    is_tried: bool,
}

impl Teller<'_> {
    fn decision(&self, policy: usize, kind: Kind, chosen: Option<Chosen>, is_instead: bool) -> Decision {
        let choice = self.setup.policy(policy).0.plan().choice(kind);
        let name = chosen.map(|chosen| choice.name(chosen.id).to_owned());
        let rule = chosen.and_then(|chosen| chosen.rule).map(RuleId::index);
        Decision { name, rule, is_instead, settings: Vec::new() }
    }

    /// Where a decision about a recipient stands; `None` where it is not about this one.
    fn place<'t>(
        &'t mut self,
        timeline: &'t mut Timeline,
        kind: Kind,
        recipient: u32,
    ) -> Option<&'t mut Option<Decision>> {
        let is_mine = recipient == self.number;
        match (kind, timeline.attempts.last_mut()) {
            (Kind::Schedule, None) if is_mine => Some(&mut timeline.schedule),
            (Kind::Route, _) if is_mine => Some(&mut self.routes),
            (Kind::Schedule, Some(last)) if is_mine => last.place(Kind::Schedule),
            // Those of a transaction are made for its first recipient.
            (Kind::Connection | Kind::Tls, Some(last)) if self.is_tried => last.place(kind),
            _ => None,
        }
    }

    fn tell(&mut self, event: &Event, timeline: &mut Timeline) {
        let at = event.at.since(self.start);
        match &event.what {
            What::Accepted(_) => timeline.accepted = Some(at),
            What::Decided { recipient, kind, chosen, is_instead } => {
                let decision = self.decision(event.policy, *kind, *chosen, *is_instead);
                if let Some(place) = self.place(timeline, *kind, *recipient) {
                    *place = Some(decision);
                }
            }
            What::Set { recipient, setting, picked } => {
                let Some(ruled) = self.setup.policy(event.policy).0.plan().settings.get(*setting) else { return };
                let value = picked.given.as_ref().map(|given| ruled.shown(given));
                let set = SetBy { key: ruled.setting.key(), value, rule: picked.rule.map(RuleId::index) };
                if let Some(Some(decision)) = self.place(timeline, ruled.setting.kind(), *recipient) {
                    decision.settings.push(set);
                }
            }
            What::Attempt(recipients) => {
                self.is_tried = recipients.contains(&self.number);
                if self.is_tried {
                    let route = self.routes.take();
                    let decisions = [route, None, None, None];
                    timeline.attempts.push(Try { at, decisions, steps: Vec::new(), outcome: None, next: None });
                }
            }
            What::Apart(recipients) if recipients.contains(&self.number) => self.is_tried = false,
            What::Resumed(recipients) => self.is_tried = recipients.contains(&self.number),
            What::Connecting { host, ip, .. } => self.step(timeline, at, Step::Connecting(host.clone(), *ip)),
            What::Secured { host, verification } => {
                self.step(timeline, at, Step::Secured(host.clone(), *verification));
            }
            What::TlsCounted(what) => self.step(timeline, at, Step::TlsCounted(what.clone())),
            What::HostFailed { host, failure } => {
                self.step(timeline, at, Step::Failed(host.clone(), failure.clone()));
            }
            What::Outcome { recipient, status, next } if *recipient == self.number => {
                let next = next.map(|next| next.since(self.start));
                match timeline.attempts.last_mut().filter(|last| last.outcome.is_none()) {
                    Some(last) => {
                        last.outcome = Some((at, status.clone()));
                        last.next = next;
                    }
                    None => timeline.given_up = Some((at, status.clone())),
                }
            }
            What::Limited { recipients, limiter, until } if recipients.contains(&self.number) => {
                timeline.waits.push(Wait { at, limiter: *limiter, until: until.since(self.start), rounds: 0 });
                // Nothing was tried.
                if timeline.attempts.last().is_some_and(|last| last.outcome.is_none() && last.steps.is_empty()) {
                    timeline.attempts.pop();
                }
            }
            What::HeldOn { recipients, limiter, rounds, until } if recipients.contains(&self.number) => {
                let (until, limiter) = (until.since(self.start), *limiter);
                // Each ends where a window does, and the next one begins there.
                let period = self.setup.policy(event.policy).1.limiters.get(limiter).map_or(1, |limit| limit.period.0);
                let ends = |left: u64| Millis(until.0.saturating_sub(left * period));
                let from = timeline.waits.last().map_or(at, |wait| wait.until);
                if *rounds > ROUNDS_TOLD {
                    timeline.waits.push(Wait { at: from, limiter, until, rounds: *rounds });
                } else {
                    let begins = std::iter::once(from).chain((1..*rounds).map(|round| ends(rounds - round)));
                    let waits =
                        begins.zip(1..).map(|(at, round)| Wait { at, limiter, until: ends(rounds - round), rounds: 0 });
                    timeline.waits.extend(waits);
                }
            }
            What::Rescheduled { recipient, next } if *recipient == self.number => {
                timeline.rescheduled.push((at, next.since(self.start)));
            }
            What::NoticeDue(recipient) if *recipient == self.number => timeline.notices.push(at),
            What::Reported { report, lines } => {
                let mine = lines.iter().find(|(place, _)| *place == self.number);
                timeline.reports.extend(mine.map(|(_, action)| (at, report.0, *action)));
            }
            What::Outcome { .. }
            | What::Apart(_)
            | What::Limited { .. }
            | What::HeldOn { .. }
            | What::NoticeDue(_)
            | What::Rescheduled { .. }
            | What::Hosts(_)
            | What::Refused { .. }
            | What::DoubleBounce(_)
            | What::Removed => {}
        }
    }

    fn step(&self, timeline: &mut Timeline, at: Millis, step: Step) {
        if let Some(last) = timeline.attempts.last_mut().filter(|_| self.is_tried) {
            last.steps.push((at, step));
        }
    }
}

impl Try {
    fn place(&mut self, kind: Kind) -> Option<&mut Option<Decision>> {
        self.decisions.get_mut(kind as usize)
    }

    /// The decision of one kind.
    #[must_use]
    pub const fn decision(&self, kind: Kind) -> Option<&Decision> {
        let [route, schedule, connection, tls] = &self.decisions;
        match kind {
            Kind::Route => route.as_ref(),
            Kind::Schedule => schedule.as_ref(),
            Kind::Connection => connection.as_ref(),
            Kind::Tls => tls.as_ref(),
        }
    }
}

impl Timeline {
    /// The status codes by which the sender was told about the recipient, in order; `None` where it was told nothing.
    #[must_use]
    pub fn report_status(&self, life: &Life) -> Option<String> {
        let statuses = self.reports.iter().filter_map(|(_, report, _)| {
            let report = life.reports.get(report)?;
            let place = report.lines.iter().position(|(place, _)| *place as usize == self.recipient)?;
            report.statuses.get(place).map(String::as_str)
        });
        let statuses: Vec<&str> = statuses.collect();
        (!statuses.is_empty()).then(|| statuses.join(" "))
    }

    /// The status at the end, and when it was reached.
    #[must_use]
    pub fn last(&self) -> (Option<Millis>, Wanted) {
        let last = self.attempts.last().and_then(|last| last.outcome.as_ref());
        match self.given_up.as_ref().or(last) {
            Some((at, status)) => (Some(*at), word(status)),
            None if self.refused.is_some() => (None, Wanted::Refused),
            None => (None, Wanted::Scheduled),
        }
    }

    /// What was left by an attempt, or by the last one.
    pub(crate) fn seen(&self, number: Option<u32>, attempt: Option<&Try>, life: &Life) -> SeenAt {
        let mut seen = SeenAt::default();
        let mut counted: Vec<&str> = Vec::new();
        for (at, step) in attempt.into_iter().flat_map(|attempt| &attempt.steps) {
            match step {
                Step::Connecting(host, ip) => {
                    seen.commands = Some(life.seen.commands(self.message as u64, life.start + *at, host, *ip));
                    seen.host = Some(host.to_string());
                    seen.secured = Some(false.to_string());
                }
                Step::Secured(..) => seen.secured = Some(true.to_string()),
                Step::TlsCounted(what) => counted.push(what),
                Step::Failed(..) => {}
            }
        }
        seen.tls_report = attempt.filter(|_| !counted.is_empty()).map(|_| counted.join(", "));
        let given_up = self.given_up.as_ref().filter(|_| number.is_none()).map(|(_, status)| status);
        let outcome = attempt.and_then(|attempt| attempt.outcome.as_ref()).map(|(_, status)| status);
        seen.error = given_up.or(outcome).map(|status| match status {
            Status::Scheduled | Status::Delivered(_) => "none".to_owned(),
            Status::Deferred(_) | Status::Bounced(_) => status.last_error().to_owned(),
        });
        seen
    }

    /// The status behind attempt `number`, from 1.
    fn behind(&self, number: u32) -> Option<(Option<Millis>, Wanted)> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let (at, status) = self.attempts.get(index)?.outcome.as_ref()?;
        Some((Some(*at), word(status)))
    }
}

/// What an attempt left, as an expectation says it.
#[derive(Debug, Default)]
pub(crate) struct SeenAt {
    pub(crate) error: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) secured: Option<String>,
    pub(crate) tls_report: Option<String>,
    pub(crate) commands: Option<String>,
}

/// The word of a status.
#[must_use]
pub const fn word(status: &Status) -> Wanted {
    match status {
        Status::Scheduled => Wanted::Scheduled,
        Status::Deferred(_) => Wanted::Deferred,
        Status::Delivered(_) => Wanted::Delivered,
        Status::Bounced(_) => Wanted::Bounced,
    }
}

/// What an expectation wanted, and what was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Otherwise {
    /// The recipient.
    pub rcpt: Mailbox,
    /// What it was about: `route`, `status` …
    pub about: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Where the expectation is written.
    pub place: scenario::Place,
}

/// What the timelines leave unmet of `expectation`, and how much of it is met.
#[must_use]
pub fn compare(
    expectation: &Expectation,
    scenario: &Scenario,
    timelines: &[Timeline],
    life: &Life,
) -> (Vec<Otherwise>, usize) {
    let (mut unmet, mut met) = (Vec::new(), 0);
    for timeline in timelines {
        let Some(message) = scenario.messages.get(timeline.message) else { continue };
        if !is_about(expectation, &message.id, &timeline.rcpt) {
            continue;
        }
        let otherwise = |about, expected: String, found: String, place| Otherwise {
            rcpt: timeline.rcpt.clone(),
            about,
            expected,
            found,
            place,
        };
        let index = expectation.decided_at() as usize - 1;
        for kind in Kind::ALL {
            let Some(expected) = expectation.decision(kind) else { continue };
            let at_enqueue = timeline.schedule.as_ref().filter(|_| kind == Kind::Schedule && index == 0);
            let tried = timeline.attempts.get(index).and_then(|attempt| attempt.decision(kind));
            let found = match at_enqueue.or(tried) {
                Some(Decision { name: Some(name), .. }) => name.clone(),
                Some(Decision { name: None, .. }) => "no strategy".to_owned(),
                None if timeline.attempts.get(index).is_none() => {
                    format!("no attempt {}: there were {}", index + 1, timeline.attempts.len())
                }
                None => "no decision".to_owned(),
            };
            if found == expected.name {
                met += 1;
            } else {
                unmet.push(otherwise(kind.word(), expected.name.clone(), found, expected.place));
            }
        }
        let attempt = match expectation.attempt {
            Some(_) => timeline.attempts.get(index),
            None => timeline.attempts.last(),
        };
        let found = timeline.seen(expectation.attempt, attempt, life);
        let told: Vec<&str> = timeline.reports.iter().map(|(_, _, action)| action.word()).collect();
        let attempts = timeline.attempts.len().to_string();
        for (about, wanted, found) in [
            ("error", expectation.error.clone(), found.error),
            ("host", expectation.host.clone(), found.host),
            ("secured", expectation.secured.map(|secured| secured.to_string()), found.secured),
            ("tls_report", expectation.tls_report.clone(), found.tls_report),
            ("commands", expectation.commands.clone(), found.commands),
            ("reports", expectation.reports.clone(), Some(told.join(" ")).filter(|told| !told.is_empty())),
            ("report_status", expectation.report_status.clone(), timeline.report_status(life)),
            ("attempts", expectation.attempts.map(|attempts| attempts.to_string()), Some(attempts)),
        ] {
            match wanted {
                None => {}
                Some(wanted) if found.as_ref() == Some(&wanted) => met += 1,
                Some(wanted) if found.is_none() && wanted == "none" => met += 1,
                Some(wanted) => {
                    let found = found.unwrap_or_else(|| "none".to_owned());
                    unmet.push(otherwise(about, wanted, found, expectation.place));
                }
            }
        }
        let Some(wanted) = expectation.status else { continue };
        let found = match expectation.attempt {
            Some(number) => timeline.behind(number),
            None => Some(timeline.last()),
        };
        let after = |at: Option<Millis>| {
            let since = at?.0.saturating_sub(message.at.0);
            Some(Millis(since))
        };
        match found {
            Some((at, status)) if status == wanted => {
                let late = expectation.within.zip(after(at)).filter(|(within, took)| took > within);
                let early = expectation.after.zip(after(at)).filter(|(after, took)| took < after);
                let late = late.map(|(within, took)| (format!("{} within {within}", wanted.word()), took));
                let early = early.map(|(after, took)| (format!("{} after {after}", wanted.word()), took));
                match late.or(early) {
                    None => met += 1,
                    Some((expected, took)) => {
                        // What is longer is told in whole seconds.
                        let took = if took.0 < 10_000 { took } else { Millis::from_secs(took.0 / 1_000) };
                        unmet.push(otherwise("status", expected, format!("it after {took}"), expectation.place));
                    }
                }
            }
            Some((_, status)) => {
                unmet.push(otherwise("status", wanted.word().into(), status.word().into(), expectation.place));
            }
            None => {
                let found = format!("no such attempt: there were {}", timeline.attempts.len());
                unmet.push(otherwise("status", wanted.word().into(), found, expectation.place));
            }
        }
    }
    (unmet, met)
}
