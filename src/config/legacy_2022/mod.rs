//! The layout `legacy_2022`: plain values, chosen by structured rules.
//!
//! ```toml
//! next-hop = [ { if = "rcpt-domain", in-list = "list/domains", then = "lmtp" },
//!              { else = false } ]
//! ```
//!
//! Source: delivery spec 0, 1.2 to 1.11, 2.1, 2.5.

mod condition;
mod lists;
mod rules;

use base::{Diagnostic, Findings, Fix, TextRange};
use document::Node;
use policy::{Block, Compiler, Edition, Ir, Value, spelling::nearest};

use crate::{
    Dialect, Resources, Settings, codes,
    outbound_layout::{
        self, Layout, Place, always,
        kind::{Kind, is_none},
        place,
        remote::Hosts,
    },
    read::{Context, Scalar},
    settings::{Placed, Selector, Setting},
};
use lists::Lists;

/// What `tree` says in this layout.
pub(crate) fn read(tree: &Node<'_>, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    let mut legacy = Legacy {
        context: Context {
            dialect: Dialect::Legacy2022,
            // There are no expressions here; the regular expressions of all editions are the same.
            compiler: Compiler::new(Edition::Expressions2024),
            resources,
            findings,
        },
        lists: Lists::of(tree),
    };
    outbound_layout::read(tree, &mut legacy)
}

/// The reader.
struct Legacy<'c, 't> {
    context: Context<'c>,
    lists: Lists<'t>,
}

impl<'c> Layout<'c> for Legacy<'c, '_> {
    fn context(&mut self) -> &mut Context<'c> {
        &mut self.context
    }

    fn setting<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Setting<T> {
        if !rules::is_chain(node) {
            return match self.value(node, place, kind) {
                Some((_, Some(value))) => Setting::Given(Placed::new(value, node.range)),
                _ => Setting::Default,
            };
        }
        let before = self.context.findings.mark();
        let without_then = kind.entry.is_some();
        let block = self.rules(node, place, without_then, &mut |legacy, node| match node {
            Some(node) => Some(legacy.value(node, place, kind)?.0),
            None => Some(Value::list(Vec::new())),
        });
        let Some(block) = block else {
            return Setting::Default;
        };
        if self.context.findings.errors_since(before) {
            return Setting::Default;
        }
        match block.as_constant().and_then(kind.typed) {
            Some(value) => Setting::Given(Placed::new(value, node.range)),
            None => Setting::Chosen(Box::new(block.hidden_where(self.context.expands(node)))),
        }
    }

    fn next_hop(&mut self, node: &Node<'_>, hosts: &Hosts) -> Selector {
        const PLACE: Place = place!("queue.outbound.next-hop", Rcpt);
        let before = self.context.findings.mark();
        let block = if rules::is_chain(node) {
            self.rules(node, PLACE, false, &mut |legacy, node| legacy.host(node?, hosts))
        } else {
            self.host(node, hosts).map(|name| Block::constant(name, node.range))
        };
        let block = block.map(|block| block.hidden_where(self.context.expands(node)));
        match block {
            Some(block) if !self.context.findings.errors_since(before) => Selector::Given(Box::new(block)),
            _ => Selector::broken(node.range),
        }
    }

    fn next_hop_default(&mut self, hosts: &Hosts) -> Selector {
        always(&hosts.mx)
    }

    fn condition(&mut self, node: &Node<'_>, place: Place) -> Option<Box<Block>> {
        let before = self.context.findings.mark();
        let mut ir = Ir::default();
        let condition = self.condition(node, place, &mut ir, &[])?;
        let block = Block::new(ir, Vec::new(), condition, node.range).hidden_where(self.context.expands(node));
        (!self.context.findings.errors_since(before)).then(|| Box::new(block))
    }
}

impl Legacy<'_, '_> {
    /// A plain value, in the language's terms and as its own type. It is of the kind, or it was reported, or it holds
    /// an open macro and there is none.
    fn value<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Option<(Value, Option<T>)> {
        if self.is_expression(node, kind.entry.is_some()) {
            return None;
        }
        let value = if kind.words.is_empty() {
            (kind.plain)(&mut self.context, node, place.key)?
        } else {
            self.word(node, place, kind)?
        };
        let typed = (kind.typed)(&value);
        Some((value, typed))
    }

