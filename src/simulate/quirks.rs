//! Where a quirk of the target decided: where, without it, things would have gone otherwise.
//!
//! A run is repeated as often as the target has quirks, each time without one of them, and the lives of each recipient are
//! compared. So what is said is true by its making, and holds for every quirk of the table without a word about any.
//! Quirks of loading a policy are not in it: they are in the strategies that a run begins with.

use base::Millis;
use policy::Quirk;
use scenario::Environment;

use crate::{
    peer::Taken,
    run::{Keep, Life, Setup, run},
    timeline::{Step, Timeline, timelines},
};

/// Of how many messages at most it is said what quirks decided.
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
}

/// What decided about each of `known`, which are the timelines of `life`, in their order; nothing where there are more than
/// [`MESSAGES_MAX`] messages.
#[must_use]
pub fn decided(setup: Setup<'_>, environment: &Environment, life: &Life, known: &[Timeline]) -> Vec<Vec<Decided>> {
    let mut all = vec![Vec::new(); known.len()];
    let target = setup.engine.plan().target;
    if setup.scenario.messages.len() > MESSAGES_MAX {
        return all;
    }
    let with: Vec<_> = known.iter().map(|timeline| moments(timeline, life)).collect();
    for quirk in Quirk::ALL.iter().copied().filter(|quirk| target.has(*quirk)) {
        let setup = Setup { without: Some(quirk), ..setup };
        let life = run(setup, &mut environment.clone(), Keep::Events);
        let without = timelines(setup, &life);
        for ((decided, with), without) in all.iter_mut().zip(&with).zip(&without) {
            let from = difference(with, &moments(without, &life));
            decided.extend(from.map(|from| Decided { quirk, from }));
        }
    }
    for decided in &mut all {
        decided.sort_by_key(|decided| decided.from);
    }
    all
}

/// What happened to a recipient, in order.
fn moments(timeline: &Timeline, life: &Life) -> Vec<(Millis, String)> {
    let mut all = vec![(
        timeline.accepted.unwrap_or_default(),
        format!("{:?} {:?} {:?}", timeline.accepted.is_some(), timeline.refused, timeline.schedule),
    )];
    for attempt in &timeline.attempts {
        all.push((attempt.at, format!("{:?}", attempt.decisions)));
        for (at, step) in &attempt.steps {
            all.push((*at, format!("{step:?}")));
            if let Step::Connecting(host, ip) = step {
                all.push((*at, life.seen.commands(timeline.message as u64, life.start + *at, host, *ip)));
            }
        }
        if let Some((at, status)) = &attempt.outcome {
            all.push((*at, format!("{status:?}")));
        }
        all.extend(attempt.next.map(|next| (next, "next".to_owned())));
    }
    let mine = |taken: &&Taken| taken.message == timeline.message as u64 && taken.rcpt == timeline.rcpt.as_str();
    for taken in life.taken.iter().filter(mine) {
        all.push((taken.at.since(life.start), format!("{} {:?}", taken.parameters, taken.headers)));
    }
    all.extend(timeline.notices.iter().map(|at| (*at, "notice".to_owned())));
    all.extend(timeline.waits.iter().map(|wait| (wait.until, format!("waits for {}", wait.limiter))));
    for (at, number, action) in &timeline.reports {
        let report = life.reports.get(number).map(|report| report.returns);
        let fields = life.reports.get(number).map(|report| fields(&report.before, timeline.rcpt.as_str()));
        all.push((*at, format!("{action:?} {report:?} {fields:?}")));
    }
    all.extend(timeline.given_up.iter().map(|(at, status)| (*at, format!("{status:?}"))));
    // What comes at one moment stays in the order of its kinds.
    all.sort_by_key(|(at, _)| *at);
    all
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
