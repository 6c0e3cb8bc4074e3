//! The scenarios of the corpus as the project's own reader gives them, and what is wrong with them where they are run for
//! each target that they are for.
//!
//! What a scenario says is never looked for in its lines: a `target` stands at its top and in expectations, an id in
//! comments, and only the reader knows which is which.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pointsman::{
    document::Source,
    policy::Target,
    scenario::{self, Files, Scenario, files::Database},
};
use serde_json::Value as Json;

use crate::cli::{run, scratch};

/// The targets of a scenario that names none.
const TARGETS: [Target; 3] = [Target::Native, Target::STALWART_016, Target::STALWART_015];

/// The files beside a scenario.
struct Beside(PathBuf);

impl Files for Beside {
    #[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(self.0.join(path)).map_err(|error| error.to_string())
    }

    fn open_database(&self, path: &str) -> Result<Arc<dyn Database>, String> {
        Err(format!("{path} is not opened here"))
    }
}

/// The scenario at `path`, which must have no error.
#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
pub(crate) fn read(path: &Path) -> Scenario {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (source, found) = Source::from_bytes(path.display().to_string(), bytes);
    assert!(!found.has_errors(), "{}: {found:?}", path.display());
    let (scenario, found) = scenario::read(&source, &Beside(path.parent().unwrap().to_owned()));
    assert!(!found.has_errors(), "{}: {found:?}", path.display());
    scenario.unwrap()
}

/// The scenarios of a folder, in the order of their names.
pub(crate) fn of_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".scenario.toml"));
    paths.sort();
    paths
}

/// The targets that a scenario is for: the one that it names at its top, else all three.
pub(crate) fn targets(scenario: &Scenario) -> Vec<Target> {
    scenario.target.map_or_else(|| TARGETS.to_vec(), |own| vec![own])
}

/// How many of the recipients of its messages something is expected of, as `target`.
fn expected(scenario: &Scenario, target: Target) -> usize {
    let of_target = scenario.expectations.iter().filter(|wanted| wanted.target.is_none_or(|only| only == target));
    let recipients = |message: &str| {
        let message = scenario.messages.iter().find(|known| known.id == message).unwrap();
        message.recipients.len()
    };
    of_target.map(|wanted| if wanted.rcpt.is_some() { 1 } else { recipients(&wanted.message) }).sum()
}

/// What is wrong with the scenario at `path` for a target that it is for: it does not end with exit code 0, it is not run as
/// that target, or less is looked at than it expects. One that expects nothing is wrong, too.
pub(crate) fn problems(path: &Path) -> Vec<String> {
    let (scenario, mut problems) = (read(path), Vec::new());
    for target in targets(&scenario) {
        let head = format!("{} as {target}", path.display());
        let ran = run(&["simulate", path.to_str().unwrap(), "--target", &target.to_string(), "--json"]);
        let last = ran.stdout.lines().last().and_then(|line| serde_json::from_str::<Json>(line).ok());
        let Some(last) = last.filter(|line| line["type"] == "scenario" && line["target"] == target.to_string()) else {
            problems.push(format!("{head}: it did not run: {}", ran.stderr));
            continue;
        };
        let unmet = last["expectations"]["unmet"].as_array().unwrap();
        let broken = last["properties"].as_array().into_iter().flatten();
        let broken = broken.filter(|property| property["broken"].as_array().is_some_and(|who| !who.is_empty()));
        let violations = last["violations"].as_array().into_iter().flatten();
        let wrong: Vec<String> = unmet.iter().chain(broken).chain(violations).map(Json::to_string).collect();
        if ran.code != Some(0) || !wrong.is_empty() {
            problems.push(format!("{head}: exit code {:?}\n  {}\n{}", ran.code, wrong.join("\n  "), ran.stderr));
        }
        let (expected, met) = (expected(&scenario, target), last["expectations"]["met"].as_u64().unwrap());
        if expected == 0 {
            problems.push(format!("{head}: nothing is expected of it"));
        } else if wrong.is_empty() && met < expected as u64 {
            problems.push(format!("{head}: of {expected} expectations {met} are looked at"));
        }
    }
    problems
}

#[test]
fn a_scenario_that_does_not_come_out_is_a_problem_for_each_target_that_it_is_for() {
    let head = "policy = \"policy.toml\"\n";
    let body = "[world]\nzone = \"a.test. IN A 198.51.100.1\"\n[[message]]\nid = \"m\"\nsender = \"\"\n\
                recipients = [\"x@a.test\"]\n";
    let expects = |status: &str, target: &str| {
        format!("[[expect]]\nmessage = \"m\"\n{target}status = \"{status}\"\n# target = \"stalwart-0.15\"\n")
    };
    let (right, wrong) = (expects("delivered", ""), expects("bounced", ""));
    let native = expects("delivered", "target = \"native\"\n");
    let wrong_native = expects("bounced", "target = \"native\"\n");
    let cases = [
        ("right", format!("{head}{body}{right}"), vec![]),
        ("wrong", format!("{head}{body}{right}{wrong}"), TARGETS.to_vec()),
        // An expectation's own target is not the scenario's.
        ("one-target", format!("{head}{body}{right}{wrong_native}"), vec![Target::Native]),
        ("of-one", format!("{head}target = \"stalwart-0.16\"\n{body}{right}{wrong_native}"), vec![]),
        ("of-one-wrong", format!("{head}target = \"native\"\n{body}{right}{wrong_native}"), vec![Target::Native]),
        ("nothing", format!("{head}{body}"), TARGETS.to_vec()),
        ("nothing-for-some", format!("{head}{body}{native}"), vec![Target::STALWART_016, Target::STALWART_015]),
        ("never", format!("{head}{body}{right}[[never]]\nsecured = true\n"), TARGETS.to_vec()),
        ("no-policy", format!("policy = \"gone.toml\"\n{body}{right}"), TARGETS.to_vec()),
    ];
    let named: Vec<(String, &str)> =
        cases.iter().map(|(name, text, _)| (format!("{name}.scenario.toml"), &**text)).collect();
    let policy = include_str!("../../corpus/scenarios/life/policy.toml");
    let files: Vec<(&str, &str)> =
        named.iter().map(|(name, text)| (&**name, *text)).chain([("policy.toml", policy)]).collect();
    let folder = scratch("scenario-problems", &files);
    assert_eq!(of_folder(&folder).len(), cases.len());
    for (name, _, of) in cases {
        let found = problems(&folder.join(format!("{name}.scenario.toml")));
        let expected: Vec<String> = of.iter().map(|target| format!("{name}.scenario.toml as {target}:")).collect();
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        assert!(found.iter().zip(&expected).all(|(problem, head)| problem.contains(head)), "{name}: {found:#?}");
    }
}
