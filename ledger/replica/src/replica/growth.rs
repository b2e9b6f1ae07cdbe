//! Leaves that are being added to a replica.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use merits_ledger::{
    Blob, Extended, Extension, ExtensionError, State, named_blobs,
    storage::{Head, wait},
    tree::{Frontier, Node, consistency_nodes, consistency_proof},
};
use merits_primitives::calendar::Timestamp;
use merits_verifier::log::{Checkpoint, Hash, PrefixProof, SignedCheckpoint, leaf_hash};
use rand_core::CryptoRng;

use super::{Replica, ReplicaError, note};
use crate::{
    archive::{ArchiveError, Group},
    mark::HighWaterMark,
};

/// A checkpoint to which a replica can be updated: signed by the log, and not older than the verified one.
#[derive(Debug, Clone)]
pub struct Update {
    from: u64,
    pub(super) target: Checkpoint,
    pub(super) signed: SignedCheckpoint,
    /// When the demanded witnesses cosigned it; `None` if none are demanded.
    pub(super) as_of: Option<Timestamp>,
}

impl Update {
    /// The first leaf that is missing.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// One after the last leaf.
    pub fn until(&self) -> u64 {
        self.target.size
    }

    /// The root that the log signed.
    pub fn root(&self) -> Hash {
        self.target.root
    }

    /// True when no leaf is missing.
    pub fn is_complete(&self) -> bool {
        self.from >= self.until()
    }
}

/// An update in progress. Leaves are verified and written as they arrive, inside one transaction,
/// so that it needs memory for only a few pages, for any number of leaves. Nothing of it is visible
/// before [`Replica::accept`], and dropping it undoes it.
#[derive(Debug)]
pub struct Growth {
    update: Update,
    group: Group,
    extension: Extension,
    /// The high-water mark, if it lies in the new part: its size, and its required root.
    mark: Option<(u64, Hash)>,
    /// The root that the new leaves give at the mark.
    at_mark: Option<Hash>,
    /// What shows that root to others, if the mark lies in the new part.
    proof: Option<ProofOfMark>,
    lost: Arc<AtomicU64>,
}

/// The nodes of the new tree that prove what it has as its first leaves, up to the mark: a few dozen
/// hashes, kept as they pass.
#[derive(Debug)]
struct ProofOfMark {
    frontier: Frontier,
    wanted: HashSet<Node>,
    found: HashMap<Node, Hash>,
}

impl ProofOfMark {
    fn push(&mut self, leaf: &[u8]) {
        for (node, hash) in self.frontier.push(leaf_hash(leaf)) {
            if self.wanted.contains(&node) {
                self.found.insert(node, hash);
            }
        }
    }

    /// The proof that a tree of `size` leaves begins with one of `mark` leaves and this root.
    fn prove(&self, mark: u64, root: Hash, size: u64) -> Option<PrefixProof> {
        let proof = consistency_proof(&self.found, mark, size).ok()?;
        (mark < size).then_some(PrefixProof { root, proof })
    }
}

impl Growth {
    /// The next leaf that is missing.
    pub fn next(&self) -> u64 {
        self.extension.frontier().size()
    }

    /// The time of the newest leaf that came.
    pub fn newest_time(&self) -> Option<Timestamp> {
        self.extension.newest_time()
    }

