//! IR texts of `corpus/ir`: each reads, writes back to itself, and gives what its `# run:` lines say.

use std::path::Path;

use pointsman::{
    base::{Findings, MappedText},
    policy::{
        Answers, Compiler, Edition, Facts, Ir, Scope, Value, Variable, VariableSet, interpret,
        ir_text::{self, IrText},
    },
};

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn texts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/ir");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "ir")).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    paths.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

/// A value as it is written in the language.
fn value(text: &str) -> Value {
    let mut ir = Ir::default();
    let mut findings = Findings::new();
    let scope = Scope { variables: VariableSet::NONE, all_set: true, setting: "a value" };
    let source = MappedText::verbatim(text, 0);
    let root = Compiler::new(Edition::Objects2026).expression(&source, scope, &mut ir, &mut findings);
    let root = root.unwrap_or_else(|| panic!("{text}: {findings:?}"));
    interpret::expression(&ir, root, &Facts::new().row(), &Answers::new(), &mut ()).unwrap()
}

fn facts(text: &str) -> Facts {
    let mut facts = Facts::new();
    for assignment in text.split_whitespace() {
        let (name, text) = assignment.split_once('=').unwrap();
        facts.set(Variable::named(name).unwrap(), value(text));
    }
    facts
}

#[test]
fn each_text_gives_what_it_says() {
    let texts = texts();
    let mut runs = 0;
    for (name, text) in &texts {
        let mut findings = Findings::new();
        let program = ir_text::read(text, &mut findings).unwrap_or_else(|| panic!("{name}: {findings:?}"));
        let code: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert_eq!(ir_text::write(&program), code, "{name}");
        for run in text.lines().filter_map(|line| line.strip_prefix("# run:")) {
            let (given, expected) = run.split_once("=>").unwrap();
            let (facts, answers) = (facts(given), Answers::new());
            let found = match &program {
                IrText::Block(block) => interpret::block(block, &facts.row(), &answers, &mut ()).unwrap().value,
                IrText::Expression { ir, root } => {
                    interpret::expression(ir, *root, &facts.row(), &answers, &mut ()).unwrap()
                }
            };
            assert!(found.is_same(&value(expected.trim())), "{name}:{run}: found {found}");
            runs += 1;
        }
    }
    assert!(texts.len() >= 5 && runs >= 10, "{} texts, {runs} runs", texts.len());
}
