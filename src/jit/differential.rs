//! Machine code against the interpreter, on programs that nobody thought of.

use std::sync::Arc;

use policy::{
    AllAnswers, Answers, Block, Choice, Decide, Decided, Decision, Kind, Lookup, Otherwise, Plan, Ruled, Scratch,
    Setting, Stop, StrategyId, Target, World, interpret,
    testing::{self, Choices, Chosen},
};

use crate::{
    Compiled, Program,
    code::FUNCTIONS_MAX,
    lower::broken::{BROKEN, Broken},
};

/// How many programs are made, and on how many rows each one is run: a million evaluations and more, and a fiftieth of
/// that where the build says that each takes long.
const PROGRAMS: u64 = if option_env!("POINTSMAN_SLOW").is_some() { 400 } else { 5_000 };
const ROWS: u64 = if option_env!("POINTSMAN_SLOW").is_some() { 50 } else { 200 };

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

/// Evaluates program after program until the engines differ.
fn first_difference(programs: u64, scratch: &mut Scratch) -> Option<u64> {
    (0..programs).find(|seed| {
        let block = Arc::new(testing::block(&mut Choices::Seed(*seed)));
        let program = Program::compile(block.clone()).expect("this machine is supported");
        (0..20).any(|row| {
            let (expected, found) = both(&block, &program, seed * ROWS + row, scratch);
            expected != found
        })
    })
}

#[test]
fn every_broken_lowering_is_noticed() {
    let mut scratch = Scratch::new();
    for way in Broken::ALL {
        BROKEN.set(Some(way));
        let seed = first_difference(PROGRAMS, &mut scratch).or_else(|| first_difference_of_plans(&mut scratch));
        BROKEN.set(None);
        let seed = seed.unwrap_or_else(|| panic!("{way:?} is not noticed"));
        println!("{way:?} differs at seed {seed}");
    }
}

#[test]
fn machine_code_agrees_with_the_interpreter() {
    let mut scratch = Scratch::new();
    let mut decided = 0;
    for seed in 0..PROGRAMS {
        let block = Arc::new(testing::block(&mut Choices::Seed(seed)));
        let program = Program::compile(block.clone()).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        for row in 0..ROWS {
            let facts = testing::facts(&mut Choices::Seed(seed * ROWS + row));
            decided += u64::from(program.decides(&facts.row(), &Answers::new(), &mut scratch));
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
    println!("{decided} of {} without the interpreter", PROGRAMS * ROWS);
}

const NAMES: [&str; 5] = ["local", "mx", "default", "relay-a", "relay-b"];

/// A plan of four blocks; most of them go on where a name is unknown, half of those with a strategy of its own.
fn plan(seed: u64) -> Plan {
    let mut choices = Choices::Seed(seed);
    let goes_on = choices.below(3);
    let mut choice = |fallback: &str| {
        let block = testing::named_block(&mut choices, &NAMES);
        let names = NAMES.iter().take(4).map(|name| Arc::from(*name));
        match goes_on {
            0 => Choice::new(block, names, None),
            1 => Choice::new(block, names, Some(fallback)),
            // It is called as a name is that a block may give, and which then must not lead to it.
            _ => Choice::new(block, names, None).with_built_in("relay-b"),
        }
    };
    let (route, schedule, connection, tls) = (choice("mx"), choice("default"), choice("default"), choice("default"));
    let local_routes = route.id("local").into_iter().collect();
    // In some plans rules choose settings, too, of which one piece of code does not hold all.
    let ruled = if seed.is_multiple_of(4) { Setting::ALL.get(..FUNCTIONS_MAX + 1).unwrap() } else { &[] };
    let settings = ruled.iter().map(|setting| Ruled::new(*setting, StrategyId::at(0), testing::block(&mut choices)));
    Plan { target: Target::STALWART_016, local_routes, route, schedule, connection, tls, settings: settings.collect() }
}

/// What a decision came to, and the question that it stops at.
fn told(decided: &Decided) -> (String, Option<Lookup>) {
    match decided {
        Ok(chosen) => (format!("{chosen:?}"), None),
        Err(otherwise) => match &**otherwise {
            Otherwise::Stopped(Stop::Needs(lookup)) => (format!("needs {lookup}"), Some(lookup.clone())),
            other => (format!("{other:?}"), None),
        },
    }
}

/// All decisions, each question answered until none is left; with the questions.
fn all(engine: &impl Decide, seed: u64, scratch: &mut Scratch) -> String {
    let facts = testing::facts(&mut Choices::Seed(seed));
    let row = facts.row();
    let mut world = Chosen::new(seed);
    let mut answers = AllAnswers::new();
    loop {
        let decisions = engine.decide_all(&row, &answers, scratch);
        let mut kinds = vec![(Kind::Route, &decisions.route), (Kind::Schedule, &decisions.schedule)];
        if let Some((connection, tls)) = &decisions.host {
            kinds.extend([(Kind::Connection, connection), (Kind::Tls, tls)]);
        }
        let mut is_answered = false;
        let mut said = Vec::new();
        for (kind, decided) in kinds {
            let (text, lookup) = told(decided);
            said.push(text);
            if let Some(answer) = lookup.and_then(|lookup| world.answer(&lookup)) {
                answers.get_mut(kind).push(answer);
                is_answered = true;
            }
        }
        if !is_answered {
            return format!("{said:?}; asked {:?}", world.asked);
        }
    }
}

/// What the rules of a setting come to, each question answered until none is left; with the questions.
fn set(engine: &impl Decide, place: usize, seed: u64, scratch: &mut Scratch) -> String {
    let facts = testing::facts(&mut Choices::Seed(seed));
    let row = facts.row();
    let mut world = Chosen::new(seed);
    let mut answers = Answers::new();
    loop {
        let decided = engine.decide_setting(place, &row, &answers, scratch);
        let (text, lookup) = told(&decided);
        let Some(answer) = lookup.and_then(|lookup| world.answer(&lookup)) else {
            let picked = engine.plan().settings[place].picked(decided);
            return format!("{text}, which is {picked:?}; asked {:?}", world.asked);
        };
        answers.push(answer);
    }
}

#[test]
fn compiled_plans_agree_with_the_interpreter() {
    let mut scratch = Scratch::new();
    for seed in 0..PROGRAMS / 10 {
        each_of_plan(seed, &mut scratch, |seed, jit, interpreter| assert_eq!(jit, interpreter, "seed {seed}"));
    }
}

/// What both engines come to by the plan of a seed, for each row.
fn each_of_plan(seed: u64, scratch: &mut Scratch, mut see: impl FnMut(u64, &str, &str)) {
    let plan = Arc::new(plan(seed));
    let compiled = Compiled::new(plan.clone()).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    for row in 0..ROWS {
        let seed = seed * ROWS + row;
        see(seed, &all(&compiled, seed, scratch), &all(&*plan, seed, scratch));
        for place in 0..plan.settings.len() {
            see(seed, &set(&compiled, place, seed, scratch), &set(&*plan, place, seed, scratch));
        }
    }
}

/// The first plan that the engines differ on.
fn first_difference_of_plans(scratch: &mut Scratch) -> Option<u64> {
    (0..PROGRAMS / 10).find(|seed| {
        let mut differs = false;
        each_of_plan(*seed, scratch, |_, jit, interpreter| differs |= jit != interpreter);
        differs
    })
}
