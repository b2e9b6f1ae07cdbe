//! The steps of a submission: envelope, early receipt, signatures, proof, sequencer, receipt.
//!
//! All CPU-intensive work runs in the [`VerifyPool`]; the code here only waits. A submission holds
//! a permit from its first step until nothing works on it. So the permits bound the pool and the
//! sequencer's queue, and a caller without a permit is told to retry.
//!
//! A submitter counts as unknown until the signature of an admitted party holds. That is checked
//! first, and nothing is decoded before it but the application of a founder that is not admitted yet, so any
//! submission of an unknown submitter costs only a signature check. Whether the party may publish a key, and whether it has blobs left today, is asked before a key
//! or a blob is read. After that, parties have their own permits and their share of the pool. People,
//! for whom only the proof counts, have other permits.

mod examining;
mod permits;
mod proving;
mod refusals;
#[cfg(test)]
mod twice;

use std::sync::Arc;

use merits_ledger::{Refusal, Sender};
use merits_primitives::ids::{EntryId, Origin, sha256};
use merits_proto::{Fault, Reason, entry_bytes, fields};
use merits_serve::Peer;
use merits_verifier::{
    codec::Canonical as _, entry::SignedEntry, log::LogSigner, receipt::Receipt,
    refusal::RefusalNotice,
};
use tokio::sync::{Semaphore, mpsc, mpsc::error::TrySendError, oneshot, watch};

pub(crate) use permits::WithoutPermit;
pub(crate) use refusals::fault;

use crate::{
    archive::{Archive, StoredLeaf},
    faults::{RETRY, database, out_of_step},
    holding::{Holding, Kept},
    keys::Keys,
    lookups::Lookups,
    notes::Notes,
    published::Published,
    receipts,
    sequencer::{NotPlaced, Placed, Ready},
    timekeeper::Timekeeper,
    verify_pool::{Class, VerifyPool},
    writing::Writing,
};
use examining::Examined;
use permits::{permit, try_permit};

/// An appended entry.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: EntryId,
    pub(crate) receipt: Receipt,
    pub(crate) already_present: bool,
}

/// The result of verifying a proof: success, or why it is refused.
pub(crate) type Judgement = Result<(), Box<Refusal>>;

