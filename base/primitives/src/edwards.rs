//! Baby Jubjub over arkworks' model of twisted Edwards curves.
//!
//! 168700·x² + y² = 1 + 168696·x²·y² over BN254's scalar field, of order 8·l (ERC-2494; circomlib).
//! It is defined here because no published crate of it builds without `std`. A test compares it
//! with one.

use ark_ec::{
    AdditiveGroup as _, CurveConfig,
    twisted_edwards::{Affine, MontCurveConfig, Projective, TECurveConfig},
};
use ark_ff::{BitIteratorBE, Field as _, Fp256, MontBackend, MontFp};
use subtle::{Choice, ConditionallySelectable as _};

use crate::Fr;

/// Integers modulo l, the order of the subgroup.
pub type Scalar = Fp256<MontBackend<ScalarConfig, 4>>;

/// A point, as x and y.
pub type EdwardsAffine = Affine<EdwardsConfig>;

/// A point, as x, y and t over z.
pub type EdwardsProjective = Projective<EdwardsConfig>;

#[allow(
    unexpected_cfgs,
    reason = "the derived code checks for a feature `asm`"
)]
mod scalar {
    use ark_ff::MontConfig;

    /// The field of scalars.
    #[derive(Debug, MontConfig)]
    #[modulus = "2736030358979909402780800718157159386076813972158567259200215660948447373041"]
    #[generator = "31"]
    pub struct ScalarConfig;
}

use scalar::ScalarConfig;

/// The curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EdwardsConfig;

impl CurveConfig for EdwardsConfig {
    type BaseField = Fr;
    type ScalarField = Scalar;

    const COFACTOR: &'static [u64] = &[8];
    /// 1/8 modulo l.
    const COFACTOR_INV: Scalar =
        MontFp!("2394026564107420727433200628387514462817212225638746351800188703329891451411");
}

impl TECurveConfig for EdwardsConfig {
    type MontCurveConfig = Self;

    const COEFF_A: Fr = MontFp!("168700");
    const COEFF_D: Fr = MontFp!("168696");
    /// circomlib's Base8, of the subgroup.
    const GENERATOR: EdwardsAffine = EdwardsAffine::new_unchecked(
        MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
        MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
    );

    /// The same operations for every scalar of this many words: arkworks' own multiplication skips
    /// leading zeros.
    fn mul_projective(base: &EdwardsProjective, scalar: &[u64]) -> EdwardsProjective {
        // The second point is always the first plus the base.
        let (mut first, mut second) = (EdwardsProjective::ZERO, *base);
        for bit in BitIteratorBE::new(scalar) {
            let bit = Choice::from(u8::from(bit));
            swap(&mut first, &mut second, bit);
            second += first;
            first.double_in_place();
            swap(&mut first, &mut second, bit);
        }
        first
    }

    fn mul_affine(base: &EdwardsAffine, scalar: &[u64]) -> EdwardsProjective {
        Self::mul_projective(&EdwardsProjective::from(*base), scalar)
    }
}

impl MontCurveConfig for EdwardsConfig {
    type TECurveConfig = Self;

    const COEFF_A: Fr = MontFp!("168698");
    const COEFF_B: Fr = Fr::ONE;
}

/// Swaps two points if `both` is 1, without a branch.
fn swap(a: &mut EdwardsProjective, b: &mut EdwardsProjective, both: Choice) {
    let coordinates = [
        (&mut a.x, &mut b.x),
        (&mut a.y, &mut b.y),
        (&mut a.t, &mut b.t),
        (&mut a.z, &mut b.z),
    ];
    for (a, b) in coordinates {
        for (a, b) in a.0.0.iter_mut().zip(&mut b.0.0) {
            u64::conditional_swap(a, b, both);
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::CurveGroup as _;
    use ark_ff::{BigInteger as _, PrimeField as _};
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
    use taceo_ark_babyjubjub as other;

    use super::*;

    fn same(ours: EdwardsProjective, theirs: other::EdwardsProjective) {
        let (ours, theirs) = (ours.into_affine(), theirs.into_affine());
        assert_eq!((ours.x, ours.y), (theirs.x, theirs.y));
    }

    #[test]
    fn it_is_the_curve_that_another_crate_has() {
        type Theirs = other::EdwardsConfig;
        type Ours = EdwardsConfig;
        assert_eq!(
            <Ours as TECurveConfig>::COEFF_A,
            <Theirs as TECurveConfig>::COEFF_A
        );
        assert_eq!(Ours::COEFF_D, Theirs::COEFF_D);
        assert_eq!(Ours::COFACTOR, Theirs::COFACTOR);
        assert_eq!(
            <Ours as MontCurveConfig>::COEFF_A,
            <Theirs as MontCurveConfig>::COEFF_A
        );
        assert_eq!(Ours::COEFF_B, Theirs::COEFF_B);
        assert_eq!(
            Scalar::MODULUS.to_bytes_le(),
            other::Fr::MODULUS.to_bytes_le()
        );
        assert_eq!(Ours::COFACTOR_INV * Scalar::from(8u64), Scalar::ONE);
        assert!(Ours::GENERATOR.is_on_curve());
        assert!(Ours::GENERATOR.is_in_correct_subgroup_assuming_on_curve());
        let theirs = Theirs::GENERATOR;
        let ours = Ours::GENERATOR;
        assert_eq!((ours.x, ours.y), (theirs.x, theirs.y));
    }

    #[test]
    fn multiples_are_those_of_another_crate() {
        let mut rng = StdRng::seed_from_u64(7);
        let theirs = other::EdwardsConfig::GENERATOR;
        let ours = EdwardsAffine::new_unchecked(theirs.x, theirs.y);
        let mut cases: Vec<[u64; 4]> = vec![[0; 4], [1, 0, 0, 0], Scalar::MODULUS.0, [u64::MAX; 4]];
        cases.extend((0..40).map(|_| rng.random::<[u64; 4]>()));
        for words in cases {
            for some in 1..=4 {
                same(
                    EdwardsConfig::mul_affine(&ours, &words[..some]),
                    other::EdwardsConfig::mul_affine(&theirs, &words[..some]),
                );
            }
            let reduced = words.map(|word| word >> 4);
            let (a, b) = (
                Scalar::from_le_bytes_mod_order(&reduced.map(u64::to_le_bytes).concat()),
                other::Fr::from_le_bytes_mod_order(&reduced.map(u64::to_le_bytes).concat()),
            );
            same(ours * a, theirs * b);
            same(ours * a + ours, theirs * b + theirs);
        }
    }
}
