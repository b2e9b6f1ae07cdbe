//! What a node takes into its store, and to whom the store belongs.

use std::collections::BTreeMap;

use merits_distributor::{
    ingest::{IngestError, IngestFault, Ingestion},
    store::{Store, StoreError},
    terms::source_keys,
};
use merits_primitives::commitment::RecordCommitment;
use merits_primitives::ids::{Origin, PartyId};
use merits_records::bundle::{Bundle, FileReader, SignedCommitment, write_line};
use zeroize::Zeroizing;

use crate::federation::{RECORDS, custody::Scene};

/// Every way in which a bundle can be wrong is reported for its subject-period, and does not affect
/// any other.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_did_not_sign_is_named() {
    let scene = Scene::new(2).await;
    let (world, node) = (&scene.world, &scene.node);
    let mut groups = scene.groups(8, 1);
    let bundle = scene.bundle(&groups);
    let (header, lines) = FileReader::<Bundle, _>::open(&bundle[..]).unwrap();
    let mut lines: Vec<SignedCommitment> = lines.collect::<Result<_, _>>().unwrap();
    let one = merits_primitives::Fr::from(1u64);
    lines[1].signature[5] ^= 1;
    lines[2].h.0 += one;
    lines[3].salt.0 += one;
    let twin = SignedCommitment {
        c: RecordCommitment(lines[4].c.0 + one),
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
    let report = scene.take_in(groups, &bent).await;
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
    let (state, source) = (scene.ledger.state(), world.federation.source.id);
    let keys = source_keys(&state, &source).unwrap();
    let origin = Origin::new("elsewhere").unwrap();
    let ingestion = Ingestion {
        origin: node.origin(),
        scale: node.scale(),
        schema: world.schema(),
        source,
        source_keys: &keys,
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
    let error = source_keys(&state, &PartyId([8; 32])).unwrap_err();
    assert!(
        error.to_string().contains("not admitted as a source"),
        "{error}"
    );
    let error = source_keys(&state, &world.federation.issuer.id).unwrap_err();
    assert!(
        error.to_string().contains("lacks the role `source`"),
        "{error}"
    );
}

/// A store belongs to one ledger, one party, one master key, one running node.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_not_taken_for_another() {
    let scene = Scene::new(7).await;
    scene.collect(1, 1).await;
    let (world, node) = (&scene.world, &scene.node);
    let lock = node.store().lock().unwrap();
    assert!(matches!(node.store().lock(), Err(StoreError::Busy { .. })));
    drop(lock);
    node.store().lock().unwrap();
    let path = scene.dir().join("node.sqlite");
    let open = async |origin: &str, party: PartyId, master: u8| {
        let master = merits_distributor::at_rest::MasterKey::new(Zeroizing::new([master; 32]));
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
    // Regression: with another master key, accounts were strangers, and a run put each into the store again.
    let error = open(origin, party, 6).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherKey(_)), "{error}");
    open(origin, party, 5).await.unwrap();
}
