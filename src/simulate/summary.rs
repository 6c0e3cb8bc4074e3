//! How many attempts took which strategy: what 100,000 messages come to.
//!
//! Invariant: for each kind the counts add up to the number of attempts.

use std::collections::BTreeMap;

use policy::{Instead, Kind};

use crate::attempt::{Attempt, Decided};

/// Counts by kind and outcome.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    attempts: u64,
    counts: BTreeMap<(Kind, Line), u64>,
}

/// What is counted apart.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Line {
    /// A strategy that was named.
    Strategy(String),
    /// A strategy that the target took instead of what was named.
    Instead {
        /// The one taken.
        name: String,
        /// What was named.
        of: String,
    },
    /// A strategy that the target took because the rules failed.
    InsteadOfFailing {
        /// The one taken.
        name: String,
        /// How they failed.
        error: String,
    },
    /// No decision, because the route is local.
    NotMade,
    /// No decision, because something is not answered, failed, or names nothing.
    Undecided(String),
}

impl Summary {
    /// Counts an attempt.
    pub fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        for kind in Kind::ALL {
            let line = match attempt.get(kind) {
                Decided::Strategy { name, instead_of: None, .. } => Line::Strategy(name.clone()),
                Decided::Strategy { name, instead_of: Some(Instead::Value(of)), .. } => {
                    Line::Instead { name: name.clone(), of: of.to_string() }
                }
                Decided::Strategy { name, instead_of: Some(Instead::Failed(error)), .. } => {
                    Line::InsteadOfFailing { name: name.clone(), error: error.to_string() }
                }
                Decided::NotMade => Line::NotMade,
                Decided::Needs(lookup) => Line::Undecided(format!("needs {}", function_of(&lookup.to_string()))),
                Decided::Failed(error) => Line::Undecided(error.to_string()),
                Decided::NoStrategy(value) => Line::Undecided(format!("{value} is no strategy")),
            };
            *self.counts.entry((kind, line)).or_default() += 1;
        }
    }

    /// How many attempts were counted.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// The lines of one kind, the most frequent first.
    #[must_use]
    pub fn lines(&self, kind: Kind) -> Vec<(&Line, u64)> {
        let of_kind = self.counts.iter().filter(|((of, _), _)| *of == kind);
        let mut lines: Vec<_> = of_kind.map(|((_, line), count)| (line, *count)).collect();
        lines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        lines
    }
}

/// The call without its arguments, so that questions about different domains are one line.
fn function_of(call: &str) -> &str {
    call.split_once('(').map_or(call, |(function, _)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_apart_and_add_up() {
        let strategy = |name: &str, instead_of: Option<&str>| Decided::Strategy {
            name: name.to_owned(),
            rule: None,
            instead_of: instead_of.map(|name| Instead::Value(policy::Value::text(name))),
        };
        let mut summary = Summary::default();
        for (route, count) in
            [(strategy("mx", None), 3), (strategy("mx", Some("relya")), 1), (strategy("local", None), 2)]
        {
            for _ in 0..count {
                summary.add(&Attempt {
                    route: route.clone(),
                    schedule: strategy("default", None),
                    connection: Decided::NotMade,
                    tls: Decided::NotMade,
                    settings: Vec::new(),
                });
            }
        }
        let lines = summary.lines(Kind::Route);
        assert_eq!(
            lines,
            [
                (&Line::Strategy("mx".into()), 3),
                (&Line::Strategy("local".into()), 2),
                (&Line::Instead { name: "mx".into(), of: "'relya'".into() }, 1)
            ]
        );
        for kind in Kind::ALL {
            assert_eq!(summary.lines(kind).iter().map(|(_, count)| count).sum::<u64>(), summary.attempts());
        }
    }
}
