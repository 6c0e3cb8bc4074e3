//! `pointsman eval`: the value of an expression.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, Write},
    path::PathBuf,
    sync::Arc,
};

use base::{Findings, MappedText, TextRange};
use clap::{Args, ValueEnum};
use document::{Source, render::Colour};
use policy::{
    Answers, Block, BlockText, Column, Compiler, Constant, Edition, EvalError, Facts, Function, Ir, Lookup, Row,
    RuleText, Scope, Scratch, Stop, Type, Value, Variable, VariableSet, Wanted, interpret,
};
use scenario::Environment;
use serde_json::{Map, Value as Json, json};

use super::{
    Failure, Outcome, Verdict, dry_run,
    engine::{self, Name},
};

/// Evaluate an expression, or many of them
///
/// Prints the value and its type. A variable that is not set is the empty string, as in the reference. With `--jsonl`,
/// each line of standard input is an object like those of corpus/vectors/expressions.jsonl and is answered by one line.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "Examples:\n  pointsman eval \"len('abc') + 1\"\n  \
                        pointsman eval \"rcpt_domain == 'corp.test'\" --set rcpt_domain=corp.test\n  \
                        pointsman eval --jsonl --contexts contexts.json --environment environment.json < expressions.jsonl")]
pub(super) struct Arguments {
    /// The expression
    #[arg(required_unless_present_any = ["jsonl", "functions", "variables"])]
    expression: Option<String>,
    /// Set a variable, such as `retry_num=2`; a list is separated by commas
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Answer each line of standard input
    #[arg(long, conflicts_with = "expression")]
    jsonl: bool,
    /// The contexts that lines name: a JSON object of objects
    #[arg(long, requires = "jsonl")]
    contexts: Option<PathBuf>,
    /// What local domains, stores, DNS and databases answer: TOML or JSON
    #[arg(long)]
    environment: Option<PathBuf>,
    /// The writing of the language
    #[arg(long, value_enum, default_value = "2026")]
    edition: EditionName,
    #[command(flatten)]
    engine: engine::Choice,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// List the functions
    #[arg(long)]
    functions: bool,
    /// List the variables and constants
    #[arg(long)]
    variables: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EditionName {
    /// 0.6 to 0.12
    #[value(name = "2024")]
    Of2024,
    /// 0.13 to 0.15
    #[value(name = "2025")]
    Of2025,
    /// 0.16 and later
    #[value(name = "2026")]
    Of2026,
}

impl From<EditionName> for Edition {
    fn from(name: EditionName) -> Self {
        match name {
            EditionName::Of2024 => Self::Expressions2024,
            EditionName::Of2025 => Self::Strategies2025,
            EditionName::Of2026 => Self::Objects2026,
        }
    }
}

pub(super) fn run(arguments: &Arguments, colour: Colour, output: &mut impl Write) -> Outcome {
    if arguments.functions || arguments.variables {
        return list(arguments, output);
    }
    let environment = dry_run::environment(arguments.environment.as_deref(), colour)?;
    let Some(environment) = environment else { return Ok(Verdict::CannotRun) };
    if arguments.jsonl {
        return lines(arguments, environment, output);
    }
    let mut facts = Facts::new();
    for assignment in &arguments.set {
        let (variable, value) = assigned(assignment)?;
        facts.set(variable, value);
    }
    let text = arguments.expression.as_deref().unwrap_or_default();
    let source = Source::new("expression", text);
    let mut evaluator = Evaluator::new(arguments, environment);
    let mut findings = Findings::new();
    let program = Program::Expression(MappedText::verbatim(source.text(), 0));
    let answer = evaluator.evaluate(&program, VariableSet::HOST, &facts, &mut findings)?;
    dry_run::show(&source, &findings, colour)?;
    single(&answer, arguments.json, output)
}

/// Prints the answer to the one expression of the command line.
fn single(answer: &Answer, json: bool, output: &mut impl Write) -> Outcome {
    if json {
        writeln!(output, "{}", Json::Object(answer_json(answer)))?;
    }
    match answer {
        Answer::Value(value) if !json => writeln!(output, "{value} : {}", value.ty())?,
        Answer::Needs(lookup) => {
            let mut errors = super::masked::stderr();
            writeln!(errors, "undecided, needs {lookup}; add to the environment:\n{}", Environment::advice(lookup))?;
        }
        Answer::Failed(error) => writeln!(super::masked::stderr(), "pointsman: {error}")?,
        Answer::Mismatch { .. } => {
            let differing = Json::Object(answer_json(answer));
            writeln!(super::masked::stderr(), "pointsman: the engines differ: {differing}")?;
        }
        Answer::Value(_) | Answer::Refused(_) => {}
    }
    Ok(match answer {
        Answer::Value(_) => Verdict::Yes,
        Answer::Refused(_) | Answer::Failed(_) | Answer::Mismatch { .. } => Verdict::No,
        Answer::Needs(_) => Verdict::Undecided,
    })
}

fn list(arguments: &Arguments, output: &mut impl Write) -> Outcome {
    let edition = arguments.edition.into();
    if arguments.functions {
        for function in Function::ALL.iter().filter(|function| function.exists_in(edition)) {
            let arity = (0..4).find(|count| function.takes(edition, *count)).unwrap_or_default();
            let signature = format!("{function}/{arity}");
            writeln!(output, "{signature:24} {:9}{}", function.ty().name(), function.meaning())?;
        }
        writeln!(
            output,
            "{:24} {:9} Whether a regular expression, a literal, is found; sets $0, $1 …",
            "matches/2", "int"
        )?;
        if edition == Edition::Objects2026 {
            writeln!(output, "{:24} {:9} What the server is called: a literal.", "system/1", "any")?;
            writeln!(output, "{:24} {:9} A measured value: a literal.", "metric/1", "float")?;
        } else {
            writeln!(output, "{:24} {:9} A setting of the server: a literal.", "config_get/1", "string")?;
        }
    }
    if arguments.variables {
        for variable in Variable::ALL {
            writeln!(output, "{:18} {:9}{}", variable.name(), variable.ty().name(), variable.meaning())?;
        }
        let constants: Vec<_> = Constant::ALL.iter().map(|constant| constant.name()).collect();
        writeln!(output, "constants: {}", constants.join(", "))?;
    }
    Ok(Verdict::Yes)
}

/// `name=value`, in the type of the variable.
fn assigned(assignment: &str) -> Result<(Variable, Value), Failure> {
    let Some((name, text)) = assignment.split_once('=') else {
        return Err(Failure::Usage(format!("`{assignment}` sets nothing: write `--set name=value`")));
    };
    let name = name.trim();
    let Some(variable) = Variable::named(name) else {
        let near = policy::spelling::nearest(name, Variable::ALL.iter().map(|variable| variable.name()));
        let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Failure::Usage(format!("no variable `{name}`{help}")));
    };
    let value = match variable.ty() {
        Type::Int => {
            let int = text.trim().parse();
            Value::Int(int.map_err(|_| Failure::Usage(format!("`{name}` is a whole number, and `{text}` is none")))?)
        }
        Type::Array if text.is_empty() => Value::list(Vec::new()),
        Type::Array => Value::list(text.split(',').map(|item| Value::text(item.trim())).collect()),
        _ => Value::text(text),
    };
    Ok((variable, value))
}

