//! Whoever waits for a rate stands in line, and is woken when there is room: what comes of it is what would come of being
//! woken at the end of each window.

use std::fmt::Write as _;

use pointsman::{
    document::Source,
    policy::Target,
    scenario::{self, NoFiles},
    simulate::{self, Keep, Life, Setup, timeline::timelines},
};

use crate::explore::policy;

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Limits of every kind that may stand behind each other.
const LIMITS: [&str; 9] = [
    "key = [\"sender\"]",
    "key = []",
    "key = [\"rcpt_domain\"]",
    "key = [\"rcpt\"]",
    "key = [\"mx\"]",
    "key = [\"sender_domain\"]\nmatch = \"size > 5000\"",
    "key = []\nmatch = \"last_error != 'rate'\"",
    "key = [\"rcpt_domain\"]\nmatch = \"retry_num > 0\"",
    "key = [\"sender\"]\nmatch = \"queue_age < 900\"",
];

/// A policy and a scenario in which much waits. There are more threads than messages: where all of them are taken, those in
/// line are looked at together when the first of them is, and without lines one after the other.
fn case(seed: u64) -> (String, String) {
    let mut dice = Dice(seed);
    let (threads, expire) = ([90, 300][dice.below(2) as usize], [20, 45, 200][dice.below(3) as usize]);
    let local = ["'mx'", "[{ if = \"is_local_domain('', rcpt_domain)\", then = \"'local'\" }, { else = \"'mx'\" }]"];
    let asks = dice.below(2) == 0;
    let mut policy = format!(
        "[queue.strategy]\nroute = {}\nschedule = \"'default'\"\nconnection = \"'default'\"\ntls = \"'default'\"\n\
         [queue.route.mx]\ntype = \"mx\"\nip-lookup = \"ipv4_only\"\n[queue.route.local]\ntype = \"local\"\n\
         [queue.schedule.default]\nqueue-name = \"default\"\nretry = [\"3m\", \"7m\"]\nnotify = [\"11m\", \"50m\"]\n\
         expire = \"{expire}m\"\n[queue.virtual.default]\nthreads-per-node = {threads}\n[queue.connection.default]\n\
         timeout.connect = \"30s\"\n[queue.tls.default]\nstarttls = \"optional\"\nmta-sts = \"disable\"\n\
         dane = \"disable\"\n",
        if asks { local[1].to_owned() } else { format!("\"{}\"", local[0]) },
    );
    for _ in 0..=dice.below(3) {
        let limit = LIMITS[dice.below(LIMITS.len() as u64) as usize];
        let (count, period) = (1 + dice.below(9), 1 + dice.below(6));
        writeln!(policy, "[[queue.limiter.outbound]]\n{limit}\nrate = \"{count}/{period}m\"\nenable = true").unwrap();
    }
    let mut scenario = format!(
        "seed = {seed}\nlength = \"4h\"\n[environment]\nlocal_domains = [\"d0.test\"]\n[world]\nzone = \"\"\"\nd0.test. IN A 198.51.100.1\n\
         d1.test. IN A 198.51.100.2\nd2.test. IN A 198.51.100.3\n\"\"\"\n[world.host.\"d1.test\"]\nstarttls = \"absent\"\n\
         latency = \"{}ms\"\n[[world.host.\"d1.test\".reply]]\nstage = \"rcpt\"\nreply = \"451 4.7.1 later\"\n\
         until = \"13m\"\n",
        7 + dice.below(2) * 4_000,
    );
    for number in 0..5 + dice.below(60) {
        let at = dice.below(900_000) | 1;
        let (sender, domain) = (dice.below(3), dice.below(3));
        let size = dice.below(10_000);
        write!(
            scenario,
            "[[message]]\nid = \"m{number}\"\nat = \"{at}ms\"\nsender = \"s{sender}@home.example\"\nsize = {size}\n\
             recipients = [\"a{number}@d{domain}.test\"{}]\n",
            // Whoever has more to ask comes later to a limit, and who comes first then depends on who is asked at all.
            if !asks && dice.below(5) == 0 { ", \"b@d1.test\", \"c@d2.test\"" } else { "" },
        )
        .unwrap();
    }
    (policy, scenario)
}

/// Everything that is told of a run, and how often recipients waited for each limiter.
fn told(seed: u64, target: Target, wakes_each: bool) -> (Vec<String>, String, usize) {
    let (text, scenario) = case(seed);
    let (plan, strategies) = policy(&text, target);
    let (scenario, findings) = scenario::read(&Source::new("case.scenario.toml", scenario), &NoFiles);
    let scenario = scenario.unwrap_or_else(|| panic!("{findings:?}"));
    assert!(!findings.has_errors(), "{findings:?}");
    let world = scenario.world.clone().unwrap();
    let setup = Setup { wakes_each, ..Setup::new(&scenario, &world, &plan, &strategies) };
    let life: Life = simulate::run(setup, &mut scenario.environment.clone(), Keep::Events);
    assert_eq!(simulate::violations(setup, &life), [], "{seed} {target}");
    let life_of = |timeline: &simulate::Timeline| {
        // The numbers of reports follow the order in which several are made at one moment.
        let told: Vec<_> = timeline.reports.iter().map(|(at, _, action)| (*at, *action)).collect();
        // Whoever is held in line decides nothing.
        let attempt = |attempt: &simulate::timeline::Try| match &attempt.held {
            Some(held) => format!("{:?} {} {:?} {:?}", held.at, held.limiter, held.until, attempt.steps),
            None => format!("{attempt:?}"),
        };
        let attempts: Vec<String> = timeline.attempts.iter().map(attempt).collect();
        format!("{} {attempts:?} {:?} {told:?} {:?}", timeline.rcpt, timeline.notices, timeline.given_up)
    };
    let lives = timelines(setup, &life).iter().map(life_of).collect();
    (lives, format!("{:?}", life.loads.waits), life.events.len())
}

#[test]
fn lines_change_nothing_but_how_often_somebody_is_woken() {
    let mut fewer = 0;
    for target in [Target::STALWART_016, Target::STALWART_015, Target::Native] {
        for seed in 0..30 {
            let ((one, waits, few), (each, all_waits, many)) = (told(seed, target, false), told(seed, target, true));
            for (one, each) in one.iter().zip(&each) {
                assert_eq!(one, each, "{target} {seed}\n{}", case(seed).0);
            }
            assert_eq!(waits, all_waits, "{target} {seed}");
            fewer += usize::from(few < many);
            assert!(target != Target::Native || few == many, "native has no windows");
        }
    }
    assert!(fewer > 20, "in {fewer} cases somebody stood in line");
}
