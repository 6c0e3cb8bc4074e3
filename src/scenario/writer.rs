//! Scenarios as TOML, for what is recorded or generated: what is written reads back as the same scenario.
//!
//! A key that says what holds without it is left out, but for what every message should show; [`write_all`] leaves none
//! out. Lists and stores that came out of files are written out; a database stays the name of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base::Mailbox;
use policy::{DnsType, Kind, Value};

use crate::{
    Environment, Expectation, Message, Property, Scenario, Store, World, message::FIELDS, shape::Given, world,
};

/// `scenario` as TOML.
#[must_use]
pub fn write(scenario: &Scenario) -> String {
    written(scenario, Writer::default())
}

/// `scenario` as TOML, with what holds where nothing is said.
#[must_use]
pub fn write_all(scenario: &Scenario) -> String {
    written(scenario, Writer { writes_defaults: true, ..Writer::default() })
}

fn written(scenario: &Scenario, mut out: Writer) -> String {
    if let Some(policy) = &scenario.policy {
        out.value("policy", &text(policy));
    }
    out.value("start", &text(&scenario.start.to_string()));
    out.value("seed", &scenario.seed.to_string());
    if let Some(target) = scenario.target {
        out.value("target", &text(&target.to_string()));
    }
    if out.is_said(scenario.bare) {
        out.value("bare", &scenario.bare.to_string());
    }
    if out.is_said(scenario.as_is) {
        out.value("as_is", &scenario.as_is.to_string());
    }
    if out.is_said(scenario.length != Scenario::LENGTH) {
        out.value("length", &text(&scenario.length.to_string()));
    }
    environment(&scenario.environment, &mut out);
    if let Some(met) = &scenario.world {
        world(met, &mut out);
    }
    for message in &scenario.messages {
        out.header("[[message]]");
        message_keys(message, &mut out);
    }
    for expectation in &scenario.expectations {
        out.header("[[expect]]");
        expectation_keys(expectation, &mut out);
    }
    for is_never in [true, false] {
        for property in scenario.properties.iter().filter(|property| property.is_never == is_never) {
            out.header(if is_never { "[[never]]" } else { "[[always]]" });
            property_keys(property, &mut out);
        }
    }
    out.text
}

/// `message` as the TOML of a message file.
#[must_use]
pub fn write_message(message: &Message) -> String {
    let mut out = Writer::default();
    message_keys(message, &mut out);
    out.text
}

/// Builds TOML line by line.
#[derive(Default)]
struct Writer {
    text: String,
    /// Whether what holds without it is written, too.
    writes_defaults: bool,
}

impl Writer {
    /// Whether a key is written that says something of its own, or not.
    const fn is_said(&self, is_own: bool) -> bool {
        is_own || self.writes_defaults
    }

    fn header(&mut self, header: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(header);
        self.text.push('\n');
    }

    /// `key = value`, the value as TOML.
    fn value(&mut self, key: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{} = {value}", toml_key(key));
    }
}

fn message_keys(message: &Message, out: &mut Writer) {
    let unsaid = Message::default();
    for field in FIELDS {
        let given = (field.take)(message);
        let is_shown = match field.name {
            "id" | "sender" | "recipients" => true,
            // Without it, the size would be that of the mail file.
            "size" => out.is_said(given != (field.take)(&unsaid) || message.eml.is_some() || message.content.is_some()),
            // Without it, it would follow from the content.
            "body" => out.is_said(given != (field.take)(&unsaid) || message.content.is_some()),
            _ => out.is_said(given != (field.take)(&unsaid)),
        };
        if let Some(value) = toml_value(&given).filter(|_| is_shown) {
            out.value(field.name, &value);
        }
    }
}

