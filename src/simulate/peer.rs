//! A mail server as a scenario describes it: what it answers to what it is sent, and what it took.
//!
//! It shares nothing with the client of `delivery`: it reads commands as a server does (RFC 5321 §4.1, RFC 2033), and
//! what it took is what checkers go by.

use std::{collections::BTreeMap, net::IpAddr};

use base::{Instant, Mailbox, Millis};
use scenario::world::{Answer, Host, Stage, StartTls};

/// A message that a server took responsibility for, for one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken {
    /// When.
    pub at: Instant,
    /// Which message, by its place in the scenario.
    pub message: u64,
    /// The server's name.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
    /// The return path, as it was sent.
    pub sender: String,
    /// The recipient, as it was sent.
    pub rcpt: String,
    /// What was said of it besides: its NOTIFY and ORCPT.
    pub parameters: String,
    /// The header lines that were put in front of the content.
    pub headers: Option<Box<str>>,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// The code of its final reply, which is that of a yes.
    pub code: u16,
    /// By which effect of the core it was sent.
    pub effect: u64,
    /// When its final reply came back.
    pub answered: Instant,
}

/// What a server does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Does {
    /// It sends these bytes.
    Says(Vec<u8>),
    /// It closes the connection.
    Closes,
}

/// What comes of a handshake that a client begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shakes {
    /// The host takes part.
    Hands,
    /// What it said before is no TLS, so that the client gives up.
    SaidOtherwise,
    /// It says nothing, so that the client waits.
    Not,
}

/// A server of a scenario.
#[derive(Debug)]
pub(crate) struct Server<'w> {
    pub(crate) behaviour: &'w Host,
    /// How often each of its replies was given, or skipped.
    pub(crate) given: Vec<u64>,
    /// How many connections it has.
    pub(crate) open: u64,
    /// Whom it put off, and when first: an address, a sender and a recipient.
    put_off: BTreeMap<(Option<IpAddr>, String, String), Millis>,
    /// The period at hand, and how many messages it took in it.
    taken: (u64, u64),
}

impl<'w> Server<'w> {
    pub(crate) fn new(behaviour: &'w Host) -> Self {
        let given = vec![0; behaviour.replies.len()];
        Self { behaviour, given, open: 0, put_off: BTreeMap::new(), taken: (0, 0) }
    }

    /// Whether it has more connections than it takes.
    pub(crate) fn is_crowded(&self) -> bool {
        self.behaviour.connections_max.is_some_and(|most| self.open > most)
    }

    /// Whether a recipient is to come again later.
    fn puts_off(&mut self, client: (Option<IpAddr>, &str, &str), since_start: Millis) -> bool {
        let Some(length) = self.behaviour.greylist else { return false };
        let (from, sender, rcpt) = client;
        let first = *self.put_off.entry((from, sender.to_owned(), rcpt.to_owned())).or_insert(since_start);
        since_start.0 - first.0 < length.0 || first == since_start
    }

    /// Whether it takes no more messages in this period; else one more is counted.
    fn is_full(&mut self, since_start: Millis) -> bool {
        let Some((most, period)) = self.behaviour.rate else { return false };
        let now = since_start.0 / period.0.max(1);
        if self.taken.0 != now {
            self.taken = (now, 0);
        }
        if self.taken.1 >= most {
            return true;
        }
        self.taken.1 += 1;
        false
    }
}

/// A connection, as the server sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The server's place among all of them.
    server: usize,
    /// The name by which the client came to it.
    host: Box<str>,
    ip: IpAddr,
    /// The client's address.
    from: Option<IpAddr>,
    /// The message that it was made for.
    message: u64,
    is_lmtp: bool,
    is_secure: bool,
    has_greeted: bool,
    /// What comes of a handshake that the client begins now.
    shakes: Shakes,
    buffer: Vec<u8>,
    /// The commands that it read since somebody asked, with `+` between those that came at once.
    heard: String,
    /// How many more words of AUTH LOGIN are awaited.
    awaits_login: u8,
    sender: Option<String>,
    /// The recipients that it said yes to, each with what was said of it besides.
    rcpts: Vec<(String, String)>,
}

/// When something happens at a server.
pub(crate) struct Moment<'m, 'w> {
    pub(crate) now: Instant,
    pub(crate) since_start: Millis,
    pub(crate) server: &'m mut Server<'w>,
}

impl Moment<'_, '_> {
    /// What is answered otherwise than with yes.
    pub(crate) fn scripted(&mut self, stage: Stage, rcpt: Option<&str>) -> Option<Answer> {
        let is_rcpt = |wanted: &Mailbox| rcpt.is_none_or(|rcpt| wanted.as_str().eq_ignore_ascii_case(rcpt));
        let Server { behaviour, given, .. } = &mut *self.server;
        for (reply, given) in behaviour.replies.iter().zip(given.iter_mut()) {
            let fits = reply.stage == stage
                && reply.span.has(self.since_start)
                && reply.times.is_none_or(|times| *given < reply.skip + times)
                && reply.rcpt.as_ref().is_none_or(is_rcpt);
            if fits {
                *given += 1;
                if *given > reply.skip {
                    return Some(reply.reply.clone());
                }
            }
        }
        None
    }

