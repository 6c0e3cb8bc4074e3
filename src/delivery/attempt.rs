//! One work item: what is due of a message in one virtual queue, from the expiry sweep to the stored outcome.
//!
//! An attempt goes from step to step; where it must wait, it has asked something by an effect, and the answer takes it
//! on. Everything in it is sequential. Where a message has recipients in other queues, too, it works at a copy of the
//! message, and what is kept of that are its own recipients: the queue takes that over as it is stored.
//!
//! Source: delivery spec 3.3 to 3.8.

mod limit;
mod transaction;

use std::{borrow::Cow, collections::VecDeque, net::IpAddr, sync::Arc};

use base::{Instant, Mailbox, Millis};
use policy::{
    Behaviour, Kind, Lookup, Quirk, StrategyId, Variable, VariableSet,
    strategy::{self, Mx, QueueName, Requirement, Route, Scope},
};

use self::{
    limit::take_back,
    transaction::{Trying, relay, take},
};
use crate::{
    admission::Told,
    context::{Context, Deciding, Decision, Reporting, Scene, Stuck},
    effect::{Effect, Input, Record, Ticket},
    event::What,
    failure::{Failure, Holds},
    hosts::{Alias, Host, Security},
    limiter::Key,
    line::Trail,
    message::{Delivered, Envelope, Failed, Message, MessageId, Notify, Status, Submission, Wish},
    planted::Fault,
    reply::Reply,
    report::{self, Action, Lines},
    schedule,
    session::{Happened, Session},
    sight::{Evaluation, Sight},
    sts::{NoPolicy, Policy},
    tls_report::Rua,
};

/// How long after a failure to keep something that is tried again.
const STORE_AGAIN: Millis = Millis::from_secs(60);

/// A work item.
#[derive(Debug)]
pub(crate) struct Attempt {
    task: u64,
    /// The policy that it began with, and goes on with.
    pub(crate) policy: usize,
    step: u32,
    pub(crate) message: MessageId,
    pub(crate) queue: QueueName,
    /// When the world has taken too long to answer.
    pub(crate) deadline: Option<Instant>,
    at: At,
    /// The decision at hand.
    deciding: Deciding,
    /// Who the report at hand is from, as far as that is known.
    from: Vec<Arc<str>>,
    /// The recipients whose delay is to be told.
    late: Vec<u32>,
    /// The recipients that are due, with the routes of those that were decided about.
    due: Vec<u32>,
    routes: Vec<(u32, StrategyId, Mx)>,
    /// What was counted for the work item, and for the transaction at hand, since something was really tried: it is taken
    /// back where nothing is, because of a later limiter.
    counted_for_all: Vec<Key>,
    counted: Vec<Key>,
    was_limited: bool,
    /// How it came to the limit at hand.
    way: Way,
    /// Whether something was really tried.
    has_tried: bool,
    /// What each recipient decided so far, where each does; `None` where it gave nothing.
    decided: Vec<(u32, Option<Decision>)>,
    /// For whom the condition of the limiter at hand was evaluated, and whether it holds.
    applies: Vec<(u32, bool)>,
    /// The recipients that are its own, where others of the message are worked at elsewhere meanwhile.
    pub(crate) own: Option<Vec<u32>>,
    /// How all that was due is held, where it would be held again in the same way.
    pub(crate) held: Option<HeldInLine>,
    /// The line that it was woken from, until it is counted.
    pub(crate) line: Option<Arc<Trail>>,
    /// What was known of those that are due, before anything was tried, where the target goes back to that.
    before: Vec<(u32, crate::Recipient)>,
    /// The transactions that are left, and the one at hand.
    groups: VecDeque<Group>,
    group: Option<Group>,
}

/// The way of a work item to a limit, where it may have to stand in line.
#[derive(Debug, Default)]
struct Way {
    /// What it was counted under so far.
    counts: Vec<(usize, Key)>,
    /// Whether it may be another one at another time.
    is_unsteady: bool,
    /// Whether rules on it read how the last attempt went.
    reads_status: bool,
}

/// How the recipients of a work item are held.
#[derive(Debug)]
pub(crate) struct HeldInLine {
    pub(crate) trail: Arc<Trail>,
    pub(crate) until: Instant,
    pub(crate) recipients: Vec<u32>,
}

