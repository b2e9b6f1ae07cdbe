//! Membership: a person's leaf is under the group's root.
//!
//! # One constraint a level, and no position
//!
//! A level is Pos2(left, right) of two free wires with (left − node)·(right − node) = 0: one of the
//! two is the node below, and the other may be anything, as a sibling may. The side does not
//! matter, so there is no bit for it.
//!
//! # Trees of any size
//!
//! A LeanIMT passes a node without sibling up unchanged, and its depth depends on its size. So a path
//! has 0 to 32 hashes. The chain here always has 32 hashes, and the root must be one of its 33
//! nodes: Π (node_i − root) = 0. The hashes above the root have no meaning.
//!
//! # Why only a leaf can be the start
//!
//! Let the chain reach the root after k hashes. A root that the ledger accepted is Pos2 of its two
//! children (or the only leaf), each child is Pos2 of its own children, and so on down to the
//! leaves. Nobody can know more than one preimage of a value of Pos2. So the chain, read from the
//! root, follows real nodes. After k steps it is at a node of the tree, or below a leaf. Its lowest
//! node is P(LEAF; IC, birth). There are four cases:
//!
//! - It is an inner node. Then P(LEAF; ..) = Pos2(..), a collision across tags.
//! - It is below a real leaf. Then that leaf, P(LEAF; ..) or the 0 of a retired person, is a value of
//!   Pos2: a collision across tags, or a preimage of 0.
//! - It is the 0 of a retired person: a preimage of 0 under the tag LEAF.
//! - It is a real leaf. The ledger made it from the IC and birth that it registered, and they are
//!   this person's by collision resistance.

use merits_primitives::{
    Fr,
    group::{GroupPath, GroupRoot, MAX_DEPTH},
    identity::IdentityLeaf,
    poseidon::pos2,
    tags,
};

use crate::{
    builder::{Builder, Lc},
    gadgets::poseidon,
};

/// PERSON-3: leaf = P(LEAF; commitment, birth) is under `root`, through at most 32 hashes.
///
/// `birth` is from + 2^32·gen as the ledger made it; the caller bounds its parts if it reads them.
/// Private inputs: [`path_inputs`].
pub fn member(b: &mut Builder, commitment: &Lc, birth: &Lc, root: &Lc) {
    b.section("member", |b| {
        let leaf = b.section("leaf", |b| {
            poseidon::hash(b, tags::LEAF, &[commitment.clone(), birth.clone()])
        });
        b.section("path", |b| {
            let mut node = leaf;
            let mut missed = &node - root;
            for level in 0..MAX_DEPTH {
                let left = b.input(&format!("path[{level}].left"));
                let right = b.input(&format!("path[{level}].right"));
                b.assert_mul(&(&left - &node), &(&right - &node), &Lc::zero());
                node = poseidon::hash(b, tags::PLAIN, &[left, right]);
                let here = &node - root;
                if level + 1 < MAX_DEPTH {
                    missed = b.mul(&missed, &here);
                } else {
                    b.assert_mul(&missed, &here, &Lc::zero());
                }
            }
        });
    });
}

/// The mirror of [`member`]: whether the root is one of the nodes on a path of the leaf, the leaf
/// itself included, after at most 32 hashes. The root need not be the last node: in a group that has
/// grown since, a leaf's path may pass through an older root, and then the leaf was under that root
/// too.
#[must_use]
pub fn leads_to(path: &GroupPath, leaf: IdentityLeaf, root: GroupRoot) -> bool {
    let mut steps = path.steps.iter().flatten().take(MAX_DEPTH);
    let parents = std::iter::successors(Some(leaf.0), |node| {
        let step = steps.next()?;
        Some(if step.is_right {
            pos2(step.sibling, *node)
        } else {
            pos2(*node, step.sibling)
        })
    });
    parents.into_iter().any(|node| node == root.0)
}

/// Appends the private inputs of [`member`]: left and right child of each level. Above the root
/// a node is hashed with 0. A path of more than 32 hashes is cut; no group has such a path.
pub fn path_inputs(leaf: IdentityLeaf, path: &GroupPath, out: &mut Vec<Fr>) {
    let mut steps = path.steps.iter().flatten();
    let mut node = leaf.0;
    for _ in 0..MAX_DEPTH {
        let [left, right] = match steps.next() {
            Some(step) if step.is_right => [step.sibling, node],
            Some(step) => [node, step.sibling],
            None => [node, Fr::from(0u64)],
        };
        out.extend([left, right]);
        node = pos2(left, right);
    }
}
