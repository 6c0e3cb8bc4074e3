//! Scenarios out of documents.
//!
//! A finding hides no other: a message with an error is left out, and what is expected of it is still checked for
//! mistakes of its own.

use std::collections::{BTreeMap, BTreeSet};

use base::{Diagnostic, Findings, Mailbox};
use document::{Entry, Kind as NodeKind, Node, Source, Table};
use policy::{Kind, Target, Variable, spelling::nearest};

use crate::{
    Scenario, codes,
    context::{Context, integer, listed, shown, tree},
    environment,
    expectation::{Expectation, Expected, Status},
    files::Files,
    generate, limits,
    message::{self, Ids, Message},
    place::Place,
    property,
    shape::{self, Given, Shape},
    timestamp::{Timestamp, TimestampError},
    world,
};

/// The keys of a scenario.
pub(crate) const KEYS: &[&str] = &[
    "policy",
    "start",
    "seed",
    "target",
    "bare",
    "as_is",
    "length",
    "environment",
    "world",
    "message",
    "generate",
    "expect",
    "never",
    "always",
];

/// The keys of an expectation.
pub(crate) const EXPECT_KEYS: &[&str] = &[
    "message",
    "rcpt",
    "attempt",
    "target",
    "status",
    "within",
    "after",
    "error",
    "host",
    "secured",
    "tls_report",
    "commands",
    "reports",
    "report_status",
    "attempts",
    "route",
    "schedule",
    "connection",
    "tls",
];

/// The keys of an expectation of what is seen only where something is sent.
const SEEN_KEYS: [&str; 9] =
    ["status", "error", "host", "secured", "tls_report", "commands", "reports", "report_status", "attempts"];

/// Reads a scenario, TOML or JSON.
///
/// What could be understood is given even where there are errors, so that a report can show it; it is only to be run
/// where the findings have none. There is nothing where the document is no table.
#[must_use]
pub fn read(source: &Source, files: &dyn Files) -> (Option<Scenario>, Findings) {
    let (root, mut findings) = tree(source);
    let context = &mut Context::new(files, &mut findings);
    let Some(table) = root.as_table() else {
        if !context.findings.has_errors() {
            let message = format!("a scenario is {}, not a table of keys", root.kind_name());
            context.report(
                Diagnostic::new(&codes::NOT_A_SCENARIO, root.range, message)
                    .help("begin with `policy` and a list of messages called `message`"),
            );
        }
        return (None, findings);
    };
    let scenario = of_table(table, context);
    findings.sort();
    (Some(scenario), findings)
}

fn of_table(table: &Table<'_>, context: &mut Context<'_>) -> Scenario {
    context.unknown_keys(table, "a scenario", KEYS);
    let mut scenario = Scenario::default();
    if let Some(node) = table.get("policy") {
        scenario.policy = policy_path(node, context);
    }
    if let Some(start) = table.get("start").and_then(|node| start(node, context)) {
        scenario.start = start;
    }
    if let Some(seed) = table.get("seed").and_then(|node| count(node, "seed", 0, SEED_MAX, context)) {
        scenario.seed = seed;
    }
    if let Some(node) = table.get("target") {
        scenario.target = target(node, context);
    }
    if let Some(bare) = table.get("bare").and_then(|node| flag(node, "bare", context)) {
        scenario.bare = bare;
    }
    if let Some(as_is) = table.get("as_is").and_then(|node| flag(node, "as_is", context)) {
        scenario.as_is = as_is;
    }
    if let Some(node) = table.get("environment") {
        scenario.environment = environment::read(node, context.files, context.findings);
    }
    if let Some(node) = table.get("length")
        && let Some(Given::Offset(length)) =
            Shape::Offset.read(node, "length", &mut |finding| context.findings.push(finding))
    {
        scenario.length = length;
    }
    if let Some(node) = table.get("world") {
        scenario.world = Some(world::read(node, context));
    }
    let mut known = Known { has_world: scenario.world.is_some(), ..Known::default() };
    if let Some(node) = table.get("message") {
        scenario.messages = messages(node, &mut known, context);
    }
    for order in scenario.world.iter().flat_map(|world| &world.orders) {
        let Some(id) = order.message.as_deref() else { continue };
        let rcpts = known.recipients.get(id);
        if !known.ids.has(id) {
            let near = known.ids.nearest(id, context).map(|near| format!("did you mean `{near}`?"));
            let help =
                near.unwrap_or_else(|| "name a message by its `id`; one without is called by its place".to_owned());
            let message = format!("no message is called `{}`", shown(id));
            context.report(Diagnostic::new(&codes::UNKNOWN_MESSAGE, order.place.0, message).help(help));
        } else if let Some(rcpt) = order.rcpt.as_ref().filter(|rcpt| rcpts.is_some_and(|known| !known.contains(*rcpt)))
        {
            let message = format!("`{rcpt}` is no recipient of the message `{}`", shown(id));
            context
                .report(Diagnostic::new(&codes::INVALID_VALUE, order.place.0, message).help("one of its `recipients`"));
        }
    }
    if let Some(node) = table.get("generate") {
        let nodes = tables(node, "generate", limits::GENERATORS_MAX, context).unwrap_or_default();
        scenario.messages.extend(generate::read(nodes, scenario.seed, &known.ids, context));
    }
    if let Some(node) = table.get("expect") {
        scenario.expectations = expectations(node, &known, context);
    }
    scenario.properties = property::of_table(table, &known, context);
    scenario
}

