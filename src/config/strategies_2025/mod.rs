//! The layout `strategies_2025`, of the versions 0.13 to 0.15: `queue.strategy.*`, and what it names.
//!
//! What is about outbound delivery is read or reported; everything else (listeners, storage, spam filter) is passed
//! over in silence. Names are not resolved here.
//!
//! Source: delivery spec 0 to 0.2 and 1.1 to 1.10.

mod connection;
mod definitions;
mod dsn;
mod foreign;
mod limits;
mod route;
mod schedule;
mod tls;

use std::collections::BTreeSet;

use base::{Diagnostic, Findings};
use document::{Entry, Node, Table, toml};
use policy::{Compiler, Edition, Scope};

use crate::{
    Dialect, Resources, Settings, codes, common, detect,
    read::Context,
    settings::{Selector, Setting},
    shipped, unread,
};

/// What `tree` says in this layout; beside what the server ships, unless it is `bare`.
pub(crate) fn read(tree: &Node<'_>, bare: bool, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    if bare {
        return read_both(tree, tree, resources, findings);
    }
    let source = shipped::keys();
    let both = shipped::beneath(tree, &toml::parse(&source).0, findings);
    read_both(tree, &both, resources, findings)
}

/// What `both` says: the document's own tree, and what the server ships.
fn read_both(own: &Node<'_>, both: &Node<'_>, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    let tree = both;
    let mut context = Context { dialect: Dialect::Strategies2025, compiler: compiler(tree), resources, findings };
    let mut settings = Settings::empty(Dialect::Strategies2025);
    foreign::report(&mut context, own);
    settings.hostname = common::hostname(&mut context, tree);
    settings.resolver = common::resolver(&mut context, tree);
    settings.dsn = dsn::read(&mut context, tree);
    settings.tls_reports = crate::read::tls_reports(tree);
    let queue = tree.get("queue").and_then(|node| table(&mut context, node, "queue"));
    settings.routes = route::read(&mut context, queue, tree.get("route"));
    if let Some(queue) = queue {
        read_queue(&mut context, queue, &mut settings);
    }
    settings
}

/// `queue.*` but its routes, which have a second place.
fn read_queue(context: &mut Context<'_>, queue: &Table<'_>, settings: &mut Settings) {
    known_sections(context, queue);
    if let Some(node) = queue.get("strategy") {
        read_selectors(context, node, settings);
    }
    settings.queues = schedule::read_queues(context, queue);
    settings.schedules = schedule::read(context, queue, &settings.queues);
    settings.connections = connection::read(context, queue);
    settings.tls_strategies = tls::read(context, queue);
    if let Some(node) = queue.get("limiter")
        && let Some(limiter) = table(context, node, "queue.limiter")
    {
        context.known_keys(limiter, &["outbound", "inbound"], "queue.limiter");
        let mut read = |direction: limits::Direction| match limiter.get(direction.word()) {
            Some(node) => limits::limiters(context, node, direction),
            None => Vec::new(),
        };
        settings.outbound_limiters = read(limits::Direction::Outbound);
        settings.inbound_limiters = read(limits::Direction::Inbound);
    }
    if let Some(node) = queue.get("quota") {
        settings.quotas = limits::quotas(context, node);
    }
}

/// The sections of `queue`.
const SECTIONS: [&str; 9] =
    ["strategy", "route", "schedule", "virtual", "connection", "source-ip", "tls", "limiter", "quota"];

fn known_sections(context: &mut Context<'_>, queue: &Table<'_>) {
    for entry in queue.entries() {
        if let Some(finding) = unread::moved(entry, context.dialect) {
            context.report(finding);
        } else if !SECTIONS.contains(&entry.key()) && !foreign::is_known(entry.key()) {
            context.unknown_key(entry, &SECTIONS, "queue");
        }
    }
}

/// `queue.strategy.*`
fn read_selectors(context: &mut Context<'_>, node: &Node<'_>, settings: &mut Settings) {
    let Some(table) = table(context, node, "queue.strategy") else {
        return;
    };
    context.known_keys(table, &["route", "schedule", "connection", "tls"], "queue.strategy");
    let mut read = |key: &str, scope: Scope| match table.get(key) {
        Some(node) => selector(context, node, &format!("queue.strategy.{key}"), scope),
        None => Selector::BuiltIn,
    };
    settings.route = read("route", Scope::ROUTE);
    settings.schedule = read("schedule", Scope::SCHEDULE);
    settings.connection = read("connection", Scope::CONNECTION);
    settings.tls = read("tls", Scope::TLS);
}

/// A selector, unless its rules are written in the way of 2022.
fn selector(context: &mut Context<'_>, node: &Node<'_>, setting: &str, scope: Scope) -> Selector {
    match detect::structured_rule(node) {
        Some(rule) => {
            context.report(foreign::structured(setting, rule));
            Selector::broken(node.range)
        }
        None => context.selector(node, setting, scope),
    }
}

/// Whether a top-level `route` or `strategy` has what belongs into `queue`.
pub(crate) fn is_top_level(entry: &Entry<'_>) -> bool {
    match entry.key() {
        "route" => route::is_alias(&entry.value),
        _ => foreign::is_strategies(&entry.value),
    }
}

/// Whether an entry of `queue.outbound` holds TLS strategies.
pub(crate) fn is_lost_tls_strategy(entry: &Entry<'_>) -> bool {
    foreign::strategy_in(entry).is_some()
}

/// Whether an entry of `queue.schedule` is a setting for all mail, as in the older layouts.
pub(crate) fn is_global_schedule(entry: &Entry<'_>) -> bool {
    schedule::is_global(entry)
}

/// The table at `node`; anything else is reported.
fn table<'t, 'a>(context: &mut Context<'_>, node: &'t Node<'a>, setting: &str) -> Option<&'t Table<'a>> {
    let table = node.as_table();
    if table.is_none() {
        let message = format!("`{setting}` is {}, not a table", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help(format!("write `[{setting}]` and its keys below")),
        );
    }
    table
}

/// A compiler that knows the document's stores, where it defines some.
///
/// A document without any is a part of a configuration: the stores are defined where the rest is. `lookup.default`
/// holds the server's own names and is no store that somebody defined.
fn compiler(tree: &Node<'_>) -> Compiler {
    let ids = |key: &str| tree.get(key).and_then(Node::as_table).map(Table::entries).unwrap_or_default();
    let mut stores: BTreeSet<String> = ids("store")
        .iter()
        .chain(ids("lookup"))
        .map(|entry| entry.key().to_owned())
        .filter(|id| id != "default")
        .collect();
    let compiler = Compiler::new(Edition::Strategies2025);
    if stores.is_empty() {
        return compiler;
    }
    stores.extend(["", "*", "default"].map(str::to_owned));
    compiler.with_stores(stores)
}

/// The value of a setting that may be absent, read by `read`.
fn given<T>(setting: Setting<T>) -> Option<T> {
    match setting {
        Setting::Given(placed) => Some(placed.value),
        Setting::Default | Setting::Chosen(_) => None,
    }
}

#[cfg(test)]
mod tests;
