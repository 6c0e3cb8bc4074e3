//! DNS records as the standard zone-file text (RFC 1035 §5.1), and what a resolver makes of them.
//!
//! Invariants:
//!
//! - Names are in lower case and without the last dot.
//! - A question follows at most [`limits::CNAME_HOPS_MAX`] aliases.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use thiserror::Error;

use crate::limits;

/// Records by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Zone {
    records: BTreeMap<Box<str>, Vec<Data>>,
    /// Every name that exists, those that only have names below them among them.
    names: BTreeSet<Box<str>>,
}

/// What a record says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail server; the root's name is empty.
    Mx(u16, Box<str>),
    /// Another name for it.
    Cname(Box<str>),
    /// A text, its strings joined.
    Txt(Box<str>),
    /// A certificate association (RFC 6698): usage, selector, matching type, and the data.
    Tlsa(u8, u8, u8, Box<[u8]>),
}

impl Data {
    /// The types that there are.
    pub const KINDS: [&'static str; 6] = ["A", "AAAA", "MX", "CNAME", "TXT", "TLSA"];

    /// The type of the record.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::A(_) => "A",
            Self::Aaaa(_) => "AAAA",
            Self::Mx(..) => "MX",
            Self::Cname(_) => "CNAME",
            Self::Txt(_) => "TXT",
            Self::Tlsa(..) => "TLSA",
        }
    }
}

/// Why a line is no record.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{what}")]
pub struct ZoneError {
    /// Where the line is in the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub what: String,
}

/// What a question finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found<T> {
    /// These.
    Records(Vec<T>),
    /// The name is there, but has none of that type.
    NoData,
    /// There is no such name.
    NoName,
}

impl Zone {
    /// Reads zone-file text: what could be read, and what could not. `$ORIGIN` and `$TTL` are known; classes and times
    /// to live are read and left alone.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<ZoneError>) {
        let mut zone = Self::default();
        let mut errors = Vec::new();
        let mut reader = Reader { origin: String::new(), owner: None };
        for (range, line) in logical_lines(text) {
            match reader.line(&line) {
                Ok(Some((name, data))) => zone.add(&name, data),
                Ok(None) => {}
                Err(what) => errors.push(ZoneError { range, what }),
            }
        }
        (zone, errors)
    }

    /// Adds a record.
    pub fn add(&mut self, name: &str, data: Data) {
        let mut rest = name;
        loop {
            self.names.insert(rest.into());
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => break,
            }
        }
        self.records.entry(name.into()).or_default().push(data);
    }

    /// Takes the records of a name away, all of them or those of one type; how many there were.
    pub fn remove(&mut self, name: &str, kind: Option<&str>) -> usize {
        let is_meant = |data: &Data| kind.is_none_or(|kind| data.kind() == kind);
        let mut left = Self::default();
        let mut removed = 0;
        for (known, data) in self.records() {
            if known == name && is_meant(data) {
                removed += 1;
            } else {
                left.add(known, data.clone());
            }
        }
        *self = left;
        removed
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Every record with its name.
    pub fn records(&self) -> impl Iterator<Item = (&str, &Data)> {
        self.records.iter().flat_map(|(name, all)| all.iter().map(|data| (&**name, data)))
    }

    /// What a resolver finds for `name` by `of`, through aliases.
    pub fn find<T>(&self, name: &str, of: impl Fn(&Data) -> Option<T>) -> Found<T> {
        self.follow(name, of).0
    }

    /// The same, and every name on the way: the one that was asked for, and what each stands for.
    pub fn follow<T>(&self, name: &str, of: impl Fn(&Data) -> Option<T>) -> (Found<T>, Vec<String>) {
        let mut names = Vec::new();
        let mut name = name.trim_end_matches('.').to_lowercase();
        for _ in 0..=limits::CNAME_HOPS_MAX {
            names.push(name.clone());
            let records = self.records.get(&*name).map(Vec::as_slice).unwrap_or_default();
            let found: Vec<T> = records.iter().filter_map(&of).collect();
            if !found.is_empty() {
                return (Found::Records(found), names);
            }
            let alias = records.iter().find_map(|data| if let Data::Cname(alias) = data { Some(alias) } else { None });
            match alias {
                Some(alias) => name = alias.to_string(),
                None if self.names.contains(&*name) => return (Found::NoData, names),
                None => return (Found::NoName, names),
            }
        }
        (Found::NoData, names)
    }

    /// The name at the end of a name's aliases.
    #[must_use]
    pub fn canonical(&self, name: &str) -> String {
        let (_, mut names) = self.follow(name, |_| None::<()>);
        names.pop().unwrap_or_default()
    }

    /// The mail servers of a domain.
    #[must_use]
    pub fn mx(&self, name: &str) -> Found<(u16, Box<str>)> {
        self.find(name, |data| match data {
            Data::Mx(preference, host) => Some((*preference, host.clone())),
            _ => None,
        })
    }

    /// The texts of a name.
    #[must_use]
    pub fn texts(&self, name: &str) -> Found<Box<str>> {
        self.find(name, |data| if let Data::Txt(text) = data { Some(text.clone()) } else { None })
    }

    /// The IPv4 or IPv6 addresses of a host.
    #[must_use]
    pub fn addresses(&self, name: &str, is_v6: bool) -> Found<IpAddr> {
        self.find(name, |data| match data {
            Data::A(ip) if !is_v6 => Some(IpAddr::V4(*ip)),
            Data::Aaaa(ip) if is_v6 => Some(IpAddr::V6(*ip)),
            _ => None,
        })
    }
}

