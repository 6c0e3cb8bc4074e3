//! That quirks of the reference decide, and that a dry run says where: `corpus/scenarios/rows`,
//! `corpus/scenarios/life` and `corpus/scenarios/trials` show each of them.

use std::{collections::BTreeSet, path::Path};

use pointsman::policy::{Quirk, Target};
use serde_json::Value as Json;

use crate::cli::run;

/// Quirks of loading a policy: they are in the strategies that a run begins with.
const OF_LOADING: [Quirk; 2] = [Quirk::ImplicitTlsByDefault, Quirk::UnknownNamesGoOn];

/// Message by message, what quirks decided in those scenarios.
fn decided(target: Target) -> Vec<(String, BTreeSet<String>)> {
    let folders = ["rows", "life", "trials"].map(|name| Path::new("corpus/scenarios").join(name));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".scenario.toml"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let ran =
            run(&["simulate", &path.to_string_lossy(), "--target", &target.to_string(), "--json", "--quirks", "all"]);
        // A policy that `native` refuses does not run; what runs ends with what came of it.
        let is_refused = ran.code == Some(1) && ran.stdout.is_empty();
        assert!(ran.stdout.contains("\"type\":\"scenario\"") || is_refused, "{}: {}", path.display(), ran.stderr);
        for line in ran.stdout.lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            if line["type"] == "life" {
                let quirks = line["quirks"].as_array().unwrap().iter();
                let quirks = quirks.map(|quirk| quirk["quirk"].as_str().unwrap().to_owned()).collect();
                all.push((line["message"].as_str().unwrap().to_owned(), quirks));
            }
        }
    }
    all
}

#[test]
fn every_quirk_decides_somewhere_and_is_named_there() {
    for target in [Target::STALWART_015, Target::STALWART_016] {
        let lives = decided(target);
        assert!(lives.len() > 150, "{}", lives.len());
        let all: BTreeSet<&str> = lives.iter().flat_map(|(_, quirks)| quirks).map(String::as_str).collect();
        let silent: Vec<&Quirk> = Quirk::ALL
            .iter()
            .filter(|quirk| target.has(**quirk) && !OF_LOADING.contains(quirk) && !all.contains(quirk.entry().name))
            .collect();
        assert!(silent.is_empty(), "{target}: nothing shows {silent:?}");
        for (message, quirks) in &lives {
            for quirk in quirks {
                let quirk = Quirk::named(quirk).unwrap_or_else(|| panic!("there is no {quirk}"));
                assert!(target.has(quirk), "{target} {message}: {quirk}");
            }
        }
        // A message that is called after a quirk shows it.
        for quirk in Quirk::ALL.iter().filter(|quirk| target.has(**quirk)) {
            let name = quirk.entry().name;
            let mut own = lives.iter().filter(|(message, _)| message == name).peekable();
            assert!(own.peek().is_none() || own.any(|(_, quirks)| quirks.contains(name)), "{target}: {name}");
        }
    }
}

#[test]
fn nothing_of_our_own_is_a_quirk() {
    let lives = decided(Target::Native);
    assert!(lives.len() > 150, "{}", lives.len());
    for (message, quirks) in lives {
        assert!(quirks.is_empty(), "{message}: {quirks:?}");
    }
}
