//! The kinds of values that a message's keys take: read from a document, read from a command line, written.
//!
//! A key's shape is data, so that the reader of documents, `--set` and the writer are one table each and cannot
//! disagree on what a key may say.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::{Diagnostic, Fix, Mailbox, Millis, MillisError};
use document::{Kind, Node};
use policy::spelling::nearest;

use crate::{
    codes,
    context::{integer, listed, make_list, shown, wrong_element, wrong_kind},
    limits,
    message::{By, Notify, Ret},
};

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A short text that is not empty and has no control character.
    Name,
    /// A path, not empty.
    Path,
    /// A whole number, 0 or more.
    Count {
        /// The largest one.
        most: u64,
    },
    /// A whole number, also a negative one.
    Integer {
        /// The smallest one.
        least: i64,
        /// The largest one.
        most: i64,
    },
    /// A length of time with its unit.
    Offset,
    /// A number of seconds, or a length of time with its unit.
    Seconds,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A host's name, or empty.
    Host,
    /// An IP address.
    Ip,
    /// An address or the null sender.
    Sender,
    /// Addresses.
    Recipients,
    /// RFC 3461's ENVID.
    EnvelopeId,
    /// RFC 3461's RET.
    Ret,
    /// RFC 3461's NOTIFY.
    Notify,
    /// RFC 3461's NOTIFY, by recipient.
    NotifyFor,
    /// A header and what is behind it.
    Content,
    /// RFC 3461's ORCPT, by recipient, or alone for the only one.
    Originals,
    /// Header lines, by recipient, or alone for the only one.
    HeaderLines,
    /// RFC 2852's BY.
    By,
    /// Yes or no.
    Truth,
}

/// What a key says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// Nothing.
    Absent,
    /// A text.
    Text(String),
    /// One of a shape's words.
    Word(&'static str),
    /// A number that is not negative.
    Count(u64),
    /// A number.
    Integer(i64),
    /// A length of time.
    Offset(Millis),
    /// An address.
    Sender(Mailbox),
    /// Addresses.
    Recipients(Vec<Mailbox>),
    /// What is to be returned.
    Ret(Ret),
    /// When to be told.
    Notify(Notify),
    /// When to be told about each recipient.
    NotifyFor(BTreeMap<Mailbox, Notify>),
    /// A content, its lines ended by line feeds.
    Content(String),
    /// A text for each recipient; that of the null address belongs to the only one.
    ByRecipient(BTreeMap<Mailbox, String>),
    /// Until when.
    By(By),
    /// Yes or no.
    Truth(bool),
}

/// Why a text is not what a key takes.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The kind of finding.
    pub(crate) code: &'static base::Code,
    /// What is wrong, without the key's name in front: "is `x`, which is no address".
    pub(crate) what: String,
    /// What would be right.
    pub(crate) help: String,
    /// What was probably meant.
    pub(crate) instead: Option<String>,
}

impl Wrong {
    fn new(what: String, help: impl Into<String>) -> Self {
        Self { code: &codes::INVALID_VALUE, what, help: help.into(), instead: None }
    }

    fn code(self, code: &'static base::Code) -> Self {
        Self { code, ..self }
    }

    fn instead(self, instead: Option<impl Into<String>>) -> Self {
        let instead = instead.map(Into::into);
        Self { instead, ..self }
    }

    /// The finding about `node`, a value of the key `name`.
    pub(crate) fn finding(self, node: &Node<'_>, name: &str) -> Diagnostic {
        let is_text = matches!(node.kind, Kind::Text(_));
        let is_plain = |text: &String| !text.contains(['"', '\\', '\'']) && !text.chars().any(char::is_control);
        let fix = self
            .instead
            .filter(|text| is_text && is_plain(text))
            .map(|text| Fix::replace("replace it", node.range, format!("\"{text}\"")));
        Diagnostic::new(self.code, node.range, format!("`{name}` {}", self.what)).help(self.help).fix_if(fix)
    }
}

