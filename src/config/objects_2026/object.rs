//! The objects about outbound delivery: their names, their fields, and how one without a name is told.
//!
//! Every other object of the server is passed over. What is not listed here as a field of a listed object is reported.
//!
//! Source: delivery spec 1.1 to 1.10, 4.2.

use document::{Entry, Node};

/// A kind of object.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Object {
    Strategy,
    Schedule,
    Queue,
    Connection,
    Tls,
    Route,
    Quota,
    OutboundThrottle,
    InboundThrottle,
    Resolver,
    Dsn,
    /// Only where a report says who sent it.
    Report,
    /// Only whether they are sent.
    TlsReport,
    /// Only the server's own name.
    System,
    /// No setting at all; named here because a plan that creates one is refused.
    QueuedMessage,
}

impl Object {
    /// Every one; where an object without a name could be two, the earlier one is taken.
    pub(super) const ALL: [Self; 15] = [
        Self::Strategy,
        Self::Schedule,
        Self::Queue,
        Self::Connection,
        Self::Tls,
        Self::Route,
        Self::Quota,
        Self::OutboundThrottle,
        Self::InboundThrottle,
        Self::Resolver,
        Self::Dsn,
        Self::Report,
        Self::TlsReport,
        Self::System,
        Self::QueuedMessage,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Strategy => "MtaOutboundStrategy",
            Self::Schedule => "MtaDeliverySchedule",
            Self::Queue => "MtaVirtualQueue",
            Self::Connection => "MtaConnectionStrategy",
            Self::Tls => "MtaTlsStrategy",
            Self::Route => "MtaRoute",
            Self::Quota => "MtaQueueQuota",
            Self::OutboundThrottle => "MtaOutboundThrottle",
            Self::InboundThrottle => "MtaInboundThrottle",
            Self::Resolver => "DnsResolver",
            Self::Dsn => "DsnReportSettings",
            Self::Report => "ReportSettings",
            Self::TlsReport => "TlsReportSettings",
            Self::System => "SystemSettings",
            Self::QueuedMessage => "QueuedMessage",
        }
    }

    /// What one of it is called in a message.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Strategy => "the outbound strategy",
            Self::Schedule => "a delivery schedule",
            Self::Queue => "a virtual queue",
            Self::Connection => "a connection strategy",
            Self::Tls => "a TLS strategy",
            Self::Route => "a route",
            Self::Quota => "a queue quota",
            Self::OutboundThrottle => "an outbound throttle",
            Self::InboundThrottle => "an inbound throttle",
            Self::Resolver => "the DNS resolver",
            Self::Dsn => "the settings of delivery reports",
            Self::Report => "the settings of reports",
            Self::TlsReport => "the settings of TLS reports",
            Self::System => "the system settings",
            Self::QueuedMessage => "a queued message",
        }
    }

    /// The object called `name`, with or without `x:` in front, in any letter case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = bare_name(name);
        Self::ALL.into_iter().find(|object| object.name().eq_ignore_ascii_case(name))
    }

    /// Whether there is exactly one of it, which is only ever updated.
    pub(super) const fn is_singleton(self) -> bool {
        matches!(self, Self::Strategy | Self::Resolver | Self::Dsn | Self::Report | Self::TlsReport | Self::System)
    }

    /// Whether it is a named definition that a strategy or a schedule can name.
    pub(super) const fn is_named(self) -> bool {
        matches!(self, Self::Schedule | Self::Queue | Self::Connection | Self::Tls | Self::Route)
    }

    /// The field by which one is told from another, and which cannot be changed.
    pub(super) const fn key_field(self) -> Option<&'static str> {
        match self {
            Self::Schedule | Self::Queue | Self::Connection | Self::Tls | Self::Route => Some("name"),
            Self::Quota | Self::OutboundThrottle | Self::InboundThrottle => Some("description"),
            Self::Strategy
            | Self::Resolver
            | Self::Dsn
            | Self::Report
            | Self::TlsReport
            | Self::System
            | Self::QueuedMessage => None,
        }
    }

    /// Whether it has fields that are not about outbound delivery.
    pub(super) const fn is_wider(self) -> bool {
        matches!(self, Self::Report | Self::TlsReport | Self::System | Self::QueuedMessage)
    }

    /// Whether it says something about outbound delivery, and not only what the server is called.
    pub(super) const fn is_about_delivery(self) -> bool {
        !matches!(self, Self::System | Self::TlsReport)
    }

    /// The values of `@type`, where it has variants.
    pub(super) const fn variants(self) -> &'static [&'static str] {
        match self {
            Self::Route => &["Mx", "Relay", "Local"],
            Self::Resolver => &["System", "Custom", "Cloudflare", "Quad9", "Google"],
            _ => &[],
        }
    }

    /// Its fields, of all variants together.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Strategy => &["route", "schedule", "connection", "tls"],
            Self::Schedule => &["name", "description", "queueId", "retry", "notify", "expiry"],
            Self::Queue => &["name", "description", "threadsPerNode"],
            Self::Connection => &[
                "name",
                "description",
                "ehloHostname",
                "sourceIps",
                "connectTimeout",
                "greetingTimeout",
                "ehloTimeout",
                "mailFromTimeout",
                "rcptToTimeout",
                "dataTimeout",
            ],
            Self::Tls => &[
                "name",
                "description",
                "dane",
                "mtaSts",
                "startTls",
                "allowInvalidCerts",
                "tlsTimeout",
                "mtaStsTimeout",
            ],
            Self::Route => &[
                "@type",
                "name",
                "description",
                "maxMxHosts",
                "maxMultihomed",
                "ipLookupStrategy",
                "address",
                "port",
                "protocol",
                "implicitTls",
                "allowInvalidCerts",
                "authUsername",
                "authSecret",
            ],
            Self::Quota => &["description", "enable", "key", "match", "messages", "size"],
            Self::OutboundThrottle | Self::InboundThrottle => &["description", "enable", "key", "match", "rate"],
            Self::Resolver => &[
                "@type",
                "servers",
                "useTls",
                "attempts",
                "concurrency",
                "timeout",
                "preserveIntermediates",
                "tcpOnError",
                "enableEdns",
            ],
            Self::Dsn => &["fromName", "fromAddress", "dkimSignDomain"],
            Self::Report => &["outboundReportSubmitter"],
            Self::TlsReport => &["sendFrequency"],
            Self::System => &["defaultHostname"],
            Self::QueuedMessage => &[],
        }
    }

    /// The variant that alone has `field`.
    pub(super) fn variant_of(self, field: &str) -> Option<&'static str> {
        Some(match (self, field) {
            (Self::Route, "maxMxHosts" | "maxMultihomed" | "ipLookupStrategy") => "Mx",
            (
                Self::Route,
                "address" | "port" | "protocol" | "implicitTls" | "allowInvalidCerts" | "authUsername" | "authSecret",
            ) => "Relay",
            (Self::Resolver, "servers") => "Custom",
            (Self::Resolver, "useTls") => "Cloudflare",
            _ => return None,
        })
    }

    /// The object that a table without a name is, by its `@type` or by the most fields that it has of one.
    pub(super) fn guess(node: &Node<'_>) -> Option<Self> {
        let table = node.as_table()?;
        if let Some(kind) = table.get("@type").and_then(Node::as_text) {
            let has_variant = |object: &Self| object.variants().contains(&kind);
            if let Some(object) = Self::ALL.into_iter().find(has_variant).or_else(|| Self::named(kind)) {
                return Some(object);
            }
        }
        // What is mostly other things is another thing, such as a message with its `size`.
        let telling = |object: Self| {
            let fields = object.fields();
            let is_single = |entry: &Entry<'_>| entry.value.as_list().is_none() && entry.value.as_table().is_none();
            let tells = |entry: &&Entry<'_>| match entry.key() {
                key if SHARED.contains(&key) => false,
                "messages" | "size" => object == Self::Quota && is_single(entry),
                key => fields.contains(&key),
            };
            let is_foreign = |entry: &&Entry<'_>| {
                !fields.contains(&entry.key()) && !SHARED.contains(&entry.key()) && !SERVER_SET.contains(&entry.key())
            };
            let entries = table.entries();
            let count = entries.iter().filter(tells).count();
            if entries.iter().filter(is_foreign).count() > count { 0 } else { count }
        };
        let counts = Self::ALL.into_iter().map(|object| (telling(object), object));
        let best = counts.fold((0, Self::Strategy), |best, next| if next.0 > best.0 { next } else { best });
        match best {
            (0, _) => None,
            (_, Self::OutboundThrottle) if has_inbound_key(node) => Some(Self::InboundThrottle),
            (_, object) => Some(object),
        }
    }
}

