//! Searches: which of many questions about a few texts and numbers are answered with yes, all at once.
//!
//! The questions of a chain have places from 0 on. A search gives the places whose question is answered with yes, from
//! the first on and up to one that is *final*: where a final place is reached nothing behind it is asked any more. A
//! place whose question is only guarded by what the search can see (a regular expression by its literal beginning) is
//! a candidate and asks again; it is never final.
//!
//! Equality tests on one text are one hash, and its prefixes, its suffixes and its parts an automaton each: those at its
//! ends stop where no question can be answered with yes any more, and that for parts skips what none begins with.

use std::{collections::BTreeMap, fmt, sync::Arc};

use aho_corasick::{
    Anchored, MatchKind, Span, StartKind,
    automaton::{Automaton, StateID},
    dfa::DFA,
    nfa::contiguous::NFA,
};

use super::{NodeId, Table, atom::Comparison};
use crate::ir::ExprId;

/// No place.
pub const NOWHERE: u32 = u32::MAX;

/// What a subject's value is searched with.
#[derive(Clone, Copy, Debug)]
pub enum Probe<'a> {
    /// A text.
    Text(&'a [u8]),
    /// A number.
    Int(i64),
}

/// A search.
#[derive(Clone, Debug)]
pub struct Set {
    subjects: Vec<Subject>,
    /// Where each place leads.
    pub(super) targets: Vec<NodeId>,
    finals: Vec<bool>,
    /// Whether each place can be found at all.
    found: Vec<bool>,
}

/// A text or a number that is searched.
#[derive(Clone, Debug)]
struct Subject {
    term: ExprId,
    matcher: Matcher,
}

/// How the places of a subject are found.
#[derive(Clone, Debug)]
enum Matcher {
    Texts { equal: Option<(Table, Lists)>, parts: Option<Box<Parts>> },
    Ranges(Ranges),
}

/// Texts, each with the places that ask for it.
type Parted = BTreeMap<Box<[u8]>, Vec<u32>>;

/// The questions about one subject, each with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    /// The text is this one.
    pub(super) equal: Vec<(Arc<str>, u32)>,
    /// The text begins with this one.
    pub(super) prefixes: Parted,
    /// It ends with this one, whose bytes are the other way round.
    pub(super) suffixes: Parted,
    /// It holds this one.
    pub(super) parts: Parted,
    /// The number compares like this.
    pub(super) compare: Vec<(Comparison, i64, u32)>,
}

impl Questions {
    pub(super) fn equal(&mut self, text: &Arc<str>, place: u32) {
        self.equal.push((text.clone(), place));
    }

    pub(super) fn prefix(&mut self, text: &str, place: u32) {
        self.prefixes.entry(text.as_bytes().into()).or_default().push(place);
    }

    pub(super) fn suffix(&mut self, text: &str, place: u32) {
        let bytes: Box<[u8]> = text.bytes().rev().collect();
        self.suffixes.entry(bytes).or_default().push(place);
    }

    pub(super) fn substring(&mut self, text: &str, place: u32) {
        self.parts.entry(text.as_bytes().into()).or_default().push(place);
    }

    fn has_parts(&self) -> bool {
        !(self.prefixes.is_empty() && self.suffixes.is_empty() && self.parts.is_empty())
    }
}

impl Set {
    /// A search for the questions about each subject; `None` where an automaton would be too large.
    pub(super) fn new(questions: Vec<(ExprId, Questions)>, finals: Vec<bool>, targets: Vec<NodeId>) -> Option<Self> {
        let mut found = vec![false; finals.len()];
        let mut subjects = Vec::with_capacity(questions.len());
        for (term, questions) in questions {
            let matcher = if questions.compare.is_empty() {
                let parts =
                    if questions.has_parts() { Some(Box::new(Parts::new(&questions, &finals).ok()?)) } else { None };
                let equal = (!questions.equal.is_empty()).then(|| table(questions.equal, &finals));
                Matcher::Texts { equal, parts }
            } else {
                Matcher::Ranges(Ranges::new(&questions.compare, &finals))
            };
            for place in matcher.lists().flat_map(|lists| &lists.places) {
                if let Some(found) = found.get_mut(*place as usize) {
                    *found = true;
                }
            }
            subjects.push(Subject { term, matcher });
        }
        Some(Self { subjects, targets, finals, found })
    }

