//! Records and policies as the reference reads them: what it understands counts, and the rest is passed over.
//!
//! Of a field that is there twice the last one counts. A record's fields stand in any order, blanks anywhere, and any text
//! is an id; the first of several records that can be read counts. A policy that names no host is none, in whatever mode.
//!
//! Source: delivery spec 3.6; for records, the library that the reference reads them with.

use base::Millis;

use super::{Mode, NoPolicy, Policy};

/// How long a policy is kept whose `max_age` is not between an hour and a year.
const AGE: u64 = 24 * 3_600;

pub(super) fn record(texts: &[Box<str>]) -> Result<Box<str>, NoPolicy> {
    let names_version = |text: &str| plain(text).to_ascii_lowercase().contains("v=stsv1");
    let why =
        if texts.iter().map(|text| &**text).any(names_version) { NoPolicy::Invalid } else { NoPolicy::NotPublished };
    texts.iter().find_map(|text| id(text)).map(Into::into).ok_or(why)
}

/// A text without blanks.
fn plain(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

fn id(text: &str) -> Option<String> {
    let (mut has_version, mut id) = (false, None);
    for (name, value) in text.split(';').filter_map(|field| field.split_once('=')) {
        match plain(name).to_ascii_lowercase().as_str() {
            "v" if !plain(value).eq_ignore_ascii_case("STSv1") => return None,
            "v" => has_version = true,
            "id" => id = Some(plain(value)),
            _ => {}
        }
    }
    id.filter(|_| has_version)
}

pub(super) fn policy(text: &str) -> Option<Policy> {
    let (mut mode, mut age) = (Mode::None, AGE);
    let mut mx: Vec<Box<str>> = Vec::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match (name.trim(), value) {
            ("version", "STSv1") => {}
            ("version", _) => return None,
            ("mode", "none") => mode = Mode::None,
            ("mode", "testing") => mode = Mode::Testing,
            ("mode", "enforce") => mode = Mode::Enforce,
            ("mode", _) => return None,
            ("max_age", _) => age = value.parse().ok().filter(|age| (3_600..31_557_600).contains(age)).unwrap_or(age),
            ("mx", _) => mx.push(value.trim_end_matches('.').to_ascii_lowercase().into()),
            _ => {}
        }
    }
    (!mx.is_empty()).then_some(Policy { mode, mx, max_age: Millis::from_secs(age) })
}
