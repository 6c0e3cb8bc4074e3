//! What must hold of every run, whatever its scenario says.
//!
//! A checker reads the scenario, the policy's settings, and what servers took; never a verdict of the core. So a fault
//! of the core shows here, and a test plants each to show it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use base::{Instant, Mailbox, Millis};
use delivery::{
    Recipient, Status,
    event::{Event, What},
};
use policy::{
    Given, Kind, Quirk, Strategies, StrategyId, Target,
    strategy::{self, CountBy, IpLookup, Requirement, Scope},
};
use scenario::{
    Message, Scenario, World,
    world::{Deed, DnsAnswer, DnsFault, Host, MtaSts, Span, Stage, StartTls, Tlsa},
    zone::{Data, Found},
};

use crate::{
    peer::Taken,
    run::{Connected, Life, Setup},
};

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
pub fn violations(setup: Setup<'_>, life: &Life) -> Vec<Violation> {
    let Setup { scenario, engine, strategies, .. } = setup;
    let target = engine.plan().target;
    let mut found = Vec::new();
    // A server that takes a final reply of 251 to 299 for a failure sends again what was taken: that is its own fault.
    let is_seen = |taken: &&Taken| taken.code == 250 || !target.has(Quirk::OnlyFinal250);
    let seen: Vec<&Taken> = life.taken.iter().filter(is_seen).collect();
    accounted(scenario, life, &mut found);
    delivered_once(life, &seen, &mut found);
    delivered_is_taken(life, &seen, &mut found);
    told(setup, life, &mut found);
    in_clear(setup, life, &mut found);
    parallel(setup, life, &mut found);
    // What was counted under one policy may count under the next, or not: that is not seen from outside.
    if setup.reloads.is_empty() {
        limits(scenario, strategies, target, life, &mut found);
    }
    given_up(setup, life, &mut found);
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
                [] if life.refused.contains_key(&(place as u64)) => {}
                [] if life.refused_at_rcpt.get(&(place as u64)).is_some_and(|refused| refused.contains_key(rcpt)) => {}
                // What is handed in behind the end, or as the run ends, was never accepted.
                [] if life.start + message.at + Millis(1) >= ends || life.is_stopped => {}
                [] if life.seen.unaccepted.contains(&(place as u64)) => {}
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

/// Whether the node crashed after `taken`, before it could store that somebody had it (RFC 1047): the one moment at which
/// what was delivered may be forgotten, however long it is because the disk is full.
fn is_forgotten(life: &Life, taken: &Taken) -> bool {
    let places = life.recipients.get(&taken.message).into_iter().flatten().zip(0..);
    let place = places.into_iter().find(|(known, _)| known.address.as_str() == taken.rcpt).map(|(_, place)| place);
    let stored = place.and_then(|place: u32| life.seen.settled.get(&(taken.message, place)));
    let is_between = |(at, effect): &(Instant, u64)| {
        let is_unstored =
            |(message, failed): &(u64, u64)| *message == taken.message && (taken.effect..*effect).contains(failed);
        let was_soon = *at <= taken.answered || life.seen.unstored.iter().any(is_unstored);
        *effect >= taken.effect && was_soon && stored.is_none_or(|stored| effect < stored)
    };
    life.seen.crashes.iter().any(is_between)
}

/// Nobody gets a message twice.
fn delivered_once(life: &Life, taken: &[&Taken], found: &mut Vec<Violation>) {
    let mut known: BTreeMap<(u64, &str), &Taken> = BTreeMap::new();
    for taken in taken {
        if let Some(first) =
            known.insert((taken.message, &taken.rcpt), taken).filter(|first| !is_forgotten(life, first))
        {
            let what = format!("{} got it from {} and again from {}", taken.rcpt, first.host, taken.host);
            found.push(Violation { checker: "delivered-once", message: taken.message as usize, what });
        }
    }
}

/// What is told to be delivered to a host was taken by it, and what was taken is told to be delivered.
fn delivered_is_taken(life: &Life, taken: &[&Taken], found: &mut Vec<Violation>) {
    let mut known: BTreeMap<(u64, &str), bool> = BTreeMap::new();
    for taken in taken {
        *known.entry((taken.message, &taken.rcpt)).or_insert(true) &= is_forgotten(life, taken);
    }
    // A yes of another code is one all the same.
    for taken in &life.taken {
        known.entry((taken.message, &taken.rcpt)).or_insert(true);
    }
    for (place, recipients) in &life.recipients {
        for recipient in recipients {
            let rcpt = recipient.address.as_str();
            let forgotten = known.get(&(*place, rcpt));
            let mut wrong =
                |what: String| found.push(Violation { checker: "delivered-is-taken", message: *place as usize, what });
            match &recipient.status {
                Status::Delivered(delivered) if &*delivered.entity != "localhost" && forgotten.is_none() => {
                    wrong(format!("{rcpt} is told to be delivered to {}, which did not take it", delivered.entity));
                }
                Status::Bounced(_) if forgotten == Some(&false) => {
                    wrong(format!("{rcpt} is told to be given up, and a server took it"));
                }
                _ => {}
            }
        }
    }
}

/// A sender is told of every recipient that was given up, unless there is nobody to tell or it did not want to hear;
/// and once.
fn told(setup: Setup<'_>, life: &Life, found: &mut Vec<Violation>) {
    let Setup { scenario, world, engine, .. } = setup;
    let target = engine.plan().target;
    for (place, message) in scenario.messages.iter().enumerate() {
        // Nobody asked to hear of what a server makes itself.
        let is_own = matches!(message.source, "dsn" | "report" | "autogenerated");
        for recipient in life.recipients.get(&(place as u64)).into_iter().flatten() {
            let notify = message.notify_for.get(&recipient.address).or(message.notify.as_ref());
            let wants = notify.map_or(!is_own, |notify| notify.failure) && !message.sender.is_null();
            let rcpt = recipient.address.as_str();
            let line = format!("Final-Recipient: rfc822; {rcpt}\r\nAction: failed\r\n").into_bytes();
            let about = life.reports.values().filter(|report| report.about.0 == place as u64);
            let times = about.filter(|report| report.before.windows(line.len()).any(|part| part == line)).count();
            // Whether its sender is told of what an operator cancelled is the operator's to say.
            if is_cancelled(world, message, &recipient.address, None) && times < 2 {
                continue;
            }
            let is_due = wants && matches!(recipient.status, Status::Bounced(_));
            // Where there are several queues, each tells, and may tell of what another one still delivers.
            let tells_again = message.recipients.len() > 1 && target.has(Quirk::OtherQueuesTold);
            let what = match (is_due, times) {
                (true, 1) | (false, 0) => continue,
                (_, 1..) if tells_again => continue,
                (true, 0) => format!("nobody was told that {rcpt} was given up"),
                (true, _) => format!("the sender was told {times} times that {rcpt} was given up"),
                (false, _) => format!("the sender was told that {rcpt} was given up"),
            };
            found.push(Violation { checker: "told", message: place, what });
        }
    }
}

/// Whether an operator cancelled a recipient, until a moment of the run.
fn is_cancelled(world: &World, message: &Message, rcpt: &Mailbox, until: Option<Millis>) -> bool {
    world.orders.iter().any(|order| {
        order.deed == Deed::Cancel
            && order.message.as_ref() == Some(&message.id)
            && order.rcpt.as_ref().is_none_or(|only| only == rcpt)
            && until.is_none_or(|until| order.at <= until)
    })
}

/// Nothing is sent in clear text where the strategy that the policy chose for the host demands TLS, or the message does
/// (RFC 8689), or the domain, as the world has it (RFC 7672, RFC 8461).
fn in_clear(setup: Setup<'_>, life: &Life, found: &mut Vec<Violation>) {
    let Setup { scenario, world, engine, .. } = setup;
    let target = engine.plan().target;
    let demands = |(strategies, tls): (&Strategies, &strategy::Tls), taken: &Taken| {
        let is_disabled = tls.starttls == Requirement::Disable;
        let of_strategy = !is_disabled && [tls.starttls, tls.dane, tls.mta_sts].contains(&Requirement::Require);
        let message = usize::try_from(taken.message).ok().and_then(|place| scenario.messages.get(place));
        let of_message = message.is_some_and(|message| message.requiretls);
        let of_others = of_message || domain_demands(world, strategies, tls, taken);
        of_strategy || (of_others && !(is_disabled && target.has(Quirk::DisableWins)))
    };
    for taken in life.taken.iter().filter(|taken| !taken.is_secure) {
        // The last TLS decision about recipients of its domain before that moment is the one about this host.
        let domain = taken.rcpt.rsplit_once('@').map_or("", |(_, domain)| domain);
        let known = life.recipients.get(&taken.message).map(Vec::as_slice).unwrap_or_default();
        let is_of = |place: u32| known.get(place as usize).is_none_or(|known| known.address.domain() == domain);
        let is_about = |event: &&Event| match &event.what {
            What::Decided { recipient, .. } | What::Set { recipient, .. } => is_of(*recipient),
            _ => false,
        };
        let decided = life.events.iter().rev().filter(|event| event.message.0 == taken.message && event.at <= taken.at);
        let decided = decided.filter(is_about);
        if last_tls(setup, decided).is_some_and(|(strategies, tls)| demands((strategies, &tls), taken)) {
            let what = format!("{} was sent to {} in clear text, and TLS is demanded", taken.rcpt, taken.host);
            found.push(Violation { checker: "in-clear", message: taken.message as usize, what });
        }
    }
}

/// The TLS strategy that was decided last, and what rules chose of its settings; `events` begin with the last one.
fn last_tls<'s>(setup: Setup<'s>, events: impl Iterator<Item = &'s Event>) -> Option<(&'s Strategies, strategy::Tls)> {
    let mut given = Vec::new();
    for event in events {
        match &event.what {
            What::Set { picked, .. } => given.extend(&picked.given),
            What::Decided { kind: Kind::Tls, chosen, .. } => {
                let (_, strategies) = setup.policy(event.policy);
                let tls = *strategies.tls(chosen.as_ref()?.id)?;
                return Some((strategies, given.into_iter().rev().fold(tls, strategy::Tls::with)));
            }
            _ => {}
        }
    }
    None
}

