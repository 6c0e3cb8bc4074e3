//! TOML strings: their text with the place of each byte, and where Stalwart would read another text.
//!
//! Real TOML is read: `'...'` is literal, `"..."` has escapes, three quotes make it run over lines. An escape that
//! TOML does not know is an error and stays in the text as it is written, backslash and all, because that is what
//! the writer of a pattern meant.
//!
//! Source: TOML 1.0 and 1.1, "String"; `delivery.md` 0.1 for Stalwart's reader.

use base::{Diagnostic, Edit, Findings, Fix, MappedText, TextRange};
use toml_parser::lexer::TokenKind;

use crate::codes;
use crate::excerpt::excerpt;
use crate::tree::Text;

/// Which quotes a string has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Quotes {
    /// `'...'`
    Literal,
    /// `"..."`
    Basic,
    /// `'''...'''`
    LiteralLines,
    /// `"""..."""`
    BasicLines,
}

/// A string's bytes between its quotes, as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    pub(super) quotes: Quotes,
    pub(super) content: &'a str,
    /// Where the content begins.
    pub(super) start: u32,
    /// The string with its quotes.
    pub(super) range: TextRange,
    pub(super) is_closed: bool,
}

impl Quotes {
    /// The quotes of a string token; `None` for any other.
    pub(super) const fn of(kind: TokenKind) -> Option<Self> {
        match kind {
            TokenKind::LiteralString => Some(Self::Literal),
            TokenKind::BasicString => Some(Self::Basic),
            TokenKind::MlLiteralString => Some(Self::LiteralLines),
            TokenKind::MlBasicString => Some(Self::BasicLines),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Literal => "'",
            Self::Basic => "\"",
            Self::LiteralLines => "'''",
            Self::BasicLines => "\"\"\"",
        }
    }

    /// Whether the string may run over several lines.
    pub(super) const fn has_lines(self) -> bool {
        matches!(self, Self::LiteralLines | Self::BasicLines)
    }

    const fn has_escapes(self) -> bool {
        matches!(self, Self::Basic | Self::BasicLines)
    }
}

impl<'a> Raw<'a> {
    /// Takes the quotes off the string token `token`, which stands at `range`.
    pub(super) fn of(quotes: Quotes, token: &'a str, range: TextRange) -> Self {
        let quote = quotes.as_str();
        let inner = token.strip_prefix(quote).unwrap_or(token);
        let start = range.start() + quote.len() as u32;
        let closed = inner.strip_suffix(quote).filter(|inner| !quotes.has_escapes() || ends_unescaped(inner));
        // The end of the line is no part of a string that nobody closed.
        let content = closed.unwrap_or_else(|| inner.strip_suffix('\r').unwrap_or(inner));
        let end = if closed.is_some() { range.end() } else { start + content.len() as u32 };
        let (content, start) = match quotes.has_lines().then(|| first_line_end(content)) {
            Some(length) => (content.get(length..).unwrap_or_default(), start + length as u32),
            None => (content, start),
        };
        Self { quotes, content, start, range: TextRange::new(range.start(), end), is_closed: closed.is_some() }
    }

    /// A string on one line from the quote at `start` to the one at `end`, whatever quotes are between.
    pub(super) fn spanning(quotes: Quotes, text: &'a str, start: u32, end: u32) -> Self {
        let content = TextRange::new(start + 1, end);
        Self {
            quotes,
            content: text.get(content.indices()).unwrap_or_default(),
            start: content.start(),
            range: TextRange::new(start, end + 1),
            is_closed: true,
        }
    }

