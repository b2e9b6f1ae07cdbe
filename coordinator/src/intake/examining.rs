//! What is asked about an entry before its proof is verified, the cheapest first.

// A new job must say how it is examined.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

use std::sync::Arc;

use merits_ledger::{
    Authentic, Blob, CheckError, Governing, Job, Refusal, Sender, Submission, TotalStatement,
    UndecodedJob, Unverified,
    rows::{RowError, View},
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

/// How often the rows of an entry are read before its submitter is told to retry. Groups are appended some tens of
/// times a second, and a read of one or two rows takes a fraction of a millisecond. For an opened total, which may
/// read 1,600 rows, only another total of the same batches makes another look necessary.
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
    ToProve(Unverified, UndecodedJob),
    /// An opened total: its signatures hold, and its partials and its sum are to be verified.
    ToOpen(Authentic, TotalStatement),
}

impl Intake {
    /// The sender of an entry at `now`, who may send what costs much to read. This checks at most one signature, and
    /// decodes nothing but a founder's application.
    pub(super) async fn sender(
        &self,
        signed: SignedEntry,
        now: Timestamp,
        door: Holding,
    ) -> Result<Result<(Sender, SignedEntry), Box<Refusal>>, Fault> {
        let published = Arc::clone(&self.published);
        let look = move || -> Result<_, Box<Refusal>> {
            let _door = door;
            let state = &published.read().state;
            let sender = state.sender(&signed, now)?;
            state.check_before_key(&signed, now)?;
            Ok((sender, signed))
        };
        self.pool
            .run(Class::Door, look)
            .map_err(full)?
            .await
            .map_err(lost)
    }

    /// The keys that sign for a party now. `signer` is the key under which its signature held: that of a founder that
    /// is not admitted yet, whose application comes over its own connection as well.
    pub(super) fn keys_of(
        &self,
        party: &PartyId,
        signer: PublicKey,
        now: Timestamp,
    ) -> Vec<PublicKey> {
        let published = self.published.read();
        let known = published.state.parties().get(party);
        known.map_or_else(|| vec![signer], |known| known.keys(now).collect())
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
            let submission = Submission::undecoded(signed, &origin)?.with_blobs(blobs)?;
            let (unverified, job) = {
                let state = &published.read().state;
                let unverified = state.signatures(submission, signer)?;
                // This copies claims and computes hashes.
                let job = state.undecoded_question(unverified.submission());
                (unverified, job)
            };
            match job {
                Ok(None) => Ok(Examined::Authentic(unverified.verify()?)),
                Ok(Some(job)) => Ok(Examined::ToProve(unverified, job)),
                // A party that may not send it gets that error first.
                Err(refusal) => {
                    unverified.verify()?;
                    Err(refusal.into())
                }
            }
        };
        let decoded = self.pool.run(class, decode).map_err(full)?;
        let examined = match decoded.await.map_err(lost)? {
            Ok(examined) => examined,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match examined {
            Examined::Authentic(authentic) => self.examine_total(class, authentic, holding).await,
            Examined::ToProve(unverified, job) => {
                let submission = unverified.submission();
                // One or two comparisons.
                let check = |state: &Governing, rows| state.check_before_proof(submission, &rows);
                let checked = self.with_rows(submission, check).await?;
                Ok(checked.map(|()| Examined::ToProve(unverified, job)))
            }
            opened @ Examined::ToOpen(..) => Ok(Ok(opened)),
        }
    }

    /// Determines what the partials and the sum of an opened total must show. Its signatures hold. Nothing is done for
    /// the other kinds without a proof.
    ///
    /// The log may grow while its rows are read: batches and the keys of epochs never change, and the rules compare
    /// the statement again. Batches only go away, when a total covers them, and then this looks again.
    async fn examine_total(
        &self,
        class: Class,
        mut authentic: Authentic,
        holding: &Holding,
    ) -> Result<Result<Examined, Box<Refusal>>, Fault> {
        let mut looks = Looks::default();
        loop {
            let Some(rows) = self.rows(authentic.submission()).await? else {
                return Ok(Ok(Examined::Authentic(authentic)));
            };
            // A copy shares its tables: the rows of many batches are decoded and judged without a lock.
            let state = self.published.read().state.clone();
            let held = holding.clone();
            let ask = move || {
                let _held = held;
                let job = state.job(authentic.submission(), &rows);
                (authentic, job)
            };
            let asked = self.pool.run(class, ask).map_err(full)?;
            let (asked, job) = asked.await.map_err(lost)?;
            if let Some(job) = looks.judged(job)? {
                return Ok(job.map(|job| match job {
                    Some(Job::Total(statement)) => Examined::ToOpen(asked, statement),
                    // The other jobs were found before the rows were read.
                    Some(Job::Groth16(_) | Job::Schnorr(_)) | None => Examined::Authentic(asked),
                }));
            }
            authentic = asked;
        }
    }

