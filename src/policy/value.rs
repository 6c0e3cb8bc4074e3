//! Values of the language, owned: what facts, answers and literals are, and what an evaluation gives.
//!
//! While an evaluation runs, its values are borrowed: see `datum`, which also holds how one kind is taken for another.

use std::{fmt, sync::Arc};

use bumpalo::Bump;

use crate::{constant::Constant, datum::Datum, interpret::negate, ir::Type};

/// What an expression gives.
#[derive(Clone, Debug)]
pub enum Value {
    /// A signed integer; truth is 1 and 0.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Text(Arc<str>),
    /// An array.
    List(Arc<[Self]>),
    /// A constant.
    Constant(Constant),
}

/// A number, after a value was taken for one.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Whole.
    Int(i64),
    /// Not whole, or too large.
    Float(f64),
}

impl Number {
    /// As a float.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the reference compares integers with floats as floats (D11)")]
    pub const fn to_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(int) => Self::Int(int),
            Err(_) => text.parse().map_or(Self::Int(0), Self::Float),
        }
    }
}

impl Value {
    /// The empty string, which stands for everything that is missing.
    #[must_use]
    pub fn empty() -> Self {
        Self::Text(Arc::from(""))
    }

    /// A string.
    #[must_use]
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// An array.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(items.into())
    }

    /// 1 or 0.
    #[must_use]
    pub const fn truth(truth: bool) -> Self {
        Self::Int(truth as i64)
    }

    /// Its type.
    #[must_use]
    pub const fn ty(&self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text(_) => Type::String,
            Self::List(_) => Type::Array,
            Self::Constant(_) => Type::Constant,
        }
    }

    /// Whether a condition with this value holds (D5).
    #[must_use]
    pub fn is_true(&self) -> bool {
        Datum::of(self, &Bump::new()).is_true()
    }

    /// Its negative (D10).
    #[must_use]
    pub fn negated(&self) -> Self {
        negate(Datum::of(self, &Bump::new())).to_value()
    }

    /// The text it is taken for where a function wants one (D9, E20).
    #[must_use]
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Self::Text(text) => text.clone(),
            other => Datum::of(other, &Bump::new()).to_text(&Bump::new()).into(),
        }
    }

    /// Its elements: those of an array, none of an empty string, else itself.
    #[must_use]
    pub fn to_items(&self) -> Arc<[Self]> {
        match self {
            Self::List(items) => items.clone(),
            Self::Text(text) if text.is_empty() => Arc::new([]),
            other => Arc::new([other.clone()]),
        }
    }

    /// Whether two values are the same in type and content; NaN is the same as NaN.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Constant(a), Self::Constant(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.is_same(b)),
            _ => false,
        }
    }
}

/// A float as functions spell it: always with `.0` or an exponent, the exponent signed from 1e16 on and below 1e-5.
pub(crate) fn float_text(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() { "NaN".into() } else { float.to_string() };
    }
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) {
        let text = format!("{float:e}");
        return if magnitude >= 1.0 { text.replacen('e', "e+", 1) } else { text };
    }
    let text = float.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// As a literal of the language would be written; floats with their point, strings in single quotes.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => write!(out, "{int}"),
            Self::Float(float) => out.write_str(&float_text(*float)),
            Self::Text(text) => write_quoted(out, text),
            Self::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    write!(out, "{item}")?;
                }
                out.write_str("]")
            }
            Self::Constant(constant) => write!(out, "{constant}"),
        }
    }
}

/// Writes `text` in the quotes that it does not hold; in double quotes with the others doubled by a backslash where
/// it holds both.
pub(crate) fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    out.write_str(text)?;
    out.write_char(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_functions_spell_them() {
        let cases = [
            (2.0, "2.0"),
            (2.5, "2.5"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_01, "0.00001"),
            (0.000_001, "1e-6"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (float, expected) in cases {
            assert_eq!(&*Value::Float(float).to_text(), expected);
        }
    }
}
