//! From records to receipts against the real ledger rules, in memory.

mod federation;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use federation::{MemoryLedger, RECORDS, World, csv, read_groups, scale_id, week};
use merits_distributor::{
    consents::Consents,
    disclosing::{DiscloseError, Ground, disclose},
    ingest::{IngestError, IngestFault, Ingestion},
    node::Node,
    outbox::{LedgerPort, OutboxError, Patience, SubmitFault, empty_outbox},
    progress::Event,
    run::RunError,
    store::{Store, StoreError},
    summary::EarnedSum,
    terms::source_key,
};
use merits_ledger::{
    Entry,
    entry::{OpeningContent, OpeningRequested},
    fixture::{Federation, START},
};
use merits_primitives::{
    commitment::Opening,
    identity::Secret,
    ids::{Credits, EntryId, Epoch, Origin, PartyId},
    message::{self, Consent},
    owner::{self, Handle},
    scope,
};
use merits_records::bundle::{Bundle, FileReader, SignedCommitment, write_line};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

/// A full run: records in, receipts out, and everything that follows from them.
#[tokio::test(flavor = "multi_thread")]
async fn records_become_receipts() {
    let world = World::new(1);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let groups = read_groups(&csv(5, 2), world.schema());
    let worth: u128 = groups
        .iter()
        .map(|group| {
            u128::from(
                world
                    .manifest
                    .formula()
                    .eval(&group.records, &[16_272])
                    .unwrap()
                    .credits,
            )
        })
        .sum();
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    let report = world
        .ingest(&node, &ledger.state(), groups.clone(), &bundle)
        .await;
    assert_eq!((report.ingested, report.untaken.len()), (10, 0));
    let again = world
        .ingest(&node, &ledger.state(), groups.clone(), &bundle)
        .await;
    assert_eq!((again.ingested, again.known), (0, 10));

    let summary = world
        .run(&node, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();
    // Five subjects a week in batches of two: three batches a week.
    assert_eq!((summary.formed.batches, summary.formed.claims), (6, 10));
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (6, 6)
    );
    let earned = EarnedSum {
        credits: worth,
        measure: None,
    };
    assert_eq!((summary.formed.earned, summary.earned), (earned, earned));
    assert_eq!(summary.counts.acknowledged, 10);
    assert_eq!(
        (
            summary.counts.outbox,
            summary.counts.formed,
            summary.counts.ingested
        ),
        (0, 0, 0)
    );

    // Receipts hold offline, under the log's key alone.
    let receipts = node.store().receipts(&scale_id()).await.unwrap();
    assert_eq!(receipts.len(), 6);
    let log_key = world.federation.signer().public().clone();
    for (entry, receipt) in &receipts {
        let verified = Receipt::parse(receipt)
            .unwrap()
            .verify(&log_key)
            .unwrap()
            .id();
        assert_eq!(verified, *entry);
    }

    // Nothing is left to do, and doing it again adds nothing.
    let before = ledger.state().size();
    let summary = world
        .run(&node, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (0, 0)
    );
    assert_eq!(ledger.state().size(), before);

    // The owner finds the own credits with the seed and the ledger alone.
    let mut found = 0;
    for batch in ledger.batches() {
        for claim in &batch.claims {
            for group in groups.iter().filter(|group| group.period == batch.period) {
                let secret = Secret::from_seed(&[5; 32], &group.subject);
                let f1 = scope::claim_scope(batch.terms.asset, batch.period, None);
                let consent = Consent {
                    origin: &world.federation.origin,
                    distributor: &world.federation.distributor.id,
                    terms: &world.manifest.terms_digest(),
                    expiry: batch.terms.expiry,
                };
                let f2 = message::claim_message(&consent, &secret, f1);
                let h = owner::handle(&secret, scope::source_scope(&batch.source));
                let binding = owner::bind(&owner::owner_key(&secret, f1, f2), &h);
                if binding.b == claim.public.b {
                    let credits = world
                        .manifest
                        .formula()
                        .eval(&group.records, &[16_272])
                        .unwrap()
                        .credits;
                    let credits = Credits(credits);
                    assert_eq!(binding.reveal(claim.public.u, false), Some(credits.into()));
                    found += 1;
                }
            }
        }
    }
    assert_eq!(found, 10);

    // What is disclosed of a claim opens its commitment and gives its credits.
    let (entry, receipt) = &receipts[0];
    let leaf = Receipt::parse(receipt).unwrap();
    let leaf = leaf.verify(&log_key).unwrap();
    let Some(Ok(Entry::EarnBatch(batch))) =
        Entry::decode(leaf.leaf().entry.kind, &leaf.leaf().entry.statement)
    else {
        panic!("an earn batch")
    };
    let state = ledger.state();
    let disclosure = disclose(&node, &state, world.schema(), (*entry, 1), Ground::Person)
        .await
        .unwrap();
    let records = disclosure.records();
    let opening = Opening {
        schema: world.schema().id(),
        period: disclosure.period,
        count: records.len() as u16,
        handle: Handle(disclosure.h),
        salt: disclosure.salt,
        packed: &world.schema().pack(&records),
    };
    assert_eq!(opening.commitment(), batch.claims[1].public.c);
    for (entry, claim) in [(*entry, 2), (EntryId([0; 32]), 0)] {
        let claim = (entry, claim);
        let error = disclose(&node, &state, world.schema(), claim, Ground::Person)
            .await
            .unwrap_err();
        assert!(matches!(error, DiscloseError::Unknown { .. }));
    }
    no_claim_is_disclosed_without_a_trace(&world, &ledger, &node, *entry).await;
}

