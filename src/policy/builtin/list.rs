//! Functions of arrays. A value that is no array is one element, the empty string none.

use crate::value::Value;

/// An element of an array, by `==`, or a part of a text (E16).
pub(super) fn contains(value: &Value, part: &Value) -> Value {
    Value::truth(match value {
        Value::List(items) => items.iter().any(|item| item.equals(part)),
        other => other.to_text().contains(&*part.to_text()),
    })
}

/// The same without regard to case: all letters in a text, ASCII letters of the strings in an array; another value
/// than these is searched as it is (E16).
pub(super) fn contains_ignore_case(value: &Value, part: &Value) -> Value {
    let part = part.to_text();
    Value::truth(match value {
        Value::List(items) => items.iter().any(|item| match item {
            Value::Text(text) => text.eq_ignore_ascii_case(&part),
            _ => false,
        }),
        Value::Text(text) => text.to_lowercase().contains(&part.to_lowercase()),
        other => other.to_text().contains(&*part),
    })
}

pub(super) fn count(value: &Value) -> Value {
    Value::Int(i64::try_from(value.to_items().len()).unwrap_or(i64::MAX))
}

/// In the total order of values, which the reference lacks (E1).
pub(super) fn sort(value: &Value, ascending: &Value) -> Value {
    let mut items = value.to_items().to_vec();
    if ascending.is_true() {
        items.sort_by(Value::total_order);
    } else {
        items.sort_by(|a, b| b.total_order(a));
    }
    Value::list(items)
}

/// Each element once, at its first place; equal by `==`.
pub(super) fn dedup(value: &Value) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in value.to_items().iter() {
        if !kept.iter().any(|known| known.equals(item)) {
            kept.push(item.clone());
        }
    }
    Value::list(kept)
}

/// Without empty strings; only of an array (E14).
pub(super) fn winnow(value: &Value) -> Value {
    match value {
        Value::List(items) => {
            let keeps = |item: &&Value| !matches!(item, Value::Text(text) if text.is_empty());
            Value::List(items.iter().filter(keeps).cloned().collect())
        }
        other => other.clone(),
    }
}

pub(super) fn is_intersect(a: &Value, b: &Value) -> Value {
    let b = b.to_items();
    Value::truth(a.to_items().iter().any(|item| b.iter().any(|other| item.equals(other))))
}

/// Of a text or an array; a number is never empty (E14).
pub(super) fn is_empty(value: &Value) -> Value {
    Value::truth(match value {
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Int(_) | Value::Float(_) | Value::Constant(_) => false,
    })
}
