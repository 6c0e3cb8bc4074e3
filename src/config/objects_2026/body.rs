//! An object's body: what the document writes, with the patches that later operations make to it.
//!
//! A patch is a property or a JSON pointer with a value: `match/0/then`, `key/mx: true`, `sourceIps/1: null`. Only the
//! tables on its way are copied; everything else stays a reference into the document, so findings keep their place.
//!
//! Invariants:
//!
//! - A chain of patched tables is no longer than [`POINTER_STEPS_MAX`].

use std::{borrow::Cow, collections::BTreeMap};

use base::{MappedText, TextRange};
use document::{Entry, Kind, Node, Table};

use super::object::Object;

/// Up to how many members are looked through one by one.
const FEW: usize = 8;

/// How many steps a pointer may have: no field of any object lies deeper.
pub(super) const POINTER_STEPS_MAX: usize = 8;

/// A place that a patch can change.
#[derive(Debug)]
pub(super) enum Slot<'t> {
    Node(&'t Node<'t>),
    Patched(Patched<'t>),
    /// What the server has where the document says nothing, at the place of the patch that needs it.
    Default(&'static str, TextRange),
}

/// A table some of whose members came by a patch.
#[derive(Debug)]
pub(super) struct Patched<'t> {
    range: TextRange,
    /// The array that it was before.
    array: Option<&'t Node<'t>>,
    members: Members<'t>,
}

/// Members by key: looked through one by one while they are few, as they are in a hundred thousand one-step patches.
#[derive(Debug)]
enum Members<'t> {
    Few(Vec<(Cow<'t, str>, Member<'t>)>),
    Many(BTreeMap<Cow<'t, str>, Member<'t>>),
}

#[derive(Debug)]
struct Member<'t> {
    key_range: TextRange,
    slot: Slot<'t>,
}

/// Why a patch cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PatchError {
    /// More than [`POINTER_STEPS_MAX`] steps.
    TooDeep,
    /// A `/` in front of its first step (RFC 8620 §5.3).
    LeadingSlash,
    /// A step on its way is no object and no list.
    ThroughScalar(&'static str),
}

/// A value to be read, patched or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'v> {
    Node(&'v Node<'v>),
    Patched(&'v Patched<'v>),
    Default(&'static str, TextRange),
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'v> {
    pub(super) key: &'v str,
    pub(super) key_range: TextRange,
    pub(super) value: Value<'v>,
}

impl<'t> Slot<'t> {
    pub(super) const fn empty(range: TextRange) -> Self {
        Self::Patched(Patched::empty(range))
    }

    pub(super) const fn value(&self) -> Value<'_> {
        match self {
            Self::Node(node) => Value::Node(node),
            Self::Patched(patched) => Value::Patched(patched),
            Self::Default(text, range) => Value::Default(text, *range),
        }
    }

    /// Sets what `pointer` points at to `value`; `null` takes it away. A pointer into a field of `object` that the
    /// document has not set yet points into its default.
    pub(super) fn patch(
        &mut self,
        object: Object,
        pointer: &'t str,
        key_range: TextRange,
        value: &'t Node<'t>,
    ) -> Result<(), PatchError> {
        let steps = pointer.split('/').count();
        if steps > POINTER_STEPS_MAX {
            return Err(PatchError::TooDeep);
        }
        if pointer.starts_with('/') {
            return Err(PatchError::LeadingSlash);
        }
        let mut slot = self;
        for (index, step) in pointer.split('/').map(unescape).enumerate() {
            let members = &mut slot.open()?.members;
            if index + 1 < steps {
                let default = if index == 0 { default_of(object, &step) } else { None };
                let make = || Member { key_range, slot: Slot::Patched(Patched::default_of(default, key_range)) };
                slot = &mut members.get_or_insert(step, make).slot;
            } else if matches!(value.kind, Kind::Null) {
                members.remove(&step);
                break;
            } else {
                let slot = Slot::Node(value);
                members.insert(step, Member { key_range, slot });
                break;
            }
        }
        Ok(())
    }

    /// Sets one member, whatever its key.
    pub(super) fn set(&mut self, entry: &'t Entry<'t>) {
        // An object that has a member to be set is a table, so there is something to open.
        if let Ok(patched) = self.open() {
            let member = Member { key_range: entry.key_range, slot: Slot::Node(&entry.value) };
            patched.members.insert(Cow::Borrowed(entry.key()), member);
        }
    }

    fn open(&mut self) -> Result<&mut Patched<'t>, PatchError> {
        if let Self::Node(node) = *self {
            *self = Self::Patched(Patched::of(node)?);
        }
        match self {
            Self::Patched(patched) => Ok(patched),
            Self::Node(node) => Err(PatchError::ThroughScalar(kind_name(node))),
            Self::Default(..) => Err(PatchError::ThroughScalar("a string")),
        }
    }
}

