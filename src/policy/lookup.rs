//! Questions that an expression asks the world.
//!
//! The evaluator does no I/O: where it needs an answer it stops and says so, the driver finds the answer, and the
//! evaluation begins again with it. An evaluation asks the same questions in the same order each time, so the answers
//! are remembered by their place in that order: a question that changes a store is asked once, in source order.

use std::{fmt, mem::offset_of, sync::Arc};

use bumpalo::Bump;

use crate::{
    datum::Datum,
    function::Function,
    ir::NamedList,
    value::{Value, write_quoted},
};

/// The type of a DNS query.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DnsType {
    /// A and AAAA records.
    Ip,
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
    /// MX records.
    Mx,
    /// TXT records, joined into one string.
    Txt,
    /// PTR records of an address.
    Ptr,
}

impl DnsType {
    /// The type called `name`, in any letter case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Ip, Self::Ipv4, Self::Ipv6, Self::Mx, Self::Txt, Self::Ptr]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Its name in an expression.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Mx => "mx",
            Self::Txt => "txt",
            Self::Ptr => "ptr",
        }
    }

    /// What a name without such records gives (E3).
    #[must_use]
    pub fn absent(self) -> Value {
        match self {
            Self::Txt => Value::empty(),
            Self::Ip | Self::Ipv4 | Self::Ipv6 | Self::Mx | Self::Ptr => Value::list(Vec::new()),
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// `is_local_domain`
    LocalDomain {
        /// The directory asked, where the edition names one; `""` and `"*"` are the default one.
        directory: Arc<str>,
        /// The domain.
        domain: Arc<str>,
    },
    /// `is_local_address`
    LocalAddress {
        /// The directory asked.
        directory: Arc<str>,
        /// The address.
        address: Arc<str>,
    },
    /// `key_get`
    KeyGet {
        /// The store; `""` and `"*"` are the default one.
        store: Arc<str>,
        /// The key.
        key: Arc<str>,
    },
    /// `key_exists`
    KeyExists {
        /// The store.
        store: Arc<str>,
        /// The key.
        key: Arc<str>,
    },
    /// `key_set`
    KeySet {
        /// The store.
        store: Arc<str>,
        /// The key.
        key: Arc<str>,
        /// What it is set to.
        value: Arc<str>,
    },
    /// `counter_get`
    CounterGet {
        /// The store.
        store: Arc<str>,
        /// The counter.
        key: Arc<str>,
    },
    /// `counter_incr`
    CounterIncr {
        /// The store.
        store: Arc<str>,
        /// The counter.
        key: Arc<str>,
        /// What is added.
        by: i64,
    },
    /// `sql_query`
    Sql {
        /// The database.
        store: Arc<str>,
        /// The statement, with `?` for its arguments.
        query: Arc<str>,
        /// Its arguments.
        arguments: Arc<[Value]>,
    },
    /// `dns_query`
    Dns {
        /// The name, or for `ptr` the address.
        name: Arc<str>,
        /// The type.
        kind: DnsType,
    },
    /// `in-list` with a list that the document does not hold.
    InList {
        /// The list.
        list: Arc<str>,
        /// The text.
        text: Arc<str>,
    },
    /// `system`
    System(Arc<str>),
    /// `metric`
    Metric(Arc<str>),
    /// `config_get`
    ConfigGet(Arc<str>),
}

impl Lookup {
    /// What calling `function` with these arguments asks; `None` where it asks nothing and gives the empty string: a
    /// `dns_query` of a type that is not known, and every function that does not ask.
    #[must_use]
    pub fn of<'a>(function: Function, arguments: &[Datum<'a>], arena: &'a Bump) -> Option<Self> {
        let datum = |index: usize| arguments.get(index).copied().unwrap_or(Datum::EMPTY);
        let text = |index: usize| -> Arc<str> { datum(index).to_text(arena).into() };
        let last = || text(arguments.len().saturating_sub(1));
        let directory = || if arguments.len() > 1 { text(0) } else { Arc::from("") };
        Some(match function {
            Function::IsLocalDomain => Self::LocalDomain { directory: directory(), domain: last() },
            Function::IsLocalAddress => Self::LocalAddress { directory: directory(), address: last() },
            Function::KeyGet => Self::KeyGet { store: text(0), key: text(1) },
            Function::KeyExists => Self::KeyExists { store: text(0), key: text(1) },
            Function::KeySet => Self::KeySet { store: text(0), key: text(1), value: text(2) },
            Function::CounterGet => Self::CounterGet { store: text(0), key: text(1) },
            Function::CounterIncr => Self::CounterIncr { store: text(0), key: text(1), by: datum(2).to_int() },
            Function::SqlQuery => {
                let arguments = datum(2).to_items(arena).iter().map(|item| item.to_value()).collect();
                Self::Sql { store: text(0), query: text(1), arguments }
            }
            Function::DnsQuery => Self::Dns { kind: DnsType::named(&datum(1).to_text(arena))?, name: text(0) },
            _ => return None,
        })
    }

    /// Whether `list`, which the document does not hold, has `text`.
    #[must_use]
    pub fn in_list(list: &NamedList, text: &str) -> Self {
        Self::InList { list: Arc::from(&*list.name), text: Arc::from(text) }
    }

    /// Whether asking it changes a store.
    #[must_use]
    pub const fn changes(&self) -> bool {
        matches!(self, Self::KeySet { .. } | Self::CounterIncr { .. })
    }
}