fn toml_value(given: &Given) -> Option<String> {
    Some(match given {
        Given::Absent => return None,
        Given::Text(value) => text(value),
        Given::Word(value) => text(value),
        Given::Count(value) => value.to_string(),
        Given::Integer(value) => value.to_string(),
        Given::Offset(value) => text(&value.to_string()),
        Given::Sender(value) => text(value.as_str()),
        Given::Recipients(value) => array(value.iter().map(Mailbox::as_str)),
        Given::Ret(value) => text(value.word()),
        Given::Truth(value) => value.to_string(),
        Given::Notify(value) => array(value.words()),
        Given::By(value) => text(&value.to_string()),
        Given::Content(value) => lines(value),
        Given::NotifyFor(value) => {
            let entries =
                value.iter().map(|(rcpt, notify)| format!("{} = {}", text(rcpt.as_str()), array(notify.words())));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Given::ByRecipient(value) => {
            let entries: Vec<_> =
                value.iter().map(|(rcpt, original)| format!("{} = {}", text(rcpt.as_str()), text(original))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    })
}

fn property_keys(property: &Property, out: &mut Writer) {
    out.value("name", &text(&property.name));
    let domains = [("sender_domain", &property.sender_domain), ("rcpt_domain", &property.rcpt_domain)];
    for (key, domain) in domains {
        if let Some(domain) = domain {
            out.value(key, &text(domain));
        }
    }
    if let Some(source) = property.source {
        out.value("source", &text(source));
    }
    seen_keys(&property.seen, out);
}

fn expectation_keys(expectation: &Expectation, out: &mut Writer) {
    out.value("message", &text(&expectation.message));
    if let Some(rcpt) = &expectation.rcpt {
        out.value("rcpt", &text(rcpt.as_str()));
    }
    if let Some(attempt) = expectation.attempt {
        out.value("attempt", &attempt.to_string());
    }
    seen_keys(expectation, out);
}

fn seen_keys(expectation: &Expectation, out: &mut Writer) {
    if let Some(target) = expectation.target {
        out.value("target", &text(&target.to_string()));
    }
    if let Some(status) = expectation.status {
        out.value("status", &text(status.word()));
    }
    if let Some(within) = expectation.within {
        out.value("within", &text(&within.to_string()));
    }
    if let Some(after) = expectation.after {
        out.value("after", &text(&after.to_string()));
    }
    if let Some(error) = &expectation.error {
        out.value("error", &text(error));
    }
    if let Some(host) = &expectation.host {
        out.value("host", &text(host));
    }
    if let Some(secured) = expectation.secured {
        out.value("secured", &secured.to_string());
    }
    for (key, wanted) in [
        ("tls_report", &expectation.tls_report),
        ("commands", &expectation.commands),
        ("reports", &expectation.reports),
        ("report_status", &expectation.report_status),
    ] {
        if let Some(wanted) = wanted {
            out.value(key, &text(wanted));
        }
    }
    if let Some(attempts) = expectation.attempts {
        out.value("attempts", &attempts.to_string());
    }
    for kind in Kind::ALL {
        if let Some(expected) = expectation.decision(kind) {
            out.value(kind.word(), &text(&expected.name));
        }
    }
}

fn environment(environment: &Environment, out: &mut Writer) {
    if *environment == Environment::default() {
        return;
    }
    out.header("[environment]");
    let sets = [("local_domains", &environment.local_domains), ("local_addresses", &environment.local_addresses)];
    for (key, set) in sets {
        if let Some(set) = set {
            out.value(key, &array(set.iter().map(String::as_str)));
        }
    }
    if environment.dns.as_ref().is_some_and(BTreeMap::is_empty) {
        out.value("dns", "[]");
    }
    if let Some(all) = &environment.stores {
        stores(all, out);
    }
    section("system", &environment.system, system_value, out);
    metrics(environment, out);
    section("settings", &environment.settings, |value| text(value), out);
    section("lists", &environment.lists, set, out);
    section("databases", &environment.databases, |open| text(&open.path), out);
    for ((name, kind), answer) in environment.dns.iter().flatten() {
        out.header("[[environment.dns]]");
        out.value("name", &text(name));
        out.value("type", &text(kind.name()));
        match answer {
            Ok(answer) => out.value("answer", &dns_value(answer, *kind)),
            Err(error) => out.value("error", &text(error)),
        }
    }
}

fn world(world: &World, out: &mut Writer) {
    out.header("[world]");
    if !world.zone_text.is_empty() {
        out.value("zone", &lines(&world.zone_text));
    }
    if !world.signed.is_empty() {
        out.value("signed", &set(&world.signed));
    }
    for change in &world.zone_changes {
        out.header("[[world.zone_change]]");
        out.value("at", &text(&change.at.to_string()));
        if !change.remove.is_empty() {
            out.value("remove", &array(change.remove.iter().map(String::as_str)));
        }
        if !change.add.is_empty() {
            out.value("add", &lines(&change.add));
        }
    }
    if let Some(anchors) = &world.anchors {
        out.value("anchors", &format!("{{ pem = {} }}", lines(&anchors.text)));
    }
    for fault in &world.dns_faults {
        out.header("[[world.dns_fault]]");
        out.value("name", &text(&fault.name));
        if let Some(kind) = fault.kind {
            out.value("type", &text(kind.word()));
        }
        out.value("answer", &text(fault.answer.word()));
        span(fault.span, out);
    }
    mta_sts(world, out);
    for crash in &world.crashes {
        out.header("[[world.crash]]");
        match crash.when {
            world::When::At(at) => out.value("at", &text(&at.to_string())),
            world::When::Effect(number) => out.value("effect", &number.to_string()),
        }
        out.value("down", &text(&crash.down.to_string()));
    }
    for reload in &world.reloads {
        out.header("[[world.reload]]");
        out.value("at", &text(&reload.at.to_string()));
        out.value("policy", &text(&reload.policy));
    }
    for order in &world.orders {
        out.header("[[world.operator]]");
        out.value("at", &text(&order.at.to_string()));
        out.value("do", &text(order.deed.word()));
        if let Some(message) = &order.message {
            out.value("message", &text(message));
        }
        if let Some(rcpt) = &order.rcpt {
            out.value("rcpt", &text(rcpt.as_str()));
        }
        if let Some(next) = order.next {
            out.value("next", &text(&next.to_string()));
        }
    }
    for jump in &world.clock_jumps {
        out.header("[[world.clock_jump]]");
        out.value("at", &text(&jump.at.to_string()));
        out.value("by", &text(&jump.by.to_string()));
    }
    for full in &world.disk_full {
        out.header("[[world.disk_full]]");
        span(*full, out);
    }
    let unsaid = world::Host::default();
    for (name, host) in &world.hosts {
        let name = format!("world.host.{}", toml_key(name));
        out.header(&format!("[{name}]"));
        if out.is_said(host.ports != unsaid.ports) {
            out.value("ports", &ports(&host.ports));
        }
        out.value("starttls", &text(host.starttls.word()));
        match &host.chain {
            Some(chain) => out.value("certificate", &format!("{{ pem = {} }}", lines(&chain.text))),
            None => out.value("certificate", &text(host.certificate.word())),
        }
        out.value("tlsa", &text(host.tlsa.word()));
        if let Some(greylist) = host.greylist {
            out.value("greylist", &text(&greylist.to_string()));
        }
        if let Some(most) = host.connections_max {
            out.value("connections_max", &most.to_string());
        }
        if let Some((count, period)) = host.rate {
            out.value("rate", &text(&format!("{count}/{period}")));
        }
        if out.is_said(host.latency != unsaid.latency) {
            out.value("latency", &text(&host.latency.to_string()));
        }
        if !host.latency_at.is_empty() {
            let stages = host.latency_at.iter().map(|(stage, latency)| format!("{} = \"{latency}\"", stage.word()));
            out.value("latency_at", &format!("{{ {} }}", stages.collect::<Vec<_>>().join(", ")));
        }
        if out.is_said(host.extensions != unsaid.extensions) {
            out.value("extensions", &array(host.extensions.iter().map(String::as_str)));
        }
        for reply in &host.replies {
            out.header(&format!("[[{name}.reply]]"));
            out.value("stage", &text(reply.stage.word()));
            out.value("reply", &text(&reply.reply.text()));
            if reply.closes {
                out.value("then", &text("close"));
            }
            if out.is_said(reply.skip > 0) {
                out.value("skip", &reply.skip.to_string());
            }
            if let Some(times) = reply.times {
                out.value("times", &times.to_string());
            }
            if let Some(rcpt) = &reply.rcpt {
                out.value("rcpt", &text(rcpt.as_str()));
            }
            if let Some(source) = &reply.source_ip {
                out.value("source_ip", &text(&source.to_string()));
            }
            span(reply.span, out);
        }
    }
}

fn ports(ports: &world::Ports) -> String {
    let known = ports.known.iter().map(|(port, listens)| format!("{port} = {}", text(listens.word())));
    let others = format!("\"*\" = {}", text(ports.others.word()));
    let all: Vec<String> = known.chain([others]).collect();
    format!("{{ {} }}", all.join(", "))
}

fn mta_sts(world: &World, out: &mut Writer) {
    let all = world.mta_sts.iter().flat_map(|(domain, all)| all.iter().map(move |served| (domain, served)));
    for (domain, served) in all {
        out.header(&format!("[[world.mta_sts.{}]]", toml_key(domain)));
        out.value("policy", &lines(&served.policy));
        if out.is_said(served.status != 200) {
            out.value("status", &served.status.to_string());
        }
        span(served.span, out);
    }
}

fn span(span: world::Span, out: &mut Writer) {
    if out.is_said(span.from != world::Span::ALWAYS.from) {
        out.value("from", &text(&span.from.to_string()));
    }
    if span.until != world::Span::ALWAYS.until {
        out.value("until", &text(&span.until.to_string()));
    }
}

fn stores(stores: &BTreeMap<String, Store>, out: &mut Writer) {
    out.header("[environment.stores]");
    for (name, store) in stores {
        let name = format!("stores.{}", toml_key(name));
        if store.keys.is_empty() && store.counters.is_empty() {
            out.header(&format!("[environment.{name}]"));
        }
        section(&format!("{name}.keys"), &store.keys, |value| text(value), out);
        section(&format!("{name}.counters"), &store.counters, i64::to_string, out);
    }
}

fn metrics(environment: &Environment, out: &mut Writer) {
    let others = environment.other_metrics.map(|value| ("*".to_owned(), value));
    let all = environment.metrics.clone().into_iter().chain(others).collect();
    section("metric", &all, |value| format!("{value:?}"), out);
}

/// A table of the environment, where it is not empty.
fn section<V>(name: &str, values: &BTreeMap<String, V>, shown: impl Fn(&V) -> String, out: &mut Writer) {
    if values.is_empty() {
        return;
    }
    out.header(&format!("[environment.{name}]"));
    for (key, value) in values {
        out.value(key, &shown(value));
    }
}

fn set(set: &BTreeSet<String>) -> String {
    array(set.iter().map(String::as_str))
}

fn system_value(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        other => text(&other.to_text()),
    }
}

fn dns_value(answer: &Value, kind: DnsType) -> String {
    if kind == DnsType::Txt {
        return text(&answer.to_text());
    }
    let items: Vec<_> = answer.to_items().iter().map(Value::to_text).collect();
    array(items.iter().map(|item| &**item))
}

fn array<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<_> = texts.into_iter().map(text).collect();
    format!("[{}]", texts.join(", "))
}

/// A key, in quotes where it needs them.
fn toml_key(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_bare { key.to_owned() } else { text(key) }
}

/// A string of TOML.
/// A text of several lines, as they are; of one, as a text.
fn lines(value: &str) -> String {
    let is_plain = |char: char| char == '\n' || !char.is_control();
    if !value.contains('\n') || !value.chars().all(is_plain) {
        return text(value);
    }
    format!("\"\"\"\n{}\"\"\"", value.replace('\\', "\\\\").replace("\"\"\"", "\"\"\\\""))
}

fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for char in value.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            char if char.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}
