//! `docs/schema/scenario.schema.json` and `docs/scenario-format.md` say what the readers do.
//!
//! The schema is read with this project's own JSON reader and applied by the few keywords that it uses, so that no
//! validator has to be a dependency.

use document::{Kind, Node, Source, format, json, toml};

use crate::{
    environment, generate, message, property,
    read::{EXPECT_KEYS, KEYS},
    testing::{bytes, repository},
    world,
};

fn repository_file(path: &str) -> String {
    String::from_utf8(bytes(&repository(path))).expect("it is UTF-8")
}

fn schema_source() -> Source {
    Source::new("scenario.schema.json", repository_file("docs/schema/scenario.schema.json"))
}

/// What is wrong with `node` by `schema`, a part of `root`; the keywords are those of the 2020-12 edition.
fn problems(root: &Node<'_>, schema: &Node<'_>, node: &Node<'_>, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(schema) = schema.as_table() else { return found };
    for entry in schema.entries() {
        let value = &entry.value;
        match entry.key() {
            "$ref" => found.extend(problems(root, definition(root, value), node, at)),
            "type" => {
                let types: Vec<_> = match value.as_list() {
                    Some(list) => list.iter().filter_map(Node::as_text).collect(),
                    None => value.as_text().into_iter().collect(),
                };
                if !types.iter().any(|name| has_type(node, name)) {
                    found.push(format!("{at}: {} is not {}", node.kind_name(), types.join(" or ")));
                }
            }
            "enum" => {
                let words: Vec<_> = value.as_list().unwrap_or_default().iter().filter_map(Node::as_text).collect();
                if !node.as_text().is_some_and(|text| words.contains(&text)) {
                    found.push(format!("{at}: none of {}", words.join(", ")));
                }
            }
            "pattern" => {
                let pattern = regex::Regex::new(value.as_text().unwrap_or_default()).expect("a regular expression");
                if node.as_text().is_some_and(|text| !pattern.is_match(text)) {
                    found.push(format!("{at}: not as {pattern}"));
                }
            }
            "anyOf" => {
                let choices = value.as_list().unwrap_or_default();
                if !choices.iter().any(|choice| problems(root, choice, node, at).is_empty()) {
                    found.push(format!("{at}: none of the choices"));
                }
            }
            "required" => {
                for key in value.as_list().unwrap_or_default().iter().filter_map(Node::as_text) {
                    if node.as_table().is_some_and(|table| table.get(key).is_none()) {
                        found.push(format!("{at}: no {key}"));
                    }
                }
            }
            "items" => {
                for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
                    found.extend(problems(root, value, item, &format!("{at}[{index}]")));
                }
            }
            "minItems" => {
                let least: usize = value.scalar_text().unwrap_or_default().parse().expect("a number");
                if node.as_list().is_some_and(|list| list.len() < least) {
                    found.push(format!("{at}: too few"));
                }
            }
            "minimum" | "maximum" => {
                let bound: f64 = value.scalar_text().unwrap_or_default().parse().expect("a number");
                let number = node.scalar_text().and_then(|text| text.replace('_', "").parse::<f64>().ok());
                let is_outside = |number: f64| {
                    if entry.key() == "minimum" { number < bound } else { number > bound }
                };
                if matches!(node.kind, Kind::Number(_)) && number.is_some_and(is_outside) {
                    found.push(format!("{at}: outside its bounds"));
                }
            }
            "properties" | "patternProperties" | "additionalProperties" => {}
            "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "examples" | "format" => {}
            keyword => panic!("the keyword {keyword} is not known here"),
        }
    }
    found.extend(problems_of_keys(root, schema, node, at));
    found
}

