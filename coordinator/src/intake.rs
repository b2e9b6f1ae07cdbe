//! The path of a submission: envelope, early receipt, signatures, proof, sequencer, receipt.
//!
//! Everything heavy runs in the [`VerifyPool`]; what is here only waits. A submission holds a
//! permit from its first step to the sequencer's answer, also when its caller has gone, so the pool and the sequencer's queue are bounded by
//! the permits, and whoever gets none is told to come back.
//!
//! Whoever submits is a stranger until the signature of a party in standing holds. Strangers have
//! half of the permits after that, and their share of the pool, and no more.

use std::{sync::Arc, time::Duration};

use merits_ledger::{
    Authentic, IdentityRefusal, Job, OfferRefusal, OpeningRefusal, ProvenStatement, Refusal,
    ScaleRefusal, Submission, TicketRefusal, UnpreparedKey,
};
use merits_primitives::ids::{EntryId, Origin, sha256};
use merits_proto::{BareProof, Fault, VerifySubject, entry_bytes};
use merits_verifier::{
    Verified,
    codec::Canonical as _,
    entry::SignedEntry,
    groth16::{KeyDigest, PreparedKey, Proof},
    log::LogSigner,
    receipt::Receipt,
    refusal::RefusalNotice,
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};
use tonic::Code;

use crate::{
    archive::{Archive, StoredLeaf},
    keys::Keys,
    published::Published,
    receipts,
    sequencer::{NotPlaced, Placed, Ready},
    timekeeper::{OutOfStep, Timekeeper},
    verify_pool::{Answer, BareInputs, Class, Full, VerifyPool},
};

/// When a caller without a permit should come back: about the time of a full batch.
const RETRY: Duration = Duration::from_millis(250);

/// An appended entry.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: EntryId,
    pub(crate) receipt: Receipt,
    pub(crate) already_present: bool,
}

/// What came of looking at a proof: nothing, or why it is refused.
pub(crate) type Judgement = Result<(), Box<Refusal>>;

