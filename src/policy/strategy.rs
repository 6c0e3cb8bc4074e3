//! What strategies say, once they are chosen: routes, schedules, connections, TLS, queues, limits and quotas.
//!
//! A target's defaults are filled in already, and a queue is named by its number. The vectors of the four kinds go by
//! [`StrategyId`] in the order of the plan's names. Names follow the 2025 keys.
//!
//! Invariants, kept by who makes them:
//!
//! - There is a strategy for every id of the plan that it belongs to, and a queue for every [`QueueName`] of theirs.
//! - A schedule has at least one retry interval.

use std::{fmt, net::IpAddr, num::NonZeroU32, sync::Arc};

use base::{Millis, Secret};

use crate::{block::Block, plan::StrategyId};

/// Every strategy of a plan, and what else governs delivery.
#[derive(Clone, Debug)]
pub struct Strategies {
    /// The name that the server greets with.
    pub hostname: Arc<str>,
    /// `queue.route.<id>`
    pub routes: Vec<Route>,
    /// `queue.schedule.<id>`
    pub schedules: Vec<Schedule>,
    /// `queue.connection.<id>`
    pub connections: Vec<Connection>,
    /// `queue.tls.<id>`
    pub tls: Vec<Tls>,
    /// `queue.virtual.<id>`
    pub queues: Vec<VirtualQueue>,
    /// `queue.limiter.outbound[]`, in order, without those that are switched off.
    pub limiters: Vec<Limiter>,
    /// `queue.quota[]`, in order, without those that are switched off.
    pub quotas: Vec<Quota>,
    /// `report.dsn.*`
    pub dsn: Dsn,
    /// Whether domains that ask for it are told how TLS went (RFC 8460): `report.tls.aggregate.send`.
    pub reports_tls: bool,
}

/// A virtual queue's name. What is in a queue is in it by that, so that it still is where another policy decides.
pub type QueueName = Arc<str>;

impl Strategies {
    /// The route `id`.
    #[must_use]
    pub fn route(&self, id: StrategyId) -> Option<&Route> {
        self.routes.get(id.index())
    }

    /// The schedule `id`.
    #[must_use]
    pub fn schedule(&self, id: StrategyId) -> Option<&Schedule> {
        self.schedules.get(id.index())
    }

    /// The connection strategy `id`.
    #[must_use]
    pub fn connection(&self, id: StrategyId) -> Option<&Connection> {
        self.connections.get(id.index())
    }

    /// The TLS strategy `id`.
    #[must_use]
    pub fn tls(&self, id: StrategyId) -> Option<&Tls> {
        self.tls.get(id.index())
    }

    /// The queue called `name`.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&VirtualQueue> {
        self.queues.iter().find(|queue| *queue.name == *name)
    }
}

/// Where a recipient's mail goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// Into a mailbox of this server.
    Local,
    /// To the hosts that DNS names.
    Mx(Mx),
    /// To one configured host.
    Relay(Relay),
}

/// `type = "mx"`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mx {
    /// `limits.mx`: how many hosts one attempt may try; `None` for any number.
    pub limit_mx: Option<NonZeroU32>,
    /// `limits.multihomed`: how many addresses of one host; 0 leaves none.
    pub limit_multihomed: u32,
    /// `ip-lookup`
    pub ip_lookup: IpLookup,
}

impl Mx {
    /// How a relay's addresses are looked up, whatever the other routes say: up to 10, IPv4 first.
    pub const OF_RELAY: Self =
        Self { limit_mx: NonZeroU32::new(1), limit_multihomed: 10, ip_lookup: IpLookup::Ipv4ThenIpv6 };

    /// The built-in route `mx`.
    pub const BUILT_IN: Self =
        Self { limit_mx: NonZeroU32::new(5), limit_multihomed: 2, ip_lookup: IpLookup::Ipv4ThenIpv6 };
}

/// Which families of addresses are looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IpLookup {
    /// `ipv4_only`
    Ipv4Only,
    /// `ipv6_only`
    Ipv6Only,
    /// `ipv4_then_ipv6`
    Ipv4ThenIpv6,
    /// `ipv6_then_ipv4`
    Ipv6ThenIpv4,
}

/// As the layouts from 2024 on write it.
impl fmt::Display for IpLookup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ipv4Only => "ipv4_only",
            Self::Ipv6Only => "ipv6_only",
            Self::Ipv4ThenIpv6 => "ipv4_then_ipv6",
            Self::Ipv6ThenIpv4 => "ipv6_then_ipv4",
        })
    }
}

/// `type = "relay"`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relay {
    /// `address`: a host name or an IP address.
    pub address: Arc<str>,
    /// `port`
    pub port: u16,
    /// `protocol`
    pub protocol: Protocol,
    /// `tls.implicit`
    pub implicit_tls: bool,
    /// `tls.allow-invalid-certs`
    pub allow_invalid_certs: bool,
    /// `auth.username` and `auth.secret`, where both are given.
    pub credentials: Option<Credentials>,
}

/// A user and a secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `auth.username`
    pub username: Arc<str>,
    /// `auth.secret`
    pub secret: Secret,
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.username == other.username && self.secret.reveal() == other.secret.reveal()
    }
}

impl Eq for Credentials {}

/// What is spoken with a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// SMTP, RFC 5321.
    Smtp,
    /// LMTP, RFC 2033.
    Lmtp,
}

/// When a recipient is tried, when its sender is told, and when it is given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// `queue-name`
    pub queue: QueueName,
    /// `retry`: how long to wait after the first failure, after the second, …; the last one repeats.
    pub retry: Box<[Millis]>,
    /// `notify`: when to tell the sender of the delay.
    pub notify: Box<[Millis]>,
    /// `expire` or `max-attempts`
    pub expiry: Expiry,
}

