//! TOML as people write it: one tree, and a finding for each thing that a stricter reader would stop at.
//!
//! The grammar is read here, token by token from `toml_parser`'s lexer, and not by its parser: that one wants all
//! tokens as a list (24 MiB for a mebibyte of `[`), and its errors name what it expected rather than what the writer
//! meant. Recovery follows one rule: one cause, one finding, and the next statement is read as if nothing had
//! happened. A statement begins on a line of its own without blanks in front, so a bracket that nobody closed ends
//! there.
//!
//! What differs from TOML 1.0 on purpose, each with a finding of its own: a table may be written in several places,
//! an inline table may run over lines, and a text without quotes is taken as a string.
//!
//! Source: TOML 1.0 and 1.1; `delivery.md` 0.1.

mod ahead;
mod place;
mod string;
mod tokens;
mod word;

use std::borrow::Cow;

use base::{Diagnostic, Findings, Fix, TextRange};
use toml_parser::lexer::TokenKind;

use self::ahead::{begins_assignment, ends_value, has_assignment, is_assigned, is_header, swallowed_entry};
use self::place::{Part, Planter, Step};
use self::string::{Quotes, Raw};
use self::tokens::{Token, Tokens};
use crate::Source;
use crate::codes;
use crate::excerpt::{cut, excerpt, first_line};
use crate::limits::{ERRORS_MAX, NESTING_MAX, NODES_MAX, QUOTED_BYTES_MAX, QUOTES_MAX, QUOTING_BYTES_MAX};
use crate::tree::{Kind, List, Node, Table, Text, too_deep, too_many, too_many_errors};

/// Reads TOML: the document's table with all that could be understood, and all findings in the order of their place.
#[must_use]
pub fn parse(source: &Source) -> (Node<'_>, Findings) {
    let mut reader = Reader::new(source.text());
    reader.document();
    reader.findings.sort();
    (reader.root, reader.findings)
}

/// What a value stands in, which decides how it may end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Around {
    /// A line of its own: `key = value`.
    Line,
    /// `[ value, … ]`
    List,
    /// `{ key = value, … }`
    Table,
}

struct Reader<'a> {
    text: &'a str,
    tokens: Tokens<'a>,
    findings: Findings,
    root: Node<'a>,
    current: Current<'a>,
    /// The list of the last header with two brackets, as its parts with NUL between.
    last_list: String,
    nodes: usize,
    /// Whether the rest of the statement makes no sense any more; what caused it is reported.
    is_lost: bool,
}

