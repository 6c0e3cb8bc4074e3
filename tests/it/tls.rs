//! Every outcome of TLS: 54 strategies, 14,784 states of the other side, with and without REQUIRETLS, each as a session
//! of the delivery core for `native` against a table that says the same a second time.

mod table;

use std::{collections::BTreeMap, fmt::Write as _};

use pointsman::{
    base::{Instant, Mailbox, Millis},
    delivery::{
        Effect, Input, Queue, Submission,
        chain::{Anchor, leads_to},
        effect::Peer,
        event::What,
        failure::Handshake,
        hosts::{DnsResult, Family, MxRecord, Security},
        message::{Envelope, MessageId, Notify, Status, Wish as Recipient},
        planted::Fault,
        sts::Fetched,
        tls::Verification,
        tlsa::TlsaRecord,
    },
    policy::{
        Plan, Strategies, Target,
        strategy::{Requirement, Tls},
    },
    simulate::certificate::{Form, WEB, public_key},
};
use sha2::{Digest as _, Sha256};

use self::table::{Cert, Mx, Outcome, Remote, StartTls, Strategy, Sts, Tlsa, Wish, outcome};
use crate::explore::policy;

const WISHES: [Wish; 3] = [Wish::Disable, Wish::Optional, Wish::Require];
/// When the sessions begin: 2 March 2026.
const START: Instant = Instant(1_772_409_600_000);
const HOST: &str = "mx1.corp.test";
const OTHER_HOST: &str = "mx2.corp.test";

/// Every strategy, stricter ones behind laxer ones.
fn strategies_of_tls() -> Vec<Strategy> {
    let mut all = Vec::new();
    for dane in WISHES {
        for sts in WISHES {
            for starttls in WISHES {
                for allows_invalid in [true, false] {
                    all.push(Strategy { dane, sts, starttls, allows_invalid });
                }
            }
        }
    }
    all
}

fn remotes() -> Vec<Remote> {
    let mut all = Vec::new();
    for mx in Mx::ALL.iter().copied() {
        for tlsa in Tlsa::ALL.iter().copied() {
            for sts in Sts::ALL.iter().copied() {
                for starttls in StartTls::ALL.iter().copied() {
                    for cert in Cert::ALL.iter().copied() {
                        all.push(Remote { mx, tlsa, sts, starttls, cert });
                    }
                }
            }
        }
    }
    all
}

/// The certificates of the invented hosts, and their TLSA records, made once.
struct Shown {
    peers: BTreeMap<Cert, Peer>,
    records: BTreeMap<Tlsa, TlsaRecord>,
}

impl Shown {
    fn new() -> Self {
        let (ca, wildcard) = ("ca.test", "*.corp.test");
        let (web, unknown) = (Form::authority(ca, WEB).der(), Form::authority(ca, ca).der());
        let root = Form::authority(WEB, WEB).der();
        let peer = |cert: &Cert| {
            let names: &[&str] = match cert {
                Cert::OtherName => &["other.invalid"],
                Cert::CommonNameOnly => &[],
                Cert::Wildcard => &[wildcard],
                _ => &[HOST],
            };
            let form = Form::host(HOST, names, HOST, ca);
            let certificates = match cert {
                Cert::Expired => vec![Form { until: "20260101000000Z", ..form }.der(), web.clone()],
                Cert::Future => vec![Form { from: "20270101000000Z", ..form }.der(), web.clone()],
                Cert::SelfSigned => vec![Form { issuer: HOST, signer: HOST, ..form }.der()],
                Cert::UnknownAnchor => vec![form.der(), unknown.clone()],
                Cert::Valid | Cert::OtherName | Cert::CommonNameOnly | Cert::Wildcard => vec![form.der(), web.clone()],
            };
            let is_trusted = leads_to(&certificates, Anchor::Certificate(&root), START);
            (*cert, Peer { certificates, is_trusted })
        };
        let record = |usage: u8, of: &[u8]| {
            let digest: [u8; 32] = Sha256::digest(of).into();
            TlsaRecord { usage, selector: 1, matching: 1, data: digest.into() }
        };
        let records = [
            (Tlsa::OwnMatches, record(3, &public_key(HOST))),
            (Tlsa::AnchorMatches, record(2, &public_key(ca))),
            (Tlsa::Mismatch, record(3, b"another key")),
            (Tlsa::Unusable, record(1, &public_key(HOST))),
            (Tlsa::Insecure, record(3, &public_key(HOST))),
        ];
        Self { peers: Cert::ALL.iter().map(peer).collect(), records: records.into() }
    }

