//! What the delivery core and whoever drives it owe each other, and the bounds of what it takes from outside.

use std::net::IpAddr;

use pointsman::{
    base::Instant,
    delivery::{
        Effect, Input, MessageId, Queue,
        effect::Ticket,
        event::What,
        failure::Broken,
        hosts::{DnsResult, Family, MxRecord, Security},
        limits,
    },
    document::Source,
    policy::Target,
    scenario::{self, NoFiles},
    simulate::{self, Keep, Setup},
};

use crate::{explore::policy, tls::submission};

const POLICY: &str = "[queue.strategy]\nroute = \"'mx'\"\nschedule = \"'default'\"\nconnection = \"'default'\"\ntls = \"'default'\"\n\
                      [queue.route.mx]\ntype = \"mx\"\nip-lookup = \"ipv4_only\"\n[queue.route.mx.limits]\nmx = 100000\n\
                      multihomed = 100000\n[queue.schedule.default]\nqueue-name = \"default\"\nretry = [\"10m\"]\n\
                      expire = \"1d\"\n[queue.virtual.default]\nthreads-per-node = 5\n[queue.connection.default]\n\
                      timeout.connect = \"30s\"\n[queue.tls.default]\nstarttls = \"optional\"\nmta-sts = \"disable\"\n\
                      [report.tls.aggregate]\nsend = \"never\"\n";

#[test]
#[should_panic(expected = "effects of the last input are still to be done")]
fn an_input_before_the_last_effects_are_done_is_refused() {
    let (plan, strategies) = policy(POLICY, Target::Native);
    let mut queue = Queue::new(&plan, &strategies, 1);
    queue.handle(Instant(1), Input::Submitted(MessageId(1), Box::new(submission(false))));
    queue.handle(Instant(2), Input::Woken);
}

#[test]
fn an_answer_that_is_out_of_date_is_passed_over() {
    let (plan, strategies) = policy(POLICY, Target::Native);
    let mut queue = Queue::new(&plan, &strategies, 1);
    let mut tell = |input: Input| {
        queue.handle(Instant(1), input);
        std::iter::from_fn(|| queue.poll()).collect::<Vec<_>>()
    };
    let effects = tell(Input::Submitted(MessageId(1), Box::new(submission(false))));
    let [Effect::Store(ticket, _)] = &*effects else { panic!("{effects:?}") };
    let (ticket, wrong) = (*ticket, Ticket { task: ticket.task + 7, step: ticket.step });
    assert!(tell(Input::Stored(wrong)).is_empty());
    let effects = tell(Input::Stored(ticket));
    let resolve = effects.iter().find_map(|effect| match effect {
        Effect::ResolveMx(ticket, _) => Some(*ticket),
        _ => None,
    });
    let resolve = resolve.unwrap_or_else(|| panic!("{effects:?}"));
    let answer = |step: u32| {
        let record = MxRecord { preference: 10, exchange: "mx.corp.test".into() };
        Input::Mx(Ticket { step, ..resolve }, DnsResult::Found(vec![record], Security::Insecure), None)
    };
    assert!(tell(answer(resolve.step + 1)).is_empty());
    assert!(!tell(answer(resolve.step)).is_empty());
    // The same answer once more is one to a question that is answered.
    assert!(tell(answer(resolve.step)).is_empty());
}

/// How many hosts are named to be tried, and how many connections are asked for, where DNS gives so many of each, and
/// nobody listens.
fn tried(hosts: usize, addresses: usize) -> (usize, usize) {
    let (plan, strategies) = policy(POLICY, Target::Native);
    let mut queue = Queue::new(&plan, &strategies, 1);
    let mut inputs = vec![Input::Submitted(MessageId(1), Box::new(submission(false)))];
    let (mut named, mut connections) = (0, 0);
    while let Some(input) = inputs.pop() {
        queue.handle(Instant(1), input);
        while let Some(effect) = queue.poll() {
            inputs.extend(match effect {
                Effect::Store(ticket, _) => Some(Input::Stored(ticket)),
                Effect::ResolveMx(ticket, _) => {
                    let record =
                        |number: usize| MxRecord { preference: 10, exchange: format!("mx{number}.corp.test").into() };
                    Some(Input::Mx(
                        ticket,
                        DnsResult::Found((0..hosts).map(record).collect(), Security::Insecure),
                        None,
                    ))
                }
                Effect::ResolveAddresses(ticket, name, Family::V4) => {
                    let host: u32 = name.trim_start_matches("mx").split('.').next().unwrap().parse().unwrap();
                    let ip = |number: usize| IpAddr::from((0x0801_0000 + host * 100_000 + number as u32).to_be_bytes());
                    let ips = (0..addresses).map(ip).collect();
                    Some(Input::Addresses(ticket, DnsResult::Found(ips, Security::Insecure), None))
                }
                Effect::Connect { ticket, .. } => {
                    connections += 1;
                    Some(Input::Connected(ticket, Err(Broken::Refused)))
                }
                Effect::Close(_) | Effect::Respond(..) => None,
                other => panic!("{other:?}"),
            });
        }
        while let Some(event) = queue.event() {
            if let What::Hosts(hosts) = event.what {
                named = hosts.len();
            }
        }
    }
    (named, connections)
}

#[test]
fn what_dns_gives_is_taken_up_to_a_limit() {
    assert_eq!(tried(2, 3), (2, 6));
    assert_eq!(tried(limits::HOSTS_MAX + 1, 1), (limits::HOSTS_MAX, limits::HOSTS_MAX));
    assert_eq!(tried(1, limits::ADDRESSES_MAX + 1), (1, limits::ADDRESSES_MAX));
}

#[test]
fn a_run_in_which_too_much_happens_is_stopped() {
    let text = include_str!("../../corpus/scenarios/explore/month.scenario.toml").to_owned();
    let (scenario, _) = scenario::read(&Source::new("month.scenario.toml", text), &NoFiles);
    let scenario = scenario.unwrap();
    let world = scenario.world.clone().unwrap();
    let (plan, strategies) = policy(include_str!("../../corpus/scenarios/explore/policy.toml"), Target::Native);
    for (steps_max, is_stopped) in [(100, true), (u64::MAX, false)] {
        let setup = Setup { steps_max, ..Setup::new(&scenario, &world, &plan, &strategies) };
        let life = simulate::run(setup, &mut scenario.environment.clone(), Keep::Events);
        assert_eq!(life.is_stopped, is_stopped, "{steps_max}");
        // What was stopped has lost nobody.
        assert_eq!(simulate::violations(setup, &life), [], "{steps_max}");
    }
}