fn policy_path(node: &Node<'_>, context: &mut Context<'_>) -> Option<String> {
    let text = context.text(node, "policy", "`\"policy.toml\"`")?;
    if text.is_empty() {
        let finding = Diagnostic::new(&codes::INVALID_VALUE, node.range, "`policy` is empty");
        context.report(finding.help("name the policy's file, or leave the key out and name it on the command line"));
        return None;
    }
    Some(text.to_owned())
}

fn flag(node: &Node<'_>, key: &str, context: &mut Context<'_>) -> Option<bool> {
    let NodeKind::Bool(flag) = node.kind else {
        context.wrong_kind(node, key, "`true` or `false`", "`true`");
        return None;
    };
    Some(flag)
}

fn start(node: &Node<'_>, context: &mut Context<'_>) -> Option<Timestamp> {
    // TOML has a form of its own for moments.
    let (NodeKind::Text(_) | NodeKind::Other(_)) = &node.kind else {
        context.wrong_kind(node, "start", "a moment", "`\"2026-03-02T00:00:00Z\"`");
        return None;
    };
    let text = node.scalar_text()?;
    match Timestamp::parse(text) {
        Ok(start) => Some(start),
        Err(error) => {
            let message = format!("`start` is `{}`, which is no moment: {error}", shown(text));
            let help = match error {
                TimestampError::NoOffset => format!("write `{text}Z` for UTC, or an offset such as `+01:00`"),
                _ => "such as `2026-03-02T00:00:00Z` (RFC 3339)".to_owned(),
            };
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
            None
        }
    }
}

fn target(node: &Node<'_>, context: &mut Context<'_>) -> Option<Target> {
    let text = context.text(node, "target", "`\"native\"`")?;
    let target = Target::named(text);
    if target.is_none() {
        let names = Target::names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = nearest(text, names.iter().copied());
        let known =
            format!("it is a release of Stalwart, such as `stalwart-0.16.3`, or one of {}", listed(&names, "and"));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? {known}"),
            None => known,
        };
        let message = format!("`target` cannot be `{}`", shown(text));
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    }
    target
}

/// The whole number that `node` is, called `name`.
fn count(node: &Node<'_>, name: &str, least: u64, most: u64, context: &mut Context<'_>) -> Option<u64> {
    let NodeKind::Number(text) = &node.kind else {
        context.wrong_kind(node, name, "a whole number", "`1`");
        return None;
    };
    let number = integer(text).and_then(|number| u64::try_from(number).ok());
    let number = number.filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let message = format!("`{name}` cannot be {}", shown(text));
        let help = format!("a whole number from {least} to {most}");
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    }
    number
}

/// The messages that expectations may be about, those with errors among them.
#[derive(Default)]
pub(crate) struct Known {
    /// Whether messages are really sent.
    pub(crate) has_world: bool,
    pub(crate) ids: Ids,
    /// The recipients of those that have no error.
    pub(crate) recipients: BTreeMap<String, BTreeSet<Mailbox>>,
}

