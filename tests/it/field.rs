//! Cases from the field: situations that others met, in `../shared/samples/field` beside the project, read in place. Each
//! case says what must come out: its scenarios by their expectations, and for some of them the words that a person must see.

use std::{collections::BTreeSet, path::Path};

use crate::cli::run;

/// Cases that do not come out yet, by their number. One that does must not stand here.
const NOT_YET: &[&str] = &[];

/// What a person must see besides: the case, the command, and words of its output.
const WORDS: &[(&str, &[&str], &[&str])] = &[
    ("11", &["simulate", "s.scenario.toml"], &["held until +4h by rate limit 1"]),
    ("19", &["simulate", "world.scenario.toml"], &["refused at RCPT", "no such mailbox"]),
    ("19", &["simulate", "s.scenario.toml", "--json"], &["\"route\":{\"name\":\"local\",\"rule\":1,"]),
];

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What does not come out of a case's scenarios as they expect it.
fn problems(case: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let names = names(case);
    assert!(names.contains("case.toml"), "{} is no case", case.display());
    let scenarios: Vec<&String> = names.iter().filter(|name| name.ends_with(".scenario.toml")).collect();
    assert!(!scenarios.is_empty(), "{} has no scenario", case.display());
    for name in scenarios {
        let ran = run(&["simulate", case.join(name).to_str().unwrap()]);
        if ran.code != Some(0) {
            let is_wrong = |line: &&str| line.contains("expectation failed") || line.contains("must never be");
            let lines: Vec<&str> = ran.stdout.lines().filter(is_wrong).collect();
            found.push(format!("{name}: exit code {:?}: {lines:#?}{}", ran.code, ran.stderr));
        }
    }
    let id = case.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    for (_, command, words) in WORDS.iter().filter(|(number, ..)| id.starts_with(&format!("{number}-"))) {
        let [verb, file, options @ ..] = *command else { panic!("{command:?}") };
        let path = case.join(file);
        let ran = run(&[&[verb, path.to_str().unwrap()], options].concat());
        let missing = words.iter().filter(|word| !ran.stdout.contains(**word));
        found.extend(missing.map(|word| format!("{verb} {file} does not say `{word}`:\n{}", ran.stdout)));
    }
    found
}

#[test]
fn cases_from_the_field_come_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/field");
    if !folder.exists() {
        println!("skipped: there is no ../shared/samples/field beside the project");
        return;
    }
    let cases: Vec<String> = names(&folder).into_iter().filter(|name| folder.join(name).is_dir()).collect();
    assert!(cases.len() >= 5, "{cases:?}");
    for case in cases {
        let problems = problems(&folder.join(&case));
        let is_known = NOT_YET.iter().any(|number| case.starts_with(&format!("{number}-")));
        assert_eq!(problems.is_empty(), !is_known, "{case}: {problems:#?}");
    }
}

#[test]
fn a_case_that_comes_out_otherwise_is_seen() {
    let scenario = "policy = \"policy.toml\"\n[environment]\nlocal_domains = [\"home.test\"]\n[world]\nzone = \"\"\n\
                    [[message]]\nid = \"m\"\nsender = \"\"\nrecipients = [\"a@home.test\"]\n\
                    [[expect]]\nmessage = \"m\"\nstatus = \"refused\"\n";
    let policy = include_str!("../../corpus/scenarios/trials/21-mailboxes.toml");
    let files = [("case.toml", ""), ("policy.toml", policy), ("s.scenario.toml", scenario)];
    let problems = problems(&crate::cli::scratch("field-wrong", &files));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.contains("expected `refused`, found delivered")), "{problems:#?}");
}
