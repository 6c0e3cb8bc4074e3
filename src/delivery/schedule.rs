//! When a recipient is tried, when its sender is told of a delay, and when it is given up.
//!
//! Pure functions of a schedule strategy and what is known of the recipient.
//!
//! Source: delivery spec 3.1, 3.8 and 3.11.

use base::{Instant, Millis};
use policy::{Quirk, Target, strategy};

use crate::message::{Expires, Recipient, Since};

/// Puts a recipient of a new message under `schedule`.
pub fn begin(since: Since, recipient: &mut Recipient, schedule: &strategy::Schedule) {
    let hold = since.hold;
    recipient.queue = schedule.queue;
    recipient.due = since.created + hold;
    recipient.notify_due = match schedule.notify.first() {
        Some(first) => since.created + hold + *first,
        None => Instant::NEVER,
    };
    recipient.expires = expires(schedule, since.created + hold);
}

/// Puts a recipient whose attempt failed for the time being at `now` under `schedule`, and counts the failure.
pub fn after_failure(
    target: Target,
    since: Since,
    recipient: &mut Recipient,
    schedule: &strategy::Schedule,
    now: Instant,
) {
    recipient.due = now + retry(schedule, recipient.retry_num);
    recipient.retry_num = recipient.retry_num.saturating_add(1);
    recipient.queue = schedule.queue;
    let hold = if target.has(Quirk::ScheduleForgetsExtensions) { Millis(0) } else { since.hold };
    recipient.expires = expires(schedule, since.created + hold);
}

/// How long to wait after failure number `failed`, from 0; the last interval repeats.
#[must_use]
pub fn retry(schedule: &strategy::Schedule, failed: u32) -> Millis {
    let failed = usize::try_from(failed).unwrap_or(usize::MAX);
    schedule.retry.get(failed).or_else(|| schedule.retry.last()).copied().unwrap_or(Millis::from_secs(3_600))
}

/// Goes to the next delay notice at `now`, when one was due.
pub fn after_notice(
    target: Target,
    since: Since,
    recipient: &mut Recipient,
    schedule: &strategy::Schedule,
    now: Instant,
) {
    let next = recipient.notify_num.saturating_add(1);
    match schedule.notify.get(next as usize) {
        Some(interval) => {
            recipient.notify_num = next;
            recipient.notify_due = if target.has(Quirk::CumulativeNotices) {
                now + *interval
            } else {
                since.created + since.hold + *interval
            };
        }
        // The last one is not counted (2.2).
        None => recipient.notify_due = Instant::NEVER,
    }
}

fn expires(schedule: &strategy::Schedule, from: Instant) -> Expires {
    match schedule.expiry {
        strategy::Expiry::Ttl(ttl) => Expires::At(from + ttl),
        strategy::Expiry::Attempts(attempts) => Expires::After(attempts),
    }
}
