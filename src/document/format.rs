//! Which format a document is in, by what it says rather than by what it is called.
//!
//! People paste JSON into files called `.txt` and TOML into files called `.conf`, so the content decides. The file
//! name is asked only where the content could be either.

/// The format of a document.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// TOML.
    Toml,
    /// One JSON value.
    Json,
    /// JSON values, one a line.
    Ndjson,
}

impl Format {
    /// The word for it in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Toml => "TOML",
            Self::Json => "JSON",
            Self::Ndjson => "newline-delimited JSON",
        }
    }
}

/// The format of the document `text`, which is called `name`.
#[must_use]
pub fn detect(name: &str, text: &str) -> Format {
    let by_name = by_name(name);
    let text = skip_comments(text);
    let line = text.lines().next().unwrap_or_default();
    let is_json = match text.chars().next() {
        Some('{') => true,
        Some('[') => {
            let may_be_toml = by_name.is_none_or(|format| format == Format::Toml);
            !(is_bare_header(line) || may_be_toml && is_quoted_header(line))
        }
        Some('"') | None => return by_name.unwrap_or(Format::Toml),
        Some(_) => by_name.is_some_and(|format| format != Format::Toml) && !line.contains('='),
    };
    if !is_json {
        return Format::Toml;
    }
    let is_first_whole = is_whole(line);
    let has_more = text.lines().skip(1).any(|line| !line.trim().is_empty());
    match by_name {
        Some(Format::Ndjson) if !has_more || !matches!(line.trim(), "{" | "[") => Format::Ndjson,
        _ if is_first_whole && has_more => Format::Ndjson,
        _ => Format::Json,
    }
}

fn by_name(name: &str) -> Option<Format> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "toml" => Some(Format::Toml),
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

/// `text` from its first character that is neither a blank nor in a comment of JavaScript's kind.
fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, behind)| behind)
        } else if rest.starts_with("//") {
            rest.split_once('\n').map_or("", |(_, behind)| behind)
        } else {
            return rest;
        }
        .trim_start();
    }
}

/// Whether `line` begins a table header: brackets with a name that has no quotes, closed or not.
fn is_bare_header(line: &str) -> bool {
    let inner = line.trim_start_matches(['[', ' ', '\t']);
    let name = inner.split(|char: char| !char.is_alphanumeric() && char != '_').next();
    let begins_name = inner.starts_with(|first: char| first.is_alphabetic() || first == '_');
    begins_name && !matches!(name, Some("true" | "false" | "null"))
}

/// Whether `line` could be a table header with a quoted name as well as an array of one string.
fn is_quoted_header(line: &str) -> bool {
    let line = line.trim_end();
    let is_string = line.starts_with("[\"") || line.starts_with("['");
    is_string && line.ends_with(']') && !line.contains(',')
}

/// Whether the brackets of `line` are all closed on it, so that it is a JSON value of its own.
fn is_whole(line: &str) -> bool {
    let mut depth = 0_u32;
    let mut is_string = false;
    let mut is_escaped = false;
    for byte in line.trim_end().bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            _ if is_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth == 0 && !is_string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_and_the_name_breaks_ties() {
        let cases = [
            ("a.txt", "{\"else\": 1}", Format::Json),
            ("a.toml", "{\"else\": 1}", Format::Json),
            ("a.json", "[queue.strategy]\nroute = 1\n", Format::Toml),
            ("a.json", "[[queue.limiter]]\n", Format::Toml),
            ("a.json", "[[1, 2]]\n", Format::Json),
            ("a.json", "[true]", Format::Json),
            ("a.json", "[queue.strategy\nroute = 1", Format::Toml),
            ("a.json", "route = \"'mx'\"", Format::Toml),
            ("a", "  \n# a comment\n[a]\n", Format::Toml),
            ("a", "// a comment\n{\"a\": 1}", Format::Json),
            ("a", "/* a\n comment */ [1]", Format::Json),
            ("a", "[\"relay\"]\nport = 1", Format::Toml),
            ("a.json", "[\"relay\"]", Format::Json),
            ("a", "[{\"a\": 1},\n {\"a\": 2}]", Format::Json),
            ("a", "{\n \"a\": 1\n}", Format::Json),
            ("a.ndjson", "{\n \"a\": 1\n}", Format::Json),
            ("a", "{\"a\": 1}\n{\"a\": \"}\"}\n", Format::Ndjson),
            ("a.json", "{\"a\": 1}\n\n{\"a\": 2}", Format::Ndjson),
            ("a.json", "{\"a\": 1}\n\n", Format::Json),
            ("a.jsonl", "{\"a\": 1}\n", Format::Ndjson),
            ("a.ndjson", "{\"a\": \n{\"a\": 1}\n", Format::Ndjson),
            ("a.json", "", Format::Json),
            ("a", "", Format::Toml),
            ("a.json", "\"text\"", Format::Json),
            ("a.json", "25", Format::Json),
            ("a.toml", "\"quoted\" = 1", Format::Toml),
        ];
        for (name, text, expected) in cases {
            assert_eq!(detect(name, text), expected, "{name}: {text:?}");
        }
    }
}
