//! Chains of questions to searches.
//!
//! A chain is what the answer no leads along. Where enough of its questions ask about the same text or number, and
//! compare it with what is written down, they are looked up together: each question keeps its place in the chain, a
//! search finds the first place that is answered with yes, and the questions between, which no search can answer, are
//! asked where they stand. So the first match wins as it does in the chain.

use std::collections::BTreeMap;

use super::{
    Atom, Node, NodeId, Set, SetId, Terms,
    branches::{renumbered, successors},
    guard::{Guard, guard},
    search::{COMPARISONS_MAX, NOWHERE, Questions},
};
use crate::ir::ExprId;

/// From how many texts on equality tests on one subject are looked up; fewer are compared one after another faster.
const EQUAL_MIN: usize = 4;
/// From how many texts on prefixes, suffixes and parts of one subject are looked up.
const PARTS_MIN: usize = 3;
/// From how many tests on comparisons of one number are looked up.
const COMPARISONS_MIN: usize = 8;

/// The same DAG with searches in place of long chains.
pub(super) fn with_searches(terms: &Terms, nodes: Vec<Node>) -> (Vec<Node>, Vec<Set>) {
    let (chains, questions): (Vec<Chain>, Vec<_>) = chains(terms, &nodes).into_iter().unzip();
    if chains.is_empty() {
        return (nodes, Vec::new());
    }
    Maker::new(&nodes, &chains).run(questions)
}

/// A chain of which at least a part is looked up.
struct Chain {
    /// Its vertices.
    vertices: Vec<NodeId>,
    /// Where the last one's no leads.
    end: NodeId,
    /// What is looked up at each place.
    members: Vec<Member>,
    /// The first place at or behind each that is not looked up.
    untils: Vec<u32>,
}

/// What a chain asks about each subject.
type Asked = BTreeMap<ExprId, Questions>;

/// What a search knows of a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Member {
    /// Its answer.
    Answer,
    /// That it must be asked.
    Guard,
    /// Nothing.
    No,
}

/// A kind of question about a subject.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Group {
    Equal(ExprId),
    Parts(ExprId),
    Compare(ExprId),
}

/// A question that a search may answer.
enum Candidate {
    Atom(Atom),
    Guarded(ExprId, Guard),
}

impl Candidate {
    fn of(terms: &Terms, test: ExprId) -> Option<Self> {
        match Atom::of(terms, test)? {
            Atom::Matches { subject, pattern } => Some(Self::Guarded(subject, guard(pattern.text())?)),
            atom => Some(Self::Atom(atom)),
        }
    }

    /// The group it belongs to, and how much it weighs there.
    fn group(&self) -> Option<(Group, usize)> {
        Some(match self {
            Self::Atom(Atom::In { subject, texts }) => (Group::Equal(*subject), texts.len()),
            Self::Atom(Atom::Prefix { subject, text } | Atom::Suffix { subject, text }) if !text.is_empty() => {
                (Group::Parts(*subject), 1)
            }
            Self::Atom(Atom::Substring { subject, text }) if !text.is_empty() => (Group::Parts(*subject), 1),
            Self::Atom(Atom::Compare { subject, .. }) => (Group::Compare(*subject), 1),
            Self::Guarded(subject, _) => (Group::Parts(*subject), 1),
            Self::Atom(Atom::Prefix { .. } | Atom::Suffix { .. } | Atom::Substring { .. } | Atom::Matches { .. }) => {
                return None;
            }
        })
    }

    fn ask(&self, questions: &mut Questions, place: u32) -> Member {
        match self {
            Self::Atom(Atom::In { texts, .. }) => texts.iter().for_each(|text| questions.equal(text, place)),
            Self::Atom(Atom::Prefix { text, .. }) => questions.prefix(text, place),
            Self::Atom(Atom::Suffix { text, .. }) => questions.suffix(text, place),
            Self::Atom(Atom::Substring { text, .. }) => questions.substring(text, place),
            Self::Atom(Atom::Compare { comparison, with, .. }) => questions.compare.push((*comparison, *with, place)),
            Self::Atom(Atom::Matches { .. }) => return Member::No,
            Self::Guarded(_, guard) => {
                match guard {
                    Guard::Prefixes(texts) => texts.iter().for_each(|text| questions.prefix(text, place)),
                    Guard::Suffixes(texts) => texts.iter().for_each(|text| questions.suffix(text, place)),
                    Guard::Substrings(texts) => texts.iter().for_each(|text| questions.substring(text, place)),
                }
                return Member::Guard;
            }
        }
        Member::Answer
    }
}

