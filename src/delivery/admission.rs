//! Accepting a message: each recipient is put under its schedule, and the message is stored before anyone is told that
//! it was accepted.
//!
//! Source: delivery spec 3.1.

use std::{borrow::Cow, collections::BTreeMap};

use base::Instant;
use policy::{
    Kind, Quirk,
    strategy::{self, CountBy, Scope},
};

use crate::{
    context::{Context, Deciding, Scene, Stuck},
    effect::{Effect, Input, Record, Ticket},
    event::What,
    message::{Expires, Message, MessageId, Notify, Recipient, Status, Submission},
    quota::{Held, Key},
    reply::Reply,
    report::Report,
    schedule,
    sight::Evaluation,
};

/// A message that is being accepted.
#[derive(Debug)]
pub(crate) struct Admission {
    task: u64,
    /// The policy that it began with.
    pub(crate) policy: usize,
    step: u32,
    message: Message,
    /// How many recipients have a schedule.
    next: usize,
    deciding: Deciding,
    /// What else it is, where it is a report.
    report: Option<Told>,
    /// The quotas that are still to be checked, once that has begun.
    checks: Option<Vec<Check>>,
    /// The quota that is full.
    refused_by: Option<usize>,
}

/// A report that is being accepted.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) report: Box<Report>,
    /// What is kept with it of the recipients that it is about.
    pub(crate) changed: Vec<(u32, Recipient)>,
    /// The task that waits for it.
    pub(crate) task: u64,
}

/// How far an admission is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// Something was asked.
    Waits,
    /// The message is stored.
    Stored,
    /// It is refused.
    Refused,
}

impl Admission {
    /// Recipients that are named twice are taken once, with the wishes of the first.
    pub(crate) fn new(
        task: u64,
        policy: usize,
        id: MessageId,
        submission: Submission,
        report: Option<Told>,
        now: Instant,
    ) -> Self {
        let mut recipients: Vec<Recipient> = Vec::with_capacity(submission.recipients.len());
        let mut known = std::collections::BTreeSet::new();
        // The server wants to hear nothing of what it made itself, unless a script says otherwise (delivery spec 3.1). For
        // `native`, RFC 3461 §6.1 wants that of a report; it is its own client for the rest, which §4.1 lets ask for nothing.
        let unsaid = if submission.envelope.is_own() { Notify::Never } else { Notify::Unsaid };
        for wish in submission.recipients {
            if known.insert(wish.address.clone()) {
                recipients.push(Recipient {
                    address: wish.address,
                    notify: if wish.notify == Notify::Unsaid { unsaid } else { wish.notify },
                    orcpt: wish.orcpt,
                    headers: wish.headers,
                    status: Status::Scheduled,
                    queue: strategy::VirtualQueue::DEFAULT.into(),
                    due: now,
                    retry_num: 0,
                    notify_num: 0,
                    notify_due: Instant::NEVER,
                    expires: Expires::After(0),
                    is_reported: false,
                });
            }
        }
        let envelope = Box::new(submission.envelope);
        let message = Message { id, created: now, envelope, recipients, order: Box::default(), held: Vec::new() };
        Self {
            task,
            policy,
            step: 0,
            message,
            next: 0,
            deciding: Deciding::default(),
            report,
            checks: None,
            refused_by: None,
        }
    }

    /// The recipient whose schedule is next.
    fn next_place(&self) -> Option<u32> {
        self.message.in_order().nth(self.next)
    }

    const fn new_ticket(&mut self) -> Ticket {
        self.step += 1;
        Ticket { task: self.task, step: self.step }
    }

    /// Goes on as far as it can.
    pub(crate) fn run(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.next == 0 && self.message.recipients.len() > 1 && cx.has_quirk(Quirk::RecipientsSorted) {
            self.message.sort();
        }
        while let Some(place) = self.next_place() {
            let scene = Scene::new(Evaluation::FirstSchedule, &self.message, place);
            let schedule = match cx.decide(Kind::Schedule, &scene, &mut self.deciding) {
                Ok(decision) => decision.schedule(cx.strategies),
                Err(Stuck::Needs(lookup)) => {
                    let ticket = self.new_ticket();
                    cx.effects.push_back(Effect::LookUp(ticket, lookup));
                    return Progress::Waits;
                }
                Err(Stuck::Undecided) => None,
            };
            let since = self.message.since();
            if let Some(recipient) = self.message.recipients.get_mut(place as usize) {
                // Without a schedule the built-in one holds until the first failure.
                let built_in = strategy::Schedule::built_in();
                schedule::begin(since, recipient, &schedule.unwrap_or(Cow::Borrowed(&built_in)));
            }
            self.next += 1;
        }
        // Reports are never refused.
        if self.report.is_none() && !self.fits(cx) {
            return Progress::Waits;
        }
        if let Some(quota) = self.refused_by {
            self.give_back(cx);
            cx.event(self.message.id, What::Refused { quota });
            let reply = Reply::new(452, "4.3.1 Mail system full, try again later.");
            cx.effects.push_back(Effect::Respond(self.message.id, reply));
            return Progress::Refused;
        }
        let ticket = self.new_ticket();
        let message = Box::new(self.message.clone());
        let record = match &self.report {
            None => Record::Accepted(message),
            Some(Told { report, changed, .. }) => {
                Record::Reported { message, report: report.clone(), changed: changed.clone() }
            }
        };
        cx.effects.push_back(Effect::Store(ticket, record));
        Progress::Waits
    }

