//! Describes a file that cannot be used.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _},
    path::Path,
};

use merits_guard::input;

use crate::{
    access::require_files,
    beside,
    error::FileError,
    failure::{DatabaseError, Trouble},
    unwritable::not_writable,
};

/// The beginning of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes of the header.
const HEADER: usize = 100;

/// Refuses a file that cannot be a complete SQLite database, before SQLite does with its own error.
///
/// # Errors
/// [`FileError::Missing`], [`FileError::Exposed`] for a path that is not a regular file,
/// [`FileError::NoDatabase`], [`FileError::Torn`], [`FileError::Io`].
pub fn examine(path: &Path) -> Result<(), FileError> {
    let io = |error| FileError::io("read", path)(error);
    let looked = fs::metadata(path);
    if looked
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::NotFound)
    {
        return Err(FileError::Missing {
            path: path.to_owned(),
        });
    }
    looked.map_err(io)?;
    let no_database = |found: &'static str| FileError::NoDatabase {
        path: path.to_owned(),
        found,
    };
    require_files(path)?;
    let opened = input::open(path).map_err(io)?;
    let header = read_header(&opened).map_err(io)?;
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
    let torn = |found, expected| FileError::Torn {
        path: path.to_owned(),
        found,
        expected,
    };
    let Ok(header) = <[u8; HEADER]>::try_from(header) else {
        // The smallest page.
        return Err(torn(opened.metadata().map_err(io)?.len(), 512));
    };
    let Some((found, expected)) = missing(&opened, path, &header).map_err(io)? else {
        return Ok(());
    };
    // A program that uses the store may have changed it in between. A truncated file is still truncated when it
    // is read again.
    let again = input::open(path).map_err(io)?;
    let header = read_header(&again).map_err(io)?;
    match <[u8; HEADER]>::try_from(header) {
        Ok(header) if missing(&again, path, &header).map_err(io)?.is_none() => Ok(()),
        _ => Err(torn(found, expected)),
    }
}

fn read_header(file: &File) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(header)
}

/// The bytes of a file that ends before its last page, and those of all pages that its header counts.
///
/// A checkpoint writes the first page first and empties the write-ahead log last. So the length is
/// read last: with an empty log, all pages that the header counts are in the file by then.
fn missing(file: &File, path: &Path, header: &[u8; HEADER]) -> io::Result<Option<(u64, u64)>> {
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
    // The number of pages is valid only if the program that last changed the file maintained it.
    let whole = page * u64::from(number(28));
    let counts = number(24) == number(92);
    // A write-ahead log contains data that is not in the file yet, and a journal contains data that
    // SQLite will restore.
    let has = |suffix| fs::metadata(beside(path, suffix)).is_ok_and(|file| file.len() > 0);
    if !counts || has("-wal") || has("-journal") {
        return Ok(None);
    }
    let found = file.metadata()?.len();
    Ok((found < whole).then_some((found, whole)))
}

/// The meaning of SQLite's failure with a file.
pub fn explain(path: &Path, error: sqlx::Error) -> FileError {
    let trouble = Trouble::at(path, &error);
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
        Trouble::ReadOnly | Trouble::CannotOpen => not_writable(path),
        _ => FileError::Failed {
            path: path.to_owned(),
            source: DatabaseError::at(path, error),
        },
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, Connection as _};

    use super::*;

    /// Regression: the length from before a checkpoint was compared with the header from after it.
    #[tokio::test]
    async fn a_file_that_grows_while_it_is_looked_at_has_no_end_too_early() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let mut db = crate::durable(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql(
            "CREATE TABLE thing (value); INSERT INTO thing VALUES (hex(zeroblob(50000)))",
        )
        .execute(&mut db)
        .await
        .unwrap();
        db.close().await.unwrap();
        assert!(!beside(&path, "-wal").exists());
        let whole = fs::read(&path).unwrap();
        let growing = dir.path().join("growing.sqlite");
        fs::write(&growing, &whole[..4_096]).unwrap();
        let file = File::open(&growing).unwrap();
        let header = read_header(&file).unwrap().try_into().unwrap();
        let lengths = Some((4_096, whole.len() as u64));
        assert_eq!(missing(&file, &growing, &header).unwrap(), lengths);
        assert!(matches!(examine(&growing), Err(FileError::Torn { .. })));
        for log in ["-wal", "-journal"] {
            let log = beside(&growing, log);
            fs::write(&log, b"pages").unwrap();
            assert_eq!(missing(&file, &growing, &header).unwrap(), None);
            fs::remove_file(&log).unwrap();
        }
        // The checkpoint ends after the header was read.
        fs::write(&growing, &whole).unwrap();
        assert_eq!(missing(&file, &growing, &header).unwrap(), None);
        examine(&growing).unwrap();
    }
}
