//! Which of the TOML layouts a document is written in, and whether it is a policy at all.
//!
//! The keys of 2025 are its own, so one of them decides. The layouts of 2022 and 2024 have the same keys: there the
//! way that rules are written decides, a structured rule against an expression, and where no rule is, the words. What a
//! document says about other things than outbound delivery speaks, too: `remote-ip` as a key, `[rule]`, `[list]`.
//!
//! Source: delivery spec 0, detection hints.

use base::{Diagnostic, Findings, Millis, TextRange};
use document::{Node, Source, Table};

use crate::{Dialect, codes, strategies_2025};

/// The layout of a TOML document.
///
/// A key that one layout alone has decides, then how rules are written, then words. Where all of that is silent, values
/// that stand there plainly are of 2022, whose settings are values; a document without any of these is of the newest
/// layout. A choice that nothing in the document settles is told.
pub(crate) fn toml(tree: &Node<'_>, findings: &mut Findings) -> Dialect {
    let evidence = Evidence::of(tree);
    if evidence.strategies {
        return Dialect::Strategies2025;
    }
    let newer = if evidence.is_older { Dialect::Expressions2024 } else { Dialect::Strategies2025 };
    let by = |old: u32, new: u32| if old > new { Dialect::Legacy2022 } else { newer };
    match (evidence.structured.first, evidence.expressions.first) {
        (Some(structured), Some(expression)) => {
            findings.push(
                Diagnostic::new(
                    &codes::DIALECT_MIXED,
                    structured,
                    "a rule in the way of 2022 stands in one document with an expression",
                )
                .related(expression, "an expression, as servers read them since 2024")
                .help("write all conditions as expressions: `if = \"rcpt_domain == 'example.org'\"`"),
            );
            return by(evidence.structured.number, evidence.expressions.number);
        }
        (Some(_), None) => return Dialect::Legacy2022,
        (None, Some(_)) => return newer,
        (None, None) => {}
    }
    let (structured, expressions) = evidence.rules_elsewhere;
    if structured != expressions {
        return by(structured, expressions);
    }
    let (old, new) = (evidence.kebab, evidence.snake + evidence.of_2024);
    if evidence.has_limiters {
        return newer;
    }
    if old > 0 || new > 0 {
        return if old >= new { Dialect::Legacy2022 } else { newer };
    }
    match evidence.plain {
        Some(plain) => {
            let message = format!("this is read as `{}`, though later layouts have it, too", Dialect::Legacy2022);
            findings.push(
                Diagnostic::new(&codes::DIALECT_UNSURE, plain, message)
                    .help(format!("`--dialect {newer}` reads it as servers of a later year do")),
            );
            Dialect::Legacy2022
        }
        None => newer,
    }
}

/// The first rule under `node` that is written in the way of 2022.
pub(crate) fn structured_rule(node: &Node<'_>) -> Option<TextRange> {
    if let Some(table) = node.as_table() {
        if is_structured(table) {
            return Some(node.range);
        }
        return table.entries().iter().find_map(|entry| structured_rule(&entry.value));
    }
    node.as_list()?.iter().find_map(structured_rule)
}

/// Whether a rule compares by a key beside its `if`, or is a group of rules.
fn is_structured(table: &Table<'_>) -> bool {
    const GROUPS: [&str; 3] = ["any-of", "all-of", "none-of"];
    const OPERATORS: [&str; 8] =
        ["eq", "equal-to", "ne", "not-equal-to", "in-list", "matches", "starts-with", "ends-with"];
    let is_operator = |key: &str| OPERATORS.contains(&key.strip_prefix("not-").unwrap_or(key)) || key == "not-equal-to";
    let has = |is: &dyn Fn(&str) -> bool| table.entries().iter().any(|entry| is(entry.key()));
    has(&|key| GROUPS.contains(&key)) || table.get("if").is_some() && has(&is_operator)
}

/// Places of one kind.
#[derive(Default)]
struct Places {
    first: Option<TextRange>,
    number: u32,
}

impl Places {
    fn add(&mut self, range: TextRange) {
        self.first.get_or_insert(range);
        self.number += 1;
    }
}

