//! Findings about a text that a person wrote.
//!
//! A text never gives an `Err`: it gives what could be understood and all findings in one run. A finding names a
//! stable [`Code`], a range in the document, what is wrong with the person's own words in backticks, what would
//! be right, and, where it is known, a change that mends it. How it looks on a terminal or in JSON is the
//! business of `document`.

use crate::TextRange;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing; nothing will go wrong.
    Note,
    /// It loads, and behaves otherwise than it reads.
    Warning,
    /// It cannot be loaded, or only by guessing.
    Error,
}

impl Severity {
    /// The word for it in every output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding, with a name that never changes once it is published.
///
/// Each floor lists its own with [`codes!`](crate::codes).
#[derive(Debug)]
pub struct Code {
    /// The short name, such as `P0103`: the floor's letter and a number.
    pub id: &'static str,
    /// The long name, such as `unknown-identifier`.
    pub rule: &'static str,
    /// How much it matters unless a finding says otherwise.
    pub severity: Severity,
    /// The page that explains it.
    pub page: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

/// Lists a floor's [`Code`]s: a constant each, and `ALL` with every one in order.
///
/// ```
/// base::codes! {
///     /// The name is none of the language's.
///     UNKNOWN_NAME = "P0103" "unknown-identifier" Error;
/// }
/// assert_eq!(ALL.len(), 1);
/// assert_eq!(UNKNOWN_NAME.rule, "unknown-identifier");
/// ```
#[macro_export]
macro_rules! codes {
    ($($(#[doc = $page:expr])+ $name:ident = $id:literal $rule:literal $severity:ident;)+) => {
        $(
            $(#[doc = $page])+
            pub static $name: $crate::Code = $crate::Code {
                id: $id,
                rule: $rule,
                severity: $crate::Severity::$severity,
                page: concat!($($page, "\n"),+),
            };
        )+
        /// Every code of this list, in order.
        pub static ALL: &[&$crate::Code] = &[$(&$name),+];
    };
}

/// One replacement in the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub range: TextRange,
    /// What stands there afterwards.
    pub text: String,
}

/// A change that mends what a finding is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fix {
    /// Whether it can be made without a look: the meaning that the writer had is kept for certain.
    pub safe: bool,
    /// What it does, for a person.
    pub title: String,
    /// The replacements, none overlapping another.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A fix that replaces `range` by `text`, to be looked at before it is made.
    #[must_use]
    pub fn replace(title: impl Into<String>, range: TextRange, text: impl Into<String>) -> Self {
        Self { safe: false, title: title.into(), edits: vec![Edit { range, text: text.into() }] }
    }

    /// The same, safe to make without a look.
    #[must_use]
    pub fn safe(self) -> Self {
        Self { safe: true, ..self }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// How much it matters here.
    pub severity: Severity,
    /// Where, in the document.
    pub range: TextRange,
    /// What is wrong: one sentence, lower case, no full stop, the user's text in backticks.
    pub message: String,
    /// What is shown under the underlined text, if more than the message is needed there.
    pub label: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<(TextRange, String)>,
    /// What would be right.
    pub help: Option<String>,
    /// A change that mends it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding of kind `code` at `range`.
    #[must_use]
    pub fn new(code: &'static Code, range: TextRange, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            range,
            message: message.into(),
            label: None,
            related: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// With another severity than its code's.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// With words under the underlined text.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn related(mut self, range: TextRange, label: impl Into<String>) -> Self {
        self.related.push((range, label.into()));
        self
    }

    /// With what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// With what would be right, where it is known.
    #[must_use]
    pub fn help_if(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }

    /// With a change that mends it.
    #[must_use]
    pub fn fix(self, fix: Fix) -> Self {
        Self { fix: Some(fix), ..self }
    }

    /// With a change that mends it, where one is known.
    #[must_use]
    pub fn fix_if(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }
}

/// The findings of one run, bounded by [`Findings::MAX`].
///
/// Past the bound only the number of further findings is kept, so that no text can make a run's memory grow
/// without limit; errors past it are still counted as errors.
///
/// They also know which parts of the document hold secrets, because a finding is shown with the line that it is about.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Diagnostic>,
    omitted: usize,
    errors: usize,
    hidden: Vec<TextRange>,
}

impl Findings {
    /// How many findings are kept.
    pub const MAX: usize = 1_000;

    /// No findings.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new(), omitted: 0, errors: 0, hidden: Vec::new() }
    }

    /// Adds one.
    pub fn push(&mut self, finding: Diagnostic) {
        self.errors += usize::from(finding.severity == Severity::Error);
        if self.list.len() < Self::MAX {
            self.list.push(finding);
        } else {
            self.omitted += 1;
        }
    }

    /// Whether one of them, kept or not, is an error.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many are errors, kept or not.
    #[must_use]
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// How many came after the bound.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// Keeps the document's bytes in `range` out of every excerpt.
    pub fn hide(&mut self, range: TextRange) {
        self.hidden.push(range);
    }

    /// The parts of the document that no output may show.
    #[must_use]
    pub fn hidden(&self) -> &[TextRange] {
        &self.hidden
    }

    /// Those kept, in the order they came.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Puts them in the order of their place in the document.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|finding| (finding.range.start(), finding.range.end(), finding.code.id));
    }

