//! `simulate --coverage`: what of a policy some scenario reached, as text, JSON, and for tools that read LCOV.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use base::TextRange;
use document::Source;
use policy::{Kind, Plan};
use serde_json::json;
use simulate::coverage::Coverage;

use super::{Failure, dry_run::DryRun, masked::Masked};

/// What was reached of each policy.
#[derive(Default)]
pub(super) struct Policies(BTreeMap<PathBuf, Policy>);

struct Policy {
    source: Source,
    coverage: Coverage,
    /// Where each rule stands, and `else`; by [`Kind::ALL`].
    rules: [Vec<TextRange>; 4],
    /// Where each strategy is defined.
    strategies: BTreeMap<(Kind, String), TextRange>,
}

impl Policies {
    /// What was reached of the policy `path`, to be counted on.
    pub(super) fn of(&mut self, path: &Path, read: &DryRun, plan: &Plan) -> &mut Coverage {
        let policy = self.0.entry(path.to_path_buf()).or_insert_with(|| {
            let defined = |kind| read.settings.defined(kind).into_iter().map(str::to_owned).collect::<Vec<_>>();
            let ranges = |kind| {
                let block = plan.choice(kind).block();
                block.rules().iter().map(|rule| rule.range).chain([block.otherwise_range()]).collect()
            };
            let place = |kind, name: String| {
                let range = read.settings.definition(kind, &name).map_or(TextRange::at(0), |(range, _)| range);
                ((kind, name), range)
            };
            let all = Kind::ALL.into_iter().flat_map(|kind| defined(kind).into_iter().map(move |name| (kind, name)));
            Policy {
                source: read.shown.clone(),
                coverage: Coverage::of(plan, defined),
                rules: Kind::ALL.map(ranges),
                strategies: all.map(|(kind, name)| place(kind, name)).collect(),
            }
        });
        &mut policy.coverage
    }

    /// The least that was reached of a policy, in hundredths.
    pub(super) fn least(&self) -> f64 {
        self.0.values().map(|policy| policy.coverage.percent()).fold(100.0, f64::min)
    }

