//! A run: the delivery core against the world of a scenario, by a virtual clock.
//!
//! This is a driver, and holds no rule about mail: it hands messages in at their times, does what the core asks for by
//! asking the scenario's world, and keeps what happened. The clock goes from one thing that happens to the next.
//!
//! Invariant: two runs of the same version, scenario and seed are the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use base::{Instant, Millis};
use delivery::{
    Effect, Event, Input, Queue, Recipient, Report, Submission,
    effect::{Peer as Certified, Record, Ticket},
    failure::{Broken, Handshake},
    hosts::{DnsResult, Family, MxRecord, Security},
    message::{Envelope, MessageId, Notify, Ret, Wish},
    reply::Reply,
    sts::Fetched,
    tlsa::TlsaRecord,
};
use policy::{Decide, LookupFailed, Strategies, World as _, strategy::QueueId};
use scenario::{
    Environment, Message, Scenario, World,
    world::{Answer, Certificate, DnsAnswer, DnsKind, Host, Stage, StartTls, Tlsa},
    zone::{Data, Found},
};
use sha2::{Digest as _, Sha256};

use crate::certificate::{certificate, public_key};
use crate::peer::{Does, Given, Moment, Peer, Taken};

/// How long a DNS answer takes.
const DNS: Millis = Millis(10);

/// How long it takes to see that no DNS server answers: two tries of five seconds.
const DNS_TIMEOUT: Millis = Millis::from_secs(10);

/// How long it takes to fetch a policy.
const HTTPS: Millis = Millis(100);

/// How many things may happen in a run before it is stopped.
pub const STEPS_MAX: u64 = 200_000_000;

/// What came of a run.
#[derive(Debug)]
pub struct Life {
    /// When it began.
    pub start: Instant,
    /// When it ended.
    pub end: Instant,
    /// What happened, in order. Messages are called by their place in the scenario, reports by numbers of their own.
    pub events: Vec<Event>,
    /// What each message's recipients came to, by the message's place.
    pub recipients: BTreeMap<u64, Vec<Recipient>>,
    /// The messages that were not accepted, and what the client was answered.
    pub refused: BTreeMap<u64, Reply>,
    /// What was told to senders, by the number of the report.
    pub reports: BTreeMap<u64, Box<Report>>,
    /// What servers took.
    pub taken: Vec<Taken>,
    /// The questions of the policy that nothing answers.
    pub unanswered: BTreeSet<String>,
    /// The most connections that were open at a time for each queue, and with which message it came to that.
    pub most_connections: BTreeMap<QueueId, (u32, u64)>,
    /// Whether it was stopped because too much happened.
    pub is_stopped: bool,
}

/// What is kept of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Everything that happened, for timelines and checkers.
    Events,
    /// What each recipient came to, for runs of millions.
    Outcomes,
}

/// A run that goes on.
struct Run<'s, 'q> {
    queue: &'q mut Queue<'s>,
    world: &'s World,
    environment: &'q mut Environment,
    start: Instant,
    now: Instant,
    /// What will happen, in order.
    coming: BTreeMap<(Instant, u64), Input>,
    next: u64,
    connections: BTreeMap<u64, (Ticket, Peer)>,
    given: BTreeMap<String, Given>,
    /// The queue that each connection is made for, by its task.
    open: BTreeMap<u64, QueueId>,
    keep: Keep,
    life: Life,
}

/// Runs `scenario` in `world`, deciding by `engine`.
#[must_use]
pub fn run(
    scenario: &Scenario,
    world: &World,
    environment: &mut Environment,
    engine: &dyn Decide,
    strategies: &Strategies,
    keep: Keep,
) -> Life {
    let start = Instant(scenario.start.millis());
    let mut queue = Queue::new(engine, strategies, scenario.seed);
    let life = Life {
        start,
        end: start,
        events: Vec::new(),
        recipients: BTreeMap::new(),
        refused: BTreeMap::new(),
        reports: BTreeMap::new(),
        taken: Vec::new(),
        unanswered: BTreeSet::new(),
        most_connections: BTreeMap::new(),
        is_stopped: false,
    };
    let mut run = Run {
        queue: &mut queue,
        world,
        environment,
        start,
        now: start,
        coming: BTreeMap::new(),
        next: 0,
        connections: BTreeMap::new(),
        given: BTreeMap::new(),
        open: BTreeMap::new(),
        keep,
        life,
    };
    for (place, message) in scenario.messages.iter().enumerate() {
        let id = MessageId(place as u64);
        run.at(start + message.at, Input::Submitted(id, Box::new(submission(message))));
    }
    let until = start + scenario.length;
    let mut steps = 0;
    while let Some((now, input)) = run.next_input(until) {
        run.now = now;
        run.queue.handle(now, input);
        while let Some(effect) = run.queue.poll() {
            run.perform(effect);
        }
        while let Some(event) = run.queue.event() {
            if keep == Keep::Events {
                run.life.events.push(event);
            }
        }
        steps += 1;
        if steps >= STEPS_MAX {
            run.life.is_stopped = true;
            break;
        }
    }
    let Run { mut life, now, .. } = run;
    life.end = now;
    for message in queue.messages() {
        life.recipients.insert(message.id.0, message.recipients.clone());
    }
    life
}

