//! The secret, and the identity commitment that follows from it.

use ark_ec::CurveGroup;
use ark_ff::PrimeField;
use merits_primitives::{
    Fr,
    identity::{SECRET_BITS, Secret},
    jubjub::{Point, Scalar},
    tags,
};

use crate::{
    builder::{Bit, Builder, Lc},
    gadgets::{
        compare,
        jubjub::{EdwardsPoint, SignedBits, add, fixed_base, half_base, to_edwards},
        poseidon,
    },
};

/// Bits of the secret in the chain of incomplete additions: all but the top one.
const CHAINED: usize = SECRET_BITS - 1;

/// A person, by the secret and what follows from it.
#[derive(Clone, Debug)]
pub struct Person {
    /// The secret, in [1, l).
    pub secret: Lc,
    /// IC, the identity commitment.
    pub commitment: Lc,
}

/// A person whose secret is in [1, l) (PERSON-1), with IC = Pos2((secret·B8).x, (secret·B8).y)
/// (PERSON-2). One private input: [`secret_inputs`].
pub fn person(b: &mut Builder) -> Person {
    b.section("person", |b| {
        let secret = b.input("secret");
        let bits = b.section("secret", |b| b.bits(&secret, SECRET_BITS));
        // PERSON-1: for small secrets, secret + l has 251 bits too, and it has the same IC, but other
        // nullifiers.
        b.section("order", |b| {
            compare::assert_below(b, &bits, Scalar::MODULUS);
        });
        let key = b.section("key", |b| {
            let key = multiple_of_base(b, &bits);
            // PERSON-1: among the multiples of B8 below l only the identity, of secret 0, has x = 0.
            b.quotient(&Lc::one(), &key.x);
            key
        });
        let commitment = b.section("commitment", |b| {
            poseidon::hash(b, tags::PLAIN, &[key.x, key.y])
        });
        Person { secret, commitment }
    })
}

/// Appends the private input of [`person`].
pub fn secret_inputs(secret: &Secret, out: &mut Vec<Fr>) {
    out.push(secret.element());
}

/// V·B8 for V = Σ 2^i·v_i over 251 bits, for every V. Costs: 125 for the products of windows, 372
/// for the chain, 2 for the conversion to Edwards form, 6 for the last addition.
///
/// With H = B8/2 and s_i = 2·v_i − 1, V·B8 = (Σ_{i<250} s_i·2^i)·H + (2^250 − 1)·H +
/// v_250·2^250·B8. The first term is an odd multiple of H below l, which signed windows give by
/// incomplete additions (`gadgets::jubjub`). The rest is one of two constant points, by v_250. The
/// sum of both may be any point, so that addition is complete.
fn multiple_of_base(b: &mut Builder, bits: &[Bit]) -> EdwardsPoint {
    let (low, top) = (&bits[..CHAINED], &bits[CHAINED]);
    let (half, without) = half_base(CHAINED);
    let signed = SignedBits::new(b, low);
    let chained = fixed_base(b, &signed, &half);
    let chained = to_edwards(b, &chained);
    let power = Scalar::from_bigint(<Scalar as PrimeField>::BigInt::from(1u64) << CHAINED as u32);
    // 2^250 is below l, which has 251 bits.
    let power = power.unwrap_or_default();
    let with = (without + Point::base().projective() * power).into_affine();
    let without = without.into_affine();
    // `top` is a bit, so this is one of the two points.
    let select = |with: Fr, without: Fr| top.lc() * (with - without) + without;
    let rest = EdwardsPoint {
        x: select(with.x, without.x),
        y: select(with.y, without.y),
    };
    add(b, &chained, &rest)
}
