//! What holds where a document says nothing: the selectors that each server has built in.
//!
//! Source: delivery spec 1.1.

use base::{Findings, MappedText, TextRange};
use policy::{Block, BlockText, Compiler, Edition, Kind, RuleText, Scope, VariableSet, Wanted};

use crate::Dialect;

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
