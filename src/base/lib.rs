//! The nouns that every floor shares: places in a text, findings about it, lengths of time, addresses.
//!
//! Nothing here behaves: no I/O, no clock, no rendering. A floor that needs to show a [`Diagnostic`] asks
//! `document`, which knows files, lines and colours.

pub mod diagnostic;
pub mod mailbox;
pub mod mapped;
pub mod range;
pub mod secret;
pub mod time;

pub use diagnostic::{Code, Diagnostic, Edit, Findings, Fix, Severity};
pub use mailbox::{Mailbox, NotAnAddress};
pub use mapped::MappedText;
pub use range::TextRange;
pub use secret::Secret;
pub use time::{Instant, Millis, MillisError};
