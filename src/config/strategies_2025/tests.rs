//! The reader as tables of texts with what they say, over the policies of this project, and over published ones.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use base::{Secret, Severity};
use document::Source;
use proptest::prelude::*;

use crate::{
    Dialect, Loaded, NoResources, Options, Resources, Settings, load,
    settings::{Definition, Limiter, Quota, Route, Selector, Sensitive, Setting},
};

/// What a text says by itself, without what its server ships.
fn read(text: &str) -> (Settings, Loaded) {
    let source = Source::new("policy.toml", text);
    let options = Options { dialect: Some(Dialect::Strategies2025), bare: true };
    let loaded = load(&source, options, &NoResources);
    (loaded.settings.clone().expect("TOML is readable"), loaded)
}

/// The settings of a text that has no finding.
fn read_clean(text: &str) -> Settings {
    let (settings, loaded) = read(text);
    assert!(loaded.findings.is_empty(), "{text}: {:?}", loaded.findings);
    settings
}

/// Each finding as its rule and the text that it underlines.
fn found(text: &str) -> Vec<String> {
    let source = Source::new("policy.toml", text);
    let loaded = load(&source, Options::BARE, &NoResources);
    let shown = loaded.findings.iter();
    shown.map(|finding| format!("{} {}", finding.code.rule, source.slice(finding.range))).collect()
}

fn shown<T: Debug>(setting: &Setting<T>) -> String {
    match setting {
        Setting::Default => "-".to_owned(),
        Setting::Given(placed) => format!("{:?}", placed.value),
        Setting::Chosen(block) => format!("{} rules", block.rules().len()),
    }
}

fn route(definition: &Definition<Route>) -> String {
    let what = match &definition.value {
        Route::Local => "local".to_owned(),
        Route::Mx(mx) => format!("mx {} {} {}", shown(&mx.limit_mx), shown(&mx.limit_multihomed), shown(&mx.ip_lookup)),
        Route::Relay(relay) => format!(
            "relay {} {} {} {} {} {} {}",
            shown(&relay.address),
            shown(&relay.port),
            shown(&relay.protocol),
            shown(&relay.implicit_tls),
            shown(&relay.allow_invalid_certs),
            shown(&relay.username),
            relay.secret.given().map_or("-", Secret::reveal),
        ),
    };
    let ignored = if definition.ignored_by_reference.is_some() { " (ignored)" } else { "" };
    format!("{}: {what}{ignored}", definition.name)
}

#[test]
fn routes_have_their_settings() {
    let cases = [
        ("[queue.route.local]\ntype = 'local'", "local: local"),
        ("[queue.route.mx]\ntype = 'MX'", "mx: mx - - -"),
        (
            "[queue.route.mx]\ntype = 'mx'\nlimits = { mx = '7', multihomed = 3 }\nip-lookup = 'ipv6_only'",
            "mx: mx 7 3 Ipv6Only",
        ),
        (
            "[queue.route.\"a b\"]\ntype = 'relay'\naddress = 'smtp.example.net'\nport = '587'\nprotocol = 'LMTP'\n\
             tls = { implicit = 'false', allow-invalid-certs = true }\nauth = { username = 'u', secret = 's' }",
            "a b: relay \"smtp.example.net\" 587 Lmtp false true \"u\" s",
        ),
        (
            "queue.route.a.b.type = 'relay'\nqueue.route.a.b.address = '2001:db8::1'\nqueue.route.a.b.port = 25\n\
             queue.route.a.b.protocol = 'smtp'",
            "a.b: relay \"2001:db8::1\" 25 Smtp - - - -",
        ),
        ("[queue.route.a]\ntype = 'mx'\n[queue.route.a.b]\ntype = 'local'", "a.b: local, a: mx - - -"),
    ];
    for (text, expected) in cases {
        let settings = read_clean(text);
        let mut routes: Vec<_> = settings.routes.iter().map(route).collect();
        routes.sort_by_key(|route| !route.starts_with("a.b"));
        assert_eq!(routes.join(", "), expected, "{text}");
    }
}

