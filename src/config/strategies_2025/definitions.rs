//! The tables `queue.<kind>.<id>`: which of them there are, and whether the server knows them.
//!
//! The server keeps a flat list of keys with dots between, so that an id may have dots of its own: the table
//! `[queue.source-ip.192.0.2.10]` is the address `192.0.2.10`. In the tree it is four tables, one in another. A table
//! is a definition where it has a key of its kind, or any value that is no table; otherwise it is a part of the ids
//! of what it holds.

use std::collections::BTreeMap;

use base::{Diagnostic, Severity, TextRange};
use document::{Entry, Node, Table};
use policy::spelling::nearest;

use crate::{
    codes,
    read::Context,
    settings::{Definition, Definitions, Setting},
};

/// What the definitions of a kind have in common.
pub(super) struct Kind {
    /// Where they stand, such as `queue.route`.
    pub(super) section: &'static str,
    /// What one of them is called in messages.
    pub(super) noun: &'static str,
    /// Their keys; those with a dot stand in a table of their own.
    pub(super) keys: &'static [&'static str],
}

impl Kind {
    /// The keys that stand in the definition itself: of `tls.implicit`, `tls`.
    fn first_keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.split('.').next().unwrap_or(key))
    }

    /// The keys in the table `group`: of `tls`, `implicit`.
    fn group(&self, group: &str) -> Vec<&'static str> {
        let within = |key: &&'static str| key.strip_prefix(group)?.strip_prefix('.');
        self.keys.iter().filter_map(within).collect()
    }

    /// Whether `table` has a key of this kind.
    fn has_key_in(&self, table: &Table<'_>) -> bool {
        self.first_keys().any(|key| table.get(key).is_some())
    }
}

/// One definition as it is written.
pub(super) struct Found<'t, 'a> {
    /// Its name.
    pub(super) id: String,
    /// Where the name stands.
    pub(super) range: TextRange,
    /// Its table; several where the id is written in several ways.
    tables: Vec<&'t Node<'a>>,
    /// Where it stands, such as `queue.route`.
    pub(super) section: &'static str,
}

impl<'t, 'a> Found<'t, 'a> {
    /// The value of `key`, which may have a dot.
    pub(super) fn get(&self, key: &str) -> Option<&'t Node<'a>> {
        self.tables.iter().find_map(|table| table.get_path(key))
    }

    /// Where `key`, which has no dot, stands; the definition's name where there is no such key.
    pub(super) fn key_range(&self, key: &str) -> TextRange {
        let mut tables = self.tables.iter().filter_map(|node| node.as_table());
        let entry = tables.find_map(|table| table.entry(key));
        entry.map_or(self.range, |entry| entry.key_range)
    }

    /// The headers that it is written with, where it is written with headers alone.
    pub(super) fn headers(&self) -> Option<Vec<TextRange>> {
        let mut headers = Vec::new();
        for node in &self.tables {
            let entries = node.as_table().map(Table::entries).unwrap_or_default();
            let has_own = node.range.start() < self.range.start();
            headers.extend(has_own.then_some(node.range));
            for entry in entries {
                let is_header = entry.value.as_table().is_some() && entry.value.range.start() < entry.key_range.start();
                if is_header {
                    headers.push(entry.value.range);
                } else if !has_own {
                    return None;
                }
            }
        }
        Some(headers)
    }

    /// How messages call `key`.
    pub(super) fn setting(&self, key: &str) -> String {
        format!("{}.{}.{key}", self.section, self.id)
    }

    /// The setting `key` as `read` gives it.
    pub(super) fn read<'c, T>(
        &self,
        context: &mut Context<'c>,
        key: &str,
        read: impl FnOnce(&mut Context<'c>, &Node<'_>, &str) -> Setting<T>,
    ) -> Setting<T> {
        match self.get(key) {
            Some(node) => read(context, node, &self.setting(key)),
            None => Setting::Default,
        }
    }
}

