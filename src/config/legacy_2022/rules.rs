//! A chain of structured rules, as one block.

use base::{Diagnostic, TextRange};
use document::{Node, Table};
use policy::{Block, ExprId, Ir, Op, Rule, Value};

use super::Legacy;
use crate::{codes, outbound_layout::Place};

/// Whether `node` is written as rules rather than as a value.
pub(super) fn is_chain(node: &Node<'_>) -> bool {
    match node.items() {
        Some(items) => items.nodes.iter().any(|item| item.as_table().is_some()),
        None => node.as_table().is_some(),
    }
}

/// What an outcome means; of a rule without a `then` it is asked for `None`.
pub(super) type Outcome<'f, L> = &'f mut dyn FnMut(&mut L, Option<&Node<'_>>) -> Option<Value>;

const HELP: &str = "a rule is { if = \"…\", eq = \"…\", then = … }, the last entry { else = … }";

const ALONE: &str =
    "put it in brackets, and an `else` behind it: [ { if = \"…\", eq = \"…\", then = … }, { else = … } ]";

impl Legacy<'_, '_> {
    /// The chain `node`, whose outcomes `outcome` reads; `None` where it cannot be taken for one.
    pub(super) fn rules(
        &mut self,
        node: &Node<'_>,
        place: Place,
        without_then: bool,
        outcome: Outcome<'_, Self>,
    ) -> Option<Block> {
        let range = node.range;
        let Some(items) = node.items().map(|items| items.nodes) else {
            let message = format!("{} is one rule alone, not a list of rules", place.quoted);
            self.context.report(Diagnostic::new(&codes::WRONG_KIND, range, message).help(ALONE));
            return None;
        };
        if items.len() > policy::limits::RULES_MAX {
            let message =
                format!("{} has {} rules, more than {}", place.quoted, items.len(), policy::limits::RULES_MAX);
            self.context.report(
                Diagnostic::new(&policy::codes::TOO_MANY_RULES, TextRange::at(range.start()), message)
                    .help("keep long lists below `[list]` and ask them with `in-list`"),
            );
            return None;
        }
        let mut ir = Ir::default();
        let mut rules = Vec::with_capacity(items.len());
        let mut otherwise: Option<(ExprId, TextRange)> = None;
        let mut has_else = None;
        for item in &items {
            let Some(table) = item.as_table() else {
                let message = format!("an entry of {} is {}, not a rule", place.quoted, item.kind_name());
                self.context.report(Diagnostic::new(&codes::WRONG_KIND, item.range, message).help(HELP));
                continue;
            };
            if let Some(otherwise) = has_else {
                self.context.after_else(item.range, otherwise);
            }
            if let Some(node) = table.get("else") {
                let value = self.otherwise(item, table, node, outcome);
                if has_else.is_none() {
                    otherwise = value.map(|value| (ir.push(Op::Literal(value), node.range), item.range));
                }
                has_else.get_or_insert(item.range);
            } else if let Some(rule) = self.rule(item, table, place, without_then, &mut ir, outcome) {
                rules.push(rule);
            }
        }
        if has_else.is_none() {
            let message = format!("the rules of {} have no `else`", place.quoted);
            self.context.report(
                Diagnostic::new(&codes::MISSING_ELSE, range, message)
                    .label(self.context.dialect.faulty_rules().told())
                    .help("end them with { else = … }, which is taken where no rule is"),
            );
        }
        let (otherwise, otherwise_range) = otherwise?;
        if items.len() == 1 {
            self.context.report(
                Diagnostic::new(
                    &codes::ELSE_ONLY,
                    otherwise_range,
                    format!("{} has an `else` and no rule", place.quoted),
                )
                .help("write the value alone; the server refuses an `else` without a rule"),
            );
        }
        Some(Block::new(ir, rules, otherwise, otherwise_range))
    }

    fn otherwise(
        &mut self,
        item: &Node<'_>,
        table: &Table<'_>,
        node: &Node<'_>,
        outcome: Outcome<'_, Self>,
    ) -> Option<Value> {
        if table.len() > 1 {
            self.context.report(
                Diagnostic::new(&codes::INCOMPLETE_RULE, item.range, "an `else` stands beside other keys").help(HELP),
            );
        }
        outcome(self, Some(node))
    }

    fn rule(
        &mut self,
        item: &Node<'_>,
        table: &Table<'_>,
        place: Place,
        without_then: bool,
        ir: &mut Ir,
        outcome: Outcome<'_, Self>,
    ) -> Option<Rule> {
        let condition = self.condition(item, place, ir, &["then"]);
        let (value, range) = match table.get("then") {
            Some(node) => (outcome(self, Some(node)), node.range),
            None if without_then => (outcome(self, None), item.range),
            None => {
                self.context.report(
                    Diagnostic::new(&codes::INCOMPLETE_RULE, item.range, "a rule has a condition and no `then`")
                        .help(HELP),
                );
                (None, item.range)
            }
        };
        let outcome = ir.push(Op::Literal(value?), range);
        Some(Rule { condition: condition?, outcome, range: item.range })
    }
}