fn problems_of_keys(root: &Node<'_>, schema: &document::Table<'_>, node: &Node<'_>, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in node.as_table().map(document::Table::entries).unwrap_or_default() {
        let at = format!("{at}.{}", entry.key());
        let named = schema.get("properties").and_then(|properties| properties.get(entry.key()));
        // The only pattern of the schema is that of remarks.
        let pattern = schema.get("patternProperties").and_then(|patterns| patterns.get("_notes$"));
        let other = schema.get("additionalProperties");
        if let Some(named) = named {
            found.extend(problems(root, named, &entry.value, &at));
        } else if pattern.is_some() && entry.key().ends_with("_notes") {
        } else if let Some(other) = other {
            match &other.kind {
                Kind::Bool(true) => {}
                Kind::Bool(false) => found.push(format!("{at}: no such key")),
                _ => found.extend(problems(root, other, &entry.value, &at)),
            }
        }
    }
    found
}

fn definition<'t, 'a>(root: &'t Node<'a>, reference: &Node<'_>) -> &'t Node<'a> {
    let path = reference.as_text().unwrap_or_default();
    let keys = path.strip_prefix("#/").expect("references are local").split('/');
    keys.fold(root, |node, key| node.get(key).unwrap_or_else(|| panic!("{path} is not there")))
}

fn has_type(node: &Node<'_>, name: &str) -> bool {
    match &node.kind {
        Kind::Table(_) => name == "object",
        Kind::List(_) => name == "array",
        Kind::Text(_) => name == "string",
        // A moment of TOML is a string in JSON.
        Kind::Other(_) => name == "string",
        Kind::Number(text) => name == "number" || name == "integer" && !text.contains(['.', 'e', 'E']),
        Kind::Bool(_) => name == "boolean",
        Kind::Null => name == "null",
    }
}

/// What is wrong with a document of the corpus by the part of the schema at `part`.
fn check(part: &str, path: &str) -> Vec<String> {
    let schema_source = schema_source();
    let (root, findings) = json::parse(&schema_source);
    assert!(findings.is_empty());
    let schema = if part.is_empty() { &root } else { root.get("$defs").and_then(|defs| defs.get(part)).unwrap() };
    let source = Source::new(path, repository_file(path));
    match format::detect(path, source.text()) {
        document::Format::Toml => problems(&root, schema, &toml::parse(&source).0, "$"),
        document::Format::Json => problems(&root, schema, &json::parse(&source).0, "$"),
        document::Format::Ndjson => {
            document::ndjson::lines(&source).flat_map(|line| problems(&root, schema, &line.node, "$")).collect()
        }
    }
}

