//! `queue.schedule.<id>` and `queue.virtual.<id>`: when mail is tried again, and in which queue it waits.
//!
//! Source: delivery spec 1.3 and 1.4.

use base::{Diagnostic, Severity, TextRange};
use document::{Entry, Table};
use policy::spelling::nearest;

use super::definitions::{self, Found, Kind};
use crate::{
    codes,
    read::Context,
    settings::{Definitions, Expiry, Placed, Schedule, Sensitive, Setting, VirtualQueue},
};

const QUEUES: Kind =
    Kind { section: "queue.virtual", noun: "virtual queue", keys: &["threads-per-node", "description"] };

const SCHEDULES: Kind = Kind {
    section: "queue.schedule",
    noun: "schedule",
    keys: &["queue-name", "retry", "notify", "expire", "max-attempts", "expire-type", "description"],
};

/// How many bytes the name of a virtual queue may have.
const QUEUE_NAME_BYTES_MAX: usize = 8;

/// How many names a message lists.
const NAMES_SHOWN_MAX: usize = 8;

/// How many names a misspelled one is compared with.
const NAMES_COMPARED_MAX: usize = 100;

/// The queue that the server has in any case.
const BUILT_IN_QUEUE: &str = "default";

/// `queue.virtual.*`
pub(super) fn read_queues(context: &mut Context<'_>, queue: &Table<'_>) -> Definitions<VirtualQueue> {
    let mut queues = Definitions::default();
    let Some(node) = queue.get("virtual") else {
        return queues;
    };
    for found in definitions::find(context, node, &QUEUES, QUEUES.section, |_| false) {
        let threads_per_node = found
            .read(context, "threads-per-node", |context, node, setting| context.integer(node, setting, 1..=u32::MAX));
        let mut ignored = None;
        if found.id.len() > QUEUE_NAME_BYTES_MAX || found.id.is_empty() {
            queue_name_too_long(context, &Sensitive::from(&*found.id), found.range);
            ignored = Some("its name has more than 8 bytes");
        } else if found.get("threads-per-node").is_none() {
            let help = "add `threads-per-node`, by which the server knows a queue";
            ignored = Some(definitions::unregistered(context, &QUEUES, &found, help));
        }
        definitions::define(context, &mut queues, &QUEUES, found, VirtualQueue { threads_per_node }, ignored);
    }
    queues
}

fn queue_name_too_long(context: &mut Context<'_>, name: &Sensitive, range: TextRange) {
    let bytes = name.text().len();
    let message = match bytes {
        0 => "a queue's name is empty".to_owned(),
        _ => format!("the queue's name `{name}` has {bytes} bytes"),
    };
    context.report(
        Diagnostic::new(&codes::QUEUE_NAME_TOO_LONG, range, message)
            .help(format!("a queue's name has 1 to {QUEUE_NAME_BYTES_MAX} bytes")),
    );
}

/// `queue.schedule.*`
pub(super) fn read(
    context: &mut Context<'_>,
    queue: &Table<'_>,
    queues: &Definitions<VirtualQueue>,
) -> Definitions<Schedule> {
    let mut schedules = Definitions::default();
    let Some(node) = queue.get("schedule") else {
        return schedules;
    };
    let mut unknown_queues = Vec::new();
    for found in definitions::find(context, node, &SCHEDULES, SCHEDULES.section, is_global) {
        let (schedule, ignored) = schedule(context, &found, queues, &mut unknown_queues);
        definitions::define(context, &mut schedules, &SCHEDULES, found, schedule, ignored);
    }
    no_queues(context, &unknown_queues);
    schedules
}

/// Whether an entry of `queue.schedule` is one of the settings that older layouts have there for all mail.
pub(super) fn is_global(entry: &Entry<'_>) -> bool {
    let is_value = || match entry.value.as_table() {
        Some(table) => !table.is_empty() && entry.value.items().is_some(),
        None => true,
    };
    matches!(entry.key(), "retry" | "notify" | "expire") && is_value()
}

