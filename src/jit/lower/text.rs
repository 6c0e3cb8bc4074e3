//! Comparing texts with texts that are written down, a word at a time: one by one, or by a table.

use cranelift_codegen::ir::{
    Block, BlockArg, Endianness, InstBuilder, MemFlagsData, Type, Value,
    condcodes::IntCC,
    types::{I8, I16, I32, I64},
};

use policy::dag::{
    Table,
    table::{Entry, KEY_BYTES, LENGTH_FACTOR, Mix, Parts, TURNS},
};

use super::{Kind, Lowering, parameter};
use crate::host;

/// The longest text that is compared in place; a longer one costs less by way of the host.
const IN_PLACE_MAX: usize = 64;

impl Lowering<'_, '_, '_> {
    /// Goes to `then` where the bytes at `address`, of which there are as many, are these.
    pub(super) fn same_bytes(&mut self, address: Value, bytes: &[u8], then: Block, otherwise: Block) {
        if bytes.len() > IN_PLACE_MAX {
            let kept: Box<[u64]> = words(bytes).into();
            let known = self.word(kept.as_ptr().expose_provenance() as u64);
            self.kept.leaves.push(kept);
            let length = self.int(bytes.len() as i64);
            let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Word];
            let arguments = [address, length, known, length];
            let same = self.call(host::same as *const u8, kinds, &arguments, Some(Kind::Half));
            self.builder.ins().brif(same, then, &[], otherwise, &[]);
            return;
        }
        match self.difference(address, bytes) {
            None => self.builder.ins().jump(then, &[]),
            Some(difference) => {
                let same = self.builder.ins().icmp_imm_u(IntCC::Equal, difference, 0);
                self.builder.ins().brif(same, then, &[], otherwise, &[])
            }
        };
    }

    /// Not 0 where the bytes at `address` differ from these; `None` where there are none.
    pub(super) fn difference(&mut self, address: Value, bytes: &[u8]) -> Option<Value> {
        let mut difference: Option<Value> = None;
        for (at, width) in pieces(bytes.len()) {
            let differs = self.piece(address, bytes, at, width);
            difference = Some(match difference {
                None => differs,
                Some(all) => self.builder.ins().bor(all, differs),
            });
        }
        difference
    }

    /// Not 0 where the piece of this width differs.
    fn piece(&mut self, address: Value, bytes: &[u8], at: usize, width: usize) -> Value {
        let known = bytes.iter().skip(at).take(width).rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        let ty: Type = match width {
            8 => I64,
            4 => I32,
            2 => I16,
            _ => I8,
        };
        let flags = MemFlagsData::new().with_notrap().with_endianness(Endianness::Little);
        let found = self.builder.ins().load(ty, flags, address, at as i32);
        let found = if ty == I64 { found } else { self.builder.ins().uextend(I64, found) };
        let known = self.word(known);
        self.builder.ins().bxor(found, known)
    }
}

