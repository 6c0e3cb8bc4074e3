//! A text that no output may show.
//!
//! Invariants:
//!
//! - Neither `Debug` nor `Display` prints it, and nothing serialises it: every output has `***`.
//! - [`Secret::reveal`] is the only way to the text, so that a search for it finds every use.

use std::fmt;

/// A password, a token, or anything that came out of the environment or a file that a policy names.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(Box<str>);

impl Secret {
    /// What stands for it in every output.
    pub const MASK: &'static str = "***";

    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one that must send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is the empty text, which no server takes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(Self::MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(Self::MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_shows_it() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "*** *** ***");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
