//! What every TOML layout says in the same words: `server.hostname` and `resolver.*`.
//!
//! Source: delivery spec 1.9.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use base::{Diagnostic, Severity, TextRange};
use document::{Node, Table};

use crate::{
    Dialect, codes,
    read::{Context, Scalar},
    settings::{DnsServer, DnsTransport, Placed, Resolver, ResolverKind, Sensitive, Setting},
};

/// `server.hostname`
pub(crate) fn hostname(context: &mut Context<'_>, tree: &Node<'_>) -> Option<Placed<Sensitive>> {
    let node = tree.get_path("server.hostname")?;
    let Setting::Given(name) = context.text(node, "server.hostname") else {
        return None;
    };
    if name.value.text().trim().is_empty() {
        context.report(
            Diagnostic::new(&codes::INVALID_VALUE, node.range, "`server.hostname` is empty")
                .help("write the full name of this server, such as `mx.example.org`"),
        );
        return None;
    }
    Some(name)
}

/// `resolver.*`
pub(crate) fn resolver(context: &mut Context<'_>, tree: &Node<'_>) -> Resolver {
    let Some(node) = tree.get("resolver") else {
        return Resolver::default();
    };
    let Some(table) = node.as_table() else {
        let message = format!("`resolver` is {}, not a table", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message).help("write `[resolver]` and `type = \"system\"`"),
        );
        return Resolver::default();
    };
    resolver_keys(context, table);
    let mut resolver = Resolver::default();
    if let Some(node) = table.get("type") {
        resolver.kind = kind(context, node);
    }
    if let Some(node) = table.get("custom") {
        resolver.servers = servers(context, node);
    }
    if let Some(node) = table.get("concurrency") {
        resolver.concurrency = context.integer(node, "resolver.concurrency", 1..=u32::MAX);
    }
    if let Some(node) = table.get("timeout") {
        resolver.timeout = context.duration(node, "resolver.timeout");
    }
    if let Some(node) = table.get("attempts") {
        resolver.attempts = context.integer(node, "resolver.attempts", 1..=u32::MAX);
    }
    if let Some(node) = table.get("preserve-intermediates") {
        resolver.preserve_intermediates = context.boolean(node, "resolver.preserve-intermediates");
    }
    if let Some(node) = table.get("try-tcp-on-error") {
        resolver.try_tcp_on_error = context.boolean(node, "resolver.try-tcp-on-error");
    }
    if let Some(node) = table.get("edns") {
        resolver.edns = context.boolean(node, "resolver.edns");
    }
    servers_are_used(context, table, &resolver);
    resolver
}

const KEYS: [&str; 8] =
    ["type", "custom", "concurrency", "timeout", "attempts", "preserve-intermediates", "try-tcp-on-error", "edns"];

/// Keys of the section that are about the server's memory, or about other things than delivery.
const KEYS_PASSED_OVER: [&str; 3] = ["cache", "limits", "public-suffix"];

fn resolver_keys(context: &mut Context<'_>, table: &Table<'_>) {
    for entry in table.entries() {
        if !KEYS.contains(&entry.key()) && !KEYS_PASSED_OVER.contains(&entry.key()) {
            context.unknown_key(entry, &KEYS, "resolver");
        }
    }
}

const KINDS: [(&str, ResolverKind); 7] = [
    ("system", ResolverKind::System),
    ("cloudflare", ResolverKind::Cloudflare { tls: false }),
    ("cloudflare-tls", ResolverKind::Cloudflare { tls: true }),
    ("quad9", ResolverKind::Quad9 { tls: false }),
    ("quad9-tls", ResolverKind::Quad9 { tls: true }),
    ("google", ResolverKind::Google),
    ("custom", ResolverKind::Custom),
];

/// `resolver.type`; the first layout has no servers of one's own.
fn kind(context: &mut Context<'_>, node: &Node<'_>) -> Setting<ResolverKind> {
    let words = match context.dialect {
        Dialect::Legacy2022 => KINDS.get(..6).unwrap_or(&KINDS),
        _ => &KINDS,
    };
    context.one_of(node, "resolver.type", words)
}

