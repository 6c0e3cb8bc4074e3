//! A session with one host: the SMTP and LMTP client as a state machine over bytes (RFC 5321, RFC 2033).
//!
//! [`Session::handle`] takes what came from the host and gives what is to be done next; the table of states and replies
//! is the protocol. What each recipient came to is in [`Session::outcomes`] when it is over.
//!
//! Invariants:
//!
//! - Nothing of the envelope is sent before the connection is as secure as the [`Demand`] says.
//! - What the host sent before TLS is forgotten behind it (RFC 3207 §6).
//! - A recipient's outcome is written once, but for a transaction's failure where the target lets that overwrite it.

use std::{collections::VecDeque, mem, net::IpAddr, num::NonZeroU64, sync::Arc};

use base::{Mailbox, Millis};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use policy::{
    Behaviour, Quirk,
    strategy::{Credentials, Protocol, Timeouts},
};

use crate::{
    failure::{Broken, Failure, Handshake, Stage},
    message::{Notify, Ret},
    reply::{Reader, Reply},
    tls::{Demand, Encryption},
};

/// How long QUIT may take: nobody waits for it.
const QUIT: Millis = Millis::from_secs(10);

/// What a session is to do.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property that is there or not")]
pub struct Request {
    /// The target whose client it is.
    pub target: Behaviour,
    /// What is spoken.
    pub protocol: Protocol,
    /// The address of the host, for messages.
    pub ip: IpAddr,
    /// Whether TLS comes first.
    pub is_implicit_tls: bool,
    /// The name to greet with.
    pub ehlo_name: Arc<str>,
    /// How the connection must be secured.
    pub demand: Demand,
    /// Whom to be.
    pub credentials: Option<Credentials>,
    /// How long the stages may take.
    pub timeouts: Timeouts,
    /// How long TLS may take.
    pub timeout_tls: Millis,
    /// The return path.
    pub sender: Mailbox,
    /// The content's size in bytes.
    pub size: u64,
    /// ENVID.
    pub envid: Option<Box<str>>,
    /// RET.
    pub ret: Option<Ret>,
    /// REQUIRETLS.
    pub requires_tls: bool,
    /// SMTPUTF8.
    pub is_utf8: bool,
    /// BODY=8BITMIME.
    pub is_8bit: bool,
    /// The recipients.
    pub recipients: Vec<To>,
}

/// A recipient of a session.
#[derive(Clone, Debug)]
pub struct To {
    /// Who it is.
    pub address: Mailbox,
    /// NOTIFY.
    pub notify: Notify,
    /// ORCPT.
    pub orcpt: Option<Box<str>>,
}

/// What happened at the other side.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    /// The TCP connection stands, or does not.
    Connected(Result<(), Broken>),
    /// These bytes came.
    Bytes(&'a [u8]),
    /// The handshake is over, and what the certificate was compared with holds; or not.
    Secured(Result<(), &'a Failure>),
    /// The content was sent, all of it; `false` where it is gone.
    ContentSent(bool),
    /// What was waited for did not come.
    TimedOut,
    /// The other side closed.
    Closed,
}

/// What is to be done next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Send the content: in one chunk (RFC 3030), or with its dots stuffed and a lone one behind.
    SendContent {
        /// Whether as a chunk.
        is_chunk: bool,
    },
    /// Begin TLS.
    StartTls,
    /// Wait for the host, so long at most.
    Wait(Millis),
    /// Close the connection; nothing follows.
    Close,
}

/// What the host offers (RFC 5321 §4.1.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword that is there or not")]
struct Offers {
    starttls: bool,
    plain: bool,
    login: bool,
    size: bool,
    /// The largest message that it takes, where it says so: 0 is no bound (RFC 1870 §4).
    size_max: Option<NonZeroU64>,
    dsn: bool,
    chunking: bool,
    requires_tls: bool,
    utf8: bool,
    eight_bit: bool,
    pipelining: bool,
}

impl Offers {
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        // The first line is the host's name.
        for line in reply.lines().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match &*keyword {
                "STARTTLS" => offers.starttls = true,
                "AUTH" => {
                    for mechanism in words {
                        offers.plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                        offers.login |= mechanism.eq_ignore_ascii_case("LOGIN");
                    }
                }
                "SIZE" => {
                    offers.size = true;
                    offers.size_max = words.next().and_then(|most| most.parse().ok());
                }
                "DSN" => offers.dsn = true,
                "CHUNKING" => offers.chunking = true,
                "REQUIRETLS" => offers.requires_tls = true,
                "SMTPUTF8" => offers.utf8 = true,
                "8BITMIME" => offers.eight_bit = true,
                "PIPELINING" => offers.pipelining = true,
                _ => {}
            }
        }
        offers
    }
}

