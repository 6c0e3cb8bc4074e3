//! The layout of 2022 and 2024: one set of outbound settings for all mail, each of which rules may choose.
//!
//! `queue.outbound.*` and `queue.schedule.*` are read by the same walk for both dialects; a [`Layout`] says how a
//! setting is written, as structured rules (2022) or as an expression (2024). There are no named strategies, so
//! what such a document says of connections, TLS and schedules becomes one definition of each kind called
//! [`DEFAULT`], which is always picked. Delivery by DNS becomes a route of its own, see [`remote::Hosts::mx`].
//!
//! Source: delivery spec 1.2 to 1.8, 1.10 to 1.12.

use base::{Diagnostic, TextRange};
use document::{Entry, Node, Table};
use policy::{Block, Value};

use crate::{
    Dialect, Settings, codes, common,
    read::Context,
    settings::{
        Connection, Definition, Mx, Placed, Route, Schedule, Selector, Sensitive, Setting, SourceIp, Tls, VirtualQueue,
    },
    unread,
};

pub(crate) mod combine;
pub(crate) mod kind;
mod limiter;
pub(crate) mod remote;

use kind::Kind;
use remote::Hosts;

/// The name of the one connection, TLS strategy, schedule and queue.
const DEFAULT: &str = "default";

/// What a setting's rules may ask for (delivery spec 2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    /// The message.
    Sender,
    /// The message and a recipient's domain.
    Rcpt,
    /// These and the host being tried.
    Mx,
    /// These and both addresses.
    Host,
    /// All of these, as far as they are known when a quota is counted.
    Quota,
}

/// A setting that rules may choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its key from the top of the document.
    pub(crate) key: &'static str,
    /// The same in backticks.
    pub(crate) quoted: &'static str,
    /// What its rules may ask for.
    pub(crate) asks: Asks,
}

macro_rules! place {
    ($key:literal, $asks:ident) => {
        $crate::outbound_layout::Place {
            key: $key,
            quoted: concat!("`", $key, "`"),
            asks: $crate::outbound_layout::Asks::$asks,
        }
    };
}
pub(crate) use place;

/// What could not be read: there is an error about it among the findings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// How a dialect writes a setting.
pub(crate) trait Layout<'c> {
    /// What the reader carries along.
    fn context(&mut self) -> &mut Context<'c>;

    /// A setting: one value, or rules that choose it.
    fn setting<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Setting<T>;

    /// `queue.outbound.next-hop`, where it is given.
    fn next_hop(&mut self, node: &Node<'_>, hosts: &Hosts) -> Selector;

    /// What `queue.outbound.next-hop` is where it is not given.
    fn next_hop_default(&mut self, hosts: &Hosts) -> Selector;

    /// The `match` of a limiter or a quota.
    fn condition(&mut self, node: &Node<'_>, place: Place) -> Option<Box<Block>>;
}

/// What `tree` says.
pub(crate) fn read<'c>(tree: &Node<'_>, layout: &mut impl Layout<'c>) -> Settings {
    let dialect = layout.context().dialect;
    let mut settings = Settings::empty(dialect);
    settings.hostname = common::hostname(layout.context(), tree);
    settings.resolver = common::resolver(layout.context(), tree);
    let hosts = remote::hosts(layout.context(), tree, &mut settings.routes);
    let queue = queue(layout.context(), tree);
    outbound(layout, queue, &hosts, &mut settings);
    schedule(layout, queue, &mut settings);
    if let Some(queue) = queue {
        limiter::limiters(layout, queue, &mut settings);
        limiter::quotas(layout, queue, &mut settings);
    }
    settings.dsn = dsn(layout, tree);
    settings.tls_reports = crate::read::tls_reports(tree);
    settings
}

/// A selector that always picks `name`, for a document that has no say in it.
pub(crate) fn always(name: &str) -> Selector {
    Selector::Given(Box::new(Block::constant(Value::text(name), TextRange::at(0))))
}

