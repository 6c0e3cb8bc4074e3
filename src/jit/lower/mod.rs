//! Decision DAGs to Cranelift's IR.
//!
//! One function is `(row, answers, frame: *mut Frame) -> u64`. It decides one block or several, one after another: a vertex becomes
//! a basic block, a leaf stores its outcome in the frame and goes on with the next block of rules. It cannot loop, as
//! every successor lies above its vertex. One method a vertex kind, in the order of [`Node`]; operations are in
//! `value`, questions that need no value of their own in `test`.

pub(crate) mod broken;
mod calls;
mod straight;
mod test;
mod text;
mod value;

use std::collections::BTreeMap;

use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, InstBuilder, JumpTableData, MemFlagsData, SigRef, StackSlot, StackSlotData,
    StackSlotKind, Value,
    condcodes::IntCC,
    types::{I32, I64},
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable as FrontendVariable};
use policy::{
    Choice, ExprId, Op, Row, RuleId,
    dag::{Counting, Dag, Leaf, NOWHERE, Node, NodeId, Set, SetId, Table},
};

use self::{
    broken::{Broken, is_broken},
    value::Lowered,
};
use crate::{
    host::{self, FALL_BACK, NEEDS_HOST, NO_STRATEGY, STOPPED, Status},
    layout::{self, RAW_BYTES},
    limits,
};

/// What one block of rules is for.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) dag: &'a Dag,
    /// The strategies that its outcomes name; `None` where the outcome is a value.
    pub(crate) choice: Option<&'a Choice>,
    /// Where its answers are among those that the function is given, in bytes.
    pub(crate) answers: usize,
    /// The strategies after which nothing more is decided: a local route makes no connection.
    pub(crate) last: &'a [u32],
    /// What becomes of a question that needs a number and has none in place.
    pub(crate) unanswered: Unanswered,
}

/// What becomes of a question that needs a number and has none in place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unanswered {
    /// The host is asked.
    Asked,
    /// It is left to other functions, so that this one need not make room for a call.
    Left,
}

impl<'a> Part<'a> {
    /// The only part of a function.
    pub(crate) const fn new(dag: &'a Dag, choice: Option<&'a Choice>) -> Self {
        Self { dag, choice, answers: 0, last: &[], unanswered: Unanswered::Asked }
    }
}

/// What must live as long as the code: tables that it reads.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the code holds the addresses of the tables")]
pub(crate) struct Kept {
    pub(crate) tables: Vec<Box<Table>>,
    pub(crate) leaves: Vec<Box<[u64]>>,
}

/// Whether a function needs a host from the start; one that reads its row and whole numbers among its answers does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsesHost(pub(crate) bool);

/// More than a function may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

/// What a function returns that has not decided: with this bit, and no strategy, a status.
pub(crate) const NOT_DONE: u64 = 1 << 63;

/// What a function returns that stopped: the host knows why. Where it returns anything else, what the host knows is of
/// a list that could not be asked, and counted as no.
pub(crate) const HAS_STOPPED: u64 = status(STOPPED);

/// What a function returns with a status.
pub(crate) const fn status(status: Status) -> u64 {
    NOT_DONE | (status as u64) << 32
}

/// The rule of an outcome; `None` for `else`.
#[inline]
pub(crate) const fn rule(outcome: u64) -> Option<RuleId> {
    RuleId::numbered((outcome >> 32) as u32)
}

/// In a search's table of leaves: this is no leaf, but the number of a vertex.
const IS_NODE: u64 = 1 << 63;

