//! What one supervisor alone decided is told with every receipt that rests on it.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use merits_kit::{Kit, KitError};
use merits_ledger::{
    Blob, Role, Thresholds,
    entry::{Act, EARN_BATCH, ThresholdsChanged},
};
use merits_ledger_fixture::{Citizen, Member, Stage, acts};
use merits_verifier::{codec::Canonical as _, entry::Leaf, groth16::KeyPolicy, receipt::Receipt};
use rand::{SeedableRng as _, rngs::StdRng};

type Town = Stage<StdRng>;

/// What is encrypted under the fixture's first epoch.
const ONE_HOLDER: &str =
    "each half of view-key epoch 1 has one holder: two machines together open every claim under it";

fn town() -> Town {
    Town::new(StdRng::seed_from_u64(48)).unwrap()
}

/// Two supervisors decide together from now on.
fn raise(town: &mut Town) {
    let federation = town.federation.clone();
    let roles = &[Role::Supervisor];
    let second = Member::new(&federation.origin, "second supervisor", roles, 90);
    let admitted = acts::admitted(second.application(&federation.origin));
    town.act(&federation.supervisor, &admitted).unwrap();
    let thresholds = Thresholds {
        ordinary: 2,
        trust: 2,
        delay_seconds: 0,
        consents: 0,
    };
    let raised = acts::at_once(Act::ThresholdsChanged(ThresholdsChanged {
        generation: 1,
        thresholds,
    }));
    town.act(&federation.supervisor, &raised).unwrap();
}

/// The marks of the first batch, by a kit of everything that governs.
fn marks_of_batch(town: &Town) -> Vec<String> {
    let leaves = town.ledger.store().leaves();
    let receipt = |index: usize| town.ledger.receipt(index as u64).unwrap();
    let is_batch = |leaf: &Vec<u8>| Leaf::from_bytes(leaf).unwrap().entry.kind == EARN_BATCH;
    let batch = leaves.iter().position(is_batch).unwrap();
    let receipts = (0..leaves.len())
        .map(|index| Ok::<(Receipt, Vec<Blob>), KitError>((receipt(index), Vec::new())));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kit");
    let signer = town.federation.signer();
    merits_kit::write(signer.public(), &town.federation.policy(), receipts, &path).unwrap();
    let keys = KeyPolicy {
        allow_dev_keys: true,
    };
    let shown = Kit::read(&path)
        .unwrap()
        .show(&receipt(batch), keys, &mut rand::rng());
    shown.unwrap().marks
}

#[test]
fn a_receipt_of_a_board_of_one_says_so() {
    let mut town = town();
    town.earner(&Citizen::new(1)).unwrap();
    let marks = marks_of_batch(&town);
    assert_eq!(marks[1..], [ONE_HOLDER]);
    assert!(marks[0].starts_with("one supervisor alone decides on this ledger"));
}

#[test]
fn what_was_made_under_a_threshold_of_one_keeps_the_mark() {
    let mut town = town();
    raise(&mut town);
    town.earner(&Citizen::new(1)).unwrap();
    let marks = marks_of_batch(&town);
    assert!(marks[0].starts_with("one supervisor alone could decide on this ledger earlier"));
    assert_eq!(
        marks[1..],
        [
            "one supervisor alone decided the approval of cycling-week version 1",
            "one supervisor alone decided view-key epoch 1",
            "one supervisor alone decided the admission of source",
            ONE_HOLDER,
        ]
    );
}
