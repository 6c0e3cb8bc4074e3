//! The kinds of value that settings of the `queue.outbound.*` layout take, whichever way they are written.
//!
//! The language's [`Value`] is the common currency: the 2022 layout writes a plain value, which becomes one; the
//! 2024 layout writes an expression, which gives one. A setting that is the same for every message is then turned
//! into its own type, and one that rules choose keeps the values in its block:
//!
//! | setting | value in a block |
//! |---|---|
//! | a length of time | its milliseconds |
//! | a number | itself |
//! | `true`, `false` | 1, 0 |
//! | `require`, `ipv4_only` | the constant |
//! | a text | itself, empty for none |
//! | a list | an array of these, empty for none |
//!
//! Source: delivery spec 0.2.

use std::net::IpAddr;

use base::Millis;
use document::Node;
use policy::{Constant, Value, setting};

use crate::{
    codes,
    read::Context,
    settings::{Expiry, IpLookup, Requirement, Setting, SourceIp},
};

/// A kind of value.
pub(crate) struct Kind<T> {
    /// What it is, for messages.
    pub(crate) wanted: &'static str,
    /// How it looks, for messages: a value, or an expression where it is a list.
    pub(crate) example: &'static str,
    /// What an entry of it is, where it is a list.
    pub(crate) entry: Option<&'static str>,
    /// Its words as the 2022 layout spells them, each with its constant; the first spelling of each is the usual one.
    pub(crate) words: &'static [(&'static str, Constant)],
    /// Whether it is a text, which an expression must quote.
    pub(crate) is_text: bool,
    /// Whether it is a length of time, or several.
    pub(crate) is_time: bool,
    /// Reads it where it is written plainly; what is wrong is reported.
    pub(crate) plain: fn(&mut Context<'_>, &Node<'_>, &'static str) -> Option<Value>,
    /// What a value means, where it is of this kind.
    pub(crate) typed: fn(&Value) -> Option<T>,
}

/// A name of a host, of a sender; `""` for none.
pub(crate) const TEXT: Kind<String> = Kind {
    wanted: "a text",
    example: "'mx.example.org'",
    entry: None,
    words: &[],
    is_text: true,
    is_time: false,
    plain: text,
    typed: setting::text,
};

/// How many hosts or addresses.
pub(crate) const COUNT: Kind<u32> = Kind {
    wanted: "a whole number",
    example: "7",
    entry: None,
    words: &[],
    is_text: false,
    is_time: false,
    plain: |context, node, key| match context.integer(node, key, 0..=u32::MAX) {
        Setting::Given(count) => Some(Value::Int(i64::from(count.value))),
        Setting::Default | Setting::Chosen(_) => None,
    },
    typed: setting::count,
};

/// `true` or `false`.
pub(crate) const BOOLEAN: Kind<bool> = Kind {
    wanted: "`true` or `false`",
    example: "true",
    entry: None,
    words: &[],
    is_text: false,
    is_time: false,
    plain: |context, node, key| match context.boolean(node, key) {
        Setting::Given(truth) => Some(Value::truth(truth.value)),
        Setting::Default | Setting::Chosen(_) => None,
    },
    typed: setting::truth,
};

/// A length of time.
pub(crate) const DURATION: Kind<Millis> = Kind {
    wanted: "a length of time of at least `1ms`",
    example: "5m",
    entry: None,
    words: &[],
    is_text: false,
    is_time: true,
    plain: |context, node, key| match context.duration(node, key) {
        Setting::Given(length) => Some(millis_value(length.value)),
        Setting::Default | Setting::Chosen(_) => None,
    },
    typed: setting::length,
};

/// How long a recipient is tried.
pub(crate) const EXPIRY: Kind<Expiry> = Kind {
    wanted: DURATION.wanted,
    example: "5d",
    entry: None,
    words: &[],
    is_text: false,
    is_time: true,
    plain: DURATION.plain,
    typed: |value| setting::length(value).map(Expiry::Ttl),
};

/// Lengths of time, at least one.
pub(crate) const DURATIONS: Kind<Vec<Millis>> = Kind {
    wanted: "a list of lengths of time with at least one entry",
    example: "[2m, 5m, 10m]",
    entry: Some("a length of time of at least `1ms`"),
    words: &[],
    is_text: false,
    is_time: true,
    plain: durations,
    typed: setting::lengths,
};

/// Addresses of version 4.
pub(crate) const IPV4_ADDRESSES: Kind<Vec<SourceIp>> = Kind {
    wanted: "a list of IPv4 addresses",
    example: "['192.0.2.1', '192.0.2.2']",
    entry: Some("an IPv4 address"),
    words: &[],
    is_text: true,
    is_time: false,
    plain: |context, node, key| addresses(context, node, key, IpAddr::is_ipv4, "an IPv4 address, such as `192.0.2.1`"),
    typed: |value| typed_addresses(value, IpAddr::is_ipv4),
};

/// Addresses of version 6.
pub(crate) const IPV6_ADDRESSES: Kind<Vec<SourceIp>> = Kind {
    wanted: "a list of IPv6 addresses",
    example: "['2001:db8::1', '2001:db8::2']",
    entry: Some("an IPv6 address"),
    words: &[],
    is_text: true,
    is_time: false,
    plain: |context, node, key| {
        addresses(context, node, key, IpAddr::is_ipv6, "an IPv6 address, such as `2001:db8::1`")
    },
    typed: |value| typed_addresses(value, IpAddr::is_ipv6),
};

