//! Blocks and plans from conditions.

#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]
#![expect(clippy::panic, reason = "it is for tests")]

use std::{collections::BTreeSet, sync::Arc};

use base::{Findings, MappedText, TextRange};
use policy::{Block, BlockText, Choice, Compiler, Edition, Plan, RuleText, Scope, Target, Wanted};

/// Conditions, each with its outcome.
pub type Rules = Vec<(String, String)>;

/// The block of `rules`.
pub fn block(rules: &[(String, String)], otherwise: &str, wanted: Wanted) -> Block {
    let text = |text: &str| MappedText::verbatim(text, 0);
    let rules = rules.iter().map(|(condition, outcome)| RuleText {
        condition: text(condition),
        outcome: text(outcome),
        range: TextRange::default(),
    });
    let block =
        BlockText { rules: rules.collect(), otherwise: Some(text(otherwise)), otherwise_range: TextRange::default() };
    let mut findings = Findings::new();
    let compiled = Compiler::new(Edition::Objects2026).block(&block, Scope::TLS, wanted, &mut findings);
    compiled.unwrap_or_else(|| panic!("{findings:?}"))
}

pub fn owned(rules: &[(&str, &str)]) -> Vec<(String, String)> {
    rules.iter().map(|(condition, outcome)| ((*condition).to_owned(), (*outcome).to_owned())).collect()
}

/// A plan whose route is made of `rules`.
pub fn plan(rules: &[(String, String)], otherwise: &str) -> Plan {
    let choice = |rules: &[(String, String)], otherwise: &str| {
        let names = ["mx", "local", "relay-dsn", "relay-report", "corp.test", "default"].map(Arc::from);
        Choice::new(block(rules, otherwise, Wanted::Name), names, Some("default"))
    };
    let tls = owned(&[("retry_num > 0 && last_error == 'tls'", "'mx'")]);
    Plan {
        target: Target::STALWART_016,
        local_routes: BTreeSet::default(),
        route: choice(rules, otherwise),
        schedule: choice(&owned(&[("source == 'dsn'", "'mx'")]), "'default'"),
        connection: choice(&[], "'default'"),
        tls: choice(&tls, "'default'"),
        settings: Vec::new(),
    }
}
