//! What is asked about an entry before anything in it is decoded: who sends it, and whether that party may send
//! what costs much to read.

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_verifier::entry::SignedEntry;

use super::{Governing, blobs};
use crate::entry::{Entry, SCALE_PROPOSED, STATEMENT_KEY_ADOPTED};
use crate::refusal::{CheckError, Refusal};
use crate::role::Role;
use crate::rows::{RowKey, View};
use crate::submission::Sender;

impl Governing {
    /// The sender of an entry, determined from its envelope alone. It costs one signature check,
    /// some tens of microseconds, and a digest of the bytes, whatever the statement contains. It
    /// checks neither the statement nor its proof.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::UnknownKind`], [`Refusal::PartyUnknown`],
    /// [`Refusal::PartySuspended`], [`Refusal::SignatureInvalid`].
    pub fn sender(&self, signed: &SignedEntry) -> Result<Sender, Refusal> {
        self.check_origin(signed)?;
        let kind = signed.kind;
        // Only checks whether the kind exists.
        if Entry::decode(kind, &[]).is_none() {
            return Err(Refusal::UnknownKind { kind });
        }
        if Entry::is_personal_kind(kind) {
            return Ok(Sender::Person);
        }
        if self.parties.is_empty() {
            return Ok(Sender::Founder);
        }
        let party = signed.party;
        let key = &self.parties.active(&party)?.signing_key;
        signed
            .verify_signature(key)
            .map_err(|_| Refusal::SignatureInvalid { party })?;
        Ok(Sender::Party(*key))
    }

    /// Refuses a party that may not publish a verifying key, for the kinds that publish one. Reading a key takes
    /// milliseconds, so ask this before the statement or a blob is read. It costs two look-ups in memory.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::PartyUnknown`], [`Refusal::PartySuspended`],
    /// [`Refusal::RoleMissing`].
    pub fn check_before_key(&self, signed: &SignedEntry) -> Result<(), Refusal> {
        let role = match signed.kind {
            SCALE_PROPOSED => Role::Issuer,
            STATEMENT_KEY_ADOPTED => Role::Supervisor,
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
