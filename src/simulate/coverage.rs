//! Which rules and strategies of a policy some scenario reached.
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
    kinds: [Reached; 4],
}

/// What was reached of one kind of decision.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// How often each rule was taken, and last `else`.
    pub rules: Vec<u64>,
    /// How often each strategy was chosen, by its name.
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
        let kinds = Kind::ALL.map(|kind| Reached {
            rules: vec![0; plan.choice(kind).block().rules().len() + 1],
            strategies: defined(kind).into_iter().map(|name| (name, 0)).collect(),
        });
        Self { kinds }
    }

    /// What was reached of one kind.
    #[must_use]
    pub const fn get(&self, kind: Kind) -> &Reached {
        let [route, schedule, connection, tls] = &self.kinds;
        match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        }
    }

    /// How much was reached, in hundredths.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let parts = self.kinds.iter().map(Reached::parts);
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
                self.count(*kind, rule, !is_instead, plan.choice(*kind).name(chosen.id));
            }
        }
    }

    /// Counts the decisions of a first attempt.
    pub fn count_attempt(&mut self, attempt: &Attempt) {
        for kind in Kind::ALL {
            if let Decided::Strategy { name, rule, instead_of } = attempt.get(kind) {
                self.count(kind, *rule, instead_of.is_none(), name);
            }
        }
    }

    /// Counts a strategy, and its rule where the rules gave it: what another was taken for is nobody's.
    fn count(&mut self, kind: Kind, rule: Option<usize>, is_given: bool, name: &str) {
        let [route, schedule, connection, tls] = &mut self.kinds;
        let reached = match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        };
        let last = reached.rules.len() - 1;
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
        coverage.count(Kind::Route, Some(0), true, "route-one");
        coverage.count(Kind::Route, None, true, "route-one");
        coverage.count(Kind::Route, Some(0), false, "nobody");
        let reached = coverage.get(Kind::Route);
        assert_eq!((reached.rules.first(), reached.rules.last()), (Some(&1), Some(&1)));
        assert_eq!((reached.asked(0), reached.asked(rules)), (2, 1));
        assert_eq!(reached.strategies.values().copied().collect::<Vec<_>>(), [2, 0]);
        assert_eq!(reached.parts(), (3, rules + 3));
        assert_eq!(coverage.get(Kind::Tls).parts().0, 0);
    }
}
