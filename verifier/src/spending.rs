//! Statements that spend notes: the part that redemptions and attestations share, and the
//! attestation, which third parties check without a ledger.

use merits_primitives::{
    context::Context,
    group::GroupRoot,
    ids::{AssetId, Credits, Epoch, Expiry, ScaleId},
    jubjub::Point,
    note::NoteCommitment,
    note_tree::NoteRoot,
    nullifier::{RateNullifier, SpendNullifier},
    scope::attest_scope,
    view_encryption::{EphemeralKey, SealedCommitment},
};

use crate::codec::{Canonical, CodecError, Reader, Writer};
use crate::statement::redeem::RedeemStatement;

/// The kind of an attestation's entry.
pub const ATTESTED: u16 = 0x0804;

/// The part of a statement that spends notes, for any purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// Root of the note tree, at an anchor.
    pub note_root: NoteRoot,
    /// Root of the group.
    pub group_root: GroupRoot,
    /// sn of the first note.
    pub sn1: SpendNullifier,
    /// sn of the second note, or of a dummy.
    pub sn2: SpendNullifier,
    /// The change note.
    pub cm_out: NoteCommitment,
    /// Rate nullifier.
    pub rn: RateNullifier,
    /// View-key epoch of the sealed identity.
    pub epoch: Epoch,
    /// Ey.
    pub ey: EphemeralKey,
    /// c_id.
    pub c_id: SealedCommitment,
}

impl Canonical for Spending {
    const NAME: &'static str = "spending";

    fn write(&self, out: &mut Writer) {
        out.field(&self.note_root);
        out.field(&self.group_root);
        out.field(&self.sn1);
        out.field(&self.sn2);
        out.field(&self.cm_out);
        out.field(&self.rn);
        out.u32(self.epoch.0);
        out.field(&self.ey);
        out.field(&self.c_id);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            note_root: input.field("note root")?,
            group_root: input.field("group root")?,
            sn1: input.field("sn1")?,
            sn2: input.field("sn2")?,
            cm_out: input.field("cm_out")?,
            rn: input.field("rn")?,
            epoch: Epoch(input.u32("epoch")?),
            ey: input.field("ey")?,
            c_id: input.field("c_id")?,
        })
    }
}

/// A person shows ownership of at least this many credits to a verifier that only the context
/// names. No party signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The scale of the credits.
    pub scale: ScaleId,
    /// Their expiry bucket.
    pub expiry: Expiry,
    /// The least number of credits.
    pub floor: Credits,
    /// [`merits_primitives::context::attest_context`].
    pub context: Context,
    /// The spending, which merges the notes into one.
    pub spending: Spending,
}

impl Attested {
    /// The statement of the proof, from the ledger's number of the scale (`asset`) and the view key of
    /// the spending's epoch (`view_key`).
    #[must_use]
    pub fn statement(&self, asset: AssetId, view_key: Point) -> RedeemStatement {
        let spending = &self.spending;
        RedeemStatement {
            note_root: spending.note_root,
            group_root: spending.group_root,
            asset,
            expiry: self.expiry,
            amount: Credits(0),
            floor: self.floor,
            context: self.context,
            sn1: spending.sn1,
            sn2: spending.sn2,
            cm_out: spending.cm_out,
            rate_scope: attest_scope(self.context),
            rate_limit: 1,
            rn: spending.rn,
            a: view_key,
            ey: spending.ey,
            c_id: spending.c_id,
        }
    }
}

impl Canonical for Attested {
    const NAME: &'static str = "attested";

    fn write(&self, out: &mut Writer) {
        out.text(self.scale.as_str());
        out.u32(self.expiry.0);
        out.u64(self.floor.0);
        out.field(&self.context);
        self.spending.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scale: read_scale_id(input)?,
            expiry: Expiry(input.u32("expiry")?),
            floor: Credits(input.u64("floor")?),
            context: input.field("context")?,
            spending: Spending::read(input)?,
        })
    }
}

pub(crate) fn read_scale_id(input: &mut Reader<'_>) -> Result<ScaleId, CodecError> {
    let text = input.text("scale id", ScaleId::MAX)?;
    ScaleId::new(&text).map_err(|_| CodecError::NotText { what: "scale id" })
}
