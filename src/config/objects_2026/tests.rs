//! What the reader makes of documents.
//!
//! The corpus of the project holds one file for each form and each finding; what they say is in the tables here. What
//! a person is told about the invalid ones is recorded by the reports of the whole project.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Display, Write},
    path::Path,
};

use base::{Diagnostic, Secret, Severity};
use document::Source;
use policy::{
    Answers, Block, Facts, Lookup, LookupFailed, Variable, World,
    interpret::{self, with_world},
};
use proptest::prelude::*;

use super::*;
use crate::{
    Loaded, NoResources, load,
    settings::{Limiter, Resolver, Route, Selector, Sensitive, Setting},
};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/policies/objects_2026");

fn read_text(name: &str, text: &str) -> Loaded {
    load(&Source::new(name, text), None, &NoResources)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
fn read_file(name: &str) -> (String, Loaded) {
    let text = std::fs::read_to_string(Path::new(CORPUS).join(name)).unwrap();
    let loaded = read_text(name, &text);
    (text, loaded)
}

/// The name of a form's format: plans are one operation a line.
fn named(text: &str) -> &'static str {
    if text.starts_with("{\"@type\"") && text.contains("\"object\"") { "p.ndjson" } else { "p.json" }
}

fn settings(text: &str) -> Settings {
    let loaded = read_text(named(text), text);
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text}: {errors:#?}");
    loaded.settings.unwrap()
}

fn rules(findings: &Findings) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding: &Diagnostic| (finding.code.rule, finding.severity)).collect()
}

// What settings say, one line a definition.

fn add(line: &mut String, part: impl Display) {
    write!(line, " {part}").unwrap();
}

fn given<T: Debug>(line: &mut String, key: &str, setting: &Setting<T>) {
    match setting {
        Setting::Default => {}
        Setting::Given(placed) => add(line, format_args!("{key}={:?}", placed.value)),
        Setting::Chosen(block) => add(line, format_args!("{key}=by {} rules", block.rules().len())),
    }
}

fn route_line(line: &mut String, route: &Route) {
    match route {
        Route::Local => *line += " local",
        Route::Mx(mx) => {
            *line += " mx";
            given(line, "hosts", &mx.limit_mx);
            given(line, "addresses", &mx.limit_multihomed);
            given(line, "lookup", &mx.ip_lookup);
        }
        Route::Relay(relay) => {
            *line += " relay";
            given(line, "address", &relay.address);
            given(line, "port", &relay.port);
            given(line, "protocol", &relay.protocol);
            given(line, "implicit", &relay.implicit_tls);
            given(line, "invalid-certs", &relay.allow_invalid_certs);
            given(line, "username", &relay.username);
            let secret = relay.secret.given().map(Secret::reveal);
            *line += &secret.map(|secret| format!(" secret={secret}")).unwrap_or_default();
        }
    }
}

fn limiter_line(line: &mut String, limiter: &Limiter) {
    let key: Vec<_> = limiter.key.iter().map(|by| by.value).collect();
    let rate = limiter.rate.as_ref().map(|rate| (rate.value.count, rate.value.period.0));
    add(line, format_args!("enabled={} key={key:?}", limiter.enabled));
    add(line, format_args!("condition={} rate={rate:?}", limiter.condition.is_some()));
}

fn resolver_line(line: &mut String, resolver: &Resolver) {
    given(line, "kind", &resolver.kind);
    for server in &resolver.servers {
        let server = server.value;
        add(line, format_args!("{:?} {} {}", server.transport, server.ip, server.port));
    }
    given(line, "concurrency", &resolver.concurrency);
    given(line, "timeout", &resolver.timeout);
    given(line, "attempts", &resolver.attempts);
    given(line, "intermediates", &resolver.preserve_intermediates);
    given(line, "tcp", &resolver.try_tcp_on_error);
    given(line, "edns", &resolver.edns);
}

/// What the document itself defines, not what its server ships.
fn own<T>(definitions: &Definitions<T>) -> impl Iterator<Item = &Definition<T>> {
    definitions.iter().filter(|definition| !definition.is_shipped(Dialect::Objects2026))
}

fn summary(settings: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    for route in own(&settings.routes) {
        let mut line = format!("route {}", route.name);
        route_line(&mut line, &route.value);
        lines.push(line);
    }
    for schedule in own(&settings.schedules) {
        let mut line = format!("schedule {}", schedule.name);
        given(&mut line, "queue", &schedule.value.queue_name);
        given(&mut line, "retry", &schedule.value.retry);
        given(&mut line, "notify", &schedule.value.notify);
        given(&mut line, "expiry", &schedule.value.expiry);
        lines.push(line);
    }
    for queue in own(&settings.queues) {
        let mut line = format!("queue {}", queue.name);
        given(&mut line, "threads", &queue.value.threads_per_node);
        lines.push(line);
    }
    for connection in own(&settings.connections) {
        let mut line = format!("connection {}", connection.name);
        given(&mut line, "ehlo", &connection.value.ehlo_hostname);
        for source in connection.value.source_ips.given().into_iter().flatten() {
            add(
                &mut line,
                format_args!("{}/{}", source.ip, source.ehlo_hostname.as_ref().map_or("-", Sensitive::text)),
            );
        }
        given(&mut line, "connect", &connection.value.timeout_connect);
        given(&mut line, "greeting", &connection.value.timeout_greeting);
        given(&mut line, "ehlo-timeout", &connection.value.timeout_ehlo);
        given(&mut line, "mail-from", &connection.value.timeout_mail_from);
        given(&mut line, "rcpt-to", &connection.value.timeout_rcpt_to);
        given(&mut line, "data", &connection.value.timeout_data);
        lines.push(line);
    }
    for tls in own(&settings.tls_strategies) {
        let mut line = format!("tls {}", tls.name);
        given(&mut line, "dane", &tls.value.dane);
        given(&mut line, "mta-sts", &tls.value.mta_sts);
        given(&mut line, "starttls", &tls.value.starttls);
        given(&mut line, "invalid-certs", &tls.value.allow_invalid_certs);
        given(&mut line, "tls", &tls.value.timeout_tls);
        given(&mut line, "sts", &tls.value.timeout_mta_sts);
        lines.push(line);
    }
    for (word, limiters) in [("outbound", &settings.outbound_limiters), ("inbound", &settings.inbound_limiters)] {
        for limiter in limiters {
            let mut line = word.to_owned();
            limiter_line(&mut line, limiter);
            lines.push(line);
        }
    }
    for quota in settings.quotas.iter().filter(|quota| !quota.range.is_empty()) {
        let key: Vec<_> = quota.key.iter().map(|by| by.value).collect();
        lines.push(format!(
            "quota key={key:?} condition={} messages={:?} size={:?}",
            quota.condition.is_some(),
            quota.messages.as_ref().map(|messages| messages.value),
            quota.size.as_ref().map(|size| size.value),
        ));
    }
    lines.extend(singleton_lines(settings));
    lines
}

