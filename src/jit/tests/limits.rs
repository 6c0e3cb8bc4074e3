//! What is too large is refused, what is as large as allowed is compiled, and the interpreter serves meanwhile.

mod common;

use std::sync::{Arc, Barrier};

use common::{Rules, block, owned, plan};
use jit::{Compiled, Program, Refused, Serving, limits};
use policy::{AllAnswers, Decide, Facts, Kind, Scratch, Value, Variable, Wanted};

/// Questions that no search answers together.
fn questions(count: usize) -> Rules {
    (0..count).map(|number| (format!("size * {} == retry_num", number + 2), "'mx'".to_owned())).collect()
}

/// A chain of so many subtractions has one operation less, as a single one is part of its question.
fn operations(count: usize) -> Rules {
    const EACH: usize = 50;
    let mut rules = Rules::new();
    let mut left = count;
    while left > 0 {
        let these = left.min(EACH);
        left -= these;
        let steps: String = (0..=these).map(|step| format!(" - {}", step + rules.len())).collect();
        rules.push((format!("size{steps} == 0"), "'mx'".to_owned()));
    }
    rules
}

/// A variable is one level deep, each step and each comparison one more; a bracket may hold two steps.
fn depth(levels: usize) -> Rules {
    let steps = levels - 2;
    let innermost = if steps.is_multiple_of(2) { "size".to_owned() } else { "(1 - size)".to_owned() };
    let value = (0..steps / 2).fold(innermost, |inner, _| format!("(1 - 2 * {inner})"));
    vec![(format!("{value} == 1"), "'mx'".to_owned())]
}

/// Each call, which is asked twice, keeps eight values: what it is given, what that is built of, and what it gives.
fn stack_values(count: usize) -> Rules {
    let calls = (0..count / 8).map(|number| format!("len(rcpt + '{number}')"));
    calls.map(|call| (format!("{call} == size || {call} == retry_num"), "'mx'".to_owned())).collect()
}

#[test]
fn what_is_too_large_is_refused_and_what_is_not_is_compiled() {
    type Make = fn(usize) -> Rules;
    let cases: [(&str, Make, usize, usize); 4] = [
        ("questions", questions, limits::QUESTIONS_MAX, 1),
        ("operations", operations, limits::OPERATIONS_MAX, 1),
        ("depth", depth, limits::DEPTH_MAX, 1),
        ("stack values", stack_values, limits::STACK_VALUES_MAX as usize, 8),
    ];
    for (name, make, most, step) in cases {
        let compile = |count: usize| Program::compile(Arc::new(block(&make(count), "'mx'", Wanted::Value)));
        assert!(compile(most).is_ok(), "{most} {name}");
        assert!(matches!(compile(most + step), Err(Refused::TooLarge)), "{} {name}", most + step);
    }
}

#[test]
fn the_interpreter_serves_until_the_code_is_ready_and_where_there_is_none() {
    let facts = Facts::new().with(Variable::RcptDomain, Value::text("corp.test")).with(Variable::Size, Value::Int(1));
    let (row, answers) = (facts.row(), AllAnswers::new());
    let decide = |serving: &Serving| {
        let decisions = serving.decide_all(&row, &answers, &mut Scratch::new());
        let single = serving.decide(Kind::Route, &row, answers.get(Kind::Route), &mut Scratch::new());
        let rule = |decided: &policy::Decided| policy::taken(decided).and_then(|chosen| chosen.rule);
        assert_eq!(rule(&decisions.route), rule(&single));
        rule(&single).map(policy::RuleId::index)
    };
    let small = Serving::new(Arc::new(plan(&owned(&[("rcpt_domain == 'corp.test'", "'local'")]), "'mx'")));
    assert!(small.compiled().is_none());
    assert_eq!(decide(&small), Some(0));
    // Others go on deciding while one thread compiles.
    let begin = Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                begin.wait();
                while small.compiled().is_none() {
                    assert_eq!(decide(&small), Some(0));
                }
                assert_eq!(decide(&small), Some(0));
            });
        }
        begin.wait();
        small.compile().unwrap();
    });
    let first: *const Compiled = small.compiled().unwrap();
    assert!(std::ptr::eq(first, small.compile().unwrap()), "it is compiled once");
    let mut rules = questions(limits::QUESTIONS_MAX + 1);
    rules.insert(5, ("rcpt_domain == 'corp.test'".to_owned(), "'local'".to_owned()));
    let large = Serving::new(Arc::new(plan(&rules, "'mx'")));
    assert!(matches!(large.compile(), Err(Refused::TooLarge)));
    assert!(large.compiled().is_none());
    assert_eq!(decide(&large), Some(5));
}
