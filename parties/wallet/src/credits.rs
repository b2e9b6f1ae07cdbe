//! Finds a person's credits on the ledger, from the seed alone.
//!
//! The wallet looks at each account and each (distributor, asset, expiry, period, source) that occurs on the
//! ledger. It derives the owner key K and the handle h with the same code that made the claim, and from these
//! b and the pad. A claim with that b belongs to the wallet; u − pad is the amount, and the note commitment
//! must agree. Nobody sends the owner anything. Claims of others stay hidden, because without K their pad is
//! a random field element.

use std::collections::HashMap;

use merits_primitives::{
    earned::Earned,
    identity::Secret,
    ids::{
        AssetId, Credits, EntryId, Expiry, Origin, PartyId, Period, Quantity, ScaleId, ScaleVersion,
    },
    message::{Consent, claim_message},
    note::{NoteCommitment, note_commitment},
    owner::{Binding, HiddenEarned, OwnerKey, RecordsBinding, bind, earned_key, handle},
    scope::{claim_scope, source_scope},
};
use merits_text::typed::typed;
use thiserror::Error;

/// The values that claims of one batch share, from the ledger's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BatchScope {
    /// The distributor of the batch.
    pub distributor: PartyId,
    /// The scale.
    pub scale: ScaleId,
    /// The version that the claims were proven by.
    pub version: ScaleVersion,
    /// SHA-256 of its manifest.
    pub manifest: [u8; 32],
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// Expiry bucket that the scale's rule gives for the period.
    pub expiry: Expiry,
    /// The period of the deeds.
    pub period: Period,
    /// The source that signed the records.
    pub source: PartyId,
}

/// The public values of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicClaim {
    /// Its position in the batch.
    pub index: u16,
    /// b: binds person, ticket and deed.
    pub b: RecordsBinding,
    /// The note commitment.
    pub cm: NoteCommitment,
    /// u: tells the owner v and, if the scale has a measure, w.
    pub u: HiddenEarned,
}

/// The public values of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicBatch {
    /// The ledger entry.
    pub entry: EntryId,
    /// The values that its claims share.
    pub scope: BatchScope,
    /// Whether the scale's version has a measure.
    pub measured: bool,
    /// The claims.
    pub claims: Vec<PublicClaim>,
}

/// Credits that belong to an account of this wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCredit {
    /// The account.
    pub account: String,
    /// The ledger entry.
    pub entry: EntryId,
    /// The claim in it.
    pub claim: u16,
    /// The values that the claim shares with its batch.
    pub scope: BatchScope,
    /// What was earned.
    pub credits: Credits,
    /// What was measured beside, in the unit of the scale's measure.
    pub measure: Option<Quantity>,
}

/// A claim with the wallet's b that contradicts itself. No valid proof exists for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClaimFault {
    /// u − pad is not an amount.
    #[error(
        "claim {claim} of entry {entry} is bound to account {account:?} and its u hides no \
         amount: the proof cannot be valid, show this entry to a supervisor"
    )]
    NoAmount {
        /// The account.
        account: String,
        /// The ledger entry.
        entry: EntryId,
        /// The claim in it.
        claim: u16,
    },
    /// The note commitment holds another amount, owner, asset or expiry.
    #[error(
        "claim {claim} of entry {entry} tells account {account:?} an amount of {} and its note \
         commitment holds something else: show this entry to a supervisor", credits.0
    )]
    OtherNote {
        /// The account.
        account: String,
        /// The ledger entry.
        entry: EntryId,
        /// The claim in it.
        claim: u16,
        /// The amount in u.
        credits: Credits,
    },
}

/// The accounts of one person on one ledger.
pub struct Accounts {
    origin: Origin,
    terms: [u8; 32],
    secrets: Vec<(String, Secret)>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Accounts({} on {}, ..)", self.secrets.len(), self.origin)
    }
}

impl Accounts {
    /// Derives one secret for each account from the seed. `terms` is the digest of the terms
    /// document that the claims were consented to.
    pub fn derive(
        seed: &[u8; 32],
        accounts: impl IntoIterator<Item = String>,
        origin: Origin,
        terms: [u8; 32],
    ) -> Self {
        let secrets = accounts
            .into_iter()
            .map(|account| {
                let account = typed(&account).into_owned();
                let secret = Secret::from_seed(seed, &account);
                (account, secret)
            })
            .collect();
        Self {
            origin,
            terms,
            secrets,
        }
    }