/// Lines without comments, those within brackets joined, each with the place of its first line. A line that begins
/// with a blank keeps one in front.
fn logical_lines(text: &str) -> Vec<(Range<usize>, String)> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    let (mut begun, mut depth, mut quoted) = (0..0, 0_usize, false);
    let mut next = 0;
    for line in text.split_inclusive('\n') {
        let start = next;
        next += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        if depth == 0 {
            begun = start..start + line.len();
            joined.clear();
        }
        let mut escaped = false;
        for character in line.chars() {
            if escaped {
                joined.push(character);
                escaped = false;
                continue;
            }
            match character {
                '\\' => {
                    escaped = true;
                    joined.push(character);
                }
                '"' => {
                    quoted = !quoted;
                    joined.push(character);
                }
                ';' if !quoted => break,
                '(' if !quoted => {
                    depth += 1;
                    joined.push(' ');
                }
                ')' if !quoted => {
                    depth = depth.saturating_sub(1);
                    joined.push(' ');
                }
                _ => joined.push(character),
            }
        }
        // A string does not go beyond its line.
        quoted = false;
        if depth == 0 {
            if !joined.trim().is_empty() {
                lines.push((begun.clone(), joined.clone()));
            }
        } else {
            joined.push(' ');
        }
    }
    if depth > 0 {
        lines.push((begun, joined));
    }
    lines
}

struct Reader {
    origin: String,
    owner: Option<String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<Option<(String, Data)>, String> {
        let has_owner = !line.starts_with([' ', '\t']);
        let words = words(line)?;
        let mut words = words.iter().map(String::as_str);
        if has_owner {
            let first = words.next().unwrap_or_default();
            match first.to_ascii_uppercase().as_str() {
                "$ORIGIN" => {
                    let origin = words.next().ok_or("`$ORIGIN` has no name")?;
                    self.origin = self.name(origin)?;
                    return Ok(None);
                }
                "$TTL" => return Ok(None),
                directive if directive.starts_with('$') => return Err(format!("`{first}` is not known here")),
                _ => self.owner = Some(self.name(first)?),
            }
        }
        let owner = self.owner.clone().ok_or("the first record has no name")?;
        let mut words = words.skip_while(|word| {
            let is_class = ["IN", "CH", "HS"].iter().any(|class| word.eq_ignore_ascii_case(class));
            is_class || is_ttl(word)
        });
        let kind = words.next().ok_or("there is no record type")?;
        let rest: Vec<&str> = words.collect();
        let data = self.data(kind, &rest)?;
        Ok(Some((owner, data)))
    }

