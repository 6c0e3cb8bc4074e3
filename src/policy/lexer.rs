//! The tokens of an expression, without loss.
//!
//! Highlighting, recovery after a mistake and the formatter need every byte, also of text that is no expression.
//! Whether a text is one is not asked here: `grammar/expression.pest` says so.
//!
//! Invariants, held by properties in the tests:
//!
//! - The tokens' ranges follow one another without a gap from 0 to the end of the text.
//! - Every leaf of the grammar is exactly one token, or a run of them where it is an operator of two characters.

use base::TextRange;
use logos::Logos;

/// The kind of a token.
#[derive(Clone, Copy, Debug, Eq, Hash, Logos, PartialEq)]
pub enum TokenKind {
    /// Space, tab, carriage return, line feed.
    #[regex(r"[ \t\r\n]+")]
    Blank,
    /// A name, a number, a duration, a capture, or what looks like one.
    #[regex(r"[A-Za-z0-9_.$]+")]
    Word,
    /// A string with both its quotes.
    #[regex(r#"'([^'\\]|\\+[^\\])*'"#)]
    #[regex(r#""([^"\\]|\\+[^\\])*""#)]
    Text,
    /// A string without its closing quote.
    #[regex(r#"'([^'\\]|\\+[^\\])*\\*"#)]
    #[regex(r#""([^"\\]|\\+[^\\])*\\*"#)]
    OpenText,
    /// `(`
    #[token("(")]
    OpenGroup,
    /// `)`
    #[token(")")]
    CloseGroup,
    /// `[`
    #[token("[")]
    OpenList,
    /// `]`
    #[token("]")]
    CloseList,
    /// `,`
    #[token(",")]
    Comma,
    /// `}`, which ends an expression for the reference.
    #[token("}")]
    CloseBrace,
    /// `+`
    #[token("+")]
    Plus,
    /// `-`
    #[token("-")]
    Minus,
    /// `*`
    #[token("*")]
    Star,
    /// `/`
    #[token("/")]
    Slash,
    /// `&&` or `&`
    #[token("&&")]
    #[token("&")]
    And,
    /// `||` or `|`
    #[token("||")]
    #[token("|")]
    Or,
    /// `^`
    #[token("^")]
    Xor,
    /// `!`
    #[token("!")]
    Not,
    /// `==`
    #[token("==")]
    Equal,
    /// `=` alone
    #[token("=")]
    SingleEqual,
    /// `!=`
    #[token("!=")]
    NotEqual,
    /// `>=` or `=>`
    #[token(">=")]
    #[token("=>")]
    AtLeast,
    /// `<=` or `=<`
    #[token("<=")]
    #[token("=<")]
    AtMost,
    /// `>`
    #[token(">")]
    Greater,
    /// `<`
    #[token("<")]
    Less,
    /// A character that no expression has.
    Unknown,
}

/// One token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    /// Its kind.
    pub kind: TokenKind,
    /// Its bytes in the expression.
    pub range: TextRange,
}

/// The tokens of `text`, all of it.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let lexed = TokenKind::lexer(text).spanned();
    lexed.map(|(kind, span)| Token { kind: kind.unwrap_or(TokenKind::Unknown), range: TextRange::of(span) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn operators_are_taken_as_long_as_they_are() {
        use TokenKind as T;
        let cases: [(&str, &[TokenKind]); 9] = [
            ("a==b", &[T::Word, T::Equal, T::Word]),
            ("a = b", &[T::Word, T::Blank, T::SingleEqual, T::Blank, T::Word]),
            ("===", &[T::Equal, T::SingleEqual]),
            ("=!", &[T::SingleEqual, T::Not]),
            ("<>", &[T::Less, T::Greater]),
            ("|||", &[T::Or, T::Or]),
            ("'a\\\\' + 'b", &[T::Text, T::Word]),
            ("'a' + 'b", &[T::Text, T::Blank, T::Plus, T::Blank, T::OpenText]),
            ("'a\\", &[T::OpenText]),
        ];
        for (text, expected) in cases {
            let kinds: Vec<_> = tokens(text).iter().map(|token| token.kind).collect();
            assert_eq!(kinds, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn tokens_reproduce_any_text(text in any::<String>()) {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert_eq!(token.range.start(), end);
                prop_assert!(!token.range.is_empty());
                prop_assert!(text.is_char_boundary(token.range.end() as usize));
                end = token.range.end();
            }
            prop_assert_eq!(end as usize, text.len());
        }
    }
}