/// The table at `key` of `parent`, whose path is `path`. Keys that are none of `known` are reported.
fn section<'t, 'a>(
    context: &mut Context<'_>,
    parent: Option<&'t Table<'a>>,
    key: &str,
    path: &'static str,
    known: &[&str],
) -> Option<&'t Table<'a>> {
    let node = parent?.get(key)?;
    let Some(table) = node.as_table() else {
        let message = format!("`{path}` is {}, not a section", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help(format!("its keys are `{}`, below a header `[{path}]`", known.join("`, `"))),
        );
        return None;
    };
    context.known_keys(table, known, path);
    Some(table)
}

/// `queue`
fn queue<'t, 'a>(context: &mut Context<'_>, tree: &'t Node<'a>) -> Option<&'t Table<'a>> {
    const KEYS: [&str; 8] = ["path", "hash", "schedule", "outbound", "throttle", "quota", "threads", "limiter"];
    const LATER: [&str; 6] = ["strategy", "route", "virtual", "connection", "source-ip", "tls"];
    let node = tree.get("queue")?;
    let Some(table) = node.as_table() else {
        let message = format!("`queue` is {}, not a section", node.kind_name());
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, node.range, message)
                .help("write its settings below headers such as `[queue.outbound]`"),
        );
        return None;
    };
    let known = match context.dialect {
        Dialect::Legacy2022 => KEYS.get(..6).unwrap_or(&KEYS),
        _ => &KEYS,
    };
    for entry in table.entries() {
        if let Some(finding) = unread::moved(entry, context.dialect) {
            context.report(finding);
        } else if LATER.contains(&entry.key()) {
            later(context, entry);
        } else if !known.contains(&entry.key()) {
            context.unknown_key(entry, known, "queue");
        }
    }
    Some(table)
}

/// Reports a key that only the layout of 2025 has, in a document that is read as an older one.
fn later(context: &mut Context<'_>, entry: &Entry<'_>) {
    let message = format!("`queue.{}` belongs to the layout of 2025 and is not read", entry.key());
    let finding = Diagnostic::new(&codes::DIALECT_MIXED, entry.key_range, message);
    let dialect = context.dialect;
    context.report(
        finding.help(format!(
            "read the document as `{}`, or write it for `{dialect}` throughout",
            Dialect::Strategies2025
        )),
    );
}

/// Reads `key` of `table` into `$target`, where it is there.
macro_rules! read {
    ($layout:ident, $table:ident, $($key:literal $path:literal $asks:ident $kind:expr => $target:expr;)+) => {
        $(if let Some(node) = $table.get($key) {
            $target = $layout.setting(node, place!($path, $asks), &$kind);
        })+
    };
}

/// A text, of which the empty one is none.
fn text<'c>(layout: &mut impl Layout<'c>, node: Option<&Node<'_>>, place: Place) -> Setting<Sensitive> {
    let Some(node) = node else { return Setting::Default };
    match layout.setting(node, place, &kind::TEXT) {
        Setting::Given(text) if text.value.is_empty() => Setting::Default,
        setting => setting.map(|text| layout.context().made_of(node, text)),
    }
}

