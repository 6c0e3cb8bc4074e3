//! One attempt at one recipient: the four decisions, in the order in which delivery makes them.
//!
//! Invariant: a recipient whose route is local has no connection and no TLS decision, because nothing is connected.

use policy::{
    Answers, Chosen, Decide, EvalError, Facts, Instead, Kind, Lookup, Otherwise, Row, RuleId, Ruled, Scratch, Stop,
    StrategyId, Value, World, setting::Picked,
};

/// What came of one decision.
#[derive(Clone, Debug)]
pub enum Decided {
    /// A strategy.
    Strategy {
        /// Its name.
        name: String,
        /// The rule that gave it, from 0; `None` for `else`.
        rule: Option<usize>,
        /// What the rules came to, where that is no strategy and the target took this one instead.
        instead_of: Option<Instead>,
    },
    /// It is not made: the route is local.
    NotMade,
    /// It depends on something that nothing answers.
    Needs(Lookup),
    /// The evaluation failed, and the target goes on with nothing.
    Failed(EvalError),
    /// The rules gave no strategy's name, and the target goes on with nothing.
    NoStrategy(Value),
}

impl Decided {
    /// The strategy's name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Strategy { name, .. } => Some(name),
            Self::NotMade | Self::Needs(_) | Self::Failed(_) | Self::NoStrategy(_) => None,
        }
    }
}

/// The decisions of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// `strategy.route`
    pub route: Decided,
    /// `strategy.schedule`
    pub schedule: Decided,
    /// `strategy.connection`
    pub connection: Decided,
    /// `strategy.tls`
    pub tls: Decided,
    /// What rules choose of the strategies' settings, by their places in the plan, as far as it can be decided.
    pub settings: Vec<(usize, Picked)>,
}

impl Attempt {
    /// Decides an attempt at the recipient of `facts`, by whichever engine.
    #[must_use]
    pub fn decide(engine: &dyn Decide, facts: &Facts, world: &mut dyn World, scratch: &mut Scratch) -> Self {
        let row = facts.row();
        let mut settings = Vec::new();
        let mut decide = |kind: Kind| {
            let (decided, id) = decide(engine, kind, &row, world, scratch);
            if let Some(id) = id {
                let ruled = engine.plan().settings_of(kind, id);
                let picked = ruled
                    .filter_map(|(place, ruled)| Some((place, set(engine, (place, ruled), &row, world, scratch)?)));
                settings.extend(picked);
            }
            (decided, id)
        };
        let schedule = decide(Kind::Schedule).0;
        let (route, id) = decide(Kind::Route);
        if id.is_some_and(|id| engine.plan().local_routes.contains(&id)) {
            return Self { route, schedule, connection: Decided::NotMade, tls: Decided::NotMade, settings };
        }
        let tls = decide(Kind::Tls).0;
        let connection = decide(Kind::Connection).0;
        Self { route, schedule, connection, tls, settings }
    }

    /// The decision of one kind.
    #[must_use]
    pub const fn get(&self, kind: Kind) -> &Decided {
        match kind {
            Kind::Route => &self.route,
            Kind::Schedule => &self.schedule,
            Kind::Connection => &self.connection,
            Kind::Tls => &self.tls,
        }
    }
}

fn decide(
    engine: &dyn Decide,
    kind: Kind,
    row: &Row<'_>,
    world: &mut dyn World,
    scratch: &mut Scratch,
) -> (Decided, Option<StrategyId>) {
    let choice = engine.plan().choice(kind);
    let mut answers = Answers::new();
    loop {
        let strategy = |chosen: Chosen, instead_of| {
            let (name, rule) = (choice.name(chosen.id).to_owned(), chosen.rule.map(RuleId::index));
            (Decided::Strategy { name, rule, instead_of }, Some(chosen.id))
        };
        let otherwise = match engine.decide(kind, row, &answers, scratch) {
            Ok(chosen) => return strategy(chosen, None),
            Err(otherwise) => otherwise,
        };
        return match *otherwise {
            Otherwise::Instead { chosen, of } => strategy(chosen, Some(of)),
            Otherwise::Stopped(Stop::Needs(lookup)) => match world.answer(&lookup) {
                Some(answer) => {
                    answers.push(answer);
                    continue;
                }
                None => (Decided::Needs(lookup), None),
            },
            Otherwise::Stopped(Stop::Failed(error)) => (Decided::Failed(error), None),
            Otherwise::Unknown { value, rule: _ } => (Decided::NoStrategy(value), None),
        };
    }
}

/// What the rules of a setting come to; `None` where it depends on something that nothing answers.
fn set(
    engine: &dyn Decide,
    (place, ruled): (usize, &Ruled),
    row: &Row<'_>,
    world: &mut dyn World,
    scratch: &mut Scratch,
) -> Option<Picked> {
    let mut answers = Answers::new();
    loop {
        match ruled.picked(engine.decide_setting(place, row, &answers, scratch)) {
            Ok(picked) => return Some(picked),
            Err(lookup) => answers.push(world.answer(&lookup)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::{LookupFailed, Target, Variable};

    use super::*;
    use crate::testing::plan;

    struct Local(Option<bool>);

    impl World for Local {
        fn answer(&mut self, _lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
            self.0.map(|local| Ok(Value::truth(local)))
        }
    }

    fn shown(decided: &Decided) -> String {
        match decided {
            Decided::Strategy { name, instead_of: Some(Instead::Value(value)), .. } => {
                format!("{name} instead of {value}")
            }
            Decided::Strategy { name, instead_of: Some(Instead::Failed(error)), .. } => format!("{name} as {error}"),
            Decided::Strategy { name, rule, .. } => format!("{name} by {rule:?}"),
            Decided::NotMade => "not made".to_owned(),
            Decided::Needs(lookup) => format!("needs {lookup}"),
            Decided::Failed(error) => error.to_string(),
            Decided::NoStrategy(value) => format!("no strategy {value}"),
        }
    }

    #[test]
    fn a_route_and_what_follows_from_it() {
        let cases = [
            (Target::STALWART_016, Some(true), 0, "local by Some(0)", "not made"),
            (Target::STALWART_016, Some(false), 0, "mx by None", "default by None"),
            (Target::STALWART_016, Some(false), 2, "mx instead of 'relay-report'", "default by None"),
            (Target::Native, Some(false), 2, "no strategy 'relay-report'", "default by None"),
            (Target::Native, None, 0, "needs is_local_domain('corp.test')", "default by None"),
        ];
        for (target, local, retry, route, tls) in cases {
            let facts = Facts::new()
                .with(Variable::RcptDomain, Value::text("corp.test"))
                .with(Variable::RetryNum, Value::Int(retry))
                .with(Variable::Source, Value::text("report"));
            let attempt = Attempt::decide(&plan(target), &facts, &mut Local(local), &mut Scratch::new());
            assert_eq!((shown(&attempt.route), shown(&attempt.tls)), (route.to_owned(), tls.to_owned()));
        }
    }
}
