//! A moment of the calendar, as a scenario's `start` gives it.
//!
//! Source: RFC 3339 §5.6. A leap second is refused: the run's clock has none.

use std::fmt;

use thiserror::Error;

/// A moment in milliseconds since 1970-01-01T00:00:00Z, from that year up to 9999.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TimestampError {
    /// It is not `YYYY-MM-DDTHH:MM:SS` and an offset.
    #[error("it is not written as date, `T`, time and offset")]
    Form,
    /// It has no `Z` and no `+01:00` at its end.
    #[error("it has no offset from UTC")]
    NoOffset,
    /// There is no such day in the calendar.
    #[error("there is no such day")]
    Day,
    /// Hours, minutes or seconds are too many.
    #[error("there is no such time of day")]
    Time,
    /// It lies before 1970 or after 9999.
    #[error("it lies outside the years 1970 to 9999")]
    Year,
}

impl Timestamp {
    /// When a run begins that does not say: a Monday at midnight.
    pub const DEFAULT: Self = Self(1_767_571_200_000);

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment that many milliseconds after 1970-01-01T00:00:00Z; `None` after the year 9999.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        (millis < MILLIS_END).then_some(Self(millis))
    }

    /// Reads `2026-03-02T00:00:00Z`, with a fraction of a second and any offset. What is finer than a millisecond is
    /// dropped; the offset is only taken into account, not kept.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let mut reader = Reader(text.as_bytes());
        let (year, month, day) = (reader.number(4)?, reader.then(b"-", 2)?, reader.then(b"-", 2)?);
        let (hour, minute, second) = (reader.then(b"Tt ", 2)?, reader.then(b":", 2)?, reader.then(b":", 2)?);
        let fraction = reader.fraction()?;
        let offset = reader.offset()?;
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(TimestampError::Day);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimestampError::Time);
        }
        let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
        let millis = (minutes * 60 + second) * 1_000 + fraction;
        u64::try_from(millis).ok().and_then(Self::from_millis).ok_or(TimestampError::Year)
    }
}

/// As RFC 3339 with `Z`, with milliseconds where there are any.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1_000, self.0 % 1_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(i64::try_from(days).unwrap_or(i64::MAX));
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if millis > 0 {
            write!(out, ".{millis:03}")?;
        }
        out.write_str("Z")
    }
}

/// What is left to be read.
struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    /// The number that the next `digits` digits make.
    fn number(&mut self, digits: usize) -> Result<i64, TimestampError> {
        let (number, rest) = self.0.split_at_checked(digits).ok_or(TimestampError::Form)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return Err(TimestampError::Form);
        }
        self.0 = rest;
        Ok(number.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// The number behind one of `separators`.
    fn then(&mut self, separators: &[u8], digits: usize) -> Result<i64, TimestampError> {
        let (first, rest) = self.0.split_first().ok_or(TimestampError::Form)?;
        if !separators.contains(first) {
            return Err(TimestampError::Form);
        }
        self.0 = rest;
        self.number(digits)
    }

    /// Milliseconds of a fraction; 0 where there is none.
    fn fraction(&mut self) -> Result<i64, TimestampError> {
        let Some((b'.', rest)) = self.0.split_first() else {
            return Ok(0);
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(TimestampError::Form);
        }
        let (fraction, rest) = rest.split_at_checked(digits).ok_or(TimestampError::Form)?;
        self.0 = rest;
        let padded = fraction.iter().copied().chain([b'0'; 3]).take(3);
        Ok(padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// Minutes east of UTC, with nothing behind.
    fn offset(&mut self) -> Result<i64, TimestampError> {
        let (first, rest) = self.0.split_first().ok_or(TimestampError::NoOffset)?;
        self.0 = rest;
        let minutes = match first {
            b'Z' | b'z' => 0,
            b'+' => self.hours_and_minutes()?,
            b'-' => -self.hours_and_minutes()?,
            _ => return Err(TimestampError::Form),
        };
        if self.0.is_empty() { Ok(minutes) } else { Err(TimestampError::Form) }
    }

    fn hours_and_minutes(&mut self) -> Result<i64, TimestampError> {
        let (hours, minutes) = (self.number(2)?, self.then(b":", 2)?);
        if hours > 23 || minutes > 59 {
            return Err(TimestampError::Time);
        }
        Ok(hours * 60 + minutes)
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the given one, counted in years that begin in March, so that the leap day is their last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before_month = (month * 153 + 2) / 5;
    before_year + before_month + day - 1 - DAYS_TO_1970
}

/// The inverse of [`days_since_1970`]: year, month, day.
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day = days.rem_euclid(DAYS_PER_ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (year * 365 + year / 4 - year / 100);
    let month = (day_of_year * 5 + 2) / 153;
    let day = day_of_year - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// Days in 400 years.
const DAYS_PER_ERA: i64 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// 10000-01-01T00:00:00Z.
const MILLIS_END: u64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read_as_rfc_3339_writes_them() {
        let cases = [
            ("1970-01-01T00:00:00Z", Ok(0)),
            ("2026-03-02T00:00:00Z", Ok(1_772_409_600_000)),
            ("2026-03-02t01:00:00.5+01:00", Ok(1_772_409_600_500)),
            ("2026-03-01 19:30:00.123456-04:30", Ok(1_772_409_600_123)),
            ("2024-02-29T23:59:59z", Ok(1_709_251_199_000)),
            ("9999-12-31T23:59:59.999Z", Ok(MILLIS_END - 1)),
            ("2026-02-29T00:00:00Z", Err(TimestampError::Day)),
            ("2100-02-29T00:00:00Z", Err(TimestampError::Day)),
            ("2026-13-01T00:00:00Z", Err(TimestampError::Day)),
            ("2026-00-01T00:00:00Z", Err(TimestampError::Day)),
            ("2026-01-00T00:00:00Z", Err(TimestampError::Day)),
            ("2026-01-01T24:00:00Z", Err(TimestampError::Time)),
            ("2026-01-01T00:60:00Z", Err(TimestampError::Time)),
            ("2016-12-31T23:59:60Z", Err(TimestampError::Time)),
            ("2026-01-01T00:00:00+24:00", Err(TimestampError::Time)),
            ("1969-12-31T23:59:59Z", Err(TimestampError::Year)),
            ("1970-01-01T00:00:00+00:01", Err(TimestampError::Year)),
            ("2026-01-01T00:00:00", Err(TimestampError::NoOffset)),
            ("2026-01-01T00:00:00.Z", Err(TimestampError::Form)),
            ("2026-01-01", Err(TimestampError::Form)),
            ("2026-1-1T00:00:00Z", Err(TimestampError::Form)),
            ("2026-01-01T00:00:00Zx", Err(TimestampError::Form)),
            ("tomorrow", Err(TimestampError::Form)),
            ("", Err(TimestampError::Form)),
        ];
        for (text, expected) in cases {
            assert_eq!(Timestamp::parse(text).map(Timestamp::millis), expected, "{text}");
        }
    }

    #[test]
    fn a_run_begins_on_a_monday_unless_told() {
        assert_eq!(Timestamp::DEFAULT.to_string(), "2026-01-05T00:00:00Z");
        assert_eq!((Timestamp::DEFAULT.millis() / 86_400_000 + 4) % 7, 1);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(millis in 0..MILLIS_END) {
            let moment = Timestamp::from_millis(millis).expect("it is within bounds");
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        }
    }
}