    fn tlsa(&self, tlsa: Tlsa) -> DnsResult<TlsaRecord> {
        let found = |security| DnsResult::Found(self.records.get(&tlsa).cloned().into_iter().collect(), security);
        match tlsa {
            Tlsa::OwnMatches | Tlsa::AnchorMatches | Tlsa::Mismatch | Tlsa::Unusable => found(Security::Secure),
            Tlsa::NoData => DnsResult::NoData(Security::Secure),
            Tlsa::Insecure => found(Security::Insecure),
            Tlsa::Bogus => DnsResult::NoData(Security::Bogus),
            Tlsa::Timeout => DnsResult::Unreachable,
        }
    }
}

/// A message to `corp.test`.
pub(crate) fn submission(requires_tls: bool) -> Submission {
    let address = |address: &str| Mailbox::parse(address).unwrap();
    Submission {
        envelope: Envelope {
            sender: address("alice@home.example"),
            source: "authenticated",
            size: 1_000,
            priority: 0,
            received_from_ip: [192, 0, 2, 1].into(),
            received_via_port: 587,
            envid: None,
            ret: None,
            requires_tls,
            is_utf8: false,
            is_8bit: false,
            hold: Millis(0),
            by: None,
        },
        recipients: vec![Recipient {
            address: address("bob@corp.test"),
            notify: Notify::Unsaid,
            orcpt: None,
            headers: None,
        }],
    }
}

/// A message's meeting with two hosts, up to the end of the first.
struct Meeting<'m> {
    shown: &'m Shown,
    remote: Remote,
    /// The id of the MTA-STS policy that is announced.
    id: &'m str,
    is_secure: bool,
    verification: Verification,
    inputs: Vec<Input>,
    outcome: Option<Outcome>,
    /// Whether the message is delivered to the end, instead of up to MAIL.
    goes_on: bool,
}

impl<'m> Meeting<'m> {
    fn new(shown: &'m Shown, remote: Remote, id: &'m str) -> Self {
        let (inputs, verification) = (Vec::new(), Verification::None);
        Self { shown, remote, id, is_secure: false, verification, inputs, outcome: None, goes_on: false }
    }

    fn run(mut self, queue: &mut Queue<'_>, now: Instant, message: MessageId, requires_tls: bool) -> Option<Outcome> {
        let mut next = Some(Input::Submitted(message, Box::new(submission(requires_tls))));
        while let Some(input) = next.take() {
            queue.handle(now, input);
            while let Some(effect) = queue.poll() {
                self.perform(effect);
            }
            while let Some(event) = queue.event() {
                self.saw(&event.what);
            }
            if self.outcome.is_some() && !self.goes_on {
                break;
            }
            if !self.inputs.is_empty() {
                next = Some(self.inputs.remove(0));
            }
        }
        self.outcome
    }

    fn saw(&mut self, what: &What) {
        match what {
            What::Secured { verification, .. } => self.verification = *verification,
            What::HostFailed { host, .. } if **host == *OTHER_HOST => self.ends(Outcome::NextHost),
            What::Outcome { status: Status::Deferred(_), .. } => self.ends(Outcome::Later),
            What::Outcome { status: Status::Bounced(_), .. } => self.ends(Outcome::Never),
            _ => {}
        }
    }