/// As the call that asks it.
impl fmt::Display for Lookup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut call = |name: &str, texts: &[&str]| {
            write!(out, "{name}(")?;
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_quoted(out, text)?;
            }
            out.write_str(")")
        };
        match self {
            Self::LocalDomain { domain, .. } => call("is_local_domain", &[domain]),
            Self::LocalAddress { address, .. } => call("is_local_address", &[address]),
            Self::KeyGet { store, key } => call("key_get", &[store, key]),
            Self::KeyExists { store, key } => call("key_exists", &[store, key]),
            Self::KeySet { store, key, value } => call("key_set", &[store, key, value]),
            Self::CounterGet { store, key } => call("counter_get", &[store, key]),
            Self::CounterIncr { store, key, by } => call("counter_incr", &[store, key, &by.to_string()]),
            Self::Sql { store, query, arguments } => {
                call("sql_query", &[store, query, &Value::List(arguments.clone()).to_string()])
            }
            Self::Dns { name, kind } => call("dns_query", &[name, kind.name()]),
            Self::InList { list, text } => call("in-list", &[list, text]),
            Self::System(name) => call("system", &[name]),
            Self::Metric(name) => call("metric", &[name]),
            Self::ConfigGet(key) => call("config_get", &[key]),
        }
    }
}

/// Why a question has no answer although the world was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} failed: {why}")]
pub struct LookupFailed {
    /// The question, as the call that asks it.
    pub what: String,
    /// What the world said.
    pub why: String,
}

/// How many answers machine code finds in place.
pub const IN_PLACE: usize = 6;

/// The answers of one evaluation, in the order in which it asks.
///
/// Machine code reads whole numbers, which most answers are, in place; the first of them stand beside the others.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Answers {
    /// Bit `n`: answer number `n` is a whole number, and stands in `ints`.
    whole: u64,
    ints: [i64; IN_PLACE],
    all: Vec<Result<Value, LookupFailed>>,
}

impl Answers {
    /// Where it says which answers are whole numbers, in bytes.
    pub const WHOLE: usize = offset_of!(Self, whole);
    /// Where the whole numbers are, in bytes.
    pub const INTS: usize = offset_of!(Self, ints);

    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { whole: 0, ints: [0; IN_PLACE], all: Vec::new() }
    }

    /// Remembers the answer to the question that the evaluation stopped at.
    pub fn push(&mut self, answer: Result<Value, LookupFailed>) {
        let place = self.all.len();
        if let (Ok(Value::Int(int)), Some(slot)) = (&answer, self.ints.get_mut(place)) {
            *slot = *int;
            self.whole |= 1 << place;
        }
        self.all.push(answer);
    }

    /// The answer to the evaluation's question number `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Result<Value, LookupFailed>> {
        self.all.get(index)
    }

    /// How many were given.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether none was given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// Whoever answers questions at once: a dry run's environment.
pub trait World {
    /// The answer to `lookup`; `None` where nothing is known about it, and the decision stays open.
    fn answer(&mut self, lookup: &Lookup) -> Option<Result<Value, LookupFailed>>;
}

/// A world that knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl World for Unknown {
    fn answer(&mut self, _lookup: &Lookup) -> Option<Result<Value, LookupFailed>> {
        None
    }
}
