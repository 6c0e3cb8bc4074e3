//! Lengths of time as policies write them, an integer and one unit, and points in time; both in milliseconds.

use std::{
    fmt,
    ops::{Add, Sub},
};

use thiserror::Error;

/// A length of time in milliseconds, never negative.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Millis(pub u64);

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MillisError {
    /// It does not begin with a digit, or has other characters than digits before its unit.
    #[error("it does not begin with a whole number")]
    Number,
    /// What follows the number is none of `d`, `h`, `m`, `s`, `ms`.
    #[error("its unit is none of d, h, m, s, ms")]
    Unit,
    /// It has more than one unit, such as `1h30m`.
    #[error("it has more than one unit")]
    Compound,
    /// It is longer than 63 bits of milliseconds can say.
    #[error("it is too long")]
    TooLong,
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Millis {
    /// The longest one: 63 bits, because an expression holds it as a signed integer.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Reads `5m`: a whole number and one of `d h m s ms` in any letter case, without blanks between. A number
    /// without a unit is in milliseconds.
    ///
    /// Source: the dialects' duration literal; `delivery.md` 0.2.
    pub fn parse(text: &str) -> Result<Self, MillisError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or(MillisError::Number)?;
        if number.is_empty() {
            return Err(MillisError::Number);
        }
        let factor = match unit {
            "" => 1,
            unit if unit.bytes().any(|byte| byte.is_ascii_digit()) => {
                let fraction = unit.starts_with('.');
                return Err(if fraction { MillisError::Number } else { MillisError::Compound });
            }
            unit => {
                let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
                known.ok_or(MillisError::Unit)?.1
            }
        };
        let number: u64 = number.parse().map_err(|_| MillisError::TooLong)?;
        let length = number.checked_mul(factor).map(Self).ok_or(MillisError::TooLong)?;
        if length > Self::MAX { Err(MillisError::TooLong) } else { Ok(length) }
    }
}

/// The shortest way to write it with one unit: `90m`, `1500ms`, `0ms`.
impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|&&(_, factor)| self.0 >= factor && self.0.is_multiple_of(factor));
        let (unit, factor) = whole.unwrap_or(&("ms", 1));
        write!(out, "{}{unit}", self.0 / factor)
    }
}

/// A point in time: milliseconds since 1970-01-01T00:00Z.
///
/// Nothing below the drivers reads a clock: an instant comes from the wall clock, or from the simulator's queue of
/// events.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub u64);

impl Instant {
    /// Later than everything.
    pub const NEVER: Self = Self(u64::MAX);

    /// How long it is since `earlier`; nothing where that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Instant {
    type Output = Self;

    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub<Millis> for Instant {
    type Output = Self;

    fn sub(self, length: Millis) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_policies_write_them() {
        let cases = [
            ("5m", Ok(300_000)),
            ("1D", Ok(86_400_000)),
            ("250ms", Ok(250)),
            ("250Ms", Ok(250)),
            ("7", Ok(7)),
            ("05m", Ok(300_000)),
            ("1h30m", Err(MillisError::Compound)),
            ("1.5h", Err(MillisError::Number)),
            ("5w", Err(MillisError::Unit)),
            ("5min", Err(MillisError::Unit)),
            ("", Err(MillisError::Number)),
            ("m", Err(MillisError::Number)),
            ("-5m", Err(MillisError::Number)),
            ("9223372036854775807ms", Ok(i64::MAX as u64)),
            ("9223372036854775808ms", Err(MillisError::TooLong)),
            ("213503982334d", Err(MillisError::TooLong)),
        ];
        for (text, expected) in cases {
            assert_eq!(Millis::parse(text), expected.map(Millis), "{text}");
        }
    }

    #[test]
    fn lengths_are_shown_in_their_largest_whole_unit() {
        let cases =
            [(0, "0ms"), (1, "1ms"), (1_500, "1500ms"), (90_000, "90s"), (5_400_000, "90m"), (172_800_000, "2d")];
        for (millis, expected) in cases {
            assert_eq!(Millis(millis).to_string(), expected);
        }
    }
}
