//! What is asked about an entry before anything in it is decoded: whether its party may send what costs much to
//! read. Who sends it is in `authentic`.

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_verifier::entry::SignedEntry;

use super::{Governing, blobs};
use crate::entry::{ACT_PROPOSED, SCALE_PROPOSED};
use crate::refusal::{CheckError, Refusal};
use crate::role::Role;
use crate::rows::{RowKey, View};

impl Governing {
    /// Refuses a party that may not publish a verifying key, for the kinds that publish one. Reading a key takes
    /// milliseconds, so ask this before the statement or a blob is read. It costs two look-ups in memory.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::PartyUnknown`], [`Refusal::PartySuspended`],
    /// [`Refusal::RoleMissing`].
    pub fn check_before_key(&self, signed: &SignedEntry) -> Result<(), Refusal> {
        let role = match signed.kind {
            SCALE_PROPOSED => Role::Issuer,
            // Some acts carry the key of a statement. Every act is proposed by a supervisor, so none is read here.
            ACT_PROPOSED => Role::Supervisor,
            _ => return Ok(()),
        };
        self.check_origin(signed)?;
        self.parties.acting(&signed.party, role)?;
        Ok(())
    }

    /// The row that [`Governing::check_before_blobs`] reads.
    pub fn blob_reads(&self, party: &PartyId) -> RowKey {
        blobs::quota_key(party).into_row()
    }

    /// Refuses a party that has no blobs left on the day of `time`, before a blob is hashed or read.
    ///
    /// # Errors
    /// [`Refusal::BlobQuota`] inside of [`CheckError::Refused`].
    pub fn check_before_blobs(
        &self,
        party: &PartyId,
        time: Timestamp,
        view: &View,
    ) -> Result<(), CheckError> {
        blobs::check_left(party, time, view)
    }

    pub(super) fn check_origin(&self, signed: &SignedEntry) -> Result<(), Refusal> {
        if signed.origin == *self.origin() {
            return Ok(());
        }
        Err(Refusal::OtherOrigin {
            expected: self.origin().to_string(),
            found: signed.origin.to_string(),
        })
    }
}
