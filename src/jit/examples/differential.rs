//! Machine code against the interpreter, as many programs as there is time for.
//!
//! ```text
//! cargo run --release -p jit --example differential -- FIRST PROGRAMS
//! ```
//!
//! The programs of the seeds from FIRST on, each on 200 rows of facts: values, errors and questions to the world, in
//! order. Prints `programs=… evaluations=… differences=…`; the exit code is 1 where there are differences, which are
//! printed with their seeds.

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jit::Program;
use policy::{
    Decision, Scratch, interpret,
    testing::{self, Choices, Chosen},
};

const ROWS: u64 = 200;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Some(Ok(first)), Some(Ok(programs))) = (arguments.next(), arguments.next()) else {
        println!("usage: differential FIRST PROGRAMS");
        return ExitCode::from(2);
    };
    let (next, differences) = (AtomicU64::new(first), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = Scratch::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + programs {
                        break;
                    }
                    differences.fetch_add(compared(seed, &mut scratch), Ordering::Relaxed);
                }
            });
        }
    });
    let differences = differences.load(Ordering::Relaxed);
    println!("programs={programs} evaluations={} differences={differences}", programs * ROWS);
    ExitCode::from(u8::from(differences > 0))
}

/// The differences of one program.
fn compared(seed: u64, scratch: &mut Scratch) -> u64 {
    let block = Arc::new(testing::block(&mut Choices::Seed(seed)));
    let program = match Program::compile(block.clone()) {
        Ok(program) => program,
        Err(why) => {
            println!("seed {seed}: {why}");
            return ROWS;
        }
    };
    let mut differences = 0;
    for number in 0..ROWS {
        let row_seed = seed.wrapping_mul(ROWS).wrapping_add(number);
        let facts = testing::facts(&mut Choices::Seed(row_seed));
        let row = facts.row();
        let mut world = Chosen::new(row_seed);
        let shown = |decision: &Decision| format!("{:?} by {:?}", decision.value, decision.rule);
        let expected = testing::outcome(&mut world, |answers| interpret::block(&block, &row, answers, &mut ()), shown);
        let found = testing::outcome(&mut world, |answers| program.run(&row, answers, scratch), shown);
        if found != expected {
            println!("seed {seed}, row {number}: machine code gives {found}, the interpreter {expected}");
            differences += 1;
        }
    }
    differences
}
