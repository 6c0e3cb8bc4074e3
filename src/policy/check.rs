//! Tree to IR: names are resolved, arguments counted, types inferred; every mistake of an expression is found.
//!
//! The tree is read from its first node to its last, children before parents, so nothing here recurses.

use std::{collections::BTreeSet, sync::Arc};

use base::{Diagnostic, Findings, Fix, MappedText, TextRange};

use crate::{
    ast::{Ast, BinaryOperator, Node, NodeId},
    codes,
    constant::Constant,
    function::{Edition, Function, METRIC_FAMILIES, METRIC_GAUGES, SYSTEM_NAMES},
    ir::{ExprId, Ir, Op, Type},
    limits,
    pattern::{Pattern, PatternBudget, PatternError},
    spelling::nearest,
    syntax::shown,
    value::Value,
    variable::{ELSEWHERE, Variable, VariableSet},
};

/// What an expression may name, given by the setting that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The variables that have a meaning there.
    pub variables: VariableSet,
    /// Whether each of them always has its value; where not, an unset one is the empty string.
    pub all_set: bool,
    /// What the setting is, for messages: `a route policy`.
    pub setting: &'static str,
}

impl Scope {
    /// `strategy.route`
    pub const ROUTE: Self = Self { variables: VariableSet::RCPT, all_set: true, setting: "a route policy" };
    /// `strategy.schedule`
    pub const SCHEDULE: Self = Self { setting: "a schedule policy", ..Self::ROUTE };
    /// `strategy.connection`
    pub const CONNECTION: Self = Self { variables: VariableSet::HOST, all_set: true, setting: "a connection policy" };
    /// `strategy.tls`
    pub const TLS: Self = Self { setting: "a TLS policy", ..Self::CONNECTION };
    /// The condition of a limiter: which variables are set depends on its key (delivery spec 2.3).
    pub const LIMITER: Self = Self { variables: VariableSet::HOST, all_set: false, setting: "a limiter's condition" };
    /// The condition of a quota.
    pub const QUOTA: Self = Self { setting: "a quota's condition", ..Self::LIMITER };
    /// `report.dsn.*`
    pub const DSN: Self =
        Self { variables: VariableSet::SENDER, all_set: false, setting: "a setting of delivery reports" };
}

/// What an expression is there for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// Its value.
    Value,
    /// The name of a strategy or a host.
    Name,
}

/// What a document's expressions are compiled with.
#[derive(Debug)]
pub struct Compiler {
    pub(crate) edition: Edition,
    /// The stores that are defined, where that is known.
    pub(crate) stores: Option<BTreeSet<String>>,
    pub(crate) patterns: PatternBudget,
}

impl Compiler {
    /// A compiler for a document in `edition`, which does not know which stores exist.
    #[must_use]
    pub fn new(edition: Edition) -> Self {
        Self { edition, stores: None, patterns: PatternBudget::default() }
    }

    /// With the stores that exist; a literal store that is none of them is an error.
    #[must_use]
    pub fn with_stores(self, stores: BTreeSet<String>) -> Self {
        Self { stores: Some(stores), ..self }
    }

    /// Compiles `source` into `ir`; `None` where it has errors, which are then among `findings`.
    pub fn expression(
        &mut self,
        source: &MappedText,
        scope: Scope,
        ir: &mut Ir,
        findings: &mut Findings,
    ) -> Option<ExprId> {
        self.part(source, scope, Part::Value, ir, findings)
    }

    /// The same; where the name of a strategy is wanted, a bare word is told to need quotes.
    pub(crate) fn part(
        &mut self,
        source: &MappedText,
        scope: Scope,
        part: Part,
        ir: &mut Ir,
        findings: &mut Findings,
    ) -> Option<ExprId> {
        let before = findings.mark();
        let ast = crate::parse::parse(source, findings)?;
        let mut lowering = Lowering { compiler: self, source, scope, part, ast: &ast, ir, findings, ids: Vec::new() };
        let root = lowering.run();
        if findings.errors_since(before) { None } else { root }
    }

    /// The regular expression that the whole of `source` is, as a structured rule of 2022 has it; `None` where it is
    /// none, which is then among `findings`.
    pub fn pattern(&mut self, source: &MappedText, findings: &mut Findings) -> Option<Arc<Pattern>> {
        match self.patterns.check(source.text()) {
            Ok(pattern) => Some(Arc::new(pattern)),
            Err(error) => {
                let whole = TextRange::of(0..source.text().len());
                let finding = bad_pattern(source.text(), whole, 0, error);
                findings.push(Diagnostic { range: source.map(finding.range), ..finding });
                None
            }
        }
    }
}

