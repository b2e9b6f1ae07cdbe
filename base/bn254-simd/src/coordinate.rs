//! One coordinate of a point on words, for G1 (the field) and G2 (its quadratic extension): the
//! operations that the formulas of `affine::words` need, with the bounds at which they use them.
//!
//! [`crate::lanes`] is the same for eight points at once; the bounds differ (see [`crate::words`]).

use ark_bn254::Fq;

use crate::words::{Arithmetic, Words};

type F = Arithmetic<Fq>;

/// A coordinate.
///
/// "Reduced" means bound `1 + 2^-57`, as the kernels leave coordinates in memory; "signed" means
/// bound 2 (2p included), a y or its opposite. Bounds of a pair are those of both its components.
pub(crate) trait WordsCoordinate: Copy {
    /// Rows of words that it takes in memory.
    const ROWS: usize;

    /// Stores it in this many rows.
    fn keep(&self, rows: &mut [[u64; 4]]);
    /// Loads what [`keep`](Self::keep) stored.
    fn kept(rows: &[[u64; 4]]) -> Self;
    /// The opposite if `negative`: signed to signed.
    fn negate_if(&self, f: &F, negative: bool) -> Self;
    /// `self - b` for signed operands, a dx or a dy (in G2, `self` of bound 3). Result: in G1 bound
    /// 4.01, or 3.01 for reduced operands; reduced in G2.
    fn difference(&self, f: &F, b: &Self) -> Self;
    /// An element of the base field whose inverse gives that of `self`, a [`difference`] of reduced
    /// operands. It is zero exactly when `self` is. Result: bound 3.01.
    ///
    /// [`difference`]: Self::difference
    fn denominator(&self, f: &F) -> Words<Fq>;
    /// The slope: `dy` over this `dx`, whose inverse of the denominator is `inverse`, of bound 2.03.
    /// Result: bound 2.54 in G1, reduced in G2.
    fn slope(&self, f: &F, inverse: &Words<Fq>, dy: &Self) -> Self;
    /// `self^2 - a - b` for a slope and reduced `a` and `b`, reduced.
    fn square_minus_two(&self, f: &F, a: &Self, b: &Self) -> Self;
    /// `self * (a - x) - b` for a slope, reduced `a` and `x`, and signed `b`; reduced.
    fn chord(&self, f: &F, a: &Self, x: &Self, b: &Self) -> Self;
}

impl WordsCoordinate for Words<Fq> {
    const ROWS: usize = 1;

    #[inline(always)]
    fn keep(&self, rows: &mut [[u64; 4]]) {
        rows[0] = self.0;
    }

    #[inline(always)]
    fn kept(rows: &[[u64; 4]]) -> Self {
        Words::new(rows[0])
    }

    #[inline(always)]
    fn negate_if(&self, f: &F, negative: bool) -> Self {
        f.negate_if(negative, self)
    }

    #[inline(always)]
    fn difference(&self, f: &F, b: &Self) -> Self {
        f.minus::<2>(self, b)
    }

    #[inline(always)]
    fn denominator(&self, _: &F) -> Words<Fq> {
        *self
    }

    #[inline(always)]
    fn slope(&self, f: &F, inverse: &Words<Fq>, dy: &Self) -> Self {
        // 1 + 2.03 * 4.01 / 5.29
        f.mul(inverse, dy)
    }

    #[inline(always)]
    fn square_minus_two(&self, f: &F, a: &Self, b: &Self) -> Self {
        // 1 + 2.54^2 / 5.29 < 2.23, and 3: the others may be a sliver above two.
        let square = f.square(self);
        f.reduce(&f.minus::<2>(&f.minus::<1>(&square, a), b))
    }

    #[inline(always)]
    fn chord(&self, f: &F, a: &Self, x: &Self, b: &Self) -> Self {
        // 1 + 2.54 * 3.01 / 5.29 < 2.5, and 2.
        let step = f.mul(self, &f.minus::<2>(a, x));
        f.reduce(&f.minus::<2>(&step, b))
    }
}

/// `c0 + c1*u` of the quadratic extension, `u^2 = -1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) c0: Words<Fq>,
    pub(crate) c1: Words<Fq>,
}