impl Schedule {
    /// The built-in schedule `default`: delivery spec 3.2.
    #[must_use]
    pub fn built_in() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        let retry = [2, 5, 10, 15, 30, 60, 120].map(|minutes| Millis::from_secs(minutes * MINUTE));
        Self {
            queue: VirtualQueue::DEFAULT.into(),
            retry: Box::new(retry),
            notify: Box::new([Millis::from_secs(DAY), Millis::from_secs(3 * DAY)]),
            expiry: Expiry::Ttl(Millis::from_secs(5 * DAY)),
        }
    }
}

/// When a recipient is given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// So long after the message was accepted.
    Ttl(Millis),
    /// After so many failures.
    Attempts(u32),
}

/// `queue.virtual.<id>`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VirtualQueue {
    /// Its name.
    pub name: Arc<str>,
    /// `threads-per-node`: how many messages are delivered at the same time.
    pub threads: u32,
}

impl VirtualQueue {
    /// The one that there always is.
    pub const DEFAULT: &str = "default";
    /// The threads of one that does not say, and of one that nothing defines: delivery spec 3.2.
    pub const THREADS: u32 = 25;
}

/// How a host is connected to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Connection {
    /// `ehlo-hostname`; without one the server's own name is used.
    pub ehlo_hostname: Option<Arc<str>>,
    /// `source-ips`; without any the system chooses.
    pub source_ips: Box<[SourceIp]>,
    /// How long each stage may take.
    pub timeouts: Timeouts,
}

/// An address to connect from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceIp {
    /// The address.
    pub ip: IpAddr,
    /// The name to greet with from there.
    pub ehlo_hostname: Option<Arc<str>>,
}

/// How long each stage of a session may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// `timeout.connect`
    pub connect: Millis,
    /// `timeout.greeting`
    pub greeting: Millis,
    /// `timeout.ehlo`
    pub ehlo: Millis,
    /// `timeout.mail-from`
    pub mail_from: Millis,
    /// `timeout.rcpt-to`
    pub rcpt_to: Millis,
    /// `timeout.data`
    pub data: Millis,
}

impl Timeouts {
    /// Five minutes for each stage, ten for the data.
    pub const BUILT_IN: Self = Self {
        connect: Millis::from_secs(300),
        greeting: Millis::from_secs(300),
        ehlo: Millis::from_secs(300),
        mail_from: Millis::from_secs(300),
        rcpt_to: Millis::from_secs(300),
        data: Millis::from_secs(600),
    };
}

/// What a connection must be secured by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tls {
    /// `dane`
    pub dane: Requirement,
    /// `mta-sts`
    pub mta_sts: Requirement,
    /// `starttls`
    pub starttls: Requirement,
    /// `allow-invalid-certs`
    pub allow_invalid_certs: bool,
    /// `timeout.tls`
    pub timeout_tls: Millis,
    /// `timeout.mta-sts`
    pub timeout_mta_sts: Millis,
}

impl Tls {
    /// The built-in strategy `default`: everything where it is offered, certificates verified.
    pub const BUILT_IN: Self = Self {
        dane: Requirement::Optional,
        mta_sts: Requirement::Optional,
        starttls: Requirement::Optional,
        allow_invalid_certs: false,
        timeout_tls: Millis::from_secs(180),
        timeout_mta_sts: Millis::from_secs(300),
    };
}

/// How far a strategy insists.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Requirement {
    /// `disable`
    Disable,
    /// `optional`
    Optional,
    /// `require`
    Require,
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Disable => "disable",
            Self::Optional => "optional",
            Self::Require => "require",
        })
    }
}

/// What a limiter or a quota counts apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CountBy {
    /// The recipient.
    Rcpt,
    /// The recipient's domain.
    RcptDomain,
    /// The return path.
    Sender,
    /// The return path's domain.
    SenderDomain,
    /// The host being tried.
    Mx,
    /// Its address.
    RemoteIp,
    /// The address that the connection is made from.
    LocalIp,
}

/// When a limiter or a quota is checked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// Once for a message.
    Sender,
    /// Once for each domain of its recipients (a limiter: for each transaction).
    Rcpt,
    /// Limiters: once for each address; quotas: once for each recipient.
    Finest,
}

/// `queue.limiter.outbound[]`
#[derive(Clone, Debug)]
pub struct Limiter {
    /// When it is checked.
    pub scope: Scope,
    /// What it counts apart.
    pub key: Box<[CountBy]>,
    /// Where it applies; always without one.
    pub condition: Option<Arc<Block>>,
    /// How often.
    pub count: u64,
    /// In how long; at least a second.
    pub period: Millis,
}

/// `queue.quota[]`
#[derive(Clone, Debug)]
pub struct Quota {
    /// When it is checked.
    pub scope: Scope,
    /// What it counts apart.
    pub key: Box<[CountBy]>,
    /// Where it applies.
    pub condition: Option<Arc<Block>>,
    /// How many messages at most.
    pub messages: Option<u64>,
    /// How many bytes at most.
    pub size: Option<u64>,
}

/// A text that rules or an expression may give for each message.
#[derive(Clone, Debug)]
pub struct Words {
    /// The text where nothing gives another.
    pub own: Arc<str>,
    /// What gives it; where that fails, or gives no text, the own one stays.
    pub block: Option<Arc<Block>>,
}

impl From<&str> for Words {
    fn from(own: &str) -> Self {
        Self { own: own.into(), block: None }
    }
}

/// How reports are written.
#[derive(Clone, Debug)]
pub struct Dsn {
    /// `from-name`
    pub from_name: Words,
    /// `from-address`
    pub from_address: Words,
    /// `submitter`: the reporting MTA.
    pub submitter: Arc<str>,
}
