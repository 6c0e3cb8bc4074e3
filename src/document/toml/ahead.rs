//! What the text ahead looks like, where the tokens do not tell what its writer meant.
//!
//! Each of these looks at one line at most and decides by its shape: whether `key =` begins there, whether a header
//! does, whether a value may end there. They are asked only where something is wrong already, or at the beginning of
//! a line within brackets.

use super::Around;
use super::tokens::Token;

/// Whether an `=` stands behind the blanks at `offset`.
pub(super) fn is_assigned(text: &str, offset: u32) -> bool {
    let rest = text.get(offset as usize..).unwrap_or_default();
    rest.trim_start_matches([' ', '\t']).starts_with(['=', '.'])
}

/// Whether a key with an `=` or a colon behind it begins at `token`.
pub(super) fn has_assignment(text: &str, token: Token) -> bool {
    let rest = text.get(token.range.start() as usize..).unwrap_or_default();
    begins_assignment(rest)
        || key_length(rest).is_some_and(|length| {
            let behind = rest.get(length..).unwrap_or_default();
            behind.trim_start_matches([' ', '\t']).starts_with(':')
        })
}

/// Whether `rest` begins with `key =`, and not with `key ==`.
pub(super) fn begins_assignment(rest: &str) -> bool {
    key_length(rest).is_some_and(|length| {
        let behind = rest.get(length..).unwrap_or_default().trim_start_matches([' ', '\t']);
        behind.starts_with('=') && !behind.starts_with("==")
    })
}

/// How long the key at the beginning of `rest` is, dots and quotes included.
fn key_length(rest: &str) -> Option<usize> {
    let mut length = 0;
    loop {
        let part = rest.get(length..)?;
        let blanks = part.len() - part.trim_start_matches([' ', '\t']).len();
        let part = part.get(blanks..)?;
        let part_length = match part.chars().next()? {
            '"' => quoted_length(part, b'"', true)?,
            '\'' => quoted_length(part, b'\'', false)?,
            _ => part.find(|char: char| !(char.is_alphanumeric() || matches!(char, '-' | '_'))).unwrap_or(part.len()),
        };
        if part_length == 0 {
            return None;
        }
        length += blanks + part_length;
        let behind = rest.get(length..)?;
        let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        if !behind.get(blanks..)?.starts_with('.') {
            return Some(length);
        }
        length += blanks + 1;
    }
}

/// How long the string at the beginning of `text` is, quotes included; `None` where it does not end on its line.
fn quoted_length(text: &str, quote: u8, has_escapes: bool) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return None,
            _ if is_escaped => is_escaped = false,
            b'\\' if has_escapes => is_escaped = true,
            _ if byte == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Whether `line` is a table header, and not an element that is a list: it names something without quotes that is
/// neither a number nor a boolean.
pub(super) fn is_header(line: &str) -> bool {
    let inner = line.strip_prefix("[[").or_else(|| line.strip_prefix('[')).unwrap_or(line);
    let Some(length) = key_length(inner) else { return false };
    let (name, behind) = inner.split_at_checked(length).unwrap_or((inner, ""));
    let behind = behind.trim_start_matches([' ', '\t']);
    let name = name.trim();
    let is_value = name.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        || matches!(name, "true" | "false" | "inf" | "nan")
        || (name.starts_with(['"', '\'']) && !name.contains('.'));
    behind.starts_with(']') && !is_value
}

/// Whether a value within `around` may end in front of `rest`.
pub(super) fn ends_value(rest: &str, around: Around) -> bool {
    let rest = rest.trim_start_matches([' ', '\t']);
    let behind_comma = rest.strip_prefix(',').map(|rest| rest.trim_start_matches([' ', '\t']));
    let is_line_end = |rest: &str| matches!(rest.chars().next(), None | Some('\n' | '\r' | '#'));
    if is_line_end(rest) {
        return true;
    }
    match around {
        Around::Line => behind_comma.is_some_and(is_line_end),
        Around::Table => {
            rest.starts_with('}')
                || behind_comma
                    .is_some_and(|rest| is_line_end(rest) || rest.starts_with('}') || begins_assignment(rest))
        }
        Around::List => {
            rest.starts_with(']')
                || behind_comma.is_some_and(|rest| is_line_end(rest) || rest.starts_with(['"', '\'', '{', ']']))
        }
    }
}

/// Where the comma stands in front of the next entry that an unclosed string took in: its text ends in `, key = `.
pub(super) fn swallowed_entry(content: &str) -> Option<usize> {
    let comma = content.rfind(',')?;
    let behind = content.get(comma + 1..)?.trim_start_matches([' ', '\t']);
    let length = key_length(behind)?;
    let rest = behind.get(length..)?.trim_matches([' ', '\t']);
    (rest == "=").then_some(comma)
}
