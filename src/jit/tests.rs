//! Machine code against the interpreter, on programs that nobody thought of.

use std::sync::Arc;

use policy::{
    Block, Decision, interpret,
    testing::{self, Choices, Chosen},
};

use crate::{Program, Scratch};

/// How many programs are made, and on how many rows each one is run.
const PROGRAMS: u64 = 2_000;
const ROWS: u64 = 60;

fn shown(decision: &Decision) -> String {
    // Debug tells 1 from 1.0 and -0.0 from 0.0.
    format!("{:?} by {:?}", decision.value, decision.rule)
}

/// What both engines say of one row.
fn both(block: &Block, program: &Program, seed: u64, scratch: &mut Scratch) -> (String, String) {
    let facts = testing::facts(&mut Choices::Seed(seed));
    let row = facts.row();
    let mut world = Chosen::new(seed);
    let expected = testing::outcome(&mut world, |answers| interpret::block(block, &row, answers, &mut ()), shown);
    let found = testing::outcome(&mut world, |answers| program.run(&row, answers, scratch), shown);
    (expected, found)
}

#[test]
fn machine_code_agrees_with_the_interpreter() {
    let mut scratch = Scratch::new();
    for seed in 0..PROGRAMS {
        let block = Arc::new(testing::block(&mut Choices::Seed(seed)));
        let program = Program::compile(block.clone()).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        for row in 0..ROWS {
            let (expected, found) = both(&block, &program, seed * ROWS + row, &mut scratch);
            assert_eq!(
                found,
                expected,
                "seed {seed}, row {row}\n{}\n{}",
                policy::ir_text::write(&policy::ir_text::IrText::Block((*block).clone())),
                policy::Dag::of(&block).unwrap()
            );
        }
    }
}
