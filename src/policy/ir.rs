//! The typed IR: what an expression or a block means, with every name resolved.
//!
//! It is made from the tree by `check`, read from a text by `ir_text`, and run by `interpret`, which is the oracle
//! for everything that makes it faster.
//!
//! Invariants, kept by [`Ir::push`]:
//!
//! - An operation's operands have lower ids, so that no walk over an [`Ir`] needs to recurse and none can loop.
//! - The type of an operation is what its operation and its operands' types say, [`Type::Any`] where only a run can
//!   tell.

use std::{collections::BTreeSet, fmt, sync::Arc};

use base::TextRange;

use crate::{ast::BinaryOperator, function::Function, pattern::Pattern, value::Value, variable::Variable};

/// The type of a value.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Type {
    /// A signed 64-bit integer; also truth, as 1 and 0.
    Int,
    /// A floating-point number.
    Float,
    /// A string.
    String,
    /// An array.
    Array,
    /// A constant.
    Constant,
    /// One of the others; only a run can tell.
    Any,
}

impl Type {
    /// Its name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::String => "string",
            Self::Array => "array",
            Self::Constant => "constant",
            Self::Any => "any",
        }
    }

    /// The type of a value that is of one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Any }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// An operation's number within its [`Ir`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExprId(u32);

impl ExprId {
    /// No operation; never an operand.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// Its place in the order of [`Ir::exprs`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A named list of a 2022 policy, as `in-list` asks it.
#[derive(Clone, Eq, PartialEq)]
pub struct NamedList {
    /// Its name, such as `list/domains`.
    pub name: Box<str>,
    /// Its entries; `None` where the document does not hold them, and the environment is asked.
    pub entries: Option<BTreeSet<Box<str>>>,
}

/// Without its entries, which may have come out of a file.
impl fmt::Debug for NamedList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.entries.as_ref().map(BTreeSet::len);
        out.debug_struct("NamedList").field("name", &self.name).field("entries", &count).finish()
    }
}

/// What an operation does.
#[derive(Clone, Debug)]
pub enum Op {
    /// A value that is written down.
    Literal(Value),
    /// A fact.
    Variable(Variable),
    /// A group of the last `matches`.
    Capture(u32),
    /// A new array.
    List(Box<[ExprId]>),
    /// An element of an array.
    Index {
        /// The array.
        base: ExprId,
        /// Which element.
        index: ExprId,
    },
    /// 1 where it is false, else 0.
    Not(ExprId),
    /// Its negative.
    Negate(ExprId),
    /// `&&`: the first operand itself where it is false, else 0 or 1; stops at the first that is false.
    And(Box<[ExprId]>),
    /// `||`: the first operand itself where it is true, else 0 or 1; stops at the first that is true.
    Or(Box<[ExprId]>),
    /// Operators taken from the left; never `&&` or `||`.
    Chain {
        /// The first operand.
        first: ExprId,
        /// The operators, each with the operand behind it.
        rest: Box<[(BinaryOperator, ExprId)]>,
    },
    /// A function; all arguments are evaluated before it.
    Call {
        /// Which.
        function: Function,
        /// Its arguments, as many as its arity.
        arguments: Box<[ExprId]>,
    },
    /// `matches`: sets the captures.
    Matches {
        /// The regular expression.
        pattern: Arc<Pattern>,
        /// The text that it is tried on.
        subject: ExprId,
    },
    /// Whether a named list has a text (2022). A list that cannot be asked makes the whole condition of its rule false,
    /// whatever stands around this: `not-in-list` then is no more true than `in-list`.
    InList {
        /// The list.
        list: Arc<NamedList>,
        /// The text.
        subject: ExprId,
    },
    /// `system('…')`
    System(Arc<str>),
    /// `metric('…')`
    Metric(Arc<str>),
    /// `config_get('…')`
    ConfigGet(Arc<str>),
}

/// One operation with its type and its place in the document.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it does.
    pub op: Op,
    /// The type of its value.
    pub ty: Type,
    /// Where it is written.
    pub range: TextRange,
}

/// Operations, operands before those that use them.
#[derive(Clone, Debug, Default)]
pub struct Ir {
    exprs: Vec<Expr>,
}

impl Ir {
    /// Adds an operation with the type that follows from its operands.
    pub fn push(&mut self, op: Op, range: TextRange) -> ExprId {
        let ty = self.infer(&op);
        self.push_typed(op, ty, range)
    }

    /// Adds a variable that may be unset, and then is the empty string.
    pub fn push_optional(&mut self, variable: Variable, range: TextRange) -> ExprId {
        self.push_typed(Op::Variable(variable), variable.ty().or(Type::String), range)
    }

    /// Adds an operation with a given type: a variable that may be unset is [`Type::Any`].
    pub(crate) fn push_typed(&mut self, op: Op, ty: Type, range: TextRange) -> ExprId {
        let id = ExprId(u32::try_from(self.exprs.len()).unwrap_or(u32::MAX));
        self.exprs.push(Expr { op, ty, range });
        id
    }

    /// Says that the value of `id` may be of any type.
    pub(crate) fn set_any(&mut self, id: ExprId) {
        if let Some(expr) = self.exprs.get_mut(id.index()) {
            expr.ty = Type::Any;
        }
    }

