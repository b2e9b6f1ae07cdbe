//! Square roots of many elements at once, in the base field and in its quadratic extension: the
//! expensive part of decompressing points.

use ark_bn254::{Fq, Fq2};
use ark_ff::Field;
#[cfg(target_arch = "x86_64")]
use ark_ff::{AdditiveGroup, MontFp, PrimeField};

#[cfg(target_arch = "x86_64")]
use crate::curve::SIXTEENTH;
#[cfg(target_arch = "x86_64")]
use crate::field::F8;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, Kernel};
#[cfg(target_arch = "x86_64")]
use crate::modulus::Modulus;
use crate::path::{Kind, Path};
#[cfg(target_arch = "x86_64")]
use crate::powers::{Exponent, LANES, power};

/// One of the two square roots of each element, if it has any. In lanes, sixteen elements or fewer
/// take about as long as three by themselves.
pub fn square_roots(path: Path, elements: &[Fq]) -> Vec<Option<Fq>> {
    match path.0 {
        Kind::Scalar => elements.iter().map(Field::sqrt).collect(),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => elements
            .chunks(2 * LANES)
            .flat_map(|elements| match elements.len() > LANES {
                true => roots::<2>(isa, elements),
                false => roots::<1>(isa, elements),
            })
            .collect(),
    }
}

/// As [`square_roots`], in the quadratic extension.
pub fn square_roots_in_extension(path: Path, elements: &[Fq2]) -> Vec<Option<Fq2>> {
    match path.0 {
        Kind::Scalar => elements.iter().map(Field::sqrt).collect(),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => elements
            .chunks(2 * LANES)
            .flat_map(|elements| match elements.len() > LANES {
                true => extension_roots::<2>(isa, elements),
                false => extension_roots::<1>(isa, elements),
            })
            .collect(),
    }
}

/// `e = (p - 3)/4`. For a square `x` other than 0, `x * x^e` is a root, and `x^e` is the inverse of
/// that root.
#[cfg(target_arch = "x86_64")]
const EXPONENT: Exponent = Exponent::new(
    Fq::MODULUS
        .divide_by_2_round_down()
        .divide_by_2_round_down()
        .0,
);

/// 1/2.
#[cfg(target_arch = "x86_64")]
const HALF: Fq =
    MontFp!("10944121435919637611123202872628637544348155578648911831344518947322613104292");

/// `C` vectors from up to `8 * C` elements; zeros behind them.
#[cfg(target_arch = "x86_64")]
fn vectors<const C: usize>(isa: Ifma, elements: impl Iterator<Item = Fq>) -> [F8<Fq>; C] {
    let mut lanes = [[Fq::ZERO; LANES]; C];
    for (lane, element) in lanes.iter_mut().flatten().zip(elements) {
        *lane = element;
    }
    lanes.map(|lanes| F8::from_ark(isa, &lanes))
}

/// The elements of `C` vectors.
#[cfg(target_arch = "x86_64")]
fn elements<const C: usize>(vectors: [F8<Fq>; C]) -> impl Iterator<Item = Fq> {
    vectors.into_iter().flat_map(|x| x.to_ark(SIXTEENTH))
}

#[cfg(target_arch = "x86_64")]
fn bits<const C: usize>(masks: [u8; C]) -> impl Iterator<Item = bool> {
    let lanes = |mask: u8| (0..LANES).map(move |lane| mask >> lane & 1 == 1);
    masks.into_iter().flat_map(lanes)
}

#[cfg(target_arch = "x86_64")]
fn roots<const C: usize>(isa: Ifma, squares: &[Fq]) -> Vec<Option<Fq>> {
    let lanes = vectors::<C>(isa, squares.iter().copied());
    let (roots, masks) = isa.vectorize(Roots(lanes));
    elements(roots)
        .zip(bits(masks))
        .map(|(root, is_root)| is_root.then_some(root))
        .take(squares.len())
        .collect()
}

/// Candidates of bound 1.03, and a mask of those that are roots.
#[cfg(target_arch = "x86_64")]
struct Roots<const C: usize>([F8<Fq>; C]);

#[cfg(target_arch = "x86_64")]
impl<const C: usize> Kernel for Roots<C> {
    type Output = ([F8<Fq>; C], [u8; C]);

    #[inline(always)]
    fn run(self, isa: Ifma) -> Self::Output {
        let mut roots = power(isa, &self.0, &EXPONENT);
        let mut masks = [0; C];
        for ((root, mask), x) in roots.iter_mut().zip(&mut masks).zip(&self.0) {
            *root = root.mul(x);
            *mask = root.square().minus(x).zero_mask();
        }
        (roots, masks)
    }
}

#[cfg(target_arch = "x86_64")]
fn extension_roots<const C: usize>(isa: Ifma, squares: &[Fq2]) -> Vec<Option<Fq2>> {
    let c0 = vectors::<C>(isa, squares.iter().map(|x| x.c0));
    let c1 = vectors::<C>(isa, squares.iter().map(|x| x.c1));
    let ExtensionAnswer { root, other, masks } = isa.vectorize(ExtensionRoots { c0, c1 });
    let [has_root, is_real] = masks;
    elements(root)
        .zip(elements(other))
        .zip(bits(has_root).zip(bits(is_real)))
        .zip(squares)
        .map(|(((root, other), (has_root, is_real)), square)| {
            if square.c1 == Fq::ZERO {
                return square.sqrt();
            }
            has_root.then(|| match is_real {
                true => Fq2::new(root, other),
                // The root of -delta: real and imaginary part are exchanged.
                false => Fq2::new(-other, root),
            })
        })
        .collect()
}

