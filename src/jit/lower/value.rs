//! Operations to values.
//!
//! An operation whose type is known becomes a few instructions on numbers, or on the address and the length of a text;
//! what only a run can tell becomes a [`Raw`](crate::layout::Raw) in memory and a call of a host function. Both follow
//! `interpret`, arm by arm.

use cranelift_codegen::ir::{
    BlockArg, InstBuilder, MemFlagsData, Value,
    condcodes::{FloatCC, IntCC},
    types::{F64, I32, I64},
};
use policy::{
    Answers, ExprId, Function, Op, Row, Type, Variable, ast::BinaryOperator, lookup::IN_PLACE, variable::Column,
};

use super::{
    Kind, Lowering, Unanswered,
    broken::{Broken, is_broken},
    parameter,
};
use crate::{
    host,
    layout::{self, ANY, CONSTANT, FLOAT, INT, LENGTH, LIST, TAG, TEXT, WORD, tag},
};

/// A value in machine code.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lowered {
    /// A whole number.
    Int(Value),
    /// A floating-point number.
    Float(Value),
    /// A text.
    Text {
        /// Where it begins.
        address: Value,
        /// Its length in bytes.
        length: Value,
    },
    /// A constant, by its number.
    Constant(Value),
    /// The address of a value in memory that is an array.
    List(Value),
    /// The address of a value in memory.
    Any(Value),
}

impl Lowered {
    const fn tag(self) -> u64 {
        match self {
            Self::Int(_) => INT,
            Self::Float(_) => FLOAT,
            Self::Text { .. } => TEXT,
            Self::List(_) => LIST,
            Self::Constant(_) => CONSTANT,
            Self::Any(_) => ANY,
        }
    }
}