impl<'t> Patched<'t> {
    const fn empty(range: TextRange) -> Self {
        Self { range, array: None, members: Members::Few(Vec::new()) }
    }

    fn insert(&mut self, key: &'static str, key_range: TextRange, slot: Slot<'t>) {
        self.members.insert(Cow::Borrowed(key), Member { key_range, slot });
    }

    /// An expression of the server's own, or an empty object.
    fn default_of(expression: Option<&DefaultExpression>, range: TextRange) -> Self {
        let mut object = Self::empty(range);
        let Some(expression) = expression else { return object };
        let mut rules = Self::empty(range);
        for (key, (condition, outcome)) in ["0", "1", "2"].into_iter().zip(expression.rules) {
            let mut rule = Self::empty(range);
            rule.insert("if", range, Slot::Default(condition, range));
            rule.insert("then", range, Slot::Default(outcome, range));
            rules.insert(key, range, Slot::Patched(rule));
        }
        object.insert("match", range, Slot::Patched(rules));
        object.insert("else", range, Slot::Default(expression.otherwise, range));
        object
    }

    fn of(node: &'t Node<'t>) -> Result<Self, PatchError> {
        let mut patched = Self::empty(node.range);
        if let Some(table) = node.as_table() {
            for entry in table.entries() {
                let member = Member { key_range: entry.key_range, slot: Slot::Node(&entry.value) };
                patched.members.insert(Cow::Borrowed(entry.key()), member);
            }
        } else if let Some(list) = node.as_list() {
            patched.array = Some(node);
            for (index, node) in list.iter().enumerate() {
                let member = Member { key_range: node.range, slot: Slot::Node(node) };
                patched.members.insert(Cow::Owned(index.to_string()), member);
            }
        } else if !matches!(node.kind, Kind::Null) {
            return Err(PatchError::ThroughScalar(kind_name(node)));
        }
        Ok(patched)
    }
}

impl<'t> Members<'t> {
    fn get(&self, key: &str) -> Option<(&str, &Member<'t>)> {
        match self {
            Self::Few(few) => few.iter().find(|(known, _)| known == key).map(|(known, member)| (&**known, member)),
            Self::Many(many) => many.get_key_value(key).map(|(known, member)| (&**known, member)),
        }
    }

    fn get_or_insert(&mut self, key: Cow<'t, str>, make: impl FnOnce() -> Member<'t>) -> &mut Member<'t> {
        self.grow();
        match self {
            Self::Many(many) => many.entry(key).or_insert_with(make),
            Self::Few(few) => {
                let at = few.iter().position(|(known, _)| *known == key).unwrap_or(few.len());
                if at == few.len() {
                    few.reserve_exact(1);
                    few.push((key, make()));
                }
                few.get_mut(at).map_or_else(|| unreachable!("it was pushed"), |(_, member)| member)
            }
        }
    }

    fn insert(&mut self, key: Cow<'t, str>, member: Member<'t>) {
        let mut new = Some(member);
        let place = self.get_or_insert(key, || new.take().unwrap_or_else(|| unreachable!("it is made once")));
        if let Some(member) = new {
            *place = member;
        }
    }

    fn remove(&mut self, key: &str) {
        match self {
            Self::Few(few) => few.retain(|(known, _)| known != key),
            Self::Many(many) => {
                many.remove(key);
            }
        }
    }

    /// Makes room for one more.
    fn grow(&mut self) {
        if let Self::Few(few) = self
            && few.len() >= FEW
        {
            let few = std::mem::take(few);
            *self = Self::Many(few.into_iter().collect());
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &Member<'t>)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        let few = few.into_iter().flatten().map(|(key, member)| (&**key, member));
        few.chain(many.into_iter().flat_map(|many| many.iter()).map(|(key, member)| (&**key, member)))
    }
}

impl<'v> Value<'v> {
    pub(super) const fn range(self) -> TextRange {
        match self {
            Self::Node(node) => node.range,
            Self::Patched(patched) => patched.range,
            Self::Default(_, range) => range,
        }
    }

