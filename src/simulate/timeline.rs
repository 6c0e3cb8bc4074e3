//! What each recipient went through: the events of a run, put together by recipient and attempt.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use base::{Instant, Mailbox, Millis};
use delivery::{
    Failure, Status,
    event::{CountedBy, Event, Standing, What},
    report::Action,
    tls::Verification,
};
use policy::{Behaviour, Chosen, Kind, Quirk, RuleId};
use scenario::{Expectation, Scenario, Status as Wanted};

use crate::{
    expect::is_about,
    run::{Life, Setup},
};

/// A recipient's life.
#[derive(Debug)]
pub struct Timeline {
    /// The message's place in the scenario; of a report, its number.
    pub message: usize,
    /// The recipient's place in the message.
    pub recipient: usize,
    /// Its place among those that were not refused at RCPT, which the core counts alone.
    pub place: u32,
    /// Who it is.
    pub rcpt: Mailbox,
    /// When the message was accepted, from the run's beginning; `None` where it was not.
    pub accepted: Option<Millis>,
    /// What the client was answered, where the message or this recipient was not accepted.
    pub refused: Option<String>,
    /// The schedule that it was accepted under.
    pub schedule: Option<Decision>,
    /// How it stood in the queue then.
    pub standing: Option<Standing>,
    /// The attempts, in order: also those that nothing came of because a rate was spent.
    pub attempts: Vec<Try>,
    /// The delay notices that were due.
    pub notices: Vec<Millis>,
    /// When an operator had it tried at another time, and at which.
    pub rescheduled: Vec<(Millis, Millis)>,
    /// What was counted for it under limiters and quotas, in order.
    pub counted: Vec<Counted>,
    /// What its sender was told, when, and by which report.
    pub reports: Vec<(Millis, u64, Action)>,
    /// How it ended without an attempt, and when.
    pub given_up: Option<(Millis, Status)>,
}

/// Something that was counted for a recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Counted {
    /// When, from the run's beginning.
    pub at: Millis,
    /// Under which policy, by its number.
    pub policy: usize,
    /// Under what.
    pub under: Under,
    /// What is counted apart.
    pub key: CountedBy,
    /// Whether there was no room for it.
    pub is_full: bool,
}

/// What something is counted under, by its place among the policy's, from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Under {
    /// A rate limit.
    Limiter {
        /// Which.
        place: usize,
        /// How many are counted with this one, where that is known.
        count: Option<u64>,
    },
    /// A quota.
    Quota {
        /// Which.
        place: usize,
        /// How many messages it would have with this one.
        messages: u64,
        /// And how many bytes.
        size: u64,
    },
}

/// An attempt that a rate limit held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// When, from the run's beginning.
    pub at: Millis,
    /// The limiter's place among the policy's, from 0.
    pub limiter: usize,
    /// What was counted.
    pub counted: Option<Counted>,
    /// When it is tried next.
    pub until: Millis,
    /// How many rounds it stands for: one, or more than [`ROUNDS_TOLD`] in a row, each for one window more.
    pub rounds: u64,
    /// Whether the target notes it as the recipient's last failure.
    pub is_noted: bool,
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
    /// Who went together in the transaction, by their places; this recipient alone where it came to none.
    pub together: Vec<u32>,
    /// How it stood in the queue before.
    pub standing: Option<Standing>,
    /// The same behind it, where it failed.
    pub then: Option<Standing>,
    /// The TLS strategy that was chosen before a host was known, where another decision followed.
    first_tls: Option<Decision>,
    /// The four decisions, by [`Kind::ALL`]; the TLS strategy is that of the last host. The schedule is the one that was
    /// chosen behind the attempt, where it failed.
    pub decisions: [Option<Decision>; 4],
    /// What was done with which host, in order.
    pub steps: Vec<(Millis, Step)>,
    /// The rate limit that held it.
    pub held: Option<Held>,
    /// What came of it, and when; `None` where the run ended before, and where it was held.
    pub outcome: Option<(Millis, Status)>,
    /// When it is tried next.
    pub next: Option<Millis>,
}

