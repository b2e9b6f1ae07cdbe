//! Eight 64-bit lanes of AVX-512 with IFMA, and scalar code with BMI2 and ADX: the only module of
//! this crate that may say `unsafe`.
//!
//! # Why it is sound
//!
//! Two things could go wrong: the processor lacks an instruction, or a pointer does not point to
//! what is read or written.
//!
//! 1. *Instructions.* [`Ifma`] is a token that only [`Ifma::detect`] makes, after the processor
//!    said that it has every feature that [`Ifma::vectorize`] enables. A [`U64x8`] is made only by
//!    a function that takes a token or another `U64x8`; its field is private, and it implements
//!    neither `Default` nor any other trait that makes one. So code that holds a `U64x8` runs on
//!    a processor that has the instructions, and every method on it may use them. [`Wide`] is a
//!    token of the same kind for BMI2 and ADX: only [`Wide::detect`] makes one, and only
//!    [`Wide::accelerate`] uses it, to enter a function compiled with those two features. What runs
//!    inside is safe Rust that any processor could run.
//! 2. *Memory.* Loads and stores take references to whole `[u64; 8]` arrays, 64 bytes, and use the
//!    unaligned instructions. A prefetch takes a reference and has no effect that a program can
//!    observe.
//!
//! Methods here are `#[inline(always)]`, without features of their own: each costs a call unless it
//! is inlined into a function compiled with the features. [`Ifma::vectorize`] is that function: pass
//! it a [`Kernel`] whose `run`, and every function that `run` calls, are `#[inline(always)]` too.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use crate::job::Job;

/// Proof that this processor has AVX-512 F, DQ, VBMI2 and IFMA, and BMI2 and ADX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

/// A computation to be compiled with the vector instructions.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;
    /// Runs it. Implementations are `#[inline(always)]`.
    fn run(self, isa: Ifma) -> Self::Output;
}

impl Ifma {
    /// The token, if the processor has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("adx"))
        .then_some(Self(()))
    }

    /// Runs a kernel inside a function that the compiler may fill with the vector instructions.
    #[inline]
    pub(crate) fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512dq,avx512vbmi2,avx512ifma,bmi2,adx")]
        fn with_features<K: Kernel>(isa: Ifma, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: `self` exists, so `detect` has found every one of these features (1. above).
        unsafe { with_features(self, kernel) }
    }

    /// The same number in all lanes.
    #[inline(always)]
    pub(crate) fn splat(self, x: u64) -> U64x8 {
        // SAFETY: `self` is the token (1. above).
        U64x8(unsafe { _mm512_set1_epi64(x as i64) })
    }

    /// Lane `i` becomes `x[i]`.
    #[inline(always)]
    pub(crate) fn load(self, x: &[u64; 8]) -> U64x8 {
        // SAFETY: token; the reference covers the 64 bytes read, and the load needs no alignment.
        U64x8(unsafe { _mm512_loadu_si512(x.as_ptr().cast()) })
    }

    /// Prefetches the cache line of `x`.
    #[inline(always)]
    pub(crate) fn prefetch<T>(self, x: &T) {
        prefetch(x);
    }
}

/// Prefetches the cache line of `x`.
#[inline(always)]
pub(crate) fn prefetch<T>(x: &T) {
    // SAFETY: a prefetch cannot fault and changes nothing observable; SSE is x86-64's baseline.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(x).cast()) }
}

/// Proof that this processor has BMI2 and ADX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide(());

impl Wide {
    /// The token, if the processor has the instructions. Cheap: the answer is kept.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("adx")).then_some(Self(()))
    }

    /// Runs a job inside a function that the compiler may fill with `mulx`, `adcx` and `adox`.
    #[inline]
    pub(crate) fn accelerate<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "bmi2,adx")]
        fn with_features<J: Job>(job: J) -> J::Output {
            job.run()
        }
        // SAFETY: `self` exists, so `detect` has found both features (1. above).
        unsafe { with_features(job) }
    }
}

/// Eight lanes of 64 bits. A value exists only on a processor with the
/// instructions.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct U64x8(__m512i);

// SAFETY, for every method below: `self` exists, so the instructions exist (1. above); none but
// `to_array` touches memory, and it writes to a local array of 64 bytes.
#[allow(clippy::undocumented_unsafe_blocks)]
impl U64x8 {
    /// The token that this value proves.
    #[inline(always)]
    pub(crate) fn isa(self) -> Ifma {
        Ifma(())
    }

    /// The lanes.
    #[inline(always)]
    pub(crate) fn to_array(self) -> [u64; 8] {
        let mut out = [0; 8];
        self.store(&mut out);
        out
    }

    /// Writes the lanes.
    #[inline(always)]
    pub(crate) fn store(self, out: &mut [u64; 8]) {
        // The exclusive reference covers the 64 bytes written.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), self.0) }
    }