    /// Starts a search; it remembers derived keys from batch to batch.
    pub fn search(&self) -> Search<'_> {
        Search {
            accounts: self,
            derived: HashMap::new(),
        }
    }

    /// The bindings of each account within a scope. If a scale treats deeds at two sources as
    /// different deeds, a claim's scope names the source. The ledger does not show which case
    /// applies, so both are derived.
    fn derive_scope(&self, scope: &BatchScope) -> HashMap<RecordsBinding, Owned<'_>> {
        let source_scope = source_scope(&scope.source);
        let consent = Consent {
            origin: &self.origin,
            distributor: &scope.distributor,
            terms: &self.terms,
            scale: &scope.scale,
            version: scope.version,
            manifest: &scope.manifest,
            expiry: scope.expiry,
        };
        [None, Some(&scope.source)]
            .into_iter()
            .map(|source| claim_scope(scope.asset, scope.period, source))
            .flat_map(|claim_scope| {
                self.secrets
                    .iter()
                    .map(move |account| (claim_scope, account))
            })
            .map(|(claim_scope, (account, secret))| {
                let message = claim_message(&consent, secret, claim_scope);
                let key = earned_key(secret, claim_scope, message);
                let binding = bind(&key, &handle(secret, source_scope));
                (
                    binding.b,
                    Owned {
                        account,
                        key,
                        binding,
                    },
                )
            })
            .collect()
    }
}

/// A walk over the ledger's batches.
#[derive(Debug)]
pub struct Search<'a> {
    accounts: &'a Accounts,
    derived: HashMap<BatchScope, HashMap<RecordsBinding, Owned<'a>>>,
}

/// The binding of an account within one scope.
#[derive(Debug)]
struct Owned<'a> {
    account: &'a str,
    key: OwnerKey,
    binding: Binding,
}

impl Search<'_> {
    /// The wallet's claims in one batch, and claims that are bound to one of its accounts but
    /// contradict themselves.
    pub fn batch(&mut self, batch: &PublicBatch) -> Vec<Result<OwnCredit, ClaimFault>> {
        let accounts = self.accounts;
        let owned = self
            .derived
            .entry(batch.scope.clone())
            .or_insert_with(|| accounts.derive_scope(&batch.scope));
        batch
            .claims
            .iter()
            .filter_map(|claim| owned.get(&claim.b).map(|owned| read(batch, claim, owned)))
            .collect()
    }
}