/// A message of a scenario, as a client hands it in.
fn submission(message: &Message) -> Submission {
    let notify = match message.notify {
        None => Notify::Unsaid,
        Some(notify) if !(notify.success || notify.failure || notify.delay) => Notify::Never,
        Some(notify) => Notify::Of { success: notify.success, failure: notify.failure, delay: notify.delay },
    };
    let wish = |address: &base::Mailbox| Wish {
        address: address.clone(),
        notify,
        orcpt: message.orcpt.get(address).map(|orcpt| orcpt.as_str().into()),
    };
    Submission {
        envelope: Envelope {
            sender: message.sender.clone(),
            source: message.source,
            size: message.size,
            priority: i8::try_from(message.priority).unwrap_or_default(),
            received_from_ip: message.received_from_ip.parse().unwrap_or_else(|_| IpAddr::from([127, 0, 0, 1])),
            received_via_port: message.received_via_port,
            envid: message.envid.as_deref().map(Into::into),
            ret: message.ret.map(|ret| match ret {
                scenario::Ret::Full => Ret::Full,
                scenario::Ret::Headers => Ret::Headers,
            }),
            requires_tls: false,
            is_utf8: !message.sender.as_str().is_ascii(),
            is_8bit: false,
            hold: Millis(0),
        },
        recipients: message.recipients.iter().map(wish).collect(),
    }
}

impl Run<'_, '_> {
    fn at(&mut self, at: Instant, input: Input) {
        self.coming.insert((at, self.next), input);
        self.next += 1;
    }

    fn after(&mut self, length: Millis, input: Input) {
        self.at(self.now + length, input);
    }