/// `name` without `x:` in front.
pub(super) fn bare_name(name: &str) -> &str {
    name.strip_prefix("x:").unwrap_or(name)
}

/// Whether a throttle counts by what only an inbound one counts by.
fn has_inbound_key(node: &Node<'_>) -> bool {
    let inbound = |key: &str| INBOUND_ONLY.iter().any(|known| known.eq_ignore_ascii_case(key));
    match node.get("key") {
        Some(set) => match (set.as_table(), set.as_list()) {
            (Some(table), _) => table.entries().iter().any(|entry| inbound(entry.key())),
            (_, Some(list)) => list.iter().filter_map(Node::as_text).any(inbound),
            _ => false,
        },
        None => false,
    }
}

/// What an inbound throttle counts by and an outbound one does not.
const INBOUND_ONLY: [&str; 4] = ["listener", "authenticatedAs", "heloDomain", "rcpt"];

/// Fields that so many objects have that they tell none.
const SHARED: [&str; 5] = ["@type", "name", "description", "enable", "sendFrequency"];

/// Fields that the server adds to every object.
pub(super) const SERVER_SET: [&str; 6] = ["id", "@type", "createdAt", "updatedAt", "createdBy", "memberTenantId"];

/// Objects of the server whose names are near those of this module.
pub(super) const NEIGHBOURS: [&str; 5] =
    ["SpfReportSettings", "DkimReportSettings", "DmarcReportSettings", "DnsServer", "MtaSts"];
