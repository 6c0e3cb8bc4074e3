//! The world that messages meet in a dry run: DNS, hosts, and what goes wrong with them.
//!
//! Where a world says nothing, everything works: a host that is not described takes every message, offers STARTTLS and
//! has a valid certificate. A name that the zone does not have does not exist.

mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use base::{Mailbox, Millis};

use crate::{pem::Certificates, place::Place, zone::Zone};

#[cfg(test)]
pub(crate) use read::{
    CHANGE_KEYS, CLOCK_KEYS, CRASH_KEYS, DISK_KEYS, FAULT_KEYS, HOST_KEYS, KEYS, ORDER_KEYS, PEM_KEYS, RELOAD_KEYS,
    REPLY_KEYS, STS_KEYS,
};
pub(crate) use read::{read, word};

/// What messages meet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// The records, as zone-file text.
    pub zone_text: String,
    /// The records.
    pub zone: Zone,
    /// The domains whose records, and those below them, are signed with DNSSEC.
    pub signed: BTreeSet<String>,
    /// How the records change, in order.
    pub zone_changes: Vec<ZoneChange>,
    /// What goes wrong with DNS.
    pub dns_faults: Vec<DnsFault>,
    /// How hosts behave, by name or address: an address that has no entry of its own behaves as its host's name does.
    pub hosts: BTreeMap<String, Host>,
    /// Whom the web trusts besides those whom it invents.
    pub anchors: Option<Certificates>,
    /// The MTA-STS policies that are served, by domain; the first that is served at a time counts.
    pub mta_sts: BTreeMap<String, Vec<MtaSts>>,
    /// When the node itself crashes.
    pub crashes: Vec<Crash>,
    /// When nothing can be stored.
    pub disk_full: Vec<Span>,
    /// When the node's clock is set forward.
    pub clock_jumps: Vec<ClockJump>,
    /// When the node takes another policy over, in order.
    pub reloads: Vec<Reload>,
    /// What an operator does by hand, in order.
    pub orders: Vec<Order>,
}

/// A moment at which the records of DNS become others. No resolver remembers what was before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ZoneChange {
    /// When.
    pub at: Millis,
    /// Of which names the records are taken away, each with a type behind it where only those are meant.
    pub remove: Vec<String>,
    /// The records that come, as zone-file text.
    pub add: String,
    /// All records from then on.
    pub zone: Zone,
}

impl World {
    /// The records at a moment.
    #[must_use]
    pub fn zone_at(&self, since: Millis) -> &Zone {
        let change = self.zone_changes.iter().rfind(|change| change.at <= since);
        change.map_or(&self.zone, |change| &change.zone)
    }

    /// The records that there are at one time or another.
    pub fn zones(&self) -> impl Iterator<Item = &Zone> {
        std::iter::once(&self.zone).chain(self.zone_changes.iter().map(|change| &change.zone))
    }

    /// The MTA-STS policy that is served for a domain at a moment.
    #[must_use]
    pub fn policy_at(&self, domain: &str, since: Millis) -> Option<&MtaSts> {
        self.mta_sts.get(domain)?.iter().find(|served| served.span.has(since))
    }
}

/// A moment at which the node takes another policy over. What is under way goes on by the one that it began with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reload {
    /// When.
    pub at: Millis,
    /// The policy's file, as the scenario names it.
    pub policy: String,
    /// Where it was written.
    pub place: Place,
}

/// A moment at which the node's clock is set forward: for it, so much time passes in which nothing happens. An engine's clock
/// never runs backwards, so one that is set back stands still for it and is no jump.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockJump {
    /// When, by a clock that is right.
    pub at: Millis,
    /// How far.
    pub by: Millis,
}

/// A crash of the node: it is gone with all that was not stored, and starts again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crash {
    /// When it crashes.
    pub when: When,
    /// How long it is down.
    pub down: Millis,
}

impl Crash {
    /// How long a node is down that does not say.
    pub const DOWN: Millis = Millis::from_secs(10);
}

/// When a node crashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// So long behind the run's beginning.
    At(Millis),
    /// Behind the effect of this number that the delivery core asks for, from 1.
    Effect(u64),
}

/// A span of time from the run's beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// Its first moment.
    pub from: Millis,
    /// The first moment behind it.
    pub until: Millis,
}

impl Span {
    /// All of the run.
    pub const ALWAYS: Self = Self { from: Millis(0), until: Millis::MAX };

    /// Whether `at` lies within.
    #[must_use]
    pub fn has(self, at: Millis) -> bool {
        self.from <= at && at < self.until
    }
}

