//! How a connection must be secured: the whole rule, in one place.
//!
//! [`demand`] says what a session must have before MAIL is sent, from the strategy, MTA-STS, DANE and REQUIRETLS;
//! [`dane`] says whether a host may be tried at all, from what DNS answered. Both are total.
//!
//! Source: delivery spec 3.6; RFC 3207, RFC 7672, RFC 8461 §5, RFC 8689.

use policy::{
    Behaviour, Quirk,
    strategy::{Requirement, Tls},
};

use crate::{
    failure::{DaneFailure, Failure},
    hosts::Security,
};

/// What the domain's MTA-STS policy says about a host that it does not exclude.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Sts {
    /// There is none, or it was not looked for.
    None,
    /// Mode `none` or `testing`.
    Lenient,
    /// Mode `enforce`.
    Enforced,
}

/// What the host's TLSA records ask for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dane {
    /// Nothing.
    Inactive,
    /// TLS, whatever the certificate: there are records, and none of them is usable (RFC 7672 §2.2).
    Unauthenticated,
    /// The certificate must match one of them.
    Active,
}

/// Whether TLS is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Encryption {
    /// Never.
    Never,
    /// Where it is offered.
    WhereOffered,
    /// Without it nothing is sent.
    Always,
}

/// What the certificate is compared with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verification {
    /// Nothing.
    None,
    /// The anchors of the web, and the host's name.
    Pkix,
    /// The host's TLSA records.
    Dane,
}

/// What must hold before MAIL is sent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Demand {
    /// Whether TLS is asked for.
    pub encryption: Encryption,
    /// What the certificate is compared with, where there is TLS.
    pub verification: Verification,
}

/// What a session with a host must have.
#[must_use]
pub const fn demand(target: Behaviour, tls: &Tls, sts: Sts, dane: Dane, requires_tls: bool) -> Demand {
    let sts_is_strict = match sts {
        Sts::None => false,
        Sts::Lenient => target.has(Quirk::StsAnyModeStrict),
        Sts::Enforced => true,
    };
    let dane_is_strict = matches!(dane, Dane::Active | Dane::Unauthenticated);
    let is_strict = sts_is_strict
        || requires_tls
        || dane_is_strict
        || matches!(tls.dane, Requirement::Require)
        || matches!(tls.mta_sts, Requirement::Require)
        || matches!(tls.starttls, Requirement::Require);
    // What others than the strategy's own `starttls` demand.
    let is_overruled = sts_is_strict || requires_tls || dane_is_strict;
    let encryption = match tls.starttls {
        Requirement::Disable if is_overruled && !target.has(Quirk::DisableWins) => Encryption::Always,
        Requirement::Disable => Encryption::Never,
        Requirement::Optional | Requirement::Require if is_strict => Encryption::Always,
        Requirement::Optional | Requirement::Require => Encryption::WhereOffered,
    };
    let overrides_sts = target.has(Quirk::InvalidCertificatesOverSts);
    let verifies = requires_tls && !target.has(Quirk::RequireTlsUnverified);
    let verification = match (dane, tls.allow_invalid_certs, sts) {
        (Dane::Active, _, _) => Verification::Dane,
        (Dane::Inactive | Dane::Unauthenticated, true, _) if verifies => Verification::Pkix,
        (Dane::Inactive | Dane::Unauthenticated, true, Sts::Enforced) if overrides_sts => Verification::None,
        (Dane::Inactive | Dane::Unauthenticated, _, Sts::Enforced) => Verification::Pkix,
        (Dane::Inactive, true, Sts::None | Sts::Lenient) => Verification::None,
        (Dane::Inactive, false, Sts::None | Sts::Lenient) => Verification::Pkix,
        (Dane::Unauthenticated, _, Sts::None | Sts::Lenient) if verifies => Verification::Pkix,
        (Dane::Unauthenticated, _, Sts::None | Sts::Lenient) => Verification::None,
    };
    Demand { encryption, verification }
}

/// What came of a host's TLSA lookup.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tlsa {
    /// Secure records, of which some are usable.
    Usable,
    /// Secure records, of which none is usable.
    Unusable,
    /// Not secure, or denied, or not there.
    Absent,
    /// The answer's signature is wrong.
    Bogus,
    /// The lookup failed.
    Failed,
}

/// Whether TLSA records are looked up for a host whose MX records can be trusted that far; or why it is not tried.
pub const fn looks_for_tlsa(target: Behaviour, strategy: Requirement, mx: Security) -> Result<bool, Failure> {
    match (strategy, mx) {
        (Requirement::Disable, _) => Ok(false),
        (Requirement::Optional | Requirement::Require, _) if target.has(Quirk::DaneWithoutSecureMx) => Ok(true),
        (Requirement::Optional | Requirement::Require, Security::Secure) => Ok(true),
        (Requirement::Optional | Requirement::Require, Security::Bogus) => Err(Failure::Dane(DaneFailure::Bogus)),
        (Requirement::Optional, Security::Insecure | Security::Indeterminate) => Ok(false),
        (Requirement::Require, Security::Insecure | Security::Indeterminate) => {
            Err(Failure::Dane(DaneFailure::Required))
        }
    }
}

/// Whether DANE is active for a host whose TLSA records were looked up; or why it is not tried.
pub const fn dane(target: Behaviour, strategy: Requirement, tlsa: Tlsa) -> Result<Dane, Failure> {
    match (strategy, tlsa) {
        (Requirement::Disable, _) => Ok(Dane::Inactive),
        (Requirement::Optional | Requirement::Require, Tlsa::Usable) => Ok(Dane::Active),
        (Requirement::Optional, Tlsa::Unusable) if !target.has(Quirk::UnusableTlsaIsNone) => Ok(Dane::Unauthenticated),
        (Requirement::Optional, Tlsa::Unusable | Tlsa::Absent) => Ok(Dane::Inactive),
        (Requirement::Require, Tlsa::Unusable | Tlsa::Absent) => Err(Failure::Dane(DaneFailure::Required)),
        (Requirement::Optional | Requirement::Require, Tlsa::Bogus) => Err(Failure::Dane(DaneFailure::Bogus)),
        (Requirement::Optional, Tlsa::Failed) if target.has(Quirk::TlsaErrorIgnored) => Ok(Dane::Inactive),
        (Requirement::Optional | Requirement::Require, Tlsa::Failed) => Err(Failure::Dane(DaneFailure::Lookup)),
    }
}
