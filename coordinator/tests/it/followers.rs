//! Followers of a served log.

use std::fs;

use merits_coordinator::{backup, restore};
use merits_replica::{FollowError, Follower, Progress, Replica, ReplicaError};

use crate::{
    backups::{elsewhere, running},
    federation::{Founding, Node},
};

/// Regression: leaves that the sync had written first were counted as missing, so too few leaves
/// came, and the coordinator was blamed.
#[tokio::test]
async fn a_sync_that_settles_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(94);
    let node = Node::founded(&founding, founding.config(dir.path())).await;
    let key = node.coordinator.log_key().clone();
    let copy = dir.path().join("copy");
    let policy = founding.federation.policy();
    let replica = Replica::open(&copy, key.clone(), policy, &mut rand::rng()).unwrap();
    let address = format!("http://{}", node.coordinator.address());
    let client = merits_replica::Client::connect(&address, key)
        .await
        .unwrap();
    let follower = Follower::new(client, replica);
    let size = founding.entries.len() as u64;
    assert_eq!(follower.sync().await.unwrap().to, size);

    // The checkpoint cannot be replaced: a leaf is in the database, but not visible.
    let blocked = copy.join("checkpoint.txt");
    fs::remove_file(&blocked).unwrap();
    fs::create_dir(&blocked).unwrap();
    let mut client = node.client.clone();
    client.submit(&founding.earn(1)).await.unwrap();
    let error = follower.sync().await.unwrap_err();
    let is_of_the_files = matches!(error, FollowError::Replica(ReplicaError::Archive(_)));
    assert!(is_of_the_files, "{error}");
    assert_eq!(follower.replica().size(), size);

    fs::remove_dir(&blocked).unwrap();
    client.submit(&founding.earn(1)).await.unwrap();
    let progress = follower.sync().await.unwrap();
    let (from, to) = (size, size + 2);
    assert_eq!(progress, Progress { from, to });
    assert_eq!(follower.replica().size(), to);
    node.coordinator.shutdown().await.unwrap();
}

/// Regression: for an invalid consistency proof, which a proxy can cause, the error said that the
/// log was rewritten.
#[tokio::test]
async fn only_two_trees_of_one_size_convict() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut founding = Founding::new(95);
    let (config, mut node) = running(&founding, one.path()).await;
    let output = one.path().join("ledger.backup");
    let kept = backup(&config, &output, &mut rand::rng()).await.unwrap();
    node.client.submit(&founding.earn(1)).await.unwrap();
    let (key, policy) = (
        node.coordinator.log_key().clone(),
        founding.federation.policy(),
    );
    let copy = one.path().join("copy");
    let follow = async |node: &Node| {
        let rng = &mut rand::rng();
        let replica = Replica::open(&copy, key.clone(), policy.clone(), rng).unwrap();
        let address = format!("http://{}", node.coordinator.address());
        let client = merits_replica::Client::connect(&address, key.clone())
            .await
            .unwrap();
        Follower::new(client, replica)
    };
    let size = founding.entries.len() as u64 + 1;
    assert_eq!(follow(&node).await.sync().await.unwrap().to, size);
    node.coordinator.shutdown().await.unwrap();

    // Another history, under the same key.
    let other = elsewhere(&founding, two.path(), &config);
    let own = &kept.checkpoint_file;
    restore(&other, &output, own, true, &mut rand::rng())
        .await
        .unwrap();
    let mut node = Node::start(other).await;
    node.client.submit(&founding.earn(1)).await.unwrap();
    let follower = follow(&node).await;
    let error = follower.sync().await.unwrap_err();
    let FollowError::Replica(ReplicaError::Rewritten { evidence, .. }) = error else {
        panic!("two trees of one size: {error}");
    };
    let signatures = |path| {
        fs::read_to_string(path)
            .unwrap()
            .matches('\u{2014}')
            .count()
    };
    assert_eq!(signatures(evidence), 2);

    // Its next tree might continue the old one, but the proof does not show it.
    node.client.submit(&founding.earn(1)).await.unwrap();
    let error = follower.sync().await.unwrap_err();
    assert!(!error.to_string().contains("REWRITTEN"), "{error}");
    let FollowError::Replica(ReplicaError::NotShown { evidence, old, new }) = error else {
        panic!("no two trees of one size: {error}");
    };
    assert_eq!((old, new), (size, size + 1));
    assert_eq!(signatures(evidence), 2);
    assert_eq!(follower.replica().size(), size, "nothing was taken");
    node.coordinator.shutdown().await.unwrap();
}
