//! Worlds out of documents: the table `[world]` of a scenario.

use std::{collections::BTreeMap, net::IpAddr};

use base::{Diagnostic, Millis, TextRange};
use document::{Node, Table};
use policy::spelling::nearest;

use super::{
    Answer, Certificate, ClockJump, Crash, Deed, DnsAnswer, DnsFault, DnsKind, Host, HostReply, Listens, MtaSts, Order,
    Ports, Reload, Span, Stage, StartTls, Tlsa, When, World, ZoneChange,
};
use crate::{
    codes,
    context::{Context, listed, shown},
    limits,
    pem::Certificates,
    place::Place,
    shape::{self, Given, Shape},
    zone::{Data, Zone},
};

/// The keys of a world.
pub(crate) const KEYS: &[&str] = &[
    "zone",
    "signed",
    "zone_change",
    "anchors",
    "dns_fault",
    "host",
    "mta_sts",
    "crash",
    "disk_full",
    "clock_jump",
    "reload",
    "operator",
];

/// The keys of a DNS fault.
pub(crate) const FAULT_KEYS: &[&str] = &["name", "type", "answer", "from", "until"];

/// The keys of a change of the records.
pub(crate) const CHANGE_KEYS: &[&str] = &["at", "remove", "add"];

/// The keys of certificates.
pub(crate) const PEM_KEYS: &[&str] = &["file", "pem"];

/// The keys of an MTA-STS policy.
pub(crate) const STS_KEYS: &[&str] = &["policy", "status", "from", "until"];

/// The keys of a crash.
pub(crate) const CRASH_KEYS: &[&str] = &["at", "effect", "down"];

/// The keys of a jump of the clock.
pub(crate) const CLOCK_KEYS: &[&str] = &["at", "by"];

/// The keys of a moment at which another policy is taken over.
pub(crate) const RELOAD_KEYS: &[&str] = &["at", "policy"];

/// The keys of what an operator does.
pub(crate) const ORDER_KEYS: &[&str] = &["at", "do", "message", "rcpt", "next"];

/// The keys of a time at which nothing can be stored.
pub(crate) const DISK_KEYS: &[&str] = &["from", "until"];

/// The keys of a host.
pub(crate) const HOST_KEYS: &[&str] = &[
    "ports",
    "starttls",
    "certificate",
    "tlsa",
    "latency",
    "latency_at",
    "extensions",
    "greylist",
    "connections_max",
    "rate",
    "reply",
];

/// The keys of a host's reply.
pub(crate) const REPLY_KEYS: &[&str] =
    &["stage", "reply", "then", "skip", "times", "rcpt", "source_ip", "from", "until"];

/// Reads a world: all of it that could be understood.
pub(crate) fn read(node: &Node<'_>, context: &mut Context<'_>) -> World {
    let mut world = World::default();
    let Some(table) = context.table(node, "world", "`[world]` with `zone`") else { return world };
    context.unknown_keys(table, "a world", KEYS);
    if let Some(node) = table.get("zone") {
        (world.zone, world.zone_text) = zone(node, "zone", context);
    }
    if let Some(node) = table.get("signed") {
        for node in context.list(node, "signed", "`[\"corp.test\"]`").unwrap_or_default() {
            let name = context.element(node, "signed", "`\"corp.test\"`");
            world.signed.extend(name.map(|name| name.trim_end_matches('.').to_lowercase()));
        }
    }
    if let Some(node) = table.get("zone_change") {
        zone_changes(node, &mut world, context);
    }
    if let Some(node) = table.get("dns_fault") {
        for node in tables(node, "dns_fault", context) {
            world.dns_faults.extend(dns_fault(node, context));
        }
    }
    if let Some(hosts) =
        table.get("host").and_then(|node| context.table(node, "host", "`[world.host.\"mx.corp.test\"]`"))
    {
        for entry in hosts.entries() {
            let name = entry.key().trim_end_matches('.').to_lowercase();
            // An address has one writing: that by which it is looked for.
            let name = name.parse::<IpAddr>().map_or(name, |ip| ip.to_string());
            if let Some(host) = host(&entry.value, entry.key(), context) {
                world.hosts.insert(name, host);
            }
        }
    }
    if let Some(node) = table.get("anchors") {
        world.anchors = certificates(node, "anchors", context);
    }
    let policies = table.get("mta_sts");
    if let Some(policies) = policies.and_then(|node| context.table(node, "mta_sts", "`[world.mta_sts.\"corp.test\"]`"))
    {
        for entry in policies.entries() {
            let domain = entry.key().trim_end_matches('.').to_lowercase();
            // One table, or one for each time.
            let nodes = match entry.value.as_list() {
                Some(_) => tables(&entry.value, entry.key(), context),
                None => std::slice::from_ref(&entry.value),
            };
            let served = nodes.iter().filter_map(|node| mta_sts(node, entry.key(), context)).collect();
            world.mta_sts.insert(domain, served);
        }
    }
    if let Some(node) = table.get("crash") {
        for node in tables(node, "crash", context) {
            world.crashes.extend(crash(node, context));
        }
    }
    if let Some(node) = table.get("disk_full") {
        for node in tables(node, "disk_full", context) {
            if let Some(table) = context.table(node, "disk_full", "a table with `from` and `until`") {
                context.unknown_keys(table, "a full disk", DISK_KEYS);
                world.disk_full.push(span(table, context));
            }
        }
    }
    if let Some(node) = table.get("clock_jump") {
        for node in tables(node, "clock_jump", context) {
            world.clock_jumps.extend(clock_jump(node, context));
        }
    }
    if let Some(node) = table.get("reload") {
        for node in tables(node, "reload", context) {
            world.reloads.extend(reload(node, context));
        }
        world.reloads.sort_by_key(|reload| reload.at);
    }
    if let Some(node) = table.get("operator") {
        for node in tables(node, "operator", context) {
            world.orders.extend(order(node, context));
        }
        world.orders.sort_by_key(|order| order.at);
    }
    world
}

