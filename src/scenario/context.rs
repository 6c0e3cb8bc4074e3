//! What every reader of this floor carries along, and the findings that they share.
//!
//! Kinds are strict here, unlike in a server's configuration: `"2"` is no number. A scenario is also written by
//! programs, and a number in quotes is more often a mistake than a wish.

use base::{Diagnostic, Edit, Findings, Fix, TextRange};
use document::{Entry, Format, Kind, Node, Source, Table, format, json, toml};
use policy::spelling::nearest;

use crate::{codes, files::Files, limits};

/// What a reader carries along.
pub(crate) struct Context<'c> {
    pub(crate) files: &'c dyn Files,
    pub(crate) findings: &'c mut Findings,
    /// How many names were compared to find those that were meant.
    comparisons: usize,
}

impl<'c> Context<'c> {
    pub(crate) fn new(files: &'c dyn Files, findings: &'c mut Findings) -> Self {
        Self { files, findings, comparisons: 0 }
    }

    /// The name among the `count` names `known` that `name` was probably meant to be.
    pub(crate) fn nearest<'n>(
        &mut self,
        name: &str,
        count: usize,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        self.comparisons = self.comparisons.saturating_add(count);
        if self.comparisons > limits::COMPARISONS_MAX { None } else { nearest(name, known) }
    }

    pub(crate) fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Reports each key of `table` that is not among `known`; `place` says what the table is: "a message". Gives the
    /// keys that were probably meant.
    pub(crate) fn unknown_keys<'k>(&mut self, table: &Table<'_>, place: &str, known: &[&'k str]) -> Vec<&'k str> {
        self.unknown_keys_but(table, place, known, |_| false)
    }

    /// The same, but for keys that are remarks.
    pub(crate) fn unknown_keys_but<'k>(
        &mut self,
        table: &Table<'_>,
        place: &str,
        known: &[&'k str],
        is_remark: impl Fn(&str) -> bool,
    ) -> Vec<&'k str> {
        let mut meant = Vec::new();
        for entry in table.entries() {
            if !known.contains(&entry.key()) && !is_remark(entry.key()) {
                let near = self.meant_key(entry.key(), known);
                self.report(unknown_key(table, entry, place, known, near));
                meant.extend(near);
            }
        }
        meant
    }

    /// The key among `known` that `key` was probably meant to be: one that is spelled alike, or that has this name
    /// elsewhere.
    fn meant_key<'k>(&mut self, key: &str, known: &[&'k str]) -> Option<&'k str> {
        let key = key.to_lowercase().replace('-', "_");
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == key).map(|(_, meant)| *meant);
        let known_one = |name: &str| known.iter().copied().find(|known| *known == name);
        elsewhere
            .and_then(known_one)
            .or_else(|| known_one(&key))
            .or_else(|| self.nearest(&key, known.len(), known.iter().copied()))
    }

    /// The keys of `node`, which is called `name`.
    pub(crate) fn table<'t, 'a>(&mut self, node: &'t Node<'a>, name: &str, example: &str) -> Option<&'t Table<'a>> {
        let table = node.as_table();
        if table.is_none() {
            self.wrong_kind(node, name, "a table", example);
        }
        table
    }

    /// The elements of `node`, which is called `name`: no more than [`limits::ENTRIES_MAX`].
    pub(crate) fn list<'t, 'a>(&mut self, node: &'t Node<'a>, name: &str, example: &str) -> Option<&'t [Node<'a>]> {
        let Some(list) = node.as_list() else {
            let fix = node.as_text().map(|_| make_list(node));
            self.report(wrong_kind(node, name, "a list", example).fix_if(fix));
            return None;
        };
        Some(self.bounded(list, node.range, name, limits::ENTRIES_MAX))
    }

    /// The text of `node`, an element of the list that is called `name`; `example` is another one.
    pub(crate) fn element<'t>(&mut self, node: &'t Node<'_>, name: &str, example: &str) -> Option<&'t str> {
        let text = node.as_text();
        if text.is_none() {
            self.report(wrong_element(node, name, example));
        }
        text
    }

    /// The text of `node`, which is called `name`.
    pub(crate) fn text<'t>(&mut self, node: &'t Node<'_>, name: &str, example: &str) -> Option<&'t str> {
        let text = node.as_text();
        if text.is_none() {
            self.wrong_kind(node, name, "a string", example);
        }
        text
    }

    /// As many of `items` as may be, with a finding at `range` where that is not all.
    pub(crate) fn bounded<'t, T>(&mut self, items: &'t [T], range: TextRange, name: &str, most: usize) -> &'t [T] {
        let Some(kept) = items.get(..most).filter(|kept| kept.len() < items.len()) else {
            return items;
        };
        let message = format!("`{name}` has {} entries; at most {most} are read", items.len());
        let help = match name {
            "message" => "write them as newline-delimited JSON, one message a line",
            _ => "split it",
        };
        self.report(Diagnostic::new(&codes::OVER_LIMIT, range, message).help(help));
        kept
    }

    /// `node`, called `name`, is not `wanted`; `example` is what would be right.
    pub(crate) fn wrong_kind(&mut self, node: &Node<'_>, name: &str, wanted: &str, example: &str) {
        self.report(wrong_kind(node, name, wanted, example));
    }

    /// The content of the file that `node` names; `code` is the kind of finding where there is none.
    pub(crate) fn file(&mut self, node: &Node<'_>, path: &str, code: &'static base::Code) -> Option<Vec<u8>> {
        let why = match self.files.read(path) {
            Ok(bytes) if bytes.len() <= limits::FILE_BYTES_MAX => return Some(bytes),
            Ok(bytes) => format!("it has {} bytes; at most {} are read", bytes.len(), limits::FILE_BYTES_MAX),
            Err(why) => why,
        };
        let message = format!("the file `{}` cannot be read: {why}", shown(path));
        self.report(
            Diagnostic::new(code, node.range, message).help("a relative path begins at the folder of this document"),
        );
        None
    }

    /// Reports at `node`, which names the file of `source`, the first error of that file, if it has one.
    pub(crate) fn elsewhere(
        &mut self,
        node: &Node<'_>,
        source: &Source,
        findings: &Findings,
        code: &'static base::Code,
    ) {
        let mut errors = findings.iter().filter(|finding| finding.severity == base::Severity::Error);
        let Some(first) = errors.next() else { return };
        let line = source.position(first.range.start()).line;
        let more = match findings.errors() - 1 {
            0 => String::new(),
            1 => " (and 1 more error)".to_owned(),
            more => format!(" (and {more} more errors)"),
        };
        let message = format!("`{}` line {line}: {}{more}", shown(source.name()), first.message);
        self.report(Diagnostic::new(code, node.range, message).help_if(first.help.clone()));
    }
}

