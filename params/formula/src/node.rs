//! Nodes of the typed tree: their kinds and their types.

use num_bigint::BigInt;

use crate::declarations::SourceId;
use crate::diagnostic::Span;
use crate::range::Range;
use crate::unit::Unit;

/// Position of a node in its [`Typed`](crate::Typed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// A variable that `filter`, `map`, `groups` or `pairs` binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarId(pub(crate) usize);

/// The type of a node's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// The operation of a node. Operands come before their node in the arena.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// A literal: this integer over the node's denominator.
    Number(BigInt),
    /// A public number of the scale, by position in [`Typed::constants`](crate::Typed::constants).
    Constant(usize),
    /// A bound variable: a record, a group, or a number of a list.
    Var(VarId),
    /// A field of a bound record, by position: a truth value for a bool, else a number (for an enum,
    /// the position of the name).
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
    /// The elements of a list for which the body is true.
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
    /// The smallest of numbers. Without `otherwise`, the list of a claim, a group or a record that
    /// exists is never empty; for an absent one, the result may be any number of the node's interval.
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
    /// The number of elements of a list.
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
    /// exist ([`Typed::present_range`](crate::Typed::present_range)); for an absent record it is 1.
    FloorDiv(NodeId, NodeId),
    /// One number if a condition holds, another if not.
    Select {
        /// A truth value.
        cond: NodeId,
        /// The number if it holds.
        yes: NodeId,
        /// The number if not.
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

impl Kind {
    /// The operands of a node of this kind.
    pub fn operands(&self) -> Vec<NodeId> {
        match self {
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

    /// The same with each operand replaced.
    pub(crate) fn with_operands(mut self, mut new: impl FnMut(NodeId) -> NodeId) -> Self {
        self.for_each_operand(|id| *id = new(*id));
        self
    }

    fn for_each_operand(&mut self, mut each: impl FnMut(&mut NodeId)) {
        match self {
            Self::Bool(_)
            | Self::Number(_)
            | Self::Constant(_)
            | Self::Var(_)
            | Self::Field { .. }
            | Self::Day { .. }
            | Self::MinuteOfDay { .. }
            | Self::Records => {}
            Self::Filter { list, body, .. }
            | Self::Map { list, body, .. }
            | Self::Pairs { list, body, .. } => {
                each(list);
                each(body);
            }
            Self::Groups { list, key, .. } => {
                each(list);
                each(key);
            }
            Self::Smallest { list, otherwise } | Self::Largest { list, otherwise } => {
                each(list);
                otherwise.iter_mut().for_each(each);
            }
            Self::Select { cond, yes, no } => {
                each(cond);
                each(yes);
                each(no);
            }
            Self::Pick { index, cells } => {
                each(index);
                cells.iter_mut().for_each(each);
            }
            Self::Sum(a)
            | Self::Size(a)
            | Self::Not(a)
            | Self::Neg(a)
            | Self::Divide(a, _)
            | Self::Floor(a) => each(a),
            Self::AtLeast(a, b)
            | Self::Equal(a, b)
            | Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::FloorDiv(a, b) => {
                each(a);
                each(b);
            }
            Self::And(parts) | Self::Or(parts) | Self::Least(parts) | Self::Greatest(parts) => {
                parts.iter_mut().for_each(each);
            }
        }
    }

    /// Renames the variables, where they are bound and where they are used.
    pub(crate) fn with_variables(mut self, mut new: impl FnMut(VarId) -> VarId) -> Self {
        match &mut self {
            Self::Var(var)
            | Self::Field { of: var, .. }
            | Self::Day { of: var, .. }
            | Self::MinuteOfDay { of: var, .. }
            | Self::Filter { var, .. }
            | Self::Map { var, .. }
            | Self::Groups { var, .. } => *var = new(*var),
            Self::Pairs { earlier, later, .. } => {
                *earlier = new(*earlier);
                *later = new(*later);
            }
            _ => {}
        }
        self
    }

    /// The variables that it binds.
    pub(crate) fn binds(&self) -> Vec<VarId> {
        match self {
            Self::Filter { var, .. } | Self::Map { var, .. } | Self::Groups { var, .. } => {
                vec![*var]
            }
            Self::Pairs { earlier, later, .. } => vec![*earlier, *later],
            _ => Vec::new(),
        }
    }

    /// The variable that it is or reads.
    pub(crate) fn reads(&self) -> Option<VarId> {
        match self {
            Self::Var(of)
            | Self::Field { of, .. }
            | Self::Day { of, .. }
            | Self::MinuteOfDay { of, .. } => Some(*of),
            _ => None,
        }
    }
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its operation.
    pub kind: Kind,
    /// The type of its value.
    pub ty: Type,
    /// The unit of the number, or of each number of a list; none for a literal, which fits any
    /// unit, and for a node that is not a number.
    pub unit: Option<Unit>,
    /// The first text that contains it.
    pub source: SourceId,
    /// Its place in that text.
    pub span: Span,
}
