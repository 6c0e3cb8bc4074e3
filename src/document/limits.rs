//! The bounds of this floor, each with a name.
//!
//! A document comes from anyone, so nothing in it may decide how much memory, time or stack the reader takes. Every
//! bound here has a test that shows what happens past it.

/// How many bytes a document may have.
///
/// Offsets are 32 bits wide, and a policy with a list of a million domains stays below this.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deep tables and lists may be within one another, the document's own table not counted.
///
/// It bounds the stack of everything that walks a tree, its `Drop` among them.
pub const NESTING_MAX: usize = 64;

/// How many nodes a tree may have.
pub const NODES_MAX: usize = 2_000_000;

/// After how many errors the rest of a document is not read: what has so many is another kind of text, and to recover
/// from each mistake costs more than to read what is right.
pub const ERRORS_MAX: usize = 500;

/// How far behind its first quote the true end of a string with stray quotes is looked for, in bytes.
pub const QUOTING_BYTES_MAX: usize = 4 * 1024;

/// How many quotes within such a string are tried as its end.
pub const QUOTES_MAX: usize = 64;

/// How many bytes of the user's own text a message repeats before it is cut.
pub const QUOTED_BYTES_MAX: usize = 60;

/// How many bytes of a source line a rendered finding shows to each side of its place.
pub const WINDOW_BYTES_MAX: usize = 160;

/// How many further places of a finding are shown.
pub const RELATED_MAX: usize = 8;

/// How many bytes of a fix are shown as text; a longer one is named by its title only.
pub const SHOWN_FIX_BYTES_MAX: usize = 120;
