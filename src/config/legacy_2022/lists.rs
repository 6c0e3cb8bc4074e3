//! What `in-list` names.
//!
//! | name | entries |
//! |---|---|
//! | `list/<name>` | those below `[list]` |
//! | `<directory>/<lookup>` | those of `[directory."x".lookup]`, where the document has them |
//! | `<store>` | the `values` of `[store."x"]`, where the document has them |
//! | `remote/<id>`, `db/<id>/<lookup>` | only the environment knows |
//!
//! A list with an entry `file:///path` has the lines of that file, where this run opens files; else only the
//! environment knows what it holds.
//!
//! Source: delivery spec 1.11, 2.5.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base::{Diagnostic, Fix, Severity};
use document::Node;
use policy::{NamedList, spelling::nearest};

use super::Legacy;
use crate::{
    codes,
    outbound_layout::{Reported, kind::entries},
    read::Scalar,
};

/// The lists of a document, made when they are first named.
pub(super) struct Lists<'t> {
    list: Option<&'t Node<'t>>,
    directory: Option<&'t Node<'t>>,
    store: Option<&'t Node<'t>>,
    database: Option<&'t Node<'t>>,
    remote: Option<&'t Node<'t>>,
    made: BTreeMap<Box<str>, Arc<NamedList>>,
    /// Whether the one finding about a document without lists was made.
    has_told: bool,
}

/// Where the entries of a list stand.
enum Found<'t> {
    Here(&'t Node<'t>),
    Elsewhere,
}

impl<'t> Lists<'t> {
    pub(super) fn of(tree: &'t Node<'t>) -> Self {
        Self {
            list: tree.get("list"),
            directory: tree.get("directory"),
            store: tree.get("store"),
            database: tree.get("database"),
            remote: tree.get("remote"),
            made: BTreeMap::new(),
            has_told: false,
        }
    }
}