/// A supervisor gets what its logged request is for, and nothing else.
async fn no_claim_is_disclosed_without_a_trace(
    world: &World,
    ledger: &MemoryLedger,
    node: &Node,
    entry: EntryId,
) {
    let content = OpeningContent {
        entry,
        claim: 1,
        basis: "sampling, case 17".into(),
        nonce: [9; 32],
    };
    let time = START + 1_000;
    let requested = Entry::OpeningRequested(OpeningRequested {
        commitment: content.commitment(&world.federation.origin),
        scale: scale_id(),
        deadline: time + 86_400_000,
    });
    let requested = world
        .federation
        .sign(&requested, &world.federation.supervisor);
    let id = requested.id();
    let ask = async |claim: u16, content: &OpeningContent| {
        let ground = Ground::Request { id, content };
        disclose(
            node,
            &ledger.state(),
            world.schema(),
            (entry, claim),
            ground,
        )
        .await
    };
    let early = ask(1, &content).await;
    assert!(matches!(early, Err(DiscloseError::NotRequested(found)) if found == id));
    ledger.append(&requested, time);
    assert_eq!(ask(1, &content).await.unwrap().claim, 1);
    let other = ask(0, &content).await;
    assert!(matches!(
        other,
        Err(DiscloseError::OtherClaim { claim: 1, .. })
    ));
    // The right claim, and not what was asked for in the log.
    let renamed = OpeningContent {
        claim: 0,
        ..content.clone()
    };
    let forged = ask(0, &renamed).await;
    assert!(matches!(forged, Err(DiscloseError::OtherRequest(found)) if found == id));
}