impl Shape {
    /// A value of this shape, for a finding.
    const fn example(self) -> &'static str {
        match self {
            Self::Text => "`\"text\"`",
            Self::Name => "`\"m1\"`",
            Self::Path => "`\"mail.eml\"`",
            Self::Count { .. } | Self::Integer { .. } => "`2`",
            Self::Offset => "`\"5m\"`: a whole number and one of d, h, m, s, ms",
            Self::Seconds => "`3600` or `\"1h\"`",
            Self::Word(_) => "`\"authenticated\"`",
            Self::Host => "`\"mx1.corp.test\"`",
            Self::Ip => "`\"192.0.2.10\"`",
            Self::Sender => "`\"alice@home.example\"`, or `\"\"` for the null sender",
            Self::Recipients => "`[\"bob@corp.test\"]`",
            Self::EnvelopeId => "`\"QQ314159\"`",
            Self::Ret => "`\"full\"` or `\"hdrs\"`",
            Self::Truth => "`true`",
            Self::Notify => "`[\"failure\", \"delay\"]` or `[\"never\"]`",
            Self::NotifyFor => "`{ \"bob@corp.test\" = [\"never\"] }`",
            Self::Content => "`\"Subject: hello\\n\\nHow are you?\"`",
            Self::Originals => "`\"rfc822;robert@corp.test\"`, or a table with one for each recipient",
            Self::HeaderLines => "`\"X-List: staff\"`, or a table with one for each recipient",
            Self::By => "`\"7200;R\"`",
        }
    }

    /// What it is in a document, for a finding.
    const fn kind(self) -> &'static str {
        match self {
            Self::Count { .. } | Self::Integer { .. } => "a whole number",
            Self::Seconds => "a number of seconds",
            Self::Offset => "a length of time in quotes",
            Self::Recipients => "a list of addresses",
            Self::Notify => "a list of words",
            Self::NotifyFor => "a table",
            Self::Originals | Self::HeaderLines => "a string or a table",
            Self::Truth => "`true` or `false`",
            _ => "a string",
        }
    }

    /// Reads the value `node` of the key `name`; findings go to `report`. What is wrong in a list or table is left
    /// out, and the rest is read.
    pub(crate) fn read(self, node: &Node<'_>, name: &str, report: &mut dyn FnMut(Diagnostic)) -> Option<Given> {
        match (self, &node.kind) {
            (Self::Count { .. } | Self::Integer { .. } | Self::Seconds, Kind::Number(text)) => {
                let number = integer(text).map(|number| number.to_string());
                self.scalar(node, name, number.as_deref().unwrap_or(text), report)
            }
            (Self::Count { .. } | Self::Integer { .. }, Kind::Text(text)) => {
                let quoted = wrong_kind(node, name, self.kind(), self.example());
                let is_right = self.parse(text.as_str()).is_ok();
                let fix = is_right.then(|| Fix::replace("write it without quotes", node.range, text.as_str()));
                report(quoted.fix_if(fix));
                None
            }
            (Self::Truth, Kind::Bool(truth)) => Some(Given::Truth(*truth)),
            (Self::Recipients, Kind::List(list)) => Some(Given::Recipients(recipients(list.nodes(), name, report))),
            (Self::Notify, Kind::List(list)) => {
                let words: Option<Vec<_>> = list.nodes().iter().map(|node| notify_word(node, name, report)).collect();
                self.scalar(node, name, &words?.join(","), report)
            }
            (Self::NotifyFor, Kind::Table(table)) => {
                let entries = table.entries().iter().filter_map(|entry| {
                    let address = address(entry.key());
                    let address = address.map_err(|wrong| {
                        let key = Node { range: entry.key_range, kind: Kind::Null };
                        report(wrong.finding(&key, name));
                    });
                    match Self::Notify.read(&entry.value, name, report)? {
                        Given::Notify(notify) => Some((address.ok()?, notify)),
                        _ => None,
                    }
                });
                Some(Given::NotifyFor(entries.collect()))
            }
            (Self::NotifyFor, _) => {
                report(wrong_kind(node, name, self.kind(), self.example()));
                None
            }
            (Self::Originals | Self::HeaderLines, Kind::Table(table)) => {
                let entries = table.entries().iter().filter_map(|entry| {
                    let address = address(entry.key());
                    let address = address.map_err(|wrong| {
                        let key = Node { range: entry.key_range, kind: Kind::Null };
                        report(wrong.finding(&key, name));
                    });
                    match self.read_for_one(&entry.value, name, report)? {
                        Given::ByRecipient(original) => Some((address.ok()?, original.into_values().next()?)),
                        _ => None,
                    }
                });
                Some(Given::ByRecipient(entries.collect()))
            }
            (Self::Recipients, Kind::Text(_)) => {
                report(wrong_kind(node, name, self.kind(), self.example()).fix(make_list(node)));
                None
            }
            (Self::Recipients | Self::Count { .. } | Self::Integer { .. }, _) => {
                report(wrong_kind(node, name, self.kind(), self.example()));
                None
            }
            (_, Kind::Text(text)) => self.scalar(node, name, text.as_str(), report),
            _ => {
                report(wrong_kind(node, name, self.kind(), self.example()));
                None
            }
        }
    }

    fn read_for_one(self, node: &Node<'_>, name: &str, report: &mut dyn FnMut(Diagnostic)) -> Option<Given> {
        let Some(text) = node.as_text() else {
            report(wrong_element(node, name, self.example()));
            return None;
        };
        self.scalar(node, name, text, report)
    }

    fn scalar(self, node: &Node<'_>, name: &str, text: &str, report: &mut dyn FnMut(Diagnostic)) -> Option<Given> {
        match self.parse(text) {
            Ok(given) => Some(given),
            Err(wrong) => {
                report(wrong.finding(node, name));
                None
            }
        }
    }

    /// Reads a text that says it all: lists have commas between their elements.
    pub(crate) fn parse(self, text: &str) -> Result<Given, Wrong> {
        match self {
            Self::Text => Ok(Given::Text(text.to_owned())),
            Self::Name => name(text).map(Given::Text),
            Self::Path if text.is_empty() => Err(Wrong::new("is empty".to_owned(), "a path names a file")),
            Self::Path => Ok(Given::Text(text.to_owned())),
            Self::Count { most } => {
                let number = number(text, 0, i128::from(most))?;
                Ok(Given::Count(u64::try_from(number).unwrap_or(most)))
            }
            Self::Integer { least, most } => {
                let number = number(text, i128::from(least), i128::from(most))?;
                Ok(Given::Integer(i64::try_from(number).unwrap_or(most)))
            }
            Self::Offset => offset(text).map(Given::Offset),
            Self::Seconds => seconds(text).map(Given::Count),
            Self::Word(words) => word(text, words).map(Given::Word),
            Self::Host if text.is_empty() => Ok(Given::Text(String::new())),
            Self::Host => host(text).map(Given::Text),
            Self::Ip if text.parse::<IpAddr>().is_ok() => Ok(Given::Text(text.to_owned())),
            Self::Ip => Err(Wrong::new(
                format!("is `{}`, which is no IP address", shown(text)),
                "such as `192.0.2.10` or `2001:db8::25`",
            )),
            Self::Sender if text == "<>" => {
                Err(Wrong::new("is `<>`".to_owned(), "the null sender is written as an empty string")
                    .code(&codes::BAD_ADDRESS)
                    .instead(Some("")))
            }
            Self::Sender if text.is_empty() => Ok(Given::Sender(Mailbox::null())),
            Self::Sender => address(text).map(Given::Sender),
            Self::Recipients => {
                let addresses: Result<Vec<_>, _> = text.split(',').map(str::trim).map(address).collect();
                addresses.map(Given::Recipients)
            }
            Self::EnvelopeId => envelope_id(text).map(Given::Text),
            Self::Ret => ret(text).map(Given::Ret),
            Self::Truth => match text {
                "true" => Ok(Given::Truth(true)),
                "false" => Ok(Given::Truth(false)),
                _ => Err(Wrong::new(format!("is `{}`", shown(text)), "`true` or `false`")),
            },
            Self::Notify => notify(text).map(Given::Notify),
            Self::NotifyFor => Err(Wrong::new(format!("is `{}`", shown(text)), "a table with one for each recipient")),
            Self::Content => content(text).map(Given::Content),
            Self::Originals => original(text).map(for_only_one),
            Self::HeaderLines => header_lines(text).map(for_only_one),
            Self::By => By::parse(text).map(Given::By).ok_or_else(|| {
                let help = "seconds from its acceptance, a semicolon, and `R` to give it up then or `N` to be told, such as `7200;R` (RFC 2852 §4)";
                Wrong::new(format!("cannot be `{}`", shown(text)), help)
            }),
        }
    }
}