    fn data(&self, kind: &str, words: &[&str]) -> Result<Data, String> {
        let bad = |example: &str| format!("`{kind}` is not as in `{kind} {example}`");
        Ok(match (kind.to_ascii_uppercase().as_str(), words) {
            ("A", [ip]) => Data::A(ip.parse().map_err(|_| bad("192.0.2.1"))?),
            ("AAAA", [ip]) => Data::Aaaa(ip.parse().map_err(|_| bad("2001:db8::1"))?),
            ("MX", [preference, host]) => {
                Data::Mx(preference.parse().map_err(|_| bad("10 mx.corp.test."))?, self.name(host)?.into())
            }
            ("CNAME", [name]) => Data::Cname(self.name(name)?.into()),
            ("TXT", [_, ..]) => Data::Txt(words.concat().into()),
            ("TLSA", [usage, selector, matching, data @ ..]) if !data.is_empty() => {
                let byte = |word: &str| word.parse::<u8>().map_err(|_| bad("3 1 1 0123…"));
                let data = hex(&data.concat()).ok_or_else(|| bad("3 1 1 0123…"))?;
                Data::Tlsa(byte(usage)?, byte(selector)?, byte(matching)?, data.into())
            }
            ("A", _) => return Err(bad("192.0.2.1")),
            ("AAAA", _) => return Err(bad("2001:db8::1")),
            ("MX", _) => return Err(bad("10 mx.corp.test.")),
            ("CNAME", _) => return Err(bad("other.test.")),
            ("TXT", _) => return Err(bad("\"v=STSv1; id=1;\"")),
            ("TLSA", _) => return Err(bad("3 1 1 0123…")),
            _ => {
                return Err(format!(
                    "records of the type `{kind}` are not known here: A, AAAA, MX, CNAME, TXT and TLSA are"
                ));
            }
        })
    }

    /// A whole name: below the origin, unless it ends in a dot.
    fn name(&self, word: &str) -> Result<String, String> {
        let name = match word {
            "@" => self.origin.clone(),
            "." => String::new(),
            _ => match word.strip_suffix('.') {
                Some(whole) => whole.to_lowercase(),
                None if self.origin.is_empty() => word.to_lowercase(),
                None => format!("{}.{}", word.to_lowercase(), self.origin),
            },
        };
        let is_name = name.len() <= limits::NAME_BYTES_MAX && !name.contains("..") && !name.starts_with('.');
        if is_name { Ok(name) } else { Err(format!("`{word}` is no name")) }
    }
}

