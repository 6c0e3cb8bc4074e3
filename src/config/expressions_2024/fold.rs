//! What an outcome is for certain: literals, lists of literals, and their negatives.
//!
//! It makes `"[2m, 5m]"` a setting with one value. What could be computed beyond that stays a block.

use policy::{ExprId, Ir, Op, Value};

/// The value of `id`, where it is written down.
///
/// The operations of an expression are at most [`policy::limits::NESTING_MAX`] deep.
pub(super) fn fold(ir: &Ir, id: ExprId) -> Option<Value> {
    match &ir.get(id).op {
        Op::Literal(value) => Some(value.clone()),
        Op::Negate(operand) => Some(fold(ir, *operand)?.negated()),
        Op::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| fold(ir, *item)).collect();
            items.map(Value::list)
        }
        _ => None,
    }
}
