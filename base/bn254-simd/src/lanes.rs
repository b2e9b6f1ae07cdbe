//! Eight coordinates at once, for G1 (the field) and G2 (its quadratic extension): the operations
//! that the formulas of `affine::ifma` need, with the bounds at which they use them.

use ark_bn254::Fq;

use crate::field::{F8, Limbs8, Raw};
use crate::isa::Ifma;

/// Eight coordinates of points.
///
/// "Stored" means bound 1.06, as the kernels leave coordinates in memory; "signed" means bound 2
/// (2p included), a y or its opposite.
pub(crate) trait Coordinate: Copy {
    /// Rows of limbs that it takes in memory.
    const ROWS: usize;

    /// Stores it in this many rows.
    fn keep(&self, rows: &mut [Limbs8]);
    /// Loads what [`keep`](Self::keep) stored.
    fn kept(isa: Ifma, rows: &[Limbs8]) -> Self;
    /// The opposite in the lanes of `mask`: signed to signed.
    fn negate_where(&self, mask: u8) -> Self;
    /// `self - b`, for `b` of bound 2: adds 2 to the bound.
    fn minus(&self, b: &Self) -> Self;
    /// An element of the base field whose inverse gives that of `self`, a difference of bound 4.
    /// It is zero exactly when `self` is. Result: bound 4.
    fn denominator(&self) -> F8<Fq>;
    /// `1/self` from the inverse of the denominator (bound 1.1). Result: bound 1.1.
    fn inverse_from(&self, inverse: &F8<Fq>) -> Self;
    /// The product of `self` of bound 1.3 and `b` of bound 4. Result: bound 1.3.
    fn mul(&self, b: &Self) -> Self;
    /// `self^2`, for bound 1.3. Result: bound 1.3.
    fn square(&self) -> Self;
    /// `self - a - b` for stored `a` and `b` and `self` of bound 1.3, stored.
    fn minus_two(&self, a: &Self, b: &Self) -> Self;
    /// `self - b` for signed `b` and `self` of bound 1.3, stored.
    fn minus_to_stored(&self, b: &Self) -> Self;
    /// `self^2 - a - b` for stored `a` and `b` and `self` of bound 1.3, stored: spares the carries
    /// of the square.
    fn square_minus_two(&self, a: &Self, b: &Self) -> Self;
    /// `self*b - c` for signed `c`, and as for [`mul`](Self::mul) otherwise; stored. Spares the
    /// carries of the product.
    fn mul_minus(&self, b: &Self, c: &Self) -> Self;
}

impl Coordinate for F8<Fq> {
    const ROWS: usize = 1;

    #[inline(always)]
    fn keep(&self, rows: &mut [Limbs8]) {
        self.store(&mut rows[0]);
    }

    #[inline(always)]
    fn kept(isa: Ifma, rows: &[Limbs8]) -> Self {
        F8::load(isa, &rows[0])
    }

    #[inline(always)]
    fn negate_where(&self, mask: u8) -> Self {
        self.raw().negate_where(mask).carry()
    }

    #[inline(always)]
    fn minus(&self, b: &Self) -> Self {
        F8::minus(self, b)
    }

    #[inline(always)]
    fn denominator(&self) -> F8<Fq> {
        *self
    }

    #[inline(always)]
    fn inverse_from(&self, inverse: &F8<Fq>) -> Self {
        *inverse
    }

    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        // 1 + 1.3 * 4 / 84
        F8::mul(self, b)
    }

    #[inline(always)]
    fn square(&self) -> Self {
        F8::square(self)
    }

    #[inline(always)]
    fn minus_two(&self, a: &Self, b: &Self) -> Self {
        minus_two(self.raw(), a, b)
    }

    #[inline(always)]
    fn minus_to_stored(&self, b: &Self) -> Self {
        minus_signed(self.raw(), b)
    }

    #[inline(always)]
    fn square_minus_two(&self, a: &Self, b: &Self) -> Self {
        minus_two(F8::sum_of_squares([self]), a, b)
    }

    #[inline(always)]
    fn mul_minus(&self, b: &Self, c: &Self) -> Self {
        minus_signed(F8::sum_of_products([self], [b]), c)
    }
}

/// `x - a - b` for a product of bound 1.3 and stored `a` and `b`, stored.
#[inline(always)]
fn minus_two(x: Raw<Fq>, a: &F8<Fq>, b: &F8<Fq>) -> F8<Fq> {
    // Not negative: 3 - 2 * 1.06. At most 1.3 + 3.
    let x = x.minus(&a.raw()).minus(&b.raw());
    x.plus_multiple::<3>().reduce()
}

