//! A sponsor's report says who vouches for the records of a scale.

use merits_kit::offline::VerifiedBatch;
use merits_ledger::{Entry, MemoryStore, Sequencer, State, entry::ScaleProposed};
use merits_ledger_fixture::{Federation, START};
use merits_primitives::ids::{EntryId, PartyId};
use merits_sponsor::report::{BatchOutcome, Report};
use merits_verifier::codec::Canonical as _;

/// A ledger whose scale is vouched or not, with one batch.
fn ledger(vouched: bool) -> State {
    let mut rng = rand::rng();
    let federation = Federation::generate(&mut rng).expect("a federation");
    let mut founding = federation.founding_entries(&mut rng);
    founding.truncate(6);
    let scale = ScaleProposed {
        vouched,
        ..federation.scale(1)
    };
    let proposal = federation.sign(&Entry::ScaleProposed(scale), &federation.issuer);
    let approval = federation.approval(1, proposal.id());
    founding.extend([proposal, approval]);
    let state = State::new(federation.policy());
    let mut ledger = Sequencer::new(state, MemoryStore::new(), federation.signer());
    for entry in &founding {
        ledger.submit(&entry.to_bytes(), START).expect("founded");
    }
    let batch = federation
        .earn(ledger.state(), 4, &mut rng)
        .expect("a batch");
    ledger.submit(&batch.to_bytes(), START).expect("taken");
    ledger.state().clone()
}

#[test]
fn vouched_credits_are_marked_in_the_report() {
    for vouched in [true, false] {
        let state = ledger(vouched);
        let keys = state.totals().keys().expect("rows in memory");
        let key = *keys.first().expect("a batch");
        let (scale, record) = state.scales().by_asset(key.asset).expect("the scale");
        let outcome = BatchOutcome {
            entry: EntryId([1; 32]),
            offline: Ok(VerifiedBatch {
                entry: EntryId([1; 32]),
                index: 8,
                time: START,
                scale: scale.clone(),
                version: record.versions[0].version(),
                asset: key.asset,
                period: key.period,
                distributor: PartyId([2; 32]),
                source: PartyId([3; 32]),
                claims: 4,
            }),
            online: None,
        };
        let line = serde_json::to_value(&outcome).expect("JSON");
        assert_eq!(line["entry"], "01".repeat(32));
        assert_eq!(
            (&line["claims"], &line["offline"]),
            (&4.into(), &"valid".into())
        );
        assert!(line["online"].is_null());
        let mut report = Report::default();
        report.add(&outcome);
        let report = report.finish(&state).expect("rows in memory");
        let aggregate = &report.aggregates[&(scale.clone(), key.period)];
        assert_eq!((aggregate.claims, aggregate.vouched), (4, vouched));
    }
}
