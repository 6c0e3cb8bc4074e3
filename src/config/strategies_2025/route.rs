//! `queue.route.<id>`: where mail goes. The published examples of the first day call it `route.<id>`, which no server
//! reads.
//!
//! Source: delivery spec 1.2.

use base::{Diagnostic, Edit, Fix, Severity, TextRange};
use document::{Node, Table};

use super::definitions::{self, Found, Kind};
use crate::{
    codes,
    read::Context,
    settings::{Definitions, IpLookup, Mx, Placed, Protocol, Relay, Route, Sensitive, Setting},
};

const KIND: Kind = Kind {
    section: "queue.route",
    noun: "route",
    keys: &[
        "type",
        "address",
        "port",
        "protocol",
        "tls.implicit",
        "tls.allow-invalid-certs",
        "auth.username",
        "auth.secret",
        "limits.mx",
        "limits.multihomed",
        "ip-lookup",
        "description",
    ],
};

/// The prefix of the first published examples.
const ALIAS: &str = "route";

const MX_KEYS: [&str; 2] = ["limits", "ip-lookup"];
const RELAY_KEYS: [&str; 5] = ["address", "port", "protocol", "tls", "auth"];

/// The kinds of routes.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Type {
    Local,
    Mx,
    Relay,
}

/// The routes of `queue.route` and of `route`.
pub(super) fn read(
    context: &mut Context<'_>,
    queue: Option<&Table<'_>>,
    alias: Option<&Node<'_>>,
) -> Definitions<Route> {
    let mut found = match queue.and_then(|queue| queue.get("route")) {
        Some(node) => definitions::find(context, node, &KIND, KIND.section, |_| false),
        None => Vec::new(),
    };
    if let Some(node) = alias.filter(|node| is_alias(node)) {
        let aliased = definitions::find(context, node, &KIND, ALIAS, |_| false);
        // What its server ships is no second definition.
        let is_shipped = |known: &Found<'_, '_>| known.range.is_empty() && context.dialect.ships();
        found.retain(|known| !(is_shipped(known) && aliased.iter().any(|alias| alias.id == known.id)));
        found.extend(aliased);
        found.sort_by_key(|found| found.range.start());
    }
    let mut routes = Definitions::default();
    for found in found {
        let (route, ignored) = route(context, &found);
        definitions::define(context, &mut routes, &KIND, found, route, ignored);
    }
    routes
}

/// Whether a top-level `route` holds routes, and is not a selector that lost its header.
pub(super) fn is_alias(node: &Node<'_>) -> bool {
    node.as_table().is_some() && (node.items().is_none() || node.as_table().is_some_and(Table::is_empty))
}

/// What one definition says, and why the reference does not know it.
fn route(context: &mut Context<'_>, found: &Found<'_, '_>) -> (Route, Option<&'static str>) {
    let mut ignored = None;
    if found.section == ALIAS {
        let message = format!("no server reads `{ALIAS}.{}`", found.id);
        context.report(
            Diagnostic::new(&codes::WRONG_PREFIX, found.range, message)
                .help(format!("write `[queue.route.{:?}]`, and `queue.` before its other headers", found.id))
                .fix_if(prefix(found)),
        );
        ignored = Some("it stands under `route.`, not under `queue.route.`");
    }
    let word = found.read(context, "type", |context, node, setting| {
        context.one_of(node, setting, &[("local", Type::Local), ("mx", Type::Mx), ("relay", Type::Relay)])
    });
    let kind = match (word.given(), found.get("type")) {
        (Some(kind), _) => *kind,
        (None, Some(_)) => {
            ignored = ignored.or(Some("its `type` is none that the server knows"));
            guess(found)
        }
        (None, None) => {
            let help = "add `type`, one of `local`, `mx`, `relay`; a route without one is not read";
            let reason = definitions::unregistered(context, &KIND, found, help);
            ignored = ignored.or(Some(reason));
            guess(found)
        }
    };
    if word.given().is_some() {
        without_effect(context, found, kind);
    }
    let route = match kind {
        Type::Local => Route::Local,
        Type::Mx => Route::Mx(mx(context, found)),
        Type::Relay => {
            let relay = relay(context, found);
            if word.given().is_some() && !required(context, found) {
                ignored = ignored.or(Some("it is a relay without an `address`"));
            }
            Route::Relay(relay)
        }
    };
    (route, ignored)
}

