//! What the tests of this floor share: the corpus as files, and scenarios made at random.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{Mailbox, Millis};
use policy::{DnsType, Kind, Target, Value, Variable};
use proptest::{collection, option, prelude::*, sample};

use crate::{
    By, Database, Environment, Expectation, Expected, Files, Message, Notify, OpenDatabase, Place, Ret, Scenario,
    Store, Timestamp,
};

/// A file or folder of the project.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The content of a file of the corpus.
#[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder of the corpus; a database opens where its name does not say that it is absent.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Files for Folder {
    #[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|_| "there is no such file".to_owned())
    }

    fn open_database(&self, path: &str) -> Result<Arc<dyn Database>, String> {
        if path.contains("absent") {
            return Err("there is no such file".to_owned());
        }
        Ok(Arc::new(Echo))
    }
}

/// A database that answers with what it is asked.
#[derive(Debug)]
pub(crate) struct Echo;

impl Database for Echo {
    fn query(&self, query: &str, arguments: &[Value]) -> Result<Value, String> {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        Ok(Value::text(format!("{query} [{}]", arguments.join(", "))))
    }
}

/// Text with what a writer must take care of: quotes, backslashes, control characters, keys with dots, other scripts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9._-]{1,12}", "[ -~]{0,16}", "[a\"'\\\\\\n\\r\\t\u{1}\u{7f}\u{85}é😀=#\\[\\]{}.]{0,8}"]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9._-]{1,12}", "[ -~é😀]{1,16}"]
}

