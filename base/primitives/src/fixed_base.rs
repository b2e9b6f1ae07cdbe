//! Multiples of points that stay the same for a long time, by tables.
//!
//! A view key encrypts two numbers of each claim during its epoch, and B8 is always in use. With a
//! table of multiples of such a point, a product with an [`Exponent`] takes one addition for every
//! five bits and no doubling: a twentieth of the ladder's time.
//!
//! An exponent is Σ (2·b_i − 1)·2^i. Its window j, of five bits with value v, is the digit 2·v −
//! 31: one of ±1, ±3, .., ±31, never zero. So the additions are the same for every exponent. The
//! summand is selected by masks from all sixteen points of the row, so no address depends on the
//! exponent either. The field operations are arkworks', which are not constant-time.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
#[cfg(feature = "std")]
use std::sync::{Mutex, PoisonError};

use ark_ec::AdditiveGroup;
use ark_ff::{BigInt, Field, Fp, serial_batch_inversion_and_mul};
use once_cell::race::OnceBox;

use crate::{
    Fr,
    edwards::{EdwardsAffine, EdwardsProjective},
    exponent::{EXPONENT_BITS, Exponent},
    jubjub::Point,
};

/// Bits of a window.
const WIDTH: usize = 5;
/// Positive digits of a window: 1, 3, .., 31.
const DIGITS: usize = 1 << (WIDTH - 1);
/// Windows of an exponent.
const WINDOWS: usize = EXPONENT_BITS / WIDTH;
const _: () = assert!(EXPONENT_BITS.is_multiple_of(WIDTH));

/// The number of points whose tables are kept: the view keys of two epochs, each with one for totals.
#[cfg(feature = "std")]
const KEPT: usize = 4;

/// The multiples of one point, 50 KiB.
pub(crate) struct FixedBase {
    /// Row j: 2^(5j) times 1, 3, .., 31 of the point.
    rows: Vec<[EdwardsAffine; DIGITS]>,
}

impl core::fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FixedBase(..)")
    }
}

impl FixedBase {
    /// Computes the table of a point, in about 0.6 ms.
    pub(crate) fn new(point: &Point) -> Self {
        let mut multiples = Vec::with_capacity(WINDOWS * DIGITS);
        let mut one = point.projective();
        for _ in 0..WINDOWS {
            let two = one.double();
            let mut odd = one;
            for _ in 0..DIGITS {
                multiples.push(odd);
                odd += two;
            }
            for _ in 0..WIDTH {
                one.double_in_place();
            }
        }
        // Runs on this thread alone. arkworks' own function uses rayon's threads, where a waiting
        // thread takes other work, and that work may wait for this very table.
        let mut inverses: Vec<Fr> = multiples.iter().map(|point| point.z).collect();
        serial_batch_inversion_and_mul(&mut inverses, &Fr::ONE);
        let affine = |(point, inverse): (&EdwardsProjective, &Fr)| {
            EdwardsAffine::new_unchecked(point.x * inverse, point.y * inverse)
        };
        let multiples: Vec<EdwardsAffine> = multiples.iter().zip(&inverses).map(affine).collect();
        let (rows, _) = multiples.as_chunks();
        Self {
            rows: rows.to_vec(),
        }
    }

    /// The table of circomlib's Base8, made once.
    pub(crate) fn base() -> &'static Self {
        static BASE: OnceBox<FixedBase> = OnceBox::new();
        BASE.get_or_init(|| Box::new(Self::new(&Point::base())))
    }

    /// The table of a public key, from a cache of the most recently used ones.
    #[cfg(feature = "std")]
    pub(crate) fn of(point: &Point) -> Arc<Self> {
        static TABLES: Mutex<Tables> = Mutex::new(Tables(Vec::new()));
        // A thread that panicked left complete entries.
        let tables = || TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        let found = tables().find(point);
        // The lock is not held meanwhile: several threads may make the same table, and the first
        // one stays.
        found.unwrap_or_else(|| {
            let made = Arc::new(Self::new(point));
            tables().keep(point, made)
        })
    }

    /// The table of a public key. Without `std` tables are not cached, because there is no lock.
    #[cfg(not(feature = "std"))]
    pub(crate) fn of(point: &Point) -> Arc<Self> {
        Arc::new(Self::new(point))
    }

    /// exponent · point: never the identity.
    pub(crate) fn mul(&self, exponent: &Exponent) -> EdwardsProjective {
        let mut sum = EdwardsProjective::ZERO;
        for (row, window) in self.rows.iter().zip(exponent.windows::<WIDTH>()) {
            sum += select(row, window);
        }
        sum
    }
}

/// The tables of the most recently used points, the latest first.
#[cfg(feature = "std")]
struct Tables(Vec<(Point, Arc<FixedBase>)>);

#[cfg(feature = "std")]
impl Tables {
    fn find(&mut self, point: &Point) -> Option<Arc<FixedBase>> {
        let at = self.0.iter().position(|(known, _)| known == point)?;
        self.0[..=at].rotate_right(1);
        Some(Arc::clone(&self.0[0].1))
    }

