//! The layout `expressions_2024`: the settings of 2022, each of them an expression or rules of expressions.
//!
//! ```toml
//! next-hop = [ { if = "is_local_domain('*', rcpt_domain)", then = "'local'" },
//!              { else = false } ]
//! ```
//!
//! Source: delivery spec 0, 1.12, 2.1, 2.4.

mod next_hop;
mod spelling;

use base::{Diagnostic, Findings, Fix, MappedText, Secret, TextRange};
use document::Node;
use policy::{Block, BlockText, Compiler, Edition, ExprId, Op, Scope, Value, VariableSet, Wanted};

use crate::{
    Dialect, Resources, Settings, codes, defaults,
    outbound_layout::{self, Asks, Layout, Place, always, kind::Kind, remote::Hosts},
    read::{Context, holds_macro},
    settings::{Definition, Placed, Route, Selector, Setting},
};

/// What `tree` says in this layout.
pub(crate) fn read(tree: &Node<'_>, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    let mut expressions = Expressions {
        context: Context {
            dialect: Dialect::Expressions2024,
            compiler: Compiler::new(Edition::Expressions2024),
            resources,
            findings,
        },
    };
    let mut settings = outbound_layout::read(tree, &mut expressions);
    local_route(&mut expressions.context, &mut settings);
    settings.tls_strategies.each(|tls| {
        if tls.allow_invalid_certs.is_default() {
            tls.allow_invalid_certs = Setting::Chosen(Box::new(defaults::allow_invalid_certs()));
        }
    });
    settings
}

/// The name of the route into the server's own mailboxes, which no remote host can have.
const LOCAL: &str = "local";

/// Adds the built-in route `local`, where the policy can pick it.
fn local_route(context: &mut Context<'_>, settings: &mut Settings) {
    if let Some(remote) = settings.routes.get(LOCAL) {
        context.report(
            Diagnostic::new(&codes::INEFFECTIVE_SETTING, remote.range, "the remote host `local` is never used")
                .help("`'local'` always means the mailboxes of this server: give the host another name"),
        );
        return;
    }
    let Selector::Given(block) = &settings.route else { return };
    let outcomes = block.names();
    let place = outcomes.names.iter().find(|(name, _)| name == LOCAL).map(|(_, range)| *range);
    if let Some(range) = place.or_else(|| outcomes.open.first().copied()) {
        let _ = settings.routes.insert(Definition {
            name: LOCAL.to_owned(),
            range,
            value: Route::Local,
            ignored_by_reference: None,
        });
    }
}

/// The reader.
struct Expressions<'c> {
    context: Context<'c>,
}

/// What the expressions of a setting may name.
fn scope(place: Place) -> Scope {
    let (variables, all_set) = match place.asks {
        Asks::Sender => (VariableSet::SENDER_2024, false),
        Asks::Rcpt => (VariableSet::RCPT_2024, true),
        Asks::Mx => (VariableSet::MX_2024, false),
        Asks::Host | Asks::Quota => (VariableSet::HOST_2024, false),
    };
    Scope { variables, all_set, setting: place.quoted }
}

