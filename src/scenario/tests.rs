//! What holds for whole files: the corpus reads as its files say, bad ones are reported as recorded, what is written
//! reads back, and no text makes a reader panic.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use base::{Findings, Mailbox};
use document::{
    Source,
    render::{self, Colour},
};
use policy::{DnsType, Lookup, Value, World};
use proptest::prelude::*;

use crate::{
    Environment, Message, NoFiles, Scenario, codes, environment, limits, message,
    testing::{self, Folder, bytes, repository},
    writer,
};

fn source(path: &Path) -> Source {
    let name = path.file_name().expect("it is a file").to_string_lossy();
    let (source, findings) = Source::from_bytes(name, bytes(path));
    assert!(findings.is_empty(), "{} is UTF-8", path.display());
    source
}

fn folder_of(path: &Path) -> Folder {
    Folder(path.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn basic(name: &str) -> PathBuf {
    repository("corpus/scenarios/basics").join(name)
}

/// The scenario of the corpus called `name`, which has no finding.
fn scenario(name: &str) -> Scenario {
    let path = basic(name);
    let source = source(&path);
    let (scenario, findings) = crate::read(&source, &folder_of(&path));
    let report = render::text(&source, &findings, Colour::Never);
    assert!(findings.is_empty(), "{report}");
    scenario.expect("it is a scenario")
}

/// The message of the corpus called `name`, which has no finding.
fn message_of(name: &str) -> Message {
    let path = basic(name);
    let source = source(&path);
    let (message, findings) = message::read(&source, &folder_of(&path));
    let report = render::text(&source, &findings, Colour::Never);
    assert!(findings.is_empty(), "{report}");
    message.expect("it is a message")
}

/// The reports about the file at `path`, which is read as its name says, and the codes of their findings.
fn report(path: &Path) -> (String, BTreeSet<&'static str>) {
    let files = folder_of(path);
    let name = path.to_string_lossy();
    let mut out = String::new();
    let mut seen = BTreeSet::new();
    let mut add = |source: &Source, findings: &Findings| {
        seen.extend(findings.iter().map(|finding| finding.code.id));
        for finding in findings {
            assert!(finding.help.is_some(), "{}: no help", finding.message);
        }
        out.push_str(&render::text(source, findings, Colour::Never));
    };
    if name.contains(".mail.") {
        let file_name = path.file_name().expect("it is a file").to_string_lossy();
        let read = message::read_eml(&file_name, &bytes(path), None, Vec::new());
        add(&read.source, &read.findings);
    } else if name.contains(".messages.") {
        let file_name = path.file_name().expect("it is a file").to_string_lossy();
        for line in message::lines(file_name, bytes(path).as_slice(), &files) {
            let line = line.expect("memory does not fail");
            add(&line.source, &line.findings);
        }
    } else {
        let source = source(path);
        let findings = if name.contains(".scenario.") {
            crate::read(&source, &files).1
        } else if name.contains(".message.") {
            let (message, findings) = message::read(&source, &files);
            assert!(message.is_none(), "{name} is taken");
            findings
        } else {
            assert!(name.contains(".environment."), "{name} does not say what it is");
            environment::read_source(&source, &files).1
        };
        assert!(findings.has_errors(), "{name} has no error");
        add(&source, &findings);
    }
    (out, seen)
}

#[test]
fn bad_files_are_reported_as_recorded() {
    insta::glob!("../../corpus/scenarios/invalid", "*.*.*", |path| {
        let (report, seen) = report(path);
        assert!(!seen.is_empty(), "{} is accepted", path.display());
        insta::assert_snapshot!(report);
    });
}

/// Every code that a small file can show is shown by one; the bounds are tested by themselves.
#[test]
fn every_code_has_a_bad_file() {
    let mut shown = BTreeSet::new();
    insta::glob!("../../corpus/scenarios/invalid", "*.*.*", |path| {
        shown.extend(report(path).1);
    });
    let without: Vec<_> = codes::ALL.iter().map(|code| code.id).filter(|id| !shown.contains(id)).collect();
    assert_eq!(without, [codes::OVER_LIMIT.id]);
}

#[test]
fn a_scenario_says_what_it_says() {
    let scenario = scenario("envelope.scenario.toml");
    assert_eq!(scenario.start.to_string(), "2026-03-02T07:00:00Z");
    assert_eq!((scenario.seed, scenario.policy.as_deref()), (7, Some("policy.toml")));
    assert_eq!(scenario.messages.len(), 1);
    assert_eq!(scenario.messages[0].notify.map(message::Notify::words), Some(vec!["failure", "delay"]));
    assert_eq!(scenario.messages[0].orcpt.len(), 1);
    let rcpts: Vec<_> =
        scenario.expectations.iter().map(|expectation| expectation.rcpt.as_ref().map(Mailbox::domain)).collect();
    assert_eq!(rcpts, [Some("corp.test"), Some("home.example"), Some("elsewhere.test"), Some("elsewhere.test"), None]);
}

#[test]
fn a_scenario_in_json_has_the_same_keys() {
    let scenario = scenario("retry.scenario.json");
    let [first, second] = scenario.messages.as_slice() else { panic!("two messages") };
    assert_eq!((first.id.as_str(), first.queue_age, first.last_error), ("m1", 120, "tls"));
    assert_eq!(first.recipients[0].as_str(), "jörg@münchen.example");
    assert_eq!((second.id.as_str(), second.at.0, second.source), ("report", 90_000, "dsn"));
    assert_eq!(second.orcpt.values().collect::<Vec<_>>(), ["rfc822;eve@corp.test"]);
}

#[test]
fn a_mail_file_gives_size_and_what_is_not_given_of_the_envelope() {
    let scenario = scenario("mail.scenario.toml");
    let size = bytes(&basic("mail.eml")).len() as u64;
    let envelopes: Vec<_> = scenario
        .messages
        .iter()
        .map(|message| {
            let rcpts: Vec<_> = message.recipients.iter().map(Mailbox::as_str).collect();
            assert_eq!(message.size, size);
            (message.sender.as_str(), rcpts.join(" "))
        })
        .collect();
    let expected = [
        ("dave@elsewhere.test", "bob@corp.test eve@corp.test carol@home.example".to_owned()),
        ("alice@home.example", "carol@home.example".to_owned()),
    ];
    assert_eq!(envelopes, expected);
}

#[test]
fn a_message_file_is_a_table_or_its_keys() {
    let cases = [
        ("message.toml", "m1", "alice@home.example"),
        ("message-table.toml", "newsletter", "news@home.example"),
        ("message.json", "note", ""),
    ];
    for (name, id, sender) in cases {
        let message = message_of(name);
        assert_eq!((message.id.as_str(), message.sender.as_str()), (id, sender), "{name}");
    }
}

#[test]
fn messages_by_the_line_are_read_as_the_others() {
    let text = bytes(&basic("messages.ndjson"));
    let read: Vec<_> = message::lines("messages.ndjson", text.as_slice(), &NoFiles)
        .map(|line| line.expect("memory does not fail"))
        .map(|line| {
            assert!(line.findings.is_empty());
            line.message.expect("it has no error")
        })
        .map(|message| (message.id, message.at.0, message.recipients.len()))
        .collect();
    let expected = [("m1", 0, 1), ("second", 1_000, 2), ("m4", 2_000, 1)];
    assert_eq!(read, expected.map(|(id, at, count)| (id.to_owned(), at, count)));
}

fn environment_of(name: &str) -> Environment {
    let path = repository("corpus/environments").join(name);
    let source = source(&path);
    let (environment, findings) = environment::read_source(&source, &folder_of(&path));
    let report = render::text(&source, &findings, Colour::Never);
    assert!(findings.is_empty(), "{report}");
    environment
}

#[test]
fn an_environment_says_the_same_in_both_formats() {
    let (toml, json) = (environment_of("full.toml"), environment_of("full.json"));
    assert_eq!(toml, json);
    let hosts = toml.stores.as_ref().and_then(|stores| stores.get("hosts"));
    assert_eq!(hosts.map(|store| store.keys.len()), Some(2));
}

#[test]
fn the_environment_of_the_reference_vectors_is_read() {
    let path = repository("corpus/vectors/environment.json");
    let source = source(&path);
    let (environment, findings) = environment::read_source(&source, &NoFiles);
    assert!(findings.is_empty(), "{}", render::text(&source, &findings, Colour::Never));
    assert_eq!(environment.local_domains.as_ref().map(BTreeSet::len), Some(3));
    assert_eq!(environment.dns.as_ref().map(std::collections::BTreeMap::len), Some(8));
    assert_eq!(environment.other_metrics, Some(0.0));
    let names = environment.store_names().map(|names| names.into_iter().collect::<Vec<_>>());
    assert_eq!(names, Some(vec![String::new(), "lists".to_owned()]));
}

fn ask(environment: &mut Environment, lookup: &Lookup) -> String {
    match environment.answer(lookup) {
        None => "nothing".to_owned(),
        Some(Ok(value)) => value.to_string(),
        Some(Err(failed)) => failed.to_string(),
    }
}

#[test]
fn an_environment_answers_what_it_says() {
    let mut environment = environment_of("full.toml");
    let key = |store: &str, key: &str| Lookup::KeyGet { store: store.into(), key: key.into() };
    let dns = |name: &str, kind| Lookup::Dns { name: name.into(), kind };
    let in_list = |list: &str, text: &str| Lookup::InList { list: list.into(), text: text.into() };
    let domain = |domain: &str| Lookup::LocalDomain { directory: "*".into(), domain: domain.into() };
    let cases = [
        (domain("lists.home.example"), "1"),
        (domain("corp.test"), "0"),
        (key("", "limit"), "'250'"),
        (key("*", "limit"), "'250'"),
        (key("slow", "dest.example"), "'crawl'"),
        (key("slow", "other.example"), "'slow'"),
        (key("slow", "with.equals"), "'a=b'"),
        (key("hosts", "port"), "'25'"),
        (key("slow", "absent"), "''"),
        (key("absent", "limit"), "''"),
        (dns("DEST.example.", DnsType::Mx), "['mx1.dest.example', 'mx2.dest.example']"),
        (dns("dest.example", DnsType::Txt), "'v=spf1 -all'"),
        (dns("198.51.100.7", DnsType::Ptr), "['mx1.dest.example.']"),
        (dns("198.51.100.8", DnsType::Ptr), "[]"),
        (dns("dest.example", DnsType::Ptr), "dns_query('dest.example', 'ptr') failed: `dest.example` is no IP address"),
        (dns("broken.example", DnsType::Mx), "dns_query('broken.example', 'mx') failed: servfail"),
        (dns("absent.example", DnsType::Mx), "[]"),
        (dns("absent.example", DnsType::Txt), "''"),
        (in_list("list/vip", "corp.test"), "1"),
        (in_list("blocked", "phish.test"), "1"),
        (in_list("blocked", "# one entry a line"), "0"),
        (in_list("absent", "x"), "nothing"),
        (Lookup::System("node_id".into()), "7"),
        (Lookup::System("node_role".into()), "nothing"),
        (Lookup::Metric("queue.count".into()), "12.0"),
        (Lookup::Metric("server.memory".into()), "1000000000.0"),
        (Lookup::Metric("smtp.error".into()), "0.0"),
        (Lookup::ConfigGet("report.domain".into()), "'home.example'"),
        (Lookup::ConfigGet("absent".into()), "nothing"),
    ];
    for (lookup, expected) in cases {
        assert_eq!(ask(&mut environment, &lookup), expected, "{lookup}");
    }
    let sql = |store: &str| Lookup::Sql {
        store: store.into(),
        query: "SELECT ?".into(),
        arguments: vec![Value::Int(7)].into(),
    };
    assert_eq!(ask(&mut environment, &sql("users")), "'SELECT ? [7]'");
    assert_eq!(ask(&mut environment, &sql("absent")), "nothing");
}

#[test]
fn an_empty_environment_knows_nothing() {
    let mut environment = Environment::default();
    let lookups = [
        Lookup::LocalDomain { directory: "".into(), domain: "x".into() },
        Lookup::LocalAddress { directory: "".into(), address: "x".into() },
        Lookup::KeyGet { store: "".into(), key: "x".into() },
        Lookup::KeySet { store: "".into(), key: "x".into(), value: "y".into() },
        Lookup::CounterIncr { store: "".into(), key: "x".into(), by: 1 },
        Lookup::Dns { name: "x".into(), kind: DnsType::Mx },
        Lookup::Metric("queue.count".into()),
    ];
    for lookup in lookups {
        assert_eq!(ask(&mut environment, &lookup), "nothing", "{lookup}");
    }
}

#[test]
fn what_is_changed_lasts_until_the_stores_are_reset() {
    let mut environment = environment_of("full.toml");
    let get = Lookup::KeyGet { store: "".into(), key: "limit".into() };
    let set = Lookup::KeySet { store: "*".into(), key: "limit".into(), value: "9".into() };
    let count = |by| Lookup::CounterIncr { store: "".into(), key: "seen".into(), by };
    let seen = Lookup::CounterGet { store: "*".into(), key: "seen".into() };
    let nowhere = Lookup::KeySet { store: "absent".into(), key: "a".into(), value: "b".into() };
    let steps = [
        (&set, "1"),
        (&get, "'9'"),
        (&count(1), "42"),
        (&count(i64::MAX), "9223372036854775807"),
        (&seen, "9223372036854775807"),
        (&nowhere, "''"),
    ];
    for (lookup, expected) in steps {
        assert_eq!(ask(&mut environment, lookup), expected, "{lookup}");
    }
    environment.reset();
    assert_eq!((ask(&mut environment, &get), ask(&mut environment, &seen)), ("'250'".to_owned(), "41".to_owned()));
}

/// The lines that an open lookup is told to add are lines that an environment takes, and they answer it.
#[test]
fn advice_is_taken() {
    let lookups = [
        Lookup::LocalDomain { directory: "".into(), domain: "x".into() },
        Lookup::LocalAddress { directory: "".into(), address: "x".into() },
        Lookup::KeyGet { store: "a b".into(), key: "x.y".into() },
        Lookup::KeySet { store: "".into(), key: "x".into(), value: "y".into() },
        Lookup::CounterGet { store: "".into(), key: "x".into() },
        Lookup::Sql { store: "users".into(), query: "SELECT 1".into(), arguments: Vec::new().into() },
        Lookup::Dns { name: "corp.test".into(), kind: DnsType::Txt },
        Lookup::Dns { name: "corp.test".into(), kind: DnsType::Mx },
        Lookup::InList { list: "list/vip".into(), text: "x".into() },
        Lookup::System("hostname".into()),
        Lookup::System("node_id".into()),
        Lookup::Metric("queue.count".into()),
        Lookup::ConfigGet("report.domain".into()),
    ];
    for lookup in lookups {
        let advice = Environment::advice(&lookup).replace("[\"…\"]", "[\"a@corp.test\"]").replace('…', "corp.test");
        let advice = match &lookup {
            Lookup::LocalDomain { .. } => advice.replace("a@", ""),
            _ => advice,
        };
        let source = Source::new("environment.toml", advice);
        let (mut environment, findings) = environment::read_source(&source, &Folder(PathBuf::new()));
        assert!(findings.is_empty(), "{}", render::text(&source, &findings, Colour::Never));
        assert_ne!(ask(&mut environment, &lookup), "nothing", "{lookup}");
    }
}

/// How many messages, expectations and findings a document of this many messages and expectations gives.
fn read_many(messages: usize, expectations: usize) -> (usize, usize, Vec<&'static str>) {
    let mut text = String::from("{\"message\": [\n");
    let list = |text: &mut String, count: usize, item: &str| {
        for at in 0..count {
            text.push_str(if at == 0 { "" } else { ",\n" });
            text.push_str(item);
        }
    };
    list(&mut text, messages, "{\"sender\":\"\",\"recipients\":[\"a@x.test\"]}");
    text.push_str("], \"expect\": [\n");
    list(&mut text, expectations, "{\"message\":\"m1\",\"tls\":\"x\"}");
    text.push_str("]}");
    let (scenario, findings) = crate::read(&Source::new("s.json", text), &NoFiles);
    let scenario = scenario.expect("it is a table");
    let rules = findings.iter().map(|finding| finding.code.rule).collect();
    (scenario.messages.len(), scenario.expectations.len(), rules)
}

#[test]
fn messages_and_expectations_are_bounded() {
    let (messages, expectations, rules) = read_many(limits::MESSAGES_MAX + 1, 1);
    assert_eq!((messages, expectations, rules), (limits::MESSAGES_MAX, 1, vec!["scenario-limit"]));
    let (messages, expectations, rules) = read_many(1, limits::EXPECTATIONS_MAX + 1);
    assert_eq!((messages, expectations, rules), (1, limits::EXPECTATIONS_MAX, vec!["scenario-limit"]));
}

#[test]
fn recipients_are_bounded() {
    let read = |count: usize| {
        let rcpts: Vec<_> = (0..count).map(|at| format!("\"u{at}@x.test\"")).collect();
        let text = format!("{{\"sender\": \"\", \"recipients\": [{}]}}", rcpts.join(","));
        let (message, findings) = message::read(&Source::new("m.json", text), &NoFiles);
        (message.map(|message| message.recipients.len()), findings.iter().map(|finding| finding.code.rule).collect())
    };
    assert_eq!(read(limits::RECIPIENTS_MAX), (Some(limits::RECIPIENTS_MAX), Vec::<&str>::new()));
    assert_eq!(read(limits::RECIPIENTS_MAX + 1), (None, vec!["scenario-limit"]));
}

/// A file of that many bytes.
struct Large(usize);

impl crate::Files for Large {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Ok(vec![b'\n'; self.0])
    }

    fn open_database(&self, path: &str) -> Result<std::sync::Arc<dyn crate::Database>, String> {
        NoFiles.open_database(path)
    }
}

#[test]
fn files_and_their_entries_are_bounded() {
    let message = Source::new("m.toml", "sender = \"\"\nrecipients = [\"a@x.test\"]\neml = \"large.eml\"\n");
    let (read, findings) = message::read(&message, &Large(limits::FILE_BYTES_MAX + 1));
    assert!(read.is_none());
    let report = render::text(&message, &findings, Colour::Never);
    assert!(report.contains("it has 134217729 bytes; at most 134217728 are read"), "{report}");

    let mut keys = String::new();
    for at in 0..=limits::ENTRIES_MAX {
        let _ = write!(keys, ",\"k{at}\":1");
    }
    let settings = format!("{{\"settings\": {{\"a\":1{keys}}}}}");
    let (_, findings) = environment::read_source(&Source::new("e.json", settings), &NoFiles);
    let rules: Vec<_> = findings.iter().map(|finding| finding.code.rule).collect();
    assert_eq!(rules, ["scenario-limit"]);

    let long = "x".repeat(limits::NAME_BYTES_MAX);
    let nested = Source::new("e.toml", format!("[settings.{long}]\na = 1\n"));
    let (environment, findings) = environment::read_source(&nested, &NoFiles);
    assert!(environment.settings.is_empty() && findings.errors() == 1);

    let mut list = String::from("{\"local_domains\": [\"a\"");
    list.push_str(&",\"a\"".repeat(limits::ENTRIES_MAX));
    list.push_str("]}");
    let (_, findings) = environment::read_source(&Source::new("e.json", list), &NoFiles);
    let rules: Vec<_> = findings.iter().map(|finding| finding.code.rule).collect();
    assert_eq!(rules, ["scenario-limit"]);
}

/// Every name that does not exist is compared with each of the messages, so far as the bound goes.
#[test]
fn comparisons_for_a_suggestion_are_bounded() {
    const MESSAGES: usize = 10_000;
    const SUGGESTED: usize = limits::COMPARISONS_MAX / MESSAGES;
    let mut text = String::from("[[message]]\nsender = \"\"\nrecipients = [\"a@x.test\"]\nid = \"newsletter\"\n");
    text.push_str(&"[[message]]\nsender = \"\"\nrecipients = [\"a@x.test\"]\n".repeat(MESSAGES - 1));
    for at in 0..SUGGESTED * 2 {
        let _ = write!(text, "[[expect]]\nmessage = \"newslette{at}\"\ntls = \"x\"\n");
    }
    let (_, findings) = crate::read(&Source::new("s.toml", text), &NoFiles);
    let suggested = findings.iter().filter(|finding| finding.help.as_deref() == Some("did you mean `newsletter`?"));
    assert_eq!((findings.len(), suggested.count()), (SUGGESTED * 2, SUGGESTED));
}

/// Files for scenarios that were made at random: each mail is the same.
struct Mails;

impl crate::Files for Mails {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Ok(b"From: a@x.test\nTo: b@y.test\n\n".to_vec())
    }

    fn open_database(&self, _path: &str) -> Result<std::sync::Arc<dyn crate::Database>, String> {
        Ok(std::sync::Arc::new(testing::Echo))
    }
}