    /// What is searched, in the order of the probes.
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = ExprId> {
        self.subjects.iter().map(|subject| subject.term)
    }

    /// The table, where a search is nothing but one hash of one text that gives final places.
    #[must_use]
    pub fn single_table(&self) -> Option<SingleTable<'_>> {
        match &*self.subjects {
            [Subject { matcher: Matcher::Texts { equal: Some((table, lists)), parts: None }, .. }] => {
                self.is_final().then_some(SingleTable { table, lists })
            }
            _ => None,
        }
    }

    /// How many places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Where each place leads that can be found, among those from `from` to before `until`.
    pub fn targets(&self, from: u32, until: u32) -> impl Iterator<Item = (u32, NodeId)> {
        let places = self.targets.iter().zip(&self.found).enumerate().skip(from as usize);
        let places = places.take(until.saturating_sub(from) as usize);
        places.filter(|(_, (_, found))| **found).map(|(place, (target, _))| (place as u32, *target))
    }

    /// Whether every place that can be found is final, so that the first is all that matters.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.finals.iter().zip(&self.found).all(|(is_final, found)| *is_final || !*found)
    }

    /// The first place, or [`NOWHERE`]; right where all are final.
    #[must_use]
    pub fn first<'p>(&self, probes: impl IntoIterator<Item = Probe<'p>>) -> u32 {
        let subjects = self.subjects.iter().zip(probes);
        subjects.fold(NOWHERE, |first, (subject, probe)| subject.matcher.first(probe).min(first))
    }

    /// What is searched and how, a line for each.
    pub(super) fn describe(&self) -> Vec<(ExprId, String)> {
        self.subjects.iter().map(|subject| (subject.term, subject.matcher.to_string())).collect()
    }
}

/// A search that is one hash.
#[derive(Clone, Copy, Debug)]
pub struct SingleTable<'a> {
    table: &'a Table,
    lists: &'a Lists,
}

impl SingleTable<'_> {
    /// What `of` makes of the place of each text: a table that gives it.
    #[must_use]
    pub fn map(&self, of: impl Fn(u32) -> u64) -> Table {
        self.table.map(|list| of(self.lists.first(list as u32)))
    }
}

/// The places that a search found, from the first on.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    places: Vec<u32>,
    at: usize,
}

impl Candidates {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: Vec::new(), at: 0 }
    }

    /// Those of `set`.
    pub fn search<'p>(&mut self, set: &Set, probes: impl IntoIterator<Item = Probe<'p>>) {
        self.places.clear();
        self.at = 0;
        let mut last = NOWHERE;
        for (subject, probe) in set.subjects.iter().zip(probes) {
            subject.matcher.each(probe, |places| {
                for place in places {
                    if *place > last {
                        break;
                    }
                    self.places.push(*place);
                    if set.finals.get(*place as usize).copied().unwrap_or(false) {
                        last = *place;
                    }
                }
            });
        }
        self.places.sort_unstable();
    }

    /// The first one at `from` or behind it, or [`NOWHERE`]; those before it are forgotten.
    pub fn next(&mut self, from: u32) -> u32 {
        loop {
            match self.places.get(self.at) {
                None => return NOWHERE,
                Some(place) if *place >= from => return *place,
                Some(_) => self.at += 1,
            }
        }
    }
}

/// Lists of places, each in order and up to the first that is final.
#[derive(Clone, Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Lists {
    fn push(&mut self, list: impl IntoIterator<Item = u32>, finals: &[bool]) -> u32 {
        let start = self.places.len();
        self.places.extend(list);
        let list = self.places.get_mut(start..).unwrap_or_default();
        list.sort_unstable();
        let (mut length, mut last) = (0, None);
        for at in 0..list.len() {
            let Some(place) = list.get(at).copied().filter(|place| last != Some(*place)) else { continue };
            if let Some(slot) = list.get_mut(length) {
                *slot = place;
            }
            length += 1;
            last = Some(place);
            if finals.get(place as usize).copied().unwrap_or(false) {
                break;
            }
        }
        self.places.truncate(start + length);
        let number = self.starts.len() as u32;
        self.starts.push(start as u32);
        number
    }

    #[inline]
    fn first(&self, list: u32) -> u32 {
        let start = self.starts.get(list as usize).map_or(usize::MAX, |start| *start as usize);
        self.places.get(start).copied().unwrap_or(NOWHERE)
    }

    #[inline]
    fn get(&self, list: u32) -> &[u32] {
        let start = self.starts.get(list as usize).map_or(0, |start| *start as usize);
        let end = self.starts.get(list as usize + 1).map_or(self.places.len(), |end| *end as usize);
        self.places.get(start..end).unwrap_or_default()
    }
}

