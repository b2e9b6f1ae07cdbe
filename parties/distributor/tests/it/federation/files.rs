//! What a node's files show to somebody who has them without its keys.

use std::path::{Path, PathBuf};

use sqlx::{Connection, SqliteConnection};

/// A connection to a node's store, past the node.
pub async fn connect(dir: &Path) -> SqliteConnection {
    let address = format!("sqlite://{}", dir.join("node.sqlite").display());
    SqliteConnection::connect(&address).await.unwrap()
}

/// One column of bytes of a node's store.
pub async fn column(dir: &Path, query: &'static str) -> Vec<Vec<u8>> {
    let mut connection = connect(dir).await;
    let values = sqlx::query_scalar(query)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    values
}

/// The first file of the directory with these bytes in it: in rows, free pages or the log.
pub fn holding(dir: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let mut paths = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path());
    paths.find(|path| {
        let content = std::fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
