//! A checked configuration for one target: every name is resolved, and a decision is an id.
//!
//! Made by `config`; run by the simulator and by delivery. What a strategy's name leads to where nothing defines it
//! was settled when the plan was made, so that nothing here is unknown but what a run alone can tell.
//!
//! Invariant, kept by [`Choice::new`] and [`Choice::with_built_in`]: every id is an index into the choice's names, the
//! fallback's too.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
};

use crate::{
    block::Block,
    facts::Row,
    interpret::{self, Decision, EvalError, Stop, Watch},
    lookup::Answers,
    scratch::Scratch,
    setting::Ruled,
    target::{Kind, Target},
    value::Value,
};

/// A strategy's number within its [`Choice`], from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StrategyId(NonZeroU32);

/// A rule's number within its block, from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleId(NonZeroU32);

macro_rules! number {
    ($name:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("The ", $what, " at this place.")]
            #[must_use]
            pub const fn at(place: u32) -> Self {
                Self(NonZeroU32::MIN.saturating_add(place))
            }

            #[doc = concat!("The ", $what, " of this number; `None` for 0.")]
            #[must_use]
            #[inline]
            pub const fn numbered(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// Its number.
            #[must_use]
            #[inline]
            pub const fn number(self) -> u32 {
                self.0.get()
            }

            /// Its place.
            #[must_use]
            #[inline]
            pub const fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }
    };
}

number!(StrategyId, "strategy");
number!(RuleId, "rule");

/// The strategies of one kind, and the rules that pick one.
#[derive(Clone, Debug)]
pub struct Choice {
    block: Block,
    names: Vec<Arc<str>>,
    by_name: BTreeMap<Arc<str>, StrategyId>,
    /// What a name that is not known becomes; `None` where that is an error.
    fallback: Option<StrategyId>,
}

/// The name for which a value that is no text, and an evaluation that fails, count (delivery spec 2.4).
pub const NO_NAME: &str = "default";

/// What was picked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chosen {
    /// The strategy.
    pub id: StrategyId,
    /// The rule; `None` for `else`.
    pub rule: Option<RuleId>,
}

/// What came of a decision that did not just pick a strategy that the rules named.
#[derive(Clone, Debug)]
pub enum Otherwise {
    /// The target goes on with another strategy, and this is what it was taken for.
    Instead {
        /// The strategy that is taken.
        chosen: Chosen,
        /// What the rules came to.
        of: Instead,
    },
    /// The evaluation stopped.
    Stopped(Stop),
    /// The rules gave something that names no strategy, and this target does not go on with another.
    Unknown {
        /// What they gave.
        value: Value,
        /// The rule.
        rule: Option<RuleId>,
    },
}

/// What another strategy is taken for.
#[derive(Clone, Debug)]
pub enum Instead {
    /// A value that names no strategy.
    Value(Value),
    /// An evaluation that failed.
    Failed(EvalError),
}

/// What was decided of one kind. It is small, as it is made for every recipient; what is out of the ordinary is not.
pub type Decided = Result<Chosen, Box<Otherwise>>;

/// The strategy that a decision comes to, whether the rules named it or it was taken instead.
#[must_use]
pub fn taken(decided: &Decided) -> Option<Chosen> {
    match decided {
        Ok(chosen) => Some(*chosen),
        Err(otherwise) => match **otherwise {
            Otherwise::Instead { chosen, .. } => Some(chosen),
            Otherwise::Stopped(_) | Otherwise::Unknown { .. } => None,
        },
    }
}

impl Choice {
    /// The choice of `block` among `names`; `fallback` names the one that every unknown name becomes.
    #[must_use]
    pub fn new(block: Block, names: impl IntoIterator<Item = Arc<str>>, fallback: Option<&str>) -> Self {
        let mut choice = Self { block, names: Vec::new(), by_name: BTreeMap::new(), fallback: None };
        for name in names {
            choice.add(name);
        }
        choice.fallback = fallback.map(|name| choice.add(name.into()));
        choice
    }

    /// The same, where every unknown name becomes a strategy of its own beside those that have a name. No name leads
    /// to it; `shown` is what it is called.
    #[must_use]
    pub fn with_built_in(mut self, shown: impl Into<Arc<str>>) -> Self {
        self.fallback = Some(self.push(shown.into()));
        self
    }

    fn add(&mut self, name: Arc<str>) -> StrategyId {
        if let Some(id) = self.by_name.get(&name) {
            return *id;
        }
        let id = self.push(name.clone());
        self.by_name.insert(name, id);
        id
    }

    fn push(&mut self, shown: Arc<str>) -> StrategyId {
        let id = StrategyId::at(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(shown);
        id
    }

    /// Its rules.
    #[must_use]
    pub const fn block(&self) -> &Block {
        &self.block
    }

    /// Whether this is the strategy that no name leads to.
    #[must_use]
    pub fn is_built_in(&self, id: StrategyId) -> bool {
        self.fallback == Some(id) && self.id(self.name(id)) != Some(id)
    }

    /// What a strategy is called.
    #[must_use]
    pub fn name(&self, id: StrategyId) -> &str {
        self.names.get(id.index()).map_or("", |name| name)
    }

    /// Every strategy.
    pub fn ids(&self) -> impl Iterator<Item = StrategyId> {
        (0..u32::try_from(self.names.len()).unwrap_or(u32::MAX)).map(StrategyId::at)
    }

    /// The strategy called `name`.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<StrategyId> {
        self.by_name.get(name).copied()
    }

