//! Which engine decides: the interpreter, machine code, or both, compared.

use std::{
    fmt::Display,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::{Args, ValueEnum};
use policy::{
    Answers, Block, Decide, Decided, Decision, EvalError, Kind, Otherwise, Plan, Row, Scratch, Stop, interpret,
};

use super::{Failure, Verdict, masked};

/// The engine of a dry run.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Choice {
    /// Decide by machine code, by the interpreter, or by both, and fail where they differ
    #[arg(long, value_enum)]
    engine: Option<Name>,
    /// Never make machine code: for machines that forbid it
    #[arg(long, conflicts_with = "engine")]
    no_jit: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Name {
    /// Machine code; the interpreter where there is none
    Jit,
    /// The interpreter
    Interpreter,
    /// Both: a difference is an error
    Both,
}

impl Choice {
    /// Both engines, compared.
    pub(crate) const fn both() -> Self {
        Self { engine: Some(Name::Both), no_jit: false }
    }

    /// The engine that is asked for, else `otherwise`.
    pub(crate) fn name(self, otherwise: Name) -> Name {
        if self.no_jit { Name::Interpreter } else { self.engine.unwrap_or(otherwise) }
    }

    /// The engine for `plan`, machine code unless something else is asked for. Where there can be none, a warning says
    /// so.
    pub(crate) fn wire(self, plan: Plan) -> Result<Engine, Failure> {
        let plan = Arc::new(plan);
        let compiled = match self.name(Name::Jit) {
            Name::Interpreter => None,
            Name::Jit | Name::Both => match jit::Compiled::new(plan.clone()) {
                Ok(compiled) => Some(compiled),
                Err(why) => {
                    warn(&why)?;
                    None
                }
            },
        };
        let compares = self.name(Name::Jit) == Name::Both;
        Ok(Engine { plan, compiled, compares, differences: Differences::default() })
    }
}

/// Says that there is no machine code.
pub(crate) fn warn(why: &jit::Refused) -> Result<(), Failure> {
    Ok(writeln!(masked::stderr(), "pointsman: warning: {why}; the interpreter decides, which gives the same")?)
}

/// A plan with what decides by it.
#[derive(Debug)]
pub(crate) struct Engine {
    plan: Arc<Plan>,
    compiled: Option<jit::Compiled>,
    compares: bool,
    differences: Differences,
}

/// What the engines did not agree on.
#[derive(Debug, Default)]
struct Differences {
    /// Those that were not shown yet.
    told: Mutex<Vec<String>>,
    any: AtomicBool,
}

/// The most differences that are shown.
const SHOWN: usize = 20;

impl Engine {
    /// Whether the engines differed; the differences that were not shown yet are.
    pub(crate) fn verdict(&self) -> Result<Verdict, Failure> {
        self.differences.verdict()
    }
}

impl Differences {
    /// Whether the engines differed; the differences that were not shown yet are.
    fn verdict(&self) -> Result<Verdict, Failure> {
        if let Ok(mut differences) = self.told.lock() {
            for difference in differences.drain(..) {
                writeln!(masked::stderr(), "pointsman: the engines differ: {difference}")?;
            }
        }
        Ok(if self.any.load(Ordering::Relaxed) { Verdict::No } else { Verdict::Yes })
    }

    fn compare(&self, what: &dyn Display, interpreter: &Decided, jit: &Decided) {
        let (interpreter, jit) = (shown(interpreter), shown(jit));
        if interpreter == jit {
            return;
        }
        self.any.store(true, Ordering::Relaxed);
        if let Ok(mut differences) = self.told.lock()
            && differences.len() < SHOWN
        {
            differences.push(format!("{what}: the interpreter gives {interpreter}, machine code {jit}"));
        }
    }
}

impl Decide for Engine {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn decide(&self, kind: Kind, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let Some(compiled) = &self.compiled else { return self.plan.decide(kind, row, answers, scratch) };
        let decided = compiled.decide(kind, row, answers, scratch);
        if self.compares {
            self.differences.compare(&kind, &self.plan.decide(kind, row, answers, scratch), &decided);
        }
        decided
    }

    fn decide_setting(&self, place: usize, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        let interpreted = |scratch: &mut Scratch| self.plan.decide_setting(place, row, answers, scratch);
        let Some(compiled) = &self.compiled else { return interpreted(scratch) };
        let decided = compiled.decide_setting(place, row, answers, scratch);
        if self.compares {
            let setting = self.plan.settings.get(place).map_or("", |ruled| ruled.setting.key());
            self.differences.compare(&setting, &interpreted(scratch), &decided);
        }
        decided
    }
}

fn shown(decided: &Decided) -> String {
    match decided {
        Ok(chosen) => format!("{chosen:?}"),
        Err(otherwise) => match &**otherwise {
            Otherwise::Instead { chosen, of } => format!("{chosen:?} instead of {of:?}"),
            Otherwise::Stopped(stop) => stopped(stop),
            Otherwise::Unknown { value, rule } => format!("{value:?} by {rule:?}, which names nothing"),
        },
    }
}

fn stopped(stop: &Stop) -> String {
    match stop {
        Stop::Needs(lookup) => format!("needs {lookup}"),
        Stop::Failed(EvalError::Lookup(failed)) => failed.to_string(),
        Stop::Failed(error @ EvalError::TooLarge) => error.to_string(),
    }
}

/// The value of a block by one engine.
pub(crate) enum Program {
    /// The interpreter.
    Interpreter(Arc<Block>),
    /// Machine code.
    Jit(Box<jit::Program>),
}

impl Program {
    /// The interpreter for `block`.
    pub(crate) fn interpreter(block: &Arc<Block>) -> Self {
        Self::Interpreter(block.clone())
    }

    /// Machine code for `block`; the interpreter where there is none.
    pub(crate) fn jit(block: &Arc<Block>) -> Result<Self, Failure> {
        match jit::Program::compile(block.clone()) {
            Ok(program) => Ok(Self::Jit(Box::new(program))),
            Err(why) => {
                warn(&why)?;
                Ok(Self::interpreter(block))
            }
        }
    }

    /// Evaluates it.
    pub(crate) fn run(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Result<Decision, Stop> {
        match self {
            Self::Interpreter(block) => interpret::block_with(scratch, block, row, answers, &mut ()),
            Self::Jit(program) => program.run(row, answers, scratch),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::{Chosen, RuleId, StrategyId};

    use super::*;

    fn chosen(place: u32, rule: Option<u32>) -> Chosen {
        Chosen { id: StrategyId::at(place), rule: rule.map(RuleId::at) }
    }

    #[test]
    fn a_difference_between_the_engines_is_told_and_no_success() {
        let cases = [
            (chosen(1, Some(0)), Ok(chosen(1, Some(0))), Verdict::Yes),
            (chosen(1, Some(0)), Ok(chosen(2, Some(0))), Verdict::No),
            (chosen(1, Some(0)), Ok(chosen(1, None)), Verdict::No),
            (chosen(1, None), Err(Box::new(Otherwise::Stopped(Stop::Failed(EvalError::TooLarge)))), Verdict::No),
        ];
        for (interpreter, jit, expected) in cases {
            let differences = Differences::default();
            differences.compare(&Kind::Route, &Ok(interpreter), &jit);
            let told = differences.told.lock().map_or(0, |told| told.len());
            assert_eq!((differences.verdict().ok(), told), (Some(expected), usize::from(expected == Verdict::No)));
        }
    }
}
