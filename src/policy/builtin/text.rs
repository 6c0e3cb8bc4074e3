//! Functions of text. Most take any value for its text, and an array for each of its elements or for all of them in
//! lines, as the reference does (language page, part E).

use std::{fmt::Write as _, sync::Arc};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::TooLarge;
use crate::{
    limits,
    value::{Number, Value},
};

/// `change` of the text, or of each element's.
pub(super) fn map(value: &Value, change: impl Fn(&str) -> Arc<str>) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| Value::Text(change(&item.to_text()))).collect()),
        other => Value::Text(change(&other.to_text())),
    }
}

/// Whether `holds` for the text, or for each element's.
pub(super) fn test(value: &Value, holds: impl Fn(&str) -> bool) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| Value::truth(holds(&item.to_text()))).collect()),
        other => Value::truth(holds(&other.to_text())),
    }
}

pub(super) fn is_lowercase(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphabetic()).all(char::is_lowercase)
}

pub(super) fn is_uppercase(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphabetic()).all(char::is_uppercase)
}

/// How many characters are of a kind.
pub(super) fn count(value: &Value, counts: impl Fn(char) -> bool) -> Value {
    int(value.to_text().chars().filter(|character| counts(*character)).count())
}

/// Bytes of a text, elements of an array, printed length of a number (E17).
pub(super) fn len(value: &Value) -> Value {
    match value {
        Value::List(items) => int(items.len()),
        other => int(other.to_text().len()),
    }
}

fn int(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

pub(super) fn lines(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::List(text.lines().map(Value::text).collect()),
        other => other.clone(),
    }
}

/// The parts between blanks that are all letters and digits.
pub(super) fn split_words(value: &Value) -> Value {
    let text = value.to_text();
    let words = text.split_whitespace().filter(|word| word.chars().all(char::is_alphanumeric));
    Value::List(words.map(Value::text).collect())
}

pub(super) fn strip_prefix(value: &Value, prefix: &Value) -> Value {
    let prefix = prefix.to_text();
    map(value, |text| text.strip_prefix(&*prefix).unwrap_or_default().into())
}

pub(super) fn strip_suffix(value: &Value, suffix: &Value) -> Value {
    let suffix = suffix.to_text();
    map(value, |text| text.strip_suffix(&*suffix).unwrap_or_default().into())
}

pub(super) fn split(value: &Value, delimiter: &Value) -> Value {
    Value::List(value.to_text().split(&*delimiter.to_text()).map(Value::text).collect())
}

/// The last part first (E8).
pub(super) fn rsplit(value: &Value, delimiter: &Value) -> Value {
    Value::List(value.to_text().rsplit(&*delimiter.to_text()).map(Value::text).collect())
}

/// Two parts, or the empty string where there is no delimiter (E9).
pub(super) fn halves(parts: Option<(&str, &str)>) -> Value {
    match parts {
        Some((before, behind)) => Value::list(vec![Value::text(before), Value::text(behind)]),
        None => Value::empty(),
    }
}

/// At most `times` cuts from the left; a negative number cuts everywhere. An empty delimiter cuts before the first
/// character each time, which the reference does without end (E2).
pub(super) fn split_n(value: &Value, delimiter: &Value, times: &Value) -> Result<Value, TooLarge> {
    let (text, delimiter) = (value.to_text(), delimiter.to_text());
    let times = usize::try_from(times.to_int()).unwrap_or(usize::MAX);
    if delimiter.is_empty() {
        if times >= limits::LIST_ELEMENTS_MAX {
            return Err(TooLarge);
        }
        let mut parts = vec![Value::empty(); times];
        parts.push(Value::Text(text));
        return Ok(Value::list(parts));
    }
    Ok(Value::List(text.splitn(times.saturating_add(1), &*delimiter).map(Value::text).collect()))
}

/// `count` characters from `start` on (E7).
pub(super) fn substring(value: &Value, start: &Value, count: &Value) -> Value {
    let (start, count) = (to_place(start), to_place(count));
    let text: String = value.to_text().chars().skip(start).take(count).collect();
    Value::text(text)
}

/// A place in a text: a negative integer lies behind every text, a negative float is its beginning.
#[expect(clippy::cast_sign_loss, reason = "floats below zero become zero, as in the reference")]
fn to_place(value: &Value) -> usize {
    match value.to_number() {
        Number::Int(int) => usize::try_from(int).unwrap_or(usize::MAX),
        Number::Float(float) => float as usize,
    }
}

/// The digest in hexadecimal; the empty string for an algorithm that is not known (E18).
pub(super) fn hash(value: &Value, algorithm: &Value) -> Value {
    let text = value.to_text();
    let digest = match &*algorithm.to_text() {
        "md5" => hexadecimal(&Md5::digest(text.as_bytes())),
        "sha1" => hexadecimal(&Sha1::digest(text.as_bytes())),
        "sha256" => hexadecimal(&Sha256::digest(text.as_bytes())),
        "sha512" => hexadecimal(&Sha512::digest(text.as_bytes())),
        _ => String::new(),
    };
    Value::text(digest)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
