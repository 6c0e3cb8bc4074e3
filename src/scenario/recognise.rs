//! What a document is: a scenario, properties, an environment, messages, or something of another floor.
//!
//! The keys decide, as names of files say what somebody meant and not what is in them: the kind that knows most of a
//! document's keys is taken, where it knows at least half of them. Only a document in which no kind knows anything is
//! taken for what its name says.

use document::{Format, Source, Table, format, json, ndjson};

use crate::{context::tree, environment, message, property, read};

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// A scenario.
    Scenario,
    /// A file of properties.
    Properties,
    /// An environment.
    Environment,
    /// One message.
    Message,
    /// Messages, one a line.
    Messages,
    /// None of these: a policy, as far as this floor knows.
    Other,
}

/// What `source` is.
#[must_use]
pub fn what(source: &Source) -> What {
    if format::detect(source.name(), source.text()) == Format::Ndjson {
        return of_lines(source);
    }
    let (root, _) = tree(source);
    let found = root.as_table().map_or(What::Other, of_table);
    if found == What::Other && root.as_table().is_none_or(|table| table.entries().is_empty()) {
        return by_name(source.name());
    }
    found
}

/// Whether a line is a message is said by its first one: a file of a million is not read for it.
#[must_use]
pub fn is_message(line: &str) -> bool {
    let source = Source::new("line", line.to_owned());
    let (node, _) = json::parse(&source);
    node.as_table().is_some_and(|table| of_table(table) == What::Message)
}

fn of_lines(source: &Source) -> What {
    let first = ndjson::lines(source).next();
    let is_message =
        first.is_some_and(|line| line.node.as_table().is_some_and(|table| of_table(table) == What::Message));
    if is_message { What::Messages } else { What::Other }
}

fn of_table(table: &Table<'_>) -> What {
    let keys: Vec<&str> = table.entries().iter().map(document::Entry::key).collect();
    let known = |is: &dyn Fn(&str) -> bool| keys.iter().filter(|key| is(key)).count();
    let properties = known(&|key| property::FILE_KEYS.contains(&key));
    if properties == keys.len() && properties > 0 {
        return What::Properties;
    }
    let is_environment =
        |key: &str| environment::KEYS.contains(&key) || environment::IGNORED.contains(&key) || key.ends_with("_notes");
    let counts = [
        (What::Scenario, known(&|key| read::KEYS.contains(&key))),
        (What::Message, known(&|key| message::FIELDS.iter().any(|field| field.name == key))),
        (What::Environment, known(&is_environment)),
    ];
    // The first of those that know as many.
    let most = counts.iter().rev().max_by_key(|(_, known)| *known);
    most.filter(|(_, known)| *known > 0 && known * 2 >= keys.len()).map_or(What::Other, |(what, _)| *what)
}

fn by_name(name: &str) -> What {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match stem.rsplit_once('.').map(|(_, kind)| kind) {
        Some("scenario") => What::Scenario,
        Some("properties") => What::Properties,
        Some("environment") => What::Environment,
        Some("message") => What::Message,
        _ => What::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_its_keys_say() {
        let cases = [
            ("a.toml", "[[message]]\nsender = \"\"\n", What::Scenario),
            ("a.toml", "policy = \"p.toml\"\nseed = 3\n[[never]]\nsecured = false\n", What::Scenario),
            ("a.toml", "[[mesage]]\nsender = \"\"\n[[expect]]\nmessage = \"m1\"\n", What::Scenario),
            ("a.json", "{\"message\": []}", What::Scenario),
            ("a.toml", "[[never]]\nsecured = false\n", What::Properties),
            ("a.scenario.toml", "[[always]]\nstatus = \"delivered\"\n", What::Properties),
            ("a.toml", "local_domains = []\n[stores.a]\nkeys = {}\n", What::Environment),
            ("a.json", "{\"dns\": [], \"metric_notes\": \"\"}", What::Environment),
            ("a.toml", "sender = \"\"\nrecipients = []\n", What::Message),
            ("a.json", "{\n\"sender\": \"\",\n\"recipients\": []\n}", What::Message),
            ("a.ndjson", "{\"sender\": \"\", \"recipients\": []}\n", What::Messages),
            ("a.txt", "{\"sender\": \"\"}\n{\"sender\": \"\"}\n", What::Messages),
            ("a.ndjson", "{\"@type\": \"update\", \"object\": \"MtaOutboundStrategy\"}\n{}\n", What::Other),
            ("a.scenario.toml", "queue.strategy.route = \"'mx'\"\nserver.hostname = \"a\"\n", What::Other),
            ("policy.toml", "[queue.route.mx]\ntype = \"mx\"\n[metric]\nx = 1\n[storage]\ndata = \"a\"\n", What::Other),
            ("policy.json", "{\"MtaRoute\": {}}", What::Other),
            ("empty.scenario.toml", "", What::Scenario),
            ("empty.properties.toml", "# nothing\n", What::Properties),
            ("empty.environment.json", "{}", What::Environment),
            ("empty.toml", "", What::Other),
            ("prose.txt", "nothing of the kind", What::Other),
        ];
        for (name, text, expected) in cases {
            assert_eq!(what(&Source::new(name, text.to_owned())), expected, "{name}: {text}");
        }
        assert!(is_message("{\"sender\": \"\", \"recipients\": []}"));
        assert!(!is_message("{\"@type\": \"update\"}") && !is_message("sender"));
    }
}
