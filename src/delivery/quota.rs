//! Inbound quotas: how much of the queue a sender, a domain or a recipient may take, counted apart by chosen properties.
//!
//! A message is taken as a whole or not at all. What it takes is given back as its recipients are done.
//!
//! Source: delivery spec 3.10.

use std::collections::BTreeMap;

use policy::strategy::{CountBy, Quota};

use crate::event::CountedBy;

/// What a quota counts under: the values of its key, and its limits.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    values: CountedBy,
    messages: Option<u64>,
    size: Option<u64>,
}

/// What messages take of the quotas.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    used: BTreeMap<Key, Used>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    messages: u64,
    size: u64,
}

/// What one message takes of one quota, until these of its recipients are done.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) key: Key,
    pub(crate) size: u64,
    /// By their places; none for all of them.
    pub(crate) recipients: Vec<u32>,
}

impl Key {
    pub(crate) fn new(quota: &Quota, value: impl Fn(CountBy) -> Box<str>) -> Self {
        let values = quota.key.iter().map(|by| (*by, value(*by))).collect();
        Self { values, messages: quota.messages, size: quota.size }
    }

    /// The values of its key.
    pub(crate) const fn values(&self) -> &CountedBy {
        &self.values
    }
}

impl Quotas {
    /// How many messages and bytes it would be with one more of this size.
    pub(crate) fn with(&self, key: &Key, size: u64) -> (u64, u64) {
        let used = self.used.get(key).copied().unwrap_or_default();
        (used.messages.saturating_add(1), used.size.saturating_add(size))
    }

    /// Takes a message of this size; whether there was room.
    pub(crate) fn take(&mut self, key: &Key, size: u64) -> bool {
        let (messages, size) = self.with(key, size);
        let after = Used { messages, size };
        let is_over =
            key.messages.is_some_and(|most| after.messages > most) || key.size.is_some_and(|most| after.size > most);
        if !is_over {
            self.used.insert(key.clone(), after);
        }
        !is_over
    }

    /// Takes what a message held before a restart, whether there is room or not.
    pub(crate) fn take_again(&mut self, held: &Held) {
        let used = self.used.entry(held.key.clone()).or_default();
        used.messages = used.messages.saturating_add(1);
        used.size = used.size.saturating_add(held.size);
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self, held: &Held) {
        let Some(used) = self.used.get_mut(&held.key) else { return };
        used.messages = used.messages.saturating_sub(1);
        used.size = used.size.saturating_sub(held.size);
        if used.messages == 0 {
            self.used.remove(&held.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::strategy::Scope;

    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_keys_are_counted_apart() {
        let quota = Quota {
            scope: Scope::Sender,
            key: Box::new([CountBy::Sender]),
            condition: None,
            messages: Some(2),
            size: Some(100),
        };
        let key = |sender: &str| Key::new(&quota, |_| sender.into());
        let mut quotas = Quotas::default();
        assert!(quotas.take(&key("a"), 40) && quotas.take(&key("a"), 40));
        assert!(!quotas.take(&key("a"), 1), "a third message");
        assert!(quotas.take(&key("b"), 100));
        assert!(!quotas.take(&key("b"), 1), "too many bytes");
        quotas.give_back(&Held { key: key("b"), size: 100, recipients: Vec::new() });
        assert!(!quotas.take(&key("b"), 101), "more than there ever is");
        assert!(quotas.take(&key("b"), 100));
        for _ in 0..2 {
            quotas.give_back(&Held { key: key("a"), size: 40, recipients: Vec::new() });
        }
        let held = Held { key: key("b"), size: 100, recipients: Vec::new() };
        quotas.give_back(&held);
        quotas.take_again(&held);
        assert!(!quotas.take(&key("b"), 1), "what was held before is held again");
        quotas.give_back(&held);
        assert!(quotas.used.is_empty(), "nothing is kept of what is not used");
    }
}
