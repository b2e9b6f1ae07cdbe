//! The typed tree: what a checked formula means.
//!
//! Nodes live in one arena and refer to earlier ones. Each has a type; numbers have an interval
//! over a static denominator ([`Range`]), which the circuit's bit widths follow.

use std::fmt::Write as _;

use num_bigint::BigInt;

use crate::constant::ConstantDecl;
use crate::declarations::{Declarations, SourceId};
use crate::diagnostic::Span;
use crate::range::Range;
use crate::schema::Schema;

/// Position of a node in its [`Typed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// A variable that `filter`, `map`, `groups` or `pairs` binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarId(pub(crate) usize);

/// What a node gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A number.
    Number(Range),
    /// One record.
    Record,
    /// At most `most` records.
    Records {
        /// The most.
        most: usize,
    },
    /// Lists of records, one for each key that occurs.
    Groups {
        /// Keys are 0 to `keys` - 1.
        keys: usize,
        /// The most records of a group.
        most: usize,
    },
    /// At most `most` numbers.
    Numbers {
        /// Each of them.
        item: Range,
        /// The most.
        most: usize,
    },
}

/// What a node does. Operands come before their node in the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// A literal: this integer over the node's denominator.
    Number(BigInt),
    /// A public number of the scale, by position in [`Typed::constants`].
    Constant(usize),
    /// A bound variable: a record, a group, or a number of a list.
    Var(VarId),
    /// A field of a bound record, by position: a truth value for a bool, else a number (of an
    /// enum, the position of the name).
    Field {
        /// The record.
        of: VarId,
        /// Position in the schema.
        field: usize,
    },
    /// The day of the period, from 0, of a time field of a bound record.
    Day {
        /// The record.
        of: VarId,
        /// Position in the schema.
        field: usize,
    },
    /// The minute of the day, from 0, of a time field of a bound record.
    MinuteOfDay {
        /// The record.
        of: VarId,
        /// Position in the schema.
        field: usize,
    },
    /// The claim's records.
    Records,
    /// Those of a list for which the body is true.
    Filter {
        /// Records, groups or numbers.
        list: NodeId,
        /// One of them.
        var: VarId,
        /// A truth value.
        body: NodeId,
    },
    /// The body for each of a list.
    Map {
        /// Records, groups or numbers.
        list: NodeId,
        /// One of them.
        var: VarId,
        /// A number.
        body: NodeId,
    },
    /// The records of a list by key; a key without records gives no group.
    Groups {
        /// Records.
        list: NodeId,
        /// One of them.
        var: VarId,
        /// A whole number from 0.
        key: NodeId,
    },
    /// The body for each two records of the claim that follow each other: one fewer than there
    /// are records, none for none.
    Pairs {
        /// The claim's own records.
        list: NodeId,
        /// The earlier of the two.
        earlier: VarId,
        /// The later of the two.
        later: VarId,
        /// A number.
        body: NodeId,
    },
    /// The sum of numbers; 0 for none.
    Sum(NodeId),
    /// The smallest of numbers. Without `otherwise` the list is never empty where there is a
    /// claim, a group or a record at all; where there is none, it may be any number of the
    /// node's interval.
    Smallest {
        /// Numbers.
        list: NodeId,
        /// The value for none.
        otherwise: Option<NodeId>,
    },
    /// The largest of numbers, as [`Kind::Smallest`].
    Largest {
        /// Numbers.
        list: NodeId,
        /// The value for none.
        otherwise: Option<NodeId>,
    },
    /// How many a list has.
    Size(NodeId),
    /// Not.
    Not(NodeId),
    /// All of these.
    And(Vec<NodeId>),
    /// Any of these.
    Or(Vec<NodeId>),
    /// Whether the left number is at least the right one.
    AtLeast(NodeId, NodeId),
    /// Whether two numbers are equal.
    Equal(NodeId, NodeId),
    /// The negative.
    Neg(NodeId),
    /// The sum.
    Add(NodeId, NodeId),
    /// The difference.
    Sub(NodeId, NodeId),
    /// The product.
    Mul(NodeId, NodeId),
    /// The operand's integer times this factor, over the node's denominator: a division by a
    /// literal.
    Divide(NodeId, BigInt),
    /// The least of at least two.
    Least(Vec<NodeId>),
    /// The greatest of at least two.
    Greatest(Vec<NodeId>),
    /// The greatest whole number not above.
    Floor(NodeId),
    /// The greatest whole number not above the quotient. The divisor is positive for records that
    /// are there ([`Typed::present_range`]); where one is absent, 1 takes its place.
    FloorDiv(NodeId, NodeId),
    /// One number where a condition holds, another where not.
    Select {
        /// A truth value.
        cond: NodeId,
        /// The number where it holds.
        yes: NodeId,
        /// The number where not.
        no: NodeId,
    },
    /// The number at a position.
    Pick {
        /// A field of an enum: below the number of cells.
        index: NodeId,
        /// At least two.
        cells: Vec<NodeId>,
    },
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it does.
    pub kind: Kind,
    /// What it gives.
    pub ty: Type,
    /// Which text it stands in first.
    pub source: SourceId,
    /// Where in that text.
    pub span: Span,
}

