//! Eight elements of `Fq12` at once: the operations of a Miller loop on its accumulator.
//!
//! `Fq12 = Fq2[w]/(w^6 - ξ)` with `ξ = 9 + u`. Arkworks writes the same field as
//! `(a0 + a1*v + a2*v^2) + (b0 + b1*v + b2*v^2)*w` with `v = w^2`: the coefficients here are
//! `a0, b0, a1, b1, a2, b2`.
//!
//! Products are written out, without Karatsuba's method: a coordinate of the result is a sum of
//! products in `Fq` that shares one reduction, and Karatsuba's additions would cost more here than
//! the products that they save.

use ark_bn254::{Fq, Fq2, Fq6, Fq12};

use crate::curve::SIXTEENTH;
use crate::field::{F8, Raw};
use crate::isa::{Ifma, Kernel};
use crate::lanes::Pair8;
use crate::modulus::Modulus;
use crate::unrolled::unrolled;

/// Eight elements: the coefficients of `1, w, .., w^5`, bound 1.06 each.
#[derive(Clone, Copy)]
pub(super) struct Twelve8(pub(super) [Pair8; 6]);

/// Eight values of lines `1 + a*w + b*w^3`, bound 1.06 each. `a = b = 0` makes a line that changes
/// nothing.
#[derive(Clone, Copy)]
pub(super) struct Line8 {
    pub(super) a: Pair8,
    pub(super) b: Pair8,
}

/// The second factor of products in `Fq2`, with the opposite that the real part needs.
#[derive(Clone, Copy)]
struct Factor {
    c0: F8<Fq>,
    c1: F8<Fq>,
    minus_c1: F8<Fq>,
}

impl Factor {
    /// Of bound 1.06. Bounds: 1.06, 1.06, 2.
    #[inline(always)]
    fn new(x: &Pair8) -> Self {
        Self {
            c0: x.c0,
            c1: x.c1,
            minus_c1: zero(&x.c1).minus(&x.c1.raw()).plus_multiple::<2>().carry(),
        }
    }

    /// `ξ*x = (9*c0 - c1) + (c0 + 9*c1)*u` for bound 1.06. Bounds: `9 * 1.06 + 2 < 11.6`, 10.6 and,
    /// as the opposite is taken from `11p`, 11.
    #[inline(always)]
    fn times_xi(x: &Pair8) -> Self {
        let c1 = x.c0.raw().plus(&nine(&x.c1));
        Self {
            c0: nine(&x.c0).minus(&x.c1.raw()).plus_multiple::<2>().carry(),
            c1: c1.carry(),
            minus_c1: zero(&x.c0)
                .minus(&c1)
                .plus_multiple::<7>()
                .plus_multiple::<4>()
                .carry(),
        }
    }
}

#[inline(always)]
fn nine(x: &F8<Fq>) -> Raw<Fq> {
    x.raw().times_power_of_two::<3>().plus(&x.raw())
}

#[inline(always)]
fn twice(x: &Pair8) -> Pair8 {
    Pair8 {
        c0: x.c0.plus(&x.c0),
        c1: x.c1.plus(&x.c1),
    }
}

#[inline(always)]
fn zero(x: &F8<Fq>) -> Raw<Fq> {
    x.raw().minus(&x.raw())
}

impl Twelve8 {
    /// One in every lane.
    pub(super) fn one(isa: Ifma) -> Self {
        let zero = F8::splat_limbs(isa, &[0; 5]);
        let mut out = Self([Pair8 { c0: zero, c1: zero }; 6]);
        out.0[0].c0 = F8::splat(isa, Fq::sixteen().words());
        out
    }

    /// The product of the eight lanes.
    pub(super) fn product_of_lanes(&self) -> Fq12 {
        let coefficients = self.0.map(|c| {
            let (c0, c1) = (c.c0.to_ark(SIXTEENTH), c.c1.to_ark(SIXTEENTH));
            core::array::from_fn::<Fq2, 8, _>(|lane| Fq2::new(c0[lane], c1[lane]))
        });
        (0..8)
            .map(|lane| {
                let [a0, b0, a1, b1, a2, b2] = coefficients.map(|lanes| lanes[lane]);
                Fq12::new(Fq6::new(a0, a1, a2), Fq6::new(b0, b1, b2))
            })
            .product()
    }

