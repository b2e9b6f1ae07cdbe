//! The offline kit of a copy's ledger.

use std::path::{Path, PathBuf};

use merits_kit::KitError;
use merits_ledger::{Blob, entry::Kind};
use merits_verifier::receipt::Receipt;
use thiserror::Error;

use super::{Replica, ReplicaError};

/// Why a kit cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteKitError {
    /// The copy cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The kit cannot be written.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// There is nothing to write.
    #[error("the copy of the log in {} is empty: bring it up to date first", .0.display())]
    Empty(PathBuf),
}

impl Replica {
    /// Writes the data that third parties need to verify receipts of this ledger offline
    /// ([`merits_kit`]). Returns the number of receipts in it. It reads the copy leaf by leaf.
    ///
    /// # Errors
    /// [`WriteKitError`].
    pub fn write_kit(&self, directory: &Path) -> Result<usize, WriteKitError> {
        if self.size() == 0 {
            return Err(WriteKitError::Empty(self.directory().to_owned()));
        }
        let receipts = self
            .leaves()
            .filter_map(|leaf| self.governing(leaf).transpose());
        merits_kit::write(self.key(), self.state()?.policy(), receipts, directory)
    }

    /// The receipt of a leaf's entry and the blobs that it names, if it governs others.
    fn governing(
        &self,
        leaf: Result<(u64, merits_verifier::entry::Leaf), ReplicaError>,
    ) -> Result<Option<(Receipt, Vec<Blob>)>, WriteKitError> {
        let (index, leaf) = leaf?;
        match Kind::of(leaf.entry.kind) {
            Some(kind) if !kind.governs => Ok(None),
            Some(_) => match self.receipt(&leaf.entry.id())? {
                None => Ok(None),
                Some(receipt) => {
                    let blobs = self.blobs_of(&receipt.leaf)?;
                    Ok(Some((receipt, blobs)))
                }
            },
            // The copy was verified, so this is the program's fault or an older program.
            None => Err(KitError::Unknown { index }.into()),
        }
    }
}
