//! Messages over their whole life: what every scenario of `corpus/scenarios/life` shows, and that a run repeats.

use std::{collections::BTreeSet, path::Path};

use policy::{Kind, Setting};

use crate::cli::run;

/// Scenarios with a world.
fn scenarios() -> Vec<String> {
    let mut scenarios = vec!["corpus/quickstart/life.scenario.toml".to_owned()];
    for entry in std::fs::read_dir("corpus/scenarios/life").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".scenario.toml") {
            scenarios.push(format!("corpus/scenarios/life/{name}"));
        }
    }
    scenarios.sort();
    assert!(scenarios.len() >= 20, "{scenarios:?}");
    scenarios
}

#[test]
fn lives_are_as_recorded() {
    for path in scenarios() {
        let ran = run(&["simulate", &path]);
        assert_eq!((ran.code, ran.stderr.contains("error")), (Some(0), false), "{path}\n{}{}", ran.stderr, ran.stdout);
        let name = Path::new(&path).file_name().unwrap().to_str().unwrap().replace(".scenario.toml", "");
        insta::with_settings!({ prepend_module_to_snapshot => true, omit_expression => true }, {
            insta::assert_snapshot!(format!("life-{name}"), ran.stdout);
        });
    }
}

#[test]
fn a_run_repeats_to_the_byte_and_whichever_engine_decides() {
    for path in scenarios() {
        let json = |engine: &str| {
            let ran = run(&["simulate", &path, "--json", "--engine", engine]);
            assert_eq!(ran.code, Some(0), "{path} {}", ran.stderr);
            ran.stdout
        };
        let first = json("jit");
        assert!(first.contains("\"type\":\"life\""), "{first}");
        assert_eq!(first, json("jit"), "{path}");
        assert_eq!(first, json("interpreter"), "{path}");
        assert_eq!(first, json("both"), "{path}");
    }
}

#[test]
fn what_comes_otherwise_than_expected_is_a_no_and_says_where() {
    let files = [
        ("policy.toml", include_str!("../../corpus/scenarios/life/policy.toml")),
        (
            "other.scenario.toml",
            "policy = \"policy.toml\"\n[world]\nzone = \"corp.test. IN A 198.51.100.1\"\n\
             [[message]]\nsender = \"a@b.test\"\nrecipients = [\"c@corp.test\"]\n\
             [[expect]]\nmessage = \"m1\"\nstatus = \"bounced\"\n\
             [[expect]]\nmessage = \"m1\"\nstatus = \"delivered\"\nwithin = \"5ms\"\n\
             [[expect]]\nmessage = \"m1\"\nattempt = 2\nstatus = \"delivered\"\nroute = \"mx\"\n",
        ),
    ];
    let folder = crate::cli::scratch("life", &files);
    let ran = run(&["simulate", folder.join("other.scenario.toml").to_str().unwrap()]);
    assert_eq!(ran.code, Some(1));
    // How late it is depends on how long answers take in a dry run.
    let without_length = |line: &str| match line.split_once("found it after ") {
        Some((front, _)) => format!("{front}found it later"),
        None => line.to_owned(),
    };
    let places = ran.stdout.lines().filter_map(|line| line.split_once(".toml:").map(|(_, rest)| rest));
    let found: Vec<String> = places.map(without_length).collect();
    let expected = [
        "7:1: status for c@corp.test: expected `bounced`, found delivered",
        "10:1: status for c@corp.test: expected `delivered within 5ms`, found it later",
        "18:9: route for c@corp.test: expected `mx`, found no attempt 2: there were 1",
        "14:1: status for c@corp.test: expected `delivered`, found no such attempt: there were 1",
    ];
    assert_eq!(found.get(1..).unwrap_or_default(), expected, "{}", ran.stdout);
}

