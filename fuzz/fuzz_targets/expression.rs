//! An expression's text: read, compiled for two settings, evaluated twice.

#![no_main]

use base::{Findings, MappedText};
use libfuzzer_sys::fuzz_target;
use policy::{Compiler, Edition, ExprId, Facts, Ir, Scope, Stop, Value, Variable, interpret, lexer, lookup::Unknown};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut end = 0;
    for token in lexer::tokens(text) {
        assert_eq!(token.range.start(), end, "the tokens do not join");
        end = token.range.end();
    }
    assert_eq!(end as usize, text.len(), "the tokens do not reach the end");

    let mut findings = Findings::new();
    let tree = policy::parse::parse(&MappedText::verbatim(text, 0), &mut findings);
    fuzz::findings_lie_within(text, &findings);
    assert!(tree.is_some() || findings.has_errors(), "refused without a word");

    for edition in [Edition::Strategies2025, Edition::Objects2026] {
        for scope in [Scope::CONNECTION, Scope::QUOTA] {
            compiles(text, edition, scope);
        }
    }
});

fn compiles(text: &str, edition: Edition, scope: Scope) {
    let mut ir = Ir::default();
    let mut findings = Findings::new();
    let source = MappedText::verbatim(text, 0);
    let root = Compiler::new(edition).expression(&source, scope, &mut ir, &mut findings);
    fuzz::findings_lie_within(text, &findings);
    match root {
        Some(root) => {
            assert!(!findings.has_errors(), "compiled although it has an error");
            assert_eq!(evaluated(&ir, root), evaluated(&ir, root), "two evaluations differ");
        }
        None => assert!(findings.has_errors(), "refused without a word"),
    }
}

/// What the expression gives on fixed facts, in a world that knows nothing: a value, a question or an error.
fn evaluated(ir: &Ir, root: ExprId) -> String {
    let facts = Facts::new()
        .with(Variable::Rcpt, Value::text("user+tag@corp.test"))
        .with(Variable::RcptDomain, Value::text("corp.test"))
        .with(Variable::SenderDomain, Value::text("home.example"))
        .with(Variable::RetryNum, Value::Int(3))
        .with(Variable::Size, Value::Int(i64::MAX))
        .with(Variable::Recipients, Value::list(vec![Value::text("a@b.test"), Value::empty()]));
    let result =
        interpret::with_world(&mut Unknown, |answers| interpret::expression(ir, root, &facts, answers, &mut ()));
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Stop::Needs(lookup)) => format!("needs {lookup}"),
        Err(Stop::Failed(error)) => error.to_string(),
    }
}
