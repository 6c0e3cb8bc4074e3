//! Messages through a plan, without sending any.
//!
//! ```text
//! Plan, Facts, World ── attempt ──▶ Attempt ─┬─ expect ──▶ what was expected otherwise
//!                                            └─ summary ──▶ counts by strategy
//! ```
//!
//! A recipient's attempt is decided by the plan itself, so that what is shown here is what delivery would do.

pub mod attempt;
pub mod expect;
pub mod summary;

pub use attempt::{Attempt, Decided};
pub use expect::Unmet;
pub use summary::Summary;
