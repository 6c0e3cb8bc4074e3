//! JSON as people write it: one tree, and a finding for each thing that a stricter reader would stop at.
//!
//! Comments, a last comma, other quotes and none are read with a finding each, because a JSON text is often typed by
//! hand or comes out of a shell's quoting. Of two equal keys the first one stands.
//!
//! Invariants:
//!
//! - One cause gives one finding: what cannot be read is passed up to the next comma or bracket of its own level.
//! - No more than [`NESTING_MAX`] calls are on the stack; what is deeper is passed without recursion.
//!
//! Source: RFC 8259.

use std::borrow::Cow;

use base::{Diagnostic, Edit, Findings, Fix, MappedText, TextRange};

use crate::Source;
use crate::bare::element_end;
use crate::codes;
use crate::excerpt::{cut, excerpt, first_line};
use crate::limits::{ERRORS_MAX, NESTING_MAX, NODES_MAX, QUOTED_BYTES_MAX, QUOTES_MAX, QUOTING_BYTES_MAX};
use crate::tree::{Kind, List, Node, Table, Text, too_deep, too_many, too_many_errors};

/// Reads one JSON value: all of it that could be understood, and all findings in the order of their place.
///
/// Where there is no value at all, the node is `null`.
#[must_use]
pub fn parse(source: &Source) -> (Node<'_>, Findings) {
    parse_within(source.text(), 0)
}

/// Reads the one value that `text` holds from `start` on; ranges are offsets into `text`.
pub(crate) fn parse_within(text: &str, start: usize) -> (Node<'_>, Findings) {
    let mut reader = Reader { text, at: start, findings: Findings::new(), nodes: 0, is_lost: false };
    let node = reader.document();
    reader.findings.sort();
    (node, reader.findings)
}

