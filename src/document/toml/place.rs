//! Where in the tree a key or header belongs, and what happens when the place is taken.
//!
//! Every way of writing ends in one tree: dotted keys, headers, lists of tables and inline tables are the same thing
//! said differently. Stalwart takes a table that is written in several places as one, so this is a warning; a second
//! value for one key and a name that is both a value and a table are errors, and what came first stands.
//!
//! How a table came to be is told by the text at its range: `[` for a header, `{` for an inline table, the name
//! itself where a longer key passed through. So the tree needs no field for it.

use std::borrow::Cow;

use base::{Diagnostic, Findings, TextRange};

use crate::codes;
use crate::excerpt::excerpt;
use crate::limits::NESTING_MAX;
use crate::tree::{Kind, List, Node, Table, too_deep};

/// One part of a dotted key.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) text: Cow<'a, str>,
    /// Where it stands, with its quotes.
    pub(super) range: TextRange,
    /// Whether it has no quotes.
    pub(super) is_bare: bool,
}

/// One step from a table to a table within it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// To the value of the entry with this index.
    Entry(usize),
    /// To the last element of the list that is this entry's value.
    LastOf(usize),
}

/// Puts things into a tree, and reports what does not fit.
pub(super) struct Planter<'p, 'a> {
    pub(super) text: &'a str,
    pub(super) findings: &'p mut Findings,
}

