//! Inverses modulo the base field's prime, for the one inversion that a batch of additions shares:
//! the binary greatest common divisor on approximations of 64 bits (Pornin, eprint 2020/972), here
//! in variable time, with as many halvings at once as there are zeros.
//!
//! # Method
//!
//! Start with `a = x` and `b = p`. `b` stays odd. While `a` is even, halve it. Otherwise replace the
//! larger of the two by the difference, and call it `a`. At the end `a = 0` and `b = 1`. `u` and `v`
//! are kept such that `a = x*u` and `b = x*v` modulo `p`, so that `v` is the inverse.
//!
//! [`HALVINGS`] such steps depend only on the low bits, which say what is even, and on the highest
//! bits, which say what is larger. [`halve`] makes the steps on words of both, and gives factors
//! `f, g` with `a' = (f*a + g*b) / 2^30`; these are then applied to all of `a`, `b`, `u` and `v`.
//!
//! # Why it ends
//!
//! Halvings and exact subtractions preserve the divisor and the two congruences, even if the wrong
//! number was taken for the larger. A wrong choice can only cost progress.
//!
//! *Setting.* Let `n` be the longer length in bits. Up to 64 bits, the approximations are exact.
//! Otherwise divide by `2^(n-64)`: then `a, b < 2^64` are real numbers, the larger at least `2^63`, and
//! their approximations `A` and `B` are off by less than `e = 2^30`. A step of the approximations
//! divides their product by two or more, as `(B - A)/2 * A <= B*A/2`, and never makes the larger
//! larger. After `k` of them a number is `(f*A + g*B) / 2^k` with `|f| + |g| <= 2^k`, so that it still
//! is less than `e` away from the number that it approximates, which may have become negative.
//!
//! *Claim.* After the steps, `|a'*b'| <= a*b / 2^26`. Say that `B >= 2^63`, and `A <= B`.
//!
//! 1. The values that come from `B` may stay above those that come from `A` in every step. Then `A`
//!    is halved `i` times, and `a` with it. `B` is halved the other `30 - i` times, after
//!    subtractions of numbers that are not negative, so `b' <= b / 2^(30-i)`. If `b'` is negative,
//!    `|b'|` is not larger than that either, because it is less than `e`. The product of both is
//!    `a*b / 2^30`. This case holds for `A < e`, because `B` stays above `2^33 - e`.
//! 2. Otherwise `A >= e`, so `A <= 2a`. From some step on, both are `A` at most. If in the end
//!    `A' >= e` and `B' >= e`, then `|a'*b'| <= (A' + e)(B' + e) <= 4*A'*B' <= 4*A*B / 2^30`, and
//!    `A*B <= 2.01*a*b`. If not, then one of `|a'|`, `|b'|` is below `2e`, the other below
//!    `A + e <= 2A <= 4a`: their product is below `2^33 * a`, and `b >= 2^63 - e`.
//!
//! With `a*b < p^2 < 2^508` at first, and `|a*b| >= 1` for as long as `a` is not 0, **20 rounds are
//! enough**. Random elements take 12.

use ark_bn254::Fq;
use ark_ff::PrimeField;

use crate::modulus::Modulus;
use crate::{job::Job, words::accelerate};

/// Steps on the approximations before the factors are applied to the numbers.
const HALVINGS: u32 = 30;

/// The low bits that an approximation keeps exactly.
const LOW: u64 = (1 << HALVINGS) - 1;

const P: [u64; 4] = Fq::MODULUS.0;

/// `1/p mod 2^30`.
const INVERSE_OF_P: u64 = Fq::NEGATIVE_INVERSE.wrapping_neg() & LOW;

/// The inverse, unless `x` is zero. The time that it takes depends on `x`.
pub(crate) fn inverse(x: Fq) -> Option<Fq> {
    accelerate(Inverse(x.words())).map(Fq::from_words)
}

/// A number and its multiple of the `x` that is inverted, modulo `p`.
#[derive(Clone, Copy)]
struct Multiple {
    /// Below `2^254`.
    value: [u64; 4],
    /// Two's complement, between `-p` and `p`.
    factor: [u64; 4],
}

/// Factors of `a` and `b`: `|f| + |g| <= 2^30`.
#[derive(Clone, Copy)]
struct Row {
    f: i64,
    g: i64,
}

struct Inverse([u64; 4]);

impl Job for Inverse {
    type Output = Option<[u64; 4]>;

