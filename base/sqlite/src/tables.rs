//! Whether a file's tables are those of its program.

use std::{collections::BTreeMap, path::Path};

use sqlx::{Connection as _, SqliteConnection};

use crate::{error::FileError, explain::explain};

/// Kind and name of a table, index, view or trigger.
type Key = (String, String);

/// Tables that SQLite adds by itself, for `AUTOINCREMENT` and `ANALYZE`.
const OF_SQLITE: [(&str, &str); 3] = [
    ("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    (
        "sqlite_stat4",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ),
];

/// Refuses a database whose tables are not those of its program, as [`differing_table`] compares them.
///
/// # Errors
/// [`FileError::Tables`], or SQLite's error.
pub async fn require_tables(
    db: &mut SqliteConnection,
    path: &Path,
    tables: &'static str,
    also: &[&str],
) -> Result<(), FileError> {
    let differing = differing_table(db, tables, also).await;
    match differing.map_err(|error| explain(path, error))? {
        None => Ok(()),
        Some(what) => Err(FileError::Tables {
            path: path.to_owned(),
            what,
            live: false,
        }),
    }
}

/// The first table, index, view or trigger that is not as the statements `tables` make it, and how it differs. A
/// trigger or another index would change what is read and written later, and no check of the rows shows it. Comments
/// and spaces do not count, because they may differ between builds of one version. A table may also have one of the
/// texts `also`, which an older version made, or a later one by adding to it.
///
/// # Errors
/// SQLite's.
pub async fn differing_table(
    db: &mut SqliteConnection,
    tables: &'static str,
    also: &[&str],
) -> sqlx::Result<Option<String>> {
    let mut made = SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::raw_sql(tables).execute(&mut made).await?;
    let mut expected: BTreeMap<Key, String> = things(&mut made).await?.into_iter().collect();
    made.close().await?;
    let differs = |(kind, name): Key, how| Some(format!("{kind} {name:?} {how}"));
    for (key, text) in things(db).await? {
        // A second row of the same kind and name is not expected any more.
        match expected.remove(&key) {
            None => return Ok(differs(key, "is none of this program's")),
            Some(own) if own != text && !also.iter().any(|other| plain(other) == text) => {
                return Ok(differs(key, "is not what this program makes"));
            }
            Some(_) => {}
        }
    }
    let missing = expected.into_keys().next();
    Ok(missing.and_then(|key| differs(key, "is missing")))
}

/// All objects except SQLite's own. SQLite's own are known by their texts and not by their names: SQLite refuses such
/// names only when an object is made, and loads any that was written into the schema. An index without a text belongs
/// to a constraint, which is in the text of its table.
async fn things(db: &mut SqliteConnection) -> sqlx::Result<Vec<(Key, String)>> {
    let rows: Vec<(String, String, Option<String>)> =
        sqlx::query_as("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid")
            .fetch_all(db)
            .await?;
    let own = |kind: &str, name: &str, text: Option<&str>| match text {
        None => kind == "index",
        Some(text) => kind == "table" && OF_SQLITE.contains(&(name, text)),
    };
    Ok(rows
        .into_iter()
        .filter(|(kind, name, text)| !own(kind, name, text.as_deref()))
        .map(|(kind, name, text)| ((kind, name), plain(&text.unwrap_or_default())))
        .collect())
}

/// A statement without its comments, and with one space in place of several. Only ASCII spaces count: in SQL, other
/// spaces are part of a name.
fn plain(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line));
    let words: Vec<&str> = lines.flat_map(str::split_ascii_whitespace).collect();
    words.join(" ")
}
