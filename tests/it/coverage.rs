//! What of a policy the scenarios of `corpus/quickstart` reach, as it is shown and written.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value as Json;

use crate::cli::{run, scratch};

#[test]
fn what_is_reached_is_shown() {
    let ran = run(&["simulate", "corpus/quickstart/retries.scenario.toml", "--coverage"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let (_, coverage) = ran.stdout.split_once("4 of 4 expectations met\n").unwrap();
    insta::assert_snapshot!(coverage);
}

#[test]
fn too_little_is_a_no() {
    let with = |least: &str| run(&["simulate", "corpus/quickstart/retries.scenario.toml", "--fail-under", least]);
    let (enough, little) = (with("20"), with("90"));
    assert_eq!(enough.code, Some(0), "{}", enough.stderr);
    assert_eq!(little.code, Some(1));
    assert!(little.stderr.contains("of a policy is reached, which is under 90%"), "{}", little.stderr);
    // Each scenario of the folder reaches something else, and all together everything.
    let all = run(&["simulate", "corpus/quickstart", "--fail-under", "100"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads what it had written")]
fn what_is_written_for_tools_is_what_is_shown() {
    let folder = scratch("lcov", &[]);
    let path = folder.join("lcov.info");
    let ran = run(&[
        "simulate",
        "corpus/quickstart/retries.scenario.toml",
        "--coverage",
        "--json",
        "--lcov",
        path.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let last: Json = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "coverage");
    let mut shown: BTreeMap<u64, u64> = BTreeMap::new();
    for kind in last["kinds"].as_array().unwrap() {
        let rules = kind["rules"].as_array().unwrap().iter().map(|rule| (&rule["line"], &rule["taken"]));
        let strategies = kind["strategies"].as_array().unwrap().iter().map(|known| (&known["line"], &known["chosen"]));
        for (line, count) in rules.chain(strategies) {
            shown.insert(line.as_u64().unwrap(), count.as_u64().unwrap());
        }
    }
    let lcov = std::fs::read_to_string(&path).unwrap();
    let of =
        |name: &str| lcov.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect::<Vec<_>>();
    let written: BTreeMap<u64, u64> = of("DA:")
        .iter()
        .map(|line| line.split_once(',').unwrap())
        .map(|(line, count)| (line.parse().unwrap(), count.parse().unwrap()))
        .collect();
    assert_eq!(written, shown);
    assert!(shown.values().any(|count| *count == 0) && shown.values().any(|count| *count > 0));
    assert_eq!(of("LF:"), [written.len().to_string()]);
    assert_eq!(of("LH:"), [written.values().filter(|count| **count > 0).count().to_string()]);
    assert_eq!(of("BRF:"), [of("BRDA:").len().to_string()]);
    assert_eq!(of("SF:"), ["corpus/quickstart/policy.toml"]);
    let nowhere = Path::new("corpus/none/lcov.info");
    let ran = run(&["simulate", "corpus/quickstart", "--lcov", nowhere.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
}
