//! What a ledger is founded on: fixed at its start, the same for everybody who follows it.

use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::{codec::Writer, groth16::KeyPolicy};

/// A ledger's founding parameters. Two nodes with different ones do not follow one ledger; the
/// state's digest covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// The log's name.
    pub origin: Origin,
    /// The founding supervisor. Its own admission must be the first entry.
    pub authority: PartyId,
    /// Which proving-system set-ups are taken.
    pub keys: KeyPolicy,
    /// N: an opened total covers at least so many claims.
    pub least_claims_per_total: u32,
    /// Whether every claim needs a deposited ticket. `false` is a ledger in custody: accounts have no
    /// wallets, and the distributor is trusted for their consent.
    pub tickets: bool,
    /// A: redemptions prove against the note tree as it was at a multiple of so many seconds, so that
    /// the choice of a root tells nothing. At least 1; 3,600 for a deployment.
    pub anchor_seconds: u32,
}

/// [`LedgerPolicy::anchor_seconds`] where a configuration says nothing.
pub const ANCHOR_SECONDS: u32 = 3_600;

impl LedgerPolicy {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.text(self.origin.as_str());
        out.array(&self.authority.0);
        out.bool(self.keys.allow_dev_keys);
        out.u32(self.least_claims_per_total);
        out.bool(self.tickets);
        out.u32(self.anchor_seconds);
    }
}
