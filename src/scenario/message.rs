//! A message as it is handed in: its envelope, and what the language's variables say about it.
//!
//! One table, `FIELDS`, has each key with its shape, how it is put into a [`Message`] and how it is taken out. The
//! reader, the writer, `--set`, and the tests of the JSON Schema and of the documentation go by it.
//!
//! Invariants of a message that was read:
//!
//! - It has a recipient, and none twice.
//! - A text that the language compares with words is one of those words.

mod eml;
mod read;
mod stream;

use std::collections::BTreeMap;

use base::{Mailbox, Millis};
use policy::{Facts, Value, Variable, spelling::nearest};
use thiserror::Error;

use crate::{
    context::listed,
    place::Place,
    shape::{Given, Shape},
};

pub use eml::{MailFile, read_eml};
pub use read::read;
pub(crate) use read::{Ids, read_table};
pub use stream::{Line, Lines, lines};

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its name in expectations and reports.
    pub id: String,
    /// When it is handed in, from the run's beginning.
    pub at: Millis,
    /// The return path; the null sender for reports.
    pub sender: Mailbox,
    /// Who it is for.
    pub recipients: Vec<Mailbox>,
    /// How long it is held before it is first tried (FUTURERELEASE, RFC 4865).
    pub hold_for: Millis,
    /// Whether every hop must use TLS (REQUIRETLS, RFC 8689).
    pub requiretls: bool,
    /// What its content is: one of BODY's words (RFC 6152).
    pub body: &'static str,
    /// Its header and what is behind it, where it is written out.
    pub content: Option<String>,
    /// The file with its header and body, as the document names it.
    pub eml: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Where it comes from: one of [`Variable::Source`]'s texts.
    pub source: &'static str,
    /// Its MT-PRIORITY.
    pub priority: i64,
    /// The client that handed it in.
    pub received_from_ip: String,
    /// The port that the client connected to.
    pub received_via_port: u16,
    /// The virtual queue that its recipients are in.
    pub queue_name: String,
    /// Seconds since it was accepted.
    pub queue_age: u64,
    /// How many temporary failures its recipients have had.
    pub retry_num: u64,
    /// How many delay notices were sent.
    pub notify_num: u64,
    /// Seconds until its recipients expire, or attempts that are left.
    pub expires_in: u64,
    /// Free text about the last outcome.
    pub last_status: String,
    /// The kind of the last failure: one of [`Variable::LastError`]'s texts.
    pub last_error: &'static str,
    /// The host being tried; empty before hosts are known.
    pub mx: String,
    /// Its address.
    pub remote_ip: String,
    /// The address that the connection is made from.
    pub local_ip: String,
    /// The client's name for the message (ENVID).
    pub envid: Option<String>,
    /// How much of it a report returns (RET); `None` where the client did not say.
    pub ret: Option<Ret>,
    /// What its sender wants to hear of (NOTIFY); `None` where the client did not say.
    pub notify: Option<Notify>,
    /// What its sender wants to hear of single recipients; of the others it is what `notify` says.
    pub notify_for: BTreeMap<Mailbox, Notify>,
    /// The original recipients (ORCPT), by recipient.
    pub orcpt: BTreeMap<Mailbox, String>,
    /// Header lines that only the copy of one recipient has, by recipient.
    pub headers_for: BTreeMap<Mailbox, String>,
    /// Until when it is wanted (DELIVERBY).
    pub deliver_by: Option<By>,
    /// Whether the store has lost its content.
    pub content_lost: bool,
    /// Where it was written.
    pub place: Place,
}

/// How much of a message a report about it returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// What a sender wants to hear of (RFC 3461 §4.1); nothing at all is `NEVER`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it could not be delivered.
    pub failure: bool,
    /// That it is late.
    pub delay: bool,
}

/// Until when a message is wanted (RFC 2852 §4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct By {
    /// The seconds from its acceptance.
    pub seconds: i64,
    /// Whether it is given up then; else the sender is told, and it is tried on.
    pub returns: bool,
}

