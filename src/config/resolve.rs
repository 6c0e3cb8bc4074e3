//! Names to definitions: what a selector can pick, whether it exists, and the plan for a target.
//!
//! Invariants:
//!
//! - Every name that a selector of the document can give is defined, shipped or built in, or reported.
//! - A kind of which the document defines nothing is reported once, not per name: the document is then a part of a
//!   configuration whose rest defines them.

use std::{collections::BTreeSet, fmt, sync::Arc};

use base::{Diagnostic, Findings, Fix, Secret, TextRange};
use policy::{
    Block, Choice, Kind, Outcomes, Plan, StrategyId, Target,
    plan::NO_NAME,
    spelling::nearest,
    target::{Release, Undefined},
};

use crate::{
    Dialect, Settings, codes, defaults,
    settings::{Route, Selector},
    strategies,
};

impl Dialect {
    /// The server whose behaviour a policy in this dialect has, unless another is asked for.
    #[must_use]
    pub const fn target(self) -> Target {
        match self {
            Self::Legacy2022 => Target::Stalwart(Release::last_of(5)),
            Self::Expressions2024 => Target::Stalwart(Release::last_of(12)),
            Self::Strategies2025 => Target::STALWART_015,
            Self::Objects2026 => Target::STALWART_016,
        }
    }
}

/// The strategy that a decision comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Used {
    /// The one of this name.
    Named(String),
    /// The server's own, which no name leads to where the policy has a strategy of the same name.
    BuiltIn {
        /// What the server calls it.
        name: &'static str,
        /// Whether the document has one of that name.
        is_beside: bool,
    },
}

impl fmt::Display for Used {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => out.write_str(name),
            Self::BuiltIn { name, is_beside: false } => out.write_str(name),
            Self::BuiltIn { name, is_beside: true } => write!(out, "{name} (built in)"),
        }
    }
}

/// How a name is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Known {
    /// The document defines it at this place.
    Defined(TextRange),
    /// The document defines it in a way that the reference does not read, and why.
    Ignored(TextRange, &'static str),
    /// The document's server ships it.
    Shipped,
    /// It is built into every server.
    BuiltIn,
    /// Nothing defines it; the document defines a strategy of another kind by this name, if it does.
    Undefined(Option<Kind>),
}

impl Known {
    /// Whether there is a definition that the target reads, in the document or by its server.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        matches!(self, Self::Defined(_) | Self::Shipped)
    }
}

impl Settings {
    /// The selector of `kind`.
    #[must_use]
    pub const fn selector(&self, kind: Kind) -> &Selector {
        match kind {
            Kind::Route => &self.route,
            Kind::Schedule => &self.schedule,
            Kind::Connection => &self.connection,
            Kind::Tls => &self.tls,
        }
    }

    /// The rules of `kind`: those of the document, or the built-in ones; `None` where the document's have errors.
    #[must_use]
    pub fn rules(&self, kind: Kind) -> Option<Block> {
        match self.selector(kind) {
            Selector::Given(block) => Some((**block).clone()),
            Selector::BuiltIn => Some(defaults::selector(kind, self.dialect)),
            Selector::Broken(_) => None,
        }
    }

    /// The names of `kind` that the document itself defines, and not what its server ships.
    #[must_use]
    pub fn own(&self, kind: Kind) -> Vec<&str> {
        let is_own = |name: &&str| self.definition(kind, name).is_some_and(|(range, _)| !range.is_empty());
        self.defined(kind).into_iter().filter(|name| !self.dialect.ships() || is_own(name)).collect()
    }

    /// The names that are defined of `kind`, in the document or by its server.
    #[must_use]
    pub fn defined(&self, kind: Kind) -> Vec<&str> {
        match kind {
            Kind::Route => self.routes.names().collect(),
            Kind::Schedule => self.schedules.names().collect(),
            Kind::Connection => self.connections.names().collect(),
            Kind::Tls => self.tls_strategies.names().collect(),
        }
    }

