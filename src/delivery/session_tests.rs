//! Every stage of a session, and everything a host can do there: the outcomes in one table.

use std::fmt::Write as _;

use base::Mailbox;
use policy::{
    Behaviour,
    strategy::{Credentials, Protocol, Timeouts},
};

use crate::{
    failure::{Broken, Failure, Handshake, Stage},
    message::Notify,
    session::{Action, Happened, Outcomes, Request, Session, To},
    tls::{Demand, Encryption, Verification},
};

/// What a host does at a stage.
#[derive(Clone, Copy)]
enum Does {
    Says(&'static str),
    SaysTooMuch,
    Closes,
    KeepsSilent,
}

const EVERYTHING: [(&str, Does); 9] = [
    ("2xx", Does::Says("250 ok")),
    ("299", Does::Says("299 odd")),
    ("3xx", Does::Says("354 go on")),
    ("4xx", Does::Says("451 4.7.1 later")),
    ("5xx", Does::Says("550 5.7.1 never")),
    ("garbage", Does::Says("hello")),
    ("oversize", Does::SaysTooMuch),
    ("close", Does::Closes),
    ("silence", Does::KeepsSilent),
];

fn request(target: Behaviour, protocol: Protocol, encryption: Encryption) -> Request {
    let to = |address: &str| To { address: Mailbox::parse(address).unwrap(), notify: Notify::Unsaid, orcpt: None };
    Request {
        target,
        protocol,
        ip: [198, 51, 100, 1].into(),
        is_implicit_tls: false,
        ehlo_name: "out.home.example".into(),
        demand: Demand { encryption, verification: Verification::None },
        credentials: Some(Credentials { username: "u".into(), secret: base::Secret::new("p") }),
        timeouts: Timeouts::BUILT_IN,
        timeout_tls: base::Millis::from_secs(180),
        sender: Mailbox::parse("alice@home.example").unwrap(),
        size: 100,
        envid: None,
        ret: None,
        requires_tls: false,
        is_utf8: false,
        is_8bit: false,
        recipients: vec![to("a@corp.test"), to("b@corp.test")],
    }
}

/// The stage that a command belongs to.
fn stage_of(command: &str) -> Option<Stage> {
    let verb = command.split([' ', '\r']).next().unwrap_or_default();
    Some(match verb {
        "EHLO" | "LHLO" | "HELO" => Stage::Ehlo,
        "STARTTLS" => Stage::StartTls,
        "AUTH" => Stage::Auth,
        "MAIL" => Stage::Mail,
        "RCPT" => Stage::Rcpt,
        "DATA" => Stage::Data,
        _ => return None,
    })
}

/// A session with a host that does `does` at the first moment of `stage`, and else says yes.
fn session(request: Request, stage: Stage, does: Does) -> (Vec<String>, Outcomes) {
    let is_lmtp = request.protocol == Protocol::Lmtp;
    let mut session = Session::new(request);
    let mut said: Vec<String> = Vec::new();
    let mut has_done = false;
    // What the host is asked, and what it answers.
    let mut answers: Vec<(Stage, String)> = Vec::new();
    let mut act = |session: &mut Session, at: Stage, yes: &str| {
        let does = if at == stage && !has_done {
            has_done = true;
            does
        } else {
            return session.handle(Happened::Bytes(format!("{yes}\r\n").as_bytes()));
        };
        match does {
            Does::Says(line) => session.handle(Happened::Bytes(format!("{line}\r\n").as_bytes())),
            Does::SaysTooMuch => session.handle(Happened::Bytes("250-x\r\n".repeat(200).as_bytes())),
            Does::Closes => session.handle(Happened::Closed),
            Does::KeepsSilent => session.handle(Happened::TimedOut),
        }
    };
    let connected = match (stage, does) {
        (Stage::Connect, Does::Closes) => Happened::Connected(Err(Broken::Refused)),
        (Stage::Connect, Does::KeepsSilent) => Happened::TimedOut,
        _ => Happened::Connected(Ok(())),
    };
    session.handle(connected);
    answers.push((Stage::Greeting, "220 mx.corp.test".to_owned()));
    let lost = Failure::Handshake(Handshake::Lost);
    for _ in 0..200 {
        if session.is_over() {
            break;
        }
        if let Some((at, yes)) = answers.pop() {
            act(&mut session, at, &yes);
        }
        while let Some(action) = session.poll() {
            match action {
                Action::Send(bytes) => {
                    let command = String::from_utf8(bytes).unwrap();
                    let yes = match stage_of(&command) {
                        Some(Stage::Ehlo | Stage::EhloAgain) => "250-mx.corp.test\r\n250-AUTH PLAIN\r\n250 STARTTLS",
                        Some(Stage::StartTls) => "220 go",
                        Some(Stage::Auth) => "235 welcome",
                        Some(Stage::Data) => "354 go on",
                        _ => "250 2.0.0 yes",
                    };
                    let is_again = said.iter().any(|verb| verb == "STARTTLS");
                    let at = stage_of(&command);
                    if let Some(at) = at.map(|at| if at == Stage::Ehlo && is_again { Stage::EhloAgain } else { at }) {
                        answers.push((at, yes.to_owned()));
                    }
                    said.push(command.trim_end().split(' ').next().unwrap().to_owned());
                }
                Action::SendContent { .. } => {
                    said.push("(content)".to_owned());
                    session.handle(Happened::ContentSent(true));
                    let count = if is_lmtp { 2 } else { 1 };
                    answers.extend((0..count).map(|_| (Stage::Final, "250 2.0.0 yes".to_owned())));
                }
                Action::StartTls => {
                    let failed = stage == Stage::Tls && matches!(does, Does::Closes | Does::KeepsSilent);
                    session.handle(Happened::Secured(if failed { Err(&lost) } else { Ok(()) }));
                }
                Action::Wait(_) | Action::Close => {}
            }
        }
    }
    assert!(session.is_over(), "{said:?}");
    (said, session.outcomes())
}

fn shown(outcomes: &Outcomes, target: Behaviour) -> String {
    let of = |failure: &Failure| {
        let verdict = failure.verdict(target);
        format!("{:?}, then {:?}: {} ({})", verdict.holds, verdict.next, failure, failure.last_error().word())
    };
    let mut lines: Vec<String> = Vec::new();
    for (name, outcome) in ["a", "b"].iter().zip(&outcomes.recipients) {
        lines.push(match outcome {
            Some(Ok(reply)) => format!("{name} delivered: {reply}"),
            Some(Err(failure)) => format!("{name} {}", of(failure)),
            None => format!("{name} open"),
        });
    }
    lines.extend(outcomes.failure.as_ref().map(|failure| format!("session {}", of(failure))));
    lines.join(" | ")
}

#[test]
fn whatever_a_host_does_at_whichever_stage() {
    let mut table = String::new();
    for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
        for (word, protocol) in [("SMTP", Protocol::Smtp), ("LMTP", Protocol::Lmtp)] {
            for stage in Stage::ALL {
                let again = if stage == Stage::EhloAgain { " again" } else { "" };
                writeln!(table, "\n{target} {word} {stage}{again}").unwrap();
                for (name, does) in EVERYTHING {
                    let says = !matches!(does, Does::Closes | Does::KeepsSilent);
                    if matches!(stage, Stage::Connect | Stage::Tls) && says {
                        continue;
                    }
                    let (said, outcomes) = session(request(target, protocol, Encryption::WhereOffered), stage, does);
                    writeln!(table, "  {name:<9}{}", shown(&outcomes, target)).unwrap();
                    writeln!(table, "{:11}{}", "", said.join(" ")).unwrap();
                    let all_or_none = outcomes.failure.is_some() || outcomes.recipients.iter().all(Option::is_some);
                    assert!(all_or_none, "{target} {word} {stage} {name}: somebody has no outcome");
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn nothing_of_the_envelope_is_said_before_the_demand_is_met() {
    let mut sent = 0;
    for stage in Stage::ALL {
        for (name, does) in EVERYTHING {
            let (said, outcomes) = session(request(Behaviour::NATIVE, Protocol::Smtp, Encryption::Always), stage, does);
            let first_mail = said.iter().position(|command| command == "MAIL" || command == "AUTH");
            let tls = said.iter().position(|command| command == "STARTTLS");
            assert!(first_mail.is_none() || tls < first_mail && tls.is_some(), "{stage} {name}: {said:?} {outcomes:?}");
            if matches!(stage, Stage::StartTls) && !matches!(name, "2xx" | "299") {
                assert!(first_mail.is_none(), "{name}: {said:?}");
            }
            sent += usize::from(first_mail.is_some());
        }
    }
    // Where nothing goes wrong before, something is said.
    assert!(sent >= 40, "{sent}");
}

/// What a session says until it is over, to a host that answers each command by the text that belongs to it.
fn said_to(request: Request, answer: impl Fn(&str) -> &'static str) -> (Vec<String>, Outcomes) {
    let mut session = Session::new(request);
    session.handle(Happened::Connected(Ok(())));
    session.handle(Happened::Bytes(b"220 mx.corp.test\r\n"));
    let mut said: Vec<String> = Vec::new();
    for _ in 0..100 {
        match session.poll() {
            Some(Action::Send(bytes)) => {
                let command = String::from_utf8(bytes).unwrap();
                let verb = command.split([' ', '\r']).next().unwrap().to_owned();
                session.handle(Happened::Bytes(answer(&verb).as_bytes()));
                said.push(verb);
            }
            Some(Action::StartTls) => session.handle(Happened::Secured(Ok(()))),
            Some(Action::SendContent { .. }) => {
                session.handle(Happened::ContentSent(true));
                session.handle(Happened::Bytes(b"250 2.0.0 yes\r\n"));
            }
            Some(Action::Wait(_) | Action::Close) => {}
            None => break,
        }
    }
    (said, session.outcomes())
}

#[test]
fn what_is_slipped_in_before_tls_is_an_attack() {
    let answer = |verb: &str| match verb {
        "EHLO" => "250-mx.corp.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
        "STARTTLS" => "220 go\r\n250 slipped in\r\n",
        _ => "250 ok\r\n",
    };
    let (said, outcomes) = said_to(request(Behaviour::NATIVE, Protocol::Smtp, Encryption::WhereOffered), answer);
    assert_eq!(outcomes.failure, Some(Failure::Handshake(Handshake::Injected)));
    assert_eq!(said, ["EHLO", "STARTTLS"]);
    // The reference forgets it, and greets anew.
    let (said, _) = said_to(request(Behaviour::STALWART_016, Protocol::Smtp, Encryption::WhereOffered), answer);
    assert_eq!(said.get(..4), Some(&["EHLO", "STARTTLS", "EHLO", "AUTH"].map(str::to_owned)[..]));
}

#[test]
fn credentials_go_in_clear_text_only_where_that_is_asked_for() {
    let answer = |verb: &str| if verb == "EHLO" { "250-mx.corp.test\r\n250 AUTH PLAIN\r\n" } else { "250 ok\r\n" };
    let cases = [
        (Behaviour::NATIVE, Encryption::WhereOffered, false),
        (Behaviour::NATIVE, Encryption::Always, false),
        (Behaviour::NATIVE, Encryption::Never, true),
        (Behaviour::STALWART_016, Encryption::WhereOffered, true),
    ];
    for (target, encryption, expected) in cases {
        let (said, outcomes) = said_to(request(target, Protocol::Smtp, encryption), answer);
        assert_eq!(said.contains(&"AUTH".to_owned()), expected, "{target} {encryption:?} {outcomes:?}");
    }
}

#[test]
fn mail_and_rcpt_go_together_where_that_is_offered() {
    let ehlo = "250-mx.corp.test\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n";
    let run = |target: Behaviour, together: &'static str| {
        let answer = move |verb: &str| match verb {
            "EHLO" => ehlo,
            "AUTH" => "235 ok\r\n",
            "MAIL" if target == Behaviour::NATIVE => together,
            "DATA" => "354 go on\r\n",
            _ => "250 2.0.0 yes\r\n",
        };
        said_to(request(target, Protocol::Smtp, Encryption::Never), answer)
    };
    let shown = |(said, outcomes): (Vec<String>, Outcomes)| (said.join(" "), shown(&outcomes, Behaviour::NATIVE));
    // One reply for each command, in order.
    assert_eq!(
        shown(run(Behaviour::NATIVE, "250 sender\r\n250 2.0.0 first\r\n451 4.2.0 second\r\n")),
        (
            "EHLO AUTH MAIL DATA QUIT".to_owned(),
            "a delivered: 250 2.0.0 yes | b ForNow, then Host: 451 4.2.0 second (unexpected-reply)".to_owned()
        )
    );
    // Nobody is accepted: no DATA was sent, so nothing has to be taken back.
    let (said, _) = run(Behaviour::NATIVE, "250 sender\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n");
    assert_eq!(said.join(" "), "EHLO AUTH MAIL QUIT");
    let (said, outcomes) = run(Behaviour::NATIVE, "550 5.7.1 no\r\n503 5.5.1 MAIL\r\n503 5.5.1 MAIL\r\n");
    assert_eq!(said.join(" "), "EHLO AUTH MAIL QUIT");
    assert!(matches!(&outcomes.failure, Some(Failure::Rejected { stage: Stage::Mail, .. })), "{outcomes:?}");
    assert_eq!(outcomes.recipients, [None, None]);
    // The reference says one after the other, and EHLO twice.
    let (said, _) = run(Behaviour::STALWART_016, "");
    assert_eq!(said.join(" "), "EHLO EHLO AUTH MAIL RCPT RCPT DATA QUIT");
}

#[test]
fn what_a_host_offers_is_compared_before_mail() {
    let too_large = |most| Some(Failure::TooLarge { most });
    // What the host offers; the size, and whether octets above 127 and UTF-8 are needed; why `native` leaves.
    #[rustfmt::skip]
    let cases = [
        ("SIZE 100",           (100, false, false), None),
        ("SIZE 99",            (100, false, false), too_large(99)),
        ("size 99",            (100, false, false), too_large(99)),
        ("SIZE 0",             (100, false, false), None),
        ("SIZE",               (100, false, false), None),
        ("SIZE many",          (100, false, false), None),
        ("SIZE 18446744073709551616", (100, false, false), None),
        ("XSIZE 1",            (100, false, false), None),
        ("SIZE 0",             (u64::MAX, false, false), None),
        ("SIZE 1",             (0, false, false),   None),
        ("8BITMIME",           (100, true, false),  None),
        ("SMTPUTF8",           (100, true, false),  Some(Failure::EightBitNotOffered)),
        ("BINARYMIME",         (100, true, false),  Some(Failure::EightBitNotOffered)),
        ("SMTPUTF8",           (100, false, true),  None),
        ("8BITMIME",           (100, false, true),  Some(Failure::Utf8NotOffered)),
        ("8BITMIME\r\n250-SMTPUTF8", (100, true, true), None),
        ("SIZE 1\r\n250-DSN",  (100, true, true),   too_large(1)),
    ];
    for (offers, (size, is_8bit, is_utf8), expected) in cases {
        let ehlo: &'static str =
            Box::leak(format!("250-mx.corp.test\r\n250-{offers}\r\n250 ENHANCEDSTATUSCODES\r\n").into());
        let answer = move |verb: &str| match verb {
            "EHLO" => ehlo,
            "DATA" => "354 go on\r\n",
            _ => "250 2.0.0 yes\r\n",
        };
        for target in [Behaviour::NATIVE, Behaviour::STALWART_016, Behaviour::STALWART_015] {
            let request = Request {
                size,
                is_8bit,
                is_utf8,
                credentials: None,
                ..request(target, Protocol::Smtp, Encryption::WhereOffered)
            };
            let (said, outcomes) = said_to(request, answer);
            let is_native = target == Behaviour::NATIVE;
            let expected = expected.clone().filter(|_| is_native);
            assert_eq!(outcomes.failure, expected, "{target} {offers} {size} {is_8bit} {is_utf8}");
            assert_eq!(said.contains(&"MAIL".to_owned()), expected.is_none(), "{target} {offers}: {said:?}");
            assert_eq!(said.last().map(String::as_str), Some("QUIT"), "{target} {offers}: {said:?}");
        }
    }
}

/// What is said of the content is what `native` was told of it, where the host offers that; the reference does not say BODY.
#[test]
fn mail_says_of_the_content_what_the_host_can_read() {
    let ehlo = "250-mx.corp.test\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
    let mail = |target: Behaviour| {
        let request = request(target, Protocol::Smtp, Encryption::WhereOffered);
        let mut session = Session::new(Request { is_8bit: true, is_utf8: true, credentials: None, ..request });
        session.handle(Happened::Connected(Ok(())));
        session.handle(Happened::Bytes(b"220 mx.corp.test\r\n"));
        session.handle(Happened::Bytes(ehlo.as_bytes()));
        let sent = std::iter::from_fn(|| session.poll()).filter_map(|action| match action {
            Action::Send(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        });
        sent.filter(|line| line.starts_with("MAIL")).collect::<String>()
    };
    assert_eq!(mail(Behaviour::NATIVE), "MAIL FROM:<alice@home.example> SIZE=100 SMTPUTF8 BODY=8BITMIME\r\n");
    for target in [Behaviour::STALWART_015, Behaviour::STALWART_016] {
        assert_eq!(mail(target), "MAIL FROM:<alice@home.example> SIZE=100 SMTPUTF8\r\n");
    }
}