/// `x - b` for a product of bound 1.3 and signed `b`, stored.
#[inline(always)]
fn minus_signed(x: Raw<Fq>, b: &F8<Fq>) -> F8<Fq> {
    x.minus(&b.raw()).plus_multiple::<2>().reduce()
}

/// Eight elements `c0 + c1*u` of the quadratic extension, `u^2 = -1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair8 {
    pub(crate) c0: F8<Fq>,
    pub(crate) c1: F8<Fq>,
}

impl Pair8 {
    /// `self^2` for bound 1.3, its limbs not carried. Result: bound 1.3.
    #[inline(always)]
    pub(crate) fn raw_square(&self) -> [Raw<Fq>; 2] {
        // (c0 + c1)(c0 - c1) and 2*c0*c1: 1 + 2.6 * 3.3 / 84 and 1 + 2.6 * 1.3 / 84.
        let (sum, difference) = (self.c0.plus(&self.c1), self.c0.minus(&self.c1));
        [
            F8::sum_of_products([&sum], [&difference]),
            F8::sum_of_products([&self.c0.plus(&self.c0)], [&self.c1]),
        ]
    }

    /// `self*b` for bounds 1.3 and 4, its limbs not carried. Result: bound 1.3.
    #[inline(always)]
    fn raw_product(&self, b: &Self) -> [Raw<Fq>; 2] {
        // The opposite has bound 4: 1 + (1.3 + 4) * 4 / 84.
        [
            F8::sum_of_products([&self.c0, &opposite(&self.c1)], [&b.c0, &b.c1]),
            F8::sum_of_products([&self.c0, &self.c1], [&b.c1, &b.c0]),
        ]
    }
}

impl Coordinate for Pair8 {
    const ROWS: usize = 2;

    #[inline(always)]
    fn keep(&self, rows: &mut [Limbs8]) {
        self.c0.store(&mut rows[0]);
        self.c1.store(&mut rows[1]);
    }

    #[inline(always)]
    fn kept(isa: Ifma, rows: &[Limbs8]) -> Self {
        Self {
            c0: F8::load(isa, &rows[0]),
            c1: F8::load(isa, &rows[1]),
        }
    }

    #[inline(always)]
    fn negate_where(&self, mask: u8) -> Self {
        Self {
            c0: self.c0.negate_where(mask),
            c1: self.c1.negate_where(mask),
        }
    }

    #[inline(always)]
    fn minus(&self, b: &Self) -> Self {
        Self {
            c0: self.c0.minus(&b.c0),
            c1: self.c1.minus(&b.c1),
        }
    }

    #[inline(always)]
    fn denominator(&self) -> F8<Fq> {
        // The norm c0^2 + c1^2: zero only if both are, as -1 is not a square. 1 + 2 * 16 / 84 < 4.
        F8::sum_of_squares([&self.c0, &self.c1]).carry()
    }

    #[inline(always)]
    fn inverse_from(&self, inverse: &F8<Fq>) -> Self {
        // The conjugate over the norm. 1 + 4 * 1.1 / 84.
        Self {
            c0: self.c0.mul(inverse),
            c1: opposite(&self.c1).mul(inverse),
        }
    }

    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        let [c0, c1] = self.raw_product(b);
        Self {
            c0: c0.carry(),
            c1: c1.carry(),
        }
    }

    #[inline(always)]
    fn square(&self) -> Self {
        let [c0, c1] = self.raw_square();
        Self {
            c0: c0.carry(),
            c1: c1.carry(),
        }
    }

    #[inline(always)]
    fn minus_two(&self, a: &Self, b: &Self) -> Self {
        Self {
            c0: self.c0.minus_two(&a.c0, &b.c0),
            c1: self.c1.minus_two(&a.c1, &b.c1),
        }
    }

    #[inline(always)]
    fn minus_to_stored(&self, b: &Self) -> Self {
        Self {
            c0: self.c0.minus_to_stored(&b.c0),
            c1: self.c1.minus_to_stored(&b.c1),
        }
    }

    #[inline(always)]
    fn square_minus_two(&self, a: &Self, b: &Self) -> Self {
        let [c0, c1] = self.raw_square();
        Self {
            c0: minus_two(c0, &a.c0, &b.c0),
            c1: minus_two(c1, &a.c1, &b.c1),
        }
    }

    #[inline(always)]
    fn mul_minus(&self, b: &Self, c: &Self) -> Self {
        let [c0, c1] = self.raw_product(b);
        Self {
            c0: minus_signed(c0, &c.c0),
            c1: minus_signed(c1, &c.c1),
        }
    }
}

/// `4p - x`, for bound 4.
#[inline(always)]
fn opposite(x: &F8<Fq>) -> F8<Fq> {
    let zero = x.raw().minus(&x.raw());
    zero.minus(&x.raw()).plus_multiple::<4>().carry()
}