fn reload(node: &Node<'_>, context: &mut Context<'_>) -> Option<Reload> {
    let table = context.table(node, "reload", "a table with `at` and `policy`")?;
    context.unknown_keys(table, "a policy that is taken over", RELOAD_KEYS);
    let (has_at, policy) = (required(table, "at", node, context), required(table, "policy", node, context));
    let policy = context.text(has_at.and(policy)?, "policy", "`\"policy.toml\"`")?;
    Some(Reload { at: offset(table, "at", context)?, policy: policy.to_owned(), place: Place(node.range) })
}

fn order(node: &Node<'_>, context: &mut Context<'_>) -> Option<Order> {
    let table = context.table(node, "operator", "a table with `at` and `do`")?;
    context.unknown_keys(table, "what an operator does", ORDER_KEYS);
    let (has_at, deed) = (required(table, "at", node, context), required(table, "do", node, context));
    let deed = word(has_at.and(deed)?, "do", &Deed::WORDS, Deed::named, context)?;
    let at = offset(table, "at", context)?;
    let is_about_message = matches!(deed, Deed::Retry | Deed::Cancel);
    for (key, is_fit) in [("message", is_about_message), ("rcpt", is_about_message), ("next", deed == Deed::Retry)] {
        if let Some(node) = table.get(key).filter(|_| !is_fit) {
            let message = format!("`{}` has no `{key}`", deed.word());
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("leave it out"));
        }
    }
    let mut message = None;
    if is_about_message {
        let node = required(table, "message", node, context)?;
        message = Some(context.text(node, "message", "`\"m1\"`")?.to_owned());
    }
    let mut rcpt = None;
    if let Some(node) = table.get("rcpt") {
        match context.text(node, "rcpt", "`\"bob@corp.test\"`").map(shape::address)? {
            Ok(address) => rcpt = Some(address),
            Err(wrong) => context.report(wrong.finding(node, "rcpt")),
        }
    }
    let next = offset(table, "next", context);
    if let Some(node) = table.get("next").filter(|_| next.is_some_and(|next| next < at)) {
        let message = format!("`next` lies before `at`, {at}");
        context.report(
            Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("a later moment, or leave it out"),
        );
    }
    Some(Order { at, deed, message, rcpt, next, place: Place(node.range) })
}

fn clock_jump(node: &Node<'_>, context: &mut Context<'_>) -> Option<ClockJump> {
    let table = context.table(node, "clock_jump", "a table with `at` and `by`")?;
    context.unknown_keys(table, "a jump of the clock", CLOCK_KEYS);
    let (has_at, has_by) = (required(table, "at", node, context), required(table, "by", node, context));
    has_at.zip(has_by)?;
    Some(ClockJump { at: offset(table, "at", context)?, by: offset(table, "by", context)? })
}

