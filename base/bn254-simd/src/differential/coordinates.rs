//! Coordinates in lanes at the bounds that the formulas of additions and of Miller loops state.

use ark_bn254::Fq;
use ark_ff::PrimeField;
use ark_std::rand::{Rng, rngs::StdRng};
use num_bigint::BigUint;

use super::field::{Known, integer};
use super::{Outcome, same};
use crate::field::F8;
use crate::isa::{Ifma, Kernel};
use crate::lanes::{Coordinate, Pair8};

/// One case of coordinates.
pub(super) fn case(isa: Ifma, rng: &mut StdRng) -> Outcome {
    isa.vectorize(Coordinates(rng))
}

/// A coordinate in the extension, and the integers that its limbs stand for.
struct Pair {
    lanes: Pair8,
    values: [[BigUint; 2]; 8],
}

impl Pair {
    fn below(isa: Ifma, bound: u64, rng: &mut StdRng) -> Self {
        let (c0, c1) = (
            Known::<Fq>::below(isa, bound, rng),
            Known::<Fq>::below(isa, bound, rng),
        );
        Self {
            lanes: Pair8 {
                c0: c0.lanes,
                c1: c1.lanes,
            },
            values: core::array::from_fn(|i| [c0.values[i].clone(), c1.values[i].clone()]),
        }
    }
}

struct Coordinates<'a>(&'a mut StdRng);

