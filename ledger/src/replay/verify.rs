//! The CPU-intensive part of a replay, which does not depend on the order of leaves: decoding,
//! signatures, proofs. Each core verifies its share of a group together.

use std::{collections::BTreeMap, num::NonZero, sync::Arc, thread};

use merits_primitives::calendar::Timestamp;
use merits_verifier::{
    Verified,
    codec::{Canonical as _, CodecError},
    entry::{Leaf, SignedEntry},
    groth16::PreparedKey,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _};

use super::{ReplayError, ReplayFault};
use crate::blob::Blob;
use crate::entry::Kind;
use crate::keys::Groth16Keys;
use crate::known_proofs::KnownProofs;
use crate::proven::{Groth16Job, Job, SchnorrJob, VerifiedProof};
use crate::refusal::Refusal;
use crate::signatures::{Unverified, verify_together};
use crate::state::Governing;
use crate::submission::{Authentic, Submission};

/// A leaf that is not checked yet.
#[derive(Debug)]
pub(super) struct Unread {
    time: Timestamp,
    state: Option<[u8; 32]>,
    signed: SignedEntry,
    blobs: Vec<Blob>,
}

/// A leaf whose signatures and proof hold. The rules have not checked it yet.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) time: Timestamp,
    /// The digest that it holds of the state before it.
    pub(super) state: Option<[u8; 32]>,
    pub(super) authentic: Authentic,
    pub(super) verified: Option<VerifiedProof>,
}

impl Unread {
    /// Reads the envelope. `blobs` are the blobs that came with the leaf.
    ///
    /// # Errors
    /// [`CodecError`].
    pub(super) fn read(bytes: &[u8], blobs: Vec<Blob>) -> Result<Self, CodecError> {
        let Leaf { time, state, entry } = Leaf::from_bytes(bytes)?;
        Ok(Self {
            time,
            state,
            signed: entry,
            blobs,
        })
    }

    /// The leaf's time.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether it holds a digest of the state.
    pub(super) fn is_sealed(&self) -> bool {
        self.state.is_some()
    }

    /// Whether later leaves depend on it. An unknown kind is refused, and then no leaf follows.
    pub(super) fn governs(&self) -> bool {
        Kind::of(self.signed.kind).is_none_or(|kind| kind.governs)
    }
}

impl Proven {
    /// Whether later leaves depend on it.
    pub(super) fn governs(&self) -> bool {
        self.authentic.submission().entry().governs()
    }
}

/// Verifies leaves, of which the first is number `first` of the log. Proofs that are `known` are not verified again.
/// All are checked against the present governing state, so only the last may change it. Returns the leaves before the
/// first faulty one, which the rules have not checked yet, and that fault.
pub(super) fn verify(
    governing: &Governing,
    (keys, known): (&Groth16Keys, &KnownProofs),
    unread: Vec<Unread>,
    first: u64,
    rng: &mut impl CryptoRng,
) -> (Vec<Proven>, Option<ReplayError>) {
    let authenticate = |share: Vec<Unread>| authenticated(governing, share);
    let mut leaves = Vec::with_capacity(unread.len());
    let mut jobs = Jobs::default();
    // The first fault so far. Keys and shares are not processed in the order of the leaves.
    let mut fault: Option<(usize, Refusal)> = None;
    let read = in_shares(unread, authenticate);
    for (position, leaf) in read.into_iter().enumerate() {
        let (leaf, job) = match leaf {
            Ok(read) => read,
            Err(refusal) => {
                fault = Some((position, refusal));
                break;
            }
        };
        leaves.push(leaf);
        let Some(job) = job else { continue };
        let verified = match &job {
            Job::Groth16(job) => known.take(job),
            Job::Schnorr(_) | Job::Total(_) => None,
        };
        match (verified, leaves.get_mut(position)) {
            (Some(verified), Some(leaf)) => leaf.verified = Some(verified.into()),
            (Some(_) | None, _) => jobs.push(position, job),
        }
    }
    let mut refuse = |position, refusal| {
        if fault.as_ref().is_none_or(|(first, _)| position < *first) {
            fault = Some((position, refusal));
        }
    };
    for (position, answer) in jobs.verify(governing, keys, rng) {
        match answer {
            Ok(answer) => {
                if let Some(leaf) = leaves.get_mut(position) {
                    leaf.verified = Some(answer);
                }
            }
            Err(refusal) => refuse(position, refusal),
        }
    }
    let fault = fault.map(|(position, refusal)| {
        leaves.truncate(position);
        ReplayError {
            index: first + position as u64,
            fault: ReplayFault::Refused(refusal),
        }
    });
    (leaves, fault)
}

