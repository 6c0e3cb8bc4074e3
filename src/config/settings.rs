//! What a policy says, whatever layout it was written in.
//!
//! Names follow the 2025 keys. A setting is absent, given, or chosen for each message by a block of rules, as the
//! 2022 and 2024 layouts allow for every one of them. Names of strategies are still texts here: a name that nothing
//! defines is a finding, not a failure.
//!
//! Invariants, kept by the readers:
//!
//! - Whatever could not be read is absent and has an error finding.
//! - Definitions of one kind have different names, in the order of the document.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    net::IpAddr,
};

use base::{Millis, Secret, TextRange};
use policy::{Block, Outcomes};

pub use policy::strategy::{Expiry, IpLookup, Protocol, Requirement};

use crate::Dialect;

/// A value and where it was read.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the document; empty where it does not, but the server ships it.
    pub range: TextRange,
}

impl<T> Placed<T> {
    /// `value`, read at `range`.
    pub const fn new(value: T, range: TextRange) -> Self {
        Self { value, range }
    }
}

/// A setting of a strategy.
#[derive(Clone, Debug, Default)]
pub enum Setting<T> {
    /// Not in the document: the target's default holds.
    #[default]
    Default,
    /// One value for every message.
    Given(Placed<T>),
    /// A value for each message, by rules (2022 and 2024).
    Chosen(Box<Block>),
}

impl<T> Setting<T> {
    /// The value, where it is given and the same for every message.
    pub const fn given(&self) -> Option<&T> {
        match self {
            Self::Given(placed) => Some(&placed.value),
            Self::Default | Self::Chosen(_) => None,
        }
    }

    /// The same setting, its one value turned into another type.
    pub(crate) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Setting<U> {
        match self {
            Self::Default => Setting::Default,
            Self::Given(placed) => Setting::Given(Placed::new(turn(placed.value), placed.range)),
            Self::Chosen(block) => Setting::Chosen(block),
        }
    }

    /// Whether the document says nothing about it.
    pub const fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }
}

/// What a document says about outbound delivery.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The layout that it was read in.
    pub dialect: Dialect,
    /// `server.hostname`
    pub hostname: Option<Placed<Sensitive>>,
    /// `queue.strategy.route`
    pub route: Selector,
    /// `queue.strategy.schedule`
    pub schedule: Selector,
    /// `queue.strategy.connection`
    pub connection: Selector,
    /// `queue.strategy.tls`
    pub tls: Selector,
    /// `queue.route.<id>`
    pub routes: Definitions<Route>,
    /// `queue.schedule.<id>`
    pub schedules: Definitions<Schedule>,
    /// `queue.virtual.<id>`
    pub queues: Definitions<VirtualQueue>,
    /// `queue.connection.<id>`
    pub connections: Definitions<Connection>,
    /// `queue.tls.<id>`
    pub tls_strategies: Definitions<Tls>,
    /// `queue.limiter.outbound[]`
    pub outbound_limiters: Vec<Limiter>,
    /// `queue.limiter.inbound[]`
    pub inbound_limiters: Vec<Limiter>,
    /// `queue.quota[]`
    pub quotas: Vec<Quota>,
    /// `resolver.*`
    pub resolver: Resolver,
    /// `report.dsn.*`
    pub dsn: Dsn,
    /// `report.tls.aggregate.send`
    pub tls_reports: TlsReports,
}

impl Settings {
    /// Settings of a document that says nothing.
    #[must_use]
    pub fn empty(dialect: Dialect) -> Self {
        Self {
            dialect,
            hostname: None,
            route: Selector::BuiltIn,
            schedule: Selector::BuiltIn,
            connection: Selector::BuiltIn,
            tls: Selector::BuiltIn,
            routes: Definitions::default(),
            schedules: Definitions::default(),
            queues: Definitions::default(),
            connections: Definitions::default(),
            tls_strategies: Definitions::default(),
            outbound_limiters: Vec::new(),
            inbound_limiters: Vec::new(),
            quotas: Vec::new(),
            resolver: Resolver::default(),
            dsn: Dsn::default(),
            tls_reports: TlsReports::Sent,
        }
    }
}

/// The expression that picks a strategy.
#[derive(Clone, Debug, Default)]
pub enum Selector {
    /// Not in the document: the target's built-in expression holds.
    #[default]
    BuiltIn,
    /// Read from the document.
    Given(Box<Block>),
    /// In the document, with errors: what it would pick is not known.
    Broken(Broken),
}