    pub(super) const fn node(self) -> Option<&'v Node<'v>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Patched(_) | Self::Default(..) => None,
        }
    }

    pub(super) fn text(self) -> Option<&'v str> {
        match self {
            Self::Node(node) => node.as_text(),
            Self::Patched(_) => None,
            Self::Default(text, _) => Some(text),
        }
    }

    /// The text with the places of its bytes.
    pub(super) fn mapped(self) -> Option<MappedText> {
        match self {
            Self::Node(node) => node.mapped(),
            Self::Patched(_) => None,
            Self::Default(text, range) => Some(MappedText::synthetic(text, range)),
        }
    }

    pub(super) fn is_null(self) -> bool {
        self.node().is_some_and(|node| matches!(node.kind, Kind::Null))
    }

    pub(super) fn is_object(self) -> bool {
        match self {
            Self::Node(node) => node.as_table().is_some(),
            Self::Patched(patched) => patched.array.is_none(),
            Self::Default(..) => false,
        }
    }

    /// The array that it is, or was before patches.
    pub(super) fn array(self) -> Option<&'v Node<'v>> {
        match self {
            Self::Node(node) => node.as_list().map(|_| node),
            Self::Patched(patched) => patched.array,
            Self::Default(..) => None,
        }
    }

    /// What it is, in JSON's words.
    pub(super) fn kind_name(self) -> &'static str {
        match self {
            Self::Node(node) => kind_name(node),
            Self::Patched(_) => "an object",
            Self::Default(..) => "a string",
        }
    }

    /// The member `key`; `null` is the same as none.
    pub(super) fn get(self, key: &str) -> Option<Field<'v>> {
        let field = match self {
            Self::Node(node) => {
                let entry = node.as_table()?.entry(key)?;
                Field { key: entry.key(), key_range: entry.key_range, value: Value::Node(&entry.value) }
            }
            Self::Patched(patched) => {
                let (key, member) = patched.members.get(key)?;
                Field { key, key_range: member.key_range, value: member.slot.value() }
            }
            Self::Default(..) => return None,
        };
        (!field.value.is_null()).then_some(field)
    }

    /// Every member that is not `null`, also of an array, whose keys are its indices.
    pub(super) fn fields(self) -> Vec<Field<'v>> {
        let fields: Vec<_> = match self {
            Self::Node(node) => {
                let entries = node.as_table().map(Table::entries).unwrap_or_default();
                let field = |entry: &'v Entry<'v>| Field {
                    key: entry.key(),
                    key_range: entry.key_range,
                    value: Value::Node(&entry.value),
                };
                entries.iter().map(field).collect()
            }
            Self::Patched(patched) => {
                let field = |(key, member): (&'v str, &'v Member<'v>)| Field {
                    key,
                    key_range: member.key_range,
                    value: member.slot.value(),
                };
                patched.members.iter().map(field).collect()
            }
            Self::Default(..) => Vec::new(),
        };
        fields.into_iter().filter(|field| !field.value.is_null()).collect()
    }

    /// The elements of an array that no patch has touched.
    pub(super) fn untouched_array(self) -> Option<&'v [Node<'v>]> {
        self.node()?.as_list()
    }
}

/// An expression that the server has where none is set.
struct DefaultExpression {
    rules: &'static [(&'static str, &'static str)],
    otherwise: &'static str,
}

/// The expression that `field` of `object` has where it is not set.
///
/// Source: delivery spec 1.1 and 1.10; `outboundReportSubmitter` from the reference page of `ReportSettings`.
fn default_of(object: Object, field: &str) -> Option<&'static DefaultExpression> {
    const LOCAL: (&str, &str) = ("is_local_domain(rcpt_domain)", "'local'");
    const ROUTE: DefaultExpression = DefaultExpression { rules: &[LOCAL], otherwise: "'mx'" };
    const SCHEDULE: DefaultExpression = DefaultExpression {
        rules: &[LOCAL, ("source == 'dsn'", "'dsn'"), ("source == 'report'", "'report'")],
        otherwise: "'remote'",
    };
    const TLS: DefaultExpression = DefaultExpression {
        rules: &[("retry_num > 0 && last_error == 'tls'", "'invalid-tls'")],
        otherwise: "'default'",
    };
    const fn plain(otherwise: &'static str) -> DefaultExpression {
        DefaultExpression { rules: &[], otherwise }
    }
    Some(match (object, field) {
        (Object::Strategy, "route") => &ROUTE,
        (Object::Strategy, "schedule") => &SCHEDULE,
        (Object::Strategy, "connection") => const { &plain("'default'") },
        (Object::Strategy, "tls") => &TLS,
        (Object::Dsn, "fromName") => const { &plain("'Mail Delivery Subsystem'") },
        (Object::Dsn, "fromAddress") => const { &plain("'MAILER-DAEMON@' + system('domain')") },
        (Object::Dsn, "dkimSignDomain") => const { &plain("system('domain')") },
        (Object::Report, "outboundReportSubmitter") => const { &plain("system('hostname')") },
        _ => return None,
    })
}

/// What `node` is, in JSON's words.
pub(super) fn kind_name(node: &Node<'_>) -> &'static str {
    match node.kind {
        Kind::Table(_) => "an object",
        Kind::List(_) => "an array",
        _ => node.kind_name(),
    }
}

/// A step of a JSON pointer without its escapes (RFC 6901 §4).
fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
}
