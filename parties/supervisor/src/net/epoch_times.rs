//! When an epoch that is proposed now begins, and how long the one before is still accepted.

use std::time::Duration;

use merits_ledger::State;
use merits_primitives::{calendar::Timestamp, ids::Epoch};

/// How long batches under the epoch before are still taken.
const GRACE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// From when the epoch is active, and until when batches under the one before are taken.
pub(super) fn epoch_times(state: &State, epoch: Epoch, now: Timestamp) -> (Timestamp, Timestamp) {
    // It can be enacted at the earliest when its delay is over.
    let active_from = now + state.demands_of_epoch().delay;
    // Batches under the epoch before may still be in proving.
    let grace = if epoch.0 > 1 { GRACE } else { Duration::ZERO };
    (active_from, active_from + grace)
}
