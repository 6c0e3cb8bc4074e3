//! Conditions to questions: `&&`, `||` and `!` become the order in which questions are asked.
//!
//! Vertices are made from the last one to the first, so that successors exist when they are named; at the end the
//! numbers are turned round.

use super::{
    Counting, Leaf, Node, NodeId, TooLarge,
    terms::{Order, Terms, operands},
};
use crate::{
    ast::BinaryOperator,
    block::Block,
    ir::{ExprId, Op},
    limits,
};

/// A block as questions.
pub(super) struct Branches {
    pub(super) terms: Terms,
    /// Successors behind their vertex; the first is the root.
    pub(super) nodes: Vec<Node>,
    pub(super) outcomes: Vec<ExprId>,
}

/// The questions of `block`.
pub(super) fn branches(block: &Block, counting: Counting) -> Result<Branches, TooLarge> {
    let counts = counting == Counting::Exact;
    let reads_captures = block.ir().exprs().any(|(_, expr)| matches!(expr.op, Op::Capture(_)));
    let mut terms = Terms::with_capacity(block.ir().len());
    let order = Order { counts, captures: reads_captures };
    let mut ids = Vec::with_capacity(block.ir().len());
    for (_, expr) in block.ir().exprs() {
        let own = |id: ExprId| ids.get(id.index()).copied().unwrap_or(id);
        let id = terms.take(expr, own, order);
        ids.push(id);
    }
    let own = |id: ExprId| ids.get(id.index()).copied().unwrap_or(id);
    let outcomes: Vec<ExprId> = block.outcomes().map(own).collect();
    let mut maker = Maker {
        block,
        ids: &ids,
        terms,
        counts,
        nodes: Vec::new(),
        reads: Vec::new(),
        leaves: vec![None; block.rules().len() + 1],
        fails: NodeId(0),
    };
    let mut next = maker.leaf(block.rules().len(), block.otherwise());
    for (number, rule) in block.rules().iter().enumerate().rev() {
        let then = maker.leaf(number, rule.outcome);
        maker.fails = next;
        next = maker.truth(rule.condition, then, next);
        if maker.nodes.len() > limits::DAG_NODES_MAX {
            return Err(TooLarge);
        }
    }
    let (terms, nodes) = (maker.terms, reachable(&maker.nodes, next));
    Ok(Branches { terms, nodes, outcomes })
}

struct Maker<'a> {
    block: &'a Block,
    /// The shared operation that each operation of the block became.
    ids: &'a [ExprId],
    terms: Terms,
    counts: bool,
    /// Successors before their vertex.
    nodes: Vec<Node>,
    /// Whether captures that were set before a vertex may be read at it or behind it.
    reads: Vec<bool>,
    leaves: Vec<Option<NodeId>>,
    /// Where the no of the condition at hand leads as a whole.
    fails: NodeId,
}

impl Maker<'_> {
    fn push(&mut self, node: Node, reads: bool) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        self.reads.push(reads);
        id
    }

    fn leaf(&mut self, number: usize, outcome: ExprId) -> NodeId {
        if let Some(known) = self.leaves.get(number).copied().flatten() {
            return known;
        }
        let reads = reads_captures(&self.terms, self.own(outcome));
        let id = self.push(Node::Decide(Leaf(number as u32)), reads);
        if let Some(slot) = self.leaves.get_mut(number) {
            *slot = Some(id);
        }
        id
    }

    fn reads(&self, id: NodeId) -> bool {
        self.reads.get(id.index()).copied().unwrap_or(true)
    }

    fn own(&self, id: ExprId) -> ExprId {
        self.ids.get(id.index()).copied().unwrap_or(id)
    }

    /// The vertex that goes to `then` where the operation `id` of the block is true, else to `otherwise`.
    fn truth(&mut self, id: ExprId, then: NodeId, otherwise: NodeId) -> NodeId {
        let own = self.own(id);
        if let Some(value) = self.terms.literal(own) {
            return if value.is_true() { then } else { otherwise };
        }
        let block = self.block;
        let expr = block.ir().get(id);
        match &expr.op {
            Op::Not(operand) => self.truth(*operand, otherwise, then),
            Op::And(operands) => {
                operands.iter().rev().fold(then, |then, operand| self.truth(*operand, then, otherwise))
            }
            Op::Or(operands) => {
                operands.iter().rev().fold(otherwise, |otherwise, operand| self.truth(*operand, then, otherwise))
            }
            Op::Chain { first, rest } => match **rest {
                [(BinaryOperator::NotEqual, right)] if !self.terms.is_ordered(own) => {
                    let (left, right) = (self.own(*first), self.own(right));
                    let equal = self.terms.binary(expr, BinaryOperator::Equal, left, right);
                    self.ask(equal, otherwise, then)
                }
                _ => self.ask(own, then, otherwise),
            },
            Op::Matches { .. } if self.terms.is_ordered(own) && !self.counts => self.matches(id, then, otherwise),
            _ => self.ask(own, then, otherwise),
        }
    }

    fn ask(&mut self, test: ExprId, then: NodeId, otherwise: NodeId) -> NodeId {
        if then == otherwise && !self.terms.is_ordered(test) {
            return then;
        }
        let reads = reads_captures(&self.terms, test) || self.reads(then) || self.reads(otherwise);
        let fails = self.fails;
        if asks_list(&self.terms, test) {
            let reads = reads || self.reads(fails);
            return self.push(Node::Ask { test, then, otherwise, fails }, reads);
        }
        self.push(Node::Branch { test, then, otherwise }, reads)
    }

    /// A `matches` whose captures something may read. Where only a match is followed by such a thing, it is asked
    /// like any other question, and run again for its captures when it was answered with yes.
    fn matches(&mut self, id: ExprId, then: NodeId, otherwise: NodeId) -> NodeId {
        let ordered = self.own(id);
        let Op::Matches { subject, .. } = self.terms.get(ordered).op else { return then };
        if self.terms.is_ordered(subject) {
            return self.ask(ordered, then, otherwise);
        }
        if self.reads(otherwise) {
            return self.push(Node::Branch { test: ordered, then, otherwise }, false);
        }
        let expr = self.terms.get(ordered).clone();
        let test = self.terms.take(&expr, |id| id, Order { counts: false, captures: false });
        let then =
            if self.reads(then) { self.push(Node::Capture { matches: ordered, next: then }, false) } else { then };
        self.ask_pure(test, then, otherwise)
    }

    fn ask_pure(&mut self, test: ExprId, then: NodeId, otherwise: NodeId) -> NodeId {
        if then == otherwise { then } else { self.push(Node::Branch { test, then, otherwise }, false) }
    }
}

