//! Blobs over the wire: with the entry that names them, and to everybody who follows the log.

use std::{fs, path::Path};

use merits_coordinator::{Config, backup, fsck, restore};
use merits_ledger::{Blob, Entry};
use merits_ledger_fixture::LargeScale;
use merits_proto::{
    Fault, Reason,
    ledger::{GetBlobRequest, SubmitResponse, SubmitWithBlobsRequest, blobs_client::BlobsClient},
    limits::{BLOB_BYTES, BLOBS_ANSWER_MESSAGE},
};
use merits_replica::{ClientError, FollowError, Follower, Replica};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, groth16::KeyPolicy};
use sqlx::{Connection as _, SqliteConnection};
use tonic::Code;

use crate::{
    backups::{elsewhere, running},
    federation::{Founding, Node},
};

fn proposal(founding: &mut Founding) -> (SignedEntry, Blob) {
    let LargeScale { proposed, blob, .. } = founding.federation.large_scale(&mut founding.rng);
    let federation = &founding.federation;
    let entry = federation.sign(&Entry::ScaleProposed(proposed), &federation.issuer);
    (entry, blob)
}

async fn submit(node: &Node, entry: Vec<u8>, blob: &[u8]) -> Result<SubmitResponse, Fault> {
    let mut client = BlobsClient::new(node.client.channel.clone());
    let blob = blob.to_vec();
    let answer = client
        .submit_with_blobs(SubmitWithBlobsRequest { entry, blob })
        .await;
    match answer {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(Fault::from_status(&status)),
    }
}

async fn get(node: &Node, digest: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let client = BlobsClient::new(node.client.channel.clone());
    let mut client = client.max_decoding_message_size(BLOBS_ANSWER_MESSAGE);
    match client.get_blob(GetBlobRequest { digest }).await {
        Ok(answer) => Ok(answer.into_inner().blob),
        Err(status) => Err(Fault::from_status(&status)),
    }
}

async fn follower(founding: &Founding, node: &Node, directory: &Path) -> Follower {
    let key = node.coordinator.log_key().clone();
    let policy = founding.federation.policy();
    let replica = Replica::open(directory, key.clone(), policy, &mut rand::rng()).unwrap();
    let address = format!("http://{}", node.coordinator.address());
    let client = merits_replica::Client::connect(&address, key)
        .await
        .unwrap();
    Follower::new(client, replica)
}

