//! Reading values out of a tree, as every dialect does it: what cannot be read is reported and left out.
//!
//! A value in TOML is untyped text: `25` and `"25"`, `false` and `"false"` are the same. Macros such as
//! `%{env:NAME}%` are expanded here, and what came out of one is never shown again.

use std::{mem, ops::RangeInclusive};

use base::{Diagnostic, Findings, Fix, MappedText, Millis, MillisError, Secret, Severity, TextRange};
use document::{Entry, Node, Table};
use policy::{Block, BlockText, Compiler, Outcomes, RuleText, Scope, Wanted, spelling::nearest};

use crate::{
    Dialect, Resources, codes, detect,
    settings::{Broken, Placed, Selector, Sensitive, Setting, TlsReports},
};

/// What a reader carries along.
pub(crate) struct Context<'c> {
    pub(crate) dialect: Dialect,
    pub(crate) compiler: Compiler,
    pub(crate) resources: &'c dyn Resources,
    pub(crate) findings: &'c mut Findings,
}

/// A scalar as text.
pub(crate) struct Scalar {
    pub(crate) text: MappedText,
    pub(crate) range: TextRange,
    /// Whether a part of it came out of a macro, so that it must not be shown.
    pub(crate) expanded: bool,
    /// Whether it still holds a macro, because none are expanded in this run.
    pub(crate) open: bool,
}

impl Scalar {
    /// The text for a message.
    pub(crate) fn shown(&self) -> String {
        const LENGTH_MAX: usize = 60;
        if self.expanded {
            return Secret::MASK.to_owned();
        }
        let text = self.text.text();
        let mut short: String = text.chars().take(LENGTH_MAX).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    }

    /// The text as a setting keeps it.
    pub(crate) fn sensitive(&self) -> Sensitive {
        match self.text.text() {
            text if self.expanded => Sensitive::Expanded(Secret::new(text)),
            text => Sensitive::from(text),
        }
    }
}

