//! A run: the delivery core against the world of a scenario, by a virtual clock.
//!
//! This is a driver, and holds no rule about mail: it hands messages in at their times, does what the core asks for by
//! asking the scenario's world, and keeps what happened. The clock goes from one thing that happens to the next.
//!
//! The node may crash: then the core is gone with all that it had not stored, and a new one goes on with what was. A
//! client whose message was not stored hands it in again. (One that was stored and not answered would, too, and make a
//! second message of it; that is left out, as it says nothing about the policy.)
//!
//! Invariant: two runs of the same version, scenario and seed are the same.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    net::{IpAddr, SocketAddr},
};

use base::{Instant, Mailbox, Millis};
#[cfg(feature = "planted")]
use delivery::planted::Fault;
use delivery::{
    Effect, Event, Input, Queue, Recipient, Report, Submission,
    effect::{Record, Ticket},
    event::What,
    failure::{Broken, Handshake},
    hosts::Family,
    message::{self, By, ByMode, Envelope, MessageId, Notify, Ret, Wish},
    operator::{self, Order},
    reply::Reply,
    sts::Fetched,
    tls_report::TlsResult,
};
use policy::{Behaviour, Decide, LookupFailed, Quirk, Strategies, World as _, strategy::QueueName};
use scenario::{
    Environment, Message, Scenario, World,
    world::{Answer, ClockJump, Host, Listens, Stage, StartTls, When},
};

use crate::{
    load::Loads,
    mailboxes::Mailboxes,
    peer::{Deed, Does, Moment, Peer, Server, Shakes, Taken},
    promise::Content,
    resolver::Resolver,
    shown::Shown,
};

/// How long it takes to fetch a policy.
const HTTPS: Millis = Millis(100);

/// How many things may happen in a run that does not say before it is stopped.
pub const STEPS_MAX: u64 = 200_000_000;

/// Of how many messages at most all that happens is kept where only loads are asked for; of more, nothing but those.
pub const CHECKED_MAX: usize = 100_000;

/// Another policy that the server takes over.
#[derive(Clone, Copy)]
pub struct Reload<'s> {
    /// When.
    pub at: Millis,
    /// The plan, as it is decided by.
    pub engine: &'s dyn Decide,
    /// Its strategies.
    pub strategies: &'s Strategies,
}

/// What is run.
#[derive(Clone, Copy)]
pub struct Setup<'s> {
    /// The messages, and when they are handed in.
    pub scenario: &'s Scenario,
    /// What they meet.
    pub world: &'s World,
    /// The plan, as it is decided by.
    pub engine: &'s dyn Decide,
    /// Its strategies.
    pub strategies: &'s Strategies,
    /// The policies that the server takes over, in order.
    pub reloads: &'s [Reload<'s>],
    /// What the core lacks of its target's quirks.
    pub without: Option<Quirk>,
    /// How many things may happen before it is stopped.
    pub steps_max: u64,
    /// What is planted in the core.
    #[cfg(feature = "planted")]
    pub fault: Option<Fault>,
    /// Whether the core wakes everyone who waits for a rate whenever it may have room.
    #[cfg(feature = "planted")]
    pub wakes_each: bool,
}

impl<'s> Setup<'s> {
    /// Runs of `scenario` in `world`, deciding by `engine`.
    #[must_use]
    pub const fn new(
        scenario: &'s Scenario,
        world: &'s World,
        engine: &'s dyn Decide,
        strategies: &'s Strategies,
    ) -> Self {
        Self {
            scenario,
            world,
            engine,
            strategies,
            reloads: &[],
            without: None,
            steps_max: STEPS_MAX,
            #[cfg(feature = "planted")]
            fault: None,
            #[cfg(feature = "planted")]
            wakes_each: false,
        }
    }
}

impl<'s> Setup<'s> {
    /// The engine and the strategies of the policy of this number, as events have it: 0 for the first one.
    #[must_use]
    pub fn policy(&self, number: usize) -> (&'s dyn Decide, &'s Strategies) {
        let reload = number.checked_sub(1).and_then(|place| self.reloads.get(place));
        reload.map_or((self.engine, self.strategies), |reload| (reload.engine, reload.strategies))
    }

