//! Messages out of documents: one of a scenario, or a file that holds just one.

use std::collections::{BTreeMap, BTreeSet};

use base::{Diagnostic, Findings, Mailbox, TextRange};
use document::{Kind, Node, Source, Table};

use super::{FIELDS, Message, eml};
use crate::{
    codes,
    context::{Context, shown, tree},
    files::Files,
    place::Place,
};

/// Reads a file with one message: a TOML document with one `[[message]]` table or with the keys at its top, or a
/// JSON object with the same names. A mail file is for [`read_eml`](super::read_eml).
///
/// A message with an error is not given.
#[must_use]
pub fn read(source: &Source, files: &dyn Files) -> (Option<Message>, Findings) {
    let (root, mut findings) = tree(source);
    if findings.has_errors() {
        return (None, findings);
    }
    let context = &mut Context::new(files, &mut findings);
    let message = match root.as_table().and_then(|table| table.entry("message")) {
        // The whole document is the message's place, and no good one to be underlined.
        None => read_table(&root, TextRange::at(root.range.start()), "m1", context),
        Some(_) => only_message(&root, context).and_then(|node| read_table(node, node.range, "m1", context)),
    };
    findings.sort();
    (message, findings)
}

/// The table of the one message of a document that has messages.
fn only_message<'t, 'a>(root: &'t Node<'a>, context: &mut Context<'_>) -> Option<&'t Node<'a>> {
    let table = root.as_table()?;
    let node = table.get("message")?;
    for entry in table.entries().iter().filter(|entry| entry.key() != "message") {
        let text = format!("a message file has no key `{}` beside `message`", shown(entry.key()));
        context.report(
            Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_range, text)
                .help("a message's own keys belong into its table; a scenario is for `simulate`"),
        );
    }
    match node.as_list() {
        Some([only]) => Some(only),
        Some(several) => {
            let (range, help) = match several.get(1) {
                Some(second) => (second.range, "give a scenario to `simulate` to run more than one"),
                None => (node.range, "write one `[[message]]` table"),
            };
            let message = format!("there are {} messages where one belongs", several.len());
            context.report(Diagnostic::new(&codes::NOT_A_SCENARIO, range, message).help(help));
            None
        }
        None => {
            context.wrong_kind(node, "message", "a list of tables", "a `[[message]]` table");
            None
        }
    }
}

/// Reads one message, which stands at `place` and is called `id` where it does not say; `None` where it has an error.
pub(crate) fn read_table(node: &Node<'_>, place: TextRange, id: &str, context: &mut Context<'_>) -> Option<Message> {
    let mark = context.findings.mark();
    let table = message_table(node, context)?;
    let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    let meant = context.unknown_keys(table, "a message", &names);

    let mut message = Message { id: id.to_owned(), place: Place(place), ..Message::default() };
    for field in FIELDS {
        if let Some(node) = table.get(field.name) {
            let given = field.shape.read(node, field.name, &mut |finding| context.findings.push(finding));
            if let Some(given) = given {
                field.put(&mut message, given);
            }
        }
    }
    let has_mail_file = fill_from_mail_file(table, &mut message, context);
    fill_from_content(table, &mut message, context);
    check_envelope(table, &meant, place, has_mail_file, &message, context);
    give_each("orcpt", table, |message| &mut message.orcpt, &mut message, context);
    give_each("headers_for", table, |message| &mut message.headers_for, &mut message, context);
    check_named("notify_for", table, &message, context);
    (!context.findings.errors_since(mark)).then_some(message)
}

fn message_table<'t, 'a>(node: &'t Node<'a>, context: &mut Context<'_>) -> Option<&'t Table<'a>> {
    let table = node.as_table();
    if table.is_none() {
        let message = format!("a message is {}, not a table of keys", node.kind_name());
        context.report(
            Diagnostic::new(&codes::NOT_A_SCENARIO, node.range, message)
                .help("such as a table with the keys `sender` and `recipients`"),
        );
    }
    table
}

/// Takes what is not given beside it from the message's mail file; whether there is one.
fn fill_from_mail_file(table: &Table<'_>, message: &mut Message, context: &mut Context<'_>) -> bool {
    let Some((node, path)) = table.get("eml").zip(message.eml.clone()) else {
        return table.get("eml").is_some();
    };
    let Some(bytes) = context.file(node, &path, &codes::MAIL_FILE) else {
        return true;
    };
    let header = eml::Header::read(&path, &bytes);
    let mut findings = Findings::new();
    if table.get("size").is_none() {
        message.size = bytes.len() as u64;
    }
    if table.get("sender").is_none()
        && let Some(sender) = header.sender(&mut findings)
    {
        message.sender = sender;
    }
    if table.get("recipients").is_none() {
        message.recipients = header.recipients(&mut findings);
    }
    context.elsewhere(node, &header.source, &findings, &codes::MAIL_FILE);
    true
}

