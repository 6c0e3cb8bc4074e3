//! The two lists of local addresses as one setting.
//!
//! `source-ip.v4` and `source-ip.v6` are chosen apart from each other, and a connection has one list. Where rules
//! choose both, the combined block has a rule for each pair, in the order in which the pairs would be found: the
//! first rule of one with each of the other, and so on.

use base::{Diagnostic, TextRange};
use policy::{Block, ExprId, Ir, Op, Rule, Type, Value, ast::BinaryOperator};

use crate::{
    read::Context,
    settings::{Placed, Setting, SourceIp},
};

/// Both lists, version 4 first.
pub(super) fn addresses(
    context: &mut Context<'_>,
    v4: Setting<Vec<SourceIp>>,
    v6: Setting<Vec<SourceIp>>,
) -> Setting<Vec<SourceIp>> {
    let (v4, v6) = match (v4, v6) {
        (Setting::Default, other) | (other, Setting::Default) => return other,
        (Setting::Given(mut v4), Setting::Given(v6)) => {
            v4.value.extend(v6.value);
            return Setting::Given(Placed::new(v4.value, v4.range.cover(v6.range)));
        }
        (v4, v6) => (block(v4), block(v6)),
    };
    let pairs = v4.rules().len().saturating_add(1) * v6.rules().len().saturating_add(1);
    if pairs > policy::limits::RULES_MAX {
        let message = format!("the rules of `v4` and `v6` are {pairs} together, one for each pair");
        context.report(
            Diagnostic::new(&policy::codes::TOO_MANY_RULES, v6.otherwise_range(), message)
                .related(v4.otherwise_range(), "the other list")
                .help(format!("at most {} are read; choose one of the lists without rules", policy::limits::RULES_MAX)),
        );
        return Setting::Default;
    }
    Setting::Chosen(Box::new(both(&v4, &v6)))
}

/// The block of a setting that is there.
fn block(setting: Setting<Vec<SourceIp>>) -> Block {
    match setting {
        Setting::Chosen(block) => *block,
        Setting::Given(placed) => {
            let texts = placed.value.iter().map(|source| Value::text(source.ip.to_string()));
            Block::constant(Value::list(texts.collect()), placed.range)
        }
        Setting::Default => Block::constant(Value::list(Vec::new()), TextRange::at(0)),
    }
}

/// A case of a block: when it holds, what it gives, and where it stands. A last `else` always holds.
type Case = (Option<ExprId>, ExprId, TextRange);

fn both(v4: &Block, v6: &Block) -> Block {
    let mut ir = Ir::default();
    let (first, second) = (cases(&mut ir, v4), cases(&mut ir, v6));
    let mut rules = Vec::with_capacity(first.len() * second.len());
    let mut otherwise = None;
    for (first_condition, first_outcome, first_range) in &first {
        for (second_condition, second_outcome, second_range) in &second {
            let range = if second_condition.is_some() { *second_range } else { *first_range };
            let sum = Op::Chain { first: *first_outcome, rest: Box::new([(BinaryOperator::Add, *second_outcome)]) };
            let outcome = ir.push(sum, range);
            let condition = match (*first_condition, *second_condition) {
                (Some(first), Some(second)) => ir.push(Op::And(Box::new([first, second])), range),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => {
                    otherwise = Some((outcome, range));
                    continue;
                }
            };
            rules.push(Rule { condition, outcome, range });
        }
    }
    // Each block has an `else`, so the last pair is the one of both.
    let (otherwise, range) =
        otherwise.unwrap_or_else(|| (ir.push(Op::Literal(Value::empty()), TextRange::at(0)), TextRange::at(0)));
    Block::new(ir, rules, otherwise, range).hidden_where(v4.is_hidden() || v6.is_hidden())
}

/// The cases of `block`, its operations taken into `ir`. An outcome that is one address becomes a list of it.
fn cases(ir: &mut Ir, block: &Block) -> Vec<Case> {
    let ids = append(ir, block.ir());
    let own = |id: ExprId| ids.get(id.index()).copied().unwrap_or(id);
    let mut as_list = |id: ExprId| {
        let (id, expr) = (own(id), block.ir().get(id));
        match &expr.op {
            Op::Literal(Value::List(_)) => id,
            Op::Literal(value) => {
                let items = if value.is_true() { value.to_items() } else { [].into() };
                ir.push(Op::Literal(Value::List(items)), expr.range)
            }
            _ if expr.ty == Type::Array => id,
            _ => {
                // `[] + x`: one address, or an array's.
                let empty = ir.push(Op::Literal(Value::list(Vec::new())), expr.range);
                let sum = Op::Chain { first: empty, rest: Box::new([(BinaryOperator::Add, id)]) };
                ir.push(sum, expr.range)
            }
        }
    };
    let mut cases: Vec<Case> = Vec::with_capacity(block.rules().len() + 1);
    for rule in block.rules() {
        cases.push((Some(own(rule.condition)), as_list(rule.outcome), rule.range));
    }
    cases.push((None, as_list(block.otherwise()), block.otherwise_range()));
    cases
}

/// Takes every operation of `other` into `ir`, and tells the new number of each.
fn append(ir: &mut Ir, other: &Ir) -> Vec<ExprId> {
    let mut ids: Vec<ExprId> = Vec::with_capacity(other.len());
    for (_, expr) in other.exprs() {
        let own = |id: &ExprId| ids.get(id.index()).copied().unwrap_or(*id);
        let all = |operands: &[ExprId]| operands.iter().map(own).collect();
        let op = match &expr.op {
            Op::Variable(variable) if expr.ty == Type::Any => {
                ids.push(ir.push_optional(*variable, expr.range));
                continue;
            }
            Op::List(items) => Op::List(all(items)),
            Op::And(operands) => Op::And(all(operands)),
            Op::Or(operands) => Op::Or(all(operands)),
            Op::Index { base, index } => Op::Index { base: own(base), index: own(index) },
            Op::Not(operand) => Op::Not(own(operand)),
            Op::Negate(operand) => Op::Negate(own(operand)),
            Op::Chain { first, rest } => Op::Chain {
                first: own(first),
                rest: rest.iter().map(|(operator, operand)| (*operator, own(operand))).collect(),
            },
            Op::Call { function, arguments } => Op::Call { function: *function, arguments: all(arguments) },
            Op::Matches { pattern, subject } => Op::Matches { pattern: pattern.clone(), subject: own(subject) },
            Op::InList { list, subject } => Op::InList { list: list.clone(), subject: own(subject) },
            Op::Literal(_) | Op::Variable(_) | Op::Capture(_) | Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => {
                expr.op.clone()
            }
        };
        ids.push(ir.push(op, expr.range));
    }
    ids
}
