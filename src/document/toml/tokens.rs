//! The tokens of a TOML text one by one, with a way to go on from any place.
//!
//! The lexer is asked for one token at a time: as a list, the tokens of a mebibyte of `[` would take 24 of them. It
//! can be set to any offset, which is how the grammar recovers: a string with stray quotes is taken as one, and
//! reading goes on behind it.

use base::TextRange;
use toml_parser::lexer::{Lexer, TokenKind};

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: TextRange,
}

/// A place in the text, and the token that begins there.
pub(super) struct Tokens<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// Where the lexer's own offset 0 is.
    base: usize,
    next: Token,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut tokens = Self {
            text,
            lexer: toml_parser::Source::new("").lex(),
            base: 0,
            next: Token { kind: TokenKind::Eof, range: TextRange::at(0) },
        };
        tokens.restart(0);
        tokens
    }

    /// The next token, which stays the next one.
    pub(super) const fn peek(&self) -> Token {
        self.next
    }

    /// The text of the next token.
    pub(super) fn text(&self) -> &'a str {
        self.text.get(self.next.range.indices()).unwrap_or_default()
    }

    /// Takes the next token.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.next;
        self.advance();
        token
    }

    /// Goes on at `offset`, a character boundary.
    pub(super) fn restart(&mut self, offset: u32) {
        self.base = (offset as usize).min(self.text.len());
        let rest = self.text.get(self.base..).unwrap_or_default();
        self.lexer = toml_parser::Source::new(rest).lex();
        self.advance();
    }

    /// Passes blanks within the line.
    pub(super) fn skip_blanks(&mut self) {
        while self.next.kind == TokenKind::Whitespace {
            self.advance();
        }
    }

    /// Passes blanks, comments and line ends; tells where the first line end was.
    pub(super) fn skip_trivia(&mut self) -> Option<TextRange> {
        let mut line_end = None;
        loop {
            match self.next.kind {
                TokenKind::Newline => line_end = line_end.or(Some(self.next.range)),
                TokenKind::Whitespace | TokenKind::Comment => {}
                _ => return line_end,
            }
            self.advance();
        }
    }

    /// Passes the rest of the line, whatever it holds.
    pub(super) fn skip_line(&mut self) {
        let start = self.next.range.start();
        let rest = self.text.get(start as usize..).unwrap_or_default();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.restart(start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX)));
    }

    fn advance(&mut self) {
        let end = TextRange::of(self.text.len()..self.text.len());
        self.next = self.lexer.next().map_or(Token { kind: TokenKind::Eof, range: end }, |token| Token {
            kind: token.kind(),
            range: TextRange::of(token.span().start() + self.base..token.span().end() + self.base),
        });
    }
}
