//! What a text must hold so that a regular expression can be found in it: its literal beginning, end or part.

use std::sync::Arc;

use regex_syntax::hir::{
    Hir, Look,
    literal::{ExtractKind, Extractor, Seq},
};

/// A part that every match needs, where a text is matched at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Guard {
    /// The text begins with one of these.
    Prefixes(Vec<Arc<str>>),
    /// The text ends with one of these.
    Suffixes(Vec<Arc<str>>),
    /// The text holds one of these.
    Substrings(Vec<Arc<str>>),
}

/// The most texts that a guard is made of; with more of them it would pass too much to be worth its while.
const TEXTS_MAX: usize = 16;

/// The guard of the regular expression `text`; `None` where it has none.
pub(super) fn guard(text: &str) -> Option<Guard> {
    let hir = regex_syntax::parse(text).ok()?;
    let looks = hir.properties();
    let begins = looks.look_set_prefix().contains(Look::Start);
    let ends = looks.look_set_suffix().contains(Look::End);
    let prefixes = texts(&hir, &ExtractKind::Prefix);
    let suffixes = texts(&hir, &ExtractKind::Suffix);
    let shortest = |texts: &Option<Vec<Arc<str>>>| {
        texts.as_ref().and_then(|texts| texts.iter().map(|text| text.len()).min()).unwrap_or(0)
    };
    // The longer the shortest text, the less it passes; where it stands tells more still.
    let prefix_worth = shortest(&prefixes) * if begins { 2 } else { 1 };
    let suffix_worth = shortest(&suffixes) * if ends { 2 } else { 1 };
    if prefix_worth == 0 && suffix_worth == 0 {
        return None;
    }
    if prefix_worth >= suffix_worth {
        prefixes.map(if begins { Guard::Prefixes } else { Guard::Substrings })
    } else {
        suffixes.map(if ends { Guard::Suffixes } else { Guard::Substrings })
    }
}

fn texts(hir: &Hir, kind: &ExtractKind) -> Option<Vec<Arc<str>>> {
    let mut seq: Seq = Extractor::new().kind(kind.clone()).extract(hir);
    match kind {
        ExtractKind::Suffix => seq.optimize_for_suffix_by_preference(),
        _ => seq.optimize_for_prefix_by_preference(),
    }
    let literals = seq.literals()?;
    if literals.is_empty() || literals.len() > TEXTS_MAX {
        return None;
    }
    // A literal may be cut within a character; what is left of it up to there guards as well.
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Arc::from);
    literals.iter().map(|literal| text(literal.as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_guarded_by_what_it_must_hold() {
        let cases = [
            (r"^bounce\+.*@", "Prefixes([\"bounce+\"])"),
            (r"^(a|b)cd\d", "Prefixes([\"acd\", \"bcd\"])"),
            (r"@dest\d+\.example$", "Suffixes([\".example\"])"),
            (r"invoice-[0-9]+", "Substrings([\"invoice-\"])"),
            (r"\d+", "none"),
            (r".*", "none"),
            (r"", "none"),
            (r"(?m)^abc", "Substrings([\"abc\"])"),
            (r"^abc|x", "Substrings([\"abc\", \"x\"])"),
            (r"(?i)^ab", "Prefixes([\"AB\", \"Ab\", \"aB\", \"ab\"])"),
            (r"(^a|b)cd", "Substrings([\"acd\", \"bcd\"])"),
            (r"x*abc$", "Suffixes([\"abc\"])"),
        ];
        for (text, expected) in cases {
            let found = guard(text).map_or_else(|| "none".to_owned(), |guard| format!("{guard:?}"));
            assert_eq!(found, expected, "{text}");
        }
    }
}
