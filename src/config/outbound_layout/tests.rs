//! Tests of both readers: what tables say, what the corpus says, what real files say.

#![expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]

use std::{collections::BTreeSet, fs, path::Path};

use base::{Secret, Severity};
use document::{Source, render};
use policy::{Answers, Block, Facts, Kind, Lookup, Stop, Value, Variable, interpret};
use proptest::prelude::*;

use crate::{
    Dialect, Loaded, NoResources, Resources, Settings,
    describe::Origin,
    load,
    settings::{Route, Selector, Setting},
};
use Dialect::{Expressions2024, Legacy2022};

/// `text` read in `dialect`.
fn read(dialect: Dialect, text: &str) -> Loaded {
    load(&Source::new("policy.toml", text), Some(dialect), &NoResources)
}

/// The settings of `text`, which has no finding but notes.
fn settings(dialect: Dialect, text: &str) -> Settings {
    let loaded = read(dialect, text);
    let source = Source::new("policy.toml", text);
    let is_clean = loaded.findings.iter().all(|finding| finding.severity == Severity::Note);
    assert!(is_clean, "{}", render::text(&source, &loaded.findings, render::Colour::Never));
    loaded.settings.unwrap()
}

/// The rules of the findings about `text`.
fn rules(dialect: Dialect, text: &str) -> Vec<&'static str> {
    read(dialect, text).findings.iter().map(|finding| finding.code.rule).collect()
}

/// The file `path`, named by its last part.
fn file(path: &Path) -> Source {
    Source::new(path.file_name().unwrap().to_str().unwrap(), fs::read_to_string(path).unwrap())
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn facts(facts: &[(Variable, Value)]) -> Facts {
    facts.iter().fold(Facts::new(), |all, (variable, value)| all.with(*variable, value.clone()))
}

/// What `block` gives, written as the language writes it; a question where it asks one.
fn decide(block: &Block, facts: &Facts) -> String {
    match interpret::block(block, &facts.row(), &Answers::new(), &mut ()) {
        Ok(decision) => decision.value.to_string(),
        Err(Stop::Needs(lookup)) => format!("needs {lookup}"),
        Err(Stop::Failed(error)) => error.to_string(),
    }
}

fn route(settings: &Settings) -> &Block {
    match &settings.route {
        Selector::Given(block) => block,
        other => panic!("{other:?}"),
    }
}

/// What the document says of a strategy, as `key=value` lines.
fn described(settings: &Settings, kind: Kind, name: &str) -> Vec<String> {
    let lines = settings.describe(kind, name, settings.dialect.target());
    let lines = lines.into_iter().filter(|line| line.origin != Origin::Default);
    lines.map(|line| format!("{}={}", line.key, line.value)).collect()
}

#[test]
fn every_setting_is_read_alike_in_both_dialects() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/policies");
    for dialect in [Legacy2022, Expressions2024] {
        let path = corpus.join(dialect.name()).join("valid/every-setting.toml");
        let settings = settings(dialect, &fs::read_to_string(path).unwrap());
        let hostname = settings.hostname.as_ref().map(|name| name.value.text());
        assert_eq!(hostname, Some("mx.home.example"), "{dialect}");
        for kind in [Kind::Schedule, Kind::Connection, Kind::Tls] {
            let Selector::Given(block) = settings.selector(kind) else { panic!("{dialect} {kind}") };
            assert_eq!(decide(block, &Facts::new()), "'default'", "{dialect} {kind}");
        }
        assert_eq!(decide(route(&settings), &Facts::new()), "'relay'");
        insta::allow_duplicates! {
            let said = [
                (Kind::Route, "mx"),
                (Kind::Route, "relay"),
                (Kind::Schedule, "default"),
                (Kind::Connection, "default"),
                (Kind::Tls, "default"),
            ]
            .map(|(kind, name)| format!("{kind} {name}\n  {}\n", described(&settings, kind, name).join("\n  ")));
            let limits = settings.outbound_limiters.first().map(|limiter| {
                (
                    limiter.key.iter().map(|key| key.value).collect::<Vec<_>>(),
                    limiter.rate.as_ref().map(|rate| rate.value),
                    limiter.concurrency.as_ref().map(|concurrency| concurrency.value),
                    limiter.condition.is_some(),
                )
            });
            let quotas = settings.quotas.first().map(|quota| {
                (
                    quota.key.iter().map(|key| key.value).collect::<Vec<_>>(),
                    quota.messages.as_ref().map(|messages| messages.value),
                    quota.size.as_ref().map(|size| size.value),
                    quota.condition.is_some(),
                )
            });
            let dsn = &settings.dsn;
            let reports = (dsn.from_name.given(), dsn.from_address.given(), dsn.sign.given(), dsn.submitter.given());
            insta::assert_snapshot!(
                "every-setting",
                format!("{}{limits:?}\n{quotas:?}\n{reports:?}\n", said.concat())
            );
        }
    }
}