/// What a value stands in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Around {
    Document,
    Array,
    Object,
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte, on a character boundary.
    at: usize,
    findings: Findings,
    nodes: usize,
    /// Whether the rest of the document makes no sense any more; what caused it is reported.
    is_lost: bool,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Node<'a> {
        self.skip_blanks();
        let start = self.at;
        let node = match self.peek() {
            None => {
                self.report(TextRange::of(start..start), "there is no value", "write one, such as `{}`");
                None
            }
            Some(_) => self.value(Around::Document, 0),
        };
        if self.findings.errors() >= ERRORS_MAX {
            self.findings.push(too_many_errors(TextRange::of(self.at..self.at)));
        } else if !self.is_lost {
            self.skip_blanks();
            if self.at < self.text.len() {
                let line = first_line(self.rest(), QUOTING_BYTES_MAX).trim_end();
                let range = TextRange::of(self.at..self.at + line.len());
                let message = format!("{} follows the document's value", excerpt(line));
                self.findings.push(
                    Diagnostic::new(&codes::JSON_TRAILING_TEXT, range, message)
                        .help("a document holds one value; of several, write one a line and nothing else"),
                );
            }
        }
        node.unwrap_or_else(|| Node { range: TextRange::of(start..start), kind: Kind::Null })
    }

    /// The value that begins here; `None`, reported, where there is none.
    fn value(&mut self, around: Around, depth: usize) -> Option<Node<'a>> {
        let start = self.at;
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.findings.push(too_many(TextRange::of(start..start)));
            self.is_lost = true;
            return None;
        }
        let kind = match self.peek()? {
            b'{' | b'[' if depth > NESTING_MAX => {
                self.findings.push(too_deep(TextRange::of(start..start + 1)));
                self.skip_brackets();
                return None;
            }
            b'{' => self.object(depth),
            b'[' => self.array(around, depth),
            b'"' => Kind::Text(self.string(around)),
            b'\'' if self.has_closing_quote() => Kind::Text(self.single_quoted()),
            b',' | b':' | b']' | b'}' | b'=' => {
                self.report_missing_value();
                return None;
            }
            _ => self.word(),
        };
        Some(Node { range: TextRange::of(start..self.at), kind })
    }

    fn object(&mut self, depth: usize) -> Kind<'a> {
        let open = self.at;
        self.at += 1;
        let mut table = Table::default();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b',') => self.stray_comma(),
                None | Some(b']') => {
                    self.report_unclosed(open, "object", "}");
                    break;
                }
                Some(_) => {
                    self.member(&mut table, depth);
                    if !self.is_lost {
                        self.separator(Around::Object);
                    }
                }
            }
            self.is_lost |= self.findings.errors() >= ERRORS_MAX;
            if self.is_lost {
                break;
            }
        }
        table.close();
        Kind::Table(table)
    }

    fn array(&mut self, around: Around, depth: usize) -> Kind<'a> {
        let open = self.at;
        self.at += 1;
        let mut nodes = Vec::new();
        let mut end = self.at;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(b',') => self.stray_comma(),
                None | Some(b'}') => {
                    self.report_unclosed(open, "array", "]");
                    break;
                }
                Some(b'"') if around == Around::Object && self.is_member() => {
                    self.report_unclosed(open, "array", "]");
                    self.at = end;
                    break;
                }
                Some(_) => {
                    match self.value(Around::Array, depth + 1) {
                        Some(node) => nodes.push(node),
                        None if !self.is_lost => self.skip_element(),
                        None => {}
                    }
                    end = self.at;
                    if !self.is_lost {
                        self.separator(Around::Array);
                    }
                }
            }
            self.is_lost |= self.findings.errors() >= ERRORS_MAX;
            if self.is_lost {
                break;
            }
        }
        nodes.shrink_to_fit();
        Kind::List(Box::new(List::new(nodes)))
    }

    /// Whether the string here is a key: a colon follows it.
    fn is_member(&self) -> bool {
        let behind = self.text.get(self.string_end(self.at) + 1..).unwrap_or_default();
        behind.trim_start_matches([' ', '\t']).starts_with(':')
    }

    /// `"key": value`.
    fn member(&mut self, table: &mut Table<'a>, depth: usize) {
        let start = self.at;
        let Some(key) = self.key() else {
            return self.skip_element();
        };
        let range = TextRange::of(start..self.at);
        self.skip_blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                let sign = TextRange::of(self.at..self.at + 1);
                self.findings.push(
                    Diagnostic::new(&codes::JSON_SYNTAX, sign, "a `=` stands between key and value")
                        .help("JSON writes `:` there")
                        .fix(Fix::replace("write `:`", sign, ":").safe()),
                );
                self.at += 1;
            }
            Some(b'"' | b'{' | b'[') => {
                let message = format!("there is no `:` behind the key {}", excerpt(&key));
                self.findings.push(
                    Diagnostic::new(&codes::JSON_SYNTAX, range, message)
                        .help("write `:` between key and value")
                        .fix(Fix::replace("write the colon", TextRange::at(range.end()), ":")),
                );
            }
            _ => {
                let message = format!("the key {} has no value", excerpt(&key));
                self.report(range, message, "write `\"key\": value`");
                return self.skip_element();
            }
        }
        self.skip_blanks();
        if matches!(self.peek(), None | Some(b',' | b'}' | b']')) {
            let message = format!("the key {} has no value", excerpt(&key));
            return self.report(range, message, "write one behind the `:`, or `null`");
        }
        let Some(value) = self.value(Around::Object, depth + 1) else {
            if !self.is_lost {
                self.skip_element();
            }
            return;
        };
        if let Some(first) = table.entry(&key) {
            let message = format!("the key {} has a value already", excerpt(&key));
            self.findings.push(
                Diagnostic::new(&codes::DUPLICATE_KEY, range, message)
                    .related(first.key_range, "first here")
                    .help("delete one of the two"),
            );
        } else {
            table.push(key, range, value);
        }
    }

    fn key(&mut self) -> Option<Cow<'a, str>> {
        let text = match self.peek()? {
            b'"' => self.string(Around::Document),
            b'\'' if self.has_closing_quote() => self.single_quoted(),
            _ => {
                let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '@' | '$');
                let rest = self.rest();
                let name = rest.split(|char| !is_part(char)).next().unwrap_or_default();
                if name.is_empty() {
                    let shown = excerpt(self.next_word());
                    let range = TextRange::of(self.at..self.at + self.next_word().len());
                    self.report(range, format!("{shown} is no key"), "a key of JSON stands between \"");
                    return None;
                }
                let range = TextRange::of(self.at..self.at + name.len());
                self.findings.push(
                    Diagnostic::new(
                        &codes::JSON_BAD_QUOTING,
                        range,
                        format!("the key {} has no quotes", excerpt(name)),
                    )
                    .help(format!("write {}", excerpt(&format!("\"{name}\""))))
                    .fix(Fix::replace("quote the key", range, format!("\"{name}\"")).safe()),
                );
                self.at += name.len();
                return Some(Cow::Borrowed(name));
            }
        };
        Some(match text {
            Text::Verbatim(text) => Cow::Borrowed(text),
            Text::Mapped(text) => Cow::Owned(text.text().to_owned()),
        })
    }

    /// The string between double quotes that begins here.
    fn string(&mut self, around: Around) -> Text<'a> {
        let start = self.at;
        let mut end = self.string_end(start);
        let mut behind = end + 1;
        if self.text.as_bytes().get(end) != Some(&b'"') {
            // The comma behind a string that nobody closed was meant to stand behind it.
            let content = self.text.get(start + 1..end).unwrap_or_default().trim_end();
            let content = content.strip_suffix(',').unwrap_or(content);
            end = start + 1 + content.len();
            behind = end;
            let range = TextRange::of(start..end);
            self.findings.push(
                Diagnostic::new(&codes::JSON_UNCLOSED_STRING, range, "the string has no closing \"")
                    .help("write \" behind its last character; a line end within a string is \\n")
                    .fix(Fix::replace("close the string", TextRange::of(end..end), "\"")),
            );
        } else if let Some(last) = self.meant_end(end, around) {
            self.report_stray_quotes(start, end, last);
            end = last;
            behind = last + 1;
        }
        self.at = behind;
        self.decode(start + 1, end)
    }

    /// Where the string whose quote is at `start` ends: at its other quote, or at the end of its line.
    fn string_end(&self, start: usize) -> usize {
        let mut at = start + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(length) = rest.find(['"', '\\', '\n']) else {
                return self.text.len();
            };
            at += length;
            match self.text.as_bytes().get(at) {
                Some(b'\\') => {
                    let escaped = self.text.get(at + 1..).and_then(|rest| rest.chars().next());
                    // A backslash at the end of the line does not join it with the next one.
                    at += 1 + escaped.filter(|&char| char != '\n').map_or(0, char::len_utf8);
                }
                _ => return at,
            }
        }
    }

    /// Where the string that ends at `end` was meant to end, if what follows shows that the quote there is one
    /// within the string.
    fn meant_end(&self, end: usize, around: Around) -> Option<usize> {
        let rest = self.text.get(end + 1..)?;
        let behind = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if around == Around::Document || matches!(behind.bytes().next(), None | Some(b',' | b']' | b'}' | b'/')) {
            return None;
        }
        let (blanks, _) = rest.split_at_checked(rest.len() - behind.len())?;
        if blanks.contains('\n') || (!blanks.is_empty() && behind.starts_with(['"', '{', '['])) {
            // A comma is missing.
            return None;
        }
        let line = first_line(rest, QUOTING_BYTES_MAX);
        let ends = |at: &usize| ends_value(cut(line.get(at + 1..).unwrap_or_default(), QUOTING_BYTES_MAX), around);
        let quotes = line.match_indices('"').map(|(at, _)| at).take(QUOTES_MAX);
        quotes.into_iter().find(ends).map(|at| end + 1 + at)
    }

    fn report_stray_quotes(&mut self, start: usize, end: usize, last: usize) {
        let inner = self.text.get(start + 1..last).unwrap_or_default();
        let fix = (!inner.contains('\\')).then(|| {
            let range = TextRange::of(start + 1..last);
            Fix::replace("escape the quotes within", range, inner.replace('"', "\\\""))
        });
        self.findings.push(
            Diagnostic::new(&codes::JSON_BAD_QUOTING, TextRange::of(end..end + 1), "a \" within the string ends it")
                .related(TextRange::of(start..last + 1), "the string seems to be meant so")
                .help("write \\\" within the string, or ' where an expression allows it")
                .fix_if(fix),
        );
    }

    /// The text of the string between `start` and `end`.
    fn decode(&mut self, start: usize, end: usize) -> Text<'a> {
        let content = self.text.get(start..end).unwrap_or_default();
        if let Some(at) = content.bytes().position(|byte| byte < 0x20) {
            self.findings.push(
                Diagnostic::new(
                    &codes::JSON_BAD_ESCAPE,
                    TextRange::of(start + at..start + at + 1),
                    "a bare control character stands in a string",
                )
                .help("write it as an escape sequence: `\\t` for a tab, `\\u001b` for others"),
            );
        }
        if !content.contains('\\') {
            return Text::Verbatim(content);
        }
        let mut errors = Vec::new();
        let text = decode_escapes(content, start, &mut errors);
        if let Some(&first) = errors.first() {
            let shown = excerpt(first.slice(self.text));
            let message = match errors.len() {
                1 => format!("{shown} is no escape sequence of JSON"),
                count => format!("{shown} is no escape sequence of JSON, nor are {} more in this string", count - 1),
            };
            let edits = errors.iter().map(|range| Edit { range: TextRange::at(range.start()), text: "\\".to_owned() });
            let fix = (errors.len() <= EDITS_MAX).then(|| Fix {
                safe: false,
                title: "double the backslash".to_owned(),
                edits: edits.collect(),
            });
            self.findings.push(
                Diagnostic::new(&codes::JSON_BAD_ESCAPE, first, message)
                    .help("write `\\\\` for a backslash")
                    .fix_if(fix),
            );
        }
        Text::Mapped(Box::new(text))
    }

    /// Whether the single quote here has a counterpart on its line.
    fn has_closing_quote(&self) -> bool {
        first_line(self.rest(), QUOTING_BYTES_MAX).get(1..).is_some_and(|rest| rest.contains('\''))
    }

    /// The string between single quotes that begins here.
    fn single_quoted(&mut self) -> Text<'a> {
        let start = self.at;
        let rest = self.text.get(start + 1..).unwrap_or_default();
        let content = rest.split('\'').next().unwrap_or_default();
        self.at = start + content.len() + 2;
        let range = TextRange::of(start..self.at);
        let fix = (!content.contains(['"', '\\']))
            .then(|| Fix::replace("write double quotes", range, format!("\"{content}\"")));
        self.findings.push(
            Diagnostic::new(&codes::JSON_BAD_QUOTING, range, "a string stands between single quotes")
                .help("JSON knows only \"; a string of an expression has both: \"'local'\"")
                .fix_if(fix),
        );
        self.decode(start + 1, start + 1 + content.len())
    }

    /// A number, `true`, `false`, `null`, or a text without quotes.
    fn word(&mut self) -> Kind<'a> {
        let word = word_of(self.rest());
        let kind = match word {
            "true" => Some(Kind::Bool(true)),
            "false" => Some(Kind::Bool(false)),
            "null" => Some(Kind::Null),
            _ if is_number(word) => Some(Kind::Number(word)),
            _ => None,
        };
        if let Some(kind) = kind {
            self.at += word.len();
            return kind;
        }
        let whole = self.rest().get(..element_end(self.rest())).unwrap_or_default().trim_end();
        let whole = if whole.is_empty() { word } else { whole };
        let range = TextRange::of(self.at..self.at + whole.len());
        self.at += whole.len();
        let (kind, right) = match whole.to_ascii_lowercase().as_str() {
            "true" => (Kind::Bool(true), "true"),
            "false" => (Kind::Bool(false), "false"),
            "null" | "none" | "nil" | "undefined" => (Kind::Null, "null"),
            _ => return self.unquoted(whole, range),
        };
        self.findings.push(
            Diagnostic::new(&codes::JSON_SYNTAX, range, format!("{} is no value of JSON", excerpt(whole)))
                .help(format!("write `{right}`"))
                .fix(Fix::replace("write it as JSON does", range, right).safe()),
        );
        kind
    }

    /// Reports that `word` is no number of JSON, or that it should have quotes, and gives it as what it was meant for.
    fn unquoted(&mut self, word: &'a str, range: TextRange) -> Kind<'a> {
        let shown = excerpt(word);
        let is_numeric = |byte: u8| byte.is_ascii_hexdigit() || b"+-._xXoO".contains(&byte);
        if word.bytes().all(is_numeric) && word.bytes().any(|byte| byte.is_ascii_digit()) {
            self.findings.push(
                Diagnostic::new(&codes::JSON_BAD_NUMBER, range, format!("{shown} is no number of JSON"))
                    .help("write digits without leading zeros, a point between digits, an exponent: 10, 0.5, 1e3"),
            );
            return Kind::Number(word);
        }
        let quoted = (!word.contains(['"', '\\'])).then(|| format!("\"{word}\""));
        self.findings.push(
            Diagnostic::new(&codes::JSON_BAD_QUOTING, range, format!("the text {shown} has no quotes"))
                .help("put it between \"")
                .fix_if(quoted.map(|quoted| Fix::replace("quote it", range, quoted))),
        );
        Kind::Text(Text::Verbatim(word))
    }

    /// Takes the comma behind an element; where it is missing, says so.
    fn separator(&mut self, around: Around) {
        let end = self.at;
        self.skip_blanks();
        let closing = if around == Around::Array { b']' } else { b'}' };
        match self.peek() {
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.skip_blanks();
                if self.peek() == Some(closing) {
                    let range = TextRange::of(comma..comma + 1);
                    self.findings.push(
                        Diagnostic::new(&codes::JSON_TRAILING_COMMA, range, "a comma stands behind the last value")
                            .help("delete it")
                            .fix(Fix::replace("delete the comma", range, "").safe()),
                    );
                }
            }
            None | Some(b']' | b'}') => {}
            Some(b'"' | b'{' | b'[' | b'\'') => {
                let shown = excerpt(self.next_word());
                let range = TextRange::of(self.at..self.at + self.next_word().len());
                self.findings.push(
                    Diagnostic::new(&codes::JSON_SYNTAX, range, format!("a comma is missing in front of {shown}"))
                        .help("write `,` between the two")
                        .fix(Fix::replace("write the comma", TextRange::of(end..end), ",")),
                );
            }
            Some(_) => {
                let shown = excerpt(self.next_word());
                let range = TextRange::of(self.at..self.at + self.next_word().len());
                let help = format!("write `,` or `{}` there", char::from(closing));
                self.report(range, format!("{shown} stands behind the value"), &help);
                self.skip_element();
                if self.peek() == Some(b',') {
                    self.at += 1;
                }
            }
        }
    }

    fn stray_comma(&mut self) {
        let range = TextRange::of(self.at..self.at + 1);
        self.at += 1;
        self.findings.push(
            Diagnostic::new(&codes::JSON_SYNTAX, range, "a comma stands without a value in front of it")
                .help("delete it, or write the value")
                .fix(Fix::replace("delete the comma", range, "")),
        );
    }

    /// Passes blanks, and comments with a finding.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let behind = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - behind.len();
            let length = if let Some(comment) = behind.strip_prefix("/*") {
                comment.find("*/").map_or(behind.len(), |length| length + 4)
            } else if behind.starts_with("//") || behind.starts_with('#') {
                behind.find('\n').unwrap_or(behind.len())
            } else {
                return;
            };
            let comment = behind.get(..length).unwrap_or(behind).trim_end();
            let range = TextRange::of(self.at..self.at + comment.len());
            if self.findings.errors() < ERRORS_MAX {
                self.findings.push(
                    Diagnostic::new(&codes::JSON_COMMENT, range, "JSON has no comments")
                        .help("delete it, or say it in a `description`")
                        .fix(Fix::replace("delete the comment", range, "")),
                );
            }
            self.at += length;
        }
    }

    /// Passes what makes no sense, up to the comma or bracket behind it.
    fn skip_element(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b']' | b'}' => return,
                b'[' | b'{' => self.skip_brackets(),
                b'"' => self.skip_string(),
                _ => self.skip_char(),
            }
        }
    }

    /// Passes an opening bracket and all up to its counterpart, however deep, without a stack.
    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if byte == b'"' {
                self.skip_string();
            } else {
                self.skip_char();
            }
            if depth == 0 {
                return;
            }
        }
        self.is_lost = true;
    }

    fn skip_string(&mut self) {
        self.at = (self.string_end(self.at) + 1).min(self.text.len());
    }

    fn skip_char(&mut self) {
        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What begins here, for a message.
    fn next_word(&self) -> &'a str {
        let rest = self.rest();
        if rest.starts_with('"') {
            let end = (self.string_end(self.at) + 1).min(self.text.len());
            return cut(self.text.get(self.at..end).unwrap_or(rest), QUOTED_BYTES_MAX);
        }
        word_of(cut(rest, QUOTED_BYTES_MAX))
    }

    fn report(&mut self, range: TextRange, message: impl Into<String>, help: &str) {
        self.findings.push(Diagnostic::new(&codes::JSON_SYNTAX, range, message).help(help));
    }

    fn report_missing_value(&mut self) {
        let range = TextRange::of(self.at..self.at + 1);
        let message = format!("a value is missing in front of {}", excerpt(self.next_word()));
        self.report(range, message, "write a string, a number, `true`, `false`, `null`, an array or an object");
        if !matches!(self.peek(), Some(b',' | b']' | b'}')) {
            self.at += 1;
        }
    }

    fn report_unclosed(&mut self, open: usize, what: &str, closing: &str) {
        let seen = match self.peek() {
            None => "the end of the document".to_owned(),
            Some(_) => excerpt(self.next_word()),
        };
        let end = TextRange::of(self.at..self.at + self.peek().map_or(0, |_| 1));
        self.findings.push(
            Diagnostic::new(
                &codes::JSON_UNCLOSED_BRACKET,
                TextRange::of(open..open + 1),
                format!("the {what} that begins here is not closed"),
            )
            .related(end, format!("{seen} comes first"))
            .help(format!("write `{closing}` behind its last value")),
        );
        // A bracket of the other kind closes what is around.
        self.is_lost = self.peek().is_none();
    }
}

