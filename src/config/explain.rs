//! Why a recipient gets the strategies that it gets: each decision with every rule that was asked before it.
//!
//! This works on [`Settings`], not on a plan: a name that nothing defines is a decision too, shown with what each
//! target makes of it. A question that the world does not answer leaves its decision open.
//!
//! Invariant: the decision shown is the interpreter's own; a watch on its evaluation collects the reasons.

use std::collections::BTreeMap;

use base::TextRange;
use policy::{
    Answers, Block, Datum, Decision, EvalError, ExprId, Facts, Ir, Kind, Lookup, Op, Ruled, Setting, Stop, StrategyId,
    Target, Value, Variable, World, display, interpret,
};

use crate::{
    Settings, defaults,
    describe::Line,
    resolve::{Known, Used},
    settings::{Route, Selector},
    strategies,
};

/// The decisions about one recipient.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Those about it, in order: route, schedule, connection, TLS, and TLS once more where a host changes it.
    pub decisions: Vec<Explained>,
}

/// When a decision is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Before any host is known, or whatever the host is.
    Recipient,
    /// While a host is being tried.
    Host,
}

/// One decision and its reasons.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What is decided.
    pub kind: Kind,
    /// When.
    pub stage: Stage,
    /// Whether the rules are the document's own, not the server's built-in ones.
    pub from_document: bool,
    /// What came out.
    pub outcome: Outcome,
    /// The rules that were asked, in order; the last one was taken, unless it is `else`.
    pub rules: Vec<Asked>,
    /// Whether `else` gave the outcome, and where it stands.
    pub otherwise: Option<Otherwise>,
    /// The settings of the chosen strategy.
    pub settings: Vec<Line>,
    /// The settings of the chosen strategy that rules choose (2022, 2024).
    pub ruled: Vec<ExplainedSetting>,
    /// What else is to be known about it.
    pub notes: Vec<String>,
}

/// A setting that rules choose, and its reasons.
#[derive(Clone, Debug)]
pub struct ExplainedSetting {
    /// The setting.
    pub setting: Setting,
    /// Whether the rules are the document's own, not the server's built-in ones.
    pub from_document: bool,
    /// What came out.
    pub outcome: SettingOutcome,
    /// The rules that were asked, in order; the last one was taken, unless it is `else`.
    pub rules: Vec<Asked>,
    /// Whether `else` gave the outcome, and where it stands.
    pub otherwise: Option<Otherwise>,
}

/// What the rules of a setting came to.
#[derive(Clone, Debug)]
pub enum SettingOutcome {
    /// A value, as text.
    Value(String),
    /// Something that is no value of the setting, so that the strategy's own stays.
    NoValue(Value),
    /// It depends on something that nothing answers.
    Needs(Lookup),
    /// The evaluation failed, so that the strategy's own value stays.
    Failed(EvalError),
}

/// What a decision came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A strategy.
    Strategy {
        /// The name that the rules gave.
        name: String,
        /// How the target knows it.
        known: Known,
        /// The strategy that is used; `None` where the target refuses the name.
        used: Option<Used>,
    },
    /// A value that is no name, and the strategy that the target then uses.
    NotAName {
        /// The value.
        value: Value,
        /// What is used instead.
        used: Option<Used>,
    },
    /// It depends on something that nothing answers.
    Needs(Lookup),
    /// The evaluation failed, and the strategy that the target then uses.
    Failed {
        /// Why.
        error: EvalError,
        /// What is used instead.
        used: Option<Used>,
    },
    /// The rules have errors.
    Broken(TextRange),
}

impl Outcome {
    /// The strategy that is used, where that is known.
    #[must_use]
    pub const fn used(&self) -> Option<&Used> {
        match self {
            Self::Strategy { used, .. } | Self::NotAName { used, .. } | Self::Failed { used, .. } => used.as_ref(),
            Self::Needs(_) | Self::Broken(_) => None,
        }
    }
}

/// One rule that was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where it stands.
    pub range: TextRange,
    /// Its condition.
    pub condition: String,
    /// What the condition gave; `None` where the evaluation stopped in it.
    pub value: Option<Value>,
    /// Whether it was taken, and then what it gives.
    pub outcome: Option<String>,
    /// What its parts were.
    pub parts: Vec<Part>,
}

/// `else`
#[derive(Clone, Debug)]
pub struct Otherwise {
    /// Where it stands.
    pub range: TextRange,
    /// What it says.
    pub outcome: String,
}

/// A part of a condition that is no literal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// How it is written.
    pub text: String,
    /// Its value.
    pub value: String,
}

