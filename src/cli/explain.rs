//! `pointsman explain`: which strategies a recipient gets, and why.

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use clap::Args;
use config::{
    describe::{Line, Origin},
    explain::{Asked, Explained, ExplainedSetting, Otherwise, Outcome as Decided, SettingOutcome, Stage},
    resolve::{self, Known, Used},
};
use document::{Source, render::Colour};
use policy::{Lookup, Scratch, Target};
use scenario::Environment;
use serde_json::{Value as Json, json};
use simulate::Attempt;

use super::{
    Failure, Outcome, Verdict, dry_run,
    dry_run::DryRun,
    engine::{self, Engine, Name},
};

/// Say which strategies a recipient gets, from which rule, and why
///
/// For each of the four decisions: the rule that matched with its place in the file, every rule before it and why it
/// did not hold, down to the values of its parts, and the settings of the chosen strategy with defaults marked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pointsman explain config.toml --message message.toml\n  \
                        pointsman explain config.toml --message mail.eml --rcpt bob@corp.test --set retry_num=2\n\n\
                        A message is a TOML or JSON description, or an .eml file.")]
pub(super) struct Arguments {
    /// The policy file
    policy: PathBuf,
    /// The message: a description in TOML or JSON, or an .eml file
    #[arg(long, short = 'm')]
    message: PathBuf,
    /// Only for this recipient; where the message does not have it, as if it had
    #[arg(long, short = 'r')]
    rcpt: Vec<String>,
    /// The sender, whatever the message says; `<>` or the empty text is the null sender
    #[arg(long, short = 'f')]
    from: Option<String>,
    /// Set a variable of the language, such as `retry_num=2` or `mx=mx1.corp.test`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// What local domains, stores, DNS and databases answer: TOML or JSON
    #[arg(long)]
    environment: Option<PathBuf>,
    #[command(flatten)]
    reading: dry_run::Reading,
    #[command(flatten)]
    engine: engine::Choice,
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
    let Some(mut message) = dry_run::message(&arguments.message, colour)? else { return Ok(Verdict::CannotRun) };
    dry_run::amend(&mut message, arguments.from.as_deref(), &arguments.rcpt, &arguments.set)?;
    let target = arguments.reading.target(None, settings).target;
    let compared = compared(arguments, settings, target)?;
    let mut scratch = Scratch::new();
    let mut verdict = policy.verdict();
    let mut recipients = Vec::new();
    let chosen = |rcpt: &str| arguments.rcpt.is_empty() || arguments.rcpt.iter().any(|wanted| wanted == rcpt);
    for (index, rcpt) in message.recipients.iter().enumerate() {
        if !chosen(rcpt.as_str()) {
            continue;
        }
        environment.reset();
        let facts = message.facts(index);
        let explanation = config::explain::explain(settings, &facts, &mut environment, target);
        for decision in &explanation.decisions {
            verdict = verdict.max(decision_verdict(decision));
        }
        if let Some(engine) = &compared {
            environment.reset();
            let _ = Attempt::decide(engine, &facts, &mut environment, &mut scratch);
            verdict = verdict.max(engine.verdict()?);
        }
        if arguments.json {
            recipients.push(json!({
                "rcpt": rcpt.as_str(),
                "decisions": explanation.decisions.iter().map(|decision| decision_json(source, decision)).collect::<Vec<_>>(),
            }));
        } else {
            let paint = Paint { colour };
            writeln!(output, "{} ({}, as {target})", paint.bold(rcpt.as_str()), settings.dialect)?;
            for decision in &explanation.decisions {
                decision_text(source, decision, target, &paint, output)?;
            }
            writeln!(output)?;
        }
    }
    if arguments.json {
        let report = json!({
            "version": 1,
            "policy": source.name(),
            "dialect": settings.dialect.name(),
            "target": target.to_string(),
            "message": message.id,
            "recipients": recipients,
        });
        writeln!(output, "{report:#}")?;
    }
    Ok(verdict)
}