pub(crate) fn wrong_kind(node: &Node<'_>, name: &str, wanted: &str, example: &str) -> Diagnostic {
    let message = format!("`{name}` is {}, not {wanted}", node.kind_name());
    Diagnostic::new(&codes::WRONG_KIND, node.range, message).help(format!("such as {example}"))
}

pub(crate) fn wrong_element(node: &Node<'_>, name: &str, example: &str) -> Diagnostic {
    let message = format!("an element of `{name}` is {}, not a string", node.kind_name());
    Diagnostic::new(&codes::WRONG_KIND, node.range, message).help(format!("such as {example}"))
}

/// Puts brackets around `node`.
pub(crate) fn make_list(node: &Node<'_>) -> Fix {
    let insert = |at, text: &str| Edit { range: TextRange::at(at), text: text.to_owned() };
    let edits = vec![insert(node.range.start(), "["), insert(node.range.end(), "]")];
    Fix { safe: false, title: "write brackets around it".to_owned(), edits }
}

fn unknown_key(table: &Table<'_>, entry: &Entry<'_>, place: &str, known: &[&str], near: Option<&str>) -> Diagnostic {
    let key = entry.key();
    let help = match near {
        Some(near) if table.get(near).is_some() => format!("{place} has `{near}`, which is there as well"),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{place} has {}", listed(known, "and")),
    };
    let is_bare = entry.key_range.len() as usize == key.len();
    let fix = near.filter(|near| table.get(near).is_none()).map(|near| {
        let text = if is_bare { near.to_owned() } else { format!("\"{near}\"") };
        Fix::replace("rename the key", entry.key_range, text)
    });
    let message = format!("{place} has no key `{}`", shown(key));
    Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_range, message).help(help).fix_if(fix)
}

