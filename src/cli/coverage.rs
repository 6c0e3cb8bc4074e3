//! `simulate --coverage`: what of a policy some scenario reached, as text, JSON, and for tools that read LCOV.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use base::TextRange;
use document::Source;
use policy::{Block, Kind, Plan};
use serde_json::json;
use simulate::coverage::Coverage;

use super::{Failure, dry_run::DryRun, masked::Masked};

/// What was reached of each policy.
#[derive(Default)]
pub(super) struct Policies(BTreeMap<PathBuf, Policy>);

struct Policy {
    source: Source,
    coverage: Coverage,
    /// What each block of rules chooses, and where each of its rules stands, and `else`: those of [`Kind::ALL`], and then
    /// those of settings.
    rules: Vec<(String, Vec<TextRange>)>,
    /// Where each strategy is defined.
    strategies: BTreeMap<(Kind, String), TextRange>,
}

impl Policies {
    /// What was reached of the policy `path`, to be counted on.
    pub(super) fn of(&mut self, path: &Path, read: &DryRun, plan: &Plan) -> &mut Coverage {
        let policy = self.0.entry(path.to_path_buf()).or_insert_with(|| {
            let defined = |kind| read.settings.own(kind).into_iter().map(str::to_owned).collect::<Vec<_>>();
            let ranges =
                |block: &Block| block.rules().iter().map(|rule| rule.range).chain([block.otherwise_range()]).collect();
            let kinds = Kind::ALL.into_iter().map(|kind| (kind.word().to_owned(), ranges(plan.choice(kind).block())));
            let settings = plan.settings.iter().map(|ruled| {
                let key = ruled.setting.key();
                (key.strip_prefix("queue.").unwrap_or(key).to_owned(), ranges(ruled.block()))
            });
            let place = |kind, name: String| {
                let range = read.settings.definition(kind, &name).map_or(TextRange::at(0), |(range, _)| range);
                ((kind, name), range)
            };
            let all = Kind::ALL.into_iter().flat_map(|kind| defined(kind).into_iter().map(move |name| (kind, name)));
            Policy {
                source: read.shown.clone(),
                coverage: Coverage::of(plan, defined),
                rules: kinds.chain(settings).collect(),
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
            for (block, reached) in policy.coverage.blocks().iter().enumerate() {
                let kind = policy.rules.get(block).map_or("", |(word, _)| word);
                for (place, taken) in reached.rules.iter().enumerate() {
                    let is_last = place + 1 == reached.rules.len();
                    let name = if is_last { "else".to_owned() } else { format!("rule {}", place + 1) };
                    let asked = reached.asked(place);
                    let line = policy.line(block, place).map_or_else(String::new, |line| format!("line {line}"));
                    let mark = if *taken == 0 { "never" } else { "" };
                    let text = format!("  {kind:<10} {name:<8} {line:<10} asked {asked:>6}, taken {taken:>6}  {mark}");
                    writeln!(output, "{}", text.trim_end())?;
                }
                for (name, chosen) in &reached.strategies {
                    let mark = if *chosen == 0 { "never" } else { "" };
                    let name = format!("'{name}'");
                    let text = format!("  {kind:<10} {name:<33} chosen {chosen:>6}  {mark}");
                    writeln!(output, "{}", text.trim_end())?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        for (path, policy) in &self.0 {
            let mut blocks = policy.coverage.blocks().iter().enumerate().map(|(block, reached)| {
                let rules = reached.rules.iter().enumerate().map(|(place, taken)| {
                    let is_last = place + 1 == reached.rules.len();
                    json!({
                        "rule": if is_last { None } else { Some(place + 1) }, "line": policy.line(block, place),
                        "asked": reached.asked(place), "taken": taken,
                    })
                });
                let rules: Vec<_> = rules.collect();
                let word = policy.rules.get(block).map_or("", |(word, _)| word);
                let Some(kind) = Kind::ALL.get(block) else { return json!({ "setting": word, "rules": rules }) };
                let strategies = reached.strategies.iter().map(
                    |(name, chosen)| json!({ "name": name, "line": policy.line_of(*kind, name), "chosen": chosen }),
                );
                json!({ "kind": word, "rules": rules, "strategies": strategies.collect::<Vec<_>>() })
            });
            let kinds: Vec<_> = blocks.by_ref().take(Kind::ALL.len()).collect();
            let settings: Vec<_> = blocks.collect();
            let line = json!({
                "type": "coverage", "version": 1, "policy": path.display().to_string(),
                "percent": (policy.coverage.percent() * 10.0).round() / 10.0, "kinds": kinds, "settings": settings,
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
            for (block, reached) in policy.coverage.blocks().iter().enumerate() {
                for (place, taken) in reached.rules.iter().enumerate() {
                    let line = policy.line(block, place);
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
        for (block, reached) in self.coverage.blocks().iter().enumerate() {
            let rules = reached.rules.iter().enumerate().map(|(place, taken)| (self.line(block, place), *taken));
            let line_of = |name: &str| Kind::ALL.get(block).and_then(|kind| self.line_of(*kind, name));
            let strategies = reached.strategies.iter().map(|(name, chosen)| (line_of(name), *chosen));
            for (line, count) in rules.chain(strategies) {
                if let Some(line) = line {
                    lines.entry(line).and_modify(|known| *known = count.min(*known)).or_insert(count);
                }
            }
        }
        lines
    }

    /// The line of a rule, or of `else` behind the last one; none where the document does not say it.
    fn line(&self, block: usize, place: usize) -> Option<u32> {
        let (_, rules) = self.rules.get(block)?;
        rules.get(place).filter(|range| **range != TextRange::at(0)).map(|range| self.line_at(*range))
    }

    fn line_of(&self, kind: Kind, name: &str) -> Option<u32> {
        self.strategies.get(&(kind, name.to_owned())).map(|range| self.line_at(*range))
    }

    fn line_at(&self, range: TextRange) -> u32 {
        self.source.position(range.start()).line
    }
}
