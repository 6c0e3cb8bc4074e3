//! What a task may use while it takes an input, and how it asks the policy.

use std::{borrow::Cow, collections::VecDeque, net::IpAddr, sync::Arc};

use base::Instant;
use policy::{
    Answers, Behaviour, Block, Chosen, Decide, Given, Kind, Lookup, LookupFailed, Otherwise, Plan, Quirk, Row, Scratch,
    Stop, Strategies, Value, Variable, VariableSet, interpret, setting,
    strategy::{self, Connection, IpLookup, Mx, Route, Schedule, Tls, Words},
};

use crate::{
    admission::Told,
    effect::Effect,
    event::{Event, Standing, What},
    limiter::Limiters,
    message::{Message, MessageId, Recipient, Submission},
    planted::Fault,
    quota::Quotas,
    random::Random,
    sight::{Evaluation, Sight},
    sts::Cache,
};

/// What is at hand while an input is taken.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    /// The policy, by its number.
    pub(crate) policy: usize,
    /// The task that takes the input.
    pub(crate) task: u64,
    pub(crate) engine: &'a dyn Decide,
    pub(crate) behaviour: Behaviour,
    pub(crate) strategies: &'a Strategies,
    pub(crate) reads: &'a Reads,
    pub(crate) limiters: &'a mut Limiters,
    pub(crate) quotas: &'a mut Quotas,
    pub(crate) policies: &'a mut Cache,
    pub(crate) random: &'a mut Random,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) effects: &'a mut VecDeque<Effect>,
    pub(crate) events: &'a mut VecDeque<Event>,
    /// Reports that are to be accepted.
    pub(crate) reports: &'a mut VecDeque<Reporting>,
    /// The number of the next report.
    pub(crate) next_report: &'a mut u64,
    pub(crate) fault: Option<Fault>,
}

/// A report that is to be accepted, and the task that waits for it.
#[derive(Debug)]
pub(crate) struct Reporting {
    pub(crate) id: MessageId,
    pub(crate) submission: Submission,
    pub(crate) told: Told,
}

/// The variables that each kind of decision reads: what is costly is made only where one of them asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reads([VariableSet; 4]);

impl Reads {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self(Kind::ALL.map(|kind| {
            let settings = plan.settings.iter().filter(|ruled| ruled.setting.kind() == kind);
            let all = settings.map(|ruled| ruled.block().reads());
            all.fold(plan.choice(kind).block().reads(), VariableSet::union)
        }))
    }

    pub(crate) const fn of_kind(self, kind: Kind) -> VariableSet {
        let [route, schedule, connection, tls] = self.0;
        match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        }
    }
}

/// What a decision is about.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) message: &'a Message,
    /// The recipient at hand, by its place; the first one of a transaction.
    pub(crate) recipient: u32,
    /// The recipient's state, where that is not the message's yet.
    pub(crate) state: Option<&'a Recipient>,
    pub(crate) mx: &'a str,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) local_ip: Option<IpAddr>,
    /// The queue of the work item.
    pub(crate) queue: Option<&'a str>,
    /// What is evaluated.
    pub(crate) evaluation: Evaluation,
    /// Whether what is decided is told.
    pub(crate) is_told: bool,
}

impl<'a> Scene<'a> {
    pub(crate) const fn new(evaluation: Evaluation, message: &'a Message, recipient: u32) -> Self {
        Self {
            message,
            recipient,
            state: None,
            mx: "",
            remote_ip: None,
            local_ip: None,
            queue: None,
            evaluation,
            is_told: true,
        }
    }
}

/// A decision that is being made, which may wait for the world at any of its blocks of rules.
#[derive(Debug, Default)]
pub(crate) struct Deciding {
    /// What the questions of the block at hand were answered.
    pub(crate) answers: Answers,
    /// The strategy, once it is chosen.
    chosen: Option<Chosen>,
    /// How many of its settings were decided, and the values that rules gave them.
    settings: usize,
    given: Vec<Given>,
}

impl Deciding {
    /// Takes an answer to the question that it waits for.
    pub(crate) fn push(&mut self, answer: Result<Value, LookupFailed>) {
        self.answers.push(answer);
    }
}

/// A strategy, and what rules chose of its settings.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) chosen: Chosen,
    given: Vec<Given>,
}