/// Puts `queue.` into the headers of a route.
fn prefix(found: &Found<'_, '_>) -> Option<Fix> {
    let insert = |header: TextRange| Edit { range: TextRange::at(header.start() + 1), text: "queue.".to_owned() };
    let edits = found.headers()?.into_iter().map(insert).collect();
    Some(Fix { safe: false, title: "write `queue.` before `route`".to_owned(), edits })
}

/// What a route without a readable `type` most likely is.
fn guess(found: &Found<'_, '_>) -> Type {
    if RELAY_KEYS.iter().any(|key| found.get(key).is_some()) {
        Type::Relay
    } else if found.id == "local" {
        Type::Local
    } else {
        Type::Mx
    }
}

/// Reports the keys that belong to routes of another type.
fn without_effect(context: &mut Context<'_>, found: &Found<'_, '_>, kind: Type) {
    let (others, word): (&[&[&str]], _) = match kind {
        Type::Local => (&[&MX_KEYS, &RELAY_KEYS], "local"),
        Type::Mx => (&[&RELAY_KEYS], "mx"),
        Type::Relay => (&[&MX_KEYS], "relay"),
    };
    for key in others.iter().copied().flatten() {
        if found.get(key).is_none() {
            continue;
        }
        let help = match (kind, *key) {
            (Type::Mx, "tls") => "how MX hosts are spoken to is the business of `queue.tls.NAME`".to_owned(),
            (Type::Mx | Type::Local, key) if RELAY_KEYS.contains(&key) => {
                "delete it, or write `type = \"relay\"`".to_owned()
            }
            _ => "delete it, or write `type = \"mx\"`".to_owned(),
        };
        let message = format!("`{}` has no effect on a route of type `{word}`", found.setting(key));
        context.report(Diagnostic::new(&codes::INEFFECTIVE_SETTING, found.key_range(key), message).help(help));
    }
}

fn mx(context: &mut Context<'_>, found: &Found<'_, '_>) -> Mx {
    let limit_mx =
        found.read(context, "limits.mx", |context, node, setting| context.integer(node, setting, 0..=u32::MAX));
    let limit_multihomed =
        found.read(context, "limits.multihomed", |context, node, setting| context.integer(node, setting, 0..=u32::MAX));
    limit_of_zero(context, &limit_mx, "a limit of 0 hosts is no limit to the server", "5");
    limit_of_zero(context, &limit_multihomed, "with a limit of 0 addresses nothing is delivered by this route", "2");
    Mx {
        limit_mx,
        limit_multihomed,
        ip_lookup: found
            .read(context, "ip-lookup", |context, node, setting| context.one_of(node, setting, &IP_LOOKUPS)),
    }
}

const IP_LOOKUPS: [(&str, IpLookup); 4] = [
    ("ipv4_only", IpLookup::Ipv4Only),
    ("ipv6_only", IpLookup::Ipv6Only),
    ("ipv4_then_ipv6", IpLookup::Ipv4ThenIpv6),
    ("ipv6_then_ipv4", IpLookup::Ipv6ThenIpv4),
];

fn limit_of_zero(context: &mut Context<'_>, limit: &Setting<u32>, message: &str, default: &str) {
    if let Setting::Given(limit) = limit
        && limit.value == 0
    {
        context.report(
            Diagnostic::new(&codes::LIMIT_OF_ZERO, limit.range, message)
                .help(format!("write a number from 1 on; the default is {default}")),
        );
    }
}

