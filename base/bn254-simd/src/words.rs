//! Prime-field arithmetic on four 64-bit words, for processors without the vector instructions:
//! Montgomery form with `R = 2^256`, as arkworks keeps it, but lazily reduced.
//!
//! # Bounds
//!
//! "Bound `k`" means: below `k * p`. Both primes are below `2^256 / 5.29`, so bound 5.29 fits the
//! words. A product of bounds `A` and `B` has
//!
//! > **bound `1 + A*B/5.29 + 2^-62`**, and needs `A <= 3.2` and `B <= 5.29`
//!
//! (argued at [`Arithmetic::mul`]); no product subtracts the modulus at its end. "Reduced" means
//! bound `1 + 2^-57`, which [`Arithmetic::reduce`] gives for a tenth of a product's price. Callers
//! state their bounds.
//!
//! # The product
//!
//! Montgomery's reduction removes a low word `t` by adding `m*p`, `m = t * (-1/p mod 2^64)`: five
//! multiplications, and all others wait for the first. Adding `t * (2^-64 mod p)` to the words above
//! does the same modulo `p` with four. But the value is then larger by up to `2^64 * p`, until later
//! steps divide the excess away. So the first two words are removed in this way, and the last two in
//! the ordinary way. Squares need 10 multiplications of words before the reduction, not 16.
//!
//! Plain Rust, written so that carries become chains of `adc`. [`accelerate`] compiles it a second
//! time with BMI2 and ADX (`mulx` does not change the flags), and chooses at run time. Constants are
//! read through a reference that is opaque to the compiler: as an immediate, each use of a constant
//! would cost one more instruction.

use core::hint::{black_box, select_unpredictable};
use core::marker::PhantomData;

use crate::job::Job;
use crate::modulus::Modulus;

/// Runs a job with `mulx`, `adcx` and `adox` if the processor has them.
#[inline]
pub(crate) fn accelerate<J: Job>(job: J) -> J::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = crate::isa::Wide::detect() {
        return wide.accelerate(job);
    }
    job.run()
}

/// An element as four words. The caller keeps track of the bound.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Words<M>(pub(crate) [u64; 4], PhantomData<M>);

/// A sum of products that has not been reduced: below `2^512`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide<M>([u64; 8], PhantomData<M>);

/// Constants of a field, and its operations.
#[derive(Debug)]
pub(crate) struct Arithmetic<M> {
    /// `k * p`; the last two, which do not fit, wrap and are not used.
    multiples: [[u64; 4]; 8],
    /// `2^-64 mod p`.
    word_inverse: [u64; 4],
    /// `-1/p mod 2^64`.
    negative_inverse: u64,
    /// `floor(2^124 / (top + 1))`, `top` being the highest word of `p`.
    quotient: u64,
    modulus: PhantomData<M>,
}

#[inline(always)]
fn wide(a: u64, b: u64) -> (u64, u64) {
    let t = u128::from(a) * u128::from(b);
    (t as u64, (t >> 64) as u64)
}

/// `a * b`.
#[inline(always)]
fn row(a: &[u64; 4], b: u64) -> [u64; 5] {
    let ((l0, h0), (l1, h1)) = (wide(a[0], b), wide(a[1], b));
    let ((l2, h2), (l3, h3)) = (wide(a[2], b), wide(a[3], b));
    let (r1, c) = l1.carrying_add(h0, false);
    let (r2, c) = l2.carrying_add(h1, c);
    let (r3, c) = l3.carrying_add(h2, c);
    // A product of four words and one has five.
    [l0, r1, r2, r3, h3.wrapping_add(u64::from(c))]
}

/// The sum, and its carry.
#[inline(always)]
fn add5(t: [u64; 5], r: [u64; 5]) -> ([u64; 5], bool) {
    let (t0, c) = t[0].carrying_add(r[0], false);
    let (t1, c) = t[1].carrying_add(r[1], c);
    let (t2, c) = t[2].carrying_add(r[2], c);
    let (t3, c) = t[3].carrying_add(r[3], c);
    let (t4, c) = t[4].carrying_add(r[4], c);
    ([t0, t1, t2, t3, t4], c)
}

