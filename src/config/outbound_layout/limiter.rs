//! `[[queue.throttle]]`, `[[queue.quota]]` and, from 2024 on, `[[queue.limiter.outbound]]`.
//!
//! Source: delivery spec 1.7 and 1.8.

use std::{fmt::Display, str::FromStr};

use base::{Diagnostic, Fix, Millis, TextRange};
use document::{Node, Table};
use policy::{Block, spelling::nearest};

use super::{
    Layout, Place, Reported,
    kind::{entries, is_none},
    place,
};
use crate::{
    Dialect, Settings, codes,
    read::{Context, Scalar},
    settings::{CountBy, Limiter, Placed, Quota, Rate, Setting},
};

/// What a limiter or a quota may count by, as both dialects spell it; the last ones belong to sessions.
const COUNT_BY: [(&str, &str, CountBy); 10] = [
    ("rcpt", "rcpt", CountBy::Rcpt),
    ("rcpt-domain", "rcpt_domain", CountBy::RcptDomain),
    ("sender", "sender", CountBy::Sender),
    ("sender-domain", "sender_domain", CountBy::SenderDomain),
    ("mx", "mx", CountBy::Mx),
    ("remote-ip", "remote_ip", CountBy::RemoteIp),
    ("local-ip", "local_ip", CountBy::LocalIp),
    ("helo-domain", "helo_domain", CountBy::HeloDomain),
    ("authenticated-as", "authenticated_as", CountBy::AuthenticatedAs),
    ("listener", "listener", CountBy::Listener),
];

const LIMITER_KEY: &[CountBy] =
    &[CountBy::RcptDomain, CountBy::Sender, CountBy::SenderDomain, CountBy::Mx, CountBy::RemoteIp, CountBy::LocalIp];

const QUOTA_KEY: &[CountBy] = &[CountBy::Rcpt, CountBy::RcptDomain, CountBy::Sender, CountBy::SenderDomain];

/// Reads every limiter of outbound mail.
pub(super) fn limiters<'c>(layout: &mut impl Layout<'c>, queue: &Table<'_>, settings: &mut Settings) {
    const KEYS: [&str; 5] = ["key", "match", "rate", "concurrency", "enable"];
    const THROTTLE: Place = place!("queue.throttle.match", Host);
    const LIMITER: Place = place!("queue.limiter.outbound.match", Host);
    let dialect = layout.context().dialect;
    let outbound = queue.get("limiter").and_then(|limiter| limiter.get("outbound"));
    let outbound = outbound.filter(|_| dialect != Dialect::Legacy2022);
    let sections = [(queue.get("throttle"), "queue.throttle", THROTTLE), (outbound, "queue.limiter.outbound", LIMITER)];
    for (node, section, place) in sections {
        let Some(node) = node else { continue };
        for node in sections_of(layout.context(), node, section, &KEYS) {
            let Some(table) = table(layout.context(), node, section, &KEYS) else {
                continue;
            };
            if let Some(limiter) = limiter(layout, node.range, table, place) {
                settings.outbound_limiters.push(limiter);
            }
        }
    }
}

fn limiter<'c>(layout: &mut impl Layout<'c>, range: TextRange, table: &Table<'_>, place: Place) -> Option<Limiter> {
    if table.get("rate").is_none() && table.get("concurrency").is_none() {
        layout.context().report(
            Diagnostic::new(&codes::MISSING_REQUIRED, range, "a limiter has neither `rate` nor `concurrency`")
                .help("write `rate = \"25/1h\"`, or `concurrency = 5`"),
        );
        return None;
    }
    let condition = condition(layout, table, place);
    let context = layout.context();
    let rate = table.get("rate").map_or(Ok(None), |node| rate(context, node));
    let concurrency = table.get("concurrency").map_or(Ok(None), |node| optional_number(context, node, "concurrency"));
    let limiter = Limiter {
        range,
        enabled: enabled(context, table),
        key: table.get("key").map_or_else(Vec::new, |node| key(context, node, LIMITER_KEY, "limiter")),
        condition: condition.ok()?,
        rate: rate.ok()?,
        concurrency: concurrency.ok()?,
    };
    // One whose limits all say "no limit" is dropped by the server, too.
    (limiter.rate.is_some() || limiter.concurrency.is_some()).then_some(limiter)
}

fn condition<'c>(
    layout: &mut impl Layout<'c>,
    table: &Table<'_>,
    place: Place,
) -> Result<Option<Box<Block>>, Reported> {
    table.get("match").map_or(Ok(None), |node| layout.condition(node, place).map(Some).ok_or(Reported))
}

