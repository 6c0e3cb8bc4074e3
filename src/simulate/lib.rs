//! Messages through a plan, without sending any.
//!
//! ```text
//! Plan, Facts, World ── attempt ──▶ Attempt ─┬─ expect ──▶ what was expected otherwise
//!                                            └─ summary ──▶ counts by strategy
//! Scenario, Plan, Strategies ── run ──▶ Life ── timeline ──▶ what each recipient went through
//!                                │                  ╰─ checks ──▶ what must never be
//!                                └─ delivery::Queue ⇄ peer: the scenario's servers
//! ```
//!
//! A recipient's attempt is decided by the plan itself, and its life is that of the delivery core, so that what is shown
//! here is what delivery would do.

pub mod attempt;
pub mod certificate;
pub mod checks;
pub mod coverage;
pub mod expect;
pub mod explore;
pub mod load;
mod mailboxes;
pub mod peer;
mod promise;
pub mod properties;
pub mod quirks;
mod resolver;
pub mod run;
mod shown;
pub mod summary;
pub mod timeline;

pub use attempt::{Attempt, Decided};
pub use checks::{Violation, violations};
pub use expect::Unmet;
pub use load::{Load, Loads};
pub use run::{Keep, Life, Reload, Setup, run};
pub use summary::Summary;
pub use timeline::Timeline;

#[cfg(test)]
mod testing;
