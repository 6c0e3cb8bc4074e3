//! `queue.limiter.outbound[]`, `queue.limiter.inbound[]` and `queue.quota[]`: how much mail, in which time.
//!
//! The entries stand in a list, or in a table by names of their own, as the web interface writes them.
//!
//! Source: delivery spec 1.7 and 1.8.

use base::{Diagnostic, Fix, Millis, Severity, TextRange};
use document::{Node, Table};
use policy::{Block, Scope, Wanted, spelling::nearest};

use super::foreign;
use crate::{
    codes, detect,
    read::{Context, Scalar},
    settings::{CountBy, Limiter, Placed, Quota, Rate, Setting},
};

/// Which mail a limiter counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    /// What this server sends.
    Outbound,
    /// What it accepts.
    Inbound,
}

impl Direction {
    /// Its key in `queue.limiter`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }

    const fn section(self) -> &'static str {
        match self {
            Self::Outbound => "queue.limiter.outbound",
            Self::Inbound => "queue.limiter.inbound",
        }
    }

    const fn count_by(self) -> &'static [(&'static str, CountBy)] {
        match self {
            Self::Outbound => &OUTBOUND,
            Self::Inbound => &INBOUND,
        }
    }
}

const OUTBOUND: [(&str, CountBy); 6] = [
    ("rcpt_domain", CountBy::RcptDomain),
    ("sender", CountBy::Sender),
    ("sender_domain", CountBy::SenderDomain),
    ("mx", CountBy::Mx),
    ("remote_ip", CountBy::RemoteIp),
    ("local_ip", CountBy::LocalIp),
];

const INBOUND: [(&str, CountBy); 9] = [
    ("listener", CountBy::Listener),
    ("remote_ip", CountBy::RemoteIp),
    ("local_ip", CountBy::LocalIp),
    ("authenticated_as", CountBy::AuthenticatedAs),
    ("helo_domain", CountBy::HeloDomain),
    ("rcpt", CountBy::Rcpt),
    ("rcpt_domain", CountBy::RcptDomain),
    ("sender", CountBy::Sender),
    ("sender_domain", CountBy::SenderDomain),
];

const QUOTA: [(&str, CountBy); 4] = [
    ("rcpt", CountBy::Rcpt),
    ("rcpt_domain", CountBy::RcptDomain),
    ("sender", CountBy::Sender),
    ("sender_domain", CountBy::SenderDomain),
];

const LIMITER_KEYS: [&str; 6] = ["enable", "key", "match", "rate", "concurrency", "description"];
const QUOTA_KEYS: [&str; 6] = ["enable", "key", "match", "messages", "size", "description"];

/// The limiters of one direction.
pub(super) fn limiters(context: &mut Context<'_>, node: &Node<'_>, direction: Direction) -> Vec<Limiter> {
    let entries = entries(context, node, direction.section(), &LIMITER_KEYS);
    entries.into_iter().map(|entry| limiter(context, &entry, direction)).collect()
}

/// The quotas.
pub(super) fn quotas(context: &mut Context<'_>, node: &Node<'_>) -> Vec<Quota> {
    let entries = entries(context, node, "queue.quota", &QUOTA_KEYS);
    entries.into_iter().map(|entry| quota(context, &entry)).collect()
}

/// One entry of a list.
struct Entry<'t, 'a> {
    range: TextRange,
    table: &'t Table<'a>,
    section: &'static str,
}

impl Entry<'_, '_> {
    fn setting(&self, key: &str) -> String {
        format!("{}.{key}", self.section)
    }

    fn key_range(&self, key: &str) -> TextRange {
        self.table.entry(key).map_or(self.range, |entry| entry.key_range)
    }
}

/// The entries of the list `node`, however it is written; their unknown keys are reported.
fn entries<'t, 'a>(
    context: &mut Context<'_>,
    node: &'t Node<'a>,
    section: &'static str,
    keys: &[&str],
) -> Vec<Entry<'t, 'a>> {
    let named = || node.as_table().map(|table| table.entries().iter());
    let nodes: Vec<(TextRange, &Node<'_>)> = match (node.items(), named()) {
        (Some(items), _) => items.nodes.into_iter().map(|node| (node.range, node)).collect(),
        (None, Some(entries)) => {
            if let Some(lost) = lost_brackets(node, keys) {
                let message = format!("`{section}` is one table, and a list of tables is wanted");
                context.report(
                    Diagnostic::new(&codes::WRONG_KIND, lost, message)
                        .help(format!("write `[[{section}]]`, with two brackets on each side")),
                );
                return Vec::new();
            }
            entries.map(|entry| (entry.key_range, &entry.value)).collect()
        }
        (None, None) => vec![(node.range, node)],
    };
    let mut entries = Vec::with_capacity(nodes.len());
    for (range, node) in nodes {
        let Some(table) = node.as_table() else {
            let message = format!("an entry of `{section}` is {}, not a table", node.kind_name());
            context.report(
                Diagnostic::new(&codes::WRONG_KIND, range, message)
                    .help(format!("write `[[{section}]]` and its keys below")),
            );
            continue;
        };
        context.known_keys(table, keys, section);
        entries.push(Entry { range, table, section });
    }
    entries
}