    /// What happens next, before `until`.
    fn next_input(&mut self, until: Instant) -> Option<(Instant, Input)> {
        let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.queue.deadline();
        let is_first = |deadline: &Instant| coming.is_none_or(|coming| *deadline < coming);
        if let Some(at) = deadline.filter(is_first) {
            return (at <= until).then_some((at.max(self.now), Input::Woken));
        }
        let ((at, _), input) = self.coming.pop_first()?;
        (at <= until).then_some((at, input))
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Store(ticket, record) => {
                match record {
                    Record::Accepted(message, report) => {
                        let id = message.id.0;
                        self.life.recipients.insert(id, message.recipients);
                        self.life.reports.extend(report.map(|report| (id, report)));
                    }
                    Record::Changed(id, changed) => {
                        let known = self.life.recipients.entry(id.0).or_default();
                        for (place, recipient) in changed {
                            if let Some(slot) = known.get_mut(place as usize) {
                                *slot = recipient;
                            }
                        }
                    }
                    Record::Removed(id, recipients) => {
                        self.life.recipients.insert(id.0, recipients);
                    }
                }
                self.after(Millis(0), Input::Stored(ticket));
            }
            Effect::LookUp(ticket, lookup) => {
                let answer = self.environment.answer(&lookup).unwrap_or_else(|| {
                    let what = lookup.to_string();
                    self.life.unanswered.insert(what.clone());
                    Err(LookupFailed { what, why: "nothing answers it".to_owned() })
                });
                self.after(Millis(0), Input::Answered(ticket, answer));
            }
            Effect::ResolveMx(ticket, name) => {
                let found = match self.world.zone.mx(&name) {
                    Found::Records(records) => {
                        let record = |(preference, exchange)| MxRecord { preference, exchange };
                        Found::Records(records.into_iter().map(record).collect())
                    }
                    Found::NoData => Found::NoData,
                    Found::NoName => Found::NoName,
                };
                let (result, length) = self.resolved(&name, DnsKind::Mx, found);
                self.after(length, Input::Mx(ticket, result));
            }
            Effect::ResolveAddresses(ticket, name, family) => {
                let kind = if family == Family::V6 { DnsKind::Aaaa } else { DnsKind::A };
                let found = self.world.zone.addresses(&name, family == Family::V6);
                let (result, length) = self.resolved(&name, kind, found);
                self.after(length, Input::Addresses(ticket, result));
            }
            Effect::ResolveTlsa(ticket, name) => {
                let found = self.tlsa(&name);
                let (result, length) = self.resolved(&name, DnsKind::Tlsa, found);
                self.after(length, Input::Tlsa(ticket, result));
            }
            Effect::ResolveTexts(ticket, name) => {
                let found = self.world.zone.texts(&name);
                let (result, length) = self.resolved(&name, DnsKind::Txt, found);
                self.after(length, Input::Texts(ticket, result));
            }
            Effect::FetchPolicy(ticket, domain) => {
                let since = self.now.since(self.start);
                let served = self.world.mta_sts.get(&*domain).filter(|served| served.span.has(since));
                let fetched = served.map_or(Fetched::Failed, |served| {
                    let body = served.policy.as_bytes().into();
                    Fetched::Answer { status: served.status, body }
                });
                self.after(HTTPS, Input::Policy(ticket, fetched));
            }
            Effect::Connect { ticket, message, to, from, host, is_tls_first } => {
                self.opens(ticket, message);
                self.connect(ticket, to.ip(), from, &host, is_tls_first);
            }
            Effect::Send(ticket, bytes) => {
                let Some((_, mut peer)) = self.connections.remove(&ticket.task) else { return };
                let name = peer.name().to_owned();
                let does = peer.takes(&bytes, &mut moment(self.now, self.start, self.given.entry(name).or_default()));
                self.connections.insert(ticket.task, (ticket, peer));
                self.does(ticket, does);
            }
            Effect::SendContent { ticket, message, is_chunk: _ } => {
                self.after(Millis(0), Input::ContentSent(ticket, true));
                let Some((_, mut peer)) = self.connections.remove(&ticket.task) else { return };
                let name = peer.name().to_owned();
                let given = self.given.entry(name).or_default();
                let (does, taken) = peer.takes_content(message.0, &mut moment(self.now, self.start, given));
                self.connections.insert(ticket.task, (ticket, peer));
                if self.keep == Keep::Events {
                    self.life.taken.extend(taken);
                }
                self.does(ticket, does);
            }
            Effect::StartTls { ticket, name } => self.handshake(ticket, &name),
            Effect::Close(ticket) => {
                self.connections.remove(&ticket.task);
                self.open.remove(&ticket.task);
            }
            Effect::Respond(id, reply) => {
                if !reply.is_positive() {
                    self.life.refused.insert(id.0, reply);
                }
            }
            Effect::DeliverLocally { ticket, message: _, recipients } => {
                let stored = Reply::new(250, "2.1.5 stored");
                self.after(Millis(1), Input::Local(ticket, vec![stored; recipients.len()]));
            }
        }
    }

    /// The TLSA records of a name: those of the zone, and those that its host is said to have.
    fn tlsa(&self, name: &str) -> Found<TlsaRecord> {
        let of_zone = self.world.zone.find(name, |data| match data {
            Data::Tlsa(usage, selector, matching, data) => {
                Some(TlsaRecord { usage: *usage, selector: *selector, matching: *matching, data: data.clone() })
            }
            _ => None,
        });
        let host = name.splitn(3, '.').nth(2).unwrap_or_default();
        let record = |usage: u8, of: &[u8]| {
            let data: [u8; 32] = Sha256::digest(of).into();
            TlsaRecord { usage, selector: 1, matching: 1, data: data.into() }
        };
        let of_host = match self.world.hosts.get(host).map_or(Tlsa::Absent, |host| host.tlsa) {
            Tlsa::Absent => return of_zone,
            Tlsa::Match => record(3, &public_key(host)),
            Tlsa::Anchor => record(2, &public_key(&anchor(host))),
            Tlsa::Mismatch => record(3, b"another key"),
            Tlsa::Unusable => record(0, &public_key(host)),
        };
        let mut all = match of_zone {
            Found::Records(records) => records,
            Found::NoData | Found::NoName => Vec::new(),
        };
        all.push(of_host);
        Found::Records(all)
    }

    /// What a resolver makes of what the zone has, and how long it takes.
    fn resolved<T>(&self, name: &str, kind: DnsKind, found: Found<T>) -> (DnsResult<T>, Millis) {
        let since = self.now.since(self.start);
        let is_about = |fault: &&scenario::world::DnsFault| {
            fault.name.eq_ignore_ascii_case(name) && fault.kind.is_none_or(|of| of == kind) && fault.span.has(since)
        };
        let fault = self.world.dns_faults.iter().find(is_about).map(|fault| fault.answer);
        let is_signed = self.world.signed.iter().any(|domain| {
            name.strip_suffix(domain.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
        });
        let security = match fault {
            Some(DnsAnswer::Unsigned) => Security::Insecure,
            _ if is_signed => Security::Secure,
            _ => Security::Insecure,
        };
        let result = match fault {
            Some(DnsAnswer::ServFail | DnsAnswer::Refused) => DnsResult::ServerFailed,
            Some(DnsAnswer::NxDomain) => DnsResult::NoName(security),
            Some(DnsAnswer::Timeout) => return (DnsResult::Unreachable, DNS_TIMEOUT),
            Some(DnsAnswer::Bogus) => DnsResult::Bogus,
            Some(DnsAnswer::Unsigned) | None => match found {
                Found::Records(records) => DnsResult::Found(records, security),
                Found::NoData => DnsResult::NoData(security),
                Found::NoName => DnsResult::NoName(security),
            },
        };
        (result, DNS)
    }

    /// Counts the connections of each queue. Where a message is in several, nobody outside knows for which one it is.
    fn opens(&mut self, ticket: Ticket, message: MessageId) {
        let recipients = self.life.recipients.get(&message.0).map(Vec::as_slice).unwrap_or_default();
        let queues: BTreeSet<QueueId> = recipients.iter().map(|recipient| recipient.queue).collect();
        if let (1, Some(queue)) = (queues.len(), queues.first()) {
            self.open.insert(ticket.task, *queue);
            let count = self.open.values().filter(|open| *open == queue).count() as u32;
            let most = self.life.most_connections.entry(*queue).or_default();
            if count > most.0 {
                *most = (count, message.0);
            }
        }
    }

    fn connect(&mut self, ticket: Ticket, ip: IpAddr, from: Option<IpAddr>, host: &str, is_tls_first: bool) {
        let name = host.to_lowercase();
        let behaviour = self.world.hosts.get(&name).or_else(|| self.world.hosts.get(&ip.to_string()));
        let behaviour: Host = behaviour.cloned().unwrap_or_default();
        let given = self.given.entry(name.clone()).or_default();
        let mut moment = moment(self.now, self.start, given);
        let latency = behaviour.latency;
        match Peer::scripted(&behaviour, Stage::Connect, None, &mut moment) {
            Some(Answer::Refuse) => self.after(latency, Input::Connected(ticket, Err(Broken::Refused))),
            // Nothing comes: the core stops waiting by itself.
            Some(_) => {}
            None => {
                let mut peer = Peer::new(&name, ip, behaviour);
                let greeting = if is_tls_first { Vec::new() } else { peer.greets(&mut moment) };
                self.connections.insert(ticket.task, (ticket, peer));
                self.after(latency, Input::Connected(ticket, Ok(from)));
                self.does(ticket, greeting);
            }
        }
    }

    /// What a server does comes after its latency.
    fn does(&mut self, ticket: Ticket, does: Vec<Does>) {
        let latency = self.connections.get(&ticket.task).map_or(Millis(0), |(_, peer)| peer.latency());
        for one in does {
            match one {
                Does::Says(bytes) => self.after(latency, Input::Received(ticket, bytes)),
                Does::Closes => {
                    self.connections.remove(&ticket.task);
                    self.after(latency, Input::Closed(ticket));
                }
                Does::AwaitsTls => {}
            }
        }
    }

    fn handshake(&mut self, ticket: Ticket, name: &str) {
        let Some((_, peer)) = self.connections.get_mut(&ticket.task) else { return };
        let latency = peer.latency();
        let shown = match peer.certificate() {
            Certificate::OtherName => "other.invalid",
            Certificate::Valid | Certificate::SelfSigned | Certificate::Expired => name,
        };
        let own = certificate(shown, peer.name()).into();
        let signer = certificate(&anchor(peer.name()), &anchor(peer.name())).into();
        let is_chain = peer.certificate() != Certificate::Expired;
        let is_trusted = matches!(peer.certificate(), Certificate::Valid | Certificate::OtherName);
        let result = match peer.starttls() {
            StartTls::Broken => Err(Handshake::Protocol),
            StartTls::Offered | StartTls::Absent | StartTls::Refused => {
                peer.secured();
                Ok(Certified { certificates: vec![own, signer], is_trusted, is_chain })
            }
        };
        let is_ready = result.is_ok();
        self.after(latency, Input::Secured(ticket, result));
        if is_ready {
            self.greet_if_silent(ticket);
        }
    }

    /// Behind TLS that came first, a server greets.
    fn greet_if_silent(&mut self, ticket: Ticket) {
        let Some((_, mut peer)) = self.connections.remove(&ticket.task) else { return };
        let greeting = if peer.has_greeted() {
            Vec::new()
        } else {
            let given = self.given.entry(peer.name().to_owned()).or_default();
            peer.greets(&mut moment(self.now, self.start, given))
        };
        self.connections.insert(ticket.task, (ticket, peer));
        self.does(ticket, greeting);
    }
}

/// Who signed a host's certificate.
fn anchor(host: &str) -> String {
    format!("ca.{host}")
}

fn moment(now: Instant, start: Instant, given: &mut Given) -> Moment<'_> {
    Moment { now, since_start: now.since(start), given }
}
