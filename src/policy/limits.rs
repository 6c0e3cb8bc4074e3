//! What a policy may ask of the machine. Each limit has a name here, a finding or an error past it, and a test.

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 64 * 1024;

/// How deep brackets, calls and unary operators may stand within one another.
pub const NESTING_MAX: usize = 64;

/// How many values one evaluation may build, in bytes of text and array slots.
pub const EVALUATION_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest array, in elements.
pub const LIST_ELEMENTS_MAX: usize = 4_096;

/// The largest compiled form of one regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// The longest regular expression, in bytes of its text.
pub const REGEX_TEXT_MAX: usize = 4_096;

/// How much work the regular expressions of one document may be to read, in units of about one character class
/// range (see `policy::pattern`).
pub const REGEX_WORK_MAX: u64 = 24_000_000;

/// The longest chain of rules in one block.
pub const RULES_MAX: usize = 100_000;

/// How many names a block's outcome may be enumerated to.
pub const OUTCOMES_MAX: usize = 256;

/// The longest IR text, in bytes.
pub const IR_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deep operations of the IR stand within one another: [`NESTING_MAX`] brackets, with at most ten levels of
/// operators between each and the next.
pub const TREE_DEPTH_MAX: usize = NESTING_MAX * 10;

/// The most vertices of a decision DAG; a block that has more is interpreted.
pub const DAG_NODES_MAX: usize = 400_000;

/// How many questions of a block that stand at several places are followed along every path.
pub const SHARED_QUESTIONS_MAX: usize = 64;

/// How many vertices a DAG may gain, beyond twice as many as it has, so that no path asks a question twice.
pub const SPECIALISED_NODES_FREE: usize = 4_096;