/// The finding about the pattern `text`, which stands at `whole` with its first byte at `start`.
fn bad_pattern(text: &str, whole: TextRange, start: u32, error: PatternError) -> Diagnostic {
    match error {
        PatternError::Invalid { range, reason } => {
            let range = TextRange::new(start + range.start as u32, start + range.end as u32);
            let range = if range.is_empty() { whole } else { range };
            Diagnostic::new(&codes::REGEX_INVALID, range, format!("the regular expression {} is invalid", shown(text)))
                .help(reason.trim_end_matches('.').to_owned())
        }
        PatternError::TooLarge(why) => Diagnostic::new(
            &codes::REGEX_TOO_LARGE,
            whole,
            format!("the regular expression {} is too large", shown(text)),
        )
        .help(format!("{why}; split it, or lower its repetitions")),
    }
}

/// Whether a text counts as the number that it is, where a number is wanted.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// The forms whose first argument is a literal string and a part of the operation itself.
const SPECIAL_FORMS: [&str; 4] = ["matches", "system", "metric", "config_get"];

/// The literals that belong to their form and are no operations of their own.
fn special_literals(ast: &Ast) -> BTreeSet<NodeId> {
    let literal = |node: &Node| match node {
        Node::Call { name, arguments, .. } if SPECIAL_FORMS.contains(&&**name) => {
            arguments.first().copied().filter(|first| matches!(ast.get(*first).0, Node::Text(_)))
        }
        _ => None,
    };
    ast.nodes().filter_map(|(_, node, _)| literal(node)).collect()
}

struct Lowering<'a> {
    compiler: &'a mut Compiler,
    source: &'a MappedText,
    scope: Scope,
    part: Part,
    ast: &'a Ast,
    ir: &'a mut Ir,
    findings: &'a mut Findings,
    /// The operation that each node of the tree became.
    ids: Vec<ExprId>,
}