    #[inline(always)]
    fn run(self) -> Option<[u64; 4]> {
        if self.0 == [0; 4] {
            return None;
        }
        // Words are x * 2^256, and 1/x * 2^256 is wanted: 2^512 times their inverse.
        let mut a = Multiple {
            value: self.0,
            factor: Fq::R2.0,
        };
        let mut b = Multiple {
            value: P,
            factor: [0; 4],
        };
        while a.value != [0; 4] {
            let (of_a, of_b) = halve(approximate(&a.value, &b.value));
            (a, b) = (of_a.apply(&a, &b), of_b.apply(&a, &b));
        }
        Some(if negative(&b.factor) {
            crate::words::add4(b.factor, &P).0
        } else {
            b.factor
        })
    }
}

/// The highest 34 bits, counted from the top of the longer number, and the lowest 30. If 64 bits
/// hold both numbers, the numbers themselves.
#[inline(always)]
fn approximate(a: &[u64; 4], b: &[u64; 4]) -> (u64, u64) {
    let Some(top) = (1..4).rev().find(|i| a[*i] | b[*i] != 0) else {
        return (a[0], b[0]);
    };
    let zeros = (a[top] | b[top]).leading_zeros();
    let of = |x: &[u64; 4]| {
        // The shift in two steps: 64 would be one too many.
        let high = (x[top] << zeros) | (x[top - 1] >> 1 >> (63 - zeros));
        (high & !LOW) | (x[0] & LOW)
    };
    (of(a), of(b))
}

/// [`HALVINGS`] halvings, and the subtractions between them; `b` is odd. A row of factors is one
/// word, `f + g * 2^32`: sums and shifts are right in both parts if both parts fit at the end.
#[inline(always)]
fn halve((mut a, mut b): (u64, u64)) -> (Row, Row) {
    let (mut of_a, mut of_b) = (1u64, 1u64 << 32);
    // A bit that is shifted with `a`. It ends the run of zeros after the last halving.
    let mut end = 1u64 << HALVINGS;
    let mut difference = a;
    loop {
        let zeros = (difference | end).trailing_zeros();
        a >>= zeros;
        end >>= zeros;
        // Instead of halving the row of `a`: everything is divided by 2^30 later.
        of_b <<= zeros;
        if end == 1 {
            return (Row::unpack(of_a), Row::unpack(of_b));
        }
        // Both are odd. Which one is larger cannot be predicted, so this has no
        // branches.
        let less;
        (difference, less) = a.overflowing_sub(b);
        let pick = core::hint::select_unpredictable::<u64>;
        let of_difference = of_a.wrapping_sub(of_b);
        (a, b) = (
            pick(less, difference.wrapping_neg(), difference),
            pick(less, a, b),
        );
        (of_a, of_b) = (
            pick(less, of_difference.wrapping_neg(), of_difference),
            pick(less, of_a, of_b),
        );
    }
}

impl Row {
    #[inline(always)]
    fn unpack(row: u64) -> Self {
        let f = i64::from(row as i32);
        Self {
            f,
            g: (row.wrapping_sub(f as u64) as i64) >> 32,
        }
    }

    /// `(f*a + g*b) / 2^30`, or its opposite: not negative.
    #[inline(always)]
    fn apply(mut self, a: &Multiple, b: &Multiple) -> Multiple {
        let (low, top) = self.sum(a.value.map(i128::from), b.value.map(i128::from));
        let mut value = shift(low, top);
        if top < 0 {
            value = crate::words::sub4([0; 4], &value).0;
            self = Self {
                f: -self.f,
                g: -self.g,
            };
        }
        // Adding a multiple of p makes the number divisible and keeps its class. The multiple has
        // the opposite sign, so the result is between -p and p again.
        let (low, top) = self.sum(signed(&a.factor), signed(&b.factor));
        let multiple =
            (low[0].wrapping_mul(INVERSE_OF_P) & LOW) as i64 - ((top >> 63) & (1 << HALVINGS));
        let mut carry = 0i128;
        let mut all = [0; 4];
        for i in 0..4 {
            carry += i128::from(low[i]) - i128::from(multiple) * i128::from(P[i]);
            all[i] = carry as u64;
            carry >>= 64;
        }
        Multiple {
            value,
            factor: shift(all, top + carry as i64),
        }
    }