/// The addresses of a list: what is none is reported and left out, and so is what is there twice.
fn recipients(nodes: &[Node<'_>], name: &str, report: &mut dyn FnMut(Diagnostic)) -> Vec<Mailbox> {
    let mut addresses = Vec::new();
    let mut places = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if index == limits::RECIPIENTS_MAX {
            let message = format!("`{name}` has {} addresses; at most {index} are read", nodes.len());
            report(
                Diagnostic::new(&codes::OVER_LIMIT, node.range, message)
                    .label("the first one too many")
                    .help("send it as several messages"),
            );
            break;
        }
        let Some(text) = node.as_text() else {
            report(wrong_element(node, name, "`\"bob@corp.test\"`"));
            continue;
        };
        match address(text) {
            Err(wrong) => report(wrong.finding(node, name)),
            Ok(address) => {
                if let Some(first) = places.get(&address) {
                    let message = format!("the recipient `{address}` is there twice");
                    report(
                        Diagnostic::new(&codes::DUPLICATE_RECIPIENT, node.range, message)
                            .related(*first, "first here")
                            .help("delete the second one: a server delivers once to each recipient"),
                    );
                } else {
                    places.insert(address.clone(), node.range);
                    addresses.push(address);
                }
            }
        }
    }
    addresses
}