/// Every way in which a bundle can be wrong is named for its subject-period, and costs no other.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_did_not_sign_is_named() {
    let world = World::new(2);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let mut groups = read_groups(&csv(8, 1), world.schema());
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    let (header, lines) = FileReader::<Bundle, _>::open(&bundle[..]).unwrap();
    let mut lines: Vec<SignedCommitment> = lines.collect::<Result<_, _>>().unwrap();
    let one = merits_primitives::Fr::from(1u64);
    lines[1].signature[5] ^= 1;
    lines[2].h += one;
    lines[3].salt += one;
    let twin = SignedCommitment {
        c: lines[4].c + one,
        ..lines[4].clone()
    };
    lines.push(twin);
    let orphan = SignedCommitment {
        subject: "nobody".into(),
        ..lines[0].clone()
    };
    lines.push(orphan);
    lines.remove(6);
    groups[5].records[0].0[1] += 1;
    let mut bent = Vec::new();
    write_line(&mut bent, &header).unwrap();
    for line in &lines {
        write_line(&mut bent, line).unwrap();
    }
    let report = world.ingest(&node, &ledger.state(), groups, &bent).await;
    let faults: BTreeMap<&str, &IngestFault> = report
        .untaken
        .iter()
        .map(|untaken| (untaken.subject.as_str(), &untaken.fault))
        .collect();
    assert_eq!(report.ingested, 2);
    assert_eq!(report.unused_commitments, 1);
    assert_eq!(faults["rider-001"], &IngestFault::SignatureInvalid);
    assert_eq!(faults["rider-002"], &IngestFault::ForeignHandle);
    assert!(matches!(
        faults["rider-003"],
        IngestFault::CommitmentMismatch { .. }
    ));
    assert_eq!(faults["rider-004"], &IngestFault::TwoCommitments);
    assert!(matches!(
        faults["rider-005"],
        IngestFault::CommitmentMismatch { .. }
    ));
    assert_eq!(faults["rider-006"], &IngestFault::MissingCommitment);
    assert_eq!(faults.len(), 6);

    // Bundles for somebody else are refused as a whole.
    let (state, source) = (ledger.state(), world.federation.source.id);
    let key = source_key(&state, &source).unwrap();
    let origin = Origin::new("elsewhere").unwrap();
    let ingestion = Ingestion {
        origin: node.origin(),
        scale: node.scale(),
        schema: world.schema(),
        source,
        source_key: &key,
        custody: Some(node.custody()),
        store: node.store(),
    };
    let foreign = |ingestion: Ingestion<'_>| match ingestion.read_bundle(&bundle[..]) {
        Err(IngestError::ForeignBundle { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        foreign(Ingestion {
            origin: &origin,
            ..ingestion
        }),
        "log origin"
    );
    assert_eq!(
        foreign(Ingestion {
            source: PartyId([8; 32]),
            ..ingestion
        }),
        "source"
    );
    let mut schema = world.schema().clone();
    schema.max_records = RECORDS + 1;
    assert_eq!(
        foreign(Ingestion {
            schema: &schema,
            ..ingestion
        }),
        "record schema"
    );
    // A source that the ledger does not know.
    let error = source_key(&state, &PartyId([8; 32])).unwrap_err();
    assert!(
        error.to_string().contains("not admitted as a source"),
        "{error}"
    );
    let error = source_key(&state, &world.federation.issuer.id).unwrap_err();
    assert!(error.to_string().contains("is no source"), "{error}");
}

