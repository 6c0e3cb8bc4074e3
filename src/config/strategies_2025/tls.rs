//! `queue.tls.<id>`: how a connection is secured.
//!
//! Source: delivery spec 1.6, and 0.2 for the words.

use document::Table;

use super::definitions::{self, Kind};
use crate::{
    read::Context,
    settings::{Definitions, Requirement, Tls},
};

const KIND: Kind = Kind {
    section: "queue.tls",
    noun: "TLS strategy",
    keys: &["dane", "mta-sts", "starttls", "allow-invalid-certs", "timeout.tls", "timeout.mta-sts", "description"],
};

/// Any of these makes the server see the strategy; `mta-sts` alone does not.
const REGISTERING: [&str; 5] = ["dane", "starttls", "allow-invalid-certs", "timeout.tls", "timeout.mta-sts"];

const REQUIREMENTS: [(&str, Requirement); 7] = [
    ("optional", Requirement::Optional),
    ("require", Requirement::Require),
    ("disable", Requirement::Disable),
    ("required", Requirement::Require),
    ("disabled", Requirement::Disable),
    ("none", Requirement::Disable),
    ("false", Requirement::Disable),
];

/// The keys that tell a TLS strategy from other tables.
pub(super) const STRATEGY_KEYS: [&str; 4] = ["dane", "mta-sts", "starttls", "allow-invalid-certs"];

/// `queue.tls.*`
pub(super) fn read(context: &mut Context<'_>, queue: &Table<'_>) -> Definitions<Tls> {
    let mut strategies = Definitions::default();
    let Some(node) = queue.get("tls") else {
        return strategies;
    };
    for found in definitions::find(context, node, &KIND, KIND.section, |_| false) {
        let mut requirement =
            |key: &str| found.read(context, key, |context, node, setting| context.one_of(node, setting, &REQUIREMENTS));
        let tls = Tls {
            dane: requirement("dane"),
            mta_sts: requirement("mta-sts"),
            starttls: requirement("starttls"),
            allow_invalid_certs: found.read(context, "allow-invalid-certs", Context::boolean),
            timeout_tls: found.read(context, "timeout.tls", Context::duration),
            timeout_mta_sts: found.read(context, "timeout.mta-sts", Context::duration),
        };
        let mut ignored = None;
        if !REGISTERING.iter().any(|key| found.get(key).is_some()) {
            let help = "add one of `dane`, `starttls`, `allow-invalid-certs`, `timeout.*`; \
                        `mta-sts` alone does not make one";
            ignored = Some(definitions::unregistered(context, &KIND, &found, help));
        }
        definitions::define(context, &mut strategies, &KIND, found, tls, ignored);
    }
    strategies
}
