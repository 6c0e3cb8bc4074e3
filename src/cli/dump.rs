//! `pointsman dump`: what each stage made of a policy.

use std::{io::Write, path::PathBuf};

use base::{Findings, MappedText};
use clap::{Args, ValueEnum};
use config::{Settings, describe::Origin, resolve};
use document::{Source, render::Colour};
use policy::{Block, Dag, Kind, ir_text, lexer, parse};

use super::{Failure, Outcome, Verdict, dry_run};

/// Show what each stage made of a policy or an expression
///
/// For compiler engineers, and for finding out why a rule reads otherwise than it was meant.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The policy file
    #[arg(required_unless_present = "expression")]
    policy: Option<PathBuf>,
    /// Dump this expression instead of a policy
    #[arg(long, short = 'e', conflicts_with = "policy")]
    expression: Option<String>,
    /// Which stage
    #[arg(long, value_enum, default_value = "settings")]
    stage: Stage,
    #[command(flatten)]
    reading: dry_run::Reading,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Stage {
    /// The tokens of each expression
    Tokens,
    /// The tree of each expression
    Ast,
    /// Every strategy with its settings, defaults filled in
    Settings,
    /// The typed IR of each selector
    Ir,
    /// The decision DAG of each selector
    Dag,
    /// The code of each selector in Cranelift's IR
    Clif,
    /// The machine code of each selector
    Code,
}

pub(super) fn run(arguments: &Arguments, colour: Colour, output: &mut impl Write) -> Outcome {
    if let Some(expression) = &arguments.expression {
        return dump_expression(expression, arguments.stage, colour, output);
    }
    let Some(path) = &arguments.policy else { return Err(Failure::Usage("no policy is given".to_owned())) };
    let reading = &arguments.reading;
    let policy = match dry_run::policy(path, reading, colour)? {
        Ok(policy) => policy,
        Err(verdict) => return Ok(verdict),
    };
    let (source, settings) = (&policy.source, &policy.settings);
    let target = reading.target(None, settings).target;
    match arguments.stage {
        Stage::Settings => dump_settings(settings, target, output)?,
        Stage::Ir => {
            for kind in Kind::ALL {
                if let Some(block) = settings.rules(kind) {
                    write!(output, "# {kind}\n{}\n", ir_text::write_block(&block))?;
                }
            }
        }
        Stage::Dag => {
            for kind in Kind::ALL {
                if let Some(block) = settings.rules(kind) {
                    write!(output, "# {kind}\n{}\n", dag_of(&block)?)?;
                }
            }
        }
        Stage::Clif | Stage::Code => match resolve::plan(settings, target) {
            Ok(plan) => {
                for kind in Kind::ALL {
                    write!(
                        output,
                        "# {kind}\n{}\n",
                        code_of(jit::Compiled::texts(&plan, Some(kind)), arguments.stage)?
                    )?;
                }
                write!(output, "# all four\n{}\n", code_of(jit::Compiled::texts(&plan, None), arguments.stage)?)?;
            }
            Err(findings) => {
                policy.show_more(&findings, colour)?;
                return Ok(Verdict::No);
            }
        },
        Stage::Tokens | Stage::Ast => {
            for text in config::expressions(source) {
                let position = source.position(text.document_range().start());
                writeln!(output, "# {}:{}:{}", source.name(), position.line, position.column)?;
                write!(output, "{}", stage_of(&text, arguments.stage))?;
            }
        }
    }
    Ok(policy.verdict())
}

fn dump_expression(expression: &str, stage: Stage, colour: Colour, output: &mut impl Write) -> Outcome {
    let source = Source::new("expression", expression);
    let text = MappedText::verbatim(source.text(), 0);
    if let Stage::Tokens | Stage::Ast = stage {
        let mut findings = Findings::new();
        let parsed = parse::parse(&text, &mut findings);
        dry_run::show(&source, &findings, colour)?;
        write!(output, "{}", stage_of(&text, stage))?;
        return Ok(if parsed.is_some() { Verdict::Yes } else { Verdict::No });
    }
    let mut compiler = policy::Compiler::new(policy::Edition::Objects2026);
    let mut findings = Findings::new();
    let mut ir = policy::Ir::default();
    let root = compiler.expression(&text, policy::Scope::TLS, &mut ir, &mut findings);
    dry_run::show(&source, &findings, colour)?;
    let Some(root) = root else { return Ok(Verdict::No) };
    if stage == Stage::Ir || stage == Stage::Settings {
        write!(output, "{}", ir_text::write_expression(&ir, root))?;
    } else {
        let block = Block::new(ir, Vec::new(), root, base::TextRange::default());
        let text = if stage == Stage::Dag { dag_of(&block)? } else { code_of(jit::Program::texts(&block), stage)? };
        write!(output, "{text}")?;
    }
    Ok(Verdict::Yes)
}

fn refused(why: &jit::Refused) -> Failure {
    Failure::Usage(why.to_string())
}

fn dag_of(block: &Block) -> Result<String, Failure> {
    Ok(Dag::of(block).map_err(|policy::dag::TooLarge| refused(&jit::Refused::TooLarge))?.to_string())
}

/// Of the texts of some code the one that is asked for.
fn code_of(texts: Result<(String, String), jit::Refused>, stage: Stage) -> Result<String, Failure> {
    let (clif, code) = texts.map_err(|why| refused(&why))?;
    Ok(if stage == Stage::Clif { clif } else { code })
}

/// The tokens or the tree of an expression.
fn stage_of(text: &MappedText, stage: Stage) -> String {
    match stage {
        Stage::Tokens => lexer::tokens(text.text())
            .into_iter()
            .map(|token| format!("{:?} {:?} {:?}\n", token.kind, token.range, token.range.slice(text.text())))
            .collect(),
        _ => parse::parse(text, &mut Findings::new()).map_or_else(String::new, |tree| tree.to_text()),
    }
}

fn dump_settings(settings: &Settings, target: policy::Target, output: &mut impl Write) -> Result<(), Failure> {
    writeln!(output, "dialect {}", settings.dialect)?;
    writeln!(output, "target {target}")?;
    for kind in Kind::ALL {
        match settings.rules(kind) {
            Some(block) => {
                writeln!(output, "\n[strategy.{kind}]")?;
                let text = |id| policy::display::expression(block.ir(), id);
                for rule in block.rules() {
                    writeln!(output, "if   {}\nthen {}", text(rule.condition), text(rule.outcome))?;
                }
                writeln!(output, "else {}", text(block.otherwise()))?;
            }
            None => writeln!(output, "\n[strategy.{kind}]\n# has errors")?,
        }
    }
    for kind in Kind::ALL {
        for name in settings.defined(kind) {
            writeln!(output, "\n[{kind}.{name:?}]")?;
            for line in settings.describe(kind, name, target) {
                let origin = match line.origin {
                    Origin::Default => "  # default",
                    Origin::Shipped => "  # shipped",
                    Origin::Document(_) | Origin::Rules => "",
                };
                writeln!(output, "{} = {}{origin}", line.key, line.value)?;
            }
        }
    }
    for queue in &settings.queues {
        let threads = queue.value.threads_per_node.given().copied().unwrap_or(25);
        let origin = if queue.range.is_empty() { "  # shipped" } else { "" };
        writeln!(output, "\n[virtual.{:?}]\nthreads-per-node = {threads}{origin}", queue.name)?;
    }
    Ok(())
}