fn chains(terms: &Terms, nodes: &[Node]) -> Vec<(Chain, Asked)> {
    let mut is_visited = vec![false; nodes.len()];
    let mut chains = Vec::new();
    for start in 0..nodes.len() {
        let mut vertices = Vec::new();
        let mut tests = Vec::new();
        let mut at = NodeId(start as u32);
        while let (Some(Node::Branch { test, otherwise, .. }), Some(visited)) =
            (nodes.get(at.index()), is_visited.get_mut(at.index()))
        {
            if std::mem::replace(visited, true) {
                break;
            }
            vertices.push(at);
            tests.push(*test);
            at = *otherwise;
        }
        chains.extend(chain(terms, vertices, &tests, at));
    }
    chains
}

/// The chain, where something of it is worth looking up.
fn chain(terms: &Terms, vertices: Vec<NodeId>, tests: &[ExprId], end: NodeId) -> Option<(Chain, Asked)> {
    let candidates: Vec<Option<Candidate>> = tests.iter().map(|test| Candidate::of(terms, *test)).collect();
    let mut weights: BTreeMap<Group, usize> = BTreeMap::new();
    for (group, weight) in candidates.iter().filter_map(|candidate| candidate.as_ref()?.group()) {
        *weights.entry(group).or_default() += weight;
    }
    weights.retain(|group, weight| match group {
        Group::Equal(_) => *weight >= EQUAL_MIN,
        Group::Parts(_) => *weight >= PARTS_MIN,
        Group::Compare(_) => (COMPARISONS_MIN..=COMPARISONS_MAX).contains(weight),
    });
    if weights.is_empty() {
        return None;
    }
    let mut questions = Asked::new();
    let mut members = Vec::with_capacity(tests.len());
    for (place, candidate) in candidates.iter().enumerate() {
        let grouped = candidate.as_ref().and_then(|candidate| Some((candidate, candidate.group()?.0)));
        members.push(match grouped {
            Some((candidate, group)) if weights.contains_key(&group) => {
                let (Group::Equal(subject) | Group::Parts(subject) | Group::Compare(subject)) = group;
                candidate.ask(questions.entry(subject).or_default(), place as u32)
            }
            _ => Member::No,
        });
    }
    let mut until = members.len() as u32;
    let mut untils = vec![until; members.len()];
    for (place, (member, slot)) in members.iter().zip(&mut untils).enumerate().rev() {
        if *member == Member::No {
            until = place as u32;
        }
        *slot = until;
    }
    Some((Chain { vertices, end, members, untils }, questions))
}

/// A vertex of the new DAG, by what it was made from: the search that begins at a vertex, or the vertex itself. The
/// order of these is one in which successors follow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place(NodeId, Part);

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part {
    Search,
    Vertex,
}

struct Maker<'a> {
    nodes: &'a [Node],
    chains: &'a [Chain],
    /// The chain and the place in it of each vertex that is looked up.
    members: Vec<Option<(usize, u32)>>,
    sets: Vec<Set>,
}

impl<'a> Maker<'a> {
    fn new(nodes: &'a [Node], chains: &'a [Chain]) -> Self {
        let mut members = vec![None; nodes.len()];
        for (number, chain) in chains.iter().enumerate() {
            for (place, (vertex, member)) in chain.vertices.iter().zip(&chain.members).enumerate() {
                if *member != Member::No
                    && let Some(slot) = members.get_mut(vertex.index())
                {
                    *slot = Some((number, place as u32));
                }
            }
        }
        Self { nodes, chains, members, sets: Vec::new() }
    }

    /// Where an edge to `id` leads now: to the search that begins there, if one does.
    fn entry(&self, id: NodeId) -> Place {
        let is_member = self.members.get(id.index()).is_some_and(Option::is_some);
        Place(id, if is_member { Part::Search } else { Part::Vertex })
    }

    /// `questions` are those of each chain.
    fn run(mut self, questions: Vec<Asked>) -> (Vec<Node>, Vec<Set>) {
        let numbers = Numbers::new(&self.members);
        for ((chain, questions), entered) in self.chains.iter().zip(questions).zip(self.entries()) {
            let places = chain.vertices.iter().zip(&chain.members);
            let (targets, mut finals): (Vec<NodeId>, Vec<bool>) =
                places.map(|(vertex, member)| self.target(*vertex, *member, &numbers)).unzip();
            // A way that comes in behind a place has not asked it: what it would find there must not hide the rest.
            finals.iter_mut().take(entered).for_each(|is_final| *is_final = false);
            let set = Set::new(questions.into_iter().collect(), finals, targets);
            match set {
                Some(set) => self.sets.push(set),
                // The automaton would be too large: everything is asked where it stands.
                None => return (self.nodes.to_vec(), Vec::new()),
            }
        }
        let mut made = Vec::with_capacity(self.nodes.len() + self.members.len());
        for (node, member) in self.nodes.iter().zip(&self.members) {
            if let Some((chain, place)) = member {
                made.push(self.find(*chain, *place, &numbers));
            }
            made.push(renumbered(*node, |next| numbers.of(self.entry(next))));
        }
        pruned(made, self.sets)
    }

