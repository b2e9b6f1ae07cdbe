//! The Miller loop of the optimal ate pairing (Vercauteren, IEEE IT 2010) for many pairs, eight a
//! vector, with one accumulator for all.
//!
//! Points of G2 are kept affine: the line through `T` and `S` with slope `m`, scaled by `1/y_P`, is
//! `1 - m*(x_P/y_P)*w + (m*x_T - y_T)*(1/y_P)*w^3`, and a line whose first coefficient is one costs
//! a quarter less to multiply in than one of projective coordinates. Scaling by elements of `Fq2`
//! changes the loop's value, and not the pairing: the final exponent is a multiple of `p^2 - 1`.
//!
//! The slopes' denominators of a step are inverted together for all vectors, as in
//! [`crate::affine`]: a pass that multiplies them up, one inversion, a pass back.
//!
//! # No exceptional cases
//!
//! A slope's denominator is zero when a point of order two is doubled, or `T = ±S` is added. For `Q`
//! of prime order `r` (odd) the first cannot be. In the loop `T = kQ` with `k` a prefix of the digits
//! of `6x+2`, and `S` is `±Q`, then `pQ`, then `-p^2*Q` (Frobenius is multiplication by `p` there):
//! the test `no_addition_of_the_loop_is_exceptional` goes through all of them modulo `r`. Hence a
//! denominator is zero only for a point outside the subgroup; the inversion then fails, and the
//! caller falls back to arkworks' formulas.
//!
//! # Bounds
//!
//! "Stored" means bound 1.06. All of `T`, `Q` and the values at `P` are stored. Each line below says
//! the bound of its result, by the rules in [`crate::lanes::Coordinate`].

use ark_bn254::{Config, Fq, Fq2, Fq12, G1Affine, G2Affine};
use ark_ec::{AffineRepr, bn::BnConfig};
use ark_ff::{AdditiveGroup, One, serial_batch_inversion_and_mul};

use super::lines::PreparedLines;
use super::tower::{Line8, Square, Twelve8};
use crate::field::F8;
use crate::isa::{Ifma, Kernel};
use crate::lanes::{Coordinate, Pair8};
use crate::modulus::Modulus;

/// Vectors that share an accumulator and a step's inversion: about 300 KB, within a second cache.
const VECTORS: usize = 64;

/// What a step does with the points in G2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Doubling.
    Double,
    /// Adding `Q`, or its opposite.
    Add { minus: bool },
    /// Adding the image of `Q` under Frobenius.
    AddImage,
    /// Adding the opposite of its image under the square of Frobenius.
    SubtractSecondImage,
}

/// The steps, and before which of them the accumulator is squared.
fn steps() -> impl Iterator<Item = (bool, Step)> {
    let digits = Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate();
    digits
        .flat_map(|(position, digit)| {
            let add = (*digit != 0).then_some((false, Step::Add { minus: *digit < 0 }));
            core::iter::once((position > 0, Step::Double)).chain(add)
        })
        .chain([(false, Step::AddImage), (false, Step::SubtractSecondImage)])
}

/// Eight points of the curve over `Fq2`, stored.
#[derive(Clone, Copy)]
struct Points8 {
    x: Pair8,
    y: Pair8,
}

/// Eight pairs under way.
struct Pairs8 {
    /// `-x_P/y_P` and `1/y_P`, or zeros, which make every line one.
    p: [F8<Fq>; 2],
    q: Points8,
    t: Points8,
    // Values that the second pass of a step takes from the first: the slope's two parts, the parts of
    // the denominator's inverse, the x of the other point, and the product of the denominators before
    // this one.
    rise: Pair8,
    run: Pair8,
    norm: F8<Fq>,
    other_x: Pair8,
    before: F8<Fq>,
}

/// Lines of up to eight fixed points.
struct Fixed8 {
    p: [F8<Fq>; 2],
    /// Slope and `m*x_T - y_T` of each step.
    lines: Vec<[Pair8; 2]>,
}

/// The product of the pairs' Miller functions, up to factors that the final exponentiation removes.
/// No point may be the identity. `None` is possible only if a point is outside its subgroup.
pub(super) fn product(
    isa: Ifma,
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &PreparedLines)],
) -> Option<Fq12> {
    let evaluations = evaluations(
        pairs
            .iter()
            .map(|(p, _)| p)
            .chain(fixed.iter().map(|(p, _)| p)),
    );
    let (of_pairs, of_fixed) = evaluations.split_at(pairs.len());
    let mut fixed: Vec<Fixed8> = fixed
        .chunks(8)
        .zip(of_fixed.chunks(8))
        .map(|(fixed, p)| Fixed8::new(isa, fixed, p))
        .collect();
    let mut total = Fq12::one();
    let (mut pairs, mut evaluations) = (pairs.chunks(8 * VECTORS), of_pairs.chunks(8 * VECTORS));
    loop {
        let (group, p) = (
            pairs.next().unwrap_or_default(),
            evaluations.next().unwrap_or_default(),
        );
        if group.is_empty() && fixed.is_empty() {
            return Some(total);
        }
        let mut vectors: Vec<Pairs8> = group
            .chunks(8)
            .zip(p.chunks(8))
            .map(|(pairs, p)| Pairs8::new(isa, pairs, p))
            .collect();
        total *= run(isa, &mut vectors, &fixed)?;
        fixed.clear();
    }
}