    /// The text that the string stands for.
    pub(super) fn decode(self, findings: &mut Findings) -> Text<'a> {
        if let Some(at) = self.content.bytes().position(|byte| is_refused(byte, self.quotes)) {
            let at = self.start + at as u32;
            findings.push(
                Diagnostic::new(
                    &codes::TOML_SYNTAX,
                    TextRange::new(at, at + 1),
                    "a control character stands in a string",
                )
                .help("write it as an escape sequence in a \"...\" string, such as \\u001B, or delete it"),
            );
        }
        let mut errors = BadEscapes::default();
        let text = if self.quotes.has_escapes() && self.content.contains('\\') {
            Text::Mapped(Box::new(self.decode_escapes(&mut errors)))
        } else if self.quotes.has_lines() && !self.is_closed {
            // Its range does not say where it begins, as a verbatim text's must.
            Text::Mapped(Box::new(MappedText::verbatim(self.content, self.start)))
        } else {
            Text::Verbatim(self.content)
        };
        if errors.count > 0 {
            findings.push(errors.finding());
        } else if self.is_closed && self.content.contains('\\') {
            self.compare_with_stalwart(text.as_str(), findings);
        }
        text
    }

    fn decode_escapes(self, errors: &mut BadEscapes) -> MappedText {
        let mut decoded = MappedText::builder();
        let mut rest = self.content;
        let mut at = self.start;
        while !rest.is_empty() {
            let plain = rest.find('\\').unwrap_or(rest.len());
            let (run, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            let end = at + run.len() as u32;
            if !run.is_empty() {
                decoded.push(run, TextRange::new(at, end));
            }
            (rest, at) = (behind, end);
            if rest.is_empty() {
                break;
            }
            let escape = Escape::read(rest, self.quotes);
            let (text, length) = match escape {
                Escape::Char(char, length) => (Some(char), length),
                Escape::LineEnd(length) => (None, length),
                Escape::Unknown(length) => {
                    errors.add(rest, at, length);
                    (Some('\\'), 1)
                }
            };
            let (_, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            let end = at + (rest.len() - behind.len()) as u32;
            if let Some(text) = text {
                decoded.push(text.encode_utf8(&mut [0; 4]), TextRange::new(at, end));
            }
            (rest, at) = (behind, end);
        }
        decoded.finish(self.start)
    }

    fn compare_with_stalwart(self, text: &str, findings: &mut Findings) {
        let theirs = match self.quotes {
            Quotes::LiteralLines => return,
            Quotes::BasicLines => Some(self.content.to_owned()),
            Quotes::Literal | Quotes::Basic => read_like_stalwart(self.content),
        };
        if theirs.as_deref() == Some(text) {
            return;
        }
        if findings.len() >= Findings::MAX {
            // It is only counted: its words would not be kept.
            return findings.push(Diagnostic::new(&codes::TOML_STRING_PORTABILITY, self.range, String::new()));
        }
        let message = match &theirs {
            Some(theirs) => format!("Stalwart reads this string as {}", excerpt(theirs)),
            None => "Stalwart does not see where this string ends".to_owned(),
        };
        let finding = Diagnostic::new(&codes::TOML_STRING_PORTABILITY, self.range, message)
            .label(format!("TOML says {}", excerpt(text)));
        findings.push(match portable(text) {
            Some(portable) => finding
                .help("in a \"...\" string with every backslash doubled, both read the same")
                .fix(Fix::replace("write it so that both read the same", self.range, portable)),
            None => finding.help("do without the backslash: `[.]` for a dot, `[0-9]` for a digit"),
        });
    }
}

/// The escapes of one string that TOML does not know: one finding for them all.
#[derive(Default)]
struct BadEscapes {
    first: Option<(TextRange, String)>,
    count: usize,
    edits: Vec<Edit>,
}

impl BadEscapes {
    /// Takes in the escape of `length` bytes at the beginning of `rest`, which stands at `at`.
    fn add(&mut self, rest: &str, at: u32, length: usize) {
        self.count += 1;
        let shown = rest.get(..length).unwrap_or(rest);
        self.first.get_or_insert_with(|| (TextRange::new(at, at + length as u32), excerpt(shown)));
        if self.edits.len() < EDITS_MAX {
            self.edits.push(Edit { range: TextRange::at(at), text: "\\".to_owned() });
        }
    }

    fn finding(self) -> Diagnostic {
        let (range, shown) = self.first.unwrap_or_default();
        let message = match self.count {
            1 => format!("{shown} is no escape sequence of TOML"),
            count => format!("{shown} is no escape sequence of TOML, nor are {} more in this string", count - 1),
        };
        let fix = (self.count <= EDITS_MAX).then(|| Fix {
            safe: false,
            title: "double the backslash".to_owned(),
            edits: self.edits,
        });
        Diagnostic::new(&codes::TOML_BAD_ESCAPE, range, message)
            .help("write `\\\\` for a backslash; a literal '...' string keeps it too, but not where Stalwart reads it")
            .fix_if(fix)
    }
}

/// What a backslash begins.
enum Escape {
    /// A character, written with that many bytes.
    Char(char, usize),
    /// A line end and the blanks behind it, which stand for nothing.
    LineEnd(usize),
    /// Nothing TOML knows; that many bytes are shown.
    Unknown(usize),
}

impl Escape {
    /// Reads the escape sequence at the beginning of `text`.
    fn read(text: &str, quotes: Quotes) -> Self {
        let mut chars = text.chars();
        let (_, Some(name)) = (chars.next(), chars.next()) else {
            return Self::Unknown(1);
        };
        match name {
            'b' => Self::Char('\u{8}', 2),
            't' => Self::Char('\t', 2),
            'n' => Self::Char('\n', 2),
            'f' => Self::Char('\u{c}', 2),
            'r' => Self::Char('\r', 2),
            'e' => Self::Char('\u{1b}', 2),
            '"' => Self::Char('"', 2),
            '\\' => Self::Char('\\', 2),
            'x' => Self::hexadecimal(text, 2),
            'u' => Self::hexadecimal(text, 4),
            'U' => Self::hexadecimal(text, 8),
            ' ' | '\t' | '\r' | '\n' if quotes.has_lines() => Self::line_end(text),
            other => Self::Unknown(1 + other.len_utf8()),
        }
    }

    fn hexadecimal(text: &str, digits: usize) -> Self {
        let written = text.get(2..2 + digits).unwrap_or_default();
        let is_number = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = is_number.then(|| u32::from_str_radix(written, 16).ok()).flatten();
        if let Some(char) = value.and_then(char::from_u32) {
            return Self::Char(char, 2 + digits);
        }
        let behind = text.get(2..).unwrap_or_default();
        let shown = behind.bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
        Self::Unknown(2 + shown)
    }

    /// A backslash at the end of a line takes the line end and all blanks and line ends behind it.
    fn line_end(text: &str) -> Self {
        let behind = text.get(1..).unwrap_or_default();
        let rest = behind.trim_start_matches([' ', '\t', '\r', '\n']);
        let blanks = behind.len() - rest.len();
        if behind.get(..blanks).is_some_and(|blanks| blanks.contains('\n')) {
            Self::LineEnd(1 + blanks)
        } else {
            Self::Unknown(2)
        }
    }
}

/// Whether a quote behind `inner` is a real one: an even number of backslashes stands in front of it.
fn ends_unescaped(inner: &str) -> bool {
    let backslashes = inner.bytes().rev().take_while(|&byte| byte == b'\\').count();
    backslashes.is_multiple_of(2)
}

/// How many bytes of a line end stand in front of `content`.
fn first_line_end(content: &str) -> usize {
    ["\r\n", "\n"].iter().find(|end| content.starts_with(**end)).map_or(0, |end| end.len())
}

/// Whether TOML refuses `byte` in a string: a control character but tab, and the line ends of strings with lines.
const fn is_refused(byte: u8, quotes: Quotes) -> bool {
    match byte {
        b'\t' => false,
        b'\n' | b'\r' => !quotes.has_lines(),
        _ => byte.is_ascii_control(),
    }
}

/// What Stalwart makes of `content` between single or double quotes; `None` where it does not see the end.
///
/// A backslash is passed over unless the character before it is one; `t`, `r` and `n` behind a backslash are control
/// characters, even behind two of them; a quote behind a backslash does not end the string, even behind two.
fn read_like_stalwart(content: &str) -> Option<String> {
    let mut read = String::with_capacity(content.len());
    let mut is_behind_backslash = false;
    for char in content.chars() {
        match char {
            '\\' if !is_behind_backslash => {}
            't' if is_behind_backslash => read.push('\t'),
            'r' if is_behind_backslash => read.push('\r'),
            'n' if is_behind_backslash => read.push('\n'),
            _ => read.push(char),
        }
        is_behind_backslash = char == '\\';
    }
    (!is_behind_backslash).then_some(read)
}

/// A string that TOML and Stalwart both read as `text`, if there is one.
fn portable(text: &str) -> Option<String> {
    let is_plain = !text.chars().any(|char| char.is_control() && char != '\t');
    let content = text.replace('\\', "\\\\").replace('"', "\\\"");
    let is_alike = is_plain && read_like_stalwart(&content).as_deref() == Some(text);
    is_alike.then(|| format!("\"{content}\""))
}

/// How many changes a fix may have; a string with more bad escapes than that is no pattern.
const EDITS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stalwart_drops_what_it_does_not_know() {
        let cases = [
            (r"a\.b", Some("a.b")),
            (r"a\\.b", Some(r"a\.b")),
            (r"a\tb", Some("a\tb")),
            (r"a\\nb", Some("a\\\nb")),
            (r"\\\\", Some(r"\\\")),
            (r"\u0041", Some("u0041")),
            (r#"say \"hi\""#, Some(r#"say "hi""#)),
            (r"ends in \\", None),
            (r"ends in \", None),
        ];
        for (content, expected) in cases {
            // `\\\\`: the first is passed over, the other three stay, and the last hides the closing quote.
            let expected = if content == r"\\\\" { None } else { expected };
            assert_eq!(read_like_stalwart(content).as_deref(), expected, "{content}");
        }
    }

    #[test]
    fn a_portable_string_is_read_alike() {
        let cases = [
            (r"@example\.com$", Some(r#""@example\\.com$""#)),
            (r#"say "hi""#, Some(r#""say \"hi\"""#)),
            (r"\d+", Some(r#""\\d+""#)),
            // The doubled backslash in front of `n` would be a line feed.
            (r"\n", None),
            (r"C:\", None),
            (r#"\""#, None),
        ];
        for (text, expected) in cases {
            assert_eq!(portable(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn quotes_and_escapes_come_off_as_toml_says() {
        let cases = [
            (Quotes::Basic, r#""a\tb""#, "a\tb"),
            (Quotes::Basic, r#""a\u00e9\U0001F600\x41\e""#, "aé😀A\u{1b}"),
            (Quotes::Basic, r#""say \"hi\" \\""#, r#"say "hi" \"#),
            (Quotes::Basic, r#""a\.b""#, r"a\.b"),
            (Quotes::Basic, r#""\ud800""#, r"\ud800"),
            (Quotes::Basic, r#""\u00""#, r"\u00"),
            (Quotes::Basic, r#""open"#, "open"),
            (Quotes::Basic, "\"open\r", "open"),
            (Quotes::Basic, r#""open\""#, r#"open""#),
            (Quotes::Basic, "\"", ""),
            (Quotes::Literal, r"'a\tb'", r"a\tb"),
            (Quotes::Literal, "''", ""),
            (Quotes::LiteralLines, "'''\r\na\\\n'b'''", "a\\\n'b"),
            (Quotes::LiteralLines, "'''a'''''", "a''"),
            (Quotes::BasicLines, "\"\"\"\na\\\n   b\\t\"\"\"", "ab\t"),
            (Quotes::BasicLines, "\"\"\"a \"\" b\"\"\"", "a \"\" b"),
            (Quotes::BasicLines, "\"\"\"open\nline", "open\nline"),
        ];
        for (quotes, token, expected) in cases {
            let raw = Raw::of(quotes, token, TextRange::of(0..token.len()));
            let text = raw.decode(&mut Findings::new());
            assert_eq!(text.as_str(), expected, "{token}");
        }
    }
}