fn schedule(
    context: &mut Context<'_>,
    found: &Found<'_, '_>,
    queues: &Definitions<VirtualQueue>,
    unknown_queues: &mut Vec<Placed<Sensitive>>,
) -> (Schedule, Option<&'static str>) {
    let is_known = is_registered(found);
    let mut ignored = None;
    if !is_known {
        let help = "add `queue-name`; lists alone do not make a schedule";
        ignored = Some(definitions::unregistered(context, &SCHEDULES, found, help));
    }
    let (queue_name, dropped) = queue_name(context, found, is_known, queues, unknown_queues);
    ignored = ignored.or(dropped);
    let retry = retry(context, found, is_known);
    let notify = found.read(context, "notify", Context::durations);
    let (expiry, dropped) = expiry(context, found);
    let schedule = Schedule { queue_name, retry, notify, expiry };
    (schedule, ignored.or(dropped))
}

/// Whether the server sees the schedule: `retry` and `notify` count only as single values.
fn is_registered(found: &Found<'_, '_>) -> bool {
    let is_single = |key: &str| found.get(key).is_some_and(|node| node.scalar_text().is_some());
    let has = |key: &str| found.get(key).is_some();
    has("queue-name") || has("expire") || has("max-attempts") || is_single("retry") || is_single("notify")
}

/// The queue's name, and why the server drops the schedule.
fn queue_name(
    context: &mut Context<'_>,
    found: &Found<'_, '_>,
    is_known: bool,
    queues: &Definitions<VirtualQueue>,
    unknown_queues: &mut Vec<Placed<Sensitive>>,
) -> (Setting<Sensitive>, Option<&'static str>) {
    let setting = found.setting("queue-name");
    let Some(node) = found.get("queue-name") else {
        if is_known {
            let message = format!("the schedule `{}` has no `queue-name`, and uses the queue `default`", found.id);
            context.report(
                Diagnostic::new(&codes::MISSING_REQUIRED, found.range, message)
                    .severity(Severity::Warning)
                    .help("the server logs an error and goes on: write `queue-name = \"default\"` if that is meant"),
            );
        }
        return (Setting::Default, None);
    };
    let Some(scalar) = context.scalar(node, &setting) else {
        return (Setting::Default, None);
    };
    let name = scalar.sensitive();
    let value = Setting::Given(Placed::new(name.clone(), scalar.range));
    if scalar.open {
        return (value, None);
    }
    let dropped = Some("it names a queue that does not exist");
    let text = name.text();
    match queues.get(text) {
        Some(queue) if queue.ignored_by_reference.is_none() => (value, None),
        // What is wrong with the queue is reported where it is defined.
        Some(_) => (value, dropped),
        None if text == BUILT_IN_QUEUE => (value, None),
        None if text.len() > QUEUE_NAME_BYTES_MAX || text.is_empty() => {
            queue_name_too_long(context, &name, scalar.range);
            (value, dropped)
        }
        None if queues.iter().all(|queue| queue.is_shipped(context.dialect)) => {
            unknown_queues.push(Placed::new(name, scalar.range));
            (value, dropped)
        }
        None => {
            undefined_queue(context, &name, scalar.text.document_range(), queues);
            (value, dropped)
        }
    }
}

fn undefined_queue(context: &mut Context<'_>, name: &Sensitive, range: TextRange, queues: &Definitions<VirtualQueue>) {
    let finding = Diagnostic::new(&codes::UNDEFINED_QUEUE, range, format!("no virtual queue `{name}` is defined"))
        .label("the server drops the schedule, and uses its built-in one");
    let known = [BUILT_IN_QUEUE].into_iter().chain(queues.names().take(NAMES_COMPARED_MAX));
    let near = nearest(name.text(), known).filter(|_| !name.is_expanded());
    context.report(match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")).fix(base::Fix::replace(
            format!("rename to `{near}`"),
            range,
            near,
        )),
        None => finding.help(format!("define it: `[queue.virtual.{name}]` with `threads-per-node = 25`")),
    });
}