/// The address that `text` is, and not the null one.
pub(crate) fn address(text: &str) -> Result<Mailbox, Wrong> {
    let wrong = |why: &str| {
        let what = format!("has `{}`, which is no address: {why}", shown(text));
        Wrong::new(what, "an address is `local@domain`, such as `bob@corp.test`").code(&codes::BAD_ADDRESS)
    };
    if text.is_empty() {
        return Err(Wrong { what: "has an empty address".to_owned(), ..wrong("") });
    }
    if text.len() > limits::ADDRESS_BYTES_MAX {
        return Err(wrong("it is too long").code(&codes::OVER_LIMIT));
    }
    if let Some((_, inner)) = text.split_once('<') {
        let inner = inner.split('>').next().filter(|inner| address(inner).is_ok());
        return Err(wrong("it stands in angle brackets").instead(inner));
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err(wrong("it has no `@`"));
    };
    if local.is_empty() {
        return Err(wrong("nothing stands before the `@`"));
    }
    let is_quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    if !is_quoted && local.contains(|char: char| char.is_whitespace() || "()<>[]:;,\"\\".contains(char)) {
        return Err(wrong("only a local part in double quotes has such characters"));
    }
    if !is_domain(domain) {
        return Err(wrong("what stands behind the `@` is no domain"));
    }
    Mailbox::parse(text).ok_or_else(|| wrong("it has a control character"))
}

/// Whether `text` is a domain: labels of letters of any script, digits, `-` and `_`, or an IP address in brackets.
fn is_domain(text: &str) -> bool {
    if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let is_tagged = literal.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
        let literal = literal.get(5..).filter(|_| is_tagged).unwrap_or(literal);
        return literal.parse::<IpAddr>().is_ok();
    }
    let is_part = |char: char| char.is_alphanumeric() || char == '-' || char == '_' || !char.is_ascii();
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_part);
    text.len() <= limits::NAME_BYTES_MAX && text.split('.').all(is_label)
}

/// A host's name in lower case, without a dot at its end, or an IP address.
fn host(text: &str) -> Result<String, Wrong> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if is_domain(name) || name.parse::<IpAddr>().is_ok() {
        return Ok(name.to_lowercase());
    }
    let what = format!("is `{}`, which is no host's name", shown(text));
    Err(Wrong::new(what, "such as `mx1.corp.test`, or an empty string before hosts are known"))
}

fn name(text: &str) -> Result<String, Wrong> {
    let help = format!("a name has 1 to {} bytes and no control characters", limits::NAME_BYTES_MAX);
    if text.is_empty() {
        return Err(Wrong::new("is empty".to_owned(), help));
    }
    if text.len() > limits::NAME_BYTES_MAX {
        let what = format!("has {} bytes", text.len());
        return Err(Wrong::new(what, help).code(&codes::OVER_LIMIT));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new("has a control character".to_owned(), help));
    }
    Ok(text.to_owned())
}

