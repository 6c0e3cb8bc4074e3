//! How findings look, for the mistakes that people make.

use base::{Diagnostic, Edit, Findings, Fix, Severity, TextRange};

use super::Colour;
use crate::limits::{RELATED_MAX, SHOWN_FIX_BYTES_MAX, WINDOW_BYTES_MAX};
use crate::{Format, Source, codes, format, render, toml};

/// The findings about `source`.
fn check(source: &Source) -> Findings {
    match format::detect("", source.text()) {
        Format::Toml => toml::parse(source).1,
        Format::Json | Format::Ndjson => crate::json::parse(source).1,
    }
}

#[test]
fn bad_texts_are_reported_as_recorded() {
    for (name, text) in MISTAKES {
        let source = Source::new("policy", *text);
        let findings = check(&source);
        assert!(!findings.is_empty(), "nothing is found in {text:?}");
        let shown = render::text(&source, &findings, Colour::Never);
        insta::assert_snapshot!(*name, format!("{text}\n--- report ---\n\n{shown}"));
    }
}

/// A fix leaves fewer findings of its rule than there were, and no more of the others.
#[test]
fn a_fix_mends_what_it_is_for() {
    let mut count = 0;
    for (name, text) in MISTAKES {
        let source = Source::new("policy", *text);
        let findings = check(&source);
        for finding in findings.iter().filter(|finding| finding.fix.is_some()) {
            let fixed = Source::new("policy", apply(text, finding));
            let left = check(&fixed);
            let of_rule = |findings: &Findings| findings.iter().filter(|other| other.code == finding.code).count();
            assert!(of_rule(&left) < of_rule(&findings), "{name}: {} is left in\n{}", finding.message, fixed.text());
            assert!(
                left.errors() <= findings.errors(),
                "{name}: {} makes it worse:\n{}",
                finding.message,
                fixed.text()
            );
            count += 1;
        }
    }
    assert!(count > 30, "{count} fixes are tried");
}

/// `text` with the fix of `finding`.
fn apply(text: &str, finding: &Diagnostic) -> String {
    let mut edits = finding.fix.clone().expect("it has a fix").edits;
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.range.start()));
    let mut text = text.to_owned();
    for Edit { range, text: new } in edits {
        text.replace_range(range.indices(), &new);
    }
    text
}

/// One finding of `range` in `text`.
fn one(range: TextRange) -> Findings {
    let mut findings = Findings::new();
    findings.push(Diagnostic::new(&codes::TOML_SYNTAX, range, "it is `wrong`").help("write it right"));
    findings
}

#[test]
fn a_long_line_is_shown_around_its_place() {
    let text = format!("{}HERE{}", "é".repeat(100_000), "x".repeat(100_000));
    let source = Source::new("long", text);
    let shown = render::text(&source, &one(TextRange::new(200_000, 200_004)), Colour::Never);
    assert!(shown.contains(" --> long:1:100001\n"), "{shown}");
    assert!(shown.contains("HERE") && shown.contains("^^^^\n"), "{shown}");
    assert!(shown.len() < 10 * WINDOW_BYTES_MAX, "{} bytes", shown.len());
    let (place, mark) = (line_of(&shown, "HERE"), line_of(&shown, "^^^^"));
    assert_eq!(place.chars().position(|char| char == 'H'), mark.chars().position(|char| char == '^'), "{shown}");
}

fn line_of<'a>(shown: &'a str, part: &str) -> &'a str {
    shown.lines().find(|line| line.contains(part)).unwrap_or_default()
}

#[test]
fn two_places_far_apart_on_one_line_are_both_shown() {
    let text = format!("first{}second", " ".repeat(5_000));
    let source = Source::new("long", text);
    let mut findings = Findings::new();
    let second = TextRange::new(5_005, 5_011);
    findings.push(Diagnostic::new(&codes::TOML_SYNTAX, second, "again").related(TextRange::new(0, 5), "here first"));
    let shown = render::text(&source, &findings, Colour::Never);
    assert!(shown.contains("first") && shown.contains("second") && shown.contains("here first"), "{shown}");
    assert!(shown.len() < 20 * WINDOW_BYTES_MAX, "{} bytes", shown.len());
}

#[test]
fn a_thousand_findings_on_a_line_of_a_mebibyte_are_shown_within_bounds() {
    let source = Source::new("long", "x".repeat(1 << 20));
    let mut findings = Findings::new();
    for at in 0..1_010 {
        let range = TextRange::new(at * 1_000, at * 1_000 + 500_000);
        findings.push(Diagnostic::new(&codes::TOML_SYNTAX, range, "it is wrong").related(TextRange::at(0), "here"));
    }
    let shown = render::text(&source, &findings, Colour::Never);
    assert!(shown.ends_with("and 10 more findings that are not shown\n"));
    assert!(shown.len() < 2_000_000, "{} bytes", shown.len());
}

#[test]
fn only_so_many_places_and_so_long_fixes_are_shown() {
    let source = Source::new("policy", "a\n".repeat(50));
    for (count, shown_count) in [(RELATED_MAX, RELATED_MAX), (RELATED_MAX + 5, RELATED_MAX)] {
        let finding = Diagnostic::new(&codes::TOML_SYNTAX, TextRange::new(0, 1), "wrong");
        let finding = (1..=count as u32)
            .fold(finding, |finding, line| finding.related(TextRange::new(line * 2, line * 2 + 1), "related"));
        let mut findings = Findings::new();
        findings.push(finding);
        let shown = render::text(&source, &findings, Colour::Never);
        assert_eq!(shown.matches("related").count(), shown_count, "{shown}");
    }
    for (length, is_shown) in [(SHOWN_FIX_BYTES_MAX, true), (SHOWN_FIX_BYTES_MAX + 1, false)] {
        let range = TextRange::new(0, 1);
        let fix = Fix::replace("replace it", range, "z".repeat(length));
        let mut findings = Findings::new();
        findings.push(Diagnostic::new(&codes::TOML_SYNTAX, range, "wrong").fix(fix));
        let shown = render::text(&source, &findings, Colour::Never);
        assert!(shown.contains("= fix: replace it") && shown.contains("zz") == is_shown, "{shown}");
    }
}

