//! Keys of other layouts in a document of this one: what they are called here.
//!
//! A server of these versions passes over them without a word, so that what they should have set keeps its default.

use base::{Diagnostic, Severity, TextRange};
use document::{Entry, Node, Table};

use super::{SECTIONS, route, schedule, tls};
use crate::{Dialect, codes, read::Context};

/// Keys of `queue` in older layouts, and what stands for them here.
const QUEUE_KEYS: [(&str, &str); 3] = [
    ("outbound", "`queue.strategy.*` and the strategies that it names"),
    ("threads", "`queue.virtual.NAME.threads-per-node`"),
    ("throttle", "`[[queue.limiter.outbound]]`"),
];

/// Keys of `queue` in older layouts that nothing stands for here.
const QUEUE_KEYS_WITHOUT_EFFECT: [&str; 2] = ["path", "hash"];

/// What stands for `queue.outbound.*`.
const OUTBOUND_KEYS: [(&str, &str); 7] = [
    ("next-hop", "`queue.strategy.route`, and the routes `[queue.route.NAME]` that it names"),
    ("hostname", "`queue.connection.NAME.ehlo-hostname`"),
    ("ip-strategy", "`queue.route.NAME.ip-lookup` of a route of type `mx`"),
    ("limits", "`queue.route.NAME.limits` of a route of type `mx`"),
    ("source-ip", "`queue.connection.NAME.source-ips`"),
    ("tls", "`[queue.tls.NAME]`, which `queue.strategy.tls` picks"),
    ("timeouts", "`queue.connection.NAME.timeout`, and for `tls` and `mta-sts` `queue.tls.NAME.timeout`"),
];

/// Whether `queue.<key>` is reported here.
pub(super) fn is_known(key: &str) -> bool {
    QUEUE_KEYS.iter().any(|(known, _)| *known == key) || QUEUE_KEYS_WITHOUT_EFFECT.contains(&key)
}

/// Reports every key of another layout.
pub(super) fn report(context: &mut Context<'_>, tree: &Node<'_>) {
    let own = own_place(tree);
    let queue = tree.get("queue").and_then(Node::as_table);
    for entry in queue.map(Table::entries).unwrap_or_default() {
        match entry.key() {
            "outbound" => outbound(context, entry, own),
            "schedule" => global_schedule(context, entry, own),
            key => queue_key(context, key, entry, own),
        }
    }
    remotes(context, tree, own);
    lost_headers(context, tree);
}

/// The finding about a rule that is written in the way of 2022.
pub(super) fn structured(setting: &str, rule: TextRange) -> Diagnostic {
    let is_match = setting.rsplit('.').next() == Some("match");
    let key = if is_match { "match" } else { "if" };
    Diagnostic::new(&codes::DIALECT_MIXED, rule, format!("the condition of `{setting}` is written in the way of 2022"))
        .help(format!("a condition is one expression: `{key} = \"sender_domain == 'example.org'\"`"))
}

/// Where the first key of this layout stands.
fn own_place(tree: &Node<'_>) -> Option<TextRange> {
    let queue = tree.get("queue")?.as_table()?;
    let is_own = |entry: &&Entry<'_>| {
        let key = entry.key();
        SECTIONS.contains(&key) && !matches!(key, "schedule" | "limiter" | "quota")
    };
    queue.entries().iter().find(is_own).map(|entry| entry.key_range)
}

fn mixed(range: TextRange, own: Option<TextRange>, key: &str, instead: &str) -> Diagnostic {
    let message = match own {
        Some(_) => format!("`{key}` belongs to an older layout than the rest of the document"),
        None => format!("`{key}` belongs to an older layout than `{}`", Dialect::Strategies2025),
    };
    let finding = Diagnostic::new(&codes::DIALECT_MIXED, range, message)
        .label("servers of the newer layout pass over it")
        .help(format!("what stands for it there is {instead}"));
    match own {
        Some(own) => finding.related(own, "a key of the newer layout"),
        None => finding,
    }
}