/// The intake of submissions.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) origin: Origin,
    pub(crate) published: Arc<Published>,
    pub(crate) archive: Archive,
    pub(crate) lookups: Lookups,
    pub(crate) notes: Notes,
    pub(crate) pool: VerifyPool,
    pub(crate) keys: Keys,
    pub(crate) queue: mpsc::Sender<Ready>,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) writing: Arc<Writing>,
    /// Concurrent submissions of unknown submitters.
    pub(crate) door: Arc<Semaphore>,
    /// Concurrent submissions of admitted parties.
    pub(crate) parties: Arc<Semaphore>,
    /// Concurrent submissions that no party signs.
    pub(crate) people: Arc<Semaphore>,
    /// Concurrent verifications for the Verifier service.
    pub(crate) verifications: Arc<Semaphore>,
    /// Becomes true when the coordinator stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Intake {
    /// A permit to verify, or [`Fault::busy`] at once.
    pub(crate) fn try_admit_verification(&self, kept: Kept) -> Result<Holding, Fault> {
        Ok(Holding::new(try_permit(&self.verifications)?, kept))
    }

    /// A permit to verify; waits until there is one.
    pub(crate) async fn admit_verification(&self, kept: Kept) -> Result<Holding, Fault> {
        Ok(Holding::new(permit(&self.verifications).await?, kept))
    }

    /// Resolves when the coordinator stops, so that streams end and do not delay the stop.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        }
    }

    /// Refuses everything new. Submissions that were let in may finish.
    pub(crate) fn close(&self) {
        self.door.close();
        self.verifications.close();
    }

    /// Appends an entry with the blob that came with it, or finds it appended. `kept` is the memory of its
    /// call, `peer` who is at the other end of its connection.
    pub(crate) async fn submit(
        &self,
        entry: Vec<u8>,
        blob: Option<Vec<u8>>,
        kept: Kept,
        peer: &Peer,
        without_permit: WithoutPermit,
    ) -> Result<Accepted, Fault> {
        let door = without_permit.admit(&self.door, &kept).await?;
        let bytes = entry_bytes(entry)?;
        let signed = SignedEntry::from_bytes(&bytes)
            .map_err(|error| self.refuse(None, &bytes, &error.into()))?;
        let id = signed.id();
        if let Some(present) = self.present_if_stored(id).await? {
            return Ok(present);
        }
        match self
            .append(signed, blob, (door, &kept), peer, without_permit)
            .await?
        {
            Ok(accepted) => Ok(accepted),
            // Sent twice at once, the other may have been appended since, and that is why this one is refused.
            Err(refusal) => match self.present_if_stored(id).await? {
                Some(present) => Ok(present),
                None => Err(self.refuse(Some(id), &bytes, &refusal)),
            },
        }
    }

    /// Appends an entry that was not in the log, or says why it is refused. `door` is its permit until its sender is
    /// known.
    async fn append(
        &self,
        signed: SignedEntry,
        blob: Option<Vec<u8>>,
        (door, kept): (Holding, &Kept),
        peer: &Peer,
        without_permit: WithoutPermit,
    ) -> Result<Result<Accepted, Box<Refusal>>, Fault> {
        let id = signed.id();
        // Check this before any expensive work: nothing may be appended now, and nothing may be
        // checked at a wrong time.
        let now = self.time.now().map_err(out_of_step)?;
        self.writing.check().map_err(|_| Fault::cannot_write())?;
        let (sender, signed) = match self.sender(signed, now, door).await? {
            Ok(known) => known,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let party = signed.party;
        // A party's entry comes over the party's own connection, by its key and standing now. What
        // people make comes over anybody's.
        if let Sender::Party(key) = &sender {
            let keys = self.keys_of(&party, *key, now);
            peer.is(&self.origin, &party, &keys, now)?;
        }
        let (class, permits, signer) = match sender {
            Sender::Party(key) => (Class::Parties, &self.parties, Some(key)),
            // There are no parties yet that it could delay.
            Sender::Founder => (Class::Door, &self.parties, None),
            Sender::Person => (Class::Others, &self.people, None),
        };
        // Nobody else's bytes are hashed, and none are kept.
        if class != Class::Parties && blob.is_some() {
            let why = "comes with entries of parties in standing only";
            return Err(Fault::malformed(fields::BLOB, why));
        }
        let holding = without_permit.admit(permits, kept).await?;
        if blob.is_some()
            && let Err(refusal) = self.check_before_blobs(&party, now).await?
        {
            return Ok(Err(refusal));
        }
        let examined = self.examine(class, signed, blob, signer, &holding).await?;
        let verified = match examined {
            Ok(Examined::Authentic(authentic)) => Ok((None, authentic)),
            Ok(Examined::ToProve(unverified, job)) => {
                if class == Class::Others
                    && let Err(refusal) = self.check_unused(unverified.submission()).await?
                {
                    return Ok(Err(refusal));
                }
                let proven = self.prove(class, unverified, job, &holding).await?;
                proven.map(|(verified, authentic)| (Some(verified), authentic))
            }
            Ok(Examined::ToOpen(authentic, statement)) => {
                let opened = self.open(class, authentic, statement, &holding).await?;
                opened.map(|(verified, authentic)| (Some(verified), authentic))
            }
            Err(refusal) => Err(refusal),
        };
        let (verified, authentic) = match verified {
            Ok(verified) => verified,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (reply, outcome) = oneshot::channel();
        let ready = Ready {
            authentic,
            verified,
            reply,
            holding,
        };
        self.queue.try_send(ready).map_err(|error| match error {
            // The permits leave room, except for rounding.
            TrySendError::Full(_) => Fault::busy(RETRY),
            TrySendError::Closed(_) => Fault::stopping(),
        })?;
        // The sequencer gives no answer if it could not store the entry or does not know whether it
        // did.
        match outcome.await.map_err(|_| Fault::cannot_write())? {
            Err(NotPlaced::Refused(refusal)) => Ok(Err(refusal)),
            Err(NotPlaced::CannotWrite) => Err(Fault::cannot_write()),
            Err(NotPlaced::OutOfStep(error)) => Err(out_of_step(error)),
            Ok(Placed::New {
                index,
                leaf,
                proof,
                checkpoint,
            }) => {
                let checkpoint = checkpoint.as_ref().clone();
                let receipt = Receipt {
                    leaf,
                    index,
                    proof,
                    checkpoint,
                };
                Ok(Ok(Accepted {
                    id,
                    receipt,
                    already_present: false,
                }))
            }
            Ok(Placed::Before) => Ok(Ok(self.present(id).await?)),
        }
    }

    /// The receipt of a stored leaf, if its checkpoint may be shown.
    pub(crate) async fn receipt(&self, stored: StoredLeaf) -> Result<Receipt, Fault> {
        let receipt = receipts::receipt(&self.archive, &self.published, stored).await;
        receipt.map_err(|fault| match self.writing.check() {
            // It is durable, but the mark could not be raised to it.
            Err(_) if fault.reason == Reason::Busy => Fault::cannot_write(),
            _ => fault,
        })
    }

    /// The receipt of an entry, if it is in the log.
    async fn present_if_stored(&self, id: EntryId) -> Result<Option<Accepted>, Fault> {
        match self.lookups.find(id).await? {
            None => Ok(None),
            Some(_) => self.present(id).await.map(Some),
        }
    }

    async fn present(&self, id: EntryId) -> Result<Accepted, Fault> {
        let stored = self.archive.find(&id).await.map_err(database)?;
        let receipt = self.receipt(stored.ok_or_else(Fault::internal)?).await?;
        Ok(Accepted {
            id,
            receipt,
            already_present: true,
        })
    }

    /// The signed refusal for the submitter. An entry that cannot be read has no id: it gets zeros,
    /// and the digest of the bytes identifies what was refused.
    fn refuse(&self, id: Option<EntryId>, bytes: &[u8], refusal: &Refusal) -> Fault {
        let notice = RefusalNotice {
            origin: self.origin.clone(),
            entry: id.unwrap_or(EntryId([0; 32])),
            submission: sha256(bytes),
            time: self.time.now_or(self.published.read().state.time()),
            code: refusal.code().into(),
            field: refusal.field(),
            message: refusal.to_string(),
        };
        let mut fault = fault(refusal);
        fault.signed_refusal = notice.sign(&self.signer).to_string();
        fault
    }
}
