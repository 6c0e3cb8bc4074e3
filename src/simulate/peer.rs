//! A mail server as a scenario describes it: what it answers to what it is sent, and what it took.
//!
//! It shares nothing with the client of `delivery`: it reads commands as a server does (RFC 5321 §4.1, RFC 2033), and
//! what it took is what checkers go by.

use std::net::IpAddr;

use base::{Instant, Mailbox, Millis};
use scenario::world::{Answer, Certificate, Host, Stage, StartTls};

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
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// The code of its final reply, which is that of a yes.
    pub code: u16,
}

/// How often each of a host's replies was given.
pub(crate) type Given = Vec<u64>;

/// What a server does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Does {
    /// It sends these bytes.
    Says(Vec<u8>),
    /// It closes the connection.
    Closes,
    /// It waits for the handshake.
    AwaitsTls,
}

/// A connection, as the server sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    ip: IpAddr,
    behaviour: Host,
    is_lmtp: bool,
    is_secure: bool,
    has_greeted: bool,
    buffer: Vec<u8>,
    /// How many more words of AUTH LOGIN are awaited.
    awaits_login: u8,
    sender: Option<String>,
    rcpts: Vec<String>,
}

/// When something happens, and how often replies were given.
pub(crate) struct Moment<'m> {
    pub(crate) now: Instant,
    pub(crate) since_start: Millis,
    pub(crate) given: &'m mut Given,
}