impl Selector {
    /// A selector with errors, of which nothing is known but its place.
    #[must_use]
    pub fn broken(range: TextRange) -> Self {
        Self::Broken(Broken { range, names: Outcomes::default(), as_read: None })
    }
}

/// A selector with errors.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Where it stands.
    pub range: TextRange,
    /// The names that its other parts give, which are checked all the same.
    pub names: Outcomes,
    /// What its server compiles, where all that is wrong is that it gives no names.
    pub as_read: Option<Box<Block>>,
}

/// The definitions of one kind, by name.
///
/// Invariant: the index has every name once, with its place in the list.
#[derive(Clone, Debug)]
pub struct Definitions<T> {
    list: Vec<Definition<T>>,
    index: BTreeMap<Box<str>, usize>,
}

impl<T> Default for Definitions<T> {
    fn default() -> Self {
        Self { list: Vec::new(), index: BTreeMap::new() }
    }
}

/// One named strategy, queue or route.
#[derive(Clone, Debug)]
pub struct Definition<T> {
    /// Its name.
    pub name: String,
    /// Where the name stands; empty where that is not in the document: its server ships it, or it stands for settings
    /// that hold for all mail.
    pub range: TextRange,
    /// What it says.
    pub value: T,
    /// Why the reference does not know it although it is written: a wrong prefix, or none of the keys that register a
    /// strategy (delivery spec 1.3 to 1.6).
    pub ignored_by_reference: Option<&'static str>,
}

impl<T> Definitions<T> {
    /// Adds one; gives back the earlier definition of that name, which then stays.
    pub fn insert(&mut self, definition: Definition<T>) -> Result<(), &Definition<T>> {
        let place = self.list.len();
        match self.index.entry(definition.name.as_str().into()) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                self.list.push(definition);
                Ok(())
            }
            Entry::Occupied(known) => {
                Err(self.list.get(*known.get()).unwrap_or_else(|| unreachable!("the index has places of the list")))
            }
        }
    }

    /// The definition called `name`.
    pub fn get(&self, name: &str) -> Option<&Definition<T>> {
        self.list.get(*self.index.get(name)?)
    }

    /// Every definition in the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, Definition<T>> {
        self.list.iter()
    }

    /// Lets `change` work at each of them.
    pub(crate) fn each(&mut self, change: impl FnMut(&mut T)) {
        self.list.iter_mut().map(|definition| &mut definition.value).for_each(change);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The names, in the order of the document.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|definition| definition.name.as_str())
    }
}

impl<'d, T> IntoIterator for &'d Definitions<T> {
    type Item = &'d Definition<T>;
    type IntoIter = std::slice::Iter<'d, Definition<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Where a recipient's mail goes.
#[derive(Clone, Debug)]
pub enum Route {
    /// Into a mailbox of this server.
    Local,
    /// To the hosts that DNS names.
    Mx(Mx),
    /// To one configured host.
    Relay(Relay),
}

/// `type = "mx"`
#[derive(Clone, Debug, Default)]
pub struct Mx {
    /// `limits.mx`: how many hosts one attempt may try.
    pub limit_mx: Setting<u32>,
    /// `limits.multihomed`: how many addresses of one host.
    pub limit_multihomed: Setting<u32>,
    /// `ip-lookup`
    pub ip_lookup: Setting<IpLookup>,
}

/// `type = "relay"`
#[derive(Clone, Debug, Default)]
pub struct Relay {
    /// `address`: a host name or an IP address.
    pub address: Setting<Sensitive>,
    /// `port`
    pub port: Setting<u16>,
    /// `protocol`
    pub protocol: Setting<Protocol>,
    /// `tls.implicit`
    pub implicit_tls: Setting<bool>,
    /// `tls.allow-invalid-certs`
    pub allow_invalid_certs: Setting<bool>,
    /// `auth.username`
    pub username: Setting<Sensitive>,
    /// `auth.secret`
    pub secret: Setting<Secret>,
}

/// A text that may have come out of the environment or a file: then no output shows it.
///
/// Two of them are equal where their texts are, wherever these came from.
#[derive(Clone)]
pub enum Sensitive {
    /// Written in the document.
    Plain(String),
    /// Expanded from a macro.
    Expanded(Secret),
}

impl Sensitive {
    /// The text itself, for the one who must use it: who greets with it, connects to it, or looks it up. What is
    /// written for a person has [`Sensitive::shown`].
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Expanded(secret) => secret.reveal(),
        }
    }

    /// The text as every output has it: [`Secret::MASK`] where it came out of a macro.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Expanded(_) => Secret::MASK,
        }
    }

    /// Whether it came out of a macro.
    #[must_use]
    pub const fn is_expanded(&self) -> bool {
        matches!(self, Self::Expanded(_))
    }
}

