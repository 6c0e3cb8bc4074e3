//! A text taken out of a document, which still knows where each of its bytes came from.
//!
//! An expression stands inside a TOML or JSON string, where `\"` is two bytes for one. A finding about a byte of
//! the expression must be shown at the byte of the document that a person sees, so the decoded text carries the
//! places where the two run apart.
//!
//! Invariants, kept by [`MappedTextBuilder::push`]:
//!
//! - Segments are in ascending order of both offsets, and the first one begins at decoded offset 0.
//! - Within a segment both texts advance byte by byte, or the segment is one escape sequence.

use crate::TextRange;

/// A decoded text with the document offsets of its bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MappedText {
    text: Box<str>,
    /// Where the text begins in the document, and for each place where the two run apart a further pair.
    segments: Box<[Segment]>,
    end: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Segment {
    decoded: u32,
    document: u32,
}

impl MappedText {
    /// A text that stands in the document as it is, from `at` on.
    #[must_use]
    pub fn verbatim(text: &str, at: u32) -> Self {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self {
            text: text.into(),
            segments: Box::new([Segment { decoded: 0, document: at }]),
            end: at.saturating_add(length),
        }
    }

    /// A text that no document holds, such as a built-in default. Its ranges are all those of `range`.
    #[must_use]
    pub fn synthetic(text: &str, range: TextRange) -> Self {
        let start = Segment { decoded: 0, document: range.start() };
        let behind = Segment { decoded: 1, document: range.end() };
        let last = Segment { decoded: u32::try_from(text.len()).unwrap_or(u32::MAX), document: range.end() };
        let segments: Box<[Segment]> = match text.len() {
            0 => Box::new([start]),
            1 => Box::new([start, behind]),
            _ => Box::new([start, behind, last]),
        };
        Self { text: text.into(), segments, end: range.end() }
    }

    /// A text that a reader decodes piece by piece.
    #[must_use]
    pub fn builder() -> MappedTextBuilder {
        MappedTextBuilder::default()
    }

    /// The decoded text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The range of the document that the whole text came from.
    #[must_use]
    pub fn document_range(&self) -> TextRange {
        TextRange::new(self.segments.first().map_or(self.end, |first| first.document), self.end)
    }

    /// The range of the document that `range` of the decoded text came from.
    #[must_use]
    pub fn map(&self, range: TextRange) -> TextRange {
        let start = self.document_offset(range.start());
        let end = if range.is_empty() { start } else { self.document_offset(range.end()) };
        TextRange::new(start, end)
    }

    /// Where the byte at `decoded` begins in the document, which is also where the one before it ends.
    fn document_offset(&self, decoded: u32) -> u32 {
        if decoded as usize >= self.text.len() {
            return self.end;
        }
        let at = self.segments.partition_point(|segment| segment.decoded <= decoded);
        let Some(segment) = at.checked_sub(1).and_then(|index| self.segments.get(index)) else {
            return self.end;
        };
        let limit = self.segments.get(at).map_or(self.end, |next| next.document);
        (segment.document + (decoded - segment.decoded)).min(limit)
    }
}

/// Builds a [`MappedText`] from runs of plain bytes and escape sequences.
#[derive(Debug, Default)]
pub struct MappedTextBuilder {
    text: String,
    segments: Vec<Segment>,
    end: u32,
}

impl MappedTextBuilder {
    /// Adds `text`, which stands for the document's bytes `range`: the same bytes, or one escape sequence.
    pub fn push(&mut self, text: &str, range: TextRange) {
        let decoded = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let continues = self.segments.last().is_some_and(|last| {
            u64::from(last.document) + u64::from(decoded - last.decoded) == u64::from(range.start())
                && text.len() == range.len() as usize
        });
        if !continues {
            self.segments.push(Segment { decoded, document: range.start() });
        }
        self.text.push_str(text);
        if text.len() != range.len() as usize {
            // The next run starts anew, even where its offsets happen to fit.
            let decoded = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            self.segments.push(Segment { decoded, document: range.end() });
        }
        self.end = range.end();
    }

    /// The finished text. `at` is where an empty text stands.
    #[must_use]
    pub fn finish(self, at: u32) -> MappedText {
        let mut segments = self.segments;
        let end = if segments.is_empty() { at } else { self.end };
        if segments.is_empty() {
            segments.push(Segment { decoded: 0, document: at });
        }
        segments.dedup_by_key(|segment| (segment.decoded, segment.document));
        MappedText { text: self.text.into_boxed_str(), segments: segments.into_boxed_slice(), end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u32, end: u32) -> TextRange {
        TextRange::new(start, end)
    }

    #[test]
    fn a_verbatim_text_is_shifted() {
        let text = MappedText::verbatim("abc", 10);
        assert_eq!(text.map(range(1, 2)), range(11, 12));
        assert_eq!(text.map(range(3, 3)), range(13, 13));
        assert_eq!(text.document_range(), range(10, 13));
    }

    #[test]
    fn an_escape_covers_all_of_its_bytes() {
        // The document holds `a\"b` at 5: `a` at 5, `\"` at 6..8, `b` at 8.
        let mut builder = MappedText::builder();
        builder.push("a", range(5, 6));
        builder.push("\"", range(6, 8));
        builder.push("b", range(8, 9));
        let text = builder.finish(5);
        assert_eq!(text.text(), "a\"b");
        assert_eq!(text.map(range(0, 1)), range(5, 6));
        assert_eq!(text.map(range(1, 2)), range(6, 8));
        assert_eq!(text.map(range(2, 3)), range(8, 9));
        assert_eq!(text.map(range(0, 3)), range(5, 9));
        assert_eq!(text.map(range(3, 3)), range(9, 9));
    }

    #[test]
    fn a_long_escape_stands_for_several_bytes() {
        // `é` (two bytes decoded) written as six bytes.
        let mut builder = MappedText::builder();
        builder.push("é", range(1, 7));
        builder.push("x", range(7, 8));
        let text = builder.finish(1);
        assert_eq!(text.map(range(0, 2)), range(1, 7));
        assert_eq!(text.map(range(2, 3)), range(7, 8));
    }

    #[test]
    fn an_empty_text_stands_where_it_is_told() {
        let text = MappedText::builder().finish(4);
        assert_eq!(text.map(range(0, 0)), range(4, 4));
        assert_eq!(text.document_range(), range(4, 4));
    }

    #[test]
    fn a_synthetic_text_is_all_one_place() {
        for length in 0..5 {
            let text = MappedText::synthetic(&"x".repeat(length), range(3, 9));
            assert_eq!(text.document_range(), range(3, 9), "{length}");
            if length > 0 {
                assert_eq!(text.map(range(0, length as u32)), range(3, 9), "{length}");
            }
        }
    }
}