impl<'t> Legacy<'_, 't> {
    /// The list that `scalar` names; `None` where it names none, which is then reported.
    pub(super) fn list(&mut self, scalar: &Scalar) -> Option<Arc<NamedList>> {
        let name = scalar.text.text().trim();
        if let Some(list) = self.lists.made.get(name) {
            return Some(list.clone());
        }
        let found = if scalar.open { Found::Elsewhere } else { self.find(scalar, name)? };
        let entries = match found {
            Found::Here(node) => self.entries(node, name).ok()?,
            Found::Elsewhere => None,
        };
        let list = Arc::new(NamedList { name: name.into(), entries });
        self.lists.made.insert(name.into(), list.clone());
        Some(list)
    }

    fn find(&mut self, scalar: &Scalar, name: &str) -> Option<Found<'t>> {
        match name.split_once('/') {
            Some(("list", list)) => self.find_inline(scalar, list),
            Some(("remote", host)) => self.find_remote(scalar, host),
            Some(("db", lookup)) => self.find_database(scalar, lookup),
            Some((directory, lookup)) if !directory.is_empty() && !lookup.is_empty() && !lookup.contains('/') => {
                let entries = self.lists.directory.and_then(|node| node.get(directory)?.get("lookup")?.get(lookup));
                Some(entries.map_or(Found::Elsewhere, Found::Here))
            }
            Some(_) => {
                self.unknown(scalar, None, "a list is named `list/name`, or `directory/lookup`".to_owned());
                None
            }
            None => self.find_store(scalar, name),
        }
    }

    fn find_inline(&mut self, scalar: &Scalar, list: &str) -> Option<Found<'t>> {
        let Some(lists) = self.lists.list.and_then(Node::as_table) else {
            if !self.lists.has_told {
                self.lists.has_told = true;
                let message = format!("`{}` is no list of this document, which has none", scalar.shown());
                self.context.report(
                    Diagnostic::new(&codes::NO_DEFINITIONS, scalar.range, message)
                        .help("define it below a header `[list]`, or let the environment answer for it"),
                );
            }
            return Some(Found::Elsewhere);
        };
        if let Some(node) = lists.get(list) {
            return Some(Found::Here(node));
        }
        let near = nearest(list, lists.entries().iter().map(document::Entry::key));
        let near = near.map(|near| format!("list/{near}"));
        let help = format!("define it below `[list]`: `{list} = [\"…\"]`");
        self.unknown(scalar, near, help);
        None
    }

    fn find_remote(&mut self, scalar: &Scalar, host: &str) -> Option<Found<'t>> {
        let Some(hosts) = self.lists.remote.and_then(Node::as_table) else {
            return Some(Found::Elsewhere);
        };
        match hosts.get(host) {
            Some(node) if node.get("lookup").and_then(Node::scalar_text) == Some("true") => Some(Found::Elsewhere),
            Some(_) => {
                self.unknown(scalar, None, "the remote host answers lookups with `lookup = true` only".to_owned());
                None
            }
            None => {
                let near = nearest(host, hosts.entries().iter().map(document::Entry::key));
                let near = near.map(|near| format!("remote/{near}"));
                self.unknown(scalar, near, format!("define the host below `[remote.\"{host}\"]`"));
                None
            }
        }
    }

    /// `db/<id>/<lookup>`, which only the first versions know.
    fn find_database(&mut self, scalar: &Scalar, lookup: &str) -> Option<Found<'t>> {
        let (database, query) = lookup.split_once('/').unwrap_or((lookup, ""));
        match self.lists.database.and_then(|node| node.as_table()) {
            Some(databases) => {
                let known = databases.get(database).and_then(|node| node.get("lookup")?.get(query));
                if known.is_none() {
                    let help = format!("define it below `[database.\"{database}\".lookup]`");
                    self.unknown(scalar, None, help);
                    return None;
                }
            }
            None => self.context.report(
                Diagnostic::new(
                    &codes::UNKNOWN_LIST,
                    scalar.range,
                    format!("`{}` names a database that this document does not have", scalar.shown()),
                )
                .severity(Severity::Warning)
                .help("since July 2023 such a list is named `directory/lookup`"),
            ),
        }
        Some(Found::Elsewhere)
    }

    fn find_store(&mut self, scalar: &Scalar, name: &str) -> Option<Found<'t>> {
        if let Some(store) = self.lists.store.and_then(|stores| stores.get(name)) {
            return Some(store.get("values").map_or(Found::Elsewhere, Found::Here));
        }
        let inline = self.lists.list.and_then(|lists| lists.get(name));
        if inline.is_some() {
            self.unknown(scalar, Some(format!("list/{name}")), String::new());
            return None;
        }
        if name.is_empty() || self.lists.store.is_some() || self.lists.list.is_some() {
            let help = "define it below `[list]` and name it `list/name`".to_owned();
            self.unknown(scalar, None, help);
            return None;
        }
        Some(Found::Elsewhere)
    }

    fn unknown(&mut self, scalar: &Scalar, near: Option<String>, help: String) {
        let message = format!("no list `{}` is defined", scalar.shown());
        let finding = Diagnostic::new(&codes::UNKNOWN_LIST, scalar.range, message);
        self.context.report(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")).fix(Fix::replace(
                format!("rename to `{near}`"),
                scalar.text.document_range(),
                near,
            )),
            None => finding.help(help),
        });
    }

    /// The entries of a list; none where they are in files that this run does not open.
    fn entries(&mut self, node: &Node<'_>, name: &str) -> Result<Option<BTreeSet<Box<str>>>, Reported> {
        let mut held = BTreeSet::new();
        let mut is_known = true;
        for node in entries(node) {
            let scalar = self.context.scalar(node, name).ok_or(Reported)?;
            match scalar.text.text().strip_prefix("file://") {
                None if scalar.open => is_known = false,
                None => {
                    held.insert(scalar.text.text().into());
                }
                Some(path) if self.context.resources.resolves() => match self.context.resources.file(path) {
                    Ok(text) => {
                        let lines = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
                        held.extend(lines.map(Box::from));
                    }
                    Err(why) => {
                        let message = format!("the file of `{name}` cannot be read");
                        self.context.report(Diagnostic::new(&codes::FILE_UNREADABLE, scalar.range, message).help(why));
                        return Err(Reported);
                    }
                },
                Some(_) => is_known = false,
            }
        }
        Ok(is_known.then_some(held))
    }
}
