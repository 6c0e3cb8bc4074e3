//! Environments out of documents: the table `[environment]` of a scenario, or a file of its own with the same keys.
//!
//! The reference vectors have such a file, with remarks among its keys: those are passed over by name.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    net::IpAddr,
    path::Path,
};

use base::{Diagnostic, Findings, Fix, TextRange};
use document::{Format, Kind, Node, Source, Table, format};
use policy::{DnsType, Type, Value, function::SYSTEM_NAMES, spelling::nearest};

use super::{Environment, OpenDatabase, Store, dns_name, list_name, store_name};
use crate::{
    codes,
    context::{Context, integer, listed, make_list, shown, tree},
    files::Files,
    limits, shape,
};

/// The keys of an environment.
pub(crate) const KEYS: &[&str] =
    &["local_domains", "local_addresses", "stores", "dns", "system", "metric", "settings", "lists", "databases"];

/// Keys of the reference vectors' environment that are remarks; so is every key that ends in `_notes`.
pub(crate) const IGNORED: &[&str] = &["globals", "missing_variables", "scope", "strategy_name_rule"];

/// The keys of a store.
pub(crate) const STORE_KEYS: &[&str] = &["keys", "counters", "file"];

/// The keys of a DNS answer.
pub(crate) const DNS_KEYS: &[&str] = &["name", "type", "answer", "error"];

/// The keys of a list that is not written out.
pub(crate) const LIST_KEYS: &[&str] = &["file"];

/// Why a DNS query fails.
const DNS_ERRORS: &[&str] = &["servfail", "timeout", "refused", "bogus"];

/// Reads the document of `--environment`, TOML or JSON.
#[must_use]
pub fn read_source(source: &Source, files: &dyn Files) -> (Environment, Findings) {
    let (root, mut findings) = tree(source);
    let environment = if root.as_table().is_some() {
        read(&root, files, &mut findings)
    } else {
        if !findings.has_errors() {
            let message = format!("an environment is {}, not a table of keys", root.kind_name());
            let finding = Diagnostic::new(&codes::NOT_A_SCENARIO, root.range, message);
            findings.push(finding.help("such as a table with the key `local_domains`"));
        }
        Environment::default()
    };
    findings.sort();
    (environment, findings)
}

/// Reads an environment: all of it that could be understood. Files that it names are read at once.
pub fn read(tree: &Node<'_>, files: &dyn Files, findings: &mut Findings) -> Environment {
    let context = &mut Context::new(files, findings);
    let mut environment = Environment::default();
    let Some(table) = context.table(tree, "environment", "a table with the key `local_domains`") else {
        return environment;
    };
    for entry in table.entries() {
        let node = &entry.value;
        match entry.key() {
            "local_domains" => environment.local_domains = local_domains(node, context),
            "local_addresses" => environment.local_addresses = local_addresses(node, context),
            "stores" => environment.stores = stores(node, context),
            "dns" => environment.dns = dns(node, context),
            "system" => environment.system = system(node, context),
            "metric" => metric(node, &mut environment, context),
            "settings" => environment.settings = settings(node, context),
            "lists" => environment.lists = lists(node, context),
            "databases" => environment.databases = databases(node, context),
            _ => {}
        }
    }
    let is_remark = |key: &str| key.ends_with("_notes") || IGNORED.contains(&key);
    context.unknown_keys_but(table, "an environment", KEYS, is_remark);
    environment
}

fn local_domains(node: &Node<'_>, context: &mut Context<'_>) -> Option<BTreeSet<String>> {
    let list = context.list(node, "local_domains", "`[\"home.example\"]`")?;
    let mut domains = BTreeSet::new();
    for node in list {
        let Some(text) = context.element(node, "local_domains", "`\"home.example\"`") else {
            continue;
        };
        if text.is_empty() || text.contains(['@', ' ']) {
            let message = match text {
                "" => "`local_domains` has an empty domain".to_owned(),
                _ => format!("`local_domains` has `{}`, which is no domain", shown(text)),
            };
            let behind = text.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty());
            let help = behind.map_or_else(
                || "such as `home.example`".to_owned(),
                |domain| format!("the domain is `{}`; addresses go into `local_addresses`", shown(domain)),
            );
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
        } else {
            domains.insert(text.trim_end_matches('.').to_lowercase());
        }
    }
    Some(domains)
}