/// Two are the same that come to the same, by whichever rules.
impl PartialEq for Decision {
    fn eq(&self, other: &Self) -> bool {
        self.chosen.id == other.chosen.id && self.given == other.given
    }
}

impl Decision {
    /// The values of the strategy's settings that rules chose.
    fn apply<T>(&self, strategy: T, with: impl Fn(T, &Given) -> T) -> T {
        self.given.iter().fold(strategy, with)
    }

    /// The route's own settings, where it is one to the hosts that DNS names.
    pub(crate) fn mx(&self, strategies: &Strategies, target: Behaviour) -> Mx {
        let mx = match strategies.route(self.chosen.id) {
            Some(Route::Mx(mx)) => *mx,
            Some(Route::Relay(_)) => Mx::OF_RELAY,
            Some(Route::Local) | None => Mx::BUILT_IN,
        };
        let mx = self.apply(mx, Mx::with);
        match mx.ip_lookup {
            IpLookup::Ipv6ThenIpv4 if target.has(Quirk::Ipv6ThenNothing) => Mx { ip_lookup: IpLookup::Ipv6Only, ..mx },
            _ => mx,
        }
    }

    /// The schedule.
    pub(crate) fn schedule<'s>(&self, strategies: &'s Strategies) -> Option<Cow<'s, Schedule>> {
        let schedule = strategies.schedule(self.chosen.id)?;
        Some(if self.given.is_empty() {
            Cow::Borrowed(schedule)
        } else {
            Cow::Owned(self.apply(schedule.clone(), Schedule::with))
        })
    }

    /// The connection strategy.
    pub(crate) fn connection<'s>(&self, strategies: &'s Strategies) -> Option<Cow<'s, Connection>> {
        let connection = strategies.connection(self.chosen.id)?;
        Some(if self.given.is_empty() {
            Cow::Borrowed(connection)
        } else {
            Cow::Owned(self.apply(connection.clone(), Connection::with))
        })
    }

    /// The TLS strategy.
    pub(crate) fn tls(&self, strategies: &Strategies) -> Tls {
        let tls = strategies.tls(self.chosen.id).copied().unwrap_or(Tls::BUILT_IN);
        self.apply(tls, Tls::with)
    }
}

/// Why a decision is not made.
pub(crate) enum Stuck {
    /// It depends on something that the world knows.
    Needs(Lookup),
    /// The rules failed, or gave nothing that the target goes on with.
    Undecided,
}

