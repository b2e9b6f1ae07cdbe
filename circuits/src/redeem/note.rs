//! Notes inside the circuit: the commitment, the owner, and the path in the tree.

use merits_primitives::{Fr, note_tree, tags};

use crate::{
    builder::{Builder, Lc},
    gadgets::{bits, poseidon},
};

/// Bits of an amount.
pub(super) const VALUE_BITS: usize = 64;

/// The values that both notes and the change share.
pub(super) struct Shared {
    pub(super) secret: Lc,
    pub(super) asset: Lc,
    pub(super) expiry: Lc,
}

/// A note that is spent.
pub(super) struct Spent {
    /// v, below 2^64.
    pub(super) value: Lc,
    /// The root that its path leads to.
    pub(super) root: Lc,
}

/// One spent note: 64 constraints of its value, 1 of its nullifier, three hashes, and its path.
///
/// The order of private inputs here is the order of `NoteWitness::inputs`.
pub(super) fn spent(b: &mut Builder, shared: &Shared, number: usize, nullifier: &Lc) -> Spent {
    let label = |name: &str| format!("note[{number}].{name}");
    // REDEEM-6, for the first note too. Without it a note of another bucket would pass as one of this
    // bucket with 2^64 more: see the spec.
    let value = b.section("value", |b| {
        Lc::from_bits(&bits::input_bits(b, &label("v"), VALUE_BITS))
    });
    let f1 = b.input(&label("f1"));
    let f2 = b.input(&label("f2"));
    // REDEEM-3.
    let key = b.section("owner key", |b| owner_key(b, shared, &f1, &f2));
    let note = b.section("commitment", |b| commitment(b, shared, &value, &key));
    b.section("nullifier", |b| {
        let hash = poseidon::hash(b, tags::NF, &[shared.secret.clone(), note.clone()]);
        b.assert_equal(&hash, nullifier);
    });
    // REDEEM-4, REDEEM-5.
    let root = b.section("path", |b| root(b, &label("path"), &note));
    Spent { value, root }
}

/// K = P(OWN; secret, f1, f2).
pub(super) fn owner_key(b: &mut Builder, shared: &Shared, f1: &Lc, f2: &Lc) -> Lc {
    poseidon::hash(
        b,
        tags::OWN,
        &[shared.secret.clone(), f1.clone(), f2.clone()],
    )
}

/// cm = P(NOTE; v + 2^64·expiry + 2^96·asset, K). The caller has bounded v by 2^64 and the types
/// of the ledger bound the others, so the sum has one reading.
pub(super) fn commitment(b: &mut Builder, shared: &Shared, value: &Lc, key: &Lc) -> Lc {
    let packed =
        value + &shared.expiry * Fr::from(1u128 << 64) + &shared.asset * Fr::from(1u128 << 96);
    poseidon::hash(b, tags::NOTE, &[packed, key.clone()])
}

/// The root above `leaf`: a hash and 3 constraints a level.
///
/// The four children of each node are private inputs, and the node x below must be one of them:
/// Π (c_i − x) = 0. Its position does not matter, so there are no bits for it; they would cost 5.
/// The node's hash, and so the root, fixes the children.
fn root(b: &mut Builder, label: &str, leaf: &Lc) -> Lc {
    let mut below = leaf.clone();
    for level in 0..note_tree::DEPTH {
        let children: [Lc; 4] =
            std::array::from_fn(|child| b.input(&format!("{label}[{level}].child[{child}]")));
        b.section("member", |b| {
            let [c0, c1, c2, c3] = children.each_ref().map(|child| child - &below);
            let first = b.mul(&c0, &c1);
            let second = b.mul(&c2, &c3);
            b.assert_mul(&first, &second, &Lc::zero());
        });
        below = b.section("node", |b| poseidon::hash(b, tags::NODE, &children));
    }
    below
}
