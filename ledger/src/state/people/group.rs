//! The group of registered people, read from its rows.

use merits_primitives::{
    group::{self as tree, GroupPath, GroupRoot},
    identity::IdentityLeaf,
};

use super::node_key;
use super::records::{GroupHead, Node};
use crate::rows::{self, RowError, Rows, Table};

/// The tree whose root statements prove against. Its nodes are read on demand.
#[derive(Debug, Clone, Copy)]
pub struct GroupTree<'s> {
    pub(super) head: GroupHead,
    pub(super) rows: &'s dyn Rows,
}

impl GroupTree<'_> {
    /// Leaves, retired ones counted.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The root; `None` of an empty group.
    pub fn root(&self) -> Option<GroupRoot> {
        self.head.root
    }

    /// The path of a leaf under the present root; `None` where there is no such leaf.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn path(&self, index: u64) -> Result<Option<GroupPath>, RowError> {
        if index >= self.size() {
            return Ok(None);
        }
        let path = tree::path(self.size(), index, |place| {
            let node = rows::get(self.rows, &node_key(place))?;
            let missing = RowError::Missing {
                table: Table::GroupNode,
            };
            node.map(|Node(node)| node).ok_or(missing)
        });
        path.map(Some)
    }

    /// All leaves, in the order of registration.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn leaves(&self) -> Result<Vec<IdentityLeaf>, RowError> {
        let mut leaves = Vec::new();
        rows::scan(self.rows, &[0], |_, Node(leaf)| {
            leaves.push(IdentityLeaf(leaf));
            true
        })?;
        Ok(leaves)
    }
}
