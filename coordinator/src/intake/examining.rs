//! What is asked about an entry before its proof is verified, the cheapest first.

use std::sync::Arc;

use merits_ledger::{
    Authentic, Blob, CheckError, Job, Refusal, Sender, Submission, Unverified, rows::RowKey,
};
use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_proto::Fault;
use merits_verifier::{entry::SignedEntry, signature::PublicKey};

use super::{Intake, Judgement};
use crate::{
    faults::{RETRY, database, full, lost},
    holding::Holding,
    verify_pool::Class,
};

/// How often the rows of an entry are read before its submitter is told to retry: groups are
/// appended some tens of times a second, and a read takes a fraction of a millisecond.
const MOST_LOOKS: usize = 16;

/// An entry whose statement is decoded.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a submission in work has one, and never many of them together"
)]
pub(super) enum Examined {
    /// Without a proof: its signatures hold.
    Authentic(Authentic),
    /// Signatures and proof are to be verified.
    ToProve(Unverified, Job),
}

impl Examined {
    fn submission(&self) -> &Submission {
        match self {
            Self::Authentic(authentic) => authentic.submission(),
            Self::ToProve(unverified, _) => unverified.submission(),
        }
    }
}

impl Intake {
    /// The sender of an entry, who may send what costs much to read. This checks at most one signature and decodes
    /// nothing.
    pub(super) async fn sender(
        &self,
        signed: SignedEntry,
        door: Holding,
    ) -> Result<Result<(Sender, SignedEntry), Box<Refusal>>, Fault> {
        let published = Arc::clone(&self.published);
        let look = move || -> Result<_, Box<Refusal>> {
            let _door = door;
            let state = &published.read().state;
            let sender = state.sender(&signed)?;
            state.check_before_key(&signed)?;
            Ok((sender, signed))
        };
        self.pool
            .run(Class::Door, look)
            .map_err(full)?
            .await
            .map_err(lost)
    }

    /// Decodes an entry, and determines what its signatures and its proof must show. Signatures of
    /// an entry without a proof are checked at once. `signer` is the key under which the party's
    /// signature holds.
    pub(super) async fn examine(
        &self,
        class: Class,
        signed: SignedEntry,
        blob: Option<Vec<u8>>,
        signer: Option<PublicKey>,
        holding: &Holding,
    ) -> Result<Result<Examined, Box<Refusal>>, Fault> {
        let (origin, published) = (self.origin.clone(), Arc::clone(&self.published));
        let held = holding.clone();
        let decode = move || -> Result<_, Box<Refusal>> {
            let _held = held;
            let blob = blob.map(Blob::new).transpose().map_err(Refusal::from)?;
            let blobs = blob.into_iter().collect();
            let submission = Submission::from_signed(signed, &origin)?.with_blobs(blobs)?;
            let (unverified, wanted, job) = {
                let state = &published.read().state;
                let unverified = state.signatures(submission, signer)?;
                let wanted = state.job_reads(unverified.submission());
                // This copies claims and computes hashes.
                let job = state.question(unverified.submission());
                (unverified, wanted, job)
            };
            Ok(match job {
                Ok(None) => (Examined::Authentic(unverified.verify()?), wanted),
                Ok(Some(job)) => (Examined::ToProve(unverified, job), wanted),
                // A party that may not send it gets that error first.
                Err(refusal) => {
                    unverified.verify()?;
                    return Err(refusal.into());
                }
            })
        };
        let decoded = self.pool.run(class, decode).map_err(full)?;
        let (examined, wanted) = match decoded.await.map_err(lost)? {
            Ok(decoded) => decoded,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let checked = self.check_rows(examined.submission(), wanted).await?;
        Ok(judged(checked)?.map(|()| examined))
    }

    /// Whether a party has blobs left today, judged by its row. The rules count them again.
    pub(super) async fn check_before_blobs(
        &self,
        party: &PartyId,
        now: Timestamp,
    ) -> Result<Judgement, Fault> {
        let wanted = vec![self.published.read().state.blob_reads(party)];
        let rows = self.archive.view(wanted).await.map_err(database)?;
        let checked = self
            .published
            .read()
            .state
            .check_before_blobs(party, now, &rows);
        judged(checked)
    }

    /// Whether a proof could make an entry acceptable, judged by the rows in `wanted`.
    async fn check_rows(
        &self,
        submission: &Submission,
        wanted: Vec<RowKey>,
    ) -> Result<Result<(), CheckError>, Fault> {
        if wanted.is_empty() {
            return Ok(Ok(()));
        }
        for _ in 0..MOST_LOOKS {
            let before = self.published.read().state.size();
            let rows = self.archive.view(wanted.clone()).await.map_err(database)?;
            let view = self.published.read();
            // Rows may be newer than the governing state, but never older: a root that was
            // superseded in between would be in neither.
            if view.state.size() == before {
                // One or two comparisons.
                return Ok(view.state.check_before_proof(submission, &rows));
            }
        }
        Err(Fault::busy(RETRY))
    }

    /// Whether the values that an entry uses up are new. Check this before verifying the proof:
    /// otherwise anybody who has spent a note could make the coordinator verify any number of
    /// proofs about it.
    pub(super) async fn check_unused(&self, submission: &Submission) -> Result<Judgement, Fault> {
        let values = self.published.read().state.may_use(submission);
        if values.is_empty() {
            return Ok(Ok(()));
        }
        let used = self.archive.used_all(&values).await.map_err(database)?;
        let Some((set, _)) = values.into_iter().find(|value| used.contains(value)) else {
            return Ok(Ok(()));
        };
        // If the same entry, sent twice at once, used it, the sequencer finds that.
        if self.lookups.find(submission.id()).await?.is_some() {
            return Ok(Ok(()));
        }
        let claim = None;
        Ok(Err(Box::new(Refusal::AlreadyUsed { set, claim })))
    }
}

/// What a check by rows says; rows that cannot be read are the coordinator's fault.
fn judged(checked: Result<(), CheckError>) -> Result<Judgement, Fault> {
    match checked {
        Ok(()) => Ok(Ok(())),
        Err(CheckError::Refused(refusal)) => Ok(Err(Box::new(refusal))),
        Err(CheckError::Rows(error)) => {
            tracing::error!(%error, "the state cannot be read");
            Err(Fault::internal())
        }
    }
}
