//! Newline-delimited JSON: one value a line, as plans of the 2026 dialect, logs and recorded scenarios have it.
//!
//! Lines are read one at a time, so that a log of a hundred thousand lines costs no more memory than its longest
//! line. A bad line has its own findings and hides no other. Ranges are offsets into the whole document.

use base::{Findings, TextRange};

use crate::json;
use crate::{Node, Source};

/// One line that is not blank.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number in the document, from 1.
    pub number: u32,
    /// Where it stands, without its end.
    pub range: TextRange,
    /// Its value; `null` where there was none to be understood.
    pub node: Node<'a>,
    /// What is wrong with it.
    pub findings: Findings,
}

/// The lines of a document; see [`lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u32,
}

/// Reads the lines of `source` one by one; blank ones are counted and left out.
#[must_use]
pub fn lines(source: &Source) -> Lines<'_> {
    Lines { text: source.text(), at: 0, number: 0 }
}

/// Reads all of `source`: the values with their line numbers, and all findings.
#[must_use]
pub fn parse(source: &Source) -> (Vec<(u32, Node<'_>)>, Findings) {
    let mut findings = Findings::new();
    let mut nodes = Vec::new();
    for line in lines(source) {
        findings.extend(line.findings);
        nodes.push((line.number, line.node));
    }
    (nodes, findings)
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let length = rest.find('\n').unwrap_or(rest.len());
            let start = self.at;
            self.at = (start + length + 1).min(self.text.len());
            self.number += 1;
            let line = rest.get(..length).unwrap_or(rest).trim_end();
            if line.trim_start().is_empty() {
                continue;
            }
            let end = start + line.len();
            let (node, findings) = json::parse_within(self.text.get(..end).unwrap_or_default(), start);
            return Some(Line { number: self.number, range: TextRange::of(start..end), node, findings });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dump, rules};

    #[test]
    fn each_line_is_a_value_and_a_bad_one_hides_no_other() {
        let text = "{\"a\": 1}\r\n\n   \n{\"a\": }\n[2\n\"x\" 3\n{\"é\": \"\\u00e9\"}";
        let source = Source::new("plan.ndjson", text);
        let seen: Vec<_> = lines(&source).map(|line| (line.number, dump(&line.node), rules(&line.findings))).collect();
        let expected: Vec<(u32, String, Vec<&str>)> = vec![
            (1, "{a: 1}".to_owned(), vec![]),
            (4, "{}".to_owned(), vec!["json-syntax"]),
            (5, "[2]".to_owned(), vec!["json-unclosed-bracket"]),
            (6, "\"x\"".to_owned(), vec!["json-trailing-text"]),
            (7, "{é: \"é\"}".to_owned(), vec![]),
        ];
        assert_eq!(seen, expected);
        let (nodes, findings) = parse(&source);
        assert_eq!((nodes.len(), findings.len()), (5, 3));
    }

    #[test]
    fn ranges_are_those_of_the_document() {
        let source = Source::new("", "{\"a\": 1}\n{\"b\": \"x\\ty\"}\n");
        let second = lines(&source).nth(1).unwrap();
        assert_eq!(source.slice(second.range), "{\"b\": \"x\\ty\"}");
        let value = second.node.get("b").unwrap();
        assert_eq!(source.slice(value.range), "\"x\\ty\"");
        let mapped = value.mapped().unwrap();
        assert_eq!(source.slice(mapped.map(TextRange::new(1, 2))), "\\t");
    }
}
