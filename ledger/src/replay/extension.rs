//! A follower's stored state, which grows by the leaves of its log.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use merits_primitives::calendar::Timestamp;
use merits_verifier::log::{Hash, leaf_hash};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use thiserror::Error;

use super::verify::{self, Proven, Unread};
use super::{GROUP, ReplayError, ReplayFault, require_sealed, require_state};
use crate::blob::Blob;
use crate::keys::Groth16Keys;
use crate::known_proofs::KnownProofs;
use crate::refusal::{CheckError, Refusal};
use crate::rows::{RowError, StateDigest};
use crate::state::{CommitError, Effects, Governing};
use crate::storage::{Finished, Pending, PendingError, StorageGroup, StoredLeaf};
use crate::store::Conflict;
use crate::tree::{Frontier, Node};

/// Leaves that are being added to a store, within one group. Nothing is visible before the group is
/// committed. It needs memory for two groups of 512 leaves, for any number of leaves.
///
/// A faulty leaf does not stop it. Only when all leaves have arrived does their root show whether
/// the log has that leaf or the sender invented it. Nothing is stored after a fault, and the group
/// must then be dropped.
#[derive(Debug)]
pub struct Extension {
    governing: Governing,
    /// The governing state that other threads use to check signatures and proofs.
    judging: Option<Arc<Governing>>,
    frontier: Frontier,
    keys: Groth16Keys,
    /// Proofs that this process has verified already.
    known: KnownProofs,
    digest: StateDigest,
    /// Leaves that are not verified yet.
    waiting: Vec<Unread>,
    /// The index of the first of them.
    first_waiting: u64,
    /// Leaves that are verified but not yet checked by the rules.
    proven: Vec<Proven>,
    /// Nodes of the tree that are not in the store yet.
    nodes: Vec<(Node, Hash)>,
    newest_time: Option<Timestamp>,
    /// Whether the newest leaf that came holds a digest of the state.
    is_sealed: bool,
    fault: Option<ReplayError>,
}

/// The contents of a store after the group is committed.
#[derive(Debug)]
pub struct Extended {
    /// The governing state.
    pub governing: Governing,
    /// The tree of all leaves.
    pub frontier: Frontier,
    /// The sum over all rows and used values.
    pub digest: StateDigest,
}

/// Why leaves cannot be added. The store or the program is to blame, not the log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExtensionError<E: std::error::Error> {
    /// The store failed.
    #[error("{0}")]
    Store(E),
    /// The state could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// A bug: effects and state disagree.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A bug: the thread that verified panicked.
    #[error("the verification of leaves stopped, which is this program's fault: start it again")]
    Interrupted,
}

impl<E: std::error::Error> From<PendingError<E>> for ExtensionError<E> {
    fn from(error: PendingError<E>) -> Self {
        match error {
            PendingError::Rows(error) => Self::Rows(error),
            PendingError::Store(error) => Self::Store(error),
        }
    }
}

impl Extension {
    /// From a stored state: the governing state, the tree of its leaves and its digest.
    pub fn new(
        governing: Governing,
        frontier: Frontier,
        digest: StateDigest,
        keys: Groth16Keys,
    ) -> Self {
        Self {
            first_waiting: governing.size(),
            governing,
            judging: None,
            frontier,
            keys,
            known: KnownProofs::default(),
            digest,
            waiting: Vec::new(),
            proven: Vec::new(),
            nodes: Vec::new(),
            newest_time: None,
            // The stored leaves end under a checkpoint that was accepted.
            is_sealed: true,
            fault: None,
        }
    }

    /// The same, which does not verify these proofs again.
    #[must_use]
    pub fn knowing(self, known: KnownProofs) -> Self {
        Self { known, ..self }
    }

    /// The tree of all leaves that were added.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Time of the newest leaf that was pushed.
    pub fn newest_time(&self) -> Option<Timestamp> {
        self.newest_time
    }

