//! The whole statement: public inputs, the parts that a batch has once, its claims, its totals.

use merits_formula::Typed;
use merits_primitives::Fr;
use merits_primitives::view_encryption::EXPONENT_BITS;
use merits_verifier::statement::earn::{self as layout, Layout};

use super::{
    claim::{self, Shared},
    cost::CostTable,
    totals::{self, TotalKeys},
};
use crate::{
    builder::{Bit, Builder, Circuit, Lc},
    gadgets::{
        bits,
        jubjub::{EdwardsPoint, PointTable, SignedBits, from_edwards},
    },
    program::WitnessError,
};

/// The circuit of one shape: a formula (with its schema and constants) and B, the claims that
/// one proof has room for.
#[derive(Clone, Debug)]
pub struct EarnCircuit {
    formula: Typed,
    capacity: usize,
    circuit: Circuit,
}

impl EarnCircuit {
    /// Builds the constraints and the witness program: once for a shape, never for a proof.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[must_use]
    pub fn build(formula: &Typed, capacity: usize) -> Self {
        assert!(capacity > 0, "a batch has room for at least one claim");
        Self {
            formula: formula.clone(),
            capacity,
            circuit: synthesise(Builder::new(), formula, capacity).finish(),
        }
    }

    /// Builds the circuit again while computing every wire on the way from the inputs of its
    /// witness program, without that program: the assignment must be the same. For tests.
    ///
    /// # Errors
    /// [`WitnessError`] where no value exists.
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub fn traced(
        formula: &Typed,
        capacity: usize,
        inputs: Vec<Fr>,
    ) -> Result<(Circuit, Vec<Fr>), WitnessError> {
        assert!(capacity > 0, "a batch has room for at least one claim");
        synthesise(Builder::tracing(inputs), formula, capacity).finish_traced()
    }

    /// The positions of the public inputs.
    #[must_use]
    pub fn layout(&self) -> Layout {
        layout_of(&self.formula, self.capacity)
    }

    /// The formula, which carries schema and constants.
    #[must_use]
    pub const fn formula(&self) -> &Typed {
        &self.formula
    }

    /// B: claims that one proof has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Constraints and witness program.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The costs in constraints: per record, per claim, per batch.
    #[must_use]
    pub fn costs(&self) -> CostTable {
        CostTable::new(self)
    }
}

/// The positions of the public inputs of a formula's statement.
pub(super) fn layout_of(formula: &Typed, capacity: usize) -> Layout {
    Layout {
        constants: formula.constants().len(),
        measured: formula.measure().is_some(),
        capacity,
    }
}

fn synthesise(mut b: Builder, formula: &Typed, capacity: usize) -> Builder {
    let place = layout_of(formula, capacity);
    let publics = publics(&mut b, formula, place);

    let present = b.section("batch/presence", |b| presence(b, &publics, capacity));
    // EARN-14: every public input must be in a constraint. Otherwise it could be changed in the
    // statement of a finished proof without changing what the equations say.
    b.section("batch/context", |b| b.square(&publics[layout::CONTEXT]));
    let view_key = b.section("batch/keys", |b| view_key(b, &publics));
    let keys = b.section("batch/keys", |b| {
        let measure = place.measure_offset();
        let credits = total_keys(b, &publics, "r", layout::T1);
        let measure = measure.map(|at| total_keys(b, &publics, "r2", at));
        (credits, measure)
    });
    let shared = Shared {
        asset: publics[layout::ASSET].clone(),
        expiry: publics[layout::EXPIRY].clone(),
        schema: publics[layout::SCHEMA].clone(),
        period: publics[layout::PERIOD].clone(),
        constants: publics[layout::CONSTANTS..layout::CONSTANTS + place.constants].to_vec(),
        view_key,
    };
    let earned = b.parallel(capacity, |b, i| {
        let first = place.claim_offset(i);
        let public = &publics[first..first + layout::CLAIM_INPUTS];
        b.section("claim", |b| {
            claim::claim(b, formula, &shared, i, &present[i], public)
        })
    });
    b.section("batch/total", |b| {
        let total_key = b.section("At", |b| {
            totals::table(b, &point(&publics, layout::TOTAL_KEY))
        });
        let most = u128::from(formula.max_value()) * capacity as u128;
        let credits = Lc::sum(earned.iter().map(|(credits, _)| credits));
        // EARN-12, EARN-13.
        totals::total(b, ["T1", "T2"], &keys.0, &total_key, &credits, most);
        if let (Some(keys), Some(most)) = (&keys.1, formula.max_measure()) {
            let most = u128::from(most) * capacity as u128;
            let measure = Lc::sum(earned.iter().filter_map(|(_, measure)| measure.as_ref()));
            // EARN-16, EARN-17.
            totals::total(b, ["M1", "M2"], keys, &total_key, &measure, most);
        }
    });
    // EARN-14 for constants that the formula's structure leaves out, such as one times 0.
    let unused = b.unused_publics();
    if !unused.is_empty() {
        b.section("batch/constants", |b| {
            for constant in &unused {
                b.square(constant);
            }
        });
    }
    b
}