#[test]
fn the_schema_takes_the_valid_files() {
    let cases = [
        ("", "corpus/scenarios/basics/envelope.scenario.toml"),
        ("", "corpus/scenarios/basics/retry.scenario.json"),
        ("", "corpus/scenarios/basics/mail.scenario.toml"),
        ("message", "corpus/scenarios/basics/message.toml"),
        ("message", "corpus/scenarios/basics/message.json"),
        ("message", "corpus/scenarios/basics/messages.ndjson"),
        ("environment", "corpus/environments/full.toml"),
        ("environment", "corpus/environments/full.json"),
        ("environment", "corpus/vectors/environment.json"),
    ];
    for (part, path) in cases {
        assert_eq!(check(part, path), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn the_schema_refuses_bad_files() {
    let cases = [
        ("", "corpus/scenarios/invalid/keys.scenario.toml", 6),
        ("", "corpus/scenarios/invalid/list.scenario.json", 1),
        ("message", "corpus/scenarios/invalid/kinds.message.toml", 11),
        ("message", "corpus/scenarios/invalid/missing.message.toml", 1),
        ("message", "corpus/scenarios/invalid/notify.message.json", 2),
        ("environment", "corpus/scenarios/invalid/keys.environment.toml", 4),
        ("environment", "corpus/scenarios/invalid/kinds.environment.toml", 8),
    ];
    for (part, path, least) in cases {
        let problems = check(part, path);
        assert!(problems.len() >= least, "{path}: {problems:#?}");
    }
}

#[test]
fn the_schema_has_the_readers_keys_and_no_others() {
    let source = schema_source();
    let (root, _) = json::parse(&source);
    let message_keys: Vec<_> = message::FIELDS.iter().map(|field| field.name).collect();
    let environment_keys = [environment::KEYS, environment::IGNORED].concat();
    let cases: [(&str, &[&str]); 21] = [
        ("", KEYS),
        ("$defs.world", world::KEYS),
        ("$defs.zone_change", world::CHANGE_KEYS),
        ("$defs.dns_fault", world::FAULT_KEYS),
        ("$defs.certificates", world::PEM_KEYS),
        ("$defs.mta_sts", world::STS_KEYS),
        ("$defs.crash", world::CRASH_KEYS),
        ("$defs.generate", generate::KEYS),
        ("$defs.disk_full", world::DISK_KEYS),
        ("$defs.clock_jump", world::CLOCK_KEYS),
        ("$defs.reload", world::RELOAD_KEYS),
        ("$defs.operator", world::ORDER_KEYS),
        ("$defs.host", world::HOST_KEYS),
        ("$defs.host_reply", world::REPLY_KEYS),
        ("$defs.expectation", EXPECT_KEYS),
        ("$defs.property", property::KEYS),
        ("$defs.message", &message_keys),
        ("$defs.environment", &environment_keys),
        ("$defs.store", environment::STORE_KEYS),
        ("$defs.dns_answer", environment::DNS_KEYS),
        ("$defs.list_file", environment::LIST_KEYS),
    ];
    for (path, keys) in cases {
        let part = if path.is_empty() { Some(&root) } else { root.get_path(path) };
        let properties = part.and_then(|part| part.get("properties")).and_then(Node::as_table);
        let named: Vec<_> = properties.unwrap().entries().iter().map(document::Entry::key).collect();
        assert_eq!(named, keys, "{path}");
        let is_closed = part.and_then(|part| part.get("additionalProperties"));
        assert!(matches!(is_closed.map(|node| &node.kind), Some(Kind::Bool(false))), "{path}");
    }
}

/// Each key has a row in a table of the documentation, and the row of a message's key has its default.
#[test]
fn the_documentation_names_every_key_with_its_default() {
    let text = repository_file("docs/scenario-format.md");
    let row = |key: &str| text.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
    let hosts = [world::HOST_KEYS, world::REPLY_KEYS].concat();
    let world = [
        world::KEYS,
        world::CHANGE_KEYS,
        world::ORDER_KEYS,
        world::FAULT_KEYS,
        &hosts,
        world::STS_KEYS,
        world::PEM_KEYS,
        world::CRASH_KEYS,
        world::DISK_KEYS,
    ]
    .concat();
    let keys = [
        KEYS,
        EXPECT_KEYS,
        property::KEYS,
        generate::KEYS,
        environment::KEYS,
        environment::STORE_KEYS,
        environment::DNS_KEYS,
        &world,
    ]
    .concat();
    for key in keys {
        assert!(row(key).is_some(), "no row for `{key}`");
    }
    let unsaid = message::Message::default();
    for field in message::FIELDS {
        let row = row(field.name).unwrap_or_else(|| panic!("no row for `{}`", field.name));
        let default = match (field.take)(&unsaid) {
            crate::shape::Given::Text(text) if text.is_empty() => "`\"\"`".to_owned(),
            crate::shape::Given::Text(text) => format!("`\"{text}\"`"),
            crate::shape::Given::Word(word) => format!("`\"{word}\"`"),
            crate::shape::Given::Count(count) => format!("`{count}`"),
            crate::shape::Given::Integer(number) => format!("`{number}`"),
            crate::shape::Given::Offset(_) => "`\"0s\"`".to_owned(),
            _ => continue,
        };
        assert!(field.name == "id" || row.contains(&default), "{row} does not say {default}");
    }
}
