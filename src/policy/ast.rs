//! What an expression says, as it was written: no name is resolved, no type is known.
//!
//! Invariants, kept by `Ast::push`:
//!
//! - A node's children have lower ids, so that every walk from the first node to the last sees children first, and
//!   nothing that reads or drops a tree recurses.
//! - A row of operators of one level is one [`Node::Chain`], however long, so that a tree is only as deep as its
//!   brackets.

use std::fmt::Write as _;

use base::{Millis, TextRange};

/// A node's number within its [`Ast`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NodeId(u32);

impl NodeId {
    /// Its place in the order of [`Ast::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An operator between two operands, from the loosest level to the tightest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BinaryOperator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `^`
    Xor,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl BinaryOperator {
    /// Every operator.
    pub const ALL: &'static [Self] = &[
        Self::Or,
        Self::And,
        Self::Xor,
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::AtMost,
        Self::Greater,
        Self::AtLeast,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
    ];

    /// Its level: a higher one binds tighter. Within a level operators are taken from the left.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Xor => 3,
            Self::Equal | Self::NotEqual => 4,
            Self::Less | Self::AtMost | Self::Greater | Self::AtLeast => 5,
            Self::Add | Self::Subtract => 6,
            Self::Multiply | Self::Divide => 7,
        }
    }

    /// Its usual writing.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Xor => "^",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `42`
    Int(i64),
    /// `4.2`
    Float(f64),
    /// `5m`
    Duration(Millis),
    /// `'text'`, decoded
    Text(Box<str>),
    /// A bare word: a variable or a constant.
    Name(Box<str>),
    /// `$1`
    Capture(u32),
    /// `[a, b]`
    List(Box<[NodeId]>),
    /// `(a)`
    Group(NodeId),
    /// `f(a, b)`; `range` is that of the name.
    Call {
        /// The function's name.
        name: Box<str>,
        /// Where it stands.
        range: TextRange,
        /// Its arguments.
        arguments: Box<[NodeId]>,
    },
    /// `a[b]`
    Index {
        /// What is indexed.
        base: NodeId,
        /// Which element.
        index: NodeId,
    },
    /// `!a`
    Not(NodeId),
    /// `-a`
    Negate(NodeId),
    /// `a + b - c`: operators of one level, taken from the left.
    Chain {
        /// The first operand.
        first: NodeId,
        /// The operators, each with the operand behind it.
        rest: Box<[(BinaryOperator, NodeId)]>,
    },
}

/// An expression's tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ast {
    nodes: Vec<(Node, TextRange)>,
}

impl Ast {
    pub(crate) fn push(&mut self, node: Node, range: TextRange) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push((node, range));
        id
    }

    /// The nodes, children before parents, with their ranges in the expression; the last one is the root.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &Node, TextRange)> {
        self.nodes.iter().enumerate().map(|(id, (node, range))| (NodeId(id as u32), node, *range))
    }

    /// The node `id` and its range.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `push` of the same tree")]
    pub fn get(&self, id: NodeId) -> (&Node, TextRange) {
        let (node, range) = &self.nodes[id.0 as usize];
        (node, *range)
    }

    /// The root; `None` for a tree without nodes.
    #[must_use]
    pub fn root(&self) -> Option<NodeId> {
        let last = u32::try_from(self.nodes.len()).ok()?.checked_sub(1)?;
        Some(NodeId(last))
    }

    /// The tree as indented lines, for people: one node a line with its range.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut pending: Vec<(NodeId, usize, &str)> = self.root().map(|root| (root, 0, "")).into_iter().collect();
        while let Some((id, depth, prefix)) = pending.pop() {
            let (node, range) = self.get(id);
            let indent = "  ".repeat(depth);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{indent}{prefix}{} @{range:?}", node.summary());
            let children = node.children();
            for (sign, child) in children.into_iter().rev() {
                pending.push((child, depth + 1, sign));
            }
        }
        out
    }
}

impl Node {
    fn summary(&self) -> String {
        match self {
            Self::Int(int) => format!("int {int}"),
            Self::Float(float) => format!("float {float:?}"),
            Self::Duration(length) => format!("duration {length}"),
            Self::Text(text) => format!("text {text:?}"),
            Self::Name(name) => format!("name {name}"),
            Self::Capture(group) => format!("capture ${group}"),
            Self::List(_) => "list".into(),
            Self::Group(_) => "group".into(),
            Self::Call { name, .. } => format!("call {name}"),
            Self::Index { .. } => "index".into(),
            Self::Not(_) => "not".into(),
            Self::Negate(_) => "negate".into(),
            Self::Chain { .. } => "chain".into(),
        }
    }

    fn children(&self) -> Vec<(&'static str, NodeId)> {
        let plain = |ids: &[NodeId]| ids.iter().map(|&id| ("", id)).collect();
        match self {
            Self::Int(_) | Self::Float(_) | Self::Duration(_) | Self::Text(_) | Self::Name(_) | Self::Capture(_) => {
                Vec::new()
            }
            Self::List(items) | Self::Call { arguments: items, .. } => plain(items),
            Self::Group(inner) | Self::Not(inner) | Self::Negate(inner) => plain(&[*inner]),
            Self::Index { base, index } => plain(&[*base, *index]),
            Self::Chain { first, rest } => {
                let mut children = vec![("", *first)];
                children.extend(rest.iter().map(|(operator, id)| (operator.prefix(), *id)));
                children
            }
        }
    }
}

impl BinaryOperator {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Or => "|| ",
            Self::And => "&& ",
            Self::Xor => "^ ",
            Self::Equal => "== ",
            Self::NotEqual => "!= ",
            Self::Less => "< ",
            Self::AtMost => "<= ",
            Self::Greater => "> ",
            Self::AtLeast => ">= ",
            Self::Add => "+ ",
            Self::Subtract => "- ",
            Self::Multiply => "* ",
            Self::Divide => "/ ",
        }
    }
}
