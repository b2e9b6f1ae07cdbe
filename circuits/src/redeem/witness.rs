//! The private side of a redemption, the public side computed from it, and both laid out for the
//! witness program.

use merits_primitives::{
    Fr,
    context::Context,
    field,
    group::{GroupPath, GroupRoot},
    identity::{self, Birth, IdentityCommitment, Secret},
    ids::{AssetId, Credits, Expiry},
    jubjub::Point,
    note::{self, NoteCommitment},
    note_tree::{NotePath, NoteRoot},
    nullifier::{self, SpendNullifier},
    owner::{self, KeyParts},
    poseidon,
    scope::RateScope,
    tags,
    view_encryption::{self, Exponent},
};
use merits_verifier::{Statement as _, statement::redeem::RedeemStatement};
use zeroize::{Zeroize, Zeroizing};

use super::{circuit::INDEX_BITS, note::VALUE_BITS};
use crate::{element, person};

/// A note that is spent. Nobody else sees it.
#[derive(Clone)]
pub struct NoteWitness {
    /// v: its value.
    pub value: Credits,
    /// What its owner key was made of, besides the secret: f1 and f2.
    pub made_of: KeyParts,
    /// Its path to the note root.
    pub path: NotePath,
}

/// The private side of a redemption.
#[derive(Clone)]
pub struct RedeemWitness {
    /// The secret of the person who redeems.
    pub secret: Secret,
    /// The birth in the person's leaf.
    pub birth: Birth,
    /// The path of that leaf to the group root.
    pub group_path: GroupPath,
    /// The notes. The first is in the tree; the second may be [a dummy](NoteWitness::dummy).
    pub notes: [NoteWitness; 2],
    /// idx: which of the redemptions that the rate limit allows this is, from 0.
    pub index: u16,
    /// e: the ephemeral exponent of the sealed identity, never used for anything else.
    pub exponent: Exponent,
}

/// The terms of a redemption: everything that the person does not compute.
#[derive(Clone, Debug)]
pub struct RedeemTerms {
    /// Root of the note tree, at an anchor.
    pub note_root: NoteRoot,
    /// Root of the group of registered people.
    pub group_root: GroupRoot,
    /// The scale's number.
    pub asset: AssetId,
    /// Expiry bucket of both notes and of the change.
    pub expiry: Expiry,
    /// The amount to spend.
    pub amount: Credits,
    /// The change is at least this.
    pub floor: Credits,
    /// The context that the proof is bound to.
    pub context: Context,
    /// Scope of the rate limit.
    pub rate_scope: RateScope,
    /// The limit for each scope and person, 1 to 2^16.
    pub rate_limit: u32,
    /// A: the view key.
    pub view_key: Point,
}

/// Why a redemption has no statement. The wallet's choice is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemFault {
    /// The secret is 0, which belongs to nobody.
    #[error("the secret is 0, which is not an identity: restore the wallet from its seed")]
    NoIdentity,
    /// Less than the price. The error holds no sums, because they are private to the person; the
    /// caller may show them.
    #[error("the two notes are worth less than the amount: choose others, or merge some first")]
    NotEnough,
    /// More change than one note can hold.
    #[error("the change would be 2^64 or more, which no note holds: choose smaller notes")]
    TooMuch,
}

impl std::fmt::Debug for NoteWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoteWitness(..)")
    }
}

impl std::fmt::Debug for RedeemWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedeemWitness(..)")
    }
}

impl Drop for NoteWitness {
    fn drop(&mut self) {
        self.value.0.zeroize();
        self.made_of.zeroize();
        self.path.index.zeroize();
        self.path.siblings.zeroize();
    }
}

impl NoteWitness {
    /// A dummy as the second note: value 0, and a nullifier that occurs nowhere else.
    pub fn dummy(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self {
            value: Credits(0),
            made_of: KeyParts::Earned {
                scope: field::random(rng),
                message: field::random(rng),
            },
            path: NotePath::dummy(),
        }
    }

    /// cm of this note, if it is this person's.
    #[must_use]
    pub fn commitment(&self, secret: &Secret, expiry: Expiry, asset: AssetId) -> NoteCommitment {
        let key = self.made_of.owner_key(secret);
        note::note_commitment(self.value, expiry, asset, &key)
    }

