//! An Expression: `{"match": {"0": {"if": …, "then": …}}, "else": …}`.
//!
//! Every one ends with a non-empty `else`, and every entry of `match` has a non-empty `if` and `then`.
//!
//! Source: delivery spec 1.1, 1.7.

use std::mem;

use base::{Diagnostic, Fix, MappedText, Severity, TextRange};
use document::{Kind, Node};
use policy::{Block, BlockText, Outcomes, RuleText, Scope, Wanted};

use super::{
    body::{Field, Value},
    value::{Origin, Reader, start},
};
use crate::{
    codes,
    settings::{Broken, Placed, Selector, Sensitive, Setting},
};

impl Reader<'_> {
    /// The expression that picks a strategy.
    pub(super) fn selector(&mut self, body: Value<'_>, key: &str, scope: Scope) -> Selector {
        let Some(field) = body.get(key) else {
            return Selector::BuiltIn;
        };
        self.picks(field, scope)
    }

    /// An expression that stands by itself, read as the field `key`.
    pub(super) fn bare_selector(&mut self, node: &Node<'_>, key: &str, scope: Scope) -> Selector {
        let field = Field { key, key_range: start(node.range), value: Value::Node(node) };
        self.picks(field, scope)
    }

    fn picks(&mut self, field: Field<'_>, scope: Scope) -> Selector {
        if let Some(block) = self.block(field, scope, Wanted::Name) {
            return Selector::Given(Box::new(block));
        }
        // What is wrong with it was reported.
        let kept = mem::take(self.findings);
        let as_read = self.block(field, scope, Wanted::Value).map(Box::new);
        *self.findings = kept;
        Selector::Broken(Broken { range: field.value.range(), names: Outcomes::default(), as_read })
    }

    /// An expression that gives a text: a plain one where it is always the same.
    pub(super) fn text_expression(&mut self, body: Value<'_>, key: &str, scope: Scope) -> Setting<Sensitive> {
        let Some(field) = body.get(key) else {
            return Setting::Default;
        };
        match self.block(field, scope, Wanted::Value) {
            None => Setting::Default,
            Some(block) => match block.as_constant() {
                Some(policy::Value::Text(text)) => Setting::Given(Placed::new((&**text).into(), field.value.range())),
                _ => Setting::Chosen(Box::new(block)),
            },
        }
    }

    /// The condition of a limiter or quota: the server evaluates `else` alone.
    ///
    /// An entry of `match` is checked as the server checks it, and then reported as without effect.
    pub(super) fn condition(&mut self, body: Value<'_>, scope: Scope) -> Option<Box<Block>> {
        let field = body.get("match")?;
        let before = self.findings.mark();
        let text = self.expression(field)?;
        let block = self.compiler.block(&text, scope, Wanted::Value, self.findings);
        if self.findings.errors_since(before) {
            return None;
        }
        if text.rules.is_empty() {
            return block.map(Box::new);
        }
        let rules = field.value.get("match");
        let range = rules.map_or(field.key_range, |rules| rules.key_range);
        self.report(
            Diagnostic::new(
                &codes::IGNORED_MATCH,
                range,
                "the server passes over the entries of `match` here and evaluates `else` alone",
            )
            .help("write the whole condition in `else`"),
        );
        // What is evaluated is the target's to say.
        block.map(Box::new)
    }

    /// A condition over variables of a session: only its form is checked.
    pub(super) fn uncompiled(&mut self, body: Value<'_>) {
        if let Some(field) = body.get("match") {
            self.expression(field);
        }
    }

    fn block(&mut self, field: Field<'_>, scope: Scope, wanted: Wanted) -> Option<Block> {
        let before = self.findings.mark();
        let text = self.expression(field)?;
        let block = self.compiler.block(&text, scope, wanted, self.findings);
        if self.findings.errors_since(before) { None } else { block }
    }

    /// The texts of an expression. Where `else` is missing, an empty text stands for it, so that the rules are checked.
    fn expression(&mut self, field: Field<'_>) -> Option<BlockText> {
        let value = field.value;
        if !value.is_object() {
            self.no_expression(field);
            return None;
        }
        self.flat_rule(value);
        let keys = if value.get("if").is_some() || value.get("then").is_some() {
            &["match", "else", "if", "then"][..]
        } else {
            &["match", "else"]
        };
        self.known_keys(value, keys, "an expression");
        let mut rules = Vec::new();
        if let Some(entries) = value.get("match") {
            for entry in self.list(entries.value, "match")? {
                rules.extend(self.rule(entry.value));
            }
        }
        let (otherwise, otherwise_range) = if let Some(otherwise) = value.get("else") {
            (self.part(otherwise), otherwise.key_range.cover(otherwise.value.range()))
        } else {
            self.missing_else(start(value.range()), field.key);
            (None, start(value.range()))
        };
        Some(BlockText {
            rules,
            otherwise: Some(otherwise.unwrap_or_else(|| MappedText::synthetic("''", otherwise_range))),
            otherwise_range,
        })
    }

    fn missing_else(&mut self, range: TextRange, key: &str) {
        if self.origin == Origin::Unseen {
            return;
        }
        let message = format!("the expression `{key}` has no `else`");
        self.report(
            Diagnostic::new(&codes::MISSING_ELSE, range, message)
                .help("write `\"else\": \"…\"`, which is taken where no rule is"),
        );
    }

    fn no_expression(&mut self, field: Field<'_>) {
        let value = field.value;
        let form = "an expression is `{\"match\": {\"0\": {\"if\": \"…\", \"then\": \"…\"}}, \"else\": \"…\"}`";
        let (code, fix) = match value.node().map(|node| &node.kind) {
            Some(Kind::Text(_)) => {
                let range = value.range();
                let edits = [(range.start(), "{\"else\": "), (range.end(), "}")];
                let edit = |(at, text): (u32, &str)| base::Edit { range: TextRange::at(at), text: text.to_owned() };
                let fix = Fix { safe: true, title: "write it as `else`".to_owned(), edits: edits.map(edit).into() };
                (&codes::WRONG_KIND, Some(fix))
            }
            Some(Kind::List(_)) => (&codes::DIALECT_MISMATCH, None),
            _ => (&codes::WRONG_KIND, None),
        };
        let message = format!("`{}` is {}, not an expression", field.key, value.kind_name());
        let range = if value.array().is_some() { start(value.range()) } else { value.range() };
        self.report(Diagnostic::new(code, range, message).help(form).fix_if(fix));
    }

    /// A rule that is written in the expression itself, which the server does not read.
    fn flat_rule(&mut self, value: Value<'_>) {
        if let Some(field) = value.get("if").or_else(|| value.get("then")) {
            let message = format!("`{}` stands beside `else` instead of in `match`", field.key);
            self.report(
                Diagnostic::new(&codes::INCOMPLETE_RULE, field.key_range, message)
                    .help("write `\"match\": {\"0\": {\"if\": \"…\", \"then\": \"…\"}}` in front of `else`"),
            );
        }
    }

    fn rule(&mut self, value: Value<'_>) -> Option<RuleText> {
        if !value.is_object() {
            self.wrong_kind(value, "match", "an entry of `match` is `{\"if\": \"…\", \"then\": \"…\"}`");
            return None;
        }
        self.known_keys(value, &["if", "then", "else"], "a rule");
        if let Some(field) = value.get("else") {
            self.report(
                Diagnostic::new(&codes::INCOMPLETE_RULE, field.key_range, "an entry of `match` has an `else`")
                    .help("`else` stands once, beside `match`"),
            );
        }
        let (condition, outcome) = (value.get("if"), value.get("then"));
        let lacks = match (condition, outcome) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("a rule has an `if` and no `then`"),
            (None, Some(_)) => Some("a rule has a `then` and no `if`"),
            (None, None) if value.get("else").is_some() => return None,
            (None, None) => Some("a rule has neither `if` nor `then`"),
        };
        if let Some(lacks) = lacks
            && self.origin != Origin::Unseen
        {
            self.report(
                Diagnostic::new(&codes::INCOMPLETE_RULE, start(value.range()), lacks)
                    .help("an entry of `match` is `{\"if\": \"…\", \"then\": \"…\"}`"),
            );
        }
        let condition = condition.and_then(|field| self.part(field));
        let outcome = outcome.and_then(|field| self.part(field));
        Some(RuleText { condition: condition?, outcome: outcome?, range: value.range() })
    }

    /// `if`, `then` or `else`: a text of the language.
    fn part(&mut self, field: Field<'_>) -> Option<MappedText> {
        let value = field.value;
        let node = value.node();
        match node.map(|node| &node.kind) {
            None if value.text().is_some() => value.mapped(),
            Some(Kind::Text(text)) if text.as_str().trim().is_empty() => {
                let code = if field.key == "else" { &codes::MISSING_ELSE } else { &codes::INCOMPLETE_RULE };
                let message = format!("`{}` is empty", field.key);
                self.report(
                    Diagnostic::new(code, value.range(), message)
                        .severity(Severity::Error)
                        .help("write an expression, such as `true` for a condition or `'mx'` for a name"),
                );
                None
            }
            Some(Kind::Text(_)) => value.mapped(),
            Some(Kind::Bool(_) | Kind::Number(_)) => {
                let text = node?.scalar_text().unwrap_or_default().to_owned();
                let message = format!("`{}` is {}", field.key, value.kind_name());
                let fix = Fix::replace("quote it", value.range(), format!("\"{text}\"")).safe();
                self.report(
                    Diagnostic::new(&codes::WRONG_KIND, value.range(), message)
                        .help(format!("an expression is a string: write `\"{text}\"`"))
                        .fix(fix),
                );
                None
            }
            _ => {
                self.wrong_kind(value, field.key, "an expression is a string, such as `\"'mx'\"`");
                None
            }
        }
    }
}
