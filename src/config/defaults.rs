//! What holds where a document says nothing: the selectors that each server has built in, and what a strategy of each
//! layout has where it leaves a setting out.
//!
//! Source: delivery spec 1.1, 1.3, 1.6 and 1.12.

use base::{Findings, MappedText, Millis, TextRange};
use policy::{
    Block, BlockText, Compiler, Edition, Kind, RuleText, Scope, VariableSet, Wanted,
    strategy::{Expiry, Requirement, Schedule, Tls},
};

use crate::Dialect;

const MINUTE: Millis = Millis::from_secs(60);
const HOUR: Millis = Millis::from_secs(60 * 60);
const fn days(days: u64) -> Millis {
    Millis::from_secs(days * 24 * 60 * 60)
}

/// The delay notice of a schedule of 2025 that says nothing about it: so late that it is off.
pub(crate) const NO_NOTICE: Millis = days(10_000);

/// What a schedule of `dialect` has where it says nothing.
pub(crate) fn schedule(dialect: Dialect) -> Schedule {
    let built_in = Schedule::built_in();
    match dialect {
        Dialect::Legacy2022 => Schedule { retry: [&[MINUTE], &*built_in.retry].concat().into(), ..built_in },
        Dialect::Expressions2024 => built_in,
        Dialect::Strategies2025 => Schedule {
            retry: Box::new([HOUR]),
            notify: Box::new([NO_NOTICE]),
            expiry: Expiry::Ttl(days(3)),
            ..built_in
        },
        Dialect::Objects2026 => Schedule {
            retry: [&*built_in.retry, &[days(1), days(3)]].concat().into(),
            expiry: Expiry::Ttl(days(3)),
            ..built_in
        },
    }
}

/// What a TLS strategy of `dialect` has where it says nothing.
pub(crate) fn tls(dialect: Dialect) -> Tls {
    let built_in = Tls::BUILT_IN;
    let older = Tls { timeout_mta_sts: Millis::from_secs(10 * 60), ..built_in };
    match dialect {
        Dialect::Legacy2022 => older,
        Dialect::Expressions2024 => Tls { starttls: Requirement::Require, ..older },
        Dialect::Strategies2025 | Dialect::Objects2026 => built_in,
    }
}

/// A built-in selector: conditions with outcomes, and `else`.
struct BuiltIn {
    rules: &'static [(&'static str, &'static str)],
    otherwise: &'static str,
}

const fn built_in(kind: Kind, edition: Edition) -> BuiltIn {
    match (kind, edition) {
        (Kind::Route, Edition::Objects2026) => {
            BuiltIn { rules: &[("is_local_domain(rcpt_domain)", "'local'")], otherwise: "'mx'" }
        }
        (Kind::Route, Edition::Expressions2024 | Edition::Strategies2025) => {
            BuiltIn { rules: &[("is_local_domain('*', rcpt_domain)", "'local'")], otherwise: "'mx'" }
        }
        (Kind::Schedule, Edition::Objects2026) => BuiltIn {
            rules: &[
                ("is_local_domain(rcpt_domain)", "'local'"),
                ("source == 'dsn'", "'dsn'"),
                ("source == 'report'", "'report'"),
            ],
            otherwise: "'remote'",
        },
        (Kind::Schedule, Edition::Expressions2024 | Edition::Strategies2025) => BuiltIn {
            rules: &[
                ("is_local_domain('*', rcpt_domain)", "'local'"),
                ("source == 'dsn'", "'dsn'"),
                ("source == 'report'", "'report'"),
            ],
            otherwise: "'remote'",
        },
        (Kind::Connection, _) => BuiltIn { rules: &[], otherwise: "'default'" },
        (Kind::Tls, _) => {
            BuiltIn { rules: &[("retry_num > 0 && last_error == 'tls'", "'invalid-tls'")], otherwise: "'default'" }
        }
    }
}

/// The scope of the selector of `kind`.
#[must_use]
pub const fn scope(kind: Kind) -> Scope {
    match kind {
        Kind::Route => Scope::ROUTE,
        Kind::Schedule => Scope::SCHEDULE,
        Kind::Connection => Scope::CONNECTION,
        Kind::Tls => Scope::TLS,
    }
}

impl Dialect {
    /// The writing of the language in its expressions.
    #[must_use]
    pub const fn edition(self) -> Edition {
        match self {
            Self::Legacy2022 | Self::Expressions2024 => Edition::Expressions2024,
            Self::Strategies2025 => Edition::Strategies2025,
            Self::Objects2026 => Edition::Objects2026,
        }
    }
}

/// The selector of `kind` that the servers of `dialect` have built in; its ranges are all empty.
#[must_use]
pub fn selector(kind: Kind, dialect: Dialect) -> Block {
    compile(&built_in(kind, dialect.edition()), dialect.edition(), scope(kind), Wanted::Name)
}

/// `queue.outbound.tls.allow-invalid-certs` of 2024 where it is not given: certificates that failed are taken at the next
/// attempt. Its ranges are all empty.
pub(crate) fn allow_invalid_certs() -> Block {
    let rules = BuiltIn { rules: &[("retry_num > 0 && last_error == 'tls'", "true")], otherwise: "false" };
    let scope = Scope { variables: VariableSet::MX_2024, all_set: false, setting: "allow-invalid-certs" };
    compile(&rules, Edition::Expressions2024, scope, Wanted::Value)
}

fn compile(BuiltIn { rules, otherwise }: &BuiltIn, edition: Edition, scope: Scope, wanted: Wanted) -> Block {
    let text = |text: &str| MappedText::synthetic(text, TextRange::default());
    let rules = rules.iter().map(|(condition, outcome)| RuleText {
        condition: text(condition),
        outcome: text(outcome),
        range: TextRange::default(),
    });
    let block =
        BlockText { rules: rules.collect(), otherwise: Some(text(otherwise)), otherwise_range: TextRange::default() };
    let mut findings = Findings::new();
    let compiled = Compiler::new(edition).block(&block, scope, wanted, &mut findings);
    compiled.unwrap_or_else(|| unreachable!("a built-in block does not compile: {findings:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_selector_compiles() {
        for dialect in Dialect::ALL {
            for kind in Kind::ALL {
                assert!(!selector(kind, dialect).names().names.is_empty(), "{kind} of {dialect}");
            }
        }
        assert_eq!(allow_invalid_certs().rules().len(), 1);
    }
}
