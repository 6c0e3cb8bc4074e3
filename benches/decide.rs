//! Decisions per second: machine code, the interpreter, and Rust written by hand, on the same recipients.
//!
//! Each workload is decided for 10,000 different recipients in random order: in a fixed order the branch predictor
//! learns the answers. The engines take turns, round by round, and the median counts; their answers are compared
//! first. The time of machine code and of the interpreter includes filling the row with the columns that the plan
//! reads; that of native does not, as it reads the recipient itself. What is remembered of the world is the same for
//! all.
//!
//! A line is `workload=… jit_ns=… interpreter_ns=… native_ns=… ratio=…`, where native is the fastest of the forms
//! written by hand, which follow on the same line, and the ratio is machine code's time to native's. Compile times are
//! from the typed IR, the median and that of the first compilation, which brings the compiler into memory.
//!
//! Where native takes less than half or more than twice what such code was measured to take elsewhere, the line says
//! `comparable=no`: the machine is another, or busy, and the ratios say little.
//!
//! `cargo bench --bench decide`, or `cargo bench --bench decide -- NAME` for the workloads whose name holds NAME.

#![expect(clippy::disallowed_methods, reason = "a bench measures time")]
#![expect(clippy::panic, clippy::print_stdout, reason = "a bench prints, and stops where it is wrong")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "what is made here is known; what is written by hand is written as one would"
)]

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Instant};

use pointsman::{
    base::{Findings, MappedText, TextRange},
    jit::Compiled,
    policy::{
        AllAnswers, Block, BlockText, Choice, Compiler, Decide, Decided, Edition, Kind, Plan, Row, RuleText, Scope,
        Scratch, Target, Value, Variable, VariableSet, Wanted, WrongType,
    },
};

const RECIPIENTS: usize = 10_000;
const ROUNDS: usize = 9;
const CALLS: usize = 200_000;

/// What the fastest form written by hand took on a machine that is known, in nanoseconds.
const USUAL_NS: [(&str, f64); 7] = [
    ("default_four", 13.3),
    ("default_route", 6.2),
    ("equality_10", 17.0),
    ("equality_100", 15.7),
    ("equality_1000", 16.9),
    ("equality_10000", 21.9),
    ("mixed_200", 134.0),
];

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let workloads: [(&str, Make); 8] = [
        ("default_four", |name| default_four().run(name)),
        ("default_route", |name| default_route().run(name)),
        ("equality_10", |name| equality(10).run(name)),
        ("equality_100", |name| equality(100).run(name)),
        ("equality_1000", |name| equality(1_000).run(name)),
        ("equality_10000", |name| equality(10_000).run(name)),
        ("mixed_200", |name| mixed().run(name)),
        ("computed_name", |name| computed().run(name)),
    ];
    for (name, make) in workloads.into_iter().filter(|(name, _)| name.contains(&filter)) {
        make(name);
    }
}

type Make = fn(&str);

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, pool: &[&'a T]) -> &'a T {
        pool[self.below(pool.len())]
    }
}

/// One recipient, as Rust written by hand has it: what is asked most in one line of the cache, so that what is measured
/// is the decision and not the memory.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
struct Recipient {
    is_local: bool,
    retry_num: i64,
    source: &'static str,
    last_error: &'static str,
    domain: Box<str>,
    rcpt: Box<str>,
    sender: Box<str>,
    size: i64,
}

type Native = Box<dyn Fn(&Recipient) -> u64>;

/// Fills columns of a row, as delivery does from a queued message. Each workload has code of its own for it, as its
/// forms written by hand are.
trait Fill: for<'a> Fn(&mut Row<'a>, &'a Recipient) -> Result<(), WrongType> {}

impl<F: for<'a> Fn(&mut Row<'a>, &'a Recipient) -> Result<(), WrongType>> Fill for F {}

fn filling<F: for<'a> Fn(&mut Row<'a>, &'a Recipient) -> Result<(), WrongType>>(fill: F) -> impl Fill {
    fill
}

