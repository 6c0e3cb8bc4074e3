//! What a document says, as one tree for TOML and JSON, each node with its place in the text.
//!
//! A tree borrows from its document wherever the document says a thing as it is, so a node has 32 bytes: one
//! mebibyte of `[[],[],…]` is a third of a million nodes. A string without escapes is a slice; its [`MappedText`] is
//! made when somebody asks for it, which for most strings of a policy is never.
//!
//! Invariants:
//!
//! - Ranges lie within the text, on character boundaries.
//! - A table's keys are distinct: a reader reports the second one and leaves it out.
//! - Nothing is deeper than [`NESTING_MAX`], so that a walk may be recursive.
//! - A [`Text::Verbatim`] is its node's range without the quotes: none (a bare word), one in front (never closed),
//!   one on each side, or three on each side with perhaps a newline behind the first three.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use base::{Diagnostic, MappedText, TextRange};

use crate::codes;
use crate::limits::{ERRORS_MAX, NESTING_MAX, NODES_MAX};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Where it stands: a string with its quotes, a list or an inline table with its brackets, any other TOML table
    /// at its first header, or at the part of the key that first named it. The document's own table is all of it.
    pub range: TextRange,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// Keys with values.
    Table(Table<'a>),
    /// Values in order: a TOML array, an array of tables, a JSON array.
    List(Box<List<'a>>),
    /// A string.
    Text(Text<'a>),
    /// A number as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// JSON's `null`.
    Null,
    /// A TOML date or time as it is written.
    Other(&'a str),
}

/// The text of a string.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// It stands in the document as it is.
    Verbatim(&'a str),
    /// It has escape sequences.
    Mapped(Box<MappedText>),
}

/// Keys with values, in the order of the document.
#[derive(Clone, Debug, Default)]
pub struct Table<'a>(Entries<'a>);

/// Values in order.
#[derive(Clone, Debug, Default)]
pub struct List<'a> {
    nodes: Vec<Node<'a>>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    key: Key<'a>,
    /// Where the key stands, with its quotes; of a dotted key, the one part.
    pub key_range: TextRange,
    /// Its value.
    pub value: Node<'a>,
}

/// The elements of a list, however it is written; see [`Node::items`].
#[derive(Clone, Debug)]
pub struct Items<'t, 'a> {
    /// How it is written.
    pub form: ListForm,
    /// The elements in order.
    pub nodes: Vec<&'t Node<'a>>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ListForm {
    /// As an array: `[a, b]`, or `[[table]]` headers.
    Array,
    /// As a table whose keys are numbers: `{"0": a, "1": b}`, `route.0000.if = …`.
    IndexedTable,
}

impl<'a> Node<'a> {
    /// An empty table for a whole document of `length` bytes.
    pub(crate) fn root(length: usize) -> Self {
        Self { range: TextRange::of(0..length), kind: Kind::Table(Table::default()) }
    }

    /// A table of these keys, which are distinct.
    #[must_use]
    pub fn table(range: TextRange, entries: impl IntoIterator<Item = (Cow<'a, str>, TextRange, Self)>) -> Self {
        let mut table = Table::default();
        for (key, key_range, value) in entries {
            table.push(key, key_range, value);
        }
        Self { range, kind: Kind::Table(table) }
    }

    /// A list of these elements.
    #[must_use]
    pub fn list(range: TextRange, nodes: Vec<Self>) -> Self {
        Self { range, kind: Kind::List(Box::new(List::new(nodes))) }
    }

    /// The same as what stands in no document: every range is empty.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        let nowhere = TextRange::default();
        let kind = match &self.kind {
            Kind::Table(table) => {
                let entries = table.entries().iter();
                let entries =
                    entries.map(|entry| (Cow::Owned(entry.key().to_owned()), nowhere, entry.value.unplaced()));
                return Self::table(nowhere, entries);
            }
            Kind::List(list) => return Self::list(nowhere, list.nodes.iter().map(Self::unplaced).collect()),
            Kind::Text(text) => Kind::Text(Text::Mapped(Box::new(MappedText::synthetic(text.as_str(), nowhere)))),
            Kind::Number(text) => Kind::Number(text),
            Kind::Other(text) => Kind::Other(text),
            Kind::Bool(is) => Kind::Bool(*is),
            Kind::Null => Kind::Null,
        };
        Self { range: nowhere, kind }
    }

    /// Its keys and values, where it is a table.
    #[must_use]
    pub const fn as_table(&self) -> Option<&Table<'a>> {
        match &self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(crate) const fn as_table_mut(&mut self) -> Option<&mut Table<'a>> {
        match &mut self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Its elements, where it is written as a list; [`Self::items`] takes both ways of writing one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(list) => Some(&list.nodes),
            _ => None,
        }
    }

    /// Its text, where it is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The text of any scalar but `null`: `25` and `"25"`, `false` and `"false"` are alike, as the dialects want it.
    #[must_use]
    pub fn scalar_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text.as_str()),
            Kind::Number(text) | Kind::Other(text) => Some(text),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            Kind::Null | Kind::Table(_) | Kind::List(_) => None,
        }
    }

    /// The text of any scalar but `null`, with the place of each of its bytes.
    #[must_use]
    pub fn mapped(&self) -> Option<MappedText> {
        match &self.kind {
            Kind::Text(Text::Mapped(text)) => Some(MappedText::clone(text)),
            Kind::Text(Text::Verbatim(text)) => Some(MappedText::verbatim(text, self.text_start(text))),
            _ => self.scalar_text().map(|text| MappedText::verbatim(text, self.range.start())),
        }
    }

    /// Where the first byte of `text` stands, which is this string's [`Text::Verbatim`].
    fn text_start(&self, text: &str) -> u32 {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self.range.len().saturating_sub(length) {
            0 => self.range.start(),
            1 | 2 => self.range.start() + 1,
            _ => self.range.end().saturating_sub(length + 3),
        }
    }

    /// The value of `key`, where it is a table that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_table()?.get(key)
    }

    /// The value at `path`, a list of keys with dots between, none of which has a dot itself.
    #[must_use]
    pub fn get_path(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// The elements of a list in either way of writing: an array, or a table whose keys are all decimal numbers. An empty
    /// table is an empty list.
    ///
    /// Such keys are in the order of texts, `10` before `2`: the servers that read them keep all settings in one list of
    /// keys, where an element of an array is `0000`, `0001` and so on (delivery spec 0.1, 3.2.1). Layouts that order by
    /// number read their tables themselves.
    #[must_use]
    pub fn items(&self) -> Option<Items<'_, 'a>> {
        match &self.kind {
            Kind::List(list) => Some(Items { form: ListForm::Array, nodes: list.nodes.iter().collect() }),
            Kind::Table(table) => {
                let numbered = table.entries().iter().map(|entry| is_number(entry.key()).then_some(entry));
                let mut numbered: Vec<_> = numbered.collect::<Option<_>>()?;
                numbered.sort_by(|one, other| one.key().cmp(other.key()));
                Some(Items {
                    form: ListForm::IndexedTable,
                    nodes: numbered.into_iter().map(|entry| &entry.value).collect(),
                })
            }
            _ => None,
        }
    }

    /// What it is, for a message: "a string", "a table".
    #[must_use]
    pub const fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Table(_) => "a table",
            Kind::List(_) => "a list",
            Kind::Text(_) => "a string",
            Kind::Number(_) => "a number",
            Kind::Bool(_) => "a boolean",
            Kind::Null => "null",
            Kind::Other(_) => "a date or time",
        }
    }
}

