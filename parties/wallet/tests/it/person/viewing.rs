//! What a wallet finds from seed and ledger alone.

use std::time::Duration;

use merits_ledger::{
    AnchorInterval, Entry,
    entry::{OpeningContent, OpeningRequested, OpeningRevealed},
    state::OpeningSubject,
};
use merits_ledger_fixture::{Citizen, START, Stage, WORTH};
use merits_primitives::{
    Fr, calendar::Timestamp, field, ids::Credits, note::NoteCommitment, owner::KeyParts,
};
use merits_replica::{LedgerConfig, Replica, ReplicaError};
use merits_wallet::{
    backup::Backup,
    directory::{Directory, WalletConfig},
    net::scan,
    view::{ConsentStanding, NoteOrigin, ScanError, SpendingPurpose, scan_leaves},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::person::home::{Rival, SEED, Town, keys_on, leaf_bytes, town, view_of};

/// A town in which the person has earned, redeemed 30, and attested; others live there too.
pub(crate) fn lived_in() -> (Town, Citizen) {
    let (mut town, citizen) = town();
    let neighbour = Citizen::new(1);
    town.earner(&neighbour).unwrap();
    town.register(&citizen).unwrap();
    let other = Citizen::new(2);
    town.register(&other).unwrap();
    let consents = [
        town.deposit(&other).unwrap(),
        town.deposit(&citizen).unwrap(),
    ];
    let notes = town.earn(&consents).unwrap();
    let offer = town.offer(Credits(30), 10).unwrap();
    town.redeem(&other, &notes[..1], offer).unwrap();
    let (_, change) = town.redeem(&citizen, &notes[1..], offer).unwrap();
    town.attest(&citizen, &[change], Credits(50)).unwrap();
    (town, citizen)
}

/// The note with this index in the ledger's tree.
fn leaf_of(town: &Town, index: u64) -> NoteCommitment {
    town.state().notes().leaves(index, 1).unwrap()[0]
}

#[test]
fn a_person_follows_the_own_credits_from_ticket_to_change() {
    let (mut town, citizen) = town();
    let view = view_of(&town, SEED);
    assert_eq!((view.identity, view.consents.len()), (None, 0));

    town.earner(&Citizen::new(1)).unwrap();
    town.register(&citizen).unwrap();
    let identity = view_of(&town, SEED).identity.unwrap();
    assert_eq!(identity.commitment, citizen.commitment());
    assert_eq!((identity.generation, identity.index), (0, 1));
    assert!(!identity.retired);

    let consented = town.deposit(&citizen).unwrap();
    let view = view_of(&town, SEED);
    let [consent] = view.consents.as_slice() else {
        panic!("one consent is expected, not {:?}", view.consents);
    };
    assert_eq!(consent.message, consented.message);
    assert_eq!(consent.nullifier, consented.deposit.nullifier);
    assert_eq!(consent.distributor, town.federation.distributor.id);
    assert!(matches!(consent.standing, ConsentStanding::Deposited { until } if until > town.time));
    assert!(view.notes.is_empty());

    // A batch in which somebody else's claim comes first.
    let other = Citizen::new(2);
    town.register(&other).unwrap();
    let others = town.deposit(&other).unwrap();
    let notes = town.earn(&[others, consented]).unwrap();
    let view = view_of(&town, SEED);
    let standing = &view.consents[0].standing;
    assert!(matches!(
        standing,
        ConsentStanding::Claimed { claim: 1, .. }
    ));
    let [note] = view.notes.as_slice() else {
        panic!("one note is expected, not {:?}", view.notes);
    };
    assert_eq!((note.value, note.position, note.measure), (WORTH, 2, None));
    assert_eq!(note.cm, notes[1].commitment(&citizen.secret()));
    assert_eq!(view.tree_size, town.state().notes().size());
    assert_eq!(leaf_of(&town, 2), note.cm);
    assert!(matches!(
        &note.from,
        NoteOrigin::Claim { period, claim: 1, vouched: false, .. }
            if *period == town.federation.period()
    ));

    let offer = town.offer(Credits(30), 10).unwrap();
    let (redeemed, change) = town.redeem(&citizen, &notes[1..], offer).unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.notes[0].spent, Some(redeemed));
    let left = &view.notes[1];
    assert_eq!((left.value, left.spent), (Credits(70), None));
    assert_eq!(left.from, NoteOrigin::Change { entry: redeemed });
    assert_eq!(left.cm, change.commitment(&citizen.secret()));
    assert_eq!(
        left.made_of,
        KeyParts::Change {
            sn1: view.spendings[0].sn1
        }
    );
    assert_eq!(leaf_of(&town, left.position), left.cm);
    assert!(matches!(
        view.spendings[0].purpose,
        SpendingPurpose::Redeemed {
            amount: Credits(30),
            ..
        }
    ));
    assert_eq!(
        (view.spendings[0].spent.as_slice(), view.spendings[0].change),
        (&[0][..], Some(1))
    );

    let (attested, _) = town.attest(&citizen, &[change], Credits(50)).unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.notes[1].spent, Some(attested));
    assert_eq!(view.notes[2].value, Credits(70));
    assert!(matches!(
        view.spendings[1].purpose,
        SpendingPurpose::Attested {
            floor: Credits(50),
            ..
        }
    ));
    let spendable: Vec<u64> = view.spendable().map(|note| note.value.0).collect();
    assert_eq!(spendable, [70]);
    assert_eq!(view.faults, []);
}