/// Where a key of an entry stands in what should be the list of them.
fn lost_brackets(node: &Node<'_>, keys: &[&str]) -> Option<TextRange> {
    let table = node.as_table()?;
    let is_lost = |key: &str, value: &Node<'_>| keys.contains(&key) && value.as_table().is_none();
    let lost = table.entries().iter().find(|entry| is_lost(entry.key(), &entry.value));
    lost.map(|entry| entry.key_range)
}

fn limiter(context: &mut Context<'_>, entry: &Entry<'_, '_>, direction: Direction) -> Limiter {
    let concurrency = match entry.table.get("concurrency") {
        Some(node) => context.integer(node, &entry.setting("concurrency"), 1..=u32::MAX),
        None => Setting::Default,
    };
    if entry.table.get("concurrency").is_some() {
        let message = format!("`{}` has no effect since version 0.12", entry.setting("concurrency"));
        context.report(
            Diagnostic::new(&codes::INEFFECTIVE_SETTING, entry.key_range("concurrency"), message)
                .help("limit the rate, or the `threads-per-node` of a virtual queue"),
        );
    }
    let condition = match direction {
        Direction::Outbound => condition(context, entry, Scope::LIMITER),
        // Conditions on incoming sessions have variables of their own, and say nothing about delivery.
        Direction::Inbound => None,
    };
    Limiter {
        range: entry.range,
        enabled: enabled(context, entry),
        key: keys(context, entry, direction.count_by()),
        condition,
        rate: rate(context, entry),
        concurrency: placed(concurrency),
    }
}

fn quota(context: &mut Context<'_>, entry: &Entry<'_, '_>) -> Quota {
    let enabled = enabled(context, entry);
    let has = |key: &str| entry.table.get(key).is_some();
    if enabled && !has("messages") && !has("size") {
        context.report(
            Diagnostic::new(&codes::QUOTA_WITHOUT_LIMIT, entry.range, "the quota limits neither messages nor size")
                .help("add `messages = 1000`, or `size = 104857600` in bytes"),
        );
    } else if enabled && !has("match") {
        context.report(
            Diagnostic::new(
                &codes::QUOTA_WITHOUT_MATCH,
                entry.range,
                "the server never applies a quota without `match`",
            )
            .help("write `match = \"true\"` to apply it to all mail"),
        );
    }
    Quota {
        range: entry.range,
        enabled,
        key: keys(context, entry, &QUOTA),
        condition: condition(context, entry, Scope::QUOTA),
        messages: entry
            .table
            .get("messages")
            .and_then(|node| placed(context.integer(node, &entry.setting("messages"), 1..=u64::MAX))),
        size: size(context, entry),
    }
}

fn placed<T>(setting: Setting<T>) -> Option<Placed<T>> {
    match setting {
        Setting::Given(placed) => Some(placed),
        Setting::Default | Setting::Chosen(_) => None,
    }
}

fn enabled(context: &mut Context<'_>, entry: &Entry<'_, '_>) -> bool {
    let node = entry.table.get("enable");
    node.and_then(|node| super::given(context.boolean(node, &entry.setting("enable")))).unwrap_or(true)
}

/// `key`: a list, or a single one.
fn keys(context: &mut Context<'_>, entry: &Entry<'_, '_>, known: &[(&str, CountBy)]) -> Vec<Placed<CountBy>> {
    let Some(node) = entry.table.get("key") else {
        return Vec::new();
    };
    let nodes = node.items().map_or_else(|| vec![node], |items| items.nodes);
    let mut keys = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(scalar) = context.scalar(node, &entry.setting("key")) else {
            continue;
        };
        if scalar.open {
            continue;
        }
        let found = scalar.text.text().trim();
        match known.iter().find(|(word, _)| *word == found) {
            Some((_, count_by)) => keys.push(Placed::new(*count_by, scalar.range)),
            None => unknown_count(context, &scalar, entry.section, known),
        }
    }
    keys
}

