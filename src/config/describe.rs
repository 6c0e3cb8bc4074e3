//! A strategy as lines of keys and values, with the target's defaults filled in: what `explain` and `dump` show.
//!
//! Keys are those of the 2025 layout. Secrets and what came out of macros are `***`.
//!
//! Source of the defaults: delivery spec 1.2 to 1.6 and 3.2.

use std::num::NonZeroU32;

use base::{Millis, Secret, TextRange};
use policy::{Block, Kind, Quirk, Target, display, strategy};

use crate::{
    Dialect, defaults,
    settings::{
        Connection, Definition, Expiry, IpLookup, Mx, Placed, Protocol, Relay, Requirement, Route, Schedule, Sensitive,
        Setting, Settings, SourceIp, Tls,
    },
};

/// One setting of a strategy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Its 2025 key, below the strategy.
    pub key: &'static str,
    /// Its value as text.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It is written in the document.
    Document(TextRange),
    /// The document's rules choose it for each message; the value shows the rules.
    Rules,
    /// The document's server ships it.
    Shipped,
    /// It is the target's default.
    Default,
}

impl Origin {
    /// That of what is given at `place`, which is empty where no document says it.
    const fn of(place: TextRange) -> Self {
        if place.is_empty() { Self::Shipped } else { Self::Document(place) }
    }
}

impl Settings {
    /// The settings of the strategy `name` of `kind`, as `target` would use it; those of the built-in strategy where
    /// the document does not define it but the target does.
    #[must_use]
    pub fn describe(&self, kind: Kind, name: &str, target: Target) -> Vec<Line> {
        let hostname = self.hostname.as_ref().map(|name| name.value.shown());
        let lines = match kind {
            Kind::Route => read_by(target, self.routes.get(name)).map(|found| {
                let place = self.routes.get(name).map_or_else(TextRange::default, |definition| definition.range);
                route(found, Origin::of(place), target)
            }),
            Kind::Schedule => read_by(target, self.schedules.get(name)).map(|found| schedule(found, self.dialect)),
            Kind::Connection => read_by(target, self.connections.get(name)).map(|found| connection(found, hostname)),
            Kind::Tls => read_by(target, self.tls_strategies.get(name)).map(|found| tls(found, self.dialect)),
        };
        match lines {
            Some(mut lines) => {
                // What a reader of an older layout adds holds for all mail by default.
                let is_added = |line: &&mut Line| line.origin == Origin::Shipped && !self.dialect.ships();
                for line in lines.iter_mut().filter(is_added) {
                    line.origin = Origin::Default;
                }
                lines
            }
            None if (kind, name) == (Kind::Route, "local") => route(&Route::Local, Origin::Default, target),
            None => self.describe_built_in(kind, target),
        }
    }

    /// The settings of the strategy of `kind` that `target` has built in, and takes for a name which nothing defines.
    #[must_use]
    pub fn describe_built_in(&self, kind: Kind, target: Target) -> Vec<Line> {
        let hostname = self.hostname.as_ref().map(|name| name.value.shown());
        let mut lines = match kind {
            Kind::Route => route(&Route::Mx(Mx::default()), Origin::Default, target),
            Kind::Schedule => schedule(&built_in_schedule(), self.dialect),
            Kind::Connection => connection(&Connection::default(), hostname),
            Kind::Tls => tls(&Tls::default(), self.dialect),
        };
        for line in &mut lines {
            line.origin = Origin::Default;
        }
        lines
    }
}

/// A definition that `target` reads.
fn read_by<T>(target: Target, definition: Option<&Definition<T>>) -> Option<&T> {
    let reads = |found: &&Definition<T>| target == Target::Native || found.ignored_by_reference.is_none();
    definition.filter(reads).map(|found| &found.value)
}

/// The schedule that every server has: delivery spec 3.2.
fn built_in_schedule() -> Schedule {
    let built_in = strategy::Schedule::built_in();
    let given = |list: Box<[Millis]>| Setting::Given(Placed::new(list.into_vec(), TextRange::default()));
    Schedule {
        queue_name: Setting::Default,
        retry: given(built_in.retry),
        notify: given(built_in.notify),
        expiry: Setting::Given(Placed::new(built_in.expiry, TextRange::default())),
    }
}

/// `origin` is where its `type` comes from.
fn route(route: &Route, origin: Origin, target: Target) -> Vec<Line> {
    let kind = |word: &str| Line { key: "type", value: word.to_owned(), origin };
    match route {
        Route::Local => vec![kind("local")],
        Route::Mx(mx) => vec![
            kind("mx"),
            line("limits.mx", &mx.limit_mx, &strategy::Mx::BUILT_IN.limit_mx.map_or(0, NonZeroU32::get)),
            line("limits.multihomed", &mx.limit_multihomed, &strategy::Mx::BUILT_IN.limit_multihomed),
            line("ip-lookup", &mx.ip_lookup, &strategy::Mx::BUILT_IN.ip_lookup),
        ],
        Route::Relay(relay) => {
            let mut lines = vec![kind("relay")];
            lines.extend(relay_lines(relay, target));
            lines
        }
    }
}

