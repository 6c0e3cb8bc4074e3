//! Texts to numbers by one hash: what a chain of equality tests becomes, whatever its length.
//!
//! A text's key is its length and four words of eight bytes, which overlap and hold a text of 8 to 32 bytes completely;
//! shorter ones are filled up, and longer ones that have the same key are compared with the text itself. The hash is
//! perfect: a few texts go to an entry each by the hash alone, of many each bucket has a factor that sends each of its
//! texts to an entry of its own, so that a lookup visits one bucket and one entry, without a loop. Where one of the
//! words tells all texts apart, only that one is hashed. Texts for which no factors are found in the tries allowed are
//! searched by halves instead, so that no choice of texts makes building or looking up slow.
//!
//! Machine code reads the parts of a table in place: see [`Parts`].
//!
//! Invariant: `find` gives what was put in for this text, and nothing for every other.

use std::{collections::BTreeSet, mem::offset_of, sync::Arc};

/// Texts, each with a number.
#[derive(Clone, Debug)]
pub struct Table {
    /// A factor for each bucket; none where the hash is the entry.
    factors: Box<[u64]>,
    entries: Box<[Entry]>,
    parts: Parts,
    /// The texts that are longer than a key, in order; or all of them, where nothing hashes.
    texts: Box<[(Arc<str>, u64)]>,
}

/// A key, and what belongs to it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    words: [u64; 4],
    length: u64,
    value: u64,
}

impl Entry {
    /// Where the words are, in bytes.
    pub const WORDS: usize = offset_of!(Self, words);
    /// Where the length is, in bytes.
    pub const LENGTH: usize = offset_of!(Self, length);
    /// Where the number is, in bytes.
    pub const VALUE: usize = offset_of!(Self, value);

    const FREE: Self = Self { words: [0; 4], length: u64::MAX, value: 0 };
}

/// What a lookup works with.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Which words are hashed.
    pub mix: Mix,
    /// What they are mixed with; odd.
    pub seed: u64,
    /// How far a hash is shifted to give its bucket, where there are buckets.
    pub bucket_shift: u32,
    /// How far a hash, or the product of a hash and its bucket's factor, is shifted to give its entry.
    pub entry_shift: u32,
    /// How many words hold every text of the table: those behind need not be compared.
    pub compared: usize,
    /// Whether the length of every text of the table is one of [`KEY_BYTES`].
    pub is_plain: bool,
}

/// Which words of a key are hashed, besides the length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mix {
    /// This one.
    One(usize),
    /// All of them.
    All,
}

/// The texts whose key holds them completely, by their length in bytes, and is read as eight bytes at a time.
pub const KEY_BYTES: std::ops::RangeInclusive<usize> = 8..=32;

/// How far the third and the fourth word are turned before they are mixed in.
pub const TURNS: [u32; 2] = [23, 41];

/// What a length is multiplied with, so that it touches all bits: the golden ratio's.
pub const LENGTH_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many seeds are tried, and how many factors for each bucket.
const SEEDS: u64 = 8;
const FACTORS: u64 = 4_096;

/// How many texts go to their entries without buckets, and how many seeds are tried for that.
const DIRECT_MAX: usize = 112;
const DIRECT_SEEDS: u64 = 512;

impl Table {
    /// A table of `entries`, whose texts differ.
    #[must_use]
    pub fn new(entries: Vec<(Arc<str>, u64)>) -> Self {
        let keys = Keys::of(&entries);
        let mix = keys.mix();
        let direct = || {
            let is_small = keys.entries.len() <= DIRECT_MAX;
            (0..DIRECT_SEEDS).take_while(|_| is_small).find_map(|number| keys.direct(mix, number))
        };
        let hashed = || (0..SEEDS).find_map(|number| keys.hashed(if number == 0 { mix } else { Mix::All }, number));
        let found = direct().or_else(hashed);
        let Keys { mut long, .. } = keys;
        long.sort();
        if let Some((parts, factors, entries)) = found {
            return Self { factors, entries, parts, texts: long.into() };
        }
        let mut texts = entries;
        texts.sort();
        let parts = Parts { mix: Mix::All, seed: 0, bucket_shift: 63, entry_shift: 63, compared: 4, is_plain: false };
        Self { factors: Box::new([]), entries: Box::new([]), parts, texts: texts.into() }
    }

    /// The same texts with other numbers.
    #[must_use]
    pub fn map(&self, number: impl Fn(u64) -> u64) -> Self {
        let entries = self.entries.iter().map(|entry| Entry { value: number(entry.value), ..*entry }).collect();
        let texts = self.texts.iter().map(|(text, value)| (text.clone(), number(*value))).collect();
        Self { factors: self.factors.clone(), entries, parts: self.parts, texts }
    }

    /// What machine code looks up with, and where; `None` where texts are searched by halves.
    #[must_use]
    pub fn parts(&self) -> Option<(Parts, &[u64], &[Entry])> {
        (!self.entries.is_empty()).then_some((self.parts, &self.factors, &self.entries))
    }

