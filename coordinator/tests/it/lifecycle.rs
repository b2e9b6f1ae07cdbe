//! Starts, stops, overload, and starts with wrong files.

use std::{fs, path::Path, sync::Arc, time::Duration};

use crate::federation::{Client, Founding, Node};
use merits_coordinator::{Config, Coordinator, SCHEMA_VERSION, StartError, SystemClock, fsck};
use merits_proto::{
    Fault, Reason, fields,
    registry::{
        GetScaleRequest, ListEpochsRequest, ListPartiesRequest, registry_client::RegistryClient,
    },
};
use merits_sqlite::FileError;
use sqlx::{Connection as _, SqliteConnection};
use tonic::Code;

async fn start_error(config: Config) -> StartError {
    Coordinator::start(config, Arc::new(SystemClock))
        .await
        .unwrap_err()
}

async fn sql(config: &Config, statement: &str) {
    let url = format!("sqlite://{}", config.database().display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_stop_keeps_everything_and_a_start_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(20);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    node.client.submit(&founding.earn(16)).await.unwrap();
    let before = node.client.checkpoint().await;
    let log_key = node.coordinator.log_key().clone();
    node.coordinator.shutdown().await.unwrap();
    assert!(fsck(&config, &mut rand::rng()).await.unwrap().is_clean());

    let mut node = Node::start(config.clone()).await;
    assert_eq!(*node.coordinator.log_key(), log_key);
    assert_eq!(node.client.checkpoint().await, before);
    // The state is there too: it takes another batch, and knows its parties.
    node.client.submit(&founding.earn(3)).await.unwrap();
    let mut registry = RegistryClient::new(node.client.channel.clone());
    let request = ListPartiesRequest {
        page_size: 3,
        after: vec![],
    };
    let page = registry.list_parties(request).await.unwrap().into_inner();
    assert_eq!((page.parties.len(), page.more), (3, true));
    let after = page.parties[2].id.clone();
    let request = ListPartiesRequest {
        page_size: 3,
        after,
    };
    let rest = registry.list_parties(request).await.unwrap().into_inner();
    assert_eq!((rest.parties.len(), rest.more), (2, false));
    let epochs = registry
        .list_epochs(ListEpochsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(epochs.epochs[0].accepted && epochs.epochs.len() == 1);
    let request = GetScaleRequest {
        id: "cycling-week".into(),
        version: 1,
    };
    let answer = registry.get_scale(request).await.unwrap().into_inner();
    let figures: Vec<_> = (answer.figures.iter())
        .map(|figure| (figure.name.as_str(), figure.exponent, &figure.values[..]))
        .collect();
    assert_eq!(figures, [("car_factor", 2, &[16_272][..])]);
    assert_eq!(answer.schedules, []);
    let scale = answer.scale.unwrap();
    assert_eq!(
        (scale.status.as_str(), scale.provenance.as_str()),
        ("approved", "insecure-dev")
    );
    let request = GetScaleRequest {
        id: "cycling-week".into(),
        version: 2,
    };
    let status = registry.get_scale(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    node.coordinator.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(21);
    let config = founding.config(dir.path());
    let node = Node::founded(&founding, config.clone()).await;
    let entries: Vec<_> = (0..64).map(|_| founding.earn(4)).collect();
    let mut calls = tokio::task::JoinSet::new();
    for entry in entries {
        let mut client = node.client.clone();
        calls.spawn(async move { client.submit(&entry).await });
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    node.coordinator.shutdown().await.unwrap();
    let mut accepted = 0;
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            Ok(_) => accepted += 1,
            // Told to retry, or the connection was closed before the call.
            Err(fault) => assert!(
                fault.may_retry() || matches!(fault.code, Code::Unknown | Code::Cancelled),
                "{fault:?}"
            ),
        }
    }
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let known = founding.entries.len() as u64;
    assert!(
        report.leaves >= known + accepted,
        "{} acknowledged, {report}",
        known + accepted
    );
}

#[tokio::test]
async fn pressure_is_answered_with_a_hint_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(22);
    let mut config = founding.config(dir.path());
    config.sequencer.queue = 2;
    let node = Node::founded(&founding, config).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let entry = founding.earn(2);
        let mut client = node.client.clone();
        calls.spawn(async move {
            let mut sent_away = 0;
            loop {
                match client.submit(&entry).await {
                    Ok(_) => return sent_away,
                    Err(Fault {
                        code: Code::ResourceExhausted,
                        reason,
                        retry_after,
                        ..
                    }) => {
                        assert_eq!(reason, Reason::Busy);
                        sent_away += 1;
                        tokio::time::sleep(retry_after.unwrap() / 10).await;
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
    }
    let mut sent_away = 0;
    while let Some(call) = calls.join_next().await {
        sent_away += call.unwrap();
    }
    assert!(
        sent_away > 0,
        "32 calls at once over a queue of 2 must press it"
    );
    let mut client = node.client.clone();
    assert_eq!(
        client.checkpoint().await.size,
        founding.entries.len() as u64 + 32
    );
    node.coordinator.shutdown().await.unwrap();
}

/// Regression: callers that went away released their permits and left their entries in the queue,
/// and the next caller was told that the coordinator stops.
#[tokio::test]
async fn callers_who_went_away_keep_their_places_in_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(29);
    let mut config = founding.config(dir.path());
    config.sequencer.queue = 2;
    let node = Node::founded(&founding, config.clone()).await;
    let mut client = node.client.clone();
    client.submit(&founding.earn(1)).await.unwrap();
    // Another program holds the database, so the sequencer waits.
    let url = format!("sqlite://{}", config.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let mut faults = Vec::new();
    for _ in 0..6 {
        let entry = founding.earn(1);
        let call = client.submit(&entry);
        match tokio::time::timeout(Duration::from_millis(700), call).await {
            // The caller goes away.
            Err(_) => {}
            Ok(Err(fault)) => faults.push(fault),
            Ok(Ok(_)) => panic!("appended while the database is another's"),
        }
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert!(!faults.is_empty(), "the queue of 2 was never full");
    for fault in faults {
        assert_eq!(fault.reason, Reason::Busy, "{fault:?}");
    }
    // The waiting entry is appended, and there is room again.
    let entry = founding.earn(1);
    loop {
        match client.submit(&entry).await {
            Ok(_) => break,
            Err(fault) => assert_eq!(fault.reason, Reason::Busy, "{fault:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    node.coordinator.shutdown().await.unwrap();
    assert!(fsck(&config, &mut rand::rng()).await.unwrap().is_clean());
}

#[tokio::test]
async fn one_coordinator_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(23);
    let config = founding.config(dir.path());
    let node = Node::start(config.clone()).await;
    let error = start_error(config.clone()).await;
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    node.coordinator.shutdown().await.unwrap();
    Node::start(config)
        .await
        .coordinator
        .shutdown()
        .await
        .unwrap();
}

#[tokio::test]
async fn wrong_databases_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(24);
    let config = founding.config(dir.path());
    Node::founded(&founding, config.clone())
        .await
        .coordinator
        .shutdown()
        .await
        .unwrap();

    let renamed = Config {
        origin: "other.example/merits".into(),
        ..config.clone()
    };
    let error = start_error(renamed).await;
    assert!(
        error
            .to_string()
            .contains("belongs to the log fixture.example"),
        "{error}"
    );

    // A ledger of an earlier release has other tables; it is reported, not misread.
    for other in (0..SCHEMA_VERSION).chain([SCHEMA_VERSION + 1]) {
        sql(&config, &format!("PRAGMA user_version = {other}")).await;
        let error = start_error(config.clone()).await;
        assert!(
            matches!(
                error,
                StartError::Store(FileError::Version { found, known: SCHEMA_VERSION, .. }) if found == other
            ),
            "{error}"
        );
    }
    sql(
        &config,
        &format!("PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = 7"),
    )
    .await;
    let error = start_error(config.clone()).await;
    assert!(
        matches!(error, StartError::Store(FileError::Foreign { .. })),
        "{error}"
    );
    sql(&config, "PRAGMA application_id = 0x4d455254").await;
    Node::start(config)
        .await
        .coordinator
        .shutdown()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(25);
    let config = founding.config(dir.path());
    fs::create_dir(&config.data_dir).unwrap();
    fs::write(
        config.database(),
        "not a database, and longer than its header would be".repeat(9),
    )
    .unwrap();
    let error = start_error(config.clone()).await;
    assert!(
        matches!(error, StartError::Store(FileError::NoDatabase { .. })),
        "{error}"
    );
    let error = Coordinator::found(config.clone(), Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::Store(FileError::NoDatabase { .. })),
        "{error}"
    );
    assert!(fsck(&config, &mut rand::rng()).await.is_err());
    assert!(
        fs::read_to_string(config.database())
            .unwrap()
            .starts_with("not a database")
    );
}

#[tokio::test]
async fn dev_keys_need_the_operators_word() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(26);
    let config = Config {
        allow_dev_keys: false,
        ..founding.config(dir.path())
    };
    let mut node = Node::start(config).await;
    let (proposal, before) = founding.entries[..7].split_last().unwrap();
    for entry in before {
        node.client.submit(entry).await.unwrap();
    }
    let fault = node.client.submit(proposal).await.unwrap_err();
    assert_eq!(
        (fault.reason.known(), fault.field),
        (Some(Reason::DevKey), fields::KEY.into())
    );
    node.coordinator.shutdown().await.unwrap();
}

#[tokio::test]
async fn only_the_authority_founds() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(27);
    let mut node = Node::start(founding.config(dir.path())).await;
    let federation = &founding.federation;
    let usurper = merits_ledger_fixture::Member::new(
        &federation.origin,
        "usurper",
        &[merits_ledger::Role::Supervisor],
        66,
    );
    let admission = usurper.application(&federation.origin);
    let entry = federation.sign(&merits_ledger::Entry::PartyAdmitted(admission), &usurper);
    let fault = node.client.submit(&entry).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.reason.known()),
        (Code::FailedPrecondition, Some(Reason::NotFounded))
    );
    node.coordinator.shutdown().await.unwrap();
}

/// The same file, looked at again by a second client after the first is gone.
#[tokio::test]
async fn a_second_client_sees_what_the_first_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(28);
    let node = Node::founded(&founding, founding.config(Path::new(dir.path()))).await;
    let log_key = node.coordinator.log_key().clone();
    let Node {
        coordinator,
        client,
    } = node;
    drop(client);
    let mut second = Client::connect(coordinator.address(), log_key).await;
    assert_eq!(
        second.checkpoint().await.size,
        founding.entries.len() as u64
    );
    drop(second);
    coordinator.shutdown().await.unwrap();
}
