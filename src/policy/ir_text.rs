//! The typed IR as text, written and read: what `dump --stage ir` shows and what tests keep in files.
//!
//! The syntax is `grammar/ir.pest`. Reading checks all that [`Ir`] promises, so that a text from anywhere can be run:
//! operands stand above their users, each is used once, functions have their arity, nothing is deeper than
//! [`limits::TREE_DEPTH_MAX`], and the type that is written is the one that follows, but for a variable that may be
//! unset, which is `any`.
//!
//! Invariant, held by a property and a fuzz target: what is written reads back to the same text.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use base::{Diagnostic, Findings, TextRange};
use pest::{Parser as _, error::InputLocation, iterators::Pair};

use crate::{
    ast::BinaryOperator,
    block::{Block, Rule as BlockRule},
    codes,
    constant::Constant,
    function::{Edition, Function},
    ir::{ExprId, Ir, NamedList, Op, Type},
    limits,
    pattern::{PatternBudget, PatternError},
    value::Value,
    variable::Variable,
};

use grammar::{Grammar, Rule};

mod grammar {
    #![allow(missing_docs, reason = "the derive generates an enum of the grammar's rules")]

    #[derive(pest_derive::Parser)]
    #[grammar = "../../grammar/ir.pest"]
    pub(super) struct Grammar;
}

/// What an IR text holds.
#[derive(Clone, Debug)]
pub enum IrText {
    /// Rules and an `else`.
    Block(Block),
    /// One value.
    Expression {
        /// Its operations.
        ir: Ir,
        /// The one whose value it is.
        root: ExprId,
    },
}

/// Writes a block.
#[must_use]
pub fn write_block(block: &Block) -> String {
    let mut out = write_operations(block.ir());
    for rule in block.rules() {
        let _ = writeln!(out, "if %{} then %{}", rule.condition.index(), rule.outcome.index());
    }
    let _ = writeln!(out, "else %{}", block.otherwise().index());
    out
}

/// Writes an expression.
#[must_use]
pub fn write_expression(ir: &Ir, root: ExprId) -> String {
    let mut out = write_operations(ir);
    let _ = writeln!(out, "value %{}", root.index());
    out
}

/// Writes what was read.
#[must_use]
pub fn write(text: &IrText) -> String {
    match text {
        IrText::Block(block) => write_block(block),
        IrText::Expression { ir, root } => write_expression(ir, *root),
    }
}

// Writing to a String cannot fail, so the results are dropped throughout.
fn write_operations(ir: &Ir) -> String {
    let mut out = String::new();
    for (id, expr) in ir.exprs() {
        let _ = write!(out, "%{} = ", id.index());
        write_operation(&mut out, &expr.op);
        let _ = writeln!(out, " : {}", expr.ty);
    }
    out
}

fn write_operation(out: &mut String, op: &Op) {
    match op {
        Op::Literal(value) => write_literal(out, value),
        Op::Variable(variable) => drop(write!(out, "variable {variable}")),
        Op::Capture(group) => drop(write!(out, "capture {group}")),
        Op::List(items) => write_operands(out, "array", items),
        Op::Index { base, index } => write_operands(out, "index", &[*base, *index]),
        Op::Not(operand) => write_operands(out, "not", &[*operand]),
        Op::Negate(operand) => write_operands(out, "negate", &[*operand]),
        Op::And(operands) => write_operands(out, "and", operands),
        Op::Or(operands) => write_operands(out, "or", operands),
        Op::Chain { first, rest } => {
            write_operands(out, "chain", &[*first]);
            for (operator, operand) in rest {
                let _ = write!(out, " {} %{}", operator.sign(), operand.index());
            }
        }
        Op::Call { function, arguments } => {
            let _ = write!(out, "call ");
            write_operands(out, function.name(), arguments);
        }
        Op::Matches { pattern, subject } => {
            write_quoted(out, "matches ", pattern.text());
            let _ = write!(out, " %{}", subject.index());
        }
        Op::InList { list, subject } => {
            write_quoted(out, "in-list ", &list.name);
            if let Some(entries) = &list.entries {
                out.push_str(" [");
                for (index, entry) in entries.iter().enumerate() {
                    write_quoted(out, if index == 0 { "" } else { " " }, entry);
                }
                out.push(']');
            }
            let _ = write!(out, " %{}", subject.index());
        }
        Op::System(name) => write_quoted(out, "system ", name),
        Op::Metric(name) => write_quoted(out, "metric ", name),
        Op::ConfigGet(key) => write_quoted(out, "config_get ", key),
    }
}