/// Names of other programs, and what they are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("env_from", "sender"),
    ("env_rcpt", "recipients"),
    ("expectation", "expect"),
    ("file", "eml"),
    ("from", "sender"),
    ("mail_from", "sender"),
    ("messages", "message"),
    ("rcpt", "recipients"),
    ("rcpt_to", "recipients"),
    ("rcpts", "recipients"),
    ("recipient", "rcpt"),
    ("return_path", "sender"),
    ("to", "recipients"),
];

/// `words` in backticks, with commas and at last `and` or `or` between.
pub(crate) fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((end, [one])) => format!("{one} {last} {end}"),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// The user's own text for a message: cut where it is long, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let kept = text.get(..text.floor_char_boundary(limits::QUOTED_BYTES_MAX)).unwrap_or(text);
    let mut short: String =
        kept.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect();
    if kept.len() < text.len() {
        short.push('…');
    }
    short
}

/// The whole number that a document's number is: TOML's other bases and `_` between digits are taken.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, text.get(1..)?),
        [b'+', ..] => (1, text.get(1..)?),
        _ => (1, text),
    };
    let digits = digits.replace('_', "");
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let (base, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ => (10, digits.as_str()),
    };
    i128::from_str_radix(digits, base).ok()?.checked_mul(sign)
}

/// The tree of a document of this format, TOML or JSON by its content, without the findings that are only about how
/// a mail server would read it.
pub(crate) fn tree(source: &Source) -> (Node<'_>, Findings) {
    use document::codes as of_documents;

    let (node, mut findings) = match format::detect(source.name(), source.text()) {
        Format::Toml => toml::parse(source),
        Format::Json => json::parse(source),
        Format::Ndjson => several_values(source),
    };
    findings.retain(|finding| {
        ![&of_documents::TOML_INTERLEAVED_LIST, &of_documents::TOML_STRING_PORTABILITY, &of_documents::TOML_TABLE_CASE]
            .contains(&finding.code)
    });
    (node, findings)
}

/// What stands in for the tree of newline-delimited JSON: its only line, or nothing, reported.
fn several_values(source: &Source) -> (Node<'_>, Findings) {
    let mut lines = document::ndjson::lines(source);
    match (lines.next(), lines.next()) {
        (Some(only), None) => (only.node, only.findings),
        (_, second) => {
            let range = second.map_or(TextRange::at(0), |line| line.range);
            let message = "this is newline-delimited JSON, one value a line, where one object belongs";
            let mut findings = Findings::new();
            findings.push(
                Diagnostic::new(&codes::NOT_A_SCENARIO, range, message)
                    .label("a second value")
                    .help("give a file of many messages in place of the scenario, not as one"),
            );
            let range = TextRange::of(0..source.text().len());
            let kind = Kind::Null;
            (Node { range, kind }, findings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_formats_are_read() {
        let cases = [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("1_000", Some(1_000)),
            ("0x1F", Some(31)),
            ("0b11", Some(3)),
            ("2.0", None),
            ("1e3", None),
            ("--1", None),
            ("-", None),
            ("", None),
            ("99999999999999999999999999999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(integer(text), expected, "{text}");
        }
    }

    #[test]
    fn long_and_strange_text_is_cut_in_messages() {
        assert_eq!(shown("short"), "short");
        assert_eq!(shown(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
        assert_eq!(shown("a\u{1b}b"), "a\u{fffd}b");
    }
}
