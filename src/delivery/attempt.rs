//! One work item: what is due of a message in one virtual queue, from the expiry sweep to the stored outcome.
//!
//! An attempt goes from step to step; where it must wait, it has asked something by an effect, and the answer takes it
//! on. Everything in it is sequential.
//!
//! Source: delivery spec 3.3 to 3.8.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use base::{Instant, Mailbox, Millis};
use policy::{
    Answers, Kind, Quirk, StrategyId, Target,
    strategy::{self, CountBy, Mx, Protocol, QueueId, Requirement, Route, Scope},
};

use crate::{
    context::{Context, Reporting, Scene, Stuck},
    effect::{Effect, Input, Peer, Record, Ticket},
    event::What,
    failure::{Failure, Handshake, Holds, Next, StsFailure, Verdict},
    hosts::{self, DnsResult, Family, Host, Named, Security},
    limiter::Key,
    message::{Delivered, Envelope, Failed, Message, MessageId, Notify, Relay, Status, Submission, Wish},
    reply::Reply,
    report::{self, Action},
    schedule,
    session::{self, Happened, Request, Session, To},
    sts::{self, Fetched, Mode, NoPolicy, Policy},
    tls::{self, Dane, Demand, Sts, Verification},
    tlsa::{self, TlsaRecord},
};

/// A work item.
#[derive(Debug)]
pub(crate) struct Attempt {
    task: u64,
    step: u32,
    pub(crate) message: MessageId,
    pub(crate) queue: QueueId,
    /// When the world has taken too long to answer.
    pub(crate) deadline: Option<Instant>,
    at: At,
    /// What the policy's questions of the decision at hand were answered.
    answers: Answers,
    /// The recipients whose delay is to be told.
    late: Vec<u32>,
    /// The recipients that are due, with the routes of those that were decided about.
    due: Vec<u32>,
    routes: Vec<(u32, StrategyId)>,
    /// What was counted since something was really tried, to be taken back where a later limiter refuses; first what was
    /// counted for the work item as a whole.
    counted: Vec<Key>,
    counted_for_all: usize,
    /// The transactions that are left, and the one at hand.
    groups: VecDeque<Group>,
    group: Option<Group>,
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
    recipients: Vec<u32>,
    /// Those that nothing came of yet.
    pending: Vec<u32>,
    hosts: VecDeque<Host>,
    security: Security,
    /// The domain's MTA-STS policy, or why there is none where one was looked for.
    policy: Result<Policy, Option<NoPolicy>>,
    host: Option<Trying>,
    /// The last failure, and with whom.
    last: Option<Failed>,
    /// What came of recipients, and with which host.
    settled: Vec<Settled>,
    /// What mailboxes answered.
    local: Vec<(u32, Reply)>,
    /// Those that wait for a rate.
    waiting: Vec<u32>,
}

/// What came of a recipient, with which host, and whether that takes NOTIFY.
type Settled = (u32, Result<Reply, Failure>, Arc<str>, bool);

/// The host at hand.
#[derive(Debug)]
struct Trying {
    host: Host,
    name: Arc<str>,
    tls: strategy::Tls,
    sts: Sts,
    demand: Demand,
    /// Its TLSA records, where they are usable.
    records: Vec<TlsaRecord>,
    /// What is known of its addresses.
    answers: Vec<(Family, DnsResult<IpAddr>)>,
    /// The place of the next family that is looked up.
    family: usize,
    addresses: VecDeque<IpAddr>,
    ip: Option<IpAddr>,
    from: Option<IpAddr>,
}

/// Whether there is more to do at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    Go,
    Wait,
}

impl Attempt {
    pub(crate) fn new(task: u64, message: MessageId, queue: QueueId) -> Self {
        Self {
            task,
            step: 0,
            message,
            queue,
            deadline: None,
            at: At::Begin,
            answers: Answers::new(),
            late: Vec::new(),
            due: Vec::new(),
            routes: Vec::new(),
            counted: Vec::new(),
            counted_for_all: 0,
            groups: VecDeque::new(),
            group: None,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.at, At::Ended)
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
            let was_secure = session.is_secure();
            let first = self.group.as_ref().and_then(|group| group.recipients.first());
            let first = first.and_then(|place| message.recipients.get(*place as usize));
            let domain = first.map_or("", |recipient| recipient.address.domain());
            take(session, input, self.group.as_ref(), domain, cx.target());
            if session.is_secure() && !was_secure {
                let host = self.group.as_ref().and_then(|group| group.host.as_ref());
                if let Some(trying) = host {
                    cx.event(message.id, What::Secured { host: trying.name.clone() });
                }
            }
            self.drain(message, cx);
            return self.run(message, cx);
        }
        match (&self.at, input) {
            (_, Input::Answered(_, answer)) => self.answers.push(answer),
            (At::StsRecord(wanted), Input::Texts(_, answer)) => self.found_record(*wanted, message, answer, cx),
            (At::StsPolicy(wanted, id), Input::Policy(_, fetched)) => {
                let (wanted, id) = (*wanted, id.clone());
                self.fetched(wanted, &id, message, &fetched, cx);
            }
            (At::Mx, Input::Mx(_, answer)) => self.found_hosts(message, answer, cx),
            (At::Tlsa, Input::Tlsa(_, answer)) => self.found_tlsa(message, answer, cx),
            (At::Addresses(_), Input::Addresses(_, answer)) => self.found_addresses(answer, cx),
            (At::Local, Input::Local(_, replies)) => self.local_answered(&replies),
            (At::Store, Input::Stored(_)) => self.at = At::NextGroup,
            (At::End, Input::Stored(_)) => {
                if message.recipients.iter().all(|recipient| recipient.status.is_final()) {
                    cx.event(self.message, What::Removed);
                }
                self.at = At::Ended;
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
            At::NextAddress => self.next_address(cx),
            At::Connection => self.connect(message, cx),
            At::Conclude => self.conclude(message, cx),
            At::Reschedule(place) => self.reschedule(place, message, cx),
            At::Notice(recipient) => self.notice(recipient, message, cx),
            At::Report(then) => self.report(then, message, cx),
            At::StsRecord(_) | At::StsPolicy(..) | At::Tlsa => Flow::Wait,
            At::Local | At::Session(_) | At::Reporting(_) | At::Store | At::End | At::Ended => Flow::Wait,
        }
    }

