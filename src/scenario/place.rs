//! Where something was written, carried along for reports.

use base::TextRange;

/// A range of the document that something was read from; empty where it was made otherwise.
///
/// Two are always equal: what is written twice, in two places, is the same thing. So a type that carries one can
/// still be compared by what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place(pub TextRange);

impl PartialEq for Place {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Place {}
