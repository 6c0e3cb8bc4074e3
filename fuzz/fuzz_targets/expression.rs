//! An expression's text: read, compiled for two settings, evaluated twice, written as IR and read back.

#![no_main]

use base::{Diagnostic, Findings, MappedText};
use libfuzzer_sys::fuzz_target;
use policy::{
    Compiler, Edition, Ir, Scope,
    ir_text::{self, IrText},
    lexer,
};

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
    let is_explained = |finding: &Diagnostic| finding.code != &policy::codes::SYNTAX;
    assert!(findings.iter().all(is_explained), "only the grammar refuses this; `syntax` should say why");

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
    let Some(root) = root else {
        assert!(findings.has_errors(), "refused without a word");
        return;
    };
    assert!(!findings.has_errors(), "compiled although it has an error");
    let value = fuzz::evaluated(&ir, root);
    assert_eq!(value, fuzz::evaluated(&ir, root), "two evaluations differ");

    let written = ir_text::write_expression(&ir, root);
    match ir_text::read(&written, &mut findings) {
        Some(IrText::Expression { ir, root }) => {
            assert_eq!(written, ir_text::write_expression(&ir, root));
            assert_eq!(value, fuzz::evaluated(&ir, root), "the IR that was read back differs");
        }
        Some(IrText::Block(_)) => panic!("an expression reads back as a block"),
        None => panic!("what is written cannot be read: {findings:?}\n{written}"),
    }
}
