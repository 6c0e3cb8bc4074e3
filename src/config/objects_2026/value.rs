//! Reading a value of an object: what cannot be read is reported and left out.
//!
//! JSON values are typed: a number between quotes is refused. Where the meaning is plain although the server refuses
//! the form (an array for a list, `"5m"` for 300000), the value is read all the same. Such a finding is an error in
//! what is sent to a server, a request or a plan, and a warning in what is only shown: a bare object as documentation
//! prints it, or a response.
//!
//! Source: delivery spec 0.1, 0.2, 4.2.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::RangeInclusive,
};

use base::{Code, Diagnostic, Edit, Findings, Fix, Millis, MillisError, Severity, TextRange};
use document::{Kind, Node, Source};
use policy::{Compiler, spelling::nearest};

use super::{
    body::{Field, Value},
    object::{Object, SERVER_SET},
};
use crate::{
    Resources, codes,
    read::whole_number,
    settings::{Placed, Sensitive, Setting},
};

/// Where an object comes from, which decides how strictly it is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// A bare object or a response: what documentation prints and servers answer.
    Shown,
    /// Created by a request or a plan.
    Created,
    /// Created by a plan, or changed where the server has it already.
    Upserted,
    /// A change to an object that the document does not hold.
    Unseen,
    /// What the server has from its first start on.
    Shipped,
}

/// How much is lost where a field is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Need {
    /// The object says nothing without it.
    Essential,
    /// A server demands it; the rest can be read without.
    Demanded,
}

/// The virtual queues of a document, for the schedules that name them by id.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Their names by id, and by the reference that a plan gives them.
    pub(super) by_id: BTreeMap<String, String>,
    pub(super) names: BTreeSet<String>,
}

/// Reads the objects of one document.
pub(super) struct Reader<'c> {
    pub(super) source: &'c Source,
    pub(super) compiler: Compiler,
    pub(super) resources: &'c dyn Resources,
    pub(super) findings: &'c mut Findings,
    /// The virtual queues of the document.
    pub(super) queues: Queues,
    /// The object at hand.
    pub(super) object: Object,
    pub(super) origin: Origin,
    /// Where it stands, for what it lacks.
    pub(super) at: TextRange,
    /// What it has under a misspelled name, reported as an error: it does not lack it as well.
    pub(super) misspelled: BTreeSet<&'static str>,
}