impl Context<'_> {
    /// Reports what stands in the document; what its server ships is nobody's mistake.
    pub(crate) fn report(&mut self, finding: Diagnostic) {
        if !(finding.range.is_empty() && self.dialect.ships()) {
            self.findings.push(finding);
        }
    }

    /// A scalar's text, with its macros expanded where this run does so.
    pub(crate) fn scalar(&mut self, node: &Node<'_>, setting: &str) -> Option<Scalar> {
        let Some(text) = node.mapped() else {
            let message = format!("`{setting}` is {}, not a single value", node.kind_name());
            let help = format!("write `{setting} = \"…\"`");
            self.report(Diagnostic::new(&codes::WRONG_KIND, node.range, message).help(help));
            return None;
        };
        if !has_macro(text.text()) {
            return Some(Scalar { text, range: node.range, expanded: false, open: false });
        }
        if !self.resources.resolves() {
            return Some(Scalar { text, range: node.range, expanded: false, open: true });
        }
        let text = self.expand(&text, node.range)?;
        Some(Scalar { text, range: node.range, expanded: true, open: false })
    }

    /// Replaces every `%{env:NAME}%` and `%{file:/path}%`.
    fn expand(&mut self, text: &MappedText, range: TextRange) -> Option<MappedText> {
        let mut expanded = String::new();
        let mut rest = text.text();
        while let Some((before, after)) = rest.split_once("%{") {
            expanded.push_str(before);
            let Some((inner, behind)) = after.split_once("}%") else {
                expanded.push_str("%{");
                rest = after;
                continue;
            };
            let answer = match inner.split_once(':') {
                Some(("env", name)) => self.resources.variable(name),
                Some(("file", path)) => self.resources.file(path),
                _ => Err("a macro is `%{env:NAME}%` or `%{file:/path}%`".to_owned()),
            };
            match answer {
                Ok(secret) => expanded.push_str(secret.reveal()),
                Err(why) => {
                    let message = format!("the macro `%{{{inner}}}%` cannot be resolved");
                    self.report(Diagnostic::new(&codes::MACRO_UNRESOLVED, range, message).help(why));
                    return None;
                }
            }
            rest = behind;
        }
        expanded.push_str(rest);
        Some(MappedText::synthetic(&expanded, range))
    }

    /// A text setting, which is shown only where it is written in the document.
    pub(crate) fn text(&mut self, node: &Node<'_>, setting: &str) -> Setting<Sensitive> {
        match self.scalar(node, setting) {
            Some(scalar) => Setting::Given(Placed::new(scalar.sensitive(), scalar.range)),
            None => Setting::Default,
        }
    }

    /// `text`, which was worked out from `node`, as a setting keeps it.
    pub(crate) fn made_of(&self, node: &Node<'_>, text: String) -> Sensitive {
        if self.expands(node) { Sensitive::Expanded(Secret::new(text)) } else { Sensitive::from(text) }
    }

    /// Whether a text within `node` has macros that this run expands.
    pub(crate) fn expands(&self, node: &Node<'_>) -> bool {
        self.resources.resolves() && holds_macro(node)
    }

    /// A text that is never shown.
    pub(crate) fn secret(&mut self, node: &Node<'_>, setting: &str) -> Setting<Secret> {
        match self.scalar(node, setting) {
            Some(scalar) => Setting::Given(Placed::new(Secret::new(scalar.text.text()), scalar.range)),
            None => Setting::Default,
        }
    }

    pub(crate) fn invalid(&mut self, scalar: &Scalar, setting: &str, help: String) {
        let message = format!("`{}` is no value of `{setting}`", scalar.shown());
        self.report(Diagnostic::new(&codes::INVALID_VALUE, scalar.range, message).help(help));
    }

    /// One of some words, in any letter case.
    pub(crate) fn one_of<T: Copy>(&mut self, node: &Node<'_>, setting: &str, words: &[(&str, T)]) -> Setting<T> {
        let Some(scalar) = self.scalar(node, setting) else {
            return Setting::Default;
        };
        if scalar.open {
            return Setting::Default;
        }
        let found = scalar.text.text().trim();
        if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(found)) {
            return Setting::Given(Placed::new(*value, scalar.range));
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let near = nearest(found, names.iter().copied()).filter(|_| !scalar.expanded);
        let known = format!("it is one of `{}`", names.join("`, `"));
        let message = format!("`{}` is no value of `{setting}`", scalar.shown());
        let finding = Diagnostic::new(&codes::INVALID_VALUE, scalar.range, message);
        self.findings.push(match near {
            Some(near) => finding.help(format!("did you mean `{near}`? {known}")).fix(Fix::replace(
                format!("write `{near}`"),
                scalar.text.document_range(),
                near,
            )),
            None => finding.help(known),
        });
        Setting::Default
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, node: &Node<'_>, setting: &str) -> Setting<bool> {
        self.one_of(node, setting, &[("true", true), ("false", false)])
    }

    /// A whole number within `range`.
    pub(crate) fn integer<T>(&mut self, node: &Node<'_>, setting: &str, range: RangeInclusive<T>) -> Setting<T>
    where
        T: Copy + PartialOrd + std::str::FromStr + std::fmt::Display,
    {
        let Some(scalar) = self.scalar(node, setting) else {
            return Setting::Default;
        };
        if scalar.open {
            return Setting::Default;
        }
        match scalar.text.text().trim().parse::<T>() {
            Ok(value) if range.contains(&value) => Setting::Given(Placed::new(value, scalar.range)),
            _ => {
                self.invalid(&scalar, setting, whole_number(&range));
                Setting::Default
            }
        }
    }

    /// A length of time as text: `5m`, or milliseconds; blanks are no harm, zero is refused.
    pub(crate) fn duration(&mut self, node: &Node<'_>, setting: &str) -> Setting<Millis> {
        let Some(scalar) = self.scalar(node, setting) else {
            return Setting::Default;
        };
        if scalar.open {
            return Setting::Default;
        }
        self.millis(&scalar, setting).map_or(Setting::Default, |value| Setting::Given(Placed::new(value, scalar.range)))
    }

    /// The length of time that `scalar` says.
    pub(crate) fn millis(&mut self, scalar: &Scalar, setting: &str) -> Option<Millis> {
        let text: String = scalar.text.text().chars().filter(|character| !character.is_whitespace()).collect();
        let help = match Millis::parse(&text) {
            Ok(Millis(0)) => "a length of time of zero is refused; the smallest is `1ms`".to_owned(),
            Ok(value) => {
                if !scalar.expanded {
                    self.without_unit(&text, scalar.range, setting);
                }
                return Some(value);
            }
            Err(MillisError::Compound) => "a duration has one unit: write `90m` for one and a half hours".to_owned(),
            Err(error) => format!("{error}: write a whole number and one of d, h, m, s, ms, such as `5m`"),
        };
        self.invalid(scalar, setting, help);
        None
    }

    /// Warns of a length of time that is a number alone.
    pub(crate) fn without_unit(&mut self, text: &str, range: TextRange, setting: &str) {
        let digits = text.trim_start_matches('0');
        // A zero is refused as what it is.
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let setting = if setting.contains('`') { setting.to_owned() } else { format!("`{setting}`") };
            let message = format!("{setting} has no unit, and is {digits}ms");
            self.report(
                Diagnostic::new(&codes::NO_UNIT, range, message)
                    .help(format!("write `{digits}ms` if that is meant; the units are d, h, m, s and ms")),
            );
        }
    }

    /// Lengths of time: a list, or a single one.
    pub(crate) fn durations(&mut self, node: &Node<'_>, setting: &str) -> Setting<Vec<Millis>> {
        let nodes = match node.items() {
            Some(items) => items.nodes,
            None => vec![node],
        };
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match self.duration(node, setting) {
                Setting::Given(placed) => values.push(placed.value),
                Setting::Default | Setting::Chosen(_) => {}
            }
        }
        Setting::Given(Placed::new(values, node.range))
    }

    /// Reports every key of `table` that is none of `known`.
    pub(crate) fn known_keys(&mut self, table: &Table<'_>, known: &[&str], section: &str) {
        for entry in table.entries() {
            if !known.contains(&entry.key()) {
                self.unknown_key(entry, known, section);
            }
        }
    }

    /// Reports one key that is none of `known`: an error where it is a misspelled one of them, or where rules stand below
    /// it, because what it says then has no effect on any server.
    pub(crate) fn unknown_key(&mut self, entry: &Entry<'_>, known: &[&str], section: &str) {
        let (key, range) = (entry.key(), entry.key_range);
        let near = nearest(key, known.iter().copied());
        let mut finding = Diagnostic::new(&codes::UNKNOWN_KEY, range, format!("`{section}` has no key `{key}`"));
        if detect::holds_rules(&entry.value) {
            finding = finding.severity(Severity::Error).label("no server reads the rules that stand here");
        }
        self.findings.push(match near {
            Some(near) => finding.severity(Severity::Error).help(format!("did you mean `{near}`?")).fix(Fix::replace(
                format!("rename to `{near}`"),
                range,
                near,
            )),
            None => finding.help(format!("its keys are `{}`", known.join("`, `"))),
        });
    }

    /// A selector: an expression, or a chain of rules, that gives the name of a strategy.
    pub(crate) fn selector(&mut self, node: &Node<'_>, setting: &str, scope: Scope) -> Selector {
        match self.block(node, setting, scope, Wanted::Name) {
            Ok(block) => Selector::Given(Box::new(block)),
            Err(names) => {
                let as_read = self.unnamed(node, setting, scope);
                Selector::Broken(Broken { range: node.range, names, as_read })
            }
        }
    }

    /// The same, whatever it gives; what is wrong with it was reported.
    fn unnamed(&mut self, node: &Node<'_>, setting: &str, scope: Scope) -> Option<Box<Block>> {
        let kept = mem::take(self.findings);
        let block = self.block(node, setting, scope, Wanted::Value);
        *self.findings = kept;
        block.ok().map(Box::new)
    }

    /// An expression, or a chain of rules: `[ { if = "…", then = "…" }, { else = "…" } ]`. Where a part of it has an
    /// error, the names that the others can give.
    pub(crate) fn block(
        &mut self,
        node: &Node<'_>,
        setting: &str,
        scope: Scope,
        wanted: Wanted,
    ) -> Result<Block, Outcomes> {
        let before = self.findings.mark();
        let text = self.block_text(node, setting).ok_or_else(Outcomes::default)?;
        let block = self.compile(node, &text, scope, wanted)?;
        // The texts may have had errors of their own, such as a rule behind `else`.
        if self.findings.errors_since(before) { Err(block.names()) } else { Ok(block) }
    }

    /// Compiles `text`, which was read from `node`.
    pub(crate) fn compile(
        &mut self,
        node: &Node<'_>,
        text: &BlockText,
        scope: Scope,
        wanted: Wanted,
    ) -> Result<Block, Outcomes> {
        if holds_macro(node) {
            let block = self.block_of_macros(text, node.range, scope, wanted).ok_or_else(Outcomes::default)?;
            Ok(block.hidden_where(self.expands(node)))
        } else {
            self.compiler.block_or_names(text, scope, wanted, self.findings)
        }
    }

    /// A block with macros: what came out of one is not shown by a finding, and what a macro stands for is not
    /// checked where none are expanded.
    fn block_of_macros(&mut self, text: &BlockText, range: TextRange, scope: Scope, wanted: Wanted) -> Option<Block> {
        let mut found = Findings::new();
        let block = self.compiler.block(text, scope, wanted, &mut found);
        if !self.resources.resolves() {
            if found.has_errors() {
                self.report(
                    Diagnostic::new(&codes::MACRO_UNRESOLVED, range, "the expression is not checked: it holds a macro")
                        .severity(Severity::Note)
                        .help("macros are expanded where that is asked for"),
                );
            } else {
                self.findings.extend(found);
            }
            return block;
        }
        for finding in &found {
            let message = format!("`{}`, once its macros are expanded", Secret::MASK);
            self.findings.push(
                Diagnostic::new(finding.code, finding.range, message)
                    .severity(finding.severity)
                    .help(format!("the finding is `{}`; what a macro gives is not shown", finding.code.rule)),
            );
        }
        block
    }

    /// The texts of a chain of rules; `None` where it is no chain.
    pub(crate) fn block_text(&mut self, node: &Node<'_>, setting: &str) -> Option<BlockText> {
        let Some(items) = node.items() else {
            let expression = self.scalar(node, setting)?;
            return Some(BlockText {
                rules: Vec::new(),
                otherwise: Some(expression.text),
                otherwise_range: expression.range,
            });
        };
        let count = items.nodes.len();
        let mut rules = Vec::with_capacity(count);
        let mut otherwise: Option<(Option<MappedText>, TextRange)> = None;
        for item in items.nodes {
            match self.rule(item, setting) {
                Some(RuleKind::Rule(rule)) => {
                    if let Some((_, range)) = &otherwise {
                        self.after_else(item.range, *range);
                    }
                    rules.push(rule);
                }
                Some(RuleKind::Else(text)) => match &otherwise {
                    Some((_, range)) => self.after_else(item.range, *range),
                    None => otherwise = Some((text, item.range)),
                },
                None => {}
            }
        }
        let Some((otherwise, otherwise_range)) = otherwise else {
            let message = format!("the rules of `{setting}` have no `else`");
            self.report(
                Diagnostic::new(&codes::MISSING_ELSE, node.range, message)
                    .label(self.dialect.faulty_rules().told())
                    .help("end them with { else = \"…\" }, which is taken where no rule is"),
            );
            return Some(BlockText { rules, otherwise: None, otherwise_range: node.range });
        };
        if count == 1 {
            self.report(
                Diagnostic::new(&codes::ELSE_ONLY, otherwise_range, format!("`{setting}` has an `else` and no rule"))
                    .help(format!("write `{setting} = \"…\"`; version 0.15 refuses an `else` without a rule")),
            );
        }
        Some(BlockText { rules, otherwise, otherwise_range })
    }

    pub(crate) fn after_else(&mut self, range: TextRange, otherwise: TextRange) {
        self.report(
            Diagnostic::new(&codes::RULE_AFTER_ELSE, range, "a rule stands behind `else` and is never reached")
                .label(self.dialect.faulty_rules().told())
                .related(otherwise, "the `else`")
                .help("move it before the `else`"),
        );
    }

    fn rule(&mut self, item: &Node<'_>, setting: &str) -> Option<RuleKind> {
        let Some(table) = item.as_table() else {
            let message = format!("an entry of `{setting}` is {}, not a rule", item.kind_name());
            self.report(
                Diagnostic::new(&codes::WRONG_KIND, item.range, message)
                    .help("a rule is { if = \"…\", then = \"…\" }, the last entry { else = \"…\" }"),
            );
            return None;
        };
        self.known_keys(table, &["if", "then", "else"], "a rule");
        match (table.get("if"), table.get("then"), table.get("else")) {
            (Some(condition), Some(outcome), None) => {
                let condition = self.scalar(condition, "if");
                let outcome = self.scalar(outcome, "then");
                Some(RuleKind::Rule(RuleText { condition: condition?.text, outcome: outcome?.text, range: item.range }))
            }
            (None, None, Some(otherwise)) => {
                Some(RuleKind::Else(self.scalar(otherwise, "else").map(|scalar| scalar.text)))
            }
            (condition, outcome, otherwise) => {
                let missing = match (condition, outcome, otherwise) {
                    (Some(_), None, _) => "a rule has an `if` and no `then`",
                    (None, Some(_), _) => "a rule has a `then` and no `if`",
                    (Some(_), Some(_), Some(_)) => "a rule has an `else` beside its `if`",
                    _ => "a rule has neither an `if` nor an `else`",
                };
                self.report(
                    Diagnostic::new(&codes::INCOMPLETE_RULE, item.range, missing)
                        .label(self.dialect.faulty_rules().told())
                        .help("a rule is { if = \"…\", then = \"…\" }, the last entry { else = \"…\" }"),
                );
                None
            }
        }
    }
}