fn local_addresses(node: &Node<'_>, context: &mut Context<'_>) -> Option<BTreeSet<String>> {
    let list = context.list(node, "local_addresses", "`[\"alice@home.example\"]`")?;
    let mut addresses = BTreeSet::new();
    for node in list {
        let Some(text) = context.element(node, "local_addresses", "`\"alice@home.example\"`") else {
            continue;
        };
        match shape::address(text) {
            Ok(address) => {
                addresses.insert(address.as_str().to_owned());
            }
            Err(wrong) => context.report(wrong.finding(node, "local_addresses")),
        }
    }
    Some(addresses)
}

fn stores(node: &Node<'_>, context: &mut Context<'_>) -> Option<BTreeMap<String, Store>> {
    let table = context.table(node, "stores", "a table `stores.\"\"` for the default store")?;
    let mut stores = BTreeMap::new();
    for entry in table.entries() {
        let name = store_name(entry.key());
        let Some(store) = store(&entry.value, name, context) else {
            continue;
        };
        if stores.insert(name.to_owned(), store).is_some() {
            let message = "the default store is there twice, as `\"\"` and as `\"*\"`";
            let finding = Diagnostic::new(&codes::DUPLICATE_ANSWER, entry.key_range, message);
            context.report(finding.help("both names mean the same store; write one of them"));
        }
    }
    Some(stores)
}

fn store(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<Store> {
    let table =
        context.table(node, &format!("stores.{}", shown(name)), "a table with the keys `keys` and `counters`")?;
    context.unknown_keys(table, "a store", STORE_KEYS);
    let mut store = Store::default();
    if let Some(node) = table.get("file")
        && let Some(path) = context.text(node, "file", "`\"keys.txt\"`")
        && let Some(bytes) = context.file(node, path, &codes::ENVIRONMENT_FILE)
    {
        store.keys = keys_of_file(node, path, bytes, context);
    }
    if let Some(node) = table.get("keys") {
        store.keys.extend(flat(node, "keys", "`limit = \"250\"`", scalar, context));
    }
    if let Some(node) = table.get("counters") {
        store.counters = flat(node, "counters", "`seen = 41`", counter, context);
    }
    Some(store)
}

/// The keys that the file of a store holds: lines `key=value`, or a flat table in TOML or JSON.
fn keys_of_file(node: &Node<'_>, path: &str, bytes: Vec<u8>, context: &mut Context<'_>) -> BTreeMap<String, String> {
    let (source, mut findings) = Source::from_bytes(path, bytes);
    let is_toml = Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let is_lines = !is_toml && format::detect("", source.text()) == Format::Toml;
    let keys = if is_lines {
        keys_of_lines(&source, &mut findings)
    } else {
        let (root, of_document) = tree(&source);
        findings.extend(of_document);
        let context = &mut Context::new(context.files, &mut findings);
        flat(&root, path, "`limit = \"250\"`", scalar, context)
    };
    context.elsewhere(node, &source, &findings, &codes::ENVIRONMENT_FILE);
    keys
}

fn keys_of_lines(source: &Source, findings: &mut Findings) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for (range, line) in content_lines(source.text()) {
        let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        if let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) {
            keys.insert(key.to_owned(), value.to_owned());
        } else {
            let message = format!("`{}` has no key and `=`", shown(line));
            let finding = Diagnostic::new(&codes::ENVIRONMENT_FILE, range, message);
            findings.push(finding.help("write one `key=value` a line"));
        }
    }
    keys
}

