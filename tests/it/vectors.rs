//! The reference vectors of `corpus/vectors`: each expression gives what its `ours` rule demands.
//!
//! The environment is built here from the JSON by hand, so that the judge shares no reader with the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use pointsman::{
    base::{Findings, MappedText, TextRange},
    jit::{Program, Refused},
    policy::{
        Answers, Block, BlockText, Compiler, Constant, DnsType, Edition, EvalError, Facts, Ir, RuleText, Scope,
        Scratch, Stop, Value, Variable, VariableSet, Wanted, interpret,
    },
    scenario::{Environment, Store},
};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/vectors")
}

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("the corpus is part of the project")
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An engine, by which a block is evaluated.
type Engine = fn(Arc<Block>, &Facts, &mut Environment) -> Result<Value, Stop>;

#[expect(clippy::needless_pass_by_value, reason = "an engine may keep the block")]
fn interpreter(block: Arc<Block>, facts: &Facts, world: &mut Environment) -> Result<Value, Stop> {
    let evaluate = |answers: &Answers| interpret::block(&block, &facts.row(), answers, &mut ());
    interpret::with_world(world, evaluate).map(|decision| decision.value)
}

/// How many vectors machine code left to the interpreter.
static LEFT: AtomicUsize = AtomicUsize::new(0);

fn machine_code(block: Arc<Block>, facts: &Facts, world: &mut Environment) -> Result<Value, Stop> {
    let program = match Program::compile(block.clone()) {
        Ok(program) => program,
        // Deeper than is compiled.
        Err(Refused::TooLarge) => {
            LEFT.fetch_add(1, Ordering::Relaxed);
            return interpreter(block, facts, world);
        }
        Err(why) => panic!("{why}"),
    };
    let mut scratch = Scratch::new();
    let evaluate = |answers: &Answers| {
        if !program.decides(&facts.row(), answers, &mut scratch) {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
        program.run(&facts.row(), answers, &mut scratch)
    };
    interpret::with_world(world, evaluate).map(|decision| decision.value)
}

/// What an expression gave.
#[derive(Debug)]
#[expect(dead_code, reason = "the fields are shown where a vector is violated")]
enum Outcome {
    Refused(String),
    Failed(EvalError),
    Value(Value),
}

fn environment(json: &Json) -> Environment {
    let strings = |json: &Json| -> BTreeSet<String> {
        json.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let stores = json["stores"].as_object().unwrap().iter().map(|(name, store)| {
        let keys = store["keys"].as_object().unwrap();
        let counters = store["counters"].as_object().unwrap();
        let store = Store {
            keys: keys.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect(),
            counters: counters.iter().map(|(key, value)| (key.clone(), value.as_i64().unwrap())).collect(),
        };
        (name.clone(), store)
    });
    let dns = json["dns"].as_array().unwrap().iter().map(|record| {
        let kind = DnsType::named(record["type"].as_str().unwrap()).unwrap();
        let texts = || record["answer"].as_array().unwrap().iter().map(|text| Value::text(text.as_str().unwrap()));
        let answer = if kind == DnsType::Txt { texts().next().unwrap() } else { Value::list(texts().collect()) };
        ((record["name"].as_str().unwrap().to_owned(), kind), Ok(answer))
    });
    Environment {
        local_domains: Some(strings(&json["local_domains"])),
        local_addresses: Some(strings(&json["local_addresses"])),
        stores: Some(stores.collect()),
        dns: Some(dns.collect()),
        system: json["system"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), fact(value))).collect(),
        metrics: BTreeMap::from([("queue.count".to_owned(), 0.0), ("smtp.error".to_owned(), 0.0)]),
        ..Environment::default()
    }
}

fn fact(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::text(&**text),
        Json::Number(number) => Value::Int(number.as_i64().unwrap()),
        Json::Array(items) => Value::list(items.iter().map(fact).collect()),
        other => panic!("no fact: {other}"),
    }
}

fn facts(json: &Json) -> Facts {
    let mut facts = Facts::new();
    for (name, value) in json.as_object().unwrap() {
        facts.set(Variable::named(name).unwrap(), fact(value));
    }
    facts
}

fn expected(json: &Json) -> Option<Value> {
    let value = &json["value"];
    Some(match json["type"].as_str()? {
        "int" => Value::Int(value.as_i64()?),
        "float" => Value::Float(value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())),
        "string" => Value::text(value.as_str()?),
        "array" => Value::list(value.as_array()?.iter().map(|item| expected(item).unwrap()).collect()),
        "constant" => Value::Constant(Constant::named(value.as_str()?)?),
        _ => return None,
    })
}

