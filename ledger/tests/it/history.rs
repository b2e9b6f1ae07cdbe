//! A batch is checked against the parties and scales of its own time.

use crate::founded::Founded;
use merits_ledger::entry::StandingChange;
use merits_ledger::{History, Refusal, Submission};
use merits_ledger_fixture::acts;
use merits_verifier::codec::Canonical;
use merits_verifier::entry::Leaf;
use rand::{SeedableRng, rngs::StdRng};

#[test]
fn a_later_suspension_does_not_reach_back() {
    let mut ledger = Founded::new();
    let batch = ledger.earn(3);
    let index = ledger.submit(&batch).expect("accepted").index;
    let distributor = ledger.federation.distributor.clone();
    let party = distributor
        .application(&ledger.federation.origin)
        .party(&ledger.federation.origin);
    let suspension = acts::suspended(StandingChange {
        party,
        sequence: 1,
        basis: "inspection".to_owned(),
    });
    ledger.supervise(&suspension).expect("accepted");

    let submission = |bytes: &[u8]| {
        let leaf = Leaf::from_bytes(bytes).expect("a leaf");
        Submission::from_signed(leaf.entry, &ledger.federation.origin).expect("an entry")
    };
    let mut history = History::new(ledger.federation.policy());
    let mut rng = StdRng::seed_from_u64(7);
    for (position, leaf) in ledger.ledger.store().leaves().iter().enumerate() {
        if position as u64 == index {
            let job = history
                .state()
                .job(&submission(leaf))
                .expect("judged by its own time");
            assert!(job.is_some());
        }
        history
            .push(leaf, Vec::new(), &mut rng)
            .expect("an honest log");
    }
    // What governs nothing has no effect, so the memory of a history does not grow with it.
    let governing = ledger.ledger.store().leaves().iter();
    let governing = governing.filter(|leaf| {
        let submission = submission(leaf);
        submission.entry().governs()
    });
    assert_eq!(history.state().size(), governing.count() as u64);
    let leaves = ledger.ledger.store().leaves();
    let today = history
        .state()
        .authenticate(submission(&leaves[index as usize]));
    assert!(matches!(today, Err(Refusal::PartySuspended { .. })));
}
