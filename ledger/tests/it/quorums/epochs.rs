//! Epochs of two quorums: what opens one, rotation while claims keep coming, the attacks, and the end of shares.

use merits_ledger::entry::{KeyShareDestroyed, StandingChange};
use merits_ledger::state::{EpochStanding, Made};
use merits_ledger_fixture::acts;

use super::*;

#[test]
fn an_epoch_takes_two_halves_that_are_made_and_has_every_verification_share() {
    let mut quorums = Quorums::new();
    let halves = quorums.both(EPOCH);
    let opened = quorums.epoch_of(&halves);
    let entry = Federation::quorum_epoch(opened.clone());
    quorums.ledger.supervise(&entry).expect("opened");
    let keys = quorums.state().epochs().get(EPOCH).expect("open").clone();
    assert_eq!(keys.readable_until, Some(opened.readable_until));
    assert_eq!(keys.alone().count(), 0);
    for (side, quorum) in Side::BOTH.into_iter().zip(&halves) {
        let half = keys.half(side);
        assert_eq!(half.threshold().to_string(), "3 of 5");
        for [claim, total] in quorum.shares() {
            assert!(claim.belongs_to(&half.claim) && total.belongs_to(&half.total));
        }
    }
    // A and At are the sums of what the quorums hold.
    let secret = quorums.federation.with_quorums(&halves[0], &halves[1]);
    assert_eq!(secret.keys(), (keys.view_key, keys.totals_key));
    // An epoch of sole holders says so.
    let first = quorums
        .state()
        .epochs()
        .get(Epoch(1))
        .expect("the fixture's");
    let (supervisor, witness) = (&quorums.federation.supervisor, &quorums.federation.witness);
    assert_eq!(
        first.alone().collect::<Vec<_>>(),
        [
            (Side::Supervisor, supervisor.id),
            (Side::Witness, witness.id)
        ]
    );
    let both = merits_ledger::state::HalfMark::Both { epoch: Epoch(1) };
    assert_eq!((first.mark(), keys.mark()), (Some(both), None));
    // One supervisor alone decided it, which stays with it like with any other epoch.
    let board = quorums.state().board();
    assert!(board.made_alone(Made::Epoch(EPOCH)).is_some());
}

#[test]
fn each_fault_of_an_epoch_has_its_refusal() {
    let mut quorums = Quorums::new();
    let halves = quorums.both(EPOCH);
    let good = quorums.epoch_of(&halves);
    let first = quorums.state().epochs().get(Epoch(1)).expect("there");
    let active = first.active_from;
    let mut refuse = |change: &dyn Fn(&mut QuorumEpochOpened), code, field| {
        let mut opened = good.clone();
        change(&mut opened);
        quorums.refused_epoch(opened, code, field);
    };
    refuse(
        &|opened| opened.epoch = Epoch(3),
        "out-of-sequence",
        "epoch",
    );
    refuse(&|opened| opened.active_from = active, "epoch-times", "");
    refuse(
        &|opened| opened.previous_accepted_until = active,
        "epoch-times",
        "",
    );
    refuse(
        &|opened| opened.readable_until = opened.active_from,
        "epoch-times",
        "",
    );
    refuse(
        &|opened| opened.supervisor = 2,
        "key-generation-unknown",
        "attempt",
    );
    refuse(
        &|opened| opened.witness = 0,
        "key-generation-unknown",
        "attempt",
    );
    // An attempt that is not at its end is no half.
    let mut waiting = quorums.attempt(Side::Witness, 2);
    quorums.open(&waiting).expect("opened");
    quorums.play(&mut waiting, Round::Shares);
    let opened = QuorumEpochOpened {
        witness: 2,
        ..good.clone()
    };
    quorums.refused_epoch(opened.clone(), "half-not-made", "witness");
    quorums.play(&mut waiting, Round::Verdict);
    let entry = Federation::quorum_epoch(opened);
    quorums.ledger.supervise(&entry).expect("opened");
    // The first attempt's half is not used again, and its number is over.
    quorums.refused_epoch(good, "out-of-sequence", "epoch");
    // Messages and attempts for an epoch that is open are refused.
    let late = quorums.attempt(Side::Witness, 3);
    let supervisor = quorums.federation.supervisor.clone();
    quorums.refused(&supervisor, &late.opening(), "out-of-sequence", "epoch");
}

