//! Which layout a document is written in, and its reader.

use std::fmt;

use base::{Diagnostic, Findings, TextRange};
use document::{Format, Node, Source};

use crate::{
    Resources, Settings, codes, detect, expressions_2024,
    fixes::{self, SingleQuoted},
    legacy_2022, objects_2026, order, plausible, resolve, secrets, strategies_2025, unread,
};

/// A published layout of the outbound settings.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dialect {
    /// 0.1 to 0.5: `queue.outbound.*` with structured rules.
    Legacy2022,
    /// 0.6 to 0.12: `queue.outbound.*` with string expressions.
    Expressions2024,
    /// 0.13 to 0.15: `queue.strategy.*`.
    Strategies2025,
    /// 0.16 and later: JSON objects.
    Objects2026,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: [Self; 4] = [Self::Legacy2022, Self::Expressions2024, Self::Strategies2025, Self::Objects2026];

    /// Its name on the command line and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy2022 => "legacy_2022",
            Self::Expressions2024 => "expressions_2024",
            Self::Strategies2025 => "strategies_2025",
            Self::Objects2026 => "objects_2026",
        }
    }

    /// The releases of the reference that read it.
    #[must_use]
    pub const fn releases(self) -> &'static str {
        match self {
            Self::Legacy2022 => "0.1 to 0.5",
            Self::Expressions2024 => "0.6 to 0.12",
            Self::Strategies2025 => "0.13 to 0.15",
            Self::Objects2026 => "0.16 and later",
        }
    }

    /// The dialect called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}

/// What a server does where a chain of rules has an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Faulty {
    /// It does not start.
    DoesNotStart,
    /// It drops the whole chain, and takes what holds where none is given.
    TakesBuiltIn,
}

impl Faulty {
    /// What the server does, for a message.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::DoesNotStart => "a server of this layout does not start with it",
            Self::TakesBuiltIn => "the server drops all of these rules, and uses its built-in ones",
        }
    }
}

impl Dialect {
    /// What the servers of this layout do with a chain of rules that has an error. Since 2026 such a chain is refused when
    /// it is written; one that is there all the same is dropped.
    ///
    /// Source: delivery spec 1.1, 2.5; language spec B9.
    #[must_use]
    pub const fn faulty_rules(self) -> Faulty {
        match self {
            Self::Legacy2022 => Faulty::DoesNotStart,
            Self::Expressions2024 | Self::Strategies2025 | Self::Objects2026 => Faulty::TakesBuiltIn,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What loading a document gave.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says; `None` where it says nothing about outbound delivery, which is an error among the findings.
    pub settings: Option<Settings>,
    /// The layout that it is written in; `None` where it is no file of settings at all.
    pub dialect: Option<Dialect>,
    /// Everything that was found, in the order of the document.
    pub findings: Findings,
}

impl Loaded {
    /// Whether the document is told to be no policy, or none in the layout that was asked for.
    #[must_use]
    pub fn is_no_policy(&self) -> bool {
        let is_one =
            |finding: &Diagnostic| finding.code == &codes::NOT_A_POLICY || finding.code == &codes::DIALECT_IMPOSSIBLE;
        self.settings.is_none() && self.findings.iter().any(is_one)
    }
}

/// How a document is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The layout that it is taken to be in; without one, that which it looks like.
    pub dialect: Option<Dialect>,
    /// Whether what its server writes into its own database at its first start is left out.
    pub bare: bool,
}

impl Options {
    /// The document alone, without what its server ships.
    pub const BARE: Self = Self { dialect: None, bare: true };
}

impl From<Option<Dialect>> for Options {
    fn from(dialect: Option<Dialect>) -> Self {
        Self { dialect, bare: false }
    }
}

/// Reads `source` as `options` say, of which a dialect alone can be given.
#[must_use]
pub fn load(source: &Source, options: impl Into<Options>, resources: &dyn Resources) -> Loaded {
    let Options { dialect: forced, bare } = options.into();
    let mut findings = Findings::new();
    if let Some(finding) = detect::not_a_policy(source) {
        findings.push(finding);
        return Loaded { settings: None, dialect: None, findings };
    }
    let format = document::format::detect(source.name(), source.text());
    let mut single_quoted = SingleQuoted::default();
    let (dialect, settings) = match format {
        Format::Toml => {
            let (tree, found) = document::toml::parse(source);
            findings.extend(found);
            single_quoted = SingleQuoted::of(source, &tree);
            secrets::hide(&tree, &mut findings);
            let dialect = forced.unwrap_or_else(|| detect::toml(&tree, &mut findings));
            (dialect, toml(source, &tree, (dialect, bare), resources, &mut findings))
        }
        Format::Json | Format::Ndjson => match forced {
            None | Some(Dialect::Objects2026) => {
                (Dialect::Objects2026, objects_2026::read(source, format, bare, resources, &mut findings))
            }
            Some(other) => {
                findings.push(impossible(format, other));
                (other, None)
            }
        },
    };
    if let Some(settings) = &settings {
        resolve::report(settings, &mut findings);
        plausible::report(settings, source, &mut findings);
    }
    secrets::hide_duplicates(source, &mut findings);
    fixes::fit(source, &single_quoted, &mut findings);
    secrets::scrub(source, &mut findings);
    findings.sort();
    Loaded { settings, dialect: Some(dialect), findings }
}

fn toml(
    source: &Source,
    tree: &Node<'_>,
    (dialect, bare): (Dialect, bool),
    resources: &dyn Resources,
    findings: &mut Findings,
) -> Option<Settings> {
    if dialect == Dialect::Objects2026 {
        findings.push(impossible(Format::Toml, dialect));
        return None;
    }
    let is_whole = !findings.has_errors();
    unread::report(tree, findings);
    order::report(tree, findings);
    let settings = match dialect {
        Dialect::Legacy2022 => legacy_2022::read(tree, resources, findings),
        Dialect::Expressions2024 => expressions_2024::read(tree, resources, findings),
        Dialect::Strategies2025 | Dialect::Objects2026 => strategies_2025::read(tree, bare, resources, findings),
    };
    if unread::is_policy(tree) {
        return Some(settings);
    }
    if is_whole || !unread::speaks_of_delivery(source) {
        findings.push(unread::no_policy(source, Some(tree), dialect));
    }
    None
}

fn impossible(format: Format, dialect: Dialect) -> Diagnostic {
    let message = format!("a document in {} cannot be read as {dialect}", format.word());
    Diagnostic::new(&codes::DIALECT_IMPOSSIBLE, TextRange::at(0), message)
        .help("JSON is read as objects_2026, TOML as one of the others")
}
