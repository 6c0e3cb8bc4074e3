//! What machine code calls.
//!
//! Each function is the edge between machine code and the functions of `policy`, which the interpreter calls too. None
//! of them unwinds: a panic within becomes [`FALL_BACK`], and the interpreter decides.
//!
//! Safety, for all of them: they are called by machine code that `lower` made, with the frame's host, with pointers
//! into that code's own stack or the frame, and with addresses of parts of the policy that the code's owner keeps
//! alive. The texts and arrays that a [`Raw`] points to belong to the row, the policy, the answers or the arena, all
//! of which outlive the call.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
    sync::Arc,
};

use bumpalo::Bump;
use policy::{
    Answers, Choice, Datum, EvalError, Function, Lookup, Op, Row, Stop,
    ast::BinaryOperator,
    builtin,
    dag::{Candidates, NOWHERE, Probe, Set, Table},
    interpret::{self, Spent},
    pattern::Pattern,
    scratch::Parts,
};

use regex::CaptureLocations;

use crate::layout::{ANY, INT, Raw, TEXT, text};

/// What a host function says to machine code.
pub(crate) type Status = u32;

/// Go on.
pub(crate) const DONE: Status = 0;
/// The evaluation stops; the host knows why.
pub(crate) const STOPPED: Status = 1;
/// The interpreter must decide.
pub(crate) const FALL_BACK: Status = 2;
/// A named list could not be asked; the host knows why.
pub(crate) const LIST_FAILED: Status = 3;
/// The code was tried without a host, and needs one.
pub(crate) const NEEDS_HOST: Status = 4;

/// No strategy.
pub(crate) const NO_STRATEGY: u64 = 0;

/// One evaluation, as host functions see it.
pub(crate) struct Host<'a> {
    pub(crate) row: &'a Row<'a>,
    pub(crate) answers: [&'a Answers; 4],
    pub(crate) arena: &'a Bump,
    pub(crate) captures: &'a mut Vec<(usize, usize)>,
    pub(crate) candidates: &'a mut Vec<Candidates>,
    pub(crate) locations: &'a mut Vec<(Arc<Pattern>, CaptureLocations)>,
    /// Which block is being evaluated.
    pub(crate) block: usize,
    pub(crate) asked: usize,
    pub(crate) spent: Spent,
    pub(crate) stop: Option<Stop>,
}

impl<'a> Host<'a> {
    pub(crate) fn new(row: &'a Row<'a>, answers: [&'a Answers; 4], scratch: Parts<'a>) -> Self {
        let Parts { arena, captures, candidates, locations } = scratch;
        let spent = Spent::default();
        let (block, asked, stop) = (0, 0, None);
        Self { row, answers, arena, captures, candidates, locations, block, asked, spent, stop }
    }

    fn stop(&mut self, stop: impl Into<Stop>) -> Status {
        self.stop = Some(stop.into());
        STOPPED
    }

    /// Counts `value` and gives it out.
    fn give(&mut self, value: Datum<'a>, wanted: u64, out: &mut Raw) -> Status {
        if let Err(error) = self.spent.count(value) {
            return self.stop(error);
        }
        give_uncounted(value, wanted, out)
    }

    fn ask(&mut self, op: &'a Op, arguments: &[Datum<'a>], wanted: u64, out: &mut Raw) -> Status {
        if let (Op::Call { function: Function::DnsQuery, .. }, [_, kind]) = (op, arguments)
            && policy::DnsType::named(&kind.to_text(self.arena)).is_none()
        {
            return give_uncounted(Datum::EMPTY, wanted, out);
        }
        let answers: Option<&'a Answers> = self.answers.get(self.block).copied();
        let answer = answers.and_then(|answers| answers.get(self.asked));
        match answer {
            Some(Ok(value)) => {
                self.asked += 1;
                self.give(Datum::of(value, self.arena), wanted, out)
            }
            Some(Err(failed)) => {
                self.asked += 1;
                self.stop = Some(Stop::Failed(EvalError::Lookup(failed.clone())));
                if matches!(op, Op::InList { .. }) { LIST_FAILED } else { STOPPED }
            }
            None => match lookup(op, arguments, self.arena) {
                Some(lookup) => self.stop(Stop::Needs(lookup)),
                None => give_uncounted(Datum::EMPTY, wanted, out),
            },
        }
    }
}

