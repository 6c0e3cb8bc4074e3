//! The objects of a document while its operations are made one after the other.
//!
//! Nothing is read here: an object is what was written, with the patches made to it, until every operation is done.
//! Only then are ids and references known, whatever the order in which the document has them.
//!
//! Invariants:
//!
//! - A singleton is there at most once.
//! - Making an operation takes time in its own length, not in the number of objects.

use std::collections::BTreeMap;

use base::{Diagnostic, Findings, Severity, TextRange};
use document::{Entry, Node, Table};

use super::{
    body::{POINTER_STEPS_MAX, PatchError, Slot},
    object::Object,
    value::{Origin, short, start},
};
use crate::codes;

/// An object as far as the operations have made it.
#[derive(Debug)]
pub(super) struct Draft<'t> {
    pub(super) object: Object,
    pub(super) origin: Origin,
    /// What is underlined where it lacks something: its name, or its id, or its first byte.
    pub(super) at: TextRange,
    /// All of it.
    pub(super) range: TextRange,
    pub(super) body: Slot<'t>,
    pub(super) is_removed: bool,
    /// The operation that last wrote it.
    touched: usize,
}

/// The objects of a document.
#[derive(Debug, Default)]
pub(super) struct Store<'t> {
    drafts: Vec<Draft<'t>>,
    /// By id; what the document itself gives an id to is `#` and that id.
    ids: BTreeMap<(Object, String), usize>,
    /// By the field that tells them apart.
    keys: BTreeMap<(Object, String), usize>,
    /// The last operation that made the objects of a kind, of all variants or of one, be those that it lists.
    reconciled: BTreeMap<(Object, Option<String>), usize>,
    operations: usize,
}

/// An object where the document has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'t> {
    pub(super) object: Object,
    pub(super) node: &'t Node<'t>,
    /// Its id and where that stands.
    pub(super) id: Option<(&'t str, TextRange)>,
}

impl<'t> Written<'t> {
    /// An object that stands under its id.
    pub(super) fn entry(object: Object, entry: &'t Entry<'t>) -> Self {
        Self { object, node: &entry.value, id: Some((entry.key(), entry.key_range)) }
    }

    /// An object with its id in it, if it has one.
    pub(super) fn bare(object: Object, node: &'t Node<'t>) -> Self {
        let id = node.get("id");
        let id = id.and_then(|id| Some((id.as_text()?, id.range)));
        Self { object, node, id }
    }

    /// What its operation gives it as its id, with `#` in front.
    fn reference(&self) -> Option<String> {
        self.id.map(|(id, _)| format!("#{}", id.strip_prefix('#').unwrap_or(id)))
    }

    fn key(&self) -> Option<&'t str> {
        let text = self.node.get(self.object.key_field()?)?.as_text()?;
        Some(text.trim())
    }

    fn at(&self) -> TextRange {
        let name = self.node.get("name").filter(|name| name.as_text().is_some());
        let id = || self.id.map(|(_, range)| range);
        name.map(|name| name.range).or_else(id).unwrap_or_else(|| start(self.node.range))
    }
}