fn unknown_count(context: &mut Context<'_>, scalar: &Scalar, section: &str, known: &[(&str, CountBy)]) {
    let text = scalar.text.text().trim();
    let words = || known.iter().map(|(word, _)| *word);
    let list = words().collect::<Vec<_>>().join("`, `");
    let snake = text.replace('-', "_");
    let fix = |word: &str| Fix::replace(format!("write `{word}`"), scalar.text.document_range(), word);
    let is_of_2022 = snake != text && INBOUND.iter().chain(&OUTBOUND).any(|(word, _)| *word == snake);
    if is_of_2022 && !scalar.expanded {
        context.report(
            Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                scalar.range,
                format!("`{text}` is how the layout of 2022 writes it"),
            )
            .help(format!("write `{snake}`"))
            .fix(fix(&snake)),
        );
        return;
    }
    let finding =
        Diagnostic::new(&codes::LIMITER_KEY, scalar.range, format!("`{section}` cannot count by `{}`", scalar.shown()));
    let near = nearest(text, words()).filter(|_| text != "rcpt" && !scalar.expanded);
    context.report(match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")).fix(fix(near)),
        None => finding.label("the server leaves this key out").help(format!("it counts by any of `{list}`")),
    });
}

/// `match`: one expression.
fn condition(context: &mut Context<'_>, entry: &Entry<'_, '_>, scope: Scope) -> Option<Box<Block>> {
    let node = entry.table.get("match")?;
    let setting = entry.setting("match");
    if let Some(rule) = detect::structured_rule(node) {
        context.report(foreign::structured(&setting, rule));
        return None;
    }
    if node.scalar_text().is_none() {
        let message = format!("`{setting}` is {}, not one expression", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help("write the condition alone: `match = \"sender_domain == 'example.org'\"`"),
        );
        return None;
    }
    context.block(node, &setting, scope, Wanted::Value).ok().map(Box::new)
}

/// `rate`, such as `25/1h`.
fn rate(context: &mut Context<'_>, entry: &Entry<'_, '_>) -> Option<Placed<Rate>> {
    const HELP: &str = "write how many in which time: `25/1h`";
    let setting = entry.setting("rate");
    let Some(node) = entry.table.get("rate") else {
        context.report(
            Diagnostic::new(
                &codes::MISSING_REQUIRED,
                entry.range,
                format!("an entry of `{}` has no `rate`", entry.section),
            )
            .help("add how many in which time: `rate = \"25/1h\"`"),
        );
        return None;
    };
    let scalar = context.scalar(node, &setting)?;
    let text = scalar.text.text().trim();
    let is_none = ["false", "none", "unlimited"].iter().any(|word| word.eq_ignore_ascii_case(text));
    if scalar.open || is_none {
        return None;
    }
    let Some((count, period)) = text.split_once('/') else {
        context.invalid(&scalar, &setting, format!("{HELP}, or `unlimited`"));
        return None;
    };
    let compact: String = period.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (count, period) = match (count.trim().parse::<u64>(), Millis::parse(&compact)) {
        (Ok(count), Ok(period)) => (count, period),
        (Err(_), _) => {
            context.invalid(&scalar, &setting, format!("the count is no whole number: {HELP}"));
            return None;
        }
        (_, Err(error)) => {
            context.invalid(&scalar, &setting, format!("of the period, {error}: {HELP}"));
            return None;
        }
    };
    if count == 0 || period == Millis(0) {
        let message = format!("the rate `{}` has a count or a period of zero", scalar.shown());
        context.report(Diagnostic::new(&codes::RATE_INVALID, scalar.range, message).help(HELP));
        return None;
    }
    if period >= Millis::from_secs(1) && !scalar.expanded {
        context.without_unit(&compact, scalar.range, &format!("the period of `{}`", scalar.shown()));
    }
    if period < Millis::from_secs(1) {
        let message = format!("the server takes the period of `{}` for one second", scalar.shown());
        context.report(
            Diagnostic::new(&codes::RATE_INVALID, scalar.range, message)
                .severity(Severity::Warning)
                .help("a number without a unit is in milliseconds; write a period of `1s` or more"),
        );
    }
    Some(Placed::new(Rate { count, period }, scalar.range))
}

/// `size` in plain bytes.
fn size(context: &mut Context<'_>, entry: &Entry<'_, '_>) -> Option<Placed<u64>> {
    let node = entry.table.get("size")?;
    let setting = entry.setting("size");
    let scalar = context.scalar(node, &setting)?;
    if scalar.open {
        return None;
    }
    match scalar.text.text().trim().parse::<u64>() {
        Ok(bytes) if bytes > 0 => Some(Placed::new(bytes, scalar.range)),
        _ => {
            let help = match with_unit(scalar.text.text()) {
                Some(bytes) if !scalar.expanded => format!("a size has no unit here: write it in bytes, `{bytes}`"),
                _ => "write a number of bytes, 1 or more".to_owned(),
            };
            context.invalid(&scalar, &setting, help);
            None
        }
    }
}

/// The bytes of a size such as `10 MB`, by powers of 1,024.
fn with_unit(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim().to_ascii_lowercase();
    let power = match unit.as_str() {
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1_u64 << (10 * power))
}
