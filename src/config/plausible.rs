//! Values that a server takes and that nobody can have meant: a retry after 5 ms, a warning that comes when mail has long
//! been given up.
//!
//! Bounds are wide: what lies within them may still be unwise, what lies beyond them is a slip, most often a number that
//! lost its unit. Each finding says what is taken. Only what the document gives is looked at, by rules or for all mail.
//!
//! Source: delivery spec 0.2, 5.5.

use std::net::IpAddr;

use base::{Diagnostic, Findings, Millis, TextRange};
use document::Source;
use policy::{Value, setting};

use crate::{
    Settings, codes,
    objects_2026::DEFAULT_RETRIES,
    settings::{Connection, Expiry, Placed, Route, Schedule, Setting, SourceIp},
};

/// Shorter waits between attempts, and shorter lives of a message, are a number without its unit.
const WAIT_MIN: Millis = Millis::from_secs(1);
/// A wait of more than a month.
const WAIT_MAX: Millis = Millis::from_secs(31 * 86_400);
/// A message that is tried for more than a year.
const EXPIRY_MAX: Millis = Millis::from_secs(366 * 86_400);
/// No host greets, and none takes a message, in less time.
const TIMEOUT_MIN: Millis = Millis::from_secs(1);
/// A host that may be silent for more than a day.
const TIMEOUT_MAX: Millis = Millis::from_secs(86_400);
/// A name server on the same machine answers within this time.
const LOOKUP_MIN: Millis = Millis(50);
/// A message is lost to its readers long before.
const ATTEMPTS_MAX: u32 = 1_000;
/// More than a process has sockets.
const THREADS_MAX: u32 = 10_000;
/// No domain has more hosts, and no host more addresses.
const HOSTS_MAX: u32 = 100;
/// No message with a header is smaller.
const QUOTA_MIN: u64 = 256;

/// Reports what cannot have been meant.
pub(crate) fn report(settings: &Settings, source: &Source, findings: &mut Findings) {
    let mut checker = Checker { source, findings };
    for found in &settings.schedules {
        checker.schedule(&found.value);
    }
    for found in &settings.connections {
        checker.connection(&found.value);
    }
    for found in &settings.tls_strategies {
        checker.timeouts(&[("tls", &found.value.timeout_tls), ("mta-sts", &found.value.timeout_mta_sts)]);
    }
    for found in &settings.queues {
        checker.count("the number of threads", &found.value.threads_per_node, THREADS_MAX);
    }
    for found in &settings.routes {
        if let Route::Mx(mx) = &found.value {
            checker.count("the number of hosts", &mx.limit_mx, HOSTS_MAX);
            checker.count("the number of addresses", &mx.limit_multihomed, HOSTS_MAX);
        }
    }
    for size in settings.quotas.iter().filter_map(|quota| quota.size.as_ref()).filter(|size| size.value < QUOTA_MIN) {
        let told = format!("the quota is {} bytes, which is less than one message has", size.value);
        checker.unlikely(size.range, told, "a size is a number of bytes: 10 MiB are `10485760`");
    }
    let resolver = &settings.resolver;
    for timeout in each(&resolver.timeout, setting::length) {
        if timeout.value < LOOKUP_MIN {
            let told = format!("{} is too short for a name server to answer", timeout.value);
            checker.unlikely(timeout.range, told, "five seconds are usual");
        }
    }
    checker.count("the number of attempts", &resolver.attempts, HOSTS_MAX);
}

struct Checker<'c> {
    source: &'c Source,
    findings: &'c mut Findings,
}

