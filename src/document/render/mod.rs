//! Findings as text for a terminal, as JSON for programs, and as annotations for GitHub.
//!
//! Each form is one file and one function of documents with their findings; a further form (SARIF, `JUnit`) is one
//! more file. All of them show the findings of a document in the order of their place, whatever order they came in.

mod github;
mod json;
mod text;

use base::{Diagnostic, Findings};

pub use self::github::github;
pub use self::json::json;
pub use self::text::text;

/// Whether output has colours.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Colour {
    /// With escape sequences.
    Always,
    /// Plain text.
    Never,
}

/// The findings in the order of their place.
fn in_order(findings: &Findings) -> Vec<&Diagnostic> {
    let mut ordered: Vec<_> = findings.iter().collect();
    ordered.sort_by_key(|finding| (finding.range.start(), finding.range.end(), finding.code.id));
    ordered
}

#[cfg(test)]
mod tests;
