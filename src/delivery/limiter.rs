//! Outbound rate limits: how often something may be tried, counted apart by chosen properties.
//!
//! Limiters with the same key values and the same rate share what they count, as in the reference.
//!
//! Source: delivery spec 3.9. The reference counts in windows that are aligned to the epoch; `native` has a token bucket
//! of as many tokens as the rate's count, which are filled up evenly.

use std::collections::BTreeMap;

use base::Instant;
use policy::{
    Behaviour, Quirk,
    strategy::{CountBy, Limiter},
};

use crate::event::CountedBy;

/// What a limiter counts under: the values of its key, and its rate.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    values: CountedBy,
    count: u64,
    period: u64,
}

/// How often each key was counted.
#[derive(Debug, Default)]
pub(crate) struct Limiters {
    windows: BTreeMap<Key, Window>,
    /// When counting began anew: what was counted before is not known, so that everything counts as spent then.
    restarted: Option<Instant>,
    /// How many are kept before it is looked for those that are over.
    keeps: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// The number of the window (reference), or the moment up to which tokens were filled in.
    at: u64,
    /// How often it was counted in the window, or how many parts of a token are left: `period` parts are one.
    count: u64,
    /// The moment that the next one who is refused is given to come again: one for each, so that a thousand who wait do
    /// not all come for one token.
    next: u64,
    /// The moment from which on it is as if nothing had been counted.
    over: u64,
}

impl Key {
    pub(crate) fn new(limiter: &Limiter, value: impl Fn(CountBy) -> Box<str>) -> Self {
        let values = limiter.key.iter().map(|by| (*by, value(*by))).collect();
        Self { values, count: limiter.count, period: limiter.period.0.max(1) }
    }

    /// The length of its windows in milliseconds.
    pub(crate) const fn period(&self) -> u64 {
        self.period
    }

    /// The values of its key.
    pub(crate) const fn values(&self) -> &CountedBy {
        &self.values
    }
}

impl Limiters {
    /// Limiters that do not know what was counted before `now`.
    pub(crate) const fn restarted(now: Instant) -> Self {
        Self { windows: BTreeMap::new(), restarted: Some(now), keeps: 0 }
    }

    /// Counts one under `key`; where the rate is spent, when there is room again.
    pub(crate) fn count(&mut self, key: &Key, now: Instant, target: Behaviour) -> Result<(), Instant> {
        if target.has(Quirk::FixedWindows) { self.in_window(key, now) } else { self.take_token(key, now) }
    }

    /// How many are counted under `key`, with the last one, which `has_room` or not.
    pub(crate) fn counted_with_this(&self, key: &Key, has_room: bool, target: Behaviour) -> u64 {
        let Some(window) = self.windows.get(key) else { return 0 };
        if target.has(Quirk::FixedWindows) {
            return window.count;
        }
        // One that finds no token is counted beyond all of them.
        key.count.saturating_sub(window.count / key.period) + u64::from(!has_room)
    }

    fn in_window(&mut self, key: &Key, now: Instant) -> Result<(), Instant> {
        let (room, end) = self.room(key, now);
        self.count_all(key, now, 1);
        if room > 0 { Ok(()) } else { Err(end) }
    }

    /// How many more fit under `key` into the window at hand, and when that ends, where rates are counted in windows.
    pub(crate) fn room(&self, key: &Key, now: Instant) -> (u64, Instant) {
        let at = now.0 / key.period;
        (key.count.saturating_sub(self.counted(key, at)), Instant((at + 1).saturating_mul(key.period)))
    }

    /// Counts so many under `key` in the window at hand.
    pub(crate) fn count_all(&mut self, key: &Key, now: Instant, many: u64) {
        let at = now.0 / key.period;
        let count = self.counted(key, at).saturating_add(many);
        let new = Window { at, count, next: 0, over: (at + 1).saturating_mul(key.period) };
        *self.window(key, now, new) = new;
    }

    /// What was counted under `key` in a window.
    fn counted(&self, key: &Key, at: u64) -> u64 {
        match self.windows.get(key) {
            Some(window) if window.at == at => window.count,
            Some(_) => 0,
            None if self.restarted.is_some_and(|restarted| restarted.0 / key.period == at) => key.count,
            None => 0,
        }
    }