/// `-x/y` and `1/y` of points in G1. A point with `y = 0` has order two, and the group has no such
/// point.
fn evaluations<'a>(points: impl Iterator<Item = &'a G1Affine> + Clone) -> Vec<[Fq; 2]> {
    let mut inverses: Vec<Fq> = points.clone().map(|p| p.y).collect();
    serial_batch_inversion_and_mul(&mut inverses, &Fq::one());
    points
        .zip(inverses)
        .map(|(p, inverse)| [-(p.x * inverse), inverse])
        .collect()
}

fn run(isa: Ifma, vectors: &mut [Pairs8], fixed: &[Fixed8]) -> Option<Fq12> {
    let mut f = Twelve8::one(isa);
    for (index, (square, step)) in steps().enumerate() {
        if square {
            isa.vectorize(Square(&mut f));
        }
        if !vectors.is_empty() {
            let product = isa.vectorize(Forward { vectors, step });
            let inverse = product.inverse(isa)?;
            isa.vectorize(Backward {
                vectors,
                inverse,
                f: &mut f,
            });
        }
        isa.vectorize(MulFixed {
            fixed,
            index,
            f: &mut f,
        });
    }
    Some(f.product_of_lanes())
}

/// From eight elements or fewer; the other lanes are `rest`.
fn lanes<T>(isa: Ifma, items: &[T], rest: Fq, get: impl Fn(&T) -> Fq) -> F8<Fq> {
    F8::from_ark(
        isa,
        &core::array::from_fn(|lane| items.get(lane).map_or(rest, &get)),
    )
}

fn both(isa: Ifma, x: &[Fq2; 8]) -> Pair8 {
    Pair8 {
        c0: F8::from_ark(isa, &x.map(|x| x.c0)),
        c1: F8::from_ark(isa, &x.map(|x| x.c1)),
    }
}

fn at_p(isa: Ifma, p: &[[Fq; 2]]) -> [F8<Fq>; 2] {
    [0, 1].map(|i| lanes(isa, p, Fq::ZERO, |p| p[i]))
}

impl Pairs8 {
    /// Lanes past the end hold the generator and are switched off by their `p`.
    fn new(isa: Ifma, pairs: &[(G1Affine, G2Affine)], p: &[[Fq; 2]]) -> Self {
        let q: [G2Affine; 8] =
            core::array::from_fn(|lane| pairs.get(lane).map_or(G2Affine::generator(), |(_, q)| *q));
        let q = Points8 {
            x: both(isa, &q.map(|q| q.x)),
            y: both(isa, &q.map(|q| q.y)),
        };
        Self {
            p: at_p(isa, p),
            q,
            t: q,
            rise: q.x,
            run: q.x,
            norm: q.x.c0,
            other_x: q.x,
            before: q.x.c0,
        }
    }
}

impl Fixed8 {
    fn new(isa: Ifma, fixed: &[(G1Affine, &PreparedLines)], p: &[[Fq; 2]]) -> Self {
        let count = steps().count();
        let zero = [Fq2::ZERO; 2];
        let lines = (0..count)
            .map(|step| {
                let of = |lane: usize| {
                    let lines = fixed.get(lane).map(|(_, prepared)| prepared.lines());
                    *lines.and_then(|lines| lines.get(step)).unwrap_or(&zero)
                };
                let lines: [[Fq2; 2]; 8] = core::array::from_fn(of);
                [0, 1].map(|i| both(isa, &lines.map(|line| line[i])))
            })
            .collect();
        Self {
            p: at_p(isa, p),
            lines,
        }
    }
}

/// The value at P of the line with this slope (bound 1.3) and `m*x_T - y_T` (stored).
#[inline(always)]
fn line(slope: &Pair8, offset: &Pair8, p: &[F8<Fq>; 2]) -> Line8 {
    // 1 + 1.3 * 1.06 / 84 < 1.02.
    Line8 {
        a: Pair8 {
            c0: slope.c0.mul(&p[0]),
            c1: slope.c1.mul(&p[0]),
        },
        b: Pair8 {
            c0: offset.c0.mul(&p[1]),
            c1: offset.c1.mul(&p[1]),
        },
    }
}

/// First pass of a step: slopes' parts, and the product of their denominators.
struct Forward<'a> {
    vectors: &'a mut [Pairs8],
    step: Step,
}