/// What speaks for one layout or another.
#[derive(Default)]
struct Evidence {
    /// Keys of 2025.
    strategies: bool,
    /// Keys of 2022 and 2024.
    is_older: bool,
    /// Rules in the way of 2022, about outbound delivery.
    structured: Places,
    /// Expressions about outbound delivery.
    expressions: Places,
    /// Rules that are about other things: in the way of 2022, and with expressions.
    rules_elsewhere: (u32, u32),
    /// Words as 2022 writes them, and settings that it alone has.
    kebab: u32,
    /// Words as 2024 writes them.
    snake: u32,
    /// Settings that came with 2024.
    of_2024: u32,
    /// `queue.limiter`, which came at the end of the layout of 2024, and stayed.
    has_limiters: bool,
    /// The first setting that every layout reads, and all of them alike.
    plain: Option<TextRange>,
}

impl Evidence {
    fn of(tree: &Node<'_>) -> Self {
        let mut evidence = Self::default();
        for entry in tree.as_table().map(Table::entries).unwrap_or_default() {
            match entry.key() {
                "queue" => evidence.queue(&entry.value),
                "route" | "strategy" => evidence.strategies |= strategies_2025::is_top_level(entry),
                "remote" if entry.value.as_table().is_some() => evidence.remotes(&entry.value),
                "report" => {
                    if let Some(dsn) = entry.value.get("dsn") {
                        evidence.shared(dsn);
                    }
                }
                "list" | "rule" => {
                    evidence.kebab += 1;
                    evidence.elsewhere(&entry.value);
                }
                "throttle" => evidence.throttle_elsewhere(&entry.value),
                _ => evidence.elsewhere(&entry.value),
            }
        }
        evidence
    }

    fn queue(&mut self, queue: &Node<'_>) {
        for entry in queue.as_table().map(Table::entries).unwrap_or_default() {
            match entry.key() {
                "strategy" | "route" | "virtual" | "connection" | "tls" | "source-ip" => self.strategies = true,
                "schedule" => self.schedule(&entry.value),
                "outbound" => {
                    self.is_older = true;
                    for entry in entry.value.as_table().map(Table::entries).unwrap_or_default() {
                        self.strategies |= strategies_2025::is_lost_tls_strategy(entry);
                        self.value(&entry.value);
                    }
                }
                "throttle" => {
                    self.is_older = true;
                    self.limits(&entry.value);
                }
                "quota" => self.limits(&entry.value),
                "limiter" => self.has_limiters = true,
                "threads" => {
                    self.is_older = true;
                    self.of_2024 += 1;
                }
                "path" | "hash" => {
                    self.is_older = true;
                    self.kebab += 1;
                }
                _ => {}
            }
        }
    }

    /// `queue.schedule`: for all mail in the older layouts, by names in the newer one.
    fn schedule(&mut self, node: &Node<'_>) {
        for entry in node.as_table().map(Table::entries).unwrap_or_default() {
            if strategies_2025::is_global_schedule(entry) {
                self.is_older = true;
                self.value(&entry.value);
            } else if entry.value.as_table().is_some() {
                self.strategies = true;
            }
        }
    }

    fn remotes(&mut self, node: &Node<'_>) {
        const OF_2022: [&str; 4] = ["lookup", "cache", "concurrency", "timeout"];
        self.is_older = true;
        for remote in node.as_table().map(Table::entries).unwrap_or_default() {
            let has = |key: &&str| remote.value.get(key).is_some();
            // The values of a remote host are plain in every layout that has one.
            if OF_2022.iter().any(has) { self.kebab += 1 } else { self.of_2024 += 1 }
        }
    }

    /// `queue.throttle` and `queue.quota`: what they count by, and when.
    fn limits(&mut self, node: &Node<'_>) {
        if let Some(list) = node.as_list() {
            return list.iter().for_each(|node| self.limits(node));
        }
        for entry in node.as_table().map(Table::entries).unwrap_or_default() {
            match entry.key() {
                "key" => self.counted(&entry.value),
                "match" => {
                    self.of_2024 += u32::from(entry.value.scalar_text().is_some());
                    self.shared(&entry.value);
                }
                "enable" => self.of_2024 += 1,
                _ if entry.value.as_table().is_some() => self.limits(&entry.value),
                _ => self.plain = self.plain.or(Some(entry.key_range)),
            }
        }
    }

