//! The queue: every message, when something of it is due, and how many are worked at.
//!
//! Invariants:
//!
//! - A virtual queue never has more work items than its threads.
//! - A message is worked at by one work item at a time, in whichever queue, which has it to itself. The reference lets
//!   those of different queues run side by side, and loses what one of them notes.
//! - A message that is idle and not done has an event in the queue of each of its recipients that is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::Instant;
use policy::{Behaviour, Decide, Quirk, Scratch, Strategies, strategy::QueueId};

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
    engine: &'p dyn Decide,
    behaviour: Behaviour,
    strategies: &'p Strategies,
    reads: Reads,
    limiters: Limiters,
    quotas: Quotas,
    policies: Cache,
    random: Random,
    scratch: Scratch,
    /// The messages that nothing works at.
    idle: BTreeMap<MessageId, Idle>,
    reports: VecDeque<Reporting>,
    next_report: u64,
    lanes: Vec<Lane>,
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
    due: Vec<(QueueId, Instant)>,
}

/// A virtual queue.
#[derive(Debug, Default)]
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
        let lane = |queue: &policy::strategy::VirtualQueue| Lane { threads: queue.threads, ..Lane::default() };
        Self {
            engine,
            behaviour: Behaviour::of(engine.plan().target),
            strategies,
            reads: Reads::of(engine.plan()),
            limiters: Limiters::default(),
            quotas: Quotas::default(),
            policies: Cache::default(),
            random: Random::new(seed),
            scratch: Scratch::new(),
            idle: BTreeMap::new(),
            reports: VecDeque::new(),
            next_report: MessageId::REPORTS,
            lanes: strategies.queues.iter().map(lane).collect(),
            tasks: BTreeMap::new(),
            next_task: 0,
            timers: BTreeSet::new(),
            effects: VecDeque::new(),
            events: VecDeque::new(),
            fault: None,
        }
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
    pub const fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
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
        let task = self.new_task();
        let mut admission = Admission::new(task, id, submission, report, now);
        if admission.run(&mut self.context(now)) == Progress::Waits {
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
        let free = self.lanes.iter().filter(|lane| lane.active < lane.threads);
        let due = free.filter_map(|lane| lane.due.first().map(|(at, _)| *at)).min();
        timer.into_iter().chain(due).min()
    }

    fn new_task(&mut self) -> u64 {
        self.next_task += 1;
        self.next_task
    }

    fn context(&mut self, now: Instant) -> Context<'_> {
        Context {
            now,
            engine: self.engine,
            behaviour: self.behaviour,
            strategies: self.strategies,
            reads: &self.reads,
            limiters: &mut self.limiters,
            quotas: &mut self.quotas,
            policies: &mut self.policies,
            random: &mut self.random,
            scratch: &mut self.scratch,
            effects: &mut self.effects,
            events: &mut self.events,
            reports: &mut self.reports,
            next_report: &mut self.next_report,
            fault: self.fault,
        }
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
            Some(Task::Admission(mut admission)) => match admission.handle(answer, &mut self.context(now)) {
                Progress::Stored => {
                    let (message, told) = admission.stored();
                    let id = message.id;
                    self.schedule(Box::new(message));
                    if let Some(Told { report, task, .. }) = told {
                        self.with_attempt(now, task, |attempt, message, context| {
                            attempt.reported(id, report.lines, message, context);
                        });
                    }
                }
                Progress::Refused => {
                    if let Some(task) = admission.waiting() {
                        self.with_attempt(now, task, Attempt::not_reported);
                    }
                }
                Progress::Waits => {
                    self.tasks.insert(ticket.task, Task::Admission(admission));
                }
            },
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
        take(&mut attempt, &mut message, &mut self.context(now));
        if attempt.is_over() {
            if let Some(lane) = self.lanes.get_mut(usize::from(attempt.queue.0)) {
                lane.active -= 1;
            }
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
        let target = self.behaviour;
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
        let mut due: Vec<(QueueId, Instant)> = Vec::new();
        for recipient in &message.recipients {
            let Some(at) = recipient.next_event() else { continue };
            match due.iter_mut().find(|(queue, _)| *queue == recipient.queue) {
                Some((_, first)) => *first = at.min(*first),
                None => due.push((recipient.queue, at)),
            }
        }
        for (queue, at) in &due {
            if let Some(lane) = self.lanes.get_mut(usize::from(queue.0)) {
                lane.due.insert((*at, message.id));
            }
        }
        if !due.is_empty() {
            self.idle.insert(message.id, Idle { message, due });
        }
    }

    /// Begins work items while something is due and there is room.
    fn dispatch(&mut self, now: Instant) {
        for number in 0..self.lanes.len() {
            while let Some(id) = self.next_due(number, now) {
                self.begin(now, QueueId(number as u16), id);
            }
        }
    }

    /// Takes what is due first in a lane that has room.
    fn next_due(&mut self, lane: usize, now: Instant) -> Option<MessageId> {
        let lane = self.lanes.get_mut(lane).filter(|lane| lane.active < lane.threads)?;
        lane.due.first().filter(|(at, _)| *at <= now)?;
        lane.due.pop_first().map(|(_, id)| id)
    }

    fn begin(&mut self, now: Instant, queue: QueueId, id: MessageId) {
        // While it is worked at, a message has no events.
        let Some(Idle { message, due }) = self.idle.remove(&id) else { return };
        for (queue, at) in due {
            if let Some(lane) = self.lanes.get_mut(usize::from(queue.0)) {
                lane.due.remove(&(at, id));
            }
        }
        if let Some(lane) = self.lanes.get_mut(usize::from(queue.0)) {
            lane.active += 1;
        }
        let task = self.new_task();
        self.tasks.insert(task, Task::Attempt(Box::new(Attempt::new(task, id, queue)), message));
        self.with_attempt(now, task, Attempt::run);
    }
}
