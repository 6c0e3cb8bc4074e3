//! The world of a dry run: what local domains, stores, DNS names and databases answer.
//!
//! A dry run opens no socket. What an expression asks is answered from here, or not at all: a question about which
//! nothing is known keeps its decision open, and [`Environment::advice`] says which lines would answer it.
//!
//! Invariants:
//!
//! - What was given never changes. What `key_set` and `counter_incr` change lies beside it, in [`Changes`], and
//!   [`Environment::reset`] forgets it in time that does not depend on how large the stores are.
//! - A store or a DNS name is only known once the environment has that part at all: an environment without `dns`
//!   answers no DNS question, one with it knows that every other name is absent.

mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use policy::{DnsType, Lookup, LookupFailed, Type, Value, World, function::SYSTEM_NAMES};

use crate::files::Database;

#[cfg(test)]
pub(crate) use read::{DNS_KEYS, LIST_KEYS, STORE_KEYS};
pub(crate) use read::{IGNORED, KEYS};
pub use read::{read, read_source};

/// A store: keys and counters, apart from each other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Store {
    /// The values of its keys.
    pub keys: BTreeMap<String, String>,
    /// Its counters.
    pub counters: BTreeMap<String, i64>,
}

/// A database that is open.
#[derive(Clone, Debug)]
pub struct OpenDatabase {
    /// Its file, as the environment names it.
    pub path: String,
    /// Who answers for it.
    pub database: Arc<dyn Database>,
}

/// Two are the same where they come from the same file.
impl PartialEq for OpenDatabase {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// What expressions changed in the stores since the environment was made or [reset](Environment::reset).
#[derive(Clone, Debug, Default)]
pub struct Changes(BTreeMap<String, Store>);

/// What the world answers.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The domains that are local, in lower case; `None` where nothing is known about them.
    pub local_domains: Option<BTreeSet<String>>,
    /// The addresses that are local, their domains in lower case.
    pub local_addresses: Option<BTreeSet<String>>,
    /// The stores by name; the default one is `""`.
    pub stores: Option<BTreeMap<String, Store>>,
    /// DNS answers by name (lower case, no dot at the end) and type; an answer is a string for `txt`, else an array,
    /// or the word for why it fails.
    pub dns: Option<BTreeMap<(String, DnsType), Result<Value, String>>>,
    /// What `system` gives.
    pub system: BTreeMap<String, Value>,
    /// What `metric` gives.
    pub metrics: BTreeMap<String, f64>,
    /// What `metric` gives for every other name.
    pub other_metrics: Option<f64>,
    /// What `config_get` gives.
    pub settings: BTreeMap<String, String>,
    /// Named lists, as `in-list` asks them, without `list/` in front.
    pub lists: BTreeMap<String, BTreeSet<String>>,
    /// Databases by the name of their store.
    pub databases: BTreeMap<String, OpenDatabase>,
    /// What was changed since.
    pub changes: Changes,
}

/// A store with what was changed in it.
struct View<'e> {
    given: &'e Store,
    changed: Option<&'e Store>,
}

impl View<'_> {
    fn key(&self, key: &str) -> Option<&str> {
        let changed = self.changed.and_then(|store| store.keys.get(key));
        changed.or_else(|| self.given.keys.get(key)).map(String::as_str)
    }

    fn counter(&self, key: &str) -> i64 {
        let changed = self.changed.and_then(|store| store.counters.get(key));
        changed.or_else(|| self.given.counters.get(key)).copied().unwrap_or(0)
    }
}

impl Environment {
    /// Forgets what expressions changed in the stores: each message of a run sees them as they were given, unless
    /// the caller goes on without this.
    pub fn reset(&mut self) {
        self.changes.0.clear();
    }

    /// The names of the stores that exist, where that is known.
    #[must_use]
    pub fn store_names(&self) -> Option<BTreeSet<String>> {
        let mut names: BTreeSet<String> = self.stores.as_ref()?.keys().cloned().collect();
        names.extend(self.databases.keys().cloned());
        Some(names)
    }

