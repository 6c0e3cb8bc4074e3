//! What each mode of `simulate` looks at, what it says that it does not, and what each file on its command line is taken for.

use serde_json::Value as Json;

use crate::cli::{run, run_with, scratch};

const POLICY: &str = include_str!("../../corpus/scenarios/life/policy.toml");

/// A scenario in which an expectation, a `never` and an `always` fail, in the world as it is written.
const WRONG: &str = "policy = \"policy.toml\"\ntarget = \"native\"\n[world]\nzone = \"corp.test. IN A 198.51.100.1\"\n\
                     [world.host.\"corp.test\"]\nstarttls = \"absent\"\n\
                     [[message]]\nsender = \"a@b.test\"\nrecipients = [\"c@corp.test\"]\n\
                     [[expect]]\nmessage = \"m1\"\nstatus = \"bounced\"\n\
                     [[never]]\nname = \"clear text\"\nsecured = false\n\
                     [[always]]\nname = \"bounces\"\nstatus = \"bounced\"\n";

/// The same scenario with nothing to fail in the world as it is written; under seeds, hosts refuse mail.
const RIGHT: &str = "policy = \"policy.toml\"\ntarget = \"native\"\n[world]\nzone = \"corp.test. IN A 198.51.100.1\"\n\
                     [[message]]\nsender = \"a@b.test\"\nrecipients = [\"c@corp.test\"]\n\
                     [[expect]]\nmessage = \"m1\"\nstatus = \"delivered\"\n\
                     [[expect]]\nmessage = \"m1\"\ntarget = \"stalwart-0.15\"\nattempts = 7\n\
                     [[always]]\nname = \"arrives\"\nstatus = \"delivered\"\n";

/// A scenario without a world.
const DRY: &str = "policy = \"policy.toml\"\n[[message]]\nsender = \"a@b.test\"\nrecipients = [\"c@corp.test\"]\n\
                   [[expect]]\nmessage = \"m1\"\nroute = \"nowhere\"\n[environment]\nlocal_domains = []\n";

const PROPERTIES: &str = "[[never]]\nname = \"mail to corp\"\nrcpt_domain = \"corp.test\"\nstatus = \"delivered\"\n";

const MESSAGES: &str = "{\"sender\": \"a@b.test\", \"recipients\": [\"c@corp.test\"]}\n";

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(scratch(
            name,
            &[
                ("policy.toml", POLICY),
                ("wrong.scenario.toml", WRONG),
                ("right.scenario.toml", RIGHT),
                ("dry.scenario.toml", DRY),
                ("corp.toml", PROPERTIES),
                ("world.toml", "local_domains = [\"corp.test\"]\n"),
                ("mail.txt", MESSAGES),
                ("one.toml", "sender = \"a@b.test\"\nrecipients = [\"c@corp.test\", \"d@corp.test\"]\n"),
                ("broken.ndjson", "{\"sender\": 1}\n"),
            ],
        ))
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

/// The last line of a kind, of what was written.
fn line(output: &str, kind: &str) -> Json {
    let mut lines = output.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines.rfind(|line| line["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {output}"))
}

