//! Which rules and strategies of a policy some scenario reached: the rules that choose strategies, and those that choose
//! single settings.
//!
//! A rule is asked where no rule before it held, and taken where it holds itself; `else` is asked where none holds. A
//! strategy is reached where it was chosen. What is counted are decisions, of whole lives and of first attempts alike.

use std::collections::BTreeMap;

use delivery::event::What;
use policy::{Kind, Plan, RuleId};

use crate::{
    attempt::{Attempt, Decided},
    run::Life,
};

/// What was reached of a policy.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By [`Kind::ALL`], and then by the places of the plan's settings.
    blocks: Vec<Reached>,
}

/// What was reached of one block of rules, and of the strategies that it chooses from.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// How often each rule was taken, and last `else`.
    pub rules: Vec<u64>,
    /// How often each strategy was chosen, by its name; none where the rules choose a setting.
    pub strategies: BTreeMap<String, u64>,
}

impl Reached {
    /// How often the rule at `place` was asked: every decision that no rule before it made.
    #[must_use]
    pub fn asked(&self, place: usize) -> u64 {
        self.rules.iter().skip(place).sum()
    }

    /// How many rules and strategies were reached, and how many there are.
    #[must_use]
    pub fn parts(&self) -> (usize, usize) {
        let counts = || self.rules.iter().chain(self.strategies.values());
        (counts().filter(|count| **count > 0).count(), counts().count())
    }
}

impl Coverage {
    /// Of a policy of which nothing was reached yet; `defined` are the strategies that it defines, by kind.
    #[must_use]
    pub fn of(plan: &Plan, defined: impl Fn(Kind) -> Vec<String>) -> Self {
        let kinds = Kind::ALL.into_iter().map(|kind| Reached {
            rules: vec![0; plan.choice(kind).block().rules().len() + 1],
            strategies: defined(kind).into_iter().map(|name| (name, 0)).collect(),
        });
        let settings = plan.settings.iter().map(|ruled| {
            let block = ruled.block();
            // The rules of a default are not the document's.
            let rules = if block.otherwise_range().is_empty() { 0 } else { block.rules().len() + 1 };
            Reached { rules: vec![0; rules], strategies: BTreeMap::new() }
        });
        Self { blocks: kinds.chain(settings).collect() }
    }

    /// What was reached of each block of rules: those of [`Kind::ALL`], and then those of the plan's settings.
    #[must_use]
    pub fn blocks(&self) -> &[Reached] {
        &self.blocks
    }

    /// What was reached of one kind.
    #[cfg(test)]
    fn get(&self, kind: Kind) -> &Reached {
        &self.blocks[kind as usize]
    }

    /// How much was reached, in hundredths.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let parts = self.blocks.iter().map(Reached::parts);
        let (reached, all) = parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        #[expect(clippy::cast_precision_loss, reason = "a policy has fewer rules")]
        let percent = if all == 0 { 100.0 } else { reached as f64 * 100.0 / all as f64 };
        percent
    }

    /// Counts what the policy of this number decided in a run of which everything was kept.
    pub fn count_life(&mut self, number: usize, plan: &Plan, life: &Life) {
        for event in life.events.iter().filter(|event| event.policy == number) {
            if let What::Decided { kind, chosen: Some(chosen), is_instead, .. } = &event.what {
                let rule = chosen.rule.map(RuleId::index);
                self.count(*kind as usize, rule, !is_instead, plan.choice(*kind).name(chosen.id));
            }
            if let What::Set { setting, picked, .. } = &event.what {
                self.count(Kind::ALL.len() + setting, picked.rule.map(RuleId::index), picked.given.is_some(), "");
            }
        }
    }

    /// Counts the decisions of a first attempt.
    pub fn count_attempt(&mut self, attempt: &Attempt) {
        for kind in Kind::ALL {
            if let Decided::Strategy { name, rule, instead_of } = attempt.get(kind) {
                self.count(kind as usize, *rule, instead_of.is_none(), name);
            }
        }
        for (setting, picked) in &attempt.settings {
            self.count(Kind::ALL.len() + setting, picked.rule.map(RuleId::index), picked.given.is_some(), "");
        }
    }

    /// Counts a strategy, and its rule where the rules gave it: what another was taken for is nobody's.
    fn count(&mut self, block: usize, rule: Option<usize>, is_given: bool, name: &str) {
        let Some(reached) = self.blocks.get_mut(block) else { return };
        let last = reached.rules.len().saturating_sub(1);
        if let Some(taken) = reached.rules.get_mut(rule.unwrap_or(last)).filter(|_| is_given) {
            *taken += 1;
        }
        if let Some(chosen) = reached.strategies.get_mut(name) {
            *chosen += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::Target;

    use super::*;
    use crate::testing::plan;

    #[test]
    fn what_is_reached_is_counted_and_nothing_else() {
        let plan = plan(Target::Native);
        let mut coverage = Coverage::of(&plan, |kind| vec![format!("{kind}-one"), format!("{kind}-two")]);
        let rules = plan.choice(Kind::Route).block().rules().len();
        assert!(rules > 0, "the plan has rules");
        assert!(coverage.percent() < 0.001);
        coverage.count(Kind::Route as usize, Some(0), true, "route-one");
        coverage.count(Kind::Route as usize, None, true, "route-one");
        coverage.count(Kind::Route as usize, Some(0), false, "nobody");
        let reached = coverage.get(Kind::Route);
        assert_eq!((reached.rules.first(), reached.rules.last()), (Some(&1), Some(&1)));
        assert_eq!((reached.asked(0), reached.asked(rules)), (2, 1));
        assert_eq!(reached.strategies.values().copied().collect::<Vec<_>>(), [2, 0]);
        assert_eq!(reached.parts(), (3, rules + 3));
        assert_eq!(coverage.get(Kind::Tls).parts().0, 0);
    }
}
