//! Settings to strategies: a target's defaults are filled in, and names become numbers.
//!
//! Source: delivery spec 1.2 to 1.10 and 3.2.

use std::{num::NonZeroU32, sync::Arc};

use base::{Millis, TextRange};
use policy::{
    Block, Kind, Plan, Quirk, Ruled, StrategyId, Target, Variable, VariableSet,
    strategy::{self, CountBy, QueueName, Strategies},
};

use crate::{
    Dialect, Settings, defaults,
    settings::{self, Sensitive, Setting},
};

/// The name of a server that says nothing about it.
const HOSTNAME: &str = "localhost";

/// The strategies of `settings` for `plan`, which was made of them.
#[must_use]
pub fn strategies(settings: &Settings, plan: &Plan) -> Strategies {
    let target = plan.target;
    let queues = Queues::of(settings);
    // What no name leads to has no name.
    let of = |kind: Kind| {
        let choice = plan.choice(kind);
        choice.ids().map(move |id| (!choice.is_built_in(id)).then(|| choice.name(id)))
    };
    let is_defined = |kind, name: &str| settings.known(kind, name, target).is_defined();
    let routes = of(Kind::Route).map(|name| match name.and_then(|name| settings.routes.get(name)) {
        Some(found) if is_defined(Kind::Route, &found.name) => route(&found.value, target),
        _ if name == Some("local") => strategy::Route::Local,
        _ => strategy::Route::Mx(strategy::Mx::BUILT_IN),
    });
    let schedules = of(Kind::Schedule).map(|name| match name.and_then(|name| settings.schedules.get(name)) {
        Some(found) if is_defined(Kind::Schedule, &found.name) => schedule(&found.value, settings.dialect, &queues),
        _ => strategy::Schedule::built_in(),
    });
    let connections = of(Kind::Connection).map(|name| match name.and_then(|name| settings.connections.get(name)) {
        Some(found) if is_defined(Kind::Connection, &found.name) => connection(&found.value),
        _ => connection(&settings::Connection::default()),
    });
    let tls = of(Kind::Tls).map(|name| match name.and_then(|name| settings.tls_strategies.get(name)) {
        Some(found) if is_defined(Kind::Tls, &found.name) => tls(&found.value, settings.dialect),
        _ => tls(&settings::Tls::default(), settings.dialect),
    });
    let hostname: Arc<str> = settings.hostname.as_ref().map_or(HOSTNAME, |name| name.value.text()).into();
    Strategies {
        routes: routes.collect(),
        schedules: schedules.collect(),
        connections: connections.collect(),
        tls: tls.collect(),
        queues: queues.0,
        limiters: settings.outbound_limiters.iter().filter_map(limiter).collect(),
        quotas: settings.quotas.iter().filter_map(quota).collect(),
        dsn: dsn(&settings.dsn, &hostname),
        reports_tls: settings.tls_reports == settings::TlsReports::Sent,
        hostname,
    }
}

/// The settings of `settings` that rules choose, for the strategies of a plan; `id` is the number of a strategy's name.
pub(crate) fn ruled(settings: &Settings, target: Target, id: impl Fn(Kind, &str) -> Option<StrategyId>) -> Vec<Ruled> {
    let mut all = Vec::new();
    macro_rules! look {
        ($name:expr, $($variant:ident $of:expr;)+) => {
            {$(if let settings::Setting::Chosen(block) = &$of
                && let Some(strategy) = id(policy::Setting::$variant.kind(), $name)
                && !is_of_later(block, target)
            {
                all.push(Ruled::new(policy::Setting::$variant, strategy, (**block).clone()));
            })+}
        };
    }
    for route in &settings.routes {
        if let settings::Route::Mx(mx) = &route.value {
            look! { &route.name,
                LimitMx mx.limit_mx; LimitMultihomed mx.limit_multihomed; IpLookup mx.ip_lookup;
            }
        }
    }
    for schedule in &settings.schedules {
        let settings::Schedule { retry, notify, expiry, .. } = &schedule.value;
        look! { &schedule.name, Retry *retry; Notify *notify; Expire *expiry; }
    }
    for connection in &settings.connections {
        let of = &connection.value;
        look! { &connection.name,
            Hostname of.ehlo_hostname; SourceIps of.source_ips; Connect of.timeout_connect;
            Greeting of.timeout_greeting; Ehlo of.timeout_ehlo; MailFrom of.timeout_mail_from;
            RcptTo of.timeout_rcpt_to; Data of.timeout_data;
        }
    }
    for tls in &settings.tls_strategies {
        let of = &tls.value;
        look! { &tls.name,
            Dane of.dane; MtaSts of.mta_sts; Starttls of.starttls; AllowInvalidCerts of.allow_invalid_certs;
            TimeoutTls of.timeout_tls; TimeoutMtaSts of.timeout_mta_sts;
        }
    }
    all
}

