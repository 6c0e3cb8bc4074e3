//! What machine code and this package agree on in memory: the frame of a call, a value, a row, answers.
//!
//! Machine code reads and writes a frame and values by the offsets below, which the compiler of this package works out
//! from the types themselves. The columns of a row and the answers are laid out by `policy`; that a reference to a text is a pointer
//! followed by a length is nowhere promised, so [`text_is_pointer_and_length`] asks before anything is compiled.

use std::{
    mem::{MaybeUninit, offset_of, transmute},
    ptr, slice, str,
};

use policy::{Constant, Datum, Type};

use crate::host::Host;

/// What a call of machine code works with, and what it gives back.
#[repr(C)]
pub(crate) struct Frame {
    /// What host functions work with; null where the call is tried without.
    pub(crate) host: *mut Host<'static>,
    /// The outcome of each block that was decided: the rule's number in the upper half, 0 for `else`, the strategy's in
    /// the lower, 0 for none.
    pub(crate) decided: [u64; 4],
    /// The value of each block's outcome, where that is no strategy's name that is written down.
    pub(crate) values: [MaybeUninit<Raw>; 4],
}

impl Frame {
    /// A frame for one call; the host must outlive that.
    #[inline]
    pub(crate) const fn new(host: *mut Host<'_>) -> Self {
        Self { host: host.cast(), decided: [0; 4], values: [MaybeUninit::uninit(); 4] }
    }

    /// The value of block number `index`.
    ///
    /// # Safety
    ///
    /// The code must have written it, and what it points to must be alive.
    pub(crate) unsafe fn value(&self, index: usize) -> policy::Value {
        let Some(raw) = self.values.get(index) else { return policy::Value::empty() };
        // SAFETY: the caller's promise.
        let raw = unsafe { raw.assume_init() };
        // SAFETY: the caller's promise.
        unsafe { raw.datum() }.to_value()
    }
}

pub(crate) const HOST: i32 = offset_of!(Frame, host) as i32;

/// Where the outcome of block number `index` is.
pub(crate) const fn decided(index: usize) -> i32 {
    (offset_of!(Frame, decided) + index * size_of::<u64>()) as i32
}

/// How many questions the block at hand has asked.
pub(crate) const ASKED: i32 = offset_of!(Host<'static>, asked) as i32;
/// Which block is at hand.
pub(crate) const BLOCK: i32 = offset_of!(Host<'static>, block) as i32;

/// Where the value of block number `index` is.
pub(crate) const fn value(index: usize) -> i32 {
    (offset_of!(Frame, values) + index * size_of::<Raw>()) as i32
}

/// A value as machine code has it where its type is known at run time only.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Raw {
    /// Which type it is of: one of the constants below.
    pub(crate) tag: u64,
    /// The number, the bits of the floating-point number, the constant, or where the text or the array begins.
    pub(crate) word: u64,
    /// Bytes of a text, elements of an array.
    pub(crate) length: u64,
}

pub(crate) const RAW_BYTES: u32 = size_of::<Raw>() as u32;
pub(crate) const TAG: i32 = offset_of!(Raw, tag) as i32;
pub(crate) const WORD: i32 = offset_of!(Raw, word) as i32;
pub(crate) const LENGTH: i32 = offset_of!(Raw, length) as i32;

pub(crate) const INT: u64 = 0;
pub(crate) const FLOAT: u64 = 1;
pub(crate) const TEXT: u64 = 2;
pub(crate) const LIST: u64 = 3;
pub(crate) const CONSTANT: u64 = 4;
/// Any of them, where one is wanted.
pub(crate) const ANY: u64 = 5;

/// The tag of a type.
pub(crate) const fn tag(ty: Type) -> u64 {
    match ty {
        Type::Int => INT,
        Type::Float => FLOAT,
        Type::String => TEXT,
        Type::Array => LIST,
        Type::Constant => CONSTANT,
        Type::Any => ANY,
    }
}

impl Raw {
    pub(crate) const EMPTY: Self = Self { tag: INT, word: 0, length: 0 };

    #[expect(clippy::cast_sign_loss, reason = "a word holds the number's bits")]
    pub(crate) fn of(datum: Datum<'_>) -> Self {
        let (tag, word, length) = match datum {
            Datum::Int(int) => (INT, int as u64, 0),
            Datum::Float(float) => (FLOAT, float.to_bits(), 0),
            Datum::Text(text) => (TEXT, text.as_ptr().expose_provenance() as u64, text.len()),
            Datum::List(items) => (LIST, items.as_ptr().expose_provenance() as u64, items.len()),
            Datum::Constant(constant) => (CONSTANT, constant as u64, 0),
        };
        Self { tag, word, length: length as u64 }
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// A text or an array must be one that `of` was given, by way of machine code or not, and it must live for `'a`.
    pub(crate) unsafe fn datum<'a>(self) -> Datum<'a> {
        match self.tag {
            FLOAT => Datum::Float(f64::from_bits(self.word)),
            // SAFETY: the caller's promise.
            TEXT => Datum::Text(unsafe { text(self.word as usize, self.length as usize) }),
            // SAFETY: the caller's promise; `of` took pointer and length from a slice.
            LIST => Datum::List(unsafe {
                slice::from_raw_parts(ptr::with_exposed_provenance(self.word as usize), self.length as usize)
            }),
            CONSTANT => Datum::Constant(Constant::ALL.get(self.word as usize).copied().unwrap_or(Constant::Disable)),
            _ => Datum::Int(self.word as i64),
        }
    }
}

/// The text at an address.
///
/// # Safety
///
/// The address and the length must be those of a text whose provenance was exposed, and it must live for `'a`.
pub(crate) unsafe fn text<'a>(address: usize, length: usize) -> &'a str {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), length) };
    // SAFETY: they were a text when their address was taken, and nothing writes to a text that is borrowed.
    unsafe { str::from_utf8_unchecked(bytes) }
}

/// Whether a reference to a text is a pointer and then a length here.
pub(crate) fn text_is_pointer_and_length() -> bool {
    let text = "text";
    // SAFETY: a reference to a text has the size of two words, and each of its words may be looked at as an address.
    let words = unsafe { transmute::<&str, [*const u8; 2]>(text) };
    words == [text.as_ptr(), ptr::without_provenance(text.len())]
}

#[cfg(test)]
mod tests {
    use policy::Value;

    use super::*;

    #[test]
    fn a_value_comes_back_as_it_went() {
        let items = [Datum::Int(1), Datum::Text("é")];
        let cases = [
            Datum::Int(i64::MIN),
            Datum::Float(-0.5),
            Datum::Text(""),
            Datum::Text("corp.test"),
            Datum::List(&items),
            Datum::Constant(Constant::Require),
        ];
        for datum in cases {
            // SAFETY: the values live as long as this function.
            let back = unsafe { Raw::of(datum).datum() };
            assert!(Value::is_same(&back.to_value(), &datum.to_value()), "{datum:?}");
        }
        for (index, constant) in Constant::ALL.iter().enumerate() {
            assert_eq!(*constant as usize, index);
        }
    }

    #[test]
    fn a_reference_to_a_text_is_laid_out_as_machine_code_reads_it() {
        assert!(text_is_pointer_and_length());
    }
}