impl<'a> List<'a> {
    pub(crate) const fn new(nodes: Vec<Node<'a>>) -> Self {
        Self { nodes }
    }

    /// The elements.
    #[must_use]
    pub fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    pub(crate) fn push(&mut self, node: Node<'a>) {
        self.nodes.push(node);
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Node<'a>> {
        self.nodes.last_mut()
    }
}

impl Text<'_> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Verbatim(text) => text,
            Self::Mapped(text) => text.text(),
        }
    }
}

impl<'a> Table<'a> {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries().get(self.index_of(key)?)
    }

    /// The entries in the order of the document.
    #[must_use]
    pub fn entries(&self) -> &[Entry<'a>] {
        match &self.0 {
            Entries::Few(entries) => entries,
            Entries::Many(many) => &many.entries,
        }
    }

    /// How many keys it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        match &self.0 {
            Entries::Few(entries) => entries.iter().position(|entry| entry.key() == key),
            Entries::Many(many) => many.index.find(key, &many.entries),
        }
    }

    pub(crate) fn entry_mut(&mut self, index: usize) -> Option<&mut Entry<'a>> {
        match &mut self.0 {
            Entries::Few(entries) => entries.get_mut(index),
            Entries::Many(many) => many.entries.get_mut(index),
        }
    }

    /// Adds an entry whose key the table does not have, and tells its index.
    pub(crate) fn push(&mut self, key: Cow<'a, str>, key_range: TextRange, value: Node<'a>) -> usize {
        let key = match key {
            Cow::Borrowed(text) => Key::Verbatim(text),
            Cow::Owned(text) => Key::Decoded(Box::new(text.into_boxed_str())),
        };
        let entry = Entry { key, key_range, value };
        match &mut self.0 {
            Entries::Few(entries) => {
                if entries.is_empty() {
                    // Most tables of a dotted key have one entry for good.
                    entries.reserve_exact(1);
                }
                entries.push(entry);
                let count = entries.len();
                if count > FEW {
                    let entries = std::mem::take(entries);
                    self.0 = Entries::Many(Box::new(Many::new(entries)));
                }
                count - 1
            }
            Entries::Many(many) => many.push(entry),
        }
    }

    pub(crate) fn into_entries(self) -> Vec<Entry<'a>> {
        match self.0 {
            Entries::Few(entries) => entries,
            Entries::Many(many) => many.entries,
        }
    }

    /// Gives back what was kept for further entries.
    pub(crate) fn close(&mut self) {
        if let Entries::Few(entries) = &mut self.0 {
            entries.shrink_to_fit();
        }
    }
}

