//! Hashes and proofs of RFC 6962 (section 2.1), verified by the rules of RFC 9162 (sections 2.1.3.2
//! and 2.1.4.2).

use sha2::{Digest, Sha256};
use thiserror::Error;

/// A node's hash: SHA-256.
pub type Hash = [u8; 32];

/// Most hashes of a proof: a tree has fewer than 2^63 leaves.
pub const MAX_PROOF_HASHES: usize = 126;

/// Why a Merkle proof is refused. The server of the proof is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// The leaf's index is not inside the tree.
    #[error("leaf {index} is not inside a tree of {size} leaves")]
    IndexOutside {
        /// Index of the leaf.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The later tree is smaller than the earlier one: the log was cut.
    #[error("the later tree has {new} leaves, fewer than the earlier one's {old}")]
    Shrunk {
        /// Leaves of the earlier tree.
        old: u64,
        /// Leaves of the later tree.
        new: u64,
    },
    /// The proof has a wrong number of hashes.
    #[error("the proof has a wrong number of hashes ({found})")]
    Length {
        /// Hashes found.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root than the checkpoint's")]
    RootMismatch,
    /// The two trees are not one log: history was rewritten.
    #[error("the earlier tree is not a beginning of the later one: history was rewritten")]
    Inconsistent,
}

/// SHA-256(0x00 ‖ leaf).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Checks that `leaf` (a [`leaf_hash`]) is at `index` in the tree of `size` leaves with this root.
///
/// # Errors
/// [`MerkleError`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), MerkleError> {
    if inclusion_root(leaf, index, size, proof)? == *root {
        Ok(())
    } else {
        Err(MerkleError::RootMismatch)
    }
}

/// The root that an inclusion proof leads to. It is the tree's root if the tree has the leaf at
/// that index.
///
/// # Errors
/// [`MerkleError`] if no proof for this index has this form.
pub fn inclusion_root(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
) -> Result<Hash, MerkleError> {
    if index >= size {
        return Err(MerkleError::IndexOutside { index, size });
    }
    let length = MerkleError::Length { found: proof.len() };
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(length) }
}

/// Checks that the tree of `old_size` leaves and `old_root` is a beginning of the tree of
/// `new_size` leaves and `new_root`.
///
/// # Errors
/// [`MerkleError`].
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), MerkleError> {
    if new_size < old_size {
        return Err(MerkleError::Shrunk {
            old: old_size,
            new: new_size,
        });
    }
    let length = MerkleError::Length { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(length);
        }
        // The empty tree is a beginning of every tree; equal sizes must have equal roots.
        let expected = if old_size == 0 {
            empty_root()
        } else {
            *new_root
        };
        return if *old_root == expected {
            Ok(())
        } else {
            Err(MerkleError::Inconsistent)
        };
    }
    // If the old tree is complete, its root is the first node of the path and is omitted.
    let mut path = proof.iter();
    let first = if old_size.is_power_of_two() {
        old_root
    } else {
        path.next().ok_or(length)?
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if old_hash == *old_root && new_hash == *new_root {
        Ok(())
    } else {
        Err(MerkleError::Inconsistent)
    }
}