    /// `self *= line`. Coefficient `k` becomes `f_k + a*f_(k-1) + b*f_(k-3)`, where indices below
    /// zero wrap around with a factor of `ξ`.
    #[inline(always)]
    pub(super) fn mul_by_line(&mut self, line: &Line8) {
        let (a, b) = (Factor::new(&line.a), Factor::new(&line.b));
        let (xi_a, xi_b) = (Factor::times_xi(&line.a), Factor::times_xi(&line.b));
        let f = self.0;
        // Each coordinate: 1.06 + 1 + 2 * 1.06 * (11.6 + 11) / 84 < 2.7, and reduced to 1.06.
        self.0 = [
            plus_two_products(&f[0], (&f[5], &xi_a), (&f[3], &xi_b)),
            plus_two_products(&f[1], (&f[0], &a), (&f[4], &xi_b)),
            plus_two_products(&f[2], (&f[1], &a), (&f[5], &xi_b)),
            plus_two_products(&f[3], (&f[2], &a), (&f[0], &b)),
            plus_two_products(&f[4], (&f[3], &a), (&f[1], &b)),
            plus_two_products(&f[5], (&f[4], &a), (&f[2], &b)),
        ];
    }

    /// `self *= self`. Coefficient `k` is the sum of `f_i * f_j` over `i + j = k`, and `ξ` times
    /// that over `i + j = k + 6`. Products of different coefficients come twice.
    #[inline(always)]
    fn square(&mut self) {
        let f = self.0;
        // Bound 2.12.
        let twice = unrolled!(0 1 2 3 4 5; i => twice(&f[i]));
        let plain = unrolled!(0 1 2 3 4 5; i => Factor::new(&f[i]));
        let xi = unrolled!(0 1 2 3 4 5; i => Factor::times_xi(&f[i]));
        // Coefficient 0 has the most terms with ξ, two doubled products and a square:
        // 1 + (1.06 * 3.06 + 2 * 2.12 * 22.6 + 1.06 * 22.6) / 84 < 2.5, and reduced to 1.06.
        self.0 = [
            four_products(
                [&f[0], &twice[1], &twice[2], &f[3]],
                [&plain[0], &xi[5], &xi[4], &xi[3]],
            ),
            three_products(
                [&twice[0], &twice[2], &twice[3]],
                [&plain[1], &xi[5], &xi[4]],
            ),
            four_products(
                [&twice[0], &f[1], &twice[3], &f[4]],
                [&plain[2], &plain[1], &xi[5], &xi[4]],
            ),
            three_products(
                [&twice[0], &twice[1], &twice[4]],
                [&plain[3], &plain[2], &xi[5]],
            ),
            four_products(
                [&twice[0], &twice[1], &f[2], &f[5]],
                [&plain[4], &plain[3], &plain[2], &xi[5]],
            ),
            three_products(
                [&twice[0], &twice[1], &twice[2]],
                [&plain[5], &plain[4], &plain[3]],
            ),
        ];
    }
}

/// `f + x*y + z*t`, reduced.
#[inline(always)]
fn plus_two_products(f: &Pair8, (x, y): (&Pair8, &Factor), (z, t): (&Pair8, &Factor)) -> Pair8 {
    let left = [&x.c0, &x.c1, &z.c0, &z.c1];
    Pair8 {
        c0: F8::sum_of_products(left, [&y.c0, &y.minus_c1, &t.c0, &t.minus_c1])
            .plus(&f.c0.raw())
            .reduce(),
        c1: F8::sum_of_products(left, [&y.c1, &y.c0, &t.c1, &t.c0])
            .plus(&f.c1.raw())
            .reduce(),
    }
}

/// `Σ x*y`, reduced.
#[inline(always)]
fn three_products(x: [&Pair8; 3], y: [&Factor; 3]) -> Pair8 {
    let left = [&x[0].c0, &x[0].c1, &x[1].c0, &x[1].c1, &x[2].c0, &x[2].c1];
    let real = [
        &y[0].c0,
        &y[0].minus_c1,
        &y[1].c0,
        &y[1].minus_c1,
        &y[2].c0,
        &y[2].minus_c1,
    ];
    let imaginary = [&y[0].c1, &y[0].c0, &y[1].c1, &y[1].c0, &y[2].c1, &y[2].c0];
    Pair8 {
        c0: F8::sum_of_products(left, real).reduce(),
        c1: F8::sum_of_products(left, imaginary).reduce(),
    }
}

/// `Σ x*y`, reduced.
#[inline(always)]
fn four_products(x: [&Pair8; 4], y: [&Factor; 4]) -> Pair8 {
    let left = [
        &x[0].c0, &x[0].c1, &x[1].c0, &x[1].c1, &x[2].c0, &x[2].c1, &x[3].c0, &x[3].c1,
    ];
    let real = [
        &y[0].c0,
        &y[0].minus_c1,
        &y[1].c0,
        &y[1].minus_c1,
        &y[2].c0,
        &y[2].minus_c1,
        &y[3].c0,
        &y[3].minus_c1,
    ];
    let imaginary = [
        &y[0].c1, &y[0].c0, &y[1].c1, &y[1].c0, &y[2].c1, &y[2].c0, &y[3].c1, &y[3].c0,
    ];
    Pair8 {
        c0: F8::sum_of_products(left, real).reduce(),
        c1: F8::sum_of_products(left, imaginary).reduce(),
    }
}

