//! Search for faults: a scenario under many seeds, each with a world that goes wrong in other ways.
//!
//! What goes wrong follows from the seed alone: hosts that defer, refuse, close, keep silent or talk nonsense at some
//! stage for some time, TLS that is there or not, DNS that fails, a node that crashes or cannot store. The scenario's expectations do not hold in such a
//! world; what must never be ([`crate::checks`]) must still never be, and its properties must still hold: whoever says
//! `[[always]]` means that, too.

use base::Millis;
use delivery::random::Random;
use scenario::{
    Environment, Scenario, World,
    world::{Answer, Certificate, ClockJump, Crash, DnsAnswer, DnsFault, HostReply, Span, Stage, StartTls, When},
    zone::Data,
};

use crate::{
    checks::{Violation, violations},
    properties::{self, Broken},
    run::{Keep, Life, Setup, run},
    timeline::timelines,
};

/// What goes wrong, by chance that follows from a seed.
struct Chance(Random);

impl Chance {
    const fn below(&mut self, end: u64) -> u64 {
        self.0.below(end as usize) as u64
    }

    /// Whether something happens that does so in so many of a hundred cases.
    const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<T: Clone>(&mut self, pool: &[T], otherwise: T) -> T {
        let at = self.below(pool.len().max(1) as u64) as usize;
        pool.get(at).cloned().unwrap_or(otherwise)
    }

    /// A span that begins within two days, and lasts from a second to half a day.
    fn span(&mut self) -> Span {
        let from = if self.percent(60) { 0 } else { self.below(2 * 86_400_000) };
        let lengths = [1_000, 60_000, 600_000, 3_600_000, 43_200_000];
        let length = self.of(&lengths, 1_000);
        Span { from: Millis(from), until: Millis(from + 1 + self.below(length)) }
    }
}

/// How often each kind of thing goes wrong, in a hundred cases.
const HOST_FAULTS: u64 = 60;
const TLS_FAULTS: u64 = 30;
const DNS_FAULTS: u64 = 25;
const NODE_FAULTS: u64 = 40;

/// The world of a scenario, as it goes wrong under `seed`.
#[must_use]
pub fn varied(world: &World, seed: u64) -> World {
    let mut random = Chance(Random::new(seed));
    let mut varied = world.clone();
    let mut hosts: Vec<String> = world.hosts.keys().cloned().collect();
    let mut names: Vec<String> = Vec::new();
    for (name, data) in world.zone.records() {
        names.push(name.to_owned());
        if matches!(data, Data::A(_) | Data::Aaaa(_)) {
            hosts.push(name.to_owned());
        }
    }
    hosts.sort();
    hosts.dedup();
    names.dedup();
    for name in hosts {
        let host = varied.hosts.entry(name).or_default();
        if random.percent(TLS_FAULTS) {
            host.starttls = random.of(&[StartTls::Absent, StartTls::Refused, StartTls::Broken], StartTls::Absent);
            let certificates = [Certificate::SelfSigned, Certificate::Expired, Certificate::OtherName];
            host.certificate = random.of(&certificates, Certificate::Valid);
        }
        if random.percent(HOST_FAULTS) {
            let count = 1 + random.below(3);
            let mut replies: Vec<HostReply> = (0..count).map(|_| reply(&mut random)).collect();
            replies.append(&mut host.replies);
            host.replies = replies;
        }
        if random.percent(10) {
            host.latency = Millis(random.below(120_000));
        }
    }
    for name in names {
        if random.percent(DNS_FAULTS) {
            let answers = [
                DnsAnswer::ServFail,
                DnsAnswer::Refused,
                DnsAnswer::NxDomain,
                DnsAnswer::Timeout,
                DnsAnswer::Bogus,
                DnsAnswer::Unsigned,
            ];
            let answer = random.of(&answers, DnsAnswer::ServFail);
            varied.dns_faults.push(DnsFault { name, kind: None, answer, span: random.span() });
        }
    }
    if random.percent(NODE_FAULTS) {
        let count = 1 + random.below(3);
        for _ in 0..count {
            // Most of what a node does it does early.
            let reach = random.of(&[100, 1_000, 10_000], 100);
            let when = When::Effect(1 + random.below(reach));
            varied.crashes.push(Crash { when, down: Millis(1 + random.below(600_000)) });
        }
    }
    if random.percent(10) {
        varied.disk_full.push(random.span());
    }
    if random.percent(10) {
        let at = Millis(random.below(2 * 86_400_000));
        let by = random.of(&[1_000, 3_600_000, 86_400_000], 1_000);
        varied.clock_jumps.push(ClockJump { at, by: Millis(1 + random.below(by)) });
    }
    varied
}

