//! The file format of the simulator: messages, the world that they meet, and what is expected of them.
//!
//! ```text
//! scenario (TOML, JSON) ──▶ Scenario ─┬─ Environment: who answers lookups
//! message (TOML, JSON, .eml) ─▶ Message ├─ Message ─▶ policy::Facts, for each recipient
//! messages (NDJSON, a stream) ─▶ Message └─ Expectation
//! ```
//!
//! Nothing is run here. Files that a document names are asked for through [`Files`], which the root implements.

#[macro_use]
mod words;
pub mod codes;
mod context;
pub mod environment;
pub mod expectation;
pub mod files;
mod generate;
pub mod limits;
pub mod message;
pub mod pem;
mod place;
pub mod property;
mod read;
pub mod recognise;
#[cfg(test)]
mod schema;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod timestamp;
pub mod world;
pub mod writer;
pub mod zone;

use base::Millis;
use policy::Target;

pub use environment::{Environment, OpenDatabase, Store};
pub use expectation::{Expectation, Expected, Status};
pub use files::{Database, Files, NoFiles};
pub use message::{By, Message, Notify, Ret};
pub use place::Place;
pub use property::Property;
pub use read::read;
pub use timestamp::Timestamp;
pub use world::World;

/// Messages, the world that they meet, and what is expected of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The policy's file, as the scenario names it; `None` where whoever runs it names one.
    pub policy: Option<String>,
    /// The moment at which the run begins; messages are handed in at offsets from it.
    pub start: Timestamp,
    /// Where randomness begins.
    pub seed: u64,
    /// The server whose behaviour is wanted; `None` for the one that the policy is written for.
    pub target: Option<Target>,
    /// Whether policies are read without what their servers ship.
    pub bare: bool,
    /// Whether policies with errors are run as their servers read them.
    pub as_is: bool,
    /// What lookups answer.
    pub environment: Environment,
    /// What messages meet; `None` where nothing is sent, and only the first decisions are made.
    pub world: Option<World>,
    /// How long the run goes on at most.
    pub length: Millis,
    /// The messages in the order of the document, each with an id of its own.
    pub messages: Vec<Message>,
    /// What is expected of them.
    pub expectations: Vec<Expectation>,
    /// What must hold of all of them.
    pub properties: Vec<Property>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            policy: None,
            start: Timestamp::DEFAULT,
            seed: Self::SEED,
            target: None,
            bare: false,
            as_is: false,
            environment: Environment::default(),
            world: None,
            length: Self::LENGTH,
            messages: Vec::new(),
            expectations: Vec::new(),
            properties: Vec::new(),
        }
    }
}

impl Scenario {
    /// The seed of a scenario that does not say.
    pub const SEED: u64 = 1;

    /// The length of a run that does not say.
    pub const LENGTH: Millis = Millis::from_secs(30 * 24 * 3_600);
}
