//! What one supervisor may do alone: suspend a party for 72 hours.

use super::*;
use merits_ledger::entry::EmergencySuspended;
use merits_ledger::{Replay, Submission};
use rand::{SeedableRng, rngs::StdRng};

const HOUR: Duration = Duration::from_secs(3_600);

fn emergency(party: &Member, number: u32) -> Entry {
    Entry::EmergencySuspended(EmergencySuspended {
        party: party.id,
        number,
        basis: "its key was published".to_owned(),
    })
}

#[test]
fn one_member_suspends_for_72_hours_once_in_30_days() {
    let mut board = Board::new();
    let second = board.supervisors[1].clone();
    let sponsor = board.admitted("sponsor", Role::Sponsor, 120);
    board.refused(&sponsor, &emergency(&sponsor, 1), "role-missing", "");
    board.refused(
        &second,
        &emergency(&sponsor, 2),
        "out-of-sequence",
        "number",
    );
    let suspended = emergency(&sponsor, 1);
    board.ledger.act(&second, &suspended).expect("suspended");
    let since = time(&board);
    let rotate = rotation(&board, &sponsor, 1, 121);
    let signed = board.federation().sign(&rotate, &sponsor);
    let last = since + (72 * HOUR - Duration::from_millis(1));
    board
        .ledger
        .refused_at(&signed, since, "party-suspended", "party");
    board
        .ledger
        .refused_at(&signed, last, "party-suspended", "party");
    // It ends by itself, and nobody else's entry is needed for that.
    board
        .ledger
        .submit_at(&signed, since + 72 * HOUR)
        .expect("in standing again");
    board.ledger.time = since + 72 * HOUR;
    board.refused(&second, &emergency(&sponsor, 2), "emergency-again", "party");
    let third = board.supervisors[2].clone();
    board.refused(&third, &emergency(&sponsor, 2), "emergency-again", "party");
    board.ledger.time = since + 30 * DAY;
    board
        .ledger
        .act(&third, &emergency(&sponsor, 2))
        .expect("30 days later");
}

#[test]
fn those_on_whom_trust_rests_are_suspended_by_acts_only() {
    let mut board = Board::new();
    let second = board.supervisors[1].clone();
    let registrar = board.admitted("registrar", Role::Registrar, 120);
    let evaluator = board.admitted("evaluator", Role::Evaluator, 121);
    let (first, witness) = (board.supervisors[0].clone(), board.witnesses[0].clone());
    for protected in [first, witness, registrar, evaluator] {
        board.refused(
            &second,
            &emergency(&protected, 1),
            "emergency-protected",
            "party",
        );
    }
}

#[test]
fn the_board_ends_or_keeps_an_emergency_suspension() {
    let mut board = Board::new();
    let (first, second) = (board.supervisors[0].clone(), board.supervisors[1].clone());
    let sponsor = board.admitted("sponsor", Role::Sponsor, 120);
    board
        .ledger
        .act(&second, &emergency(&sponsor, 1))
        .expect("suspended");
    let reinstate = Act::PartyReinstated(change(&sponsor, 1));
    let proposal = board.propose(&first, &reinstate).expect("proposed");
    board.endorsed_by(&[2], proposal);
    board
        .enact(proposal)
        .expect("reinstated within the 72 hours");
    let rotate = rotation(&board, &sponsor, 1, 121);
    board.ledger.act(&sponsor, &rotate).expect("in standing");
    // In standing there is nothing to reinstate.
    let entry = board.proposal(&Act::PartyReinstated(change(&sponsor, 2)));
    board.refused(&first, &entry, "standing-unchanged", "");

    let exchange = board.admitted("exchange", Role::Exchange, 122);
    board
        .ledger
        .act(&second, &emergency(&exchange, 1))
        .expect("suspended");
    let since = time(&board);
    let suspend = Act::PartySuspended(change(&exchange, 1));
    let proposal = board.propose(&first, &suspend).expect("proposed");
    board.endorsed_by(&[2], proposal);
    board.enact(proposal).expect("suspended for good");
    let rotate = rotation(&board, &exchange, 1, 123);
    let signed = board.federation().sign(&rotate, &exchange);
    board
        .ledger
        .refused_at(&signed, since + 100 * HOUR, "party-suspended", "party");
}

/// An emergency suspension ends between two entries. Whoever replays the log verifies many leaves together against
/// one state, and must still judge each at its own time.
#[test]
fn a_replay_judges_each_entry_at_its_time() {
    let mut board = Board::new();
    let second = board.supervisors[1].clone();
    let sponsor = board.admitted("sponsor", Role::Sponsor, 120);
    board
        .ledger
        .act(&second, &emergency(&sponsor, 1))
        .expect("suspended");
    board.later(72 * HOUR);
    let rotate = rotation(&board, &sponsor, 1, 121);
    board
        .ledger
        .act(&sponsor, &rotate)
        .expect("in standing again");
    let policy = board.state().policy().clone();
    let leaves = board.ledger.ledger.store().leaves();
    let (state, _) =
        Replay::run(policy, leaves, &mut StdRng::seed_from_u64(1)).expect("an honest log");
    assert_eq!(state.digest(), board.state().digest());
}

/// Reading a key takes milliseconds, so a party that one member suspended costs none: these bytes are no statement, and
/// nobody notices while the suspension holds.
#[test]
fn a_party_that_is_suspended_in_an_emergency_costs_no_key() {
    let mut board = Board::new();
    let second = board.supervisors[1].clone();
    let issuer = board.admitted("issuer", Role::Issuer, 120);
    board
        .ledger
        .act(&second, &emergency(&issuer, 1))
        .expect("suspended");
    let since = time(&board);
    let federation = board.federation().clone();
    let kind = Entry::ScaleProposed(federation.scale(1)).kind();
    let no_statement = b"no statement".to_vec();
    let origin = federation.origin.clone();
    let broken = SignedEntry::sign(origin, kind, issuer.id, no_statement, None, &issuer.key);
    assert!(Submission::from_signed(broken.clone(), &federation.origin).is_err());
    let last = since + (72 * HOUR - Duration::from_millis(1));
    for time in [since, last] {
        let refusal = board.state().check_before_key(&broken, time);
        let refusal = refusal.expect_err("suspended");
        assert_eq!(refusal.code().as_str(), "party-suspended");
        let ledger = &mut board.ledger;
        ledger.refused_at(&broken, time, "party-suspended", "party");
    }
    let after = since + 72 * HOUR;
    assert_eq!(board.state().check_before_key(&broken, after), Ok(()));
    let answer = board.ledger.submit_at(&broken, after);
    let refusal = answer.expect_err("no statement");
    assert_ne!(refusal.code().as_str(), "party-suspended", "{refusal}");
}
