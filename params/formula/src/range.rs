//! Intervals of exact rational numbers over a static denominator.
//!
//! A number of the language is `integer / den`. `den` is known at check time, and only the integer
//! varies: interpreter and circuit compute on integers alone. An addition brings both sides to the
//! least common denominator, a product multiplies the denominators, and a division by a literal
//! changes only the denominator. Only `math.floor` rounds.

use std::fmt;

use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;

use crate::decimal::Decimal;

/// No integer of a formula reaches 2^250 in magnitude, so that no sum, difference or product that
/// the circuit forms wraps around the field (p > 2^253).
pub const MAX_BITS: u64 = 250;

/// All `n / den` with `lo <= n <= hi`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Range {
    /// Least integer.
    pub lo: BigInt,
    /// Greatest integer.
    pub hi: BigInt,
    /// The denominator, positive.
    pub den: BigInt,
}

impl Range {
    /// `lo / den` to `hi / den`.
    pub fn new(lo: BigInt, hi: BigInt, den: BigInt) -> Self {
        Self { lo, hi, den }
    }

    /// The whole numbers `lo` to `hi`.
    pub fn whole(lo: impl Into<BigInt>, hi: impl Into<BigInt>) -> Self {
        Self::new(lo.into(), hi.into(), BigInt::from(1u8))
    }

    /// One number, in lowest terms.
    pub fn decimal(value: &Decimal) -> Self {
        let den = BigInt::from(10u8).pow(u32::from(value.digits()));
        let numerator = BigInt::from(value.mantissa());
        let divisor = numerator.gcd(&den);
        let numerator = numerator / &divisor;
        Self::new(numerator.clone(), numerator, den / divisor)
    }

    /// Whether it holds one number only.
    pub fn is_point(&self) -> bool {
        self.lo == self.hi
    }

    /// Whether every number in it is whole.
    pub fn is_whole(&self) -> bool {
        self.den == BigInt::from(1u8)
    }

    /// Whether a number in it is negative.
    pub fn may_be_negative(&self) -> bool {
        self.lo.sign() == Sign::Minus
    }

    /// Whether an integer in it, or the denominator, reaches 2^[`MAX_BITS`].
    pub fn overflows(&self) -> bool {
        [&self.lo, &self.hi, &self.den]
            .iter()
            .any(|n| n.bits() > MAX_BITS)
    }

    /// The same numbers over a multiple of the denominator.
    pub fn over(&self, den: &BigInt) -> Self {
        let factor = den / &self.den;
        Self::new(&self.lo * &factor, &self.hi * &factor, den.clone())
    }

    /// Both over their least common denominator.
    pub fn aligned(&self, other: &Self) -> (Self, Self) {
        let den = self.den.lcm(&other.den);
        (self.over(&den), other.over(&den))
    }

    /// Sums of one of each.
    pub fn add(&self, other: &Self) -> Self {
        let (a, b) = self.aligned(other);
        Self::new(a.lo + b.lo, a.hi + b.hi, a.den)
    }

    /// Differences of one of each.
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    /// The negatives.
    pub fn neg(&self) -> Self {
        Self::new(-&self.hi, -&self.lo, self.den.clone())
    }

    /// Products of one of each.
    pub fn mul(&self, other: &Self) -> Self {
        let products = [
            &self.lo * &other.lo,
            &self.lo * &other.hi,
            &self.hi * &other.lo,
            &self.hi * &other.hi,
        ];
        let (lo, hi) = extremes(&products);
        Self::new(lo, hi, &self.den * &other.den)
    }

    /// Quotients by the number `numerator / denominator`, which is not 0, and the factor of the
    /// integers: the result's integer is `factor` times this one's.
    pub fn divided(&self, numerator: &BigInt, denominator: &BigInt) -> (Self, BigInt) {
        let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
        let magnitude = |n: &BigInt| BigInt::from(n.magnitude().clone());
        let (factor, den) = (magnitude(denominator), &self.den * magnitude(numerator));
        let common = factor.gcd(&den);
        let (mut factor, den) = (factor / &common, den / common);
        if negative {
            factor = -factor;
        }
        let (lo, hi) = extremes(&[&self.lo * &factor, &self.hi * &factor]);
        (Self::new(lo, hi, den), factor)
    }

    /// The lesser of one of each.
    pub fn least(&self, other: &Self) -> Self {
        let (a, b) = self.aligned(other);
        Self::new(a.lo.min(b.lo), a.hi.min(b.hi), a.den)
    }

    /// The greater of one of each.
    pub fn greatest(&self, other: &Self) -> Self {
        let (a, b) = self.aligned(other);
        Self::new(a.lo.max(b.lo), a.hi.max(b.hi), a.den)
    }

    /// The greatest whole numbers not above.
    pub fn floor(&self) -> Self {
        Self::whole(self.lo.div_floor(&self.den), self.hi.div_floor(&self.den))
    }

    /// Sums of `least` to `most` of these.
    pub fn sum(&self, least: usize, most: usize) -> Self {
        let (least, most) = (BigInt::from(least), BigInt::from(most));
        let lo = (&self.lo * &most).min(&self.lo * &least);
        let hi = (&self.hi * &most).max(&self.hi * &least);
        Self::new(lo, hi, self.den.clone())
    }

    /// The least interval that holds both, over the least common denominator.
    pub fn hull(&self, other: &Self) -> Self {
        let (a, b) = self.aligned(other);
        Self::new(a.lo.min(b.lo), a.hi.max(b.hi), a.den)
    }

