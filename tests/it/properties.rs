//! What must never, or always, be seen of every message: `corpus/scenarios/properties`.

use serde_json::Value as Json;

use crate::cli::run;

const HELD: &str = "corpus/scenarios/properties/held.scenario.toml";
const BROKEN: &str = "corpus/scenarios/properties/broken.properties.toml";

#[test]
fn what_holds_is_no_news() {
    for target in ["native", "stalwart-0.16", "stalwart-0.15"] {
        let ran = run(&["simulate", HELD, "--target", target]);
        assert_eq!(ran.code, Some(0), "{target}: {}", ran.stdout);
        assert!(!ran.stdout.contains("does not hold"), "{target}");
    }
}

#[test]
fn what_does_not_hold_is_told_with_who_and_what() {
    let arguments = ["simulate", HELD, "--target", "native", "--properties", BROKEN];
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let told: Vec<&str> = ran.stdout.lines().filter_map(|line| line.strip_prefix("does not hold: ")).collect();
    assert_eq!(
        told,
        [
            "mail in clear text: letter to carol@plain.test: attempt 1: secured false",
            "connections that fail: lost to dave@away.test: attempt 1: error connection",
            "everything arrives: lost to dave@away.test: status bounced after 6h",
            "everything arrives soon: paid to teller@bank.test: status delivered after 220ms",
        ]
    );
    let ran = run(&[&arguments[..], &["--json"]].concat());
    let last: Json = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    let properties = last["properties"].as_array().unwrap();
    let broken = properties.iter().filter(|property| !property["broken"].as_array().unwrap().is_empty()).count();
    assert_eq!((properties.len(), broken), (9, 4));
}

#[test]
fn a_bad_file_of_properties_is_refused() {
    let bad = "[[never]]\nsecure = false\n[[always]]\nname = \"nothing\"\n[[sometimes]]\nstatus = \"sent\"\n";
    let folder = crate::cli::scratch("properties", &[("bad.toml", bad), ("none.toml", "")]);
    let with = |name: &str| run(&["simulate", HELD, "--properties", folder.join(name).to_str().unwrap()]);
    let ran = with("bad.toml");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for part in
        ["bad.toml:2:1", "did you mean `secured`?", "bad.toml:3:1", "says nothing that could fail", "bad.toml:5:3"]
    {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
    assert_eq!(with("none.toml").code, Some(2));
    // Where nothing is sent, nothing can be seen.
    let dry = "[[message]]\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n[[never]]\nroute = \"mx\"\n";
    let folder = crate::cli::scratch("properties-dry", &[("dry.scenario.toml", dry)]);
    let path = folder.join("dry.scenario.toml");
    let ran = run(&["simulate", "corpus/quickstart/policy.toml", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("without a `[world]`"), "{}", ran.stderr);
}

#[test]
fn properties_are_read_up_to_a_limit() {
    let many = |count: usize| "[[never]]\nroute = \"nowhere\"\n".repeat(count);
    let files = [("most.toml", many(1_000)), ("more.toml", many(1_001))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let folder = crate::cli::scratch("properties-many", &files);
    let with = |name: &str| run(&["simulate", HELD, "--properties", folder.join(name).to_str().unwrap()]);
    assert_eq!(with("most.toml").code, Some(0));
    let ran = with("more.toml");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("`never` has 1001 entries; at most 1000 are read"), "{}", ran.stderr);
}