/// What came of TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsTry {
    /// The host does not offer it, or refuses it.
    NotOffered,
    /// It failed.
    Failed(Failure),
    /// It protects the session.
    Secured,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Connecting,
    /// TLS before anything is said.
    FirstHandshake,
    Greeting,
    Ehlo,
    /// EHLO once more: behind TLS, or where the reference asks twice.
    EhloAgain,
    Helo,
    StartTls,
    Handshake,
    AuthPlain,
    /// The user, then the secret, then the answer.
    AuthLogin(u8),
    Mail,
    /// The reply to this recipient.
    Rcpt(usize),
    Data,
    Content,
    /// The final reply; in LMTP that of this recipient.
    Final(usize),
    Over,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    request: Request,
    state: State,
    reader: Reader,
    offers: Offers,
    is_secure: bool,
    /// What came of TLS, until somebody asks.
    tls: Option<TlsTry>,
    /// Whether credentials or the envelope were sent in clear text, until somebody asks.
    is_in_clear: bool,
    /// What each recipient came to.
    outcomes: Vec<Option<Result<Reply, Failure>>>,
    /// The replies to RCPT that said yes.
    accepted: Vec<Option<Reply>>,
    /// Why the session failed as a whole.
    failure: Option<Failure>,
    /// Who was refused before, where the session's failure took the place of that.
    overwritten: Vec<(usize, Failure)>,
    actions: VecDeque<Action>,
}

/// What a session came to.
#[derive(Debug)]
pub struct Outcomes {
    /// What each recipient came to; `None` where the session's failure decides.
    pub recipients: Vec<Option<Result<Reply, Failure>>>,
    /// Why the session failed as a whole.
    pub failure: Option<Failure>,
    /// Who was refused before, by a failure that the session's own took the place of.
    pub overwritten: Vec<(usize, Failure)>,
    /// Whether the host takes NOTIFY.
    pub takes_notify: bool,
}