impl<'t> Store<'t> {
    /// The objects in the order of the document.
    pub(super) fn drafts(&self) -> impl Iterator<Item = &Draft<'t>> {
        self.drafts.iter().filter(|draft| !draft.is_removed)
    }

    /// Every id and reference of an object of this kind.
    pub(super) fn ids(&self, object: Object) -> impl Iterator<Item = (&str, &Draft<'t>)> {
        let first = (object, String::new());
        let of_kind = self.ids.range(first..).take_while(move |((kind, _), _)| *kind == object);
        of_kind.filter_map(|((_, id), index)| {
            let draft = self.drafts.get(*index).filter(|draft| !draft.is_removed)?;
            Some((id.as_str(), draft))
        })
    }

    /// Begins the next operation.
    pub(super) fn begin(&mut self) {
        self.operations += 1;
    }

    /// An object as documentation or a server shows it; of one that is known already, further fields.
    pub(super) fn show(&mut self, written: Written<'t>) {
        let known = match written.id {
            _ if written.object.is_singleton() => self.singleton(written.object),
            Some((id, _)) => self.find(written.object, id),
            None => None,
        };
        if let Some(index) = known {
            return self.merge(index, written.node);
        }
        let index = self.push(written, Origin::Shown);
        if let Some((id, _)) = written.id {
            self.ids.insert((written.object, id.to_owned()), index);
        }
    }

    /// An object that the server has from its first start on, which one of the document with the same key replaces.
    pub(super) fn ship(&mut self, written: Written<'t>) {
        let index = self.push(written, Origin::Shipped);
        if let Some((id, _)) = written.id {
            self.ids.insert((written.object, id.to_owned()), index);
        }
    }

    /// A new object.
    pub(super) fn create(&mut self, written: Written<'t>) {
        if written.object.is_singleton()
            && let Some(index) = self.singleton(written.object)
        {
            return self.merge(index, written.node);
        }
        let index = self.push(written, Origin::Created);
        self.refer(written, index);
    }

    /// The object with the same name, or a new one.
    pub(super) fn upsert(&mut self, written: Written<'t>) {
        let known = match written.key() {
            _ if written.object.is_singleton() => self.singleton(written.object),
            Some(key) => self.keys.get(&(written.object, key.to_owned())).copied(),
            None => None,
        };
        let index = match known.filter(|&index| self.drafts.get(index).is_some_and(|draft| !draft.is_removed)) {
            Some(index) if self.is_of_variant(index, written.node) => {
                self.merge(index, written.node);
                self.take_over(index, written);
                index
            }
            // Another variant is another object of that name.
            Some(_) | None => self.push(written, Origin::Upserted),
        };
        self.refer(written, index);
    }

    /// A change by properties and pointers; of an object that is not here, an object of its own that is only checked.
    pub(super) fn update(&mut self, written: Written<'t>, findings: &mut Findings) {
        let known = match written.id {
            _ if written.object.is_singleton() => self.singleton(written.object),
            Some((id, _)) => self.find(written.object, id),
            None => None,
        };
        let index = known.unwrap_or_else(|| self.push_unseen(written, findings));
        let Some(draft) = self.drafts.get_mut(index) else { return };
        draft.touched = self.operations;
        let entries = written.node.as_table().map(Table::entries).unwrap_or_default();
        for entry in entries {
            keep_key(draft, entry, findings);
            let patched = draft.body.patch(draft.object, entry.key(), entry.key_range, &entry.value);
            if let Err(error) = patched {
                findings.push(bad_patch(entry, error));
            }
        }
    }

    /// Takes an object away.
    pub(super) fn destroy(&mut self, object: Object, id: &str) {
        if let Some(draft) = self.find(object, id).and_then(|index| self.drafts.get_mut(index)) {
            draft.is_removed = true;
        }
    }

    /// The server's id of what the document created under `reference`.
    pub(super) fn name_created(&mut self, object: Object, reference: &str, id: &str) {
        if let Some(index) = self.find(object, reference) {
            self.ids.insert((object, id.to_owned()), index);
        }
    }

    /// Remembers that this operation lists all objects of a kind, or of one variant of it.
    pub(super) fn reconcile(&mut self, object: Object, variant: Option<&str>) {
        self.reconciled.insert((object, variant.map(ToOwned::to_owned)), self.operations);
    }

    /// Takes away what a later operation has reconciled away.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        for draft in &mut self.drafts {
            let variant = draft.body.value().get("@type").and_then(|field| field.value.text()).map(ToOwned::to_owned);
            let of_all = self.reconciled.get(&(draft.object, None));
            let of_variant = variant.and_then(|variant| self.reconciled.get(&(draft.object, Some(variant))));
            let last = of_all.max(of_variant);
            if last.is_some_and(|&last| last > draft.touched) && !draft.is_removed && draft.origin != Origin::Unseen {
                draft.is_removed = true;
                if draft.origin == Origin::Shipped {
                    continue;
                }
                let message = format!("{} is deleted again by a later `reconcile` of the plan", draft.object.title());
                findings.push(
                    Diagnostic::new(&codes::INEFFECTIVE_SETTING, draft.at, message)
                        .help("list it in the `value` of that operation, or narrow its `scope`"),
                );
            }
        }
    }

    fn singleton(&self, object: Object) -> Option<usize> {
        self.ids.get(&(object, SINGLETON.to_owned())).copied()
    }

    /// The object with this id, or created under it.
    fn find(&self, object: Object, id: &str) -> Option<usize> {
        let index = match self.ids.get(&(object, id.to_owned())) {
            Some(index) => Some(index),
            None => self.ids.get(&(object, format!("#{id}"))),
        };
        index.copied().filter(|&index| self.drafts.get(index).is_some_and(|draft| !draft.is_removed))
    }

    fn push(&mut self, written: Written<'t>, origin: Origin) -> usize {
        self.push_draft(written, origin, Slot::Node(written.node))
    }

    fn push_draft(&mut self, written: Written<'t>, origin: Origin, body: Slot<'t>) -> usize {
        let draft = Draft {
            object: written.object,
            origin,
            at: written.at(),
            range: written.node.range,
            body,
            is_removed: false,
            touched: self.operations,
        };
        // In its place, so that what names the shipped one by its id means this one.
        let shipped = written.key().and_then(|key| self.keys.get(&(written.object, key.to_owned())).copied());
        let shipped = shipped.and_then(|index| Some((index, self.drafts.get_mut(index)?)));
        if let Some((index, place)) = shipped.filter(|(_, draft)| draft.origin == Origin::Shipped) {
            *place = draft;
            return index;
        }
        let index = self.drafts.len();
        self.drafts.push(draft);
        if written.object.is_singleton() {
            self.ids.insert((written.object, SINGLETON.to_owned()), index);
        } else if let Some(key) = written.key() {
            self.keys.entry((written.object, key.to_owned())).or_insert(index);
        }
        index
    }

    /// An object that only its change is known of; a singleton is one with its defaults.
    fn push_unseen(&mut self, written: Written<'t>, findings: &mut Findings) -> usize {
        let body = Slot::empty(written.node.range);
        if written.object.is_singleton() {
            return self.push_draft(written, Origin::Upserted, body);
        }
        if let Some((id, range)) = written.id {
            let (id, is_reference) = (short(id), id.starts_with('#'));
            let message = format!("{} with the id `{id}` is not in this document", written.object.title());
            findings.push(if is_reference {
                Diagnostic::new(&codes::OBJECT_ELSEWHERE, range, message)
                    .severity(Severity::Error)
                    .help("a reference with `#` names an object that an earlier operation of the plan creates")
            } else {
                Diagnostic::new(&codes::OBJECT_ELSEWHERE, range, message)
                    .help("the fields that change are checked; the object itself is not known here")
            });
        }
        let index = self.push_draft(written, Origin::Unseen, body);
        if let Some((id, _)) = written.id {
            self.ids.insert((written.object, id.to_owned()), index);
        }
        index
    }

    /// Whether `node` says nothing of its variant, or that which the object at `index` has.
    fn is_of_variant(&self, index: usize, node: &Node<'_>) -> bool {
        let wanted = node.get("@type").and_then(Node::as_text);
        let variant = self.drafts.get(index).and_then(|draft| draft.body.value().get("@type"));
        wanted.is_none_or(|wanted| variant.and_then(|field| field.value.text()).is_none_or(|known| known == wanted))
    }

    /// Makes a shipped object the document's, which has changed it.
    fn take_over(&mut self, index: usize, written: Written<'t>) {
        if let Some(draft) = self.drafts.get_mut(index).filter(|draft| draft.origin == Origin::Shipped) {
            draft.origin = Origin::Upserted;
            draft.at = written.at();
            draft.range = written.node.range;
        }
    }

    fn refer(&mut self, written: Written<'t>, index: usize) {
        if let Some(reference) = written.reference() {
            self.ids.insert((written.object, reference), index);
        }
    }

    fn merge(&mut self, index: usize, node: &'t Node<'t>) {
        let operations = self.operations;
        let Some(draft) = self.drafts.get_mut(index) else { return };
        draft.touched = operations;
        for entry in node.as_table().map(Table::entries).unwrap_or_default() {
            draft.body.set(entry);
        }
    }
}

