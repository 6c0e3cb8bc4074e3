//! Whether what a scenario or a file says must never, or always, be seen holds of every recipient's life.
//!
//! What an attempt did not come to, a host, a session, an error, says nothing about it: no property is broken by silence.

use base::Mailbox;
use policy::Kind;
use scenario::{Expectation, Place, Scenario, property::Property};

use crate::{
    run::Life,
    timeline::{Timeline, Try},
};

/// A property that does not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// What it is called.
    pub name: String,
    /// The message's place.
    pub message: usize,
    /// The recipient.
    pub rcpt: Mailbox,
    /// What was seen of them.
    pub what: String,
    /// Where it is written.
    pub place: Place,
}

/// Each property of `scenario`, and how it breaks on `timelines`.
#[must_use]
pub fn all_broken(scenario: &Scenario, timelines: &[Timeline], life: &Life) -> Vec<(String, Vec<Broken>)> {
    let of = |property: &Property| (property.name.clone(), broken(property, scenario, timelines, life));
    scenario.properties.iter().map(of).collect()
}

/// How a property breaks on `timelines`, once for each recipient at most.
#[must_use]
pub fn broken(property: &Property, scenario: &Scenario, timelines: &[Timeline], life: &Life) -> Vec<Broken> {
    let mut all = Vec::new();
    for timeline in timelines {
        let Some(message) = scenario.messages.get(timeline.message) else { continue };
        let is_of = property.sender_domain.as_deref().is_none_or(|domain| message.sender.domain() == domain)
            && property.rcpt_domain.as_deref().is_none_or(|domain| timeline.rcpt.domain() == domain)
            && property.source.is_none_or(|source| message.source == source);
        if !is_of {
            continue;
        }
        let at_end = ends(&property.seen, timeline, message.at.0, life);
        let attempts = timeline.numbered();
        let tried: Vec<(u64, Vec<Fact>)> =
            attempts.map(|(number, attempt)| (number, seen(&property.seen, timeline, attempt, life))).collect();
        let what = if property.is_never { never(&at_end, &tried) } else { always(&at_end, &tried) };
        all.extend(what.map(|what| Broken {
            name: property.name.clone(),
            message: timeline.message,
            rcpt: timeline.rcpt.clone(),
            what,
            place: property.seen.place,
        }));
    }
    all
}

/// Something that a property speaks of: what, what is said of it, what was found where anything was, and whether that is
/// what is said.
struct Fact {
    about: &'static str,
    found: Option<String>,
    is_so: bool,
}

impl Fact {
    fn of(about: &'static str, wanted: &str, found: Option<String>) -> Self {
        let is_so = found.as_deref() == Some(wanted);
        Self { about, found, is_so }
    }

    fn shown(&self) -> String {
        format!("{} {}", self.about, self.found.as_deref().unwrap_or("none"))
    }
}

/// All that is said is seen: of the end, and of one attempt.
fn never(at_end: &[Fact], tried: &[(u64, Vec<Fact>)]) -> Option<String> {
    let shown = |facts: &[Fact]| facts.iter().map(Fact::shown).collect::<Vec<_>>().join(", ");
    if !at_end.iter().all(|fact| fact.is_so) {
        return None;
    }
    let speaks_of_attempts = tried.iter().any(|(_, facts)| !facts.is_empty());
    if !speaks_of_attempts {
        return (!at_end.is_empty()).then(|| shown(at_end));
    }
    let (number, facts) = tried.iter().find(|(_, facts)| facts.iter().all(|fact| fact.is_so))?;
    let end = if at_end.is_empty() { String::new() } else { format!("; {}", shown(at_end)) };
    Some(format!("attempt {number}: {}{end}", shown(facts)))
}

/// Something is seen that is not what is said.
fn always(at_end: &[Fact], tried: &[(u64, Vec<Fact>)]) -> Option<String> {
    let otherwise = |facts: &[Fact]| facts.iter().find(|fact| !fact.is_so && fact.found.is_some()).map(Fact::shown);
    let attempt = |(number, facts): &(u64, Vec<Fact>)| Some(format!("attempt {number}: {}", otherwise(facts)?));
    tried.iter().find_map(attempt).or_else(|| otherwise(at_end))
}

/// What is said of each attempt.
fn seen(wanted: &Expectation, timeline: &Timeline, attempt: &Try, life: &Life) -> Vec<Fact> {
    let found = timeline.seen(Some(1), Some(attempt), life);
    let mut facts = Vec::new();
    for kind in Kind::ALL {
        if let Some(expected) = wanted.decision(kind) {
            let name = attempt.decision(kind).and_then(|decision| decision.name.clone());
            facts.push(Fact::of(kind.word(), &expected.name, name));
        }
    }
    let secured = wanted.secured.map(|secured| secured.to_string());
    // In clear text is what was said of the mail; a greeting is nothing.
    let has_said = found.commands.as_deref().is_some_and(|commands| commands.contains("MAIL"));
    let is_secured = found.secured.filter(|secured| has_said || secured == "true");
    for (about, wanted, found) in [
        ("error", wanted.error.as_deref(), found.error),
        ("host", wanted.host.as_deref(), found.host),
        ("secured", secured.as_deref(), is_secured),
        ("tls_report", wanted.tls_report.as_deref(), found.tls_report),
        ("commands", wanted.commands.as_deref(), found.commands),
    ] {
        facts.extend(wanted.map(|wanted| Fact::of(about, wanted, found)));
    }
    facts
}

/// What is said of the end.
fn ends(wanted: &Expectation, timeline: &Timeline, handed_in: u64, life: &Life) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(status) = wanted.status {
        let (at, found) = timeline.last();
        let took = at.map(|at| at.0.saturating_sub(handed_in));
        let in_time = wanted.within.is_none_or(|within| took.is_some_and(|took| took <= within.0))
            && wanted.after.is_none_or(|after| took.is_some_and(|took| took >= after.0));
        let time = took.map(|took| format!(" after {}", base::Millis(took))).unwrap_or_default();
        let found_text = format!("{}{time}", found.word());
        facts.push(Fact { about: "status", found: Some(found_text), is_so: found == status && in_time });
    }
    if let Some(reports) = &wanted.reports {
        let told: Vec<&str> = timeline.reports.iter().map(|(_, _, action)| action.word()).collect();
        let told = if told.is_empty() { "none".to_owned() } else { told.join(" ") };
        facts.push(Fact::of("reports", reports, Some(told)));
    }
    if let Some(statuses) = &wanted.report_status {
        let told = timeline.report_status(life).unwrap_or_else(|| "none".to_owned());
        facts.push(Fact::of("report_status", statuses, Some(told)));
    }
    if let Some(attempts) = wanted.attempts {
        facts.push(Fact::of("attempts", &attempts.to_string(), Some(timeline.tries().to_string())));
    }
    facts
}
