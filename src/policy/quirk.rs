//! What the reference does otherwise than we would, as data.
//!
//! Every behaviour of a target that `native` does not have is one entry here: whether each target has it, where the
//! delivery spec describes it, and what `native` does instead. `config`, `analysis` and `delivery` ask
//! [`Target::has`] at the one place where it matters; a timeline names the quirk that decided.
//!
//! Where the releases differ, the table says from which on, or before which: `[yes yes]` is every release, `[yes no]` those
//! before 0.16, `[no yes]` those from there on. What is known of a release before 0.15 is its published change log and the
//! delivery spec, section 1.12 and 3.15; where both are silent, it is taken to behave as 0.15 does.
//!
//! Invariant: `native` has none of them.

use std::fmt;

use crate::target::{Release, Target};

/// One entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name in the table, in timelines and in scenarios.
    pub name: &'static str,
    /// The section of the delivery spec.
    pub section: &'static str,
    /// The releases of the reference that have it.
    pub releases: Releases,
    /// What a target that has it does.
    pub reference: &'static str,
    /// What `native` does.
    pub native: &'static str,
}

macro_rules! quirks {
    ($($variant:ident $name:literal $section:literal [$($releases:tt)+] $reference:literal => $native:literal;)+) => {
        /// A behaviour of the reference that `native` does not have.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Quirk {
            $(#[doc = concat!("The reference ", $reference, "; `native` ", $native, ".")] $variant,)+
        }

        impl Quirk {
            /// All of them, in the order of the spec.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// What the table says about it.
            #[must_use]
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        name: $name,
                        section: $section,
                        releases: quirks!(@ $($releases)+),
                        reference: $reference,
                        native: $native,
                    },)+
                }
            }
        }
    };
    (@ yes yes) => { Releases::ALL };
    (@ yes no) => { Releases::before(16, 0) };
    (@ no yes) => { Releases::from(16, 0) };
    (@ before $minor:literal $patch:literal) => { Releases::before($minor, $patch) };
    (@ from $minor:literal $patch:literal) => { Releases::from($minor, $patch) };
    (@ from $minor:literal $patch:literal before $end:literal $end_patch:literal) => {
        Releases { before: Some(Release::new($end, $end_patch)), ..Releases::from($minor, $patch) }
    };
}

/// The releases of the reference that behave in some way: one run of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Releases {
    /// The first that does.
    pub from: Release,
    /// The first that no longer does.
    pub before: Option<Release>,
}

impl Releases {
    /// Every release.
    pub const ALL: Self = Self::from(0, 0);

    /// Those from 0.`minor`.`patch` on.
    #[must_use]
    pub const fn from(minor: u8, patch: u8) -> Self {
        Self { from: Release::new(minor, patch), before: None }
    }

    /// Those before 0.`minor`.`patch`.
    #[must_use]
    pub const fn before(minor: u8, patch: u8) -> Self {
        Self { from: Release::new(0, 0), before: Some(Release::new(minor, patch)) }
    }

    /// Whether `release` is one of them.
    #[must_use]
    pub const fn has(self, release: Release) -> bool {
        release.is_at_least(self.from)
            && match self.before {
                Some(end) => !release.is_at_least(end),
                None => true,
            }
    }
}