#[test]
fn two_notes_give_one_change() {
    let (mut town, citizen) = town();
    let first = town.earner(&citizen).unwrap();
    let period = merits_primitives::ids::Period {
        index: town.federation.period().index + 1,
        ..town.federation.period()
    };
    let distributor = town.federation.distributor.clone();
    let second = town
        .federation
        .consent(town.state(), &citizen, period, &distributor)
        .unwrap();
    town.deposit_consent(&second).unwrap();
    let second = town.earn(&[second]).unwrap()[0];
    assert_eq!(first.expiry, second.expiry, "one bucket");
    let offer = town.offer(Credits(150), 1).unwrap();
    town.redeem(&citizen, &[first, second], offer).unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.spendings[0].spent, [0, 1]);
    let spendable: Vec<u64> = view.spendable().map(|note| note.value.0).collect();
    assert_eq!(spendable, [50]);
}

#[test]
fn another_seed_finds_nothing() {
    let (town, _) = lived_in();
    let view = view_of(&town, [8; 32]);
    assert_eq!(view.identity, None);
    assert!(view.consents.is_empty() && view.notes.is_empty() && view.spendings.is_empty());
    assert_eq!(view.tree_size, town.state().notes().size());
}

#[test]
fn a_wallet_of_another_ledger_is_told_so() {
    let (town, _) = town();
    let other = merits_primitives::ids::Origin::new("other.example/merits").unwrap();
    let refused = scan_leaves(town.state(), [], &keys_on(other, SEED));
    assert!(matches!(refused, Err(ScanError::OtherOrigin { .. })));
}

/// A copy of the town's log.
pub(crate) fn replica(town: &Town, directory: &std::path::Path) -> Replica {
    let (policy, log) = (town.federation.policy(), town.federation.signer());
    let mut replica =
        Replica::open(directory, log.public().clone(), policy, &mut rand::rng()).unwrap();
    feed(town, &mut replica).unwrap();
    replica
}

fn feed(town: &Town, replica: &mut Replica) -> Result<(), ReplicaError> {
    let checkpoint = town.ledger.checkpoint().unwrap().to_string();
    let update = replica.update(&checkpoint)?;
    let from = usize::try_from(update.from()).unwrap();
    let leaves = leaf_bytes(town).into_iter().skip(from);
    replica.finish(update, leaves, &mut rand::rng())
}

#[test]
fn a_backup_and_the_ledger_alone_give_the_same_view() {
    let (town, _) = lived_in();
    let dir = tempfile::tempdir().unwrap();
    let log_key = town.federation.signer().public().to_string();
    let config = WalletConfig {
        key_store: "keys".into(),
        ledger: LedgerConfig {
            coordinator: "http://127.0.0.1:7700".to_owned(),
            log_key,
            authority: hex::encode(town.federation.supervisor.id.0),
            least_claims_per_total: 4,
            tickets: true,
            anchor_seconds: AnchorInterval::SECOND.as_secs(),
            board: town.federation.policy().board.to_string(),
            replica: "replica".into(),
            high_water_mark: None,
            allow_dev_keys: true,
            log: None,
            insecure_plaintext: false,
            tls: None,
        },
    };
    let before = Directory::restore(&dir.path().join("lost"), config, &SEED).unwrap();
    let ledger = before.config().ledger.clone();
    let origin = ledger.origin().unwrap();
    let passphrase = "wheel salt lantern";
    let file = dir.path().join("backup.json");
    Backup::seal(
        &before.seed().unwrap(),
        origin.as_str(),
        ledger,
        passphrase,
        &mut rand::rng(),
    )
    .unwrap()
    .write(&file)
    .unwrap();

    let backup = Backup::read(&file).unwrap();
    let config = WalletConfig {
        key_store: "keys".into(),
        ledger: backup.ledger().clone(),
    };
    let seed = backup.open(passphrase).unwrap();
    let after = Directory::restore(&dir.path().join("found"), config, &seed).unwrap();
    assert_eq!(
        after.config().ledger.policy().unwrap(),
        town.federation.policy()
    );
    let copy = replica(&town, &after.config().ledger.replica);
    let found = scan(&copy, &after.keys().unwrap()).unwrap();
    assert_eq!(found, view_of(&town, SEED));
    assert_eq!(found.notes.len(), 3, "the claim and two changes");
}