/// A table of texts, each with the list of its places.
fn table(mut questions: Vec<(Arc<str>, u32)>, finals: &[bool]) -> (Table, Lists) {
    questions.sort_unstable();
    let mut lists = Lists::default();
    let mut entries = Vec::with_capacity(questions.len());
    for same in questions.chunk_by(|(one, _), (other, _)| one == other) {
        let list = lists.push(same.iter().map(|(_, place)| *place), finals);
        entries.extend(same.first().map(|(text, _)| (text.clone(), u64::from(list))));
    }
    (Table::new(entries), lists)
}

impl Matcher {
    fn lists(&self) -> impl Iterator<Item = &Lists> {
        let (one, two) = match self {
            Self::Texts { equal, parts } => {
                (equal.as_ref().map(|(_, lists)| lists), parts.as_ref().map(|parts| &parts.lists))
            }
            Self::Ranges(ranges) => (Some(&ranges.lists), None),
        };
        one.into_iter().chain(two)
    }

    #[inline]
    fn first(&self, probe: Probe<'_>) -> u32 {
        match (self, probe) {
            (Self::Texts { equal, parts }, Probe::Text(text)) => {
                let equal = equal.as_ref().and_then(|(table, lists)| Some(lists.first(table.find(text)? as u32)));
                let part = parts.as_ref().map(|parts| parts.first(text));
                equal.unwrap_or(NOWHERE).min(part.unwrap_or(NOWHERE))
            }
            (Self::Ranges(ranges), Probe::Int(int)) => ranges.lists.first(ranges.list(int)),
            // A set is probed by the types of its subjects.
            (Self::Texts { .. }, Probe::Int(_)) | (Self::Ranges(_), Probe::Text(_)) => NOWHERE,
        }
    }

    fn each(&self, probe: Probe<'_>, mut found: impl FnMut(&[u32])) {
        match (self, probe) {
            (Self::Texts { equal, parts }, Probe::Text(text)) => {
                if let Some((table, lists)) = equal
                    && let Some(list) = table.find(text)
                {
                    found(lists.get(list as u32));
                }
                if let Some(parts) = parts {
                    parts.each(text, |list| found(parts.lists.get(list)));
                }
            }
            (Self::Ranges(ranges), Probe::Int(int)) => found(ranges.lists.get(ranges.list(int))),
            (Self::Texts { .. }, Probe::Int(_)) | (Self::Ranges(_), Probe::Text(_)) => {}
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Texts { equal, parts } => {
                let equal = equal.as_ref().map(|(_, lists)| format!("a table of {} texts", lists.starts.len()));
                let parts = parts.as_ref().map(|parts| format!("an automaton of {} parts", parts.count));
                let all: Vec<String> = equal.into_iter().chain(parts).collect();
                out.write_str(&all.join(" and "))
            }
            Self::Ranges(ranges) => write!(out, "{} ranges", ranges.lists.starts.len()),
        }
    }
}

/// The beginnings, ends and parts of a text.
#[derive(Clone, Debug)]
struct Parts {
    walks: Vec<Walk>,
    lists: Lists,
    count: usize,
}

/// A way to go over a text.
#[derive(Clone, Debug)]
struct Walk {
    automaton: Machine,
    way: Way,
    /// What all parts have in common where they begin, or where they end: it is compared at once.
    common: Box<[u8]>,
    /// The state behind that.
    begin: StateID,
    /// The list that a text gives which is nothing more.
    shortest: Option<u32>,
    #[expect(clippy::disallowed_types, reason = "it is only ever looked up")]
    hits: std::collections::HashMap<StateID, u32, rustc_hash::FxBuildHasher>,
}

