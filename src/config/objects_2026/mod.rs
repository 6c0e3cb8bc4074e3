//! The layout `objects_2026`: JSON objects, in whichever form they are written down.
//!
//! ```text
//! document ── form ──▶ objects with patches (store, body) ── one reader per family ──▶ Settings
//! ```
//!
//! Objects are read when all operations of the document are done, so that an id or a reference may stand before what
//! it names. Which stores a server has is not known from its outbound settings, so none is asked for.
//!
//! Source: delivery spec 0 to 1.10, 4.2, 4.5.

mod body;
mod connection;
mod expression;
mod form;
mod limit;
mod object;
mod route;
mod schedule;
mod server;
mod store;
mod strategy;
#[cfg(test)]
mod tests;
mod value;

/// The waits of a schedule that says no more than that it has the usual ones.
pub(crate) use schedule::RETRY as DEFAULT_RETRIES;

use std::collections::BTreeSet;

use base::{Diagnostic, Findings, TextRange};
use document::{Entry, Format, Kind, Node, Source, Table, json};
use policy::{Compiler, Edition};

use self::{
    body::{Slot, Value},
    form::Collector,
    object::Object,
    store::{Draft, Store, Written},
    value::{Need, Origin, Queues, Reader},
};
use crate::{
    Dialect, Resources, Settings, codes, secrets,
    settings::{Definition, Definitions, Placed},
    shipped, unread,
};

/// What `source` says in this layout; `None` where it holds no setting of outbound delivery.
pub(crate) fn read(
    source: &Source,
    format: Format,
    bare: bool,
    resources: &dyn Resources,
    findings: &mut Findings,
) -> Option<Settings> {
    let nodes = nodes(source, format, findings);
    for node in &nodes {
        secrets::hide(node, findings);
    }
    let is_whole = !findings.has_errors();
    let objects = shipped::objects();
    let shipped = (!bare).then(|| json::parse(&objects).0.unplaced());
    let mut collector = Collector { store: Store::default(), expressions: Vec::new(), is_policy: false, findings };
    for (object, entry) in shipped.iter().flat_map(shipped_objects) {
        collector.store.ship(Written::entry(object, entry));
    }
    for node in &nodes {
        collector.document(node);
    }
    let Collector { mut store, expressions, is_policy, findings } = collector;
    if !is_policy {
        if is_whole || !unread::speaks_of_delivery(source) {
            findings.push(unread::no_policy(source, nodes.first(), Dialect::Objects2026));
        }
        return None;
    }
    store.finish(findings);
    let mut settings = Settings::empty(Dialect::Objects2026);
    let mut reader = Reader {
        source,
        compiler: Compiler::new(Edition::Objects2026),
        resources,
        findings,
        queues: queues(&store),
        object: Object::Strategy,
        origin: Origin::Shown,
        at: TextRange::default(),
        misspelled: BTreeSet::new(),
    };
    // What the document has comes first.
    let is_shipped = |draft: &&Draft<'_>| draft.origin == Origin::Shipped;
    let drafts = store.drafts().filter(|draft| !is_shipped(draft)).chain(store.drafts().filter(is_shipped));
    for draft in drafts {
        reader.object = draft.object;
        reader.origin = draft.origin;
        reader.at = draft.at;
        reader.misspelled.clear();
        object(&mut reader, draft, &mut settings);
    }
    reader.object = Object::Strategy;
    reader.origin = Origin::Shown;
    strategy::bare(&mut reader, &expressions, &mut settings);
    Some(settings)
}

/// The objects that the server ships, by their ids.
fn shipped_objects<'n, 'a>(node: &'n Node<'a>) -> impl Iterator<Item = (Object, &'n Entry<'a>)> {
    let kinds = node.as_table().map(Table::entries).unwrap_or_default().iter();
    kinds.flat_map(|kind| {
        let entries = kind.value.as_table().map(Table::entries).unwrap_or_default().iter();
        entries.filter_map(|entry| Some((Object::named(kind.key())?, entry)))
    })
}

/// The values of the document: one, or one a line. Where there was none to be understood, that is reported already.
fn nodes<'s>(source: &'s Source, format: Format, findings: &mut Findings) -> Vec<Node<'s>> {
    let mut nodes = Vec::new();
    let mut add = |node: Node<'s>, found: Findings| {
        if !(matches!(node.kind, Kind::Null) && found.has_errors()) {
            nodes.push(node);
        }
        findings.extend(found);
    };
    if format == Format::Ndjson {
        for line in document::ndjson::lines(source) {
            add(line.node, line.findings);
        }
    } else {
        let (node, found) = json::parse(source);
        add(node, found);
    }
    nodes
}

