//! A chain of rules: conditions from the top, the first true one decides, and a last `else`.
//!
//! Invariant: every id of a block belongs to its own IR.

use std::{collections::BTreeSet, fmt};

use base::{Diagnostic, Findings, MappedText, TextRange};

use crate::{
    ast::BinaryOperator,
    check::{Compiler, Part, Scope},
    codes,
    function::Function,
    ir::{ExprId, Ir, Op, Type},
    limits,
    value::Value,
    variable::{Variable, VariableSet},
};

/// One rule as it is written.
#[derive(Clone, Debug)]
pub struct RuleText {
    /// `if`
    pub condition: MappedText,
    /// `then`
    pub outcome: MappedText,
    /// The whole rule in the document.
    pub range: TextRange,
}

/// A block as it is written.
#[derive(Clone, Debug)]
pub struct BlockText {
    /// The rules from the top.
    pub rules: Vec<RuleText>,
    /// `else`; `None` where it is missing, which whoever read the document has reported
    pub otherwise: Option<MappedText>,
    /// Where `else` stands in the document, its key included.
    pub otherwise_range: TextRange,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Whether it is taken.
    pub condition: ExprId,
    /// What it gives.
    pub outcome: ExprId,
    /// Where it stands in the document.
    pub range: TextRange,
}

/// What a block must give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Any value.
    Value,
    /// The name of a strategy, so a string.
    Name,
    /// The name of a host, or `false` for none (2024).
    NameOrNone,
}

/// A chain of rules, compiled.
#[derive(Clone)]
pub struct Block {
    ir: Ir,
    rules: Vec<Rule>,
    otherwise: ExprId,
    otherwise_range: TextRange,
    is_hidden: bool,
}

/// Nothing of what stands in a hidden one.
impl fmt::Debug for Block {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut block = out.debug_struct("Block");
        if self.is_hidden {
            return block.finish_non_exhaustive();
        }
        block
            .field("ir", &self.ir)
            .field("rules", &self.rules)
            .field("otherwise", &self.otherwise)
            .field("otherwise_range", &self.otherwise_range)
            .finish()
    }
}

/// The strings that a block can give.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outcomes {
    /// Those that are known, each with the places that give it.
    pub names: Vec<(String, TextRange)>,
    /// The outcomes that only a run can tell.
    pub open: Vec<TextRange>,
}

impl Block {
    /// A block of operations that a reader made itself.
    #[must_use]
    pub const fn new(ir: Ir, rules: Vec<Rule>, otherwise: ExprId, otherwise_range: TextRange) -> Self {
        Self { ir, rules, otherwise, otherwise_range, is_hidden: false }
    }

    /// The same; where `is_hidden`, its texts are not for showing: some came out of the environment or a file.
    #[must_use]
    pub fn hidden_where(mut self, is_hidden: bool) -> Self {
        self.is_hidden = is_hidden;
        self
    }

    /// Whether its texts are not for showing.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// A block without rules that gives one value.
    #[must_use]
    pub fn constant(value: Value, range: TextRange) -> Self {
        let mut ir = Ir::default();
        let otherwise = ir.push(Op::Literal(value), range);
        Self::new(ir, Vec::new(), otherwise, range)
    }

    /// Its operations.
    #[must_use]
    pub const fn ir(&self) -> &Ir {
        &self.ir
    }

    /// Its rules from the top.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What it gives where no rule is taken.
    #[must_use]
    pub const fn otherwise(&self) -> ExprId {
        self.otherwise
    }

    /// Where `else` stands in the document.
    #[must_use]
    pub const fn otherwise_range(&self) -> TextRange {
        self.otherwise_range
    }

    /// Every `then`, and `else`.
    pub fn outcomes(&self) -> impl Iterator<Item = ExprId> {
        self.rules.iter().map(|rule| rule.outcome).chain([self.otherwise])
    }

    /// The value that it always gives, where it has no rules and its `else` is a literal.
    #[must_use]
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.ir.get(self.otherwise).op {
            Op::Literal(value) if self.rules.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Every variable that it may read.
    #[must_use]
    pub fn reads(&self) -> VariableSet {
        let variables = self.ir.exprs().filter_map(|(_, expr)| match expr.op {
            Op::Variable(variable) => Some(variable),
            _ => None,
        });
        variables.fold(VariableSet::NONE, VariableSet::with)
    }

    /// Whether it asks about the host that is being tried.
    #[must_use]
    pub fn asks_host(&self) -> bool {
        let reads = self.reads();
        [Variable::Mx, Variable::RemoteIp, Variable::LocalIp].into_iter().any(|variable| reads.has(variable))
    }

    /// The strings that its outcomes can be, worked out where their parts are finite.
    #[must_use]
    pub fn names(&self) -> Outcomes {
        names(&self.ir, self.outcomes())
    }
}

fn names(ir: &Ir, outcomes: impl IntoIterator<Item = ExprId>) -> Outcomes {
    let mut found = Outcomes::default();
    for outcome in outcomes {
        let range = ir.get(outcome).range;
        match finite_texts(ir, outcome) {
            Some(texts) => found.names.extend(texts.into_iter().map(|text| (text, range))),
            None => found.open.push(range),
        }
    }
    found
}

impl Compiler {
    /// Compiles `text`; `None` where any part of it has an error. All errors are among `findings`.
    pub fn block(&mut self, text: &BlockText, scope: Scope, wanted: Wanted, findings: &mut Findings) -> Option<Block> {
        self.block_or_names(text, scope, wanted, findings).ok()
    }

