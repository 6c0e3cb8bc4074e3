//! Regular expressions, and how much of a machine they may take.
//!
//! A pattern is read when a policy is checked and compiled when it is first tried, so that checking a policy with
//! thousands of them stays quick. Reading bounds the compiled size beforehand: by an estimate where that is plainly
//! small, else by a compilation that is thrown away.
//!
//! Invariants:
//!
//! - A pattern that [`PatternBudget::check`] accepted compiles within [`limits::REGEX_BYTES_MAX`].
//! - The work of checking all patterns of a document is bounded by [`limits::REGEX_WORK_MAX`].

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast};

use crate::limits;

/// A regular expression that was checked.
pub struct Pattern {
    text: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The expression's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled expression; `None` where it exceeds the limits, which checking excludes.
    #[must_use]
    pub fn compiled(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.text).ok()).as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "/{}/", self.text)
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(limits::REGEX_BYTES_MAX).build()
}

/// Why a text is no usable pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PatternError {
    /// It is no regular expression: where in its text, and why.
    Invalid {
        /// The bytes that are wrong.
        range: std::ops::Range<usize>,
        /// In lower case, without a full stop.
        reason: String,
    },
    /// It is too large: what is, in words.
    TooLarge(&'static str),
}

/// What is left of a document's work for regular expressions, and the patterns already judged.
#[derive(Debug)]
pub struct PatternBudget {
    work: u64,
    known: BTreeMap<Box<str>, Result<(), PatternError>>,
}

impl Default for PatternBudget {
    fn default() -> Self {
        Self { work: limits::REGEX_WORK_MAX, known: BTreeMap::new() }
    }
}

impl PatternBudget {
    /// The pattern `text`, or why it is none.
    pub fn check(&mut self, text: &str) -> Result<Pattern, PatternError> {
        let verdict = if let Some(verdict) = self.known.get(text) {
            verdict.clone()
        } else {
            let verdict = self.judge(text);
            self.known.insert(text.into(), verdict.clone());
            verdict
        };
        verdict.map(|()| Pattern { text: text.into(), compiled: OnceLock::new() })
    }

    fn judge(&mut self, text: &str) -> Result<(), PatternError> {
        if text.len() > limits::REGEX_TEXT_MAX {
            return Err(PatternError::TooLarge("it is longer than 4 KiB"));
        }
        let parsed = ast::parse::ParserBuilder::new().nest_limit(limits::NESTING_MAX as u32).build().parse(text);
        let tree = parsed.map_err(|error| PatternError::Invalid {
            range: error.span().start.offset..error.span().end.offset,
            reason: error.kind().to_string(),
        })?;
        let weight = weight(&tree, text.contains("(?") && text.contains('i'));
        // Reading costs about its weight once; a compilation stops at the size limit.
        self.spend(200 + weight.reading)?;
        if weight.compiled > SURELY_SMALL {
            self.spend(COMPILATION)?;
        } else if weight.needs_translation || text.contains("-u") {
            self.spend(TRANSLATION)?;
        } else {
            return Ok(());
        }
        match compile(text) {
            Ok(_) => Ok(()),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(PatternError::TooLarge("it is larger than 1 MiB when compiled"))
            }
            Err(error) => Err(PatternError::Invalid { range: 0..text.len(), reason: last_line(&error.to_string()) }),
        }
    }

    fn spend(&mut self, work: u64) -> Result<(), PatternError> {
        let Some(left) = self.work.checked_sub(work) else {
            return Err(PatternError::TooLarge("the document's expressions are too much work together"));
        };
        self.work = left;
        Ok(())
    }
}

