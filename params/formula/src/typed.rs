//! The typed tree: the meaning of a checked formula.
//!
//! Nodes live in one arena and refer to earlier ones. Each has a type; numbers have an interval
//! over a static denominator ([`Range`]), which the circuit's bit widths follow.

use num_bigint::BigInt;

use crate::constant::ConstantDecl;
use crate::declarations::Declarations;
use crate::facts::{Facts, Value};
pub use crate::node::{Kind, Node, NodeId, Type, VarId};
use crate::range::Range;
use crate::schema::Schema;

/// A checked formula, made by [`crate::check`] only.
#[derive(Debug, Clone)]
pub struct Typed {
    pub(crate) nodes: Vec<Node>,
    pub(crate) facts: Vec<Facts>,
    /// The number of nodes that the outputs need: the first ones.
    pub(crate) needed: usize,
    pub(crate) steps: Vec<NodeId>,
    pub(crate) root: NodeId,
    pub(crate) max_value: u64,
    pub(crate) measure: Option<(NodeId, u64)>,
    pub(crate) constants: Vec<ConstantDecl>,
    pub(crate) declarations: Declarations,
}

impl Typed {
    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node whose value is the credits: a whole number from 0 to [`Typed::max_value`].
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The interval of a number; `None` for a node of another type.
    pub fn range(&self, id: NodeId) -> Option<&Range> {
        match &self.node(id).ty {
            Type::Number(range) => Some(range),
            _ => None,
        }
    }

    /// V_max: the most credits that any claim can have.
    pub fn max_value(&self) -> u64 {
        self.max_value
    }

    /// The node whose value is the measure: a whole number from 0 to [`Typed::max_measure`].
    pub fn measure(&self) -> Option<NodeId> {
        self.measure.map(|(node, _)| node)
    }

    /// W_max: the most of the measure that any claim can have.
    pub fn max_measure(&self) -> Option<u64> {
        self.measure.map(|(_, most)| most)
    }

    /// The schema that the formula was checked against.
    pub fn schema(&self) -> &Schema {
        &self.declarations.schema
    }

    /// Everything that the formula was checked against.
    pub fn declarations(&self) -> &Declarations {
        &self.declarations
    }

    /// The public numbers, in the order of the public inputs: [`Declarations::public_numbers`].
    pub fn constants(&self) -> &[ConstantDecl] {
        &self.constants
    }

    /// The text of the credits' formula.
    pub fn source(&self) -> &str {
        &self.declarations.credits
    }

    /// The operands of a node.
    pub fn operands(&self, id: NodeId) -> Vec<NodeId> {
        self.node(id).kind.operands()
    }

    /// Variables from outside that a node's value depends on, in order.
    pub fn free(&self, id: NodeId) -> &[VarId] {
        &self.facts[id.0].free
    }

    /// Whether a node's value depends on a variable.
    pub fn depends_on(&self, id: NodeId, var: VarId) -> bool {
        self.free(id).contains(&var)
    }

    /// Whether a condition on `var` is certainly false for an absent record (all fields 0) or an
    /// empty group, so that it holds only where there is one.
    pub fn false_where_absent(&self, condition: NodeId, var: VarId) -> bool {
        self.where_absent(condition, var) == Some(&Value::Truth(Some(false)))
    }

    /// Whether a number is certainly 0 for an absent record or an empty group, so that adding it
    /// changes nothing.
    pub fn zero_where_absent(&self, number: NodeId, var: VarId) -> bool {
        matches!(self.where_absent(number, var), Some(Value::Number(range))
            if range.is_point() && range.lo == BigInt::from(0u8))
    }

    /// The facts about a node if `var` is absent. There are none for a node that also depends on
    /// another variable, which may be present.
    fn where_absent(&self, id: NodeId, var: VarId) -> Option<&Value> {
        let facts = &self.facts[id.0];
        facts
            .free
            .iter()
            .all(|free| *free == var)
            .then_some(&facts.absent)
    }

    /// The interval of a number if all records and groups that it reads are present: within the
    /// interval of its type, over the same denominator.
    pub fn present_range(&self, id: NodeId) -> Option<&Range> {
        match &self.facts[id.0].present {
            Value::Number(range) => Some(range),
            _ => None,
        }
    }

    /// The node of each step, by position.
    pub fn steps(&self) -> &[NodeId] {
        &self.steps
    }

    /// The number of nodes. Each counts once, even if the formula uses it several times.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }
}
