//! Secrets of a document, kept out of excerpts.
//!
//! A finding is shown with the line that it is about, and in JSON or in an inline table a secret stands on that very
//! line. So every value of a key that sounds like a secret is hidden, whatever it belongs to and whether it is read at
//! all: a policy file also holds what other parts of a server need.

use base::Findings;
use document::{Kind, Node};

/// Parts of a key's name that make its value a secret.
const NAMES: [&str; 5] = ["secret", "passw", "token", "api-key", "apikey"];

/// Members of a secret that only say where it is kept.
const NAMES_OF_PLACES: [&str; 3] = ["@type", "variableName", "filePath"];

/// Hides every secret within `root`.
pub(crate) fn hide(root: &Node<'_>, findings: &mut Findings) {
    // A document's nesting is bounded, but its tables are not, so what is left to do is kept in a list.
    let mut pending = vec![(root, false)];
    while let Some((node, is_secret)) = pending.pop() {
        if let Some(table) = node.as_table() {
            pending.extend(table.entries().iter().map(|entry| {
                let name = entry.key().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
                let is_place = NAMES_OF_PLACES.contains(&entry.key());
                let is_secret = is_secret || NAMES.iter().any(|part| name.contains(part));
                (&entry.value, is_secret && !is_place)
            }));
        } else if let Some(list) = node.as_list() {
            pending.extend(list.iter().map(|element| (element, is_secret)));
        } else if is_secret && !matches!(node.kind, Kind::Null | Kind::Bool(_)) {
            findings.hide(node.range);
        }
    }
}
