//! What a domain is told about TLS with its hosts: the records that a report is made of (RFC 8460).
//!
//! A domain asks for it by a record; where it has one, every session with one of its hosts counts as a success or as a
//! failure of some kind, under the policy that was applied. The core says what is to be counted, by an effect that nothing
//! answers; to gather it and to send it once a day is for whoever drives the core.
//!
//! Source: delivery spec 3.13.

use std::{fmt, net::IpAddr, sync::Arc};

use policy::{Behaviour, Quirk};

use crate::{
    failure::{DaneFailure, Failure, Handshake},
    session::TlsTry,
    sts::{NoPolicy, Policy},
    tls::Tlsa,
    tlsa::TlsaRecord,
};

/// Where the reports about a domain go: `mailto:` and `https:` addresses.
pub type Rua = Arc<[Box<str>]>;

/// The addresses of a record (RFC 8460 §3); `None` where these texts have no valid one, or more than one.
#[must_use]
pub fn record(texts: &[Box<str>]) -> Option<Rua> {
    let mut records = texts.iter().filter_map(|text| {
        let mut fields = text.split(';').map(str::trim);
        (fields.next()? == "v=TLSRPTv1").then_some(fields)
    });
    let fields = records.next()?;
    if records.next().is_some() {
        return None;
    }
    let mut values = fields.filter_map(|field| field.split_once('='));
    let (_, value) = values.find(|(key, _)| key.trim_end() == "rua")?;
    let is_known = |address: &&str| address.starts_with("mailto:") || address.starts_with("https:");
    let rua: Rua = value.split(',').map(str::trim).filter(is_known).map(Into::into).collect();
    (!rua.is_empty()).then_some(rua)
}

/// The policy that a session was held to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Applied {
    /// The domain's MTA-STS policy; `None` where there is no valid one.
    Sts(Option<Policy>),
    /// The host's TLSA records that are usable.
    Tlsa(Vec<TlsaRecord>),
    /// None.
    None,
}

impl Applied {
    /// The `policy-type` of a report (RFC 8460 §4.4).
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sts(_) => "sts",
            Self::Tlsa(_) => "tlsa",
            Self::None => "no-policy-found",
        }
    }
}

/// Why a session counts as a failure (RFC 8460 §4.3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ResultType {
    /// The host offers no STARTTLS, or refuses it.
    StartTlsNotSupported,
    /// The certificate is for other names.
    CertificateHostMismatch,
    /// The certificate leads to no anchor.
    CertificateNotTrusted,
    /// Something else failed.
    ValidationFailure,
    /// None of the host's TLSA records is usable.
    TlsaInvalid,
    /// The signature of a DNS answer is wrong.
    DnssecInvalid,
    /// DANE is demanded, and the host has no secure TLSA records.
    DaneRequired,
    /// The MTA-STS policy cannot be fetched.
    StsPolicyFetchError,
    /// What was fetched is no policy.
    StsPolicyInvalid,
    /// A kind that the RFC does not know.
    Other,
}

impl ResultType {
    /// The `result-type` of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::StartTlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::Other => "other",
        }
    }
}

/// What is counted for a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsResult {
    /// The recipients' domain.
    pub domain: Box<str>,
    /// Where its reports go.
    pub rua: Rua,
    /// The policy that was applied.
    pub applied: Applied,
    /// The host; `None` where it failed before one was known.
    pub host: Option<Arc<str>>,
    /// The host's address, where it was connected to.
    pub ip: Option<IpAddr>,
    /// The address that the connection was made from, where it was chosen.
    pub from: Option<IpAddr>,
    /// `Ok` for a success.
    pub result: Result<(), ResultType>,
}

impl fmt::Display for TlsResult {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.applied.word(), self.result.map_or_else(ResultType::word, |()| "success"))
    }
}

