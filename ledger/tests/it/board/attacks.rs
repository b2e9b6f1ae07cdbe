//! The attacks that the board is there to stop.

use super::*;

/// One supervisor admits a witness of its own, and opens an epoch with both halves: every claim
/// would open without a trace from then on.
#[test]
fn one_supervisor_admits_no_witness_of_its_own() {
    let mut board = Board::new();
    let rogue = board.supervisors[1].clone();
    let own = Member::new(
        &board.federation().origin,
        "own witness",
        &[Role::Witness],
        120,
    );
    let act = admission(&board, &own);
    board.refused(&rogue, &at_once(&act, 0), "act-not-alone", "until");
    let proposal = board.propose(&rogue, &act).expect("anybody may propose");
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    // It cannot speak for the others, nor twice for itself.
    let forged = endorsement(proposal, 1).sign(
        &board.federation().origin,
        board.supervisors[2].id,
        None,
        &rogue.key,
    );
    board
        .ledger
        .refused(&forged, "signature-invalid", "signature");
    board.refused(
        &rogue,
        &endorsement(proposal, 2),
        "voice-standing",
        "number",
    );
    board.not_enacted(proposal, "act-endorsements", "");
    assert!(board.state().parties().get(&own.id).is_none());
}

#[test]
fn supervisors_together_admit_no_witness_without_the_witnesses() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let own = Member::new(
        &board.federation().origin,
        "own witness",
        &[Role::Witness],
        120,
    );
    let act = admission(&board, &own);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    board.consented_by(&[0], proposal);
    board.not_enacted(proposal, "act-consents", "");
    board.consented_by(&[1], proposal);
    // The delay runs from the last that was needed.
    board.not_enacted(proposal, "act-too-early", "");
    board.later(2 * DAY);
    board.enact(proposal).expect("with two witnesses");
    assert!(is_active(&board, &own.id));
}

#[test]
fn one_supervisor_opens_no_epoch() {
    let mut board = Board::new();
    let rogue = board.supervisors[1].clone();
    // It made both halves, and named a witness as the holder of the second.
    let witness = board.witnesses[0].clone();
    let entry = board.epoch(&rogue, &witness, ProposalTerms::AT_ONCE);
    board.ledger.refused(&entry, "act-not-alone", "until");
    let terms = board.terms();
    let entry = board.epoch(&rogue, &witness, terms);
    let proposal = board.ledger.submit(&entry).expect("proposed").id;
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    assert!(board.state().epochs().get(Epoch(1)).is_none());
    // A witness of its own is not there to be named.
    let own = Member::new(
        &board.federation().origin,
        "own witness",
        &[Role::Witness],
        120,
    );
    let terms = board.terms();
    let entry = board.epoch(&rogue, &own, terms);
    board.ledger.refused(&entry, "party-unknown", "party");
    // An epoch comes with its proof, or not at all.
    let Entry::EpochProposed(proposed) = Entry::decode(entry.kind, &entry.statement)
        .expect("known")
        .expect("good")
    else {
        panic!("an epoch");
    };
    let act = Act::ViewKeyEpochOpened(proposed.opened);
    let without = board.proposal(&act);
    board.refused(&rogue, &without, "malformed", "act");
}

/// All holders are of the conspirators, who are as many as an act of trust takes.
#[test]
fn conspiring_supervisors_open_no_epoch_without_the_witnesses() {
    let mut board = Board::new();
    let (first, witness) = (board.supervisors[0].clone(), board.witnesses[0].clone());
    let terms = board.terms();
    let entry = board.epoch(&first, &witness, terms);
    let proposal = board.ledger.submit(&entry).expect("proposed").id;
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    board.consented_by(&[0, 2], proposal);
    board.later(2 * DAY);
    board.enact(proposal).expect("with two witnesses");
    assert!(board.state().epochs().get(Epoch(1)).is_some());
}

#[test]
fn nobody_suspends_those_who_would_object() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let witness = board.witnesses[2].clone();
    // As many supervisors as there are suspend no witness.
    let act = Act::PartySuspended(change(&witness, 1));
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    // With the others' consent they do; it still has a voice, and counts among those who must consent.
    board.consented_by(&[0, 1], proposal);
    board.later(2 * DAY);
    board.enact(proposal).expect("suspended");
    let act = Act::PartySuspended(change(&board.witnesses[1].clone(), 1));
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2], proposal);
    board.consented_by(&[0], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    board.consented_by(&[2], proposal);
    board.later(2 * DAY);
    board.enact(proposal).expect("a suspended witness consents");
}