impl Checker<'_> {
    /// A finding about `range`, unless it shows what came out of a macro, or a number without a unit is told there already.
    fn push(&mut self, finding: Diagnostic) {
        let ranges = || [finding.range].into_iter().chain(finding.related.iter().map(|(range, _)| *range));
        let is_within =
            |known: TextRange| ranges().any(|range| range.start() <= known.start() && known.end() <= range.end());
        let is_told = self.findings.iter().any(|known| known.code == &codes::NO_UNIT && is_within(known.range));
        if !is_told && !ranges().any(|range| self.source.slice(range).contains("%{")) {
            self.findings.push(finding);
        }
    }

    fn unlikely(&mut self, range: TextRange, message: String, help: &str) {
        self.push(Diagnostic::new(&codes::UNLIKELY_VALUE, range, message).help(help));
    }

    fn schedule(&mut self, schedule: &Schedule) {
        const HELP: &str = "waits are usually minutes or hours, and mail is given up after days";
        let (retries, notices) = (each(&schedule.retry, setting::lengths), each(&schedule.notify, setting::lengths));
        for (what, lists) in [("a message is tried again", &retries), ("a sender is told of a delay", &notices)] {
            for list in lists {
                let is_out = |wait: &&Millis| **wait < WAIT_MIN || **wait > WAIT_MAX;
                if let Some(wait) = list.value.iter().find(is_out) {
                    self.unlikely(list.range, format!("{what} after {wait}"), HELP);
                }
            }
        }
        let expiries = each(&schedule.expiry, |value| setting::length(value).map(Expiry::Ttl));
        for Placed { value, range } in &expiries {
            match *value {
                Expiry::Ttl(ttl) if ttl < WAIT_MIN || ttl > EXPIRY_MAX => {
                    self.unlikely(*range, format!("mail is given up after {ttl}"), HELP);
                }
                Expiry::Attempts(attempts) if attempts > ATTEMPTS_MAX => {
                    self.unlikely(*range, format!("mail is given up after {attempts} attempts"), HELP);
                }
                Expiry::Ttl(_) | Expiry::Attempts(_) => {}
            }
        }
        if let ([expiry], [retry]) = (&*expiries, &*retries)
            && retry.value != DEFAULT_RETRIES
        {
            self.never_tried(expiry, retry);
        }
        if let ([Placed { value: Expiry::Ttl(ttl), range }], [notify]) = (&*expiries, &*notices)
            && *ttl >= WAIT_MIN
            && let Some(late) = notify.value.iter().find(|notice| *notice > ttl && **notice <= WAIT_MAX)
        {
            let message = format!("a notice after {late} is never sent: mail is given up after {ttl}");
            let finding = Diagnostic::new(&codes::NOTIFY_AFTER_EXPIRY, notify.range, message);
            self.push(finding.related(*range, "when mail is given up").help("name a shorter time, or leave it out"));
        }
    }

    /// Waits that no message lives to see.
    fn never_tried(&mut self, expiry: &Placed<Expiry>, retry: &Placed<Vec<Millis>>) {
        let message = match expiry.value {
            Expiry::Ttl(ttl) if ttl < WAIT_MIN => None,
            Expiry::Ttl(ttl) => {
                let late = retry.value.iter().find(|wait| **wait > ttl && **wait <= WAIT_MAX);
                late.map(|wait| format!("nothing is tried again after {wait}: mail is given up after {ttl}"))
            }
            Expiry::Attempts(attempts) => {
                let count = retry.value.len();
                let is_short = u32::try_from(count).is_ok_and(|count| count > attempts);
                is_short.then(|| {
                    format!("of {count} waits only the first are used: mail is given up after attempt {attempts}")
                })
            }
        };
        if let Some(message) = message {
            let finding = Diagnostic::new(&codes::RETRY_AFTER_EXPIRY, retry.range, message);
            self.push(finding.related(expiry.range, "when mail is given up").help("leave out what is never reached"));
        }
    }

    fn connection(&mut self, connection: &Connection) {
        self.timeouts(&[
            ("connect", &connection.timeout_connect),
            ("greeting", &connection.timeout_greeting),
            ("ehlo", &connection.timeout_ehlo),
            ("mail-from", &connection.timeout_mail_from),
            ("rcpt-to", &connection.timeout_rcpt_to),
            ("data", &connection.timeout_data),
        ]);
        let addresses = |value: &Value| {
            let ips = setting::addresses(value)?.into_iter();
            Some(ips.map(|ip| SourceIp { ip, ehlo_hostname: None }).collect())
        };
        for list in each(&connection.source_ips, addresses) {
            for (index, SourceIp { ip, .. }) in list.value.iter().enumerate() {
                let is_twice = list.value.iter().take(index).any(|earlier| earlier.ip == *ip);
                let why = match unusable(*ip) {
                    Some(why) => why,
                    None if is_twice => "it is listed twice, and then picked twice as often",
                    None => continue,
                };
                self.unlikely(
                    list.range,
                    format!("`{ip}` as a source address: {why}"),
                    "write addresses of this server",
                );
            }
        }
    }

    fn timeouts(&mut self, timeouts: &[(&str, &Setting<Millis>)]) {
        for (stage, timeout) in timeouts {
            for Placed { value, range } in each(timeout, setting::length) {
                if value < TIMEOUT_MIN || value > TIMEOUT_MAX {
                    let told = format!("a host has {value} for the stage `{stage}`");
                    self.unlikely(range, told, "RFC 5321 §4.5.3.2 asks for minutes");
                }
            }
        }
    }

    fn count(&mut self, what: &str, count: &Setting<u32>, most: u32) {
        for Placed { value, range } in each(count, setting::count) {
            if value > most {
                self.unlikely(range, format!("{what} is {value}"), &format!("more than {most} are of no use"));
            }
        }
    }
}

/// Why no connection to another host can begin at `ip`.
fn unusable(ip: IpAddr) -> Option<&'static str> {
    if ip.is_unspecified() {
        Some("it stands for no address in particular")
    } else if ip.is_multicast() {
        Some("it is one of a group")
    } else if ip.is_loopback() {
        Some("no other host is reached from it")
    } else {
        None
    }
}

/// The value of a setting, or each that rules can give.
fn each<T: Clone>(setting: &Setting<T>, typed: impl Fn(&Value) -> Option<T>) -> Vec<Placed<T>> {
    match setting {
        Setting::Default => Vec::new(),
        Setting::Given(placed) => vec![placed.clone()],
        Setting::Chosen(block) => {
            let outcomes = block.outcomes().filter_map(|outcome| {
                let value = typed(&block.ir().written(outcome)?)?;
                Some(Placed::new(value, block.ir().get(outcome).range))
            });
            outcomes.collect()
        }
    }
}

#[cfg(test)]
mod tests;
