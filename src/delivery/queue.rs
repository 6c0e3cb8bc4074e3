//! The queue: every message, when something of it is due, and how many are worked at.
//!
//! Invariants:
//!
//! - A virtual queue never begins a work item where it has as many as its threads.
//! - What is under way goes on by the policy that it began with; everything else is decided by the last one.
//! - A work item is of one message in one queue, and there is one at a time for both. Those of different queues run side by
//!   side, each at the recipients that were in its queue when it began, and no recipient is worked at by two.
//! - A recipient that is neither done nor worked at has an event in its queue, or stands in line, unless a work item of its
//!   message is there: then it has one when that ends.
//! - A message whose work items are side by side is removed behind the last of them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use base::{Instant, Mailbox};
use policy::{
    Behaviour, Decide, Quirk, Scratch, Strategies,
    strategy::{QueueName, VirtualQueue},
};

use crate::{
    admission::{Admission, Progress, Told},
    attempt::{Attempt, HeldInLine},
    context::{Context, Reads, Reporting},
    effect::{Effect, Input, Record, Ticket},
    event::{Event, What},
    limiter::Limiters,
    line::{Held, Lines, Look, Trail},
    message::{Message, MessageId, Recipient, Submission},
    operator::{self, Deed, Order},
    planted::Fault,
    quota::Quotas,
    random::Random,
    sts::Cache,
};

/// The delivery core.
pub struct Queue<'p> {
    /// The policies that decided, and last the one that does.
    policies: Vec<Policy<'p>>,
    limiters: Limiters,
    quotas: Quotas,
    sts_policies: Cache,
    random: Random,
    scratch: Scratch,
    /// The messages that nothing works at.
    idle: BTreeMap<MessageId, Idle>,
    reports: VecDeque<Reporting>,
    next_report: u64,
    lanes: BTreeMap<QueueName, Lane>,
    lines: Lines,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    /// When tasks have waited long enough.
    timers: BTreeSet<(Instant, u64)>,
    effects: VecDeque<Effect>,
    events: VecDeque<Event>,
    /// When something was taken last.
    now: Instant,
    /// Whether no work item begins.
    is_paused: bool,
    /// What is to be done to messages when what is under way for them is over.
    orders: BTreeMap<MessageId, Vec<(Option<Mailbox>, Deed)>>,
    fault: Option<Fault>,
    /// Whether nobody stands in line.
    wakes_each: bool,
}

/// A message, the events that it has in the lanes, and the line that it stands in.
#[derive(Debug)]
struct Idle {
    message: Box<Message>,
    due: Vec<(QueueName, Instant)>,
    held: Option<HeldInLine>,
    /// The work items that have a copy of it.
    at_work: Vec<AtWork>,
}

/// A work item beside which a message is still here for others.
#[derive(Debug)]
struct AtWork {
    task: u64,
    queue: QueueName,
    /// The places of its recipients.
    own: Vec<u32>,
}

/// A policy, made ready.
struct Policy<'p> {
    engine: &'p dyn Decide,
    behaviour: Behaviour,
    strategies: &'p Strategies,
    reads: Reads,
}

impl<'p> Policy<'p> {
    fn new(engine: &'p dyn Decide, strategies: &'p Strategies) -> Self {
        let plan = engine.plan();
        Self { engine, behaviour: Behaviour::of(plan.target), strategies, reads: Reads::of(plan) }
    }
}

/// A virtual queue.
#[derive(Debug)]
struct Lane {
    due: BTreeSet<(Instant, MessageId)>,
    active: u32,
    threads: u32,
    /// Whether the next one has to wait until one that was begun is counted.
    waits: bool,
}

#[derive(Debug)]
enum Task {
    Admission(Box<Admission>),
    Attempt(Box<Attempt>, Box<Message>),
}