impl Lowering<'_> {
    fn run(&mut self) -> Option<ExprId> {
        let literals = special_literals(self.ast);
        for (id, node, range) in self.ast.nodes() {
            let lowered = if literals.contains(&id) { ExprId::NONE } else { self.node(node, range) };
            self.ids.push(lowered);
        }
        self.ids.last().copied()
    }

    #[expect(clippy::indexing_slicing, reason = "children come before their parents")]
    fn id(&self, node: NodeId) -> ExprId {
        self.ids[node.index()]
    }

    fn report(&mut self, finding: Diagnostic) {
        let map = |range: TextRange| self.source.map(range);
        let fix = finding.fix.map(|fix| Fix {
            edits: fix.edits.into_iter().map(|edit| base::Edit { range: map(edit.range), text: edit.text }).collect(),
            ..fix
        });
        let related = finding.related.into_iter().map(|(range, label)| (map(range), label)).collect();
        self.findings.push(Diagnostic { range: map(finding.range), related, fix, ..finding });
    }

    fn push(&mut self, op: Op, range: TextRange) -> ExprId {
        self.ir.push(op, self.source.map(range))
    }

    /// What stands for a part that has an error, so that the rest can still be read.
    fn unknown(&mut self, range: TextRange) -> ExprId {
        let range = self.source.map(range);
        self.ir.push_typed(Op::Literal(Value::empty()), Type::Any, range)
    }

    fn node(&mut self, node: &Node, range: TextRange) -> ExprId {
        match node {
            Node::Int(int) => self.push(Op::Literal(Value::Int(*int)), range),
            Node::Float(float) => self.push(Op::Literal(Value::Float(*float)), range),
            Node::Duration(length) => {
                self.push(Op::Literal(Value::Int(i64::try_from(length.0).unwrap_or(i64::MAX))), range)
            }
            Node::Text(text) => self.text(text, range),
            Node::Name(name) => self.name(name, range),
            Node::Capture(group) => self.push(Op::Capture(*group), range),
            Node::List(items) => self.list(items, range),
            Node::Group(inner) => self.id(*inner),
            Node::Call { name, range: name_range, arguments } => self.call(name, *name_range, arguments, range),
            Node::Index { base, index } => self.index(*base, *index, range),
            Node::Not(operand) => self.push(Op::Not(self.id(*operand)), range),
            Node::Negate(operand) => self.push(Op::Negate(self.id(*operand)), range),
            Node::Chain { first, rest } => self.chain(*first, rest, range),
        }
    }

    /// A string that is no pattern; A5 and A6: a backslash in it stays.
    fn text(&mut self, text: &str, range: TextRange) -> ExprId {
        if text.contains('\\') {
            self.report(
                Diagnostic::new(
                    &codes::STRING_ESCAPE,
                    range,
                    format!("the backslash stays in the string {}", shown(text)),
                )
                .help("a string has no escapes; a line break can be written as one, and the other quote needs none"),
            );
        }
        self.push(Op::Literal(Value::text(text)), range)
    }

    fn name(&mut self, name: &str, range: TextRange) -> ExprId {
        match name {
            "true" => return self.push(Op::Literal(Value::Int(1)), range),
            "false" => return self.push(Op::Literal(Value::Int(0)), range),
            _ => {}
        }
        if let Some(variable) = Variable::named(name) {
            return self.variable(variable, range);
        }
        if let Some(constant) = Constant::named(name) {
            return self.push(Op::Literal(Value::Constant(constant)), range);
        }
        if ELSEWHERE.contains(&name) {
            let message = format!("`{name}` has no value in {}", self.scope.setting);
            let help = format!("the variables here are {}", self.variables());
            self.report(Diagnostic::new(&codes::VARIABLE_NOT_AVAILABLE, range, message).help(help));
        } else {
            self.unknown_name(name, range);
        }
        self.unknown(range)
    }

    fn variables(&self) -> String {
        let names: Vec<_> = self.scope.variables.iter().map(Variable::name).collect();
        names.join(", ")
    }

    fn variable(&mut self, variable: Variable, range: TextRange) -> ExprId {
        if !self.scope.variables.has(variable) {
            let message = format!("`{variable}` has no value in {}", self.scope.setting);
            let help = match variable {
                Variable::Mx | Variable::RemoteIp | Variable::LocalIp if self.is_whole(range) => {
                    format!("if the strategy of this name is meant, quote it: `'{variable}'`")
                }
                Variable::Mx | Variable::RemoteIp | Variable::LocalIp => {
                    "it is known only once a host is being tried: in the connection and TLS strategies".to_owned()
                }
                _ => format!("the variables here are {}", self.variables()),
            };
            let fix = (self.is_whole(range) && variable == Variable::Mx)
                .then(|| Fix::replace("quote the name", range, format!("'{variable}'")));
            self.report(Diagnostic::new(&codes::VARIABLE_NOT_AVAILABLE, range, message).help(help).fix_if(fix));
            return self.unknown(range);
        }
        let ty = if self.scope.all_set { variable.ty() } else { variable.ty().or(Type::String) };
        let range = self.source.map(range);
        self.ir.push_typed(Op::Variable(variable), ty, range)
    }

    /// Whether `range` is the whole expression, as where a bare word stands for a strategy's name.
    fn is_whole(&self, range: TextRange) -> bool {
        range.slice(self.source.text()) == self.source.text().trim()
    }

    fn unknown_name(&mut self, name: &str, range: TextRange) {
        let names = self.scope.variables.iter().map(Variable::name);
        let names = names.chain(Constant::ALL.iter().map(|constant| constant.name()));
        let near = nearest(name, names.chain(["true", "false"]));
        let function =
            near.is_none().then(|| nearest(name, Function::ALL.iter().map(|function| function.name()))).flatten();
        let whole = self.is_whole(range) && self.part == Part::Name;
        let finding = match (near, function) {
            (Some(near), _) => Diagnostic::new(
                &codes::UNKNOWN_IDENTIFIER,
                range,
                format!("no variable {} in {}", shown(name), self.scope.setting),
            )
            .help(format!("did you mean `{near}`?"))
            .fix(Fix::replace(format!("rename to `{near}`"), range, near)),
            (None, Some(function)) => Diagnostic::new(
                &codes::UNKNOWN_IDENTIFIER,
                range,
                format!("no variable {} in {}", shown(name), self.scope.setting),
            )
            .help(format!("there is a function `{function}`: write `{function}(…)`")),
            (None, None) if whole => Diagnostic::new(
                &codes::UNQUOTED_STRING,
                range,
                format!("{} is a bare word, and no variable has this name", shown(name)),
            )
            .help(format!("the name of a strategy is a string in the expression, with quotes of its own: `'{name}'`"))
            .fix(Fix::replace("quote the name", range, format!("'{name}'"))),
            (None, None) => Diagnostic::new(
                &codes::UNKNOWN_IDENTIFIER,
                range,
                format!("no variable {} in {}", shown(name), self.scope.setting),
            )
            .help(format!("a text stands in quotes: `'{name}'`; the variables here are {}", self.variables())),
        };
        self.report(finding);
    }

    fn list(&mut self, items: &[NodeId], range: TextRange) -> ExprId {
        if items.len() > limits::LIST_ELEMENTS_MAX {
            let start = TextRange::new(range.start(), range.start() + 1);
            let message = format!("an array of {} elements has more than {}", items.len(), limits::LIST_ELEMENTS_MAX);
            self.report(
                Diagnostic::new(&codes::LIST_TOO_LONG, start, message)
                    .help("keep the elements in a store and ask it with `key_exists`"),
            );
        }
        for item in items {
            self.missing_comma(*item);
        }
        let items = items.iter().map(|item| self.id(*item)).collect();
        self.push(Op::List(items), range)
    }

    /// Reports an element in which an array is indexed by a literal: a comma is missing between two arrays (C7). What has
    /// parentheses around it is meant.
    fn missing_comma(&mut self, item: NodeId) {
        let mut left = vec![item];
        while let Some(node) = left.pop() {
            match self.ast.get(node).0 {
                Node::Not(operand) | Node::Negate(operand) => left.push(*operand),
                Node::Chain { first, rest } => {
                    left.push(*first);
                    left.extend(rest.iter().map(|(_, operand)| *operand));
                }
                Node::Index { .. } => self.run_together(node),
                Node::Int(_)
                | Node::Float(_)
                | Node::Duration(_)
                | Node::Text(_)
                | Node::Name(_)
                | Node::Capture(_)
                | Node::List(_)
                | Node::Group(_)
                | Node::Call { .. } => {}
            }
        }
    }

    fn run_together(&mut self, mut node: NodeId) {
        let mut indices = Vec::new();
        while let Node::Index { base, index } = self.ast.get(node).0 {
            indices.push(*index);
            node = *base;
        }
        let literal = indices.into_iter().rev().find(|index| self.is_literal(*index));
        if let (Node::List(_), base) = self.ast.get(node)
            && let Some(index) = literal
        {
            let index = self.ast.get(index).1;
            self.report(
                Diagnostic::new(&codes::MISSING_OPERATOR, index, "an array stands right behind another one")
                    .help("put a comma between the two, or parentheses around both if the first is to be indexed")
                    .related(base, "the array before it"),
            );
        }
    }

    /// Whether nothing in this node has to be looked up. Nesting is bounded, see `limits`.
    fn is_literal(&self, node: NodeId) -> bool {
        match self.ast.get(node).0 {
            Node::Int(_) | Node::Float(_) | Node::Duration(_) | Node::Text(_) => true,
            Node::Name(name) => Constant::named(name).is_some(),
            Node::Not(inner) | Node::Negate(inner) | Node::Group(inner) => self.is_literal(*inner),
            Node::List(items) => items.iter().all(|item| self.is_literal(*item)),
            Node::Capture(_) | Node::Call { .. } | Node::Index { .. } | Node::Chain { .. } => false,
        }
    }

    fn index(&mut self, base: NodeId, index: NodeId, range: TextRange) -> ExprId {
        let (node, base_range) = self.ast.get(base);
        if let Node::Name(name) = node
            && Constant::named(name).is_some()
        {
            self.report(
                Diagnostic::new(
                    &codes::LITERAL_INDEX,
                    base_range,
                    format!("`{name}` is no array and cannot be indexed"),
                )
                .help("index a variable, an array or what a function gives"),
            );
        }
        if let (Node::Negate(_), index_range) = self.ast.get(index) {
            self.report(
                Diagnostic::new(&codes::LITERAL_INDEX, index_range, "an index cannot be negative")
                    .help("the last element of `x` is `x[count(x) - 1]`"),
            );
        }
        self.text_as_number(index, "as an index");
        let op = Op::Index { base: self.id(base), index: self.id(index) };
        self.push(op, range)
    }

    fn chain(&mut self, first: NodeId, rest: &[(BinaryOperator, NodeId)], range: TextRange) -> ExprId {
        let operands = || std::iter::once(first).chain(rest.iter().map(|(_, operand)| *operand));
        let all = || operands().map(|operand| self.id(operand)).collect();
        let op = match rest.first() {
            Some((BinaryOperator::And, _)) => Op::And(all()),
            Some((BinaryOperator::Or, _)) => Op::Or(all()),
            _ => {
                let rest = rest.iter().map(|(operator, operand)| (*operator, self.id(*operand))).collect();
                Op::Chain { first: self.id(first), rest }
            }
        };
        self.constants(first, rest);
        self.habits(first, rest);
        self.push(op, range)
    }

    /// Comparisons with a constant that mean nothing.
    fn constants(&mut self, first: NodeId, rest: &[(BinaryOperator, NodeId)]) {
        use BinaryOperator as B;
        let mut left = self.ir.get(self.id(first)).ty;
        for (operator, operand) in rest {
            let right = self.ir.get(self.id(*operand)).ty;
            let involved = left == Type::Constant || right == Type::Constant;
            let range = self.ast.get(first).1.cover(self.ast.get(*operand).1);
            match operator {
                B::Less | B::AtMost | B::Greater | B::AtLeast if involved => self.report(
                    Diagnostic::new(&codes::CONSTANT_ORDER, range, "a constant has no order")
                        .help("compare constants with `==` or `!=`"),
                ),
                B::Equal | B::NotEqual if involved && left != right && left != Type::Any && right != Type::Any => self
                    .report(
                        Diagnostic::new(&codes::CONSTANT_COMPARISON, range, "a constant equals nothing but itself")
                            .help("remove the comparison; a constant is never equal to a string or a number"),
                    ),
                _ => {}
            }
            left = Type::Int;
        }
    }

    /// Operands that are legal and seldom meant.
    fn habits(&mut self, first: NodeId, rest: &[(BinaryOperator, NodeId)]) {
        use BinaryOperator as B;
        let mut left = Some(first);
        for (operator, right) in rest {
            match (operator, left) {
                (B::Equal | B::NotEqual | B::Less | B::AtMost | B::Greater | B::AtLeast, Some(left)) => {
                    self.duration_unit(left, *right);
                    self.text_and_number(left, *right);
                }
                // Where a name is wanted, `||` is meant to give a default, which is another finding.
                (B::And | B::Or, left) if self.part == Part::Value => {
                    for operand in left.into_iter().chain([*right]) {
                        self.text_as_condition(operand, *operator);
                    }
                }
                (B::Subtract | B::Multiply | B::Divide, left) => {
                    for operand in left.into_iter().chain([*right]) {
                        self.text_as_number(operand, "in arithmetic");
                    }
                }
                _ => {}
            }
            // Behind the first operator the left side is a result, not an operand.
            left = None;
        }
    }

    /// A13: seconds against milliseconds.
    fn duration_unit(&mut self, left: NodeId, right: NodeId) {
        for (variable, duration) in [(left, right), (right, left)] {
            let (Node::Name(name), Node::Duration(length)) = (self.ast.get(variable).0, self.ast.get(duration).0)
            else {
                continue;
            };
            if !matches!(&**name, "queue_age" | "expires_in") {
                continue;
            }
            let range = self.ast.get(duration).1;
            let seconds = length.0 / 1_000;
            let message = format!("`{name}` is in seconds, and `{length}` is {} milliseconds", length.0);
            self.report(
                Diagnostic::new(&codes::DURATION_UNIT, range, message)
                    .help(format!("write `{seconds}`"))
                    .fix(Fix::replace(format!("write `{seconds}`"), range, seconds.to_string())),
            );
        }
    }

    /// D2: a variable of text against a number, and a variable that is a number against a text that is none.
    fn text_and_number(&mut self, left: NodeId, right: NodeId) {
        for (variable, literal) in [(left, right), (right, left)] {
            let Op::Variable(variable) = self.ir.get(self.id(variable)).op else { continue };
            let Op::Literal(literal) = &self.ir.get(self.id(literal)).op else { continue };
            let (message, help) = match (variable.ty(), literal) {
                (Type::String, Value::Int(_) | Value::Float(_)) => (
                    format!("`{variable}` is a text, and a text that is no number counts as 0 here"),
                    "compare it with a string, such as `'…'`",
                ),
                (Type::Int, Value::Text(text)) if !is_number(text) => (
                    format!("`{variable}` is a number, and {} is none and counts as 0 here", shown(text)),
                    "compare it with a number",
                ),
                _ => continue,
            };
            let range = self.ast.get(left).1.cover(self.ast.get(right).1);
            self.report(Diagnostic::new(&codes::TEXT_NUMBER_COMPARISON, range, message).help(help));
        }
    }

    /// `rcpt == 'a' || 'b'`: a literal text among conditions.
    fn text_as_condition(&mut self, operand: NodeId, operator: BinaryOperator) {
        let Op::Literal(Value::Text(text)) = &self.ir.get(self.id(operand)).op else { return };
        let truth = if text.is_empty() { "false" } else { "true" };
        let operator = if operator == BinaryOperator::Or { "||" } else { "&&" };
        let message = format!("{} is always {truth} beside `{operator}`", shown(text));
        let help = "compare it: `x == 'a' || x == 'b'`, or `contains(['a', 'b'], x)`";
        let range = self.ast.get(operand).1;
        self.report(Diagnostic::new(&codes::CONSTANT_CONDITION, range, message).help(help));
    }

    /// C4, D7: a literal text where a number is wanted.
    fn text_as_number(&mut self, operand: NodeId, place: &str) {
        let Op::Literal(Value::Text(text)) = &self.ir.get(self.id(operand)).op else { return };
        if is_number(text) {
            return;
        }
        let message = format!("{} is no number and counts as 0 {place}", shown(text));
        let range = self.ast.get(operand).1;
        self.report(Diagnostic::new(&codes::ODD_COERCION, range, message).help("write a number"));
    }

    fn call(&mut self, name: &str, name_range: TextRange, arguments: &[NodeId], range: TextRange) -> ExprId {
        match name {
            "matches" => self.matches(name_range, arguments, range),
            "system" | "metric" | "config_get" => self.environment(name, name_range, arguments, range),
            _ => {
                if let Some(function) = Function::named(name) {
                    self.function(function, name_range, arguments, range)
                } else {
                    self.unknown_function(name, name_range);
                    self.unknown(range)
                }
            }
        }
    }

    fn unknown_function(&mut self, name: &str, range: TextRange) {
        if Variable::named(name).is_some() || Constant::named(name).is_some() {
            let message = format!("`{name}` is no function and takes no arguments");
            self.report(Diagnostic::new(&codes::UNKNOWN_FUNCTION, range, message).help("remove the parentheses"));
            return;
        }
        let names = Function::ALL.iter().map(|function| function.name());
        let near = nearest(name, names.chain(["matches", "system", "metric", "config_get"]));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the functions are listed by `pointsman eval --functions`".to_owned(),
        };
        let fix = near.map(|near| Fix::replace(format!("rename to `{near}`"), range, near));
        let message = format!("no function {}", shown(name));
        self.report(Diagnostic::new(&codes::UNKNOWN_FUNCTION, range, message).help(help).fix_if(fix));
    }

    fn function(&mut self, function: Function, name: TextRange, arguments: &[NodeId], range: TextRange) -> ExprId {
        if !function.exists_in(self.compiler.edition) {
            self.mismatch(name, function.name(), "0.16 and later");
        }
        if !self.arity(function, name, arguments, range) {
            return self.unknown(range);
        }
        self.store(function, arguments);
        self.option(function, arguments);
        let arguments = arguments.iter().map(|argument| self.id(*argument)).collect();
        self.push(Op::Call { function, arguments }, range)
    }

    fn mismatch(&mut self, range: TextRange, name: &str, where_it_is: &str) {
        self.report(
            Diagnostic::new(&codes::DIALECT_MISMATCH, range, format!("`{name}` does not exist in this version"))
                .help(format!("it exists in {where_it_is} only")),
        );
    }

    /// Whether the number of arguments is one that can be gone on with.
    fn arity(&mut self, function: Function, name: TextRange, arguments: &[NodeId], range: TextRange) -> bool {
        let found = arguments.len();
        if !function.takes_directory() {
            if found != function.arity() {
                self.wrong_arity(function.name(), name, function.arity(), found);
            }
            return found == function.arity();
        }
        let edition = self.compiler.edition;
        match (edition, found) {
            (Edition::Objects2026, 1) | (Edition::Expressions2024 | Edition::Strategies2025, 2) => true,
            (Edition::Objects2026, 2) => {
                let [directory, value] = [arguments.first(), arguments.get(1)];
                let fix = directory.zip(value).map(|(directory, value)| {
                    let between = TextRange::new(self.ast.get(*directory).1.start(), self.ast.get(*value).1.start());
                    Fix::replace("remove the directory", between, "").safe()
                });
                self.report(
                    Diagnostic::new(&codes::FUNCTION_ARITY, name, format!("`{function}` takes 1 argument, not 2"))
                        .help("since 0.16 it takes no directory: remove the first argument")
                        .fix_if(fix),
                );
                true
            }
            (Edition::Expressions2024 | Edition::Strategies2025, 1) => {
                let open =
                    TextRange::at(arguments.first().map_or_else(|| range.end(), |id| self.ast.get(*id).1.start()));
                self.report(
                    Diagnostic::new(&codes::FUNCTION_ARITY, name, format!("`{function}` takes 2 arguments, not 1"))
                        .help("before 0.16 it takes the directory first: `'*'` is the default one")
                        .fix(Fix::replace("name the default directory", open, "'*', ").safe()),
                );
                true
            }
            _ => {
                let wanted = if edition == Edition::Objects2026 { 1 } else { 2 };
                self.wrong_arity(function.name(), name, wanted, found);
                false
            }
        }
    }

    fn wrong_arity(&mut self, function: &str, name: TextRange, wanted: usize, found: usize) {
        let plural = if wanted == 1 { "argument" } else { "arguments" };
        let message = format!("`{function}` takes {wanted} {plural}, not {found}");
        let help = Function::named(function).map_or_else(
            || format!("write `{function}('…', value)`"),
            |known| {
                let meaning = known.meaning().trim().trim_end_matches('.');
                let mut rest = meaning.chars();
                let first = rest.next().map(|first| first.to_ascii_lowercase());
                format!("what it gives: {}{}", first.into_iter().collect::<String>(), rest.as_str())
            },
        );
        self.report(Diagnostic::new(&codes::FUNCTION_ARITY, name, message).help(help));
    }

    /// A literal argument's text, through parentheses.
    fn literal(&self, node: NodeId) -> Option<(Arc<str>, TextRange)> {
        let mut node = node;
        loop {
            match self.ast.get(node) {
                (Node::Text(text), range) => return Some(((**text).into(), range)),
                (Node::Group(inner), _) => node = *inner,
                _ => return None,
            }
        }
    }

    fn store(&mut self, function: Function, arguments: &[NodeId]) {
        let argument = function.store_argument().and_then(|index| arguments.get(index));
        let Some((store, range)) = argument.and_then(|argument| self.literal(*argument)) else {
            return;
        };
        let Some(stores) = &self.compiler.stores else { return };
        if store.is_empty() || &*store == "*" || stores.contains(&*store) {
            return;
        }
        let near = nearest(&store, stores.iter().map(String::as_str)).map(str::to_owned);
        let help = near.map_or_else(
            || "define it, or use `'*'`, the default store".to_owned(),
            |near| format!("did you mean `'{near}'`?"),
        );
        let message = format!("no store {} is defined", shown(&store));
        self.report(Diagnostic::new(&codes::UNKNOWN_STORE, range, message).help(help));
    }

    fn option(&mut self, function: Function, arguments: &[NodeId]) {
        let Some((index, options)) = function.option_argument() else {
            return;
        };
        let Some((found, range)) = arguments.get(index).and_then(|argument| self.literal(*argument)) else {
            return;
        };
        let fits = |option: &&&str| match function {
            Function::DnsQuery => option.eq_ignore_ascii_case(&found),
            _ => **option == &*found,
        };
        if options.iter().find(fits).is_some() {
            return;
        }
        self.unknown_option(function.name(), &found, range, options.iter().copied());
    }

    fn unknown_option<'o>(
        &mut self,
        function: &str,
        found: &str,
        range: TextRange,
        options: impl Iterator<Item = &'o str> + Clone,
    ) {
        let near = nearest(found, options.clone());
        let known: Vec<_> = options.collect();
        let known = known.join("`, `");
        let help = near.map_or_else(
            || format!("it knows `{known}`"),
            |near| format!("did you mean `'{near}'`? it knows `{known}`"),
        );
        let message = format!("`{function}` does not know {}", shown(found));
        self.report(Diagnostic::new(&codes::UNKNOWN_OPTION, range, message).help(help));
    }

    /// The literal that a special form takes first.
    fn special_literal(&mut self, form: &str, name: TextRange, arguments: &[NodeId]) -> Option<(Arc<str>, TextRange)> {
        let first = arguments.first()?;
        if let (Node::Text(text), range) = self.ast.get(*first) {
            return Some(((**text).into(), range));
        }
        let range = self.ast.get(*first).1;
        let _ = name;
        self.report(
            Diagnostic::new(&codes::LITERAL_ARGUMENT, range, format!("`{form}` takes a literal string here"))
                .help(format!("write it in quotes: `{form}('…'{})`", if form == "matches" { ", value" } else { "" })),
        );
        None
    }

    fn matches(&mut self, name: TextRange, arguments: &[NodeId], range: TextRange) -> ExprId {
        let literal = self.special_literal("matches", name, arguments);
        let (Some(subject), 2) = (arguments.get(1), arguments.len()) else {
            self.wrong_arity("matches", name, 2, arguments.len());
            return self.unknown(range);
        };
        let Some((text, literal)) = literal else {
            return self.unknown(range);
        };
        match self.compiler.patterns.check(&text) {
            Ok(pattern) => {
                let op = Op::Matches { pattern: Arc::new(pattern), subject: self.id(*subject) };
                self.push(op, range)
            }
            Err(error) => {
                // Decoding a string keeps its length, so offsets in the pattern are offsets in the literal.
                let finding = bad_pattern(&text, literal, literal.start() + 1, error);
                self.report(finding);
                self.unknown(range)
            }
        }
    }

    fn environment(&mut self, form: &str, name: TextRange, arguments: &[NodeId], range: TextRange) -> ExprId {
        match (form, self.compiler.edition) {
            ("config_get", Edition::Objects2026) => self.mismatch(name, form, "0.6 to 0.15"),
            ("system" | "metric", Edition::Expressions2024 | Edition::Strategies2025) => {
                self.mismatch(name, form, "0.16 and later");
            }
            _ => {}
        }
        let literal = self.special_literal(form, name, arguments);
        if arguments.len() != 1 {
            self.wrong_arity(form, name, 1, arguments.len());
        }
        let Some((text, literal)) = literal else {
            return self.unknown(range);
        };
        let op = match form {
            "system" => {
                if !SYSTEM_NAMES.iter().any(|(known, _)| **known == *text) {
                    self.unknown_option(form, &text, literal, SYSTEM_NAMES.iter().map(|(name, _)| *name));
                }
                Op::System(text)
            }
            "metric" => {
                let family = text.split_once('.').map(|(family, _)| family);
                let known =
                    METRIC_GAUGES.contains(&&*text) || family.is_some_and(|family| METRIC_FAMILIES.contains(&family));
                if !known {
                    self.unknown_option(form, &text, literal, METRIC_GAUGES.iter().copied());
                }
                Op::Metric(text)
            }
            _ => Op::ConfigGet(text),
        };
        self.push(op, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str, scope: Scope, edition: Edition) -> Vec<String> {
        let mut findings = Findings::new();
        let mut ir = Ir::default();
        Compiler::new(edition).with_stores(BTreeSet::from(["lists".to_owned()])).expression(
            &MappedText::verbatim(text, 0),
            scope,
            &mut ir,
            &mut findings,
        );
        findings.iter().map(|finding| format!("{} {}", finding.code.rule, finding.range.slice(text))).collect()
    }

    #[test]
    fn every_mistake_of_an_expression_is_found_at_its_place() {
        let cases: [(&str, &[&str]); 43] = [
            ("rcpt_domian == 'x' && sendr == 'y'", &["unknown-identifier rcpt_domian", "unknown-identifier sendr"]),
            ("relay", &["unknown-identifier relay"]),
            ("mx", &["variable-not-available mx"]),
            ("helo_domain == 'x'", &["variable-not-available helo_domain"]),
            ("lenn(rcpt)", &["unknown-function lenn"]),
            ("rcpt(1)", &["unknown-function rcpt"]),
            ("contains(rcpt)", &["function-arity contains"]),
            ("is_local_domain('*', rcpt_domain)", &["function-arity is_local_domain"]),
            ("matches(rcpt, 'x')", &["literal-argument rcpt"]),
            ("matches('a(b', rcpt)", &["regex-invalid ("]),
            ("matches('(a{1000}){1000}', rcpt)", &["regex-too-large '(a{1000}){1000}'"]),
            ("key_get('list', rcpt)", &["unknown-store 'list'"]),
            ("hash(rcpt, 'crc')", &["unknown-option 'crc'"]),
            ("dns_query(rcpt, 'srv')", &["unknown-option 'srv'"]),
            ("system('host')", &["unknown-option 'host'"]),
            ("config_get('a')", &["dialect-mismatch config_get"]),
            ("require < optional", &["constant-order require < optional"]),
            ("require == 'require'", &["constant-comparison require == 'require'"]),
            ("queue_age > 1h", &["duration-unit 1h"]),
            ("last_error == 0", &["text-number-comparison last_error == 0"]),
            ("retry_num > 'two'", &["text-number-comparison retry_num > 'two'"]),
            ("retry_num > '2'", &[]),
            ("rcpt == 'a' || 'b'", &["constant-condition 'b'"]),
            ("'' && size > 1 && 'x'", &["constant-condition ''", "constant-condition 'x'"]),
            ("size * 'ten' > 1 && recipients['x'] == ''", &["odd-coercion 'ten'", "odd-coercion 'x'"]),
            ("'a\\b' + sender", &["string-escape 'a\\b'"]),
            ("count([[1] [2]])", &["missing-operator 2"]),
            ("count([[1][2]])", &["missing-operator 2"]),
            ("count([0, [1] [2], [3]])", &["missing-operator 2"]),
            ("count([[1] [2] [3]])", &["missing-operator 2"]),
            ("count([[1, 2] ['a']])", &["odd-coercion 'a'", "missing-operator 'a'"]),
            ("count([[1] [1.5]])", &["missing-operator 1.5"]),
            ("count([[1] [5m]])", &["missing-operator 5m"]),
            ("count([[1] [[2]]])", &["missing-operator [2]"]),
            ("count([[1] [require]])", &["missing-operator require"]),
            ("count([[[1] [2]]])", &["missing-operator 2"]),
            ("count(['x' + [1] [2]])", &["missing-operator 2"]),
            ("count([![1] [2]])", &["missing-operator 2"]),
            // Meant as it stands: parentheses, a variable, or no array around it.
            ("count([([1, 2][1])])", &[]),
            ("count([([1, 2])[1]])", &[]),
            ("count([[1, 2][retry_num]])", &[]),
            ("count([recipients[0]])", &[]),
            ("[1, 2, 3][[1]] + [[1, 2], [3, 4]][1][0]", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(findings(text, Scope::ROUTE, Edition::Objects2026), expected, "{text}");
        }
    }

    #[test]
    fn editions_differ_in_arity_and_functions() {
        let cases: [(&str, Edition, &[&str]); 5] = [
            ("is_local_domain(rcpt_domain)", Edition::Objects2026, &[]),
            ("is_local_domain(rcpt_domain)", Edition::Strategies2025, &["function-arity is_local_domain"]),
            ("is_local_domain('*', rcpt_domain)", Edition::Strategies2025, &[]),
            ("is_ip_in_cidr(received_from_ip, '::/0')", Edition::Strategies2025, &["dialect-mismatch is_ip_in_cidr"]),
            ("config_get('a') + system('domain')", Edition::Expressions2024, &["dialect-mismatch system"]),
        ];
        for (text, edition, expected) in cases {
            assert_eq!(findings(text, Scope::ROUTE, edition), expected, "{text} {edition:?}");
        }
    }

    #[test]
    fn an_array_past_the_limit_is_refused() {
        let list = |length: usize| format!("count([{}])", vec!["1"; length].join(","));
        assert!(findings(&list(limits::LIST_ELEMENTS_MAX), Scope::ROUTE, Edition::Objects2026).is_empty());
        let found = findings(&list(limits::LIST_ELEMENTS_MAX + 1), Scope::ROUTE, Edition::Objects2026);
        assert_eq!(found, ["list-too-long ["]);
    }
}