fn relay_lines(relay: &Relay, target: Target) -> Vec<Line> {
    // Implicit TLS is the default of the TOML layouts only (delivery spec 1.2).
    let implicit = target.has(Quirk::ImplicitTlsByDefault);
    let mut lines = vec![
        line("address", &relay.address, &Sensitive::from("")),
        line("port", &relay.port, &25),
        line("protocol", &relay.protocol, &Protocol::Smtp),
        line("tls.implicit", &relay.implicit_tls, &implicit),
        line("tls.allow-invalid-certs", &relay.allow_invalid_certs, &false),
    ];
    if !relay.username.is_default() {
        lines.push(line("auth.username", &relay.username, &Sensitive::from("")));
    }
    if !relay.secret.is_default() {
        lines.push(line("auth.secret", &relay.secret, &Secret::default()));
    }
    lines
}

fn schedule(schedule: &Schedule, dialect: Dialect) -> Vec<Line> {
    let default = defaults::schedule(dialect);
    // So late a notice is none.
    let notify = default.notify.into_iter().filter(|notice| *notice != defaults::NO_NOTICE).collect();
    vec![
        line("queue-name", &schedule.queue_name, &Sensitive::from("default")),
        line("retry", &schedule.retry, &default.retry.into_vec()),
        line("notify", &schedule.notify, &notify),
        match schedule.expiry.given() {
            Some(Expiry::Attempts(_)) => line("max-attempts", &schedule.expiry, &default.expiry),
            Some(Expiry::Ttl(_)) | None => line("expire", &schedule.expiry, &default.expiry),
        },
    ]
}

fn connection(connection: &Connection, hostname: Option<&str>) -> Vec<Line> {
    let timeouts = strategy::Timeouts::BUILT_IN;
    let hostname = Sensitive::from(hostname.unwrap_or("the server's host name"));
    vec![
        line("ehlo-hostname", &connection.ehlo_hostname, &hostname),
        line("source-ips", &connection.source_ips, &Vec::new()),
        line("timeout.connect", &connection.timeout_connect, &timeouts.connect),
        line("timeout.greeting", &connection.timeout_greeting, &timeouts.greeting),
        line("timeout.ehlo", &connection.timeout_ehlo, &timeouts.ehlo),
        line("timeout.mail-from", &connection.timeout_mail_from, &timeouts.mail_from),
        line("timeout.rcpt-to", &connection.timeout_rcpt_to, &timeouts.rcpt_to),
        line("timeout.data", &connection.timeout_data, &timeouts.data),
    ]
}

fn tls(tls: &Tls, dialect: Dialect) -> Vec<Line> {
    let default = defaults::tls(dialect);
    vec![
        line("dane", &tls.dane, &default.dane),
        line("mta-sts", &tls.mta_sts, &default.mta_sts),
        line("starttls", &tls.starttls, &default.starttls),
        line("allow-invalid-certs", &tls.allow_invalid_certs, &default.allow_invalid_certs),
        line("timeout.tls", &tls.timeout_tls, &default.timeout_tls),
        line("timeout.mta-sts", &tls.timeout_mta_sts, &default.timeout_mta_sts),
    ]
}

fn line<T: Shown>(key: &'static str, setting: &Setting<T>, default: &T) -> Line {
    let (value, origin) = match setting {
        Setting::Default => (default.shown(), Origin::Default),
        Setting::Given(placed) => (placed.value.shown(), Origin::of(placed.range)),
        Setting::Chosen(block) if block.otherwise_range().is_empty() => (rules(block), Origin::Default),
        Setting::Chosen(block) if block.is_hidden() => (Secret::MASK.to_owned(), Origin::Rules),
        Setting::Chosen(block) => (rules(block), Origin::Rules),
    };
    Line { key, value, origin }
}

/// Rules on one line.
fn rules(block: &Block) -> String {
    let text = |id| display::expression(block.ir(), id);
    let rules = block.rules().iter();
    let rules: String =
        rules.map(|rule| format!("if {} then {}, ", text(rule.condition), text(rule.outcome))).collect();
    format!("{rules}else {}", text(block.otherwise()))
}

/// How a value is written.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! shown_by_display {
    ($($ty:ty),+) => {
        $(impl Shown for $ty {
            fn shown(&self) -> String {
                self.to_string()
            }
        })+
    };
}