    /// Asks the policy, which may ask the world first: then the attempt waits, and comes here again.
    fn decide(&mut self, kind: Kind, scene: &Scene<'_>, cx: &mut Context<'_>) -> Result<StrategyId, Option<Failure>> {
        match cx.decide(kind, scene, &self.answers) {
            Ok(chosen) => {
                self.answers = Answers::new();
                Ok(chosen.id)
            }
            Err(Stuck::Needs(lookup)) => {
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::LookUp(ticket, lookup));
                Err(None)
            }
            Err(Stuck::Undecided) => {
                self.answers = Answers::new();
                Err(Some(Failure::Undecided(kind)))
            }
        }
    }

    /// The expiry sweep over all recipients, and which of this queue are due.
    fn begin(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        for place in 0..message.recipients.len() as u32 {
            let Some(recipient) = message.recipients.get_mut(place as usize) else { continue };
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
        let due = message.recipients.iter().skip(place as usize).position(is_due);
        let Some(place) = due.map(|at| place + at as u32) else {
            self.at = At::Report(Then::Attempt);
            return Flow::Go;
        };
        self.at = At::Notice(place);
        let id = match self.decide(Kind::Schedule, &Scene::new(message, place), cx) {
            Ok(id) => id,
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
        let since = message.since();
        if let (Some(recipient), Some(schedule)) =
            (message.recipients.get_mut(place as usize), cx.strategies.schedule(id))
        {
            schedule::after_notice(target, since, recipient, schedule, cx.now);
        }
        Flow::Go
    }

    /// Tells the sender what is to be told, in one report for all recipients.
    fn report(&mut self, then: Then, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let late = std::mem::take(&mut self.late);
        let mut lines = Vec::new();
        let mut unheard = Vec::new();
        for (place, recipient) in message.recipients.iter_mut().enumerate() {
            let place = place as u32;
            if recipient.status.is_final() {
                let action = if recipient.is_reported { None } else { report::action(recipient, target) };
                recipient.is_reported = true;
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
        let id = MessageId(*cx.next_report);
        *cx.next_report += 1;
        let report = Box::new(report::write(message, &lines, cx.strategies, target, cx.now));
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
            },
            recipients: vec![Wish { address: message.envelope.sender.clone(), notify: Notify::Never, orcpt: None }],
        };
        cx.event(message.id, What::Reported { report: id, lines });
        cx.reports.push_back(Reporting { id, submission, report, task: self.task });
        self.at = At::Reporting(then);
        Flow::Wait
    }

    /// The report is stored.
    pub(crate) fn reported(&mut self, message: &mut Message, cx: &mut Context<'_>) {
        if let At::Reporting(then) = self.at
            && self.after_report(then, message, cx) == Flow::Go
        {
            self.run(message, cx);
        }
    }

    fn after_report(&mut self, then: Then, message: &Message, cx: &mut Context<'_>) -> Flow {
        match then {
            Then::Attempt => {
                self.choose_due(message, cx);
                Flow::Go
            }
            Then::End => self.store_all(message, cx),
        }
    }

    fn choose_due(&mut self, message: &Message, cx: &Context<'_>) {
        let is_due = |recipient: &crate::Recipient| {
            !recipient.status.is_final() && recipient.queue == self.queue && recipient.due <= cx.now
        };
        let due = message.recipients.iter().enumerate().filter(|(_, recipient)| is_due(recipient));
        self.due = due.map(|(place, _)| place as u32).collect();
        self.at = if self.due.is_empty() { At::NextGroup } else { At::Limit(Scope::Sender, 0) };
    }

    fn route(&mut self, place: usize, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let Some(recipient) = self.due.get(place).copied() else {
            self.group(message, cx);
            return Flow::Go;
        };
        match self.decide(Kind::Route, &Scene::new(message, recipient), cx) {
            Ok(id) => self.routes.push((recipient, id)),
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => {
                let mut group = Group::new(StrategyId::at(0), vec![recipient]);
                group.last = Some(Failed { entity: "localhost".into(), failure });
                self.groups.push_back(group);
            }
        }
        self.at = At::Route(place + 1);
        Flow::Go
    }

    /// One transaction for each domain and route, in the order of the recipients.
    fn group(&mut self, message: &Message, cx: &Context<'_>) {
        let target = cx.target();
        let domain = |place: u32| message.recipients.get(place as usize).map_or("", |known| known.address.domain());
        for (recipient, route) in std::mem::take(&mut self.routes) {
            let of = |id: StrategyId| cx.strategies.route(id);
            let fits = |group: &&mut Group| {
                let first = group.recipients.first().copied().unwrap_or_default();
                group.last.is_none()
                    && domain(first) == domain(recipient)
                    && (group.route == route || is_same_route(of(group.route), of(route), target))
            };
            match self.groups.iter_mut().find(fits) {
                Some(group) => {
                    group.recipients.push(recipient);
                    group.pending.push(recipient);
                }
                None => self.groups.push_back(Group::new(route, vec![recipient])),
            }
        }
        self.at = At::NextGroup;
    }

    fn next_group(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = self.groups.pop_front() else {
            self.at = At::Report(Then::End);
            return Flow::Go;
        };
        cx.event(self.message, What::Attempt(group.recipients.clone()));
        self.counted.truncate(self.counted_for_all);
        self.at = if group.last.is_none() { At::Limit(Scope::Rcpt, 0) } else { At::Conclude };
        self.group = Some(group);
        Flow::Go
    }

    /// Something is tried: what was counted for it stays.
    fn spend(&mut self) {
        self.counted.clear();
        self.counted_for_all = 0;
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

    /// Counts what is about to be done under the limiters of a scope, in their order.
    fn limit(&mut self, scope: Scope, place: usize, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let mut rest = cx.strategies.limiters.iter().enumerate().skip(place);
        let Some((place, limiter)) = rest.find(|(_, limiter)| limiter.scope == scope) else {
            return match scope {
                Scope::Sender => {
                    self.counted_for_all = self.counted.len();
                    self.at = At::Route(0);
                    Flow::Go
                }
                Scope::Rcpt => self.begin_group(cx),
                Scope::Finest => {
                    self.at = At::Connection;
                    Flow::Go
                }
            };
        };
        let first = match scope {
            Scope::Sender => self.due.first().copied().unwrap_or_default(),
            Scope::Rcpt | Scope::Finest => self.first(),
        };
        let trying = self.group.as_ref().and_then(|group| group.host.as_ref());
        let (mx, remote_ip) = trying.map_or_else(|| ("".into(), None), |trying| (trying.name.clone(), trying.ip));
        let local_ip = trying.and_then(|trying| trying.from);
        let scene = Scene { mx: &mx, remote_ip, local_ip, ..Scene::new(message, first) };
        if let Some(condition) = &limiter.condition {
            match cx.holds(condition, &scene, &self.answers) {
                Ok(true) => self.answers = Answers::new(),
                Ok(false) => {
                    self.answers = Answers::new();
                    self.at = At::Limit(scope, place + 1);
                    return Flow::Go;
                }
                Err(lookup) => {
                    self.at = At::Limit(scope, place);
                    let ticket = self.new_ticket();
                    cx.effects.push_back(Effect::LookUp(ticket, lookup));
                    return Flow::Wait;
                }
            }
        }
        let recipient = message.recipients.get(first as usize);
        let ip = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string().into()).unwrap_or_default();
        let sender = &message.envelope.sender;
        let key = Key::new(limiter, |by| match by {
            CountBy::Rcpt => recipient.map(|known| known.address.as_str().into()).unwrap_or_default(),
            CountBy::RcptDomain => recipient.map(|known| known.address.domain().into()).unwrap_or_default(),
            CountBy::Sender if sender.is_null() => "<>".into(),
            CountBy::Sender => sender.as_str().into(),
            CountBy::SenderDomain => sender.domain().into(),
            CountBy::Mx => (*mx).into(),
            CountBy::RemoteIp => ip(remote_ip),
            CountBy::LocalIp => ip(local_ip),
        });
        self.at = At::Limit(scope, place + 1);
        match cx.limiters.count(&key, cx.now, target) {
            Ok(()) => {
                self.counted.push(key);
                Flow::Go
            }
            Err(until) => {
                for key in self.counted.drain(..).filter(|_| !target.has(Quirk::LimiterNotRefunded)) {
                    cx.limiters.take_back(&key);
                }
                self.counted_for_all = 0;
                self.limited(scope, place, until, message, cx)
            }
        }
    }

    /// Lets recipients wait until a rate has room again. That is no attempt.
    fn limited(
        &mut self,
        scope: Scope,
        limiter: usize,
        until: Instant,
        message: &mut Message,
        cx: &mut Context<'_>,
    ) -> Flow {
        let target = cx.target();
        let waiting = match (scope, &mut self.group) {
            (Scope::Rcpt | Scope::Finest, Some(group)) => std::mem::take(&mut group.pending),
            _ => std::mem::take(&mut self.due),
        };
        for place in &waiting {
            let Some(recipient) = message.recipients.get_mut(*place as usize) else { continue };
            recipient.due = until;
            if target.has(Quirk::RateErasesLastError) {
                let failed = Failed { entity: "localhost".into(), failure: Failure::Rate };
                recipient.status = Status::Deferred(Box::new(failed));
            }
        }
        cx.event(message.id, What::Limited { recipients: waiting.clone(), limiter, until });
        match &mut self.group {
            Some(group) if scope != Scope::Sender => {
                // What is left of the group was not tried.
                group.recipients.retain(|place| !waiting.contains(place));
                group.waiting = waiting;
                self.at = At::Conclude;
                Flow::Go
            }
            _ => {
                self.at = At::Report(Then::End);
                Flow::Go
            }
        }
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

    /// The strategy that is chosen before a host is known governs MTA-STS.
    fn first_tls(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(first) = self.group.as_ref().and_then(|group| group.recipients.first().copied()) else {
            self.at = At::NextGroup;
            return Flow::Go;
        };
        let id = match self.decide(Kind::Tls, &Scene::new(message, first), cx) {
            Ok(id) => id,
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => {
                self.give_up(failure, "localhost");
                return Flow::Go;
            }
        };
        let tls = cx.strategies.tls(id).copied().unwrap_or(strategy::Tls::BUILT_IN);
        let is_mx =
            self.group.as_ref().is_some_and(|group| !matches!(cx.strategies.route(group.route), Some(Route::Relay(_))));
        // A host's strategy may demand it later.
        let demands = |tls: &strategy::Tls| tls.mta_sts == Requirement::Require;
        let may_demand = !cx.target().has(Quirk::TlsWithoutMx) && cx.strategies.tls.iter().any(demands);
        if !is_mx || (tls.mta_sts == Requirement::Disable && !may_demand) {
            self.at = At::Mx;
            return Flow::Go;
        }
        self.at = At::StsRecord(tls.mta_sts);
        self.deadline = Some(cx.now + tls.timeout_mta_sts);
        let name = format!("_mta-sts.{}", self.domain(message)).into();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::ResolveTexts(ticket, name));
        Flow::Wait
    }

    fn found_record(
        &mut self,
        wanted: Requirement,
        message: &Message,
        answer: DnsResult<Box<str>>,
        cx: &mut Context<'_>,
    ) {
        let domain = self.domain(message);
        let id = match answer.seen_by(cx.target()) {
            DnsResult::Found(texts, _) => sts::record(&texts).ok_or(NoPolicy::Invalid),
            DnsResult::NoData(_) | DnsResult::NoName(_) => Err(NoPolicy::Invalid),
            DnsResult::ServerFailed | DnsResult::Unreachable | DnsResult::Bogus => Err(NoPolicy::Unavailable),
        };
        match id {
            Ok(id) => {
                if let Some(policy) = cx.policies.get(domain, Some(&id), cx.now).cloned() {
                    return self.has_policy(policy);
                }
                let domain = domain.into();
                self.at = At::StsPolicy(wanted, id);
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::FetchPolicy(ticket, domain));
            }
            // Whoever keeps the record away does not take away the policy (RFC 8461 §5.1).
            Err(why) => match cx.policies.get(domain, None, cx.now).cloned() {
                Some(policy) => self.has_policy(policy),
                None => self.no_policy(wanted, why, domain),
            },
        }
    }

    fn fetched(&mut self, wanted: Requirement, id: &str, message: &Message, fetched: &Fetched, cx: &mut Context<'_>) {
        let domain = self.domain(message);
        match sts::fetched(fetched, cx.target()) {
            Ok(policy) => {
                cx.policies.keep(domain, id, policy.clone(), cx.now);
                self.has_policy(policy);
            }
            Err(why) => match cx.policies.get(domain, None, cx.now).cloned() {
                Some(policy) => self.has_policy(policy),
                None => self.no_policy(wanted, why, domain),
            },
        }
    }

    fn has_policy(&mut self, policy: Policy) {
        self.deadline = None;
        if let Some(group) = &mut self.group {
            group.policy = Ok(policy);
        }
        self.at = At::Mx;
    }

    fn no_policy(&mut self, wanted: Requirement, why: NoPolicy, domain: &str) {
        self.deadline = None;
        if let Some(group) = &mut self.group {
            group.policy = Err(Some(why));
        }
        self.at = At::Mx;
        if wanted == Requirement::Require {
            self.give_up(without_policy(why), domain);
        }
    }

    /// The group fails before a host is tried.
    fn give_up(&mut self, failure: Failure, entity: &str) {
        if let Some(group) = &mut self.group {
            group.last = Some(Failed { entity: entity.into(), failure });
        }
        self.at = At::Conclude;
    }

    fn domain<'m>(&self, message: &'m Message) -> &'m str {
        let first = self.group.as_ref().and_then(|group| group.recipients.first());
        let recipient = first.and_then(|place| message.recipients.get(*place as usize));
        recipient.map_or("", |recipient| recipient.address.domain())
    }

    fn resolve(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        match cx.strategies.route(group.route) {
            Some(Route::Relay(relay)) => {
                group.hosts.push_back(Host { name: (*relay.address).into(), is_implicit: false });
                self.at = At::NextHost;
                Flow::Go
            }
            Some(Route::Mx(_) | Route::Local) | None => {
                let domain = self.domain(message).into();
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::ResolveMx(ticket, domain));
                Flow::Wait
            }
        }
    }

    fn found_hosts(&mut self, message: &Message, answer: DnsResult<hosts::MxRecord>, cx: &mut Context<'_>) {
        let domain = self.domain(message);
        let Some(group) = &mut self.group else { return };
        let mx = mx_of(cx.strategies.route(group.route));
        match hosts::of_domain(domain, answer, &mx, cx.target(), cx.random) {
            Ok((hosts, security)) => {
                group.hosts = hosts.into();
                group.security = security;
                let all = group.hosts.iter().cloned().collect();
                cx.event(self.message, What::Hosts(all));
                self.at = At::NextHost;
            }
            Err(failure) => self.give_up(failure, domain),
        }
    }

    fn next_host(&mut self) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        self.at = match group.hosts.pop_front() {
            None => At::Conclude,
            Some(host) => {
                let name: Arc<str> = (*host.name).into();
                group.host = Some(Trying {
                    host,
                    name,
                    tls: strategy::Tls::BUILT_IN,
                    sts: Sts::None,
                    records: Vec::new(),
                    demand: tls::demand(Target::Native, &strategy::Tls::BUILT_IN, Sts::None, Dane::Inactive, false),
                    answers: Vec::new(),
                    family: 0,
                    addresses: VecDeque::new(),
                    ip: None,
                    from: None,
                });
                At::HostTls
            }
        };
        Flow::Go
    }

    fn host_tls(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(Trying { name, .. }) = self.group.as_ref().and_then(|group| group.host.as_ref()) else {
            self.at = At::NextHost;
            return Flow::Go;
        };
        let (name, first) = (name.clone(), self.first());
        let scene = Scene { mx: &name, ..Scene::new(message, first) };
        let id = match self.decide(Kind::Tls, &scene, cx) {
            Ok(id) => id,
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => return self.host_failed(failure, cx),
        };
        let tls = cx.strategies.tls(id).copied().unwrap_or(strategy::Tls::BUILT_IN);
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let route = cx.strategies.route(group.route);
        let is_lmtp = matches!(route, Some(Route::Relay(relay)) if relay.protocol == Protocol::Lmtp);
        let looks_for_tlsa = match tls::looks_for_tlsa(target, tls.dane, group.security) {
            Ok(looks) => looks,
            Err(_) if is_lmtp => false,
            Err(failure) => return self.host_failed(failure, cx),
        };
        let sts = match &group.policy {
            // The strategy of the host may want a policy that the first one did not.
            Err(Some(why)) if tls.mta_sts == Requirement::Require && !target.has(Quirk::TlsWithoutMx) => {
                let why = *why;
                return self.host_failed(without_policy(why), cx);
            }
            Ok(policy) if policy.mode == Mode::Enforce && !policy.allows(&name) => {
                return self.host_failed(Failure::Sts(StsFailure::Host), cx);
            }
            Ok(Policy { mode: Mode::Enforce, .. }) => Sts::Enforced,
            Ok(Policy { mode: Mode::None | Mode::Testing, .. }) => Sts::Lenient,
            Err(_) => Sts::None,
        };
        if let Some(trying) = &mut group.host {
            trying.tls = tls;
            trying.sts = sts;
        }
        if is_lmtp || !looks_for_tlsa {
            self.demand(Dane::Inactive, Vec::new(), message, cx);
            return Flow::Go;
        }
        let name = format!("_{SMTP_PORT}._tcp.{name}").into();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::ResolveTlsa(ticket, name));
        self.at = At::Tlsa;
        Flow::Wait
    }

    fn found_tlsa(&mut self, message: &Message, answer: DnsResult<TlsaRecord>, cx: &mut Context<'_>) {
        let target = cx.target();
        let (found, records) = tlsa::judge(answer, target);
        let tls = self.group.as_ref().and_then(|group| group.host.as_ref()).map(|trying| trying.tls);
        match tls::dane(target, tls.unwrap_or(strategy::Tls::BUILT_IN).dane, found) {
            Ok(dane) => self.demand(dane, records, message, cx),
            Err(failure) => {
                self.host_failed(failure, cx);
            }
        }
    }

    /// What the session with the host at hand must have.
    fn demand(&mut self, dane: Dane, records: Vec<TlsaRecord>, message: &Message, cx: &Context<'_>) {
        let Some(group) = &mut self.group else { return };
        let accepts_any =
            matches!(cx.strategies.route(group.route), Some(Route::Relay(relay)) if relay.allow_invalid_certs);
        if let Some(trying) = &mut group.host {
            let requires_tls = message.envelope.requires_tls;
            trying.demand = tls::demand(cx.target(), &trying.tls, trying.sts, dane, requires_tls);
            if accepts_any && dane == Dane::Inactive {
                trying.demand.verification = Verification::None;
            }
            trying.records = records;
        }
        self.at = At::Addresses(0);
    }

    fn first(&self) -> u32 {
        self.group.as_ref().and_then(|group| group.pending.first().copied()).unwrap_or_default()
    }

    fn resolve_addresses(&mut self, place: usize, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = mx_of(cx.strategies.route(group.route));
        let target = cx.target();
        let is_relay = matches!(cx.strategies.route(group.route), Some(Route::Relay(_)));
        let Some(trying) = &mut group.host else { return Flow::Wait };
        let literal = trying.name.parse::<IpAddr>().ok();
        if let Some(ip) = literal.filter(|_| !(is_relay && target.has(Quirk::RelayAddressLookedUp))) {
            // An address needs no lookup; a second time there is nothing more.
            if place == 0 {
                trying.answers.push((Family::of(ip), DnsResult::Found(vec![ip], Security::Indeterminate)));
            }
            return self.judge_addresses(cx);
        }
        let Some(family) = hosts::families(mx.ip_lookup).get(place).copied() else {
            return self.judge_addresses(cx);
        };
        let host = trying.host.name.clone();
        let ticket = self.new_ticket();
        self.at = At::Addresses(place);
        cx.effects.push_back(Effect::ResolveAddresses(ticket, host, family));
        Flow::Wait
    }

    fn found_addresses(&mut self, answer: DnsResult<IpAddr>, cx: &Context<'_>) {
        let At::Addresses(place) = self.at else { return };
        let Some(group) = &mut self.group else { return };
        let mx = mx_of(cx.strategies.route(group.route));
        let families = hosts::families(mx.ip_lookup);
        let Some(trying) = &mut group.host else { return };
        if let Some(family) = families.get(place) {
            trying.answers.push((*family, answer));
        }
        // One family after another, unless the target asks for both at once.
        let asks_both = cx.target().has(Quirk::BothFamilies);
        let named = named(trying, group.route, cx);
        let is_enough = !asks_both && hosts::addresses(trying.answers.clone(), &mx, named, cx.target()).is_ok();
        self.at = At::Addresses(if is_enough { usize::MAX } else { place + 1 });
        trying.family = place + 1;
    }

    /// The addresses that are known, or the host's failure.
    fn judge_addresses(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = mx_of(cx.strategies.route(group.route));
        let Some(trying) = &mut group.host else { return Flow::Wait };
        let named = named(trying, group.route, cx);
        match hosts::addresses(std::mem::take(&mut trying.answers), &mx, named, cx.target()) {
            Ok(addresses) => {
                trying.addresses = addresses.into();
                self.at = At::NextAddress;
                Flow::Go
            }
            // Another family had addresses, which failed.
            Err(_) if trying.ip.is_some() => {
                self.at = At::NextHost;
                Flow::Go
            }
            Err(failure) => self.host_failed(failure, cx),
        }
    }

    fn next_address(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = mx_of(cx.strategies.route(group.route));
        let Some(trying) = &mut group.host else { return Flow::Wait };
        self.at = match trying.addresses.pop_front() {
            Some(ip) => {
                trying.ip = Some(ip);
                At::Limit(Scope::Finest, 0)
            }
            None if trying.family > 0 && trying.family < hosts::families(mx.ip_lookup).len() => {
                At::Addresses(trying.family)
            }
            None => At::NextHost,
        };
        Flow::Go
    }

    fn connect(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let first = self.first();
        let Some(trying) = self.group.as_ref().and_then(|group| group.host.as_ref()) else { return Flow::Wait };
        let (Some(ip), name) = (trying.ip, trying.name.clone()) else { return Flow::Wait };
        let scene = Scene { mx: &name, remote_ip: Some(ip), ..Scene::new(message, first) };
        let id = match self.decide(Kind::Connection, &scene, cx) {
            Ok(id) => id,
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => return self.host_failed(failure, cx),
        };
        let Some(connection) = cx.strategies.connection(id) else {
            return self.host_failed(Failure::Undecided(Kind::Connection), cx);
        };
        let sources: Vec<&strategy::SourceIp> =
            connection.source_ips.iter().filter(|source| Family::of(source.ip) == Family::of(ip)).collect();
        let source = sources.get(cx.random.below(sources.len())).copied();
        let own = source.and_then(|source| source.ehlo_hostname.as_ref()).or(connection.ehlo_hostname.as_ref());
        let ehlo_name = own.unwrap_or(&cx.strategies.hostname).clone();
        let from = source.map(|source| source.ip);
        let timeouts = connection.timeouts;
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let route = cx.strategies.route(group.route);
        let Some(trying) = &mut group.host else { return Flow::Wait };
        trying.from = from;
        let relay = match route {
            Some(Route::Relay(relay)) => Some(relay),
            Some(Route::Mx(_) | Route::Local) | None => None,
        };
        let envelope = &message.envelope;
        let to = |place: &u32| {
            message.recipients.get(*place as usize).map(|recipient| To {
                address: recipient.address.clone(),
                notify: recipient.notify,
                orcpt: recipient.orcpt.clone(),
            })
        };
        let request = Request {
            target,
            protocol: relay.map_or(Protocol::Smtp, |relay| relay.protocol),
            ip,
            is_implicit_tls: relay.is_some_and(|relay| relay.implicit_tls),
            ehlo_name,
            demand: trying.demand,
            credentials: relay.and_then(|relay| relay.credentials.clone()),
            timeouts,
            timeout_tls: trying.tls.timeout_tls,
            sender: envelope.sender.clone(),
            size: envelope.size,
            envid: envelope.envid.clone(),
            ret: envelope.ret,
            requires_tls: envelope.requires_tls,
            is_utf8: envelope.is_utf8,
            is_8bit: envelope.is_8bit,
            recipients: group.pending.iter().filter_map(to).collect(),
        };
        let to = SocketAddr::new(ip, relay.map_or(SMTP_PORT, |relay| relay.port));
        cx.event(self.message, What::Connecting { host: name.clone(), ip, from });
        self.spend();
        let ticket = self.new_ticket();
        let is_tls_first = request.is_implicit_tls;
        cx.effects.push_back(Effect::Connect { ticket, message: message.id, to, from, host: name, is_tls_first });
        self.at = At::Session(Box::new(Session::new(request)));
        self.drain(message, cx);
        Flow::Wait
    }

    /// Does what the session at hand wants, and takes what it came to.
    fn drain(&mut self, message: &Message, cx: &mut Context<'_>) {
        let ticket = self.ticket();
        let At::Session(session) = &mut self.at else { return };
        let name = self.group.as_ref().and_then(|group| group.host.as_ref()).map(|trying| trying.name.clone());
        let Some(name) = name else { return };
        while let Some(action) = session.poll() {
            match action {
                session::Action::Send(bytes) => cx.effects.push_back(Effect::Send(ticket, bytes)),
                session::Action::SendContent { is_chunk } => {
                    cx.effects.push_back(Effect::SendContent { ticket, message: message.id, is_chunk });
                }
                session::Action::StartTls => cx.effects.push_back(Effect::StartTls { ticket, name: name.clone() }),
                session::Action::Wait(length) => self.deadline = Some(cx.now + length),
                session::Action::Close => cx.effects.push_back(Effect::Close(ticket)),
            }
        }
        if !session.is_over() {
            return;
        }
        self.deadline = None;
        // What still comes on this connection is out of date.
        self.step += 1;
        let At::Session(session) = std::mem::replace(&mut self.at, At::Conclude) else { return };
        let outcomes = session.outcomes();
        let Some(group) = &mut self.group else { return };
        let mut left = Vec::new();
        for (place, outcome) in group.pending.drain(..).zip(outcomes.recipients) {
            match outcome {
                Some(outcome) => group.settled.push((place, outcome, name.clone(), outcomes.takes_notify)),
                None => left.push(place),
            }
        }
        group.pending = left;
        if let Some(failure) = outcomes.failure {
            self.host_failed(failure, cx);
        }
    }

    /// Goes where the failure of the host at hand leads.
    fn host_failed(&mut self, failure: Failure, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let name = group.host.as_ref().map_or_else(|| "localhost".into(), |trying| trying.name.clone());
        let Verdict { next, .. } = failure.verdict(target);
        cx.event(self.message, What::HostFailed { host: name.clone(), failure: failure.clone() });
        group.last = Some(Failed { entity: (*name).into(), failure });
        self.at = match next {
            _ if group.pending.is_empty() => At::Conclude,
            Next::Address => At::NextAddress,
            Next::Host => At::NextHost,
            Next::Nothing => At::Conclude,
        };
        Flow::Go
    }

    /// Gives every recipient of the group its status.
    fn conclude(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
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
            let relay = Some(if takes_notify { Relay::TellsSender } else { Relay::KeepsSilent });
            let entity: Box<str> = (*host).into();
            set(
                place,
                match outcome {
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
        let mut counted = known.clone();
        if !target.has(Quirk::OldRetryNumber) {
            counted.retry_num += 1;
        }
        let scene = Scene { state: Some(&counted), ..Scene::new(message, recipient) };
        let id = match self.decide(Kind::Schedule, &scene, cx) {
            Ok(id) => Some(id),
            Err(None) => {
                self.at = At::Reschedule(place);
                return Flow::Wait;
            }
            Err(Some(_)) => None,
        };
        let since = message.since();
        let Some(known) = message.recipients.get_mut(recipient as usize) else { return Flow::Go };
        // Without a schedule the built-in one holds, in the same queue.
        let fallback = strategy::Schedule { queue: known.queue, ..strategy::Schedule::built_in() };
        let schedule = id.and_then(|id| cx.strategies.schedule(id)).unwrap_or(&fallback);
        schedule::after_failure(target, since, known, schedule, cx.now);
        let is_last = matches!(known.expires, crate::message::Expires::After(_)) && known.is_expired(cx.now);
        if is_last
            && !target.has(Quirk::LateBounce)
            && let Status::Deferred(failed) = std::mem::replace(&mut known.status, Status::Scheduled)
        {
            known.status = Status::Bounced(failed);
        }
        tell(message, recipient, cx);
        Flow::Go
    }

    fn store(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let group = self.group.take();
        let recipients = group.map(|group| [group.recipients, group.waiting].concat()).unwrap_or_default();
        let state = |place: u32| Some((place, message.recipients.get(place as usize)?.clone()));
        let changed = recipients.into_iter().filter_map(state).collect();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::Store(ticket, Record::Changed(self.message, changed)));
        self.at = At::Store;
        Flow::Wait
    }

    /// Keeps what the sweep, the notices and the reports changed, or that nothing is left to be done.
    fn store_all(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let record = if message.recipients.iter().all(|recipient| recipient.status.is_final()) {
            Record::Removed(self.message, message.recipients.clone())
        } else {
            let all = message.recipients.iter().cloned().enumerate();
            Record::Changed(self.message, all.map(|(place, recipient)| (place as u32, recipient)).collect())
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
                self.drain(message, cx);
            }
            At::StsRecord(wanted) | At::StsPolicy(wanted, _) => {
                let wanted = *wanted;
                // What still comes is out of date.
                self.step += 1;
                let domain = self.domain(message);
                match cx.policies.get(domain, None, cx.now).cloned() {
                    Some(policy) => self.has_policy(policy),
                    None => self.no_policy(wanted, NoPolicy::Unavailable, domain),
                }
            }
            _ => return,
        }
        self.run(message, cx);
    }
}