impl Context<'_> {
    pub(crate) fn target(&self) -> Behaviour {
        self.behaviour
    }

    /// Whether a test planted this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Whether the target behaves like that.
    pub(crate) fn has_quirk(&self, quirk: Quirk) -> bool {
        self.target().has(quirk)
    }

    pub(crate) fn event(&mut self, message: MessageId, what: What) {
        self.events.push_back(Event { at: self.now, policy: self.policy, message, task: self.task, what });
    }

    /// Tells how a recipient stands in the queue.
    pub(crate) fn stands(&mut self, message: &Message, recipient: u32) {
        if let Some(known) = message.recipients.get(recipient as usize) {
            self.event(message.id, What::Stands { recipient, standing: Standing::of(known) });
        }
    }

    /// What `take` makes of the row of a scene; of the costly columns only those of `reads` are filled. Where each value is
    /// from, [`Evaluation::sees`] says.
    fn with_row<T>(
        &mut self,
        scene: &Scene<'_>,
        reads: VariableSet,
        take: impl FnOnce(&mut Self, &Row<'_>) -> Result<T, Stuck>,
    ) -> Result<T, Stuck> {
        let target = self.target();
        let message = scene.message;
        let Some(own) = scene.state.or_else(|| message.recipients.get(scene.recipient as usize)) else {
            return Err(Stuck::Undecided);
        };
        let first = message.in_order().next().and_then(|place| message.recipients.get(place as usize)).unwrap_or(own);
        let sees = |variable: Variable| scene.evaluation.sees(variable, target);
        let of = |variable: Variable| if sees(variable) == Sight::FirstOfMessage { first } else { own };
        let envelope = &message.envelope;
        let costly = |variable: Variable, make: &dyn Fn() -> String| {
            if reads.has(variable) { make() } else { String::new() }
        };
        let ip = |ip: Option<IpAddr>| ip.map_or_else(|| NO_ADDRESS.to_owned(), |ip| ip.to_string());
        let last_status = costly(Variable::LastStatus, &|| of(Variable::LastStatus).status.text());
        let remote_ip = costly(Variable::RemoteIp, &|| ip(scene.remote_ip));
        let local_ip = costly(Variable::LocalIp, &|| ip(scene.local_ip));
        let from_ip = costly(Variable::ReceivedFromIp, &|| envelope.received_from_ip.to_string());
        let recipients: Vec<Value> = if reads.has(Variable::Recipients) {
            // Those that are built already end with the one at hand.
            let is_partial = sees(Variable::Recipients) == Sight::SoFar;
            let known = message.in_order().position(|place| is_partial && place == scene.recipient);
            let all = message.in_order().take(known.map_or(usize::MAX, |place| place + 1));
            let text = |place: u32| Some(Value::text(message.recipients.get(place as usize)?.address.as_str()));
            all.filter_map(text).collect()
        } else {
            Vec::new()
        };
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let queue = match sees(Variable::QueueName) {
            Sight::NotYet => strategy::VirtualQueue::DEFAULT,
            Sight::WorkItem => scene.queue.unwrap_or(&own.queue),
            _ => &of(Variable::QueueName).queue,
        };
        let texts = [
            (Variable::Rcpt, of(Variable::Rcpt).address.as_str()),
            (Variable::RcptDomain, of(Variable::RcptDomain).address.domain()),
            (Variable::Sender, envelope.sender.as_str()),
            (Variable::SenderDomain, envelope.sender.domain()),
            (Variable::LastStatus, &last_status),
            (Variable::LastError, of(Variable::LastError).status.last_error()),
            (Variable::QueueName, queue),
            (Variable::ReceivedFromIp, &from_ip),
            (Variable::Source, if sees(Variable::Source) == Sight::NotYet { "unknown" } else { envelope.source }),
            (Variable::Mx, if sees(Variable::Mx) == Sight::NotYet { "" } else { scene.mx }),
            (Variable::RemoteIp, if sees(Variable::RemoteIp) == Sight::NotYet { NO_ADDRESS } else { &remote_ip }),
            (Variable::LocalIp, if sees(Variable::LocalIp) == Sight::NotYet { NO_ADDRESS } else { &local_ip }),
        ];
        let ints = [
            (Variable::Priority, i64::from(envelope.priority)),
            (Variable::RetryNum, i64::from(of(Variable::RetryNum).retry_num)),
            (Variable::NotifyNum, i64::from(of(Variable::NotifyNum).notify_num)),
            (Variable::ExpiresIn, count(of(Variable::ExpiresIn).expires_in(self.now))),
            (Variable::QueueAge, count(self.now.since(message.created).0 / 1_000)),
            (Variable::ReceivedViaPort, i64::from(envelope.received_via_port)),
            (Variable::Size, count(envelope.size)),
        ];
        let mut row = Row::new();
        if sees(Variable::Recipients) != Sight::Unset {
            row.set_recipients(&recipients);
        }
        for (variable, text) in texts.into_iter().filter(|(variable, _)| sees(*variable) != Sight::Unset) {
            let set = row.set_text(variable, text);
            debug_assert!(set.is_ok(), "{variable:?} is a text");
        }
        for (variable, int) in ints.into_iter().filter(|(variable, _)| sees(*variable) != Sight::Unset) {
            let set = row.set_int(variable, if sees(variable) == Sight::NotYet { 0 } else { int });
            debug_assert!(set.is_ok(), "{variable:?} is a number");
        }
        take(self, &row)
    }

    /// Whether the condition of a limiter or a quota holds; one that fails does not.
    pub(crate) fn holds(&mut self, condition: &Block, scene: &Scene<'_>, answers: &Answers) -> Result<bool, Lookup> {
        let only_else = self.target().has(Quirk::LimiterMatchOnlyElse);
        let held = self.with_row(scene, condition.reads(), |_, row| {
            let value = if only_else {
                interpret::expression(condition.ir(), condition.otherwise(), row, answers, &mut ())
            } else {
                interpret::block(condition, row, answers, &mut ()).map(|decision| decision.value)
            };
            match value {
                Ok(value) => Ok(value.is_true()),
                Err(Stop::Needs(lookup)) => Err(Stuck::Needs(lookup)),
                Err(Stop::Failed(_)) => Err(Stuck::Undecided),
            }
        });
        match held {
            Ok(held) => Ok(held),
            Err(Stuck::Needs(lookup)) => Err(lookup),
            Err(Stuck::Undecided) => Ok(false),
        }
    }

    /// The text of `words`; the own one where its expression fails, or gives something else.
    pub(crate) fn words(&mut self, words: &Words, scene: &Scene<'_>, answers: &Answers) -> Result<Arc<str>, Lookup> {
        let Some(block) = &words.block else { return Ok(words.own.clone()) };
        let given =
            self.with_row(scene, block.reads(), |_, row| match interpret::block(block, row, answers, &mut ()) {
                Ok(decision) => Ok(setting::text(&decision.value).filter(|text| !text.is_empty())),
                Err(Stop::Needs(lookup)) => Err(Stuck::Needs(lookup)),
                Err(Stop::Failed(_)) => Err(Stuck::Undecided),
            });
        match given {
            Ok(given) => Ok(given.map_or_else(|| words.own.clone(), Into::into)),
            Err(Stuck::Needs(lookup)) => Err(lookup),
            Err(Stuck::Undecided) => Ok(words.own.clone()),
        }
    }

    /// Decides a strategy, and what rules choose of its settings, and tells. Whoever gets [`Stuck::Needs`] gives the answer
    /// to `deciding`, and asks again; with anything else the decision is over.
    pub(crate) fn decide(&mut self, kind: Kind, scene: &Scene<'_>, deciding: &mut Deciding) -> Result<Decision, Stuck> {
        let decision = self.go_on(kind, scene, deciding);
        if !matches!(decision, Err(Stuck::Needs(_))) {
            *deciding = Deciding::default();
        }
        decision
    }

    fn go_on(&mut self, kind: Kind, scene: &Scene<'_>, deciding: &mut Deciding) -> Result<Decision, Stuck> {
        let chosen = match deciding.chosen {
            Some(chosen) => chosen,
            None => self.choose(kind, scene, &deciding.answers)?,
        };
        if deciding.chosen.is_none() {
            deciding.chosen = Some(chosen);
            deciding.answers = Answers::new();
        }
        let plan = self.engine.plan();
        for (place, ruled) in plan.settings_of(kind, chosen.id).skip(deciding.settings) {
            let answers = &deciding.answers;
            let decided = self.with_row(scene, ruled.block().reads(), |cx, row| {
                Ok(cx.engine.decide_setting(place, row, answers, cx.scratch))
            })?;
            let picked = ruled.picked(decided).map_err(|lookup| Stuck::Needs(*lookup))?;
            deciding.given.extend(picked.given.clone());
            deciding.settings += 1;
            deciding.answers = Answers::new();
            if scene.is_told {
                self.event(scene.message.id, What::Set { recipient: scene.recipient, setting: place, picked });
            }
        }
        Ok(Decision { chosen, given: std::mem::take(&mut deciding.given) })
    }

    fn choose(&mut self, kind: Kind, scene: &Scene<'_>, answers: &Answers) -> Result<Chosen, Stuck> {
        let reads = self.reads.of_kind(kind);
        let decided = self.with_row(scene, reads, |cx, row| Ok(cx.engine.decide(kind, row, answers, cx.scratch)))?;
        let (chosen, is_instead) = match decided {
            Ok(chosen) => (Some(chosen), false),
            Err(otherwise) => match *otherwise {
                Otherwise::Instead { chosen, .. } => (Some(chosen), true),
                Otherwise::Stopped(Stop::Needs(lookup)) => return Err(Stuck::Needs(lookup)),
                Otherwise::Stopped(Stop::Failed(_)) | Otherwise::Unknown { .. } => (None, true),
            },
        };
        if scene.is_told {
            let what = What::Decided { recipient: scene.recipient, kind, chosen, is_instead };
            self.event(scene.message.id, what);
        }
        chosen.ok_or(Stuck::Undecided)
    }
}

/// What an address is to expressions before there is one.
const NO_ADDRESS: &str = "0.0.0.0";
