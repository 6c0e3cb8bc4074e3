//! The servers whose behaviour is simulated or improved on, and what they bring along.
//!
//! Source: delivery spec 3.2.

use std::fmt;

use crate::quirk::Quirk;

/// A server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// Version 0.15.5 of the reference.
    Stalwart015,
    /// Version 0.16.18 and later of the reference.
    Stalwart016,
    /// This project's own engine.
    Native,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 3] = [Self::Stalwart015, Self::Stalwart016, Self::Native];

    /// Its name on the command line and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stalwart015 => "stalwart-0.15",
            Self::Stalwart016 => "stalwart-0.16",
            Self::Native => "native",
        }
    }

    /// The target called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A kind of strategy.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Where a recipient's mail goes.
    Route,
    /// When it is tried, and for how long.
    Schedule,
    /// How a connection is made.
    Connection,
    /// How it is secured.
    Tls,
}

impl Kind {
    /// Every kind, in the order in which they are decided.
    pub const ALL: [Self; 4] = [Self::Route, Self::Schedule, Self::Connection, Self::Tls];

    /// Its word in keys and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Schedule => "schedule",
            Self::Connection => "connection",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// How a target knows a name that a policy does not define.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Provision {
    /// It is built into the server.
    BuiltIn,
    /// A fresh installation defines it.
    Shipped,
}

impl Target {
    /// The strategies of `kind` that this target has without a definition.
    #[must_use]
    pub const fn provided(self, kind: Kind) -> &'static [(&'static str, Provision)] {
        use Provision::{BuiltIn, Shipped};
        match (self, kind) {
            (_, Kind::Route) => &[("local", BuiltIn), ("mx", BuiltIn)],
            (Self::Stalwart016, Kind::Schedule) => {
                &[("default", BuiltIn), ("local", Shipped), ("remote", Shipped), ("dsn", Shipped), ("report", Shipped)]
            }
            (Self::Stalwart016, Kind::Tls) => &[("default", BuiltIn), ("invalid-tls", Shipped)],
            (_, Kind::Schedule | Kind::Connection | Kind::Tls) => &[("default", BuiltIn)],
        }
    }

    /// How this target knows the strategy `name` without a definition, if it does.
    #[must_use]
    pub fn provides(self, kind: Kind, name: &str) -> Option<Provision> {
        let found = self.provided(kind).iter().find(|(known, _)| *known == name);
        found.map(|(_, provision)| *provision)
    }

    /// The virtual queues that this target has without a definition.
    #[must_use]
    pub const fn provided_queues(self) -> &'static [&'static str] {
        match self {
            Self::Stalwart016 => &["default", "local", "remote", "dsn", "report"],
            Self::Stalwart015 | Self::Native => &["default"],
        }
    }

    /// What this target does with a name that nothing defines.
    #[must_use]
    pub const fn undefined(self, kind: Kind) -> Undefined {
        match kind {
            _ if !self.has(Quirk::UnknownNamesGoOn) => Undefined::Refused,
            Kind::Route => Undefined::Becomes("mx"),
            Kind::Schedule | Kind::Connection | Kind::Tls => Undefined::Becomes("default"),
        }
    }
}

/// What becomes of a name that nothing defines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undefined {
    /// The policy is not loaded.
    Refused,
    /// The built-in strategy of this name is used, and a line is logged.
    Becomes(&'static str),
}

impl fmt::Display for Undefined {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => out.write_str("refused at load"),
            Self::Becomes(name) => write!(out, "the built-in `{name}` is used"),
        }
    }
}
