//! How much may be compiled. What is larger is interpreted, and a finding says so.

/// The most operations and vertices of one block.
pub const OPERATIONS_MAX: usize = 12_000;

/// The most values of one block that are kept on the stack at the same time, 24 bytes each.
pub const STACK_VALUES_MAX: u32 = 4_000;

/// From how many operations and vertices on Cranelift does not optimise, which takes most of its time.
pub const OPTIMISED_MAX: usize = 2_000;