impl Pair {
    /// The product, for bounds `A, B <= 2.6` with `A*B <= 5.2`. Result: bound 3.
    ///
    /// Karatsuba: three products for four, and one reduction for each component. `(a0 + a1)(b0 + b1)`
    /// is below `27 * p^2`, as `4 * 5.2 < 27`; less the other two products it is a sum of two, so not
    /// negative, and at most `10.4 * p^2`. `a0*b0 - a1*b1` is made positive by
    /// `p * 2^256 > 5.29 * p^2`. The bounds are `1 + 5.2/5.29 + 1` and `1 + 10.4/5.29`.
    #[inline(always)]
    fn mul(&self, f: &F, b: &Self) -> Self {
        let (v0, v1) = (self.c0.wide_product(b.c0), self.c1.wide_product(b.c1));
        let sum = self.c0.plus(self.c1).wide_product(b.c0.plus(b.c1));
        Self {
            c0: f.montgomery(f.plus_multiple_of_r::<1>(v0.minus(v1))),
            c1: f.montgomery(sum.minus(v0).minus(v1)),
        }
    }
}

impl WordsCoordinate for Pair {
    const ROWS: usize = 2;

    #[inline(always)]
    fn keep(&self, rows: &mut [[u64; 4]]) {
        rows[0] = self.c0.0;
        rows[1] = self.c1.0;
    }

    #[inline(always)]
    fn kept(rows: &[[u64; 4]]) -> Self {
        Self {
            c0: Words::new(rows[0]),
            c1: Words::new(rows[1]),
        }
    }

    #[inline(always)]
    fn negate_if(&self, f: &F, negative: bool) -> Self {
        Self {
            c0: f.negate_if(negative, &self.c0),
            c1: f.negate_if(negative, &self.c1),
        }
    }

    #[inline(always)]
    fn difference(&self, f: &F, b: &Self) -> Self {
        Self {
            c0: f.reduce(&f.minus::<2>(&self.c0, &b.c0)),
            c1: f.reduce(&f.minus::<2>(&self.c1, &b.c1)),
        }
    }

    #[inline(always)]
    fn denominator(&self, f: &F) -> Words<Fq> {
        // The norm c0^2 + c1^2: zero only if both are, as -1 is not a square. 1 + 2.1 / 5.29.
        let norm = self.c0.wide_square().plus(self.c1.wide_square());
        f.montgomery(norm)
    }

    #[inline(always)]
    fn slope(&self, f: &F, inverse: &Words<Fq>, dy: &Self) -> Self {
        // The conjugate over the norm: 1 + 2.03 * 1.01 / 5.29 < 1.4, and 2 for the opposite.
        let c1 = f.mul(inverse, &self.c1);
        let inverse = Self {
            c0: f.mul(inverse, &self.c0),
            c1: f.negate_if(true, &c1),
        };
        let slope = inverse.mul(f, dy);
        Self {
            c0: f.reduce(&slope.c0),
            c1: f.reduce(&slope.c1),
        }
    }

    #[inline(always)]
    fn square_minus_two(&self, f: &F, a: &Self, b: &Self) -> Self {
        // (c0 + c1)(c0 - c1) and 2*c0*c1: 1 + 2.01 * 3.01 / 5.29 < 2.2 and less; and 3
        // as in G1.
        let c0 = f.mul(&self.c0.plus(self.c1), &f.minus::<2>(&self.c0, &self.c1));
        let c1 = f.mul(&self.c0.plus(self.c0), &self.c1);
        let minus_two = |x, a, b| f.reduce(&f.minus::<1>(&f.minus::<2>(x, a), b));
        Self {
            c0: minus_two(&c0, &a.c0, &b.c0),
            c1: minus_two(&c1, &a.c1, &b.c1),
        }
    }

    #[inline(always)]
    fn chord(&self, f: &F, a: &Self, x: &Self, b: &Self) -> Self {
        // Of reduced operands, a product has bound 2.3; and 2.
        self.mul(f, &a.difference(f, x)).difference(f, b)
    }
}