    /// Keeps a table, unless another thread has stored one meanwhile, and returns the stored one.
    fn keep(&mut self, point: &Point, made: Arc<FixedBase>) -> Arc<FixedBase> {
        if let Some(known) = self.find(point) {
            return known;
        }
        self.0.insert(0, (*point, Arc::clone(&made)));
        self.0.truncate(KEPT);
        made
    }
}

/// The point of a digit 2·`window` − 31.
fn select(row: &[EdwardsAffine; DIGITS], window: u64) -> EdwardsAffine {
    // All ones if the digit is negative. Its absolute value is then that of the window with every
    // bit flipped.
    let negative = (window >> (WIDTH - 1)).wrapping_sub(1);
    let wanted = (window ^ negative) & (DIGITS as u64 - 1);
    let (mut x, mut y) = ([0u64; 4], [0u64; 4]);
    for (digit, point) in (0u64..).zip(row) {
        let mask = ((digit ^ wanted).wrapping_sub(1) >> 63).wrapping_neg();
        for (out, word) in x.iter_mut().zip(point.x.0.0) {
            *out |= word & mask;
        }
        for (out, word) in y.iter_mut().zip(point.y.0.0) {
            *out |= word & mask;
        }
    }
    let x: Fr = Fp::new_unchecked(BigInt(x));
    let opposite = -x;
    let mut words = [0u64; 4];
    for ((out, word), other) in words.iter_mut().zip(x.0.0).zip(opposite.0.0) {
        *out = (word & !negative) | (other & negative);
    }
    EdwardsAffine::new_unchecked(
        Fp::new_unchecked(BigInt(words)),
        Fp::new_unchecked(BigInt(y)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jubjub::Scalar;
    use ark_ec::CurveGroup;
    use proptest::prelude::*;
    use rayon::prelude::*;

    #[test]
    fn every_digit_in_every_window() {
        let point = Point::mul_base(&Scalar::from(77u64)).expect("not zero");
        let table = FixedBase::new(&point);
        for byte in 0..32u8 {
            // The same window everywhere.
            let mut bytes = [0u8; 32];
            for bit in 0..EXPONENT_BITS {
                bytes[bit / 8] |= (byte >> (bit % WIDTH) & 1) << (bit % 8);
            }
            let exponent = Exponent::from_bytes(&bytes);
            assert_eq!(
                table.mul(&exponent),
                point.projective() * exponent.scalar(),
                "{byte}"
            );
        }
    }

    #[test]
    fn tables_are_found_again_and_only_a_few_kept() {
        let points: Vec<Point> = (2u64..3 + KEPT as u64)
            .map(|k| Point::mul_base(&Scalar::from(k)).expect("not zero"))
            .collect();
        let mut tables = Tables(Vec::new());
        let made: Vec<_> = points
            .iter()
            .map(|point| {
                assert!(tables.find(point).is_none());
                tables.keep(point, Arc::new(FixedBase::new(point)))
            })
            .collect();
        assert_eq!(tables.0.len(), KEPT);
        // All but the first are still there.
        assert!(tables.find(&points[0]).is_none());
        for (point, table) in points.iter().zip(&made).skip(1) {
            assert!(tables.find(point).is_some_and(|it| Arc::ptr_eq(&it, table)));
        }
        // A thread that made the same table meanwhile gets the stored one.
        let again = tables.keep(&points[2], Arc::new(FixedBase::new(&points[2])));
        assert!(Arc::ptr_eq(&again, &made[2]));
        // One more evicts the least recently used.
        tables.keep(&points[0], Arc::clone(&made[0]));
        assert!(tables.find(&points[1]).is_none());
        assert!(tables.find(&points[2]).is_some());
    }

    /// Work that rayon hands out may ask for a table while another thread, or the same one further
    /// up its stack, makes it.
    #[test]
    fn no_table_waits_for_work_that_waits_for_it() {
        // More points than are kept, so that tables are made repeatedly, inside of rayon and
        // outside.
        let points: Vec<Point> = (1_000u64..1_016)
            .map(|k| Point::mul_base(&Scalar::from(k)).expect("not zero"))
            .collect();
        let (done, wait) = std::sync::mpsc::channel();
        for inside in [true, false] {
            let (points, done) = (points.clone(), done.clone());
            let ask = move |i: usize| drop(FixedBase::of(&points[i * 7 % points.len()]));
            let work = move || {
                match inside {
                    true => (0..800).into_par_iter().for_each(ask),
                    false => (0..400).for_each(ask),
                }
                done.send(()).expect("the test waits");
            };
            std::thread::spawn(work);
        }
        let minute = std::time::Duration::from_secs(60);
        for _ in 0..2 {
            wait.recv_timeout(minute).expect("no deadlock");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn agrees_with_the_ladder(bytes in prop::array::uniform32(any::<u8>())) {
            let exponent = Exponent::from_bytes(&bytes);
            let base = FixedBase::base();
            prop_assert_eq!(
                base.mul(&exponent).into_affine(),
                (Point::base().projective() * exponent.scalar()).into_affine()
            );
        }
    }
}