/// The words of a line; a string in quotes is one.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quoted {
        return Err("a string has no end".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Whether it is a time to live: seconds, or numbers with units.
fn is_ttl(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"smhdwSMHDW".contains(&byte))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (Vec<String>, Vec<String>) {
        let (zone, errors) = Zone::parse(text);
        let records = zone.records().map(|(name, data)| format!("{name} {data:?}")).collect();
        let error = |error: &ZoneError| format!("{:?}: {error}", text.get(error.range.clone()).unwrap());
        (records, errors.iter().map(error).collect())
    }

    #[test]
    fn records_are_read_as_zone_files_write_them() {
        let text = "$ORIGIN Corp.test.\n$TTL 1h\n; nothing\n@ 300 IN MX 10 mx1\n   IN MX (20 ; the second\n   mx2.corp.test.)\nmx1 A 192.0.2.1\nmx1 IN 1h AAAA 2001:db8::1\nwww CNAME mx1\n_mta-sts TXT \"v=STSv1; \" \"id=1;\"\nnull.test. MX 0 .\n_25._tcp.mx1 TLSA 3 1 1 01 ab\n";
        let (records, errors) = shown(text);
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(
            records,
            [
                "_25._tcp.mx1.corp.test Tlsa(3, 1, 1, [1, 171])",
                "_mta-sts.corp.test Txt(\"v=STSv1; id=1;\")",
                "corp.test Mx(10, \"mx1.corp.test\")",
                "corp.test Mx(20, \"mx2.corp.test\")",
                "mx1.corp.test A(192.0.2.1)",
                "mx1.corp.test Aaaa(2001:db8::1)",
                "null.test Mx(0, \"\")",
                "www.corp.test Cname(\"mx1.corp.test\")",
            ]
        );
    }

    #[test]
    fn records_are_taken_away_by_name_and_type() {
        let text = "a.test. MX 5 mx.a.test.\na.test. A 192.0.2.1\nmx.a.test. A 192.0.2.2\n";
        let left = |name: &str, kind: Option<&str>| {
            let (mut zone, _) = Zone::parse(text);
            let removed = zone.remove(name, kind);
            (
                removed,
                zone.records().map(|(name, data)| format!("{name} {}", data.kind())).collect::<Vec<_>>(),
                zone.mx("a.test"),
            )
        };
        let all = |removed: &[&str]| {
            let all = ["a.test MX", "a.test A", "mx.a.test A"].map(str::to_owned);
            all.into_iter().filter(|record| !removed.contains(&&**record)).collect::<Vec<_>>()
        };
        let found = Found::Records(vec![(5, "mx.a.test".into())]);
        assert_eq!(left("a.test", Some("MX")), (1, all(&["a.test MX"]), Found::NoData));
        // The name is still there, because of the one below it.
        assert_eq!(left("a.test", None), (2, all(&["a.test MX", "a.test A"]), Found::NoData));
        assert_eq!(left("mx.a.test", Some("AAAA")), (0, all(&[]), found.clone()));
        assert_eq!(left("b.test", None), (0, all(&[]), found));
        let (mut zone, _) = Zone::parse("a.test. A 192.0.2.1");
        assert_eq!((zone.remove("a.test", None), zone.mx("a.test")), (1, Found::NoName));
    }

    #[test]
    fn every_line_that_is_no_record_is_reported() {
        let text = "  A 192.0.2.1\na.test. A 192.0.2\na.test. MX mx\na.test. SRV 1\na.test. IN\na.test. TXT \"x\n$INCLUDE x\na..test. A 192.0.2.1\na.test. TLSA 3 1 1 0\n";
        let (records, errors) = shown(text);
        assert_eq!(records, Vec::<String>::new());
        for (line, error) in text.lines().zip(&errors) {
            assert!(error.starts_with(&format!("{line:?}: ")), "{error}");
        }
        assert_eq!(errors.len(), text.lines().count());
    }

    #[test]
    fn questions_follow_aliases_and_tell_no_data_from_no_name() {
        let (zone, _) = Zone::parse(
            "a.test. CNAME b.test.\nb.test. MX 5 mx.b.test.\nmx.sub.c.test. A 192.0.2.1\nx.test. CNAME y.test.\ny.test. CNAME x.test.\n",
        );
        assert_eq!(zone.mx("A.test."), Found::Records(vec![(5, "mx.b.test".into())]));
        assert_eq!(zone.mx("sub.c.test"), Found::NoData);
        assert_eq!(zone.mx("d.test"), Found::NoName);
        assert_eq!(zone.mx("x.test"), Found::NoData, "a circle ends");
        assert_eq!(zone.addresses("mx.sub.c.test", false), Found::Records(vec!["192.0.2.1".parse().unwrap()]));
        assert_eq!(zone.addresses("mx.sub.c.test", true), Found::NoData);
    }
}
