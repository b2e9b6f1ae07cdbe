//! Statement `redeem` (`docs/src/statement-redeem.md`): a registered person spends one or two of
//! their notes of one scale and expiry bucket, and the change goes back to the same person. With
//! amount 0 and a floor it is an attestation.
//!
//! The public inputs, in order: note_root, group_root, asset, expiry, amount, floor, context, sn1,
//! sn2, cm_out, rscope, rlimit, rn, A.x, A.y, Ey, c_id.

use alloc::{vec, vec::Vec};

use ark_ff::AdditiveGroup;
use merits_primitives::{
    Fr,
    context::Context,
    group::GroupRoot,
    ids::{AssetId, Credits, Expiry},
    jubjub::Point,
    note::NoteCommitment,
    note_tree::NoteRoot,
    nullifier::{RateNullifier, SpendNullifier},
    scope::RateScope,
    view_encryption::{EphemeralKey, SealedCommitment},
};

use super::Statement;
use super::{StatementError, curve_has_y};

/// Position of the note tree's root.
pub const NOTE_ROOT: usize = 0;
/// Position of the group's root.
pub const GROUP_ROOT: usize = 1;
/// Position of the asset.
pub const ASSET: usize = 2;
/// Position of the expiry bucket.
pub const EXPIRY: usize = 3;
/// Position of the amount spent.
pub const AMOUNT: usize = 4;
/// Position of the floor.
pub const FLOOR: usize = 5;
/// Position of the context.
pub const CONTEXT: usize = 6;
/// Position of the first spend nullifier.
pub const SN1: usize = 7;
/// Position of the second.
pub const SN2: usize = 8;
/// Position of the change note.
pub const NOTE_OUT: usize = 9;
/// Position of the rate limit's scope.
pub const RATE_SCOPE: usize = 10;
/// Position of the rate limit.
pub const RATE_LIMIT: usize = 11;
/// Position of the rate nullifier.
pub const RATE_NULLIFIER: usize = 12;
/// Position of A.x; A.y follows.
pub const VIEW_KEY: usize = 13;
/// Position of Ey.
pub const EPHEMERAL: usize = 15;
/// Position of c_id.
pub const SEALED_IDENTITY: usize = 16;
/// Public inputs.
pub const INPUTS: usize = 17;

/// Largest rate limit: indices have 16 bits.
pub const MOST_A_DAY: u32 = 1 << 16;

/// The whole statement. The values that the person does not choose come from the ledger's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedeemStatement {
    /// Root of the note tree, at an anchor.
    pub note_root: NoteRoot,
    /// Root of the group of registered people.
    pub group_root: GroupRoot,
    /// The scale's number.
    pub asset: AssetId,
    /// Expiry bucket of both notes and of the change.
    pub expiry: Expiry,
    /// The amount spent.
    pub amount: Credits,
    /// The change is at least this.
    pub floor: Credits,
    /// The use that the proof is for.
    pub context: Context,
    /// sn of the first note.
    pub sn1: SpendNullifier,
    /// sn of the second note, which may be a dummy of value 0.
    pub sn2: SpendNullifier,
    /// The change note.
    pub cm_out: NoteCommitment,
    /// Scope of the rate limit.
    pub rate_scope: RateScope,
    /// The limit for each scope and person, 1 to 2^16.
    pub rate_limit: u32,
    /// rn = P(RATE; secret, rscope, idx).
    pub rn: RateNullifier,
    /// A: the view key.
    pub a: Point,
    /// Ey: the ephemeral key of the sealed identity.
    pub ey: EphemeralKey,
    /// c_id = IC + P(AUD; S.y, sn1).
    pub c_id: SealedCommitment,
}

impl Statement for RedeemStatement {
    fn public_inputs(&self) -> Vec<Fr> {
        vec![
            self.note_root.0,
            self.group_root.0,
            Fr::from(self.asset.0),
            Fr::from(self.expiry.0),
            Fr::from(self.amount.0),
            Fr::from(self.floor.0),
            self.context.0,
            self.sn1.0,
            self.sn2.0,
            self.cm_out.0,
            self.rate_scope.0,
            Fr::from(self.rate_limit),
            self.rn.0,
            self.a.x(),
            self.a.y(),
            self.ey.0,
            self.c_id.0,
        ]
    }

    fn check(&self) -> Result<(), StatementError> {
        if self.sn1 == self.sn2 {
            return Err(StatementError::SameNoteTwice);
        }
        if self.rate_limit == 0 || self.rate_limit > MOST_A_DAY {
            return Err(StatementError::RateLimit {
                found: self.rate_limit,
            });
        }
        // 0 is an empty leaf of the note tree.
        if self.cm_out.0 == Fr::ZERO {
            return Err(StatementError::EmptyNote);
        }
        let EphemeralKey(y) = self.ey;
        if [Fr::ZERO, Fr::from(1u64)].contains(&y) || !curve_has_y(y) {
            return Err(StatementError::RedeemEphemeral);
        }
        Ok(())
    }
}