/// Both engines, where another than the interpreter is asked for. Reasons are always the interpreter's, as machine code
/// keeps none; so that they are those of its decisions, the two are compared.
fn compared(arguments: &Arguments, settings: &config::Settings, target: Target) -> Result<Option<Engine>, Failure> {
    if arguments.engine.name(Name::Interpreter) == Name::Interpreter {
        return Ok(None);
    }
    match resolve::plan(settings, target) {
        Ok(plan) => engine::Choice::both().wire(plan).map(Some),
        // What is wrong was shown with the explanation.
        Err(_) => Ok(None),
    }
}

fn decision_verdict(decision: &Explained) -> Verdict {
    let of_setting = |ruled: &ExplainedSetting| match ruled.outcome {
        SettingOutcome::Value(_) => Verdict::Yes,
        SettingOutcome::Needs(_) => Verdict::Undecided,
        SettingOutcome::NoValue(_) | SettingOutcome::Failed(_) => Verdict::No,
    };
    let of_settings = decision.ruled.iter().map(of_setting).max().unwrap_or(Verdict::Yes);
    of_settings.max(match &decision.outcome {
        Decided::Needs(_) => Verdict::Undecided,
        Decided::Broken(_) | Decided::Failed { .. } | Decided::NotAName { .. } => Verdict::No,
        Decided::Strategy { known: Known::Undefined(_) | Known::Ignored(..), .. } => Verdict::No,
        Decided::Strategy { known: Known::Defined(_) | Known::Shipped | Known::BuiltIn, .. } => Verdict::Yes,
    })
}

/// Emphasis on a terminal.
struct Paint {
    colour: Colour,
}

impl Paint {
    fn bold(&self, text: &str) -> String {
        match self.colour {
            Colour::Always => format!("\x1b[1m{text}\x1b[0m"),
            Colour::Never => text.to_owned(),
        }
    }
}

fn place(source: &Source, range: base::TextRange) -> String {
    let position = source.position(range.start());
    format!("{}:{}:{}", source.name(), position.line, position.column)
}

/// The title of a decision.
fn title(decision: &Explained) -> String {
    match decision.stage {
        Stage::Host if decision.kind == policy::Kind::Tls => "tls at this host".to_owned(),
        _ => decision.kind.to_string(),
    }
}

fn decision_text(
    source: &Source,
    decision: &Explained,
    target: Target,
    paint: &Paint,
    output: &mut impl Write,
) -> Result<(), Failure> {
    writeln!(output, "\n  {} = {}", title(decision), paint.bold(&outcome_text(&decision.outcome)))?;
    for remark in remarks(decision, target) {
        writeln!(output, "    {remark}")?;
    }
    let reasons = Reasons {
        from_document: decision.from_document,
        rules: &decision.rules,
        otherwise: decision.otherwise.as_ref(),
        indent: "    ",
    };
    reasons.text(source, target, output)?;
    let width = decision.settings.iter().map(|line| line.key.len()).max().unwrap_or_default();
    // What rules choose stands below, with its rules.
    for line in decision.settings.iter().filter(|line| !matches!(line.origin, Origin::Rules)) {
        let origin = origin_text(source, line);
        writeln!(output, "      {:width$}  {}{origin}", line.key, line.value)?;
    }
    for ruled in &decision.ruled {
        writeln!(output, "    {} = {}", ruled.setting.key(), paint.bold(&setting_text(&ruled.outcome)))?;
        if let SettingOutcome::Needs(lookup) = &ruled.outcome {
            writeln!(output, "      nothing answers this; add to the environment:")?;
            for line in Environment::advice(lookup).lines() {
                writeln!(output, "        {line}")?;
            }
        }
        let reasons = Reasons {
            from_document: ruled.from_document,
            rules: &ruled.rules,
            otherwise: ruled.otherwise.as_ref(),
            indent: "      ",
        };
        reasons.text(source, target, output)?;
    }
    Ok(())
}

