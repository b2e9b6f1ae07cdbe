//! Prime-field arithmetic in eight lanes: Montgomery form with `R = 2^260`, five limbs of 52 bits.
//!
//! # Bounds
//!
//! "Bound `k`" means: below `k * p`. Two types tell what the multiplier may read:
//!
//! * [`F8`]: every limb in `[0, 2^52)`, so the value is below `2^260` and equals what the limbs say.
//!   The multiplier reads only the low 52 bits of a limb, so only this type may enter it.
//! * [`Raw`]: limbs are signed 64-bit numbers after a few additions and subtractions; the value they
//!   stand for is not negative. [`Raw::carry`] and [`Raw::reduce`] bring it back.
//!
//! With bounds `A` and `B` a product is below `p * (1 + 2^-50 + A*B*p/2^260)` (argued at
//! [`Columns`]). Both primes are below `0.19 * 2^256`, so `p/2^260 < 1/84`:
//!
//! > **bound of a product: `1 + A*B/84`; of [`F8::mul_add`]: `1 + (A*B + C*D)/84`,**
//!
//! plus `2^-50`, which is less than the slack of every sum of bounds here. Code that needs an integer
//! below `p` has to reduce a product once more ([`canonical`]).
//!
//! [`Raw::reduce`] takes bound 8 to bound 1.06 (argued there). Each caller writes its bounds down,
//! and the tests run every operation at the largest values its bound allows.

use core::marker::PhantomData;

use ark_bn254::Fq;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::inversion;
use crate::isa::{Ifma, Kernel, U64x8};
use crate::modulus::{LIMB, Modulus, canonical, limbs};
use crate::unrolled::unrolled;

/// An array with one element for each limb.
macro_rules! each_limb {
    ($i:ident => $element:expr) => {
        unrolled!(0 1 2 3 4; $i => $element)
    };
}

/// Eight elements, limbs in `[0, 2^52)`. The caller keeps track of the bound.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct F8<M>([U64x8; 5], PhantomData<M>);

/// Eight elements as they lie in memory between kernels.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub(crate) struct Limbs8([[u64; 8]; 5]);

/// Eight elements whose limbs have not been carried.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Raw<M>([U64x8; 5], PhantomData<M>);

impl<M: Modulus> F8<M> {
    /// From plain words of each lane, which are read as the Montgomery form.
    #[inline(always)]
    pub(crate) fn from_words(isa: Ifma, words: &[[u64; 4]; 8]) -> Self {
        let split = words.map(limbs);
        Self(
            core::array::from_fn(|i| isa.load(&core::array::from_fn(|lane| split[lane][i]))),
            PhantomData,
        )
    }

    /// Loads the limbs that [`store`](Self::store) wrote, or zeros.
    #[inline(always)]
    pub(crate) fn load(isa: Ifma, stored: &Limbs8) -> Self {
        Self(each_limb!(i => isa.load(&stored.0[i])), PhantomData)
    }

    /// Writes the limbs to memory.
    #[inline(always)]
    pub(crate) fn store(&self, out: &mut Limbs8) {
        for (limb, out) in self.0.iter().zip(&mut out.0) {
            limb.store(out);
        }
    }

    /// The same words in all lanes.
    #[inline(always)]
    pub(crate) fn splat(isa: Ifma, words: [u64; 4]) -> Self {
        Self::splat_limbs(isa, &limbs(words))
    }

    /// The same limbs in all lanes.
    #[inline(always)]
    pub(crate) fn splat_limbs(isa: Ifma, limbs: &[u64; 5]) -> Self {
        Self(each_limb!(i => isa.splat(limbs[i])), PhantomData)
    }

    /// From arkworks' elements; bound 1.
    pub(crate) fn from_ark(isa: Ifma, x: &[M; 8]) -> Self {
        Self::from_words(isa, &x.map(|x| (x * M::sixteen()).words()))
    }

    /// Arkworks' elements, of a value with bound 5 or less; takes `1/16` ([`Modulus::sixteen`]).
    pub(crate) fn to_ark(self, sixteenth: M) -> [M; 8] {
        self.words()
            .map(|w| M::from_words(canonical::<M>(w)) * sixteenth)
    }

    /// The words of each lane as they are, not reduced; needs a value below `2^256` (bound 5).
    pub(crate) fn words(self) -> [[u64; 4]; 8] {
        let packed = self.pack().map(U64x8::to_array);
        core::array::from_fn(|lane| packed.map(|word| word[lane]))
    }