/// What a number within `range` is; that it fits into so many bits is nobody's concern.
pub(crate) fn whole_number<T: std::fmt::Display>(range: &RangeInclusive<T>) -> String {
    let (least, most) = (range.start().to_string(), range.end().to_string());
    let is_bounded = ![u32::MAX.to_string(), u64::MAX.to_string(), Millis::MAX.0.to_string()].contains(&most);
    match least.as_str() {
        _ if is_bounded => format!("it is a whole number from {least} to {most}"),
        "0" => "it is a whole number".to_owned(),
        _ => format!("it is a whole number, at least {least}"),
    }
}

enum RuleKind {
    Rule(RuleText),
    /// Its text; `None` where that is none, which was reported.
    Else(Option<MappedText>),
}

/// `report.tls.aggregate.send`. It is an expression of how often; only whether reports are sent matters here, so that it is
/// not checked.
pub(crate) fn tls_reports(tree: &Node<'_>) -> TlsReports {
    let send = tree.get_path("report.tls.aggregate.send").and_then(Node::scalar_text);
    send.map_or(TlsReports::Sent, TlsReports::of)
}

/// Whether a text within `node` holds `%{…}%`.
pub(crate) fn holds_macro(node: &Node<'_>) -> bool {
    if let Some(table) = node.as_table() {
        return table.entries().iter().any(|entry| holds_macro(&entry.value));
    }
    match node.as_list() {
        Some(items) => items.iter().any(holds_macro),
        None => node.scalar_text().is_some_and(has_macro),
    }
}

/// Whether a text holds `%{…}%`.
fn has_macro(text: &str) -> bool {
    text.split_once("%{").is_some_and(|(_, rest)| rest.contains("}%"))
}

#[cfg(test)]
mod tests;
