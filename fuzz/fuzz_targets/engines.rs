//! Machine code and the interpreter: the same values, errors and questions, on programs that the fuzzer chooses.

#![no_main]

use std::sync::Arc;

use jit::Program;
use libfuzzer_sys::fuzz_target;
use policy::{
    Decision, Scratch, interpret,
    testing::{self, Choices, Chosen},
};

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::Bytes(bytes);
    let block = Arc::new(testing::block(&mut choices));
    // What is too deep to be compiled is interpreted.
    let Ok(program) = Program::compile(block.clone()) else { return };
    let mut scratch = Scratch::new();
    for seed in 0..8 {
        let facts = testing::facts(&mut Choices::Seed(seed));
        let row = facts.row();
        let mut world = Chosen::new(seed);
        let shown = |decision: &Decision| format!("{:?} by {:?}", decision.value, decision.rule);
        let expected = testing::outcome(&mut world, |answers| interpret::block(&block, &row, answers, &mut ()), shown);
        let found = testing::outcome(&mut world, |answers| program.run(&row, answers, &mut scratch), shown);
        assert_eq!(found, expected);
    }
});