    /// All of them.
    pub fn policies(&self) -> impl Iterator<Item = (&'s dyn Decide, &'s Strategies)> {
        let first = (self.engine, self.strategies);
        std::iter::once(first).chain(self.reloads.iter().map(|reload| (reload.engine, reload.strategies)))
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Life {
    /// When it began.
    pub start: Instant,
    /// When it ended.
    pub end: Instant,
    /// What happened, in order. Messages are called by their place in the scenario, reports by numbers of their own.
    pub events: Vec<Event>,
    /// What each message's recipients came to, as it was stored, by the message's place.
    pub recipients: BTreeMap<u64, Vec<Recipient>>,
    /// The messages that were not accepted, and what the client was answered.
    pub refused: BTreeMap<u64, Reply>,
    /// The recipients that were not accepted, by their messages, and what the client was answered to RCPT.
    pub refused_at_rcpt: BTreeMap<u64, BTreeMap<Mailbox, Reply>>,
    /// What was told to senders, by the number of the report.
    pub reports: BTreeMap<u64, Box<Report>>,
    /// What servers took.
    pub taken: Vec<Taken>,
    /// What counted for domains' TLS reports, in order.
    pub tls_results: Vec<TlsResult>,
    /// The questions of the policy that nothing answers.
    pub unanswered: BTreeSet<String>,
    /// When the node was down, from a crash to the next start.
    pub down: Vec<(Instant, Instant)>,
    /// When the clock jumped, by what it showed then, and how far.
    pub jumps: Vec<(Instant, Millis)>,
    /// When each policy was taken over.
    pub reloads: Vec<Instant>,
    /// How loaded each queue was.
    pub loads: Loads,
    /// What the world saw, for checkers.
    pub seen: Seen,
    /// Whether it was stopped because too much happened.
    pub is_stopped: bool,
}

/// What the world saw of a run, whatever the core says. Where only outcomes are kept, most of it is not.
#[derive(Debug, Default)]
pub struct Seen {
    /// The connections that were asked for, in order.
    pub connections: Vec<Connected>,
    /// Which of them were made for each message.
    pub by_message: BTreeMap<u64, Vec<usize>>,
    /// The messages that some server refused for good.
    pub refusals: BTreeSet<u64>,
    /// The names of which DNS said that they do not exist, take no mail, or lead nowhere.
    pub denials: BTreeSet<String>,
    /// By which effect it was stored that a recipient is done, by its message and place.
    pub settled: BTreeMap<(u64, u32), u64>,
    /// The records that could not be stored: of which message, and by which effect.
    pub unstored: Vec<(u64, u64)>,
    /// When the node crashed, and behind which effect.
    pub crashes: Vec<(Instant, u64)>,
    /// The messages that were handed in and neither stored nor refused until the end.
    pub unaccepted: BTreeSet<u64>,
}

/// A connection that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Connected {
    /// When.
    pub at: Instant,
    /// By which task of the core.
    pub task: u64,
    /// For which message.
    pub message: u64,
    /// The host's name.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
    /// The address that it is made from.
    pub from: Option<IpAddr>,
    /// The commands that the host read, with `+` between those that came at once.
    pub commands: String,
    /// The same with all that they say, secrets masked.
    pub said: Vec<String>,
}

impl Seen {
    /// The commands that were read on the connection that was asked for at a moment.
    #[must_use]
    pub fn commands(&self, message: u64, at: Instant, host: &str, ip: IpAddr) -> String {
        self.connection(message, at, host, ip).map(|known| known.commands.clone()).unwrap_or_default()
    }

    /// The same commands with all that they say.
    #[must_use]
    pub fn said(&self, message: u64, at: Instant, host: &str, ip: IpAddr) -> &[String] {
        self.connection(message, at, host, ip).map_or(&[], |known| &known.said)
    }

    /// The connection that was asked for at a moment.
    fn connection(&self, message: u64, at: Instant, host: &str, ip: IpAddr) -> Option<&Connected> {
        let is_it = |known: &&Connected| known.at == at && known.host == host && known.ip == ip;
        let mine = self.by_message.get(&message).into_iter().flatten();
        mine.filter_map(|place| self.connections.get(*place)).rfind(is_it)
    }
}

/// What is kept of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Everything that happened, for timelines and checkers.
    Events,
    /// What each recipient came to, for runs of millions.
    Outcomes,
}

