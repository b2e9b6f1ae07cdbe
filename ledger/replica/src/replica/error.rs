//! Why a replica refuses to continue.

use std::path::PathBuf;

use merits_ledger::{CommitError, FactDiffers, Refusal, ReplayError, rows::RowError};
use merits_verifier::log::{CheckpointError, CosignatureError};
use thiserror::Error;

use crate::{archive::ArchiveError, mark::MarkError};

/// Why a replica refuses to continue.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The files.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The checkpoint is invalid, or the log did not sign it.
    #[error("the log's checkpoint is refused: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Too few witnesses cosigned the checkpoint, or one of their lines does not hold.
    #[error("the log's checkpoint is not believed: {0}")]
    Cosignatures(CosignatureError),
    /// The log signed two histories. Both checkpoints are stored as evidence.
    #[error(
        "THE LOG WAS REWRITTEN: it signed a tree of {old} leaves, and now one of {new} leaves that does not continue it. Trust nothing from it; show {evidence} to the other parties and the supervisors"
    )]
    Rewritten {
        /// Leaves of the tree that was verified before.
        old: u64,
        /// Leaves of the tree that does not continue it.
        new: u64,
        /// File with both checkpoints.
        evidence: PathBuf,
    },
    /// A proof that the log's new tree continues the old one does not hold. Both checkpoints are kept.
    #[error(
        "the coordinator could not show that its tree of {new} leaves continues the one of {old} that was verified: \
         the log was rewritten, or somebody between here and the coordinator altered the proof. Nothing was taken. \
         Try again over another connection; if it stays so, show {} to the other parties and the supervisors",
        evidence.display()
    )]
    NotShown {
        /// Leaves of the tree that was verified before.
        old: u64,
        /// Leaves of the tree that was not shown to continue it.
        new: u64,
        /// File with both checkpoints.
        evidence: PathBuf,
    },
    /// The coordinator sends an older checkpoint than before.
    #[error(
        "the coordinator answers with {found} leaves after it signed {seen}: it lost data or serves an old copy; ask its operator to run fsck"
    )]
    WentBack {
        /// Leaves of the newest checkpoint that was verified.
        seen: u64,
        /// Leaves of the present one.
        found: u64,
    },
    /// The received leaves do not have the root that the log signed.
    #[error(
        "the {count} leaves sent do not have the root that the log signed: the coordinator is at fault"
    )]
    WrongLeaves {
        /// Leaves, all of the tree.
        count: u64,
    },
    /// The log accepted an entry that its rules refuse.
    #[error("the log holds an entry that the ledger's rules refuse: {0}")]
    Invalid(#[from] ReplayError),
    /// The blobs that came with a leaf are not those that it names.
    #[error(
        "the blobs that came with leaf {index} are not those that it names ({fault}): they were withheld or altered \
         on their way from the coordinator, which says nothing about the log. Nothing was taken; synchronise again, \
         over another connection if it stays so"
    )]
    Blobs {
        /// The leaf.
        index: u64,
        /// What is missing or too much.
        fault: Box<Refusal>,
    },
    /// The replica's own leaves, their ids or the nodes of their tree do not fit together, or not its checkpoint.
    #[error(
        "the replica's own leaves, their ids and their tree do not fit together or not its checkpoint: its files were \
         altered; move {0} away and sync again"
    )]
    Altered(PathBuf),
    /// The copy was made under other founding facts than the configuration says.
    #[error(
        "the copy of the log in {directory} was made for a ledger of other founding facts than the configuration says: {}. If the configuration is right, delete that directory; the copy is fetched and verified again",
        facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherFacts {
        /// The directory of the copy.
        directory: PathBuf,
        /// The facts that differ.
        facts: Vec<FactDiffers>,
    },
    /// The high-water mark cannot be used.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The copy is older than what was already verified.
    #[error(
        "this copy of the log holds {found} entries, and its high-water mark {mark} says that {verified} were verified: the copy came back older; nothing is answered from it until it is synchronised again"
    )]
    Behind {
        /// Entries of the copy.
        found: u64,
        /// Entries that were verified before.
        verified: u64,
        /// The mark's file.
        mark: PathBuf,
    },
    /// Newer leaves could not be written to the files.
    #[error(
        "the newest leaves of the log could not be written to {} or to its high-water mark, so nothing is \
         answered from this copy: make room if the disk is full, or bring the folder back, and synchronise \
         again",
        directory.display()
    )]
    Unwritten {
        /// The directory of the copy.
        directory: PathBuf,
    },
    /// The stored state does not follow from the copy's leaves.
    #[error(
        "the stored state in {0} is not what the copy's leaves make: its files were altered; move it away and sync again"
    )]
    StateAltered(PathBuf),
    /// The stored state.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// A bug: effects and state disagree.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A bug: the thread that verified panicked.
    #[error(
        "the verification of the log's leaves stopped, which is this program's fault: start it again"
    )]
    Interrupted,
}

#[cfg(feature = "net")]
impl ReplicaError {
    /// Whether another process has the copy or its mark open now.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(
            self,
            Self::Archive(ArchiveError::InUse { .. }) | Self::Mark(MarkError::InUse { .. })
        )
    }
}

impl ReplicaError {
    /// A checkpoint that the log did not sign is the log's fault, not the witnesses'.
    pub(super) fn of_cosignatures(error: CosignatureError) -> Self {
        match error {
            CosignatureError::Checkpoint(error) => Self::Checkpoint(error),
            error => Self::Cosignatures(error),
        }
    }
}