#[test]
fn suspended_members_still_count_in_the_number_that_is_needed() {
    let mut board = Board::new();
    for member in [3, 4] {
        let member = board.supervisors[member].clone();
        board.decide_without_fifth(&Act::PartySuspended(change(&member, 1)));
    }
    let (first, third) = (board.supervisors[0].clone(), board.supervisors[2].clone());
    // Three are left, as many as it takes; two are not enough.
    let key = Act::StatementKeyAdopted(
        board
            .federation()
            .statement_key(merits_ledger::entry::PersonStatement::Ticket, 1),
    );
    let proposal = board.propose(&first, &key).expect("proposed");
    board.endorsed_by(&[1], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    // And none of the three can be suspended, because nobody could undo it.
    let act = Act::PartySuspended(change(&third, 1));
    let entry = board.proposal(&act);
    board.refused(&first, &entry, "last-supervisor", "");
    let act = Act::PartyEnded(change(&third, 1));
    let entry = board.proposal(&act);
    board.refused(&first, &entry, "last-supervisor", "");
}

#[test]
fn one_supervisor_adopts_no_statement_key_of_its_own() {
    let mut board = Board::new();
    let rogue = board.supervisors[1].clone();
    let key = board
        .federation()
        .statement_key(merits_ledger::entry::PersonStatement::Redeem, 1);
    let act = Act::StatementKeyAdopted(key);
    board.refused(&rogue, &at_once(&act, 0), "act-not-alone", "until");
    let proposal = board.propose(&rogue, &act).expect("proposed");
    board.endorsed_by(&[2], proposal);
    board.later(3 * DAY);
    // Enough for an ordinary act, too few for one of trust.
    board.not_enacted(proposal, "act-endorsements", "");
    let keys = board.state().statement_keys();
    assert!(
        keys.get(merits_ledger::entry::PersonStatement::Redeem)
            .is_none()
    );
}

#[test]
fn an_act_that_was_changed_after_the_endorsement_is_another_act() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let origin = board.federation().origin.clone();
    let honest = Member::new(&origin, "honest sponsor", &[Role::Sponsor], 120);
    let other = Member::new(&origin, "other sponsor", &[Role::Sponsor], 121);
    let act = admission(&board, &honest);
    let proposal = board.propose(&first, &act).expect("proposed");
    let second = board.supervisors[1].clone();
    let signed = board.federation().sign(&endorsement(proposal, 1), &second);
    let changed = admission(&board, &other);
    let changed = board.propose(&first, &changed).expect("proposed");
    // The endorsement's signature is for the first id.
    let Entry::ActEndorsed(voice) = endorsement(changed, 1) else {
        panic!("an endorsement");
    };
    let moved = SignedEntry {
        statement: merits_verifier::codec::Canonical::to_bytes(&voice),
        ..signed.clone()
    };
    board
        .ledger
        .refused(&moved, "signature-invalid", "signature");
    board.ledger.submit(&signed).expect("endorsed");
    board.not_enacted(changed, "act-endorsements", "");
    board.enact(proposal).expect("the act that was endorsed");
    assert!(is_active(&board, &honest.id));
    assert!(board.state().parties().get(&other.id).is_none());
}

#[test]
fn an_old_endorsement_does_not_count_for_a_new_act() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let sponsor = Member::new(&board.federation().origin, "sponsor", &[Role::Sponsor], 120);
    let act = admission(&board, &sponsor);
    let old = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1], old);
    board.later(61 * DAY);
    board.not_enacted(old, "act-over", "proposal");
    // Word for word the same act, proposed again.
    let new = board.propose(&first, &act).expect("proposed");
    assert_ne!(old, new);
    board.not_enacted(new, "act-endorsements", "");
    // The old entry sent again is the old entry.
    let second = board.supervisors[1].clone();
    let again = board.endorse(&second, old).expect("the old place");
    assert!(again.already_present);
    board.not_enacted(new, "act-endorsements", "");
}