impl Lowering<'_, '_, '_> {
    /// The number of a text in a table, or `none`. A text that is its key is looked up in place.
    pub(super) fn find_in(&mut self, table: Table, (address, length): (Value, Value), none: u64) -> Value {
        let table = Box::new(table);
        let end = self.block();
        self.builder.append_block_param(end, I64);
        if let Some((parts, factors, entries)) = table.parts() {
            let (short, long) = (*KEY_BYTES.start() as i64, *KEY_BYTES.end() as i64);
            let (inside, outside) = (self.block(), self.block());
            let over = self.builder.ins().iadd_imm_s(length, -short);
            let is_key = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, over, long - short);
            self.builder.ins().brif(is_key, inside, &[], outside, &[]);
            self.builder.switch_to_block(inside);
            let value = self.find_key(parts, factors, entries, (address, length), none);
            self.builder.ins().jump(end, &[BlockArg::Value(value)]);
            self.builder.switch_to_block(outside);
            if parts.is_plain {
                let none = self.word(none);
                self.builder.ins().jump(end, &[BlockArg::Value(none)]);
                self.builder.switch_to_block(end);
                self.kept.tables.push(table);
                return parameter(self.builder, end);
            }
        }
        let kinds = &[Kind::Word, Kind::Word, Kind::Word, Kind::Word];
        let (whole, none) = (self.address(&*table), self.word(none));
        let value = self.call(host::table as *const u8, kinds, &[whole, address, length, none], Some(Kind::Word));
        self.builder.ins().jump(end, &[BlockArg::Value(value)]);
        self.builder.switch_to_block(end);
        self.kept.tables.push(table);
        parameter(self.builder, end)
    }

    /// As `Table::find`, for a text of 8 to 32 bytes.
    fn find_key(
        &mut self,
        parts: Parts,
        factors: &[u64],
        entries: &[Entry],
        (address, length): (Value, Value),
        none: u64,
    ) -> Value {
        let flags = MemFlagsData::trusted();
        let words: Vec<Value> = (0..4).map(|word| self.key_word(word, address, length)).collect();
        let hash = self.key_hash(parts, &words, length);
        let product = if factors.is_empty() {
            hash
        } else {
            let bucket = self.builder.ins().ushr_imm_u(hash, i64::from(parts.bucket_shift));
            let bucket = self.builder.ins().ishl_imm_u(bucket, 3);
            let start = self.address(factors);
            let at = self.builder.ins().iadd(start, bucket);
            let factor = self.builder.ins().load(I64, flags, at, 0);
            self.builder.ins().imul(hash, factor)
        };
        let place = self.builder.ins().ushr_imm_u(product, i64::from(parts.entry_shift));
        let offset = self.builder.ins().imul_imm_u(place, size_of::<Entry>() as i64);
        let start = self.address(entries);
        let entry = self.builder.ins().iadd(start, offset);
        let known = self.builder.ins().load(I64, flags, entry, Entry::LENGTH as i32);
        let mut difference = self.builder.ins().bxor(known, length);
        for (index, word) in words.into_iter().enumerate().take(parts.compared) {
            let known = self.builder.ins().load(I64, flags, entry, (Entry::WORDS + 8 * index) as i32);
            let differs = self.builder.ins().bxor(known, word);
            difference = self.builder.ins().bor(difference, differs);
        }
        let value = self.builder.ins().load(I64, flags, entry, Entry::VALUE as i32);
        let none = self.word(none);
        let is_same = self.builder.ins().icmp_imm_u(IntCC::Equal, difference, 0);
        self.builder.ins().select(is_same, value, none)
    }

    fn key_hash(&mut self, parts: Parts, words: &[Value], length: Value) -> Value {
        let (factor, seed) = (self.word(LENGTH_FACTOR), self.word(parts.seed));
        let of_length = self.builder.ins().imul(length, factor);
        let (Mix::All, &[first, last, second, before_last]) = (parts.mix, words) else {
            let word = match parts.mix {
                Mix::One(word) => words.get(word).copied().unwrap_or(length),
                Mix::All => length,
            };
            let mixed = self.builder.ins().bxor(word, of_length);
            return self.builder.ins().imul(mixed, seed);
        };
        let [turn, other] = TURNS;
        let second = self.builder.ins().rotl_imm_u(second, i64::from(turn));
        let a = self.builder.ins().bxor(first, second);
        let a = self.builder.ins().bxor(a, of_length);
        let before_last = self.builder.ins().rotl_imm_u(before_last, i64::from(other));
        let b = self.builder.ins().bxor(last, before_last);
        let b = self.builder.ins().bxor(b, seed);
        let (low, high) = (self.builder.ins().imul(a, b), self.builder.ins().umulhi(a, b));
        self.builder.ins().bxor(low, high)
    }

    /// A word of the key of a text of 8 to 32 bytes.
    fn key_word(&mut self, word: usize, address: Value, length: Value) -> Value {
        let bytes = MemFlagsData::new().with_notrap().with_endianness(Endianness::Little);
        if word == 0 {
            return self.builder.ins().load(I64, bytes, address, 0);
        }
        let eight = self.int(8);
        let last = self.builder.ins().isub(length, eight);
        let at = match word {
            1 => last,
            2 => self.builder.ins().umin(last, eight),
            _ => {
                let before_last = self.builder.ins().isub(last, eight);
                let zero = self.int(0);
                self.builder.ins().smax(before_last, zero)
            }
        };
        let at = self.builder.ins().iadd(address, at);
        self.builder.ins().load(I64, bytes, at, 0)
    }
}

/// Pieces of 8, 4, 2 or 1 bytes that cover so many bytes; the last two may overlap.
fn pieces(length: usize) -> Vec<(usize, usize)> {
    let width = match length {
        0 => return Vec::new(),
        1 => 1,
        2..=3 => 2,
        4..=7 => 4,
        _ => 8,
    };
    let mut pieces: Vec<(usize, usize)> = (0..length / width).map(|piece| (piece * width, width)).collect();
    if !length.is_multiple_of(width) {
        pieces.push((length - width, width));
    }
    pieces
}

/// The bytes in words, the last one filled up.
fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        u64::from_ne_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_byte_and_no_other() {
        for length in 0..=IN_PLACE_MAX {
            let mut covered = vec![false; length];
            for (at, width) in pieces(length) {
                covered[at..at + width].fill(true);
            }
            assert!(covered.iter().all(|byte| *byte), "{length}");
        }
    }
}
