//! A message in the queue, and what is known of each of its recipients.
//!
//! Invariant: a recipient whose status is final is never tried again.

use std::net::IpAddr;

use base::{Instant, Mailbox, Millis};
use policy::strategy::QueueName;

use crate::{failure::Failure, quota::Held, reply::Reply};

/// A message's number; whoever hands it in gives it. Reports are numbered from [`Self::REPORTS`] on.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(pub u64);

impl MessageId {
    /// Where the numbers of reports begin.
    pub const REPORTS: u64 = 1 << 63;
}

/// What is handed in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The envelope and what is known about the client.
    pub envelope: Envelope,
    /// The recipients, each with its wishes.
    pub recipients: Vec<Wish>,
}

/// A recipient as it was handed in.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Who it is for.
    pub address: Mailbox,
    /// What the sender wants to hear of.
    pub notify: Notify,
    /// The original recipient (ORCPT).
    pub orcpt: Option<Box<str>>,
    /// Header lines that only its copy has.
    pub headers: Option<Box<str>>,
}

/// What is the same for every recipient of a message.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The return path.
    pub sender: Mailbox,
    /// Where it comes from: one of the texts of the variable `source`.
    pub source: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its MT-PRIORITY.
    pub priority: i8,
    /// The client's address.
    pub received_from_ip: IpAddr,
    /// The port that the client connected to; 0 for what the server made itself.
    pub received_via_port: u16,
    /// ENVID (RFC 3461 §4.4).
    pub envid: Option<Box<str>>,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// Whether every hop must use TLS (RFC 8689).
    pub requires_tls: bool,
    /// Whether an address or a header needs SMTPUTF8 (RFC 6531).
    pub is_utf8: bool,
    /// Whether the body has octets above 127.
    pub is_8bit: bool,
    /// HOLDFOR (RFC 4865): how long it is held before the first attempt.
    pub hold: Millis,
    /// BY (RFC 2852): until when it is wanted.
    pub by: Option<By>,
}

/// Until when a message is wanted (RFC 2852 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct By {
    /// The seconds from its acceptance; fewer than none where the time is over already.
    pub seconds: i64,
    /// What is done then.
    pub mode: ByMode,
}

/// What is done when a message is late (RFC 2852 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByMode {
    /// It is given up.
    Return,
    /// The sender is told, and it is tried on.
    Notify,
}

/// How much of a message a report about it returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// What a sender wants to hear of (RFC 3461 §4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notify {
    /// The client did not say: failures and delays.
    Unsaid,
    /// Nothing.
    Never,
    /// These.
    Of {
        /// That it was delivered.
        success: bool,
        /// That it could not be delivered.
        failure: bool,
        /// That it is late.
        delay: bool,
    },
}

impl Notify {
    /// Whether delivery is reported.
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self, Self::Of { success: true, .. })
    }

    /// Whether a failure is reported.
    #[must_use]
    pub const fn failure(self) -> bool {
        matches!(self, Self::Unsaid | Self::Of { failure: true, .. })
    }

    /// Whether a delay is reported.
    #[must_use]
    pub const fn delay(self) -> bool {
        matches!(self, Self::Unsaid | Self::Of { delay: true, .. })
    }
}

/// A message in the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// When it was accepted.
    pub created: Instant,
    /// What is the same for every recipient.
    pub envelope: Box<Envelope>,
    /// The recipients, in the order in which they were handed in.
    pub recipients: Vec<Recipient>,
    /// What it takes of the quotas, until its recipients are done.
    pub(crate) held: Vec<Held>,
}

/// What schedules need of a message.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// When it was accepted.
    pub created: Instant,
    /// How long it is held before the first attempt.
    pub hold: Millis,
    /// Until when it is wanted.
    pub by: Option<By>,
}

impl Message {
    /// What schedules need of it.
    #[must_use]
    pub const fn since(&self) -> Since {
        Since { created: self.created, hold: self.envelope.hold, by: self.envelope.by }
    }
}

/// A recipient of a message in the queue.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Who it is for.
    pub address: Mailbox,
    /// What the sender wants to hear of.
    pub notify: Notify,
    /// The original recipient (ORCPT).
    pub orcpt: Option<Box<str>>,
    /// Header lines that only its copy has.
    pub headers: Option<Box<str>>,
    /// What came of it so far.
    pub status: Status,
    /// The virtual queue it is in.
    pub queue: QueueName,
    /// When it is tried next.
    pub due: Instant,
    /// How many attempts failed for the time being.
    pub retry_num: u32,
    /// How many delay notices were due.
    pub notify_num: u32,
    /// When the next delay notice is due.
    pub notify_due: Instant,
    /// When it is given up.
    pub expires: Expires,
    /// Whether its sender was told how it ended, or need not be.
    pub is_reported: bool,
}

/// When a recipient is given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expires {
    /// At this moment.
    At(Instant),
    /// After so many failures.
    After(u32),
}

/// What came of a recipient so far.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    /// Not tried yet.
    Scheduled,
    /// The last attempt failed for the time being.
    Deferred(Box<Failed>),
    /// Delivered.
    Delivered(Box<Delivered>),
    /// Given up.
    Bounced(Box<Failed>),
}

/// A failure, and which host it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failed {
    /// The host or domain that it happened with.
    pub entity: Box<str>,
    /// What happened.
    pub failure: Failure,
}

/// A delivery.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivered {
    /// The host that took it.
    pub entity: Box<str>,
    /// What it answered.
    pub reply: Reply,
    /// Who tells the sender now, where that is another server; `None` for a mailbox.
    pub relay: Option<Relay>,
}

/// What a server that took a message does about its sender's wish to be told (RFC 3461 §5.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relay {
    /// It was given the wish, and tells.
    TellsSender,
    /// It does not know the extension.
    KeepsSilent,
}

impl Status {
    /// Whether nothing will change any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Scheduled | Self::Deferred(_) => false,
            Self::Delivered(_) | Self::Bounced(_) => true,
        }
    }

    /// The variable `last_error`.
    #[must_use]
    pub fn last_error(&self) -> &'static str {
        match self {
            Self::Scheduled | Self::Delivered(_) => "none",
            Self::Deferred(failed) | Self::Bounced(failed) => failed.failure.last_error().word(),
        }
    }

    /// The variable `last_status`: free text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Scheduled => "Scheduled".to_owned(),
            Self::Delivered(delivered) => format!("Delivered: {}", delivered.reply),
            Self::Deferred(failed) => format!("Temporary Failure for {}: {}", failed.entity, failed.failure),
            Self::Bounced(failed) => format!("Permanent Failure for {}: {}", failed.entity, failed.failure),
        }
    }
}

impl Recipient {
    /// Whether it is given up at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        match self.expires {
            Expires::At(at) => at <= now,
            Expires::After(attempts) => self.retry_num >= attempts,
        }
    }

    /// The variable `expires_in`: whole seconds, or attempts that are left.
    #[must_use]
    pub fn expires_in(&self, now: Instant) -> u64 {
        match self.expires {
            Expires::At(at) => at.since(now).0 / 1_000,
            Expires::After(attempts) => u64::from(attempts.saturating_sub(self.retry_num)),
        }
    }

    /// When something of it is due: an attempt, a notice or its expiry; where it is done, at once that its sender is told,
    /// and `None` behind that.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        if self.status.is_final() {
            return (!self.is_reported).then_some(Instant(0));
        }
        let expiry = match self.expires {
            Expires::At(at) => at,
            Expires::After(_) => Instant::NEVER,
        };
        Some(self.due.min(self.notify_due).min(expiry))
    }
}
