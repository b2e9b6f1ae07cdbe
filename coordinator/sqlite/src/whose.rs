//! What a file is, for those who were given another one than they need.

use std::{
    fmt,
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::Path,
};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::{
    error::FileError,
    fold::beside,
    inspecting,
    schema::Found,
    words::{DatabaseError, Trouble},
};

/// What MERITS keeps in SQLite files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A coordinator's ledger.
    Ledger,
    /// A party's copy of a ledger.
    Copy,
    /// An exchange's vouchers.
    Vouchers,
    /// A distributor's records.
    Records,
}

impl StoreKind {
    /// What a database holds, if it is one of ours.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn of(db: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        let application: i64 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut *db)
            .await?;
        match application {
            0x4d45_5254 => return Ok(Some(Self::Ledger)),
            0x4d45_5252 => return Ok(Some(Self::Copy)),
            0 => {}
            _ => return Ok(None),
        }
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
                .fetch_all(db)
                .await?;
        let has = |name: &str| tables.iter().any(|table| table == name);
        Ok(match (has("node"), has("voucher"), has("deed")) {
            (true, true, false) => Some(Self::Vouchers),
            (true, false, true) => Some(Self::Records),
            _ => None,
        })
    }

    /// Refuses a file that does not hold this, such as a backup of another store. Nothing is changed.
    ///
    /// # Errors
    /// [`FileError`], which says what the file is instead.
    pub async fn require(self, path: &Path) -> Result<(), FileError> {
        examine(path)?;
        match self.look(path).await? {
            Found::Ours => Ok(()),
            Found::Empty => Err(FileError::NoDatabase {
                path: path.to_owned(),
                found: "it has no table",
            }),
        }
    }

    /// Refuses a file that holds something else; one in which nothing was made yet is no such. Nothing is
    /// changed.
    ///
    /// # Errors
    /// [`FileError`], which says what the file is instead.
    pub async fn look(self, path: &Path) -> Result<Found, FileError> {
        let failed = |error| explain(path, error);
        let mut db = inspecting(path).connect().await.map_err(failed)?;
        let found = Self::of(&mut db).await.map_err(failed)?;
        let things: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut db)
            .await
            .map_err(failed)?;
        db.close().await.map_err(failed)?;
        match found {
            None if things == 0 => Ok(Found::Empty),
            Some(found) if found == self => Ok(Found::Ours),
            found => Err(FileError::Foreign {
                path: path.to_owned(),
                what: self.store(),
                found,
            }),
        }
    }

    /// What such a file is called.
    fn store(self) -> &'static str {
        match self {
            Self::Ledger => "coordinator's database",
            Self::Copy => "copy of a ledger",
            Self::Vouchers => "exchange's store of vouchers",
            Self::Records => "distributor's store of records",
        }
    }
}

/// What it holds.
impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ledger => "a coordinator's ledger",
            Self::Copy => "a party's copy of a ledger",
            Self::Vouchers => "an exchange's vouchers",
            Self::Records => "a distributor's records",
        })
    }
}

/// What every SQLite database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes of the header.
const HEADER: usize = 100;

/// Refuses what cannot be a whole SQLite database, before SQLite says so in its own words.
///
/// # Errors
/// [`FileError::Missing`], [`FileError::NoDatabase`], [`FileError::Torn`], [`FileError::Io`].
pub fn examine(path: &Path) -> Result<(), FileError> {
    let io = |error| FileError::io("read", path)(error);
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(FileError::Missing {
                path: path.to_owned(),
            });
        }
        found => found.map_err(io)?,
    };
    let no_database = |found: &'static str| FileError::NoDatabase {
        path: path.to_owned(),
        found,
    };
    if !metadata.is_file() {
        return Err(no_database("it is a folder, or no file"));
    }
    let mut header = Vec::with_capacity(HEADER);
    let opened = File::open(path).map_err(io)?;
    opened
        .take(HEADER as u64)
        .read_to_end(&mut header)
        .map_err(io)?;
    if header.is_empty() {
        return Err(no_database("it is empty"));
    }
    if !MAGIC.starts_with(header.get(..MAGIC.len()).unwrap_or(&header)) {
        let text = header
            .iter()
            .all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
        return Err(no_database(if text {
            "it is a text"
        } else {
            "it begins with other bytes"
        }));
    }
    let torn = |expected| FileError::Torn {
        path: path.to_owned(),
        found: metadata.len(),
        expected,
    };
    let Ok(header) = <[u8; HEADER]>::try_from(header) else {
        // The smallest page.
        return Err(torn(512));
    };
    let number = |at: usize| {
        let bytes = header
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    };
    let page = match number(16) >> 16 {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    // The number of pages counts if the program that changed the file last knew it.
    let whole = page * u64::from(number(28));
    let counts = number(24) == number(92);
    // A write-ahead log has what is not in the file yet.
    let folded = fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len()) == 0;
    if counts && folded && metadata.len() < whole {
        return Err(torn(whole));
    }
    Ok(())
}

/// What SQLite's failure with a file means.
pub fn explain(path: &Path, error: sqlx::Error) -> FileError {
    let trouble = Trouble::of(&error);
    if matches!(
        trouble,
        Trouble::NoDatabase | Trouble::Damaged | Trouble::CannotOpen
    ) && let Err(found) = examine(path)
    {
        return found;
    }
    match trouble {
        Trouble::NoDatabase => FileError::NoDatabase {
            path: path.to_owned(),
            found: "its header is another",
        },
        Trouble::Damaged => FileError::Damaged {
            path: path.to_owned(),
            what: "its pages contradict each other".to_owned(),
        },
        Trouble::ReadOnly | Trouble::CannotOpen => crate::access::not_writable(path),
        _ => FileError::Failed {
            path: path.to_owned(),
            source: DatabaseError::from(error),
        },
    }
}
