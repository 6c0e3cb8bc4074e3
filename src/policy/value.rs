//! Values of the language, and how one kind is taken for another.
//!
//! The rules are the reference's, surprises included; the letters name entries of the language page.

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::{constant::Constant, ir::Type};

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

    fn parse(text: &str) -> Self {
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
        match self {
            Self::Int(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Constant(_) => true,
        }
    }

    /// The number it is taken for by `- * /` (D7): text that is none is 0, an array 1 where it is empty.
    #[must_use]
    pub fn to_number(&self) -> Number {
        match self {
            Self::Int(int) => Number::Int(*int),
            Self::Float(float) => Number::Float(*float),
            Self::Text(text) => Number::parse(text),
            Self::List(items) => Number::Int(i64::from(items.is_empty())),
            Self::Constant(_) => Number::Int(0),
        }
    }

    /// The integer it is taken for where a function wants one: text that is none is 0, floats are cut.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the reference cuts floats at their point")]
    pub fn to_int(&self) -> i64 {
        match self.to_number() {
            Number::Int(int) => int,
            Number::Float(float) => float as i64,
        }
    }

    /// The text it is taken for where a function wants one (D9, E20): floats always with their point, arrays
    /// joined by CR LF with an empty line for an array within.
    #[must_use]
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Self::Int(int) => int.to_string().into(),
            Self::Float(float) => float_text(*float).into(),
            Self::Text(text) => text.clone(),
            Self::List(items) => {
                let lines: Vec<Arc<str>> = items
                    .iter()
                    .map(|item| if matches!(item, Self::List(_)) { Arc::from("") } else { item.to_text() })
                    .collect();
                lines.join("\r\n").into()
            }
            Self::Constant(constant) => constant.name().into(),
        }
    }

    /// The text that `+` makes of it (D9): the shortest digits, no exponent and no `.0`.
    #[must_use]
    pub fn to_concatenated(&self) -> Arc<str> {
        match self {
            Self::Float(float) => float.to_string().into(),
            other => other.to_text(),
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

    /// Whether `==` holds (D1, D2, D11). A constant equals itself only, which is a deliberate difference.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`==` of the language is exact")]
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Constant(a), Self::Constant(b)) => a == b,
            (Self::Constant(_), _) | (_, Self::Constant(_)) => false,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b)),
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
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::List(a), Self::List(b)) => {
                let mut pairs = a.iter().zip(b.iter()).map(|(a, b)| a.compare(b));
                pairs.find(|order| *order != Some(Ordering::Equal)).unwrap_or_else(|| Some(a.len().cmp(&b.len())))
            }
            (Self::Constant(a), Self::Constant(b)) => Some(a.cmp(b)),
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
    pub fn total_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Constant(a), Self::Constant(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => {
                let mut pairs = a.iter().zip(b.iter()).map(|(a, b)| a.total_order(b));
                pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                self.to_number().to_f64().total_cmp(&other.to_number().to_f64())
            }
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Text(_) => 1,
            Self::Constant(_) => 2,
            Self::List(_) => 3,
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
fn float_text(float: f64) -> String {
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