impl Lowering<'_, '_, '_> {
    /// The value of an operation.
    pub(super) fn value(&mut self, id: ExprId) -> Lowered {
        let Some(slot) = self.shared.get(&id).copied() else { return self.fresh_value(id) };
        let ty = self.part.dag.terms().get(id).ty;
        let (ask, known) = (self.block(), self.block());
        let is_known = self.stack_load(I64, slot);
        self.builder.ins().brif(is_known, known, &[], ask, &[]);
        self.builder.switch_to_block(ask);
        let value = self.fresh_value(id);
        let address = self.builder.ins().stack_addr(I64, slot, 8);
        self.write(value, address, 0);
        let one = self.int(1);
        self.stack_store(one, slot);
        self.builder.ins().jump(known, &[]);
        self.builder.switch_to_block(known);
        let address = self.builder.ins().stack_addr(I64, slot, 8);
        self.read(address, ty)
    }

    fn fresh_value(&mut self, id: ExprId) -> Lowered {
        let terms = self.part.dag.terms();
        let expr = terms.get(id);
        match &expr.op {
            Op::Literal(value) => self.literal(value),
            Op::Variable(variable) => self.variable(*variable, expr.ty),
            Op::Capture(group) => {
                let out = self.out();
                let group = self.builder.ins().iconst(I32, i64::from(*group));
                let kinds = &[Kind::Host, Kind::Half, Kind::Word];
                self.call(host::capture as *const u8, kinds, &[group, out], None);
                self.read(out, Type::String)
            }
            Op::List(items) => {
                let items: Vec<Lowered> = items.iter().map(|item| self.value(*item)).collect();
                let (address, out) = (self.array(&items), self.out());
                let length = self.builder.ins().iconst(I32, items.len() as i64);
                let kinds = &[Kind::Host, Kind::Word, Kind::Half, Kind::Word];
                let arguments = [address, length, out];
                let status = self.call(host::list as *const u8, kinds, &arguments, Some(Kind::Half));
                self.check(status);
                Lowered::List(out)
            }
            Op::Index { base, index } => {
                let (base, index) = (self.value(*base), self.value(*index));
                let (base, index, out) = (self.spilled(base), self.spilled(index), self.out());
                let wanted = self.word(tag(expr.ty));
                let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Word];
                let status =
                    self.call(host::element as *const u8, kinds, &[base, index, wanted, out], Some(Kind::Half));
                self.check(status);
                self.read(out, expr.ty)
            }
            Op::Not(operand) => {
                let value = self.value(*operand);
                let truth = self.truth(value);
                let not = self.builder.ins().icmp_imm_u(IntCC::Equal, truth, 0);
                self.truth_value(not)
            }
            Op::Negate(operand) => {
                let value = self.value(*operand);
                self.negate(value, expr.ty)
            }
            Op::And(operands) => self.skipping(operands, expr.ty, false),
            Op::Or(operands) => self.skipping(operands, expr.ty, true),
            Op::Chain { first, rest } => {
                let mut left = self.value(*first);
                for (position, (operator, operand)) in rest.iter().enumerate() {
                    let right = self.value(*operand);
                    let is_last = position + 1 == rest.len();
                    left = self.binary(*operator, left, right, if is_last { expr.ty } else { Type::Any });
                }
                left
            }
            Op::Call { function, arguments } => self.call_function(id, *function, arguments, expr.ty),
            Op::Matches { .. } => self.branched(id),
            Op::InList { list, subject } if list.entries.is_none() => {
                let subject = self.value(*subject);
                self.ask(&expr.op, &[subject], expr.ty)
            }
            Op::InList { .. } => self.branched(id),
            Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => self.ask(&expr.op, &[], expr.ty),
        }
    }

    fn literal(&mut self, value: &policy::Value) -> Lowered {
        match value {
            policy::Value::Int(int) => Lowered::Int(self.int(*int)),
            policy::Value::Float(float) => Lowered::Float(self.builder.ins().f64const(*float)),
            policy::Value::Text(text) => {
                let (address, length) = (self.address(&**text), self.int(text.len() as i64));
                Lowered::Text { address, length }
            }
            policy::Value::Constant(constant) => Lowered::Constant(self.int(*constant as i64)),
            policy::Value::List(_) => {
                let (value, out) = (self.address(value), self.out());
                let kinds = &[Kind::Host, Kind::Word, Kind::Word];
                self.call(host::literal as *const u8, kinds, &[value, out], None);
                Lowered::List(out)
            }
        }
    }

    fn variable(&mut self, variable: Variable, ty: Type) -> Lowered {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        let row = self.whole.row;
        match variable.column() {
            // The column of a text that is not set holds the empty one.
            Column::Text(place) => {
                let offset = Row::text_offset(place) as i32;
                let address = self.builder.ins().load(I64, flags, row, offset);
                let length = self.builder.ins().load(I64, flags, row, offset + 8);
                Lowered::Text { address, length }
            }
            Column::Int(place) if ty == Type::Int => {
                Lowered::Int(self.builder.ins().load(I64, flags, row, Row::int_offset(place) as i32))
            }
            Column::Int(place) => {
                let int = self.builder.ins().load(I64, flags, row, Row::int_offset(place) as i32);
                self.if_set(variable, Lowered::Int(int))
            }
            Column::Recipients => {
                let out = self.out();
                self.call(host::recipients as *const u8, &[Kind::Host, Kind::Word], &[out], None);
                if ty == Type::Array { Lowered::List(out) } else { self.if_set(variable, Lowered::Any(out)) }
            }
        }
    }

    /// `value` where `variable` is set, else the empty text.
    fn if_set(&mut self, variable: Variable, value: Lowered) -> Lowered {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        let set = self.builder.ins().load(I32, flags, self.whole.row, Row::set_offset() as i32);
        let bit = self.builder.ins().band_imm_u(set, 1_i64 << variable as u8);
        let out = self.out();
        let (is_set, unset, next) = (self.block(), self.block(), self.block());
        self.builder.ins().brif(bit, is_set, &[], unset, &[]);
        self.builder.switch_to_block(is_set);
        self.write(value, out, 0);
        self.builder.ins().jump(next, &[]);
        self.builder.switch_to_block(unset);
        let empty = self.empty();
        self.write(empty, out, 0);
        self.builder.ins().jump(next, &[]);
        self.builder.switch_to_block(next);
        Lowered::Any(out)
    }

    pub(super) fn empty(&mut self) -> Lowered {
        let (address, length) = (self.address(""), self.int(0));
        Lowered::Text { address, length }
    }

    /// `&&` and `||` where their value matters: the first operand itself, behind it only truth (D4).
    fn skipping(&mut self, operands: &[ExprId], ty: Type, stops_at: bool) -> Lowered {
        let out = self.out();
        let end = self.block();
        for (position, operand) in operands.iter().enumerate() {
            let value = self.value(*operand);
            let truth = self.truth(value);
            let (stop, next) = (self.block(), self.block());
            let (yes, no) = if stops_at { (stop, next) } else { (next, stop) };
            self.builder.ins().brif(truth, yes, &[], no, &[]);
            self.builder.switch_to_block(stop);
            let is_first = position == 0 && !is_broken(Broken::Operand);
            let stopped = if is_first { value } else { Lowered::Int(self.int(i64::from(stops_at))) };
            self.write(stopped, out, 0);
            self.builder.ins().jump(end, &[]);
            self.builder.switch_to_block(next);
        }
        let last = self.int(i64::from(!stops_at));
        self.write(Lowered::Int(last), out, 0);
        self.builder.ins().jump(end, &[]);
        self.builder.switch_to_block(end);
        self.read(out, ty)
    }

    fn negate(&mut self, value: Lowered, ty: Type) -> Lowered {
        match value {
            Lowered::Int(int) => Lowered::Int(self.builder.ins().ineg(int)),
            Lowered::Float(float) => Lowered::Float(self.builder.ins().fneg(float)),
            other => {
                let (value, out) = (self.spilled(other), self.out());
                let wanted = self.word(tag(ty));
                let kinds = &[Kind::Word, Kind::Word, Kind::Word];
                let status = self.call(host::negate as *const u8, kinds, &[value, wanted, out], Some(Kind::Half));
                self.check(status);
                self.read(out, ty)
            }
        }
    }

    /// `left operator right`, for every operator but the two that skip operands.
    fn binary(&mut self, operator: BinaryOperator, left: Lowered, right: Lowered, ty: Type) -> Lowered {
        use BinaryOperator as B;
        use Lowered::{Constant, Float, Int, Text};
        match (operator, left, right) {
            (B::Xor, ..) => {
                let (left, right) = (self.truth(left), self.truth(right));
                let differ = self.builder.ins().icmp(IntCC::NotEqual, left, right);
                self.truth_value(differ)
            }
            (B::Divide, Int(_) | Float(_), Int(_) | Float(_)) => {
                let (left, right) = (self.float(left), self.float(right));
                let zero = self.builder.ins().f64const(0.0);
                let quotient = self.builder.ins().fdiv(left, right);
                let is_zero = self.builder.ins().fcmp(FloatCC::Equal, right, zero);
                let result = self.builder.ins().select(is_zero, zero, quotient);
                Float(if is_broken(Broken::Division) { quotient } else { result })
            }
            (B::Add | B::Subtract | B::Multiply, Int(a), Int(b)) => Int(self.whole(operator, a, b)),
            (B::Add | B::Subtract | B::Multiply, Int(_) | Float(_), Int(_) | Float(_)) => {
                let (a, b) = (self.float(left), self.float(right));
                Float(match operator {
                    B::Add => self.builder.ins().fadd(a, b),
                    B::Subtract => self.builder.ins().fsub(a, b),
                    _ => self.builder.ins().fmul(a, b),
                })
            }
            (B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast, Int(a), Int(b)) => {
                let truth = self.builder.ins().icmp(signed(operator), a, b);
                self.truth_value(truth)
            }
            (B::Equal | B::NotEqual, Constant(a), Constant(b)) => {
                let truth = self.builder.ins().icmp(signed(operator), a, b);
                self.truth_value(truth)
            }
            (
                B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast,
                Int(_) | Float(_),
                Int(_) | Float(_),
            ) => {
                let (a, b) = (self.float(left), self.float(right));
                let truth = self.builder.ins().fcmp(ordered(operator), a, b);
                self.truth_value(truth)
            }
            (
                B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast,
                Text { address: a, length: a_length },
                Text { address: b, length: b_length },
            ) => {
                let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Word];
                let arguments = [a, a_length, b, b_length];
                let order = self.call(host::compare as *const u8, kinds, &arguments, Some(Kind::Half));
                let truth = self.builder.ins().icmp_imm_s(signed(operator), order, 0);
                self.truth_value(truth)
            }
            _ => {
                let (left, right, out) = (self.spilled(left), self.spilled(right), self.out());
                let number = BinaryOperator::ALL.iter().position(|known| *known == operator).unwrap_or_default();
                let number = self.builder.ins().iconst(I32, number as i64);
                let wanted = self.word(tag(ty));
                let kinds = &[Kind::Host, Kind::Half, Kind::Word, Kind::Word, Kind::Word, Kind::Word];
                let arguments = [number, left, right, wanted, out];
                let status = self.call(host::binary as *const u8, kinds, &arguments, Some(Kind::Half));
                self.check(status);
                self.read(out, ty)
            }
        }
    }

    /// Whole numbers saturate (D10).
    fn whole(&mut self, operator: BinaryOperator, a: Value, b: Value) -> Value {
        // The bound on the side of the exact result, by the sign of what decides it.
        let bound = |this: &mut Self, sign: Value| {
            let sign = this.builder.ins().sshr_imm_u(sign, 63);
            this.builder.ins().bxor_imm_s(sign, i64::MAX)
        };
        if operator == BinaryOperator::Multiply {
            let (low, high) = (self.builder.ins().imul(a, b), self.builder.ins().smulhi(a, b));
            let sign = self.builder.ins().sshr_imm_u(low, 63);
            let overflows = self.builder.ins().icmp(IntCC::NotEqual, sign, high);
            let bound = bound(self, high);
            return self.builder.ins().select(overflows, bound, low);
        }
        let is_sum = operator == BinaryOperator::Add;
        let result = if is_sum { self.builder.ins().iadd(a, b) } else { self.builder.ins().isub(a, b) };
        // A sum overflows where both signs differ from its own, a difference where the operands' signs differ and the
        // result's is the second's.
        let of_a = self.builder.ins().bxor(a, result);
        let of_b = if is_sum { self.builder.ins().bxor(b, result) } else { self.builder.ins().bxor(a, b) };
        let both = self.builder.ins().band(of_a, of_b);
        let overflows = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, both, 0);
        let bound = bound(self, a);
        let saturated = self.builder.ins().select(overflows, bound, result);
        if is_broken(Broken::Saturation) { result } else { saturated }
    }

    fn float(&mut self, value: Lowered) -> Value {
        match value {
            Lowered::Int(int) => self.builder.ins().fcvt_from_sint(F64, int),
            Lowered::Float(float) => float,
            _ => self.builder.ins().f64const(0.0),
        }
    }

    fn call_function(&mut self, id: ExprId, function: Function, arguments: &[ExprId], ty: Type) -> Lowered {
        let op = &self.part.dag.terms().get(id).op;
        if function.effect() != policy::function::Effect::None {
            let arguments: Vec<Lowered> = arguments.iter().map(|argument| self.value(*argument)).collect();
            return self.ask(op, &arguments, ty);
        }
        if policy::dag::Atom::of(self.part.dag.terms(), id).is_some() {
            return self.branched(id);
        }
        let values: Vec<Lowered> = arguments.iter().map(|argument| self.value(*argument)).collect();
        match (function, &*values) {
            (Function::Len, [Lowered::Text { length, .. }]) => return Lowered::Int(*length),
            (Function::IsEmpty, [Lowered::Text { length, .. }]) => {
                let empty = self.builder.ins().icmp_imm_u(IntCC::Equal, *length, 0);
                return self.truth_value(empty);
            }
            (Function::IfThen, [condition, then, otherwise]) => {
                if let Some(value) = self.select(*condition, *then, *otherwise) {
                    return value;
                }
            }
            _ => {}
        }
        let (address, out) = (self.array(&values), self.out());
        let function = self.builder.ins().iconst(I32, function as i64);
        let length = self.builder.ins().iconst(I32, values.len() as i64);
        let wanted = self.word(tag(ty));
        let kinds = &[Kind::Host, Kind::Half, Kind::Word, Kind::Half, Kind::Word, Kind::Word];
        let arguments = [function, address, length, wanted, out];
        let status = self.call(host::call as *const u8, kinds, &arguments, Some(Kind::Half));
        self.check(status);
        self.read(out, ty)
    }

    /// `if_then` of two numbers; texts are counted, and go by way of the host.
    fn select(&mut self, condition: Lowered, then: Lowered, otherwise: Lowered) -> Option<Lowered> {
        let make: fn(Value) -> Lowered = match (then, otherwise) {
            (Lowered::Int(_), Lowered::Int(_)) => Lowered::Int,
            (Lowered::Float(_), Lowered::Float(_)) => Lowered::Float,
            (Lowered::Constant(_), Lowered::Constant(_)) => Lowered::Constant,
            _ => return None,
        };
        let (
            Lowered::Int(a) | Lowered::Float(a) | Lowered::Constant(a),
            Lowered::Int(b) | Lowered::Float(b) | Lowered::Constant(b),
        ) = (then, otherwise)
        else {
            return None;
        };
        let truth = self.truth(condition);
        Some(make(self.builder.ins().select(truth, a, b)))
    }

    /// The answer to a question. A whole number that was remembered is read in place, for which no host is needed.
    fn ask(&mut self, op: &Op, arguments: &[Lowered], ty: Type) -> Lowered {
        if ty != Type::Int {
            let host = self.host();
            return self.ask_host(host, op, arguments, ty);
        }
        let flags = MemFlagsData::trusted();
        let (take, without, end) = (self.block(), self.block(), self.block());
        self.builder.set_cold_block(without);
        self.builder.append_block_param(end, I64);
        let (answers, offset) = (self.whole.answers, self.part.answers);
        let asked = self.builder.use_var(self.whole.asked);
        let whole = self.builder.ins().load(I64, flags, answers, (offset + Answers::WHOLE) as i32);
        let bit = self.builder.ins().ushr(whole, asked);
        let bit = self.builder.ins().band_imm_u(bit, 1);
        let is_in_place = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, asked, IN_PLACE as i64);
        let is_in_place = self.builder.ins().uextend(I64, is_in_place);
        let is_given = self.builder.ins().band(bit, is_in_place);
        self.builder.ins().brif(is_given, take, &[], without, &[]);
        self.builder.switch_to_block(take);
        let place = self.builder.ins().ishl_imm_u(asked, 3);
        let at = self.builder.ins().iadd(answers, place);
        let int = self.builder.ins().load(I64, flags, at, (offset + Answers::INTS) as i32);
        if !is_broken(Broken::Answers) {
            let next = self.builder.ins().iadd_imm_s(asked, 1);
            self.builder.def_var(self.whole.asked, next);
        }
        self.builder.ins().jump(end, &[BlockArg::Value(int)]);
        self.builder.switch_to_block(without);
        match self.part.unanswered {
            Unanswered::Left => {
                self.builder.ins().jump(self.whole.needs_host, &[]);
            }
            Unanswered::Asked => {
                let ask = self.block();
                self.builder.set_cold_block(ask);
                let host = self.host_if_any();
                self.builder.ins().brif(host, ask, &[], self.whole.needs_host, &[]);
                self.builder.switch_to_block(ask);
                if let Lowered::Int(int) = self.ask_host(host, op, arguments, ty) {
                    self.builder.ins().jump(end, &[BlockArg::Value(int)]);
                }
            }
        }
        self.builder.switch_to_block(end);
        Lowered::Int(parameter(self.builder, end))
    }

    fn ask_host(&mut self, host: Value, op: &Op, arguments: &[Lowered], ty: Type) -> Lowered {
        let flags = MemFlagsData::trusted();
        let (asked, block) = (self.builder.use_var(self.whole.asked), self.int(self.index as i64));
        self.builder.ins().store(flags, asked, host, layout::ASKED);
        self.builder.ins().store(flags, block, host, layout::BLOCK);
        let (address, out) = (self.array(arguments), self.out());
        let op = self.address(op);
        let length = self.builder.ins().iconst(I32, arguments.len() as i64);
        let wanted = self.word(tag(ty));
        let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Half, Kind::Word, Kind::Word];
        let arguments = [host, op, address, length, wanted, out];
        let status = self.call(host::ask as *const u8, kinds, &arguments, Some(Kind::Half));
        // Not every question needs an answer.
        let asked = self.builder.ins().load(I64, flags, host, layout::ASKED);
        self.builder.def_var(self.whole.asked, asked);
        self.check(status);
        self.read(out, ty)
    }

    /// The value of a question that is lowered as a branch.
    fn branched(&mut self, id: ExprId) -> Lowered {
        let (then, otherwise, end) = (self.block(), self.block(), self.block());
        self.builder.append_block_param(end, I64);
        self.ask_question(id, then, otherwise);
        for (block, truth) in [(then, 1), (otherwise, 0)] {
            self.builder.switch_to_block(block);
            let truth = self.int(truth);
            self.builder.ins().jump(end, &[BlockArg::Value(truth)]);
        }
        self.builder.switch_to_block(end);
        Lowered::Int(parameter(self.builder, end))
    }

    /// Whether a value is true: 0, or something else.
    pub(super) fn truth(&mut self, value: Lowered) -> Value {
        match value {
            Lowered::Int(int) => self.builder.ins().icmp_imm_s(IntCC::NotEqual, int, 0),
            Lowered::Float(float) => {
                let zero = self.builder.ins().f64const(0.0);
                self.builder.ins().fcmp(FloatCC::NotEqual, float, zero)
            }
            Lowered::Text { length, .. } => self.builder.ins().icmp_imm_u(IntCC::NotEqual, length, 0),
            Lowered::Constant(constant) => self.builder.ins().icmp(IntCC::Equal, constant, constant),
            Lowered::List(raw) => {
                let length = self.field(raw, LENGTH);
                self.builder.ins().icmp_imm_u(IntCC::NotEqual, length, 0)
            }
            Lowered::Any(raw) => {
                let truth = self.call(host::truth as *const u8, &[Kind::Word], &[raw], Some(Kind::Half));
                self.builder.ins().icmp_imm_u(IntCC::NotEqual, truth, 0)
            }
        }
    }

    fn truth_value(&mut self, truth: Value) -> Lowered {
        Lowered::Int(self.builder.ins().uextend(I64, truth))
    }

    /// Writes a value to memory.
    pub(super) fn write(&mut self, value: Lowered, address: Value, offset: i32) {
        let flags = MemFlagsData::trusted();
        let (word, length) = match value {
            Lowered::Int(word) | Lowered::Constant(word) | Lowered::Float(word) => (word, None),
            Lowered::Text { address, length } => (address, Some(length)),
            Lowered::List(raw) | Lowered::Any(raw) => {
                for field in [TAG, WORD, LENGTH] {
                    let word = self.field(raw, field);
                    self.builder.ins().store(flags, word, address, offset + field);
                }
                return;
            }
        };
        let tag = self.word(value.tag());
        self.builder.ins().store(flags, tag, address, offset + TAG);
        self.builder.ins().store(flags, word, address, offset + WORD);
        if let Some(length) = length {
            self.builder.ins().store(flags, length, address, offset + LENGTH);
        }
    }

    /// A value in memory, which is of this type.
    pub(super) fn read(&mut self, address: Value, ty: Type) -> Lowered {
        match ty {
            Type::Int => Lowered::Int(self.field(address, WORD)),
            Type::Float => Lowered::Float(self.builder.ins().load(F64, MemFlagsData::trusted(), address, WORD)),
            Type::String => Lowered::Text { address: self.field(address, WORD), length: self.field(address, LENGTH) },
            Type::Constant => Lowered::Constant(self.field(address, WORD)),
            Type::Array => Lowered::List(address),
            Type::Any => Lowered::Any(address),
        }
    }

    /// The address of a value in memory.
    pub(super) fn spilled(&mut self, value: Lowered) -> Value {
        match value {
            Lowered::List(raw) | Lowered::Any(raw) => raw,
            other => {
                let out = self.out();
                self.write(other, out, 0);
                out
            }
        }
    }
}

/// The comparison of whole numbers that an operator is.
fn signed(operator: BinaryOperator) -> IntCC {
    match operator {
        BinaryOperator::Less if is_broken(Broken::Order) => IntCC::SignedLessThanOrEqual,
        BinaryOperator::NotEqual => IntCC::NotEqual,
        BinaryOperator::Less => IntCC::SignedLessThan,
        BinaryOperator::AtMost => IntCC::SignedLessThanOrEqual,
        BinaryOperator::Greater => IntCC::SignedGreaterThan,
        BinaryOperator::AtLeast => IntCC::SignedGreaterThanOrEqual,
        _ => IntCC::Equal,
    }
}

/// The comparison of floating-point numbers that an operator is: where one is no number, only `!=` holds.
const fn ordered(operator: BinaryOperator) -> FloatCC {
    match operator {
        BinaryOperator::NotEqual => FloatCC::NotEqual,
        BinaryOperator::Less => FloatCC::LessThan,
        BinaryOperator::AtMost => FloatCC::LessThanOrEqual,
        BinaryOperator::Greater => FloatCC::GreaterThan,
        BinaryOperator::AtLeast => FloatCC::GreaterThanOrEqual,
        _ => FloatCC::Equal,
    }
}