fn write_literal(out: &mut String, value: &Value) {
    match value {
        Value::Int(int) => drop(write!(out, "int {int}")),
        Value::Float(float) => drop(write!(out, "float {float:?}")),
        Value::Text(text) => write_quoted(out, "string ", text),
        Value::Constant(constant) => drop(write!(out, "constant {constant}")),
        // No operation holds an array that is already built.
        Value::List(_) => out.push_str("array"),
    }
}

fn write_operands(out: &mut String, name: &str, operands: &[ExprId]) {
    out.push_str(name);
    for operand in operands {
        let _ = write!(out, " %{}", operand.index());
    }
}

fn write_quoted(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Reads an IR text; `None` where it has errors, which are then among `findings`, with ranges in `text`.
pub fn read(text: &str, findings: &mut Findings) -> Option<IrText> {
    if text.len() > limits::IR_BYTES_MAX {
        let message = format!("an IR text of {} bytes is longer than {}", text.len(), limits::IR_BYTES_MAX);
        findings.push(Diagnostic::new(&codes::IR_SYNTAX, TextRange::at(0), message).help("split it"));
        return None;
    }
    let lines = match Grammar::parse(Rule::file, text) {
        Ok(mut pairs) => pairs.next()?.into_inner(),
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            findings.push(
                Diagnostic::new(
                    &codes::IR_SYNTAX,
                    TextRange::of(at..at + length),
                    "the IR text cannot be read from here on",
                )
                .help("a line is `%N = operation operands : type`, `if %A then %B`, `else %N` or `value %N`"),
            );
            return None;
        }
    };
    let mut reader = Reader {
        ir: Ir::default(),
        ids: Vec::new(),
        used: Vec::new(),
        depths: Vec::new(),
        deepest: 0,
        rules: Vec::new(),
        end: None,
        patterns: PatternBudget::default(),
    };
    for line in lines {
        let range = span(&line);
        if let Err(message) = reader.line(line) {
            let help = "operands stand above the line that uses them, and types are those that follow from them";
            findings.push(Diagnostic::new(&codes::IR_OPERATION, range, message).help(help));
            return None;
        }
    }
    let Some(end) = reader.end else {
        let range = TextRange::at(u32::try_from(text.len()).unwrap_or(u32::MAX));
        findings.push(
            Diagnostic::new(&codes::IR_OPERATION, range, "the text has neither an `else` nor a `value`")
                .help("end it with `else %N` for a block or `value %N` for an expression"),
        );
        return None;
    };
    Some(match end {
        End::Else(id, range) => IrText::Block(Block::new(reader.ir, reader.rules, id, range)),
        End::Value(root) => IrText::Expression { ir: reader.ir, root },
    })
}

enum End {
    Else(ExprId, TextRange),
    Value(ExprId),
}

struct Reader {
    ir: Ir,
    /// The operations by the number that they have in the text, which counts from 0 without a gap.
    ids: Vec<ExprId>,
    /// Whether each operation is somebody's operand already. Evaluation walks a tree; a shared operand would be
    /// evaluated once for each path to it, which can be exponentially often.
    used: Vec<bool>,
    /// How deep each operation is.
    depths: Vec<usize>,
    /// The depth of the deepest operand of the line at hand.
    deepest: usize,
    rules: Vec<BlockRule>,
    end: Option<End>,
    patterns: PatternBudget,
}

type Refused = String;

