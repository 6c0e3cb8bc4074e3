//! When a recipient is tried, when its sender is told of a delay, and when it is given up.
//!
//! Pure functions of a schedule strategy and what is known of the recipient.
//!
//! Source: delivery spec 3.1, 3.8 and 3.11.

use base::{Instant, Millis};
use policy::{Behaviour, Quirk, strategy};

use crate::message::{By, ByMode, Expires, Recipient, Since, Status};

/// Puts a recipient of a new message under `schedule`.
pub fn begin(since: Since, recipient: &mut Recipient, schedule: &strategy::Schedule) {
    recipient.queue = schedule.queue.clone();
    recipient.due = since.created + since.hold;
    let first = match (since.by, schedule.expiry) {
        (Some(By { mode: ByMode::Notify, seconds }), strategy::Expiry::Ttl(ttl)) => {
            let before = Millis::from_secs(seconds.unsigned_abs());
            let at = if seconds > 0 { before } else { Millis(ttl.0.saturating_sub(before.0)) };
            Some(at).filter(|at| *at < ttl).or_else(|| schedule.notify.first().copied())
        }
        _ => schedule.notify.first().copied(),
    };
    recipient.notify_due = first.map_or(Instant::NEVER, |first| since.created + since.hold + first);
    recipient.expires = expires(schedule, since);
}

/// Puts a recipient whose attempt failed for the time being at `now` under `schedule`, and counts the failure.
pub fn after_failure(
    target: Behaviour,
    since: Since,
    recipient: &mut Recipient,
    schedule: &strategy::Schedule,
    now: Instant,
) {
    // What nobody mends by itself is tried at the slowest interval.
    let is_hopeless = matches!(&recipient.status, Status::Deferred(failed) if failed.failure.is_refused_login());
    let failed = if is_hopeless && !target.has(Quirk::AuthFailureRetried) { u32::MAX } else { recipient.retry_num };
    recipient.due = now + retry(schedule, failed);
    recipient.retry_num = recipient.retry_num.saturating_add(1);
    recipient.queue = schedule.queue.clone();
    let kept =
        if target.has(Quirk::ScheduleForgetsExtensions) { Since { hold: Millis(0), by: None, ..since } } else { since };
    recipient.expires = expires(schedule, kept);
}

/// How long to wait after failure number `failed`, from 0; the last interval repeats.
#[must_use]
pub fn retry(schedule: &strategy::Schedule, failed: u32) -> Millis {
    let failed = usize::try_from(failed).unwrap_or(usize::MAX);
    schedule.retry.get(failed).or_else(|| schedule.retry.last()).copied().unwrap_or(Millis::from_secs(3_600))
}

/// Goes to the next delay notice at `now`, when one was due.
pub fn after_notice(
    target: Behaviour,
    since: Since,
    recipient: &mut Recipient,
    schedule: &strategy::Schedule,
    now: Instant,
) {
    let next = recipient.notify_num.saturating_add(1);
    match schedule.notify.get(next as usize) {
        // Whoever said when to be told is told once.
        _ if matches!(since.by, Some(By { mode: ByMode::Notify, .. })) => recipient.notify_due = Instant::NEVER,
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

/// DELIVERBY counts from the message's acceptance, and is not added to the time that it is held.
fn expires(schedule: &strategy::Schedule, since: Since) -> Expires {
    match (since.by, schedule.expiry) {
        (Some(By { mode: ByMode::Return, seconds }), _) | (Some(By { seconds, .. }), strategy::Expiry::Attempts(_)) => {
            Expires::At(since.created + Millis::from_secs(seconds.unsigned_abs()))
        }
        (Some(By { mode: ByMode::Notify, .. }), strategy::Expiry::Ttl(ttl)) => Expires::At(since.created + ttl),
        (None, strategy::Expiry::Ttl(ttl)) => Expires::At(since.created + since.hold + ttl),
        (None, strategy::Expiry::Attempts(attempts)) => Expires::After(attempts),
    }
}
