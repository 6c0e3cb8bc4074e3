//! DNS as a scenario describes it: the zone's records, those that hosts are said to have, and what goes wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use base::Millis;
use delivery::{
    chain,
    hosts::{Alias, DnsResult, MxRecord, Security},
    tlsa::TlsaRecord,
};
use scenario::{
    World,
    world::{DnsAnswer, DnsFault, DnsKind, Tlsa},
    zone::{Data, Found},
};
use sha2::{Digest as _, Sha256};

use crate::certificate::{anchor, public_key};

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

    pub(crate) fn mx(&mut self, name: &str, since: Millis) -> (DnsResult<MxRecord>, Option<Alias>, Millis) {
        let (found, names) = self.world.zone_at(since).follow(name, |data| match data {
            Data::Mx(preference, exchange) => Some(MxRecord { preference: *preference, exchange: exchange.clone() }),
            _ => None,
        });
        if matches!(&found, Found::Records(records) if records.iter().any(|record| record.exchange.is_empty())) {
            self.denials.insert(name.to_owned());
        }
        let alias = self.alias(&names, DnsKind::Mx, since);
        let (result, length) = self.resolved(&names, DnsKind::Mx, since, found);
        (result, alias, length)
    }

    pub(crate) fn addresses(
        &mut self,
        name: &str,
        is_v6: bool,
        since: Millis,
    ) -> (DnsResult<IpAddr>, Option<Alias>, Millis) {
        let kind = if is_v6 { DnsKind::Aaaa } else { DnsKind::A };
        let (found, names) = self.world.zone_at(since).follow(name, |data| match data {
            Data::A(ip) if !is_v6 => Some(IpAddr::V4(*ip)),
            Data::Aaaa(ip) if is_v6 => Some(IpAddr::V6(*ip)),
            _ => None,
        });
        let alias = self.alias(&names, kind, since);
        let (result, length) = self.resolved(&names, kind, since, found);
        let leads_nowhere = |is_v6: bool| match self.world.zone_at(since).addresses(name, is_v6) {
            Found::Records(ips) => !ips.into_iter().all(is_public),
            Found::NoData | Found::NoName => true,
        };
        if matches!(result, DnsResult::NoName(_)) || (leads_nowhere(false) && leads_nowhere(true)) {
            self.denials.insert(name.to_owned());
        }
        (result, alias, length)
    }

    pub(crate) fn texts(&self, name: &str, since: Millis) -> (DnsResult<Box<str>>, Millis) {
        let (found, names) = self
            .world
            .zone_at(since)
            .follow(name, |data| if let Data::Txt(text) = data { Some(text.clone()) } else { None });
        self.resolved(&names, DnsKind::Txt, since, found)
    }

    /// The TLSA records of a name: those of the zone, and those that its host is said to have.
    pub(crate) fn tlsa(&self, name: &str, since: Millis) -> (DnsResult<TlsaRecord>, Millis) {
        let (of_zone, names) = self.world.zone_at(since).follow(name, |data| match data {
            Data::Tlsa(usage, selector, matching, data) => {
                Some(TlsaRecord { usage: *usage, selector: *selector, matching: *matching, data: data.clone() })
            }
            _ => None,
        });
        self.resolved(&names, DnsKind::Tlsa, since, self.tlsa_records(name, of_zone))
    }

    fn tlsa_records(&self, name: &str, of_zone: Found<TlsaRecord>) -> Found<TlsaRecord> {
        let host = name.splitn(3, '.').nth(2).unwrap_or_default();
        let record = |usage: u8, of: &[u8]| {
            let data: [u8; 32] = Sha256::digest(of).into();
            TlsaRecord { usage, selector: 1, matching: 1, data: data.into() }
        };
        let known = self.world.hosts.get(host);
        let own = known.and_then(|host| host.chain.as_ref()).map(|chain| &*chain.all);
        let key =
            |certificate: Option<&Box<[u8]>>| certificate.and_then(|der| chain::public_key(der)).map(<[u8]>::to_vec);
        let of_host = match known.map_or(Tlsa::Absent, |host| host.tlsa) {
            Tlsa::Absent => return of_zone,
            Tlsa::Match => {
                record(3, &own.map_or_else(|| Some(public_key(host)), |own| key(own.first())).unwrap_or_default())
            }
            Tlsa::Anchor => record(
                2,
                &own.map_or_else(|| Some(public_key(&anchor(host))), |own| key(own.last())).unwrap_or_default(),
            ),
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

    /// What is wrong with a question that comes by this name.
    fn fault(&self, name: &str, kind: DnsKind, since: Millis) -> Option<DnsAnswer> {
        let is_now = |fault: &&&DnsFault| fault.kind.is_none_or(|of| of == kind) && fault.span.has(since);
        self.faults.get(name)?.iter().find(is_now).map(|fault| fault.answer)
    }

    /// How far what is said of a name can be trusted.
    fn security(&self, name: &str, kind: DnsKind, since: Millis) -> Security {
        let is_signed = self.world.signed.iter().any(|domain| {
            name.strip_suffix(domain.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
        });
        match self.fault(name, kind, since) {
            Some(DnsAnswer::Unsigned) => Security::Insecure,
            Some(DnsAnswer::Bogus) => Security::Bogus,
            _ if is_signed => Security::Secure,
            _ => Security::Insecure,
        }
    }

    /// What the first of these names, each of which stands for the next, is an alias of.
    fn alias(&self, names: &[String], kind: DnsKind, since: Millis) -> Option<Alias> {
        let [first, .., last] = names else { return None };
        Some(Alias { name: last.as_str().into(), first: self.security(first, kind, since) })
    }

    /// What a resolver makes of what the zone has by way of these names, and how long it takes. What is wrong with one of
    /// them is wrong with the answer, which is worth no more than any of them.
    fn resolved<T>(&self, names: &[String], kind: DnsKind, since: Millis, found: Found<T>) -> (DnsResult<T>, Millis) {
        let worth = |security: Security| match security {
            Security::Bogus => 0,
            Security::Indeterminate => 1,
            Security::Insecure => 2,
            Security::Secure => 3,
        };
        let each = names.iter().map(|name| self.security(name, kind, since));
        let security = each.min_by_key(|security| worth(*security)).unwrap_or(Security::Indeterminate);
        let is_failure = |answer: &DnsAnswer| !matches!(answer, DnsAnswer::Bogus | DnsAnswer::Unsigned);
        let fault = names.iter().filter_map(|name| self.fault(name, kind, since)).find(is_failure);
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

/// Whether a host of the Internet may have this address, as the world sees it.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local()),
    }
}
