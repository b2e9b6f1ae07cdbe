//! Signatures on which rules for Ed25519 differ. Each is made here, from points with a component of
//! small order, and checked alone, in its own batch, and among good ones.

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity as _,
};
use sha2::{Digest as _, Sha512};

use super::*;

const MESSAGE: &[u8] = b"an entry";
/// Little-endian order of the group, to be added to S.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a);
    Scalar::from_bytes_mod_order_wide(&hash.chain_update(message).finalize().into())
}

fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; SIGNATURE_BYTES] {
    let mut out = [0; SIGNATURE_BYTES];
    out[..32].copy_from_slice(&r);
    out[32..].copy_from_slice(&s);
    out
}

/// A point of order 8.
fn torsion() -> EdwardsPoint {
    EIGHT_TORSION[1]
}

/// Made with knowledge of a and r: the key is a*B + `in_key`, R is r*B + `in_r`, S = r + k*a.
struct Mixed {
    key: PublicKey,
    signature: [u8; SIGNATURE_BYTES],
    /// Whether S*B = R + k*A holds without the cofactor.
    exact: bool,
}

fn mixed(seed: u64, in_key: EdwardsPoint, in_r: EdwardsPoint) -> Mixed {
    let (a, r) = (Scalar::from(seed * 2 + 3), Scalar::from(seed * 5 + 7));
    let (key, commitment) = (B * a + in_key, B * r + in_r);
    let (key, r_bytes) = (key.compress().0, commitment.compress().0);
    let k = challenge(&r_bytes, &key, MESSAGE);
    let exact = (in_r + in_key * k).is_identity();
    Mixed {
        key: PublicKey::from_bytes(&key).expect("of large order"),
        signature: joined(r_bytes, (r + k * a).to_bytes()),
        exact,
    }
}

/// Alone, in a batch of two copies, and among good ones at every position: always the same result.
fn judged(key: &PublicKey, signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let signed = Signed {
        key,
        message: MESSAGE,
        signature,
    };
    let single = key.verify(MESSAGE, signature).is_ok();
    assert_eq!(verify_batch(&[signed]).is_ok(), single, "alone");
    let twice = verify_batch(&[signed, signed]);
    assert_eq!(twice.is_ok(), single, "twice");
    let signer = SigningKey::from_bytes(&[9; 32]);
    let (good_key, good) = (PublicKey::of(&signer), sign(&signer, MESSAGE));
    for at in 0..4 {
        let mut batch = [Signed {
            key: &good_key,
            message: MESSAGE,
            signature: &good,
        }; 4];
        batch[at] = signed;
        let expected = if single {
            Ok(())
        } else {
            Err(BadSignatureAt(at))
        };
        assert_eq!(verify_batch(&batch), expected, "at {at}");
        // The library's own batch agrees, without our fallback.
        let mut verifier = batch::Verifier::new();
        for Signed {
            key,
            message,
            signature,
        } in batch
        {
            verifier.queue((key.zip215.into(), (*signature).into(), message));
        }
        let seed = ChaCha20Rng::from_seed([at as u8; 32]);
        assert_eq!(verifier.verify(seed).is_ok(), single, "its batch at {at}");
    }
    single
}

#[test]
fn honest_signatures_hold_by_both_rules() {
    for seed in 0..8u8 {
        let signer = SigningKey::from_bytes(&[seed; 32]);
        let (key, signature) = (PublicKey::of(&signer), sign(&signer, MESSAGE));
        assert!(judged(&key, &signature));
        assert_eq!(key.verify_strict(MESSAGE, &signature), Ok(()));
        assert_eq!(key.verify(b"another", &signature), Err(BadSignature));
    }
}

#[test]
fn what_holds_times_the_cofactor_is_judged_alike_one_by_one_and_in_batches() {
    let nothing = EdwardsPoint::default();
    let (mut parted, mut agreed) = (0, 0);
    for seed in 0..24 {
        let cases = [
            mixed(seed, torsion(), nothing),
            mixed(seed, nothing, torsion()),
            mixed(seed, torsion(), torsion()),
            mixed(seed, EIGHT_TORSION[4], EIGHT_TORSION[4]),
        ];
        for Mixed {
            key,
            signature,
            exact,
        } in cases
        {
            assert!(judged(&key, &signature), "seed {seed}");
            // The strict rule accepts it only for some k, so the rules differ here.
            let strict = key.verify_strict(MESSAGE, &signature).is_ok();
            assert_eq!(strict, exact, "seed {seed}");
            if exact { agreed += 1 } else { parted += 1 }
        }
    }
    assert!(parted > 20 && agreed > 0, "{parted} and {agreed}");
}

#[test]
fn an_r_of_small_order_in_any_encoding_holds_for_entries_and_not_for_checkpoints() {
    let a = Scalar::from(77u64);
    let key_bytes = (B * a).compress().0;
    let key = PublicKey::from_bytes(&key_bytes).expect("of large order");
    // y = 1 and y = -1 with the sign of an x that is 0; y = p + 1 and y = p, above the field's order.
    let above = |y: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed + y, 0x7f);
        bytes
    };
    let mut one_signed = [0; 32];
    (one_signed[0], one_signed[31]) = (1, 0x80);
    let mut above_signed = above(1);
    above_signed[31] = 0xff;
    let mut encodings: Vec<[u8; 32]> = vec![one_signed, above(0), above(1), above_signed];
    encodings.extend(EIGHT_TORSION.iter().map(|point| point.compress().0));
    for r in encodings {
        let point = CompressedEdwardsY(r).decompress().expect("a point");
        assert!(point.is_small_order(), "{r:02x?}");
        let k = challenge(&r, &key_bytes, MESSAGE);
        let signature = joined(r, (k * a).to_bytes());
        assert!(judged(&key, &signature), "{r:02x?}");
        assert!(key.verify_strict(MESSAGE, &signature).is_err(), "{r:02x?}");
    }
}

#[test]
fn a_number_above_the_order_and_an_r_that_is_no_point_are_refused_by_both() {
    let signer = SigningKey::from_bytes(&[3; 32]);
    let (key, good) = (PublicKey::of(&signer), sign(&signer, MESSAGE));
    let mut above = good;
    let mut carry = 0u16;
    for (byte, order) in above[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let mut no_point = good;
    let outside = (0u8..).map(|y| {
        let mut bytes = [0; 32];
        bytes[0] = y;
        bytes
    });
    let is_none = |bytes: &[u8; 32]| CompressedEdwardsY(*bytes).decompress().is_none();
    let outside = outside.take(32).find(is_none).expect("half are none");
    no_point[..32].copy_from_slice(&outside);
    let mut other = good;
    other[0] ^= 1;
    for signature in [above, no_point, other] {
        assert!(!judged(&key, &signature));
        assert!(key.verify_strict(MESSAGE, &signature).is_err());
    }
}

#[test]
fn keys_of_small_order_are_refused_in_every_encoding() {
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    let mut signed = [0; 32];
    (signed[0], signed[31]) = (1, 0x80);
    let points = EIGHT_TORSION.iter().map(|point| point.compress().0);
    for bytes in points.chain([above, signed]) {
        assert!(CompressedEdwardsY(bytes).decompress().is_some());
        assert_eq!(PublicKey::from_bytes(&bytes), Err(BadKey), "{bytes:02x?}");
        let read = PublicKey::read(&mut Reader::new(&bytes));
        assert!(read.is_err(), "{bytes:02x?}");
    }
}

#[test]
fn no_signatures_are_a_good_batch() {
    assert_eq!(verify_batch(&[]), Ok(()));
}
