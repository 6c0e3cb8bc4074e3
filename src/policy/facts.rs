//! What is known about one recipient when a decision is made.

use crate::{value::Value, variable::Variable};

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

    /// Sets `variable`.
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
}
