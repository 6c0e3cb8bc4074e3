//! Lines: messages that wait for the same spent rate, and are looked at together.
//!
//! The reference wakes everyone who waits for a rate when its window ends, lets through as many as fit, and holds the
//! others until the next end: a thousand messages behind one limiter are woken a thousand times. Whoever waits has a
//! [`Trail`]: what it is counted under, in order, up to the limit that held it. Where a look at the counts says that the
//! next one in line would be held again, it is, and so is everyone behind it, by one count for all: what each of them
//! would have been told by being woken is told when it really is.
//!
//! Only those stand in line whose trail is the same whenever they are woken: nothing that the rules before the limit read
//! changes with the time, and nothing but a directory is asked. A look takes no thread; where a queue has none free, all of
//! a line are looked at when the first of it is.
//!
//! Invariants:
//!
//! - A message stands in one line at most.
//! - Those of a line are woken in the order of their numbers, and none while one that was woken before has still to be
//!   counted and may take the last room.
//!
//! Source: delivery spec 3.9.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base::Instant;
use policy::strategy::QueueName;

use crate::{
    limiter::{Key, Limiters},
    message::MessageId,
};

/// What a work item is counted under, in order, each with its limiter's place among the policy's. The last one held it.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Trail {
    pub(crate) queue: QueueName,
    pub(crate) counts: Box<[(usize, Key)]>,
}

/// Who of a line is next, and when.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Head {
    pub(crate) due: Instant,
    pub(crate) next: MessageId,
    pub(crate) trail: Arc<Trail>,
    /// The place in the trail of what held the line.
    held_by: usize,
}

/// That a message was held so many times in a row, the last time until then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) message: MessageId,
    pub(crate) limiter: usize,
    pub(crate) rounds: u64,
    pub(crate) until: Instant,
}

/// What a look at the counts comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Look {
    /// The next one is woken.
    Wakes,
    /// Some or all are held again.
    Held,
    /// One that was woken before is counted first.
    Waits,
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    trails: BTreeMap<Arc<Trail>, Waiting>,
    /// The heads of the lines, by queue.
    heads: BTreeMap<QueueName, BTreeSet<Head>>,
    /// How many messages stand in all of them.
    len: u64,
}

/// Those of one trail.
#[derive(Debug, Default)]
struct Waiting {
    /// By when they are due, and the place in the trail of what held them.
    lines: BTreeMap<(Instant, usize), Line>,
    /// How many were woken and have still to be counted.
    coming: u64,
}

#[derive(Debug, Default)]
struct Line {
    /// The messages, each with how many rounds the line had when it joined.
    members: BTreeMap<MessageId, u64>,
    /// How often all of the line were held together.
    rounds: u64,
    /// The rounds at which a row of windows without a gap begins, and until when the first of them held the line.
    rows: Vec<(u64, Instant)>,
}

impl Trail {
    /// The limiter at a place, and the length of its window.
    fn at(&self, place: usize) -> (usize, u64) {
        self.counts.get(place).map_or((0, 1), |(limiter, key)| (*limiter, key.period()))
    }
}

impl Lines {
    /// Who is next of all lines of a queue.
    pub(crate) fn head(&self, queue: &QueueName) -> Option<&Head> {
        self.heads.get(queue).and_then(BTreeSet::first)
    }

    /// Who is next behind that.
    pub(crate) fn second(&self, queue: &QueueName) -> Option<(Instant, MessageId)> {
        self.heads.get(queue).and_then(|heads| heads.iter().nth(1)).map(|head| (head.due, head.next))
    }

    /// A message stands in the line of those whom the last limit of `trail` holds until `due`.
    pub(crate) fn join(&mut self, trail: &Arc<Trail>, due: Instant, message: MessageId) {
        let at = (due, trail.counts.len().saturating_sub(1));
        self.unhead(trail, at);
        let waiting = self.trails.entry(trail.clone()).or_default();
        let line = waiting.lines.entry(at).or_default();
        line.members.insert(message, line.rounds);
        self.len += 1;
        self.rehead(trail, at);
    }