fn reply(random: &mut Chance) -> HostReply {
    let stages = [
        Stage::Connect,
        Stage::Greeting,
        Stage::Ehlo,
        Stage::StartTls,
        Stage::Tls,
        Stage::Auth,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::Final,
    ];
    let stage = random.of(&stages, Stage::Rcpt);
    let said = |code: u16, text: &str| Answer::Reply(code, text.to_owned());
    let answers = [
        said(451, "4.7.1 later"),
        said(421, "4.3.2 closing"),
        said(550, "5.7.1 never"),
        said(354, "odd"),
        said(299, "odder"),
        Answer::Silence,
        Answer::Close,
        Answer::Garbage,
    ];
    let reply = match stage {
        Stage::Connect => random.of(&[Answer::Refuse, Answer::Silence], Answer::Refuse),
        Stage::Tls => random.of(&[Answer::Silence, Answer::Close, Answer::Garbage], Answer::Close),
        _ => random.of(&answers, Answer::Close),
    };
    let times = if random.percent(50) { Some(1 + random.below(4)) } else { None };
    HostReply { stage, reply, skip: 0, times, rcpt: None, source_ip: None, closes: false, span: random.span() }
}

/// A seed under which something happened that must never be.
#[derive(Debug)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// What must never be.
    pub violations: Vec<Violation>,
    /// The scenario's properties, and where they do not hold.
    pub properties: Vec<(String, Vec<Broken>)>,
    /// The run.
    pub life: Life,
}

/// Runs what `setup` says under `count` seeds from `first` on; gives the first one under which something must not be, and how
/// many were run.
pub fn explore(setup: Setup<'_>, environment: &Environment, (first, count): (u64, u64)) -> (Option<Found>, u64) {
    for (number, seed) in (first..).take(usize::try_from(count).unwrap_or(usize::MAX)).enumerate() {
        let scenario = Scenario { seed, ..setup.scenario.clone() };
        let world = varied(setup.world, seed);
        let setup = Setup { scenario: &scenario, world: &world, ..setup };
        let life = run(setup, &mut environment.clone(), Keep::Events);
        let violations = violations(setup, &life);
        let properties = if scenario.properties.is_empty() {
            Vec::new()
        } else {
            properties::all_broken(&scenario, &timelines(setup, &life), &life)
        };
        if !violations.is_empty() || properties.iter().any(|(_, broken)| !broken.is_empty()) {
            return (Some(Found { seed, violations, properties, life }), number as u64 + 1);
        }
    }
    (None, count)
}

#[cfg(test)]
mod tests {
    use scenario::{world::Host, zone::Zone};

    use super::*;

    #[test]
    fn a_seed_gives_the_same_world_and_seeds_differ() {
        let zone =
            Zone::parse("a.test. IN MX 1 mx.a.test.\nmx.a.test. IN A 198.51.100.1\nb.test. IN A 198.51.100.2\n").0;
        let world = World { zone, ..World::default() };
        let worlds: Vec<World> = (0..200).map(|seed| varied(&world, seed)).collect();
        for (seed, made) in worlds.iter().enumerate() {
            assert_eq!(*made, varied(&world, seed as u64));
        }
        let has = |fits: &dyn Fn(&World) -> bool| worlds.iter().filter(|world| fits(world)).count();
        assert!(has(&|world| world.dns_faults.is_empty()) > 10);
        assert!(has(&|world| !world.dns_faults.is_empty()) > 100);
        assert!(has(&|world| world.hosts.values().any(|host| host.starttls == StartTls::Broken)) > 20);
        for stage in Stage::WORDS.iter().filter_map(|word| Stage::named(word)) {
            let at = |host: &Host| host.replies.iter().any(|reply| reply.stage == stage);
            assert!(has(&|world| world.hosts.values().any(at)) > 5, "{}", stage.word());
        }
        for made in &worlds {
            let replies = made.hosts.values().flat_map(|host| &host.replies);
            for reply in replies {
                let is_connect = reply.stage == Stage::Connect;
                assert_eq!(
                    is_connect,
                    matches!(reply.reply, Answer::Refuse) || is_connect && reply.reply == Answer::Silence
                );
            }
        }
    }
}