fn singleton_lines(settings: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    let selectors = [
        ("route", &settings.route),
        ("schedule", &settings.schedule),
        ("connection", &settings.connection),
        ("tls", &settings.tls),
    ];
    for (word, selector) in selectors {
        match selector {
            Selector::BuiltIn => {}
            Selector::Given(block) => {
                let names: Vec<_> = block.names().names.into_iter().map(|(name, _)| name).collect();
                lines.push(format!("select {word} {}", names.join(" ")));
            }
            Selector::Broken(_) => lines.push(format!("select {word} broken")),
        }
    }
    let mut resolver = "resolver".to_owned();
    resolver_line(&mut resolver, &settings.resolver);
    let mut dsn = "dsn".to_owned();
    given(&mut dsn, "name", &settings.dsn.from_name);
    given(&mut dsn, "address", &settings.dsn.from_address);
    given(&mut dsn, "sign", &settings.dsn.sign);
    given(&mut dsn, "submitter", &settings.dsn.submitter);
    lines.extend([resolver, dsn].into_iter().filter(|line| line.contains(' ')));
    lines.extend(settings.hostname.as_ref().map(|name| format!("hostname {}", name.value)));
    lines
}

/// `{"@type": "Default"}` as the summary shows it.
const RETRY: &str = "retry=[Millis(120000), Millis(300000), Millis(600000), Millis(900000), Millis(1800000), \
                     Millis(3600000), Millis(7200000), Millis(86400000), Millis(259200000)]";
const NOTIFY: &str = "notify=[Millis(86400000), Millis(259200000)]";

/// What each valid file says, as it was written to say.
const SAID: [(&str, &[&str]); 15] = [
    ("call.json", &["queue vip"]),
    (
        "every-object.json",
        &[
            r#"route smarthost relay address="out.example.net" port=587"#,
            r#"schedule calm queue="calm" retry=[Millis(900000), Millis(3600000)] {NOTIFY} expiry=Attempts(12)"#,
            "queue calm threads=3",
            r#"connection two-faces ehlo="mx.example.org" 192.0.2.7/mx7.example.org 2001:db8::7/- connect=Millis(60000) greeting=Millis(60000) ehlo-timeout=Millis(60000) mail-from=Millis(60000) rcpt-to=Millis(60000) data=Millis(120000)"#,
            "tls strict dane=Optional mta-sts=Require starttls=Require invalid-certs=false tls=Millis(45000) sts=Millis(20000)",
            "outbound enabled=true key=[Mx, RemoteIp] condition=true rate=Some((30, 60000))",
            "inbound enabled=true key=[RemoteIp, Listener] condition=false rate=Some((100, 60000))",
            "quota key=[Sender] condition=true messages=Some(500) size=Some(104857600)",
            "select route smarthost mx",
            "select schedule calm",
            "select connection two-faces",
            "select tls strict",
            "resolver kind=Quad9 { tls: true } timeout=Millis(4000) attempts=3",
            r#"dsn name="Postmaster" address=by 1 rules submitter=by 0 rules"#,
            "hostname mx.example.org",
        ],
    ),
    ("expression.json", &["select route local mx"]),
    ("expression-host.json", &["connection inner ehlo=\"inner.example.org\"", "select connection inner default"]),
    (
        "limits.json",
        &[
            "outbound enabled=false key=[] condition=false rate=Some((100, 60000))",
            "outbound enabled=true key=[RcptDomain, SenderDomain, LocalIp] condition=false rate=Some((1, 1))",
            "quota key=[RcptDomain, Rcpt] condition=true messages=None size=Some(1048576)",
        ],
    ),
    ("list-order.json", &["select route local local mx mx"]),
    (
        "patches.json",
        &[
            "route mailboxes local",
            "connection default 192.0.2.1/- 192.0.2.3/mx3.example.org connect=Millis(30000)",
            "outbound enabled=true key=[Mx] condition=false rate=Some((25, 1000))",
            "select route mailboxes mx",
            "select schedule local dsn report remote remote",
            "select tls default",
        ],
    ),
    ("plan-array.json", &["tls no-dane dane=Disable", "select tls no-dane"]),
    (
        "plan.ndjson",
        &[
            "route mx mx hosts=2 addresses=2 lookup=Ipv4Only",
            "route here local",
            r#"schedule bulk queue="bulk" {RETRY} {NOTIFY} expiry=Attempts(7)"#,
            "queue bulk threads=5",
            "select route here mx",
            "select schedule bulk remote",
            "hostname mx.example.org",
        ],
    ),
    (
        "request.json",
        &[
            "route few mx hosts=1",
            r#"schedule bulk queue="slow" {RETRY} notify=[Millis(86400000)] expiry=Ttl(Millis(172800000))"#,
            "queue slow threads=2",
            "select route few mx",
            "select schedule bulk remote",
        ],
    ),
    (
        "resolver-custom.json",
        &[
            "resolver kind=Custom Tls 192.0.2.53 853 Udp 2001:db8::53 53 concurrency=4 timeout=Millis(2000) attempts=1 intermediates=false tcp=false edns=false",
        ],
    ),
    (
        "response.json",
        &[
            "route mx mx",
            r#"route reports relay address="reports.example.net" port=25"#,
            r#"schedule remote queue="remote" {RETRY} {NOTIFY} expiry=Ttl(Millis(259200000))"#,
            "queue remote threads=50",
            "select route reports local mx",
            "select schedule remote",
        ],
    ),
    (
        "routes.json",
        &[
            "route mailboxes local",
            "route direct mx hosts=3 addresses=4 lookup=Ipv6ThenIpv4",
            r#"route smarthost relay address="out.example.net" port=465 protocol=Smtp implicit=true invalid-certs=false username="home" secret=not-a-real-one"#,
            r#"route archive relay address="192.0.2.40" port=24 protocol=Lmtp"#,
            r#"route second relay address="2001:db8::25" username="home" secret=%{env:SECOND_SECRET}%"#,
            r#"route third relay address="third.example.net" username="home" secret=%{file:/etc/mail/third}%"#,
        ],
    ),
    (
        "shipped-strategy.json",
        &[
            "select route local mx",
            "select schedule local dsn report remote",
            "select connection default",
            "select tls invalid-tls default",
        ],
    ),
    (
        "strategy.json",
        &[
            "select route local mx",
            "select schedule local dsn remote",
            "select connection default",
            "select tls invalid-tls default",
        ],
    ),
];

