//! The verification of proofs, with others of their kind, in the pool.

// A new job must say how it is verified.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

use std::sync::Arc;

use merits_ledger::{
    Authentic, Job, Refusal, TotalStatement, UndecodedJob, UnpreparedKey, Unverified,
    VerifiedProof, entry::Kind,
};
use merits_proto::{BareProof, Fault, VerifySubject};
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    groth16::{KeyDigest, PreparedKey, Proof},
};

use super::{Intake, Judgement, examining::Examined};
use crate::{
    faults::{database, full, lost},
    holding::Holding,
    verify_pool::{Answer, BareInputs, Class, Queued},
};

impl Intake {
    /// Verifies a proof as for a submission, and changes nothing. An entry that is in the log was verified when it was
    /// appended, by the keys, scales and epochs of that time: with exactly its bytes, its place is the answer.
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
                // Nothing of a kind without a proof is decoded: anybody may ask, and keys cost much to read.
                if Kind::of(signed.kind).is_some_and(|kind| kind.system.is_none()) {
                    return Err(nothing_to_verify());
                }
                if self.has_exactly(&signed).await? {
                    return Ok(Ok(()));
                }
                let examined = self.examine(Class::Others, signed, None, None, &holding);
                let examined = examined.await?;
                let (unverified, job) = match examined {
                    Ok(Examined::ToProve(unverified, job)) => (unverified, job),
                    Ok(Examined::Authentic(_) | Examined::ToOpen(..)) => {
                        return Err(nothing_to_verify());
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let proven = self.prove(Class::Others, unverified, job, &holding).await?;
                Ok(proven.map(|_| ()))
            }
        }
    }

    /// Whether the log has this entry, with this proof and this signature. Its id says nothing about these two.
    async fn has_exactly(&self, signed: &SignedEntry) -> Result<bool, Fault> {
        let id = signed.id();
        if self.lookups.find(id).await?.is_none() {
            return Ok(false);
        }
        let stored = self.archive.find(&id).await.map_err(database)?;
        let leaf = stored.map(|stored| Leaf::from_bytes(&stored.leaf));
        match leaf {
            Some(Ok(leaf)) => Ok(leaf.entry == *signed),
            // The index has it, so this is a damage.
            None | Some(Err(_)) => {
                tracing::error!(%id, "the leaf of an entry cannot be read");
                Err(Fault::internal())
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
    pub(super) async fn prove(
        &self,
        class: Class,
        unverified: Unverified,
        job: UndecodedJob,
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
            // Only [`Examined::ToOpen`] has one.
            Job::Total(_) => Ok(Err(Box::new(Refusal::NotVerified))),
        }
    }

    /// Verifies the partials and the sum of an opened total.
    pub(super) async fn open(
        &self,
        class: Class,
        authentic: Authentic,
        statement: TotalStatement,
        holding: &Holding,
    ) -> Result<Result<(VerifiedProof, Authentic), Box<Refusal>>, Fault> {
        let question = (statement, (), authentic);
        self.answer(class, &(), question, holding).await
    }

    async fn answer<S>(
        &self,
        class: Class,
        key: &S::Key,
        question: (S, S::Proof, S::Beside),
        holding: &Holding,
    ) -> Result<Result<(VerifiedProof, Authentic), Box<Refusal>>, Fault>
    where
        S: Queued<Done = Authentic>,
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
}

fn nothing_to_verify() -> Fault {
    let why = "has a kind without a proof: there is nothing to verify";
    Fault::malformed("subject.entry", why)
}
