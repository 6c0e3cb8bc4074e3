//! Which hosts are tried, at which addresses, and from where.
//!
//! Source: delivery spec 3.5; RFC 5321 §5.1, RFC 7505.

use std::net::{IpAddr, Ipv4Addr};

use policy::{
    Behaviour, Quirk,
    strategy::{IpLookup, Mx},
};

use crate::{failure::Failure, limits, random::Random};

/// An MX record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MxRecord {
    /// Lower ones are tried first.
    pub preference: u16,
    /// The host, in lower case and without the last dot; empty for the root.
    pub exchange: Box<str>,
}

/// How far an answer of DNS can be trusted (RFC 4033 §5).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Security {
    /// It is signed up to the root.
    Secure,
    /// It is proven that it is not signed.
    Insecure,
    /// Its signature is wrong.
    Bogus,
    /// Nothing is known.
    Indeterminate,
}

/// What came of a DNS lookup.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DnsResult<T> {
    /// The records, and how far they can be trusted.
    Found(Vec<T>, Security),
    /// There are none of that type, and how far that can be trusted.
    NoData(Security),
    /// There is no such name.
    NoName(Security),
    /// The server failed, or refused: SERVFAIL, REFUSED and the like.
    ServerFailed,
    /// No server answered.
    Unreachable,
}

impl<T> DnsResult<T> {
    /// Whether its signature is wrong.
    #[must_use]
    pub const fn is_bogus(&self) -> bool {
        match self {
            Self::Found(_, security) | Self::NoData(security) | Self::NoName(security) => {
                matches!(security, Security::Bogus)
            }
            Self::ServerFailed | Self::Unreachable => false,
        }
    }

    /// What the target makes of it: the reference uses what is bogus, and 0.15 takes a server's failure for the absence
    /// of records.
    #[must_use]
    pub fn seen_by(self, target: Behaviour) -> Self {
        match self {
            Self::ServerFailed if target.has(Quirk::ServfailIsNotFound) => Self::NoData(Security::Indeterminate),
            other if other.is_bogus() && !target.has(Quirk::BogusUsed) => Self::ServerFailed,
            other => other,
        }
    }
}

/// What a name that was asked for stands for: the end of its aliases (RFC 1034 §3.6.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The last name.
    pub name: Box<str>,
    /// How far the first alias can be trusted; the answer says how far all of them and what is at their end.
    pub first: Security,
}

/// A name as DNS and certificates have it: in lower case, in A-labels (RFC 5890 §2.3.2.1), without the last dot; empty where
/// it cannot be one.
pub(crate) fn a_labels(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    if name.is_ascii() { name } else { idna::domain_to_ascii(&name).unwrap_or_default() }
}

/// A host to try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// Its name, or its address where the route names that.
    pub name: Box<str>,
    /// Whether it is the domain itself, which has no MX records (RFC 5321 §5.1).
    pub is_implicit: bool,
}

/// The hosts of a domain, in the order in which they are tried, and how far the answer can be trusted.
pub(crate) fn of_domain(
    domain: &str,
    answer: DnsResult<MxRecord>,
    route: &Mx,
    target: Behaviour,
    random: &mut Random,
) -> Result<(Vec<Host>, Security), Failure> {
    let (mut records, security) = match answer.seen_by(target) {
        DnsResult::Found(records, security) if !records.is_empty() => (records, security),
        DnsResult::NoData(Security::Bogus) | DnsResult::NoName(Security::Bogus) if !target.has(Quirk::BogusDenial) => {
            return Err(Failure::MxLookup);
        }
        DnsResult::Found(..) | DnsResult::NoData(_) | DnsResult::NoName(_) if target.has(Quirk::NoImplicitMx) => {
            return Err(Failure::NoDomain);
        }
        DnsResult::Found(_, security) | DnsResult::NoData(security) => return Ok((implicit(domain), security)),
        // The reference treats the proof that a name is not there as no proof (3.6).
        DnsResult::NoName(_) => return Ok((implicit(domain), Security::Indeterminate)),
        DnsResult::ServerFailed | DnsResult::Unreachable => return Err(Failure::MxLookup),
    };
    records.truncate(limits::HOSTS_MAX);
    if let [MxRecord { preference: 0, exchange }] = &*records
        && exchange.is_empty()
    {
        return Err(Failure::NullMx);
    }
    // Hosts of one preference share the load.
    random.shuffle(&mut records);
    records.sort_by_key(|record| record.preference);
    let hosts = records.into_iter().map(|record| Host { name: record.exchange, is_implicit: false });
    let most = route.limit_mx.map_or(usize::MAX, |limit| limit.get() as usize);
    Ok((hosts.take(most).collect(), security))
}