impl By {
    /// The most seconds, either way: BY has nine digits.
    const SECONDS_MAX: i64 = 999_999_999;

    /// Reads the value of BY, such as `120;R`; `None` where it is none. What is to be returned needs some time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, mode) = text.split_once(';')?;
        let seconds: i64 = seconds.parse().ok()?;
        let returns = match mode.to_ascii_uppercase().as_str() {
            "R" => true,
            "N" => false,
            _ => return None,
        };
        let is_known = (-Self::SECONDS_MAX..=Self::SECONDS_MAX).contains(&seconds) && (seconds > 0 || !returns);
        is_known.then_some(Self { seconds, returns })
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{};{}", self.seconds, if self.returns { 'R' } else { 'N' })
    }
}

impl Ret {
    /// Its words in a document.
    pub(crate) const WORDS: [&str; 2] = ["full", "hdrs"];

    /// Its word in a document.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Headers => "hdrs",
        }
    }
}

impl Notify {
    /// Its words in a document.
    pub(crate) const WORDS: [&str; 4] = ["never", "success", "failure", "delay"];

    /// What a server does for a client that does not say: failures and delays.
    pub const UNSAID: Self = Self { success: false, failure: true, delay: true };

    /// Its words in a document.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let wanted = [(self.success, "success"), (self.failure, "failure"), (self.delay, "delay")];
        let words: Vec<_> = wanted.into_iter().filter_map(|(is_wanted, word)| is_wanted.then_some(word)).collect();
        if words.is_empty() { vec!["never"] } else { words }
    }
}

/// A message from nobody to nobody, with the defaults of `docs/scenario-format.md`.
impl Message {
    /// What a content may be.
    pub const BODIES: [&'static str; 2] = ["7bit", "8bitmime"];
}

impl Default for Message {
    fn default() -> Self {
        Self {
            id: String::new(),
            at: Millis(0),
            sender: Mailbox::null(),
            recipients: Vec::new(),
            content: None,
            eml: None,
            size: 0,
            source: "unauthenticated",
            priority: 0,
            received_from_ip: "127.0.0.1".to_owned(),
            received_via_port: 25,
            queue_name: "default".to_owned(),
            queue_age: 0,
            retry_num: 0,
            notify_num: 0,
            expires_in: 0,
            last_status: "Scheduled".to_owned(),
            last_error: "none",
            mx: String::new(),
            remote_ip: "0.0.0.0".to_owned(),
            local_ip: "0.0.0.0".to_owned(),
            envid: None,
            ret: None,
            notify: None,
            notify_for: BTreeMap::new(),
            hold_for: Millis(0),
            requiretls: false,
            body: "7bit",
            orcpt: BTreeMap::new(),
            headers_for: BTreeMap::new(),
            deliver_by: None,
            content_lost: false,
            place: Place::default(),
        }
    }
}

/// A key of a message.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Puts what a value of this shape says into a message.
    put: fn(&mut Message, Given),
    /// Takes it out; [`Given::Absent`] where there is nothing to be written.
    pub(crate) take: fn(&Message) -> Given,
}

impl Field {
    /// The variable of the language that it is, if it is one.
    fn variable(&self) -> Option<Variable> {
        Variable::named(self.name)
    }

    /// Puts `given`, which is of this key's shape, into `message`.
    pub(crate) fn put(&self, message: &mut Message, given: Given) {
        (self.put)(message, given);
    }
}