async fn alter(config: &Config, sql: &str) {
    let url = format!("sqlite://{}", config.database().display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let altered = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    altered.execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_blob_goes_with_its_entry_into_log_copy_kit_and_backup() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(140);
    let (config, node) = running(&founding, dir.path()).await;
    let (entry, blob) = proposal(&mut founding);
    let follower = follower(&founding, &node, &dir.path().join("copy")).await;
    let mut client = follower.client();
    let submitted = client.submit_with(&entry, &blob);
    assert!(!submitted.await.unwrap().already_present);
    // Again, without the blob: it is there.
    let again = submit(&node, entry.to_bytes(), &[]).await.unwrap();
    assert!(again.already_present);
    let digest = blob.digest().0.to_vec();
    assert_eq!(get(&node, digest).await.unwrap(), blob.bytes());

    follower.sync().await.unwrap();
    let kit = dir.path().join("kit");
    {
        let replica = follower.replica();
        let leaf = replica.leaf(replica.size() - 1).unwrap().unwrap();
        assert_eq!(leaf.entry, entry);
        let stored = replica.blobs_of(&leaf.to_bytes()).unwrap();
        assert_eq!(stored, std::slice::from_ref(&blob));
        replica.replay(&mut rand::rng()).unwrap();
        replica.write_kit(&kit).unwrap();
    }
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let read = merits_kit::Kit::read(&kit).unwrap();
    let history = |until| read.history(until, policy, &mut rand::rng());
    let size = follower.replica().size();
    assert_eq!(history(size).unwrap().state().size(), size);
    let file = kit.join(format!("{}.blob", blob.digest()));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("0", "1", 1)).unwrap();
    let error = history(size).unwrap_err();
    assert!(
        matches!(error, merits_kit::KitError::Blob { .. }),
        "{error}"
    );
    fs::remove_file(&file).unwrap();
    let error = history(size).unwrap_err();
    assert!(
        matches!(error, merits_kit::KitError::Blob { .. }),
        "{error}"
    );

    let output = dir.path().join("ledger.backup");
    let kept = backup(&config, &output, &mut rand::rng()).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let restored = elsewhere(&founding, other.path(), &config);
    let own = &kept.checkpoint_file;
    let done = restore(&restored, &output, own, true, &mut rand::rng()).await;
    done.unwrap();
    assert!(fsck(&restored, &mut rand::rng()).await.unwrap().is_clean());
    let node = Node::start(restored).await;
    let stored = get(&node, blob.digest().0.to_vec()).await.unwrap();
    assert_eq!(stored, blob.bytes());
    node.coordinator.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_not_exactly_the_entrys_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(141);
    let (config, node) = running(&founding, dir.path()).await;
    let mut client = node.client.clone();
    let before = client.checkpoint().await;
    let (entry, blob) = proposal(&mut founding);
    let (bytes, blob) = (entry.to_bytes(), blob.bytes().to_vec());
    let mut swapped = blob.clone();
    swapped[9] ^= 1;
    let refused = async |entry: Vec<u8>, blob: &[u8]| {
        let fault = submit(&node, entry, blob).await.unwrap_err();
        (fault.reason, fault.field.to_string())
    };
    let as_told = |reason: Reason| (reason.into(), "blob".to_owned());
    assert_eq!(
        refused(bytes.clone(), &[]).await,
        as_told(Reason::BlobMissing)
    );
    let unexpected = as_told(Reason::BlobUnexpected);
    assert_eq!(refused(bytes.clone(), &swapped).await, unexpected);
    // By the call that has no blobs.
    let fault = client.submit(&entry).await.unwrap_err();
    assert_eq!(fault.reason, Reason::BlobMissing);
    let over = vec![0; BLOB_BYTES + 1];
    assert_eq!(
        refused(bytes.clone(), &over).await,
        as_told(Reason::TooLarge)
    );

    // A stranger's: its signature is looked at before a byte of a blob is.
    let stranger = merits_ledger_fixture::Member::new(
        &founding.federation.origin,
        "stranger",
        &[merits_ledger::Role::Issuer],
        79,
    );
    let statement = Entry::decode(entry.kind, &entry.statement)
        .unwrap()
        .unwrap();
    let strange = founding.federation.sign(&statement, &stranger);
    let fault = submit(&node, strange.to_bytes(), &vec![0; BLOB_BYTES]).await;
    assert_eq!(fault.unwrap_err().reason, Reason::PartyUnknown);
    // A party without the role: these bytes are not a key, and nobody reads them.
    let distributor = &founding.federation.distributor;
    let foreign = founding.federation.sign(&statement, distributor);
    let fault = submit(&node, foreign.to_bytes(), b"no key").await;
    assert_eq!(fault.unwrap_err().reason, Reason::RoleMissing);
    // From its length prefix.
    let fault = submit(&node, bytes.clone(), &vec![0; BLOB_BYTES + 70_000]).await;
    let fault = fault.unwrap_err();
    assert!(
        fault.signed_refusal.is_empty(),
        "nobody judged it: {fault:?}"
    );
    let missing = get(&node, vec![7; 32]).await.unwrap_err();
    assert_eq!(missing.code, Code::NotFound);
    assert_eq!(client.checkpoint().await, before);
    submit(&node, bytes, &blob).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    assert!(fsck(&config, &mut rand::rng()).await.unwrap().is_clean());
}

/// A follower takes no leaf without its blob, or with another one; and fsck finds each.
#[tokio::test]
async fn a_blob_that_is_gone_or_swapped_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(142);
    let (config, node) = running(&founding, dir.path()).await;
    let (entry, blob) = proposal(&mut founding);
    submit(&node, entry.to_bytes(), blob.bytes()).await.unwrap();
    for (number, sql, found) in [
        (0, "UPDATE blob SET bytes = x'00'", "another digest"),
        (1, "DELETE FROM blob", "is missing"),
    ] {
        alter(&config, sql).await;
        let follower = follower(&founding, &node, &dir.path().join(format!("{number}"))).await;
        let error = follower.sync().await.unwrap_err();
        let expected = matches!(
            &error,
            FollowError::Client(ClientError::Malformed(_) | ClientError::Refused { .. })
        );
        assert!(expected, "{error}");
        assert_eq!(follower.replica().size(), 0, "nothing was taken");
        let report = fsck(&config, &mut rand::rng()).await.unwrap();
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.place == "blob");
        assert!(finding.unwrap().what.contains(found), "{report}");
        // The rules are not asked: the leaf is not at fault.
        let at = |place| report.findings.iter().filter(move |f| f.place == place);
        assert_eq!(at("rules").count(), 0, "{report}");
        let said: Vec<_> = at("state").collect();
        assert_eq!(said.len(), 1, "{report}");
        assert!(said[0].what.contains("were not compared"), "{report}");
        assert_eq!(report.rows, 0);
    }
    node.coordinator.shutdown().await.unwrap();
    let nobodys = "INSERT INTO blob VALUES (zeroblob(32), x'00')";
    alter(&config, nobodys).await;
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    let is_named = |what: &str| report.findings.iter().any(|f| f.what.contains(what));
    assert!(
        is_named("named by no entry") && is_named("is missing"),
        "{report}"
    );
}
