//! MTA-STS (RFC 8461): the record, the policy, and which hosts it allows. Pure functions of texts.
//!
//! Source: delivery spec 3.6.

use std::collections::BTreeMap;

use base::{Instant, Millis};
use policy::{Behaviour, Quirk};

use crate::limits;

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

/// The id of a record (RFC 8461 §3.1), where these texts have one that is valid, and only that.
pub fn record(texts: &[Box<str>]) -> Result<Box<str>, NoPolicy> {
    let mut records = texts.iter().filter_map(|text| {
        let mut fields = text.split(';').map(str::trim);
        (fields.next()? == "v=STSv1").then_some(fields)
    });
    let fields = records.next().ok_or(NoPolicy::NotPublished)?;
    if records.next().is_some() {
        return Err(NoPolicy::Invalid);
    }
    let mut values = fields.filter_map(|field| field.split_once('='));
    let id = values.find(|(key, _)| key.trim_end() == "id").map(|(_, id)| id.trim_start());
    let is_id = |id: &&str| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.filter(is_id).map(Into::into).ok_or(NoPolicy::Invalid)
}

/// How long a policy is kept whose `max_age` is no sensible time.
const AGE: u64 = 24 * 3_600;

impl Policy {
    /// Reads a policy (RFC 8461 §3.2); `None` where it is no valid one.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut mx = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            match key.trim() {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => max_age = max_age.or_else(|| value.parse::<u64>().ok()),
                "mx" => mx.push(value.trim_end_matches('.').to_ascii_lowercase().into()),
                // Other keys are for later versions.
                _ => {}
            }
        }
        let mode = match mode {
            None | Some("none") => Mode::None,
            Some("testing") => Mode::Testing,
            Some("enforce") => Mode::Enforce,
            Some(_) => return None,
        };
        let age = max_age.filter(|age| (3_600..31_557_600).contains(age)).unwrap_or(AGE);
        let is_valid = version == Some("STSv1") && (mode == Mode::None || !mx.is_empty());
        is_valid.then_some(Self { mode, mx, max_age: Millis::from_secs(age) })
    }

    /// Whether `host` is one that it allows (RFC 8461 §4.1); whatever its mode, but `none` allows all.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
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
        Fetched::Answer { body, .. } => Policy::parse(body).ok_or(NoPolicy::Invalid),
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
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_one_record_with_an_id() {
        let cases: [(&[&str], Result<&str, NoPolicy>); 10] = [
            (&["v=STSv1; id=20160831085700Z;"], Ok("20160831085700Z")),
            (&["v=STSv1;id=1"], Ok("1")),
            (&["v=spf1 -all", "v=STSv1; id=2;"], Ok("2")),
            (&["v=STSv1; x=y; id=3"], Ok("3")),
            (&["v=STSv1; id=1;", "v=STSv1; id=2;"], Err(NoPolicy::Invalid)),
            (&["v=STSv1;"], Err(NoPolicy::Invalid)),
            (&["v=STSv1; id=a-b"], Err(NoPolicy::Invalid)),
            (&["v=STSv2; id=1;"], Err(NoPolicy::NotPublished)),
            (&["id=1; v=STSv1"], Err(NoPolicy::NotPublished)),
            (&[], Err(NoPolicy::NotPublished)),
        ];
        for (texts, expected) in cases {
            let texts: Vec<Box<str>> = texts.iter().map(|text| (*text).into()).collect();
            assert_eq!(record(&texts).as_deref(), expected.as_ref().map(|id| *id), "{texts:?}");
        }
        let long = format!("v=STSv1; id={}", "1".repeat(33)).into();
        assert_eq!(record(&[long]), Err(NoPolicy::Invalid));
    }

    #[test]
    fn policies_are_read_and_say_which_hosts_they_allow() {
        let parse = |text: &str| Policy::parse(text.as_bytes());
        let good =
            parse("version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmx: *.Mail.test.\r\nmax_age: 86400\r\n");
        let good = good.unwrap();
        assert_eq!((good.mode, good.max_age), (Mode::Enforce, Millis::from_secs(86_400)));
        let cases = [
            ("mx1.corp.test", true),
            ("MX1.corp.test", true),
            ("mx2.corp.test", false),
            ("a.mail.test", true),
            ("a.b.mail.test", false),
            ("mail.test", false),
            (".mail.test", false),
        ];
        for (host, expected) in cases {
            assert_eq!(good.allows(host), expected, "{host}");
        }
        let none = parse("version: STSv1\nmode: none\nmax_age: 1\n").unwrap();
        assert!(none.allows("whatever.test"));
        assert_eq!(none.max_age, Millis::from_secs(AGE), "too short a time is none");
        assert_eq!(parse("version: STSv1\nmx: a.test\n").unwrap().mode, Mode::None);
        for bad in [
            "version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 86400\n",
            "mode: enforce\nmx: a.test\n",
            "version: STSv1\nmode: enforce\n",
            "version: STSv1\nmode: strict\nmx: a.test\n",
            "<html>\n",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert_eq!(Policy::parse(b"version: STSv1\nmode: none\nmx: \xff\n"), None);
    }

    #[test]
    fn what_is_fetched_is_a_policy_or_says_why_not() {
        let body: Box<[u8]> = (*b"version: STSv1\nmode: testing\nmx: a.test\n").into();
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