macro_rules! fields {
    ($($name:ident: $shape:expr, $variant:ident $how:ident;)+) => {
        /// Every key of a message, in the order in which they are written.
        pub(crate) const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            shape: $shape,
            put: |message, given| {
                if let Given::$variant(given) = given {
                    fields!(put $how message.$name, given);
                }
            },
            take: |message| fields!(take $how message.$name, $variant),
        }),+];
    };
    (put plain $place:expr, $given:ident) => { $place = $given };
    (put optional $place:expr, $given:ident) => { $place = Some($given) };
    (put port $place:expr, $given:ident) => { $place = u16::try_from($given).unwrap_or(u16::MAX) };
    (put map $place:expr, $given:ident) => { $place = $given };
    (take plain $place:expr, $variant:ident) => { Given::$variant($place.clone()) };
    (take optional $place:expr, $variant:ident) => { $place.clone().map_or(Given::Absent, Given::$variant) };
    (take port $place:expr, $variant:ident) => { Given::$variant(u64::from($place)) };
    (take map $place:expr, $variant:ident) => {
        if $place.is_empty() { Given::Absent } else { Given::$variant($place.clone()) }
    };
}

fields! {
    id: Shape::Name, Text plain;
    at: Shape::Offset, Offset plain;
    sender: Shape::Sender, Sender plain;
    recipients: Shape::Recipients, Recipients plain;
    eml: Shape::Path, Text optional;
    content: Shape::Content, Content optional;
    size: Shape::Count { most: I64_MAX }, Count plain;
    source: Shape::Word(SOURCES), Word plain;
    priority: Shape::Integer { least: -100, most: 100 }, Integer plain;
    received_from_ip: Shape::Ip, Text plain;
    received_via_port: Shape::Count { most: 65_535 }, Count port;
    queue_name: Shape::Name, Text plain;
    queue_age: Shape::Seconds, Count plain;
    retry_num: Shape::Count { most: U32_MAX }, Count plain;
    notify_num: Shape::Count { most: U32_MAX }, Count plain;
    expires_in: Shape::Seconds, Count plain;
    last_status: Shape::Text, Text plain;
    last_error: Shape::Word(ERRORS), Word plain;
    mx: Shape::Host, Text plain;
    remote_ip: Shape::Ip, Text plain;
    local_ip: Shape::Ip, Text plain;
    envid: Shape::EnvelopeId, Text optional;
    ret: Shape::Ret, Ret optional;
    notify: Shape::Notify, Notify optional;
    notify_for: Shape::NotifyFor, NotifyFor map;
    orcpt: Shape::Originals, ByRecipient map;
    headers_for: Shape::HeaderLines, ByRecipient map;
    hold_for: Shape::Offset, Offset plain;
    requiretls: Shape::Truth, Truth plain;
    deliver_by: Shape::By, By optional;
    body: Shape::Word(&Message::BODIES), Word plain;
    content_lost: Shape::Truth, Truth plain;
}

/// Why a variable cannot be set to a text.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SetError {
    /// There is no such variable.
    #[error("no variable `{name}`; {help}")]
    Unknown {
        /// The name.
        name: String,
        /// What would be right.
        help: String,
    },
    /// It follows from another one.
    #[error("`{name}` follows from {from}, so it cannot be set by itself")]
    Derived {
        /// The variable.
        name: &'static str,
        /// What to set instead.
        from: &'static str,
    },
    /// The text is no value of it.
    #[error("`{name}` {what}; {help}")]
    Value {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        what: String,
        /// What would be right.
        help: String,
    },
}

