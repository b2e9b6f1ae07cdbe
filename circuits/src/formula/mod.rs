//! Compiles a checked formula of the scale language to constraints and a witness program
//! (EARN-7: v = F(records; constants), 0 ≤ v ≤ V_max; EARN-15: w likewise).
//!
//! Every number of the formula is an integer over a denominator known beforehand. Its interval, which
//! `merits_formula::check` finds, is below 2^250 in magnitude. So the linear combination of a number
//! never wraps around the field, and bit widths follow from the interval. Only products of two
//! numbers that vary, comparisons, and rounding cost constraints:
//!
//! | part | constraints |
//! |---|---|
//! | `+ - ` and `*` `/` by literals | none |
//! | `*` of two that vary | 1 |
//! | field compared with a literal | a few: see `threshold`; equality none |
//! | other comparison of a difference in (-2^n, 2^n) | n + 1 |
//! | `math.least`, `math.greatest`, `math.abs` | n + 1 |
//! | smallest and largest of a list | comparison + 1 for each slot |
//! | choice between two numbers | 1 under a bit, 2 under a count |
//! | `math.floor` of x / D with quotients below 2^q | q + bits of D + ones of D - 1 |
//! | `math.floor(a / b)`, b varying below 2^m | q + 2·m + 1, less for a public b, and at most 1 for absent slots |
//! | table of n cells by an enum | n - 1 |
//! | filtered value | 2, for any number of conditions that are counts |
//! | split by `n` keys | n - 1 for each record; by the records' own order 1, and 2 once |
//! | day of a key | 3 to 5 bits, 11 bits of the minute, and 3 |
//!
//! Equal parts of the tree are one node. A node is compiled once for each record, group or number
//! that it depends on (`memo`), and so is the condition of a list that several sums share.
//!
//! The caller guarantees what [`RecordWires`] states, and that each constant's value lies within
//! its interval. Constants are public inputs, taken from the approved scale.

mod addends;
mod columns;
mod comparison;
mod division;
mod extremes;
mod fields;
mod groups;
mod lists;
mod members;
mod memo;
mod numbers;
mod steps;
mod threshold;
mod truth;
mod whole;
mod wires;

use std::collections::BTreeMap;
use std::rc::Rc;

use merits_formula::{NodeId, Typed, VarId};
use num_bigint::BigInt;

use crate::builder::{Bit, Builder, Lc};

use members::{GroupSet, Items, Mask};
use memo::{Analysis, Bound, Memo};
use steps::Steps;
use truth::Truth;
pub(crate) use whole::whole_bits;
pub use wires::{DaySplit, Digits, FieldWires, RecordWires};

/// The outputs of a formula: linear combinations, within [0, `Typed::max_value`] and
/// [0, `Typed::max_measure`] by the formula's own constraints.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// v.
    pub credits: Lc,
    /// w, if the scale has a measure.
    pub measure: Option<Lc>,
}

/// Adds the constraints of a formula and of its measure, and returns the outputs of both.
///
/// # Panics
/// If the number of records is not R or the number of constants is not the declared one: a
/// programming error.
pub fn compile(
    b: &mut Builder,
    typed: &Typed,
    records: &[RecordWires],
    constants: &[Lc],
) -> Outputs {
    let declared = typed.schema().max_records;
    assert_eq!(records.len(), usize::from(declared), "record slots");
    assert_eq!(constants.len(), typed.constants().len(), "constants");
    let mut compiler = Compiler {
        b,
        typed,
        records,
        constants,
        analysis: Analysis::new(typed),
        bound: BTreeMap::new(),
        numbers: Memo::default(),
        truths: Memo::default(),
        masks: Memo::default(),
        items: Memo::default(),
        sets: BTreeMap::new(),
        by_key: BTreeMap::new(),
        own: BTreeMap::new(),
        digits: BTreeMap::new(),
        days: BTreeMap::new(),
        quotients: BTreeMap::new(),
        steps: BTreeMap::new(),
    };
    let credits = compiler.number(typed.root());
    let measure = typed.measure().map(|id| compiler.number(id));
    Outputs { credits, measure }
}

struct Compiler<'a> {
    b: &'a mut Builder,
    typed: &'a Typed,
    records: &'a [RecordWires],
    constants: &'a [Lc],
    analysis: Analysis,
    /// What each variable is bound to at the moment.
    bound: BTreeMap<VarId, Bound>,
    numbers: Memo<Lc>,
    truths: Memo<Truth>,
    masks: Memo<Rc<Mask>>,
    items: Memo<Rc<Items>>,
    sets: BTreeMap<NodeId, Rc<GroupSet>>,
    /// Aggregates over the records of a group: compiled for all keys at once, since the records
    /// are split by key together.
    by_key: BTreeMap<NodeId, Vec<Lc>>,
    /// The same for the group of the record in each slot.
    own: BTreeMap<NodeId, Vec<Lc>>,
    /// Bits of fields that the statement left whole, by slot and field.
    digits: BTreeMap<(usize, usize), Vec<Bit>>,
    /// Days and minutes of times that the statement left whole, by slot and field.
    days: BTreeMap<(usize, usize), Rc<DaySplit>>,
    /// Rounded quotients of numbers that depend on no variable, made for a cap.
    quotients: BTreeMap<(NodeId, NodeId), Lc>,
    /// The steps of remainders, by divisor and factor.
    steps: BTreeMap<(NodeId, BigInt), Steps>,
}

#[cfg(test)]
mod tests;