#[test]
fn a_rewritten_log_is_refused_and_what_was_found_stays() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut copy = replica(&town, dir.path());
    let keys = keys_on(town.federation.origin.clone(), SEED);
    let found = scan(&copy, &keys).unwrap();

    // The same log key signs another history of the same length, in which the person has nothing.
    let mut other = Stage::of(town.federation.clone(), StdRng::seed_from_u64(12));
    other.earner(&Citizen::new(5)).unwrap();
    assert_eq!(other.state().size(), town.state().size());
    let refused = feed(&other, &mut copy).unwrap_err();
    assert!(
        matches!(refused, ReplicaError::Rewritten { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("REWRITTEN"));
    assert_eq!(scan(&copy, &keys).unwrap(), found);
}

#[test]
fn a_retired_identity_keeps_its_history_and_spends_nothing() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    let reborn = citizen.reborn();
    town.register(&reborn).unwrap();
    let view = view_of(&town, SEED);
    let identity = view.identity.as_ref().unwrap();
    assert_eq!(identity.generation, 1);
    assert_eq!(identity.commitment, reborn.commitment());
    assert!(!identity.retired);
    assert_eq!((view.notes.len(), view.notes[0].generation), (1, 0));
    assert_eq!(view.spendable().count(), 0);
}

#[test]
fn whoever_was_registered_anew_under_another_seed_is_over() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    // The same person, as the tag shows, with another wallet.
    let from =
        merits_ledger::state::People::earliest_after_loss(town.time + Duration::from_secs(2));
    let [evaluation, _] = town.federation.register(town.state(), &citizen, from);
    town.submit(&evaluation).unwrap();
    let mut registered = town
        .federation
        .registration(&citizen.reborn(), from, evaluation.id());
    let (fresh, origin) = ([9; 32], town.federation.origin.clone());
    registered.commitment = keys_on(origin, fresh).commitment(0);
    let registrar = town.federation.registrar.clone();
    town.act(&registrar, &Entry::IdentityRegistered(registered))
        .unwrap();

    let old = view_of(&town, SEED);
    assert!(old.identity.as_ref().unwrap().retired);
    assert_eq!((old.notes.len(), old.spendable().count()), (1, 0));
    let new = view_of(&town, fresh).identity.unwrap();
    assert_eq!((new.generation, new.birth.generation), (0, 1));
    assert!(!new.retired);
}

#[test]
fn consents_stand_where_the_ledger_has_them() {
    let (mut town, citizen) = town();
    let rival = Rival::admitted(&mut town);
    town.register(&citizen).unwrap();
    let first = town.deposit(&citizen).unwrap();
    town.withdraw(&first).unwrap();
    let period = town.federation.period();
    let second = town
        .federation
        .consent(town.state(), &citizen, period, &rival.member)
        .unwrap();
    town.deposit_consent(&second).unwrap();
    let standing = |town: &Town| -> Vec<ConsentStanding> {
        let view = view_of(town, SEED);
        view.consents.into_iter().map(|own| own.standing).collect()
    };
    let deposited =
        |standing: &ConsentStanding| matches!(standing, ConsentStanding::Deposited { .. });
    let now = standing(&town);
    assert!(
        now[0] == ConsentStanding::Withdrawn && deposited(&now[1]),
        "{now:?}"
    );

    // Its time passes unused; any later entry shows the ledger's time.
    town.wait(15 * 86_400);
    town.offer(Credits(1), 1).unwrap();
    let later = standing(&town);
    assert_eq!(later, [ConsentStanding::Withdrawn, ConsentStanding::Lapsed]);

    // A withdrawal after the claim leaves the claim, and says that the records are deleted.
    let (mut town, citizen) = self::town();
    town.register(&citizen).unwrap();
    let claimed = town.deposit(&citizen).unwrap();
    town.earn(std::slice::from_ref(&claimed)).unwrap();
    town.withdraw(&claimed).unwrap();
    let view = view_of(&town, SEED);
    let consent = &view.consents[0];
    assert!(matches!(consent.standing, ConsentStanding::Claimed { .. }));
    assert!(consent.withdrawn);
    assert_eq!(view.notes[0].value, WORTH);
}