fn number(text: &str, least: i128, most: i128) -> Result<i128, Wrong> {
    let help = if most >= i128::from(SECONDS_MAX) {
        format!("a whole number, {least} or more")
    } else {
        format!("a whole number from {least} to {most}")
    };
    let Some(number) = integer(text) else {
        let what = format!("is `{}`, which is no whole number", shown(text));
        return Err(Wrong::new(what, help));
    };
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        let side = if number < least { "too small" } else { "too large" };
        Err(Wrong::new(format!("is {}, which is {side}", shown(text)), help))
    }
}

fn offset(text: &str) -> Result<Millis, Wrong> {
    let help = "a whole number and one of d, h, m, s, ms, such as `90s` or `5m`";
    let wrong = |why: &dyn std::fmt::Display| {
        let what = format!("is `{}`, which is no length of time: {why}", shown(text));
        Wrong::new(what, help)
    };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0') {
        return Err(wrong(&"it has no unit").instead(Some(format!("{text}s"))));
    }
    Millis::parse(text).map_err(|error| {
        let meant = compound(text).filter(|_| error == MillisError::Compound);
        wrong(&error).instead(meant.map(|millis| millis.to_string()))
    })
}

/// The length that was meant by `1h30m`.
fn compound(text: &str) -> Option<Millis> {
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest.bytes().skip(digits).take_while(|byte| !byte.is_ascii_digit()).count();
        let (part, behind) = rest.split_at_checked(digits + unit).filter(|_| digits > 0 && unit > 0)?;
        sum = sum.checked_add(Millis::parse(part).ok()?.0)?;
        rest = behind;
    }
    Some(Millis(sum)).filter(|sum| *sum <= Millis::MAX)
}

fn seconds(text: &str) -> Result<u64, Wrong> {
    if integer(text).is_some() || text.starts_with('-') {
        let number = number(text, 0, i128::from(SECONDS_MAX))?;
        return Ok(u64::try_from(number).unwrap_or(SECONDS_MAX));
    }
    match Millis::parse(text) {
        Ok(length) => Ok(length.0 / 1_000),
        Err(error) => {
            let what = format!("is `{}`, which is no number of seconds: {error}", shown(text));
            Err(Wrong::new(what, "such as `3600` or `1h`"))
        }
    }
}

fn word(text: &str, words: &'static [&'static str]) -> Result<&'static str, Wrong> {
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let near = nearest(text, words.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean `{near}`? it is one of {}", listed(words, "and")),
        None => format!("it is one of {}", listed(words, "and")),
    };
    let what = format!("cannot be `{}`", shown(text));
    Err(Wrong::new(what, help).instead(near))
}

fn ret(text: &str) -> Result<Ret, Wrong> {
    match word(&text.to_ascii_lowercase(), &Ret::WORDS)? {
        "full" => Ok(Ret::Full),
        _ => Ok(Ret::Headers),
    }
}

fn notify(text: &str) -> Result<Notify, Wrong> {
    if text.is_empty() {
        return Err(Wrong::new("is empty".to_owned(), "leave it out, or write `never`"));
    }
    let words: Result<Vec<_>, _> =
        text.split(',').map(|part| word(&part.trim().to_ascii_lowercase(), &Notify::WORDS)).collect();
    let words = words?;
    let has = |word: &str| words.contains(&word);
    if has("never") && words.len() > 1 {
        return Err(Wrong::new("has `never` and another word".to_owned(), "`never` stands alone (RFC 3461 §4.1)"));
    }
    Ok(Notify { success: has("success"), failure: has("failure"), delay: has("delay") })
}

/// One word of a list, in lower case.
fn notify_word(node: &Node<'_>, name: &str, report: &mut dyn FnMut(Diagnostic)) -> Option<&'static str> {
    let Some(text) = node.as_text() else {
        report(wrong_element(node, name, "`\"failure\"`"));
        return None;
    };
    match word(&text.to_ascii_lowercase(), &Notify::WORDS) {
        Ok(word) => Some(word),
        Err(wrong) => {
            report(wrong.finding(node, name));
            None
        }
    }
}

fn envelope_id(text: &str) -> Result<String, Wrong> {
    let help =
        format!("an envelope id has 1 to {} printable characters of ASCII (RFC 3461 §4.4)", limits::ENVID_CHARS_MAX);
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !text.is_empty() && text.len() <= limits::ENVID_CHARS_MAX && is_printable {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new(format!("cannot be `{}`", shown(text)), help))
    }
}

