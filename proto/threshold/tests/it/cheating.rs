//! Holders that do not keep to the protocol: each is named, and nobody else.

use merits_primitives::{ids::PartyId, jubjub::random_scalar};
use merits_sealing::{SealingKey, seal};
use merits_threshold::{
    message::{Body, Message, Round, Slot, Verdict},
    participant::ParticipantFault,
    standing::{Blame, Fault, Standing, standing},
};
use merits_verifier::codec::Canonical as _;

use crate::federation::Federation;

/// That this party is at fault, for this among its faults, and nobody else. A dealer that shows others something
/// else than itself also confirms something else.
fn only(seen: &Standing, party: PartyId, fault: &Fault) -> bool {
    let Standing::Failed(blames) = seen else {
        return false;
    };
    blames.iter().all(|blame| blame.party == party)
        && blames.iter().any(|blame| blame.fault == *fault)
}

fn failed(party: PartyId, fault: Fault) -> Standing {
    Standing::Failed(vec![Blame { party, fault }])
}

/// Plays the honest holders' turns while the cheater's published message of `round` is altered.
fn cheat(place: usize, round: Round, alter: impl FnMut(&mut Message)) -> (Federation, Standing) {
    let mut federation = Federation::new(2, 4, 11);
    let mut alter = alter;
    let cheater = federation.party(place);
    // The cheater runs its own program, which does not mind what it published: it sees its own version.
    let mut own = std::collections::BTreeMap::new();
    loop {
        let before = federation.board.len();
        for turn in 0..federation.holders.len() {
            let public = federation.board.clone();
            if turn == place {
                federation.board.extend(own.clone());
            }
            let mut published = Vec::new();
            federation.turn(turn, &mut |slot, bytes| {
                published.push((slot, bytes.clone()));
                Some(bytes)
            });
            federation.board = public;
            for (slot, bytes) in published {
                if slot.party == cheater {
                    own.insert(slot, bytes.clone());
                }
                let bytes = if slot.party == cheater && slot.round == round {
                    let mut message = Message::from_bytes(&bytes).expect("a message");
                    alter(&mut message);
                    message.to_bytes()
                } else {
                    bytes
                };
                federation.board.insert(slot, bytes);
            }
        }
        if federation.board.len() == before {
            let seen = standing(&federation.ceremony, &federation.board);
            return (federation, seen);
        }
    }
}

#[test]
fn a_package_that_is_not_the_one_of_its_hash() {
    let (federation, seen) = cheat(1, Round::Hash, |message| {
        message.body = Body::Hash([7; 32]);
    });
    assert_eq!(seen, failed(federation.party(1), Fault::OtherPackage));
}

#[test]
fn a_package_of_another_threshold_or_without_a_proof() {
    // The hash fits, because the cheater hashes what it publishes.
    let publish = |change: fn(&mut merits_threshold::message::Package)| {
        let mut federation = Federation::new(3, 4, 13);
        let cheater = federation.party(2);
        let ceremony = federation.ceremony.digest();
        let mut package = None;
        let mut probe = Federation::new(3, 4, 13);
        probe.play(&mut |slot, bytes| {
            if slot.party == cheater && slot.round == Round::Package {
                package = Some(Message::from_bytes(&bytes).expect("a message"));
            }
            Some(bytes)
        });
        let mut message = package.expect("a package");
        let Body::Package(package) = &mut message.body else {
            panic!("a package");
        };
        change(package);
        let hash = Message {
            ceremony,
            body: Body::Hash(package.hash(&ceremony, &cheater)),
        };
        federation.holders.remove(2);
        for (round, message) in [(Round::Hash, &hash), (Round::Package, &message)] {
            let slot = Slot {
                round,
                party: cheater,
            };
            federation.board.insert(slot, message.to_bytes());
        }
        let seen = federation.play(&mut |_, bytes| Some(bytes));
        (cheater, seen)
    };
    let (cheater, seen) = publish(|package| {
        package.sealing_key = [0; 32];
    });
    assert_eq!(seen, failed(cheater, Fault::SealingKey));
    let (cheater, seen) = publish(|package| {
        package.total.coefficients.pop();
    });
    let fault = Fault::Coefficients {
        key: "total",
        found: 2,
        needed: 3,
    };
    assert_eq!(seen, failed(cheater, fault));
    let (cheater, seen) = publish(|package| {
        package.total.response += merits_primitives::jubjub::Scalar::from(1u64);
    });
    assert_eq!(seen, failed(cheater, Fault::Unproven { key: "total" }));
    let (cheater, seen) = publish(|package| {
        package.total.coefficients.swap(0, 1);
    });
    assert_eq!(seen, failed(cheater, Fault::Unproven { key: "total" }));
}

