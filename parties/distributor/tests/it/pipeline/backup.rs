//! Copies of a store in use, and a node that goes on from one.

use std::{fs, os::unix::fs::MetadataExt as _};

use merits_distributor::{
    at_rest::MasterKey,
    store::{self, Copied, StoreError},
};
use merits_primitives::ids::PartyId;
use merits_sqlite::FileError;
use sqlx::ConnectOptions as _;
use zeroize::Zeroizing;

use crate::federation::{custody::Scene, files};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_from_a_copy_of_its_store() {
    let scene = Scene::new(41).await;
    scene.collect(5, 1).await;
    scene.form().await;
    let federation = &scene.world.federation;
    let (origin, party) = (&federation.origin, federation.distributor.id);
    let master = |byte| MasterKey::new(Zeroizing::new([byte; 32]));
    let (store, backup) = (
        scene.dir().join("node.sqlite"),
        scene.dir().join("node.backup"),
    );
    // The node has it open.
    let made = store::copy(&store, &backup, origin, &party, &master(5)).await;
    let want = Copied {
        subjects: 5,
        deeds: 5,
        waiting: 3,
    };
    assert_eq!(made.unwrap(), want);
    assert_eq!(fs::metadata(&backup).unwrap().mode() & 0o777, 0o600);
    // The copy lacks later events, which the ledger has.
    assert_eq!(scene.run().await.counts.acknowledged, 5);
    scene.node.store().close().await.unwrap();
    let wal = scene.dir().join("node.sqlite-wal");
    assert!(
        fs::metadata(wal).map_or(0, |file| file.len()) == 0,
        "folded"
    );

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.sqlite");
    let other = PartyId([1; 32]);
    let foreign = store::copy(&backup, &path, origin, &other, &master(5)).await;
    assert!(matches!(foreign, Err(StoreError::Foreign { .. })));
    let locked = store::copy(&backup, &path, origin, &party, &master(6)).await;
    assert!(matches!(locked, Err(StoreError::Unseal(_))));
    assert!(!path.exists());
    let back = store::copy(&backup, &path, origin, &party, &master(5)).await;
    assert_eq!(back.unwrap(), want);
    let again = store::copy(&backup, &path, origin, &party, &master(5)).await;
    assert!(again.unwrap_err().to_string().contains("not overwritten"));
    let node = scene.world.node(dir.path(), 5).await;
    // The same batches, with the same ids: the log gives the old receipts.
    let size = scene.ledger.state().size();
    assert_eq!(scene.run_with(&node).await.counts.acknowledged, 5);
    assert_eq!(scene.ledger.state().size(), size);

    // Another program's file is not a copy.
    let strange = dir.path().join("strange.sqlite");
    let options = merits_sqlite::durable(&strange).create_if_missing(true);
    let mut db = options.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE thing (id INTEGER)")
        .execute(&mut db)
        .await
        .unwrap();
    let target = dir.path().join("target.sqlite");
    let none = store::copy(&strange, &target, origin, &party, &master(5)).await;
    assert!(matches!(
        none,
        Err(StoreError::File(FileError::Foreign { .. }))
    ));
    assert_eq!(files::holding(dir.path(), b"rider-003"), None);
}
