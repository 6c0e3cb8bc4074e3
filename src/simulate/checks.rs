//! What must hold of every run, whatever its scenario says.
//!
//! A checker reads the scenario, the policy's settings, and what servers took; never a verdict of the core. So a fault
//! of the core shows here, and a test plants each to show it.

use std::collections::BTreeMap;

use base::{Instant, Millis};
use delivery::{Recipient, Status, event::What};
use policy::{Kind, Quirk, Strategies, Target, strategy};
use scenario::Scenario;

use crate::{peer::Taken, run::Life};

/// Something that must never be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which checker found it.
    pub checker: &'static str,
    /// The message's place in the scenario.
    pub message: usize,
    /// What is wrong.
    pub what: String,
}

/// Everything that is wrong with a run.
#[must_use]
pub fn violations(scenario: &Scenario, strategies: &Strategies, target: Target, life: &Life) -> Vec<Violation> {
    let mut found = Vec::new();
    // A server that takes a final reply of 251 to 299 for a failure sends again what was taken: that is its own fault.
    let is_seen = |taken: &&Taken| taken.code == 250 || !target.has(Quirk::OnlyFinal250);
    let seen: Vec<&Taken> = life.taken.iter().filter(is_seen).collect();
    accounted(scenario, life, &mut found);
    delivered_once(&seen, &mut found);
    delivered_is_taken(life, &seen, &mut found);
    told(scenario, life, &mut found);
    in_clear(strategies, life, &mut found);
    parallel(strategies, life, &mut found);
    time(life, &mut found);
    found
}

/// Every accepted recipient has exactly one end: delivered, given up, or still in the queue with a time to come.
fn accounted(scenario: &Scenario, life: &Life, found: &mut Vec<Violation>) {
    let ends = life.start + scenario.length;
    for (place, message) in scenario.messages.iter().enumerate() {
        let known = life.recipients.get(&(place as u64));
        for rcpt in &message.recipients {
            let states: Vec<&Recipient> =
                known.into_iter().flatten().filter(|recipient| recipient.address == *rcpt).collect();
            let mut wrong = |what: String| found.push(Violation { checker: "accounted", message: place, what });
            match *states {
                // What is handed in behind the end, or as the run ends, was never accepted.
                [] if life.refused.contains_key(&(place as u64)) => {}
                [] if life.start + message.at + Millis(1) >= ends || life.is_stopped => {}
                [] => wrong(format!("{rcpt} was lost")),
                [state] => {
                    let is_waiting = state.next_event().is_some_and(|at| at != Instant::NEVER);
                    if !state.status.is_final() && !is_waiting {
                        wrong(format!("{rcpt} is in the queue, and nothing will ever happen"));
                    }
                }
                _ => wrong(format!("{rcpt} is there {} times", states.len())),
            }
        }
    }
}

/// Nobody gets a message twice.
fn delivered_once(taken: &[&Taken], found: &mut Vec<Violation>) {
    let mut known: BTreeMap<(u64, &str), &Taken> = BTreeMap::new();
    for taken in taken {
        if let Some(first) = known.insert((taken.message, &taken.rcpt), taken) {
            let what = format!("{} got it from {} and again from {}", taken.rcpt, first.host, taken.host);
            found.push(Violation { checker: "delivered-once", message: taken.message as usize, what });
        }
    }
}

/// What is told to be delivered to a host was taken by it, and what was taken is told to be delivered.
fn delivered_is_taken(life: &Life, taken: &[&Taken], found: &mut Vec<Violation>) {
    for (place, recipients) in &life.recipients {
        for recipient in recipients {
            let rcpt = recipient.address.as_str();
            let is_taken = taken.iter().any(|taken| taken.message == *place && taken.rcpt == rcpt);
            let mut wrong =
                |what: String| found.push(Violation { checker: "delivered-is-taken", message: *place as usize, what });
            match &recipient.status {
                Status::Delivered(delivered) if &*delivered.entity != "localhost" && !is_taken => {
                    wrong(format!("{rcpt} is told to be delivered to {}, which did not take it", delivered.entity));
                }
                Status::Bounced(_) if is_taken => {
                    wrong(format!("{rcpt} is told to be given up, and a server took it"));
                }
                _ => {}
            }
        }
    }
}