#[test]
fn another_attempts_package_is_not_proven_in_this_one() {
    let mut old = Federation::new(2, 3, 14);
    old.play_honestly();
    let mut next = Federation::attempt(2, 3, 14, 2);
    let cheater = next.party(0);
    let slot = Slot {
        round: Round::Package,
        party: cheater,
    };
    let bytes = &old.board[&slot];
    // As it is.
    next.board.insert(slot, bytes.clone());
    next.holders.remove(0);
    let mut message = Message::from_bytes(bytes).expect("a message");
    let Body::Package(package) = &message.body else {
        panic!("a package");
    };
    let ceremony = next.ceremony.digest();
    let hash = Message {
        ceremony,
        body: Body::Hash(package.hash(&ceremony, &cheater)),
    };
    let hash_slot = Slot {
        round: Round::Hash,
        ..slot
    };
    next.board.insert(hash_slot, hash.to_bytes());
    let mut relabelled = Federation::attempt(2, 3, 14, 2);
    relabelled.holders.remove(0);
    relabelled.board = next.board.clone();
    let seen = next.play(&mut |_, bytes| Some(bytes));
    assert_eq!(seen, failed(cheater, Fault::OtherCeremony(Round::Package)));
    // Relabelled: the proof of knowledge was made for other identifiers.
    message.ceremony = ceremony;
    relabelled.board.insert(slot, message.to_bytes());
    let seen = relabelled.play(&mut |_, bytes| Some(bytes));
    assert_eq!(seen, failed(cheater, Fault::Unproven { key: "claim" }));
}

#[test]
fn a_copied_package_is_not_the_copiers() {
    let mut federation = Federation::new(2, 3, 15);
    let (victim, copier) = (federation.party(1), federation.party(0));
    let ceremony = federation.ceremony.digest();
    let mut probe = Federation::new(2, 3, 15);
    probe.play_honestly();
    let copied = probe.board[&Slot {
        round: Round::Package,
        party: victim,
    }]
        .clone();
    let Body::Package(package) = Message::from_bytes(&copied).expect("a message").body else {
        panic!("a package");
    };
    let hash = Message {
        ceremony,
        body: Body::Hash(package.hash(&ceremony, &copier)),
    };
    federation.holders.remove(0);
    for (round, bytes) in [(Round::Hash, hash.to_bytes()), (Round::Package, copied)] {
        let slot = Slot {
            round,
            party: copier,
        };
        federation.board.insert(slot, bytes);
    }
    let seen = federation.play(&mut |_, bytes| Some(bytes));
    assert_eq!(seen, failed(copier, Fault::Unproven { key: "claim" }));
}

#[test]
fn a_wrong_dealer_is_named_however_it_deals() {
    let victim = Federation::new(2, 4, 11).party(2);
    type Alter = fn(&mut merits_sealing::Sealed);
    let ways: [Alter; 3] = [
        // It does not open.
        |sealed| sealed.ciphertext[5] ^= 1,
        // It is cut.
        |sealed| sealed.ciphertext.truncate(20),
        // It is sealed to somebody else.
        |sealed| {
            let stranger = SealingKey::generate(&mut rand::rng());
            let share = [1u8; 64];
            let info = b"merits/dkg/share/v1";
            *sealed =
                seal(&stranger.public(), info, &[0; 32], &share, &mut rand::rng()).expect("sealed");
        },
    ];
    for (case, way) in ways.into_iter().enumerate() {
        let (federation, seen) = cheat(0, Round::Shares, |message| {
            let Body::Shares(shares) = &mut message.body else {
                panic!("shares");
            };
            let share = shares.iter_mut().find(|share| share.to == victim);
            way(&mut share.expect("the victim's").sealed);
        });
        // The dealer reveals the share that it should have dealt, which does not seal to what it dealt.
        let fault = Fault::WrongShare(victim);
        assert!(only(&seen, federation.party(0), &fault), "{case}: {seen:?}");
    }
}