fn lookup<'a>(op: &Op, arguments: &[Datum<'a>], arena: &'a Bump) -> Option<Lookup> {
    match op {
        Op::Call { function, .. } => Lookup::of(*function, arguments, arena),
        Op::InList { list, .. } => Some(Lookup::in_list(list, &arguments.first()?.to_text(arena))),
        Op::System(name) => Some(Lookup::System(name.clone())),
        Op::Metric(name) => Some(Lookup::Metric(name.clone())),
        Op::ConfigGet(key) => Some(Lookup::ConfigGet(key.clone())),
        _ => None,
    }
}

/// Gives `value` out, where it is of the wanted type.
fn give_uncounted(value: Datum<'_>, wanted: u64, out: &mut Raw) -> Status {
    let raw = Raw::of(value);
    if wanted != ANY && wanted != raw.tag {
        return FALL_BACK;
    }
    *out = raw;
    DONE
}

/// What `work` says, or that the interpreter must decide where it panics.
fn guarded(work: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(FALL_BACK)
}

/// The values at `items`.
///
/// # Safety
///
/// As this file's head says: `length` values that machine code has written, which live as long as `arena`.
unsafe fn datums(items: *const Raw, length: usize, arena: &Bump) -> &[Datum<'_>] {
    // SAFETY: the caller's promise.
    let raws = unsafe { slice::from_raw_parts(items, length) };
    // SAFETY: the caller's promise.
    arena.alloc_slice_fill_iter(raws.iter().map(|raw| unsafe { raw.datum() }))
}

macro_rules! at {
    ($pointer:expr) => {
        // SAFETY: machine code passes pointers to what is alive and not shared with anyone for the call (this file's
        // head).
        unsafe { &mut *$pointer }
    };
}

macro_rules! read {
    ($pointer:expr) => {
        // SAFETY: machine code passes pointers to what is alive and not written to for the call (this file's head).
        unsafe { &*$pointer }
    };
}

macro_rules! datum {
    ($pointer:expr) => {{
        let raw: Raw = *read!($pointer);
        // SAFETY: machine code passes values that `Raw::of` made or that it took from the row or the policy.
        unsafe { raw.datum() }
    }};
}

/// Another block begins: nothing is captured or counted yet.
pub(crate) extern "C" fn begin(host: *mut Host<'static>) {
    let host = at!(host);
    host.captures.clear();
    host.spent = Spent::default();
}

/// Whether a value is true.
pub(crate) extern "C" fn truth(value: *const Raw) -> u32 {
    u32::from(datum!(value).is_true())
}

/// `left operator right`, counted.
pub(crate) extern "C" fn binary(
    host: *mut Host<'static>,
    operator: u32,
    left: *const Raw,
    right: *const Raw,
    wanted: u64,
    out: *mut Raw,
) -> Status {
    let (host, out) = (at!(host), at!(out));
    let (left, right) = (datum!(left), datum!(right));
    guarded(|| match BinaryOperator::ALL.get(operator as usize) {
        Some(operator) => host.give(interpret::binary(*operator, left, right, host.arena), wanted, out),
        None => FALL_BACK,
    })
}

/// The value's negative.
pub(crate) extern "C" fn negate(value: *const Raw, wanted: u64, out: *mut Raw) -> Status {
    give_uncounted(interpret::negate(datum!(value)), wanted, at!(out))
}

/// An element of an array.
pub(crate) extern "C" fn element(base: *const Raw, index: *const Raw, wanted: u64, out: *mut Raw) -> Status {
    let (base, index): (Datum<'_>, Datum<'_>) = (datum!(base), datum!(index));
    give_uncounted(interpret::element(base, index), wanted, at!(out))
}

/// An array of values, counted.
pub(crate) extern "C" fn list(host: *mut Host<'static>, items: *const Raw, length: u32, out: *mut Raw) -> Status {
    let (host, out) = (at!(host), at!(out));
    // SAFETY: machine code wrote as many values.
    let items = unsafe { datums(items, length as usize, host.arena) };
    guarded(|| host.give(Datum::List(items), ANY, out))
}

