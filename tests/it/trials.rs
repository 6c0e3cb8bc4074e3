//! What a dry run once got wrong, by kinds: `corpus/scenarios/TRIALS.tsv` numbers them, and names the scenarios and tests that
//! hold the right value of each.
//!
//! A line is a number, what shows it, and in words what is shown. `kind` instead of what shows it gives the number its
//! words; a scenario of `corpus/scenarios/trials` stands as `trials/NAME`, a test as `FILE::FUNCTION`. Lines are in no
//! order.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    cli::scratch,
    scenarios::{of_folder, problems},
};

/// The folder of the scenarios.
const FOLDER: &str = "corpus/scenarios/trials";

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn text(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// What is wrong with a table, by a function that gives the text of a file and the names of the scenarios that there are.
fn wrong_with(table: &str, text: impl Fn(&str) -> Option<String>, scenarios: &BTreeSet<String>) -> Vec<String> {
    let (mut wrong, mut kinds, mut listed) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [number, shown, words] = *fields else {
            wrong.push(format!("not three fields: `{line}`"));
            continue;
        };
        if words.trim().is_empty() {
            wrong.push(format!("`{line}` has no words"));
        }
        if shown == "kind" {
            if kinds.insert(number.to_owned(), 0_u32).is_some() {
                wrong.push(format!("{number} is a kind twice"));
            }
            continue;
        }
        if !listed.insert((number, shown)) {
            wrong.push(format!("{number} lists {shown} twice"));
        }
        match (shown.strip_prefix("trials/"), shown.split_once("::")) {
            (Some(name), _) if !scenarios.contains(name) => wrong.push(format!("there is no {shown}")),
            (Some(_), _) => {}
            (None, Some((file, function))) => {
                let is_there = text(file).is_some_and(|text| {
                    text.contains(&format!("\nfn {function}(")) || text.contains(&format!(" fn {function}("))
                });
                if !is_there {
                    wrong.push(format!("there is no {shown}"));
                }
            }
            (None, None) => wrong.push(format!("`{shown}` is no `trials/NAME` and no `FILE::FUNCTION`")),
        }
    }
    for (number, shown) in &listed {
        match kinds.get_mut(*number) {
            Some(count) => *count += 1,
            None => wrong.push(format!("{number} ({shown}) is no kind")),
        }
    }
    for name in scenarios {
        let number = name.split('-').next().unwrap_or_default();
        if !listed.contains(&(number, &*format!("trials/{name}"))) {
            wrong.push(format!("trials/{name} is not listed under {number}"));
        }
    }
    wrong.extend(kinds.iter().filter(|(_, count)| **count == 0).map(|(number, _)| format!("nothing shows {number}")));
    wrong
}

#[test]
fn every_trial_comes_out_as_each_target_has_it() {
    let paths = of_folder(Path::new(FOLDER));
    assert!(!paths.is_empty());
    let problems: Vec<String> = paths.iter().flat_map(|path| problems(path)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_trial_is_in_the_table_and_every_kind_is_shown() {
    let names = of_folder(Path::new(FOLDER)).into_iter();
    let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let table = text("corpus/scenarios/TRIALS.tsv").unwrap();
    let kinds = table.lines().filter(|line| line.split('\t').nth(1) == Some("kind")).count();
    assert_eq!(kinds, 30, "1 to 29 and the vectors");
    let wrong = wrong_with(&table, |path| text(path), &names);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_with_a_table_is_found() {
    let scenarios: BTreeSet<String> = ["10-a.scenario.toml".to_owned(), "11-b.scenario.toml".to_owned()].into();
    let file =
        |path: &str| (path == "tests/it/x.rs").then(|| "#[test]\nfn holds() {}\n    fn within() {}\n".to_owned());
    let right = "# head\n10\tkind\twords\n10\ttrials/10-a.scenario.toml\twords\n11\tkind\twords\n11\ttrials/11-b.scenario.toml\twords\n";
    let with = |more: &str| wrong_with(&format!("{right}{more}"), file, &scenarios);
    for fine in ["", "28\tkind\tx\n28\ttests/it/x.rs::holds\tx", "28\tkind\tx\n28\ttests/it/x.rs::within\tx"] {
        assert_eq!(with(fine), Vec::<String>::new(), "{fine}");
    }
    for (more, expected) in [
        ("29\tkind\tx", "nothing shows 29"),
        ("10\tkind\tx", "10 is a kind twice"),
        ("12\ttests/it/x.rs::holds\tx", "12 (tests/it/x.rs::holds) is no kind"),
        ("10\ttests/it/x.rs::hold\tx", "there is no tests/it/x.rs::hold"),
        ("10\ttests/it/y.rs::holds\tx", "there is no tests/it/y.rs::holds"),
        ("10\ttrials/10-b.scenario.toml\tx", "there is no trials/10-b.scenario.toml"),
        ("10\ttrials/10-a.scenario.toml\tx", "10 lists trials/10-a.scenario.toml twice"),
        ("10\tsomewhere\tx", "`somewhere` is no `trials/NAME` and no `FILE::FUNCTION`"),
        ("10\ttests/it/x.rs::holds\t ", "`10\ttests/it/x.rs::holds\t ` has no words"),
        ("10 kind x", "not three fields: `10 kind x`"),
    ] {
        assert!(with(more).contains(&expected.to_owned()), "{more}: {:?}", with(more));
    }
    // What stands in the folder and not in the table, or under another number.
    let wrong = wrong_with(&right.replace("11\ttrials/11", "10\ttrials/11"), file, &scenarios);
    assert_eq!(wrong, ["trials/11-b.scenario.toml is not listed under 11", "nothing shows 11"]);
}

/// The whole chain: a trial that expects what does not come fails.
#[test]
fn a_trial_with_a_wrong_expectation_fails() {
    let text = text(Path::new(FOLDER).join("11-own-messages.scenario.toml")).unwrap();
    let policy = text_of_policy();
    let path = |text: &str| {
        let folder = scratch("trials", &[("11-own-messages.scenario.toml", text), ("11-policy.toml", &policy)]);
        folder.join("11-own-messages.scenario.toml")
    };
    assert_eq!(problems(&path(&text)), Vec::<String>::new());
    let wrong = text.replacen("reports = \"none\"", "reports = \"failed\"", 1);
    assert_ne!(wrong, text);
    assert_eq!(problems(&path(&wrong)).len(), 3, "one for each target");
}

fn text_of_policy() -> String {
    text(Path::new(FOLDER).join("11-policy.toml")).unwrap()
}