    /// The number of `text`.
    #[must_use]
    #[inline]
    pub fn find(&self, text: &[u8]) -> Option<u64> {
        let (words, length) = (words(text), text.len() as u64);
        if self.entries.is_empty() {
            return self.find_long(text);
        }
        let hash = hash(words, length, self.parts);
        let factor = self.factors.get((hash >> self.parts.bucket_shift) as usize).copied().unwrap_or(1);
        let entry = self.entries.get((hash.wrapping_mul(factor) >> self.parts.entry_shift) as usize)?;
        if entry.length != length || entry.words != words {
            return None;
        }
        if text.len() > *KEY_BYTES.end() { self.find_long(text) } else { Some(entry.value) }
    }

    #[cold]
    fn find_long(&self, text: &[u8]) -> Option<u64> {
        let found = self.texts.binary_search_by(|(known, _)| known.as_bytes().cmp(text)).ok()?;
        self.texts.get(found).map(|(_, value)| *value)
    }
}

/// What is put into a table.
struct Keys {
    entries: Vec<Entry>,
    /// The texts that are longer than a key.
    long: Vec<(Arc<str>, u64)>,
    /// The shortest and the longest text's length.
    shortest: usize,
    longest: usize,
}

type Hashed = (Parts, Box<[u64]>, Box<[Entry]>);

impl Keys {
    fn of(all: &[(Arc<str>, u64)]) -> Self {
        let mut keys =
            Self { entries: Vec::with_capacity(all.len()), long: Vec::new(), shortest: usize::MAX, longest: 0 };
        let mut seen = BTreeSet::new();
        for (text, value) in all {
            let entry = Entry { words: words(text.as_bytes()), length: text.len() as u64, value: *value };
            keys.shortest = keys.shortest.min(text.len());
            keys.longest = keys.longest.max(text.len());
            if text.len() > *KEY_BYTES.end() {
                keys.long.push((text.clone(), *value));
                // Long texts may have the same key; one entry stands for all of them.
                if !seen.insert((entry.words, entry.length)) {
                    continue;
                }
            }
            keys.entries.push(entry);
        }
        keys
    }

    /// The first word that tells all texts of a length apart, or all of them.
    fn mix(&self) -> Mix {
        let tells_apart = |word: &usize| {
            let mut keys: Vec<_> = self.entries.iter().map(|entry| (entry.words.get(*word), entry.length)).collect();
            keys.sort_unstable();
            keys.windows(2).all(|pair| matches!(pair, [one, other] if one != other))
        };
        (0..4).find(tells_apart).map_or(Mix::All, Mix::One)
    }

    fn parts(&self, mix: Mix, number: u64, bucket_bits: u32, entry_bits: u32) -> Parts {
        let compared = match self.longest {
            0..=16 => 2,
            17..=24 => 3,
            _ => 4,
        };
        let (bucket_shift, entry_shift) = (64 - bucket_bits, 64 - entry_bits);
        let is_plain = KEY_BYTES.contains(&self.shortest) && KEY_BYTES.contains(&self.longest);
        Parts { mix, seed: mixed(number) | 1, bucket_shift, entry_shift, compared, is_plain }
    }

    /// The table whose hash with this seed gives the entry, unless two texts meet.
    fn direct(&self, mix: Mix, number: u64) -> Option<Hashed> {
        let parts = self.parts(mix, number, 1, bits(self.entries.len() * 8));
        let mut taken = vec![0_u64; (1_usize << (64 - parts.entry_shift)).div_ceil(64)];
        for entry in &self.entries {
            let place = (hash(entry.words, entry.length, parts) >> parts.entry_shift) as usize;
            let word = taken.get_mut(place / 64)?;
            let bit = 1 << (place % 64);
            if *word & bit != 0 {
                return None;
            }
            *word |= bit;
        }
        let mut entries = vec![Entry::FREE; 1 << (64 - parts.entry_shift)];
        for entry in &self.entries {
            *entries.get_mut((hash(entry.words, entry.length, parts) >> parts.entry_shift) as usize)? = *entry;
        }
        Some((parts, Box::new([]), entries.into()))
    }

    /// The table with this seed, unless some bucket finds no factor.
    fn hashed(&self, mix: Mix, number: u64) -> Option<Hashed> {
        let count = self.entries.len();
        let parts = self.parts(mix, number, bits(count.div_ceil(3)), bits(count + count / 4));
        let mut entries = vec![Entry::FREE; 1 << (64 - parts.entry_shift)];
        let mut factors = vec![0; 1 << (64 - parts.bucket_shift)];
        let mut hashes: Vec<(u64, &Entry)> =
            self.entries.iter().map(|entry| (hash(entry.words, entry.length, parts), entry)).collect();
        hashes.sort_unstable_by_key(|(hash, _)| *hash);
        let mut buckets: Vec<&[(u64, &Entry)]> =
            hashes.chunk_by(|(one, _), (other, _)| one >> parts.bucket_shift == other >> parts.bucket_shift).collect();
        // The fullest first, while there is room.
        buckets.sort_by_key(|bucket| std::cmp::Reverse(bucket.len()));
        for bucket in buckets {
            let place = bucket.first().map_or(0, |(hash, _)| hash >> parts.bucket_shift);
            *factors.get_mut(place as usize)? = fitted(bucket, &mut entries, parts.entry_shift)?;
        }
        Some((parts, factors.into(), entries.into()))
    }
}

