//! What a run did, in figures, for a table at its end.

use std::time::Duration;

use merits_primitives::earned::Earned;
use merits_records::{RefusedGroup, Report};

use crate::{
    consents::Followed,
    depositing::DepositReport,
    forming::FormReport,
    ingest::IngestReport,
    outbox::SubmitReport,
    proving::ProveReport,
    store::{Aside, StoreCounts},
};

/// Figures of one run, from the file to the ledger.
#[derive(Debug, Clone, Default)]
pub struct RunSummary {
    /// Rows of the input: read, accepted, rejected by reason.
    pub reading: Report,
    /// Subject-periods over a claim's size.
    pub refused_groups: Vec<RefusedGroup>,
    /// Subject-periods taken, known, not taken.
    pub ingest: IngestReport,
    /// Tickets deposited before the run.
    pub deposits: DepositReport,
    /// What the ledger said of people's consents.
    pub followed: Followed,
    /// Batches fixed in this run, what they are worth, and what waits.
    pub formed: FormReport,
    /// Proofs made in this run.
    pub proved: ProveReport,
    /// The ledger's answers.
    pub submitted: SubmitReport,
    /// Deeds that no claim could be made of, of all runs; they stop no others.
    pub aside: Vec<Aside>,
    /// The store after the run.
    pub counts: StoreCounts,
    /// What is on the ledger, of all runs, of subjects that the store still knows.
    pub earned: EarnedSum,
    /// Time on the wall, by phase.
    pub times: PhaseTimes,
}

/// What many claims earn together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EarnedSum {
    /// Σ v.
    pub credits: u128,
    /// Σ w; `None` of a scale without a measure, or of nothing.
    pub measure: Option<u128>,
}

impl EarnedSum {
    /// Adds claims.
    pub fn add(&mut self, claims: &[Earned]) {
        for claim in claims {
            *self += Self {
                credits: claim.credits.0.into(),
                measure: claim.measure.map(u128::from),
            };
        }
    }
}

impl std::ops::AddAssign for EarnedSum {
    fn add_assign(&mut self, other: Self) {
        self.credits += other.credits;
        if let Some(more) = other.measure {
            *self.measure.get_or_insert(0) += more;
        }
    }
}

/// Time on the wall, by phase. Stating runs ahead of proving, and submitting beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhaseTimes {
    /// Reading the input.
    pub reading: Duration,
    /// Checking commitments and sealing.
    pub ingesting: Duration,
    /// Reading, stating and fixing batches while others are proven, hence also waiting for threads.
    pub forming: Duration,
    /// From the first batch that is stated to the last receipt.
    pub proving: Duration,
    /// All of it.
    pub total: Duration,
}

impl RunSummary {
    /// Claims a second of proving, over the wall; `None` when nothing was proven.
    pub fn claims_per_second(&self) -> Option<f64> {
        let seconds = self.proved.elapsed.as_secs_f64();
        // Counts stay far below 2^52.
        (seconds > 0.0 && self.proved.claims > 0).then(|| self.proved.claims as f64 / seconds)
    }
}
