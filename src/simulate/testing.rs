//! What tests of this floor share: a plan.

use std::sync::Arc;

use base::{Findings, MappedText, TextRange};
use policy::{Block, BlockText, Choice, Compiler, Edition, Plan, RuleText, Scope, Target, Wanted};

fn block(rules: &[(&str, &str)], otherwise: &str) -> Block {
    let text = |text: &str| MappedText::verbatim(text, 0);
    let rules = rules.iter().map(|(condition, outcome)| RuleText {
        condition: text(condition),
        outcome: text(outcome),
        range: TextRange::default(),
    });
    let block =
        BlockText { rules: rules.collect(), otherwise: Some(text(otherwise)), otherwise_range: TextRange::default() };
    let mut findings = Findings::new();
    let compiled = Compiler::new(Edition::Objects2026).block(&block, Scope::TLS, Wanted::Name, &mut findings);
    compiled.unwrap_or_else(|| panic!("{findings:?}"))
}

/// A plan with a route that asks, one that is computed, and nothing to choose else.
pub(crate) fn plan(target: Target) -> Plan {
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>();
    let fallback = |name| if target == Target::Native { None } else { Some(name) };
    let route = Choice::new(
        block(&[("is_local_domain(rcpt_domain)", "'local'"), ("retry_num > 1", "'relay-' + source")], "'mx'"),
        names(&["local", "mx", "relay-dsn"]),
        fallback("mx"),
    );
    let constant = || Choice::new(block(&[], "'default'"), names(&["default"]), fallback("default"));
    let local_routes = route.id("local").into_iter().collect();
    Plan {
        target,
        local_routes,
        route,
        schedule: constant(),
        connection: constant(),
        tls: constant(),
        settings: Vec::new(),
    }
}
