//! What a TOML document says in places that no server reads, and whether it says anything about outbound delivery at all.
//!
//! A server passes over a key that it does not know. Where rules stand below it, they are gone, and the built-in ones
//! decide about all mail. So a section that is misspelled, that lost its `queue.` or that stands within another one is
//! an error, and a document that is left without any outbound setting is no policy.
//!
//! Invariant: nothing here depends on the layout, so that a document which is no policy is one in every layout.

use base::{Diagnostic, Findings, Fix, Severity, TextRange};
use document::{Entry, Node, Source, Table};
use policy::spelling::nearest;

use crate::{Dialect, codes, detect, strategies_2025};

/// The sections of `queue` in any layout.
const SECTIONS: [&str; 13] = [
    "strategy",
    "route",
    "schedule",
    "virtual",
    "connection",
    "source-ip",
    "tls",
    "limiter",
    "quota",
    "outbound",
    "throttle",
    "threads",
    "path",
];

/// Sections of `queue` by which they are known where they stand at the top of a document, and whether these keys stand
/// below a name.
const LOST: [(&str, bool, &[&str]); 9] = [
    ("schedule", true, &["queue-name", "retry", "notify", "expire", "max-attempts"]),
    ("schedule", false, &["retry", "notify", "expire"]),
    ("virtual", true, &["threads-per-node"]),
    ("connection", true, &["timeout", "source-ips", "ehlo-hostname"]),
    ("source-ip", true, &["ehlo-hostname"]),
    ("tls", true, &["dane", "starttls", "mta-sts", "allow-invalid-certs"]),
    ("outbound", false, &["next-hop", "ip-strategy", "limits", "source-ip", "tls", "timeouts"]),
    ("limiter", false, &["outbound", "inbound"]),
    ("quota", false, &["messages", "size"]),
];

/// How deep a lost `queue` is looked for.
const DEPTH_MAX: usize = 4;

/// Whether a setting of outbound delivery stands where one layout or another reads it.
pub(crate) fn is_policy(tree: &Node<'_>) -> bool {
    let sections = tree.as_table().map(Table::entries).unwrap_or_default();
    sections.iter().any(|entry| match entry.key() {
        "queue" => entry.value.as_table().is_some_and(|queue| queue.entries().iter().any(is_section)),
        "remote" | "resolver" => entry.value.as_table().is_some_and(|table| !table.is_empty()),
        "report" => ["dsn", "submitter"].iter().any(|key| entry.value.get(key).is_some_and(has_value)),
        "route" | "strategy" => strategies_2025::is_top_level(entry),
        _ => false,
    })
}

/// Whether an entry of `queue` is a setting or holds one, in whichever layout.
fn is_section(entry: &Entry<'_>) -> bool {
    (SECTIONS.contains(&entry.key()) || entry.key() == "hash") && has_value(&entry.value)
}

/// Whether anything but empty tables stands in `node`.
fn has_value(node: &Node<'_>) -> bool {
    node.as_table().is_none_or(|table| table.entries().iter().any(|entry| has_value(&entry.value)))
}

/// Reports outbound settings in places that no layout reads.
pub(crate) fn report(tree: &Node<'_>, findings: &mut Findings) {
    for entry in tree.as_table().map(Table::entries).unwrap_or_default() {
        if entry.key() == "queue" {
            continue;
        }
        if let Some(meant) = meant(entry) {
            findings.push(misspelled(entry, meant));
        } else if let Some(section) = lost_section(entry) {
            findings.push(
                Diagnostic::new(
                    &codes::WRONG_PREFIX,
                    entry.key_range,
                    format!("no server reads `{section}` at the top of the document"),
                )
                .severity(Severity::Error)
                .help(format!("did you mean `queue.{section}`?")),
            );
        } else {
            within(&entry.value, entry.key(), DEPTH_MAX, findings);
        }
    }
}

/// The finding about `queue.<key>`, where the key belongs one table deeper in the layout `dialect`.
pub(crate) fn moved(entry: &Entry<'_>, dialect: Dialect) -> Option<Diagnostic> {
    let key = entry.key();
    let instead = match (key, dialect) {
        ("retry" | "notify" | "expire", Dialect::Strategies2025) => format!("queue.schedule.NAME.{key}"),
        ("max-attempts", Dialect::Strategies2025) => format!("queue.schedule.NAME.{key}"),
        ("retry" | "notify" | "expire", _) => format!("queue.schedule.{key}"),
        ("next-hop" | "ip-strategy" | "hostname" | "limits" | "timeouts" | "source-ip" | "tls", _)
            if dialect != Dialect::Strategies2025 =>
        {
            format!("queue.outbound.{key}")
        }
        _ => return None,
    };
    let finding = Diagnostic::new(&codes::WRONG_PREFIX, entry.key_range, format!("no server reads `queue.{key}`"));
    Some(finding.severity(Severity::Error).help(format!("did you mean `{instead}`?")))
}

