//! What the partials and the sum of an opened total must show, and that they do.

use merits_primitives::{
    ids::{EntryId, Origin},
    jubjub::Point,
};
use merits_threshold::{
    half::QuorumHalf,
    total::{self, TotalFault},
};
use merits_verifier::total::TotalSum;

use crate::entry::TotalsOpened;
use crate::refusal::TotalRefusal;

/// An opened total, with everything of the state that its proofs are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalStatement {
    /// The log, to which the proofs are bound.
    pub origin: Origin,
    /// The entry: interval, sum, partials and their proofs.
    pub opened: TotalsOpened,
    /// The entry that cut the interval.
    pub cut: EntryId,
    /// The supervisors' half of the epoch's keys.
    pub supervisor: QuorumHalf,
    /// The log witnesses' half.
    pub witness: QuorumHalf,
    /// Pairs whose sums are ΣT1 and ΣT2 of the batches.
    pub totals: Vec<(Point, Point)>,
}

/// An opened total whose partials and sum hold. Only verification makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTotal(TotalStatement);

impl VerifiedTotal {
    /// Adds up, and verifies every partial against its holder's verification share (or that there are
    /// none, if the total is open already) and the sum: about a millisecond, more with many holders.
    ///
    /// Totals are verified one by one. A ledger has few of them, so batching would save little.
    ///
    /// # Errors
    /// [`TotalRefusal`] names the holder at fault.
    pub fn check(statement: TotalStatement) -> Result<Self, TotalRefusal> {
        let TotalStatement {
            origin,
            opened,
            cut,
            supervisor,
            witness,
            totals,
        } = &statement;
        let sums = TotalSum::of(totals.iter().copied());
        let partials = opened.partials.as_ref();
        let answers = partials.map(|partials| partials.answers(supervisor, witness));
        let (key, entries, sum) = (&opened.key, std::slice::from_ref(cut), opened.sum);
        total::check(&sums, origin, key, entries, answers, sum).map_err(|fault| match fault {
            TotalFault::Missing => TotalRefusal::PartialsMissing,
            TotalFault::OpenAlready => TotalRefusal::OpenAlready,
            TotalFault::Sum(sum) => TotalRefusal::SumWrong { sum },
            fault @ (TotalFault::Count { .. }
            | TotalFault::Twice { .. }
            | TotalFault::Stranger { .. }
            | TotalFault::Wrong { .. }) => TotalRefusal::Partials(fault),
        })?;
        Ok(Self(statement))
    }

    /// The statement.
    pub fn statement(&self) -> &TotalStatement {
        &self.0
    }
}