/// Fills `function` with the code of `parts`.
pub(crate) fn function(
    function: &mut Function,
    scratch: &mut FunctionBuilderContext,
    config: cranelift_codegen::isa::TargetFrontendConfig,
    parts: &[Part<'_>],
    kept: &mut Kept,
) -> Result<UsesHost, TooLarge> {
    let mut builder = FunctionBuilder::new(function, scratch);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let &[row, answers, frame] = builder.block_params(entry) else { return Err(TooLarge) };
    let fall_back = builder.create_block();
    builder.set_cold_block(fall_back);
    let stopped = builder.create_block();
    builder.set_cold_block(stopped);
    let needs_host = builder.create_block();
    builder.set_cold_block(needs_host);
    let asked = builder.declare_var(I64);
    let mut whole = Whole {
        frame,
        row,
        answers,
        asked,
        needs_host,
        fall_back,
        stopped,
        stack_values: 0,
        searches: 0,
        uses_host: false,
        signatures: BTreeMap::new(),
    };
    guards(&mut builder, &whole, parts);
    for (index, part) in parts.iter().enumerate() {
        let end = builder.create_block();
        let mut lowering = Lowering::new(&mut builder, &mut whole, kept, *part, index, end);
        lowering.is_only = parts.len() == 1;
        lowering.begin();
        lowering.run()?;
        builder.switch_to_block(end);
    }
    ret(&mut builder, parts.len() as u64);
    builder.switch_to_block(fall_back);
    ret(&mut builder, status(FALL_BACK));
    builder.switch_to_block(needs_host);
    ret(&mut builder, status(NEEDS_HOST));
    builder.switch_to_block(stopped);
    ret(&mut builder, HAS_STOPPED);
    builder.seal_all_blocks();
    builder.finalize(config);
    Ok(UsesHost(whole.uses_host))
}

fn ret(builder: &mut FunctionBuilder<'_>, word: u64) {
    let word = builder.ins().iconst(I64, word as i64);
    builder.ins().return_(&[word]);
}

/// The parameter of a block that has one.
#[expect(clippy::indexing_slicing, reason = "the block was given one where it was made")]
fn parameter(builder: &FunctionBuilder<'_>, block: Block) -> Value {
    builder.block_params(block)[0]
}

/// What the code relies on: typed columns are set, and texts are short enough that nothing need be counted.
fn guards(builder: &mut FunctionBuilder<'_>, whole: &Whole, parts: &[Part<'_>]) {
    let needs = parts.iter().fold(0, |bits, part| bits | part.dag.needs().bits_set());
    let flags = MemFlagsData::trusted();
    if needs != 0 {
        let set = builder.ins().load(I32, flags, whole.row, Row::set_offset() as i32);
        let all = builder.ins().band_imm_u(set, i64::from(needs));
        let has_all = builder.ins().icmp_imm_u(IntCC::Equal, all, i64::from(needs));
        let next = builder.create_block();
        builder.ins().brif(has_all, next, &[], whole.fall_back, &[]);
        builder.switch_to_block(next);
    }
    let longest = parts.iter().filter_map(|part| match part.dag.counting() {
        Counting::Unneeded { longest: u32::MAX } | Counting::Exact => None,
        Counting::Unneeded { longest } => Some(longest),
    });
    if let Some(longest) = longest.min() {
        let found = builder.ins().load(I32, flags, whole.row, Row::longest_offset() as i32);
        let is_short = builder.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, found, i64::from(longest));
        let next = builder.create_block();
        builder.ins().brif(is_short, next, &[], whole.fall_back, &[]);
        builder.switch_to_block(next);
    }
}

/// What the parts of a function share.
struct Whole {
    frame: Value,
    row: Value,
    answers: Value,
    /// How many questions the block at hand has asked.
    asked: FrontendVariable,
    /// Leaves because there is no host.
    needs_host: Block,
    fall_back: Block,
    stopped: Block,
    /// How many values are kept on the stack.
    stack_values: u32,
    /// How many searches keep what they found with the host.
    searches: u32,
    /// Whether the code cannot do without a host.
    uses_host: bool,
    signatures: BTreeMap<(&'static [Kind], Option<Kind>), SigRef>,
}

/// The type of a host function's parameter or result.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// The host, which is no argument of the call but passed by itself.
    Host,
    Word,
    Half,
}

/// What the failure of a named list means at the place at hand.
#[derive(Clone, Copy)]
enum ListFailure {
    /// The evaluation fails: in a rule's outcome.
    Fails,
    /// The whole condition is no.
    No(Block),
}

/// How a search is dispatched.
#[derive(Clone, Copy)]
struct Dispatch {
    /// Takes the place that was found.
    block: Block,
    /// Where the search keeps what it found, unless it is asked at one vertex only.
    found: Option<Found>,
}

#[derive(Clone, Copy)]
enum Found {
    /// The first place, on the stack; [`NOT_SEARCHED`] before.
    First(StackSlot),
    /// Whether it was searched, on the stack; the places are with the host, in this slot.
    Candidates(StackSlot, u32),
}

