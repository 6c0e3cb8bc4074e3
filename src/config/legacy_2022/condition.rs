//! Structured conditions: `{ if = "rcpt-domain", eq = "example.org" }`, and groups of them.
//!
//! Each becomes operations of the language's IR, with the range of the condition in the document:
//!
//! | condition | operation |
//! |---|---|
//! | `eq`, `ne` | `==`, `!=` |
//! | `eq` of an address with a network | `is_ip_in_cidr` |
//! | `in-list` | [`Op::InList`] |
//! | `matches` | [`Op::Matches`] |
//! | `starts-with`, `ends-with` | the functions |
//! | `not-…` | `!` of these |
//! | `all-of`, `any-of`, `none-of` | `&&`, <code>&#124;&#124;</code>, `!` of <code>&#124;&#124;</code> |
//!
//! A tree is at most [`document::limits::NESTING_MAX`] deep, so the walk over groups may be recursive.
//!
//! Source: delivery spec 2.1, 2.5.

use std::{net::IpAddr, sync::Arc};

use base::{Diagnostic, Findings, Fix, TextRange};
use document::{Entry, Node, Table};
use policy::{ExprId, Function, Ir, Op, Value, Variable, ast::BinaryOperator, pattern::Pattern, spelling::nearest};

use super::Legacy;
use crate::{
    codes,
    outbound_layout::{Asks, Place},
    read::Scalar,
};

/// How a key is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    InList,
    Matches,
    StartsWith,
    EndsWith,
}

/// Each spelling, and whether it is negated.
const OPERATORS: [(&str, Operator, bool); 12] = [
    ("eq", Operator::Equal, false),
    ("equal-to", Operator::Equal, false),
    ("ne", Operator::Equal, true),
    ("not-equal-to", Operator::Equal, true),
    ("in-list", Operator::InList, false),
    ("not-in-list", Operator::InList, true),
    ("matches", Operator::Matches, false),
    ("not-matches", Operator::Matches, true),
    ("starts-with", Operator::StartsWith, false),
    ("not-starts-with", Operator::StartsWith, true),
    ("ends-with", Operator::EndsWith, false),
    ("not-ends-with", Operator::EndsWith, true),
];

/// How the members of a group are joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Group {
    All,
    Any,
    None,
}

const GROUPS: [(&str, Group); 3] = [("all-of", Group::All), ("any-of", Group::Any), ("none-of", Group::None)];

/// The keys that some setting of this floor knows.
const KEYS: [(&str, Variable); 8] = [
    ("rcpt", Variable::Rcpt),
    ("rcpt-domain", Variable::RcptDomain),
    ("sender", Variable::Sender),
    ("sender-domain", Variable::SenderDomain),
    ("priority", Variable::Priority),
    ("mx", Variable::Mx),
    ("remote-ip", Variable::RemoteIp),
    ("local-ip", Variable::LocalIp),
];

/// The keys of a session, which no queued message has.
const SESSION_KEYS: [&str; 3] = ["listener", "helo-domain", "authenticated-as"];

/// Whether a rule of a setting that asks for `asks` can name `variable`.
fn has(asks: Asks, variable: Variable) -> bool {
    use Variable as V;
    match asks {
        Asks::Sender => matches!(variable, V::Sender | V::SenderDomain | V::Priority),
        Asks::Rcpt => matches!(variable, V::RcptDomain | V::Sender | V::SenderDomain | V::Priority),
        Asks::Mx => variable == V::Mx || has(Asks::Rcpt, variable),
        Asks::Host => matches!(variable, V::RemoteIp | V::LocalIp) || has(Asks::Mx, variable),
        Asks::Quota => variable == V::Rcpt || has(Asks::Rcpt, variable),
    }
}

/// The keys that a rule of a setting that asks for `asks` can name.
fn available(asks: Asks) -> Vec<&'static str> {
    let known = KEYS.iter().filter(|(_, variable)| has(asks, *variable));
    known.map(|(name, _)| *name).collect()
}

/// What a condition's table holds.
#[derive(Default)]
struct Parts<'t, 'a> {
    subject: Option<&'t Entry<'a>>,
    operator: Option<(&'t Entry<'a>, Operator, bool)>,
    group: Option<(&'t Entry<'a>, Group)>,
    /// A second operator or group, which is one too many.
    extra: Option<&'t Entry<'a>>,
    unknown: Option<&'t Entry<'a>>,
}