/// A sender is told of every recipient that was given up, unless there is nobody to tell or it did not want to hear;
/// and once.
fn told(scenario: &Scenario, life: &Life, found: &mut Vec<Violation>) {
    for (place, message) in scenario.messages.iter().enumerate() {
        let wants = message.notify.is_none_or(|notify| notify.failure) && !message.sender.is_null();
        for recipient in life.recipients.get(&(place as u64)).into_iter().flatten() {
            let rcpt = recipient.address.as_str();
            let line = format!("Final-Recipient: rfc822; {rcpt}\r\nAction: failed\r\n").into_bytes();
            let about = life.reports.values().filter(|report| report.about.0 == place as u64);
            let times = about.filter(|report| report.before.windows(line.len()).any(|part| part == line)).count();
            let is_due = wants && matches!(recipient.status, Status::Bounced(_));
            let what = match (is_due, times) {
                (true, 1) | (false, 0) => continue,
                (true, 0) => format!("nobody was told that {rcpt} was given up"),
                (true, _) => format!("the sender was told {times} times that {rcpt} was given up"),
                (false, _) => format!("the sender was told that {rcpt} was given up"),
            };
            found.push(Violation { checker: "told", message: place, what });
        }
    }
}

/// Nothing is sent in clear text where the strategy that the policy chose for the host demands TLS.
fn in_clear(strategies: &Strategies, life: &Life, found: &mut Vec<Violation>) {
    let demands = |tls: &strategy::Tls| {
        [tls.starttls, tls.dane, tls.mta_sts].contains(&strategy::Requirement::Require)
            && tls.starttls != strategy::Requirement::Disable
    };
    for taken in life.taken.iter().filter(|taken| !taken.is_secure) {
        // The last TLS decision about the message before that moment is the one about this host.
        let decided = life.events.iter().rev().filter(|event| event.message.0 == taken.message && event.at <= taken.at);
        let mut chosen = decided.filter_map(|event| match &event.what {
            What::Decided { kind: Kind::Tls, chosen, .. } => *chosen,
            _ => None,
        });
        let strategy = chosen.next().and_then(|chosen| strategies.tls(chosen.id));
        if strategy.is_some_and(demands) {
            let what = format!("{} was sent to {} in clear text, and TLS is demanded", taken.rcpt, taken.host);
            found.push(Violation { checker: "in-clear", message: taken.message as usize, what });
        }
    }
}

/// No queue has more connections at a time than it has threads.
fn parallel(strategies: &Strategies, life: &Life, found: &mut Vec<Violation>) {
    for (queue, (most, message)) in &life.most_connections {
        let allowed = strategies.queue(*queue).map_or(0, |queue| queue.threads);
        if *most > allowed {
            let what = format!("{most} connections were open at a time for a queue of {allowed}");
            found.push(Violation { checker: "parallel", message: *message as usize, what });
        }
    }
}