const NOT_SEARCHED: u32 = NOWHERE - 1;

/// The state of lowering one block of rules.
struct Lowering<'a, 'f, 'b> {
    builder: &'b mut FunctionBuilder<'f>,
    whole: &'b mut Whole,
    kept: &'b mut Kept,
    part: Part<'a>,
    index: usize,
    /// Whether the function decides nothing else, and returns the outcome.
    is_only: bool,
    /// Where it goes on when the outcome is stored.
    end: Block,
    /// Stores the outcome that it is given.
    leave: Block,
    nodes: Vec<Option<Block>>,
    dispatches: Vec<Option<Dispatch>>,
    /// The values of shared operations: the stack slot, whose first word says whether there is one yet.
    shared: BTreeMap<ExprId, StackSlot>,
    list_failure: ListFailure,
}

impl<'a, 'f, 'b> Lowering<'a, 'f, 'b> {
    fn new(
        builder: &'b mut FunctionBuilder<'f>,
        whole: &'b mut Whole,
        kept: &'b mut Kept,
        part: Part<'a>,
        index: usize,
        end: Block,
    ) -> Self {
        let leave = builder.create_block();
        builder.append_block_param(leave, I64);
        let nodes = vec![None; part.dag.nodes().len()];
        let dispatches = vec![None; part.dag.sets().len()];
        let (shared, list_failure) = (BTreeMap::new(), ListFailure::Fails);
        Self { builder, whole, kept, part, index, is_only: false, end, leave, nodes, dispatches, shared, list_failure }
    }

    /// Nothing is asked yet; tells the host that this block begins.
    fn begin(&mut self) {
        let zero = self.int(0);
        self.builder.def_var(self.whole.asked, zero);
        if self.index == 0 {
            return;
        }
        let terms = self.part.dag.terms();
        let ordered = || terms.ir().exprs().filter(|(id, _)| terms.is_ordered(*id));
        let captures = |op: &Op| matches!(op, Op::Matches { .. } | Op::Capture(_));
        if self.part.dag.counting() == Counting::Exact || ordered().any(|(_, expr)| captures(&expr.op)) {
            self.call(host::begin as *const u8, &[Kind::Host], &[], None);
        }
    }

    fn run(mut self) -> Result<(), TooLarge> {
        let dag = self.part.dag;
        self.share();
        let searches = self.searches();
        let root = self.node_block(NodeId::ROOT);
        self.builder.ins().jump(root, &[]);
        for (set, block, from, until) in searches {
            self.builder.switch_to_block(block);
            self.dispatch(set, block, from, until);
        }
        for (number, node) in dag.nodes().iter().enumerate() {
            // Vertices that only a table of leaves leads to have no code.
            let Some(block) = self.nodes.get(number).copied().flatten() else { continue };
            self.builder.switch_to_block(block);
            if let Some(outcome) = self.straight(*node)? {
                self.builder.ins().jump(self.leave, &[BlockArg::Value(outcome)]);
            } else {
                self.node(*node);
            }
            if self.whole.stack_values > limits::STACK_VALUES_MAX {
                return Err(TooLarge);
            }
        }
        self.builder.switch_to_block(self.leave);
        let outcome = parameter(self.builder, self.leave);
        self.leave(outcome);
        Ok(())
    }

    /// The host; from here on the code needs one.
    fn host(&mut self) -> Value {
        self.whole.uses_host = true;
        self.host_if_any()
    }

    /// The host, or null.
    fn host_if_any(&mut self) -> Value {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        self.builder.ins().load(I64, flags, self.whole.frame, layout::HOST)
    }

    fn node_block(&mut self, id: NodeId) -> Block {
        if let Some(block) = self.nodes.get(id.index()).copied().flatten() {
            return block;
        }
        let block = self.builder.create_block();
        if let Some(slot) = self.nodes.get_mut(id.index()) {
            *slot = Some(block);
        }
        block
    }