#[test]
fn nothing_is_enacted_against_a_state_that_moved() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let sponsor = board.admitted("sponsor", Role::Sponsor, 120);
    let suspend = Act::PartySuspended(change(&sponsor, 1));
    let one = board.propose(&first, &suspend).expect("proposed");
    let other = board.propose(&first, &suspend).expect("proposed");
    board.endorsed_by(&[1], one);
    board.endorsed_by(&[1], other);
    board.enact(one).expect("suspended");
    assert!(!is_active(&board, &sponsor.id));
    board.not_enacted(other, "out-of-sequence", "sequence");
    let reinstate = Act::PartyReinstated(change(&sponsor, 2));
    let back = board.propose(&first, &reinstate).expect("proposed");
    board.endorsed_by(&[1], back);
    board.enact(back).expect("reinstated");
    // It is in the standing of the second proposal again, but that is void.
    board.not_enacted(other, "out-of-sequence", "sequence");
    // Nobody endorses it either.
    let third = board.supervisors[2].clone();
    board.refused(
        &third,
        &endorsement(other, 1),
        "out-of-sequence",
        "sequence",
    );
}

#[test]
fn an_enactment_does_not_repeat_an_act() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let sponsor = Member::new(&board.federation().origin, "sponsor", &[Role::Sponsor], 120);
    let act = admission(&board, &sponsor);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1], proposal);
    board.enact(proposal).expect("admitted");
    let again = board.enact(proposal).expect("the old place");
    assert!(again.already_present);
    board.not_enacted(proposal, "act-enacted", "proposal");
    let third = board.supervisors[2].clone();
    board.refused(&third, &endorsement(proposal, 1), "act-enacted", "proposal");
    board.refused(&first, &revocation(proposal, 1), "act-enacted", "proposal");
    board.not_enacted(EntryId([5; 32]), "act-unknown", "proposal");
}

#[test]
fn a_threshold_is_not_lowered_to_ease_the_next_act() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let low = Thresholds {
        ordinary: 1,
        trust: 1,
        delay_seconds: 0,
        consents: 2,
    };
    let lower = thresholds(1, low);
    board.refused(&first, &at_once(&lower, 0), "act-not-alone", "until");
    let proposal = board.propose(&first, &lower).expect("proposed");
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(3 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    // Proposed before the thresholds fall, and void when they do.
    let key = board
        .federation()
        .statement_key(merits_ledger::entry::PersonStatement::Ticket, 1);
    let key = Act::StatementKeyAdopted(key);
    let before = board.propose(&first, &key).expect("proposed");
    board.consented_by(&[1, 2], proposal);
    board.not_enacted(proposal, "act-too-early", "");
    board.later(2 * DAY);
    board.enact(proposal).expect("lowered by all that it takes");
    board.not_enacted(before, "act-policy-moved", "policy");
    board.refused(&first, &at_once(&key, 0), "act-policy-moved", "policy");

    // From now on everything is marked, and stays so.
    let mark = board.state().board().mark();
    assert_eq!(mark, Some(merits_ledger::state::BoardMark::Now));
    let adopted = board.ledger.act(&first, &at_once(&key, 1));
    let adopted = adopted.expect("one alone suffices now").id;
    let raise = thresholds(2, THRESHOLDS);
    let raise = board.propose(&first, &raise).expect("proposed");
    board.consented_by(&[0, 1], raise);
    board.enact(raise).expect("raised");
    let statement = merits_ledger::entry::PersonStatement::Ticket;
    let made = merits_ledger::state::Made::StatementKey(statement, 1);
    let marked = board.state().board();
    assert_eq!(marked.made_alone(made), Some(&adopted));
    // The key, and the act that raised the thresholds.
    let earlier = merits_ledger::state::BoardMark::Earlier { acts: 2 };
    assert_eq!(marked.mark(), Some(earlier));
}

impl Board {
    /// As [`Board::decide`], enacted by the first, so that the fifth may be suspended.
    fn decide_without_fifth(&mut self, act: &Act) {
        let first = self.supervisors[0].clone();
        let proposal = self.propose(&first, act).expect("proposed");
        self.endorsed_by(&[1, 2], proposal);
        self.later(2 * DAY);
        self.ledger
            .act(&first, &enactment(proposal))
            .expect("enacted");
    }
}
