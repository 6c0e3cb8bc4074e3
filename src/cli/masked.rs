//! Output that never shows what came out of the environment or a file that a policy names, and that holds nothing that
//! a terminal would act on.
//!
//! Settings keep such values in a type that prints `***`. A value that went into an expression can still come out as a
//! strategy's name or in a message, so every line that this program writes is searched for each value that it was given.
//!
//! Invariants:
//!
//! - [`remember`] is called with a value before anything that could show it runs.
//! - Lines are written whole: a value that stands in one line is found however it was written in pieces.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use base::Secret;

/// The values that were handed out in this process.
static KNOWN: Mutex<Vec<Secret>> = Mutex::new(Vec::new());

/// Shorter values are no secrets, and masking them would leave little to read: a port, a word.
const LENGTH_MIN: usize = 4;

/// Keeps `secret` out of everything that is written from now on, line by line where it has several.
pub(super) fn remember(secret: &Secret) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    for line in secret.reveal().lines().map(str::trim).filter(|line| line.len() >= LENGTH_MIN) {
        let line = Secret::new(line);
        if !known.contains(&line) {
            known.push(line);
        }
    }
    // A value that holds another one is looked for first.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.reveal().len()));
}

/// A line that a terminal can be given: control characters of a document, which could make it do or hide something,
/// are replaced by a sign; only the program's own colours pass.
fn harmless(line: Vec<u8>) -> Vec<u8> {
    let is_harmful = |character: char| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text = String::from_utf8_lossy(&line);
    if !text.chars().any(is_harmful) {
        return line;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(character) = rest.chars().next() {
        let length = colour(rest).unwrap_or(0);
        if let Some((shown, behind)) = rest.split_at_checked(length).filter(|_| length > 0) {
            clean.push_str(shown);
            rest = behind;
            continue;
        }
        clean.push(if is_harmful(character) { '\u{fffd}' } else { character });
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    clean.into_bytes()
}

/// The length of the sequence that sets a colour, where `text` begins with one.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    parameters.get(end..)?.starts_with('m').then_some("\x1b[".len() + end + 1)
}

fn mask(line: &[u8]) -> Vec<u8> {
    harmless(masked(line))
}

fn masked(line: &[u8]) -> Vec<u8> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() {
        return line.to_vec();
    }
    let mut text = String::from_utf8_lossy(line).into_owned();
    for secret in known.iter() {
        // As it is, and as JSON and Rust would escape it.
        let escaped: String = secret.reveal().escape_default().collect();
        let json = serde_json::to_string(secret.reveal()).unwrap_or_default();
        for form in [secret.reveal(), &escaped, json.trim_matches('"')] {
            if text.contains(form) {
                text = text.replace(form, Secret::MASK);
            }
        }
    }
    text.into_bytes()
}

/// A writer that masks each line.
pub(super) struct Masked<W: Write> {
    inner: W,
    line: Vec<u8>,
}

impl<W: Write> Masked<W> {
    /// Writes to `inner`.
    pub(super) const fn new(inner: W) -> Self {
        Self { inner, line: Vec::new() }
    }
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.inner.write_all(&mask(&line))?;
            }
        }
        Ok(bytes.len())
    }

    /// Also what is left of a line without an end, so a flush belongs behind whole lines or at the end.
    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.inner.write_all(&mask(&line))?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for Masked<W> {
    fn drop(&mut self) {
        // A writer that is gone takes nothing; whoever cares flushes.
        let _ = self.flush();
    }
}

/// Standard error.
pub(super) fn stderr() -> Masked<io::Stderr> {
    Masked::new(io::stderr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let cases = [
            ("plain\ttext é\n", "plain\ttext é\n"),
            ("\x1b[1mbold\x1b[0m\n", "\x1b[1mbold\x1b[0m\n"),
            ("\x1b]0;title\x07\n", "\u{fffd}]0;title\u{fffd}\n"),
            ("\x1b[2Jgone\r\n", "\u{fffd}[2Jgone\u{fffd}\n"),
            ("a\u{9b}b\u{202e}c\x7f\n", "a\u{fffd}b\u{fffd}c\u{fffd}\n"),
        ];
        for (line, expected) in cases {
            assert_eq!(String::from_utf8(mask(line.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn a_value_is_masked_in_pieces_and_escaped() {
        remember(&Secret::new("ca\"nary-7341"));
        remember(&Secret::new("ca\"nary-7341-longer"));
        remember(&Secret::new("7"));
        let mut written = Vec::new();
        let mut output = Masked::new(&mut written);
        for piece in ["a ca\"nar", "y-7341 b\n", "{\"x\":\"ca\\\"nary-7341-longer\"}\n7 stays"] {
            output.write_all(piece.as_bytes()).unwrap();
        }
        drop(output);
        assert_eq!(String::from_utf8(written).unwrap(), "a *** b\n{\"x\":\"***\"}\n7 stays");
    }
}
