//! What each act takes, and thresholds that a board cannot have.

use super::*;

#[test]
fn ordinary_acts_take_fewer_members_and_no_delay() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    for (name, role, seed) in [
        ("issuer", Role::Issuer, 120),
        ("source", Role::Source, 121),
        ("distributor", Role::Distributor, 122),
        ("sponsor", Role::Sponsor, 123),
        ("exchange", Role::Exchange, 124),
        ("clearing", Role::Clearing, 125),
    ] {
        let newcomer = Member::new(&board.federation().origin, name, &[role], seed);
        let act = admission(&board, &newcomer);
        let proposal = board.propose(&first, &act).expect("proposed");
        board.not_enacted(proposal, "act-endorsements", "");
        board.endorsed_by(&[1], proposal);
        board.enact(proposal).expect("two members, at once");
    }
}

#[test]
fn acts_of_trust_take_more_members_and_the_delay() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let registrar = board.admitted("registrar", Role::Registrar, 120);
    let evaluator = board.admitted("evaluator", Role::Evaluator, 121);
    let newcomer = Member::new(
        &board.federation().origin,
        "sixth",
        &[Role::Supervisor],
        122,
    );
    for act in [
        admission(&board, &newcomer),
        Act::PartySuspended(change(&registrar, 1)),
        Act::PartyEnded(change(&evaluator, 1)),
        Act::PartySuspended(change(&board.supervisors[4].clone(), 1)),
    ] {
        let proposal = board.propose(&first, &act).expect("proposed");
        board.endorsed_by(&[1], proposal);
        board.later(2 * DAY);
        board.not_enacted(proposal, "act-endorsements", "");
        board.endorsed_by(&[2], proposal);
        board.not_enacted(proposal, "act-too-early", "");
        board.later(2 * DAY);
        board
            .ledger
            .act(&first, &enactment(proposal))
            .expect("enacted");
    }
}

#[test]
fn thresholds_that_a_board_cannot_have_are_refused() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    for wrong in [
        Thresholds {
            ordinary: 0,
            ..THRESHOLDS
        },
        Thresholds {
            trust: 1,
            ..THRESHOLDS
        },
        Thresholds {
            trust: 6,
            ..THRESHOLDS
        },
        Thresholds {
            consents: 4,
            ..THRESHOLDS
        },
        // Nobody would watch any more.
        Thresholds {
            consents: 0,
            ..THRESHOLDS
        },
        // No proposal would outlive it, not even one to shorten it.
        Thresholds {
            delay_seconds: 90 * 86_400 + 1,
            ..THRESHOLDS
        },
    ] {
        let entry = board.proposal(&thresholds(1, wrong));
        board.refused(&first, &entry, "thresholds-invalid", "thresholds");
    }
    let entry = board.proposal(&thresholds(2, THRESHOLDS));
    board.refused(&first, &entry, "out-of-sequence", "generation");
}

/// Otherwise nothing could be decided any more, not even that the suspended one is reinstated.
#[test]
fn a_threshold_that_only_suspended_members_could_reach_is_refused() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let all = |generation| {
        let trust = 5;
        thresholds(
            generation,
            Thresholds {
                trust,
                ..THRESHOLDS
            },
        )
    };
    let raised = board.propose(&first, &all(1)).expect("all five stand");
    board.endorsed_by(&[1, 2, 3, 4], raised);
    board.consented_by(&[0, 1], raised);
    let fourth = board.supervisors[3].clone();
    board.decide(&Act::PartySuspended(change(&fourth, 1)));
    board.later(2 * DAY);
    board.not_enacted(raised, "thresholds-invalid", "thresholds");
    let entry = board.proposal(&all(1));
    board.refused(&first, &entry, "thresholds-invalid", "thresholds");
    board.decide(&Act::PartyReinstated(change(&fourth, 2)));
    board.enact(raised).expect("all five stand again");
}

/// The state follows from the rows, for every reader.
#[test]
fn a_board_is_restored_from_its_rows() {
    let mut board = Board::new();
    let first = board.supervisors[0].clone();
    let sponsor = board.admitted("sponsor", Role::Sponsor, 120);
    let open = board
        .propose(&first, &Act::PartySuspended(change(&sponsor, 1)))
        .expect("proposed");
    board.endorsed_by(&[1], open);
    let raise = Thresholds {
        trust: 4,
        ..THRESHOLDS
    };
    board.decide(&thresholds(1, raise));
    let state = board.state();
    let loaded = merits_ledger::Governing::load(state.policy().clone(), state.rows())
        .expect("rows in memory");
    let (kept, read) = (state.board(), loaded.board());
    assert_eq!(read.thresholds(), &raise);
    assert_eq!(read.generation(), kept.generation());
    assert!(read.acts().eq(kept.acts()));
    assert!(read.voices(&open).eq(kept.voices(&open)));
    assert_eq!(read.mark(), kept.mark());
}