/// `resolver.custom`
fn servers(context: &mut Context<'_>, node: &Node<'_>) -> Vec<Placed<DnsServer>> {
    let nodes = match node.items() {
        Some(items) => items.nodes,
        None => vec![node],
    };
    let mut servers = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(scalar) = context.scalar(node, "resolver.custom") else {
            continue;
        };
        if scalar.open {
            continue;
        }
        match server(scalar.text.text().trim()) {
            Some(server) => {
                servers.push(Placed::new(server, node.range));
                bare_ipv6(context, &scalar, server.ip);
            }
            None => context.invalid(
                &scalar,
                "resolver.custom",
                "write the address of a name server, such as `udp://192.0.2.1:53` or `tls://[2001:db8::1]:853`"
                    .to_owned(),
            ),
        }
    }
    servers
}

/// The name server that `text` says: `[udp://|tcp://|tls://]IP[:port]`, port 53 where none is given.
fn server(text: &str) -> Option<DnsServer> {
    const PORT: u16 = 53;
    let (transport, address) = match text.split_once("://") {
        None => (DnsTransport::Udp, text),
        Some(("udp", address)) => (DnsTransport::Udp, address),
        Some(("tcp", address)) => (DnsTransport::Tcp, address),
        Some(("tls", address)) => (DnsTransport::Tls, address),
        Some(_) => return None,
    };
    let bracketed = || address.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let (ip, port) = if let Ok(ip) = address.parse::<IpAddr>() {
        (ip, PORT)
    } else if let Some(ip) = bracketed() {
        (IpAddr::V6(ip), PORT)
    } else {
        let both = address.parse::<SocketAddr>().ok()?;
        (both.ip(), both.port())
    };
    (port > 0).then_some(DnsServer { transport, ip, port })
}

/// Warns of an IPv6 address without brackets, whose last group the reference takes for the port.
fn bare_ipv6(context: &mut Context<'_>, scalar: &Scalar, ip: IpAddr) {
    if ip.is_ipv6() && !scalar.expanded && !scalar.text.text().contains('[') {
        let message = format!("the IPv6 address `{ip}` has no brackets");
        context.report(
            Diagnostic::new(&codes::INVALID_VALUE, scalar.range, message)
                .severity(Severity::Warning)
                .help(format!("write `[{ip}]`: the server takes what follows the last colon for the port")),
        );
    }
}

/// Name servers are used where `type` is `custom`, and `custom` needs some.
fn servers_are_used(context: &mut Context<'_>, table: &Table<'_>, resolver: &Resolver) {
    let range_of = |key: &str| table.entry(key).map(|entry| entry.key_range);
    let open = table.get("type").is_some() && resolver.kind.is_default();
    match (resolver.kind.given(), range_of("custom")) {
        _ if open => {}
        (Some(ResolverKind::Custom), None) => {
            let range = range_of("type").unwrap_or(TextRange::at(0));
            context.report(
                Diagnostic::new(&codes::MISSING_REQUIRED, range, "`resolver` of type `custom` has no `custom`")
                    .help("add the name servers: `custom = [\"udp://192.0.2.1:53\"]`"),
            );
        }
        (Some(ResolverKind::Custom), Some(_)) | (_, None) => {}
        (_, Some(range)) => context.report(
            Diagnostic::new(
                &codes::INEFFECTIVE_SETTING,
                range,
                "`resolver.custom` has no effect without `type = \"custom\"`",
            )
            .help("add `type = \"custom\"`; without it the server asks the system's own resolvers"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_has_a_transport_an_address_and_a_port() {
        let cases = [
            ("192.0.2.1", Some("Udp 192.0.2.1 53")),
            ("udp://192.0.2.1:5353", Some("Udp 192.0.2.1 5353")),
            ("tcp://[2001:db8::1]:853", Some("Tcp 2001:db8::1 853")),
            ("tls://[2001:db8::1]", Some("Tls 2001:db8::1 53")),
            ("2001:db8::1", Some("Udp 2001:db8::1 53")),
            ("https://192.0.2.1", None),
            ("dns.example.org", None),
            ("192.0.2.1:0", None),
            ("192.0.2.1:70000", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = server(text).map(|server| format!("{:?} {} {}", server.transport, server.ip, server.port));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
