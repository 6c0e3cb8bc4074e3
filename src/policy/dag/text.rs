//! A DAG as a text: a line for each vertex, after one for each search. For people, and for snapshots.

use std::fmt::{self, Write as _};

use super::{Counting, Dag, Node, NodeId};
use crate::{display, ir::ExprId};

impl fmt::Display for Dag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.counting {
            Counting::Unneeded { longest: u32::MAX } => {}
            Counting::Unneeded { longest } => writeln!(out, "for texts of at most {longest} bytes")?,
            Counting::Exact => writeln!(out, "counts what it builds")?,
        }
        for (number, set) in self.sets.iter().enumerate() {
            writeln!(out, "search s{number}:")?;
            for (subject, how) in set.describe() {
                writeln!(out, "  {}: {how}", self.text(subject))?;
            }
        }
        for (number, node) in self.nodes.iter().enumerate() {
            write!(out, "n{number}: ")?;
            self.write_node(out, *node)?;
        }
        let dead = self.dead_rules();
        if !dead.is_empty() {
            let rules: Vec<String> = dead.iter().map(|rule| (rule + 1).to_string()).collect();
            writeln!(out, "never taken: {}", rules.join(", "))?;
        }
        Ok(())
    }
}

impl Dag {
    fn text(&self, id: ExprId) -> String {
        display::expression(self.terms.ir(), id)
    }

    fn write_node(&self, out: &mut fmt::Formatter<'_>, node: Node) -> fmt::Result {
        let to = |id: NodeId| format!("n{}", id.index());
        match node {
            Node::Branch { test, then, otherwise } => {
                writeln!(out, "if {} then {} else {}", self.text(test), to(then), to(otherwise))
            }
            Node::Ask { test, then, otherwise, fails } => {
                let text = self.text(test);
                writeln!(out, "ask {text} then {} else {} failing {}", to(then), to(otherwise), to(fails))
            }
            Node::Capture { matches, next } => writeln!(out, "capture {} then {}", self.text(matches), to(next)),
            Node::Decide(leaf) => {
                let outcome = self.outcomes.get(leaf.index()).map_or_else(String::new, |outcome| self.text(*outcome));
                if leaf.index() + 1 == self.outcomes.len() {
                    writeln!(out, "else {outcome}")
                } else {
                    writeln!(out, "rule {}: {outcome}", leaf.index() + 1)
                }
            }
            Node::Find { set, from, until, otherwise } => {
                let mut line = format!("find s{} from {from} before {until}:", set.index());
                let targets = self.sets.get(set.index()).into_iter().flat_map(|set| set.targets(from, until));
                for (place, target) in targets {
                    write!(line, " {place} {}", to(target))?;
                }
                writeln!(out, "{line} else {}", to(otherwise))
            }
        }
    }
}
