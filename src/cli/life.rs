//! What a run shows of each recipient's life: as text for people, and as JSON lines.

use std::{io::Write, path::Path};

use base::Millis;
use delivery::{
    Failure as Wrong, MessageId, Status,
    event::Standing,
    message::{Expires, Ret},
    report::Action,
};
use document::Source;
use policy::{Kind, Plan};
use scenario::{Scenario, Timestamp};
use serde_json::{Value as Json, json};
use simulate::{
    Life, Timeline, Violation,
    properties::Broken,
    quirks::Decided,
    timeline::{Connection, Counted, Decision, Otherwise, Secured, SetBy, Step, Try, Under, word},
};

use super::{
    Failure, Verdict,
    dry_run::Followed,
    limits::Limits,
    page::{Section, TIMELINES_MAX},
    simulate::Shown,
};

/// A run that is over, to be shown.
pub(super) struct Report<'r> {
    pub(super) path: &'r Path,
    pub(super) policy: &'r Path,
    /// The policies that are taken over.
    pub(super) later: Vec<&'r Path>,
    pub(super) plan: &'r Plan,
    pub(super) followed: Followed,
    pub(super) scenario: &'r Scenario,
    pub(super) source: &'r Source,
    pub(super) life: &'r Life,
    /// The limits of each policy.
    pub(super) limits: &'r [Limits],
    /// Whether also what did not bite is shown.
    pub(super) is_verbose: bool,
    pub(super) timelines: &'r [Timeline],
    /// The lives of the reports.
    pub(super) of_reports: &'r [Timeline],
    /// What quirks decided about each of them; none where nobody asked.
    pub(super) quirks: Option<&'r [Vec<Decided>]>,
    /// What must never be: a fault of this program.
    pub(super) violations: &'r [Violation],
    /// What it was held to, and where that does not hold.
    pub(super) properties: &'r [(String, Vec<Broken>)],
    pub(super) unmet: &'r [Otherwise],
    pub(super) met: usize,
    /// What is not looked at.
    pub(super) not_checked: &'r [String],
}

