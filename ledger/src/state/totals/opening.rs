//! The rules of an opened total.

use merits_primitives::ids::{EntryId, Output};
use merits_primitives::sum::WideSum;
use merits_verifier::possession::TotalsKey;

use super::records::TotalsHead;
use super::{BatchTotal, OpenedTotal, WORST_TOTAL, batch_key, head_key, opened_key};
use crate::entry::TotalsOpened;
use crate::opened_total::TotalStatement;
use crate::proven::VerifiedProof;
use crate::refusal::{CheckError, Refusal, TotalRefusal};
use crate::rows::{RowError, Table, View};
use crate::state::{Governing, draft::Draft, rules::expect_opened};

/// What a total covers.
struct Covered {
    head: TotalsHead,
    batches: Vec<BatchTotal>,
    claims: u64,
    worst: WideSum,
}

impl Governing {
    /// What the partials and the sum of a total must show. `view` must have the rows of
    /// [`super::total_reads`].
    pub(in crate::state) fn total_statement(
        &self,
        opened: &TotalsOpened,
        view: &View,
    ) -> Result<TotalStatement, CheckError> {
        let covered = self.covered(opened, view)?;
        Ok(self.statement_of(opened, &covered.batches)?)
    }

    /// Checks an opened total: the right batches, the other output's set, enough of them, and that both partials
    /// and the sum were verified over these batches.
    pub(in crate::state) fn check_total(
        &self,
        id: EntryId,
        opened: &TotalsOpened,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (key, sum) = (opened.key, opened.sum);
        let Covered {
            mut head,
            batches,
            claims,
            worst,
        } = self.covered(opened, draft.view())?;
        expect_opened(verified, &self.statement_of(opened, &batches)?)?;
        if WideSum::from(sum) > worst {
            return Err(TotalRefusal::SumWrong { sum }.into());
        }
        // An entry holds at most 1,600 ids.
        let covered = batches.len() as u32;
        let total = OpenedTotal {
            entry: id,
            batches: covered,
            claims,
            sum,
        };
        if key.output == Output::Credits {
            let (worst, sum) = (worst.as_credits(), sum.as_credits());
            self.scales.record_total(draft, key.asset, worst, sum);
        }
        for number in head.next_batches(batches.len()) {
            draft.remove(batch_key(&key, number));
        }
        draft.put(opened_key(&key, head.opened), &total);
        // Either this total follows a cut that the other output's total made, or it makes one. All
        // batches of a period have the same version, so all of them have a measure or none has.
        if head.cover(&total, worst).is_none()
            && let Some(mut twin) = draft.get(&head_key(&key.twin()))?
        {
            twin.follow(covered)?;
            draft.put(head_key(&key.twin()), &twin);
        }
        draft.put(head_key(&key), &head);
        Ok(())
    }

    /// The batches of a total, which must be the right ones, and enough of them.
    fn covered(&self, opened: &TotalsOpened, view: &View) -> Result<Covered, CheckError> {
        let key = &opened.key;
        let head = view.get(&head_key(key))?.unwrap_or_default();
        let batches = next_batches(&head, key, &opened.entries, view)?;
        let found = batches.len();
        if let Some(expected) = head.cut().filter(|cut| *cut != found) {
            return Err(TotalRefusal::Cut { expected, found }.into());
        }
        let claims: u64 = batches.iter().map(|batch| u64::from(batch.claims)).sum();
        let least = u64::from(self.policy.least_claims_per_total).max(1);
        if claims < least {
            return Err(TotalRefusal::TooFew { claims, least }.into());
        }
        let worst: WideSum = batches.iter().map(|batch| batch.worst).collect();
        if worst > WORST_TOTAL {
            return Err(TotalRefusal::TooLarge { worst }.into());
        }
        Ok(Covered {
            head,
            batches,
            claims,
            worst,
        })
    }

    fn statement_of(
        &self,
        opened: &TotalsOpened,
        batches: &[BatchTotal],
    ) -> Result<TotalStatement, Refusal> {
        let epoch = opened.key.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        Ok(TotalStatement {
            origin: self.origin().clone(),
            opened: opened.clone(),
            supervisor: keys.supervisor.clone(),
            witness: keys.witness.clone(),
            totals: batches.iter().map(|batch| (batch.t1, batch.t2)).collect(),
        })
    }
}

/// Checks that the entries are the next unopened batches, from the first.
fn next_batches(
    head: &TotalsHead,
    key: &TotalsKey,
    entries: &[EntryId],
    view: &View,
) -> Result<Vec<BatchTotal>, CheckError> {
    let mut batches = Vec::with_capacity(entries.len());
    for number in head.next_batches(entries.len()) {
        let batch = view.get(&batch_key(key, number))?;
        batches.push(batch.ok_or(RowError::Missing {
            table: Table::BatchTotal,
        })?);
    }
    let fault = entries.iter().enumerate().find(|(position, entry)| {
        batches
            .get(*position)
            .is_none_or(|batch| batch.entry != **entry)
    });
    match fault {
        Some((position, _)) => Err(TotalRefusal::Set { position }.into()),
        None if batches.is_empty() => Err(TotalRefusal::Set { position: 0 }.into()),
        None => Ok(batches),
    }
}
