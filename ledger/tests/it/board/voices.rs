//! Endorsements, revocations, objections and delays.

use super::*;
use merits_ledger::entry::KeySucceeded;

fn sponsorship(board: &mut Board) -> Act {
    let sponsor = Member::new(&board.federation().origin, "sponsor", &[Role::Sponsor], 120);
    admission(board, &sponsor)
}

#[test]
fn only_members_in_standing_and_witnesses_have_a_voice() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let sponsor = board.admitted("sponsor of old", Role::Sponsor, 121);
    let stranger = Member::new(
        &board.federation().origin,
        "stranger",
        &[Role::Supervisor],
        122,
    );
    let (suspended, ended) = (board.supervisors[3].clone(), board.supervisors[4].clone());
    let act = sponsorship(&mut board);
    let proposal = board.propose(&first, &act).expect("proposed");
    board
        .endorse(&suspended, proposal)
        .expect("endorsed in time");
    let key = board
        .federation()
        .statement_key(merits_ledger::entry::PersonStatement::Ticket, 1);
    let trust = board
        .propose(&first, &Act::StatementKeyAdopted(key))
        .expect("proposed");
    board.endorse(&suspended, trust).expect("endorsed in time");
    board.endorse(&ended, trust).expect("endorsed in time");
    for act in [
        Act::PartySuspended(change(&suspended, 1)),
        Act::PartyEnded(change(&ended, 1)),
    ] {
        let decided = board.propose(&first, &act).expect("proposed");
        board.endorsed_by(&[1, 2], decided);
        board.later(2 * DAY);
        board
            .ledger
            .act(&first, &enactment(decided))
            .expect("enacted");
    }
    // They endorsed in time, and do not count any more.
    board.not_enacted(trust, "act-endorsements", "");
    board.not_enacted(proposal, "act-endorsements", "");
    board.refused(
        &suspended,
        &endorsement(trust, 2),
        "party-suspended",
        "party",
    );
    board.refused(
        &suspended,
        &revocation(trust, 1),
        "party-suspended",
        "party",
    );
    board.refused(&ended, &endorsement(trust, 2), "party-ended", "party");
    board.refused(&sponsor, &endorsement(trust, 1), "no-voice", "party");
    board.refused(&stranger, &endorsement(trust, 1), "party-unknown", "party");
    let witness = board.witnesses[0].clone();
    let entry = board.proposal(&act);
    board.refused(&witness, &entry, "role-missing", "");
    board.refused(&sponsor, &entry, "role-missing", "");
    // A witness may say that it agrees, which does not count as an endorsement by a member.
    board.consented_by(&[0, 1, 2], proposal);
    board.not_enacted(proposal, "act-endorsements", "");
    board.endorsed_by(&[1], proposal);
    // Anybody in standing enacts it.
    board
        .ledger
        .act(&sponsor, &enactment(proposal))
        .expect("enacted");
    // Who ended stays so.
    let act = Act::PartyReinstated(change(&ended, 2));
    let entry = board.proposal(&act);
    board.refused(&first, &entry, "party-ended", "party");
}

#[test]
fn endorsements_are_numbered_and_revocable() {
    let mut board = Board::new();
    let (first, second) = (board.supervisors[0].clone(), board.supervisors[1].clone());
    let act = sponsorship(&mut board);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.refused(&second, &revocation(proposal, 1), "voice-missing", "number");
    board.refused(
        &second,
        &endorsement(proposal, 2),
        "out-of-sequence",
        "number",
    );
    board.endorse(&second, proposal).expect("endorsed");
    board.refused(
        &second,
        &endorsement(proposal, 2),
        "voice-standing",
        "number",
    );
    board.refused(&second, &revocation(proposal, 2), "voice-missing", "number");
    let revoked = revocation(proposal, 1);
    board.ledger.act(&second, &revoked).expect("revoked");
    board.not_enacted(proposal, "act-endorsements", "");
    // The first endorsement sent again is that entry, and not a new one.
    let old = board.endorse(&second, proposal).expect("the old place");
    assert!(old.already_present);
    board.not_enacted(proposal, "act-endorsements", "");
    let again = endorsement(proposal, 2);
    board.ledger.act(&second, &again).expect("endorsed again");
    // The proposer may think again too.
    let revoked = revocation(proposal, 1);
    board.ledger.act(&first, &revoked).expect("revoked");
    board.not_enacted(proposal, "act-endorsements", "");
    board.endorsed_by(&[2], proposal);
    board.enact(proposal).expect("two others");
}

#[test]
fn the_delay_runs_from_the_last_endorsement_that_was_needed() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let registrar = Member::new(
        &board.federation().origin,
        "registrar",
        &[Role::Registrar],
        120,
    );
    let act = admission(&board, &registrar);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.later(DAY);
    board.endorsed_by(&[1], proposal);
    board.later(DAY);
    board.endorsed_by(&[2], proposal);
    let needed = time(&board);
    board.later(DAY);
    // One more than needed does not lengthen it.
    board.endorsed_by(&[3], proposal);
    let early = board.federation().sign(&enactment(proposal), &first);
    let from = needed + 2 * DAY;
    let just_before = needed + (2 * DAY - Duration::from_millis(1));
    board
        .ledger
        .refused_at(&early, just_before, "act-too-early", "");
    board.ledger.submit_at(&early, from).expect("exactly then");
    assert!(is_active(&board, &registrar.id));
}

