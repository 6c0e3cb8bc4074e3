//! The rows of section 3 of the delivery spec: `corpus/scenarios/ROWS.tsv` names each, and the scenarios that show it for
//! every target.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pointsman::scenario::Scenario;

use crate::{
    cli::scratch,
    scenarios::{of_folder, problems, read, targets},
};

struct Row {
    id: String,
    words: String,
    scenarios: Vec<String>,
}

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn rows(table: &str) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, words, scenarios] = *fields else { panic!("{line}") };
        let scenarios = scenarios.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Row { id: id.to_owned(), words: words.to_owned(), scenarios }
    };
    lines.map(row).collect()
}

fn table() -> Vec<Row> {
    rows(&text("corpus/scenarios/ROWS.tsv"))
}

/// The table rows and numbered rules of section 3, by how each begins.
fn rules(spec: &str) -> Vec<String> {
    let section = spec.split("\n## ").find(|section| section.starts_with("3. ")).unwrap_or_default();
    let mut rules = Vec::new();
    let mut is_in_table = false;
    for line in section.lines().skip(1) {
        let (was_in_table, is_ruler) = (is_in_table, line.chars().all(|char| "|-: ".contains(char)));
        is_in_table = line.starts_with('|');
        let number = line.split_once(". ").filter(|(number, _)| number.parse::<u32>().is_ok());
        match number {
            Some((_, rule)) => rules.push(rule.to_owned()),
            // The first line of a table is its head.
            None if was_in_table && is_in_table && !is_ruler => rules.push(line.trim_matches('|').trim().to_owned()),
            None => {}
        }
    }
    rules
}

/// What is wrong with a row: it is shown by nothing, or by a scenario that expects nothing of a message called after it (or
/// of the one that is named behind `#`), for one of the targets that the scenario is for.
fn problem(row: &Row, of: impl Fn(&str) -> Option<Scenario>) -> Option<String> {
    let id = &row.id;
    if row.scenarios.is_empty() {
        return Some(format!("{id} is shown by no scenario"));
    }
    for shown in &row.scenarios {
        let (name, message) = shown.split_once('#').unwrap_or((shown, id));
        let Some(scenario) = of(name) else { return Some(format!("{id}: there is no {name}")) };
        let is_meant = |other: &str| other.split(':').next() == Some(message) || other == message;
        for target in targets(&scenario) {
            let mut wanted = scenario.expectations.iter().filter(|wanted| is_meant(&wanted.message));
            if !wanted.any(|wanted| wanted.target.is_none_or(|only| only == target)) {
                return Some(format!("{id}: {name} expects nothing of {message} as {target}"));
            }
        }
    }
    None
}

#[test]
fn every_row_is_shown() {
    let table = table();
    let ids: BTreeSet<&str> = table.iter().map(|row| &*row.id).collect();
    assert_eq!(ids.len(), table.len(), "an id is there twice");
    let mut known: BTreeMap<String, Scenario> = BTreeMap::new();
    for name in table.iter().flat_map(|row| &row.scenarios).filter_map(|shown| shown.split('#').next()) {
        let path = Path::new("corpus/scenarios").join(name);
        if path.exists() {
            known.entry(name.to_owned()).or_insert_with(|| read(&path));
        }
    }
    let problems: Vec<String> = table.iter().filter_map(|row| problem(row, |name| known.get(name).cloned())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_row_that_nothing_shows_is_found() {
    let message = |id: &str| format!("[[message]]\nid = \"{id}\"\nsender = \"\"\nrecipients = [\"x@a.test\"]\n");
    let expects = |id: &str, rest: &str| format!("[[expect]]\nmessage = \"{id}\"\n{rest}status = \"delivered\"\n");
    let text = [
        "[world]\n",
        &message("3.5-case-12"),
        &message("3.5-case-2:relay"),
        &message("only-native"),
        "# 3.5-case-1 goes with each of them.\n",
        &expects("3.5-case-12", ""),
        &expects("3.5-case-2:relay", ""),
        &expects("only-native", "target = \"native\"\n"),
    ]
    .concat();
    let folder = scratch("rows", &[("a.scenario.toml", &text)]);
    let scenario = read(&folder.join("a.scenario.toml"));
    let of = |name: &str| (name == "rows/a.scenario.toml").then(|| scenario.clone());
    let wrong =
        |line: &str| rows(&format!("# head\nid\twords\tscenarios\n{line}")).first().and_then(|row| problem(row, of));
    for right in [
        "3.5-case-12\tx\trows/a.scenario.toml",
        "3.5-case-2\tx\trows/a.scenario.toml",
        "3.5-case-1\tx\trows/a.scenario.toml#3.5-case-12",
    ] {
        assert_eq!(wrong(right), None, "{right}");
    }
    for (line, expected) in [
        // A comment shows nothing.
        (
            "3.5-case-1\tx\trows/a.scenario.toml",
            "3.5-case-1: rows/a.scenario.toml expects nothing of 3.5-case-1 as native",
        ),
        (
            "3.5-case-1\tx\trows/a.scenario.toml#only-native",
            "3.5-case-1: rows/a.scenario.toml expects nothing of only-native as stalwart-0.16",
        ),
        ("3.5-case-1\tx\trows/b.scenario.toml", "3.5-case-1: there is no rows/b.scenario.toml"),
        ("3.5-case-1\tx\t", "3.5-case-1 is shown by no scenario"),
    ] {
        assert_eq!(wrong(line).as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn the_table_has_the_rows_of_the_spec() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/delivery.md");
    if !path.exists() {
        println!("skipped: there is no ../shared/spec beside the project");
        return;
    }
    let rules = rules(&text(path));
    let table = table();
    let first = |text: &str| text.split_whitespace().take(7).collect::<Vec<_>>().join(" ");
    let said: Vec<String> = rules.iter().map(|rule| first(rule)).collect();
    let listed: Vec<String> = table.iter().map(|row| first(&row.words)).collect();
    assert_eq!(listed, said);
}

#[test]
fn every_row_comes_out_as_each_target_has_it() {
    let paths = of_folder(Path::new("corpus/scenarios/rows"));
    let shown: BTreeSet<String> = table().into_iter().flat_map(|row| row.scenarios).collect();
    let of_table = |path: &PathBuf| {
        let name = format!("rows/{}", path.file_name().unwrap().to_str().unwrap());
        shown.iter().any(|shown| shown.split('#').next() == Some(&name))
    };
    assert!(paths.iter().filter(|path| of_table(path)).count() >= 11, "{shown:?}");
    let problems: Vec<String> = paths.iter().flat_map(|path| problems(path)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
