//! Health depends on what the coordinator needs: its files, and the log in them.

use std::{
    fs,
    time::{Duration, Instant},
};

use merits_coordinator::Config;
use sqlx::{Connection as _, SqliteConnection};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::federation::{Client, Founding, Node};

/// Waits until health says so.
pub(crate) async fn until(client: &Client, wanted: ServingStatus) {
    let mut health = HealthClient::new(client.channel.clone());
    let begun = Instant::now();
    loop {
        let request = HealthCheckRequest {
            service: String::new(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        if answer.status() == wanted {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "health does not become {wanted:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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

/// Regression: health depended on the clock alone, and a coordinator that could read nothing
/// reported SERVING.
#[tokio::test]
async fn health_follows_the_files_and_the_stored_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(95);
    let marks = dir.path().join("marks");
    fs::create_dir(&marks).unwrap();
    let config = Config {
        high_water_mark: marks.join("ledger.mark"),
        ..founding.config(dir.path())
    };
    let mut node = Node::founded(&founding, config.clone()).await;
    let client = node.client.clone();
    until(&client, ServingStatus::Serving).await;

    // The log in the file cannot be read.
    sql(&config, "ALTER TABLE leaf RENAME TO gone").await;
    until(&client, ServingStatus::NotServing).await;
    sql(&config, "ALTER TABLE gone RENAME TO leaf").await;
    until(&client, ServingStatus::Serving).await;
    // The newest entry that was published is not in it.
    sql(
        &config,
        "CREATE TABLE aside AS SELECT * FROM leaf ORDER BY idx DESC LIMIT 1;
         DELETE FROM leaf WHERE idx = (SELECT max(idx) FROM leaf)",
    )
    .await;
    until(&client, ServingStatus::NotServing).await;
    sql(
        &config,
        "INSERT INTO leaf SELECT * FROM aside; DROP TABLE aside",
    )
    .await;
    until(&client, ServingStatus::Serving).await;
    // The disk of the mark, or of the data, is not there.
    let data = config.data_dir.clone();
    for folder in [&marks, &data] {
        let away = dir.path().join("away");
        fs::rename(folder, &away).unwrap();
        until(&client, ServingStatus::NotServing).await;
        fs::rename(&away, folder).unwrap();
        until(&client, ServingStatus::Serving).await;
    }
    node.client.submit(&founding.earn(2)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
}
