//! Hostile input: one mebibyte of everything that could make reading a policy slow, large or deep.
//!
//! Each generator's text goes through what `pointsman check` does, in a process of its own and in a thread with a
//! stack of 256 KiB; the process's own accounting says how much memory was the most. Printed per generator: bytes,
//! milliseconds, MiB, findings, milliseconds for
//! machine code. The last line sums up, and the exit code is 1 where a bound is not kept.
//!
//! ```text
//! cargo run --release --example hostile            # all
//! cargo run --release --example hostile -- NAME…   # some
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a measure reads the clock and starts processes of its own")]

use std::{process::Command, sync::Arc, time::Instant};

use pointsman::{
    config::{self, NoResources, Settings, resolve},
    document::{Source, render},
    jit::Compiled,
    policy::Target,
};

/// How large each text is.
const BYTES: usize = 1024 * 1024;
/// The bounds: milliseconds, MiB of the whole process, bytes of stack.
const MILLIS_MAX: u128 = 1_000;
const MEBIBYTES_MAX: u64 = 64;
const STACK: usize = 256 * 1024;
/// The stack of a thread that makes machine code: what a thread has that asks for nothing.
const CODE_STACK: usize = 2 * 1024 * 1024;

type Generator = (&'static str, &'static str, fn() -> String);