    fn ends(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn perform(&mut self, effect: Effect) {
        let Remote { mx, tlsa, sts, starttls, cert } = self.remote;
        let input = match effect {
            Effect::Store(ticket, _) => Input::Stored(ticket),
            // No domain asks for reports.
            Effect::ResolveTexts(ticket, name) if &*name == "_smtp._tls.corp.test" => {
                Input::Texts(ticket, DnsResult::NoName(Security::Insecure))
            }
            Effect::CountTls(counted) => panic!("{counted} is counted for nobody"),
            Effect::ResolveTexts(ticket, name) => {
                assert_eq!(&*name, "_mta-sts.corp.test");
                let record: Box<str> = format!("v=STSv1; id={};", self.id).into();
                Input::Texts(
                    ticket,
                    match sts {
                        Sts::Absent => DnsResult::NoName(Security::Insecure),
                        Sts::TwoRecords => DnsResult::Found(vec![record.clone(), record], Security::Insecure),
                        _ => DnsResult::Found(vec![record], Security::Insecure),
                    },
                )
            }
            Effect::FetchPolicy(ticket, _) => {
                let policy = |mode: &str, mx: &str| {
                    let body = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n");
                    Fetched::Answer { status: 200, body: body.into_bytes().into() }
                };
                Input::Policy(
                    ticket,
                    match sts {
                        Sts::ModeNone => policy("none", "other.invalid"),
                        Sts::TestingFits => policy("testing", "*.corp.test"),
                        Sts::TestingOther => policy("testing", "other.invalid"),
                        Sts::EnforceFits => policy("enforce", "*.corp.test"),
                        Sts::EnforceOther => policy("enforce", "other.invalid"),
                        Sts::FetchFails | Sts::FetchFailsCached | Sts::FetchFailsCacheOver => Fetched::Failed,
                        Sts::Invalid | Sts::Absent | Sts::TwoRecords => policy("strict", "*.corp.test"),
                    },
                )
            }
            Effect::ResolveMx(ticket, _) => {
                let record = |preference, exchange: &str| MxRecord { preference, exchange: exchange.into() };
                let hosts = vec![record(10, HOST), record(20, OTHER_HOST)];
                Input::Mx(
                    ticket,
                    match mx {
                        Mx::Secure => DnsResult::Found(hosts, Security::Secure),
                        Mx::Insecure => DnsResult::Found(hosts, Security::Insecure),
                        Mx::Bogus => DnsResult::Found(hosts, Security::Bogus),
                    },
                    None,
                )
            }
            Effect::ResolveTlsa(_, name) if name.ends_with(OTHER_HOST) => return self.ends(Outcome::NextHost),
            Effect::ResolveAddresses(_, name, _) if *name == *OTHER_HOST => return self.ends(Outcome::NextHost),
            Effect::ResolveTlsa(ticket, _) => Input::Tlsa(ticket, self.shown.tlsa(tlsa)),
            Effect::ResolveAddresses(ticket, _, Family::V4) => {
                Input::Addresses(ticket, DnsResult::Found(vec![[198, 51, 100, 1].into()], Security::Secure), None)
            }
            Effect::ResolveAddresses(ticket, _, Family::V6) => {
                Input::Addresses(ticket, DnsResult::NoData(Security::Secure), None)
            }
            Effect::Connect { ticket, .. } => {
                self.inputs.push(Input::Connected(ticket, Ok(None)));
                Input::Received(ticket, b"220 mx1.corp.test ESMTP\r\n".to_vec())
            }
            Effect::Send(ticket, bytes) => match bytes.get(..4).unwrap_or_default() {
                b"EHLO" if self.is_secure => Input::Received(ticket, b"250-mx1\r\n250 REQUIRETLS\r\n".to_vec()),
                b"EHLO" if starttls == StartTls::Absent => Input::Received(ticket, b"250 mx1\r\n".to_vec()),
                b"EHLO" => Input::Received(ticket, b"250-mx1\r\n250 STARTTLS\r\n".to_vec()),
                b"STAR" => match starttls {
                    StartTls::Refused => Input::Received(ticket, b"454 4.7.0 not now\r\n".to_vec()),
                    StartTls::Drops => Input::Closed(ticket),
                    StartTls::Injected => Input::Received(ticket, b"220 go\r\n250 injected\r\n".to_vec()),
                    StartTls::Absent | StartTls::Works | StartTls::OldVersion | StartTls::Alert => {
                        Input::Received(ticket, b"220 go\r\n".to_vec())
                    }
                },
                b"MAIL" => {
                    self.ends(match (self.is_secure, self.verification) {
                        (false, _) => Outcome::Clear,
                        (true, Verification::None) => Outcome::Unverified,
                        (true, Verification::Pkix) => Outcome::VerifiedByName,
                        (true, Verification::Dane) => Outcome::VerifiedByDane,
                    });
                    Input::Received(ticket, b"250 ok\r\n".to_vec())
                }
                b"DATA" => Input::Received(ticket, b"354 go\r\n".to_vec()),
                _ => Input::Received(ticket, b"250 ok\r\n".to_vec()),
            },
            Effect::StartTls { ticket, .. } => Input::Secured(
                ticket,
                match (starttls, self.shown.peers.get(&cert)) {
                    (StartTls::OldVersion | StartTls::Alert, _) | (_, None) => Err(Handshake::Protocol),
                    (_, Some(peer)) => {
                        self.is_secure = true;
                        Ok(peer.clone())
                    }
                },
            ),
            Effect::SendContent { ticket, .. } => {
                self.inputs.push(Input::ContentSent(ticket, true));
                Input::Received(ticket, b"250 queued\r\n".to_vec())
            }
            Effect::Respond(..) | Effect::Close(_) => return,
            Effect::LookUp(..) | Effect::DeliverLocally { .. } => panic!("{effect:?}"),
        };
        self.inputs.push(input);
    }
}

/// A policy with nothing to choose.
const POLICY: &str = r#"
[queue.strategy]
route = "'mx'"
schedule = "'default'"
connection = "'default'"
tls = "'default'"
[queue.route.mx]
type = "mx"
[queue.schedule.default]
queue-name = "default"
[queue.virtual.default]
threads-per-node = 5
[queue.connection.default]
timeout.connect = "1m"
[queue.tls.default]
starttls = "optional"
"#;

/// What the core makes of a message.
fn session(
    (plan, strategies): (&Plan, &Strategies),
    shown: &Shown,
    (remote, requires_tls): (Remote, bool),
    fault: Option<Fault>,
) -> Outcome {
    let mut queue = Queue::new(plan, strategies, 1);
    if let Some(fault) = fault {
        queue.plant(fault);
    }
    let mut now = START;
    if matches!(remote.sts, Sts::FetchFailsCached | Sts::FetchFailsCacheOver) {
        // A message before, to whose host nothing is wrong, fetched a policy.
        let good = Remote {
            mx: Mx::Secure,
            tlsa: Tlsa::OwnMatches,
            sts: Sts::EnforceFits,
            starttls: StartTls::Works,
            cert: Cert::Valid,
        };
        let before = Meeting { goes_on: true, ..Meeting::new(shown, good, "1") };
        assert!(before.run(&mut queue, now, MessageId(0), false).is_some());
        now = START + Millis(if remote.sts == Sts::FetchFailsCached { 86_399_999 } else { 86_400_000 });
    }
    let outcome = Meeting::new(shown, remote, "2").run(&mut queue, now, MessageId(1), requires_tls);
    outcome.unwrap_or_else(|| panic!("nothing came of {remote:?}"))
}

fn tls(strategy: Strategy) -> Tls {
    let requirement = |wish| match wish {
        Wish::Disable => Requirement::Disable,
        Wish::Optional => Requirement::Optional,
        Wish::Require => Requirement::Require,
    };
    Tls {
        dane: requirement(strategy.dane),
        mta_sts: requirement(strategy.sts),
        starttls: requirement(strategy.starttls),
        allow_invalid_certs: strategy.allows_invalid,
        ..Tls::BUILT_IN
    }
}

/// Every row by the core: of each strategy, without and with REQUIRETLS, the outcomes by the order of [`remotes`].
fn by_the_core(all: &[Strategy], fault: Option<Fault>) -> Vec<[Vec<Outcome>; 2]> {
    let shown = Shown::new();
    let (remotes, (plan, strategies)) = (remotes(), policy(POLICY, Target::Native));
    let of_strategy = |strategy: &Strategy| {
        let strategies = Strategies { tls: vec![tls(*strategy)], ..strategies.clone() };
        [false, true].map(|requires_tls| {
            let row = |remote: &Remote| session((&plan, &strategies), &shown, (*remote, requires_tls), fault);
            remotes.iter().map(row).collect()
        })
    };
    let mut halves = all.chunks(all.len().div_ceil(2));
    let (first, second) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.iter().map(of_strategy).collect::<Vec<_>>());
        let mut all: Vec<_> = first.iter().map(of_strategy).collect();
        all.extend(other.join().unwrap());
        all
    })
}