#[test]
fn nothing_of_the_document_steers_the_terminal() {
    let text = "a\u{1b}[31m\u{9b}b\u{202e}c\tHERE\u{7}\r\n";
    let source = Source::new("name\u{1b}[0m", text);
    let at = text.find("HERE").unwrap();
    let mut findings = one(TextRange::of(at..at + 4));
    let finding = Diagnostic::new(&codes::TOML_SYNTAX, TextRange::of(at..at + 4), "bad \u{1b}[31m")
        .label("label \u{1b}[31m")
        .help("help \u{1b}[31m")
        .related(TextRange::new(0, 1), "related \u{1b}[31m")
        .fix(Fix::replace("title \u{1b}[31m", TextRange::of(at..at + 4), "\u{1b}[31m"));
    findings.push(finding);
    let shown = render::text(&source, &findings, Colour::Never);
    assert!(!shown.contains(|char: char| char.is_control() && char != '\n' || char == '\u{202e}'), "{shown:?}");
    assert!(shown.contains("HERE"), "{shown}");
}

#[test]
fn colours_change_nothing_but_colours() {
    for (name, text) in MISTAKES {
        let source = Source::new("policy", *text);
        let findings = check(&source);
        let coloured = render::text(&source, &findings, Colour::Always);
        assert!(coloured.contains("\u{1b}["), "{name}");
        let mut pieces = coloured.split("\u{1b}[");
        let first = pieces.next().unwrap_or_default().to_owned();
        let plain = pieces.fold(first, |plain, piece| plain + piece.split_once('m').map_or("", |(_, rest)| rest));
        assert_eq!(plain, render::text(&source, &findings, Colour::Never), "{name}");
    }
}

#[test]
fn the_json_form_is_as_documented() {
    let source = Source::new("a.toml", "x = 1\nexpire = \"é\", 72h\n");
    let mut findings = Findings::new();
    let range = TextRange::new(21, 24);
    let fix = Fix::replace("quote it", range, "\"72h\"").safe();
    findings.push(Diagnostic::new(&codes::TOML_UNQUOTED_TEXT, range, "no quotes").help("write \"72h\"").fix(fix));
    findings.push(Diagnostic::new(&codes::TOML_INLINE_LAYOUT, TextRange::new(0, 6), "layout"));
    let other = Source::new("b.json", "");
    let shown = render::json(&[(&source, &findings), (&other, &one(TextRange::at(0)))]);
    let expected = concat!(
        r#"{"version":1,"findings":["#,
        r#"{"code":"D0112","rule":"toml-inline-layout","severity":"note","file":"a.toml","line":1,"column":1,"#,
        r#""end_line":2,"end_column":1,"message":"layout","help":null,"fix":null},"#,
        r#"{"code":"D0106","rule":"toml-unquoted-text","severity":"error","file":"a.toml","line":2,"column":15,"#,
        r#""end_line":2,"end_column":18,"message":"no quotes","help":"write \"72h\"","fix":{"safe":true,"title":"quote it","#,
        r#""edits":[{"line":2,"column":15,"end_line":2,"end_column":18,"text":"\"72h\""}]}},"#,
        r#"{"code":"D0101","rule":"toml-syntax","severity":"error","file":"b.json","line":1,"column":1,"#,
        r#""end_line":1,"end_column":1,"message":"it is `wrong`","help":"write it right","fix":null}],"omitted":0}"#,
    );
    assert_eq!(shown, expected);
    assert_eq!(render::json(&[]), r#"{"version":1,"findings":[],"omitted":0}"#);
}

#[test]
fn the_github_form_escapes_what_it_must() {
    let source = Source::new("dir:1,a%.toml", "abc\ndef");
    let mut findings = Findings::new();
    let finding = Diagnostic::new(&codes::TOML_SYNTAX, TextRange::new(1, 3), "50% of\r\na: b, c");
    findings.push(finding.severity(Severity::Note));
    findings.push(Diagnostic::new(&codes::TOML_TABLE_CASE, TextRange::new(2, 5), "over lines").help("do"));
    let expected = concat!(
        "::notice file=dir%3A1%2Ca%25.toml,line=1,endLine=1,col=2,endColumn=4,title=D0101 toml-syntax",
        "::50%25 of%0D%0Aa: b, c\n",
        "::warning file=dir%3A1%2Ca%25.toml,line=1,endLine=2,title=D0111 toml-table-case::over lines%0Ahelp: do\n",
    );
    assert_eq!(render::github(&[(&source, &findings)]), expected);
}

/// Each with the name of its record.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str)] = &[
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

#[test]
fn what_is_hidden_is_shown_as_asterisks_and_moves_nothing() {
    let text = "auth = { secret = \"gehéim€\", user = rcpt_domian }\n";
    let source = Source::new("a.toml", text);
    let at = |part: &str| {
        let start = text.find(part).unwrap();
        TextRange::of(start..start + part.len())
    };
    let mut findings = Findings::new();
    findings.push(Diagnostic::new(&codes::TOML_SYNTAX, at("rcpt_domian"), "x"));
    findings.hide(at("gehéim€"));
    let shown = super::text(&source, &findings, Colour::Never);
    assert!(shown.contains("secret = \"***×**※\", user"), "{shown}");
    assert!(shown.contains("a.toml:1:37"), "{shown}");
}