/// The lines of a file that are neither blank nor a comment, without blanks around, and their places.
fn content_lines(text: &str) -> impl Iterator<Item = (TextRange, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let start = at + (whole.len() - whole.trim_start().len());
        at += whole.len();
        let line = whole.trim();
        (!line.is_empty() && !line.starts_with('#')).then(|| (TextRange::of(start..start + line.len()), line))
    })
}

fn scalar(node: &Node<'_>, _name: &str, _context: &mut Context<'_>) -> Option<String> {
    node.scalar_text().map(str::to_owned)
}

fn counter(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<i64> {
    let Kind::Number(text) = &node.kind else {
        context.wrong_kind(node, name, "a whole number", "`41`");
        return None;
    };
    let count = integer(text).and_then(|count| i64::try_from(count).ok());
    if count.is_none() {
        let message = format!("the counter `{}` cannot be {}", shown(name), shown(text));
        let help = "a counter is a whole number of 64 bits with its sign";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    }
    count
}

fn number(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<f64> {
    let Kind::Number(text) = &node.kind else {
        context.wrong_kind(node, name, "a number", "`0.0`");
        return None;
    };
    let number = text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
    if number.is_none() {
        let message = format!("the metric `{}` cannot be {}", shown(name), shown(text));
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("such as `0.0` or `12`"));
    }
    number
}

/// Reads one value of a flat table; `None` where it is reported, or is no scalar.
type ReadValue<T> = fn(&Node<'_>, &str, &mut Context<'_>) -> Option<T>;

/// A table of names with values. A table within it is a part of the name: `queue.count = 1` and `"queue.count" = 1`
/// say the same, because nobody remembers the quotes.
fn flat<T>(
    node: &Node<'_>,
    name: &str,
    example: &str,
    read: ReadValue<T>,
    context: &mut Context<'_>,
) -> BTreeMap<String, T> {
    let mut values = BTreeMap::new();
    if let Some(table) = context.table(node, name, example) {
        flatten(table, None, example, read, &mut values, context);
    }
    if values.len() > limits::ENTRIES_MAX {
        let message = format!("`{name}` has more than {} entries", limits::ENTRIES_MAX);
        context.report(Diagnostic::new(&codes::OVER_LIMIT, node.range, message).help("split it"));
    }
    values
}

fn flatten<T>(
    table: &Table<'_>,
    around: Option<&str>,
    example: &str,
    read: ReadValue<T>,
    values: &mut BTreeMap<String, T>,
    context: &mut Context<'_>,
) {
    for entry in table.entries() {
        if values.len() > limits::ENTRIES_MAX {
            return;
        }
        if around.is_some_and(|around| around.len() + entry.key().len() >= limits::NAME_BYTES_MAX) {
            let message = format!("the name that ends in `{}` is too long", shown(entry.key()));
            let help = format!("a name of several parts has at most {} bytes", limits::NAME_BYTES_MAX);
            context.report(Diagnostic::new(&codes::OVER_LIMIT, entry.key_range, message).help(help));
            continue;
        }
        let name = around.map_or_else(|| entry.key().to_owned(), |around| format!("{around}.{}", entry.key()));
        match &entry.value.kind {
            Kind::Table(inner) => flatten(inner, Some(&name), example, read, values, context),
            Kind::List(_) | Kind::Null => context.wrong_kind(&entry.value, &shown(&name), "a single value", example),
            _ => {
                let Some(value) = read(&entry.value, &name, context) else {
                    continue;
                };
                match values.entry(name) {
                    btree_map::Entry::Vacant(vacant) => {
                        vacant.insert(value);
                    }
                    btree_map::Entry::Occupied(occupied) => {
                        let message = format!("`{}` has two values", shown(occupied.key()));
                        let finding = Diagnostic::new(&codes::DUPLICATE_ANSWER, entry.key_range, message);
                        context.report(finding.help("a dot in a name and a table within the table say the same"));
                    }
                }
            }
        }
    }
}

type Answers = BTreeMap<(String, DnsType), Result<Value, String>>;

fn dns(node: &Node<'_>, context: &mut Context<'_>) -> Option<Answers> {
    let list = context.list(node, "dns", "a table `[[dns]]` for each answer")?;
    let mut answers = Answers::new();
    let mut places = BTreeMap::new();
    for node in list {
        let Some((question, answer)) = dns_answer(node, context) else {
            continue;
        };
        if let Some(first) = places.get(&question) {
            let (name, kind) = &question;
            let message = format!("`{}` has two answers for `{}`", shown(name), kind.name());
            context.report(
                Diagnostic::new(&codes::DUPLICATE_ANSWER, node.range, message)
                    .related(*first, "the first one, which stands")
                    .help("write all addresses or hosts into one `answer`"),
            );
        } else {
            places.insert(question.clone(), node.range);
            answers.insert(question, answer);
        }
    }
    Some(answers)
}

type Answer = ((String, DnsType), Result<Value, String>);

fn dns_answer(node: &Node<'_>, context: &mut Context<'_>) -> Option<Answer> {
    let table = context.table(node, "dns", "a table with `name`, `type` and `answer`")?;
    context.unknown_keys(table, "a DNS answer", DNS_KEYS);
    let mut required = |key: &str, example: &str| {
        let value = table.get(key);
        if value.is_none() {
            let message = format!("the DNS answer has no `{key}`");
            context
                .report(Diagnostic::new(&codes::MISSING_KEY, node.range, message).help(format!("such as {example}")));
        }
        value
    };
    let (name, kind) = (required("name", "`\"corp.test\"`"), required("type", "`\"mx\"`"));
    let kind_node = kind?;
    let kind = dns_type(kind_node, context)?;
    let name_node = name?;
    let text = context.text(name_node, "name", "`\"corp.test\"`")?;
    let Some(name) = dns_name(text, kind).filter(|name| !name.is_empty()) else {
        let message = format!("`name` is `{}`, which cannot be asked for `{}`", shown(text), kind.name());
        let help = "the name of a `ptr` query is an IP address, of any other a domain";
        context.report(Diagnostic::new(&codes::DNS_ANSWER, name_node.range, message).help(help));
        return None;
    };
    let answer = match (table.get("answer"), table.get("error")) {
        (Some(answer), None) => Ok(dns_value(answer, kind, context)?),
        (None, Some(error)) => Err(dns_error(error, context)?),
        (given, _) => {
            let (what, help) = match given {
                None => ("neither `answer` nor `error`", "a name that does not exist has an empty `answer`"),
                Some(_) => ("both `answer` and `error`", "a query that fails has no answer"),
            };
            let message = format!("the DNS answer has {what}");
            context.report(Diagnostic::new(&codes::DNS_ANSWER, node.range, message).help(help));
            return None;
        }
    };
    Some(((name, kind), answer))
}

fn dns_type(node: &Node<'_>, context: &mut Context<'_>) -> Option<DnsType> {
    let text = context.text(node, "type", "`\"mx\"`")?;
    let kind = DnsType::named(text);
    if kind.is_none() {
        const NAMES: [&str; 6] = ["ip", "ipv4", "ipv6", "mx", "txt", "ptr"];
        let meant = match text.to_ascii_lowercase().as_str() {
            "a" => Some("ipv4"),
            "aaaa" => Some("ipv6"),
            _ => nearest(text, NAMES),
        };
        let known = format!("it is one of {}", listed(&NAMES, "and"));
        let help = meant.map_or_else(|| known.clone(), |meant| format!("did you mean `{meant}`? {known}"));
        let fix = meant.map(|meant| Fix::replace("replace it", node.range, format!("\"{meant}\"")));
        let message = format!("`type` cannot be `{}`", shown(text));
        let finding = Diagnostic::new(&codes::INVALID_VALUE, node.range, message);
        context.report(finding.help(help).fix_if(fix));
    }
    kind
}

fn dns_error(node: &Node<'_>, context: &mut Context<'_>) -> Option<String> {
    let text = context.text(node, "error", "`\"servfail\"`")?;
    if DNS_ERRORS.contains(&text) {
        return Some(text.to_owned());
    }
    let known = format!("it is one of {}", listed(DNS_ERRORS, "and"));
    let help = match nearest(text, DNS_ERRORS.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None if text.eq_ignore_ascii_case("nxdomain") => "a name that does not exist has an empty `answer`".to_owned(),
        None => known,
    };
    let message = format!("`error` cannot be `{}`", shown(text));
    context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
    None
}

/// What a query of this type gives: one text for `txt`, in which several are joined, else an array.
fn dns_value(node: &Node<'_>, kind: DnsType, context: &mut Context<'_>) -> Option<Value> {
    let nodes: Vec<&Node<'_>> = match (&node.kind, kind) {
        (Kind::Text(_), DnsType::Txt) => vec![node],
        (Kind::List(list), _) => list.nodes().iter().collect(),
        (_, DnsType::Txt) => {
            context.wrong_kind(node, "answer", "a string or a list of strings", "`\"v=spf1 -all\"`");
            return None;
        }
        _ => {
            let message = format!("`answer` is {}, not a list", node.kind_name());
            let example = dns_example(kind);
            let finding = Diagnostic::new(&codes::WRONG_KIND, node.range, message);
            let fix = node.as_text().map(|_| make_list(node));
            let help = format!("such as `[\"{example}\"]`, or `[]` where there is none");
            context.report(finding.help(help).fix_if(fix));
            return None;
        }
    };
    let mut texts = Vec::new();
    for node in nodes {
        let text = context.element(node, "answer", &format!("`\"{}\"`", dns_example(kind)))?;
        let address = text.parse::<IpAddr>().ok();
        let is_right = match kind {
            DnsType::Ip => address.is_some(),
            DnsType::Ipv4 => address.is_some_and(|address| address.is_ipv4()),
            DnsType::Ipv6 => address.is_some_and(|address| address.is_ipv6()),
            DnsType::Mx | DnsType::Ptr => address.is_none() && !text.is_empty(),
            DnsType::Txt => true,
        };
        if !is_right {
            let message = format!("`{}` is no answer to a query for `{}`", shown(text), kind.name());
            let help = format!("such as `{}`", dns_example(kind));
            context.report(Diagnostic::new(&codes::DNS_ANSWER, node.range, message).help(help));
            return None;
        }
        texts.push(text);
    }
    Some(match kind {
        DnsType::Txt => Value::text(texts.concat()),
        _ => Value::list(texts.into_iter().map(Value::text).collect()),
    })
}

