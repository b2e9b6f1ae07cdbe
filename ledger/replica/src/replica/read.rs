//! Queries of a replica's leaves.

use merits_ledger::{
    UniqueSet,
    tree::{inclusion_nodes, inclusion_proof},
};
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::{codec::Canonical as _, entry::Leaf, log::Checkpoint, receipt::Receipt};

use super::{PAGE_BYTES, Replica, ReplicaError};

impl Replica {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The newest checkpoint, verified.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.newest.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// The leaf at an index.
    ///
    /// # Errors
    /// [`ReplicaError`] if the copy cannot be read.
    pub fn leaf(&self, index: u64) -> Result<Option<Leaf>, ReplicaError> {
        match self.leaf_bytes(index)? {
            None => Ok(None),
            Some(bytes) => self.decoded(&bytes).map(Some),
        }
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> Leaves<'_> {
        self.leaves_from(0)
    }

    /// The leaves from an index on, in order. Few of them are in memory at a time.
    pub fn leaves_from(&self, index: u64) -> Leaves<'_> {
        Leaves {
            replica: self,
            next: index,
            page: Vec::new().into_iter(),
        }
    }

    /// The index of an entry.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn find(&self, id: &EntryId) -> Result<Option<u64>, ReplicaError> {
        let found = self.archive.find(id)?;
        // What is in the database and not shown yet is not answered.
        Ok(found.filter(|index| *index < self.size()))
    }

    /// Up to `limit` entries from an id on, in the order of ids. The index of ids answers, so no leaf is read.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn ids_from(&self, from: &EntryId, limit: usize) -> Result<Vec<EntryId>, ReplicaError> {
        let mut shown = Vec::new();
        let mut from = *from;
        loop {
            let page = self.archive.ids_from(&from, limit)?;
            let (full, last) = (page.len() == limit, page.last().map(|(id, _)| *id));
            // What is in the database and not shown yet is not answered.
            let in_sight = page.into_iter().filter(|(_, index)| *index < self.size());
            shown.extend(in_sight.map(|(id, _)| id));
            shown.truncate(limit);
            let next = last.and_then(|id| id.next());
            match next {
                Some(next) if full && shown.len() < limit => from = next,
                _ => return Ok(shown),
            }
        }
    }

    /// The leaf that used a value that may occur only once.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, ReplicaError> {
        let leaf = self.archive.rows().used(set, value)?;
        Ok(leaf.filter(|leaf| *leaf < self.size()))
    }

    fn leaf_bytes(&self, index: u64) -> Result<Option<Vec<u8>>, ReplicaError> {
        let until = self.size().min(index.saturating_add(1));
        let leaf = self.archive.leaves(index, until, 0)?.into_iter().next();
        // A gap in the copy must not count as absent.
        if leaf.is_none() && index < self.size() {
            return Err(ReplicaError::Altered(self.directory.clone()));
        }
        Ok(leaf)
    }

    fn decoded(&self, leaf: &[u8]) -> Result<Leaf, ReplicaError> {
        // Each was decoded when it was verified.
        Leaf::from_bytes(leaf).map_err(|_| ReplicaError::Altered(self.directory.clone()))
    }

    /// The time of the newest leaf.
    pub fn newest_time(&self) -> Option<Timestamp> {
        (self.size() > 0).then(|| self.state.time())
    }

    /// The leaf of an entry.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn entry(&self, id: &EntryId) -> Result<Option<Leaf>, ReplicaError> {
        match self.find(id)? {
            None => Ok(None),
            Some(index) => self.leaf(index),
        }
    }

    /// The receipt of an entry under the newest checkpoint, made from the copy alone.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn receipt(&self, id: &EntryId) -> Result<Option<Receipt>, ReplicaError> {
        let (Some(index), Some((checkpoint, signed))) = (self.find(id)?, &self.newest) else {
            return Ok(None);
        };
        let Some(leaf) = self.leaf_bytes(index)? else {
            return Ok(None);
        };
        let wanted = inclusion_nodes(index, checkpoint.size);
        let nodes = self.archive.nodes(&wanted)?;
        let proof = inclusion_proof(&nodes, index, checkpoint.size);
        Ok(Some(Receipt {
            leaf,
            index,
            proof: proof.map_err(|_| ReplicaError::Altered(self.directory.clone()))?,
            checkpoint: signed.clone(),
        }))
    }
}

/// Leaves of a copy, in order.
#[derive(Debug)]
pub struct Leaves<'r> {
    replica: &'r Replica,
    next: u64,
    page: std::vec::IntoIter<Vec<u8>>,
}

impl Leaves<'_> {
    /// An error is returned once, as the last item.
    fn ended_by(&mut self, error: ReplicaError) -> Option<<Self as Iterator>::Item> {
        self.next = u64::MAX;
        Some(Err(error))
    }
}

impl Iterator for Leaves<'_> {
    type Item = Result<(u64, Leaf), ReplicaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 {
            let (archive, size) = (&self.replica.archive, self.replica.size());
            if self.next >= size {
                return None;
            }
            match archive.leaves(self.next, size, PAGE_BYTES) {
                // A caller that counts leaves must not take a hole for the end.
                Ok(page) if page.is_empty() => {
                    let directory = self.replica.directory.clone();
                    return self.ended_by(ReplicaError::Altered(directory));
                }
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return self.ended_by(error.into()),
            }
        }
        let bytes = self.page.next()?;
        let index = self.next;
        self.next += 1;
        Some(self.replica.decoded(&bytes).map(|leaf| (index, leaf)))
    }
}