/// Where an attempt stands.
#[derive(Debug)]
enum At {
    Begin,
    /// The route of the recipient at this place among those that are due.
    Route(usize),
    NextGroup,
    /// The limiter at this place, for the whole work item, the group or the address at hand.
    Limit(Scope, usize),
    Local,
    FirstTls,
    /// The record by which the domain asks for TLS reports; the strategy is the first one.
    ReportRecord(strategy::Tls),
    /// The record of the domain's MTA-STS policy, for a strategy that wants it like this.
    StsRecord(Requirement),
    /// The policy that the record of this id announces.
    StsPolicy(Requirement, Box<str>),
    Mx,
    NextHost,
    HostTls,
    Tlsa,
    /// The addresses of the family at this place among those that the route looks up.
    Addresses(usize),
    LookForTlsa,
    NextAddress,
    Connection,
    Session(Box<Session>),
    Conclude,
    /// The schedule of the recipient at this place among those of the group.
    Reschedule(usize),
    Store,
    /// A delay notice of the recipient at this place of the message.
    Notice(u32),
    /// The sender is told; then it goes on with the attempt, or ends.
    Report(Then),
    Reporting(Then),
    End,
    Ended,
}

/// What follows when the sender was told.
#[derive(Clone, Copy, Debug)]
enum Then {
    Attempt,
    End,
}

/// Recipients that one transaction is for.
#[derive(Debug)]
struct Group {
    route: StrategyId,
    /// How hosts and addresses are looked up.
    mx: Mx,
    recipients: Vec<u32>,
    /// Those that nothing came of yet.
    pending: Vec<u32>,
    hosts: VecDeque<Host>,
    security: Security,
    /// What the domain is an alias of.
    alias: Option<Alias>,
    /// Where the domain wants to be told about TLS, if it does.
    rua: Option<Rua>,
    /// The domain's MTA-STS policy, or why there is none where one was looked for.
    policy: Result<Policy, Option<NoPolicy>>,
    host: Option<Trying>,
    /// The last failure, and with whom.
    last: Option<Failed>,
    /// What came of recipients, and with which host.
    settled: Vec<Settled>,
    /// Who was refused for the time being before the whole transaction failed, where the target counts that, too.
    counted_before: Vec<(u32, Failed)>,
    /// The addresses of the last connection, for the targets that show them on.
    last_ip: Option<IpAddr>,
    last_from: Option<IpAddr>,
    /// What mailboxes answered.
    local: Vec<(u32, Reply)>,
    /// Those that wait for a rate.
    waiting: Vec<u32>,
    /// Where it goes on, where it was part of another one.
    resumes: Option<Resumes>,
}

/// Where a transaction that was part of another one goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Resumes {
    FirstTls,
    NextHost,
    NextAddress,
}

/// What came of a recipient, with which host, and whether that takes NOTIFY.
type Settled = (u32, Result<Reply, Failure>, Arc<str>, bool);

/// Whether there is more to do at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    Go,
    Wait,
}

impl Attempt {
    pub(crate) fn new(task: u64, policy: usize, message: MessageId, queue: QueueName) -> Self {
        Self {
            task,
            policy,
            step: 0,
            message,
            queue,
            deadline: None,
            at: At::Begin,
            deciding: Deciding::default(),
            from: Vec::new(),
            late: Vec::new(),
            due: Vec::new(),
            routes: Vec::new(),
            counted_for_all: Vec::new(),
            counted: Vec::new(),
            was_limited: false,
            way: Way::default(),
            has_tried: false,
            decided: Vec::new(),
            applies: Vec::new(),
            own: None,
            held: None,
            line: None,
            before: Vec::new(),
            groups: VecDeque::new(),
            group: None,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.at, At::Ended)
    }

    /// Whether it counted what a line that it was woken from waits for, or never will.
    pub(crate) const fn has_come(&self, trail: &Trail) -> bool {
        self.way.counts.len() >= trail.counts.len() || self.was_limited || self.has_tried || self.is_over()
    }

    /// The ticket of the question at hand.
    const fn ticket(&self) -> Ticket {
        Ticket { task: self.task, step: self.step }
    }

    /// A ticket for a new question.
    const fn new_ticket(&mut self) -> Ticket {
        self.step += 1;
        self.ticket()
    }

    /// Begins, or goes on after a wait that is over.
    pub(crate) fn run(&mut self, message: &mut Message, cx: &mut Context<'_>) {
        while self.turn(message, cx) == Flow::Go {}
    }