impl Eq for Sensitive {}

impl PartialEq for Sensitive {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Display for Sensitive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.shown())
    }
}

/// A text in quotes, or the mask without any.
impl fmt::Debug for Sensitive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, out),
            Self::Expanded(secret) => fmt::Debug::fmt(secret, out),
        }
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

/// When a recipient is tried again, when the sender is told, and when it is given up.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// `queue-name`
    pub queue_name: Setting<Sensitive>,
    /// `retry`: the waits after each failure; the last one repeats.
    pub retry: Setting<Vec<Millis>>,
    /// `notify`: when delay notices are due; empty for none.
    pub notify: Setting<Vec<Millis>>,
    /// `expire` or `max-attempts`
    pub expiry: Setting<Expiry>,
}

/// `queue.virtual.<id>`
#[derive(Clone, Debug, Default)]
pub struct VirtualQueue {
    /// `threads-per-node`: how many messages of the queue are delivered at once.
    pub threads_per_node: Setting<u32>,
}

/// How a connection is made.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// `ehlo-hostname`
    pub ehlo_hostname: Setting<Sensitive>,
    /// `source-ips`: one of the remote's family is picked for each connection; empty leaves it to the system.
    pub source_ips: Setting<Vec<SourceIp>>,
    /// `timeout.connect`
    pub timeout_connect: Setting<Millis>,
    /// `timeout.greeting`
    pub timeout_greeting: Setting<Millis>,
    /// `timeout.ehlo`
    pub timeout_ehlo: Setting<Millis>,
    /// `timeout.mail-from`
    pub timeout_mail_from: Setting<Millis>,
    /// `timeout.rcpt-to`
    pub timeout_rcpt_to: Setting<Millis>,
    /// `timeout.data`
    pub timeout_data: Setting<Millis>,
}

/// A local address, with the name that it greets with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceIp {
    /// The address.
    pub ip: IpAddr,
    /// `queue.source-ip.<ip>.ehlo-hostname`
    pub ehlo_hostname: Option<Sensitive>,
}

/// How a connection is secured.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `dane`
    pub dane: Setting<Requirement>,
    /// `mta-sts`
    pub mta_sts: Setting<Requirement>,
    /// `starttls`
    pub starttls: Setting<Requirement>,
    /// `allow-invalid-certs`
    pub allow_invalid_certs: Setting<bool>,
    /// `timeout.tls`
    pub timeout_tls: Setting<Millis>,
    /// `timeout.mta-sts`
    pub timeout_mta_sts: Setting<Millis>,
}

/// A variable by which a limiter or a quota counts apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CountBy {
    /// `rcpt`
    Rcpt,
    /// `rcpt_domain`
    RcptDomain,
    /// `sender`
    Sender,
    /// `sender_domain`
    SenderDomain,
    /// `mx`
    Mx,
    /// `remote_ip`
    RemoteIp,
    /// `local_ip`
    LocalIp,
    /// `helo_domain`, inbound only
    HeloDomain,
    /// `authenticated_as`, inbound only
    AuthenticatedAs,
    /// `listener`, inbound only
    Listener,
}

/// So many in a period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// Within which time.
    pub period: Millis,
}

/// `queue.limiter.outbound[]`, `queue.limiter.inbound[]`
#[derive(Clone, Debug)]
pub struct Limiter {
    /// Where it stands.
    pub range: TextRange,
    /// `enable`
    pub enabled: bool,
    /// `key`
    pub key: Vec<Placed<CountBy>>,
    /// `match`; absent for every message.
    pub condition: Option<Box<Block>>,
    /// `rate`
    pub rate: Option<Placed<Rate>>,
    /// `concurrency` (2022 only; later read and without effect)
    pub concurrency: Option<Placed<u32>>,
}

/// `queue.quota[]`
#[derive(Clone, Debug)]
pub struct Quota {
    /// Where it stands.
    pub range: TextRange,
    /// `enable`
    pub enabled: bool,
    /// `key`
    pub key: Vec<Placed<CountBy>>,
    /// `match`; the reference never applies a quota without one.
    pub condition: Option<Box<Block>>,
    /// `messages`
    pub messages: Option<Placed<u64>>,
    /// `size` in bytes
    pub size: Option<Placed<u64>>,
}

