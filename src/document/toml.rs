//! stub
use crate::{Node, Source};
use base::Findings;
/// Reads TOML: the root table and all findings.
#[must_use]
pub fn parse(source: &Source) -> (Node<'_>, Findings) {
    let _ = source;
    (Node::root(0), Findings::new())
}
