//! Checks an attestation with a kit alone.

use std::path::PathBuf;

use merits_ledger::entry::PersonStatement;
use merits_primitives::calendar::Timestamp;
use merits_verifier::{
    attestation::{Attestation, AttestationFault, Question, Shown},
    groth16::{KeyError, KeyPolicy, PreparedKey},
};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{Kit, KitError, marks::marks_of_spending};

/// Why an attestation cannot be checked, or is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttestedError {
    /// The kit.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// The kit is older than the attestation's scale, epoch or key.
    #[error(
        "offline kit {}: it is older than the scale, epoch or key of this attestation; get a newer one \
         (`merits kit`)", .0.display()
    )]
    Outdated(PathBuf),
    /// The key that the ledger adopted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The attestation is refused.
    #[error(transparent)]
    Attestation(#[from] AttestationFault),
}

/// What an attestation shows, and what it rests on.
#[derive(Debug)]
pub struct Attested {
    /// What it shows.
    pub shown: Shown,
    /// What one supervisor alone decided of what it rests on; empty if nothing.
    pub marks: Vec<String>,
}

impl Kit {
    /// What an attestation shows to the verifier who asked `question`, at `at`.
    ///
    /// # Errors
    /// [`AttestedError`].
    pub fn attested(
        &self,
        attestation: &Attestation,
        question: &Question,
        at: Timestamp,
        keys: KeyPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<Attested, AttestedError> {
        let included = attestation.answer(&self.log, question, at)?;
        let history = self.history(attestation.index(), keys, rng)?;
        let state = history.state();
        let outdated = || AttestedError::Outdated(self.directory.clone());
        let scale = state.scales().get(included.scale());
        let asset = scale.map_err(|_| outdated())?.asset;
        let epoch = state.epochs().get(included.epoch()).ok_or_else(outdated)?;
        let adopted = state.statement_keys().get(PersonStatement::Redeem);
        let adopted = adopted.ok_or_else(outdated)?;
        let key = PreparedKey::new(adopted.key.clone(), adopted.provenance, keys)?;
        let marks = marks_of_spending(state, included.epoch());
        let shown = included.verify(asset, epoch.view_key, &key)?;
        Ok(Attested { shown, marks })
    }
}
