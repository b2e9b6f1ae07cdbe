//! Epochs of quorums are acts of trust that the witnesses consent to, like every epoch.

use merits_ledger::entry::QuorumEpochOpened;
use merits_ledger_fixture::Quorum;
use merits_threshold::Side;

use super::*;

impl Board {
    fn attempt(&mut self, side: Side, needed: u16, members: &[Member]) -> Quorum {
        let (deadline, which) = (self.ledger.time + DAY, (Epoch(1), side, 1));
        let (federation, members) = (self.ledger.federation.clone(), members.to_vec());
        let rng = &mut self.ledger.rng;
        Quorum::new(&federation, which, needed, members, deadline, rng)
    }

    /// Both halves, by all supervisors and all witnesses.
    fn halves(&mut self) {
        let (supervisors, witnesses) = (self.supervisors.clone(), self.witnesses.clone());
        let opener = witnesses[1].clone();
        for (side, needed, members) in [
            (Side::Supervisor, 3, supervisors),
            (Side::Witness, 2, witnesses),
        ] {
            let mut quorum = self.attempt(side, needed, &members);
            self.ledger
                .act(&opener, &quorum.opening())
                .expect("a witness opens it");
            loop {
                let next = quorum.next(self.state());
                if next.is_empty() {
                    break;
                }
                for (member, message) in next {
                    let entry = Entry::KeyGenerationMessage(message);
                    self.ledger.act(&member, &entry).expect("in order");
                }
            }
        }
    }

    fn quorum_epoch(&self) -> Act {
        let from = self.ledger.time + 30 * DAY;
        Act::QuorumEpochOpened(QuorumEpochOpened {
            epoch: Epoch(1),
            active_from: from,
            previous_accepted_until: from,
            readable_until: from + 365 * DAY,
            supervisor: 1,
            witness: 1,
        })
    }
}

#[test]
fn one_supervisor_names_no_quorum_of_its_own() {
    let mut board = Board::new();
    let rogue = board.supervisors[1].clone();
    let origin = board.federation().origin.clone();
    let own = |name, seed| Member::new(&origin, name, &[Role::Witness], seed);
    let own = [
        own("own one", 120),
        own("own two", 121),
        own("own three", 122),
    ];
    // Nobody admitted them.
    let attempt = board.attempt(Side::Witness, 2, &own);
    board.refused(&rogue, &attempt.opening(), "party-unknown", "party");
    // Supervisors that conspire are no witnesses.
    let conspirators = board.supervisors[..3].to_vec();
    let attempt = board.attempt(Side::Witness, 2, &conspirators);
    board.refused(&rogue, &attempt.opening(), "role-missing", "");
    // It alone is no quorum.
    let mut alone = board.attempt(Side::Supervisor, 2, &conspirators);
    (alone.opened.needed, alone.opened.holders) = (1, vec![rogue.id]);
    board.refused(&rogue, &alone.opening(), "quorum-invalid", "holders");
}

#[test]
fn an_epoch_of_quorums_takes_the_board_its_delay_and_the_witnesses() {
    let mut board = Board::new();
    board.halves();
    let first = board.supervisors[0].clone();
    let act = board.quorum_epoch();
    board.refused(&first, &at_once(&act, 0), "act-not-alone", "until");
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    board.consented_by(&[0, 2], proposal);
    board.not_enacted(proposal, "act-too-early", "");
    board.later(2 * DAY);
    board.enact(proposal).expect("with two witnesses");
    let keys = board.state().epochs().get(Epoch(1)).expect("open");
    assert_eq!(keys.supervisor.threshold().to_string(), "3 of 5");
    assert_eq!(keys.witness.threshold().to_string(), "2 of 3");
    assert_eq!(keys.alone().count(), 0);
    let made = merits_ledger::state::Made::Epoch(Epoch(1));
    assert_eq!(board.state().board().made_alone(made), None);
}

/// The holders are asked about again at each step, not only when the act was proposed.
#[test]
fn a_holder_that_lost_its_standing_meanwhile_stops_the_enactment() {
    let mut board = Board::new();
    board.halves();
    let first = board.supervisors[0].clone();
    let act = board.quorum_epoch();
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2], proposal);
    board.consented_by(&[0, 1], proposal);
    let gone = board.witnesses[2].clone();
    board.decide(&Act::PartySuspended(change(&gone, 1)));
    board.not_enacted(proposal, "party-suspended", "party");
    let late = board.supervisors[3].clone();
    board.refused(&late, &endorsement(proposal, 1), "party-suspended", "party");
    board.decide(&Act::PartyReinstated(change(&gone, 2)));
    board.enact(proposal).expect("all are in standing again");
}