/// Something that was done with a host.
#[derive(Clone, Debug)]
pub enum Step {
    /// A connection was begun.
    Connecting(Connection),
    /// It was secured.
    Secured(Arc<str>, Secured),
    /// Credentials or the envelope were sent in clear text.
    InClear(Arc<str>),
    /// It counted for the domain's TLS report.
    TlsCounted(Box<str>),
    /// The host failed.
    Failed(Arc<str>, Failure),
}

/// A connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Connection {
    /// The host.
    pub host: Arc<str>,
    /// Its address.
    pub ip: IpAddr,
    /// The address that it is made from; the system chooses without one.
    pub from: Option<IpAddr>,
    /// The name that the client greets with.
    pub ehlo: Arc<str>,
}

/// By what a certificate was verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Secured {
    /// Nothing: anybody may be at the other end.
    Unverified,
    /// The anchors of the web, and the host's name.
    Pkix,
    /// The same, as the domain's MTA-STS policy demands.
    MtaSts,
    /// The host's TLSA records.
    Dane,
}

impl Secured {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pkix => "pkix",
            Self::MtaSts => "mta-sts",
            Self::Dane => "dane",
        }
    }

    const fn of(verification: Verification, is_by_sts: bool) -> Self {
        match (verification, is_by_sts) {
            (Verification::None, _) => Self::Unverified,
            (Verification::Pkix, true) => Self::MtaSts,
            (Verification::Pkix, false) => Self::Pkix,
            (Verification::Dane, _) => Self::Dane,
        }
    }
}

/// The timelines of a run, by message and recipient.
#[must_use]
pub fn timelines(setup: Setup<'_>, life: &Life) -> Vec<Timeline> {
    let of = by_message(life);
    let mut all = Vec::new();
    for (place, message) in setup.scenario.messages.iter().enumerate() {
        let events = of.get(&(place as u64)).map(Vec::as_slice).unwrap_or_default();
        let refused_at_rcpt = life.refused_at_rcpt.get(&(place as u64));
        // The core knows the recipients that were accepted, and counts them alone.
        let mut accepted = 0;
        for (number, rcpt) in message.recipients.iter().enumerate() {
            let mut timeline = Timeline::new(place as u64, number, rcpt);
            let refused = life.refused.get(&(place as u64)).map(ToString::to_string);
            let at_rcpt = refused_at_rcpt.and_then(|refused| refused.get(rcpt));
            if let Some(reply) = at_rcpt {
                timeline.refused = Some(format!("refused at RCPT: {reply}"));
            } else {
                timeline.refused = refused;
                timeline.fill(setup, life, accepted, events);
                accepted += 1;
            }
            all.push(timeline);
        }
    }
    all
}

/// The timelines of the reports of a run, in their order: each is a message with a recipient.
#[must_use]
pub fn of_reports(setup: Setup<'_>, life: &Life) -> Vec<Timeline> {
    let of = by_message(life);
    let all = life.reports.iter().filter_map(|(number, report)| {
        let about = usize::try_from(report.about.0).ok().and_then(|place| setup.scenario.messages.get(place))?;
        let events = of.get(number).map(Vec::as_slice).unwrap_or_default();
        let mut timeline = Timeline::new(*number, 0, &about.sender);
        timeline.fill(setup, life, 0, events);
        Some(timeline)
    });
    all.collect()
}

fn by_message(life: &Life) -> BTreeMap<u64, Vec<&Event>> {
    let mut of: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    for event in &life.events {
        of.entry(event.message.0).or_default().push(event);
    }
    of
}