/// How many bits tell so many places apart, at least one.
fn bits(count: usize) -> u32 {
    count.max(2).next_power_of_two().trailing_zeros()
}

/// Puts the entries of a bucket where a factor sends them; that factor.
fn fitted(bucket: &[(u64, &Entry)], entries: &mut [Entry], shift: u32) -> Option<u64> {
    let place = |hash: u64, factor: u64| (hash.wrapping_mul(factor) >> shift) as usize;
    for number in 0..FACTORS {
        let factor = mixed(number) | 1;
        let is_free = |(index, (hash, _)): (usize, &(u64, &Entry))| {
            let this = place(*hash, factor);
            let is_new = bucket.iter().take(index).all(|(other, _)| place(*other, factor) != this);
            is_new && entries.get(this).is_some_and(|entry| entry.length == Entry::FREE.length)
        };
        if bucket.iter().enumerate().all(is_free) {
            for (hash, entry) in bucket {
                *entries.get_mut(place(*hash, factor))? = **entry;
            }
            return Some(factor);
        }
    }
    None
}

/// A number whose bits are well mixed (splitmix64).
const fn mixed(number: u64) -> u64 {
    let mut mixed = (number + 1).wrapping_mul(LENGTH_FACTOR);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[inline]
fn hash(words: [u64; 4], length: u64, parts: Parts) -> u64 {
    let of_length = length.wrapping_mul(LENGTH_FACTOR);
    if let Mix::One(word) = parts.mix {
        return (words.get(word).copied().unwrap_or_default() ^ of_length).wrapping_mul(parts.seed);
    }
    let [first, last, second, before_last] = words;
    let [turn, other] = TURNS;
    let a = first ^ second.rotate_left(turn) ^ of_length;
    let b = last ^ before_last.rotate_left(other) ^ parts.seed;
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// The words that stand for a text: its first and last eight bytes, the eight behind the first, and the eight before
/// the last, as far as it has them.
#[inline]
fn words(text: &[u8]) -> [u64; 4] {
    let length = text.len();
    if length >= 8 {
        let last = length - 8;
        [word(text, 0), word(text, last), word(text, last.min(8)), word(text, last.saturating_sub(8))]
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
        let texts: Vec<String> = (0..70).map(|length| "abcdefghij".repeat(7).chars().take(length).collect()).collect();
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
        assert!(table.parts().is_some());
        assert_eq!([&a, &b, &c].map(|text| table.find(text.as_bytes())), [Some(0), Some(1), None]);
    }

    #[test]
    fn texts_for_which_no_factor_will_do_are_searched_by_halves() {
        // What differs in the first word differs where it is undone in the second, so their hashes are the same.
        let texts = ["0123456789abcdefghijklmnopqrstuv", "abc"].map(str::to_owned);
        let mut twin = texts[0].clone().into_bytes();
        twin[0] ^= 1;
        twin[13] ^= 2;
        let twin = String::from_utf8(twin).unwrap();
        // With this one no word alone tells all of them apart.
        let other = texts[0].replace('v', "w");
        let all = [&*texts[0], &*twin, &*texts[1], &*other];
        let table = table(&all);
        assert!(table.parts().is_none());
        for (value, text) in all.iter().enumerate() {
            assert_eq!(table.find(text.as_bytes()), Some(value as u64));
        }
        assert_eq!(table.find(b"0123456789abcdefxxx"), None);
    }

    #[test]
    fn few_texts_need_no_buckets_and_one_word_where_it_tells_them_apart() {
        let front: fn(usize) -> String = |number| format!("{number}.dest.example");
        let end: fn(usize) -> String = |number| format!("www.host.{number}");
        let both: fn(usize) -> String = |number| format!("{:08}{:08}", number % 32, number / 32);
        let cases = [
            (50, front, Mix::One(0), true),
            (1_000, front, Mix::One(0), false),
            (50, end, Mix::One(1), true),
            (60, both, Mix::All, true),
            (1_000, both, Mix::All, false),
        ];
        for (count, text, mix, is_direct) in cases {
            let texts: Vec<String> = (0..count).map(text).collect();
            let all: Vec<&str> = texts.iter().map(String::as_str).collect();
            let table = table(&all);
            let (parts, factors, _) = table.parts().unwrap();
            assert_eq!((parts.mix, factors.is_empty()), (mix, is_direct), "{count} {}", text(0));
            for (value, text) in texts.iter().enumerate() {
                assert_eq!(table.find(text.as_bytes()), Some(value as u64), "{text}");
            }
            assert_eq!(table.find(text(count).as_bytes()), None);
        }
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
