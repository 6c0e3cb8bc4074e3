//! A plan, compiled: what delivery decides by.

use std::{
    ptr, slice,
    sync::{Arc, OnceLock},
};

use policy::{
    AllAnswers, Answers, Choice, Chosen, Dag, Decide, Decided, Decision, Decisions, Kind, Plan, Row, RuleId, Ruled,
    Scratch, StrategyId,
};

use crate::{
    Refused,
    code::{self, Code, FUNCTIONS_MAX},
    layout::Frame,
    lower::{self, HAS_STOPPED, NOT_DONE, Part, Unanswered},
};

/// The kinds in the order in which one call decides them: the route before what depends on whether it is local.
const ORDER: [Kind; 4] = [Kind::Schedule, Kind::Route, Kind::Connection, Kind::Tls];

/// The number of the function that decides everything; that of one kind is the kind's place in [`Kind::ALL`].
const ALL: usize = Kind::ALL.len();

/// What that function gives where it decided everything.
const DECIDED: u64 = ORDER.len() as u64;

/// What it gives where the route is local, and nothing more is decided.
const LOCAL: u64 = 2;

/// A plan as machine code. It is `Send` and `Sync`; share it by `Arc`.
///
/// Its memory is returned when the last owner lets go of it, so a caller that decides holds its `Arc` meanwhile.
#[derive(Debug)]
pub struct Compiled {
    // Before what it reads: dropped first.
    code: Code,
    settings: Vec<Code>,
    #[expect(dead_code, reason = "the code of the settings reads them")]
    setting_dags: Vec<Arc<Dag>>,
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
        let local = local(&plan);
        let (single, all) = parts(&plan, &dags, &local);
        let functions: Vec<&[Part<'_>]> = single.iter().map(slice::from_ref).chain([&all[..]]).collect();
        let code = Code::compile(&functions)?;
        let setting_dags = plan.settings.iter().map(|ruled| dag(ruled.choice()).map(Arc::new));
        let setting_dags = setting_dags.collect::<Result<Vec<_>, _>>()?;
        let settings = compiled_settings(&plan, &setting_dags)?;
        Ok(Self { code, settings, setting_dags, dags, plan })
    }

    /// The size of the machine code in bytes.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.code.bytes() + self.settings.iter().map(Code::bytes).sum::<usize>()
    }

    /// The optimised rules of one kind.
    #[must_use]
    pub fn dag(&self, kind: Kind) -> &Dag {
        of(&self.dags, kind).as_ref()
    }

    /// The code that decides by `plan` as texts: Cranelift's IR, and the machine's instructions. Of one kind, or of
    /// all four in one call.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn texts(plan: &Plan, kind: Option<Kind>) -> Result<(String, String), Refused> {
        let dags = dags(plan)?;
        let local = local(plan);
        let (single, all) = parts(plan, &dags, &local);
        match kind {
            Some(kind) => code::texts(slice::from_ref(of(&single, kind))),
            None => code::texts(&all),
        }
    }
}

/// The code of the settings that rules choose: as many functions in each as one holds.
fn compiled_settings(plan: &Plan, dags: &[Arc<Dag>]) -> Result<Vec<Code>, Refused> {
    fn part<'a>((ruled, dag): (&'a Ruled, &'a Arc<Dag>)) -> Part<'a> {
        Part::new(dag.as_ref(), Some(ruled.choice()))
    }
    let mut compiled = Vec::new();
    for (settings, dags) in plan.settings.chunks(FUNCTIONS_MAX).zip(dags.chunks(FUNCTIONS_MAX)) {
        let parts: Vec<Part<'_>> = settings.iter().zip(dags).map(part).collect();
        let functions: Vec<&[Part<'_>]> = parts.iter().map(slice::from_ref).collect();
        compiled.push(Code::compile(&functions)?);
    }
    Ok(compiled)
}

/// The numbers of the routes after which nothing more is decided.
fn local(plan: &Plan) -> Vec<u32> {
    plan.local_routes.iter().map(|id| id.number()).collect()
}

/// What each function decides: those of one kind, in the order of [`Kind::ALL`], and that of all.
fn parts<'a>(plan: &'a Plan, dags: &'a [Arc<Dag>; 4], local: &'a [u32]) -> ([Part<'a>; 4], [Part<'a>; 4]) {
    let part = |kind: Kind| Part::new(of(dags, kind).as_ref(), Some(plan.choice(kind)));
    let all = ORDER.map(|kind| Part {
        answers: AllAnswers::offset(kind),
        last: if kind == Kind::Route { local } else { &[] },
        unanswered: Unanswered::Left,
        ..part(kind)
    });
    (Kind::ALL.map(part), all)
}

/// What there is of one kind.
const fn of<T>(all: &[T; 4], kind: Kind) -> &T {
    let [route, schedule, connection, tls] = all;
    match kind {
        Kind::Route => route,
        Kind::Schedule => schedule,
        Kind::Connection => connection,
        Kind::Tls => tls,
    }
}

fn dag(choice: &Choice) -> Result<Dag, Refused> {
    Dag::of(choice.block()).map_err(|policy::dag::TooLarge| Refused::TooLarge)
}

fn dags(plan: &Plan) -> Result<[Arc<Dag>; 4], Refused> {
    let [route, schedule, connection, tls] = Kind::ALL.map(|kind| dag(plan.choice(kind)).map(Arc::new));
    Ok([route?, schedule?, connection?, tls?])
}

