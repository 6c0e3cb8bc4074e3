//! The interpreter: the plainest reading of the typed IR, and the oracle for everything that is faster.
//!
//! Invariants:
//!
//! - Operands are evaluated from the left, and only `&&` and `||` skip any.
//! - The same IR, facts and answers give the same value, the same error or the same next question.
//! - A question that fails ends the evaluation; only a named list that cannot be asked makes the whole condition false
//!   instead, as the server of 2022 has it.
//! - What one evaluation builds is bounded by [`limits::EVALUATION_BYTES_MAX`].

use std::cmp::Ordering;

use bumpalo::Bump;

use crate::{
    ast::BinaryOperator,
    block::Block,
    builtin,
    datum::Datum,
    facts::Row,
    function::Function,
    ir::{ExprId, Ir, NamedList, Op},
    limits,
    lookup::{Answers, Lookup, LookupFailed, World},
    pattern::Pattern,
    scratch::Scratch,
    value::{Number, Value},
};

/// Why an evaluation has no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// A question to the world failed.
    #[error(transparent)]
    Lookup(#[from] LookupFailed),
    /// It would build more than [`limits::EVALUATION_BYTES_MAX`], or an array of more than
    /// [`limits::LIST_ELEMENTS_MAX`] elements.
    #[error("the evaluation builds more than it may")]
    TooLarge,
}

/// Why an evaluation stopped.
#[derive(Clone, Debug)]
pub enum Stop {
    /// It needs an answer first.
    Needs(Lookup),
    /// It has no value.
    Failed(EvalError),
}

impl From<EvalError> for Stop {
    fn from(error: EvalError) -> Self {
        Self::Failed(error)
    }
}

/// What a block gave: its value, and the rule that gave it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The value of the rule's `then`, or of `else`.
    pub value: Value,
    /// The rule, from 0; `None` for `else`.
    pub rule: Option<usize>,
}

/// Who watches an evaluation, to explain it.
pub trait Watch {
    /// The operation `id` gave `value`.
    fn value(&mut self, id: ExprId, value: Datum<'_>);
}

/// Nobody watches.
impl Watch for () {
    fn value(&mut self, _id: ExprId, _value: Datum<'_>) {}
}

/// The value of one expression.
pub fn expression(
    ir: &Ir,
    root: ExprId,
    row: &Row<'_>,
    answers: &Answers,
    watch: &mut impl Watch,
) -> Result<Value, Stop> {
    let arena = Bump::new();
    Ok(Evaluation::new(ir, row, answers, &arena, watch).eval(root)?.to_value())
}

/// The value of a block: the `then` of the first rule whose condition is true, or `else`.
pub fn block(block: &Block, row: &Row<'_>, answers: &Answers, watch: &mut impl Watch) -> Result<Decision, Stop> {
    block_in(&Bump::new(), block, row, answers, watch)
}

/// The same, in the memory of `scratch`.
pub fn block_with(
    scratch: &mut Scratch,
    block: &Block,
    row: &Row<'_>,
    answers: &Answers,
    watch: &mut impl Watch,
) -> Result<Decision, Stop> {
    block_in(scratch.begin().arena, block, row, answers, watch)
}

fn block_in(
    arena: &Bump,
    block: &Block,
    row: &Row<'_>,
    answers: &Answers,
    watch: &mut impl Watch,
) -> Result<Decision, Stop> {
    let mut evaluation = Evaluation::new(block.ir(), row, answers, arena, watch);
    for (index, rule) in block.rules().iter().enumerate() {
        if evaluation.whole(rule.condition)?.is_true() {
            return Ok(Decision { value: evaluation.eval(rule.outcome)?.to_value(), rule: Some(index) });
        }
    }
    Ok(Decision { value: evaluation.whole(block.otherwise())?.to_value(), rule: None })
}

/// Evaluates again and again, asking `world` each time, until there is a value or nothing answers.
pub fn with_world<T>(world: &mut dyn World, mut evaluate: impl FnMut(&Answers) -> Result<T, Stop>) -> Result<T, Stop> {
    let mut answers = Answers::new();
    loop {
        match evaluate(&answers) {
            Err(Stop::Needs(lookup)) => match world.answer(&lookup) {
                Some(answer) => answers.push(answer),
                None => return Err(Stop::Needs(lookup)),
            },
            done => return done,
        }
    }
}

struct Evaluation<'a, W> {
    ir: &'a Ir,
    row: &'a Row<'a>,
    answers: &'a Answers,
    arena: &'a Bump,
    asked: usize,
    captures: Vec<&'a str>,
    spent: Spent,
    list_failed: bool,
    watch: &'a mut W,
}

impl<'a, W: Watch> Evaluation<'a, W> {
    fn new(ir: &'a Ir, row: &'a Row<'a>, answers: &'a Answers, arena: &'a Bump, watch: &'a mut W) -> Self {
        let (captures, spent) = (Vec::new(), Spent::default());
        Self { ir, row, answers, arena, asked: 0, captures, spent, list_failed: false, watch }
    }

