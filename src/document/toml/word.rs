//! Values without quotes: numbers, booleans and dates, and the many texts that should have had quotes.
//!
//! Stalwart takes a bare `72h` or `%{env:HOST}%`, TOML does not. What is no value of TOML is reported and taken as
//! the text it is.

use base::{Diagnostic, Findings, Fix, TextRange};
use toml_parser::decoder::ScalarKind;

use super::Around;
use crate::bare::element_end;
use crate::codes;
use crate::excerpt::excerpt;
use crate::tree::{Kind, Node, Text};

/// Where the bare value at the beginning of `rest` ends.
///
/// It may have blanks, brackets and quotes of its own, because most of them are expressions that somebody forgot to
/// quote. At the end of the line it ends in any case.
pub(super) fn length(rest: &str, around: Around) -> usize {
    let value = match around {
        Around::Line => {
            let line = rest.split(['\n', '\r']).next().unwrap_or_default();
            let line = line.get(..comment_start(line).unwrap_or(line.len())).unwrap_or(line);
            line.trim_end().trim_end_matches(',').trim_end()
        }
        Around::List | Around::Table => rest.get(..element_end(rest)).unwrap_or_default().trim_end(),
    };
    // Never nothing: the reader must get ahead.
    value.len().max(rest.chars().next().map_or(0, char::len_utf8))
}

/// Where a comment begins that is not part of a word.
fn comment_start(line: &str) -> Option<usize> {
    let mut before = b' ';
    line.bytes().position(|byte| {
        let starts = byte == b'#' && matches!(before, b' ' | b'\t');
        before = byte;
        starts
    })
}

/// The value that `word` is.
pub(super) fn read<'a>(word: &'a str, range: TextRange, findings: &mut Findings) -> Node<'a> {
    let kind = match word {
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => match scalar(word) {
            Some(kind) => kind,
            None => unquoted(word, range, findings),
        },
    };
    Node { range, kind }
}

/// The number or date that `word` is in TOML.
fn scalar(word: &str) -> Option<Kind<'_>> {
    if !word.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | 'i' | 'n')) {
        return None;
    }
    let span = toml_parser::Span::new_unchecked(0, word.len());
    let mut error = None;
    let kind = toml_parser::Raw::new_unchecked(word, None, span).decode_scalar(&mut (), &mut error);
    match kind {
        _ if error.is_some() => None,
        ScalarKind::Integer(_) | ScalarKind::Float => Some(Kind::Number(word)),
        ScalarKind::DateTime if is_date_or_time(word) => Some(Kind::Other(word)),
        ScalarKind::DateTime | ScalarKind::Boolean(_) | ScalarKind::String => None,
    }
}

/// Whether `word` has the shape of a date or a time; the lexer's own word for it is a guess from its first bytes.
fn is_date_or_time(word: &str) -> bool {
    let shape: String =
        word.chars().map(|char| if char.is_ascii_digit() { '0' } else { char.to_ascii_uppercase() }).collect();
    let date = shape.strip_prefix("0000-00-00");
    let time = match date {
        Some("") => return true,
        Some(rest) => rest.strip_prefix(['T', ' ']),
        None => Some(shape.as_str()),
    };
    let Some(rest) = time.and_then(|time| time.strip_prefix("00:00")) else {
        return false;
    };
    let rest = rest.strip_prefix(":00").unwrap_or(rest);
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => rest,
    };
    matches!(rest, "" | "Z" | "+00:00" | "-00:00") && (rest.is_empty() || date.is_some())
}

/// Reports that `word` should have quotes, and gives it as if it had.
fn unquoted<'a>(word: &'a str, range: TextRange, findings: &mut Findings) -> Kind<'a> {
    let shown = excerpt(word);
    let lower = word.to_ascii_lowercase();
    if lower == "true" || lower == "false" {
        let finding = Diagnostic::new(&codes::TOML_UNQUOTED_TEXT, range, format!("{shown} is not a boolean of TOML"));
        findings.push(
            finding
                .help(format!("write `{lower}`"))
                .fix(Fix::replace("write it in lower case", range, lower.clone()).safe()),
        );
        return Kind::Bool(lower == "true");
    }
    let quoted = quote(word);
    let help = match &quoted {
        _ if word == ".." || word == "..." => "it is a placeholder of documentation; write the value".to_owned(),
        Some(quoted) if quoted.len() <= crate::limits::QUOTED_BYTES_MAX => format!("write {quoted}"),
        _ => "put it into quotes".to_owned(),
    };
    let fix = quoted.map(|quoted| {
        let fix = Fix::replace("quote it", range, quoted);
        if is_duration(word) { fix.safe() } else { fix }
    });
    let what = if is_duration(word) { "the duration" } else { "the text" };
    findings.push(
        Diagnostic::new(&codes::TOML_UNQUOTED_TEXT, range, format!("{what} {shown} has no quotes"))
            .help(help)
            .fix_if(fix),
    );
    Kind::Text(Text::Verbatim(word))
}