impl<'p> Queue<'p> {
    /// An empty queue that decides by `engine`; `seed` is what chance follows from.
    #[must_use]
    pub fn new(engine: &'p dyn Decide, strategies: &'p Strategies, seed: u64) -> Self {
        let mut queue = Self {
            policies: Vec::new(),
            limiters: Limiters::default(),
            quotas: Quotas::default(),
            sts_policies: Cache::default(),
            random: Random::new(seed),
            scratch: Scratch::new(),
            idle: BTreeMap::new(),
            reports: VecDeque::new(),
            next_report: MessageId::REPORTS,
            lanes: BTreeMap::new(),
            lines: Lines::default(),
            tasks: BTreeMap::new(),
            next_task: 0,
            timers: BTreeSet::new(),
            effects: VecDeque::new(),
            events: VecDeque::new(),
            now: Instant(0),
            is_paused: false,
            orders: BTreeMap::new(),
            fault: None,
            wakes_each: false,
        };
        queue.take_over(engine, strategies);
        queue
    }

    /// Decides by another policy from now on. What is under way goes on by the one that it began with; a queue that the new
    /// one does not have keeps its threads until it is empty.
    pub fn take_over(&mut self, engine: &'p dyn Decide, strategies: &'p Strategies) {
        // Another policy may hold nobody back, or otherwise.
        for id in self.lines.members() {
            if let Some(message) = self.take_idle(id) {
                self.schedule(message, None, Vec::new());
            }
        }
        self.policies.push(Policy::new(engine, strategies));
        for queue in &strategies.queues {
            self.lane(&queue.name).threads = queue.threads;
        }
    }

    /// The lane of a queue, which may be one that no policy names any more.
    fn lane(&mut self, name: &QueueName) -> &mut Lane {
        let new = || Lane { due: BTreeSet::new(), active: 0, threads: VirtualQueue::THREADS, waits: false };
        self.lanes.entry(name.clone()).or_insert_with(new)
    }

    /// The number of the policy that decides.
    const fn current(&self) -> usize {
        self.policies.len() - 1
    }

    fn behaviour(&self) -> Behaviour {
        self.policies.last().map_or(Behaviour::NATIVE, |policy| policy.behaviour)
    }

    /// The queue as it goes on at `now` behind a restart, with the messages that were kept. Its reports are numbered
    /// from `next_report` on. What rates had been counted is not known, so all of them begin spent.
    #[must_use]
    pub fn restarted(
        engine: &'p dyn Decide,
        strategies: &'p Strategies,
        seed: u64,
        now: Instant,
        kept: impl IntoIterator<Item = Message>,
        next_report: MessageId,
    ) -> Self {
        let mut queue = Self::new(engine, strategies, seed);
        queue.limiters = Limiters::restarted(now);
        queue.next_report = next_report.0.max(MessageId::REPORTS);
        for message in kept {
            message.held.iter().for_each(|held| queue.quotas.take_again(held));
            queue.schedule(Box::new(message), None, Vec::new());
        }
        queue
    }

    /// Behaves otherwise than the plan's target.
    pub fn behave(&mut self, behaviour: Behaviour) {
        if let Some(policy) = self.policies.last_mut() {
            policy.behaviour = behaviour;
        }
    }

