//! A proof and its one encoding: 128 bytes, A ‖ B ‖ C compressed.
//!
//! Each point is its x coordinate, canonical and little-endian, with two flags in the top bits
//! of the last byte: bit 7 says that y is the larger of the two roots, bit 6 marks the identity and
//! is never accepted (arkworks' compressed form). A, B and C of an honest proof are the identity with
//! negligible probability, and a proof with such a point proves nothing useful.

use alloc::vec::Vec;

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine, g1, g2};
use ark_ec::{AffineRepr, short_weierstrass::Affine};
use ark_ff::{BigInt, BigInteger, Field, PrimeField};
use thiserror::Error;

use super::{arithmetic, subgroup::Subgroup};

/// Bytes of an encoded proof.
pub const PROOF_BYTES: usize = 128;

/// A Groth16 proof whose points are on their curves, in their subgroups, not the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub(super) a: G1Affine,
    pub(super) b: G2Affine,
    pub(super) c: G1Affine,
}

/// A point of a proof or of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// A proof's A.
    A,
    /// A proof's B.
    B,
    /// A proof's C.
    C,
    /// A key's α.
    Alpha,
    /// A key's β.
    Beta,
    /// A key's γ.
    Gamma,
    /// A key's δ.
    Delta,
    /// A key's input point of this index (0 is the constant's).
    Input(usize),
}

impl core::fmt::Display for Part {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::A => f.write_str("A"),
            Self::B => f.write_str("B"),
            Self::C => f.write_str("C"),
            Self::Alpha => f.write_str("alpha"),
            Self::Beta => f.write_str("beta"),
            Self::Gamma => f.write_str("gamma"),
            Self::Delta => f.write_str("delta"),
            Self::Input(index) => write!(f, "input point {index}"),
        }
    }
}

/// Why an encoded point is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PointFault {
    /// A coordinate is at or over the modulus, or the flags contradict each other.
    #[error("a number is not canonical")]
    NotCanonical,
    /// No point has this x.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// Outside the subgroup of prime order.
    #[error("the point is outside the prime-order subgroup")]
    OutsideSubgroup,
    /// The identity.
    #[error("the point is the identity")]
    Identity,
}

/// Why bytes are not a proof. The sender is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofFormatError {
    /// Not exactly [`PROOF_BYTES`] bytes.
    #[error("a proof has exactly {PROOF_BYTES} bytes and {found} came")]
    Length {
        /// Bytes given.
        found: usize,
    },
    /// A point is refused.
    #[error("proof point {part}: {fault}")]
    Point {
        /// The point.
        part: Part,
        /// What is wrong with it.
        fault: PointFault,
    },
}

impl Proof {
    /// Checks three points.
    ///
    /// # Errors
    /// [`ProofFormatError::Point`] names the one at fault.
    pub fn new(a: G1Affine, b: G2Affine, c: G1Affine) -> Result<Self, ProofFormatError> {
        let named = |part| move |fault| ProofFormatError::Point { part, fault };
        check_point(&a).map_err(named(Part::A))?;
        check_point(&b).map_err(named(Part::B))?;
        check_point(&c).map_err(named(Part::C))?;
        Ok(Self { a, b, c })
    }

    /// The points A, B and C.
    pub fn points(&self) -> (G1Affine, G2Affine, G1Affine) {
        (self.a, self.b, self.c)
    }

    /// The encoding.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0u8; PROOF_BYTES];
        out[..32].copy_from_slice(&encode_g1(&self.a));
        out[32..96].copy_from_slice(&encode_g2(&self.b));
        out[96..].copy_from_slice(&encode_g1(&self.c));
        out
    }

    /// Reads [`Proof::to_bytes`].
    ///
    /// # Errors
    /// [`ProofFormatError`] for a wrong length, non-canonical numbers, and points off the curve,
    /// outside the subgroup or at the identity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofFormatError> {
        let bytes: &[u8; PROOF_BYTES] = bytes
            .try_into()
            .map_err(|_| ProofFormatError::Length { found: bytes.len() })?;
        let named = |part| move |fault| ProofFormatError::Point { part, fault };
        let [a, b, c] = parts(bytes);
        Ok(Self {
            a: decode_g1(a).map_err(named(Part::A))?,
            b: decode_g2(b).map_err(named(Part::B))?,
            c: decode_g1(c).map_err(named(Part::C))?,
        })
    }

    /// [`Proof::from_bytes`] of each, in their order: the same proofs and the same faults. With the feature
    /// `simd`, it decodes eight proofs at a time if the processor can, in a fraction of the time.
    pub fn all_from_bytes(encoded: &[&[u8]]) -> Vec<Result<Self, ProofFormatError>> {
        let decoded = arithmetic::decode(encoded).into_iter();
        decoded
            .zip(encoded)
            // Decoding one by one finds a fault again and names it.
            .map(|(proof, bytes)| proof.map_or_else(|| Self::from_bytes(bytes), Ok))
            .collect()
    }
}

