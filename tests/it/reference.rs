//! Real policy files, read in place beside the project: none crashes or hangs the checker, and those that are known to
//! be valid load without an error, or `corpus/REFERENCE.md` says why not.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pointsman::{
    base::Severity,
    config::{self, NoResources},
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

/// The rows of the collection's index: file and validity.
fn index(folder: &Path) -> Vec<(String, String)> {
    let text = String::from_utf8(read(&folder.join("INDEX.tsv"))).unwrap();
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (file, validity) = (column("slug"), column("validity"));
    let rows = lines.map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        (fields[file].to_owned(), fields[validity].trim_matches('"').to_owned())
    });
    rows.collect()
}

/// The rules of the errors that checking the file finds.
fn errors(path: &Path) -> BTreeSet<&'static str> {
    let (source, mut findings) = Source::from_bytes(path.display().to_string(), read(path));
    if !findings.has_errors() {
        findings.extend(config::load(&source, None, &NoResources).findings);
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.rule).collect()
}

/// The rows of the table: a file, possibly with a `*`, and a rule.
fn explained() -> Vec<(String, String)> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/REFERENCE.md");
    let text = String::from_utf8(read(&table)).unwrap();
    let rows = text.lines().filter_map(|line| {
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
    let explained = explained();
    let mut used = vec![false; explained.len()];
    let mut disputed = Vec::new();
    let (mut count, mut valid) = (0, 0);
    for (file, validity) in index(&folder) {
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

#[test]
fn the_table_is_compared_by_file_and_rule() {
    assert!(names("nix-2025/*.nix", "nix-2025/a.nix") && !names("nix-2025/*.nix", "nix-2024/a.nix"));
    assert!(names("a.toml", "a.toml") && !names("a.toml", "b.toml"));
    assert!(explained().iter().any(|(file, rule)| file == "json-2026/*.cli.txt" && rule == "not-a-policy"));
}
