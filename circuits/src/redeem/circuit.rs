//! The whole statement.

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::{Fr, jubjub::Point, tags, view_encryption::EXPONENT_BITS};
use merits_verifier::statement::redeem as layout;

use super::note::{self, Shared, Spent, VALUE_BITS};
use crate::{
    builder::{Builder, Circuit, Lc},
    gadgets::{
        bits,
        jubjub::{
            EdwardsPoint, SignedBits, edwards_y, fixed_base_u, from_edwards, variable_base_once_u,
        },
        poseidon,
    },
    person,
    program::WitnessError,
};

/// Bits of the index under a rate limit.
pub(super) const INDEX_BITS: usize = 16;

/// Labels of the public inputs, in the order of `merits_verifier::statement::redeem`.
const LABELS: [&str; layout::INPUTS] = [
    "note_root",
    "group_root",
    "asset",
    "expiry",
    "amount",
    "floor",
    "context",
    "sn1",
    "sn2",
    "cm_out",
    "rscope",
    "rlimit",
    "rn",
    "A.x",
    "A.y",
    "Ey",
    "c_id",
];

/// The circuit: one for all scales, offers and ledgers.
#[derive(Clone, Debug)]
pub struct RedeemCircuit {
    circuit: Circuit,
}

impl RedeemCircuit {
    /// Builds the constraints and the witness program: once, never for a proof.
    #[must_use]
    pub fn build() -> Self {
        Self {
            circuit: synthesise(Builder::new()).finish(),
        }
    }

    /// Builds the circuit again while computing every wire on the way from the inputs of its
    /// witness program, without that program: the assignment must be the same. For tests.
    ///
    /// # Errors
    /// [`WitnessError`] where no value exists.
    pub fn traced(inputs: Vec<Fr>) -> Result<(Circuit, Vec<Fr>), WitnessError> {
        synthesise(Builder::tracing(inputs)).finish_traced()
    }

    /// Constraints and witness program.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

/// The order of private inputs here is the order of `RedeemWitness::inputs`.
fn synthesise(mut b: Builder) -> Builder {
    let publics = LABELS.map(|label| b.public(label));
    // REDEEM-12: every public input must be in a constraint. Otherwise it could be changed in the
    // statement of a finished proof without changing what the equations say.
    b.section("context", |b| b.square(&publics[layout::CONTEXT]));
    // REDEEM-1.
    let person = person::person(&mut b);
    // REDEEM-2. `birth` is free. The ledger made each leaf under a root from one birth, so another
    // birth would need another preimage of the same leaf.
    let birth = b.input("birth");
    person::member(
        &mut b,
        &person.commitment,
        &birth,
        &publics[layout::GROUP_ROOT],
    );
    let shared = Shared {
        secret: person.secret.clone(),
        asset: publics[layout::ASSET].clone(),
        expiry: publics[layout::EXPIRY].clone(),
    };
    let notes = b.parallel(2, |b, i| {
        b.section(["note 1", "note 2"][i], |b| {
            note::spent(b, &shared, i, &publics[layout::SN1 + i])
        })
    });
    let [first, second] = [&notes[0], &notes[1]];
    b.section("note roots", |b| roots(b, first, second, &publics));
    let change = b.section("amounts", |b| amounts(b, first, second, &publics));
    // REDEEM-8.
    b.section("change note", |b| {
        let key = note::owner_key(b, &shared, &publics[layout::SN1], &Lc::zero());
        let note = note::commitment(b, &shared, &change, &key);
        b.assert_equal(&note, &publics[layout::NOTE_OUT]);
    });
    b.section("rate", |b| rate(b, &shared, &publics));
    b.section("audit", |b| audit(b, &person.commitment, &publics));
    b
}

/// REDEEM-4 and REDEEM-5. v2 is below 2^64, so it is 0 in the field only as the number 0.
fn roots(b: &mut Builder, first: &Spent, second: &Spent, publics: &[Lc]) {
    let note_root = &publics[layout::NOTE_ROOT];
    b.assert_equal(&first.root, note_root);
    b.assert_mul(
        &(&second.root - note_root),
        &second.value,
        &Lc::constant(Fr::ZERO),
    );
}

/// REDEEM-6 and REDEEM-7: v_out = v1 + v2 − amount and v_out − floor, each of 64 bits. All parts are
/// below 2^64 (amount and floor by their types), so a difference below 0 lies near p and has no
/// 64 bits.
fn amounts(b: &mut Builder, first: &Spent, second: &Spent, publics: &[Lc]) -> Lc {
    let change = &first.value + &second.value - &publics[layout::AMOUNT];
    let change = b.section("change", |b| Lc::from_bits(&b.bits(&change, VALUE_BITS)));
    b.section("floor", |b| {
        b.bits(&(&change - &publics[layout::FLOOR]), VALUE_BITS)
    });
    change
}

/// REDEEM-9: rn = P(RATE; secret, rscope, idx) with idx of 16 bits and rlimit − 1 − idx too.
fn rate(b: &mut Builder, shared: &Shared, publics: &[Lc]) {
    let index = b.section("index", |b| {
        let index = Lc::from_bits(&bits::input_bits(b, "idx", INDEX_BITS));
        let left = &publics[layout::RATE_LIMIT] - Fr::ONE - &index;
        b.bits(&left, INDEX_BITS);
        index
    });
    b.section("nullifier", |b| {
        let inputs = [
            shared.secret.clone(),
            publics[layout::RATE_SCOPE].clone(),
            index,
        ];
        let hash = poseidon::hash(b, tags::RATE, &inputs);
        b.assert_equal(&hash, &publics[layout::RATE_NULLIFIER]);
    });
}

/// REDEEM-10 and REDEEM-11. The caller, which takes A from the ledger's state, checks that it is in
/// the subgroup and not the identity.
fn audit(b: &mut Builder, commitment: &Lc, publics: &[Lc]) {
    let exponent = b.section("exponent e", |b| {
        let e = bits::input_bits(b, "e", EXPONENT_BITS);
        SignedBits::new(b, &e)
    });
    b.section("ephemeral key", |b| {
        let u = fixed_base_u(b, &exponent, &Point::base());
        // Ey·(u + 1) = u − 1, and u is never −1: as `edwards_y`, with the y known.
        b.assert_mul(
            &(&u + Fr::ONE),
            &publics[layout::EPHEMERAL],
            &(&u - Fr::ONE),
        );
    });
    let shared_y = b.section("shared key", |b| {
        let a = EdwardsPoint {
            x: publics[layout::VIEW_KEY].clone(),
            y: publics[layout::VIEW_KEY + 1].clone(),
        };
        let a = from_edwards(b, &a);
        // A is multiplied only here: a table of its multiples would cost more.
        let u = variable_base_once_u(b, &exponent, &a);
        edwards_y(b, &u)
    });
    b.section("identity", |b| {
        let pad = poseidon::hash(b, tags::AUD, &[shared_y, publics[layout::SN1].clone()]);
        b.assert_equal(&(commitment + pad), &publics[layout::SEALED_IDENTITY]);
    });
}
