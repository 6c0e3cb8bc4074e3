//! A mail server as a scenario describes it: what it answers to what it is sent, and what it took.
//!
//! It shares nothing with the client of `delivery`: it reads commands as a server does (RFC 5321 §4.1, RFC 2033), and
//! what it took is what checkers go by. It keeps its word: a client that does what was not offered, or more than was said to
//! be taken, is refused, unless the scenario has another reply for that stage.

use std::{collections::BTreeMap, net::IpAddr};

use base::{Instant, Mailbox, Millis, Secret};
use scenario::world::{Answer, Host, HostReply, Stage, StartTls};

use crate::promise::{Content, Counted, Promise};

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

/// What a server does next, and at which stage of the session; none where it is of no stage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Does {
    pub(crate) stage: Option<Stage>,
    pub(crate) deed: Deed,
}

/// What a server does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Deed {
    /// It sends these bytes.
    Says(Vec<u8>),
    /// It closes the connection.
    Closes,
}

impl Does {
    fn says(stage: impl Into<Option<Stage>>, line: &str) -> Self {
        Self { stage: stage.into(), deed: Deed::Says(format!("{line}\r\n").into_bytes()) }
    }

    fn closes(stage: impl Into<Option<Stage>>) -> Self {
        Self { stage: stage.into(), deed: Deed::Closes }
    }
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
    /// What it promised in its last reply to EHLO.
    promise: Promise,
    /// Until when it is busy with what it was sent before: replies keep their order.
    busy: Instant,
    buffer: Vec<u8>,
    /// The commands that it read since somebody asked, with `+` between those that came at once.
    heard: String,
    /// All of what was said, secrets masked.
    said: Vec<String>,
    /// What it answers to the response to its challenge, where it waits for one.
    challenged: Option<&'static str>,
    /// How many times there was MAIL on the connection.
    mails: u64,
    sender: Option<String>,
    counted: Counted,
    /// The recipients that it said yes to, each with what was said of it besides.
    rcpts: Vec<(String, String)>,
}

/// When something happens at a server.
pub(crate) struct Moment<'m, 'w> {
    pub(crate) now: Instant,
    pub(crate) since_start: Millis,
    pub(crate) server: &'m mut Server<'w>,
    /// The client's address.
    pub(crate) from: Option<IpAddr>,
}

impl Moment<'_, '_> {
    /// What is answered otherwise than with yes.
    pub(crate) fn scripted(&mut self, stage: Stage, rcpt: Option<&str>) -> Option<HostReply> {
        let is_rcpt = |wanted: &Mailbox| rcpt.is_none_or(|rcpt| wanted.as_str().eq_ignore_ascii_case(rcpt));
        let Server { behaviour, given, .. } = &mut *self.server;
        for (reply, given) in behaviour.replies.iter().zip(given.iter_mut()) {
            let fits = reply.stage == stage
                && reply.span.has(self.since_start)
                && reply.times.is_none_or(|times| *given < reply.skip + times)
                && reply.rcpt.as_ref().is_none_or(is_rcpt)
                && reply.source_ip.is_none_or(|source| self.from == Some(source));
            if fits {
                *given += 1;
                if *given > reply.skip {
                    return Some(reply.clone());
                }
            }
        }
        None
    }

    /// What is done at a stage, what the scenario says or this reply; and the code of the yes that it is, if it is one.
    fn at(&mut self, stage: Stage, rcpt: Option<&str>, otherwise: &str) -> (Vec<Does>, Option<u16>) {
        let Some(HostReply { reply, closes, .. }) = self.scripted(stage, rcpt) else {
            let code = otherwise.get(..3).and_then(|code| code.parse().ok());
            return (vec![Does::says(stage, otherwise)], code.filter(|code| (200..400).contains(code)));
        };
        match reply {
            Answer::Reply(code, text) => {
                // 334 and 354 are a yes where more is awaited, and nowhere else.
                let is_yes = (200..300).contains(&code)
                    || (stage == Stage::Auth && code == 334)
                    || (stage == Stage::Data && code == 354);
                let mut done = vec![Does::says(stage, &reply_lines(code, &text))];
                // A server that says 421 closes the channel (RFC 5321 §3.8).
                if closes || code == 421 {
                    done.push(Does::closes(stage));
                }
                (done, Some(code).filter(|_| is_yes))
            }
            Answer::Silence => (Vec::new(), None),
            Answer::Close | Answer::Refuse => (vec![Does::closes(stage)], None),
            Answer::Garbage => (vec![Does::says(stage, "\u{1f682} choo")], None),
        }
    }
}