/// Time never runs backwards.
fn time(life: &Life, found: &mut Vec<Violation>) {
    for pair in life.events.windows(2) {
        if let [before, after] = pair
            && after.at < before.at
        {
            let what = format!("something happened at {} after {}", after.at.0, before.at.0);
            found.push(Violation { checker: "time", message: after.message.0 as usize, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use delivery::{
        event::Event,
        message::{Delivered, Expires, Failed, MessageId, Notify},
        reply::Reply,
    };
    use policy::{Chosen, StrategyId, strategy::QueueId};
    use scenario::Message;

    use super::*;

    const HOST: &str = "mx.corp.test";

    fn recipient(status: Status) -> Recipient {
        Recipient {
            address: base::Mailbox::parse("bob@corp.test").unwrap(),
            notify: Notify::Unsaid,
            orcpt: None,
            status,
            queue: QueueId(0),
            due: Instant(2_000),
            retry_num: 0,
            notify_num: 0,
            notify_due: Instant::NEVER,
            expires: Expires::After(3),
            is_reported: false,
        }
    }

    fn delivered() -> Status {
        Status::Delivered(Box::new(Delivered { entity: HOST.into(), reply: Reply::new(250, "ok"), relay: None }))
    }

    fn strategies() -> Strategies {
        let queue = strategy::VirtualQueue { name: "default".into(), threads: 2 };
        let strict = strategy::Tls { starttls: strategy::Requirement::Require, ..strategy::Tls::BUILT_IN };
        Strategies {
            hostname: "here.test".into(),
            routes: Vec::new(),
            schedules: Vec::new(),
            connections: Vec::new(),
            tls: vec![strategy::Tls::BUILT_IN, strict],
            queues: vec![queue],
            limiters: Vec::new(),
            quotas: Vec::new(),
            dsn: strategy::Dsn { from_name: "x".into(), from_address: "x@here.test".into(), submitter: "x".into() },
        }
    }

    /// A run in which one message was delivered, in clear text by a strategy that allows it.
    fn good() -> (Scenario, Life) {
        let message = Message {
            id: "m1".to_owned(),
            sender: base::Mailbox::parse("alice@home.example").unwrap(),
            recipients: vec![base::Mailbox::parse("bob@corp.test").unwrap()],
            ..Message::default()
        };
        let scenario = Scenario { messages: vec![message], ..Scenario::default() };
        let start = Instant(1_000);
        let decided = |at, strategy| Event {
            at: Instant(at),
            message: MessageId(0),
            what: What::Decided {
                recipient: 0,
                kind: Kind::Tls,
                chosen: Some(Chosen { id: StrategyId::at(strategy), rule: None }),
                is_instead: false,
            },
        };
        let taken = Taken {
            at: Instant(1_500),
            message: 0,
            host: HOST.to_owned(),
            ip: [198, 51, 100, 1].into(),
            sender: String::new(),
            rcpt: "bob@corp.test".to_owned(),
            is_secure: false,
            code: 250,
        };
        let life = Life {
            start,
            end: Instant(3_000),
            events: vec![decided(1_100, 1), decided(1_200, 0)],
            recipients: BTreeMap::from([(0, vec![recipient(delivered())])]),
            refused: BTreeMap::new(),
            reports: BTreeMap::new(),
            taken: vec![taken],
            unanswered: std::collections::BTreeSet::new(),
            most_connections: BTreeMap::from([(QueueId(0), (2, 0))]),
            is_stopped: false,
        };
        (scenario, life)
    }

    #[test]
    fn each_checker_catches_what_it_is_for() {
        type Plant = fn(&mut Life);
        let cases: [(&str, Plant); 11] = [
            ("", |_| {}),
            ("accounted: bob@corp.test was lost", |life| {
                life.recipients.clear();
                life.taken.clear();
            }),
            ("accounted: bob@corp.test is there 2 times", |life| {
                life.recipients.insert(0, vec![recipient(delivered()), recipient(delivered())]);
            }),
            ("accounted: bob@corp.test is in the queue, and nothing will ever happen", |life| {
                let stuck = Recipient { due: Instant::NEVER, ..recipient(Status::Scheduled) };
                life.recipients.insert(0, vec![stuck]);
                life.taken.clear();
            }),
            ("delivered-once: bob@corp.test got it from mx.corp.test and again from mx.corp.test", |life| {
                life.taken.push(life.taken[0].clone());
            }),
            (
                "delivered-is-taken: bob@corp.test is told to be delivered to mx.corp.test, which did not take it",
                |life| {
                    life.taken.clear();
                },
            ),
            ("told: nobody was told that bob@corp.test was given up", |life| {
                let failed = Failed { entity: HOST.into(), failure: delivery::Failure::NullMx };
                life.recipients.insert(0, vec![recipient(Status::Bounced(Box::new(failed)))]);
                life.taken.clear();
            }),
            (
                "delivered-is-taken: bob@corp.test is told to be given up, and a server took it; told: nobody was told that bob@corp.test was given up",
                |life| {
                    let failed = Failed { entity: HOST.into(), failure: delivery::Failure::NullMx };
                    life.recipients.insert(0, vec![recipient(Status::Bounced(Box::new(failed)))]);
                },
            ),
            ("in-clear: bob@corp.test was sent to mx.corp.test in clear text, and TLS is demanded", |life| {
                life.events.pop();
            }),
            ("parallel: 3 connections were open at a time for a queue of 2", |life| {
                life.most_connections.insert(QueueId(0), (3, 0));
            }),
            ("time: something happened at 1100 after 1200", |life| life.events.swap(0, 1)),
        ];
        for (expected, plant) in cases {
            let (scenario, mut life) = good();
            plant(&mut life);
            let found = violations(&scenario, &strategies(), Target::Native, &life);
            let shown: Vec<String> =
                found.iter().map(|violation| format!("{}: {}", violation.checker, violation.what)).collect();
            if expected.starts_with("time") {
                // The last decision is then the strict one.
                assert!(shown.contains(&expected.to_owned()), "{shown:?}");
            } else {
                assert_eq!(shown.join("; "), expected);
            }
        }
    }
}
