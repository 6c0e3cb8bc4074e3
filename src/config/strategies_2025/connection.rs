//! `queue.connection.<id>` and `queue.source-ip.<ip>`: how a connection is made, and from where.
//!
//! Source: delivery spec 1.5.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::IpAddr,
};

use base::{Diagnostic, Fix, Severity, TextRange};
use document::{Node, Table};

use super::definitions::{self, Found, Kind};
use crate::{
    codes,
    read::Context,
    settings::{Connection, Definitions, Placed, Sensitive, Setting, SourceIp},
};

const CONNECTIONS: Kind = Kind {
    section: "queue.connection",
    noun: "connection strategy",
    keys: &[
        "ehlo-hostname",
        "source-ips",
        "timeout.connect",
        "timeout.greeting",
        "timeout.ehlo",
        "timeout.mail-from",
        "timeout.rcpt-to",
        "timeout.data",
        "description",
    ],
};

const SOURCE_IPS: Kind =
    Kind { section: "queue.source-ip", noun: "source address", keys: &["ehlo-hostname", "description"] };

/// What `queue.source-ip` says of an address.
struct Greeting {
    range: TextRange,
    hostname: Option<Sensitive>,
    is_listed: bool,
}

/// `queue.connection.*`, with what `queue.source-ip.*` says of their addresses.
pub(super) fn read(context: &mut Context<'_>, queue: &Table<'_>) -> Definitions<Connection> {
    let mut greetings = greetings(context, queue);
    let mut connections = Definitions::default();
    let Some(node) = queue.get("connection") else {
        return connections;
    };
    for found in definitions::find(context, node, &CONNECTIONS, CONNECTIONS.section, |_| false) {
        let connection = connection(context, &found, &mut greetings);
        let is_known = found.get("ehlo-hostname").is_some()
            || found.get("timeout").and_then(Node::as_table).is_some_and(|table| !table.is_empty());
        let mut ignored = None;
        if !is_known {
            let help = "add `ehlo-hostname` or one of `timeout.*`; `source-ips` alone does not make one";
            ignored = Some(definitions::unregistered(context, &CONNECTIONS, &found, help));
        }
        definitions::define(context, &mut connections, &CONNECTIONS, found, connection, ignored);
    }
    // A document without any is a part of a configuration.
    let has_own = connections.iter().any(|connection| !connection.is_shipped(context.dialect));
    for (ip, greeting) in greetings.iter().filter(|(_, greeting)| has_own && !greeting.is_listed) {
        context.report(
            Diagnostic::new(
                &codes::UNUSED_OBJECT,
                greeting.range,
                format!("no connection strategy has the source address `{ip}`"),
            )
            .help(format!("add it to the strategy's `source-ips`: `source-ips = [\"{ip}\"]`")),
        );
    }
    connections
}

/// `queue.source-ip.*`
fn greetings(context: &mut Context<'_>, queue: &Table<'_>) -> BTreeMap<IpAddr, Greeting> {
    let mut greetings = BTreeMap::new();
    let Some(node) = queue.get("source-ip") else {
        return greetings;
    };
    for found in definitions::find(context, node, &SOURCE_IPS, SOURCE_IPS.section, |_| false) {
        let Ok(ip) = found.id.parse::<IpAddr>() else {
            let message = format!("`{}` is no IP address", found.id);
            context.report(
                Diagnostic::new(&codes::INVALID_VALUE, found.range, message)
                    .help("a source address is called by its address: `[queue.source-ip.\"192.0.2.10\"]`"),
            );
            continue;
        };
        let hostname = super::given(found.read(context, "ehlo-hostname", Context::text));
        match greetings.entry(ip) {
            Entry::Vacant(vacant) => {
                canonical(context, &found, ip);
                vacant.insert(Greeting { range: found.range, hostname, is_listed: false });
            }
            Entry::Occupied(earlier) => context.report(
                Diagnostic::new(
                    &codes::DUPLICATE_DEFINITION,
                    found.range,
                    format!("the source address `{ip}` is defined twice"),
                )
                .related(earlier.get().range, "the first one, which stands")
                .help("delete one of the two"),
            ),
        }
    }
    greetings
}

/// The server looks for an address as it writes it itself.
fn canonical(context: &mut Context<'_>, found: &Found<'_, '_>, ip: IpAddr) {
    let usual = ip.to_string();
    if usual != found.id {
        let message = format!("the server looks for `{usual}`, and does not find `{}`", found.id);
        context.report(
            Diagnostic::new(&codes::INVALID_VALUE, found.range, message)
                .severity(Severity::Warning)
                .help(format!("write `[queue.source-ip.\"{usual}\"]`"))
                .fix(Fix::replace(format!("rename to `{usual}`"), found.range, format!("\"{usual}\""))),
        );
    }
}

fn connection(
    context: &mut Context<'_>,
    found: &Found<'_, '_>,
    greetings: &mut BTreeMap<IpAddr, Greeting>,
) -> Connection {
    Connection {
        ehlo_hostname: found.read(context, "ehlo-hostname", Context::text),
        source_ips: source_ips(context, found, greetings),
        timeout_connect: found.read(context, "timeout.connect", Context::duration),
        timeout_greeting: found.read(context, "timeout.greeting", Context::duration),
        timeout_ehlo: found.read(context, "timeout.ehlo", Context::duration),
        timeout_mail_from: found.read(context, "timeout.mail-from", Context::duration),
        timeout_rcpt_to: found.read(context, "timeout.rcpt-to", Context::duration),
        timeout_data: found.read(context, "timeout.data", Context::duration),
    }
}

/// `source-ips`: a list, or a single address.
fn source_ips(
    context: &mut Context<'_>,
    found: &Found<'_, '_>,
    greetings: &mut BTreeMap<IpAddr, Greeting>,
) -> Setting<Vec<SourceIp>> {
    let Some(node) = found.get("source-ips") else {
        return Setting::Default;
    };
    let setting = found.setting("source-ips");
    let nodes = node.items().map_or_else(|| vec![node], |items| items.nodes);
    let mut ips = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(scalar) = context.scalar(node, &setting) else {
            continue;
        };
        match scalar.text.text().trim().parse::<IpAddr>() {
            Ok(ip) => {
                let greeting = greetings.get_mut(&ip);
                let ehlo_hostname = greeting.and_then(|greeting| {
                    greeting.is_listed = true;
                    greeting.hostname.clone()
                });
                ips.push(SourceIp { ip, ehlo_hostname });
            }
            Err(_) if scalar.open => {}
            Err(_) => {
                let help = "write an IP address of this machine, such as `192.0.2.10` or `2001:db8::1`";
                context.invalid(&scalar, &setting, help.to_owned());
            }
        }
    }
    Setting::Given(Placed::new(ips, node.range))
}