    /// Where the document defines `name`, and why the reference passes that over, if it does.
    #[must_use]
    pub fn definition(&self, kind: Kind, name: &str) -> Option<(TextRange, Option<&'static str>)> {
        match kind {
            Kind::Route => self.routes.get(name).map(|found| (found.range, found.ignored_by_reference)),
            Kind::Schedule => self.schedules.get(name).map(|found| (found.range, found.ignored_by_reference)),
            Kind::Connection => self.connections.get(name).map(|found| (found.range, found.ignored_by_reference)),
            Kind::Tls => self.tls_strategies.get(name).map(|found| (found.range, found.ignored_by_reference)),
        }
    }

    /// How `target` knows the strategy `name` of `kind`.
    #[must_use]
    pub fn known(&self, kind: Kind, name: &str, target: Target) -> Known {
        let is_built_in = Target::built_in(kind).contains(&name);
        match self.definition(kind, name) {
            // What the reference does not read cannot hide what is built into it.
            Some((_, Some(_))) if is_built_in && target != Target::Native => Known::BuiltIn,
            Some((range, Some(why))) if target != Target::Native => Known::Ignored(range, why),
            Some((range, _)) if range.is_empty() && self.dialect.ships() => Known::Shipped,
            Some((range, _)) => Known::Defined(range),
            None if is_built_in => Known::BuiltIn,
            None => {
                let elsewhere = Kind::ALL.into_iter().find(|other| self.definition(*other, name).is_some());
                Known::Undefined(elsewhere)
            }
        }
    }

    /// What `target` makes of a name of `kind` that nothing defines; `None` where it refuses it.
    ///
    /// A server of the newer layouts takes a strategy that is built into it, whatever the policy calls by the same name
    /// (delivery spec 3.2). In the older ones there is one setting of each kind for all mail.
    #[must_use]
    pub fn instead(&self, kind: Kind, target: Target) -> Option<Used> {
        let Undefined::Becomes(name) = target.undefined(kind) else { return None };
        let known = self.known(kind, name, target);
        Some(if self.dialect.ships() || !known.is_defined() {
            Used::BuiltIn { name, is_beside: matches!(known, Known::Defined(_)) }
        } else {
            Used::Named(name.to_owned())
        })
    }

    /// What `target` makes of a value that is no text, and of an evaluation that failed: the policy's own strategy of
    /// that name, where it has one.
    #[must_use]
    pub fn instead_of_no_name(&self, kind: Kind, target: Target) -> Option<Used> {
        let instead = self.instead(kind, target)?;
        let is_own = self.known(kind, NO_NAME, target).is_defined();
        Some(if is_own { Used::Named(NO_NAME.to_owned()) } else { instead })
    }
}

/// Whether the names that a selector gives may be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Names {
    /// They stand in the document.
    Plain,
    /// Some may have come out of a macro.
    Hidden,
}

impl Names {
    fn of(block: &Block) -> Self {
        if block.is_hidden() { Self::Hidden } else { Self::Plain }
    }

    fn shown(self, name: &str) -> &str {
        match self {
            Self::Plain => name,
            Self::Hidden => Secret::MASK,
        }
    }
}

/// Reports every name that a selector of the document can give and nothing defines.
pub(crate) fn report(settings: &Settings, findings: &mut Findings) {
    for kind in Kind::ALL {
        let (outcomes, names) = match settings.selector(kind) {
            Selector::Given(block) => (block.names(), Names::of(block)),
            Selector::Broken(broken) => (broken.names.clone(), Names::Plain),
            Selector::BuiltIn => continue,
        };
        report_kind(settings, kind, outcomes, names, findings);
    }
}