#[test]
fn all_holders_of_both_sides_are_in_standing_when_the_epoch_opens() {
    let mut quorums = Quorums::new();
    let halves = quorums.both(EPOCH);
    let holder = quorums.federation.more(Side::Witness)[3].clone();
    let change = |sequence| StandingChange {
        party: holder.id,
        sequence,
        basis: "case 7".to_owned(),
    };
    quorums
        .ledger
        .supervise(&acts::suspended(change(1)))
        .expect("suspended");
    let opened = quorums.epoch_of(&halves);
    quorums.refused_epoch(opened, "party-suspended", "party");
    quorums
        .ledger
        .supervise(&acts::reinstated(change(2)))
        .expect("reinstated");
    let opened = quorums.epoch_of(&halves);
    let entry = Federation::quorum_epoch(opened);
    quorums
        .ledger
        .supervise(&entry)
        .expect("all are in standing");
}

/// From epoch 1 of sole holders to 2 and 3 of quorums, with batches under the old keys in flight.
#[test]
fn epochs_rotate_while_claims_keep_coming() {
    let mut quorums = Quorums::new();
    let standing = |quorums: &Quorums, epoch| {
        let epochs = quorums.state().epochs();
        epochs.standing(Epoch(epoch), quorums.now()).expect("open")
    };
    let halves = quorums.opened();
    let second = quorums.federation.with_quorums(&halves[0], &halves[1]);
    assert_eq!(standing(&quorums, 2), EpochStanding::Pending);
    let early = quorums.batch(&second, EPOCH, 2);
    quorums
        .ledger
        .refused(&early, "epoch-not-accepted", "epoch");
    let first = quorums.federation.clone();
    let under_first = quorums.batch(&first, Epoch(1), 3);
    quorums.ledger.submit(&under_first).expect("active");

    quorums.ledger.time += HOUR;
    assert_eq!(standing(&quorums, 1), EpochStanding::Grace);
    assert_eq!(standing(&quorums, 2), EpochStanding::Active);
    // Proven before the change, submitted after it.
    let in_flight = quorums.batch(&first, Epoch(1), 2);
    quorums
        .ledger
        .submit(&in_flight)
        .expect("within the grace time");
    let under_second = quorums.batch(&second, EPOCH, 2);
    quorums.ledger.submit(&under_second).expect("active");

    quorums.ledger.time += 2 * DAY;
    assert_eq!(standing(&quorums, 1), EpochStanding::Retired);
    // The next epoch is made by the same holders while claims come in.
    let next = Side::BOTH.map(|side| {
        let made = quorums.made(Epoch(3), side);
        let batch = quorums.batch(&second, EPOCH, 1);
        quorums.ledger.submit(&batch).expect("active");
        made
    });
    let opened = quorums.epoch_of(&next);
    let (from, until) = (opened.active_from, opened.previous_accepted_until);
    let entry = Federation::quorum_epoch(opened);
    quorums.ledger.supervise(&entry).expect("opened");
    quorums.ledger.time = from;
    let third = quorums.federation.with_quorums(&next[0], &next[1]);
    let retired = quorums.batch(&first, Epoch(1), 1);
    quorums
        .ledger
        .refused(&retired, "epoch-not-accepted", "epoch");
    for (federation, epoch) in [(&second, EPOCH), (&third, Epoch(3))] {
        let batch = quorums.batch(federation, epoch, 1);
        quorums.ledger.submit(&batch).expect("both are accepted");
    }
    quorums.ledger.time = until;
    let late = quorums.batch(&second, EPOCH, 1);
    quorums.ledger.refused(&late, "epoch-not-accepted", "epoch");
}

impl Quorums {
    /// A batch of this many claims, encrypted under the keys of this federation's halves.
    pub(super) fn batch(
        &mut self,
        federation: &Federation,
        epoch: Epoch,
        claims: usize,
    ) -> merits_verifier::entry::SignedEntry {
        let rng = &mut self.ledger.rng;
        let mut batch = federation.batch(claims, rng);
        batch.epoch = epoch;
        let state = self.ledger.ledger.state();
        let proof = federation.prove(state, &batch, rng).unwrap_or_else(|_| {
            // A state that does not accept the epoch asks for no proof.
            federation.trapdoor.prove(&[], rng).expect("a proof")
        });
        federation.sign_batch(&batch, &proof)
    }
}