impl Reader<'_> {
    /// Reports what stands in the document; what its server ships is nobody's mistake.
    pub(super) fn report(&mut self, finding: Diagnostic) {
        if self.origin != Origin::Shipped {
            self.findings.push(finding);
        }
    }

    /// How much a form matters that a server refuses and whose meaning is plain.
    pub(super) const fn form(&self) -> Severity {
        match self.origin {
            Origin::Shown | Origin::Shipped => Severity::Warning,
            Origin::Created | Origin::Upserted | Origin::Unseen => Severity::Error,
        }
    }

    /// The finding about a field that is not there.
    pub(super) fn missing(&mut self, key: &str, need: Need, help: &str) {
        let severity = match (self.origin, need) {
            _ if self.misspelled.contains(key) => return,
            (Origin::Unseen | Origin::Shipped, _) => return,
            (Origin::Created, _) | (_, Need::Essential) => Severity::Error,
            (Origin::Shown | Origin::Upserted, Need::Demanded) => Severity::Warning,
        };
        let message = format!("{} has no `{key}`", self.object.title());
        self.report(Diagnostic::new(&codes::MISSING_REQUIRED, self.at, message).severity(severity).help(help));
    }

    /// The finding about a field that a part of an object lacks.
    pub(super) fn missing_in(&mut self, part: &str, key: &str, value: Value<'_>) {
        if matches!(self.origin, Origin::Unseen | Origin::Shipped) {
            return;
        }
        let message = format!("{part} has no `{key}`");
        self.report(
            Diagnostic::new(&codes::MISSING_REQUIRED, start(value.range()), message)
                .help(format!("write `\"{key}\": \"…\"`")),
        );
    }

    pub(super) fn wrong_kind(&mut self, value: Value<'_>, key: &str, help: impl Into<String>) {
        let message = format!("`{key}` is {}", value.kind_name());
        self.report(Diagnostic::new(&codes::WRONG_KIND, value.range(), message).help(help));
    }

    pub(super) fn invalid(&mut self, code: &'static Code, value: Value<'_>, key: &str, help: impl Into<String>) {
        let message = format!("{} is no value of `{key}`", shown(self.source, value));
        self.report(Diagnostic::new(code, value.range(), message).help(help));
    }

    /// Reports the members of the object at hand that are none of its fields.
    pub(super) fn known_fields(&mut self, body: Value<'_>) {
        let object = self.object;
        if object.is_wider() {
            return;
        }
        let variant = body.get("@type").and_then(|field| field.value.text());
        for field in body.fields() {
            if SERVER_SET.contains(&field.key) {
                continue;
            }
            if !object.fields().contains(&field.key) {
                let meant = nearest(field.key, object.fields().iter().copied());
                self.misspelled.extend(meant);
                self.unknown_key(field, object.fields(), object.name());
            } else if let (Some(owner), Some(variant)) = (object.variant_of(field.key), variant)
                && owner != variant
                && !(owner == "Cloudflare" && variant == "Quad9")
                && object.variants().contains(&variant)
            {
                let message = format!("`{}` is no field of the variant `{variant}`", field.key);
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_KEY, field.key_range, message)
                        .help(format!("it belongs to `\"@type\": \"{owner}\"`")),
                );
            }
        }
    }

    /// Reports the members of a part of the object at hand that are none of `known`.
    pub(super) fn known_keys(&mut self, value: Value<'_>, known: &[&str], part: &str) {
        for field in value.fields() {
            if !known.contains(&field.key) {
                self.unknown_key(field, known, part);
            }
        }
    }

    /// A misspelled field is refused by the server, and one that holds rules has none that decide; one that is like none
    /// may be a later version's.
    fn unknown_key(&mut self, field: Field<'_>, known: &[&str], part: &str) {
        let part = if part.contains(' ') { part.to_owned() } else { format!("`{part}`") };
        let message = format!("{part} has no field `{}`", short(field.key));
        let mut finding = Diagnostic::new(&codes::UNKNOWN_KEY, field.key_range, message);
        if ["match", "else"].iter().any(|key| field.value.get(key).is_some()) {
            finding = finding.severity(Severity::Error).label("no server reads the rules that stand here");
        }
        let finding = match nearest(field.key, known.iter().copied()) {
            Some(near) => finding.severity(Severity::Error).help(format!("did you mean `{near}`?")).fix(Fix::replace(
                format!("rename to `{near}`"),
                field.key_range,
                format!("\"{near}\""),
            )),
            None => finding.help(format!("its fields are `{}`", known.join("`, `"))),
        };
        self.report(finding);
    }

    /// A field of `body`, read by `read` where it is there.
    pub(super) fn setting<'v, T>(
        &mut self,
        body: Value<'v>,
        key: &str,
        read: impl FnOnce(&mut Self, Value<'v>, &str) -> Option<T>,
    ) -> Setting<T> {
        self.placed(body, key, read).map_or(Setting::Default, Setting::Given)
    }

    /// The same, as an option.
    pub(super) fn placed<'v, T>(
        &mut self,
        body: Value<'v>,
        key: &str,
        read: impl FnOnce(&mut Self, Value<'v>, &str) -> Option<T>,
    ) -> Option<Placed<T>> {
        let field = body.get(key)?;
        let value = read(self, field.value, key)?;
        Some(Placed::new(value, field.value.range()))
    }

    /// A string that is not blank.
    pub(super) fn text(&mut self, value: Value<'_>, key: &str) -> Option<String> {
        let Some(text) = value.text() else {
            self.wrong_kind(value, key, format!("write `\"{key}\": \"…\"`"));
            return None;
        };
        if text.trim().is_empty() {
            let message = format!("`{key}` is empty");
            self.report(
                Diagnostic::new(&codes::INVALID_VALUE, value.range(), message)
                    .help("write a text, or leave the field out where it is optional"),
            );
            return None;
        }
        Some(text.trim().to_owned())
    }

    /// A `description`, which nothing is made of.
    pub(super) fn description(&mut self, body: Value<'_>) {
        let Some(field) = body.get("description") else {
            return;
        };
        match field.value.text() {
            None => self.wrong_kind(field.value, "description", "a description is a string"),
            Some("") => {
                let finding = Diagnostic::new(&codes::INVALID_VALUE, field.value.range(), "`description` is empty");
                let severity = self.form();
                self.report(finding.severity(severity).help("write a text, or `null`"));
            }
            Some(_) => {}
        }
    }

    pub(super) fn boolean(&mut self, value: Value<'_>, key: &str) -> Option<bool> {
        if let Some(Kind::Bool(is)) = value.node().map(|node| &node.kind) {
            return Some(*is);
        }
        let unquoted = value.text().filter(|text| matches!(*text, "true" | "false"));
        let fix = unquoted.map(|text| Fix::replace("take the quotes off", value.range(), text).safe());
        let message = format!("`{key}` is {}", value.kind_name());
        self.report(
            Diagnostic::new(&codes::WRONG_KIND, value.range(), message)
                .help("it is `true` or `false`, without quotes")
                .fix_if(fix),
        );
        None
    }

    /// A whole number within `range`; past it, a finding of kind `code`.
    pub(super) fn integer_as<T>(
        &mut self,
        value: Value<'_>,
        key: &str,
        range: RangeInclusive<T>,
        code: &'static Code,
    ) -> Option<T>
    where
        T: Copy + PartialOrd + std::str::FromStr + std::fmt::Display,
    {
        let help = whole_number(&range);
        match value.node().map(|node| &node.kind) {
            Some(Kind::Number(text)) => {
                let number = text.parse::<T>().ok().filter(|number| range.contains(number));
                if number.is_none() {
                    self.invalid(code, value, key, help);
                }
                number
            }
            Some(Kind::Text(text)) if text.as_str().parse::<T>().is_ok() => {
                let fix = Fix::replace("take the quotes off", value.range(), text.as_str()).safe();
                self.report(
                    Diagnostic::new(&codes::WRONG_KIND, value.range(), format!("`{key}` is a string"))
                        .help(format!("{help}, without quotes"))
                        .fix(fix),
                );
                None
            }
            _ => {
                self.wrong_kind(value, key, help);
                None
            }
        }
    }

    pub(super) fn integer<T>(&mut self, value: Value<'_>, key: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: Copy + PartialOrd + std::str::FromStr + std::fmt::Display,
    {
        self.integer_as(value, key, range, &codes::INVALID_VALUE)
    }

    /// A length of time: a number of milliseconds above zero; as `5m` it is reported and read.
    pub(super) fn duration(&mut self, value: Value<'_>, key: &str) -> Option<Millis> {
        self.duration_as(value, key, &codes::INVALID_VALUE)
    }

    /// The same; where it is zero, a finding of kind `code`.
    pub(super) fn duration_as(&mut self, value: Value<'_>, key: &str, code: &'static Code) -> Option<Millis> {
        let Some(text) = value.text() else {
            let millis = self.integer_as(value, key, 1..=Millis::MAX.0, code)?;
            return Some(Millis(millis));
        };
        let squeezed: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        let millis = match Millis::parse(&squeezed) {
            Ok(millis) => millis,
            Err(error) => {
                let help = match error {
                    MillisError::Compound => "write the number of milliseconds of all parts together".to_owned(),
                    _ => "a duration is a number of milliseconds, such as 300000 for five minutes".to_owned(),
                };
                self.invalid(&codes::INVALID_VALUE, value, key, help);
                return None;
            }
        };
        if millis.0 == 0 {
            self.invalid(code, value, key, "it is a number of milliseconds, at least 1");
            return None;
        }
        let fix = Fix::replace("write milliseconds", value.range(), millis.0.to_string()).safe();
        let message = format!("`{key}` is a string, not a number of milliseconds");
        let severity = self.form();
        self.report(
            Diagnostic::new(&codes::STRING_DURATION, value.range(), message)
                .severity(severity)
                .help(format!("the server refuses the string; write `{}`", millis.0))
                .fix(fix),
        );
        Some(millis)
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(&mut self, value: Value<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let known = format!("it is one of `{}`", names.join("`, `"));
        let Some(found) = value.text() else {
            self.wrong_kind(value, key, known);
            return None;
        };
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == found) {
            return Some(*found);
        }
        let earlier = words.iter().find(|(word, _)| flat(word) == flat(found));
        let (code, near) = match earlier {
            Some((word, _)) if !word.eq_ignore_ascii_case(found) => (&codes::DIALECT_MISMATCH, Some(*word)),
            Some((word, _)) => (&codes::INVALID_VALUE, Some(*word)),
            None => (&codes::INVALID_VALUE, nearest(found, names.iter().copied())),
        };
        let message = format!("`{}` is no value of `{key}`", short(found));
        let finding = Diagnostic::new(code, value.range(), message);
        self.report(match near {
            Some(near) => finding.help(format!("did you mean `{near}`? {known}")).fix(Fix::replace(
                format!("write `{near}`"),
                value.range(),
                format!("\"{near}\""),
            )),
            None => finding.help(known),
        });
        None
    }

    /// The variant that a part of an object is, by its `@type`.
    pub(super) fn variant<T: Copy>(&mut self, value: Value<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let known = format!("`{}`", names.join("`, `"));
        if !value.is_object() {
            self.wrong_kind(value, key, format!("it is an object whose `@type` is one of {known}"));
            return None;
        }
        match value.get("@type") {
            Some(kind) => self.one_of(kind.value, "@type", words),
            None if self.origin == Origin::Unseen => None,
            None => {
                let range = start(value.range());
                let message = format!("`{key}` has no `@type`");
                self.report(
                    Diagnostic::new(&codes::MISSING_REQUIRED, range, message).help(format!("it is one of {known}")),
                );
                None
            }
        }
    }

    /// The elements of a list in order: an object with number keys, or, reported, an array.
    pub(super) fn list<'v>(&mut self, value: Value<'v>, key: &str) -> Option<Vec<Field<'v>>> {
        self.report_array(value, key, ArrayFor::List);
        if let Some(nodes) = value.untouched_array() {
            let field = |node: &'v Node<'v>| Field { key: "", key_range: node.range, value: Value::Node(node) };
            return Some(nodes.iter().map(field).filter(|field| !field.value.is_null()).collect());
        }
        if !value.is_object() && value.array().is_none() {
            self.wrong_kind(value, key, "a list is an object with number keys: `{\"0\": …, \"1\": …}`");
            return None;
        }
        let mut numbered = Vec::new();
        for field in value.fields() {
            if let Some(number) = number(field.key) {
                numbered.push((number, field));
                continue;
            }
            let message = format!("`{}` is no key of the list `{key}`", short(field.key));
            self.report(
                Diagnostic::new(&codes::INVALID_VALUE, field.key_range, message)
                    .help("the keys of a list are numbers, which order it: `{\"0\": …, \"1\": …}`"),
            );
        }
        numbered.sort_by_key(|&(number, _)| (number.len(), number));
        Some(numbered.into_iter().map(|(_, field)| field).collect())
    }

    /// The members of a set with the places where they stand: `{"mx": true}`, or, reported, an array.
    pub(super) fn set<'v>(&mut self, value: Value<'v>, key: &str) -> Option<Vec<(&'v str, TextRange)>> {
        self.report_array(value, key, ArrayFor::Set);
        let mut members = Vec::new();
        if let Some(nodes) = value.untouched_array() {
            for node in nodes {
                match node.as_text() {
                    Some(text) => members.push((text, node.range)),
                    None => self.wrong_kind(Value::Node(node), key, "a member of a set is a name"),
                }
            }
            return Some(members);
        }
        if !value.is_object() && value.array().is_none() {
            self.wrong_kind(value, key, "a set is an object: `{\"mx\": true}`");
            return None;
        }
        for field in value.fields() {
            match (value.array(), field.value.node().map(|node| &node.kind)) {
                (_, Some(Kind::Bool(true))) => members.push((field.key, field.key_range)),
                // An element of an array that a patch has touched elsewhere.
                (Some(_), Some(Kind::Text(text))) => members.push((text.as_str(), field.value.range())),
                _ => {
                    let message = format!("the member `{}` of `{key}` is not `true`", short(field.key));
                    self.report(
                        Diagnostic::new(&codes::INVALID_VALUE, field.value.range(), message)
                            .severity(Severity::Warning)
                            .help("write `true`, or leave the member out"),
                    );
                }
            }
        }
        Some(members)
    }

    fn report_array(&mut self, value: Value<'_>, key: &str, wanted: ArrayFor) {
        let Some(node) = value.array() else { return };
        let fix = value.untouched_array().and_then(|_| array_fix(self.source, node, wanted));
        let (what, help) = match wanted {
            ArrayFor::List => ("list", "an object with number keys: `{\"0\": …, \"1\": …}`"),
            ArrayFor::Set => ("set", "an object whose values are `true`: `{\"mx\": true}`"),
        };
        let severity = self.form();
        let message = format!("the {what} `{key}` is written as an array, which the server refuses");
        self.report(
            Diagnostic::new(&codes::LIST_AS_ARRAY, start(node.range), message)
                .severity(severity)
                .help(format!("write it as {help}"))
                .fix_if(fix),
        );
    }

    /// A name of a host, or an address.
    pub(super) fn host(&mut self, value: Value<'_>, key: &str) -> Option<Sensitive> {
        let host = self.text(value, key)?;
        let is_name = host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || !byte.is_ascii());
        if is_name || host.parse::<IpAddr>().is_ok() {
            return Some(host.into());
        }
        self.invalid(
            &codes::INVALID_VALUE,
            value,
            key,
            "it is the name of a host such as `mx.example.org`, or an IP address without a port",
        );
        None
    }

    pub(super) fn ip(&mut self, value: Value<'_>, key: &str) -> Option<IpAddr> {
        let text = self.text(value, key)?;
        let ip = text.parse().ok();
        if ip.is_none() {
            self.invalid(&codes::INVALID_VALUE, value, key, "it is an IP address such as `192.0.2.1` or `2001:db8::1`");
        }
        ip
    }
}