/// A call of machine code, and what it was asked, for where it cannot decide. Both lie in memory: what is needed only
/// then would else be kept in registers over the call, which takes longer than many a decision.
#[repr(C)]
struct Call<A> {
    frame: Frame,
    asked: A,
}

impl Decide for Compiled {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    #[inline]
    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let mut call = Call { frame: Frame::new(ptr::null_mut()), asked: (kind, row, answers, scratch) };
        let outcome = self.code.run(kind as usize, row, ptr::from_ref(answers).cast(), &mut call.frame);
        if let Some(chosen) = picked(outcome) {
            return Ok(chosen);
        }
        let (kind, row, answers, scratch) = call.asked;
        decide_with_host((&self.code, kind as usize), self.plan.choice(kind), row, answers, scratch)
    }

    fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let (Some(code), Some(ruled)) = (self.settings.get(place / FUNCTIONS_MAX), self.plan.settings.get(place))
        else {
            return self.plan.decide_setting(place, row, answers, scratch);
        };
        let number = place % FUNCTIONS_MAX;
        let mut frame = Frame::new(ptr::null_mut());
        let outcome = code.run(number, row, ptr::from_ref(answers).cast(), &mut frame);
        match picked(outcome) {
            Some(chosen) => Ok(chosen),
            None => decide_with_host((code, number), ruled.choice(), row, answers, scratch),
        }
    }

    #[inline]
    fn decide_all(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        let mut call = Call { frame: Frame::new(ptr::null_mut()), asked: (row, answers, scratch) };
        let outcome = self.code.run(ALL, row, ptr::from_ref(answers).cast(), &mut call.frame);
        if let Some(decisions) = all_picked(outcome, &call.frame) {
            return decisions;
        }
        let (row, answers, scratch) = call.asked;
        self.decide_all_with_host(row, answers, scratch)
    }
}

/// Decides what the code cannot without a host, and what is not just a strategy: a value that names none, a question, an
/// error, and what is left to the interpreter. The code is a function's number with whose it is.
#[inline(never)]
fn decide_with_host(
    (code, number): (&Code, usize),
    choice: &Choice,
    row: &Row<'_>,
    answers: &Answers,
    scratch: &mut Scratch,
) -> Decided {
    let given = (ptr::from_ref(answers).cast(), [answers; 4]);
    let result = code.run_with_host(number, row, given, scratch, |outcome, frame, stop| {
        if let Some(chosen) = picked(outcome) {
            return Some(Ok(chosen));
        }
        let result = if outcome & NOT_DONE == 0 {
            // SAFETY: as the outcome is no strategy's name that is known, the code wrote the value; its texts lie in the
            // row, the plan, the answers or the arena, all of which are borrowed here.
            let value = unsafe { frame.value(0) };
            Ok(Decision { value, rule: lower::rule(outcome).map(RuleId::index) })
        } else {
            Err(stop.filter(|_| outcome == HAS_STOPPED)?)
        };
        Some(choice.settle(result))
    });
    result.unwrap_or_else(|| choice.interpret(row, answers, scratch))
}

impl Compiled {
    #[inline(never)]
    fn decide_all_with_host(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        let given = (ptr::from_ref(answers).cast(), ORDER.map(|kind| answers.get(kind)));
        let decisions =
            self.code.run_with_host(ALL, row, given, scratch, |outcome, frame, _| all_picked(outcome, frame));
        // Something is needed, or failed, or is for the interpreter: each kind by itself, so that one does not hide
        // another.
        decisions.unwrap_or_else(|| self.one_by_one(row, answers, scratch))
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

            fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
                self.0.decide_setting(place, row, answers, scratch)
            }
        }
        Single(self).decide_all(row, answers, scratch)
    }
}

/// What an outcome of the code picks, where it is done and that is a strategy.
#[inline]
const fn picked(outcome: u64) -> Option<Chosen> {
    match StrategyId::numbered(outcome as u32) {
        Some(id) => Some(chosen(id, outcome)),
        None => None,
    }
}

#[inline]
const fn chosen(id: StrategyId, outcome: u64) -> Chosen {
    Chosen { id, rule: lower::rule(outcome) }
}

/// What the function that decides everything picked, where all of that is strategies.
#[inline]
fn all_picked(outcome: u64, frame: &Frame) -> Option<Decisions> {
    let [schedule, route, connection, tls] = frame.decided;
    // All of them are looked at before anything is made, so that nothing that was made is copied.
    let id = |outcome: u64| StrategyId::numbered(outcome as u32);
    let (schedule_id, route_id) = (id(schedule)?, id(route)?);
    match outcome {
        LOCAL => Some(Decisions {
            route: Ok(chosen(route_id, route)),
            schedule: Ok(chosen(schedule_id, schedule)),
            host: None,
        }),
        DECIDED => {
            let (connection_id, tls_id) = (id(connection)?, id(tls)?);
            Some(Decisions {
                route: Ok(chosen(route_id, route)),
                schedule: Ok(chosen(schedule_id, schedule)),
                host: Some((Ok(chosen(connection_id, connection)), Ok(chosen(tls_id, tls)))),
            })
        }
        _ => None,
    }
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

    fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        match self.compiled() {
            Some(compiled) => compiled.decide_setting(place, row, answers, scratch),
            None => self.plan.decide_setting(place, row, answers, scratch),
        }
    }

    fn decide_all(&self, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> Decisions {
        match self.compiled() {
            Some(compiled) => compiled.decide_all(row, answers, scratch),
            None => self.plan.decide_all(row, answers, scratch),
        }
    }
}
