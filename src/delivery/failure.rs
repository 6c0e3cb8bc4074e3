//! Why a recipient was not delivered, and what follows from it.
//!
//! Every failure answers two questions: [`Failure::verdict`] says what is tried next, and [`Failure::last_error`] what
//! expressions see. Both are total: a new failure does not compile until somebody has said what follows from it.
//!
//! Source: delivery spec 3.5 to 3.7.

use std::{fmt, net::IpAddr};

use policy::{Behaviour, Kind, Quirk};
use thiserror::Error;

use crate::reply::Reply;

/// The variable `last_error`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LastError {
    /// DNS.
    Dns,
    /// A reply that says no.
    UnexpectedReply,
    /// The connection.
    Connection,
    /// TLS.
    Tls,
    /// DANE, RFC 7672.
    Dane,
    /// MTA-STS, RFC 8461.
    MtaSts,
    /// A rate limit.
    Rate,
    /// The server itself.
    Io,
}

impl LastError {
    /// Its word in an expression.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::UnexpectedReply => "unexpected-reply",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Dane => "dane",
            Self::MtaSts => "mta-sts",
            Self::Rate => "rate",
            Self::Io => "io",
        }
    }
}

/// A stage of a session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The server's greeting.
    Greeting,
    /// EHLO, LHLO or HELO.
    Ehlo,
    /// EHLO or LHLO once more, behind TLS.
    EhloAgain,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, or the content itself.
    Data,
    /// The reply to the content.
    Final,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::Tls,
        Self::Greeting,
        Self::Ehlo,
        Self::StartTls,
        Self::EhloAgain,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Final,
    ];

    /// What it is called in messages and scenarios.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Ehlo | Self::EhloAgain => "ehlo",
            Self::StartTls => "starttls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Final => "final",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// How a connection was lost.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Broken {
    /// It was refused, or the network says that there is no way.
    #[error("it was refused")]
    Refused,
    /// Nothing came within the time that the strategy allows.
    #[error("it timed out")]
    TimedOut,
    /// The other side closed it.
    #[error("it was closed")]
    Closed,
    /// What came is no reply.
    #[error("what came is no reply")]
    Garbage,
    /// The reply is longer than is read.
    #[error("the reply is too long")]
    TooLong,
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Handshake {
    /// The certificate is not signed up to an anchor, or is out of its time.
    #[error("the certificate is not trusted")]
    Untrusted,
    /// The certificate is for other names.
    #[error("the certificate is for another name")]
    OtherName,
    /// The protocol failed.
    #[error("the handshake failed")]
    Protocol,
    /// It took too long, or the connection was lost.
    #[error("the connection was lost in the handshake")]
    Lost,
    /// The host sent something between its reply to STARTTLS and TLS (RFC 3207 §6): somebody may have put it there.
    #[error("something was sent between STARTTLS and TLS")]
    Injected,
    /// The host's name is none that TLS can verify.
    #[error("the host's name cannot be verified")]
    InvalidName,
}

/// Why DANE refuses a host.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DaneFailure {
    /// DANE is demanded, and there is no secure TLSA record.
    #[error("DANE is demanded, and the host has no secure TLSA records")]
    Required,
    /// The DNS answers are bogus.
    #[error("the DNS answers are bogus")]
    Bogus,
    /// The TLSA lookup failed.
    #[error("the TLSA lookup failed")]
    Lookup,
    /// No certificate matches.
    #[error("no TLSA record matches the certificate")]
    Mismatch,
    /// There is no certificate to compare.
    #[error("the host showed no certificate")]
    NoCertificate,
}

/// Why MTA-STS refuses a domain or a host.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum StsFailure {
    /// A policy is demanded, and the domain has none that is valid.
    #[error("MTA-STS is demanded, and the domain has no valid policy")]
    Missing,
    /// It cannot be fetched for now.
    #[error("the MTA-STS policy cannot be fetched")]
    Fetch,
    /// The host is not in the policy.
    #[error("the host is not in the domain's MTA-STS policy")]
    Host,
}