/// Decodes statements, checks their signatures together, and determines the statements of the proofs.
fn authenticated(
    governing: &Governing,
    share: Vec<Unread>,
) -> Vec<Result<(Proven, Option<Job>), Refusal>> {
    let mut places = Vec::with_capacity(share.len());
    let mut unverified = Vec::with_capacity(share.len());
    let mut entries = Vec::with_capacity(share.len());
    let mut rest = Vec::with_capacity(share.len());
    for Unread {
        time,
        state,
        signed,
        blobs,
    } in share
    {
        let checked = governing.check_before_key(&signed, time);
        entries.push(checked.map(|()| signed));
        rest.push((time, state, blobs));
    }
    let submissions = Submission::all_from_signed(entries, governing.origin());
    for (submission, (time, state, blobs)) in submissions.into_iter().zip(rest) {
        let read = submission
            .and_then(|submission| submission.with_blobs(blobs))
            .and_then(|submission| governing.signatures(submission, None));
        places.push(read.map(|submission: Unverified| {
            unverified.push(submission);
            (time, state)
        }));
    }
    let mut verified = verify_together(unverified).into_iter();
    places
        .into_iter()
        .map(|place| {
            let (time, state) = place?;
            // There is one for each leaf without a refusal.
            let authentic = verified.next().ok_or(Refusal::NotVerified)??;
            let job = governing.question(authentic.submission())?;
            let proven = Proven {
                time,
                state,
                authentic,
                verified: None,
            };
            Ok((proven, job))
        })
        .collect()
}

/// The leaf's position in the group, and the result of its proof.
type Judged = (usize, Result<VerifiedProof, Refusal>);

/// Jobs and the positions of their leaves, in the batches of their proof systems.
#[derive(Debug, Default)]
struct Jobs {
    /// By key.
    groth16: BTreeMap<[u8; 32], Vec<(usize, Groth16Job)>>,
    schnorr: Vec<(usize, SchnorrJob)>,
}

impl Jobs {
    fn push(&mut self, position: usize, job: Job) {
        match job {
            Job::Groth16(job) => {
                let batch = self.groth16.entry(job.key.0).or_default();
                batch.push((position, job));
            }
            Job::Schnorr(job) => self.schnorr.push((position, job)),
            // This question reads no rows: the rules ask it when the earlier leaves are stored.
            Job::Total(_) => {}
        }
    }

    /// The answers come in any order. For a key that is refused, there is only one: the first leaf's refusal.
    fn verify(
        self,
        governing: &Governing,
        keys: &Groth16Keys,
        rng: &mut impl CryptoRng,
    ) -> Vec<Judged> {
        let mut answers = Vec::new();
        for batch in self.groth16.into_values() {
            let Some((position, job)) = batch.first() else {
                continue;
            };
            match keys.get(governing, &job.key) {
                Ok(key) => answers.extend(prove(&key, batch, rng)),
                Err(refusal) => answers.push((*position, Err(refusal))),
            }
        }
        let possessions = |share: Vec<(usize, SchnorrJob)>| {
            let judge = |(position, job): (usize, SchnorrJob)| {
                let answer = job.verify().map(VerifiedProof::from);
                (position, answer.map_err(Refusal::from))
            };
            share.into_iter().map(judge).collect()
        };
        answers.extend(in_shares(self.schnorr, possessions));
        answers
    }
}

/// Verifies Groth16 proofs under one key.
fn prove(
    key: &Arc<PreparedKey>,
    jobs: Vec<(usize, Groth16Job)>,
    rng: &mut impl CryptoRng,
) -> Vec<Judged> {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let work = |share: Vec<(usize, Groth16Job)>| {
        let Some(&(position, _)) = share.first() else {
            return Vec::new();
        };
        // A separate random stream for each share.
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(position as u64);
        let (positions, items): (Vec<usize>, Vec<_>) = share
            .into_iter()
            .map(|(position, job)| (position, (job.statement, job.proof)))
            .unzip();
        let answers = Verified::check_batch(key, items, &mut rng);
        let answers = answers
            .into_iter()
            .map(|answer| answer.map(VerifiedProof::from).map_err(Refusal::from));
        positions.into_iter().zip(answers).collect()
    };
    in_shares(jobs, work)
}

/// Runs `work` on shares of the items, one on each core, and returns the results in the items'
/// order.
fn in_shares<T: Send, R: Send>(items: Vec<T>, work: impl Fn(Vec<T>) -> Vec<R> + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores);
    if cores == 1 || share < LEAST_SHARE {
        return work(items);
    }
    let mut items = items.into_iter();
    let mut shares = Vec::with_capacity(cores);
    while items.len() > 0 {
        shares.push(items.by_ref().take(share).collect::<Vec<T>>());
    }
    let work = &work;
    thread::scope(|scope| {
        let started: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || work(share)))
            .collect();
        started
            .into_iter()
            // A panic in a share is passed on here, as on one thread.
            .flat_map(|share| {
                share
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// With fewer items, one thread is finished before another could start.
const LEAST_SHARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_items_stands_in_their_order() {
        for count in [0, 1, 7, 8, 9, 128] {
            let double = |share: Vec<u32>| share.into_iter().map(|item| item * 2).collect();
            let made = in_shares((0..count).collect(), double);
            assert_eq!(made, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
