//! The typed IR as an expression again, for people: `explain` shows what a rule asks and what each part of it was.
//!
//! Also rules that were never written as an expression (the structured ones of 2022) are shown this way. Where an
//! operation has no writing in the language, `in-list` among them, it looks like a call.

use std::fmt::Write as _;

use crate::{
    ast::BinaryOperator,
    ir::{ExprId, Ir, Op},
    value::{Value, write_quoted},
};

/// The level of everything that needs no parentheses.
const TIGHTEST: u8 = 9;
const UNARY: u8 = 8;

/// The expression `id` as it could be written.
#[must_use]
pub fn expression(ir: &Ir, id: ExprId) -> String {
    let mut out = String::new();
    write(&mut out, ir, id, 0);
    out
}

// Writing to a String cannot fail, so the results are dropped throughout. The recursion is as deep as the IR, which is
// bounded by `limits::TREE_DEPTH_MAX`.
fn write(out: &mut String, ir: &Ir, id: ExprId, outer: u8) {
    let op = &ir.get(id).op;
    let level = level(op);
    let grouped = level < outer;
    if grouped {
        out.push('(');
    }
    match op {
        Op::Literal(value) => drop(write!(out, "{value}")),
        Op::Variable(variable) => out.push_str(variable.name()),
        Op::Capture(group) => drop(write!(out, "${group}")),
        Op::List(items) => {
            out.push('[');
            list(out, ir, items);
            out.push(']');
        }
        Op::Index { base, index } => {
            write(out, ir, *base, TIGHTEST);
            out.push('[');
            write(out, ir, *index, 0);
            out.push(']');
        }
        Op::Not(operand) => {
            out.push('!');
            write(out, ir, *operand, UNARY);
        }
        Op::Negate(operand) => {
            out.push('-');
            write(out, ir, *operand, TIGHTEST);
        }
        Op::And(operands) => joined(out, ir, operands, BinaryOperator::And),
        Op::Or(operands) => joined(out, ir, operands, BinaryOperator::Or),
        Op::Chain { first, rest } => {
            write(out, ir, *first, level);
            for (operator, operand) in rest {
                let _ = write!(out, " {} ", operator.sign());
                write(out, ir, *operand, level + 1);
            }
        }
        Op::Call { function, arguments } => {
            let _ = write!(out, "{function}(");
            list(out, ir, arguments);
            out.push(')');
        }
        Op::Matches { pattern, subject } => special(out, "matches", pattern.text(), Some((ir, *subject))),
        Op::InList { list, subject } => special(out, "in-list", &list.name, Some((ir, *subject))),
        Op::System(name) => special(out, "system", name, None),
        Op::Metric(name) => special(out, "metric", name, None),
        Op::ConfigGet(key) => special(out, "config_get", key, None),
    }
    if grouped {
        out.push(')');
    }
}

fn level(op: &Op) -> u8 {
    match op {
        Op::Or(_) => BinaryOperator::Or.level(),
        Op::And(_) => BinaryOperator::And.level(),
        Op::Chain { rest, .. } => rest.first().map_or(TIGHTEST, |(operator, _)| operator.level()),
        Op::Not(_) | Op::Negate(_) => UNARY,
        Op::Literal(Value::Int(int)) if *int < 0 => UNARY,
        Op::Literal(Value::Float(float)) if float.is_sign_negative() => UNARY,
        Op::Literal(_)
        | Op::Variable(_)
        | Op::Capture(_)
        | Op::List(_)
        | Op::Index { .. }
        | Op::Call { .. }
        | Op::Matches { .. }
        | Op::InList { .. }
        | Op::System(_)
        | Op::Metric(_)
        | Op::ConfigGet(_) => TIGHTEST,
    }
}

fn list(out: &mut String, ir: &Ir, items: &[ExprId]) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, ir, *item, 0);
    }
}

fn joined(out: &mut String, ir: &Ir, operands: &[ExprId], operator: BinaryOperator) {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            let _ = write!(out, " {} ", operator.sign());
        }
        write(out, ir, *operand, operator.level() + 1);
    }
}

fn special(out: &mut String, form: &str, literal: &str, subject: Option<(&Ir, ExprId)>) {
    let _ = write!(out, "{form}(");
    let _ = write_quoted(out, literal);
    if let Some((ir, subject)) = subject {
        out.push_str(", ");
        write(out, ir, subject, 0);
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use base::{Findings, MappedText};

    use super::*;
    use crate::{
        check::{Compiler, Scope},
        function::Edition,
    };

    #[test]
    fn what_is_shown_is_what_was_meant() {
        let cases = [
            ("rcpt_domain=='corp.test'&retry_num>2", "rcpt_domain == 'corp.test' && retry_num > 2"),
            ("(1+2)*3", "(1 + 2) * 3"),
            ("1+(2*3)", "1 + 2 * 3"),
            ("1-(2-3)", "1 - (2 - 3)"),
            ("!(size>1||!size)", "!(size > 1 || !size)"),
            ("-(1+2)", "-(1 + 2)"),
            ("recipients[0]+'x'", "recipients[0] + 'x'"),
            ("matches('^a',rcpt)&&$1", "matches('^a', rcpt) && $1"),
            ("system('domain')", "system('domain')"),
        ];
        for (text, expected) in cases {
            let mut ir = Ir::default();
            let mut compiler = Compiler::new(Edition::Objects2026);
            let mut findings = Findings::new();
            let root = compiler.expression(&MappedText::verbatim(text, 0), Scope::TLS, &mut ir, &mut findings);
            assert_eq!(root.map(|root| expression(&ir, root)).unwrap_or_default(), expected, "{text}");
        }
    }
}
