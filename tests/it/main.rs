//! Integration tests: the program as its users meet it.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "a test says what it saw and stops at the first thing that is not as it should be"
)]

mod cli;
mod contract;
mod coverage;
mod engines;
mod explore;
mod field;
mod ir;
mod life;
mod lines;
mod lives;
mod modes;
mod page;
mod properties;
mod quirks;
mod reference;
mod reports;
mod rows;
mod scenarios;
mod seeds;
mod tidy;
mod tls;
mod trials;
mod vectors;
mod world;