/// The valid files of the corpus that mutations begin with.
fn valid_files() -> Vec<Vec<u8>> {
    let basics =
        ["envelope.scenario.toml", "retry.scenario.json", "mail.scenario.toml", "message-table.toml", "mail.eml"];
    let mut files: Vec<_> = basics.iter().map(|name| bytes(&basic(name))).collect();
    files.push(bytes(&repository("corpus/environments/full.toml")));
    files.push(bytes(&repository("corpus/environments/full.json")));
    files
}

/// Reads `bytes` as everything that this floor reads.
fn read_as_anything(bytes: &[u8]) {
    let folder = Folder(repository("corpus/scenarios/basics"));
    let (source, _) = Source::from_bytes("any", bytes.to_vec());
    let shown = |findings: &Findings| {
        let _ = render::text(&source, findings, Colour::Never);
    };
    let (scenario, findings) = crate::read(&source, &folder);
    shown(&findings);
    if let Some(scenario) = scenario.filter(|_| !findings.has_errors()) {
        let _ = writer::write(&scenario);
    }
    let (message, findings) = message::read(&source, &folder);
    shown(&findings);
    for (_, facts) in message.iter().flat_map(Message::all_facts) {
        let _ = facts.get(policy::Variable::Rcpt);
    }
    shown(&environment::read_source(&source, &folder).1);
    let read = message::read_eml("any.eml", bytes, None, Vec::new());
    let _ = render::text(&read.source, &read.findings, Colour::Never);
    for line in message::lines("any", bytes, &folder).flatten() {
        let _ = render::text(&line.source, &line.findings, Colour::Never);
    }
}