fn domain() -> impl Strategy<Value = String> {
    // Few of them, so that messages and expectations meet.
    sample::select(vec!["home.example", "corp.test", "münchen.example", "[192.0.2.1]"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = Mailbox> {
    (prop_oneof!["[a-z]{1,3}", "\"[a-z ]{1,3}\"", "[a-zé+=]{1,6}"], domain())
        .prop_map(|(local, domain)| Mailbox::parse(&format!("{local}@{domain}")).expect("it is an address"))
}

fn ip() -> impl Strategy<Value = String> {
    sample::select(vec!["127.0.0.1", "0.0.0.0", "192.0.2.10", "2001:db8::25", "::ffff:192.0.2.55"])
        .prop_map(str::to_owned)
}

fn word(variable: Variable) -> impl Strategy<Value = &'static str> {
    sample::select(variable.texts().expect("it has words").to_vec())
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..100_u64, 0..4_294_967_295_u64]
}

fn notify() -> impl Strategy<Value = Notify> {
    any::<[bool; 3]>().prop_map(|[success, failure, delay]| Notify { success, failure, delay })
}

fn envelope() -> impl Strategy<Value = Message> {
    (
        prop_oneof![Just(Mailbox::null()), address()],
        collection::btree_set(address(), 1..5),
        any::<bool>(),
        0..100_000_000_u64,
        option::of("[!-~]{1,20}"),
        option::of(sample::select(vec![Ret::Full, Ret::Headers])),
        option::of(notify()),
        (
            0..100_000_u64,
            any::<bool>(),
            sample::select(&Message::BODIES[..]),
            option::of((1..999_999_999_i64, any::<bool>())),
        ),
    )
        .prop_map(
            |(sender, recipients, has_originals, at, envid, ret, notify, (hold_for, requiretls, body, by))| {
                let originals = recipients.iter().take(if has_originals { 2 } else { 0 });
                let headers = originals.clone().map(|rcpt| (rcpt.clone(), format!("X-For: {}", rcpt.domain())));
                let recipients_headers = headers.collect();
                Message {
                    sender,
                    orcpt: originals.map(|rcpt| (rcpt.clone(), format!("rfc822;{rcpt}"))).collect(),
                    recipients: recipients.into_iter().collect(),
                    at: Millis(at),
                    envid,
                    ret,
                    notify,
                    hold_for: Millis(hold_for),
                    requiretls,
                    headers_for: recipients_headers,
                    deliver_by: by.map(|(seconds, returns)| By { seconds, returns }),
                    content_lost: requiretls,
                    body,
                    ..Message::default()
                }
            },
        )
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let texts = (name(), text(), sample::select(vec!["", "mx1.corp.test", "192.0.2.1"]), ip(), ip(), ip());
    let counts = (count(), count(), count(), count(), count());
    let words = (word(Variable::Source), word(Variable::LastError), -100..=100_i64, any::<u16>());
    (envelope(), texts, counts, words, option::of(Just("mail.eml".to_owned()))).prop_map(
        |(envelope, texts, counts, words, eml)| {
            let (queue_name, last_status, mx, received_from_ip, remote_ip, local_ip) = texts;
            let (size, queue_age, retry_num, notify_num, expires_in) = counts;
            let (source, last_error, priority, received_via_port) = words;
            Message {
                eml,
                size,
                source,
                priority,
                received_from_ip,
                received_via_port,
                queue_name,
                queue_age,
                retry_num,
                notify_num,
                expires_in,
                last_status,
                last_error,
                mx: mx.to_owned(),
                remote_ip,
                local_ip,
                ..envelope
            }
        },
    )
}

fn dns() -> impl Strategy<Value = ((String, DnsType), Result<Value, String>)> {
    let list = |items: Vec<&str>| Value::list(items.into_iter().map(Value::text).collect());
    let answer = move |kind, items| Ok((kind, Ok(list(items))));
    let answers = prop_oneof![
        Just(answer(DnsType::Mx, vec!["mx1.corp.test", "mx2.corp.test"])),
        Just(answer(DnsType::Ip, vec!["192.0.2.1", "2001:db8::1"])),
        Just(answer(DnsType::Ipv4, vec![])),
        text().prop_map(|text| Ok((DnsType::Txt, Ok(Value::text(text))))),
        Just(Ok((DnsType::Ipv6, Err("timeout".to_owned())))),
        Just(Err(())),
    ];
    ("[a-zé]{1,4}\\.test", answers).prop_map(move |(name, answer)| match answer {
        Ok((kind, answer)) => ((name, kind), answer),
        Err(()) => (("192.0.2.1".to_owned(), DnsType::Ptr), Ok(list(vec!["mx1.corp.test."]))),
    })
}

fn store() -> impl Strategy<Value = Store> {
    (collection::btree_map(text(), text(), 0..4), collection::btree_map(text(), any::<i64>(), 0..4))
        .prop_map(|(keys, counters)| Store { keys, counters })
}

pub(crate) fn environment() -> impl Strategy<Value = Environment> {
    // A list is known by its name without `list/`, the default store by the empty one.
    let list_name = text().prop_filter("a name without the prefix", |name| !name.starts_with("list/"));
    let store_name = text().prop_filter("the default store is the empty name", |name| name != "*");
    let sets = (
        option::of(collection::btree_set("[a-zé.]{1,8}z", 0..4)),
        option::of(collection::btree_set(address().prop_map(|address| address.as_str().to_owned()), 0..4)),
        collection::btree_map(list_name, collection::btree_set(text(), 0..4), 0..3),
    );
    let tables = (
        option::of(collection::btree_map(store_name, store(), 0..3)),
        option::of(collection::btree_map("[a-z]{1,4}\\.test", Just(()), 0..1).prop_flat_map(|_| {
            collection::vec(dns(), 0..5).prop_map(|answers| answers.into_iter().collect::<BTreeMap<_, _>>())
        })),
        collection::btree_map(text(), text(), 0..4),
        collection::btree_map("[a-z.]{1,8}", -1e12..1e12_f64, 0..4),
        option::of(Just(0.0)),
        collection::btree_map("[a-z]{0,4}", "[a-z]{1,4}\\.sqlite", 0..2),
        option::of((text(), any::<i64>())),
    );
    (sets, tables).prop_map(|((local_domains, local_addresses, lists), tables)| {
        let (stores, dns, settings, metrics, other_metrics, databases, system) = tables;
        let open = |path| OpenDatabase { path, database: Arc::new(Echo) };
        let system = system.map(|(hostname, id)| {
            [("hostname".to_owned(), Value::text(hostname)), ("node_id".to_owned(), Value::Int(id))]
        });
        Environment {
            local_domains: local_domains.map(|domains: BTreeSet<String>| domains),
            local_addresses,
            stores,
            dns,
            system: system.into_iter().flatten().collect(),
            metrics,
            other_metrics,
            settings,
            lists,
            databases: databases.into_iter().map(|(name, path)| (name, open(path))).collect(),
            ..Environment::default()
        }
    })
}

/// An expectation about the message number `index` of `messages`.
fn expectation(messages: Vec<Message>) -> impl Strategy<Value = Expectation> {
    let names = collection::btree_map(0..4_usize, name(), 1..4);
    (sample::select(messages), any::<bool>(), option::of(1..4_u32), names).prop_map(
        |(message, is_one, attempt, names)| {
            let mut expectation = Expectation { attempt, ..Expectation::of(message.id) };
            expectation.rcpt = message.recipients.first().filter(|_| is_one).cloned();
            for (kind, name) in names {
                *expectation.decision_mut(Kind::ALL[kind]) = Some(Expected { name, place: Place::default() });
            }
            expectation
        },
    )
}

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let messages = collection::vec((message(), name()), 0..4).prop_map(|messages| {
        let numbered = messages.into_iter().enumerate();
        let named = numbered.map(|(at, (message, name))| Message { id: format!("{at} {name}"), ..message });
        named.collect::<Vec<_>>()
    });
    let whole = messages.prop_flat_map(|messages| {
        let expectations = if messages.is_empty() {
            Just(Vec::new()).boxed()
        } else {
            collection::vec(expectation(messages.clone()), 0..4).boxed()
        };
        (Just(messages), expectations)
    });
    let head = (
        option::of(text().prop_filter("a path is not empty", |path| !path.is_empty())),
        0..253_402_300_800_000_u64,
        0..=i64::MAX as u64,
        option::of(sample::select(Target::ALL.to_vec())),
        any::<(bool, bool)>(),
    );
    (head, option::of(environment()), whole).prop_map(|(head, environment, (messages, expectations))| {
        let (policy, start, seed, target, (bare, as_is)) = head;
        Scenario {
            properties: Vec::new(),
            policy,
            start: Timestamp::from_millis(start).expect("it is within bounds"),
            seed,
            target,
            bare,
            as_is,
            length: Scenario::LENGTH,
            environment: environment.unwrap_or_default(),
            world: None,
            messages,
            expectations,
        }
    })
}