/// Decodes `content`, which stands at `start`; adds the ranges of what is no escape sequence to `errors`.
fn decode_escapes(content: &str, start: usize, errors: &mut Vec<TextRange>) -> MappedText {
    let mut decoded = MappedText::builder();
    let mut rest = content;
    let mut at = start;
    while !rest.is_empty() {
        let plain = rest.find('\\').unwrap_or(rest.len());
        let (run, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        if !run.is_empty() {
            decoded.push(run, TextRange::of(at..at + run.len()));
        }
        at += run.len();
        rest = behind;
        if rest.is_empty() {
            break;
        }
        let (char, length) = escape(rest).unwrap_or_else(|| {
            let behind = rest.get(1..).unwrap_or_default();
            let name = behind.chars().next().filter(|&name| name != '\n');
            let digits = behind.bytes().skip(1).take(4).take_while(u8::is_ascii_hexdigit).count();
            let shown = 1 + name.map_or(0, char::len_utf8) + if name == Some('u') { digits } else { 0 };
            errors.push(TextRange::of(at..at + shown));
            ('\\', 1)
        });
        decoded.push(char.encode_utf8(&mut [0; 4]), TextRange::of(at..at + length));
        rest = rest.get(length..).unwrap_or_default();
        at += length;
    }
    decoded.finish(TextRange::of(start..start).start())
}

/// The character that the escape sequence at the beginning of `text` stands for, and its length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let simple = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = hexadecimal(text)?;
            if !(0xd800..0xdc00).contains(&high) {
                return Some((char::from_u32(high)?, 6));
            }
            let low = text.get(6..).filter(|rest| rest.starts_with("\\u")).and_then(hexadecimal)?;
            let low = low.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
            return Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?, 12));
        }
        _ => return None,
    };
    Some((simple, 2))
}