    /// From four words a lane, transposed: vector `i` holds word `i` of all lanes.
    #[inline(always)]
    pub(crate) fn unpack([w0, w1, w2, w3]: [U64x8; 4]) -> Self {
        let low = w0.isa().splat(LIMB);
        Self(
            [
                w0.and(low),
                w1.shl_with::<12>(w0).and(low),
                w2.shl_with::<24>(w1).and(low),
                w3.shl_with::<36>(w2).and(low),
                w3.shr::<16>(),
            ],
            PhantomData,
        )
    }

    /// Back to four words a lane; needs a value below `2^256`, which bound 5 implies.
    #[inline(always)]
    pub(crate) fn pack(self) -> [U64x8; 4] {
        let [l0, l1, l2, l3, l4] = self.0;
        [
            l0.or(l1.shl::<52>()),
            l1.shr::<12>().or(l2.shl::<40>()),
            l2.shr::<24>().or(l3.shl::<28>()),
            l3.shr::<36>().or(l4.shl::<16>()),
        ]
    }

    /// The product. Bounds: `A*B <= 84`; result `1 + A*B/84`.
    #[inline(always)]
    pub(crate) fn mul(&self, b: &Self) -> Self {
        Self::sum_of_products([self], [b]).carry()
    }

    /// `self * b + c * d` for the price of one and a half products. Bounds: `A*B + C*D <= 84`;
    /// result `1 + (A*B + C*D)/84`.
    #[inline(always)]
    pub(crate) fn mul_add(&self, b: &Self, c: &Self, d: &Self) -> Self {
        Self::sum_of_products([self, c], [b, d]).carry()
    }

    /// `Σ aₙ * bₙ` with one reduction; its limbs have not been carried (they are below `2^59`).
    /// Bounds: `S = Σ Aₙ * Bₙ <= 84 * 6`, at most 8 products; result `1 + S/84`.
    #[inline(always)]
    pub(crate) fn sum_of_products<const N: usize>(a: [&Self; N], b: [&Self; N]) -> Raw<M> {
        const { assert!(matches!(N, 1..=8)) };
        let mut t = Columns::zero(a[0].0[0].isa());
        for i in 0..5 {
            for (a, b) in a.iter().zip(&b) {
                t.add_product(i, &a.0, b.0[i]);
            }
            t.remove_limb(i);
        }
        t.high()
    }

    /// As [`sum_of_products`](Self::sum_of_products), with factors that are the same in all lanes, of
    /// bound 1: `S = Σ Aₙ`.
    #[inline(always)]
    pub(crate) fn dot<const N: usize>(a: &[Self; N], factors: &[[u64; 5]; N]) -> Raw<M> {
        const { assert!(matches!(N, 1..=8)) };
        let isa = a[0].0[0].isa();
        let mut t = Columns::zero(isa);
        for i in 0..5 {
            for (a, factor) in a.iter().zip(factors) {
                t.add_product(i, &a.0, isa.splat(factor[i]));
            }
            t.remove_limb(i);
        }
        t.high()
    }

    /// `Σ aₙ^2` with one reduction, at most 8 of them; bounds and limbs as for
    /// [`sum_of_products`](Self::sum_of_products). A square costs 15 products of limbs, not 25.
    #[inline(always)]
    pub(crate) fn sum_of_squares<const N: usize>(a: [&Self; N]) -> Raw<M> {
        const { assert!(matches!(N, 1..=8)) };
        let mut t = Columns::zero(a[0].0[0].isa());
        // Products of different limbs, once; columns are doubled, as twice a limb would not fit
        // what the multiplier reads.
        for Self(a, _) in a {
            for i in 0..5 {
                t.add_product(2 * i + 1, &a[i + 1..], a[i]);
            }
        }
        t.double();
        for Self(a, _) in a {
            for i in 0..5 {
                t.add_product(2 * i, &a[i..=i], a[i]);
            }
        }
        for i in 0..5 {
            t.remove_limb(i);
        }
        t.high()
    }

    /// The square; bounds as for the product.
    #[inline(always)]
    pub(crate) fn square(&self) -> Self {
        Self::sum_of_squares([self]).carry()
    }

    /// As limbs that need no carry yet.
    #[inline(always)]
    pub(crate) fn raw(&self) -> Raw<M> {
        Raw(self.0, PhantomData)
    }

    /// `self - b + 2p`, which is not negative for `b` of bound 2. Result: bound of `self` plus 2.
    #[inline(always)]
    pub(crate) fn minus(&self, b: &Self) -> Self {
        self.raw().minus(&b.raw()).plus_multiple::<2>().carry()
    }

    /// `self + b`; bounds add up.
    #[inline(always)]
    pub(crate) fn plus(&self, b: &Self) -> Self {
        self.raw().plus(&b.raw()).carry()
    }