    /// A limit of incoming mail, which had its place to itself until the end of 2024.
    fn throttle_elsewhere(&mut self, node: &Node<'_>) {
        self.is_older = true;
        if let Some(list) = node.as_list() {
            return list.iter().for_each(|node| self.throttle_elsewhere(node));
        }
        for entry in node.as_table().map(Table::entries).unwrap_or_default() {
            match entry.key() {
                "key" => self.counted(&entry.value),
                "enable" => self.of_2024 += 1,
                "match" if structured_rule(&entry.value).is_some() => self.rules_elsewhere.0 += 1,
                "match" => self.rules_elsewhere.1 += 1,
                _ if entry.value.as_table().is_some() => self.throttle_elsewhere(&entry.value),
                _ => self.plain = self.plain.or(Some(entry.key_range)),
            }
        }
    }

    fn counted(&mut self, node: &Node<'_>) {
        for word in words(node) {
            self.kebab += u32::from(word.contains('-'));
            self.snake += u32::from(word.contains('_'));
        }
    }

    /// A setting that is an expression in 2024 and in 2025.
    fn shared(&mut self, node: &Node<'_>) {
        match structured_rule(node) {
            Some(rule) => self.structured.add(rule),
            None => self.value(node),
        }
    }

    /// A setting that the older layouts have, with all that is in it.
    fn value(&mut self, node: &Node<'_>) {
        if let Some(table) = node.as_table() {
            if is_structured(table) {
                self.structured.add(node.range);
                // What it compares with may look like anything: `matches = "^list-(.*)"`.
                if let Some(outcome) = table.get("then") {
                    self.value(outcome);
                }
                return;
            }
            for entry in table.entries() {
                self.value(&entry.value);
            }
        } else if let Some(list) = node.as_list() {
            // A list of plain values is read by 2022 alone; since then it is the text of one expression.
            self.kebab += u32::from(list.iter().any(|node| node.scalar_text().is_some()));
            for node in list {
                self.value(node);
            }
        } else if let Some(text) = node.scalar_text() {
            match Word::of(text) {
                Word::Expression => self.expressions.add(node.range),
                Word::Kebab => self.kebab += 1,
                Word::Snake => self.snake += 1,
                Word::Neutral => self.plain = self.plain.or(Some(node.range)),
            }
        }
    }

    /// Rules about other things than outbound delivery.
    fn elsewhere(&mut self, node: &Node<'_>) {
        if let Some(table) = node.as_table() {
            if is_structured(table) {
                self.rules_elsewhere.0 += 1;
            } else if table.get("if").is_some() {
                self.rules_elsewhere.1 += 1;
            }
            for entry in table.entries() {
                if entry.key() == "throttle" {
                    self.throttle_elsewhere(&entry.value);
                } else {
                    self.elsewhere(&entry.value);
                }
            }
            return;
        }
        for node in node.as_list().unwrap_or_default() {
            self.elsewhere(node);
        }
    }
}

/// The words of a list, or the only one.
fn words<'t>(node: &'t Node<'_>) -> impl Iterator<Item = &'t str> {
    let nodes = node.items().map_or_else(|| vec![node], |items| items.nodes);
    nodes.into_iter().filter_map(Node::scalar_text)
}

/// Whether rules stand below `node`, or an expression.
pub(crate) fn holds_rules(node: &Node<'_>) -> bool {
    if let Some(table) = node.as_table() {
        let is_rule = ["if", "then", "else"].iter().any(|key| table.get(key).is_some());
        return is_rule || table.entries().iter().any(|entry| holds_rules(&entry.value));
    }
    match node.as_list() {
        Some(list) => list.iter().any(holds_rules),
        None => node.as_text().is_some_and(|text| Word::of(text) == Word::Expression),
    }
}