    /// Takes the next leaf, which names no blobs: as [`Extension::push_with`].
    ///
    /// # Errors
    /// [`ExtensionError`]. The value must not be used after an error.
    pub async fn push<G: StorageGroup>(
        &mut self,
        group: &mut G,
        bytes: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(), ExtensionError<G::Error>> {
        self.push_with(group, bytes, Vec::new(), rng).await
    }

    /// Takes the next leaf with the blobs that it names ([`crate::named_blobs::named_by`]), which go into the store
    /// with it. If the leaf completes a group, this blocks the thread until the earlier leaves are in the store, so do
    /// not call it on an async runtime's own threads. `rng` blinds the batches of proofs.
    ///
    /// # Errors
    /// [`ExtensionError`]. The value must not be used after an error.
    pub async fn push_with<G: StorageGroup>(
        &mut self,
        group: &mut G,
        bytes: &[u8],
        blobs: Vec<Blob>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ExtensionError<G::Error>> {
        let index = self.frontier.size();
        self.nodes.extend(self.frontier.push(leaf_hash(bytes)));
        if self.fault.is_some() {
            // Only the root matters now.
            self.nodes.clear();
            return Ok(());
        }
        let unread = match Unread::read(bytes, blobs) {
            Ok(unread) => unread,
            Err(error) => {
                // An earlier leaf may be at fault too, and then that one must be named.
                self.end(group, rng).await?;
                self.fail(index, error.into());
                return Ok(());
            }
        };
        self.newest_time = Some(unread.time());
        self.is_sealed = unread.is_sealed();
        // An entry that does not govern changes nothing that signatures or other entries'
        // statements depend on, so runs of such entries are verified together.
        let governs = unread.governs();
        if governs || self.waiting.len() == GROUP {
            self.advance(group, rng).await?;
        }
        if self.waiting.is_empty() {
            self.first_waiting = index;
        }
        self.waiting.push(unread);
        if governs {
            self.advance(group, rng).await?;
        }
        Ok(())
    }

    /// Verifies and stores the leaves that still wait.
    ///
    /// # Errors
    /// Those of [`Extension::push`].
    pub async fn end<G: StorageGroup>(
        &mut self,
        group: &mut G,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ExtensionError<G::Error>> {
        self.advance(group, rng).await?;
        let proven = std::mem::take(&mut self.proven);
        self.store(group, proven).await
    }

    /// The contents of the store, after [`Extension::end`] and the commit of the group. The leaves must be all of
    /// those under a checkpoint.
    ///
    /// # Errors
    /// [`ReplayError`] names the first leaf at fault, which is the last one if it lacks a digest of the state; the
    /// group must then be dropped.
    pub fn finish(self) -> Result<Extended, ReplayError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        require_sealed(self.frontier.size(), self.is_sealed)?;
        Ok(Extended {
            governing: self.governing,
            frontier: self.frontier,
            digest: self.digest,
        })
    }

    /// Verifies the leaves that wait, on other threads, while this one stores those that were verified before.
    async fn advance<G: StorageGroup>(
        &mut self,
        group: &mut G,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ExtensionError<G::Error>> {
        let proven = std::mem::take(&mut self.proven);
        let waiting = std::mem::take(&mut self.waiting);
        if self.fault.is_some() {
            return Ok(());
        }
        // The governing state changes for the leaves that wait, so store the earlier ones first. A
        // leaf that governs always waits alone, and a thread is not worth a copy of the governing
        // state.
        let is_alone = waiting.iter().any(Unread::governs);
        let (before, beside) = match is_alone || proven.iter().any(Proven::governs) {
            true => (proven, Vec::new()),
            false => (Vec::new(), proven),
        };
        self.store(group, before).await?;
        if self.fault.is_some() {
            return Ok(());
        }
        if waiting.is_empty() {
            return self.store(group, beside).await;
        }
        let verified = if is_alone {
            let first = self.first_waiting;
            verify::verify(
                &self.governing,
                (&self.keys, &self.known),
                waiting,
                first,
                rng,
            )
        } else {
            let verifying = self.start_to_verify(waiting, rng);
            self.store(group, beside).await?;
            let verified = verifying.join();
            verified.map_err(|_| ExtensionError::Interrupted)?
        };
        let (proven, fault) = verified;
        let Some(fault) = fault else {
            self.proven = proven;
            return Ok(());
        };
        // The rules may refuse an earlier leaf, and then that leaf is the first at fault.
        self.store(group, proven).await?;
        self.fault.get_or_insert(fault);
        Ok(())
    }

    fn start_to_verify(
        &mut self,
        waiting: Vec<Unread>,
        rng: &mut impl CryptoRng,
    ) -> JoinHandle<(Vec<Proven>, Option<ReplayError>)> {
        let judging = self
            .judging
            .get_or_insert_with(|| Arc::new(self.governing.clone()));
        let (governing, first) = (Arc::clone(judging), self.first_waiting);
        let (keys, known) = (self.keys.clone(), self.known.clone());
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        thread::spawn(move || {
            let mut rng = ChaCha20Rng::from_seed(seed);
            verify::verify(&governing, (&keys, &known), waiting, first, &mut rng)
        })
    }

    /// Checks leaves by the rules, one after the other, and stores their changes.
    async fn store<G: StorageGroup>(
        &mut self,
        group: &mut G,
        proven: Vec<Proven>,
    ) -> Result<(), ExtensionError<G::Error>> {
        if proven.is_empty() || self.fault.is_some() {
            return Ok(());
        }
        if proven.iter().any(Proven::governs) {
            // Do this before anything changes: tables that are not shared are not copied.
            self.judging = None;
        }
        let mut pending = Pending::new();
        let submissions = proven.iter().map(|leaf| leaf.authentic.submission());
        // One query for all of them; an entry rarely changes what a later one reads.
        pending
            .read(group, &self.governing, submissions.clone())
            .await?;
        pending.hash_ahead(&self.governing, submissions);
        let mut effects: Vec<Effects> = Vec::with_capacity(proven.len());
        let mut refused = None;
        for leaf in &proven {
            let (authentic, verified) = (&leaf.authentic, leaf.verified.as_ref());
            let submission = [authentic.submission()];
            pending.read(group, &self.governing, submission).await?;
            let view = pending.view();
            let checked = match verified {
                Some(_) => Ok(None),
                None => self.governing.verify_by_rows(authentic.submission(), view),
            };
            let checked = checked.and_then(|by_rows| {
                let verified = verified.or(by_rows.as_ref());
                self.governing.check(authentic, leaf.time, verified, view)
            });
            let changed = match checked {
                Ok(changed) => changed,
                Err(CheckError::Rows(error)) => return Err(error.into()),
                Err(CheckError::Refused(refusal)) => {
                    refused = Some((self.governing.size(), refusal.into()));
                    break;
                }
            };
            pending.take(&changed);
            self.governing.commit(&changed)?;
            effects.push(changed);
        }
        let states = effects.iter().zip(&proven);
        let sealed: Vec<u64> = states
            .filter_map(|(effects, leaf)| leaf.state.map(|_| effects.index()))
            .collect();
        let finished = pending.finish(group, &self.digest, &sealed).await;
        let Finished {
            rows,
            digest,
            before,
        } = finished.map_err(ExtensionError::Store)?;
        if let Some((index, fault)) = self.seal(&mut effects, &proven, before) {
            // Whether it, or one before it, uses a value again is still to be found out.
            effects.retain(|effects| effects.index() <= index);
            refused = Some((index, fault));
        }
        let leaves: Vec<StoredLeaf<'_>> = effects.iter().map(StoredLeaf::of).collect();
        let appended = group.append_all(&leaves).await;
        if let Err((position, Conflict(unique))) = appended.map_err(ExtensionError::Store)? {
            let index = leaves.get(position).map_or(0, |leaf| leaf.index);
            let (set, claim) = (unique.set, unique.claim);
            self.fail(index, Refusal::AlreadyUsed { set, claim }.into());
            return Ok(());
        }
        if let Some((index, fault)) = refused {
            self.fail(index, fault);
            return Ok(());
        }
        self.digest = digest;
        let nodes = std::mem::take(&mut self.nodes);
        let put = group.put(nodes, rows).await;
        put.map_err(ExtensionError::Store)
    }

    /// Writes into the effects of leaves the digests of the state that the leaves hold. Gives the first wrong one.
    /// `sums` are those before the leaves that hold one.
    fn seal(
        &self,
        effects: &mut [Effects],
        leaves: &[Proven],
        sums: Vec<(u64, StateDigest)>,
    ) -> Option<(u64, ReplayFault)> {
        let sealed = effects.iter_mut().zip(leaves);
        let sealed = sealed.filter_map(|(effects, leaf)| Some((effects, leaf.state?)));
        for ((effects, found), (index, sum)) in sealed.zip(sums) {
            if let Err(fault) = require_state(self.governing.state_digest(&sum), found) {
                return Some((index, fault));
            }
            effects.seal(&found);
        }
        None
    }

    fn fail(&mut self, index: u64, fault: ReplayFault) {
        self.fault.get_or_insert(ReplayError { index, fault });
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use ed25519_dalek::SigningKey;
    use merits_primitives::ids::Origin;
    use merits_verifier::{codec::Canonical as _, groth16::KeyPolicy, log::LogSigner};

    use super::*;
    use crate::board_facts::BoardFacts;
    use crate::entry::{Act, ActProposed, Entry, PartyAdmitted, ProposalTerms};
    use crate::policy::{AnchorInterval, LedgerPolicy};
    use crate::role::{Role, Roles};
    use crate::sequencer::Sequencer;
    use crate::state::State;
    use crate::storage::{MemoryStorage, Storage as _};
    use crate::store::MemoryStore;

    /// Runs a future that never waits.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("memory never waits"),
        }
    }

    /// Regression: the governing state was copied for each entry that governs, so following many of
    /// them took quadratic time.
    #[test]
    fn an_entry_that_governs_copies_nothing() {
        let origin = Origin::new("ledger.test/extension").expect("a name");
        let key = |number| SigningKey::from_bytes(&[number; 32]);
        let admit = |number, role| {
            let (name, roles) = (format!("party-{number}"), Roles::new(&[role]));
            PartyAdmitted::apply(&origin, &name, roles, &key(number), [number; 32])
        };
        let founding = admit(1, Role::Supervisor);
        let authority = founding.party(&origin);
        let policy = LedgerPolicy {
            origin: origin.clone(),
            authority,
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 20,
            tickets: false,
            anchor_interval: AnchorInterval::SECOND,
            board: BoardFacts::alone(),
        };
        let signer = LogSigner::new(origin.clone(), key(2));
        let mut log = Sequencer::new(State::new(policy.clone()), MemoryStore::new(), signer);
        let sponsors = (10..20).map(|number| admit(number, Role::Sponsor));
        let terms = ProposalTerms::AT_ONCE;
        let sponsors = sponsors.map(Act::PartyAdmitted);
        let sponsors = sponsors.map(|act| Entry::ActProposed(ActProposed { act, terms }));
        let founding = Entry::PartyAdmitted(founding);
        for entry in [founding].into_iter().chain(sponsors) {
            let entry = entry.sign(&origin, authority, None, &key(1));
            log.submit(&entry.to_bytes(), Timestamp::from_millis(1_000))
                .expect("allowed");
        }

        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let mut storage = MemoryStorage::new();
        let (governing, keys) = (Governing::new(policy), Groth16Keys::new());
        let digest = StateDigest::default();
        let mut extension = Extension::new(governing, Frontier::new(), digest, keys);
        ready(async {
            let mut group = storage.begin().await.expect("begins");
            for leaf in log.store().leaves() {
                let pushed = extension.push(&mut group, leaf, rng).await;
                pushed.expect("memory holds it");
                assert!(extension.judging.is_none());
            }
            extension.end(&mut group, rng).await.expect("ends");
        });
        let extended = extension.finish().expect("a good log");
        assert_eq!(extended.governing.size(), 11);
    }
}