/// Whether `block` is the default of a setting that came with what it asks about: `last_error` is known from 0.8.0 on.
fn is_of_later(block: &Block, target: Target) -> bool {
    let is_default = block.otherwise_range().is_empty();
    is_default && block.reads().has(Variable::LastError) && target != Target::Native && !target.is_stalwart_from(8, 0)
}

/// The value that is given; what rules choose for each message is not known here.
fn or<T: Clone>(setting: &Setting<T>, default: T) -> T {
    setting.given().cloned().unwrap_or(default)
}

fn text(setting: &Setting<Sensitive>) -> Option<Arc<str>> {
    setting.given().map(|text| text.text().into())
}

/// The queues.
struct Queues(Vec<strategy::VirtualQueue>);

impl Queues {
    /// The queue `default` is always there, and the first.
    fn of(settings: &Settings) -> Self {
        let mut queues = Self(Vec::new());
        let given = |name: &str| settings.queues.get(name).map(|queue| &queue.value.threads_per_node);
        let name = strategy::VirtualQueue::DEFAULT;
        queues.add(
            name,
            given(name).map_or(strategy::VirtualQueue::THREADS, |of| or(of, strategy::VirtualQueue::THREADS)),
        );
        for queue in &settings.queues {
            queues.add(&queue.name, or(&queue.value.threads_per_node, strategy::VirtualQueue::THREADS));
        }
        queues
    }

    fn add(&mut self, name: &str, threads: u32) {
        if !self.0.iter().any(|queue| *queue.name == *name) {
            self.0.push(strategy::VirtualQueue { name: name.into(), threads });
        }
    }

    /// The queue called `name`; `default` where there is none.
    fn named(&self, name: &str) -> QueueName {
        let known = self.0.iter().find(|queue| *queue.name == *name);
        known.map_or_else(|| strategy::VirtualQueue::DEFAULT.into(), |queue| queue.name.clone())
    }
}

fn mx(mx: &settings::Mx) -> strategy::Mx {
    let built_in = strategy::Mx::BUILT_IN;
    strategy::Mx {
        limit_mx: mx.limit_mx.given().map_or(built_in.limit_mx, |limit| NonZeroU32::new(*limit)),
        limit_multihomed: or(&mx.limit_multihomed, built_in.limit_multihomed),
        ip_lookup: or(&mx.ip_lookup, built_in.ip_lookup),
    }
}

fn route(route: &settings::Route, target: Target) -> strategy::Route {
    match route {
        settings::Route::Local => strategy::Route::Local,
        settings::Route::Mx(settings) => strategy::Route::Mx(mx(settings)),
        settings::Route::Relay(relay) => strategy::Route::Relay(strategy::Relay {
            address: text(&relay.address).unwrap_or_default(),
            port: or(&relay.port, 25),
            protocol: or(&relay.protocol, strategy::Protocol::Smtp),
            implicit_tls: or(&relay.implicit_tls, target.has(Quirk::ImplicitTlsByDefault)),
            allow_invalid_certs: or(&relay.allow_invalid_certs, false),
            credentials: match (text(&relay.username), relay.secret.given()) {
                (Some(username), Some(secret)) => Some(strategy::Credentials { username, secret: secret.clone() }),
                _ => None,
            },
        }),
    }
}

fn schedule(schedule: &settings::Schedule, dialect: Dialect, queues: &Queues) -> strategy::Schedule {
    let default = defaults::schedule(dialect);
    let given = |setting: &Setting<Vec<Millis>>| setting.given().map(|list| list.clone().into_boxed_slice());
    strategy::Schedule {
        queue: queues.named(text(&schedule.queue_name).as_deref().unwrap_or(strategy::VirtualQueue::DEFAULT)),
        retry: given(&schedule.retry).filter(|list| !list.is_empty()).unwrap_or(default.retry),
        notify: given(&schedule.notify).unwrap_or(default.notify),
        expiry: or(&schedule.expiry, default.expiry),
    }
}

fn connection(connection: &settings::Connection) -> strategy::Connection {
    let built_in = strategy::Timeouts::BUILT_IN;
    let sources = connection.source_ips.given().into_iter().flatten().map(|source| strategy::SourceIp {
        ip: source.ip,
        ehlo_hostname: source.ehlo_hostname.as_ref().map(|name| name.text().into()),
    });
    strategy::Connection {
        ehlo_hostname: text(&connection.ehlo_hostname),
        source_ips: sources.collect(),
        timeouts: strategy::Timeouts {
            connect: or(&connection.timeout_connect, built_in.connect),
            greeting: or(&connection.timeout_greeting, built_in.greeting),
            ehlo: or(&connection.timeout_ehlo, built_in.ehlo),
            mail_from: or(&connection.timeout_mail_from, built_in.mail_from),
            rcpt_to: or(&connection.timeout_rcpt_to, built_in.rcpt_to),
            data: or(&connection.timeout_data, built_in.data),
        },
    }
}

