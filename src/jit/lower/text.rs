//! Comparing bytes with bytes that are written down, a word at a time.

use cranelift_codegen::ir::{
    Block, InstBuilder, MemFlagsData, Type, Value,
    condcodes::IntCC,
    types::{I8, I16, I32, I64},
};

use super::Lowering;

/// The longest text that is compared in place; a longer one costs less by way of the host.
const IN_PLACE_MAX: usize = 64;

impl Lowering<'_, '_, '_> {
    /// Goes to `then` where the bytes at `address`, of which there are as many, are these.
    pub(super) fn same_bytes(&mut self, address: Value, bytes: &[u8], then: Block, otherwise: Block) {
        let mut difference: Option<Value> = None;
        if bytes.len() > IN_PLACE_MAX {
            let kept: Box<[u64]> = words(bytes).into();
            let known = self.word(kept.as_ptr().expose_provenance() as u64);
            self.kept.leaves.push(kept);
            let length = self.int(bytes.len() as i64);
            let kinds = &[super::Kind::Word, super::Kind::Word, super::Kind::Word, super::Kind::Word];
            let arguments = [address, length, known, length];
            let same = self.call(crate::host::same as *const u8, kinds, &arguments, Some(super::Kind::Half));
            self.builder.ins().brif(same, then, &[], otherwise, &[]);
            return;
        }
        for (at, width) in pieces(bytes.len()) {
            let differs = self.piece(address, bytes, at, width);
            difference = Some(match difference {
                None => differs,
                Some(all) => self.builder.ins().bor(all, differs),
            });
        }
        match difference {
            None => self.builder.ins().jump(then, &[]),
            Some(difference) => {
                let same = self.builder.ins().icmp_imm_u(IntCC::Equal, difference, 0);
                self.builder.ins().brif(same, then, &[], otherwise, &[])
            }
        };
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
        let flags = MemFlagsData::new().with_notrap().with_endianness(cranelift_codegen::ir::Endianness::Little);
        let found = self.builder.ins().load(ty, flags, address, at as i32);
        let found = if ty == I64 { found } else { self.builder.ins().uextend(I64, found) };
        let known = self.word(known);
        self.builder.ins().bxor(found, known)
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
    if length % width != 0 {
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