    /// Each policy, and what was reached of it: its text, line by line, with how often what begins there was taken.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&Path, f64, Vec<(&str, Option<u64>)>)> {
        self.0.iter().map(|(path, policy)| {
            let counts = policy.counts();
            let lines = policy.source.text().lines().zip(1..);
            let lines = lines.map(|(line, number)| (line, counts.get(&number).copied())).collect();
            (path.as_path(), policy.coverage.percent(), lines)
        })
    }

    pub(super) fn text(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (path, policy) in &self.0 {
            writeln!(
                output,
                "\n{}: {:.1}% of its rules and strategies were reached",
                path.display(),
                policy.coverage.percent()
            )?;
            for kind in Kind::ALL {
                let reached = policy.coverage.get(kind);
                let last = reached.rules.len() - 1;
                for (place, taken) in reached.rules.iter().enumerate() {
                    let name = if place == last { "else".to_owned() } else { format!("rule {}", place + 1) };
                    let asked = reached.asked(place);
                    let line = policy.line(kind, place).map_or_else(String::new, |line| format!("line {line}"));
                    let mark = if *taken == 0 { "never" } else { "" };
                    let kind = kind.word();
                    let text = format!("  {kind:<10} {name:<8} {line:<10} asked {asked:>6}, taken {taken:>6}  {mark}");
                    writeln!(output, "{}", text.trim_end())?;
                }
                for (name, chosen) in &reached.strategies {
                    let mark = if *chosen == 0 { "never" } else { "" };
                    let (kind, name) = (kind.word(), format!("'{name}'"));
                    let text = format!("  {kind:<10} {name:<33} chosen {chosen:>6}  {mark}");
                    writeln!(output, "{}", text.trim_end())?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (path, policy) in &self.0 {
            let kinds = Kind::ALL.map(|kind| {
                let reached = policy.coverage.get(kind);
                let last = reached.rules.len() - 1;
                let rules = reached.rules.iter().enumerate().map(|(place, taken)| {
                    json!({
                        "rule": if place == last { None } else { Some(place + 1) }, "line": policy.line(kind, place),
                        "asked": reached.asked(place), "taken": taken,
                    })
                });
                let strategies = reached.strategies.iter().map(
                    |(name, chosen)| json!({ "name": name, "line": policy.line_of(kind, name), "chosen": chosen }),
                );
                json!({
                    "kind": kind.word(), "rules": rules.collect::<Vec<_>>(),
                    "strategies": strategies.collect::<Vec<_>>(),
                })
            });
            let line = json!({
                "type": "coverage", "version": 1, "policy": path.display().to_string(),
                "percent": (policy.coverage.percent() * 10.0).round() / 10.0, "kinds": kinds,
            });
            writeln!(output, "{line}")?;
        }
        Ok(())
    }

    /// Writes the form that coverage tools read: a line for each rule and each strategy, and two branches for each rule.
    pub(super) fn write_lcov(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::Usage(format!("cannot write `{}`: {error}", path.display()));
        let file = std::fs::File::create(path).map_err(failed)?;
        let mut out = Masked::new(std::io::BufWriter::new(file));
        out.write_all(self.lcov().as_bytes()).and_then(|()| out.flush()).map_err(failed)
    }

    fn lcov(&self) -> String {
        let mut text = String::new();
        for (path, policy) in &self.0 {
            let lines = policy.counts();
            let mut branches = Vec::new();
            for kind in Kind::ALL {
                let reached = policy.coverage.get(kind);
                for (place, taken) in reached.rules.iter().enumerate() {
                    let line = policy.line(kind, place);
                    if let Some(line) = line.filter(|_| place + 1 < reached.rules.len()) {
                        let asked = reached.asked(place);
                        for (branch, count) in [*taken, asked - taken].into_iter().enumerate() {
                            let count = if asked == 0 { "-".to_owned() } else { count.to_string() };
                            branches
                                .push((count != "-" && count != "0", format!("BRDA:{line},{place},{branch},{count}")));
                        }
                    }
                }
            }
            let mut add = |line: String| {
                text.push_str(&line);
                text.push('\n');
            };
            add("TN:".to_owned());
            add(format!("SF:{}", path.display()));
            for (_, branch) in &branches {
                add(branch.clone());
            }
            add(format!("BRF:{}", branches.len()));
            add(format!("BRH:{}", branches.iter().filter(|(is_hit, _)| *is_hit).count()));
            for (line, count) in &lines {
                add(format!("DA:{line},{count}"));
            }
            add(format!("LF:{}", lines.len()));
            add(format!("LH:{}", lines.values().filter(|count| **count > 0).count()));
            add("end_of_record".to_owned());
        }
        text
    }
}

impl Policy {
    /// How often what begins on each line was taken: a line with several rules as often as the least of them.
    fn counts(&self) -> BTreeMap<u32, u64> {
        let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
        for kind in Kind::ALL {
            let reached = self.coverage.get(kind);
            let rules = reached.rules.iter().enumerate().map(|(place, taken)| (self.line(kind, place), *taken));
            let strategies = reached.strategies.iter().map(|(name, chosen)| (self.line_of(kind, name), *chosen));
            for (line, count) in rules.chain(strategies) {
                if let Some(line) = line {
                    lines.entry(line).and_modify(|known| *known = count.min(*known)).or_insert(count);
                }
            }
        }
        lines
    }

    /// The line of a rule, or of `else` behind the last one; none where the document does not say it.
    fn line(&self, kind: Kind, place: usize) -> Option<u32> {
        let [route, schedule, connection, tls] = &self.rules;
        let rules = match kind {
            Kind::Route => route,
            Kind::Schedule => schedule,
            Kind::Connection => connection,
            Kind::Tls => tls,
        };
        rules.get(place).filter(|range| **range != TextRange::at(0)).map(|range| self.line_at(*range))
    }

    fn line_of(&self, kind: Kind, name: &str) -> Option<u32> {
        self.strategies.get(&(kind, name.to_owned())).map(|range| self.line_at(*range))
    }

    fn line_at(&self, range: TextRange) -> u32 {
        self.source.position(range.start()).line
    }
}
