//! Certificates of invented hosts, in DER: real ones, with keys that follow from names, and really signed.
//!
//! So a dry run verifies them by their bytes, as it does those that a scenario gives as files. Whoever signs is called by the
//! name that its key follows from; nobody outside has such a key, and nobody should trust one.

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

/// A value in DER: its tag, its length, its content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | bytes.len() as u8);
        out.extend(bytes);
    }
    out.extend_from_slice(content);
    out
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const TIME: u8 = 0x18;
const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
const TRUE: [u8; 3] = [0x01, 0x01, 0xff];

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

/// A distinguished name with a common name alone.
fn subject(name: &str) -> Vec<u8> {
    let common_name = vec![0x06, 0x03, 0x55, 0x04, 0x03];
    sequence(&[der(SET, &sequence(&[common_name, der(0x0c, name.as_bytes())]))])
}

/// An extension by the last number of its identifier below `id-ce`.
fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical { TRUE.to_vec() } else { Vec::new() };
    sequence(&[vec![0x06, 0x03, 0x55, 0x1d, number], critical, der(OCTET_STRING, value)])
}

#[expect(clippy::expect_used, reason = "any 32 bytes are a seed")]
fn key(owner: &str) -> Ed25519KeyPair {
    let seed: [u8; 32] = Sha256::digest(owner.as_bytes()).into();
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed")
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(BIT_STRING, &[&[0][..], bytes].concat())
}

/// The public key of `owner`, which follows from the name.
#[must_use]
pub fn public_key(owner: &str) -> Vec<u8> {
    sequence(&[sequence(&[ED25519.to_vec()]), bits(key(owner).public_key().as_ref())])
}

/// What a certificate says.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Whom it is of.
    pub subject: &'a str,
    /// The hosts that it is for.
    pub names: &'a [&'a str],
    /// Whose key it has.
    pub owner: &'a str,
    /// Who signs it.
    pub issuer: &'a str,
    /// Whose key it is signed with.
    pub signer: &'a str,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// From when on it holds, as in `20260101000000Z`.
    pub from: &'a str,
    /// Until when.
    pub until: &'a str,
}

impl<'a> Form<'a> {
    /// That of a host with the key of `owner`, signed by `issuer`; it always holds.
    #[must_use]
    pub const fn host(subject: &'a str, names: &'a [&'a str], owner: &'a str, issuer: &'a str) -> Self {
        let (from, until) = ("19700101000000Z", "99991231235959Z");
        Self { subject, names, owner, issuer, signer: issuer, is_authority: false, from, until }
    }

    /// That of somebody who signs others, signed by `issuer`; it always holds.
    #[must_use]
    pub const fn authority(name: &'a str, issuer: &'a str) -> Self {
        Self { is_authority: true, ..Self::host(name, &[], name, issuer) }
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> Box<[u8]> {
        let algorithm = sequence(&[ED25519.to_vec()]);
        let validity = sequence(&[der(TIME, self.from.as_bytes()), der(TIME, self.until.as_bytes())]);
        let mut extensions = Vec::new();
        if self.is_authority {
            extensions.push(extension(19, true, &sequence(&[TRUE.to_vec()])));
            // Signing certificates, and lists of those that are revoked.
            extensions.push(extension(15, true, &[BIT_STRING, 2, 1, 0b0000_0110]));
        }
        if !self.names.is_empty() {
            let names: Vec<Vec<u8>> = self.names.iter().map(|name| der(0x82, name.as_bytes())).collect();
            extensions.push(extension(17, false, &sequence(&names)));
        }
        let extensions = if extensions.is_empty() { Vec::new() } else { der(0xa3, &sequence(&extensions)) };
        let signed = sequence(&[
            der(0xa0, &[0x02, 0x01, 0x02]),
            vec![0x02, 0x01, 0x01],
            algorithm.clone(),
            subject(self.issuer),
            validity,
            subject(self.subject),
            public_key(self.owner),
            extensions,
        ]);
        let signature = key(self.signer).sign(&signed);
        sequence(&[signed, algorithm, bits(signature.as_ref())]).into()
    }
}

/// Who signs for those whom everybody trusts.
pub const WEB: &str = "pointsman's invented web";

/// Who signed a host's certificate.
#[must_use]
pub fn anchor(host: &str) -> String {
    format!("ca.{host}")
}

#[cfg(test)]
mod tests {
    use base::Instant;
    use delivery::{
        chain::{Anchor, leads_to},
        tlsa::{TlsaRecord, is_for, names},
    };
    use policy::Behaviour;
    use sha2::Sha512;

    use super::*;

    fn record(selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord { usage: 3, selector, matching, data: data.into() }
    }

    fn of(name: &str, owner: &str) -> Box<[u8]> {
        Form::host(name, &[name], owner, "ca.test").der()
    }

    #[test]
    fn certificates_are_read_as_real_ones_are() {
        for name in ["mx.corp.test", &format!("{}.test", "a".repeat(200))] {
            let certificate = of(name, name);
            assert_eq!(names(&certificate), [name]);
            assert!(is_for(&certificate, &name.to_uppercase()));
            assert!(!is_for(&certificate, "other.test"));
        }
        assert_eq!(names(b"no certificate"), Vec::<String>::new());
    }

    #[test]
    fn they_are_signed() {
        let chain = [of("mx.corp.test", "mx"), Form::authority("ca.test", WEB).der()];
        let (web, other) = (Form::authority(WEB, WEB).der(), Form::authority("other", "other").der());
        for now in [0, 1_772_000_000_000, 200_000_000_000_000].map(Instant) {
            assert!(leads_to(&chain, Anchor::Certificate(&web), now));
            assert!(leads_to(&chain, Anchor::Certificate(&chain[1]), now));
            assert!(!leads_to(&chain, Anchor::Certificate(&other), now));
        }
        let forged =
            Form { signer: "somebody", ..Form::host("mx.corp.test", &["mx.corp.test"], "mx", "ca.test") }.der();
        assert!(!leads_to(&[forged, chain[1].clone()], Anchor::Certificate(&chain[1]), Instant(0)));
    }

    #[test]
    fn records_match_what_they_are_made_of() {
        let (ours, other) = (of("mx.corp.test", "a"), of("mx.corp.test", "b"));
        let key = public_key("a");
        let cases = [
            record(0, 0, &ours),
            record(1, 0, &key),
            record(0, 1, &Sha256::digest(&ours)),
            record(1, 1, &Sha256::digest(&key)),
            record(0, 2, &Sha512::digest(&ours)),
            record(1, 2, &Sha512::digest(&key)),
        ];
        for record in cases {
            assert!(record.is_usable(Behaviour::NATIVE) && record.matches(&ours), "{record:?}");
            assert!(!record.matches(&other), "{record:?}");
            assert!(!record.matches(b"no certificate"), "{record:?}");
        }
    }
}
