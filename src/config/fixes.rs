//! Fixes that fit the string they stand in.
//!
//! A fix of an expression is made where only the expression is known, and quotes a name as `'relay'`. The expression
//! stands in a string of the document, which may be one in single quotes itself, where that would end the string.
//!
//! Invariant: a fix that is kept does not change where the document's strings end.

use base::{Edit, Findings, TextRange};
use document::{Kind, Node, Source};

/// The strings of a document that stand in single quotes, from its first to its last.
#[derive(Debug, Default)]
pub(crate) struct SingleQuoted(Vec<TextRange>);

impl SingleQuoted {
    /// Those of the document `source`, which is `tree`.
    pub(crate) fn of(source: &Source, tree: &Node<'_>) -> Self {
        let mut found = Vec::new();
        collect(source, tree, &mut found);
        found.sort_by_key(|range: &TextRange| range.start());
        Self(found)
    }

    fn holds(&self, range: TextRange) -> bool {
        let behind = self.0.partition_point(|string| string.start() <= range.start());
        let string = behind.checked_sub(1).and_then(|index| self.0.get(index));
        string.is_some_and(|string| range.end() <= string.end())
    }
}

fn collect(source: &Source, node: &Node<'_>, found: &mut Vec<TextRange>) {
    match &node.kind {
        Kind::Table(table) => table.entries().iter().for_each(|entry| collect(source, &entry.value, found)),
        Kind::List(_) => node.as_list().unwrap_or_default().iter().for_each(|item| collect(source, item, found)),
        Kind::Text(_) if node.range.slice(source.text()).starts_with('\'') => found.push(node.range),
        _ => {}
    }
}

/// Changes the quotes of every fix to such as may stand at its place; removes a fix for which there are none, and one
/// that would replace more than the name that it is about.
pub(crate) fn fit(source: &Source, single_quoted: &SingleQuoted, findings: &mut Findings) {
    findings.change(|finding| {
        let Some(fix) = &mut finding.fix else { return };
        let mut fits = true;
        for edit in fix.edits.iter_mut().filter(|edit| edit.text.contains('\'')) {
            let inside = single_quoted.holds(edit.range);
            let Some(text) = fitting(edit, edit.range.slice(source.text()), inside) else {
                fits = false;
                break;
            };
            if text == edit.text {
                continue;
            }
            if let Some(help) = &mut finding.help {
                *help = help.replace(&edit.text, &text);
            }
            edit.text = text;
        }
        if !fits {
            finding.fix = None;
        }
    });
}

/// The edit's text with quotes that may stand where it replaces `old`, in a string in single quotes or in another.
fn fitting(edit: &Edit, old: &str, inside: bool) -> Option<String> {
    let is_name = edit.text.len() > 1 && edit.text.starts_with('\'') && edit.text.ends_with('\'');
    if is_name && old.contains(['\'', '"']) {
        let quote = old.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let name = old.strip_prefix(quote)?.strip_suffix(quote)?;
        return (!name.contains(['\'', '"', '\\'])).then(|| edit.text.replace('\'', &quote.to_string()));
    }
    match (inside, edit.text.contains('"')) {
        (false, _) => Some(edit.text.clone()),
        (true, false) => Some(edit.text.replace('\'', "\"")),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_fit_their_place() {
        let cases = [
            // (what is written, what is replaced, whether that is in a string in single quotes, what replaces it)
            ("'mx'", "mx", false, Some("'mx'")),
            ("'mx'", "mx", true, Some("\"mx\"")),
            ("'mx'", "'xm'", false, Some("'mx'")),
            ("'mx'", "\"xm\"", true, Some("\"mx\"")),
            ("'mx'", "if_then(size > 1, 'xm', 'local')", false, None),
            ("'mx'", "\\\"xm\\\"", false, None),
            ("'*', ", "", true, Some("\"*\", ")),
            ("'*', \"x\"", "", true, None),
        ];
        for (text, old, inside, expected) in cases {
            let edit = Edit { range: TextRange::default(), text: text.to_owned() };
            assert_eq!(fitting(&edit, old, inside).as_deref(), expected, "{text} for {old}");
        }
    }
}