/// Everything that submissions pass through.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) origin: Origin,
    pub(crate) published: Arc<Published>,
    pub(crate) archive: Archive,
    pub(crate) pool: VerifyPool,
    pub(crate) keys: Keys,
    pub(crate) queue: mpsc::Sender<Ready>,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) time: Arc<Timekeeper>,
    /// Submissions at once.
    pub(crate) submissions: Arc<Semaphore>,
    /// Of them, those that no party has signed.
    pub(crate) strangers: Semaphore,
    /// Verifications for the Verifier service at once.
    pub(crate) verifications: Arc<Semaphore>,
    /// Turns true when the coordinator stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Intake {
    /// A permit to submit, or [`Fault::busy`] at once.
    pub(crate) fn try_admit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        try_permit(&self.submissions)
    }

    /// A permit to submit, when there is one.
    pub(crate) async fn admit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        permit(&self.submissions).await
    }

    /// A permit to verify, or [`Fault::busy`] at once.
    pub(crate) fn try_admit_verification(&self) -> Result<OwnedSemaphorePermit, Fault> {
        try_permit(&self.verifications)
    }

    /// A permit to verify, when there is one.
    pub(crate) async fn admit_verification(&self) -> Result<OwnedSemaphorePermit, Fault> {
        permit(&self.verifications).await
    }

    /// Resolves when the coordinator stops: streams end then instead of keeping it.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        }
    }

    /// Refuses everything new.
    pub(crate) fn close(&self) {
        self.submissions.close();
        self.verifications.close();
    }

    /// Appends an entry, or finds it appended.
    pub(crate) async fn submit(
        &self,
        entry: Vec<u8>,
        admitted: OwnedSemaphorePermit,
    ) -> Result<Accepted, Fault> {
        let bytes = entry_bytes(entry)?;
        let signed = SignedEntry::from_bytes(&bytes)
            .map_err(|error| self.refuse(None, &bytes, &error.into()))?;
        let id = signed.id();
        if let Some(stored) = self.archive.find(&id).await.map_err(database)? {
            return self.present(id, stored).await;
        }
        // Before anything costs: nothing is appended now, and nothing is judged at a wrong time.
        self.time.now().map_err(out_of_step)?;
        let refuse = |refusal: Box<Refusal>| self.refuse(Some(id), &bytes, &refusal);
        let (authentic, job) = self.examine(Class::Door, signed).await?.map_err(refuse)?;
        let (class, _permit) = match authentic.party() {
            Some(_) => (Class::Parties, None),
            None => {
                let permit = self.strangers.try_acquire();
                (Class::Others, Some(permit.map_err(|_| Fault::busy(RETRY))?))
            }
        };
        let verified = match job {
            None => None,
            Some(job) => Some(self.prove(class, job).await?.map_err(refuse)?),
        };
        let (reply, outcome) = oneshot::channel();
        let ready = Ready {
            authentic,
            verified,
            admitted,
            reply,
        };
        self.queue.try_send(ready).map_err(|error| match error {
            TrySendError::Full(_) => Fault::busy(RETRY),
            TrySendError::Closed(_) => Fault::stopping(),
        })?;
        match outcome.await.map_err(|_| Fault::internal())? {
            Err(NotPlaced::Refused(refusal)) => Err(refuse(refusal)),
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
                Ok(Accepted {
                    id,
                    receipt,
                    already_present: false,
                })
            }
            Ok(Placed::Before) => {
                let stored = self.archive.find(&id).await.map_err(database)?;
                self.present(id, stored.ok_or_else(Fault::internal)?).await
            }
        }
    }

    /// Looks at a proof as a submission would, and changes nothing.
    pub(crate) async fn judge(
        &self,
        subject: VerifySubject,
        _permit: OwnedSemaphorePermit,
    ) -> Result<Judgement, Fault> {
        match subject {
            VerifySubject::Proof(proof) => self.judge_bare(proof).await,
            VerifySubject::Entry(bytes) => {
                let signed = match SignedEntry::from_bytes(&bytes) {
                    Ok(signed) => signed,
                    Err(error) => return Ok(Err(Box::new(error.into()))),
                };
                let job = match self.examine(Class::Others, signed).await? {
                    Ok((_, Some(job))) => job,
                    Ok((_, None)) => {
                        return Err(Fault::malformed(
                            "subject.entry",
                            "is of a kind without a proof: there is nothing to verify",
                        ));
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                };
                Ok(self.prove(Class::Others, job).await?.map(|_| ()))
            }
        }
    }

    async fn judge_bare(&self, bare: BareProof) -> Result<Judgement, Fault> {
        // Three points to decompress.
        let read = move || Proof::from_bytes(&bare.proof).map_err(Refusal::from);
        let read = self.pool.run(Class::Others, read).map_err(full)?;
        let proof = match read.await.map_err(lost)? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(Err(Box::new(refusal))),
        };
        let key = match self.key(Class::Others, &bare.key).await? {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer: Answer<_> = self
            .pool
            .verify(Class::Others, &key, BareInputs(bare.inputs), proof)
            .map_err(full)?
            .await
            .map_err(lost)?;
        Ok(answer.map(|_| ()).map_err(|error| Box::new(error.into())))
    }

    /// Decodes an entry, checks its signatures, and finds what its proof must prove.
    async fn examine(
        &self,
        class: Class,
        signed: SignedEntry,
    ) -> Result<Result<(Authentic, Option<Job>), Box<Refusal>>, Fault> {
        let (origin, published) = (self.origin.clone(), Arc::clone(&self.published));
        let examine = move || -> Result<_, Box<Refusal>> {
            let submission = Submission::from_signed(signed, &origin)?;
            let view = published.read();
            let authentic = view.state.authenticate(submission)?;
            let job = view.state.job(authentic.submission())?;
            Ok((authentic, job))
        };
        self.pool
            .run(class, examine)
            .map_err(full)?
            .await
            .map_err(lost)
    }

    /// A key of the ledger, prepared.
    async fn key(
        &self,
        class: Class,
        digest: &KeyDigest,
    ) -> Result<Result<Arc<PreparedKey>, Box<Refusal>>, Fault> {
        let find = || {
            let unprepared = UnpreparedKey::of(&self.published.read().state, digest)?;
            Ok(move || unprepared.prepare())
        };
        self.keys.get(&self.pool, class, digest, find).await
    }

    async fn prove(
        &self,
        class: Class,
        job: Job,
    ) -> Result<Result<Verified<ProvenStatement>, Box<Refusal>>, Fault> {
        let key = match self.key(class, &job.key).await? {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = self
            .pool
            .verify(class, &key, job.statement, job.proof)
            .map_err(full)?
            .await
            .map_err(lost)?;
        Ok(answer.map_err(|error| Box::new(error.into())))
    }

    async fn present(&self, id: EntryId, stored: StoredLeaf) -> Result<Accepted, Fault> {
        let receipt = receipts::receipt(&self.archive, &self.published, stored).await?;
        Ok(Accepted {
            id,
            receipt,
            already_present: true,
        })
    }

    /// The refusal as the submitter gets it, signed. An entry that cannot be read has no id:
    /// zeros stand for it, and the digest of the bytes says what was refused.
    fn refuse(&self, id: Option<EntryId>, bytes: &[u8], refusal: &Refusal) -> Fault {
        let notice = RefusalNotice {
            origin: self.origin.clone(),
            entry: id.unwrap_or(EntryId([0; 32])),
            submission: sha256(bytes),
            time: self.time.now_or(self.published.read().state.time()),
            code: refusal.code().to_owned(),
            field: refusal.field(),
            message: refusal.to_string(),
        };
        let mut fault = fault(refusal);
        fault.signed_refusal = notice.sign(&self.signer).to_string();
        fault
    }
}

/// A refusal as an error of the wire.
pub(crate) fn fault(refusal: &Refusal) -> Fault {
    Fault::new(
        status(refusal),
        refusal.code(),
        refusal.field(),
        refusal.to_string(),
    )
}

fn status(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::AlreadyUsed { .. }
        | Refusal::Identity(
            IdentityRefusal::PersonKnown
            | IdentityRefusal::CommitmentKnown
            | IdentityRefusal::EvaluatorStands,
        )
        | Refusal::Ticket(TicketRefusal::TermsKnown) => Code::AlreadyExists,
        Refusal::PartyUnknown { .. }
        | Refusal::PartySuspended { .. }
        | Refusal::RoleMissing { .. }
        | Refusal::Scale(ScaleRefusal::OfAnother { .. })
        | Refusal::Identity(IdentityRefusal::NotTheEvaluator { .. })
        | Refusal::Ticket(TicketRefusal::OfAnother { .. })
        | Refusal::Offer(OfferRefusal::OfAnother { .. } | OfferRefusal::Elsewhere { .. })
        | Refusal::Opening(OpeningRefusal::OfAnother { .. }) => Code::PermissionDenied,
        Refusal::SignatureInvalid { .. } | Refusal::KeyRotated { .. } => Code::Unauthenticated,
        Refusal::NotFounded { .. }
        | Refusal::EpochUnknown { .. }
        | Refusal::EpochNotAccepted { .. }
        | Refusal::Scale(
            ScaleRefusal::Unknown { .. }
            | ScaleRefusal::NotApproved { .. }
            | ScaleRefusal::Retired { .. }
            | ScaleRefusal::NotYetValid { .. }
            | ScaleRefusal::SupplyExhausted { .. },
        )
        | Refusal::SourceUnknown { .. }
        | Refusal::StatementKeyMissing { .. }
        | Refusal::Identity(
            IdentityRefusal::EvaluationUnfit
            | IdentityRefusal::Unknown
            | IdentityRefusal::GroupRootUnknown,
        )
        | Refusal::Ticket(
            TicketRefusal::TermsUnknown
            | TicketRefusal::TooEarly { .. }
            | TicketRefusal::Reserved { .. }
            | TicketRefusal::Missing { .. }
            | TicketRefusal::Lapsed { .. }
            | TicketRefusal::ConsentWithdrawn { .. },
        )
        | Refusal::Offer(
            OfferRefusal::Unknown { .. }
            | OfferRefusal::NotOpen { .. }
            | OfferRefusal::SoldOut { .. }
            | OfferRefusal::CreditsExpired { .. }
            | OfferRefusal::OtherDay { .. },
        )
        | Refusal::NoteRootUnknown
        | Refusal::NoteTreeFull
        | Refusal::NotVerified => Code::FailedPrecondition,
        _ => Code::InvalidArgument,
    }
}

fn try_permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    use tokio::sync::TryAcquireError;
    Arc::clone(permits)
        .try_acquire_owned()
        .map_err(|error| match error {
            TryAcquireError::NoPermits => Fault::busy(RETRY),
            TryAcquireError::Closed => Fault::stopping(),
        })
}

async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(|_| Fault::stopping())
}

/// The clock is wrong: for the operator to mend, and for the caller to wait.
fn out_of_step(error: OutOfStep) -> Fault {
    Fault::out_of_step(error.to_string())
}

pub(crate) fn full(_: Full) -> Fault {
    Fault::busy(RETRY)
}

/// The job panicked; the pool has logged it.
pub(crate) fn lost(_: oneshot::error::RecvError) -> Fault {
    Fault::internal()
}

/// A read failed. The cause is for the operator's log, not for the caller.
pub(crate) fn database(error: sqlx::Error) -> Fault {
    tracing::error!(%error, "the database failed");
    Fault::internal()
}