/// Something that goes wrong with DNS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsFault {
    /// The name, in lower case and without the last dot.
    pub name: String,
    /// The type of question; every one where there is none.
    pub kind: Option<DnsKind>,
    /// What is answered.
    pub answer: DnsAnswer,
    /// When.
    pub span: Span,
}

/// Something that an operator does by hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// When.
    pub at: Millis,
    /// What.
    pub deed: Deed,
    /// To which message; to the queue where there is none.
    pub message: Option<String>,
    /// To which of its recipients; to each where there is none.
    pub rcpt: Option<Mailbox>,
    /// When it is tried; at once where there is none.
    pub next: Option<Millis>,
    /// Where it was written.
    pub place: Place,
}

words! {
    /// What an operator does.
    Deed {
        /// No work begins any more; what is under way goes on.
        Pause "pause",
        /// Work begins again.
        Resume "resume",
        /// A message is tried at another time.
        Retry "retry",
        /// A message is given up.
        Cancel "cancel",
    }
}

words! {
    /// The type of a DNS question.
    DnsKind {
        /// Mail servers.
        Mx "mx",
        /// IPv4 addresses.
        A "a",
        /// IPv6 addresses.
        Aaaa "aaaa",
        /// Texts.
        Txt "txt",
        /// Certificate associations.
        Tlsa "tlsa",
    }
}

words! {
    /// What a faulty DNS answers.
    DnsAnswer {
        /// The server failed.
        ServFail "servfail",
        /// The server refuses.
        Refused "refused",
        /// There is no such name.
        NxDomain "nxdomain",
        /// No answer comes.
        Timeout "timeout",
        /// The signature is wrong.
        Bogus "bogus",
        /// The right answer, but not signed.
        Unsigned "unsigned",
    }
}

words! {
    /// What a host does about STARTTLS.
    StartTls {
        /// It is offered, and works.
        Offered "offered",
        /// It is not offered.
        Absent "absent",
        /// It is offered, and refused when it is asked for.
        Refused "refused",
        /// It is offered, and the handshake fails.
        Broken "broken",
        /// It is offered, and something is slipped in behind the reply to it, in front of the handshake.
        Injected "injected",
    }
}

words! {
    /// What a host does on a port.
    Listens {
        /// It speaks TLS at once, and greets behind the handshake.
        Tls "tls",
        /// It greets in clear text.
        Clear "clear",
        /// It does not listen there, and refuses connections.
        Closed "closed",
    }
}

/// What a host does on its ports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ports {
    /// On these.
    pub known: BTreeMap<u16, Listens>,
    /// On every other.
    pub others: Listens,
}

impl Ports {
    /// What it does on this one.
    #[must_use]
    pub fn at(&self, port: u16) -> Listens {
        self.known.get(&port).copied().unwrap_or(self.others)
    }
}

/// As is usual: TLS at once on the port that is for it (RFC 8314 §7.3), and a greeting in clear text elsewhere.
impl Default for Ports {
    fn default() -> Self {
        Self { known: BTreeMap::from([(465, Listens::Tls)]), others: Listens::Clear }
    }
}

words! {
    /// What certificate a host shows.
    Certificate {
        /// One that is signed up to an anchor of the web, for the host's name.
        Valid "valid",
        /// One that it signed itself.
        SelfSigned "self-signed",
        /// One that is signed up to an anchor that the web does not know.
        UnknownAnchor "unknown-anchor",
        /// One whose time is over.
        Expired "expired",
        /// One for another name.
        OtherName "other-name",
    }
}

words! {
    /// The TLSA records that a host has besides those of the zone.
    Tlsa {
        /// None.
        Absent "absent",
        /// One of usage 3 for its public key.
        Match "match",
        /// One of usage 2 for the certificate that signed it.
        Anchor "anchor",
        /// One for another key.
        Mismatch "mismatch",
        /// One that a client of SMTP cannot use.
        Unusable "unusable",
    }
}

words! {
    /// A stage of a session, as a scenario names it.
    Stage {
        /// The connection.
        Connect "connect",
        /// The greeting.
        Greeting "greeting",
        /// EHLO, LHLO or HELO.
        Ehlo "ehlo",
        /// STARTTLS.
        StartTls "starttls",
        /// The handshake.
        Tls "tls",
        /// AUTH.
        Auth "auth",
        /// MAIL.
        Mail "mail",
        /// RCPT.
        Rcpt "rcpt",
        /// DATA, or the first octet of a chunk.
        Data "data",
        /// Behind the content.
        Final "final",
    }
}

