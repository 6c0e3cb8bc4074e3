//! DANE for SMTP (RFC 7672): which TLSA records are usable, and whether a host's certificates match them. Pure functions
//! of records and of certificates in DER.
//!
//! Source: delivery spec 3.6 and 3.15.

use base::Instant;
use policy::{Behaviour, Quirk};
use sha2::{Digest as _, Sha256, Sha512};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer as _, SubjectPublicKeyInfo},
};

use crate::{
    chain::{self, Anchor, parsed},
    effect::Peer,
    failure::{DaneFailure, Failure},
    hosts::{DnsResult, Security, a_labels},
    tls::Tlsa,
};

/// A TLSA record (RFC 6698 §2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsaRecord {
    /// 2 for an anchor, 3 for the host's own certificate; 0 and 1 are not for SMTP (RFC 7672 §3.1.3).
    pub usage: u8,
    /// 0 for the certificate, 1 for its public key.
    pub selector: u8,
    /// 0 for the whole of it, 1 for SHA-256, 2 for SHA-512.
    pub matching: u8,
    /// What it is compared with.
    pub data: Box<[u8]>,
}

impl TlsaRecord {
    /// Whether a client of SMTP can use it: its numbers are known, and its data is what they say (RFC 7671 §4.1).
    #[must_use]
    pub fn is_usable(&self, target: Behaviour) -> bool {
        let is_known = matches!(self.usage, 2 | 3) && self.selector <= 1 && self.matching <= 2;
        is_known && (target.has(Quirk::TlsaDataUnchecked) || self.is_well_formed())
    }

    fn is_well_formed(&self) -> bool {
        match (self.matching, self.selector) {
            (0, 0) => parsed(&self.data).is_some(),
            (0, _) => SubjectPublicKeyInfo::from_der(&self.data).is_ok_and(|(rest, _)| rest.is_empty()),
            (1, _) => self.data.len() == 32,
            (2, _) => self.data.len() == 64,
            _ => false,
        }
    }

    /// Whether it stands for this certificate.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        let selected = match self.selector {
            0 => Some(certificate),
            _ => chain::public_key(certificate),
        };
        selected.is_some_and(|selected| match self.matching {
            0 => *selected == *self.data,
            1 => *Sha256::digest(selected) == *self.data,
            2 => *Sha512::digest(selected) == *self.data,
            _ => false,
        })
    }

    /// The anchor that it is itself, where it has all of it: a host need not show that one.
    fn anchor(&self) -> Option<Anchor<'_>> {
        match (self.matching, self.selector) {
            (0, 0) => Some(Anchor::Certificate(&self.data)),
            (0, _) => Some(Anchor::Key(&self.data)),
            _ => None,
        }
    }
}

/// What came of a host's TLSA lookup, and its records that are usable.
#[must_use]
pub fn judge(answer: DnsResult<TlsaRecord>, target: Behaviour) -> (Tlsa, Vec<TlsaRecord>) {
    if answer.is_bogus() {
        return (Tlsa::Bogus, Vec::new());
    }
    match answer.seen_by(target) {
        DnsResult::Found(mut records, Security::Secure) => {
            records.retain(|record| record.is_usable(target));
            if !target.has(Quirk::TlsaWeakerDigest) {
                strongest(&mut records);
            }
            // The older reference knows of usage 3 only.
            let is_usable = if target.has(Quirk::TlsaTwoUnusable) {
                records.iter().any(|record| record.usage == 3)
            } else {
                !records.is_empty()
            };
            (if is_usable { Tlsa::Usable } else { Tlsa::Unusable }, records)
        }
        DnsResult::Found(..) | DnsResult::NoData(_) | DnsResult::NoName(_) => (Tlsa::Absent, Vec::new()),
        DnsResult::ServerFailed | DnsResult::Unreachable => (Tlsa::Failed, Vec::new()),
    }
}

/// Drops the digests beside which there is a stronger one of the same usage and selector (RFC 7671 §9).
fn strongest(records: &mut Vec<TlsaRecord>) {
    let strong: Vec<(u8, u8)> =
        records.iter().filter(|record| record.matching == 2).map(|record| (record.usage, record.selector)).collect();
    records.retain(|record| record.matching != 1 || !strong.contains(&(record.usage, record.selector)));
}

/// Whether the certificates of `peer` match one of `records`, which are usable. For an anchor, they must lead to it at `now`,
/// and the host's own must be for one of `names` (RFC 7672 §3.1.2, §3.2.2); for the host's own certificate nothing else is
/// looked at (§3.1.1).
pub fn verify(
    records: &[TlsaRecord],
    peer: &Peer,
    names: &[&str],
    now: Instant,
    target: Behaviour,
) -> Result<(), Failure> {
    let Some(leaf) = peer.certificates.first().filter(|leaf| parsed(leaf).is_some()) else {
        return Err(Failure::Dane(DaneFailure::NoCertificate));
    };
    let ignores_full = target.has(Quirk::TlsaFullNeverMatches);
    let matches = |record: &&TlsaRecord, certificate: &[u8]| {
        !(ignores_full && record.matching == 0) && record.matches(certificate)
    };
    let own = records.iter().filter(|record| record.usage == 3);
    let has_own = own.clone().next().is_some();
    if own.clone().any(|record| matches(&record, leaf)) {
        return Ok(());
    }
    let others = usize::from(target.has(Quirk::TlsaTwoNotOfLeaf));
    let is_at = |anchor: Anchor<'_>| chain::leads_to(&peer.certificates, anchor, now);
    let is_anchored = records.iter().filter(|record| record.usage == 2).any(|record| {
        let shown = peer.certificates.iter().skip(others).filter(|certificate| matches(&record, certificate));
        record.anchor().is_some_and(is_at) || shown.into_iter().any(|shown| is_at(Anchor::Certificate(shown)))
    });
    let knows_common_names = !target.has(Quirk::DaneNoCommonName);
    let is_named = || names.iter().any(|name| is_for(leaf, name) || (knows_common_names && is_called(leaf, name)));
    // Where there is a record of the host's own, the older reference wants that one to match.
    let is_enough = !(has_own && target.has(Quirk::TlsaTwoUnusable));
    if is_enough && is_anchored && is_named() { Ok(()) } else { Err(Failure::Dane(DaneFailure::Mismatch)) }
}

/// Whether a certificate in DER is for the host `name`: by its alternative names alone (RFC 6125 §6.4).
#[must_use]
pub fn is_for(certificate: &[u8], name: &str) -> bool {
    let name = a_labels(name);
    names(certificate).iter().any(|known| is_name(known, &name))
}

/// Whether a certificate that has no alternative names calls its subject so (RFC 7672 §3.2.3).
fn is_called(certificate: &[u8], name: &str) -> bool {
    let name = a_labels(name);
    names(certificate).is_empty()
        && parsed(certificate).is_some_and(|parsed| {
            let mut called = parsed.subject().iter_common_name();
            called.any(|known| known.as_str().is_ok_and(|known| is_name(known, &name)))
        })
}

/// The host names that a certificate is for.
#[must_use]
pub fn names(certificate: &[u8]) -> Vec<String> {
    let Some(parsed) = parsed(certificate) else { return Vec::new() };
    let mut names = Vec::new();
    for extension in parsed.extensions() {
        if let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() {
            for name in &alternatives.general_names {
                if let GeneralName::DNSName(name) = name {
                    names.push((*name).to_owned());
                }
            }
        }
    }
    names
}

/// Whether a certificate's name is this one: exactly, or by a wildcard for one label (RFC 6125 §6.4.3).
fn is_name(known: &str, name: &str) -> bool {
    match known.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => known.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests;