    /// The window of `key`, or a new one, for which what is over makes room.
    fn window(&mut self, key: &Key, now: Instant, new: Window) -> &mut Window {
        if self.windows.len() >= self.keeps.max(KEEPS_LEAST) && !self.windows.contains_key(key) {
            self.windows.retain(|_, window| window.over > now.0);
            self.keeps = self.windows.len() * 2;
        }
        self.windows.entry(key.clone()).or_insert(new)
    }

    fn take_token(&mut self, key: &Key, now: Instant) -> Result<(), Instant> {
        // A token is `period` parts, of which `count` come each millisecond.
        let full = key.count.saturating_mul(key.period);
        let new = match self.restarted {
            Some(restarted) => Window { at: restarted.0, count: 0, next: 0, over: 0 },
            None => Window { at: now.0, count: full, next: 0, over: 0 },
        };
        let bucket = self.window(key, now, new);
        let filled = now.0.saturating_sub(bucket.at).saturating_mul(key.count);
        bucket.count = bucket.count.saturating_add(filled).min(full);
        bucket.at = now.0;
        let is_allowed = bucket.count >= key.period && key.count > 0;
        if is_allowed {
            bucket.count -= key.period;
        }
        let full_in = (full - bucket.count).checked_div(key.count).unwrap_or_default() + 1;
        bucket.over = now.0.saturating_add(full_in).max(bucket.next);
        if is_allowed {
            return Ok(());
        }
        let missing = key.period - bucket.count;
        let (wait, between) = match key.count {
            0 => (key.period, 0),
            count => (missing.div_ceil(count), key.period.div_ceil(count)),
        };
        let until = now.0.saturating_add(wait).max(bucket.next);
        bucket.next = until.saturating_add(between);
        bucket.over = bucket.over.max(bucket.next);
        Err(Instant(until))
    }

    /// Takes back one count: what it was for did not happen.
    pub(crate) fn take_back(&mut self, key: &Key, target: Behaviour) {
        let full = key.count.saturating_mul(key.period);
        if let Some(window) = self.windows.get_mut(key) {
            window.count = if target.has(Quirk::FixedWindows) {
                window.count.saturating_sub(1)
            } else {
                window.count.saturating_add(key.period).min(full)
            };
        }
    }
}

/// How many windows are kept whether they are over or not.
const KEEPS_LEAST: usize = 1_024;

#[cfg(test)]
mod tests {
    use base::Millis;
    use policy::strategy::Scope;

    use super::*;

    fn limiter(count: u64, seconds: u64) -> Limiter {
        let period = Millis::from_secs(seconds);
        Limiter { scope: Scope::Sender, key: Box::new([CountBy::Sender]), condition: None, count, period }
    }

    fn key(limiter: &Limiter, sender: &str) -> Key {
        Key::new(limiter, |_| sender.into())
    }

    /// The seconds at which something may be tried that is tried as soon as it may, from second `from`.
    fn allowed(target: Behaviour, from: u64, tries: usize) -> Vec<u64> {
        let (limiter, mut limiters) = (limiter(2, 60), Limiters::default());
        let mut now = Instant(from * 1_000);
        let mut allowed = Vec::new();
        while allowed.len() < tries {
            match limiters.count(&key(&limiter, "a"), now, target) {
                Ok(()) => allowed.push(now.0 / 1_000),
                Err(until) => {
                    assert!(until > now);
                    now = until;
                }
            }
        }
        allowed
    }

    #[test]
    fn the_reference_counts_in_windows_and_native_evenly() {
        assert_eq!(allowed(Behaviour::STALWART_016, 130, 6), [130, 130, 180, 180, 240, 240]);
        assert_eq!(allowed(Behaviour::NATIVE, 130, 6), [130, 130, 160, 190, 220, 250]);
    }

    #[test]
    fn who_waits_for_a_token_is_given_a_moment_of_its_own() {
        let (limiter, mut limiters) = (limiter(2, 60), Limiters::default());
        let a = key(&limiter, "a");
        let mut at = |second: u64| {
            limiters.count(&a, Instant(second * 1_000), Behaviour::NATIVE).map_err(|until| until.0 / 1_000)
        };
        assert_eq!([at(0), at(0)], [Ok(()), Ok(())]);
        assert_eq!([at(0), at(0), at(1), at(2)], [Err(30), Err(60), Err(90), Err(120)]);
        assert_eq!([at(30), at(60), at(90), at(120)], [Ok(()); 4]);
        assert_eq!(at(121), Err(150), "nobody is waited for who does not come");
    }

