//! What holds for every text: no panic, ranges within the text, bounds kept, every form of output well-formed.

use std::fmt::Write as _;

use base::{Findings, TextRange};
use proptest::prelude::*;

use crate::limits::{DOCUMENT_BYTES_MAX, ERRORS_MAX, NESTING_MAX, QUOTES_MAX, QUOTING_BYTES_MAX};
use crate::render::{self, Colour};
use crate::testing::{dump, rules};
use crate::{Format, Kind, Node, Source, format, json, ndjson, toml};

/// Parses `text` in every format and checks what must hold for any text.
fn check_any(text: &str) {
    let source = Source::new("any", text);
    let _ = format::detect("any", source.text());
    let (root, findings) = toml::parse(&source);
    check_report(&source, &root, &findings);
    let (root, findings) = json::parse(&source);
    check_report(&source, &root, &findings);
    for line in ndjson::lines(&source) {
        check_report(&source, &line.node, &line.findings);
    }
}

fn check_report(source: &Source, root: &Node<'_>, findings: &Findings) {
    check_node(source, root, 0);
    for finding in findings {
        check_range(source, finding.range);
        let related = finding.related.iter().map(|(range, _)| *range);
        let edits = finding.fix.iter().flat_map(|fix| fix.edits.iter().map(|edit| edit.range));
        related.chain(edits).for_each(|range| check_range(source, range));
        assert!(finding.help.is_some(), "{}: no help", finding.message);
        assert!(!finding.message.ends_with('.') || finding.message.ends_with("..."), "{}", finding.message);
    }
    let shown = render::text(source, findings, Colour::Never);
    assert!(!shown.contains(|char: char| char.is_control() && char != '\n'), "{shown:?}");
    let shown = render::json(&[(source, findings)]);
    let value: serde_json::Value = serde_json::from_str(&shown).expect("the report is JSON");
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(findings.len()));
    let shown = render::github(&[(source, findings)]);
    let lines = findings.len() + usize::from(findings.omitted() > 0);
    assert_eq!(shown.lines().count(), lines);
}

fn check_range(source: &Source, range: TextRange) {
    let text = source.text();
    assert!(text.get(range.indices()).is_some(), "{range:?} does not fit a text of {} bytes", text.len());
}

fn check_node(source: &Source, node: &Node<'_>, depth: usize) {
    assert!(depth <= NESTING_MAX + 1, "{depth} levels");
    check_range(source, node.range);
    match &node.kind {
        Kind::Table(table) => {
            for (at, entry) in table.entries().iter().enumerate() {
                check_range(source, entry.key_range);
                let found = table.entry(entry.key()).expect("each key is found");
                assert!(std::ptr::eq(found, entry), "entry {at} is found by its key");
                check_node(source, &entry.value, depth + 1);
            }
        }
        Kind::List(list) => list.nodes().iter().for_each(|node| check_node(source, node, depth + 1)),
        Kind::Text(_) | Kind::Number(_) | Kind::Bool(_) | Kind::Other(_) => check_mapping(source, node),
        Kind::Null => assert!(node.mapped().is_none()),
    }
}

/// Each character of a scalar stands in the document as itself or as an escape sequence, in order.
fn check_mapping(source: &Source, node: &Node<'_>) {
    let mapped = node.mapped().expect("a scalar has a text");
    assert_eq!(Some(mapped.text()), node.scalar_text());
    let mut last = node.range.start();
    for (at, char) in mapped.text().char_indices() {
        let range = mapped.map(TextRange::of(at..at + char.len_utf8()));
        let written = source.slice(range);
        let is_as_written = written.starts_with(char) || written.starts_with('\\') || node.as_text().is_none();
        assert!(is_as_written, "{char:?} stands for {written:?} in {:?}", source.slice(node.range));
        assert!(last <= range.start() && range.end() <= node.range.end(), "{range:?} in {:?}", node.range);
        last = range.start();
    }
}