impl<'a> Entry<'a> {
    /// The key, without quotes and escapes.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.key {
            Key::Verbatim(text) => text,
            Key::Decoded(text) => text,
        }
    }

    /// The value, for a chain of calls.
    #[must_use]
    pub const fn value(&self) -> &Node<'a> {
        &self.value
    }

    pub(crate) fn into_parts(self) -> (Cow<'a, str>, Node<'a>) {
        let key = match self.key {
            Key::Verbatim(text) => Cow::Borrowed(text),
            Key::Decoded(text) => Cow::Owned(text.into_string()),
        };
        (key, self.value)
    }
}

/// The finding about a place that is more than [`NESTING_MAX`] deep.
pub(crate) fn too_deep(range: TextRange) -> Diagnostic {
    let message = format!("tables and lists are more than {NESTING_MAX} deep here");
    Diagnostic::new(&codes::NESTING_TOO_DEEP, range, message).help("what is deeper is left out; write it flatter")
}

/// The finding about the place where [`ERRORS_MAX`] errors are found.
pub(crate) fn too_many_errors(range: TextRange) -> Diagnostic {
    let message = format!("the document has {ERRORS_MAX} errors up to here");
    Diagnostic::new(&codes::TOO_MANY_ERRORS, range, message).help("what follows is not read; mend the first ones first")
}

/// The finding about the place where the tree has [`NODES_MAX`] nodes.
pub(crate) fn too_many(range: TextRange) -> Diagnostic {
    let message = format!("the document has more than {NODES_MAX} values");
    Diagnostic::new(&codes::TOO_MANY_VALUES, range, message)
        .help("what follows is not read; move long lists into files of their own")
}

/// A key in 16 bytes, which a `Cow` has not.
#[derive(Clone, Debug)]
enum Key<'a> {
    Verbatim(&'a str),
    Decoded(Box<Box<str>>),
}

/// A table's entries: looked through one by one while they are few, by an index afterwards.
#[derive(Clone, Debug)]
enum Entries<'a> {
    Few(Vec<Entry<'a>>),
    Many(Box<Many<'a>>),
}

impl Default for Entries<'_> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

#[derive(Clone, Debug)]
struct Many<'a> {
    entries: Vec<Entry<'a>>,
    index: Index,
}