    /// What is done at a stage, what the scenario says or this reply; and the code of the yes that it is, if it is one.
    fn at(&mut self, stage: Stage, rcpt: Option<&str>, otherwise: &str) -> (Vec<Does>, Option<u16>) {
        let line = |text: String| vec![Does::Says(format!("{text}\r\n").into_bytes())];
        match self.scripted(stage, rcpt) {
            None => {
                let code = otherwise.get(..3).and_then(|code| code.parse().ok());
                (line(otherwise.to_owned()), code)
            }
            Some(Answer::Reply(code, text)) => {
                // 334 and 354 are a yes where more is awaited, and nowhere else.
                let is_yes = (200..300).contains(&code)
                    || (stage == Stage::Auth && code == 334)
                    || (stage == Stage::Data && code == 354);
                let text = if text.is_empty() { code.to_string() } else { format!("{code} {text}") };
                (line(text), Some(code).filter(|_| is_yes))
            }
            Some(Answer::Silence) => (Vec::new(), None),
            Some(Answer::Close | Answer::Refuse) => (vec![Does::Closes], None),
            Some(Answer::Garbage) => (line("\u{1f682} choo".to_owned()), None),
        }
    }
}

impl Peer {
    /// A connection to the address `ip` of `host`; where `is_tls_first`, the host waits for TLS before it says anything.
    pub(crate) fn new(
        server: usize,
        (host, ip): (&str, IpAddr),
        from: Option<IpAddr>,
        message: u64,
        is_tls_first: bool,
    ) -> Self {
        Self {
            server,
            host: host.to_lowercase().into(),
            ip,
            from,
            message,
            is_lmtp: false,
            is_secure: false,
            has_greeted: false,
            shakes: if is_tls_first { Shakes::Hands } else { Shakes::Not },
            buffer: Vec::new(),
            heard: String::new(),
            awaits_login: 0,
            sender: None,
            rcpts: Vec::new(),
        }
    }

