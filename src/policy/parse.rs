//! Text to tree: the grammar of `grammar/expression.pest`, and the levels of its operators.
//!
//! Invariants:
//!
//! - A text that the grammar refuses has at least one error finding, and one that it accepts has none from here,
//!   but for numbers that do not fit into 64 bits.
//! - The stack that parsing takes is bounded by [`NESTING_MAX`](crate::limits::NESTING_MAX), which `syntax` holds before the grammar is
//!   asked.

use base::{Diagnostic, Findings, MappedText, Millis, TextRange};
use pest::{Parser as _, error::InputLocation, iterators::Pair};

use crate::{
    ast::{Ast, BinaryOperator, Node, NodeId},
    codes,
    lexer::tokens,
    syntax,
};

use grammar::{Grammar, Rule};

mod grammar {
    #![allow(missing_docs, reason = "the derive generates an enum of the grammar's rules")]

    #[derive(pest_derive::Parser)]
    #[grammar = "../../grammar/expression.pest"]
    pub(super) struct Grammar;
}

/// The tree of `source`; `None` where it is no expression, and `findings` then says why.
pub fn parse(source: &MappedText, findings: &mut Findings) -> Option<Ast> {
    let before = findings.mark();
    syntax::explain(source, &tokens(source.text()), findings);
    if findings.errors_since(before) {
        return None;
    }
    match Grammar::parse(Rule::expression, source.text()) {
        Ok(mut pairs) => {
            let mut builder = Builder { ast: Ast::default() };
            let chain = pairs.next()?.into_inner().next()?;
            builder.chain(chain)?;
            Some(builder.ast)
        }
        Err(error) => {
            findings.push(refusal(source, &error));
            None
        }
    }
}

/// The finding for a text that only the grammar refuses.
fn refusal(source: &MappedText, error: &pest::error::Error<Rule>) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let length = source.text().get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let range = source.map(TextRange::of(at..at + length));
    Diagnostic::new(&codes::SYNTAX, range, "the expression cannot be read from here on")
        .help("an expression is a value, or values with operators between them")
}

struct Builder {
    ast: Ast,
}

/// A chain that is still being read: `first`, what followed it, and an operator that waits for its operand.
struct Pending {
    first: NodeId,
    rest: Vec<(BinaryOperator, NodeId)>,
    operator: BinaryOperator,
}

impl Builder {
    /// `operand (operator operand)*`. The stack holds one unfinished chain a level, looser levels below tighter ones.
    fn chain(&mut self, chain: Pair<'_, Rule>) -> Option<NodeId> {
        let mut pairs = chain.into_inner();
        let mut operand = self.operand(pairs.next()?)?;
        let mut stack: Vec<Pending> = Vec::new();
        while let Some(pair) = pairs.next() {
            let operator = binary_operator(&pair)?;
            while let Some(tighter) = stack.pop_if(|pending| pending.operator.level() > operator.level()) {
                operand = self.finish(tighter, operand);
            }
            match stack.last_mut() {
                Some(same) if same.operator.level() == operator.level() => {
                    same.rest.push((same.operator, operand));
                    same.operator = operator;
                }
                _ => stack.push(Pending { first: operand, rest: Vec::new(), operator }),
            }
            operand = self.operand(pairs.next()?)?;
        }
        while let Some(pending) = stack.pop() {
            operand = self.finish(pending, operand);
        }
        Some(operand)
    }

    fn finish(&mut self, pending: Pending, last: NodeId) -> NodeId {
        let Pending { first, mut rest, operator } = pending;
        rest.push((operator, last));
        let range = self.ast.get(first).1.cover(self.ast.get(last).1);
        self.ast.push(Node::Chain { first, rest: rest.into() }, range)
    }