/// Whether evaluating `id` may read captures that were set before.
fn reads_captures(terms: &Terms, id: ExprId) -> bool {
    any_ordered(terms, id, |op| matches!(op, Op::Capture(_)))
}

/// Whether evaluating `id` may ask a named list that the document does not hold.
fn asks_list(terms: &Terms, id: ExprId) -> bool {
    any_ordered(terms, id, |op| matches!(op, Op::InList { list, .. } if list.entries.is_none()))
}

/// Whether `id`, or an operation within it that happens in order, is such a one.
fn any_ordered(terms: &Terms, id: ExprId, is_such: impl Fn(&Op) -> bool) -> bool {
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        if !terms.is_ordered(id) {
            continue;
        }
        let op = &terms.get(id).op;
        if is_such(op) {
            return true;
        }
        waiting.extend(operands(op));
    }
    false
}

/// The vertices that are reached from `root`, in the opposite order.
pub(super) fn reachable(nodes: &[Node], root: NodeId) -> Vec<Node> {
    let mut is_reached = vec![false; nodes.len()];
    mark(&mut is_reached, root);
    for (id, node) in nodes.iter().enumerate().rev() {
        if is_reached.get(id).copied().unwrap_or(false) {
            successors(node).for_each(|next| mark(&mut is_reached, next));
        }
    }
    let count = is_reached.iter().filter(|reached| **reached).count() as u32;
    // The number of each vertex in the opposite order.
    let mut numbers = Vec::with_capacity(nodes.len());
    let mut seen = 0;
    for reached in &is_reached {
        seen += u32::from(*reached);
        numbers.push(NodeId(count.saturating_sub(seen)));
    }
    let own = |id: NodeId| numbers.get(id.index()).copied().unwrap_or(id);
    let kept = nodes.iter().zip(&is_reached).filter(|(_, reached)| **reached);
    let mut kept: Vec<Node> = kept.map(|(node, _)| renumbered(*node, own)).collect();
    kept.reverse();
    kept
}

fn mark(is_reached: &mut [bool], id: NodeId) {
    if let Some(reached) = is_reached.get_mut(id.index()) {
        *reached = true;
    }
}

/// The vertices that `node` itself names; the targets of a search belong to its set.
pub fn successors(node: &Node) -> impl Iterator<Item = NodeId> {
    let (one, two, three) = match *node {
        Node::Branch { then, otherwise, .. } => (Some(then), Some(otherwise), None),
        Node::Ask { then, otherwise, fails, .. } => (Some(then), Some(otherwise), Some(fails)),
        Node::Find { otherwise, .. } => (Some(otherwise), None, None),
        Node::Capture { next, .. } => (Some(next), None, None),
        Node::Decide(_) => (None, None, None),
    };
    one.into_iter().chain(two).chain(three)
}

/// The same vertex with other numbers for its successors.
pub(super) fn renumbered(node: Node, own: impl Fn(NodeId) -> NodeId) -> Node {
    match node {
        Node::Branch { test, then, otherwise } => Node::Branch { test, then: own(then), otherwise: own(otherwise) },
        Node::Ask { test, then, otherwise, fails } => {
            Node::Ask { test, then: own(then), otherwise: own(otherwise), fails: own(fails) }
        }
        Node::Find { set, from, until, otherwise } => Node::Find { set, from, until, otherwise: own(otherwise) },
        Node::Capture { matches, next } => Node::Capture { matches, next: own(next) },
        Node::Decide(leaf) => Node::Decide(leaf),
    }
}