#[test]
fn each_valid_file_gives_its_settings() {
    let mut listed = BTreeSet::new();
    for (name, expected) in SAID {
        let (_, loaded) = read_file(&format!("valid/{name}"));
        let unexpected: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity != Severity::Note).collect();
        assert!(unexpected.is_empty(), "{name}: {unexpected:#?}");
        let expected: Vec<_> =
            expected.iter().map(|line| line.replace("{RETRY}", RETRY).replace("{NOTIFY}", NOTIFY)).collect();
        assert_eq!(summary(&loaded.settings.unwrap()), expected, "{name}");
        listed.insert(name.to_owned());
    }
    let files: BTreeSet<_> = std::fs::read_dir(Path::new(CORPUS).join("valid"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, listed);
}

#[test]
fn one_object_means_the_same_in_every_form() {
    let route = r#"{"@type": "Mx", "name": "few", "maxMxHosts": 2}"#;
    let forms = [
        route.to_owned(),
        format!("[{route}]"),
        format!(r#"{{"MtaRoute": {route}}}"#),
        format!(r#"{{"x:MtaRoute": [{route}]}}"#),
        format!(r#"{{"MtaRoute": {{"b": {route}}}}}"#),
        format!(r#"{{"list": [{route}], "notFound": []}}"#),
        format!(r#"{{"methodCalls": [["x:MtaRoute/set", {{"create": {{"a": {route}}}}}, "c"]]}}"#),
        format!(r#"{{"methodCalls": [["MtaRoute/set", {{"create": {{"a": {route}}}}}, "c"]]}}"#),
        format!(r#"{{"methodResponses": [["x:MtaRoute/get", {{"list": [{route}]}}, "c"]]}}"#),
        format!(r#"["x:MtaRoute/get", {{"list": [{route}]}}, "c"]"#),
        format!(r#"[["x:MtaRoute/set", {{"create": {{"a": {route}}}}}, "c"]]"#),
        format!(r#"{{"@type": "create", "object": "mtaroute", "value": {{"a": {route}}}}}"#),
        format!(r#"{{"@type": "upsert", "object": "x:MtaRoute", "matchOn": ["name"], "value": {{"a": {route}}}}}"#),
        format!(r##"[{{"@type": "reconcile", "object": "MtaRoute", "value": {{"#a": {route}}}}}]"##),
    ];
    for text in forms {
        assert_eq!(summary(&settings(&text)), ["route few mx hosts=2"], "{text}");
    }
}

#[test]
fn a_queue_is_named_by_id_reference_or_name() {
    let schedule = |id: &str| format!(r#"{{"name": "s", "queueId": "{id}"}}"#);
    let queue = r#"{"id": "k1", "name": "vip"}"#;
    let shown = |id: &str| format!(r#"{{"MtaDeliverySchedule": [{}], "MtaVirtualQueue": [{queue}]}}"#, schedule(id));
    let plan = |id: &str| {
        let queue = r#"{"@type": "create", "object": "MtaVirtualQueue", "value": {"q": {"name": "vip"}}}"#;
        let value = schedule(id);
        format!(
            "{queue}\n{{\"@type\": \"create\", \"object\": \"MtaDeliverySchedule\", \"value\": {{\"a\": {value}}}}}"
        )
    };
    let created = format!(
        r#"{{"methodCalls": [["x:MtaVirtualQueue/set", {{"create": {{"q": {{"name": "vip"}}}}}}, "0"]],
            "methodResponses": [["x:MtaVirtualQueue/set", {{"created": {{"q": {{"id": "k9"}}}}}}, "0"],
                                ["x:MtaDeliverySchedule/get", {{"list": [{}]}}, "1"]]}}"#,
        schedule("k9")
    );
    let cases = [
        (shown("k1"), Some("vip"), None),
        (shown("vip"), Some("vip"), Some("placeholder-id")),
        (shown("remote"), Some("remote"), Some("placeholder-id")),
        (shown("<id of the queue>"), None, Some("placeholder-id")),
        (shown("${QUEUE}"), None, Some("placeholder-id")),
        (shown("k2"), None, Some("object-elsewhere")),
        (plan("#q"), Some("vip"), None),
        (plan("#x"), None, Some("undefined-queue")),
        (created, Some("vip"), None),
    ];
    for (text, expected, rule) in cases {
        let loaded = read_text(named(&text), &text);
        let settings = loaded.settings.unwrap();
        let name = settings.schedules.get("s").unwrap().value.queue_name.given().map(Sensitive::text);
        let found: Vec<_> = rules(&loaded.findings).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!((name, found), (expected, rule.into_iter().collect()), "{text}");
    }
}

#[test]
fn what_is_sent_is_read_more_strictly_than_what_is_shown() {
    use Severity::{Error, Warning};
    let cases: [(&str, &str, &[&str], Severity); 8] = [
        ("MtaConnectionStrategy", r#"{"name": "n", "connectTimeout": "5m"}"#, &["string-duration"], Error),
        (
            "MtaConnectionStrategy",
            r#"{"name": "n", "sourceIps": [{"sourceIp": "192.0.2.1"}]}"#,
            &["list-as-array"],
            Error,
        ),
        ("MtaTlsStrategy", r#"{"name": "n", "mtaStss": "require"}"#, &["unknown-key"], Error),
        ("MtaVirtualQueue", r#"{"name": "n", "threadPerNode": 1}"#, &["unknown-key"], Error),
        ("MtaTlsStrategy", r#"{"name": "n", "description": ""}"#, &["invalid-value"], Error),
        ("MtaTlsStrategy", r#"{"name": "n", "postQuantum": true}"#, &["unknown-key"], Warning),
        (
            "MtaOutboundThrottle",
            r#"{"description": "d", "key": {"RcptDomain": true}, "rate": {"count": 1, "period": 1}}"#,
            &["limiter-key"],
            Error,
        ),
        (
            "MtaDeliverySchedule",
            r#"{"name": "n", "notify": {"@type": "Custom"}, "queueId": "remote"}"#,
            &["placeholder-id", "empty-intervals"],
            Error,
        ),
    ];
    for (object, value, expected, severity) in cases {
        let plan = format!(r#"{{"@type": "create", "object": "{object}", "value": {{"a": {value}}}}}"#);
        let shown = format!(r#"{{"{object}": {value}}}"#);
        // A misspelled field is one however it is shown.
        let when_shown = if expected.contains(&"unknown-key") { severity } else { Warning };
        for (text, severity) in [(plan, severity), (shown, when_shown)] {
            let loaded = read_text(named(&text), &text);
            let found = rules(&loaded.findings);
            let names: BTreeSet<_> = found.iter().map(|(rule, _)| *rule).collect();
            assert_eq!(names, expected.iter().copied().collect(), "{text}");
            assert_eq!(found.iter().map(|(_, severity)| *severity).max(), Some(severity), "{text}");
        }
    }
}

/// Rows of delivery spec 5.2, and S20, each with a document of the same kind and what is found in it.
#[test]
fn defects_of_published_examples_are_found() {
    let create = |object: &str, value: &str| {
        format!(r#"{{"methodCalls": [["x:{object}/set", {{"create": {{"n": {value}}}}}, "c"]]}}"#)
    };
    let route = |condition: &str| {
        format!(r#"{{"route": {{"match": {{"0": {{"if": "{condition}", "then": "'local'"}}}}, "else": "'mx'"}}}}"#)
    };
    let cases: [(&str, String, &[&str]); 17] = [
        ("S20", r#"{"@type": "update", "object": "MtaOutboundStrategy", "value": {"tls": {"match": [], "else": "'default'"}}}"#.to_owned(), &["list-as-array"]),
        ("N01", route("is_local_domain('', rcpt_domain)"), &["function-arity"]),
        ("N02", route("is_local_domain('*', rcpt_domain)").replace("route", "schedule").replace("'mx'", "'remote'"), &["function-arity"]),
        ("N07", create("MtaVirtualQueue", r#"{"name": "low-priority"}"#), &["queue-name-too-long"]),
        ("N12", r#"{"name": "n", "queueId": "<MtaVirtualQueue id>"}"#.to_owned(), &["placeholder-id"]),
        ("N22", create("MtaQueueQuota", r#"{"key": {}, "match": {"else": "true"}, "size": 5000}"#), &["quota-empty-key"]),
        ("N25", create("MtaRoute", r#"{"@type": "Mx"}"#), &["missing-required"]),
        ("N26", create("MtaVirtualQueue", "{}"), &["missing-required"]),
        ("N27", create("MtaTlsStrategy", "{}"), &["missing-required"]),
        ("N28", create("MtaConnectionStrategy", r#"{"sourceIps": {}}"#), &["missing-required"]),
        ("N29", create("MtaDeliverySchedule", r#"{"queueId": "remote"}"#), &["missing-required", "placeholder-id"]),
        ("N30", create("MtaQueueQuota", r#"{"key": {}, "match": {"else": "Sample == 1"}, "size": 5000}"#), &["quota-empty-key", "unknown-identifier"]),
        ("N31", create("MtaOutboundThrottle", r#"{"description": "d", "rate": {}}"#), &["rate-invalid"]),
        ("N31", create("MtaOutboundThrottle", r#"{"description": "d", "rate": {"count": 0, "period": "0s"}}"#), &["rate-invalid"]),
        ("N32", create("QueuedMessage", r#"{"priority": 1}"#), &["unsupported-operation"]),
        ("N42", create("MtaDeliverySchedule", r#"{"name": "n", "queueId": "report", "notify": {"@type": "Custom", "intervals": {}}}"#), &["empty-intervals", "placeholder-id"]),
        ("P22", r#"{"MtaQueueQuota": {"key": {"sender": true}, "messages": 5}}"#.to_owned(), &["quota-without-match"]),
    ];
    for (row, text, expected) in cases {
        let loaded = read_text(named(&text), &text);
        let found: BTreeSet<_> = rules(&loaded.findings).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{row}: {text}");
        let is_refused = !matches!(row, "N12" | "P22");
        assert_eq!(loaded.findings.has_errors(), is_refused, "{row}");
    }
}

#[test]
fn operations_are_made_in_their_order() {
    let op = |kind: &str, id: &str, value: &str| {
        let id = if id.is_empty() { String::new() } else { format!(r#""id": "{id}", "#) };
        format!(r#"{{"@type": "{kind}", "object": "MtaTlsStrategy", {id}"value": {value}}}"#)
    };
    let create = op("create", "", r##"{"#t": {"name": "t", "dane": "require", "mtaSts": "require"}}"##);
    let cases: [(&str, Vec<String>, &[&str]); 6] = [
        (
            "a patch",
            vec![create.clone(), op("update", "#t", r#"{"dane": null, "startTls": "require"}"#)],
            &["tls t mta-sts=Require starttls=Require"],
        ),
        (
            "an upsert of what is there",
            vec![create.clone(), op("upsert", "", r#"{"x": {"name": "t", "dane": "disable"}}"#)],
            &["tls t dane=Disable mta-sts=Require"],
        ),
        (
            "an upsert of what is not",
            vec![create.clone(), op("upsert", "", r#"{"x": {"name": "u"}}"#)],
            &["tls t dane=Require mta-sts=Require", "tls u"],
        ),
        (
            "a destroy, which runs first",
            vec![create.clone(), op("destroy", "", r#"{"name": "t"}"#)],
            &["tls t dane=Require mta-sts=Require"],
        ),
        ("a reconcile of everything", vec![create.clone(), op("reconcile", "", r#"{"x": {"name": "u"}}"#)], &["tls u"]),
        ("a reconcile before it", vec![op("reconcile", "", "{}"), create], &["tls t dane=Require mta-sts=Require"]),
    ];
    for (what, operations, expected) in cases {
        let text = operations.join("\n");
        assert_eq!(summary(&settings(&text)), expected, "{what}");
    }
    let request = r##"{"methodCalls": [["x:MtaRoute/set", {"create": {"a": {"@type": "Mx", "name": "a"}, "b": {"@type": "Local", "name": "b"}}}, "0"],
                      ["x:MtaRoute/set", {"update": {"a": {"maxMxHosts": 1}}, "destroy": ["#b"]}, "1"]]}"##;
    assert_eq!(summary(&settings(request)), ["route a mx hosts=1"]);
}

#[test]
fn many_patches_of_one_list_keep_its_order() {
    let numbers: Vec<_> = (0..40).map(|number| number * 7 % 40).collect();
    let set = numbers.iter().map(|number| {
        format!(r#""route/match/{number}": {{"if": "size == {number}", "then": "'n'"}}, "route/match/{number}/then": "'r{number}'""#)
    });
    let unset =
        numbers.iter().filter(|number| *number % 3 == 0).map(|number| format!(r#""route/match/{number}": null"#));
    let update = |patches: Vec<String>| {
        let patches = patches.join(", ");
        format!(r#"{{"@type": "update", "object": "MtaOutboundStrategy", "value": {{{patches}}}}}"#)
    };
    let text = [update(set.collect()), update(unset.collect())].join("\n");
    let Selector::Given(block) = settings(&text).route else { panic!("the route is read") };
    let names: Vec<_> = block.names().names.into_iter().map(|(name, _)| name).collect();
    let kept = (0..40).filter(|number| number % 3 != 0).map(|number| format!("r{number}"));
    assert_eq!(names, kept.chain(["mx".to_owned()]).collect::<Vec<_>>());
}

#[test]
fn a_finding_about_an_expression_points_into_the_json_string() {
    let (text, loaded) = read_file("invalid/unknown-identifier-escape.json");
    let [finding] = loaded.findings.iter().collect::<Vec<_>>()[..] else {
        panic!("one finding is expected: {:?}", rules(&loaded.findings));
    };
    assert_eq!(finding.range.slice(&text), "rcpt_domian");
}

#[test]
fn a_safe_fix_leaves_nothing_of_what_it_mends() {
    let mut mended = 0;
    for name in file_names("invalid") {
        let (text, loaded) = read_file(&format!("invalid/{name}"));
        for finding in &loaded.findings {
            let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe) else { continue };
            let mut edits: Vec<_> = fix.edits.iter().collect();
            edits.sort_by_key(|edit| std::cmp::Reverse(edit.range.start()));
            let mut text = text.clone();
            for edit in edits {
                text.replace_range(edit.range.indices(), &edit.text);
            }
            let after = read_text(&name, &text).findings;
            let same = after.iter().filter(|other| other.code == finding.code).count();
            let before = loaded.findings.iter().filter(|other| other.code == finding.code).count();
            assert!(same < before && after.len() <= loaded.findings.len(), "{name}: {text}");
            mended += 1;
        }
    }
    assert!(mended >= 8, "{mended}");
}

fn file_names(kind: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(CORPUS).join(kind)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A machine with one variable and one file.
struct Machine;

impl Resources for Machine {
    fn variable(&self, name: &str) -> Result<Secret, String> {
        if name == "RELAY_SECRET" { Ok(Secret::new("planted-variable")) } else { Err("it is not set".to_owned()) }
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        if path == "/etc/relay" { Ok(Secret::new("planted-file")) } else { Err("there is no such file".to_owned()) }
    }

    fn resolves(&self) -> bool {
        true
    }
}

#[test]
fn secrets_are_asked_for_and_never_shown() {
    let cases = [
        (r#"{"@type": "Value", "secret": "planted-value"}"#, Some("planted-value"), None),
        (r#"{"@type": "EnvironmentVariable", "variableName": "RELAY_SECRET"}"#, Some("planted-variable"), None),
        (r#"{"@type": "File", "filePath": "/etc/relay"}"#, Some("planted-file"), None),
        (r#"{"@type": "None"}"#, None, None),
        ("null", None, None),
        (r#"{"@type": "EnvironmentVariable", "variableName": "X"}"#, None, Some("macro-unresolved")),
        (r#"{"@type": "File", "filePath": "/x"}"#, None, Some("file-unreadable")),
        (r#"{"@type": "Value"}"#, None, Some("missing-required")),
        (r#"{"@type": "Value", "secret": ""}"#, None, Some("invalid-value")),
        (r#"{"@type": "Value", "secret": ["planted-value"]}"#, None, Some("invalid-value")),
        (r#""planted-value""#, None, Some("wrong-kind")),
        (r#"{"secret": "planted-value"}"#, None, Some("missing-required")),
        (
            r#"{"@type": "Value", "secret": "planted-value", "secrets": "planted-value"}"#,
            Some("planted-value"),
            Some("unknown-key"),
        ),
    ];
    for (secret, expected, rule) in cases {
        let text = format!(r#"{{"@type": "Relay", "name": "r", "address": "r.example.net", "authSecret": {secret}}}"#);
        let loaded = load(&Source::new("p.json", text.as_str()), None, &Machine);
        let found: Vec<_> = rules(&loaded.findings).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, rule.into_iter().collect::<Vec<_>>(), "{text}");
        let settings = loaded.settings.unwrap();
        let Route::Relay(relay) = &settings.routes.get("r").unwrap().value else { panic!("a relay is expected") };
        assert_eq!(relay.secret.given().map(Secret::reveal), expected, "{text}");
        let told: Vec<_> =
            loaded.findings.iter().map(|finding| format!("{} {:?}", finding.message, finding.help)).collect();
        assert!(!format!("{settings:?}{told:?}").contains("planted"), "{text}");
        let is_hidden = |at: usize| loaded.findings.hidden().iter().any(|hidden| hidden.indices().contains(&at));
        assert!(text.match_indices("planted").all(|(at, _)| is_hidden(at)), "{text}");
    }
}

#[test]
fn secrets_are_hidden_wherever_they_stand() {
    let cases = [
        r#"{"@type": "create", "object": "Account", "value": {"a": {"credentials": {"0": {"secret": "planted"}}}}}"#,
        r#"{"@type": "update", "object": "MtaRoute", "id": "k", "value": {"authSecret/secret": "planted"}}"#,
        r#"{"unknown": 1, "authSecret": {"0": ["planted"]}, "bindPassword": "planted"}"#,
    ];
    for text in cases {
        let findings = read_text(named(text), text).findings;
        let is_hidden = |at: usize| findings.hidden().iter().any(|hidden| hidden.indices().contains(&at));
        assert!(text.match_indices("planted").all(|(at, _)| is_hidden(at)), "{text}");
        assert!(!is_hidden(text.find("object").unwrap_or(0)), "{text}");
    }
    let named = r#"{"authSecret": {"@type": "File", "filePath": "/etc/relay"}}"#;
    assert_eq!(read_text("p.json", named).findings.hidden(), []);
}

#[test]
fn a_misspelled_field_is_not_missing_as_well() {
    let relay = r#"{"@type": "Relay", "name": "r", "addres": "r.example.net"}"#;
    let sent = format!(r#"{{"@type": "create", "object": "MtaRoute", "value": {{"a": {relay}}}}}"#);
    let found = |text: &str| rules(&read_text(named(text), text).findings);
    assert_eq!(found(&sent), [("unknown-key", Severity::Error)]);
    assert_eq!(found(relay), [("unknown-key", Severity::Error)]);
}

// Limits

#[test]
fn twenty_thousand_rules_load() {
    let rules: Vec<_> = (0..20_000)
        .map(|number| format!(r#""{number}": {{"if": "rcpt_domain == 'd{number}.test'", "then": "'local'"}}"#))
        .collect();
    let text = format!(r#"{{"route": {{"match": {{{}}}, "else": "'mx'"}}}}"#, rules.join(", "));
    let Selector::Given(block) = settings(&text).route else { panic!("the route is read") };
    assert_eq!(block.rules().len(), 20_000);
}

#[test]
fn a_pointer_past_its_limit_is_reported() {
    let pointer =
        |steps: usize| ["route", "match", "0"].into_iter().chain(["x"; 100]).take(steps).collect::<Vec<_>>().join("/");
    for (steps, expected) in [(body::POINTER_STEPS_MAX, false), (body::POINTER_STEPS_MAX + 1, true), (100, true)] {
        let text = format!(
            r#"{{"@type": "update", "object": "MtaOutboundStrategy", "value": {{"{}": "1"}}}}"#,
            pointer(steps)
        );
        let loaded = read_text("p.ndjson", &text);
        let found = rules(&loaded.findings).iter().any(|(rule, _)| *rule == "bad-patch");
        assert_eq!(found, expected, "{steps}");
    }
}

#[test]
fn a_long_array_is_reported_without_its_hundreds_of_edits() {
    for (length, expected) in [(value::ARRAY_FIX_ELEMENTS_MAX, true), (value::ARRAY_FIX_ELEMENTS_MAX + 1, false)] {
        let rules = vec![r#"{"if": "true", "then": "'mx'"}"#; length].join(", ");
        let text = format!(r#"{{"route": {{"match": [{rules}], "else": "'mx'"}}}}"#);
        let loaded = read_text("p.json", &text);
        let finding = loaded.findings.iter().find(|finding| finding.code == &codes::LIST_AS_ARRAY).unwrap();
        assert_eq!(finding.fix.is_some(), expected, "{length}");
    }
}

proptest! {
    /// Whatever is written, it is read to the end, and every finding has its place in it.
    #[test]
    fn any_tokens_are_read(tokens in proptest::collection::vec(0..TOKENS.len(), 0..60), lines in any::<bool>()) {
        let text: String = tokens.into_iter().map(|token| TOKENS[token]).collect();
        let name = if lines { "p.ndjson" } else { "p.json" };
        let source = Source::new(name, text.as_str());
        let mut findings = Findings::new();
        let format = if lines { Format::Ndjson } else { Format::Json };
        let settings = read(&source, format, false, &Machine, &mut findings);
        prop_assert!(settings.is_none_or(|settings| settings.dialect == Dialect::Objects2026));
        for finding in &findings {
            prop_assert!(finding.range.end() as usize <= source.text().len() + 1, "{finding:?}");
        }
    }

    /// An object with any value in any field is read to the end; errors are told, not thrown.
    #[test]
    fn any_value_in_any_field_is_read(
        object in 0..Object::ALL.len(),
        fields in proptest::collection::vec((0..40_usize, 0..VALUES.len(), 0..3_usize), 0..6),
        origin in 0..3_usize,
    ) {
        let object = Object::ALL[object];
        let names = object.fields();
        let mut members = BTreeMap::new();
        for (field, value, step) in fields {
            let name = names.get(field % names.len().max(1)).copied().unwrap_or("id");
            let name = [name.to_owned(), format!("{name}/0"), format!("{name}/match/0/if")][step].clone();
            members.insert(name, VALUES[value]);
        }
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        let body = format!("{{{}}}", members.join(", "));
        let name = object.name();
        let text = match origin {
            0 => format!("{{\"{name}\": {body}}}"),
            1 => format!("{{\"@type\": \"create\", \"object\": \"{name}\", \"value\": {{\"a\": {body}}}}}"),
            _ => format!("{{\"@type\": \"update\", \"object\": \"{name}\", \"id\": \"k\", \"value\": {body}}}"),
        };
        let loaded = load(&Source::new(named(&text), text.as_str()), None, &Machine);
        prop_assert_eq!(loaded.settings.is_some(), object.is_about_delivery(), "{}", text);
    }
}

const TOKENS: [&str; 36] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "null",
    "true",
    "0",
    "1e9",
    "\"\"",
    "\"@type\"",
    "\"object\"",
    "\"value\"",
    "\"create\"",
    "\"update\"",
    "\"reconcile\"",
    "\"MtaRoute\"",
    "\"MtaOutboundStrategy\"",
    "\"methodCalls\"",
    "\"methodResponses\"",
    "\"x:MtaRoute/set\"",
    "\"x:MtaRoute/get\"",
    "\"list\"",
    "\"match\"",
    "\"else\"",
    "\"if\"",
    "\"route\"",
    "\"route/match/0\"",
    "\"'mx'\"",
    "\"Mx\"",
    "\"name\"",
    "\"singleton\"",
    "\"error\"",
    "\"id\"",
];

const VALUES: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "99999999999999999999",
    "\"\"",
    "\" \"",
    "\"x\"",
    "\"5m\"",
    "\"0s\"",
    "[]",
    "{}",
    "[[]]",
    "[\"mx\"]",
    "{\"0\": {}}",
    "{\"a\": true}",
    "{\"@type\": \"Custom\", \"intervals\": [1]}",
    "{\"else\": \"true\"}",
    "{\"match\": {\"0\": {\"if\": \"1\"}}}",
    "{\"count\": 1, \"period\": \"1s\"}",
    "{\"@type\": \"Value\", \"secret\": 5}",
];

// Seeds and published files

/// A server with two domains of its own.
struct TwoDomains;

impl World for TwoDomains {
    fn answer(&mut self, lookup: &Lookup) -> Option<Result<policy::Value, LookupFailed>> {
        match lookup {
            Lookup::LocalDomain { domain, .. } => {
                let is_local = ["home.example", "other.example"].contains(&&**domain);
                Some(Ok(policy::Value::Int(is_local.into())))
            }
            _ => None,
        }
    }
}

fn decide(selector: &Selector, facts: &Facts) -> String {
    let Selector::Given(block) = selector else { panic!("the selector is read") };
    let block: &Block = block;
    let evaluate = |answers: &Answers| interpret::block(block, &facts.row(), answers, &mut ());
    with_world(&mut TwoDomains, evaluate).unwrap().value.to_text().to_string()
}

/// What a message in its usual state gives: its recipient's domain, source, retries and last error.
fn facts(domain: &str, source: &str, retries: i64, error: &str) -> Facts {
    Facts::new()
        .with(Variable::RcptDomain, policy::Value::text(domain))
        .with(Variable::Source, policy::Value::text(source))
        .with(Variable::RetryNum, policy::Value::Int(retries))
        .with(Variable::LastError, policy::Value::text(error))
        .with(Variable::Mx, policy::Value::text("mx.dest.example"))
}

/// Seed 003 says: local domains are delivered here and the rest by MX; local mail, delivery reports and reports to
/// others have schedules of their own; after a failure of TLS, certificates are no longer checked.
#[test]
fn the_published_defaults_decide_as_their_text_says() {
    let (_, whole) = read_file("valid/shipped-strategy.json");
    // Patches that change nothing stand on the defaults that are built in here.
    let patched = r#"{"@type": "update", "object": "MtaOutboundStrategy", "value": {"route/else": "'mx'", "schedule/else": "'remote'", "connection/else": "'default'", "tls/else": "'default'"}}"#;
    for settings in [whole.settings.unwrap(), settings(patched)] {
        let cases = [
            (facts("home.example", "authenticated", 0, "none"), ["local", "local", "default", "default"]),
            (facts("dest.example", "authenticated", 0, "none"), ["mx", "remote", "default", "default"]),
            (facts("dest.example", "dsn", 0, "none"), ["mx", "dsn", "default", "default"]),
            (facts("dest.example", "report", 0, "none"), ["mx", "report", "default", "default"]),
            (facts("other.example", "dsn", 0, "none"), ["local", "local", "default", "default"]),
            (facts("dest.example", "unknown", 1, "tls"), ["mx", "remote", "default", "invalid-tls"]),
            (facts("dest.example", "unknown", 1, "dns"), ["mx", "remote", "default", "default"]),
            (facts("dest.example", "unknown", 0, "tls"), ["mx", "remote", "default", "default"]),
        ];
        for (facts, expected) in cases {
            let selectors = [&settings.route, &settings.schedule, &settings.connection, &settings.tls];
            assert_eq!(selectors.map(|selector| decide(selector, &facts)), expected, "{facts:?}");
        }
    }
}

#[test]
fn numbered_rules_are_tried_in_the_order_of_their_numbers() {
    let (_, loaded) = read_file("valid/list-order.json");
    let settings = loaded.settings.unwrap();
    let Selector::Given(block) = &settings.route else { panic!("the selector is read") };
    for (rule, rcpt) in ["first@corp.test", "second@corp.test", "third@corp.test"].into_iter().enumerate() {
        let facts = Facts::new().with(Variable::Rcpt, policy::Value::text(rcpt));
        let decision = interpret::block(block, &facts.row(), &Answers::new(), &mut ()).unwrap();
        assert_eq!(decision.rule, Some(rule), "{rcpt}");
    }
}

/// Files that their index calls valid although a server refuses them, with what is wrong (delivery spec 5.2).
const REFUSED: [(&str, &[&str]); 8] = [
    ("docs-api-mta-connection-strategy-create-2.json", &["missing-required"]),
    ("docs-api-mta-connection-strategy-create.json", &["list-as-array", "missing-required", "string-duration"]),
    ("docs-api-mta-delivery-schedule-create-2.json", &["missing-required"]),
    ("docs-api-mta-delivery-schedule-create.json", &["missing-required", "string-duration"]),
    ("docs-api-mta-outbound-throttle-create-2.json", &["rate-invalid"]),
    ("docs-api-mta-route-create-2.json", &["missing-required"]),
    ("docs-api-mta-virtual-queue-create-2.json", &["missing-required"]),
    ("docs-api-mta-virtual-queue-create.json", &["missing-required"]),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads published files where they are at hand")]
fn published_files_load_as_their_index_says() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = std::fs::read_to_string(shared.join("INDEX.tsv")) else {
        println!("skipped: there is no {}", shared.display());
        return;
    };
    let refused: BTreeMap<_, _> = REFUSED.into_iter().collect();
    let mut files = 0;
    for line in index.lines().filter(|line| line.starts_with("json-2026/")) {
        let columns: Vec<_> = line.split('\t').collect();
        let is_json = [".json", ".ndjson"].iter().any(|suffix| columns[0].ends_with(suffix));
        if !is_json {
            continue;
        }
        files += 1;
        let name = columns[0].rsplit('/').next().unwrap();
        let text = std::fs::read_to_string(shared.join(columns[0])).unwrap();
        let loaded = read_text(name, &text);
        let errors: BTreeSet<_> = rules(&loaded.findings)
            .into_iter()
            .filter_map(|(rule, severity)| (severity == Severity::Error).then_some(rule))
            .collect();
        let is_valid = columns[5].starts_with("valid") || columns[5].starts_with("looks valid");
        if is_valid {
            let expected = refused.get(name).copied().unwrap_or_default().iter().copied().collect();
            assert_eq!(errors, expected, "{name}");
        }
    }
    assert!(files >= 38, "{files}");
}
