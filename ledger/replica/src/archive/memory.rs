//! A copy in memory: it is gone with its process, and needs no disk.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use merits_ledger::{
    BlobDigest,
    rows::{MemoryRows, Rows},
    storage::{
        Commit, Head, MemoryStorage, Storage as _, StorageGroup as _, StorageReader as _, wait,
    },
    tree::{Frontier, Node},
};
use merits_primitives::ids::EntryId;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Hash, leaf_hash},
};

use super::{Archive, ArchiveError, Group};

/// The copy, and evidence that was kept.
#[derive(Debug, Default)]
pub(crate) struct MemoryArchive {
    storage: MemoryStorage,
    evidence: Mutex<BTreeMap<String, String>>,
}

/// Memory answers at once, and never fails.
fn now<T>(answer: impl Future<Output = Result<T, Infallible>>) -> T {
    match wait(answer) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Archive for MemoryArchive {
    fn rows(&self) -> Arc<dyn Rows> {
        Arc::new(self.storage.clone())
    }

    fn find(&self, id: &EntryId) -> Result<Option<u64>, ArchiveError> {
        Ok(now(self.storage.find(id)))
    }

    fn ids_from(&self, from: &EntryId, limit: usize) -> Result<Vec<(EntryId, u64)>, ArchiveError> {
        Ok(now(self.storage.ids_from(from, limit)))
    }

    fn leaves(&self, from: u64, until: u64, bytes: usize) -> Result<Vec<Vec<u8>>, ArchiveError> {
        Ok(now(self.storage.leaves(from, until, bytes)))
    }

    fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, ArchiveError> {
        Ok(now(self.storage.nodes(wanted)))
    }

    fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, ArchiveError> {
        Ok(now(self.storage.blob(digest)))
    }

    fn require_in_place(&self) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn begin(&mut self) -> Result<Group, ArchiveError> {
        Ok(Group::Memory(now(self.storage.begin())))
    }

    fn commit(&mut self, group: Group, head: Head) -> Result<(), ArchiveError> {
        // With the feature `sqlite` there are others.
        #[allow(
            irrefutable_let_patterns,
            reason = "without the feature there is one kind of group"
        )]
        let Group::Memory(group) = group else {
            return Err(ArchiveError::OtherCopy);
        };
        let (nodes, rows) = (Vec::new(), Vec::new());
        now(group.commit(Commit { head, nodes, rows }));
        Ok(())
    }

    fn show_checkpoint(&self, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn same_tree(&self) -> Result<bool, ArchiveError> {
        let mut frontier = Frontier::new();
        loop {
            let page = now(self.storage.leaves(frontier.size(), u64::MAX, PAGE_BYTES));
            if page.is_empty() {
                return Ok(true);
            }
            for leaf in page {
                let index = frontier.size();
                let nodes = frontier.push(leaf_hash(&leaf));
                let wanted: Vec<Node> = nodes.iter().map(|(node, _)| *node).collect();
                let stored = now(self.storage.nodes(&wanted));
                let id = Leaf::from_bytes(&leaf).map(|leaf| leaf.entry.id());
                let found = id.ok().and_then(|id| now(self.storage.find(&id)));
                if stored != nodes.into_iter().collect() || found != Some(index) {
                    return Ok(false);
                }
            }
        }
    }

    fn same_used(&self, rows: Option<&MemoryRows>) -> Result<bool, ArchiveError> {
        Ok(rows.is_some_and(|rows| self.storage.has_used(rows)))
    }

    fn keep(&self, name: &str, text: &str) -> Result<PathBuf, ArchiveError> {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        evidence.insert(name.to_owned(), text.to_owned());
        Ok(PathBuf::from(name))
    }

    fn kept(&self, name: &str) -> Option<String> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        evidence.get(name).cloned()
    }
}

/// Bytes of leaves that are looked at together.
const PAGE_BYTES: usize = 512 * 1_024;
