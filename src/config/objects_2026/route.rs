//! `MtaRoute`: the variants Mx, Relay and Local.
//!
//! Source: delivery spec 1.2.

use base::{Code, Diagnostic, Secret, TextRange};

use super::{
    body::{Field, Value},
    value::{Need, Reader},
};
use crate::{
    codes,
    settings::{IpLookup, Mx, Placed, Protocol, Relay, Route, Sensitive, Setting},
};

/// What a route says; `None` where it does not say which variant it is.
pub(super) fn read(reader: &mut Reader<'_>, body: Value<'_>) -> Option<Route> {
    if body.get("@type").is_none() {
        reader.missing("@type", Need::Essential, "write `\"@type\": \"Mx\"`, `\"Relay\"` or `\"Local\"`");
    }
    let kinds = [("Mx", Kind::Mx), ("Relay", Kind::Relay), ("Local", Kind::Local)];
    let kind = reader.placed(body, "@type", |reader, value, key| reader.one_of(value, key, &kinds));
    let Some(kind) = kind else {
        // The fields of all variants, so that no other mistake waits for the next run.
        mx(reader, body);
        relay(reader, body);
        return None;
    };
    Some(match kind.value {
        Kind::Mx => Route::Mx(mx(reader, body)),
        Kind::Local => Route::Local,
        Kind::Relay => {
            if body.get("address").is_none() {
                let help = "write the host that takes the mail: `\"address\": \"smtp.example.org\"`";
                reader.missing("address", Need::Essential, help);
            }
            Route::Relay(relay(reader, body))
        }
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Mx,
    Relay,
    Local,
}

fn mx(reader: &mut Reader<'_>, body: Value<'_>) -> Mx {
    Mx {
        limit_mx: reader.setting(body, "maxMxHosts", |reader, value, key| reader.integer(value, key, 1..=u32::MAX)),
        limit_multihomed: reader
            .setting(body, "maxMultihomed", |reader, value, key| reader.integer(value, key, 1..=u32::MAX)),
        ip_lookup: reader.setting(body, "ipLookupStrategy", |reader, value, key| {
            let words = [
                ("v4ThenV6", IpLookup::Ipv4ThenIpv6),
                ("v6ThenV4", IpLookup::Ipv6ThenIpv4),
                ("v4Only", IpLookup::Ipv4Only),
                ("v6Only", IpLookup::Ipv6Only),
            ];
            reader.one_of(value, key, &words)
        }),
    }
}

fn relay(reader: &mut Reader<'_>, body: Value<'_>) -> Relay {
    Relay {
        address: reader.setting(body, "address", Reader::host),
        port: reader.setting(body, "port", |reader, value, key| reader.integer(value, key, 1..=u16::MAX)),
        protocol: reader.setting(body, "protocol", |reader, value, key| {
            reader.one_of(value, key, &[("smtp", Protocol::Smtp), ("lmtp", Protocol::Lmtp)])
        }),
        implicit_tls: reader.setting(body, "implicitTls", Reader::boolean),
        allow_invalid_certs: reader.setting(body, "allowInvalidCerts", Reader::boolean),
        username: reader
            .setting(body, "authUsername", |reader, value, key| reader.text(value, key).map(Sensitive::Plain)),
        secret: body.get("authSecret").map_or(Setting::Default, |field| secret(reader, field)),
    }
}

#[derive(Clone, Copy)]
enum From {
    Nowhere,
    Document,
    Variable,
    File,
}

/// `authSecret`. Where nothing is resolved in this run, the secret is there and its text is not.
fn secret(reader: &mut Reader<'_>, field: Field<'_>) -> Setting<Secret> {
    let value = field.value;
    if value.text().is_some() {
        // The text itself must not be in the message.
        reader.report(
            Diagnostic::new(&codes::WRONG_KIND, field.key_range, "`authSecret` is a string")
                .help("write `{\"@type\": \"Value\", \"secret\": \"…\"}`, or `\"EnvironmentVariable\"` or `\"File\"`"),
        );
        return Setting::Default;
    }
    let kinds = [
        ("None", From::Nowhere),
        ("Value", From::Document),
        ("EnvironmentVariable", From::Variable),
        ("File", From::File),
    ];
    let Some(from) = reader.variant(value, field.key, &kinds) else {
        return Setting::Default;
    };
    let (key, keys) = match from {
        From::Nowhere => {
            reader.known_keys(value, &["@type"], "authSecret");
            return Setting::Default;
        }
        From::Document => ("secret", ["@type", "secret"]),
        From::Variable => ("variableName", ["@type", "variableName"]),
        From::File => ("filePath", ["@type", "filePath"]),
    };
    reader.known_keys(value, &keys, "authSecret");
    let Some(place) = value.get(key) else {
        reader.missing_in("`authSecret`", key, value);
        return Setting::Default;
    };
    let Some(text) = text_of(reader, place) else {
        return Setting::Default;
    };
    let range = place.value.range();
    let secret = match from {
        From::Nowhere | From::Document => Some(Secret::new(text)),
        From::Variable => asked(reader, &text, range, &codes::MACRO_UNRESOLVED),
        From::File => asked(reader, &text, range, &codes::FILE_UNREADABLE),
    };
    secret.map_or(Setting::Default, |secret| Setting::Given(Placed::new(secret, range)))
}

/// A text of a secret, of which no message shows anything.
fn text_of(reader: &mut Reader<'_>, field: Field<'_>) -> Option<String> {
    match field.value.text() {
        Some("") | None => {
            let message = match field.value.text() {
                Some(_) => format!("`{}` is empty", field.key),
                None => format!("`{}` is {}", field.key, field.value.kind_name()),
            };
            reader.report(
                Diagnostic::new(&codes::INVALID_VALUE, field.value.range(), message)
                    .help(format!("write `\"{}\": \"…\"`", field.key)),
            );
            None
        }
        Some(text) => Some(text.to_owned()),
    }
}

/// What the environment or a file holds; where this run asks for neither, a text that names it.
fn asked(reader: &mut Reader<'_>, name: &str, range: TextRange, code: &'static Code) -> Option<Secret> {
    let is_variable = *code == codes::MACRO_UNRESOLVED;
    if !reader.resources.resolves() {
        let kind = if is_variable { "env" } else { "file" };
        return Some(Secret::new(format!("%{{{kind}:{name}}}%")));
    }
    let (answer, what) = if is_variable {
        (reader.resources.variable(name), "the environment variable")
    } else {
        (reader.resources.file(name), "the file")
    };
    match answer {
        Ok(secret) => Some(secret),
        Err(why) => {
            let message = format!("{what} `{}` cannot be read", super::value::short(name));
            reader.report(Diagnostic::new(code, range, message).help(why));
            None
        }
    }
}
