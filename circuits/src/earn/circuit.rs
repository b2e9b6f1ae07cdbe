//! The statement as a whole: public inputs, what a batch shares, its claims, its totals.

use merits_formula::Typed;
use merits_primitives::audit::EXPONENT_BITS;
use merits_verifier::statement::earn as layout;

use super::{claim, cost::CostTable, totals};
use crate::{
    builder::{Bit, Builder, Circuit, Lc},
    gadgets::{
        bits,
        jubjub::{EdwardsPoint, MontgomeryPoint, PointTable, SignedBits, from_edwards},
    },
};

/// The circuit of one shape: a formula (with its schema and constants) and B, the claims that
/// one proof has room for.
#[derive(Clone, Debug)]
pub struct EarnCircuit {
    formula: Typed,
    capacity: usize,
    circuit: Circuit,
}

/// What every claim of the batch reads.
pub(super) struct Shared {
    pub(super) asset: Lc,
    pub(super) expiry: Lc,
    pub(super) schema: Lc,
    pub(super) period: Lc,
    pub(super) constants: Vec<Lc>,
    /// Multiples of A, made once.
    pub(super) view_key: PointTable,
}

/// What the totals read.
pub(super) struct TotalKeys {
    pub(super) exponent: SignedBits,
    pub(super) total_key: MontgomeryPoint,
    pub(super) t1: EdwardsPoint,
    pub(super) t2: EdwardsPoint,
}

impl EarnCircuit {
    /// Builds the constraints and the witness program: once for a shape, never for a proof.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[must_use]
    pub fn build(formula: &Typed, capacity: usize) -> Self {
        assert!(capacity > 0, "a batch has room for at least one claim");
        let mut b = Builder::new();
        let constants = formula.constants().len();
        let publics = publics(&mut b, formula, capacity);

        let present = b.section("batch/presence", |b| presence(b, &publics, capacity));
        // EARN-14: a public input in no constraint could be changed in a finished proof's
        // statement without anybody noticing a difference in the equation's meaning.
        b.section("batch/context", |b| b.square(&publics[layout::CONTEXT]));
        let (view_key, keys) = b.section("batch/keys", |b| keys(b, &publics));
        let shared = Shared {
            asset: publics[layout::ASSET].clone(),
            expiry: publics[layout::EXPIRY].clone(),
            schema: publics[layout::SCHEMA].clone(),
            period: publics[layout::PERIOD].clone(),
            constants: publics[layout::CONSTANTS..layout::CONSTANTS + constants].to_vec(),
            view_key,
        };
        let credits = b.parallel(capacity, |b, i| {
            let first = layout::claim_offset(constants, i);
            let public = &publics[first..first + layout::CLAIM_INPUTS];
            b.section("claim", |b| {
                claim::claim(b, formula, &shared, i, &present[i], public)
            })
        });
        b.section("batch/total", |b| {
            let most = u128::from(formula.max_value()) * capacity as u128;
            totals::totals(b, &keys, &Lc::sum(&credits), most);
        });
        Self {
            formula: formula.clone(),
            capacity,
            circuit: b.finish(),
        }
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

    /// Where the constraints go: per record, per claim, per batch.
    #[must_use]
    pub fn costs(&self) -> CostTable {
        CostTable::new(self)
    }
}

/// All public inputs, in the order of `merits_verifier::statement::earn`.
fn publics(b: &mut Builder, formula: &Typed, capacity: usize) -> Vec<Lc> {
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
    for i in 0..capacity {
        let names = ["C", "b", "cm", "u", "Ey", "cv", "ch"];
        labels.extend(names.map(|name| format!("claim[{i}].{name}")));
    }
    // Both lists are ours; a test compares them input by input.
    debug_assert_eq!(labels.len(), layout::input_count(constants.len(), capacity));
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

/// Multiples of A, and r with what it multiplies. That A and At are of the subgroup and not the
/// identity is checked outside, where the ledger's state supplies them.
fn keys(b: &mut Builder, publics: &[Lc]) -> (PointTable, TotalKeys) {
    let point = |at: usize| EdwardsPoint {
        x: publics[at].clone(),
        y: publics[at + 1].clone(),
    };
    let view_key = b.section("view key table", |b| {
        let a = from_edwards(b, &point(layout::VIEW_KEY));
        PointTable::new(b, &a, EXPONENT_BITS)
    });
    let total_key = b.section("total key", |b| from_edwards(b, &point(layout::TOTAL_KEY)));
    let exponent = b.section("exponent r", |b| {
        let r = bits::input_bits(b, "r", EXPONENT_BITS);
        SignedBits::new(b, &r)
    });
    let (t1, t2) = (point(layout::T1), point(layout::T2));
    (
        view_key,
        TotalKeys {
            exponent,
            total_key,
            t1,
            t2,
        },
    )
}