    /// Takes all of `other` in.
    pub fn extend(&mut self, other: Self) {
        let kept_errors = other.list.iter().filter(|finding| finding.severity == Severity::Error).count();
        self.omitted += other.omitted;
        self.errors += other.errors - kept_errors;
        self.hidden.extend(other.hidden);
        for finding in other.list {
            self.push(finding);
        }
    }

    /// Leaves out those for which `keeps` does not hold; what came after the bound stays counted.
    pub fn retain(&mut self, mut keeps: impl FnMut(&Diagnostic) -> bool) {
        let errors = &mut self.errors;
        self.list.retain(|finding| {
            let is_kept = keeps(finding);
            *errors -= usize::from(!is_kept && finding.severity == Severity::Error);
            is_kept
        });
    }

    /// Changes the words of each one; its severity stays what it is.
    pub fn change(&mut self, mut change: impl FnMut(&mut Diagnostic)) {
        for finding in &mut self.list {
            let severity = finding.severity;
            change(finding);
            finding.severity = severity;
        }
    }

    /// How many findings there are, so that [`Self::errors_since`] can ask about later ones.
    #[must_use]
    pub const fn mark(&self) -> usize {
        self.errors
    }

    /// Whether an error was added since `mark`.
    #[must_use]
    pub const fn errors_since(&self, mark: usize) -> bool {
        self.errors > mark
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(unreachable_pub, dead_code, reason = "the macro serves floors that publish their list")]
    mod codes {
        codes! {
        /// A test's finding.
        TEST = "T0001" "test" Error;
        }
    }

    #[test]
    fn past_the_bound_findings_are_counted_and_errors_remembered() {
        let mut findings = Findings::new();
        for at in 0..Findings::MAX as u32 + 5 {
            let severity = if at as usize == Findings::MAX { Severity::Error } else { Severity::Note };
            findings.push(Diagnostic::new(&codes::TEST, TextRange::at(at), "x").severity(severity));
        }
        assert_eq!((findings.len(), findings.omitted(), findings.errors()), (Findings::MAX, 5, 1));

        let mut all = Findings::new();
        all.extend(findings);
        assert_eq!((all.len(), all.omitted(), all.errors()), (Findings::MAX, 5, 1));
    }

    #[test]
    fn what_is_left_out_is_no_longer_counted() {
        let mut findings = Findings::new();
        for (at, severity) in [Severity::Error, Severity::Note, Severity::Error].into_iter().enumerate() {
            findings.push(Diagnostic::new(&codes::TEST, TextRange::at(at as u32), "x").severity(severity));
        }
        findings.retain(|finding| finding.range.start() > 0);
        assert_eq!((findings.len(), findings.errors()), (2, 1));
    }
}
