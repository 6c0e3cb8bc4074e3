//! What an operator does to the queue by hand: it stops and goes on, and recipients are tried at another time or given up.
//!
//! A message that is worked at is not touched before that is over. Whole messages are cancelled without telling anybody; a
//! recipient who is cancelled has its sender told.
//!
//! Source: delivery spec 3.12, 4.3 and 4.4.

use base::{Instant, Mailbox};
use policy::{Behaviour, Quirk};

use crate::{
    failure::Failure,
    message::{Expires, Failed, Message, MessageId, Status},
};

/// How many more attempts 0.15 gives a recipient that is tried at another time.
const MORE_ATTEMPTS: u32 = 10;

/// What an operator orders.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Order {
    /// No work item begins any more; what is under way goes on.
    Pause,
    /// Work items begin again.
    Resume,
    /// Something is done to a message, or to one of its recipients.
    Message(MessageId, Option<Mailbox>, Deed),
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// It is tried at this time, and not when its schedule says.
    TryAt(Instant),
    /// It is given up.
    Cancel,
}

/// Does something to those of a message's recipients who are not done; gives their places.
pub(crate) fn apply(
    message: &mut Message,
    rcpt: Option<&Mailbox>,
    deed: Deed,
    now: Instant,
    target: Behaviour,
) -> Vec<u32> {
    let mut places = Vec::new();
    for (recipient, place) in message.recipients.iter_mut().zip(0..) {
        if recipient.status.is_final() || rcpt.is_some_and(|rcpt| *rcpt != recipient.address) {
            continue;
        }
        places.push(place);
        match deed {
            Deed::TryAt(at) => {
                recipient.due = at.max(now);
                let is_timed = matches!(recipient.expires, Expires::At(_)) && !recipient.is_expired(now);
                if is_timed && target.has(Quirk::TryAgainExtends) {
                    recipient.expires = Expires::After(recipient.retry_num + MORE_ATTEMPTS);
                }
            }
            Deed::Cancel => {
                let failed = Failed { entity: "localhost".into(), failure: Failure::Canceled };
                recipient.status = Status::Bounced(Box::new(failed));
                recipient.is_reported = rcpt.is_none();
            }
        }
    }
    let is_over = message.recipients.iter().all(|recipient| recipient.status.is_final());
    if deed == Deed::Cancel && is_over && target.has(Quirk::CanceledUnheard) {
        message.recipients.iter_mut().for_each(|recipient| recipient.is_reported = true);
    }
    places
}
