//! The contents of a verified receipt, as plain data for display.

use merits_ledger::{Refusal, ReplayError, State};
use merits_primitives::ids::PartyId;
use merits_verifier::{groth16::KeyPolicy, receipt::Receipt};
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use crate::{
    Kit, KitError,
    marks::marks,
    named::{NamedParty, named},
    offline::{OfflineFault, OfflineVerifier, VerifiedEntry},
    shows::{Shows, shows},
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
    match (&verified.party, verified.entry.source()) {
        (None, _) => Vec::new(),
        (Some(party), Some(source)) => vec![
            signer(Some("distributor"), party),
            signer(Some("source"), source),
        ],
        (Some(party), None) => vec![signer(None, party)],
    }
}