#[test]
fn a_revoked_endorsement_that_was_needed_starts_the_delay_again() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let evaluator = Member::new(
        &board.federation().origin,
        "evaluator",
        &[Role::Evaluator],
        120,
    );
    let act = admission(&board, &evaluator);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2], proposal);
    board.later(DAY);
    let second = board.supervisors[1].clone();
    let revoked = revocation(proposal, 1);
    board.ledger.act(&second, &revoked).expect("revoked");
    board.later(DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    board.endorsed_by(&[3], proposal);
    board.not_enacted(proposal, "act-too-early", "");
    board.later(2 * DAY);
    board.enact(proposal).expect("two days after the fourth");
}

#[test]
fn proposals_have_a_bounded_end_and_number() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let act = sponsorship(&mut board);
    let until = |time| {
        let (act, terms) = (
            act.clone(),
            ProposalTerms {
                number: 1,
                policy: 0,
                until: Some(time),
            },
        );
        Entry::ActProposed(ActProposed { act, terms })
    };
    let now = time(&board);
    board.refused(&first, &until(now), "act-end", "until");
    board.refused(&first, &until(now + 181 * DAY), "act-end", "until");
    // An act of trust must be able to outlive its delay.
    let registrar = Member::new(
        &board.federation().origin,
        "registrar",
        &[Role::Registrar],
        121,
    );
    let short = Entry::ActProposed(ActProposed {
        act: admission(&board, &registrar),
        terms: ProposalTerms {
            number: 1,
            policy: 0,
            until: Some(now + DAY),
        },
    });
    board.refused(&first, &short, "act-end", "until");
    for _ in 0..merits_ledger::state::MOST_PROPOSALS {
        board.propose(&first, &act).expect("proposed");
    }
    let entry = board.proposal(&act);
    board.refused(&first, &entry, "act-too-many", "");
    // Those that are over make room, and others have their own.
    let second = board.supervisors[1].clone();
    board.propose(&second, &act).expect("proposed");
    board.later(61 * DAY);
    board.propose(&first, &act).expect("proposed");
    // Its old ones are not kept, and those of others are.
    let by = |member: &Member| {
        let acts = board.state().board().acts();
        acts.filter(|(_, act)| act.proposer == member.id).count()
    };
    assert_eq!((by(&first), by(&second)), (1, 1));
}

/// Two of three witnesses ended, so that fewer are left than must consent.
#[test]
fn with_too_few_witnesses_all_members_decide_after_30_days_unless_most_object() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    for (witness, consents) in [(2, [0, 1]), (1, [0, 1])] {
        let act = Act::PartyEnded(change(&board.witnesses[witness].clone(), 1));
        let proposal = board.propose(&first, &act).expect("proposed");
        board.endorsed_by(&[1, 2], proposal);
        board.consented_by(&consents, proposal);
        board.later(2 * DAY);
        board.enact(proposal).expect("ended");
    }
    let new = Member::new(
        &board.federation().origin,
        "new witness",
        &[Role::Witness],
        120,
    );
    let act = admission(&board, &new);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.consented_by(&[0], proposal);
    board.endorsed_by(&[1, 2, 3], proposal);
    board.later(DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    board.endorsed_by(&[4], proposal);
    board.later(29 * DAY);
    board.not_enacted(proposal, "act-too-early", "");
    board.later(DAY);
    let watcher = board.witnesses[0].clone();
    let object = objection(proposal);
    board.refused(&first, &object, "role-missing", "");
    let gone = board.witnesses[1].clone();
    board.refused(&gone, &object, "party-ended", "party");
    board.ledger.act(&watcher, &object).expect("objected");
    board.not_enacted(proposal, "act-objected", "");
    // The objection rests while its witness consents, and counts again when the consent is revoked: the entry of
    // the objection itself could not come twice.
    let again = endorsement(proposal, 2);
    board.ledger.act(&watcher, &again).expect("consents");
    let revoked = revocation(proposal, 2);
    board.ledger.act(&watcher, &revoked).expect("revoked");
    board.not_enacted(proposal, "act-objected", "");
    let again = endorsement(proposal, 3);
    board.ledger.act(&watcher, &again).expect("consents");
    board
        .enact(proposal)
        .expect("all members, 30 days, no objection");
    assert!(is_active(&board, &new.id));
}

/// What a member signed shortly before a change of its key counts, and the old key takes nothing over.
#[test]
fn a_succeeded_key_has_its_voice_until_its_grace_is_over() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut board = Board::new();
    let (first, old) = (board.supervisors[0].clone(), board.supervisors[1].clone());
    let act = sponsorship(&mut board);
    let proposal = board.propose(&first, &act).expect("proposed");
    let mut new = old.clone();
    new.key = ed25519_dalek::SigningKey::from_bytes(&[130; 32]);
    let origin = &board.federation().origin;
    let succeeded = KeySucceeded::new(origin, &old.id, 1, &new.key, HOUR);
    board
        .ledger
        .act(&old, &Entry::KeySucceeded(succeeded))
        .expect("succeeded");
    let since = time(&board);
    board
        .endorse(&old, proposal)
        .expect("endorsed with the old key");
    let rotate = rotation(&board, &old, 2, 131);
    board.refused(&old, &rotate, "signature-invalid", "signature");
    let revoke = board.federation().sign(&revocation(proposal, 1), &old);
    board
        .ledger
        .refused_at(&revoke, since + HOUR, "key-rotated", "signature");
    board.ledger.time = since + HOUR;
    board
        .ledger
        .act(&new, &revocation(proposal, 1))
        .expect("revoked with the new key");
    board.not_enacted(proposal, "act-endorsements", "");
}
