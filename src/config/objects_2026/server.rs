//! The singletons beside the strategy: `DnsResolver`, `DsnReportSettings`, and one field each of `ReportSettings`,
//! `TlsReportSettings` and `SystemSettings`.
//!
//! Source: delivery spec 1.9, 1.10; the variables of `outboundReportSubmitter` from the reference page of
//! `ReportSettings`.

use std::net::{IpAddr, Ipv4Addr};

use base::{Diagnostic, Severity};
use policy::{Scope, Variable, VariableSet};

use super::{
    body::Value,
    value::{Reader, start},
};
use crate::{
    codes,
    settings::{DnsServer, DnsTransport, Dsn, Placed, Resolver, ResolverKind, Sensitive, Setting, TlsReports},
};

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    System,
    Custom,
    Cloudflare,
    Quad9,
    Google,
}

/// `DnsResolver`. Without `@type` the variant stays what it is.
pub(super) fn resolver(reader: &mut Reader<'_>, body: Value<'_>) -> Resolver {
    let kinds = [
        ("System", Kind::System),
        ("Custom", Kind::Custom),
        ("Cloudflare", Kind::Cloudflare),
        ("Quad9", Kind::Quad9),
        ("Google", Kind::Google),
    ];
    let kind = reader.placed(body, "@type", |reader, value, key| reader.one_of(value, key, &kinds));
    let tls = body.get("useTls").and_then(|field| reader.boolean(field.value, "useTls")).unwrap_or(true);
    let servers = servers(reader, body, kind.as_ref().map(|kind| kind.value));
    let counted = |reader: &mut Reader<'_>, value: Value<'_>, key: &str| reader.integer(value, key, 0..=u32::MAX);
    Resolver {
        kind: kind.map_or(Setting::Default, |kind| {
            let value = match kind.value {
                Kind::System => ResolverKind::System,
                Kind::Custom => ResolverKind::Custom,
                Kind::Cloudflare => ResolverKind::Cloudflare { tls },
                Kind::Quad9 => ResolverKind::Quad9 { tls },
                Kind::Google => ResolverKind::Google,
            };
            Setting::Given(Placed::new(value, kind.range))
        }),
        servers,
        concurrency: reader.setting(body, "concurrency", counted),
        timeout: reader.setting(body, "timeout", Reader::duration),
        attempts: reader.setting(body, "attempts", counted),
        preserve_intermediates: reader.setting(body, "preserveIntermediates", Reader::boolean),
        try_tcp_on_error: reader.setting(body, "tcpOnError", Reader::boolean),
        edns: reader.setting(body, "enableEdns", Reader::boolean),
    }
}

fn servers(reader: &mut Reader<'_>, body: Value<'_>, kind: Option<Kind>) -> Vec<Placed<DnsServer>> {
    let list = match body.get("servers") {
        Some(field) => reader.list(field.value, "servers").unwrap_or_default(),
        None => Vec::new(),
    };
    if list.is_empty() && kind == Some(Kind::Custom) {
        let range = body.get("servers").map_or_else(|| start(body.range()), |field| field.key_range);
        reader.report(
            Diagnostic::new(&codes::MISSING_REQUIRED, range, "a resolver of the variant `Custom` has no servers")
                .severity(Severity::Error)
                .help(
                    "write `\"servers\": {\"0\": {\"protocol\": \"udp\", \"address\": \"192.0.2.53\", \"port\": 53}}`",
                ),
        );
    }
    let mut servers = Vec::with_capacity(list.len());
    for entry in list {
        servers.extend(server(reader, entry.value).map(|server| Placed::new(server, entry.value.range())));
    }
    servers
}

fn server(reader: &mut Reader<'_>, value: Value<'_>) -> Option<DnsServer> {
    if !value.is_object() {
        let help = "a server is `{\"protocol\": \"udp\", \"address\": \"192.0.2.53\", \"port\": 53}`";
        reader.wrong_kind(value, "servers", help);
        return None;
    }
    reader.known_keys(value, &["protocol", "address", "port"], "a server");
    let before = reader.findings.mark();
    let words = [("udp", DnsTransport::Udp), ("tcp", DnsTransport::Tcp), ("tls", DnsTransport::Tls)];
    let transport = value.get("protocol").and_then(|field| reader.one_of(field.value, "protocol", &words));
    let ip = value.get("address").and_then(|field| reader.ip(field.value, "address"));
    let port = value.get("port").and_then(|field| reader.integer(field.value, "port", 1..=u16::MAX));
    // What is not written has a default; what is written and wrong has none.
    (!reader.findings.errors_since(before)).then(|| DnsServer {
        transport: transport.unwrap_or(DnsTransport::Udp),
        ip: ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port: port.unwrap_or(53),
    })
}

/// `DsnReportSettings`; what it does not say keeps what `dsn` had.
pub(super) fn dsn(reader: &mut Reader<'_>, body: Value<'_>, dsn: &mut Dsn) {
    dsn.from_name = reader.text_expression(body, "fromName", Scope::DSN);
    dsn.from_address = reader.text_expression(body, "fromAddress", Scope::DSN);
    dsn.sign = match reader.text_expression(body, "dkimSignDomain", Scope::DSN) {
        Setting::Default => Setting::Default,
        Setting::Given(domain) => Setting::Given(Placed::new(vec![domain.value], domain.range)),
        Setting::Chosen(block) => Setting::Chosen(block),
    };
}

/// `outboundReportSubmitter` of `ReportSettings`.
pub(super) fn submitter(reader: &mut Reader<'_>, body: Value<'_>) -> Setting<Sensitive> {
    const SCOPE: Scope =
        Scope { variables: VariableSet::of(&[Variable::RcptDomain]), all_set: false, setting: "a setting of reports" };
    reader.text_expression(body, "outboundReportSubmitter", SCOPE)
}

/// `sendFrequency` of `TlsReportSettings`. How often they are sent is not about delivery, so that the expression is not
/// checked here.
pub(super) fn tls_reports(body: Value<'_>) -> TlsReports {
    let otherwise = body.get("sendFrequency").and_then(|field| field.value.get("else"));
    otherwise.and_then(|field| field.value.text()).map_or(TlsReports::Sent, TlsReports::of)
}

/// `defaultHostname` of `SystemSettings`.
pub(super) fn hostname(reader: &mut Reader<'_>, body: Value<'_>) -> Option<Placed<Sensitive>> {
    reader.placed(body, "defaultHostname", Reader::host)
}