/// What is evaluated.
enum Program {
    Expression(MappedText),
    Block(BlockText),
}

enum Answer {
    Value(Value),
    /// It is no expression; the code of the first error.
    Refused(&'static str),
    Failed(EvalError),
    Needs(Lookup),
    /// The engines differ.
    Mismatch {
        interpreter: Box<Self>,
        jit: Box<Self>,
    },
}

struct Evaluator {
    edition: Edition,
    environment: Environment,
    engine: Name,
    scratch: Scratch,
}

impl Evaluator {
    fn new(arguments: &Arguments, environment: Environment) -> Self {
        let engine = arguments.engine.name(Name::Interpreter);
        Self { edition: arguments.edition.into(), environment, engine, scratch: Scratch::new() }
    }

    fn evaluate(
        &mut self,
        program: &Program,
        variables: VariableSet,
        facts: &Facts,
        findings: &mut Findings,
    ) -> Result<Answer, Failure> {
        self.environment.reset();
        let scope = Scope { variables, all_set: false, setting: "an expression" };
        let mut compiler = Compiler::new(self.edition);
        if let Some(stores) = self.environment.store_names() {
            compiler = compiler.with_stores(stores);
        }
        let block = match program {
            Program::Expression(text) => {
                let mut ir = Ir::default();
                let root = compiler.expression(text, scope, &mut ir, findings);
                root.map(|root| Block::new(ir, Vec::new(), root, TextRange::default()))
            }
            Program::Block(text) => compiler.block(text, scope, Wanted::Value, findings),
        };
        let Some(block) = block.map(Arc::new) else { return Ok(refused(findings)) };
        let row = facts.row();
        Ok(match self.engine {
            Name::Interpreter => self.run(&engine::Program::interpreter(&block), &row),
            Name::Jit => self.run(&engine::Program::jit(&block)?, &row),
            Name::Both => {
                let jit = self.run(&engine::Program::jit(&block)?, &row);
                self.environment.reset();
                let interpreter = self.run(&engine::Program::interpreter(&block), &row);
                if is_same(&interpreter, &jit) {
                    interpreter
                } else {
                    Answer::Mismatch { interpreter: Box::new(interpreter), jit: Box::new(jit) }
                }
            }
        })
    }