/// Whether the domain of a recipient demands TLS of whoever goes by `tls`: by TLSA records of its host, or by a policy. Where
/// DNS goes wrong, a policy is not there all the time, or readers differ about it, nothing is said; nor of relays, which no domain speaks for.
fn domain_demands(world: &World, strategies: &Strategies, tls: &strategy::Tls, taken: &Taken) -> bool {
    let domain = taken.rcpt.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_relay =
        |route: &strategy::Route| matches!(route, strategy::Route::Relay(relay) if *relay.address == *taken.host);
    let (sts, tlsa) = (format!("_mta-sts.{domain}"), format!("_25._tcp.{}", taken.host));
    let names = [domain, &*taken.host, &*sts, &*tlsa];
    let is_faulty = world.dns_faults.iter().any(|fault| names.contains(&&*fault.name));
    if is_faulty || strategies.routes.iter().any(is_relay) {
        return false;
    }
    let is_secure = |name: &str| world.zone.canonical(name) == name && is_signed(world, name);
    let shown = world.hosts.get(&taken.host).map_or(Tlsa::Absent, |host| host.tlsa);
    let has_tlsa = matches!(shown, Tlsa::Match | Tlsa::Mismatch) && is_secure(domain) && is_secure(&taken.host);
    let is_served = |served: &MtaSts| served.status == 200 && served.span == Span::ALWAYS && enforces(&served.policy);
    let has_policy = matches!(world.mta_sts.get(domain).map(Vec::as_slice), Some([only]) if is_served(only));
    // What the first strategy wants is not known here; where any does without policies, it may be that one.
    let looks_for_policies = strategies.tls.iter().all(|tls| tls.mta_sts != Requirement::Disable);
    (tls.dane != Requirement::Disable && has_tlsa) || (looks_for_policies && is_announced(world, domain) && has_policy)
}

