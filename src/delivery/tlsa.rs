//! DANE for SMTP (RFC 7672): which TLSA records are usable, and whether a host's certificates match them. Pure functions
//! of records and of certificates in DER.
//!
//! Source: delivery spec 3.6 and 3.15.

use policy::{Behaviour, Quirk};
use sha2::{Digest as _, Sha256, Sha512};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer as _, X509Certificate},
};

use crate::{
    effect::Peer,
    failure::{DaneFailure, Failure},
    hosts::{DnsResult, Security},
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
    /// Whether a client of SMTP can use it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let has_length = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _ => false,
        };
        matches!(self.usage, 2 | 3) && matches!(self.selector, 0 | 1) && has_length
    }

    /// Whether it stands for this certificate.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        let selected = match self.selector {
            0 => Some(certificate),
            _ => X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed.tbs_certificate.subject_pki.raw),
        };
        selected.is_some_and(|selected| match self.matching {
            0 => *selected == *self.data,
            1 => *Sha256::digest(selected) == *self.data,
            2 => *Sha512::digest(selected) == *self.data,
            _ => false,
        })
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
            records.retain(TlsaRecord::is_usable);
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

/// Whether the certificates of `peer` match one of `records`, which are usable. For an anchor, the certificate must be
/// for one of `names` (RFC 7672 §3.2.2); for the host's own certificate nothing else is looked at (§3.1.1).
pub fn verify(records: &[TlsaRecord], peer: &Peer, names: &[&str], target: Behaviour) -> Result<(), Failure> {
    let Some(leaf) = peer.certificates.first().filter(|leaf| X509Certificate::from_der(leaf).is_ok()) else {
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
    let mut anchors = records.iter().filter(|record| record.usage == 2);
    let is_anchored = peer.is_chain
        && anchors.any(|record| peer.certificates.iter().any(|certificate| matches(&record, certificate)))
        && names.iter().any(|name| is_for(leaf, name));
    // Where there is a record of the host's own, the older reference wants that one to match.
    let is_enough = !(has_own && target.has(Quirk::TlsaTwoUnusable));
    if is_anchored && is_enough { Ok(()) } else { Err(Failure::Dane(DaneFailure::Mismatch)) }
}

/// Whether a certificate in DER is for the host `name`: by its alternative names alone (RFC 6125 §6.4).
#[must_use]
pub fn is_for(certificate: &[u8], name: &str) -> bool {
    names(certificate).iter().any(|known| is_name(known, name))
}

/// The host names that a certificate is for.
#[must_use]
pub fn names(certificate: &[u8]) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
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
