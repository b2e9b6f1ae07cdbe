//! The two groups as the engine stores their points: whole cache lines of words.
//!
//! A G1 point is one line (x, y), a G2 point two (x0, x1, then y0, y1), each coordinate four words
//! in Montgomery form: `x * 2^256` for plain words, with bound `1 + 2^-57` (see [`crate::words`]);
//! `x * 2^260` for the vector kernels, with bound 1.06 for x and 2 for y (so that an opposite is one
//! subtraction). The identity is never stored: callers leave it out, and an addition whose sum is the
//! identity reports it beside the result.

use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{Field, MontFp, PrimeField};
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::coordinate::{self, WordsCoordinate};
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, U64x8};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Coordinate, Pair8};
use crate::modulus::{Modulus, canonical};
use crate::path::{Kind, Path};
use crate::store::Plain;
use crate::words::Words;

/// `1/16`: from the vector kernels' Montgomery form back to arkworks'.
pub(crate) const SIXTEENTH: Fq =
    MontFp!("12312136615409592312513603231707217237391675025980025810262583815737939742328");

/// One cache line: a point of G1, or half of one of G2.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; 8]);

/// G1 or G2 of BN254 (`ark_bn254::g1::Config`, `ark_bn254::g2::Config`).
///
/// Its supertrait is private, which seals it: the kernels support these two
/// groups only.
#[allow(private_bounds)]
pub trait Group: Curve {}

impl Group for g1::Config {}
impl Group for g2::Config {}

/// The operations of a group that the engine needs.
pub(crate) trait Curve: SWCurveConfig<ScalarField = Fr> {
    /// A point other than the identity, in the path's form.
    type Stored: Plain + Default;
    /// A coordinate in words.
    type Words: WordsCoordinate;
    /// Eight coordinates in vector registers.
    #[cfg(target_arch = "x86_64")]
    type Lanes: Coordinate;

    /// Stores a point that is not the identity.
    fn store(path: Path, x: Self::BaseField, y: Self::BaseField) -> Self::Stored;
    /// Reads it back.
    fn restore(path: Path, stored: &Self::Stored) -> (Self::BaseField, Self::BaseField);
    /// Reads it back as arkworks' point.
    fn affine(path: Path, stored: &Self::Stored) -> Affine<Self> {
        let (x, y) = Self::restore(path, stored);
        Affine::new_unchecked(x, y)
    }
    /// The norm down to the prime field. It is zero only for zero.
    fn norm(x: &Self::BaseField) -> Fq;
    /// `1/x` from the inverse of its norm.
    fn inverse_from(x: &Self::BaseField, inverse: Fq) -> Self::BaseField;
    /// Its opposite.
    fn negate(path: Path, stored: &Self::Stored) -> Self::Stored;
    /// A point's x and y, reduced, of the form without vectors.
    fn load_words(stored: &Self::Stored) -> (Self::Words, Self::Words);
    /// The reverse.
    fn store_words(x: &Self::Words, y: &Self::Words) -> Self::Stored;
    /// Eight points' x and y, with the bounds of stored ones.
    #[cfg(target_arch = "x86_64")]
    fn load(isa: Ifma, points: [&Self::Stored; 8]) -> (Self::Lanes, Self::Lanes);
    /// The reverse: coordinates with bound 5 or less.
    #[cfg(target_arch = "x86_64")]
    fn unload(x: &Self::Lanes, y: &Self::Lanes) -> [Self::Stored; 8];
}

#[inline(always)]
fn words(path: Path, x: Fq) -> [u64; 4] {
    match path.0 {
        Kind::Scalar => x.words(),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(_) => (x * Fq::sixteen()).words(),
    }
}

#[inline(always)]
fn element(path: Path, words: [u64; 4]) -> Fq {
    match path.0 {
        Kind::Scalar => Fq::from_words(canonical::<Fq>(words)),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(_) => Fq::from_words(canonical::<Fq>(words)) * SIXTEENTH,
    }
}

#[inline(always)]
fn line(path: Path, a: Fq, b: Fq) -> Line {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (words(path, a), words(path, b));
    Line([a0, a1, a2, a3, b0, b1, b2, b3])
}

#[inline(always)]
fn halves(path: Path, line: &Line) -> (Fq, Fq) {
    let [a0, a1, a2, a3, b0, b1, b2, b3] = line.0;
    (
        element(path, [a0, a1, a2, a3]),
        element(path, [b0, b1, b2, b3]),
    )
}

#[inline(always)]
fn split(line: &Line) -> (Words<Fq>, Words<Fq>) {
    let [a0, a1, a2, a3, b0, b1, b2, b3] = line.0;
    (Words::new([a0, a1, a2, a3]), Words::new([b0, b1, b2, b3]))
}

#[inline(always)]
fn join(a: &Words<Fq>, b: &Words<Fq>) -> Line {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.0, b.0);
    Line([a0, a1, a2, a3, b0, b1, b2, b3])
}

