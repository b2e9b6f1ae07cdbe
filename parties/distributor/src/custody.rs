//! Owner keys in custody, until wallets hold them.
//!
//! Each account's secret comes from one seed and the account's name, by the derivations that a
//! wallet uses (`docs/src/design-cryptography.md`, "Notation"). Anybody who has the seed can
//! therefore do what every owner can: read credits, and later spend them. The seed is as valuable
//! as all accounts together. It is stored in a file of mode 0600 and not encrypted. When a person
//! takes over the account with a wallet, the custody secret is retired and credits move with a
//! redemption to oneself.

use merits_keyfile::SecretBytes;
use merits_primitives::{
    identity::Secret,
    ids::{AssetId, Expiry, Origin, PartyId, Period, ScaleId, ScaleVersion},
    message::{self, Consent},
    owner::{self, Binding, Handle, OwnerKey},
    scope,
};
use merits_text::typed::typed;

/// The custody seed, and the ledger and party that it is bound to.
pub struct Custody {
    seed: SecretBytes,
    origin: Origin,
    distributor: PartyId,
}

impl std::fmt::Debug for Custody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custody")
            .field("origin", &self.origin)
            .field("distributor", &self.distributor)
            .finish_non_exhaustive()
    }
}

/// The subject of a claim, without the person.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The source that committed to the records.
    pub source: &'a PartyId,
    /// The scale.
    pub scale: &'a ScaleId,
    /// Its version in force for the period.
    pub version: ScaleVersion,
    /// SHA-256 of that version's manifest.
    pub manifest: &'a [u8; 32],
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
    /// Whether the scale treats deeds at two sources as different deeds.
    pub per_source: bool,
    /// Digest of the terms that the manifest states.
    pub terms: &'a [u8; 32],
}

/// The keys of one claim.
#[derive(Debug, Clone, Copy)]
pub struct ClaimKeys {
    /// K: owns the note.
    pub owner_key: OwnerKey,
    /// h: the subject's pseudonym at the source.
    pub handle: Handle,
    /// (b, pad).
    pub binding: Binding,
}

impl Custody {
    /// Custody for one distributor on one ledger.
    pub fn new(seed: SecretBytes, origin: Origin, distributor: PartyId) -> Self {
        Self {
            seed,
            origin,
            distributor,
        }
    }

    /// The account's secret.
    pub fn secret(&self, subject: &str) -> Secret {
        Secret::from_seed(&self.seed, &typed(subject))
    }

    /// h = Pos2(scope_source, secret).
    pub fn handle(&self, subject: &str, source: &PartyId) -> Handle {
        owner::handle(&self.secret(subject), scope::source_scope(source))
    }

    /// K from (claim scope, message).
    pub fn owner_key(&self, subject: &str, claimed: &Claimed<'_>) -> OwnerKey {
        self.owner_key_of(&self.secret(subject), claimed)
    }

    fn owner_key_of(&self, secret: &Secret, claimed: &Claimed<'_>) -> OwnerKey {
        let source = claimed.per_source.then_some(claimed.source);
        let claim_scope = scope::claim_scope(claimed.asset, claimed.period, source);
        let consent = Consent {
            origin: &self.origin,
            distributor: &self.distributor,
            terms: claimed.terms,
            scale: claimed.scale,
            version: claimed.version,
            manifest: claimed.manifest,
            expiry: claimed.expiry,
        };
        let message = message::claim_message(&consent, secret, claim_scope);
        owner::earned_key(secret, claim_scope, message)
    }

    /// K as [`Custody::owner_key`], and (b, pad) from (K, h).
    pub fn claim_keys(&self, subject: &str, claimed: &Claimed<'_>) -> ClaimKeys {
        let secret = self.secret(subject);
        let owner_key = self.owner_key_of(&secret, claimed);
        let handle = owner::handle(&secret, scope::source_scope(claimed.source));
        ClaimKeys {
            owner_key,
            handle,
            binding: owner::bind(&owner_key, &handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::{Credits, PeriodIndex, PeriodKind};
    use zeroize::Zeroizing;

    #[test]
    fn an_account_has_one_pseudonym_however_it_is_spelled() {
        let origin = Origin::new("test").expect("a name");
        let custody = Custody::new(Zeroizing::new([5; 32]), origin, PartyId([1; 32]));
        let of = |account: &str| custody.handle(account, &PartyId([2; 32]));
        assert_eq!(of("Zo\u{e9}"), of("Zoe\u{301}"));
        assert_ne!(of("Zo\u{e9}"), of("Zoe"));
    }

    #[test]
    fn the_owner_reads_the_credits_from_seed_and_ledger() {
        let origin = Origin::new("test").expect("a name");
        let distributor = PartyId([1; 32]);
        let custody = Custody::new(Zeroizing::new([5; 32]), origin.clone(), distributor);
        let source = PartyId([2; 32]);
        let scale = ScaleId::new("cycling-week").expect("a name");
        let period = Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(2330),
        };
        let claimed = Claimed {
            source: &source,
            scale: &scale,
            version: ScaleVersion(2),
            manifest: &[8; 32],
            asset: AssetId(1),
            period,
            expiry: Expiry(564),
            per_source: false,
            terms: &[9; 32],
        };
        let keys = custody.claim_keys("568", &claimed);
        let u = keys.binding.hide(Credits(1627));
        // The owner's side, step by step as docs/src/design-cryptography.md, "Notation", writes it.
        let secret = Secret::from_seed(&[5; 32], "568");
        let h = owner::handle(&secret, scope::source_scope(&source));
        assert_eq!(h, keys.handle);
        let f1 = scope::claim_scope(AssetId(1), period, None);
        let consent = Consent {
            origin: &origin,
            distributor: &distributor,
            terms: &[9; 32],
            scale: &scale,
            version: ScaleVersion(2),
            manifest: &[8; 32],
            expiry: Expiry(564),
        };
        let f2 = message::claim_message(&consent, &secret, f1);
        let binding = owner::bind(&owner::earned_key(&secret, f1, f2), &h);
        assert_eq!(binding.b, keys.binding.b);
        assert_eq!(binding.reveal(u, false), Some(Credits(1627).into()));
        let other = custody.claim_keys("569", &claimed);
        assert_eq!(other.binding.reveal(u, false), None);
    }
}
