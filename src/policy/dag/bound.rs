//! How much an evaluation can build, known beforehand.
//!
//! The interpreter counts the texts and arrays that an evaluation builds and stops it at
//! [`limits::EVALUATION_BYTES_MAX`]. Most blocks cannot reach that bound: their texts come from facts of a bounded
//! length. For these nothing is counted, and operations may be shared, folded and left out. For the others the count
//! must be the interpreter's to the byte, and what builds stays where it is written.

use crate::{
    block::Block,
    function::Function,
    interpret,
    ir::{ExprId, Ir, Op, Type},
    limits,
    value::Value,
    variable::Variable,
};

/// Whether what is built must be counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counting {
    /// Not for a row whose texts are at most this long, in bytes: the bound cannot be reached.
    Unneeded {
        /// The longest text, in bytes.
        longest: u32,
    },
    /// Each text and array that is built.
    Exact,
}

/// The lengths of texts that are assumed, the most generous first. A domain has at most 255 bytes and an address 320
/// (RFC 5321, 4.5.3.1).
const LONGEST: [u32; 4] = [16 * 1024, 4 * 1024, 1024, 512];

/// Whether one evaluation of `block` can come near the bound.
pub(super) fn counting(block: &Block) -> Counting {
    if !block.ir().exprs().any(|(_, expr)| super::terms::builds(&expr.op, expr.ty)) {
        return Counting::Unneeded { longest: u32::MAX };
    }
    let fits = LONGEST.iter().find(|longest| built(block.ir(), u64::from(**longest)).is_some_and(is_bounded));
    fits.map_or(Counting::Exact, |longest| Counting::Unneeded { longest: *longest })
}

fn is_bounded(bytes: u64) -> bool {
    bytes <= limits::EVALUATION_BYTES_MAX as u64
}

/// What is known of the size of a value.
#[derive(Clone, Copy)]
struct Size {
    /// Bytes of its text, of an array those of its lines.
    bytes: u64,
    /// Elements of an array, else 0.
    elements: u64,
}

impl Size {
    /// A number or a constant, by its printed form: a floating-point number has up to 330 digits.
    const SCALAR: Self = Self::text(400);

    const fn text(bytes: u64) -> Self {
        Self { bytes, elements: 0 }
    }

    fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), elements: self.elements.max(other.elements) }
    }

    fn and(self, other: Self) -> Option<Self> {
        // Each element has an end of line.
        let bytes = self.bytes.checked_add(other.bytes)?.checked_add(4)?;
        // A value that is no array becomes an element.
        Some(Self { bytes, elements: self.elements.max(1).checked_add(other.elements.max(1))? })
    }

    /// Cut into pieces: at most one before each byte, and the last.
    fn pieces(self) -> Option<Self> {
        Some(Self { bytes: self.bytes.checked_mul(3)?.checked_add(2)?, elements: self.bytes.checked_add(1)? })
    }

    /// What the interpreter counts; `None` where it may refuse the value.
    fn cost(self) -> Option<u64> {
        let is_array = self.elements > 0;
        if is_array && self.elements > limits::LIST_ELEMENTS_MAX as u64 {
            return None;
        }
        self.elements.checked_mul(interpret::ELEMENT_BYTES as u64)?.checked_add(self.bytes)
    }
}

/// The most that all operations together can build where no text of the facts is longer than `longest`; `None` where
/// that is not known.
fn built(ir: &Ir, longest: u64) -> Option<u64> {
    let mut sizes: Vec<Option<Size>> = Vec::with_capacity(ir.len());
    let captures = captures(ir, longest);
    let mut sum = 0_u64;
    for (_, expr) in ir.exprs() {
        let operand = |id: ExprId| sizes.get(id.index()).copied().flatten();
        let size = size(&expr.op, expr.ty, longest, captures, &operand);
        if super::terms::builds(&expr.op, expr.ty) {
            sum = sum.checked_add(cost(&expr.op, size?, &operand)?)?;
        }
        sizes.push(size);
    }
    Some(sum)
}

/// The longest that a capture can be: a part of a fact, where nothing else is matched.
fn captures(ir: &Ir, longest: u64) -> Option<Size> {
    let is_fact = |id: ExprId| matches!(&ir.get(id).op, Op::Variable(variable) if variable.ty() == Type::String);
    let mut subjects = ir.exprs().filter_map(|(_, expr)| match &expr.op {
        Op::Matches { subject, .. } => Some(*subject),
        _ => None,
    });
    subjects.all(is_fact).then_some(Size::text(longest))
}

/// The longest that a text can become when the case of its letters changes, for each of its bytes.
const CASE_GROWTH: u64 = 4;