impl Kernel for Forward<'_> {
    type Output = F8<Fq>;

    #[inline(always)]
    fn run(self, isa: Ifma) -> F8<Fq> {
        let mut product = F8::splat(isa, Fq::sixteen().words());
        for vector in self.vectors {
            let t = vector.t;
            if self.step == Step::Double {
                // 3x^2 over 2y. A square has bound 1.1, so bounds 3.3 and 2.12.
                let [c0, c1] = t.x.raw_square();
                vector.rise = Pair8 {
                    c0: c0.plus(&c0).plus(&c0).carry(),
                    c1: c1.plus(&c1).plus(&c1).carry(),
                };
                vector.run = Pair8 {
                    c0: t.y.c0.plus(&t.y.c0),
                    c1: t.y.c1.plus(&t.y.c1),
                };
                vector.other_x = t.x;
            } else {
                // Bounds 3.06, and 4: the opposite of y has bound 2.
                let s = operand(isa, &vector.q, self.step);
                vector.rise = s.y.minus(&t.y);
                vector.run = s.x.minus(&t.x);
                vector.other_x = s.x;
            }
            vector.norm = vector.run.denominator();
            vector.before = product;
            product = product.mul(&vector.norm);
        }
        product
    }
}

/// The points that a step adds: stored, with a `y` of bound 2.
#[inline(always)]
fn operand(isa: Ifma, q: &Points8, step: Step) -> Points8 {
    match step {
        Step::Double | Step::Add { minus: false } => *q,
        Step::Add { minus: true } => Points8 {
            x: q.x,
            y: q.y.negate_where(0xff),
        },
        Step::AddImage => frobenius(isa, q),
        Step::SubtractSecondImage => {
            let image = frobenius(isa, &frobenius(isa, q));
            Points8 {
                x: image.x,
                y: image.y.negate_where(0xff),
            }
        }
    }
}

/// The image under untwist, Frobenius, twist: stored to stored.
#[inline(always)]
fn frobenius(isa: Ifma, q: &Points8) -> Points8 {
    Points8 {
        x: conjugate_times(isa, &q.x, Config::TWIST_MUL_BY_Q_X),
        y: conjugate_times(isa, &q.y, Config::TWIST_MUL_BY_Q_Y),
    }
}

/// The conjugate of `x` (stored) times a constant, stored.
#[inline(always)]
fn conjugate_times(isa: Ifma, x: &Pair8, by: Fq2) -> Pair8 {
    let splat = |c: Fq| F8::splat(isa, (c * Fq::sixteen()).words());
    let by = Pair8 {
        c0: splat(by.c0),
        c1: splat(by.c1),
    };
    // Bounds 1.06 and 2 times 1: 1 + 3.06 / 84 < 1.04.
    let conjugate = Pair8 {
        c0: x.c0,
        c1: x.c1.negate_where(0xff),
    };
    by.mul(&conjugate)
}

/// Second pass of a step: slopes, the new points, and the lines into the accumulator.
struct Backward<'a> {
    vectors: &'a mut [Pairs8],
    inverse: F8<Fq>,
    f: &'a mut Twelve8,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: Ifma) {
        let mut inverse = self.inverse;
        for vector in self.vectors.iter_mut().rev() {
            let own = inverse.mul(&vector.before);
            inverse = inverse.mul(&vector.norm);
            // The inverse has bound 1.1 and the rise 4 at most, so the slope has bound 1.3.
            let slope = Pair8::inverse_from(&vector.run, &own).mul(&vector.rise);
            let t = vector.t;
            let x = slope.square_minus_two(&t.x, &vector.other_x);
            let y = slope.mul_minus(&t.x.minus(&x), &t.y);
            let offset = slope.mul_minus(&t.x, &t.y);
            vector.t = Points8 { x, y };
            self.f.mul_by_line(&line(&slope, &offset, &vector.p));
        }
    }
}

/// Multiplies the lines of fixed points of one step into the accumulator.
struct MulFixed<'a> {
    fixed: &'a [Fixed8],
    index: usize,
    f: &'a mut Twelve8,
}

impl Kernel for MulFixed<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: Ifma) {
        for vector in self.fixed {
            if let Some([slope, offset]) = vector.lines.get(self.index) {
                self.f.mul_by_line(&line(slope, offset, &vector.p));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::Fr;
    use ark_ff::{Field, PrimeField, Zero};

    use super::*;

    /// Frobenius is multiplication by p on G2, so every point that the loop adds is a multiple of Q
    /// that is known modulo r.
    #[test]
    fn no_addition_of_the_loop_is_exceptional() {
        let p = Fr::from_le_bytes_mod_order(&{
            let mut bytes = [0u8; 32];
            for (out, word) in bytes.chunks_mut(8).zip(Fq::MODULUS.0) {
                out.copy_from_slice(&word.to_le_bytes());
            }
            bytes
        });
        let mut k = Fr::ONE;
        let mut additions = 0;
        for (_, step) in steps() {
            let s = match step {
                Step::Double => k,
                Step::Add { minus } => {
                    if minus {
                        -Fr::ONE
                    } else {
                        Fr::ONE
                    }
                }
                Step::AddImage => p,
                Step::SubtractSecondImage => -(p * p),
            };
            if step != Step::Double {
                assert!(k != s && k != -s, "{step:?}");
                additions += 1;
            }
            k += s;
            assert!(!k.is_zero());
        }
        assert_eq!(additions, 23);
        // The loop ends at 6x + 2 + p - p^2, which with p^3 is a multiple of r: the ate pairing.
        assert!((k + p * p * p).is_zero());
    }
}