/// Reports a change of the field by which an object is told from others, which the server refuses.
fn keep_key(draft: &Draft<'_>, entry: &Entry<'_>, findings: &mut Findings) {
    let is_quota_or_named = draft.object.is_named() || draft.object == Object::Quota;
    if !is_quota_or_named || draft.object.key_field() != Some(entry.key()) {
        return;
    }
    let known = draft.body.value().get(entry.key());
    let known = known.and_then(|field| field.value.text());
    if known == entry.value.as_text() {
        return;
    }
    let message = format!("`{}` cannot be changed", entry.key());
    let finding = Diagnostic::new(&codes::READ_ONLY_FIELD, entry.key_range, message);
    findings.push(if draft.origin == Origin::Unseen {
        finding.severity(Severity::Warning).help("the server refuses another value than it has; leave the field out")
    } else {
        finding.help("create another object and destroy this one")
    });
}

fn bad_patch(entry: &Entry<'_>, error: PatchError) -> Diagnostic {
    let pointer = short(entry.key());
    let (message, help) = match error {
        PatchError::TooDeep => (
            format!("the pointer `{pointer}` has more than {POINTER_STEPS_MAX} steps"),
            "no field of an object lies so deep".to_owned(),
        ),
        PatchError::LeadingSlash => (
            format!("the pointer `{pointer}` begins with `/`"),
            "a pointer of a patch has no `/` in front: `match/0/then`".to_owned(),
        ),
        PatchError::ThroughScalar(kind) => (
            format!("the pointer `{pointer}` leads through {kind}"),
            "a pointer leads through objects and lists, such as `match/0/then`".to_owned(),
        ),
    };
    Diagnostic::new(&codes::BAD_PATCH, entry.key_range, message).help(help)
}

/// The id of every singleton.
pub(super) const SINGLETON: &str = "singleton";
