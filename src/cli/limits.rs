//! The rate limits and quotas of a policy as a life names them: by their place, where they stand, and what they allow.

use delivery::event::CountedBy;
use policy::strategy::{CountBy, Limiter, Quota};
use serde_json::{Value as Json, json};
use simulate::timeline::{Counted, Under};

use super::simulate::Wired;

/// Those of one policy.
pub(super) struct Limits {
    limiters: Vec<Limit>,
    quotas: Vec<Limit>,
}

/// One of them.
struct Limit {
    /// Its place among those of its kind, from 1.
    number: usize,
    /// Where it stands, as `policy.toml:14`; none where no document has it.
    place: Option<String>,
    /// What it allows: `2 in 1h by mx`.
    allows: String,
}

impl Limits {
    pub(super) fn of(wired: &Wired) -> Self {
        let (limiters, quotas) = config::strategies::places(&wired.read.settings);
        let source = &wired.read.source;
        let place = |range: Option<&base::TextRange>| {
            let range =
                range.filter(|range| range.end() > range.start() && range.end() as usize <= source.text().len())?;
            Some(format!("{}:{}", wired.path.display(), source.position(range.start()).line))
        };
        let limit = |(at, allows): (usize, String), places: &[base::TextRange]| Limit {
            number: at + 1,
            place: place(places.get(at)),
            allows,
        };
        let strategies = &wired.strategies;
        Self {
            limiters: strategies.limiters.iter().map(rate).enumerate().map(|all| limit(all, &limiters)).collect(),
            quotas: strategies.quotas.iter().map(room).enumerate().map(|all| limit(all, &quotas)).collect(),
        }
    }

    fn get(&self, under: Under) -> Option<&Limit> {
        match under {
            Under::Limiter { place, .. } => self.limiters.get(place),
            Under::Quota { place, .. } => self.quotas.get(place),
        }
    }

    /// What was counted, as a person reads it.
    pub(super) fn text(&self, counted: &Counted) -> String {
        let kind = match counted.under {
            Under::Limiter { .. } => "rate limit",
            Under::Quota { .. } => "quota",
        };
        let name = self.get(counted.under).map_or_else(
            || kind.to_owned(),
            |limit| {
                let place = limit.place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
                format!("{kind} {} ({place}{})", limit.number, limit.allows)
            },
        );
        let counts = match counted.under {
            Under::Limiter { count: Some(count), .. } => format!("{count} counted"),
            Under::Limiter { count: None, .. } => "spent".to_owned(),
            Under::Quota { messages, size, .. } => format!("{messages} messages, {size} bytes"),
        };
        let values: Vec<String> = counted.key.iter().map(|(by, value)| format!("{} `{value}`", word(*by))).collect();
        let apart = if values.is_empty() { String::new() } else { format!(" for {}", values.join(", ")) };
        format!("{name}: {counts}{apart}")
    }

    pub(super) fn json(&self, counted: &Counted) -> Json {
        let limit = self.get(counted.under);
        let mut line = json!({
            "number": limit.map(|limit| limit.number), "place": limit.and_then(|limit| limit.place.as_deref()),
            "allows": limit.map(|limit| &*limit.allows), "key": key_json(&counted.key),
        });
        if let Json::Object(line) = &mut line {
            match counted.under {
                Under::Limiter { count, .. } => {
                    line.insert("count".to_owned(), count.into());
                }
                Under::Quota { messages, size, .. } => {
                    line.insert("messages".to_owned(), messages.into());
                    line.insert("size".to_owned(), size.into());
                }
            }
        }
        line
    }
}

fn key_json(key: &CountedBy) -> Json {
    Json::Object(key.iter().map(|(by, value)| (word(*by).to_owned(), json!(**value))).collect())
}

/// A limiter's rate and what it is counted by.
pub(super) fn rate(limiter: &Limiter) -> String {
    format!("{} in {}{}", limiter.count, limiter.period, by(&limiter.key))
}

/// How much room a quota has, and what it is counted by.
fn room(quota: &Quota) -> String {
    let messages = quota.messages.map(|messages| format!("{messages} messages"));
    let size = quota.size.map(|size| format!("{size} bytes"));
    let most: Vec<String> = messages.into_iter().chain(size).collect();
    format!("{}{}", most.join(", "), by(&quota.key))
}

fn by(key: &[CountBy]) -> String {
    let by: Vec<&str> = key.iter().map(|by| word(*by)).collect();
    if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) }
}

const fn word(by: CountBy) -> &'static str {
    match by {
        CountBy::Rcpt => "rcpt",
        CountBy::RcptDomain => "rcpt_domain",
        CountBy::Sender => "sender",
        CountBy::SenderDomain => "sender_domain",
        CountBy::Mx => "mx",
        CountBy::RemoteIp => "remote_ip",
        CountBy::LocalIp => "local_ip",
    }
}
