//! What an evaluation works with, kept from one to the next so that it need not be allocated again.

use bumpalo::Bump;
use policy::dag::Candidates;

/// Memory for evaluations, one after another; each thread has its own.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) arena: Bump,
    /// The captures of the last `matches`: where each begins, and its length.
    pub(crate) captures: Vec<(usize, usize)>,
    pub(crate) candidates: Vec<Candidates>,
}

/// What an evaluation built beyond this is given back after it, in bytes.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

impl Scratch {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last evaluation.
    pub(crate) fn clear(&mut self) {
        if self.arena.allocated_bytes() > KEPT_BYTES_MAX {
            self.arena = Bump::new();
        } else {
            self.arena.reset();
        }
        self.captures.clear();
    }

    /// The bytes that are kept.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.arena.allocated_bytes()
    }
}