/// The table that statements add to.
enum Current<'a> {
    /// At the end of this way.
    At(Vec<Step>),
    /// One that has no place in the tree, because its header had none.
    Detached(Table<'a>),
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            tokens: Tokens::new(text),
            findings: Findings::new(),
            root: Node::root(text.len()),
            current: Current::At(Vec::new()),
            last_list: String::new(),
            nodes: 0,
            is_lost: false,
        }
    }

    fn document(&mut self) {
        loop {
            self.tokens.skip_trivia();
            let token = self.tokens.peek();
            if self.nodes > NODES_MAX {
                self.findings.push(too_many(TextRange::at(token.range.start())));
                return;
            }
            if self.findings.errors() >= ERRORS_MAX {
                self.findings.push(too_many_errors(TextRange::at(token.range.start())));
                return;
            }
            match token.kind {
                TokenKind::Eof => return,
                TokenKind::LeftSquareBracket => self.header(),
                kind if begins_key(kind) => self.statement(),
                _ => {
                    let message = format!("{} begins no statement", excerpt(self.tokens.text()));
                    self.report(token.range, message, "write `key = value` or a `[table]` header");
                    self.skip_statement();
                }
            }
            self.is_lost = false;
        }
    }

    /// `[table]` or `[[list]]`.
    fn header(&mut self) {
        let open = self.tokens.bump();
        let is_list = self.tokens.peek().kind == TokenKind::LeftSquareBracket
            && self.tokens.peek().range.start() == open.range.end();
        if is_list {
            self.tokens.bump();
        }
        self.tokens.skip_blanks();
        let Some(parts) = self.key() else {
            self.current = Current::Detached(Table::default());
            return self.skip_statement();
        };
        let closing = if is_list { "]]" } else { "]" };
        let end = self.close_header(is_list, closing, open.range, &parts);
        let range = TextRange::new(open.range.start(), end);
        self.check_header_parts(&parts);
        self.open(parts, range, is_list);
        if self.is_lost {
            self.tokens.skip_line();
        } else {
            self.end_of_line("header");
        }
    }

    /// Takes the brackets that close a header; where they are missing, says so. Tells where the header ends.
    fn close_header(&mut self, is_list: bool, closing: &str, open: TextRange, parts: &[Part<'a>]) -> u32 {
        let mut end = parts.last().map_or_else(|| open.end(), |part| part.range.end());
        self.tokens.skip_blanks();
        for _ in 0..=usize::from(is_list) {
            let token = self.tokens.peek();
            if token.kind != TokenKind::RightSquareBracket {
                let header = TextRange::new(open.start(), end);
                let message = format!("the header {} is not closed", excerpt(header.slice(self.text)));
                let missing =
                    if closing.len() > 1 && self.text.get(..end as usize).is_some_and(|text| text.ends_with(']')) {
                        "]"
                    } else {
                        closing
                    };
                self.findings.push(
                    Diagnostic::new(&codes::TOML_UNCLOSED_BRACKET, header, message)
                        .help(format!("write `{missing}` behind the name"))
                        .fix(Fix::replace("close the header", TextRange::at(end), missing)),
                );
                self.is_lost = true;
                return end;
            }
            end = token.range.end();
            self.tokens.bump();
        }
        end
    }

    /// Warns about names in a header that Stalwart reads otherwise.
    fn check_header_parts(&mut self, parts: &[Part<'a>]) {
        for (at, part) in parts.iter().enumerate() {
            let written = part.range.slice(self.text);
            let upper = |letter: char| letter.is_uppercase();
            if part.is_bare {
                let lowered = if at == 0 { part.text.chars().skip(1).any(upper) } else { part.text.chars().any(upper) };
                if lowered {
                    let message = format!("Stalwart reads the name {} in lower case", excerpt(&part.text));
                    self.findings.push(
                        Diagnostic::new(&codes::TOML_TABLE_CASE, part.range, message)
                            .help("put it into double quotes: in a header, only a quoted name keeps its upper-case letters")
                            .fix(Fix::replace("quote the name", part.range, format!("\"{}\"", part.text))),
                    );
                }
            } else if written.starts_with('\'') && !part.text.contains(['"', '\\']) {
                self.findings.push(
                    Diagnostic::new(
                        &codes::TOML_STRING_PORTABILITY,
                        part.range,
                        "Stalwart takes no single quotes in a header",
                    )
                    .help("write double quotes")
                    .fix(Fix::replace("write double quotes", part.range, format!("\"{}\"", part.text)).safe()),
                );
            }
        }
    }

    /// Makes the table of a header the current one.
    fn open(&mut self, parts: Vec<Part<'a>>, range: TextRange, is_list: bool) {
        self.nodes += parts.len();
        let root = self.root.as_table_mut();
        let mut planter = Planter { text: self.text, findings: &mut self.findings };
        let steps = root.and_then(|root| {
            if is_list {
                let names: Vec<&str> = parts.iter().map(|part| part.text.as_ref()).collect();
                let list = names.join("\0");
                let is_next = list == self.last_list;
                self.last_list = list;
                planter.open_element(root, parts, range, is_next)
            } else {
                planter.open_table(root, parts, range)
            }
        });
        self.current = steps.map_or_else(|| Current::Detached(Table::default()), Current::At);
    }

    /// `key = value`.
    fn statement(&mut self) {
        let Some(parts) = self.key() else {
            return self.skip_statement();
        };
        if !self.assignment(&parts) {
            return self.skip_statement();
        }
        let above = match &self.current {
            Current::At(steps) => place::depth(steps),
            Current::Detached(_) => 0,
        };
        let value = self.value(Around::Line, above + parts.len(), &parts);
        if let Some(value) = value {
            let table = match &mut self.current {
                Current::At(steps) => self.root.as_table_mut().and_then(|root| place::walk(root, steps)),
                Current::Detached(table) => Some(table),
            };
            if let Some(table) = table {
                self.nodes += parts.len();
                let planter = Planter { text: self.text, findings: &mut self.findings };
                plant(planter, table, parts, value, above);
            }
        }
        if !self.is_lost {
            self.end_of_line("value");
        } else if !self.begins_statement(self.tokens.peek(), Around::List) {
            self.skip_statement();
        }
    }

    /// The parts of a key with dots between; `None`, reported, where there is none.
    fn key(&mut self) -> Option<Vec<Part<'a>>> {
        let mut parts = Vec::with_capacity(1);
        loop {
            self.tokens.skip_blanks();
            let token = self.tokens.peek();
            let text = self.tokens.text();
            parts.push(match Quotes::of(token.kind) {
                Some(quotes) => self.quoted_part(quotes, text, token)?,
                None if token.kind == TokenKind::Atom => self.bare_part(text, token.range)?,
                None => {
                    self.report_missing_key(token);
                    return None;
                }
            });
            self.tokens.skip_blanks();
            if self.tokens.peek().kind != TokenKind::Dot {
                return Some(parts);
            }
            self.tokens.bump();
        }
    }

    fn quoted_part(&mut self, quotes: Quotes, text: &'a str, token: Token) -> Option<Part<'a>> {
        let raw = Raw::of(quotes, text, token.range);
        if !raw.is_closed {
            self.report_unclosed_string(raw);
            return None;
        }
        if quotes.has_lines() {
            let message = format!("a key has {} quotes", quotes.as_str());
            self.report(token.range, message, "write it between \" on one line");
        }
        self.tokens.bump();
        let text = match raw.decode(&mut self.findings) {
            Text::Verbatim(text) => Cow::Borrowed(text),
            Text::Mapped(text) => Cow::Owned(text.text().to_owned()),
        };
        Some(Part { text, range: token.range, is_bare: false })
    }

    fn bare_part(&mut self, text: &'a str, range: TextRange) -> Option<Part<'a>> {
        self.tokens.bump();
        // `key: value`, where the colon belongs to the assignment.
        let (text, range) = match text.strip_suffix(':') {
            Some(name) if !name.is_empty() && !is_assigned(self.text, range.end()) => {
                let end = range.end() - 1;
                self.tokens.restart(end);
                (name, TextRange::new(range.start(), end))
            }
            _ => (text, range),
        };
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.bytes().all(is_allowed) {
            return Some(Part { text: Cow::Borrowed(text), range, is_bare: true });
        }
        let stray = text.chars().find(|&char| !char.is_ascii() || !is_allowed(char as u8));
        let stray = excerpt(stray.unwrap_or_default().encode_utf8(&mut [0; 4]));
        let is_word = !text.contains(['"', '\'', '\\', ':', '`', '*', '(', ')']) || text.contains("::");
        let message = format!("{stray} cannot stand in a key without quotes");
        let finding = Diagnostic::new(&codes::TOML_SYNTAX, range, message);
        if is_word && !text.contains(char::is_control) {
            let quoted = format!("\"{text}\"");
            self.findings.push(finding.help(format!("write {}", excerpt(&quoted))).fix(Fix::replace(
                "quote the key",
                range,
                quoted,
            )));
            return Some(Part { text: Cow::Borrowed(text), range, is_bare: true });
        }
        self.findings.push(finding.help("a key is made of letters, digits, `-` and `_`, or stands in quotes"));
        None
    }

    /// Takes the `=` behind a key; where it is missing, says so and tells whether a value may follow all the same.
    fn assignment(&mut self, parts: &[Part<'a>]) -> bool {
        self.tokens.skip_blanks();
        let token = self.tokens.peek();
        let text = self.tokens.text();
        if token.kind == TokenKind::Equals {
            self.tokens.bump();
            return true;
        }
        let key = covered(parts);
        if text.starts_with(':') {
            let colon = TextRange::new(token.range.start(), token.range.start() + 1);
            self.findings.push(
                Diagnostic::new(&codes::TOML_SYNTAX, colon, "a `:` stands between key and value")
                    .help("TOML writes `=` there")
                    .fix(Fix::replace("write `=`", colon, " =").safe()),
            );
            self.tokens.restart(colon.end());
            return true;
        }
        let message = format!("the key {} has no value", excerpt(key.slice(self.text)));
        let help = if matches!(token.kind, TokenKind::Newline | TokenKind::Eof | TokenKind::Comment) {
            "write `key = value`".to_owned()
        } else {
            format!("write `=` between the key and {}", excerpt(text))
        };
        self.report(key, message, &help);
        false
    }

    /// A value that stands `depth` levels down, of the key `parts`; `None`, reported, where there is none.
    fn value(&mut self, around: Around, depth: usize, parts: &[Part<'a>]) -> Option<Node<'a>> {
        self.tokens.skip_blanks();
        let token = self.tokens.peek();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            // The document's own loop reports it.
            self.is_lost = true;
            return None;
        }
        match token.kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket if depth > NESTING_MAX => {
                self.findings.push(too_deep(token.range));
                self.skip_brackets();
                None
            }
            TokenKind::LeftSquareBracket => Some(self.list(depth)),
            TokenKind::LeftCurlyBracket => Some(self.inline_table(depth)),
            TokenKind::Atom | TokenKind::Dot => Some(self.word(around, token)),
            kind => {
                let Some(quotes) = Quotes::of(kind) else {
                    self.report_missing_value(token, around, parts);
                    return None;
                };
                Some(self.string(quotes, around, token))
            }
        }
    }

    fn word(&mut self, around: Around, token: Token) -> Node<'a> {
        let start = token.range.start();
        let rest = self.text.get(start as usize..).unwrap_or_default();
        let length = word::length(rest, around);
        let range = TextRange::of(start as usize..start as usize + length);
        self.tokens.restart(range.end());
        word::read(range.slice(self.text), range, &mut self.findings)
    }

    fn string(&mut self, quotes: Quotes, around: Around, token: Token) -> Node<'a> {
        let mut raw = Raw::of(quotes, self.tokens.text(), token.range);
        self.tokens.bump();
        if !raw.is_closed {
            self.report_unclosed_string(raw);
        } else if !quotes.has_lines() && self.is_cut_short(around, token) {
            raw = self.rejoin(raw, around);
        }
        let range = raw.range;
        Node { range, kind: Kind::Text(raw.decode(&mut self.findings)) }
    }

    /// Whether what follows the string `token` shows that its last quote was not meant to end it.
    fn is_cut_short(&self, around: Around, token: Token) -> bool {
        let rest = self.text.get(token.range.end() as usize..).unwrap_or_default();
        let behind = rest.trim_start_matches([' ', '\t']);
        let is_apart = behind.len() < rest.len();
        let line = first_line(behind, QUOTING_BYTES_MAX);
        match behind.chars().next() {
            None | Some('\n' | '\r' | '#' | ',') => false,
            // Without a further quote, it is what follows that is wrong.
            Some(_) if !line.contains(raw_quote(token)) => false,
            Some(']' | '}') => around == Around::Line,
            // Two strings side by side lack a comma; so do a value and the next key.
            Some('"' | '\'' | '{' | '[') if is_apart => around == Around::Line,
            Some(_) if is_apart && around == Around::Table => !begins_assignment(behind),
            Some(_) => true,
        }
    }

    /// Finds the quote that was meant to end a string which has its own quotes within, and goes on behind it.
    fn rejoin(&mut self, raw: Raw<'a>, around: Around) -> Raw<'a> {
        let first_end = raw.range.end();
        if around == Around::Table
            && let Some(comma) = swallowed_entry(raw.content)
        {
            return self.close_before(raw, comma);
        }
        let rest = self.text.get(first_end as usize..).unwrap_or_default();
        let line = first_line(rest, QUOTING_BYTES_MAX);
        let quote = raw.quotes.as_str();
        let last = line
            .match_indices(quote)
            .map(|(at, _)| at)
            .take(QUOTES_MAX)
            .find(|at| ends_value(cut(rest.get(at + 1..).unwrap_or_default(), QUOTING_BYTES_MAX), around));
        let Some(last) = last else {
            let stray = TextRange::new(first_end - 1, first_end);
            self.findings.push(
                Diagnostic::new(&codes::TOML_BAD_QUOTING, stray, "the string ends here, and text follows it")
                    .related(raw.range, "this string")
                    .help(format!("write other quotes than {quote} within the string, or `\\\"`")),
            );
            self.is_lost = true;
            return raw;
        };
        let whole = Raw::spanning(raw.quotes, self.text, raw.range.start(), first_end + last as u32);
        self.tokens.restart(whole.range.end());
        let stray = TextRange::new(first_end - 1, first_end);
        let other = if raw.quotes == Quotes::Basic { "'" } else { "\"" };
        let fix = requote(whole);
        self.findings.push(
            Diagnostic::new(&codes::TOML_BAD_QUOTING, stray, format!("a {quote} within the string ends it"))
                .related(whole.range, "the string seems to be meant so")
                .help(format!("write {other} instead of {quote} within the string"))
                .fix_if(fix),
        );
        whole
    }

    /// Ends a string that took in the next key because its own last quote is missing, at the comma between.
    fn close_before(&mut self, raw: Raw<'a>, comma: usize) -> Raw<'a> {
        let content = raw.content.get(..comma).unwrap_or_default().trim_end();
        let end = raw.start + content.len() as u32;
        self.tokens.restart(end);
        let cut = Raw { content, range: TextRange::new(raw.range.start(), end), is_closed: false, ..raw };
        self.report_unclosed_string(cut);
        cut
    }

    /// Whether so much is wrong that the rest is not worth reading, which the document's own loop reports.
    fn has_enough(&mut self) -> bool {
        self.is_lost |= self.findings.errors() >= ERRORS_MAX;
        self.is_lost
    }

    /// `[ value, … ]`, whose bracket is the next token.
    fn list(&mut self, depth: usize) -> Node<'a> {
        let open = self.tokens.bump().range;
        let mut nodes = Vec::new();
        let mut end = open.end();
        loop {
            self.tokens.skip_trivia();
            let token = self.tokens.peek();
            match token.kind {
                TokenKind::RightSquareBracket => {
                    end = self.tokens.bump().range.end();
                    break;
                }
                TokenKind::Comma => self.stray_comma(),
                TokenKind::Eof | TokenKind::RightCurlyBracket => {
                    self.report_unclosed(open, "list", "]", token);
                    break;
                }
                _ if self.begins_statement(token, Around::List) => {
                    self.report_unclosed(open, "list", "]", token);
                    break;
                }
                _ => {
                    if let Some(node) = self.value(Around::List, depth + 1, &[]) {
                        end = node.range.end();
                        nodes.push(node);
                    }
                    if !self.is_lost {
                        self.separator(Around::List, end);
                    }
                }
            }
            if self.has_enough() {
                break;
            }
        }
        nodes.shrink_to_fit();
        Node { range: TextRange::new(open.start(), end), kind: Kind::List(Box::new(List::new(nodes))) }
    }

    /// `{ key = value, … }`, whose brace is the next token.
    fn inline_table(&mut self, depth: usize) -> Node<'a> {
        let open = self.tokens.bump().range;
        let mut table = Table::default();
        let mut end = open.end();
        let mut layout = None;
        let mut is_closed = false;
        let mut is_set = false;
        loop {
            let line_end = self.tokens.skip_trivia();
            layout = layout.or(line_end);
            let token = self.tokens.peek();
            match token.kind {
                TokenKind::RightCurlyBracket => {
                    is_closed = true;
                    end = self.tokens.bump().range.end();
                    break;
                }
                TokenKind::Comma => self.stray_comma(),
                TokenKind::Eof | TokenKind::RightSquareBracket => {
                    self.report_unclosed(open, "inline table", "}", token);
                    break;
                }
                _ if self.begins_statement(token, Around::Table) => {
                    self.report_unclosed(open, "inline table", "}", token);
                    break;
                }
                _ => {
                    end = self.entry(&mut table, depth, &mut is_set).unwrap_or(end);
                    if !self.is_lost {
                        let comma = self.separator(Around::Table, end);
                        layout = layout.or(comma);
                    }
                }
            }
            if self.has_enough() {
                break;
            }
        }
        table.close();
        if let Some(place) = layout.filter(|_| is_closed) {
            self.findings.push(
                Diagnostic::new(
                    &codes::TOML_INLINE_LAYOUT,
                    if place.slice(self.text) == "," { place } else { open },
                    "an inline table of several lines, or with a comma at its end, is TOML 1.1",
                )
                .help("readers of TOML 1.0 want it on one line, without a last comma"),
            );
        }
        Node { range: TextRange::new(open.start(), end), kind: Kind::Table(table) }
    }

    /// One `key = value` of an inline table; tells where it ends. `is_set` remembers that the table was found to be
    /// a list in wrong brackets.
    fn entry(&mut self, table: &mut Table<'a>, depth: usize, is_set: &mut bool) -> Option<u32> {
        let token = self.tokens.peek();
        if !begins_key(token.kind) || !has_assignment(self.text, token) {
            if !*is_set {
                let message = format!("{} is no `key = value`", excerpt(self.tokens.text()));
                self.report(token.range, message, "an inline table holds `key = value`; a list is written with [ ]");
            }
            *is_set = true;
            self.skip_element();
            return None;
        }
        let Some(parts) = self.key() else {
            self.skip_element();
            return None;
        };
        if !self.assignment(&parts) {
            self.skip_element();
            return None;
        }
        let value = self.value(Around::Table, depth + parts.len(), &parts)?;
        let end = value.range.end();
        self.nodes += parts.len() - 1;
        let planter = Planter { text: self.text, findings: &mut self.findings };
        plant(planter, table, parts, value, depth);
        Some(end)
    }

    /// Takes the comma behind an element that ends at `end`; tells where it stands if nothing but the closing bracket
    /// follows it.
    fn separator(&mut self, around: Around, end: u32) -> Option<TextRange> {
        self.tokens.skip_trivia();
        let token = self.tokens.peek();
        match token.kind {
            TokenKind::Comma => {
                self.tokens.bump();
                if around == Around::Table {
                    self.tokens.skip_blanks();
                }
                return (self.tokens.peek().kind == TokenKind::RightCurlyBracket).then_some(token.range);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket | TokenKind::Eof => {}
            _ if self.begins_statement(token, around) => {}
            _ if self.begins_element(token, around) => {
                let message = format!("a comma is missing in front of {}", excerpt(self.tokens.text()));
                self.findings.push(
                    Diagnostic::new(&codes::TOML_SYNTAX, token.range, message)
                        .help("write `,` between the two")
                        .fix(Fix::replace("write the comma", TextRange::at(end), ",")),
                );
            }
            _ => {
                let closing = if around == Around::List { "]" } else { "}" };
                let message = format!("{} stands behind the value", excerpt(self.tokens.text()));
                self.report(token.range, message, &format!("write `,` or `{closing}` there"));
                self.skip_element();
                if self.tokens.peek().kind == TokenKind::Comma {
                    self.tokens.bump();
                }
            }
        }
        None
    }

    /// Whether `token` could begin another element, so that only a comma is missing.
    fn begins_element(&self, token: Token, around: Around) -> bool {
        match around {
            Around::Table => begins_key(token.kind) && has_assignment(self.text, token),
            Around::List | Around::Line => {
                Quotes::of(token.kind).is_some()
                    || matches!(token.kind, TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket)
            }
        }
    }

    /// Whether a statement begins at `token`, so that the brackets around it were never closed: it stands at the
    /// very beginning of its line, and is what no element can be.
    fn begins_statement(&self, token: Token, around: Around) -> bool {
        let start = token.range.start() as usize;
        let is_first = start == 0 || self.text.as_bytes().get(start - 1) == Some(&b'\n');
        if !is_first {
            return false;
        }
        let rest = self.text.get(start..).unwrap_or_default();
        let line = first_line(rest, QUOTING_BYTES_MAX);
        match token.kind {
            TokenKind::LeftSquareBracket => is_header(line),
            kind => around == Around::List && begins_key(kind) && begins_assignment(line),
        }
    }

    /// After a statement nothing but a comment may stand on its line.
    fn end_of_line(&mut self, what: &str) {
        self.tokens.skip_blanks();
        let token = self.tokens.peek();
        match token.kind {
            TokenKind::Newline | TokenKind::Eof | TokenKind::Comment => return,
            TokenKind::Comma => {
                self.findings.push(
                    Diagnostic::new(&codes::TOML_SYNTAX, token.range, format!("a comma stands behind the {what}"))
                        .help("delete it: a line ends a statement of TOML")
                        .fix(Fix::replace("delete the comma", token.range, "").safe()),
                );
                self.tokens.bump();
                self.tokens.skip_blanks();
                if matches!(self.tokens.peek().kind, TokenKind::Newline | TokenKind::Eof | TokenKind::Comment) {
                    return;
                }
            }
            _ => {
                let message = format!("{} stands behind the {what}", excerpt(self.tokens.text()));
                self.report(token.range, message, "write each statement on a line of its own");
            }
        }
        self.skip_statement();
    }

    /// Passes the rest of a statement that makes no sense: its line, and the further lines of a bracket that it
    /// opens, up to where a statement begins.
    fn skip_statement(&mut self) {
        let mut depth = 0_usize;
        loop {
            let token = self.tokens.peek();
            match token.kind {
                TokenKind::Eof => return,
                TokenKind::Newline if depth == 0 => return,
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                // A quote in broken text may be an apostrophe: not more than its line is passed.
                TokenKind::MlBasicString | TokenKind::MlLiteralString => {
                    self.tokens.skip_line();
                    continue;
                }
                _ => {}
            }
            self.tokens.bump();
            if token.kind == TokenKind::Newline && self.begins_statement(self.tokens.peek(), Around::List) {
                return;
            }
        }
    }

    /// Passes an element that makes no sense, up to the comma, bracket or line end behind it.
    fn skip_element(&mut self) {
        while !self.is_lost {
            match self.tokens.peek().kind {
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => self.skip_brackets(),
                TokenKind::Comma
                | TokenKind::RightSquareBracket
                | TokenKind::RightCurlyBracket
                | TokenKind::Newline
                | TokenKind::Eof => return,
                _ => {
                    self.tokens.bump();
                }
            }
        }
    }

    /// Passes an opening bracket and all up to its counterpart, however deep, without a stack.
    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.tokens.peek().kind {
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                TokenKind::Eof => {
                    self.is_lost = true;
                    return;
                }
                _ => {}
            }
            self.tokens.bump();
            if depth == 0 {
                return;
            }
        }
    }

    fn rest_of_line(&self) -> &'a str {
        let rest = self.text.get(self.tokens.peek().range.start() as usize..);
        first_line(rest.unwrap_or_default(), QUOTED_BYTES_MAX)
    }

    fn stray_comma(&mut self) {
        let comma = self.tokens.bump();
        self.findings.push(
            Diagnostic::new(&codes::TOML_SYNTAX, comma.range, "a comma stands without a value in front of it")
                .help("delete it, or write the value")
                .fix(Fix::replace("delete the comma", comma.range, "")),
        );
    }

    fn report(&mut self, range: TextRange, message: impl Into<String>, help: &str) {
        self.findings.push(Diagnostic::new(&codes::TOML_SYNTAX, range, message).help(help));
    }

    fn report_missing_key(&mut self, token: Token) {
        let rest = self.text.get(token.range.start() as usize..).unwrap_or_default();
        match token.kind {
            TokenKind::Dot if rest.starts_with("..") => {
                let dots = rest.bytes().take_while(|&byte| byte == b'.').count();
                let range = TextRange::of(token.range.start() as usize..token.range.start() as usize + dots);
                let message = format!("{} is a placeholder of documentation", excerpt(range.slice(self.text)));
                self.report(range, message, "write what it stands for: `key = value`");
            }
            TokenKind::Newline | TokenKind::Eof | TokenKind::Comment => {
                self.report(
                    TextRange::at(token.range.start()),
                    "a key is missing at the end of the line",
                    "write the key",
                );
            }
            _ => {
                let message = format!("a key is missing in front of {}", excerpt(self.tokens.text()));
                self.report(token.range, message, "write the key, in quotes if it is empty");
            }
        }
    }

    fn report_missing_value(&mut self, token: Token, around: Around, parts: &[Part<'a>]) {
        let key = covered(parts);
        let name = excerpt(key.slice(self.text));
        match token.kind {
            TokenKind::Newline | TokenKind::Eof | TokenKind::Comment => {
                self.report(
                    key,
                    format!("the key {name} has no value"),
                    "write one behind the `=`, or \"\" for an empty text",
                );
            }
            TokenKind::Comma | TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket
                if around == Around::Table =>
            {
                self.report(
                    key,
                    format!("the key {name} has no value"),
                    "write one behind the `=`, or \"\" for an empty text",
                );
                return;
            }
            _ => {
                let message = format!("{} is no value", excerpt(self.tokens.text()));
                self.report(
                    token.range,
                    message,
                    "write a string in quotes, a number, `true`, `false`, a list or a table",
                );
            }
        }
        match around {
            Around::Line => self.is_lost = true,
            Around::List | Around::Table => self.skip_element(),
        }
    }

    fn report_unclosed(&mut self, open: TextRange, what: &str, closing: &str, token: Token) {
        let seen = match token.kind {
            TokenKind::Eof => "the end of the document".to_owned(),
            TokenKind::LeftSquareBracket => excerpt(self.rest_of_line().trim_end()),
            _ => excerpt(self.tokens.text()),
        };
        self.findings.push(
            Diagnostic::new(&codes::TOML_UNCLOSED_BRACKET, open, format!("the {what} that begins here is not closed"))
                .related(token.range, format!("{seen} comes first"))
                .help(format!("write `{closing}` behind its last value")),
        );
        // A bracket of the other kind closes what is around; anything else ends the statement.
        if !matches!(token.kind, TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket) {
            self.is_lost = true;
        }
    }

    fn report_unclosed_string(&mut self, raw: Raw<'a>) {
        let quote = raw.quotes.as_str();
        let fix =
            (!raw.quotes.has_lines()).then(|| Fix::replace("close the string", TextRange::at(raw.range.end()), quote));
        let range =
            if raw.quotes.has_lines() { TextRange::new(raw.range.start(), raw.range.start() + 3) } else { raw.range };
        self.findings.push(
            Diagnostic::new(&codes::TOML_UNCLOSED_STRING, range, format!("the string has no closing {quote}"))
                .help(format!("write {quote} behind its last character"))
                .fix_if(fix),
        );
    }
}

