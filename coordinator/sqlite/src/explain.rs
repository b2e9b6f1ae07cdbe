//! What a file is that cannot be used, in words.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::Path,
};

use crate::{
    beside,
    error::FileError,
    unwritable::not_writable,
    words::{DatabaseError, Trouble},
};

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
        Trouble::ReadOnly | Trouble::CannotOpen => not_writable(path),
        _ => FileError::Failed {
            path: path.to_owned(),
            source: DatabaseError::from(error),
        },
    }
}