fn implicit(domain: &str) -> Vec<Host> {
    vec![Host { name: domain.into(), is_implicit: true }]
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// The families that are looked up, in order.
#[must_use]
pub const fn families(lookup: IpLookup) -> &'static [Family] {
    match lookup {
        IpLookup::Ipv4Only => &[Family::V4],
        IpLookup::Ipv6Only => &[Family::V6],
        IpLookup::Ipv4ThenIpv6 => &[Family::V4, Family::V6],
        IpLookup::Ipv6ThenIpv4 => &[Family::V6, Family::V4],
    }
}

/// What the route knows of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named {
    /// An MX record names it.
    ByMx,
    /// It is the recipient's domain itself.
    ByDomain,
    /// The route's settings name it.
    ByRoute,
}

/// The addresses of a host, in the order in which they are tried: one answer for each family that was asked for.
pub(crate) fn addresses(
    answers: Vec<(Family, DnsResult<IpAddr>)>,
    route: &Mx,
    named: Named,
    target: Behaviour,
) -> Result<Vec<IpAddr>, Failure> {
    let mut found = Vec::new();
    let (mut v4_failed, mut v6_failed) = (false, false);
    for (family, answer) in answers {
        match answer.seen_by(target) {
            DnsResult::Found(ips, _) => found.extend(ips.into_iter().take(limits::ADDRESSES_MAX)),
            DnsResult::NoData(_) | DnsResult::NoName(_) => {}
            DnsResult::ServerFailed | DnsResult::Unreachable => {
                v4_failed |= family == Family::V4;
                v6_failed |= family == Family::V6;
            }
        }
    }
    let families = families(route.ip_lookup);
    // A failed IPv4 lookup is no failure for the reference where IPv6 is allowed.
    let is_forgiven = target.has(Quirk::FamilyErrorIgnored) && families.contains(&Family::V6);
    let failed = v6_failed || (v4_failed && !is_forgiven);
    if found.is_empty() {
        return Err(match named {
            _ if failed => Failure::AddressLookup,
            Named::ByDomain => Failure::NoDomain,
            Named::ByMx | Named::ByRoute => Failure::NoAddress,
        });
    }
    let refuses_loopback = match named {
        Named::ByRoute => target.has(Quirk::LoopbackRelay),
        Named::ByMx | Named::ByDomain => !target.has(Quirk::LoopbackMx),
    };
    if refuses_loopback {
        found.retain(|ip| !is_own(*ip));
        if found.is_empty() {
            return Err(Failure::Loopback);
        }
    }
    if named != Named::ByRoute && !target.has(Quirk::PrivateMx) {
        found.retain(|ip| !is_private(*ip));
        if found.is_empty() {
            return Err(Failure::Private);
        }
    }
    found.truncate(usize::try_from(route.limit_multihomed).unwrap_or(usize::MAX));
    if found.is_empty() { Err(Failure::NoneLeft) } else { Ok(found) }
}

/// Whether it is this machine: a loopback address, or the unspecified one, which systems take for it.
fn is_own(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified()
}