impl<'t, 'a> Parts<'t, 'a> {
    fn of(table: &'t Table<'a>, beside: &[&str]) -> Self {
        let mut parts = Self::default();
        for entry in table.entries() {
            let key = entry.key();
            if key == "if" {
                parts.subject = Some(entry);
            } else if let Some((_, operator, is_negated)) = OPERATORS.iter().find(|(name, ..)| *name == key) {
                match parts.operator {
                    None => parts.operator = Some((entry, *operator, *is_negated)),
                    Some(_) => parts.extra = Some(entry),
                }
            } else if let Some((_, group)) = GROUPS.iter().find(|(name, _)| *name == key) {
                match parts.group {
                    None => parts.group = Some((entry, *group)),
                    Some(_) => parts.extra = Some(entry),
                }
            } else if !beside.contains(&key) {
                parts.unknown = Some(entry);
            }
        }
        parts
    }
}

impl Legacy<'_, '_> {
    /// The condition `node`, a table that may have the keys `beside` too; `None` where it has an error.
    pub(super) fn condition(&mut self, node: &Node<'_>, place: Place, ir: &mut Ir, beside: &[&str]) -> Option<ExprId> {
        let Some(table) = node.as_table() else {
            self.no_condition(node);
            return None;
        };
        let parts = Parts::of(table, beside);
        match parts {
            Parts { extra: Some(extra), .. } => {
                self.malformed(extra.key_range, format!("`{}` is one comparison too many", extra.key()));
                None
            }
            Parts { subject: None, operator: None, group: Some((entry, group)), unknown, .. } => {
                self.unknown_part(unknown);
                self.group(entry, group, place, ir)
            }
            Parts { group: Some((entry, _)), .. } => {
                self.malformed(entry.key_range, format!("`{}` stands beside a comparison", entry.key()));
                None
            }
            Parts { subject: Some(subject), operator: Some((operand, operator, is_negated)), unknown, .. } => {
                self.unknown_part(unknown);
                self.comparison(subject, operand, operator, is_negated, place, ir)
            }
            Parts { subject: Some(subject), operator: None, unknown, .. } => {
                self.no_operator(subject, unknown);
                None
            }
            Parts { subject: None, .. } => {
                self.malformed(node.range, "a condition has no `if` and no group".to_owned());
                None
            }
        }
    }

    fn malformed(&mut self, range: TextRange, message: String) {
        self.context.report(
            Diagnostic::new(&codes::MALFORMED_CONDITION, range, message)
                .help("a condition is { if = \"…\", eq = \"…\" }, or a group such as { any-of = [ … ] }"),
        );
    }

