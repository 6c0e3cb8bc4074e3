//! DNS as a scenario describes it: the zone's records, those that hosts are said to have, and what goes wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use base::Millis;
use delivery::{
    hosts::{DnsResult, MxRecord, Security},
    tlsa::TlsaRecord,
};
use scenario::{
    World,
    world::{DnsAnswer, DnsFault, DnsKind, Tlsa},
    zone::{Data, Found},
};
use sha2::{Digest as _, Sha256};

use crate::certificate::public_key;

/// How long a DNS answer takes.
const DNS: Millis = Millis(10);

/// How long it takes to see that no DNS server answers: two tries of five seconds.
const DNS_TIMEOUT: Millis = Millis::from_secs(10);

/// The DNS of a world.
pub(crate) struct Resolver<'w> {
    world: &'w World,
    faults: BTreeMap<&'w str, Vec<&'w DnsFault>>,
    /// The names of which was said that they do not exist, have no such records, take no mail, or are no public host.
    pub(crate) denials: BTreeSet<String>,
}

impl<'w> Resolver<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let mut faults: BTreeMap<&str, Vec<&DnsFault>> = BTreeMap::new();
        for fault in &world.dns_faults {
            faults.entry(&fault.name).or_default().push(fault);
        }
        Self { world, faults, denials: BTreeSet::new() }
    }

    pub(crate) fn mx(&mut self, name: &str, since: Millis) -> (DnsResult<MxRecord>, Millis) {
        let found = match self.world.zone_at(since).mx(name) {
            Found::Records(records) => {
                if records.iter().any(|(_, exchange)| exchange.is_empty()) {
                    self.denials.insert(name.to_owned());
                }
                let record = |(preference, exchange)| MxRecord { preference, exchange };
                Found::Records(records.into_iter().map(record).collect())
            }
            Found::NoData => Found::NoData,
            Found::NoName => Found::NoName,
        };
        self.resolved(name, DnsKind::Mx, since, found)
    }

    pub(crate) fn addresses(&mut self, name: &str, is_v6: bool, since: Millis) -> (DnsResult<IpAddr>, Millis) {
        let kind = if is_v6 { DnsKind::Aaaa } else { DnsKind::A };
        let (result, length) = self.resolved(name, kind, since, self.world.zone_at(since).addresses(name, is_v6));
        let leads_nowhere = |is_v6: bool| match self.world.zone_at(since).addresses(name, is_v6) {
            Found::Records(ips) => !ips.into_iter().all(is_public),
            Found::NoData | Found::NoName => true,
        };
        if matches!(result, DnsResult::NoName(_)) || (leads_nowhere(false) && leads_nowhere(true)) {
            self.denials.insert(name.to_owned());
        }
        (result, length)
    }

    pub(crate) fn texts(&self, name: &str, since: Millis) -> (DnsResult<Box<str>>, Millis) {
        self.resolved(name, DnsKind::Txt, since, self.world.zone_at(since).texts(name))
    }

    /// The TLSA records of a name: those of the zone, and those that its host is said to have.
    pub(crate) fn tlsa(&self, name: &str, since: Millis) -> (DnsResult<TlsaRecord>, Millis) {
        self.resolved(name, DnsKind::Tlsa, since, self.tlsa_records(name, since))
    }

    fn tlsa_records(&self, name: &str, since: Millis) -> Found<TlsaRecord> {
        let of_zone = self.world.zone_at(since).find(name, |data| match data {
            Data::Tlsa(usage, selector, matching, data) => {
                Some(TlsaRecord { usage: *usage, selector: *selector, matching: *matching, data: data.clone() })
            }
            _ => None,
        });
        let host = name.splitn(3, '.').nth(2).unwrap_or_default();
        let record = |usage: u8, of: &[u8]| {
            let data: [u8; 32] = Sha256::digest(of).into();
            TlsaRecord { usage, selector: 1, matching: 1, data: data.into() }
        };
        let of_host = match self.world.hosts.get(host).map_or(Tlsa::Absent, |host| host.tlsa) {
            Tlsa::Absent => return of_zone,
            Tlsa::Match => record(3, &public_key(host)),
            Tlsa::Anchor => record(2, &public_key(&anchor(host))),
            Tlsa::Mismatch => record(3, b"another key"),
            Tlsa::Unusable => record(0, &public_key(host)),
        };
        let mut all = match of_zone {
            Found::Records(records) => records,
            Found::NoData | Found::NoName => Vec::new(),
        };
        all.push(of_host);
        Found::Records(all)
    }

    /// What a resolver makes of what the zone has, and how long it takes.
    fn resolved<T>(&self, name: &str, kind: DnsKind, since: Millis, found: Found<T>) -> (DnsResult<T>, Millis) {
        let is_now = |fault: &&&DnsFault| fault.kind.is_none_or(|of| of == kind) && fault.span.has(since);
        let lower = name.to_ascii_lowercase();
        let fault = self.faults.get(&*lower).and_then(|faults| faults.iter().find(is_now)).map(|fault| fault.answer);
        let is_signed = self.world.signed.iter().any(|domain| {
            name.strip_suffix(domain.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
        });
        let security = match fault {
            Some(DnsAnswer::Unsigned) => Security::Insecure,
            Some(DnsAnswer::Bogus) => Security::Bogus,
            _ if is_signed => Security::Secure,
            _ => Security::Insecure,
        };
        let result = match fault {
            Some(DnsAnswer::ServFail | DnsAnswer::Refused) => DnsResult::ServerFailed,
            Some(DnsAnswer::NxDomain) => DnsResult::NoName(security),
            Some(DnsAnswer::Timeout) => return (DnsResult::Unreachable, DNS_TIMEOUT),
            Some(DnsAnswer::Bogus | DnsAnswer::Unsigned) | None => match found {
                Found::Records(records) => DnsResult::Found(records, security),
                Found::NoData => DnsResult::NoData(security),
                Found::NoName => DnsResult::NoName(security),
            },
        };
        (result, DNS)
    }
}

/// Who signed a host's certificate.
pub(crate) fn anchor(host: &str) -> String {
    format!("ca.{host}")
}

/// Whether a host of the Internet may have this address, as the world sees it.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local()),
    }
}
