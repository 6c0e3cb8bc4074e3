//! The queue: every message, when something of it is due, and how many are worked at.
//!
//! Invariants:
//!
//! - A virtual queue never begins a work item where it has as many as its threads.
//! - What is under way goes on by the policy that it began with; everything else is decided by the last one.
//! - A message is worked at by one work item at a time, in whichever queue, which has it to itself. The reference lets
//!   those of different queues run side by side, and loses what one of them notes.
//! - A message that is idle and not done has an event in the queue of each of its recipients that is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::Instant;
use policy::{
    Behaviour, Decide, Quirk, Scratch, Strategies,
    strategy::{QueueName, VirtualQueue},
};

use crate::{
    admission::{Admission, Progress, Told},
    attempt::Attempt,
    context::{Context, Reads, Reporting},
    effect::{Effect, Input},
    event::Event,
    limiter::Limiters,
    message::{Message, MessageId, Submission},
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
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    /// When tasks have waited long enough.
    timers: BTreeSet<(Instant, u64)>,
    effects: VecDeque<Effect>,
    events: VecDeque<Event>,
    fault: Option<Fault>,
}

/// A message, and the events that it has in the lanes.
#[derive(Debug)]
struct Idle {
    message: Box<Message>,
    due: Vec<(QueueName, Instant)>,
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
            tasks: BTreeMap::new(),
            next_task: 0,
            timers: BTreeSet::new(),
            effects: VecDeque::new(),
            events: VecDeque::new(),
            fault: None,
        };
        queue.take_over(engine, strategies);
        queue
    }

    /// Decides by another policy from now on. What is under way goes on by the one that it began with; a queue that the new
    /// one does not have keeps its threads until it is empty.
    pub fn take_over(&mut self, engine: &'p dyn Decide, strategies: &'p Strategies) {
        self.policies.push(Policy::new(engine, strategies));
        for queue in &strategies.queues {
            self.lane(&queue.name).threads = queue.threads;
        }
    }

    /// The lane of a queue, which may be one that no policy names any more.
    fn lane(&mut self, name: &QueueName) -> &mut Lane {
        let new = || Lane { due: BTreeSet::new(), active: 0, threads: VirtualQueue::THREADS };
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
            queue.schedule(Box::new(message));
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

    /// Takes what happened at `now`.
    ///
    /// # Panics
    ///
    /// Where effects of the input before were not asked for: they would be done out of order.
    pub fn handle(&mut self, now: Instant, input: Input) {
        assert!(self.effects.is_empty(), "effects of the last input are still to be done");
        match input {
            Input::Woken => self.wake(now),
            Input::Submitted(id, submission) => self.admit(now, id, *submission, None),
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
        let progress = self.with_context(now, policy, |context| admission.run(context));
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
        let free = self.lanes.values().filter(|lane| lane.active < lane.threads);
        let due = free.filter_map(|lane| lane.due.first().map(|(at, _)| *at)).min();
        timer.into_iter().chain(due).min()
    }

    fn new_task(&mut self) -> u64 {
        self.next_task += 1;
        self.next_task
    }

    /// What `take` makes of what is at hand where this policy decides.
    fn with_context<T>(&mut self, now: Instant, policy: usize, take: impl FnOnce(&mut Context<'_>) -> T) -> Option<T> {
        let Policy { engine, behaviour, strategies, reads } = self.policies.get(policy)?;
        let mut context = Context {
            now,
            policy,
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
                let progress = self.with_context(now, policy, |context| admission.handle(answer, context));
                match progress {
                    Some(Progress::Stored) => {
                        let (message, told) = admission.stored();
                        let id = message.id;
                        self.schedule(Box::new(message));
                        if let Some(Told { report, task, .. }) = told {
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
        self.with_context(now, attempt.policy, |context| take(&mut attempt, &mut message, context));
        if attempt.is_over() {
            self.lane(&attempt.queue).active -= 1;
            self.schedule(message);
            return;
        }
        if let Some(deadline) = attempt.deadline {
            self.timers.insert((deadline, task));
        }
        self.tasks.insert(task, Task::Attempt(attempt, message));
    }

    /// Puts the events of an idle message into the lanes, or forgets the message where nothing is left.
    fn schedule(&mut self, mut message: Box<Message>) {
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
        let mut due: Vec<(QueueName, Instant)> = Vec::new();
        for recipient in &message.recipients {
            let Some(at) = recipient.next_event() else { continue };
            match due.iter_mut().find(|(queue, _)| *queue == recipient.queue) {
                Some((_, first)) => *first = at.min(*first),
                None => due.push((recipient.queue.clone(), at)),
            }
        }
        for (queue, at) in &due {
            self.lane(queue).due.insert((*at, message.id));
        }
        if !due.is_empty() {
            self.idle.insert(message.id, Idle { message, due });
        }
    }

    /// Begins work items while something is due and there is room.
    fn dispatch(&mut self, now: Instant) {
        let is_ready = |lane: &Lane| lane.active < lane.threads && lane.due.first().is_some_and(|(at, _)| *at <= now);
        let ready = self.lanes.iter().filter(|(_, lane)| is_ready(lane));
        let ready: Vec<QueueName> = ready.map(|(name, _)| name.clone()).collect();
        for name in ready {
            while let Some(id) = self.next_due(&name, now) {
                self.begin(now, &name, id);
            }
        }
    }

    /// Takes what is due first in a lane that has room.
    fn next_due(&mut self, lane: &QueueName, now: Instant) -> Option<MessageId> {
        let lane = self.lanes.get_mut(lane).filter(|lane| lane.active < lane.threads)?;
        lane.due.first().filter(|(at, _)| *at <= now)?;
        lane.due.pop_first().map(|(_, id)| id)
    }

    fn begin(&mut self, now: Instant, queue: &QueueName, id: MessageId) {
        // While it is worked at, a message has no events.
        let Some(Idle { message, due }) = self.idle.remove(&id) else { return };
        for (queue, at) in due {
            self.lane(&queue).due.remove(&(at, id));
        }
        self.lane(queue).active += 1;
        let (task, policy) = (self.new_task(), self.current());
        let attempt = Attempt::new(task, policy, id, queue.clone());
        self.tasks.insert(task, Task::Attempt(Box::new(attempt), message));
        self.with_attempt(now, task, Attempt::run);
    }
}
