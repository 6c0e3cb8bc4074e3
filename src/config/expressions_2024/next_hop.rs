//! `queue.outbound.next-hop`: an expression whose strings name remote hosts, and whose other values mean delivery
//! by MX.
//!
//! A route policy gives names only, so a literal that is no string is replaced by the name of the MX route: alone,
//! or as a result of `if_then`. A value that only a run can tell is left as it is.

use base::Diagnostic;
use document::Node;
use policy::{Block, ExprId, Function, Ir, Op, Rule, Value, Wanted};

use super::{Expressions, scope};
use crate::{
    codes,
    outbound_layout::{Place, place, remote::Hosts},
};

pub(super) const PLACE: Place = place!("queue.outbound.next-hop", Rcpt);

impl Expressions<'_> {
    pub(super) fn next_hop_block(&mut self, node: &Node<'_>, hosts: &Hosts) -> Option<Block> {
        if self.has_structured_rules(node) {
            return None;
        }
        if let Some(items) = node.items()
            && !items.nodes.is_empty()
            && items.nodes.iter().all(|item| item.as_text().is_some())
        {
            self.context.report(
                Diagnostic::new(
                    &codes::WRONG_KIND,
                    node.range,
                    "`queue.outbound.next-hop` is a list of names, not one expression",
                )
                .help("a message has one next hop: write `\"'relay'\"`, with a section `[remote.\"relay\"]`"),
            );
            return None;
        }
        let block = self.context.block(node, PLACE.key, scope(PLACE), Wanted::NameOrNone).ok()?;
        Some(with_names(&block, &hosts.mx))
    }
}

/// `block` with the name `mx` for every literal outcome that is no string.
fn with_names(block: &Block, mx: &str) -> Block {
    let mut ir = block.ir().clone();
    let mx = Value::text(mx);
    let rules = block.rules().iter().map(|rule| Rule { outcome: named(&mut ir, rule.outcome, &mx), ..*rule }).collect();
    let otherwise = named(&mut ir, block.otherwise(), &mx);
    Block::new(ir, rules, otherwise, block.otherwise_range()).hidden_where(block.is_hidden())
}

/// What stands for `id`; `if_then` is at most as deep as the expression.
fn named(ir: &mut Ir, id: ExprId, mx: &Value) -> ExprId {
    let expr = ir.get(id);
    let range = expr.range;
    match &expr.op {
        Op::Literal(Value::Text(_)) => id,
        Op::Literal(_) => ir.push(Op::Literal(mx.clone()), range),
        Op::Call { function: Function::IfThen, arguments } => {
            let &[condition, then, otherwise] = &**arguments else {
                return id;
            };
            let results = (named(ir, then, mx), named(ir, otherwise, mx));
            if results == (then, otherwise) {
                return id;
            }
            let call = Op::Call { function: Function::IfThen, arguments: Box::new([condition, results.0, results.1]) };
            ir.push(call, range)
        }
        _ => id,
    }
}