    /// `f*a + g*b`: its low words, and the rest above them.
    #[inline(always)]
    fn sum(self, a: [i128; 4], b: [i128; 4]) -> ([u64; 4], i64) {
        let mut carry = 0i128;
        let mut low = [0; 4];
        for i in 0..4 {
            carry += i128::from(self.f) * a[i] + i128::from(self.g) * b[i];
            low[i] = carry as u64;
            carry >>= 64;
        }
        (low, carry as i64)
    }
}

/// Words of two's complement, the highest of which has the sign.
#[inline(always)]
fn signed(x: &[u64; 4]) -> [i128; 4] {
    let [w0, w1, w2, w3] = *x;
    [w0.into(), w1.into(), w2.into(), i128::from(w3 as i64)]
}

#[inline(always)]
fn negative(x: &[u64; 4]) -> bool {
    x[3] >> 63 == 1
}

/// `(low + top * 2^256) / 2^30`, which fits.
#[inline(always)]
fn shift([w0, w1, w2, w3]: [u64; 4], top: i64) -> [u64; 4] {
    let join = |low: u64, high: u64| (low >> HALVINGS) | (high << (64 - HALVINGS));
    [
        join(w0, w1),
        join(w1, w2),
        join(w2, w3),
        join(w3, top as u64),
    ]
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::modulus::canonical;

    fn check(x: Fq) {
        assert_eq!(inverse(x), x.inverse(), "{:x?}", x.words());
        assert_eq!(Inverse(x.words()).run().map(Fq::from_words), x.inverse());
    }

    #[test]
    fn inverses_are_arkworks_inverses() {
        check(Fq::ZERO);
        let mut rng = StdRng::seed_from_u64(8);
        let one = Fq::from_words([1, 0, 0, 0]);
        let mut power = one;
        // As words, as values, and near multiples of numbers that caused errors before.
        for _ in 0..254 {
            let random = Fq::rand(&mut rng);
            for x in [
                power,
                power * Fq::from_words(Fq::R2.0),
                random,
                random + power,
            ] {
                for delta in [Fq::ZERO, one, -one, Fq::ONE, one.double() + one] {
                    check(x + delta);
                    check(-x - delta);
                }
            }
            power.double_in_place();
        }
        for ones in 0..16u32 {
            let words = core::array::from_fn(|i| if ones >> i & 1 == 1 { u64::MAX } else { 0 });
            check(Fq::from_words(canonical::<Fq>(words)));
        }
        for small in 1..2000u64 {
            check(Fq::from_words([small, 0, 0, 0]));
            // Quotients of p, where the greatest common divisor's quotients are large.
            check(Fq::from(small).inverse().unwrap_or_default());
            check(-Fq::from_words(divide(small)));
        }
    }

    /// `floor(p / by)`.
    fn divide(by: u64) -> [u64; 4] {
        let mut rest = 0u128;
        let mut quotient = [0; 4];
        for i in (0..4).rev() {
            rest = rest << 64 | u128::from(P[i]);
            quotient[i] = (rest / u128::from(by)) as u64;
            rest %= u128::from(by);
        }
        canonical::<Fq>(quotient)
    }

    /// The rounds that a number takes, for the figures in the module's docs.
    fn rounds(x: [u64; 4]) -> usize {
        let number = |value| Multiple {
            value,
            factor: [0; 4],
        };
        let (mut a, mut b, mut rounds) = (number(x), number(P), 0);
        while a.value != [0; 4] {
            let (of_a, of_b) = halve(approximate(&a.value, &b.value));
            (a, b) = (of_a.apply(&a, &b), of_b.apply(&a, &b));
            rounds += 1;
        }
        assert_eq!(b.value, [1, 0, 0, 0]);
        rounds
    }

    #[test]
    fn twelve_rounds_are_common_and_twenty_enough() {
        let mut rng = StdRng::seed_from_u64(9);
        let all: Vec<usize> = (0..2000)
            .map(|_| rounds(Fq::rand(&mut rng).words()))
            .collect();
        let mean = all.iter().sum::<usize>() as f64 / all.len() as f64;
        assert!((11.5..12.5).contains(&mean), "{mean}");
        assert!(all.iter().all(|rounds| *rounds <= 20));
        for bit in 0..253 {
            let mut power = [0; 4];
            power[bit / 64] = 1 << (bit % 64);
            assert!(rounds(power) <= 20);
            assert!(rounds((-Fq::from_words(power)).words()) <= 20);
        }
    }
}