/// Which bytes an automaton is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// All of the text.
    Whole,
    /// The text from its beginning on, until no beginning fits.
    Forwards,
    /// The text from its end on, until no end fits.
    Backwards,
}

/// A table of all steps where it is small, else one that follows links.
#[derive(Clone, Debug)]
enum Machine {
    Small(DFA),
    Large(NFA),
}

/// The most bytes of parts, together, that are made into a table of all steps, which takes about a kilobyte for each.
const SMALL_BYTES_MAX: usize = 4 * 1024;

/// The parts have more states than an automaton can number.
#[derive(Clone, Copy, Debug)]
struct TooManyStates;

impl Parts {
    fn new(questions: &Questions, finals: &[bool]) -> Result<Self, TooManyStates> {
        let mut lists = Lists::default();
        let forwards = Walk::new(&questions.prefixes, Way::Forwards, &mut lists, finals)?;
        let backwards = Walk::new(&questions.suffixes, Way::Backwards, &mut lists, finals)?;
        let whole = Walk::new(&questions.parts, Way::Whole, &mut lists, finals)?;
        let count = questions.prefixes.len() + questions.suffixes.len() + questions.parts.len();
        Ok(Self { walks: forwards.into_iter().chain(backwards).chain(whole).collect(), lists, count })
    }

    #[inline]
    fn first(&self, text: &[u8]) -> u32 {
        let mut first = NOWHERE;
        self.each(text, |list| first = first.min(self.lists.first(list)));
        first
    }

    #[inline]
    fn each(&self, text: &[u8], mut found: impl FnMut(u32)) {
        for walk in &self.walks {
            match &walk.automaton {
                Machine::Small(automaton) => walk.go(automaton, text, &mut found),
                Machine::Large(automaton) => walk.go(automaton, text, &mut found),
            }
        }
    }
}

impl Walk {
    /// A walk for these parts; none for none.
    fn new(parts: &Parted, way: Way, lists: &mut Lists, finals: &[bool]) -> Result<Option<Self>, TooManyStates> {
        if parts.is_empty() {
            return Ok(None);
        }
        let bytes: usize = parts.keys().map(|part| part.len()).sum();
        let is_whole = way == Way::Whole;
        let start = if is_whole { StartKind::Unanchored } else { StartKind::Anchored };
        let automaton = if bytes <= SMALL_BYTES_MAX {
            let mut builder = DFA::builder();
            builder.match_kind(MatchKind::Standard).start_kind(start).prefilter(is_whole);
            Machine::Small(builder.build(parts.keys()).map_err(|_| TooManyStates)?)
        } else {
            let mut builder = NFA::builder();
            builder.match_kind(MatchKind::Standard).prefilter(is_whole);
            Machine::Large(builder.build(parts.keys()).map_err(|_| TooManyStates)?)
        };
        let mut common: Box<[u8]> = if is_whole { Box::default() } else { beginning(parts) };
        let (begin, hits) = match &automaton {
            Machine::Small(automaton) => hits(automaton, way, &common, parts, lists, finals),
            Machine::Large(automaton) => hits(automaton, way, &common, parts, lists, finals),
        }
        .ok_or(TooManyStates)?;
        if way == Way::Backwards {
            common.reverse();
        }
        let shortest = hits.get(&begin).copied();
        Ok(Some(Self { automaton, way, common, begin, shortest, hits }))
    }

    #[inline]
    fn go(&self, automaton: &impl Automaton, text: &[u8], found: &mut impl FnMut(u32)) {
        let rest = match self.way {
            Way::Whole => Some(text),
            Way::Forwards => {
                let parts = text.split_at_checked(self.common.len());
                parts.filter(|(beginning, _)| is_same(beginning, &self.common)).map(|(_, rest)| rest)
            }
            Way::Backwards => {
                let at = text.len().checked_sub(self.common.len());
                let parts = at.and_then(|at| text.split_at_checked(at));
                parts.filter(|(_, end)| is_same(end, &self.common)).map(|(rest, _)| rest)
            }
        };
        let Some(rest) = rest else { return };
        if let Some(list) = self.shortest {
            found(list);
        }
        match self.way {
            Way::Whole => self.search(automaton, rest, found),
            Way::Forwards => self.steps(automaton, rest.iter(), found),
            Way::Backwards => self.steps(automaton, rest.iter().rev(), found),
        }
    }

