//! Whether a file's tables are those of its program.

use std::{collections::BTreeMap, path::Path};

use sqlx::{Connection as _, SqliteConnection};

use crate::{error::FileError, explain::explain};

/// Kind and name of a table, index, view or trigger → the text that made it.
type Things = BTreeMap<(String, String), String>;

/// Refuses a database whose tables are not those of its program, as [`differing_table`] compares them.
///
/// # Errors
/// [`FileError::Tables`], or SQLite's error.
pub async fn require_tables(
    db: &mut SqliteConnection,
    path: &Path,
    tables: &'static str,
    altered: &[&str],
) -> Result<(), FileError> {
    let differing = differing_table(db, tables, altered).await;
    match differing.map_err(|error| explain(path, error))? {
        None => Ok(()),
        Some(what) => Err(FileError::Tables {
            path: path.to_owned(),
            what,
        }),
    }
}

/// The first table, index, view or trigger that is not as the statements `tables` make it, and how it differs. A
/// trigger or another index would change what is read and written later, and no check of the rows shows it. Comments
/// and spaces do not count, because they may differ between builds of one version. Nor does the text of the tables in
/// `altered`, which an older version made and a later one added to.
///
/// # Errors
/// SQLite's.
pub async fn differing_table(
    db: &mut SqliteConnection,
    tables: &'static str,
    altered: &[&str],
) -> sqlx::Result<Option<String>> {
    let mut made = SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::raw_sql(tables).execute(&mut made).await?;
    let mut expected = things(&mut made).await?;
    made.close().await?;
    let differs = |(kind, name): (String, String), how| Some(format!("{kind} {name:?} {how}"));
    for (key, text) in things(db).await? {
        match expected.remove(&key) {
            None => return Ok(differs(key, "is none of this program's")),
            Some(own) if own != text && !altered.contains(&key.1.as_str()) => {
                return Ok(differs(key, "is not what this program makes"));
            }
            Some(_) => {}
        }
    }
    let missing = expected.into_keys().next();
    Ok(missing.and_then(|key| differs(key, "is missing")))
}

/// All but SQLite's own, whose names nobody else may use.
async fn things(db: &mut SqliteConnection) -> sqlx::Result<Things> {
    let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT type, name, sql FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_'",
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(kind, name, text)| ((kind, name), plain(&text.unwrap_or_default())))
        .collect())
}

/// A statement without its comments, and with one space where it has any.
fn plain(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}