    fn node(&mut self, node: Node) {
        match node {
            Node::Branch { test, then, otherwise } => {
                let (then, otherwise) = (self.node_block(then), self.node_block(otherwise));
                self.test(test, then, otherwise);
            }
            Node::Ask { test, then, otherwise, fails } => {
                let (then, otherwise) = (self.node_block(then), self.node_block(otherwise));
                self.list_failure = ListFailure::No(self.node_block(fails));
                self.test(test, then, otherwise);
                self.list_failure = ListFailure::Fails;
            }
            Node::Find { set, from, until, otherwise } => self.find(set, from, until, otherwise),
            Node::Capture { matches, next } => {
                let next = self.node_block(next);
                self.test(matches, next, next);
            }
            Node::Decide(leaf) => self.decide(leaf),
        }
    }

    /// The strategy of a leaf whose outcome is a name that is written down and known, with the leaf.
    fn known(&self, leaf: Leaf) -> Option<u64> {
        let choice = self.part.choice?;
        let outcome = self.part.dag.outcomes().get(leaf.index())?;
        let strategy = match self.part.dag.terms().literal(*outcome)? {
            policy::Value::Text(name) => choice.id(name)?,
            _ => return None,
        };
        Some(self.packed(leaf, u64::from(strategy.number())))
    }

    /// The outcome that a leaf is.
    fn packed(&self, leaf: Leaf, strategy: u64) -> u64 {
        let is_else = leaf.index() + 1 == self.part.dag.outcomes().len();
        let rule = if is_else { 0 } else { RuleId::at(leaf.index() as u32).number() };
        u64::from(rule) << 32 | strategy
    }

    fn decide(&mut self, leaf: Leaf) {
        if let Some(known) = self.known(leaf) {
            let outcome = self.word(known);
            self.builder.ins().jump(self.leave, &[BlockArg::Value(outcome)]);
            return;
        }
        let Some(outcome) = self.part.dag.outcomes().get(leaf.index()).copied() else { return };
        let is_else = leaf.index() + 1 == self.part.dag.outcomes().len();
        let no = is_else.then(|| self.builder.create_block());
        self.list_failure = no.map_or(ListFailure::Fails, ListFailure::No);
        let value = self.value(outcome);
        self.list_failure = ListFailure::Fails;
        self.give(leaf, value);
        // An `else` is the condition where there are no rules: its list cannot be asked, so it is no.
        if let Some(no) = no {
            self.builder.switch_to_block(no);
            let zero = self.int(0);
            self.give(leaf, Lowered::Int(zero));
        }
    }

    /// Leaves with a value.
    fn give(&mut self, leaf: Leaf, value: Lowered) {
        let out = self.builder.ins().iadd_imm_s(self.whole.frame, i64::from(layout::value(self.index)));
        self.write(value, out, 0);
        let outcome = match self.part.choice {
            None => self.word(self.packed(leaf, NO_STRATEGY)),
            Some(choice) => {
                let choice = self.address(choice);
                let strategy =
                    self.call(host::strategy as *const u8, &[Kind::Word, Kind::Word], &[choice, out], Some(Kind::Word));
                let leaf = self.word(self.packed(leaf, 0));
                self.builder.ins().bor(strategy, leaf)
            }
        };
        self.builder.ins().jump(self.leave, &[BlockArg::Value(outcome)]);
    }

    /// Stores the outcome and goes on.
    fn leave(&mut self, outcome: Value) {
        if self.is_only {
            self.builder.ins().return_(&[outcome]);
            return;
        }
        let flags = MemFlagsData::trusted();
        self.builder.ins().store(flags, outcome, self.whole.frame, layout::decided(self.index));
        if self.part.last.is_empty() {
            self.builder.ins().jump(self.end, &[]);
            return;
        }
        let strategy = self.builder.ins().ireduce(I32, outcome);
        let done = self.builder.create_block();
        for last in self.part.last {
            let is_last = self.builder.ins().icmp_imm_u(IntCC::Equal, strategy, i64::from(*last));
            let next = self.builder.create_block();
            self.builder.ins().brif(is_last, done, &[], next, &[]);
            self.builder.switch_to_block(next);
        }
        self.builder.ins().jump(self.end, &[]);
        self.builder.switch_to_block(done);
        ret(self.builder, self.index as u64 + 1);
    }