/// Name, file name, text.
const GENERATORS: &[Generator] = &[
    ("nested-parentheses", "a.toml", || route(&nested("(", "1", ")"))),
    ("nested-arrays", "a.toml", || route(&nested("[", "1", "]"))),
    ("nested-calls", "a.toml", || route(&nested("trim(", "rcpt", ")"))),
    ("nested-indexes", "a.toml", || route(&nested("recipients[", "0", "]"))),
    ("nested-if-then", "a.toml", || route(&nested("if_then(1, 'a', ", "'b'", ")"))),
    ("open-parentheses", "a.toml", || route(&"(".repeat(BYTES))),
    ("closing-parentheses", "a.toml", || route(&")".repeat(BYTES))),
    ("nots", "a.toml", || route(&("!".repeat(BYTES) + "1"))),
    ("minuses", "a.toml", || route(&("-".repeat(BYTES) + "1"))),
    ("long-or", "a.toml", || many_expressions(|n| repeat_to(&format!("rcpt_domain == 'd{n}.test' || "), 60_000) + "0")),
    ("long-sum", "a.toml", || many_expressions(|_| repeat_to("1+", 65_000) + "1")),
    ("long-text-sum", "a.toml", || many_expressions(|_| repeat_to("'a'+", 65_000) + "'b'")),
    ("long-array", "a.toml", || many_expressions(|_| format!("count([{}1])", repeat_to("1,", 65_000)))),
    ("all-levels-nested", "a.toml", || {
        many_expressions(|_| {
            let open = "1 || 1 && 1 ^ 1 == 1 < 1 + 1 * -(";
            format!("{}1{}", open.repeat(30), ")".repeat(30))
        })
    }),
    ("commas", "a.toml", || route(&",".repeat(BYTES))),
    ("operators", "a.toml", || many_expressions(|_| repeat_to("+*/==<>&&||", 65_000))),
    ("two-values", "a.toml", || many_expressions(|_| repeat_to("rcpt ", 65_000))),
    ("one-word", "a.toml", || route(&"x".repeat(BYTES))),
    ("one-number", "a.toml", || route(&"9".repeat(BYTES))),
    ("one-float", "a.toml", || many_expressions(|_| "1.".to_owned() + &"9".repeat(65_000))),
    ("backslashes", "a.toml", || route(&format!("'{}'", r"\\".repeat(BYTES / 2)))),
    ("unterminated-strings", "a.toml", || many_expressions(|_| repeat_to("'a + ", 65_000))),
    ("unknown-names", "a.toml", || many_expressions(|n| repeat_to(&format!("rcpt_domian{n} && "), 65_000) + "1")),
    ("unknown-functions", "a.toml", || many_expressions(|_| repeat_to("is_lokal_domain(rcpt) && ", 65_000) + "1")),
    ("sums-of-enumerations", "a.toml", || many_expressions(|_| repeat_to("source + last_error + ", 65_000) + "'x'")),
    ("rules", "a.toml", || rules(|n| format!("rcpt_domain == 'd{n}.test'"))),
    ("rules-with-regexes", "a.toml", || rules(|n| format!("matches('^a{n}(.*)@[a-z]+$', rcpt)"))),
    ("rules-with-errors", "a.toml", || rules(|n| format!("rcpt_domian == 'd{n}' &&"))),
    ("rules-of-regex-bombs", "a.toml", || {
        rules(|n| format!("matches('((a{{100}}){{100}}){{{}}}', rcpt)", n % 90 + 10))
    }),
    ("rules-of-word-classes", "a.toml", || rules(|n| format!(r"matches('\\w\\W\\d\\p{{L}}\\p{{Greek}}{n}', rcpt)"))),
    ("rules-of-folded-classes", "a.toml", || rules(|n| format!(r"matches('(?i)\\w+[^\\w]\\p{{Lu}}{n}', rcpt)"))),
    ("rules-of-counted-classes", "a.toml", || rules(|n| format!(r"matches('\\w{{{}}}', rcpt)", n % 900 + 90))),
    ("one-regex", "a.toml", || route(&format!("matches('{}', rcpt)", r"\\w".repeat(BYTES / 3)))),
    ("nested-regex", "a.toml", || {
        many_expressions(|_| format!("matches('{}{}', rcpt)", "(".repeat(2_000), ")".repeat(2_000)))
    }),
    ("indexed-rules", "a.toml", || {
        lines(|n| {
            format!("queue.strategy.route.{n:05}.if = \"size > {n}\"\nqueue.strategy.route.{n:05}.then = \"'mx'\"\n")
        })
    }),
    ("undefined-names", "a.toml", || {
        "[queue.route.mx]\ntype = \"mx\"\n".to_owned()
            + &rules_to(|n| format!("size > {n}"), |n| format!("'route-{n}'"))
    }),
    ("definitions", "a.toml", || lines(|n| format!("[queue.route.r{n}]\ntype = \"mx\"\n"))),
    ("definitions-with-errors", "a.toml", || lines(|n| format!("[queue.tls.t{n}]\ndane = \"maybe\"\nstartls = 1\n"))),
    ("schedules", "a.toml", || {
        lines(|n| format!("[queue.schedule.s{n}]\nqueue-name = \"q{n}\"\nretry = [\"1m\", \"x\"]\n"))
    }),
    ("limiters", "a.toml", || {
        lines(|_| "[[queue.limiter.outbound]]\nkey = \"mx\"\nrate = \"1/1s\"\nmatch = \"size > 1\"\n".to_owned())
    }),
    ("quotas", "a.toml", || lines(|n| format!("[[queue.quota]]\nmessages = {n}\nkey = [\"rcpt\", \"sender\"]\n"))),
    ("macros", "a.toml", || lines(|n| format!("[queue.route.r{n}]\ntype = \"relay\"\naddress = \"%{{env:A{n}}}%\"\n"))),
    ("one-huge-table", "a.toml", || lines(|n| format!("k{n} = {n}\n"))),
    ("table-headers", "a.toml", || lines(|n| format!("[a.b{n}]\n"))),
    ("repeated-header", "a.toml", || lines(|_| "[queue.strategy]\n".to_owned())),
    ("duplicate-keys", "a.toml", || lines(|_| "k = 1\n".to_owned())),
    ("tables-in-lists", "a.toml", || lines(|_| "[[a]]\n".to_owned())),
    ("interleaved-lists", "a.toml", || lines(|n| format!("[[a{}]]\n", n % 2))),
    ("dotted-key", "a.toml", || "a.".repeat(BYTES / 2) + "b = 1"),
    ("toml-arrays", "a.toml", || "a = ".to_owned() + &nested("[", "1", "]")),
    ("toml-inline-tables", "a.toml", || "a = ".to_owned() + &nested("{b=", "1", "}")),
    ("toml-number-array", "a.toml", || format!("a = [{}1]", "1,".repeat(BYTES / 2))),
    ("toml-open-strings", "a.toml", || lines(|n| format!("k{n} = \"\n"))),
    ("toml-bad-quoting", "a.toml", || lines(|n| format!("k{n} = \"a(\"b\", c)\"\n"))),
    ("toml-escapes", "a.toml", || format!("k = \"{}\"", "\\u0041".repeat(BYTES / 6))),
    ("toml-comments", "a.toml", || lines(|n| format!("# {n}\n"))),
    ("toml-blank", "a.toml", || "\r\n".repeat(BYTES / 2)),
    ("toml-equals", "a.toml", || "=".repeat(BYTES)),
    ("toml-one-line", "a.toml", || "a b ".repeat(BYTES / 4)),
    ("random-letters", "a.toml", || random(|bits| char::from(b' ' + (bits % 95) as u8))),
    ("random-signs", "a.toml", || {
        random(|bits| char::from(*b"[]{}\"'=.\na\\,".get(bits as usize % 12).unwrap_or(&b' ')))
    }),
    ("random-unicode", "a.toml", || random(|bits| char::from_u32(bits % 0x1_1000).unwrap_or('\u{fffd}'))),
    ("zero-bytes", "a.toml", || "\0".repeat(BYTES)),
    ("legacy-rules", "a.toml", || {
        let entries = repeat_to("{ if = \"rcpt-domain\", eq = \"corp.test\", then = \"r\" }, ", BYTES);
        format!(
            "[queue.outbound]\nnext-hop = [ {entries}{{ else = false }} ]\n[remote.r]\naddress = \"r\"\nport = 25\nprotocol = \"smtp\"\n"
        )
    }),
    ("legacy-groups", "a.toml", || {
        format!(
            "[queue.outbound]\nnext-hop = [ {} ]",
            nested("{ any-of = [", "{ if = \"rcpt-domain\", eq = \"a\" }", "] }")
        )
    }),
    ("legacy-lists", "a.toml", || format!("[list]\nl = [{}]", numbered(|n| format!("\"d{n}.test\","), BYTES))),
    ("json-arrays", "a.json", || nested("[", "1", "]")),
    ("json-objects", "a.json", || nested("{\"a\":", "1", "}")),
    ("json-open", "a.json", || "[".repeat(BYTES)),
    ("json-string", "a.json", || format!("\"{}\"", "x".repeat(BYTES))),
    ("json-escapes", "a.json", || format!("{{\"else\":\"{}\"}}", "\\u0041".repeat(BYTES / 6))),
    ("json-numbers", "a.json", || format!("[{}1]", "1,".repeat(BYTES / 2))),
    ("json-keys", "a.json", || format!("{{{}\"z\":1}}", numbered(|n| format!("\"k{n}\":{n},"), BYTES))),
    ("json-commas", "a.json", || format!("[{}]", ",".repeat(BYTES))),
    ("json-garbage", "a.json", || "{".to_owned() + &"\u{1}\"'x:".repeat(BYTES / 5)),
    ("json-rules", "a.json", || {
        let entries = numbered(|n| format!("\"{n}\":{{\"if\":\"size > {n}\",\"then\":\"'mx'\"}},"), BYTES);
        format!(
            "{{\"route\":{{\"match\":{{{entries}\"999999\":{{\"if\":\"1\",\"then\":\"'mx'\"}}}},\"else\":\"'mx'\"}}}}"
        )
    }),
    ("json-routes", "a.json", || {
        format!("[{}{{}}]", numbered(|n| format!("{{\"@type\":\"Mx\",\"name\":\"r{n}\"}},"), BYTES))
    }),
    ("json-method-calls", "a.json", || {
        let calls = numbered(
            |n| format!("[\"x:MtaRoute/set\",{{\"create\":{{\"a{n}\":{{\"@type\":\"Mx\"}}}}}},\"c\"],"),
            BYTES,
        );
        format!("{{\"methodCalls\":[{calls}[]]}}")
    }),
    ("ndjson-lines", "a.ndjson", || {
        lines(|n| {
            format!(
                "{{\"@type\":\"create\",\"object\":\"MtaVirtualQueue\",\"value\":{{\"q{n}\":{{\"name\":\"q{n}\"}}}}}}\n"
            )
        })
    }),
    ("ndjson-bad-lines", "a.ndjson", || lines(|_| "{\"a\":\n".to_owned())),
];