quirks! {
    ImplicitTlsByDefault "implicit-tls-by-default" "1.2" [yes no]
        "speaks TLS from the first byte to a relay that says nothing about it"
        => "begins in clear text and asks for STARTTLS";
    LimiterMatchOnlyElse "limiter-match-only-else" "1.7" [no yes]
        "evaluates only the `else` of a limiter's or a quota's `match`"
        => "evaluates all of it";
    QuotaNeedsMatch "quota-needs-match" "1.8" [yes yes]
        "never applies a quota without `match`"
        => "always applies it";
    StaleRemoteIp "stale-remote-ip" "2.2" [yes yes]
        "shows expressions the addresses of the previous connection"
        => "shows those of the connection at hand, or none";
    SenderLimiterKnowsLittle "sender-limiter-knows-little" "3.15" [yes no]
        "gives a sender limiter the sender, the recipients and the priority only"
        => "gives it everything that is known of the message and of each recipient";
    SenderQuotaKnowsLittle "sender-quota-knows-little" "2.3" [yes yes]
        "gives a quota for a whole message the sender, the recipients and the priority only"
        => "gives it all that is known of the message";
    RecipientsSorted "recipients-sorted" "3.1" [yes yes]
        "works at a message's recipients in the order of their domains and addresses"
        => "keeps the order in which they were given";
    FirstDecides "first-decides" "3.5" [yes yes]
        "lets the first recipient of a work item or a transaction decide about rate limits, TLS and the connection for all of it"
        => "lets each decide for itself, and gives those who decide otherwise a transaction of their own";
    UnknownAtEnqueue "unknown-at-enqueue" "2.2" [before 16 18]
        "evaluates the first schedule with `source` unknown"
        => "knows the source from the beginning";
    PartialAtEnqueue "partial-at-enqueue" "2.2" [yes yes]
        "evaluates the first schedule with `size` 0, `queue_name` default and the recipients so far"
        => "knows all of them from the beginning";
    UnknownNamesGoOn "unknown-names-go-on" "3.2" [yes yes]
        "takes a built-in strategy for a name that nothing defines"
        => "refuses the policy";
    RateErasesLastError "rate-erases-last-error" "3.6" [yes yes]
        "sets `last_error` to `rate` when a limit defers a recipient"
        => "keeps the last real error";
    GroupsIgnoreHeaders "groups-ignore-headers" "3.15" [yes no]
        "puts recipients with different extra headers into one transaction"
        => "gives each its own";
    GroupsIgnoreIpLookup "groups-ignore-ip-lookup" "3.4" [yes yes]
        "takes two MX routes for one that differ in their address lookup only"
        => "keeps them apart";
    TlsWithoutMx "tls-without-mx" "3.5" [yes yes]
        "lets the TLS strategy that is chosen before a host is known govern MTA-STS"
        => "lets the strategy of the host decide how strict the policy is";
    BothFamilies "both-families" "3.5" [yes yes]
        "asks for both address families and cuts the list in total"
        => "turns to the second family only where the first has no address that works";
    FamilyErrorIgnored "family-error-ignored" "3.5" [yes yes]
        "ignores the failed lookup of one address family where the other has no address"
        => "tries again later";
    LoopbackRelay "loopback-relay" "3.5" [from 12 0]
        "refuses a relay on a loopback address"
        => "allows it, as it was configured";
    LoopbackMx "loopback-mx" "3.5" [before 12 0]
        "connects to loopback addresses that MX records name"
        => "refuses them";
    NoImplicitMx "no-implicit-mx" "3.5" [before 11 7]
        "gives a domain up that has no MX records"
        => "takes the domain itself for its host (RFC 5321 §5.1)";
    Ipv6ThenNothing "ipv6-then-nothing" "3.5" [before 3 7]
        "tries IPv6 addresses only where IPv4 was to follow"
        => "tries both";
    MxWithALabelsFails "mx-with-a-labels-fails" "3.15" [from 16 0 before 16 18]
        "finds no address of a host that MX records name with A-labels"
        => "looks it up as it is named";
    PrivateMx "private-mx" "3.5" [yes yes]
        "connects to private addresses that MX records name"
        => "refuses them";
    RelayAddressLookedUp "relay-address-looked-up" "3.15" [yes no]
        "looks a relay's IP address up as a host name"
        => "connects to it";
    ServfailIsNotFound "servfail-is-not-found" "3.15" [yes no]
        "takes SERVFAIL, REFUSED and the like for no such record"
        => "tries again later";
    AddressLiteralLookedUp "address-literal-looked-up" "3.5" [yes yes]
        "looks an address in brackets up as if it were a domain"
        => "connects to it, without MX, MTA-STS and DANE (RFC 5321 §4.1.3, §5.1)";
    BogusUsed "bogus-used" "3.6" [yes yes]
        "uses MX and address records whose signatures are wrong, and refuses a host only where DANE is asked for"
        => "takes them for a failed lookup (RFC 4035 §5.5)";
    BogusDenial "bogus-denial" "3.5" [yes no]
        "believes that there are no MX records where the signature of that is wrong"
        => "takes it for a failed lookup";
    NoNextHostAfterEhlo "no-next-host-after-ehlo" "3.5" [yes yes]
        "tries no other host behind TLS or once AUTH or MAIL was sent, whatever failed"
        => "goes to the next host where a failure is temporary and nothing was accepted";
    StsAnyModeStrict "sts-any-mode-strict" "3.15" [before 16 18]
        "is strict about TLS with an MTA-STS policy of any mode"
        => "is strict in mode `enforce` only";
    StsStatusIgnored "sts-status-ignored" "3.6" [yes yes]
        "reads an MTA-STS policy from the body of any HTTP answer"
        => "takes an answer that is not 200 for a temporary error";
    StsRecordLoose "sts-record-loose" "3.6" [yes yes]
        "takes any text for the id of an MTA-STS record, its fields in any order, and the first of several records"
        => "reads it by the grammar of RFC 8461 §3.1, and takes several records for none";
    StsPolicyLoose "sts-policy-loose" "3.6" [yes yes]
        "passes over what it does not understand of an MTA-STS policy, wants a host in any mode, takes no mode for `none`, and keeps for a day what is not kept between an hour and a year"
        => "reads it by the grammar of RFC 8461 §3.2, and keeps it as long as it says";
    InvalidCertificatesOverSts "invalid-certificates-over-sts" "3.15" [before 16 17]
        "lets `allow-invalid-certs` override an enforced MTA-STS policy"
        => "verifies the certificate";
    DaneWithoutSecureMx "dane-without-secure-mx" "3.15" [yes no]
        "looks TLSA records up whether the MX records are secure or not"
        => "uses DANE only behind secure MX records";
    TlsaErrorIgnored "tlsa-error-ignored" "3.15" [yes no]
        "goes on without DANE where the TLSA lookup fails and DANE is optional"
        => "tries the next host, or later";
    DaneAtMxName "dane-at-mx-name" "3.6" [yes yes]
        "asks for TLSA records at the name that the MX record has, whatever the host's addresses are worth or its name stands for"
        => "asks for none where the addresses are not secure, and first at the end of secure aliases (RFC 7672 §2.2.2)";
    TlsaDataUnchecked "tlsa-data-unchecked" "3.6" [yes yes]
        "takes a TLSA record whose data is none, such as a digest of another length, for one that does not match"
        => "takes it for unusable (RFC 7671 §4.1)";
    TlsaWeakerDigest "tlsa-weaker-digest" "3.6" [yes yes]
        "lets a TLSA record match by SHA-256 beside one by SHA-512 of the same usage and selector"
        => "compares the stronger digest only (RFC 7671 §9)";
    TlsaTwoNotOfLeaf "tlsa-two-not-of-leaf" "3.6" [no yes]
        "never compares a TLSA record of usage 2 with the host's own certificate"
        => "takes one that signed itself for its own anchor";
    DaneNoCommonName "dane-no-common-name" "3.6" [no yes]
        "compares a certificate behind usage 2 by its alternative names only"
        => "compares its common name where it has no other (RFC 7672 §3.2.3)";
    UnusableTlsaIsNone "unusable-tlsa-is-none" "3.6" [yes yes]
        "goes on without DANE where a host has secure TLSA records of which none is usable"
        => "demands TLS, whatever certificate the host has (RFC 7672 §2.2)";
    TlsaTwoUnusable "tlsa-two-unusable" "3.15" [yes no]
        "takes TLSA records of usage 2 alone for unusable, and where there is one of usage 3 wants it to match"
        => "lets either usage match";
    TlsaFullNeverMatches "tlsa-full-never-matches" "3.15" [yes no]
        "never matches a TLSA record of matching type 0"
        => "compares it in full";
    TlsRefusalPermanent "tls-refusal-permanent" "3.6" [yes yes]
        "takes a failed DANE, MTA-STS or STARTTLS demand for permanent"
        => "tries the next host, and again until the message expires";
    DisableWins "disable-wins" "3.6" [yes yes]
        "sends in clear text where `starttls` is disabled, whatever DANE, MTA-STS or REQUIRETLS demand"
        => "lets the stricter demand win";
    RequireTlsNotOffered "requiretls-not-offered" "3.6" [yes yes]
        "sends a REQUIRETLS message to a host that does not offer the extension"
        => "refuses that host with 5.7.30";
    RequireTlsAnyHost "requiretls-any-host" "3.6" [yes yes]
        "sends a REQUIRETLS message to whatever hosts the domain's MX records name"
        => "refuses a host for which neither DNSSEC nor an MTA-STS policy vouches (RFC 8689 §4.2.1)";
    RequireTlsUnverified "requiretls-unverified" "3.6" [yes yes]
        "sends a REQUIRETLS message to a host whose certificate `allow-invalid-certs` lets pass"
        => "verifies the certificate (RFC 8689 §4.2.1)";
    NoHeloFallback "no-helo-fallback" "3.7" [yes yes]
        "gives up on a host that refuses EHLO"
        => "greets it with HELO";
    EhloWithoutStarttls "ehlo-without-starttls" "3.7" [before 13 3]
        "says EHLO a second time where STARTTLS is not offered"
        => "says it once";
    EhloTwice "ehlo-twice" "3.7" [yes yes]
        "says EHLO a second time where `starttls` is disabled"
        => "says it once";
    NoPipelining "no-pipelining" "3.7" [yes yes]
        "sends one command at a time"
        => "sends MAIL and all RCPT together where PIPELINING is offered";
    FinalReplyTimeout "final-reply-timeout" "3.7" [yes yes]
        "waits for the final reply as long as for RCPT"
        => "waits as long as for the data";
    OnlyFinal250 "only-final-250" "3.7" [yes yes]
        "takes a final reply of 251 to 299 for a temporary failure"
        => "takes it for success";
    Rcpt552Permanent "rcpt-552-permanent" "3.7" [yes yes]
        "takes 552 to RCPT for permanent, as any 5xx"
        => "takes it for `too many recipients`, which is tried again (RFC 5321 §4.5.3.1.10)";
    SizeNotCompared "size-not-compared" "3.7" [yes yes]
        "offers a message to a host that says that it is too large for it"
        => "leaves that host before MAIL, with 5.3.4 (RFC 1870 §6.2, §6.3)";
    EightBitUnmarked "eight-bit-unmarked" "3.7" [yes yes]
        "sends content with octets above 127 to any host, and does not say BODY"
        => "says BODY=8BITMIME, and leaves a host that does not take it, with 5.6.3 (RFC 6152 §3)";
    Utf8NotDemanded "utf8-not-demanded" "3.6" [yes yes]
        "sends addresses that are not ASCII to a host that does not offer SMTPUTF8"
        => "leaves that host before MAIL, with 5.6.7 (RFC 6531 §3.1, §3.5)";
    GroupOverwritesRefused "group-overwrites-refused" "3.7" [yes yes]
        "lets the failure of a transaction overwrite a recipient that was refused before"
        => "keeps the recipient's own outcome";
    RcptReplyKept "rcpt-reply-kept" "3.7" [yes yes]
        "keeps the reply to RCPT as what a delivered recipient was answered"
        => "keeps the final reply";
    SecretInClear "secret-in-clear" "3.7" [yes yes]
        "sends credentials in clear text to a relay that offers no TLS"
        => "sends them in clear text only where `starttls` is disabled";
    BytesBeforeTls "bytes-before-tls" "3.6" [yes yes]
        "passes over what a host sends between its reply to STARTTLS and TLS"
        => "takes it for an attack and leaves the host";
    AuthFailureRetried "auth-failure-retried" "3.7" [yes yes]
        "retries refused credentials as any connection error"
        => "says so loudly and tries at the slowest interval";
    RoundCountsTwice "round-counts-twice" "3.3" [yes yes]
        "counts two temporary results of one round as two attempts"
        => "counts a round once";
    OldRetryNumber "old-retry-number" "3.8" [yes yes]
        "evaluates the schedule after a failure with the number of the attempt that failed"
        => "evaluates it with the new number";
    ScheduleForgetsExtensions "schedule-forgets-extensions" "3.8" [yes yes]
        "forgets FUTURERELEASE and DELIVERBY when the schedule is evaluated again"
        => "keeps them";
    LateBounce "late-bounce" "3.8" [yes yes]
        "bounces by attempts one interval after the last one"
        => "bounces at the last one";
    FixedWindows "fixed-windows" "3.9" [yes yes]
        "counts a rate in fixed windows that begin at the epoch"
        => "uses a token bucket";
    LimiterNotRefunded "limiter-not-refunded" "3.9" [yes yes]
        "counts a check that a later limiter refuses"
        => "gives it back";
    QuotaSeenShared "quota-seen-shared" "3.10" [yes yes]
        "lets only the first quota by domain see each domain"
        => "lets each of them";
    CumulativeNotices "cumulative-notices" "3.11" [yes yes]
        "counts each delay notice's interval from the one before"
        => "counts all of them from the beginning";
    NoticeWaits "notice-waits" "3.15" [yes no]
        "goes to the next notice only when one was really sent"
        => "goes on in any case";
    HeadersOnlyReturned "headers-only-returned" "3.11" [yes yes]
        "returns at most 4,096 bytes of header, whatever RET says"
        => "does what RET says";
    TlsReportOther "tls-report-other" "3.13" [yes yes]
        "counts a demanded MTA-STS policy that is not published as a failure of TLS, of a kind that RFC 8460 does not know"
        => "counts nothing, as the domain promised nothing";
    TlsReportNotTrusted "tls-report-not-trusted" "3.13" [yes yes]
        "counts every failed handshake as a certificate that is not trusted"
        => "says which of RFC 8460's kinds it was";
    GeneralStatus "general-status" "3.11" [yes yes]
        "reports every failure that is no reply by the status 5.0.0"
        => "reports a domain that takes no mail by 5.1.10 (RFC 7505) and one that is not there by 5.1.2 (RFC 3463)";
    StatusAsReplied "status-as-replied" "3.11" [yes yes]
        "reports the status of the host's reply, also where it says `later` of what is given up"
        => "gives it the class of what became of the recipient, and changes nothing else (RFC 3463 §2)";
    OrcptDropped "orcpt-dropped" "3.7" [yes yes]
        "does not pass ORCPT on"
        => "passes it on";
    NeverRelayed "never-relayed" "3.11" [yes yes]
        "reports `delivered` even where NOTIFY was passed on"
        => "reports `relayed` where the next host does not take NOTIFY, and nothing where it does";
    OtherQueuesTold "other-queues-told" "3.12" [yes yes]
        "gives up and tells of the recipients in all queues when the turn of one comes, and forgets it of those in another"
        => "gives up and tells of those in the queue whose turn it is";
    QueueMoveForgets "queue-move-forgets" "3.12" [yes yes]
        "forgets what it noted of a recipient that moves to another queue"
        => "keeps it";
    TryAgainExtends "try-again-extends" "4.4" [yes no]
        "gives a recipient that an operator has tried at another time ten more attempts, whenever it would have expired"
        => "gives it up when it would have been";
    CanceledUnheard "canceled-unheard" "4.3" [yes yes]
        "tells no sender of recipients that an operator cancelled where nobody is left"
        => "tells every sender of a recipient that was cancelled, unless the whole message was";
}

