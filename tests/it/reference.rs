//! Real policy files, read in place beside the project: none crashes or hangs the checker, each is read in the layout
//! that it was written for, and those that are known to be valid load without an error, or `corpus/REFERENCE.md` says
//! why not.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pointsman::{
    base::Severity,
    config::{self, Dialect, Loaded, NoResources, Options},
    document::Source,
};

fn collection() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no ../shared/corpus beside the project");
    None
}

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A row of the collection's index.
struct File {
    name: String,
    dialect: String,
    validity: String,
}

/// The rows of the collection's index.
fn index(folder: &Path) -> Vec<File> {
    let text = String::from_utf8(read(&folder.join("INDEX.tsv"))).unwrap();
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (name, dialect, validity) = (column("slug"), column("dialect"), column("validity"));
    let rows = lines.map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let field = |column: usize| fields[column].trim_matches('"').to_owned();
        File { name: field(name), dialect: field(dialect), validity: field(validity) }
    });
    rows.collect()
}

fn load(path: &Path) -> Loaded {
    let (source, found) = Source::from_bytes(path.display().to_string(), read(path));
    assert!(!found.has_errors(), "{}", path.display());
    config::load(&source, None, &NoResources)
}

/// The rules of the errors that checking the file finds.
fn errors(path: &Path) -> BTreeSet<&'static str> {
    let findings = load(path).findings;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.rule).collect()
}

/// The rows of one table, by the title of its section: a file, possibly with a `*`, and what is found in it.
fn explained(section: &str) -> Vec<(String, String)> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/REFERENCE.md");
    let text = String::from_utf8(read(&table)).unwrap();
    let section = text.split("\n## ").find(|text| text.starts_with(section)).unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('`');
        let file = cells.next()?.to_owned();
        let rule = cells.nth(1)?.to_owned();
        Some((file, rule))
    });
    rows.collect()
}

fn names(pattern: &str, file: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, behind)) => file.starts_with(before) && file.ends_with(behind),
        None => pattern == file,
    }
}

#[test]
fn valid_files_load_without_errors_or_the_table_says_why_not() {
    let Some(folder) = collection() else { return };
    let explained = explained("Errors");
    let mut used = vec![false; explained.len()];
    let mut disputed = Vec::new();
    let (mut count, mut valid) = (0, 0);
    for File { name: file, validity, .. } in index(&folder) {
        let found = errors(&folder.join(&file));
        count += 1;
        if validity.starts_with("valid") || validity.starts_with("looks valid") {
            valid += 1;
            for rule in &found {
                let row = explained.iter().position(|(pattern, known)| names(pattern, &file) && known == rule);
                match row {
                    Some(row) => used[row] = true,
                    None => disputed.push(format!("{file}: {rule}")),
                }
            }
        }
        // Modules and transcripts are told to be no policy, whatever the index thinks of them.
        if [".nix", ".cli.txt"].iter().any(|end| file.ends_with(end)) {
            assert_eq!(found, BTreeSet::from(["not-a-policy"]), "{file}");
            explained.iter().enumerate().for_each(|(row, (pattern, _))| used[row] |= names(pattern, &file));
        }
    }
    println!("{count} files, {valid} known to be valid, {} rows of the table", explained.len());
    assert!(count >= 191);
    assert!(disputed.is_empty(), "errors on valid files without a reason:\n{}", disputed.join("\n"));
    let unused: Vec<_> = explained.iter().zip(&used).filter(|(_, used)| !**used).map(|(row, _)| row).collect();
    assert!(unused.is_empty(), "rows of the table that nothing matches: {unused:?}");
}

/// The layouts that the index means. Tests of the language itself are of none in particular.
fn layout(dialect: &str) -> Option<Dialect> {
    Some(match dialect {
        "toml-2022" | "toml-2023" => Dialect::Legacy2022,
        "toml-2024" | "kv-2024" | "nix-2024" => Dialect::Expressions2024,
        "toml-2025" | "kv-2025" | "nix-2025" => Dialect::Strategies2025,
        "json-2026" => Dialect::Objects2026,
        "lang-tests" => return None,
        other => panic!("the index knows a dialect `{other}`"),
    })
}

#[test]
fn each_file_is_read_in_its_layout_or_the_table_says_why_not() {
    let Some(folder) = collection() else { return };
    let explained = explained("Layouts");
    let mut used = vec![false; explained.len()];
    let (mut wrong, mut count) = (Vec::new(), 0);
    for File { name, dialect, .. } in index(&folder) {
        let found = load(&folder.join(&name)).dialect.map_or("none", Dialect::name);
        let Some(expected) = layout(&dialect) else { continue };
        count += 1;
        if found == expected.name() {
            continue;
        }
        match explained.iter().position(|(pattern, known)| names(pattern, &name) && known == found) {
            Some(row) => used[row] = true,
            None => wrong.push(format!("{name}: {found}, not {expected}")),
        }
    }
    assert!(count >= 180);
    assert!(wrong.is_empty(), "read in another layout without a reason:\n{}", wrong.join("\n"));
    let unused: Vec<_> = explained.iter().zip(&used).filter(|(_, used)| !**used).map(|(row, _)| row).collect();
    assert!(unused.is_empty(), "rows of the table that nothing matches: {unused:?}");
}

#[test]
fn the_table_is_compared_by_file_and_rule() {
    assert!(names("nix-2025/*.nix", "nix-2025/a.nix") && !names("nix-2025/*.nix", "nix-2024/a.nix"));
    assert!(names("a.toml", "a.toml") && !names("a.toml", "b.toml"));
    assert!(explained("Errors").iter().any(|(file, rule)| file == "json-2026/*.cli.txt" && rule == "not-a-policy"));
}

/// What 0.13 to 0.16 ship, by the words of findings about names (delivery spec 3.2 and 3.2.1).
const SHIPPED: [(&str, &[&str]); 5] = [
    ("route strategy", &["local", "mx"]),
    ("schedule strategy", &["local", "remote", "dsn", "report"]),
    ("connection strategy", &["default"]),
    ("tls strategy", &["default", "invalid-tls"]),
    ("virtual queue", &["local", "remote", "dsn", "report"]),
];

/// The shipped names that the findings about a file call undefined.
fn blamed(path: &Path, bare: bool) -> Vec<String> {
    let (source, found) = Source::from_bytes(path.display().to_string(), read(path));
    if found.has_errors() {
        return Vec::new();
    }
    let findings = config::load(&source, Options { dialect: None, bare }, &NoResources).findings;
    let about = ["undefined-strategy", "no-definitions", "undefined-queue"];
    let mut blamed = Vec::new();
    for finding in findings.iter().filter(|finding| about.contains(&finding.code.rule)) {
        for (what, names) in SHIPPED.iter().filter(|(what, _)| finding.message.contains(&format!("no {what}"))) {
            let is_named = |name: &&&str| finding.message.contains(&format!("`{name}`"));
            blamed.extend(names.iter().filter(is_named).map(|name| format!("{what} {name}: {}", finding.message)));
        }
    }
    blamed
}

#[test]
fn no_file_is_blamed_for_a_name_that_its_server_ships() {
    let Some(folder) = collection() else { return };
    let (mut alone, mut count) = (0, 0);
    for row in index(&folder) {
        let file = row.name;
        let path = folder.join(&file);
        assert_eq!(blamed(&path, false), Vec::<String>::new(), "{file}");
        count += 1;
        alone += blamed(&path, true).len();
    }
    // Without what is shipped they are undefined, so the test sees what it looks for.
    println!("{count} files; {alone} names that only their servers define");
    assert!(alone >= 10, "{alone}");
}
