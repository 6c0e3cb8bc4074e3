//! Decision DAGs to machine code, by way of Cranelift.
//!
//! ```text
//! block ── policy::dag ──▶ DAG ── lower ──▶ Cranelift's IR ──▶ code, which calls host
//! ```
//!
//! The code answers what the interpreter answers: the same values, the same errors, the same questions to the world in
//! the same order. Where it cannot, because a row is not as it was assumed, it says so and the interpreter decides.
//!
//! This is the one package of the project that may say `unsafe`: one operation a block, each with the reason why it is
//! sound.

mod code;
#[cfg(test)]
mod differential;
mod host;
mod layout;
pub mod limits;
mod lower;
mod plan;
mod program;

pub use code::Refused;
pub use plan::{Compiled, Serving};
pub use program::Program;