    fn operand(&mut self, operand: Pair<'_, Rule>) -> Option<NodeId> {
        let mut signs = Vec::new();
        let mut value = None;
        for part in operand.into_inner() {
            match part.as_rule() {
                Rule::minus | Rule::not => signs.push((part.as_rule(), span(&part).start())),
                _ => value = Some(self.primary(part)?),
            }
        }
        let mut value = value?;
        for (rule, start) in signs.into_iter().rev() {
            let node = if rule == Rule::minus { Node::Negate(value) } else { Node::Not(value) };
            let end = self.ast.get(value).1.end();
            value = self.ast.push(node, TextRange::new(start, end));
        }
        Some(value)
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Option<NodeId> {
        let range = span(&pair);
        let text = pair.as_str();
        let node = match pair.as_rule() {
            Rule::indexed => return self.indexed(pair),
            Rule::string => Node::Text(decode(text.get(1..text.len() - 1)?).into()),
            Rule::capture => Node::Capture(text.get(1..)?.parse().ok()?),
            Rule::float => Node::Float(text.parse().ok()?),
            Rule::duration => Node::Duration(Millis::parse(text).ok()?),
            Rule::integer => Node::Int(text.parse().ok()?),
            _ => return None,
        };
        Some(self.ast.push(node, range))
    }

    fn indexed(&mut self, pair: Pair<'_, Rule>) -> Option<NodeId> {
        let start = pair.as_span().start();
        let mut parts = pair.into_inner();
        let mut base = self.indexable(parts.next()?)?;
        for part in parts {
            let end = part.as_span().end();
            let index = self.chain(part.into_inner().next()?)?;
            base = self.ast.push(Node::Index { base, index }, TextRange::of(start..end));
        }
        Some(base)
    }

    fn indexable(&mut self, pair: Pair<'_, Rule>) -> Option<NodeId> {
        let range = span(&pair);
        let node = match pair.as_rule() {
            Rule::group => Node::Group(self.chain(pair.into_inner().next()?)?),
            Rule::list => Node::List(self.chains(pair)?),
            Rule::named => {
                let mut parts = pair.into_inner();
                let name = parts.next()?;
                let Some(arguments) = parts.next() else {
                    return Some(self.ast.push(Node::Name(name.as_str().into()), span(&name)));
                };
                Node::Call { name: name.as_str().into(), range: span(&name), arguments: self.chains(arguments)? }
            }
            _ => return None,
        };
        Some(self.ast.push(node, range))
    }

    fn chains(&mut self, pair: Pair<'_, Rule>) -> Option<Box<[NodeId]>> {
        let chains = pair.into_inner().filter(|part| part.as_rule() == Rule::chain);
        chains.map(|chain| self.chain(chain)).collect()
    }
}

fn span(pair: &Pair<'_, Rule>) -> TextRange {
    TextRange::of(pair.as_span().start()..pair.as_span().end())
}

fn binary_operator(pair: &Pair<'_, Rule>) -> Option<BinaryOperator> {
    Some(match pair.clone().into_inner().next()?.as_rule() {
        Rule::or => BinaryOperator::Or,
        Rule::and => BinaryOperator::And,
        Rule::xor => BinaryOperator::Xor,
        Rule::equal => BinaryOperator::Equal,
        Rule::not_equal => BinaryOperator::NotEqual,
        Rule::less => BinaryOperator::Less,
        Rule::at_most => BinaryOperator::AtMost,
        Rule::greater => BinaryOperator::Greater,
        Rule::at_least => BinaryOperator::AtLeast,
        Rule::add => BinaryOperator::Add,
        Rule::subtract => BinaryOperator::Subtract,
        Rule::multiply => BinaryOperator::Multiply,
        Rule::divide => BinaryOperator::Divide,
        _ => return None,
    })
}

/// What a string between its quotes stands for (A5, A6): backslashes stay, and the character behind a run of them is
/// translated where it is `n`, `r` or `t`.
fn decode(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        match (escaped, character) {
            (_, '\\') => {
                escaped = true;
                text.push('\\');
                continue;
            }
            (true, 'n') => text.push('\n'),
            (true, 'r') => text.push('\r'),
            (true, 't') => text.push('\t'),
            (_, other) => text.push(other),
        }
        escaped = false;
    }
    text
}

#[cfg(test)]
mod tests {
    use base::Findings;
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> (bool, bool) {
        let mut findings = Findings::new();
        let source = MappedText::verbatim(text, 0);
        syntax::explain(&source, &tokens(text), &mut findings);
        (!findings.has_errors(), Grammar::parse(Rule::expression, text).is_ok())
    }