impl<'a> Many<'a> {
    fn new(entries: Vec<Entry<'a>>) -> Self {
        let index = Index::of(&entries, RandomState::new());
        Self { entries, index }
    }

    fn push(&mut self, entry: Entry<'a>) -> usize {
        self.entries.push(entry);
        if self.entries.len() * 2 > self.index.slots.len() {
            self.index = Index::of(&self.entries, self.index.hasher.clone());
        } else {
            self.index.insert(self.entries.len() - 1, &self.entries);
        }
        self.entries.len() - 1
    }
}

/// Where each key stands among the entries: a hash table of positions, never more than half full.
///
/// A map from strings would have to own or borrow the keys that the entries already hold. Its order is never seen.
/// The hash has a random key, or a document could be written whose keys all collide.
#[derive(Clone)]
struct Index {
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Index {
    fn of(entries: &[Entry<'_>], hasher: RandomState) -> Self {
        let mut index = Self { slots: vec![VACANT; (entries.len() * 2).next_power_of_two()], hasher };
        for position in 0..entries.len() {
            index.insert(position, entries);
        }
        index
    }

    fn insert(&mut self, position: usize, entries: &[Entry<'_>]) {
        let Some(entry) = entries.get(position) else { return };
        let vacant =
            self.probe(entry.key()).find(|&slot| self.slots.get(slot).is_none_or(|&position| position == VACANT));
        if let Some(slot) = vacant.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = u32::try_from(position).unwrap_or(VACANT);
        }
    }

    fn find(&self, key: &str, entries: &[Entry<'_>]) -> Option<usize> {
        for slot in self.probe(key) {
            let position = self.slots.get(slot).copied().filter(|&position| position != VACANT)? as usize;
            if entries.get(position)?.key() == key {
                return Some(position);
            }
        }
        None
    }

    /// The slots where `key` may stand, in order.
    fn probe(&self, key: &str) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        let start = self.hasher.hash_one(key) as usize;
        (0..=mask).map(move |step| start.wrapping_add(step) & mask)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Index({} slots)", self.slots.len())
    }
}

/// Whether `key` is a decimal number.
fn is_number(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// Up to how many entries a table has no index.
const FEW: usize = 16;

/// What stands in a slot without an entry.
const VACANT: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_small() {
        assert_eq!(size_of::<Node<'_>>(), 32);
        assert_eq!(size_of::<Entry<'_>>(), 56);
    }

    #[test]
    fn a_table_finds_its_keys_before_and_after_it_has_an_index() {
        let mut table = Table::default();
        for count in 0..200_usize {
            for number in 0..count {
                let key = format!("k{number}");
                assert_eq!(table.index_of(&key), Some(number), "{count}");
            }
            assert_eq!(table.index_of("k"), None);
            assert_eq!(table.len(), count);
            let node = Node { range: TextRange::default(), kind: Kind::Null };
            assert_eq!(table.push(Cow::Owned(format!("k{count}")), TextRange::default(), node), count);
        }
        let copy = table.clone();
        assert!(
            copy.get("k150").is_some() && copy.entry("k150").is_some_and(|entry| entry.value().kind_name() == "null")
        );
    }

    #[test]
    fn scalars_have_one_text_whatever_their_kind() {
        let node = |kind| Node { range: TextRange::new(3, 8), kind };
        let cases = [
            (node(Kind::Bool(false)), Some("false"), None),
            (node(Kind::Number("12345")), Some("12345"), None),
            (node(Kind::Text(Text::Verbatim("abc"))), Some("abc"), Some("abc")),
            (node(Kind::Other("07:32")), Some("07:32"), None),
            (node(Kind::Null), None, None),
            (node(Kind::Table(Table::default())), None, None),
            (node(Kind::List(Box::new(List::new(Vec::new())))), None, None),
        ];
        for (node, scalar, text) in cases {
            assert_eq!((node.scalar_text(), node.as_text()), (scalar, text), "{}", node.kind_name());
            assert_eq!(node.mapped().as_ref().map(MappedText::text), scalar);
        }
    }
}