fn crash(node: &Node<'_>, context: &mut Context<'_>) -> Option<Crash> {
    let table = context.table(node, "crash", "a table with `at`")?;
    context.unknown_keys(table, "a crash", CRASH_KEYS);
    let down = offset(table, "down", context).unwrap_or(Crash::DOWN);
    let when = match (table.get("at"), table.get("effect")) {
        (Some(_), None) => When::At(offset(table, "at", context)?),
        (None, Some(node)) => match given(node, "effect", Shape::Count { most: u64::from(u32::MAX) }, context)? {
            Given::Count(count) => When::Effect(count),
            _ => return None,
        },
        (None, None) => {
            let message = "there is no `at`".to_owned();
            context.report(Diagnostic::new(&codes::MISSING_KEY, node.range, message).help("add `at = \"10m\"`"));
            return None;
        }
        (Some(_), Some(node)) => {
            let message = "a crash has either `at` or `effect`".to_owned();
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("leave one of them out"));
            return None;
        }
    };
    Some(Crash { when, down })
}

/// Certificates out of a file, or as text.
fn certificates(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<Certificates> {
    let table = context.table(node, name, "`{ file = \"chain.pem\" }`")?;
    context.unknown_keys(table, "certificates", PEM_KEYS);
    let (place, text) = match (table.get("file"), table.get("pem")) {
        (Some(file), None) => {
            let path = context.text(file, "file", "`\"chain.pem\"`")?;
            let bytes = context.file(file, path, &codes::ENVIRONMENT_FILE)?;
            (file, String::from_utf8_lossy(&bytes).into_owned())
        }
        (None, Some(pem)) => (pem, context.text(pem, "pem", "the text of a certificate")?.to_owned()),
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("`{name}` has to say one of `file` and `pem`");
            context.report(
                Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("such as `{ file = \"chain.pem\" }`"),
            );
            return None;
        }
    };
    match Certificates::parse(&text) {
        Ok(certificates) => Some(certificates),
        Err(why) => {
            let message = format!("`{name}` cannot be read: {why}");
            let help = "certificates in PEM, that of the host itself first";
            context.report(Diagnostic::new(&codes::INVALID_VALUE, place.range, message).help(help));
            None
        }
    }
}

fn mta_sts(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<MtaSts> {
    let table = context.table(node, name, "a table with `policy`")?;
    context.unknown_keys(table, "an MTA-STS policy", STS_KEYS);
    let policy = required(table, "policy", node, context)
        .and_then(|node| context.text(node, "policy", "the lines of a policy"))
        .map(str::to_owned);
    let mut status = 200;
    if let Some(node) = table.get("status")
        && let Some(Given::Count(count)) = given(node, "status", Shape::Count { most: 599 }, context)
    {
        status = u16::try_from(count).unwrap_or(status);
    }
    let span = span(table, context);
    Some(MtaSts { policy: policy?, status, span })
}

/// The records that a text has, and the text.
fn zone(node: &Node<'_>, key: &str, context: &mut Context<'_>) -> (Zone, String) {
    let Some(text) = context.text(node, key, "the lines of a zone file") else { return Default::default() };
    let (zone, errors) = Zone::parse(text);
    let mapped = node.mapped();
    for error in errors {
        let line = TextRange::of(error.range.clone());
        let range = mapped.as_ref().map_or(node.range, |mapped| mapped.map(line));
        let message = format!("`{key}` has a line that is no record: {}", error.what);
        let help = "a name, `IN`, a type and its data, as in `corp.test. IN MX 10 mx.corp.test.`";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, range, message).help(help));
    }
    (zone, text.to_owned())
}

