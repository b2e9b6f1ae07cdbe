//! The keys from a person's seed: secrets, commitments, voucher keys. All of them can be restored
//! from the seed alone.

use merits_primitives::{
    Fr, field,
    identity::{IdentityCommitment, Secret},
    ids::{EntryId, Origin},
    nullifier::SpendNullifier,
};
use merits_sealing::SealingKey;
use zeroize::Zeroizing;

/// A person's keys on one ledger.
#[derive(Clone)]
pub struct WalletKeys {
    seed: Zeroizing<[u8; 32]>,
    origin: Origin,
}

impl std::fmt::Debug for WalletKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WalletKeys(..)")
    }
}

/// The key to which one redemption's voucher is sealed (X25519).
#[derive(Clone)]
pub struct VoucherKey {
    /// Opens the voucher.
    pub secret: Zeroizing<[u8; 32]>,
    /// The public key in the redemption.
    pub public: [u8; 32],
}

impl std::fmt::Debug for VoucherKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VoucherKey(..)")
    }
}

impl WalletKeys {
    /// The keys under a seed.
    pub fn new(seed: Zeroizing<[u8; 32]>, origin: Origin) -> Self {
        Self { seed, origin }
    }

    /// The ledger's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The secret of the wallet's n-th identity, counted from 0. A new one begins when the one
    /// before was retired, because the ledger does not accept a commitment twice.
    pub fn secret(&self, generation: u8) -> Secret {
        Secret::from_seed(&self.seed, &format!("identity/{generation}"))
    }

    /// IC of that identity.
    pub fn commitment(&self, generation: u8) -> IdentityCommitment {
        // Only the zero secret has none; a seed gives it with a probability of 2^-251.
        let nobody = IdentityCommitment(Fr::from(0u64));
        self.secret(generation).commitment().unwrap_or(nobody)
    }

    /// The key that seals what the wallet keeps between commands (`found.sealed`).
    #[cfg(feature = "net")]
    pub(crate) fn found_key(&self) -> Zeroizing<[u8; 32]> {
        let origin = self.origin.as_str().as_bytes();
        let label = "merits/wallet-found/v1";
        Zeroizing::new(field::digest(label, &[self.seed.as_ref(), origin]))
    }

    /// The voucher key of the redemption of `offer` that spends first the note with nullifier
    /// `sn1`. A note is spent once, so the key is used once.
    pub fn voucher_key(&self, offer: &EntryId, sn1: &SpendNullifier) -> VoucherKey {
        let material = Zeroizing::new(field::digest(
            "merits/voucher-key/v1",
            &[
                self.seed.as_ref(),
                self.origin.as_str().as_bytes(),
                &offer.0,
                &field::to_bytes(sn1),
            ],
        ));
        let key = SealingKey::derive(material.as_ref());
        VoucherKey {
            secret: key.to_bytes(),
            public: key.public(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8, origin: &str) -> WalletKeys {
        WalletKeys::new(
            Zeroizing::new([seed; 32]),
            Origin::new(origin).expect("an origin"),
        )
    }

    #[test]
    fn a_seed_gives_the_same_keys_again_and_another_seed_others() {
        let (one, again, other) = (keys(1, "a.test"), keys(1, "a.test"), keys(2, "a.test"));
        assert_eq!(one.commitment(0), again.commitment(0));
        assert_ne!(one.commitment(0), one.commitment(1));
        assert_ne!(one.commitment(0), other.commitment(0));
        assert_eq!(format!("{one:?}"), "WalletKeys(..)");
    }

    #[test]
    fn a_voucher_key_is_for_one_redemption_on_one_ledger() {
        let key = |origin, offer, sn1: u64| {
            keys(1, origin)
                .voucher_key(&EntryId([offer; 32]), &SpendNullifier(Fr::from(sn1)))
                .public
        };
        let one = key("a.test", 1, 1);
        assert_eq!(one, key("a.test", 1, 1));
        for other in [
            key("b.test", 1, 1),
            key("a.test", 2, 1),
            key("a.test", 1, 2),
        ] {
            assert_ne!(one, other);
        }
        let key = keys(1, "a.test").voucher_key(&EntryId([1; 32]), &SpendNullifier(Fr::from(1u64)));
        let again = SealingKey::from_bytes(&key.secret).expect("a key");
        assert_eq!(again.public(), key.public);
    }
}
