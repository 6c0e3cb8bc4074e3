//! Settings of a strategy that rules choose for each message, as the layouts of 2022 and 2024 allow for all of them.
//!
//! Such a layout has one strategy of each kind, and rules within it: the strategy that a message gets is the tuple of
//! their outcomes. Each setting is a [`Choice`] of its own among the values that its rules name, so that machine code
//! decides it as it decides strategies; a value that the rules compute is read when it is there.
//!
//! Invariants:
//!
//! - A [`Ruled`] has a value for every id of its choice.
//! - What is no value of a setting leaves the strategy's own, as the reference does with it.
//!
//! Source: delivery spec 1.2 to 1.6 and 1.12.

use std::{collections::BTreeMap, fmt, net::IpAddr, num::NonZeroU32, sync::Arc};

use base::{Millis, TextRange};

use crate::{
    block::{Block, Rule},
    constant::Constant,
    ir::{ExprId, Op},
    plan::{Choice, Decided, Otherwise, RuleId, StrategyId},
    strategy::{Connection, Expiry, IpLookup, Mx, Requirement, Schedule, SourceIp, Tls},
    target::Kind,
    value::Value,
};

macro_rules! settings {
    ($($variant:ident $kind:ident $key:literal;)+) => {
        /// A setting that rules may choose.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Setting {
            $(#[doc = concat!("`", $key, "`")] $variant,)+
        }

        impl Setting {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kind of strategy that it is part of.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)+ }
            }

            /// Its key in the layouts of 2022 and 2024.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)+ }
            }
        }
    };
}

settings! {
    LimitMx Route "queue.outbound.limits.mx";
    LimitMultihomed Route "queue.outbound.limits.multihomed";
    IpLookup Route "queue.outbound.ip-strategy";
    Retry Schedule "queue.schedule.retry";
    Notify Schedule "queue.schedule.notify";
    Expire Schedule "queue.schedule.expire";
    Hostname Connection "queue.outbound.hostname";
    SourceIps Connection "queue.outbound.source-ip";
    Connect Connection "queue.outbound.timeouts.connect";
    Greeting Connection "queue.outbound.timeouts.greeting";
    Ehlo Connection "queue.outbound.timeouts.ehlo";
    MailFrom Connection "queue.outbound.timeouts.mail-from";
    RcptTo Connection "queue.outbound.timeouts.rcpt-to";
    Data Connection "queue.outbound.timeouts.data";
    Dane Tls "queue.outbound.tls.dane";
    MtaSts Tls "queue.outbound.tls.mta-sts";
    Starttls Tls "queue.outbound.tls.starttls";
    AllowInvalidCerts Tls "queue.outbound.tls.allow-invalid-certs";
    TimeoutTls Tls "queue.outbound.timeouts.tls";
    TimeoutMtaSts Tls "queue.outbound.timeouts.mta-sts";
}

/// A setting with a value of its type.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is the setting of its name")]
pub enum Given {
    LimitMx(Option<NonZeroU32>),
    LimitMultihomed(u32),
    IpLookup(IpLookup),
    Retry(Box<[Millis]>),
    Notify(Box<[Millis]>),
    Expire(Millis),
    Hostname(Option<Arc<str>>),
    SourceIps(Box<[SourceIp]>),
    Connect(Millis),
    Greeting(Millis),
    Ehlo(Millis),
    MailFrom(Millis),
    RcptTo(Millis),
    Data(Millis),
    Dane(Requirement),
    MtaSts(Requirement),
    Starttls(Requirement),
    AllowInvalidCerts(bool),
    TimeoutTls(Millis),
    TimeoutMtaSts(Millis),
}

impl Setting {
    /// The setting with `value`, where that is one of its type.
    #[must_use]
    pub fn read(self, value: &Value) -> Option<Given> {
        Some(match self {
            Self::LimitMx => Given::LimitMx(NonZeroU32::new(count(value)?)),
            Self::LimitMultihomed => Given::LimitMultihomed(count(value)?),
            Self::IpLookup => Given::IpLookup(ip_lookup(value)?),
            Self::Retry => Given::Retry(lengths(value)?.into()),
            Self::Notify => Given::Notify(lengths(value)?.into()),
            Self::Expire => Given::Expire(length(value)?),
            Self::Hostname => Given::Hostname(Some(text(value)?).filter(|name| !name.is_empty()).map(Into::into)),
            Self::SourceIps => {
                let source = |ip| SourceIp { ip, ehlo_hostname: None };
                Given::SourceIps(addresses(value)?.into_iter().map(source).collect())
            }
            Self::Connect => Given::Connect(length(value)?),
            Self::Greeting => Given::Greeting(length(value)?),
            Self::Ehlo => Given::Ehlo(length(value)?),
            Self::MailFrom => Given::MailFrom(length(value)?),
            Self::RcptTo => Given::RcptTo(length(value)?),
            Self::Data => Given::Data(length(value)?),
            Self::Dane => Given::Dane(requirement(value)?),
            Self::MtaSts => Given::MtaSts(requirement(value)?),
            Self::Starttls => Given::Starttls(requirement(value)?),
            Self::AllowInvalidCerts => Given::AllowInvalidCerts(truth(value)?),
            Self::TimeoutTls => Given::TimeoutTls(length(value)?),
            Self::TimeoutMtaSts => Given::TimeoutMtaSts(length(value)?),
        })
    }
}