/// Reads how the records change, each time from what they were before.
fn zone_changes(node: &Node<'_>, world: &mut World, context: &mut Context<'_>) {
    let mut changes: Vec<(ZoneChange, Vec<&Node<'_>>)> = Vec::new();
    for node in tables(node, "zone_change", context) {
        let Some(table) = context.table(node, "zone_change", "a table with `at` and `add`") else { continue };
        context.unknown_keys(table, "a change of the zone", CHANGE_KEYS);
        if required(table, "at", node, context).is_none() {
            continue;
        }
        if table.get("remove").is_none() && table.get("add").is_none() {
            let message = "nothing changes".to_owned();
            context.report(Diagnostic::new(&codes::MISSING_KEY, node.range, message).help("add `remove` or `add`"));
        }
        let Some(at) = offset(table, "at", context) else { continue };
        let mut change = ZoneChange { at, remove: Vec::new(), add: String::new(), zone: Zone::default() };
        if let Some(node) = table.get("add") {
            let (zone, text) = zone(node, "add", context);
            change.zone = zone;
            change.add = text;
        }
        let mut nodes = Vec::new();
        if let Some(node) = table.get("remove") {
            for node in context.list(node, "remove", "`[\"corp.test MX\"]`").unwrap_or_default() {
                let text = context.element(node, "remove", "`\"corp.test MX\"`");
                change.remove.extend(text.map(str::to_owned));
                nodes.extend(text.map(|_| node));
            }
        }
        changes.push((change, nodes));
    }
    changes.sort_by_key(|(change, _)| change.at);
    let mut now = world.zone.clone();
    for (mut change, nodes) in changes {
        for (text, node) in change.remove.iter().zip(nodes) {
            let (name, kind) = text.split_once(' ').map_or((&**text, None), |(name, kind)| (name, Some(kind.trim())));
            let kind = kind.map(str::to_ascii_uppercase);
            let name = name.trim_end_matches('.').to_lowercase();
            if now.remove(&name, kind.as_deref()) == 0 {
                let message = format!("there is no record `{}` at {}", shown(text), change.at);
                let help = format!("a name, or a name and one of {}", listed(&Data::KINDS, "and"));
                context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
            }
        }
        for (name, data) in change.zone.records() {
            now.add(name, data.clone());
        }
        change.zone = now.clone();
        world.zone_changes.push(change);
    }
}

fn tables<'t, 'a>(node: &'t Node<'a>, name: &str, context: &mut Context<'_>) -> &'t [Node<'a>] {
    let Some(list) = node.as_list() else {
        context.wrong_kind(node, name, "a list of tables", &format!("one `[[…{name}]]` table for each"));
        return &[];
    };
    context.bounded(list, node.range, name, limits::WORLD_ENTRIES_MAX)
}

fn dns_fault(node: &Node<'_>, context: &mut Context<'_>) -> Option<DnsFault> {
    let table = context.table(node, "dns_fault", "a table with `name` and `answer`")?;
    context.unknown_keys(table, "a DNS fault", FAULT_KEYS);
    let name = required(table, "name", node, context)
        .and_then(|node| context.text(node, "name", "`\"corp.test\"`"))
        .map(|name| name.trim_end_matches('.').to_lowercase());
    let answer = required(table, "answer", node, context)
        .and_then(|node| word(node, "answer", &DnsAnswer::WORDS, DnsAnswer::named, context));
    let kind = table.get("type").map(|node| word(node, "type", &DnsKind::WORDS, DnsKind::named, context));
    let span = span(table, context);
    // A fault whose type is not known is none for every type.
    let kind = match kind {
        None => None,
        Some(known) => Some(known?),
    };
    Some(DnsFault { name: name?, kind, answer: answer?, span })
}

fn host(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<Host> {
    let table = context.table(node, name, "a table such as `{ starttls = \"absent\" }`")?;
    context.unknown_keys(table, "a host", HOST_KEYS);
    let mut host = Host::default();
    if let Some(node) = table.get("ports") {
        host.ports = ports(node, context);
    }
    if let Some(node) = table.get("starttls")
        && let Some(starttls) = word(node, "starttls", &StartTls::WORDS, StartTls::named, context)
    {
        host.starttls = starttls;
    }
    if let Some(node) = table.get("certificate").filter(|node| node.as_table().is_some()) {
        host.chain = certificates(node, "certificate", context);
    } else if let Some(node) = table.get("certificate")
        && let Some(certificate) = word(node, "certificate", &Certificate::WORDS, Certificate::named, context)
    {
        host.certificate = certificate;
    }
    if let Some(node) = table.get("tlsa")
        && let Some(tlsa) = word(node, "tlsa", &Tlsa::WORDS, Tlsa::named, context)
    {
        host.tlsa = tlsa;
    }
    if let Some(latency) = offset(table, "latency", context) {
        host.latency = latency;
    }
    if let Some(node) = table.get("latency_at") {
        host.latency_at = latency_at(node, context);
    }
    if let Some(node) = table.get("extensions") {
        let list = context.list(node, "extensions", "`[\"PIPELINING\", \"DSN\"]`").unwrap_or_default();
        let words = list.iter().filter_map(|node| context.element(node, "extensions", "`\"DSN\"`"));
        host.extensions = words.map(str::to_owned).collect();
    }
    host.greylist = offset(table, "greylist", context);
    if let Some(node) = table.get("connections_max")
        && let Some(Given::Count(most)) =
            given(node, "connections_max", Shape::Count { most: u64::from(u32::MAX) }, context)
    {
        host.connections_max = Some(most);
    }
    if let Some(node) = table.get("rate") {
        host.rate = rate(node, context);
    }
    if let Some(node) = table.get("reply") {
        for node in tables(node, "reply", context) {
            host.replies.extend(reply(node, context));
        }
    }
    Some(host)
}

/// How long answers take at stages of their own.
fn latency_at(node: &Node<'_>, context: &mut Context<'_>) -> BTreeMap<Stage, Millis> {
    let mut all = BTreeMap::new();
    let Some(table) = context.table(node, "latency_at", "`{ final = \"2m\" }`") else { return all };
    context.unknown_keys(table, "a latency by stage", &Stage::WORDS);
    for entry in table.entries() {
        let Some(stage) = Stage::named(entry.key()) else { continue };
        all.extend(offset(table, entry.key(), context).map(|latency| (stage, latency)));
    }
    all
}

/// What a host does on which ports; `"*"` stands for every other, and then none is as usual.
fn ports(node: &Node<'_>, context: &mut Context<'_>) -> Ports {
    let mut ports = Ports::default();
    let Some(table) = context.table(node, "ports", "`{ 25 = \"tls\" }`") else { return ports };
    if let Some(others) = table.get("*") {
        let others = word(others, "*", &Listens::WORDS, Listens::named, context).unwrap_or(ports.others);
        ports = Ports { known: BTreeMap::new(), others };
    }
    for entry in table.entries().iter().filter(|entry| entry.key() != "*") {
        let listens = word(&entry.value, entry.key(), &Listens::WORDS, Listens::named, context);
        if let Some(port) = entry.key().parse::<u16>().ok().filter(|port| *port > 0) {
            ports.known.extend(listens.map(|listens| (port, listens)));
        } else {
            let message = format!("`{}` is no port", shown(entry.key()));
            let help = "a port from 1 to 65535, or `\"*\"` for every other one";
            context.report(Diagnostic::new(&codes::INVALID_VALUE, entry.key_range, message).help(help));
        }
    }
    ports
}

/// So many in so long: `100/1m`.
fn rate(node: &Node<'_>, context: &mut Context<'_>) -> Option<(u64, Millis)> {
    let text = context.text(node, "rate", "`\"100/1m\"`")?;
    let rate = text.split_once('/').and_then(|(count, period)| {
        let count: u64 = count.trim().parse().ok()?;
        match Shape::Offset.parse(period.trim()).ok()? {
            Given::Offset(period) if period > Millis(0) => Some((count, period)),
            _ => None,
        }
    });
    if rate.is_none() {
        let message = format!("`rate` cannot be `{}`", shown(text));
        let help = "how many messages, `/`, and in how long, such as `100/1m`";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    }
    rate
}

fn reply(node: &Node<'_>, context: &mut Context<'_>) -> Option<HostReply> {
    let table = context.table(node, "reply", "a table with `stage` and `reply`")?;
    context.unknown_keys(table, "a host's reply", REPLY_KEYS);
    let stage = required(table, "stage", node, context)
        .and_then(|node| word(node, "stage", &Stage::WORDS, Stage::named, context));
    let reply = required(table, "reply", node, context).and_then(|node| {
        let text = context.text(node, "reply", "`\"451 4.7.1 try later\"`")?;
        let answer = Answer::parse(text);
        if answer.is_none() {
            let message = format!("`reply` cannot be `{}`", shown(text));
            let help = "a reply such as `451 4.7.1 try later`, or one of `refuse`, `silence`, `close` and `garbage`";
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
        }
        answer.map(|answer| (answer, node))
    });
    let count = |key: &str, context: &mut Context<'_>| {
        let node = table.get(key)?;
        match given(node, key, Shape::Count { most: u64::from(u32::MAX) }, context)? {
            Given::Count(count) => Some(count),
            _ => None,
        }
    };
    let skip = count("skip", context).unwrap_or_default();
    let times = count("times", context);
    let mut rcpt = None;
    if let Some(node) = table.get("rcpt") {
        match context.text(node, "rcpt", "`\"bob@corp.test\"`").map(shape::address) {
            None => {}
            Some(Ok(address)) => rcpt = Some(address),
            Some(Err(wrong)) => context.report(wrong.finding(node, "rcpt")),
        }
    }
    let mut source_ip = None;
    if let Some(node) = table.get("source_ip")
        && let Some(Given::Text(ip)) = given(node, "source_ip", Shape::Ip, context)
    {
        source_ip = ip.parse().ok();
    }
    let then = table.get("then");
    let named = |text: &str| (text == "close").then_some(());
    let closes = then.is_some_and(|node| word(node, "then", &["close"], named, context).is_some());
    let span = span(table, context);
    let (stage, (reply, place)) = (stage?, reply?);
    let is_reply = matches!(reply, Answer::Reply(..));
    if let Some(node) = then.filter(|_| !is_reply) {
        let message = format!("nothing follows `{}`", shown(&reply.text()));
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("leave `then` out"));
        return None;
    }
    if stage == Stage::Tls && is_reply {
        let message = format!("a host cannot answer `{}` in a handshake", shown(&reply.text()));
        let help =
            "`silence`, `close` and `garbage` are for the stage `tls`; the answer to STARTTLS is the stage `starttls`";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, place.range, message).help(help));
        return None;
    }
    if reply == Answer::Refuse && stage != Stage::Connect {
        let message = format!("a connection is not refused at the stage `{}`", stage.word());
        context.report(Diagnostic::new(&codes::INVALID_VALUE, place.range, message).help("`close` ends it there"));
        return None;
    }
    if stage == Stage::Connect && !matches!(reply, Answer::Refuse | Answer::Silence) {
        let message = format!("a host cannot answer `{}` before the connection stands", shown(&reply.text()));
        let help = "`refuse` and `silence` are for the stage `connect`; what it says first is the stage `greeting`";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, place.range, message).help(help));
        return None;
    }
    Some(HostReply { stage, reply, skip, times, rcpt, source_ip, closes, span })
}

