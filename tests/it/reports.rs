//! What a person is told about a policy: every invalid one of the corpus is reported exactly as recorded, every valid
//! one without a word of error, and every code has a policy that shows it.
//!
//! A new case is a new file below `corpus/policies/<group>/invalid/`, named after the rule that it breaks; what is
//! recorded is then read by a person before it is kept. What would be too large to keep is made here.

use std::{collections::BTreeSet, path::Path};

use pointsman::{
    base::{Code, Findings, Secret},
    config::{self, Dialect, NoResources, Resources},
    document::{
        self, Source,
        render::{self, Colour},
    },
    policy,
};

/// A machine without variables and files, which is asked for both.
struct Bare;

impl Resources for Bare {
    fn variable(&self, name: &str) -> Result<Secret, String> {
        Err(format!("there is no environment variable `{name}`"))
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        Err(format!("there is no file `{path}`"))
    }

    fn resolves(&self) -> bool {
        true
    }
}

/// What `check` says of a file in the layout that its folder is called after, or in the one that it is found to have.
/// Where the rule is about what the machine holds, that is as with `--resolve`.
fn checked(name: &str, bytes: Vec<u8>) -> (Source, Findings) {
    let (source, mut findings) = Source::from_bytes(name, bytes);
    if !findings.has_errors() {
        let asks = ["/macro-unresolved", "/file-unreadable"].iter().any(|rule| name.contains(rule));
        let machine: &dyn Resources = if asks { &Bare } else { &NoResources };
        let forced = name.split('/').next().and_then(Dialect::named);
        findings.extend(config::load(&source, forced, machine).findings);
    }
    (source, findings)
}

fn shown(source: &Source, findings: &Findings) -> String {
    render::text(source, findings, Colour::Never)
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/policies")
}

/// Reads a file of `corpus/policies`, under its name from there.
#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn read(path: &Path) -> (Source, Findings) {
    let top = folder().canonicalize().unwrap();
    let path = path.canonicalize().unwrap();
    let parts: Vec<_> = path.strip_prefix(top).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
    checked(&parts.join("/"), std::fs::read(path).unwrap())
}