/// What the text of a setting looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    /// It has quotes, brackets or operators.
    Expression,
    /// A bare word of 2022: `ipv4-then-ipv6`, `relay`, `mx.example.org`.
    Kebab,
    /// A bare word of 2024: `ipv4_then_ipv6`.
    Snake,
    /// A number, a duration, `optional`: both have it.
    Neutral,
}

impl Word {
    fn of(text: &str) -> Self {
        const NEUTRAL: [&str; 9] =
            ["true", "false", "optional", "require", "required", "disable", "disabled", "none", "never"];
        let text = text.trim();
        let is_sign = |letter: char| "'\"()[]=<>&|!+$".contains(letter);
        if text.is_empty() || text.contains("%{") && !text.contains(is_sign) {
            Self::Neutral
        } else if text.contains(is_sign) {
            Self::Expression
        } else if Millis::parse(text).is_ok() || text.parse::<f64>().is_ok() || NEUTRAL.contains(&text) {
            Self::Neutral
        } else if text.contains('_') {
            Self::Snake
        } else {
            Self::Kebab
        }
    }
}

/// Says that `source` is no policy, where it plainly is something else.
pub(crate) fn not_a_policy(source: &Source) -> Option<Diagnostic> {
    let lines = Lines::of(source.text());
    let first = lines.first?;
    let what = if lines.is_shell(source.name(), source.text()) {
        "a shell transcript"
    } else if lines.is_nix(source.name()) {
        "a Nix module"
    } else if lines.has_fence || first.slice(source.text()) == "---" {
        "a text with a policy in it"
    } else {
        return None;
    };
    let finding = Diagnostic::new(&codes::NOT_A_POLICY, first, format!("{what} is no policy"));
    Some(finding.help("give the configuration file itself, in TOML or JSON"))
}

/// What the lines of a text look like, without comments and what stands in strings over several lines.
#[derive(Default)]
struct Lines {
    /// The first one.
    first: Option<TextRange>,
    /// Those that end in a semicolon, as Nix ends its statements.
    semicolons: usize,
    /// Those that are a whole statement or a header of TOML.
    statements: usize,
    /// Whether a block of code begins, as in Markdown.
    has_fence: bool,
}

impl Lines {
    fn of(text: &str) -> Self {
        let mut lines = Self::default();
        let mut open: Option<&str> = None;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let start = offset + (line.len() - line.trim_start().len());
            offset += line.len();
            let line = line.trim();
            if let Some(quotes) = open {
                if line.contains(quotes) {
                    open = None;
                }
                continue;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lines.first.get_or_insert_with(|| TextRange::of(start..start + line.len()));
            lines.add(line);
            open = ["'''", "\"\"\""].into_iter().find(|quotes| line.matches(quotes).count() % 2 == 1);
        }
        lines
    }

    fn add(&mut self, line: &str) {
        let is_header = line.starts_with('[') && line.ends_with(']') && !line.contains(['"', '\'']);
        self.semicolons += usize::from(line.ends_with(';'));
        self.statements += usize::from(is_header || line.contains('=') && !line.ends_with([';', '{', '[', '(']));
        self.has_fence |= line.starts_with("```");
    }

    fn is_nix(&self, name: &str) -> bool {
        self.semicolons > self.statements || self.semicolons > 0 && has_extension(name, "nix")
    }

    /// Whether the first line is a command.
    fn is_shell(&self, name: &str, text: &str) -> bool {
        const COMMANDS: [&str; 13] = [
            "$",
            "stalwart-cli",
            "curl",
            "sudo",
            "docker",
            "podman",
            "kubectl",
            "ssh",
            "cat",
            "echo",
            "export",
            "set",
            "cd",
        ];
        let line = self.first.unwrap_or_default().slice(text);
        let mut words = line.split_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else {
            return text.starts_with("#!");
        };
        let is_command = first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        let is_by_name = has_extension(name, "sh") || name.to_ascii_lowercase().ends_with(".cli.txt");
        let is_assignment = first.contains('=') || second.starts_with('=');
        text.starts_with("#!") || !is_assignment && (COMMANDS.contains(&first) || is_command && is_by_name)
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    let found = name.rsplit_once('.').map(|(_, found)| found);
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests;
