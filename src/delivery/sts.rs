//! MTA-STS (RFC 8461): the record, the policy, and which hosts it allows. Pure functions of texts.
//!
//! Both texts are read in one of two ways, as the target does: by the letter of the RFC (`grammar`), or as the reference
//! reads them (`loose`).
//!
//! Source: delivery spec 3.6.

mod grammar;
mod loose;

use std::collections::BTreeMap;

use base::{Instant, Millis};
use policy::{Behaviour, Quirk};

use crate::{hosts::a_labels, limits};

/// What a policy demands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Mode {
    /// Nothing.
    None,
    /// Nothing, but what would fail is reported.
    Testing,
    /// Only its hosts, and TLS with a valid certificate.
    Enforce,
}

/// A domain's policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// What it demands.
    pub mode: Mode,
    /// The hosts that it allows: names, or `*.` and a name for one label in front.
    pub mx: Vec<Box<str>>,
    /// How long it may be kept.
    pub max_age: Millis,
}

/// What came of fetching a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fetched {
    /// An answer by HTTP.
    Answer {
        /// Its status; redirects are not followed.
        status: u16,
        /// Its content, as far as it is read.
        body: Box<[u8]>,
    },
    /// The server cannot be reached, or the transfer failed.
    Failed,
}

/// Why there is no policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoPolicy {
    /// There is no record.
    NotPublished,
    /// The record or the policy is no valid one.
    Invalid,
    /// The record cannot be looked up for now.
    NotResolved,
    /// The policy cannot be fetched for now.
    NotFetched,
}

/// The id of a domain's record (RFC 8461 §3.1), out of its TXT records, each with its strings joined.
pub fn record(texts: &[Box<str>], target: Behaviour) -> Result<Box<str>, NoPolicy> {
    if target.has(Quirk::StsRecordLoose) { loose::record(texts) } else { grammar::record(texts) }
}

impl Policy {
    /// Reads a policy (RFC 8461 §3.2); `None` where it is no valid one.
    #[must_use]
    pub fn parse(body: &[u8], target: Behaviour) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        if target.has(Quirk::StsPolicyLoose) { loose::policy(text) } else { grammar::policy(text) }
    }

    /// Whether `host` is one that it allows (RFC 8461 §4.1); whatever its mode, but `none` allows all. A name that is not
    /// ASCII is compared by its A-labels, which are what patterns have.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let host = a_labels(host);
        let fits = |pattern: &str| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => host == pattern,
        };
        self.mode == Mode::None || self.mx.iter().any(|pattern| fits(pattern))
    }
}

/// The policy that was fetched.
pub fn fetched(fetched: &Fetched, target: Behaviour) -> Result<Policy, NoPolicy> {
    match fetched {
        Fetched::Failed => Err(NoPolicy::NotFetched),
        Fetched::Answer { status, .. } if *status != 200 && !target.has(Quirk::StsStatusIgnored) => {
            Err(NoPolicy::NotFetched)
        }
        Fetched::Answer { body, .. } if body.len() > limits::POLICY_BYTES_MAX => Err(NoPolicy::Invalid),
        Fetched::Answer { body, .. } => Policy::parse(body, target).ok_or(NoPolicy::Invalid),
    }
}

/// Policies that were fetched, by domain.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    policies: BTreeMap<Box<str>, Cached>,
}

#[derive(Clone, Debug)]
struct Cached {
    id: Box<str>,
    policy: Policy,
    until: Instant,
}

impl Cache {
    /// The policy that is kept for `domain`; where an id is given, only that one.
    pub(crate) fn get(&self, domain: &str, id: Option<&str>, now: Instant) -> Option<&Policy> {
        let cached = self.policies.get(domain).filter(|cached| now < cached.until)?;
        id.is_none_or(|id| *cached.id == *id).then_some(&cached.policy)
    }

    pub(crate) fn keep(&mut self, domain: &str, id: &str, policy: Policy, now: Instant) {
        let until = now + policy.max_age;
        self.policies.insert(domain.into(), Cached { id: id.into(), policy, until });
        if self.policies.len() > limits::POLICIES_MAX {
            // The one that ends first goes.
            let first = self.policies.iter().min_by_key(|(_, cached)| cached.until).map(|(domain, _)| domain.clone());
            first.map(|first| self.policies.remove(&first));
        }
    }
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_a_policy_or_says_why_not() {
        let body: Box<[u8]> = (*b"version: STSv1\nmode: testing\nmx: a.test\nmax_age: 60\n").into();
        let answer = |status, body: &[u8]| Fetched::Answer { status, body: body.into() };
        let cases = [
            (answer(200, &body), Ok(Mode::Testing), Ok(Mode::Testing)),
            (answer(404, &body), Err(NoPolicy::NotFetched), Ok(Mode::Testing)),
            (answer(301, b""), Err(NoPolicy::NotFetched), Err(NoPolicy::Invalid)),
            (answer(200, b"<html>"), Err(NoPolicy::Invalid), Err(NoPolicy::Invalid)),
            (answer(200, &vec![b'\n'; limits::POLICY_BYTES_MAX + 1]), Err(NoPolicy::Invalid), Err(NoPolicy::Invalid)),
            (Fetched::Failed, Err(NoPolicy::NotFetched), Err(NoPolicy::NotFetched)),
        ];
        for (given, native, reference) in cases {
            let mode = |target| fetched(&given, target).map(|policy| policy.mode);
            assert_eq!((mode(Behaviour::NATIVE), mode(Behaviour::STALWART_016)), (native, reference));
        }
    }

    #[test]
    fn a_cache_keeps_a_policy_for_its_time_and_so_many_of_them() {
        let mut cache = Cache::default();
        let policy = |seconds| Policy { mode: Mode::None, mx: Vec::new(), max_age: Millis::from_secs(seconds) };
        cache.keep("a.test", "1", policy(60), Instant(0));
        assert!(cache.get("a.test", Some("1"), Instant(59_999)).is_some());
        assert!(cache.get("a.test", None, Instant(59_999)).is_some());
        assert!(cache.get("a.test", Some("2"), Instant(0)).is_none());
        assert!(cache.get("a.test", None, Instant(60_000)).is_none());
        for number in 0..=limits::POLICIES_MAX {
            cache.keep(&format!("{number}.test"), "1", policy(100 + number as u64), Instant(0));
        }
        assert_eq!(cache.policies.len(), limits::POLICIES_MAX);
        assert!(cache.get("0.test", None, Instant(0)).is_none(), "the one that ends first is gone");
    }
}
