//! Followers of a served log.

use std::fs;

use merits_replica::{FollowError, Follower, Progress, Replica, ReplicaError};

use crate::federation::{Founding, Node};

/// The fault: what the sync settled first was counted as missing, so the leaves did not reach, and the coordinator
/// was blamed.
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

    // The checkpoint cannot be replaced: a leaf is in the database, and not shown.
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
