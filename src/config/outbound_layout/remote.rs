//! `[remote."x"]`: the hosts that mail can be handed to.
//!
//! A remote host that speaks IMAP is asked for accounts and is no route.
//!
//! Source: delivery spec 1.2.

use std::collections::BTreeMap;

use base::{Diagnostic, Severity, TextRange};
use document::{Entry, Node, Table};

use super::Reported;
use crate::{
    Dialect, codes,
    read::Context,
    settings::{Definition, Definitions, Placed, Protocol, Relay, Route, Setting},
};

/// The hosts of a document by name, and what delivery by DNS is called beside them.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// Each with the place of its name, and whether it is a route.
    pub(crate) known: BTreeMap<String, Host>,
    /// The name of the route that delivers to the hosts that DNS names: `mx`, or another one where a remote host has
    /// that name.
    pub(crate) mx: String,
}

/// A remote host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    /// Where its name stands.
    pub(crate) range: TextRange,
    /// Whether mail can be handed to it.
    pub(crate) is_route: bool,
}

impl Hosts {
    /// Those that mail can be handed to.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &str> {
        let routes = self.known.iter().filter(|(_, host)| host.is_route);
        routes.map(|(name, _)| name.as_str())
    }
}

/// Reads `remote.<id>`, and adds those that are routes to `routes`.
pub(super) fn hosts(context: &mut Context<'_>, tree: &Node<'_>, routes: &mut Definitions<Route>) -> Hosts {
    let mut known = BTreeMap::new();
    let entries = match tree.get("remote").map(|node| (node, node.as_table())) {
        None => &[],
        Some((_, Some(table))) => table.entries(),
        Some((node, None)) => {
            let message = format!("`remote` is {}, not a section", node.kind_name());
            context.report(
                Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                    .help("a remote host is a section `[remote.\"name\"]`"),
            );
            &[]
        }
    };
    for entry in entries {
        let Ok(relay) = host(context, entry) else { continue };
        let host = Host { range: entry.key_range, is_route: relay.is_some() };
        known.insert(entry.key().to_owned(), host);
        if let Some(relay) = relay {
            let _ = routes.insert(Definition {
                name: entry.key().to_owned(),
                range: entry.key_range,
                value: Route::Relay(relay),
                ignored_by_reference: None,
            });
        }
    }
    let mx = free_name(&known);
    Hosts { known, mx }
}

/// `mx`, or a longer name where that is taken.
fn free_name(known: &BTreeMap<String, Host>) -> String {
    let mut name = "mx".to_owned();
    while known.contains_key(&name) {
        name.push_str("-by-dns");
    }
    name
}

const KEYS: [&str; 10] =
    ["address", "port", "protocol", "tls", "auth", "lookup", "cache", "limits", "concurrency", "timeout"];

/// A host; `None` is one that is no route. What the host lacks is reported, and it counts as defined.
fn host(context: &mut Context<'_>, entry: &Entry<'_>) -> Result<Option<Relay>, Reported> {
    let name = entry.key();
    let path = format!("remote.{name}");
    let Some(table) = entry.value.as_table() else {
        let message = format!("`{path}` is {}, not a section", entry.value.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, entry.value.range, message)
                .help("a remote host is a section `[remote.\"name\"]` with `address`, `port` and `protocol`"),
        );
        return Err(Reported);
    };
    context.known_keys(table, &KEYS, &path);
    let mut relay = Relay::default();
    let protocol = table.get("protocol").map(|node| protocol(context, node, &path));
    if let Some(node) = table.get("address") {
        relay.address = context.text(node, &format!("{path}.address"));
        if relay.address.given().is_some_and(|address| address.text().trim().is_empty()) {
            missing(context, entry, "address", Severity::Error);
        }
    }
    if let Some(node) = table.get("port") {
        relay.port = context.integer(node, &format!("{path}.port"), 1..=u16::MAX);
    }
    relay.protocol = match protocol {
        Some(Setting::Given(placed)) => match placed.value {
            Some(protocol) => Setting::Given(Placed::new(protocol, placed.range)),
            None => return Ok(None),
        },
        _ => Setting::Default,
    };
    tls(context, table, &path, &mut relay);
    auth(context, table, &path, &mut relay);
    required(context, entry, table);
    ineffective(context, table, &path);
    Ok(Some(relay))
}

