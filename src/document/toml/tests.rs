//! What TOML texts become, and what is found in them.

use base::TextRange;

use super::parse;
use crate::testing::{dump, rules};
use crate::{ListForm, Source};

/// Each text with its tree and the rules of its findings, in order.
fn check(cases: &[(&str, &str, &[&str])]) {
    for &(text, tree, expected) in cases {
        let source = Source::new("policy.toml", text);
        let (root, findings) = parse(&source);
        assert_eq!(dump(&root), tree, "{text}");
        assert_eq!(rules(&findings), expected, "{text}");
    }
}

#[test]
#[rustfmt::skip]
fn every_way_of_writing_gives_one_tree() {
    check(&[
        ("", "{}", &[]),
        ("a = 1\nb.c = \"x\"\n", "{a: 1, b: {c: \"x\"}}", &[]),
        ("[a.b]\nc = 1\n[a]\nd = 2\n", "{a: {b: {c: 1}, d: 2}}", &[]),
        ("[a.\"b\"]\nc = 1\n[ a . d ]\n'e f' = 2\n", "{a: {b: {c: 1}, d: {e f: 2}}}", &[]),
        ("a.\"b\" = 1\na.c = 2\n", "{a: {b: 1, c: 2}}", &[]),
        ("a = { b.c = 1, b.d = 2 }\n", "{a: {b: {c: 1, d: 2}}}", &[]),
        ("[[a]]\nx = 1\n[[a]]\nx = 2\n[a.b]\ny = 3\n", "{a: [{x: 1}, {x: 2, b: {y: 3}}]}", &[]),
        ("[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 2\n", "{a: [{b: [{x: 1}, {x: 2}]}]}", &[]),
        ("route.0000.if = \"a\"\nroute.0001.else = false\n", "{route: {0000: {if: \"a\"}, 0001: {else: false}}}", &[]),
        ("a = [ 1, # one\n  [ 2 ],\n\n  { b = 3 } , ]\nc = 4", "{a: [1, [2], {b: 3}], c: 4}", &[]),
        ("a= [\n{ if = \"x\", then = [\n 1 ] } ] \t\nb =2", "{a: [{if: \"x\", then: [1]}], b: 2}", &[]),
        ("a = 1979-05-27T07:32:00Z\nb = 07:32:00\nc = -1.5e3\nd = 0xFF", "{a: <1979-05-27T07:32:00Z>, b: <07:32:00>, c: -1.5e3, d: 0xFF}", &[]),
        ("a = '''\nx\\\ny'''\r\nb = \"\"\"\\\n   z\"\"\"\r\n", "{a: \"x\\\\\\ny\", b: \"z\"}", &["toml-string-portability"]),
        ("\u{feff}a = 1\n", "{a: 1}", &[]),
        ("a = true#x\n", "{a: \"true#x\"}", &["toml-unquoted-text"]),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_is_written_twice_is_found_and_the_first_stands() {
    check(&[
        ("a = 1\na = 2\n", "{a: 1}", &["duplicate-key"]),
        ("a = 1\n\"a\" = 2\n", "{a: 1}", &["duplicate-key"]),
        ("a = [1]\na = [2]\n", "{a: [1]}", &["duplicate-key"]),
        ("a = { b = 1, b = 2 }\n", "{a: {b: 1}}", &["duplicate-key"]),
        ("[a]\nb = 1\n[a]\nb = 2\nc = 3\n", "{a: {b: 1, c: 3}}", &["toml-duplicate-table", "duplicate-key"]),
        ("[a]\nb = 1\n[c]\n[a]\nd = 2\n[a]\n", "{a: {b: 1, d: 2}, c: {}}", &["toml-duplicate-table", "toml-duplicate-table"]),
        ("[a.b]\n[a]\n", "{a: {b: {}}}", &[]),
        ("a = { b = 1 }\n[a]\nc = 2\n", "{a: {b: 1, c: 2}}", &["toml-duplicate-table"]),
        ("a = { b = 1 }\na.c = 2\n", "{a: {b: 1, c: 2}}", &["toml-duplicate-table"]),
        ("a.b = 1\na = { c = 2, b = 3 }\n", "{a: {b: 1, c: 2}}", &["toml-duplicate-table", "duplicate-key"]),
        ("a = { b = { c = 1 } }\na = { b = { d = 2 } }\n", "{a: {b: {c: 1, d: 2}}}", &["toml-duplicate-table"]),
        ("a = 1\n[a]\nb = 2\n[c]\nd = 3\n", "{a: 1, c: {d: 3}}", &["toml-key-conflict"]),
        ("a = 1\na.b = 2\n", "{a: 1}", &["toml-key-conflict"]),
        ("a.b = 1\na = 2\n", "{a: {b: 1}}", &["toml-key-conflict"]),
        ("a = 1\na = { b = 2 }\n", "{a: 1}", &["toml-key-conflict"]),
        ("a = 1\n[a.b]\nc = 1\nc = 2\n", "{a: 1}", &["toml-key-conflict", "duplicate-key"]),
        ("[[a]]\n[a]\nx = 1\n", "{a: [{}]}", &["toml-key-conflict"]),
        ("[a]\n[[a]]\nx = 1\n", "{a: {}}", &["toml-key-conflict"]),
        ("a = [{ x = 1 }]\n[[a]]\nx = 2\n", "{a: [{x: 1}]}", &["toml-key-conflict"]),
        ("a = [{ x = 1 }]\n[a.b]\nx = 2\n", "{a: [{x: 1}]}", &["toml-key-conflict"]),
        ("[[a]]\n[b]\na.c = 1\n[[a]]\n", "{a: [{}, {}], b: {a: {c: 1}}}", &[]),
        ("[[x]]\na = 1\n[[y]]\n[[x]]\na = 2\n", "{x: [{a: 1}, {a: 2}], y: [{}]}", &["toml-interleaved-list"]),
        ("[[x]]\n[[x.y]]\n[[x]]\n[[x.y]]\n", "{x: [{y: [{}]}, {y: [{}]}]}", &["toml-interleaved-list"]),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_mistake_hides_nothing_behind_it() {
    check(&[
        ("a = \nb = 2\n", "{b: 2}", &["toml-syntax"]),
        ("a\nb = 2\nc d\n", "{b: 2}", &["toml-syntax", "toml-syntax"]),
        ("a = [1, 2\nb = 3\n", "{a: [1, 2], b: 3}", &["toml-unclosed-bracket"]),
        ("a = [1, 2\n[b]\nc = 3\n", "{a: [1, 2], b: {c: 3}}", &["toml-unclosed-bracket"]),
        ("a = [\n[1],\n[2]\n]\nb = 1\n", "{a: [[1], [2]], b: 1}", &[]),
        ("a = [\n[\"x\"],\n]\n", "{a: [[\"x\"]]}", &[]),
        ("a = { b = 1\n[c]\nd = 2\n", "{a: {b: 1}, c: {d: 2}}", &["toml-unclosed-bracket"]),
        ("a = [ { b = 1 ]\nc = 2\n", "{a: [{b: 1}], c: 2}", &["toml-unclosed-bracket"]),
        ("a = { b = [1, 2 }\nc = 2\n", "{a: {b: [1, 2]}, c: 2}", &["toml-unclosed-bracket"]),
        ("a = [1 2, 3]\n", "{a: [\"1 2\", 3]}", &["toml-unquoted-text"]),
        ("a = [\"x\" \"y\"]\n", "{a: [\"x\", \"y\"]}", &["toml-syntax"]),
        ("a = [\"x\" = 1, 2]\n", "{a: [\"x\", 2]}", &["toml-syntax"]),
        ("a = [,]\n", "{a: []}", &["toml-syntax"]),
        ("a = { \"x\", \"y\" }\nb = { 1, 2, 3 }\n", "{a: {}, b: {}}", &["toml-syntax", "toml-syntax"]),
        ("a = { x, b = 1 }\n", "{a: {b: 1}}", &["toml-syntax"]),
        ("a = { b = , c = 1 }\n", "{a: {c: 1}}", &["toml-syntax"]),
        ("a = { if = \"x\" then = \"y\" }\n", "{a: {if: \"x\", then: \"y\"}}", &["toml-syntax"]),
        ("a = { \"if\": \"x\", then: \"y\" }\n", "{a: {if: \"x\", then: \"y\"}}", &["toml-syntax", "toml-syntax"]),
        ("a: 1\nb : 2\nc: = 3\n", "{a: 1, b: 2}", &["toml-syntax", "toml-syntax", "toml-syntax"]),
        ("a = 1,\nb = 2\n", "{a: 1, b: 2}", &["toml-syntax"]),
        ("a = \"x\"]\nb = 2\n", "{a: \"x\", b: 2}", &["toml-syntax"]),
        ("[a\nb = 1\n[[c]\nd = 2\n", "{a: {b: 1}, c: [{d: 2}]}", &["toml-unclosed-bracket", "toml-unclosed-bracket"]),
        ("[]\na = 1\n[b]\nc = 1\n", "{b: {c: 1}}", &["toml-syntax"]),
        ("[a]]\nb = 1\n", "{a: {b: 1}}", &["toml-syntax"]),
        ("fe80::1 = 1\na*b = 2\n\"ok\" = 3", "{fe80::1: 1, ok: 3}", &["toml-syntax", "toml-syntax"]),
        (".a = 1\na..b = 2\na. = 3\nc = 4", "{c: 4}", &["toml-syntax", "toml-syntax", "toml-syntax"]),
        ("= 1\n, a\n} b\n] c\nd = 1", "{d: 1}", &["toml-syntax", "toml-syntax", "toml-syntax", "toml-syntax"]),
        ("'''a''' = 1\n", "{a: 1}", &["toml-syntax"]),
        (".. [ { a = [\n  { b = 1 },\n  ] } ]\nc = 1", "{c: 1}", &["toml-syntax"]),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_string_is_taken_as_it_was_meant() {
    check(&[
        ("a = \"x\nb = 2\n", "{a: \"x\", b: 2}", &["toml-unclosed-string"]),
        ("a = 'x\r\nb = 2\r\n", "{a: \"x\", b: 2}", &["toml-unclosed-string"]),
        ("a = [\"x, 1]\nb = 2\n", "{a: [\"x, 1]\"], b: 2}", &["toml-unclosed-bracket", "toml-unclosed-string"]),
        ("a = \"\"\"x\nb = 2\n", "{a: \"x\\nb = 2\\n\"}", &["toml-unclosed-string"]),
        ("a = \"sql(\"db\", 'x')\"\nb = 2\n", "{a: \"sql(\\\"db\\\", 'x')\", b: 2}", &["toml-bad-quoting"]),
        ("a = \"sql(\"db\")\" # why\nb = 2\n", "{a: \"sql(\\\"db\\\")\", b: 2}", &["toml-bad-quoting"]),
        ("a = { if = \"s(\"d\", \"S = ? x\", [r, s])\", then = \"'v'\" }\nb = 2\n", "{a: {if: \"s(\\\"d\\\", \\\"S = ? x\\\", [r, s])\", then: \"'v'\"}, b: 2}", &["toml-bad-quoting"]),
        ("a = [ { if = \"x == \"y\"\" }, { else = \"z\" } ]\n", "{a: [{if: \"x == \\\"y\\\"\"}, {else: \"z\"}]}", &["toml-bad-quoting"]),
        ("a = 'it's'\n", "{a: \"it's\"}", &["toml-bad-quoting"]),
        ("a = [\"x\"y\", \"z\"]\n", "{a: [\"x\\\"y\", \"z\"]}", &["toml-bad-quoting"]),
        ("a = \"x\" \"y\"\n", "{a: \"x\\\" \\\"y\"}", &["toml-bad-quoting"]),
        ("a = \"x\" \"y\" z\nb = 1\n", "{a: \"x\", b: 1}", &["toml-bad-quoting"]),
        ("a = { if = \"x, then = \"y\" }\n", "{a: {if: \"x\", then: \"y\"}}", &["toml-unclosed-string"]),
        ("a = \"x\\.y\\d\"\nb = \"\\ud800\"\n", "{a: \"x\\\\.y\\\\d\", b: \"\\\\ud800\"}", &["toml-bad-escape", "toml-bad-escape"]),
        ("a = \"x\\\\.y\"\n", "{a: \"x\\\\.y\"}", &[]),
        ("a = 'x\\.y'\n", "{a: \"x\\\\.y\"}", &["toml-string-portability"]),
        ("a = \"\\u00e9\"\n", "{a: \"é\"}", &["toml-string-portability"]),
        ("a = '''x\\.y'''\n", "{a: \"x\\\\.y\"}", &[]),
        ("a = \"say \\\"hi\\\"\\t\"\n", "{a: \"say \\\"hi\\\"\\t\"}", &[]),
        ("a = \"\u{1}\"\n", "{a: \"\\u{1}\"}", &["toml-syntax"]),
    ]);
}

#[test]
#[rustfmt::skip]
fn other_readers_are_thought_of() {
    check(&[
        ("[queue.route.MyRelay]\n[queue.route.\"MyRelay2\"]\n[Queue.x]\n", "{queue: {route: {MyRelay: {}, MyRelay2: {}}}, Queue: {x: {}}}", &["toml-table-case"]),
        ("[x.'y']\n", "{x: {y: {}}}", &["toml-string-portability"]),
        ("a = {\n b = 1\n}\nc = { d = 1, }\ne = {\n}\n", "{a: {b: 1}, c: {d: 1}, e: {}}", &["toml-inline-layout", "toml-inline-layout", "toml-inline-layout"]),
        ("queue.Strategy.MaxAge = 1\n", "{queue: {Strategy: {MaxAge: 1}}}", &[]),
    ]);
}

#[test]
fn a_list_has_two_forms_and_its_numbers_are_sorted_as_numbers() {
    let cases = [
        ("a = [1, 2]", Some((ListForm::Array, "1 2"))),
        ("a.10.x = 10\na.9.x = 9\na.0002.x = 2", Some((ListForm::IndexedTable, "2 10 9"))),
        ("a = { 0 = 1, x = 2 }", None),
        ("a = {}", Some((ListForm::IndexedTable, ""))),
        ("[[a]]\nx = 1\n[[a]]\nx = 2", Some((ListForm::Array, "1 2"))),
        ("a = 1", None),
    ];
    for (text, expected) in cases {
        let source = Source::new("", text);
        let (root, _) = parse(&source);
        let items = root.get("a").and_then(crate::Node::items);
        let items = items.map(|items| {
            let numbers = items.nodes.iter().map(|node| node.get("x").unwrap_or(node));
            let numbers: Vec<_> = numbers.filter_map(crate::Node::scalar_text).collect();
            (items.form, numbers.join(" "))
        });
        assert_eq!(items, expected.map(|(form, numbers)| (form, numbers.to_owned())), "{text}");
    }
}

#[test]
fn nodes_stand_where_they_are_written() {
    let text = "a = [ 1, 'x' ]\n[b.c]\nd.e = { f = 2 }\n[[g]]\n\"h\" = '''\ni'''\nj = 5m\n";
    let source = Source::new("", text);
    let (root, _) = parse(&source);
    let cases = [
        ("a", "[ 1, 'x' ]", None),
        ("b", "b", None),
        ("b.c", "[b.c]", None),
        ("b.c.d", "d", None),
        ("b.c.d.e", "{ f = 2 }", None),
        ("b.c.d.e.f", "2", Some("2")),
        ("g", "g", None),
    ];
    for (path, written, content) in cases {
        let node = root.get_path(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(source.slice(node.range), written, "{path}");
        let mapped = node.mapped().map(|text| source.slice(text.document_range()));
        assert_eq!(mapped, content, "{path}");
    }
    let element = root.get("g").and_then(|list| list.as_list()?.first()).unwrap();
    assert_eq!(source.slice(element.range), "[[g]]");
    let entry = element.as_table().and_then(|table| table.entry("h")).unwrap();
    assert_eq!(source.slice(entry.key_range), "\"h\"");
    for (key, content) in [("h", "i"), ("j", "5m")] {
        let mapped = element.get(key).and_then(crate::Node::mapped).unwrap();
        assert_eq!((mapped.text(), source.slice(mapped.document_range())), (content, content));
    }
}

#[test]
fn a_place_in_a_decoded_string_is_found_in_the_document() {
    let text = r#"a = "x \"y\" \u00e9\\z""#;
    let source = Source::new("", text);
    let (root, _) = parse(&source);
    let mapped = root.get("a").and_then(crate::Node::mapped).unwrap();
    assert_eq!(mapped.text(), "x \"y\" é\\z");
    let written = |from: usize, to: usize| source.slice(mapped.map(TextRange::of(from..to)));
    assert_eq!(written(2, 3), "\\\"");
    assert_eq!(written(3, 4), "y");
    assert_eq!(written(6, 8), "\\u00e9");
    assert_eq!(written(8, 9), "\\\\");
    assert_eq!(written(9, 10), "z");
    assert_eq!(written(0, 10), r#"x \"y\" \u00e9\\z"#);
}