/// Reads every quota.
pub(super) fn quotas<'c>(layout: &mut impl Layout<'c>, queue: &Table<'_>, settings: &mut Settings) {
    const KEYS: [&str; 5] = ["key", "match", "messages", "size", "enable"];
    let Some(node) = queue.get("quota") else { return };
    for node in sections_of(layout.context(), node, "queue.quota", &KEYS) {
        let Some(table) = table(layout.context(), node, "queue.quota", &KEYS) else {
            continue;
        };
        if let Some(quota) = quota(layout, node.range, table) {
            settings.quotas.push(quota);
        }
    }
}

fn quota<'c>(layout: &mut impl Layout<'c>, range: TextRange, table: &Table<'_>) -> Option<Quota> {
    const MATCH: Place = place!("queue.quota.match", Quota);
    let condition = condition(layout, table, MATCH);
    let context = layout.context();
    let messages = table.get("messages").map_or(Ok(None), |node| optional_number(context, node, "messages"));
    let size = table.get("size").map_or(Ok(None), |node| size(context, node));
    let quota = Quota {
        range,
        enabled: enabled(context, table),
        key: table.get("key").map_or_else(Vec::new, |node| key(context, node, QUOTA_KEY, "quota")),
        condition: condition.ok()?,
        messages: messages.ok()?,
        size: size.ok()?,
    };
    if quota.messages.is_none() && quota.size.is_none() {
        context.report(
            Diagnostic::new(&codes::QUOTA_WITHOUT_LIMIT, range, "a quota limits neither messages nor size")
                .help("write `messages = 1000`, or `size = 10485760` in bytes"),
        );
        return None;
    }
    if quota.condition.is_none() {
        let all = match context.dialect {
            Dialect::Legacy2022 => "match = { if = \"sender\", ne = \"-\" }",
            _ => "match = \"true\"",
        };
        context.report(
            Diagnostic::new(
                &codes::QUOTA_WITHOUT_MATCH,
                range,
                "a quota has no `match`, and the server never applies it",
            )
            .help(format!("for every message write `{all}`")),
        );
    }
    Some(quota)
}

/// The tables of a list of them, or of a section with a named one for each (2024).
fn sections_of<'t, 'a>(
    context: &mut Context<'_>,
    node: &'t Node<'a>,
    section: &str,
    known: &[&str],
) -> Vec<&'t Node<'a>> {
    if let Some(items) = node.items() {
        return items.nodes;
    }
    let is_named = context.dialect != Dialect::Legacy2022;
    match node.as_table() {
        Some(table) if is_named && table.entries().iter().all(|entry| !known.contains(&entry.key())) => {
            table.entries().iter().map(document::Entry::value).collect()
        }
        _ => {
            let what = if node.as_table().is_some() { "one table" } else { node.kind_name() };
            let message = format!("`{section}` is {what}, not a list of tables");
            context.report(
                Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                    .help(format!("put each one below a header of its own: `[[{section}]]`")),
            );
            Vec::new()
        }
    }
}

fn table<'t, 'a>(
    context: &mut Context<'_>,
    node: &'t Node<'a>,
    section: &str,
    known: &[&str; 5],
) -> Option<&'t Table<'a>> {
    let Some(table) = node.as_table() else {
        let message = format!("an entry of `{section}` is {}, not a table", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help(format!("put its keys below a header `[[{section}]]`")),
        );
        return None;
    };
    // `enable` came with 2024.
    let known = match context.dialect {
        Dialect::Legacy2022 => known.get(..4).unwrap_or(known),
        _ => known,
    };
    context.known_keys(table, known, section);
    Some(table)
}

fn enabled(context: &mut Context<'_>, table: &Table<'_>) -> bool {
    let enable = table.get("enable").map(|node| context.boolean(node, "enable"));
    enable.and_then(|enable| enable.given().copied()).unwrap_or(true)
}

fn key(context: &mut Context<'_>, node: &Node<'_>, allowed: &[CountBy], what: &str) -> Vec<Placed<CountBy>> {
    let mut key: Vec<Placed<CountBy>> = Vec::new();
    for node in entries(node) {
        let Some(scalar) = context.scalar(node, "key") else {
            continue;
        };
        if let Some(count_by) = count_by(context, &scalar, allowed, what)
            && key.iter().all(|known| known.value != count_by)
        {
            key.push(Placed::new(count_by, node.range));
        }
    }
    key
}