impl<'c> Layout<'c> for Expressions<'c> {
    fn context(&mut self) -> &mut Context<'c> {
        &mut self.context
    }

    fn setting<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Setting<T> {
        let before = self.context.findings.mark();
        let Some(block) = self.values(node, place, kind) else {
            return Setting::Default;
        };
        // Every outcome that is known now is checked now.
        let mut given = None;
        let macros = Macros::of(node, &self.context);
        for outcome in block.outcomes() {
            let Some(value) = block.ir().written(outcome) else {
                continue;
            };
            let typed = (kind.typed)(&value);
            if typed.is_none() {
                if macros == Macros::Open {
                    // What a macro stands for would tell.
                    return Setting::Default;
                }
                self.wrong_value(&block, outcome, macros, place, kind);
            }
            given = typed;
        }
        if self.context.findings.errors_since(before) {
            return Setting::Default;
        }
        match given {
            Some(value) if block.rules().is_empty() => Setting::Given(Placed::new(value, node.range)),
            _ => Setting::Chosen(Box::new(block)),
        }
    }

    fn next_hop(&mut self, node: &Node<'_>, hosts: &Hosts) -> Selector {
        match self.next_hop_block(node, hosts) {
            Some(block) => Selector::Given(Box::new(block)),
            None => Selector::broken(node.range),
        }
    }

    /// Local domains to the server's mailboxes, everything else by MX.
    fn next_hop_default(&mut self, hosts: &Hosts) -> Selector {
        let text = |text| MappedText::synthetic(text, TextRange::at(0));
        let outcome = format!("'{}'", hosts.mx);
        let default = BlockText {
            rules: vec![policy::RuleText {
                condition: text("is_local_domain('*', rcpt_domain)"),
                outcome: text("'local'"),
                range: TextRange::at(0),
            }],
            otherwise: Some(text(&outcome)),
            otherwise_range: TextRange::at(0),
        };
        let scope = scope(next_hop::PLACE);
        match self.context.compiler.block(&default, scope, Wanted::Name, self.context.findings) {
            Some(block) => Selector::Given(Box::new(block)),
            None => always(&hosts.mx),
        }
    }

    fn condition(&mut self, node: &Node<'_>, place: Place) -> Option<Box<Block>> {
        if self.has_structured_rules(node) {
            return None;
        }
        let block = self.context.block(node, place.key, scope(place), Wanted::Value).ok()?;
        Some(Box::new(block))
    }
}

