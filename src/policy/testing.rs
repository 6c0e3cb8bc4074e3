//! Programs, facts and a world made from choices: for tests that compare two engines.
//!
//! The choices come from a seed, which a failing test prints, or from the bytes of a fuzzer. Texts and numbers are
//! drawn from small pools that literals and facts share, so that tests hit about as often as they miss; the pools hold
//! what is special to some operation: empty texts, texts that are numbers, letters that change their length, numbers
//! at the ends of their range.

use std::sync::Arc;

use base::TextRange;

use crate::{
    Answers, Block, Constant, EvalError, ExprId, Facts, Function, Ir, Lookup, LookupFailed, NamedList, Op, Rule, Stop,
    Type, Value, Variable, ast::BinaryOperator, function::Edition, lookup::World, pattern::PatternBudget,
};

/// Where choices come from.
#[derive(Clone, Debug)]
pub enum Choices<'a> {
    /// A seed.
    Seed(u64),
    /// A fuzzer's bytes; zeros behind their end.
    Bytes(&'a [u8]),
}

impl Choices<'_> {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1);
        match self {
            // Splitmix64.
            Self::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((mixed ^ mixed >> 31) % end as u64) as usize
            }
            Self::Bytes(bytes) => match bytes.split_first() {
                Some((first, rest)) => {
                    *bytes = rest;
                    usize::from(*first) % end
                }
                None => 0,
            },
        }
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn of<T: Copy>(&mut self, pool: &[T], otherwise: T) -> T {
        pool.get(self.below(pool.len())).copied().unwrap_or(otherwise)
    }

    fn text(&mut self) -> &'static str {
        self.of(TEXTS, "")
    }

    fn int(&mut self) -> i64 {
        self.of(INTS, 0)
    }
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "corp.test",
    "mail.corp.test",
    "dest.example",
    ".test",
    "user@corp.test",
    "USER@dest.example",
    "bounce+1@mail.corp.test",
    "tls",
    "dsn",
    "none",
    "1",
    "2.5",
    "-3",
    "0",
    "192.0.2.1",
    "192.0.2.0/24",
    "2001:db8::1",
    "é",
    "ΑΣ",
    "a b  c",
    "a\r\nb",
    "NaN",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@corp.test",
    "corp.tests",
    "xcorp.test",
];
const INTS: &[i64] = &[0, 1, 2, 3, -1, 10, 4096, 5_000_000, i64::MAX, i64::MIN];
const FLOATS: &[f64] = &[0.0, -0.0, 0.5, 1.0, 2.5, -3.0, 1e300, f64::NAN, f64::INFINITY];
const PATTERNS: &[&str] = &[
    r"^(.*)@corp\.test$",
    r"^bounce\+(\d+)@",
    r"test$",
    r"corp|dest",
    r"(a)|(b)",
    r"\d+",
    r"^$",
    r"(?i)user",
    r".",
    r"x(y)?",
];
const AT: TextRange = TextRange::at(0);

/// A block of rules.
pub fn block(choices: &mut Choices<'_>) -> Block {
    let mut maker = Maker { ir: Ir::default(), choices, patterns: PatternBudget::default(), left: 400 };
    let count = match maker.choices.below(8) {
        0 => 0,
        1..=4 => maker.choices.below(4),
        5 | 6 => maker.choices.below(12),
        _ => maker.choices.below(60),
    };
    // Long blocks are of simple questions, as real ones are.
    let is_simple = count > 12 || maker.choices.one_in(2);
    let mut rules = Vec::new();
    for _ in 0..count {
        let condition = if is_simple && !maker.choices.one_in(8) { maker.question() } else { maker.condition(3) };
        let outcome = maker.outcome();
        rules.push(Rule { condition, outcome, range: AT });
    }
    let otherwise = maker.outcome();
    Block::new(maker.ir, rules, otherwise, AT)
}

/// A block of rules whose outcomes are names, many of them known.
pub fn named_block(choices: &mut Choices<'_>, names: &[&'static str]) -> Block {
    let mut maker = Maker { ir: Ir::default(), choices, patterns: PatternBudget::default(), left: 300 };
    let count = maker.choices.below(12);
    let mut rules = Vec::new();
    for _ in 0..count {
        let condition = if maker.choices.one_in(2) { maker.question() } else { maker.condition(3) };
        let outcome = maker.name(names);
        rules.push(Rule { condition, outcome, range: AT });
    }
    let otherwise = maker.name(names);
    Block::new(maker.ir, rules, otherwise, AT)
}

