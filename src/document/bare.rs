//! How far a value goes that should have had quotes.

use crate::excerpt::first_line;

/// Where the element of a list or inline table at the beginning of `rest` ends: at a comma, a closing bracket or a
/// comment that stands in no brackets of the element's own, or with its line.
pub(crate) fn element_end(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'\n' | b'\r' => return at,
            _ if quote == Some(byte) => quote = None,
            _ if quote.is_some() => {}
            b'"' | b'\'' => {
                // A quote that nothing closes is a character like any other.
                let behind = first_line(rest.get(at + 1..).unwrap_or_default(), QUOTE_LOOKAHEAD);
                quote = Some(byte).filter(|_| behind.bytes().any(|later| later == byte));
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b']' | b'}' if depth > 0 => depth -= 1,
            b']' | b'}' => return at,
            b',' if depth == 0 => return at,
            b'#' if matches!(before, b' ' | b'\t') => return at,
            _ => {}
        }
        before = byte;
    }
    rest.len()
}

/// How far the counterpart of a quote within a bare value is looked for, in bytes.
const QUOTE_LOOKAHEAD: usize = 200;
