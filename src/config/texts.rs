//! Every expression of a document, as text: what `dump` shows the tokens and trees of.
//!
//! Settings no longer hold the texts that they were compiled from, so the document is looked through for the keys
//! that hold expressions.

use base::MappedText;
use document::{Format, Kind, Node, Source};

/// Keys whose values are expressions wherever they stand in a policy.
const RULE_KEYS: [&str; 4] = ["if", "then", "else", "match"];

/// The expressions of `source` in the order of the document: every `if`, `then`, `else` and `match` that is a single
/// value, and every selector that is one.
#[must_use]
pub fn expressions(source: &Source) -> Vec<MappedText> {
    let mut texts = Vec::new();
    match document::format::detect(source.name(), source.text()) {
        Format::Toml => collect(&document::toml::parse(source).0, &mut texts),
        Format::Json => collect(&document::json::parse(source).0, &mut texts),
        Format::Ndjson => {
            for line in document::ndjson::lines(source) {
                collect(&line.node, &mut texts);
            }
        }
    }
    texts.sort_by_key(|text| text.document_range().start());
    texts
}

fn collect(root: &Node<'_>, texts: &mut Vec<MappedText>) {
    let mut pending = vec![root];
    if let Some(selectors) = root.get_path("queue.strategy").and_then(Node::as_table) {
        texts.extend(selectors.entries().iter().filter_map(|entry| entry.value.mapped()));
    }
    while let Some(node) = pending.pop() {
        if let Some(items) = node.as_list() {
            pending.extend(items);
        }
        for entry in node.as_table().into_iter().flat_map(document::Table::entries) {
            match entry.value.kind {
                Kind::Table(_) | Kind::List(_) => pending.push(&entry.value),
                _ if RULE_KEYS.contains(&entry.key()) => texts.extend(entry.value.mapped()),
                _ => {}
            }
        }
    }
}