struct Workload<F> {
    plan: Arc<Plan>,
    /// Fills the columns that the plan reads.
    fill: F,
    /// `None` where all four are decided in one call.
    kind: Option<Kind>,
    recipients: Vec<Recipient>,
    natives: Vec<(&'static str, Native)>,
    /// Whether each kind of decision asks for a local domain first.
    asks: Vec<Kind>,
}

impl<F: Fill> Workload<F> {
    fn run(self, name: &str) {
        let compile = || {
            let begun = Instant::now();
            let compiled = Compiled::new(self.plan.clone()).unwrap();
            (begun.elapsed().as_micros(), compiled)
        };
        // The first also brings the compiler itself into memory.
        let (first_compile, compiled) = compile();
        let mut compiles: Vec<u128> = (0..ROUNDS).map(|_| compile().0).collect();
        compiles.sort_unstable();
        let compile = compiles[ROUNDS / 2];
        let kinds = Kind::ALL.iter().filter(|kind| self.kind.is_none_or(|only| only == **kind));
        let reads = kinds.fold(VariableSet::NONE, |all, kind| all.union(compiled.dag(*kind).reads()));
        // There are two answers, as `is_local` has two values in what the native forms read.
        let answers = [false, true].map(|is_local| self.answers(is_local));
        let asks = !self.asks.is_empty();
        let (mut row, mut scratch) = (Row::new(), Scratch::new());
        (self.fill)(&mut row, &self.recipients[0]).unwrap();
        let is_right = Variable::ALL.iter().all(|variable| row.is_set(*variable) == reads.has(*variable));
        assert!(is_right, "{name}: what is filled is what the plan reads");
        let mut decide = |engine: &dyn Decide, at: usize| -> u64 {
            let recipient = &self.recipients[at];
            (self.fill)(&mut row, recipient).unwrap();
            let answers = &answers[usize::from(asks && recipient.is_local)];
            ids(engine, self.kind, &row, answers, &mut scratch)
        };
        for (at, recipient) in self.recipients.iter().enumerate() {
            let expected = decide(&*self.plan, at);
            assert_eq!(decide(&compiled, at), expected, "{recipient:?}");
            for (form, native) in &self.natives {
                assert_eq!(native(recipient), expected, "{name} {form} {recipient:?}");
            }
        }
        let mut random = Random(1);
        let order: Vec<usize> = (0..CALLS).map(|_| random.below(RECIPIENTS)).collect();
        let (mut jit, mut interpreter) = (Vec::new(), Vec::new());
        let mut natives: Vec<Vec<f64>> = vec![Vec::new(); self.natives.len()];
        for _ in 0..ROUNDS {
            for (times, (_, native)) in natives.iter_mut().zip(&self.natives) {
                times.push(time(&order, |at| native(&self.recipients[at])));
            }
            jit.push(time(&order, |at| decide(&compiled, at)));
            interpreter.push(time(&order[..CALLS / 100], |at| decide(&*self.plan, at)));
        }
        let natives: Vec<(&str, f64)> =
            self.natives.iter().zip(natives).map(|((form, _), times)| (*form, median(times))).collect();
        let native = natives.iter().map(|(_, time)| *time).fold(f64::INFINITY, f64::min);
        let (jit, interpreter) = (median(jit), median(interpreter));
        let forms: Vec<String> = natives.iter().map(|(form, time)| format!("native_{form}_ns={time:.1}")).collect();
        let is_comparable = USUAL_NS
            .iter()
            .find(|(usual, _)| *usual == name)
            .is_none_or(|(_, usual)| (usual / 2.0..=usual * 2.0).contains(&native));
        let comparable = if is_comparable { "yes" } else { "no" };
        println!(
            "workload={name} jit_ns={jit:.1} interpreter_ns={interpreter:.1} native_ns={native:.1} ratio={:.2} {} comparable={comparable} compile_us={compile} first_compile_us={first_compile} code_bytes={}",
            jit / native,
            forms.join(" "),
            compiled.code_bytes(),
        );
    }

