//! The figures of a run, for a table at its end.

use std::time::Duration;

use merits_records::{RefusedGroup, Report};
use serde::Serialize;

use crate::{
    consents::Followed,
    depositing::DepositReport,
    forming::FormReport,
    ingest::{IngestFault, IngestReport},
    outbox::SubmitReport,
    proving::ProveReport,
    store::{Aside, StoreCounts},
};

/// Figures of one run, from the file to the ledger.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunSummary {
    /// Rows of the input: read, accepted, rejected by reason.
    pub reading: Report,
    /// Subject-periods over a claim's size.
    pub refused_groups: Vec<RefusedGroup>,
    /// Subject-periods accepted, known, refused.
    pub ingest: IngestReport,
    /// Tickets deposited before the run.
    pub deposits: DepositReport,
    /// The state of people's consents on the ledger.
    pub followed: Followed,
    /// Batches fixed in this run, their earnings, and the waiting deeds.
    pub formed: FormReport,
    /// Proofs made in this run.
    pub proved: ProveReport,
    /// The ledger's answers.
    pub submitted: SubmitReport,
    /// Claims that the ledger refused for good in this run.
    pub newly_refused: u64,
    /// Deeds of all runs of which no claim could be made; they do not stop others.
    pub aside: Vec<Aside>,
    /// The store after the run.
    pub counts: StoreCounts,
    /// Claims on the ledger, of all runs, for which the store has no earnings although their subjects were not
    /// forgotten. Earnings that are there and do not open are not among them, because a run does not open those of
    /// earlier runs: [`StatusReport::lost_earnings`](crate::StatusReport::lost_earnings) has both.
    pub lost_earnings: u64,
    /// Time on the wall, by phase.
    pub times: PhaseTimes,
}

/// Time on the wall, by phase. Stating runs ahead of proving, and submitting beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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

/// Whether a run did all that it was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything except deeds that wait for a person's consent.
    Whole,
    /// A part: some people were left out.
    Partly,
    /// Nothing.
    Nothing,
}

impl RunSummary {
    /// Whether some people were left out in the end. Claims that the ledger first refused and later
    /// accepted do not count. Neither do accounts without a commitment, which the source must
    /// explain, and those without a ticket, which wait for their people.
    pub fn outcome(&self) -> Outcome {
        let waiting = &self.formed.waiting;
        let untaken = self.ingest.untaken.iter();
        let kept_out = untaken
            .filter(|untaken| untaken.fault != IngestFault::MissingCommitment)
            .count();
        let tickets = self.deposits.refused.len() + self.deposits.damaged.len();
        let unfinished = self.counts.ingested > waiting.total()
            || self.counts.formed > 0
            || self.counts.outbox > 0;
        let left_out = self.reading.rejected > 0
            || !self.refused_groups.is_empty()
            || kept_out > 0
            || tickets > 0
            || self.newly_refused > 0
            || !self.aside.is_empty()
            || !waiting.without_terms.is_empty()
            || waiting.of_sources() > 0
            || !waiting.other_person.is_empty()
            || self.lost_earnings > 0
            || self.submitted.unopened > 0
            || unfinished;
        let done = self.ingest.ingested
            + self.ingest.known
            + self.deposits.deposited
            + self.submitted.acknowledged;
        match (left_out, done) {
            (false, _) => Outcome::Whole,
            (true, 0) => Outcome::Nothing,
            (true, _) => Outcome::Partly,
        }
    }

    /// Claims a second of proving, over the wall; `None` when nothing was proven.
    pub fn claims_per_second(&self) -> Option<f64> {
        let seconds = self.proved.elapsed.as_secs_f64();
        // Counts stay far below 2^52.
        (seconds > 0.0 && self.proved.claims > 0).then(|| self.proved.claims as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::ids::{EntryId, Period, PeriodKind, ScaleId};
    use merits_records::Reason;
    use merits_verifier::{Reason as Refusal, fields};
    use serde_json::json;

    use super::*;
    use crate::{
        consents::Wait,
        ingest::Untaken,
        outbox::SubmitFault,
        store::{AsideReason, Erased, Forgotten},
    };

    /// Programs read it as people do: names of ids and periods, no numbers that only this program knows.
    #[test]
    fn a_summary_is_serialized_as_people_read_it() {
        let period = Period::of_day(PeriodKind::Day, 20_000);
        let mut summary = RunSummary::default();
        summary.reading.reasons.insert(Reason::Missing, 2);
        summary.ingest.untaken.push(Untaken {
            subject: "a".to_owned(),
            period,
            fault: IngestFault::SignatureInvalid,
        });
        summary.submitted.refused.push((
            EntryId([7; 32]),
            SubmitFault::Refused {
                code: Refusal::NoteUsed.into(),
                field: fields::CM.into(),
                message: "was used".to_owned(),
            },
        ));
        summary.formed.waiting.add(Wait::NoTicket);
        summary
            .formed
            .waiting
            .other_person
            .push(("b".to_owned(), period));
        summary.aside.push(Aside {
            subject: None,
            period,
            reason: AsideReason::Proof,
        });
        summary.followed.erased.push(Erased {
            subject: Some("c".to_owned()),
            scale: ScaleId::new("cycling").expect("a scale"),
            period,
            records: Forgotten::default(),
        });
        let read = serde_json::to_value(&summary).expect("JSON");
        let label = period.label();
        assert_eq!(read["reading"]["reasons"], json!({ "missing": 2 }));
        let untaken = &read["ingest"]["untaken"][0];
        assert_eq!(untaken["period"], json!(label));
        assert_eq!(
            untaken["fault"],
            json!(IngestFault::SignatureInvalid.to_string())
        );
        let refused = &read["submitted"]["refused"][0];
        assert_eq!(refused["entry"], json!(EntryId([7; 32]).to_string()));
        assert!(
            refused["reason"]
                .as_str()
                .is_some_and(|text| text.contains("was used"))
        );
        let waiting = &read["formed"]["waiting"];
        assert_eq!(waiting["counts"], json!({ "no-ticket": 1 }));
        assert_eq!(
            waiting["other_person"],
            json!([{ "account": "b", "period": label }])
        );
        assert_eq!(
            read["aside"][0]["reason"],
            json!(AsideReason::Proof.to_string())
        );
        assert_eq!(read["followed"]["erased"][0]["scale"], json!("cycling"));
    }
}
