//! How much may be compiled. What is larger is interpreted, and a finding says so.

/// The most vertices of one block that ask something.
pub const QUESTIONS_MAX: usize = 6_000;

/// The most operations of one block besides comparisons.
pub const OPERATIONS_MAX: usize = 20_000;

/// How deep operations may stand within one another: lowering goes down once for each level.
pub const DEPTH_MAX: usize = 100;

/// The most values of one block that are kept on the stack at the same time, 24 bytes each.
pub const STACK_VALUES_MAX: u32 = 4_000;

/// From how many operations and vertices on Cranelift does not optimise, which takes most of its time.
pub const OPTIMISED_MAX: usize = 2_000;