/// An MTA-STS policy as it is served. Its record belongs to the zone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MtaSts {
    /// Its text.
    pub policy: String,
    /// The status of the answer.
    pub status: u16,
    /// When it is served; the server cannot be reached else.
    pub span: Span,
}

/// How a host behaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// On which ports it speaks TLS at once, and on which it does not listen.
    pub ports: Ports,
    /// What it does about STARTTLS.
    pub starttls: StartTls,
    /// Its certificate.
    pub certificate: Certificate,
    /// The certificates that it shows instead, its own first.
    pub chain: Option<Certificates>,
    /// Its TLSA records.
    pub tlsa: Tlsa,
    /// How long each of its answers takes.
    pub latency: Millis,
    /// How long those at these stages take instead.
    pub latency_at: BTreeMap<Stage, Millis>,
    /// The keywords that it offers besides STARTTLS.
    pub extensions: Vec<String>,
    /// How long a sender and recipient from an address are put off that it does not know yet.
    pub greylist: Option<Millis>,
    /// How many connections it takes at once.
    pub connections_max: Option<u64>,
    /// How many messages it takes in how long; more are put off.
    pub rate: Option<(u64, Millis)>,
    /// What it answers otherwise than with yes; the first that fits.
    pub replies: Vec<HostReply>,
}

impl Host {
    /// The keywords that a host offers that does not say.
    pub const EXTENSIONS: [&str; 4] = ["SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"];

    /// How long an answer at a stage takes.
    #[must_use]
    pub fn latency_of(&self, stage: impl Into<Option<Stage>>) -> Millis {
        let own = stage.into().and_then(|stage| self.latency_at.get(&stage));
        own.copied().unwrap_or(self.latency)
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            ports: Ports::default(),
            starttls: StartTls::Offered,
            certificate: Certificate::Valid,
            chain: None,
            tlsa: Tlsa::Absent,
            latency: Millis(20),
            latency_at: BTreeMap::new(),
            extensions: Self::EXTENSIONS.map(str::to_owned).to_vec(),
            greylist: None,
            connections_max: None,
            rate: None,
            replies: Vec::new(),
        }
    }
}

/// What a host answers at a stage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostReply {
    /// At which.
    pub stage: Stage,
    /// What it answers.
    pub reply: Answer,
    /// How often it says yes before.
    pub skip: u64,
    /// How often; always where there is none.
    pub times: Option<u64>,
    /// To which recipient; to each where there is none.
    pub rcpt: Option<Mailbox>,
    /// To connections from which address; to each where there is none.
    pub source_ip: Option<IpAddr>,
    /// Whether it closes the connection behind a reply.
    pub closes: bool,
    /// When.
    pub span: Span,
}

/// What a host does at a stage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// This reply: its code, and its text, a line feed between its lines.
    Reply(u16, String),
    /// The connection is refused; only at the stage `connect`.
    Refuse,
    /// Nothing at all.
    Silence,
    /// It closes the connection.
    Close,
    /// Bytes that are no reply.
    Garbage,
}

impl Answer {
    /// The word or the reply, as a scenario has it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Reply(code, text) if text.is_empty() => code.to_string(),
            Self::Reply(code, text) => format!("{code} {text}"),
            Self::Refuse => "refuse".to_owned(),
            Self::Silence => "silence".to_owned(),
            Self::Close => "close".to_owned(),
            Self::Garbage => "garbage".to_owned(),
        }
    }

    /// What `text` says; `None` where it is neither one of the words nor a reply.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "refuse" => return Some(Self::Refuse),
            "silence" => return Some(Self::Silence),
            "close" => return Some(Self::Close),
            "garbage" => return Some(Self::Garbage),
            _ => {}
        }
        let (code, _) = text.split_at_checked(3)?;
        let is_code = code.bytes().all(|byte| byte.is_ascii_digit()) && code.starts_with(['2', '3', '4', '5']);
        // The code stands in front of the first line, and may stand in front of the others, as it is sent.
        let own = |line: &str| match line.strip_prefix(code)? {
            "" => Some(String::new()),
            rest => rest.strip_prefix([' ', '-']).map(str::to_owned),
        };
        let mut lines = text.trim_end_matches(['\r', '\n']).lines();
        let first = own(lines.next()?)?;
        let others = lines.map(|line| own(line).unwrap_or_else(|| line.to_owned()));
        let lines: Vec<String> = std::iter::once(first).chain(others).collect();
        let is_plain = |line: &String| !line.chars().any(char::is_control);
        (is_code && lines.iter().all(is_plain)).then(|| Some(Self::Reply(code.parse().ok()?, lines.join("\n"))))?
    }
}