    /// A whole condition, or an `else`, which is the condition where there are no rules: a named list that cannot be
    /// asked makes it false (2022).
    fn whole(&mut self, id: ExprId) -> Result<Datum<'a>, Stop> {
        let value = self.eval(id);
        if !std::mem::take(&mut self.list_failed) {
            return value;
        }
        let value = Datum::truth(false);
        self.watch.value(id, value);
        Ok(value)
    }

    fn eval(&mut self, id: ExprId) -> Result<Datum<'a>, Stop> {
        let ir = self.ir;
        let value = match &ir.get(id).op {
            Op::Literal(value) => Datum::of(value, self.arena),
            Op::Variable(variable) => self.row.get(*variable, self.arena),
            Op::Capture(group) => self.capture(*group),
            Op::List(items) => self.list(items)?,
            Op::Index { base, index } => {
                let base = self.eval(*base)?;
                element(base, self.eval(*index)?)
            }
            Op::Not(operand) => Datum::truth(!self.eval(*operand)?.is_true()),
            Op::Negate(operand) => negate(self.eval(*operand)?),
            Op::And(operands) => self.and(operands)?,
            Op::Or(operands) => self.or(operands)?,
            Op::Chain { first, rest } => self.chain(*first, rest)?,
            Op::Call { function, arguments } => self.call(*function, arguments)?,
            Op::Matches { pattern, subject } => self.matches(pattern, *subject)?,
            Op::InList { list, subject } => self.in_list(list, *subject)?,
            Op::System(name) => self.ask(|| Lookup::System(name.clone()))?,
            Op::Metric(name) => self.ask(|| Lookup::Metric(name.clone()))?,
            Op::ConfigGet(key) => self.ask(|| Lookup::ConfigGet(key.clone()))?,
        };
        self.watch.value(id, value);
        Ok(value)
    }

    /// A group that took part in the last match, else the empty string.
    fn capture(&self, group: u32) -> Datum<'a> {
        let text = usize::try_from(group).ok().and_then(|group| self.captures.get(group));
        text.map_or(Datum::EMPTY, |text| Datum::Text(text))
    }

    fn evals(&mut self, ids: &[ExprId]) -> Result<bumpalo::collections::Vec<'a, Datum<'a>>, Stop> {
        let mut values = bumpalo::collections::Vec::with_capacity_in(ids.len(), self.arena);
        for id in ids {
            values.push(self.eval(*id)?);
        }
        Ok(values)
    }

    fn list(&mut self, items: &[ExprId]) -> Result<Datum<'a>, Stop> {
        let items = self.evals(items)?;
        self.count(Datum::List(items.into_bump_slice()))
    }

    /// The first operand itself where it is false; behind it only truth is left (D4).
    fn and(&mut self, operands: &[ExprId]) -> Result<Datum<'a>, Stop> {
        for (position, operand) in operands.iter().enumerate() {
            let value = self.eval(*operand)?;
            if !value.is_true() {
                return Ok(if position == 0 { value } else { Datum::truth(false) });
            }
        }
        Ok(Datum::truth(true))
    }

    /// The first operand itself where it is true; behind it only truth is left (D4).
    fn or(&mut self, operands: &[ExprId]) -> Result<Datum<'a>, Stop> {
        for (position, operand) in operands.iter().enumerate() {
            let value = self.eval(*operand)?;
            if value.is_true() {
                return Ok(if position == 0 { value } else { Datum::truth(true) });
            }
        }
        Ok(Datum::truth(false))
    }

    fn chain(&mut self, first: ExprId, rest: &[(BinaryOperator, ExprId)]) -> Result<Datum<'a>, Stop> {
        let mut left = self.eval(first)?;
        for (operator, operand) in rest {
            let right = self.eval(*operand)?;
            left = self.count(binary(*operator, left, right, self.arena))?;
        }
        Ok(left)
    }

    fn call(&mut self, function: Function, arguments: &[ExprId]) -> Result<Datum<'a>, Stop> {
        let arguments = self.evals(arguments)?;
        match builtin::call(function, &arguments, self.arena) {
            Some(Ok(value)) => self.count(value),
            Some(Err(builtin::TooLarge)) => Err(EvalError::TooLarge.into()),
            None => match Lookup::of(function, &arguments, self.arena) {
                Some(lookup) => self.ask(|| lookup),
                None => Ok(Datum::EMPTY),
            },
        }
    }

    /// The answer to this evaluation's next question.
    fn ask(&mut self, lookup: impl FnOnce() -> Lookup) -> Result<Datum<'a>, Stop> {
        let answers = self.answers;
        let answer = answers.get(self.asked);
        self.asked += 1;
        match answer {
            None => Err(Stop::Needs(lookup())),
            Some(Ok(value)) => self.count(Datum::of(value, self.arena)),
            Some(Err(failed)) => Err(EvalError::Lookup(failed.clone()).into()),
        }
    }

    /// Every `matches` that runs sets the captures anew; one that fails leaves none (F1, F2).
    fn matches(&mut self, pattern: &Pattern, subject: ExprId) -> Result<Datum<'a>, Stop> {
        let subject = self.eval(subject)?.to_kept_text(self.arena);
        self.captures.clear();
        let Some(regex) = pattern.compiled() else {
            return Err(EvalError::TooLarge.into());
        };
        let Some(captures) = regex.captures(subject) else {
            return Ok(Datum::truth(false));
        };
        self.captures.extend(captures.iter().map(|group| group.map_or("", |group| group.as_str())));
        let length = self.captures.iter().map(|group| group.len()).sum();
        self.spent.add(length)?;
        Ok(Datum::truth(true))
    }

    fn in_list(&mut self, list: &NamedList, subject: ExprId) -> Result<Datum<'a>, Stop> {
        let text = self.eval(subject)?.to_text(self.arena);
        if let Some(entries) = &list.entries {
            return Ok(Datum::truth(entries.contains(&*text)));
        }
        let answer = self.ask(|| Lookup::in_list(list, &text));
        self.list_failed = matches!(answer, Err(Stop::Failed(EvalError::Lookup(_))));
        answer
    }

    fn count(&mut self, value: Datum<'a>) -> Result<Datum<'a>, Stop> {
        self.spent.count(value)?;
        Ok(value)
    }
}