/// The four digits of `\uXXXX`.
fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.get(2..6)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// The beginning of `rest` up to a blank or a character with a meaning; at least one character.
fn word_of(rest: &str) -> &str {
    let ends = |char: char| char.is_whitespace() || matches!(char, ',' | ':' | '[' | ']' | '{' | '}' | '"' | '/');
    let length = rest.find(ends).unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    rest.get(..length.max(first)).unwrap_or(rest)
}

/// Whether `word` is a number by RFC 8259 §6.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word.strip_prefix('-').unwrap_or(word);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Whether a string within `around` may end in front of `rest`, the rest of its line.
fn ends_value(rest: &str, around: Around) -> bool {
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    let behind_comma = rest.strip_prefix(',').map(|rest| rest.trim_start_matches([' ', '\t', '\r']));
    if rest.is_empty() || behind_comma.is_some_and(str::is_empty) {
        return true;
    }
    if around == Around::Array {
        return rest.starts_with(']') || behind_comma.is_some_and(|rest| rest.starts_with(['"', '{', '[', ']']));
    }
    rest.starts_with('}')
        || behind_comma.is_some_and(|rest| {
            let key = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            rest.starts_with('}')
                || key.is_some_and(|(_, behind)| behind.trim_start_matches([' ', '\t']).starts_with(':'))
        })
}