    /// Adds the next leaves until the update is complete; further ones are ignored. It blocks its
    /// thread and uses all cores.
    ///
    /// # Errors
    /// [`ReplicaError::Archive`] when they cannot be written; [`ReplicaError::Blobs`] for a leaf that names blobs
    /// ([`Growth::push_with`]). Whether the log may have these leaves is only decided at the end.
    pub fn push(
        &mut self,
        leaves: impl IntoIterator<Item = Vec<u8>>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReplicaError> {
        for leaf in leaves {
            self.push_with(leaf, Vec::new(), rng)?;
        }
        Ok(())
    }

    /// As [`Growth::push`], of one leaf with the blobs that it names.
    ///
    /// # Errors
    /// [`ReplicaError::Blobs`] when they are others, before the leaf is taken: the update can go on with the right
    /// ones. The rest as of [`Growth::push`].
    pub fn push_with(
        &mut self,
        leaf: Vec<u8>,
        blobs: Vec<Blob>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReplicaError> {
        if self.next() >= self.update.until() {
            return Ok(());
        }
        named_blobs::check(&leaf, &blobs).map_err(|fault| ReplicaError::Blobs {
            index: self.next(),
            fault: Box::new(fault),
        })?;
        if let Some(proof) = &mut self.proof {
            proof.push(&leaf);
        }
        let group = &mut self.group;
        let pushed = wait(self.extension.push_with(group, &leaf, blobs, rng));
        pushed.map_err(|error| self.fault(error))?;
        if let Some((size, _)) = self.mark
            && self.next() == size
        {
            self.at_mark = Some(self.extension.frontier().root());
        }
        Ok(())
    }

    /// Verifies and writes the leaves that still wait, so that [`Replica::accept`] need not wait
    /// for them.
    ///
    /// # Errors
    /// As of [`Growth::push`].
    pub fn end(&mut self, rng: &mut impl CryptoRng) -> Result<(), ReplicaError> {
        let ended = wait(self.extension.end(&mut self.group, rng));
        ended.map_err(|error| self.fault(error))
    }

    fn fault(&self, error: ExtensionError<ArchiveError>) -> ReplicaError {
        match error {
            ExtensionError::Store(error) => {
                // Callers must not mistake the older tree for the newest.
                self.lost.fetch_max(self.update.until(), Ordering::Relaxed);
                error.into()
            }
            ExtensionError::Rows(error) => error.into(),
            ExtensionError::Commit(error) => error.into(),
            _ => ReplicaError::Interrupted,
        }
    }
}

/// Data that is in the database but not in all other files.
#[derive(Debug)]
pub(super) struct Unshown {
    extended: Extended,
    target: Checkpoint,
    signed: SignedCheckpoint,
    as_of: Option<Timestamp>,
}

impl Replica {
    /// Checks a checkpoint from the coordinator.
    ///
    /// # Errors
    /// [`ReplicaError`]: not signed by the log, not cosigned as the copy demands, older than one seen, or another tree of the same
    /// size; something is unwritten ([`Replica::settle`] comes first).
    pub fn update(&self, checkpoint: &str) -> Result<Update, ReplicaError> {
        self.require_written()?;
        let signed = SignedCheckpoint::parse(checkpoint)?;
        let (target, as_of) = match &self.policy {
            None => (signed.verify(&self.key)?, None),
            Some(policy) => {
                let cosigned = signed.verify_cosigned(&self.key, policy);
                let cosigned = cosigned.map_err(ReplicaError::of_cosignatures)?;
                (cosigned.checkpoint().clone(), Some(cosigned.as_of()))
            }
        };
        let verified = self.verified();
        if target.size < verified {
            return Err(ReplicaError::WentBack {
                seen: verified,
                found: target.size,
            });
        }
        if target.size == self.size() && target.root != self.frontier.root() {
            return Err(self.convicted(&target, &signed)?);
        }
        if target.size == self.size()
            && let Some(as_of) = as_of
        {
            // The same tree, which they cosigned again.
            self.cosigned
                .fetch_max(as_of.as_millis(), Ordering::Relaxed);
        }
        Ok(Update {
            from: self.size(),
            target,
            signed,
            as_of,
        })
    }

    /// Begins an update. There is one at a time.
    ///
    /// # Errors
    /// [`ReplicaError::WrongLeaves`] when the replica has grown since [`Replica::update`];
    /// [`ReplicaError::Archive`]; something is unwritten ([`Replica::settle`] comes first).
    pub fn begin(&mut self, update: Update) -> Result<Growth, ReplicaError> {
        self.require_written()?;
        if update.from != self.size() {
            let count = update.until();
            return Err(ReplicaError::WrongLeaves { count });
        }
        let marked = self.mark.as_ref().and_then(HighWaterMark::newest);
        let mark = marked
            .filter(|mark| mark.size > update.from)
            .map(|mark| (mark.size, mark.root));
        let proof = match mark {
            None => None,
            Some((size, _)) => {
                let wanted = consistency_nodes(size, update.until());
                Some(ProofOfMark {
                    frontier: self.frontier.clone(),
                    // Those of leaves that the copy has already.
                    found: self.archive.nodes(&wanted)?,
                    wanted: wanted.into_iter().collect(),
                })
            }
        };
        let group = self.archive.begin().inspect_err(|_| self.lose(&update))?;
        let extension = Extension::new(
            self.state.governing().clone(),
            self.frontier.clone(),
            self.digest.clone(),
            self.keys.clone(),
        )
        .knowing(self.known.clone());
        Ok(Growth {
            group,
            extension,
            mark,
            at_mark: None,
            proof,
            lost: Arc::clone(&self.lost),
            update,
        })
    }

    /// Accepts a complete update: writes it to the files and to the high-water mark, and only then
    /// makes it visible.
    ///
    /// # Errors
    /// [`ReplicaError::WrongLeaves`] when the leaves are not those that the log signed, or some are missing;
    /// [`ReplicaError::Rewritten`]; [`ReplicaError::Invalid`] when the log has a leaf that its rules refuse.
    /// The replica is then as it was. After [`ReplicaError::Archive`] or [`ReplicaError::Mark`] it answers
    /// nothing until it is settled ([`Replica::settle`]) and synchronised again.
    pub fn accept(
        &mut self,
        mut growth: Growth,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReplicaError> {
        self.require_written()?;
        growth.end(rng)?;
        let Growth {
            update,
            group,
            extension,
            mark,
            at_mark,
            proof,
            ..
        } = growth;
        let Update {
            from,
            target,
            signed,
            as_of,
        } = update.clone();
        let frontier = extension.frontier();
        if from != self.size() || frontier.size() != target.size {
            return Err(ReplicaError::WrongLeaves {
                count: frontier.size(),
            });
        }
        if frontier.root() != target.root {
            // The new leaves follow the verified old ones. If the root differs, either these leaves
            // are not the log's, or the log no longer has the old ones. The caller requests a
            // consistency proof to decide which; without one, nobody is convicted.
            return Err(ReplicaError::WrongLeaves { count: target.size });
        }
        if let (Some((size, root)), Some(at_mark)) = (mark, at_mark)
            && root != at_mark
        {
            let old = note(self.mark.as_ref().and_then(HighWaterMark::signed));
            let new = signed.to_string();
            let prefix = proof.and_then(|proof| proof.prove(size, at_mark, target.size));
            return Err(self.rewritten_with(size, &old, target.size, &new, prefix)?);
        }
        let extended = extension.finish()?;
        let head = Head {
            size: target.size,
            root: target.root,
            checkpoint: signed.to_string(),
            digest: extended.digest.clone(),
        };
        self.archive
            .commit(group, head)
            .inspect_err(|_| self.lose(&update))?;
        self.unshown = Some(Unshown {
            extended,
            target,
            signed,
            as_of,
        });
        self.settle()
    }

    /// Like [`Replica::begin`] and [`Replica::accept`], for leaves that are all available and name no blobs.
    ///
    /// # Errors
    /// As of both.
    pub fn finish(
        &mut self,
        update: Update,
        leaves: impl IntoIterator<Item = Vec<u8>>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReplicaError> {
        let leaves = leaves.into_iter().map(|leaf| (leaf, Vec::new()));
        self.finish_with(update, leaves, rng)
    }

    /// As [`Replica::finish`], of leaves with the blobs that each names.
    ///
    /// # Errors
    /// As of [`Replica::finish`]; [`ReplicaError::Blobs`] when they are others.
    pub fn finish_with(
        &mut self,
        update: Update,
        leaves: impl IntoIterator<Item = (Vec<u8>, Vec<Blob>)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReplicaError> {
        self.settle()?;
        let mut growth = self.begin(update)?;
        for (leaf, blobs) in leaves {
            growth.push_with(leaf, blobs, rng)?;
        }
        self.accept(growth, rng)
    }

    /// Writes data that is in the database but could not be written to the other files, if there is
    /// any.
    ///
    /// # Errors
    /// [`ReplicaError::Archive`] or [`ReplicaError::Mark`]; the call can be repeated.
    pub fn settle(&mut self) -> Result<(), ReplicaError> {
        let Some(unshown) = &self.unshown else {
            return Ok(());
        };
        let (target, signed) = (&unshown.target, &unshown.signed);
        self.archive.require_in_place()?;
        self.archive.show_checkpoint(&signed.to_string())?;
        if let Some(mark) = &mut self.mark {
            mark.raise(target, signed)?;
        }
        if let Some(Unshown {
            extended,
            target,
            signed,
            as_of,
        }) = self.unshown.take()
        {
            *self.cosigned.get_mut() = as_of.map_or(0, Timestamp::as_millis);
            self.state = State::stored(extended.governing, self.archive.rows());
            self.digest = extended.digest;
            self.frontier = extended.frontier;
            self.newest = Some((target, signed));
        }
        Ok(())
    }

    /// True until the checkpoint and mark files match the database ([`Replica::settle`]).
    pub fn is_unsettled(&self) -> bool {
        self.unshown.is_some()
    }

    fn lose(&self, update: &Update) {
        self.lost.fetch_max(update.until(), Ordering::Relaxed);
    }
}
