//! The steps of a submission: envelope, early receipt, signatures, proof, sequencer, receipt.
//!
//! All CPU-intensive work runs in the [`VerifyPool`]; the code here only waits. A submission holds
//! a permit from its first step until nothing works on it. So the permits bound the pool and the
//! sequencer's queue, and a caller without a permit is told to retry.
//!
//! A submitter counts as unknown until the signature of an admitted party holds. That is checked
//! first, and nothing is decoded before it, so any submission of an unknown submitter costs only a
//! signature check. After that, parties have their own permits and their share of the pool. People,
//! for whom only the proof counts, have other permits.

use std::sync::Arc;

use merits_ledger::{
    Authentic, Blob, CheckError, IdentityRefusal, Job, OfferRefusal, OpeningRefusal, Refusal,
    ScaleRefusal, Sender, Submission, TicketRefusal, UnpreparedKey, Unverified, VerifiedProof,
    rows::RowKey,
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId, sha256},
};
use merits_proto::{BareProof, Fault, Reason, VerifySubject, entry_bytes};
use merits_serve::Peer;
use merits_verifier::{
    codec::Canonical as _,
    entry::SignedEntry,
    groth16::{KeyDigest, PreparedKey, Proof},
    log::LogSigner,
    receipt::Receipt,
    refusal::RefusalNotice,
    signature::PublicKey,
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore, mpsc, mpsc::error::TrySendError, oneshot, watch,
};
use tonic::Code;

use crate::{
    archive::{Archive, StoredLeaf},
    faults::{RETRY, database, full, lost, out_of_step},
    holding::{Holding, Kept},
    keys::Keys,
    lookups::Lookups,
    notes::Notes,
    published::Published,
    receipts,
    sequencer::{NotPlaced, Placed, Ready},
    timekeeper::Timekeeper,
    verify_pool::{Answer, BareInputs, Class, Laned, VerifyPool},
    writing::Writing,
};

/// An appended entry.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: EntryId,
    pub(crate) receipt: Receipt,
    pub(crate) already_present: bool,
}

/// What a submission does if there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutPermit {
    /// It is told to retry.
    Busy,
    /// It waits: a stream's sender is slowed down by HTTP/2 flow control.
    Wait,
}

impl WithoutPermit {
    async fn admit(self, permits: &Arc<Semaphore>, kept: &Kept) -> Result<Holding, Fault> {
        let permit = match self {
            Self::Busy => try_permit(permits)?,
            Self::Wait => permit(permits).await?,
        };
        Ok(Holding::new(permit, kept.clone()))
    }
}

/// How often the rows of an entry are read before its submitter is told to retry: groups are
/// appended some tens of times a second, and a read takes a fraction of a millisecond.
const MOST_LOOKS: usize = 16;

/// The result of verifying a proof: success, or why it is refused.
pub(crate) type Judgement = Result<(), Box<Refusal>>;