const fn dns_example(kind: DnsType) -> &'static str {
    match kind {
        DnsType::Ip | DnsType::Ipv4 => "192.0.2.10",
        DnsType::Ipv6 => "2001:db8::10",
        DnsType::Mx => "mx1.corp.test",
        DnsType::Ptr => "mx1.corp.test.",
        DnsType::Txt => "v=spf1 -all",
    }
}

fn system(node: &Node<'_>, context: &mut Context<'_>) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    let names: Vec<_> = SYSTEM_NAMES.iter().map(|(name, _)| *name).collect();
    let Some(table) = context.table(node, "system", "a table with `hostname = \"mta.home.example\"`") else {
        return values;
    };
    context.unknown_keys(table, "`system`", &names);
    for entry in table.entries() {
        let Some((_, ty)) = SYSTEM_NAMES.iter().find(|(name, _)| *name == entry.key()) else {
            continue;
        };
        let value = match ty {
            Type::Int => counter(&entry.value, entry.key(), context).map(Value::Int),
            _ => context.text(&entry.value, entry.key(), "`\"mta.home.example\"`").map(Value::text),
        };
        if let Some(value) = value {
            values.insert(entry.key().to_owned(), value);
        }
    }
    values
}

/// A table of numbers, in which `*` stands for every other name; a text, as the reference vectors have, is a remark
/// and means that all are 0.
fn metric(node: &Node<'_>, environment: &mut Environment, context: &mut Context<'_>) {
    if node.as_text().is_some() {
        environment.other_metrics = Some(0.0);
        return;
    }
    environment.metrics = flat(node, "metric", "a table with `\"queue.count\" = 0.0`", number, context);
    environment.other_metrics = environment.metrics.remove("*");
}