/// Forgetting before, between and after: keys and records go, the ledger stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_subject_is_gone_and_the_ledger_is_not() {
    let world = World::new(3);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let groups = read_groups(&csv(6, 1), world.schema());
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    world.ingest(&node, &ledger.state(), groups, &bundle).await;
    let store = node.store();
    assert_eq!(store.forget("nobody").await.unwrap(), None);

    // Not yet claimed.
    let forgotten = store.forget("rider-000").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (1, 0, 0)
    );

    // In a batch that is fixed and not proven: the batch is taken apart.
    let state = ledger.state();
    let terms = world.terms(&state);
    let mut rng = StdRng::from_rng(&mut rand::rng());
    node.form_batches(
        &world.pool,
        &terms,
        &Consents::Custody,
        &mut rng,
        &|_: Event| {},
    )
    .await
    .unwrap();
    assert_eq!(store.counts(&scale_id()).await.unwrap().claimed, 5);
    let forgotten = store.forget("rider-001").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (1, 0, 1)
    );

    let summary = world
        .run(&node, &ledger, &state, Patience::default())
        .await
        .unwrap();
    assert_eq!(summary.counts.acknowledged, 4);
    let claims: usize = ledger
        .batches()
        .iter()
        .map(|batch| batch.claims.len())
        .sum();
    assert_eq!(claims, 4);

    // On the ledger already.
    let keys_before = wrapped_keys(dir.path()).await;
    assert_eq!(keys_before.len(), 4);
    let forgotten = store.forget("rider-002").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (0, 1, 0)
    );
    let keys_after = wrapped_keys(dir.path()).await;
    let gone: Vec<_> = keys_before
        .iter()
        .filter(|key| !keys_after.contains(key))
        .collect();
    assert_eq!(gone.len(), 1);
    let mut forgotten_claims = 0;
    for (entry, receipt) in store.receipts(&scale_id()).await.unwrap() {
        let receipt = Receipt::parse(&receipt).unwrap();
        receipt.verify(world.federation.signer().public()).unwrap();
        for claim in 0..2 {
            match disclose(
                &node,
                &ledger.state(),
                world.schema(),
                (entry, claim),
                Ground::Person,
            )
            .await
            {
                Err(DiscloseError::Forgotten { .. }) => forgotten_claims += 1,
                Ok(_) | Err(DiscloseError::Unknown { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(forgotten_claims, 1);
    // The wrapped key is in none of the files, not in free pages and not in the log.
    store.close().await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes
                .windows(gone[0].len())
                .any(|window| window == gone[0].as_slice()),
            "{} still holds the key",
            path.display()
        );
        let name = b"rider-003";
        let holds_name = bytes.windows(name.len()).any(|window| window == name);
        assert!(!holds_name, "{} holds a name in the clear", path.display());
    }
}

async fn wrapped_keys(dir: &std::path::Path) -> Vec<Vec<u8>> {
    use sqlx::Connection;
    let path = format!("sqlite://{}", dir.join("node.sqlite").display());
    let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
    let keys = sqlx::query_scalar("SELECT wrapped_key FROM subject")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    keys
}

/// A commitment that is on the ledger already costs its own claim; its batch fellows are claimed
/// in another batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_commitment_costs_its_claim_only() {
    let world = World::new(4);
    let ledger = MemoryLedger::founded(&world);
    let (first_dir, second_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let groups = read_groups(&csv(4, 1), world.schema());
    let first = world.node(first_dir.path(), 5).await;
    let bundle = world.bundle(&groups, first.custody(), first_dir.path());
    world
        .ingest(&first, &ledger.state(), groups[1..2].to_vec(), &bundle)
        .await;
    world
        .run(&first, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();

    // The same accounts on a node that lost its store.
    let second = world.node(second_dir.path(), 5).await;
    world
        .ingest(&second, &ledger.state(), groups, &bundle)
        .await;
    let summary = world
        .run(&second, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (3, 1)
    );
    assert_eq!(summary.submitted.refused.len(), 1);
    let (_, fault) = &summary.submitted.refused[0];
    assert!(matches!(fault, SubmitFault::Refused { code, .. } if code == "commitment-used"));
    let reasons = second.store().refusals(&scale_id()).await.unwrap();
    assert!(reasons[0].1.contains("already used"), "{reasons:?}");
}

/// Terms that move on between forming and proving: the batch is stated anew, under the new key.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_makes_batches_anew() {
    let world = World::new(5);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let groups = read_groups(&csv(3, 1), world.schema());
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    world.ingest(&node, &ledger.state(), groups, &bundle).await;
    let old = ledger.state();
    let mut rng = StdRng::seed_from_u64(1);
    let terms = world.terms(&old);
    let formed = node
        .form_batches(
            &world.pool,
            &terms,
            &Consents::Custody,
            &mut rng,
            &|_: Event| {},
        )
        .await
        .unwrap();
    assert_eq!(formed.batches, 2);

    let now = START + 1000;
    let epoch = fresh_keys(&world, &mut rng).epoch(Epoch(2), now, now, &mut rng);
    let entry = world.federation.sign(
        &Entry::ViewKeyEpochOpened(epoch),
        &world.federation.supervisor,
    );
    ledger.append(&entry, now);
    let summary = world
        .run(&node, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();
    assert_eq!(summary.proved.dissolved, 2);
    assert_eq!(summary.counts.acknowledged, 3);
    assert!(ledger.batches().iter().all(|batch| batch.epoch == Epoch(2)));

    // Proven under the old terms and refused for it: also stated anew.
    let later = read_groups(&csv(3, 2), world.schema());
    let bundle = world.bundle(&later, node.custody(), dir.path());
    world.ingest(&node, &ledger.state(), later, &bundle).await;
    let old = ledger.state();
    let now = START + 2000;
    let epoch = fresh_keys(&world, &mut rng).epoch(Epoch(3), now, now, &mut rng);
    let entry = world.federation.sign(
        &Entry::ViewKeyEpochOpened(epoch),
        &world.federation.supervisor,
    );
    ledger.append(&entry, now + 1);
    let summary = world
        .run(&node, &ledger, &old, Patience::default())
        .await
        .unwrap();
    assert_eq!(
        (summary.submitted.outdated, summary.counts.acknowledged),
        (2, 3)
    );
    let summary = world
        .run(&node, &ledger, &ledger.state(), Patience::default())
        .await
        .unwrap();
    assert_eq!(summary.counts.acknowledged, 6);
    assert_eq!(summary.counts.refused, 0);
}

/// The same federation with other view keys: each half serves one epoch only.
fn fresh_keys(world: &World, rng: &mut StdRng) -> Federation {
    let other = Federation::generate(rng).unwrap();
    Federation {
        supervisor_halves: other.supervisor_halves,
        witness_halves: other.witness_halves,
        ..world.federation.clone()
    }
}

/// A ledger that does not answer: everything waits in the outbox, no proof is made twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_ledger_costs_nothing() {
    #[derive(Clone)]
    struct Silence;
    impl LedgerPort for Silence {
        async fn submit(&self, _: SignedEntry) -> Result<String, SubmitFault> {
            Err(SubmitFault::Unavailable("connection refused".into()))
        }
    }
    let world = World::new(6);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let groups = read_groups(&csv(4, 1), world.schema());
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    world.ingest(&node, &ledger.state(), groups, &bundle).await;
    let patience = Patience {
        tries: 3,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
    };
    let error = world
        .run(&node, &Silence, &ledger.state(), patience)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RunError::Outbox(OutboxError::GaveUp { tries: 3, .. })
        ),
        "{error}"
    );
    let counts = node.store().counts(&scale_id()).await.unwrap();
    assert_eq!((counts.outbox, counts.formed), (2, 0));
    // A run that is asked to stop does not wait for the ledger's return.
    let (filling, stop) = (AtomicBool::new(false), AtomicBool::new(true));
    let patience_of_hours = Patience {
        tries: 1000,
        first_wait: Duration::from_secs(60),
        longest_wait: Duration::from_secs(60),
    };
    let error = empty_outbox(
        &node,
        &Silence,
        patience_of_hours,
        &filling,
        &stop,
        &|_: Event| {},
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            error,
            OutboxError::GaveUp {
                tries: 2,
                left: 2,
                ..
            }
        ),
        "{error}"
    );
    let summary = world
        .run(&node, &ledger, &ledger.state(), patience)
        .await
        .unwrap();
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (0, 2)
    );
}

