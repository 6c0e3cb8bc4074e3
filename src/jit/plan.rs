//! A plan, compiled: what delivery decides by.

use std::sync::{Arc, OnceLock};

use policy::{
    AllAnswers, Answers, Choice, Chosen, Dag, Decide, Decided, Decision, Decisions, Kind, Plan, Row, Scratch,
    StrategyId,
};

use crate::{
    Refused,
    code::{self, Code},
    host::NO_STRATEGY,
    layout::UNDECIDED,
    lower::{HAS_STOPPED, NOT_DONE, Part},
};

/// The kinds in the order in which one call decides them: the route before what depends on whether it is local.
const ORDER: [Kind; 4] = [Kind::Schedule, Kind::Route, Kind::Connection, Kind::Tls];

/// The number of the function that decides everything; those of one kind come before it, in [`ORDER`].
const ALL: usize = ORDER.len();

/// A plan as machine code. It is `Send` and `Sync`; share it by `Arc`.
///
/// Its memory is returned when the last owner lets go of it, so a caller that decides holds its `Arc` meanwhile.
#[derive(Debug)]
pub struct Compiled {
    // Before what it reads: dropped first.
    code: Code,
    dags: [Arc<Dag>; 4],
    plan: Arc<Plan>,
}

impl Compiled {
    /// Compiles `plan` for this machine.
    ///
    /// # Errors
    ///
    /// Where there is no machine code for it. The plan itself then decides the same, by the interpreter.
    pub fn new(plan: Arc<Plan>) -> Result<Self, Refused> {
        let dags = dags(&plan)?;
        let local: Vec<u32> = plan.local_routes.iter().map(|id| id.index() as u32).collect();
        let part = |index: usize, last| parts(&plan, &dags, index, last);
        let mut functions: Vec<Vec<Part<'_>>> =
            (0..ORDER.len()).map(|index| part(index, &[]).into_iter().collect()).collect();
        let all = (0..ORDER.len()).filter_map(|index| part(index, if index == 1 { &local } else { &[] }));
        functions.push(all.collect());
        let code = Code::compile(&functions)?;
        Ok(Self { code, dags, plan })
    }

    /// The size of the machine code in bytes.
    #[must_use]
    pub const fn code_bytes(&self) -> usize {
        self.code.bytes()
    }

    /// The optimised rules of one kind.
    #[must_use]
    pub fn dag(&self, kind: Kind) -> &Dag {
        let [schedule, route, connection, tls] = &self.dags;
        match kind {
            Kind::Schedule => schedule,
            Kind::Route => route,
            Kind::Connection => connection,
            Kind::Tls => tls,
        }
    }

    /// The code that decides one kind as texts: Cranelift's IR, and the machine's instructions.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn texts(choice: &Choice) -> Result<(String, String), Refused> {
        let dag = dag(choice)?;
        code::texts(&[Part { dag: &dag, choice: Some(choice), last: &[] }])
    }
}

fn dag(choice: &Choice) -> Result<Dag, Refused> {
    Dag::of(choice.block()).map_err(|policy::dag::TooLarge| Refused::TooLarge)
}

fn dags(plan: &Plan) -> Result<[Arc<Dag>; 4], Refused> {
    let [schedule, route, connection, tls] = ORDER.map(|kind| dag(plan.choice(kind)).map(Arc::new));
    Ok([schedule?, route?, connection?, tls?])
}

fn parts<'a>(plan: &'a Plan, dags: &'a [Arc<Dag>; 4], index: usize, last: &'a [u32]) -> Option<Part<'a>> {
    let (dag, kind) = dags.iter().zip(ORDER).nth(index)?;
    Some(Part { dag, choice: Some(plan.choice(kind)), last })
}

/// Where a kind stands in [`ORDER`].
const fn place(kind: Kind) -> usize {
    match kind {
        Kind::Schedule => 0,
        Kind::Route => 1,
        Kind::Connection => 2,
        Kind::Tls => 3,
    }
}