fn broken(summary: &Json) -> Vec<&str> {
    let properties = summary["properties"].as_array().unwrap().iter();
    let broken = properties.filter(|property| !property["broken"].as_array().unwrap().is_empty());
    broken.map(|property| property["name"].as_str().unwrap()).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads what was written")]
fn every_mode_looks_at_expectations_and_properties() {
    let folder = Folder::new("modes-wrong");
    let (scenario, page, junit) = (folder.file("wrong.scenario.toml"), folder.file("p.html"), folder.file("j.xml"));
    let modes: [&[&str]; 4] = [&[], &["--explore", "3"], &["--capacity"], &["--report", &page]];
    for mode in modes {
        let text = run(&[&["simulate", &scenario, "--junit", &junit], mode].concat());
        assert_eq!(text.code, Some(1), "{mode:?}: {}{}", text.stdout, text.stderr);
        let told = [
            "expectation failed: ",
            "does not hold: clear text: ",
            "does not hold: bounces: ",
            "0 of 1 expectations met",
        ];
        for told in told {
            assert!(text.stdout.contains(told), "{mode:?}: no {told} in\n{}", text.stdout);
        }
        let xml = std::fs::read_to_string(&junit).unwrap();
        for name in ["line 10: m1", "clear text", "bounces"] {
            assert!(xml.contains(&format!("name=\"{name}\">\n      <failure")), "{mode:?}: {xml}");
        }
        let json = run(&[&["simulate", &scenario, "--json"], mode].concat());
        assert_eq!(json.code, Some(1), "{mode:?}");
        let summary = if mode.contains(&"--explore") {
            line(&json.stdout, "explore")["as_written"].clone()
        } else {
            line(&json.stdout, "scenario")
        };
        assert_eq!(broken(&summary), ["clear text", "bounces"], "{mode:?}");
        assert_eq!(summary["expectations"]["unmet"].as_array().unwrap().len(), 1, "{mode:?}");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("does not hold: clear text: "), "{html}");
}

#[test]
fn seeds_are_held_to_properties_and_expectations_to_the_world_as_it_is_written() {
    let folder = Folder::new("modes-right");
    let scenario = folder.file("right.scenario.toml");
    let ran = run(&["simulate", &scenario]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let told = "not checked: 1 `[[expect]]` for other targets than native";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    // Sooner or later a host refuses the message for good.
    let ran = run(&["simulate", &scenario, "--explore", "200"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    for told in [
        "1 of 1 expectations met",
        "does not hold: arrives: ",
        "not checked: expectations, which are about the world as it is written",
    ] {
        assert!(ran.stdout.contains(told), "no {told} in\n{}", ran.stdout);
    }
    assert!(ran.stderr.contains("--explore 1 --explore-from "), "{}", ran.stderr);
    let ran = run(&["simulate", &scenario, "--explore", "200", "--json"]);
    let explored = line(&ran.stdout, "explore");
    assert!(explored["found"].is_u64() && explored["as_written"]["expectations"]["met"] == 1, "{explored}");
    let found = line(&ran.stdout, "scenario");
    assert_eq!(broken(&found), ["arrives"]);
    assert_eq!(found["not_checked"][0], "expectations, which are about the world as it is written");
    // A property of a file is held by seeds as well.
    let ran = run(&["simulate", &scenario, &folder.file("corp.toml"), "--explore", "1", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(broken(&line(&ran.stdout, "explore")["as_written"]), ["mail to corp"]);
}

#[test]
fn where_nothing_goes_wrong_exploring_says_so_in_either_form() {
    let path = "corpus/scenarios/life/notify.scenario.toml";
    let text = run(&["simulate", path, "--explore", "2", "--explore-from", "5"]);
    assert_eq!(text.code, Some(0), "{}", text.stdout);
    assert!(text.stdout.contains("2 seeds (5 to 6): no violations"), "{}", text.stdout);
    let json = run(&["simulate", path, "--explore", "2", "--explore-from", "5", "--json"]);
    let explored = line(&json.stdout, "explore");
    assert_eq!((&explored["first"], &explored["seeds"], &explored["found"]), (&5.into(), &2.into(), &Json::Null));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads what was written")]
fn what_is_not_looked_at_is_said() {
    let folder = Folder::new("modes-said");
    let (policy, dry, corp) = (folder.file("policy.toml"), folder.file("dry.scenario.toml"), folder.file("corp.toml"));
    let (world, mail, page) = (folder.file("world.toml"), folder.file("mail.txt"), folder.file("p.html"));
    let cases: [(&[&str], &str); 6] = [
        (&[&dry, "--explore", "3"], "--explore: without a `[world]`, nothing is sent"),
        (&[&dry, "--capacity"], "--capacity: without a `[world]`, nothing is sent"),
        (&[&dry, &corp], "properties: without a `[world]`, nothing is sent"),
        (&[&dry, &world], "world.toml`: the scenario has an environment of its own"),
        (&[&policy, &mail, "--report", &page], "--report: messages are no scenario"),
        (&[&policy, &mail, &corp, "--explore", "2"], "--explore, properties: without a `[world]`, nothing is sent"),
    ];
    for (arguments, told) in cases {
        let text = run(&[&["simulate"], arguments].concat());
        assert!(text.stdout.contains("not checked: ") && text.stdout.contains(told), "{arguments:?}: {}", text.stdout);
        let json = run(&[&["simulate", "--json"], arguments].concat());
        let last: Json = serde_json::from_str(json.stdout.lines().last().unwrap()).unwrap();
        assert!(last["not_checked"].to_string().contains(told.rsplit_once('`').map_or(told, |(_, end)| end)), "{last}");
    }
    // What is decided without a world is on the page as well.
    let ran = run(&["simulate", &dry, "--report", &page]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("expected `nowhere`, found mx") && !html.contains("<svg"), "{html}");
}

/// Of more messages than can be kept, loads are all that is looked at, and that is said.
#[test]
fn a_run_of_very_many_messages_says_that_only_loads_are_looked_at() {
    let many = |count: u32| {
        format!(
            "policy = \"policy.toml\"\nlength = \"1s\"\n[world]\nzone = \"corp.test. IN A 198.51.100.1\"\n\
             [[generate]]\ncount = {count}\ndomains = {{ \"corp.test\" = 1 }}\n[[never]]\nroute = \"mx\"\n"
        )
    };
    let (most, more) = (many(100_000), many(100_001));
    let folder =
        scratch("modes-many", &[("policy.toml", POLICY), ("most.scenario.toml", &most), ("more.scenario.toml", &more)]);
    let ran = |name: &str| run(&["simulate", folder.join(name).to_str().unwrap(), "--capacity"]);
    let (most, more) = (ran("most.scenario.toml"), ran("more.scenario.toml"));
    assert!(!most.stdout.contains("not checked"), "{}", most.stdout);
    assert_eq!(more.code, Some(0), "{}", more.stdout);
    assert!(more.stdout.contains("not checked: expectations, properties and what must never be"), "{}", more.stdout);
}

#[test]
fn a_file_is_what_is_in_it_wherever_it_stands() {
    let folder = Folder::new("modes-files");
    let file = |name: &str| folder.file(name);
    let (policy, right, wrong) = (file("policy.toml"), file("right.scenario.toml"), file("wrong.scenario.toml"));
    let (mail, one, corp, world) = (file("mail.txt"), file("one.toml"), file("corp.toml"), file("world.toml"));
    let recipients = |arguments: &[&str]| {
        let ran = run(&[&["simulate", "--json"], arguments].concat());
        let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let lines = lines.filter(|line| line["type"] == "life" || line["type"] == "recipient");
        (ran.code, lines.count(), ran.stderr)
    };
    for (arguments, code, count) in [
        // Several scenarios, none of which is the policy of another.
        (&[&right, &wrong][..], 1, 2),
        (&[&right, &right, &right], 0, 3),
        // The policy in any place.
        (&[&right, &policy], 0, 1),
        (&[&policy, &right], 0, 1),
        (&[&mail, &policy], 0, 1),
        (&[&mail, &world, &policy], 0, 1),
        (&[&policy, &one, &world], 0, 2),
        (&[&one, &mail, &world, &policy], 0, 3),
        (&[&corp, &policy, &right], 1, 1),
        (&[&right, &corp], 1, 1),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(|path| path.as_str()).collect();
        let (found, all, stderr) = recipients(&arguments);
        assert_eq!((found, all), (Some(code), count), "{arguments:?}: {stderr}");
    }
    // What is there twice, and what is not there.
    for (arguments, told) in [
        (&[&policy, &policy, &right][..], "are both policies"),
        (&[&world, &world, &policy, &mail], "are both environments"),
        (&[&policy], "has no messages to simulate"),
        (&[&mail], "names no policy"),
        (&[&file("broken.ndjson")], "names no policy"),
        (&[&world, &corp], "has no messages to simulate"),
        (&[&file("absent.toml"), &right], "cannot read"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(|path| path.as_str()).collect();
        let (code, _, stderr) = recipients(&arguments);
        assert!(code == Some(2) && stderr.contains(told), "{arguments:?}: {stderr}");
    }
    let twice = run(&["simulate", &policy, &mail, &world, "--environment", &world]);
    assert!(twice.code == Some(2) && twice.stderr.contains("are both environments"), "{}", twice.stderr);
    // Standard input is messages behind a policy, and the policy before what is run.
    let piped = run_with(&["simulate", &policy, &world, "-"], MESSAGES, &[]);
    assert!(piped.code == Some(0) && piped.stdout.contains("1 recipients"), "{}{}", piped.stdout, piped.stderr);
    let piped = run_with(&["simulate", "-", &right], POLICY, &[]);
    assert_eq!(piped.code, Some(0), "{}{}", piped.stdout, piped.stderr);
}

/// What holds in a plain run holds in every mode, and each mode says that it looked.
#[test]
fn every_mode_finds_the_same_of_a_scenario_that_is_right() {
    let path = "corpus/scenarios/trials/23-every-mode.scenario.toml";
    for target in ["native", "stalwart-0.16", "stalwart-0.15"] {
        for mode in [&[][..], &["--explore", "50"], &["--capacity"]] {
            let ran = run(&[&["simulate", path, "--target", target, "--json"], mode].concat());
            assert_eq!(ran.code, Some(0), "{target} {mode:?}: {}", ran.stderr);
            let explored = mode.contains(&"--explore").then(|| line(&ran.stdout, "explore")["as_written"].clone());
            let summary = explored.unwrap_or_else(|| line(&ran.stdout, "scenario"));
            assert_eq!(summary["expectations"]["met"], 7, "{target} {mode:?}");
            assert_eq!(summary["properties"].as_array().unwrap().len(), 2, "{target} {mode:?}");
            assert_eq!(summary["not_checked"].as_array().unwrap().len(), 0, "{target} {mode:?}");
        }
    }
}
