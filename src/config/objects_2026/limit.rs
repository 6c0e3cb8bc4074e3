//! `MtaOutboundThrottle`, `MtaInboundThrottle` and `MtaQueueQuota`.
//!
//! Source: delivery spec 1.7, 1.8; the keys of an inbound throttle from the reference page of `MtaInboundThrottle`.

use base::{Diagnostic, Fix, Severity, TextRange};
use policy::{Scope, spelling::nearest};

use super::{
    body::{Field, Value},
    object::Object,
    value::{Need, Origin, Reader, flat, short, start},
};
use crate::{
    codes,
    settings::{CountBy, Limiter, Placed, Quota, Rate},
};

/// What a throttle says. The condition of an inbound one is not compiled: it is about a session.
pub(super) fn throttle(reader: &mut Reader<'_>, body: Value<'_>, range: TextRange) -> Limiter {
    let is_outbound = reader.object == Object::OutboundThrottle;
    if body.get("description").is_none() {
        let help = "write a text that tells this throttle from others";
        reader.missing("description", Need::Demanded, help);
    }
    if body.get("rate").is_none() {
        let help = "write `\"rate\": {\"count\": 100, \"period\": 60000}` for a hundred a minute";
        reader.missing("rate", Need::Essential, help);
    }
    let keys = if is_outbound { OUTBOUND } else { INBOUND };
    Limiter {
        range,
        enabled: enabled(reader, body),
        key: count_by(reader, body, keys),
        condition: if is_outbound {
            reader.condition(body, Scope::LIMITER)
        } else {
            reader.uncompiled(body);
            None
        },
        rate: reader.placed(body, "rate", rate),
        concurrency: None,
    }
}

/// What a quota says.
pub(super) fn quota(reader: &mut Reader<'_>, body: Value<'_>, range: TextRange) -> Quota {
    let key = count_by(reader, body, QUOTA);
    let key_place = body.get("key");
    // Findings about its members are enough where it has some.
    let is_keyed = key_place.is_some_and(|field| !field.value.fields().is_empty() || holds_nodes(field.value));
    if !is_keyed && reader.origin != Origin::Unseen {
        let place = key_place.map_or(reader.at, |field| field.key_range);
        let severity = reader.form();
        reader.report(
            Diagnostic::new(&codes::QUOTA_EMPTY_KEY, place, "a quota counts by nothing, which the server refuses")
                .severity(severity)
                .help("write `\"key\": {\"senderDomain\": true}`; its members are `rcpt`, `rcptDomain`, `sender` and `senderDomain`"),
        );
    }
    let has_condition = body.get("match").is_some_and(|field| !is_no_expression(field.value));
    if !has_condition && reader.origin != Origin::Unseen {
        reader.report(
            Diagnostic::new(
                &codes::QUOTA_WITHOUT_MATCH,
                reader.at,
                "a quota has no `match`, and the server then never applies it",
            )
            .help("write `\"match\": {\"else\": \"true\"}` to apply it to every message"),
        );
    }
    let limits = ["messages", "size"];
    if limits.iter().all(|key| body.get(key).is_none()) && reader.origin != Origin::Unseen {
        reader.report(
            Diagnostic::new(&codes::QUOTA_WITHOUT_LIMIT, reader.at, "a quota limits neither messages nor size")
                .severity(Severity::Warning)
                .help("write `\"messages\": 1000` or `\"size\": 1000000`; the server takes it and it does nothing"),
        );
    }
    Quota {
        range,
        enabled: enabled(reader, body),
        key,
        condition: if has_condition { reader.condition(body, Scope::QUOTA) } else { None },
        messages: reader.placed(body, "messages", |reader, value, key| reader.integer(value, key, 1..=u64::MAX)),
        size: reader.placed(body, "size", size),
    }
}

/// Whether it is what the server takes for no expression: neither rules nor `else`.
fn is_no_expression(value: Value<'_>) -> bool {
    let holds_none = |value: Value<'_>| value.fields().is_empty() && !holds_nodes(value);
    let is_list = |value: Value<'_>| value.is_object() || value.array().is_some();
    let is_empty = |field: Field<'_>| {
        let value = field.value;
        value.text() == Some("") || is_list(value) && holds_none(value)
    };
    value.is_object() && value.fields().into_iter().all(is_empty)
}

fn holds_nodes(value: Value<'_>) -> bool {
    value.untouched_array().is_some_and(|nodes| !nodes.is_empty())
}

fn enabled(reader: &mut Reader<'_>, body: Value<'_>) -> bool {
    body.get("enable").and_then(|field| reader.boolean(field.value, "enable")).unwrap_or(true)
}