/// An original recipient: `type;address`.
fn for_only_one(text: String) -> Given {
    Given::ByRecipient(BTreeMap::from([(Mailbox::null(), text)]))
}

/// Whole lines of a header (RFC 5322 §2.2).
fn header_lines(text: &str) -> Result<String, Wrong> {
    let is_line = |line: &str| {
        line.split_once(':').is_some_and(|(name, value)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) && !value.chars().any(char::is_control)
        })
    };
    if text.lines().next().is_some() && text.lines().all(is_line) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("cannot be `{}`", shown(text)), "a name, a colon and a value, such as `X-List: staff`"))
}

/// A message without its envelope (RFC 5322 §2.1): header lines, a blank line, and the rest.
fn content(text: &str) -> Result<String, Wrong> {
    let text = text.replace("\r\n", "\n");
    let header = text.split("\n\n").next().unwrap_or_default();
    // A line that begins with a blank goes on with the one before.
    let is_line = |(number, line): (usize, &str)| match line.strip_prefix([' ', '\t']) {
        Some(_) => number > 0,
        None => header_lines(line).is_ok(),
    };
    if header.lines().enumerate().all(is_line) {
        return Ok(text);
    }
    let help = "header lines, a blank line and the text, such as `Subject: hello`; a content without a header begins with a blank line";
    Err(Wrong::new("does not begin with a header".to_owned(), help))
}