fn evaluate(vector: &Json, contexts: &Json, environment_json: &Json, engine: Engine) -> Outcome {
    let mut world = environment(environment_json);
    let variables = if vector["scope"] == "rcpt" { VariableSet::RCPT } else { VariableSet::HOST };
    let scope = Scope { variables, all_set: false, setting: "an expression" };
    let mut compiler = Compiler::new(Edition::Objects2026).with_stores(world.store_names().unwrap());
    let mut findings = Findings::new();
    let facts = facts(&contexts[vector["ctx"].as_str().unwrap()]);
    let text = |json: &Json| MappedText::verbatim(json.as_str().unwrap(), 0);
    let refused = |findings: &Findings| {
        Outcome::Refused(
            findings
                .iter()
                .map(|finding| format!("{}: {}", finding.code.rule, finding.message))
                .collect::<Vec<_>>()
                .join("; "),
        )
    };
    let block = if let Some(block) = vector.get("block") {
        let rules = block["match"].as_array().unwrap();
        let rules = rules.iter().map(|rule| RuleText {
            condition: text(&rule["if"]),
            outcome: text(&rule["then"]),
            range: TextRange::default(),
        });
        let block = BlockText {
            rules: rules.collect(),
            otherwise: Some(text(&block["else"])),
            otherwise_range: TextRange::default(),
        };
        let Some(block) = compiler.block(&block, scope, Wanted::Value, &mut findings) else {
            return refused(&findings);
        };
        block
    } else {
        let mut ir = Ir::default();
        let root = compiler.expression(&text(&vector["expr"]), scope, &mut ir, &mut findings);
        let Some(root) = root else { return refused(&findings) };
        Block::new(ir, Vec::new(), root, TextRange::default())
    };
    let result = engine(Arc::new(block), &facts, &mut world);
    match result {
        Ok(value) => Outcome::Value(value),
        Err(Stop::Failed(error)) => Outcome::Failed(error),
        Err(Stop::Needs(lookup)) => panic!("{lookup} is not answered"),
    }
}

/// Whether `outcome` is what the vector's rule demands.
fn holds(vector: &Json, outcome: &Outcome) -> bool {
    let is = |json: &Json| match (json["type"].as_str().unwrap(), outcome) {
        ("parse_error", Outcome::Refused(_)) | ("error", Outcome::Failed(_)) => true,
        (_, Outcome::Value(value)) => expected(json).is_some_and(|expected| expected.is_same(value)),
        _ => false,
    };
    let ours = &vector["ours"];
    let refused = matches!(outcome, Outcome::Refused(_));
    match ours["rule"].as_str().unwrap() {
        "same" => is(&vector["expect"]),
        "refuse" => refused,
        "fix" => is(&ours["value"]),
        "either" => {
            refused
                || is(&vector["expect"])
                || vector["category"] == "fn_sql_stub" && matches!(outcome, Outcome::Failed(_))
        }
        rule => panic!("no rule {rule}"),
    }
}

#[test]
fn every_vector_gives_what_its_rule_demands() {
    demanded_of(interpreter);
}

#[test]
fn machine_code_gives_what_every_vectors_rule_demands() {
    demanded_of(machine_code);
    let left = LEFT.load(Ordering::Relaxed);
    println!("{left} left to the interpreter");
    assert!(left <= 10, "{left} left to the interpreter");
}

fn demanded_of(engine: Engine) {
    let contexts: Json = serde_json::from_str(&read("contexts.json")).unwrap();
    let environment: Json = serde_json::from_str(&read("environment.json")).unwrap();
    let recorded: Vec<Json> = lines(&read("expressions.jsonl"));
    let derived: Vec<Json> = lines(&read("derived.jsonl"));
    assert!(recorded.len() >= 1_793 && derived.len() >= 370, "{} and {}", recorded.len(), derived.len());
    let vectors = [recorded, derived].concat();
    let ids: BTreeSet<String> = vectors.iter().map(|vector| vector["id"].to_string()).collect();
    assert_eq!(ids.len(), vectors.len(), "an id is there twice");
    let mut violations = Vec::new();
    for vector in &vectors {
        let outcome = evaluate(vector, &contexts, &environment, engine);
        if !holds(vector, &outcome) {
            let text = vector.get("expr").unwrap_or_else(|| &vector["block"]).to_string();
            violations.push(format!(
                "{} {} ours {} expect {} found {outcome:?}",
                vector["id"], text, vector["ours"], vector["expect"]
            ));
        }
    }
    println!("{} vectors, {} violations", vectors.len(), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn one_flipped_expectation_is_a_violation() {
    let contexts: Json = serde_json::from_str(&read("contexts.json")).unwrap();
    let environment: Json = serde_json::from_str(&read("environment.json")).unwrap();
    let line = read("expressions.jsonl").lines().next().unwrap().to_owned();
    let mut vector: Json = serde_json::from_str(&line).unwrap();
    let outcome = evaluate(&vector, &contexts, &environment, interpreter);
    assert!(holds(&vector, &outcome));
    vector["expect"]["value"] = Json::from(vector["expect"]["value"].as_i64().unwrap() + 1);
    assert!(!holds(&vector, &outcome));
}