#[test]
fn a_route_that_the_server_does_not_know_is_read_and_marked() {
    let relay = "address = 'smtp.example.net'\nport = 25\nprotocol = 'smtp'";
    let cases = [
        (
            format!("[route.\"p\"]\ntype = 'relay'\n{relay}"),
            "wrong-prefix \"p\"",
            "p: relay \"smtp.example.net\" 25 Smtp",
        ),
        (format!("[queue.route.p]\n{relay}"), "unregistered-strategy p", "p: relay \"smtp.example.net\" 25 Smtp"),
        ("[queue.route.mx.limits]\nmx = 3".to_owned(), "unregistered-strategy mx", "mx: mx 3"),
        ("[queue.route.local]\ndescription = 'x'".to_owned(), "unregistered-strategy local", "local: local"),
        (format!("[queue.route.p]\ntype = 'smart'\n{relay}"), "invalid-value 'smart'", "p: relay \"smtp.example.net\""),
        ("[queue.route.p]\ntype = 'relay'".to_owned(), "missing-required p", "p: relay -"),
    ];
    for (text, finding, expected) in cases {
        assert_eq!(found(&text), [finding], "{text}");
        let routes: Vec<_> = read(&text).0.routes.iter().map(route).collect();
        assert!(routes[0].starts_with(expected) && routes[0].ends_with("(ignored)"), "{text}: {routes:?}");
    }
}