/// Something that the core is told at its time.
struct Coming {
    at: Instant,
    number: u64,
    input: Input,
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Coming {}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What happens next.
enum Next {
    /// The node crashes, and starts again so much later.
    Crash(Millis),
    /// It starts again.
    Start,
    /// Its clock is set forward.
    Jump(Millis),
    /// It takes the next policy over.
    Reload,
    /// An operator does what stands at this place.
    Order(usize),
    /// A client hands the message at this place in.
    Client(u32),
    /// The core is told something.
    Input(Input),
}

/// A run that goes on.
struct Run<'s, 'e> {
    setup: Setup<'s>,
    /// The core; none while the node is down.
    queue: Option<Queue<'s>>,
    environment: &'e mut Environment,
    mailboxes: Mailboxes,
    start: Instant,
    now: Instant,
    /// The messages by the time at which they are handed in, and how many of them were.
    arrivals: Vec<u32>,
    arrived: usize,
    /// The messages that were handed in and are neither stored nor refused.
    pending: BTreeSet<u64>,
    /// What will happen, in order.
    coming: BinaryHeap<Reverse<Coming>>,
    number: u64,
    /// The crashes at moments of the world that are still to come, the next one last.
    crashes: Vec<(Millis, Millis)>,
    /// The jumps of the clock that are still to come, the next one last, and how far it jumped already.
    jumps: Vec<ClockJump>,
    jumped: Millis,
    /// How many policies were taken over, and how many of them before the node started last.
    reloaded: usize,
    /// How many orders of the operator were done.
    ordered: usize,
    started_with: usize,
    /// When the node starts again.
    up: Instant,
    /// How many effects were done.
    effects: u64,
    /// The messages as they are stored, where the node may crash.
    kept: Option<BTreeMap<u64, message::Message>>,
    next_report: MessageId,
    resolver: Resolver<'s>,
    servers: Vec<Server<'s>>,
    /// The certificates that they showed.
    shown: Shown,
    known: BTreeMap<Box<str>, usize>,
    unsaid: &'s Host,
    connections: BTreeMap<u64, Peer>,
    /// The queue that each connection is made for, by its task.
    open: BTreeMap<u64, QueueName>,
    keep: Keep,
    life: Life,
}

/// Runs what `setup` says.
#[must_use]
pub fn run(setup: Setup<'_>, environment: &mut Environment, keep: Keep) -> Life {
    let Setup { scenario, world, .. } = setup;
    let start = Instant(scenario.start.millis());
    let unsaid = Host::default();
    let mut arrivals: Vec<u32> = (0..scenario.messages.len() as u32).collect();
    arrivals.sort_by_key(|place| scenario.messages.get(*place as usize).map(|message| message.at));
    let at_moment = |crash: &scenario::world::Crash| match crash.when {
        When::At(at) => Some((at, crash.down)),
        When::Effect(_) => None,
    };
    let mut crashes: Vec<(Millis, Millis)> = world.crashes.iter().filter_map(at_moment).collect();
    crashes.sort_by(|one, other| other.cmp(one));
    let mut jumps = world.clock_jumps.clone();
    jumps.sort_by_key(|jump| Reverse(jump.at));
    let mut run = Run {
        setup,
        queue: None,
        mailboxes: Mailboxes::of(environment),
        environment,
        start,
        now: start,
        arrivals,
        arrived: 0,
        pending: BTreeSet::new(),
        coming: BinaryHeap::new(),
        number: 0,
        crashes,
        jumps,
        jumped: Millis(0),
        reloaded: 0,
        ordered: 0,
        started_with: 0,
        up: start,
        effects: 0,
        kept: (!world.crashes.is_empty()).then(BTreeMap::new),
        next_report: MessageId(MessageId::REPORTS),
        resolver: Resolver::new(world),
        servers: Vec::new(),
        shown: Shown::default(),
        known: BTreeMap::new(),
        unsaid: &unsaid,
        connections: BTreeMap::new(),
        open: BTreeMap::new(),
        keep,
        life: Life { start, end: start, ..Life::default() },
    };
    run.queue = Some(run.new_queue(scenario.seed, None));
    let mut steps = 0;
    while let Some((now, next)) = run.next(start + scenario.length + run.jumped) {
        run.now = now;
        match next {
            Next::Crash(down) => run.crash(down),
            Next::Start => run.start(),
            Next::Jump(by) => run.jump(by),
            Next::Reload => run.reload(),
            Next::Order(place) => run.order(place),
            Next::Client(place) => run.hand_in(place.into()),
            Next::Input(input) => run.tell(input),
        }
        steps += 1;
        if steps >= setup.steps_max {
            run.life.is_stopped = true;
            break;
        }
    }
    run.tell_waits();
    let Run { mut life, now, pending, resolver, .. } = run;
    life.end = now;
    life.seen.unaccepted = pending;
    life.seen.denials = resolver.denials;
    life
}

/// A message of a scenario, as a client hands it in.
fn submission(message: &Message) -> Submission {
    let notify = |notify: Option<scenario::Notify>| match notify {
        None => Notify::Unsaid,
        Some(notify) if !(notify.success || notify.failure || notify.delay) => Notify::Never,
        Some(notify) => Notify::Of { success: notify.success, failure: notify.failure, delay: notify.delay },
    };
    let wish = |address: &Mailbox| Wish {
        address: address.clone(),
        notify: notify(message.notify_for.get(address).copied().or(message.notify)),
        orcpt: message.orcpt.get(address).map(|orcpt| orcpt.as_str().into()),
        headers: message.headers_for.get(address).map(|headers| headers.as_str().into()),
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
            requires_tls: message.requiretls,
            is_utf8: [&message.sender]
                .into_iter()
                .chain(&message.recipients)
                .any(|address| !address.as_str().is_ascii()),
            is_8bit: message.body == "8bitmime",
            hold: message.hold_for,
            by: message
                .deliver_by
                .map(|by| By { seconds: by.seconds, mode: if by.returns { ByMode::Return } else { ByMode::Notify } }),
        },
        recipients: message.recipients.iter().map(wish).collect(),
    }
}