/// The sum and its carry.
#[inline(always)]
pub(crate) fn add4(a: [u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (t0, c) = a[0].carrying_add(b[0], false);
    let (t1, c) = a[1].carrying_add(b[1], c);
    let (t2, c) = a[2].carrying_add(b[2], c);
    let (t3, c) = a[3].carrying_add(b[3], c);
    ([t0, t1, t2, t3], c)
}

/// The difference and its borrow.
#[inline(always)]
pub(crate) fn sub4(a: [u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (t0, c) = a[0].borrowing_sub(b[0], false);
    let (t1, c) = a[1].borrowing_sub(b[1], c);
    let (t2, c) = a[2].borrowing_sub(b[2], c);
    let (t3, c) = a[3].borrowing_sub(b[3], c);
    ([t0, t1, t2, t3], c)
}

impl<M: Modulus> Words<M> {
    /// From these words.
    #[inline(always)]
    pub(crate) fn new(words: [u64; 4]) -> Self {
        Self(words, PhantomData)
    }

    /// From arkworks' element; bound 1.
    #[inline(always)]
    pub(crate) fn from_ark(x: M) -> Self {
        Self::new(x.words())
    }

    /// `self + b`; bounds add up, to 5.29 at most.
    #[inline(always)]
    pub(crate) fn plus(self, b: Self) -> Self {
        Self::new(add4(self.0, &b.0).0)
    }

    /// The product, not reduced. Needs `A*B <= 27`, as `27 * p^2 < 2^512`.
    #[inline(always)]
    pub(crate) fn wide_product(self, b: Self) -> Wide<M> {
        let (a, b) = (&self.0, &b.0);
        // A partial sum of i + 1 rows is a product of four words and i + 1, so no carry is lost.
        let [w0, t1, t2, t3, t4] = row(a, b[0]);
        let ([w1, t2, t3, t4, t5], _) = add5([t1, t2, t3, t4, 0], row(a, b[1]));
        let ([w2, t3, t4, t5, t6], _) = add5([t2, t3, t4, t5, 0], row(a, b[2]));
        let ([w3, w4, w5, w6, w7], _) = add5([t3, t4, t5, t6, 0], row(a, b[3]));
        Wide([w0, w1, w2, w3, w4, w5, w6, w7], PhantomData)
    }

    /// The square, not reduced. Needs `A^2 <= 27`.
    #[inline(always)]
    pub(crate) fn wide_square(self) -> Wide<M> {
        let a = &self.0;
        // Products of different words, once.
        let ((l01, h01), (l02, h02)) = (wide(a[0], a[1]), wide(a[0], a[2]));
        let ((l03, h03), (l12, h12)) = (wide(a[0], a[3]), wide(a[1], a[2]));
        let ((l13, h13), (l23, h23)) = (wide(a[1], a[3]), wide(a[2], a[3]));
        let (w2, c) = h01.carrying_add(l02, false);
        let (w3, c) = h02.carrying_add(l03, c);
        let (w4, c) = h03.carrying_add(l13, c);
        let (w5, c) = h13.carrying_add(l23, c);
        let w6 = h23.wrapping_add(u64::from(c));
        let (w3, c) = w3.carrying_add(l12, false);
        let (w4, c) = w4.carrying_add(h12, c);
        let (w5, c) = w5.carrying_add(0, c);
        let w6 = w6.wrapping_add(u64::from(c));
        // Twice that, and the squares of the words.
        let (w1, c) = l01.carrying_add(l01, false);
        let (w2, c) = w2.carrying_add(w2, c);
        let (w3, c) = w3.carrying_add(w3, c);
        let (w4, c) = w4.carrying_add(w4, c);
        let (w5, c) = w5.carrying_add(w5, c);
        let (w6, c) = w6.carrying_add(w6, c);
        let w7 = u64::from(c);
        let ((w0, h0), (l1, h1)) = (wide(a[0], a[0]), wide(a[1], a[1]));
        let ((l2, h2), (l3, h3)) = (wide(a[2], a[2]), wide(a[3], a[3]));
        let (w1, c) = w1.carrying_add(h0, false);
        let (w2, c) = w2.carrying_add(l1, c);
        let (w3, c) = w3.carrying_add(h1, c);
        let (w4, c) = w4.carrying_add(l2, c);
        let (w5, c) = w5.carrying_add(h2, c);
        let (w6, c) = w6.carrying_add(l3, c);
        // The square has eight words.
        let w7 = w7.wrapping_add(h3).wrapping_add(u64::from(c));
        Wide([w0, w1, w2, w3, w4, w5, w6, w7], PhantomData)
    }
}

impl<M: Modulus> Wide<M> {
    #[inline(always)]
    fn halves(self) -> ([u64; 4], [u64; 4]) {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = self.0;
        ([w0, w1, w2, w3], [w4, w5, w6, w7])
    }

    #[inline(always)]
    fn of_halves([w0, w1, w2, w3]: [u64; 4], [w4, w5, w6, w7]: [u64; 4]) -> Self {
        Self([w0, w1, w2, w3, w4, w5, w6, w7], PhantomData)
    }

    /// `self + b`, below `2^512`.
    #[inline(always)]
    pub(crate) fn plus(self, b: Self) -> Self {
        let ((low, high), (b_low, b_high)) = (self.halves(), b.halves());
        let (low, c) = add4(low, &b_low);
        let (t0, c) = high[0].carrying_add(b_high[0], c);
        let (t1, c) = high[1].carrying_add(b_high[1], c);
        let (t2, c) = high[2].carrying_add(b_high[2], c);
        let (t3, _) = high[3].carrying_add(b_high[3], c);
        Self::of_halves(low, [t0, t1, t2, t3])
    }

    /// `self - b`, modulo `2^512`.
    #[inline(always)]
    pub(crate) fn minus(self, b: Self) -> Self {
        let ((low, high), (b_low, b_high)) = (self.halves(), b.halves());
        let (low, c) = sub4(low, &b_low);
        let (t0, c) = high[0].borrowing_sub(b_high[0], c);
        let (t1, c) = high[1].borrowing_sub(b_high[1], c);
        let (t2, c) = high[2].borrowing_sub(b_high[2], c);
        let (t3, _) = high[3].borrowing_sub(b_high[3], c);
        Self::of_halves(low, [t0, t1, t2, t3])
    }
}

impl<M: Modulus> Arithmetic<M> {
    const CONSTANTS: Self = constants();

    /// The field's constants, through a reference that hides them from the compiler.
    #[inline(always)]
    pub(crate) fn get() -> &'static Self {
        black_box(&Self::CONSTANTS)
    }

    /// The product. Needs `A <= 3.2`; `b` may be any four words. Result: `1 + A*B/5.29 + 2^-62`.
    ///
    /// *The result is congruent*: every step divides by `2^64` modulo `p`.
    ///
    /// *Nothing overflows five words*: before a shift, `t` is at most the shifted rest of the step
    /// before, below `2^258`, plus `2^64` times `a`, plus `2^64 * p` for each of the two removals that
    /// meet in the second row and the third: `A + 2 < 5.29` less a sliver, for `A <= 3.2`.
    ///
    /// *The bound*: what a removal adds is below `2^64 * p`, in the first after its shift, and is
    /// divided by the shifts that follow: by `2^192`, `2^128`, `2^128` and `2^64`. So the whole is
    /// below `(a*b)/2^256 + p * (2^-128 + 2^-64 + 2^-64 + 1)`.
    #[inline(always)]
    pub(crate) fn mul(&self, a: &Words<M>, b: &Words<M>) -> Words<M> {
        let (a, b) = (&a.0, &b.0);
        let shift = |t: [u64; 5]| [t[1], t[2], t[3], t[4], 0];
        let t = row(a, b[0]);
        let (t, _) = add5(shift(t), row(&self.word_inverse, t[0]));
        let (t, _) = add5(t, row(a, b[1]));
        let (t, _) = add5(shift(t), row(&self.word_inverse, t[0]));
        let (t, _) = add5(t, row(a, b[2]));
        let (t, _) = add5(t, self.removal(t[0]));
        let (t, _) = add5(shift(t), row(a, b[3]));
        let (t, _) = add5(t, self.removal(t[0]));
        Words::new([t[1], t[2], t[3], t[4]])
    }

    /// The square. Needs bound 4.6: a larger one would not fit.
    #[inline(always)]
    pub(crate) fn square(&self, a: &Words<M>) -> Words<M> {
        self.montgomery(a.wide_square())
    }

    /// The multiple of `p` that makes a low word zero.
    #[inline(always)]
    fn removal(&self, low: u64) -> [u64; 5] {
        row(&self.multiples[1], low.wrapping_mul(self.negative_inverse))
    }

    /// `t / 2^256 mod p`, for `t` at most `22 * p^2`. Result: bound `1 + 2^-62`, plus `t/2^256`,
    /// argued as at [`mul`](Self::mul). That fits, and so does what the removals add to `t`: less
    /// than `0.2 * 2^512` to at most `0.79 * 2^512`.
    #[inline(always)]
    pub(crate) fn montgomery(&self, t: Wide<M>) -> Words<M> {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = t.0;
        let ([w1, w2, w3, w4, w5], c) = add5([w1, w2, w3, w4, w5], row(&self.word_inverse, w0));
        let (w6, c) = w6.carrying_add(0, c);
        let w7 = w7.wrapping_add(u64::from(c));
        let ([w2, w3, w4, w5, w6], c) = add5([w2, w3, w4, w5, w6], row(&self.word_inverse, w1));
        let w7 = w7.wrapping_add(u64::from(c));
        let ([_, w3, w4, w5, w6], c) = add5([w2, w3, w4, w5, w6], self.removal(w2));
        let w7 = w7.wrapping_add(u64::from(c));
        let ([_, w4, w5, w6, w7], _) = add5([w3, w4, w5, w6, w7], self.removal(w3));
        Words::new([w4, w5, w6, w7])
    }

    /// `t + K*p * 2^256`, which is `t` to [`montgomery`](Self::montgomery) plus `K*p`: makes up for a
    /// difference of products that was negative. `t` may have wrapped; the sum must not.
    #[inline(always)]
    pub(crate) fn plus_multiple_of_r<const K: usize>(&self, t: Wide<M>) -> Wide<M> {
        let (low, high) = t.halves();
        Wide::of_halves(low, add4(high, &self.multiples[K]).0)
    }

    /// `a - b + K*p`, which must not be negative and must fit (bound `A + K <= 5.29`).
    #[inline(always)]
    pub(crate) fn minus<const K: usize>(&self, a: &Words<M>, b: &Words<M>) -> Words<M> {
        // Both may wrap; the sum does not.
        Words::new(add4(sub4(a.0, &b.0).0, &self.multiples[K]).0)
    }

    /// `2p - a` if `negative`: bound 2 is closed.
    #[inline(always)]
    pub(crate) fn negate_if(&self, negative: bool, a: &Words<M>) -> Words<M> {
        // The sign is random: a branch would be mispredicted half the time.
        let opposite = sub4(self.multiples[2], &a.0).0;
        let pick = |i: usize| select_unpredictable(negative, opposite[i], a.0[i]);
        Words::new([pick(0), pick(1), pick(2), pick(3)])
    }

    /// Any four words to bound `1 + 2^-57`.
    ///
    /// With `top` the highest word of `p`, `x3` that of `x` and `f = floor(2^124 / (top + 1))`, the
    /// quotient is estimated as `q = floor(x3 * f / 2^124)`. It is at most `x3 / (top + 1) <= x/p`,
    /// so nothing is negative. And `x3 * f / 2^124 > x3/(top + 1) - x3/2^124`, whereas
    /// `x/p < (x3 + 1)/top`, so that what is missing before rounding is below
    /// `x3/2^124 + (x3 + 1 + top)/(top*(top + 1)) < 2^-60 + 7/2^61 < 2^-57`.
    #[inline(always)]
    pub(crate) fn reduce(&self, x: &Words<M>) -> Words<M> {
        let q = (wide(x.0[3], self.quotient).1 >> 60) as usize;
        // q <= 5; the mask tells the compiler that it is in the table.
        Words::new(sub4(x.0, &self.multiples[q & 7]).0)
    }

    /// The least representative, of bound 2.
    #[inline(always)]
    pub(crate) fn least(&self, x: &Words<M>) -> Words<M> {
        let (y, borrow) = sub4(x.0, &self.multiples[1]);
        let pick = |i: usize| select_unpredictable(borrow, x.0[i], y[i]);
        Words::new([pick(0), pick(1), pick(2), pick(3)])
    }

    /// The least representative, of any four words.
    #[inline(always)]
    pub(crate) fn canonical(&self, x: &Words<M>) -> Words<M> {
        self.least(&self.reduce(x))
    }

    /// Arkworks' element, of any four words.
    #[inline(always)]
    pub(crate) fn to_ark(&self, x: &Words<M>) -> M {
        M::from_words(self.canonical(x).0)
    }

    /// Zero modulo `p`, for any four words.
    #[inline(always)]
    pub(crate) fn is_zero(&self, x: &Words<M>) -> bool {
        self.canonical(x).0 == [0; 4]
    }
}

const fn constants<M: Modulus>() -> Arithmetic<M> {
    let p = M::MODULUS.0;
    let mut multiples = [[0u64; 4]; 8];
    let mut k = 0;
    while k < 8 {
        let (mut carry, mut i) = (0u128, 0);
        while i < 4 {
            carry += p[i] as u128 * k as u128;
            multiples[k][i] = carry as u64;
            carry >>= 64;
            i += 1;
        }
        k += 1;
    }
    // Newton: each step doubles the number of correct low bits; 1 is correct modulo 2.
    let mut inverse = 1u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p[0].wrapping_mul(inverse)));
        i += 1;
    }
    let negative_inverse = inverse.wrapping_neg();
    // (1 + p * (-1/p mod 2^64)) / 2^64
    let mut word_inverse = [0; 4];
    let (mut carry, mut i) = (1u128, 0);
    while i < 4 {
        carry += p[i] as u128 * negative_inverse as u128;
        if i > 0 {
            word_inverse[i - 1] = carry as u64;
        }
        carry >>= 64;
        i += 1;
    }
    word_inverse[3] = carry as u64;
    Arithmetic {
        multiples,
        word_inverse,
        negative_inverse,
        quotient: ((1u128 << 124) / (p[3] as u128 + 1)) as u64,
        modulus: PhantomData,
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
