//! How much the core takes of the outside. What is larger is refused with a failure that says so.

/// The longest reply line in bytes, with its line ending (RFC 5321 §4.5.3.1.5 allows 512; servers send more).
pub const REPLY_LINE_MAX: usize = 2_048;

/// The most lines of one reply.
pub const REPLY_LINES_MAX: usize = 128;

/// The most hosts of one MX answer that are looked at.
pub const HOSTS_MAX: usize = 64;

/// The most addresses of one host that are looked at.
pub const ADDRESSES_MAX: usize = 64;

/// The longest MTA-STS policy that is read, in bytes.
pub const POLICY_BYTES_MAX: usize = 1024 * 1024;

/// The most MTA-STS policies that are kept.
pub const POLICIES_MAX: usize = 10_000;