impl Decide for Compiled {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    #[inline]
    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let outcome = self.code.run(place(kind), row, [answers; 4], scratch, |outcome, _, _| outcome);
        match picked(self.plan.choice(kind), outcome) {
            Some(chosen) => Ok(chosen),
            None => self.decide_else(kind, row, answers, scratch),
        }
    }

    #[inline]
    fn decide_all(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        let all = ORDER.map(|kind| answers.get(kind));
        let decisions = self.code.run(ALL, row, all, scratch, |outcome, frame, _| {
            if outcome & NOT_DONE != 0 {
                return None;
            }
            let [schedule, route, connection, tls] = frame.decided;
            let picked = |kind: Kind, outcome: u64| picked(self.plan.choice(kind), outcome).map(Ok);
            let host = if tls == UNDECIDED {
                None
            } else {
                Some((picked(Kind::Connection, connection)?, picked(Kind::Tls, tls)?))
            };
            Some(Decisions { schedule: picked(Kind::Schedule, schedule)?, route: picked(Kind::Route, route)?, host })
        });
        // Something is needed, or failed, or is for the interpreter: each kind by itself, so that one does not hide
        // another.
        decisions.unwrap_or_else(|| self.one_by_one(row, answers, scratch))
    }
}

impl Compiled {
    /// Decides what is not just a strategy: a value that names none, a question, an error, and what is left to the
    /// interpreter. The code runs again, so that the common case need not keep what only this one reads.
    #[cold]
    fn decide_else(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let choice = self.plan.choice(kind);
        let result = self.code.run(place(kind), row, [answers; 4], scratch, |outcome, frame, stop| {
            if outcome & NOT_DONE == 0 {
                // SAFETY: as the outcome is no strategy's name that is known, the code wrote the value; its texts lie in
                // the row, the plan, the answers or the arena, all of which are borrowed here.
                let value = unsafe { frame.value(0) };
                return Some(Ok(Decision { value, rule: rule(choice, outcome).map(|rule| rule as usize) }));
            }
            stop.filter(|_| outcome == HAS_STOPPED).map(Err)
        });
        match result {
            Some(result) => choice.settle(result),
            None => choice.interpret(row, answers, scratch),
        }
    }

    #[cold]
    fn one_by_one(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        /// The engine without its call for everything.
        struct Single<'a>(&'a Compiled);
        impl Decide for Single<'_> {
            fn plan(&self) -> &Plan {
                &self.0.plan
            }

            fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
                self.0.decide(kind, row, answers, scratch)
            }
        }
        Single(self).decide_all(row, answers, scratch)
    }
}

/// What an outcome of the code picks, where it is done and that is a strategy.
#[inline]
fn picked(choice: &Choice, outcome: u64) -> Option<Chosen> {
    let strategy = outcome & NO_STRATEGY;
    if outcome & NOT_DONE != 0 || strategy == NO_STRATEGY {
        return None;
    }
    Some(Chosen { id: StrategyId::at(strategy as u32), rule: rule(choice, outcome), instead_of: None })
}

/// The rule of an outcome; `None` for `else`.
#[inline]
fn rule(choice: &Choice, outcome: u64) -> Option<u32> {
    let leaf = (outcome >> 32) as u32;
    ((leaf as usize) < choice.block().rules().len()).then_some(leaf)
}

/// A plan that the interpreter serves until its machine code is ready.
///
/// Compiling takes longer than interpreting many messages, so it happens beside them: whoever has a thread to spare
/// calls [`Serving::compile`] there.
#[derive(Debug)]
pub struct Serving {
    plan: Arc<Plan>,
    compiled: OnceLock<Result<Compiled, Refused>>,
}

impl Serving {
    /// Serves `plan`.
    #[must_use]
    pub const fn new(plan: Arc<Plan>) -> Self {
        Self { plan, compiled: OnceLock::new() }
    }

    /// Compiles the plan, once; decisions go on meanwhile.
    ///
    /// # Errors
    ///
    /// Where there is no machine code for it: the interpreter goes on.
    pub fn compile(&self) -> Result<&Compiled, &Refused> {
        self.compiled.get_or_init(|| Compiled::new(self.plan.clone())).as_ref()
    }

    /// The machine code, where it is ready.
    #[must_use]
    pub fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get()?.as_ref().ok()
    }
}

impl Decide for Serving {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        match self.compiled() {
            Some(compiled) => compiled.decide(kind, row, answers, scratch),
            None => self.plan.decide(kind, row, answers, scratch),
        }
    }

    fn decide_all(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        match self.compiled() {
            Some(compiled) => compiled.decide_all(row, answers, scratch),
            None => self.plan.decide_all(row, answers, scratch),
        }
    }
}