/// Worlds, which are not made at random.
#[test]
fn the_scenarios_of_the_corpus_read_back() {
    let mut count = 0;
    for folder in ["basics", "life", "rows", "explore", "trials"] {
        let entries = std::fs::read_dir(repository("corpus/scenarios").join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.to_string_lossy().ends_with(".scenario.toml")) {
            let (document, folder) = (source(&path), folder_of(&path));
            let (read, _) = crate::read(&document, &folder);
            let scenario = read.unwrap();
            for write in [writer::write, writer::write_all] {
                let written = Source::new(document.name(), write(&scenario));
                let (read, findings) = crate::read(&written, &folder);
                assert!(!findings.has_errors(), "{}", render::text(&written, &findings, Colour::Never));
                assert_eq!(read.as_ref(), Some(&scenario), "{}", written.text());
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_reads_back(scenario in testing::scenario()) {
        for write in [writer::write, writer::write_all] {
            let source = Source::new("written.scenario.toml", write(&scenario));
            let (read, findings) = crate::read(&source, &Mails);
            prop_assert!(findings.is_empty(), "{}\n{}", source.text(), render::text(&source, &findings, Colour::Never));
            prop_assert_eq!(read, Some(scenario.clone()), "{}", source.text());
        }
    }

    #[test]
    fn a_written_message_reads_back(message in testing::message()) {
        let message = Message { id: "m".to_owned(), ..message };
        let source = Source::new("written.toml", writer::write_message(&message));
        let (read, findings) = message::read(&source, &Mails);
        prop_assert!(findings.is_empty(), "{}\n{}", source.text(), render::text(&source, &findings, Colour::Never));
        prop_assert_eq!(read, Some(message), "{}", source.text());
    }

    /// Bytes are replaced by those that mean something in one of the formats, or by pieces of the file itself.
    #[test]
    fn no_mutation_of_a_valid_file_makes_a_reader_panic(
        file in prop::sample::select(valid_files()),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..20_usize, any::<prop::sample::Index>(), 0..20_usize),
            1..6,
        ),
        noise in prop::sample::select(vec!["\"", "[", "]", "{", "}", "\n", "=", ":", "@", "<", "(", "\\", "é", "\u{0}", "7", ""]),
    ) {
        let mut text = file.clone();
        for (at, length, from, copied) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            let from = from.index(file.len());
            let piece = &file[from..(from + copied).min(file.len())];
            text.splice(at..end, noise.bytes().chain(piece.iter().copied()));
        }
        read_as_anything(&text);
    }
}