impl Group {
    fn new(route: StrategyId, recipients: Vec<u32>) -> Self {
        Self {
            route,
            pending: recipients.clone(),
            recipients,
            hosts: VecDeque::new(),
            security: Security::Indeterminate,
            policy: Err(None),
            host: None,
            last: None,
            settled: Vec::new(),
            local: Vec::new(),
            waiting: Vec::new(),
        }
    }
}

/// What a missing policy is where one is demanded.
const fn without_policy(why: NoPolicy) -> Failure {
    Failure::Sts(match why {
        NoPolicy::Invalid => StsFailure::Missing,
        NoPolicy::Unavailable => StsFailure::Fetch,
    })
}

/// The port of SMTP servers (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

fn mx_of(route: Option<&Route>) -> Mx {
    match route {
        Some(Route::Mx(mx)) => *mx,
        Some(Route::Relay(_)) => Mx::OF_RELAY,
        Some(Route::Local) | None => Mx::BUILT_IN,
    }
}

fn named(trying: &Trying, route: StrategyId, cx: &Context<'_>) -> Named {
    match cx.strategies.route(route) {
        Some(Route::Relay(_)) => Named::ByRoute,
        Some(Route::Mx(_) | Route::Local) | None if trying.host.is_implicit => Named::ByDomain,
        Some(Route::Mx(_) | Route::Local) | None => Named::ByMx,
    }
}