fn count_by(context: &mut Context<'_>, scalar: &Scalar, allowed: &[CountBy], what: &str) -> Option<CountBy> {
    if scalar.open {
        return None;
    }
    let is_legacy = context.dialect == Dialect::Legacy2022;
    let spelled = |(legacy, later, _): &(&'static str, &'static str, CountBy)| if is_legacy { *legacy } else { *later };
    let found = scalar.text.text().trim();
    let known = COUNT_BY.iter().find(|(legacy, later, _)| *legacy == found || *later == found);
    let names: Vec<_> = COUNT_BY.iter().filter(|(_, _, by)| allowed.contains(by)).map(spelled).collect();
    let help = format!("a {what} counts by `{}`", names.join("`, `"));
    let range = scalar.text.document_range();
    let finding = match known {
        Some(entry) if allowed.contains(&entry.2) && spelled(entry) == found => return Some(entry.2),
        Some(entry) if allowed.contains(&entry.2) && !scalar.expanded => {
            let right = spelled(entry);
            let layout = if is_legacy { "hyphens" } else { "underscores" };
            Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                range,
                format!("`{found}` is spelled with {layout} in this layout"),
            )
            .help(format!("write `{right}`"))
            .fix(Fix::replace(format!("write `{right}`"), range, right).safe())
        }
        Some(_) if !scalar.expanded => {
            let message = format!("a {what} of outbound mail cannot count by `{found}`");
            Diagnostic::new(&codes::LIMITER_KEY, range, message).help(help)
        }
        _ => {
            let message = format!("`{}` is nothing that a {what} counts by", scalar.shown());
            let finding = Diagnostic::new(&codes::LIMITER_KEY, range, message);
            match nearest(found, names.iter().copied()).filter(|_| !scalar.expanded) {
                Some(near) => finding.help(format!("did you mean `{near}`?")).fix(Fix::replace(
                    format!("write `{near}`"),
                    range,
                    near,
                )),
                None => finding.help(help),
            }
        }
    };
    context.report(finding);
    None
}

/// A rate such as `25/1h`; none where it says so or holds an open macro.
fn rate(context: &mut Context<'_>, node: &Node<'_>) -> Result<Option<Placed<Rate>>, Reported> {
    const UNLIMITED: [&str; 3] = ["false", "none", "unlimited"];
    let scalar = context.scalar(node, "rate").ok_or(Reported)?;
    let text = scalar.text.text().trim();
    if scalar.open || UNLIMITED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(None);
    }
    if !scalar.expanded
        && let Some((_, period)) = text.split_once('/')
    {
        context.without_unit(period.trim(), scalar.range, &format!("the period of `{}`", scalar.shown()));
    }
    parse_rate(text).map(|rate| Some(Placed::new(rate, scalar.range))).map_err(|help| {
        let message = format!("`{}` is no rate", scalar.shown());
        context.report(Diagnostic::new(&codes::RATE_INVALID, scalar.range, message).help(help));
        Reported
    })
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    const FORM: &str = "write how many in which time, such as `25/1h`";
    let (count, period) = text.split_once('/').ok_or_else(|| FORM.to_owned())?;
    let count = match count.trim().parse() {
        Ok(0) => return Err("its count must be at least 1".to_owned()),
        Ok(count) => count,
        Err(_) => return Err(FORM.to_owned()),
    };
    let period: String = period.chars().filter(|character| !character.is_whitespace()).collect();
    match Millis::parse(&period) {
        Ok(Millis(0)) => Err("its time must be at least 1ms".to_owned()),
        Ok(period) => Ok(Rate { count, period }),
        Err(error) => Err(format!("the time in it is wrong: {error}; {FORM}")),
    }
}

/// A number of which 0 says "none"; none, too, where it holds an open macro.
fn optional_number<T>(context: &mut Context<'_>, node: &Node<'_>, key: &str) -> Result<Option<Placed<T>>, Reported>
where
    T: Copy + PartialOrd + FromStr + Display + Default + Bounded,
{
    let scalar = context.scalar(node, key).ok_or(Reported)?;
    if scalar.open || is_none(scalar.text.text()) {
        return Ok(None);
    }
    match context.integer(node, key, T::default()..=T::MAX) {
        Setting::Given(number) => Ok(Some(number)),
        Setting::Default | Setting::Chosen(_) => Err(Reported),
    }
}

/// A number with a largest one.
trait Bounded {
    const MAX: Self;
}

impl Bounded for u32 {
    const MAX: Self = Self::MAX;
}

impl Bounded for u64 {
    const MAX: Self = Self::MAX;
}

/// `size`: a plain number of bytes.
fn size(context: &mut Context<'_>, node: &Node<'_>) -> Result<Option<Placed<u64>>, Reported> {
    let scalar = context.scalar(node, "size").ok_or(Reported)?;
    let text = scalar.text.text().trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && digits < text.len() && !scalar.open {
        let help = "it is a number of bytes without a unit, such as `10485760` for 10 MiB";
        context.invalid(&scalar, "size", help.to_owned());
        return Err(Reported);
    }
    optional_number(context, node, "size")
}