fn report_kind(settings: &Settings, kind: Kind, outcomes: Outcomes, names: Names, findings: &mut Findings) {
    let target = settings.dialect.target();
    let is_snippet = is_snippet(settings, kind);
    let mut unknown: Vec<(&str, TextRange)> = Vec::new();
    let mut reported = BTreeSet::new();
    for (name, range) in &outcomes.names {
        match settings.known(kind, name, target) {
            Known::Defined(_) | Known::Ignored(..) | Known::Shipped | Known::BuiltIn => {}
            Known::Undefined(Some(other)) => findings.push(wrong_kind(settings, kind, other, name, *range, names)),
            Known::Undefined(None)
                if is_snippet && (names == Names::Hidden || meant(settings, kind, name).is_none()) =>
            {
                unknown.push((names.shown(name), *range));
            }
            Known::Undefined(None) => {
                if reported.insert((name.as_str(), *range)) {
                    let compares = reported.len() <= SUGGESTIONS_MAX;
                    findings.push(undefined(settings, kind, name, *range, names, compares));
                }
            }
        }
    }
    if let Some((_, range)) = unknown.first() {
        findings.push(snippet(settings, kind, &unknown, *range));
    }
    for range in outcomes.open {
        findings.push(
            Diagnostic::new(&codes::OPEN_OUTCOME, range, format!("only a run can tell which {kind} this names"))
                .help(format!("a name that is not defined then {}", consequences(settings, kind))),
        );
    }
}

/// Whether the document itself defines nothing of `kind`: in the older layouts delivery by MX and into mailboxes are
/// routes that the reader adds.
fn is_snippet(settings: &Settings, kind: Kind) -> bool {
    match (kind, settings.dialect) {
        (Kind::Route, Dialect::Legacy2022 | Dialect::Expressions2024) => {
            !settings.routes.iter().any(|route| matches!(route.value, Route::Relay(_)))
        }
        _ => settings.own(kind).is_empty(),
    }
}

/// What becomes of an undefined name, for the policy's own server and for this project's.
fn consequences(settings: &Settings, kind: Kind) -> String {
    if settings.dialect == Dialect::Legacy2022 {
        // What the target does instead, a later version, is not what the server of this layout does.
        return format!("keeps the server of 2022 from starting, and is refused on {}", Target::Native);
    }
    let of = |target: Target| match target.undefined(kind) {
        Undefined::Refused => "is refused".to_owned(),
        Undefined::Becomes(name) => format!("becomes the built-in `{name}`"),
    };
    let target = settings.dialect.target();
    format!("{} on {target}, and {} on {}", of(target), of(Target::Native), Target::Native)
}

/// The most names that a help lists.
const LISTED_MAX: usize = 12;

/// Names, as far as a line holds them.
fn listed(names: &[&str]) -> String {
    let first: Vec<&str> = names.iter().take(LISTED_MAX).copied().collect();
    let more = names.len() - first.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("`{}`{more}", first.join("`, `"))
}

/// How many undefined names of a kind are compared with every defined one, which takes the time of their product.
const SUGGESTIONS_MAX: usize = 100;

/// The name that was probably meant: one that is defined or built in.
fn meant<'s>(settings: &'s Settings, kind: Kind, name: &str) -> Option<&'s str> {
    nearest(name, settings.defined(kind).into_iter().chain(Target::built_in(kind).iter().copied()))
}

fn undefined(
    settings: &Settings,
    kind: Kind,
    name: &str,
    range: TextRange,
    names: Names,
    compares: bool,
) -> Diagnostic {
    let near = (names == Names::Plain && compares).then(|| meant(settings, kind, name)).flatten();
    let message = format!("no {kind} strategy `{}` is defined", names.shown(name));
    let finding = Diagnostic::new(&codes::UNDEFINED_STRATEGY, range, message)
        .label(format!("it {}", consequences(settings, kind)));
    match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")).fix(Fix::replace(
            format!("rename to `{near}`"),
            range,
            format!("'{near}'"),
        )),
        None if settings.defined(kind).is_empty() => finding.help("define it"),
        None => finding.help(format!("define it, or name one of {}", listed(&settings.defined(kind)))),
    }
}