/// Room for so many values.
pub(crate) extern "C" fn room(host: *mut Host<'static>, length: u32) -> *mut Raw {
    let host = at!(host);
    host.arena.alloc_slice_fill_copy(length as usize, Raw::EMPTY).as_mut_ptr()
}

/// An array that is written down.
pub(crate) extern "C" fn literal(host: *mut Host<'static>, value: *const policy::Value, out: *mut Raw) {
    *at!(out) = Raw::of(Datum::of(read!(value), at!(host).arena));
}

/// The message's recipients.
pub(crate) extern "C" fn recipients(host: *mut Host<'static>, out: *mut Raw) {
    let host = at!(host);
    *at!(out) = Raw::of(Datum::List(Datum::all_of(host.row.recipients(), host.arena)));
}

/// A function that asks nothing, counted.
pub(crate) extern "C" fn call(
    host: *mut Host<'static>,
    function: u32,
    arguments: *const Raw,
    length: u32,
    wanted: u64,
    out: *mut Raw,
) -> Status {
    let (host, out) = (at!(host), at!(out));
    // SAFETY: machine code wrote as many values.
    let arguments = unsafe { datums(arguments, length as usize, host.arena) };
    guarded(|| {
        let function = Function::ALL.get(function as usize);
        match function.and_then(|function| builtin::call(*function, arguments, host.arena)) {
            Some(Ok(value)) => host.give(value, wanted, out),
            Some(Err(builtin::TooLarge)) => host.stop(EvalError::TooLarge),
            None => FALL_BACK,
        }
    })
}

/// An operation that asks the world.
pub(crate) extern "C" fn ask(
    host: *mut Host<'static>,
    op: *const Op,
    arguments: *const Raw,
    length: u32,
    wanted: u64,
    out: *mut Raw,
) -> Status {
    let (host, out, op) = (at!(host), at!(out), read!(op));
    // SAFETY: machine code wrote as many values.
    let arguments = unsafe { datums(arguments, length as usize, host.arena) };
    guarded(|| host.ask(op, arguments, wanted, out))
}

/// Whether a regular expression is found in a text; 0, 1, or 2 where the interpreter must decide.
pub(crate) extern "C" fn is_match(pattern: *const Pattern, address: usize, length: usize) -> u32 {
    let pattern = read!(pattern);
    // SAFETY: a text of the row, the policy or the arena (this file's head).
    let text = unsafe { text(address, length) };
    guarded(|| pattern.compiled().map_or(2, |regex| u32::from(regex.is_match(text))))
}