/// How many changes a fix may have.
const EDITS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dump, rules};

    /// Each text with its tree and the rules of its findings, in order.
    fn check(cases: &[(&str, &str, &[&str])]) {
        for &(text, tree, expected) in cases {
            let source = Source::new("policy.json", text);
            let (root, findings) = parse(&source);
            assert_eq!(dump(&root), tree, "{text}");
            assert_eq!(rules(&findings), expected, "{text}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn json_is_read() {
        check(&[
            ("{}", "{}", &[]),
            (" [ ] \r\n", "[]", &[]),
            ("null", "null", &[]),
            ("{\"a\": [1, -2.5e+3, true, false, null, \"x\"], \"b\": {\"c\": {}}}", "{a: [1, -2.5e+3, true, false, null, \"x\"], b: {c: {}}}", &[]),
            (r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#, "[\"\\\"\\\\/\\u{8}\\u{c}\\n\\r\\té😀\"]", &[]),
            (r#"{"a\u0062": 1}"#, "{ab: 1}", &[]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn a_mistake_gives_one_finding_and_hides_nothing() {
        check(&[
            ("", "null", &["json-syntax"]),
            ("[1, 2,]", "[1, 2]", &["json-trailing-comma"]),
            ("{\"a\": 1,}", "{a: 1}", &["json-trailing-comma"]),
            ("[1,, 2]", "[1, 2]", &["json-syntax"]),
            ("[,]", "[]", &["json-syntax"]),
            ("// a\n[1, /* b */ 2] # c", "[1, 2]", &["json-comment", "json-comment", "json-comment"]),
            ("[1 /* never closed", "[1]", &["json-unclosed-bracket", "json-comment"]),
            ("{'a': 'b'}", "{a: \"b\"}", &["json-bad-quoting", "json-bad-quoting"]),
            ("{a: 1, b-c: 2}", "{a: 1, b-c: 2}", &["json-bad-quoting", "json-bad-quoting"]),
            ("{\"a\": rcpt == 'x, y', \"b\": 1}", "{a: \"rcpt == 'x, y'\", b: 1}", &["json-bad-quoting"]),
            ("{\"a\": True, \"b\": None}", "{a: true, b: null}", &["json-syntax", "json-syntax"]),
            ("[01, +1, .5, 1., 1e, -]", "[01, +1, .5, 1., 1e, \"-\"]", &["json-bad-number", "json-bad-number", "json-bad-number", "json-bad-number", "json-bad-number", "json-bad-quoting"]),
            ("{\"a\": 1, \"a\": 2}", "{a: 1}", &["duplicate-key"]),
            ("{\"a\" 1, \"b\": 2}", "{b: 2}", &["json-syntax"]),
            ("{\"a\": , \"b\": 2}", "{b: 2}", &["json-syntax"]),
            ("{\"a\": }", "{}", &["json-syntax"]),
            ("{\"a\" = 1}", "{a: 1}", &["json-syntax"]),
            ("{\"a\" \"b\"}", "{a: \"b\"}", &["json-syntax"]),
            ("{1: 2}", "{1: 2}", &["json-bad-quoting"]),
            ("{: 2, \"b\": 1}", "{b: 1}", &["json-syntax"]),
            ("[1 2]", "[1]", &["json-syntax"]),
            ("[1 \"a\"]", "[1, \"a\"]", &["json-syntax"]),
            ("[1}", "[1]", &["json-unclosed-bracket", "json-trailing-text"]),
            ("{\"a\": [1, 2}", "{a: [1, 2]}", &["json-unclosed-bracket"]),
            ("{\"a\": [1, \"b\": 2}", "{a: [1], b: 2}", &["json-unclosed-bracket"]),
            ("{\"a\": [{\"b\": 1", "{a: [{b: 1}]}", &["json-unclosed-bracket"]),
            ("{\"a\": \"x,\n\"b\": 1}", "{a: \"x\", b: 1}", &["json-unclosed-string"]),
            ("{\"a\": \"x", "{a: \"x\"}", &["json-unclosed-bracket", "json-unclosed-string"]),
            ("{\"a\": \"x \"y\" z\", \"b\": 1}", "{a: \"x \\\"y\\\" z\", b: 1}", &["json-bad-quoting"]),
            ("[\"x\" \"y\", \"z\"]", "[\"x\", \"y\", \"z\"]", &["json-syntax"]),
            (r#"["\.", "\ud800", "\ud800\u0041", "\u12"]"#, r#"["\\.", "\\ud800", "\\ud800A", "\\u12"]"#, &["json-bad-escape", "json-bad-escape", "json-bad-escape", "json-bad-escape"]),
            ("[\"a\tb\"]", "[\"a\\tb\"]", &["json-bad-escape"]),
            ("1 2", "1", &["json-trailing-text"]),
            ("{} {}", "{}", &["json-trailing-text"]),
            ("}", "null", &["json-syntax", "json-trailing-text"]),
        ]);
    }

    #[test]
    fn a_place_in_a_decoded_string_is_found_in_the_document() {
        let text = r#"{"if": "a \"b\" \ud83d\ude00 c"}"#;
        let source = Source::new("", text);
        let (root, _) = parse(&source);
        let mapped = root.get("if").and_then(Node::mapped).unwrap();
        assert_eq!(mapped.text(), "a \"b\" 😀 c");
        let written = |from: usize, to: usize| source.slice(mapped.map(TextRange::of(from..to)));
        assert_eq!(written(2, 3), "\\\"");
        assert_eq!(written(6, 10), r"\ud83d\ude00");
        assert_eq!(written(10, 12), " c");
    }
}
