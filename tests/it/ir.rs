//! IR texts of `corpus/ir` and `corpus/dags`: each reads, writes back to itself, and gives what its `# run:` lines say
//! through both engines.

use std::{path::Path, sync::Arc};

use pointsman::{
    base::{Findings, MappedText, TextRange},
    jit::Program,
    policy::{
        self, Answers, Block, Compiler, Dag, Edition, Facts, Ir, Scope, Scratch, Value, Variable, VariableSet,
        interpret,
        ir_text::{self, IrText},
    },
};

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn texts(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
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

/// A program as a block; an expression is one without rules.
fn block(program: IrText) -> Block {
    match program {
        IrText::Block(block) => block,
        IrText::Expression { ir, root } => Block::new(ir, Vec::new(), root, TextRange::default()),
    }
}

#[test]
fn each_text_gives_what_it_says() {
    each_gives("corpus/ir");
}

#[test]
fn each_dag_gives_what_its_text_says() {
    each_gives("corpus/dags");
}

#[test]
fn each_dag_is_as_recorded() {
    for (path, text) in texts("corpus/dags") {
        let program = ir_text::read(&text, &mut Findings::new()).unwrap();
        let dag = Dag::of(&block(program)).unwrap();
        for (number, node) in dag.nodes().iter().enumerate() {
            assert!(policy::dag::successors(node).all(|next| next.index() > number), "{path}: vertex {number}");
        }
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, dag.to_string());
    }
}

/// Both engines.
fn each_gives(folder: &str) {
    let texts = texts(folder);
    let mut runs = 0;
    for (name, text) in &texts {
        let mut findings = Findings::new();
        let program = ir_text::read(text, &mut findings).unwrap_or_else(|| panic!("{name}: {findings:?}"));
        let code: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert_eq!(ir_text::write(&program), code, "{name}");
        let block = Arc::new(block(program));
        let compiled = Program::compile(block.clone()).expect("this machine is supported");
        let mut scratch = Scratch::new();
        for run in text.lines().filter_map(|line| line.strip_prefix("# run:")) {
            let (given, expected) = run.split_once("=>").unwrap();
            let (facts, answers) = (facts(given), Answers::new());
            let found = interpret::block(&block, &facts.row(), &answers, &mut ()).unwrap().value;
            assert!(found.is_same(&value(expected.trim())), "{name}:{run}: found {found}");
            let found = compiled.run(&facts.row(), &answers, &mut scratch).unwrap().value;
            assert!(found.is_same(&value(expected.trim())), "{name}:{run}: machine code gives {found}");
            runs += 1;
        }
    }
    assert!(texts.len() >= 5 && runs >= 10, "{} texts, {runs} runs", texts.len());
}