/// The elements of a list of tables, `[[name]]` in TOML.
pub(crate) fn tables<'t, 'a>(
    node: &'t Node<'a>,
    name: &str,
    most: usize,
    context: &mut Context<'_>,
) -> Option<&'t [Node<'a>]> {
    let Some(list) = node.as_list() else {
        let example = format!("one `[[{name}]]` table for each");
        context.wrong_kind(node, name, "a list of tables", &example);
        return None;
    };
    Some(context.bounded(list, node.range, name, most))
}

fn messages(node: &Node<'_>, known: &mut Known, context: &mut Context<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    let list = tables(node, "message", limits::MESSAGES_MAX, context).unwrap_or_default();
    for (index, node) in list.iter().enumerate() {
        let id = format!("m{}", index + 1);
        known.ids.note(node, &id, context);
        if let Some(message) = message::read_table(node, node.range, &id, context) {
            let recipients = message.recipients.iter().cloned().collect();
            known.recipients.entry(message.id.clone()).or_insert(recipients);
            messages.push(message);
        }
    }
    messages
}

fn expectations(node: &Node<'_>, known: &Known, context: &mut Context<'_>) -> Vec<Expectation> {
    let list = tables(node, "expect", limits::EXPECTATIONS_MAX, context).unwrap_or_default();
    let read = |node| {
        let expectation = expectation(node, known, context)?;
        check_subject(node, &expectation, known, context);
        Some(expectation)
    };
    list.iter().filter_map(read).collect()
}

fn expectation(node: &Node<'_>, known: &Known, context: &mut Context<'_>) -> Option<Expectation> {
    let table = context.table(node, "expect", "a table with `message` and `route`")?;
    context.unknown_keys(table, "an expectation", EXPECT_KEYS);
    let Some(id) = table.get("message") else {
        context.report(
            Diagnostic::new(&codes::MISSING_KEY, node.range, "the expectation has no `message`")
                .help("name the message by its `id`"),
        );
        return None;
    };
    let id = context.text(id, "message", "`\"m1\"`")?;
    let mut expectation = Expectation { place: Place(node.range), ..Expectation::of(id) };
    if let Some(node) = table.get("rcpt") {
        let text = context.text(node, "rcpt", "`\"bob@corp.test\"`")?;
        match shape::address(text) {
            Ok(rcpt) => expectation.rcpt = Some(rcpt),
            Err(wrong) => context.report(wrong.finding(node, "rcpt")),
        }
    }
    if let Some(attempt) = table.get("attempt") {
        let attempt = count(attempt, "attempt", 1, u64::from(u32::MAX), context);
        expectation.attempt = attempt.and_then(|attempt| u32::try_from(attempt).ok());
    }
    seen(node, table, &mut expectation, known, context);
    Some(expectation)
}