    /// For each chain the last place that is reached by another way than from the place before it.
    fn entries(&self) -> Vec<usize> {
        let mut places: Vec<Option<(usize, usize)>> = vec![None; self.nodes.len()];
        for (number, chain) in self.chains.iter().enumerate() {
            for (place, vertex) in chain.vertices.iter().enumerate() {
                if let Some(slot) = places.get_mut(vertex.index()) {
                    *slot = Some((number, place));
                }
            }
        }
        let of = |id: NodeId| places.get(id.index()).copied().flatten();
        let mut entries = vec![0; self.chains.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for next in successors(node) {
                let Some((number, place)) = of(next) else { continue };
                let before = place.checked_sub(1).map(|before| (number, before));
                if of(NodeId(id as u32)) != before
                    && let Some(entry) = entries.get_mut(number)
                {
                    *entry = place.max(*entry);
                }
            }
        }
        entries
    }

    /// Where a place leads that was found, and whether nothing behind it is asked then.
    fn target(&self, vertex: NodeId, member: Member, numbers: &Numbers) -> (NodeId, bool) {
        let Some(Node::Branch { then, .. }) = self.nodes.get(vertex.index()) else { return (vertex, false) };
        match member {
            Member::Answer => {
                let is_final = matches!(self.nodes.get(then.index()), Some(Node::Decide(_)));
                (numbers.of(self.entry(*then)), is_final)
            }
            Member::Guard | Member::No => (numbers.of(Place(vertex, Part::Vertex)), false),
        }
    }

    fn find(&self, number: usize, from: u32, numbers: &Numbers) -> Node {
        let chain = self.chains.get(number);
        let until = chain.and_then(|chain| chain.untils.get(from as usize)).map_or(from, |until| *until);
        let next = chain.map(|chain| chain.vertices.get(until as usize).copied().unwrap_or(chain.end));
        let otherwise = next.map_or(NodeId(NOWHERE), |next| numbers.of(self.entry(next)));
        Node::Find { set: SetId(number as u32), from, until, otherwise }
    }
}

/// The numbers of the new vertices: those of the old ones, with a gap before each that a search begins at.
struct Numbers {
    numbers: Vec<NodeId>,
}

impl Numbers {
    /// The numbers where each vertex is a member of a chain or not.
    fn new(members: &[Option<(usize, u32)>]) -> Self {
        let mut next = 0;
        let mut numbers = Vec::with_capacity(members.len());
        for member in members {
            next += u32::from(member.is_some());
            numbers.push(NodeId(next));
            next += 1;
        }
        Self { numbers }
    }

    fn of(&self, place: Place) -> NodeId {
        let vertex = self.numbers.get(place.0.index()).copied().unwrap_or(NodeId(NOWHERE));
        match place.1 {
            Part::Vertex => vertex,
            Part::Search => NodeId(vertex.0.saturating_sub(1)),
        }
    }
}

/// Without the vertices that nothing leads to.
fn pruned(nodes: Vec<Node>, mut sets: Vec<Set>) -> (Vec<Node>, Vec<Set>) {
    let mut is_reached = vec![false; nodes.len()];
    // The targets up to `until` that were marked already, from which place on.
    let mut marked: BTreeMap<(SetId, u32), u32> = BTreeMap::new();
    if let Some(root) = is_reached.first_mut() {
        *root = true;
    }
    for (id, node) in nodes.iter().enumerate() {
        if !is_reached.get(id).copied().unwrap_or(false) {
            continue;
        }
        let mut mark = |next: NodeId| {
            if let Some(reached) = is_reached.get_mut(next.index()) {
                *reached = true;
            }
        };
        successors(node).for_each(&mut mark);
        if let Node::Find { set, from, until, .. } = *node {
            let known = marked.entry((set, until)).or_insert(until);
            let targets = sets.get(set.index()).into_iter().flat_map(|set| set.targets(from, *known));
            targets.for_each(|(_, target)| mark(target));
            *known = from.min(*known);
        }
    }
    let mut numbers = Vec::with_capacity(nodes.len());
    let mut next = 0;
    for reached in &is_reached {
        numbers.push(NodeId(next));
        next += u32::from(*reached);
    }
    let own = |id: NodeId| numbers.get(id.index()).copied().unwrap_or(id);
    for set in &mut sets {
        set.targets.iter_mut().for_each(|target| *target = own(*target));
    }
    let kept = nodes.into_iter().zip(&is_reached).filter(|(_, reached)| **reached);
    (kept.map(|(node, _)| renumbered(node, own)).collect(), sets)
}
