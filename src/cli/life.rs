//! What a run shows of each recipient's life: as text for people, and as JSON lines.

use std::{io::Write, path::Path};

use base::Millis;
use delivery::{Failure as Wrong, MessageId, Status, message::Ret, tls::Verification};
use document::Source;
use policy::{Kind, Plan, Target};
use scenario::{Scenario, Timestamp};
use serde_json::{Value as Json, json};
use simulate::{
    Life, Timeline, Violation,
    properties::Broken,
    quirks::{Decided, MESSAGES_MAX},
    timeline::{Decision, Otherwise, SetBy, Step, Try, word},
};

use super::{
    Failure, Verdict,
    page::{Section, TIMELINES_MAX},
};

/// A run that is over, to be shown.
pub(super) struct Report<'r> {
    pub(super) path: &'r Path,
    pub(super) policy: &'r Path,
    /// The policies that are taken over.
    pub(super) later: Vec<&'r Path>,
    pub(super) plan: &'r Plan,
    pub(super) scenario: &'r Scenario,
    pub(super) source: &'r Source,
    pub(super) life: &'r Life,
    pub(super) timelines: &'r [Timeline],
    /// What quirks decided about each of them.
    pub(super) quirks: &'r [Vec<Decided>],
    /// What must never be: a fault of this program.
    pub(super) violations: &'r [Violation],
    /// What it was held to, and where that does not hold.
    pub(super) properties: &'r [(String, Vec<Broken>)],
    pub(super) unmet: &'r [Otherwise],
    pub(super) met: usize,
    /// What is not looked at.
    pub(super) not_checked: &'r [String],
}

