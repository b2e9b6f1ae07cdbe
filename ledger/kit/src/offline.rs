//! Offline verification from a receipt, the log's key and a state, without a network and without
//! trusting anybody.

use merits_ledger::{Entry, Groth16Keys, JobError, Refusal, State, Submission};
use merits_primitives::{
    calendar::Timestamp,
    ids::{AssetId, EntryId, PartyId, Period, ScaleId, ScaleVersion},
};
use merits_verifier::{
    log::LogKey,
    receipt::{Receipt, ReceiptError},
};
use thiserror::Error;

/// A batch whose receipt, signatures and proof hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBatch {
    /// The ledger entry.
    pub entry: EntryId,
    /// Its leaf in the log.
    pub index: u64,
    /// The sequencer's time.
    pub time: Timestamp,
    /// The scale.
    pub scale: ScaleId,
    /// The version whose formula the credits follow.
    pub version: ScaleVersion,
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// The period of the deeds.
    pub period: Period,
    /// The distributor, which computed and proved the batch.
    pub distributor: PartyId,
    /// The source, which signed the records.
    pub source: PartyId,
    /// How many claims.
    pub claims: usize,
}

/// An entry whose receipt and signatures hold, and its proof if its kind has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// The ledger entry.
    pub id: EntryId,
    /// Its leaf in the log.
    pub index: u64,
    /// The sequencer's time.
    pub time: Timestamp,
    /// Who signed it; `None` for what a person makes, where the proof speaks alone.
    pub party: Option<PartyId>,
    /// Whether its kind has a proof, which holds.
    pub proven: bool,
    /// The statement.
    pub entry: Entry,
}

/// Why a receipt does not show a valid entry.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OfflineFault {
    /// The receipt does not hold under the log's key.
    #[error("the receipt: {0}")]
    Receipt(#[from] ReceiptError),
    /// It holds, but for an entry that is not an earn batch.
    #[error("entry {0} has the kind `{1}` and is not an earn batch")]
    NotABatch(EntryId, &'static str),
    /// The ledger's rules refuse the entry under the given state.
    #[error("the ledger's rules refuse the entry: {0}")]
    Rules(#[from] Refusal),
    /// The proof does not hold: the coordinator took an invalid entry.
    #[error(
        "the proof does not hold ({0}), although the coordinator accepted the entry: show this receipt \
         to a supervisor"
    )]
    Proof(#[source] JobError),
}

/// Checks receipts one by one, each against the state of its own time.
#[derive(Debug)]
pub struct OfflineVerifier {
    log: LogKey,
    keys: Groth16Keys,
}

impl OfflineVerifier {
    /// Inclusion comes from `log`'s signature.
    pub fn new(log: &LogKey) -> Self {
        Self {
            log: log.clone(),
            keys: Groth16Keys::new(),
        }
    }

    /// Checks that the log holds the entry, that its party and its sources signed it, and that its
    /// proof holds, for every kind. Scales, constants, keys, parties and offers come from `state`:
    /// the ledger's as it was when the entry was appended (`merits_ledger::History` gives it).
    ///
    /// It trusts the log on people and notes: which roots were valid, and that no value was used
    /// twice. It also trusts the log on the rules of kinds without a proof.
    ///
    /// # Errors
    /// [`OfflineFault`].
    pub fn verify(
        &mut self,
        state: &State,
        receipt: &Receipt,
    ) -> Result<VerifiedEntry, OfflineFault> {
        let leaf = receipt.verify(&self.log)?;
        let signed = leaf.leaf().entry.clone();
        let submission = Submission::from_signed(signed, state.origin())?;
        let entry = submission.entry().clone();
        let job = state.question(&submission)?;
        if job.is_none() && entry.is_proven() {
            return Err(Refusal::NotVerified.into());
        }
        let authentic = state.authenticate(submission)?;
        let proven = job.is_some();
        if let Some(job) = job {
            job.verify(state, &self.keys).map_err(|error| match error {
                JobError::Key(refusal) => OfflineFault::Rules(refusal),
                proof @ (JobError::Groth16(_) | JobError::Schnorr(_) | JobError::Total(_)) => {
                    OfflineFault::Proof(proof)
                }
            })?;
        }
        let submission = authentic.submission();
        Ok(VerifiedEntry {
            id: submission.id(),
            index: leaf.index(),
            time: leaf.leaf().time,
            party: (!entry.is_personal()).then(|| submission.party()),
            proven,
            entry,
        })
    }

    /// [`OfflineVerifier::verify`] for an earn batch; returns its contents.
    ///
    /// # Errors
    /// [`OfflineFault`]; [`OfflineFault::NotABatch`] for any other kind.
    pub fn check(
        &mut self,
        state: &State,
        receipt: &Receipt,
    ) -> Result<VerifiedBatch, OfflineFault> {
        let VerifiedEntry {
            id,
            index,
            time,
            party,
            proven: _,
            entry,
        } = self.verify(state, receipt)?;
        // A batch is never made by a person.
        let (Entry::EarnBatch(batch), Some(distributor)) = (&entry, party) else {
            return Err(OfflineFault::NotABatch(id, entry.kind_name()));
        };
        Ok(VerifiedBatch {
            entry: id,
            index,
            time,
            asset: batch.terms.asset,
            distributor,
            claims: batch.claims.len(),
            scale: batch.scale.clone(),
            version: batch.version,
            period: batch.period,
            source: batch.source,
        })
    }
}
