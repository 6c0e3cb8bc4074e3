//! What TLS must come to, said a second time: the sentences of the RFCs and of the delivery spec's decisions for `native`
//! as one table. It shares nothing with the core.

/// What a strategy says about DANE, MTA-STS or STARTTLS.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Wish {
    Disable,
    Optional,
    Require,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Strategy {
    pub(super) dane: Wish,
    pub(super) sts: Wish,
    pub(super) starttls: Wish,
    pub(super) allows_invalid: bool,
}

macro_rules! states {
    ($($name:ident { $($state:ident),+ $(,)? })+) => {$(
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(super) enum $name { $($state),+ }
        impl $name { pub(super) const ALL: &[Self] = &[$(Self::$state),+]; }
    )+};
}

states! {
    Mx { Secure, Insecure, Bogus }
    Tlsa { OwnMatches, AnchorMatches, Mismatch, Unusable, NoData, Insecure, Bogus, Timeout }
    Sts {
        Absent, ModeNone, TestingFits, TestingOther, EnforceFits, EnforceOther, FetchFails, FetchFailsCached,
        FetchFailsCacheOver, Invalid, TwoRecords,
    }
    StartTls { Absent, Works, Refused, Drops, Injected, OldVersion, Alert }
    Cert { Valid, Expired, Future, OtherName, SelfSigned, UnknownAnchor, CommonNameOnly, Wildcard }
}

/// What a message meets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Remote {
    pub(super) mx: Mx,
    pub(super) tlsa: Tlsa,
    pub(super) sts: Sts,
    pub(super) starttls: StartTls,
    pub(super) cert: Cert,
}

/// What came of a message at the first of two hosts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Outcome {
    VerifiedByDane,
    VerifiedByName,
    Unverified,
    Clear,
    NextHost,
    Later,
    Never,
}

enum Policy {
    None,
    Lenient,
    Enforced { fits: bool },
}

#[derive(Clone, Copy)]
enum Dane {
    None,
    AnyCertificate,
    Match,
}

/// What must come of it.
pub(super) fn outcome(strategy: Strategy, remote: Remote, requires_tls: bool) -> Outcome {
    // RFC 8461 §3.1: with two records there is none. §3.2: an invalid policy is none. §5.1: a cached policy holds until its
    // time is over, whatever is fetched. §5: `none` and `testing` forbid nothing.
    let policy = match remote.sts {
        _ if strategy.sts == Wish::Disable => Policy::None,
        Sts::Absent | Sts::FetchFails | Sts::FetchFailsCacheOver | Sts::Invalid | Sts::TwoRecords => Policy::None,
        Sts::ModeNone | Sts::TestingFits | Sts::TestingOther => Policy::Lenient,
        Sts::EnforceFits | Sts::FetchFailsCached => Policy::Enforced { fits: true },
        Sts::EnforceOther => Policy::Enforced { fits: false },
    };
    // A policy that the strategy demands is waited for.
    if strategy.sts == Wish::Require && matches!(policy, Policy::None) {
        return Outcome::Later;
    }
    // RFC 7672 §2.1.1: a bogus answer is no answer.
    if remote.mx == Mx::Bogus {
        return Outcome::Later;
    }
    // RFC 8689 §4.2.1: REQUIRETLS goes to hosts that DNSSEC proves or a policy names; a policy that cannot be fetched is waited
    // for. It is looked for in any case, but nobody kept it who did not look before.
    let is_kept = remote.sts == Sts::FetchFailsCached && strategy.sts != Wish::Disable;
    let is_named = is_kept || matches!(remote.sts, Sts::TestingFits | Sts::EnforceFits);
    if requires_tls && remote.mx != Mx::Secure && !is_named {
        let is_out_of_reach = matches!(remote.sts, Sts::FetchFails | Sts::FetchFailsCached | Sts::FetchFailsCacheOver);
        return if is_out_of_reach { Outcome::Later } else { Outcome::NextHost };
    }
    // RFC 7672 §2.2: TLSA records count behind secure MX records; usable ones must match, unusable ones demand TLS, and
    // where they cannot be looked up the host is not used. §2.2.1: what is denied or not signed is none.
    let dane = match (strategy.dane, remote.mx, remote.tlsa) {
        (Wish::Disable, ..) => Dane::None,
        (_, Mx::Secure, Tlsa::OwnMatches | Tlsa::AnchorMatches | Tlsa::Mismatch) => Dane::Match,
        (_, Mx::Secure, Tlsa::Bogus | Tlsa::Timeout) => return Outcome::NextHost,
        (Wish::Require, ..) => return Outcome::NextHost,
        (Wish::Optional, Mx::Secure, Tlsa::Unusable) => Dane::AnyCertificate,
        (Wish::Optional, ..) => Dane::None,
    };
    // RFC 8461 §5: a host that an enforced policy does not name is not used.
    let is_enforced = match policy {
        Policy::Enforced { fits: false } => return Outcome::NextHost,
        Policy::Enforced { fits: true } => true,
        Policy::None | Policy::Lenient => false,
    };
    // What others demand wins over a strategy that disables TLS.
    let others = is_enforced || requires_tls || !matches!(dane, Dane::None);
    if strategy.starttls == Wish::Disable && !others {
        return Outcome::Clear;
    }
    let is_demanded = others || [strategy.starttls, strategy.sts, strategy.dane].contains(&Wish::Require);
    match remote.starttls {
        StartTls::Works => {}
        // RFC 3207 §4: where it is not demanded, mail goes on without.
        StartTls::Absent | StartTls::Refused if !is_demanded => return Outcome::Clear,
        // Nothing goes in clear text behind a handshake that failed, and nobody listens to what was put in front of it.
        StartTls::Absent | StartTls::Refused | StartTls::Drops => return Outcome::NextHost,
        StartTls::Injected | StartTls::OldVersion | StartTls::Alert => return Outcome::NextHost,
    }
    // RFC 6125 §6.4: names are the alternative ones, with a wildcard for one label; a chain holds within its time. RFC 7672
    // §3.2.3: behind usage 2 a common name counts where there is no other.
    let has_name = !matches!(remote.cert, Cert::OtherName | Cert::CommonNameOnly);
    let is_called_so = remote.cert != Cert::OtherName;
    let is_in_time = !matches!(remote.cert, Cert::Expired | Cert::Future);
    let has_anchor = remote.cert != Cert::SelfSigned;
    match (dane, remote.tlsa) {
        // RFC 7672 §3.1.1: behind usage 3 neither names nor times count. §3.1.2: behind usage 2 both do.
        (Dane::Match, Tlsa::OwnMatches) => return Outcome::VerifiedByDane,
        (Dane::Match, Tlsa::AnchorMatches) if has_anchor && is_called_so && is_in_time => {
            return Outcome::VerifiedByDane;
        }
        (Dane::Match, _) => return Outcome::NextHost,
        (Dane::None | Dane::AnyCertificate, _) => {}
    }
    // RFC 7672 §2.2: where no TLSA record is usable, TLS is enough, unless somebody else wants to know with whom.
    if matches!(dane, Dane::AnyCertificate) && !is_enforced && !requires_tls {
        return Outcome::Unverified;
    }
    // RFC 8461 §4.2 and RFC 8689 §4.2.1: then no strategy lets an invalid certificate pass.
    if strategy.allows_invalid && !is_enforced && !requires_tls {
        return Outcome::Unverified;
    }
    let is_trusted = has_anchor && is_in_time && remote.cert != Cert::UnknownAnchor;
    if is_trusted && has_name { Outcome::VerifiedByName } else { Outcome::NextHost }
}
