//! Chains of certificates, verified by their bytes (RFC 5280 §6.1): signatures, times, and who may sign for whom. A pure
//! function of bytes and of a moment.
//!
//! Signatures and paths are webpki's work, which takes the time as an argument and opens nothing. It looks at no use of a
//! key, and at nothing of an anchor but its name and key; both are looked at here:
//!
//! - Whoever signs and says what its key is for must say that it is for signing certificates (§6.1.4 (n)).
//! - An anchor that is given as a certificate holds within its time, is none that says that it signs nothing, and has no more
//!   certificates below it than it allows (§6.1.4 (m)): what a certificate says about itself is not worth less because
//!   somebody trusts it.
//! - A certificate that signed itself is a path of its own where it is the anchor.

use std::time::Duration;

use base::Instant;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert, ring as known};
use x509_parser::{
    asn1_rs::Any,
    prelude::{FromDer as _, X509Certificate},
};

/// What a chain ends at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Anchor<'a> {
    /// This certificate.
    Certificate(&'a [u8]),
    /// Whoever has this public key, a `SubjectPublicKeyInfo`.
    Key(&'a [u8]),
}

/// The signatures that are known.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    known::ECDSA_P256_SHA256,
    known::ECDSA_P256_SHA384,
    known::ECDSA_P384_SHA256,
    known::ECDSA_P384_SHA384,
    known::ED25519,
    known::RSA_PKCS1_2048_8192_SHA256,
    known::RSA_PKCS1_2048_8192_SHA384,
    known::RSA_PKCS1_2048_8192_SHA512,
    known::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    known::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    known::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// The certificate of a host, in DER; `None` where it is none.
pub(crate) fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, parsed)| parsed)
}

/// The public key of a certificate, as a `SubjectPublicKeyInfo`.
#[must_use]
pub fn public_key(der: &[u8]) -> Option<&[u8]> {
    parsed(der).map(|certificate| certificate.tbs_certificate.subject_pki.raw)
}

/// Whether the first of `certificates`, that of a host, is signed by way of the others up to `anchor`, and all of it holds
/// at `now`.
#[must_use]
pub fn leads_to(certificates: &[Box<[u8]>], anchor: Anchor<'_>, now: Instant) -> bool {
    let Some((leaf, others)) = certificates.split_first() else { return false };
    match anchor {
        Anchor::Certificate(anchor) if *anchor == **leaf => is_its_own(leaf, now),
        Anchor::Certificate(anchor) => {
            let der = CertificateDer::from(anchor);
            let trusted = anchor_from_trusted_cert(&der);
            parsed(anchor).filter(|anchor| may_sign(anchor) && holds(anchor, now)).is_some_and(|parsed| {
                trusted.is_ok_and(|trusted| is_path(leaf, others, &trusted, depth_max(&parsed), now))
            })
        }
        // Who has it is not said, so it is whoever one of them names.
        Anchor::Key(key) => certificates.iter().filter_map(|der| parsed(der)).any(|certificate| {
            let (Some(subject), Some(key)) = (content(certificate.issuer().as_raw()), content(key)) else {
                return false;
            };
            let trusted =
                TrustAnchor { subject: subject.into(), subject_public_key_info: key.into(), name_constraints: None };
            is_path(leaf, others, &trusted, usize::MAX, now)
        }),
    }
}

/// The first moment behind `now` at which one of these begins or ceases to hold: until then nothing changes.
#[must_use]
pub fn changes(certificates: &[Box<[u8]>], now: Instant) -> Instant {
    let bounds = certificates.iter().filter_map(|der| parsed(der)).flat_map(|certificate| {
        let validity = certificate.validity();
        // A certificate holds up to the end of its last second.
        [validity.not_before.timestamp(), validity.not_after.timestamp() + 1]
    });
    let moments = bounds.filter_map(|seconds| u64::try_from(seconds).ok()?.checked_mul(1_000)).map(Instant);
    moments.filter(|moment| *moment > now).min().unwrap_or(Instant::NEVER)
}

/// Whether a certificate that signed itself holds.
fn is_its_own(der: &[u8], now: Instant) -> bool {
    let certificate = CertificateDer::from(der);
    let (Some(parsed), Ok(entity)) = (parsed(der), EndEntityCert::try_from(&certificate)) else { return false };
    let signed = parsed.tbs_certificate.as_ref();
    let is_signed = |with: &&dyn SignatureVerificationAlgorithm| {
        entity.verify_signature(*with, signed, &parsed.signature_value.data).is_ok()
    };
    holds(&parsed, now) && parsed.issuer() == parsed.subject() && ALGORITHMS.iter().any(is_signed)
}

fn holds(certificate: &X509Certificate<'_>, now: Instant) -> bool {
    let validity = certificate.validity();
    let now = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

/// Whether it may sign certificates, as far as it says what it may do.
fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    let is_authority = match certificate.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        Ok(None) => true,
        Err(_) => false,
    };
    let is_for_signing = match certificate.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    is_authority && is_for_signing
}

/// How many certificates it allows between it and a host's.
fn depth_max(certificate: &X509Certificate<'_>) -> usize {
    let constraints = certificate.basic_constraints().ok().flatten();
    constraints.and_then(|constraints| constraints.value.path_len_constraint).map_or(usize::MAX, |most| most as usize)
}

fn is_path(leaf: &[u8], others: &[Box<[u8]>], anchor: &TrustAnchor<'_>, depth_max: usize, now: Instant) -> bool {
    let der = CertificateDer::from(leaf);
    let Ok(entity) = EndEntityCert::try_from(&der) else { return false };
    let others: Vec<CertificateDer<'_>> = others.iter().map(|other| CertificateDer::from(&**other)).collect();
    let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0));
    let is_allowed = |path: &VerifiedPath<'_>| {
        let signers: Vec<_> = path.intermediate_certificates().map(webpki::Cert::der).collect();
        let all_sign = signers.iter().all(|signer| parsed(signer).is_some_and(|signer| may_sign(&signer)));
        let is_self_issued = |signer: &CertificateDer<'_>| parsed(signer).is_some_and(|it| it.issuer() == it.subject());
        let depth = signers.iter().filter(|signer| !is_self_issued(signer)).count();
        if all_sign && depth <= depth_max { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
    };
    let anchors = [anchor.clone()];
    let usage = KeyUsage::server_auth();
    entity.verify_for_usage(ALGORITHMS, &anchors, &others, time, usage, None, Some(&is_allowed)).is_ok()
}

/// What a value in DER holds, without its tag and its length.
fn content(der: &[u8]) -> Option<&[u8]> {
    Any::from_der(der).ok().map(|(_, any)| any.data)
}

#[cfg(test)]
pub(crate) mod tests;