/// `word` between quotes, where that needs no escapes.
fn quote(word: &str) -> Option<String> {
    let is_plain = !word.chars().any(|char| char.is_control() || char == '\\');
    match (word.contains('"'), word.contains('\'')) {
        _ if !is_plain => None,
        (false, _) => Some(format!("\"{word}\"")),
        (true, false) => Some(format!("'{word}'")),
        (true, true) => None,
    }
}

/// Whether `word` is a length of time such as `72h` or `1h30m`.
fn is_duration(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit()) && {
        let units: String = word.chars().filter(char::is_ascii_alphabetic).collect();
        let is_bare = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_bare && !units.is_empty() && units.bytes().all(|unit| b"dhmsDHMS".contains(&unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_what_it_is() {
        let cases = [
            ("25", "a number", 0),
            ("-3.5e7", "a number", 0),
            ("0x1F", "a number", 0),
            ("1_000", "a number", 0),
            ("inf", "a number", 0),
            ("true", "a boolean", 0),
            ("True", "a boolean", 1),
            ("1979-05-27", "a date or time", 0),
            ("1979-05-27T07:32:00Z", "a date or time", 0),
            ("1979-05-27 07:32:00.999-07:00", "a date or time", 0),
            ("07:32:00", "a date or time", 0),
            ("010", "a string", 1),
            ("1__0", "a string", 1),
            ("72h", "a string", 1),
            ("192.168.0.1", "a string", 1),
            ("10:25", "a date or time", 0),
            ("2001:db8::1", "a string", 1),
            ("%{env:HOST}%", "a string", 1),
            ("..", "a string", 1),
            ("__PORT__", "a string", 1),
            ("relay", "a string", 1),
            ("nanny", "a string", 1),
        ];
        for (word, kind, count) in cases {
            let mut findings = Findings::new();
            let node = read(word, TextRange::of(0..word.len()), &mut findings);
            assert_eq!((node.kind_name(), findings.len()), (kind, count), "{word}");
            let written = if kind == "a boolean" { word.to_lowercase() } else { word.to_owned() };
            assert_eq!(node.scalar_text(), Some(written.as_str()));
        }
    }

    #[test]
    fn a_word_ends_where_its_writer_meant() {
        let cases = [
            (Around::Line, "72h # three days", "72h"),
            (Around::Line, "true,", "true"),
            (Around::Line, "is_local('', x) && y\nnext", "is_local('', x) && y"),
            (Around::Line, "a#b", "a#b"),
            (Around::Table, "is_local('a, b', x), else = 1", "is_local('a, b', x)"),
            (Around::Table, "%{env:A}% }", "%{env:A}%"),
            (Around::Table, "it's }", "it's"),
            (Around::List, "0.0.0.0:25]", "0.0.0.0:25"),
            (Around::List, "8000 , 8001", "8000"),
            (Around::List, "..\r\n", ".."),
            (Around::List, "]", "]"),
        ];
        for (around, rest, expected) in cases {
            assert_eq!(rest.get(..length(rest, around)), Some(expected), "{rest}");
        }
    }

    #[test]
    fn only_a_duration_is_quoted_without_a_look() {
        let cases = [
            ("72h", Some(("\"72h\"", true))),
            ("1h30m", Some(("\"1h30m\"", true))),
            ("5x", Some(("\"5x\"", false))),
            ("say \"hi\"", Some(("'say \"hi\"'", false))),
            ("it's \"so\"", None),
        ];
        for (word, expected) in cases {
            let mut findings = Findings::new();
            let _ = read(word, TextRange::of(0..word.len()), &mut findings);
            let fix = findings.iter().next().and_then(|finding| finding.fix.as_ref());
            let fix = fix.map(|fix| (fix.edits[0].text.as_str(), fix.safe));
            assert_eq!(fix, expected, "{word}");
        }
    }
}
