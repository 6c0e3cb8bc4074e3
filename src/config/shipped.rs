//! What a server writes into its own database at its first start, and how that and a document become one policy.
//!
//! The data are of a release line each, in the form in which that server has them; they belong to a document's layout,
//! whichever target it is run for. From 0.13 to 0.15, file and database are one list of keys with dots between, in which
//! the file's value of a key wins. The elements of a list are keys of their own: those of a file's array have four digits
//! (`retry.0000`), those of the database one (`retry.0`), and a list is read in the order of its keys as texts. So
//! `retry = ["7s"]` for the schedule `remote` gives 2m, 7s, 5m, 10m and so on: a file can add to a shipped list, and never
//! replace it. The objects of 0.16 are told apart by their names, see [`crate::objects_2026`].
//!
//! Invariant: what no document says stands nowhere, at an empty range, by which it is told from what one says.
//!
//! Source: delivery spec 3.2 and 3.2.1.

use std::{borrow::Cow, collections::BTreeMap};

use base::{Diagnostic, Findings, Secret, TextRange};
use document::{Node, Source, Table};

use crate::{Dialect, codes, settings::Definition};

impl Dialect {
    /// Whether its servers write settings into their database at their first start.
    pub(crate) const fn ships(self) -> bool {
        match self {
            Self::Legacy2022 | Self::Expressions2024 => false,
            Self::Strategies2025 | Self::Objects2026 => true,
        }
    }
}

impl<T> Definition<T> {
    /// Whether no document has it, but the server of `dialect` ships it.
    pub(crate) const fn is_shipped(&self, dialect: Dialect) -> bool {
        dialect.ships() && self.range.is_empty()
    }
}

/// The keys of 0.13 to 0.15.
pub(crate) fn keys() -> Source {
    Source::new("the server's database", include_str!("shipped/strategies_2025.toml"))
}

/// The objects of 0.16, by name and by ids that no server gives.
pub(crate) fn objects() -> Source {
    Source::new("the server's database", include_str!("shipped/objects_2026.json"))
}

/// The tree of a file of 0.13 to 0.15 with what its server ships.
pub(crate) fn beneath<'a>(tree: &Node<'a>, shipped: &Node<'a>, findings: &mut Findings) -> Node<'a> {
    let mut path = Vec::new();
    merged(tree, &shipped.unplaced(), &mut path, findings)
}

