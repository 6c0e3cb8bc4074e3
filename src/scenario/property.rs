//! What must hold of every message of every scenario: `[[never]]` and `[[always]]`, in a scenario or in a file of their own.
//!
//! A property says of whom it speaks, and then what is never, or always, seen of them.

use base::{Diagnostic, Findings};
use document::{Node, Source};
use policy::Variable;

use crate::{
    codes,
    context::{Context, tree},
    expectation::Expectation,
    files::Files,
    limits,
    place::Place,
    read::{self, Known},
    world,
};

/// The keys of a property.
pub(crate) const KEYS: &[&str] = &[
    "name",
    "sender_domain",
    "rcpt_domain",
    "source",
    "target",
    "status",
    "within",
    "after",
    "error",
    "host",
    "secured",
    "tls_report",
    "commands",
    "reports",
    "report_status",
    "attempts",
    "route",
    "schedule",
    "connection",
    "tls",
];

/// The keys of a file of properties.
pub(crate) const FILE_KEYS: &[&str] = &["never", "always"];

/// Something that must hold of every message.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// What it is called.
    pub name: String,
    /// Whether it must never be seen; else it must always be.
    pub is_never: bool,
    /// Of whose mail it speaks: of everybody's without it.
    pub sender_domain: Option<String>,
    /// Of mail to which domain.
    pub rcpt_domain: Option<String>,
    /// Of mail out of which source.
    pub source: Option<&'static str>,
    /// What is seen; its message is none.
    pub seen: Expectation,
}

/// Reads a file of properties, TOML or JSON.
#[must_use]
pub fn read(source: &Source, files: &dyn Files) -> (Vec<Property>, Findings) {
    let (root, mut findings) = tree(source);
    if findings.has_errors() {
        return (Vec::new(), findings);
    }
    let mut context = Context::new(files, &mut findings);
    let Some(table) = context.table(&root, "the file", "`[[never]]` and `[[always]]` tables") else {
        return (Vec::new(), findings);
    };
    context.unknown_keys(table, "a file of properties", FILE_KEYS);
    let known = Known { has_world: true, ..Known::default() };
    let properties = of_table(table, &known, &mut context);
    if properties.is_empty() && !context.findings.has_errors() {
        let finding = Diagnostic::new(&codes::EMPTY_EXPECTATION, root.range, "the file holds no property");
        context.report(finding.help("add `[[never]]` with `secured = false`"));
    }
    (properties, findings)
}

/// The properties of a scenario or of a file.
pub(crate) fn of_table(table: &document::Table<'_>, known: &Known, context: &mut Context<'_>) -> Vec<Property> {
    let mut all = Vec::new();
    for (key, is_never) in [("never", true), ("always", false)] {
        let Some(node) = table.get(key) else { continue };
        if !known.has_world {
            let message = "without a `[world]`, nothing is sent that could be seen";
            let finding = Diagnostic::new(&codes::INVALID_VALUE, node.range, message);
            context.report(finding.help("add `[world]` with a `zone`"));
            continue;
        }
        let nodes = read::tables(node, key, limits::PROPERTIES_MAX, context).unwrap_or_default();
        for (place, node) in nodes.iter().enumerate() {
            let name = format!("{key} {}", place + 1);
            all.extend(property(node, name, is_never, known, context));
        }
    }
    all
}

fn property(
    node: &Node<'_>,
    name: String,
    is_never: bool,
    known: &Known,
    context: &mut Context<'_>,
) -> Option<Property> {
    let table = context.table(node, if is_never { "never" } else { "always" }, "a table with `secured = false`")?;
    context.unknown_keys(table, "a property", KEYS);
    let mut property = Property {
        name,
        is_never,
        sender_domain: None,
        rcpt_domain: None,
        source: None,
        seen: Expectation { place: Place(node.range), ..Expectation::of("") },
    };
    if let Some(name) =
        table.get("name").and_then(|node| context.text(node, "name", "`\"the bank's mail is secured\"`"))
    {
        property.name = name.to_owned();
    }
    for (key, slot) in [("sender_domain", &mut property.sender_domain), ("rcpt_domain", &mut property.rcpt_domain)] {
        let domain = table.get(key).and_then(|node| context.text(node, key, "`\"corp.test\"`"));
        *slot = domain.map(|domain| domain.trim_end_matches('.').to_lowercase());
    }
    if let Some(node) = table.get("source") {
        let words = Variable::Source.texts().unwrap_or_default();
        let named = |text: &str| words.iter().copied().find(|word| *word == text);
        property.source = world::word(node, "source", words, named, context);
    }
    read::seen(node, table, &mut property.seen, known, context);
    Some(property)
}
