//! Which layout a text is in, as tables. Published files are told apart in the tests of the whole project.

use document::Source;

use super::not_a_policy;
use crate::{Dialect, NoResources, load};

fn detected(name: &str, text: &str) -> Option<Dialect> {
    let source = Source::new(name, text);
    load(&source, None, &NoResources).dialect
}

#[test]
fn the_layout_shows_in_keys_rules_and_words() {
    use Dialect::{Expressions2024, Legacy2022, Strategies2025};
    let cases = [
        ("", Strategies2025),
        ("[server]\nhostname = 'mx.example.org'", Strategies2025),
        ("[queue.strategy]\nroute = \"'mx'\"", Strategies2025),
        ("queue.route.mx.type = 'mx'", Strategies2025),
        ("queue.virtual.bulk.threads-per-node = 5", Strategies2025),
        ("[queue.source-ip.'192.0.2.1']\nehlo-hostname = 'a.example'", Strategies2025),
        ("[queue.schedule.remote]\nretry = ['2m']", Strategies2025),
        ("[route.mx]\ntype = 'mx'", Strategies2025),
        ("[strategy]\nroute = \"'mx'\"", Strategies2025),
        ("[queue.outbound.tls.invalid-tls]\nallow-invalid-certs = true", Strategies2025),
        ("[[queue.limiter.outbound]]\nkey = 'rcpt-domain'\nrate = '1/1s'", Strategies2025),
        ("[[queue.quota]]\nmatch = \"sender == ''\"\nmessages = 1", Strategies2025),
        ("[queue.strategy]\nroute = \"'mx'\"\n[remote.a]\naddress = 'a.example'", Strategies2025),
        // Values that stand there plainly are taken for those of the layout whose settings are values.
        ("[queue.outbound.tls]\ndane = 'optional'", Legacy2022),
        ("[queue.outbound.timeouts]\nconnect = '3m'", Legacy2022),
        ("[queue.schedule]\nexpire = '5d'", Legacy2022),
        ("[[queue.quota]]\nmessages = 5", Legacy2022),
        ("[[queue.throttle]]\nrate = '1/1s'", Legacy2022),
        ("[[queue.quota]]\nmessages = 5\nenable = true", Strategies2025),
        ("[[queue.throttle]]\nrate = '1/1s'\nenable = true", Expressions2024),
        ("[report.dsn]\nfrom-name = 'Mail Delivery'", Legacy2022),
        ("[report.dsn]\nfrom-name = \"'Mail Delivery'\"", Strategies2025),
        ("[[queue.limiter.outbound]]\nrate = '1/1s'\n[queue.outbound]\nip-strategy = 'ipv4-only'", Expressions2024),
        // Parts about other things speak for the layout of the whole.
        ("[[queue.quota]]\nmessages = 5\n[[session.throttle]]\nkey = ['remote-ip']\nenable = true", Legacy2022),
        ("[[queue.quota]]\nmessages = 5\n[[session.throttle]]\nkey = ['remote_ip']", Expressions2024),
        ("[[queue.quota]]\nmessages = 5\n[rule]\na = { if = 'sender', eq = 'b' }", Legacy2022),
        ("[[queue.quota]]\nmessages = 5\n[rule.simple]\nif = 'listener'\neq = 'smtp'", Legacy2022),
        ("[[throttle]]\nmatch = \"remote_ip == '192.0.2.1'\"\nkey = ['remote_ip']", Expressions2024),
        ("[[throttle]]\nkey = 'sender-domain'\nconcurrency = 5", Legacy2022),
        ("expire = [{ if = 'priority', eq = '1', then = '5d' }, { else = '3d' }]", Legacy2022),
        ("[remote.a]\naddress = 'a.example'\nport = 25", Expressions2024),
        ("[queue.outbound]\nnext-hop = \"'relay'\"", Expressions2024),
        ("[queue.outbound]\nnext-hop = [{ if = \"retry_num > 1\", then = false }, { else = false }]", Expressions2024),
        ("queue.outbound.next-hop.0.if = \"is_empty(sender)\"\nqueue.outbound.next-hop.0.then = 'x'", Expressions2024),
        ("[queue.schedule]\nretry = '[2m, 5m]'", Expressions2024),
        ("[queue.outbound]\nip-strategy = 'ipv4_then_ipv6'", Expressions2024),
        ("[[queue.throttle]]\nkey = ['rcpt_domain']", Expressions2024),
        ("[queue.threads]\nremote = 5", Expressions2024),
        ("[queue.outbound]\nnext-hop = 'relay'", Legacy2022),
        ("[queue.outbound]\nip-strategy = 'ipv4-then-ipv6'", Legacy2022),
        ("[queue.schedule]\nretry = ['2m', '5m']", Legacy2022),
        ("[[queue.throttle]]\nkey = ['rcpt-domain']", Legacy2022),
        ("[[queue.quota]]\nmatch = { if = 'sender', eq = 'a' }\nmessages = 1", Legacy2022),
        (
            "[queue.outbound]\nnext-hop = [{ if = 'rcpt-domain', in-list = 'list/a', then = 'b' }, { else = false }]",
            Legacy2022,
        ),
        (
            "[queue.outbound.limits]\nmx = [{ any-of = [{ if = 'sender', eq = 'a' }], then = 1 }, { else = 7 }]",
            Legacy2022,
        ),
        ("[queue.outbound.limits]\nmx = 7\n[list]\na = ['b']", Legacy2022),
        ("[queue]\npath = '/var/spool'", Legacy2022),
        // Rules about other things decide where nothing about delivery does.
        (
            "[remote.a]\naddress = 'a.example'\n[session.rcpt]\nrelay = [{ if = 'authenticated-as', ne = '', then = true }]",
            Legacy2022,
        ),
        (
            "[remote.a]\naddress = 'a.example'\n[session.rcpt]\nrelay = [{ if = '!is_tls', then = true }]",
            Expressions2024,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(detected("policy.toml", text), Some(expected), "{text}");
    }
}

#[test]
fn a_structured_rule_beside_an_expression_is_one_document_too_many() {
    let text = "[queue.outbound]\nnext-hop = [{ if = 'rcpt-domain', eq = 'a.example', then = 'x' }, { else = false }]\n\
                hostname = \"'mx.example.org'\"\n";
    let source = Source::new("policy.toml", text);
    let loaded = load(&source, None, &NoResources);
    let mixed: Vec<_> = loaded.findings.iter().filter(|finding| finding.code.rule == "dialect-mixed").collect();
    let [mixed] = mixed[..] else { panic!("{:?}", loaded.findings) };
    assert!(source.slice(mixed.range).starts_with("{ if = 'rcpt-domain'"), "{mixed:?}");
    assert_eq!(source.slice(mixed.related[0].0), "\"'mx.example.org'\"");
}

#[test]
fn a_document_that_is_plainly_something_else_gets_one_finding() {
    let cases = [
        ("policy.nix", "{ pkgs, ... }:\n{\n  services.mail.enable = true;\n}\n", Some("a Nix module")),
        ("policy.txt", "queue.route.mx.type = \"mx\";\nqueue.strategy.route = \"'mx'\";\n", Some("a Nix module")),
        ("steps.cli.txt", "frobnicate the-server --now\n", Some("a shell transcript")),
        ("steps", "# first\n$ stalwart-cli update MtaRoute x --field a=b\n", Some("a shell transcript")),
        ("steps", "curl -X POST https://mail.example.org/jmap\n", Some("a shell transcript")),
        ("run.sh", "#!/bin/sh\n", None),
        ("run.sh", "#!/bin/sh\nstalwart-cli apply plan.ndjson\n", Some("a shell transcript")),
        ("page.md", "# Routing\n\n```toml\n[queue.route.mx]\ntype = \"mx\"\n```\n", Some("a text with a policy in it")),
        ("page.md", "---\ntitle: Routing\n---\n", Some("a text with a policy in it")),
        ("policy.toml", "[queue.strategy]\nroute= [ { else = \"'mx'\" } ]\n", None),
        ("policy.toml", "curl = 1\n", None),
        ("policy.toml", "[a]\nscript = '''\nrequire \"fileinto\";\nkeep;\nstop;\n'''\n", None),
        ("policy.toml", "route = \"'mx'\";\nport = 25\nhost = 1\n", None),
        ("policy.json", "{\"else\": \"'mx'\"}\n", None),
        ("policy", "", None),
    ];
    for (name, text, expected) in cases {
        let source = Source::new(name, text);
        let message = not_a_policy(&source).map(|finding| finding.message);
        assert_eq!(message, expected.map(|what| format!("{what} is no policy")), "{name}: {text}");
        if expected.is_some() {
            let loaded = load(&source, None, &NoResources);
            assert!(loaded.settings.is_none() && loaded.findings.len() == 1, "{text}");
        }
    }
}

#[test]
fn a_layout_that_nothing_settles_is_a_note() {
    let cases = [
        ("[queue.outbound.tls]\ndane = 'optional'", true),
        ("[[queue.quota]]\nmessages = 5", true),
        ("[queue.outbound.tls]\ndane = 'optional'\n[queue.outbound]\nip-strategy = 'ipv4-only'", false),
        ("[queue.threads]\nremote = 5", false),
        ("[queue.route.a]\ntype = 'mx'", false),
    ];
    for (text, expected) in cases {
        let loaded = load(&Source::new("policy.toml", text), None, &NoResources);
        let is_told = loaded.findings.iter().any(|finding| finding.code.rule == "dialect-unsure");
        assert_eq!(is_told, expected, "{text}");
        let forced = load(&Source::new("policy.toml", text), loaded.dialect, &NoResources);
        assert!(forced.findings.iter().all(|finding| finding.code.rule != "dialect-unsure"), "{text}");
    }
}
