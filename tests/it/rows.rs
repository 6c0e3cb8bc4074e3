//! The rows of section 3 of the delivery spec: `corpus/scenarios/ROWS.tsv` names each, and the scenarios that show it for
//! every target.

use std::{collections::BTreeSet, path::Path};

use crate::cli::run;

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
        let scenarios = scenarios.split_whitespace().map(str::to_owned).collect();
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

/// What is wrong with a row: it is shown by nothing, or by a scenario that does not name it.
fn problem(row: &Row, of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let id = &row.id;
    if row.scenarios.is_empty() {
        return Some(format!("{id} is shown by no scenario"));
    }
    for name in &row.scenarios {
        let Some(text) = of(name) else { return Some(format!("{id}: there is no {name}")) };
        // Those of `life` are named after what they tell.
        let is_named = name.starts_with("life/")
            || text
                .split(|char: char| !(char.is_ascii_alphanumeric() || "-.".contains(char)))
                .any(|word| word.trim_end_matches('.') == id);
        if !is_named {
            return Some(format!("{id} is not in {name}"));
        }
    }
    None
}

#[test]
fn every_row_is_shown() {
    let table = table();
    let ids: BTreeSet<&str> = table.iter().map(|row| &*row.id).collect();
    assert_eq!(ids.len(), table.len(), "an id is there twice");
    let of = |name: &str| {
        let path = Path::new("corpus/scenarios").join(name);
        path.exists().then(|| text(path))
    };
    let problems: Vec<String> = table.iter().filter_map(|row| problem(row, of)).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_row_that_nothing_shows_is_found() {
    let of = |name: &str| (name == "rows/a.scenario.toml").then(|| "id = \"3.5-case-12\"".to_owned());
    let wrong =
        |line: &str| rows(&format!("# head\nid\twords\tscenarios\n{line}")).first().and_then(|row| problem(row, of));
    assert_eq!(wrong("3.5-case-12\tx\trows/a.scenario.toml"), None);
    assert_eq!(
        wrong("3.5-case-1\tx\trows/a.scenario.toml").as_deref(),
        Some("3.5-case-1 is not in rows/a.scenario.toml")
    );
    assert_eq!(
        wrong("3.5-case-1\tx\trows/b.scenario.toml").as_deref(),
        Some("3.5-case-1: there is no rows/b.scenario.toml")
    );
    assert_eq!(wrong("3.5-case-1\tx\t").as_deref(), Some("3.5-case-1 is shown by no scenario"));
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
    let mut names: BTreeSet<String> = table().into_iter().flat_map(|row| row.scenarios).collect();
    names.retain(|name| name.starts_with("rows/"));
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let path = format!("corpus/scenarios/{name}");
        let own = text(&path)
            .lines()
            .find_map(|line| line.strip_prefix("target = ").map(|name| name.trim_matches('"').to_owned()));
        let targets = own
            .map_or_else(|| ["native", "stalwart-0.16", "stalwart-0.15"].map(str::to_owned).to_vec(), |own| vec![own]);
        for target in targets {
            let ran = run(&["simulate", &path, "--target", &target]);
            let unmet: Vec<&str> = ran
                .stdout
                .lines()
                .filter(|line| line.contains("expected otherwise") || line.contains("must never be"))
                .collect();
            assert_eq!(ran.code, Some(0), "{path} as {target}: {unmet:#?}{}", ran.stderr);
        }
    }
}