/// Why a recipient was not delivered.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Failure {
    /// The domain takes no mail (RFC 7505).
    #[error("the domain takes no mail")]
    NullMx,
    /// The MX lookup failed.
    #[error("the MX records cannot be looked up")]
    MxLookup,
    /// The domain has neither MX nor address records.
    #[error("the domain has no mail server")]
    NoDomain,
    /// The host has no address.
    #[error("the host has no address")]
    NoAddress,
    /// The address lookup failed.
    #[error("the host's addresses cannot be looked up")]
    AddressLookup,
    /// The strategy leaves none of the host's addresses.
    #[error("the route leaves none of the host's addresses")]
    NoneLeft,
    /// The host's addresses are this machine's own.
    #[error("the host resolves to a loopback address")]
    Loopback,
    /// The host's addresses are private.
    #[error("the host resolves to a private address")]
    Private,
    /// The connection to this address was lost.
    #[error("{ip}: {broken} at {stage}")]
    Lost {
        /// The address.
        ip: IpAddr,
        /// When.
        stage: Stage,
        /// How.
        broken: Broken,
    },
    /// A reply that says no.
    #[error("{reply}")]
    Rejected {
        /// To what.
        stage: Stage,
        /// What it said.
        reply: Reply,
    },
    /// The relay offers no way to authenticate that is known.
    #[error("the relay offers no known way to authenticate")]
    NoMechanism,
    /// The relay's challenge cannot be read.
    #[error("the relay's challenge cannot be read")]
    BadChallenge,
    /// The relay wants credentials, and they would go in clear text.
    #[error("the relay offers no TLS, and credentials are not sent in clear text")]
    SecretInClear,
    /// TLS is demanded and not offered.
    #[error("TLS is demanded, and the host does not offer it")]
    TlsNotOffered,
    /// The handshake failed.
    #[error("{0}")]
    Handshake(Handshake),
    /// REQUIRETLS is demanded, and nobody vouches that this is the domain's host (RFC 8689 §4.2.1).
    #[error("the message requires TLS all the way, and neither DNSSEC nor MTA-STS vouches for the host")]
    RequireTlsUnvouched,
    /// REQUIRETLS is demanded and not offered.
    #[error("the message requires TLS all the way, and the host does not promise it")]
    RequireTlsNotOffered,
    /// The host says that it takes no message as large as this (RFC 1870).
    #[error("the message is larger than the {most} bytes that the host takes")]
    TooLarge {
        /// What it takes.
        most: u64,
    },
    /// The content has octets above 127, and the host does not offer 8BITMIME (RFC 6152).
    #[error("the content has octets above 127, and the host does not take them")]
    EightBitNotOffered,
    /// An address is not ASCII, and the host does not offer SMTPUTF8 (RFC 6531).
    #[error("an address is not ASCII, and the host does not take that")]
    Utf8NotOffered,
    /// DANE.
    #[error("{0}")]
    Dane(DaneFailure),
    /// MTA-STS.
    #[error("{0}")]
    Sts(StsFailure),
    /// A rate limit is spent.
    #[error("a rate limit is spent")]
    Rate,
    /// It was given up before it was ever tried.
    #[error("it expired without any delivery attempt")]
    NeverTried,
    /// An operator gave it up.
    #[error("delivery was cancelled by an operator")]
    Canceled,
    /// The content is gone.
    #[error("the content of the message is missing")]
    ContentMissing,
    /// The rules gave nothing that the target goes on with.
    #[error("the {0} policy gives no strategy")]
    Undecided(Kind),
}

/// For how long a failure holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holds {
    /// It may be over later.
    ForNow,
    /// For good.
    ForGood,
}

/// What is tried next within the same attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// The host's next address.
    Address,
    /// The next host.
    Host,
    /// Nothing: the transaction is over.
    Nothing,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// For how long it holds.
    pub holds: Holds,
    /// What is tried next.
    pub next: Next,
}

impl Failure {
    /// What follows for `target`.
    #[must_use]
    pub fn verdict(&self, target: Behaviour) -> Verdict {
        use Holds::{ForGood, ForNow};
        let (holds, next) = match self {
            Self::NullMx | Self::NoDomain => (ForGood, Next::Nothing),
            Self::MxLookup => (ForNow, Next::Nothing),
            Self::NoAddress | Self::Loopback | Self::Private => (ForGood, Next::Host),
            Self::AddressLookup | Self::NoneLeft => (ForNow, Next::Host),
            Self::Lost { stage, .. } => (ForNow, after_loss(*stage, target)),
            Self::Rejected { stage, reply } => rejected(*stage, reply, target),
            Self::NoMechanism => (ForGood, Next::Nothing),
            Self::SecretInClear => (ForNow, Next::Host),
            Self::BadChallenge => (ForNow, Next::Nothing),
            Self::TlsNotOffered => (refusal(target), Next::Host),
            Self::Handshake(Handshake::InvalidName) => (refusal(target), Next::Host),
            Self::Handshake(
                Handshake::Untrusted
                | Handshake::OtherName
                | Handshake::Protocol
                | Handshake::Injected
                | Handshake::Lost,
            ) => (ForNow, Next::Host),
            Self::RequireTlsNotOffered
            | Self::RequireTlsUnvouched
            | Self::TooLarge { .. }
            | Self::EightBitNotOffered
            | Self::Utf8NotOffered => (ForGood, Next::Host),
            Self::Dane(DaneFailure::Required | DaneFailure::Mismatch) => (refusal(target), Next::Host),
            Self::Dane(DaneFailure::Bogus | DaneFailure::Lookup | DaneFailure::NoCertificate) => (ForNow, Next::Host),
            Self::Sts(StsFailure::Missing) => (refusal(target), Next::Nothing),
            Self::Sts(StsFailure::Fetch) => (ForNow, Next::Nothing),
            Self::Sts(StsFailure::Host) => (refusal(target), Next::Host),
            Self::Rate | Self::ContentMissing | Self::Undecided(_) => (ForNow, Next::Nothing),
            Self::NeverTried | Self::Canceled => (ForGood, Next::Nothing),
        };
        Verdict { holds, next }
    }