fn rate(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<Rate> {
    if !value.is_object() {
        let help = "a rate is `{\"count\": 100, \"period\": 60000}`, the period in milliseconds";
        reader.wrong_kind(value, key, help);
        return None;
    }
    reader.known_keys(value, &["count", "period"], key);
    let count = value
        .get("count")
        .and_then(|field| reader.integer_as(field.value, "count", 1..=COUNT_MAX, &codes::RATE_INVALID));
    let period = value.get("period").and_then(|field| reader.duration_as(field.value, "period", &codes::RATE_INVALID));
    let lacks: Vec<_> = ["count", "period"].into_iter().filter(|part| value.get(part).is_none()).collect();
    if !lacks.is_empty() && reader.origin != Origin::Unseen {
        let message = format!("a rate has no `{}`, and the server then takes 0", lacks.join("` and no `"));
        reader.report(
            Diagnostic::new(&codes::RATE_INVALID, start(value.range()), message)
                .help("write `{\"count\": 100, \"period\": 60000}` for a hundred a minute"),
        );
    }
    Some(Rate { count: count?, period: period? })
}

/// A number of bytes.
fn size(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<u64> {
    if value.text().is_some_and(|text| text.parse::<u64>().is_err()) {
        reader.wrong_kind(value, key, "a size is a number of bytes, such as 10485760 for ten mebibytes");
        return None;
    }
    reader.integer(value, key, 1..=u64::MAX)
}

/// By what a limit counts apart; a wrong member is reported and left out.
fn count_by(reader: &mut Reader<'_>, body: Value<'_>, words: &[(&str, CountBy)]) -> Vec<Placed<CountBy>> {
    let Some(field) = body.get("key") else {
        return Vec::new();
    };
    let members = reader.set(field.value, "key").unwrap_or_default();
    let mut key = Vec::with_capacity(members.len().min(words.len()));
    for (name, range) in members {
        let exact = words.iter().find(|(word, _)| *word == name);
        let meant = exact.or_else(|| words.iter().find(|(word, _)| flat(word) == flat(name)));
        if exact.is_none() {
            wrong_member(reader, name, range, meant.map(|(word, _)| *word), words);
        }
        if let Some((_, by)) = meant
            && !key.iter().any(|known: &Placed<CountBy>| known.value == *by)
        {
            key.push(Placed::new(*by, range));
        }
    }
    key
}

/// A member that is none of `words`, or, where it is `meant` for one, not written as that is.
fn wrong_member(reader: &mut Reader<'_>, name: &str, range: TextRange, meant: Option<&str>, words: &[(&str, CountBy)]) {
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let write = |word: &str| Fix::replace(format!("write `{word}`"), range, format!("\"{word}\""));
    if let Some(meant) = meant {
        let message = format!("`{}` is not how `{meant}` is written", short(name));
        let severity = reader.form();
        reader.report(
            Diagnostic::new(&codes::LIMITER_KEY, range, message)
                .severity(severity)
                .help(format!("write `{meant}`"))
                .fix(write(meant)),
        );
        return;
    }
    let known = format!("it counts by `{}`", names.join("`, `"));
    let message = format!("{} cannot count by `{}`", reader.object.title(), short(name));
    let finding = Diagnostic::new(&codes::LIMITER_KEY, range, message);
    reader.report(match nearest(name, names.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`? {known}")).fix(write(near)),
        None => finding.help(known),
    });
}

/// How many a rate may allow.
const COUNT_MAX: u64 = 1_000_000;

const OUTBOUND: &[(&str, CountBy)] = &[
    ("mx", CountBy::Mx),
    ("remoteIp", CountBy::RemoteIp),
    ("localIp", CountBy::LocalIp),
    ("sender", CountBy::Sender),
    ("senderDomain", CountBy::SenderDomain),
    ("rcptDomain", CountBy::RcptDomain),
];

const INBOUND: &[(&str, CountBy)] = &[
    ("listener", CountBy::Listener),
    ("remoteIp", CountBy::RemoteIp),
    ("localIp", CountBy::LocalIp),
    ("authenticatedAs", CountBy::AuthenticatedAs),
    ("heloDomain", CountBy::HeloDomain),
    ("sender", CountBy::Sender),
    ("senderDomain", CountBy::SenderDomain),
    ("rcpt", CountBy::Rcpt),
    ("rcptDomain", CountBy::RcptDomain),
];

const QUOTA: &[(&str, CountBy)] = &[
    ("sender", CountBy::Sender),
    ("senderDomain", CountBy::SenderDomain),
    ("rcpt", CountBy::Rcpt),
    ("rcptDomain", CountBy::RcptDomain),
];
