//! What the core asks of the world, and what the world answers.
//!
//! Each question carries a [`Ticket`], which its answer brings back; an answer whose ticket is out of date is passed
//! over. A driver that cannot do an effect answers with the failure that it is.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use policy::{Lookup, LookupFailed, Value};

use crate::{
    failure::{Broken, Handshake},
    hosts::{Alias, DnsResult, Family, MxRecord},
    message::{Message, MessageId, Recipient, Submission},
    operator::Order,
    reply::Reply,
    report::Report,
    sts::Fetched,
    tls_report::TlsResult,
    tlsa::TlsaRecord,
};

/// Which question an answer belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket {
    /// The task that asks.
    pub task: u64,
    /// Its question's number.
    pub step: u32,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// Keep this for good, and answer by [`Input::Stored`] or [`Input::NotStored`].
    Store(Ticket, Record),
    /// Answer a policy's question by [`Input::Answered`].
    LookUp(Ticket, Lookup),
    /// Look up MX records; answer by [`Input::Mx`].
    ResolveMx(Ticket, Box<str>),
    /// Look up addresses; answer by [`Input::Addresses`].
    ResolveAddresses(Ticket, Box<str>, Family),
    /// Look up TLSA records; answer by [`Input::Tlsa`].
    ResolveTlsa(Ticket, Box<str>),
    /// Look up texts; answer by [`Input::Texts`].
    ResolveTexts(Ticket, Box<str>),
    /// Fetch the MTA-STS policy of a domain (RFC 8461 §3.3); answer by [`Input::Policy`].
    FetchPolicy(Ticket, Box<str>),
    /// Connect; answer by [`Input::Connected`].
    Connect {
        /// The question.
        ticket: Ticket,
        /// For which message.
        message: MessageId,
        /// Where to.
        to: SocketAddr,
        /// Where from; the system chooses where there is none.
        from: Option<IpAddr>,
        /// The name that the host is known by.
        host: Arc<str>,
        /// Whether TLS comes before the greeting: [`Self::StartTls`] follows at once.
        is_tls_first: bool,
    },
    /// Send these bytes on the connection of this task.
    Send(Ticket, Vec<u8>),
    /// Send the content of a message; answer by [`Input::ContentSent`].
    SendContent {
        /// The question.
        ticket: Ticket,
        /// Whose content.
        message: MessageId,
        /// Header lines that go in front of it.
        headers: Option<Box<str>>,
        /// Whether as one chunk (RFC 3030) instead of behind DATA.
        is_chunk: bool,
    },
    /// Begin TLS; answer by [`Input::Secured`].
    StartTls {
        /// The question.
        ticket: Ticket,
        /// The name that is asked for (RFC 6066 §3).
        name: Arc<str>,
    },
    /// Count this for the domain's TLS report (RFC 8460); no answer.
    CountTls(Box<TlsResult>),
    /// Close the connection of this task; no answer.
    Close(Ticket),
    /// Tell the client what became of a message that it handed in; no answer.
    Respond(MessageId, Reply),
    /// Put a message into mailboxes; answer by [`Input::Local`].
    DeliverLocally {
        /// The question.
        ticket: Ticket,
        /// Which message.
        message: MessageId,
        /// To whom, by their places among its recipients.
        recipients: Vec<u32>,
    },
}

/// What is kept for good.
#[derive(Clone, Debug)]
pub enum Record {
    /// A message that was accepted; its content goes by the same number.
    Accepted(Box<Message>),
    /// A report, with its content, and what is new about recipients of the message that it is about: both or neither,
    /// so that nobody is told twice.
    Reported {
        /// The report, as a message to the sender.
        message: Box<Message>,
        /// Its content.
        report: Box<Report>,
        /// What is new about the recipients, by their places.
        changed: Vec<(u32, Recipient)>,
    },
    /// What is new about recipients of a message, by their places.
    Changed(MessageId, Vec<(u32, Recipient)>),
    /// Nothing is left to be done about a message: what its recipients came to.
    Removed(MessageId, Vec<Recipient>),
}

/// What happened outside.
#[derive(Debug)]
pub enum Input {
    /// The time that [`crate::Queue::deadline`] said has come.
    Woken,
    /// An operator does something by hand.
    Ordered(Order),
    /// A client hands a message in, by a number that no other has.
    Submitted(MessageId, Box<Submission>),
    /// A record is kept.
    Stored(Ticket),
    /// A record cannot be kept for now.
    NotStored(Ticket),
    /// A policy's question is answered.
    Answered(Ticket, Result<Value, LookupFailed>),
    /// MX records, and what the domain is an alias of.
    Mx(Ticket, DnsResult<MxRecord>, Option<Alias>),
    /// Addresses, and what the host is an alias of.
    Addresses(Ticket, DnsResult<IpAddr>, Option<Alias>),
    /// TLSA records.
    Tlsa(Ticket, DnsResult<TlsaRecord>),
    /// Texts.
    Texts(Ticket, DnsResult<Box<str>>),
    /// What came of fetching a policy.
    Policy(Ticket, Fetched),
    /// The connection stands, from this address, or does not.
    Connected(Ticket, Result<Option<IpAddr>, Broken>),
    /// Bytes came.
    Received(Ticket, Vec<u8>),
    /// All of the content was sent; `false` where it is gone.
    ContentSent(Ticket, bool),
    /// The handshake is over.
    Secured(Ticket, Result<Peer, Handshake>),
    /// The other side closed.
    Closed(Ticket),
    /// What the mailboxes answered, in the order in which they were asked.
    Local(Ticket, Vec<Reply>),
}

/// What a handshake told about the other side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Peer {
    /// Its certificates in DER, its own first.
    pub certificates: Vec<Box<[u8]>>,
    /// Whether they lead to an anchor of the web; [`crate::chain::leads_to`] says so of each that the driver knows.
    pub is_trusted: bool,
}

impl Input {
    /// The question that it answers, where it is an answer.
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Woken | Self::Submitted(..) | Self::Ordered(_) => None,
            Self::Stored(ticket)
            | Self::NotStored(ticket)
            | Self::Answered(ticket, _)
            | Self::Mx(ticket, ..)
            | Self::Addresses(ticket, ..)
            | Self::Tlsa(ticket, _)
            | Self::Texts(ticket, _)
            | Self::Policy(ticket, _)
            | Self::Connected(ticket, _)
            | Self::Received(ticket, _)
            | Self::ContentSent(ticket, _)
            | Self::Secured(ticket, _)
            | Self::Closed(ticket)
            | Self::Local(ticket, _) => Some(*ticket),
        }
    }
}