    /// Picks one, by the interpreter, and tells `watch` how.
    pub fn decide(&self, row: &Row<'_>, answers: &Answers, watch: &mut impl Watch) -> Decided {
        self.settle(interpret::block(&self.block, row, answers, watch))
    }

    /// The same in the memory of `scratch`, for nobody who watches.
    pub fn interpret(&self, row: &Row<'_>, answers: &Answers, scratch: &mut Scratch) -> Decided {
        self.settle(interpret::block_with(scratch, &self.block, row, answers, &mut ()))
    }

    /// What is picked where the rules came to `result`.
    pub fn settle(&self, result: Result<Decision, Stop>) -> Decided {
        let instead = |id: StrategyId, rule, of| Otherwise::Instead { chosen: Chosen { id, rule }, of };
        let decision = match result {
            Ok(decision) => decision,
            // An evaluation that fails counts as a value that is none, where the target goes on.
            Err(Stop::Failed(error)) => {
                return Err(Box::new(match self.no_name() {
                    Some(id) => instead(id, None, Instead::Failed(error)),
                    None => Otherwise::Stopped(Stop::Failed(error)),
                }));
            }
            Err(stop @ Stop::Needs(_)) => return Err(Box::new(Otherwise::Stopped(stop))),
        };
        let rule = decision.rule.map(|rule| RuleId::at(rule as u32));
        let taken = match &decision.value {
            Value::Text(name) => match self.id(name) {
                Some(id) => return Ok(Chosen { id, rule }),
                None => self.fallback,
            },
            _ => self.no_name(),
        };
        Err(Box::new(match taken {
            Some(id) => instead(id, rule, Instead::Value(decision.value)),
            None => Otherwise::Unknown { value: decision.value, rule },
        }))
    }

    /// What a value that is no text, and an evaluation that fails, come to, where the target goes on.
    fn no_name(&self) -> Option<StrategyId> {
        self.id(NO_NAME).filter(|_| self.fallback.is_some()).or(self.fallback)
    }
}

/// The four choices of a configuration.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server that it is for.
    pub target: Target,
    /// The routes that put mail into a mailbox of this server, and make no connection.
    pub local_routes: BTreeSet<StrategyId>,
    /// `strategy.route`
    pub route: Choice,
    /// `strategy.schedule`
    pub schedule: Choice,
    /// `strategy.connection`
    pub connection: Choice,
    /// `strategy.tls`
    pub tls: Choice,
    /// The settings of strategies that rules choose (2022, 2024), in the order in which they are decided.
    pub settings: Vec<Ruled>,
}

impl Plan {
    /// The settings of a strategy that rules choose, each with its place in [`Plan::settings`].
    pub fn settings_of(&self, kind: Kind, strategy: StrategyId) -> impl Iterator<Item = (usize, &Ruled)> {
        let is_part = move |ruled: &Ruled| ruled.setting.kind() == kind && ruled.strategy == strategy;
        self.settings.iter().enumerate().filter(move |(_, ruled)| is_part(ruled))
    }

    /// The choice of one kind.
    #[must_use]
    pub const fn choice(&self, kind: Kind) -> &Choice {
        match kind {
            Kind::Route => &self.route,
            Kind::Schedule => &self.schedule,
            Kind::Connection => &self.connection,
            Kind::Tls => &self.tls,
        }
    }
}

#[cfg(test)]
mod tests {
    use base::TextRange;

    use super::*;
    use crate::ir::Ir;

    /// What each outcome comes to, by the name that is shown.
    fn settled(choice: &Choice, result: Result<Value, EvalError>) -> (String, bool) {
        let result = result.map(|value| Decision { value, rule: None }).map_err(Stop::Failed);
        let decided = choice.settle(result);
        let is_given = decided.is_ok();
        (taken(&decided).map_or_else(String::new, |chosen| choice.name(chosen.id).to_owned()), is_given)
    }

    #[test]
    fn an_unknown_name_becomes_the_built_in_strategy_and_no_name_the_one_called_default() {
        let choice = |names: &[&str]| {
            let mut ir = Ir::default();
            let otherwise = ir.push(crate::ir::Op::Literal(Value::text("x")), TextRange::default());
            let block = Block::new(ir, Vec::new(), otherwise, TextRange::default());
            Choice::new(block, names.iter().map(|name| Arc::from(*name)), None)
        };
        let text = |text: &str| Ok(Value::text(text));
        let own = choice(&["default", "mx"]).with_built_in("default (built in)");
        let without = choice(&["mx"]).with_built_in("mx (built in)");
        let refusing = choice(&["default"]);
        let cases = [
            (&own, text("default"), "default", true),
            (&own, text("defualt"), "default (built in)", false),
            // What it is called is no name of it.
            (&own, text("default (built in)"), "default (built in)", false),
            (&own, Ok(Value::Int(1)), "default", false),
            (&own, Err(EvalError::TooLarge), "default", false),
            (&without, text("default"), "mx (built in)", false),
            (&without, Ok(Value::Int(1)), "mx (built in)", false),
            (&without, Err(EvalError::TooLarge), "mx (built in)", false),
            (&refusing, text("defualt"), "", false),
            (&refusing, Ok(Value::Int(1)), "", false),
            (&refusing, Err(EvalError::TooLarge), "", false),
        ];
        for (choice, result, expected, is_given) in cases {
            let shown = format!("{result:?}");
            assert_eq!(settled(choice, result), (expected.to_owned(), is_given), "{shown}");
        }
        let built_in: Vec<_> = own.ids().filter(|id| own.is_built_in(*id)).map(|id| own.name(id)).collect();
        assert_eq!(built_in, ["default (built in)"]);
    }
}