    fn give_back(&mut self, cx: &mut Context<'_>) {
        self.message.held.drain(..).for_each(|held| cx.quotas.give_back(&held));
    }

    /// Takes the message's share of the quotas; whether nothing had to be asked first.
    fn fits(&mut self, cx: &mut Context<'_>) -> bool {
        let checks = self.checks.take().unwrap_or_else(|| checks(&self.message, cx));
        let mut checks = checks.into_iter();
        while let Some(check) = checks.next() {
            let Some(quota) = cx.strategies.quotas.get(check.quota) else { continue };
            let place = check.recipients.first().copied().unwrap_or_default();
            let evaluation = if quota.scope == Scope::Sender { Evaluation::SenderQuota } else { Evaluation::RcptQuota };
            let scene = Scene::new(evaluation, &self.message, place);
            let applies = match &quota.condition {
                None => !cx.target().has(Quirk::QuotaNeedsMatch),
                Some(condition) => match cx.holds(condition, &scene, &self.deciding.answers) {
                    Ok(holds) => holds,
                    Err(lookup) => {
                        self.checks = Some(std::iter::once(check).chain(checks).collect());
                        let ticket = self.new_ticket();
                        cx.effects.push_back(Effect::LookUp(ticket, lookup));
                        return false;
                    }
                },
            };
            self.deciding = Deciding::default();
            if !applies {
                continue;
            }
            let recipient = self.message.recipients.get(place as usize);
            let sender = &self.message.envelope.sender;
            let key = Key::new(quota, |by| match by {
                CountBy::Rcpt => recipient.map(|known| known.address.as_str().into()).unwrap_or_default(),
                CountBy::RcptDomain => recipient.map(|known| known.address.domain().into()).unwrap_or_default(),
                CountBy::Sender => sender.as_str().into(),
                CountBy::SenderDomain => sender.domain().into(),
                CountBy::Mx | CountBy::RemoteIp | CountBy::LocalIp => Box::default(),
            });
            let size = self.message.envelope.size;
            let (messages, bytes) = cx.quotas.with(&key, size);
            let what = What::Quota {
                recipients: check.recipients.clone(),
                quota: check.quota,
                key: key.values().clone(),
                messages,
                size: bytes,
            };
            cx.event(self.message.id, what);
            if !cx.quotas.take(&key, size) {
                self.refused_by = Some(check.quota);
                break;
            }
            self.message.held.push(Held { key, size, recipients: check.recipients });
        }
        self.checks = Some(Vec::new());
        true
    }

    /// Takes an answer.
    pub(crate) fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Progress {
        let ticket = Ticket { task: self.task, step: self.step };
        match input {
            Input::Answered(of, answer) if of == ticket => {
                self.deciding.push(answer);
                self.run(cx)
            }
            Input::Stored(of) if of == ticket => {
                cx.event(self.message.id, What::Accepted(self.message.recipients.len() as u32));
                for place in 0..self.message.recipients.len() as u32 {
                    cx.stands(&self.message, place);
                }
                if self.report.is_none() {
                    let text = format!("2.0.0 Message queued with id {:x}", self.message.id.0);
                    cx.effects.push_back(Effect::Respond(self.message.id, Reply::new(250, &text)));
                }
                Progress::Stored
            }
            Input::NotStored(of) if of == ticket => {
                self.give_back(cx);
                if self.report.is_none() {
                    let reply = Reply::new(451, "4.3.5 Unable to accept message at this time.");
                    cx.effects.push_back(Effect::Respond(self.message.id, reply));
                }
                Progress::Refused
            }
            _ => Progress::Waits,
        }
    }

    /// The task that waits for this report.
    pub(crate) fn waiting(&self) -> Option<u64> {
        self.report.as_ref().map(|told| told.task)
    }

    /// The message, when it is stored, and what else it is, where it is a report.
    pub(crate) fn stored(self) -> (Message, Option<Told>) {
        (self.message, self.report)
    }
}

/// A quota that is to be checked, for these recipients; none for the message as a whole.
#[derive(Debug)]
struct Check {
    quota: usize,
    recipients: Vec<u32>,
}

/// What is checked of a message, in order: by sender, by domain, by recipient.
fn checks(message: &Message, cx: &Context<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let of = |scope: Scope| {
        cx.strategies.quotas.iter().enumerate().filter(move |(_, quota)| quota.scope == scope).map(|(place, _)| place)
    };
    checks.extend(of(Scope::Sender).map(|quota| Check { quota, recipients: Vec::new() }));
    let mut domains: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (place, recipient) in message.recipients.iter().enumerate() {
        domains.entry(recipient.address.domain()).or_default().push(place as u32);
    }
    // The reference's quotas by domain share what they have seen, so that only the first one sees anything.
    let by_domain = if cx.target().has(Quirk::QuotaSeenShared) { 1 } else { usize::MAX };
    for quota in of(Scope::Rcpt).take(by_domain) {
        checks.extend(domains.values().map(|recipients| Check { quota, recipients: recipients.clone() }));
    }
    for quota in of(Scope::Finest) {
        checks.extend((0..message.recipients.len() as u32).map(|place| Check { quota, recipients: vec![place] }));
    }
    checks
}