/// Whether the Internet has no such host (RFC 1918, RFC 3927, RFC 4193, RFC 4291, RFC 6598).
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let is_shared = u32::from(ip) & 0xffc0_0000 == u32::from(Ipv4Addr::new(100, 64, 0, 0));
            ip.is_private() || ip.is_link_local() || ip.is_broadcast() || ip.is_multicast() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn record(preference: u16, exchange: &str) -> MxRecord {
        MxRecord { preference, exchange: exchange.into() }
    }

    fn hosts(answer: DnsResult<MxRecord>, target: Behaviour) -> Result<(Vec<String>, Security), Failure> {
        let route = Mx { limit_mx: NonZeroU32::new(3), ..Mx::BUILT_IN };
        let (hosts, security) = of_domain("corp.test", answer, &route, target, &mut Random::new(1))?;
        let shown = |host: &Host| format!("{}{}", host.name, if host.is_implicit { " (implicit)" } else { "" });
        Ok((hosts.iter().map(shown).collect(), security))
    }

    #[test]
    fn mx_answers_become_hosts() {
        use Security::{Bogus, Indeterminate, Insecure, Secure};
        let found = |records: &[(u16, &str)]| {
            let records = records.iter().map(|(preference, host)| record(*preference, host)).collect();
            DnsResult::Found(records, Secure)
        };
        let implicit = |security| Ok((vec!["corp.test (implicit)".to_owned()], security));
        let named = |hosts: &[&str]| Ok((hosts.iter().map(|host| (*host).to_owned()).collect(), Secure));
        let cases = [
            ("by preference", found(&[(20, "b"), (10, "a"), (30, "c"), (40, "d")]), named(&["a", "b", "c"]), None),
            ("null MX", found(&[(0, "")]), Err(Failure::NullMx), None),
            ("a root that is not alone", found(&[(0, ""), (10, "a")]), named(&["", "a"]), None),
            ("no data", DnsResult::NoData(Insecure), implicit(Insecure), None),
            ("no name", DnsResult::NoName(Secure), implicit(Indeterminate), None),
            ("an empty answer", found(&[]), implicit(Secure), None),
            ("no server", DnsResult::Unreachable, Err(Failure::MxLookup), Some(Err(Failure::MxLookup))),
            (
                "bogus",
                DnsResult::NoData(Bogus),
                Err(Failure::MxLookup),
                Some(Ok((vec!["corp.test (implicit)".to_owned()], Bogus))),
            ),
            ("SERVFAIL", DnsResult::ServerFailed, Err(Failure::MxLookup), Some(implicit(Indeterminate))),
        ];
        for (name, answer, expected, of_015) in cases {
            for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
                assert_eq!(hosts(answer.clone(), target), expected, "{name} {target}");
            }
            let expected = of_015.unwrap_or(expected);
            assert_eq!(hosts(answer, Behaviour::STALWART_015), expected, "{name}");
        }
    }

    #[test]
    fn hosts_out_of_bogus_records_are_used_by_the_reference() {
        let answer = || DnsResult::Found(vec![record(10, "a")], Security::Bogus);
        for target in [Behaviour::STALWART_015, Behaviour::STALWART_016] {
            assert_eq!(hosts(answer(), target), Ok((vec!["a".to_owned()], Security::Bogus)), "{target}");
        }
        assert_eq!(hosts(answer(), Behaviour::NATIVE), Err(Failure::MxLookup));
    }

    #[test]
    fn hosts_of_one_preference_are_shuffled() {
        let answer = || DnsResult::Found((0..3).map(|at| record(10, &at.to_string())).collect(), Security::Insecure);
        let route = Mx::BUILT_IN;
        let order = |seed| {
            let hosts = of_domain("corp.test", answer(), &route, Behaviour::NATIVE, &mut Random::new(seed));
            hosts.unwrap().0.into_iter().map(|host| host.name).collect::<String>()
        };
        let orders: std::collections::BTreeSet<String> = (0..50).map(order).collect();
        assert_eq!(orders.len(), 6);
    }

    type Answers = Vec<(Family, DnsResult<IpAddr>)>;
    type Expected<'a> = Result<&'a [&'a str], Failure>;

    #[test]
    fn address_answers_become_addresses() {
        use DnsResult::{NoData, ServerFailed, Unreachable};
        use Family::{V4, V6};
        let found =
            |ips: &[&str]| DnsResult::Found(ips.iter().map(|ip| ip.parse().unwrap()).collect(), Security::Insecure);
        let none = || NoData(Security::Insecure);
        let cases: Vec<(&str, Answers, Named, Expected<'_>, Expected<'_>)> = vec![
            (
                "cut in total",
                vec![(V4, found(&["192.0.2.1"])), (V6, found(&["2001:db8::1", "2001:db8::2"]))],
                Named::ByMx,
                Ok(&["192.0.2.1", "2001:db8::1"]),
                Ok(&["192.0.2.1", "2001:db8::1"]),
            ),
            ("none", vec![(V4, none()), (V6, none())], Named::ByMx, Err(Failure::NoAddress), Err(Failure::NoAddress)),
            (
                "none of the domain",
                vec![(V4, none()), (V6, none())],
                Named::ByDomain,
                Err(Failure::NoDomain),
                Err(Failure::NoDomain),
            ),
            (
                "IPv4 failed, IPv6 empty",
                vec![(V4, Unreachable), (V6, none())],
                Named::ByMx,
                Err(Failure::AddressLookup),
                Err(Failure::NoAddress),
            ),
            (
                "both failed",
                vec![(V4, Unreachable), (V6, Unreachable)],
                Named::ByMx,
                Err(Failure::AddressLookup),
                Err(Failure::AddressLookup),
            ),
            (
                "IPv6 failed, IPv4 empty",
                vec![(V4, none()), (V6, Unreachable)],
                Named::ByMx,
                Err(Failure::AddressLookup),
                Err(Failure::AddressLookup),
            ),
            (
                "IPv6 failed, IPv4 there",
                vec![(V4, found(&["192.0.2.1"])), (V6, ServerFailed)],
                Named::ByMx,
                Ok(&["192.0.2.1"]),
                Ok(&["192.0.2.1"]),
            ),
            (
                "bogus",
                vec![(V4, DnsResult::Found(vec![IpAddr::from([192, 0, 2, 1])], Security::Bogus))],
                Named::ByMx,
                Err(Failure::AddressLookup),
                Ok(&["192.0.2.1"]),
            ),
            (
                "loopback",
                vec![(V4, found(&["127.0.0.1"]))],
                Named::ByMx,
                Err(Failure::Loopback),
                Err(Failure::Loopback),
            ),
            (
                "loopback as IPv6",
                vec![(V6, found(&["::ffff:127.0.0.1"]))],
                Named::ByMx,
                Err(Failure::Loopback),
                Err(Failure::Loopback),
            ),
            (
                "a relay on this machine",
                vec![(V4, found(&["127.0.0.1"]))],
                Named::ByRoute,
                Ok(&["127.0.0.1"]),
                Err(Failure::Loopback),
            ),
            ("private", vec![(V4, found(&["10.0.0.1"]))], Named::ByMx, Err(Failure::Private), Ok(&["10.0.0.1"])),
            ("a private relay", vec![(V4, found(&["10.0.0.1"]))], Named::ByRoute, Ok(&["10.0.0.1"]), Ok(&["10.0.0.1"])),
        ];
        for (name, answers, named, native, reference) in cases {
            for (target, expected) in [(Behaviour::NATIVE, native), (Behaviour::STALWART_016, reference)] {
                let expected = expected.map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>());
                assert_eq!(addresses(answers.clone(), &Mx::BUILT_IN, named, target), expected, "{name} {target}");
            }
        }
        let no_room = Mx { limit_multihomed: 0, ..Mx::BUILT_IN };
        let answers = vec![(V4, found(&["192.0.2.1"]))];
        assert_eq!(addresses(answers, &no_room, Named::ByMx, Behaviour::NATIVE), Err(Failure::NoneLeft));
    }
}