/// The rows in which the core and the table differ.
fn differences(all: &[Strategy], rows: &[[Vec<Outcome>; 2]]) -> (usize, Vec<String>) {
    let (mut count, mut found) = (0, Vec::new());
    for (strategy, by_requirement) in all.iter().zip(rows) {
        for (outcomes, requires_tls) in by_requirement.iter().zip([false, true]) {
            for (remote, by_core) in remotes().into_iter().zip(outcomes) {
                let by_table = outcome(*strategy, remote, requires_tls);
                count += 1;
                if by_table != *by_core {
                    found.push(format!("{strategy:?} {remote:?} {requires_tls}: {by_core:?}, not {by_table:?}"));
                }
            }
        }
    }
    (count, found)
}

/// How much is given away by an outcome: mail that stays here is as safe as mail whose reader is known.
const fn exposure(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::VerifiedByDane | Outcome::VerifiedByName => 0,
        Outcome::NextHost | Outcome::Later | Outcome::Never => 0,
        Outcome::Unverified => 1,
        Outcome::Clear => 2,
    }
}

/// Whether `strict` is `lax` but for one thing, in which it is stricter by one step.
fn is_step(lax: Strategy, strict: Strategy) -> bool {
    let steps = [(lax.dane, strict.dane), (lax.sts, strict.sts), (lax.starttls, strict.starttls)];
    let up = |(from, to): &&(Wish, Wish)| {
        matches!((from, to), (Wish::Disable, Wish::Optional) | (Wish::Optional, Wish::Require))
    };
    let same =
        steps.iter().filter(|(from, to)| from == to).count() + usize::from(lax.allows_invalid == strict.allows_invalid);
    let ups = steps.iter().filter(up).count() + usize::from(lax.allows_invalid && !strict.allows_invalid);
    same == 3 && ups == 1
}