    fn run(&mut self, program: &engine::Program, row: &Row<'_>) -> Answer {
        let (environment, scratch) = (&mut self.environment, &mut self.scratch);
        match interpret::with_world(environment, |answers: &Answers| program.run(row, answers, scratch)) {
            Ok(decision) => Answer::Value(decision.value),
            Err(Stop::Failed(error)) => Answer::Failed(error),
            Err(Stop::Needs(lookup)) => Answer::Needs(lookup),
        }
    }
}

fn is_same(interpreter: &Answer, jit: &Answer) -> bool {
    match (interpreter, jit) {
        (Answer::Value(a), Answer::Value(b)) => a.is_same(b),
        (Answer::Failed(a), Answer::Failed(b)) => a == b,
        (Answer::Needs(a), Answer::Needs(b)) => a.to_string() == b.to_string(),
        _ => false,
    }
}

fn refused(findings: &Findings) -> Answer {
    let error = findings.iter().find(|finding| finding.severity == base::Severity::Error);
    Answer::Refused(error.map_or("", |finding| finding.code.id))
}

/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Answers each line of standard input by one line.
fn lines(arguments: &Arguments, environment: Environment, output: &mut impl Write) -> Outcome {
    let contexts = contexts(arguments)?;
    let mut evaluator = Evaluator::new(arguments, environment);
    let mut input = io::stdin().lock();
    let mut verdict = Verdict::Yes;
    for number in 1_u64.. {
        let mut line = Vec::new();
        if io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match request(&line, &contexts) {
            Ok(Request { id, program, variables, facts }) => {
                let mut findings = Findings::new();
                let answer = evaluator.evaluate(&program, variables, &facts, &mut findings)?;
                match answer {
                    Answer::Needs(_) => verdict = verdict.max(Verdict::Undecided),
                    Answer::Mismatch { .. } => verdict = verdict.max(Verdict::No),
                    Answer::Value(_) | Answer::Refused(_) | Answer::Failed(_) => {}
                }
                let mut object = Map::from_iter([("id".to_owned(), id)]);
                object.extend(answer_json(&answer));
                writeln!(output, "{}", Json::Object(object))?;
            }
            Err(Invalid { id, why }) => {
                verdict = Verdict::CannotRun;
                writeln!(output, "{}", json!({ "id": id, "type": "invalid", "line": number, "reason": why }))?;
                writeln!(super::masked::stderr(), "pointsman: line {number}: {why}")?;
            }
        }
    }
    Ok(verdict)
}

struct Request {
    id: Json,
    program: Program,
    variables: VariableSet,
    facts: Facts,
}

fn contexts(arguments: &Arguments) -> Result<BTreeMap<String, Facts>, Failure> {
    let Some(path) = &arguments.contexts else { return Ok(BTreeMap::new()) };
    let bytes = super::files::bytes(path)?;
    let usage = |why: String| Failure::Usage(format!("`{}`: {why}", path.display()));
    let json: Json = serde_json::from_slice(&bytes).map_err(|error| usage(error.to_string()))?;
    let Json::Object(contexts) = json else { return Err(usage("it is no JSON object of contexts".to_owned())) };
    let read = |(name, json): (String, Json)| match facts(&json) {
        Ok(facts) => Ok((name, facts)),
        Err(why) => Err(usage(format!("context `{name}`: {why}"))),
    };
    contexts.into_iter().map(read).collect()
}

fn facts(json: &Json) -> Result<Facts, String> {
    let Json::Object(values) = json else { return Err("a context is an object of variables".to_owned()) };
    let mut facts = Facts::new();
    for (name, value) in values {
        let variable = Variable::named(name).ok_or_else(|| format!("no variable `{name}`"))?;
        facts.set(variable, value_of(variable, value)?);
    }
    Ok(facts)
}

/// The value of a variable, which must be of its type.
fn value_of(variable: Variable, json: &Json) -> Result<Value, String> {
    let text = |json: &Json| json.as_str().map(Value::text);
    let (value, article) = match variable.column() {
        Column::Text(_) => (text(json), "a string"),
        Column::Int(_) => (json.as_i64().map(Value::Int), "a whole number"),
        Column::Recipients => {
            let items = json.as_array().and_then(|items| items.iter().map(text).collect());
            (items.map(Value::list), "an array of strings")
        }
    };
    value.ok_or_else(|| format!("`{variable}` is {article}, and {json} is none"))
}

/// A line that asks nothing.
struct Invalid {
    id: Json,
    why: String,
}

fn request(line: &[u8], contexts: &BTreeMap<String, Facts>) -> Result<Request, Invalid> {
    let json: Json =
        serde_json::from_slice(line).map_err(|error| Invalid { id: Json::Null, why: error.to_string() })?;
    let id = json.get("id").cloned().unwrap_or(Json::Null);
    match asked(&json, contexts) {
        Ok((program, variables, facts)) => Ok(Request { id, program, variables, facts }),
        Err(why) => Err(Invalid { id, why }),
    }
}

fn asked(json: &Json, contexts: &BTreeMap<String, Facts>) -> Result<(Program, VariableSet, Facts), String> {
    let facts = match json.get("ctx") {
        None => Facts::new(),
        Some(Json::String(name)) => contexts.get(name).cloned().ok_or_else(|| format!("no context `{name}`"))?,
        Some(other) => facts(other)?,
    };
    let variables = match json.get("scope").and_then(Json::as_str) {
        None | Some("host") => VariableSet::HOST,
        Some("rcpt") => VariableSet::RCPT,
        Some(other) => return Err(format!("no scope `{other}`; it is `host` or `rcpt`")),
    };
    let program = match (json.get("expr"), json.get("block")) {
        (Some(expression), None) => Program::Expression(text(expression, "expr")?),
        (None, Some(rules)) => Program::Block(block(rules)?),
        (Some(_), Some(_)) => return Err("it has an `expr` and a `block`, of which one is asked at a time".to_owned()),
        (None, None) => return Err("it has no `expr` and no `block`".to_owned()),
    };
    Ok((program, variables, facts))
}

fn text(json: &Json, key: &str) -> Result<MappedText, String> {
    let text = json.as_str().ok_or_else(|| format!("`{key}` is no string"))?;
    Ok(MappedText::verbatim(text, 0))
}

fn block(json: &Json) -> Result<BlockText, String> {
    let member = |json: &Json, key: &str| text(json.get(key).unwrap_or(&Json::Null), key);
    let rules = json.get("match").and_then(Json::as_array).ok_or("`match` is no array")?;
    let rules = rules.iter().map(|rule| {
        Ok::<_, String>(RuleText {
            condition: member(rule, "if")?,
            outcome: member(rule, "then")?,
            range: TextRange::default(),
        })
    });
    Ok(BlockText {
        rules: rules.collect::<Result<_, _>>()?,
        otherwise: Some(member(json, "else")?),
        otherwise_range: TextRange::default(),
    })
}

fn answer_json(answer: &Answer) -> Map<String, Json> {
    let json = match answer {
        Answer::Value(value) => return value_json(value),
        Answer::Refused(code) => json!({ "type": "parse_error", "code": code }),
        Answer::Failed(_) => json!({ "type": "error" }),
        Answer::Needs(lookup) => json!({ "type": "needs", "lookup": lookup.to_string() }),
        Answer::Mismatch { interpreter, jit } => {
            json!({ "type": "mismatch", "interpreter": answer_json(interpreter), "jit": answer_json(jit) })
        }
    };
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

/// A value as in the vectors: arrays element by element, floats that JSON cannot say as strings.
fn value_json(value: &Value) -> Map<String, Json> {
    let content = match value {
        Value::Int(int) => json!(int),
        Value::Float(float) if float.is_finite() => json!(float),
        Value::Float(_) => json!(&*value.to_text()),
        Value::Text(text) => json!(&**text),
        Value::List(items) => Json::Array(items.iter().map(|item| Json::Object(value_json(item))).collect()),
        Value::Constant(constant) => json!(constant.name()),
    };
    Map::from_iter([("type".to_owned(), json!(value.ty().name())), ("value".to_owned(), content)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_differ_are_a_mismatch_with_both() {
        let (one, other) = (Answer::Value(Value::Int(1)), Answer::Value(Value::Float(1.0)));
        assert!(is_same(&one, &Answer::Value(Value::Int(1))));
        assert!(!is_same(&one, &other) && !is_same(&one, &Answer::Failed(EvalError::TooLarge)));
        let answer = Answer::Mismatch { interpreter: Box::new(one), jit: Box::new(other) };
        assert_eq!(
            Json::Object(answer_json(&answer)).to_string(),
            r#"{"type":"mismatch","interpreter":{"type":"int","value":1},"jit":{"type":"float","value":1.0}}"#
        );
    }
}