/// Pieces of which broken documents are made; long runs of plain text find nothing.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        ".",
        ":",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "\\",
        "\\n",
        "\\u00e9",
        "\\.",
        "#",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "a",
        "b",
        "a.b",
        "if",
        "0",
        "1.5",
        "true",
        "null",
        "72h",
        "é",
        "😀",
        "\u{feff}",
        "\u{1b}",
        "%{X}%",
        "//",
        "/*",
        "*/",
        "a = ",
        "\n[a]\n",
        "\n[[a]]\n",
        "\"a\": ",
        "{ a = \"",
        "\", b = ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Any JSON value of a few levels, without `null` so that TOML can say it too.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (-1e9..1e9).prop_map(serde_json::Value::from),
        "[ -~é😀\\t\\n\\\\\"']{0,12}".prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-zé.\" ]{0,6}", inner, 0..30)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// `value` in the notation of [`dump`].
fn expected(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key}: {}", expected(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Array(values) => {
            format!("[{}]", values.iter().map(expected).collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// `value` as an inline value of TOML. JSON's escapes are TOML's, but for one that it does not need.
fn inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Array(values) => {
            format!("[ {} ]", values.iter().map(inline).collect::<Vec<_>>().join(",\n  "))
        }
        serde_json::Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        check_any(&text);
    }

    #[test]
    fn no_broken_document_is_too_strange(text in pieces()) {
        check_any(&text);
    }

    #[test]
    fn valid_json_is_read_as_serde_reads_it(value in value(), is_pretty in any::<bool>()) {
        let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let source = Source::new("", text.unwrap());
        let (root, findings) = json::parse(&source);
        prop_assert!(findings.is_empty(), "{:?}", findings);
        prop_assert_eq!(dump(&root), expected(&value));
        check_node(&source, &root, 0);
    }

    #[test]
    fn valid_toml_is_read_as_it_was_written(map in prop::collection::btree_map("[a-zé.]{0,6}", value(), 0..6)) {
        let mut text = String::new();
        for (key, value) in &map {
            writeln!(text, "{} = {}", quoted(key), inline(value)).unwrap();
        }
        let source = Source::new("", text);
        let (root, findings) = toml::parse(&source);
        prop_assert!(!findings.has_errors(), "{:?}", findings);
        let value = serde_json::Value::Object(map.into_iter().collect());
        prop_assert_eq!(dump(&root), expected(&value));
        check_node(&source, &root, 0);
    }

    #[test]
    fn a_second_value_is_found_wherever_it_stands(keys in prop::collection::btree_set("[a-z]{1,8}", 2..60), at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let keys: Vec<_> = keys.into_iter().collect();
        let again = keys[at.index(keys.len())].clone();
        let mut order = keys;
        order.insert(to.index(order.len()), again);
        let toml_text: String = order.iter().flat_map(|key| [key, " = 1\n"]).collect();
        let source = Source::new("", toml_text);
        prop_assert_eq!(rules(&toml::parse(&source).1), vec!["duplicate-key"]);
        let members: Vec<_> = order.iter().map(|key| format!("\"{key}\": 1")).collect();
        let source = Source::new("", format!("{{{}}}", members.join(",")));
        prop_assert_eq!(rules(&json::parse(&source).1), vec!["duplicate-key"]);
    }
}

/// As many lines as `count`, each by its number.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let mut lines: Vec<_> = (0..count).map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// Runs `work` with as little stack as anything that calls this floor may have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(work).expect("a thread can be had").join().expect("the stack is large enough");
}