    /// A bit for each lane: zero modulo `p`. Needs bound 8.
    #[inline(always)]
    pub(crate) fn zero_mask(&self) -> u8 {
        // Bound 1.06 and congruent to 0 leaves 0 and p.
        let x = self.raw().reduce();
        let isa = x.0[0].isa();
        let (mut zero, mut p) = (0xff, 0xff);
        for i in 0..5 {
            zero &= x.0[i].equal_mask(isa.splat(0));
            p &= x.0[i].equal_mask(isa.splat(M::LIMBS[i]));
        }
        zero | p
    }

    /// `b` in the lanes of `mask`.
    #[inline(always)]
    pub(crate) fn replace_where(&self, mask: u8, b: &Self) -> Self {
        Self(
            each_limb!(i => self.0[i].replace_where(mask, b.0[i])),
            PhantomData,
        )
    }

    /// Lane `i` becomes lane `i ^ 4`.
    #[inline(always)]
    pub(crate) fn swap_by_4(&self) -> Self {
        Self(each_limb!(i => self.0[i].swap_by_4()), PhantomData)
    }

    /// Lane `i` becomes lane `i ^ 2`.
    #[inline(always)]
    pub(crate) fn swap_by_2(&self) -> Self {
        Self(each_limb!(i => self.0[i].swap_by_2()), PhantomData)
    }

    /// Lane `i` becomes lane `i ^ 1`.
    #[inline(always)]
    pub(crate) fn swap_by_1(&self) -> Self {
        Self(each_limb!(i => self.0[i].swap_by_1()), PhantomData)
    }
}

impl F8<Fq> {
    /// The inverses, bound 1.07, or nothing if some lane is zero. Needs bound 5. One inversion for
    /// all lanes, in words.
    pub(crate) fn inverse(self, isa: Ifma) -> Option<Self> {
        isa.vectorize(Inverse(self))
    }
}

struct Inverse(F8<Fq>);

impl Kernel for Inverse {
    type Output = Option<F8<Fq>>;

    #[inline(always)]
    fn run(self, isa: Ifma) -> Option<F8<Fq>> {
        // Products of two lanes, of four and of all, each in all of its lanes. Bounds: 1.3, 1.03.
        let Self(one) = self;
        let two = one.mul(&one.swap_by_1());
        let four = two.mul(&two.swap_by_2());
        let all = four.mul(&four.swap_by_4());
        // A lane holds x*2^260, which arkworks reads as the element x*2^4. Its inverse is x^-1*2^-4
        // and is kept as x^-1*2^252; times 2^8 it is kept as x^-1*2^260.
        let product = Fq::from_words(canonical::<Fq>(all.words()[0]));
        let inverse = inversion::inverse(product)? * Fq::sixteen() * Fq::sixteen();
        let inverse = F8::splat(isa, inverse.words());
        // The other factor in each lane's product. 1 + 1.02 * 5 / 84.
        let inverse = inverse.mul(&four.swap_by_4()).mul(&two.swap_by_2());
        Some(inverse.mul(&one.swap_by_1()))
    }
}

impl<M: Modulus> Raw<M> {
    /// Limb-wise sum.
    #[inline(always)]
    pub(crate) fn plus(&self, b: &Self) -> Self {
        Self(each_limb!(i => self.0[i].add(b.0[i])), PhantomData)
    }

    /// Limb-wise difference: add enough multiples of `p` before the carry.
    #[inline(always)]
    pub(crate) fn minus(&self, b: &Self) -> Self {
        Self(each_limb!(i => self.0[i].sub(b.0[i])), PhantomData)
    }

    /// Plus `K * p`, `K < 8`.
    #[inline(always)]
    pub(crate) fn plus_multiple<const K: usize>(&self) -> Self {
        let isa = self.0[0].isa();
        Self(
            each_limb!(i => self.0[i].add(isa.splat(M::MULTIPLES[i][K]))),
            PhantomData,
        )
    }

    /// Times `2^N`, for limbs below `2^(63 - N)`.
    #[inline(always)]
    pub(crate) fn times_power_of_two<const N: u32>(&self) -> Self {
        Self(each_limb!(i => self.0[i].shl::<N>()), PhantomData)
    }

    /// `2p - self` in the lanes of `mask`; `2p` itself for zero, so bound 2 is closed.
    #[inline(always)]
    pub(crate) fn negate_where(&self, mask: u8) -> Self {
        let isa = self.0[0].isa();
        Self(
            each_limb!(i => self.0[i].sub_from_where(mask, isa.splat(M::MULTIPLES[i][2]))),
            PhantomData,
        )
    }

    /// Carries: limbs in `[0, 2^52)`. The value must not be negative and stays below `2^260`
    /// (bound 84), or the top limb would not fit.
    #[inline(always)]
    pub(crate) fn carry(&self) -> F8<M> {
        let mut t = self.0;
        let low = t[0].isa().splat(LIMB);
        for i in 0..4 {
            // Arithmetic: a limb may be negative here, and then borrows.
            t[i + 1] = t[i + 1].add(t[i].sar::<52>());
            t[i] = t[i].and(low);
        }
        F8(t, PhantomData)
    }

