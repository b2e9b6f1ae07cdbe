//! Offline verification: a receipt, the log's key, a state; no network, nobody's word.

use merits_ledger::{Entry, KeyRing, Refusal, State, Submission};
use merits_primitives::ids::{AssetId, EntryId, PartyId, Period, ScaleId, ScaleVersion};
use merits_verifier::{
    Verified, VerifyError,
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
    /// The sequencer's time, unix milliseconds.
    pub time: u64,
    /// The scale.
    pub scale: ScaleId,
    /// The version whose formula the credits follow.
    pub version: ScaleVersion,
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// The period of the deeds.
    pub period: Period,
    /// Who computed and proved.
    pub distributor: PartyId,
    /// Who signed the records.
    pub source: PartyId,
    /// How many claims.
    pub claims: usize,
}

/// Why a receipt does not show a valid batch.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OfflineFault {
    /// The receipt does not hold under the log's key.
    #[error("the receipt: {0}")]
    Receipt(#[from] ReceiptError),
    /// It holds, for an entry that is no earn batch.
    #[error("entry {0} is a {1}, not an earn batch: only batches carry a proof")]
    NotABatch(EntryId, &'static str),
    /// The ledger's rules refuse the entry under the state at hand.
    #[error("the ledger's rules refuse the entry: {0}")]
    Rules(#[from] Refusal),
    /// The proof does not hold: the coordinator took an invalid batch.
    #[error("the proof: {0}; the coordinator took an invalid batch, show the receipt to others")]
    Proof(#[from] VerifyError),
}

/// Checks receipts one by one, each against the state of its own time.
#[derive(Debug)]
pub struct OfflineVerifier<'a> {
    log: &'a LogKey,
    keys: KeyRing,
}

impl<'a> OfflineVerifier<'a> {
    /// Inclusion comes from `log`'s signature.
    pub fn new(log: &'a LogKey) -> Self {
        Self {
            log,
            keys: KeyRing::new(),
        }
    }

    /// Checks that the log holds the entry, that its party and its sources signed it, and that
    /// its proof holds. Scales, constants, keys and parties come from `state`: the ledger's as it
    /// was when the entry was appended (`merits_ledger::History` gives it).
    ///
    /// # Errors
    /// [`OfflineFault`].
    pub fn check(
        &mut self,
        state: &State,
        receipt: &Receipt,
    ) -> Result<VerifiedBatch, OfflineFault> {
        let leaf = receipt.verify(self.log)?;
        let signed = leaf.leaf().entry.clone();
        let submission = Submission::from_signed(signed, state.origin())?;
        let Entry::EarnBatch(batch) = submission.entry() else {
            return Err(OfflineFault::NotABatch(
                submission.id(),
                submission.entry().kind_name(),
            ));
        };
        let (scale, version) = (batch.scale.clone(), batch.version);
        let (period, source, claims) = (batch.period, batch.source, batch.claims.len());
        let job = state.job(&submission)?.ok_or(Refusal::NotVerified)?;
        let authentic = state.authenticate(submission)?;
        let key = self.keys.get(state, &job.key)?;
        let asset = state.scales().get(&scale)?.asset;
        Verified::check(&key, job.statement, &job.proof)?;
        Ok(VerifiedBatch {
            entry: authentic.submission().id(),
            index: leaf.index(),
            time: leaf.leaf().time,
            scale,
            version,
            asset,
            period,
            distributor: authentic.submission().party(),
            source,
            claims,
        })
    }
}
