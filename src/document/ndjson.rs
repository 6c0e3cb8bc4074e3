//! stub
use crate::{Node, Source};
use base::Findings;
/// One line.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number in the document, from 1.
    pub number: u32,
    /// Its value.
    pub node: Node<'a>,
    /// What is wrong with it, with ranges in the document.
    pub findings: Findings,
}
/// Reads the lines of `source` one by one; blank ones are left out.
pub fn lines(source: &Source) -> impl Iterator<Item = Line<'_>> {
    let _ = source;
    std::iter::empty()
}