/// The names of the virtual queues by their ids.
fn queues(store: &Store<'_>) -> Queues {
    let name = |body: &Slot<'_>| {
        let name = body.value().get("name")?.value.text()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    let mut queues = Queues::default();
    for (id, draft) in store.ids(Object::Queue) {
        if let Some(name) = name(&draft.body) {
            queues.by_id.insert(id.to_owned(), name);
        }
    }
    for draft in store.drafts().filter(|draft| draft.object == Object::Queue) {
        queues.names.extend(name(&draft.body));
    }
    queues
}

/// Reads one object into `settings`.
fn object(reader: &mut Reader<'_>, draft: &Draft<'_>, settings: &mut Settings) {
    let body = draft.body.value();
    reader.known_fields(body);
    reader.description(body);
    let name = if draft.object.is_named() { name(reader, body) } else { None };
    let is_whole = draft.origin != Origin::Unseen;
    match draft.object {
        Object::Strategy => strategy::read(reader, body, settings),
        Object::Route => {
            if let Some(route) = route::read(reader, body) {
                define(reader, &mut settings.routes, name, route);
            }
        }
        Object::Schedule => {
            let schedule = schedule::read(reader, body);
            define(reader, &mut settings.schedules, name, schedule);
        }
        Object::Queue => {
            let queue = schedule::queue(reader, body);
            define(reader, &mut settings.queues, name, queue);
        }
        Object::Connection => {
            let connection = connection::read(reader, body);
            define(reader, &mut settings.connections, name, connection);
        }
        Object::Tls => {
            let tls = connection::tls(reader, body);
            define(reader, &mut settings.tls_strategies, name, tls);
        }
        Object::OutboundThrottle => {
            let limiter = limit::throttle(reader, body, draft.range);
            settings.outbound_limiters.extend(is_whole.then_some(limiter));
        }
        Object::InboundThrottle => {
            let limiter = limit::throttle(reader, body, draft.range);
            settings.inbound_limiters.extend(is_whole.then_some(limiter));
        }
        Object::Quota => {
            let quota = limit::quota(reader, body, draft.range);
            settings.quotas.extend(is_whole.then_some(quota));
        }
        Object::Resolver => settings.resolver = server::resolver(reader, body),
        Object::Dsn => server::dsn(reader, body, &mut settings.dsn),
        Object::Report => settings.dsn.submitter = server::submitter(reader, body),
        Object::TlsReport => settings.tls_reports = server::tls_reports(body),
        Object::System => settings.hostname = server::hostname(reader, body),
        Object::QueuedMessage => {}
    }
}

/// The name of a definition; of a queue, of at most [`QUEUE_NAME_BYTES_MAX`] bytes.
fn name(reader: &mut Reader<'_>, body: Value<'_>) -> Option<Placed<String>> {
    let Some(field) = body.get("name") else {
        let help = "write `\"name\": \"…\"`, by which strategies and rules choose it";
        reader.missing("name", Need::Essential, help);
        return None;
    };
    let name = reader.text(field.value, "name")?;
    if reader.object == Object::Queue && name.len() > QUEUE_NAME_BYTES_MAX {
        let message = format!("the name of the queue `{}` has {} bytes", value::short(&name), name.len());
        reader.report(
            Diagnostic::new(&codes::QUEUE_NAME_TOO_LONG, field.value.range(), message)
                .help(format!("at most {QUEUE_NAME_BYTES_MAX} bytes are taken")),
        );
    }
    Some(Placed::new(name, field.value.range()))
}

/// Adds a definition; of two with one name, the first one stays.
fn define<T>(reader: &mut Reader<'_>, definitions: &mut Definitions<T>, name: Option<Placed<String>>, value: T) {
    let Some(name) = name.filter(|_| reader.origin != Origin::Unseen) else {
        return;
    };
    let is_queue = reader.object == Object::Queue;
    let is_too_long = is_queue && name.value.len() > QUEUE_NAME_BYTES_MAX;
    let added = definitions.insert(Definition {
        name: name.value.clone(),
        range: name.range,
        value,
        ignored_by_reference: is_too_long.then_some("a queue's name has at most 8 bytes"),
    });
    if let Err(first) = added {
        let related = first.range;
        let message =
            format!("{} with the name `{}` is there already", reader.object.title(), value::short(&name.value));
        reader.report(
            Diagnostic::new(&codes::DUPLICATE_DEFINITION, name.range, message)
                .related(related, "the first one")
                .help("names differ within one kind of object, whatever the variant"),
        );
    }
}

/// How long the name of a virtual queue may be.
const QUEUE_NAME_BYTES_MAX: usize = 8;
