//! The bounds of this floor, each with a name, and a test that shows what happens past it.
//!
//! A document as a whole is bounded by `document::limits`; newline-delimited messages are not bounded in number.

/// How many recipients a message may have: as many as an array of the language holds.
pub const RECIPIENTS_MAX: usize = policy::limits::LIST_ELEMENTS_MAX;

/// How many messages a scenario file may have. More go into a file of newline-delimited JSON, which has no such bound.
pub const MESSAGES_MAX: usize = 100_000;

/// How many messages the generators of a scenario file may make.
pub const GENERATED_MAX: usize = 1_000_000;

/// How many generators a scenario file may have.
pub const GENERATORS_MAX: usize = 1_000;

/// How many expectations a scenario file may have.
pub const EXPECTATIONS_MAX: usize = 100_000;

/// How many properties a scenario or a file of them may have, of each kind.
pub const PROPERTIES_MAX: usize = 1_000;

/// How many entries one part of an environment may have: local domains, one list, one store's keys, DNS answers.
pub const ENTRIES_MAX: usize = 1_000_000;

/// How many bytes a file may have that a scenario names.
pub const FILE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How many bytes of a mail file's header are read.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;

/// How many bytes a line of newline-delimited messages may have.
pub const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many bytes an address may have: 64 before the `@` and 255 behind it (RFC 5321 §4.5.3.1).
pub const ADDRESS_BYTES_MAX: usize = 64 + 1 + 255;

/// How many bytes a short text may have: an id, a queue's or a host's name.
pub const NAME_BYTES_MAX: usize = 255;

/// How many characters an envelope id may have (RFC 3461 §4.4).
pub const ENVID_CHARS_MAX: usize = 100;

/// How many characters an original recipient may have (RFC 3461 §4.2).
pub const ORCPT_CHARS_MAX: usize = 500;

/// With how many names those that do not exist are compared in one file, to find the one that was meant. Past it, a
/// finding names none.
pub const COMPARISONS_MAX: usize = 200_000;

/// How many bytes of the user's own text a message repeats before it is cut.
pub const QUOTED_BYTES_MAX: usize = 60;

/// How many certificates a text or a file of them may have.
pub const CERTIFICATES_MAX: usize = 100;

/// How many aliases a DNS question of a dry run follows.
pub const CNAME_HOPS_MAX: usize = 8;

/// How many hosts, faults or replies a world may have.
pub const WORLD_ENTRIES_MAX: usize = 10_000;
