//! A document's text with its name, and the line and column of each of its bytes.
//!
//! Invariants:
//!
//! - The text has no byte order mark in front: every range is an offset into the text as kept.
//! - [`Source::position`] takes the same time wherever the place is, even in a document that is one long line:
//!   every 1,024 bytes the line and the column are noted, and only what lies between is counted.

use base::{Diagnostic, Findings, TextRange};

use crate::codes;
use crate::limits::DOCUMENT_BYTES_MAX;

/// A document.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    has_byte_order_mark: bool,
    marks: Vec<Mark>,
    lines_before: u32,
}

/// A place as people count it: both from 1, columns in Unicode scalar values.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// What a hidden character is shown as: as many bytes, and the same line.
const fn stand_in(character: char) -> char {
    match (character, character.len_utf8()) {
        ('\n' | '\r', _) => character,
        (_, 1) => '*',
        (_, 2) => '×',
        (_, 3) => '※',
        _ => '𝄪',
    }
}

/// The position of a byte whose offset is a multiple of [`STRIDE`].
#[derive(Clone, Copy, Debug)]
struct Mark(Position);

impl Source {
    /// The document `text`, which messages call `name`. A byte order mark in front is taken off.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        let has_byte_order_mark = text.starts_with(BYTE_ORDER_MARK);
        if has_byte_order_mark {
            text.drain(..BYTE_ORDER_MARK.len_utf8());
        }
        let marks = marks(text.as_bytes());
        Self { name: name.into(), text, has_byte_order_mark, marks, lines_before: 0 }
    }

    /// The same text as the part of a longer document that begins on its line `number`, from 1: positions are those
    /// in the longer one, while ranges stay offsets into this text. For a document that is read line by line.
    #[must_use]
    pub fn starting_at_line(self, number: u32) -> Self {
        Self { lines_before: number.saturating_sub(1), ..self }
    }

    /// The document that the file `name` holds.
    ///
    /// What is no UTF-8 is reported, and stands in the text as U+FFFD, so that the rest can be checked in the same
    /// run. A file above [`DOCUMENT_BYTES_MAX`] is reported and its text is empty. In both cases the findings have
    /// an error.
    #[must_use]
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> (Self, Findings) {
        let mut findings = Findings::new();
        if bytes.len() > DOCUMENT_BYTES_MAX {
            // Whoever read the file may have stopped at the bound, so its true length is not known.
            let message = format!("the document has more than {DOCUMENT_BYTES_MAX} bytes");
            findings.push(
                Diagnostic::new(&codes::DOCUMENT_TOO_LARGE, TextRange::at(0), message)
                    .help("split it, or move long lists of names into files of their own"),
            );
            return (Self::new(name, ""), findings);
        }
        match String::from_utf8(bytes) {
            Ok(text) => (Self::new(name, text), findings),
            Err(error) => {
                let text = replace_invalid(error.as_bytes(), &mut findings);
                (Self::new(name, text), findings)
            }
        }
    }

    /// What messages call it, most often a path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a byte order mark stood in front of the text: whoever writes the document back may want to keep it.
    #[must_use]
    pub fn has_byte_order_mark(&self) -> bool {
        self.has_byte_order_mark
    }

    /// The text of `range`; empty where it does not fit.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        range.slice(&self.text)
    }

    /// The document with nothing to be read in `ranges`: each character there is an asterisk, or a sign that takes as
    /// many bytes, so that every offset and every position stays what it is.
    #[must_use]
    pub fn masked(&self, ranges: &[TextRange]) -> Self {
        let mut text = self.text.clone();
        for range in ranges {
            let Some(hidden) = text.get(range.indices()) else { continue };
            let mask: String = hidden.chars().map(stand_in).collect();
            text.replace_range(range.indices(), &mask);
        }
        Self { text, ..self.clone() }
    }

    /// The line and the column of the byte at `offset`; past the end, those of the end.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let offset = (offset as usize).min(self.text.len());
        let Some(&Mark(mut position)) = self.marks.get(offset / STRIDE) else {
            return Position::FIRST;
        };
        let start = offset / STRIDE * STRIDE;
        for &byte in self.text.as_bytes().get(start..offset).unwrap_or_default() {
            position.step_over(byte);
        }
        // Within a character, the character's own column.
        if !self.text.is_char_boundary(offset) {
            position.column -= 1;
        }
        position.line = position.line.saturating_add(self.lines_before);
        position
    }

    /// How many lines it has; the empty text has one.
    #[must_use]
    pub fn lines(&self) -> u32 {
        self.position(u32::MAX).line - self.lines_before
    }
}

impl Position {
    /// The first place of every document.
    pub const FIRST: Self = Self { line: 1, column: 1 };

    fn step_over(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0b1100_0000 != 0b1000_0000 {
            // Every byte but the second and later ones of a character.
            self.column += 1;
        }
    }
}

