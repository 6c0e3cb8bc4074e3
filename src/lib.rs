//! pointsman: a compiler, a simulator and a delivery engine for outbound mail policies.
//!
//! The floors below do the work; this package re-exports them and holds the command line (`cli`).

pub use base;
pub use config;
pub use document;
pub use policy;
pub use scenario;
pub use simulate;
