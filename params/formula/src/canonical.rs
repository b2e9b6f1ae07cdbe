//! The same tree for formulas with the same constraints: unused nodes are left out, and nodes and
//! variables are numbered in the order in which the outputs need them.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::facts::Facts;
use crate::typed::{Kind, Node, NodeId, Type, Typed, VarId};

/// Nodes of a checker that get new numbers.
pub(crate) struct Pruning {
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    /// The old and the new number of a node.
    moved: HashMap<NodeId, NodeId>,
    /// Nodes that the constraints cannot distinguish are one node here. They may have had different
    /// units before.
    same: HashMap<(Kind, Type), NodeId>,
    variables: HashMap<VarId, VarId>,
}

impl Pruning {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            facts: Vec::new(),
            moved: HashMap::new(),
            same: HashMap::new(),
            variables: HashMap::new(),
        }
    }

    /// Copies a node with its operands, and returns its new number. The checker has bounded the
    /// depth of the tree.
    pub(crate) fn take(&mut self, id: NodeId, nodes: &[Node], facts: &[Facts]) -> NodeId {
        if let Some(moved) = self.moved.get(&id) {
            return *moved;
        }
        let node = &nodes[id.0];
        let kind = node.kind.clone();
        let kind = kind.with_operands(|operand| self.take(operand, nodes, facts));
        let kind = kind.with_variables(|var| self.variable(var));
        let known = self.same.get(&(kind.clone(), node.ty.clone())).copied();
        let moved = known.unwrap_or_else(|| {
            let moved = NodeId(self.nodes.len());
            self.same.insert((kind.clone(), node.ty.clone()), moved);
            self.nodes.push(Node {
                kind,
                ..node.clone()
            });
            let mut facts = facts[id.0].clone();
            for var in &mut facts.free {
                *var = self.variable(*var);
            }
            facts.free.sort_unstable();
            self.facts.push(facts);
            moved
        });
        self.moved.insert(id, moved);
        moved
    }

    /// The number of nodes copied so far.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The copied nodes, operands first.
    pub(crate) fn finish(self) -> (Vec<Node>, Vec<Facts>) {
        (self.nodes, self.facts)
    }

    fn variable(&mut self, var: VarId) -> VarId {
        let next = VarId(self.variables.len());
        *self.variables.entry(var).or_insert(next)
    }
}

impl Typed {
    /// A text that is the same for formulas with the same constraints: no spaces, comments, names,
    /// units or steps, but operators, fields, literals, public numbers' positions and their
    /// intervals.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        for constant in self.constants() {
            let [low, high] = constant.public_interval();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "constant {low} {high} / 10^{}", constant.exponent);
        }
        for (at, node) in self.nodes.iter().enumerate().take(self.needed) {
            let _ = writeln!(text, "{at} {:?} : {:?}", node.kind, node.ty);
        }
        let _ = writeln!(text, "credits {}", self.root.0);
        if let Some(measure) = self.measure() {
            let _ = writeln!(text, "measure {}", measure.0);
        }
        text
    }
}