fn required<'t, 'a>(
    table: &'t Table<'a>,
    key: &str,
    node: &Node<'_>,
    context: &mut Context<'_>,
) -> Option<&'t Node<'a>> {
    let found = table.get(key);
    if found.is_none() {
        let message = format!("there is no `{key}`");
        context.report(Diagnostic::new(&codes::MISSING_KEY, node.range, message).help(format!("add `{key}`")));
    }
    found
}

fn given(node: &Node<'_>, name: &str, shape: Shape, context: &mut Context<'_>) -> Option<Given> {
    shape.read(node, name, &mut |finding| context.findings.push(finding))
}

fn offset(table: &Table<'_>, key: &str, context: &mut Context<'_>) -> Option<Millis> {
    match given(table.get(key)?, key, Shape::Offset, context)? {
        Given::Offset(offset) => Some(offset),
        _ => None,
    }
}

fn span(table: &Table<'_>, context: &mut Context<'_>) -> Span {
    let from = offset(table, "from", context).unwrap_or(Span::ALWAYS.from);
    let until = offset(table, "until", context).unwrap_or(Span::ALWAYS.until);
    if let Some(node) = table.get("until").filter(|_| until <= from) {
        let message = format!("`until` is {until}, which is not behind `from`, {from}");
        context.report(
            Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("a later moment, or leave it out"),
        );
    }
    Span { from, until }
}

/// One of the words that `named` knows.
pub(crate) fn word<T>(
    node: &Node<'_>,
    name: &str,
    words: &[&'static str],
    named: impl Fn(&str) -> Option<T>,
    context: &mut Context<'_>,
) -> Option<T> {
    let example = format!("`\"{}\"`", words.first().copied().unwrap_or_default());
    let text = context.text(node, name, &example)?;
    let found = named(text);
    if found.is_none() {
        let known = format!("it is one of {}", listed(words, "and"));
        let help = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {known}"),
            None => known,
        };
        let message = format!("`{name}` cannot be `{}`", shown(text));
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    }
    found
}
