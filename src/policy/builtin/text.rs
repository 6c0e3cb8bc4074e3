//! Functions of text. Most take any value for its text, and an array for each of its elements or for all of them in
//! lines, as the reference does (language page, part E).

use bumpalo::{
    Bump,
    collections::{String, Vec},
};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::TooLarge;
use crate::{datum::Datum, limits, value::Number};

/// `change` of the text, or of each element's.
pub(super) fn map<'a>(value: Datum<'a>, arena: &'a Bump, change: impl Fn(&'a str) -> &'a str) -> Datum<'a> {
    match value {
        Datum::List(items) => {
            let texts = items.iter().map(|item| Datum::Text(change(item.to_kept_text(arena))));
            Datum::List(arena.alloc_slice_fill_iter(texts))
        }
        other => Datum::Text(change(other.to_kept_text(arena))),
    }
}

/// Whether `holds` for the text, or for each element's.
pub(super) fn test<'a>(value: Datum<'a>, arena: &'a Bump, holds: impl Fn(&str) -> bool) -> Datum<'a> {
    match value {
        Datum::List(items) => {
            let truths = items.iter().map(|item| Datum::truth(holds(&item.to_text(arena))));
            Datum::List(arena.alloc_slice_fill_iter(truths))
        }
        other => Datum::truth(holds(&other.to_text(arena))),
    }
}

/// As the standard library has it, which knows where a sigma ends a word; only other letters than ASCII's need it.
pub(super) fn to_lowercase<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    if text.is_ascii() { ascii(text, arena, u8::to_ascii_lowercase) } else { arena.alloc_str(&text.to_lowercase()) }
}

pub(super) fn to_uppercase<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    if text.is_ascii() { ascii(text, arena, u8::to_ascii_uppercase) } else { arena.alloc_str(&text.to_uppercase()) }
}

fn ascii<'a>(text: &str, arena: &'a Bump, change: impl Fn(&u8) -> u8) -> &'a str {
    let mut changed = String::with_capacity_in(text.len(), arena);
    changed.extend(text.as_bytes().iter().map(|byte| char::from(change(byte))));
    changed.into_bump_str()
}

pub(super) fn is_lowercase(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphabetic()).all(char::is_lowercase)
}

pub(super) fn is_uppercase(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphabetic()).all(char::is_uppercase)
}

/// How many characters are of a kind.
pub(super) fn count<'a>(value: Datum<'a>, arena: &'a Bump, counts: impl Fn(char) -> bool) -> Datum<'a> {
    int(value.to_text(arena).chars().filter(|character| counts(*character)).count())
}

/// Bytes of a text, elements of an array, printed length of a number (E17).
pub(super) fn len<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    match value {
        Datum::List(items) => int(items.len()),
        other => int(other.to_text(arena).len()),
    }
}

fn int<'a>(count: usize) -> Datum<'a> {
    Datum::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn list<'a>(texts: impl Iterator<Item = &'a str>, arena: &'a Bump) -> Datum<'a> {
    Datum::List(Vec::from_iter_in(texts.map(Datum::Text), arena).into_bump_slice())
}

pub(super) fn lines<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    match value {
        Datum::Text(text) => list(text.lines(), arena),
        other => other,
    }
}

/// The parts between blanks that are all letters and digits.
pub(super) fn split_words<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let text = value.to_kept_text(arena);
    list(text.split_whitespace().filter(|word| word.chars().all(char::is_alphanumeric)), arena)
}

pub(super) fn strip_prefix<'a>(value: Datum<'a>, prefix: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let prefix = prefix.to_text(arena);
    map(value, arena, |text| text.strip_prefix(&*prefix).unwrap_or_default())
}

pub(super) fn strip_suffix<'a>(value: Datum<'a>, suffix: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let suffix = suffix.to_text(arena);
    map(value, arena, |text| text.strip_suffix(&*suffix).unwrap_or_default())
}

pub(super) fn split<'a>(value: Datum<'a>, delimiter: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    list(value.to_kept_text(arena).split(&*delimiter.to_text(arena)), arena)
}

/// The last part first (E8).
pub(super) fn rsplit<'a>(value: Datum<'a>, delimiter: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    list(value.to_kept_text(arena).rsplit(&*delimiter.to_text(arena)), arena)
}

/// Two parts, or the empty string where there is no delimiter (E9).
pub(super) fn halves<'a>(parts: Option<(&'a str, &'a str)>, arena: &'a Bump) -> Datum<'a> {
    match parts {
        Some((before, behind)) => list([before, behind].into_iter(), arena),
        None => Datum::EMPTY,
    }
}

/// At most `times` cuts from the left; a negative number cuts everywhere. An empty delimiter cuts before the first
/// character each time, which the reference does without end (E2).
pub(super) fn split_n<'a>(
    value: Datum<'a>,
    delimiter: Datum<'a>,
    times: Datum<'a>,
    arena: &'a Bump,
) -> Result<Datum<'a>, TooLarge> {
    let (text, delimiter) = (value.to_kept_text(arena), delimiter.to_text(arena));
    let times = usize::try_from(times.to_int()).unwrap_or(usize::MAX);
    if delimiter.is_empty() {
        if times >= limits::LIST_ELEMENTS_MAX {
            return Err(TooLarge);
        }
        return Ok(list(std::iter::repeat_n("", times).chain([text]), arena));
    }
    Ok(list(text.splitn(times.saturating_add(1), &*delimiter), arena))
}

/// `count` characters from `start` on (E7).
pub(super) fn substring<'a>(value: Datum<'a>, start: Datum<'a>, count: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let (start, count) = (to_place(start), to_place(count));
    let text = value.to_kept_text(arena);
    // The byte at which so many characters are over.
    let byte = |text: &str, characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let rest = text.get(byte(text, start)..).unwrap_or_default();
    Datum::Text(rest.get(..byte(rest, count)).unwrap_or_default())
}

/// A place in a text: a negative integer lies behind every text, a negative float is its beginning.
#[expect(clippy::cast_sign_loss, reason = "floats below zero become zero, as in the reference")]
fn to_place(value: Datum<'_>) -> usize {
    match value.to_number() {
        Number::Int(int) => usize::try_from(int).unwrap_or(usize::MAX),
        Number::Float(float) => float as usize,
    }
}

/// The digest in hexadecimal; the empty string for an algorithm that is not known (E18).
pub(super) fn hash<'a>(value: Datum<'a>, algorithm: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let text = value.to_text(arena);
    Datum::Text(match &*algorithm.to_text(arena) {
        "md5" => hexadecimal(&Md5::digest(text.as_bytes()), arena),
        "sha1" => hexadecimal(&Sha1::digest(text.as_bytes()), arena),
        "sha256" => hexadecimal(&Sha256::digest(text.as_bytes()), arena),
        "sha512" => hexadecimal(&Sha512::digest(text.as_bytes()), arena),
        _ => "",
    })
}

fn hexadecimal<'a>(bytes: &[u8], arena: &'a Bump) -> &'a str {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let mut text = String::with_capacity_in(bytes.len() * 2, arena);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text.into_bump_str()
}
