//! This floor's kinds of findings: `D00..` for every format, `D01..` for TOML, `D02..` for JSON.
//!
//! The doc comment of a code is the page that explains it.

base::codes! {
    /// ## What it is
    /// The file has bytes that are not UTF-8.
    ///
    /// ## Why it matters
    /// TOML and JSON are UTF-8 by definition. A file in Latin-1 or UTF-16 would be read as other text than was
    /// written, an address with an umlaut first of all.
    ///
    /// ## Example
    /// A file saved as "ANSI" or "Unicode" by an editor of Windows.
    ///
    /// ## Instead
    /// Save it as UTF-8; a byte order mark in front does no harm.
    NOT_UTF8 = "D0001" "not-utf8" Error;

    /// ## What it is
    /// The document is longer than 16 MiB.
    ///
    /// ## Why it matters
    /// A policy that long is a mistake, most often a mailbox or a log given in its place, and no input may decide
    /// how much memory its reader takes.
    ///
    /// ## Instead
    /// Move long lists of domains into a store or a file of their own.
    DOCUMENT_TOO_LARGE = "D0002" "document-too-large" Error;

    /// ## What it is
    /// Tables and lists are more than 64 deep within one another.
    ///
    /// ## Why it matters
    /// No policy needs a tenth of that; a text that does is broken or hostile. What is deeper is left out.
    ///
    /// ## Example
    /// ```toml
    /// route = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
    /// ```
    NESTING_TOO_DEEP = "D0003" "nesting-too-deep" Error;

    /// ## What it is
    /// The document has more than two million values.
    ///
    /// ## Why it matters
    /// The rest of the document is not read, so what is checked is not what is written.
    ///
    /// ## Instead
    /// Move long lists into a store or a file of their own.
    TOO_MANY_VALUES = "D0004" "too-many-values" Error;

    /// ## What it is
    /// A key is given a value twice.
    ///
    /// ## Why it matters
    /// One of the two is not in force. Stalwart refuses the whole TOML file; of two equal keys in JSON most readers
    /// take the last one, some the first. Here the first one stands, so that the rest can be checked.
    ///
    /// ## Example
    /// ```toml
    /// [queue.route.relay]
    /// port = 25
    /// port = 587
    /// ```
    ///
    /// ## Instead
    /// Delete one of the two.
    DUPLICATE_KEY = "D0005" "duplicate-key" Error;

    /// ## What it is
    /// The document has 500 errors.
    ///
    /// ## Why it matters
    /// The rest of it is not read. A text with so many errors is most often of another kind than it was taken for,
    /// or broken at its beginning.
    ///
    /// ## Instead
    /// Mend the first ones and look again.
    TOO_MANY_ERRORS = "D0006" "too-many-errors" Error;

    /// ## What it is
    /// The text breaks the grammar of TOML.
    ///
    /// ## Why it matters
    /// The server reads none of a file that has such a place. Here the statement is left out and the rest is read.
    ///
    /// ## Example
    /// ```toml
    /// port 25
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// port = 25
    /// ```
    TOML_SYNTAX = "D0101" "toml-syntax" Error;

    /// ## What it is
    /// A backslash in a `"..."` string stands before a character that makes no escape sequence.
    ///
    /// ## Why it matters
    /// TOML refuses it. Stalwart drops the backslash without a word: the pattern `\.`, a dot, becomes `.`, any
    /// character, and `example.com` in a rule also means `examplexcom`.
    ///
    /// ## Example
    /// ```toml
    /// if = "matches('^(.+)@example\.com$', rcpt)"
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// if = "matches('^(.+)@example\\.com$', rcpt)"
    /// ```
    TOML_BAD_ESCAPE = "D0102" "toml-bad-escape" Error;

    /// ## What it is
    /// A string has its own quote character within.
    ///
    /// ## Why it matters
    /// The string ends at the second quote, and what follows is no TOML. The reader takes the string up to the quote
    /// that was meant to end it, so that the expression can be checked all the same.
    ///
    /// ## Example
    /// ```toml
    /// if = "sql_query("my-db", 'SELECT 1')"
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// if = "sql_query('my-db', 'SELECT 1')"
    /// ```
    TOML_BAD_QUOTING = "D0103" "toml-bad-quoting" Error;

    /// ## What it is
    /// A string has no closing quote.
    ///
    /// ## Why it matters
    /// A `"..."` or `'...'` string ends on its own line; where the quote is missing, the rest of the line is part of
    /// the string.
    ///
    /// ## Example
    /// ```toml
    /// address = "relay.example.org
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// address = "relay.example.org"
    /// ```
    TOML_UNCLOSED_STRING = "D0104" "toml-unclosed-string" Error;

    /// ## What it is
    /// A `[` or `{` has no counterpart.
    ///
    /// ## Why it matters
    /// Everything up to the end of the file would be part of the list or table. The reader ends it where the next
    /// statement seems to begin.
    ///
    /// ## Example
    /// ```toml
    /// route = [ { if = "rcpt_domain == 'example.org'", then = "'relay'" },
    ///           { else = "'mx'" }
    ///
    /// [queue.route.relay]
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// route = [ { if = "rcpt_domain == 'example.org'", then = "'relay'" },
    ///           { else = "'mx'" } ]
    /// ```
    TOML_UNCLOSED_BRACKET = "D0105" "toml-unclosed-bracket" Error;

    /// ## What it is
    /// A value that is neither a number nor a boolean nor a date has no quotes.
    ///
    /// ## Why it matters
    /// TOML refuses it. Stalwart takes some of these, such as durations. Here the text is taken as if it were quoted.
    ///
    /// ## Example
    /// ```toml
    /// expire = 72h
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// expire = "72h"
    /// ```
    TOML_UNQUOTED_TEXT = "D0106" "toml-unquoted-text" Error;

    /// ## What it is
    /// One name is used for a value and for a table, or for a table and a list of tables.
    ///
    /// ## Why it matters
    /// A tree has one thing in one place. Stalwart, which keeps a flat list of keys, accepts some of these, and what
    /// was meant by them is a guess. What came first stands; the second is left out.
    ///
    /// ## Example
    /// ```toml
    /// [storage]
    /// data = "sqlite"
    ///
    /// [storage.data]
    /// type = "sqlite"
    /// ```
    ///
    /// ## Instead
    /// Give one of the two another name.
    TOML_KEY_CONFLICT = "D0107" "toml-key-conflict" Error;

    /// ## What it is
    /// A table is written in several places.
    ///
    /// ## Why it matters
    /// Stalwart takes the places together, and so does this reader. Every reader that keeps to TOML 1.0 refuses the
    /// file, editors and generators of configuration among them.
    ///
    /// ## Example
    /// ```toml
    /// [queue.strategy]
    /// route = "'mx'"
    ///
    /// [queue.strategy]
    /// schedule = "'remote'"
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// [queue.strategy]
    /// route = "'mx'"
    /// schedule = "'remote'"
    /// ```
    TOML_DUPLICATE_TABLE = "D0108" "toml-duplicate-table" Warning;

    /// ## What it is
    /// The elements of a `[[list]]` have elements of another list between them.
    ///
    /// ## Why it matters
    /// TOML counts on. Stalwart begins to count anew after another list, so the later elements collide with the
    /// first ones, and the file is refused for duplicate keys.
    ///
    /// ## Example
    /// ```toml
    /// [[queue.limiter.outbound]]
    /// [[queue.quota]]
    /// [[queue.limiter.outbound]]
    /// ```
    ///
    /// ## Instead
    /// Write the elements of one list one after another.
    TOML_INTERLEAVED_LIST = "D0109" "toml-interleaved-list" Warning;

    /// ## What it is
    /// Stalwart reads a string as other text than TOML says.
    ///
    /// ## Why it matters
    /// Its reader treats `'...'` and `"..."` alike: `\t`, `\r` and `\n` are control characters in both, and every
    /// other backslash is dropped; in `"""..."""` every backslash stays. A regular expression in a `'...'` string
    /// thus loses its backslashes on the server and matches more than it says.
    ///
    /// ## Example
    /// ```toml
    /// if = '''matches('@example\.com$', rcpt)'''    # alike
    /// if = 'rcpt == "kim\d"'                        # Stalwart: rcpt == "kimd"
    /// ```
    ///
    /// ## Instead
    /// Write `\\` in a `"..."` string, or do without a backslash: `[.]` for a dot, `[0-9]` for a digit.
    TOML_STRING_PORTABILITY = "D0110" "toml-string-portability" Warning;

    /// ## What it is
    /// A name in a `[table]` header has upper-case letters and no quotes.
    ///
    /// ## Why it matters
    /// Stalwart turns it into lower case, all but the header's first letter, so that a strategy which is selected by
    /// its name as written does not exist.
    ///
    /// ## Example
    /// ```toml
    /// [queue.route.MyRelay]
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// [queue.route."MyRelay"]
    /// ```
    TOML_TABLE_CASE = "D0111" "toml-table-case" Warning;

    /// ## What it is
    /// An inline table runs over several lines or has a comma behind its last value.
    ///
    /// ## Why it matters
    /// TOML 1.1 allows it; readers of TOML 1.0 refuse it.
    ///
    /// ## Example
    /// ```toml
    /// route = [ { if = "true",
    ///             then = "'mx'", } ]
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// route = [ { if = "true", then = "'mx'" } ]
    /// ```
    TOML_INLINE_LAYOUT = "D0112" "toml-inline-layout" Note;

    /// ## What it is
    /// The text breaks the grammar of JSON.
    ///
    /// ## Why it matters
    /// The server refuses the whole document.
    ///
    /// ## Example
    /// ```json
    /// {"else" "'mx'"}
    /// ```
    ///
    /// ## Instead
    /// ```json
    /// {"else": "'mx'"}
    /// ```
    JSON_SYNTAX = "D0201" "json-syntax" Error;

    /// ## What it is
    /// A comma stands behind the last value of an array or object.
    ///
    /// ## Why it matters
    /// JavaScript allows it, JSON does not.
    ///
    /// ## Example
    /// ```json
    /// {"if": "true", "then": "'mx'",}
    /// ```
    ///
    /// ## Instead
    /// ```json
    /// {"if": "true", "then": "'mx'"}
    /// ```
    JSON_TRAILING_COMMA = "D0202" "json-trailing-comma" Error;

    /// ## What it is
    /// The document has a comment.
    ///
    /// ## Why it matters
    /// JSON has no comments; the server refuses the document.
    ///
    /// ## Instead
    /// Delete it, or say it in a `description` where the object has one.
    JSON_COMMENT = "D0203" "json-comment" Error;

    /// ## What it is
    /// A string has other quotes than `"`, or none.
    ///
    /// ## Why it matters
    /// JSON knows no other quotes. The text is taken as if it had them.
    ///
    /// ## Example
    /// ```json
    /// {else: 'mx'}
    /// ```
    ///
    /// ## Instead
    /// ```json
    /// {"else": "mx"}
    /// ```
    JSON_BAD_QUOTING = "D0204" "json-bad-quoting" Error;

    /// ## What it is
    /// A string has a backslash that begins no escape sequence, half of a surrogate pair, or a bare control
    /// character.
    ///
    /// ## Why it matters
    /// JSON refuses it. A backslash of a regular expression must be written twice.
    ///
    /// ## Example
    /// ```json
    /// {"if": "matches('@example\.com$', rcpt)"}
    /// ```
    ///
    /// ## Instead
    /// ```json
    /// {"if": "matches('@example\\.com$', rcpt)"}
    /// ```
    JSON_BAD_ESCAPE = "D0205" "json-bad-escape" Error;

    /// ## What it is
    /// A string has no closing quote.
    ///
    /// ## Why it matters
    /// It ends with its line here, so that the rest can be checked.
    JSON_UNCLOSED_STRING = "D0206" "json-unclosed-string" Error;

    /// ## What it is
    /// A `[` or `{` has no counterpart.
    ///
    /// ## Why it matters
    /// The document is cut off, or a bracket was lost in editing.
    JSON_UNCLOSED_BRACKET = "D0207" "json-unclosed-bracket" Error;

    /// ## What it is
    /// A number is written as JSON does not allow: `+1`, `.5`, `1.`, `010`, `0x1F`.
    ///
    /// ## Why it matters
    /// The server refuses the document.
    ///
    /// ## Instead
    /// Digits without leading zeros, a point between digits, an exponent: `10`, `0.5`, `1e3`.
    JSON_BAD_NUMBER = "D0208" "json-bad-number" Error;

    /// ## What it is
    /// Something follows the document's one value.
    ///
    /// ## Why it matters
    /// A JSON document is one value. Where several are meant, each has its own line and nothing else on it.
    JSON_TRAILING_TEXT = "D0209" "json-trailing-text" Error;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn ids_and_rules_are_distinct_and_every_page_says_what_and_why() {
        for (at, code) in ALL.iter().enumerate() {
            assert!(code.id.starts_with('D') && code.id.len() == 5, "{}", code.id);
            assert!(code.page.contains("## What it is") && code.page.contains("## Why it matters"), "{}", code.id);
            for earlier in &ALL[..at] {
                assert!(earlier.id < code.id && earlier.rule != code.rule, "{} {}", earlier.id, code.id);
            }
        }
    }
}