/// What a missing MTA-STS policy counts as.
pub(crate) const fn of_missing_policy(why: NoPolicy, is_required: bool, target: Behaviour) -> Option<ResultType> {
    match why {
        NoPolicy::NotPublished if is_required && target.has(Quirk::TlsReportOther) => Some(ResultType::Other),
        NoPolicy::NotPublished | NoPolicy::NotResolved => None,
        NoPolicy::Invalid => Some(ResultType::StsPolicyInvalid),
        NoPolicy::NotFetched => Some(ResultType::StsPolicyFetchError),
    }
}

/// What a host's TLSA lookup counts as, where DANE is not disabled.
pub(crate) const fn of_tlsa(found: Tlsa, is_required: bool) -> Option<ResultType> {
    match found {
        Tlsa::Unusable => Some(ResultType::TlsaInvalid),
        Tlsa::Bogus => Some(ResultType::DnssecInvalid),
        Tlsa::Absent if is_required => Some(ResultType::DaneRequired),
        Tlsa::Absent | Tlsa::Usable | Tlsa::Failed => None,
    }
}

/// What a host counts as that DANE refuses before its TLSA records are looked up.
pub(crate) const fn of_mx(failure: &Failure) -> Option<ResultType> {
    match failure {
        Failure::Dane(DaneFailure::Bogus) => Some(ResultType::DnssecInvalid),
        Failure::Dane(DaneFailure::Required) => Some(ResultType::DaneRequired),
        _ => None,
    }
}

/// What a session counts as, by what came of its TLS.
pub(crate) fn of_session(tried: &TlsTry, target: Behaviour) -> Option<Result<(), ResultType>> {
    let says_little = target.has(Quirk::TlsReportNotTrusted);
    match tried {
        TlsTry::Secured => Some(Ok(())),
        TlsTry::NotOffered => Some(Err(ResultType::StartTlsNotSupported)),
        TlsTry::Failed(Failure::Dane(_)) => Some(Err(ResultType::ValidationFailure)),
        TlsTry::Failed(Failure::Handshake(handshake)) => match handshake {
            // Of TLS that did not come about nothing can be said.
            Handshake::Lost | Handshake::Injected => None,
            Handshake::Untrusted => Some(Err(ResultType::CertificateNotTrusted)),
            Handshake::OtherName | Handshake::Protocol | Handshake::InvalidName if says_little => {
                Some(Err(ResultType::CertificateNotTrusted))
            }
            Handshake::OtherName => Some(Err(ResultType::CertificateHostMismatch)),
            Handshake::Protocol | Handshake::InvalidName => Some(Err(ResultType::ValidationFailure)),
        },
        TlsTry::Failed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_name_where_reports_go() {
        let cases: [(&[&str], Option<&[&str]>); 9] = [
            (&["v=TLSRPTv1; rua=mailto:tls@corp.test"], Some(&["mailto:tls@corp.test"])),
            (
                &["v=TLSRPTv1;rua=mailto:tls@corp.test,https://corp.test/tls;"],
                Some(&["mailto:tls@corp.test", "https://corp.test/tls"]),
            ),
            (&["v=spf1 -all", "v=TLSRPTv1; rua=mailto:tls@corp.test"], Some(&["mailto:tls@corp.test"])),
            (&["v=TLSRPTv1; x=1; rua=mailto:tls@corp.test"], Some(&["mailto:tls@corp.test"])),
            (&["v=TLSRPTv1; rua=ftp://corp.test"], None),
            (&["v=TLSRPTv1"], None),
            (&["v=TLSRPTv2; rua=mailto:tls@corp.test"], None),
            (&["v=TLSRPTv1; rua=mailto:a@x.test", "v=TLSRPTv1; rua=mailto:b@x.test"], None),
            (&[], None),
        ];
        for (texts, expected) in cases {
            let texts: Vec<Box<str>> = texts.iter().map(|text| (*text).into()).collect();
            let expected: Option<Rua> = expected.map(|rua| rua.iter().map(|address| (*address).into()).collect());
            assert_eq!(record(&texts), expected, "{texts:?}");
        }
    }
}
