//! The rules of an opened total.

use merits_primitives::ids::{EntryId, Output};
use merits_primitives::sum::WideSum;

use super::{IntervalTotal, head_key, interval_key};
use crate::entry::TotalsOpened;
use crate::opened_total::TotalStatement;
use crate::proven::VerifiedProof;
use crate::refusal::{CheckError, Refusal, TotalRefusal};
use crate::rows::{RowKey, View};
use crate::state::{Governing, draft::Draft, rules::expect_opened};

/// The rows that an opened total reads: its interval, and the head of its output.
pub(in crate::state) fn total_reads(opened: &TotalsOpened) -> Vec<RowKey> {
    vec![
        head_key(&opened.key).into_row(),
        interval_key(&opened.key, opened.number).into_row(),
    ]
}

impl Governing {
    /// What the partials and the sum of a total must show. `view` must have the rows of
    /// [`total_reads`].
    pub(in crate::state) fn total_statement(
        &self,
        opened: &TotalsOpened,
        view: &View,
    ) -> Result<TotalStatement, CheckError> {
        let (cut, interval) = uncovered(opened, view)?;
        Ok(self.statement_of(opened, cut, &interval)?)
    }

    /// Checks an opened total: an interval that was cut and not opened, and that both partials and the sum were
    /// verified over it.
    pub(in crate::state) fn check_total(
        &self,
        id: EntryId,
        opened: &TotalsOpened,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (key, sum) = (opened.key, opened.sum);
        let (cut, mut interval) = uncovered(opened, draft.view())?;
        expect_opened(verified, &self.statement_of(opened, cut, &interval)?)?;
        let worst = interval.worst;
        if sum > worst {
            return Err(TotalRefusal::SumWrong { sum }.into());
        }
        if key.output == Output::Credits {
            let (worst, sum) = (WideSum::from(worst).as_credits(), sum.as_credits());
            self.scales.record_total(draft, key.asset, worst, sum);
        }
        interval.opened = Some((id, sum));
        let mut head = draft.get(&head_key(&key))?.unwrap_or_default();
        head.cover(&interval, sum);
        draft.put(head_key(&key), &head);
        draft.put(interval_key(&key, opened.number), &interval);
        Ok(())
    }

    fn statement_of(
        &self,
        opened: &TotalsOpened,
        cut: EntryId,
        interval: &IntervalTotal,
    ) -> Result<TotalStatement, Refusal> {
        let epoch = opened.key.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        Ok(TotalStatement {
            origin: self.origin().clone(),
            opened: opened.clone(),
            cut,
            supervisor: keys.supervisor.clone(),
            witness: keys.witness.clone(),
            totals: interval.pairs(),
        })
    }
}

/// The interval of a total, and its cut.
fn uncovered(opened: &TotalsOpened, view: &View) -> Result<(EntryId, IntervalTotal), CheckError> {
    let number = opened.number;
    let interval = view.get(&interval_key(&opened.key, number))?;
    let cut = interval.and_then(|interval| Some((interval.cut?, interval)));
    let (cut, interval) = cut.ok_or(TotalRefusal::NotCut { number })?;
    if interval.opened.is_some() {
        return Err(TotalRefusal::OpenedBefore { number }.into());
    }
    Ok((cut, interval))
}