    /// What stands where a condition belongs and is no table: most often an expression of the later layouts.
    fn no_condition(&mut self, node: &Node<'_>) {
        let help = "a condition is { if = \"…\", eq = \"…\" }, or a group such as { any-of = [ … ] }";
        let finding = match node.kind_name() {
            "a string" => Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                node.range,
                "a condition is a string, as in layouts with expressions",
            ),
            other => Diagnostic::new(&codes::WRONG_KIND, node.range, format!("a condition is {other}, not a table")),
        };
        self.context.report(finding.help(help));
    }

    fn unknown_part(&mut self, entry: Option<&Entry<'_>>) {
        if let Some(entry) = entry {
            let known: Vec<_> = OPERATORS.iter().map(|(name, ..)| *name).collect();
            self.context.unknown_key(entry, &known, "a condition");
        }
    }

    fn no_operator(&mut self, subject: &Entry<'_>, unknown: Option<&Entry<'_>>) {
        let text = subject.value.as_text().unwrap_or_default();
        let is_expression = text.bytes().any(|byte| b"()='\"<>!&|+".contains(&byte));
        let operators = "the operators are `eq`, `ne`, `in-list`, `matches`, `starts-with`, `ends-with`, and `not-` \
                         before one of the last four";
        let finding = match unknown {
            _ if is_expression => Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                subject.value.range,
                "the condition is an expression, which this layout does not have",
            )
            .help("write { if = \"rcpt-domain\", eq = \"example.org\" }, or read the document as `expressions_2024`"),
            Some(entry) => {
                let near = nearest(entry.key(), OPERATORS.iter().map(|(name, ..)| *name));
                let message = format!("`{}` is no operator", entry.key());
                Diagnostic::new(&codes::MALFORMED_CONDITION, entry.key_range, message)
                    .help(near.map_or_else(|| operators.to_owned(), |near| format!("did you mean `{near}`?")))
                    .fix_if(near.map(|near| Fix::replace(format!("rename to `{near}`"), entry.key_range, near)))
            }
            None => Diagnostic::new(
                &codes::MALFORMED_CONDITION,
                subject.key_range.cover(subject.value.range),
                "a condition has no operator",
            )
            .help(operators),
        };
        self.context.report(finding);
    }

    fn group(&mut self, entry: &Entry<'_>, group: Group, place: Place, ir: &mut Ir) -> Option<ExprId> {
        let range = entry.key_range.cover(entry.value.range);
        let members = entry.value.items().map(|items| items.nodes).unwrap_or_default();
        if members.is_empty() {
            let message = format!("`{}` has no conditions", entry.key());
            self.context.report(
                Diagnostic::new(&codes::MALFORMED_CONDITION, range, message)
                    .help(format!("write {} = [ {{ if = \"…\", eq = \"…\" }} ]", entry.key())),
            );
            return None;
        }
        let mut operands = Vec::with_capacity(members.len());
        let mut is_whole = true;
        for member in members {
            match self.condition(member, place, ir, &[]) {
                Some(operand) => operands.push(operand),
                None => is_whole = false,
            }
        }
        if !is_whole {
            return None;
        }
        let operands = operands.into_boxed_slice();
        Some(match group {
            Group::All => ir.push(Op::And(operands), range),
            Group::Any => ir.push(Op::Or(operands), range),
            Group::None => {
                let any = ir.push(Op::Or(operands), range);
                ir.push(Op::Not(any), range)
            }
        })
    }

    fn comparison(
        &mut self,
        subject: &Entry<'_>,
        operand: &Entry<'_>,
        operator: Operator,
        is_negated: bool,
        place: Place,
        ir: &mut Ir,
    ) -> Option<ExprId> {
        let variable = self.key(subject, place);
        let literal = self.context.scalar(&operand.value, operand.key());
        let (variable, literal) = (variable?, literal?);
        let range = subject.key_range.cover(operand.value.range);
        let first = push_variable(variable, place, subject.value.range, ir);
        let at = operand.value.range;
        let id = match (variable, operator) {
            (Variable::Priority, Operator::Equal) => {
                let priority = self.priority(&literal)?;
                equal(first, Value::Int(priority), at, is_negated, range, ir)
            }
            (Variable::Priority, _) => {
                self.operator_type(operand);
                return None;
            }
            (Variable::RemoteIp | Variable::LocalIp, Operator::Equal) => match self.network(&literal)? {
                Network::Address(ip) => {
                    let ip = Value::text(ip.to_string());
                    equal(first, ip, at, is_negated, range, ir)
                }
                Network::Range(network) => {
                    let call = call(Function::IsIpInCidr, first, &network, at, range, ir);
                    negate(call, is_negated, range, ir)
                }
            },
            (_, Operator::Equal) => {
                let text = Value::text(literal.text.text());
                equal(first, text, at, is_negated, range, ir)
            }
            (_, Operator::StartsWith | Operator::EndsWith) => {
                let function = match operator {
                    Operator::StartsWith => Function::StartsWith,
                    _ => Function::EndsWith,
                };
                let call = call(function, first, literal.text.text(), at, range, ir);
                negate(call, is_negated, range, ir)
            }
            (_, Operator::InList) => {
                let list = self.list(&literal)?;
                let found = ir.push(Op::InList { list, subject: first }, range);
                negate(found, is_negated, range, ir)
            }
            (_, Operator::Matches) => {
                let pattern = self.pattern(&literal)?;
                let matched = ir.push(Op::Matches { pattern, subject: first }, range);
                negate(matched, is_negated, range, ir)
            }
        };
        Some(id)
    }

    /// The variable that `if` names.
    fn key(&mut self, subject: &Entry<'_>, place: Place) -> Option<Variable> {
        let scalar = self.context.scalar(&subject.value, "if")?;
        let name = scalar.text.text().trim();
        let known = KEYS.iter().find(|(key, _)| *key == name);
        match known {
            Some((_, variable)) if has(place.asks, *variable) => return Some(*variable),
            _ if scalar.open => return None,
            _ => {}
        }
        let keys = available(place.asks);
        let help = format!("the keys here are `{}`", keys.join("`, `"));
        let range = scalar.text.document_range();
        let underscored = name.replace('_', "-");
        let finding = if known.is_some() || SESSION_KEYS.contains(&name) {
            let why = if known.is_some() { "here" } else { "for a queued message" };
            let message = format!("`{name}` has no value in {}", place.quoted);
            Diagnostic::new(&codes::KEY_NOT_AVAILABLE, scalar.range, message)
                .label(format!("not known {why}"))
                .help(help)
        } else if let Some(right) = keys.iter().find(|key| **key == underscored) {
            Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                scalar.range,
                format!("`{name}` is spelled with hyphens in this layout"),
            )
            .help(format!("write `{right}`"))
            .fix(Fix::replace(format!("write `{right}`"), range, *right).safe())
        } else {
            let message = format!("`{}` is no key of {}", scalar.shown(), place.quoted);
            let finding = Diagnostic::new(&codes::KEY_NOT_AVAILABLE, scalar.range, message);
            match nearest(name, keys.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")).fix(Fix::replace(
                    format!("rename to `{near}`"),
                    range,
                    near,
                )),
                None => finding.help(help),
            }
        };
        self.context.report(finding);
        None
    }

    fn operator_type(&mut self, operand: &Entry<'_>) {
        let message = format!("`priority` cannot be compared by `{}`", operand.key());
        self.context.report(
            Diagnostic::new(&codes::OPERATOR_TYPE, operand.key_range, message)
                .help("it is a number, compared by `eq` and `ne` only; several values are an `any-of` group"),
        );
    }

    fn pattern(&mut self, literal: &Scalar) -> Option<Arc<Pattern>> {
        if !literal.expanded {
            return self.context.compiler.pattern(&literal.text, self.context.findings);
        }
        // What came out of a macro is not shown.
        let mut found = Findings::new();
        let pattern = self.context.compiler.pattern(&literal.text, &mut found);
        for finding in &found {
            let message = format!("the regular expression `{}` cannot be used", literal.shown());
            self.context.report(
                Diagnostic::new(finding.code, literal.range, message)
                    .help(format!("the finding is `{}`; what a macro gives is not shown", finding.code.rule)),
            );
        }
        pattern
    }

    fn priority(&mut self, literal: &Scalar) -> Option<i64> {
        match literal.text.text().trim().parse::<i16>() {
            Ok(priority) => Some(i64::from(priority)),
            Err(_) if literal.open => None,
            Err(_) => {
                let help = "it is a whole number, from -6 for the least urgent to 5 for the most".to_owned();
                self.context.invalid(literal, "priority", help);
                None
            }
        }
    }

    fn network(&mut self, literal: &Scalar) -> Option<Network> {
        let text = literal.text.text().trim();
        match parse_network(text) {
            Ok(network) => Some(network),
            Err(_) if literal.open => None,
            Err(help) => {
                self.context.invalid(literal, "remote-ip` or `local-ip", help);
                None
            }
        }
    }
}

