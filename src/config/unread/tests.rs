//! What is said of settings in places that no server reads, and of documents that are no policy, as tables.

use document::Source;

use crate::{Dialect, NoResources, load};

/// The rules of the errors, each with the words behind `did you mean`, and whether the document is a policy.
fn found(name: &str, text: &str) -> (Vec<String>, bool) {
    let loaded = load(&Source::new(name, text), None, &NoResources);
    let errors = loaded.findings.iter().filter(|finding| finding.severity == base::Severity::Error);
    let shown = errors.map(|finding| {
        let help = finding.help.as_deref().unwrap_or_default();
        let meant = help.strip_prefix("did you mean `").and_then(|help| help.split('`').next());
        format!("{} {}", finding.code.rule, meant.unwrap_or("-"))
    });
    (shown.collect(), loaded.settings.is_some())
}

#[test]
fn rules_that_no_server_reads_are_an_error() {
    let cases: [(&str, &[&str], bool); 30] = [
        ("[queue.strategie]\nroute = \"'relay'\"", &["not-a-policy -", "unknown-key strategy"], false),
        ("[queues.strategy]\nroute = \"'relay'\"", &["not-a-policy -", "unknown-key queue"], false),
        ("[Queue.strategy]\nroute = \"'relay'\"", &["not-a-policy -", "unknown-key queue"], false),
        ("[qeue.route.a]\ntype = 'mx'", &["not-a-policy -", "unknown-key queue"], false),
        ("[mta.queue.strategy]\nroute = \"'relay'\"", &["not-a-policy -", "wrong-prefix queue"], false),
        ("[remotes.a]\naddress = 'a.test'", &["not-a-policy -", "unknown-key remote"], false),
        ("[schedule.a]\nretry = ['1m']", &["not-a-policy -", "wrong-prefix queue.schedule"], false),
        ("[virtual.a]\nthreads-per-node = 1", &["not-a-policy -", "wrong-prefix queue.virtual"], false),
        ("[tls.a]\nstarttls = 'require'", &["not-a-policy -", "wrong-prefix queue.tls"], false),
        ("[outbound]\nnext-hop = 'relay'", &["not-a-policy -", "wrong-prefix queue.outbound"], false),
        ("[[quota]]\nmessages = 5", &["not-a-policy -", "wrong-prefix queue.quota"], false),
        // Beside settings that are read.
        ("[queues.strategy]\nroute = \"'a'\"\n[queue.route.a]\ntype = 'mx'", &["unknown-key queue"], true),
        ("[queue.strategie]\nroute = \"'a'\"\n[queue.route.a]\ntype = 'mx'", &["unknown-key strategy"], true),
        ("[queue.strategy]\nrout = \"'a'\"\n[queue.route.a]\ntype = 'mx'", &["unknown-key route"], true),
        ("[queue.strategy]\nrouting = \"'a'\"\n[queue.route.a]\ntype = 'mx'", &["unknown-key -"], true),
        ("[queue.strategy]\nextra = 'x'\n[queue.route.a]\ntype = 'mx'", &[], true),
        ("[queue.rules.route]\nif = 'true'\n[queue.route.a]\ntype = 'mx'", &["unknown-key -"], true),
        ("[queue.tls.a]\ndane = 'require'\nstartls = 'require'", &["unknown-key starttls"], true),
        ("[queue.route.a]\ntype = 'mx'\nmultihomed = 3", &["unknown-key limits.multihomed"], true),
        ("[queue]\nretry = ['1m']\n[queue.route.a]\ntype = 'mx'", &["wrong-prefix queue.schedule.NAME.retry"], true),
        ("[queue.outbound]\nnext-hopp = 'relay'\nip-strategy = 'ipv4-only'", &["unknown-key next-hop"], true),
        (
            "[queue]\nnext-hop = 'relay'\n[queue.outbound.limits]\nmx = 7",
            &["wrong-prefix queue.outbound.next-hop"],
            true,
        ),
        (
            "[queue.outbound]\nhop = [{ if = 'rcpt-domain', eq = 'a', then = 'b' }, { else = false }]\nip-strategy = 'ipv4-only'",
            &["unknown-key -"],
            true,
        ),
        ("[queue.outbond.tls]\nstarttls = 'require'\n[queue.schedule]\nexpire = '5d'", &["unknown-key outbound"], true),
        // What is about other things is passed over.
        ("[queue.route.a]\ntype = 'mx'\n[jobs.queue]\nname = 'a'", &[], true),
        ("[queue.route.a]\ntype = 'mx'\n[session.rcpt]\nrelay = [{ if = 'true', then = true }]", &[], true),
        ("[queue.route.a]\ntype = 'mx'\n[tls]\ncertificate = 'a'", &[], true),
        ("[queue]\ndefault = 'high'", &["not-a-policy -"], false),
        ("[queues]\ndefault = 'high'", &["not-a-policy -"], false),
        ("[queue.strategy]\n", &["not-a-policy -"], false),
    ];
    for (text, errors, is_policy) in cases {
        let (mut found, was_policy) = found("policy.toml", text);
        found.sort();
        assert_eq!(
            (found.as_slice(), was_policy),
            (errors.iter().map(|error| (*error).to_owned()).collect::<Vec<_>>().as_slice(), is_policy),
            "{text}"
        );
    }
}