/// Each setting of `queue.outbound`.
fn outbound(context: &mut Context<'_>, entry: &Entry<'_>, own: Option<TextRange>) {
    let Some(table) = entry.value.as_table().filter(|table| !table.is_empty()) else {
        queue_key(context, "outbound", entry, own);
        return;
    };
    for entry in table.entries() {
        let key = format!("queue.outbound.{}", entry.key());
        if let Some(strategy) = strategy_in(entry) {
            let id = strategy.key();
            context.report(mixed(strategy.key_range, own, &format!("{key}.{id}"), &format!("`[queue.tls.{id}]`")));
            continue;
        }
        let instead = OUTBOUND_KEYS.iter().find(|(known, _)| *known == entry.key());
        let instead = instead.map_or("`queue.strategy.*` and the strategies that it names", |(_, instead)| instead);
        context.report(mixed(entry.key_range, own, &key, instead));
    }
}

/// A TLS strategy that stands under `queue.outbound.tls`.
pub(super) fn strategy_in<'t, 'a>(entry: &'t Entry<'a>) -> Option<&'t Entry<'a>> {
    if entry.key() != "tls" {
        return None;
    }
    let is_strategy = |inner: &&Entry<'_>| {
        let keys = inner.value.as_table().map(Table::entries).unwrap_or_default();
        !tls::STRATEGY_KEYS.contains(&inner.key()) && keys.iter().any(|entry| tls::STRATEGY_KEYS.contains(&entry.key()))
    };
    entry.value.as_table()?.entries().iter().find(is_strategy)
}

fn queue_key(context: &mut Context<'_>, key: &str, entry: &Entry<'_>, own: Option<TextRange>) {
    if let Some((_, instead)) = QUEUE_KEYS.iter().find(|(known, _)| *known == key) {
        context.report(mixed(entry.key_range, own, &format!("queue.{key}"), instead));
    } else if QUEUE_KEYS_WITHOUT_EFFECT.contains(&key) {
        let message = format!("`queue.{key}` has no effect since version 0.6");
        context.report(
            Diagnostic::new(&codes::INEFFECTIVE_SETTING, entry.key_range, message)
                .help("delete it: the queue is kept in the server's data store"),
        );
    }
}

/// `queue.schedule.retry` and its like, which once were there for all mail.
fn global_schedule(context: &mut Context<'_>, entry: &Entry<'_>, own: Option<TextRange>) {
    let settings = entry.value.as_table().map(Table::entries).unwrap_or_default();
    for setting in settings.iter().filter(|entry| schedule::is_global(entry)) {
        let key = setting.key();
        context.report(mixed(
            setting.key_range,
            own,
            &format!("queue.schedule.{key}"),
            &format!("`queue.schedule.NAME.{key}`, which `queue.strategy.schedule` picks"),
        ));
    }
}

/// `[remote."x"]`, once for each of them.
fn remotes(context: &mut Context<'_>, tree: &Node<'_>, own: Option<TextRange>) {
    let remotes = tree.get("remote").and_then(Node::as_table);
    for entry in remotes.map(Table::entries).unwrap_or_default() {
        let id = entry.key();
        context.report(mixed(
            entry.key_range,
            own,
            &format!("remote.{id}"),
            &format!("`[queue.route.{id:?}]` with `type = \"relay\"`"),
        ));
    }
}

/// A selector, or a table of them, that stands at the top of the document; a path in quotes.
fn lost_headers(context: &mut Context<'_>, tree: &Node<'_>) {
    for entry in tree.as_table().map(Table::entries).unwrap_or_default() {
        let key = entry.key();
        let instead = match key {
            "strategy" if is_strategies(&entry.value) => "[queue.strategy]",
            "route" if !route::is_alias(&entry.value) => "queue.strategy.route",
            _ if key.starts_with("queue.") => {
                context.report(
                    Diagnostic::new(
                        &codes::UNKNOWN_KEY,
                        entry.key_range,
                        format!("`{key}` in quotes is one key with dots, and is not read"),
                    )
                    .severity(Severity::Error)
                    .help("write its parts without quotes around all of them"),
                );
                continue;
            }
            _ => continue,
        };
        let message = format!("no server reads `{key}` at the top of the document");
        context
            .report(Diagnostic::new(&codes::WRONG_PREFIX, entry.key_range, message).help(format!("write `{instead}`")));
    }
}

/// Whether a top-level `strategy` has selectors.
pub(super) fn is_strategies(node: &Node<'_>) -> bool {
    let entries = node.as_table().map(Table::entries).unwrap_or_default();
    entries.iter().any(|entry| matches!(entry.key(), "route" | "schedule" | "connection" | "tls"))
}
