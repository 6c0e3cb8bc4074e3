//! Deliveries per second in a dry run, on one core, and the memory that queued messages take.
//!
//! So many messages are handed in, a thousand a second, to a thousand domains; every host defers what it gets until the
//! last of them was handed in, and takes it then. So each message is tried twice, and all of them are in the queue at
//! once. The load at any moment is the same for every count, so that twice the messages tell what the number of queued
//! messages costs. A line is `messages=… seconds=… deliveries_per_s=…
//! attempts_per_s=… bytes_per_queued_message=…`; the memory is what the process grew by until its peak, by the number of
//! messages, the scenario's own share taken off. What happened is passed on
//! and not kept.
//!
//! Then 20,000 messages are handed in at once, and taken at once; with a rate limit in front of each of them, in every way
//! in which a limit may stand in front of all, and without. A line is
//! `limit=… target=… messages=20000 seconds=… seconds_without=… ratio=…`.
//!
//! `cargo bench --bench simulate`, or `cargo bench --bench simulate -- COUNT…`; `-- limits` measures the limits only.

#![expect(clippy::disallowed_methods, reason = "a bench measures time, and looks at its own process")]
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops where it is wrong"
)]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded")]

use std::{fmt::Write as _, time::Instant};

use pointsman::{
    base::{Mailbox, Millis},
    config::{self, NoResources, resolve, strategies::strategies},
    delivery::Status,
    document::Source,
    policy::Target,
    scenario::{
        Environment, Message, Scenario, World,
        world::{Answer, Host, HostReply, Span, Stage, StartTls},
        zone::Zone,
    },
    simulate::{self, Keep, Setup},
};

const DOMAINS: usize = 1_000;

/// How many messages are handed in a second: the last of the most within the twenty minutes of the policy's retry.
const PER_SECOND: usize = 1_000;

const POLICY: &str = r#"
[queue.strategy]
route = "'mx'"
schedule = "'default'"
connection = "'default'"
tls = "'default'"
[queue.route.mx]
type = "mx"
[queue.schedule.default]
queue-name = "default"
retry = ["20m"]
notify = ["1d"]
expire = "2d"
[queue.virtual.default]
threads-per-node = 1000
[queue.connection.default]
timeout.connect = "30s"
[queue.tls.default]
starttls = "optional"
"#;

/// The limits, by what they are counted by; a domain's messages have a limit of their own, and all of them one of theirs.
const LIMITS: [(&str, &str); 5] = [
    ("sender", "key = [\"sender\"]"),
    ("all", "key = []"),
    ("domain", "key = [\"rcpt_domain\"]"),
    ("conditional", "key = [\"sender_domain\"]\nmatch = \"ends_with(sender, 'home.example') && size > 10\""),
    ("behind-another", "key = [\"sender\"]\nrate = \"100000/1h\"\nenable = true\n[[queue.limiter.outbound]]\nkey = []"),
];

/// How many messages stand behind a limit.
const LIMITED: usize = 20_000;

/// How many domains they are for.
const LIMITED_DOMAINS: usize = 4;

fn main() {
    let is_limits = std::env::args().any(|argument| argument == "limits");
    for target in [Target::STALWART_016, Target::STALWART_015, Target::Native] {
        let without = limited(target, "");
        for (name, limit) in LIMITS {
            let rate = if name == "domain" { "5/4m" } else { "5/1m" };
            let limit = format!("[[queue.limiter.outbound]]\n{limit}\nrate = \"{rate}\"\nenable = true\n");
            let with = limited(target, &limit);
            println!(
                "limit={name} target={target} messages={LIMITED} seconds={with:.2} seconds_without={without:.2} ratio={:.2}",
                with / without
            );
        }
    }
    if is_limits {
        return;
    }
    let counts: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![100_000, 200_000, 500_000, 1_000_000] } else { counts };
    for count in counts {
        measure(count);
    }
}

