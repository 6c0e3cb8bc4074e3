//! Certificates of invented hosts, in DER: real in form, with keys that follow from names and signatures that are none.
//!
//! Nothing in a dry run verifies a signature: whether a chain holds is what the scenario says. Names, public keys and
//! digests are read out of these certificates as they are of real ones.

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
const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

/// A distinguished name with a common name alone.
fn subject(name: &str) -> Vec<u8> {
    let common_name = vec![0x06, 0x03, 0x55, 0x04, 0x03];
    sequence(&[der(SET, &sequence(&[common_name, der(0x0c, name.as_bytes())]))])
}

/// The public key of `owner`, which follows from the name.
#[must_use]
pub fn public_key(owner: &str) -> Vec<u8> {
    let key: [u8; 32] = Sha256::digest(owner.as_bytes()).into();
    let bits = [&[0][..], &key].concat();
    sequence(&[sequence(&[ED25519.to_vec()]), der(0x03, &bits)])
}

/// A certificate for the host `name` with the key of `owner`.
#[must_use]
pub fn certificate(name: &str, owner: &str) -> Vec<u8> {
    certificate_with(name, &[name], owner)
}

/// A certificate whose subject is `name`, for the hosts `alternatives`, with the key of `owner`.
#[must_use]
pub fn certificate_with(name: &str, alternatives: &[&str], owner: &str) -> Vec<u8> {
    let algorithm = sequence(&[ED25519.to_vec()]);
    let validity = sequence(&[der(0x17, b"200101000000Z"), der(0x17, b"491231235959Z")]);
    let alternatives: Vec<Vec<u8>> = alternatives.iter().map(|name| der(0x82, name.as_bytes())).collect();
    let extensions = if alternatives.is_empty() {
        Vec::new()
    } else {
        let names = sequence(&[vec![0x06, 0x03, 0x55, 0x1d, 0x11], der(0x04, &sequence(&alternatives))]);
        der(0xa3, &sequence(&[names]))
    };
    let tbs = sequence(&[
        der(0xa0, &[0x02, 0x01, 0x02]),
        vec![0x02, 0x01, 0x01],
        algorithm.clone(),
        subject("pointsman's invented hosts"),
        validity,
        subject(name),
        public_key(owner),
        extensions,
    ]);
    let signature = [&[0][..], &[0; 64]].concat();
    sequence(&[tbs, algorithm, der(0x03, &signature)])
}

#[cfg(test)]
mod tests {
    use delivery::tlsa::{TlsaRecord, is_for, names};
    use sha2::Sha512;

    use super::*;

    fn record(selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord { usage: 3, selector, matching, data: data.into() }
    }

    #[test]
    fn certificates_are_read_as_real_ones_are() {
        for name in ["mx.corp.test", &format!("{}.test", "a".repeat(200))] {
            let certificate = certificate(name, name);
            assert_eq!(names(&certificate), [name]);
            assert!(is_for(&certificate, &name.to_uppercase()));
            assert!(!is_for(&certificate, "other.test"));
        }
        assert_eq!(names(b"no certificate"), Vec::<String>::new());
    }

    #[test]
    fn records_match_what_they_are_made_of() {
        let (ours, other) = (certificate("mx.corp.test", "a"), certificate("mx.corp.test", "b"));
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
            assert!(record.is_usable() && record.matches(&ours), "{record:?}");
            assert!(!record.matches(&other), "{record:?}");
            assert!(!record.matches(b"no certificate"), "{record:?}");
        }
        for unusable in [record(2, 1, &[0; 32]), record(1, 1, &[0; 31]), record(1, 3, &[0; 32]), record(1, 0, &[])] {
            assert!(!unusable.is_usable(), "{unusable:?}");
        }
        for usage in [0, 1, 4] {
            assert!(!TlsaRecord { usage, ..record(1, 1, &[0; 32]) }.is_usable());
        }
    }
}
