//! No question twice on one path: where the way to a vertex has answered its question, the vertex is passed over.
//!
//! A vertex that several ways lead to, of which some know the answer to a question behind it, stands once for each
//! knowledge that matters behind it. What matters are questions that stand at several vertices; the first
//! [`limits::SHARED_QUESTIONS_MAX`] of them are followed. Where that would make too many vertices, a vertex stands
//! once for all the ways that are left, and asks.

use std::collections::BTreeMap;

use super::{
    Atom, Node, NodeId, Terms,
    branches::{renumbered, successors},
};
use crate::{ir::ExprId, limits};

/// Answers that are known, a bit for each question that is followed.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Known {
    answered: u64,
    yes: u64,
}

impl Known {
    fn answer(self, bit: u64) -> Option<bool> {
        (self.answered & bit != 0).then_some(self.yes & bit != 0)
    }

    fn with(self, yes: u64, no: u64) -> Self {
        let no = no & !self.answered;
        let yes = yes & !self.answered & !no;
        Self { answered: self.answered | yes | no, yes: self.yes | yes }
    }

    /// What of it matters where only `relevant` questions follow.
    fn only(self, relevant: u64) -> Self {
        Self { answered: self.answered & relevant, yes: self.yes & relevant }
    }
}

/// What follows from a question's answers.
#[derive(Clone, Copy, Debug, Default)]
struct Followed {
    bit: u64,
    /// The questions that are yes, and no, where it is yes.
    if_yes: (u64, u64),
    /// The questions that are no where it is no.
    if_no: u64,
}

/// The same DAG in which no way asks again what it has asked.
pub(super) fn specialised(terms: &Terms, nodes: Vec<Node>) -> Vec<Node> {
    let followed = followed(terms, &nodes);
    if followed.is_empty() {
        return nodes;
    }
    let bit = |node: &Node| match node {
        Node::Branch { test, .. } => followed.get(test).map_or(0, |question| question.bit),
        Node::Ask { .. } | Node::Find { .. } | Node::Capture { .. } | Node::Decide(_) => 0,
    };
    let mut relevant = vec![0_u64; nodes.len()];
    for (id, node) in nodes.iter().enumerate().rev() {
        let behind = successors(node).map(|next| relevant.get(next.index()).copied().unwrap_or(0));
        let all = behind.fold(bit(node), |all, bits| all | bits);
        if let Some(slot) = relevant.get_mut(id) {
            *slot = all;
        }
    }
    let mut maker = Maker {
        nodes: &nodes,
        followed: &followed,
        relevant: &relevant,
        numbers: BTreeMap::new(),
        made: Vec::new(),
        most: nodes.len().saturating_mul(2) + limits::SPECIALISED_NODES_FREE,
    };
    maker.run();
    maker.finish()
}

/// The questions that stand at several vertices.
fn followed(terms: &Terms, nodes: &[Node]) -> BTreeMap<ExprId, Followed> {
    let mut counts = vec![0_u32; terms.ir().len()];
    for node in nodes {
        if let Node::Branch { test, .. } = node
            && !terms.is_ordered(*test)
            && let Some(count) = counts.get_mut(test.index())
        {
            *count += 1;
        }
    }
    let repeated = terms.ir().exprs().zip(counts).filter(|(_, count)| *count > 1).map(|((test, _), _)| test);
    let repeated: Vec<ExprId> = repeated.take(limits::SHARED_QUESTIONS_MAX).collect();
    let atoms: Vec<Option<Atom>> = repeated.iter().map(|test| Atom::of(terms, *test)).collect();
    let mut followed = BTreeMap::new();
    for (number, test) in repeated.iter().enumerate() {
        let bit = 1_u64 << number;
        let mut question = Followed { bit, if_yes: (bit, 0), if_no: bit };
        let this = atoms.get(number).and_then(Option::as_ref);
        for (other, that) in atoms.iter().enumerate().filter(|(other, _)| *other != number) {
            let (Some(this), Some(that)) = (this, that.as_ref()) else { continue };
            let other = 1_u64 << other;
            if this.excludes(that) {
                question.if_yes.1 |= other;
            }
            if this.implies(that) {
                question.if_yes.0 |= other;
            }
            if that.implies(this) {
                question.if_no |= other;
            }
        }
        followed.insert(*test, question);
    }
    followed
}

struct Maker<'a> {
    nodes: &'a [Node],
    followed: &'a BTreeMap<ExprId, Followed>,
    /// The questions that stand at each vertex and behind it.
    relevant: &'a [u64],
    /// The vertices that were made, each from its vertex and what is known there.
    numbers: BTreeMap<(NodeId, Known), NodeId>,
    made: Vec<(NodeId, Known, Option<Node>)>,
    most: usize,
}

impl Maker<'_> {
    fn run(&mut self) {
        self.number(NodeId(0), Known::default());
        let mut done = 0;
        while let Some((id, known, _)) = self.made.get(done).copied() {
            let node = self.nodes.get(id.index()).copied().map(|node| self.node(node, known));
            if let Some(slot) = self.made.get_mut(done) {
                slot.2 = node;
            }
            done += 1;
        }
    }

    fn node(&mut self, node: Node, known: Known) -> Node {
        match node {
            Node::Branch { test, then, otherwise } => {
                let question = self.followed.get(&test).copied().unwrap_or_default();
                let then = self.number(then, known.with(question.if_yes.0, question.if_yes.1));
                let otherwise = self.number(otherwise, known.with(0, question.if_no));
                Node::Branch { test, then, otherwise }
            }
            Node::Capture { matches, next } => Node::Capture { matches, next: self.number(next, known) },
            Node::Ask { test, then, otherwise, fails } => Node::Ask {
                test,
                then: self.number(then, known),
                otherwise: self.number(otherwise, known),
                fails: self.number(fails, known),
            },
            Node::Find { .. } | Node::Decide(_) => node,
        }
    }

    /// The vertex that stands for `id` where `known` is known; those that it answers are passed over.
    fn number(&mut self, mut id: NodeId, known: Known) -> NodeId {
        while let Some(Node::Branch { test, then, otherwise }) = self.nodes.get(id.index()) {
            let bit = self.followed.get(test).map_or(0, |question| question.bit);
            match known.answer(bit) {
                Some(true) => id = *then,
                Some(false) => id = *otherwise,
                None => break,
            }
        }
        let relevant = self.relevant.get(id.index()).copied().unwrap_or(0);
        let known = if self.made.len() < self.most { known.only(relevant) } else { Known::default() };
        if let Some(number) = self.numbers.get(&(id, known)) {
            return *number;
        }
        let number = NodeId(self.made.len() as u32);
        self.made.push((id, known, None));
        self.numbers.insert((id, known), number);
        number
    }

    /// In the order of the vertices that they were made from, which is one in which successors follow.
    fn finish(self) -> Vec<Node> {
        let mut order: Vec<usize> = (0..self.made.len()).collect();
        order.sort_by_key(|number| self.made.get(*number).map(|(id, ..)| *id));
        let mut places = vec![NodeId(0); order.len()];
        for (place, number) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(*number) {
                *slot = NodeId(place as u32);
            }
        }
        let own = |id: NodeId| places.get(id.index()).copied().unwrap_or(id);
        let nodes = order.iter().filter_map(|number| self.made.get(*number)?.2);
        nodes.map(|node| renumbered(node, own)).collect()
    }
}