impl<'s> Run<'s, '_> {
    /// What the node's clock shows at a moment of the world.
    fn shown(&self, at: Millis) -> Instant {
        let jumps = self.setup.world.clock_jumps.iter().filter(|jump| jump.at < at);
        jumps.fold(self.start + at, |shown, jump| shown + jump.by)
    }

    /// When a message was handed in; a report, which is no message of the scenario, counts from now.
    fn created(&self, id: MessageId) -> Instant {
        let message = usize::try_from(id.0).ok().and_then(|place| self.setup.scenario.messages.get(place));
        message.map_or(self.now, |message| self.shown(message.at))
    }

    fn new_queue(&self, seed: u64, kept: Option<Vec<message::Message>>) -> Queue<'s> {
        let (engine, strategies) = self.setup.policy(self.reloaded);
        let mut queue = match kept {
            None => Queue::new(engine, strategies, seed),
            Some(kept) => Queue::restarted(engine, strategies, seed, self.now, kept, self.next_report),
        };
        if let Some(quirk) = self.setup.without {
            queue.behave(Behaviour::of(engine.plan().target).without(quirk));
        }
        #[cfg(feature = "planted")]
        if let Some(fault) = self.setup.fault {
            queue.plant(fault);
        }
        #[cfg(feature = "planted")]
        if self.setup.wakes_each {
            queue.wake_each();
        }
        queue
    }

    fn after(&mut self, length: Millis, input: Input) {
        self.at(self.now + length, input);
    }

    fn at(&mut self, at: Instant, input: Input) {
        self.coming.push(Reverse(Coming { at, number: self.number, input }));
        self.number += 1;
    }

    /// When the next policy is taken over.
    fn reload_at(&self) -> Option<Instant> {
        self.setup.reloads.get(self.reloaded).map(|reload| self.shown(reload.at))
    }

    /// What happens next, until `until`; at one moment jumps, policies and crashes come first, then clients, then answers, then timers.
    fn next(&mut self, until: Instant) -> Option<(Instant, Next)> {
        let Some(queue) = &self.queue else {
            return (self.up <= until).then_some((self.up, Next::Start));
        };
        let crash = self.crashes.last().map(|(at, _)| self.shown(*at));
        let jump = self.jumps.last().map(|jump| self.shown(jump.at).max(self.now));
        let place = self.arrivals.get(self.arrived).copied();
        let arriving = place.and_then(|place| self.setup.scenario.messages.get(place as usize));
        // A client that finds nobody comes again.
        let arrival = arriving.map(|message| self.shown(message.at).max(self.up));
        let coming = self.coming.peek().map(|Reverse(coming)| coming.at);
        let deadline = queue.deadline().map(|at| at.max(self.now));
        let reload = self.reload_at().map(|at| at.max(self.now));
        // An operator who finds nobody comes again.
        let order = self.setup.world.orders.get(self.ordered).map(|order| self.shown(order.at).max(self.now));
        let at = [jump, reload, crash, order, arrival, coming, deadline]
            .into_iter()
            .flatten()
            .min()
            .filter(|at| *at <= until)?;
        if jump == Some(at) {
            return self.jumps.pop().map(|jump| (at, Next::Jump(jump.by)));
        }
        if reload == Some(at) {
            return Some((at, Next::Reload));
        }
        if crash == Some(at) {
            return self.crashes.pop().map(|(_, down)| (at.max(self.now), Next::Crash(down)));
        }
        if order == Some(at) {
            self.ordered += 1;
            return Some((at, Next::Order(self.ordered - 1)));
        }
        if let (true, Some(place)) = (arrival == Some(at), place) {
            self.arrived += 1;
            return Some((at.max(self.now), Next::Client(place)));
        }
        if coming == Some(at) {
            return self.coming.pop().map(|Reverse(Coming { at, input, .. })| (at, Next::Input(input)));
        }
        Some((at, Next::Input(Input::Woken)))
    }

    /// Tells the core something, and does what it asks for.
    fn tell(&mut self, input: Input) {
        if let Input::Submitted(id, _) = &input {
            self.pending.insert(id.0);
        }
        if let Some(queue) = &mut self.queue {
            queue.handle(self.now, input);
        }
        while let Some(effect) = self.queue.as_mut().and_then(Queue::poll) {
            self.effects += 1;
            self.perform(effect);
            let crashes = |crash: &&scenario::world::Crash| crash.when == When::Effect(self.effects);
            if let Some(crash) = self.setup.world.crashes.iter().find(crashes) {
                self.take_events();
                self.crash(crash.down);
            }
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(mut event) = self.queue.as_mut().and_then(Queue::event) {
            let waited = match &event.what {
                What::Limited { recipients, limiter, .. } => Some((recipients, limiter, 1)),
                What::HeldOn { recipients, limiter, rounds, .. } => Some((recipients, limiter, *rounds)),
                _ => None,
            };
            if let Some((recipients, limiter, rounds)) = waited {
                *self.life.loads.waits.entry(*limiter).or_default() += recipients.len() as u64 * rounds;
            }
            if self.keep == Keep::Events {
                // A core that was started counts from the policy that it was started with.
                event.policy += self.started_with;
                self.life.events.push(event);
            }
        }
    }

    /// Takes what the core has still to tell of those who wait for a rate, as nobody will ask it any more.
    fn tell_waits(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.tell_waits();
        }
        self.take_events();
    }

    /// All that was not stored is gone, and every connection.
    fn crash(&mut self, down: Millis) {
        self.life.seen.crashes.push((self.now, self.effects));
        self.tell_waits();
        self.queue = None;
        self.coming.clear();
        self.connections.clear();
        self.servers.iter_mut().for_each(|server| server.open = 0);
        self.open.clear();
        self.life.loads.closes_all(self.now);
        self.up = self.now + down;
        self.life.down.push((self.now, self.up));
    }

    /// The node starts again with what was stored, and the clients of what was not come again.
    fn start(&mut self) {
        // A node that starts reads what is there.
        while self.reload_at().is_some_and(|at| at <= self.now) {
            self.reloaded += 1;
            self.life.reloads.push(self.now);
        }
        self.started_with = self.reloaded;
        let kept = self.kept.iter().flat_map(BTreeMap::values).cloned().collect();
        let seed = self.setup.scenario.seed.wrapping_add(self.life.seen.crashes.len() as u64);
        self.queue = Some(self.new_queue(seed, Some(kept)));
        for id in self.pending.clone() {
            if let Some(submission) = self.submission(id) {
                self.after(Millis(0), Input::Submitted(MessageId(id), Box::new(submission)));
            }
        }
    }

    /// The operator does something by hand.
    fn order(&mut self, place: usize) {
        let Some(order) = self.setup.world.orders.get(place) else { return };
        let mut messages = self.setup.scenario.messages.iter().zip(0..);
        let message =
            messages.find(|(message, _)| order.message.as_ref() == Some(&message.id)).map(|(_, id)| MessageId(id));
        let of = |deed| message.map(|message| Order::Message(message, order.rcpt.clone(), deed));
        let next = order.next.map_or(self.now, |next| self.shown(next));
        let order = match order.deed {
            scenario::world::Deed::Pause => Some(Order::Pause),
            scenario::world::Deed::Resume => Some(Order::Resume),
            scenario::world::Deed::Retry => of(operator::Deed::TryAt(next)),
            scenario::world::Deed::Cancel => of(operator::Deed::Cancel),
        };
        if let Some(order) = order {
            self.tell(Input::Ordered(order));
        }
    }

    /// A client hands a message in: it gets as far as the recipients that are not refused.
    fn hand_in(&mut self, place: u64) {
        if let Some(submission) = self.submission(place) {
            self.tell(Input::Submitted(MessageId(place), Box::new(submission)));
        }
    }

    /// What the client of a message hands in behind the answers to RCPT; nothing where each of them was a no.
    fn submission(&mut self, place: u64) -> Option<Submission> {
        let message = usize::try_from(place).ok().and_then(|place| self.setup.scenario.messages.get(place))?;
        let mut submission = submission(message);
        submission.recipients.retain(|wish| {
            let refusal = self.mailboxes.refusal(message, &wish.address);
            let is_accepted = refusal.is_none();
            if let Some(reply) = refusal {
                let refused = self.life.refused_at_rcpt.entry(place).or_default();
                refused.insert(wish.address.clone(), reply);
            }
            is_accepted
        });
        (!submission.recipients.is_empty()).then_some(submission)
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Store(ticket, record) => self.store(ticket, record),
            Effect::LookUp(ticket, lookup) => {
                let answer = self.environment.answer(&lookup).unwrap_or_else(|| {
                    let what = lookup.to_string();
                    self.life.unanswered.insert(what.clone());
                    Err(LookupFailed { what, why: "nothing answers it".to_owned() })
                });
                self.after(Millis(0), Input::Answered(ticket, answer));
            }
            Effect::ResolveMx(ticket, name) => {
                let (result, alias, length) = self.resolver.mx(&name, self.since());
                self.after(length, Input::Mx(ticket, result, alias));
            }
            Effect::ResolveAddresses(ticket, name, family) => {
                let (result, alias, length) = self.resolver.addresses(&name, family == Family::V6, self.since());
                self.after(length, Input::Addresses(ticket, result, alias));
            }
            Effect::ResolveTlsa(ticket, name) => {
                let (result, length) = self.resolver.tlsa(&name, self.since());
                self.after(length, Input::Tlsa(ticket, result));
            }
            Effect::ResolveTexts(ticket, name) => {
                let (result, length) = self.resolver.texts(&name, self.since());
                self.after(length, Input::Texts(ticket, result));
            }
            Effect::FetchPolicy(ticket, domain) => {
                let since = self.since();
                let served = self.setup.world.policy_at(&domain, since);
                let fetched = served.map_or(Fetched::Failed, |served| {
                    let body = served.policy.as_bytes().into();
                    Fetched::Answer { status: served.status, body }
                });
                self.after(HTTPS, Input::Policy(ticket, fetched));
            }
            // Whether TLS comes first is the host's to know: `StartTls` says that the client begins with it.
            Effect::Connect { ticket, message, to, from, host, is_tls_first: _ } => {
                self.opens(ticket, message);
                if self.keep == Keep::Events {
                    let (task, host) = (ticket.task, host.to_string());
                    let (at, message, ip, commands) = (self.now, message.0, to.ip(), String::new());
                    let place = self.life.seen.connections.len();
                    self.life.seen.by_message.entry(message).or_default().push(place);
                    let said = Vec::new();
                    self.life.seen.connections.push(Connected { at, task, message, host, ip, from, commands, said });
                }
                self.connect(ticket, message, (to, from), &host);
            }
            Effect::Send(ticket, bytes) => {
                let mut heard = (String::new(), Vec::new());
                self.at_peer(ticket, |peer, moment| {
                    let does = peer.takes(&bytes, moment);
                    heard = peer.heard();
                    does
                });
                self.hear(ticket, &heard.0, heard.1);
            }
            Effect::SendContent { ticket, message, headers, is_chunk } => {
                let place = usize::try_from(message.0).ok();
                let known = place.and_then(|place| self.setup.scenario.messages.get(place));
                if known.is_some_and(|message| message.content_lost) {
                    return self.after(Millis(0), Input::ContentSent(ticket, false));
                }
                if is_chunk {
                    let size = known.map_or(0, |message| message.size);
                    self.hear(ticket, "BDAT", vec![format!("BDAT {size} LAST")]);
                }
                self.after(Millis(0), Input::ContentSent(ticket, true));
                let effect = self.effects;
                let report =
                    self.life.reports.get(&message.0).map_or(0, |report| report.before.len() + report.after.len());
                let content = Content {
                    size: known.map_or(report as u64, |message| message.size),
                    is_8bit: known.is_some_and(|message| message.body == "8bitmime"),
                    is_chunk,
                };
                let mut all = Vec::new();
                self.at_peer(ticket, |peer, moment| {
                    let (does, taken) = peer.takes_content(message.0, headers.as_deref(), content, effect, moment);
                    all = taken;
                    does
                });
                if self.keep == Keep::Events {
                    self.life.taken.extend(all);
                }
            }
            Effect::StartTls { ticket, name } => self.handshake(ticket, &name),
            Effect::CountTls(counted) => {
                if self.keep == Keep::Events {
                    self.life.tls_results.push(*counted);
                }
            }
            Effect::Close(ticket) => {
                self.disconnect(ticket);
                if let Some(queue) = self.open.remove(&ticket.task) {
                    self.life.loads.closes(&queue, self.now);
                }
            }
            Effect::Respond(id, reply) => {
                self.pending.remove(&id.0);
                if !reply.is_positive() {
                    self.life.refused.insert(id.0, reply);
                }
            }
            Effect::DeliverLocally { ticket, message, recipients } => {
                let known = self.life.recipients.get(&message.0).map(Vec::as_slice).unwrap_or_default();
                let address = |place: &u32| known.get(*place as usize).map(|recipient| &recipient.address);
                let replies: Vec<Reply> =
                    recipients.iter().filter_map(address).map(|address| self.mailboxes.takes(address)).collect();
                if self.keep == Keep::Events && replies.iter().any(Reply::is_permanent) {
                    self.life.seen.refusals.insert(message.0);
                }
                self.after(Millis(1), Input::Local(ticket, replies));
            }
        }
    }

    /// How long the world goes on already.
    fn since(&self) -> Millis {
        Millis(self.now.since(self.start).0.saturating_sub(self.jumped.0))
    }

    /// Another policy decides from now on.
    fn reload(&mut self) {
        self.reloaded += 1;
        self.life.reloads.push(self.now);
        let (engine, strategies) = self.setup.policy(self.reloaded);
        if let Some(queue) = &mut self.queue {
            queue.take_over(engine, strategies);
            if let Some(quirk) = self.setup.without {
                queue.behave(Behaviour::of(engine.plan().target).without(quirk));
            }
        }
    }

    /// The clock is set forward: what comes keeps to the world's time.
    fn jump(&mut self, by: Millis) {
        self.now = self.now + by;
        self.jumped = self.jumped + by;
        self.life.jumps.push((self.now, by));
        let coming = std::mem::take(&mut self.coming).into_vec();
        self.coming =
            coming.into_iter().map(|Reverse(coming)| Reverse(Coming { at: coming.at + by, ..coming })).collect();
    }

    fn store(&mut self, ticket: Ticket, record: Record) {
        let since = self.since();
        if self.setup.world.disk_full.iter().any(|span| span.has(since)) {
            let message = match &record {
                Record::Accepted(message) | Record::Reported { message, .. } => message.id,
                Record::Changed(id, _) | Record::Removed(id, _) => *id,
            };
            if self.keep == Keep::Events {
                self.life.seen.unstored.push((message.0, self.effects));
            }
            return self.after(Millis(0), Input::NotStored(ticket));
        }
        match record {
            Record::Accepted(message) => self.accept(*message),
            Record::Reported { message, report, changed } => {
                self.next_report = self.next_report.max(MessageId(message.id.0 + 1));
                self.life.reports.insert(message.id.0, report.clone());
                self.accept(*message);
                self.change(report.about, &changed);
            }
            Record::Changed(id, changed) => self.change(id, &changed),
            Record::Removed(id, recipients) => {
                if let Some(kept) = &mut self.kept {
                    kept.remove(&id.0);
                }
                self.note_settled(id, recipients.iter().enumerate().map(|(place, known)| (place as u32, known)));
                let before = self.life.recipients.get(&id.0).map(Vec::as_slice).unwrap_or_default();
                let created = self.created(id);
                for (after, before) in recipients.iter().zip(before.iter().map(Some).chain(std::iter::repeat(None))) {
                    self.life.loads.changed(before, after, created, self.now);
                }
                self.life.recipients.insert(id.0, recipients);
            }
        }
        self.after(Millis(0), Input::Stored(ticket));
    }

    fn accept(&mut self, message: message::Message) {
        let id = message.id.0;
        self.pending.remove(&id);
        for recipient in &message.recipients {
            self.life.loads.changed(None, recipient, message.created, self.now);
        }
        match &mut self.kept {
            None => self.life.recipients.insert(id, message.recipients),
            Some(kept) => {
                let recipients = message.recipients.clone();
                kept.insert(id, message);
                self.life.recipients.insert(id, recipients)
            }
        };
    }

    fn change(&mut self, id: MessageId, changed: &[(u32, Recipient)]) {
        self.note_settled(id, changed.iter().map(|(place, known)| (*place, known)));
        let created = self.created(id);
        let before = self.life.recipients.get(&id.0).map(Vec::as_slice).unwrap_or_default();
        for (place, after) in changed {
            self.life.loads.changed(before.get(*place as usize), after, created, self.now);
        }
        let kept = self.kept.as_mut().and_then(|kept| kept.get_mut(&id.0)).map(|message| &mut message.recipients);
        for known in [kept, self.life.recipients.get_mut(&id.0)].into_iter().flatten() {
            for (place, recipient) in changed {
                if let Some(slot) = known.get_mut(*place as usize) {
                    slot.clone_from(recipient);
                }
            }
        }
    }

    fn note_settled<'r>(&mut self, id: MessageId, states: impl Iterator<Item = (u32, &'r Recipient)>) {
        if self.keep == Keep::Events {
            for (place, _) in states.filter(|(_, recipient)| recipient.status.is_final()) {
                self.life.seen.settled.entry((id.0, place)).or_insert(self.effects);
            }
        }
    }

    /// Counts the connections of each queue. Where a message is in several, nobody outside knows for which one it is.
    fn opens(&mut self, ticket: Ticket, message: MessageId) {
        let recipients = self.life.recipients.get(&message.0).map(Vec::as_slice).unwrap_or_default();
        let Some(queue) = recipients.first().map(|recipient| recipient.queue.clone()) else { return };
        if recipients.iter().all(|recipient| recipient.queue == queue) {
            let (_, strategies) = self.setup.policy(self.reloaded);
            self.life.loads.connects(&queue, strategies, self.now);
            self.open.insert(ticket.task, queue);
        }
    }

    /// The server at this address, by its place: the address's own, or that which all others of the name are.
    fn server(&mut self, host: &str, ip: IpAddr) -> usize {
        let hosts = &self.setup.world.hosts;
        let (name, address) = (host.to_lowercase(), ip.to_string());
        let stands_for = self.setup.world.zone_at(self.since()).canonical(&name);
        let is_known = |key: &String| hosts.contains_key(key);
        let key = [address, name.clone(), stands_for].into_iter().find(is_known).unwrap_or(name);
        let behaviour = hosts.get(&key).unwrap_or(self.unsaid);
        *self.known.entry(key.into()).or_insert_with(|| {
            self.servers.push(Server::new(behaviour));
            self.servers.len() - 1
        })
    }

    fn connect(&mut self, ticket: Ticket, message: MessageId, (to, from): (SocketAddr, Option<IpAddr>), host: &str) {
        let place = self.server(host, to.ip());
        let (now, since_start) = (self.now, self.since());
        let Some(server) = self.servers.get_mut(place) else { return };
        let behaviour = server.behaviour;
        let (latency, listens) = (behaviour.latency_of(Stage::Connect), behaviour.ports.at(to.port()));
        let mut moment = Moment { now, since_start, server, from };
        if listens == Listens::Closed {
            return self.after(latency, Input::Connected(ticket, Err(Broken::Refused)));
        }
        match moment.scripted(Stage::Connect, None).map(|scripted| scripted.reply) {
            Some(Answer::Refuse) => self.after(latency, Input::Connected(ticket, Err(Broken::Refused))),
            // Nothing comes: the core stops waiting by itself.
            Some(_) => {}
            None => {
                moment.server.open += 1;
                let is_tls_first = listens == Listens::Tls;
                let mut peer = Peer::new(place, (host, to.ip()), from, message.0, is_tls_first);
                let greeting = if is_tls_first { Vec::new() } else { peer.greets(&mut moment) };
                let connected = peer.ready(now, latency);
                self.connections.insert(ticket.task, peer);
                self.at(connected, Input::Connected(ticket, Ok(from)));
                self.does(ticket, greeting);
            }
        }
    }

    /// Notes what the server at the other end of a connection read.
    fn hear(&mut self, ticket: Ticket, heard: &str, all: Vec<String>) {
        if all.is_empty() || self.keep != Keep::Events {
            return;
        }
        let connection = self.life.seen.connections.iter_mut().rfind(|known| known.task == ticket.task);
        if let Some(Connected { commands, said, .. }) = connection {
            said.extend(all);
            if !commands.is_empty() && !heard.is_empty() {
                commands.push(' ');
            }
            commands.push_str(heard);
        }
    }

    /// Lets the server at the other end of a connection do something.
    fn at_peer(&mut self, ticket: Ticket, act: impl FnOnce(&mut Peer, &mut Moment<'_, '_>) -> Vec<Does>) {
        let (now, since_start) = (self.now, self.since());
        let Some(peer) = self.connections.get_mut(&ticket.task) else { return };
        let Some(server) = self.servers.get_mut(peer.server()) else { return };
        let from = peer.from();
        let does = act(peer, &mut Moment { now, since_start, server, from });
        self.does(ticket, does);
    }

    /// The connection is closed, by whichever side.
    fn disconnect(&mut self, ticket: Ticket) {
        let peer = self.connections.remove(&ticket.task);
        if let Some(server) = peer.and_then(|peer| self.servers.get_mut(peer.server())) {
            server.open -= 1;
        }
    }

    /// What a server does comes after its latency, in the order in which it does it.
    fn does(&mut self, ticket: Ticket, does: Vec<Does>) {
        for Does { stage, deed } in does {
            let Some(peer) = self.connections.get_mut(&ticket.task) else { return };
            let Some(server) = self.servers.get(peer.server()) else { return };
            let ready = peer.ready(self.now, server.behaviour.latency_of(stage));
            match deed {
                Deed::Says(bytes) => {
                    if self.keep == Keep::Events && bytes.starts_with(b"5") {
                        self.life.seen.refusals.insert(peer.message());
                    }
                    self.at(ready, Input::Received(ticket, bytes));
                }
                Deed::Closes => {
                    self.disconnect(ticket);
                    self.at(ready, Input::Closed(ticket));
                }
            }
        }
    }

    fn handshake(&mut self, ticket: Ticket, name: &str) {
        let since = self.since();
        let (now, since_start) = (self.now, self.since());
        let Some(peer) = self.connections.get_mut(&ticket.task) else { return };
        let Some(server) = self.servers.get_mut(peer.server()) else { return };
        let behaviour = server.behaviour;
        let ready = peer.ready(now, behaviour.latency_of(Stage::Tls));
        let mut moment = Moment { now, since_start, server, from: peer.from() };
        match (peer.shakes(), moment.scripted(Stage::Tls, None).map(|scripted| scripted.reply)) {
            (Shakes::Hands, None) => {}
            // The client stops waiting by itself.
            (Shakes::Not, _) | (Shakes::Hands, Some(Answer::Silence)) => return,
            (Shakes::Hands, Some(Answer::Close | Answer::Refuse)) => {
                self.disconnect(ticket);
                return self.at(ready, Input::Closed(ticket));
            }
            (Shakes::SaidOtherwise, _) | (Shakes::Hands, Some(Answer::Garbage | Answer::Reply(..))) => {
                return self.at(ready, Input::Secured(ticket, Err(Handshake::Protocol)));
            }
        }
        // Whose name is an alias has the key of what it stands for, unless something is said of the alias itself.
        let world = self.setup.world;
        let is_said = world.hosts.contains_key(peer.host());
        let own_name = if is_said { peer.host().to_owned() } else { world.zone_at(since).canonical(peer.host()) };
        let place = peer.server();
        let result = match behaviour.starttls {
            StartTls::Broken => Err(Handshake::Protocol),
            StartTls::Offered | StartTls::Absent | StartTls::Refused | StartTls::Injected => {
                peer.secured();
                Ok(self.shown.of(world, behaviour, (place, &own_name, name), self.now))
            }
        };
        let is_ready = result.is_ok();
        self.at(ready, Input::Secured(ticket, result));
        if is_ready {
            // Behind TLS that came first, a server greets.
            self.at_peer(ticket, |peer, moment| if peer.has_greeted() { Vec::new() } else { peer.greets(moment) });
        }
    }
}
