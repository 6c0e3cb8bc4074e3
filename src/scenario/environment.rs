//! The world of a dry run: what local domains, stores, DNS names and databases answer.
//!
//! A dry run opens no socket. What an expression asks is answered from here, or not at all: a question about which
//! nothing is known keeps its decision open, and [`Environment::advice`] says which lines would answer it.
//!
//! Invariants:
//!
//! - Every message sees the stores as they were given, unless the caller goes on with the same value.
//! - A store or a DNS name is only known once the environment has that part at all: an environment without `dns`
//!   answers no DNS question, one with it knows that every other name is absent.

use std::collections::{BTreeMap, BTreeSet};

use policy::{DnsType, Lookup, LookupFailed, Value, World};

/// A store: keys and counters, apart from each other.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The values of its keys.
    pub keys: BTreeMap<String, String>,
    /// Its counters.
    pub counters: BTreeMap<String, i64>,
}

/// Who answers `sql_query`: the root opens databases, this floor does not.
pub trait Databases: std::fmt::Debug {
    /// The rows that `query` gives in the database `store`; `None` where there is no such database.
    fn query(&mut self, store: &str, query: &str, arguments: &[Value]) -> Option<Result<Value, String>>;

    /// The names of the databases.
    fn names(&self) -> Vec<String>;
}

/// What the world answers.
#[derive(Debug, Default)]
pub struct Environment {
    /// The domains that are local; `None` where nothing is known about them.
    pub local_domains: Option<BTreeSet<String>>,
    /// The addresses that are local.
    pub local_addresses: Option<BTreeSet<String>>,
    /// The stores by name; the default one is `""`.
    pub stores: Option<BTreeMap<String, Store>>,
    /// DNS answers by name and type; an answer is a string for `txt`, else an array, or why it fails.
    pub dns: Option<BTreeMap<(String, DnsType), Result<Value, String>>>,
    /// What `system` gives.
    pub system: BTreeMap<String, Value>,
    /// What `metric` gives.
    pub metrics: BTreeMap<String, f64>,
    /// What `config_get` gives.
    pub settings: BTreeMap<String, String>,
    /// Named lists, as `in-list` asks them.
    pub lists: BTreeMap<String, BTreeSet<String>>,
    /// Databases.
    pub databases: Option<Box<dyn Databases>>,
}

impl Environment {
    /// The names of the stores that exist, where that is known.
    #[must_use]
    pub fn store_names(&self) -> Option<BTreeSet<String>> {
        let mut names: BTreeSet<String> = self.stores.as_ref()?.keys().cloned().collect();
        if let Some(databases) = &self.databases {
            names.extend(databases.names());
        }
        Some(names)
    }

    fn store(&mut self, name: &str) -> Option<&mut Store> {
        let stores = self.stores.as_mut()?;
        stores.get_mut(if name == "*" { "" } else { name })
    }

    /// The answer of a store: `None` where no store is known, the empty string where this one is not (E5).
    fn in_store(&mut self, name: &str, answer: impl FnOnce(&mut Store) -> Value) -> Option<Value> {
        self.stores.as_ref()?;
        Some(self.store(name).map_or_else(Value::empty, answer))
    }

    fn dns(&self, name: &str, kind: DnsType) -> Option<Result<Value, String>> {
        let answers = self.dns.as_ref()?;
        if kind == DnsType::Ptr && name.parse::<std::net::IpAddr>().is_err() {
            return Some(Err(format!("`{name}` is no IP address")));
        }
        let name = name.trim_end_matches('.').to_lowercase();
        Some(answers.get(&(name, kind)).cloned().unwrap_or_else(|| Ok(kind.absent())))
    }

    fn database(&mut self, store: &str, query: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        self.databases.as_mut()?.query(store, query, arguments)
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
            Lookup::Dns {
                name,
                kind: DnsType::Txt,
            } => {
                format!("[[dns]]\nname = {:?}\ntype = \"txt\"\nanswer = \"…\"", &**name)
            }
            Lookup::Dns { name, kind } => {
                format!(
                    "[[dns]]\nname = {:?}\ntype = {:?}\nanswer = [\"…\"]",
                    &**name,
                    kind.name()
                )
            }
            Lookup::InList { list, .. } => format!("[lists]\n{:?} = [\"…\"]", &**list),
            Lookup::System(name) => format!("[system]\n{name} = \"…\""),
            Lookup::Metric(name) => format!("[metric]\n{:?} = 0.0", &**name),
            Lookup::ConfigGet(key) => format!("[settings]\n{:?} = \"…\"", &**key),
        }
    }
}

impl World for Environment {
    fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
        let holds =
            |set: &Option<BTreeSet<String>>, text: &str| set.as_ref().map(|set| Ok(Value::truth(set.contains(text))));
        let answer = match lookup {
            Lookup::LocalDomain { domain, .. } => holds(&self.local_domains, domain),
            Lookup::LocalAddress { address, .. } => holds(&self.local_addresses, address),
            Lookup::KeyGet { store, key } => self
                .in_store(store, |store| {
                    store
                        .keys
                        .get(&**key)
                        .map_or_else(Value::empty, |value| Value::text(&**value))
                })
                .map(Ok),
            Lookup::KeyExists { store, key } => self
                .in_store(store, |store| Value::truth(store.keys.contains_key(&**key)))
                .map(Ok),
            Lookup::KeySet { store, key, value } => self
                .in_store(store, |store| {
                    store.keys.insert(key.to_string(), value.to_string());
                    Value::truth(true)
                })
                .map(Ok),
            Lookup::CounterGet { store, key } => self
                .in_store(store, |store| {
                    Value::Int(store.counters.get(&**key).copied().unwrap_or(0))
                })
                .map(Ok),
            Lookup::CounterIncr { store, key, by } => self
                .in_store(store, |store| {
                    let counter = store.counters.entry(key.to_string()).or_insert(0);
                    *counter = counter.saturating_add(*by);
                    Value::Int(*counter)
                })
                .map(Ok),
            Lookup::Sql {
                store,
                query,
                arguments,
            } => self.database(store, query, arguments),
            Lookup::Dns { name, kind } => self.dns(name, *kind),
            Lookup::InList { list, text } => self
                .lists
                .get(&**list)
                .map(|list| Ok(Value::truth(list.contains(&**text)))),
            Lookup::System(name) => self.system.get(&**name).cloned().map(Ok),
            Lookup::Metric(name) => self.metrics.get(&**name).map(|metric| Ok(Value::Float(*metric))),
            Lookup::ConfigGet(key) => self.settings.get(&**key).map(|value| Ok(Value::text(&**value))),
        };
        answer.map(|answer| {
            answer.map_err(|why| LookupFailed {
                what: lookup.to_string(),
                why,
            })
        })
    }
}