/// Roots by two exponentiations and no inversion (Adj and Rodríguez-Henríquez, eprint 2012/685,
/// section 4), for elements whose second coordinate is not 0.
///
/// Let `α^2 = c0^2 + c1^2` and `2δ = c0 + α`. Either `δ` or `-δ` is a square, because -1 is not one.
/// `δ` is not 0, because `c1` is not. Up to signs, the root is `d + c1/(2d)*u` if `d^2 = δ`, and
/// `c1/(2d) + d*u` if `d^2 = -δ`.
#[cfg(target_arch = "x86_64")]
struct ExtensionRoots<const C: usize> {
    c0: [F8<Fq>; C],
    c1: [F8<Fq>; C],
}

#[cfg(target_arch = "x86_64")]
struct ExtensionAnswer<const C: usize> {
    root: [F8<Fq>; C],
    other: [F8<Fq>; C],
    /// Whether there is a root, and whether `root` is its real part.
    masks: [[u8; C]; 2],
}

#[cfg(target_arch = "x86_64")]
impl<const C: usize> Kernel for ExtensionRoots<C> {
    type Output = ExtensionAnswer<C>;

    #[inline(always)]
    fn run(self, isa: Ifma) -> ExtensionAnswer<C> {
        let one = F8::splat(isa, Fq::sixteen().words());
        let half = F8::splat(isa, (HALF * Fq::sixteen()).words());
        let [mut has_root, mut is_real] = [[0; C]; 2];
        let mut norm = self.c0;
        for (norm, c1) in norm.iter_mut().zip(&self.c1) {
            // 1 + 2 / 84.
            *norm = F8::sum_of_squares([norm, c1]).carry();
        }
        let mut delta = power(isa, &norm, &EXPONENT);
        for i in 0..C {
            let alpha = delta[i].mul(&norm[i]);
            has_root[i] = alpha.square().minus(&norm[i]).zero_mask();
            // Times 1/2, after a sum of bound 2.03: 1 + 2.03 / 84.
            delta[i] = alpha.plus(&self.c0[i]).mul(&half);
        }
        let inverse = power(isa, &delta, &EXPONENT);
        let (mut root, mut other) = (delta, self.c1);
        for i in 0..C {
            root[i] = inverse[i].mul(&delta[i]);
            other[i] = other[i].mul(&half).mul(&inverse[i]);
            is_real[i] = root[i].mul(&inverse[i]).minus(&one).zero_mask();
        }
        let masks = [has_root, is_real];
        ExtensionAnswer { root, other, masks }
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// Random elements, small ones, opposites of small ones, and zero.
    fn elements(rng: &mut StdRng) -> Vec<Fq> {
        let small = (0..100u64).flat_map(|n| [Fq::from(n), -Fq::from(n)]);
        small.chain((0..200).map(|_| Fq::rand(rng))).collect()
    }

    #[test]
    fn an_element_has_a_root_where_arkworks_finds_one_on_every_path() {
        let values = elements(&mut StdRng::seed_from_u64(31));
        for path in Path::all() {
            for count in (0..35).chain([values.len()]) {
                let values = &values[values.len() - count..];
                let roots = square_roots(path, values);
                assert_eq!(roots.len(), count);
                for (root, value) in roots.iter().zip(values) {
                    assert_eq!(root.is_some(), value.sqrt().is_some(), "{value}");
                    assert!(root.is_none_or(|root| root.square() == *value), "{value}");
                }
            }
        }
    }

    #[test]
    fn an_element_of_the_extension_has_a_root_where_arkworks_finds_one_on_every_path() {
        let rng = &mut StdRng::seed_from_u64(32);
        let parts = elements(rng);
        let mut values: Vec<Fq2> = parts
            .iter()
            .zip(parts.iter().rev())
            .map(|(a, b)| Fq2::new(*a, *b))
            .collect();
        values.extend(parts.iter().map(|n| Fq2::new(*n, Fq::ZERO)));
        values.extend(parts.iter().map(|n| Fq2::new(Fq::ZERO, *n)));
        let squares: Vec<Fq2> = values.iter().map(Field::square).collect();
        values.extend(squares);
        let without = values.iter().filter(|value| value.sqrt().is_none()).count();
        assert!(without > 100, "{without}");
        for path in Path::all() {
            for count in (0..35).chain([values.len()]) {
                let values = &values[values.len() - count..];
                let roots = square_roots_in_extension(path, values);
                assert_eq!(roots.len(), count);
                for (root, value) in roots.iter().zip(values) {
                    assert_eq!(root.is_some(), value.sqrt().is_some(), "{value}");
                    assert!(root.is_none_or(|root| root.square() == *value), "{value}");
                }
            }
        }
    }
}
