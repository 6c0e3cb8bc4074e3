//! `MtaConnectionStrategy` and `MtaTlsStrategy`.
//!
//! Source: delivery spec 1.5, 1.6.

use super::{body::Value, value::Reader};
use crate::settings::{Connection, Requirement, SourceIp, Tls};

/// What a connection strategy says.
pub(super) fn read(reader: &mut Reader<'_>, body: Value<'_>) -> Connection {
    Connection {
        ehlo_hostname: reader.setting(body, "ehloHostname", Reader::host),
        source_ips: reader.setting(body, "sourceIps", source_ips),
        timeout_connect: reader.setting(body, "connectTimeout", Reader::duration),
        timeout_greeting: reader.setting(body, "greetingTimeout", Reader::duration),
        timeout_ehlo: reader.setting(body, "ehloTimeout", Reader::duration),
        timeout_mail_from: reader.setting(body, "mailFromTimeout", Reader::duration),
        timeout_rcpt_to: reader.setting(body, "rcptToTimeout", Reader::duration),
        timeout_data: reader.setting(body, "dataTimeout", Reader::duration),
    }
}

fn source_ips(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<Vec<SourceIp>> {
    let list = reader.list(value, key)?;
    let mut ips = Vec::with_capacity(list.len());
    for entry in list {
        let value = entry.value;
        if !value.is_object() {
            reader.wrong_kind(value, key, "an entry is `{\"sourceIp\": \"192.0.2.1\"}`");
            continue;
        }
        reader.known_keys(value, &["sourceIp", "ehloHostname"], "a source address");
        let ehlo_hostname = value.get("ehloHostname").and_then(|field| reader.host(field.value, "ehloHostname"));
        match value.get("sourceIp") {
            Some(field) => ips.extend(reader.ip(field.value, "sourceIp").map(|ip| SourceIp { ip, ehlo_hostname })),
            None => reader.missing_in("a source address", "sourceIp", value),
        }
    }
    Some(ips)
}

/// What a TLS strategy says.
pub(super) fn tls(reader: &mut Reader<'_>, body: Value<'_>) -> Tls {
    Tls {
        dane: reader.setting(body, "dane", requirement),
        mta_sts: reader.setting(body, "mtaSts", requirement),
        starttls: reader.setting(body, "startTls", requirement),
        allow_invalid_certs: reader.setting(body, "allowInvalidCerts", Reader::boolean),
        timeout_tls: reader.setting(body, "tlsTimeout", Reader::duration),
        timeout_mta_sts: reader.setting(body, "mtaStsTimeout", Reader::duration),
    }
}

fn requirement(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<Requirement> {
    let words =
        [("optional", Requirement::Optional), ("require", Requirement::Require), ("disable", Requirement::Disable)];
    reader.one_of(value, key, &words)
}
