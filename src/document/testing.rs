//! What the tests of this floor share: a tree and findings as one line of text each.

use base::Findings;

use crate::{Kind, Node};

/// `node` in a short notation of its own.
pub(crate) fn dump(node: &Node<'_>) -> String {
    match &node.kind {
        Kind::Table(table) => {
            let entries = table.entries().iter().map(|entry| format!("{}: {}", entry.key(), dump(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Kind::List(list) => {
            let nodes = list.nodes().iter().map(dump);
            format!("[{}]", nodes.collect::<Vec<_>>().join(", "))
        }
        Kind::Text(text) => format!("{:?}", text.as_str()),
        Kind::Null => "null".to_owned(),
        Kind::Other(text) => format!("<{text}>"),
        Kind::Number(_) | Kind::Bool(_) => node.scalar_text().unwrap_or_default().to_owned(),
    }
}

/// The rules of `findings` in their order.
pub(crate) fn rules(findings: &Findings) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code.rule).collect()
}