#[expect(clippy::needless_pass_by_value, reason = "a pair is taken from its iterator and read once")]
impl Reader {
    fn line(&mut self, line: Pair<'_, Rule>) -> Result<(), Refused> {
        let range = span(&line);
        if line.as_rule() != Rule::EOI && self.end.is_some() {
            return Err("a line stands behind the last one".to_owned());
        }
        match line.as_rule() {
            Rule::definition => self.definition(line, range),
            Rule::rule => {
                let mut ids = line.into_inner();
                let (condition, outcome) = (self.operand(ids.next())?, self.operand(ids.next())?);
                self.rules.push(BlockRule { condition, outcome, range });
                Ok(())
            }
            Rule::otherwise => {
                let id = self.operand(line.into_inner().next())?;
                self.end = Some(End::Else(id, range));
                Ok(())
            }
            Rule::value => {
                if !self.rules.is_empty() {
                    return Err("a `value` stands behind rules".to_owned());
                }
                let id = self.operand(line.into_inner().next())?;
                self.end = Some(End::Value(id));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn definition(&mut self, line: Pair<'_, Rule>, range: TextRange) -> Result<(), Refused> {
        let mut parts = line.into_inner();
        let [Some(id), Some(operation), Some(ty)] = [parts.next(), parts.next(), parts.next()] else {
            return Err("a definition is incomplete".to_owned());
        };
        let wanted = self.ids.len();
        if number(id.as_str()) != Some(wanted) {
            return Err(format!("`{}` stands where `%{wanted}` must", id.as_str()));
        }
        if !self.rules.is_empty() {
            return Err("an operation stands behind rules".to_owned());
        }
        let is_variable = operation.as_rule() == Rule::variable;
        self.deepest = 0;
        let op = self.operation(operation)?;
        if self.deepest >= limits::TREE_DEPTH_MAX {
            return Err(format!("operations stand more than {} deep within one another", limits::TREE_DEPTH_MAX));
        }
        let found = self.ir.push(op, range);
        let inferred = self.ir.get(found).ty;
        let written = ty.as_str();
        if is_variable && written == Type::Any.name() {
            self.ir.set_any(found);
        } else if written != inferred.name() {
            return Err(format!("the type is `{inferred}`, not `{written}`"));
        }
        self.ids.push(found);
        self.used.push(false);
        self.depths.push(self.deepest + 1);
        Ok(())
    }

    fn operand(&mut self, pair: Option<Pair<'_, Rule>>) -> Result<ExprId, Refused> {
        let text = pair.as_ref().map_or("", Pair::as_str);
        let found = number(text).and_then(|number| {
            let id = self.ids.get(number)?;
            Some((*id, self.used.get_mut(number)?, *self.depths.get(number)?))
        });
        let Some((id, used, depth)) = found else {
            return Err(format!("`{text}` is not defined above"));
        };
        if std::mem::replace(used, true) {
            return Err(format!("`{text}` is used twice; write the operation twice"));
        }
        self.deepest = self.deepest.max(depth);
        Ok(id)
    }

    fn operands<'p>(&mut self, pairs: impl Iterator<Item = Pair<'p, Rule>>) -> Result<Box<[ExprId]>, Refused> {
        pairs.map(|pair| self.operand(Some(pair))).collect()
    }

    fn operation(&mut self, operation: Pair<'_, Rule>) -> Result<Op, Refused> {
        let kind = operation.as_rule();
        let mut parts = operation.into_inner();
        let op = match kind {
            Rule::int => Op::Literal(Value::Int(parse(parts.next())?)),
            Rule::float => Op::Literal(Value::Float(parse(parts.next())?)),
            Rule::string => Op::Literal(Value::Text(quoted(parts.next())?)),
            Rule::constant => Op::Literal(Value::Constant(named(parts.next(), Constant::named)?)),
            Rule::variable => Op::Variable(named(parts.next(), Variable::named)?),
            Rule::capture => Op::Capture(parse(parts.next())?),
            Rule::array => Op::List(self.elements(parts)?),
            Rule::index => Op::Index { base: self.operand(parts.next())?, index: self.operand(parts.next())? },
            Rule::not => Op::Not(self.operand(parts.next())?),
            Rule::negate => Op::Negate(self.operand(parts.next())?),
            Rule::and => Op::And(self.operands(parts)?),
            Rule::or => Op::Or(self.operands(parts)?),
            Rule::chain => self.chain(parts)?,
            Rule::call => self.call(parts)?,
            Rule::matches => {
                let text = quoted(parts.next())?;
                let pattern = self.patterns.check(&text).map_err(|error| match error {
                    PatternError::Invalid { reason, .. } => reason,
                    PatternError::TooLarge(why) => why.to_owned(),
                })?;
                Op::Matches { pattern: Arc::new(pattern), subject: self.operand(parts.next())? }
            }
            Rule::in_list => self.in_list(parts)?,
            Rule::system => Op::System(quoted(parts.next())?),
            Rule::metric => Op::Metric(quoted(parts.next())?),
            _ => Op::ConfigGet(quoted(parts.next())?),
        };
        Ok(op)
    }

    fn elements<'p>(&mut self, parts: impl Iterator<Item = Pair<'p, Rule>>) -> Result<Box<[ExprId]>, Refused> {
        let items = self.operands(parts)?;
        if items.len() > limits::LIST_ELEMENTS_MAX {
            return Err(format!("an array has more than {} elements", limits::LIST_ELEMENTS_MAX));
        }
        Ok(items)
    }

    fn chain<'p>(&mut self, mut parts: impl Iterator<Item = Pair<'p, Rule>>) -> Result<Op, Refused> {
        let first = self.operand(parts.next())?;
        let mut rest = Vec::new();
        while let Some(sign) = parts.next() {
            let operator = BinaryOperator::ALL.iter().find(|operator| operator.sign() == sign.as_str());
            let operator = operator.ok_or_else(|| format!("no operator `{}`", sign.as_str()))?;
            rest.push((*operator, self.operand(parts.next())?));
        }
        Ok(Op::Chain { first, rest: rest.into() })
    }