/// One finding for all the queues that a document without any definition of a queue names.
fn no_queues(context: &mut Context<'_>, unknown: &[Placed<Sensitive>]) {
    let Some(first) = unknown.first() else {
        return;
    };
    let mut names: Vec<_> = unknown.iter().map(|name| name.value.shown()).collect();
    names.sort_unstable();
    names.dedup();
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN_MAX).copied().collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("the document defines no virtual queue, and names `{}`{more}", shown.join("`, `"));
    context.report(
        Diagnostic::new(&codes::NO_DEFINITIONS, first.range, message)
            .help("if nothing else defines them, the server drops these schedules, and uses its built-in one"),
    );
}

fn retry(context: &mut Context<'_>, found: &Found<'_, '_>, is_known: bool) -> Setting<Vec<base::Millis>> {
    let Some(node) = found.get("retry") else {
        if is_known {
            let message = format!("the schedule `{}` has no `retry`", found.id);
            context.report(
                Diagnostic::new(&codes::MISSING_RETRY, found.range, message)
                    .label("the server logs an error and tries again every hour")
                    .help("add the waits between attempts: `retry = [\"2m\", \"5m\", \"15m\", \"1h\"]`"),
            );
        }
        return Setting::Default;
    };
    if node.items().is_some_and(|items| items.nodes.is_empty()) {
        let message = format!("`{}` is an empty list", found.setting("retry"));
        context.report(
            Diagnostic::new(&codes::EMPTY_INTERVALS, node.range, message)
                .help("write the waits between attempts: `retry = [\"2m\", \"5m\", \"15m\", \"1h\"]`"),
        );
        return Setting::Default;
    }
    match context.durations(node, &found.setting("retry")) {
        // Every one of them has an error.
        Setting::Given(waits) if waits.value.is_empty() => Setting::Default,
        waits => waits,
    }
}

/// When mail is given up, and why the server drops the schedule.
fn expiry(context: &mut Context<'_>, found: &Found<'_, '_>) -> (Setting<Expiry>, Option<&'static str>) {
    let ttl = found.read(context, "expire", Context::duration);
    let attempts =
        found.read(context, "max-attempts", |context, node, setting| context.integer(node, setting, 1..=u32::MAX));
    if let (Some(_), Some(_)) = (found.get("expire"), found.get("max-attempts")) {
        let (first, second) = (found.key_range("expire"), found.key_range("max-attempts"));
        let (first, second) = (first.min(second), first.max(second));
        let message = format!("the schedule `{}` has both `expire` and `max-attempts`", found.id);
        let finding = Diagnostic::new(&codes::CONFLICTING_EXPIRY, second, message)
            .label("the server drops the schedule, and uses its built-in one");
        context.report(if first.is_empty() {
            finding
                .help("the server ships the other one, which a file cannot take away: use a schedule of another name")
        } else {
            finding
                .related(first, "the other one")
                .help("keep one: a time after which mail is given up, or a number of attempts")
        });
        return (Setting::Default, Some("it has both `expire` and `max-attempts`"));
    }
    expiry_type(context, found);
    let expiry = match (ttl, attempts) {
        (Setting::Given(ttl), _) => Setting::Given(Placed::new(Expiry::Ttl(ttl.value), ttl.range)),
        (_, Setting::Given(attempts)) => Setting::Given(Placed::new(Expiry::Attempts(attempts.value), attempts.range)),
        _ => Setting::Default,
    };
    (expiry, None)
}

/// `expire-type`, which the web interface writes and the server does not read.
fn expiry_type(context: &mut Context<'_>, found: &Found<'_, '_>) {
    let word = found.read(context, "expire-type", |context, node, setting| {
        context.one_of(node, setting, &[("ttl", "expire"), ("attempts", "max-attempts")])
    });
    if let Setting::Given(Placed { value: key, range }) = word
        && found.get(key).is_none()
    {
        let message = format!("`{}` has no effect without `{key}`", found.setting("expire-type"));
        context.report(
            Diagnostic::new(&codes::INEFFECTIVE_SETTING, range, message)
                .help(format!("add `{key}`: that is what the server reads")),
        );
    }
}
