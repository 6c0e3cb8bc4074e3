//! What a scenario expects, against what was decided.
//!
//! Invariant: an expectation that could not be compared (its attempt is not simulated, its decision stayed open) is not
//! met; nothing counts as met by silence.

use base::Mailbox;
use policy::Kind;
use scenario::{Expectation, Place};

use crate::attempt::{Attempt, Decided};

/// An expectation that was not met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unmet {
    /// The recipient.
    pub rcpt: Mailbox,
    /// What was expected to be decided.
    pub kind: Kind,
    /// The name that was expected.
    pub expected: String,
    /// What came out.
    pub found: String,
    /// Whether nothing came out because the decision stayed open.
    pub is_open: bool,
    /// Where the expectation is written.
    pub place: Place,
}

/// Whether `expectation` is about this message and recipient.
#[must_use]
pub fn is_about(expectation: &Expectation, message: &str, rcpt: &Mailbox) -> bool {
    expectation.message == message && expectation.rcpt.as_ref().is_none_or(|wanted| wanted == rcpt)
}

/// What `attempt` at `rcpt` leaves unmet of `expectation`, which is about it.
#[must_use]
pub fn unmet(expectation: &Expectation, rcpt: &Mailbox, attempt: &Attempt) -> Vec<Unmet> {
    let compare = |kind: Kind| {
        let expected = expectation.decision(kind)?;
        if expectation.decided_at() != 1 {
            return Some(Unmet {
                rcpt: rcpt.clone(),
                kind,
                expected: expected.name.clone(),
                found: format!("no decision: attempt {} is not simulated, only the first is", expectation.decided_at()),
                is_open: true,
                place: expected.place,
            });
        }
        let decided = attempt.get(kind);
        (decided.name() != Some(expected.name.as_str())).then(|| Unmet {
            rcpt: rcpt.clone(),
            kind,
            expected: expected.name.clone(),
            found: found(decided),
            is_open: matches!(decided, Decided::Needs(_)),
            place: expected.place,
        })
    };
    Kind::ALL.into_iter().filter_map(compare).collect()
}

fn found(decided: &Decided) -> String {
    match decided {
        Decided::Strategy { name, .. } => name.clone(),
        Decided::NotMade => "no decision, because the route is local".to_owned(),
        Decided::Needs(lookup) => format!("no decision, which needs {lookup}"),
        Decided::Failed(error) => format!("no decision: {error}"),
        Decided::NoStrategy(value) => format!("{value}, which is no strategy"),
    }
}

#[cfg(test)]
mod tests {
    use policy::Lookup;
    use scenario::Expected;

    use super::*;

    #[test]
    fn only_the_expected_name_meets_an_expectation() {
        let rcpt = Mailbox::parse("bob@corp.test").unwrap();
        let strategy = |name: &str| Decided::Strategy { name: name.to_owned(), rule: None, instead_of: None };
        let needs = || Decided::Needs(Lookup::System("domain".into()));
        let cases = [
            (strategy("mx"), None),
            (strategy("local"), Some(("local", false))),
            (Decided::NotMade, Some(("no decision, because the route is local", false))),
            (needs(), Some(("no decision, which needs system('domain')", true))),
        ];
        for (route, expected) in cases {
            let attempt = Attempt {
                route,
                schedule: strategy("default"),
                connection: strategy("default"),
                tls: strategy("default"),
                settings: Vec::new(),
            };
            let expectation = Expectation {
                route: Some(Expected { name: "mx".to_owned(), place: Place::default() }),
                ..Expectation::of("m1")
            };
            let found = unmet(&expectation, &rcpt, &attempt);
            let found = found.first().map(|unmet| (unmet.found.as_str(), unmet.is_open));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_expectation_of_a_later_attempt_is_not_met_by_the_first() {
        let decided = || Decided::Strategy { name: "mx".to_owned(), rule: None, instead_of: None };
        let (route, schedule, connection, tls) = (decided(), decided(), decided(), decided());
        let attempt = Attempt { route, schedule, connection, tls, settings: Vec::new() };
        let expectation = Expectation {
            attempt: Some(2),
            route: Some(Expected { name: "mx".to_owned(), place: Place::default() }),
            ..Expectation::of("m1")
        };
        let found = unmet(&expectation, &Mailbox::parse("bob@corp.test").unwrap(), &attempt);
        let found: Vec<_> = found.iter().map(|unmet| (unmet.found.as_str(), unmet.is_open)).collect();
        assert_eq!(found, [("no decision: attempt 2 is not simulated, only the first is", true)]);
    }

    #[test]
    fn an_expectation_without_a_recipient_is_about_each() {
        let rcpt = |text: &str| Mailbox::parse(text).unwrap();
        let all = Expectation::of("m1");
        let one = Expectation { rcpt: Some(rcpt("a@x.test")), ..Expectation::of("m1") };
        assert!(is_about(&all, "m1", &rcpt("b@x.test")) && !is_about(&all, "m2", &rcpt("b@x.test")));
        assert!(is_about(&one, "m1", &rcpt("a@x.test")) && !is_about(&one, "m1", &rcpt("b@x.test")));
    }
}