    /// Private inputs in the order of `note::spent`.
    fn inputs(&self, note: NoteCommitment, out: &mut Vec<Fr>) {
        out.extend(number_bits(self.value.0, VALUE_BITS));
        out.extend(self.made_of.elements());
        let mut below = note.0;
        for (level, siblings) in self.path.siblings.iter().enumerate() {
            let place = self.path.place(level);
            let mut children = [below; 4];
            let others = (0..4).filter(|at| *at != place);
            for (at, sibling) in others.zip(siblings) {
                children[at] = *sibling;
            }
            out.extend(children);
            below = poseidon::hash(tags::NODE, &children);
        }
    }
}

impl RedeemWitness {
    /// The public side: nullifiers, change note, rate nullifier and sealed identity.
    /// [`super::check`] checks whether it can be proven.
    ///
    /// # Errors
    /// [`RedeemFault`] when there is no such statement.
    pub fn statement(&self, terms: &RedeemTerms) -> Result<RedeemStatement, RedeemFault> {
        let identity = self.secret.commitment().ok_or(RedeemFault::NoIdentity)?;
        let change = self.change(terms.amount)?;
        let (asset, expiry) = (terms.asset, terms.expiry);
        let [sn1, sn2] = self.nullifiers(expiry, asset);
        let key = owner::change_key(&self.secret, sn1);
        let sealed = view_encryption::seal_identity(&self.exponent, &terms.view_key, sn1, identity);
        Ok(RedeemStatement {
            note_root: terms.note_root,
            group_root: terms.group_root,
            asset,
            expiry,
            amount: terms.amount,
            floor: terms.floor,
            context: terms.context,
            sn1,
            sn2,
            cm_out: note::note_commitment(change, expiry, asset, &key),
            rate_scope: terms.rate_scope,
            rate_limit: terms.rate_limit,
            rn: nullifier::rate_nullifier(&self.secret, terms.rate_scope, self.index),
            a: terms.view_key,
            ey: sealed.ey,
            c_id: sealed.c_id,
        })
    }

    /// v_out: the change.
    ///
    /// # Errors
    /// [`RedeemFault::NotEnough`] and [`RedeemFault::TooMuch`].
    pub fn change(&self, amount: Credits) -> Result<Credits, RedeemFault> {
        let [first, second] = &self.notes;
        let held = u128::from(first.value.0) + u128::from(second.value.0);
        let left = held.checked_sub(u128::from(amount.0));
        let left = u64::try_from(left.ok_or(RedeemFault::NotEnough)?);
        left.map(Credits).map_err(|_| RedeemFault::TooMuch)
    }

    /// cm of both notes.
    pub(super) fn commitments(&self, expiry: Expiry, asset: AssetId) -> [NoteCommitment; 2] {
        self.notes
            .each_ref()
            .map(|note| note.commitment(&self.secret, expiry, asset))
    }

    /// sn of both notes.
    pub(super) fn nullifiers(&self, expiry: Expiry, asset: AssetId) -> [SpendNullifier; 2] {
        self.commitments(expiry, asset)
            .map(|note| nullifier::spend_nullifier(&self.secret, note))
    }

    /// All inputs of the witness program: the statement's, then the private ones. Wiped on drop.
    /// It does not check whether they satisfy the constraints.
    #[must_use]
    pub fn inputs(&self, statement: &RedeemStatement) -> Zeroizing<Vec<Fr>> {
        let notes = self.commitments(statement.expiry, statement.asset);
        // Large enough for all inputs, so that the vector never moves and leaves no copy behind.
        let mut inputs = Zeroizing::new(Vec::with_capacity(1 << 10));
        inputs.extend(statement.public_inputs());
        person::secret_inputs(&self.secret, &mut inputs);
        inputs.push(self.birth.element());
        // The zero secret has no identity, and no inputs that satisfy anything.
        let nobody = IdentityCommitment(Fr::from(0u64));
        let identity = self.secret.commitment().unwrap_or(nobody);
        let leaf = identity::leaf(identity, self.birth);
        person::path_inputs(leaf, &self.group_path, &mut inputs);
        for (note, commitment) in self.notes.iter().zip(notes) {
            note.inputs(commitment, &mut inputs);
        }
        inputs.extend(number_bits(u64::from(self.index), INDEX_BITS));
        inputs.extend(self.exponent.bits().map(element::of_bit));
        inputs
    }
}

/// The `n` lowest bits, lowest first.
fn number_bits(number: u64, n: usize) -> impl Iterator<Item = Fr> {
    (0..n).map(move |i| element::of_bit(number >> i & 1 == 1))
}