fn tls(tls: &settings::Tls, dialect: Dialect) -> strategy::Tls {
    let default = defaults::tls(dialect);
    strategy::Tls {
        dane: or(&tls.dane, default.dane),
        mta_sts: or(&tls.mta_sts, default.mta_sts),
        starttls: or(&tls.starttls, default.starttls),
        allow_invalid_certs: or(&tls.allow_invalid_certs, default.allow_invalid_certs),
        timeout_tls: or(&tls.timeout_tls, default.timeout_tls),
        timeout_mta_sts: or(&tls.timeout_mta_sts, default.timeout_mta_sts),
    }
}

/// What is counted apart; keys that outbound mail does not have were findings.
fn keys(keys: &[settings::Placed<settings::CountBy>]) -> Box<[CountBy]> {
    let key = |key: &settings::Placed<settings::CountBy>| match key.value {
        settings::CountBy::Rcpt => Some(CountBy::Rcpt),
        settings::CountBy::RcptDomain => Some(CountBy::RcptDomain),
        settings::CountBy::Sender => Some(CountBy::Sender),
        settings::CountBy::SenderDomain => Some(CountBy::SenderDomain),
        settings::CountBy::Mx => Some(CountBy::Mx),
        settings::CountBy::RemoteIp => Some(CountBy::RemoteIp),
        settings::CountBy::LocalIp => Some(CountBy::LocalIp),
        settings::CountBy::HeloDomain | settings::CountBy::AuthenticatedAs | settings::CountBy::Listener => None,
    };
    keys.iter().filter_map(key).collect()
}

/// The variables that a condition reads.
fn reads(condition: Option<&Block>) -> VariableSet {
    condition.map_or(VariableSet::NONE, Block::reads)
}

/// Where the limiters and the quotas of the strategies stand, in their order.
#[must_use]
pub fn places(settings: &Settings) -> (Vec<TextRange>, Vec<TextRange>) {
    let limiters = settings.outbound_limiters.iter().filter(|known| limiter(known).is_some());
    let quotas = settings.quotas.iter().filter(|known| quota(known).is_some());
    (limiters.map(|known| known.range).collect(), quotas.map(|known| known.range).collect())
}

/// Delivery spec 1.7.
fn limiter(limiter: &settings::Limiter) -> Option<strategy::Limiter> {
    let rate = limiter.rate.as_ref().filter(|_| limiter.enabled)?.value;
    let (key, reads) = (keys(&limiter.key), reads(limiter.condition.as_deref()));
    let asks = |count: CountBy, variable: Variable| key.contains(&count) || reads.has(variable);
    let is_host = asks(CountBy::Mx, Variable::Mx)
        || asks(CountBy::RemoteIp, Variable::RemoteIp)
        || asks(CountBy::LocalIp, Variable::LocalIp);
    let scope = if is_host {
        strategy::Scope::Finest
    } else if asks(CountBy::RcptDomain, Variable::RcptDomain) {
        strategy::Scope::Rcpt
    } else {
        strategy::Scope::Sender
    };
    Some(strategy::Limiter {
        scope,
        key,
        condition: limiter.condition.as_deref().cloned().map(Arc::new),
        count: rate.count,
        period: Millis(rate.period.0.max(1_000)),
    })
}

/// Delivery spec 1.8.
fn quota(quota: &settings::Quota) -> Option<strategy::Quota> {
    if !quota.enabled {
        return None;
    }
    let (key, reads) = (keys(&quota.key), reads(quota.condition.as_deref()));
    let asks = |count: CountBy, variable: Variable| key.contains(&count) || reads.has(variable);
    let scope = if asks(CountBy::Rcpt, Variable::Rcpt) {
        strategy::Scope::Finest
    } else if asks(CountBy::RcptDomain, Variable::RcptDomain) {
        strategy::Scope::Rcpt
    } else {
        strategy::Scope::Sender
    };
    Some(strategy::Quota {
        scope,
        key,
        condition: quota.condition.as_deref().cloned().map(Arc::new),
        messages: quota.messages.as_ref().map(|placed| placed.value),
        size: quota.size.as_ref().map(|placed| placed.value),
    })
}

/// A text that an expression may give.
fn words(setting: &Setting<Sensitive>, default: &str) -> strategy::Words {
    let block = match setting {
        Setting::Chosen(block) => Some(Arc::new((**block).clone())),
        Setting::Given(_) | Setting::Default => None,
    };
    strategy::Words { own: text(setting).unwrap_or_else(|| default.into()), block }
}

fn dsn(dsn: &settings::Dsn, hostname: &Arc<str>) -> strategy::Dsn {
    strategy::Dsn {
        from_name: words(&dsn.from_name, "Mail Delivery Subsystem"),
        from_address: words(&dsn.from_address, &format!("MAILER-DAEMON@{hostname}")),
        submitter: text(&dsn.submitter).unwrap_or_else(|| hostname.clone()),
    }
}
