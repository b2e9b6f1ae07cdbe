//! A batch is added to the running interval of its totals.

use merits_primitives::ids::{AssetId, Output, PartyId, SchemaId};
use merits_primitives::sum::WideSum;
use merits_verifier::possession::TotalsKey;

use super::deeds::{Added, Deeds};
use super::records::TotalsHead;
use super::{IntervalTotal, NewBatch, head_key, interval_key};
use crate::cuts::{Interval, Portion, WORST_TOTAL};
use crate::entry::EarnBatch;
use crate::rows::{RowError, RowKey, View};
use crate::state::{Governing, draft::Draft};

impl Governing {
    /// The rows that a batch's totals read: heads, the running interval and the next, and its deeds.
    pub(in crate::state) fn batch_reads(
        &self,
        distributor: &PartyId,
        batch: &EarnBatch,
        view: &View,
    ) -> Result<Vec<RowKey>, RowError> {
        let Ok(scale) = self.scales.get(&batch.scale) else {
            return Ok(Vec::new());
        };
        let Ok(record) = self
            .scales
            .in_force(&batch.scale, batch.version, batch.period)
        else {
            return Ok(Vec::new());
        };
        let key = TotalsKey {
            asset: scale.asset,
            period: batch.period,
            epoch: batch.epoch,
            output: Output::Credits,
        };
        let running = view.known(&head_key(&key))?.map_or(0, |head| head.running);
        // A batch that does not fit begins the next one.
        let numbers = [running, running.saturating_add(1)];
        let outputs = [Some(key), batch.measure.map(|_| key.twin())];
        let mut keys = Vec::new();
        for key in outputs.into_iter().flatten() {
            keys.push(head_key(&key).into_row());
            keys.extend(numbers.map(|number| interval_key(&key, number).into_row()));
        }
        let portions = numbers.map(|number| portion(&key, number, *distributor));
        let commitments = batch.claims.iter().map(|claim| claim.public.c);
        let deeds = self.deeds(record.terms.schema, &key);
        keys.extend(deeds.batch_reads(view, &portions, commitments)?);
        Ok(keys)
    }

    /// Adds a batch to its totals.
    pub(in crate::state) fn record_totals(
        &self,
        draft: &mut Draft<'_>,
        new: &NewBatch,
    ) -> Result<(), RowError> {
        let key = new.key;
        let outputs = [
            Some((key, new.credits)),
            new.measure.map(|measure| (key.twin(), measure)),
        ];
        let mut running = draft.get(&head_key(&key))?.unwrap_or_default().running;
        let mut full = false;
        for (key, batch) in outputs.into_iter().flatten() {
            let interval = draft.get(&interval_key(&key, running))?.unwrap_or_default();
            let worst = WideSum::from(interval.worst).saturating_add(batch.worst);
            full |= interval.batches > 0 && worst > WORST_TOTAL;
        }
        if full {
            running = running.saturating_add(1);
        }
        for (key, batch) in outputs.into_iter().flatten() {
            let mut head: TotalsHead = draft.get(&head_key(&key))?.unwrap_or_default();
            let place = interval_key(&key, running);
            let mut interval: IntervalTotal = draft.get(&place)?.unwrap_or_default();
            interval.add(&batch);
            draft.put(place, &interval);
            head.running = running;
            head.summary.unopened_claims += u64::from(batch.claims);
            head.summary.unopened_worst += batch.worst;
            draft.put(head_key(&key), &head);
        }
        let added = Added {
            own: portion(&key, running, new.distributor),
            commitments: &new.commitments,
        };
        self.deeds(new.schema, &key).record(draft, &added)
    }

    /// The deeds of a schema and period. They are compared if several scales read such records when the first is
    /// claimed.
    pub(super) fn deeds(&self, schema: SchemaId, key: &TotalsKey) -> Deeds {
        let reads = |asset: &AssetId| *asset != key.asset;
        let others = self.scales.reading(schema).filter(reads);
        Deeds {
            schema,
            period: key.period,
            shared: others.count() > 0,
        }
    }
}

fn portion(key: &TotalsKey, number: u32, distributor: PartyId) -> Portion {
    Portion {
        interval: Interval {
            asset: key.asset,
            epoch: key.epoch,
            number,
        },
        distributor,
    }
}