/// `own` where the two differ, and what else `shipped` has.
fn merged<'a>(own: &Node<'a>, shipped: &Node<'a>, path: &mut Vec<String>, findings: &mut Findings) -> Node<'a> {
    let is_merged = is_list(shipped) && (own.items().is_some() || own.scalar_text().is_some())
        || shipped.scalar_text().is_some() && is_array_of_scalars(own);
    if is_merged {
        return list(own, shipped, path, findings);
    }
    let Some(below) = shipped.as_table() else { return own.clone() };
    let numbered = own.as_list().map(<[Node<'_>]>::iter);
    let mut entries: Vec<(Cow<'a, str>, TextRange, Node<'a>)> = match (own.as_table(), numbered) {
        // `[[queue.quota]]` in a file, beside what the database has by names.
        (None, Some(nodes)) => {
            nodes.enumerate().map(|(place, node)| (Cow::Owned(numbered_key(place)), node.range, node.clone())).collect()
        }
        (Some(table), _) => {
            let entries = table.entries().iter().map(|entry| {
                let value = match below.get(entry.key()) {
                    Some(other) => {
                        path.push(entry.key().to_owned());
                        let value = merged(&entry.value, other, path, findings);
                        path.pop();
                        value
                    }
                    None => entry.value.clone(),
                };
                (Cow::Owned(entry.key().to_owned()), entry.key_range, value)
            });
            entries.collect()
        }
        (None, None) => return own.clone(),
    };
    let has = |key: &str| own.get(key).is_some();
    let rest = below.entries().iter().filter(|entry| !has(entry.key()));
    entries.extend(rest.map(|entry| (Cow::Owned(entry.key().to_owned()), TextRange::default(), entry.value.clone())));
    Node::table(own.range, entries)
}

/// Whether a shipped value is a list: its keys are numbers.
fn is_list(node: &Node<'_>) -> bool {
    node.as_table().is_some_and(|table: &Table<'_>| !table.is_empty()) && node.items().is_some()
}

/// Whether a file's value is a list of single values, which one shipped value becomes an element of.
fn is_array_of_scalars(node: &Node<'_>) -> bool {
    let is_scalar = |node: &Node<'_>| node.scalar_text().is_some();
    node.as_list().is_some_and(|nodes| !nodes.is_empty() && nodes.iter().all(is_scalar))
}

/// The key of an element of a file's array.
fn numbered_key(place: usize) -> String {
    format!("{place:04}")
}

/// The elements of a list by their keys: a single value is the list's own key, which is in front of all others.
fn elements<'n, 'a>(node: &'n Node<'a>) -> Vec<(String, &'n Node<'a>)> {
    match (node.as_list(), node.as_table()) {
        (Some(nodes), _) => nodes.iter().enumerate().map(|(place, node)| (numbered_key(place), node)).collect(),
        (None, Some(table)) => table.entries().iter().map(|entry| (entry.key().to_owned(), &entry.value)).collect(),
        (None, None) => vec![(String::new(), node)],
    }
}

/// The list that the server reads out of both.
fn list<'a>(own: &Node<'a>, shipped: &Node<'a>, path: &[String], findings: &mut Findings) -> Node<'a> {
    let mut both: BTreeMap<String, &Node<'a>> = elements(shipped).into_iter().collect();
    both.extend(elements(own));
    if both.values().all(|node| !node.range.is_empty()) {
        return own.clone();
    }
    let nodes: Vec<Node<'a>> = both.into_values().cloned().collect();
    findings.push(changed(own, &nodes, path));
    Node::list(own.range, nodes)
}

/// The finding about a list that is not what the document says.
fn changed(own: &Node<'_>, nodes: &[Node<'_>], path: &[String]) -> Diagnostic {
    let text = |node: &Node<'_>| match node.scalar_text() {
        Some(text) if text.contains("%{") => Secret::MASK.to_owned(),
        Some(text) => text.to_owned(),
        None => node.kind_name().to_owned(),
    };
    let all = nodes.iter().map(text).collect::<Vec<_>>().join(", ");
    let message =
        format!("`{}` does not replace the list that the server ships, but is merged with it", path.join("."));
    Diagnostic::new(&codes::MERGED_LIST, own.range, message)
        .label(format!("the server reads [{all}]"))
        .help("a list of your own needs a name that the server does not ship; single values of a shipped name can be replaced")
}

#[cfg(test)]
mod tests {
    use policy::{Kind as Of, Target, strategy::Expiry};

    use super::*;
    use crate::{
        Dialect, Loaded, NoResources, Options, load,
        resolve::{self, Known},
        settings::{Setting, Settings},
        strategies::strategies,
    };

    fn read(name: &str, text: &str, bare: bool) -> (Settings, Vec<String>) {
        let source = Source::new(name, text);
        let Loaded { settings, findings, .. } = load(&source, Options { dialect: None, bare }, &NoResources);
        let shown = |finding: &Diagnostic| {
            let labels: Vec<_> = finding.label.iter().map(ToString::to_string).collect();
            format!("{} {} {}", finding.code.rule, source.slice(finding.range), labels.join(" ")).trim_end().to_owned()
        };
        (settings.expect("it is a policy"), findings.iter().map(shown).collect())
    }

    fn seconds<T>(setting: &Setting<Vec<T>>, of: impl Fn(&T) -> u64) -> Vec<u64> {
        setting.given().map(|list| list.iter().map(of).collect()).unwrap_or_default()
    }

    #[test]
    fn the_data_read_without_a_finding_and_say_what_the_spec_says() {
        for (name, text) in [
            ("a.toml", "[queue.virtual.own]\nthreads-per-node = 1\n"),
            ("a.json", "{\"MtaVirtualQueue\": {\"a\": {\"name\": \"own\", \"threadsPerNode\": 1}}}"),
        ] {
            let (settings, findings) = read(name, text, false);
            assert_eq!(findings, Vec::<String>::new(), "{name}");
            let plan = resolve::plan(&settings, settings.dialect.target()).unwrap();
            let all = strategies(&settings, &plan);
            let queues: Vec<_> = all.queues.iter().map(|queue| (&*queue.name, queue.threads)).collect();
            let shipped = [("local", 25), ("remote", 50), ("dsn", 5), ("report", 5)];
            assert_eq!(queues, [&[("default", 25), ("own", 1)][..], &shipped].concat(), "{name}");
            let schedule = |name: &str| all.schedule(plan.schedule.id(name).unwrap()).unwrap();
            for (name, queue, retries, notices, expiry) in [
                ("local", "local", 7, 2, Expiry::Ttl(base::Millis::from_secs(3 * 86_400))),
                ("remote", "remote", 7, 2, Expiry::Ttl(base::Millis::from_secs(3 * 86_400))),
                ("dsn", "dsn", 4, 2, Expiry::Attempts(10)),
                ("report", "report", 3, 0, Expiry::Attempts(8)),
            ] {
                let found = schedule(name);
                // The default ladder of 2026 has two days more; the notices that 0.15 does not ship are off.
                let (more, notices) = match settings.dialect {
                    Dialect::Objects2026 if retries == 7 => (2, notices),
                    Dialect::Strategies2025 if retries < 7 => (0, 1),
                    _ => (0, notices),
                };
                assert_eq!((&*found.queue, found.expiry), (queue, expiry), "{name}");
                assert_eq!((found.retry.len(), found.notify.len()), (retries + more, notices), "{name}");
            }
            let tls = |name: &str| all.tls(plan.tls.id(name).unwrap()).unwrap().allow_invalid_certs;
            assert_eq!((tls("default"), tls("invalid-tls")), (false, true));
            assert_eq!(all.quotas.len(), 1);
            assert_eq!((all.quotas[0].messages, all.quotas[0].size), (Some(100_000), Some(10_737_418_240)));
            let inbound = if settings.dialect == Dialect::Strategies2025 { 2 } else { 0 };
            assert_eq!(settings.inbound_limiters.len(), inbound);
        }
    }

    #[test]
    fn a_list_is_read_in_the_order_of_its_keys_as_texts() {
        // Delivery spec 3.2.1: what a running 0.15.5 did.
        const SHIPPED: [u64; 7] = [120, 300, 600, 900, 1_800, 3_600, 7_200];
        let with = |own: &[(usize, u64)]| {
            let mut all = SHIPPED.to_vec();
            for (place, seconds) in own {
                all.insert(*place, *seconds);
            }
            all
        };
        let cases = [
            ("retry = [\"7s\"]", with(&[(1, 7)])),
            ("retry = [\"7s\", \"8s\"]", with(&[(1, 7), (2, 8)])),
            ("retry = \"7s\"", with(&[(0, 7)])),
            ("retry.0 = \"7s\"", vec![7, 300, 600, 900, 1_800, 3_600, 7_200]),
            ("retry.00 = \"7s\"", with(&[(1, 7)])),
            ("retry.10 = \"7s\"", with(&[(2, 7)])),
            ("retry.7 = \"7s\"", with(&[(7, 7)])),
            ("retry = []", with(&[])),
            ("expire = \"1d\"", with(&[])),
        ];
        for (line, expected) in cases {
            let (settings, findings) = read("a.toml", &format!("[queue.schedule.remote]\n{line}\n"), false);
            let schedule = &settings.schedules.get("remote").unwrap().value;
            assert_eq!(seconds(&schedule.retry, |wait| wait.0 / 1_000), expected, "{line}");
            let is_told = findings.iter().any(|finding| finding.starts_with("merged-list"));
            assert_eq!(is_told, line.starts_with("retry"), "{line}: {findings:?}");
        }
        let (_, findings) = read("a.toml", "[queue.schedule.remote]\nretry = [\"7s\"]\n", false);
        assert_eq!(findings, ["merged-list [\"7s\"] the server reads [2m, 7s, 5m, 10m, 15m, 30m, 1h, 2h]"]);
        // All of it replaced is not merged.
        let all = "retry.0 = \"1s\"\nretry.1 = \"2s\"\nretry.2 = \"3s\"";
        let (settings, findings) = read("a.toml", &format!("[queue.schedule.report]\n{all}\n"), false);
        assert_eq!(
            seconds(&settings.schedules.get("report").unwrap().value.retry, |wait| wait.0),
            [1_000, 2_000, 3_000]
        );
        assert_eq!(findings, Vec::<String>::new());
    }

    #[test]
    fn a_files_value_of_a_key_wins_and_the_rest_is_shipped() {
        let cases = [
            // `mta-sts` alone does not make a strategy; what is shipped beside it does.
            ("[queue.tls.default]\nmta-sts = \"require\"\n", Of::Tls, "default", false, Vec::new()),
            ("[queue.tls.own]\nmta-sts = \"require\"\n", Of::Tls, "own", true, vec!["unregistered-strategy own"]),
            (
                "[queue.connection.default]\nsource-ips = [\"192.0.2.1\"]\n",
                Of::Connection,
                "default",
                false,
                Vec::new(),
            ),
            (
                "[queue.schedule.remote]\nmax-attempts = 5\n",
                Of::Schedule,
                "remote",
                true,
                vec!["conflicting-expiry max-attempts the server drops the schedule, and uses its built-in one"],
            ),
            ("[queue.schedule.dsn]\nmax-attempts = 5\n", Of::Schedule, "dsn", false, Vec::new()),
            ("[queue.route.mx]\nlimits.mx = 3\n", Of::Route, "mx", false, Vec::new()),
            ("[queue.schedule.own]\nqueue-name = \"dsn\"\nretry = \"1h\"\n", Of::Schedule, "own", false, Vec::new()),
        ];
        for (text, kind, name, is_ignored, expected) in cases {
            let (settings, findings) = read("a.toml", text, false);
            let known = settings.known(kind, name, Target::STALWART_015);
            match known {
                Known::Ignored(..) | Known::BuiltIn => assert!(is_ignored, "{text}"),
                Known::Defined(_) => assert!(!is_ignored, "{text}"),
                Known::Shipped | Known::Undefined(_) => panic!("{text}: {known:?}"),
            }
            assert_eq!(findings, expected, "{text}");
        }
    }

    #[test]
    fn a_bare_document_has_only_what_it_says() {
        let text = "[queue.strategy]\nschedule = \"'remote'\"\n[queue.schedule.remote]\nretry = [\"7s\"]\n";
        let (settings, findings) = read("a.toml", text, true);
        assert_eq!(settings.schedules.names().collect::<Vec<_>>(), ["remote"]);
        assert!(settings.queues.is_empty() && settings.quotas.is_empty() && settings.inbound_limiters.is_empty());
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("unregistered-strategy"), "{findings:?}");
        let object = "{\"MtaVirtualQueue\": {\"a\": {\"name\": \"own\"}}}";
        let (settings, _) = read("a.json", object, true);
        assert!(settings.schedules.is_empty() && settings.routes.is_empty() && settings.quotas.is_empty());
    }

    #[test]
    fn objects_are_told_apart_by_name() {
        let mx = |text: &str| {
            let (settings, findings) = read(if text.contains("upsert") { "a.ndjson" } else { "a.json" }, text, false);
            let route = settings.routes.get("mx").map(|found| (found.value.clone(), found.range.is_empty()));
            let shown = match route {
                Some((crate::settings::Route::Mx(mx), shipped)) => {
                    format!("mx {:?} {:?} {shipped}", mx.limit_mx.given(), mx.limit_multihomed.given())
                }
                Some((crate::settings::Route::Relay(_), _)) => "relay".to_owned(),
                Some((crate::settings::Route::Local, _)) => "local".to_owned(),
                None => "none".to_owned(),
            };
            (shown, findings)
        };
        let upsert = |value: &str| {
            format!(
                "{{\"@type\": \"upsert\", \"object\": \"MtaRoute\", \"matchOn\": [\"name\"], \"value\": {{\"a\": {value}}}}}"
            )
        };
        let relay = "{\"@type\": \"Relay\", \"name\": \"mx\", \"address\": \"relay.test\", \"port\": 25, \"protocol\": \"smtp\"}";
        let cases = [
            ("{\"MtaVirtualQueue\": {\"a\": {\"name\": \"own\"}}}".to_owned(), "mx Some(2) Some(2) true"),
            // What is shown or created is the whole object.
            (
                "{\"MtaRoute\": [{\"@type\": \"Mx\", \"name\": \"mx\", \"maxMultihomed\": 4}]}".to_owned(),
                "mx None Some(4) false",
            ),
            // What is upserted keeps the fields that it does not name.
            (upsert("{\"@type\": \"Mx\", \"name\": \"mx\", \"maxMultihomed\": 4}"), "mx Some(2) Some(4) false"),
            (upsert(relay), "relay"),
            (format!("{{\"MtaRoute\": [{relay}]}}"), "relay"),
        ];
        for (text, expected) in cases {
            let (found, findings) = mx(&text);
            assert_eq!(found, expected, "{text}: {findings:?}");
            assert!(!findings.iter().any(|finding| finding.starts_with("duplicate")), "{text}: {findings:?}");
        }
        // A shipped schedule keeps its queue where the document has one of that name.
        let queue = "{\"MtaVirtualQueue\": {\"a\": {\"name\": \"remote\", \"threadsPerNode\": 7}}}";
        let (settings, _) = read("a.json", queue, false);
        let plan = resolve::plan(&settings, Target::STALWART_016).unwrap();
        let all = strategies(&settings, &plan);
        assert_eq!(&*all.schedule(plan.schedule.id("remote").unwrap()).unwrap().queue, "remote");
        assert_eq!(all.queue("remote").unwrap().threads, 7);
        // A plan that says which routes there are leaves no others.
        let reconcile = "{\"@type\": \"reconcile\", \"object\": \"MtaRoute\", \"matchOn\": [\"name\"], \"value\": {\"a\": {\"@type\": \"Local\", \"name\": \"local\"}}}";
        let (settings, findings) = read("a.ndjson", reconcile, false);
        assert_eq!(settings.routes.names().collect::<Vec<_>>(), ["local"], "{findings:?}");
    }
}
