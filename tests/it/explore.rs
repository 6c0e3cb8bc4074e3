//! The search for faults: a month of mail through everything that may go wrong.

use pointsman::{
    config::{self, NoResources, resolve, strategies::strategies},
    delivery::planted::Fault,
    document::Source,
    policy::{Plan, Strategies, Target},
    scenario::{self, NoFiles, Scenario},
    simulate::{self, Keep, Setup, Violation, explore::explore},
};

/// What a policy of the 2025 layout comes to.
pub(crate) fn policy(text: &str, target: Target) -> (Plan, Strategies) {
    let loaded = config::load(&Source::new("policy.toml", text.to_owned()), None, &NoResources);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.findings));
    let plan = resolve::plan(&settings, target).unwrap_or_else(|findings| panic!("{findings:?}"));
    let strategies = strategies(&settings, &plan);
    (plan, strategies)
}

/// The month of `corpus/scenarios/explore`.
fn month() -> Scenario {
    let text = include_str!("../../corpus/scenarios/explore/month.scenario.toml").to_owned();
    let (scenario, findings) = scenario::read(&Source::new("month.scenario.toml", text), &NoFiles);
    assert!(!findings.has_errors(), "{findings:?}");
    scenario.unwrap()
}

/// The first seed of so many under which something is wrong, and what.
fn first(target: Target, fault: Option<Fault>, seeds: u64) -> Option<(u64, Vec<Violation>)> {
    let (plan, strategies) = policy(include_str!("../../corpus/scenarios/explore/policy.toml"), target);
    let scenario = month();
    let world = scenario.world.clone().unwrap();
    let setup = Setup { fault, ..Setup::new(&scenario, &world, &plan, &strategies) };
    let (found, _) = explore(setup, &scenario.environment, (0, seeds));
    found.map(|found| (found.seed, found.violations))
}

#[test]
fn nothing_is_wrong_under_two_hundred_seeds() {
    for target in [Target::Native, Target::STALWART_016, Target::STALWART_015] {
        assert_eq!(first(target, None, 200), None, "{target}");
    }
}

#[test]
fn each_planted_fault_is_found_within_a_thousand_seeds() {
    for fault in Fault::ALL {
        // What is lost shows as what is sent twice, or sent and then given up.
        let checkers: &[&str] = match fault {
            Fault::LostStore | Fault::DoubleSend => &["delivered-once", "delivered-is-taken"],
            Fault::SkippedLimit => &["limits"],
            Fault::EarlyBounce => &["given-up"],
            Fault::Downgrade => &["in-clear"],
        };
        let (seed, violations) = first(Target::Native, Some(fault), 1_000).unwrap_or_else(|| panic!("{fault:?}"));
        println!("{fault:?} is found under seed {seed}");
        let of_it = |violation: &Violation| checkers.contains(&violation.checker);
        assert!(violations.iter().all(of_it), "{fault:?} under seed {seed}: {violations:?}");
    }
}

/// TLS that only the message, TLSA records or a policy demand is missed just as well.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn a_planted_downgrade_is_found_whoever_demands_tls() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let folder = std::path::Path::new("corpus/scenarios/life");
    for (name, target, rcpt) in [
        // Our own session would refuse REQUIRETLS all the same.
        ("extensions", Target::STALWART_016, "c@bare.test"),
        ("dane-native", Target::Native, "a@plain.test"),
        ("mta-sts-native", Target::Native, "b@plain.test"),
    ] {
        let text = read(folder.join(format!("{name}.scenario.toml")).to_str().unwrap());
        let (scenario, _) = scenario::read(&Source::new(name, text), &NoFiles);
        let scenario = scenario.unwrap();
        let policy_path = folder.join(scenario.policy.as_deref().unwrap());
        let (plan, strategies) = policy(&read(policy_path.to_str().unwrap()), target);
        let world = scenario.world.clone().unwrap();
        let violations = |fault: Option<Fault>| {
            let setup = Setup { fault, ..Setup::new(&scenario, &world, &plan, &strategies) };
            let life = simulate::run(setup, &mut scenario.environment.clone(), Keep::Events);
            simulate::violations(setup, &life)
        };
        assert_eq!(violations(None), [], "{name}");
        let found = violations(Some(Fault::Downgrade));
        let of_it = |violation: &Violation| violation.checker == "in-clear" && violation.what.starts_with(rcpt);
        assert!(found.iter().any(of_it), "{name}: {rcpt} is not among {found:?}");
    }
}