/// The encodings of A, B and C.
fn parts(bytes: &[u8; PROOF_BYTES]) -> [&[u8]; 3] {
    let (a, rest) = bytes.split_at(32);
    let (b, c) = rest.split_at(64);
    [a, b, c]
}

/// On the curve, in the subgroup, not the identity.
pub(super) fn check_point<C: Subgroup>(point: &Affine<C>) -> Result<(), PointFault> {
    if point.is_zero() {
        return Err(PointFault::Identity);
    }
    if !point.is_on_curve() {
        return Err(PointFault::NotOnCurve);
    }
    if !C::contains(point) {
        return Err(PointFault::OutsideSubgroup);
    }
    Ok(())
}

pub(super) fn encode_g1(point: &G1Affine) -> [u8; 32] {
    let mut out = coordinate_bytes(&point.x);
    out[31] |= root_flag(point.y);
    out
}

pub(super) fn encode_g2(point: &G2Affine) -> [u8; 64] {
    let mut out = [0u8; 64];
    out[..32].copy_from_slice(&coordinate_bytes(&point.x.c0));
    out[32..].copy_from_slice(&coordinate_bytes(&point.x.c1));
    out[63] |= root_flag(point.y);
    out
}

/// `bytes` holds 32 bytes: callers split a fixed array.
pub(super) fn decode_g1(bytes: &[u8]) -> Result<G1Affine, PointFault> {
    decompress(Compressed::g1(bytes)?)
}

/// `bytes` holds 64 bytes: callers split a fixed array.
pub(super) fn decode_g2(bytes: &[u8]) -> Result<G2Affine, PointFault> {
    decompress(Compressed::g2(bytes)?)
}

fn decompress<C: Subgroup>(compressed: Compressed<C>) -> Result<Affine<C>, PointFault> {
    let y = C::root(compressed.square()).ok_or(PointFault::NotOnCurve)?;
    let point = compressed.with_root(y);
    if !C::contains(&point) {
        return Err(PointFault::OutsideSubgroup);
    }
    Ok(point)
}

/// The content of a point's encoding. The point may not exist.
pub(super) struct Compressed<C: Subgroup> {
    x: C::BaseField,
    /// Whether y is the greater root.
    greater: bool,
}

impl Compressed<g1::Config> {
    /// `bytes` holds 32 bytes.
    fn g1(bytes: &[u8]) -> Result<Self, PointFault> {
        let (x, greater) = split_flags(bytes)?;
        let x = coordinate(&x)?;
        Ok(Self { x, greater })
    }
}

impl Compressed<g2::Config> {
    /// `bytes` holds 64 bytes.
    fn g2(bytes: &[u8]) -> Result<Self, PointFault> {
        let (low, high) = bytes.split_at(bytes.len() / 2);
        let (c1, greater) = split_flags(high)?;
        let x = Fq2::new(coordinate(low)?, coordinate(&c1)?);
        Ok(Self { x, greater })
    }
}

impl<C: Subgroup> Compressed<C> {
    /// y² = x³ + b: both curves have a = 0.
    pub(super) fn square(&self) -> C::BaseField {
        C::add_b(self.x.square() * self.x)
    }

    /// The point, with one of the two roots of its [`square`](Self::square).
    pub(super) fn with_root(&self, y: C::BaseField) -> Affine<C> {
        let is_greater = root_flag(y) == GREATER_ROOT;
        Affine::new_unchecked(self.x, if is_greater == self.greater { y } else { -y })
    }
}

/// A, B and C from the bytes of a proof, not checked; `None` if there is a fault.
#[cfg(feature = "simd")]
pub(super) fn compressed(
    bytes: &[u8],
) -> Option<(
    Compressed<g1::Config>,
    Compressed<g2::Config>,
    Compressed<g1::Config>,
)> {
    let [a, b, c] = parts(bytes.try_into().ok()?);
    let (a, c) = (Compressed::g1(a).ok()?, Compressed::g1(c).ok()?);
    Some((a, Compressed::g2(b).ok()?, c))
}

/// The coordinate without its flags, and whether y is the greater root.
fn split_flags(bytes: &[u8]) -> Result<([u8; 32], bool), PointFault> {
    let mut x: [u8; 32] = bytes.try_into().map_err(|_| PointFault::NotCanonical)?;
    let flags = x[31] & (GREATER_ROOT | IDENTITY);
    x[31] ^= flags;
    match flags {
        0 => Ok((x, false)),
        GREATER_ROOT => Ok((x, true)),
        IDENTITY => Err(PointFault::Identity),
        _ => Err(PointFault::NotCanonical),
    }
}