    /// Plants a fault, for a test that shows that it is found.
    #[cfg(feature = "planted")]
    pub const fn plant(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// Wakes everyone who waits for a rate whenever it may have room, for a test that shows that lines change nothing.
    #[cfg(feature = "planted")]
    pub const fn wake_each(&mut self) {
        self.wakes_each = true;
    }

    /// Takes what happened at `now`.
    ///
    /// # Panics
    ///
    /// Where effects of the input before were not asked for: they would be done out of order.
    pub fn handle(&mut self, now: Instant, input: Input) {
        assert!(self.effects.is_empty(), "effects of the last input are still to be done");
        self.now = now;
        match input {
            Input::Woken => self.wake(now),
            Input::Submitted(id, submission) => self.admit(now, id, *submission, None),
            Input::Ordered(order) => self.order(now, order),
            answer => self.answer(now, answer),
        }
        self.dispatch(now);
        while let Some(Reporting { id, submission, told }) = self.reports.pop_front() {
            self.admit(now, id, submission, Some(told));
        }
    }

    fn admit(&mut self, now: Instant, id: MessageId, submission: Submission, report: Option<Told>) {
        let (task, policy) = (self.new_task(), self.current());
        let mut admission = Admission::new(task, policy, id, submission, report, now);
        let progress = self.with_context(now, (policy, task), |context| admission.run(context));
        if progress == Some(Progress::Waits) {
            self.tasks.insert(task, Task::Admission(Box::new(admission)));
        }
    }

    /// The next thing to do outside.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next thing that happened.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to give [`Input::Woken`], unless another input comes first; `None` where nothing is waited for.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        if self.is_paused {
            return timer;
        }
        let free = self.lanes.iter().filter(|(_, lane)| lane.active < lane.threads && !lane.waits);
        let due = free.filter_map(|(name, lane)| self.next_of(name, lane).map(|(at, _)| at)).min();
        timer.into_iter().chain(due).min()
    }

    /// Does what an operator orders: at once, or when what is under way for the message is over.
    fn order(&mut self, now: Instant, order: Order) {
        match order {
            Order::Pause => self.is_paused = true,
            Order::Resume => self.is_paused = false,
            Order::Message(id, rcpt, deed) => {
                let is_it = |task: &Task| matches!(task, Task::Attempt(_, message) if message.id == id);
                if let Some(mut message) = self.take_idle(id) {
                    self.do_to(&mut message, rcpt.as_ref(), deed, now);
                    self.schedule(message, None, Vec::new());
                } else if self.tasks.values().any(is_it) {
                    self.orders.entry(id).or_default().push((rcpt, deed));
                }
            }
        }
    }

    /// Does what was ordered while a message was worked at.
    fn do_orders(&mut self, message: &mut Message, now: Instant) {
        for (rcpt, deed) in self.orders.remove(&message.id).unwrap_or_default() {
            self.do_to(message, rcpt.as_ref(), deed, now);
        }
    }

    /// Does something to a message that nothing works at, and keeps what it came to.
    fn do_to(&mut self, message: &mut Message, rcpt: Option<&Mailbox>, deed: Deed, now: Instant) {
        let places = operator::apply(message, rcpt, deed, now, self.behaviour());
        if places.is_empty() {
            return;
        }
        let mut whats = Vec::new();
        for place in &places {
            let Some(recipient) = message.recipients.get(*place as usize) else { continue };
            whats.push(match deed {
                Deed::TryAt(_) => What::Rescheduled { recipient: *place, next: recipient.due },
                Deed::Cancel => What::Outcome { recipient: *place, status: recipient.status.clone(), next: None },
            });
        }
        let is_over = message.recipients.iter().all(|known| known.status.is_final() && known.is_reported);
        if is_over {
            whats.push(What::Removed);
        }
        let record = if is_over {
            Record::Removed(message.id, message.recipients.clone())
        } else {
            let state = |place: &u32| Some((*place, message.recipients.get(*place as usize)?.clone()));
            Record::Changed(message.id, places.iter().filter_map(state).collect())
        };
        let policy = self.current();
        self.events.extend(whats.into_iter().map(|what| Event { at: now, policy, message: message.id, task: 0, what }));
        // Nothing waits for it: what cannot be stored is known to the running core.
        let ticket = Ticket { task: self.new_task(), step: 0 };
        self.effects.push_back(Effect::Store(ticket, record));
    }

    fn new_task(&mut self) -> u64 {
        self.next_task += 1;
        self.next_task
    }

    /// What `take` makes of what is at hand where this policy decides.
    fn with_context<T>(
        &mut self,
        now: Instant,
        (policy, task): (usize, u64),
        take: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Option<T> {
        let Policy { engine, behaviour, strategies, reads } = self.policies.get(policy)?;
        let mut context = Context {
            now,
            policy,
            task,
            engine: *engine,
            behaviour: *behaviour,
            strategies,
            reads,
            limiters: &mut self.limiters,
            quotas: &mut self.quotas,
            policies: &mut self.sts_policies,
            random: &mut self.random,
            scratch: &mut self.scratch,
            effects: &mut self.effects,
            events: &mut self.events,
            reports: &mut self.reports,
            next_report: &mut self.next_report,
            fault: self.fault,
        };
        Some(take(&mut context))
    }

    /// Tells the tasks whose time has come.
    fn wake(&mut self, now: Instant) {
        while let Some((at, task)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, task));
            self.with_attempt(now, task, Attempt::time_out);
        }
    }

    fn answer(&mut self, now: Instant, answer: Input) {
        let Some(ticket) = answer.ticket() else { return };
        match self.tasks.remove(&ticket.task) {
            None => {}
            Some(Task::Admission(mut admission)) => {
                let policy = admission.policy;
                let progress =
                    self.with_context(now, (policy, ticket.task), |context| admission.handle(answer, context));
                match progress {
                    Some(Progress::Stored) => {
                        let (message, told) = admission.stored();
                        let id = message.id;
                        self.schedule(Box::new(message), None, Vec::new());
                        if let Some(Told { report, task, changed }) = told {
                            self.merge(report.about, &changed);
                            self.with_attempt(now, task, |attempt, message, context| {
                                attempt.reported(id, report.lines, message, context);
                            });
                        }
                    }
                    Some(Progress::Refused) | None => {
                        if let Some(task) = admission.waiting() {
                            self.with_attempt(now, task, Attempt::not_reported);
                        }
                    }
                    Some(Progress::Waits) => {
                        self.tasks.insert(ticket.task, Task::Admission(admission));
                    }
                }
            }
            Some(task @ Task::Attempt(..)) => {
                self.tasks.insert(ticket.task, task);
                self.with_attempt(now, ticket.task, |attempt, message, context| {
                    attempt.handle(answer, message, context);
                });
            }
        }
    }

    /// Lets an attempt take something, and sees to what follows.
    fn with_attempt(
        &mut self,
        now: Instant,
        task: u64,
        take: impl FnOnce(&mut Attempt, &mut Message, &mut Context<'_>),
    ) {
        let Some(Task::Attempt(mut attempt, mut message)) = self.tasks.remove(&task) else { return };
        if let Some(deadline) = attempt.deadline {
            self.timers.remove(&(deadline, task));
        }
        let done = self.effects.len();
        self.with_context(now, (attempt.policy, task), |context| take(&mut attempt, &mut message, context));
        if attempt.own.is_some() {
            self.merge_stored(attempt.message, done);
        }
        if attempt.line.as_ref().is_some_and(|trail| attempt.has_come(trail))
            && let Some(trail) = attempt.line.take()
        {
            self.lines.came(&trail);
        }
        if attempt.is_over() {
            self.lane(&attempt.queue).active -= 1;
            if attempt.own.is_none() {
                // Who is done something to stands in line no longer.
                let is_left = !self.orders.contains_key(&message.id);
                let held = attempt.held.filter(|_| !self.wakes_each && is_left);
                self.do_orders(&mut message, now);
                self.schedule(message, held, Vec::new());
                return;
            }
            let Some((mut message, mut at_work)) = self.take(attempt.message) else { return };
            at_work.retain(|at_work| at_work.task != task);
            let is_over = |recipient: &Recipient| recipient.next_event().is_none();
            if at_work.is_empty() && message.recipients.iter().all(is_over) {
                self.lane(&attempt.queue).active += 1;
                self.tasks.insert(task, Task::Attempt(attempt, message));
                self.with_attempt(now, task, Attempt::remove);
                return;
            }
            if at_work.is_empty() {
                self.do_orders(&mut message, now);
            }
            self.schedule(message, None, at_work);
            return;
        }
        if let Some(deadline) = attempt.deadline {
            self.timers.insert((deadline, task));
        }
        self.tasks.insert(task, Task::Attempt(attempt, message));
    }

    /// Puts the events of an idle message into the lanes and those who wait for a rate in line, or forgets the message
    /// where nothing is left.
    fn schedule(&mut self, mut message: Box<Message>, held: Option<HeldInLine>, at_work: Vec<AtWork>) {
        self.give_back(&mut message);
        // Who else is waited for may come in between.
        let is_held_of = |held: &HeldInLine| {
            let mut waiting = message.recipients.iter().zip(0..).filter(|(recipient, _)| !recipient.status.is_final());
            waiting.all(|(_, place)| held.recipients.contains(&place))
        };
        let held = held.filter(|held| is_held_of(held));
        let mut due: Vec<(QueueName, Instant)> = Vec::new();
        for (place, recipient) in message.recipients.iter().enumerate() {
            let is_held = held.as_ref().is_some_and(|held| held.recipients.contains(&(place as u32)));
            let event = if is_held { recipient.next_notice() } else { recipient.next_event() };
            let Some(at) = event else { continue };
            // It has an event when the work item ends that has it, or its queue.
            let is_busy = |at_work: &AtWork| at_work.queue == recipient.queue || at_work.own.contains(&(place as u32));
            if at_work.iter().any(is_busy) {
                continue;
            }
            match due.iter_mut().find(|(queue, _)| *queue == recipient.queue) {
                Some((_, first)) => *first = at.min(*first),
                None => due.push((recipient.queue.clone(), at)),
            }
        }
        if due.is_empty() && at_work.is_empty() {
            return;
        }
        for (queue, at) in &due {
            self.lane(queue).due.insert((*at, message.id));
        }
        if let Some(HeldInLine { trail, until, .. }) = &held {
            self.lines.join(trail, *until, message.id);
        }
        self.idle.insert(message.id, Idle { message, due, held, at_work });
    }

    /// Takes over what a work item, which has a copy of the message, lets be stored from this effect on.
    fn merge_stored(&mut self, id: MessageId, from: usize) {
        let stored = self.effects.iter().skip(from).filter_map(|effect| match effect {
            Effect::Store(_, Record::Changed(of, changed)) if *of == id => Some(changed.clone()),
            _ => None,
        });
        for changed in stored.collect::<Vec<_>>() {
            self.merge(id, &changed);
        }
    }

    /// What is known of these recipients, where their message is not with the work item that noted it.
    fn merge(&mut self, id: MessageId, changed: &[(u32, Recipient)]) {
        let Some(Idle { message, .. }) = self.idle.get_mut(&id) else { return };
        for (place, recipient) in changed {
            if let Some(known) = message.recipients.get_mut(*place as usize) {
                known.clone_from(recipient);
            }
        }
    }

    /// Gives back what a message took of the quotas for those of its recipients that are done.
    fn give_back(&mut self, message: &mut Message) {
        let target = self.behaviour();
        let recipients = &message.recipients;
        let is_done = |place: &u32| recipients.get(*place as usize).is_none_or(|known| known.status.is_final());
        let quotas = &mut self.quotas;
        message.held.retain(|held| {
            let is_over = match &*held.recipients {
                [] => recipients.iter().all(|recipient| recipient.status.is_final()),
                // The reference gives the share of a domain back when its first recipient is done.
                [first, ..] if target.has(Quirk::QuotaSeenShared) => is_done(first),
                all => all.iter().all(is_done),
            };
            if is_over {
                quotas.give_back(held);
            }
            !is_over
        });
    }

    /// Begins work items while something is due and there is room.
    fn dispatch(&mut self, now: Instant) {
        if self.is_paused {
            return;
        }
        let is_ready = |(name, lane): &(&QueueName, &Lane)| {
            lane.active < lane.threads && self.next_of(name, lane).is_some_and(|(at, _)| at <= now)
        };
        let ready: Vec<QueueName> = self.lanes.iter().filter(is_ready).map(|(name, _)| name.clone()).collect();
        for name in ready {
            self.lane(&name).waits = false;
            while self.begin_next(now, &name) {}
        }
    }

    /// What is due next in a lane, alone or at the head of a line.
    fn next_of(&self, name: &QueueName, lane: &Lane) -> Option<(Instant, MessageId)> {
        let alone = lane.due.first().copied();
        let in_line = self.lines.head(name).map(|head| (head.due, head.next));
        alone.into_iter().chain(in_line).min()
    }

    /// Takes what is due first in a lane that has room; whether there may be more.
    fn begin_next(&mut self, now: Instant, name: &QueueName) -> bool {
        let Some(lane) = self.lanes.get(name).filter(|lane| lane.active < lane.threads) else { return false };
        let Some(next) = self.next_of(name, lane).filter(|(at, _)| *at <= now) else { return false };
        let head = self.lines.head(name).filter(|head| (head.due, head.next) == next).cloned();
        let Some(head) = head else {
            if let Some(lane) = self.lanes.get_mut(name) {
                lane.due.remove(&next);
            }
            self.begin(now, name, next.1, None);
            return true;
        };
        let refunds = !self.behaviour().has(Quirk::LimiterNotRefunded);
        let mut told = Vec::new();
        let other = lane.due.first().copied().into_iter().chain(self.lines.second(name)).min();
        let alone = lane.due.iter().take_while(|(at, _)| *at <= now).count() as u64;
        let look = self.lines.look(&head, (other, alone), (now, &mut self.limiters), refunds, &mut told);
        self.tell_held(told);
        match look {
            Look::Wakes => self.begin(now, name, head.next, Some(head.trail)),
            Look::Held => {}
            // Nobody overtakes: what the one before is counted under may be what the next one needs.
            Look::Waits => self.lane(name).waits = true,
        }
        look != Look::Waits
    }

    /// A message stands in line no longer: its recipients wait until the line would have.
    fn leave_line(&mut self, message: &mut Message, held: Option<HeldInLine>) {
        let Some(HeldInLine { trail, recipients, .. }) = held else { return };
        let Some((due, told)) = self.lines.leave(&trail, message.id) else { return };
        for place in &recipients {
            if let Some(recipient) = message.recipients.get_mut(*place as usize) {
                recipient.due = due;
            }
        }
        for held in told {
            self.held_on(held, recipients.clone());
        }
    }

    /// Tells how those in line were held.
    fn tell_held(&mut self, told: Vec<Held>) {
        for held in told {
            let known = self.idle.get(&held.message).and_then(|idle| idle.held.as_ref());
            if let Some(recipients) = known.map(|held| held.recipients.clone()) {
                self.held_on(held, recipients);
            }
        }
    }

    fn held_on(&mut self, Held { message, limiter, rounds, until }: Held, recipients: Vec<u32>) {
        let what = What::HeldOn { recipients, limiter, rounds, until };
        self.events.push_back(Event { at: self.now, policy: self.current(), message, task: 0, what });
    }

    /// Tells of everyone who still waits for a rate how it did until now, which is told else when it is woken: for
    /// whoever looks at the core no more.
    pub fn tell_waits(&mut self) {
        let told = self.lines.tell();
        self.tell_held(told);
    }

    /// Takes an idle message: while something is done to it, it has no events, and stands in no line.
    fn take_idle(&mut self, id: MessageId) -> Option<Box<Message>> {
        self.idle.get(&id).filter(|idle| idle.at_work.is_empty())?;
        self.take(id).map(|(message, _)| message)
    }

    /// Takes a message, and the work items that have a copy of it.
    fn take(&mut self, id: MessageId) -> Option<(Box<Message>, Vec<AtWork>)> {
        let Idle { mut message, due, held, at_work } = self.idle.remove(&id)?;
        self.leave_line(&mut message, held);
        for (queue, at) in due {
            self.lane(&queue).due.remove(&(at, id));
        }
        Some((message, at_work))
    }

    fn begin(&mut self, now: Instant, queue: &QueueName, id: MessageId, line: Option<Arc<Trail>>) {
        let Some((mut message, mut at_work)) = self.take(id) else { return };
        self.lane(queue).active += 1;
        let (task, policy) = (self.new_task(), self.current());
        let mut attempt = Attempt::new(task, policy, id, queue.clone());
        attempt.line = line;
        let is_elsewhere = |recipient: &Recipient| recipient.queue != *queue && recipient.next_event().is_some();
        if !at_work.is_empty() || message.recipients.iter().any(is_elsewhere) {
            let is_free = |place: &u32| !at_work.iter().any(|at_work| at_work.own.contains(place));
            let mine = message.recipients.iter().zip(0..).filter(|(recipient, _)| recipient.queue == *queue);
            let own: Vec<u32> = mine.map(|(_, place)| place).filter(is_free).collect();
            attempt.own = Some(own.clone());
            at_work.push(AtWork { task, queue: queue.clone(), own });
            let copy = message.clone();
            self.schedule(message, None, at_work);
            message = copy;
        }
        self.tasks.insert(task, Task::Attempt(Box::new(attempt), message));
        self.with_attempt(now, task, Attempt::run);
    }
}