#[test]
fn objects_that_no_server_reads_are_an_error() {
    let cases: [(&str, &[&str], bool); 9] = [
        (
            r#"{"MtaOutboundStrategie": {"route": {"else": "'mx'"}}}"#,
            &["not-a-policy -", "unknown-object MtaOutboundStrategy"],
            false,
        ),
        (r#"{"MtaOutboundStrategy": {"rout": {"else": "'mx'"}}}"#, &["unknown-key route"], true),
        (r#"{"MtaOutboundStrategy": {"extra": {"else": "'mx'"}}}"#, &["unknown-key -"], true),
        (r#"{"MtaOutboundStrategy": {"extra": 1}}"#, &[], true),
        (r#"{"Domain": [{"name": "a.test"}]}"#, &["not-a-policy -"], false),
        (r#"{"methodCalls": [["x:MtaRoute/get", {"ids": null}, "c1"]]}"#, &[], true),
        (r#"{"SystemSettings": {"defaultHostname": "mx.a.test"}}"#, &["not-a-policy -"], false),
        (r#"{"sender": "a@b.test", "recipients": ["c@d.test"], "size": 10}"#, &["not-a-policy -"], false),
        (r#"{"messages": [{"sender": "a@b.test"}]}"#, &["not-a-policy -"], false),
    ];
    for (text, errors, is_policy) in cases {
        let (mut found, was_policy) = found("policy.json", text);
        found.sort();
        let errors: Vec<_> = errors.iter().map(|error| (*error).to_owned()).collect();
        assert_eq!((found, was_policy), (errors, is_policy), "{text}");
    }
}

#[test]
fn a_document_without_an_outbound_setting_is_no_policy() {
    let cases = [
        ("policy.toml", "", "the document holds no setting"),
        ("policy.toml", "# nothing\n\n", "the document holds no setting"),
        ("policy.json", "{}", "the document holds no setting"),
        ("policy.json", "[]", "the document holds no setting"),
        ("Cargo.toml", "[package]\nname = 'a'\n[dependencies]\nb = '1'", "the document has no outbound setting"),
        ("config.toml", "[server]\nhostname = 'mx.a.test'\n", "the document has no outbound setting"),
        (
            "package.json",
            r#"{"name": "a", "version": "1.0.0", "scripts": {"b": "c"}}"#,
            "the document has no outbound setting",
        ),
        (
            "a.scenario.toml",
            "policy = 'p.toml'\n[[message]]\nid = 'm'\n[world]\n",
            "this looks like a scenario, not a policy file",
        ),
        (
            "a.json",
            r#"{"policy": "p.toml", "message": [{"id": "m"}]}"#,
            "this looks like a scenario, not a policy file",
        ),
        ("a.txt", "please route all mail by the relay\n", "the document holds no setting"),
    ];
    for (name, text, message) in cases {
        for forced in [None, Some(Dialect::Strategies2025), Some(Dialect::Legacy2022)] {
            if forced.is_some() && text.starts_with(['{', '[']) {
                continue;
            }
            let loaded = load(&Source::new(name, text), forced, &NoResources);
            assert!(loaded.settings.is_none() && loaded.is_no_policy(), "{text}");
            let told = loaded.findings.iter().any(|finding| finding.message == message);
            assert!(told, "{text}: {:?}", loaded.findings);
        }
    }
}

/// A text that is broken may hold what could not be read, so it is not said to hold nothing.
#[test]
fn what_is_broken_is_not_called_no_policy() {
    for (name, text) in [("policy.toml", "[queue.strategy\nroute = \n"), ("policy.json", "{\"MtaRoute\": ")] {
        let loaded = load(&Source::new(name, text), None, &NoResources);
        assert!(loaded.findings.has_errors() && !loaded.is_no_policy(), "{text}: {:?}", loaded.findings);
    }
}