/// What an array's element counts besides its text, in bytes.
pub const ELEMENT_BYTES: usize = 24;

/// What an evaluation has built, in bytes, against [`limits::EVALUATION_BYTES_MAX`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent(usize);

impl Spent {
    /// Counts a value that was built.
    pub fn count(&mut self, value: Datum<'_>) -> Result<(), EvalError> {
        match value {
            Datum::Text(text) => self.add(text.len()),
            Datum::List(items) if items.len() > limits::LIST_ELEMENTS_MAX => Err(EvalError::TooLarge),
            Datum::List(items) => {
                let texts = items.iter().map(|item| if let Datum::Text(text) = item { text.len() } else { 0 });
                self.add(items.len() * ELEMENT_BYTES + texts.sum::<usize>())
            }
            Datum::Int(_) | Datum::Float(_) | Datum::Constant(_) => Ok(()),
        }
    }

    /// Counts so many bytes.
    pub const fn add(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.0 = self.0.saturating_add(bytes);
        if self.0 > limits::EVALUATION_BYTES_MAX { Err(EvalError::TooLarge) } else { Ok(()) }
    }
}

/// An element of an array; another value is its own first element. The empty string where there is none.
#[must_use]
pub fn element<'a>(base: Datum<'a>, index: Datum<'_>) -> Datum<'a> {
    match (base, usize::try_from(index.to_int())) {
        (Datum::List(items), Ok(index)) => items.get(index).copied().unwrap_or(Datum::EMPTY),
        (scalar, Ok(0)) => scalar,
        _ => Datum::EMPTY,
    }
}

