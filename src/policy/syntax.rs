//! What is wrong with a text that is no expression, in words that help.
//!
//! The grammar says yes or no; a person wants to know which sign is one too many. This pass reads the tokens from
//! left to right, knows whether a value or an operator must come next, and goes on after each mistake, so that all
//! of them are found at once.
//!
//! Invariant, held by a property in `parse`: it finds an error exactly where the grammar refuses, and where a number
//! does not fit.

use base::{Diagnostic, Findings, Fix, MappedText, Millis, MillisError, TextRange};

use crate::{
    codes,
    lexer::{Token, TokenKind},
    limits,
};

/// Reports every mistake in the order of `tokens`, which are those of `source`.
pub(crate) fn explain(source: &MappedText, tokens: &[Token], findings: &mut Findings) {
    let text = source.text();
    if text.len() > limits::EXPRESSION_BYTES_MAX {
        let range = source.document_range();
        findings.push(
            Diagnostic::new(
                &codes::EXPRESSION_TOO_LONG,
                TextRange::new(range.start(), range.start() + 1),
                format!("an expression of {} bytes is longer than {}", text.len(), limits::EXPRESSION_BYTES_MAX),
            )
            .help("split it into several rules"),
        );
        return;
    }
    let mut reader = Reader { source, tokens, at: 0, open: Vec::new(), depth: 0, state: State::Operand, findings };
    reader.run();
}

/// What must come next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// A value, and nothing stands before it but an opening bracket, a comma or the beginning.
    Operand,
    /// A value, behind an operator that needs it.
    OperandAfter(TextRange),
    /// A value, behind signs.
    Signed,
    /// An operator, behind a value that can be indexed or not.
    Operator { indexable: bool },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bracket {
    Group,
    Call,
    List,
    Index,
}

struct Open {
    bracket: Bracket,
    range: TextRange,
    /// The nesting outside of it, signs included.
    depth: usize,
    /// Whether a comma came last, with its place.
    comma: Option<TextRange>,
    items: usize,
}