fn wrong_kind(settings: &Settings, kind: Kind, other: Kind, name: &str, range: TextRange, names: Names) -> Diagnostic {
    let finding = Diagnostic::new(
        &codes::WRONG_KIND_STRATEGY,
        range,
        format!("`{}` is a {other} strategy, and a {kind} strategy is wanted here", names.shown(name)),
    )
    .label(format!("it {}", consequences(settings, kind)));
    let finding = match settings.definition(other, name) {
        Some((place, _)) if names == Names::Plain => finding.related(place, "defined here"),
        _ => finding,
    };
    let defined = settings.defined(kind);
    let help = if defined.is_empty() {
        format!("define a {kind} strategy, or write `'default'`")
    } else {
        format!("name one of `{}`", defined.join("`, `"))
    };
    finding.help(help)
}

fn snippet(settings: &Settings, kind: Kind, unknown: &[(&str, TextRange)], range: TextRange) -> Diagnostic {
    let names: BTreeSet<&str> = unknown.iter().map(|(name, _)| *name).collect();
    let names = names.into_iter().collect::<Vec<_>>().join("`, `");
    Diagnostic::new(
        &codes::NO_DEFINITIONS,
        range,
        format!("the document defines no {kind} strategy, and names `{names}`"),
    )
    .help(format!("if nothing else defines them, such a name {}", consequences(settings, kind)))
}

/// The plan of `settings` for `target`, or the findings that keep it from being one.
///
/// For `native` every name that a selector can give must be defined. For a reference target an unknown name becomes
/// what that server makes of it.
pub fn plan(settings: &Settings, target: Target) -> Result<Plan, Findings> {
    let mut findings = Findings::new();
    let mut choice = |kind: Kind| choice(settings, kind, target, &mut findings);
    let choices = (choice(Kind::Route), choice(Kind::Schedule), choice(Kind::Connection), choice(Kind::Tls));
    match choices {
        (Some(route), Some(schedule), Some(connection), Some(tls)) if !findings.has_errors() => {
            let local = |name: &str| match settings.routes.get(name) {
                Some(found) if settings.known(Kind::Route, name, target).is_defined() => {
                    matches!(found.value, Route::Local)
                }
                _ => name == "local",
            };
            let is_local = |id: &StrategyId| !route.is_built_in(*id) && local(route.name(*id));
            let local_routes = route.ids().filter(is_local).collect();
            let mut plan = Plan { target, local_routes, route, schedule, connection, tls, settings: Vec::new() };
            plan.settings = strategies::ruled(settings, target, |kind, name| plan.choice(kind).id(name));
            Ok(plan)
        }
        _ => Err(findings),
    }
}

fn choice(settings: &Settings, kind: Kind, target: Target, findings: &mut Findings) -> Option<Choice> {
    let Some(block) = settings.rules(kind) else {
        if let Selector::Broken(broken) = settings.selector(kind) {
            let message = format!("the {kind} policy has errors, so there is no plan");
            findings
                .push(Diagnostic::new(&codes::NO_PLAN, broken.range, message).help("mend what `check` reports first"));
        }
        return None;
    };
    if target == Target::Native {
        let names = Names::of(&block);
        for (name, range) in block.names().names {
            match settings.known(kind, &name, target) {
                Known::Defined(_) | Known::Ignored(..) | Known::Shipped | Known::BuiltIn => {}
                Known::Undefined(None) => findings.push(undefined(settings, kind, &name, range, names, true)),
                Known::Undefined(Some(other)) => {
                    findings.push(wrong_kind(settings, kind, other, &name, range, names));
                }
            }
        }
    }
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in settings.defined(kind) {
        let ignored = matches!(settings.known(kind, name, target), Known::Ignored(..));
        if !ignored {
            names.push(name.into());
        }
    }
    // What is built in is a name like any other.
    names.extend(Target::built_in(kind).iter().map(|name| Arc::from(*name)));
    Some(match settings.instead(kind, target) {
        None => Choice::new(block, names, None),
        Some(Used::Named(name)) => Choice::new(block, names, Some(&name)),
        Some(used @ Used::BuiltIn { name, .. }) if settings.known(kind, name, target).is_defined() => {
            Choice::new(block, names, None).with_built_in(used.to_string())
        }
        Some(Used::BuiltIn { name, .. }) => Choice::new(block, names, Some(name)),
    })
}