impl Shown for Report<'_> {
    fn text(&self, output: &mut impl Write) -> Result<(), Failure> {
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
        for (place, timeline) in self.timelines.iter().enumerate() {
            writeln!(output, "\n{} to {}", self.message(timeline), timeline.rcpt)?;
            self.lines(timeline, self.quirks_of(place), output)?;
        }
        for (number, report) in &self.life.reports {
            writeln!(output, "\nreport {} about {}", numbered(*number), self.about(*number, report))?;
            if let Some(timeline) = self.of_report(*number) {
                self.lines(timeline, &[], output)?;
            }
            for line in content(report).lines() {
                writeln!(output, "{}", format!("    {line}").trim_end())?;
            }
        }
        self.closing(output)
    }

    fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (place, timeline) in self.timelines.iter().enumerate() {
            let mut line = self.life_json(timeline);
            if let Json::Object(line) = &mut line {
                line.insert("type".to_owned(), json!("life"));
                line.insert("message".to_owned(), json!(self.message(timeline)));
                let quirks = self.quirks.map(|_| {
                    let quirks = self.quirks_of(place).iter().map(|Decided { quirk, from, is_words }| {
                        json!({ "quirk": quirk.to_string(), "from_ms": from.0, "only_words": is_words })
                    });
                    quirks.collect::<Vec<_>>()
                });
                line.insert("quirks".to_owned(), json!(quirks));
            }
            writeln!(output, "{line}")?;
        }
        for (number, report) in &self.life.reports {
            let about = usize::try_from(report.about.0).ok().and_then(|place| self.scenario.messages.get(place));
            let told =
                self.told(*number).map(|(rcpt, action)| json!({ "rcpt": rcpt.as_str(), "action": action.word() }));
            let life = self.of_report(*number).map(|timeline| self.life_json(timeline));
            let line = json!({
                "type": "report",
                "scenario": self.path.display().to_string(),
                "report": numbered(*number),
                "about": about.map(|message| &*message.id),
                "told": told.collect::<Vec<_>>(),
                "to": about.map(|message| message.sender.as_str()),
                "status": life.as_ref().map(|life| &life["status"]),
                "life": life,
                "content": content(report),
            });
            writeln!(output, "{line}")?;
        }
        self.scenario_json(output)
    }

    fn section(&self) -> Result<Section<'_>, Failure> {
        let mut lives = Vec::new();
        for (place, timeline) in self.timelines.iter().enumerate() {
            let mut text = Vec::new();
            // Of more than are shown, only the number is.
            if lives.len() < TIMELINES_MAX {
                self.lines(timeline, self.quirks_of(place), &mut text)?;
            }
            let name = format!("{} to {}", self.message(timeline), timeline.rcpt);
            lives.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
        let mut reports = Vec::new();
        for (number, report) in &self.life.reports {
            let mut text = Vec::new();
            if reports.len() < TIMELINES_MAX {
                if let Some(timeline) = self.of_report(*number) {
                    self.lines(timeline, &[], &mut text)?;
                }
                text.extend(format!("\n{}", content(report).replace("\r\n", "\n")).bytes());
            }
            let name = format!("report {} about {}", numbered(*number), self.about(*number, report));
            reports.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
        let never = self.violations.iter().map(|violation| format!("this must never be: {}", violation.what));
        let broken =
            self.broken().map(|broken| format!("does not hold: {}: {}: {}", broken.name, broken.rcpt, broken.what));
        let unmet = self.unmet.iter().map(|Otherwise { about, rcpt, expected, found, .. }| {
            format!("{about} for {rcpt}: expected `{expected}`, found {found}")
        });
        let not_checked = self.not_checked.iter().map(|what| format!("not checked: {what}"));
        let (policy, target) = (self.policy.display(), self.followed);
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
            reports,
            length,
        })
    }
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

    fn quirks_of(&self, place: usize) -> &[Decided] {
        self.quirks.and_then(|quirks| quirks.get(place)).map(Vec::as_slice).unwrap_or_default()
    }

    fn of_report(&self, number: u64) -> Option<&Timeline> {
        self.of_reports.iter().find(|timeline| timeline.message as u64 == number)
    }

    /// What a report is about, whom it tells, and what: not what became of it.
    fn about(&self, number: u64, report: &delivery::Report) -> String {
        let about = usize::try_from(report.about.0).ok().and_then(|place| self.scenario.messages.get(place));
        let (about, to) = about.map_or(("", ""), |message| (&*message.id, message.sender.as_str()));
        let told: Vec<String> = self.told(number).map(|(rcpt, action)| format!("{rcpt} {}", action.word())).collect();
        format!("{about} to {to}: {}", told.join(", "))
    }

    /// What a report says of which recipients.
    fn told(&self, number: u64) -> impl Iterator<Item = (&base::Mailbox, Action)> {
        let of = move |timeline: &'_ Timeline| {
            timeline.reports.iter().find(|(_, report, _)| *report == number).map(|(_, _, action)| *action)
        };
        self.timelines.iter().filter_map(move |timeline| Some((&timeline.rcpt, of(timeline)?)))
    }

    fn message(&self, timeline: &Timeline) -> &str {
        self.scenario.messages.get(timeline.message).map_or("", |message| &message.id)
    }

    /// What is run.
    pub(super) fn head(&self, output: &mut impl Write) -> Result<(), Failure> {
        let (name, policy) = (self.path.display(), self.policy.display());
        writeln!(output, "{name}: {policy} as {}", self.followed)?;
        Ok(())
    }

    /// A life, line by line.
    fn lines(&self, timeline: &Timeline, quirks: &[Decided], output: &mut impl Write) -> Result<(), Failure> {
        if let Some(at) = timeline.accepted {
            let schedule = named(Kind::Schedule, timeline.schedule.as_ref());
            let schedule = schedule.map(|schedule| format!("; {schedule}")).unwrap_or_default();
            writeln!(output, "{}", line(at, &format!("accepted{schedule}")))?;
        } else {
            let why = timeline.refused.as_deref().unwrap_or("the run ended before");
            let by = timeline.full_quota().map(|counted| format!(" ({})", self.limit(counted))).unwrap_or_default();
            writeln!(output, "            not accepted: {why}{by}")?;
        }
        let mut beside = self.beside(timeline).into_iter().peekable();
        for (number, attempt) in timeline.numbered() {
            while let Some((at, text)) = beside.next_if(|(at, _)| *at <= attempt.at) {
                writeln!(output, "{}", line(at, &text))?;
            }
            self.attempt(timeline, number, attempt, output)?;
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
            let quirks = quirks.iter().map(|Decided { quirk, from, is_words }| {
                let words = if *is_words { " (words only)" } else { "" };
                format!("`{quirk}`{words} from +{}", clock(*from))
            });
            writeln!(output, "            affected by quirk {}", quirks.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }

    /// What happened beside the attempts, in order.
    fn beside(&self, timeline: &Timeline) -> Vec<(Millis, String)> {
        let notices = timeline.notices.iter().map(|at| (*at, "a delay notice is due".to_owned()));
        let rescheduled = timeline.rescheduled.iter();
        let rescheduled = rescheduled.map(|(at, next)| (*at, format!("an operator has it tried at +{}", clock(*next))));
        let told = timeline.reports.iter().map(|(at, report, action)| {
            (*at, format!("the sender is told: {} (report {})", action.word(), numbered(*report)))
        });
        let counted = timeline.counted.iter().filter(|counted| self.is_verbose && !counted.is_full);
        let counted = counted.map(|counted| (counted.at, self.limit(counted)));
        let mut beside: Vec<(Millis, String)> = notices.chain(rescheduled).chain(told).chain(counted).collect();
        beside.sort_by_key(|(at, _)| *at);
        beside
    }

    fn attempt(&self, timeline: &Timeline, number: u64, attempt: &Try, output: &mut impl Write) -> Result<(), Failure> {
        let decisions = [Kind::Route, Kind::Tls, Kind::Connection];
        let decisions = decisions.into_iter().filter_map(|kind| named(kind, attempt.decision(kind)));
        let decisions: Vec<String> = decisions.collect();
        let decisions = if decisions.is_empty() { String::new() } else { format!(": {}", decisions.join(", ")) };
        writeln!(output, "{}", line(attempt.at, &format!("attempt {number}{decisions}")))?;
        for (at, step) in &attempt.steps {
            let text = match step {
                Step::Connecting(Connection { host, ip, from, ehlo }) => {
                    let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
                    format!("  {host} [{ip}]{from} as {ehlo}")
                }
                Step::Secured(host, Secured::Unverified) => format!("  {host}: secured by TLS, unverified"),
                Step::Secured(host, Secured::Pkix) => format!("  {host}: secured by TLS, verified by PKIX"),
                Step::Secured(host, Secured::MtaSts) => format!("  {host}: secured by TLS, verified by MTA-STS"),
                Step::Secured(host, Secured::Dane) => format!("  {host}: secured by TLS, verified by DANE"),
                Step::InClear(host) => format!("  {host}: in clear text"),
                Step::TlsCounted(what) => format!("  counts for the domain's TLS report: {what}"),
                Step::Failed(host, failure) => format!("  {host}: {}", wrong(failure)),
            };
            writeln!(output, "{}", line(*at, &text))?;
            if let Step::Connecting(Connection { host, ip, .. }) = step
                && self.is_verbose
            {
                let said = self.life.seen.said(timeline.message as u64, self.life.start + *at, host, *ip);
                for command in said {
                    writeln!(output, "              > {command}")?;
                }
            }
        }
        if let Some(held) = &attempt.held {
            let by = held
                .counted
                .as_ref()
                .map_or_else(|| format!("rate limit {}", held.limiter + 1), |counted| self.limit(counted));
            let rounds = if held.rounds > 1 { format!(", {} times in a row,", held.rounds) } else { String::new() };
            writeln!(output, "{}", line(held.at, &format!("  held until +{}{rounds} by {by}", clock(held.until))))?;
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
        Ok(())
    }

    /// What was counted, and under which limit.
    fn limit(&self, counted: &Counted) -> String {
        self.limits.get(counted.policy).map_or_else(String::new, |limits| limits.text(counted))
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

    /// A message's life for one recipient.
    fn life_json(&self, timeline: &Timeline) -> Json {
        let (at, status) = timeline.last();
        let held = timeline.attempts.iter().filter_map(|attempt| attempt.held.as_ref());
        let attempts = timeline.numbered();
        json!({
            "scenario": self.path.display().to_string(),
            "rcpt": timeline.rcpt.as_str(),
            "accepted_ms": timeline.accepted.map(|at| at.0),
            "refused": timeline.refused,
            "refused_by": timeline.full_quota().map(|counted| self.limits_json(counted)),
            "schedule": timeline.schedule.as_ref().map(decision_json),
            "queued": timeline.standing.as_ref().map(|standing| self.standing_json(standing)),
            "attempts": attempts.map(|(number, attempt)| self.attempt_json(timeline, number, attempt)).collect::<Vec<_>>(),
            "notices_ms": timeline.notices.iter().map(|at| at.0).collect::<Vec<_>>(),
            "told": timeline.reports.iter().map(|(at, report, action)| json!({
                "at_ms": at.0, "report": numbered(*report), "action": action.word(),
            })).collect::<Vec<_>>(),
            "rescheduled": timeline.rescheduled.iter().map(|(at, next)| json!({
                "at_ms": at.0, "next_ms": next.0,
            })).collect::<Vec<_>>(),
            "waits": held.map(|held| json!({
                "at_ms": held.at.0, "limiter": held.limiter + 1, "until_ms": held.until.0, "rounds": held.rounds,
            })).collect::<Vec<_>>(),
            "counted": self.is_verbose.then(|| timeline.counted.iter().map(|counted| {
                let mut line = self.limits_json(counted);
                if let Json::Object(line) = &mut line {
                    line.insert("at_ms".to_owned(), counted.at.0.into());
                    line.insert("kind".to_owned(), json!(match counted.under {
                        Under::Limiter { .. } => "limiter",
                        Under::Quota { .. } => "quota",
                    }));
                    line.insert("has_room".to_owned(), json!(!counted.is_full));
                }
                line
            }).collect::<Vec<_>>()),
            "status": status.word(),
            "status_ms": at.map(|at| at.0),
            "given_up": timeline.given_up.as_ref().map(|(at, status)| status_json(*at, status)),
        })
    }

    fn limits_json(&self, counted: &Counted) -> Json {
        self.limits.get(counted.policy).map_or(Json::Null, |limits| limits.json(counted))
    }

    /// How a recipient stands in the queue.
    fn standing_json(&self, standing: &Standing) -> Json {
        let (expires_ms, expires_after) = match standing.expires {
            Expires::At(at) => (Some(at.since(self.life.start).0), None),
            Expires::After(attempts) => (None, Some(attempts)),
        };
        json!({
            "queue": &*standing.queue, "retry_num": standing.retry_num, "expires_ms": expires_ms,
            "expires_after": expires_after,
        })
    }

    /// The recipients of an attempt's transaction.
    fn together(&self, timeline: &Timeline, attempt: &Try) -> Vec<String> {
        let known = self.life.recipients.get(&(timeline.message as u64)).map(Vec::as_slice).unwrap_or_default();
        let rcpt = |place: &u32| known.get(*place as usize).map(|known| known.address.as_str().to_owned());
        attempt.together.iter().filter_map(rcpt).collect()
    }

    fn attempt_json(&self, timeline: &Timeline, number: u64, attempt: &Try) -> Json {
        let step = |(at, step): &(Millis, Step)| match step {
            Step::Connecting(Connection { host, ip, from, ehlo }) => {
                let said = self.life.seen.said(timeline.message as u64, self.life.start + *at, host, *ip);
                json!({
                    "at_ms": at.0, "step": "connecting", "host": **host, "ip": ip.to_string(),
                    "from": from.map(|from| from.to_string()), "ehlo": **ehlo, "commands": said,
                })
            }
            Step::Secured(host, secured) => {
                let verified = match secured {
                    Secured::Unverified => None,
                    Secured::Pkix | Secured::MtaSts | Secured::Dane => Some(secured.word()),
                };
                json!({ "at_ms": at.0, "step": "secured", "host": **host, "verified": verified })
            }
            Step::InClear(host) => json!({ "at_ms": at.0, "step": "in_clear", "host": **host }),
            Step::TlsCounted(what) => json!({ "at_ms": at.0, "step": "tls_report", "counted": **what }),
            Step::Failed(host, failure) => json!({
                "at_ms": at.0, "step": "failed", "host": **host, "last_error": failure.last_error().word(),
                "text": wrong(failure),
            }),
        };
        let held = attempt.held.as_ref().map(|held| {
            json!({
                "at_ms": held.at.0, "until_ms": held.until.0, "rounds": held.rounds,
                "limiter": held.counted.as_ref().map(|counted| self.limits_json(counted)),
            })
        });
        let mut line = json!({
            "number": number,
            "at_ms": attempt.at.0,
            "transaction": self.together(timeline, attempt),
            "queued": attempt.standing.as_ref().map(|standing| self.standing_json(standing)),
            "tls_before_hosts": attempt.tls_before_hosts().map(decision_json),
            "steps": attempt.steps.iter().map(step).collect::<Vec<_>>(),
            "held": held,
            "outcome": attempt.outcome.as_ref().map(|(at, status)| status_json(*at, status)),
            "next_ms": attempt.next.map(|next| next.0),
            "requeued": attempt.then.as_ref().map(|standing| self.standing_json(standing)),
        });
        if let Json::Object(line) = &mut line {
            for kind in Kind::ALL {
                let decision = attempt.decision(kind).map(decision_json);
                line.insert(kind.word().to_owned(), decision.unwrap_or(Json::Null));
            }
        }
        line
    }

    /// The line of the scenario.
    pub(super) fn scenario_json(&self, output: &mut impl Write) -> Result<(), Failure> {
        let mut line = json!({
            "type": "scenario",
            "version": 1,
            "scenario": self.path.display().to_string(),
            "policy": self.policy.display().to_string(),
            "target": self.plan.target.to_string(),
            "target_by": self.followed.by(),
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

/// What happened at a moment of the run.
fn line(at: Millis, text: &str) -> String {
    format!("  {:>8}  {text}", format!("+{}", clock(at)))
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