/// The files of `corpus/policies/*/<kind>`.
fn files(kind: &str) -> Vec<std::path::PathBuf> {
    let entries = |folder: &Path| -> Vec<_> {
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let mut files: Vec<_> = entries(&folder()).iter().flat_map(|group| entries(&group.join(kind))).collect();
    files.sort();
    // A folder that was moved is no folder without mistakes.
    assert!(files.len() >= 30, "{} files are {kind}", files.len());
    files
}

/// Whether a file is named after `rule`: `rule.toml` or `rule-in-some-way.toml`.
fn is_named_after(stem: &str, rule: &str) -> bool {
    stem.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[test]
fn a_file_is_named_after_one_rule_and_not_after_what_it_begins_with() {
    assert!(is_named_after("missing-operator", "missing-operator"));
    assert!(is_named_after("missing-operator-arrays", "missing-operator"));
    assert!(!is_named_after("missing-operators", "missing-operator"));
    assert!(!is_named_after("missing", "missing-operator"));
}

/// Policies past a limit, which no one would want to read or keep: the code, and the text that it is found in.
const PAST_A_LIMIT: [(&Code, fn() -> String); 8] = [
    (&document::codes::DOCUMENT_TOO_LARGE, || "#".repeat(document::limits::DOCUMENT_BYTES_MAX + 1)),
    (&document::codes::NESTING_TOO_DEEP, || {
        format!("queue.route.mx.type = {}", "[".repeat(document::limits::NESTING_MAX + 1))
    }),
    (&document::codes::TOO_MANY_VALUES, || format!("lookup.list = [{}]", "1,".repeat(document::limits::NODES_MAX + 1))),
    (&document::codes::TOO_MANY_ERRORS, || "please send all mail of the lists by the relay\n".repeat(1_000)),
    (&policy::codes::EXPRESSION_TOO_LONG, || route(&format!("'{}'", "x".repeat(policy::limits::EXPRESSION_BYTES_MAX)))),
    (&policy::codes::NESTING_TOO_DEEP, || {
        let depth = policy::limits::NESTING_MAX + 1;
        route(&format!("{}'mx'{}", "(".repeat(depth), ")".repeat(depth)))
    }),
    (&policy::codes::LIST_TOO_LONG, || route(&format!("count([{}1])", "1,".repeat(policy::limits::LIST_ELEMENTS_MAX)))),
    (&policy::codes::TOO_MANY_RULES, || {
        let rules = r#"{if="1",then="'mx'"},"#.repeat(policy::limits::RULES_MAX + 1);
        format!("queue.strategy.route = [{rules}{{else=\"'mx'\"}}]\n")
    }),
];

fn route(expression: &str) -> String {
    format!("queue.strategy.route = \"{expression}\"\n")
}

#[test]
fn invalid_policies_are_reported_as_recorded() {
    insta::glob!("../../corpus/policies", "*/invalid/*", |path| {
        let (source, findings) = read(path);
        assert!(!findings.is_empty(), "{} is accepted", source.name());
        insta::assert_snapshot!(shown(&source, &findings));
    });
}

#[test]
fn policies_past_a_limit_are_reported_as_recorded() {
    for (code, text) in PAST_A_LIMIT {
        let name = format!("{}-{}", code.id, code.rule);
        let (source, findings) = checked(&format!("{name}.toml"), text().into_bytes());
        // Only the one in question: the limit may be one of many findings, or on their number.
        let mut found = Findings::new();
        findings.iter().filter(|finding| finding.code == code).for_each(|finding| found.push(finding.clone()));
        assert_eq!(found.len(), 1, "{name}");
        insta::assert_snapshot!(name, shown(&source, &found));
    }
}

/// The file's name begins with the rule that it breaks.
#[test]
fn each_invalid_policy_breaks_the_rule_in_its_name() {
    let mut wrong = Vec::new();
    for path in files("invalid") {
        let (source, findings) = read(&path);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if !findings.iter().any(|finding| is_named_after(stem, finding.code.rule)) {
            let rules: BTreeSet<_> = findings.iter().map(|finding| finding.code.rule).collect();
            wrong.push(format!("{} breaks {rules:?}", source.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn valid_policies_have_no_errors() {
    let mut wrong = String::new();
    for path in files("valid") {
        let (source, findings) = read(&path);
        if findings.has_errors() {
            wrong += &shown(&source, &findings);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A whole policy is known by what it says; a part may be too short for that, which is why its folder is asked above.
#[test]
fn valid_policies_are_read_in_their_own_layout() {
    let mut wrong = Vec::new();
    for path in files("valid") {
        let (source, _) = read(&path);
        let Some(dialect) = source.name().split('/').next().and_then(Dialect::named) else { continue };
        let found = config::load(&source, None, &NoResources).settings.map(|settings| settings.dialect);
        if found != Some(dialect) {
            wrong.push(format!("{} is read as {found:?}", source.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes that no policy file can give, with the reason.
const NOT_OF_POLICIES: [(&Code, &str); 5] = [
    (&config::codes::DIALECT_IMPOSSIBLE, "only `--dialect` asks for what a file cannot be"),
    (&config::codes::NO_PLAN, "`simulate` says it where `check` has said what is wrong"),
    (&policy::codes::IR_SYNTAX, "an IR text is no policy"),
    (&policy::codes::IR_OPERATION, "an IR text is no policy"),
    (
        &policy::codes::SYNTAX,
        "a net below the other findings: the fuzz target `expression` looks for a text that needs it",
    ),
];

#[test]
fn every_code_has_an_invalid_policy() {
    let elsewhere = NOT_OF_POLICIES.iter().map(|(code, _)| code.id);
    let mut seen: BTreeSet<&str> = elsewhere.chain(PAST_A_LIMIT.iter().map(|(code, _)| code.id)).collect();
    for path in files("invalid") {
        seen.extend(read(&path).1.iter().map(|finding| finding.code.id));
    }
    let all = [policy::codes::ALL, document::codes::ALL, config::codes::ALL].concat();
    let without: Vec<_> = all.iter().filter(|code| !seen.contains(code.id)).collect();
    for code in &without {
        println!("{} {} has no invalid policy", code.id, code.rule);
    }
    assert!(without.is_empty(), "{} codes have no invalid policy", without.len());
}