    /// Makes room for what searches find, and blocks for what dispatches it: each set with its block and the places
    /// that it is asked for.
    fn searches(&mut self) -> Vec<(&'a Set, Block, u32, u32)> {
        let mut searches = Vec::new();
        let dag = self.part.dag;
        let mut vertices: BTreeMap<SetId, (u32, u32, u32)> = BTreeMap::new();
        for node in dag.nodes() {
            if let Node::Find { set, from, until, .. } = *node {
                let uses = vertices.entry(set).or_insert((0, from, until));
                *uses = (uses.0 + 1, uses.1.min(from), uses.2.max(until));
            }
        }
        for (id, (uses, from, until)) in vertices {
            let Some(set) = dag.sets().get(id.index()) else { continue };
            if uses == 1 && self.leaves_only(set, from, until) {
                continue;
            }
            let found = if !set.is_final() {
                let slot = self.stack(8);
                let zero = self.builder.ins().iconst(I32, 0);
                self.stack_store(zero, slot);
                self.whole.searches += 1;
                Some(Found::Candidates(slot, self.whole.searches - 1))
            } else if uses > 1 {
                let slot = self.stack(8);
                let none = self.builder.ins().iconst(I32, i64::from(NOT_SEARCHED));
                self.stack_store(none, slot);
                Some(Found::First(slot))
            } else {
                None
            };
            let block = self.builder.create_block();
            self.builder.append_block_param(block, I32);
            if let Some(slot) = self.dispatches.get_mut(id.index()) {
                *slot = Some(Dispatch { block, found });
            }
            searches.push((set, block, from, until));
        }
        searches
    }