/// The crate's own reports draw the pattern; their last line is the reason.
fn last_line(report: &str) -> String {
    let line = report.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// Below this estimate, in class ranges, a compiled expression is far below the limit: a range takes at most about
/// 100 bytes.
const SURELY_SMALL: u64 = 4_000;

/// The work of one compilation that runs into the size limit, measured against reading (about 8 ms).
const COMPILATION: u64 = 600_000;

/// The work of compiling a small expression only to know that it is valid (about 0.5 ms).
const TRANSLATION: u64 = 40_000;

#[derive(Clone, Copy, Default)]
struct Weight {
    /// Ranges to read, each class once.
    reading: u64,
    /// Ranges to compile, repetitions counted out.
    compiled: u64,
    /// Whether only translating it shows that it is valid.
    needs_translation: bool,
}

/// Estimates a pattern from its tree. The tree is at most [`limits::NESTING_MAX`] deep.
fn weight(tree: &Ast, folds_case: bool) -> Weight {
    let class = |ranges: u64| {
        // Folding the case of a large class visits its characters one by one.
        let reading = if folds_case { ranges * 200 } else { ranges };
        Weight { reading, compiled: ranges * if folds_case { 2 } else { 1 }, needs_translation: false }
    };
    match tree {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Assertion(_) => {
            Weight { reading: 1, compiled: 1, needs_translation: false }
        }
        Ast::Literal(_) => Weight { reading: 1, compiled: if folds_case { 4 } else { 1 }, needs_translation: false },
        Ast::Dot(_) => class(12),
        Ast::ClassPerl(perl) => class(match perl.kind {
            ast::ClassPerlKind::Digit => 75,
            ast::ClassPerlKind::Space => 12,
            ast::ClassPerlKind::Word => 800,
        }),
        Ast::ClassUnicode(_) => Weight { needs_translation: true, ..class(800) },
        Ast::ClassBracketed(class_tree) => {
            let length = class_tree.span.end.offset - class_tree.span.start.offset;
            let text_like = length as u64 * 4 + 30;
            let unicode = bracket_classes(&class_tree.kind);
            Weight { needs_translation: unicode > 0, ..class(text_like + unicode * 800) }
        }
        Ast::Repetition(repetition) => {
            let inner = weight(&repetition.ast, folds_case);
            let times = match &repetition.op.kind {
                ast::RepetitionKind::Range(ast::RepetitionRange::Bounded(low, high)) => (*low).max(*high),
                ast::RepetitionKind::Range(
                    ast::RepetitionRange::Exactly(times) | ast::RepetitionRange::AtLeast(times),
                ) => times.saturating_add(1),
                ast::RepetitionKind::ZeroOrOne | ast::RepetitionKind::ZeroOrMore | ast::RepetitionKind::OneOrMore => 2,
            };
            Weight { compiled: inner.compiled.saturating_mul(u64::from(times)).saturating_add(2), ..inner }
        }
        Ast::Group(group) => {
            let inner = weight(&group.ast, folds_case);
            Weight { compiled: inner.compiled.saturating_add(2), ..inner }
        }
        Ast::Alternation(alternation) => sum(&alternation.asts, folds_case),
        Ast::Concat(concat) => sum(&concat.asts, folds_case),
    }
}

fn sum(parts: &[Ast], folds_case: bool) -> Weight {
    parts.iter().map(|part| weight(part, folds_case)).fold(Weight::default(), |sum, part| Weight {
        reading: sum.reading.saturating_add(part.reading),
        compiled: sum.compiled.saturating_add(part.compiled),
        needs_translation: sum.needs_translation || part.needs_translation,
    })
}

/// How many classes of thousands of characters a bracket holds.
fn bracket_classes(set: &ast::ClassSet) -> u64 {
    match set {
        ast::ClassSet::Item(item) => bracket_item_classes(item),
        ast::ClassSet::BinaryOp(operation) => bracket_classes(&operation.lhs) + bracket_classes(&operation.rhs),
    }
}

fn bracket_item_classes(item: &ast::ClassSetItem) -> u64 {
    match item {
        ast::ClassSetItem::Perl(_) | ast::ClassSetItem::Unicode(_) => 1,
        ast::ClassSetItem::Bracketed(inner) => bracket_classes(&inner.kind),
        ast::ClassSetItem::Union(union) => union.items.iter().map(bracket_item_classes).sum(),
        ast::ClassSetItem::Empty(_)
        | ast::ClassSetItem::Literal(_)
        | ast::ClassSetItem::Range(_)
        | ast::ClassSetItem::Ascii(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_refused_for_their_size_and_their_syntax() {
        let long = "a".repeat(limits::REGEX_TEXT_MAX + 1);
        let cases = [
            (r"^(.*)@(dest\.example)$", "ok"),
            (r"\p{Lu}+[^@\s]", "ok"),
            ("(", "invalid"),
            ("(?=k)", "invalid"),
            (r"(k)\1", "invalid"),
            (r"\p{Nonsense}", "invalid"),
            ("((a{100}){100}){100}", "too large"),
            (r"\w{500}", "too large"),
            (&long, "too large"),
        ];
        for (text, expected) in cases {
            let found = match PatternBudget::default().check(text) {
                Ok(pattern) if pattern.compiled().is_some() => "ok",
                Ok(_) => "accepted and does not compile",
                Err(PatternError::Invalid { .. }) => "invalid",
                Err(PatternError::TooLarge(_)) => "too large",
            };
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_documents_patterns_are_bounded_together() {
        let mut budget = PatternBudget::default();
        let refused = (0..100_000).find(|number| budget.check(&format!(r"(\w{{400}}){number}")).is_err());
        assert!(refused.is_some_and(|number| number < 1_000), "{refused:?}");
        // The same text is judged once.
        let mut budget = PatternBudget::default();
        assert!((0..100_000).all(|_| budget.check(r"^\w+@(\d+)$").is_ok()));
    }
}