/// A 2025 policy whose route is one expression.
fn route(expression: &str) -> String {
    let mut expression = expression.to_owned();
    expression.truncate(BYTES);
    format!("queue.strategy.route = \"{expression}\"")
}

/// `open` and `close` around `inner`, as often as a mebibyte holds.
fn nested(open: &str, inner: &str, close: &str) -> String {
    let times = BYTES / (open.len() + close.len());
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

fn repeat_to(text: &str, bytes: usize) -> String {
    text.repeat(bytes / text.len())
}

/// `item` of 0, 1, 2, … until `bytes` are full.
fn numbered(item: impl Fn(usize) -> String, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 256);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&item(number));
    }
    text
}

fn lines(line: impl Fn(usize) -> String) -> String {
    numbered(line, BYTES)
}

/// Rules whose conditions and outcomes are long expressions.
fn many_expressions(expression: impl Fn(usize) -> String) -> String {
    let entries = numbered(|n| format!("{{ if = \"{}\", then = \"'mx'\" }}, ", expression(n)), BYTES);
    format!("queue.strategy.route = [ {entries}{{ else = \"'mx'\" }} ]")
}

fn rules(condition: impl Fn(usize) -> String) -> String {
    rules_to(condition, |_| "'mx'".to_owned())
}

fn rules_to(condition: impl Fn(usize) -> String, outcome: impl Fn(usize) -> String) -> String {
    let entries = numbered(|n| format!("{{ if = \"{}\", then = \"{}\" }}, ", condition(n), outcome(n)), BYTES);
    format!("[queue.strategy]\nroute = [ {entries}{{ else = \"'mx'\" }} ]")
}