shown_by_display!(bool, u16, u32, Secret, Sensitive, Millis, IpLookup, Requirement);

impl Shown for Protocol {
    fn shown(&self) -> String {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
        }
        .to_owned()
    }
}

impl Shown for Expiry {
    fn shown(&self) -> String {
        match self {
            Self::Ttl(length) => length.to_string(),
            Self::Attempts(count) => count.to_string(),
        }
    }
}

impl Shown for Vec<Millis> {
    fn shown(&self) -> String {
        let lengths: Vec<_> = self.iter().map(Millis::to_string).collect();
        format!("[{}]", lengths.join(", "))
    }
}

impl Shown for Vec<SourceIp> {
    fn shown(&self) -> String {
        let ips: Vec<_> = self
            .iter()
            .map(|source| match &source.ehlo_hostname {
                Some(name) => format!("{} as {name}", source.ip),
                None => source.ip.to_string(),
            })
            .collect();
        format!("[{}]", ips.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    #[test]
    fn given_values_are_told_from_defaults_and_secrets_are_masked() {
        let mut settings = Settings::empty(Dialect::Strategies2025);
        let range = TextRange::new(3, 9);
        let relay = Relay {
            address: Setting::Given(Placed::new("relay.test".into(), range)),
            secret: Setting::Given(Placed::new(Secret::new("hunter2"), range)),
            ..Relay::default()
        };
        let definition =
            Definition { name: "r".to_owned(), range, value: Route::Relay(relay), ignored_by_reference: None };
        assert!(settings.routes.insert(definition).is_ok());
        let lines = settings.describe(Kind::Route, "r", Target::STALWART_015);
        let shown: Vec<_> = lines.iter().map(|line| format!("{}={} {:?}", line.key, line.value, line.origin)).collect();
        assert_eq!(
            shown,
            [
                "type=relay Document(3..9)",
                "address=relay.test Document(3..9)",
                "port=25 Default",
                "protocol=smtp Default",
                "tls.implicit=true Default",
                "tls.allow-invalid-certs=false Default",
                "auth.secret=*** Document(3..9)",
            ]
        );
    }

    #[test]
    fn the_older_layouts_have_defaults_of_their_own() {
        let value = |dialect: Dialect, kind: Kind, key: &str| {
            let mut settings = Settings::empty(dialect);
            let schedule = Definition {
                name: "default".to_owned(),
                range: TextRange::new(0, 1),
                value: Schedule::default(),
                ignored_by_reference: None,
            };
            assert!(settings.schedules.insert(schedule).is_ok());
            let lines = settings.describe(kind, "default", Target::STALWART_015);
            lines.into_iter().find(|line| line.key == key).map(|line| line.value)
        };
        let cases = [
            (Dialect::Legacy2022, Kind::Schedule, "retry", "[1m, 2m, 5m, 10m, 15m, 30m, 1h, 2h]"),
            (Dialect::Expressions2024, Kind::Schedule, "retry", "[2m, 5m, 10m, 15m, 30m, 1h, 2h]"),
            (Dialect::Expressions2024, Kind::Schedule, "expire", "5d"),
            (Dialect::Expressions2024, Kind::Tls, "starttls", "require"),
            (Dialect::Legacy2022, Kind::Tls, "timeout.mta-sts", "10m"),
            (Dialect::Strategies2025, Kind::Tls, "starttls", "optional"),
        ];
        for (dialect, kind, key, expected) in cases {
            assert_eq!(value(dialect, kind, key).as_deref(), Some(expected), "{dialect} {key}");
        }
    }

    #[test]
    fn what_is_built_in_and_what_is_shipped_differ() {
        let source = document::Source::new("policy.json", r#"{"MtaVirtualQueue": {"a": {"name": "own"}}}"#);
        let settings = crate::load(&source, None, &crate::NoResources).settings.expect("it is a policy");
        let value = |name: &str, target: Target, key: &str| {
            let lines = settings.describe(Kind::Schedule, name, target);
            lines.into_iter().find(|line| line.key == key).map(|line| line.value)
        };
        let cases = [
            ("default", Target::STALWART_015, "expire", Some("5d")),
            ("default", Target::STALWART_015, "retry", Some("[2m, 5m, 10m, 15m, 30m, 1h, 2h]")),
            ("remote", Target::STALWART_016, "expire", Some("3d")),
            ("remote", Target::STALWART_016, "queue-name", Some("remote")),
            ("dsn", Target::STALWART_016, "max-attempts", Some("10")),
            ("report", Target::STALWART_016, "notify", Some("[]")),
        ];
        for (name, target, key, expected) in cases {
            assert_eq!(value(name, target, key).as_deref(), expected, "{name} {key}");
        }
    }
}
