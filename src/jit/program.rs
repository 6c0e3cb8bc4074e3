//! A block of rules, compiled: what gives a value.

use std::{ptr, sync::Arc};

use policy::{Answers, Block, Dag, Decision, Row, RuleId, Scratch, Stop, interpret};

use crate::{
    Refused,
    code::{self, Code},
    host::NEEDS_HOST,
    layout::Frame,
    lower::{self, HAS_STOPPED, NOT_DONE, Part},
};

/// A block of rules as machine code. It is `Send` and `Sync`; share it by `Arc`.
#[derive(Debug)]
pub struct Program {
    // Before what it reads: dropped first.
    code: Code,
    /// What the code holds addresses of.
    _dag: Arc<Dag>,
    block: Arc<Block>,
}

/// What the code came to; `None` where that is for the interpreter.
fn came_to(outcome: u64, frame: &Frame, stop: Option<Stop>) -> Option<Result<Decision, Stop>> {
    if outcome & NOT_DONE == 0 {
        // SAFETY: the code wrote the value, whose texts lie in the row, the block, the answers or the arena, all of
        // which are borrowed while this runs.
        let value = unsafe { frame.value(0) };
        return Some(Ok(Decision { value, rule: lower::rule(outcome).map(RuleId::index) }));
    }
    stop.filter(|_| outcome == HAS_STOPPED).map(Err)
}

impl Program {
    /// Compiles `block` for this machine.
    ///
    /// # Errors
    ///
    /// Where there is no machine code for it. The caller then keeps to [`interpret::block`], which answers the same.
    pub fn compile(block: Arc<Block>) -> Result<Self, Refused> {
        let dag = Arc::new(Dag::of(&block).map_err(|policy::dag::TooLarge| Refused::TooLarge)?);
        let code = Code::compile(&[&[Part::new(&dag, None)]])?;
        Ok(Self { code, _dag: dag, block })
    }

    /// The value of the block: the same as [`interpret::block`] gives.
    ///
    /// # Errors
    ///
    /// Where it needs an answer, or has no value.
    pub fn run(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Result<Decision, Stop> {
        let mut frame = Frame::new(ptr::null_mut());
        let outcome = self.code.run(0, row, ptr::from_ref(answers).cast(), &mut frame);
        let result = if outcome == lower::status(NEEDS_HOST) {
            let given = (ptr::from_ref(answers).cast(), [answers; 4]);
            self.code.run_with_host(0, row, given, scratch, came_to)
        } else {
            came_to(outcome, &frame, None)
        };
        result.unwrap_or_else(|| interpret::block(&self.block, row, answers, &mut ()))
    }

    /// Whether the code itself decides this row, or leaves it to the interpreter: tests ask, so that they compare what
    /// they mean to.
    #[must_use]
    pub fn decides(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> bool {
        let given = (ptr::from_ref(answers).cast(), [answers; 4]);
        self.code
            .run_with_host(0, row, given, scratch, |outcome, _, _| outcome & NOT_DONE == 0 || outcome == HAS_STOPPED)
    }

    /// The size of the machine code in bytes.
    #[must_use]
    pub const fn code_bytes(&self) -> usize {
        self.code.bytes()
    }

    /// The code of `block` as texts: Cranelift's IR, and the machine's instructions.
    ///
    /// # Errors
    ///
    /// As [`Self::compile`].
    pub fn texts(block: &Block) -> Result<(String, String), Refused> {
        let dag = Dag::of(block).map_err(|policy::dag::TooLarge| Refused::TooLarge)?;
        code::texts(&[Part::new(&dag, None)])
    }
}