/// Characters from a fixed sequence of pseudo-random bits (xorshift).
fn random(character: impl Fn(u32) -> char) -> String {
    let mut state = 0x9e37_79b9_u32;
    let mut text = String::with_capacity(BYTES + 4);
    while text.len() < BYTES {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        text.push(character(state));
    }
    text
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = names.as_slice()
        && flag == "--one"
    {
        return one(name);
    }
    let chosen = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let program = std::env::current_exe().expect("the running program has a path");
    println!("{:28} {:>9} {:>6} {:>7} {:>8} {:>8}", "generator", "bytes", "ms", "MiB", "findings", "code ms");
    let (mut count, mut slowest, mut code, mut peak, mut crashes) = (0, 0, 0, 0, 0);
    for (name, _, _) in GENERATORS.iter().filter(|(name, _, _)| chosen(name)) {
        count += 1;
        let output = Command::new(&program).args(["--one", name]).output().expect("the running program can be started");
        let figures = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut fields = figures.split_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
        let (Some(bytes), Some(millis), Some(kibibytes), Some(findings), Some(compile), true) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), output.status.success())
        else {
            crashes += 1;
            println!(
                "{name:28} crashed: {}",
                String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no word")
            );
            continue;
        };
        let mebibytes = kibibytes.div_ceil(1024);
        let over = u128::from(millis.max(compile)) > MILLIS_MAX || mebibytes > MEBIBYTES_MAX;
        let over = if over { "  OVER" } else { "" };
        println!("{name:28} {bytes:9} {millis:6} {mebibytes:7} {findings:8} {compile:8}{over}");
        slowest = slowest.max(u128::from(millis));
        code = code.max(u128::from(compile));
        peak = peak.max(mebibytes);
    }
    println!("generators={count} slowest_ms={slowest} code_ms={code} peak_mib={peak} crashes={crashes}");
    if crashes > 0 || slowest.max(code) > MILLIS_MAX || peak > MEBIBYTES_MAX {
        std::process::exit(1);
    }
}

/// Runs one generator in this process and prints its figures: bytes, ms, KiB, findings.
fn one(name: &str) {
    let generator = GENERATORS.iter().find(|(known, _, _)| *known == name);
    let (_, file, text) = generator.copied().expect("the name is one of the list");
    let text = text();
    let bytes = text.len();
    let check = move || {
        let start = Instant::now();
        let source = Source::new(file, text);
        let loaded = config::load(&source, None, &NoResources);
        let report = render::text(&source, &loaded.findings, render::Colour::Never);
        let json = render::json(&[(&source, &loaded.findings)]);
        assert!(loaded.findings.is_empty() || !report.is_empty() && !json.is_empty());
        let findings = loaded.findings.len() + loaded.findings.omitted();
        (start.elapsed().as_millis(), findings, loaded.settings)
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(check).expect("a thread can be started");
    let (millis, findings, settings) = thread.join().expect("checking does not panic");
    let peak = peak_kibibytes();
    let compile = settings.map_or(0, |settings| {
        let compile = move || compiled(&settings);
        let thread =
            std::thread::Builder::new().stack_size(CODE_STACK).spawn(compile).expect("a thread can be started");
        thread.join().expect("compiling does not panic")
    });
    println!("{bytes} {millis} {peak} {findings} {compile}");
}

/// How long making machine code took, in milliseconds, whether there is any in the end or not.
fn compiled(settings: &Settings) -> u128 {
    let Ok(plan) = resolve::plan(settings, Target::STALWART_016) else { return 0 };
    let start = Instant::now();
    let compiled = Compiled::new(Arc::new(plan));
    if let Err(why) = compiled {
        eprintln!("{why}");
    }
    start.elapsed().as_millis()
}

/// The most memory that this process has had resident, from the kernel's accounting.
fn peak_kibibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}
