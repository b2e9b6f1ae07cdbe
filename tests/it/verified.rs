//! What a sponsor and a clearing bank say of batches whose distributor and source have other keys since.

use std::{fs, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use merits_coordinator::{Coordinator, SystemClock};
use merits_ledger::{Entry, entry::KeySucceeded};

use crate::{
    cli::merits,
    federation::{Client, Founding},
};

/// Regression: the coordinator judged old batches by the keys of today. A sponsor called them INVALID, and an audit
/// failed without a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_hold_after_the_keys_that_signed_them_have_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(99);
    let config = founding.config(dir.path());
    let coordinator = Coordinator::found(config, Arc::new(SystemClock))
        .await
        .unwrap();
    let key = coordinator.log_key().clone();
    let mut client = Client::connect(coordinator.address(), key.clone()).await;
    for entry in &founding.entries {
        client.submit(entry).await.unwrap();
    }
    client.submit(&founding.earn(3)).await.unwrap();
    for seed in [0xb7, 0xb8] {
        let federation = &mut founding.federation;
        let origin = federation.origin.clone();
        let member = match seed {
            0xb7 => &mut federation.distributor,
            _ => &mut federation.source,
        };
        let key = SigningKey::from_bytes(&[seed; 32]);
        let succeeded = KeySucceeded::new(&origin, &member.id, 1, &key, Duration::ZERO);
        let entry = Entry::KeySucceeded(succeeded).sign(&origin, member.id, None, &member.key);
        member.key = key;
        client.submit(&entry).await.unwrap();
    }
    client.submit(&founding.earn(2)).await.unwrap();

    let policy = founding.federation.policy();
    for role in ["sponsor", "clearing"] {
        let text = format!(
            "name = \"{role}\"\nsigning_key = \"{role}.key\"\nsealing_key = \"{role}-sealing.key\"\n\
             verify_online = true\n\
             [ledger]\ncoordinator = \"http://{}\"\nlog_key = \"{key}\"\nauthority = \"{}\"\n\
             least_claims_per_total = {}\ntickets = {}\nanchor_seconds = {}\nboard = \"{}\"\n\
             allow_dev_keys = true\n\
             replica = \"{role}-replica\"\nhigh_water_mark = \"{role}.mark\"\n",
            coordinator.address(),
            hex::encode(policy.authority.0),
            policy.least_claims_per_total,
            policy.tickets,
            policy.anchor_seconds,
            policy.board,
        );
        fs::write(dir.path().join(format!("{role}.toml")), text).unwrap();
    }
    let path = dir.path().to_owned();
    let (sponsor, clearing) = tokio::task::spawn_blocking(move || {
        let run = |command: &str| merits(&path, &command.split(' ').collect::<Vec<_>>());
        (
            run("sponsor verify --config sponsor.toml"),
            run("clearing audit --config clearing.toml"),
        )
    })
    .await
    .unwrap();
    sponsor.succeeds("2 batches, 5 claims: 2 hold offline, 2 by the coordinator's Verifier");
    clearing.succeeds("2 valid batches with 5 claims, 0 invalid");
    for ran in [&sponsor, &clearing] {
        assert!(!ran.stdout.contains("INVALID"), "{ran:#?}");
    }
    coordinator.shutdown().await.unwrap();
}