    pub(crate) const fn server(&self) -> usize {
        self.server
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn message(&self) -> u64 {
        self.message
    }

    pub(crate) const fn has_greeted(&self) -> bool {
        self.has_greeted
    }

    pub(crate) fn greets(&mut self, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        self.has_greeted = true;
        if moment.server.is_crowded() {
            return vec![Does::Says(b"421 4.7.0 too many connections\r\n".to_vec()), Does::Closes];
        }
        let greeting = format!("220 {} ESMTP", self.host);
        let greets = moment.at(Stage::Greeting, None, &greeting).0;
        if !greets.is_empty() {
            self.shakes = Shakes::SaidOtherwise;
        }
        greets
    }

    /// What comes of a handshake that the client begins now.
    pub(crate) const fn shakes(&self) -> Shakes {
        self.shakes
    }

    /// The handshake is over.
    pub(crate) fn secured(&mut self) {
        self.is_secure = true;
        self.shakes = Shakes::SaidOtherwise;
        self.buffer.clear();
    }

    pub(crate) fn takes(&mut self, bytes: &[u8], moment: &mut Moment<'_, '_>) -> Vec<Does> {
        // What is no TLS is nothing that a host which waits for TLS makes anything of.
        if self.shakes == Shakes::Hands {
            return Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
        let mut done = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let line = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned();
            self.hear(&line);
            done.extend(self.command(&line, moment));
        }
        done
    }

    /// The commands that it read since this was asked, with `+` between those that came at once.
    pub(crate) fn heard(&mut self) -> String {
        std::mem::take(&mut self.heard)
    }

    /// Notes a command; what answers a challenge is none.
    fn hear(&mut self, line: &str) {
        if self.awaits_login == 0 {
            if !self.heard.is_empty() {
                self.heard.push('+');
            }
            self.heard.push_str(&line.split(' ').next().unwrap_or_default().to_ascii_uppercase());
        }
    }

    fn command(&mut self, line: &str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        if self.awaits_login > 0 {
            self.awaits_login -= 1;
            let otherwise = if self.awaits_login > 0 { "334 UGFzc3dvcmQ6" } else { "235 2.7.0 welcome" };
            return moment.at(Stage::Auth, None, otherwise).0;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "LHLO" => {
                self.is_lmtp = verb.eq_ignore_ascii_case("LHLO");
                let mut keywords: Vec<&str> = moment.server.behaviour.extensions.iter().map(String::as_str).collect();
                if !self.is_secure && moment.server.behaviour.starttls != StartTls::Absent {
                    keywords.push("STARTTLS");
                }
                let mut reply = String::new();
                let all = std::iter::once(&*self.host).chain(keywords.iter().copied());
                let count = keywords.len() + 1;
                for (at, line) in all.enumerate() {
                    let is_last = at + 1 == count;
                    reply.push_str(if is_last { "250 " } else { "250-" });
                    reply.push_str(line);
                    if !is_last {
                        reply.push_str("\r\n");
                    }
                }
                moment.at(Stage::Ehlo, None, &reply).0
            }
            "HELO" => vec![Does::Says(format!("250 {}\r\n", self.host).into_bytes())],
            "STARTTLS" => {
                let otherwise = match moment.server.behaviour.starttls {
                    StartTls::Offered | StartTls::Broken => "220 2.0.0 go ahead",
                    StartTls::Injected => "220 2.0.0 go ahead\r\n250 2.0.0 slipped in",
                    StartTls::Absent => "502 5.5.1 not known here",
                    StartTls::Refused => "454 4.7.0 TLS not available",
                };
                let (done, is_ready) = moment.at(Stage::StartTls, None, otherwise);
                if is_ready == Some(220) && otherwise.starts_with("220") {
                    self.shakes = Shakes::Hands;
                }
                done
            }
            "AUTH" => {
                let is_login = rest.eq_ignore_ascii_case("LOGIN");
                let otherwise = if is_login { "334 VXNlcm5hbWU6" } else { "235 2.7.0 welcome" };
                let (done, is_positive) = moment.at(Stage::Auth, None, otherwise);
                self.awaits_login = if is_login && is_positive == Some(334) { 2 } else { 0 };
                done
            }
            "MAIL" => {
                let is_full = moment.server.is_full(moment.since_start);
                let otherwise = if is_full { "450 4.7.1 too many messages" } else { "250 2.1.0 ok" };
                let (done, code) = moment.at(Stage::Mail, None, otherwise);
                let is_positive = code.filter(|code| *code < 400);
                self.rcpts.clear();
                self.sender = is_positive.map(|_| path(rest).to_owned());
                done
            }
            "RCPT" | "DATA" if self.sender.is_none() => vec![Does::Says(b"503 5.5.1 MAIL first\r\n".to_vec())],
            "RCPT" => {
                let rcpt = path(rest).to_owned();
                let client = (self.from, self.sender.as_deref().unwrap_or_default(), &*rcpt);
                let is_put_off = moment.server.puts_off(client, moment.since_start);
                let otherwise = if is_put_off { "451 4.7.1 come again later" } else { "250 2.1.5 ok" };
                let (done, code) = moment.at(Stage::Rcpt, Some(&rcpt), otherwise);
                let is_positive = code.filter(|code| *code < 400);
                if is_positive.is_some() {
                    let parameters = rest.split_once('>').map_or("", |(_, rest)| rest).trim().to_owned();
                    self.rcpts.push((rcpt, parameters));
                }
                done
            }
            "DATA" => moment.at(Stage::Data, None, "354 go ahead").0,
            "QUIT" => vec![Does::Says(b"221 2.0.0 bye\r\n".to_vec()), Does::Closes],
            "RSET" | "NOOP" => vec![Does::Says(b"250 2.0.0 ok\r\n".to_vec())],
            _ => vec![Does::Says(b"500 5.5.2 what?\r\n".to_vec())],
        }
    }

    /// The content is there: what it answers, and what it took.
    pub(crate) fn takes_content(
        &mut self,
        message: u64,
        headers: Option<&str>,
        effect: u64,
        moment: &mut Moment<'_, '_>,
    ) -> (Vec<Does>, Vec<Taken>) {
        let sender = self.sender.take().unwrap_or_default();
        let rcpts = std::mem::take(&mut self.rcpts);
        let taken = |(rcpt, parameters): &(String, String)| Taken {
            at: moment.now,
            message,
            host: self.host.to_string(),
            ip: self.ip,
            sender: sender.clone(),
            rcpt: rcpt.clone(),
            parameters: parameters.clone(),
            headers: headers.map(Into::into),
            is_secure: self.is_secure,
            code: 250,
            effect,
            answered: moment.now + moment.server.behaviour.latency,
        };
        let all: Vec<Taken> = rcpts.iter().map(taken).collect();
        if !self.is_lmtp {
            let (done, is_positive) = moment.at(Stage::Final, None, "250 2.0.0 queued");
            let with = |code: u16| all.into_iter().map(|taken| Taken { code, ..taken }).collect();
            return (done, is_positive.map(with).unwrap_or_default());
        }
        let (mut done, mut taken) = (Vec::new(), Vec::new());
        for one in all {
            let (replies, is_positive) = moment.at(Stage::Final, Some(&one.rcpt), "250 2.0.0 stored");
            // Replies are told apart by their order alone, so behind silence or nonsense nothing that is said counts.
            let is_reply =
                |does: &Does| matches!(does, Does::Says(bytes) if bytes.first().is_some_and(u8::is_ascii_digit));
            let is_last = !replies.iter().any(is_reply);
            done.extend(replies);
            taken.extend(is_positive.map(|code| Taken { code, ..one }));
            if is_last {
                break;
            }
        }
        (done, taken)
    }
}

/// The address between the angle brackets.
fn path(rest: &str) -> &str {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(path, _)| path)
}