/// `2p - y` on four words from `at`, for bound 2.
#[cfg(target_arch = "x86_64")]
fn negate_words(line: &mut Line, at: usize) {
    let (mut carry, mut borrow) = (0, false);
    for (word, p) in line.0[at..at + 4].iter_mut().zip(Fq::MODULUS.0) {
        let double = (p << 1) | carry;
        carry = p >> 63;
        let (t, b0) = double.overflowing_sub(*word);
        let (t, b1) = t.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (t, b0 | b1);
    }
}

impl Curve for g1::Config {
    type Stored = Line;
    type Words = Words<Fq>;
    #[cfg(target_arch = "x86_64")]
    type Lanes = crate::field::F8<Fq>;

    #[inline(always)]
    fn norm(x: &Fq) -> Fq {
        *x
    }

    #[inline(always)]
    fn inverse_from(_: &Fq, inverse: Fq) -> Fq {
        inverse
    }

    #[inline(always)]
    fn store(path: Path, x: Fq, y: Fq) -> Line {
        line(path, x, y)
    }

    #[inline(always)]
    fn restore(path: Path, stored: &Line) -> (Fq, Fq) {
        halves(path, stored)
    }

    fn negate(path: Path, stored: &Line) -> Line {
        match path.0 {
            Kind::Scalar => {
                let (x, y) = Self::restore(path, stored);
                Self::store(path, x, -y)
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(_) => {
                let mut out = *stored;
                negate_words(&mut out, 4);
                out
            }
        }
    }

    #[inline(always)]
    fn load_words(stored: &Line) -> (Words<Fq>, Words<Fq>) {
        split(stored)
    }

    #[inline(always)]
    fn store_words(x: &Words<Fq>, y: &Words<Fq>) -> Line {
        join(x, y)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn load(isa: Ifma, points: [&Line; 8]) -> (Self::Lanes, Self::Lanes) {
        load_lines(isa, points)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn unload(x: &Self::Lanes, y: &Self::Lanes) -> [Line; 8] {
        unload_lines(x, y)
    }
}

impl Curve for g2::Config {
    type Stored = [Line; 2];
    type Words = coordinate::Pair;
    #[cfg(target_arch = "x86_64")]
    type Lanes = Pair8;

    #[inline(always)]
    fn norm(x: &Fq2) -> Fq {
        // u^2 = -1, and -1 is not a square.
        x.c0.square() + x.c1.square()
    }

    #[inline(always)]
    fn inverse_from(x: &Fq2, inverse: Fq) -> Fq2 {
        Fq2::new(x.c0 * inverse, -(x.c1 * inverse))
    }

    #[inline(always)]
    fn store(path: Path, x: Fq2, y: Fq2) -> [Line; 2] {
        [line(path, x.c0, x.c1), line(path, y.c0, y.c1)]
    }

    #[inline(always)]
    fn restore(path: Path, [x, y]: &[Line; 2]) -> (Fq2, Fq2) {
        let pair = |(c0, c1)| Fq2::new(c0, c1);
        (pair(halves(path, x)), pair(halves(path, y)))
    }

    fn negate(path: Path, [x, y]: &[Line; 2]) -> [Line; 2] {
        match path.0 {
            Kind::Scalar => {
                let (x, y) = Self::restore(path, &[*x, *y]);
                Self::store(path, x, -y)
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(_) => {
                let mut y = *y;
                negate_words(&mut y, 0);
                negate_words(&mut y, 4);
                [*x, y]
            }
        }
    }

    #[inline(always)]
    fn load_words([x, y]: &[Line; 2]) -> (coordinate::Pair, coordinate::Pair) {
        let pair = |(c0, c1)| coordinate::Pair { c0, c1 };
        (pair(split(x)), pair(split(y)))
    }

    #[inline(always)]
    fn store_words(x: &coordinate::Pair, y: &coordinate::Pair) -> [Line; 2] {
        [join(&x.c0, &x.c1), join(&y.c0, &y.c1)]
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn load(isa: Ifma, points: [&[Line; 2]; 8]) -> (Self::Lanes, Self::Lanes) {
        let (x0, x1) = load_lines(isa, points.map(|p| &p[0]));
        let (y0, y1) = load_lines(isa, points.map(|p| &p[1]));
        (Pair8 { c0: x0, c1: x1 }, Pair8 { c0: y0, c1: y1 })
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn unload(x: &Self::Lanes, y: &Self::Lanes) -> [[Line; 2]; 8] {
        let (x, y) = (unload_lines(&x.c0, &x.c1), unload_lines(&y.c0, &y.c1));
        core::array::from_fn(|i| [x[i], y[i]])
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn load_lines(isa: Ifma, lines: [&Line; 8]) -> (crate::field::F8<Fq>, crate::field::F8<Fq>) {
    let [a0, a1, a2, a3, b0, b1, b2, b3] = U64x8::transpose(lines.map(|l| isa.load(&l.0)));
    let unpack = crate::field::F8::unpack;
    (unpack([a0, a1, a2, a3]), unpack([b0, b1, b2, b3]))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn unload_lines(a: &crate::field::F8<Fq>, b: &crate::field::F8<Fq>) -> [Line; 8] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.pack(), b.pack());
    U64x8::transpose([a0, a1, a2, a3, b0, b1, b2, b3]).map(|row| Line(row.to_array()))
}
