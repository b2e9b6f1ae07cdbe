//! Attestations, which a person shows to a verifier, and the recomputation of a credit.

use futures::future::BoxFuture;
use merits_ledger::{Entry, entry::Attested};
use merits_params::manifest::Manifest;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, Period, ScaleId},
};
use merits_records::SubjectPeriod;
use merits_verifier::{
    attestation::{Attestation, Question},
    groth16::Proof,
};
use rand_core::CryptoRng;
use serde::Serialize;

use super::{Wallet, WalletError, redeeming::bucket, scale};
use crate::{
    prover::PersonProver,
    recompute::{self, Compared, RecomputeError},
    report::{expiry_day, party_name, unit},
    spend::{Planned, Showing, Spender},
    view::NoteOrigin,
};

/// The request for an attestation.
#[derive(Debug, Clone)]
pub struct AttestRequest<'a> {
    /// Credits of this scale.
    pub scale: &'a str,
    /// The bucket that is no longer valid from this day on; `None` for the longest-lasting one with
    /// enough credits.
    pub expires: Option<&'a str>,
    /// At least this many.
    pub at_least: Credits,
    /// To whom, and what was asked.
    pub question: &'a Question,
    /// Last moment.
    pub not_after: Timestamp,
}

/// An attestation that is ready to be proven.
#[derive(Debug)]
pub struct PlannedAttestation {
    planned: Planned<Attested>,
    question: Question,
    not_after: Timestamp,
    scale: ScaleId,
    unit: String,
}

impl PlannedAttestation {
    /// Makes the proof.
    ///
    /// # Errors
    /// [`WalletError::Proving`].
    pub fn prove(&self, prover: &PersonProver) -> Result<Proof, WalletError> {
        Ok(self.planned.prove(prover)?)
    }
}

/// An attestation that is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// At least this many credits.
    pub at_least: Credits,
    /// What one of them is.
    pub unit: String,
    /// The scale.
    pub scale: String,
    /// The credits are valid until this day (exclusive).
    pub expires: String,
    /// The verifier.
    pub verifier: String,
    /// The last moment.
    pub not_after: Timestamp,
    /// The entry's leaf.
    pub leaf: u64,
    /// The log.
    pub origin: String,
    /// The attestation's bytes, for a QR code.
    #[serde(skip)]
    pub packed: Vec<u8>,
}

impl Wallet {
    /// Plans an attestation at `now`.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn plan_attestation(
        &self,
        asked: &AttestRequest<'_>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PlannedAttestation, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let scale = scale(state, asked.scale)?;
        let asset = state.scales().get(&scale)?.asset;
        let spender = Spender::new(state, &self.view, &self.keys, now)?;
        let expiry = match asked.expires {
            None => None,
            Some(day) => Some(bucket(&spender.buckets(asset), day)?),
        };
        let showing = Showing {
            scale: scale.clone(),
            expiry,
            floor: asked.at_least,
            question: asked.question.clone(),
            not_after: asked.not_after,
        };
        Ok(PlannedAttestation {
            planned: self.spend(state, now, |spender| spender.attest(&showing, rng))?,
            question: asked.question.clone(),
            not_after: asked.not_after,
            unit: unit(state, &scale),
            scale,
        })
    }

    /// Submits an attestation, and packs its receipt for the verifier.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn attest<'a>(
        &'a mut self,
        planned: PlannedAttestation,
        proof: &'a Proof,
    ) -> BoxFuture<'a, Result<Shown, WalletError>> {
        Box::pin(async move {
            let Planned { entry: shown, .. } = planned.planned;
            let (expiry, floor) = (shown.expiry, shown.floor);
            let entry = Entry::Attested(shown).personal(self.keys.origin(), proof);
            let submitted = self.submit(&entry).await?;
            let log = self.replica().key().clone();
            let (question, not_after) = (planned.question, planned.not_after);
            let packed = Attestation::pack(&submitted.receipt, &log, &question, not_after)?;
            Ok(Shown {
                at_least: floor,
                unit: planned.unit,
                scale: planned.scale.to_string(),
                expires: expiry_day(expiry),
                verifier: question.verifier,
                not_after,
                leaf: submitted.index,
                origin: log.origin().to_string(),
                packed: packed.to_bytes(),
            })
        })
    }

    /// The manifest in force for a period, as the ledger approved it.
    ///
    /// # Errors
    /// [`WalletError::Recompute`].
    pub fn approved(&self, scale: &ScaleId, period: Period) -> Result<Manifest, WalletError> {
        let replica = self.replica();
        Ok(recompute::approved(replica.state()?, scale, period)?)
    }

    /// Compares each of the person's claims of a scale and period with the result of the person's
    /// records. If the records have several accounts, `account` is the person's.
    ///
    /// # Errors
    /// [`WalletError::Recompute`].
    pub fn recompute(
        &self,
        manifest: &Manifest,
        period: Period,
        records: &[SubjectPeriod],
        account: Option<&str>,
    ) -> Result<Vec<Compared>, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let mut compared = Vec::new();
        for note in recompute::claims(&self.view, manifest.id(), period) {
            let NoteOrigin::Claim { source, .. } = &note.from else {
                continue;
            };
            compared.push(Compared {
                source: party_name(state, source),
                result: recompute::recompute(manifest, note, period, records, account)?,
            });
        }
        if compared.is_empty() {
            return Err(RecomputeError::NoClaim {
                scale: manifest.id().clone(),
                period: period.label(),
            }
            .into());
        }
        Ok(compared)
    }
}