#[test]
fn deep_nesting_is_reported_and_takes_no_stack() {
    let depth = 100_000;
    let cases = [
        ("json", "[".repeat(depth)),
        ("json", format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        ("json", "{\"a\":".repeat(depth)),
        ("json", format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))),
        ("json", "[{\"a\":".repeat(depth)),
        ("toml", format!("a = {}", "[".repeat(depth))),
        ("toml", format!("a = {}{}", "[".repeat(depth), "]".repeat(depth))),
        ("toml", format!("a = {}", "{a=".repeat(depth))),
        ("toml", format!("a = {}1{}", "{a=".repeat(depth), "}".repeat(depth))),
        ("toml", format!("a = {}", "[{a=".repeat(depth))),
        ("toml", format!("{}a = 1", "a.".repeat(depth))),
        ("toml", format!("[{}a]\nb = 1", "a.".repeat(depth))),
        ("toml", format!("[[{}a]]\nb = 1", "a.".repeat(depth))),
        ("toml", lines(NESTING_MAX, |depth| format!("[[{}a]]", "a.".repeat(depth)))),
    ];
    for (format, text) in cases {
        on_a_small_stack(move || {
            let source = Source::new("", text);
            let (root, findings) = if format == "toml" { toml::parse(&source) } else { json::parse(&source) };
            assert!(rules(&findings).contains(&"nesting-too-deep"), "{format}: {:?}", rules(&findings));
            assert!(findings.len() < 100, "{} findings", findings.len());
            check_node(&source, &root, 0);
            let _ = render::text(&source, &findings, Colour::Never);
            drop(root);
        });
    }
}

#[test]
fn nesting_up_to_the_limit_is_read() {
    for (depth, expected) in [(NESTING_MAX, 0), (NESTING_MAX + 1, 1)] {
        let brackets = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let source = Source::new("", format!("a = {brackets}"));
        assert_eq!(toml::parse(&source).1.len(), expected, "{depth}");
        let source = Source::new("", format!("[{brackets}]"));
        assert_eq!(json::parse(&source).1.len(), expected, "{depth}");
        let source = Source::new("", format!("{}a = 1", "a.".repeat(depth)));
        assert_eq!(toml::parse(&source).1.len(), expected, "{depth}");
        let source = Source::new("", format!("[{}a]\nb = 1", "a.".repeat(depth - 1)));
        assert_eq!(toml::parse(&source).1.len(), expected, "{depth}");
    }
}

#[test]
fn too_many_values_are_reported_and_the_rest_is_left() {
    let values = "0,".repeat(crate::limits::NODES_MAX + 10);
    let source = Source::new("", format!("a = [{values}]\nb = 1\n"));
    assert_eq!(rules(&toml::parse(&source).1), ["too-many-values"]);
    let source = Source::new("", format!("[{values}0]"));
    assert_eq!(rules(&json::parse(&source).1), ["too-many-values"]);
}

#[test]
fn a_document_that_cannot_be_read_is_reported() {
    let (source, findings) = Source::from_bytes("big", vec![b' '; DOCUMENT_BYTES_MAX + 1]);
    assert_eq!((source.text(), rules(&findings)), ("", vec!["document-too-large"]));
    let (source, findings) = Source::from_bytes("big", vec![b' '; DOCUMENT_BYTES_MAX]);
    assert_eq!((source.text().len(), findings.len()), (DOCUMENT_BYTES_MAX, 0));
}

#[test]
fn a_table_of_many_keys_is_filled_and_asked_quickly() {
    // 60,000 keys: looked through one by one this would take minutes.
    let text = lines(60_000, |number| format!("\"d{number}.example\" = {number}"));
    let source = Source::new("", text);
    let (root, findings) = toml::parse(&source);
    assert!(findings.is_empty());
    let table = root.as_table().unwrap();
    assert_eq!(table.len(), 60_000);
    for number in 0..60_000 {
        let node = table.get(&format!("d{number}.example")).unwrap();
        assert_eq!(node.scalar_text(), Some(number.to_string().as_str()));
    }
    assert!(table.get("d60000.example").is_none());
}

#[test]
fn a_long_log_is_read_line_by_line() {
    let text = lines(100_000, |number| format!("{{\"line\": {number}}}"));
    let source = Source::new("", text);
    let mut count = 0;
    for line in ndjson::lines(&source) {
        assert!(line.findings.is_empty());
        assert_eq!(line.node.get("line").and_then(Node::scalar_text), Some((line.number - 1).to_string().as_str()));
        count += 1;
    }
    assert_eq!(count, 100_000);
}

