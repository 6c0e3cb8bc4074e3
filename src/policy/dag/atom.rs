//! Questions whose answers can be looked up: what is asked about one text or one number, and compared with what is
//! written down.

use std::{collections::BTreeSet, sync::Arc};

use super::terms::{self, Terms};
use crate::{
    ast::BinaryOperator,
    function::Function,
    ir::{ExprId, Op, Type},
    pattern::Pattern,
    value::Value,
};

/// How a number is compared with another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether it holds between `left` and `right`.
    #[must_use]
    pub const fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }

    const fn of(operator: BinaryOperator) -> Option<Self> {
        Some(match operator {
            BinaryOperator::Equal => Self::Equal,
            BinaryOperator::NotEqual => Self::NotEqual,
            BinaryOperator::Less => Self::Less,
            BinaryOperator::AtMost => Self::AtMost,
            BinaryOperator::Greater => Self::Greater,
            BinaryOperator::AtLeast => Self::AtLeast,
            BinaryOperator::Or
            | BinaryOperator::And
            | BinaryOperator::Xor
            | BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide => return None,
        })
    }

    /// The same seen from the right side.
    const fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }
}

/// One such question.
#[derive(Clone, Debug)]
pub enum Atom {
    /// Whether a text is one of these.
    In {
        /// The text.
        subject: ExprId,
        /// What it may be.
        texts: BTreeSet<Arc<str>>,
    },
    /// Whether a text begins with this.
    Prefix {
        /// The text.
        subject: ExprId,
        /// Its beginning.
        text: Arc<str>,
    },
    /// Whether a text ends with this.
    Suffix {
        /// The text.
        subject: ExprId,
        /// Its end.
        text: Arc<str>,
    },
    /// Whether a text holds this.
    Substring {
        /// The text.
        subject: ExprId,
        /// Its part.
        text: Arc<str>,
    },
    /// How a number compares with another.
    Compare {
        /// The number.
        subject: ExprId,
        /// How.
        comparison: Comparison,
        /// The other.
        with: i64,
    },
    /// Whether a regular expression is found in a text; what it captures is not asked for.
    Matches {
        /// The text.
        subject: ExprId,
        /// The expression.
        pattern: Arc<Pattern>,
    },
}

impl Atom {
    /// The question that the truth of `test` is; `None` where it is none of these, or happens in order.
    #[must_use]
    pub fn of(terms: &Terms, test: ExprId) -> Option<Self> {
        if terms.is_ordered(test) {
            return None;
        }
        let is_text = |id: ExprId| terms.get(id).ty == Type::String && terms.literal(id).is_none();
        let is_int = |id: ExprId| terms.get(id).ty == Type::Int && terms.literal(id).is_none();
        let expr = terms.get(test);
        Some(match &expr.op {
            Op::Chain { first, rest } => return of_chain(terms, *first, rest, is_text, is_int),
            Op::Call { function: Function::Contains, arguments } => {
                let [all, part] = **arguments else { return None };
                if is_text(all) {
                    return Some(Self::Substring { subject: all, text: text(terms, part)? });
                }
                let texts = terms::texts(terms, all)?;
                is_text(part).then_some(Self::In { subject: part, texts })?
            }
            Op::Call { function: Function::StartsWith, arguments } => {
                let [subject, part] = **arguments else { return None };
                is_text(subject).then_some(Self::Prefix { subject, text: text(terms, part)? })?
            }
            Op::Call { function: Function::EndsWith, arguments } => {
                let [subject, part] = **arguments else { return None };
                is_text(subject).then_some(Self::Suffix { subject, text: text(terms, part)? })?
            }
            Op::InList { list, subject } if is_text(*subject) => {
                let texts = list.entries.as_ref()?.iter().map(|entry| Arc::from(&**entry)).collect();
                Self::In { subject: *subject, texts }
            }
            Op::Matches { pattern, subject } if is_text(*subject) => {
                Self::Matches { subject: *subject, pattern: pattern.clone() }
            }
            Op::Variable(_) if expr.ty == Type::Int => {
                Self::Compare { subject: test, comparison: Comparison::NotEqual, with: 0 }
            }
            _ => return None,
        })
    }

    /// What is asked about.
    #[must_use]
    pub const fn subject(&self) -> ExprId {
        match self {
            Self::In { subject, .. }
            | Self::Prefix { subject, .. }
            | Self::Suffix { subject, .. }
            | Self::Substring { subject, .. }
            | Self::Compare { subject, .. }
            | Self::Matches { subject, .. } => *subject,
        }
    }

    /// Whether `other` is no wherever this is yes, as far as that is plain to see.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In { subject, texts }, Self::In { subject: same, texts: others }) => {
                subject == same && texts.is_disjoint(others)
            }
            _ => false,
        }
    }

    /// Whether `other` is yes wherever this is yes, as far as that is plain to see.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In { subject, texts }, Self::In { subject: same, texts: others }) => {
                subject == same && texts.is_subset(others)
            }
            _ => false,
        }
    }
}

fn of_chain(
    terms: &Terms,
    first: ExprId,
    rest: &[(BinaryOperator, ExprId)],
    is_text: impl Fn(ExprId) -> bool,
    is_int: impl Fn(ExprId) -> bool,
) -> Option<Atom> {
    let [(operator, second)] = *rest else { return None };
    let comparison = Comparison::of(operator)?;
    let (subject, literal, comparison) = match (terms.literal(first), terms.literal(second)) {
        (None, Some(literal)) => (first, literal, comparison),
        (Some(literal), None) => (second, literal, comparison.mirrored()),
        _ => return None,
    };
    match literal {
        Value::Text(text) if comparison == Comparison::Equal && is_text(subject) => {
            Some(Atom::In { subject, texts: BTreeSet::from([text.clone()]) })
        }
        Value::Int(with) if is_int(subject) => Some(Atom::Compare { subject, comparison, with: *with }),
        _ => None,
    }
}

fn text(terms: &Terms, id: ExprId) -> Option<Arc<str>> {
    match terms.literal(id)? {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}