/// A store belongs to one ledger, one party, one master key, one running node.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_not_taken_for_another() {
    let world = World::new(7);
    let ledger = MemoryLedger::founded(&world);
    let dir = tempfile::tempdir().unwrap();
    let node = world.node(dir.path(), 5).await;
    let groups = read_groups(&csv(1, 1), world.schema());
    let bundle = world.bundle(&groups, node.custody(), dir.path());
    world.ingest(&node, &ledger.state(), groups, &bundle).await;
    let lock = node.store().lock().unwrap();
    assert!(matches!(node.store().lock(), Err(StoreError::Busy { .. })));
    drop(lock);
    node.store().lock().unwrap();
    let path = dir.path().join("node.sqlite");
    let open = async |origin: &str, party: PartyId, master: u8| {
        let master = merits_distributor::sealing::MasterKey::new(Zeroizing::new([master; 32]));
        Store::open(&path, &Origin::new(origin).unwrap(), &party, master).await
    };
    let (origin, party) = (
        world.federation.origin.as_str(),
        world.federation.distributor.id,
    );
    assert!(matches!(
        open("elsewhere", party, 5).await,
        Err(StoreError::Foreign {
            what: "log origin",
            ..
        })
    ));
    assert!(matches!(
        open(origin, PartyId([1; 32]), 5).await,
        Err(StoreError::Foreign { what: "party", .. })
    ));
    // With another master key, accounts are strangers and nothing opens.
    let other = open(origin, party, 6).await.unwrap();
    assert_eq!(other.forget("rider-000").await.unwrap(), None);
    let unclaimed = other.unclaimed(&scale_id()).await.unwrap();
    assert_eq!(unclaimed.len(), 1);
    assert_eq!(unclaimed[0].1, week(36));
    assert!(matches!(
        other.deeds(&[unclaimed[0].0]).await,
        Err(StoreError::Unseal(_))
    ));
}