    #[test]
    fn behind_a_restart_everything_counts_as_spent() {
        let limiter = limiter(2, 60);
        for (target, free) in [(Behaviour::NATIVE, 160), (Behaviour::STALWART_016, 180)] {
            let mut limiters = Limiters::restarted(Instant(130_000));
            let a = key(&limiter, "a");
            assert_eq!(limiters.count(&a, Instant(131_000), target), Err(Instant(free * 1_000)), "{target}");
            assert_eq!(limiters.count(&a, Instant(free * 1_000), target), Ok(()), "{target}");
        }
        let mut later = Limiters::restarted(Instant(0));
        for _ in 0..2 {
            assert_eq!(later.count(&key(&limiter, "b"), Instant(600_000), Behaviour::NATIVE), Ok(()));
        }
    }

    #[test]
    fn no_period_ever_has_more_than_the_rate_and_one_bucket() {
        let times = allowed(Behaviour::NATIVE, 7, 50);
        for start in &times {
            let within = times.iter().filter(|at| (*start..start + 60).contains(*at)).count();
            assert!(within <= 4, "{within} from {start}");
        }
        let (limiter, mut limiters) = (limiter(0, 60), Limiters::default());
        for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
            assert!(limiters.count(&key(&limiter, "a"), Instant(5_000), target).is_err(), "nothing is allowed");
        }
    }

    #[test]
    fn what_is_over_is_forgotten_and_nothing_else() {
        let limiter = limiter(2, 60);
        for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
            let mut limiters = Limiters::default();
            let spent = key(&limiter, "spent");
            let mut most = 0;
            for number in 0..50_000_u64 {
                let now = Instant(number * 100);
                // One that is spent all the time is among thousands that are used once.
                while limiters.count(&spent, now, target).is_ok() {}
                assert_eq!(limiters.count(&key(&limiter, &number.to_string()), now, target), Ok(()));
                most = most.max(limiters.windows.len());
            }
            assert!(most <= 2 * KEEPS_LEAST, "{most} for {target}");
            let known = limiters.windows.len();
            assert!(known >= 600, "{known}: what was counted within the last minute is known");
        }
    }

    #[test]
    fn one_more_is_counted_than_there_is_room_for_where_there_is_none() {
        for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
            let (limiter, mut limiters) = (limiter(2, 60), Limiters::default());
            let key = key(&limiter, "a");
            let counted: Vec<_> = (0..3)
                .map(|_| {
                    let has_room = limiters.count(&key, Instant(0), target).is_ok();
                    (has_room, limiters.counted_with_this(&key, has_room, target))
                })
                .collect();
            assert_eq!(counted, [(true, 1), (true, 2), (false, 3)], "{target}");
        }
    }

    #[test]
    fn counted_at_once_or_one_by_one_is_the_same() {
        let limiter = limiter(5, 60);
        let a = key(&limiter, "a");
        let (mut one, mut all) = (Limiters::restarted(Instant(1)), Limiters::restarted(Instant(1)));
        for (second, many) in [(0, 3), (61, 3), (62, 1), (63, 4), (120, 5), (500, 2)] {
            let now = Instant(second * 1_000);
            for _ in 0..many {
                one.count_all(&a, now, 1);
            }
            all.count_all(&a, now, many);
            assert_eq!(one.room(&a, now), all.room(&a, now), "{second}");
        }
        assert_eq!(all.room(&a, Instant(500_000)), (3, Instant(540_000)));
    }

    #[test]
    fn keys_are_counted_apart_and_counts_can_be_taken_back() {
        let (limiter, mut limiters) = (limiter(1, 60), Limiters::default());
        let (a, b) = (key(&limiter, "a"), key(&limiter, "b"));
        let now = Instant(0);
        assert_eq!(limiters.count(&a, now, Behaviour::NATIVE), Ok(()));
        assert_eq!(limiters.count(&b, now, Behaviour::NATIVE), Ok(()));
        assert_eq!(limiters.count(&a, now, Behaviour::NATIVE), Err(Instant(60_000)));
        limiters.take_back(&a, Behaviour::NATIVE);
        assert_eq!(limiters.count(&a, now, Behaviour::NATIVE), Ok(()));
    }
}