fn measure(count: usize) {
    let source = Source::new("policy.toml", POLICY.to_owned());
    let loaded = config::load(&source, None, &NoResources);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.findings));
    let plan = resolve::plan(&settings, Target::STALWART_016).unwrap();
    let strategies = strategies(&settings, &plan);
    let (scenario, world) = scenario(count);
    let before = resident();
    let begun = Instant::now();
    let life =
        simulate::run(Setup::new(&scenario, &world, &plan, &strategies), &mut Environment::default(), Keep::Outcomes);
    let seconds = begun.elapsed().as_secs_f64();
    let delivered =
        life.recipients.values().flatten().filter(|recipient| matches!(recipient.status, Status::Delivered(_)));
    assert_eq!(delivered.count(), count, "every message is delivered");
    let per_message = peak().saturating_sub(before) as f64 / count as f64;
    let per_second = count as f64 / seconds;
    println!(
        "messages={count} seconds={seconds:.2} deliveries_per_s={per_second:.0} attempts_per_s={:.0} bytes_per_queued_message={per_message:.0}",
        per_second * 2.0
    );
}

/// The seconds that a run takes in which every message is taken at once, as far as these limits let it through.
fn limited(target: Target, limits: &str) -> f64 {
    let source = Source::new(
        "policy.toml",
        format!("{}{limits}", POLICY.replace("\"2d\"", "\"30d\"").replace("\"1d\"", "\"40d\"")),
    );
    let loaded = config::load(&source, None, &NoResources);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.findings));
    let plan = resolve::plan(&settings, target).unwrap();
    let strategies = strategies(&settings, &plan);
    let (mut scenario, mut world) = scenario(LIMITED);
    world.hosts.values_mut().for_each(|host| host.replies.clear());
    for (number, message) in scenario.messages.iter_mut().enumerate() {
        message.at = Millis(0);
        message.recipients = vec![Mailbox::parse(&format!("user{number}@d{}.test", number % LIMITED_DOMAINS)).unwrap()];
    }
    let once = || {
        let begun = Instant::now();
        let setup = Setup::new(&scenario, &world, &plan, &strategies);
        let life = simulate::run(setup, &mut Environment::default(), Keep::Outcomes);
        let seconds = begun.elapsed().as_secs_f64();
        let mut all = life.recipients.values().flatten();
        assert!(all.all(|recipient| matches!(recipient.status, Status::Delivered(_))), "every message is delivered");
        seconds
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn scenario(count: usize) -> (Scenario, World) {
    let mut zone = String::new();
    let mut world = World::default();
    let last = Millis((count * 1_000 / PER_SECOND) as u64);
    let reply = HostReply {
        stage: Stage::Rcpt,
        reply: Answer::Reply(451, "4.7.1 later".to_owned()),
        skip: 0,
        times: None,
        rcpt: None,
        source_ip: None,
        closes: false,
        span: Span { from: Millis(0), until: last },
    };
    for number in 0..DOMAINS {
        writeln!(zone, "d{number}.test. IN A 198.51.{}.{}", number / 250, number % 250 + 1).unwrap();
        let host = Host { starttls: StartTls::Absent, replies: vec![reply.clone()], ..Host::default() };
        world.hosts.insert(format!("d{number}.test"), host);
    }
    world.zone = Zone::parse(&zone).0;
    let message = |number: usize| Message {
        id: format!("m{number}"),
        at: Millis((number * 1_000 / PER_SECOND) as u64),
        sender: Mailbox::parse("alice@home.example").unwrap(),
        recipients: vec![Mailbox::parse(&format!("user{number}@d{}.test", number % DOMAINS)).unwrap()],
        size: 4_096,
        ..Message::default()
    };
    (Scenario { messages: (0..count).map(message).collect(), ..Scenario::default() }, world)
}

/// Bytes of this process in memory now.
fn resident() -> u64 {
    status("VmRSS:")
}

/// The most there were.
fn peak() -> u64 {
    status("VmHWM:")
}

fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