#[test]
fn nothing_that_must_never_be_shows_under_two_hundred_seeds() {
    for name in ["relays", "dane-native", "tls-reference", "notify"] {
        let path = format!("corpus/scenarios/life/{name}.scenario.toml");
        let ran = run(&["simulate", &path, "--explore", "200"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("200 seeds (0 to 199): no violations"), "{}", ran.stdout);
    }
}

#[test]
fn the_load_of_each_queue_is_shown() {
    for name in ["capacity/monday", "explore/month", "life/limits-groups", "life/crash"] {
        let path = format!("corpus/scenarios/{name}.scenario.toml");
        let text = run(&["simulate", &path, "--capacity"]);
        let json = run(&["simulate", &path, "--capacity", "--json"]);
        assert_eq!((text.code, json.code), (Some(0), Some(0)), "{}", text.stderr);
        insta::assert_snapshot!(
            format!("capacity-{}", name.replace('/', "-")),
            format!("{}\n{}", text.stdout, json.stdout)
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads what was written")]
fn what_came_otherwise_is_a_failure_for_a_ci_server() {
    let policy = include_str!("../../corpus/scenarios/life/policy.toml");
    let wrong = "policy = \"policy.toml\"\ntarget = \"native\"\n[world]\nzone = \"a.test. IN A 198.51.100.1\"\n\
                 [[message]]\nid = \"m\"\nsender = \"\"\nrecipients = [\"x@a.test\"]\n\
                 [[expect]]\nmessage = \"m\"\nstatus = \"bounced\"\nroute = \"mx\"\n[[expect]]\nmessage = \"m\"\nerror = \"none\"\n";
    let files = [("policy.toml", policy), ("wrong.scenario.toml", wrong)];
    let folder = crate::cli::scratch("junit", &files);
    let report = folder.join("report.xml");
    let ran = run(&["simulate", folder.to_str().unwrap(), "--junit", report.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let text = std::fs::read_to_string(report).unwrap();
    assert!(text.contains("tests=\"3\" failures=\"1\""), "{text}");
    let failure = "<failure message=\"status for x@a.test: expected `bounced`, found delivered\">";
    assert!(text.contains(failure), "{text}");
    let nowhere = folder.join("nowhere/report.xml");
    let ran = run(&["simulate", folder.to_str().unwrap(), "--junit", nowhere.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "what cannot be written is said: {}", ran.stderr);
}

/// What hosts do on their own, and until when mail is wanted, is not the target's, but for what it forgets of it.
#[test]
fn receivers_do_what_they_are_said_to() {
    for target in ["native", "stalwart-0.16", "stalwart-0.15"] {
        let ran = run(&["simulate", "corpus/scenarios/life/receivers.scenario.toml", "--target", target]);
        assert_eq!(ran.code, Some(0), "{target}: {}", ran.stdout);
    }
}

/// The layouts of 2022 and 2024 choose single settings by rules.
#[test]
fn settings_that_rules_choose_are_followed() {
    let policy = "[server]\nhostname = \"out.home.example\"\n[queue.outbound]\nnext-hop = false\n[queue.outbound.tls]\n\
                  starttls = [ { if = \"rcpt_domain == 'corp.test'\", then = \"require\" }, { else = \"optional\" } ]\n";
    let scenario = "policy = \"policy.toml\"\n\
                    [world]\nzone = \"\"\"\ncorp.test. IN A 198.51.100.1\nplain.test. IN A 198.51.100.2\n\"\"\"\n\
                    [world.host.\"corp.test\"]\nstarttls = \"absent\"\n[world.host.\"plain.test\"]\nstarttls = \"absent\"\n\
                    [[message]]\nsender = \"a@home.example\"\nrecipients = [\"b@corp.test\", \"c@plain.test\"]\n\
                    [[expect]]\nmessage = \"m1\"\nrcpt = \"b@corp.test\"\nstatus = \"bounced\"\nerror = \"tls\"\n\
                    [[expect]]\nmessage = \"m1\"\nrcpt = \"c@plain.test\"\nstatus = \"delivered\"\nsecured = false\n";
    let folder = crate::cli::scratch("by-rules", &[("policy.toml", policy), ("x.scenario.toml", scenario)]);
    let path = folder.join("x.scenario.toml");
    let path = path.to_str().unwrap();
    for engine in ["jit", "interpreter", "both"] {
        let ran = run(&["simulate", path, "--engine", engine]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        for set in ["outbound.tls.starttls require (rule 1)", "outbound.tls.starttls optional (else)"] {
            assert!(ran.stdout.contains(set), "{}", ran.stdout);
        }
    }
    let covered = run(&["simulate", path, "--coverage"]);
    let line = "outbound.tls.starttls rule 1   line 6     asked      6, taken      2";
    assert!(covered.stdout.contains(line), "{}", covered.stdout);
}

/// What rules chose in the lives of a scenario: each setting, with its rule and its value.
fn set_by_rules(path: &str) -> BTreeSet<(String, Option<u64>, String)> {
    let ran = run(&["simulate", path, "--json", "--engine", "both"]);
    assert_eq!(ran.code, Some(0), "{path} {}{}", ran.stdout, ran.stderr);
    let mut found = BTreeSet::new();
    for line in ran.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let attempts = line["attempts"].as_array().into_iter().flatten();
        let decisions = attempts.flat_map(|attempt| Kind::ALL.map(|kind| &attempt[kind.word()]));
        for set in decisions.flat_map(|decision| decision["settings"].as_array().into_iter().flatten()) {
            let text = |key: &str| set[key].as_str().unwrap_or_default().to_owned();
            found.insert((text("setting"), set["rule"].as_u64(), text("value")));
        }
    }
    found
}

#[test]
fn every_setting_of_the_older_layouts_is_chosen_by_its_rules() {
    for layout in ["2022", "2024"] {
        let found = set_by_rules(&format!("corpus/scenarios/trials/01-rules-{layout}.scenario.toml"));
        for setting in Setting::ALL {
            for rule in [Some(1), None] {
                let is_set = found.iter().any(|(key, by, _)| key == setting.key() && *by == rule);
                assert!(is_set, "{layout}: {} by {rule:?}: {found:#?}", setting.key());
            }
        }
        for (key, value) in [
            (Setting::Hostname.key(), "mail.brand.test"),
            (Setting::SourceIps.key(), "[192.0.2.77]"),
            (Setting::Retry.key(), "[1m]"),
            (Setting::TimeoutMtaSts.key(), "10s"),
        ] {
            assert!(found.contains(&(key.to_owned(), Some(1), value.to_owned())), "{layout}: {key}: {found:#?}");
        }
    }
    // A policy of later layouts has no such settings.
    assert!(set_by_rules("corpus/scenarios/life/attempts-native.scenario.toml").is_empty());
}

/// Who a report is from may be chosen by rules, which may ask the world.
#[test]
fn reports_are_from_whom_the_rules_say() {
    let policy = "[queue.strategy]\nroute = \"'mx'\"\nschedule = \"'default'\"\nconnection = \"'default'\"\ntls = \"'default'\"\n\
                  [queue.route.mx]\ntype = \"mx\"\n[report.dsn]\n\
                  from-name = [ { if = \"sender_domain == 'brand.test'\", then = \"key_get('names', sender_domain)\" },\n\
                  { else = \"'Mail at home'\" } ]\nfrom-address = \"'bounces@' + sender_domain\"\n";
    let scenario = "policy = \"policy.toml\"\n[environment]\nlocal_domains = []\n\
                    [environment.stores.names]\nkeys = { \"brand.test\" = \"Mail of Brand\" }\n\
                    [world]\nzone = \"brand.test. IN A 198.51.100.1\\nhome.test. IN A 198.51.100.2\"\n\
                    [[message]]\nsender = \"a@brand.test\"\nrecipients = [\"b@gone.test\"]\n\
                    [[message]]\nsender = \"a@home.test\"\nrecipients = [\"b@gone.test\"]\n\
                    [[expect]]\nmessage = \"m1\"\nreports = \"failed\"\n[[expect]]\nmessage = \"m2\"\nreports = \"failed\"\n";
    let folder = crate::cli::scratch("report-from", &[("policy.toml", policy), ("x.scenario.toml", scenario)]);
    let ran = run(&["simulate", folder.join("x.scenario.toml").to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for from in ["\"Mail of Brand\" <bounces@brand.test>", "\"Mail at home\" <bounces@home.test>"] {
        assert!(ran.stdout.contains(&format!("From: {from}")), "{from}: {}", ran.stdout);
    }
}

/// A policy that cannot be taken over is refused before anything runs.
#[test]
fn a_policy_that_is_taken_over_is_read_like_the_first() {
    let text = include_str!("../../corpus/scenarios/life/reload.scenario.toml");
    let policy = include_str!("../../corpus/scenarios/life/policy.toml");
    let broken = "queue.strategy.route = \"'nowhere'\"\n";
    let files = [("reload.scenario.toml", text), ("policy.toml", policy), ("reload.toml", broken)];
    let folder = crate::cli::scratch("reload-broken", &files);
    let ran = run(&["simulate", folder.join("reload.scenario.toml").to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("reload.toml:1:"), "{}", ran.stderr);
    let folder = crate::cli::scratch("reload-missing", &files[..2]);
    let ran = run(&["simulate", folder.join("reload.scenario.toml").to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("reload.toml"), "{}", ran.stderr);
}

/// What is shown of a scenario, with all that holds where it says nothing, is that scenario.
#[test]
fn a_shown_scenario_is_the_same() {
    let original = run(&["simulate", "corpus/quickstart/life.scenario.toml", "--show-scenario"]);
    assert_eq!(original.code, Some(0), "{}", original.stderr);
    let is_said = |line: &str| original.stdout.lines().any(|shown| shown == line);
    for line in
        ["target = \"stalwart-0.15\"", "length = \"30d\"", "latency = \"20ms\"", "priority = 0", "body = \"7bit\""]
    {
        assert!(is_said(line), "{line} is not in\n{}", original.stdout);
    }
    let folder = crate::cli::scratch("shown", &[("life.scenario.toml", &original.stdout)]);
    let path = folder.join("life.scenario.toml");
    let path = path.to_str().unwrap();
    let life = |path: &str| run(&["simulate", "corpus/quickstart/policy.toml", path, "--json"]).stdout;
    // Only where an expectation stands is another place, and who chose the target is another.
    assert_eq!(
        life(path).replace(path, "x").replace("\"target_by\":\"scenario\"", "\"target_by\":\"layout\""),
        life("corpus/quickstart/life.scenario.toml").replace("corpus/quickstart/life.scenario.toml", "x")
    );
}