#[test]
fn a_claim_that_contradicts_itself_is_told_and_not_counted() {
    let (mut town, citizen) = town();
    town.register(&citizen).unwrap();
    let consented = town.deposit(&citizen).unwrap();
    // A party that made the keys alone can prove false statements.
    let (mut batch, _) = town.federation.batch_for(&[consented], &mut town.rng);
    batch.claims[0].public.u.0 += Fr::from(1u64);
    let entry = Entry::EarnBatch(batch);
    let distributor = town.federation.distributor.clone();
    let state = town.ledger.state();
    let signed = town
        .federation
        .prove_entry(state, &entry, Some(&distributor), &mut town.rng)
        .unwrap();
    town.submit(&signed).unwrap();
    let view = view_of(&town, SEED);
    assert!(view.notes.is_empty());
    assert_eq!((view.faults.len(), view.faults[0].entry), (1, signed.id()));
    assert!(view.faults[0].to_string().contains("show this entry"));
}

#[test]
fn an_opening_is_reported_once_it_is_revealed() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    let batch = view_of(&town, SEED).notes[0].from.entry();
    let content = OpeningContent {
        entry: batch,
        claim: 0,
        basis: "court order 7".to_owned(),
        nonce: field::digest("test", &[]),
    };
    let supervisor = town.federation.supervisor.clone();
    let requested = OpeningRequested {
        commitment: content.commitment(&town.federation.origin),
        scale: town.federation.scale_id(),
        deadline: Timestamp::from_millis(START.as_millis() * 2),
    };
    let deadline = town.time + Duration::from_secs(86_400);
    let requested = OpeningRequested {
        deadline,
        ..requested
    };
    let request = town
        .act(&supervisor, &Entry::OpeningRequested(requested))
        .unwrap()
        .id;
    let hidden = view_of(&town, SEED);
    assert_eq!((hidden.openings.len(), hidden.hidden_requests), (0, 1));
    // Nobody without claims of the scale is warned.
    assert_eq!(view_of(&town, [8; 32]).hidden_requests, 0);

    let revealed = OpeningRevealed { request, content };
    town.act(&supervisor, &Entry::OpeningRevealed(revealed))
        .unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.hidden_requests, 0);
    let [opening] = view.openings.as_slice() else {
        panic!("one opening is expected, not {:?}", view.openings);
    };
    assert_eq!(
        (opening.request, opening.entry, opening.claim),
        (request, batch, 0)
    );
    assert_eq!(opening.basis, "court order 7");
    assert!(!opening.completed);
    assert!(view_of(&town, [8; 32]).openings.is_empty());
}

/// Who redeemed is opened by a request of its own kind. The person sees it, and nobody else.
#[test]
fn an_opening_of_who_redeemed_is_reported_to_the_person() {
    let (mut town, _) = lived_in();
    let own = view_of(&town, SEED);
    let redeemed = own
        .spendings
        .iter()
        .find(|spending| matches!(spending.purpose, SpendingPurpose::Redeemed { .. }));
    let redemption = redeemed.unwrap().entry;
    let supervisor = town.federation.supervisor.clone();
    let mut opened = |kind: fn(OpeningRequested) -> Entry, nonce: u8| {
        let content = OpeningContent {
            entry: redemption,
            claim: 0,
            basis: "duty of the bank".to_owned(),
            nonce: [nonce; 32],
        };
        let requested = OpeningRequested {
            commitment: content.commitment(&town.federation.origin),
            scale: town.federation.scale_id(),
            deadline: town.time + Duration::from_secs(86_400),
        };
        let request = town.act(&supervisor, &kind(requested)).unwrap().id;
        let revealed = OpeningRevealed { request, content };
        town.act(&supervisor, &Entry::OpeningRevealed(revealed))
            .unwrap();
        request
    };
    let request = opened(Entry::RedeemerRequested, 1);
    // A request about a claim says nothing of a redemption.
    opened(Entry::OpeningRequested, 2);
    let view = view_of(&town, SEED);
    let [opening] = view.openings.as_slice() else {
        panic!("one opening is expected, not {:?}", view.openings);
    };
    assert_eq!(
        (opening.request, opening.entry, opening.subject),
        (request, redemption, OpeningSubject::Redeemer)
    );
    assert_eq!(opening.basis, "duty of the bank");
    assert!(view_of(&town, [8; 32]).openings.is_empty());
}
