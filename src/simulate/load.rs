//! How loaded each virtual queue was in a run: what was in it, for how long, and what made it wait.
//!
//! It is counted as the run goes on, from what the core stores and which connections it has, so that a run of millions
//! needs no events for it.

use std::collections::BTreeMap;

use base::{Instant, Millis};
use delivery::Recipient;
use policy::{Strategies, strategy::QueueName};

/// The load of every queue.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    queues: BTreeMap<QueueName, Load>,
    /// How often recipients waited for each limiter, by its place among the policy's.
    pub waits: BTreeMap<usize, u64>,
}

/// The load of one queue.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// How many recipients are in it.
    pub depth: u64,
    /// How many there were at most, and when first.
    pub peak: (u64, Instant),
    /// How long one was in it at most, from when its message was handed in.
    pub oldest: Millis,
    /// When it was empty last; none where it is not.
    pub empty: Option<Instant>,
    /// How many connections it has.
    pub connections: u32,
    /// How many it had at most.
    pub most_connections: u32,
    /// For how long it had as many as it has threads.
    pub saturated: Millis,
    since: Option<Instant>,
}

impl Loads {
    /// The queues that had something in them.
    pub fn queues(&self) -> impl Iterator<Item = (&str, &Load)> {
        self.queues.iter().map(|(queue, load)| (&**queue, load))
    }

    /// A recipient has a new state at `now`; its message was handed in at `created`.
    pub(crate) fn changed(&mut self, before: Option<&Recipient>, after: &Recipient, created: Instant, now: Instant) {
        let (from, to) = (before.and_then(queue_of), queue_of(after));
        if from == to {
            return;
        }
        if let Some(load) = from.and_then(|queue| self.queues.get_mut(queue)) {
            load.depth = load.depth.saturating_sub(1);
            load.oldest = load.oldest.max(now.since(created));
            if load.depth == 0 {
                load.empty = Some(now);
            }
        }
        if let Some(queue) = to {
            let load = self.queues.entry(queue.clone()).or_default();
            load.depth += 1;
            load.empty = None;
            if load.depth > load.peak.0 {
                load.peak = (load.depth, now);
            }
        }
    }

    /// A connection is made for a queue.
    pub(crate) fn connects(&mut self, queue: &QueueName, strategies: &Strategies, now: Instant) {
        let load = self.queues.entry(queue.clone()).or_default();
        load.connections += 1;
        load.most_connections = load.most_connections.max(load.connections);
        if strategies.queue(queue).is_some_and(|queue| load.connections >= queue.threads) {
            load.since.get_or_insert(now);
        }
    }

    /// A connection of a queue is over.
    pub(crate) fn closes(&mut self, queue: &QueueName, now: Instant) {
        let Some(load) = self.queues.get_mut(queue) else { return };
        load.connections = load.connections.saturating_sub(1);
        load.end(now);
    }

    /// Every connection is over.
    pub(crate) fn closes_all(&mut self, now: Instant) {
        for load in self.queues.values_mut() {
            load.connections = 0;
            load.end(now);
        }
    }
}

/// The queue that a recipient is in, until it is done.
fn queue_of(recipient: &Recipient) -> Option<&QueueName> {
    (!recipient.status.is_final()).then_some(&recipient.queue)
}

impl Load {
    fn end(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.saturated = self.saturated + now.since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use delivery::{
        Status,
        message::{Delivered, Expires, Notify},
        reply::Reply,
    };

    use super::*;

    fn recipient(queue: &str, status: Status) -> Recipient {
        Recipient {
            address: base::Mailbox::parse("bob@corp.test").unwrap(),
            notify: Notify::Unsaid,
            orcpt: None,
            headers: None,
            status,
            queue: queue.into(),
            due: Instant(0),
            retry_num: 0,
            notify_num: 0,
            notify_due: Instant::NEVER,
            expires: Expires::After(3),
            is_reported: false,
        }
    }

    #[test]
    fn recipients_move_from_queue_to_queue_and_leave() {
        let mut loads = Loads::default();
        let delivered = Delivered { entity: "mx.test".into(), reply: Reply::new(250, "ok"), relay: None };
        let (one, two) = (recipient("one", Status::Scheduled), recipient("two", Status::Scheduled));
        let done = recipient("two", Status::Delivered(Box::new(delivered)));
        loads.changed(None, &one, Instant(0), Instant(0));
        loads.changed(None, &one, Instant(5), Instant(5));
        loads.changed(Some(&one), &two, Instant(0), Instant(10));
        loads.changed(Some(&two), &two, Instant(0), Instant(15));
        loads.changed(Some(&two), &done, Instant(0), Instant(30));
        let of = |queue| loads.queues().find(|(id, _)| *id == queue).map(|(_, load)| *load).unwrap();
        assert_eq!(
            (of("one").depth, of("one").peak, of("one").oldest, of("one").empty),
            (1, (2, Instant(5)), Millis(10), None)
        );
        assert_eq!((of("two").depth, of("two").peak, of("two").oldest), (0, (1, Instant(10)), Millis(30)));
        assert_eq!(of("two").empty, Some(Instant(30)));
    }
}