    /// One of the words of `kind`.
    fn word<T>(&mut self, node: &Node<'_>, place: Place, kind: &Kind<T>) -> Option<Value> {
        let scalar = self.context.scalar(node, place.key)?;
        if scalar.open {
            return None;
        }
        let found = scalar.text.text().trim();
        if let Some((_, constant)) = kind.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(found)) {
            return Some(Value::Constant(*constant));
        }
        let later = kind.words.iter().find(|(_, constant)| constant.name().eq_ignore_ascii_case(found));
        let later = later.filter(|_| !scalar.expanded);
        if let Some((word, _)) = later {
            let fix = Fix::replace(format!("write `{word}`"), scalar.text.document_range(), *word).safe();
            self.context.report(
                Diagnostic::new(
                    &codes::DIALECT_MISMATCH,
                    scalar.range,
                    format!("`{found}` is spelled with hyphens in this layout"),
                )
                .help(format!("write `{word}`"))
                .fix(fix),
            );
            return None;
        }
        let mut usual: Vec<&str> = Vec::new();
        let mut seen = Vec::new();
        for (word, constant) in kind.words {
            if !seen.contains(constant) {
                seen.push(*constant);
                usual.push(word);
            }
        }
        let known = format!("it is one of `{}`", usual.join("`, `"));
        let message = format!("`{}` is no value of `{}`", scalar.shown(), place.key);
        let finding = Diagnostic::new(&codes::INVALID_VALUE, scalar.range, message);
        let range = scalar.text.document_range();
        let finding = match nearest(found, usual).filter(|_| !scalar.expanded) {
            Some(near) => finding.help(format!("did you mean `{near}`? {known}")).fix(Fix::replace(
                format!("write `{near}`"),
                range,
                near,
            )),
            None => finding.help(known),
        };
        self.context.report(finding);
        None
    }

    /// Whether `node` is written as the later layouts write it, which is then reported.
    fn is_expression(&mut self, node: &Node<'_>, is_list: bool) -> bool {
        let Some(text) = node.as_text().map(str::trim) else {
            return false;
        };
        let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        if let Some(inner) = inner {
            self.context.report(quoted_twice(node.range, text, inner));
            return true;
        }
        if is_list && text.starts_with('[') && text.ends_with(']') {
            self.context.report(
                Diagnostic::new(
                    &codes::DIALECT_MISMATCH,
                    node.range,
                    "a list within a string is an expression, which this layout does not have",
                )
                .help("write the list itself, such as `[\"2m\", \"5m\"]`"),
            );
            return true;
        }
        false
    }

    /// The name of the route that an outcome of `next-hop` means.
    fn host(&mut self, node: &Node<'_>, hosts: &Hosts) -> Option<Value> {
        if self.is_expression(node, true) {
            return None;
        }
        let scalar = self.context.scalar(node, "queue.outbound.next-hop")?;
        let name = scalar.text.text().trim();
        if is_none(name) && !hosts.known.contains_key(name) {
            return Some(Value::text(hosts.mx.as_str()));
        }
        match hosts.known.get(name) {
            Some(host) if !host.is_route => {
                let message = format!("`{}` is a host for lookups only", scalar.shown());
                self.context.report(
                    Diagnostic::new(&codes::UNKNOWN_REMOTE, scalar.range, message)
                        .related(host.range, "it speaks IMAP")
                        .help("mail is handed to a host that speaks `smtp` or `lmtp`"),
                );
                return None;
            }
            Some(_) => {}
            None if scalar.open => {}
            None => self.unknown_host(&scalar, name, hosts)?,
        }
        Some(Value::text(name))
    }

    /// A name that no remote host has: an error, unless the document has no hosts at all.
    fn unknown_host(&mut self, scalar: &Scalar, name: &str, hosts: &Hosts) -> Option<()> {
        if hosts.known.is_empty() {
            // A part of a configuration: that it has no hosts at all is one finding, made where names are resolved.
            return Some(());
        }
        let message = format!("no remote host `{}` is defined", scalar.shown());
        let finding = Diagnostic::new(&codes::UNKNOWN_REMOTE, scalar.range, message);
        let near = nearest(name, hosts.routes()).filter(|_| !scalar.expanded);
        let range = scalar.text.document_range();
        self.context.report(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")).fix(Fix::replace(
                format!("rename to `{near}`"),
                range,
                near,
            )),
            None => finding.help(format!(
                "define it below `[remote.\"{}\"]`, or write `false` for delivery by MX",
                scalar.shown()
            )),
        });
        None
    }
}

/// The finding about a text in the inner quotes of later layouts.
fn quoted_twice(range: TextRange, text: &str, inner: &str) -> Diagnostic {
    let fix = Fix::replace("remove the inner quotes", range, format!("\"{inner}\""));
    Diagnostic::new(
        &codes::DIALECT_MISMATCH,
        range,
        format!("`{text}` has quotes within quotes, as an expression has them"),
    )
    .help("this layout has plain values: remove the inner quotes")
    .fix(fix)
}
