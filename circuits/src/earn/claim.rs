//! One claim: records, commitment, credits, note, binding, audit encryption.

use merits_formula::Typed;
use merits_primitives::{Fr, commitment, jubjub::Point, tags, view_encryption::EXPONENT_BITS};
use merits_verifier::statement::earn as layout;

use super::records;
use crate::{
    builder::{Bit, Builder, Lc},
    formula,
    gadgets::{
        bits,
        jubjub::{PointTable, SignedBits, edwards_y, fixed_base_u, variable_base_u},
        poseidon,
    },
};

/// The inputs that every claim of the batch reads.
pub(super) struct Shared {
    pub(super) asset: Lc,
    pub(super) expiry: Lc,
    pub(super) schema: Lc,
    pub(super) period: Lc,
    pub(super) constants: Vec<Lc>,
    /// Multiples of A, made once.
    pub(super) view_key: PointTable,
}

/// Builds claim `i`. Returns the claim's addends of the batch's totals: present·v and, if the scale
/// has a measure, present·w.
///
/// The order of private inputs here is the order of `ClaimWitness::inputs`. If `present` is 0,
/// every public input is forced to 0 for any witness, and a witness of no records and zeros
/// satisfies the rest.
pub(super) fn claim(
    b: &mut Builder,
    typed: &Typed,
    shared: &Shared,
    i: usize,
    present: &Bit,
    public: &[Lc],
) -> (Lc, Option<Lc>) {
    let label = |name: &str| format!("claim[{i}].{name}");
    let key = b.input(&label("K"));
    let handle = b.input(&label("h"));
    let salt = b.input(&label("s"));
    // EARN-2: each public input is present times its value.
    let publish = |b: &mut Builder, at: usize, value: &Lc| {
        b.assert_mul(value, present.lc(), &public[at]);
    };

    let slots = b.section("records", |b| {
        records::slots(b, typed.schema(), &label("record"))
    });
    let c = b.section("commitment", |b| {
        let header = [&shared.schema, &shared.period, &slots.count, &handle, &salt];
        let c = chain(b, header.into_iter().chain(&slots.packed));
        publish(b, layout::CLAIM_COMMITMENT, &c);
        c
    });
    // EARN-7: v = F(records; constants), in [0, V_max] by the formula's own constraints.
    // EARN-15: w = F2(records; constants), in [0, W_max] likewise.
    let outputs = b.section("formula", |b| {
        formula::compile(b, typed, &slots.records, &shared.constants)
    });
    let (credits, measure) = (outputs.credits, outputs.measure);
    // Both ciphertexts carry v + 2^64·w: V_max, W_max < 2^64, so the sum has one reading.
    let earned = match &measure {
        None => credits.clone(),
        Some(measure) => &credits + measure * Fr::from(1u128 << 64),
    };
    // EARN-9: (b, pad) = P(BIND; K, h)[0, 1], u = v + 2^64·w + pad.
    b.section("binding", |b| {
        let [binding, pad] = poseidon::hash2(b, tags::BIND, &[key.clone(), handle.clone()]);
        publish(b, layout::CLAIM_BINDING, &binding);
        publish(b, layout::CLAIM_HIDDEN, &(&earned + pad));
    });
    // EARN-8: cm = P(NOTE; v + 2^64·expiry + 2^96·asset, K). The ledger's types bound expiry
    // and asset, EARN-7 bounds v: the sum has one reading.
    b.section("note", |b| {
        let value = &credits
            + &shared.expiry * Fr::from(1u128 << 64)
            + &shared.asset * Fr::from(1u128 << 96);
        let note = poseidon::hash(b, tags::NOTE, &[value, key.clone()]);
        publish(b, layout::CLAIM_NOTE, &note);
    });
    let exponent = b.section("exponent e", |b| {
        let e = bits::input_bits(b, &label("e"), EXPONENT_BITS);
        SignedBits::new(b, &e)
    });
    // EARN-10: E = e·B8, Ey = E.y.
    b.section("ephemeral key", |b| {
        let u = fixed_base_u(b, &exponent, &Point::base());
        let y = edwards_y(b, &u);
        publish(b, layout::CLAIM_EPHEMERAL, &y);
    });
    // EARN-11: S = e·A with the same e, (k0, k1) = P(AUD; S.y, C)[0, 1], cv = v + 2^64·w + k0,
    // ch = h + k1.
    let shared_y = b.section("shared key", |b| {
        let u = variable_base_u(b, &exponent, &shared.view_key);
        edwards_y(b, &u)
    });
    b.section("audit", |b| {
        let [k0, k1] = poseidon::hash2(b, tags::AUD, &[shared_y, c]);
        publish(b, layout::CLAIM_CREDITS, &(&earned + k0));
        publish(b, layout::CLAIM_HANDLE, &(&handle + k1));
    });
    // EARN-13, EARN-17: an absent claim adds nothing.
    b.section("to total", |b| {
        let credits = b.mul(&credits, present.lc());
        let measure = measure.map(|measure| b.mul(&measure, present.lc()));
        (credits, measure)
    })
}

/// EARN-6: c := P(REC; c, next 11 elements) from c = 0, zeros filling the last chunk.
fn chain<'a>(b: &mut Builder, elements: impl Iterator<Item = &'a Lc>) -> Lc {
    let elements: Vec<&Lc> = elements.collect();
    elements
        .chunks(commitment::CHUNK)
        .fold(Lc::zero(), |link, chunk| {
            let mut inputs = vec![Lc::zero(); commitment::CHUNK + 1];
            inputs[0] = link;
            for (input, element) in inputs[1..].iter_mut().zip(chunk) {
                *input = (*element).clone();
            }
            poseidon::hash(b, tags::REC, &inputs)
        })
}