/// The value, as a person reads it.
impl fmt::Display for Given {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitMx(None) => out.write_str("0"),
            Self::LimitMx(Some(count)) => write!(out, "{count}"),
            Self::LimitMultihomed(count) => write!(out, "{count}"),
            Self::IpLookup(lookup) => write!(out, "{lookup}"),
            Self::Retry(lengths) | Self::Notify(lengths) => list(out, &**lengths),
            Self::Hostname(None) => out.write_str("the server's own name"),
            Self::Hostname(Some(name)) => out.write_str(name),
            Self::SourceIps(sources) => list(out, sources.iter().map(|source| source.ip)),
            Self::Dane(requirement) | Self::MtaSts(requirement) | Self::Starttls(requirement) => {
                write!(out, "{requirement}")
            }
            Self::AllowInvalidCerts(allow) => write!(out, "{allow}"),
            Self::Expire(length)
            | Self::Connect(length)
            | Self::Greeting(length)
            | Self::Ehlo(length)
            | Self::MailFrom(length)
            | Self::RcptTo(length)
            | Self::Data(length)
            | Self::TimeoutTls(length)
            | Self::TimeoutMtaSts(length) => write!(out, "{length}"),
        }
    }
}

fn list(out: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = impl fmt::Display>) -> fmt::Result {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    write!(out, "[{}]", items.join(", "))
}

/// How many.
#[must_use]
pub fn count(value: &Value) -> Option<u32> {
    match value {
        Value::Int(count) => u32::try_from(*count).ok(),
        _ => None,
    }
}

/// Yes or no, which the language writes as 1 and 0.
#[must_use]
pub const fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        _ => None,
    }
}

/// A length of time of at least a millisecond.
#[must_use]
pub fn length(value: &Value) -> Option<Millis> {
    match value {
        Value::Int(length @ 1..) => u64::try_from(*length).ok().map(Millis),
        _ => None,
    }
}

/// Lengths of time, at least one.
#[must_use]
pub fn lengths(value: &Value) -> Option<Vec<Millis>> {
    each(value, length).filter(|lengths| !lengths.is_empty())
}

/// A text, empty where `false` says that there is none.
#[must_use]
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(0) => Some(String::new()),
        _ => None,
    }
}

