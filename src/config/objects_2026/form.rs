//! The forms in which objects are written down, told from one another by what the document holds.
//!
//! | form | looks |
//! |---|---|
//! | JMAP request | `{"methodCalls": [["x:MtaRoute/set", {"create": …}, "c1"]]}` |
//! | JMAP response | `{"methodResponses": [["x:MtaRoute/get", {"list": […]}, "c1"]]}` |
//! | operation of a plan | `{"@type": "upsert", "object": "MtaRoute", "value": {"a": {…}}}`, one a line or in an array |
//! | map by name | `{"MtaRoute": [{…}, {…}]}`, or with an object, or with objects by their ids |
//! | bare object | `{"@type": "Mx", "name": "mx"}`, told by its fields; several in an array |
//! | bare expression | `{"match": …, "else": …}`, taken for one of the strategy's, with a note |
//!
//! Requests and operations are what is sent to a server; the rest is what documentation and servers show.
//!
//! Source: delivery spec 4.2, 4.5; the operations' fields from the reference pages of `stalwart-cli apply`.

use base::{Diagnostic, Findings, Fix, Severity, TextRange};
use document::{Entry, Kind, Node, Table};
use policy::spelling::nearest;

use super::{
    body::kind_name,
    object::{NEIGHBOURS, Object, bare_name},
    store::{SINGLETON, Store, Written},
    value::{short, start},
};
use crate::codes;

/// Puts the objects of a document into a store.
pub(super) struct Collector<'t, 'f> {
    pub(super) store: Store<'t>,
    /// Expressions that no object holds.
    pub(super) expressions: Vec<&'t Node<'t>>,
    /// Whether something here is a setting of outbound delivery, right or wrong.
    pub(super) is_policy: bool,
    pub(super) findings: &'f mut Findings,
}

