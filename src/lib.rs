//! pointsman: a compiler, a simulator and a delivery engine for outbound mail policies.
//!
//! The floors below do the work, and are re-exported here; this package wires them together for the command line
//! ([`cli`]).

pub mod cli;

pub use base;
pub use config;
pub use delivery;
pub use document;
pub use jit;
pub use policy;
pub use scenario;
pub use simulate;
