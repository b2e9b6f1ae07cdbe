//! What a requester asks a holder, and what comes back.

use merits_ledger::entry::OpeningContent;
use merits_primitives::{
    dleq::{Equality, PROOF_BYTES},
    field,
    ids::{EntryId, Origin, PartyId},
    jubjub::{POINT_BYTES, Point},
};
use merits_sealing::Sealed;
use merits_verifier::possession::TotalsKey;

/// Separates sealed partials from all else that is sealed to a party. The partial travels sealed to the key
/// that the ledger has for the party that signed the request: whoever carries it, or asks in the
/// requester's name, learns nothing. The proof inside says who made it.
pub const SEALED_PARTIAL: &[u8] = b"merits/sealed-partial/v1";
/// Bytes of an opened partial message: point, then proof.
pub const PARTIAL_BYTES: usize = POINT_BYTES + PROOF_BYTES;

/// What a requester shows a holder to open one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningAsk {
    /// The log that the requester talks about.
    pub origin: Origin,
    /// The OpeningRequested entry.
    pub request: EntryId,
    /// What its commitment hides.
    pub content: OpeningContent,
}

/// What a requester names to open a total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalAsk {
    /// The log that the requester talks about.
    pub origin: Origin,
    /// Scale, period, epoch and output.
    pub key: TotalsKey,
    /// The interval that was cut.
    pub number: u32,
}

/// A holder's answer for one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPartial {
    /// Who answers.
    pub holder: PartyId,
    /// The partial and its proof, for the requester's eyes.
    pub sealed: Sealed,
}

/// A holder's answer for a total: public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalPartial {
    /// Who answers.
    pub holder: PartyId,
    /// a·ΣT1.
    pub partial: Point,
    /// That the published half of At made it.
    pub proof: Equality,
}

/// What a sealed partial is bound to: log, request, holder.
pub fn sealing_context(origin: &Origin, request: &EntryId, holder: &PartyId) -> [u8; 32] {
    field::digest(
        "merits/sealed-partial/v1",
        &[origin.as_str().as_bytes(), &request.0, &holder.0],
    )
}