/// Plants unless it would be too deep: `above` levels lie over `table`.
fn plant<'a>(mut planter: Planter<'_, 'a>, table: &mut Table<'a>, parts: Vec<Part<'a>>, value: Node<'a>, above: usize) {
    if above + parts.len() > NESTING_MAX + 1 {
        planter.findings.push(too_deep(covered(&parts)));
    } else {
        planter.plant(table, parts, value);
    }
}

/// The range of a whole key.
fn covered(parts: &[Part<'_>]) -> TextRange {
    match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => first.range.cover(last.range),
        _ => TextRange::default(),
    }
}

/// The quote of a string token on one line.
fn raw_quote(token: Token) -> &'static str {
    Quotes::of(token.kind).map_or("\"", Quotes::as_str)
}

fn begins_key(kind: TokenKind) -> bool {
    Quotes::of(kind).is_some() || matches!(kind, TokenKind::Atom | TokenKind::Dot | TokenKind::Equals)
}

/// A fix that gives other quotes to those within `raw`, or a backslash where both kinds are used.
fn requote(raw: Raw<'_>) -> Option<Fix> {
    let content = match raw.quotes {
        Quotes::Basic if !raw.content.contains('\'') => raw.content.replace('"', "'"),
        Quotes::Basic if !raw.content.contains('\\') => raw.content.replace('"', "\\\""),
        Quotes::Literal if !raw.content.contains(['"', '\\']) => raw.content.replace('\'', "\""),
        _ => return None,
    };
    let range = TextRange::new(raw.start, raw.range.end() - 1);
    Some(Fix::replace("write other quotes within", range, content))
}

#[cfg(test)]
mod tests;