    /// Whether a party has blobs left today, judged by its row. The rules count them again.
    pub(super) async fn check_before_blobs(
        &self,
        party: &PartyId,
        now: Timestamp,
    ) -> Result<Judgement, Fault> {
        let wanted = vec![self.published.read().state.blob_reads(party)];
        let mut rows = View::new();
        let learnt = self.archive.learn(&mut rows, wanted).await;
        learnt.map_err(database)?;
        let checked = self
            .published
            .read()
            .state
            .check_before_blobs(party, now, &rows);
        judged(checked)
    }

    /// Reads the rows that tell what the proof of an entry must show, and calls `check` with them and the governing
    /// state that they belong to, which is locked meanwhile. Entries that need no rows pass, which are nearly all.
    async fn with_rows(
        &self,
        submission: &Submission,
        check: impl Fn(&Governing, View) -> Result<(), CheckError>,
    ) -> Result<Judgement, Fault> {
        let mut looks = Looks::default();
        loop {
            let before = self.published.read().state.size();
            let Some(rows) = self.rows(submission).await? else {
                return Ok(Ok(()));
            };
            let checked = {
                let published = self.published.read();
                // Rows may be newer than the governing state, but never older: a root that was
                // superseded in between would be in neither.
                (published.state.size() == before).then(|| check(&published.state, rows))
            };
            match checked {
                None => looks.again()?,
                Some(checked) => {
                    if let Some(judgement) = looks.judged(checked)? {
                        return Ok(judgement);
                    }
                }
            }
        }
    }

    /// The rows that tell what the proof of an entry must show, if there are any.
    async fn rows(&self, submission: &Submission) -> Result<Option<View>, Fault> {
        let mut view = View::new();
        loop {
            let reads = self.published.read().state.job_reads(submission, &view);
            let reads = reads.map_err(|error| unreadable(&error))?;
            if reads.is_empty() {
                return Ok(None);
            }
            let wanted = view.missing(reads);
            if wanted.is_empty() {
                return Ok(Some(view));
            }
            let learnt = self.archive.learn(&mut view, wanted).await;
            learnt.map_err(database)?;
        }
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
        let claim = None;
        Ok(Err(Box::new(Refusal::AlreadyUsed { set, claim })))
    }
}

/// How often the rows of one entry were read.
#[derive(Debug, Default)]
struct Looks(usize);

impl Looks {
    /// What a check by rows says, or `None` to look again: a row that others name was removed between two reads.
    fn judged<T>(
        &mut self,
        checked: Result<T, CheckError>,
    ) -> Result<Option<Result<T, Box<Refusal>>>, Fault> {
        match checked {
            // A row that stays away is a damage, which is the coordinator's fault.
            Err(CheckError::Rows(RowError::Missing { .. })) if self.again().is_ok() => Ok(None),
            checked => judged(checked).map(Some),
        }
    }

    /// Counts another look, or tells the submitter to retry.
    fn again(&mut self) -> Result<(), Fault> {
        self.0 += 1;
        if self.0 < MOST_LOOKS {
            Ok(())
        } else {
            Err(Fault::busy(RETRY))
        }
    }
}

/// What a check by rows says; rows that cannot be read are the coordinator's fault.
fn judged<T>(checked: Result<T, CheckError>) -> Result<Result<T, Box<Refusal>>, Fault> {
    match checked {
        Ok(value) => Ok(Ok(value)),
        Err(CheckError::Refused(refusal)) => Ok(Err(Box::new(refusal))),
        Err(CheckError::Rows(error)) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &RowError) -> Fault {
    tracing::error!(%error, "the state cannot be read");
    Fault::internal()
}
