//! What supervision reads from a verified copy of the log.
//!
//! A trait, because the rules of opening are pure: a replica answers at the rim (`net`), the
//! ledger's memory store in tests. Every method answers from what the implementor has **itself
//! verified**; nothing here may come from a message.

use merits_primitives::{
    Fr,
    audit::Ciphertext,
    ids::{AssetId, Credits, EntryId, Epoch, Origin, PartyId, Period, ScaleId},
    jubjub::Point,
};

use crate::view_key::Side;

/// A verified copy of a ledger, as far as supervision asks it.
pub trait LedgerView {
    /// The log.
    fn origin(&self) -> &Origin;

    /// A party's standing now.
    fn party(&self, id: &PartyId) -> Option<PartyStanding>;

    /// An opening request that is in the log.
    fn request(&self, id: &EntryId) -> Option<LoggedRequest>;

    /// An earn batch that is in the log.
    fn batch(&self, id: &EntryId) -> Option<LoggedBatch>;

    /// The halves of a view-key epoch that the log has opened.
    fn epoch(&self, epoch: Epoch) -> Option<EpochHalves>;

    /// All batches of one scale, period and epoch that no opened total covers, in log order.
    fn uncovered(&self, asset: AssetId, period: Period, epoch: Epoch) -> Vec<EntryId>;

    /// The fewest claims over which a total may be opened.
    fn minimum_claims(&self) -> u64;
}

/// A party as the log's state has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyStanding {
    /// It was admitted as a supervisor.
    pub is_supervisor: bool,
    /// It is suspended.
    pub suspended: bool,
    /// Its X25519 key for sealed messages.
    pub sealing_key: [u8; 32],
}

/// An OpeningRequested entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The scale that the request says, in the open, its claim is of.
    pub scale: ScaleId,
    /// Who signed it.
    pub requester: PartyId,
    /// Hides what is to be opened.
    pub commitment: [u8; 32],
    /// Unix milliseconds after which no holder answers.
    pub deadline: u64,
    /// An OpeningCompleted entry names it.
    pub completed: bool,
}

/// An EarnBatch entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedBatch {
    /// Its scale.
    pub scale: ScaleId,
    /// The ledger's number of its scale.
    pub asset: AssetId,
    /// Its period.
    pub period: Period,
    /// The epoch of the keys that it is encrypted under.
    pub epoch: Epoch,
    /// The most credits a claim of its scale can hold.
    pub v_max: Credits,
    /// r·B8.
    pub t1: Point,
    /// (Σ v)·B8 + r·At.
    pub t2: Point,
    /// Its claims.
    pub claims: Vec<SealedClaim>,
}

/// What stands in an entry for one claim, as far as supervision reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedClaim {
    /// C.
    pub commitment: Fr,
    /// Credits and pseudonym under A.
    pub ciphertext: Ciphertext,
}

/// Both halves of an epoch's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochHalves {
    /// The supervisors' side.
    pub supervisor: PublishedHalf,
    /// The witnesses' side.
    pub witness: PublishedHalf,
}

impl EpochHalves {
    /// The half on one side.
    pub fn side(&self, side: Side) -> &PublishedHalf {
        match side {
            Side::Supervisor => &self.supervisor,
            Side::Witness => &self.witness,
        }
    }

    /// The side that a party holds, if it holds one.
    pub fn side_of(&self, holder: &PartyId) -> Option<Side> {
        [Side::Supervisor, Side::Witness]
            .into_iter()
            .find(|side| self.side(*side).holder == *holder)
    }
}

/// A half as the log published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedHalf {
    /// Who holds it.
    pub holder: PartyId,
    /// The half of A.
    pub claim: Point,
    /// The half of At.
    pub total: Point,
}