    /// What expressions see as `last_error`.
    #[must_use]
    pub const fn last_error(&self) -> LastError {
        match self {
            Self::NullMx | Self::MxLookup | Self::NoDomain | Self::NoneLeft => LastError::Dns,
            Self::Dane(DaneFailure::Lookup) => LastError::Dns,
            Self::NoAddress | Self::AddressLookup | Self::Loopback | Self::Private => LastError::Connection,
            Self::Lost { .. } | Self::NoMechanism | Self::BadChallenge => LastError::Connection,
            Self::Rejected { stage: Stage::Auth, .. } => LastError::Connection,
            // The last three stand for the reply that the host would give.
            Self::Rejected { .. } | Self::TooLarge { .. } | Self::EightBitNotOffered | Self::Utf8NotOffered => {
                LastError::UnexpectedReply
            }
            Self::SecretInClear | Self::TlsNotOffered | Self::Handshake(_) => LastError::Tls,
            Self::RequireTlsNotOffered | Self::RequireTlsUnvouched => LastError::Tls,
            Self::Dane(
                DaneFailure::Required | DaneFailure::Bogus | DaneFailure::Mismatch | DaneFailure::NoCertificate,
            ) => LastError::Dane,
            Self::Sts(_) => LastError::MtaSts,
            Self::Rate => LastError::Rate,
            Self::NeverTried | Self::Canceled | Self::ContentMissing | Self::Undecided(_) => LastError::Io,
        }
    }

    /// Whether the relay does not know who we are: until somebody mends that, trying again is of little use.
    #[must_use]
    pub const fn is_refused_login(&self) -> bool {
        matches!(self, Self::Rejected { stage: Stage::Auth, reply } if reply.code == 535)
    }

    /// Whether the host does not take what this message is, while another one may. What other hosts come to counts more:
    /// one that is away for now may take it.
    #[must_use]
    pub const fn is_unfit_host(&self) -> bool {
        matches!(
            self,
            Self::RequireTlsNotOffered | Self::TooLarge { .. } | Self::EightBitNotOffered | Self::Utf8NotOffered
        )
    }

    /// The reply that it is, where it is one.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Rejected { reply, .. } => Some(reply),
            _ => None,
        }
    }
}

/// For how long a demand for TLS that is not met holds.
const fn refusal(target: Behaviour) -> Holds {
    if target.has(Quirk::TlsRefusalPermanent) { Holds::ForGood } else { Holds::ForNow }
}

/// What is tried when the connection was lost.
const fn after_loss(stage: Stage, target: Behaviour) -> Next {
    match stage {
        Stage::Connect => Next::Address,
        Stage::Tls | Stage::Greeting | Stage::Ehlo | Stage::StartTls => Next::Host,
        Stage::EhloAgain | Stage::Auth | Stage::Mail | Stage::Rcpt | Stage::Data => later(target),
        // Whether the host took it is not known, so nobody else is given it in the same attempt.
        Stage::Final => Next::Nothing,
    }
}

/// What is tried when a session failed for the time being.
const fn later(target: Behaviour) -> Next {
    if target.has(Quirk::NoNextHostAfterEhlo) { Next::Nothing } else { Next::Host }
}

fn rejected(stage: Stage, reply: &Reply, target: Behaviour) -> (Holds, Next) {
    let holds = if reply.is_permanent() { Holds::ForGood } else { Holds::ForNow };
    // RFC 821 had 552 for too many recipients (RFC 5321 §4.5.3.1.10).
    let is_too_many = stage == Stage::Rcpt && reply.code == 552 && !target.has(Quirk::Rcpt552Permanent);
    let holds = if is_too_many { Holds::ForNow } else { holds };
    match stage {
        Stage::Connect | Stage::Tls | Stage::Greeting | Stage::Ehlo => (holds, Next::Host),
        Stage::EhloAgain if target.has(Quirk::NoNextHostAfterEhlo) => (holds, Next::Nothing),
        Stage::EhloAgain => (holds, Next::Host),
        Stage::StartTls if target.has(Quirk::TlsRefusalPermanent) => (holds, Next::Host),
        Stage::StartTls => (Holds::ForNow, Next::Host),
        // Credentials may be mended, so even 535 is tried again.
        Stage::Auth => (Holds::ForNow, Next::Nothing),
        Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Final => match holds {
            Holds::ForGood => (holds, Next::Nothing),
            Holds::ForNow => (holds, later(target)),
        },
    }
}
