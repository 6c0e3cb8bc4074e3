//! The decision DAG: what is left of a block once it has been optimised.
//!
//! A block is a chain of conditions, each with an outcome, and a last `else`. In the DAG every vertex asks one
//! question, or looks up which of many questions is the first to be answered with yes, and what is asked was shared,
//! folded and put in the order in which the rules stand. The machine code of the `jit` floor is made from it; the
//! interpreter reads the block as it was before, and both must agree on every value, every error and every question
//! to the world, in order.
//!
//! ```text
//! block ── terms ──▶ shared operations ── branches ──▶ questions ── paths ──▶ none asked twice ── search ──▶ DAG
//! ```
//!
//! Invariants, kept by [`Dag::of`] and checked by a property over every DAG that the tests make:
//!
//! - Every successor has a higher number than its vertex, so that a walk ends.
//! - Vertex 0 is the root, and every other vertex is reached from it.
//! - What happens in order (questions to the world, captures, counted texts) stands on each path as often and in the
//!   same order as the interpreter does it. Everything else may stand anywhere, or nowhere.

mod atom;
mod bound;
mod branches;
mod guard;
mod paths;
mod search;
mod sets;
pub mod table;
mod terms;
mod text;

pub use self::{
    atom::{Atom, Comparison},
    bound::Counting,
    branches::successors,
    search::{Candidates, NOWHERE, Probe, Set, SingleTable},
    table::Table,
    terms::{Terms, operands},
};
use crate::{
    block::Block,
    ir::{ExprId, Op, Type},
    variable::VariableSet,
};

/// A vertex's number within its [`Dag`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(u32);

impl NodeId {
    /// The vertex that is asked first.
    pub const ROOT: Self = Self(0);

    /// Its place in the order of [`Dag::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A search's number within its [`Dag`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SetId(u32);

impl SetId {
    /// Its place in the order of [`Dag::sets`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A rule by its number from 0, or what follows the last one: `else`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Leaf(u32);

impl Leaf {
    /// The rule's number; that of `else` is the number of rules.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One vertex.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Node {
    /// Go to `then` where the operation's value is true, else to `otherwise`.
    Branch {
        /// The question.
        test: ExprId,
        /// Where a yes leads.
        then: NodeId,
        /// Where a no leads.
        otherwise: NodeId,
    },
    /// The same for an operation that asks a named list which the document does not hold (2022): where the list cannot
    /// be asked, the whole condition is no.
    Ask {
        /// The question.
        test: ExprId,
        /// Where a yes leads.
        then: NodeId,
        /// Where a no leads.
        otherwise: NodeId,
        /// Where the whole condition's no leads.
        fails: NodeId,
    },
    /// Go to the target of the first candidate of a search that lies at `from` or behind it, and before `until`.
    Find {
        /// The search.
        set: SetId,
        /// The first place that counts.
        from: u32,
        /// The first place behind those that count.
        until: u32,
        /// Where it leads if there is none.
        otherwise: NodeId,
    },
    /// Run a `matches` that is known to hold, for its captures.
    Capture {
        /// The operation.
        matches: ExprId,
        /// Where it goes on.
        next: NodeId,
    },
    /// The rule, or `else`, is taken.
    Decide(Leaf),
}

/// What an optimised block is made of.
#[derive(Clone, Debug)]
pub struct Dag {
    terms: Terms,
    nodes: Vec<Node>,
    sets: Vec<Set>,
    outcomes: Vec<ExprId>,
    counting: Counting,
    needs: VariableSet,
}

/// The block is too large to be optimised.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the policy is too large to be compiled")]
pub struct TooLarge;

impl Dag {
    /// The DAG of `block`.
    ///
    /// # Errors
    ///
    /// Where it would have more than [`crate::limits::DAG_NODES_MAX`] vertices.
    pub fn of(block: &Block) -> Result<Self, TooLarge> {
        let counting = bound::counting(block);
        let branches::Branches { terms, nodes, outcomes } = branches::branches(block, counting)?;
        let nodes = paths::specialised(&terms, nodes);
        let (nodes, sets) = sets::with_searches(&terms, nodes);
        let needs = needs(&terms);
        Ok(Self { terms, nodes, sets, outcomes, counting, needs })
    }

    /// Its operations.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The vertices, by number; the first is the root.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The searches, by number.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// What each rule gives, and last what `else` gives.
    #[must_use]
    pub fn outcomes(&self) -> &[ExprId] {
        &self.outcomes
    }

    /// Whether what is built must be counted, and what must be known of a row so that it need not.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// How many vertices ask something; the others need little code, or none.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.nodes.iter().filter(|node| !matches!(node, Node::Decide(_))).count()
    }

    /// How deep operations stand within one another.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depths: Vec<usize> = Vec::with_capacity(self.terms.ir().len());
        for (_, expr) in self.terms.ir().exprs() {
            let deepest = operands(&expr.op).filter_map(|id| depths.get(id.index())).max().copied();
            depths.push(1 + deepest.unwrap_or(0));
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// The variables that it reads.
    #[must_use]
    pub fn reads(&self) -> VariableSet {
        self.terms.reads()
    }

    /// The variables that a row must have set: they are known to be no text, and an unset one is the empty text.
    #[must_use]
    pub const fn needs(&self) -> VariableSet {
        self.needs
    }

    /// The rules that no facts can lead to, from 0.
    #[must_use]
    pub fn dead_rules(&self) -> Vec<usize> {
        let mut is_taken = vec![false; self.outcomes.len()];
        for node in &self.nodes {
            if let Node::Decide(leaf) = node
                && let Some(taken) = is_taken.get_mut(leaf.index())
            {
                *taken = true;
            }
        }
        let rules = is_taken.iter().take(self.outcomes.len().saturating_sub(1)).enumerate();
        rules.filter(|(_, taken)| !**taken).map(|(rule, _)| rule).collect()
    }
}

/// The variables that are read with a type of their own other than the text's.
fn needs(terms: &Terms) -> VariableSet {
    let typed = terms.ir().exprs().filter_map(|(_, expr)| match (&expr.op, expr.ty) {
        (Op::Variable(variable), ty) if ty != Type::Any && ty != Type::String => Some(*variable),
        _ => None,
    });
    typed.fold(VariableSet::NONE, VariableSet::with)
}
