//! Small scenarios with the right value of what was once wrong: `corpus/scenarios/trials`, for every target.

use crate::cli::run;

const TARGETS: [&str; 3] = ["native", "stalwart-0.16", "stalwart-0.15"];

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
#[test]
fn every_trial_comes_out_as_each_target_has_it() {
    let folder = "corpus/scenarios/trials";
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".scenario.toml")).collect();
    names.sort();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let path = format!("{folder}/{name}");
        let text = std::fs::read_to_string(&path).unwrap();
        // What stands before the first table belongs to the scenario.
        let top = text.lines().take_while(|line| !line.starts_with('['));
        let own: Vec<&str> = top.filter_map(|line| line.strip_prefix("target = \"")?.strip_suffix('"')).collect();
        for target in if own.is_empty() { TARGETS.to_vec() } else { own } {
            let ran = run(&["simulate", &path, "--target", target]);
            let wrong = |line: &&str| line.contains("expectation failed") || line.contains("must never be");
            let unmet: Vec<&str> = ran.stdout.lines().filter(wrong).collect();
            assert_eq!(ran.code, Some(0), "{path} as {target}: {unmet:#?}{}", ran.stderr);
        }
    }
}
