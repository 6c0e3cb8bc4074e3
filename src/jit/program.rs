//! A block of rules, compiled: what gives a value.

use std::sync::Arc;

use policy::{Answers, Block, Dag, Decision, Row, Scratch, Stop, interpret};

use crate::{
    Refused,
    code::{self, Code},
    host::{DONE, STOPPED},
    lower::Part,
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

impl Program {
    /// Compiles `block` for this machine.
    ///
    /// # Errors
    ///
    /// Where there is no machine code for it. The caller then keeps to [`interpret::block`], which answers the same.
    pub fn compile(block: Arc<Block>) -> Result<Self, Refused> {
        let dag = Arc::new(Dag::of(&block).map_err(|policy::dag::TooLarge| Refused::TooLarge)?);
        let part = Part { dag: &dag, choice: None, last: &[] };
        let code = Code::compile(&[vec![part]])?;
        Ok(Self { code, _dag: dag, block })
    }

    /// The value of the block: the same as [`interpret::block`] gives.
    ///
    /// # Errors
    ///
    /// Where it needs an answer, or has no value.
    pub fn run(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Result<Decision, Stop> {
        let (status, frame, stop) = self.code.run(0, row, [answers; 4], scratch);
        match status {
            DONE => {
                let leaf = (frame.decided[0] >> 32) as usize;
                // SAFETY: where the outcome is no strategy's name, the code wrote the value; its texts lie in the row,
                // the block, the answers or the arena, all of which are borrowed here.
                let value = unsafe { frame.value(0) };
                Ok(Decision { value, rule: (leaf < self.block.rules().len()).then_some(leaf) })
            }
            STOPPED => match stop {
                Some(stop) => Err(stop),
                None => interpret::block(&self.block, row, answers, &mut ()),
            },
            _ => interpret::block(&self.block, row, answers, &mut ()),
        }
    }

    /// Whether the code itself decides this row, or leaves it to the interpreter: tests ask, so that they compare what
    /// they mean to.
    #[must_use]
    pub fn decides(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> bool {
        matches!(self.code.run(0, row, [answers; 4], scratch).0, DONE | STOPPED)
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
        code::texts(&[Part { dag: &dag, choice: None, last: &[] }])
    }
}