impl Message {
    /// Sets the variable `name` to what `text` says, as a command line has it: `retry_num` to `2`, `recipients` to
    /// `a@x.test,b@y.test`.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SetError> {
        let derived = |name, from| Err(SetError::Derived { name, from });
        match Variable::named(name) {
            Some(Variable::Rcpt) => return derived("rcpt", "the recipient at hand"),
            Some(Variable::RcptDomain) => return derived("rcpt_domain", "the recipient at hand"),
            Some(Variable::SenderDomain) => return derived("sender_domain", "`sender`"),
            _ => {}
        }
        let settable = || FIELDS.iter().filter(|field| field.variable().is_some());
        let Some(field) = settable().find(|field| field.name == name) else {
            let names: Vec<_> = settable().map(|field| field.name).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listed(&names, "and")),
            };
            let name = crate::context::shown(name);
            return Err(SetError::Unknown { name, help });
        };
        match field.shape.parse(text) {
            Ok(given) => {
                field.put(self, given);
                Ok(())
            }
            Err(wrong) => Err(SetError::Value { name: field.name, what: wrong.what, help: wrong.help }),
        }
    }

    /// What is known about the recipient number `rcpt_index`, from 0: every variable of the language. Where there is
    /// no such recipient, `rcpt` and `rcpt_domain` are empty.
    #[must_use]
    pub fn facts(&self, rcpt_index: usize) -> Facts {
        let null = Mailbox::null();
        self.facts_for(self.recipients.get(rcpt_index).unwrap_or(&null))
    }

    /// What is known about `rcpt`, who may also be none of the recipients.
    #[must_use]
    pub fn facts_for(&self, rcpt: &Mailbox) -> Facts {
        Self::with_recipient(self.shared_facts(), rcpt)
    }

    /// What is known about every recipient, one after another; what they share is made once.
    pub fn all_facts(&self) -> impl Iterator<Item = (&Mailbox, Facts)> {
        let shared = self.shared_facts();
        self.recipients.iter().map(move |rcpt| (rcpt, Self::with_recipient(shared.clone(), rcpt)))
    }

    fn with_recipient(facts: Facts, rcpt: &Mailbox) -> Facts {
        facts.with(Variable::Rcpt, Value::text(rcpt.as_str())).with(Variable::RcptDomain, Value::text(rcpt.domain()))
    }

    /// What is the same for every recipient.
    fn shared_facts(&self) -> Facts {
        let text = |text: &str| Value::text(text);
        let count = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        let mut facts = Facts::new();
        for &variable in Variable::ALL {
            let value = match variable {
                Variable::Rcpt | Variable::RcptDomain => continue,
                Variable::Recipients => Value::list(self.recipients.iter().map(|rcpt| text(rcpt.as_str())).collect()),
                Variable::Sender => text(self.sender.as_str()),
                Variable::SenderDomain => text(self.sender.domain()),
                Variable::Priority => Value::Int(self.priority),
                Variable::RetryNum => count(self.retry_num),
                Variable::NotifyNum => count(self.notify_num),
                Variable::ExpiresIn => count(self.expires_in),
                Variable::LastStatus => text(&self.last_status),
                Variable::LastError => text(self.last_error),
                Variable::QueueName => text(&self.queue_name),
                Variable::QueueAge => count(self.queue_age),
                Variable::ReceivedFromIp => text(&self.received_from_ip),
                Variable::ReceivedViaPort => Value::Int(i64::from(self.received_via_port)),
                Variable::Source => text(self.source),
                Variable::Size => count(self.size),
                Variable::Mx => text(&self.mx),
                Variable::RemoteIp => text(&self.remote_ip),
                Variable::LocalIp => text(&self.local_ip),
            };
            facts.set(variable, value);
        }
        facts
    }
}

/// The words of `source`.
const SOURCES: &[&str] = words(Variable::Source);

/// The words of `last_error`.
const ERRORS: &[&str] = words(Variable::LastError);

const fn words(variable: Variable) -> &'static [&'static str] {
    match variable.texts() {
        Some(texts) => texts,
        None => &[],
    }
}

