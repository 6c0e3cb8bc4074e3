//! The order of lists that are written with numbers for keys: `[queue.strategy.route.2]` behind `[queue.strategy.route.10]`.
//!
//! The servers that read these layouts keep all settings in one list of keys, in the order of texts, so that `10` stands
//! before `2`. [`document::Node::items`] gives that order; here it is told where it is another one than that of the numbers.
//!
//! Source: delivery spec 0.1, 3.2.1.

use base::{Diagnostic, Findings};
use document::{Entry, Node, Table};

use crate::codes;

/// Sections that are read, in whichever layout.
const READ: [&str; 6] = ["queue", "remote", "report", "resolver", "route", "strategy"];

/// Lists whose entries are tables that are no rules.
const LISTS: [&str; 4] = ["outbound", "inbound", "throttle", "quota"];

/// Reports each list that is read in another order than its numbers have.
pub(crate) fn report(tree: &Node<'_>, findings: &mut Findings) {
    for entry in tree.as_table().map(Table::entries).unwrap_or_default() {
        if READ.contains(&entry.key()) {
            within(entry, findings);
        }
    }
}

fn within(entry: &Entry<'_>, findings: &mut Findings) {
    if let Some(table) = entry.value.as_table() {
        if is_list(entry.key(), table)
            && let Some((first, second)) = out_of_order(table)
        {
            findings.push(finding(first, second));
        }
        table.entries().iter().for_each(|entry| within(entry, findings));
    }
    for table in entry.value.as_list().unwrap_or_default().iter().filter_map(Node::as_table) {
        table.entries().iter().for_each(|entry| within(entry, findings));
    }
}

/// Whether a table is read as a list, and its keys are not names: a route may be called `10`, and `10` is a part of an
/// address.
fn is_list(key: &str, table: &Table<'_>) -> bool {
    const OF_RULES: [&str; 6] = ["if", "then", "else", "any-of", "all-of", "none-of"];
    let is_rule = |table: &Table<'_>| OF_RULES.iter().any(|key| table.get(key).is_some());
    let is_element = |entry: &Entry<'_>| match entry.value.as_table() {
        Some(table) => LISTS.contains(&key) || is_rule(table),
        None => entry.value.as_list().is_none(),
    };
    table.entries().iter().all(|entry| number(entry.key()).is_some() && is_element(entry))
}

/// The first two entries, in the order in which they are read, of which the second has the smaller number.
fn out_of_order<'t, 'a>(table: &'t Table<'a>) -> Option<(&'t Entry<'a>, &'t Entry<'a>)> {
    let mut entries: Vec<_> = table.entries().iter().collect();
    entries.sort_by(|one, other| one.key().cmp(other.key()));
    let size = |entry: &Entry<'_>| number(entry.key()).map(|digits| (digits.len(), digits.to_owned()));
    entries.windows(2).find_map(|pair| match pair {
        [first, second] if size(first) > size(second) => Some((*first, *second)),
        _ => None,
    })
}

/// The digits of a decimal number without leading zeros, so that the shorter one is the smaller one.
fn number(key: &str) -> Option<&str> {
    let is_number = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| key.trim_start_matches('0'))
}

fn finding(first: &Entry<'_>, second: &Entry<'_>) -> Diagnostic {
    let (early, late) = (first.key(), second.key());
    let message = format!("`{early}` is read before `{late}`: these keys are compared as texts");
    let width = early.len().max(late.len());
    Diagnostic::new(&codes::TEXT_ORDER, first.key_range, message)
        .related(second.key_range, "what is read after it")
        .help(format!("write all of them with as many digits, `{late:0>width$}` and `{early:0>width$}`, or write one list in brackets"))
}

#[cfg(test)]
mod tests {
    use document::Source;

    use super::*;

    #[test]
    fn lists_that_are_read_in_another_order_are_told() {
        let rules = |keys: &[&str]| {
            let all = keys.iter().map(|key| {
                format!("queue.strategy.route.{key}.if = \"true\"\nqueue.strategy.route.{key}.then = \"'a'\"\n")
            });
            all.collect::<String>()
        };
        let cases = [
            (rules(&["0", "1", "10", "2"]), Some("10 2")),
            (rules(&["0", "9", "10"]), Some("10 9")),
            (rules(&["1", "2", "3"]), None),
            (rules(&["01", "02", "10"]), None),
            // An element of an array is `0000`, so that a further one stands behind all of them.
            (rules(&["0000", "0001", "1", "2"]), None),
            (rules(&["0010", "1"]), Some("0010 1")),
            ("queue.schedule.a.retry.2 = '1m'\nqueue.schedule.a.retry.10 = '2m'".to_owned(), Some("10 2")),
            ("queue.outbound.next-hop.10.else = false\nqueue.outbound.next-hop.2.if = 'x'".to_owned(), Some("10 2")),
            (
                "queue.limiter.outbound.10.rate = '1/1s'\nqueue.limiter.outbound.9.rate = '1/1s'".to_owned(),
                Some("10 9"),
            ),
            ("[[queue.throttle]]\nmatch.any-of.10.if = 'a'\nmatch.any-of.9.if = 'b'".to_owned(), Some("10 9")),
            // Names and parts of addresses.
            ("queue.route.10.type = 'mx'\nqueue.route.9.type = 'mx'".to_owned(), None),
            (
                "queue.source-ip.192.0.2.10.ehlo-hostname = 'a'\nqueue.source-ip.192.0.2.9.ehlo-hostname = 'b'"
                    .to_owned(),
                None,
            ),
            // What is about other things is passed over.
            ("session.rcpt.relay.10.if = 'a'\nsession.rcpt.relay.9.if = 'b'".to_owned(), None),
        ];
        for (text, expected) in cases {
            let source = Source::new("policy.toml", text.as_str());
            let (tree, _) = document::toml::parse(&source);
            let mut findings = Findings::new();
            report(&tree, &mut findings);
            let found = findings
                .iter()
                .map(|finding| format!("{} {}", source.slice(finding.range), source.slice(finding.related[0].0)));
            assert_eq!(found.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }
}