/// `left operator right`, for every operator but the two that skip operands.
#[must_use]
pub fn binary<'a>(operator: BinaryOperator, left: Datum<'a>, right: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let order = || left.compare(right);
    match operator {
        BinaryOperator::Or => Datum::truth(left.is_true() || right.is_true()),
        BinaryOperator::And => Datum::truth(left.is_true() && right.is_true()),
        BinaryOperator::Xor => Datum::truth(left.is_true() != right.is_true()),
        BinaryOperator::Equal => Datum::truth(left.equals(right)),
        BinaryOperator::NotEqual => Datum::truth(!left.equals(right)),
        BinaryOperator::Less => Datum::truth(order() == Some(Ordering::Less)),
        BinaryOperator::AtMost => Datum::truth(matches!(order(), Some(Ordering::Less | Ordering::Equal))),
        BinaryOperator::Greater => Datum::truth(order() == Some(Ordering::Greater)),
        BinaryOperator::AtLeast => Datum::truth(matches!(order(), Some(Ordering::Greater | Ordering::Equal))),
        BinaryOperator::Add => add(left, right, arena),
        BinaryOperator::Subtract => subtract(left, right, arena),
        BinaryOperator::Multiply => arithmetic(left, right, i64::saturating_mul, |a, b| a * b),
        BinaryOperator::Divide => Datum::Float(divide(left.to_number().to_f64(), right.to_number().to_f64())),
    }
}

/// D6: arrays append, texts concatenate, an empty text gives the other side, a constant gives way to a number.
fn add<'a>(left: Datum<'a>, right: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let list = |a: &[Datum<'a>], b: &[Datum<'a>]| {
        let mut items = bumpalo::collections::Vec::with_capacity_in(a.len() + b.len(), arena);
        items.extend_from_slice(a);
        items.extend_from_slice(b);
        Datum::List(items.into_bump_slice())
    };
    match (left, right) {
        (Datum::List(a), Datum::List(b)) => list(a, b),
        (Datum::List(a), item) => list(a, &[item]),
        (item, Datum::List(b)) => list(&[item], b),
        (Datum::Text(""), other) | (other, Datum::Text("")) => other,
        (Datum::Text(_), _) | (_, Datum::Text(_)) => {
            let (left, right) = (left.to_concatenated(arena), right.to_concatenated(arena));
            let mut text = bumpalo::collections::String::with_capacity_in(left.len() + right.len(), arena);
            text.push_str(&left);
            text.push_str(&right);
            Datum::Text(text.into_bump_str())
        }
        (Datum::Constant(first), Datum::Constant(_)) => Datum::Constant(first),
        (Datum::Constant(_), number) | (number, Datum::Constant(_)) => number,
        (a, b) => arithmetic(a, b, i64::saturating_add, |a, b| a + b),
    }
}

/// C8: an array on one side loses every element that equals the other side.
fn subtract<'a>(left: Datum<'a>, right: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    match (left, right) {
        (Datum::List(items), item) | (item, Datum::List(items)) => {
            let kept = items.iter().copied().filter(|kept| !kept.equals(item));
            Datum::List(bumpalo::collections::Vec::from_iter_in(kept, arena).into_bump_slice())
        }
        (a, b) => arithmetic(a, b, i64::saturating_sub, |a, b| a - b),
    }
}

