//! Accepting a message: each recipient is put under its schedule, and the message is stored before anyone is told that
//! it was accepted.
//!
//! Source: delivery spec 3.1.

use base::Instant;
use policy::{Answers, Kind, strategy};

use crate::{
    context::{Context, Scene, Stuck},
    effect::{Effect, Input, Record, Ticket},
    event::What,
    message::{Expires, Message, MessageId, Recipient, Status, Submission},
    report::Report,
    schedule,
};

/// A message that is being accepted.
#[derive(Debug)]
pub(crate) struct Admission {
    task: u64,
    step: u32,
    message: Message,
    /// The place of the recipient whose schedule is next.
    next: usize,
    answers: Answers,
    /// Its content, where it is a report, and the task that waits for it to be stored.
    report: Option<(Box<Report>, u64)>,
}

impl Admission {
    /// Recipients that are named twice are taken once, with the wishes of the first.
    pub(crate) fn new(
        task: u64,
        id: MessageId,
        submission: Submission,
        report: Option<(Box<Report>, u64)>,
        now: Instant,
    ) -> Self {
        let mut recipients: Vec<Recipient> = Vec::with_capacity(submission.recipients.len());
        let mut known = std::collections::BTreeSet::new();
        for wish in submission.recipients {
            if known.insert(wish.address.clone()) {
                recipients.push(Recipient {
                    address: wish.address,
                    notify: wish.notify,
                    orcpt: wish.orcpt,
                    status: Status::Scheduled,
                    queue: strategy::QueueId::default(),
                    due: now,
                    retry_num: 0,
                    notify_num: 0,
                    notify_due: Instant::NEVER,
                    expires: Expires::After(0),
                    is_reported: false,
                });
            }
        }
        let message = Message { id, created: now, envelope: Box::new(submission.envelope), recipients };
        Self { task, step: 0, message, next: 0, answers: Answers::new(), report }
    }

    const fn new_ticket(&mut self) -> Ticket {
        self.step += 1;
        Ticket { task: self.task, step: self.step }
    }

    /// Goes on as far as it can; then something was asked.
    pub(crate) fn run(&mut self, cx: &mut Context<'_>) {
        while self.next < self.message.recipients.len() {
            let scene = Scene { is_new: true, ..Scene::new(&self.message, self.next as u32) };
            let schedule = match cx.decide(Kind::Schedule, &scene, &self.answers) {
                Ok(chosen) => cx.strategies.schedule(chosen.id),
                Err(Stuck::Needs(lookup)) => {
                    let ticket = self.new_ticket();
                    cx.effects.push_back(Effect::LookUp(ticket, lookup));
                    return;
                }
                Err(Stuck::Undecided) => None,
            };
            self.answers = Answers::new();
            let since = self.message.since();
            if let Some(recipient) = self.message.recipients.get_mut(self.next) {
                // Without a schedule the built-in one holds until the first failure.
                let built_in = strategy::Schedule::built_in();
                schedule::begin(since, recipient, schedule.unwrap_or(&built_in));
            }
            self.next += 1;
        }
        let ticket = self.new_ticket();
        let report = self.report.as_ref().map(|(report, _)| report.clone());
        cx.effects.push_back(Effect::Store(ticket, Record::Accepted(Box::new(self.message.clone()), report)));
    }

    /// Takes an answer; whether the message is stored now.
    pub(crate) fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> bool {
        let ticket = Ticket { task: self.task, step: self.step };
        match input {
            Input::Answered(of, answer) if of == ticket => {
                self.answers.push(answer);
                self.run(cx);
                false
            }
            Input::Stored(of) if of == ticket => {
                cx.event(self.message.id, What::Accepted(self.message.recipients.len() as u32));
                true
            }
            _ => false,
        }
    }

    /// The message, when it is stored, and the task that waited for that.
    pub(crate) fn message(self) -> (Message, Option<u64>) {
        (self.message, self.report.map(|(_, task)| task))
    }
}
