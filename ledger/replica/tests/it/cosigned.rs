//! A copy that demands cosignatures: it knows how old the witnesses' word on it is.

use merits_primitives::calendar::Timestamp;
use merits_replica::{Replica, ReplicaError};
use merits_verifier::log::{Quorum, SignedCheckpoint, WitnessName, WitnessPolicy, WitnessSigner};

use crate::log::{Log, key};

fn witness(number: u8) -> WitnessSigner {
    let name = WitnessName::new(&format!("witness.test/w{number}")).expect("a name");
    WitnessSigner::new(name, key(number))
}

/// Two of three.
fn policy() -> WitnessPolicy {
    let keys = [51, 52, 53].map(|number| witness(number).public().clone());
    let quorum = Quorum::new(keys.into(), 2, 0).expect("a quorum");
    WitnessPolicy::new(quorum, None).expect("a policy")
}

/// The log's newest checkpoint, cosigned by these witnesses at these seconds.
fn cosigned(log: &Log, by: &[(u8, u64)]) -> String {
    let mut note = SignedCheckpoint::parse(&log.checkpoint()).expect("signed");
    for (number, seconds) in by {
        let (witness, time) = (witness(*number), Timestamp::from_millis(seconds * 1_000));
        let line = witness.cosign(&note, &log.key, time).expect("signed");
        note = note
            .with_cosignature(&log.key, witness.public(), &line.to_string())
            .expect("it holds");
    }
    note.to_string()
}

fn follow(log: &Log, replica: &mut Replica, checkpoint: &str) -> Result<(), ReplicaError> {
    let update = replica.update(checkpoint)?;
    if update.is_complete() {
        return Ok(());
    }
    let leaves = log.leaves(update.from());
    replica.finish(update, leaves, &mut rand::rng())
}

fn seconds(replica: &Replica) -> Option<u64> {
    replica
        .cosigned_as_of()
        .map(|time| time.as_millis() / 1_000)
}

#[test]
fn a_copy_knows_when_its_newest_tree_was_cosigned_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Log::founded();
    let open = |log: &Log| log.open(folder.path()).expect("opened").demanding(policy());
    let mut replica = open(&log);
    assert_eq!(seconds(&replica), None);
    // Too few, or nobody: the copy does not move, and nobody vouches for it.
    for by in [&[][..], &[(51, 900)], &[(51, 900), (54, 900)]] {
        let note = cosigned(&log, by);
        assert!(follow(&log, &mut replica, &note).is_err(), "{by:?}");
        assert_eq!((seconds(&replica), replica.size()), (None, 0));
    }
    // The threshold's time counts, and neither the newest nor the oldest.
    let note = cosigned(&log, &[(51, 100), (52, 500), (53, 900)]);
    follow(&log, &mut replica, &note).expect("cosigned");
    assert_eq!((seconds(&replica), replica.size()), (Some(500), 1));

    // The same tree, again and later; an older word takes nothing back.
    follow(&log, &mut replica, &cosigned(&log, &[(51, 600), (52, 700)])).expect("again");
    assert_eq!(seconds(&replica), Some(600));
    follow(&log, &mut replica, &cosigned(&log, &[(51, 300), (52, 700)])).expect("an old note");
    assert_eq!(seconds(&replica), Some(600));

    // A new tree has its own time.
    let old = cosigned(&log, &[(51, 9_000), (52, 9_000)]);
    log.admit(7, 2_000);
    follow(&log, &mut replica, &cosigned(&log, &[(51, 800), (53, 810)])).expect("grown");
    assert_eq!((seconds(&replica), replica.size()), (Some(800), 2));
    // A tree that was cosigned later, but is older, vouches for nothing.
    let refused = follow(&log, &mut replica, &old).expect_err("it went back");
    assert!(
        matches!(refused, ReplicaError::WentBack { .. }),
        "{refused}"
    );
    assert_eq!(seconds(&replica), Some(800));

    // A process that just began has seen nobody's word.
    drop(replica);
    let mut replica = open(&log);
    assert_eq!((seconds(&replica), replica.size()), (None, 2));
    follow(&log, &mut replica, &cosigned(&log, &[(52, 820), (53, 830)])).expect("the same");
    assert_eq!(seconds(&replica), Some(820));
}

/// A branch: another log's history under the same key, with as many cosignatures as one can get alone.
#[test]
fn a_branch_that_witnesses_did_not_cosign_is_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, mut branch) = (Log::founded(), Log::founded());
    let mut replica = log.open(folder.path()).expect("opened").demanding(policy());
    follow(&log, &mut replica, &cosigned(&log, &[(51, 100), (52, 100)])).expect("cosigned");
    log.admit(7, 2_000);
    branch.admit(8, 2_000);
    let shown = cosigned(&branch, &[(53, 200)]);
    assert!(follow(&branch, &mut replica, &shown).is_err());
    assert_eq!((seconds(&replica), replica.size()), (Some(100), 1));
    follow(&log, &mut replica, &cosigned(&log, &[(51, 200), (52, 200)])).expect("cosigned");
    assert_eq!((seconds(&replica), replica.size()), (Some(200), 2));
}
