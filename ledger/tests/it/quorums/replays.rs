//! A ledger with quorums replays to the same state, and every row that its rules read was asked for.

use merits_ledger::entry::Act;
use merits_ledger::{Replay, rows::Table};
use merits_verifier::codec::Canonical as _;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

#[test]
fn a_ledger_of_quorums_replays_to_the_same_state() {
    let mut quorums = Quorums::new();
    quorums.opened();
    let leaves = quorums.ledger.ledger.store().leaves();
    let mut rng = StdRng::seed_from_u64(5);
    let policy = quorums.federation.policy();
    let (state, _) = Replay::run(policy, leaves, &mut rng).expect("the same rules");
    assert_eq!(state.digest(), quorums.state().digest());
    for table in [Table::KeyAttempts, Table::KeyGeneration, Table::KeyMessage] {
        let rows = state.rows().range(table, &[], 1_000).expect("in memory");
        assert!(!rows.is_empty(), "{table}");
    }
    // The keys are read back from the rows as they were.
    let kept = quorums.state().epochs().get(EPOCH).expect("open");
    assert_eq!(state.epochs().get(EPOCH), Some(kept));
    assert_eq!(
        merits_ledger::state::EpochKeys::from_bytes(&kept.to_bytes()).as_ref(),
        Ok(kept)
    );
}

/// An act that opens an epoch of quorums needs no proof beside it, unlike one of sole holders.
#[test]
fn an_act_names_its_attempts_and_has_one_encoding() {
    let act = Act::QuorumEpochOpened(QuorumEpochOpened {
        epoch: EPOCH,
        active_from: Timestamp::from_millis(1),
        previous_accepted_until: Timestamp::from_millis(2),
        readable_until: Timestamp::from_millis(3),
        supervisor: 1,
        witness: 4,
    });
    assert_eq!(Act::from_bytes(&act.to_bytes()), Ok(act));
}
