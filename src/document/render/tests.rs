//! How findings look, for the mistakes that people make.

use super::*;
use crate::{Format, Source, format, toml};

/// The report about `text`, which has findings.
fn report(text: &str) -> String {
    let format = format::detect("", text);
    let source = Source::new("policy", text);
    let (_, findings) = match format {
        Format::Toml => toml::parse(&source),
        Format::Json | Format::Ndjson => crate::json::parse(&source),
    };
    assert!(!findings.is_empty(), "nothing is found in {text:?}");
    super::text(&source, &findings, Colour::Never)
}

#[test]
fn bad_texts_are_reported_as_recorded() {
    #[rustfmt::skip]
    let cases = [
        ("toml-duplicate-key", "[queue.route.relay]\nport = 25\naddress = \"a.example\"\n\"port\" = 587\n"),
        ("toml-duplicate-table", "[queue.strategy]\nroute = \"'mx'\"\n\n[queue.strategy]\nschedule = \"'remote'\"\n"),
        ("toml-interleaved-list", "[[queue.limiter]]\nrate = \"1/1s\"\n[[queue.quota]]\nsize = 1\n[[queue.limiter]]\nrate = \"2/1s\"\n"),
        ("toml-key-conflict", "[storage]\ndata = \"sqlite\"\n\n[storage.data]\ntype = \"sqlite\"\n"),
        ("toml-list-conflict", "[[queue.quota]]\nsize = 1\n[queue.quota]\nsize = 2\n"),
        ("toml-bad-escape", "if = \"matches('^([^.]+)@([^.]+)\\.(.+)$', rcpt)\"\n"),
        ("toml-bad-escapes", "if = \"matches('^\\d+\\.example\\.org$', rcpt)\"\n"),
        ("toml-bad-quoting", "[queue.strategy]\nschedule = [ { if = \"sql_query(\"my-db\", \"SELECT 1 FROM t WHERE a = ?\", [rcpt])\", then = \"'vip'\" },\n             { else = \"'default'\" } ]\nroute = 72h\n"),
        ("toml-bad-quoting-line", "expr = \"rcpt_domain == \"example.org\"\"\n"),
        ("toml-unclosed-string", "address = \"relay.example.org\nport = 25,\n"),
        ("toml-unclosed-string-entry", "route = [ { if = \"true, then = \"'mx'\" } ]\n"),
        ("toml-unclosed-list", "route = [ { if = \"true\", then = \"'mx'\" },\n\n[queue.route.relay]\nport = x\n"),
        ("toml-unclosed-table", "route = [ { if = \"true\", then = \"'mx'\" ]\nx = 1\n"),
        ("toml-unclosed-at-the-end", "a = 1\nb = [ 1, { c = 2\n"),
        ("toml-unclosed-header", "[queue.strategy\nroute = \"'mx'\"\n[[queue.quota]\nsize = 1\n"),
        ("toml-duration", "retry = [\"1m\", 5m]\nexpire = 72h # three days\n"),
        ("toml-unquoted", "address = 192.168.0.1\nhost = %{env:HOST}%\nport = __PORT__\nthen = is_local_domain('', rcpt_domain)\nenable = True\n"),
        ("toml-placeholders", ".. [ { any-of = [ { if = \"mx\", eq = \"a\" },\n       { if = \"mx\" } ], then = ..\n\nx = ..\n"),
        ("toml-missing-value", "a =\nb\nc = [1, , 2]\nd = { e = , f = 1 }\n= 5\n"),
        ("toml-missing-comma", "route = [ { if = \"true\" then = \"'mx'\" }\n          { else = \"'mx'\" } ]\n"),
        ("toml-colons", "port: 25\ntls = { \"implicit\": true }\nfe80::1 = 1\n"),
        ("toml-set", "hosts = { \"a\", \"b\" }\n"),
        ("toml-portability", "a = 'rcpt =~ \"^kim\\d\\.\"'\nb = \"tab\\\\tab\"\nc = \"\"\"x\\\\y\"\"\"\n['x'.Route.MyRelay]\n"),
        ("toml-inline-layout", "tls = {\n  implicit = true,\n}\nx = { a = 1, }\n"),
        ("toml-prose", "# Title\n\nThis is *prose*, not TOML.\n- a list\n```toml\na = 1\n```\n"),
        ("toml-trailing", "a = 1 2\nb = \"x\"]\n}\n[t] x = 1\n"),
        ("toml-control", "a = \"\u{1b}[31mred\"\n\tb = 1\u{7}\n"),
        ("json-comma", "{\"a\": [1, 2,], \"b\": 1,}\n"),
        ("json-comment", "// a policy\n{\"a\": 1, /* why */ \"b\": 2 # so\n}\n"),
        ("json-quotes", "{'if': \"true\", then: 'mx', \"else\": local}\n"),
        ("json-stray-quotes", "{\"match\": {\"0\": {\"if\": \"sender == \"kim@example.org\"\", \"then\": \"'vip'\"}}}\n"),
        ("json-escape", "{\"if\": \"matches('@example\\.com$', rcpt)\", \"b\": \"\\ud800\"}\n"),
        ("json-duplicate", "{\n  \"else\": \"'mx'\",\n  \"match\": {},\n  \"else\": \"'local'\"\n}\n"),
        ("json-unclosed", "{\"match\": [{\"if\": \"true\", \"then\": \"'mx'\"}, \"else\": 1}\n"),
        ("json-cut-off", "{\"match\": {\"0\": {\"if\": \"true\",\n"),
        ("json-unclosed-string", "{\n  \"if\": \"true,\n  \"then\": \"'mx'\"\n}\n"),
        ("json-numbers", "{\"a\": 010, \"b\": +1, \"c\": .5, \"d\": 5m, \"e\": 0x1F, \"f\": None}\n"),
        ("json-missing", "{\"a\" 1, \"b\": , \"c\" \"d\" \"e\": 1, \"f\"}\n"),
        ("json-trailing-text", "{\"a\": 1}\n}\n"),
    ];
    for (name, text) in cases {
        let shown = format!("{text}\n--- report ---\n\n{}", report(text));
        insta::assert_snapshot!(name, shown);
    }
}
