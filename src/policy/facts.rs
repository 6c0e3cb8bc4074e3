//! What is known about one recipient when a decision is made.
//!
//! Engines read a [`Row`]: typed columns that borrow, so that a queued message is asked about without a copy of its
//! texts. [`Facts`] own their values, for those who have no message at hand: dry runs and tests.

use std::mem::offset_of;

use bumpalo::Bump;

use crate::{
    datum::Datum,
    value::Value,
    variable::{Column, Variable, VariableSet},
};

/// How many columns hold texts.
pub const TEXTS: usize = Column::count(true);
/// How many columns hold numbers.
pub const INTS: usize = Column::count(false);

/// Typed columns, one for each variable.
///
/// The order of the columns is [`Variable::column`]'s. Machine code reads them in place, by the offsets below.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Row<'a> {
    texts: [&'a str; TEXTS],
    ints: [i64; INTS],
    recipients: &'a [Value],
    set: VariableSet,
    longest: u32,
}

/// The variable has another type than the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{variable}` is {}", article(*variable))]
pub struct WrongType {
    /// The variable.
    pub variable: Variable,
}

const fn article(variable: Variable) -> &'static str {
    match variable.column() {
        Column::Text(_) => "a string",
        Column::Int(_) => "a whole number",
        Column::Recipients => "a list of strings",
    }
}

impl Default for Row<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Row<'a> {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { texts: [""; TEXTS], ints: [0; INTS], recipients: &[], set: VariableSet::NONE, longest: 0 }
    }

    /// Sets a variable that is a text.
    ///
    /// # Errors
    ///
    /// Where it is none.
    #[expect(clippy::indexing_slicing, reason = "the array has a place for each column")]
    #[inline]
    pub const fn set_text(&mut self, variable: Variable, text: &'a str) -> Result<(), WrongType> {
        let Column::Text(place) = variable.column() else { return Err(WrongType { variable }) };
        self.texts[place] = text;
        let length = if text.len() > u32::MAX as usize { u32::MAX } else { text.len() as u32 };
        if length > self.longest {
            self.longest = length;
        }
        self.set = self.set.with(variable);
        Ok(())
    }

    /// Sets a variable that is a whole number.
    ///
    /// # Errors
    ///
    /// Where it is none.
    #[expect(clippy::indexing_slicing, reason = "the array has a place for each column")]
    #[inline]
    pub const fn set_int(&mut self, variable: Variable, int: i64) -> Result<(), WrongType> {
        let Column::Int(place) = variable.column() else { return Err(WrongType { variable }) };
        self.ints[place] = int;
        self.set = self.set.with(variable);
        Ok(())
    }

    /// Sets `recipients`: texts, which the queue keeps once for all recipients of a message.
    pub const fn set_recipients(&mut self, recipients: &'a [Value]) {
        self.recipients = recipients;
        self.set = self.set.with(Variable::Recipients);
    }

    /// Whether `variable` is set.
    #[must_use]
    pub const fn is_set(&self, variable: Variable) -> bool {
        self.set.has(variable)
    }

    /// The length of the longest text, in bytes.
    #[must_use]
    pub const fn longest(&self) -> u32 {
        self.longest
    }

    /// The value of `variable`, the empty string where it is not set.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the arrays have a place for each column")]
    pub fn get(&self, variable: Variable, arena: &'a Bump) -> Datum<'a> {
        if !self.is_set(variable) {
            return Datum::EMPTY;
        }
        match variable.column() {
            Column::Text(place) => Datum::Text(self.texts[place]),
            Column::Int(place) => Datum::Int(self.ints[place]),
            Column::Recipients => Datum::List(Datum::all_of(self.recipients, arena)),
        }
    }

    /// The recipients.
    #[must_use]
    pub const fn recipients(&self) -> &'a [Value] {
        self.recipients
    }

    /// Where the column of a text is, in bytes.
    #[must_use]
    pub const fn text_offset(place: usize) -> usize {
        offset_of!(Self, texts) + place * size_of::<&str>()
    }

    /// Where the column of a number is, in bytes.
    #[must_use]
    pub const fn int_offset(place: usize) -> usize {
        offset_of!(Self, ints) + place * size_of::<i64>()
    }

    /// Where the bits of the variables that are set are, in bytes: a `u32`.
    #[must_use]
    pub const fn set_offset() -> usize {
        offset_of!(Self, set)
    }

    /// Where the length of the longest text is, in bytes: a `u32`.
    #[must_use]
    pub const fn longest_offset() -> usize {
        offset_of!(Self, longest)
    }
}

