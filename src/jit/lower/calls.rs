//! Calls of host functions.

use cranelift_codegen::ir::{
    AbiParam, Block, InstBuilder, MemFlagsData, Signature, Value,
    condcodes::IntCC,
    types::{I32, I64},
};

use super::{
    Kind, ListFailure, Lowering,
    broken::{Broken, is_broken},
    value::Lowered,
};
use crate::{
    host::{DONE, FALL_BACK, LIST_FAILED},
    layout::RAW_BYTES,
};

/// The most values that are written to the stack one after another.
const ON_STACK_MAX: usize = 16;

impl Lowering<'_, '_, '_> {
    /// Calls the host function at `function`.
    pub(super) fn call(
        &mut self,
        function: *const u8,
        kinds: &'static [Kind],
        arguments: &[Value],
        result: Option<Kind>,
    ) -> Value {
        let key = (kinds, result);
        let ty = |kind: &Kind| match kind {
            Kind::Host | Kind::Word => I64,
            Kind::Half => I32,
        };
        let signature = if let Some(signature) = self.whole.signatures.get(&key) {
            *signature
        } else {
            let convention = self.builder.func.signature.call_conv;
            let mut signature = Signature::new(convention);
            signature.params.extend(kinds.iter().map(|kind| AbiParam::new(ty(kind))));
            signature.returns.extend(result.iter().map(|kind| AbiParam::new(ty(kind))));
            let signature = self.builder.import_signature(signature);
            self.whole.signatures.insert(key, signature);
            signature
        };
        let callee = self.word(function.expose_provenance() as u64);
        let host = kinds.contains(&Kind::Host).then(|| self.host());
        let arguments: Vec<Value> = host.into_iter().chain(arguments.iter().copied()).collect();
        let call = self.builder.ins().call_indirect(signature, callee, &arguments);
        match self.builder.inst_results(call) {
            [result, ..] => *result,
            [] => callee,
        }
    }

    /// Goes on where a host function is done, and to what its status says where it is not.
    pub(super) fn check(&mut self, status: Value) {
        let (next, other) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(other);
        let is_done = self.builder.ins().icmp_imm_u(IntCC::Equal, status, i64::from(DONE));
        self.builder.ins().brif(is_done, next, &[], other, &[]);
        self.builder.switch_to_block(other);
        if let ListFailure::No(no) = self.list_failure
            && !is_broken(Broken::List)
        {
            let list = self.builder.ins().icmp_imm_u(IntCC::Equal, status, i64::from(LIST_FAILED));
            let rest = self.builder.create_block();
            self.builder.ins().brif(list, no, &[], rest, &[]);
            self.builder.switch_to_block(rest);
        }
        let falls_back = self.builder.ins().icmp_imm_u(IntCC::Equal, status, i64::from(FALL_BACK));
        self.builder.ins().brif(falls_back, self.whole.fall_back, &[], self.whole.stopped, &[]);
        self.builder.switch_to_block(next);
    }

    /// Room for a value that a host function gives.
    pub(super) fn out(&mut self) -> Value {
        let slot = self.stack(RAW_BYTES);
        self.builder.ins().stack_addr(I64, slot, 0)
    }

    /// The values one after another in memory.
    pub(super) fn array(&mut self, values: &[Lowered]) -> Value {
        let address = if values.len() <= ON_STACK_MAX {
            let slot = self.stack(RAW_BYTES * values.len().max(1) as u32);
            self.builder.ins().stack_addr(I64, slot, 0)
        } else {
            let length = self.builder.ins().iconst(I32, values.len() as i64);
            self.call(crate::host::room as *const u8, &[Kind::Host, Kind::Half], &[length], Some(Kind::Word))
        };
        for (index, value) in values.iter().enumerate() {
            self.write(*value, address, index as i32 * RAW_BYTES as i32);
        }
        address
    }

    /// Loads a word of a value.
    pub(super) fn field(&mut self, raw: Value, offset: i32) -> Value {
        self.builder.ins().load(I64, MemFlagsData::trusted(), raw, offset)
    }

    /// A new block.
    pub(super) fn block(&mut self) -> Block {
        self.builder.create_block()
    }
}
