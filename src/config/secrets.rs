//! Secrets of a document, kept out of excerpts.
//!
//! A finding is shown with the line that it is about, and in JSON or in an inline table a secret stands on that very
//! line. So every value of a key that sounds like a secret is hidden, whatever it belongs to and whether it is read at
//! all: a policy file also holds what other parts of a server need.

use base::{Findings, Fix, Secret, TextRange};
use document::{Kind, Node, Source};

/// Parts of a key's name that make its value a secret.
const NAMES: [&str; 8] = ["secret", "secert", "passw", "passphrase", "token", "api-key", "apikey", "credential"];

/// Keys whose whole name makes their value a secret.
const WHOLE_NAMES: [&str; 3] = ["pass", "pwd", "private-key"];

/// Members of a secret that only say where it is kept.
const NAMES_OF_PLACES: [&str; 3] = ["@type", "variableName", "filePath"];

/// Hides every secret within `root`.
pub(crate) fn hide(root: &Node<'_>, findings: &mut Findings) {
    // A document's nesting is bounded, but its tables are not, so what is left to do is kept in a list.
    let mut pending = vec![(root, false)];
    while let Some((node, is_secret)) = pending.pop() {
        if let Some(table) = node.as_table() {
            pending.extend(table.entries().iter().map(|entry| {
                let is_place = NAMES_OF_PLACES.contains(&entry.key());
                let is_secret = is_secret || is_named_secret(entry.key());
                (&entry.value, is_secret && !is_place)
            }));
        } else if let Some(list) = node.as_list() {
            pending.extend(list.iter().map(|element| (element, is_secret)));
        } else if is_secret && !matches!(node.kind, Kind::Null | Kind::Bool(_))
            || node.scalar_text().is_some_and(has_credentials)
        {
            findings.hide(node.range);
        }
    }
}

/// Whether the value of `key` is a secret.
fn is_named_secret(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part)) || WHOLE_NAMES.contains(&&*name)
}

/// Hides the rest of the line behind the second of two equal keys that name a secret: its value is no part of the tree.
pub(crate) fn hide_duplicates(source: &Source, findings: &mut Findings) {
    let duplicates = findings.iter().filter(|finding| finding.code.id == document::codes::DUPLICATE_KEY.id);
    let keys: Vec<TextRange> = duplicates.map(|finding| finding.range).collect();
    for key in keys {
        if is_named_secret(source.slice(key).trim_matches(['"', '\''])) {
            let rest = source.text().get(key.end() as usize..).unwrap_or_default();
            let length = rest.find('\n').unwrap_or(rest.len()) as u32;
            findings.hide(TextRange::new(key.end(), key.end() + length));
        }
    }
}

/// Whether a URL names who asks: `scheme://user:password@host`.
fn has_credentials(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    authority.is_some_and(|authority| authority.split_once('@').is_some_and(|(user, _)| user.contains(':')))
}

/// Takes every hidden text out of the words of the findings that touch it: a message may quote what stands there, and a
/// fix may write it anew.
pub(crate) fn scrub(source: &Source, findings: &mut Findings) {
    let hidden = findings.hidden().to_vec();
    findings.change(|finding| {
        let at = finding.range;
        for range in hidden.iter().filter(|range| touches(**range, at)) {
            let spellings = spellings(source.slice(*range));
            let masked = |text: &mut String| {
                for spelling in &spellings {
                    *text = text.replace(spelling.as_str(), Secret::MASK);
                }
            };
            masked(&mut finding.message);
            finding.help.iter_mut().for_each(masked);
            finding.label.iter_mut().for_each(masked);
            // What a fix would write there is the secret again.
            let writes = |fix: &Fix| fix.edits.iter().any(|edit| touches(*range, edit.range));
            finding.fix = finding.fix.take().filter(|fix| !writes(fix));
        }
    });
}

fn touches(a: TextRange, b: TextRange) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

/// The ways in which findings write a value, the longest first.
fn spellings(text: &str) -> Vec<String> {
    let bare = text.trim_matches(|character: char| "\"'“”‘’".contains(character) || character.is_whitespace());
    let mut spellings = vec![text.to_owned(), bare.to_owned(), bare.replace('"', "'"), bare.replace('\'', "\"")];
    spellings.retain(|spelling| !spelling.is_empty());
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use document::render;

    use super::*;
    use crate::NoResources;

    #[test]
    fn no_finding_shows_a_secret_however_it_is_written() {
        let values = [
            "TopSecret1",
            "\"TopSec\"ret1\"",
            "“TopSecret1”",
            "\"TopSecret1",
            "'TopSecret1",
            "\"redis://:TopSecret1@host\"",
            "[ \"TopSecret1\", ]",
        ];
        let twice = "[queue.route.x]\ntype = \"relay\"\nauth = { secret = \"TopSecret1\", secret = \"TopSecret2\" }\n";
        let source = Source::new("a.toml", twice);
        let findings = crate::load(&source, None, &NoResources).findings;
        let shown = render::text(&source, &findings, render::Colour::Never);
        assert!(shown.contains("D0005") && !shown.contains("TopSec"), "{shown}");
        for key in ["auth.secret", "auth.secert", "auth.pass", "auth.password"] {
            for value in values {
                let text = format!("[queue.route.x]\ntype = \"relay\"\naddress = \"h.test\"\n{key} = {value}\n");
                let source = Source::new("a.toml", &*text);
                let findings = crate::load(&source, None, &NoResources).findings;
                let shown = render::text(&source, &findings, render::Colour::Never)
                    + &render::json(&[(&source, &findings)])
                    + &render::github(&[(&source, &findings)]);
                assert!(!shown.contains("TopSec"), "{text}\n{shown}");
            }
        }
    }
}
