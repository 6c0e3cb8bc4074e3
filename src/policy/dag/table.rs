//! Texts to numbers by one hash: what a chain of equality tests becomes, whatever its length.
//!
//! A text's key is its length and up to four words of eight bytes, which overlap and hold a text of at most 32 bytes
//! completely. A longer text that has the same key is compared with the text itself. Slots are half full at most, and
//! a text lies within [`PROBES_MAX`] slots of where its hash points; a set of texts for which no multiplier can do
//! that is searched by halves instead, so that no choice of texts makes a lookup slow.
//!
//! Invariant: `find` gives what was put in for this text, and nothing for every other.

use std::sync::Arc;

/// Texts, each with a number.
#[derive(Clone, Debug)]
pub struct Table {
    /// For each place that a hash points to: the number of an entry in the lower bits, a part of its hash above; 0 is
    /// free. They are small, so that many fit into a cache.
    slots: Box<[u32]>,
    /// The first one stands for none.
    entries: Box<[Entry]>,
    /// How far a hash is shifted to give a slot.
    shift: u32,
    multiplier: u64,
    /// The texts that are longer than a key, in order; or all of them, where nothing hashes.
    texts: Box<[(Arc<str>, u64)]>,
}

/// A key, and what belongs to it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    words: [u64; 4],
    value: u64,
    length: u32,
}

/// How many bits of a slot are the number of an entry.
const NUMBER_BITS: u32 = 20;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;

/// The most slots that a lookup visits.
const PROBES_MAX: usize = 8;

/// The longest text that its key holds completely.
const KEY_BYTES: usize = 32;

/// Odd, with its bits well mixed: the golden ratio's, and what its powers give.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many multipliers are tried at each size, and how often the size is doubled.
const TRIES: u32 = 16;
const DOUBLINGS: u32 = 3;

impl Table {
    /// A table of `entries`, whose texts differ.
    #[must_use]
    pub fn new(entries: Vec<(Arc<str>, u64)>) -> Self {
        let bits = (entries.len().max(2) * 2).next_power_of_two().trailing_zeros();
        for bits in bits..bits + DOUBLINGS {
            let mut multiplier = MULTIPLIER;
            for _ in 0..TRIES {
                if let Some(table) = Self::filled(&entries, bits, multiplier) {
                    return table;
                }
                multiplier = multiplier.wrapping_mul(MULTIPLIER) | 1;
            }
        }
        let mut texts = entries;
        texts.sort();
        Self { slots: Box::new([]), entries: Box::new([]), shift: 63, multiplier: MULTIPLIER, texts: texts.into() }
    }

    /// The table of this size, unless some text would lie too far from its place.
    fn filled(all: &[(Arc<str>, u64)], bits: u32, multiplier: u64) -> Option<Self> {
        if all.len() >= NUMBER as usize {
            return None;
        }
        // The last slots are reached from below only, so that no lookup has to go round.
        let mut slots = vec![0; (1 << bits) + PROBES_MAX];
        let mut entries = Vec::with_capacity(all.len() + 1);
        entries.push(Entry { words: [0; 4], value: 0, length: u32::MAX });
        let mut long = Vec::new();
        for (text, value) in all {
            let words = words(text.as_bytes());
            let length = u32::try_from(text.len()).ok()?;
            let hash = hash(words, length, multiplier);
            let start = place(hash, 64 - bits);
            let free = slots.get_mut(start..start + PROBES_MAX)?.iter_mut().find(|slot| **slot == 0)?;
            *free = mark(hash) | entries.len() as u32;
            entries.push(Entry { words, value: *value, length });
            if text.len() > KEY_BYTES {
                long.push((text.clone(), *value));
            }
        }
        long.sort();
        Some(Self { slots: slots.into(), entries: entries.into(), shift: 64 - bits, multiplier, texts: long.into() })
    }

    /// The same texts with other numbers.
    #[must_use]
    pub fn map(&self, number: impl Fn(u64) -> u64) -> Self {
        let entries = self.entries.iter().map(|entry| Entry { value: number(entry.value), ..*entry }).collect();
        let texts = self.texts.iter().map(|(text, value)| (text.clone(), number(*value))).collect();
        Self { slots: self.slots.clone(), entries, texts, ..*self }
    }