/// What is known on the way through the events.
struct Teller<'s> {
    setup: Setup<'s>,
    start: Instant,
    number: u32,
    /// How it stands in the queue.
    standing: Option<Standing>,
    /// The route that was chosen before the attempt begins.
    routes: Option<Decision>,
    /// The task whose transaction at hand is this recipient's.
    tried_in: Option<u64>,
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
        (recipient, task): (u32, u64),
    ) -> Option<&'t mut Option<Decision>> {
        let is_mine = recipient == self.number;
        match (kind, timeline.attempts.last_mut()) {
            (Kind::Schedule, None) if is_mine => Some(&mut timeline.schedule),
            (Kind::Route, _) if is_mine => Some(&mut self.routes),
            (Kind::Schedule, Some(last)) if is_mine => last.place(Kind::Schedule),
            // Those of a transaction are made for its first recipient.
            (Kind::Connection | Kind::Tls, Some(last)) if self.tried_in == Some(task) => last.place(kind),
            _ => None,
        }
    }

    fn tell(&mut self, event: &Event, timeline: &mut Timeline) {
        let at = event.at.since(self.start);
        match &event.what {
            What::Accepted(_) => timeline.accepted = Some(at),
            What::Stands { recipient, standing } if *recipient == self.number => {
                self.standing = Some(standing.clone());
                match timeline.attempts.last_mut() {
                    None => timeline.standing.get_or_insert_with(|| standing.clone()),
                    Some(last) if last.outcome.is_some() => last.then.get_or_insert_with(|| standing.clone()),
                    Some(_) => return,
                };
            }
            What::Counted { recipients, limiter, key, count } if recipients.contains(&self.number) => {
                let limiters = &self.setup.policy(event.policy).1.limiters;
                let is_full = limiters.get(*limiter).is_some_and(|limiter| *count > limiter.count);
                let under = Under::Limiter { place: *limiter, count: Some(*count) };
                let (key, policy) = (key.clone(), event.policy);
                timeline.counted.push(Counted { at, policy, under, key, is_full });
            }
            What::Quota { recipients, quota, key, messages, size }
                if recipients.is_empty() || recipients.contains(&self.number) =>
            {
                let quotas = &self.setup.policy(event.policy).1.quotas;
                let is_full = quotas.get(*quota).is_some_and(|quota| {
                    quota.messages.is_some_and(|most| *messages > most) || quota.size.is_some_and(|most| *size > most)
                });
                let under = Under::Quota { place: *quota, messages: *messages, size: *size };
                let (key, policy) = (key.clone(), event.policy);
                timeline.counted.push(Counted { at, policy, under, key, is_full });
            }
            What::Decided { recipient, kind, chosen, is_instead } => {
                let decision = self.decision(event.policy, *kind, *chosen, *is_instead);
                if let Some(place) = self.place(timeline, *kind, (*recipient, event.task)) {
                    let before = place.replace(decision);
                    // The first TLS strategy is chosen before a host is known.
                    if let (Kind::Tls, Some(last)) = (kind, timeline.attempts.last_mut()) {
                        last.first_tls = last.first_tls.take().or(before);
                    }
                }
            }
            What::Set { recipient, setting, picked } => {
                let Some(ruled) = self.setup.policy(event.policy).0.plan().settings.get(*setting) else { return };
                let value = picked.given.as_ref().map(|given| ruled.shown(given));
                let set = SetBy { key: ruled.setting.key(), value, rule: picked.rule.map(RuleId::index) };
                if let Some(Some(decision)) = self.place(timeline, ruled.setting.kind(), (*recipient, event.task)) {
                    decision.settings.push(set);
                }
            }
            What::Attempt(recipients) => {
                if self.begins(recipients, event.task) {
                    let attempt = self.attempt(at, recipients.clone());
                    timeline.attempts.push(attempt);
                }
            }
            What::Apart(recipients) if recipients.contains(&self.number) => self.tried_in = None,
            What::Resumed(recipients) => {
                self.begins(recipients, event.task);
            }
            What::Connecting { host, ip, from, ehlo } => {
                let connection = Connection { host: host.clone(), ip: *ip, from: *from, ehlo: ehlo.clone() };
                self.step(timeline, event, Step::Connecting(connection));
            }
            What::Secured { host, verification, is_by_sts } => {
                let secured = Secured::of(*verification, *is_by_sts);
                self.step(timeline, event, Step::Secured(host.clone(), secured));
            }
            What::InClear { host } => self.step(timeline, event, Step::InClear(host.clone())),
            What::TlsCounted(what) => self.step(timeline, event, Step::TlsCounted(what.clone())),
            What::HostFailed { host, failure } => {
                self.step(timeline, event, Step::Failed(host.clone(), failure.clone()));
            }
            What::Outcome { recipient, status, next } if *recipient == self.number => {
                let next = next.map(|next| next.since(self.start));
                match timeline.attempts.last_mut().filter(|last| last.is_open()) {
                    Some(last) => {
                        last.outcome = Some((at, status.clone()));
                        last.next = next;
                    }
                    None => timeline.given_up = Some((at, status.clone())),
                }
            }
            What::Limited { recipients, limiter, until } if recipients.contains(&self.number) => {
                let is_it = |counted: &&Counted| match counted.under {
                    Under::Limiter { place, .. } => counted.is_full && place == *limiter && counted.at == at,
                    Under::Quota { .. } => false,
                };
                let counted = timeline.counted.iter().rfind(is_it).cloned();
                let target = Behaviour::of(self.setup.engine.plan().target);
                let target = self.setup.without.map_or(target, |quirk| target.without(quirk));
                let is_noted = target.has(Quirk::RateErasesLastError);
                let held = Held { at, limiter: *limiter, counted, until: until.since(self.start), rounds: 1, is_noted };
                // A limit for a whole work item holds it before an attempt begins.
                if !timeline.attempts.last().is_some_and(Try::is_open) {
                    let attempt = self.attempt(at, vec![self.number]);
                    timeline.attempts.push(attempt);
                }
                if let Some(last) = timeline.attempts.last_mut() {
                    last.next = Some(held.until);
                    last.held = Some(held);
                }
                self.tried_in = None;
            }
            What::HeldOn { recipients, limiter, rounds, until } if recipients.contains(&self.number) => {
                self.held_on(timeline, (event.policy, *limiter), *rounds, until.since(self.start));
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
            | What::Stands { .. }
            | What::Counted { .. }
            | What::Quota { .. }
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

    /// It was held so many rounds more, the last one until then.
    fn held_on(&mut self, timeline: &mut Timeline, (policy, limiter): (usize, usize), rounds: u64, until: Millis) {
        let Some(mut held) = timeline.attempts.last().and_then(|last| last.held.clone()) else { return };
        // Each ends where a window does, and the next one begins there.
        let period = self.setup.policy(policy).1.limiters.get(limiter).map_or(1, |limit| limit.period.0);
        let ends = |left: u64| Millis(until.0.saturating_sub(left * period));
        // How many are counted by then, and under which key of another limiter, is known of the first round alone.
        let known = held.counted.take().filter(|_| held.limiter == limiter);
        let key = known.map(|known| known.key).unwrap_or_default();
        let under = Under::Limiter { place: limiter, count: None };
        held.counted = Some(Counted { at: held.until, policy, under, key, is_full: true });
        held.limiter = limiter;
        let each = if rounds > ROUNDS_TOLD { rounds } else { 1 };
        for round in 1..=rounds / each {
            (held.at, held.until, held.rounds) = (held.until, ends(rounds - round * each), each);
            let attempt = self.attempt(held.at, vec![self.number]);
            timeline.attempts.push(Try { next: Some(held.until), held: Some(held.clone()), ..attempt });
        }
    }

    /// An attempt that begins.
    fn attempt(&mut self, at: Millis, together: Vec<u32>) -> Try {
        Try {
            at,
            together,
            standing: self.standing.clone(),
            then: None,
            first_tls: None,
            decisions: [self.routes.take(), None, None, None],
            steps: Vec::new(),
            held: None,
            outcome: None,
            next: None,
        }
    }

    /// A task begins with a transaction for these; whether this recipient is among them.
    fn begins(&mut self, recipients: &[u32], task: u64) -> bool {
        let is_mine = recipients.contains(&self.number);
        if is_mine {
            self.tried_in = Some(task);
        } else if self.tried_in == Some(task) {
            self.tried_in = None;
        }
        is_mine
    }

    fn step(&self, timeline: &mut Timeline, event: &Event, step: Step) {
        if let Some(last) = timeline.attempts.last_mut().filter(|_| self.tried_in == Some(event.task)) {
            last.steps.push((event.at.since(self.start), step));
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

    /// The TLS strategy that was chosen before a host was known.
    #[must_use]
    pub fn tls_before_hosts(&self) -> Option<&Decision> {
        self.first_tls.as_ref().or_else(|| self.decision(Kind::Tls))
    }

    /// How many attempts it stands for.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.held.as_ref().map_or(1, |held| held.rounds)
    }

    /// Whether something may still come of it.
    const fn is_open(&self) -> bool {
        self.outcome.is_none() && self.held.is_none()
    }

    /// The status behind it, and when it was reached; one that was held is deferred.
    fn status(&self) -> Option<(Millis, Wanted)> {
        let held = self.held.as_ref().map(|held| (held.at, Wanted::Deferred));
        held.or_else(|| self.outcome.as_ref().map(|(at, status)| (*at, word(status))))
    }
}

impl Timeline {
    /// The status codes by which the sender was told about the recipient, in order; `None` where it was told nothing.
    #[must_use]
    pub fn report_status(&self, life: &Life) -> Option<String> {
        let statuses = self.reports.iter().filter_map(|(_, report, _)| {
            let report = life.reports.get(report)?;
            let place = report.lines.iter().position(|(place, _)| *place == self.place)?;
            report.statuses.get(place).map(String::as_str)
        });
        let statuses: Vec<&str> = statuses.collect();
        (!statuses.is_empty()).then(|| statuses.join(" "))
    }

    fn new(message: u64, recipient: usize, rcpt: &Mailbox) -> Self {
        Self {
            message: usize::try_from(message).unwrap_or(usize::MAX),
            recipient,
            place: 0,
            rcpt: rcpt.clone(),
            accepted: None,
            refused: None,
            schedule: None,
            standing: None,
            attempts: Vec::new(),
            notices: Vec::new(),
            rescheduled: Vec::new(),
            counted: Vec::new(),
            reports: Vec::new(),
            given_up: None,
        }
    }

    /// Puts together what happened to the recipient of this number in the core.
    fn fill(&mut self, setup: Setup<'_>, life: &Life, number: u32, events: &[&Event]) {
        let start = life.start;
        self.place = number;
        let mut teller = Teller { setup, start, number, standing: None, routes: None, tried_in: None };
        for event in events {
            teller.tell(event, self);
        }
    }

    /// The status at the end, and when it was reached.
    #[must_use]
    pub fn last(&self) -> (Option<Millis>, Wanted) {
        let given_up = self.given_up.as_ref().map(|(at, status)| (*at, word(status)));
        match given_up.or_else(|| self.last_noted().and_then(Try::status)) {
            Some((at, status)) => (Some(at), status),
            None if self.refused.is_some() => (None, Wanted::Refused),
            None => (None, Wanted::Scheduled),
        }
    }

    /// The last attempt that is noted of the recipient: our own queue notes nothing of one that a rate limit held.
    fn last_noted(&self) -> Option<&Try> {
        self.attempts.iter().rfind(|attempt| attempt.held.as_ref().is_none_or(|held| held.is_noted))
    }

    /// The attempts, each with its number, from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Try)> {
        self.attempts.iter().scan(1, |next, attempt| {
            let number = *next;
            *next += attempt.rounds();
            Some((number, attempt))
        })
    }

    /// How often it was tried.
    #[must_use]
    pub fn tries(&self) -> u64 {
        self.attempts.iter().map(Try::rounds).sum()
    }

    /// The attempt of this number, from 1.
    fn attempt(&self, number: u32) -> Option<&Try> {
        let number = u64::from(number);
        self.numbered().find(|(first, attempt)| (*first..first + attempt.rounds()).contains(&number)).map(|(_, it)| it)
    }

    /// The quota that had no room for it.
    #[must_use]
    pub fn full_quota(&self) -> Option<&Counted> {
        self.counted.iter().find(|counted| counted.is_full && matches!(counted.under, Under::Quota { .. }))
    }

    /// What was left by an attempt, or by the last one.
    pub(crate) fn seen(&self, number: Option<u32>, attempt: Option<&Try>, life: &Life) -> SeenAt {
        let mut seen = SeenAt::default();
        let mut counted: Vec<&str> = Vec::new();
        for (at, step) in attempt.into_iter().flat_map(|attempt| &attempt.steps) {
            match step {
                Step::Connecting(Connection { host, ip, .. }) => {
                    seen.commands = Some(life.seen.commands(self.message as u64, life.start + *at, host, *ip));
                    seen.host = Some(host.to_string());
                    seen.secured = Some(false.to_string());
                }
                Step::Secured(..) => seen.secured = Some(true.to_string()),
                Step::TlsCounted(what) => counted.push(what),
                Step::InClear(_) | Step::Failed(..) => {}
            }
        }
        seen.tls_report = attempt.filter(|_| !counted.is_empty()).map(|_| counted.join(", "));
        let given_up = self.given_up.as_ref().filter(|_| number.is_none()).map(|(_, status)| status);
        let outcome = attempt.and_then(|attempt| attempt.outcome.as_ref()).map(|(_, status)| status);
        seen.error = given_up.or(outcome).map(|status| match status {
            Status::Scheduled | Status::Delivered(_) => "none".to_owned(),
            Status::Deferred(_) | Status::Bounced(_) => status.last_error().to_owned(),
        });
        if given_up.is_none() && attempt.is_some_and(|attempt| attempt.held.is_some()) {
            seen.error = Some("rate".to_owned());
        }
        seen
    }

    /// The status behind attempt `number`, from 1.
    fn behind(&self, number: u32) -> Option<(Option<Millis>, Wanted)> {
        let (at, status) = self.attempt(number)?.status()?;
        Some((Some(at), status))
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
        let number = expectation.decided_at();
        let asked = timeline.attempt(number);
        let tries = timeline.tries();
        for kind in Kind::ALL {
            let Some(expected) = expectation.decision(kind) else { continue };
            let at_enqueue = timeline.schedule.as_ref().filter(|_| kind == Kind::Schedule && number == 1);
            // Where no attempt is named, it is the first one that came to the decision: one that was held may have not.
            let tried = match expectation.attempt {
                Some(_) => asked.and_then(|attempt| attempt.decision(kind)),
                None => timeline.attempts.iter().find_map(|attempt| attempt.decision(kind)),
            };
            let found = match at_enqueue.or(tried) {
                Some(Decision { name: Some(name), .. }) => name.clone(),
                Some(Decision { name: None, .. }) => "no strategy".to_owned(),
                None if asked.is_none() => format!("no attempt {number}: there were {tries}"),
                None => "no decision".to_owned(),
            };
            if found == expected.name {
                met += 1;
            } else {
                unmet.push(otherwise(kind.word(), expected.name.clone(), found, expected.place));
            }
        }
        let attempt = match expectation.attempt {
            Some(_) => asked,
            None => timeline.last_noted(),
        };
        let found = timeline.seen(expectation.attempt, attempt, life);
        let told: Vec<&str> = timeline.reports.iter().map(|(_, _, action)| action.word()).collect();
        let attempts = tries.to_string();
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
                let found = format!("no such attempt: there were {tries}");
                unmet.push(otherwise("status", wanted.word().into(), found, expectation.place));
            }
        }
    }
    (unmet, met)
}