/// `f *= f`.
pub(super) struct Square<'a>(pub(super) &'a mut Twelve8);

impl Kernel for Square<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: Ifma) {
        self.0.square();
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{Field, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    struct MulByLine<'a>(&'a mut Twelve8, Line8);

    impl Kernel for MulByLine<'_> {
        type Output = ();

        #[inline(always)]
        fn run(self, _: Ifma) {
            self.0.mul_by_line(&self.1);
        }
    }

    /// Words with bound 1.06: random, and the edges.
    fn words(rng: &mut StdRng, edge: usize) -> [u64; 4] {
        let p = Fq::LIMBS;
        assert!(p[4] > 0);
        let modulus = <Fq as ark_ff::PrimeField>::MODULUS.0;
        match edge {
            0 => [0; 4],
            1 => modulus,
            2 => [modulus[0] - 1, modulus[1], modulus[2], modulus[3]],
            // Limbs of all ones, and the largest value below 1.06p that has them.
            3 => [u64::MAX, u64::MAX, u64::MAX, modulus[3]],
            4 => {
                let top = modulus[3] + modulus[3] / 17;
                [u64::MAX, u64::MAX, u64::MAX, top]
            }
            5 => [0, 0, 0, modulus[3] + modulus[3] / 17],
            _ => Fq::rand(rng).words(),
        }
    }

    fn pair(isa: Ifma, rng: &mut StdRng, edges: &mut impl FnMut() -> usize) -> (Pair8, [Fq2; 8]) {
        let w0: [_; 8] = core::array::from_fn(|_| words(rng, edges()));
        let w1: [_; 8] = core::array::from_fn(|_| words(rng, edges()));
        let (c0, c1) = (F8::from_words(isa, &w0), F8::from_words(isa, &w1));
        let (a0, a1) = (c0.to_ark(SIXTEENTH), c1.to_ark(SIXTEENTH));
        (
            Pair8 { c0, c1 },
            core::array::from_fn(|i| Fq2::new(a0[i], a1[i])),
        )
    }

    fn twelve(coefficients: &[[Fq2; 8]; 6], lane: usize) -> Fq12 {
        let [a0, b0, a1, b1, a2, b2] = coefficients.map(|c| c[lane]);
        Fq12::new(Fq6::new(a0, a1, a2), Fq6::new(b0, b1, b2))
    }

    fn lanes(f: &Twelve8) -> [[Fq2; 8]; 6] {
        f.0.map(|c| {
            for words in c.c0.words().into_iter().chain(c.c1.words()) {
                // Bound 1.06, by the top words.
                let (top, p) = (
                    u128::from(words[3]),
                    <Fq as ark_ff::PrimeField>::MODULUS.0[3],
                );
                assert!(top * 100 <= u128::from(p) * 106 + 100);
            }
            let (c0, c1) = (c.c0.to_ark(SIXTEENTH), c.c1.to_ark(SIXTEENTH));
            core::array::from_fn(|i| Fq2::new(c0[i], c1[i]))
        })
    }

    #[test]
    fn squares_and_lines_agree_with_arkworks_at_the_edges_too() {
        let Some(isa) = Ifma::detect() else { return };
        let mut rng = StdRng::seed_from_u64(21);
        for round in 0..400usize {
            // First rounds with one edge value in all places, then mixed, then random.
            let mut count = round;
            let mut edges = || {
                count = count
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                match round {
                    0..6 => round,
                    6..200 => count >> 33 & 7,
                    _ => 7,
                }
            };
            let pairs: [_; 6] = core::array::from_fn(|_| pair(isa, &mut rng, &mut edges));
            let mut f = Twelve8(pairs.map(|(lanes, _)| lanes));
            let before = pairs.map(|(_, ark)| ark);
            let mut squared = f;
            isa.vectorize(Square(&mut squared));
            let squared = lanes(&squared);
            let (a, a_ark) = pair(isa, &mut rng, &mut edges);
            let (b, b_ark) = pair(isa, &mut rng, &mut edges);
            isa.vectorize(MulByLine(&mut f, Line8 { a, b }));
            let after = lanes(&f);
            for lane in 0..8 {
                let x = twelve(&before, lane);
                assert_eq!(
                    twelve(&squared, lane),
                    x.square(),
                    "round {round} lane {lane}"
                );
                let mut want = x;
                want.mul_by_034(&Fq2::ONE, &a_ark[lane], &b_ark[lane]);
                assert_eq!(twelve(&after, lane), want, "round {round} lane {lane}");
            }
            let all: Fq12 = (0..8).map(|lane| twelve(&after, lane)).product();
            assert_eq!(f.product_of_lanes(), all);
        }
    }
}