impl Expressions<'_> {
    /// The block of a setting, whose outcomes are values of `kind` as far as their spelling tells.
    fn values<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Option<Block> {
        if self.has_structured_rules(node) || self.is_plain_list(node, place.key, kind) {
            return None;
        }
        let mut is_known = true;
        let mut text = self.context.block_text(node, place.key)?;
        if Macros::of(node, &self.context) == Macros::None {
            let outcomes = text.rules.iter_mut().map(|rule| &mut rule.outcome);
            for outcome in outcomes.chain(text.otherwise.as_mut()) {
                if kind.is_time {
                    self.numbers_alone(outcome, place);
                }
                let is_right = spelling::check(&mut self.context, outcome, place, kind);
                is_known &= is_right;
            }
        }
        let block = self.context.compile(node, &text, scope(place), Wanted::Value).ok();
        block.filter(|_| is_known)
    }

    /// Warns of a length of time without a unit: all of an outcome, or an entry of a list that it is.
    fn numbers_alone(&mut self, outcome: &MappedText, place: Place) {
        let text = outcome.text();
        let list = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let mut offset = list.map_or(0, |_| text.find('[').unwrap_or_default() + 1);
        let parts = list.map_or_else(|| vec![text], |list| list.split(',').collect());
        for part in parts {
            let start = offset + (part.len() - part.trim_start().len());
            offset += part.len() + 1;
            let part = part.trim();
            self.context.without_unit(part, outcome.map(TextRange::of(start..start + part.len())), place.key);
        }
    }

    /// Reports an outcome that is known and not of `kind`; of a list, each entry that is not.
    fn wrong_value<T>(&mut self, block: &Block, outcome: ExprId, macros: Macros, place: Place, kind: &Kind<T>) {
        let mut wrong = vec![outcome];
        if let (Some(_), Op::List(items)) = (kind.entry, &block.ir().get(outcome).op) {
            let is_wrong = |item: &ExprId| block.ir().written(*item).and_then(|value| (kind.typed)(&value)).is_none();
            let entries: Vec<ExprId> = items.iter().copied().filter(is_wrong).collect();
            if !entries.is_empty() {
                wrong = entries;
            }
        }
        for id in wrong {
            let Some(value) = block.ir().written(id) else { continue };
            let shown = if macros == Macros::None { described(&value) } else { Secret::MASK.to_owned() };
            let range = block.ir().get(id).range;
            let message = match kind.entry.filter(|_| id != outcome) {
                Some(entry) => format!("an entry of {} is `{shown}`, not {entry}", place.quoted),
                None => format!("{} is `{shown}`, not {}", place.quoted, kind.wanted),
            };
            let finding = Diagnostic::new(&codes::INVALID_VALUE, range, message);
            let example = kind.example;
            self.context.report(match &value {
                Value::Text(text) if !kind.is_text && macros == Macros::None => finding
                    .help(format!("a value of this setting has no quotes of its own, such as `{example}`"))
                    .fix(Fix::replace("remove the inner quotes", range, text.to_string())),
                _ => finding.help(format!("write it such as `{example}`")),
            });
        }
    }

    /// Whether `node` is a list of plain values, where this layout wants the list as an expression.
    fn is_plain_list<T>(&mut self, node: &Node<'_>, key: &str, kind: &Kind<T>) -> bool {
        let Some(items) = node.items() else { return false };
        if items.nodes.iter().any(|item| item.scalar_text().is_none()) {
            return false;
        }
        let message = format!("`{key}` is a list of values, and this layout wants an expression");
        let finding = Diagnostic::new(&codes::DIALECT_MISMATCH, node.range, message);
        if kind.entry.is_none() {
            let help = format!("write one value, such as `{}`, or rules with an `else`", kind.example);
            self.context.report(finding.help(help));
            return true;
        }
        let quote = if kind.is_text { "'" } else { "" };
        let texts = items.nodes.iter().filter_map(|item| item.scalar_text());
        let texts: Vec<_> = texts.map(|text| format!("{quote}{text}{quote}")).collect();
        let right = format!("\"[{}]\"", texts.join(", "));
        let is_plain = !right.contains('\\') && right.len() <= FIX_BYTES_MAX;
        let finding = finding.help(format!("write the list within a string: `\"{}\"`", kind.example));
        let fix = is_plain.then(|| Fix::replace("write the list as an expression", node.range, right));
        self.context.report(finding.fix_if(fix));
        true
    }

    /// Whether `node` has rules or conditions as the 2022 layout writes them, which is then reported once for each.
    fn has_structured_rules(&mut self, node: &Node<'_>) -> bool {
        let mut found = false;
        let items = node.items().map(|items| items.nodes).unwrap_or_default();
        for rule in items.into_iter().chain([node]).filter_map(Node::as_table) {
            let Some(entry) = rule.entries().iter().find(|entry| STRUCTURED.contains(&entry.key())) else {
                continue;
            };
            found = true;
            let message = format!("`{}` belongs to structured rules, which this layout does not have", entry.key());
            self.context.report(
                Diagnostic::new(&codes::DIALECT_MISMATCH, entry.key_range, message)
                    .help("write the condition as an expression, such as `rcpt_domain == 'example.org'`"),
            );
        }
        found
    }
}

/// What macros mean for the texts of a setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Macros {
    /// It has none.
    None,
    /// It has some, and this run does not expand them.
    Open,
    /// It had some, and what they stood for is not shown.
    Expanded,
}

impl Macros {
    fn of(node: &Node<'_>, context: &Context<'_>) -> Self {
        match (holds_macro(node), context.resources.resolves()) {
            (false, _) => Self::None,
            (true, false) => Self::Open,
            (true, true) => Self::Expanded,
        }
    }
}

/// Keys of the 2022 layout's conditions.
const STRUCTURED: [&str; 15] = [
    "eq",
    "equal-to",
    "ne",
    "not-equal-to",
    "in-list",
    "not-in-list",
    "matches",
    "not-matches",
    "starts-with",
    "not-starts-with",
    "ends-with",
    "not-ends-with",
    "any-of",
    "all-of",
    "none-of",
];

/// A value in a message.
fn described(value: &Value) -> String {
    const LENGTH_MAX: usize = 60;
    let text = value.to_string();
    let mut short: String = text.chars().take(LENGTH_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The longest list that a fix writes anew.
const FIX_BYTES_MAX: usize = 200;
