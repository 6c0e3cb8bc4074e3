//! The life of a message, from acceptance to the last report, without I/O.
//!
//! ```text
//! Input ──▶ Queue::handle ──▶ Effect, asked for by Queue::poll; Queue::deadline says when to come back
//!                  └────────▶ Event, for timelines and logs
//! ```
//!
//! The core reads no clock, opens no socket and draws no random number of its own: the time is an argument, randomness
//! a seed, and whatever is to be done outside is an [`Effect`] that the driver answers by an [`Input`]. So a simulation
//! and a live server run the same code, and a run with the same inputs repeats to the byte.
//!
//! Contract: all effects of an input are asked for before the next input is given.

mod admission;
mod attempt;
pub mod chain;
mod context;
pub mod effect;
pub mod event;
pub mod failure;
pub mod hosts;
mod limiter;
pub mod limits;
mod line;
pub mod message;
pub mod operator;
pub mod planted;
pub mod queue;
mod quota;
pub mod random;
pub mod reply;
pub mod report;
pub mod schedule;
pub mod session;
#[cfg(test)]
mod session_tests;
pub mod sight;
pub mod sts;
pub mod tls;
pub mod tls_report;
pub mod tlsa;

pub use effect::{Effect, Input};
pub use event::Event;
pub use failure::{Failure, LastError};
pub use message::{Message, MessageId, Recipient, Status, Submission};
pub use queue::Queue;
pub use report::Report;