impl<'t> Collector<'t, '_> {
    /// One JSON value: all of a document, or a line of it.
    pub(super) fn document(&mut self, node: &'t Node<'t>) {
        if let Some(elements) = node.as_list() {
            if is_call(elements) {
                return self.call(node, None);
            }
            for element in elements {
                match element.as_list() {
                    Some(inner) if is_call(inner) => self.call(element, None),
                    _ => self.value(element),
                }
            }
        } else {
            self.value(node);
        }
    }

    /// Anything but an array.
    fn value(&mut self, node: &'t Node<'t>) {
        let Some(table) = node.as_table() else {
            let message = format!("an object is expected here, and this is {}", kind_name(node));
            self.report(
                Diagnostic::new(&codes::WRONG_KIND, start(node.range), message)
                    .help("write an object such as `{\"@type\": \"Mx\", \"name\": \"mx\"}`, or an array of them"),
            );
            return;
        };
        let calls = [("methodCalls", Direction::Request), ("methodResponses", Direction::Response)];
        let mut is_jmap = false;
        for (key, direction) in calls {
            if let Some(list) = table.get(key) {
                is_jmap = true;
                self.calls(list, key, direction);
            }
        }
        if is_jmap {
            return;
        }
        if let (Some(object), true) = (table.get("object"), table.get("@type").is_some()) {
            self.operation(node, table, object);
        } else if table.entries().iter().any(|entry| is_object_name(entry.key())) {
            self.map(table);
        } else if let Some(list) = table.get("list").and_then(Node::as_list) {
            for element in list {
                self.bare(element);
            }
        } else {
            self.bare(node);
        }
    }

    fn bare(&mut self, node: &'t Node<'t>) {
        if is_expression(node) {
            self.is_policy = true;
            self.expressions.push(node);
            return;
        }
        let Some(object) = Object::guess(node) else {
            if node.as_table().is_none() {
                return self.value_is_no_object(node);
            }
            self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_OBJECT,
                    start(node.range),
                    "nothing tells which object this is, and it is passed over",
                )
                .help("name it: `{\"MtaVirtualQueue\": {…}}`"),
            );
            return;
        };
        self.is_policy |= object.is_about_delivery();
        if matches!(object, Object::OutboundThrottle | Object::InboundThrottle) && !is_named_by_type(node) {
            let message = format!("a throttle without a name is taken for an `{}`", object.name());
            let other = match object {
                Object::InboundThrottle => "it counts by what only an inbound one counts by; name it",
                _ => "it counts by nothing that only an inbound one counts by; name it",
            };
            self.report(
                Diagnostic::new(&codes::ASSUMED_OBJECT, start(node.range), message)
                    .help(format!("{other}: `{{\"{}\": {{…}}}}`", object.name())),
            );
        }
        self.store.show(Written::bare(object, node));
    }

    fn value_is_no_object(&mut self, node: &Node<'_>) {
        let message = format!("an object is expected here, and this is {}", kind_name(node));
        self.report(Diagnostic::new(&codes::WRONG_KIND, start(node.range), message).help("an object is `{…}`"));
    }

    /// `{"MtaRoute": …, "MtaTlsStrategy": …}`
    fn map(&mut self, table: &'t Table<'t>) {
        for entry in table.entries() {
            let Some(object) = self.object(entry.key(), entry.key_range, Severity::Error) else {
                continue;
            };
            self.is_policy |= object.is_about_delivery();
            if let Some(elements) = entry.value.as_list() {
                for element in elements {
                    self.show(object, element);
                }
            } else if let Some(entries) = by_id(object, &entry.value) {
                for entry in entries {
                    self.store.show(Written::entry(object, entry));
                }
            } else {
                self.show(object, &entry.value);
            }
        }
    }

    fn show(&mut self, object: Object, node: &'t Node<'t>) {
        if node.as_table().is_some() {
            self.store.show(Written::bare(object, node));
        } else {
            self.value_is_no_object(node);
        }
    }

    /// The object of that name; of another one, nothing, and a finding where a known one was probably meant.
    fn object(&mut self, name: &str, range: TextRange, severity: Severity) -> Option<Object> {
        let bare = bare_name(name);
        if let Some(object) = Object::named(name) {
            return Some(object);
        }
        if NEIGHBOURS.contains(&bare) {
            return None;
        }
        let near = nearest(bare, Object::ALL.iter().map(|object| object.name()))?;
        self.report(
            Diagnostic::new(&codes::UNKNOWN_OBJECT, range, format!("there is no object `{}`", short(name)))
                .severity(severity)
                .help(format!("did you mean `{near}`?")),
        );
        None
    }

    // JMAP

    fn calls(&mut self, list: &'t Node<'t>, key: &str, direction: Direction) {
        let Some(calls) = list.as_list() else {
            let message = format!("`{key}` is {}", kind_name(list));
            self.report(
                Diagnostic::new(&codes::WRONG_KIND, start(list.range), message)
                    .help("it is an array of calls: `[[\"x:MtaRoute/set\", {…}, \"c1\"]]`"),
            );
            return;
        };
        for call in calls {
            self.call(call, Some(direction));
        }
    }

    /// `["x:MtaRoute/set", {…}, "c1"]`
    fn call(&mut self, node: &'t Node<'t>, direction: Option<Direction>) {
        let parts = node.as_list().unwrap_or_default();
        let (Some(method), Some(arguments)) = (parts.first(), parts.get(1)) else {
            return self.no_call(node);
        };
        let (Some(name), Some(table)) = (method.as_text(), arguments.as_table()) else {
            return self.no_call(node);
        };
        let direction = direction.unwrap_or_else(|| {
            let answers = ["list", "notFound", "created", "updated", "newState", "state"];
            if answers.iter().any(|key| table.get(key).is_some()) { Direction::Response } else { Direction::Request }
        });
        if name == "error" {
            self.is_policy = true;
            let kind = table.get("type").and_then(Node::as_text).unwrap_or("an error");
            let message = format!("the server answered a call with `{}`", short(kind));
            let why = table.get("description").and_then(Node::as_text).map(short);
            self.report(Diagnostic::new(&codes::REFUSED_BY_SERVER, method.range, message).help_if(why));
            return;
        }
        let Some((object_name, verb)) = name.split_once('/') else {
            return self.no_call(node);
        };
        let Some(object) = self.object(object_name, method.range, direction.severity()) else {
            return;
        };
        if object.name() != bare_name(object_name) {
            let near = format!("x:{}/{verb}", object.name());
            self.report(
                Diagnostic::new(&codes::UNKNOWN_OBJECT, method.range, format!("there is no method `{}`", short(name)))
                    .severity(direction.severity())
                    .help(format!("letters count: did you mean `{near}`?"))
                    .fix(Fix::replace(format!("write `{near}`"), method.range, format!("\"{near}\""))),
            );
        }
        self.store.begin();
        self.is_policy |= object.is_about_delivery();
        match (verb, direction) {
            ("set", Direction::Request) => self.set(object, table),
            ("set", Direction::Response) => self.set_response(object, table),
            ("get", Direction::Response) => {
                let list = table.get("list").and_then(Node::as_list).unwrap_or_default();
                for element in list.iter().filter(|_| object != Object::QueuedMessage) {
                    self.show(object, element);
                }
            }
            ("get" | "query" | "changes" | "queryChanges", _) => {}
            _ => {
                let message = format!("`{}` has no method `{}`", object.name(), short(verb));
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_OBJECT, method.range, message)
                        .severity(direction.severity())
                        .help("its methods are `get`, `set` and `query`"),
                );
            }
        }
    }

    fn no_call(&mut self, node: &Node<'_>) {
        self.is_policy = true;
        self.report(
            Diagnostic::new(&codes::WRONG_KIND, start(node.range), "this is no call of a method")
                .help("a call is `[\"x:MtaRoute/set\", {\"create\": …}, \"c1\"]`"),
        );
    }

    fn set(&mut self, object: Object, arguments: &'t Table<'t>) {
        for entry in self.entries(arguments, "create") {
            self.refuse_create(object, entry.key_range);
            if self.is_object(&entry.value) && object != Object::QueuedMessage {
                self.store.create(Written::entry(object, entry));
            }
        }
        for entry in self.entries(arguments, "update") {
            if object.is_singleton() && entry.key() != SINGLETON {
                let message = format!("`{}` is not the id of {}", short(entry.key()), object.title());
                self.report(
                    Diagnostic::new(&codes::INVALID_VALUE, entry.key_range, message)
                        .help("write `\"update\": {\"singleton\": {…}}`")
                        .fix(Fix::replace("write `singleton`", entry.key_range, "\"singleton\"")),
                );
            }
            if self.is_object(&entry.value) && object != Object::QueuedMessage {
                self.store.update(Written::entry(object, entry), self.findings);
            }
        }
        for node in arguments.get("destroy").and_then(Node::as_list).unwrap_or_default() {
            if object.is_singleton() {
                self.refuse_destroy(object, node.range);
            } else if let Some(id) = node.as_text() {
                self.store.destroy(object, id);
            }
        }
    }

    /// What a server made of a `set`: the ids of what it created, and what it refused.
    fn set_response(&mut self, object: Object, arguments: &'t Table<'t>) {
        for entry in self.entries(arguments, "created") {
            if let Some(id) = entry.value.get("id").and_then(Node::as_text) {
                self.store.name_created(object, entry.key(), id);
            }
        }
        let refusals = [("notCreated", "create"), ("notUpdated", "update"), ("notDestroyed", "destroy")];
        for (key, what) in refusals {
            for entry in self.entries(arguments, key) {
                let kind = entry.value.get("type").and_then(Node::as_text).unwrap_or("an error");
                let message = format!("the server refused to {what} `{}`: `{}`", short(entry.key()), short(kind));
                let why = entry.value.get("description").and_then(Node::as_text).map(short);
                self.report(Diagnostic::new(&codes::REFUSED_BY_SERVER, entry.key_range, message).help_if(why));
            }
        }
    }

    /// The members of an argument that is an object by ids.
    fn entries(&mut self, arguments: &'t Table<'t>, key: &str) -> &'t [Entry<'t>] {
        let Some(node) = arguments.get(key) else { return &[] };
        if let Some(table) = node.as_table() {
            return table.entries();
        }
        if !matches!(node.kind, Kind::Null) {
            let message = format!("`{key}` is {}", kind_name(node));
            self.report(
                Diagnostic::new(&codes::WRONG_KIND, start(node.range), message)
                    .help(format!("it is an object by ids: `\"{key}\": {{\"a\": {{…}}}}`")),
            );
        }
        &[]
    }

    fn is_object(&mut self, node: &Node<'_>) -> bool {
        let is_object = node.as_table().is_some();
        if !is_object {
            self.value_is_no_object(node);
        }
        is_object
    }

    fn refuse_create(&mut self, object: Object, range: TextRange) {
        let help = match object {
            Object::QueuedMessage => "messages come into the queue by being submitted",
            _ if object.is_singleton() => "there is one of it already: write `\"update\": {\"singleton\": {…}}`",
            _ => return,
        };
        let message = format!("{} cannot be created", object.title());
        self.report(Diagnostic::new(&codes::UNSUPPORTED_OPERATION, range, message).help(help));
    }

    fn refuse_destroy(&mut self, object: Object, range: TextRange) {
        let message = format!("{} cannot be destroyed", object.title());
        self.report(
            Diagnostic::new(&codes::UNSUPPORTED_OPERATION, range, message)
                .help("there is always exactly one of it; update it instead"),
        );
    }

    // Plans

    /// `{"@type": "create", "object": "MtaRoute", "value": {…}}`
    fn operation(&mut self, node: &'t Node<'t>, table: &'t Table<'t>, object: &'t Node<'t>) {
        self.is_policy |= object.as_text().and_then(Object::named).is_some_and(Object::is_about_delivery);
        let Some(verb) = self.verb(table) else { return };
        let Some(name) = object.as_text() else {
            let message = format!("`object` is {}", kind_name(object));
            self.report(
                Diagnostic::new(&codes::WRONG_KIND, object.range, message)
                    .help("write the name of an object: `\"object\": \"MtaRoute\"`"),
            );
            return;
        };
        let Some(object) = self.object(name, object.range, Severity::Error) else {
            return;
        };
        self.operation_keys(table);
        self.store.begin();
        let value = table.get("value");
        if verb == Verb::Destroy {
            // Destroys run before everything else of a plan, so they take away what the server had.
            if object.is_singleton() {
                self.refuse_destroy(object, start(node.range));
            }
            return;
        }
        let Some(value) = value.filter(|value| value.as_table().is_some()) else {
            let message = match value {
                Some(value) => format!("the `value` of an operation is {}", kind_name(value)),
                None => "an operation has no `value`".to_owned(),
            };
            let range = start(value.map_or(node.range, |value| value.range));
            self.report(
                Diagnostic::new(&codes::MISSING_REQUIRED, range, message)
                    .help("write the objects by ids of your own: `\"value\": {\"a\": {…}}`"),
            );
            return;
        };
        match verb {
            Verb::Update => self.plan_update(object, table, value),
            Verb::Create | Verb::Upsert | Verb::Reconcile | Verb::Destroy => {
                self.plan_write(object, verb, value);
                if verb == Verb::Reconcile {
                    self.plan_scope(object, table);
                }
            }
        }
    }

    fn verb(&mut self, table: &Table<'_>) -> Option<Verb> {
        let node = table.get("@type")?;
        let word = node.as_text().unwrap_or_default();
        let verb = VERBS.iter().find(|(name, _)| *name == word);
        if verb.is_none() {
            let names: Vec<_> = VERBS.iter().map(|(name, _)| *name).collect();
            let known = format!("it is one of `{}`", names.join("`, `"));
            let help = match nearest(word, names) {
                Some(near) => format!("did you mean `{near}`? {known}"),
                None => known,
            };
            let message = format!("`{}` is no operation of a plan", short(word));
            self.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help(help));
        }
        verb.map(|(_, verb)| *verb)
    }

    fn operation_keys(&mut self, table: &Table<'_>) {
        const KEYS: [&str; 6] = ["@type", "object", "value", "id", "matchOn", "scope"];
        for entry in table.entries().iter().filter(|entry| !KEYS.contains(&entry.key())) {
            let message = format!("an operation of a plan has no field `{}`", short(entry.key()));
            let near = nearest(entry.key(), KEYS);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its fields are `{}`", KEYS.join("`, `")),
            };
            let severity = near.map_or(Severity::Warning, |_| Severity::Error);
            self.report(Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_range, message).severity(severity).help(help));
        }
    }

    /// `create`, `upsert` or `reconcile`: objects by ids.
    fn plan_write(&mut self, object: Object, verb: Verb, value: &'t Node<'t>) {
        if object.is_singleton() {
            let message = format!("{} cannot be created", object.title());
            self.report(
                Diagnostic::new(&codes::UNSUPPORTED_OPERATION, start(value.range), message)
                    .help("there is one of it already: write `\"@type\": \"update\"` with its fields in `value`"),
            );
            match by_id(object, value) {
                Some(entries) => {
                    for entry in entries {
                        self.store.upsert(Written::entry(object, entry));
                    }
                }
                None => self.store.upsert(Written::bare(object, value)),
            }
            return;
        }
        let entries = value.as_table().map(Table::entries).unwrap_or_default();
        for entry in entries {
            self.refuse_create(object, entry.key_range);
            if !self.is_object(&entry.value) || object == Object::QueuedMessage {
                continue;
            }
            let written = Written::entry(object, entry);
            if verb == Verb::Create {
                self.store.create(written);
            } else {
                self.store.upsert(written);
            }
        }
    }

    /// `update`: the fields of a singleton, or of the object that `id` names.
    fn plan_update(&mut self, object: Object, table: &'t Table<'t>, value: &'t Node<'t>) {
        let id = table.get("id");
        let id = id.and_then(|id| Some((id.as_text()?, id.range)));
        if object == Object::QueuedMessage {
            return;
        }
        if object.is_singleton() || id.is_some() {
            let inner = value.as_table().and_then(|table| table.entry(SINGLETON)).filter(|_| object.is_singleton());
            let node = match inner {
                Some(entry) => {
                    self.report(
                        Diagnostic::new(
                            &codes::UNKNOWN_KEY,
                            entry.key_range,
                            "the fields of a singleton stand in `value` itself",
                        )
                        .severity(Severity::Error)
                        .help("write them without `singleton` around them"),
                    );
                    &entry.value
                }
                None => value,
            };
            return self.store.update(Written { object, node, id }, self.findings);
        }
        self.report(
            Diagnostic::new(
                &codes::MISSING_REQUIRED,
                start(value.range),
                "an `update` does not say which object it is for",
            )
            .help("write `\"id\": \"#a\"` beside `value`, with the fields in `value`"),
        );
        for entry in by_id(object, value).unwrap_or_default() {
            if entry.value.as_table().is_some() {
                self.store.update(Written::entry(object, entry), self.findings);
            }
        }
    }

    /// What a `reconcile` lists all of: a variant, or everything. Another scope deletes nothing of this document.
    fn plan_scope(&mut self, object: Object, table: &Table<'_>) {
        let scope = table.get("scope").and_then(Node::as_table);
        let entries = scope.map(Table::entries).unwrap_or_default();
        match entries {
            [] => self.store.reconcile(object, None),
            [only] if only.key() == "@type" => {
                if let Some(variant) = only.value.as_text() {
                    self.store.reconcile(object, Some(variant));
                }
            }
            _ => {}
        }
    }

    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }
}