#[test]
fn the_listed_domains_go_to_the_host_and_the_rest_by_mx() {
    let settings = settings(
        Legacy2022,
        r#"
        [queue.outbound]
        next-hop = [ { if = "rcpt-domain", in-list = "list/domains", then = "store" }, { else = false } ]
        [remote.store]
        address = "localhost"
        port = 24
        protocol = "lmtp"
        tls = { implicit = false, allow-invalid-certs = true }
        [list]
        domains = ["home.example", "office.example"]
        "#,
    );
    for (domain, expected) in [("home.example", "'store'"), ("office.example", "'store'"), ("far.example", "'mx'")] {
        let facts = facts(&[(Variable::RcptDomain, text(domain))]);
        assert_eq!(decide(route(&settings), &facts), expected, "{domain}");
    }
    assert!(matches!(settings.routes.get("mx").map(|route| &route.value), Some(Route::Mx(_))));
    assert_eq!(
        described(&settings, Kind::Route, "store"),
        [
            "type=relay",
            "address=localhost",
            "port=24",
            "protocol=lmtp",
            "tls.implicit=false",
            "tls.allow-invalid-certs=true"
        ]
    );
}

#[test]
fn a_condition_holds_as_its_operator_says() {
    let kim = || {
        facts(&[
            (Variable::Sender, text("kim@home.example")),
            (Variable::SenderDomain, text("home.example")),
            (Variable::RcptDomain, text("corp.example")),
            (Variable::Priority, Value::Int(-4)),
            (Variable::Mx, text("mx.corp.example")),
            (Variable::RemoteIp, text("192.0.2.9")),
            (Variable::LocalIp, text("2001:db8::9")),
        ])
    };
    let cases = [
        (r#"if = "rcpt-domain", eq = "corp.example""#, "1"),
        (r#"if = "rcpt-domain", eq = "Corp.example""#, "0"),
        (r#"if = "rcpt-domain", equal-to = "home.example""#, "0"),
        (r#"if = "rcpt-domain", ne = "home.example""#, "1"),
        (r#"if = "rcpt-domain", not-equal-to = "corp.example""#, "0"),
        (r#"if = "sender", ne = """#, "1"),
        (r#"if = "priority", eq = -4"#, "1"),
        (r#"if = "priority", eq = "-4""#, "1"),
        (r#"if = "priority", ne = 4"#, "1"),
        (r#"if = "mx", starts-with = "mx.""#, "1"),
        (r#"if = "mx", not-starts-with = "mx.""#, "0"),
        (r#"if = "mx", ends-with = ".home.example""#, "0"),
        (r#"if = "mx", not-ends-with = ".home.example""#, "1"),
        (r#"if = "sender", matches = "^kim@(.+)$""#, "1"),
        (r#"if = "sender", not-matches = "^kim@(.+)$""#, "0"),
        (r#"if = "sender-domain", in-list = "list/own""#, "1"),
        (r#"if = "rcpt-domain", in-list = "list/own""#, "0"),
        (r#"if = "rcpt-domain", not-in-list = "list/own""#, "1"),
        (r#"if = "remote-ip", eq = "192.0.2.9""#, "1"),
        (r#"if = "remote-ip", eq = "192.0.2.0/24""#, "1"),
        (r#"if = "remote-ip", ne = "192.0.2.0/24""#, "0"),
        (r#"if = "remote-ip", eq = "192.0.3.0/24""#, "0"),
        (r#"if = "remote-ip", starts-with = "192.""#, "1"),
        (r#"if = "local-ip", eq = "2001:DB8:0::9""#, "1"),
        (r#"if = "local-ip", eq = "2001:db8::/32""#, "1"),
        (r#"if = "local-ip", ne = "192.0.2.0/24""#, "1"),
        (r#"any-of = [{ if = "mx", eq = "" }, { if = "priority", eq = -4 }]"#, "1"),
        (r#"any-of = [{ if = "mx", eq = "" }, { if = "priority", eq = 4 }]"#, "0"),
        (r#"all-of = [{ if = "mx", ne = "" }, { if = "priority", eq = -4 }]"#, "1"),
        (r#"all-of = [{ if = "mx", ne = "" }, { if = "priority", eq = 4 }]"#, "0"),
        (r#"none-of = [{ if = "mx", eq = "" }, { if = "priority", eq = 4 }]"#, "1"),
        (r#"none-of = [{ if = "mx", eq = "" }, { if = "priority", eq = -4 }]"#, "0"),
        (r#"none-of = [{ none-of = [{ if = "priority", eq = -4 }, { if = "mx", eq = "" }] }]"#, "1"),
        (r#"none-of = [{ all-of = [{ if = "priority", eq = -4 }, { if = "mx", ne = "" }] }]"#, "0"),
    ];
    for (condition, expected) in cases {
        let document = format!(
            "[list]\nown = [\"home.example\"]\n[[queue.throttle]]\nconcurrency = 1\nmatch = {{ {condition} }}\n"
        );
        let settings = settings(Legacy2022, &document);
        let block = settings.outbound_limiters.first().and_then(|limiter| limiter.condition.as_ref()).unwrap();
        assert_eq!(decide(block, &kim()), expected, "{condition}");
    }
}

#[test]
fn a_rules_parts_stand_where_they_are_written() {
    let document = "[queue.outbound]\nip-strategy = [ { if = \"sender\", eq = \"\", then = \"ipv4-only\" }, { else = \
                    \"ipv6-only\" } ]\n";
    let settings = settings(Legacy2022, document);
    let Some(Route::Mx(mx)) = settings.routes.get("mx").map(|route| &route.value) else { panic!("no route") };
    let Setting::Chosen(block) = &mx.ip_lookup else { panic!("{:?}", mx.ip_lookup) };
    let parts: Vec<_> = block.ir().exprs().map(|(_, expr)| expr.range.slice(document)).collect();
    assert_eq!(parts, ["\"sender\"", "\"\"", "if = \"sender\", eq = \"\"", "\"ipv4-only\"", "\"ipv6-only\""]);
    let rule = block.rules().first().unwrap().range.slice(document);
    assert_eq!(rule, "{ if = \"sender\", eq = \"\", then = \"ipv4-only\" }");
    assert_eq!(block.otherwise_range().slice(document), "{ else = \"ipv6-only\" }");
}

#[test]
fn next_hops_become_names_of_routes() {
    let host = "[remote.hub]\naddress = \"hub.example\"\nport = 25\nprotocol = \"smtp\"\n";
    let mx = "[remote.mx]\naddress = \"mx.example\"\nport = 25\nprotocol = \"smtp\"\n";
    let cases: [(Dialect, &str, &str, &str); 22] = [
        (Legacy2022, "limits.mx = 5", "", "'mx'"),
        (Legacy2022, "next-hop = false", "", "'mx'"),
        (Legacy2022, "next-hop = \"never\"", host, "'mx'"),
        (Legacy2022, "next-hop = \"\"", host, "'mx'"),
        (Legacy2022, "next-hop = 0", host, "'mx'"),
        (Legacy2022, "next-hop = \"hub\"", host, "'hub'"),
        (Legacy2022, "next-hop = \"mx\"", mx, "'mx'"),
        (Legacy2022, "next-hop = false", mx, "'mx-by-dns'"),
        (Legacy2022, "next-hop = [{ else = \"hub\" }]", host, "'hub'"),
        (Expressions2024, "limits.mx = 5", "", "needs is_local_domain('home.example')"),
        (Expressions2024, "next-hop = false", "", "'mx'"),
        (Expressions2024, "next-hop = 0", mx, "'mx-by-dns'"),
        (Expressions2024, "next-hop = \"'hub'\"", host, "'hub'"),
        (Expressions2024, "next-hop = \"'local'\"", "", "'local'"),
        (Expressions2024, "next-hop = \"if_then(retry_num == 0, false, 'hub')\"", host, "'mx'"),
        (Expressions2024, "next-hop = \"if_then(retry_num == 1, 1, 'hub')\"", host, "'hub'"),
        (Expressions2024, "next-hop = \"if_then(retry_num == 1, 1, if_then(sender == '', 'hub', 5.5))\"", host, "'mx'"),
        (Expressions2024, "next-hop = \"optional\"", "", "'mx'"),
        (Expressions2024, "next-hop = \"[]\"", "", "[]"),
        (Expressions2024, "next-hop = [{ if = \"retry_num == 0\", then = \"1\" }, { else = \"'hub'\" }]", host, "'mx'"),
        (Expressions2024, "next-hop = [{ if = \"false\", then = \"1\" }, { else = \"'hub'\" }]", host, "'hub'"),
        (Expressions2024, "next-hop = \"is_empty(sender)\"", "", "0"),
    ];
    let facts = facts(&[
        (Variable::RetryNum, Value::Int(0)),
        (Variable::RcptDomain, text("home.example")),
        (Variable::Sender, text("kim@home.example")),
    ]);
    for (dialect, next_hop, hosts, expected) in cases {
        let document = format!("[queue.outbound]\n{next_hop}\n{hosts}");
        let settings = settings(dialect, &document);
        assert_eq!(decide(route(&settings), &facts), expected, "{dialect}: {next_hop} {hosts}");
    }
}

#[test]
fn rules_with_an_error_pick_nothing() {
    let host = "[remote.hub]\naddress = \"hub.example\"\nport = 25\nprotocol = \"smtp\"\n";
    let cases = [
        (Legacy2022, "[{ if = \"sender\", eq = \"\" }, { else = \"hub\" }]"),
        (Legacy2022, "[{ if = \"mx\", eq = \"\", then = false }, { else = \"hub\" }]"),
        (Legacy2022, "\"hubb\""),
        (Expressions2024, "[{ if = \"sender == ''\" }, { else = \"'hub'\" }]"),
        (Expressions2024, "[{ if = \"mx == ''\", then = false }, { else = \"'hub'\" }]"),
        (Expressions2024, "[{ if = \"sender\", eq = \"\", then = false }, { else = \"'hub'\" }]"),
        (Expressions2024, "\"hub\""),
    ];
    for (dialect, next_hop) in cases {
        let loaded = read(dialect, &format!("[queue.outbound]\nnext-hop = {next_hop}\n{host}"));
        assert!(loaded.findings.has_errors(), "{dialect}: {next_hop}");
        let route = loaded.settings.unwrap().route;
        assert!(matches!(route, Selector::Broken(_)), "{dialect}: {next_hop}: {route:?}");
    }
}

#[test]
fn the_built_in_local_route_is_there_where_it_can_be_picked() {
    let cases = [
        (Legacy2022, "[queue.outbound]\nnext-hop = false", false),
        (Expressions2024, "[queue.threads]\nremote = 5", true),
        (Expressions2024, "[queue.outbound]\nnext-hop = false", false),
        (Expressions2024, "[queue.outbound]\nnext-hop = \"'local'\"", true),
        (Expressions2024, "[queue.outbound]\nnext-hop = \"key_get('*', rcpt_domain)\"", true),
    ];
    for (dialect, document, expected) in cases {
        let settings = settings(dialect, document);
        let local = settings.routes.get("local").is_some_and(|route| matches!(route.value, Route::Local));
        assert_eq!(local, expected, "{dialect}: {document}");
    }
}

#[test]
fn values_that_are_none_leave_the_default() {
    let cases = [
        (Legacy2022, "hostname = false"),
        (Legacy2022, "hostname = \"\""),
        (Legacy2022, "hostname = \"disabled\""),
        (Expressions2024, "hostname = false"),
        (Expressions2024, "hostname = \"''\""),
    ];
    for (dialect, line) in cases {
        let settings = settings(dialect, &format!("[queue.outbound]\n{line}\n"));
        let connection = &settings.connections.get("default").unwrap().value;
        assert!(connection.ehlo_hostname.is_default(), "{dialect}: {line}");
    }
}

#[test]
fn words_mean_what_they_say_in_every_spelling() {
    let cases = [
        (Legacy2022, "starttls = \"required\"", "starttls=require"),
        (Legacy2022, "starttls = \"OPTIONAL\"", "starttls=optional"),
        (Legacy2022, "starttls = false", "starttls=disable"),
        (Legacy2022, "dane = \"none\"", "dane=disable"),
        (Legacy2022, "mta-sts = [{ else = \"disabled\" }]", "mta-sts=disable"),
        (Expressions2024, "starttls = \"required\"", "starttls=require"),
        (Expressions2024, "starttls = \" Require \"", "starttls=require"),
        (Expressions2024, "starttls = false", "starttls=disable"),
        (Expressions2024, "dane = [{ else = \"disable\" }]", "dane=disable"),
    ];
    for (dialect, line, expected) in cases {
        let settings = settings(dialect, &format!("[queue.outbound.tls]\n{line}\n"));
        assert_eq!(described(&settings, Kind::Tls, "default"), [expected], "{dialect}: {line}");
    }
}

#[test]
fn local_addresses_of_both_families_are_one_list() {
    let legacy = "v4 = [{ if = \"mx\", eq = \"a.example\", then = [\"192.0.2.1\"] }, { else = [\"192.0.2.2\"] }]";
    let legacy_both = format!("{legacy}\nv6 = [{{ if = \"sender\", eq = \"\", then = \"::1\" }}, {{ else = [] }}]");
    let legacy_none = format!("{legacy}\nv6 = [{{ if = \"sender\", eq = \"\" }}, {{ else = [\"::2\", \"::3\"] }}]");
    let cases: [(Dialect, &str, &str, &str, &str); 9] = [
        (Legacy2022, legacy, "a.example", "x", "['192.0.2.1']"),
        (Legacy2022, &legacy_both, "a.example", "", "['192.0.2.1', '::1']"),
        (Legacy2022, &legacy_both, "b.example", "", "['192.0.2.2', '::1']"),
        (Legacy2022, &legacy_both, "b.example", "x", "['192.0.2.2']"),
        (Legacy2022, &legacy_none, "a.example", "", "['192.0.2.1']"),
        (Legacy2022, &legacy_none, "a.example", "x", "['192.0.2.1', '::2', '::3']"),
        (
            Expressions2024,
            "v4 = \"if_then(sender == '', '192.0.2.1', ['192.0.2.2', '192.0.2.3'])\"\nv6 = \"'::1'\"",
            "a.example",
            "",
            "['192.0.2.1', '::1']",
        ),
        (
            Expressions2024,
            "v4 = \"if_then(sender == '', '192.0.2.1', ['192.0.2.2', '192.0.2.3'])\"\nv6 = \"'::1'\"",
            "a.example",
            "x",
            "['192.0.2.2', '192.0.2.3', '::1']",
        ),
        (
            Expressions2024,
            "v4 = \"'192.0.2.1'\"\nv6 = [{ if = \"sender == ''\", then = false }, { else = \"'::1'\" }]",
            "a.example",
            "",
            "['192.0.2.1']",
        ),
    ];
    for (dialect, lines, mx, sender, expected) in cases {
        let settings = settings(dialect, &format!("[queue.outbound.source-ip]\n{lines}\n"));
        let Setting::Chosen(block) = &settings.connections.get("default").unwrap().value.source_ips else {
            panic!("{dialect}: {lines}")
        };
        let facts = facts(&[(Variable::Mx, text(mx)), (Variable::Sender, text(sender))]);
        assert_eq!(decide(block, &facts), expected, "{dialect}: {lines} {mx} {sender}");
    }
}

/// Answers every file with the same lines.
struct Files(bool);

impl Resources for Files {
    fn variable(&self, _name: &str) -> Result<Secret, String> {
        Ok(Secret::new("planted-secret("))
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        match path {
            "/lists/partners" => Ok(Secret::new("one.example\n\n  two.example\n")),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn resolves(&self) -> bool {
        self.0
    }
}

#[test]
fn lists_are_read_from_files_where_files_are_opened() {
    let document = "[list]\npartners = [\"three.example\", \"file:///lists/partners\"]\n[[queue.throttle]]\nconcurrency \
                    = 1\nmatch = { if = \"sender-domain\", in-list = \"list/partners\" }\n";
    let source = Source::new("policy.toml", document);
    let cases = [
        (true, "one.example", "1"),
        (true, "two.example", "1"),
        (true, "three.example", "1"),
        (true, "four.example", "0"),
        (false, "three.example", "needs in-list('list/partners', 'three.example')"),
    ];
    for (resolves, domain, expected) in cases {
        let loaded = load(&source, Some(Legacy2022), &Files(resolves));
        let settings = loaded.settings.unwrap();
        let block = settings.outbound_limiters.first().and_then(|limiter| limiter.condition.as_ref()).unwrap();
        let facts = facts(&[(Variable::SenderDomain, text(domain))]);
        assert_eq!(decide(block, &facts), expected, "{resolves} {domain}");
    }
    let missing = document.replace("partners\"]", "nobody\"]");
    let loaded = load(&Source::new("policy.toml", missing), Some(Legacy2022), &Files(true));
    let rules: Vec<_> = loaded.findings.iter().map(|finding| finding.code.rule).collect();
    assert_eq!(rules, ["file-unreadable"]);
}

#[test]
fn what_came_out_of_a_macro_is_in_no_finding_and_no_plain_setting() {
    let conditions: String = [
        "if = \"sender\", matches",
        "if = \"sender\", in-list",
        "if = \"priority\", eq",
        "if = \"remote-ip\", eq",
        "eq = \"\", if",
    ]
    .map(|part| format!("[[queue.throttle]]\nconcurrency = 1\nmatch = {{ {part} = \"%{{env:X}}%\" }}\n"))
    .concat();
    for dialect in [Legacy2022, Expressions2024] {
        let quote = if dialect == Legacy2022 { "" } else { "'" };
        let document = format!(
            "[queue.outbound]\nhostname = \"{quote}%{{env:X}}%{quote}\"\nip-strategy = \"%{{env:X}}%\"\nnext-hop = \"%{{env:X}}%\"\n[remote.hub]\n\
             address = \"%{{env:X}}%\"\nport = \"%{{env:X}}%\"\nprotocol = \"%{{env:X}}%\"\nauth.secret = \
             \"%{{env:X}}%\"\n[[queue.throttle]]\nkey = [\"%{{env:X}}%\"]\nrate = \"%{{env:X}}%\"\n[[queue.quota]]\n\
             messages = \"%{{env:X}}%\"\n[queue.schedule]\nretry = \"%{{env:X}}%\"\n{}",
            if dialect == Legacy2022 { conditions.as_str() } else { "" }
        );
        let source = Source::new("policy.toml", document);
        let loaded = load(&source, Some(dialect), &Files(true));
        assert!(loaded.findings.has_errors(), "{dialect}");
        let shown = format!(
            "{}{:?}",
            render::text(&source, &loaded.findings, render::Colour::Never),
            loaded.settings.map(|settings| (settings.connections, settings.routes))
        );
        assert!(!shown.contains("planted-secret"), "{dialect}: {shown}");
    }
}

#[test]
fn macros_that_are_not_expanded_are_no_errors() {
    let cases = [
        (Legacy2022, "[queue.outbound]\nhostname = \"%{env:H}%\"\nip-strategy = \"%{env:H}%\""),
        (Legacy2022, "[queue.outbound.limits]\nmx = \"%{env:H}%\""),
        (Legacy2022, "[queue.schedule]\nretry = [\"%{env:H}%\", \"5m\"]"),
        (Legacy2022, "[queue.outbound.source-ip]\nv4 = [\"%{env:H}%\"]"),
        (Expressions2024, "[queue.outbound]\nhostname = \"'%{env:H}%'\"\nip-strategy = \"%{env:H}%\""),
        (Expressions2024, "[queue.outbound.limits]\nmx = \"%{env:H}%\""),
        (Expressions2024, "[queue.outbound.source-ip]\nv4 = \"['%{env:H}%']\""),
        (Expressions2024, "[[queue.throttle]]\nkey = [\"%{env:H}%\"]\nrate = \"%{env:H}%\"\nconcurrency = 1"),
    ];
    for (dialect, document) in cases {
        settings(dialect, document);
    }
}

#[test]
fn a_named_route_that_no_host_has_is_an_error_unless_there_are_no_hosts() {
    let legacy = "[queue.outbound]\nnext-hop = \"hub\"\n";
    let later = "[queue.outbound]\nnext-hop = \"'hub'\"\n";
    let other = "[remote.other]\naddress = \"a\"\nport = 25\nprotocol = \"smtp\"\n";
    assert_eq!(rules(Legacy2022, legacy), ["no-definitions"]);
    assert_eq!(rules(Legacy2022, &format!("{legacy}{other}")), ["unknown-remote"]);
    assert_eq!(rules(Expressions2024, later), ["no-definitions"]);
    assert_eq!(rules(Expressions2024, &format!("{later}{other}")), ["undefined-strategy"]);
}

#[test]
fn limits_end_with_a_finding() {
    use std::fmt::Write;

    let mut long = "[queue.outbound]\nnext-hop = [\n".to_owned();
    for _ in 0..=policy::limits::RULES_MAX {
        long.push_str("{if=\"mx\",eq=\"\",then=0},\n");
    }
    long.push_str("{else=0}]\n");
    assert_eq!(rules(Legacy2022, &long), ["too-many-rules"]);

    let mut pairs = "[queue.outbound.source-ip]\n".to_owned();
    for (key, address) in [("v4", "192.0.2.1"), ("v6", "::1")] {
        write!(pairs, "{key} = [").unwrap();
        for number in 0..400 {
            write!(pairs, "{{ if = \"mx\", eq = \"{number}\", then = \"{address}\" }}, ").unwrap();
        }
        pairs.push_str("{ else = [] }]\n");
    }
    assert_eq!(rules(Legacy2022, &pairs), ["too-many-rules"]);

    let deep = format!(
        "[[queue.throttle]]\nconcurrency = 1\nmatch = {}{{ if = \"mx\", eq = \"\" }}{}\n",
        "{ any-of = [".repeat(40),
        "] }".repeat(40)
    );
    assert!(rules(Legacy2022, &deep).contains(&"nesting-too-deep"), "{:?}", rules(Legacy2022, &deep));
}

/// The deepest groups that a document can have, and long chains, take little stack.
#[test]
fn a_small_stack_is_enough() {
    let deep = format!(
        "[[queue.throttle]]\nconcurrency = 1\nmatch = {}{{ if = \"mx\", eq = \"\" }}{}\n",
        "{ none-of = [".repeat(28),
        "] }".repeat(28)
    );
    let lists = format!("[queue.outbound]\nhostname = \"{}'x'{}\"\n", "[".repeat(60), "]".repeat(60));
    let calls = format!("[queue.outbound]\nnext-hop = \"{}0{}\"\n", "if_then(1, 2, ".repeat(60), ")".repeat(60));
    let chain: String =
        (0..20_000).map(|number| format!("{{ if = \"sender\", eq = \"{number}\", then = 1 }},\n")).collect();
    let chain = format!("[queue.outbound.limits]\nmx = [{chain}{{ else = 2 }}]\n");
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
        for (dialect, document) in
            [(Legacy2022, &deep), (Expressions2024, &lists), (Expressions2024, &calls), (Legacy2022, &chain)]
        {
            let loaded = read(dialect, document);
            let settings = loaded.settings.unwrap();
            if let Some(block) = settings.outbound_limiters.first().and_then(|limiter| limiter.condition.as_ref()) {
                assert_eq!(decide(block, &Facts::new()), "1");
            }
        }
    });
    thread.unwrap().join().unwrap();
}

/// Every valid policy of the corpus loads without a finding, also when its dialect is to be found out.
#[test]
fn valid_policies_have_no_findings() {
    insta::glob!("../../../corpus/policies", "{legacy_2022,expressions_2024}/valid/*", |path| {
        let source = file(path);
        let dialect = path.parent().and_then(Path::parent).and_then(Path::file_name).unwrap();
        let dialect = Dialect::named(dialect.to_str().unwrap()).unwrap();
        for forced in [Some(dialect), None] {
            let loaded = load(&source, forced, &NoResources);
            let shown = render::text(&source, &loaded.findings, render::Colour::Never);
            assert!(loaded.findings.is_empty(), "{} {forced:?}\n{shown}", path.display());
            assert_eq!(loaded.settings.unwrap().dialect, dialect, "{}", path.display());
        }
    });
}

/// Every invalid policy of the corpus breaks the one rule that it is named after. What a person is told about it is
/// recorded by the integration tests.
#[test]
fn each_invalid_policy_breaks_one_rule() {
    insta::glob!("../../../corpus/policies", "{legacy_2022,expressions_2024}/invalid/*", |path| {
        let source = file(path);
        let dialect = path.parent().and_then(Path::parent).and_then(Path::file_name).unwrap();
        let dialect = Dialect::named(dialect.to_str().unwrap()).unwrap();
        let loaded = load(&source, Some(dialect), &NoResources);
        let rules: BTreeSet<&str> = loaded.findings.iter().map(|finding| finding.code.rule).collect();
        let is_named = rules.iter().any(|rule| source.name().starts_with(rule));
        assert!(rules.len() == 1 && is_named, "{}: {rules:?}", path.display());
    });
}

/// Published files of both layouts that are valid have no error, but for those that have one rightly.
#[test]
fn published_files_have_no_errors() {
    /// Templates of an installer with a name in them that no host has, and a file that its authors mended on the
    /// same day: it speaks the protocol `local`.
    const REFUSED: [&str; 3] = [
        "toml-2023/repo-mail-server-smtp-2023-07-09.toml",
        "toml-2023/repo-mail-server-smtp-2023-10-15.toml",
        "toml-2023/repo-mail-server-remote-2023-10-20.toml",
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = fs::read_to_string(corpus.join("INDEX.tsv")) else {
        println!("skipped: {} is not there", corpus.display());
        return;
    };
    for line in index.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let (Some(slug), Some(folder), Some(validity)) = (columns.first(), columns.get(1), columns.get(5)) else {
            continue;
        };
        let dialect = match *folder {
            "toml-2022" | "toml-2023" => Legacy2022,
            "toml-2024" | "kv-2024" => Expressions2024,
            _ => continue,
        };
        let source = file(&corpus.join(slug));
        let is_valid = validity.starts_with("valid") || validity.starts_with("looks valid");
        for forced in [Some(dialect), None] {
            let loaded = load(&source, forced, &NoResources);
            let shown = render::text(&source, &loaded.findings, render::Colour::Never);
            // Parts about other things than outbound delivery are told to be no policy.
            let expected = is_valid && !REFUSED.contains(slug) && !loaded.is_no_policy();
            assert!(!expected || !loaded.findings.has_errors(), "{slug} {forced:?}\n{shown}");
            assert!(!REFUSED.contains(slug) || loaded.findings.has_errors(), "{slug} is no exception any more");
        }
    }
}

/// A condition of groups over three facts, each of which holds or not.
#[derive(Clone, Debug)]
enum Tree {
    Fact(usize, bool),
    Group(&'static str, Vec<Self>),
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Fact(fact, negated) => {
                let key = ["sender", "mx", "rcpt-domain"][*fact];
                format!("{{ if = \"{key}\", {} = \"yes\" }}", if *negated { "ne" } else { "eq" })
            }
            Self::Group(group, members) => {
                let members: Vec<_> = members.iter().map(Self::text).collect();
                format!("{{ {group} = [{}] }}", members.join(", "))
            }
        }
    }

    fn holds(&self, facts: [bool; 3]) -> bool {
        match self {
            Self::Fact(fact, negated) => facts[*fact] != *negated,
            Self::Group("all-of", members) => members.iter().all(|member| member.holds(facts)),
            Self::Group("any-of", members) => members.iter().any(|member| member.holds(facts)),
            Self::Group(_, members) => !members.iter().any(|member| member.holds(facts)),
        }
    }
}

/// Few facts, so that the members of a group often agree and often contradict each other.
fn tree() -> impl Strategy<Value = Tree> {
    let fact = (0..3_usize, any::<bool>()).prop_map(|(fact, negated)| Tree::Fact(fact, negated));
    fact.prop_recursive(4, 24, 4, |member| {
        let group = prop::sample::select(vec!["all-of", "any-of", "none-of"]);
        (group, prop::collection::vec(member, 1..4)).prop_map(|(group, members)| Tree::Group(group, members))
    })
}

proptest! {
    #[test]
    fn groups_hold_as_their_members_do(tree in tree()) {
        let document = format!("[[queue.throttle]]\nconcurrency = 1\nmatch = {}\n", tree.text());
        let settings = settings(Legacy2022, &document);
        let block = settings.outbound_limiters.first().and_then(|limiter| limiter.condition.as_ref()).unwrap();
        for bits in 0..8_u8 {
            let holds = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            let word = |fact: usize| text(if holds[fact] { "yes" } else { "no" });
            let facts = facts(&[
                (Variable::Sender, word(0)),
                (Variable::Mx, word(1)),
                (Variable::RcptDomain, word(2)),
            ]);
            prop_assert_eq!(decide(block, &facts) == "1", tree.holds(holds), "{:?}", holds);
        }
    }
}

/// A list that only the environment knows is asked for by name.
#[test]
fn a_list_elsewhere_is_asked_for() {
    let document = "[queue.outbound]\nnext-hop = [{ if = \"rcpt-domain\", in-list = \"ldap/domains\", then = false }, \
                    { else = false }]\n";
    let settings = settings(Legacy2022, document);
    let facts = facts(&[(Variable::RcptDomain, text("home.example"))]);
    match interpret::block(route(&settings), &facts.row(), &Answers::new(), &mut ()) {
        Err(Stop::Needs(Lookup::InList { list, text })) => {
            assert_eq!((&*list, &*text), ("ldap/domains", "home.example"));
        }
        other => panic!("{other:?}"),
    }
}