/// All public inputs, in the order of `merits_verifier::statement::earn`.
fn publics(b: &mut Builder, formula: &Typed, place: Layout) -> Vec<Lc> {
    let constants = formula.constants();
    let mut labels: Vec<String> = [
        "asset", "expiry", "schema", "period", "context", "A.x", "A.y", "At.x", "At.y", "T1.x",
        "T1.y", "T2.x", "T2.y", "n",
    ]
    .map(String::from)
    .to_vec();
    labels.extend(
        constants
            .iter()
            .map(|constant| format!("constant {}", constant.name)),
    );
    if place.measured {
        labels.extend(["M1.x", "M1.y", "M2.x", "M2.y"].map(String::from));
    }
    for i in 0..place.capacity {
        let names = ["C", "b", "cm", "u", "Ey", "cv", "ch"];
        labels.extend(names.map(|name| format!("claim[{i}].{name}")));
    }
    // Both lists are ours; a test compares them input by input.
    debug_assert_eq!(labels.len(), place.input_count());
    labels.iter().map(|label| b.public(label)).collect()
}

/// EARN-1: flags are bits, never rise again, and add up to n.
fn presence(b: &mut Builder, publics: &[Lc], capacity: usize) -> Vec<Bit> {
    let mut present: Vec<Bit> = Vec::with_capacity(capacity);
    for i in 0..capacity {
        let flag = bits::falling_flag(b, &format!("claim[{i}].present"), present.last());
        present.push(flag);
    }
    let sum = Lc::sum(present.iter().map(Bit::lc));
    b.assert_equal(&sum, &publics[layout::COUNT]);
    present
}

fn point(publics: &[Lc], at: usize) -> EdwardsPoint {
    EdwardsPoint {
        x: publics[at].clone(),
        y: publics[at + 1].clone(),
    }
}

/// Multiples of A. The caller, which takes A and At from the ledger's state, checks that both are
/// in the subgroup and not the identity.
fn view_key(b: &mut Builder, publics: &[Lc]) -> PointTable {
    b.section("view key table", |b| {
        let a = from_edwards(b, &point(publics, layout::VIEW_KEY));
        PointTable::new(b, &a, EXPONENT_BITS)
    })
}

/// The exponent of a total whose points stand at `at`, with the products of its windows.
fn total_keys(b: &mut Builder, publics: &[Lc], name: &str, at: usize) -> TotalKeys {
    let exponent = b.section(&format!("exponent {name}"), |b| {
        let r = bits::input_bits(b, name, EXPONENT_BITS);
        SignedBits::new(b, &r)
    });
    TotalKeys {
        exponent,
        ephemeral: point(publics, at),
        sum: point(publics, at + 2),
    }
}
