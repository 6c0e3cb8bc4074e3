//! Questions to branches.
//!
//! What is asked about one text or number and compared with what is written down needs no value of its own: it leads
//! straight to where a yes or a no goes on.

use cranelift_codegen::ir::{Block, InstBuilder, Value, condcodes::IntCC};
use policy::{
    ExprId, Op,
    dag::{Atom, Comparison, Table},
    pattern::Pattern,
};

use super::{
    Kind, Lowering,
    broken::{Broken, is_broken},
    value::Lowered,
};
use crate::host;

/// The most texts that are compared one after another; more are looked up.
const COMPARED_MAX: usize = 4;

impl Lowering<'_, '_, '_> {
    /// Goes to `then` where the operation is true, else to `otherwise`.
    pub(super) fn test(&mut self, id: ExprId, then: Block, otherwise: Block) {
        if self.shared.contains_key(&id) {
            let value = self.value(id);
            self.branch(value, then, otherwise);
        } else {
            self.ask_question(id, then, otherwise);
        }
    }

    /// The same for an operation whose value is not remembered.
    pub(super) fn ask_question(&mut self, id: ExprId, then: Block, otherwise: Block) {
        let terms = self.part.dag.terms();
        if let Some(atom) = Atom::of(terms, id) {
            let subject = self.value(atom.subject());
            if self.atom(&atom, subject, then, otherwise) {
                return;
            }
        }
        match &terms.get(id).op {
            Op::Matches { pattern, subject } => {
                let subject = self.value(*subject);
                let subject = self.as_text(subject);
                self.matches(id, pattern, subject, then, otherwise);
            }
            Op::InList { list, subject } => {
                let Some(entries) = &list.entries else { return self.value_branch(id, then, otherwise) };
                let subject = self.value(*subject);
                let texts = entries.iter().map(|entry| entry.as_ref().into()).collect();
                let subject = self.as_text(subject);
                self.one_of(&texts, subject, then, otherwise);
            }
            _ => self.value_branch(id, then, otherwise),
        }
    }

    fn value_branch(&mut self, id: ExprId, then: Block, otherwise: Block) {
        let value = self.value(id);
        self.branch(value, then, otherwise);
    }

    fn branch(&mut self, value: Lowered, then: Block, otherwise: Block) {
        let truth = self.truth(value);
        self.builder.ins().brif(truth, then, &[], otherwise, &[]);
    }

    /// A value as a text: as the functions take it that want one.
    fn as_text(&mut self, value: Lowered) -> (Value, Value) {
        if let Lowered::Text { address, length } = value {
            return (address, length);
        }
        let (value, out) = (self.spilled(value), self.out());
        let kinds = &[Kind::Host, Kind::Word, Kind::Word];
        self.call(host::to_text as *const u8, kinds, &[value, out], None);
        match self.read(out, policy::Type::String) {
            Lowered::Text { address, length } => (address, length),
            _ => (out, out),
        }
    }

    /// Whether the question could be lowered with the subject at hand.
    fn atom(&mut self, atom: &Atom, subject: Lowered, then: Block, otherwise: Block) -> bool {
        match (atom, subject) {
            (Atom::Compare { comparison, with, .. }, Lowered::Int(int)) => {
                let truth = self.builder.ins().icmp_imm_s(condition(*comparison), int, *with);
                self.builder.ins().brif(truth, then, &[], otherwise, &[]);
            }
            (Atom::In { texts, .. }, Lowered::Text { address, length }) => {
                self.one_of(texts, (address, length), then, otherwise);
            }
            (Atom::Prefix { text, .. }, Lowered::Text { address, length }) => {
                let next = self.if_at_least(length, text.len(), otherwise);
                self.builder.switch_to_block(next);
                self.same_bytes(address, text.as_bytes(), then, otherwise);
            }
            (Atom::Suffix { text, .. }, Lowered::Text { address, length }) => {
                let next = self.if_at_least(length, text.len(), otherwise);
                self.builder.switch_to_block(next);
                let start = self.suffix_start(address, length, text);
                self.same_bytes(start, text.as_bytes(), then, otherwise);
            }
            (Atom::Substring { text, .. }, Lowered::Text { address, length }) => {
                let (part, part_length) = (self.address(&**text), self.int(text.len() as i64));
                let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Word];
                let arguments = [address, length, part, part_length];
                let found = self.call(host::contains as *const u8, kinds, &arguments, Some(Kind::Half));
                self.builder.ins().brif(found, then, &[], otherwise, &[]);
            }
            _ => return false,
        }
        true
    }

    /// Where the end of a text begins that is as long as `text`.
    pub(super) fn suffix_start(&mut self, address: Value, length: Value, text: &str) -> Value {
        let end = self.builder.ins().iadd(address, length);
        let back = if is_broken(Broken::Suffix) { length } else { self.int(text.len() as i64) };
        self.builder.ins().isub(end, back)
    }

    fn if_at_least(&mut self, length: Value, least: usize, otherwise: Block) -> Block {
        let next = self.block();
        let is_long = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, length, least as i64);
        self.builder.ins().brif(is_long, next, &[], otherwise, &[]);
        next
    }

    fn one_of(
        &mut self,
        texts: &std::collections::BTreeSet<std::sync::Arc<str>>,
        (address, length): (Value, Value),
        then: Block,
        otherwise: Block,
    ) {
        if texts.len() > COMPARED_MAX {
            let table = Table::new(texts.iter().map(|text| (text.clone(), 1)).collect());
            let is_found = self.find_in(table, (address, length), 0);
            self.builder.ins().brif(is_found, then, &[], otherwise, &[]);
            return;
        }
        for text in texts {
            let (compare, next) = (self.block(), self.block());
            let is_as_long = self.builder.ins().icmp_imm_u(IntCC::Equal, length, text.len() as i64);
            self.builder.ins().brif(is_as_long, compare, &[], next, &[]);
            self.builder.switch_to_block(compare);
            self.same_bytes(address, text.as_bytes(), then, next);
            self.builder.switch_to_block(next);
        }
        self.builder.ins().jump(otherwise, &[]);
    }

    fn matches(
        &mut self,
        id: ExprId,
        pattern: &std::sync::Arc<Pattern>,
        (address, length): (Value, Value),
        then: Block,
        otherwise: Block,
    ) {
        let shared = pattern;
        let pattern = self.address(&**shared);
        if !self.part.dag.terms().is_ordered(id) {
            let kinds = &[Kind::Word, Kind::Word, Kind::Word];
            let found = self.call(host::is_match as *const u8, kinds, &[pattern, address, length], Some(Kind::Half));
            let known = self.block();
            let is_known = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, found, 2);
            self.builder.ins().brif(is_known, known, &[], self.whole.fall_back, &[]);
            self.builder.switch_to_block(known);
            self.builder.ins().brif(found, then, &[], otherwise, &[]);
            return;
        }
        let kinds = &[Kind::Host, Kind::Word, Kind::Word, Kind::Word];
        let pattern = self.address(shared);
        let arguments = [pattern, address, length];
        let found = self.call(host::captures as *const u8, kinds, &arguments, Some(Kind::Half));
        let (known, other) = (self.block(), self.block());
        self.builder.set_cold_block(other);
        let is_known = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, found, 2);
        self.builder.ins().brif(is_known, known, &[], other, &[]);
        self.builder.switch_to_block(other);
        let stops = self.builder.ins().icmp_imm_u(IntCC::Equal, found, 2);
        self.builder.ins().brif(stops, self.whole.stopped, &[], self.whole.fall_back, &[]);
        self.builder.switch_to_block(known);
        self.builder.ins().brif(found, then, &[], otherwise, &[]);
    }
}

/// The comparison of whole numbers that this is.
pub(super) const fn condition(comparison: Comparison) -> IntCC {
    match comparison {
        Comparison::Equal => IntCC::Equal,
        Comparison::NotEqual => IntCC::NotEqual,
        Comparison::Less => IntCC::SignedLessThan,
        Comparison::AtMost => IntCC::SignedLessThanOrEqual,
        Comparison::Greater => IntCC::SignedGreaterThan,
        Comparison::AtLeast => IntCC::SignedGreaterThanOrEqual,
    }
}