impl Session {
    /// A session that waits for its connection.
    #[must_use]
    pub fn new(request: Request) -> Self {
        let count = request.recipients.len();
        let connect = request.timeouts.connect;
        Self {
            request,
            state: State::Connecting,
            reader: Reader::default(),
            offers: Offers::default(),
            is_secure: false,
            tls: None,
            is_in_clear: false,
            outcomes: vec![None; count],
            accepted: vec![None; count],
            failure: None,
            overwritten: Vec::new(),
            actions: VecDeque::from([Action::Wait(connect)]),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What came of TLS; once.
    pub fn take_tls(&mut self) -> Option<TlsTry> {
        self.tls.take()
    }

    /// Whether credentials or the envelope are sent in clear text from now on; once.
    pub const fn take_in_clear(&mut self) -> bool {
        mem::replace(&mut self.is_in_clear, false)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Who was delivered already, and with what reply.
    pub fn delivered(&self) -> impl Iterator<Item = (usize, &Reply)> {
        let known = self.outcomes.iter().enumerate();
        known.filter_map(|(number, outcome)| Some((number, outcome.as_ref()?.as_ref().ok()?)))
    }

    /// Whether the host takes NOTIFY.
    #[must_use]
    pub const fn takes_notify(&self) -> bool {
        self.offers.dsn
    }

    /// What it came to, when it is over.
    #[must_use]
    pub fn outcomes(self) -> Outcomes {
        let takes_notify = self.takes_notify();
        let Self { outcomes: recipients, failure, overwritten, .. } = self;
        Outcomes { recipients, failure, overwritten, takes_notify }
    }

    /// Takes what happened.
    pub fn handle(&mut self, happened: Happened<'_>) {
        match happened {
            Happened::Bytes(bytes) => {
                self.reader.push(bytes);
                self.read();
            }
            other => self.step(other),
        }
    }

    /// Takes every reply that is there.
    fn read(&mut self) {
        while !self.is_over() && self.state.awaits_reply() {
            match self.reader.read() {
                Ok(None) => return,
                Ok(Some(reply)) => self.reply(reply),
                Err(broken) => self.lose(broken),
            }
        }
    }

    fn step(&mut self, happened: Happened<'_>) {
        match (self.state, happened) {
            (State::Over, _) | (_, Happened::Bytes(_)) => {}
            (State::Connecting, Happened::Connected(Err(broken))) => self.lose(broken),
            (State::Connecting, Happened::Connected(Ok(()))) if self.request.is_implicit_tls => {
                self.actions.push_back(Action::StartTls);
                self.go(State::FirstHandshake, self.request.timeout_tls);
            }
            (State::Connecting, Happened::Connected(Ok(()))) => {
                self.go(State::Greeting, self.request.timeouts.greeting);
                self.read();
            }
            (State::FirstHandshake, Happened::Secured(Ok(()))) => {
                self.secured();
                self.go(State::Greeting, self.request.timeouts.greeting);
            }
            (State::Handshake, Happened::Secured(Ok(()))) => {
                self.secured();
                self.reader.clear();
                self.greet(State::EhloAgain);
            }
            (State::FirstHandshake | State::Handshake, Happened::Secured(Err(failure))) => {
                self.tls = Some(TlsTry::Failed(failure.clone()));
                self.fail(failure.clone());
            }
            (State::Content, Happened::ContentSent(true)) => self.await_final(0),
            (State::Content, Happened::ContentSent(false)) => self.fail(Failure::ContentMissing),
            (State::FirstHandshake | State::Handshake, Happened::TimedOut | Happened::Closed) => {
                self.fail(Failure::Handshake(Handshake::Lost));
            }
            (_, Happened::TimedOut) => self.lose(Broken::TimedOut),
            (_, Happened::Closed) => self.lose(Broken::Closed),
            // A driver may say late what is known already.
            (_, Happened::Connected(_) | Happened::Secured(_) | Happened::ContentSent(_)) => {}
        }
    }

    fn reply(&mut self, reply: Reply) {
        match (self.state, reply.code) {
            // Behind TLS that came first, the only EHLO is the last one.
            (State::Greeting, 220) => self.greet(if self.is_secure { State::EhloAgain } else { State::Ehlo }),
            (State::Greeting, _) => self.reject(Stage::Greeting, reply),
            (State::Ehlo, 200..=299) => {
                self.offers = Offers::of(&reply);
                self.after_greeting();
            }
            (State::EhloAgain, 200..=299) => {
                self.offers = Offers::of(&reply);
                self.log_in();
            }
            (State::Ehlo, 500..=599) if self.falls_back() => {
                self.command(&format!("HELO {}", self.request.ehlo_name));
                self.go(State::Helo, self.request.timeouts.ehlo);
            }
            (State::Helo, 200..=299) => {
                self.offers = Offers::default();
                self.after_greeting();
            }
            (State::Ehlo | State::Helo, _) => self.reject(Stage::Ehlo, reply),
            (State::EhloAgain, _) => self.reject(Stage::EhloAgain, reply),
            (State::StartTls, 220) if !self.reader.is_empty() && !self.request.target.has(Quirk::BytesBeforeTls) => {
                self.fail(Failure::Handshake(Handshake::Injected));
            }
            (State::StartTls, 220) => {
                self.actions.push_back(Action::StartTls);
                self.go(State::Handshake, self.request.timeout_tls);
            }
            (State::StartTls, _) => {
                self.tls = Some(TlsTry::NotOffered);
                match self.request.demand.encryption {
                    Encryption::Always => self.reject(Stage::StartTls, reply),
                    Encryption::WhereOffered | Encryption::Never => self.log_in(),
                }
            }
            (State::AuthPlain, 200..=299) => self.mail(),
            (State::AuthPlain, code) if code != 535 && self.offers.login => self.auth_login(),
            (State::AuthLogin(step @ (0 | 1)), 334) => self.answer_challenge(step, &reply),
            (State::AuthLogin(2), 200..=299) => self.mail(),
            (State::AuthPlain | State::AuthLogin(_), _) => self.reject(Stage::Auth, reply),
            (State::Mail, 200..=299) => self.rcpt(0),
            (State::Mail, _) => self.reject(Stage::Mail, reply),
            (State::Rcpt(number), _) => self.after_rcpt(number, reply),
            (State::Data, 354) => self.content(false),
            (State::Data, _) => self.reject(Stage::Data, reply),
            (State::Final(number), _) => self.after_final(number, reply),
            (State::Connecting | State::FirstHandshake | State::Handshake | State::Content | State::Over, _) => {}
        }
    }

    /// Whether a host that does not know EHLO is greeted with HELO: nothing that TLS needs is left then.
    fn falls_back(&self) -> bool {
        self.request.protocol == Protocol::Smtp
            && !self.request.target.has(Quirk::NoHeloFallback)
            && !self.is_secure
            && self.request.demand.encryption != Encryption::Always
            && self.request.credentials.is_none()
    }

    fn greet(&mut self, state: State) {
        let verb = match self.request.protocol {
            Protocol::Smtp => "EHLO",
            Protocol::Lmtp => "LHLO",
        };
        self.command(&format!("{verb} {}", self.request.ehlo_name));
        self.go(state, self.request.timeouts.ehlo);
    }

    fn after_greeting(&mut self) {
        match self.request.demand.encryption {
            Encryption::Never if self.request.target.has(Quirk::EhloTwice) => self.greet(State::EhloAgain),
            Encryption::Never => self.log_in(),
            Encryption::WhereOffered | Encryption::Always if self.offers.starttls => {
                self.command("STARTTLS");
                self.go(State::StartTls, self.request.timeout_tls);
            }
            Encryption::WhereOffered => {
                self.tls = Some(TlsTry::NotOffered);
                if self.request.target.has(Quirk::EhloWithoutStarttls) {
                    self.greet(State::EhloAgain);
                } else {
                    self.log_in();
                }
            }
            Encryption::Always => {
                self.tls = Some(TlsTry::NotOffered);
                self.fail(Failure::TlsNotOffered);
            }
        }
    }

    fn secured(&mut self) {
        self.is_secure = true;
        self.tls = Some(TlsTry::Secured);
    }

    fn log_in(&mut self) {
        let Some(credentials) = &self.request.credentials else { return self.mail() };
        let is_allowed = self.is_secure
            || self.request.demand.encryption == Encryption::Never
            || self.request.target.has(Quirk::SecretInClear);
        if !is_allowed {
            return self.fail(Failure::SecretInClear);
        }
        self.is_in_clear = !self.is_secure && (self.offers.plain || self.offers.login);
        if self.offers.plain {
            let secret = format!("\0{}\0{}", credentials.username, credentials.secret.reveal());
            self.command(&format!("AUTH PLAIN {}", BASE64.encode(secret)));
            self.go(State::AuthPlain, self.request.timeouts.ehlo);
        } else if self.offers.login {
            self.auth_login();
        } else {
            self.fail(Failure::NoMechanism);
        }
    }

    fn auth_login(&mut self) {
        self.command("AUTH LOGIN");
        self.go(State::AuthLogin(0), self.request.timeouts.ehlo);
    }

    fn answer_challenge(&mut self, step: u8, reply: &Reply) {
        let Some(credentials) = &self.request.credentials else { return };
        if BASE64.decode(reply.text.trim()).is_err() {
            return self.fail(Failure::BadChallenge);
        }
        let answer = if step == 0 { &*credentials.username } else { credentials.secret.reveal() };
        let answer = BASE64.encode(answer);
        self.command(&answer);
        self.go(State::AuthLogin(step + 1), self.request.timeouts.ehlo);
    }

    fn mail(&mut self) {
        let request = &self.request;
        if request.requires_tls
            && !request.target.has(Quirk::RequireTlsNotOffered)
            && !(self.is_secure && self.offers.requires_tls)
        {
            return self.fail(Failure::RequireTlsNotOffered);
        }
        if let Some(failure) = self.unfit() {
            return self.fail(failure);
        }
        self.is_in_clear |= !self.is_secure && request.credentials.is_none();
        let mut command = format!("MAIL FROM:<{}>", request.sender.as_str());
        let mut add = |is_offered: bool, parameter: &str| {
            if is_offered {
                command.push(' ');
                command.push_str(parameter);
            }
        };
        add(self.offers.size && request.size > 0, &format!("SIZE={}", request.size));
        add(self.offers.requires_tls && request.requires_tls && self.is_secure, "REQUIRETLS");
        add(self.offers.utf8 && request.is_utf8, "SMTPUTF8");
        let says_body = !request.target.has(Quirk::EightBitUnmarked);
        add(says_body && self.offers.eight_bit && request.is_8bit, "BODY=8BITMIME");
        if self.offers.dsn {
            match request.ret {
                Some(Ret::Full) => add(true, "RET=FULL"),
                Some(Ret::Headers) => add(true, "RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &request.envid {
                add(true, &format!("ENVID={envid}"));
            }
        }
        if self.pipelines() {
            let recipients = (0..self.request.recipients.len()).filter_map(|number| self.rcpt_command(number));
            command = std::iter::once(command).chain(recipients).collect::<Vec<_>>().join("\r\n");
        }
        self.command(&command);
        self.go(State::Mail, self.request.timeouts.mail_from);
    }

    /// Why the host does not take a message such as this, by what it offers.
    fn unfit(&self) -> Option<Failure> {
        let Self { request, offers, .. } = self;
        let target = request.target;
        let most = offers.size_max.map(NonZeroU64::get).filter(|most| request.size > *most);
        if let Some(most) = most.filter(|_| !target.has(Quirk::SizeNotCompared)) {
            return Some(Failure::TooLarge { most });
        }
        if request.is_8bit && !offers.eight_bit && !target.has(Quirk::EightBitUnmarked) {
            return Some(Failure::EightBitNotOffered);
        }
        let is_utf8_demanded = request.is_utf8 && !target.has(Quirk::Utf8NotDemanded);
        (is_utf8_demanded && !offers.utf8).then_some(Failure::Utf8NotOffered)
    }

    /// Whether MAIL and RCPT go together (RFC 2920). DATA does not: then nothing has to be taken back where nobody is
    /// accepted.
    fn pipelines(&self) -> bool {
        self.offers.pipelining && !self.request.target.has(Quirk::NoPipelining)
    }

    /// Goes to the recipient of this number, or on behind the last one.
    fn rcpt(&mut self, number: usize) {
        let Some(command) = self.rcpt_command(number) else { return self.after_last_rcpt() };
        if !self.pipelines() {
            self.command(&command);
        }
        self.go(State::Rcpt(number), self.request.timeouts.rcpt_to);
    }

    fn rcpt_command(&self, number: usize) -> Option<String> {
        let to = self.request.recipients.get(number)?;
        let mut command = format!("RCPT TO:<{}>", to.address);
        if self.offers.dsn {
            if let Some(notify) = notify(to.notify) {
                command.push_str(" NOTIFY=");
                command.push_str(&notify);
            }
            if let Some(orcpt) = to.orcpt.as_deref().filter(|_| !self.request.target.has(Quirk::OrcptDropped)) {
                command.push_str(" ORCPT=");
                command.push_str(orcpt);
            }
        }
        Some(command)
    }

    fn after_rcpt(&mut self, number: usize, reply: Reply) {
        if reply.is_positive() {
            if let Some(slot) = self.accepted.get_mut(number) {
                *slot = Some(reply);
            }
        } else {
            self.outcome(number, Err(Failure::Rejected { stage: Stage::Rcpt, reply }));
        }
        self.rcpt(number + 1);
    }

    fn after_last_rcpt(&mut self) {
        if self.accepted.iter().all(Option::is_none) {
            return self.quit();
        }
        if self.offers.chunking {
            return self.content(true);
        }
        self.command("DATA");
        self.go(State::Data, self.request.timeouts.data);
    }

    fn content(&mut self, is_chunk: bool) {
        self.actions.push_back(Action::SendContent { is_chunk });
        self.go(State::Content, self.request.timeouts.data);
    }

    /// Waits for the final reply of the first recipient at or behind `from` who was accepted.
    fn await_final(&mut self, from: usize) {
        let accepted = self.accepted.iter().skip(from).position(Option::is_some);
        let Some(next) = accepted.map(|at| from + at) else { return self.quit() };
        let timeouts = &self.request.timeouts;
        let is_rcpt = self.request.target.has(Quirk::FinalReplyTimeout);
        self.go(State::Final(next), if is_rcpt { timeouts.rcpt_to } else { timeouts.data });
        self.read();
    }

    fn after_final(&mut self, number: usize, reply: Reply) {
        let target = self.request.target;
        if self.request.protocol == Protocol::Lmtp {
            let outcome =
                if reply.is_positive() { Ok(reply) } else { Err(Failure::Rejected { stage: Stage::Final, reply }) };
            self.outcome(number, outcome);
            return self.await_final(number + 1);
        }
        let is_success = if target.has(Quirk::OnlyFinal250) { reply.code == 250 } else { reply.is_positive() };
        if !is_success {
            return self.reject(Stage::Final, reply);
        }
        for number in 0..self.accepted.len() {
            if let Some(accepted) = self.accepted.get_mut(number).and_then(Option::take) {
                let shown = if target.has(Quirk::RcptReplyKept) { accepted } else { reply.clone() };
                self.outcome(number, Ok(shown));
            }
        }
        self.quit();
    }

    fn outcome(&mut self, number: usize, outcome: Result<Reply, Failure>) {
        if let Some(slot) = self.outcomes.get_mut(number) {
            *slot = Some(outcome);
        }
    }

    fn reject(&mut self, stage: Stage, reply: Reply) {
        self.fail(Failure::Rejected { stage, reply });
    }

    fn lose(&mut self, broken: Broken) {
        let failure = match self.state {
            State::FirstHandshake | State::Handshake | State::StartTls => Failure::Handshake(Handshake::Lost),
            state => Failure::Lost { ip: self.request.ip, stage: state.stage(), broken },
        };
        self.failure = Some(failure);
        self.over();
    }

    /// Ends the session because of `failure`, politely where the other side still listens.
    fn fail(&mut self, failure: Failure) {
        let is_listening = matches!(failure, Failure::Rejected { .. } | Failure::NoMechanism)
            && !matches!(self.state, State::Greeting | State::Ehlo | State::EhloAgain | State::Helo | State::StartTls);
        // Whoever offers too little stands by for MAIL.
        let is_listening = is_listening || failure.is_unfit_host();
        self.failure = Some(failure);
        if is_listening { self.quit() } else { self.over() }
    }

    fn quit(&mut self) {
        self.command("QUIT");
        self.actions.push_back(Action::Wait(QUIT));
        self.over();
    }

    fn over(&mut self) {
        self.state = State::Over;
        self.actions.push_back(Action::Close);
        // A transaction's failure is that of everyone who was not refused before; the reference spares nobody.
        if self.failure.is_some() && self.request.target.has(Quirk::GroupOverwritesRefused) {
            for (number, outcome) in self.outcomes.iter_mut().enumerate() {
                if let Some(Err(failure)) = outcome.take_if(|outcome| outcome.is_err()) {
                    self.overwritten.push((number, failure));
                }
            }
        }
    }

    fn command(&mut self, line: &str) {
        let mut bytes = mem::take(&mut Vec::from(line));
        bytes.extend_from_slice(b"\r\n");
        self.actions.push_back(Action::Send(bytes));
    }

    fn go(&mut self, state: State, wait: Millis) {
        self.state = state;
        self.actions.push_back(Action::Wait(wait));
    }
}

impl State {
    const fn awaits_reply(self) -> bool {
        match self {
            Self::Connecting | Self::FirstHandshake | Self::Handshake | Self::Content | Self::Over => false,
            Self::Greeting
            | Self::Ehlo
            | Self::EhloAgain
            | Self::Helo
            | Self::StartTls
            | Self::AuthPlain
            | Self::AuthLogin(_)
            | Self::Mail
            | Self::Rcpt(_)
            | Self::Data
            | Self::Final(_) => true,
        }
    }

    const fn stage(self) -> Stage {
        match self {
            Self::Connecting => Stage::Connect,
            Self::FirstHandshake | Self::Handshake => Stage::Tls,
            Self::Greeting => Stage::Greeting,
            Self::Ehlo | Self::Helo => Stage::Ehlo,
            Self::EhloAgain => Stage::EhloAgain,
            Self::StartTls => Stage::StartTls,
            Self::AuthPlain | Self::AuthLogin(_) => Stage::Auth,
            Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data | Self::Content => Stage::Data,
            Self::Final(_) | Self::Over => Stage::Final,
        }
    }
}

/// NOTIFY's value; `None` where the client did not say.
fn notify(notify: Notify) -> Option<String> {
    let (success, failure, delay) = match notify {
        Notify::Unsaid => return None,
        Notify::Never => return Some("NEVER".to_owned()),
        Notify::Of { success, failure, delay } => (success, failure, delay),
    };
    let wanted = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
    let words: Vec<&str> = wanted.into_iter().filter_map(|(is_wanted, word)| is_wanted.then_some(word)).collect();
    Some(if words.is_empty() { "NEVER".to_owned() } else { words.join(",") })
}
