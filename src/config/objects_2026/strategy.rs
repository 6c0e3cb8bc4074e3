//! `MtaOutboundStrategy`: which route, schedule, connection and TLS strategy is taken.
//!
//! Source: delivery spec 1.1.

use policy::Scope;

use super::{body::Value, value::Reader};
use crate::{Settings, settings::Selector};

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
