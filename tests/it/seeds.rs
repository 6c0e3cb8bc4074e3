//! The documents that the project was made from, read in place: each example block loads in its dialect and gives the
//! decisions that its text promises.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use pointsman::{
    base::{self, Mailbox, Severity},
    config::{
        self, Dialect, NoResources, Settings,
        explain::{Outcome, explain},
        settings::{IpLookup, Protocol, Requirement, Route, Sensitive, Setting},
    },
    document::Source,
    policy::Kind,
    scenario::{Environment, Message},
};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seeds");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no ../shared/seeds beside the project");
    None
}

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn seed(number: &str) -> Option<String> {
    let mut entries: Vec<_> = std::fs::read_dir(folder()?).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let path = entries.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(number))?;
    Some(std::fs::read_to_string(path).unwrap())
}

/// The fenced examples of a document, in order.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().starts_with("```")) {
            (None, true) => open = Some(String::new()),
            (Some(_), true) => blocks.extend(open.take()),
            (Some(block), false) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Loads a block, which must be in `dialect` and have no error.
fn load(name: &str, text: &str, dialect: Dialect) -> Settings {
    let source = Source::new(name, text);
    let loaded = config::load(&source, None, &NoResources);
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.dialect, dialect, "{text}");
    settings
}

/// The name that the rules of `kind` give for a recipient, with `home.example` local.
fn decided(settings: &Settings, kind: Kind, rcpt: &str, variables: &[(&str, &str)]) -> String {
    let mut message = Message { recipients: vec![Mailbox::parse(rcpt).unwrap()], ..Message::default() };
    for (name, value) in variables {
        message.set(name, value).unwrap();
    }
    let mut world = Environment { local_domains: Some(["home.example".to_owned()].into()), ..Environment::default() };
    let target = settings.dialect.target();
    let explanation = explain(settings, &message.facts(0), &mut world, target);
    let decision = explanation.decisions.iter().find(|decision| decision.kind == kind).unwrap();
    match &decision.outcome {
        Outcome::Strategy { name, .. } => name.clone(),
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn the_strategies_example_decides_as_its_text_says() {
    let Some(text) = seed("000") else { return };
    let blocks = blocks(&text);
    assert_eq!(blocks.len(), 1);
    let settings = load("a.toml", &blocks[0], Dialect::Strategies2025);
    let remote = "bob@corp.test";
    let cases: [(Kind, &str, &[(&str, &str)], &str); 11] = [
        (Kind::Route, "ann@home.example", &[], "local"),
        (Kind::Route, remote, &[], "mx"),
        (Kind::Schedule, "ann@home.example", &[("source", "dsn")], "local"),
        (Kind::Schedule, remote, &[("source", "dsn")], "dsn"),
        (Kind::Schedule, remote, &[("source", "report")], "report"),
        (Kind::Schedule, remote, &[("source", "authenticated")], "remote"),
        (Kind::Connection, remote, &[], "default"),
        (Kind::Connection, remote, &[("retry_num", "1"), ("last_error", "connection")], "long-timeout"),
        (Kind::Connection, remote, &[("last_error", "connection")], "default"),
        (Kind::Tls, remote, &[("retry_num", "1"), ("last_error", "tls")], "invalid-tls"),
        (Kind::Tls, remote, &[("retry_num", "1"), ("last_error", "connection")], "default"),
    ];
    for (kind, rcpt, variables, expected) in cases {
        assert_eq!(decided(&settings, kind, rcpt, variables), expected, "{kind} {rcpt} {variables:?}");
    }
}

#[test]
fn the_routing_examples_define_what_their_text_says() {
    let Some(text) = seed("002") else { return };
    let blocks = blocks(&text);
    assert_eq!(blocks.len(), 9);
    // The block that only names the type of a relay lacks the address that a relay must have.
    let complete = (0..blocks.len()).filter(|index| *index != 5);
    let load = |index: usize| load("a.toml", &blocks[index], Dialect::Strategies2025);
    for index in complete {
        drop(load(index));
    }
    let route = |index: usize, name: &str| load(index).routes.get(name).unwrap().value.clone();
    let mx = |index: usize| match route(index, "mx") {
        Route::Mx(mx) => mx,
        other => panic!("{other:?}"),
    };
    assert!(matches!(route(0, "local"), Route::Local));
    // What the example leaves out is shipped.
    assert_eq!(mx(1).limit_mx.given(), Some(&5));
    assert_eq!(mx(2).limit_mx.given(), Some(&3));
    assert_eq!(mx(3).limit_multihomed.given(), Some(&2));
    assert_eq!(mx(4).ip_lookup.given(), Some(&IpLookup::Ipv4ThenIpv6));

    let Route::Relay(relay) = route(6, "relay") else { panic!("a relay") };
    assert_eq!(relay.address.given().map(Sensitive::text), Some("relay.example.org"));
    assert_eq!((relay.port.given(), relay.protocol.given()), (Some(&25), Some(&Protocol::Smtp)));
    assert_eq!((relay.implicit_tls.given(), relay.allow_invalid_certs.given()), (Some(&false), Some(&false)));
    assert_eq!(decided(&load(6), Kind::Route, "ann@home.example", &[]), "relay");
    assert_eq!(decided(&load(6), Kind::Route, "bob@corp.test", &[]), "mx");

    // Mail that failed at the second attempt takes the fallback from the third on.
    for (retry, expected) in [("0", "mx"), ("1", "mx"), ("2", "fallback"), ("9", "fallback")] {
        assert_eq!(decided(&load(7), Kind::Route, "bob@corp.test", &[("retry_num", retry)]), expected, "{retry}");
    }
    assert_eq!(decided(&load(7), Kind::Route, "ann@home.example", &[("retry_num", "5")]), "local");

    let Route::Relay(lmtp) = route(8, "lmtp") else { panic!("a relay") };
    assert_eq!((lmtp.protocol.given(), lmtp.port.given()), (Some(&Protocol::Lmtp), Some(&24)));
    assert_eq!(lmtp.secret.given().map(base::Secret::reveal), Some("123456"));
    assert_eq!(decided(&load(8), Kind::Route, "ann@home.example", &[]), "lmtp");
    assert_eq!(decided(&load(8), Kind::Route, "bob@corp.test", &[]), "mx");
}

#[test]
fn the_block_that_only_names_a_relay_is_told_what_it_lacks() {
    let Some(text) = seed("002") else { return };
    let source = Source::new("a.toml", blocks(&text)[5].as_str());
    let loaded = config::load(&source, None, &NoResources);
    let rules: Vec<_> = loaded.findings.iter().map(|finding| finding.code.rule).collect();
    assert!(rules.contains(&"missing-required"), "{rules:?}");
}

#[test]
fn the_default_expressions_of_the_objects_decide_as_their_text_says() {
    let Some(text) = seed("003") else { return };
    let defaults: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("Type: Expression · default: ")).collect();
    // In the order of the page: connection, route, schedule, TLS.
    let [connection, route, schedule, tls] = defaults[..] else { panic!("{defaults:?}") };
    let object = format!("{{\"connection\":{connection},\"route\":{route},\"schedule\":{schedule},\"tls\":{tls}}}");
    let settings = load("a.json", &object, Dialect::Objects2026);
    let remote = "bob@corp.test";
    let cases: [(Kind, &str, &[(&str, &str)], &str); 7] = [
        (Kind::Route, "ann@home.example", &[], "local"),
        (Kind::Route, remote, &[], "mx"),
        (Kind::Schedule, remote, &[("source", "dsn")], "dsn"),
        (Kind::Schedule, remote, &[("source", "report")], "report"),
        (Kind::Schedule, remote, &[], "remote"),
        (Kind::Connection, remote, &[], "default"),
        (Kind::Tls, remote, &[("retry_num", "2"), ("last_error", "tls")], "invalid-tls"),
    ];
    for (kind, rcpt, variables, expected) in cases {
        assert_eq!(decided(&settings, kind, rcpt, variables), expected, "{kind} {rcpt} {variables:?}");
    }
    // The two request bodies of the page: the braces after `-d '`.
    let bodies: Vec<_> = text.split("-d '").skip(1).filter_map(|rest| rest.split("}'").next()).collect();
    assert_eq!(bodies.len(), 2);
    for body in bodies {
        let settings = load("a.json", &format!("{body}}}"), Dialect::Objects2026);
        assert_eq!(decided(&settings, Kind::Connection, remote, &[]), "default");
    }
}

#[test]
fn the_transport_examples_of_2022_set_what_their_text_says() {
    let Some(text) = seed("004") else { return };
    let blocks = blocks(&text);
    assert_eq!(blocks.len(), 6);
    let load = |index: usize| {
        let source = Source::new("a.toml", blocks[index].as_str());
        let loaded = config::load(&source, Some(Dialect::Legacy2022), &NoResources);
        let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        loaded.settings.unwrap()
    };
    let routing = load(0);
    for (rcpt, expected) in [("a@foobar.net", "lmtp"), ("a@foobar.org", "lmtp"), ("a@corp.test", "mx")] {
        assert_eq!(decided(&routing, Kind::Route, rcpt, &[]), expected);
    }
    let Route::Mx(mx) = load(1).routes.get("mx").unwrap().value.clone() else { panic!("an MX route") };
    assert_eq!(mx.ip_lookup.given(), Some(&IpLookup::Ipv4ThenIpv6));
    let connection = |index: usize| load(index).connections.get("default").unwrap().value.clone();
    let ips: Vec<_> = connection(2).source_ips.given().unwrap().iter().map(|source| source.ip.to_string()).collect();
    assert_eq!(ips, ["10.0.0.10", "10.0.0.11", "a::b", "a::c"]);
    assert_eq!(connection(3).ehlo_hostname.given().map(Sensitive::text), Some("mx.mydomain.net"));
    let Route::Mx(mx) = load(4).routes.get("mx").unwrap().value.clone() else { panic!("an MX route") };
    assert_eq!((mx.limit_mx.given(), mx.limit_multihomed.given()), (Some(&7), Some(&2)));
    let timeouts = connection(5);
    let shown = |setting: &Setting<base::Millis>| setting.given().map(ToString::to_string);
    assert_eq!(shown(&timeouts.timeout_connect).as_deref(), Some("3m"));
    assert_eq!(shown(&timeouts.timeout_data).as_deref(), Some("10m"));
    let tls = load(5).tls_strategies.get("default").unwrap().value.clone();
    assert_eq!(shown(&tls.timeout_tls).as_deref(), Some("2m"));
    assert_eq!(shown(&tls.timeout_mta_sts).as_deref(), Some("2m"));
    assert_ne!(tls.starttls.given(), Some(&Requirement::Disable));
}

/// A dry run: the rows of section 5.1 of the delivery spec that it shows, a policy, and a scenario with what they say
/// would become of mail in production.
type Run = (&'static str, &'static str, String, String);

/// A scenario for the policy beside it.
fn scenario(head: &str, world: &str, messages: &[(&str, &str)], expected: &[&str]) -> String {
    let mut text =
        format!("policy = \"policy\"\n{head}\n[environment]\nlocal_domains = [\"home.example\"]\n[world]\n{world}\n");
    for (id, rest) in messages {
        write!(text, "[[message]]\nid = \"{id}\"\nrecipients = [\"a@{id}\"]\n{rest}\n").unwrap();
        if !rest.contains("sender") {
            text += "sender = \"ann@home.example\"\n";
        }
    }
    for expectation in expected {
        write!(text, "[[expect]]\n{}\n", expectation.replace("; ", "\n")).unwrap();
    }
    text
}

/// The example of all strategies.
fn strategies_runs(block: &str) -> Vec<Run> {
    let world = "zone = \"\"\"\nbad.test. IN A 198.51.100.1\ndown.test. IN A 198.51.100.2\nslow.test. IN A 198.51.100.3\n\
                 back.test. IN A 198.51.100.4\n\"\"\"\n\
                 [world.host.\"bad.test\"]\ncertificate = \"self-signed\"\n\
                 [world.host.\"slow.test\"]\ncertificate = \"self-signed\"\n\
                 [[world.host.\"down.test\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\ntimes = 1\n\
                 [[world.host.\"back.test\".reply]]\nstage = \"mail\"\nreply = \"451 4.3.0 later\"\ntimes = 1\n";
    let mail = [("bad.test", ""), ("down.test", ""), ("home.example", "")];
    let limited = format!(
        "{block}\n[[queue.limiter.outbound]]\nkey = [\"rcpt_domain\"]\nrate = \"1/10m\"\nmatch = \"rcpt_domain == 'slow.test'\"\n"
    );
    let report = [("back.test", "source = \"dsn\"\nsender = \"\"")];
    let mut runs = vec![
        (
            "S01 S02 S03 S04 S07",
            "alone",
            block.to_owned(),
            scenario(
                "bare = true",
                world,
                &mail,
                &[
                    "message = \"bad.test\"; attempt = 1; schedule = \"default\"; tls = \"default\"; error = \"tls\"",
                    "message = \"bad.test\"; attempt = 2; tls = \"default\"; status = \"deferred\"; error = \"tls\"",
                    "message = \"bad.test\"; status = \"bounced\"; after = \"5d\"; within = \"7201m\"",
                    "message = \"down.test\"; attempt = 2; connection = \"default\"; status = \"delivered\"; after = \"2m\"",
                    "message = \"home.example\"; route = \"local\"; schedule = \"default\"; status = \"delivered\"",
                ],
            ),
        ),
        (
            "S02 S03 S04",
            "with what its server ships",
            block.to_owned(),
            scenario(
                "",
                world,
                &mail,
                &[
                    "message = \"bad.test\"; attempt = 1; schedule = \"remote\"; tls = \"default\"; error = \"tls\"",
                    "message = \"bad.test\"; attempt = 2; tls = \"invalid-tls\"; status = \"delivered\"",
                    "message = \"down.test\"; attempt = 2; connection = \"default\"; status = \"delivered\"",
                    "message = \"home.example\"; route = \"local\"; schedule = \"local\"; status = \"delivered\"",
                ],
            ),
        ),
        (
            "S06",
            "a rate resets the error",
            limited,
            scenario(
                "length = \"15m\"",
                world,
                &[("slow.test", "")],
                &[
                    "message = \"slow.test\"; attempt = 1; status = \"deferred\"; error = \"tls\"",
                    "message = \"slow.test\"; status = \"deferred\"",
                ],
            ),
        ),
    ];
    for (target, first) in [("stalwart-0.13", "remote"), ("stalwart-0.15", "remote"), ("stalwart-0.16", "dsn")] {
        runs.push((
            "S28",
            "the source at the first attempt",
            block.to_owned(),
            scenario(
                &format!("target = \"{target}\""),
                world,
                &report,
                &[
                    &format!("message = \"back.test\"; attempt = 1; schedule = \"{first}\"; status = \"deferred\""),
                    "message = \"back.test\"; attempt = 2; status = \"delivered\"; after = \"15m\"; within = \"16m\"",
                ],
            ),
        ));
    }
    runs
}

/// The examples of routes: as they are published, and with the prefix that servers read.
fn routing_runs(blocks: &[String]) -> Vec<Run> {
    let fixed = |index: usize| blocks[index].replace("[route.", "[queue.route.");
    let world = "zone = \"\"\"\nhome.example. IN MX 10 mx.home.example.\nmx.home.example. IN A 198.51.100.1\n\
                 two.test. IN A 198.51.100.2\nrelay.example.org. IN A 198.51.100.3\n\
                 fallback.example.org. IN A 198.51.100.4\nlocalhost. IN A 127.0.0.1\nboth.test. IN A 198.51.100.5\n\
                 both.test. IN AAAA 2001:db8::5\nmany.test. IN MX 1 a.many.test.\nmany.test. IN MX 2 b.many.test.\n\
                 many.test. IN MX 3 c.many.test.\nmany.test. IN MX 4 two.test.\na.many.test. IN A 198.51.100.6\n\
                 b.many.test. IN A 198.51.100.7\nc.many.test. IN A 198.51.100.8\nlmtp.test. IN A 198.51.100.9\n\"\"\"\n\
                 [[world.host.\"two.test\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\ntimes = 2\n\
                 [[world.host.\"198.51.100.5\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\n\
                 [[world.host.\"a.many.test\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\n\
                 [[world.host.\"b.many.test\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\n\
                 [[world.host.\"c.many.test\".reply]]\nstage = \"connect\"\nreply = \"refuse\"\n\
                 [world.host.\"lmtp.test\"]\nstarttls = \"absent\"\nextensions = [\"AUTH PLAIN\"]\n";
    let home = |expected: &str| scenario("", world, &[("home.example", "")], &[expected]);
    let at_mx = home("message = \"home.example\"; route = \"mx\"; status = \"delivered\"; host = \"mx.home.example\"");
    let fallback = |expected: &str| {
        let expected = ["message = \"two.test\"; attempt = 2; route = \"mx\"; status = \"deferred\"", expected];
        scenario("length = \"10m\"", world, &[("two.test", "")], &expected)
    };
    vec![
        ("S08", "as published", blocks[6].clone(), at_mx.clone()),
        (
            "S09",
            "as published",
            blocks[7].clone(),
            fallback(
                "message = \"two.test\"; attempt = 3; route = \"mx\"; status = \"delivered\"; host = \"two.test\"",
            ),
        ),
        ("S10", "as published", blocks[8].clone(), at_mx.clone()),
        (
            "S11",
            "TLS at once on port 25",
            fixed(7),
            fallback(
                "message = \"two.test\"; attempt = 3; route = \"fallback\"; status = \"deferred\"; error = \"tls\"",
            ),
        ),
        (
            "S12",
            "a loopback address",
            fixed(8),
            home("message = \"home.example\"; route = \"lmtp\"; status = \"bounced\"; error = \"connection\""),
        ),
        (
            "S13",
            "a secret in clear text",
            fixed(8).replace("localhost", "lmtp.test"),
            home(
                "message = \"home.example\"; status = \"delivered\"; secured = false; commands = \"LHLO AUTH MAIL RCPT DATA QUIT\"",
            ),
        ),
        (
            "S15",
            "local mail goes to the relay",
            fixed(6),
            home("message = \"home.example\"; route = \"relay\"; status = \"delivered\"; host = \"relay.example.org\""),
        ),
        (
            "S16",
            "a relay without an address",
            format!("{}\n[queue.strategy]\nroute = \"'relay'\"\n", blocks[5]),
            format!("as_is = true\n{at_mx}"),
        ),
        (
            "S18",
            "both families in one attempt",
            format!("{}\n[queue.strategy]\nroute = \"'mx'\"\n", blocks[4]),
            scenario(
                "",
                world,
                &[("both.test", "")],
                &["message = \"both.test\"; attempt = 1; status = \"delivered\""],
            ),
        ),
        (
            "S19",
            "three of four hosts",
            format!("{}\n[queue.strategy]\nroute = \"'mx'\"\n", blocks[2]),
            scenario(
                "length = \"1m\"",
                world,
                &[("many.test", "")],
                &["message = \"many.test\"; attempt = 1; status = \"deferred\"; host = \"c.many.test\""],
            ),
        ),
    ]
}

/// The default expressions of the objects, beside what 0.16 ships and without.
fn object_runs(object: &str) -> Vec<Run> {
    let world = "zone = \"bad.test. IN A 198.51.100.1\"\n[world.host.\"bad.test\"]\ncertificate = \"self-signed\"\n";
    let run = |head: &str, tls: &str, status: &str| {
        let second = format!("message = \"bad.test\"; attempt = 2; tls = \"{tls}\"; status = \"{status}\"");
        scenario(head, world, &[("bad.test", "")], &[&second])
    };
    vec![
        ("S23", "with what its server ships", object.to_owned(), run("", "invalid-tls", "delivered")),
        ("S23", "alone", object.to_owned(), run("bare = true", "default", "deferred")),
    ]
}

/// The transport example of 2022.
fn transport_runs(block: &str) -> Vec<Run> {
    let world = "zone = \"localhost. IN A 127.0.0.1\"\n[world.host.\"localhost\"]\ncertificate = \"self-signed\"\n";
    let expected =
        "message = \"foobar.net\"; route = \"lmtp\"; status = \"delivered\"; host = \"localhost\"; secured = true";
    vec![("S24 S25", "as published", block.to_owned(), scenario("", world, &[("foobar.net", "")], &[expected]))]
}

#[test]
fn the_examples_end_as_they_would_in_production() {
    let (Some(strategies), Some(routes), Some(objects), Some(transport)) =
        (seed("000"), seed("002"), seed("003"), seed("004"))
    else {
        return;
    };
    let defaults: Vec<&str> =
        objects.lines().filter_map(|line| line.strip_prefix("Type: Expression · default: ")).collect();
    let [connection, route, schedule, tls] = defaults[..] else { panic!("{defaults:?}") };
    let object = format!("{{\"connection\":{connection},\"route\":{route},\"schedule\":{schedule},\"tls\":{tls}}}");
    let runs = [
        strategies_runs(&blocks(&strategies)[0]),
        routing_runs(&blocks(&routes)),
        object_runs(&object),
        transport_runs(&blocks(&transport)[0]),
    ];
    let mut wrong = Vec::new();
    for (place, (rows, what, policy, scenario)) in runs.concat().into_iter().enumerate() {
        let folder =
            crate::cli::scratch(&format!("seeds-{place}"), &[("policy", &*policy), ("a.scenario.toml", &*scenario)]);
        let ran = crate::cli::run(&["simulate", folder.join("a.scenario.toml").to_str().unwrap()]);
        if ran.code != Some(0) {
            let said = ran.stdout.lines().filter(|line| line.contains("expectation"));
            wrong.push(format!("{rows}, {what}: {:?} {:#?}\n{}", ran.code, said.collect::<Vec<_>>(), ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