    /// The same; where a part has an error, the names that the other parts can give, so that these can be checked in
    /// the same run.
    pub fn block_or_names(
        &mut self,
        text: &BlockText,
        scope: Scope,
        wanted: Wanted,
        findings: &mut Findings,
    ) -> Result<Block, Outcomes> {
        let before = findings.mark();
        if text.rules.len() > limits::RULES_MAX {
            let message = format!("a block of {} rules has more than {}", text.rules.len(), limits::RULES_MAX);
            findings.push(
                Diagnostic::new(&codes::TOO_MANY_RULES, text.otherwise_range, message)
                    .help("keep long lists in a store and ask it with `key_exists`"),
            );
            return Err(Outcomes::default());
        }
        let mut ir = Ir::default();
        let mut rules = Vec::with_capacity(text.rules.len());
        let mut outcomes = Vec::with_capacity(text.rules.len() + 1);
        for rule in &text.rules {
            let condition = self.expression(&rule.condition, scope, &mut ir, findings);
            let outcome = self.outcome(&rule.outcome, scope, wanted, &mut ir, findings);
            outcomes.extend(outcome);
            if let (Some(condition), Some(outcome)) = (condition, outcome) {
                rules.push(Rule { condition, outcome, range: rule.range });
            }
        }
        let otherwise = text.otherwise.as_ref();
        let otherwise = otherwise.and_then(|text| self.outcome(text, scope, wanted, &mut ir, findings));
        outcomes.extend(otherwise);
        match otherwise {
            Some(otherwise) if !findings.errors_since(before) => {
                Ok(Block::new(ir, rules, otherwise, text.otherwise_range))
            }
            _ => Err(names(&ir, outcomes)),
        }
    }

    fn outcome(
        &mut self,
        source: &MappedText,
        scope: Scope,
        wanted: Wanted,
        ir: &mut Ir,
        findings: &mut Findings,
    ) -> Option<ExprId> {
        let part = match wanted {
            Wanted::Value => Part::Value,
            Wanted::Name | Wanted::NameOrNone => Part::Name,
        };
        let outcome = self.part(source, scope, part, ir, findings)?;
        match (wanted, ir.get(outcome).ty) {
            (Wanted::Value | Wanted::NameOrNone, _) => Some(outcome),
            (Wanted::Name, Type::String | Type::Any) => {
                or_as_default(ir, outcome, findings);
                Some(outcome)
            }
            (Wanted::Name, other) => {
                let expr = ir.get(outcome);
                let help = match &expr.op {
                    Op::Literal(Value::Constant(constant)) => format!("quote the name of the strategy: `'{constant}'`"),
                    Op::And(_) | Op::Or(_) => "a default is written `if_then(is_empty(x), 'default', x)`".to_owned(),
                    _ => "the name of a strategy is a string, such as `'mx'`".to_owned(),
                };
                findings.push(
                    Diagnostic::new(
                        &codes::NON_STRING_RESULT,
                        expr.range,
                        format!("{} gives {}, not the name of a strategy", scope.setting, article(other)),
                    )
                    .help(help),
                );
                None
            }
        }
    }
}

/// Reports `x || 'default'` (D4).
fn or_as_default(ir: &Ir, outcome: ExprId, findings: &mut Findings) {
    let expr = ir.get(outcome);
    let Op::Or(operands) = &expr.op else { return };
    if operands.iter().any(|operand| ir.get(*operand).ty == Type::String) {
        findings.push(
            Diagnostic::new(&codes::OR_AS_DEFAULT, expr.range, "`||` does not give its right side, but 1 or 0")
                .help("a default is written `if_then(is_empty(x), 'default', x)`"),
        );
    }
}

fn article(ty: Type) -> String {
    match ty {
        Type::Int | Type::Array | Type::Any => format!("an {ty}"),
        Type::Float | Type::String | Type::Constant => format!("a {ty}"),
    }
}

/// Every text that the operation can give; `None` where that is not a finite set of at most
/// [`limits::OUTCOMES_MAX`] texts.
fn finite_texts(ir: &Ir, id: ExprId) -> Option<BTreeSet<String>> {
    let bounded = |texts: BTreeSet<String>| (texts.len() <= limits::OUTCOMES_MAX).then_some(texts);
    match &ir.get(id).op {
        Op::Literal(Value::Text(text)) => Some(BTreeSet::from([text.to_string()])),
        Op::Variable(variable) => Some(variable.texts()?.iter().map(|text| (*text).to_owned()).collect()),
        Op::Call { function: Function::IfThen, arguments } => {
            let mut texts = finite_texts(ir, *arguments.get(1)?)?;
            texts.extend(finite_texts(ir, *arguments.get(2)?)?);
            bounded(texts)
        }
        Op::Chain { first, rest } if rest.iter().all(|(operator, _)| *operator == BinaryOperator::Add) => {
            let mut texts = finite_texts(ir, *first)?;
            for (_, operand) in rest {
                let behind = finite_texts(ir, *operand)?;
                if texts.len() * behind.len() > limits::OUTCOMES_MAX {
                    return None;
                }
                texts = texts.iter().flat_map(|text| behind.iter().map(move |more| format!("{text}{more}"))).collect();
            }
            bounded(texts)
        }
        Op::Index { base, .. } => match &ir.get(*base).op {
            Op::List(items) => {
                let mut texts = BTreeSet::from([String::new()]);
                for item in items {
                    texts.extend(finite_texts(ir, *item)?);
                }
                bounded(texts)
            }
            _ => None,
        },
        _ => None,
    }
}
