//! The user's own words in a message: short, on one line, and without anything a terminal would obey.

use std::borrow::Cow;

use crate::limits::QUOTED_BYTES_MAX;

/// `text` between backticks, cut where it is long.
pub(crate) fn excerpt(text: &str) -> String {
    let shown = first_line(text, QUOTED_BYTES_MAX);
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", visible(shown))
}

/// The longest beginning of `text` that has at most `length` bytes.
pub(crate) fn cut(text: &str, length: usize) -> &str {
    text.get(..text.floor_char_boundary(length)).unwrap_or(text)
}

/// The first line of `text`, without its end, or the first `length` bytes of that.
///
/// Whoever looks at the line of each of many places must not look at all of it, or one long line takes quadratic time.
pub(crate) fn first_line(text: &str, length: usize) -> &str {
    let part = cut(text, length);
    let line = part.find('\n').and_then(|end| part.get(..end)).unwrap_or(part);
    line.strip_suffix('\r').unwrap_or(line)
}

/// `text` with a visible character for every one that a terminal would act upon, byte lengths apart.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        Cow::Owned(text.chars().map(|shown| if is_unsafe(shown) { picture(shown) } else { shown }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a terminal would act upon it: a control character, or one that turns the direction of writing.
fn is_unsafe(shown: char) -> bool {
    shown.is_control() || matches!(shown, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The picture of a control character (U+2400 and up); others have none.
fn picture(control: char) -> char {
    match control {
        '\0'..='\x1f' => char::from_u32(u32::from(control) + 0x2400).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_harmless_line() {
        let long = "é".repeat(100);
        let cases = [
            ("route", "`route`".to_owned()),
            ("a\r\nb", "`a…`".to_owned()),
            ("a\x1b[31mb\u{202e}", "`a␛[31mb\u{fffd}`".to_owned()),
            (long.as_str(), format!("`{}…`", "é".repeat(30))),
            ("", "``".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(excerpt(text), expected, "{text:?}");
        }
    }
}