/// Addresses, none where `false` says so.
#[must_use]
pub fn addresses(value: &Value) -> Option<Vec<IpAddr>> {
    if let Value::Int(0) = value {
        return Some(Vec::new());
    }
    each(value, |value| match value {
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// How far a strategy insists.
#[must_use]
pub const fn requirement(value: &Value) -> Option<Requirement> {
    match value {
        Value::Constant(Constant::Optional) => Some(Requirement::Optional),
        Value::Constant(Constant::Require) => Some(Requirement::Require),
        Value::Constant(Constant::Disable) => Some(Requirement::Disable),
        _ => None,
    }
}

/// Which families of addresses are looked up.
#[must_use]
pub const fn ip_lookup(value: &Value) -> Option<IpLookup> {
    match value {
        Value::Constant(Constant::Ipv4Only) => Some(IpLookup::Ipv4Only),
        Value::Constant(Constant::Ipv6Only) => Some(IpLookup::Ipv6Only),
        Value::Constant(Constant::Ipv4ThenIpv6) => Some(IpLookup::Ipv4ThenIpv6),
        Value::Constant(Constant::Ipv6ThenIpv4) => Some(IpLookup::Ipv6ThenIpv4),
        _ => None,
    }
}

/// Each element of an array, or the value itself as the only one; the empty text is none.
pub fn each<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.to_items().iter().map(read).collect()
}

impl Mx {
    /// The same route with `given`, where that is one of its settings.
    #[must_use]
    pub fn with(self, given: &Given) -> Self {
        match given {
            Given::LimitMx(limit_mx) => Self { limit_mx: *limit_mx, ..self },
            Given::LimitMultihomed(limit_multihomed) => Self { limit_multihomed: *limit_multihomed, ..self },
            Given::IpLookup(ip_lookup) => Self { ip_lookup: *ip_lookup, ..self },
            _ => self,
        }
    }
}

impl Schedule {
    /// The same schedule with `given`, where that is one of its settings.
    #[must_use]
    pub fn with(self, given: &Given) -> Self {
        match given {
            Given::Retry(retry) => Self { retry: retry.clone(), ..self },
            Given::Notify(notify) => Self { notify: notify.clone(), ..self },
            Given::Expire(length) => Self { expiry: Expiry::Ttl(*length), ..self },
            _ => self,
        }
    }
}

impl Connection {
    /// The same strategy with `given`, where that is one of its settings.
    #[must_use]
    pub fn with(mut self, given: &Given) -> Self {
        match given {
            Given::Hostname(name) => self.ehlo_hostname.clone_from(name),
            Given::SourceIps(sources) => self.source_ips.clone_from(sources),
            Given::Connect(length) => self.timeouts.connect = *length,
            Given::Greeting(length) => self.timeouts.greeting = *length,
            Given::Ehlo(length) => self.timeouts.ehlo = *length,
            Given::MailFrom(length) => self.timeouts.mail_from = *length,
            Given::RcptTo(length) => self.timeouts.rcpt_to = *length,
            Given::Data(length) => self.timeouts.data = *length,
            _ => {}
        }
        self
    }
}

impl Tls {
    /// The same strategy with `given`, where that is one of its settings.
    #[must_use]
    pub const fn with(mut self, given: &Given) -> Self {
        match given {
            Given::Dane(requirement) => self.dane = *requirement,
            Given::MtaSts(requirement) => self.mta_sts = *requirement,
            Given::Starttls(requirement) => self.starttls = *requirement,
            Given::AllowInvalidCerts(allow) => self.allow_invalid_certs = *allow,
            Given::TimeoutTls(length) => self.timeout_tls = *length,
            Given::TimeoutMtaSts(length) => self.timeout_mta_sts = *length,
            _ => {}
        }
        self
    }
}

/// A setting of one strategy that rules choose.
#[derive(Clone)]
pub struct Ruled {
    /// The setting.
    pub setting: Setting,
    /// The strategy that it is part of, among those of its kind.
    pub strategy: StrategyId,
    /// The rules as the document has them.
    block: Block,
    /// The same rules, each outcome that is known replaced by the name of its value.
    choice: Choice,
    /// The values, by the ids of the choice; `None` where an outcome is no value of the setting.
    values: Vec<Option<Given>>,
}

/// Nothing of what a hidden block gives.
impl fmt::Debug for Ruled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, strategy, block, .. } = self;
        let mut ruled = out.debug_struct("Ruled");
        ruled.field("setting", setting).field("strategy", strategy).field("block", block).finish_non_exhaustive()
    }
}

/// What the rules of a setting came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picked {
    /// The rule that was taken; `None` for `else`, and where the evaluation failed.
    pub rule: Option<RuleId>,
    /// The value; `None` where the strategy's own stays, as the rules failed or gave no value of the setting.
    pub given: Option<Given>,
}

impl Ruled {
    /// `setting` of `strategy`, chosen by `block`.
    #[must_use]
    pub fn new(setting: Setting, strategy: StrategyId, block: Block) -> Self {
        let mut values = Vec::new();
        let named = Named::of(&block);
        for value in &named.values {
            values.push(setting.read(value));
        }
        let names = (0..values.len()).map(|place| name_of(place).into());
        let choice = Choice::new(named.block, names, None);
        Self { setting, strategy, block, choice, values }
    }

    /// The rules as the document has them.
    #[must_use]
    pub const fn block(&self) -> &Block {
        &self.block
    }

    /// A value of it, as every output has it: nothing of what came out of the environment or a file.
    #[must_use]
    pub fn shown(&self, given: &Given) -> String {
        if self.block.is_hidden() { base::Secret::MASK.to_owned() } else { given.to_string() }
    }

