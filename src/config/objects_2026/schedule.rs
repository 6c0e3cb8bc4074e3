//! `MtaDeliverySchedule` and `MtaVirtualQueue`.
//!
//! Source: delivery spec 1.3, 1.4.

use base::{Diagnostic, Millis, Severity};

use super::{
    body::{Field, Value},
    value::{Need, Origin, Reader, short, start},
};
use crate::{
    codes,
    settings::{Expiry, Placed, Schedule, Sensitive, Setting, VirtualQueue},
};

/// What a schedule says.
pub(super) fn read(reader: &mut Reader<'_>, body: Value<'_>) -> Schedule {
    Schedule {
        queue_name: queue_name(reader, body),
        retry: intervals(reader, body, "retry", &RETRY),
        notify: intervals(reader, body, "notify", &NOTIFY),
        expiry: reader.setting(body, "expiry", expiry),
    }
}

/// What a virtual queue says.
pub(super) fn queue(reader: &mut Reader<'_>, body: Value<'_>) -> VirtualQueue {
    VirtualQueue {
        threads_per_node: reader
            .setting(body, "threadsPerNode", |reader, value, key| reader.integer(value, key, 1..=u32::MAX)),
    }
}

/// The name of the queue whose id `queueId` is.
fn queue_name(reader: &mut Reader<'_>, body: Value<'_>) -> Setting<Sensitive> {
    let Some(field) = body.get("queueId") else {
        let help = "write the id of an MtaVirtualQueue; in a plan, `\"#\"` and the id that the plan gives it";
        reader.missing("queueId", Need::Demanded, help);
        return Setting::Default;
    };
    let range = field.value.range();
    let Some(id) = reader.text(field.value, "queueId") else {
        return Setting::Default;
    };
    if let Some(name) = reader.queues.by_id.get(&id) {
        return Setting::Given(Placed::new(name.as_str().into(), range));
    }
    let is_name = reader.queues.names.contains(&id) || id == BUILT_IN;
    let help = "it is the id that the server gave the queue; in a plan, `\"#\"` and the id that the plan gives it";
    if is_name {
        let message = format!("`{id}` is the name of a queue, and `queueId` takes its id");
        reader.report(Diagnostic::new(&codes::PLACEHOLDER_ID, range, message).help(help));
        return Setting::Given(Placed::new(id.into(), range));
    }
    let shown = short(&id);
    let finding = if is_placeholder(&id) {
        let message = format!("`{shown}` stands for an id that is still to be written");
        Diagnostic::new(&codes::PLACEHOLDER_ID, range, message).help(help)
    } else if let Some(reference) = id.strip_prefix('#') {
        let message = format!("`{shown}` refers to a queue that the document does not create");
        let help = format!(
            "create it: `{{\"@type\": \"create\", \"object\": \"MtaVirtualQueue\", \"value\": {{\"{}\": …}}}}`",
            short(reference)
        );
        let severity = reader.form();
        Diagnostic::new(&codes::UNDEFINED_QUEUE, range, message).severity(severity).help(help)
    } else {
        let message = format!("no queue of this document has the id `{shown}`");
        Diagnostic::new(&codes::OBJECT_ELSEWHERE, range, message)
            .help("its name is not known here, and the queue `default` is taken for it")
    };
    reader.report(finding);
    Setting::Default
}

/// Whether documentation leaves it to the reader to write the id.
fn is_placeholder(id: &str) -> bool {
    let brackets = [('<', '>'), ('{', '}'), ('[', ']')];
    let is_bracketed = brackets.iter().any(|&(open, close)| id.contains(open) && id.ends_with(close));
    is_bracketed || id.contains(char::is_whitespace) || id.contains('…') || id.contains("...") || id.starts_with('$')
}

#[derive(Clone, Copy)]
enum Intervals {
    Default,
    Custom,
}