/// `resolver.*`
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    /// `type`
    pub kind: Setting<ResolverKind>,
    /// `custom`
    pub servers: Vec<Placed<DnsServer>>,
    /// `concurrency`
    pub concurrency: Setting<u32>,
    /// `timeout`
    pub timeout: Setting<Millis>,
    /// `attempts`
    pub attempts: Setting<u32>,
    /// `preserve-intermediates`
    pub preserve_intermediates: Setting<bool>,
    /// `try-tcp-on-error`
    pub try_tcp_on_error: Setting<bool>,
    /// `edns`
    pub edns: Setting<bool>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResolverKind {
    /// The system's own resolvers.
    System,
    /// Those of `custom`.
    Custom,
    /// Cloudflare's, with TLS or without.
    Cloudflare {
        /// Over TLS.
        tls: bool,
    },
    /// Quad9's, with TLS or without.
    Quad9 {
        /// Over TLS.
        tls: bool,
    },
    /// Google's.
    Google,
}

/// A name server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DnsServer {
    /// How it is spoken to.
    pub transport: DnsTransport,
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
}

/// How a name server is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DnsTransport {
    /// UDP
    Udp,
    /// TCP
    Tcp,
    /// DNS over TLS (RFC 7858)
    Tls,
}

/// `report.dsn.*`
#[derive(Clone, Debug, Default)]
pub struct Dsn {
    /// `from-name`
    pub from_name: Setting<Sensitive>,
    /// `from-address`
    pub from_address: Setting<Sensitive>,
    /// `sign`: signatures, or the signing domain (2026).
    pub sign: Setting<Vec<Sensitive>>,
    /// `report.submitter`: the Reporting-MTA.
    pub submitter: Setting<Sensitive>,
}

/// Whether domains are told how TLS went with them (RFC 8460).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsReports {
    /// They are, however often. Rules that make it depend on the domain count as that.
    #[default]
    Sent,
    /// They are not.
    Never,
}

impl TlsReports {
    /// What a frequency as it is written means.
    #[must_use]
    pub fn of(frequency: &str) -> Self {
        let word = frequency.trim().trim_matches('\'');
        if ["never", "disable", "false"].contains(&word) { Self::Never } else { Self::Sent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_of_tls_reports_is_never_or_some() {
        for (written, expected) in [
            ("daily", TlsReports::Sent),
            ("weekly", TlsReports::Sent),
            ("never", TlsReports::Never),
            ("disable", TlsReports::Never),
            ("'never'", TlsReports::Never),
            ("false", TlsReports::Never),
        ] {
            assert_eq!(TlsReports::of(written), expected, "{written}");
        }
    }

    #[test]
    fn a_text_out_of_a_macro_is_kept_and_never_shown() {
        let (plain, hidden) = (Sensitive::from("mx"), Sensitive::Expanded(Secret::new("mx")));
        assert_eq!((plain.text(), plain.shown(), plain.is_expanded()), ("mx", "mx", false));
        assert_eq!((hidden.text(), hidden.shown(), hidden.is_expanded()), ("mx", "***", true));
        assert_eq!(format!("{plain} {plain:?} {hidden} {hidden:?}"), "mx \"mx\" *** ***");
        assert_eq!(plain, hidden);
        assert_ne!(plain, Sensitive::from("***".to_owned()));
    }

    fn definition(name: &str, value: u32) -> Definition<u32> {
        Definition { name: name.to_owned(), range: TextRange::at(0), value, ignored_by_reference: None }
    }

    #[test]
    fn the_first_definition_of_a_name_stays_and_the_order_is_the_documents() {
        let mut definitions = Definitions::default();
        for (value, name) in ["relay", "mx", "backup"].into_iter().enumerate() {
            definitions.insert(definition(name, value as u32)).unwrap();
        }
        let earlier = definitions.insert(definition("mx", 9)).unwrap_err();
        assert_eq!((earlier.name.as_str(), earlier.value), ("mx", 1));
        assert_eq!(definitions.names().collect::<Vec<_>>(), ["relay", "mx", "backup"]);
        assert_eq!(definitions.get("mx").map(|found| found.value), Some(1));
        assert!(definitions.get("local").is_none());
    }
}