fn settings(node: &Node<'_>, context: &mut Context<'_>) -> BTreeMap<String, String> {
    flat(node, "settings", "a table with `\"report.domain\" = \"home.example\"`", scalar, context)
}

fn lists(node: &Node<'_>, context: &mut Context<'_>) -> BTreeMap<String, BTreeSet<String>> {
    const EXAMPLE: &str = "`vip = [\"corp.test\"]` or `vip = { file = \"vip.txt\" }`";
    let mut lists = BTreeMap::new();
    let Some(table) = context.table(node, "lists", EXAMPLE) else {
        return lists;
    };
    for entry in table.entries() {
        let list = match &entry.value.kind {
            Kind::List(_) => entries(&entry.value, entry.key(), context),
            Kind::Table(table) => {
                context.unknown_keys(table, "a list that is not written out", LIST_KEYS);
                list_of_file(&entry.value, context)
            }
            _ => {
                context.wrong_kind(&entry.value, &shown(entry.key()), "a list", EXAMPLE);
                None
            }
        };
        if let Some(list) = list {
            lists.insert(list_name(entry.key()).to_owned(), list);
        }
    }
    lists
}

fn entries(node: &Node<'_>, name: &str, context: &mut Context<'_>) -> Option<BTreeSet<String>> {
    let list = context.list(node, &shown(name), "`[\"corp.test\"]`")?;
    let mut entries = BTreeSet::new();
    for node in list {
        if let Some(text) = context.element(node, &shown(name), "`\"corp.test\"`") {
            entries.insert(text.to_owned());
        }
    }
    Some(entries)
}

