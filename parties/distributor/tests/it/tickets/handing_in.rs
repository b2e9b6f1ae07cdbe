//! Handing a ticket in: what is wrong with it, and who has it already.

use std::time::Duration;

use merits_distributor::{
    consents::Wait,
    store::{Imported, Inserted, NewDeed, Store, TicketCounts},
    tickets::{Importer, TicketFault},
};
use merits_formula::Record;
use merits_ledger::{Entry, KnownProofs, Role};
use merits_ledger_fixture::{Citizen, Member, acts};
use merits_primitives::{
    Fr,
    commitment::{RecordCommitment, RecordSalt},
    owner::Handle,
};
use merits_records::handover::{HandoverError, Ticket};

use crate::federation::{people::rider, scale_id, week};
use crate::tickets::scene::{Scene, code, rng, waits};
use merits_verifier::Reason;

/// Every fault of a ticket is reported when it is handed in, and nothing of the ticket is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_ticket_is_said() {
    let scene = Scene::new(22, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let distributor = &scene.world.federation.distributor;
    let (consented, file) = scene.given(0, week(36));
    let good = scene.ticket(&rider(0), &consented);
    let one = Fr::from(1u64);
    let fault = async |change: &dyn Fn(&mut Ticket)| {
        let mut bad = good.clone();
        change(&mut bad);
        let file = scene.seal(&bad, distributor);
        scene.import(&node, &file).await.unwrap_err()
    };
    let found = fault(&|ticket| ticket.scale = "reading".into()).await;
    assert!(matches!(found, TicketFault::OtherScale { .. }), "{found}");
    let found = fault(&|ticket| ticket.terms[0] ^= 1).await;
    assert!(matches!(found, TicketFault::Terms(_)), "{found}");
    let found = fault(&|ticket| ticket.source = [8; 32]).await;
    assert!(matches!(found, TicketFault::Source(_)), "{found}");
    for change in [
        |ticket: &mut Ticket| ticket.b.0 += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.key.0 += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.h.0 += Fr::from(1u64),
    ] {
        let found = fault(&change).await;
        assert!(matches!(found, TicketFault::Binding), "{found}");
    }
    let found = fault(&|ticket| ticket.expiry += 1).await;
    assert!(matches!(found, TicketFault::Refused(_)), "{found}");
    let found = fault(&|ticket| ticket.root.0 += one).await;
    assert!(matches!(found, TicketFault::OldRoot), "{found}");
    let found = fault(&|ticket| ticket.proof[3] ^= 1).await;
    let broken = matches!(found, TicketFault::ProofFormat(_) | TicketFault::Proof(_));
    assert!(broken, "{found}");
    for change in [
        |ticket: &mut Ticket| ticket.salt[0] ^= 1,
        |ticket: &mut Ticket| ticket.nullifier.0 += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.period = week(37),
    ] {
        let found = fault(&change).await;
        assert!(matches!(found, TicketFault::Proof(_)), "{found}");
    }

    // Sealed to somebody else, or for somebody else.
    let mut other = file.clone();
    other.distributor = [9; 32];
    let found = scene.import(&node, &other).await.unwrap_err();
    let foreign = HandoverError::OtherParty {
        expected: distributor.id,
        found: merits_primitives::ids::PartyId([9; 32]),
    };
    assert_eq!(found.to_string(), foreign.to_string());
    let state = scene.ledger.state();
    let found = Importer::new(&node, &state, &[7; 32])
        .import(&file, state.time(), &mut rng())
        .await
        .unwrap_err();
    assert!(matches!(
        found,
        TicketFault::Handover(HandoverError::Sealed)
    ));

    // The root is of an hour ago.
    scene.register(&Citizen::new(7), Duration::from_secs(2 * 3_600));
    scene.register(&Citizen::new(8), Duration::from_secs(2 * 3_600));
    let found = scene.import(&node, &file).await.unwrap_err();
    assert!(matches!(found, TicketFault::OldRoot), "{found}");
    assert_eq!(scene.counts(&node).await, TicketCounts::default());
    assert_eq!(node.store().counts(&scale_id()).await.unwrap().subjects, 0);
}