    /// A message stands in line no longer: until when it was held, and how.
    pub(crate) fn leave(&mut self, trail: &Arc<Trail>, message: MessageId) -> Option<(Instant, Vec<Held>)> {
        let waiting = self.trails.get(trail)?;
        let at = *waiting.lines.iter().find(|(_, line)| line.members.contains_key(&message))?.0;
        self.unhead(trail, at);
        let line = self.trails.get_mut(trail)?.lines.get_mut(&at)?;
        let since = line.members.remove(&message)?;
        self.len -= 1;
        let told = line.told(message, since, trail.at(at.1));
        self.rehead(trail, at);
        self.forget(trail);
        Some((at.0, told))
    }

    /// How each message in line was held until now; they stay.
    pub(crate) fn tell(&mut self) -> Vec<Held> {
        let mut told = Vec::new();
        for (trail, waiting) in &mut self.trails {
            for ((_, held_by), line) in &mut waiting.lines {
                line.tell(trail.at(*held_by), &mut told);
            }
        }
        told
    }

    /// Every message in line.
    pub(crate) fn members(&self) -> Vec<MessageId> {
        let lines = self.trails.values().flat_map(|waiting| waiting.lines.values());
        lines.flat_map(|line| line.members.keys().copied()).collect()
    }

    /// One that was woken was counted, or will not be.
    pub(crate) fn came(&mut self, trail: &Arc<Trail>) {
        let Some(waiting) = self.trails.get_mut(trail) else { return };
        waiting.coming = waiting.coming.saturating_sub(1);
        self.forget(trail);
    }

    /// What becomes of the one that is next at `now`, before the `other` one who would be next in its queue, in which so many
    /// are due who stand in no line; `refunds` where what a later limit refuses is given back. Whoever was held otherwise than before is told of.
    pub(crate) fn look(
        &mut self,
        head: &Head,
        (other, alone): (Option<(Instant, MessageId)>, u64),
        (now, limiters): (Instant, &mut Limiters),
        refunds: bool,
        told: &mut Vec<Held>,
    ) -> Look {
        let Head { trail, due, held_by, .. } = head;
        let from = (*due, *held_by);
        let Some(waiting) = self.trails.get_mut(trail) else { return Look::Waits };
        let rooms: Vec<(u64, Instant)> = trail.counts.iter().map(|(_, key)| limiters.room(key, now)).collect();
        let least = |rooms: &[(u64, Instant)]| rooms.iter().map(|(room, _)| *room).min().unwrap_or(u64::MAX);
        let Some(held_by) = rooms.iter().position(|(room, _)| *room == 0) else {
            if least(&rooms) <= waiting.coming {
                return Look::Waits;
            }
            waiting.coming += 1;
            return Look::Wakes;
        };
        let before = rooms.get(..held_by).unwrap_or_default();
        if !before.is_empty() && waiting.coming > 0 {
            return Look::Waits;
        }
        self.unhead(trail, from);
        let Some(mut line) = self.trails.get_mut(trail).and_then(|waiting| waiting.lines.remove(&from)) else {
            return Look::Waits;
        };
        // What comes before the limit may run out on the way; then it matters who comes first.
        let most = if refunds { u64::MAX } else { least(before) };
        let ends = other.filter(|(at, _)| at == due && most < self.len + alone).map(|(_, id)| id);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let behind = line.members.keys().nth(most).copied();
        let behind_other = ends.and_then(|id| line.members.range(id..).next()).map(|(id, _)| *id);
        if let Some(first) = behind.into_iter().chain(behind_other).min() {
            let rest = line.members.split_off(&first);
            let rest = Line { members: rest, rounds: line.rounds, rows: line.rows.clone() };
            if let Some(waiting) = self.trails.get_mut(trail) {
                waiting.lines.insert(from, rest);
            }
            self.rehead(trail, from);
        }
        for (place, (_, key)) in trail.counts.iter().enumerate().take(held_by + 1) {
            if place == held_by || !refunds {
                limiters.count_all(key, now, line.members.len() as u64);
            }
        }
        let until = rooms.get(held_by).map_or(now, |(_, end)| *end);
        if held_by != from.1 {
            line.tell(trail.at(from.1), told);
            line = Line { members: line.members.into_keys().map(|member| (member, 0)).collect(), ..Line::default() };
        }
        line.hold(until, trail.at(held_by).1);
        self.put(trail, (until, held_by), line, told);
        Look::Held
    }