#[test]
fn shares_are_destroyed_when_the_retention_of_a_retired_epoch_is_over() {
    let mut quorums = Quorums::new();
    let halves = quorums.opened();
    let until = quorums
        .state()
        .epochs()
        .get(EPOCH)
        .expect("open")
        .readable_until;
    let until = until.expect("named");
    let holder = halves[0].members[2].clone();
    let destroyed = |epoch, side| Entry::KeyShareDestroyed(KeyShareDestroyed { epoch, side });
    let entry = destroyed(EPOCH, Side::Supervisor);
    quorums.refused(&holder, &entry, "share-retained", "epoch");
    // Past its retention, but still the active epoch.
    quorums.ledger.time = until + HOUR;
    quorums.refused(&holder, &entry, "share-retained", "epoch");
    let next = quorums.both(Epoch(3));
    let opened = quorums.epoch_of(&next);
    let over = opened.previous_accepted_until;
    let act = Federation::quorum_epoch(opened);
    quorums.ledger.supervise(&act).expect("opened");
    quorums.ledger.time = over + HOUR;
    // Nobody destroys another's, or another side's, or what it does not hold.
    let witness = quorums.federation.witness.clone();
    quorums.refused(&witness, &entry, "role-missing", "");
    let other_side = destroyed(EPOCH, Side::Witness);
    quorums.refused(&holder, &other_side, "role-missing", "");
    let unknown = destroyed(Epoch(9), Side::Supervisor);
    quorums.refused(&holder, &unknown, "epoch-unknown", "epoch");
    let not_held = destroyed(Epoch(1), Side::Supervisor);
    quorums.refused(&holder, &not_held, "not-a-holder", "party");
    // An epoch without an end keeps its shares.
    let supervisor = quorums.federation.supervisor.clone();
    quorums.refused(&supervisor, &not_held, "share-retained", "epoch");

    quorums.ledger.act(&holder, &entry).expect("destroyed");
    let shares = quorums
        .state()
        .key_generations()
        .destroyed(EPOCH, Side::Supervisor);
    let shares = shares.expect("rows in memory");
    assert_eq!(
        shares.iter().map(|share| share.holder).collect::<Vec<_>>(),
        [holder.id]
    );
    // The same entry again is the same entry; a key that the holder changed makes another.
    let fresh = ed25519_dalek::SigningKey::from_bytes(&[77; 32]);
    let (origin, id) = (quorums.federation.origin.clone(), holder.id);
    let rotated = merits_ledger::entry::KeysRotated::new(&origin, &id, 1, &fresh, [9; 32]);
    quorums
        .ledger
        .act(&holder, &Entry::KeysRotated(rotated))
        .expect("rotated");
    let again = entry.sign(&origin, id, None, &fresh);
    let refused = quorums.ledger.submit(&again).map(|appended| appended.id);
    // Its id is that of statement and party, so it has its receipt.
    assert!(refused.is_ok(), "{refused:?}");
    let shares = quorums
        .state()
        .key_generations()
        .destroyed(EPOCH, Side::Supervisor);
    assert_eq!(shares.expect("rows in memory").len(), 1);

    // A holder that is suspended says so too, and nothing else: a share that is kept longer helps nobody.
    let others = |side: usize, known: [merits_primitives::ids::PartyId; 2]| {
        let mut members = halves[side].members.iter();
        let other = members.find(|member| !known.contains(&member.id));
        other.expect("five of them").clone()
    };
    let suspended = [
        (others(0, [supervisor.id, holder.id]), Side::Supervisor),
        (others(1, [witness.id; 2]), Side::Witness),
    ];
    for (member, side) in &suspended {
        let change = StandingChange {
            party: member.id,
            sequence: 1,
            basis: "case 7".to_owned(),
        };
        let act = acts::suspended(change);
        quorums.ledger.supervise(&act).expect("suspended");
        let other = quorums.attempt_of(Epoch(4), *side, 1).opening();
        quorums.refused(member, &other, "party-suspended", "party");
        let entry = destroyed(EPOCH, *side);
        quorums.ledger.act(member, &entry).expect("destroyed");
    }
    // One that has ended has no key that counts.
    let (ended, _) = &suspended[0];
    let change = StandingChange {
        party: ended.id,
        sequence: 2,
        basis: "case 9".to_owned(),
    };
    let act = acts::at_once(merits_ledger::entry::Act::PartyEnded(change));
    quorums.ledger.supervise(&act).expect("ended");
    let entry = destroyed(Epoch(3), Side::Supervisor);
    quorums.refused(ended, &entry, "party-ended", "party");
}