    /// The operation `id`.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `push` of the same IR")]
    pub fn get(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()]
    }

    /// Every operation, operands first.
    pub fn exprs(&self) -> impl ExactSizeIterator<Item = (ExprId, &Expr)> {
        self.exprs.iter().enumerate().map(|(id, expr)| (ExprId(id as u32), expr))
    }

    /// The value of `id` where it is written down: a literal, a list of them, or the negative of one.
    ///
    /// The operations of an expression are at most [`crate::limits::NESTING_MAX`] deep.
    #[must_use]
    pub fn written(&self, id: ExprId) -> Option<Value> {
        match &self.get(id).op {
            Op::Literal(value) => Some(value.clone()),
            Op::Negate(operand) => Some(self.written(*operand)?.negated()),
            Op::List(items) => {
                items.iter().map(|item| self.written(*item)).collect::<Option<Vec<_>>>().map(Value::list)
            }
            _ => None,
        }
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exprs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exprs.is_empty()
    }

    fn infer(&self, op: &Op) -> Type {
        let ty = |id: &ExprId| self.get(*id).ty;
        match op {
            Op::Literal(value) => value.ty(),
            Op::Variable(variable) => variable.ty(),
            Op::Capture(_) => Type::String,
            Op::List(_) => Type::Array,
            Op::Index { base, .. } => self.infer_element(*base),
            Op::Not(_) | Op::Matches { .. } | Op::InList { .. } => Type::Int,
            Op::Negate(operand) => match ty(operand) {
                Type::Float => Type::Float,
                Type::Int | Type::Array | Type::Constant => Type::Int,
                Type::String | Type::Any => Type::Any,
            },
            Op::And(operands) | Op::Or(operands) => operands.first().map_or(Type::Int, |first| ty(first).or(Type::Int)),
            Op::Chain { first, rest } => {
                rest.iter().fold(ty(first), |left, (operator, right)| binary_type(*operator, left, ty(right)))
            }
            Op::Call { function, arguments } => self.infer_call(*function, arguments),
            Op::System(name) => {
                let known = crate::function::SYSTEM_NAMES.iter().find(|(known, _)| **known == **name);
                known.map_or(Type::Any, |(_, ty)| *ty)
            }
            Op::Metric(_) => Type::Float,
            Op::ConfigGet(_) => Type::String,
        }
    }

    /// The type of an element: of an array that is written down what its elements share, and a string where the
    /// index is out of range.
    fn infer_element(&self, base: ExprId) -> Type {
        match &self.get(base).op {
            Op::Variable(Variable::Recipients) => Type::String,
            Op::List(items) => items.iter().fold(Type::String, |ty, item| ty.or(self.get(*item).ty)),
            Op::Call {
                function: Function::Split | Function::Rsplit | Function::SplitN | Function::SplitWords, ..
            } => Type::String,
            _ if self.get(base).ty == Type::String => Type::String,
            _ => Type::Any,
        }
    }

    fn infer_call(&self, function: Function, arguments: &[ExprId]) -> Type {
        let ty = |index: usize| arguments.get(index).map_or(Type::Any, |id| self.get(*id).ty);
        match function {
            Function::IfThen => ty(1).or(ty(2)),
            // These work on each element of an array, and on the text of anything else.
            Function::Trim
            | Function::TrimStart
            | Function::TrimEnd
            | Function::ToLowercase
            | Function::ToUppercase
            | Function::StripPrefix
            | Function::StripSuffix
            | Function::Substring
            | Function::EmailPart => match ty(0) {
                Type::Array => Type::Array,
                Type::Any => Type::Any,
                Type::Int | Type::Float | Type::String | Type::Constant => Type::String,
            },
            Function::IsLowercase
            | Function::IsUppercase
            | Function::HasDigits
            | Function::CountChars
            | Function::CountSpaces
            | Function::CountUppercase
            | Function::CountLowercase => match ty(0) {
                Type::Array => Type::Array,
                Type::Any => Type::Any,
                Type::Int | Type::Float | Type::String | Type::Constant => Type::Int,
            },
            other => other.ty(),
        }
    }
}

/// The type of `left operator right`.
fn binary_type(operator: BinaryOperator, left: Type, right: Type) -> Type {
    use BinaryOperator as B;
    match operator {
        B::Or | B::And => left.or(Type::Int),
        B::Xor | B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast => Type::Int,
        B::Divide => Type::Float,
        B::Multiply => arithmetic_type(left, right),
        B::Subtract => match (left, right) {
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (Type::Array, _) | (_, Type::Array) => Type::Array,
            _ => arithmetic_type(left, right),
        },
        B::Add => match (left, right) {
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (Type::Array, _) | (_, Type::Array) => Type::Array,
            (Type::String, Type::String) => Type::String,
            // An empty string gives the other side with its type (D6).
            (Type::String, _) | (_, Type::String) => Type::Any,
            (Type::Constant, Type::Constant) => Type::Constant,
            (Type::Constant, number) | (number, Type::Constant) => number,
            _ => arithmetic_type(left, right),
        },
    }
}

fn arithmetic_type(left: Type, right: Type) -> Type {
    match (left, right) {
        (Type::Int | Type::Array | Type::Constant, Type::Int | Type::Array | Type::Constant) => Type::Int,
        (Type::Any | Type::String, _) | (_, Type::Any | Type::String) => Type::Any,
        (Type::Float, _) | (_, Type::Float) => Type::Float,
    }
}