/// An entry whose statement is decoded.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a submission in work has one, and never many of them together"
)]
enum Examined {
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
        if self.lookups.find(id).await?.is_some() {
            let stored = self.archive.find(&id).await.map_err(database)?;
            return self.present(id, stored.ok_or_else(Fault::internal)?).await;
        }
        // Check this before any expensive work: nothing may be appended now, and nothing may be
        // checked at a wrong time.
        let now = self.time.now().map_err(out_of_step)?;
        self.writing.check().map_err(|_| Fault::cannot_write())?;
        let refuse = |refusal: Box<Refusal>| self.refuse(Some(id), &bytes, &refusal);
        let (sender, signed) = self.sender(signed, door).await?.map_err(refuse)?;
        // A party's entry comes over the party's own connection, by its key and standing now. What
        // people make comes over anybody's.
        if let Sender::Party(_) = &sender {
            let keys = self.keys_of(&signed.party, now);
            peer.is(&self.origin, &signed.party, &keys, now)?;
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
            return Err(Fault::malformed("blob", why));
        }
        let holding = without_permit.admit(permits, &kept).await?;
        let examined = self.examine(class, signed, blob, signer, &holding).await?;
        let (authentic, verified) = match examined.map_err(refuse)? {
            Examined::Authentic(authentic) => (authentic, None),
            Examined::ToProve(unverified, job) => {
                if class == Class::Others {
                    let unused = self.check_unused(unverified.submission()).await?;
                    unused.map_err(refuse)?;
                }
                let proven = self.prove(class, unverified, job, &holding).await?;
                let (verified, authentic) = proven.map_err(refuse)?;
                (authentic, Some(verified))
            }
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
            Err(NotPlaced::Refused(refusal)) => Err(refuse(refusal)),
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

    /// Verifies a proof as for a submission, and changes nothing.
    pub(crate) async fn judge(
        &self,
        subject: VerifySubject,
        holding: Holding,
    ) -> Result<Judgement, Fault> {
        match subject {
            VerifySubject::Proof(proof) => self.judge_bare(proof, &holding).await,
            VerifySubject::Entry(bytes) => {
                let signed = match SignedEntry::from_bytes(&bytes) {
                    Ok(signed) => signed,
                    Err(error) => return Ok(Err(Box::new(error.into()))),
                };
                let examined = self.examine(Class::Others, signed, None, None, &holding);
                let examined = examined.await?;
                let (unverified, job) = match examined {
                    Ok(Examined::ToProve(unverified, job)) => (unverified, job),
                    Ok(Examined::Authentic(_)) => {
                        return Err(Fault::malformed(
                            "subject.entry",
                            "has a kind without a proof: there is nothing to verify",
                        ));
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let proven = self.prove(Class::Others, unverified, job, &holding).await?;
                Ok(proven.map(|_| ()))
            }
        }
    }

    async fn judge_bare(&self, bare: BareProof, holding: &Holding) -> Result<Judgement, Fault> {
        // Three points to decompress.
        let held = holding.clone();
        let read = move || {
            let _held = held;
            Proof::from_bytes(&bare.proof).map_err(Refusal::from)
        };
        let read = self.pool.run(Class::Others, read).map_err(full)?;
        let proof = match read.await.map_err(lost)? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(Err(Box::new(refusal))),
        };
        let key = match self.key(Class::Others, &bare.key, holding).await? {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer: Answer<BareInputs> = self
            .pool
            .verify(
                Class::Others,
                &key,
                (BareInputs(bare.inputs), proof, ()),
                holding.clone(),
            )
            .map_err(full)?
            .await
            .map_err(lost)?;
        Ok(answer.map(|_| ()))
    }

    /// The sender of an entry. This checks at most one signature and decodes nothing.
    async fn sender(
        &self,
        signed: SignedEntry,
        door: Holding,
    ) -> Result<Result<(Sender, SignedEntry), Box<Refusal>>, Fault> {
        let published = Arc::clone(&self.published);
        let look = move || -> Result<_, Box<Refusal>> {
            let _door = door;
            let sender = published.read().state.sender(&signed)?;
            Ok((sender, signed))
        };
        self.pool
            .run(Class::Door, look)
            .map_err(full)?
            .await
            .map_err(lost)
    }

    /// The keys that sign for a party now.
    fn keys_of(&self, party: &PartyId, now: Timestamp) -> Vec<PublicKey> {
        let published = self.published.read();
        let known = published.state.parties().get(party);
        known.map_or_else(Vec::new, |known| known.keys(now).collect())
    }

    /// Decodes an entry, and determines what its signatures and its proof must show. Signatures of
    /// an entry without a proof are checked at once. `signer` is the key under which the party's
    /// signature holds.
    async fn examine(
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
        match self.check_rows(examined.submission(), wanted).await? {
            Ok(()) => Ok(Ok(examined)),
            Err(CheckError::Refused(refusal)) => Ok(Err(Box::new(refusal))),
            Err(CheckError::Rows(error)) => {
                tracing::error!(%error, "the state cannot be read");
                Err(Fault::internal())
            }
        }
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
    async fn check_unused(&self, submission: &Submission) -> Result<Judgement, Fault> {
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

    /// A key of the ledger, prepared.
    async fn key(
        &self,
        class: Class,
        digest: &KeyDigest,
        holding: &Holding,
    ) -> Result<Result<Arc<PreparedKey>, Box<Refusal>>, Fault> {
        let find = || {
            let unprepared = UnpreparedKey::of(&self.published.read().state, digest)?;
            Ok(move || unprepared.prepare())
        };
        self.keys
            .get(&self.pool, class, digest, holding, find)
            .await
    }

    /// Verifies signatures and proof of an entry, together with others of its proof system.
    async fn prove(
        &self,
        class: Class,
        unverified: Unverified,
        job: Job,
        holding: &Holding,
    ) -> Result<Result<(VerifiedProof, Authentic), Box<Refusal>>, Fault> {
        match job {
            Job::Groth16(job) => {
                let key = match self.key(class, &job.key, holding).await? {
                    Ok(key) => key,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let question = (job.statement, job.proof, unverified);
                self.answer(class, &key, question, holding).await
            }
            Job::Schnorr(job) => {
                let question = (job.statement, job.proof, unverified);
                self.answer(class, &(), question, holding).await
            }
        }
    }

    async fn answer<S>(
        &self,
        class: Class,
        key: &S::Key,
        question: (S, S::Proof, Unverified),
        holding: &Holding,
    ) -> Result<Result<(VerifiedProof, Authentic), Box<Refusal>>, Fault>
    where
        S: Laned<Beside = Unverified, Done = Authentic>,
        VerifiedProof: From<S::Verified>,
    {
        let answer: Answer<S> = self
            .pool
            .verify(class, key, question, holding.clone())
            .map_err(full)?
            .await
            .map_err(lost)?;
        Ok(answer.map(|(verified, authentic)| (verified.into(), authentic)))
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

    async fn present(&self, id: EntryId, stored: StoredLeaf) -> Result<Accepted, Fault> {
        let receipt = self.receipt(stored).await?;
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
        | Refusal::BlobQuota { .. }
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
