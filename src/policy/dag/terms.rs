//! The operations of a block with equal ones shared and constant ones folded.
//!
//! Invariants:
//!
//! - Only what gives the same value whenever it is asked within one evaluation is shared or folded: an operation that
//!   asks the world, that sets or reads captures, or that must count what it builds is *ordered*, and stands once for
//!   each place that it is written at.
//! - What is folded was computed by the interpreter.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    ast::BinaryOperator,
    facts::Row,
    function::{Effect, Function},
    interpret,
    ir::{Expr, ExprId, Ir, Op, Type},
    lookup::Answers,
    value::Value,
    variable::{Variable, VariableSet},
};

/// Shared operations.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    ir: Ir,
    ordered: Vec<bool>,
    #[expect(clippy::disallowed_types, reason = "it is only ever looked up")]
    known: std::collections::HashMap<Key, ExprId, rustc_hash::FxBuildHasher>,
}

/// What makes two operations the same.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    Int(i64),
    Float(u64),
    Text(Arc<str>),
    Constant(crate::Constant),
    Variable(Variable, Type),
    Operation(Operation, Box<[ExprId]>),
    Binary(ExprId, BinaryOperator, ExprId),
    Chain(ExprId, Box<[(BinaryOperator, ExprId)]>),
    /// The pattern's text and the subject.
    Matches(Box<str>, ExprId),
    /// The list's name, its address while the block lives, and the subject.
    InList(Box<str>, usize, ExprId),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Operation {
    List,
    Index,
    Not,
    Negate,
    And,
    Or,
    Call(Function),
}

/// How operations that set captures, and those that build texts, are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Order {
    /// Whether what is built must be counted to the byte.
    pub(super) counts: bool,
    /// Whether a `matches` at this place sets captures that something reads.
    pub(super) captures: bool,
}