    /// Goes where the place leads that `block` is given.
    fn dispatch(&mut self, set: &Set, block: Block, from: u32, until: u32) {
        let mut place = parameter(self.builder, block);
        if is_broken(Broken::Place) && until > from + 1 {
            let last = self.builder.ins().iconst(I32, i64::from(until) - 1);
            let next = self.builder.ins().iadd_imm_s(place, 1);
            place = self.builder.ins().umin(next, last);
        }
        let mut leaves = vec![IS_NODE; until as usize];
        let mut targets = Vec::new();
        let mut numbers: BTreeMap<NodeId, u64> = BTreeMap::new();
        for (place, target) in set.targets(from, until) {
            let known = match self.part.dag.nodes().get(target.index()) {
                Some(Node::Decide(leaf)) => self.known(*leaf),
                _ => None,
            };
            let mut number = || {
                *numbers.entry(target).or_insert_with(|| {
                    targets.push(target);
                    targets.len() as u64 - 1
                })
            };
            if let Some(slot) = leaves.get_mut(place as usize) {
                *slot = known.unwrap_or_else(|| IS_NODE | number());
            }
        }
        let targets: Vec<Block> = targets.into_iter().map(|target| self.node_block(target)).collect();
        let leaves: Box<[u64]> = leaves.into();
        let table = self.word(leaves.as_ptr().expose_provenance() as u64);
        self.kept.leaves.push(leaves);
        let place = self.builder.ins().uextend(I64, place);
        let offset = self.builder.ins().ishl_imm_u(place, 3);
        let at = self.builder.ins().iadd(table, offset);
        let outcome = self.builder.ins().load(I64, MemFlagsData::trusted(), at, 0);
        if targets.is_empty() {
            self.builder.ins().jump(self.leave, &[BlockArg::Value(outcome)]);
        } else {
            let is_node = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, outcome, 0);
            let jump = self.builder.create_block();
            self.builder.ins().brif(is_node, jump, &[], self.leave, &[BlockArg::Value(outcome)]);
            self.builder.switch_to_block(jump);
            let number = self.builder.ins().ireduce(I32, outcome);
            let pool = &mut self.builder.func.dfg.value_lists;
            let calls: Vec<_> = targets.iter().map(|target| BlockCall::new(*target, [], pool)).collect();
            let default = BlockCall::new(self.whole.fall_back, [], pool);
            let table = self.builder.create_jump_table(JumpTableData::new(default, &calls));
            self.builder.ins().br_table(number, table);
        }
    }

    /// Whether a search is one hash, and all that it finds are leaves whose strategies are known: the table then holds
    /// the outcomes themselves.
    fn leaves_only(&self, set: &Set, from: u32, until: u32) -> bool {
        let is_known = |target: NodeId| match self.part.dag.nodes().get(target.index()) {
            Some(Node::Decide(leaf)) => self.known(*leaf).is_some(),
            _ => false,
        };
        let covers = from == 0 && until as usize == set.len();
        covers && set.single_table().is_some() && set.targets(from, until).all(|(_, target)| is_known(target))
    }

    /// Looks up an outcome; whether that is all that a search is.
    fn find_leaf(&mut self, set: &Set, otherwise: NodeId) -> bool {
        let (Some(single), Some(subject)) = (set.single_table(), set.subjects().next()) else { return false };
        let Lowered::Text { address, length } = self.value(subject) else { return false };
        let outcomes: BTreeMap<u32, u64> = set
            .targets(0, set.len() as u32)
            .filter_map(|(place, target)| match self.part.dag.nodes().get(target.index()) {
                Some(Node::Decide(leaf)) => Some((place, self.known(*leaf)?)),
                _ => None,
            })
            .collect();
        let table = single.map(|place| outcomes.get(&place).copied().unwrap_or(host::NOT_FOUND));
        // Where the others' outcome is known too, nothing is left to tell apart.
        if let Some(Node::Decide(leaf)) = self.part.dag.nodes().get(otherwise.index())
            && let Some(none) = self.known(*leaf)
        {
            let outcome = self.find_in(table, (address, length), none);
            self.builder.ins().jump(self.leave, &[BlockArg::Value(outcome)]);
            return true;
        }
        let otherwise = self.node_block(otherwise);
        let outcome = self.find_in(table, (address, length), host::NOT_FOUND);
        let is_found = self.builder.ins().icmp_imm_s(IntCC::NotEqual, outcome, host::NOT_FOUND as i64);
        self.builder.ins().brif(is_found, self.leave, &[BlockArg::Value(outcome)], otherwise, &[]);
        true
    }

    fn find(&mut self, id: SetId, from: u32, until: u32, otherwise: NodeId) {
        let dag = self.part.dag;
        if let (Some(set), None) = (dag.sets().get(id.index()), self.dispatches.get(id.index()).copied().flatten())
            && self.find_leaf(set, otherwise)
        {
            return;
        }
        let otherwise = self.node_block(otherwise);
        let dispatch = self.dispatches.get(id.index()).copied().flatten();
        let (Some(set), Some(dispatch)) = (dag.sets().get(id.index()), dispatch) else {
            self.builder.ins().jump(otherwise, &[]);
            return;
        };
        let place = match dispatch.found {
            None => self.first(set),
            Some(Found::First(slot)) => {
                let (ask, known) = (self.builder.create_block(), self.builder.create_block());
                self.builder.append_block_param(known, I32);
                let found = self.stack_load(I32, slot);
                let is_new = self.builder.ins().icmp_imm_u(IntCC::Equal, found, i64::from(NOT_SEARCHED));
                self.builder.ins().brif(is_new, ask, &[], known, &[BlockArg::Value(found)]);
                self.builder.switch_to_block(ask);
                let found = self.first(set);
                self.stack_store(found, slot);
                self.builder.ins().jump(known, &[BlockArg::Value(found)]);
                self.builder.switch_to_block(known);
                parameter(self.builder, known)
            }
            Some(Found::Candidates(slot, number)) => {
                let (ask, known) = (self.builder.create_block(), self.builder.create_block());
                let end = self.builder.create_block();
                self.builder.append_block_param(end, I32);
                let is_done = self.stack_load(I32, slot);
                self.builder.ins().brif(is_done, known, &[], ask, &[]);
                self.builder.switch_to_block(ask);
                let one = self.builder.ins().iconst(I32, 1);
                self.stack_store(one, slot);
                let place = self.search(set, number, from);
                self.builder.ins().jump(end, &[BlockArg::Value(place)]);
                self.builder.switch_to_block(known);
                let number = self.builder.ins().iconst(I32, i64::from(number));
                let from = self.builder.ins().iconst(I32, i64::from(from));
                let kinds = &[Kind::Host, Kind::Half, Kind::Half];
                let place = self.call(host::next as *const u8, kinds, &[number, from], Some(Kind::Half));
                self.builder.ins().jump(end, &[BlockArg::Value(place)]);
                self.builder.switch_to_block(end);
                parameter(self.builder, end)
            }
        };
        let is_before = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, place, i64::from(until));
        self.builder.ins().brif(is_before, dispatch.block, &[BlockArg::Value(place)], otherwise, &[]);
    }

    /// The first place that a search finds whose places are all final.
    fn first(&mut self, set: &Set) -> Value {
        if let (Some(single), Some(subject)) = (set.single_table(), set.subjects().next())
            && let Lowered::Text { address, length } = self.value(subject)
        {
            let place = self.find_in(single.map(u64::from), (address, length), host::NOT_FOUND);
            return self.builder.ins().ireduce(I32, place);
        }
        let (set, values) = self.probes(set);
        self.call(host::first as *const u8, &[Kind::Word, Kind::Word], &[set, values], Some(Kind::Half))
    }

    fn search(&mut self, set: &Set, number: u32, from: u32) -> Value {
        let (set, values) = self.probes(set);
        let number = self.builder.ins().iconst(I32, i64::from(number));
        let from = self.builder.ins().iconst(I32, i64::from(from));
        let kinds = &[Kind::Host, Kind::Half, Kind::Half, Kind::Word, Kind::Word];
        self.call(host::search as *const u8, kinds, &[number, from, set, values], Some(Kind::Half))
    }

    /// The address of `set`, and of the values of its subjects.
    fn probes(&mut self, set: &Set) -> (Value, Value) {
        let subjects: Vec<ExprId> = set.subjects().collect();
        let values: Vec<Lowered> = subjects.iter().map(|subject| self.value(*subject)).collect();
        let address = self.array(&values);
        (self.address(set), address)
    }

    /// An operation that is asked at several places, and is worth remembering.
    fn share(&mut self) {
        let dag = self.part.dag;
        let terms = dag.terms();
        let mut uses = vec![0_u32; terms.ir().len()];
        let tests = dag.nodes().iter().filter_map(|node| match node {
            Node::Branch { test, .. } | Node::Ask { test, .. } => Some(*test),
            Node::Capture { matches, .. } => Some(*matches),
            Node::Find { .. } | Node::Decide(_) => None,
        });
        let subjects = dag.sets().iter().flat_map(Set::subjects);
        let operands = terms.ir().exprs().flat_map(|(_, expr)| policy::dag::operands(&expr.op));
        for id in tests.chain(subjects).chain(operands).chain(dag.outcomes().iter().copied()) {
            if let Some(count) = uses.get_mut(id.index()) {
                *count += 1;
            }
        }
        for ((id, expr), count) in terms.ir().exprs().zip(uses) {
            if count > 1 && !terms.is_ordered(id) && is_worth_sharing(&expr.op) {
                let slot = self.stack(8 + RAW_BYTES);
                let zero = self.word(0);
                self.stack_store(zero, slot);
                self.shared.insert(id, slot);
            }
        }
    }

    fn stack(&mut self, bytes: u32) -> StackSlot {
        self.whole.stack_values += bytes.div_ceil(RAW_BYTES);
        self.builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3))
    }

    fn stack_store(&mut self, value: Value, slot: StackSlot) {
        self.builder.ins().stack_store(I64, value, slot, 0);
    }

    fn stack_load(&mut self, ty: cranelift_codegen::ir::Type, slot: StackSlot) -> Value {
        self.builder.ins().stack_load(I64, ty, slot, 0)
    }

    fn word(&mut self, word: u64) -> Value {
        self.builder.ins().iconst(I64, word as i64)
    }

    fn int(&mut self, int: i64) -> Value {
        self.builder.ins().iconst(I64, int)
    }

    /// The address of a part of the policy, or of what is kept for the code.
    fn address<T: ?Sized>(&mut self, part: &T) -> Value {
        let address = std::ptr::from_ref(part).cast::<u8>().expose_provenance();
        self.word(address as u64)
    }
}

/// Whether computing it again costs more than remembering it.
const fn is_worth_sharing(op: &Op) -> bool {
    match op {
        Op::Call { .. } | Op::Matches { .. } | Op::InList { .. } | Op::List(_) => true,
        Op::Literal(_)
        | Op::Variable(_)
        | Op::Capture(_)
        | Op::Index { .. }
        | Op::Not(_)
        | Op::Negate(_)
        | Op::And(_)
        | Op::Or(_)
        | Op::Chain { .. }
        | Op::System(_)
        | Op::Metric(_)
        | Op::ConfigGet(_) => false,
    }
}