/// A value for each variable that is set.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    values: [Option<Value>; Variable::COUNT],
}

impl Facts {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `variable`. A value of another type than the variable's counts as none when a row is made.
    #[expect(clippy::indexing_slicing, reason = "the array has a slot for each variable")]
    pub fn set(&mut self, variable: Variable, value: Value) {
        self.values[variable as usize] = Some(value);
    }

    /// With `variable` set.
    #[must_use]
    pub fn with(mut self, variable: Variable, value: Value) -> Self {
        self.set(variable, value);
        self
    }

    /// The value of `variable`, where it is set.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the array has a slot for each variable")]
    pub fn get(&self, variable: Variable) -> Option<&Value> {
        self.values[variable as usize].as_ref()
    }

    /// The value of `variable`, the empty string where it is not set.
    #[must_use]
    pub fn value(&self, variable: Variable) -> Value {
        self.get(variable).cloned().unwrap_or_else(Value::empty)
    }

    /// The row of these values.
    #[must_use]
    pub fn row(&self) -> Row<'_> {
        let mut row = Row::new();
        for &variable in Variable::ALL {
            // Of another type than the variable's, it is left out.
            let _ = match self.get(variable) {
                Some(Value::Text(text)) => row.set_text(variable, text),
                Some(Value::Int(int)) => row.set_int(variable, *int),
                Some(Value::List(items)) if variable == Variable::Recipients => {
                    row.set_recipients(items);
                    Ok(())
                }
                Some(Value::List(_) | Value::Float(_) | Value::Constant(_)) => Err(WrongType { variable }),
                None => Ok(()),
            };
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_variable_has_a_column_of_its_own() {
        let offset = |variable: Variable| match variable.column() {
            Column::Text(place) => Row::text_offset(place),
            Column::Int(place) => Row::int_offset(place),
            Column::Recipients => offset_of!(Row<'_>, recipients),
        };
        let offsets: BTreeSet<usize> = Variable::ALL.iter().map(|variable| offset(*variable)).collect();
        assert_eq!(offsets.len(), Variable::COUNT);
        assert_eq!(TEXTS + INTS + 1, Variable::COUNT);
        assert!(offsets.iter().all(|offset| offset + 8 <= Row::set_offset()));
        assert_eq!(Row::longest_offset(), Row::set_offset() + 4);
    }

    #[test]
    fn a_row_has_the_values_of_the_facts_but_those_of_another_type() {
        let items = vec![Value::text("a@b.test")];
        let facts = Facts::new()
            .with(Variable::RcptDomain, Value::text("corp.test"))
            .with(Variable::RetryNum, Value::Int(-3))
            .with(Variable::Recipients, Value::list(items))
            .with(Variable::Size, Value::text("large"))
            .with(Variable::Sender, Value::Int(5))
            .with(Variable::Mx, Value::Float(0.5));
        let row = facts.row();
        let cases = [
            (Variable::RcptDomain, "'corp.test'", true),
            (Variable::RetryNum, "-3", true),
            (Variable::Recipients, "['a@b.test']", true),
            (Variable::Size, "''", false),
            (Variable::Sender, "''", false),
            (Variable::Mx, "''", false),
            (Variable::Rcpt, "''", false),
        ];
        let arena = Bump::new();
        for (variable, value, is_set) in cases {
            assert_eq!(row.get(variable, &arena).to_value().to_string(), value, "{variable}");
            assert_eq!(row.is_set(variable), is_set, "{variable}");
        }
        assert_eq!(row.longest(), 9);
        assert_eq!(Row::new().set_int(Variable::Rcpt, 1), Err(WrongType { variable: Variable::Rcpt }));
        assert_eq!(Row::new().set_text(Variable::Size, "1").unwrap_err().to_string(), "`size` is a whole number");
    }
}