/// The same; the captures are set. 0, 1, or 2 where the evaluation stops, 3 where the interpreter must decide.
pub(crate) extern "C" fn captures(
    host: *mut Host<'static>,
    pattern: *const Arc<Pattern>,
    address: usize,
    length: usize,
) -> u32 {
    let (host, pattern) = (at!(host), read!(pattern));
    // SAFETY: a text of the row, the policy or the arena (this file's head).
    let text: &str = unsafe { text(address, length) };
    let work = || {
        host.captures.clear();
        let Some(regex) = pattern.compiled() else { return 3 };
        let known = host.locations.iter().position(|(known, _)| Arc::ptr_eq(known, pattern));
        let place = known.unwrap_or_else(|| {
            host.locations.push((pattern.clone(), regex.capture_locations()));
            host.locations.len() - 1
        });
        let Some((_, locations)) = host.locations.get_mut(place) else { return 3 };
        if regex.captures_read(locations, text).is_none() {
            return 0;
        }
        let groups = (0..locations.len()).map(|group| {
            let range = locations.get(group).unwrap_or_default();
            text.get(range.0..range.1).unwrap_or_default()
        });
        host.captures.extend(groups.map(|group| (group.as_ptr().expose_provenance(), group.len())));
        let bytes = host.captures.iter().map(|(_, length)| length).sum();
        match host.spent.add(bytes) {
            Ok(()) => 1,
            Err(error) => host.stop(error) + 1,
        }
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(3)
}

/// A capture of the last `matches`.
pub(crate) extern "C" fn capture(host: *mut Host<'static>, group: u32, out: *mut Raw) {
    let found = at!(host).captures.get(group as usize).copied();
    let (address, length) = found.unwrap_or_else(|| ("".as_ptr().expose_provenance(), 0));
    *at!(out) = Raw { tag: TEXT, word: address as u64, length: length as u64 };
}

/// How two texts compare: less than 0, 0, or more.
pub(crate) extern "C" fn compare(left: usize, left_length: usize, right: usize, right_length: usize) -> i32 {
    // SAFETY: a text of the row, the policy or the arena (this file's head).
    let left: &str = unsafe { text(left, left_length) };
    // SAFETY: as above.
    let right: &str = unsafe { text(right, right_length) };
    left.cmp(right) as i32
}

/// Whether a text holds another.
pub(crate) extern "C" fn contains(address: usize, length: usize, part: usize, part_length: usize) -> u32 {
    // SAFETY: a text of the row, the policy or the arena (this file's head).
    let text: &str = unsafe { text(address, length) };
    // SAFETY: as above.
    let part: &str = unsafe { crate::layout::text(part, part_length) };
    u32::from(text.contains(part))
}

/// No number of a text in a table.
pub(crate) const NOT_FOUND: u64 = u64::MAX;

/// The number of a text in a table, or `none`.
pub(crate) extern "C" fn table(table: *const Table, address: usize, length: usize, none: u64) -> u64 {
    // SAFETY: a text of the row, the policy or the arena (this file's head).
    let text: &str = unsafe { text(address, length) };
    read!(table).find(text.as_bytes()).unwrap_or(none)
}

/// The subjects of a search, which machine code wrote in the search's order.
fn probes<'a>(values: *const Raw, set: &Set) -> impl Iterator<Item = Probe<'a>> {
    // SAFETY: machine code wrote a value for each subject.
    let raws: &'a [Raw] = unsafe { slice::from_raw_parts(values, set.subjects().len()) };
    raws.iter().map(|raw| match raw.tag {
        INT => Probe::Int(raw.word as i64),
        // SAFETY: a text of the row, the policy or the arena (this file's head).
        _ => Probe::Text(unsafe {
            slice::from_raw_parts(ptr::with_exposed_provenance(raw.word as usize), raw.length as usize)
        }),
    })
}

/// The first place that a search finds whose places are all final, or [`NOWHERE`].
pub(crate) extern "C" fn first(set: *const Set, values: *const Raw) -> u32 {
    let set = read!(set);
    set.first(probes(values, set))
}

/// Searches, and gives the first place that is found from `from` on, or [`NOWHERE`]; [`next`] gives the others.
pub(crate) extern "C" fn search(
    host: *mut Host<'static>,
    slot: u32,
    from: u32,
    set: *const Set,
    values: *const Raw,
) -> u32 {
    let (host, set) = (at!(host), read!(set));
    let slot = slot as usize;
    if host.candidates.len() <= slot {
        host.candidates.resize_with(slot + 1, Candidates::new);
    }
    let Some(candidates) = host.candidates.get_mut(slot) else { return NOWHERE };
    candidates.search(set, probes(values, set));
    candidates.next(from)
}

/// The first place from `from` on that the last search found, or [`NOWHERE`].
pub(crate) extern "C" fn next(host: *mut Host<'static>, slot: u32, from: u32) -> u32 {
    at!(host).candidates.get_mut(slot as usize).map_or(NOWHERE, |candidates| candidates.next(from))
}

/// The number of the strategy that a value names, or [`NO_STRATEGY`].
pub(crate) extern "C" fn strategy(choice: *const Choice, value: *const Raw) -> u64 {
    let found = match datum!(value) {
        Datum::Text(name) => read!(choice).id(name),
        _ => None,
    };
    found.map_or(NO_STRATEGY, |id| u64::from(id.number()))
}

/// Whether two texts of the same length are the same.
pub(crate) extern "C" fn same(left: usize, left_length: usize, right: usize, right_length: usize) -> u32 {
    // SAFETY: a text of the row, the policy or the arena, or bytes that are kept for the code (this file's head).
    let left: &str = unsafe { text(left, left_length) };
    // SAFETY: as above.
    let right: &str = unsafe { text(right, right_length) };
    u32::from(left == right)
}

/// A value as a text.
pub(crate) extern "C" fn to_text(host: *mut Host<'static>, value: *const Raw, out: *mut Raw) {
    let value = datum!(value);
    *at!(out) = Raw::of(Datum::Text(value.to_kept_text(at!(host).arena)));
}
