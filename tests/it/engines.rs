//! The engines behind the command line: each decides the same, and where there is no machine code somebody is told.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::cli::{MESSAGE, POLICY, run, run_with, scratch};

/// Every way to choose an engine.
const ENGINES: [&[&str]; 5] =
    [&[], &["--engine", "jit"], &["--engine", "interpreter"], &["--engine", "both"], &["--no-jit"]];

#[test]
fn every_engine_decides_the_same() {
    let folder = scratch("engines", &[("environment.toml", "local_domains = [\"home.example\"]\n")]);
    let environment = folder.join("environment.toml").display().to_string();
    let commands: [&[&str]; 4] = [
        &["simulate", "corpus/quickstart", "--json"],
        &["explain", POLICY, "-m", MESSAGE, "--environment", &environment, "--json"],
        &["eval", "split(sender, '@')[1] + retry_num", "--set", "sender=a@b.test", "--set", "retry_num=3"],
        &["eval", "matches('^(.+)@b', sender) && $1 == 'a'", "--set", "sender=a@b.test"],
    ];
    for command in commands {
        let outputs = ENGINES.map(|engine| {
            let arguments: Vec<&str> = command.iter().chain(engine).copied().collect();
            let ran = run(&arguments);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
            ran.stdout
        });
        let [first, others @ ..] = &outputs;
        assert!(!first.is_empty() && others.iter().all(|other| other == first), "{command:?}\n{outputs:#?}");
    }
}

#[test]
fn both_engines_answer_the_vectors_alike() {
    let input = include_str!("../../corpus/vectors/expressions.jsonl");
    let world = ["--contexts", "corpus/vectors/contexts.json", "--environment", "corpus/vectors/environment.json"];
    let answers = ["both", "jit"].map(|engine| {
        let ran = run_with(&[&["eval", "--jsonl", "--engine", engine][..], &world].concat(), input, &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.contains("\"mismatch\""), "{}", ran.stdout);
        ran.stdout
    });
    assert_eq!(answers[0], answers[1]);
}

/// A policy of more questions than machine code is made for.
fn too_large() -> String {
    let mut policy = "[queue.strategy]\nschedule = \"'default'\"\nroute = [\n".to_owned();
    for number in 0..6_500 {
        writeln!(policy, "{{ if = \"size > {number} && retry_num == {number}\", then = \"'mx'\" }},").unwrap();
    }
    policy.push_str("{ else = \"'mx'\" } ]\n[queue.schedule.default]\nretry = [\"2m\"]\nqueue-name = \"default\"\n");
    policy
}

#[test]
fn a_policy_that_is_too_large_for_machine_code_is_decided_by_the_interpreter_and_told() {
    let folder = scratch("too-large", &[("policy.toml", &too_large())]);
    let policy = folder.join("policy.toml").display().to_string();
    let message = "{\"sender\":\"a@home.example\",\"recipients\":[\"b@corp.test\"],\"retry_num\":3}\n";
    let simulate = ["simulate", &policy, "-", "--json"];
    let ran = run_with(&simulate, message, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("the interpreter decides, which gives the same"), "{}", ran.stderr);
    let quiet = run_with(&[&simulate[..], &["--no-jit"]].concat(), message, &[]);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (ran.stdout, ""));
    let ran = run(&["bench", &policy, "--milliseconds", "1", "--json"]);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["interpreter_ns"].is_f64() && report["jit_ns"].is_null(), "{report}");
}

#[test]
fn bench_says_what_a_decision_costs() {
    let folder = scratch("bench", &[("environment.toml", "local_domains = [\"home.example\"]\n")]);
    let environment = folder.join("environment.toml").display().to_string();
    let bench = ["bench", POLICY, "--milliseconds", "1"];
    let ran = run(&[&bench[..], &["--json", "--environment", &environment]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    for member in ["interpreter_ns", "jit_ns"] {
        assert!(report[member].as_f64().is_some_and(|nanoseconds| nanoseconds > 0.0), "{member}: {report}");
    }
    assert!(report["code_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{report}");
    // What nothing answers is named.
    let ran = run(&bench);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("is_local_domain") && ran.stderr.contains("local_domains"), "{}", ran.stderr);
}

#[test]
fn every_stage_of_the_compiler_can_be_seen() {
    let stages = [
        ("dag", "n0: if is_local_domain('*', rcpt_domain) then n1 else n2"),
        ("clif", "function u0:0(i64, i64, i64) -> i64"),
        // What every function ends with, here and on the other machine that there is code for.
        ("code", "ret"),
    ];
    for (stage, expected) in stages {
        let ran = run(&["dump", POLICY, "--stage", stage]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        for kind in ["# route", "# schedule", "# connection", "# tls"] {
            assert!(ran.stdout.contains(kind), "{stage}: {}", ran.stdout);
        }
        assert!(ran.stdout.contains(expected), "{stage}: {}", ran.stdout);
    }
}
