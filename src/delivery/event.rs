//! What happened, for timelines, logs and measures. Nothing in the core depends on who reads it.

use std::{net::IpAddr, sync::Arc};

use base::Instant;
use policy::{
    Chosen, Kind,
    setting::Picked,
    strategy::{CountBy, QueueName},
};

use crate::{
    failure::Failure,
    hosts::Host,
    message::{Expires, MessageId, Recipient, Status},
    report::Action,
    tls::Verification,
};

/// Something that happened to a message.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Under which policy: the first one has the number 0, and each that the queue took over is the next.
    pub policy: usize,
    /// To which message.
    pub message: MessageId,
    /// In which task of the core; several may work at a message side by side. 0 for none.
    pub task: u64,
    /// What.
    pub what: What,
}

/// The values that something is counted apart by.
pub type CountedBy = Box<[(CountBy, Box<str>)]>;

/// How a recipient stands in the queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The virtual queue.
    pub queue: QueueName,
    /// How many attempts failed for the time being.
    pub retry_num: u32,
    /// When it is given up.
    pub expires: Expires,
}

impl Standing {
    /// That of a recipient.
    #[must_use]
    pub fn of(recipient: &Recipient) -> Self {
        Self { queue: recipient.queue.clone(), retry_num: recipient.retry_num, expires: recipient.expires }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// It was accepted, with so many recipients.
    Accepted(u32),
    /// It was not accepted: a quota is full.
    Refused {
        /// The quota's place among the policy's.
        quota: usize,
    },
    /// A decision about this recipient.
    Decided {
        /// The recipient's place.
        recipient: u32,
        /// Of which kind.
        kind: Kind,
        /// What was chosen; `None` where the rules gave nothing that the target goes on with.
        chosen: Option<Chosen>,
        /// Whether the target took it instead of what the rules gave.
        is_instead: bool,
    },
    /// What rules choose of the strategy that was decided last about this recipient.
    Set {
        /// The recipient's place.
        recipient: u32,
        /// The setting's place among the policy's.
        setting: usize,
        /// What its rules came to.
        picked: Picked,
    },
    /// An attempt at these recipients begins.
    Attempt(Vec<u32>),
    /// These recipients decide otherwise than the others of their transaction, and get one of their own.
    Apart(Vec<u32>),
    /// The transaction for these goes on where they left the one before.
    Resumed(Vec<u32>),
    /// These hosts are tried, in order.
    Hosts(Vec<Host>),
    /// A connection is made.
    Connecting {
        /// The host.
        host: Arc<str>,
        /// Its address.
        ip: IpAddr,
        /// The address that it is made from; the system chooses without one.
        from: Option<IpAddr>,
        /// The name that the client greets with.
        ehlo: Arc<str>,
    },
    /// The connection is secured.
    Secured {
        /// The host.
        host: Arc<str>,
        /// What its certificate was compared with.
        verification: Verification,
        /// Whether the domain's MTA-STS policy demands that.
        is_by_sts: bool,
    },
    /// What follows on the connection is sent in clear text: credentials, or the envelope.
    InClear {
        /// The host.
        host: Arc<str>,
    },
    /// This counts for the domain's TLS report (RFC 8460), which says it by the policy's and the result's word.
    TlsCounted(Box<str>),
    /// A host failed.
    HostFailed {
        /// The host.
        host: Arc<str>,
        /// How.
        failure: Failure,
    },
    /// A recipient has a new status.
    Outcome {
        /// The recipient's place.
        recipient: u32,
        /// What came of it.
        status: Status,
        /// When it is tried next.
        next: Option<Instant>,
    },
    /// How a recipient stands in the queue: when its message is accepted, before each attempt, and behind a failure.
    Stands {
        /// The recipient's place.
        recipient: u32,
        /// How.
        standing: Standing,
    },
    /// Something was counted under a rate limit.
    Counted {
        /// The places of the recipients that it is for.
        recipients: Vec<u32>,
        /// The limiter's place among the policy's.
        limiter: usize,
        /// What is counted apart.
        key: CountedBy,
        /// How many are counted with this one.
        count: u64,
    },
    /// A message takes its share of a quota, or there is no room for it.
    Quota {
        /// The places of the recipients that it is for; none for all of them.
        recipients: Vec<u32>,
        /// The quota's place among the policy's.
        quota: usize,
        /// What is counted apart.
        key: CountedBy,
        /// How many messages it would have with this one.
        messages: u64,
        /// And how many bytes.
        size: u64,
    },
    /// A rate limit is spent: these recipients wait until then.
    Limited {
        /// The recipients' places.
        recipients: Vec<u32>,
        /// The limiter's place among the policy's.
        limiter: usize,
        /// When they are tried next.
        until: Instant,
    },
    /// These recipients, who waited for a rate, were looked at so many times more, each time in vain, one window after
    /// the other: the last time they were let wait until then.
    HeldOn {
        /// The recipients' places.
        recipients: Vec<u32>,
        /// The limiter's place among the policy's.
        limiter: usize,
        /// How many times.
        rounds: u64,
        /// Until when they were let wait.
        until: Instant,
    },
    /// An operator has a recipient tried at another time.
    Rescheduled {
        /// The recipient's place.
        recipient: u32,
        /// When it is tried.
        next: Instant,
    },
    /// A delay notice was due.
    NoticeDue(u32),
    /// The sender is told by a report of this number.
    Reported {
        /// The report.
        report: MessageId,
        /// What is told about which recipients.
        lines: Vec<(u32, Action)>,
    },
    /// Nobody is told about this recipient, as there is no return path.
    DoubleBounce(u32),
    /// Nothing is left to be done.
    Removed,
}
