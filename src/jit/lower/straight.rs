//! Small decisions without a branch.
//!
//! Where the questions are few and cheap, such as whether a short text equals another, it costs less to ask them all and
//! to select among the outcomes than to guess wrongly where a branch goes. This is only done for what asks nothing of
//! the world, cannot fail, and leads to strategies that are known.

use std::collections::{BTreeMap, BTreeSet};

use cranelift_codegen::ir::{
    InstBuilder, Value,
    condcodes::IntCC,
    types::{I8, I64},
};
use policy::{
    ExprId, Op, Type,
    dag::{Atom, Node, NodeId},
    function::Effect,
};

use super::{
    Lowering, TooLarge,
    broken::{Broken, is_broken},
    test::condition,
    value::Lowered,
};

/// The most that may be asked and selected without a branch, in words.
const WORDS_MAX: usize = 32;

/// What is known of a part of the decision on the way through it.
#[derive(Default)]
struct Seen {
    nodes: BTreeSet<NodeId>,
    tests: BTreeSet<ExprId>,
    words: usize,
}

impl Lowering<'_, '_, '_> {
    /// The outcome of a vertex, where it can be had without a branch; `None` else, and nothing is emitted.
    pub(super) fn straight(&mut self, node: Node) -> Result<Option<Value>, TooLarge> {
        let Node::Branch { test, then, otherwise } = node else { return Ok(None) };
        let mut seen = Seen::default();
        if !self.is_straight(then, &mut seen) || !self.is_straight(otherwise, &mut seen) {
            return Ok(None);
        }
        let is_cheap = self.is_cheap(test, &mut seen);
        if !is_cheap && !self.is_question(test) {
            return Ok(None);
        }
        // From here on it is emitted, and nothing may be left to others.
        self.without_branch(is_cheap, test, then, otherwise).map(Some).ok_or(TooLarge)
    }

    fn without_branch(&mut self, is_cheap: bool, test: ExprId, then: NodeId, otherwise: NodeId) -> Option<Value> {
        let truth = if is_cheap {
            self.straight_truth(test)?
        } else {
            let value = self.value(test);
            self.truth(value)
        };
        let mut outcomes = BTreeMap::new();
        let then = self.straight_outcome(then, &mut outcomes)?;
        let otherwise = self.straight_outcome(otherwise, &mut outcomes)?;
        Some(self.builder.ins().select(truth, then, otherwise))
    }

    /// Whether the world answers this by a number. What is asked at the first vertex is asked in any case.
    fn is_question(&self, id: ExprId) -> bool {
        let expr = self.part.dag.terms().get(id);
        match &expr.op {
            Op::Call { function, .. } => expr.ty == Type::Int && function.effect() != Effect::None,
            _ => false,
        }
    }

    fn is_straight(&self, id: NodeId, seen: &mut Seen) -> bool {
        if !seen.nodes.insert(id) {
            return true;
        }
        match self.part.dag.nodes().get(id.index()) {
            Some(Node::Decide(leaf)) => self.known(*leaf).is_some(),
            Some(Node::Branch { test, then, otherwise }) => {
                seen.words += 1;
                self.is_cheap(*test, seen) && self.is_straight(*then, seen) && self.is_straight(*otherwise, seen)
            }
            Some(Node::Ask { .. } | Node::Find { .. } | Node::Capture { .. }) | None => false,
        }
    }

    /// Whether a question takes a few instructions, and those asked before it leave room for it.
    fn is_cheap(&self, test: ExprId, seen: &mut Seen) -> bool {
        let terms = self.part.dag.terms();
        let Some(atom) = Atom::of(terms, test).filter(|_| !terms.is_ordered(test)) else { return false };
        let subject = terms.get(atom.subject());
        if !matches!(subject.op, Op::Variable(_)) {
            return false;
        }
        let of_text = |text: &str| 1 + text.len().div_ceil(8);
        let words = match (&atom, subject.ty) {
            (Atom::Compare { .. }, Type::Int) => 1,
            (Atom::In { texts, .. }, Type::String) => texts.iter().map(|text| of_text(text)).sum(),
            (Atom::Prefix { text, .. } | Atom::Suffix { text, .. }, Type::String) => of_text(text),
            _ => return false,
        };
        if seen.tests.insert(test) {
            seen.words += words;
        }
        seen.words <= WORDS_MAX
    }

    fn straight_outcome(&mut self, id: NodeId, outcomes: &mut BTreeMap<NodeId, Value>) -> Option<Value> {
        if let Some(known) = outcomes.get(&id) {
            return Some(*known);
        }
        let outcome = match self.part.dag.nodes().get(id.index()).copied()? {
            Node::Decide(leaf) => {
                let known = self.known(leaf)?;
                self.word(known)
            }
            Node::Branch { test, then, otherwise } => {
                let truth = self.straight_truth(test)?;
                let then = self.straight_outcome(then, outcomes)?;
                let otherwise = self.straight_outcome(otherwise, outcomes)?;
                self.builder.ins().select(truth, then, otherwise)
            }
            Node::Ask { .. } | Node::Find { .. } | Node::Capture { .. } => return None,
        };
        outcomes.insert(id, outcome);
        Some(outcome)
    }

    /// 1 where a cheap question is true, else 0; that it is asked twice is left to the optimiser.
    fn straight_truth(&mut self, test: ExprId) -> Option<Value> {
        let atom = Atom::of(self.part.dag.terms(), test)?;
        let subject = self.value(atom.subject());
        Some(match (&atom, subject) {
            (Atom::Compare { comparison, with, .. }, Lowered::Int(int)) => {
                self.builder.ins().icmp_imm_s(condition(*comparison), int, *with)
            }
            (Atom::In { texts, .. }, Lowered::Text { address, length }) => {
                let mut any: Option<Value> = None;
                for text in texts {
                    let size = self.int(text.len() as i64);
                    let has_length = self.builder.ins().icmp(IntCC::Equal, length, size);
                    let same = self.same_where(has_length, address, text);
                    any = Some(any.map_or(same, |any| self.builder.ins().bor(any, same)));
                }
                // Nothing is among no texts.
                any.unwrap_or_else(|| self.builder.ins().iconst(I8, 0))
            }
            (Atom::Prefix { text, .. }, Lowered::Text { address, length }) => {
                let is_long = self.is_at_least(length, text);
                self.same_where(is_long, address, text)
            }
            (Atom::Suffix { text, .. }, Lowered::Text { address, length }) => {
                let is_long = self.is_at_least(length, text);
                let start = self.suffix_start(address, length, text);
                self.same_where(is_long, start, text)
            }
            _ => return None,
        })
    }

    fn is_at_least(&mut self, length: Value, text: &str) -> Value {
        self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, length, text.len() as i64)
    }

    /// Whether `holds`, and the bytes at `address`, which are there where it does, are those of `text`.
    fn same_where(&mut self, holds: Value, address: Value, text: &str) -> Value {
        // Elsewhere the text is compared with itself, as there may be nothing to read.
        let itself = self.address(text);
        let address = self.builder.ins().select(holds, address, itself);
        match self.difference(address, text.as_bytes()) {
            None => holds,
            Some(difference) => {
                let zero = self.builder.ins().iconst(I64, 0);
                let same = self.builder.ins().icmp(IntCC::Equal, difference, zero);
                if is_broken(Broken::Length) { same } else { self.builder.ins().band(holds, same) }
            }
        }
    }
}