/// Takes what is not given beside it from the message's content: its size as it is sent, and whether it has 8-bit octets.
fn fill_from_content(table: &Table<'_>, message: &mut Message, context: &mut Context<'_>) {
    let Some(content) = &message.content else { return };
    if let Some(node) = table.get("eml") {
        let finding = Diagnostic::new(&codes::INVALID_VALUE, node.range, "a message has either `content` or `eml`");
        context.report(finding.help("leave one of them out"));
    }
    if table.get("size").is_none() {
        message.size = (content.len() + content.matches('\n').count()) as u64;
    }
    if table.get("body").is_none() && !content.is_ascii() {
        message.body = "8bitmime";
    }
}

/// Reports an envelope that is not given, by the document or by a mail file.
fn check_envelope(
    table: &Table<'_>,
    meant: &[&str],
    range: TextRange,
    has_mail_file: bool,
    message: &Message,
    context: &mut Context<'_>,
) {
    // A key that is only misspelled is reported as such.
    let is_missing = |key| table.get(key).is_none() && !meant.contains(&key) && !has_mail_file;
    if is_missing("sender") {
        context.report(
            Diagnostic::new(&codes::MISSING_KEY, range, "the message has no `sender`")
                .help("such as `\"alice@home.example\"`, or `\"\"` for the null sender"),
        );
    }
    match table.get("recipients") {
        None if !is_missing("recipients") => {}
        None => context.report(
            Diagnostic::new(&codes::MISSING_KEY, range, "the message has no `recipients`")
                .help("such as `[\"bob@corp.test\"]`"),
        ),
        Some(node) => {
            let is_empty = matches!(&node.kind, Kind::List(list) if list.nodes().is_empty());
            if is_empty && message.recipients.is_empty() {
                context.report(
                    Diagnostic::new(&codes::INVALID_VALUE, node.range, "`recipients` is empty")
                        .help("a message has one recipient or more, such as `[\"bob@corp.test\"]`"),
                );
            }
        }
    }
}

/// Gives each text of a key to the recipient that it is for.
fn give_each(
    key: &str,
    table: &Table<'_>,
    texts: fn(&mut Message) -> &mut BTreeMap<Mailbox, String>,
    message: &mut Message,
    context: &mut Context<'_>,
) {
    let Some(node) = table.get(key) else { return };
    if let Some(text) = texts(message).remove(&Mailbox::null()) {
        if let [only] = message.recipients.as_slice() {
            let only = only.clone();
            texts(message).insert(only, text);
        } else if !message.recipients.is_empty() {
            let count = message.recipients.len();
            let text = format!("`{key}` is one text, but the message has {count} recipients");
            context.report(
                Diagnostic::new(&codes::ORIGINAL_RECIPIENT, node.range, text)
                    .help("write a table with the recipient's address as key"),
            );
        }
    }
    check_named(key, table, message, context);
}

/// Reports an entry of a key that is for nobody of the recipients.
fn check_named(key: &str, table: &Table<'_>, message: &Message, context: &mut Context<'_>) {
    let Some(table) = table.get(key).and_then(Node::as_table) else { return };
    let recipients: BTreeSet<_> = message.recipients.iter().cloned().collect();
    for entry in table.entries() {
        let Some(rcpt) = Mailbox::parse(entry.key()).filter(|rcpt| !rcpt.is_null()) else {
            continue;
        };
        if !recipients.is_empty() && !recipients.contains(&rcpt) {
            let near = context.nearest(rcpt.as_str(), recipients.len(), recipients.iter().map(Mailbox::as_str));
            let text = format!("`{key}` names `{rcpt}`, who is no recipient of the message");
            context.report(Diagnostic::new(&codes::ORIGINAL_RECIPIENT, entry.key_range, text).help(near.map_or_else(
                || "use the address of one of its `recipients` as key".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )));
        }
    }
}

/// The messages of a document by their ids, those among them that have errors as well.
#[derive(Debug, Default)]
pub(crate) struct Ids(BTreeMap<String, TextRange>);

impl Ids {
    /// Notes the id of the message `node`, which is called `default` where it does not say; reports one that another
    /// message has.
    pub(crate) fn note(&mut self, node: &Node<'_>, default: &str, context: &mut Context<'_>) {
        let given = node.get("id").and_then(|id| Some((id.as_text()?, id.range)));
        let (id, range) = given.unwrap_or((default, node.range));
        let Some(first) = self.0.insert(id.to_owned(), range) else { return };
        context.report(
            Diagnostic::new(&codes::DUPLICATE_MESSAGE, range, format!("two messages are called `{}`", shown(id)))
                .related(first, "the other one")
                .help("give one of them another `id`; one without is called by its place: `m1`, `m2` …"),
        );
        self.0.insert(id.to_owned(), first);
    }

    /// Whether a message is called `id`.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The id that `id` was probably meant to be.
    pub(crate) fn nearest(&self, id: &str, context: &mut Context<'_>) -> Option<&str> {
        context.nearest(id, self.0.len(), self.0.keys().map(String::as_str))
    }
}