fn is_same_route(one: Option<&Route>, other: Option<&Route>, target: Target) -> bool {
    match (one, other) {
        (Some(Route::Mx(one)), Some(Route::Mx(other))) if target.has(Quirk::GroupsIgnoreIpLookup) => {
            Mx { ip_lookup: other.ip_lookup, ..*one } == *other
        }
        (one, other) => one == other,
    }
}

fn failed(entity: Box<str>, failure: Failure, target: Target) -> Status {
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
}

/// Gives a session what happened.
fn take(session: &mut Session, input: Input, group: Option<&Group>, domain: &str, target: Target) {
    match input {
        Input::Connected(_, result) => session.handle(Happened::Connected(result.map(|_| ()))),
        Input::Received(_, bytes) => session.handle(Happened::Bytes(&bytes)),
        Input::ContentSent(_, is_whole) => session.handle(Happened::ContentSent(is_whole)),
        Input::Closed(_) => session.handle(Happened::Closed),
        Input::Secured(_, Err(handshake)) => session.handle(Happened::Secured(Err(&Failure::Handshake(handshake)))),
        Input::Secured(_, Ok(peer)) => {
            let trying = group.and_then(|group| group.host.as_ref());
            let verified = trying.map_or(Ok(()), |trying| verify(&peer, trying, domain, target));
            match verified {
                Ok(()) => session.handle(Happened::Secured(Ok(()))),
                Err(failure) => session.handle(Happened::Secured(Err(&failure))),
            }
        }
        Input::Woken
        | Input::Submitted(..)
        | Input::Stored(_)
        | Input::Answered(..)
        | Input::Mx(..)
        | Input::Addresses(..)
        | Input::Texts(..)
        | Input::Tlsa(..)
        | Input::Policy(..)
        | Input::Local(..) => {}
    }
}

/// Whether the other side is whom the demand wants.
fn verify(peer: &Peer, trying: &Trying, domain: &str, target: Target) -> Result<(), Failure> {
    match trying.demand.verification {
        Verification::None => Ok(()),
        Verification::Dane => tlsa::verify(&trying.records, peer, &[&trying.name, domain], target),
        Verification::Pkix if !peer.is_trusted => Err(Failure::Handshake(Handshake::Untrusted)),
        Verification::Pkix => {
            let fits = peer.certificates.first().is_some_and(|leaf| tlsa::is_for(leaf, &trying.name));
            if fits { Ok(()) } else { Err(Failure::Handshake(Handshake::OtherName)) }
        }
    }
}
