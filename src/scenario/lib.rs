//! The file format of the simulator: messages, the world that they meet, and what is expected of them.

pub mod environment;

pub use environment::{Databases, Environment, Store};