fn list_of_file(node: &Node<'_>, context: &mut Context<'_>) -> Option<BTreeSet<String>> {
    let Some(path_node) = node.get("file") else {
        if node.as_table().is_some_and(Table::is_empty) {
            let finding = Diagnostic::new(&codes::MISSING_KEY, node.range, "the list has no `file`");
            context.report(finding.help("such as `{ file = \"vip.txt\" }`, or write the list out"));
        }
        return None;
    };
    let path = context.text(path_node, "file", "`\"vip.txt\"`")?;
    let bytes = context.file(path_node, path, &codes::ENVIRONMENT_FILE)?;
    let (source, findings) = Source::from_bytes(path, bytes);
    context.elsewhere(path_node, &source, &findings, &codes::ENVIRONMENT_FILE);
    let entries: BTreeSet<_> = content_lines(source.text()).map(|(_, line)| line.to_owned()).collect();
    if entries.len() > limits::ENTRIES_MAX {
        let message =
            format!("`{}` has {} entries; at most {} are read", shown(path), entries.len(), limits::ENTRIES_MAX);
        context.report(Diagnostic::new(&codes::OVER_LIMIT, path_node.range, message).help("split it"));
    }
    Some(entries)
}

fn databases(node: &Node<'_>, context: &mut Context<'_>) -> BTreeMap<String, OpenDatabase> {
    let mut databases = BTreeMap::new();
    let Some(table) = context.table(node, "databases", "a table with `users = \"users.sqlite\"`") else {
        return databases;
    };
    for entry in table.entries() {
        let Some(path) = context.text(&entry.value, entry.key(), "`\"users.sqlite\"`") else {
            continue;
        };
        match context.files.open_database(path) {
            Ok(database) => {
                let path = path.to_owned();
                databases.insert(store_name(entry.key()).to_owned(), OpenDatabase { path, database });
            }
            Err(why) => {
                let message = format!("the database `{}` cannot be opened: {why}", shown(path));
                context.report(
                    Diagnostic::new(&codes::ENVIRONMENT_FILE, entry.value.range, message)
                        .help("a relative path begins at the folder of this document"),
                );
            }
        }
    }
    databases
}