    /// Tells of the parts that end in `state`.
    #[inline]
    fn hit(&self, state: StateID, found: &mut impl FnMut(u32)) {
        if let Some(list) = self.hits.get(&state) {
            found(*list);
        }
    }

    /// Reads a text from the first byte on that a part may begin with, and goes on to the next one wherever none has
    /// begun.
    #[inline]
    fn search(&self, automaton: &impl Automaton, text: &[u8], found: &mut impl FnMut(u32)) {
        let skipped = |at: usize| match automaton.prefilter() {
            Some(prefilter) => prefilter.find_in(text, Span::from(at..text.len())).into_option(),
            None => Some(at),
        };
        let mut state = self.begin;
        let Some(mut at) = skipped(0) else { return };
        while let Some(byte) = text.get(at) {
            state = automaton.next_state(Anchored::No, state, *byte);
            at += 1;
            if automaton.is_special(state) {
                if automaton.is_match(state) {
                    self.hit(state, found);
                } else if automaton.is_start(state) {
                    let Some(next) = skipped(at) else { return };
                    at = next;
                }
            }
        }
    }

    /// Reads a text from one of its ends on.
    #[inline]
    fn steps<'t>(&self, automaton: &impl Automaton, bytes: impl Iterator<Item = &'t u8>, found: &mut impl FnMut(u32)) {
        let mut state = self.begin;
        for byte in bytes {
            state = automaton.next_state(Anchored::Yes, state, *byte);
            if automaton.is_special(state) {
                if automaton.is_dead(state) {
                    return;
                }
                self.hit(state, found);
            }
        }
    }
}

/// Whether two texts of the same length are the same: most are so short that calling a function costs more.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (one.first_chunk::<8>(), other.first_chunk(), one.last_chunk::<8>(), other.last_chunk()) {
        (Some(a), Some(b), Some(c), Some(d)) if one.len() <= 16 => a == b && c == d,
        (Some(_), ..) => one == other,
        _ => one.iter().eq(other),
    }
}

/// The bytes that all parts begin with.
fn beginning(parts: &Parted) -> Box<[u8]> {
    // They are in order, so what the first and the last have in common all others have.
    let (Some((first, _)), Some((last, _))) = (parts.first_key_value(), parts.last_key_value()) else {
        return Box::default();
    };
    first.iter().zip(last).take_while(|(one, other)| one == other).map(|(byte, _)| *byte).collect()
}

/// The state behind what all parts have in common, and the list of places for each state in which a part ends. Every state is on the way of
/// some part.
#[expect(clippy::disallowed_types, reason = "it is only ever looked up")]
fn hits(
    automaton: &impl Automaton,
    way: Way,
    common: &[u8],
    parts: &Parted,
    lists: &mut Lists,
    finals: &[bool],
) -> Option<(StateID, std::collections::HashMap<StateID, u32, rustc_hash::FxBuildHasher>)> {
    let anchored = if way == Way::Whole { Anchored::No } else { Anchored::Yes };
    let start = automaton.start_state(anchored).ok()?;
    let known: Vec<(usize, &Vec<u32>)> = parts.iter().map(|(part, places)| (part.len(), places)).collect();
    let mut hits = std::collections::HashMap::default();
    for part in parts.keys() {
        let mut state = start;
        let mut steps = part.iter().enumerate();
        let mut depth = 0;
        loop {
            if automaton.is_match(state) && !hits.contains_key(&state) {
                let ends = (0..automaton.match_len(state)).map(|index| automaton.match_pattern(state, index));
                let ends = ends.filter_map(|part| known.get(part.as_usize()));
                // A state also has the parts that end its way and began within it; from an end of a text on, only what
                // began there counts.
                let counts = |(length, _): &&(usize, &Vec<u32>)| way == Way::Whole || *length == depth;
                let list: Vec<u32> = ends.filter(counts).flat_map(|(_, places)| places.iter().copied()).collect();
                if !list.is_empty() {
                    hits.insert(state, lists.push(list, finals));
                }
            }
            let Some((step, byte)) = steps.next() else { break };
            state = automaton.next_state(anchored, state, *byte);
            depth = step + 1;
        }
    }
    let begin = common.iter().fold(start, |state, byte| automaton.next_state(anchored, state, *byte));
    Some((begin, hits))
}