/// Whether it is a record of MTA-STS in whose meaning everybody agrees: those that only one reader takes for one say nothing
/// of what must never be.
fn is_plain_record(text: &str) -> bool {
    let id = text.strip_prefix("v=STSv1; id=").map(|id| id.strip_suffix(';').unwrap_or(id));
    id.is_some_and(|id| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether it is a policy in mode `enforce` in whose meaning everybody agrees.
fn enforces(policy: &str) -> bool {
    let mut known: Vec<(&str, &str)> = Vec::new();
    for line in policy.lines() {
        let Some((name, value)) = line.split_once(": ") else { return false };
        if name != "mx" && known.iter().any(|(known, _)| *known == name) {
            return false;
        }
        known.push((name, value));
    }
    let value = |wanted: &str| known.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let is_host = |value: &str| {
        let name = value.strip_prefix("*.").unwrap_or(value);
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        name.split('.').all(|label| !label.is_empty() && label.trim_matches('-') == label && label.bytes().all(is_part))
    };
    let mut hosts = known.iter().filter(|(name, _)| *name == "mx").map(|(_, value)| *value).peekable();
    let is_kept =
        value("max_age").and_then(|age| age.parse().ok()).is_some_and(|age| (3_600..31_557_600).contains(&age));
    let has_hosts = hosts.peek().is_some() && hosts.all(is_host);
    value("version") == Some("STSv1")
        && value("mode") == Some("enforce")
        && is_kept
        && has_hosts
        && known.iter().all(|(name, _)| ["version", "mode", "max_age", "mx"].contains(name))
}

/// No queue has more connections at a time than it has threads.
fn parallel(setup: Setup<'_>, life: &Life, found: &mut Vec<Violation>) {
    for (queue, load) in life.loads.queues() {
        let threads = setup.policies().filter_map(|(_, strategies)| strategies.queue(queue)).map(|queue| queue.threads);
        let (most, allowed) = (load.most_connections, threads.max().unwrap_or_default());
        if most > allowed {
            let what = format!("{most} connections were open at a time for a queue of {allowed}");
            found.push(Violation { checker: "parallel", message: 0, what });
        }
    }
}

/// No rate limit is exceeded: of the connections that count under one key, no window has more than the rate, and no span
/// of a period more than the rate and one full bucket. Limiters with a condition are left out, as are those whose key
/// is not seen from outside.
fn limits(scenario: &Scenario, strategies: &Strategies, target: Target, life: &Life, found: &mut Vec<Violation>) {
    for (number, limiter) in strategies.limiters.iter().enumerate().filter(|(_, limiter)| limiter.condition.is_none()) {
        let mut counted: BTreeMap<Vec<String>, Vec<Instant>> = BTreeMap::new();
        // What was counted once: a work item, one of its transactions, or each connection.
        let mut known = BTreeSet::new();
        for (place, connected) in life.seen.connections.iter().enumerate() {
            let message = usize::try_from(connected.message).ok().and_then(|place| scenario.messages.get(place));
            let Some(values) = message.and_then(|message| key_of(limiter, message, connected)) else { continue };
            let once = match limiter.scope {
                Scope::Sender => (connected.task, 0),
                Scope::Rcpt if message.is_some_and(|message| one_domain(message).is_some()) => (connected.task, 0),
                Scope::Rcpt => continue,
                Scope::Finest => (connected.task, place + 1),
            };
            if known.insert(once) {
                counted.entry(values).or_default().push(connected.at);
            }
        }
        let period = limiter.period.0.max(1);
        for (values, times) in counted {
            let is_over = if target.has(Quirk::FixedWindows) {
                let mut windows: BTreeMap<u64, u64> = BTreeMap::new();
                for at in &times {
                    *windows.entry(at.0 / period).or_default() += 1;
                }
                windows.values().any(|count| *count > limiter.count)
            } else {
                let most = usize::try_from(limiter.count.saturating_mul(2)).unwrap_or(usize::MAX);
                times.iter().zip(times.iter().skip(most)).any(|(first, next)| next.since(*first).0 < period)
            };
            if is_over {
                let of = if values.is_empty() { String::new() } else { format!(" for {}", values.join(", ")) };
                let what =
                    format!("limiter {number} lets more through{of} than {} in {}", limiter.count, limiter.period);
                found.push(Violation { checker: "limits", message: 0, what });
            }
        }
    }
}

/// What a connection is counted under; `None` where that is not seen from outside.
fn key_of(limiter: &strategy::Limiter, message: &Message, connected: &Connected) -> Option<Vec<String>> {
    let value = |by: &CountBy| match by {
        CountBy::Rcpt => match &*message.recipients {
            [only] => Some(only.as_str().to_owned()),
            _ => None,
        },
        CountBy::RcptDomain => one_domain(message).map(str::to_owned),
        CountBy::Sender => Some(message.sender.as_str().to_owned()),
        CountBy::SenderDomain => Some(message.sender.domain().to_owned()),
        CountBy::Mx => Some(connected.host.clone()),
        CountBy::RemoteIp => Some(connected.ip.to_string()),
        // It is chosen behind the limit.
        CountBy::LocalIp => None,
    };
    limiter.key.iter().map(value).collect()
}

/// The domain of all recipients, where it is one.
fn one_domain(message: &Message) -> Option<&str> {
    let first = message.recipients.first()?.domain();
    message.recipients.iter().all(|rcpt| rcpt.domain() == first).then_some(first)
}

/// Nobody is given up without a reason that the world gave for good, or before the schedule says so.
fn given_up(setup: Setup<'_>, life: &Life, found: &mut Vec<Violation>) {
    let Setup { scenario, world, engine, .. } = setup;
    let target = engine.plan().target;
    let routes = || setup.policies().flat_map(|(_, strategies)| &strategies.routes);
    // A relay may offer no known way to authenticate.
    let has_credentials =
        |route: &strategy::Route| matches!(route, strategy::Route::Relay(relay) if relay.credentials.is_some());
    if routes().any(has_credentials) {
        return;
    }
    // A relay may be on a private address, so only a name that leads nowhere is a reason.
    let has_no_address = |name: &str| {
        let has_none = |is_v6| world.zones().any(|zone| !matches!(zone.addresses(name, is_v6), Found::Records(_)));
        let is_denied = |fault: &DnsFault| fault.name == name && fault.answer == DnsAnswer::NxDomain;
        (has_none(false) && has_none(true)) || world.dns_faults.iter().any(is_denied)
    };
    let is_relay_gone = |relay: &strategy::Relay| {
        let refuses_own = target.has(Quirk::LoopbackRelay);
        if let Ok(ip) = relay.address.parse::<IpAddr>() {
            return target.has(Quirk::RelayAddressLookedUp) || (ip.is_loopback() && refuses_own);
        }
        let is_own = |is_v6| match world.zone.addresses(&relay.address, is_v6) {
            Found::Records(ips) => ips.iter().any(IpAddr::is_loopback),
            Found::NoData | Found::NoName => false,
        };
        has_no_address(&relay.address) || (refuses_own && (is_own(false) || is_own(true)))
    };
    let is_relay_gone = routes().any(|route| match route {
        strategy::Route::Relay(relay) => is_relay_gone(relay),
        strategy::Route::Mx(_) | strategy::Route::Local => false,
    });
    // For each recipient the last schedule, and how often it was tried.
    let mut schedules: BTreeMap<(u64, u32), ((usize, StrategyId), u32)> = BTreeMap::new();
    let mut ruled: BTreeMap<(u64, u32), Millis> = BTreeMap::new();
    for event in &life.events {
        match &event.what {
            What::Set { recipient, picked, .. } => {
                if let Some(Given::Expire(length)) = &picked.given {
                    ruled.insert((event.message.0, *recipient), *length);
                }
            }
            What::Decided { recipient, kind: Kind::Schedule, chosen: Some(chosen), .. } => {
                let chosen = (event.policy, chosen.id);
                schedules.entry((event.message.0, *recipient)).or_insert((chosen, 0)).0 = chosen;
            }
            What::Attempt(places) => {
                for place in places {
                    schedules.entry((event.message.0, *place)).or_insert(((0, StrategyId::at(0)), 0)).1 += 1;
                }
            }
            What::Outcome { recipient, status: Status::Bounced(_), .. } => {
                let place = usize::try_from(event.message.0).unwrap_or(usize::MAX);
                let Some(message) = scenario.messages.get(place) else { continue };
                // The core counts those who were not refused at RCPT.
                let known = life.recipients.get(&event.message.0);
                let known = known.and_then(|recipients| recipients.get(*recipient as usize));
                let Some(rcpt) = known.map(|recipient| &recipient.address) else { continue };
                let known = schedules.get(&(event.message.0, *recipient));
                let by =
                    message.deliver_by.map(|by| life.start + message.at + Millis::from_secs(by.seconds.unsigned_abs()));
                let is_late = by.is_some_and(|by| by <= event.at);
                let is_over = is_late
                    || known.is_none_or(|((policy, id), tries)| {
                        let own = setup.policy(*policy).1.schedule(*id).map(|schedule| schedule.expiry);
                        let ruled = ruled.get(&(event.message.0, *recipient));
                        let expiry = ruled.map(|length| strategy::Expiry::Ttl(*length)).or(own);
                        match expiry {
                            Some(strategy::Expiry::Ttl(ttl)) => life.start + message.at + ttl <= event.at,
                            Some(strategy::Expiry::Attempts(most)) => *tries >= most,
                            None => true,
                        }
                    });
                let is_denied = |name: &str| life.seen.denials.contains(name);
                let names_denied = world.zones().any(|zone| match zone.mx(rcpt.domain()) {
                    Found::Records(records) => records.iter().any(|(_, exchange)| is_denied(exchange)),
                    Found::NoData | Found::NoName => false,
                });
                let is_refused = life.seen.refusals.contains(&event.message.0);
                let connections = || life.seen.connections.iter().filter(|known| known.message == event.message.0);
                let is_unfit = connections().any(|connected| {
                    let host = world.hosts.get(&connected.ip.to_string()).or_else(|| world.hosts.get(&connected.host));
                    host.is_some_and(|host| does_not_take(host, message))
                });
                let is_hopeless = is_relay_gone || may_give_up(setup, message, rcpt.domain());
                // An address in brackets may be one to which nobody connects.
                let is_nowhere = rcpt.literal().is_some() && connections().next().is_none();
                let is_cancelled = is_cancelled(world, message, rcpt, Some(event.at.since(life.start)));
                if !(is_cancelled
                    || is_over
                    || is_refused
                    || is_unfit
                    || is_nowhere
                    || is_denied(rcpt.domain())
                    || names_denied
                    || is_hopeless)
                {
                    let what = format!("{rcpt} is given up, and nobody refused it for good");
                    found.push(Violation { checker: "given-up", message: place, what });
                }
            }
            _ => {}
        }
    }
}

/// Whether `host` says, by what it offers, that it does not take this message: it is too large (RFC 1870), has octets above
/// 127 (RFC 6152), or an address that is not ASCII (RFC 6531).
fn does_not_take(host: &Host, message: &Message) -> bool {
    // Whoever does not know EHLO offers nothing.
    let knows_ehlo = !host.replies.iter().any(|reply| reply.stage == Stage::Ehlo);
    let offered = |keyword: &str| {
        let lines =
            host.extensions.iter().filter(|_| knows_ehlo).map(|line| line.split_once(' ').unwrap_or((line, "")));
        lines.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(keyword)).map(|(_, value)| value)
    };
    let most = offered("SIZE").and_then(|most| most.parse::<u64>().ok()).filter(|most| *most > 0);
    let is_ascii = message.sender.as_str().is_ascii() && message.recipients.iter().all(|rcpt| rcpt.as_str().is_ascii());
    most.is_some_and(|most| message.size > most)
        || (message.body == "8bitmime" && offered("8BITMIME").is_none())
        || (!is_ascii && offered("SMTPUTF8").is_none())
}

/// Whether the target may give a domain up by itself for what the world, the message or the policy says of it: because TLS is
/// not as somebody demands, and for the reference because DNS fails, too.
fn may_give_up(setup: Setup<'_>, message: &Message, domain: &str) -> bool {
    let Setup { world, engine, .. } = setup;
    let target = engine.plan().target;
    let hosts: Vec<String> = match world.zone.mx(domain) {
        Found::Records(records) => records.into_iter().map(|(_, exchange)| exchange.into()).collect(),
        Found::NoData | Found::NoName => vec![domain.to_owned()],
    };
    let names = || hosts.iter().map(String::as_str).chain([domain]);
    // RFC 8689 §4.2.1: to a host that promises to go on like that, and for which somebody vouches.
    let promises = |host: &String| {
        let addresses = [false, true].into_iter().flat_map(|is_v6| match world.zone.addresses(host, is_v6) {
            Found::Records(ips) => ips,
            Found::NoData | Found::NoName => Vec::new(),
        });
        let mut known =
            addresses.map(|ip| ip.to_string()).chain([host.clone()]).filter_map(|key| world.hosts.get(&key));
        let has_it = |host: &Host| {
            let is_it = |word: &String| word.eq_ignore_ascii_case("REQUIRETLS");
            host.starttls == StartTls::Offered && host.extensions.iter().any(is_it)
        };
        known.clone().next().is_some() && known.all(has_it)
    };
    let is_faulty = |name: &str| world.dns_faults.iter().any(|fault| *fault.name == *name);
    let is_proven = || world.zone.canonical(domain) == domain && is_signed(world, domain) && !is_faulty(domain);
    let is_named = || {
        let is_served =
            |served: &MtaSts| served.status == 200 && served.span == Span::ALWAYS && enforces(&served.policy);
        is_announced(world, domain)
            && matches!(world.mta_sts.get(domain).map(Vec::as_slice), Some([only]) if is_served(only))
    };
    let is_promised = target.has(Quirk::RequireTlsNotOffered) || hosts.iter().all(promises);
    let is_vouched = target.has(Quirk::RequireTlsAnyHost) || is_proven() || is_named();
    if message.requiretls && !(is_promised && is_vouched) {
        return true;
    }
    // A route may look for one family of addresses only, of which a host has none.
    let has_none = |is_v6| {
        hosts.iter().any(|host| !matches!(world.zone.addresses(host, is_v6), Found::Records(ips) if !ips.is_empty()))
    };
    let is_one_sided = |route: &strategy::Route| match route {
        strategy::Route::Mx(mx) => match mx.ip_lookup {
            IpLookup::Ipv4Only => has_none(false),
            IpLookup::Ipv6Only => has_none(true),
            IpLookup::Ipv4ThenIpv6 | IpLookup::Ipv6ThenIpv4 => false,
        },
        strategy::Route::Relay(_) | strategy::Route::Local => false,
    };
    let is_out_of_sight = setup.policies().any(|(engine, strategies)| {
        // Where rules choose single settings, it is not known here what they chose.
        !engine.plan().settings.is_empty() || strategies.routes.iter().any(is_one_sided)
    });
    // Some releases find no host for a domain without MX records, or by a name with A-labels.
    let is_bare = !matches!(world.zone.mx(domain), Found::Records(_)) && target.has(Quirk::NoImplicitMx);
    let has_labels = |host: &String| host.split('.').any(|label| label.starts_with("xn--"));
    if is_bare || (target.has(Quirk::MxWithALabelsFails) && hosts.iter().any(has_labels)) {
        return true;
    }
    // Where records change, what they were is not known here either.
    if is_out_of_sight || world.zones().nth(1).is_some() {
        return true;
    }
    // The reference takes what is demanded and not there for refused.
    let demands = |tls: &strategy::Tls| [tls.starttls, tls.dane, tls.mta_sts].contains(&Requirement::Require);
    let has_tlsa = |host: &String| {
        let name = format!("_25._tcp.{host}");
        let is_tlsa = |data: &Data| matches!(data, Data::Tlsa(..)).then_some(());
        let is_said = world.hosts.get(host).is_some_and(|host| host.tlsa != Tlsa::Absent);
        is_said || matches!(world.zone.find(&name, is_tlsa), Found::Records(_))
    };
    let is_demanded = || {
        message.requiretls
            || setup.policies().any(|(_, strategies)| strategies.tls.iter().any(demands))
            || world.mta_sts.contains_key(domain)
            || hosts.iter().any(has_tlsa)
    };
    // And some of what DNS cannot tell for what is not there.
    let mistakes_dns = target.has(Quirk::ServfailIsNotFound) || target.has(Quirk::FamilyErrorIgnored);
    (target.has(Quirk::TlsRefusalPermanent) && is_demanded()) || (mistakes_dns && names().any(is_faulty))
}

/// Whether a name is in a domain that is signed.
fn is_signed(world: &World, name: &str) -> bool {
    let below =
        |signed: &String| name.strip_suffix(signed.as_str()).is_some_and(|head| head.is_empty() || head.ends_with('.'));
    world.signed.iter().any(below)
}

/// Whether a domain announces a policy of MTA-STS by a record in whose meaning everybody agrees.
fn is_announced(world: &World, domain: &str) -> bool {
    let name = format!("_mta-sts.{domain}");
    let is_plain = |texts: &[Box<str>]| matches!(texts, [text] if is_plain_record(text));
    world.zones().all(|zone| matches!(zone.texts(&name), Found::Records(texts) if is_plain(&texts)))
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
    use policy::{Chosen, StrategyId};
    use scenario::Message;

    use super::*;
    use crate::{run::Seen, testing::plan};

    const HOST: &str = "mx.corp.test";

    fn recipient(status: Status) -> Recipient {
        Recipient {
            address: Mailbox::parse("bob@corp.test").unwrap(),
            notify: Notify::Unsaid,
            orcpt: None,
            headers: None,
            status,
            queue: "default".into(),
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
        let strict = strategy::Tls { starttls: Requirement::Require, ..strategy::Tls::BUILT_IN };
        let limiter = strategy::Limiter {
            scope: Scope::Finest,
            key: Box::new([CountBy::RemoteIp]),
            condition: None,
            count: 1,
            period: Millis(100),
        };
        Strategies {
            hostname: "here.test".into(),
            routes: Vec::new(),
            schedules: vec![strategy::Schedule::built_in()],
            connections: Vec::new(),
            tls: vec![strategy::Tls::BUILT_IN, strict],
            queues: vec![queue],
            limiters: vec![limiter],
            quotas: Vec::new(),
            dsn: strategy::Dsn { from_name: "x".into(), from_address: "x@here.test".into(), submitter: "x".into() },
            reports_tls: false,
        }
    }

    /// A run in which one message was delivered, in clear text by a strategy that allows it.
    fn good() -> (Scenario, Life) {
        let message = Message {
            id: "m1".to_owned(),
            sender: Mailbox::parse("alice@home.example").unwrap(),
            recipients: vec![Mailbox::parse("bob@corp.test").unwrap()],
            ..Message::default()
        };
        let scenario = Scenario { messages: vec![message], ..Scenario::default() };
        let start = Instant(1_000);
        let decided = |at, strategy| Event {
            policy: 0,
            task: 0,
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
            headers: None,
            parameters: String::new(),
            at: Instant(1_500),
            message: 0,
            host: HOST.to_owned(),
            ip: [198, 51, 100, 1].into(),
            sender: String::new(),
            rcpt: "bob@corp.test".to_owned(),
            is_secure: false,
            code: 250,
            effect: 10,
            answered: Instant(1_600),
        };
        let connected = Connected {
            said: Vec::new(),
            at: Instant(1_400),
            task: 2,
            message: 0,
            host: HOST.to_owned(),
            ip: [198, 51, 100, 1].into(),
            from: None,
            commands: String::new(),
        };
        let life = Life {
            start,
            end: Instant(3_000),
            events: vec![decided(1_100, 1), decided(1_200, 0)],
            recipients: BTreeMap::from([(0, vec![recipient(delivered())])]),
            taken: vec![taken],
            seen: Seen { connections: vec![connected], settled: BTreeMap::from([((0, 0), 12)]), ..Seen::default() },
            ..Life::default()
        };
        (scenario, life)
    }

    #[test]
    fn each_checker_catches_what_it_is_for() {
        type Plant = fn(&mut Life);
        let cases: [(&str, Plant); 16] = [
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
                life.taken.push(Taken { effect: 20, ..life.taken[0].clone() });
            }),
            ("delivered-once: bob@corp.test got it from mx.corp.test and again from mx.corp.test", |life| {
                life.taken.push(Taken { effect: 20, ..life.taken[0].clone() });
                life.seen.crashes.push((Instant(1_601), 11));
            }),
            // A crash is an excuse only before it was stored that somebody had it.
            ("", |life| {
                life.taken.push(Taken { effect: 20, ..life.taken[0].clone() });
                life.seen.crashes.push((Instant(1_600), 11));
            }),
            ("delivered-once: bob@corp.test got it from mx.corp.test and again from mx.corp.test", |life| {
                life.taken.push(Taken { effect: 20, ..life.taken[0].clone() });
                life.seen.crashes.push((Instant(1_600), 12));
            }),
            ("limits: limiter 0 lets more through for 198.51.100.1 than 1 in 100ms", |life| {
                // One bucket and what comes in meanwhile: two in a period are within the rate.
                for task in [3, 4] {
                    life.seen.connections.push(Connected { task, ..life.seen.connections[0].clone() });
                }
            }),
            ("given-up: bob@corp.test is given up, and nobody refused it for good", |life| {
                let failed = Failed { entity: HOST.into(), failure: delivery::Failure::NoneLeft };
                let status = Status::Bounced(Box::new(failed));
                let chosen = Some(Chosen { id: StrategyId::at(0), rule: None });
                for what in [
                    What::Decided { recipient: 0, kind: Kind::Schedule, chosen, is_instead: false },
                    What::Attempt(vec![0]),
                    What::Outcome { recipient: 0, status, next: None },
                ] {
                    life.events.push(Event { at: Instant(1_300), policy: 0, task: 0, message: MessageId(0), what });
                }
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
                for _ in 0..3 {
                    life.loads.connects(&"default".into(), &strategies(), Instant(1_500));
                }
            }),
            ("time: something happened at 1100 after 1200", |life| life.events.swap(0, 1)),
        ];
        for (expected, plant) in cases {
            for target in TARGETS {
                let (scenario, mut life) = good();
                plant(&mut life);
                let (plan, strategies) = (plan(target), strategies());
                let found = violations(Setup::new(&scenario, &World::default(), &plan, &strategies), &life);
                let shown: Vec<String> =
                    found.iter().map(|violation| format!("{}: {}", violation.checker, violation.what)).collect();
                if expected.starts_with("time") {
                    // The last decision is then the strict one.
                    assert!(shown.contains(&expected.to_owned()), "{target}: {shown:?}");
                } else if expected.starts_with("given-up") && target != Target::Native {
                    // One of the strategies demands TLS, which is a reason for the reference.
                    assert_eq!(shown, [""; 0], "{target}");
                } else {
                    assert_eq!(shown.join("; "), expected, "{target}");
                }
            }
        }
    }

    const TARGETS: [Target; 3] = [Target::Native, Target::STALWART_016, Target::STALWART_015];

    /// A run in which the message was given up at its first attempt.
    fn given_up_at_once(life: &mut Life) {
        let failed = || Box::new(Failed { entity: HOST.into(), failure: delivery::Failure::NoneLeft });
        let chosen = Some(Chosen { id: StrategyId::at(0), rule: None });
        for what in [
            What::Decided { recipient: 0, kind: Kind::Schedule, chosen, is_instead: false },
            What::Attempt(vec![0]),
            What::Outcome { recipient: 0, status: Status::Bounced(failed()), next: None },
        ] {
            life.events.push(Event { at: Instant(1_300), policy: 0, task: 0, message: MessageId(0), what });
        }
    }

    fn zone(text: &str) -> scenario::zone::Zone {
        scenario::zone::Zone::parse(text).0
    }

    /// The domain announces a policy by a record of this id.
    fn announces(world: &mut World, id: &str, policy: &str) {
        world.zone = zone(&format!("_mta-sts.corp.test. IN TXT \"v=STSv1; id={id}\""));
        let served = MtaSts { policy: policy.to_owned(), status: 200, span: Span::ALWAYS };
        world.mta_sts.insert("corp.test".to_owned(), vec![served]);
    }

    /// What one target rightly does is a fault of another: which checkers speak of each, for `native`, 0.16 and 0.15.
    #[test]
    fn each_checker_goes_by_what_its_target_does() {
        type Plant = fn(&mut Scenario, &mut World, &mut Strategies, &mut Life);
        const PLAIN: &str = "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n";
        const MX: &str = "corp.test. IN MX 10 mx.corp.test.\nmx.corp.test. IN A 198.51.100.1";
        let cases: [(&str, Plant, [&str; 3]); 16] = [
            ("nothing", |_, _, _, _| {}, ["", "", ""]),
            (
                "a policy in whose meaning all agree",
                |_, world, _, _| {
                    announces(world, "1", PLAIN);
                },
                ["in-clear", "in-clear", "in-clear"],
            ),
            (
                "an id that only the reference takes",
                |_, world, _, _| {
                    announces(world, "a-b", PLAIN);
                },
                ["", "", ""],
            ),
            (
                "a policy that only native takes",
                |_, world, _, _| {
                    announces(world, "1", &PLAIN.replace("86400", "0"));
                },
                ["", "", ""],
            ),
            (
                "STARTTLS is disabled, and the host has TLSA records",
                |_, world, strategies, _| {
                    world.signed.insert("corp.test".to_owned());
                    world.hosts.insert(HOST.to_owned(), Host { tlsa: Tlsa::Match, ..Host::default() });
                    strategies.tls[0].starttls = Requirement::Disable;
                },
                ["in-clear", "", ""],
            ),
            (
                "the host's name leads out of what is signed",
                |_, world, _, _| {
                    let text = "mx.corp.test. IN CNAME host.plain.test.\nhost.plain.test. IN A 198.51.100.1";
                    world.zone = zone(text);
                    world.signed.insert("corp.test".to_owned());
                    world.hosts.insert(HOST.to_owned(), Host { tlsa: Tlsa::Match, ..Host::default() });
                },
                ["", "", ""],
            ),
            (
                "a yes of another code, and sent again",
                |_, _, _, life| {
                    life.taken[0].code = 251;
                    life.taken.push(Taken { effect: 20, code: 250, ..life.taken[0].clone() });
                },
                ["delivered-once", "", ""],
            ),
            (
                "a yes of another code, and given up",
                |_, _, _, life| {
                    life.taken[0].code = 251;
                    let failed = Failed { entity: HOST.into(), failure: delivery::Failure::NoneLeft };
                    life.recipients.insert(0, vec![recipient(Status::Bounced(Box::new(failed)))]);
                },
                ["delivered-is-taken told", "told", "told"],
            ),
            (
                "two in one window",
                |_, _, _, life| {
                    life.seen.connections.push(Connected { task: 3, ..life.seen.connections[0].clone() });
                },
                ["", "limits", "limits"],
            ),
            (
                "three behind each other, over two windows",
                |_, _, _, life| {
                    life.seen.connections[0].at = Instant(1_399);
                    for (task, at) in [(3, 1_400), (4, 1_498)] {
                        let at = Instant(at);
                        life.seen.connections.push(Connected { at, task, ..life.seen.connections[0].clone() });
                    }
                },
                ["limits", "limits", "limits"],
            ),
            (
                "given up",
                |_, world, _, life| {
                    world.zone = zone(MX);
                    given_up_at_once(life);
                },
                ["given-up", "given-up", "given-up"],
            ),
            (
                "given up because DNS failed",
                |_, world, _, life| {
                    world.zone = zone(MX);
                    let name = "corp.test".to_owned();
                    world.dns_faults.push(DnsFault {
                        name,
                        kind: None,
                        answer: DnsAnswer::ServFail,
                        span: Span::ALWAYS,
                    });
                    given_up_at_once(life);
                },
                ["given-up", "", ""],
            ),
            (
                "given up because of TLSA records",
                |_, world, _, life| {
                    world.zone = zone(MX);
                    world.hosts.insert(HOST.to_owned(), Host { tlsa: Tlsa::Mismatch, ..Host::default() });
                    given_up_at_once(life);
                },
                ["given-up", "", ""],
            ),
            (
                "given up because nobody promises TLS",
                |scenario, world, _, life| {
                    scenario.messages[0].requiretls = true;
                    life.taken[0].is_secure = true;
                    world.zone = zone(MX);
                    world.signed.insert("corp.test".to_owned());
                    given_up_at_once(life);
                },
                ["", "", ""],
            ),
            (
                "given up because nobody vouches for the host",
                |scenario, world, _, life| {
                    scenario.messages[0].requiretls = true;
                    life.taken[0].is_secure = true;
                    world.zone = zone(MX);
                    let extensions = vec!["REQUIRETLS".to_owned()];
                    world.hosts.insert(HOST.to_owned(), Host { extensions, ..Host::default() });
                    given_up_at_once(life);
                },
                ["", "", ""],
            ),
            (
                "given up although the host promises TLS and is proven",
                |scenario, world, _, life| {
                    scenario.messages[0].requiretls = true;
                    life.taken[0].is_secure = true;
                    world.zone = zone(MX);
                    world.signed.insert("corp.test".to_owned());
                    let extensions = vec!["REQUIRETLS".to_owned()];
                    world.hosts.insert(HOST.to_owned(), Host { extensions, ..Host::default() });
                    given_up_at_once(life);
                },
                ["given-up", "", ""],
            ),
        ];
        for (name, plant, expected) in cases {
            for (target, expected) in TARGETS.into_iter().zip(expected) {
                let (mut scenario, mut life) = good();
                let (mut world, plan) = (World::default(), plan(target));
                let mut strategies = Strategies { tls: vec![strategy::Tls::BUILT_IN], ..strategies() };
                plant(&mut scenario, &mut world, &mut strategies, &mut life);
                for event in &mut life.events {
                    if let What::Decided { chosen: Some(chosen), .. } = &mut event.what {
                        chosen.id = StrategyId::at(0);
                    }
                }
                let found = violations(Setup::new(&scenario, &world, &plan, &strategies), &life);
                let shown: Vec<&str> = found.iter().map(|violation| violation.checker).collect();
                assert_eq!(shown.join(" "), expected, "{name}: {target}");
            }
        }
    }
}