    /// What an engine decides by.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What a decision of the choice means. A question that it stopped at is given back.
    ///
    /// # Errors
    ///
    /// Where the world is to be asked first.
    pub fn picked(&self, decided: Decided) -> Result<Picked, Box<crate::lookup::Lookup>> {
        match decided {
            Ok(chosen) => {
                let given = self.values.get(chosen.id.index()).cloned().flatten();
                Ok(Picked { rule: chosen.rule, given })
            }
            Err(otherwise) => match *otherwise {
                Otherwise::Unknown { value, rule } => Ok(Picked { rule, given: self.setting.read(&value) }),
                Otherwise::Stopped(crate::Stop::Needs(lookup)) => Err(Box::new(lookup)),
                Otherwise::Stopped(crate::Stop::Failed(_)) | Otherwise::Instead { .. } => {
                    Ok(Picked { rule: None, given: None })
                }
            },
        }
    }
}

/// The name of the value at `place`. No expression can give it, as none can hold the character in front.
fn name_of(place: usize) -> String {
    format!("\0{place}")
}

/// A block whose known outcomes are names of values.
struct Named {
    block: Block,
    values: Vec<Value>,
}

impl Named {
    fn of(block: &Block) -> Self {
        let mut ir = block.ir().clone();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut values = Vec::new();
        let mut named = |id: ExprId, range: TextRange| {
            let Some(value) = block.ir().written(id) else { return id };
            let place = *places.entry(format!("{value:?}")).or_insert_with(|| {
                values.push(value);
                values.len() - 1
            });
            ir.push(Op::Literal(Value::text(name_of(place))), range)
        };
        let rules = block.rules().iter().map(|rule| Rule { outcome: named(rule.outcome, rule.range), ..*rule });
        let rules: Vec<Rule> = rules.collect();
        let otherwise = named(block.otherwise(), block.otherwise_range());
        let block = Block::new(ir, rules, otherwise, block.otherwise_range()).hidden_where(block.is_hidden());
        Self { block, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_values_of_its_type_and_no_others() {
        let minute = || Value::Int(60_000);
        let require = || Value::Constant(Constant::Require);
        for setting in Setting::ALL.iter().copied() {
            let (right, wrong): (Vec<Value>, Vec<Value>) = match setting {
                Setting::LimitMx | Setting::LimitMultihomed => {
                    (vec![Value::Int(0), Value::Int(7)], vec![Value::Int(-1), Value::text("7"), require()])
                }
                Setting::IpLookup => (vec![Value::Constant(Constant::Ipv6Only)], vec![require(), Value::text("x")]),
                Setting::Retry | Setting::Notify => (
                    vec![minute(), Value::list(vec![minute(), Value::Int(1)])],
                    vec![Value::list(Vec::new()), Value::list(vec![Value::Int(0)]), Value::text("1m")],
                ),
                Setting::Hostname => (vec![Value::text("mx.test"), Value::Int(0)], vec![Value::Int(1), require()]),
                Setting::SourceIps => (
                    vec![Value::text("192.0.2.1"), Value::list(Vec::new()), Value::Int(0)],
                    vec![Value::text("localhost"), Value::Int(1)],
                ),
                Setting::Dane | Setting::MtaSts | Setting::Starttls => {
                    (vec![require()], vec![Value::Int(1), Value::Constant(Constant::Ipv4Only)])
                }
                Setting::AllowInvalidCerts => (vec![Value::Int(0), Value::Int(1)], vec![Value::Int(2), require()]),
                _ => (vec![minute()], vec![Value::Int(0), Value::Int(-1), Value::text("1m")]),
            };
            for value in right {
                assert!(setting.read(&value).is_some(), "{setting:?} {value:?}");
            }
            for value in wrong {
                assert_eq!(setting.read(&value), None, "{setting:?} {value:?}");
            }
        }
    }

    #[test]
    fn a_value_changes_the_strategy_of_its_kind() {
        let given = |setting: Setting| {
            let values = [Value::Int(1), Value::Constant(Constant::Disable), Value::Constant(Constant::Ipv6Only)];
            let texts = [Value::text("192.0.2.1")];
            values.iter().chain(&texts).find_map(|value| setting.read(value)).unwrap()
        };
        let connection = Connection {
            ehlo_hostname: None,
            source_ips: Box::from([]),
            timeouts: crate::strategy::Timeouts::BUILT_IN,
        };
        for setting in Setting::ALL.iter().copied() {
            let given = given(setting);
            let changes = [
                Mx::BUILT_IN.with(&given) != Mx::BUILT_IN,
                Schedule::built_in().with(&given) != Schedule::built_in(),
                connection.clone().with(&given) != connection,
                Tls::BUILT_IN.with(&given) != Tls::BUILT_IN,
            ];
            let expected = Kind::ALL.map(|kind| kind == setting.kind());
            assert_eq!(changes, expected, "{setting:?}");
        }
    }
}
