//! Functions of arrays. A value that is no array is one element, the empty string none.

use bumpalo::{Bump, collections::Vec};

use crate::datum::Datum;

/// An element of an array, by `==`, or a part of a text (E16).
pub(super) fn contains<'a>(value: Datum<'a>, part: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    Datum::truth(match value {
        Datum::List(items) => items.iter().any(|item| item.equals(part)),
        other => other.to_text(arena).contains(&*part.to_text(arena)),
    })
}

/// The same without regard to case: all letters in a text, ASCII letters of the strings in an array; another value
/// than these is searched as it is (E16).
pub(super) fn contains_ignore_case<'a>(value: Datum<'a>, part: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let part = part.to_text(arena);
    Datum::truth(match value {
        Datum::List(items) => items.iter().any(|item| match item {
            Datum::Text(text) => text.eq_ignore_ascii_case(&part),
            _ => false,
        }),
        Datum::Text(text) if text.is_ascii() && part.is_ascii() => {
            let lower = |text: &str| Vec::from_iter_in(text.bytes().map(|byte| byte.to_ascii_lowercase()), arena);
            let (text, part) = (lower(text), lower(&part));
            // Letters of ASCII only are a text again.
            let texts = std::str::from_utf8(&text).ok().zip(std::str::from_utf8(&part).ok());
            texts.is_some_and(|(text, part)| text.contains(part))
        }
        Datum::Text(text) => text.to_lowercase().contains(&part.to_lowercase()),
        other => other.to_text(arena).contains(&*part),
    })
}

pub(super) fn count<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    Datum::Int(i64::try_from(value.to_items(arena).len()).unwrap_or(i64::MAX))
}

/// In the total order of values, which the reference lacks (E1).
pub(super) fn sort<'a>(value: Datum<'a>, ascending: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let items = arena.alloc_slice_copy(value.to_items(arena));
    if ascending.is_true() {
        items.sort_by(|a, b| a.total_order(*b));
    } else {
        items.sort_by(|a, b| b.total_order(*a));
    }
    Datum::List(items)
}

/// Each element once, at its first place; equal by `==`.
pub(super) fn dedup<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let mut kept: Vec<'a, Datum<'a>> = Vec::new_in(arena);
    for item in value.to_items(arena) {
        if !kept.iter().any(|known| known.equals(*item)) {
            kept.push(*item);
        }
    }
    Datum::List(kept.into_bump_slice())
}

/// Without empty strings; only of an array (E14).
pub(super) fn winnow<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    match value {
        Datum::List(items) => {
            let kept = items.iter().copied().filter(|item| !matches!(item, Datum::Text("")));
            Datum::List(Vec::from_iter_in(kept, arena).into_bump_slice())
        }
        other => other,
    }
}

pub(super) fn is_intersect<'a>(a: Datum<'a>, b: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let b = b.to_items(arena);
    Datum::truth(a.to_items(arena).iter().any(|item| b.iter().any(|other| item.equals(*other))))
}

/// Of a text or an array; a number is never empty (E14).
pub(super) const fn is_empty(value: Datum<'_>) -> Datum<'_> {
    Datum::truth(match value {
        Datum::Text(text) => text.is_empty(),
        Datum::List(items) => items.is_empty(),
        Datum::Int(_) | Datum::Float(_) | Datum::Constant(_) => false,
    })
}