/// D7, D10: whole numbers saturate, everything else is floating-point.
fn arithmetic<'a>(
    left: Datum<'_>,
    right: Datum<'_>,
    whole: fn(i64, i64) -> i64,
    float: fn(f64, f64) -> f64,
) -> Datum<'a> {
    match (left.to_number(), right.to_number()) {
        (Number::Int(a), Number::Int(b)) => Datum::Int(whole(a, b)),
        (a, b) => Datum::Float(float(a.to_f64(), b.to_f64())),
    }
}

/// D8: division by zero is zero.
fn divide(left: f64, right: f64) -> f64 {
    if right == 0.0 { 0.0 } else { left / right }
}

/// D10: the smallest integer is its own negative.
#[must_use]
pub fn negate(value: Datum<'_>) -> Datum<'_> {
    match value.to_number() {
        Number::Int(int) => Datum::Int(int.wrapping_neg()),
        Number::Float(float) => Datum::Float(-float),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Findings, MappedText, TextRange};

    use super::*;
    use crate::{
        Facts,
        block::Rule,
        check::{Compiler, Scope},
        function::Edition,
        lookup::Unknown,
        variable::Variable,
    };

    fn evaluate(text: &str, world: &mut dyn World) -> Result<Value, Stop> {
        let mut ir = Ir::default();
        let mut findings = Findings::new();
        let mut compiler = Compiler::new(Edition::Objects2026);
        let root = compiler.expression(&MappedText::verbatim(text, 0), Scope::TLS, &mut ir, &mut findings);
        let root = root.unwrap_or_else(|| panic!("{text}: {findings:?}"));
        let facts = Facts::new().with(Variable::RcptDomain, Value::text("corp.test"));
        with_world(world, |answers| expression(&ir, root, &facts.row(), answers, &mut ()))
    }

    #[test]
    fn a_lookup_that_is_not_reached_is_not_asked() {
        let cases = [
            ("0 && is_local_domain(rcpt_domain)", "0"),
            ("1 || key_get('', 'k')", "1"),
            ("1 && key_get('a', 'k')", "needs key_get('a', 'k')"),
            ("is_local_domain(rcpt_domain) && key_get('', 'k')", "needs is_local_domain('corp.test')"),
        ];
        for (text, expected) in cases {
            let found = match evaluate(text, &mut Unknown) {
                Ok(value) => value.to_string(),
                Err(Stop::Needs(lookup)) => format!("needs {lookup}"),
                Err(Stop::Failed(error)) => error.to_string(),
            };
            assert_eq!(found, expected, "{text}");
        }
    }

    /// A world that counts what it is asked.
    #[derive(Default)]
    struct Counting(Vec<String>);

    impl World for Counting {
        fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
            self.0.push(lookup.to_string());
            let number = i64::try_from(self.0.len()).unwrap();
            Some(Ok(Value::Int(number)))
        }
    }

    #[test]
    fn a_lookup_that_changes_a_store_happens_once_in_source_order() {
        let mut world = Counting::default();
        let text = "[counter_incr('', 'a', 1), key_set('', 'b', 2), counter_incr('', 'a', 1)]";
        assert_eq!(evaluate(text, &mut world).unwrap().to_string(), "[1, 2, 3]");
        assert_eq!(world.0, ["counter_incr('', 'a', '1')", "key_set('', 'b', '2')", "counter_incr('', 'a', '1')"]);
    }

    #[test]
    fn a_failed_lookup_fails_the_evaluation() {
        struct Failing;
        impl World for Failing {
            fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
                Some(Err(LookupFailed { what: lookup.to_string(), why: "servfail".into() }))
            }
        }
        let failed = evaluate("count(dns_query(rcpt_domain, 'mx')) == 0", &mut Failing);
        let Err(Stop::Failed(error)) = failed else { panic!("{failed:?}") };
        assert_eq!(error.to_string(), "dns_query('corp.test', 'mx') failed: servfail");
    }

    /// A world in which the list `down` cannot be asked, and every other one has everything.
    struct Lists;

    impl World for Lists {
        fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
            Some(match lookup {
                Lookup::InList { list, .. } if &**list == "down" => {
                    Err(LookupFailed { what: lookup.to_string(), why: "refused".into() })
                }
                _ => Ok(Value::truth(true)),
            })
        }
    }

    #[test]
    fn a_list_that_cannot_be_asked_makes_the_whole_condition_false() {
        let cases: [(&str, Condition, &str); 5] = [
            ("up", |ir| in_list(ir, "up"), "'taken'"),
            ("down", |ir| in_list(ir, "down"), "'next'"),
            ("not down", |ir| not_in_list(ir, "down"), "'next'"),
            ("down or up", |ir| any_of(ir, ["down", "up"]), "'next'"),
            ("up or down", |ir| any_of(ir, ["up", "down"]), "'taken'"),
        ];
        for (name, condition, expected) in cases {
            let mut ir = Ir::default();
            let conditions = [condition(&mut ir), in_list(&mut ir, "up")];
            let outcomes = ["taken", "next"].map(|text| literal(&mut ir, text));
            let rules = conditions.into_iter().zip(outcomes);
            let rules = rules.map(|(condition, outcome)| Rule { condition, outcome, range: AT });
            let otherwise = literal(&mut ir, "");
            let block = Block::new(ir, rules.collect(), otherwise, AT);
            let found = with_world(&mut Lists, |answers| super::block(&block, &Row::new(), answers, &mut ()));
            assert_eq!(found.unwrap().value.to_string(), expected, "{name}");
        }
    }

    #[test]
    fn a_condition_without_rules_is_false_where_its_list_cannot_be_asked() {
        let mut ir = Ir::default();
        let down = in_list(&mut ir, "down");
        let block = Block::new(ir, Vec::new(), down, AT);
        let mut seen = Seen(Vec::new());
        let found = with_world(&mut Lists, |answers| super::block(&block, &Row::new(), answers, &mut seen));
        assert_eq!(found.unwrap().value.to_string(), "0");
        assert_eq!(seen.0.last(), Some(&(down, "0".to_owned())), "who watches sees it, too");
    }

    const AT: TextRange = TextRange::at(0);

    type Condition = fn(&mut Ir) -> ExprId;

    /// What a watcher was told.
    struct Seen(Vec<(ExprId, String)>);

    impl Watch for Seen {
        fn value(&mut self, id: ExprId, value: Datum<'_>) {
            self.0.push((id, value.to_value().to_string()));
        }
    }

    fn literal(ir: &mut Ir, text: &str) -> ExprId {
        ir.push(Op::Literal(Value::text(text)), AT)
    }

    fn in_list(ir: &mut Ir, name: &str) -> ExprId {
        let subject = literal(ir, "x");
        ir.push(Op::InList { list: Arc::new(NamedList { name: name.into(), entries: None }), subject }, AT)
    }

    fn not_in_list(ir: &mut Ir, name: &str) -> ExprId {
        let found = in_list(ir, name);
        ir.push(Op::Not(found), AT)
    }

    fn any_of(ir: &mut Ir, names: [&str; 2]) -> ExprId {
        let operands = names.map(|name| in_list(ir, name));
        ir.push(Op::Or(Box::new(operands)), AT)
    }

    #[test]
    fn what_an_evaluation_builds_is_bounded() {
        for text in [
            "split_n('', '', 5000)".to_owned(),
            format!("split('{}', '')", "x".repeat(5_000)),
            format!("len({})", vec![format!("'{}'", "y".repeat(60)); 900].join(" + ")),
        ] {
            let found = evaluate(&text, &mut Unknown);
            assert!(matches!(found, Err(Stop::Failed(EvalError::TooLarge))), "{}: {found:?}", text.len());
        }
    }
}
