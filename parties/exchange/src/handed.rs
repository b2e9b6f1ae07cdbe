//! The redemptions of an exchange that its copy of the log has, in the log's order, and how far they were read.

use merits_ledger::entry::{REDEEMED, Redeemed};
use merits_primitives::ids::{EntryId, PartyId};
use merits_replica::{Replica, ReplicaError};
use merits_verifier::{codec::Canonical as _, entry::Leaf};

/// A redemption of this exchange, and its offer.
pub(crate) type Owed = (EntryId, EntryId);

/// The progress of giving the log's redemptions their vouchers.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// The place of an earlier process was looked up.
    pub(crate) begun: bool,
    /// The place that the store has.
    pub(crate) kept: u64,
    /// The first leaf that was not checked yet.
    pub(crate) next: u64,
    /// Earlier redemptions that are not recorded in the store yet, in the log's order. All are
    /// later than those below.
    pub(crate) fresh: Vec<Owed>,
    /// Earlier redemptions for which there was no voucher in stock, in the log's order.
    pub(crate) owed: Vec<Owed>,
}

/// The result of reading some leaves of the copy.
pub(crate) struct Looked {
    pub(crate) found: Vec<Owed>,
    /// The first leaf that was not read, and the number of leaves.
    pub(crate) next: u64,
    pub(crate) size: u64,
}

/// The redemptions at an exchange among the leaves from `from` on. It reads only this many leaves
/// that others do not wait long for the copy's lock.
pub(crate) fn redemptions(
    replica: &Replica,
    party: &PartyId,
    from: u64,
) -> Result<Looked, ReplicaError> {
    let (mut found, mut next) = (Vec::new(), from);
    for leaf in replica.leaves_from(from).take(LOOK) {
        let (index, Leaf { entry, .. }) = leaf?;
        next = index + 1;
        if entry.kind == REDEEMED
            && entry.party == *party
            && let Ok(redeemed) = Redeemed::from_bytes(&entry.statement)
        {
            found.push((entry.id(), redeemed.offer));
        }
    }
    let size = replica.size();
    Ok(Looked { found, next, size })
}

/// Leaves that are read from the copy at a time.
const LOOK: usize = 2_048;