/// `retry` or `notify`: the server's own intervals, or those that are listed.
fn intervals(
    reader: &mut Reader<'_>,
    body: Value<'_>,
    key: &'static str,
    default: &'static [Millis],
) -> Setting<Vec<Millis>> {
    let Some(field) = body.get(key) else {
        return Setting::Default;
    };
    let value = field.value;
    if value.array().is_some() {
        let range = start(value.range());
        reader.report(
            Diagnostic::new(&codes::WRONG_KIND, range, format!("`{key}` is an array"))
                .help("write `{\"@type\": \"Custom\", \"intervals\": {\"0\": {\"duration\": 120000}}}`"),
        );
        return Setting::Default;
    }
    let kinds = [("Default", Intervals::Default), ("Custom", Intervals::Custom)];
    let given = |intervals| Setting::Given(Placed::new(intervals, value.range()));
    match reader.variant(value, key, &kinds) {
        None => {
            if reader.origin == Origin::Unseen {
                custom(reader, value, key);
            }
            Setting::Default
        }
        Some(Intervals::Default) => {
            reader.known_keys(value, &["@type"], key);
            given(default.to_vec())
        }
        Some(Intervals::Custom) => custom(reader, value, key).map_or(Setting::Default, given),
    }
}

/// The listed intervals; `None` where they cannot be used.
fn custom(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<Vec<Millis>> {
    reader.known_keys(value, &["@type", "intervals"], key);
    let list = match value.get("intervals") {
        Some(field) => reader.list(field.value, "intervals")?,
        None => Vec::new(),
    };
    if list.is_empty() {
        if reader.origin != Origin::Unseen {
            no_intervals(reader, value, key);
        }
        return (key == "notify").then(Vec::new);
    }
    let before = reader.findings.mark();
    let mut intervals = Vec::with_capacity(list.len());
    for entry in list {
        intervals.extend(interval(reader, entry));
    }
    // A list with a hole would be another ladder; durations that are strings are read and leave none.
    (!reader.findings.errors_since(before) || !intervals.is_empty()).then_some(intervals)
}

/// An empty list: the server refuses it, and ships one for `notify` itself.
fn no_intervals(reader: &mut Reader<'_>, value: Value<'_>, key: &str) {
    let severity = if key == "notify" { reader.form() } else { Severity::Error };
    let range = value.get("intervals").map_or_else(|| start(value.range()), |field| field.key_range);
    reader.report(
        Diagnostic::new(&codes::EMPTY_INTERVALS, range, format!("the intervals of `{key}` are empty"))
            .severity(severity)
            .help("write at least one: `{\"0\": {\"duration\": 3600000}}`"),
    );
}

fn interval(reader: &mut Reader<'_>, entry: Field<'_>) -> Option<Millis> {
    let value = entry.value;
    if !value.is_object() {
        reader.wrong_kind(value, "intervals", "an interval is `{\"duration\": 120000}`");
        return None;
    }
    reader.known_keys(value, &["duration"], "an interval");
    match value.get("duration") {
        Some(field) => reader.duration(field.value, "duration"),
        None => Some(INTERVAL),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Ttl,
    Attempts,
}

fn expiry(reader: &mut Reader<'_>, value: Value<'_>, key: &str) -> Option<Expiry> {
    let kinds = [("Ttl", Kind::Ttl), ("Attempts", Kind::Attempts)];
    match reader.variant(value, key, &kinds)? {
        Kind::Ttl => {
            reader.known_keys(value, &["@type", "expire"], key);
            match value.get("expire") {
                Some(field) => reader.duration(field.value, "expire").map(Expiry::Ttl),
                None => Some(Expiry::Ttl(EXPIRE)),
            }
        }
        Kind::Attempts => {
            reader.known_keys(value, &["@type", "maxAttempts"], key);
            match value.get("maxAttempts") {
                Some(field) => reader.integer(field.value, "maxAttempts", 1..=u32::MAX).map(Expiry::Attempts),
                None => Some(Expiry::Attempts(ATTEMPTS)),
            }
        }
    }
}

/// The queue that the server has in any case.
const BUILT_IN: &str = "default";

const fn minutes(minutes: u64) -> Millis {
    Millis::from_secs(minutes * 60)
}

/// `{"@type": "Default"}` of `retry`.
pub(crate) const RETRY: [Millis; 9] = [
    minutes(2),
    minutes(5),
    minutes(10),
    minutes(15),
    minutes(30),
    minutes(60),
    minutes(120),
    minutes(24 * 60),
    minutes(3 * 24 * 60),
];

/// `{"@type": "Default"}` of `notify`.
const NOTIFY: [Millis; 2] = [minutes(24 * 60), minutes(3 * 24 * 60)];

/// An interval without `duration`.
const INTERVAL: Millis = minutes(60);

/// A `Ttl` without `expire`.
const EXPIRE: Millis = minutes(3 * 24 * 60);

/// `Attempts` without `maxAttempts`.
const ATTEMPTS: u32 = 5;
