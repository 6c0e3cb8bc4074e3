//! What a scenario expects of a message.

use base::Mailbox;
use policy::Kind;

use crate::place::Place;

/// What is expected of one message at one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The message's id.
    pub message: String,
    /// The recipient; `None` for each of the message.
    pub rcpt: Option<Mailbox>,
    /// The attempt, from 1.
    pub attempt: u32,
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

impl Expectation {
    /// An expectation that says nothing yet, about each recipient of `message` at the first attempt.
    #[must_use]
    pub fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            rcpt: None,
            attempt: 1,
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