fn marks(text: &[u8]) -> Vec<Mark> {
    let mut position = Position::FIRST;
    let mut marks = Vec::with_capacity(text.len() / STRIDE + 1);
    marks.push(Mark(position));
    for block in text.chunks_exact(STRIDE) {
        for &byte in block {
            position.step_over(byte);
        }
        marks.push(Mark(position));
    }
    marks
}

/// The text of `bytes` with U+FFFD for each run that is no UTF-8, and one finding for them all.
fn replace_invalid(bytes: &[u8], findings: &mut Findings) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut first: Option<(usize, TextRange)> = None;
    let mut runs = 0_usize;
    let mut behind = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        behind += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            let start = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            // The ranges of findings are those of the text as kept: without a byte order mark.
            let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
            first.get_or_insert_with(|| (behind, TextRange::of(start - mark..text.len() - mark)));
            runs += 1;
            behind += chunk.invalid().len();
        }
    }
    if let Some((offset, range)) = first {
        let more = match runs {
            1 => String::new(),
            2 => ", nor is 1 later place".to_owned(),
            _ => format!(", nor are {} later places", runs - 1),
        };
        findings.push(
            Diagnostic::new(&codes::NOT_UTF8, range, format!("byte {offset} of the file is not UTF-8{more}"))
                .help("save the file as UTF-8"),
        );
    }
    text
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// How many bytes lie between two marks.
const STRIDE: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::rules;

    #[test]
    fn lines_and_columns_count_as_people_do() {
        let long = "é".repeat(2_000);
        let long = format!("{long}x\n{long}y");
        let cases = [
            ("", 0, (1, 1)),
            ("ab\ncd", 0, (1, 1)),
            ("ab\ncd", 2, (1, 3)),
            ("ab\ncd", 3, (2, 1)),
            ("ab\ncd", 5, (2, 3)),
            ("ab\ncd", 99, (2, 3)),
            ("ab\r\ncd", 4, (2, 1)),
            ("é😀x", 2, (1, 2)),
            ("é😀x", 6, (1, 3)),
            // Within a character.
            ("é😀x", 4, (1, 2)),
            (long.as_str(), 4_000, (1, 2_001)),
            (long.as_str(), 8_002, (2, 2_001)),
        ];
        for (text, offset, (line, column)) in cases {
            let position = Source::new("", text).position(offset);
            assert_eq!(position, Position { line, column }, "{offset} in {} bytes", text.len());
        }
    }

    proptest! {
        #[test]
        fn a_position_is_what_counting_gives(text in "[aé😀\\n\\r]{0,3000}", at in any::<prop::sample::Index>()) {
            let offset = at.index(text.len() + 1);
            let offset = text.floor_char_boundary(offset);
            let (before, _) = text.split_at(offset);
            let line = 1 + before.matches('\n').count();
            let column = 1 + before.chars().rev().take_while(|&char| char != '\n').count();
            let position = Source::new("", text.as_str()).position(offset as u32);
            prop_assert_eq!((position.line as usize, position.column as usize), (line, column));
        }
    }

    #[test]
    fn a_part_of_a_longer_document_has_the_lines_of_that_one() {
        let source = Source::new("", "ab\ncd").starting_at_line(7);
        assert_eq!(source.position(4), Position { line: 8, column: 2 });
        assert_eq!(source.lines(), 2);
    }

    #[test]
    fn a_byte_order_mark_is_taken_off() {
        let (source, findings) = Source::from_bytes("", b"\xef\xbb\xbfa = 1".to_vec());
        assert!(findings.is_empty() && source.has_byte_order_mark());
        assert_eq!(source.text(), "a = 1");
        assert_eq!(source.lines(), 1);
    }

    #[test]
    fn what_is_not_utf8_is_reported_once_and_the_rest_is_kept() {
        let cases: [(&[u8], &str, &str, &str); 3] = [
            (b"a = \"\xe9\"\n", "a = \"\u{fffd}\"\n", "\u{fffd}", "byte 5 of the file is not UTF-8"),
            (
                b"\xef\xbb\xbfx\xff\xfey",
                "x\u{fffd}\u{fffd}y",
                "\u{fffd}",
                "byte 4 of the file is not UTF-8, nor is 1 later place",
            ),
            (
                b"\xff \xff \xff",
                "\u{fffd} \u{fffd} \u{fffd}",
                "\u{fffd}",
                "byte 0 of the file is not UTF-8, nor are 2 later places",
            ),
        ];
        for (bytes, text, place, message) in cases {
            let (source, findings) = Source::from_bytes("", bytes.to_vec());
            assert_eq!((source.text(), rules(&findings)), (text, vec!["not-utf8"]));
            let finding = findings.iter().next().unwrap();
            assert_eq!((source.slice(finding.range), finding.message.as_str()), (place, message));
            assert!(findings.has_errors());
        }
    }
}
