//! `pointsman bench`: what a decision by this policy costs.

use std::{
    hint::black_box,
    io::Write,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use config::resolve;
use document::render::Colour;
use policy::{AllAnswers, Decide, Decided, Facts, Kind, Lookup, Otherwise, Plan, Scratch, Stop, World as _};
use scenario::{Environment, Message};
use serde_json::json;

use super::{
    Outcome, Verdict,
    dry_run::{self, DryRun},
    engine,
};

/// Measure what a decision by a policy costs, with the interpreter and with machine code
///
/// The four decisions about one recipient, again and again: how many there are in a second, and how long one takes. The
/// questions that the policy asks the world are answered once, and the answers remembered.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pointsman bench config.toml --message mail.eml --environment environment.toml")]
pub(super) struct Arguments {
    /// The policy file
    policy: PathBuf,
    /// The message: a description in TOML or JSON, or an .eml file; one that is made up unless given
    #[arg(long, short = 'm')]
    message: Option<PathBuf>,
    /// What local domains, stores, DNS and databases answer: TOML or JSON
    #[arg(long)]
    environment: Option<PathBuf>,
    #[command(flatten)]
    reading: dry_run::Reading,
    /// How long each engine is measured, in milliseconds
    #[arg(long, default_value = "500", value_parser = clap::value_parser!(u64).range(1..=600_000))]
    milliseconds: u64,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, colour: Colour, output: &mut impl Write) -> Outcome {
    let environment = dry_run::environment(arguments.environment.as_deref(), colour)?;
    let Some(mut environment) = environment else { return Ok(Verdict::CannotRun) };
    let policy = dry_run::policy(&arguments.policy, &arguments.reading, colour)?;
    let policy = match policy {
        Ok(policy) => policy,
        Err(verdict) => return Ok(verdict),
    };
    let DryRun { source, settings, .. } = &policy;
    let message = match &arguments.message {
        Some(path) => dry_run::message(path, colour)?,
        None => Some(made_up()),
    };
    let Some(message) = message else { return Ok(Verdict::CannotRun) };
    let target = arguments.reading.target(None, settings).target;
    let plan = match resolve::plan(settings, target) {
        Ok(plan) => Arc::new(plan),
        Err(findings) => {
            policy.show_more(&findings, colour)?;
            return Ok(Verdict::No);
        }
    };
    let facts = message.facts(0);
    let answers = match answers(&plan, &facts, &mut environment) {
        Ok(answers) => answers,
        Err(lookup) => {
            let advice = Environment::advice(&lookup);
            writeln!(super::masked::stderr(), "undecided, needs {lookup}; add to the environment:\n{advice}")?;
            return Ok(Verdict::Undecided);
        }
    };
    let begun = now();
    let compiled = jit::Compiled::new(plan.clone());
    let compile = begun.elapsed();
    let time = Duration::from_millis(arguments.milliseconds);
    let interpreter = measured(&*plan, &facts, &answers, time);
    let jit = match &compiled {
        Ok(compiled) => Some((measured(compiled, &facts, &answers, time), compiled.code_bytes())),
        Err(why) => {
            engine::warn(why)?;
            None
        }
    };
    if arguments.json {
        let report = json!({
            "version": 1,
            "policy": source.name(),
            "interpreter_ns": interpreter,
            "jit_ns": jit.map(|(nanoseconds, _)| nanoseconds),
            "compile_us": compile.as_micros() as u64,
            "code_bytes": jit.map(|(_, bytes)| bytes),
        });
        writeln!(output, "{report}")?;
        return Ok(policy.verdict());
    }
    line(output, "interpreter", interpreter)?;
    if let Some((nanoseconds, bytes)) = jit {
        line(output, "machine code", nanoseconds)?;
        writeln!(output, "compiled in {} µs, {bytes} bytes of code", compile.as_micros())?;
    }
    Ok(policy.verdict())
}

fn line(output: &mut impl Write, name: &str, nanoseconds: f64) -> Result<(), super::Failure> {
    Ok(writeln!(output, "{name:14}{nanoseconds:10.1} ns for four decisions, {:12.0} in a second", 1e9 / nanoseconds)?)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// A message to a recipient somewhere.
fn made_up() -> Message {
    let mailbox = |text| base::Mailbox::parse(text).unwrap_or_default();
    Message {
        sender: mailbox("sender@home.example"),
        recipients: vec![mailbox("user@dest.example")],
        ..Message::default()
    }
}

/// The answers to everything that is asked about the recipient, or the first question that is not answered.
fn answers(plan: &Plan, facts: &Facts, environment: &mut Environment) -> Result<AllAnswers, Lookup> {
    let (row, mut scratch, mut answers) = (facts.row(), Scratch::new(), AllAnswers::new());
    for kind in Kind::ALL {
        while let Some(lookup) = asked(&plan.decide(kind, &row, answers.get(kind), &mut scratch)) {
            match environment.answer(&lookup) {
                Some(answer) => answers.get_mut(kind).push(answer),
                None => return Err(lookup),
            }
        }
    }
    Ok(answers)
}

fn asked(decided: &Decided) -> Option<Lookup> {
    match decided.as_ref().err().map(|otherwise| &**otherwise) {
        Some(Otherwise::Stopped(Stop::Needs(lookup))) => Some(lookup.clone()),
        _ => None,
    }
}

/// How long the four decisions take, in nanoseconds.
fn measured(engine: &dyn Decide, facts: &Facts, answers: &AllAnswers, time: Duration) -> f64 {
    const BATCH: u32 = 256;
    let (row, mut scratch) = (facts.row(), Scratch::new());
    let mut batch = |count: u32| {
        for _ in 0..count {
            black_box(engine.decide_all(black_box(&row), answers, &mut scratch).route.is_ok());
        }
    };
    batch(BATCH);
    let begun = now();
    let mut count = 0_u32;
    while begun.elapsed() < time {
        batch(BATCH);
        count = count.saturating_add(BATCH);
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