struct Maker<'m, 'c> {
    ir: Ir,
    choices: &'m mut Choices<'c>,
    patterns: PatternBudget,
    /// How many more operations may be made before only leaves are.
    left: usize,
}

impl Maker<'_, '_> {
    fn push(&mut self, op: Op) -> ExprId {
        self.left = self.left.saturating_sub(1);
        self.ir.push(op, AT)
    }

    fn literal_text(&mut self) -> ExprId {
        let text = self.choices.text();
        self.push(Op::Literal(Value::text(text)))
    }

    fn text_variable(&mut self) -> ExprId {
        let pool = [
            Variable::RcptDomain,
            Variable::RcptDomain,
            Variable::Rcpt,
            Variable::SenderDomain,
            Variable::Source,
            Variable::LastError,
            Variable::Mx,
        ];
        let variable = self.choices.of(&pool, Variable::Rcpt);
        self.push(Op::Variable(variable))
    }

    fn int_variable(&mut self) -> ExprId {
        let pool = [Variable::RetryNum, Variable::Size, Variable::Priority];
        let variable = self.choices.of(&pool, Variable::Size);
        if self.choices.one_in(6) { self.ir.push_optional(variable, AT) } else { self.push(Op::Variable(variable)) }
    }

    /// One question about one variable, as most rules ask.
    fn question(&mut self) -> ExprId {
        match self.choices.below(14) {
            0..=3 => {
                let (variable, literal) = (self.text_variable(), self.literal_text());
                let operator = if self.choices.one_in(6) { BinaryOperator::NotEqual } else { BinaryOperator::Equal };
                let (first, second) = if self.choices.one_in(4) { (literal, variable) } else { (variable, literal) };
                self.push(Op::Chain { first, rest: Box::new([(operator, second)]) })
            }
            4 => {
                let texts = (0..self.choices.below(8)).map(|_| Box::from(self.choices.text())).collect();
                let list = NamedList { name: "list/domains".into(), entries: Some(texts) };
                let subject = self.text_variable();
                self.push(Op::InList { list: Arc::new(list), subject })
            }
            5 => {
                let items = (0..self.choices.below(6)).map(|_| self.literal_text()).collect();
                let list = self.push(Op::List(items));
                let subject = self.text_variable();
                self.push(Op::Call { function: Function::Contains, arguments: Box::new([list, subject]) })
            }
            6 | 7 => {
                let functions = [Function::StartsWith, Function::EndsWith, Function::Contains];
                let function = self.choices.of(&functions, Function::Contains);
                let arguments = Box::new([self.text_variable(), self.literal_text()]);
                self.push(Op::Call { function, arguments })
            }
            8 | 9 => {
                let (variable, int) = (self.int_variable(), self.choices.int());
                let literal = self.push(Op::Literal(Value::Int(int)));
                let operators = [
                    BinaryOperator::Less,
                    BinaryOperator::AtMost,
                    BinaryOperator::Greater,
                    BinaryOperator::AtLeast,
                    BinaryOperator::Equal,
                    BinaryOperator::NotEqual,
                ];
                let operator = self.choices.of(&operators, BinaryOperator::Equal);
                self.push(Op::Chain { first: variable, rest: Box::new([(operator, literal)]) })
            }
            10 => {
                let subject = self.text_variable();
                self.matches(subject)
            }
            11 => {
                let operand = self.question();
                self.push(Op::Not(operand))
            }
            12 => {
                let operands = Box::new([self.question(), self.question()]);
                let op = if self.choices.one_in(2) { Op::And(operands) } else { Op::Or(operands) };
                self.push(op)
            }
            _ => {
                let argument = self.text_variable();
                self.push(Op::Call { function: Function::IsLocalDomain, arguments: Box::new([argument]) })
            }
        }
    }

    fn condition(&mut self, depth: usize) -> ExprId {
        if depth == 0 || self.left == 0 {
            return self.question();
        }
        match self.choices.below(5) {
            0 | 1 => {
                let count = 2 + self.choices.below(2);
                let operands: Box<[ExprId]> = (0..count).map(|_| self.condition(depth - 1)).collect();
                let op = if self.choices.one_in(2) { Op::And(operands) } else { Op::Or(operands) };
                self.push(op)
            }
            2 => self.question(),
            _ => self.value(depth),
        }
    }

