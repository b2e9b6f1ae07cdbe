//! Elements and scalars of ristretto255, as the VOPRF's library has them.

use merits_primitives::field;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha512};
use voprf::{Group, Ristretto255};
use zeroize::Zeroizing;

/// Bytes of a compressed element, and of a scalar.
pub const ELEMENT_BYTES: usize = 32;

/// Bytes of an element or a scalar.
pub(super) type Bytes = [u8; ELEMENT_BYTES];

pub(super) type Scalar = <Ristretto255 as Group>::Scalar;
pub(super) type Point = <Ristretto255 as Group>::Elem;

/// The element of these bytes; `None` for the identity and for every encoding that is not canonical.
pub(super) fn point(bytes: &Bytes) -> Option<Point> {
    Ristretto255::deserialize_elem(bytes).ok()
}

/// The compressed element; `None` for the identity.
pub(super) fn point_bytes(point: Point) -> Option<Bytes> {
    let identity: bool = Ristretto255::is_identity_elem(point).into();
    (!identity).then(|| Ristretto255::serialize_elem(point).into())
}

/// The scalar of these bytes; `None` for zero and for a number that is not reduced.
pub(super) fn scalar(bytes: &Bytes) -> Option<Scalar> {
    Ristretto255::deserialize_scalar(bytes).ok()
}

pub(super) fn scalar_bytes(scalar: Scalar) -> Bytes {
    Ristretto255::serialize_scalar(scalar).into()
}

/// scalar · B.
pub(super) fn times_base(scalar: &Scalar) -> Point {
    Point::mul_base(scalar)
}

/// Where the holder with this index has the value of a polynomial: its index plus one, which is never zero.
pub(super) fn place(index: usize) -> Scalar {
    Scalar::from(index as u64 + 1)
}

/// The value at zero of the polynomial through these places is the sum of its values there, each times one of these.
/// `None` if a place is there twice.
pub(super) fn coefficients(places: &[Scalar]) -> Option<Vec<Scalar>> {
    places
        .iter()
        .enumerate()
        .map(|(own, at)| {
            let others = places.iter().enumerate().filter(|(index, _)| *index != own);
            let (over, under) = others
                .fold((Scalar::ONE, Scalar::ONE), |(over, under), (_, other)| {
                    (over * other, under * (other - at))
                });
            (under != Scalar::ZERO).then(|| over * under.invert())
        })
        .collect()
}

/// The polynomial's value at a place, times B, from its commitment.
pub(super) fn committed_value(commitment: &[Point], at: &Scalar) -> Point {
    let highest_first = commitment.iter().rev();
    highest_first.fold(Ristretto255::identity_elem(), |sum, coefficient| {
        sum * at + coefficient
    })
}

/// The polynomial's value at a place.
pub(super) fn value_at(polynomial: &[Zeroizing<Scalar>], at: &Scalar) -> Zeroizing<Scalar> {
    let highest_first = polynomial.iter().rev();
    Zeroizing::new(highest_first.fold(Scalar::ZERO, |sum, coefficient| sum * at + **coefficient))
}

/// A scalar that hides the secrets among its parts.
pub(super) fn derived(domain: &str, parts: &[&[u8]]) -> Zeroizing<Scalar> {
    let seed = Zeroizing::new(field::digest(domain, parts));
    let mut wide = Zeroizing::new([0; 64]);
    ChaCha20Rng::from_seed(*seed).fill_bytes(wide.as_mut());
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide))
}

/// The challenge of a proof: SHA-512 over the domain and the parts, each with its length before it.
pub(super) fn challenge(domain: &str, parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