impl<'a> Planter<'_, 'a> {
    /// Makes `value` the value of the key `parts` in `table`.
    pub(super) fn plant(&mut self, mut table: &mut Table<'a>, parts: Vec<Part<'a>>, value: Node<'a>) {
        let last = parts.len().saturating_sub(1);
        let mut value = Some(value);
        for (at, part) in parts.into_iter().enumerate() {
            let Some(index) = table.index_of(&part.text) else {
                let inner = if at == last { value.take() } else { None };
                let inner = inner.unwrap_or_else(|| passage(part.range));
                let index = table.push(part.text, part.range, inner);
                let Some(Kind::Table(inner)) = table.entry_mut(index).map(|entry| &mut entry.value.kind) else {
                    return;
                };
                table = inner;
                continue;
            };
            let Some(entry) = table.entry_mut(index) else { return };
            let first = entry.key_range;
            if at == last {
                if let Some(value) = value.take() {
                    self.settle(&mut entry.value, first, part.range, value);
                }
                return;
            }
            match &mut entry.value {
                Node { kind: Kind::Table(inner), range } => {
                    if self.begins_with(*range, '{') {
                        self.report_second(part.range, first);
                    }
                    table = inner;
                }
                other => return self.report_conflict(&part, first, other, "a table"),
            }
        }
    }

    /// A second value for a key: two tables are taken together, anything else is refused.
    fn settle(&mut self, there: &mut Node<'a>, first: TextRange, second: TextRange, value: Node<'a>) {
        let name = there.kind_name();
        match (&mut there.kind, value.kind) {
            (Kind::Table(there), Kind::Table(more)) => {
                self.report_second(second, first);
                self.merge(there, more);
            }
            (Kind::Table(_), _) => self.report_taken(second, first, name, "a value"),
            (_, Kind::Table(_)) => self.report_taken(second, first, name, "a table"),
            _ => {
                let name = excerpt(second.slice(self.text));
                self.findings.push(
                    Diagnostic::new(&codes::DUPLICATE_KEY, second, format!("the key {name} has a value already"))
                        .related(first, "first here")
                        .help("delete one of the two"),
                );
            }
        }
    }

    /// Takes the entries of `more` into `there`.
    fn merge(&mut self, there: &mut Table<'a>, more: Table<'a>) {
        for entry in more.into_entries() {
            let range = entry.key_range;
            let (key, value) = entry.into_parts();
            let Some(index) = there.index_of(&key) else {
                there.push(key, range, value);
                continue;
            };
            let Some(entry) = there.entry_mut(index) else { continue };
            let first = entry.key_range;
            match (&mut entry.value.kind, value.kind) {
                (Kind::Table(there), Kind::Table(more)) => self.merge(there, more),
                (_, kind) => {
                    let value = Node { range: value.range, kind };
                    self.settle(&mut entry.value, first, range, value);
                }
            }
        }
    }

    /// The way to the table of the header `[parts]`, which is made where it is missing; `None` where another thing
    /// is in the way.
    pub(super) fn open_table(
        &mut self,
        root: &mut Table<'a>,
        mut parts: Vec<Part<'a>>,
        header: TextRange,
    ) -> Option<Vec<Step>> {
        let part = parts.pop()?;
        let mut steps = self.open_passage(root, parts)?;
        self.check_depth(&steps, 1, header)?;
        let table = walk(root, &steps)?;
        let Some(index) = table.index_of(&part.text) else {
            steps.push(Step::Entry(table.push(part.text, part.range, passage(header))));
            return Some(steps);
        };
        let entry = table.entry_mut(index)?;
        let first = entry.key_range;
        match &mut entry.value {
            Node { kind: Kind::Table(_), range } => {
                if self.begins_with(*range, '[') || self.begins_with(*range, '{') {
                    self.report_second(header, *range);
                } else {
                    *range = header;
                }
            }
            other => {
                self.report_conflict(&part, first, other, "a table");
                return None;
            }
        }
        steps.push(Step::Entry(index));
        Some(steps)
    }

    /// The way to a new last element of the list of tables `[[parts]]`; `None` where another thing is in the way.
    ///
    /// `is_next` tells whether the header before this one with two brackets was of the same list.
    pub(super) fn open_element(
        &mut self,
        root: &mut Table<'a>,
        mut parts: Vec<Part<'a>>,
        header: TextRange,
        is_next: bool,
    ) -> Option<Vec<Step>> {
        let part = parts.pop()?;
        let mut steps = self.open_passage(root, parts)?;
        self.check_depth(&steps, 2, header)?;
        let table = walk(root, &steps)?;
        let element = passage(header);
        let Some(index) = table.index_of(&part.text) else {
            let list = Node { range: part.range, kind: Kind::List(Box::new(List::new(vec![element]))) };
            steps.push(Step::LastOf(table.push(part.text, part.range, list)));
            return Some(steps);
        };
        let entry = table.entry_mut(index)?;
        let first = entry.key_range;
        match &mut entry.value {
            Node { kind: Kind::List(list), range } if !self.begins_with(*range, '[') => {
                if !is_next {
                    self.report_interleaved(&part, header, first);
                }
                list.push(element);
            }
            other => {
                self.report_conflict(&part, first, other, "a list of tables");
                return None;
            }
        }
        steps.push(Step::LastOf(index));
        Some(steps)
    }

    /// The way to the table that holds what a header names: each part is a table, or the last element of a list.
    fn open_passage(&mut self, root: &mut Table<'a>, parts: Vec<Part<'a>>) -> Option<Vec<Step>> {
        let mut steps = Vec::with_capacity(parts.len() + 1);
        let mut table = root;
        for part in parts {
            self.check_depth(&steps, 1, part.range)?;
            let Some(index) = table.index_of(&part.text) else {
                steps.push(Step::Entry(table.push(part.text, part.range, passage(part.range))));
                table = step(table, *steps.last()?)?;
                continue;
            };
            let entry = table.entry_mut(index)?;
            let first = entry.key_range;
            match &mut entry.value {
                Node { kind: Kind::Table(_), range } => {
                    if self.begins_with(*range, '{') {
                        self.report_second(part.range, first);
                    }
                    steps.push(Step::Entry(index));
                }
                Node { kind: Kind::List(list), range }
                    if !self.begins_with(*range, '[') && !list.nodes().is_empty() =>
                {
                    steps.push(Step::LastOf(index));
                }
                other => {
                    self.report_conflict(&part, first, other, "a table");
                    return None;
                }
            }
            table = step(table, *steps.last()?)?;
        }
        Some(steps)
    }

    /// `None`, with a finding at `range`, where `more` levels below `steps` are too deep.
    fn check_depth(&mut self, steps: &[Step], more: usize, range: TextRange) -> Option<()> {
        let is_within = depth(steps) + more <= NESTING_MAX;
        if !is_within {
            self.findings.push(too_deep(range));
        }
        is_within.then_some(())
    }

    fn report_second(&mut self, second: TextRange, first: TextRange) {
        if self.findings.len() >= Findings::MAX {
            // It is only counted: its words would not be kept.
            return self.findings.push(Diagnostic::new(&codes::TOML_DUPLICATE_TABLE, second, String::new()));
        }
        let name = excerpt(second.slice(self.text));
        self.findings.push(
            Diagnostic::new(&codes::TOML_DUPLICATE_TABLE, second, format!("the table {name} is written a second time"))
                .related(first, "first here")
                .help(
                    "write its keys in one place: Stalwart takes the two together, other readers of TOML refuse them",
                ),
        );
    }

    fn report_interleaved(&mut self, part: &Part<'a>, header: TextRange, first: TextRange) {
        let message = format!("the list {} goes on after another list", excerpt(&part.text));
        self.findings.push(
            Diagnostic::new(&codes::TOML_INTERLEAVED_LIST, header, message)
                .related(first, "it begins here")
                .help("write the elements of a list one after another: Stalwart counts anew after another list"),
        );
    }

    fn report_conflict(&mut self, part: &Part<'a>, first: TextRange, there: &Node<'a>, wanted: &str) {
        self.report_taken(part.range, first, there.kind_name(), wanted);
    }

    fn report_taken(&mut self, second: TextRange, first: TextRange, there: &str, wanted: &str) {
        let name = excerpt(second.slice(self.text));
        let message = format!("{name} is used as {wanted}, and it is {there} already");
        self.findings.push(
            Diagnostic::new(&codes::TOML_KEY_CONFLICT, second, message)
                .related(first, format!("{there} here"))
                .help("give one of the two another name; what is written here is left out"),
        );
    }

    fn begins_with(&self, range: TextRange, bracket: char) -> bool {
        range.slice(self.text).starts_with(bracket)
    }
}

/// The table at the end of `steps`.
pub(super) fn walk<'t, 'a>(root: &'t mut Table<'a>, steps: &[Step]) -> Option<&'t mut Table<'a>> {
    steps.iter().try_fold(root, |table, &next| step(table, next))
}

fn step<'t, 'a>(table: &'t mut Table<'a>, step: Step) -> Option<&'t mut Table<'a>> {
    match step {
        Step::Entry(index) => table.entry_mut(index)?.value.as_table_mut(),
        Step::LastOf(index) => match &mut table.entry_mut(index)?.value.kind {
            Kind::List(list) => list.last_mut()?.as_table_mut(),
            _ => None,
        },
    }
}

/// A table that a longer key passes through.
fn passage<'a>(range: TextRange) -> Node<'a> {
    Node { range, kind: Kind::Table(Table::default()) }
}

/// How many levels `steps` go down.
pub(super) fn depth(steps: &[Step]) -> usize {
    let levels = steps.iter().map(|step| match step {
        Step::Entry(_) => 1,
        Step::LastOf(_) => 2,
    });
    levels.sum()
}