fn coordinate(bytes: &[u8]) -> Result<Fq, PointFault> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_le_bytes(word);
    }
    Fq::from_bigint(BigInt::new(limbs)).ok_or(PointFault::NotCanonical)
}

fn coordinate_bytes(value: &Fq) -> [u8; 32] {
    let mut out = [0u8; 32];
    for (byte, encoded) in out.iter_mut().zip(value.into_bigint().to_bytes_le()) {
        *byte = encoded;
    }
    out
}

fn root_flag<F: Field>(y: F) -> u8 {
    if y <= -y { 0 } else { GREATER_ROOT }
}

const GREATER_ROOT: u8 = 1 << 7;
const IDENTITY: u8 = 1 << 6;

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup as _;
    use ark_ff::Zero as _;
    use ark_serialize::CanonicalDeserialize as _;
    use rand::{Rng as _, SeedableRng as _};

    fn one(k: u64) -> G1Affine {
        (G1Affine::generator() * ark_bn254::Fr::from(k)).into_affine()
    }

    fn two(k: u64) -> G2Affine {
        (G2Affine::generator() * ark_bn254::Fr::from(k)).into_affine()
    }

    /// The number in these 32 bytes plus the modulus: another encoding of it, if it fits.
    fn plus_modulus(bytes: &mut [u8]) {
        let mut carry = 0u16;
        for (byte, added) in bytes.iter_mut().zip(Fq::MODULUS.to_bytes_le()) {
            carry += u16::from(*byte) + u16::from(added);
            *byte = carry as u8;
            carry >>= 8;
        }
    }

    /// Bytes that are read are written back unchanged: no point has a second encoding, for any
    /// spare bits and numbers.
    #[test]
    fn each_point_has_one_encoding_only() {
        for k in 1..200 {
            for (one, two) in [(one(k), two(k)), (-one(k), -two(k))] {
                let (one_bytes, two_bytes) = (encode_g1(&one), encode_g2(&two));
                for flags in 0..4u8 {
                    let mut bytes = one_bytes;
                    bytes[31] = bytes[31] & 0x3f | flags << 6;
                    if let Ok(read) = decode_g1(&bytes) {
                        assert_eq!(encode_g1(&read), bytes);
                        assert_eq!(read == one, bytes == one_bytes);
                    } else {
                        assert!(flags & 1 == 1, "the identity's flag alone is refused");
                    }
                    let mut bytes = two_bytes;
                    bytes[63] = bytes[63] & 0x3f | flags << 6;
                    if let Ok(read) = decode_g2(&bytes) {
                        assert_eq!(encode_g2(&read), bytes);
                        assert_eq!(read == two, bytes == two_bytes);
                    } else {
                        assert!(flags & 1 == 1, "the identity's flag alone is refused");
                    }
                }
                // Numbers at the modulus and over it, and spare bits of the first half.
                let mut over = one_bytes;
                over[31] &= 0x3f;
                plus_modulus(&mut over);
                assert!(decode_g1(&over).is_err());
                for half in [0..32, 32..64] {
                    let mut over = two_bytes;
                    over[63] &= 0x3f;
                    plus_modulus(&mut over[half]);
                    assert!(decode_g2(&over).is_err());
                }
                for spare in [0x40, 0x80, 0xc0] {
                    let mut odd = two_bytes;
                    odd[31] |= spare;
                    assert_eq!(decode_g2(&odd), Err(PointFault::NotCanonical));
                }
            }
        }
        // x = 0: no such point is in the groups, with any flags.
        for flags in [0, 0x40, 0x80, 0xc0] {
            let (mut of_g1, mut of_g2) = ([0u8; 32], [0u8; 64]);
            (of_g1[31], of_g2[63]) = (flags, flags);
            assert!(decode_g1(&of_g1).is_err() && decode_g2(&of_g2).is_err());
        }
        assert!(one(3).y != Fq::zero());
    }

    /// Encodings of proofs with every fault at every point, among good ones.
    fn encodings() -> Vec<Vec<u8>> {
        let mut rng = rand::rngs::StdRng::seed_from_u64(12);
        let mut good = |k: u64| {
            let (a, b) = (one(k), two(k + 3));
            let c = if rng.next_u32() & 1 == 0 {
                one(k + 5)
            } else {
                -one(k + 5)
            };
            let b = if rng.next_u32() & 1 == 0 { b } else { -b };
            Proof { a, b, c }.to_bytes()
        };
        let mut all: Vec<Vec<u8>> = (1..40).map(|k| good(k).to_vec()).collect();
        // Flags, spare bits, and numbers over the modulus.
        for at in [31, 63, 95, 127] {
            for flags in [0x40, 0x80, 0xc0] {
                let mut bytes = good(7);
                bytes[at] ^= flags;
                all.push(bytes.to_vec());
            }
            let mut bytes = good(8);
            bytes[at] &= 0x3f;
            let number = at - 31..at + 1;
            plus_modulus(&mut bytes[number.clone()]);
            all.push(bytes.to_vec());
            bytes[number.clone()].fill(0);
            all.push(bytes.to_vec());
            bytes[number].fill(0xff);
            all.push(bytes.to_vec());
            // Other coordinates: half of them on no curve, those of B outside the subgroup.
            for change in 1..20 {
                let mut bytes = good(9);
                bytes[at - 31] ^= change;
                all.push(bytes.to_vec());
            }
        }
        // Two faults: the first is the one that is named.
        let mut bytes = good(10);
        (bytes[32], bytes[127]) = (bytes[32] ^ 1, 0xff);
        all.push(bytes.to_vec());
        all.push(vec![0; PROOF_BYTES]);
        all.push(vec![0xff; PROOF_BYTES]);
        all.extend([0, 1, 127, 129].map(|length| vec![1; length]));
        for _ in 0..300 {
            let mut bytes = vec![0; PROOF_BYTES];
            rng.fill_bytes(&mut bytes);
            for at in [31, 63, 95, 127] {
                bytes[at] &= 0x1f;
            }
            all.push(bytes);
        }
        all
    }

    /// Decoding many is decoding each: the same proofs, and the same faults with the same names.
    #[test]
    fn many_are_decoded_as_each_alone_and_by_arkworks() {
        let all = encodings();
        let each: Vec<_> = all.iter().map(|bytes| Proof::from_bytes(bytes)).collect();
        let faults = |wanted: PointFault| {
            let is_it = |fault: &PointFault| *fault == wanted;
            let faults = each.iter().filter_map(|read| match read {
                Err(ProofFormatError::Point { fault, .. }) => Some(*fault),
                _ => None,
            });
            faults.filter(is_it).count()
        };
        assert!(faults(PointFault::NotCanonical) > 10);
        assert!(faults(PointFault::NotOnCurve) > 10);
        assert!(faults(PointFault::OutsideSubgroup) > 10);
        assert!(faults(PointFault::Identity) > 2);
        let encoded: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        for count in (0..40).chain([encoded.len()]) {
            assert_eq!(Proof::all_from_bytes(&encoded[..count]), each[..count]);
        }
        // Shifted, so that each is in another lane with other neighbours.
        for shift in 1..8 {
            assert_eq!(Proof::all_from_bytes(&encoded[shift..]), each[shift..]);
        }
        for (read, bytes) in each.iter().zip(&all) {
            let arkworks = || -> Option<Proof> {
                let (a, rest) = bytes.split_at_checked(32)?;
                let (b, c) = rest.split_at_checked(64)?;
                let (a, b) = (
                    G1Affine::deserialize_compressed(a).ok()?,
                    G2Affine::deserialize_compressed(b).ok()?,
                );
                let c = G1Affine::deserialize_compressed(c)
                    .ok()
                    .filter(|_| c.len() == 32)?;
                (!a.is_zero() && !b.is_zero() && !c.is_zero()).then_some(Proof { a, b, c })
            };
            assert_eq!(read.ok(), arkworks());
        }
    }

    /// As `@noble/curves` 2.4 writes the same points: 33 bytes, x from the highest byte on, and
    /// before it 2 for an even y, 3 for an odd one. Our flag says which root is the larger, which
    /// is not the same as parity.
    #[test]
    fn javascripts_33_bytes_are_the_same_points() {
        let sec1 = |point: &G1Affine| {
            let mut out = vec![2 + (point.y.into_bigint().0[0] & 1) as u8];
            out.extend(coordinate_bytes(&point.x).iter().rev());
            out
        };
        for (k, ours, theirs) in [
            (
                3,
                "f0ab15199655d3f279e6b81547d8159315bdb6b1bc3202f43fea6bc59abf6987",
                "030769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0",
            ),
            (
                11,
                "ef493dfc801fb7a82cc12ae97f478224b8cdee518680a89d1809b037557014aa",
                "022a14705537b009189da8808651eecdb82482477fe92ac12ca8b71f80fc3d49ef",
            ),
            (
                13,
                "3f2ff530e029b508e46914b4fdc3b8f8179f67653409560ff1a4a7c88c6fe885",
                "0205e86f8cc8a7a4f10f56093465679f17f8b8c3fdb41469e408b529e030f52f3f",
            ),
        ] {
            let point = one(k);
            let digits = |bytes: &[u8]| -> String {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            };
            assert_eq!(digits(&encode_g1(&point)), ours);
            assert_eq!(digits(&sec1(&point)), theirs);
        }
    }
}