/// What was verified when it was taken in need not be verified again by the distributor's copy of the log.
#[tokio::test(flavor = "multi_thread")]
async fn the_proofs_of_tickets_that_were_taken_in_are_known() {
    let scene = Scene::new(26, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let distributor = &scene.world.federation.distributor;
    let (consented, file) = scene.given(0, week(36));
    let good = scene.ticket(&rider(0), &consented);
    let known = KnownProofs::default();
    let state = scene.ledger.state();
    let mut importer = Importer::new(&node, &state, &scene.secret).knowing(known.clone());
    let mut bad = good.clone();
    bad.salt[0] ^= 1;
    let bad = scene.seal(&bad, distributor);
    let found = importer.import(&bad, state.time(), &mut rng()).await;
    assert!(matches!(found, Err(TicketFault::Proof(_))), "{found:?}");
    assert!(known.is_empty());
    let taken = importer.import(&file, state.time(), &mut rng()).await;
    assert!(matches!(taken, Ok(Imported::New)), "{taken:?}");
    assert_eq!(known.len(), 1);
}

/// Two distributors and one period: the second gets its turn when the person leaves the first.
#[tokio::test(flavor = "multi_thread")]
async fn one_distributor_at_a_time() {
    let scene = Scene::new(27, 1);
    let federation = &scene.world.federation;
    let second = Member::new(&federation.origin, "second", &[Role::Distributor], 40);
    let admitted = acts::admitted(second.application(&federation.origin));
    let admitted = federation.sign(&admitted, &federation.supervisor);
    let terms = Entry::TermsPublished(federation.terms_of(&second));
    for entry in [admitted, federation.sign(&terms, &second)] {
        scene
            .ledger
            .append(&entry, scene.ledger.time() + Duration::from_secs(1));
    }
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = scene.world.node(dirs[0].path(), 5).await;
    let other = scene.world.node_of(&second, dirs[1].path(), 6).await;
    scene.collect(&one, 1, 1, dirs[0].path()).await;
    scene.collect(&other, 1, 1, dirs[1].path()).await;

    let first = scene.hand_in(&one, &[0], week(36)).await;
    let consented = scene.consent(&Citizen::new(0), week(36), &second);
    let file = scene.seal(&scene.ticket(&rider(0), &consented), &second);
    assert_eq!(scene.import(&other, &file).await.unwrap(), Imported::New);
    let report = scene.deposit(&other).await;
    assert_eq!(code(&report.refused[0].1), Some(Reason::TicketReserved));
    assert_eq!(waits(&scene.run(&other).await), [(Wait::NoTicket, 1)]);

    scene.withdraw(&first[0]);
    assert_eq!(scene.import(&other, &file).await.unwrap(), Imported::Again);
    assert_eq!(scene.deposit(&other).await.deposited, 1);
    assert_eq!(scene.run(&other).await.counts.acknowledged, 1);
    let summary = scene.run(&one).await;
    assert_eq!(summary.followed.erased.len(), 1);
    assert_eq!(summary.counts.acknowledged, 0);

    // Nobody can claim for the period again, with any ticket.
    let found = scene.import(&one, &scene.given(0, week(36)).1).await;
    assert!(matches!(found, Err(TicketFault::Withdrawn)));
}

/// On a ledger with tickets too an account that only looks like another one comes in by nothing, and a ticket,
/// which anybody can give for an account of any name, keeps nobody's records out.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_neither_makes_a_lookalike_known_nor_keeps_its_likeness_out() {
    let scene = Scene::new(37, 5);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 1, dir.path()).await;
    let distributor = &scene.world.federation.distributor;
    let give = |number, account: &str| {
        let consented = scene.consent(&Citizen::new(number), week(36), distributor);
        scene.seal(&scene.ticket(account, &consented), distributor)
    };
    let like = give(3, "Rider-000");
    let known = Imported::LooksLike(rider(0));
    assert_eq!(scene.import(&node, &like).await.unwrap(), known);
    assert_eq!(scene.counts(&node).await.total(), 0);
    // Its own tickets are taken in.
    let (_, own) = scene.given(0, week(36));
    assert_eq!(scene.import(&node, &own).await.unwrap(), Imported::New);

    // A ticket comes before any records: the account that it looks like is let in with its records, and the
    // ticket's is not.
    let early = give(4, "Rider-002");
    assert_eq!(scene.import(&node, &early).await.unwrap(), Imported::New);
    scene.collect(&node, 3, 1, dir.path()).await;
    let deed = |commitment: u64| NewDeed {
        subject: "Rider-002".into(),
        period: week(36),
        handle: Handle(Fr::from(commitment)),
        salt: RecordSalt(Fr::from(4u64)),
        records: vec![Record(vec![1, 60])],
        commitment: RecordCommitment(Fr::from(commitment)),
        signature: [0; 64],
    };
    let source = scene.world.federation.source.id;
    let store = node.store();
    let insert = |store: Store, deed: NewDeed| async move {
        store
            .insert_deeds(&scale_id(), &source, &[deed], &mut rng())
            .await
            .unwrap()
    };
    let untaken = insert(store.clone(), deed(11)).await;
    assert_eq!(untaken, [Inserted::LooksLike(rider(2))]);
    // They are two people, as somebody decided.
    let decided = store.clone().with_distinct(["Rider-002".to_owned()]);
    assert_eq!(insert(decided, deed(11)).await, [Inserted::New]);
}