/// Names of signatures.
pub(crate) const TEXTS: Kind<Vec<String>> = Kind {
    wanted: "a list of names",
    example: "['rsa', 'ed25519']",
    entry: Some("a name"),
    words: &[],
    is_text: true,
    is_time: false,
    plain: |context, node, key| {
        let mut texts = Vec::new();
        for node in entries(node) {
            match text(context, node, key)? {
                Value::Text(none) if none.is_empty() => {}
                name => texts.push(name),
            }
        }
        Some(Value::list(texts))
    },
    typed: |value| match value {
        Value::Int(0) => Some(Vec::new()),
        value => setting::each(value, setting::text),
    },
};

/// Whether a protection is used.
pub(crate) const REQUIREMENT: Kind<Requirement> = Kind {
    wanted: "one of `optional`, `require`, `disable`",
    example: "optional",
    entry: None,
    words: &[
        ("optional", Constant::Optional),
        ("require", Constant::Require),
        ("disable", Constant::Disable),
        ("required", Constant::Require),
        ("disabled", Constant::Disable),
        ("none", Constant::Disable),
        ("false", Constant::Disable),
    ],
    is_text: false,
    is_time: false,
    plain: |_, _, _| None,
    typed: setting::requirement,
};

/// Which addresses of a host are tried.
pub(crate) const IP_LOOKUP: Kind<IpLookup> = Kind {
    wanted: "one of the orders of address families",
    example: "ipv4_then_ipv6",
    entry: None,
    words: &[
        ("ipv4-then-ipv6", Constant::Ipv4ThenIpv6),
        ("ipv6-then-ipv4", Constant::Ipv6ThenIpv4),
        ("ipv4-only", Constant::Ipv4Only),
        ("ipv6-only", Constant::Ipv6Only),
    ],
    is_text: false,
    is_time: false,
    plain: |_, _, _| None,
    typed: setting::ip_lookup,
};

/// Whether `text` says "none" where a setting may be left out (2022, 2024).
pub(crate) fn is_none(text: &str) -> bool {
    const NONE: [&str; 6] = ["", "false", "disable", "disabled", "never", "0"];
    NONE.iter().any(|none| none.eq_ignore_ascii_case(text.trim()))
}

/// The elements of a list, or the node itself as the only one.
pub(crate) fn entries<'t, 'a>(node: &'t Node<'a>) -> Vec<&'t Node<'a>> {
    node.items().map_or_else(|| vec![node], |items| items.nodes)
}

fn millis_value(length: Millis) -> Value {
    Value::Int(i64::try_from(length.0).unwrap_or(i64::MAX))
}

fn text(context: &mut Context<'_>, node: &Node<'_>, key: &'static str) -> Option<Value> {
    let scalar = context.scalar(node, key)?;
    let text = scalar.text.text();
    Some(Value::text(if is_none(text) { "" } else { text }))
}

fn durations(context: &mut Context<'_>, node: &Node<'_>, key: &'static str) -> Option<Value> {
    let nodes = entries(node);
    if nodes.is_empty() {
        empty_list(context, node.range, key);
        return None;
    }
    let lengths = nodes.into_iter().map(|node| (DURATION.plain)(context, node, key));
    // Every entry is read before the first bad one ends it, so that all are reported.
    let lengths: Vec<Option<Value>> = lengths.collect();
    Some(Value::list(lengths.into_iter().collect::<Option<_>>()?))
}

/// Reports a list that must have an entry.
pub(crate) fn empty_list(context: &mut Context<'_>, range: base::TextRange, key: &str) {
    let message = format!("`{key}` has no entry");
    context.report(
        base::Diagnostic::new(&codes::EMPTY_INTERVALS, range, message)
            .help("give at least one length of time, such as `1h`; the last one repeats"),
    );
}

fn addresses(
    context: &mut Context<'_>,
    node: &Node<'_>,
    key: &'static str,
    fits: fn(&IpAddr) -> bool,
    wanted: &str,
) -> Option<Value> {
    let mut read = Vec::new();
    let mut is_whole = true;
    for node in entries(node) {
        let Some(scalar) = context.scalar(node, key) else {
            is_whole = false;
            continue;
        };
        let text = scalar.text.text().trim();
        if scalar.open || is_none(text) {
            continue;
        }
        match text.parse::<IpAddr>() {
            Ok(ip) if fits(&ip) => read.push(Value::text(ip.to_string())),
            _ => {
                is_whole = false;
                context.invalid(&scalar, key, format!("it is {wanted}"));
            }
        }
    }
    is_whole.then(|| Value::list(read))
}

fn typed_addresses(value: &Value, fits: fn(&IpAddr) -> bool) -> Option<Vec<SourceIp>> {
    let ips = setting::addresses(value)?;
    let source = |ip: IpAddr| fits(&ip).then_some(SourceIp { ip, ehlo_hostname: None });
    ips.into_iter().map(source).collect()
}