    /// The numbers in both, over this one's denominator, which must be a multiple of the other's. If
    /// there are none, this range.
    pub(crate) fn within(&self, other: &Self) -> Self {
        let other = other.over(&self.den);
        let lo = self.lo.clone().max(other.lo);
        let hi = self.hi.clone().min(other.hi);
        if lo > hi {
            return self.clone();
        }
        Self::new(lo, hi, self.den.clone())
    }

    /// Whether one of the left is always (`Some(true)`) or never (`Some(false)`) at least one of
    /// the right.
    pub fn at_least(&self, other: &Self) -> Option<bool> {
        let difference = self.sub(other);
        if !difference.may_be_negative() {
            Some(true)
        } else if difference.hi.sign() == Sign::Minus {
            Some(false)
        } else {
            None
        }
    }

    /// Whether one of the left always or never equals one of the right.
    pub fn equal(&self, other: &Self) -> Option<bool> {
        let difference = self.sub(other);
        let zero = BigInt::from(0u8);
        if difference.lo > zero || difference.hi < zero {
            Some(false)
        } else if difference.is_point() {
            Some(true)
        } else {
            None
        }
    }
}

/// Least and greatest of at least one number.
fn extremes(numbers: &[BigInt]) -> (BigInt, BigInt) {
    let start = (numbers[0].clone(), numbers[0].clone());
    numbers
        .iter()
        .skip(1)
        .fold(start, |(lo, hi), n| (lo.min(n.clone()), hi.max(n.clone())))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lo = Ratio(&self.lo, &self.den);
        if self.is_point() {
            return write!(f, "{lo}");
        }
        write!(f, "{lo} to {}", Ratio(&self.hi, &self.den))
    }
}

/// A rational, shown as a decimal if it has at most 30 digits, else as a fraction.
pub(crate) struct Ratio<'a>(pub(crate) &'a BigInt, pub(crate) &'a BigInt);

impl fmt::Display for Ratio<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let common = self.0.gcd(self.1);
        let (numerator, den) = (self.0 / &common, self.1 / common);
        let mut power = BigInt::from(1u8);
        for digits in 0..=30usize {
            let (scale, rest) = power.div_rem(&den);
            if rest == BigInt::from(0u8) {
                let scaled = numerator * scale;
                let sign = if scaled.sign() == Sign::Minus {
                    "-"
                } else {
                    ""
                };
                let figures = format!(
                    "{:0>width$}",
                    scaled.magnitude().to_string(),
                    width = digits + 1
                );
                let (whole, fraction) = figures.split_at(figures.len() - digits);
                let point = if digits > 0 { "." } else { "" };
                return write!(f, "{sign}{whole}{point}{fraction}");
            }
            power *= 10u8;
        }
        write!(f, "{numerator}/{den}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(lo: i64, hi: i64, den: u32) -> Range {
        Range::new(lo.into(), hi.into(), den.into())
    }

    #[test]
    fn shown_as_decimals_where_they_are() {
        assert_eq!(range(-5, 16_272, 100).to_string(), "-0.05 to 162.72");
        assert_eq!(range(1, 1, 3).to_string(), "1/3");
        assert_eq!(range(40, 40, 20).to_string(), "2");
        assert_eq!(range(0, 3, 8).to_string(), "0 to 0.375");
    }

    #[test]
    fn division_by_a_literal_moves_the_denominator() {
        let (by_thousand, factor) = range(0, 7, 100).divided(&1000.into(), &1.into());
        assert_eq!((by_thousand, factor), (range(0, 7, 100_000), 1.into()));
        let (by_half, factor) = range(0, 7, 1).divided(&1.into(), &2.into());
        assert_eq!((by_half, factor), (range(0, 14, 1), 2.into()));
        let (by_minus_three, factor) = range(1, 7, 1).divided(&(-3).into(), &1.into());
        assert_eq!((by_minus_three, factor), (range(-7, -1, 3), (-1).into()));
    }

    fn member() -> impl Strategy<Value = (Range, BigInt)> {
        (-1000i64..1000, 0i64..1000, 1u32..50, 0.0f64..1.0).prop_map(|(lo, width, den, at)| {
            let n = lo + (at * width as f64) as i64;
            (range(lo, lo + width, den), n.into())
        })
    }

    /// Whether `n / den` lies in the range.
    fn holds(range: &Range, n: &BigInt, den: &BigInt) -> bool {
        &range.lo * den <= n * &range.den && n * &range.den <= &range.hi * den
    }

    proptest! {
        #[test]
        fn results_lie_in_the_range_of_results((ra, a) in member(), (rb, b) in member()) {
            let (da, db) = (&ra.den, &rb.den);
            let den = da * db;
            prop_assert!(holds(&ra.add(&rb), &(&a * db + &b * da), &den));
            prop_assert!(holds(&ra.sub(&rb), &(&a * db - &b * da), &den));
            prop_assert!(holds(&ra.mul(&rb), &(&a * &b), &den));
            let (x, y) = (&a * db, &b * da);
            prop_assert!(holds(&ra.least(&rb), (&x).min(&y), &den));
            prop_assert!(holds(&ra.greatest(&rb), (&x).max(&y), &den));
            prop_assert!(holds(&ra.floor(), &a.div_floor(da), &BigInt::from(1u8)));
            prop_assert!(holds(&ra.sum(0, 3), &(&a * 2u8), da));
            prop_assert!(holds(&ra.sum(2, 3), &(&a * 2u8), da));
            prop_assert!(holds(&ra.hull(&rb), &a, da) && holds(&ra.hull(&rb), &b, db));
            if let Some(known) = ra.at_least(&rb) {
                prop_assert_eq!(known, x >= y);
            }
            if let Some(known) = ra.equal(&rb) {
                prop_assert_eq!(known, x == y);
            }
        }
    }
}