fn read(
    batch: &PublicBatch,
    claim: &PublicClaim,
    owned: &Owned<'_>,
) -> Result<OwnCredit, ClaimFault> {
    let account = owned.account.to_owned();
    let (entry, index) = (batch.entry, claim.index);
    let Some(earned) = owned.binding.reveal(claim.u, batch.measured) else {
        return Err(ClaimFault::NoAmount {
            account,
            entry,
            claim: index,
        });
    };
    let (expiry, asset) = (batch.scope.expiry, batch.scope.asset);
    let Earned { credits, measure } = earned;
    if note_commitment(credits, expiry, asset, &owned.key) != claim.cm {
        return Err(ClaimFault::OtherNote {
            account,
            entry,
            claim: index,
            credits,
        });
    }
    Ok(OwnCredit {
        account,
        entry,
        claim: index,
        scope: batch.scope.clone(),
        credits,
        measure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    const SEED: [u8; 32] = [3; 32];
    const TERMS: [u8; 32] = [4; 32];

    fn origin() -> Origin {
        Origin::new("ledger.test/merits").unwrap()
    }

    fn accounts(seed: [u8; 32], names: &[&str]) -> Accounts {
        Accounts::derive(
            &seed,
            names.iter().map(|n| (*n).to_owned()),
            origin(),
            TERMS,
        )
    }

    fn scope(week: u32) -> BatchScope {
        BatchScope {
            distributor: PartyId([1; 32]),
            scale: ScaleId::new("cycling-week").unwrap(),
            version: ScaleVersion(1),
            manifest: [6; 32],
            asset: AssetId(7),
            expiry: Expiry(2027),
            period: Period {
                kind: PeriodKind::Week,
                index: PeriodIndex(week),
            },
            source: PartyId([2; 32]),
        }
    }

    /// A claim made by the derivations of `docs/src/design-cryptography.md`, spelled out here a second time.
    fn claim(index: u16, name: &str, scope: &BatchScope, credits: Credits) -> PublicClaim {
        let secret = Secret::from_seed(&SEED, name);
        let f1 = claim_scope(scope.asset, scope.period, None);
        let consent = Consent {
            origin: &origin(),
            distributor: &scope.distributor,
            terms: &TERMS,
            scale: &scope.scale,
            version: scope.version,
            manifest: &scope.manifest,
            expiry: scope.expiry,
        };
        let key = earned_key(&secret, f1, claim_message(&consent, &secret, f1));
        let binding = bind(&key, &handle(&secret, source_scope(&scope.source)));
        PublicClaim {
            index,
            b: binding.b,
            cm: note_commitment(credits, scope.expiry, scope.asset, &key),
            u: binding.hide(credits),
        }
    }

    fn batch(week: u32, claims: Vec<PublicClaim>) -> PublicBatch {
        PublicBatch {
            entry: EntryId([week as u8; 32]),
            scope: scope(week),
            measured: false,
            claims,
        }
    }

    /// The distributor's records have one spelling, and the person's keyboard another.
    #[test]
    fn an_account_finds_its_credits_however_it_is_spelled() {
        let of = batch(1, vec![claim(0, "Zo\u{e9}", &scope(1), Credits(1627))]);
        for name in ["Zo\u{e9}", "Zoe\u{301}"] {
            let found = accounts(SEED, &[name]).search().batch(&of);
            let names: Vec<_> = found
                .iter()
                .map(|own| own.as_ref().map(|own| own.account.as_str()))
                .collect();
            assert_eq!(names, [Ok("Zo\u{e9}")], "{name}");
        }
    }

    #[test]
    fn the_owner_finds_the_own_credits_and_not_those_of_others() {
        let one = batch(
            1,
            vec![
                claim(0, "alice", &scope(1), Credits(1627)),
                claim(1, "bob", &scope(1), Credits(99)),
            ],
        );
        let two = batch(2, vec![claim(0, "alice", &scope(2), Credits(0))]);
        let alice = accounts(SEED, &["alice"]);
        let mut search = alice.search();
        let found: Vec<_> = [&one, &two]
            .into_iter()
            .flat_map(|b| search.batch(b))
            .collect();
        let credits: Vec<_> = found
            .iter()
            .map(|own| own.as_ref().map(|own| (own.claim, own.credits.0)))
            .collect();
        assert_eq!(credits, [Ok((0, 1627)), Ok((0, 0))]);
        let stranger = accounts([9; 32], &["alice", "bob"]);
        assert!(stranger.search().batch(&one).is_empty());
    }

    #[test]
    fn another_distributor_period_source_or_terms_gives_another_binding() {
        let mut moved = batch(1, vec![claim(0, "alice", &scope(2), Credits(5))]);
        let alice = accounts(SEED, &["alice"]);
        assert!(
            alice.search().batch(&moved).is_empty(),
            "made for another period"
        );
        moved.scope = scope(2);
        assert_eq!(alice.search().batch(&moved).len(), 1);
        moved.scope.distributor = PartyId([8; 32]);
        assert!(alice.search().batch(&moved).is_empty());
        moved.scope = BatchScope {
            source: PartyId([8; 32]),
            ..scope(2)
        };
        assert!(alice.search().batch(&moved).is_empty());
        moved.scope = BatchScope {
            version: ScaleVersion(2),
            ..scope(2)
        };
        assert!(alice.search().batch(&moved).is_empty(), "another version");
        moved.scope = BatchScope {
            manifest: [7; 32],
            ..scope(2)
        };
        assert!(alice.search().batch(&moved).is_empty(), "another manifest");
        moved.scope = scope(2);
        let other_terms = Accounts::derive(&SEED, ["alice".to_owned()], origin(), [5; 32]);
        assert!(other_terms.search().batch(&moved).is_empty());
    }

    #[test]
    fn claims_of_a_scale_that_counts_by_source_are_found_too() {
        let scope = scope(1);
        let secret = Secret::from_seed(&SEED, "alice");
        let f1 = claim_scope(scope.asset, scope.period, Some(&scope.source));
        let consent = Consent {
            origin: &origin(),
            distributor: &scope.distributor,
            terms: &TERMS,
            scale: &scope.scale,
            version: scope.version,
            manifest: &scope.manifest,
            expiry: scope.expiry,
        };
        let key = earned_key(&secret, f1, claim_message(&consent, &secret, f1));
        let binding = bind(&key, &handle(&secret, source_scope(&scope.source)));
        let claim = PublicClaim {
            index: 0,
            b: binding.b,
            cm: note_commitment(Credits(8), scope.expiry, scope.asset, &key),
            u: binding.hide(Credits(8)),
        };
        let found = accounts(SEED, &["alice"])
            .search()
            .batch(&batch(1, vec![claim]));
        assert!(matches!(found.as_slice(), [Ok(own)] if own.credits == Credits(8)));
    }

    #[test]
    fn a_claim_that_contradicts_itself_is_reported() {
        let good = claim(0, "alice", &scope(1), Credits(10));
        let alice = accounts(SEED, &["alice"]);
        let wild = batch(
            1,
            vec![PublicClaim {
                u: HiddenEarned(good.u.0 - Fr::from(11u64)),
                ..good
            }],
        );
        assert!(matches!(
            alice.search().batch(&wild).as_slice(),
            [Err(ClaimFault::NoAmount { .. })]
        ));
        let other = batch(
            1,
            vec![PublicClaim {
                u: HiddenEarned(good.u.0 + Fr::from(1u64)),
                ..good
            }],
        );
        assert!(matches!(
            alice.search().batch(&other).as_slice(),
            [Err(ClaimFault::OtherNote {
                credits: Credits(11),
                ..
            })]
        ));
        let larger = batch(
            1,
            vec![PublicClaim {
                cm: NoteCommitment(good.cm.0 + Fr::from(1u64)),
                ..good
            }],
        );
        assert!(matches!(
            alice.search().batch(&larger).as_slice(),
            [Err(ClaimFault::OtherNote {
                credits: Credits(10),
                ..
            })]
        ));
    }
}