/// Reads what is seen of a recipient: all of an expectation but of whom and when it speaks.
pub(crate) fn seen(
    node: &Node<'_>,
    table: &Table<'_>,
    expectation: &mut Expectation,
    known: &Known,
    context: &mut Context<'_>,
) {
    let mark = context.findings.mark();
    if let Some(node) = table.get("target") {
        expectation.target = target(node, context);
    }
    if let Some(status) = table.get("status") {
        expectation.status = world::word(status, "status", &Status::WORDS, Status::named, context);
    }
    if let Some(error) = table.get("error") {
        let words = Variable::LastError.texts().unwrap_or_default();
        let named = |text: &str| words.contains(&text).then(|| text.to_owned());
        expectation.error = world::word(error, "error", words, named, context);
    }
    if let Some(host) = table.get("host") {
        let host = context.text(host, "host", "`\"mx.corp.test\"`");
        expectation.host = host.map(|host| host.trim_end_matches('.').to_lowercase());
    }
    if let Some(secured) = table.get("secured") {
        match secured.kind {
            NodeKind::Bool(secured) => expectation.secured = Some(secured),
            _ => context.wrong_kind(secured, "secured", "`true` or `false`", "`true` where TLS is expected"),
        }
    }
    for (key, example, slot) in [
        ("tls_report", "`\"sts validation-failure\"`", &mut expectation.tls_report),
        ("commands", "`\"EHLO MAIL RCPT DATA QUIT\"`", &mut expectation.commands),
        ("reports", "`\"delayed failed\"`", &mut expectation.reports),
        ("report_status", "`\"4.7.1 5.7.1\"`", &mut expectation.report_status),
    ] {
        let text = table.get(key).and_then(|node| context.text(node, key, example));
        *slot = text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(attempts) = table.get("attempts") {
        let attempts = count(attempts, "attempts", 0, u64::from(u32::MAX), context);
        expectation.attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok());
    }
    let seen = SEEN_KEYS.iter().find_map(|key| table.get(key));
    if let Some(node) = seen.filter(|_| !known.has_world) {
        let message = "without a `[world]`, nothing is sent and no status is reached";
        let finding = Diagnostic::new(&codes::INVALID_VALUE, node.range, message);
        context.report(finding.help("add `[world]` with a `zone`, or expect decisions only"));
    }
    for (key, slot) in [("within", &mut expectation.within), ("after", &mut expectation.after)] {
        let Some(node) = table.get(key) else { continue };
        let given = Shape::Offset.read(node, key, &mut |finding| context.findings.push(finding));
        if let Some(Given::Offset(length)) = given {
            *slot = Some(length);
        }
        if table.get("status").is_none() {
            let message = format!("`{key}` says when, but not what");
            let finding = Diagnostic::new(&codes::MISSING_KEY, node.range, message);
            context.report(finding.help("add `status = \"delivered\"`"));
        }
    }
    for kind in Kind::ALL {
        if let Some(entry) = table.entry(kind.word()) {
            *expectation.decision_mut(kind) = expected(entry, context);
        }
    }
    let says_something = seen.is_some() || Kind::ALL.iter().any(|kind| table.get(kind.word()).is_some());
    if !says_something && !context.findings.errors_since(mark) {
        context.report(
            Diagnostic::new(&codes::EMPTY_EXPECTATION, node.range, "the expectation says nothing that could fail")
                .help("add `route`, `schedule`, `connection` or `tls` with the name of a strategy, or `status`"),
        );
    }
}

fn expected(entry: &Entry<'_>, context: &mut Context<'_>) -> Option<Expected> {
    let node = &entry.value;
    let text = context.text(node, entry.key(), "`\"mx\"`, the name of a strategy")?;
    match Shape::Name.parse(text) {
        Ok(_) => Some(Expected { name: text.to_owned(), place: Place(node.range) }),
        Err(wrong) => {
            context.report(wrong.finding(node, entry.key()));
            None
        }
    }
}

/// Reports an expectation about a message or a recipient that is not there.
fn check_subject(node: &Node<'_>, expectation: &Expectation, known: &Known, context: &mut Context<'_>) {
    let place = |key| node.get(key).map_or(node.range, |node| node.range);
    let id = expectation.message.as_str();
    if !known.ids.has(id) {
        let near = known.ids.nearest(id, context);
        let help = near.map_or_else(
            || "name a message by its `id`; one without is called by its place: `m1`, `m2` …".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("no message is called `{}`", shown(id));
        context.report(Diagnostic::new(&codes::UNKNOWN_MESSAGE, place("message"), message).help(help));
        return;
    }
    let Some((rcpt, recipients)) = expectation.rcpt.as_ref().zip(known.recipients.get(id)) else {
        return;
    };
    if !recipients.contains(rcpt) {
        let near = context.nearest(rcpt.as_str(), recipients.len(), recipients.iter().map(Mailbox::as_str));
        let help = near.map_or_else(
            || {
                let some: Vec<_> = recipients.iter().take(3).map(Mailbox::as_str).collect();
                let more = if recipients.len() > some.len() { ", among others" } else { "" };
                format!("it is for {}{more}", listed(&some, "and"))
            },
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("the message `{}` is not for `{rcpt}`", shown(id));
        context.report(Diagnostic::new(&codes::UNKNOWN_RECIPIENT, place("rcpt"), message).help(help));
    }
}

/// The largest seed: what every reader of TOML and JSON can hold.
const SEED_MAX: u64 = i64::MAX as u64;
