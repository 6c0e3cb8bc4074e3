//! Any file that a person writes: TOML, JSON and newline-delimited JSON as one tree whose every node knows its place
//! in the text, and the showing of findings about it.
//!
//! A text never gives an `Err`. [`toml::parse`] and [`json::parse`] give the tree of all that could be understood,
//! and every finding in the same run:
//!
//! ```
//! use document::{Source, render, toml};
//!
//! let source = Source::new("policy.toml", "[queue.strategy]\nroute = \"'relay'\"\n");
//! let (root, findings) = toml::parse(&source);
//! assert!(findings.is_empty());
//! let route = root.get_path("queue.strategy.route").and_then(|node| node.mapped());
//! assert_eq!(route.as_ref().map(|text| text.text()), Some("'relay'"));
//! assert_eq!(render::text(&source, &findings, render::Colour::Never), "");
//! ```
//!
//! Nothing here knows what a key means: that is the business of `config` and `scenario`.

mod bare;
pub mod codes;
mod excerpt;
pub mod format;
pub mod json;
pub mod limits;
pub mod ndjson;
pub mod render;
pub mod source;
#[cfg(test)]
mod testing;
pub mod toml;
pub mod tree;

pub use format::Format;
pub use source::{Position, Source};
pub use tree::{Entry, Items, Kind, List, ListForm, Node, Table, Text};

#[cfg(test)]
mod tests;