struct Reader<'a> {
    source: &'a MappedText,
    tokens: &'a [Token],
    at: usize,
    open: Vec<Open>,
    depth: usize,
    state: State,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut previous = None;
        while let Some(&token) = self.tokens.get(self.at) {
            self.at += 1;
            if token.kind == TokenKind::Blank {
                continue;
            }
            if !self.token(token, previous) {
                return;
            }
            previous = Some(token);
        }
        self.end(previous);
    }

    /// Takes one token; false where reading on makes no sense.
    fn token(&mut self, token: Token, previous: Option<Token>) -> bool {
        match token.kind {
            TokenKind::Blank => {}
            TokenKind::Unknown => self.unknown_character(token),
            TokenKind::OpenText => {
                self.unterminated(token);
                return false;
            }
            TokenKind::CloseBrace => {
                self.report(
                    Diagnostic::new(&codes::CLOSING_BRACE, token.range, "a `}` stands in an expression")
                        .help("remove it; the reference drops everything from here on"),
                );
                return false;
            }
            TokenKind::Word => self.word(token, previous),
            TokenKind::Text => self.value(token, previous, false),
            TokenKind::OpenGroup => return self.open_group(token, previous),
            TokenKind::OpenList => return self.open_list(token, previous),
            TokenKind::CloseGroup | TokenKind::CloseList => self.close(token),
            TokenKind::Comma => self.comma(token),
            TokenKind::Not => return self.not(token, previous),
            TokenKind::Minus if !matches!(self.state, State::Operator { .. }) => return self.minus(token, previous),
            _operator => self.operator(token),
        }
        true
    }

    fn report(&mut self, finding: Diagnostic) {
        let range = self.source.map(finding.range);
        let related = finding.related.iter().map(|(range, label)| (self.source.map(*range), label.clone())).collect();
        let fix = finding.fix.clone().map(|fix| Fix {
            edits: fix
                .edits
                .into_iter()
                .map(|edit| base::Edit { range: self.source.map(edit.range), text: edit.text })
                .collect(),
            ..fix
        });
        self.findings.push(Diagnostic { range, related, fix, ..finding });
    }

    fn text(&self, range: TextRange) -> &str {
        range.slice(self.source.text())
    }

    fn unknown_character(&mut self, token: Token) {
        let found = self.text(token.range).to_owned();
        let character = found.chars().next().unwrap_or_default();
        let help = match character {
            '“' | '”' | '‘' | '’' | '`' | '´' => "strings are quoted by ' or \"",
            '#' | ';' => "an expression holds no comments; end it before this",
            '%' => "there is no such operator; the operators are + - * / && || ^ ! == != < <= > >=",
            '{' => "conditions and outcomes are entries of a list: [ { if = \"…\", then = \"…\" }, { else = \"…\" } ]",
            _ if character.is_whitespace() || character == '\u{feff}' => "use an ordinary space",
            _ => "remove it, or put it into a string",
        };
        let shown = if character.is_control() || character.is_whitespace() || character == '\u{feff}' {
            format!("U+{:04X}", u32::from(character))
        } else {
            found
        };
        let message = format!("`{shown}` has no meaning in an expression");
        self.report(Diagnostic::new(&codes::UNEXPECTED_CHARACTER, token.range, message).help(help));
    }

    fn unterminated(&mut self, token: Token) {
        let text = self.text(token.range).to_owned();
        let quote = text.chars().next().unwrap_or('\'');
        let opening = TextRange::new(token.range.start(), token.range.start() + 1);
        let escaped = text.get(1..).is_some_and(|inner| inner.contains(&format!("\\{quote}")));
        let help = if escaped {
            format!("a backslash keeps the {quote} behind it from ending the string, and a string cannot end in one")
        } else {
            format!("close it with {quote}")
        };
        self.report(Diagnostic::new(&codes::UNTERMINATED_STRING, opening, "this string never ends").help(help));
    }

    fn word(&mut self, token: Token, previous: Option<Token>) {
        let text = self.text(token.range).to_owned();
        let digit = |byte: &u8| byte.is_ascii_digit();
        let begins_as_number = text.bytes().find(|byte| *byte != b'.').is_some_and(|byte| digit(&byte));
        if begins_as_number {
            self.number(token, &text);
        } else if let Some(name) = text.strip_prefix('$') {
            let is_capture = !name.is_empty() && name.bytes().all(|byte| digit(&byte)) && name.parse::<u32>().is_ok();
            if !is_capture {
                self.global(token, &text);
            }
        } else if text.starts_with('.') {
            self.report(
                Diagnostic::new(&codes::BAD_NUMBER, token.range, format!("`{text}` is neither a name nor a number"))
                    .help("names begin with a letter, numbers with a digit"),
            );
        }
        let indexable = !begins_as_number && !text.starts_with('$');
        self.value(token, previous, indexable);
    }

    fn global(&mut self, token: Token, text: &str) {
        let finding = if text == "$" {
            Diagnostic::new(&codes::UNKNOWN_GLOBAL, token.range, "a `$` stands alone")
                .help("`$1` is the first group of the last `matches`")
        } else {
            Diagnostic::new(&codes::UNKNOWN_GLOBAL, token.range, format!("`{text}` is never set in the queue"))
                .help("globals are set by Sieve scripts; in the queue each of them is 0, and `$1` is a capture")
        };
        self.report(finding);
    }

    fn number(&mut self, token: Token, text: &str) {
        let only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_exponent = text.split_once(['e', 'E']).is_some_and(|(digits, exponent)| only(digits) && only(exponent));
        let is_float = text.split_once('.').is_some_and(|(whole, fraction)| only(whole) && only(fraction));
        let no_number = || format!("`{text}` is neither a number nor a duration");
        let (message, help) = if is_float || only(text) && text.parse::<i64>().is_ok() {
            return;
        } else if only(text) {
            let help = "whole numbers reach from -9223372036854775807 to 9223372036854775807";
            (format!("`{text}` is too large for a number"), help)
        } else if has_exponent {
            (no_number(), "a number has no exponent: write all of its digits")
        } else {
            let help = match Millis::parse(text) {
                Ok(_) => return,
                Err(MillisError::Unit) => "the units of a duration are d, h, m, s and ms; a name begins with a letter",
                Err(MillisError::Compound) => "a duration has one unit: write `90m` or `1h + 30m`",
                Err(MillisError::TooLong) => "a duration has at most 63 bits of milliseconds",
                Err(MillisError::Number) => "a duration is a whole number and a unit: write `90m` for 1.5 hours",
            };
            (no_number(), help)
        };
        self.report(Diagnostic::new(&codes::BAD_NUMBER, token.range, message).help(help));
    }

    /// A value begins and ends with `token`.
    fn value(&mut self, token: Token, previous: Option<Token>, indexable: bool) {
        let follows_value = matches!(self.state, State::Operator { .. });
        // What an unknown character was meant for is not known either.
        let is_explained = previous.is_some_and(|previous| previous.kind == TokenKind::Unknown);
        if follows_value && !is_explained {
            self.two_values(token, previous);
        }
        let is_word_operator = matches!(self.text(token.range), "and" | "or" | "is" | "eq" | "in");
        self.state = if follows_value && is_word_operator {
            State::OperandAfter(token.range)
        } else {
            State::Operator { indexable }
        };
    }

    fn two_values(&mut self, token: Token, previous: Option<Token>) {
        let before = previous.map(|token| self.text(token.range).to_owned()).unwrap_or_default();
        let found = self.text(token.range).to_owned();
        let help = match (before.as_str(), found.as_str()) {
            (_, "and") => "write `&&`".to_owned(),
            (_, "or") => "write `||`".to_owned(),
            ("not", _) => "write `!`".to_owned(),
            (_, "is" | "eq") => "write `==`".to_owned(),
            (_, "in") => "write `contains([…], value)`".to_owned(),
            ("if" | "then" | "else", _) | (_, "then" | "else" | "endif") => {
                "conditions and outcomes are entries of a list: [ { if = \"…\", then = \"…\" }, { else = \"…\" } ]"
                    .to_owned()
            }
            _ if self.in_list() => "put a comma between them".to_owned(),
            _ => "put an operator between them".to_owned(),
        };
        let mut finding =
            Diagnostic::new(&codes::MISSING_OPERATOR, token.range, format!("{} follows a value", shown(&found)))
                .help(help);
        if let Some(previous) = previous {
            finding = finding.related(previous.range, "the value before it");
        }
        self.report(finding);
    }

    fn in_list(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.bracket, Bracket::Call | Bracket::List))
    }

    fn nest(&mut self, token: Token) -> bool {
        self.depth += 1;
        if self.depth > limits::NESTING_MAX {
            self.report(
                Diagnostic::new(
                    &codes::NESTING_TOO_DEEP,
                    token.range,
                    format!("brackets and signs stand more than {} deep here", limits::NESTING_MAX),
                )
                .help("split the expression into several rules"),
            );
            return false;
        }
        true
    }

    fn push_open(&mut self, bracket: Bracket, token: Token, depth: usize) {
        self.open.push(Open { bracket, range: token.range, depth, comma: None, items: 0 });
        self.state = State::Operand;
    }

    fn open_group(&mut self, token: Token, previous: Option<Token>) -> bool {
        let depth = self.depth;
        let bracket = match self.state {
            State::Operator { .. } if self.is_name(previous) => Bracket::Call,
            State::Operator { .. } => {
                self.two_values(token, previous);
                Bracket::Group
            }
            _ => Bracket::Group,
        };
        if !self.nest(token) {
            return false;
        }
        self.push_open(bracket, token, depth);
        true
    }

    fn is_name(&self, token: Option<Token>) -> bool {
        token.is_some_and(|token| {
            let text = self.text(token.range);
            token.kind == TokenKind::Word && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        })
    }

    fn open_list(&mut self, token: Token, previous: Option<Token>) -> bool {
        let depth = self.depth;
        let bracket = match self.state {
            State::Operator { indexable: true } => Bracket::Index,
            State::Operator { indexable: false } => {
                let value = previous.map(|token| self.text(token.range).to_owned()).unwrap_or_default();
                self.report(
                    Diagnostic::new(
                        &codes::LITERAL_INDEX,
                        token.range,
                        format!("{} is no array and cannot be indexed", shown(&value)),
                    )
                    .help(
                        "index a variable, an array or what a function gives; put parentheses around it if it is meant",
                    ),
                );
                Bracket::Index
            }
            _ => Bracket::List,
        };
        if !self.nest(token) {
            return false;
        }
        self.push_open(bracket, token, depth);
        true
    }

    fn close(&mut self, token: Token) {
        let closing = self.text(token.range).to_owned();
        let Some(open) = self.open.pop() else {
            self.report(
                Diagnostic::new(&codes::UNBALANCED_BRACKET, token.range, format!("`{closing}` closes nothing"))
                    .help("remove it, or open it before"),
            );
            self.state = State::Operator { indexable: true };
            return;
        };
        let opening = self.text(open.range).to_owned();
        let fits = matches!((&*opening, token.kind), ("(", TokenKind::CloseGroup) | ("[", TokenKind::CloseList));
        if !fits {
            let wanted = if opening == "(" { ")" } else { "]" };
            self.report(
                Diagnostic::new(&codes::UNBALANCED_BRACKET, token.range, format!("`{closing}` closes `{opening}`"))
                    .related(open.range, "opened here")
                    .help(format!("close it with `{wanted}`")),
            );
        }
        self.close_content(token, &open);
        self.depth = open.depth;
        self.state = State::Operator { indexable: true };
    }

    /// What stands before a closing bracket.
    fn close_content(&mut self, token: Token, open: &Open) {
        match self.state {
            State::Operator { .. } => {}
            State::OperandAfter(operator) => self.missing_operand(operator, "behind"),
            State::Signed => self.missing_value(token),
            State::Operand => match (open.comma, open.bracket) {
                (Some(comma), Bracket::Call | Bracket::List) if open.items > 0 => {
                    let finding =
                        Diagnostic::new(&codes::TRAILING_COMMA, comma, "a comma stands before the closing bracket")
                            .help("remove it")
                            .fix(Fix::replace("remove the comma", comma, "").safe());
                    self.report(finding);
                }
                (None, Bracket::Call | Bracket::List) => {}
                (Some(_), _) => self.missing_value(token),
                (None, Bracket::Group | Bracket::Index) => {
                    let range = open.range.cover(token.range);
                    let what = if open.bracket == Bracket::Group { "parentheses" } else { "an index" };
                    self.report(
                        Diagnostic::new(&codes::EMPTY_EXPRESSION, range, format!("{what} without a value"))
                            .help("put a value between them, or remove them"),
                    );
                }
            },
        }
    }

    fn comma(&mut self, token: Token) {
        let in_list = self.in_list();
        if !in_list {
            self.report(
                Diagnostic::new(&codes::STRAY_COMMA, token.range, "a comma stands outside of an array or a call")
                    .help("commas separate the arguments of a function and the elements of an array"),
            );
            if let Some(open) = self.open.last_mut() {
                open.comma = Some(token.range);
            }
            self.state = State::Operand;
            return;
        }
        match self.state {
            State::Operator { .. } => {
                if let Some(open) = self.open.last_mut() {
                    open.items += 1;
                    open.comma = Some(token.range);
                }
            }
            State::OperandAfter(operator) => self.missing_operand(operator, "behind"),
            State::Signed => self.missing_value(token),
            State::Operand => {
                self.report(
                    Diagnostic::new(&codes::STRAY_COMMA, token.range, "no value stands before this comma")
                        .help("remove the comma, or write the value"),
                );
            }
        }
        self.leave_signs();
        self.state = State::Operand;
    }

    /// Signs before a value count as nesting until the value is over.
    fn leave_signs(&mut self) {
        self.depth = self.open.last().map_or(0, |open| open.depth + 1);
    }

    fn not(&mut self, token: Token, previous: Option<Token>) -> bool {
        if matches!(self.state, State::Operator { .. }) {
            self.two_values(token, previous);
        }
        self.state = State::Signed;
        self.nest(token)
    }

    fn minus(&mut self, token: Token, previous: Option<Token>) -> bool {
        if matches!(self.state, State::Signed) {
            let signs = previous.map_or(token.range, |before| before.range.cover(token.range));
            let found = self.text(signs).to_owned();
            self.report(
                Diagnostic::new(&codes::DOUBLE_SIGN, signs, format!("`{found}` is no sign"))
                    .help("write `- (-x)` or `!(-x)` with parentheses if it is meant"),
            );
        }
        self.state = State::Signed;
        self.nest(token)
    }

    fn operator(&mut self, token: Token) {
        let found = self.text(token.range).to_owned();
        match self.state {
            State::Operator { .. } => self.alias(token, &found),
            State::OperandAfter(before) if before.end() == token.range.start() => {
                let both = before.cover(token.range);
                let signs = self.text(both).to_owned();
                let help = match signs.as_str() {
                    "===" | "====" => "write `==`",
                    "!==" => "write `!=`",
                    "<>" | "><" => "write `!=`",
                    "|||" => "write `||`",
                    "&&&" => "write `&&`",
                    ">==" => "write `>=`",
                    "<==" => "write `<=`",
                    "//" => "an expression holds no comments, and there is no such operator",
                    _ => "the operators are + - * / && || ^ ! == != < <= > >=",
                };
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_OPERATOR, both, format!("`{signs}` is no operator")).help(help),
                );
            }
            State::OperandAfter(before) => self.missing_operand(before, "behind"),
            State::Operand | State::Signed => self.missing_operand(token.range, "before"),
        }
        self.leave_signs();
        self.state = State::OperandAfter(token.range);
    }

    fn alias(&mut self, token: Token, found: &str) {
        match found {
            "=" => {
                let blank = self.tokens.get(self.at).is_some_and(|next| next.kind == TokenKind::Blank);
                let fix = Fix::replace("write `==`", token.range, "==");
                if blank {
                    let finding = Diagnostic::new(&codes::SINGLE_EQUALS, token.range, "a single `=` compares here")
                        .severity(base::Severity::Warning)
                        .help("write `==`")
                        .fix(fix.safe());
                    self.report(finding);
                } else {
                    let finding =
                        Diagnostic::new(&codes::SINGLE_EQUALS, token.range, "a single `=` without a blank behind it")
                            .label("the reference takes the next character for a part of the operator")
                            .help("write `==`")
                            .fix(fix);
                    self.report(finding);
                }
            }
            "=>" | "=<" => {
                let usual = if found == "=>" { ">=" } else { "<=" };
                self.report(
                    Diagnostic::new(
                        &codes::OPERATOR_ALIAS,
                        token.range,
                        format!("`{found}` is another writing of `{usual}`"),
                    )
                    .help(format!("write `{usual}`"))
                    .fix(Fix::replace(format!("write `{usual}`"), token.range, usual).safe()),
                );
            }
            _ => {}
        }
    }

    fn missing_operand(&mut self, operator: TextRange, side: &str) {
        let found = self.text(operator).to_owned();
        self.report(
            Diagnostic::new(&codes::MISSING_OPERAND, operator, format!("no value stands {side} `{found}`"))
                .help("write the value, or remove the operator"),
        );
    }

    fn missing_value(&mut self, token: Token) {
        let found = self.text(token.range).to_owned();
        self.report(
            Diagnostic::new(&codes::MISSING_OPERAND, token.range, format!("a value is missing before `{found}`"))
                .help("write the value"),
        );
    }

    fn end(&mut self, previous: Option<Token>) {
        let length = u32::try_from(self.source.text().len()).unwrap_or(u32::MAX);
        match (self.state, previous) {
            (State::Operator { .. }, _) => {}
            (State::OperandAfter(operator), _) => self.missing_operand(operator, "behind"),
            (State::Operand, None) => {
                let range = TextRange::new(0, length);
                self.report(
                    Diagnostic::new(&codes::EMPTY_EXPRESSION, range, "an expression without a value")
                        .help("write a value; the empty string is `''`"),
                );
            }
            (State::Operand, Some(_)) if !self.open.is_empty() => {}
            (State::Operand | State::Signed, _) => {
                let last = previous.map_or_else(|| TextRange::at(length), |token| token.range);
                let found = self.text(last).to_owned();
                // A stray comma has been reported already.
                if found != "," {
                    self.report(
                        Diagnostic::new(&codes::MISSING_OPERAND, last, format!("no value stands behind `{found}`"))
                            .help("write the value"),
                    );
                }
            }
        }
        for open in std::mem::take(&mut self.open) {
            let opening = self.text(open.range).to_owned();
            let closing = if opening == "(" { ")" } else { "]" };
            self.report(
                Diagnostic::new(&codes::UNBALANCED_BRACKET, open.range, format!("`{opening}` is never closed"))
                    .help(format!("close it with `{closing}`")),
            );
        }
    }
}

/// A value as a message shows it: in backticks, shortened where it is long.
pub(crate) fn shown(text: &str) -> String {
    const LENGTH_MAX: usize = 40;
    let mut characters = text.chars();
    let short: String = characters
        .by_ref()
        .take(LENGTH_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if characters.next().is_some() { format!("`{short}…`") } else { format!("`{short}`") }
}
