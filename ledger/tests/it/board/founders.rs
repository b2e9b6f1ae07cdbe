//! Who admits itself.

use super::*;

#[test]
fn founders_admit_themselves_in_the_role_that_the_facts_give_them() {
    let mut board = Board::empty();
    let second = board.supervisors[1].clone();
    let own = Entry::PartyAdmitted(second.application(&board.federation().origin));
    board.refused(&second, &own, "not-founded", "");
    let authority = board.supervisors[0].clone();
    board.join(&authority).expect("the authority is first");
    let mut other_roles = second.clone();
    other_roles.roles = merits_ledger::Roles::new(&[Role::Witness]);
    let own = Entry::PartyAdmitted(other_roles.application(&board.federation().origin));
    board.refused(&second, &own, "founder-roles", "roles");
    // Another key is another party.
    let mut impostor = second.clone();
    impostor.key = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
    let own = Entry::PartyAdmitted(impostor.application(&board.federation().origin));
    let forged = own.sign(&board.federation().origin, second.id, None, &impostor.key);
    board.ledger.refused(&forged, "not-a-founder", "party");
    board.join(&second).expect("a founder");
    assert!(is_active(&board, &second.id));
    let again = board.join(&second).expect("the old place");
    assert!(again.already_present);
    let changed = Entry::PartyAdmitted(merits_ledger::entry::PartyAdmitted::apply(
        &board.federation().origin,
        second.name,
        second.roles,
        &second.key,
        [9; 32],
    ));
    board.refused(&second, &changed, "party-exists", "");
}

#[test]
fn nobody_else_is_admitted_without_an_act() {
    let mut board = Board::new();
    let authority = board.supervisors[0].clone();
    let origin = board.federation().origin.clone();
    let stranger = Member::new(&origin, "stranger", &[Role::Supervisor], 120);
    let own = Entry::PartyAdmitted(stranger.application(&origin));
    board.refused(&stranger, &own, "not-a-founder", "party");
    board.refused(&authority, &own, "not-a-founder", "party");
    // What it may not send for another reason is refused for that reason.
    let voice = endorsement(EntryId([1; 32]), 1);
    board.refused(&stranger, &voice, "party-unknown", "party");
}

/// A supervisor that the founding facts do not name joins as any party does: it applies, and the board decides. It is
/// an act of trust, and no witness has to consent.
#[test]
fn a_supervisor_is_admitted_later_and_decides_from_then_on() {
    let mut board = Board::new();
    let newcomer = Member::new(
        &board.federation().origin,
        "sixth supervisor",
        &[Role::Supervisor],
        120,
    );
    let act = admission(&board, &newcomer);
    let first = board.supervisors[0].clone();
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1], proposal);
    board.later(2 * DAY);
    board.not_enacted(proposal, "act-endorsements", "");
    // It has no voice on its own admission.
    board.refused(
        &newcomer,
        &endorsement(proposal, 1),
        "party-unknown",
        "party",
    );
    board.endorsed_by(&[2], proposal);
    board.not_enacted(proposal, "act-too-early", "");
    board.later(2 * DAY);
    board.enact(proposal).expect("three members, and the delay");
    assert!(is_active(&board, &newcomer.id));
    let sponsor = Member::new(&board.federation().origin, "sponsor", &[Role::Sponsor], 121);
    let act = admission(&board, &sponsor);
    let proposal = board.propose(&newcomer, &act).expect("a member proposes");
    board.endorsed_by(&[3], proposal);
    board.enact(proposal).expect("the newcomer's voice counts");
    assert!(is_active(&board, &sponsor.id));
}

/// One supervisor could do all of this by one entry before there was a board.
#[test]
fn the_entries_of_one_supervisor_are_gone() {
    let mut board = Board::new();
    let authority = board.supervisors[0].clone();
    for kind in [0x0102, 0x0103, 0x0202, 0x0203, 0x0302] {
        let entry = SignedEntry::sign(
            board.federation().origin.clone(),
            kind,
            authority.id,
            vec![1],
            None,
            &authority.key,
        );
        board.ledger.refused(&entry, "kind-unknown", "kind");
    }
}

#[test]
fn a_ledger_of_many_is_not_marked() {
    let board = Board::new();
    assert_eq!(board.state().board().mark(), None);
    let alone = Founded::new();
    let marked = alone.ledger.state().board();
    assert_eq!(marked.mark(), Some(merits_ledger::state::BoardMark::Now));
    let issuer = &alone.federation.issuer.id;
    assert!(
        marked
            .made_alone(merits_ledger::state::Made::Party(issuer))
            .is_some()
    );
    let epoch = merits_ledger::state::Made::Epoch(Epoch(1));
    assert!(marked.made_alone(epoch).is_some());
}

/// Before the witnesses joined there are none, which is not the same as too few left.
#[test]
fn nobody_hurries_before_the_witnesses_join() {
    let mut board = Board::empty();
    for member in board.supervisors.clone() {
        board.join(&member).expect("a founder");
    }
    let first = board.supervisors[0].clone();
    let origin = board.federation().origin.clone();
    let own = Member::new(&origin, "own witness", &[Role::Witness], 120);
    let act = admission(&board, &own);
    let proposal = board.propose(&first, &act).expect("proposed");
    board.endorsed_by(&[1, 2, 3, 4], proposal);
    board.later(31 * DAY);
    board.not_enacted(proposal, "act-consents", "");
    for member in [0, 1] {
        let member = board.witnesses[member].clone();
        board.join(&member).expect("a founder");
    }
    board.consented_by(&[0, 1], proposal);
    board.later(2 * DAY);
    board.enact(proposal).expect("with the founding witnesses");
}