impl Quirk {
    /// The quirk called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|quirk| quirk.entry().name == name)
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.entry().name)
    }
}

impl Target {
    /// Whether this target behaves like that.
    #[must_use]
    pub const fn has(self, quirk: Quirk) -> bool {
        match self {
            Self::Stalwart(release) => quirk.entry().releases.has(release),
            Self::Native => false,
        }
    }
}

/// How a server behaves: as a target does, or as one would that has one quirk fewer. What the second brings about
/// otherwise than the first is what that quirk decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Behaviour {
    target: Target,
    without: Option<Quirk>,
}

impl Behaviour {
    /// That of [`Target::Native`].
    pub const NATIVE: Self = Self::of(Target::Native);
    /// That of [`Target::STALWART_016`].
    pub const STALWART_016: Self = Self::of(Target::STALWART_016);
    /// That of [`Target::STALWART_015`].
    pub const STALWART_015: Self = Self::of(Target::STALWART_015);

    /// The behaviour of `target`.
    #[must_use]
    pub const fn of(target: Target) -> Self {
        Self { target, without: None }
    }

    /// The same without `quirk`.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self { without: Some(quirk), ..self }
    }

    /// Whether it does that.
    #[must_use]
    pub const fn has(self, quirk: Quirk) -> bool {
        match self.without {
            Some(without) if without as u8 == quirk as u8 => false,
            Some(_) | None => self.target.has(quirk),
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.without {
            None => write!(out, "{}", self.target),
            Some(quirk) => write!(out, "{} without {quirk}", self.target),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_quirk_is_found_by_its_name_and_some_target_has_it() {
        let names: BTreeSet<&str> = Quirk::ALL.iter().map(|quirk| quirk.entry().name).collect();
        assert_eq!(names.len(), Quirk::ALL.len());
        for quirk in Quirk::ALL {
            assert_eq!(Quirk::named(quirk.entry().name), Some(*quirk));
            assert!(Target::ALL.iter().any(|target| target.has(*quirk)), "{quirk}");
            assert!(!Target::Native.has(*quirk), "{quirk}");
            assert!(quirk.entry().section.starts_with(|first: char| first.is_ascii_digit()), "{quirk}");
        }
    }

    #[test]
    fn a_behaviour_lacks_one_quirk_of_its_target() {
        for target in Target::ALL {
            for gone in Quirk::ALL {
                let behaviour = Behaviour::of(target).without(*gone);
                for quirk in Quirk::ALL {
                    assert_eq!(behaviour.has(*quirk), quirk != gone && target.has(*quirk), "{target} {gone} {quirk}");
                }
            }
        }
    }

    #[test]
    fn targets_differ_where_the_spec_says_so() {
        for quirk in [Quirk::ImplicitTlsByDefault, Quirk::ServfailIsNotFound, Quirk::StsAnyModeStrict] {
            assert!(Target::STALWART_015.has(quirk) && !Target::STALWART_016.has(quirk), "{quirk}");
        }
        assert!(Target::STALWART_016.has(Quirk::CumulativeNotices));
        assert!(Target::STALWART_016.has(Quirk::LimiterMatchOnlyElse));
        assert!(!Target::STALWART_015.has(Quirk::LimiterMatchOnlyElse));
    }

    #[test]
    fn releases_differ_where_their_change_log_says_so() {
        let has = |quirk: Quirk, minor: u8, patch: u8| Target::Stalwart(Release::new(minor, patch)).has(quirk);
        for (quirk, first_fixed) in
            [(Quirk::StsAnyModeStrict, 18), (Quirk::UnknownAtEnqueue, 18), (Quirk::InvalidCertificatesOverSts, 17)]
        {
            assert!(has(quirk, 16, first_fixed - 1) && !has(quirk, 16, first_fixed), "{quirk}");
            assert!(has(quirk, 2, 0) && has(quirk, 15, 5), "{quirk}");
        }
        assert!(!has(Quirk::LoopbackRelay, 11, 8) && has(Quirk::LoopbackRelay, 12, 0));
        assert!(!has(Quirk::MxWithALabelsFails, 15, 5) && has(Quirk::MxWithALabelsFails, 16, 17));
        assert!(!has(Quirk::MxWithALabelsFails, 16, 18));
        for (quirk, [last, fixed]) in [
            (Quirk::LoopbackMx, [(11, 8), (12, 0)]),
            (Quirk::NoImplicitMx, [(11, 6), (11, 7)]),
            (Quirk::Ipv6ThenNothing, [(3, 6), (3, 7)]),
            (Quirk::EhloWithoutStarttls, [(13, 2), (13, 3)]),
        ] {
            assert!(has(quirk, last.0, last.1) && !has(quirk, fixed.0, fixed.1), "{quirk}");
        }
    }
}