    /// Takes an answer.
    pub(crate) fn handle(&mut self, input: Input, message: &mut Message, cx: &mut Context<'_>) {
        if input.ticket().is_some_and(|ticket| ticket != self.ticket()) {
            return;
        }
        if let At::Session(session) = &mut self.at {
            let first = self.group.as_ref().and_then(|group| group.recipients.first());
            let first = first.and_then(|place| message.recipients.get(*place as usize));
            let domain = first.map_or("", |recipient| recipient.address.domain());
            take(session, input, self.group.as_ref(), domain, cx);
            let tried = session.take_tls();
            self.tried_tls(tried, message, cx);
            self.drain(message, cx);
            return self.run(message, cx);
        }
        match (&self.at, input) {
            (_, Input::Answered(_, answer)) => self.deciding.push(answer),
            (At::ReportRecord(tls), Input::Texts(_, answer)) => {
                let tls = *tls;
                self.found_report_record(&tls, message, answer, cx);
            }
            (At::StsRecord(wanted), Input::Texts(_, answer)) => self.found_record(*wanted, message, answer, cx),
            (At::StsPolicy(wanted, id), Input::Policy(_, fetched)) => {
                let (wanted, id) = (*wanted, id.clone());
                self.fetched(wanted, &id, message, &fetched, cx);
            }
            (At::Mx, Input::Mx(_, answer, alias)) => self.found_hosts(message, answer, alias, cx),
            (At::Tlsa, Input::Tlsa(_, answer)) => self.found_tlsa(message, answer, cx),
            (At::Addresses(_), Input::Addresses(_, answer, alias)) => self.found_addresses(answer, alias, cx),
            (At::Local, Input::Local(_, replies)) => self.local_answered(&replies),
            (At::Store, Input::Stored(_)) => self.at = At::NextGroup,
            (At::End, Input::Stored(_)) => {
                if self.own.is_none() && is_done(message) {
                    cx.event(self.message, What::Removed);
                }
                self.at = At::Ended;
            }
            // What happened is known here until it can be kept: nothing is tried again before.
            (At::Store | At::End, Input::NotStored(_)) => {
                self.deadline = Some(cx.now + STORE_AGAIN);
                return;
            }
            // Out of turn: the driver broke its contract, and nothing is lost by passing it over.
            _ => return,
        }
        self.run(message, cx);
    }

    fn turn(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        match self.at {
            At::Begin => self.begin(message, cx),
            At::Route(place) => self.route(place, message, cx),
            At::NextGroup => self.next_group(cx),
            At::Limit(scope, place) => self.limit(scope, place, message, cx),
            At::FirstTls => self.first_tls(message, cx),
            At::Mx => self.resolve(message, cx),
            At::NextHost => self.next_host(),
            At::HostTls => self.host_tls(message, cx),
            At::Addresses(place) => self.resolve_addresses(place, cx),
            At::LookForTlsa => self.look_for_tlsa(message, cx),
            At::NextAddress => self.next_address(),
            At::Connection => self.connect(message, cx),
            At::Conclude => self.conclude(message, cx),
            At::Reschedule(place) => self.reschedule(place, message, cx),
            At::Notice(recipient) => self.notice(recipient, message, cx),
            At::Report(then) => self.report(then, message, cx),
            At::ReportRecord(_) | At::StsRecord(_) | At::StsPolicy(..) | At::Tlsa => Flow::Wait,
            At::Local | At::Session(_) | At::Reporting(_) | At::Store | At::End | At::Ended => Flow::Wait,
        }
    }

    /// Asks the policy, which may ask the world first: then the attempt waits, and comes here again.
    fn decide(&mut self, kind: Kind, scene: &Scene<'_>, cx: &mut Context<'_>) -> Result<Decision, Option<Failure>> {
        match cx.decide(kind, scene, &mut self.deciding) {
            Ok(decision) => Ok(decision),
            Err(Stuck::Needs(lookup)) => {
                self.ask(lookup, cx);
                Err(None)
            }
            Err(Stuck::Undecided) => Err(Some(Failure::Undecided(kind))),
        }
    }

    /// Rules on the way to the next limit read these.
    const fn reads(&mut self, reads: VariableSet) {
        self.way.is_unsteady |= reads.has(Variable::QueueAge) || reads.has(Variable::ExpiresIn);
        self.way.reads_status |= reads.has(Variable::LastError) || reads.has(Variable::LastStatus);
    }

