//! How far a value goes that should have had quotes.

/// Where the element of a list or inline table at the beginning of `line` ends: at a comma, a closing bracket or a
/// comment that stands in no brackets of the element's own.
pub(crate) fn element_end(line: &str) -> usize {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if quote == Some(byte) => quote = None,
            _ if quote.is_some() => {}
            b'"' | b'\'' => {
                let rest = line.get(at + 1..).unwrap_or_default();
                // A quote that nothing closes is a character like any other.
                quote = Some(byte).filter(|_| rest.bytes().take(QUOTE_LOOKAHEAD).any(|later| later == byte));
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
    line.len()
}

/// How far the counterpart of a quote within a bare value is looked for, in bytes.
const QUOTE_LOOKAHEAD: usize = 200;
