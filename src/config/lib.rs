//! Documents and plans: what a policy file says, in whichever of the published layouts it is written.
//!
//! ```text
//! document ── dialect::detect ──▶ one of four readers ──▶ Settings ── resolve ──▶ Plan
//! ```
//!
//! Two grades of loading: [`Settings`] stand for any readable document, with findings; a [`policy::plan::Plan`] is
//! made of them for one target, where every name is resolved.
//!
//! No file and no environment variable is opened here: a reader that needs one asks a [`Resources`].

pub mod as_is;
pub mod codes;
mod common;
pub mod defaults;
pub mod describe;
mod detect;
pub mod dialect;
pub mod explain;
mod expressions_2024;
mod fixes;
mod legacy_2022;
mod objects_2026;
mod order;
mod outbound_layout;
mod plausible;
mod read;
pub mod resolve;
pub mod resources;
mod secrets;
pub mod settings;
mod shipped;
pub mod strategies;
mod strategies_2025;
mod texts;
mod unread;

pub use dialect::{Dialect, Faulty, Loaded, Options, load};
pub use resources::{NoResources, Resources};
pub use settings::Settings;
pub use texts::expressions;