    fn view(&self, name: &str) -> Option<View<'_>> {
        let name = store_name(name);
        let given = self.stores.as_ref()?.get(name)?;
        let changed = self.changes.0.get(name);
        Some(View { given, changed })
    }

    /// The answer of a store: `None` where no store is known, the empty string where this one is not (E5).
    fn in_store(&self, name: &str, answer: impl FnOnce(&View<'_>) -> Value) -> Option<Value> {
        self.stores.as_ref()?;
        Some(self.view(name).as_ref().map_or_else(Value::empty, answer))
    }

    /// Where the changes of the store `name` are kept, which exists.
    fn changed(&mut self, name: &str) -> &mut Store {
        self.changes.0.entry(store_name(name).to_owned()).or_default()
    }

    fn key_set(&mut self, store: &str, key: &str, value: &str) -> Option<Value> {
        let answer = self.in_store(store, |_| Value::truth(true))?;
        if answer.is_true() {
            self.changed(store).keys.insert(key.to_owned(), value.to_owned());
        }
        Some(answer)
    }

    fn counter_incr(&mut self, store: &str, key: &str, by: i64) -> Option<Value> {
        let answer = self.in_store(store, |view| Value::Int(view.counter(key).saturating_add(by)))?;
        if let Value::Int(count) = answer {
            self.changed(store).counters.insert(key.to_owned(), count);
        }
        Some(answer)
    }

    fn dns(&self, name: &str, kind: DnsType) -> Option<Result<Value, String>> {
        let answers = self.dns.as_ref()?;
        let Some(name) = dns_name(name, kind) else {
            return Some(Err(format!("`{name}` is no IP address")));
        };
        Some(answers.get(&(name, kind)).cloned().unwrap_or_else(|| Ok(kind.absent())))
    }

    fn database(&self, store: &str, query: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let open = self.databases.get(store_name(store))?;
        Some(open.database.query(query, arguments))
    }

    fn in_list(&self, list: &str, text: &str) -> Option<Value> {
        Some(Value::truth(self.lists.get(list_name(list))?.contains(text)))
    }

    /// The lines that, added to an environment, would answer `lookup`.
    #[must_use]
    pub fn advice(lookup: &Lookup) -> String {
        match lookup {
            Lookup::LocalDomain { .. } => "local_domains = [\"…\"]".to_owned(),
            Lookup::LocalAddress { .. } => "local_addresses = [\"…\"]".to_owned(),
            Lookup::KeyGet { store, key } | Lookup::KeyExists { store, key } => {
                format!("[stores.{:?}.keys]\n{:?} = \"…\"", &**store, &**key)
            }
            Lookup::KeySet { store, .. } => format!("[stores.{:?}.keys]", &**store),
            Lookup::CounterGet { store, key } | Lookup::CounterIncr { store, key, .. } => {
                format!("[stores.{:?}.counters]\n{:?} = 0", &**store, &**key)
            }
            Lookup::Sql { store, .. } => format!("[databases]\n{:?} = \"database.sqlite\"", &**store),
            Lookup::Dns { name, kind: DnsType::Txt } => {
                format!("[[dns]]\nname = {:?}\ntype = \"txt\"\nanswer = \"…\"", &**name)
            }
            Lookup::Dns { name, kind } => {
                format!("[[dns]]\nname = {:?}\ntype = {:?}\nanswer = [\"…\"]", &**name, kind.name())
            }
            Lookup::InList { list, .. } => {
                format!("[lists]\n{:?} = [\"…\"]", list_name(list))
            }
            Lookup::System(name) => {
                let is_number = SYSTEM_NAMES.iter().any(|(known, ty)| **known == **name && *ty == Type::Int);
                format!("[system]\n{name} = {}", if is_number { "1" } else { "\"…\"" })
            }
            Lookup::Metric(name) => format!("[metric]\n{:?} = 0.0", &**name),
            Lookup::ConfigGet(key) => format!("[settings]\n{:?} = \"…\"", &**key),
        }
    }
}

/// Two are the same where they give the same answers before anything is changed.
impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        let same_dns = match (&self.dns, &other.dns) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => same_entries(ours, theirs, |ours, theirs| match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => ours.is_same(theirs),
                (Err(ours), Err(theirs)) => ours == theirs,
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            }),
            (None, Some(_)) | (Some(_), None) => false,
        };
        same_dns
            && self.local_domains == other.local_domains
            && self.local_addresses == other.local_addresses
            && self.stores == other.stores
            && same_entries(&self.system, &other.system, Value::is_same)
            && self.metrics == other.metrics
            && self.other_metrics == other.other_metrics
            && self.settings == other.settings
            && self.lists == other.lists
            && self.databases == other.databases
    }
}

fn same_entries<K: Ord, V>(ours: &BTreeMap<K, V>, theirs: &BTreeMap<K, V>, same: impl Fn(&V, &V) -> bool) -> bool {
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|((our_key, ours), (their_key, theirs))| our_key == their_key && same(ours, theirs))
}

/// The name under which a store is kept: `*` and the empty text both mean the default one.
pub(crate) fn store_name(name: &str) -> &str {
    if name == "*" { "" } else { name }
}

/// The name under which a list is kept: `list/` in front says no more.
pub(crate) fn list_name(name: &str) -> &str {
    name.strip_prefix("list/").map_or(name, |rest| rest)
}

/// The form in which a DNS name is kept; `None` for a `ptr` question about what is no IP address.
pub(crate) fn dns_name(name: &str, kind: DnsType) -> Option<String> {
    if kind == DnsType::Ptr {
        return Some(name.parse::<IpAddr>().ok()?.to_string());
    }
    Some(name.trim_end_matches('.').to_lowercase())
}

impl World for Environment {
    fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
        let holds = |set: &Option<BTreeSet<String>>, text: &str| Some(Value::truth(set.as_ref()?.contains(text)));
        let answer = match lookup {
            Lookup::LocalDomain { domain, .. } => holds(&self.local_domains, domain).map(Ok),
            Lookup::LocalAddress { address, .. } => holds(&self.local_addresses, address).map(Ok),
            Lookup::KeyGet { store, key } => {
                self.in_store(store, |view| view.key(key).map_or_else(Value::empty, Value::text)).map(Ok)
            }
            Lookup::KeyExists { store, key } => {
                self.in_store(store, |view| Value::truth(view.key(key).is_some())).map(Ok)
            }
            Lookup::KeySet { store, key, value } => self.key_set(store, key, value).map(Ok),
            Lookup::CounterGet { store, key } => self.in_store(store, |view| Value::Int(view.counter(key))).map(Ok),
            Lookup::CounterIncr { store, key, by } => self.counter_incr(store, key, *by).map(Ok),
            Lookup::Sql { store, query, arguments } => self.database(store, query, arguments),
            Lookup::Dns { name, kind } => self.dns(name, *kind),
            Lookup::InList { list, text } => self.in_list(list, text).map(Ok),
            Lookup::System(name) => self.system.get(&**name).cloned().map(Ok),
            Lookup::Metric(name) => {
                self.metrics.get(&**name).copied().or(self.other_metrics).map(|metric| Ok(Value::Float(metric)))
            }
            Lookup::ConfigGet(key) => self.settings.get(&**key).map(|value| Ok(Value::text(&**value))),
        };
        answer.map(|answer| answer.map_err(|why| LookupFailed { what: lookup.to_string(), why }))
    }
}