/// A checked formula, made by [`crate::check`] only.
#[derive(Debug, Clone)]
pub struct Typed {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
    pub(crate) max_value: u64,
    pub(crate) measure: Option<(NodeId, u64)>,
    pub(crate) constants: Vec<ConstantDecl>,
    pub(crate) declarations: Declarations,
}

/// What is known of a node where its record is absent or its group empty.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Absent {
    Bool(Option<bool>),
    Number(Range),
    EmptyList,
    OtherList,
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

    /// All that the formula was checked against.
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

    /// Nodes that a node is made of.
    pub fn operands(&self, id: NodeId) -> Vec<NodeId> {
        match &self.node(id).kind {
            Kind::Bool(_)
            | Kind::Number(_)
            | Kind::Constant(_)
            | Kind::Var(_)
            | Kind::Field { .. }
            | Kind::Day { .. }
            | Kind::MinuteOfDay { .. }
            | Kind::Records => Vec::new(),
            Kind::Filter { list, body, .. }
            | Kind::Map { list, body, .. }
            | Kind::Pairs { list, body, .. } => vec![*list, *body],
            Kind::Smallest { list, otherwise } | Kind::Largest { list, otherwise } => {
                [*list].into_iter().chain(*otherwise).collect()
            }
            Kind::Select { cond, yes, no } => vec![*cond, *yes, *no],
            Kind::Pick { index, cells } => [*index].iter().chain(cells).copied().collect(),
            Kind::Groups { list, key, .. } => vec![*list, *key],
            Kind::Sum(a)
            | Kind::Size(a)
            | Kind::Not(a)
            | Kind::Neg(a)
            | Kind::Divide(a, _)
            | Kind::Floor(a) => vec![*a],
            Kind::AtLeast(a, b)
            | Kind::Equal(a, b)
            | Kind::Add(a, b)
            | Kind::Sub(a, b)
            | Kind::Mul(a, b)
            | Kind::FloorDiv(a, b) => vec![*a, *b],
            Kind::And(parts) | Kind::Or(parts) | Kind::Least(parts) | Kind::Greatest(parts) => {
                parts.clone()
            }
        }
    }

    /// Whether a node's value depends on a variable.
    pub fn depends_on(&self, id: NodeId, var: VarId) -> bool {
        let here = match self.node(id).kind {
            Kind::Var(of)
            | Kind::Field { of, .. }
            | Kind::Day { of, .. }
            | Kind::MinuteOfDay { of, .. } => of == var,
            _ => false,
        };
        here || self
            .operands(id)
            .iter()
            .any(|part| self.depends_on(*part, var))
    }

    /// Whether a condition on `var` is certainly false for an absent record (all fields 0) or an
    /// empty group, so that it holds only where there is one.
    pub fn false_where_absent(&self, condition: NodeId, var: VarId) -> bool {
        self.absent(condition, var) == Absent::Bool(Some(false))
    }

    /// Whether a number that depends on `var` is certainly 0 for an absent record or an empty
    /// group, so that adding it changes nothing.
    pub fn zero_where_absent(&self, number: NodeId, var: VarId) -> bool {
        matches!(self.absent(number, var), Absent::Number(range)
            if range.is_point() && range.lo == BigInt::from(0u8))
    }

    fn absent(&self, id: NodeId, var: VarId) -> Absent {
        let node = self.node(id);
        let number = |part: &NodeId| match (self.absent(*part, var), &self.node(*part).ty) {
            // A sum over nothing is a plain 0: bring it to the denominator that the node has.
            (Absent::Number(range), Type::Number(usual)) => range.over(&usual.den),
            // The checker has put numbers where numbers are needed.
            _ => unreachable!("operand is no number"),
        };
        let truth = |part: &NodeId| match self.absent(*part, var) {
            Absent::Bool(known) => known,
            _ => unreachable!("operand is no truth value"),
        };
        let is_empty = |list: &NodeId| self.absent(*list, var) == Absent::EmptyList;
        let zero = || Absent::Number(Range::whole(0, 0));
        match &node.kind {
            Kind::Field { of, .. } | Kind::Day { of, .. } | Kind::MinuteOfDay { of, .. }
                if *of == var =>
            {
                match node.ty {
                    Type::Bool => Absent::Bool(Some(false)),
                    _ => zero(),
                }
            }
            Kind::Var(of) if *of == var => Absent::EmptyList,
            Kind::Filter { list, .. } | Kind::Map { list, .. } | Kind::Groups { list, .. }
                if is_empty(list) =>
            {
                Absent::EmptyList
            }
            Kind::Sum(list) | Kind::Size(list) if is_empty(list) => zero(),
            Kind::Bool(value) => Absent::Bool(Some(*value)),
            Kind::Not(a) => Absent::Bool(truth(a).map(|known| !known)),
            Kind::And(parts) => Absent::Bool(all(parts.iter().map(truth))),
            Kind::Or(parts) => {
                let none = all(parts.iter().map(|part| truth(part).map(|known| !known)));
                Absent::Bool(none.map(|known| !known))
            }
            Kind::AtLeast(a, b) => Absent::Bool(number(a).at_least(&number(b))),
            Kind::Equal(a, b) => Absent::Bool(number(a).equal(&number(b))),
            Kind::Neg(a) => Absent::Number(number(a).neg()),
            Kind::Add(a, b) => Absent::Number(number(a).add(&number(b))),
            Kind::Sub(a, b) => Absent::Number(number(a).sub(&number(b))),
            Kind::Mul(a, b) => Absent::Number(number(a).mul(&number(b))),
            Kind::Divide(a, factor) => {
                let by = Range::new(factor.clone(), factor.clone(), BigInt::from(1u8));
                let mut quotient = number(a).mul(&by);
                if let Type::Number(range) = &node.ty {
                    quotient.den.clone_from(&range.den);
                }
                Absent::Number(quotient)
            }
            Kind::Least(parts) => Absent::Number(fold(parts.iter().map(number), Range::least)),
            Kind::Greatest(parts) => {
                Absent::Number(fold(parts.iter().map(number), Range::greatest))
            }
            Kind::Floor(a) => Absent::Number(number(a).floor()),
            _ => match &node.ty {
                Type::Bool => Absent::Bool(None),
                Type::Number(range) => Absent::Number(range.clone()),
                _ => Absent::OtherList,
            },
        }
    }

    /// A text that is the same for formulas that mean the same constraints: no spaces, comments
    /// or names, but operators, fields, literals, constants' positions and their intervals.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        for constant in &self.constants {
            let [low, high] = constant.public_interval();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "constant {low} {high} / 10^{}", constant.exponent);
        }
        // Variables are numbered in the order of the text, which a renaming does not change.
        for (at, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(text, "{at} {:?} : {:?}", node.kind, node.ty);
        }
        let _ = writeln!(text, "credits {}", self.root.0);
        if let Some(measure) = self.measure() {
            let _ = writeln!(text, "measure {}", measure.0);
        }
        text
    }
}

/// Conjunction where each part may be unknown.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}

fn fold(mut ranges: impl Iterator<Item = Range>, with: impl Fn(&Range, &Range) -> Range) -> Range {
    // The checker demands at least two.
    let first = ranges.next().unwrap_or_else(|| Range::whole(0, 0));
    ranges.fold(first, |folded, range| with(&folded, &range))
}
