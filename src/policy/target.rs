//! The servers whose behaviour is simulated or improved on, and what is built into them.
//!
//! Source: delivery spec 3.2.

use std::fmt;

use crate::quirk::Quirk;

/// A release of the reference: 0.`minor`.`patch`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Release {
    minor: u8,
    patch: u8,
}

impl Release {
    /// The patch of a release that is named without one: the last of its line.
    const LAST: u8 = u8::MAX;
    /// The newest line.
    const NEWEST: u8 = 16;

    /// Release 0.`minor`.`patch`.
    #[must_use]
    pub const fn new(minor: u8, patch: u8) -> Self {
        Self { minor, patch }
    }

    /// The last release of the line 0.`minor`.
    #[must_use]
    pub const fn last_of(minor: u8) -> Self {
        Self { minor, patch: Self::LAST }
    }

    /// Whether this is `other` or a later one.
    #[must_use]
    pub const fn is_at_least(self, other: Self) -> bool {
        self.minor > other.minor || (self.minor == other.minor && self.patch >= other.patch)
    }

    /// The release called `text`, such as `0.15` or `0.16.3`; `None` where the reference has no such line.
    fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let mut parts = text.strip_prefix("0.")?.split('.');
        let minor = number(parts.next()?).filter(|minor| (1..=Self::NEWEST).contains(minor))?;
        let patch = match parts.next() {
            Some(patch) => number(patch).filter(|patch| *patch < Self::LAST)?,
            None => Self::LAST,
        };
        parts.next().is_none().then_some(Self { minor, patch })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minor, patch } = *self;
        if patch == Self::LAST { write!(out, "0.{minor}") } else { write!(out, "0.{minor}.{patch}") }
    }
}

/// A server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// A release of the reference.
    Stalwart(Release),
    /// This project's own engine.
    Native,
}

impl Target {
    /// Version 0.15.5 of the reference.
    pub const STALWART_015: Self = Self::Stalwart(Release::last_of(15));
    /// Version 0.16.18 and later of the reference.
    pub const STALWART_016: Self = Self::Stalwart(Release::last_of(16));

    /// The servers that are listed and tested: each behaves otherwise than the one before. What is between two of them
    /// behaves as the quirk table has it for that release.
    pub const ALL: [Self; 9] = [
        // 2022: SMTP server, plain values chosen by structured rules.
        Self::Stalwart(Release::last_of(2)),
        // 2023: the same layout, with `allow-invalid-certs` (0.3.10).
        Self::Stalwart(Release::last_of(5)),
        // 2024: expressions.
        Self::Stalwart(Release::last_of(11)),
        // The same, which refuses relays on loopback addresses.
        Self::Stalwart(Release::last_of(12)),
        // 2025: strategies.
        Self::Stalwart(Release::last_of(13)),
        Self::STALWART_015,
        // 2026: objects, up to the last release before `source` is known when a message is queued.
        Self::Stalwart(Release::new(16, 16)),
        Self::STALWART_016,
        Self::Native,
    ];

    /// The target called `name`: `native`, or `stalwart-` and a release, such as `stalwart-0.15` or `stalwart-0.16.3`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name == "native" {
            return Some(Self::Native);
        }
        name.strip_prefix("stalwart-").and_then(Release::parse).map(Self::Stalwart)
    }

    /// The names of [`Self::ALL`].
    #[must_use]
    pub fn names() -> Vec<String> {
        Self::ALL.iter().map(ToString::to_string).collect()
    }

    /// The release of the reference that it is; `None` for `native`.
    #[must_use]
    pub const fn release(self) -> Option<Release> {
        match self {
            Self::Stalwart(release) => Some(release),
            Self::Native => None,
        }
    }

    /// Whether it is a release of the reference from 0.`minor`.`patch` on.
    #[must_use]
    pub const fn is_stalwart_from(self, minor: u8, patch: u8) -> bool {
        match self {
            Self::Stalwart(release) => release.is_at_least(Release::new(minor, patch)),
            Self::Native => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalwart(release) => write!(out, "stalwart-{release}"),
            Self::Native => out.write_str("native"),
        }
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

impl Target {
    /// The strategies of `kind` that are built into every server.
    #[must_use]
    pub const fn built_in(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Route => &["local", "mx"],
            Kind::Schedule | Kind::Connection | Kind::Tls => &["default"],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_by_its_release() {
        for target in Target::ALL {
            assert_eq!(Target::named(&target.to_string()), Some(target));
        }
        for (name, expected) in [
            ("native", Some(Target::Native)),
            ("stalwart-0.15", Some(Target::STALWART_015)),
            ("stalwart-0.1.2", Some(Target::Stalwart(Release::new(1, 2)))),
            ("stalwart-0.16.17", Some(Target::Stalwart(Release::new(16, 17)))),
            ("stalwart-0.0", None),
            ("stalwart-0.17", None),
            ("stalwart-0.15.", None),
            ("stalwart-0.15.255", None),
            ("stalwart-0.15.1.2", None),
            ("stalwart-0.+5", None),
            ("stalwart-1.15", None),
            ("stalwart", None),
            ("Native", None),
        ] {
            assert_eq!(Target::named(name), expected, "{name}");
        }
    }

    #[test]
    fn a_release_without_a_patch_is_the_last_of_its_line() {
        let releases = [Release::last_of(2), Release::new(16, 0), Release::new(16, 17), Release::last_of(16)];
        for (place, one) in releases.into_iter().enumerate() {
            for (other_place, other) in releases.into_iter().enumerate() {
                assert_eq!(one.is_at_least(other), place >= other_place, "{one} {other}");
            }
        }
    }
}