    /// Wrapping sum.
    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(unsafe { _mm512_add_epi64(self.0, b.0) })
    }

    /// Wrapping difference.
    #[inline(always)]
    pub(crate) fn sub(self, b: Self) -> Self {
        Self(unsafe { _mm512_sub_epi64(self.0, b.0) })
    }

    /// `a - self` in the lanes of `mask`, `self` in the others.
    #[inline(always)]
    pub(crate) fn sub_from_where(self, mask: u8, a: Self) -> Self {
        Self(unsafe { _mm512_mask_sub_epi64(self.0, mask, a.0, self.0) })
    }

    /// `b` in the lanes of `mask`, `self` in the others.
    #[inline(always)]
    pub(crate) fn replace_where(self, mask: u8, b: Self) -> Self {
        Self(unsafe { _mm512_mask_mov_epi64(self.0, mask, b.0) })
    }

    /// Bitwise and.
    #[inline(always)]
    pub(crate) fn and(self, b: Self) -> Self {
        Self(unsafe { _mm512_and_si512(self.0, b.0) })
    }

    /// Bitwise or.
    #[inline(always)]
    pub(crate) fn or(self, b: Self) -> Self {
        Self(unsafe { _mm512_or_si512(self.0, b.0) })
    }

    /// Logical shift right.
    #[inline(always)]
    pub(crate) fn shr<const N: u32>(self) -> Self {
        Self(unsafe { _mm512_srli_epi64::<N>(self.0) })
    }

    /// Arithmetic shift right.
    #[inline(always)]
    pub(crate) fn sar<const N: u32>(self) -> Self {
        Self(unsafe { _mm512_srai_epi64::<N>(self.0) })
    }

    /// Shift left.
    #[inline(always)]
    pub(crate) fn shl<const N: u32>(self) -> Self {
        Self(unsafe { _mm512_slli_epi64::<N>(self.0) })
    }

    /// The high 64 bits of the 128-bit `self:low`, shifted left by `N`.
    #[inline(always)]
    pub(crate) fn shl_with<const N: i32>(self, low: Self) -> Self {
        Self(unsafe { _mm512_shldi_epi64::<N>(self.0, low.0) })
    }

    /// `self` plus the low 52 bits of the product of the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn madd_lo(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
    }

    /// `self` plus the high 52 bits of the 104-bit product of the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn madd_hi(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
    }

    /// Lane `i` becomes `table[self[i] mod 8]`.
    #[inline(always)]
    pub(crate) fn lookup(self, table: Self) -> Self {
        Self(unsafe { _mm512_permutexvar_epi64(self.0, table.0) })
    }

    /// A bit for each lane: equal.
    #[inline(always)]
    pub(crate) fn equal_mask(self, b: Self) -> u8 {
        unsafe { _mm512_cmpeq_epi64_mask(self.0, b.0) }
    }

    /// Lane `i` becomes lane `i ^ 4`.
    #[inline(always)]
    pub(crate) fn swap_by_4(self) -> Self {
        Self(unsafe { _mm512_shuffle_i64x2::<0x4e>(self.0, self.0) })
    }

    /// Lane `i` becomes lane `i ^ 2`.
    #[inline(always)]
    pub(crate) fn swap_by_2(self) -> Self {
        Self(unsafe { _mm512_permutex_epi64::<0x4e>(self.0) })
    }

    /// Lane `i` becomes lane `i ^ 1`.
    #[inline(always)]
    pub(crate) fn swap_by_1(self) -> Self {
        Self(unsafe { _mm512_permutex_epi64::<0xb1>(self.0) })
    }

    /// Transposes the 8 by 8 matrix whose rows are `r`.
    #[inline(always)]
    pub(crate) fn transpose(r: [Self; 8]) -> [Self; 8] {
        unsafe {
            let pair = |i: usize| {
                (
                    _mm512_unpacklo_epi64(r[2 * i].0, r[2 * i + 1].0),
                    _mm512_unpackhi_epi64(r[2 * i].0, r[2 * i + 1].0),
                )
            };
            // Even (odd) columns of two rows, one column in each 128-bit quarter.
            let ((e0, o0), (e1, o1), (e2, o2), (e3, o3)) = (pair(0), pair(1), pair(2), pair(3));
            macro_rules! quarters {
                ($a:expr, $b:expr, $c:expr, $d:expr) => {{
                    let p = _mm512_shuffle_i64x2::<0x88>($a, $b);
                    let q = _mm512_shuffle_i64x2::<0xdd>($a, $b);
                    let s = _mm512_shuffle_i64x2::<0x88>($c, $d);
                    let t = _mm512_shuffle_i64x2::<0xdd>($c, $d);
                    [
                        _mm512_shuffle_i64x2::<0x88>(p, s),
                        _mm512_shuffle_i64x2::<0x88>(q, t),
                        _mm512_shuffle_i64x2::<0xdd>(p, s),
                        _mm512_shuffle_i64x2::<0xdd>(q, t),
                    ]
                }};
            }
            let [c0, c2, c4, c6] = quarters!(e0, e1, e2, e3);
            let [c1, c3, c5, c7] = quarters!(o0, o1, o2, o3);
            [c0, c1, c2, c3, c4, c5, c6, c7].map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transpose_swaps_rows_and_columns() {
        let Some(isa) = Ifma::detect() else { return };
        let rows: [U64x8; 8] =
            core::array::from_fn(|i| isa.load(&core::array::from_fn(|j| (10 * i + j) as u64)));
        for (i, column) in U64x8::transpose(rows).into_iter().enumerate() {
            assert_eq!(
                column.to_array(),
                core::array::from_fn(|j| (10 * j + i) as u64)
            );
        }
    }

    #[test]
    fn swaps_exchange_lanes() {
        let Some(isa) = Ifma::detect() else { return };
        let x = isa.load(&[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(x.swap_by_4().to_array(), [4, 5, 6, 7, 0, 1, 2, 3]);
        assert_eq!(x.swap_by_2().to_array(), [2, 3, 0, 1, 6, 7, 4, 5]);
        assert_eq!(x.swap_by_1().to_array(), [1, 0, 3, 2, 5, 4, 7, 6]);
    }
}
