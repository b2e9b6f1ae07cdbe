//! Which of many elements of the scalar field are squares.

use ark_bn254::Fr;
#[cfg(target_arch = "x86_64")]
use ark_ff::PrimeField;
use ark_ff::{Field, LegendreSymbol};

#[cfg(target_arch = "x86_64")]
use crate::field::F8;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, Kernel};
#[cfg(target_arch = "x86_64")]
use crate::modulus::Modulus;
use crate::path::{Kind, Path};
#[cfg(target_arch = "x86_64")]
use crate::powers::{Exponent, LANES, power};

/// Whether each element is the square of an element other than 0, by Euler's criterion. In lanes,
/// sixteen elements or fewer take as long as two by themselves.
pub fn are_nonzero_squares(path: Path, elements: &[Fr]) -> Vec<bool> {
    match path.0 {
        Kind::Scalar => elements
            .iter()
            .map(|x| x.legendre() == LegendreSymbol::QuadraticResidue)
            .collect(),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => in_lanes(isa, elements),
    }
}

#[cfg(target_arch = "x86_64")]
fn in_lanes(isa: Ifma, elements: &[Fr]) -> Vec<bool> {
    let mut squares = Vec::with_capacity(elements.len());
    for elements in elements.chunks(2 * LANES) {
        let masks = if elements.len() > LANES {
            isa.vectorize(Criterion::<2>(elements))
        } else {
            let [mask] = isa.vectorize(Criterion::<1>(elements));
            [mask, 0]
        };
        let mask = u16::from_le_bytes(masks);
        squares.extend((0..elements.len()).map(|i| mask >> i & 1 == 1));
    }
    squares
}

/// (p - 1)/2.
#[cfg(target_arch = "x86_64")]
const EXPONENT: Exponent = Exponent::new(<Fr as PrimeField>::MODULUS_MINUS_ONE_DIV_TWO.0);

/// Up to `8 * C` elements in `C` vectors; answers a bit for each.
#[cfg(target_arch = "x86_64")]
struct Criterion<'a, const C: usize>(&'a [Fr]);

#[cfg(target_arch = "x86_64")]
impl<const C: usize> Kernel for Criterion<'_, C> {
    type Output = [u8; C];

    #[inline(always)]
    fn run(self, isa: Ifma) -> [u8; C] {
        // The number 1 in lanes: 2^260.
        let one = F8::<Fr>::splat(isa, Fr::sixteen().words());
        let mut base = [one; C];
        for (base, elements) in base.iter_mut().zip(self.0.chunks(LANES)) {
            let mut words = [[0; 4]; LANES];
            for (words, element) in words.iter_mut().zip(elements) {
                // Arkworks keeps x * 2^256, which the lanes read as x / 16: a square if x is one.
                *words = element.words();
            }
            *base = F8::from_words(isa, &words);
        }
        let power = power(isa, &base, &EXPONENT);
        let mut masks = [0; C];
        for (mask, power) in masks.iter_mut().zip(&power) {
            *mask = power.minus(&one).zero_mask();
        }
        masks
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;

    use super::*;

    #[test]
    fn every_number_of_elements_is_told_apart_on_every_path() {
        for path in Path::all() {
            assert_eq!(
                are_nonzero_squares(path, &[Fr::ZERO, Fr::ONE, Fr::from(5u64).square()]),
                [false, true, true]
            );
            for count in 0..=35u64 {
                let elements: Vec<Fr> = (0..count)
                    .map(|i| {
                        if i % 3 == 0 {
                            -Fr::from(i)
                        } else {
                            Fr::from(i)
                        }
                    })
                    .collect();
                let want: Vec<bool> = elements
                    .iter()
                    .map(|x| x.sqrt().is_some() && *x != Fr::ZERO)
                    .collect();
                assert_eq!(
                    are_nonzero_squares(path, &elements),
                    want,
                    "{}",
                    path.name()
                );
            }
        }
    }
}