impl Terms {
    /// No operations, and room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        let mut terms = Self::default();
        terms.ordered.reserve(count);
        terms.known.reserve(count);
        terms
    }

    /// The operations; those that are not ordered may have several users.
    #[must_use]
    pub const fn ir(&self) -> &Ir {
        &self.ir
    }

    /// The operation `id`.
    #[must_use]
    pub fn get(&self, id: ExprId) -> &Expr {
        self.ir.get(id)
    }

    /// Whether `id` must happen at its place and once: it asks the world, touches captures or counts what it builds.
    #[must_use]
    pub fn is_ordered(&self, id: ExprId) -> bool {
        self.ordered.get(id.index()).copied().unwrap_or(true)
    }

    /// The literal that `id` is.
    #[must_use]
    pub fn literal(&self, id: ExprId) -> Option<&Value> {
        match &self.get(id).op {
            Op::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Every variable that an operation reads.
    pub(super) fn reads(&self) -> VariableSet {
        let variables = self.ir.exprs().filter_map(|(_, expr)| match expr.op {
            Op::Variable(variable) => Some(variable),
            _ => None,
        });
        variables.fold(VariableSet::NONE, VariableSet::with)
    }

    /// Takes over `expr`, whose operands `own` has already.
    pub(super) fn take(&mut self, expr: &Expr, own: impl Fn(ExprId) -> ExprId, order: Order) -> ExprId {
        let all = |ids: &[ExprId]| ids.iter().map(|id| own(*id)).collect::<Box<[ExprId]>>();
        let op = match &expr.op {
            Op::List(items) => Op::List(all(items)),
            Op::Index { base, index } => Op::Index { base: own(*base), index: own(*index) },
            Op::Not(operand) => Op::Not(own(*operand)),
            Op::Negate(operand) => Op::Negate(own(*operand)),
            Op::And(operands) => Op::And(all(operands)),
            Op::Or(operands) => Op::Or(all(operands)),
            Op::Chain { first, rest } => Op::Chain {
                first: own(*first),
                rest: rest.iter().map(|(operator, operand)| (*operator, own(*operand))).collect(),
            },
            Op::Call { function, arguments } => Op::Call { function: *function, arguments: all(arguments) },
            Op::Matches { pattern, subject } => Op::Matches { pattern: pattern.clone(), subject: own(*subject) },
            Op::InList { list, subject } => Op::InList { list: list.clone(), subject: own(*subject) },
            leaf @ (Op::Literal(_)
            | Op::Variable(_)
            | Op::Capture(_)
            | Op::System(_)
            | Op::Metric(_)
            | Op::ConfigGet(_)) => leaf.clone(),
        };
        let is_ordered = is_effect(&op)
            || (order.captures && matches!(op, Op::Matches { .. }))
            || (order.counts && builds(&op, expr.ty))
            || operands(&op).any(|operand| self.is_ordered(operand));
        self.add(Expr { op, ty: expr.ty, range: expr.range }, is_ordered)
    }

    /// `left operator right`, which is not ordered.
    pub(super) fn binary(&mut self, like: &Expr, operator: BinaryOperator, left: ExprId, right: ExprId) -> ExprId {
        let is_ordered = self.is_ordered(left) || self.is_ordered(right);
        let op = Op::Chain { first: left, rest: Box::new([(operator, right)]) };
        self.add(Expr { op, ty: Type::Int, range: like.range }, is_ordered)
    }

    fn add(&mut self, expr: Expr, is_ordered: bool) -> ExprId {
        if is_ordered {
            return self.push(expr, true);
        }
        let key = key(&expr);
        if let Some(known) = key.as_ref().and_then(|key| self.known.get(key)) {
            return *known;
        }
        let folded = self.folded(&expr);
        let id = match folded {
            Some(value) => self.add(Expr { ty: value.ty(), op: Op::Literal(value), range: expr.range }, false),
            None => self.push(expr, false),
        };
        if let Some(key) = key {
            self.known.insert(key, id);
        }
        id
    }

    fn push(&mut self, expr: Expr, is_ordered: bool) -> ExprId {
        self.ordered.push(is_ordered);
        self.ir.push_typed(expr.op, expr.ty, expr.range)
    }

    /// The value of an operation on literals, as the interpreter has it; `None` where it has none.
    fn folded(&self, expr: &Expr) -> Option<Value> {
        if matches!(expr.op, Op::Literal(_) | Op::Variable(_)) {
            return None;
        }
        let mut ir = Ir::default();
        let mut ids = Vec::new();
        for operand in operands(&expr.op) {
            let value = self.literal(operand)?.clone();
            ids.push((operand, ir.push(Op::Literal(value), expr.range)));
        }
        let own = |id: ExprId| ids.iter().find(|(of, _)| *of == id).map_or(id, |(_, own)| *own);
        let mut alone = Self { ir, ..Self::default() };
        alone.ordered.resize(alone.ir.len(), true);
        // Ordered, so that it is not folded in turn.
        let root = alone.take_as_is(expr, own);
        interpret::expression(&alone.ir, root, &Row::new(), &Answers::new(), &mut ()).ok()
    }

    fn take_as_is(&mut self, expr: &Expr, own: impl Fn(ExprId) -> ExprId) -> ExprId {
        self.take(expr, own, Order { counts: true, captures: true })
    }
}

/// The operands of `op`, from the left.
pub fn operands(op: &Op) -> impl Iterator<Item = ExprId> {
    let one = match op {
        Op::Not(one) | Op::Negate(one) | Op::Chain { first: one, .. } => Some(*one),
        Op::Index { base: one, .. } | Op::Matches { subject: one, .. } | Op::InList { subject: one, .. } => Some(*one),
        _ => None,
    };
    let two = if let Op::Index { index, .. } = op { Some(*index) } else { None };
    let many = match op {
        Op::List(many) | Op::And(many) | Op::Or(many) | Op::Call { arguments: many, .. } => &**many,
        _ => &[],
    };
    let rest = if let Op::Chain { rest, .. } = op { &**rest } else { &[] };
    one.into_iter().chain(two).chain(many.iter().copied()).chain(rest.iter().map(|(_, operand)| *operand))
}

/// Whether `op` asks the world or reads captures.
pub(super) fn is_effect(op: &Op) -> bool {
    match op {
        Op::Capture(_) | Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => true,
        Op::Call { function, .. } => function.effect() != Effect::None,
        Op::InList { list, .. } => list.entries.is_none(),
        Op::Literal(_)
        | Op::Variable(_)
        | Op::List(_)
        | Op::Index { .. }
        | Op::Not(_)
        | Op::Negate(_)
        | Op::And(_)
        | Op::Or(_)
        | Op::Chain { .. }
        | Op::Matches { .. } => false,
    }
}

/// Whether the interpreter counts the value of `op`, which is of the type `ty`.
pub(super) fn builds(op: &Op, ty: Type) -> bool {
    let is_sized = !matches!(ty, Type::Int | Type::Float | Type::Constant);
    match op {
        Op::List(_) | Op::Matches { .. } => true,
        // A chain counts each step, and an earlier one may be a text where the last one is not.
        Op::Chain { rest, .. } => {
            let is_truth = |operator: &BinaryOperator| {
                use BinaryOperator as B;
                matches!(
                    operator,
                    B::Or | B::And | B::Xor | B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast
                )
            };
            is_sized || (rest.len() > 1 && !rest.iter().all(|(operator, _)| is_truth(operator)))
        }
        Op::Call { .. } | Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => is_sized,
        Op::Literal(_)
        | Op::Variable(_)
        | Op::Capture(_)
        | Op::Index { .. }
        | Op::Not(_)
        | Op::Negate(_)
        | Op::And(_)
        | Op::Or(_)
        | Op::InList { .. } => false,
    }
}

fn key(expr: &Expr) -> Option<Key> {
    Some(match &expr.op {
        Op::Literal(Value::Int(int)) => Key::Int(*int),
        Op::Literal(Value::Float(float)) => Key::Float(float.to_bits()),
        Op::Literal(Value::Text(text)) => Key::Text(text.clone()),
        Op::Literal(Value::Constant(constant)) => Key::Constant(*constant),
        Op::Literal(Value::List(_)) => return None,
        Op::Variable(variable) => Key::Variable(*variable, expr.ty),
        Op::List(items) => Key::Operation(Operation::List, items.clone()),
        Op::Index { base, index } => Key::Operation(Operation::Index, Box::new([*base, *index])),
        Op::Not(operand) => Key::Operation(Operation::Not, Box::new([*operand])),
        Op::Negate(operand) => Key::Operation(Operation::Negate, Box::new([*operand])),
        Op::And(operands) => Key::Operation(Operation::And, operands.clone()),
        Op::Or(operands) => Key::Operation(Operation::Or, operands.clone()),
        Op::Chain { first, rest } => match **rest {
            [(operator, second)] => Key::Binary(*first, operator, second),
            _ => Key::Chain(*first, rest.clone()),
        },
        Op::Call { function, arguments } => Key::Operation(Operation::Call(*function), arguments.clone()),
        Op::Matches { pattern, subject } => Key::Matches(pattern.text().into(), *subject),
        Op::InList { list, subject } => Key::InList(list.name.clone(), Arc::as_ptr(list).addr(), *subject),
        Op::Capture(_) | Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => return None,
    })
}

/// The texts of an array that is written down, where it holds nothing else.
pub(super) fn texts(terms: &Terms, list: ExprId) -> Option<BTreeSet<Arc<str>>> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
    match &terms.get(list).op {
        Op::List(items) => items.iter().map(|item| text(terms.literal(*item)?)).collect(),
        Op::Literal(Value::List(items)) => items.iter().map(text).collect(),
        _ => None,
    }
}
