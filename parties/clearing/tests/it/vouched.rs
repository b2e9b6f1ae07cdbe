//! The accounts say who vouches for the records of a scale.

use merits_clearing::issuance::issuance;
use merits_ledger::{Entry, MemoryStore, Sequencer, State, entry::ScaleProposed};
use merits_ledger_fixture::{Federation, START};
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
fn vouched_credits_are_marked_in_the_books() {
    for vouched in [true, false] {
        let books = issuance(&ledger(vouched)).expect("rows in memory");
        let lines: Vec<(u64, bool)> = books
            .iter()
            .map(|line| (line.claims, line.vouched))
            .collect();
        assert_eq!(lines, [(4, vouched)]);
    }
}