/// Every definition of `kind` in `node`, the table at `section`; unknown keys are reported.
pub(super) fn find<'t, 'a>(
    context: &mut Context<'_>,
    node: &'t Node<'a>,
    kind: &Kind,
    section: &'static str,
    is_foreign: impl Fn(&Entry<'_>) -> bool,
) -> Vec<Found<'t, 'a>> {
    let Some(table) = super::table(context, node, section) else {
        return Vec::new();
    };
    let mut walk = Walk { context, kind, section, found: Vec::new(), dotted: BTreeMap::new(), has_lost_keys: false };
    for entry in table.entries().iter().filter(|entry| !is_foreign(entry)) {
        walk.entry(entry, None);
    }
    walk.found
}

/// Adds a definition; one that has its name already is an error.
pub(super) fn define<T>(
    context: &mut Context<'_>,
    definitions: &mut Definitions<T>,
    kind: &Kind,
    found: Found<'_, '_>,
    value: T,
    ignored_by_reference: Option<&'static str>,
) {
    let range = found.range;
    let definition = Definition { name: found.id, range, value, ignored_by_reference };
    if let Err(earlier) = definitions.insert(definition) {
        let message = format!("the {} `{}` is defined twice", kind.noun, earlier.name);
        context.report(
            Diagnostic::new(&codes::DUPLICATE_DEFINITION, range, message)
                .related(earlier.range, "the first one, which stands")
                .help("delete one of the two, or rename it"),
        );
    }
}

/// Reports that the server does not know `found`, and tells why.
pub(super) fn unregistered(context: &mut Context<'_>, kind: &Kind, found: &Found<'_, '_>, help: &str) -> &'static str {
    let message =
        format!("the server passes over the {} `{}`: it has none of the keys that make one", kind.noun, found.id);
    context.report(Diagnostic::new(&codes::UNREGISTERED_STRATEGY, found.range, message).help(help));
    "it has none of the keys that make one"
}

/// An id, grown part by part.
struct Id {
    name: String,
    first: TextRange,
    last: TextRange,
}

impl Id {
    fn of(entry: &Entry<'_>, before: Option<&Self>) -> Self {
        match before {
            None => Self { name: entry.key().to_owned(), first: entry.key_range, last: entry.key_range },
            Some(before) => {
                Self { name: format!("{}.{}", before.name, entry.key()), first: before.first, last: entry.key_range }
            }
        }
    }

    /// All of it where its parts stand together; of parts from several headers, the last one.
    fn range(&self) -> TextRange {
        let all = self.first.cover(self.last);
        if all.len() as usize == self.name.len() { all } else { self.last }
    }
}

struct Walk<'w, 'c, 't, 'a> {
    context: &'w mut Context<'c>,
    kind: &'w Kind,
    section: &'static str,
    found: Vec<Found<'t, 'a>>,
    /// Where the ids with dots are among them.
    dotted: BTreeMap<String, usize>,
    /// Whether a key was found that stands in no definition.
    has_lost_keys: bool,
}

impl<'t, 'a> Walk<'_, '_, 't, 'a> {
    fn entry(&mut self, entry: &'t Entry<'a>, before: Option<&Id>) {
        let id = Id::of(entry, before);
        let Some(table) = entry.value.as_table() else {
            self.no_table(entry, &id);
            return;
        };
        let has_value = table.entries().iter().any(|entry| entry.value.as_table().is_none());
        if !table.is_empty() && !has_value && !self.kind.has_key_in(table) {
            for entry in table.entries() {
                self.entry(entry, Some(&id));
            }
            return;
        }
        self.add(&id, &entry.value);
        for entry in table.entries() {
            self.key(entry, &id);
        }
    }

    /// Adds a definition, or what is written of it in a further place: `[queue.route."a.b"]`, `[queue.route.a.b.tls]`.
    fn add(&mut self, id: &Id, node: &'t Node<'a>) {
        if id.name.contains('.') {
            let place = *self.dotted.entry(id.name.clone()).or_insert(self.found.len());
            if let Some(found) = self.found.get_mut(place) {
                found.tables.push(node);
                return;
            }
        }
        self.found.push(Found { id: id.name.clone(), range: id.range(), tables: vec![node], section: self.section });
    }

    fn no_table(&mut self, entry: &Entry<'_>, id: &Id) {
        let Kind { noun, .. } = self.kind;
        let name = format!("{}.{}", self.section, id.name);
        let is_key = self.kind.first_keys().any(|key| key == entry.key());
        if is_key && std::mem::replace(&mut self.has_lost_keys, true) {
            // The name is missing once, however many keys stand there.
            return;
        }
        let message = format!("`{name}` is {}, not a {noun}", entry.value.kind_name());
        let help = if is_key {
            format!("a {noun} has a name: write `[{}.NAME]`, and its keys below", self.section)
        } else {
            format!("write `[{name}]` and its keys below")
        };
        self.context.report(Diagnostic::new(&codes::WRONG_KIND, entry.key_range, message).help(help));
    }

    /// A key of the definition `id`: one of its kind, or a further definition whose id goes on with a dot.
    fn key(&mut self, entry: &'t Entry<'a>, id: &Id) {
        let key = entry.key();
        if self.kind.keys.contains(&key) {
            return;
        }
        let section = format!("{}.{}", self.section, id.name);
        let group = self.kind.group(key);
        if !group.is_empty() {
            if let Some(table) = super::table(self.context, &entry.value, &format!("{section}.{key}")) {
                self.context.known_keys(table, &group, &format!("{section}.{key}"));
            }
            return;
        }
        if entry.value.as_table().is_some_and(|table| self.kind.has_key_in(table)) {
            self.entry(entry, Some(id));
            return;
        }
        self.unknown_key(entry, &section);
    }

    fn unknown_key(&mut self, entry: &Entry<'_>, section: &str) {
        let mut first_keys: Vec<_> = self.kind.first_keys().collect();
        first_keys.dedup();
        let key = entry.key();
        let last_part = |path: &&&str| path.rsplit('.').next() == Some(key);
        match self.kind.keys.iter().find(last_part) {
            Some(path) if nearest(key, first_keys.iter().copied()).is_none() => {
                let message = format!("`{section}` has no key `{key}`");
                self.context.report(
                    Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_range, message)
                        .severity(Severity::Error)
                        .help(format!("did you mean `{path}`?"))
                        .fix(base::Fix::replace(format!("rename to `{path}`"), entry.key_range, *path)),
                );
            }
            _ => self.context.unknown_key(entry, &first_keys, section),
        }
    }
}