/// A reply of as many lines as the text has (RFC 5321 §4.2.1).
fn reply_lines(code: u16, text: &str) -> String {
    let count = text.split('\n').count();
    let line = |(at, line): (usize, &str)| match (at + 1 == count, line) {
        (true, "") => code.to_string(),
        (true, line) => format!("{code} {line}"),
        (false, line) => format!("{code}-{line}"),
    };
    text.split('\n').enumerate().map(line).collect::<Vec<_>>().join("\r\n")
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
            promise: Promise::default(),
            busy: Instant(0),
            buffer: Vec::new(),
            heard: String::new(),
            said: Vec::new(),
            challenged: None,
            mails: 0,
            sender: None,
            counted: Counted::default(),
            rcpts: Vec::new(),
        }
    }

    pub(crate) const fn server(&self) -> usize {
        self.server
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn from(&self) -> Option<IpAddr> {
        self.from
    }

    pub(crate) const fn message(&self) -> u64 {
        self.message
    }

    pub(crate) const fn has_greeted(&self) -> bool {
        self.has_greeted
    }

    /// When something comes that takes it so long from now: never before what it was at before.
    pub(crate) fn ready(&mut self, now: Instant, latency: Millis) -> Instant {
        self.busy = self.busy.max(now + latency);
        self.busy
    }

    pub(crate) fn greets(&mut self, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        self.has_greeted = true;
        if moment.server.is_crowded() {
            let refusal = Does::says(Stage::Greeting, "421 4.7.0 too many connections");
            return vec![refusal, Does::closes(Stage::Greeting)];
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

    /// The handshake is over: what was said before is forgotten (RFC 3207 §4.2).
    pub(crate) fn secured(&mut self) {
        self.is_secure = true;
        self.shakes = Shakes::SaidOtherwise;
        self.promise = Promise::default();
        self.buffer.clear();
    }

    pub(crate) fn takes(&mut self, bytes: &[u8], moment: &mut Moment<'_, '_>) -> Vec<Does> {
        // What is no TLS is nothing that a host which waits for TLS makes anything of.
        if self.shakes == Shakes::Hands {
            return Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
        let mut done: Vec<Does> = Vec::new();
        while let Some(line) = self.line() {
            self.hear(&line);
            done.extend(self.command(&line, moment));
            let is_over = done.last().is_some_and(|does| does.deed == Deed::Closes);
            if is_over || self.shakes == Shakes::Hands {
                self.buffer.clear();
            } else if !self.buffer.is_empty() && !self.promise.has("PIPELINING") {
                self.buffer.clear();
                done.push(Does::says(None, "554 5.5.0 commands were sent ahead, and PIPELINING is not offered here"));
                done.push(Does::closes(None));
            }
        }
        done
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Option<String> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\r\n")?;
        let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned())
    }

    /// The commands that it read since this was asked, with `+` between those that came at once; and all that they said.
    pub(crate) fn heard(&mut self) -> (String, Vec<String>) {
        (std::mem::take(&mut self.heard), std::mem::take(&mut self.said))
    }

    /// Notes a command; what answers a challenge is none.
    fn hear(&mut self, line: &str) {
        self.said.push(if self.challenged.is_none() { without_secrets(line) } else { Secret::MASK.to_owned() });
        if self.challenged.is_none() {
            if !self.heard.is_empty() {
                self.heard.push('+');
            }
            self.heard.push_str(&line.split(' ').next().unwrap_or_default().to_ascii_uppercase());
        }
    }

    fn command(&mut self, line: &str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        if let Some(next) = self.challenged.take() {
            return self.response(line, next, moment);
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            verb @ ("EHLO" | "LHLO") => {
                self.is_lmtp = verb == "LHLO";
                self.ehlo(moment)
            }
            "HELO" => {
                self.promise = Promise::default();
                vec![Does::says(Stage::Ehlo, &format!("250 {}", self.host))]
            }
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
            "AUTH" => self.auth(rest, moment),
            "MAIL" => self.mail(rest, moment),
            "RCPT" | "DATA" if self.sender.is_none() => vec![Does::says(None, "503 5.5.1 MAIL first")],
            "RCPT" => self.rcpt(rest, moment),
            "DATA" if self.rcpts.is_empty() => vec![Does::says(Stage::Data, "554 5.5.1 no recipient was accepted")],
            "DATA" => moment.at(Stage::Data, None, "354 go ahead").0,
            "QUIT" => vec![Does::says(None, "221 2.0.0 bye"), Does::closes(None)],
            "RSET" | "NOOP" => vec![Does::says(None, "250 2.0.0 ok")],
            _ => vec![Does::says(None, "500 5.5.2 what?")],
        }
    }

    /// Its name, and what it offers.
    fn ehlo(&mut self, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        let behaviour = moment.server.behaviour;
        let offers_tls = !self.is_secure && behaviour.starttls != StartTls::Absent;
        let keywords = behaviour.extensions.iter().map(String::as_str).chain(offers_tls.then_some("STARTTLS"));
        let text = std::iter::once(&*self.host).chain(keywords).collect::<Vec<_>>().join("\n");
        let (done, _) = moment.at(Stage::Ehlo, None, &reply_lines(250, &text));
        // What was really said counts, also where the scenario says it.
        let said = done.iter().find_map(|does| match &does.deed {
            Deed::Says(bytes) if bytes.starts_with(b"2") => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        });
        self.promise = said.map(|said| Promise::of(&said)).unwrap_or_default();
        done
    }

    /// Begins with a mechanism: with the initial response, or with a challenge (RFC 4954 §4).
    fn auth(&mut self, rest: &str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        const WELCOME: &str = "235 2.7.0 welcome";
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let (otherwise, next) = match (&*mechanism.to_ascii_uppercase(), initial) {
            _ if self.promise.mechanism(mechanism).is_some() => {
                (self.promise.mechanism(mechanism).unwrap_or_default(), WELCOME)
            }
            _ if !initial.is_empty() && !is_base64(initial) => ("501 5.5.2 that is not base64", WELCOME),
            ("LOGIN", "") => ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"),
            ("LOGIN", _) => ("334 UGFzc3dvcmQ6", WELCOME),
            ("CRAM-MD5", _) => ("334 PDE3NjQ1NDcyMDAuMUBteC50ZXN0Pg==", WELCOME),
            (_, "") => ("334 ", WELCOME),
            (_, _) => (WELCOME, WELCOME),
        };
        self.exchange(otherwise, next, moment)
    }

    /// Takes the response to a challenge.
    fn response(&mut self, line: &str, next: &'static str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        let (otherwise, next) = match (line, next) {
            ("*", _) => ("501 5.7.0 given up", next),
            _ if !is_base64(line) => ("501 5.5.2 that is not base64", next),
            (_, "334 UGFzc3dvcmQ6") => (next, "235 2.7.0 welcome"),
            (_, next) => (next, next),
        };
        self.exchange(otherwise, next, moment)
    }

    /// Says something within AUTH; behind a challenge, it waits for the response, which it answers by `next`.
    fn exchange(&mut self, otherwise: &str, next: &'static str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        let (done, code) = moment.at(Stage::Auth, None, otherwise);
        self.challenged = code.filter(|code| *code == 334).map(|_| next);
        done
    }

    fn mail(&mut self, rest: &str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        let (sender, parameters) = path(rest);
        self.mails += 1;
        let refusal = self.promise.mail(sender, parameters, self.mails);
        let refusal = refusal
            .or_else(|| moment.server.is_full(moment.since_start).then(|| "450 4.7.1 too many messages".to_owned()));
        let (done, code) = moment.at(Stage::Mail, None, refusal.as_deref().unwrap_or("250 2.1.0 ok"));
        self.rcpts.clear();
        let is_utf8 = parameters.split(' ').any(|parameter| parameter.eq_ignore_ascii_case("SMTPUTF8"));
        self.counted = Counted { is_utf8, ..Counted::default() };
        self.sender = code.map(|_| sender.to_owned());
        done
    }

    fn rcpt(&mut self, rest: &str, moment: &mut Moment<'_, '_>) -> Vec<Does> {
        let (rcpt, parameters) = path(rest);
        let refusal = self.promise.rcpt(rcpt, parameters, &mut self.counted).or_else(|| {
            let client = (self.from, self.sender.as_deref().unwrap_or_default(), rcpt);
            let is_put_off = moment.server.puts_off(client, moment.since_start);
            is_put_off.then(|| "451 4.7.1 come again later".to_owned())
        });
        let (done, code) = moment.at(Stage::Rcpt, Some(rcpt), refusal.as_deref().unwrap_or("250 2.1.5 ok"));
        if code.is_some() {
            self.rcpts.push((rcpt.to_owned(), parameters.to_owned()));
        }
        done
    }

    /// The content is there: what it answers, and what it took.
    pub(crate) fn takes_content(
        &mut self,
        message: u64,
        headers: Option<&str>,
        content: Content,
        effect: u64,
        moment: &mut Moment<'_, '_>,
    ) -> (Vec<Does>, Vec<Taken>) {
        let sender = self.sender.take().unwrap_or_default();
        let rcpts = std::mem::take(&mut self.rcpts);
        let answered = self.ready(moment.now, moment.server.behaviour.latency_of(Stage::Final));
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
            answered,
        };
        let all: Vec<Taken> = rcpts.iter().map(taken).collect();
        let refusal = self.promise.content(content);
        if !self.is_lmtp {
            let otherwise = refusal.as_deref().unwrap_or("250 2.0.0 queued");
            let (done, is_positive) = moment.at(Stage::Final, None, otherwise);
            let with = |code: u16| all.into_iter().map(|taken| Taken { code, ..taken }).collect();
            return (done, is_positive.map(with).unwrap_or_default());
        }
        let (mut done, mut taken) = (Vec::new(), Vec::new());
        for one in all {
            let otherwise = refusal.as_deref().unwrap_or("250 2.0.0 stored");
            let (replies, is_positive) = moment.at(Stage::Final, Some(&one.rcpt), otherwise);
            // Replies are told apart by their order alone, so behind silence or nonsense nothing that is said counts.
            let is_reply =
                |does: &Does| matches!(&does.deed, Deed::Says(bytes) if bytes.first().is_some_and(u8::is_ascii_digit));
            let is_last = !replies.iter().all(is_reply) || replies.is_empty();
            done.extend(replies);
            taken.extend(is_positive.map(|code| Taken { code, ..one }));
            if is_last {
                break;
            }
        }
        (done, taken)
    }
}

/// The address between the angle brackets, and the parameters behind it.
fn path(rest: &str) -> (&str, &str) {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(("", ""), |(path, rest)| (path, rest.trim()))
}

/// Whether it is base64 (RFC 4648 §4); a lone `=` is an initial response of no length (RFC 4954 §4).
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text == "=" || (text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.bytes().all(is_digit))
}
/// A command without what it says of a secret. What is no command that a client has reason to say is masked as well: it may
/// be the answer to a challenge that the host gave out of turn.
fn without_secrets(line: &str) -> String {
    const VERBS: [&str; 11] =
        ["EHLO", "LHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT"];
    let mut words = line.split(' ');
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    if VERBS.contains(&verb.as_str()) {
        return line.to_owned();
    }
    match (verb.as_str(), words.next(), words.next()) {
        ("AUTH", Some(mechanism), None) => format!("AUTH {mechanism}"),
        ("AUTH", Some(mechanism), Some(_)) => format!("AUTH {mechanism} {}", Secret::MASK),
        _ => Secret::MASK.to_owned(),
    }
}