/// Numbers cut into ranges at the numbers that they are compared with.
#[derive(Clone, Debug)]
struct Ranges {
    /// In order. The ranges are: below the first, the first itself, between it and the second, and so on.
    bounds: Vec<i64>,
    /// A list for each range.
    lists: Lists,
}

/// The most comparisons whose places are worked out one by one for each range.
pub(super) const COMPARISONS_MAX: usize = 256;

impl Ranges {
    fn new(questions: &[(Comparison, i64, u32)], finals: &[bool]) -> Self {
        let mut bounds: Vec<i64> = questions.iter().map(|(_, with, _)| *with).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let mut lists = Lists::default();
        // Twice the number's place among the bounds, one more where it is above one: comparisons of places are those of
        // the numbers.
        let place = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        let place_of = |with: i64| place(bounds.partition_point(|bound| *bound < with) * 2 + 1);
        for range in 0..=bounds.len() * 2 {
            let holds =
                |(comparison, with, _): &&(Comparison, i64, u32)| comparison.holds(place(range), place_of(*with));
            let places = questions.iter().filter(holds).map(|(_, _, place)| *place);
            lists.push(places, finals);
        }
        Self { bounds, lists }
    }

    /// The range that `int` lies in.
    #[inline]
    fn list(&self, int: i64) -> u32 {
        let below = self.bounds.partition_point(|bound| *bound < int);
        let is_bound = self.bounds.get(below) == Some(&int);
        below as u32 * 2 + u32::from(is_bound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Op, ir::Ir};

    /// A search for these questions about one text, all final or none.
    fn set(questions: &[(u8, String)], is_final: bool) -> Set {
        let mut all = Questions::default();
        for (place, (kind, text)) in questions.iter().enumerate() {
            match kind {
                0 => all.prefix(text, place as u32),
                1 => all.suffix(text, place as u32),
                2 => all.substring(text, place as u32),
                _ => all.equal(&Arc::from(&**text), place as u32),
            }
        }
        let mut ir = Ir::default();
        let subject = ir.push(Op::Literal(crate::Value::empty()), base::TextRange::at(0));
        let count = questions.len();
        Set::new(vec![(subject, all)], vec![is_final; count], vec![NodeId::ROOT; count]).expect("it is small")
    }

    fn holds((kind, part): &(u8, String), text: &str) -> bool {
        match kind {
            0 => text.starts_with(part),
            1 => text.ends_with(part),
            2 => text.contains(part),
            _ => text == part,
        }
    }

    proptest! {
        #[test]
        fn a_search_finds_what_asking_one_by_one_finds(
            kinds in prop::sample::select(vec![vec![0_u8], vec![1], vec![0, 1], vec![2], vec![0, 1, 2, 3], vec![3]]),
            questions in prop::collection::vec((any::<prop::sample::Index>(), "[ab.é]{1,6}"), 1..12),
            texts in prop::collection::vec("[ab.é]{0,12}", 8),
        ) {
            let questions: Vec<(u8, String)> =
                questions.into_iter().map(|(kind, text)| (*kind.get(&kinds), text)).collect();
            let (finals, all) = (set(&questions, true), set(&questions, false));
            for text in &texts {
                let places = |(place, question): (usize, &(u8, String))| holds(question, text).then_some(place as u32);
                let expected: Vec<u32> = questions.iter().enumerate().filter_map(places).collect();
                let first = finals.first([Probe::Text(text.as_bytes())]);
                prop_assert_eq!(first, expected.first().copied().unwrap_or(NOWHERE), "{} {:?}", text, questions);
                let mut candidates = Candidates::new();
                candidates.search(&all, [Probe::Text(text.as_bytes())]);
                let mut found = Vec::new();
                let mut from = 0;
                loop {
                    let place = candidates.next(from);
                    if place == NOWHERE {
                        break;
                    }
                    found.push(place);
                    from = place + 1;
                }
                prop_assert_eq!(found, expected, "{} {:?}", text, questions);
            }
        }
    }
}