#[test]
fn a_dealer_that_reveals_another_share_or_none_is_named() {
    let victim = Federation::new(2, 4, 11).party(2);
    let (federation, seen) = cheat(0, Round::Shares, |message| {
        let Body::Shares(shares) = &mut message.body else {
            panic!("shares");
        };
        let share = shares.iter_mut().find(|share| share.to == victim);
        share.expect("the victim's").sealed.ciphertext[0] ^= 1;
    });
    let dealer = federation.party(0);
    let fault = Fault::WrongShare(victim);
    assert!(only(&seen, dealer, &fault), "{seen:?}");
    let slot = Slot {
        round: Round::Reveal,
        party: dealer,
    };
    let revealed = Message::from_bytes(&federation.board[&slot]).expect("a message");
    for case in 0..2 {
        let mut message = revealed.clone();
        let Body::Reveal(shares) = &mut message.body else {
            panic!("revealed");
        };
        if case == 0 {
            shares.clear();
        } else {
            let other =
                merits_primitives::jubjub::scalar_to_bytes(&random_scalar(&mut rand::rng()));
            shares[0].share[..32].copy_from_slice(&other);
        }
        let mut board = federation.board.clone();
        board.insert(slot, message.to_bytes());
        let seen = standing(&federation.ceremony, &board);
        assert!(only(&seen, dealer, &fault), "{case}: {seen:?}");
    }
    // Silence: everybody sees who is waited for.
    let mut board = federation.board;
    board.remove(&slot);
    let (round, missing) = (Round::Reveal, vec![dealer]);
    assert_eq!(
        standing(&federation.ceremony, &board),
        Standing::Waiting { round, missing }
    );
}

#[test]
fn a_false_complaint_falls_back_on_the_complainer() {
    let dealer = Federation::new(2, 4, 11).party(1);
    let (federation, seen) = cheat(3, Round::Verdict, |message| {
        message.body = Body::Verdict(Verdict::Complaint(vec![dealer]));
    });
    let fault = Fault::FalseComplaint(dealer);
    assert_eq!(seen, failed(federation.party(3), fault));
    let own = federation.party(3);
    for accused in [own, PartyId([99; 32])] {
        let (federation, seen) = cheat(3, Round::Verdict, |message| {
            message.body = Body::Verdict(Verdict::Complaint(vec![accused]));
        });
        assert_eq!(seen, failed(federation.party(3), Fault::NoDealer(accused)));
    }
}

#[test]
fn who_saw_something_else_does_not_finish() {
    let (federation, seen) = cheat(2, Round::Verdict, |message| {
        message.body = Body::Verdict(Verdict::Fits([9; 32]));
    });
    assert_eq!(seen, failed(federation.party(2), Fault::SawOther));
}

#[test]
fn shares_for_too_few_and_messages_of_another_round() {
    let (federation, seen) = cheat(1, Round::Shares, |message| {
        let Body::Shares(shares) = &mut message.body else {
            panic!("shares");
        };
        shares.remove(1);
    });
    assert_eq!(seen, failed(federation.party(1), Fault::Receivers));
    let (federation, seen) = cheat(1, Round::Hash, |message| {
        message.body = Body::Shares(Vec::new());
    });
    let party = federation.party(1);
    assert!(
        matches!(
            &seen,
            Standing::Failed(blames) if matches!(
                blames.as_slice(),
                [Blame { party: named, fault: Fault::Malformed { round: Round::Hash, .. } }] if *named == party
            )
        ),
        "{seen:?}"
    );
}

#[test]
fn a_message_that_changes_is_found_by_those_who_saw_the_first() {
    let mut federation = Federation::new(2, 3, 18);
    federation.turn(0, &mut |_, bytes| Some(bytes));
    federation.turn(1, &mut |_, bytes| Some(bytes));
    let party = federation.party(0);
    let round = Round::Hash;
    let slot = Slot { round, party };
    let message = Message {
        ceremony: federation.ceremony.digest(),
        body: Body::Hash([1; 32]),
    };
    federation.board.insert(slot, message.to_bytes());
    let again = |place: usize, federation: &mut Federation| {
        federation.holders[place].advance(&federation.ceremony, &federation.board)
    };
    assert_eq!(
        again(1, &mut federation),
        Err(ParticipantFault::Changed { party, round })
    );
    // And by the one in whose name it was published.
    assert_eq!(
        again(0, &mut federation),
        Err(ParticipantFault::NotMine { round })
    );
}