/// What an array stands for.
#[derive(Clone, Copy)]
enum ArrayFor {
    List,
    Set,
}

/// How many elements an array may have whose rewriting is proposed: each is an edit.
pub(super) const ARRAY_FIX_ELEMENTS_MAX: usize = 256;

/// The edits that turn an array into the object that the server wants.
fn array_fix(source: &Source, array: &Node<'_>, wanted: ArrayFor) -> Option<Fix> {
    let nodes = array.as_list()?;
    let text = source.slice(array.range);
    let is_strings = nodes.iter().all(|node| node.as_text().is_some());
    let is_closed = text.len() >= 2 && text.starts_with('[') && text.ends_with(']');
    if !is_closed || nodes.len() > ARRAY_FIX_ELEMENTS_MAX || matches!(wanted, ArrayFor::Set) && !is_strings {
        return None;
    }
    let edit = |start: u32, end: u32, text: String| Edit { range: TextRange::new(start, end), text };
    let (start, end) = (array.range.start(), array.range.end());
    let mut edits = vec![edit(start, start + 1, "{".to_owned())];
    for (index, node) in nodes.iter().enumerate() {
        edits.push(match wanted {
            ArrayFor::List => edit(node.range.start(), node.range.start(), format!("\"{index}\": ")),
            ArrayFor::Set => edit(node.range.end(), node.range.end(), ": true".to_owned()),
        });
    }
    edits.push(edit(end - 1, end, "}".to_owned()));
    Some(Fix { safe: true, title: "write it as an object".to_owned(), edits })
}

/// Where `range` begins, which stands for a value of many lines. What begins there may be a character of any length.
pub(super) const fn start(range: TextRange) -> TextRange {
    TextRange::at(range.start())
}

/// `text`, cut where it is long.
pub(super) fn short(text: &str) -> String {
    const LENGTH_MAX: usize = 60;
    let mut short: String = text.chars().take(LENGTH_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A value for a message: as it is written where it is short, else what it is.
fn shown(source: &Source, value: Value<'_>) -> String {
    match value.node() {
        Some(node) if node.scalar_text().is_some() => format!("`{}`", short(source.slice(node.range))),
        _ => value.kind_name().to_owned(),
    }
}

/// A word without letter case, hyphens, underscores and the `ip` that other layouts have: `ipv4_then_ipv6` is
/// `v4ThenV6`.
pub(super) fn flat(word: &str) -> String {
    let word = word.to_ascii_lowercase().replace(['_', '-'], "");
    word.replace("ipv", "v")
}

/// The digits of a key of a list without leading zeros: the shorter number is the smaller one.
fn number(key: &str) -> Option<&str> {
    let is_number = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| key.trim_start_matches('0'))
}