fn outbound<'c>(layout: &mut impl Layout<'c>, queue: Option<&Table<'_>>, hosts: &Hosts, settings: &mut Settings) {
    const KEYS: [&str; 7] = ["next-hop", "hostname", "ip-strategy", "limits", "source-ip", "tls", "timeouts"];
    let mut connection = Connection::default();
    let mut tls = Tls::default();
    let mut mx = Mx::default();
    let range = queue.and_then(|queue| queue.entry("outbound")).map_or(TextRange::at(0), |entry| entry.key_range);
    if let Some(table) = section(layout.context(), queue, "outbound", "queue.outbound", &KEYS) {
        connection.ehlo_hostname = text(layout, table.get("hostname"), place!("queue.outbound.hostname", Sender));
        read! { layout, table,
            "ip-strategy" "queue.outbound.ip-strategy" Sender kind::IP_LOOKUP => mx.ip_lookup;
        }
        connection.source_ips = source_ips(layout, table);
        limits(layout, table, &mut mx);
        tls_settings(layout, table, &mut tls);
        timeouts(layout, table, &mut connection, &mut tls);
        if let Some(node) = table.get("next-hop") {
            settings.route = layout.next_hop(node, hosts);
        }
    }
    if let Selector::BuiltIn = settings.route {
        settings.route = layout.next_hop_default(hosts);
    }
    settings.connection = always(DEFAULT);
    settings.tls = always(DEFAULT);
    let _ = settings.routes.insert(definition(&hosts.mx, range, Route::Mx(mx)));
    let _ = settings.connections.insert(definition(DEFAULT, range, connection));
    let _ = settings.tls_strategies.insert(definition(DEFAULT, range, tls));
}

fn definition<T>(name: &str, range: TextRange, value: T) -> Definition<T> {
    Definition { name: name.to_owned(), range, value, ignored_by_reference: None }
}

fn limits<'c>(layout: &mut impl Layout<'c>, outbound: &Table<'_>, mx: &mut Mx) {
    let keys = ["mx", "multihomed"];
    if let Some(table) = section(layout.context(), Some(outbound), "limits", "queue.outbound.limits", &keys) {
        read! { layout, table,
            "mx" "queue.outbound.limits.mx" Rcpt kind::COUNT => mx.limit_mx;
            "multihomed" "queue.outbound.limits.multihomed" Rcpt kind::COUNT => mx.limit_multihomed;
        }
    }
}

/// Both lists of local addresses, which are two settings here, as one.
fn source_ips<'c>(layout: &mut impl Layout<'c>, outbound: &Table<'_>) -> Setting<Vec<SourceIp>> {
    let mut v4 = Setting::Default;
    let mut v6 = Setting::Default;
    let path = "queue.outbound.source-ip";
    let Some(table) = section(layout.context(), Some(outbound), "source-ip", path, &["v4", "v6"]) else {
        return Setting::Default;
    };
    read! { layout, table,
        "v4" "queue.outbound.source-ip.v4" Mx kind::IPV4_ADDRESSES => v4;
        "v6" "queue.outbound.source-ip.v6" Mx kind::IPV6_ADDRESSES => v6;
    }
    combine::addresses(layout.context(), v4, v6)
}

fn tls_settings<'c>(layout: &mut impl Layout<'c>, outbound: &Table<'_>, tls: &mut Tls) {
    let keys = ["dane", "mta-sts", "starttls", "allow-invalid-certs"];
    if let Some(table) = section(layout.context(), Some(outbound), "tls", "queue.outbound.tls", &keys) {
        read! { layout, table,
            "dane" "queue.outbound.tls.dane" Mx kind::REQUIREMENT => tls.dane;
            "mta-sts" "queue.outbound.tls.mta-sts" Rcpt kind::REQUIREMENT => tls.mta_sts;
            "starttls" "queue.outbound.tls.starttls" Mx kind::REQUIREMENT => tls.starttls;
            "allow-invalid-certs" "queue.outbound.tls.allow-invalid-certs" Mx kind::BOOLEAN => tls.allow_invalid_certs;
        }
    }
}

