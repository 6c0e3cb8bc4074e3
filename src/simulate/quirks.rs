//! Where a quirk of the target decided: where, without it, things would have gone otherwise.
//!
//! A run is repeated as often as the target has quirks, each time without one of them, and the lives of each recipient are
//! compared. So what is said is true by its making, and holds for every quirk of the table without a word about any. Of some
//! quirks nothing but the words comes otherwise, a reply that is kept or what a report says: those are told apart.
//! Quirks of loading a policy are not in it: they are in the strategies that a run begins with.

use base::Millis;
use delivery::Status;
use policy::Quirk;
use scenario::Environment;

use crate::{
    peer::Taken,
    run::{Keep, Life, Setup, run},
    timeline::{Connection, Step, Timeline, timelines, word},
};

/// Up to how many messages it is found out without being asked for: a run is repeated once for each quirk of the target.
pub const MESSAGES_MAX: usize = 200;

/// How far two moments may be apart that are one: an answer more or less takes so long.
const DRIFT: Millis = Millis::from_secs(60);

/// A quirk that decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decided {
    /// The quirk.
    pub quirk: Quirk,
    /// The first moment that would have been otherwise without it, from the run's beginning.
    pub from: Millis,
    /// Whether nothing but words would have been: texts of replies that are kept, and what reports say.
    pub is_words: bool,
}

/// What decided about each of `known`, which are the timelines of `life`, in their order.
#[must_use]
pub fn decided(setup: Setup<'_>, environment: &Environment, life: &Life, known: &[Timeline]) -> Vec<Vec<Decided>> {
    let mut all = vec![Vec::new(); known.len()];
    let target = setup.engine.plan().target;
    let with: Vec<_> = known.iter().map(|timeline| Moments::of(timeline, life)).collect();
    for quirk in Quirk::ALL.iter().copied().filter(|quirk| target.has(*quirk)) {
        let setup = Setup { without: Some(quirk), ..setup };
        let life = run(setup, &mut environment.clone(), Keep::Events);
        let without = timelines(setup, &life);
        for ((decided, with), without) in all.iter_mut().zip(&with).zip(&without) {
            let without = Moments::of(without, &life);
            let course = difference(&with.deeds, &without.deeds).map(|from| (from, false));
            let words = || difference(&with.words, &without.words).map(|from| (from, true));
            decided.extend(course.or_else(words).map(|(from, is_words)| Decided { quirk, from, is_words }));
        }
    }
    for decided in &mut all {
        decided.sort_by_key(|decided| decided.from);
    }
    all
}

/// What happened to a recipient, in order.
#[derive(Default)]
struct Moments {
    /// What was done.
    deeds: Vec<(Millis, String)>,
    /// What was said about it.
    words: Vec<(Millis, String)>,
}

impl Moments {
    fn of(timeline: &Timeline, life: &Life) -> Self {
        let mut all = Self::default();
        let accepted = (timeline.accepted.is_some(), &timeline.refused, &timeline.schedule);
        all.deeds.push((timeline.accepted.unwrap_or_default(), format!("{accepted:?}")));
        for attempt in &timeline.attempts {
            all.deeds.push((attempt.at, format!("{:?}", attempt.decisions)));
            for (at, step) in &attempt.steps {
                all.step(*at, step);
                if let Step::Connecting(Connection { host, ip, .. }) = step {
                    let commands = life.seen.commands(timeline.message as u64, life.start + *at, host, *ip);
                    all.deeds.push((*at, commands));
                }
            }
            if let Some(held) = &attempt.held {
                all.deeds.push((held.at, format!("held by {}", held.limiter)));
            }
            if let Some((at, status)) = &attempt.outcome {
                all.status(*at, status);
            }
            all.deeds.extend(attempt.next.map(|next| (next, "next".to_owned())));
        }
        let mine = |taken: &&Taken| taken.message == timeline.message as u64 && taken.rcpt == timeline.rcpt.as_str();
        for taken in life.taken.iter().filter(mine) {
            all.deeds.push((taken.at.since(life.start), format!("{} {:?}", taken.parameters, taken.headers)));
        }
        all.deeds.extend(timeline.notices.iter().map(|at| (*at, "notice".to_owned())));
        for (at, number, action) in &timeline.reports {
            let report = life.reports.get(number).map(|report| report.returns);
            let fields = life.reports.get(number).map(|report| fields(&report.before, timeline.rcpt.as_str()));
            all.deeds.push((*at, format!("{action:?}")));
            all.words.push((*at, format!("{report:?} {fields:?}")));
        }
        if let Some((at, status)) = &timeline.given_up {
            all.status(*at, status);
        }
        // What comes at one moment stays in the order of its kinds.
        all.deeds.sort_by_key(|(at, _)| *at);
        all.words.sort_by_key(|(at, _)| *at);
        all
    }

    fn step(&mut self, at: Millis, step: &Step) {
        let deed = match step {
            Step::Connecting(Connection { host, ip, .. }) => format!("{host} {ip}"),
            Step::Secured(host, secured) => format!("{host} {secured:?}"),
            Step::InClear(host) => format!("{host} in clear"),
            Step::TlsCounted(what) => return self.words.push((at, what.to_string())),
            Step::Failed(host, failure) => {
                self.words.push((at, format!("{failure:?}")));
                format!("{host} {:?}", failure.last_error())
            }
        };
        self.deeds.push((at, deed));
    }

    fn status(&mut self, at: Millis, status: &Status) {
        let entity = match status {
            Status::Scheduled => "",
            Status::Delivered(delivered) => &delivered.entity,
            Status::Deferred(failed) | Status::Bounced(failed) => &failed.entity,
        };
        self.deeds.push((at, format!("{:?} {entity} {}", word(status), status.last_error())));
        self.words.push((at, format!("{status:?}")));
    }
}

/// What a report says of a recipient, but its times, which are those of the moment.
fn fields(report: &[u8], rcpt: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(report).replace("\r\n", "\n");
    let head = format!("Final-Recipient: rfc822; {rcpt}");
    let own = text.split("\n\n").find(|part| part.lines().any(|line| line == head));
    let is_said = |line: &&str| {
        ["Status:", "Action:", "Original-Recipient:", "Remote-MTA:", "Diagnostic-Code:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    own.unwrap_or_default().lines().filter(is_said).map(str::to_owned).collect()
}

/// The first moment at which two lives are not one.
fn difference(one: &[(Millis, String)], other: &[(Millis, String)]) -> Option<Millis> {
    let is_same = |(one, other): &(&(Millis, String), &(Millis, String))| {
        one.1 == other.1 && one.0.0.abs_diff(other.0.0) < DRIFT.0
    };
    let same = one.iter().zip(other).take_while(is_same).count();
    let next = |life: &[(Millis, String)]| life.get(same).map(|(at, _)| *at);
    next(one).or_else(|| next(other))
}