/// Every file that somebody has published is read without a panic, and with a report that a person can read.
#[test]
#[expect(clippy::disallowed_methods, reason = "this test reads the folder of samples beside the checkout")]
fn published_policies_are_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let mut folders = vec![root.join("corpus"), root.join("seeds")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("{} is not there: nothing is read", folder.display());
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let (source, findings) = Source::from_bytes(path.display().to_string(), std::fs::read(&path).unwrap());
            assert!(findings.is_empty(), "{}", path.display());
            check_any(source.text());
            let (_, findings) = match format::detect(source.name(), source.text()) {
                Format::Toml => toml::parse(&source),
                Format::Json => json::parse(&source),
                Format::Ndjson => (Node::root(0), ndjson::parse(&source).1),
            };
            // Prose and listings are no documents; they only must not stop the reader.
            let is_document = path
                .extension()
                .is_some_and(|extension| ["toml", "json", "ndjson"].iter().any(|known| extension == *known));
            assert!(!is_document || findings.len() <= 60, "{}: {} findings", path.display(), findings.len());
            count += 1;
        }
    }
    println!("{count} files are read");
}

/// Texts that cost much where a reader looks at the rest of the line or document for each mistake.
#[test]
fn a_long_line_of_mistakes_takes_no_longer_than_its_length() {
    let pieces = [
        "'",
        "\"",
        "\"\",",
        "\"a\"b",
        "'a'b",
        "a ",
        "a,",
        "72h,",
        "{",
        "[",
        "}",
        "]",
        ":",
        "=",
        ",",
        "\\",
        "(",
        "#",
        "/**/",
        "%{",
        "\u{1b}",
        "{ if = \"f(\"x\", y)\", then = \"z\" },",
        "{'a':1},",
    ];
    for piece in pieces {
        for start in ["", "a = [", "a = {", "[", "{\"a\": [", "{"] {
            let text = format!("{start}{}", piece.repeat(24_000 / piece.len()));
            // Quadratic time, more than a hundred times over, would be minutes.
            let source = Source::new("", text);
            let _ = toml::parse(&source);
            let (_, findings) = json::parse(&source);
            assert!(render::text(&source, &findings, Colour::Never).len() < 2_000_000);
        }
    }
}

#[test]
fn after_many_errors_the_rest_is_left() {
    let source = Source::new("", "a b\n".repeat(2_000));
    let (_, findings) = toml::parse(&source);
    assert_eq!((findings.len(), findings.omitted()), (ERRORS_MAX + 1, 0));
    assert_eq!(rules(&findings).last(), Some(&"too-many-errors"));
    let source = Source::new("", format!("[{}]", "x,".repeat(2_000)));
    let (_, findings) = json::parse(&source);
    assert_eq!((findings.len(), rules(&findings).last()), (ERRORS_MAX + 1, Some(&"too-many-errors")));
}

#[test]
fn the_true_end_of_a_string_is_looked_for_within_bounds() {
    let cases = [
        ("x".repeat(100), true),
        ("x".repeat(QUOTING_BYTES_MAX), false),
        ("\"x".repeat(QUOTES_MAX / 2), true),
        ("\"x".repeat(QUOTES_MAX), false),
    ];
    for (inner, is_found) in cases {
        let text = format!("\"a\"b{inner}\"");
        let source = Source::new("", format!("x = {text}\n"));
        let (root, findings) = toml::parse(&source);
        assert_eq!(findings.len(), 1, "{:?}", rules(&findings));
        assert_eq!(
            root.get("x").map(|node| node.range.len() as usize == text.len()),
            Some(is_found),
            "{}",
            inner.len()
        );
        let source = Source::new("", format!("{{\"x\": {text}}}"));
        let (root, findings) = json::parse(&source);
        assert_eq!(
            root.get("x").map(|node| node.range.len() as usize == text.len()),
            Some(is_found),
            "{}",
            inner.len()
        );
        assert_eq!(rules(&findings) == ["json-bad-quoting"], is_found, "{:?}", rules(&findings));
    }
}