fn setting_text(outcome: &SettingOutcome) -> String {
    match outcome {
        SettingOutcome::Value(value) => value.clone(),
        SettingOutcome::NoValue(value) => format!("its default, as {value} is not a value of this setting"),
        SettingOutcome::Needs(lookup) => format!("undecided, needs {lookup}"),
        SettingOutcome::Failed(error) => format!("its default, as the evaluation failed: {error}"),
    }
}

fn origin_text(source: &Source, line: &Line) -> String {
    match line.origin {
        Origin::Document(range) => format!("  ({})", place(source, range)),
        Origin::Rules => "  (by rules)".to_owned(),
        Origin::Shipped => "  (shipped)".to_owned(),
        Origin::Default => "  (default)".to_owned(),
    }
}

fn outcome_text(outcome: &Decided) -> String {
    match outcome {
        Decided::Strategy { name, known: Known::Undefined(_) | Known::Ignored(..), .. } => {
            format!("{name} (undefined)")
        }
        Decided::Strategy { name, known: Known::BuiltIn, .. } => format!("{name} (built in)"),
        Decided::Strategy { name, known: Known::Shipped, .. } => format!("{name} (shipped)"),
        Decided::Strategy { name, known: Known::Defined(_), .. } => name.clone(),
        Decided::NotAName { value, .. } => format!("{value} (no name)"),
        Decided::Needs(lookup) => format!("undecided, needs {lookup}"),
        Decided::Failed { .. } => "failed".to_owned(),
        Decided::Broken(_) => "not known, its rules have errors".to_owned(),
    }
}

/// What a decision leads to, and what would settle an open one.
fn remarks(decision: &Explained, target: Target) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    let instead = |used: &Option<Used>| match used {
        Some(Used::Named(name)) => format!("{target} uses `{name}` instead"),
        Some(Used::BuiltIn { name, .. }) => format!("{target} uses the built-in `{name}` instead"),
        None => format!("{target} refuses the policy"),
    };
    match &decision.outcome {
        Decided::Strategy { known: Known::Ignored(_, why), used, .. } => {
            remarks.push(format!("{why}; {}", instead(used)));
        }
        Decided::Strategy { known: Known::Undefined(_), .. } => {
            for target in BTreeSet::from([target, Target::Native]) {
                remarks.push(format!("on {target}: {}", target.undefined(decision.kind)));
            }
        }
        Decided::NotAName { used, .. } => remarks.push(instead(used)),
        Decided::Failed { error, used } => remarks.push(format!("{error}; {}", instead(used))),
        Decided::Needs(lookup) => {
            remarks.push("nothing answers this; add to the environment:".to_owned());
            remarks.extend(Environment::advice(lookup).lines().map(|line| format!("  {line}")));
        }
        Decided::Strategy { .. } | Decided::Broken(_) => {}
    }
    remarks.extend(decision.notes.iter().cloned());
    remarks
}

/// Why rules came to what they did: those that were asked, and `else` where that was taken.
struct Reasons<'e> {
    from_document: bool,
    rules: &'e [Asked],
    otherwise: Option<&'e Otherwise>,
    indent: &'static str,
}

impl Reasons<'_> {
    fn text(&self, source: &Source, target: Target, output: &mut impl Write) -> Result<(), Failure> {
        let indent = self.indent;
        let at = |range| if self.from_document { place(source, range) } else { "built in".to_owned() };
        if !self.from_document {
            writeln!(output, "{indent}by the built-in rules of {target}")?;
        }
        for asked in self.rules {
            let verdict = match (&asked.outcome, &asked.value) {
                (Some(outcome), _) => format!("yes, then {outcome}"),
                (None, Some(value)) => format!("no, it is {value}"),
                (None, None) => "open".to_owned(),
            };
            writeln!(output, "{indent}{}: if {}  -> {verdict}", at(asked.range), asked.condition)?;
            for part in &asked.parts {
                writeln!(output, "{indent}    {} = {}", part.text, part.value)?;
            }
        }
        if let Some(otherwise) = self.otherwise {
            writeln!(output, "{indent}{}: else {}", at(otherwise.range), otherwise.outcome)?;
        }
        Ok(())
    }
}

