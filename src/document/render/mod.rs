//! stub
use crate::Source;
use base::Findings;
/// Whether output has colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// With escape sequences.
    Always,
    /// Plain text.
    Never,
}
/// For a terminal.
#[must_use]
pub fn text(source: &Source, findings: &Findings, colour: Colour) -> String {
    let _ = (source, findings, colour);
    String::new()
}
/// For programs.
#[must_use]
pub fn json(files: &[(&Source, &Findings)]) -> String {
    let _ = files;
    String::new()
}
/// For GitHub's annotations.
#[must_use]
pub fn github(files: &[(&Source, &Findings)]) -> String {
    let _ = files;
    String::new()
}