impl Kernel for Coordinates<'_> {
    type Output = Outcome;

    fn run(self, isa: Ifma) -> Outcome {
        let Self(rng) = self;
        let p = integer(Fq::MODULUS.0);
        let radix = (BigUint::from(1u8) << 260) % &p;
        let mut count = 0;
        // Lane by lane: congruent to the expected value, and below `bound` hundredths of p.
        let mut check =
            |name: &str, got: &F8<Fq>, bound: u64, times: &BigUint, want: [BigUint; 8]| {
                for (lane, (got, want)) in got.words().into_iter().zip(want).enumerate() {
                    let got = integer(got);
                    let say = || format!("{name}, lane {lane}");
                    count += same(&(&got * times % &p), &(want % &p), say)?;
                    if &got * 100u32 >= &p * bound {
                        return Err(format!("{}: {got:#x} is not below its bound", say()));
                    }
                }
                Ok::<(), String>(())
            };
        let one = BigUint::from(1u8);
        let lanes = |f: &dyn Fn(usize) -> BigUint| -> [BigUint; 8] { core::array::from_fn(f) };
        // A multiple of p that exceeds every subtrahend.
        let big = &p * 1000u32;

        // Sums that the formulas take apart, in the prime field.
        let (a, b) = (
            Known::<Fq>::below(isa, 106, rng),
            Known::below(isa, 106, rng),
        );
        let x = Known::<Fq>::below(isa, 130, rng);
        let signed = {
            // Bound 2, and 2p itself: the opposite of zero.
            let y = Known::<Fq>::below(isa, 200, rng);
            let lanes = Coordinate::negate_where(&y.lanes, 0xff);
            let values = core::array::from_fn(|i| &p * 2u8 - &y.values[i]);
            Known::<Fq> { lanes, values }
        };
        check(
            "x - a - b",
            &Coordinate::minus_two(&x.lanes, &a.lanes, &b.lanes),
            106,
            &one,
            lanes(&|i| &x.values[i] + &big - &a.values[i] - &b.values[i]),
        )?;
        check(
            "x - y",
            &Coordinate::minus_to_stored(&x.lanes, &signed.lanes),
            106,
            &one,
            lanes(&|i| &x.values[i] + &big - &signed.values[i]),
        )?;
        check(
            "x^2 - a - b",
            &x.lanes.square_minus_two(&a.lanes, &b.lanes),
            106,
            &radix,
            lanes(&|i| &x.values[i] * &x.values[i] + &radix * (&big - &a.values[i] - &b.values[i])),
        )?;
        let wide = Known::<Fq>::below(isa, 400, rng);
        check(
            "x * w - y",
            &x.lanes.mul_minus(&wide.lanes, &signed.lanes),
            106,
            &radix,
            lanes(&|i| &x.values[i] * &wide.values[i] + &radix * (&big - &signed.values[i])),
        )?;

        // In the extension: u^2 = -1.
        let product = |x: &[BigUint; 2], y: &[BigUint; 2]| -> [BigUint; 2] {
            [
                &x[0] * &y[0] + &p * &big * 1000u32 - &x[1] * &y[1],
                &x[0] * &y[1] + &x[1] * &y[0],
            ]
        };
        let mut pair = |name: &str,
                        got: &Pair8,
                        bound,
                        times: &BigUint,
                        want: &dyn Fn(usize) -> [BigUint; 2]| {
            check(
                &format!("{name}, real"),
                &got.c0,
                bound,
                times,
                lanes(&|i| want(i)[0].clone()),
            )?;
            check(
                &format!("{name}, imaginary"),
                &got.c1,
                bound,
                times,
                lanes(&|i| want(i)[1].clone()),
            )
        };
        let (s, t) = (Pair::below(isa, 130, rng), Pair::below(isa, 400, rng));
        pair("product", &s.lanes.mul(&t.lanes), 130, &radix, &|i| {
            product(&s.values[i], &t.values[i])
        })?;
        pair("square", &s.lanes.square(), 111, &radix, &|i| {
            product(&s.values[i], &s.values[i])
        })?;
        let norm = t.lanes.denominator();
        let inverse = Known::<Fq>::below(isa, 110, rng);
        pair(
            "inverse",
            &t.lanes.inverse_from(&inverse.lanes),
            110,
            &radix,
            &|i| {
                let [c0, c1] = &t.values[i];
                [c0 * &inverse.values[i], (&big - c1) * &inverse.values[i]]
            },
        )?;
        let (stored, other) = (Pair::below(isa, 106, rng), Pair::below(isa, 106, rng));
        pair(
            "difference",
            &stored.lanes.minus(&other.lanes),
            306,
            &one,
            &|i| core::array::from_fn(|c| &stored.values[i][c] + &big - &other.values[i][c]),
        )?;
        pair(
            "s - a - b",
            &s.lanes.minus_two(&stored.lanes, &other.lanes),
            106,
            &one,
            &|i| {
                core::array::from_fn(|c| {
                    &s.values[i][c] + &big - &stored.values[i][c] - &other.values[i][c]
                })
            },
        )?;
        pair(
            "s^2 - a - b",
            &s.lanes.square_minus_two(&stored.lanes, &other.lanes),
            106,
            &radix,
            &|i| {
                let square = product(&s.values[i], &s.values[i]);
                core::array::from_fn(|c| {
                    &square[c] + &radix * (&big - &stored.values[i][c] - &other.values[i][c])
                })
            },
        )?;
        let opposite = Pair {
            lanes: stored.lanes.negate_where(0xff),
            values: stored.values.clone().map(|x| x.map(|x| &p * 2u8 - x)),
        };
        pair(
            "s * t - y",
            &s.lanes.mul_minus(&t.lanes, &opposite.lanes),
            106,
            &radix,
            &|i| {
                let product = product(&s.values[i], &t.values[i]);
                core::array::from_fn(|c| &product[c] + &radix * (&big - &opposite.values[i][c]))
            },
        )?;
        let mask: u8 = rng.r#gen();
        pair(
            "opposite",
            &stored.lanes.negate_where(mask),
            201,
            &one,
            &|i| {
                let negative = mask >> i & 1 == 1;
                core::array::from_fn(|c| match negative {
                    true => &big - &stored.values[i][c],
                    false => stored.values[i][c].clone(),
                })
            },
        )?;
        check(
            "norm",
            &norm,
            139,
            &radix,
            lanes(&|i| &t.values[i][0] * &t.values[i][0] + &t.values[i][1] * &t.values[i][1]),
        )?;
        Ok(count)
    }
}
