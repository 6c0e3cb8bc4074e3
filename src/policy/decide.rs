//! Whoever decides by a plan: the interpreter, or machine code. Drivers know this trait and no engine.

use crate::{
    facts::Row,
    lookup::Answers,
    plan::{Decided, Plan, taken},
    scratch::Scratch,
    target::Kind,
};

/// The answers of each kind's evaluation.
#[derive(Clone, Debug, Default)]
#[repr(transparent)]
pub struct AllAnswers {
    of: [Answers; 4],
}

impl AllAnswers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of one kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> &Answers {
        let [route, schedule, connection, tls] = &self.of;
        match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        }
    }

    /// Where those of one kind are, in bytes.
    #[must_use]
    pub const fn offset(kind: Kind) -> usize {
        size_of::<Answers>()
            * match kind {
                Kind::Route => 0,
                Kind::Schedule => 1,
                Kind::Connection => 2,
                Kind::Tls => 3,
            }
    }

    /// Those of one kind, to add to.
    pub fn get_mut(&mut self, kind: Kind) -> &mut Answers {
        let [route, schedule, connection, tls] = &mut self.of;
        match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        }
    }
}

/// The decisions about one recipient.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// `strategy.route`
    pub route: Decided,
    /// `strategy.schedule`
    pub schedule: Decided,
    /// `strategy.connection` and `strategy.tls`; `None` where the route is local and no connection is made.
    pub host: Option<(Decided, Decided)>,
}

/// An engine with its plan.
pub trait Decide: Send + Sync {
    /// The plan that it decides by.
    fn plan(&self) -> &Plan;

    /// Picks a strategy of one kind.
    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided;

    /// Picks the value of a setting that rules choose, by its place in [`Plan::settings`].
    fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided;

    /// Picks the four strategies of a recipient, where the host at hand is known or does not matter.
    fn decide_all(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        let schedule = self.decide(Kind::Schedule, row, answers.get(Kind::Schedule), scratch);
        let route = self.decide(Kind::Route, row, answers.get(Kind::Route), scratch);
        let is_local = taken(&route).is_some_and(|chosen| self.plan().local_routes.contains(&chosen.id));
        let host = (!is_local).then(|| {
            let connection = self.decide(Kind::Connection, row, answers.get(Kind::Connection), scratch);
            (connection, self.decide(Kind::Tls, row, answers.get(Kind::Tls), scratch))
        });
        Decisions { route, schedule, host }
    }
}

/// The interpreter.
impl Decide for Plan {
    fn plan(&self) -> &Plan {
        self
    }

    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        self.choice(kind).interpret(row, answers, scratch)
    }

    #[expect(clippy::expect_used, reason = "a place that the plan does not have is a mistake of the caller")]
    fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let ruled = self.settings.get(place).expect("the place is one of the plan's");
        ruled.choice().interpret(row, answers, scratch)
    }
}