    /// Puts a line where there may be one; the shorter joins the longer.
    fn put(&mut self, trail: &Arc<Trail>, at: (Instant, usize), mut line: Line, told: &mut Vec<Held>) {
        self.unhead(trail, at);
        let waiting = self.trails.entry(trail.clone()).or_default();
        if let Some(mut other) = waiting.lines.remove(&at) {
            if other.members.len() > line.members.len() {
                std::mem::swap(&mut line, &mut other);
            }
            other.tell(trail.at(at.1), told);
            let rounds = line.rounds;
            line.members.extend(other.members.into_keys().map(|member| (member, rounds)));
        }
        waiting.lines.insert(at, line);
        self.rehead(trail, at);
    }

    fn head_of(&self, trail: &Arc<Trail>, at: (Instant, usize)) -> Option<Head> {
        let line = self.trails.get(trail)?.lines.get(&at)?;
        let next = *line.members.first_key_value()?.0;
        Some(Head { due: at.0, next, trail: trail.clone(), held_by: at.1 })
    }

    fn unhead(&mut self, trail: &Arc<Trail>, at: (Instant, usize)) {
        if let (Some(head), Some(heads)) = (self.head_of(trail, at), self.heads.get_mut(&trail.queue)) {
            heads.remove(&head);
        }
    }

    fn rehead(&mut self, trail: &Arc<Trail>, at: (Instant, usize)) {
        match self.head_of(trail, at) {
            Some(head) => {
                self.heads.entry(trail.queue.clone()).or_default().insert(head);
            }
            None => {
                if let Some(waiting) = self.trails.get_mut(trail) {
                    waiting.lines.remove(&at);
                }
            }
        }
    }

    /// Keeps nothing of a trail that nobody waits on.
    fn forget(&mut self, trail: &Arc<Trail>) {
        if self.trails.get(trail).is_some_and(|waiting| waiting.lines.is_empty() && waiting.coming == 0) {
            self.trails.remove(trail);
        }
    }
}

impl Line {
    /// All of it is held once more.
    fn hold(&mut self, until: Instant, period: u64) {
        let next = self.rows.last().map(|(from, first)| first.0 + (self.rounds - from) * period);
        if next != Some(until.0) {
            self.rows.push((self.rounds, until));
        }
        self.rounds += 1;
    }

    /// How a message was held that has been in it since it had `since` rounds.
    fn told(&self, message: MessageId, since: u64, (limiter, period): (usize, u64)) -> Vec<Held> {
        let ends = self.rows.iter().skip(1).map(|(from, _)| *from).chain([self.rounds]);
        let rows = self.rows.iter().zip(ends).filter(|(_, end)| *end > since);
        let held = |((from, first), end): (&(u64, Instant), u64)| Held {
            message,
            limiter,
            rounds: end - since.max(*from),
            until: Instant(first.0 + (end - 1 - from) * period),
        };
        rows.map(held).collect()
    }

    /// How everyone in it was held; it is told once.
    fn tell(&mut self, by: (usize, u64), told: &mut Vec<Held>) {
        for (message, since) in &self.members {
            told.extend(self.told(*message, *since, by));
        }
        self.members.values_mut().for_each(|since| *since = self.rounds);
    }
}
