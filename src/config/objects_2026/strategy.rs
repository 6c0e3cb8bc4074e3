//! `MtaOutboundStrategy`: which route, schedule, connection and TLS strategy is taken.
//!
//! Source: delivery spec 1.1.

use std::mem;

use base::{Diagnostic, Findings};
use document::Node;
use policy::Scope;

use super::{
    body::Value,
    value::{Reader, start},
};
use crate::{Settings, codes, settings::Selector};

/// Reads the singleton. What it does not say keeps what `settings` had.
pub(super) fn read(reader: &mut Reader<'_>, body: Value<'_>, settings: &mut Settings) {
    let selectors = [
        ("route", Scope::ROUTE, &mut settings.route),
        ("schedule", Scope::SCHEDULE, &mut settings.schedule),
        ("connection", Scope::CONNECTION, &mut settings.connection),
        ("tls", Scope::TLS, &mut settings.tls),
    ];
    for (key, scope, selector) in selectors {
        match reader.selector(body, key, scope) {
            Selector::BuiltIn => {}
            read => *selector = read,
        }
    }
}

/// Reads expressions that no object holds, of which a document has at most one.
///
/// It is taken for the one that picks the route. Where it asks about the host at hand it cannot be that one, and is
/// taken for the one that picks the connection strategy.
pub(super) fn bare(reader: &mut Reader<'_>, expressions: &[&Node<'_>], settings: &mut Settings) {
    let Some((first, others)) = expressions.split_first() else {
        return;
    };
    let place = start(first.range);
    let (route, found) = tried(reader, first, "route", Scope::ROUTE);
    let is_about_host = found.iter().any(|finding| finding.code == &policy::codes::VARIABLE_NOT_AVAILABLE);
    let other = is_about_host.then(|| tried(reader, first, "connection", Scope::CONNECTION));
    let what = if let Some((connection @ Selector::Given(_), found)) = other {
        settings.connection = connection;
        reader.findings.extend(found);
        "connection strategy, because it asks about the host"
    } else {
        settings.route = route;
        reader.findings.extend(found);
        "route"
    };
    let message = format!("an expression without a field is taken for the one that picks the {what}");
    reader.report(
        Diagnostic::new(&codes::ASSUMED_OBJECT, place, message).help(
            "say which one it is: `{\"route\": {\"match\": …, \"else\": …}}`, or `schedule`, `connection` or `tls`",
        ),
    );
    for node in others {
        reader.report(
            Diagnostic::new(
                &codes::DUPLICATE_DEFINITION,
                start(node.range),
                "a second expression does not say which one it is",
            )
            .related(place, "the first one")
            .help("write them as fields of one object: `{\"route\": …, \"schedule\": …}`"),
        );
    }
}

/// What `node` is as the field `key`, and what is found in it then.
fn tried(reader: &mut Reader<'_>, node: &Node<'_>, key: &str, scope: Scope) -> (Selector, Findings) {
    let kept = mem::take(reader.findings);
    let selector = reader.bare_selector(node, key, scope);
    (selector, mem::replace(reader.findings, kept))
}
