//! The path of a submission: envelope, early receipt, signatures, proof, sequencer, receipt.
//!
//! Everything heavy runs in the [`VerifyPool`]; what is here only waits. A submission holds a
//! permit from its first step to its answer, so the pool and the sequencer's queue are bounded by
//! the permits, and whoever gets none is told to come back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use merits_ledger::{
    Authentic, IdentityRefusal, KeyRing, OfferRefusal, OpeningRefusal, ProvenStatement, Refusal,
    ScaleRefusal, Submission, TicketRefusal,
};
use merits_primitives::ids::{EntryId, Origin, sha256};
use merits_proto::{BareProof, Fault, VerifySubject, entry_bytes};
use merits_verifier::{
    Verified,
    codec::Canonical as _,
    entry::SignedEntry,
    groth16::{PreparedKey, Proof},
    log::LogSigner,
    receipt::Receipt,
    refusal::RefusalNotice,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tonic::Code;

use crate::{
    archive::{Archive, StoredLeaf},
    clock::Clock,
    published::Published,
    receipts,
    sequencer::{Placed, Ready},
    verify_pool::{Answer, BareInputs, Full, VerifyPool},
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
    pub(crate) keys: Arc<Mutex<KeyRing>>,
    pub(crate) queue: mpsc::Sender<Ready>,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Submissions at once.
    pub(crate) submissions: Arc<Semaphore>,
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
        _permit: OwnedSemaphorePermit,
    ) -> Result<Accepted, Fault> {
        let bytes = entry_bytes(entry)?;
        let signed = SignedEntry::from_bytes(&bytes)
            .map_err(|error| self.refuse(None, &bytes, &error.into()))?;
        let id = signed.id();
        if let Some(stored) = self.archive.find(&id).await.map_err(database)? {
            return self.present(id, stored).await;
        }
        let refuse = |refusal: Box<Refusal>| self.refuse(Some(id), &bytes, &refusal);
        let (authentic, proof) = self.examine(signed).await?.map_err(refuse)?;
        let verified = match proof {
            None => None,
            Some(question) => Some(self.prove(question).await?.map_err(refuse)?),
        };
        let (reply, outcome) = oneshot::channel();
        let ready = Ready {
            authentic,
            verified,
            reply,
        };
        // The permits leave room in the queue; a closed one means that the sequencer stopped.
        self.queue.try_send(ready).map_err(|_| Fault::stopping())?;
        match outcome.await.map_err(|_| Fault::internal())? {
            Err(refusal) => Err(refuse(refusal)),
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
                let question = match self.examine(signed).await? {
                    Ok((_, Some(question))) => question,
                    Ok((_, None)) => {
                        return Err(Fault::malformed(
                            "subject.entry",
                            "is of a kind without a proof: there is nothing to verify",
                        ));
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                };
                Ok(self.prove(question).await?.map(|_| ()))
            }
        }
    }

    async fn judge_bare(&self, bare: BareProof) -> Result<Judgement, Fault> {
        let (published, keys) = (Arc::clone(&self.published), Arc::clone(&self.keys));
        let prepare = move || -> Result<_, Box<Refusal>> {
            let proof = Proof::from_bytes(&bare.proof).map_err(Refusal::from)?;
            let key = lock(&keys).get(&published.read().state, &bare.key)?;
            Ok((key, BareInputs(bare.inputs), proof))
        };
        let (key, inputs, proof) = match self.pool.run(prepare).map_err(full)?.await {
            Err(_) => return Err(Fault::internal()),
            Ok(Err(refusal)) => return Ok(Err(refusal)),
            Ok(Ok(question)) => question,
        };
        let answer: Answer<_> = self
            .pool
            .verify(&key, inputs, proof)
            .map_err(full)?
            .await
            .map_err(lost)?;
        Ok(answer.map(|_| ()).map_err(|error| Box::new(error.into())))
    }

    /// Decodes an entry, checks its signatures, and finds what its proof must prove.
    async fn examine(
        &self,
        signed: SignedEntry,
    ) -> Result<Result<(Authentic, Option<Question>), Box<Refusal>>, Fault> {
        let (origin, published) = (self.origin.clone(), Arc::clone(&self.published));
        let keys = Arc::clone(&self.keys);
        let job = move || -> Result<_, Box<Refusal>> {
            let submission = Submission::from_signed(signed, &origin)?;
            let view = published.read();
            let authentic = view.state.authenticate(submission)?;
            let Some(job) = view.state.job(authentic.submission())? else {
                return Ok((authentic, None));
            };
            let key = lock(&keys).get(&view.state, &job.key)?;
            Ok((
                authentic,
                Some(Question {
                    key,
                    statement: job.statement,
                    proof: job.proof,
                }),
            ))
        };
        self.pool.run(job).map_err(full)?.await.map_err(lost)
    }

    async fn prove(
        &self,
        question: Question,
    ) -> Result<Result<Verified<ProvenStatement>, Box<Refusal>>, Fault> {
        let Question {
            key,
            statement,
            proof,
        } = question;
        let answer = self
            .pool
            .verify(&key, statement, proof)
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
            time: self.clock.unix_millis(),
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

/// A proof and what it must prove.
struct Question {
    key: Arc<PreparedKey>,
    statement: ProvenStatement,
    proof: Proof,
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

fn lock(keys: &Mutex<KeyRing>) -> std::sync::MutexGuard<'_, KeyRing> {
    // A key is inserted whole or not at all.
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

fn full(_: Full) -> Fault {
    Fault::busy(RETRY)
}

/// The job panicked; the pool has logged it.
fn lost(_: oneshot::error::RecvError) -> Fault {
    Fault::internal()
}

/// A read failed. The cause is for the operator's log, not for the caller.
pub(crate) fn database(error: sqlx::Error) -> Fault {
    tracing::error!(%error, "the database failed");
    Fault::internal()
}