    /// Texts that are nearly expressions: pieces of the language in any order.
    fn soup() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "1",
            "2.5",
            ".5",
            "5m",
            "1h.",
            "5y",
            "'a'",
            "\"b\\n\"",
            "'open",
            "rcpt",
            "len(",
            "contains(",
            "(",
            ")",
            "[",
            "]",
            ",",
            "+",
            "-",
            "*",
            "/",
            "&&",
            "&",
            "||",
            "|",
            "^",
            "!",
            "==",
            "= ",
            "=",
            "!=",
            "<",
            "<=",
            "=<",
            ">",
            ">=",
            "=>",
            " ",
            "\t",
            "\n",
            "$1",
            "$x",
            "$",
            "}",
            "#",
            "é",
            "x.y",
            "1:2",
        ]);
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// Texts that are expressions, written in every way that the language has.
    fn expression() -> impl Strategy<Value = String> {
        let leaf =
            prop::sample::select(vec!["1", "2.", ".5", "5M", "'a\\'b'", "\"\"", "rcpt", "x.y", "$12", "[]", "f( )"]);
        let operator = prop::sample::select(vec![
            "+", " - ", "&", "&&", "|", "||", "^", "==", " = ", "=<", "=>", "<", "\n>\t", "!=",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, move |inner| {
            prop_oneof![
                (inner.clone(), operator.clone(), inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
                inner.clone().prop_map(|inner| format!("-!!({inner})[0]")),
                prop::collection::vec(inner.clone(), 1..3).prop_map(|items| format!("[{},]", items.join(" , "))),
                prop::collection::vec(inner, 0..3).prop_map(|items| format!("f ({})", items.join(","))),
            ]
        })
    }

    #[test]
    fn levels_and_sides_are_those_of_the_language() {
        let cases = [
            ("1 + 2 * 3", "chain\n  int 1\n  + chain\n    int 2\n    * int 3\n"),
            ("1 - 2 - 3", "chain\n  int 1\n  - int 2\n  - int 3\n"),
            ("(1 - 2) - 3", "chain\n  group\n    chain\n      int 1\n      - int 2\n  - int 3\n"),
            ("a || b && c || d", "chain\n  name a\n  || chain\n    name b\n    && name c\n  || name d\n"),
            ("-a[1] * !b", "chain\n  negate\n    index\n      name a\n      int 1\n  * not\n    name b\n"),
            ("1 < 2 == 3 ^ 4", "chain\n  chain\n    chain\n      int 1\n      < int 2\n    == int 3\n  ^ int 4\n"),
        ];
        for (text, expected) in cases {
            let mut findings = Findings::new();
            let tree = parse(&MappedText::verbatim(text, 0), &mut findings).expect(text).to_text();
            let lines: Vec<_> = tree.lines().map(|line| line.split(" @").next().unwrap()).collect();
            let tree = lines.join("\n") + "\n";
            assert_eq!(tree, expected, "{text}");
        }
    }

    #[test]
    fn nesting_past_the_limit_is_refused_and_within_it_is_read() {
        use crate::limits::NESTING_MAX;
        for (open, close) in [("(", ")"), ("[", "]"), ("len(", ")"), ("!", ""), ("a[", "]")] {
            for (depth, fits) in [(NESTING_MAX, true), (NESTING_MAX + 1, false), (9_000, false)] {
                let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let mut findings = Findings::new();
                let tree = parse(&MappedText::verbatim(&text, 0), &mut findings);
                assert_eq!(tree.is_some(), fits, "{open} {depth}");
                assert_eq!(findings.iter().any(|finding| finding.code == &codes::NESTING_TOO_DEEP), !fits);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn mistakes_are_explained_exactly_where_the_grammar_refuses(text in soup()) {
            let (explained, grammar) = accepts(&text);
            prop_assert_eq!(explained, grammar, "{:?}", text);
        }

        #[test]
        fn what_the_grammar_accepts_the_tokens_reproduce(text in expression()) {
            prop_assert!(Grammar::parse(Rule::expression, &text).is_ok(), "{}", text);
            let tokens = tokens(&text);
            let written: String = tokens.iter().map(|token| token.range.slice(&text)).collect();
            prop_assert_eq!(written, &*text);
            // Every leaf of the tree begins and ends with a token.
            let pairs = Grammar::parse(Rule::expression, &text).unwrap().flatten();
            for pair in pairs.filter(|pair| matches!(pair.as_rule(), Rule::string | Rule::name | Rule::integer | Rule::float | Rule::duration | Rule::capture)) {
                let range = span(&pair);
                prop_assert!(tokens.iter().any(|token| token.range == range), "{:?}", pair);
            }
        }

        #[test]
        fn no_text_makes_parsing_panic(text in any::<String>()) {
            let (explained, grammar) = accepts(&text);
            prop_assert_eq!(explained, grammar, "{:?}", text);
        }
    }
}