impl Peer {
    pub(crate) fn new(name: &str, ip: IpAddr, behaviour: Host) -> Self {
        Self {
            name: name.to_owned(),
            ip,
            behaviour,
            is_lmtp: false,
            is_secure: false,
            has_greeted: false,
            buffer: Vec::new(),
            awaits_login: 0,
            sender: None,
            rcpts: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn latency(&self) -> Millis {
        self.behaviour.latency
    }

    /// What is answered otherwise than with yes.
    pub(crate) fn scripted(
        behaviour: &Host,
        stage: Stage,
        rcpt: Option<&str>,
        moment: &mut Moment<'_>,
    ) -> Option<Answer> {
        let is_rcpt = |wanted: &Mailbox| rcpt.is_none_or(|rcpt| wanted.as_str().eq_ignore_ascii_case(rcpt));
        moment.given.resize(behaviour.replies.len(), 0);
        for (reply, given) in behaviour.replies.iter().zip(moment.given.iter_mut()) {
            let fits = reply.stage == stage
                && reply.span.has(moment.since_start)
                && reply.times.is_none_or(|times| *given < times)
                && reply.rcpt.as_ref().is_none_or(is_rcpt);
            if fits {
                *given += 1;
                return Some(reply.reply.clone());
            }
        }
        None
    }

    /// What is done at a stage, what the scenario says or this reply; and the code of the yes that it is, if it is one.
    fn at(
        &self,
        stage: Stage,
        rcpt: Option<&str>,
        otherwise: &str,
        moment: &mut Moment<'_>,
    ) -> (Vec<Does>, Option<u16>) {
        let line = |text: String| vec![Does::Says(format!("{text}\r\n").into_bytes())];
        match Self::scripted(&self.behaviour, stage, rcpt, moment) {
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

    pub(crate) const fn has_greeted(&self) -> bool {
        self.has_greeted
    }

    pub(crate) fn greets(&mut self, moment: &mut Moment<'_>) -> Vec<Does> {
        self.has_greeted = true;
        self.at(Stage::Greeting, None, &format!("220 {} ESMTP", self.name), moment).0
    }

    /// The handshake is over.
    pub(crate) fn secured(&mut self) {
        self.is_secure = true;
        self.buffer.clear();
    }

    pub(crate) const fn starttls(&self) -> StartTls {
        self.behaviour.starttls
    }

    pub(crate) const fn certificate(&self) -> Certificate {
        self.behaviour.certificate
    }

    pub(crate) fn takes(&mut self, bytes: &[u8], moment: &mut Moment<'_>) -> Vec<Does> {
        self.buffer.extend_from_slice(bytes);
        let mut done = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let line = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned();
            done.extend(self.command(&line, moment));
        }
        done
    }

    fn command(&mut self, line: &str, moment: &mut Moment<'_>) -> Vec<Does> {
        if self.awaits_login > 0 {
            self.awaits_login -= 1;
            let otherwise = if self.awaits_login > 0 { "334 UGFzc3dvcmQ6" } else { "235 2.7.0 welcome" };
            return self.at(Stage::Auth, None, otherwise, moment).0;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "LHLO" => {
                self.is_lmtp = verb.eq_ignore_ascii_case("LHLO");
                let mut keywords: Vec<&str> = self.behaviour.extensions.iter().map(String::as_str).collect();
                if !self.is_secure && self.behaviour.starttls != StartTls::Absent {
                    keywords.push("STARTTLS");
                }
                let mut reply = String::new();
                let all = std::iter::once(&*self.name).chain(keywords.iter().copied());
                let count = keywords.len() + 1;
                for (at, line) in all.enumerate() {
                    let is_last = at + 1 == count;
                    reply.push_str(if is_last { "250 " } else { "250-" });
                    reply.push_str(line);
                    if !is_last {
                        reply.push_str("\r\n");
                    }
                }
                self.at(Stage::Ehlo, None, &reply, moment).0
            }
            "HELO" => vec![Does::Says(format!("250 {}\r\n", self.name).into_bytes())],
            "STARTTLS" => {
                let otherwise = match self.behaviour.starttls {
                    StartTls::Offered | StartTls::Broken => "220 2.0.0 go ahead",
                    StartTls::Absent => "502 5.5.1 not known here",
                    StartTls::Refused => "454 4.7.0 TLS not available",
                };
                let (mut done, is_ready) = self.at(Stage::StartTls, None, otherwise, moment);
                if is_ready == Some(220) && otherwise.starts_with("220") {
                    done.push(Does::AwaitsTls);
                }
                done
            }
            "AUTH" => {
                let is_login = rest.eq_ignore_ascii_case("LOGIN");
                let otherwise = if is_login { "334 VXNlcm5hbWU6" } else { "235 2.7.0 welcome" };
                let (done, is_positive) = self.at(Stage::Auth, None, otherwise, moment);
                self.awaits_login = if is_login && is_positive == Some(334) { 2 } else { 0 };
                done
            }
            "MAIL" => {
                let (done, is_positive) = self.at(Stage::Mail, None, "250 2.1.0 ok", moment);
                self.rcpts.clear();
                self.sender = is_positive.map(|_| path(rest).to_owned());
                done
            }
            "RCPT" => {
                let rcpt = path(rest).to_owned();
                let (done, is_positive) = self.at(Stage::Rcpt, Some(&rcpt), "250 2.1.5 ok", moment);
                if is_positive.is_some() {
                    self.rcpts.push(rcpt);
                }
                done
            }
            "DATA" => self.at(Stage::Data, None, "354 go ahead", moment).0,
            "QUIT" => vec![Does::Says(b"221 2.0.0 bye\r\n".to_vec()), Does::Closes],
            "RSET" | "NOOP" => vec![Does::Says(b"250 2.0.0 ok\r\n".to_vec())],
            _ => vec![Does::Says(b"500 5.5.2 what?\r\n".to_vec())],
        }
    }

    /// The content is there: what it answers, and what it took.
    pub(crate) fn takes_content(&mut self, message: u64, moment: &mut Moment<'_>) -> (Vec<Does>, Vec<Taken>) {
        let sender = self.sender.take().unwrap_or_default();
        let rcpts = std::mem::take(&mut self.rcpts);
        let taken = |rcpt: &String| Taken {
            at: moment.now,
            message,
            host: self.name.clone(),
            ip: self.ip,
            sender: sender.clone(),
            rcpt: rcpt.clone(),
            is_secure: self.is_secure,
            code: 250,
        };
        let all: Vec<Taken> = rcpts.iter().map(taken).collect();
        if !self.is_lmtp {
            let (done, is_positive) = self.at(Stage::Final, None, "250 2.0.0 queued", moment);
            let with = |code: u16| all.into_iter().map(|taken| Taken { code, ..taken }).collect();
            return (done, is_positive.map(with).unwrap_or_default());
        }
        let (mut done, mut taken) = (Vec::new(), Vec::new());
        for one in all {
            let (replies, is_positive) = self.at(Stage::Final, Some(&one.rcpt), "250 2.0.0 stored", moment);
            // Replies are told apart by their order alone, so whoever keeps silent once says nothing more.
            let is_last = replies.is_empty() || replies.contains(&Does::Closes);
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