fn relay(context: &mut Context<'_>, found: &Found<'_, '_>) -> Relay {
    let relay = Relay {
        address: address(context, found),
        port: found.read(context, "port", |context, node, setting| context.integer(node, setting, 1..=u16::MAX)),
        protocol: found.read(context, "protocol", |context, node, setting| {
            context.one_of(node, setting, &[("smtp", Protocol::Smtp), ("lmtp", Protocol::Lmtp)])
        }),
        implicit_tls: found.read(context, "tls.implicit", Context::boolean),
        allow_invalid_certs: found.read(context, "tls.allow-invalid-certs", Context::boolean),
        username: found.read(context, "auth.username", Context::text),
        secret: found.read(context, "auth.secret", Context::secret),
    };
    both_of_auth(context, found);
    relay
}

/// A host name or an IP address, without a port or anything else.
fn address(context: &mut Context<'_>, found: &Found<'_, '_>) -> Setting<Sensitive> {
    let Some(node) = found.get("address") else {
        return Setting::Default;
    };
    let setting = found.setting("address");
    let Some(scalar) = context.scalar(node, &setting) else {
        return Setting::Default;
    };
    let text = scalar.text.text().trim();
    if text.is_empty() {
        let message = format!("the relay `{}` has an empty `address`", found.id);
        context.report(
            Diagnostic::new(&codes::MISSING_REQUIRED, node.range, message)
                .help("write the relay's host name: `address = \"smtp.example.org\"`"),
        );
        return Setting::Default;
    }
    let is_host = |text: &str| {
        !text.is_empty()
            && !text.contains(|letter: char| matches!(letter, ':' | '/' | '@' | '[' | ']') || letter <= ' ')
    };
    if !scalar.open && !is_host(text) && text.parse::<std::net::IpAddr>().is_err() {
        let help = "write the host's name alone, such as `smtp.example.org`; its port is the key `port`";
        context.invalid(&scalar, &setting, help.to_owned());
        return Setting::Default;
    }
    Setting::Given(Placed::new(scalar.sensitive(), scalar.range))
}

/// Whether a relay has its address; what else it should have is reported too.
fn required(context: &mut Context<'_>, found: &Found<'_, '_>) -> bool {
    let has_address = found.get("address").is_some();
    if !has_address {
        let message = format!("the relay `{}` has no `address`", found.id);
        context.report(
            Diagnostic::new(&codes::MISSING_REQUIRED, found.range, message)
                .help("add the relay's host name: `address = \"smtp.example.org\"`"),
        );
        return false;
    }
    let missing: Vec<_> = [("port", "`port`, taken for 25"), ("protocol", "`protocol`, taken for `smtp`")]
        .into_iter()
        .filter(|(key, _)| found.get(key).is_none())
        .map(|(_, what)| what)
        .collect();
    if !missing.is_empty() {
        let message = format!("the relay `{}` has no {}", found.id, missing.join(", and no "));
        context.report(
            Diagnostic::new(&codes::MISSING_REQUIRED, found.range, message)
                .severity(Severity::Warning)
                .help("the server logs an error and goes on: say what is meant"),
        );
    }
    true
}

/// The server logs in only where it has a name and a secret.
fn both_of_auth(context: &mut Context<'_>, found: &Found<'_, '_>) {
    let (here, missing) = match (found.get("auth.username"), found.get("auth.secret")) {
        (Some(_), None) => ("username", "secret"),
        (None, Some(_)) => ("secret", "username"),
        _ => return,
    };
    let setting = found.setting(&format!("auth.{here}"));
    let entry = found.get("auth").and_then(Node::as_table).and_then(|table| table.entry(here));
    let range = match entry {
        Some(entry) if here != "secret" => entry.key_range,
        // The line of a secret is not for showing.
        _ => found.range,
    };
    context.report(
        Diagnostic::new(
            &codes::INEFFECTIVE_SETTING,
            range,
            format!("`{setting}` has no effect without `auth.{missing}`"),
        )
        .help(format!("add `auth.{missing}`, or delete `auth.{here}`")),
    );
}