    /// The number of `text`.
    #[must_use]
    #[inline]
    pub fn find(&self, text: &[u8]) -> Option<u64> {
        if self.slots.is_empty() {
            return self.find_long(text);
        }
        let words = words(text);
        let length = text.len() as u32;
        let hash = hash(words, length, self.multiplier);
        let start = place(hash, self.shift);
        let mark = mark(hash);
        for slot in self.slots.get(start..start + PROBES_MAX)? {
            if *slot & !NUMBER == mark {
                let entry = self.entries.get((*slot & NUMBER) as usize)?;
                if entry.length == length && entry.words == words {
                    return if text.len() > KEY_BYTES { self.find_long(text) } else { Some(entry.value) };
                }
            }
            if *slot == 0 {
                return None;
            }
        }
        None
    }

    #[cold]
    fn find_long(&self, text: &[u8]) -> Option<u64> {
        let found = self.texts.binary_search_by(|(known, _)| known.as_bytes().cmp(text)).ok()?;
        self.texts.get(found).map(|(_, value)| *value)
    }
}

/// A part of a hash that its slot does not depend on.
#[inline]
const fn mark(hash: u64) -> u32 {
    (hash as u32) & !NUMBER
}

#[inline]
fn place(hash: u64, shift: u32) -> usize {
    (hash >> shift) as usize
}

#[inline]
fn hash(words: [u64; 4], length: u32, multiplier: u64) -> u64 {
    let [a, b, c, d] = words;
    let low = fold(a ^ u64::from(length).rotate_left(56), multiplier ^ b);
    let high = if length > 16 { fold(c ^ multiplier, d ^ MULTIPLIER) } else { 0 };
    (low ^ high).wrapping_mul(multiplier)
}

/// Both halves of the product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// The words that stand for a text: its first and last eight bytes, and the eight bytes within each of these.
#[inline]
fn words(text: &[u8]) -> [u64; 4] {
    let length = text.len();
    if length >= 8 {
        let (first, last) = (word(text, 0), word(text, length - 8));
        if length > 16 { [first, last, word(text, 8), word(text, length - 16)] } else { [first, last, 0, 0] }
    } else if length >= 4 {
        [half(text, 0), half(text, length - 4), 0, 0]
    } else {
        let byte = |index: usize| text.get(index).copied().map_or(0, u64::from);
        [byte(0) | byte(1) << 8 | byte(2) << 16, 0, 0, 0]
    }
}

#[inline]
fn word(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline]
fn half(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn table(texts: &[&str]) -> Table {
        Table::new(texts.iter().enumerate().map(|(value, text)| (Arc::from(*text), value as u64)).collect())
    }

    #[test]
    fn texts_of_every_length_are_found_and_no_others() {
        let texts: Vec<String> = (0..70).map(|length| "abcdefghij".repeat(7)[..length].to_owned()).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let table = table(&all);
        for (value, text) in texts.iter().enumerate() {
            assert_eq!(table.find(text.as_bytes()), Some(value as u64), "{text}");
            for at in 0..text.len() {
                let mut other = text.clone().into_bytes();
                other[at] ^= 1;
                assert_eq!(table.find(&other), None, "{text} with another byte at {at}");
            }
        }
        assert_eq!(table.find(&[b'a'; 71]), None);
    }

    #[test]
    fn texts_that_share_their_key_are_told_apart() {
        let long = |middle: &str| format!("0123456789abcdef{middle}0123456789abcdef");
        let (a, b, c) = (long("a"), long("b"), long("c"));
        let table = table(&[&a, &b]);
        assert!(!table.slots.is_empty());
        assert_eq!([&a, &b, &c].map(|text| table.find(text.as_bytes())), [Some(0), Some(1), None]);
    }

    #[test]
    fn texts_for_which_no_multiplier_will_do_are_searched_by_halves() {
        // Their keys are the same, so they all want the same slots.
        let texts: Vec<String> =
            (0..100).map(|number| format!("0123456789abcdef{number:03}0123456789abcdef")).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let table = table(&all);
        assert!(table.slots.is_empty());
        for (value, text) in texts.iter().enumerate() {
            assert_eq!(table.find(text.as_bytes()), Some(value as u64));
        }
        assert_eq!(table.find(b"0123456789abcdefxxx0123456789abcdef"), None);
    }

    proptest! {
        #[test]
        fn a_table_agrees_with_a_map(
            texts in prop::collection::btree_map("[ab.é]{0,40}", any::<u64>(), 0..60),
            others in prop::collection::vec("[ab.é]{0,40}", 60),
        ) {
            let texts: BTreeMap<String, u64> = texts;
            let table = Table::new(texts.iter().map(|(text, value)| (Arc::from(&**text), *value)).collect());
            for text in texts.keys().chain(&others) {
                prop_assert_eq!(table.find(text.as_bytes()), texts.get(text).copied(), "{}", text);
            }
        }
    }
}