fn position_json(source: &Source, from_document: bool, range: base::TextRange) -> Json {
    if !from_document {
        return Json::Null;
    }
    let position = source.position(range.start());
    json!({ "file": source.name(), "line": position.line, "column": position.column })
}

fn rules_json(source: &Source, from_document: bool, rules: &[Asked]) -> Json {
    let rule = |asked: &Asked| {
        json!({
            "place": position_json(source, from_document, asked.range),
            "if": asked.condition,
            "value": asked.value.as_ref().map(ToString::to_string),
            "then": asked.outcome,
            "parts": asked.parts.iter().map(|part| json!({ "text": part.text, "value": part.value })).collect::<Vec<_>>(),
        })
    };
    rules.iter().map(rule).collect()
}

fn otherwise_json(source: &Source, from_document: bool, otherwise: Option<&Otherwise>) -> Json {
    let Some(Otherwise { range, outcome }) = otherwise else { return Json::Null };
    json!({ "place": position_json(source, from_document, *range), "outcome": outcome })
}

fn needs_json(lookup: &Lookup) -> Json {
    json!({ "lookup": lookup.to_string(), "add": Environment::advice(lookup) })
}

fn decision_json(source: &Source, decision: &Explained) -> Json {
    let status = match &decision.outcome {
        Decided::Strategy { known: Known::Defined(_), .. } => "defined",
        Decided::Strategy { known: Known::Shipped, .. } => "shipped",
        Decided::Strategy { known: Known::BuiltIn, .. } => "provided",
        Decided::Strategy { .. } => "undefined",
        Decided::NotAName { .. } => "not-a-name",
        Decided::Needs(_) => "undecided",
        Decided::Failed { .. } => "failed",
        Decided::Broken(_) => "broken",
    };
    let name = match &decision.outcome {
        Decided::Strategy { name, .. } => json!(name),
        _ => Json::Null,
    };
    let needs = match &decision.outcome {
        Decided::Needs(lookup) => needs_json(lookup),
        _ => Json::Null,
    };
    let settings = decision.settings.iter().map(|line| {
        let place = match line.origin {
            Origin::Document(range) => position_json(source, decision.from_document, range),
            Origin::Rules | Origin::Shipped | Origin::Default => Json::Null,
        };
        json!({ "key": line.key, "value": line.value, "default": line.origin == Origin::Default, "shipped": line.origin == Origin::Shipped, "place": place })
    });
    json!({
        "kind": decision.kind.word(),
        "stage": if decision.stage == Stage::Host { "host" } else { "recipient" },
        "built_in_rules": !decision.from_document,
        "status": status,
        "name": name,
        "used": decision.outcome.used().map(ToString::to_string),
        "needs": needs,
        "rules": rules_json(source, decision.from_document, &decision.rules),
        "else": otherwise_json(source, decision.from_document, decision.otherwise.as_ref()),
        "settings": settings.collect::<Vec<_>>(),
        "ruled": decision.ruled.iter().map(|ruled| setting_json(source, ruled)).collect::<Vec<_>>(),
        "notes": decision.notes,
    })
}

fn setting_json(source: &Source, ruled: &ExplainedSetting) -> Json {
    let (status, value, needs) = match &ruled.outcome {
        SettingOutcome::Value(value) => ("given", json!(value), Json::Null),
        SettingOutcome::NoValue(_) => ("no-value", Json::Null, Json::Null),
        SettingOutcome::Needs(lookup) => ("undecided", Json::Null, needs_json(lookup)),
        SettingOutcome::Failed(_) => ("failed", Json::Null, Json::Null),
    };
    json!({
        "setting": ruled.setting.key(),
        "built_in_rules": !ruled.from_document,
        "status": status,
        "value": value,
        "needs": needs,
        "rules": rules_json(source, ruled.from_document, &ruled.rules),
        "else": otherwise_json(source, ruled.from_document, ruled.otherwise.as_ref()),
    })
}