/// Decides everything about the recipient of `facts`, and says why.
#[must_use]
pub fn explain(settings: &Settings, facts: &Facts, world: &mut dyn World, target: Target) -> Explanation {
    let before_host = before_hosts(facts);
    let has_host = facts.get(Variable::Mx).is_some_and(Value::is_true);
    let route = decide(settings, Kind::Route, Stage::Recipient, facts, world, target);
    let is_local = match route.outcome.used() {
        Some(Used::Named(name)) => match settings.routes.get(name) {
            Some(found) => matches!(found.value, Route::Local),
            None => name == "local",
        },
        Some(Used::BuiltIn { .. }) | None => false,
    };
    let schedule = decide(settings, Kind::Schedule, Stage::Recipient, facts, world, target);
    let mut connection = decide(settings, Kind::Connection, Stage::Host, facts, world, target);
    let mut tls = decide(settings, Kind::Tls, Stage::Recipient, &before_host, world, target);
    let mut at_host = None;
    if names_host(settings, Kind::Tls) {
        if has_host {
            let later = decide(settings, Kind::Tls, Stage::Host, facts, world, target);
            if later.outcome.used() != tls.outcome.used() || later.rules.len() != tls.rules.len() {
                at_host = Some(later);
            }
        } else {
            tls.notes
                .push("it depends on the host; this is before hosts are known (give `mx` to see it at one)".into());
        }
    }
    if names_host(settings, Kind::Connection) && !has_host {
        connection.notes.push("it depends on the host, which is not given (give `mx`)".into());
    }
    let mut decisions = vec![route, schedule, connection, tls];
    decisions.extend(at_host);
    if is_local {
        for decision in decisions.iter_mut().filter(|decision| matches!(decision.kind, Kind::Connection | Kind::Tls)) {
            decision.notes.push("a local route makes no connection, so this is not used".into());
        }
    }
    Explanation { decisions }
}

/// The same recipient before a host is being tried.
fn before_hosts(facts: &Facts) -> Facts {
    facts
        .clone()
        .with(Variable::Mx, Value::empty())
        .with(Variable::RemoteIp, Value::text("0.0.0.0"))
        .with(Variable::LocalIp, Value::text("0.0.0.0"))
}

/// Whether the rules of `kind` ask about the host at hand.
fn names_host(settings: &Settings, kind: Kind) -> bool {
    match settings.selector(kind) {
        Selector::Given(block) => block.asks_host(),
        Selector::BuiltIn => defaults::selector(kind, settings.dialect).asks_host(),
        Selector::Broken(_) => false,
    }
}

fn decide(
    settings: &Settings,
    kind: Kind,
    stage: Stage,
    facts: &Facts,
    world: &mut dyn World,
    target: Target,
) -> Explained {
    let from_document = !matches!(settings.selector(kind), Selector::BuiltIn);
    let mut explained = Explained {
        kind,
        stage,
        from_document,
        outcome: Outcome::Broken(TextRange::default()),
        rules: Vec::new(),
        otherwise: None,
        settings: Vec::new(),
        ruled: Vec::new(),
        notes: Vec::new(),
    };
    let Some(block) = settings.rules(kind) else {
        if let Selector::Broken(broken) = settings.selector(kind) {
            explained.outcome = Outcome::Broken(broken.range);
        }
        return explained;
    };
    // The readers of the older layouts bring selectors of their own, which stand nowhere.
    explained.from_document &= !block.otherwise_range().is_empty();
    let (result, rules, otherwise) = evaluate(&block, facts, world);
    (explained.rules, explained.otherwise) = (rules, otherwise);
    explained.outcome = match result {
        Ok(decision) => match decision.value {
            Value::Text(name) => {
                let known = settings.known(kind, &name, target);
                let used = match known {
                    Known::Defined(_) | Known::Shipped | Known::BuiltIn => Some(Used::Named(name.to_string())),
                    Known::Ignored(..) | Known::Undefined(_) => settings.instead(kind, target),
                };
                Outcome::Strategy { name: name.to_string(), known, used }
            }
            value => Outcome::NotAName { value, used: settings.instead_of_no_name(kind, target) },
        },
        Err(Stop::Needs(lookup)) => Outcome::Needs(lookup),
        Err(Stop::Failed(error)) => Outcome::Failed { error, used: settings.instead_of_no_name(kind, target) },
    };
    if let Some(used) = explained.outcome.used() {
        explained.settings = match used {
            Used::Named(name) => settings.describe(kind, name, target),
            Used::BuiltIn { .. } => settings.describe_built_in(kind, target),
        };
        if let Used::Named(used) = used {
            let id = |of: Kind, name: &str| (of == kind && name == used).then_some(StrategyId::at(0));
            let ruled = strategies::ruled(settings, target, id);
            explained.ruled = ruled.iter().map(|ruled| setting(ruled, facts, world)).collect();
        }
    }
    explained
}

