//! The contents of a verified receipt, as plain data for display.

use merits_ledger::{Entry, Refusal, ReplayError, State};
use merits_primitives::ids::{Credits, Expiry, PartyId, Period, PeriodKind};
use merits_verifier::{groth16::KeyPolicy, receipt::Receipt};
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use crate::{
    Kit, KitError,
    marks::marks,
    offline::{OfflineFault, OfflineVerifier, VerifiedEntry},
};

/// The result of checking a receipt with a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownReceipt {
    /// The entry.
    pub entry: String,
    /// The parties that signed it; empty for an entry of a person, where only the proof counts.
    pub signers: Vec<Signer>,
    /// The statement.
    pub shows: Shows,
    /// How much of it was verified.
    pub verified: Extent,
    /// What one supervisor alone decided of what the entry rests on; empty if nothing.
    pub marks: Vec<String>,
}

/// A party whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Its role for this entry, if there are two signers.
    pub role: Option<&'static str>,
    /// The party as it was admitted.
    pub party: NamedParty,
}

/// A party as it was admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedParty {
    /// Its name, unless the kit lacks its admission.
    pub name: Option<String>,
    /// The beginning of its id.
    pub id: String,
}

/// How much of an entry was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Its kind has a proof, which holds.
    Proof,
    /// It governs others, and the ledger's rules accept it after the kit's earlier entries. Its proof holds, if its
    /// kind has one.
    Rules,
    /// Its kind has no proof, and the rules need data that is not in kits: people, notes or
    /// batches.
    Signature,
}

/// The statement of an entry. The proof shows it, if the kind has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shows {
    /// Claims follow a formula.
    EarnBatch {
        /// How many claims.
        claims: usize,
        /// The scale.
        scale: String,
        /// The version whose formula they follow.
        version: u32,
        /// The period of the deeds.
        period: String,
        /// The public numbers of the proof, each with its value as text.
        figures: Vec<(String, String)>,
    },
    /// A person consents.
    Ticket {
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
        /// The period.
        period: String,
        /// The source of the records.
        source: NamedParty,
        /// SHA-256 of the terms.
        terms: String,
    },
    /// A person withdraws a consent.
    Withdrawal {
        /// Nullifier of the consent.
        nullifier: String,
    },
    /// A person spent credits on an offer.
    Redemption {
        /// The offer.
        offer: String,
        /// Its title, price and scale, if the kit has the offer.
        known: Option<RedeemedOffer>,
    },
    /// A person owned credits.
    Attestation {
        /// At least this many.
        at_least: Credits,
        /// The scale.
        scale: String,
        /// The credits are valid until this day (exclusive).
        expires: String,
    },
    /// An entry of another kind.
    Other {
        /// Its kind, as text.
        name: &'static str,
    },
}

/// A redeemed offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedeemedOffer {
    /// Its title.
    pub title: String,
    /// Its price.
    pub price: Credits,
    /// The scale of the credits.
    pub scale: String,
}

/// Why a receipt is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShowError {
    /// The kit.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// The receipt, its signatures or its proof.
    #[error(transparent)]
    Offline(#[from] OfflineFault),
    /// The kit lacks data that the entry refers to.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger's rules refuse the entry.
    #[error(transparent)]
    Rules(#[from] ReplayError),
}

impl Kit {
    /// Verifies a receipt's entry as far as a kit allows, and returns its contents.
    ///
    /// # Errors
    /// [`ShowError`].
    pub fn show(
        &self,
        receipt: &Receipt,
        keys: KeyPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<ShownReceipt, ShowError> {
        let mut history = self.history(receipt.index, keys, rng)?;
        let verified = OfflineVerifier::new(self.log_key()).verify(history.state(), receipt)?;
        let (signers, shows) = (
            signers(history.state(), &verified),
            shows(history.state(), &verified)?,
        );
        let extent = if verified.entry.governs() {
            // What is left are the rules, as far as the kit has what they ask for.
            let blobs = self.blobs_of(&receipt.leaf)?;
            history.push(&receipt.leaf, blobs, rng)?;
            Extent::Rules
        } else if verified.proven {
            Extent::Proof
        } else {
            Extent::Signature
        };
        Ok(ShownReceipt {
            entry: verified.id.to_string(),
            signers,
            shows,
            verified: extent,
            marks: marks(history.state(), &verified.entry),
        })
    }
}

fn signers(state: &State, verified: &VerifiedEntry) -> Vec<Signer> {
    let signer = |role, party: &PartyId| Signer {
        role,
        party: named(state, party),
    };
    match (&verified.party, &verified.entry) {
        (None, _) => Vec::new(),
        (Some(party), Entry::EarnBatch(batch)) => vec![
            signer(Some("distributor"), party),
            signer(Some("source"), &batch.source),
        ],
        (Some(party), _) => vec![signer(None, party)],
    }
}

fn shows(state: &State, verified: &VerifiedEntry) -> Result<Shows, Refusal> {
    Ok(match &verified.entry {
        Entry::EarnBatch(batch) => {
            // The public numbers that are in force in the batch's period.
            let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
            let figures = terms.figures.in_words(batch.period).into_iter();
            Shows::EarnBatch {
                claims: batch.claims.len(),
                scale: batch.scale.to_string(),
                version: batch.version.0,
                period: batch.period.label(),
                figures: figures
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            }
        }
        Entry::TicketDeposited(deposit) => Shows::Ticket {
            scale: deposit.scale.to_string(),
            version: deposit.version.0,
            period: deposit.period.label(),
            source: named(state, &deposit.source),
            terms: hex::encode(deposit.terms),
        },
        Entry::ConsentWithdrawn(withdrawn) => Shows::Withdrawal {
            nullifier: withdrawn.nullifier.to_string(),
        },
        Entry::Redeemed(redeemed) => {
            let offer = state.offers().get(&redeemed.offer);
            Shows::Redemption {
                offer: redeemed.offer.to_string(),
                known: offer.map(|offer| RedeemedOffer {
                    title: offer.published.title.clone(),
                    price: offer.published.price,
                    scale: offer.published.scale.to_string(),
                }),
            }
        }
        Entry::Attested(attested) => Shows::Attestation {
            at_least: attested.floor,
            scale: attested.scale.to_string(),
            expires: first_day(attested.expiry),
        },
        other => Shows::Other {
            name: other.kind_name(),
        },
    })
}

fn named(state: &State, party: &PartyId) -> NamedParty {
    NamedParty {
        name: state.parties().get(party).map(|known| known.name.clone()),
        id: party.to_string(),
    }
}

impl std::fmt::Display for NamedParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => f.write_str(&self.id),
        }
    }
}

fn first_day(expiry: Expiry) -> String {
    let (kind, index) = (PeriodKind::Month, expiry.0);
    format!("{}-01", Period { kind, index }.label())
}
