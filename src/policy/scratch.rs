//! What an evaluation works with, kept from one to the next so that it need not be allocated again.

use std::sync::Arc;

use bumpalo::Bump;
use regex::CaptureLocations;

use crate::{dag::Candidates, pattern::Pattern};

/// Memory for evaluations, one after another; each thread has its own.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Bump,
    captures: Vec<(usize, usize)>,
    candidates: Vec<Candidates>,
    locations: Vec<(Arc<Pattern>, CaptureLocations)>,
}

/// What an evaluation built beyond this is given back after it, in bytes.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// The parts of a scratch, of which an evaluation has each to itself.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What is built.
    pub arena: &'a Bump,
    /// The captures of the last `matches`, for machine code: the address of each and its length.
    pub captures: &'a mut Vec<(usize, usize)>,
    /// What each search found.
    pub candidates: &'a mut Vec<Candidates>,
    /// Where groups were found, for each regular expression that captured before.
    pub locations: &'a mut Vec<(Arc<Pattern>, CaptureLocations)>,
}

/// The most regular expressions whose locations are kept.
const LOCATIONS_MAX: usize = 64;

impl Scratch {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last evaluation and begins another one.
    #[inline]
    pub fn begin(&mut self) -> Parts<'_> {
        // An arena that nothing was taken from has nothing to reset.
        let kept = self.arena.allocated_bytes();
        if kept > KEPT_BYTES_MAX {
            self.arena = Bump::new();
        } else if kept > 0 {
            self.arena.reset();
        }
        self.captures.clear();
        // Those of a policy that is gone go with the first that finds no room.
        if self.locations.len() > LOCATIONS_MAX {
            self.locations.clear();
        }
        Parts {
            arena: &self.arena,
            captures: &mut self.captures,
            candidates: &mut self.candidates,
            locations: &mut self.locations,
        }
    }

    /// The bytes that are kept.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.arena.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_large_evaluation_built_is_given_back() {
        let mut scratch = Scratch::new();
        for (bytes, keeps) in [(1_000, true), (KEPT_BYTES_MAX * 2, false)] {
            scratch.begin().arena.alloc_slice_fill_copy(bytes, 0_u8);
            assert!(scratch.kept_bytes() >= bytes);
            scratch.begin();
            assert_eq!(scratch.kept_bytes() > 0, keeps, "{bytes}");
        }
    }
}