fn timeouts<'c>(layout: &mut impl Layout<'c>, outbound: &Table<'_>, connection: &mut Connection, tls: &mut Tls) {
    const KEYS: [&str; 8] = ["connect", "greeting", "tls", "ehlo", "mail-from", "rcpt-to", "data", "mta-sts"];
    let path = "queue.outbound.timeouts";
    if let Some(table) = section(layout.context(), Some(outbound), "timeouts", path, &KEYS) {
        read! { layout, table,
            "connect" "queue.outbound.timeouts.connect" Host kind::DURATION => connection.timeout_connect;
            "greeting" "queue.outbound.timeouts.greeting" Host kind::DURATION => connection.timeout_greeting;
            "ehlo" "queue.outbound.timeouts.ehlo" Host kind::DURATION => connection.timeout_ehlo;
            "mail-from" "queue.outbound.timeouts.mail-from" Host kind::DURATION => connection.timeout_mail_from;
            "rcpt-to" "queue.outbound.timeouts.rcpt-to" Host kind::DURATION => connection.timeout_rcpt_to;
            "data" "queue.outbound.timeouts.data" Host kind::DURATION => connection.timeout_data;
            "tls" "queue.outbound.timeouts.tls" Host kind::DURATION => tls.timeout_tls;
            "mta-sts" "queue.outbound.timeouts.mta-sts" Rcpt kind::DURATION => tls.timeout_mta_sts;
        }
    }
}

fn schedule<'c>(layout: &mut impl Layout<'c>, queue: Option<&Table<'_>>, settings: &mut Settings) {
    let range = queue.and_then(|queue| queue.entry("schedule")).map_or(TextRange::at(0), |entry| entry.key_range);
    let mut schedule =
        Schedule { queue_name: Setting::Given(Placed::new(DEFAULT.into(), range)), ..Schedule::default() };
    let keys = ["retry", "notify", "expire"];
    if let Some(table) = section(layout.context(), queue, "schedule", "queue.schedule", &keys) {
        read! { layout, table,
            "retry" "queue.schedule.retry" Host kind::DURATIONS => schedule.retry;
            "notify" "queue.schedule.notify" Rcpt kind::DURATIONS => schedule.notify;
            "expire" "queue.schedule.expire" Rcpt kind::EXPIRY => schedule.expiry;
        }
    }
    settings.schedule = always(DEFAULT);
    let _ = settings.schedules.insert(definition(DEFAULT, range, schedule));
    let threads = match layout.context().dialect {
        Dialect::Legacy2022 => VirtualQueue::default(),
        _ => threads(layout.context(), queue),
    };
    let _ = settings.queues.insert(definition(DEFAULT, range, threads));
}

/// `queue.threads` (2024).
fn threads(context: &mut Context<'_>, queue: Option<&Table<'_>>) -> VirtualQueue {
    let mut threads = VirtualQueue::default();
    let Some(table) = section(context, queue, "threads", "queue.threads", &["remote", "local"]) else {
        return threads;
    };
    if let Some(node) = table.get("remote") {
        threads.threads_per_node = context.integer(node, "queue.threads.remote", 1..=u32::MAX);
    }
    if let Some(entry) = table.entry("local") {
        context.report(
            Diagnostic::new(
                &codes::INEFFECTIVE_SETTING,
                entry.key_range,
                "`queue.threads.local` has no effect on delivery to other servers",
            )
            .help("the number of messages that are sent at once is `queue.threads.remote`"),
        );
    }
    threads
}

/// `report.dsn` and `report.submitter`; the other reports are not about delivery.
fn dsn<'c>(layout: &mut impl Layout<'c>, tree: &Node<'_>) -> crate::settings::Dsn {
    let mut dsn = crate::settings::Dsn::default();
    let Some(report) = tree.get("report").and_then(Node::as_table) else {
        return dsn;
    };
    dsn.submitter = text(layout, report.get("submitter"), place!("report.submitter", Sender));
    let keys = ["from-name", "from-address", "sign"];
    if let Some(table) = section(layout.context(), Some(report), "dsn", "report.dsn", &keys) {
        dsn.from_name = text(layout, table.get("from-name"), place!("report.dsn.from-name", Sender));
        dsn.from_address = text(layout, table.get("from-address"), place!("report.dsn.from-address", Sender));
        if let Some(node) = table.get("sign") {
            let names = layout.setting(node, place!("report.dsn.sign", Sender), &kind::TEXTS);
            let context = layout.context();
            dsn.sign = names.map(|names| names.into_iter().map(|name| context.made_of(node, name)).collect());
        }
    }
    dsn
}

#[cfg(test)]
mod tests;