fn push_variable(variable: Variable, place: Place, range: TextRange, ir: &mut Ir) -> ExprId {
    match place.asks {
        Asks::Rcpt => ir.push(Op::Variable(variable), range),
        Asks::Sender | Asks::Mx | Asks::Host | Asks::Quota => ir.push_optional(variable, range),
    }
}

/// `first == value`, or `!=`; the value stands `at`, the whole in `range`.
fn equal(first: ExprId, value: Value, at: TextRange, is_negated: bool, range: TextRange, ir: &mut Ir) -> ExprId {
    let right = ir.push(Op::Literal(value), at);
    let operator = if is_negated { BinaryOperator::NotEqual } else { BinaryOperator::Equal };
    ir.push(Op::Chain { first, rest: Box::new([(operator, right)]) }, range)
}

/// `function(first, text)`; the text stands `at`, the whole in `range`.
fn call(function: Function, first: ExprId, text: &str, at: TextRange, range: TextRange, ir: &mut Ir) -> ExprId {
    let second = ir.push(Op::Literal(Value::text(text)), at);
    ir.push(Op::Call { function, arguments: Box::new([first, second]) }, range)
}

fn negate(id: ExprId, is_negated: bool, range: TextRange, ir: &mut Ir) -> ExprId {
    if is_negated { ir.push(Op::Not(id), range) } else { id }
}

/// What an address is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Network {
    Address(IpAddr),
    /// In the notation of RFC 4632.
    Range(String),
}

/// An address, or one with a length of its prefix: 8 to 32 bits in version 4, 8 to 128 in version 6.
fn parse_network(text: &str) -> Result<Network, String> {
    const FORM: &str = "write an address such as `192.0.2.1`, or a network such as `192.0.2.0/24`";
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let ip: IpAddr = address.parse().map_err(|_| FORM.to_owned())?;
    let Some(prefix) = prefix else {
        return Ok(Network::Address(ip));
    };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    match prefix.parse::<u8>() {
        Ok(prefix) if (8..=longest).contains(&prefix) => Ok(Network::Range(format!("{ip}/{prefix}"))),
        _ => Err(format!("the number behind the slash is from 8 to {longest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_prefixes_within_their_family() {
        let address = |text: &str| Ok(Network::Address(text.parse().unwrap()));
        let range = |text: &str| Ok(Network::Range(text.to_owned()));
        let cases = [
            ("192.0.2.1", address("192.0.2.1")),
            ("A:B:C::D:F", address("a:b:c::d:f")),
            ("192.0.2.0/24", range("192.0.2.0/24")),
            ("192.0.0.0/8", range("192.0.0.0/8")),
            ("A:B::/128", range("a:b::/128")),
            ("192.0.2.0/7", Err(())),
            ("192.0.2.0/33", Err(())),
            ("a:b::/129", Err(())),
            ("a:b::/", Err(())),
            ("mx.example.org", Err(())),
            ("", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_network(text).map_err(|_| ()), expected, "{text}");
        }
    }
}
