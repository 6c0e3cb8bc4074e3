//! What machine code takes of a machine: no allocation for a decision, no page that is writable and executable, and
//! nothing that is left behind when a policy is replaced.

#![expect(clippy::disallowed_methods, reason = "a test looks at its own process, and runs threads")]

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use common::{Rules, block, owned, plan};
use jit::{Compiled, Program};
use policy::{AllAnswers, Answers, Decide, Facts, Kind, Scratch, Value, Variable, Wanted};

/// Counts what each thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn facts(number: i64) -> Facts {
    let domain = ["corp.test", "dest.example", "a.very.long.domain.that.is.longer.than.a.key.example", "d7.example"];
    let of =
        |pool: &[&'static str]| pool.iter().cycle().nth(usize::try_from(number).unwrap_or(0)).copied().unwrap_or("");
    let domain = of(&domain);
    Facts::new()
        .with(Variable::Rcpt, Value::text(format!("User+{number}@{domain}")))
        .with(Variable::RcptDomain, Value::text(domain))
        .with(Variable::Recipients, Value::list(vec![Value::text("a@corp.test"), Value::text("b@corp.test")]))
        .with(Variable::Sender, Value::text("sender@home.example"))
        .with(Variable::Source, Value::text(of(&["dsn", "report"])))
        .with(Variable::LastError, Value::text("tls"))
        .with(Variable::RetryNum, Value::Int(number % 3))
        .with(Variable::Size, Value::Int(number * 100))
}

#[test]
fn a_decision_allocates_nothing_once_warm() {
    let many: Vec<(String, String)> =
        (0..100).map(|number| (format!("rcpt_domain == 'd{number}.example'"), "'local'".to_owned())).collect();
    let mixed: Vec<(String, String)> = (0..40)
        .flat_map(|number| {
            owned(&[
                (&format!("ends_with(rcpt_domain, '.x{number}.example')"), "'local'"),
                (&format!("starts_with(rcpt, 'x{number}-')"), "'local'"),
                (&format!("contains(sender, '+x{number}+')"), "'local'"),
                (&format!("matches('^User.{number}-[0-9]+@', rcpt)"), "'local'"),
                (&format!("size > {}", 1_000_000 + number), "'local'"),
            ])
        })
        .collect();
    let policies: [(&str, Rules, &str); 8] = [
        ("remembered answer", owned(&[("is_local_domain(rcpt_domain)", "'local'")]), "'mx'"),
        ("equality", many, "'mx'"),
        ("mixed", mixed, "'mx'"),
        ("captures", owned(&[(r"matches('^(.*)@(.*)$', rcpt) && $2 == 'corp.test'", "$2")]), "'mx'"),
        ("computed name", owned(&[("retry_num > 0", "'relay-' + source")]), "'mx'"),
        ("functions of texts", owned(&[("email_part(to_lowercase(rcpt), 'local') == 'user+4'", "'local'")]), "'mx'"),
        (
            "arrays",
            owned(&[("contains(split(rcpt, '@'), 'corp.test')", "'local'"), ("count(recipients) > 1", "'mx'")]),
            "'mx'",
        ),
        (
            "numbers",
            owned(&[("is_ip_in_cidr('192.0.2.1', '192.0.2.0/24') && hash(rcpt, 'md5') == ''", "'local'")]),
            "'mx'",
        ),
    ];
    for (name, rules, otherwise) in policies {
        let compiled = Compiled::new(Arc::new(plan(&rules, otherwise))).unwrap();
        let facts: Vec<Facts> = (0..50).map(facts).collect();
        let rows: Vec<_> = facts.iter().map(Facts::row).collect();
        let mut answers = AllAnswers::new();
        answers.get_mut(Kind::Route).push(Ok(Value::Int(1)));
        let mut scratch = Scratch::new();
        let mut count = 0;
        for round in 0..4 {
            let before = ALLOCATIONS.get();
            for row in &rows {
                let decisions = compiled.decide_all(row, &answers, &mut scratch);
                assert!(decisions.route.is_ok(), "{name}");
                assert!(compiled.decide(Kind::Route, row, answers.get(Kind::Route), &mut scratch).is_ok());
            }
            count = ALLOCATIONS.get() - before;
            println!("{name}: {count} allocations in round {round}");
        }
        assert_eq!(count, 0, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_page_is_writable_and_executable() {
    let rules: Vec<(String, String)> =
        (0..300).map(|number| (format!("size > {number} && retry_num == {number}"), "'local'".to_owned())).collect();
    let programs: Vec<Program> =
        (0..8).map(|_| Program::compile(Arc::new(block(&rules, "'mx'", Wanted::Value))).unwrap()).collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let flags = maps.lines().filter_map(|line| line.split_whitespace().nth(1));
    let (mut executable, mut both) = (0, 0);
    for flags in flags {
        executable += u32::from(flags.contains('x'));
        both += u32::from(flags.contains('x') && flags.contains('w'));
    }
    assert!(executable > 8 && programs.len() == 8, "the code is there");
    assert_eq!(both, 0, "{maps}");
}

/// The resident memory of this process in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}

/// Reloads of one policy while eight threads evaluate it. Each answer comes from exactly one of the two policies.
#[cfg(target_os = "linux")]
#[test]
fn reloading_leaves_nothing_behind() {
    const RELOADS: u64 = 10_000;
    const GROWTH_MAX: u64 = 16 * 1024 * 1024;
    // Each policy gives its own name in both of its rules.
    let make = |name: &str| {
        let rules = owned(&[("size >= 0 && rcpt_domain == 'corp.test'", &format!("'{name}'"))]);
        Arc::new(block(&rules, &format!("'{name}'"), Wanted::Value))
    };
    let blocks = [make("even"), make("odd")];
    let current = Mutex::new((0_u64, Arc::new(Program::compile(blocks[0].clone()).unwrap())));
    let (is_over, decided) = (AtomicBool::new(false), AtomicU64::new(0));
    let (before, after) = std::thread::scope(|scope| {
        for number in 0..8 {
            let (current, is_over, decided) = (&current, &is_over, &decided);
            scope.spawn(move || {
                let facts = facts(number);
                let (row, answers, mut scratch) = (facts.row(), Answers::new(), Scratch::new());
                while !is_over.load(Ordering::Relaxed) {
                    let (generation, program) = current.lock().unwrap().clone();
                    for _ in 0..100 {
                        let value = program.run(&row, &answers, &mut scratch).unwrap().value;
                        let expected = if generation % 2 == 0 { "'even'" } else { "'odd'" };
                        assert_eq!(value.to_string(), expected);
                    }
                    decided.fetch_add(100, Ordering::Relaxed);
                }
            });
        }
        let reload = |generation: u64| {
            let program = Program::compile(blocks[usize::from(generation % 2 == 1)].clone()).unwrap();
            *current.lock().unwrap() = (generation, Arc::new(program));
        };
        // What the first reloads take stays with the allocator.
        (1..=RELOADS / 20).for_each(reload);
        let before = resident();
        (RELOADS / 20 + 1..=RELOADS).for_each(reload);
        let after = resident();
        is_over.store(true, Ordering::Relaxed);
        (before, after)
    });
    println!("{RELOADS} reloads, {} decisions, {before} to {after} bytes", decided.load(Ordering::Relaxed));
    assert!(decided.load(Ordering::Relaxed) > 0 && before > 0);
    assert!(after < before + GROWTH_MAX, "{before} to {after} bytes");
}