/// The most that the value can be; `None` where that is not known.
fn size(
    op: &Op,
    ty: Type,
    longest: u64,
    captures: Option<Size>,
    operand: &impl Fn(ExprId) -> Option<Size>,
) -> Option<Size> {
    match op {
        Op::Literal(value) => Some(size_of_value(value)),
        Op::Variable(Variable::Recipients) => None,
        Op::Variable(_) => Some(Size::text(longest).or(Size::SCALAR)),
        Op::Capture(_) => captures,
        Op::List(items) => {
            let bytes = items.iter().map(|item| Some(operand(*item)?.bytes + 2)).sum::<Option<u64>>()?;
            Some(Size { bytes, elements: items.len() as u64 })
        }
        // An element is no larger than the array, which may hold arrays.
        Op::Index { base, .. } => operand(*base),
        Op::Not(_) | Op::Negate(_) | Op::Matches { .. } | Op::InList { .. } => Some(Size::SCALAR),
        Op::And(operands) | Op::Or(operands) => Some(operand(*operands.first()?)?.or(Size::SCALAR)),
        Op::Chain { first, rest } => {
            rest.iter().try_fold(operand(*first)?, |sum, (_, right)| sum.and(operand(*right)?))
        }
        Op::Call { function, arguments } => {
            let argument = |index: usize| arguments.get(index).and_then(|id| operand(*id));
            size_of_call(*function, ty, argument)
        }
        Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => None,
    }
}

fn size_of_value(value: &Value) -> Size {
    match value {
        Value::Text(text) => Size::text(text.len() as u64).or(Size::SCALAR),
        Value::List(items) => {
            let bytes = items.iter().map(|item| size_of_value(item).bytes + 2).sum();
            Size { bytes, elements: items.len() as u64 }
        }
        Value::Int(_) | Value::Float(_) | Value::Constant(_) => Size::SCALAR,
    }
}

fn size_of_call(function: Function, ty: Type, argument: impl Fn(usize) -> Option<Size>) -> Option<Size> {
    use Function as F;
    if matches!(ty, Type::Int | Type::Float | Type::Constant) {
        return Some(Size::SCALAR);
    }
    match function {
        F::Trim | F::TrimStart | F::TrimEnd | F::StripPrefix | F::StripSuffix | F::Substring | F::EmailPart => {
            argument(0)
        }
        F::ToLowercase | F::ToUppercase => {
            let size = argument(0)?;
            Some(Size { bytes: size.bytes.checked_mul(CASE_GROWTH)?, ..size })
        }
        F::Hash | F::IpReverseName => Some(Size::SCALAR),
        F::IfThen => Some(argument(1)?.or(argument(2)?)),
        F::Split | F::Rsplit | F::SplitWords | F::Lines | F::SplitOnce | F::RsplitOnce => argument(0)?.pieces(),
        _ => None,
    }
}

/// The most that the interpreter counts for an operation whose value is at most `size`; `None` where it may refuse it.
fn cost(op: &Op, size: Size, operand: &impl Fn(ExprId) -> Option<Size>) -> Option<u64> {
    match op {
        Op::Matches { pattern, subject } => {
            let groups = 1 + pattern.text().bytes().filter(|byte| *byte == b'(').count() as u64;
            operand(*subject)?.bytes.checked_mul(groups)
        }
        // Each step builds at most the whole.
        Op::Chain { rest, .. } => size.cost()?.checked_mul(rest.len() as u64),
        _ => size.cost(),
    }
}

#[cfg(test)]
mod tests {
    use base::{Findings, MappedText, TextRange};

    use super::*;
    use crate::{BlockText, Compiler, Edition, Scope, Wanted};

    #[test]
    fn what_can_be_built_is_known_beforehand_where_facts_are_bounded() {
        let cases = [
            ("rcpt_domain == 'corp.test'", "nothing is built"),
            ("to_lowercase(rcpt_domain) == 'corp.test'", "16384"),
            ("split(rcpt, '@')[1] == 'corp.test'", "1024"),
            ("contains(['a', 'b'], rcpt_domain)", "16384"),
            ("matches('^(.*)@corp$', rcpt)", "16384"),
            ("split_n(rcpt, '', 9)[0] == ''", "exact"),
            ("key_get('a', rcpt) == ''", "exact"),
            ("count(recipients + 'x') > 1", "exact"),
            ("is_local_domain(rcpt_domain)", "nothing is built"),
        ];
        for (condition, expected) in cases {
            let text = BlockText {
                rules: Vec::new(),
                otherwise: Some(MappedText::verbatim(condition, 0)),
                otherwise_range: TextRange::default(),
            };
            let mut findings = Findings::new();
            let block = Compiler::new(Edition::Objects2026).block(&text, Scope::TLS, Wanted::Value, &mut findings);
            let found = match counting(&block.unwrap_or_else(|| panic!("{condition}: {findings:?}"))) {
                Counting::Unneeded { longest: u32::MAX } => "nothing is built".to_owned(),
                Counting::Unneeded { longest } => longest.to_string(),
                Counting::Exact => "exact".to_owned(),
            };
            assert_eq!(found, expected, "{condition}");
        }
    }
}