    fn answers(&self, is_local: bool) -> AllAnswers {
        let mut answers = AllAnswers::new();
        for kind in &self.asks {
            answers.get_mut(*kind).push(Ok(Value::truth(is_local)));
        }
        answers
    }
}

/// The strategies in one number, 16 bits each.
#[inline]
fn ids(engine: &dyn Decide, kind: Option<Kind>, row: &Row<'_>, answers: &AllAnswers, scratch: &mut Scratch) -> u64 {
    let id = |decided: &Decided| decided.as_ref().map_or(0xffff, |chosen| chosen.id.index() as u64);
    if let Some(kind) = kind {
        return id(&engine.decide(kind, row, answers.get(kind), scratch));
    }
    let decisions = engine.decide_all(row, answers, scratch);
    let host = decisions.host.as_ref();
    let (connection, tls) = host.map_or((0xffff, 0xffff), |(connection, tls)| (id(connection), id(tls)));
    id(&decisions.route) | id(&decisions.schedule) << 16 | connection << 32 | tls << 48
}

fn time(order: &[usize], mut decide: impl FnMut(usize) -> u64) -> f64 {
    let begun = Instant::now();
    let mut sum = 0_u64;
    for at in order {
        sum = sum.wrapping_add(decide(black_box(*at)));
    }
    black_box(sum);
    begun.elapsed().as_nanos() as f64 / order.len() as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn block(rules: &[(String, String)], otherwise: &str) -> Block {
    let text = |text: &str| MappedText::verbatim(text, 0);
    let rules = rules.iter().map(|(condition, outcome)| RuleText {
        condition: text(condition),
        outcome: text(outcome),
        range: TextRange::default(),
    });
    let block =
        BlockText { rules: rules.collect(), otherwise: Some(text(otherwise)), otherwise_range: TextRange::default() };
    let mut findings = Findings::new();
    let compiled = Compiler::new(Edition::Objects2026).block(&block, Scope::TLS, Wanted::Name, &mut findings);
    compiled.unwrap_or_else(|| panic!("{findings:?}"))
}

fn choice(rules: &[(String, String)], otherwise: &str, names: &[String], fallback: &str) -> Choice {
    Choice::new(block(rules, otherwise), names.iter().map(|name| Arc::from(&**name)), Some(fallback))
}

fn plain(name: &str) -> Choice {
    choice(&[], &format!("'{name}'"), &[name.to_owned()], name)
}

fn owned(rules: &[(&str, &str)]) -> Vec<(String, String)> {
    rules.iter().map(|(condition, outcome)| ((*condition).to_owned(), (*outcome).to_owned())).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const SOURCES: [&str; 5] = ["authenticated", "unauthenticated", "dsn", "report", "autogenerated"];
const ERRORS: [&str; 6] = ["none", "dns", "connection", "tls", "unexpected-reply", "io"];

fn recipients(random: &mut Random, domain: impl Fn(&mut Random) -> String) -> Vec<Recipient> {
    let make = |number: usize| {
        let domain = domain(random);
        Recipient {
            rcpt: format!("user{number}@{domain}").into(),
            domain: domain.into(),
            sender: format!("sender{}@home{}.example", random.below(5_000), random.below(50)).into(),
            source: random.of(&SOURCES),
            last_error: random.of(&ERRORS),
            retry_num: random.below(4) as i64,
            size: (random.below(60_000) * 100) as i64,
            is_local: random.below(3) == 0,
        }
    };
    (0..RECIPIENTS).map(make).collect()
}

fn any_domain(random: &mut Random) -> String {
    format!("host{}.dest{}.example", random.below(100), random.below(3_000))
}

/// The policy that a fresh server of 0.13 to 0.15 has.
fn default_plan() -> Plan {
    let route = choice(&owned(&[("is_local_domain(rcpt_domain)", "'local'")]), "'mx'", &names(&["local", "mx"]), "mx");
    let schedule = choice(
        &owned(&[
            ("is_local_domain(rcpt_domain)", "'local'"),
            ("source == 'dsn'", "'dsn'"),
            ("source == 'report'", "'report'"),
        ]),
        "'remote'",
        &names(&["local", "dsn", "report", "remote"]),
        "remote",
    );
    let connection = choice(
        &owned(&[("retry_num > 0 && last_error == 'connection'", "'long-timeout'")]),
        "'default'",
        &names(&["default", "long-timeout"]),
        "default",
    );
    let tls = choice(
        &owned(&[("retry_num > 0 && last_error == 'tls'", "'invalid-tls'")]),
        "'default'",
        &names(&["default", "invalid-tls"]),
        "default",
    );
    let local_routes = route.id("local").into_iter().collect();
    Plan { target: Target::STALWART_016, local_routes, route, schedule, connection, tls, settings: Vec::new() }
}

fn native_route(recipient: &Recipient) -> u64 {
    u64::from(!recipient.is_local)
}

fn native_schedule(recipient: &Recipient) -> u64 {
    match recipient.source {
        _ if recipient.is_local => 0,
        "dsn" => 1,
        "report" => 2,
        _ => 3,
    }
}

fn native_connection(recipient: &Recipient) -> u64 {
    u64::from(recipient.retry_num > 0 && recipient.last_error == "connection")
}

fn native_tls(recipient: &Recipient) -> u64 {
    u64::from(recipient.retry_num > 0 && recipient.last_error == "tls")
}

fn default_four() -> Workload<impl Fill> {
    let mut random = Random(2);
    let four = |recipient: &Recipient| {
        let (route, schedule) = (native_route(recipient), native_schedule(recipient));
        let host =
            if recipient.is_local { 0xffff_ffff } else { native_connection(recipient) | native_tls(recipient) << 16 };
        route | schedule << 16 | host << 32
    };
    let pointers: [fn(&Recipient) -> u64; 4] = [native_route, native_schedule, native_connection, native_tls];
    let by_pointer = move |recipient: &Recipient| {
        let [route, schedule, connection, tls] = black_box(pointers);
        let (route, schedule) = (route(recipient), schedule(recipient));
        let host = if recipient.is_local { 0xffff_ffff } else { connection(recipient) | tls(recipient) << 16 };
        route | schedule << 16 | host << 32
    };
    let fused = |recipient: &Recipient| {
        if recipient.is_local {
            return 0xffff_ffff_0000_0000;
        }
        let schedule = match recipient.source.as_bytes() {
            b"dsn" => 1,
            b"report" => 2,
            _ => 3,
        };
        let (connection, tls) = match recipient.last_error.as_bytes() {
            _ if recipient.retry_num <= 0 => (0, 0),
            b"connection" => (1, 0),
            b"tls" => (0, 1),
            _ => (0, 0),
        };
        1 | schedule << 16 | connection << 32 | tls << 48
    };
    Workload {
        plan: Arc::new(default_plan()),
        kind: None,
        fill: filling(|row, recipient| {
            row.set_text(Variable::Source, recipient.source)?;
            row.set_text(Variable::LastError, recipient.last_error)?;
            row.set_text(Variable::RcptDomain, &recipient.domain)?;
            row.set_int(Variable::RetryNum, recipient.retry_num)
        }),
        recipients: recipients(&mut random, any_domain),
        natives: vec![("match", Box::new(four)), ("pointers", Box::new(by_pointer)), ("fused", Box::new(fused))],
        asks: vec![Kind::Route, Kind::Schedule],
    }
}

type Asks = fn(&Recipient) -> bool;

/// A route block of a few rules.
fn default_route() -> Workload<impl Fill> {
    let mut random = Random(3);
    let route = choice(
        &owned(&[
            ("source == 'dsn'", "'bounces'"),
            ("retry_num > 1 && last_error == 'connection'", "'relay'"),
            ("rcpt_domain == 'corp.test'", "'local'"),
        ]),
        "'mx'",
        &names(&["mx", "local", "relay", "bounces"]),
        "mx",
    );
    let plan = Plan { route, ..default_plan() };
    let domain = |random: &mut Random| if random.below(4) == 0 { "corp.test".to_owned() } else { any_domain(random) };
    let by_match = |recipient: &Recipient| match recipient.source {
        "dsn" => 3,
        _ if recipient.retry_num > 1 && recipient.last_error == "connection" => 2,
        _ if &*recipient.domain == "corp.test" => 1,
        _ => 0,
    };
    let by_table = |recipient: &Recipient| {
        let rules: [(Asks, u64); 3] = [
            (|recipient| recipient.source == "dsn", 3),
            (|recipient| recipient.retry_num > 1 && recipient.last_error == "connection", 2),
            (|recipient| &*recipient.domain == "corp.test", 1),
        ];
        black_box(rules).iter().find(|(rule, _)| rule(recipient)).map_or(0, |(_, id)| *id)
    };
    let without_branches = |recipient: &Recipient| {
        let dsn = recipient.source.as_bytes() == b"dsn";
        let relay = (recipient.retry_num > 1) & (recipient.last_error.as_bytes() == b"connection");
        let local = recipient.domain.as_bytes() == b"corp.test";
        if dsn {
            3
        } else if relay {
            2
        } else {
            u64::from(local)
        }
    };
    Workload {
        plan: Arc::new(plan),
        kind: Some(Kind::Route),
        fill: filling(|row, recipient| {
            row.set_text(Variable::Source, recipient.source)?;
            row.set_text(Variable::LastError, recipient.last_error)?;
            row.set_text(Variable::RcptDomain, &recipient.domain)?;
            row.set_int(Variable::RetryNum, recipient.retry_num)
        }),
        recipients: recipients(&mut random, domain),
        natives: vec![
            ("match", Box::new(by_match)),
            ("table", Box::new(by_table)),
            ("flags", Box::new(without_branches)),
        ],
        asks: Vec::new(),
    }
}

/// So many equality rules on the domain, in twenty routes; a recipient in ten is in none.
fn equality(count: usize) -> Workload<impl Fill> {
    let mut random = Random(4);
    let domain = |number: usize| format!("mail{number}.dest{}.example", number * 7 % 1_000);
    let relays: Vec<String> = (0..20).map(|number| format!("relay{number}")).collect();
    let rules: Vec<(String, String)> = (0..count)
        .map(|number| (format!("rcpt_domain == '{}'", domain(number)), format!("'relay{}'", number % 20)))
        .collect();
    let all: Vec<String> = std::iter::once("mx".to_owned()).chain(relays).collect();
    let plan = Plan {
        route: choice(&rules, "'mx'", &all, "mx"),
        local_routes: BTreeSet::default(),
        schedule: plain("default"),
        connection: plain("default"),
        tls: plain("default"),
        settings: Vec::new(),
        target: Target::STALWART_016,
    };
    let pick =
        |random: &mut Random| if random.below(10) == 0 { any_domain(random) } else { domain(random.below(count)) };
    let entries: Vec<(String, u64)> = (0..count).map(|number| (domain(number), number as u64 % 20 + 1)).collect();
    #[expect(clippy::disallowed_types, reason = "it is what is measured against")]
    let map: std::collections::HashMap<String, u64, rustc_hash::FxBuildHasher> = entries.iter().cloned().collect();
    let by_map = move |recipient: &Recipient| map.get(&*recipient.domain).copied().unwrap_or(0);
    let mut sorted = entries.clone();
    sorted.sort();
    let by_halves = move |recipient: &Recipient| {
        sorted.binary_search_by(|(domain, _)| domain.as_str().cmp(&recipient.domain)).map_or(0, |found| sorted[found].1)
    };
    let mut natives: Vec<(&'static str, Native)> =
        vec![("fxhashmap", Box::new(by_map)), ("sorted", Box::new(by_halves))];
    if count <= 100 {
        let by_line = move |recipient: &Recipient| {
            entries.iter().find(|(domain, _)| **domain == *recipient.domain).map_or(0, |(_, id)| *id)
        };
        natives.push(("chain", Box::new(by_line)));
    }
    Workload {
        plan: Arc::new(plan),
        kind: Some(Kind::Route),
        fill: filling(|row, recipient| row.set_text(Variable::RcptDomain, &recipient.domain)),
        recipients: recipients(&mut random, pick),
        natives,
        asks: Vec::new(),
    }
}

/// Two hundred rules of five kinds, by turns.
fn mixed() -> Workload<impl Fill> {
    let mut random = Random(5);
    let mut rules = Vec::new();
    for number in 0..40_usize {
        let relay = |kind: usize| format!("'relay{}'", kind * 4 + number % 4);
        rules.push((format!("ends_with(rcpt_domain, '.corp{number}.example')"), relay(0)));
        rules.push((format!("starts_with(rcpt, 'list{number}-')"), relay(1)));
        rules.push((format!("contains(sender, '+tag{number}+')"), relay(2)));
        rules.push((format!("size > {}", 100_000_000 - number * 1_000_000), relay(3)));
        rules.push((format!(r"matches('^bounce{number}-[0-9]+@', rcpt)"), relay(4)));
    }
    let all: Vec<String> =
        std::iter::once("mx".to_owned()).chain((0..20).map(|number| format!("relay{number}"))).collect();
    let plan = Plan {
        route: choice(&rules, "'mx'", &all, "mx"),
        local_routes: BTreeSet::default(),
        schedule: plain("default"),
        connection: plain("default"),
        tls: plain("default"),
        settings: Vec::new(),
        target: Target::STALWART_016,
    };
    let mut recipients = recipients(&mut random, any_domain);
    for recipient in &mut recipients {
        match random.below(8) {
            0 => recipient.domain = format!("mx.corp{}.example", random.below(60)).into(),
            1 => recipient.rcpt = format!("list{}-users@{}", random.below(60), recipient.domain).into(),
            2 => recipient.sender = format!("news+tag{}+x@home.example", random.below(60)).into(),
            3 => recipient.size = 60_000_000 + random.below(40) as i64 * 1_000_000,
            4 => {
                recipient.rcpt =
                    format!("bounce{}-{}@{}", random.below(60), random.below(1_000), recipient.domain).into();
            }
            _ => {}
        }
    }
    let number_behind = |text: &str, front: &str, back: char| -> Option<usize> {
        let digits = text.strip_prefix(front)?.split_once(back)?.0;
        if digits.is_empty() || digits.len() > 2 || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        digits.parse().ok().filter(|number| *number < 40)
    };
    let id = |kind: usize, number: usize| (kind * 4 + number % 4 + 1) as u64;
    // Tables: a label before `.example`, prefixes by their number, one automaton for the parts, a threshold, and one
    // regular expression behind its literal.
    let parts: Vec<String> = (0..40).map(|number| format!("+tag{number}+")).collect();
    let automaton = aho_corasick::AhoCorasick::new(&parts).unwrap();
    let regexes: Vec<regex::Regex> =
        (0..40).map(|number| regex::Regex::new(&format!("^bounce{number}-[0-9]+@")).unwrap()).collect();
    let indexed = move |recipient: &Recipient| {
        let mut first = (usize::MAX, 0);
        let mut offer = |kind: usize, number: usize| first = first.min((number * 5 + kind, id(kind, number) as usize));
        if let Some(rest) = recipient.domain.strip_suffix(".example") {
            let label = rest.rsplit('.').next().unwrap_or_default();
            if label.len() < rest.len()
                && let Some(digits) = label.strip_prefix("corp")
                && digits.len() <= 2
                && (digits.len() == 1 || !digits.starts_with('0'))
                && let Ok(number) = digits.parse::<usize>()
                && number < 40
            {
                offer(0, number);
            }
        }
        if let Some(number) = number_behind(&recipient.rcpt, "list", '-') {
            offer(1, number);
        }
        for found in automaton.find_overlapping_iter(&*recipient.sender) {
            offer(2, found.pattern().as_usize());
        }
        // The first rule whose bound the size exceeds.
        let least = (0..40_usize).find(|number| recipient.size > 100_000_000 - *number as i64 * 1_000_000);
        if recipient.size > 61_000_000
            && let Some(number) = least
        {
            offer(3, number);
        }
        if let Some(number) = number_behind(&recipient.rcpt, "bounce", '-')
            && regexes[number].is_match(&recipient.rcpt)
        {
            offer(4, number);
        }
        first.1 as u64
    };
    let regexes: Vec<regex::Regex> =
        (0..40).map(|number| regex::Regex::new(&format!("^bounce{number}-[0-9]+@")).unwrap()).collect();
    let suffixes: Vec<String> = (0..40).map(|number| format!(".corp{number}.example")).collect();
    let prefixes: Vec<String> = (0..40).map(|number| format!("list{number}-")).collect();
    let chain = move |recipient: &Recipient| {
        for number in 0..40 {
            if recipient.domain.ends_with(&suffixes[number]) {
                return id(0, number);
            }
            if recipient.rcpt.starts_with(&prefixes[number]) {
                return id(1, number);
            }
            if recipient.sender.contains(&parts[number]) {
                return id(2, number);
            }
            if recipient.size > 100_000_000 - number as i64 * 1_000_000 {
                return id(3, number);
            }
            if regexes[number].is_match(&recipient.rcpt) {
                return id(4, number);
            }
        }
        0
    };
    // One automaton over each text, with what stands at its ends.
    let general = general_index();
    Workload {
        plan: Arc::new(plan),
        kind: Some(Kind::Route),
        fill: filling(|row, recipient| {
            row.set_text(Variable::Rcpt, &recipient.rcpt)?;
            row.set_text(Variable::RcptDomain, &recipient.domain)?;
            row.set_text(Variable::Sender, &recipient.sender)?;
            row.set_int(Variable::Size, recipient.size)
        }),
        recipients,
        natives: vec![("indexed", Box::new(indexed)), ("chain", Box::new(chain)), ("general", Box::new(general))],
        asks: Vec::new(),
    }
}

/// The same by tables that know nothing of how the texts were made: hashes of suffixes at dots and of prefixes at
/// dashes, an automaton, a sorted list of bounds, a set of regular expressions behind their prefix.
fn general_index() -> impl Fn(&Recipient) -> u64 {
    #[expect(clippy::disallowed_types, reason = "it is what is measured against")]
    type Map = std::collections::HashMap<String, usize, rustc_hash::FxBuildHasher>;
    let suffixes: Map = (0..40).map(|number| (format!(".corp{number}.example"), number)).collect();
    let prefixes: Map = (0..40).map(|number| (format!("list{number}-"), number)).collect();
    let guards: Map = (0..40).map(|number| (format!("bounce{number}-"), number)).collect();
    let automaton = aho_corasick::AhoCorasick::new((0..40).map(|number| format!("+tag{number}+"))).unwrap();
    let regexes: Vec<regex::Regex> =
        (0..40).map(|number| regex::Regex::new(&format!("^bounce{number}-[0-9]+@")).unwrap()).collect();
    let bounds: Vec<i64> = (0..40).map(|number| 100_000_000 - (39 - number) * 1_000_000).collect();
    move |recipient| {
        let mut first = (usize::MAX, 0);
        let mut offer =
            |kind: usize, number: usize| first = first.min((number * 5 + kind, (kind * 4 + number % 4 + 1) as u64));
        for (at, _) in recipient.domain.match_indices('.') {
            if let Some(number) = suffixes.get(&recipient.domain[at..]) {
                offer(0, *number);
            }
        }
        if let Some(at) = recipient.rcpt.find('-') {
            let front = &recipient.rcpt[..=at];
            if let Some(number) = prefixes.get(front) {
                offer(1, *number);
            }
            if let Some(number) = guards.get(front)
                && regexes[*number].is_match(&recipient.rcpt)
            {
                offer(4, *number);
            }
        }
        for found in automaton.find_overlapping_iter(&*recipient.sender) {
            offer(2, found.pattern().as_usize());
        }
        let below = bounds.partition_point(|bound| *bound < recipient.size);
        if below > 0 {
            offer(3, 40 - below);
        }
        first.1
    }
}

/// A name that only a run can tell.
fn computed() -> Workload<impl Fill> {
    let mut random = Random(6);
    let all: Vec<String> =
        std::iter::once("mx".to_owned()).chain(SOURCES.iter().map(|source| format!("relay-{source}"))).collect();
    let plan = Plan {
        route: choice(&owned(&[("retry_num > 0", "'relay-' + source")]), "'mx'", &all, "mx"),
        local_routes: BTreeSet::default(),
        schedule: plain("default"),
        connection: plain("default"),
        tls: plain("default"),
        settings: Vec::new(),
        target: Target::STALWART_016,
    };
    #[expect(clippy::disallowed_types, reason = "it is what is measured against")]
    let map: std::collections::HashMap<String, u64, rustc_hash::FxBuildHasher> =
        all.iter().enumerate().map(|(number, name)| (name.clone(), number as u64)).collect();
    let joined = move |recipient: &Recipient| {
        if recipient.retry_num > 0 { map.get(&format!("relay-{}", recipient.source)).copied().unwrap_or(0) } else { 0 }
    };
    Workload {
        plan: Arc::new(plan),
        kind: Some(Kind::Route),
        fill: filling(|row, recipient| {
            row.set_text(Variable::Source, recipient.source)?;
            row.set_int(Variable::RetryNum, recipient.retry_num)
        }),
        recipients: recipients(&mut random, any_domain),
        natives: vec![("joined", Box::new(joined))],
        asks: Vec::new(),
    }
}
