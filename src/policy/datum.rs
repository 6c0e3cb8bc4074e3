//! Values while an evaluation runs, and how one kind is taken for another.
//!
//! A [`Datum`] borrows its text and elements from the policy, the facts, the answers or the arena of the evaluation,
//! so that it is copied like a number and an evaluation frees nothing but its arena. The rules are the reference's,
//! surprises included; the letters name entries of the language page.

use std::{borrow::Cow, cmp::Ordering, fmt::Write as _};

use bumpalo::Bump;

use crate::{
    constant::Constant,
    ir::Type,
    value::{Number, Value, float_text},
};

/// A value.
#[derive(Clone, Copy, Debug)]
pub enum Datum<'a> {
    /// A signed integer; truth is 1 and 0.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// An array.
    List(&'a [Self]),
    /// A constant.
    Constant(Constant),
}

impl<'a> Datum<'a> {
    /// The empty string, which stands for everything that is missing.
    pub const EMPTY: Self = Self::Text("");

    /// The value, borrowed; arrays get their elements in the arena.
    #[must_use]
    pub fn of(value: &'a Value, arena: &'a Bump) -> Self {
        match value {
            Value::Int(int) => Self::Int(*int),
            Value::Float(float) => Self::Float(*float),
            Value::Text(text) => Self::Text(text),
            Value::List(items) => Self::List(Self::all_of(items, arena)),
            Value::Constant(constant) => Self::Constant(*constant),
        }
    }

    /// The values, borrowed.
    #[must_use]
    pub fn all_of(values: &'a [Value], arena: &'a Bump) -> &'a [Self] {
        arena.alloc_slice_fill_iter(values.iter().map(|value| Self::of(value, arena)))
    }

    /// 1 or 0.
    #[must_use]
    pub const fn truth(truth: bool) -> Self {
        Self::Int(truth as i64)
    }

    /// Its type.
    #[must_use]
    pub const fn ty(self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text(_) => Type::String,
            Self::List(_) => Type::Array,
            Self::Constant(_) => Type::Constant,
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Int(int) => Value::Int(int),
            Self::Float(float) => Value::Float(float),
            Self::Text(text) => Value::text(text),
            Self::List(items) => Value::List(items.iter().map(|item| item.to_value()).collect()),
            Self::Constant(constant) => Value::Constant(constant),
        }
    }

    /// Whether a condition with this value holds (D5).
    #[must_use]
    pub const fn is_true(self) -> bool {
        match self {
            Self::Int(int) => int != 0,
            Self::Float(float) => float != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Constant(_) => true,
        }
    }

    /// The number it is taken for by `- * /` (D7): text that is none is 0, an array 1 where it is empty.
    #[must_use]
    pub fn to_number(self) -> Number {
        match self {
            Self::Int(int) => Number::Int(int),
            Self::Float(float) => Number::Float(float),
            Self::Text(text) => Number::parse(text),
            Self::List(items) => Number::Int(i64::from(items.is_empty())),
            Self::Constant(_) => Number::Int(0),
        }
    }

    /// The integer it is taken for where a function wants one: text that is none is 0, floats are cut.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the reference cuts floats at their point")]
    pub fn to_int(self) -> i64 {
        match self.to_number() {
            Number::Int(int) => int,
            Number::Float(float) => float as i64,
        }
    }

    /// The text it is taken for where a function wants one (D9, E20): floats always with their point, arrays
    /// joined by CR LF with an empty line for an array within.
    ///
    /// Numbers are written into the arena. The text of an array may be long and is the caller's, so that an evaluation
    /// which takes an array for a text again and again keeps none of them.
    #[must_use]
    pub fn to_text(self, arena: &'a Bump) -> Cow<'a, str> {
        match self {
            Self::Int(int) => Cow::Borrowed(written(arena, format_args!("{int}"))),
            Self::Float(float) => Cow::Borrowed(arena.alloc_str(&float_text(float))),
            Self::Text(text) => Cow::Borrowed(text),
            Self::List(items) => {
                let mut lines = String::new();
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        lines.push_str("\r\n");
                    }
                    if !matches!(item, Self::List(_)) {
                        lines.push_str(&item.to_text(arena));
                    }
                }
                Cow::Owned(lines)
            }
            Self::Constant(constant) => Cow::Borrowed(constant.name()),
        }
    }

    /// The same, kept in the arena.
    #[must_use]
    pub fn to_kept_text(self, arena: &'a Bump) -> &'a str {
        match self.to_text(arena) {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => arena.alloc_str(&text),
        }
    }

    /// The text that `+` makes of it (D9): the shortest digits, no exponent and no `.0`.
    #[must_use]
    pub fn to_concatenated(self, arena: &'a Bump) -> Cow<'a, str> {
        match self {
            Self::Float(float) => Cow::Borrowed(written(arena, format_args!("{float}"))),
            other => other.to_text(arena),
        }
    }

    /// Its elements: those of an array, none of an empty string, else itself.
    #[must_use]
    pub fn to_items(self, arena: &'a Bump) -> &'a [Self] {
        match self {
            Self::List(items) => items,
            Self::Text("") => &[],
            other => arena.alloc_slice_copy(&[other]),
        }
    }

    /// Whether `==` holds (D1, D2, D11). A constant equals itself only, which is a deliberate difference.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`==` of the language is exact")]
    pub fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Constant(a), Self::Constant(b)) => a == b,
            (Self::Constant(_), _) | (_, Self::Constant(_)) => false,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(*b)),
            (Self::List(_), _) | (_, Self::List(_)) => false,
            (a, b) => match (a.to_number(), b.to_number()) {
                (Number::Int(a), Number::Int(b)) => a == b,
                (a, b) => a.to_f64() == b.to_f64(),
            },
        }
    }

    /// How `<` and its kin see the two (D3, D12): texts by their bytes, a text and a number as numbers, `None`
    /// where one is not a number.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::List(a), Self::List(b)) => {
                let mut pairs = a.iter().zip(b).map(|(a, b)| a.compare(*b));
                pairs.find(|order| *order != Some(Ordering::Equal)).unwrap_or_else(|| Some(a.len().cmp(&b.len())))
            }
            (Self::Constant(a), Self::Constant(b)) => Some(a.cmp(&b)),
            // Between kinds the left side alone decides (D12).
            (Self::List(_), _) | (Self::Text(_), Self::List(_) | Self::Constant(_)) => Some(Ordering::Greater),
            (Self::Constant(_), _) | (_, Self::List(_) | Self::Constant(_)) => Some(Ordering::Less),
            (a, b) => match (a.to_number(), b.to_number()) {
                (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
                (a, b) => a.to_f64().partial_cmp(&b.to_f64()),
            },
        }
    }

    /// A total order for sorting: numbers, texts, constants, arrays, each among themselves (E1).
    #[must_use]
    pub fn total_order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Constant(a), Self::Constant(b)) => a.cmp(&b),
            (Self::List(a), Self::List(b)) => {
                let mut pairs = a.iter().zip(b).map(|(a, b)| a.total_order(*b));
                pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                self.to_number().to_f64().total_cmp(&other.to_number().to_f64())
            }
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Text(_) => 1,
            Self::Constant(_) => 2,
            Self::List(_) => 3,
        }
    }
}

/// A text of these pieces.
pub(crate) fn written<'a>(arena: &'a Bump, pieces: std::fmt::Arguments<'_>) -> &'a str {
    let mut text = bumpalo::collections::String::new_in(arena);
    // Writing to a String cannot fail.
    let _ = text.write_fmt(pieces);
    text.into_bump_str()
}