    /// Asks the world. Only a directory gives the same answer whenever it is asked.
    fn ask(&mut self, lookup: Lookup, cx: &mut Context<'_>) {
        self.way.is_unsteady |= !matches!(lookup, Lookup::LocalDomain { .. } | Lookup::LocalAddress { .. });
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::LookUp(ticket, lookup));
    }

    /// The expiry sweep over all recipients, and which of this queue are due.
    fn begin(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        for place in 0..message.recipients.len() as u32 {
            let is_seen = self.sees(place, cx.target());
            let Some(recipient) = message.recipients.get_mut(place as usize).filter(|_| is_seen) else { continue };
            if recipient.status.is_final() || !recipient.is_expired(cx.now) {
                continue;
            }
            let failed = match std::mem::replace(&mut recipient.status, Status::Scheduled) {
                Status::Deferred(failed) => failed,
                _ => Box::new(Failed { entity: "localhost".into(), failure: Failure::NeverTried }),
            };
            recipient.status = Status::Bounced(failed);
            tell(message, place, cx);
        }
        self.at = At::Notice(0);
        Flow::Go
    }

    /// The delay notices that are due.
    fn notice(&mut self, place: u32, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let is_due = |recipient: &crate::Recipient| !recipient.status.is_final() && recipient.notify_due <= cx.now;
        let mut rest = message.recipients.iter().zip(0..).skip(place as usize);
        let due = rest.find(|(recipient, place)| is_due(recipient) && self.sees(*place, cx.target()));
        let Some(place) = due.map(|(_, place)| place) else {
            self.at = At::Report(Then::Attempt);
            return Flow::Go;
        };
        self.at = At::Notice(place);
        let scene = Scene::new(Evaluation::Schedule, message, place);
        let decision = match self.decide(Kind::Schedule, &scene, cx) {
            Ok(decision) => decision,
            Err(None) => return Flow::Wait,
            Err(Some(_)) => {
                // Without a schedule there are no more notices.
                if let Some(recipient) = message.recipients.get_mut(place as usize) {
                    recipient.notify_due = Instant::NEVER;
                }
                return Flow::Go;
            }
        };
        cx.event(message.id, What::NoticeDue(place));
        self.late.push(place);
        let target = cx.target();
        let is_told = !message.envelope.sender.is_null()
            && message.recipients.get(place as usize).is_some_and(|recipient| recipient.notify.delay());
        if target.has(Quirk::NoticeWaits) && !is_told {
            // It stays due, and nothing comes of that: the work item would be run again and again until the attempt.
            if let Some(recipient) = message.recipients.get_mut(place as usize) {
                recipient.notify_due = Instant::NEVER;
            }
            return Flow::Go;
        }
        let since = message.since();
        if let (Some(recipient), Some(schedule)) =
            (message.recipients.get_mut(place as usize), decision.schedule(cx.strategies))
        {
            schedule::after_notice(target, since, recipient, &schedule, cx.now);
        }
        Flow::Go
    }

    /// Tells the sender what is to be told, in one report for all recipients.
    fn report(&mut self, then: Then, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let late = &self.late;
        let mut lines = Vec::new();
        let mut unheard = Vec::new();
        for (place, recipient) in message.recipients.iter().enumerate() {
            let place = place as u32;
            if !self.sees(place, target) {
                continue;
            }
            if recipient.status.is_final() {
                let action = if recipient.is_reported { None } else { report::action(recipient, target) };
                lines.extend(action.map(|action| (place, action)));
                if matches!(recipient.status, Status::Bounced(_)) && action.is_some() {
                    unheard.push(place);
                }
            } else if late.contains(&place) && recipient.notify.delay() {
                lines.push((place, Action::Delayed));
            }
        }
        if message.envelope.sender.is_null() {
            for place in unheard {
                cx.event(message.id, What::DoubleBounce(place));
            }
            lines.clear();
        }
        if lines.is_empty() {
            return self.after_report(then, message, cx);
        }
        let Some([from_name, from_address]) = self.reports_from(message, cx) else { return Flow::Wait };
        let told = |recipient: &crate::Recipient| {
            let is_reported = recipient.status.is_final();
            crate::Recipient { is_reported, ..recipient.clone() }
        };
        let changed = message.recipients.iter().map(told).zip(0..).map(|(told, place)| (place, told));
        let changed = changed.filter(|(place, _)| self.is_own(*place)).collect();
        let id = MessageId(*cx.next_report);
        *cx.next_report += 1;
        let report = report::write(message, &lines, (&from_name, &from_address), cx.strategies, target, cx.now);
        let report = Box::new(report);
        let submission = Submission {
            envelope: Envelope {
                sender: Mailbox::null(),
                source: "dsn",
                size: (report.before.len() + report.after.len()) as u64,
                priority: 0,
                received_from_ip: IpAddr::from([127, 0, 0, 1]),
                received_via_port: 0,
                envid: None,
                ret: None,
                requires_tls: false,
                is_utf8: message.envelope.is_utf8,
                is_8bit: false,
                hold: Millis(0),
                by: None,
            },
            recipients: vec![Wish {
                address: message.envelope.sender.clone(),
                notify: Notify::Never,
                orcpt: None,
                headers: None,
            }],
        };
        let told = Told { report, changed, task: self.task };
        cx.reports.push_back(Reporting { id, submission, told });
        self.at = At::Reporting(then);
        Flow::Wait
    }

    /// The name and the address that a report is from; `None` where the world is asked first.
    fn reports_from(&mut self, message: &Message, cx: &mut Context<'_>) -> Option<[Arc<str>; 2]> {
        let scene = Scene::new(Evaluation::Dsn, message, 0);
        let dsn = &cx.strategies.dsn;
        for words in [&dsn.from_name, &dsn.from_address].into_iter().skip(self.from.len()) {
            match cx.words(words, &scene, &self.deciding.answers) {
                Ok(text) => self.from.push(text),
                Err(lookup) => {
                    self.ask(lookup, cx);
                    return None;
                }
            }
            self.deciding = Deciding::default();
        }
        <[Arc<str>; 2]>::try_from(std::mem::take(&mut self.from)).ok()
    }

    /// The report is stored.
    pub(crate) fn reported(&mut self, report: MessageId, lines: Lines, message: &mut Message, cx: &mut Context<'_>) {
        if let At::Reporting(then) = self.at {
            cx.event(message.id, What::Reported { report, lines });
            if self.after_report(then, message, cx) == Flow::Go {
                self.run(message, cx);
            }
        }
    }

    /// The report cannot be stored for now.
    pub(crate) fn not_reported(&mut self, _: &mut Message, cx: &mut Context<'_>) {
        if matches!(self.at, At::Reporting(_)) {
            self.deadline = Some(cx.now + STORE_AGAIN);
        }
    }

    fn after_report(&mut self, then: Then, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        self.late.clear();
        for (place, recipient) in message.recipients.iter_mut().enumerate() {
            recipient.is_reported |= recipient.status.is_final() && self.sees(place as u32, cx.target());
        }
        match then {
            Then::Attempt => {
                self.choose_due(message, cx);
                Flow::Go
            }
            Then::End => self.store_all(message, cx),
        }
    }

    fn choose_due(&mut self, message: &Message, cx: &mut Context<'_>) {
        let is_due = |recipient: &crate::Recipient| {
            !recipient.status.is_final() && recipient.queue == self.queue && recipient.due <= cx.now
        };
        let due = message.recipients.iter().zip(0..).filter(|(recipient, _)| is_due(recipient));
        self.due = due.map(|(_, place)| place).filter(|place| self.is_own(*place)).collect();
        for place in &self.due {
            cx.stands(message, *place);
        }
        if cx.has_quirk(Quirk::QueueMoveForgets) && message.recipients.len() > 1 {
            let known = |place: &u32| Some((*place, message.recipients.get(*place as usize)?.clone()));
            self.before = self.due.iter().filter_map(known).collect();
        }
        (self.way.is_unsteady, self.way.reads_status) = (false, false);
        self.at = if self.due.is_empty() { At::NextGroup } else { At::Limit(Scope::Sender, 0) };
    }

    fn route(&mut self, place: usize, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let Some(recipient) = self.due.get(place).copied() else {
            self.group(message, cx);
            return Flow::Go;
        };
        self.reads(cx.reads.of_kind(Kind::Route));
        match self.decide(Kind::Route, &Scene::new(Evaluation::Route, message, recipient), cx) {
            Ok(decision) => self.routes.push((recipient, decision.chosen.id, decision.mx(cx.strategies, cx.target()))),
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => {
                let mut group = Group::new(StrategyId::at(0), Mx::BUILT_IN, vec![recipient]);
                group.last = Some(Failed { entity: "localhost".into(), failure });
                self.groups.push_back(group);
            }
        }
        self.at = At::Route(place + 1);
        Flow::Go
    }

    /// One transaction for each domain, route and copy of the content, in the order of the recipients.
    fn group(&mut self, message: &Message, cx: &Context<'_>) {
        let target = cx.target();
        // One copy of the content has one domain's recipients, and one set of header lines of their own.
        let copy = |place: u32| {
            let recipient = message.recipients.get(place as usize)?;
            let headers = recipient.headers.as_deref().filter(|_| !target.has(Quirk::GroupsIgnoreHeaders));
            Some((recipient.address.domain(), headers))
        };
        for (recipient, route, mx) in std::mem::take(&mut self.routes) {
            let of = |id: StrategyId| cx.strategies.route(id);
            let fits = |group: &&mut Group| {
                let first = group.recipients.first().copied().unwrap_or_default();
                group.last.is_none()
                    && copy(first) == copy(recipient)
                    && is_same_route((of(group.route), group.mx), (of(route), mx), target)
            };
            match self.groups.iter_mut().find(fits) {
                Some(group) => {
                    group.recipients.push(recipient);
                    group.pending.push(recipient);
                }
                None => self.groups.push_back(Group::new(route, mx, vec![recipient])),
            }
        }
        // Who comes first in a transaction may decide for all of it.
        let place_of = |recipient: &u32| message.in_order().position(|place| place == *recipient);
        for group in self.groups.iter_mut().filter(|group| group.recipients.len() > 1) {
            group.recipients.sort_by_cached_key(place_of);
            group.pending.clone_from(&group.recipients);
        }
        self.at = At::NextGroup;
    }

    fn next_group(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = self.groups.pop_front() else {
            if self.was_limited {
                take_back(&mut self.counted_for_all, cx);
            }
            self.at = At::Report(Then::End);
            return Flow::Go;
        };
        let recipients = group.recipients.clone();
        let what = if group.resumes.is_some() { What::Resumed(recipients) } else { What::Attempt(recipients) };
        cx.event(self.message, what);
        self.counted.clear();
        self.at = match group.resumes {
            Some(Resumes::FirstTls) => At::FirstTls,
            Some(Resumes::NextHost) => At::NextHost,
            Some(Resumes::NextAddress) => At::NextAddress,
            None if group.last.is_none() => At::Limit(Scope::Rcpt, 0),
            None => At::Conclude,
        };
        self.group = Some(group);
        Flow::Go
    }

    /// Something is tried: what was counted for it stays.
    fn spend(&mut self) {
        self.has_tried = true;
        self.counted.clear();
        self.counted_for_all.clear();
    }

    /// Into mailboxes, or to hosts.
    fn begin_group(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &self.group else { return Flow::Wait };
        if !matches!(cx.strategies.route(group.route), Some(Route::Local)) {
            self.at = At::FirstTls;
            return Flow::Go;
        }
        let recipients = group.recipients.clone();
        self.spend();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::DeliverLocally { ticket, message: self.message, recipients });
        self.at = At::Local;
        Flow::Wait
    }

    fn local_answered(&mut self, replies: &[Reply]) {
        let Some(group) = &mut self.group else { return };
        let missing = Reply::new(451, "4.3.0 no answer from the mailbox");
        group.local = group
            .recipients
            .iter()
            .enumerate()
            .map(|(at, recipient)| (*recipient, replies.get(at).unwrap_or(&missing).clone()))
            .collect();
        self.at = At::Conclude;
    }

    /// Gives every recipient of the group its status.
    fn conclude(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let has_failures = group.settled.iter().any(|(_, outcome, ..)| outcome.is_err());
        let sends_again = has_failures && cx.has(Fault::DoubleSend);
        let mut set = |place: u32, status: Status| {
            if let Some(recipient) = message.recipients.get_mut(place as usize) {
                recipient.status = status;
            }
        };
        for (place, reply) in std::mem::take(&mut group.local) {
            let entity: Box<str> = "localhost".into();
            set(
                place,
                if reply.is_positive() {
                    Status::Delivered(Box::new(Delivered { entity, reply, relay: None }))
                } else {
                    failed(entity, Failure::Rejected { stage: crate::failure::Stage::Final, reply }, target)
                },
            );
            group.pending.retain(|pending| *pending != place);
        }
        for (place, outcome, host, takes_notify) in std::mem::take(&mut group.settled) {
            let relay = Some(relay(takes_notify));
            let entity: Box<str> = (*host).into();
            set(
                place,
                match outcome {
                    Ok(_) if sends_again => failed(entity, Failure::Rate, target),
                    Ok(reply) => Status::Delivered(Box::new(Delivered { entity, reply, relay })),
                    Err(failure) => failed(entity, failure, target),
                },
            );
        }
        let last = group.last.take();
        let last = last.unwrap_or_else(|| Failed { entity: "localhost".into(), failure: Failure::NoneLeft });
        for place in std::mem::take(&mut group.pending) {
            set(place, failed(last.entity.clone(), last.failure.clone(), target));
        }
        self.at = At::Reschedule(0);
        Flow::Go
    }

    /// When the recipients that failed for the time being are tried again.
    fn reschedule(&mut self, place: usize, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &self.group else { return Flow::Wait };
        let Some(recipient) = group.recipients.get(place).copied() else { return self.store(message, cx) };
        self.at = At::Reschedule(place + 1);
        let Some(known) = message.recipients.get(recipient as usize) else { return Flow::Go };
        if known.status.is_final() {
            tell(message, recipient, cx);
            return Flow::Go;
        }
        let target = cx.target();
        let before = self.group.as_mut().and_then(|group| {
            let at = group.counted_before.iter().position(|(place, _)| *place == recipient)?;
            Some(group.counted_before.swap_remove(at).1)
        });
        let is_again = before.is_some();
        let mut counted = known.clone();
        if let Some(failed) = &before {
            counted.status = Status::Deferred(Box::new(failed.clone()));
        }
        if !target.has(Quirk::OldRetryNumber) {
            counted.retry_num += 1;
        }
        let scene = Scene { state: Some(&counted), ..Scene::new(Evaluation::Schedule, message, recipient) };
        let decision = match self.decide(Kind::Schedule, &scene, cx) {
            Ok(decision) => Some(decision),
            Err(None) => {
                self.at = At::Reschedule(place);
                if let (Some(group), Some(failed)) = (&mut self.group, before) {
                    group.counted_before.push((recipient, failed));
                }
                return Flow::Wait;
            }
            Err(Some(_)) => None,
        };
        let since = message.since();
        let Some(known) = message.recipients.get_mut(recipient as usize) else { return Flow::Go };
        // Without a schedule the built-in one holds, in the same queue.
        let fallback = strategy::Schedule { queue: known.queue.clone(), ..strategy::Schedule::built_in() };
        let schedule = decision.and_then(|decision| decision.schedule(cx.strategies));
        let schedule = schedule.unwrap_or(Cow::Borrowed(&fallback));
        schedule::after_failure(target, since, known, &schedule, cx.now);
        if is_again {
            // What it was refused by counts, and then the failure of the transaction.
            self.at = At::Reschedule(place);
            return Flow::Go;
        }
        let is_last = matches!(known.expires, crate::message::Expires::After(_)) && known.is_expired(cx.now);
        let is_last = is_last || (known.retry_num >= 3 && cx.has(Fault::EarlyBounce));
        if is_last
            && !target.has(Quirk::LateBounce)
            && let Status::Deferred(failed) = std::mem::replace(&mut known.status, Status::Scheduled)
        {
            known.status = Status::Bounced(failed);
        }
        tell(message, recipient, cx);
        Flow::Go
    }

    fn store(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let group = self.group.take();
        if let Some(group) = group.as_ref().filter(|_| cx.has_quirk(Quirk::QueueMoveForgets)) {
            self.forget_moved(&group.recipients, message);
        }
        if cx.has(Fault::LostStore) {
            self.at = At::NextGroup;
            return Flow::Go;
        }
        let recipients = group.map(|group| [group.recipients, group.waiting].concat()).unwrap_or_default();
        let state = |place: u32| Some((place, message.recipients.get(place as usize)?.clone()));
        let changed = recipients.into_iter().filter_map(state).collect();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::Store(ticket, Record::Changed(self.message, changed)));
        self.at = At::Store;
        Flow::Wait
    }

    /// Where a message has recipients in several queues, the reference keeps nothing of one that moves to another queue
    /// but when it is due.
    fn forget_moved(&self, tried: &[u32], message: &mut Message) {
        let is_tried = |place: usize| self.before.iter().any(|(tried, _)| *tried as usize == place);
        let is_elsewhere = |(place, recipient): (usize, &crate::Recipient)| {
            !recipient.status.is_final() && recipient.queue != self.queue && !is_tried(place)
        };
        if !message.recipients.iter().enumerate().any(is_elsewhere) {
            return;
        }
        for (place, before) in self.before.iter().filter(|(place, _)| tried.contains(place)) {
            let recipient = message.recipients.get_mut(*place as usize);
            if let Some(recipient) = recipient.filter(|known| !known.status.is_final() && known.queue != self.queue) {
                let due = recipient.due;
                *recipient = crate::Recipient { due, ..before.clone() };
            }
        }
    }

    /// Whether it works at the recipient at this place, and what it notes of it is kept.
    fn is_own(&self, place: u32) -> bool {
        self.own.as_ref().is_none_or(|own| own.contains(&place))
    }

    /// Whether it gives up and tells of the recipient at this place.
    fn sees(&self, place: u32, target: Behaviour) -> bool {
        self.is_own(place) || target.has(Quirk::OtherQueuesTold)
    }

    /// What is known of every recipient of its own, by its place.
    fn states(&self, message: &Message) -> Vec<(u32, crate::Recipient)> {
        let all = message.recipients.iter().zip(0..).filter(|(_, place)| self.is_own(*place));
        all.map(|(recipient, place)| (place, recipient.clone())).collect()
    }

    /// Nothing is left of the message, and nobody else works at it: all of it is removed.
    pub(crate) fn remove(&mut self, message: &mut Message, cx: &mut Context<'_>) {
        self.own = None;
        self.store_all(message, cx);
    }

    /// Keeps what the sweep, the notices and the reports changed, or that nothing is left to be done.
    fn store_all(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let record = if self.own.is_none() && is_done(message) {
            Record::Removed(self.message, message.recipients.clone())
        } else {
            Record::Changed(self.message, self.states(message))
        };
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::Store(ticket, record));
        self.at = At::End;
        Flow::Wait
    }

    /// The time that was waited for has come.
    pub(crate) fn time_out(&mut self, message: &mut Message, cx: &mut Context<'_>) {
        self.deadline = None;
        match &mut self.at {
            At::Session(session) => {
                session.handle(Happened::TimedOut);
                let tried = session.take_tls();
                self.tried_tls(tried, message, cx);
                self.drain(message, cx);
            }
            At::Store => {
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::Store(ticket, Record::Changed(self.message, self.states(message))));
            }
            At::End => {
                self.store_all(message, cx);
            }
            At::Reporting(then) => self.at = At::Report(*then),
            At::StsRecord(wanted) | At::StsPolicy(wanted, _) => {
                let wanted = *wanted;
                // What still comes is out of date.
                self.step += 1;
                let domain = self.domain(message);
                match cx.policies.get(domain, None, cx.now).cloned() {
                    Some(policy) => self.has_policy(policy),
                    None => self.no_policy(wanted, NoPolicy::NotFetched, message, cx),
                }
            }
            _ => return,
        }
        self.run(message, cx);
    }
}