#[test]
fn schedules_have_their_settings() {
    let cases = [
        (
            "[queue.schedule.a]\nqueue-name = 'default'\nretry = ['2m', '1 h']\nnotify = ['1d']\nexpire = '3d'",
            "\"default\" [Millis(120000), Millis(3600000)] [Millis(86400000)] Ttl(Millis(259200000))",
        ),
        (
            "[queue.schedule.a]\nqueue-name = 'default'\nretry = '60000ms'\nmax-attempts = '15'",
            "\"default\" [Millis(60000)] - Attempts(15)",
        ),
        (
            "[queue.schedule.a]\nqueue-name = 'default'\nretry.00 = '1m'\nretry.10 = '3m'\nretry.09 = '2m'\nnotify = []",
            "\"default\" [Millis(60000), Millis(120000), Millis(180000)] [] -",
        ),
        (
            "[queue.schedule.a]\nqueue-name = 'grüße'\nretry = '1m'\n[queue.virtual.\"grüße\"]\nthreads-per-node = 3",
            "\"grüße\" [Millis(60000)] - -",
        ),
    ];
    for (text, expected) in cases {
        let settings = read_clean(text);
        let schedule = &settings.schedules.get("a").expect("it is defined").value;
        let found =
            [shown(&schedule.queue_name), shown(&schedule.retry), shown(&schedule.notify), shown(&schedule.expiry)];
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn a_schedule_that_the_server_drops_is_marked() {
    let virtual_queue = "[queue.virtual.b]\nthreads-per-node = 1\n";
    let cases = [
        ("[queue.schedule.a]\nretry = ['1m']\nnotify = ['1d']".to_owned(), vec!["unregistered-strategy a"]),
        (
            "[queue.schedule.a]\nqueue-name = 'default'\nretry = '1m'\nmax-attempts = 3\nexpire = '1d'".to_owned(),
            vec!["conflicting-expiry expire"],
        ),
        (
            format!("{virtual_queue}[queue.schedule.a]\nqueue-name = 'unknown'\nretry = '1m'"),
            vec!["undefined-queue unknown"],
        ),
        (
            "[queue.schedule.a]\nqueue-name = 'newsletter'\nretry = '1m'".to_owned(),
            vec!["queue-name-too-long 'newsletter'"],
        ),
        (
            "[queue.schedule.a]\nqueue-name = 'newsletter'\nretry = '1m'\n\
             [queue.virtual.newsletter]\nthreads-per-node = 1"
                .to_owned(),
            vec!["queue-name-too-long newsletter"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(found(&text), expected, "{text}");
        let schedules = read(&text).0.schedules;
        assert!(schedules.get("a").is_some_and(|schedule| schedule.ignored_by_reference.is_some()), "{text}");
    }
}

#[test]
fn a_single_retry_registers_a_schedule_and_a_list_does_not() {
    let cases = [
        ("retry = '1m'", "missing-required a"),
        ("retry = ['1m']", "unregistered-strategy a"),
        ("retry.00 = '1m'", "unregistered-strategy a"),
        ("notify = ['1d']", "unregistered-strategy a"),
    ];
    for (key, expected) in cases {
        assert_eq!(found(&format!("[queue.schedule.a]\n{key}")), [expected], "{key}");
    }
}

#[test]
fn connections_have_their_addresses_with_their_names() {
    let settings = read_clean(
        "[queue.connection.a]\nehlo-hostname = 'a.example'\nsource-ips = ['192.0.2.1', '2001:DB8::1', '192.0.2.2']\n\
         [queue.connection.a.timeout]\nconnect = '1m'\ngreeting = '2m'\nehlo = '3m'\nmail-from = '4m'\nrcpt-to = '5m'\n\
         data = '6m'\n[queue.source-ip.192.0.2.1]\nehlo-hostname = 'one.example'\n\
         [queue.source-ip.\"2001:db8::1\"]\nehlo-hostname = 'six.example'\n",
    );
    let a = &settings.connections.get("a").expect("it is defined").value;
    let ips = a.source_ips.given().expect("they are given").iter();
    let ips: Vec<_> =
        ips.map(|ip| format!("{} {}", ip.ip, ip.ehlo_hostname.as_ref().map_or("-", Sensitive::text))).collect();
    assert_eq!(ips, ["192.0.2.1 one.example", "2001:db8::1 six.example", "192.0.2.2 -"]);
    let timeouts = [
        &a.timeout_connect,
        &a.timeout_greeting,
        &a.timeout_ehlo,
        &a.timeout_mail_from,
        &a.timeout_rcpt_to,
        &a.timeout_data,
    ];
    let minutes: Vec<_> =
        timeouts.iter().filter_map(|timeout| timeout.given()).map(|millis| millis.0 / 60_000).collect();
    assert_eq!((minutes, shown(&a.ehlo_hostname)), (vec![1, 2, 3, 4, 5, 6], "\"a.example\"".to_owned()));
}

#[test]
fn tls_strategies_have_their_words() {
    let words = [
        ("optional", "Optional"),
        ("require", "Require"),
        ("Required", "Require"),
        ("disable", "Disable"),
        ("disabled", "Disable"),
        ("none", "Disable"),
        ("false", "Disable"),
    ];
    for (word, expected) in words {
        let settings = read_clean(&format!("queue.tls.a.dane = '{word}'\nqueue.tls.a.mta-sts = '{word}'"));
        let tls = &settings.tls_strategies.get("a").expect("it is defined").value;
        assert_eq!([shown(&tls.dane), shown(&tls.mta_sts), shown(&tls.starttls)], [expected, expected, "-"]);
    }
    let registers = ["dane = 'none'", "starttls = 'none'", "allow-invalid-certs = true", "timeout.mta-sts = '1m'"];
    for key in registers {
        assert_eq!(found(&format!("[queue.tls.a]\n{key}")), Vec::<String>::new(), "{key}");
    }
    assert_eq!(found("[queue.tls.a]\nmta-sts = 'require'"), ["unregistered-strategy a"]);
}

fn limiter(limiter: &Limiter) -> String {
    let key: Vec<_> = limiter.key.iter().map(|key| format!("{:?}", key.value)).collect();
    let rate = limiter
        .rate
        .as_ref()
        .map_or_else(|| "-".to_owned(), |rate| format!("{}/{}", rate.value.count, rate.value.period));
    format!("{} [{}] {} {rate}", limiter.enabled, key.join(" "), limiter.condition.is_some())
}

fn quota(quota: &Quota) -> String {
    let number = |limit: Option<u64>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    format!(
        "{} {} {} {} {}",
        quota.enabled,
        quota.key.len(),
        quota.condition.is_some(),
        number(quota.messages.as_ref().map(|limit| limit.value)),
        number(quota.size.as_ref().map(|limit| limit.value)),
    )
}

#[test]
fn limiters_and_quotas_have_their_settings() {
    let limiters = [
        ("key = ['mx', 'local_ip']\nrate = '25/1h'", "true [Mx LocalIp] false 25/1h"),
        ("key = 'sender'\nrate = ' 10 / 5 m '\nenable = 'false'", "false [Sender] false 10/5m"),
        ("match = \"mx == 'a'\"\nrate = '1/1s'", "true [] true 1/1s"),
        ("rate = 'unlimited'", "true [] false -"),
        ("rate = false", "true [] false -"),
    ];
    for (text, expected) in limiters {
        for header in ["[[queue.limiter.outbound]]", "[queue.limiter.outbound.\"x\"]", "[queue.limiter.outbound.0001]"]
        {
            let settings = read_clean(&format!("{header}\n{text}"));
            assert_eq!(limiter(&settings.outbound_limiters[0]), expected, "{header} {text}");
        }
    }
    let settings =
        read_clean("[[queue.limiter.inbound]]\nkey = 'helo_domain'\nmatch = \"listener == 'a'\"\nrate = '1/1s'");
    assert_eq!(limiter(&settings.inbound_limiters[0]), "true [HeloDomain] false 1/1s");
    let quotas = [
        ("match = 'true'\nmessages = '5'", "true 0 true 5 -"),
        ("match = 'size > 10'\nsize = 1024\nkey = ['rcpt', 'sender_domain']", "true 2 true - 1024"),
        ("enable = false", "false 0 false - -"),
    ];
    for (text, expected) in quotas {
        let settings = read_clean(&format!("[[queue.quota]]\n{text}"));
        assert_eq!(quota(&settings.quotas[0]), expected, "{text}");
    }
}

#[test]
fn reports_are_texts_or_expressions() {
    let cases = [
        ("[report]\nsubmitter = \"'mx.example.org'\"", "- - - \"mx.example.org\""),
        ("[report]\nsubmitter = 'rcpt_domain'", "- - - 0 rules"),
        ("report.dsn.from-name = \"'Mailer'\"", "\"Mailer\" - - -"),
        ("report.dsn.from-address = \"'a@' + sender_domain\"", "- 0 rules - -"),
        ("report.dsn.from-address = [{ if = \"sender == 'a'\", then = \"'b'\" }, { else = \"'c'\" }]", "- 1 rules - -"),
        ("report.dsn.sign = \"['rsa', 'ed25519']\"", "- - [\"rsa\", \"ed25519\"] -"),
        ("report.dsn.sign = \"'rsa'\"", "- - [\"rsa\"] -"),
        ("report.dsn.sign = false", "- - [] -"),
        ("report.dsn.sign = \"['rsa-' + config_get('report.domain')]\"", "- - 0 rules -"),
    ];
    for (text, expected) in cases {
        let dsn = read_clean(text).dsn;
        let found = [shown(&dsn.from_name), shown(&dsn.from_address), shown(&dsn.sign), shown(&dsn.submitter)];
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn the_server_and_its_resolver_are_read() {
    let settings = read_clean(
        "[server]\nhostname = 'mx.example.org'\n[resolver]\ntype = 'quad9-tls'\nconcurrency = 3\ntimeout = '2s'\n\
         attempts = 4\npreserve-intermediates = false\ntry-tcp-on-error = 'true'\nedns = true\n",
    );
    let resolver = &settings.resolver;
    let found = [
        shown(&resolver.kind),
        shown(&resolver.concurrency),
        shown(&resolver.timeout),
        shown(&resolver.attempts),
        shown(&resolver.preserve_intermediates),
        shown(&resolver.try_tcp_on_error),
        shown(&resolver.edns),
    ];
    assert_eq!(found.join(" "), "Quad9 { tls: true } 3 Millis(2000) 4 false true true");
    assert_eq!(settings.hostname.as_ref().map(|name| name.value.text()), Some("mx.example.org"));
    let custom = read_clean("[resolver]\ntype = 'custom'\ncustom = 'tls://[2001:db8::53]:853'").resolver;
    assert_eq!(custom.servers[0].value.port, 853);
}

#[test]
fn selectors_are_read_in_every_form() {
    let rules = "{ if = \"rcpt_domain == 'a.example'\", then = \"'local'\" }, { else = \"'mx'\" }";
    let cases = [
        (format!("[queue.strategy]\nroute = [{rules}]"), 1),
        ("[queue.strategy]\nroute = \"'mx'\"".to_owned(), 0),
        (
            "queue.strategy.route.0000.if = \"retry_num > 1\"\nqueue.strategy.route.0000.then = \"'local'\"\n\
             queue.strategy.route.0002.if = \"retry_num > 0\"\nqueue.strategy.route.0002.then = \"'local'\"\n\
             queue.strategy.route.0010.else = \"'mx'\""
                .to_owned(),
            2,
        ),
        (
            "queue.strategy.route.1.else = \"'mx'\"\nqueue.strategy.route.0.if = \"retry_num > 1\"\n\
             queue.strategy.route.0.then = \"'local'\""
                .to_owned(),
            1,
        ),
    ];
    for (text, expected) in cases {
        match read_clean(&text).route {
            Selector::Given(block) => assert_eq!(block.rules().len(), expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(found("[queue.strategy]\nroute = [{ else = \"'mx'\" }]"), ["else-only { else = \"'mx'\" }"]);
    assert!(matches!(read("[queue.strategy]\nroute = 'relay'").0.route, Selector::Broken(_)));
    assert!(matches!(read_clean("[resolver]\nattempts = 2").route, Selector::BuiltIn));
}

#[test]
fn what_is_not_about_outbound_mail_is_passed_over() {
    let settings = read_clean(
        "[server.listener.smtp]\nbind = '[::]:25'\n[storage]\ndata = 'x'\n[session.rcpt]\nrelay = false\n[auth.dkim]\n\
         sign = 'x'\n[certificate.a]\ncert = 'x'\n[directory.d]\ntype = 'internal'\n[tracer.t]\nlevel = 'info'\n\
         [report.tls]\naggregate = 'daily'\n[report]\ndomain = 'example.org'\n[spam-filter]\nenable = true\n\
         [lookup.default]\nhostname = 'x'\n[list]\na = 'b'\n[report.dsn]\nsign = \"[]\"\n",
    );
    let expected = Settings { dsn: settings.dsn.clone(), ..Settings::empty(Dialect::Strategies2025) };
    assert_eq!(format!("{settings:?}"), format!("{expected:?}"));
}

#[test]
fn stores_are_known_where_the_document_defines_some() {
    let selector = "[queue.strategy]\nroute = \"if_then(key_exists('clients', sender), 'local', 'mx')\"\n";
    let cases = [
        ("", None),
        ("[store.clients]\ntype = 'memory'\n", None),
        ("[lookup.clients]\na = '1'\n", None),
        ("[lookup.default]\nhostname = 'x'\n", None),
        ("[store.\"client\"]\ntype = 'memory'\n", Some("unknown-store 'clients'")),
    ];
    for (stores, expected) in cases {
        assert_eq!(found(&format!("{stores}{selector}")), Vec::from_iter(expected), "{stores}");
    }
}

/// Knows one secret, whatever is asked for.
struct Planted;

const PLANTED: &str = "hunter2-planted";

impl Resources for Planted {
    fn variable(&self, _name: &str) -> Result<Secret, String> {
        Ok(Secret::new(PLANTED))
    }

    fn file(&self, _path: &str) -> Result<Secret, String> {
        Ok(Secret::new(PLANTED))
    }

    fn resolves(&self) -> bool {
        true
    }
}

#[test]
fn what_a_macro_gives_is_in_no_finding() {
    let keys = [
        "queue.strategy.route",
        "queue.strategy.tls",
        "queue.route.a.type",
        "queue.route.b.address",
        "queue.route.b.port",
        "queue.route.b.protocol",
        "queue.route.b.tls.implicit",
        "queue.route.b.auth.secret",
        "queue.schedule.a.queue-name",
        "queue.schedule.a.retry",
        "queue.schedule.a.max-attempts",
        "queue.virtual.v.threads-per-node",
        "queue.connection.a.source-ips",
        "queue.tls.a.dane",
        "queue.limiter.outbound.a.key",
        "queue.limiter.outbound.a.rate",
        "queue.limiter.outbound.a.match",
        "queue.quota.a.key",
        "queue.quota.a.size",
        "queue.quota.a.match",
        "resolver.type",
        "resolver.custom",
        "report.dsn.from-address",
        "report.dsn.sign",
    ];
    let lines: Vec<_> = keys.iter().map(|key| format!("{key} = '%{{env:SECRET}}% ( /'\n")).collect();
    let text = format!("queue.route.b.type = 'relay'\n{}", lines.concat());
    let source = Source::new("policy.toml", &*text);
    let loaded = load(&source, None, &Planted);
    assert!(loaded.findings.errors() > 15, "{:?}", loaded.findings);
    for finding in &loaded.findings {
        assert!(!format!("{finding:?}").contains(PLANTED), "{finding:?}");
    }
    let unresolved = load(&source, None, &NoResources).findings;
    let errors: Vec<_> = unresolved.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "an unresolved macro is no error: {errors:?}");
}

#[test]
fn a_text_out_of_a_macro_is_masked_in_reports() {
    let source = Source::new("policy.toml", "report.dsn.from-name = \"'%{env:NAME}%'\"");
    let settings = load(&source, None, &Planted).settings.expect("TOML is readable");
    assert_eq!(shown(&settings.dsn.from_name), "***");
}

fn key() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "queue",
        "strategy",
        "route",
        "schedule",
        "virtual",
        "connection",
        "source-ip",
        "tls",
        "limiter",
        "outbound",
        "inbound",
        "quota",
        "remote",
        "resolver",
        "report",
        "dsn",
        "retry",
        "type",
        "address",
        "key",
        "rate",
        "match",
        "0",
        "0001",
        "if",
        "then",
        "else",
        "\"a.b\"",
        "10.0.0.1",
        "timeout",
        "\"\"",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("."))
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "1",
        "0",
        "-1",
        "false",
        "\"relay\"",
        "\"'mx'\"",
        "\"1h\"",
        "\"5/1h\"",
        "[]",
        "{}",
        "\"\"",
        "[\"a\", 1]",
        "[ { if = \"true\", then = \"'a'\" }, { else = \"'b'\" } ]",
        "{ if = \"sender\", eq = \"ü\" }",
        "\"%{env:X}%\"",
        "\"[2001:db8::1]:53\"",
        "{ else = 1 }",
        "2020-01-01",
    ])
}

proptest! {
    /// Whatever stands wherever, what is found lies within the document, and reading again finds the same.
    #[test]
    fn any_arrangement_of_known_words_is_read(
        statements in prop::collection::vec((any::<u8>(), key(), value()), 0..12)
    ) {
        let line = |(kind, key, value): &(u8, String, &str)| match kind % 4 {
            0 => format!("[{key}]\n"),
            1 => format!("[[{key}]]\n"),
            _ => format!("{key} = {value}\n"),
        };
        let text: String = statements.iter().map(line).collect();
        let source = Source::new("policy.toml", &*text);
        let loaded = load(&source, Some(Dialect::Strategies2025), &NoResources);
        for finding in &loaded.findings {
            prop_assert!(text.get(finding.range.indices()).is_some(), "{:?}", finding);
        }
        let again = load(&source, Some(Dialect::Strategies2025), &NoResources);
        prop_assert_eq!(format!("{:?}", loaded.findings), format!("{:?}", again.findings));
        // Detection, and the other resources, read whatever there is as well.
        let _ = (load(&source, None, &NoResources), load(&source, None, &Planted));
    }
}

#[test]
fn rows_of_published_mistakes_give_their_rules() {
    let relay = "type = \"relay\"\naddress = \"a.example\"\nport = 25\nprotocol = \"smtp\"\n";
    let row = |text: String, expected: Vec<&'static str>| (text, expected);
    let cases = [
        row("[queue.strategy]\nroute = \"'mx'\"\n[queue.strategy]\ntls = \"'default'\"".to_owned(), vec![
            "toml-duplicate-table [queue.strategy]",
        ]),
        row(format!("[route.\"relay\"]\n{relay}[route.\"relay\".tls]\nimplicit = false"), vec!["wrong-prefix \"relay\""]),
        row("[queue.route.relay]\ntype = \"relay\"".to_owned(), vec!["missing-required relay"]),
        row("[queue.strategy]\nroute = \"sql_query(\"db\", \"SELECT 1\", [])\"".to_owned(), vec!["toml-bad-quoting \""]),
        row(
            "[queue.schedule.remote]\nqueue-name = \"mx\"\nretry = \"1m\"\n[queue.virtual.remote]\nthreads-per-node = 1"
                .to_owned(),
            vec!["undefined-queue mx"],
        ),
        row("[queue.schedule.local]\nqueue-name = \"default\"".to_owned(), vec!["missing-retry local"]),
        row("[queue.virtual.high-priority]\nthreads-per-node = 1".to_owned(), vec!["queue-name-too-long high-priority"]),
        row("[queue.virtual.autogenerated]\nthreads-per-node = 1".to_owned(), vec!["queue-name-too-long autogenerated"]),
        row("[queue.tls.default]\nmta-sts = \"optional\"".to_owned(), vec!["unregistered-strategy default"]),
        row("[queue.connection.default]\nsource-ips = [\"192.0.2.1\"]".to_owned(), vec!["unregistered-strategy default"]),
        row("[[queue.limiter.outbound]]\nkey = [\"rcpt\"]\nrate = \"1/1s\"".to_owned(), vec!["limiter-key \"rcpt\""]),
        row("[[queue.limiter.outbound]]\nrate = \"1/1s\"\nconcurrency = 5".to_owned(), vec!["ineffective-setting concurrency"]),
        row("[[queue.limiter.outbound]]\nmatch = \"remote_ip = '192.0.2.20'\"\nrate = \"1/1s\"".to_owned(), vec!["single-equals ="]),
        row("[[queue.quota]]\nkey = [\"rcpt\"]\nmessages = 1".to_owned(), vec!["quota-without-match [[queue.quota]]", "dialect-unsure messages"]),
        row("[queue.strategy]\nroute = \"if_then(matches('^a\\.b$', rcpt), 'local', 'mx')\"".to_owned(), vec!["toml-bad-escape \\."]),
        row("[resolver]\ncustom = [\"udp://192.0.2.1\"]".to_owned(), vec!["ineffective-setting custom"]),
        row("[queue.strategy]\nroute = \"relay\"".to_owned(), vec!["unquoted-string relay"]),
    ];
    for (text, expected) in cases {
        let found = found(&text);
        // What an expression gives is not the point of its row.
        let found: Vec<_> = found.iter().filter(|finding| !finding.starts_with("open-outcome")).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn keys_of_older_layouts_are_told_what_stands_for_them() {
    let cases = [
        ("queue.outbound.next-hop = \"'a'\"", "next-hop", "queue.strategy.route"),
        ("queue.outbound.hostname = \"'a'\"", "hostname", "ehlo-hostname"),
        ("queue.outbound.ip-strategy = 'x'", "ip-strategy", "ip-lookup"),
        ("queue.outbound.limits.mx = 3", "limits", "queue.route.NAME.limits"),
        ("queue.outbound.source-ip.v4 = 'x'", "source-ip", "source-ips"),
        ("queue.outbound.tls.dane = 'require'", "tls", "[queue.tls.NAME]"),
        ("queue.outbound.timeouts.data = '1m'", "timeouts", "timeout"),
        ("queue.outbound.other = 1", "other", "queue.strategy"),
        ("queue.schedule.retry = '[1m]'", "retry", "queue.schedule.NAME.retry"),
        ("queue.schedule.notify.0.else = '[1m]'", "notify", "queue.schedule.NAME.notify"),
        ("queue.threads.remote = 5", "threads", "threads-per-node"),
        ("queue.throttle.a.rate = '1/1s'", "throttle", "[[queue.limiter.outbound]]"),
        ("remote.a.address = 'x'", "a", "[queue.route.\"a\"]"),
    ];
    for (text, place, instead) in cases {
        let text = format!("queue.tls.default.dane = 'optional'\n{text}\n");
        let source = Source::new("policy.toml", &*text);
        let loaded = load(&source, None, &NoResources);
        let [finding] = loaded.findings.iter().collect::<Vec<_>>()[..] else {
            panic!("{text}: {:?}", loaded.findings);
        };
        assert_eq!((finding.code.rule, source.slice(finding.range)), ("dialect-mixed", place), "{text}");
        assert_eq!(source.slice(finding.related[0].0), "tls", "{text}");
        assert!(finding.help.as_ref().is_some_and(|help| help.contains(instead)), "{text}: {finding:?}");
    }
}

/// The files of a folder with their names, in order; none where there is no such folder.
fn files(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: {} is not at hand", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    #[expect(clippy::disallowed_methods, reason = "a test reads files")]
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    paths.iter().map(|path| (name(path), text(path))).collect()
}

fn own(folder: &str) -> Vec<(String, String)> {
    let files =
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/policies/strategies_2025").join(folder));
    assert!(!files.is_empty(), "{folder}");
    files
}

#[test]
fn valid_policies_load_without_a_finding() {
    for (name, text) in own("valid") {
        let source = Source::new(&*name, text);
        let loaded = load(&source, None, &NoResources);
        assert!(loaded.findings.is_empty(), "{name}: {:?}", loaded.findings);
        assert_eq!(loaded.settings.map(|settings| settings.dialect), Some(Dialect::Strategies2025), "{name}");
    }
}

#[test]
fn invalid_policies_give_the_finding_that_they_are_named_after() {
    for (name, text) in own("invalid") {
        let source = Source::new(&*name, text);
        let loaded = load(&source, Some(Dialect::Strategies2025), &NoResources);
        let rules: BTreeSet<_> = loaded.findings.iter().map(|finding| finding.code.rule).collect();
        // A definition under the wrong prefix is told so as well.
        let rules: Vec<_> =
            rules.into_iter().filter(|rule| !name.contains("prefix") || name.starts_with(rule)).collect();
        let [rule] = rules[..] else { panic!("{name}: {:?}", loaded.findings) };
        assert!(name.starts_with(rule), "{name}: {:?}", loaded.findings);
    }
}

/// Published files that their publishers call valid and that the server does not take: the rule that says so.
const REFUSED: [(&str, &str); 2] = [
    ("docs-routing-relay-delivery-2025-07.toml", "missing-required"),
    ("docs-schedule-attempt-based-expiration-2025-07.toml", "missing-retry"),
];

#[test]
fn published_policies_that_are_valid_load_without_an_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let index =
        files(&folder).into_iter().find(|(name, _)| name == "INDEX.tsv").map(|(_, text)| text).unwrap_or_default();
    let is_valid = |path: &str| {
        let columns = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
        let line = index.lines().map(columns).find(|columns| columns.first().is_some_and(|slug| slug == path));
        let validity = line.and_then(|columns| columns.get(5).cloned()).unwrap_or_default();
        validity.starts_with("valid") || validity.starts_with("looks valid")
    };
    for kind in ["toml-2025", "kv-2025"] {
        for (name, text) in files(&folder.join(kind)) {
            let source = Source::new(&*name, text);
            let loaded = load(&source, None, &NoResources);
            let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
            // Whether names are defined is found out after reading.
            let rules: Vec<_> =
                errors.map(|finding| finding.code.rule).filter(|rule| *rule != "undefined-strategy").collect();
            let expected: Vec<_> = REFUSED.iter().filter(|(file, _)| *file == name).map(|(_, rule)| *rule).collect();
            if is_valid(&format!("{kind}/{name}")) {
                assert_eq!(rules, expected, "{name}: {:?}", loaded.findings);
            }
        }
    }
}