    fn call<'p>(&mut self, mut parts: impl Iterator<Item = Pair<'p, Rule>>) -> Result<Op, Refused> {
        let function = named(parts.next(), Function::named)?;
        let arguments = self.operands(parts)?;
        let fits = |edition| function.takes(edition, arguments.len());
        if !fits(Edition::Objects2026) && !fits(Edition::Strategies2025) {
            return Err(format!("`{function}` does not take {} arguments", arguments.len()));
        }
        Ok(Op::Call { function, arguments })
    }

    fn in_list<'p>(&mut self, mut parts: impl Iterator<Item = Pair<'p, Rule>>) -> Result<Op, Refused> {
        let name = quoted(parts.next())?;
        let mut next = parts.next();
        let mut entries = None;
        if let Some(list) = next.take_if(|pair| pair.as_rule() == Rule::entries) {
            let texts: Result<BTreeSet<Box<str>>, Refused> =
                list.into_inner().map(|entry| quoted(Some(entry)).map(|text| Box::from(&*text))).collect();
            entries = Some(texts?);
            next = parts.next();
        }
        let list = NamedList { name: Box::from(&*name), entries };
        Ok(Op::InList { list: Arc::new(list), subject: self.operand(next)? })
    }
}

fn span(pair: &Pair<'_, Rule>) -> TextRange {
    TextRange::of(pair.as_span().start()..pair.as_span().end())
}

fn number(id: &str) -> Option<usize> {
    id.strip_prefix('%')?.parse().ok()
}

#[expect(clippy::needless_pass_by_value, reason = "a pair is taken from its iterator and read once")]
fn parse<T: std::str::FromStr>(pair: Option<Pair<'_, Rule>>) -> Result<T, Refused> {
    let text = pair.as_ref().map_or("", Pair::as_str);
    text.parse().map_err(|_| format!("`{text}` is no such number"))
}

#[expect(clippy::needless_pass_by_value, reason = "a pair is taken from its iterator and read once")]
fn named<T>(pair: Option<Pair<'_, Rule>>, find: impl Fn(&str) -> Option<T>) -> Result<T, Refused> {
    let text = pair.as_ref().map_or("", Pair::as_str);
    find(text).ok_or_else(|| format!("`{text}` is not known"))
}

