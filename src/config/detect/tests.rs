//! Which layout a text is in, as tables, and against published files where they are at hand.

use std::path::{Path, PathBuf};

use document::Source;

use super::not_a_policy;
use crate::{Dialect, NoResources, load};

fn detected(name: &str, text: &str) -> Option<Dialect> {
    let source = Source::new(name, text);
    load(&source, None, &NoResources).settings.map(|settings| settings.dialect)
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
        // What both of the older layouts have is taken for the newer of them.
        ("[queue.outbound.tls]\ndane = 'optional'", Expressions2024),
        ("[queue.outbound.timeouts]\nconnect = '3m'", Expressions2024),
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

/// Parts of the names of published files whose keys a newer layout has too.
const SHARED: [&str; 3] = ["quota", "throttle", "docs22-rules"];

#[test]
fn published_files_are_told_apart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let cases: [(&str, &[Dialect]); 6] = [
        ("toml-2022", &[Dialect::Legacy2022, Dialect::Expressions2024]),
        ("toml-2023", &[Dialect::Legacy2022, Dialect::Expressions2024]),
        ("toml-2024", &[Dialect::Expressions2024, Dialect::Legacy2022]),
        ("kv-2024", &[Dialect::Expressions2024]),
        ("toml-2025", &[Dialect::Strategies2025]),
        ("kv-2025", &[Dialect::Strategies2025]),
    ];
    for (name, expected) in cases {
        for (name, text) in files(&folder.join(name)) {
            let found = detected(&name, &text);
            let is_shared = SHARED.iter().any(|part| name.contains(part)) && found == Some(Dialect::Strategies2025);
            let is_mixture = name.starts_with("repo-darkpipe-home-device-2026-02");
            assert!(
                is_shared || is_mixture || expected.iter().any(|dialect| found == Some(*dialect)),
                "{name}: {found:?}"
            );
        }
    }
    for (name, text) in ["nix-2024", "nix-2025", "json-2026"].into_iter().flat_map(|name| files(&folder.join(name))) {
        let is_policy =
            ["nix", "txt"].iter().all(|extension| Path::new(&name).extension().is_none_or(|found| found != *extension));
        assert_eq!(not_a_policy(&Source::new(&*name, text)).is_none(), is_policy, "{name}");
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
    #[expect(clippy::disallowed_methods, reason = "a test reads published files")]
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    paths.iter().map(|path| (name(path), text(path))).collect()
}