    fn outcome(&mut self) -> ExprId {
        if self.choices.one_in(3) { self.value(3) } else { self.literal_text() }
    }

    fn name(&mut self, names: &[&'static str]) -> ExprId {
        let known = self.choices.of(names, "");
        match self.choices.below(6) {
            0 => self.value(2),
            1 => {
                let (front, back) = known.split_at_checked(1).unwrap_or((known, ""));
                let first = self.push(Op::Literal(Value::text(front)));
                let second = self.push(Op::Literal(Value::text(back)));
                let condition = self.question();
                let function = Function::IfThen;
                let empty = self.push(Op::Literal(Value::empty()));
                let second = self.push(Op::Call { function, arguments: Box::new([condition, second, empty]) });
                self.push(Op::Chain { first, rest: Box::new([(BinaryOperator::Add, second)]) })
            }
            _ => self.push(Op::Literal(Value::text(known))),
        }
    }

    fn matches(&mut self, subject: ExprId) -> ExprId {
        let text = self.choices.of(PATTERNS, "a");
        match self.patterns.check(text) {
            Ok(pattern) => self.push(Op::Matches { pattern: Arc::new(pattern), subject }),
            Err(_) => self.push(Op::Not(subject)),
        }
    }

    /// Any operation at all.
    fn value(&mut self, depth: usize) -> ExprId {
        if depth == 0 || self.left == 0 {
            return self.leaf();
        }
        let depth = depth - 1;
        match self.choices.below(16) {
            0 => self.leaf(),
            14 | 15 => self.arithmetic(),
            1 => {
                let items = (0..self.choices.below(4)).map(|_| self.value(depth)).collect();
                self.push(Op::List(items))
            }
            2 => {
                let (base, index) = (self.value(depth), self.value(depth));
                self.push(Op::Index { base, index })
            }
            3 => {
                let operand = self.value(depth);
                let op = if self.choices.one_in(2) { Op::Not(operand) } else { Op::Negate(operand) };
                self.push(op)
            }
            4 => {
                let count = 2 + self.choices.below(2);
                let operands: Box<[ExprId]> = (0..count).map(|_| self.value(depth)).collect();
                let op = if self.choices.one_in(2) { Op::And(operands) } else { Op::Or(operands) };
                self.push(op)
            }
            5..=8 => {
                let first = self.value(depth);
                let count = 1 + self.choices.below(3) / 2;
                let operators = BinaryOperator::ALL.get(2..).unwrap_or_default();
                let rest = (0..count).map(|_| {
                    // Behind `||` and `&&`, which are operations of their own.
                    let operator = self.choices.of(operators, BinaryOperator::Xor);
                    (operator, self.value(depth))
                });
                let rest = rest.collect();
                self.push(Op::Chain { first, rest })
            }
            9 => {
                let subject = self.value(depth);
                self.matches(subject)
            }
            10 => {
                let subject = self.value(depth);
                let list = NamedList { name: "list/far".into(), entries: None };
                self.push(Op::InList { list: Arc::new(list), subject })
            }
            _ => {
                let function = self.choices.of(Function::ALL, Function::Len);
                let edition = if self.choices.one_in(4) { Edition::Strategies2025 } else { Edition::Objects2026 };
                let count = (0..4).find(|count| function.takes(edition, *count)).unwrap_or_else(|| function.arity());
                let arguments = (0..count).map(|_| self.value(depth)).collect();
                self.push(Op::Call { function, arguments })
            }
        }
    }

    /// Numbers alone, which become straight code.
    fn arithmetic(&mut self) -> ExprId {
        let operators = BinaryOperator::ALL.get(3..).unwrap_or_default();
        let first = self.number();
        let count = 1 + self.choices.below(3);
        let rest = (0..count).map(|_| (self.choices.of(operators, BinaryOperator::Add), self.number())).collect();
        self.push(Op::Chain { first, rest })
    }

    fn number(&mut self) -> ExprId {
        match self.choices.below(8) {
            0..=3 => self.int_variable(),
            4 | 5 => {
                let int = self.choices.int();
                self.push(Op::Literal(Value::Int(int)))
            }
            6 => {
                let float = self.choices.of(FLOATS, 0.0);
                self.push(Op::Literal(Value::Float(float)))
            }
            _ => {
                let operand = self.int_variable();
                self.push(Op::Negate(operand))
            }
        }
    }

    fn leaf(&mut self) -> ExprId {
        let op = match self.choices.below(12) {
            0..=2 => return self.literal_text(),
            3 => Op::Literal(Value::Int(self.choices.int())),
            4 => Op::Literal(Value::Float(self.choices.of(FLOATS, 0.0))),
            5 => Op::Literal(Value::Constant(self.choices.of(Constant::ALL, Constant::Require))),
            6 | 7 => return self.text_variable(),
            8 => return self.int_variable(),
            9 => Op::Variable(Variable::Recipients),
            10 => Op::Capture(self.choices.below(3) as u32),
            _ => match self.choices.below(3) {
                0 => Op::System("hostname".into()),
                1 => Op::Metric("queue.count".into()),
                _ => Op::ConfigGet("a.key".into()),
            },
        };
        self.push(op)
    }
}

/// What is known of a recipient.
pub fn facts(choices: &mut Choices<'_>) -> Facts {
    let mut facts = Facts::new();
    for &variable in Variable::ALL {
        // A fact may be missing; most are there.
        if choices.one_in(40) {
            continue;
        }
        let value = match variable.ty() {
            Type::Int => Value::Int(choices.int()),
            Type::Array => Value::list((0..choices.below(4)).map(|_| Value::text(choices.text())).collect()),
            _ => Value::text(choices.text()),
        };
        facts.set(variable, value);
    }
    facts
}

/// A world that answers from choices of its own, the same each time that it is begun again, and keeps what it is asked.
#[derive(Clone, Debug)]
pub struct Chosen {
    seed: u64,
    choices: Choices<'static>,
    /// The questions, in order.
    pub asked: Vec<String>,
}

impl Chosen {
    /// The world of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, choices: Choices::Seed(seed), asked: Vec::new() }
    }

