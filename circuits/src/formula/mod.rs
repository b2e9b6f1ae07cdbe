//! Compiles a checked formula of the scale language to constraints and a witness program
//! (EARN-7: v = F(records; constants), 0 ≤ v ≤ V_max).
//!
//! Every number of the formula is an integer over a denominator known beforehand, and its
//! interval, found by `merits_formula::check`, is below 2^250 in magnitude: so a linear
//! combination that stands for it never wraps around the field, and bit widths follow the
//! interval. Cost is only in products of two numbers that vary, comparisons, and rounding:
//!
//! | part | constraints |
//! |---|---|
//! | `+ - ` and `*` `/` by literals | none |
//! | `*` of two that vary | 1 |
//! | field compared with a literal | a few: see `threshold` |
//! | other comparison of a difference in (-2^n, 2^n) | n + 1 |
//! | `math.least`, `math.greatest` | comparison + 1 |
//! | `math.floor` of x / D with quotients below 2^q | q + bits of D + ones of D - 1 |
//! | filtered value | 2, whatever the number of conditions that are counts |
//! | split by `n` keys | n - 1 a record |
//!
//! The caller guarantees what [`RecordWires`] says, and that each constant's value lies within
//! its interval: constants are public inputs, taken from the approved scale.

mod lists;
mod numbers;
mod threshold;
mod truth;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use merits_formula::{Kind, NodeId, Typed, VarId};

use crate::builder::{Builder, Lc};

use lists::GroupSet;
pub use wires::{DaySplit, FieldWires, RecordWires};

/// Adds the constraints of a formula; gives the credits.
///
/// # Panics
/// If there are not R records or not as many constants as declared: a programming error.
pub fn compile(b: &mut Builder, typed: &Typed, records: &[RecordWires], constants: &[Lc]) -> Lc {
    let declared = typed.schema().max_records;
    assert_eq!(records.len(), usize::from(declared), "record slots");
    assert_eq!(constants.len(), typed.constants().len(), "constants");
    let mut free = Vec::new();
    collect_free(typed, typed.root(), &mut free);
    let mut compiler = Compiler {
        b,
        typed,
        records,
        constants,
        bound: BTreeMap::new(),
        closed: free
            .iter()
            .filter(|(_, vars)| vars.is_empty())
            .map(|(id, _)| *id)
            .collect(),
        numbers: BTreeMap::new(),
        by_key: BTreeMap::new(),
    };
    compiler.number(typed.root())
}

/// What a variable stands for while its body is compiled.
#[derive(Clone)]
enum Bound {
    /// The record in this slot.
    Record(usize),
    /// The records with this key.
    Group(Rc<GroupSet>, usize),
}

struct Compiler<'a> {
    b: &'a mut Builder,
    typed: &'a Typed,
    records: &'a [RecordWires],
    constants: &'a [Lc],
    bound: BTreeMap<VarId, Bound>,
    /// Nodes that depend on no variable from outside: compiled once.
    closed: BTreeSet<NodeId>,
    numbers: BTreeMap<NodeId, Lc>,
    /// Sums and sizes over the records of a group: compiled for all keys at once, since the
    /// records are split by key together.
    by_key: BTreeMap<NodeId, Vec<Lc>>,
}

/// Variables from outside that each node below depends on, operands first.
fn collect_free(
    typed: &Typed,
    id: NodeId,
    out: &mut Vec<(NodeId, BTreeSet<VarId>)>,
) -> BTreeSet<VarId> {
    let mut free = BTreeSet::new();
    for operand in typed.operands(id) {
        free.extend(collect_free(typed, operand, out));
    }
    match &typed.node(id).kind {
        Kind::Var(of) | Kind::Field { of, .. } | Kind::Day { of, .. } => {
            free.insert(*of);
        }
        // Variables have one binder each, so that a list never contains its binder's variable.
        Kind::Filter { var, .. } | Kind::Map { var, .. } | Kind::Groups { var, .. } => {
            free.remove(var);
        }
        _ => {}
    }
    out.push((id, free.clone()));
    free
}

#[cfg(test)]
mod tests;