fn original(text: &str) -> Result<String, Wrong> {
    let help = "a kind of address, a semicolon and the address, such as `rfc822;robert@corp.test` (RFC 3461 §4.2)";
    let wrong = || Wrong::new(format!("cannot be `{}`", shown(text)), help);
    let Some((kind, rest)) = text.split_once(';') else {
        let meant = address(text).ok().map(|address| format!("rfc822;{address}"));
        return Err(wrong().instead(meant));
    };
    let is_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_text = !rest.is_empty() && !rest.chars().any(char::is_control);
    if is_kind && is_text && text.chars().count() <= limits::ORCPT_CHARS_MAX {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// The most seconds that an expression can hold as milliseconds.
const SECONDS_MAX: u64 = i64::MAX as u64 / 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_an_envelope() {
        let cases = [
            ("bob@corp.test", Some("bob@corp.test")),
            ("Bob@Corp.TEST", Some("Bob@corp.test")),
            ("jörg+news@MÜNCHEN.example", Some("jörg+news@münchen.example")),
            ("\"bob smith\"@corp.test", Some("\"bob smith\"@corp.test")),
            ("bob@[192.0.2.1]", Some("bob@[192.0.2.1]")),
            ("bob@[IPv6:2001:db8::1]", Some("bob@[ipv6:2001:db8::1]")),
            ("a@b@corp.test", Some("a@b@corp.test")),
            ("bob@localhost", Some("bob@localhost")),
            ("bounce=kim=dest.example@lists.test", Some("bounce=kim=dest.example@lists.test")),
            ("", None),
            ("bob", None),
            ("@corp.test", None),
            ("bob@", None),
            ("bob@corp..test", None),
            ("bob@.test", None),
            ("bob@corp.test.", None),
            ("bob@corp test", None),
            ("bob@[192.0.2]", None),
            ("bob smith@corp.test", None),
            ("<bob@corp.test>", None),
            ("Bob <bob@corp.test>", None),
            ("bob@corp.test, eve@corp.test", None),
            ("bob\n@corp.test", None),
        ];
        for (text, expected) in cases {
            let read = address(text).ok();
            assert_eq!(read.as_ref().map(Mailbox::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn each_shape_takes_what_it_says() {
        const WORDS: &[&str] = &["none", "tls"];
        let notify = |success, failure, delay| Given::Notify(Notify { success, failure, delay });
        let text = |text: &str| Some(Given::Text(text.to_owned()));
        let cases = [
            (Shape::Name, "m1", text("m1")),
            (Shape::Name, "", None),
            (Shape::Name, "a\nb", None),
            (Shape::Count { most: 65_535 }, "65535", Some(Given::Count(65_535))),
            (Shape::Count { most: 65_535 }, "65536", None),
            (Shape::Count { most: 65_535 }, "-1", None),
            (Shape::Count { most: 65_535 }, "x", None),
            (Shape::Integer { least: -100, most: 100 }, "-100", Some(Given::Integer(-100))),
            (Shape::Integer { least: -100, most: 100 }, "-101", None),
            (Shape::Offset, "5m", Some(Given::Offset(Millis(300_000)))),
            (Shape::Offset, "0", Some(Given::Offset(Millis(0)))),
            (Shape::Offset, "5", None),
            (Shape::Offset, "1h30m", None),
            (Shape::Offset, "", None),
            (Shape::Seconds, "90", Some(Given::Count(90))),
            (Shape::Seconds, "1h", Some(Given::Count(3_600))),
            (Shape::Seconds, "-1", None),
            (Shape::Seconds, "9223372036854775807", None),
            (Shape::Seconds, "soon", None),
            (Shape::Word(WORDS), "tls", Some(Given::Word("tls"))),
            (Shape::Word(WORDS), "TLS", None),
            (Shape::Host, "", text("")),
            (Shape::Host, "MX1.corp.test.", text("mx1.corp.test")),
            (Shape::Host, "mx 1", None),
            (Shape::Ip, "::ffff:192.0.2.55", text("::ffff:192.0.2.55")),
            (Shape::Ip, "192.0.2.0/24", None),
            (Shape::Sender, "", Some(Given::Sender(Mailbox::null()))),
            (Shape::Sender, "<>", None),
            (Shape::Ret, "HDRS", Some(Given::Ret(Ret::Headers))),
            (Shape::Ret, "headers", None),
            (Shape::Truth, "true", Some(Given::Truth(true))),
            (Shape::Truth, "yes", None),
            (Shape::Notify, "SUCCESS, delay", Some(notify(true, false, true))),
            (Shape::Notify, "never", Some(notify(false, false, false))),
            (Shape::Notify, "never,failure", None),
            (Shape::Notify, "", None),
            (Shape::EnvelopeId, "QQ 314159", text("QQ 314159")),
            (Shape::EnvelopeId, "é", None),
            (Shape::EnvelopeId, "", None),
            (Shape::Originals, "robert@corp.test", None),
            (Shape::Originals, ";robert@corp.test", None),
            (Shape::By, "7200;r", Some(Given::By(By { seconds: 7_200, returns: true }))),
            (Shape::By, "-60;N", Some(Given::By(By { seconds: -60, returns: false }))),
            (Shape::By, "0;R", None),
            (Shape::By, "7200", None),
            (Shape::By, "1000000000;N", None),
            (Shape::HeaderLines, "X-List", None),
            (Shape::HeaderLines, "X List: staff", None),
            (Shape::Originals, "rfc822;", None),
        ];
        for (shape, text, expected) in cases {
            assert_eq!(shape.parse(text).ok(), expected, "{shape:?} {text:?}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let long = |length: usize| "x".repeat(length);
        let cases = [
            (Shape::Name, long(limits::NAME_BYTES_MAX), true),
            (Shape::Name, long(limits::NAME_BYTES_MAX + 1), false),
            (Shape::EnvelopeId, long(limits::ENVID_CHARS_MAX), true),
            (Shape::EnvelopeId, long(limits::ENVID_CHARS_MAX + 1), false),
            (Shape::Originals, format!("rfc822;{}", long(limits::ORCPT_CHARS_MAX - 7)), true),
            (Shape::Originals, format!("rfc822;{}", long(limits::ORCPT_CHARS_MAX - 6)), false),
            (Shape::Sender, format!("{}@t", long(limits::ADDRESS_BYTES_MAX - 2)), true),
            (Shape::Sender, format!("{}@t", long(limits::ADDRESS_BYTES_MAX - 1)), false),
        ];
        for (shape, text, is_taken) in cases {
            assert_eq!(shape.parse(&text).is_ok(), is_taken, "{shape:?}, {} bytes", text.len());
        }
    }
}