#[test]
fn every_outcome_is_that_of_the_table_and_stricter_never_exposes_more() {
    let all = strategies_of_tls();
    let rows = by_the_core(&all, None);
    let (count, found) = differences(&all, &rows);
    assert_eq!(count, 1_596_672);
    assert!(
        found.is_empty(),
        "{} differences, such as\n{}",
        found.len(),
        found.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    let mut steps = 0;
    for (lax, of_lax) in all.iter().zip(&rows) {
        for (strict, of_strict) in all.iter().zip(&rows).filter(|(strict, _)| is_step(*lax, **strict)) {
            steps += 1;
            for requires_tls in [0, 1] {
                let each = of_lax[requires_tls].iter().zip(&of_strict[requires_tls]);
                for ((before, after), remote) in each.zip(remotes()) {
                    // Where no TLSA record is usable, whoever looks for them asks for TLS and no longer for a certificate
                    // (RFC 7672 §2.2).
                    let gives_in = lax.dane != strict.dane && remote.mx == Mx::Secure && remote.tlsa == Tlsa::Unusable;
                    if gives_in && *after == Outcome::Unverified {
                        continue;
                    }
                    assert!(exposure(*after) <= exposure(*before), "{lax:?} {strict:?}: {before:?}, then {after:?}");
                }
            }
            for (free, bound) in of_strict[0].iter().zip(&of_strict[1]) {
                assert!(exposure(*bound) <= exposure(*free), "{strict:?}: REQUIRETLS exposes more");
            }
        }
    }
    assert_eq!(steps, 3 * 36 + 27);
    insta::assert_snapshot!("tls-outcomes", summary(&all, &rows));
}

#[test]
fn a_planted_downgrade_is_found() {
    let strict = Strategy { dane: Wish::Optional, sts: Wish::Optional, starttls: Wish::Require, allows_invalid: false };
    let rows = by_the_core(&[strict], Some(Fault::Downgrade));
    let (_, found) = differences(&[strict], &rows);
    assert!(found.iter().any(|row| row.contains("Clear, not NextHost")), "{} differences", found.len());
}

/// Outcomes for people: how often each comes of every strategy, and three strategies in full.
fn summary(all: &[Strategy], rows: &[[Vec<Outcome>; 2]]) -> String {
    let mut out = String::from("how many of 14,784 states come to what, by strategy; + with REQUIRETLS\n\n");
    let outcomes = [
        Outcome::VerifiedByDane,
        Outcome::VerifiedByName,
        Outcome::Unverified,
        Outcome::Clear,
        Outcome::NextHost,
        Outcome::Later,
        Outcome::Never,
    ];
    writeln!(
        out,
        "  dane     mta-sts  starttls certs   {}",
        outcomes.map(|outcome| format!("{:>16}", format!("{outcome:?}"))).concat()
    )
    .unwrap();
    for (strategy, by_requirement) in all.iter().zip(rows) {
        for (of, sign) in by_requirement.iter().zip([' ', '+']) {
            let counts =
                outcomes.map(|wanted| format!("{:>16}", of.iter().filter(|outcome| **outcome == wanted).count()));
            let wish = |wish: Wish| format!("{wish:?}").to_lowercase();
            let Strategy { dane, sts, starttls, allows_invalid } = *strategy;
            let certs = if allows_invalid { "any" } else { "valid" };
            writeln!(
                out,
                "{sign} {:<8} {:<8} {:<8} {certs:<7} {}",
                wish(dane),
                wish(sts),
                wish(starttls),
                counts.concat()
            )
            .unwrap();
        }
    }
    let strategy = |wish, allows_invalid| Strategy { dane: wish, sts: wish, starttls: wish, allows_invalid };
    for (title, wanted) in [
        ("everything optional, certificates verified", strategy(Wish::Optional, false)),
        ("everything demanded, certificates verified", strategy(Wish::Require, false)),
        ("everything disabled, any certificate", strategy(Wish::Disable, true)),
    ] {
        let of = all.iter().zip(rows).find(|(strategy, _)| **strategy == wanted).map(|(_, rows)| &rows[0]).unwrap();
        writeln!(out, "\n{title}:").unwrap();
        let states: Vec<([String; 5], Outcome)> = remotes()
            .into_iter()
            .map(|Remote { mx, tlsa, sts, starttls, cert }| {
                [
                    format!("mx {mx:?}"),
                    format!("tlsa {tlsa:?}"),
                    format!("mta-sts {sts:?}"),
                    format!("starttls {starttls:?}"),
                    format!("certificate {cert:?}"),
                ]
            })
            .zip(of.iter().copied())
            .collect();
        tree(&states.iter().collect::<Vec<_>>(), 0, 1, &mut out);
    }
    out
}

/// The states as a tree, with values that come to the same in one branch.
fn tree(states: &[&([String; 5], Outcome)], level: usize, indent: usize, out: &mut String) {
    let first = states.first().map(|(_, outcome)| *outcome).unwrap();
    if states.iter().all(|(_, outcome)| *outcome == first) {
        out.pop();
        writeln!(out, " → {first:?}").unwrap();
        return;
    }
    let mut by_value: Vec<(&str, Vec<&([String; 5], Outcome)>)> = Vec::new();
    for state in states {
        let value = &*state.0[level];
        match by_value.iter_mut().find(|(known, _)| *known == value) {
            Some((_, all)) => all.push(state),
            None => by_value.push((value, vec![state])),
        }
    }
    let mut merged: Vec<(Vec<&str>, Vec<&([String; 5], Outcome)>)> = Vec::new();
    for (value, all) in by_value {
        let outcomes = |all: &[&([String; 5], Outcome)]| all.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>();
        match merged.iter_mut().find(|(_, known)| outcomes(known) == outcomes(&all)) {
            Some((values, _)) => values.push(value),
            None => merged.push((vec![value], all)),
        }
    }
    if let [(_, all)] = &*merged {
        return tree(all, level + 1, indent, out);
    }
    for (values, all) in &merged {
        let (what, _) = values[0].split_once(' ').unwrap();
        let names: Vec<&str> = values.iter().filter_map(|value| value.split_once(' ').map(|(_, name)| name)).collect();
        writeln!(out, "{}{what} {}", "  ".repeat(indent), names.join(", ")).unwrap();
        tree(all, level + 1, indent + 1, out);
    }
}
