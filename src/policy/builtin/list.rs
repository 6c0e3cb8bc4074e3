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

/// Whether two arrays have an element in common, by `==`, or an array has a value as an element. Two values that are no
/// arrays have nothing in common, even where they are the same.
pub(super) fn is_intersect<'a>(a: Datum<'a>, b: Datum<'a>) -> Datum<'a> {
    Datum::truth(match (a, b) {
        (Datum::List(a), Datum::List(b)) => a.iter().any(|item| b.iter().any(|other| item.equals(*other))),
        (Datum::List(items), value) | (value, Datum::List(items)) => items.iter().any(|item| item.equals(value)),
        _ => false,
    })
}

/// Of a text or an array; a number is never empty (E14).
pub(super) const fn is_empty(value: Datum<'_>) -> Datum<'_> {
    Datum::truth(match value {
        Datum::Text(text) => text.is_empty(),
        Datum::List(items) => items.is_empty(),
        Datum::Int(_) | Datum::Float(_) | Datum::Constant(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constant::Constant;

    /// Values of every kind, equal to one another in every way that `==` knows.
    fn values(arena: &Bump) -> std::vec::Vec<Datum<'_>> {
        let list = |items: &[Datum<'static>]| Datum::List(arena.alloc_slice_copy(items));
        let scalars = [
            Datum::Text(""),
            Datum::Text("a"),
            Datum::Text("A"),
            Datum::Text("1"),
            Datum::Text("1.0"),
            Datum::Int(0),
            Datum::Int(1),
            Datum::Float(1.0),
            Datum::Float(f64::NAN),
            Datum::Constant(Constant::named("require").unwrap()),
        ];
        let one_each = scalars.map(|scalar| list(&[scalar]));
        let more = [
            list(&[]),
            list(&[Datum::Text("x"), Datum::Text("a")]),
            list(&[Datum::Text("x"), Datum::Text("")]),
            Datum::List(arena.alloc_slice_copy(&[list(&[Datum::Text("a")])])),
        ];
        scalars.into_iter().chain(one_each).chain(more).collect()
    }

    /// The whole domain, against `contains`, which is another function of the language.
    #[test]
    fn values_intersect_as_contains_has_it() {
        let arena = Bump::new();
        let (mut held, mut count) = (0, 0);
        for a in values(&arena) {
            for b in values(&arena) {
                let contains = |list, value| contains(list, value, &arena).is_true();
                let expected = match (a, b) {
                    (Datum::List(_), Datum::List(items)) => items.iter().any(|item| contains(a, *item)),
                    (Datum::List(_), _) => contains(a, b),
                    (_, Datum::List(_)) => contains(b, a),
                    _ => false,
                };
                assert_eq!(is_intersect(a, b).is_true(), expected, "{a:?} {b:?}");
                (held, count) = (held + usize::from(expected), count + 1);
            }
        }
        assert_eq!((held, count), (96, 576));
    }
}