const I64_MAX: u64 = i64::MAX as u64;
const U32_MAX: u64 = u32::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            sender: Mailbox::parse("Alice@Home.Example").unwrap(),
            recipients: ["bob@corp.test", "eve@other.test"].iter().filter_map(|text| Mailbox::parse(text)).collect(),
            ..Message::default()
        }
    }

    #[test]
    fn every_variable_has_a_value_of_its_type() {
        let facts = message().facts(1);
        for &variable in Variable::ALL {
            let value = facts.get(variable).map(Value::ty);
            assert_eq!(value, Some(variable.ty()), "{variable}");
        }
        for &variable in Variable::ALL {
            let is_field = FIELDS.iter().any(|field| field.variable() == Some(variable));
            let is_derived = matches!(variable, Variable::Rcpt | Variable::RcptDomain | Variable::SenderDomain);
            assert_ne!(is_field, is_derived, "{variable}");
        }
    }

    #[test]
    fn the_facts_are_those_of_the_recipient() {
        let message = message();
        let text = |facts: &Facts, variable| facts.value(variable).to_text().to_string();
        let cases = [(0, "bob@corp.test", "corp.test"), (1, "eve@other.test", "other.test"), (2, "", "")];
        for (index, rcpt, domain) in cases {
            let facts = message.facts(index);
            assert_eq!(text(&facts, Variable::Rcpt), rcpt);
            assert_eq!(text(&facts, Variable::RcptDomain), domain);
            assert_eq!(text(&facts, Variable::Sender), "Alice@home.example");
            assert_eq!(text(&facts, Variable::SenderDomain), "home.example");
            assert_eq!(text(&facts, Variable::Recipients), "bob@corp.test\r\neve@other.test");
        }
        let all: Vec<_> = message.all_facts().map(|(rcpt, _)| rcpt.as_str()).collect();
        assert_eq!(all, ["bob@corp.test", "eve@other.test"]);
    }

    #[test]
    fn a_variable_is_set_by_its_name() {
        let cases = [
            ("retry_num", "2", Variable::RetryNum, "2"),
            ("last_error", "tls", Variable::LastError, "tls"),
            ("queue_age", "1h", Variable::QueueAge, "3600"),
            ("sender", "", Variable::Sender, ""),
            ("sender", "eve@Other.Test", Variable::SenderDomain, "other.test"),
            ("recipients", "x@a.test, y@b.test", Variable::Recipients, "x@a.test\r\ny@b.test"),
            ("received_via_port", "587", Variable::ReceivedViaPort, "587"),
            ("priority", "-6", Variable::Priority, "-6"),
            ("mx", "mx1.corp.test", Variable::Mx, "mx1.corp.test"),
        ];
        for (name, text, variable, expected) in cases {
            let mut message = message();
            assert_eq!(message.set(name, text), Ok(()), "{name}");
            assert_eq!(&*message.facts(0).value(variable).to_text(), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_told_why() {
        let cases = [
            ("retry_nums", "2", "no variable `retry_nums`; did you mean `retry_num`?"),
            ("retry_num", "two", "`retry_num` is `two`, which is no whole number; a whole number from 0 to 4294967295"),
            (
                "source",
                "dmarc-pass",
                "`source` cannot be `dmarc-pass`; did you mean `dmarc_pass`? it is one of \
              `authenticated`, `dmarc_pass`, `unauthenticated`, `dsn`, `report`, `autogenerated` and `unknown`",
            ),
            ("rcpt", "x@a.test", "`rcpt` follows from the recipient at hand, so it cannot be set by itself"),
            ("sender_domain", "a.test", "`sender_domain` follows from `sender`, so it cannot be set by itself"),
            (
                "recipients",
                "x",
                "`recipients` has `x`, which is no address: it has no `@`; \
              an address is `local@domain`, such as `bob@corp.test`",
            ),
            (
                "envid",
                "x",
                "no variable `envid`; there are `sender`, `recipients`, `size`, `source`, `priority`, \
              `received_from_ip`, `received_via_port`, `queue_name`, `queue_age`, `retry_num`, `notify_num`, \
              `expires_in`, `last_status`, `last_error`, `mx`, `remote_ip` and `local_ip`",
            ),
        ];
        for (name, text, expected) in cases {
            let mut changed = message();
            let error = changed.set(name, text).expect_err(name);
            assert_eq!(error.to_string(), expected);
            assert_eq!(changed, message(), "{name}");
        }
    }
}
