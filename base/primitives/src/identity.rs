//! A person's secret and identity commitment, as in Semaphore v4.

use ark_ff::{AdditiveGroup as _, PrimeField};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    Fr,
    calendar::Day,
    element::public_element,
    jubjub::{Point, Scalar, random_scalar},
    poseidon::{self, pos2},
    tags,
};

public_element! {
    /// IC: a person's identity on the ledger.
    IdentityCommitment
}

public_element! {
    /// A person's leaf in the group of registered people: [`leaf`] makes it. 0 is the leaf of a
    /// retired person.
    IdentityLeaf
}

impl IdentityLeaf {
    /// The leaf of a retired person.
    pub const RETIRED: Self = Self(Fr::ZERO);
}

/// The first day on which a leaf is eligible, and the number of identities that its person had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Birth {
    /// The first day of eligibility, counted from 1 January 1970. Periods that begin earlier belong
    /// to the generation before, or to no one.
    pub from: Day,
    /// 0 for a first registration, one more after each recovery.
    pub generation: u8,
}

impl Birth {
    /// from + 2^32·gen.
    pub fn element(self) -> Fr {
        Fr::from(u64::from(self.from.0) | u64::from(self.generation) << 32)
    }
}

/// leaf = P(LEAF; IC, from + 2^32·gen). Because of the tag, a leaf is never a node of the tree.
pub fn leaf(commitment: IdentityCommitment, birth: Birth) -> IdentityLeaf {
    let inputs = [commitment.0, birth.element()];
    IdentityLeaf(poseidon::hash(tags::LEAF, &inputs))
}

/// Bits of a secret, as many as l has.
pub const SECRET_BITS: usize = 251;

/// A person's secret scalar, in [1, l). It is never shown, logged or compared in variable time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Scalar);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// HMAC-SHA-512(seed, "merits/secret/v1" ‖ path) reduced modulo l: one seed gives a separate,
    /// unlinkable secret for each path, and the same secrets again after a restore.
    pub fn from_seed(seed: &[u8; 32], path: &str) -> Self {
        // HMAC takes keys of any length.
        let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(seed).expect("any length fits");
        mac.update(b"merits/secret/v1");
        mac.update(path.as_bytes());
        let mut wide = mac.finalize().into_bytes();
        // 512 bits over a 251-bit order: the bias is below 2^-260, and so is the probability of
        // zero.
        let secret = Self(Scalar::from_le_bytes_mod_order(&wide));
        wide.as_mut_slice().zeroize();
        secret
    }

    /// A fresh secret.
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self(random_scalar(rng))
    }

    /// The secret scalar of a Semaphore v4 identity (its `secretScalar`).
    pub fn from_scalar(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// The secret as a field element. l < p, so the integer stays the same.
    pub fn element(&self) -> Fr {
        // l has 251 bits, p has 254: the conversion exists for every scalar.
        Fr::from_bigint(self.0.into_bigint()).expect("l is below p")
    }

    /// The 251 bits of the scalar as an integer, lowest first, for circuits.
    pub fn bits(&self) -> impl Iterator<Item = bool> + use<> {
        let limbs = zeroize::Zeroizing::new(self.0.into_bigint().0);
        (0..SECRET_BITS).map(move |i| limbs[i / 64] >> (i % 64) & 1 == 1)
    }

    /// IC = Pos2(pk.x, pk.y) with pk = secret·B8: Semaphore v4's identity commitment.
    /// `None` for the zero secret, which no identity may have.
    pub fn commitment(&self) -> Option<IdentityCommitment> {
        let public = Point::mul_base(&self.0)?;
        Some(IdentityCommitment(pos2(public.x(), public.y())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    #[test]
    fn paths_are_apart_and_reproducible() {
        let seed = [7u8; 32];
        let a = Secret::from_seed(&seed, "account/1");
        assert_eq!(a.element(), Secret::from_seed(&seed, "account/1").element());
        assert_ne!(a.element(), Secret::from_seed(&seed, "account/2").element());
        assert_ne!(
            a.element(),
            Secret::from_seed(&[8u8; 32], "account/1").element()
        );
        assert_eq!(format!("{a:?}"), "Secret(..)");
    }

    /// The identity `new Identity("123")` of `@semaphore-protocol/identity` 4.14, which hashes the
    /// text into its secret scalar. This test computes the commitment from that scalar.
    #[test]
    fn semaphores_identity_of_a_text_is_a_hash_of_it() {
        let number = |digits: &str| {
            Scalar::from_str(digits).map_or_else(|_| panic!("{digits}"), Secret::from_scalar)
        };
        let scalar = "836300644479486621238914955644382119752207134899461818038931383840382666833";
        let commitment =
            "10234824336317645623685098380945584235911941849722611237410312816406732121338";
        let commitment = Fr::from_str(commitment).ok().map(IdentityCommitment);
        assert_eq!(number(scalar).commitment(), commitment);
        assert_ne!(number("123").commitment(), commitment);
    }
}
