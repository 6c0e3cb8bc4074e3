//! Lowerings that are wrong on purpose, so that a test can show that the comparison with the interpreter notices.
//!
//! Outside of tests nothing is broken, and nothing of this is left in the code.

/// A way to be wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    /// `<` holds for equal numbers.
    Order,
    /// Whole numbers wrap around.
    Saturation,
    /// The end of a text is looked for at its beginning.
    Suffix,
    /// `&&` and `||` give truth only.
    Operand,
    /// Division by zero is infinite.
    Division,
    /// An answer is given to the next question as well.
    Answers,
    /// A list that cannot be asked fails the evaluation.
    List,
    /// A search finds the place behind the one it finds.
    Place,
    /// A text that is too short, or too long, is what it is compared with.
    Length,
}

#[cfg(test)]
impl Broken {
    /// Every way.
    pub(crate) const ALL: [Self; 9] = [
        Self::Order,
        Self::Saturation,
        Self::Suffix,
        Self::Operand,
        Self::Division,
        Self::Answers,
        Self::List,
        Self::Place,
        Self::Length,
    ];
}

#[cfg(test)]
thread_local! {
    /// What is broken on this thread.
    pub(crate) static BROKEN: std::cell::Cell<Option<Broken>> = const { std::cell::Cell::new(None) };
}

/// Whether this is broken.
#[cfg(test)]
pub(super) fn is_broken(way: Broken) -> bool {
    BROKEN.get() == Some(way)
}

/// Whether this is broken: never.
#[cfg(not(test))]
pub(super) const fn is_broken(_way: Broken) -> bool {
    false
}