    /// Bound 8 to bound 1.06, and carries. The top limb must not be negative. It is not when the
    /// subtrahends, with carried limbs, have bounds that sum up to the multiple of `p` added (floors
    /// add up), or when that multiple exceeds them by a hundredth of `p` (limbs above `-2^59` borrow
    /// less than `2^8` from the top limb).
    ///
    /// The top limb `t` is the value over `2^208`, up to the carries that have not reached it: at
    /// most `2^8` units (limbs below `2^59`, or above `-2^59`), of `p/2^208 > 2^45`.
    /// `q = floor(84*t / 2^52)` estimates the quotient by `p`, as
    /// `p/2^260` is between `1/84.61` and `1/84.58`. It never exceeds the true quotient `x` (84 is
    /// 0.6 % below 84.58, more than those units can make up for once `q >= 1`), and it misses at
    /// most `1 + 8*(1 - 84/84.61) < 1.06` of it. The product `q*p` is looked up: `q < 8`.
    #[inline(always)]
    pub(crate) fn reduce(&self) -> F8<M> {
        let isa = self.0[0].isa();
        let q = isa.splat(0).madd_hi(self.0[4], isa.splat(84));
        Self(
            each_limb!(i => self.0[i].sub(q.lookup(isa.load(&M::MULTIPLES[i])))),
            PhantomData,
        )
        .carry()
    }
}

/// Products that have not been reduced: column `i` has the weight `2^(52*i)`.
///
/// # The reduction
///
/// A low column's limb `t` goes by adding `m*p` with `m = t * (-1/p mod 2^52)`. Adding
/// `t * (2^-52 mod p)` to the columns above does the same modulo `p`, with one multiplication less
/// and without waiting for `m`. But the value is then larger by up to `2^52 * p`, until later steps
/// divide the excess away. So the first three limbs are removed in this way, and the last two in the
/// ordinary way.
///
/// Limbs of a product are removed as soon as their column is complete; a square's columns are doubled
/// first.
///
/// *The bound*: after three steps the value is below `2^52 * p * (1 + 2^-52 + 2^-104)`, not counting
/// the products. The fourth adds up to `2^52 * p` to that and divides, which leaves less than
/// `p * (2 + 2^-51)`; the fifth likewise, which leaves less than `p * (1 + 2^-50)`. What the products
/// add is divided by `2^260` in all.
///
/// *No lane overflows*: a column receives at most nine halves below `2^52` from each product, of
/// which a square doubles eight; ten from the reduction, and one carry below `2^12`. With eight
/// products that is under `2^52 * 83 < 2^59`.
struct Columns<M>([U64x8; 10], PhantomData<M>);

impl<M: Modulus> Columns<M> {
    #[inline(always)]
    fn zero(isa: Ifma) -> Self {
        Self([isa.splat(0); 10], PhantomData)
    }

    /// Adds `a * b` from column `start` on.
    #[inline(always)]
    fn add_product(&mut self, start: usize, a: &[U64x8], b: U64x8) {
        for (column, a) in self.0[start..].iter_mut().zip(a) {
            *column = column.madd_lo(*a, b);
        }
        for (column, a) in self.0[start + 1..].iter_mut().zip(a) {
            *column = column.madd_hi(*a, b);
        }
    }

    #[inline(always)]
    fn double(&mut self) {
        for column in &mut self.0 {
            *column = column.shl::<1>();
        }
    }

    /// Makes column `i` zero without changing the value modulo `p`; the columns below are zero
    /// already.
    #[inline(always)]
    fn remove_limb(&mut self, i: usize) {
        let low = self.0[i];
        let isa = low.isa();
        if i < 3 {
            self.0[i + 1] = self.0[i + 1].add(low.shr::<52>());
            let inverse = each_limb!(j => isa.splat(M::LIMB_INVERSE[j]));
            self.add_product(i + 1, &inverse, low);
        } else {
            let m = isa.splat(0).madd_lo(low, isa.splat(M::NEGATIVE_INVERSE));
            self.add_product(i, &each_limb!(j => isa.splat(M::LIMBS[j])), m);
            // Its low 52 bits are zero now; the rest carries.
            self.0[i + 1] = self.0[i + 1].add(self.0[i].shr::<52>());
        }
    }

    /// The value over `2^260`, after five limbs have been removed.
    #[inline(always)]
    fn high(self) -> Raw<M> {
        let [.., t5, t6, t7, t8, t9] = self.0;
        Raw([t5, t6, t7, t8, t9], PhantomData)
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