#[expect(clippy::needless_pass_by_value, reason = "a pair is taken from its iterator and read once")]
fn quoted(pair: Option<Pair<'_, Rule>>) -> Result<Arc<str>, Refused> {
    let text = pair.as_ref().map_or("", Pair::as_str);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let digits: String = characters.by_ref().skip(1).take_while(|digit| *digit != '}').collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.ok_or_else(|| format!("`\\u{{{digits}}}` is no character"))?);
            }
            Some(other @ ('"' | '\\')) => out.push(other),
            other => {
                return Err(format!("`\\{}` is no escape", other.map_or_else(String::new, String::from)));
            }
        }
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use base::MappedText;

    use super::*;
    use crate::check::{Compiler, Scope};

    fn compiled(text: &str) -> String {
        let mut ir = Ir::default();
        let mut findings = Findings::new();
        let mut compiler = Compiler::new(Edition::Objects2026);
        let root = compiler.expression(&MappedText::verbatim(text, 0), Scope::TLS, &mut ir, &mut findings);
        write_expression(&ir, root.unwrap_or_else(|| panic!("{text}: {findings:?}")))
    }

    #[test]
    fn an_expression_is_written_with_its_types() {
        let expected = "%0 = variable rcpt_domain : string\n\
                        %1 = string \"corp.test\" : string\n\
                        %2 = chain %0 == %1 : int\n\
                        %3 = variable retry_num : int\n\
                        %4 = int 2 : int\n\
                        %5 = chain %3 > %4 : int\n\
                        %6 = and %2 %5 : int\n\
                        value %6\n";
        assert_eq!(compiled("rcpt_domain == 'corp.test' && retry_num > 2"), expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let texts = [
            "1 + 2.5 - -3 * 'x'",
            "[1, 'a\\n\"b', require, $1][0] + len(rcpt)",
            "matches('^(.*)@\\w+$', rcpt) && $1 || !is_local_domain(rcpt_domain)",
            "if_then(retry_num > 0, system('hostname'), key_get('', 'k'))",
            "metric('queue.count') > 1 ^ sort(recipients, true)[0] == ''",
        ];
        for text in texts {
            let written = compiled(text);
            let mut findings = Findings::new();
            let read = read(&written, &mut findings).unwrap_or_else(|| panic!("{written}: {findings:?}"));
            assert_eq!(write(&read), written);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth: usize| {
            let lines = (1..depth).map(|id| format!("%{id} = not %{} : int\n", id - 1));
            format!("%0 = int 1 : int\n{}value %{}\n", lines.collect::<String>(), depth - 1)
        };
        for (depth, fits) in [(limits::TREE_DEPTH_MAX, true), (limits::TREE_DEPTH_MAX + 1, false)] {
            assert_eq!(read(&deep(depth), &mut Findings::new()).is_some(), fits, "{depth}");
        }
    }

    #[test]
    fn texts_that_break_a_promise_are_refused() {
        let cases = [
            ("value %0\n", "`%0` is not defined above"),
            ("%0 = int 1 : int\n", "the text has neither an `else` nor a `value`"),
            ("%1 = int 1 : int\nvalue %1\n", "`%1` stands where `%0` must"),
            ("%0 = not %0 : int\nvalue %0\n", "`%0` is not defined above"),
            ("%0 = int 1 : string\nvalue %0\n", "the type is `int`, not `string`"),
            ("%0 = int x : int\nvalue %0\n", "`x` is no such number"),
            ("%0 = call len : int\nvalue %0\n", "`len` does not take 0 arguments"),
            ("%0 = variable rcpt_domian : string\nvalue %0\n", "`rcpt_domian` is not known"),
            ("%0 = string \"a\\q\" : string\nvalue %0\n", "`\\q` is no escape"),
            ("%0 = int 1 : int\nvalue %0\nvalue %0\n", "a line stands behind the last one"),
            ("%0 = int 1 : int\n%1 = chain %0 + %0 : int\nvalue %1\n", "`%0` is used twice; write the operation twice"),
            ("%0 = nonsense\n", "the IR text cannot be read from here on"),
        ];
        for (text, expected) in cases {
            let mut findings = Findings::new();
            assert!(read(text, &mut findings).is_none(), "{text}");
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert_eq!(messages, [expected], "{text}");
        }
    }
}