/// The section that `entry` was probably meant to be, by its name and by what it holds.
fn meant(entry: &Entry<'_>) -> Option<&'static str> {
    const NAMES: [&str; 3] = ["queue", "remote", "resolver"];
    let name = nearest(entry.key(), NAMES).filter(|name| *name != entry.key())?;
    let table = entry.value.as_table()?;
    let is_like = match name {
        "queue" => table.entries().iter().any(is_like_section),
        "remote" => table.entries().iter().any(|entry| entry.value.get("address").is_some()),
        _ => ["type", "custom"].iter().any(|key| table.get(key).is_some()),
    };
    is_like.then_some(name)
}

/// Whether an entry could stand in `queue`, give or take a letter.
fn is_like_section(entry: &Entry<'_>) -> bool {
    nearest(entry.key(), SECTIONS).is_some() && has_value(&entry.value)
}

fn misspelled(entry: &Entry<'_>, meant: &str) -> Diagnostic {
    let (key, range) = (entry.key(), entry.key_range);
    Diagnostic::new(&codes::UNKNOWN_KEY, range, format!("no server reads `{key}`"))
        .severity(Severity::Error)
        .help(format!("did you mean `{meant}`?"))
        .fix(Fix::replace(format!("rename to `{meant}`"), range, meant))
}

/// The section of `queue` that a top-level entry is.
fn lost_section(entry: &Entry<'_>) -> Option<&'static str> {
    let table = entry.value.as_table();
    let first = entry.value.as_list().and_then(|list| list.first()).and_then(Node::as_table);
    let has = |table: &Table<'_>, keys: &[&str]| keys.iter().any(|key| table.get(key).is_some());
    let fits = |&(section, is_named, keys): &(&'static str, bool, &[&str])| {
        let is_lost = section == entry.key()
            && if is_named {
                let inner = table.map(Table::entries).unwrap_or_default();
                inner.iter().filter_map(|entry| entry.value.as_table()).any(|table| has(table, keys))
            } else {
                table.or(first).is_some_and(|table| has(table, keys))
            };
        is_lost.then_some(section)
    };
    LOST.iter().find_map(fits)
}

/// Reports a `queue` within another section.
fn within(node: &Node<'_>, path: &str, depth: usize, findings: &mut Findings) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for entry in node.as_table().map(Table::entries).unwrap_or_default() {
        let path = format!("{path}.{}", entry.key());
        let sections = || entry.value.as_table().map(Table::entries).unwrap_or_default();
        if entry.key() == "queue" && sections().iter().any(|entry| is_section(entry) && is_about_mail(entry)) {
            findings.push(
                Diagnostic::new(&codes::WRONG_PREFIX, entry.key_range, format!("no server reads `{path}`"))
                    .severity(Severity::Error)
                    .help("did you mean `queue`, at the top of the document?"),
            );
        } else {
            within(&entry.value, &path, depth, findings);
        }
    }
}

/// Whether a section holds rules or a known setting, and is no mere namesake.
fn is_about_mail(entry: &Entry<'_>) -> bool {
    detect::holds_rules(&entry.value) || lost_section(entry).is_some() || strategies_2025::is_top_level(entry)
}

/// The finding about a document that says nothing about outbound delivery.
pub(crate) fn no_policy(source: &Source, tree: Option<&Node<'_>>, dialect: Dialect) -> Diagnostic {
    let entries = tree.and_then(Node::as_table).map(Table::entries).unwrap_or_default();
    let has = |key: &str| entries.iter().any(|entry| entry.key() == key);
    let finding = |message: &str| Diagnostic::new(&codes::NOT_A_POLICY, first_line(source), message);
    if entries.is_empty() {
        return finding("the document holds no setting").help(BUILT_IN);
    }
    if SCENARIO.iter().any(|key| has(key)) && !has("server") {
        return finding("this looks like a scenario, not a policy file")
            .help("`pointsman simulate` runs it, with the policy that it names");
    }
    let shown: Vec<_> = entries.iter().take(SHOWN_MAX).map(|entry| format!("`{}`", short(entry.key()))).collect();
    let more = if entries.len() > shown.len() { " and more" } else { "" };
    let example = match dialect {
        Dialect::Legacy2022 | Dialect::Expressions2024 => "sections such as `[queue.outbound]` and `[queue.schedule]`",
        Dialect::Strategies2025 => "sections such as `[queue.strategy]` and `[queue.route.NAME]`",
        Dialect::Objects2026 => "objects such as `MtaOutboundStrategy` and `MtaRoute`",
    };
    finding("the document has no outbound setting")
        .help(format!("it has {}{more}; a policy has {example}, and {BUILT_IN}", shown.join(", ")))
}

/// Keys by which a scenario is known.
const SCENARIO: [&str; 3] = ["message", "expect", "world"];

/// Why a document without settings is refused.
const BUILT_IN: &str = "a server without any uses its built-in rules for all mail";

/// How many keys a message names.
const SHOWN_MAX: usize = 5;

/// A key in a message.
fn short(key: &str) -> String {
    const LENGTH_MAX: usize = 30;
    let mut short: String = key.chars().take(LENGTH_MAX).collect();
    if short.len() < key.len() {
        short.push('…');
    }
    short
}

/// The first line that says something; the start of the document where there is none.
fn first_line(source: &Source) -> TextRange {
    let mut offset = 0;
    for line in source.text().split_inclusive('\n') {
        let start = offset + (line.len() - line.trim_start().len());
        offset += line.len();
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            return TextRange::of(start..start + line.len());
        }
    }
    TextRange::at(0)
}

/// Whether a text that could not be read as a whole speaks of outbound delivery.
pub(crate) fn speaks_of_delivery(source: &Source) -> bool {
    const WORDS: [&str; 5] = ["queue", "remote", "resolver", "Mta", "MTA"];
    WORDS.iter().any(|word| source.text().contains(word))
}

#[cfg(test)]
mod tests;