/// Which way a call goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Direction {
    Request,
    Response,
}

impl Direction {
    /// How much a name matters that the server does not know: it refuses the call.
    const fn severity(self) -> Severity {
        match self {
            Self::Request => Severity::Error,
            Self::Response => Severity::Warning,
        }
    }
}

/// An operation of a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verb {
    Create,
    Update,
    Upsert,
    Reconcile,
    Destroy,
}

const VERBS: [(&str, Verb); 5] = [
    ("create", Verb::Create),
    ("update", Verb::Update),
    ("upsert", Verb::Upsert),
    ("reconcile", Verb::Reconcile),
    ("destroy", Verb::Destroy),
];

/// Whether `key` is the name of an object, give or take a letter.
fn is_object_name(key: &str) -> bool {
    let bare = bare_name(key);
    let is_near = || nearest(bare, Object::ALL.iter().map(|object| object.name())).is_some();
    Object::named(key).is_some() || !NEIGHBOURS.contains(&bare) && is_near()
}

/// Whether an array is a call of a method rather than a list of objects.
fn is_call(elements: &[Node<'_>]) -> bool {
    let method = elements.first().and_then(Node::as_text);
    method.is_some_and(|method| method.contains('/') || method == "error")
}

/// Whether an object is an expression and nothing else.
fn is_expression(node: &Node<'_>) -> bool {
    node.as_table().is_some_and(|table| {
        let is_part = |entry: &Entry<'_>| matches!(entry.key(), "match" | "else" | "if" | "then");
        (table.get("else").is_some() || table.get("match").is_some()) && table.entries().iter().all(is_part)
    })
}

fn is_named_by_type(node: &Node<'_>) -> bool {
    let kind = node.get("@type").and_then(Node::as_text);
    kind.and_then(Object::named).is_some()
}

/// The members of `node` where it holds objects by ids rather than being an object itself.
fn by_id<'t>(object: Object, node: &'t Node<'t>) -> Option<&'t [Entry<'t>]> {
    let entries = node.as_table()?.entries();
    let is_field = |entry: &Entry<'_>| object.fields().contains(&entry.key());
    let is_object = |entry: &Entry<'_>| entry.value.as_table().is_some();
    // A misspelled field of a singleton is no id: what stands under an id has fields itself.
    let holds_fields =
        |entry: &Entry<'_>| entry.value.as_table().is_some_and(|table| table.entries().iter().any(is_field));
    let are_ids = if object.is_singleton() {
        !entries.is_empty() && !entries.iter().any(is_field) && entries.iter().all(holds_fields)
    } else {
        entries.iter().all(is_object) && (entries.is_empty() || !entries.iter().all(is_field))
    };
    are_ids.then_some(entries)
}
