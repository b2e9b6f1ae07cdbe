//! The rules of a cut: which interval ends, when, and that its sums may be opened.

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Output, SchemaId},
};

use super::deeds::sole_other;
use super::{head_key, interval_key};
use crate::cuts::{Interval, Rule};
use crate::entry::TotalsCut;
use crate::refusal::{CheckError, TotalRefusal};
use crate::rows::{RowError, RowKey, View};
use crate::state::stored::MOST;
use crate::state::{Governing, draft::Draft, period_end::end_of};

impl Governing {
    /// The rows that a cut reads: heads and intervals of both outputs, and all atoms of its deeds.
    pub(in crate::state) fn cut_reads(
        &self,
        cut: &TotalsCut,
        view: &View,
    ) -> Result<Vec<RowKey>, RowError> {
        let mut keys = Vec::new();
        for output in Output::ALL {
            let key = cut.key(output);
            keys.push(head_key(&key).into_row());
            keys.push(interval_key(&key, cut.number).into_row());
        }
        if let Some(schema) = self.schema_of(cut) {
            let deeds = self.deeds(schema, &cut.key(Output::Credits));
            keys.extend(deeds.cut_reads(view)?);
        }
        Ok(keys)
    }

    /// The schema of the version in force for the period, under which all its batches are.
    fn schema_of(&self, cut: &TotalsCut) -> Option<SchemaId> {
        let (_, scale) = self.scales.by_asset(cut.asset)?;
        let record = scale.in_force(cut.period.index)?;
        Some(record.terms.schema)
    }

    /// Checks a cut: an interval with claims that was not cut, in time, whose sums reveal nothing about few deeds.
    pub(in crate::state) fn check_cut(
        &self,
        id: EntryId,
        cut: &TotalsCut,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let number = cut.number;
        let nothing = TotalRefusal::NothingToCut { number };
        let key = cut.key(Output::Credits);
        let schema = self.schema_of(cut).ok_or(nothing.clone())?;
        let head = draft.get(&head_key(&key))?.ok_or(nothing.clone())?;
        let interval = draft.get(&interval_key(&key, number))?;
        let uncut = interval.is_some_and(|interval| interval.cut.is_none());
        if !uncut || number > head.running {
            return Err(nothing.into());
        }
        self.check_time_of_cut(cut, number == head.running, head.last_cut, time)?;
        let deeds = self.deeds(schema, &key);
        let mut known = draft.get(&deeds.head_key())?.ok_or(nothing)?;
        if let Some(first) = sole_other(&known, cut.asset) {
            return Err(TotalRefusal::OtherScale { first }.into());
        }
        if known.full || known.cut.len() >= MOST {
            return Err(TotalRefusal::Tangled.into());
        }
        let new = Interval {
            asset: cut.asset,
            epoch: cut.epoch,
            number,
        };
        let least = u64::from(self.policy.least_claims_per_total);
        let atoms = deeds.atoms(draft, &known)?;
        Rule { least }
            .check(&atoms, |interval| known.cut.contains(interval), &new)
            .map_err(TotalRefusal::Class)?;
        known.cut.push(new);
        draft.put(deeds.head_key(), &known);
        for output in Output::ALL {
            let key = cut.key(output);
            let Some(mut head) = draft.get(&head_key(&key))? else {
                continue;
            };
            if number == head.running {
                head.running = head.running.saturating_add(1);
                head.last_cut = Some(time);
            }
            draft.put(head_key(&key), &head);
            let place = interval_key(&key, number);
            if let Some(mut interval) = draft.get(&place)? {
                interval.cut = Some(id);
                draft.put(place, &interval);
            }
        }
        Ok(())
    }

    /// Not before the first cut's time, and not soon after another. An interval that ended by itself waits no longer.
    fn check_time_of_cut(
        &self,
        cut: &TotalsCut,
        running: bool,
        last_cut: Option<Timestamp>,
        time: Timestamp,
    ) -> Result<(), TotalRefusal> {
        let cuts = self.policy.board.cuts();
        let first = end_of(cut.period) + cuts.first();
        let next = last_cut.filter(|_| running).map(|last| last + cuts.every());
        let from = next.map_or(first, |next| next.max(first));
        if time < from {
            return Err(TotalRefusal::TooSoon { from });
        }
        Ok(())
    }
}