impl Report<'_> {
    /// An expectation that is not met is a no; a question that nothing answers leaves the run open.
    pub(super) fn verdict(&self) -> Verdict {
        match (
            self.unmet.is_empty() && self.violations.is_empty() && self.broken().next().is_none(),
            self.life.unanswered.is_empty() && !self.life.is_stopped,
        ) {
            (false, _) => Verdict::No,
            (true, false) => Verdict::Undecided,
            (true, true) => Verdict::Yes,
        }
    }

    /// Where properties do not hold.
    fn broken(&self) -> impl Iterator<Item = &Broken> {
        self.properties.iter().flat_map(|(_, broken)| broken)
    }

    fn message(&self, timeline: &Timeline) -> &str {
        self.scenario.messages.get(timeline.message).map_or("", |message| &message.id)
    }

    /// The same for a page.
    pub(super) fn section(&self) -> Result<Section<'_>, Failure> {
        let mut lives = Vec::new();
        for (timeline, quirks) in self.timelines.iter().zip(self.quirks) {
            let mut text = Vec::new();
            // Of more than are shown, only the number is.
            if lives.len() < TIMELINES_MAX {
                lines(timeline, quirks, &mut text)?;
            }
            let name = format!("{} to {}", self.message(timeline), timeline.rcpt);
            lives.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
        let about = |report: &delivery::Report| {
            let place = usize::try_from(report.about.0).ok();
            place.and_then(|place| self.scenario.messages.get(place)).map_or("", |message| &*message.id)
        };
        let reports = self.life.reports.iter();
        let reports = reports.map(|(number, report)| {
            let name = format!("report {} about {}", numbered(*number), about(report));
            (name, content(report).replace("\r\n", "\n"))
        });
        let never = self.violations.iter().map(|violation| format!("this must never be: {}", violation.what));
        let broken =
            self.broken().map(|broken| format!("does not hold: {}: {}: {}", broken.name, broken.rcpt, broken.what));
        let unmet = self.unmet.iter().map(|Otherwise { about, rcpt, expected, found, .. }| {
            format!("{about} for {rcpt}: expected `{expected}`, found {found}")
        });
        let not_checked = self.not_checked.iter().map(|what| format!("not checked: {what}"));
        let (policy, target) = (self.policy.display(), self.plan.target);
        let length = self.life.end.since(self.life.start);
        Ok(Section {
            path: self.path,
            head: format!(
                "{policy} as {target}, for {}: {}",
                clock(length),
                summary(self.timelines.len(), self.met, self.unmet.len())
            ),
            timelines: self.timelines,
            lives,
            wrong: never.chain(broken).chain(unmet).chain(not_checked).collect(),
            reports: reports.collect(),
            length,
        })
    }

    /// What is run.
    pub(super) fn head(&self, output: &mut impl Write) -> Result<(), Failure> {
        let (name, policy, target) = (self.path.display(), self.policy.display(), self.plan.target);
        writeln!(output, "{name}: {policy} as {target}")?;
        Ok(())
    }

    pub(super) fn text(&self, output: &mut impl Write) -> Result<(), Failure> {
        self.head(output)?;
        if let Some(start) = Timestamp::from_millis(self.life.start.0) {
            writeln!(output, "from {start}, for {}", clock(self.life.end.since(self.life.start)))?;
        }
        for (from, until) in &self.life.down {
            let (from, length) = (clock(from.since(self.life.start)), clock(until.since(*from)));
            writeln!(output, "crashed at +{from}, down for {length}")?;
        }
        for (at, policy) in self.life.reloads.iter().zip(&self.later) {
            let (at, policy) = (clock(at.since(self.life.start)), policy.display());
            writeln!(output, "{policy} is taken over at +{at}")?;
        }
        for (at, by) in &self.life.jumps {
            let (at, by) = (clock(at.since(self.life.start)), clock(*by));
            writeln!(output, "the clock jumped by {by} to +{at}")?;
        }
        for (timeline, quirks) in self.timelines.iter().zip(self.quirks) {
            writeln!(output, "\n{} to {}", self.message(timeline), timeline.rcpt)?;
            lines(timeline, quirks, output)?;
        }
        if self.scenario.messages.len() > MESSAGES_MAX && self.plan.target != Target::Native {
            let target = self.plan.target;
            writeln!(
                output,
                "\nOf more than {MESSAGES_MAX} messages it is not said which quirks of {target} decided."
            )?;
        }
        for (number, report) in &self.life.reports {
            let about = usize::try_from(report.about.0).ok().and_then(|place| self.scenario.messages.get(place));
            let (about, to) = about.map_or(("", ""), |message| (&*message.id, message.sender.as_str()));
            let state = self.life.recipients.get(number).and_then(|recipients| recipients.first());
            let state = state.map_or_else(|| "not accepted".to_owned(), |recipient| outcome(&recipient.status));
            writeln!(output, "\nreport {} about {about} to {to}: {state}", numbered(*number))?;
            for line in content(report).lines() {
                writeln!(output, "{}", format!("    {line}").trim_end())?;
            }
        }
        self.closing(output)
    }

    /// What is wrong, and how many expectations are met.
    pub(super) fn closing(&self, output: &mut impl Write) -> Result<(), Failure> {
        for unanswered in &self.life.unanswered {
            writeln!(output, "\nnothing answers {unanswered}; it counted as failed. Add it to the environment.")?;
        }
        if self.life.is_stopped {
            writeln!(output, "\nthe run was stopped: too much happened")?;
        }
        for Violation { checker, message, what } in self.violations {
            let message = self.scenario.messages.get(*message).map_or("", |message| &message.id);
            writeln!(output, "\nthis must never be ({checker}), and is a fault of pointsman: {message}: {what}")?;
        }
        for Broken { name, message, rcpt, what, .. } in self.broken() {
            let message = self.scenario.messages.get(*message).map_or("", |message| &message.id);
            writeln!(output, "\ndoes not hold: {name}: {message} to {rcpt}: {what}")?;
        }
        for unmet in self.unmet {
            let position = self.source.position(unmet.place.0.start());
            let (path, line, column) = (self.path.display(), position.line, position.column);
            let Otherwise { about, rcpt, expected, found, .. } = unmet;
            writeln!(
                output,
                "\nexpectation failed: {path}:{line}:{column}: {about} for {rcpt}: expected `{expected}`, found {found}"
            )?;
        }
        writeln!(output, "\n{}", summary(self.timelines.len(), self.met, self.unmet.len()))?;
        for what in self.not_checked {
            writeln!(output, "not checked: {what}")?;
        }
        Ok(())
    }

    /// How many expectations are met, which properties do not hold, and what must never be.
    pub(super) fn summary(&self) -> Json {
        let unmet = self.unmet.iter().map(|unmet| {
            let position = self.source.position(unmet.place.0.start());
            json!({
                "rcpt": unmet.rcpt.as_str(), "kind": unmet.about, "expected": unmet.expected, "found": unmet.found,
                "line": position.line, "column": position.column,
            })
        });
        json!({
            "violations": self.violations.iter().map(|violation| json!({
                "checker": violation.checker, "message": violation.message, "what": violation.what,
            })).collect::<Vec<_>>(),
            "properties": self.properties.iter().map(|(name, broken)| json!({
                "name": name, "broken": broken.iter().map(|broken| json!({
                    "message": self.scenario.messages.get(broken.message).map(|message| &*message.id),
                    "rcpt": broken.rcpt.as_str(), "what": broken.what,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "expectations": { "met": self.met, "unmet": unmet.collect::<Vec<_>>() },
            "not_checked": self.not_checked,
        })
    }

    pub(super) fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (timeline, quirks) in self.timelines.iter().zip(self.quirks) {
            let (at, status) = timeline.last();
            let line = json!({
                "type": "life",
                "scenario": self.path.display().to_string(),
                "message": self.message(timeline),
                "rcpt": timeline.rcpt.as_str(),
                "accepted_ms": timeline.accepted.map(|at| at.0),
                "refused": timeline.refused,
                "schedule": timeline.schedule.as_ref().map(decision_json),
                "attempts": timeline.attempts.iter().enumerate().map(attempt_json).collect::<Vec<_>>(),
                "notices_ms": timeline.notices.iter().map(|at| at.0).collect::<Vec<_>>(),
                "told": timeline.reports.iter().map(|(at, report, action)| json!({
                    "at_ms": at.0, "report": numbered(*report), "action": action.word(),
                })).collect::<Vec<_>>(),
                "rescheduled": timeline.rescheduled.iter().map(|(at, next)| json!({
                    "at_ms": at.0, "next_ms": next.0,
                })).collect::<Vec<_>>(),
                "waits": timeline.waits.iter().map(|wait| json!({
                    "at_ms": wait.at.0, "limiter": wait.limiter + 1, "until_ms": wait.until.0, "rounds": wait.rounds.max(1),
                })).collect::<Vec<_>>(),
                "quirks": quirks.iter().map(|Decided { quirk, from }| json!({
                    "quirk": quirk.to_string(), "from_ms": from.0,
                })).collect::<Vec<_>>(),
                "status": status.word(),
                "status_ms": at.map(|at| at.0),
                "given_up": timeline.given_up.as_ref().map(|(at, status)| status_json(*at, status)),
            });
            writeln!(output, "{line}")?;
        }
        for (number, report) in &self.life.reports {
            let about = usize::try_from(report.about.0).ok().and_then(|place| self.scenario.messages.get(place));
            let state = self.life.recipients.get(number).and_then(|recipients| recipients.first());
            let line = json!({
                "type": "report",
                "scenario": self.path.display().to_string(),
                "report": numbered(*number),
                "about": about.map(|message| &*message.id),
                "to": about.map(|message| message.sender.as_str()),
                "status": state.map(|recipient| word(&recipient.status).word()),
                "content": content(report),
            });
            writeln!(output, "{line}")?;
        }
        self.scenario_json(output)
    }

    /// The line of the scenario.
    pub(super) fn scenario_json(&self, output: &mut impl Write) -> Result<(), Failure> {
        let mut line = json!({
            "type": "scenario",
            "version": 1,
            "scenario": self.path.display().to_string(),
            "policy": self.policy.display().to_string(),
            "target": self.plan.target.to_string(),
            "recipients": self.timelines.len(),
            "end_ms": self.life.end.since(self.life.start).0,
            "unanswered": self.life.unanswered,
            "down": self.life.down.iter().map(|(from, until)| json!({
                "from_ms": from.since(self.life.start).0, "until_ms": until.since(self.life.start).0,
            })).collect::<Vec<_>>(),
            "reloads": self.life.reloads.iter().zip(&self.later).map(|(at, policy)| json!({
                "at_ms": at.since(self.life.start).0, "policy": policy.display().to_string(),
            })).collect::<Vec<_>>(),
            "jumps": self.life.jumps.iter().map(|(at, by)| json!({
                "at_ms": at.since(self.life.start).0, "by_ms": by.0,
            })).collect::<Vec<_>>(),
        });
        if let (Json::Object(line), Json::Object(summary)) = (&mut line, self.summary()) {
            line.extend(summary);
        }
        writeln!(output, "{line}")?;
        Ok(())
    }
}

/// How many recipients there were, and how many expectations are met.
pub(super) fn summary(recipients: usize, met: usize, unmet: usize) -> String {
    let all = met + unmet;
    format!("{recipients} recipients; {met} of {all} expectations met")
}

/// A report's number in one run, from 1.
const fn numbered(report: u64) -> u64 {
    report.saturating_sub(MessageId::REPORTS) + 1
}

/// A report as it is sent; the original is not in a dry run.
fn content(report: &delivery::Report) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let original = match report.returns {
        Ret::Full => "(the message)\r\n",
        Ret::Headers => "(the message's header)\r\n",
    };
    format!("{}{original}{}", text(&report.before), text(&report.after))
}

/// A length of time as people read it: its two largest units.
pub(super) fn clock(length: Millis) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let Some(first) = UNITS.iter().position(|(_, unit)| length.0 >= *unit) else { return format!("{}ms", length.0) };
    let mut left = length.0;
    let largest = UNITS.iter().skip(first).take(2).map(|(name, unit)| {
        let count = left / unit;
        left %= unit;
        if count > 0 { format!("{count}{name}") } else { String::new() }
    });
    largest.collect()
}

fn named(kind: Kind, decision: Option<&Decision>) -> Option<String> {
    let Decision { name, rule, is_instead, settings } = decision?;
    let by = |rule: Option<usize>| rule.map_or_else(|| "else".to_owned(), |rule| format!("rule {}", rule + 1));
    let name = name.as_deref().unwrap_or("none");
    let mark = if *is_instead { " (!)" } else { "" };
    let mut text = format!("{kind} {name}{mark} ({})", by(*rule));
    for SetBy { key, value, rule } in settings {
        let key = key.strip_prefix("queue.").unwrap_or(key);
        let value = value.as_deref().unwrap_or("no value");
        text = format!("{text}, {key} {value} ({})", by(*rule));
    }
    Some(text)
}

pub(super) fn lines(timeline: &Timeline, quirks: &[Decided], output: &mut impl Write) -> Result<(), Failure> {
    let line = |at: Millis, text: &str| format!("  {:>8}  {text}", format!("+{}", clock(at)));
    if let Some(at) = timeline.accepted {
        let schedule = named(Kind::Schedule, timeline.schedule.as_ref()).unwrap_or_default();
        writeln!(output, "{}", line(at, &format!("accepted; {schedule}")).trim_end())?;
    } else {
        let why = timeline.refused.as_deref().unwrap_or("the run ended before");
        writeln!(output, "            not accepted: {why}")?;
    }
    let rescheduled = timeline.rescheduled.iter();
    let rescheduled = rescheduled.map(|(at, next)| (*at, format!("an operator has it tried at +{}", clock(*next))));
    let notices = timeline.notices.iter().map(|at| (*at, "a delay notice is due".to_owned()));
    let waits = timeline.waits.iter().map(|wait| {
        let times = if wait.rounds > 0 { format!(" {} times in a row", wait.rounds) } else { String::new() };
        let text = format!("rate limit {} is spent{times}; next at +{}", wait.limiter + 1, clock(wait.until));
        (wait.at, text)
    });
    let told = timeline.reports.iter().map(|(at, report, action)| {
        (*at, format!("the sender is told: {} (report {})", action.word(), numbered(*report)))
    });
    let mut beside: Vec<(Millis, String)> = notices.chain(waits).chain(rescheduled).chain(told).collect();
    beside.sort_by_key(|(at, _)| *at);
    let mut beside = beside.into_iter().peekable();
    for (number, attempt) in timeline.attempts.iter().enumerate() {
        while let Some((at, text)) = beside.next_if(|(at, _)| *at <= attempt.at) {
            writeln!(output, "{}", line(at, &text))?;
        }
        let decisions = [Kind::Route, Kind::Tls, Kind::Connection];
        let decisions = decisions.into_iter().filter_map(|kind| named(kind, attempt.decision(kind)));
        let decisions: Vec<String> = decisions.collect();
        writeln!(output, "{}", line(attempt.at, &format!("attempt {}: {}", number + 1, decisions.join(", "))))?;
        for (at, step) in &attempt.steps {
            let text = match step {
                Step::Connecting(host, ip) => format!("  {host} [{ip}]"),
                Step::Secured(host, Verification::None) => format!("  {host}: secured by TLS, not verified"),
                Step::Secured(host, Verification::Pkix) => format!("  {host}: secured by TLS, verified by its name"),
                Step::Secured(host, Verification::Dane) => format!("  {host}: secured by TLS, verified by DANE"),
                Step::TlsCounted(what) => format!("  counts for the domain's TLS report: {what}"),
                Step::Failed(host, failure) => format!("  {host}: {}", wrong(failure)),
            };
            writeln!(output, "{}", line(*at, &text))?;
        }
        if let Some((at, status)) = &attempt.outcome {
            let next = match attempt.next {
                Some(next) => format!("; next at +{}", clock(next)),
                None => String::new(),
            };
            let schedule = named(Kind::Schedule, attempt.decision(Kind::Schedule));
            let schedule = schedule.map(|schedule| format!(" by {schedule}")).unwrap_or_default();
            writeln!(output, "{}", line(*at, &format!("  {}{next}{schedule}", outcome(status))))?;
        }
    }
    let given_up = timeline.given_up.as_ref().map(|(at, _)| *at);
    while let Some((at, text)) = beside.next_if(|(at, _)| given_up.is_some_and(|given_up| *at < given_up)) {
        writeln!(output, "{}", line(at, &text))?;
    }
    if let Some((at, status)) = &timeline.given_up {
        writeln!(output, "{}", line(*at, &outcome(status)))?;
    }
    for (at, text) in beside {
        writeln!(output, "{}", line(at, &text))?;
    }
    if !quirks.is_empty() {
        let quirks = quirks.iter().map(|Decided { quirk, from }| format!("{quirk} from +{}", clock(*from)));
        writeln!(output, "            otherwise without: {}", quirks.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

/// A failure, with the stage where a reply does not say it.
fn wrong(failure: &Wrong) -> String {
    match failure {
        Wrong::Rejected { stage, reply } => format!("{reply} (to {stage})"),
        other => other.to_string(),
    }
}

fn outcome(status: &Status) -> String {
    match status {
        Status::Scheduled => "scheduled".to_owned(),
        Status::Deferred(failed) => {
            format!("deferred: {} ({})", wrong(&failed.failure), failed.failure.last_error().word())
        }
        Status::Delivered(delivered) => format!("delivered to {}: {}", delivered.entity, delivered.reply),
        Status::Bounced(failed) => {
            format!("bounced: {} ({})", wrong(&failed.failure), failed.failure.last_error().word())
        }
    }
}

fn decision_json(decision: &Decision) -> Json {
    let Decision { name, rule, is_instead, settings } = decision;
    let number = |rule: Option<usize>| rule.map(|rule| rule + 1);
    let mut line = json!({ "name": name, "rule": number(*rule), "instead": is_instead });
    if let (Json::Object(line), false) = (&mut line, settings.is_empty()) {
        let set = |set: &SetBy| json!({ "setting": set.key, "value": set.value, "rule": number(set.rule) });
        line.insert("settings".to_owned(), settings.iter().map(set).collect());
    }
    line
}

fn status_json(at: Millis, status: &Status) -> Json {
    let (host, text) = match status {
        Status::Scheduled => (None, String::new()),
        Status::Deferred(failed) | Status::Bounced(failed) => (Some(&failed.entity), wrong(&failed.failure)),
        Status::Delivered(delivered) => (Some(&delivered.entity), delivered.reply.to_string()),
    };
    json!({
        "at_ms": at.0, "status": word(status).word(), "last_error": status.last_error(), "host": host, "text": text,
    })
}

fn attempt_json((number, attempt): (usize, &Try)) -> Json {
    let step = |(at, step): &(Millis, Step)| match step {
        Step::Connecting(host, ip) => {
            json!({ "at_ms": at.0, "step": "connecting", "host": **host, "ip": ip.to_string() })
        }
        Step::Secured(host, verification) => {
            let verified = match verification {
                Verification::None => None,
                Verification::Pkix => Some("pkix"),
                Verification::Dane => Some("dane"),
            };
            json!({ "at_ms": at.0, "step": "secured", "host": **host, "verified": verified })
        }
        Step::TlsCounted(what) => json!({ "at_ms": at.0, "step": "tls_report", "counted": **what }),
        Step::Failed(host, failure) => json!({
            "at_ms": at.0, "step": "failed", "host": **host, "last_error": failure.last_error().word(),
            "text": wrong(failure),
        }),
    };
    let mut line = json!({
        "number": number + 1,
        "at_ms": attempt.at.0,
        "steps": attempt.steps.iter().map(step).collect::<Vec<_>>(),
        "outcome": attempt.outcome.as_ref().map(|(at, status)| status_json(*at, status)),
        "next_ms": attempt.next.map(|next| next.0),
    });
    if let Json::Object(line) = &mut line {
        for kind in Kind::ALL {
            let decision = attempt.decision(kind).map(decision_json);
            line.insert(kind.word().to_owned(), decision.unwrap_or(Json::Null));
        }
    }
    line
}
