//! Holders that do not keep to the protocol: the attempt ends, and each is named in the state.

use merits_ledger::state::Guilty;
use merits_threshold::message::{Body, Verdict};

use super::*;

/// Plays until this round, in which the holder at `place` publishes something else.
fn cheat(round: Round, place: usize, alter: impl Fn(&mut Body)) -> (Quorums, Quorum) {
    let mut quorums = Quorums::new();
    let mut quorum = quorums.attempt(Side::Witness, 1);
    quorums.open(&quorum).expect("opened");
    let before = Round::ALL.into_iter().filter(|before| *before < round);
    if let Some(before) = before.max() {
        quorums.play(&mut quorum, before);
    }
    for (at, (member, mut message)) in quorum.next(quorums.state()).into_iter().enumerate() {
        if at == place {
            alter(&mut message.message.body);
        }
        quorums.publish(&(member, message));
    }
    (quorums, quorum)
}

fn failed(quorums: &Quorums, quorum: &Quorum) -> Vec<Guilty> {
    match quorums.generation(quorum).progress {
        Progress::Failed { guilty } => guilty,
        other => panic!("it failed: {other:?}"),
    }
}

fn alone(quorum: &Quorum, place: usize, fault: &str) -> Vec<Guilty> {
    let (party, fault) = (quorum.members[place].id, fault.to_owned());
    let other = None;
    vec![Guilty {
        party,
        fault,
        other,
    }]
}

/// After a failure, no message is taken and no epoch takes the attempt; another attempt begins at once.
fn is_over(mut quorums: Quorums, quorum: &Quorum) {
    let supervisors = quorums.made(EPOCH, Side::Supervisor);
    let from = quorums.now() + HOUR;
    let opened = QuorumEpochOpened {
        epoch: EPOCH,
        active_from: from,
        previous_accepted_until: from,
        readable_until: from + YEAR,
        supervisor: supervisors.opened.attempt,
        witness: quorum.opened.attempt,
    };
    quorums.refused_epoch(opened.clone(), "half-not-made", "witness");
    let again = quorums.made(EPOCH, Side::Witness);
    assert_eq!(again.opened.attempt, 2);
    let opened = QuorumEpochOpened {
        witness: 2,
        ..opened
    };
    let entry = Federation::quorum_epoch(opened);
    quorums.ledger.supervise(&entry).expect("without the cheat");
}

#[test]
fn a_package_that_is_not_the_one_of_its_hash_ends_the_attempt() {
    let (mut quorums, mut quorum) = cheat(Round::Hash, 2, |body| *body = Body::Hash([5; 32]));
    quorums.play(&mut quorum, Round::Package);
    assert_eq!(
        failed(&quorums, &quorum),
        alone(&quorum, 2, "other-package")
    );
    is_over(quorums, &quorum);
}

#[test]
fn a_polynomial_of_another_degree_ends_the_attempt() {
    let (quorums, quorum) = cheat(Round::Package, 1, |body| {
        if let Body::Package(package) = body {
            package.claim.coefficients.pop();
        }
    });
    // Another package has another hash, which is the first fault.
    assert_eq!(
        failed(&quorums, &quorum),
        alone(&quorum, 1, "other-package")
    );
    is_over(quorums, &quorum);
}

#[test]
fn who_deals_nothing_to_somebody_is_named() {
    let (quorums, quorum) = cheat(Round::Shares, 3, |body| {
        if let Body::Shares(shares) = body {
            shares.pop();
        }
    });
    assert_eq!(failed(&quorums, &quorum), alone(&quorum, 3, "receivers"));
    is_over(quorums, &quorum);
}

#[test]
fn a_wrong_share_convicts_its_dealer_after_a_complaint() {
    let (mut quorums, mut quorum) = cheat(Round::Shares, 0, |body| {
        if let Body::Shares(shares) = body {
            shares[1].sealed.ciphertext[3] ^= 1;
        }
    });
    // The receiver complains, the dealer reveals, and everybody seals again and compares.
    let receiver = quorum.members[2].id;
    quorums.play(&mut quorum, Round::Reveal);
    let guilty = failed(&quorums, &quorum);
    let dealer = quorum.members[0].id;
    let wrong = Guilty {
        party: dealer,
        fault: "wrong-share".to_owned(),
        other: Some(receiver),
    };
    // A dealer that shows others something else than itself also confirms something else.
    assert!(guilty.contains(&wrong), "{guilty:?}");
    assert!(
        guilty.iter().all(|guilty| guilty.party == dealer),
        "{guilty:?}"
    );
    is_over(quorums, &quorum);
}

#[test]
fn a_false_complaint_falls_back_on_the_complainer() {
    let mut accused = None;
    let (mut quorums, mut quorum) = {
        let mut quorums = Quorums::new();
        let mut quorum = quorums.attempt(Side::Witness, 1);
        quorums.open(&quorum).expect("opened");
        quorums.play(&mut quorum, Round::Shares);
        for (at, (member, mut message)) in quorum.next(quorums.state()).into_iter().enumerate() {
            if at == 4 {
                accused = Some(quorum.members[1].id);
                message.message.body =
                    Body::Verdict(Verdict::Complaint(accused.into_iter().collect()));
            }
            quorums.publish(&(member, message));
        }
        (quorums, quorum)
    };
    let Progress::Waiting { round, missing } = quorums.generation(&quorum).progress else {
        panic!("the accused answers")
    };
    assert_eq!(
        (round, missing),
        (Round::Reveal, vec![quorum.members[1].id])
    );
    // Nobody else has something to reveal.
    let honest = quorum.members[0].clone();
    let mut other = quorum.next(quorums.state());
    other.retain(|(member, _)| member.id == quorum.members[1].id);
    let reveal = other.swap_remove(0);
    let entry = Entry::KeyGenerationMessage(reveal.1.clone());
    quorums.refused(&honest, &entry, "key-generation-published", "round");
    quorums.publish(&reveal);
    let guilty = failed(&quorums, &quorum);
    assert_eq!(
        guilty,
        [Guilty {
            party: quorum.members[4].id,
            fault: "false-complaint".to_owned(),
            other: accused,
        }]
    );
    is_over(quorums, &quorum);
}

#[test]
fn who_confirms_something_else_does_not_finish() {
    let (quorums, quorum) = cheat(Round::Verdict, 2, |body| {
        *body = Body::Verdict(Verdict::Fits([3; 32]));
    });
    assert_eq!(failed(&quorums, &quorum), alone(&quorum, 2, "saw-other"));
    is_over(quorums, &quorum);
}