impl Group {
    fn new(route: StrategyId, mx: Mx, recipients: Vec<u32>) -> Self {
        Self {
            route,
            mx,
            pending: recipients.clone(),
            recipients,
            hosts: VecDeque::new(),
            security: Security::Indeterminate,
            alias: None,
            rua: None,
            policy: Err(None),
            host: None,
            last: None,
            settled: Vec::new(),
            counted_before: Vec::new(),
            last_ip: None,
            last_from: None,
            local: Vec::new(),
            waiting: Vec::new(),
            resumes: None,
        }
    }
}

/// Whether what these variables are may be another for each recipient, where each decides.
fn differs(evaluation: Evaluation, reads: VariableSet, target: Behaviour) -> bool {
    let is_own = |variable: Variable| evaluation.sees(variable, target) == Sight::Recipient;
    !target.has(Quirk::FirstDecides) && reads.iter().any(is_own)
}

fn is_done(message: &Message) -> bool {
    message.recipients.iter().all(|recipient| recipient.status.is_final())
}

fn is_same_route(one: (Option<&Route>, Mx), other: (Option<&Route>, Mx), target: Behaviour) -> bool {
    let ((one, mx), (other, other_mx)) = (one, other);
    match (one, other) {
        (Some(Route::Mx(_)), Some(Route::Mx(_))) if target.has(Quirk::GroupsIgnoreIpLookup) => {
            Mx { ip_lookup: other_mx.ip_lookup, ..mx } == other_mx
        }
        (Some(Route::Mx(_)), Some(Route::Mx(_))) => mx == other_mx,
        (one, other) => one == other,
    }
}

fn failed(entity: Box<str>, failure: Failure, target: Behaviour) -> Status {
    let holds = failure.verdict(target).holds;
    let failed = Box::new(Failed { entity, failure });
    match holds {
        Holds::ForNow => Status::Deferred(failed),
        Holds::ForGood => Status::Bounced(failed),
    }
}

fn tell(message: &Message, place: u32, cx: &mut Context<'_>) {
    let Some(recipient) = message.recipients.get(place as usize) else { return };
    let next = (!recipient.status.is_final()).then_some(recipient.due);
    cx.event(message.id, What::Outcome { recipient: place, status: recipient.status.clone(), next });
    if next.is_some() {
        cx.stands(message, place);
    }
}