fn setting(ruled: &Ruled, facts: &Facts, world: &mut dyn World) -> ExplainedSetting {
    let (result, rules, otherwise) = evaluate(ruled.block(), facts, world);
    let outcome = match result {
        Ok(decision) => match ruled.setting.read(&decision.value) {
            Some(given) => SettingOutcome::Value(ruled.shown(&given)),
            None => SettingOutcome::NoValue(decision.value),
        },
        Err(Stop::Needs(lookup)) => SettingOutcome::Needs(lookup),
        Err(Stop::Failed(error)) => SettingOutcome::Failed(error),
    };
    let from_document = !ruled.block().otherwise_range().is_empty();
    ExplainedSetting { setting: ruled.setting, from_document, outcome, rules, otherwise }
}

/// What `block` comes to, with the rules that were asked, and `else` where that was taken.
fn evaluate(
    block: &Block,
    facts: &Facts,
    world: &mut dyn World,
) -> (Result<Decision, Stop>, Vec<Asked>, Option<Otherwise>) {
    let mut seen = Seen::default();
    let row = facts.row();
    let result = interpret::with_world(world, |answers: &Answers| {
        seen.values.clear();
        interpret::block(block, &row, answers, &mut seen)
    });
    let taken = result.as_ref().ok().map(|decision| decision.rule);
    let rules = asked(block, &seen, taken.flatten());
    let otherwise = (taken == Some(None)).then(|| Otherwise {
        range: block.otherwise_range(),
        outcome: display::expression(block.ir(), block.otherwise()),
    });
    (result, rules, otherwise)
}

/// What each operation gave.
#[derive(Default)]
struct Seen {
    values: BTreeMap<ExprId, Value>,
}

impl interpret::Watch for Seen {
    fn value(&mut self, id: ExprId, value: Datum<'_>) {
        self.values.insert(id, value.to_value());
    }
}

/// The rules up to the one that was taken, or to where the evaluation stopped.
fn asked(block: &Block, seen: &Seen, taken: Option<usize>) -> Vec<Asked> {
    let ir = block.ir();
    let mut asked = Vec::new();
    for (index, rule) in block.rules().iter().enumerate() {
        let value = seen.values.get(&rule.condition).cloned();
        let parts = parts(ir, rule.condition, seen);
        let stopped = value.is_none();
        if stopped && index > 0 && parts.is_empty() && asked.last().is_some_and(|last: &Asked| last.value.is_none()) {
            break;
        }
        let is_taken = taken == Some(index);
        asked.push(Asked {
            range: rule.range,
            condition: display::expression(ir, rule.condition),
            value,
            outcome: is_taken.then(|| display::expression(ir, rule.outcome)),
            parts,
        });
        if is_taken || stopped {
            break;
        }
    }
    asked
}

/// What a person wants to know of a condition: the value of every part that is no literal and was evaluated, the
/// outer ones last, each writing once.
fn parts(ir: &Ir, condition: ExprId, seen: &Seen) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut pending = vec![(condition, false)];
    while let Some((id, visited)) = pending.pop() {
        if !visited {
            pending.push((id, true));
            pending.extend(operands(&ir.get(id).op).into_iter().rev().map(|operand| (operand, false)));
            continue;
        }
        let tells = matches!(
            ir.get(id).op,
            Op::Variable(_)
                | Op::Capture(_)
                | Op::Index { .. }
                | Op::Call { .. }
                | Op::Matches { .. }
                | Op::InList { .. }
                | Op::System(_)
                | Op::Metric(_)
                | Op::ConfigGet(_)
        );
        let Some(value) = seen.values.get(&id).filter(|_| tells) else { continue };
        let part = Part { text: display::expression(ir, id), value: value.to_string() };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}

fn operands(op: &Op) -> Vec<ExprId> {
    match op {
        Op::Literal(_) | Op::Variable(_) | Op::Capture(_) | Op::System(_) | Op::Metric(_) | Op::ConfigGet(_) => {
            Vec::new()
        }
        Op::List(operands) | Op::And(operands) | Op::Or(operands) | Op::Call { arguments: operands, .. } => {
            operands.to_vec()
        }
        Op::Index { base, index } => vec![*base, *index],
        Op::Not(operand) | Op::Negate(operand) => vec![*operand],
        Op::Chain { first, rest } => std::iter::once(*first).chain(rest.iter().map(|(_, operand)| *operand)).collect(),
        Op::Matches { subject, .. } | Op::InList { subject, .. } => vec![*subject],
    }
}