    /// As it was at first.
    pub fn begin(&mut self) {
        *self = Self::new(self.seed);
    }
}

impl World for Chosen {
    fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
        self.asked.push(lookup.to_string());
        if self.choices.one_in(30) {
            return None;
        }
        if self.choices.one_in(12) {
            return Some(Err(LookupFailed { what: lookup.to_string(), why: "servfail".to_owned() }));
        }
        let value = match lookup {
            // Now and then something of a type that nobody expects.
            _ if self.choices.one_in(30) => Value::list(vec![Value::text(self.choices.text())]),
            Lookup::LocalDomain { .. }
            | Lookup::LocalAddress { .. }
            | Lookup::KeyExists { .. }
            | Lookup::KeySet { .. }
            | Lookup::CounterGet { .. }
            | Lookup::CounterIncr { .. }
            | Lookup::InList { .. } => Value::Int(self.choices.of(&[0, 1], 0)),
            Lookup::Dns { .. } => {
                Value::list((0..self.choices.below(3)).map(|_| Value::text(self.choices.text())).collect())
            }
            Lookup::Metric(_) => Value::Float(self.choices.of(FLOATS, 0.0)),
            Lookup::KeyGet { .. } | Lookup::Sql { .. } | Lookup::System(_) | Lookup::ConfigGet(_) => {
                Value::text(self.choices.text())
            }
        };
        Some(Ok(value))
    }
}

/// What an evaluation came to, for comparing: its value, its error or the question that nothing answered, and every
/// question before.
pub fn outcome<T>(
    world: &mut Chosen,
    mut evaluate: impl FnMut(&Answers) -> Result<T, Stop>,
    shown: impl Fn(&T) -> String,
) -> String {
    world.begin();
    let result = crate::interpret::with_world(world, &mut evaluate);
    let result = match &result {
        Ok(value) => shown(value),
        Err(Stop::Needs(lookup)) => format!("needs {lookup}"),
        Err(Stop::Failed(EvalError::Lookup(failed))) => failed.to_string(),
        Err(Stop::Failed(error @ EvalError::TooLarge)) => error.to_string(),
    };
    format!("{result}; asked {:?}", world.asked)
}