/// `protocol`; `None` is IMAP.
fn protocol(context: &mut Context<'_>, node: &Node<'_>, path: &str) -> Setting<Option<Protocol>> {
    const WORDS: [(&str, Option<Protocol>); 3] =
        [("smtp", Some(Protocol::Smtp)), ("lmtp", Some(Protocol::Lmtp)), ("imap", None)];
    let words = match context.dialect {
        Dialect::Legacy2022 => &WORDS,
        _ => WORDS.get(..2).unwrap_or(&WORDS),
    };
    context.one_of(node, &format!("{path}.protocol"), words)
}

fn tls(context: &mut Context<'_>, table: &Table<'_>, path: &str, relay: &mut Relay) {
    let Some(node) = table.get("tls") else { return };
    let path = format!("{path}.tls");
    let Some(table) = subsection(context, node, &path, &["implicit", "allow-invalid-certs"]) else {
        return;
    };
    if let Some(node) = table.get("implicit") {
        relay.implicit_tls = context.boolean(node, &format!("{path}.implicit"));
    }
    if let Some(node) = table.get("allow-invalid-certs") {
        relay.allow_invalid_certs = context.boolean(node, &format!("{path}.allow-invalid-certs"));
    }
}

fn auth(context: &mut Context<'_>, table: &Table<'_>, path: &str, relay: &mut Relay) {
    let Some(node) = table.get("auth") else { return };
    let path = format!("{path}.auth");
    let Some(table) = subsection(context, node, &path, &["username", "secret"]) else {
        return;
    };
    if let Some(node) = table.get("username") {
        relay.username = context.text(node, &format!("{path}.username"));
    }
    if let Some(node) = table.get("secret") {
        relay.secret = context.secret(node, &format!("{path}.secret"));
    }
}

fn subsection<'t, 'a>(
    context: &mut Context<'_>,
    node: &'t Node<'a>,
    path: &str,
    known: &[&str],
) -> Option<&'t Table<'a>> {
    let Some(table) = node.as_table() else {
        let message = format!("`{path}` is {}, not a section", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help(format!("its keys are `{}`", known.join("`, `"))),
        );
        return None;
    };
    context.known_keys(table, known, path);
    Some(table)
}

/// The keys without which the server of 2022 does not start; later ones go on with port 25 and SMTP.
fn required(context: &mut Context<'_>, entry: &Entry<'_>, table: &Table<'_>) {
    let lesser = match context.dialect {
        Dialect::Legacy2022 => Severity::Error,
        _ => Severity::Warning,
    };
    for (key, severity) in [("address", Severity::Error), ("port", lesser), ("protocol", lesser)] {
        if table.get(key).is_none() {
            missing(context, entry, key, severity);
        }
    }
}

fn missing(context: &mut Context<'_>, entry: &Entry<'_>, key: &str, severity: Severity) {
    let name = entry.key();
    let help = match (key, severity) {
        ("address", _) => "write `address = \"mx.example.org\"`, the name of the host".to_owned(),
        ("port", Severity::Error) => "write `port = 25`".to_owned(),
        ("port", _) => "the server logs an error and takes 25: write `port = 25`".to_owned(),
        (_, Severity::Error) => "write `protocol = \"smtp\"` or `\"lmtp\"`".to_owned(),
        _ => "the server logs an error and takes SMTP: write `protocol = \"smtp\"`".to_owned(),
    };
    context.report(
        Diagnostic::new(&codes::MISSING_REQUIRED, entry.key_range, format!("the remote host `{name}` has no `{key}`"))
            .severity(severity)
            .help(help),
    );
}

/// What only lookups of accounts use.
fn ineffective(context: &mut Context<'_>, table: &Table<'_>, path: &str) {
    if table.get("lookup").and_then(Node::scalar_text) == Some("true") {
        return;
    }
    for (key, instead) in [
        ("concurrency", "deliveries at once are limited by a limiter with `concurrency`"),
        ("timeout", "deliveries wait as long as `queue.outbound.timeouts` says"),
    ] {
        if let Some(entry) = table.entry(key) {
            let message = format!("`{path}.{key}` has no effect on delivery");
            context.report(
                Diagnostic::new(&codes::INEFFECTIVE_SETTING, entry.key_range, message)
                    .help(format!("it is about lookups of accounts; {instead}")),
            );
        }
    }
}
