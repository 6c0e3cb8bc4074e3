//! What a scenario expects of a message.

use base::{Mailbox, Millis};
use policy::{Kind, Target};

use crate::place::Place;

/// What is expected of one message at one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The message's id.
    pub message: String,
    /// The recipient; `None` for each of the message.
    pub rcpt: Option<Mailbox>,
    /// The attempt, from 1. Without one, decisions are those of the first, and the status is the last one.
    pub attempt: Option<u32>,
    /// The status that is expected.
    pub status: Option<Status>,
    /// How long after the message was handed in the status is reached at the latest.
    pub within: Option<Millis>,
    /// How long after the message was handed in the status is reached at the earliest.
    pub after: Option<Millis>,
    /// The only target that it is expected of; of every one without it.
    pub target: Option<Target>,
    /// The `last_error` that is left; `none` where it was delivered.
    pub error: Option<String>,
    /// The host that was connected to last.
    pub host: Option<String>,
    /// Whether that connection was secured by TLS.
    pub secured: Option<bool>,
    /// What counted for the domain's TLS report, by the words of the policy and of the result; `none` for nothing.
    pub tls_report: Option<String>,
    /// The commands that the host read on that connection, with `+` between those that came at once.
    pub commands: Option<String>,
    /// What the sender was told about the recipient until the end, in order; `none` for nothing.
    pub reports: Option<String>,
    /// The status codes (RFC 3463) by which the sender was told that, in order; `none` for nothing.
    pub report_status: Option<String>,
    /// How often it was tried until the end.
    pub attempts: Option<u32>,
    /// The route's name.
    pub route: Option<Expected>,
    /// The schedule's name.
    pub schedule: Option<Expected>,
    /// The connection strategy's name.
    pub connection: Option<Expected>,
    /// The TLS strategy's name.
    pub tls: Option<Expected>,
    /// Where it was written.
    pub place: Place,
}

/// A name that is expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub place: Place,
}

words! {
    /// What came of a recipient.
    Status {
        /// It was delivered.
        Delivered "delivered",
        /// It was tried, and is tried again.
        Deferred "deferred",
        /// It was given up.
        Bounced "bounced",
        /// It was not tried yet.
        Scheduled "scheduled",
        /// Its message was not accepted.
        Refused "refused",
    }
}

impl Expectation {
    /// The attempt whose decisions are expected, from 1.
    #[must_use]
    pub fn decided_at(&self) -> u32 {
        self.attempt.unwrap_or(1)
    }

    /// An expectation that says nothing yet, about each recipient of `message` at the first attempt.
    #[must_use]
    pub fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            rcpt: None,
            attempt: None,
            status: None,
            within: None,
            after: None,
            target: None,
            error: None,
            host: None,
            secured: None,
            tls_report: None,
            commands: None,
            reports: None,
            report_status: None,
            attempts: None,
            route: None,
            schedule: None,
            connection: None,
            tls: None,
            place: Place::default(),
        }
    }

    /// The name that is expected of this kind of decision.
    #[must_use]
    pub const fn decision(&self, kind: Kind) -> Option<&Expected> {
        match kind {
            Kind::Route => self.route.as_ref(),
            Kind::Schedule => self.schedule.as_ref(),
            Kind::Connection => self.connection.as_ref(),
            Kind::Tls => self.tls.as_ref(),
        }
    }

    /// The same, to be changed.
    pub const fn decision_mut(&mut self, kind: Kind) -> &mut Option<Expected> {
        match kind {
            Kind::Route => &mut self.route,
            Kind::Schedule => &mut self.schedule,
            Kind::Connection => &mut self.connection,
            Kind::Tls => &mut self.tls,
        }
    }
}
