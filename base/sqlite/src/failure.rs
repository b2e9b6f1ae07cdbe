//! Errors of a database in terms that operators understand: SQLite's own are for programmers.

use std::{error::Error, fmt, path::Path};

use crate::room::is_full;

/// SQLite's `SQLITE_IOERR_SHMSIZE`.
const IOERR_SHMSIZE: i32 = 10 | (19 << 8);

/// A failure of SQLite. Its text says what happened and what to do; callers add the path.
///
/// It has no source, because SQLite's text would follow on the screen.
#[derive(Debug)]
pub struct DatabaseError {
    source: sqlx::Error,
    trouble: Trouble,
}

/// The kind of a database's failure, which determines the advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Another process holds a lock.
    Busy,
    /// It is opened for reading only, or writing is not allowed.
    ReadOnly,
    /// There is no such file, or no permission to open it.
    CannotOpen,
    /// The disk reports an error.
    Disk,
    /// The disk is full.
    Full,
    /// Pages contradict each other.
    Damaged,
    /// Not a database.
    NoDatabase,
    /// The tables are not those of the program.
    Tables,
    /// A value is none that the program writes.
    Value,
    /// Anything else.
    Other,
}

impl Trouble {
    /// The failure of the file `path`. SQLite sometimes reports a full disk as a disk error.
    pub(crate) fn at(path: &Path, error: &sqlx::Error) -> Self {
        match Self::of(error) {
            Self::Disk if is_full(path) => Self::Full,
            trouble => trouble,
        }
    }

    /// By SQLite's result code.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        let code = match error {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Some(13),
            sqlx::Error::Io(_) => Some(10),
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => return Self::Value,
            _ => None,
        };
        // The index of the write-ahead log could not be made longer.
        if code == Some(IOERR_SHMSIZE) {
            return Self::Full;
        }
        match code.map(|code| code & 0xff) {
            // "no such table", "no such column".
            Some(1) => Self::Tables,
            Some(5 | 6) => Self::Busy,
            Some(3 | 8 | 23) => Self::ReadOnly,
            Some(14) => Self::CannotOpen,
            Some(10) => Self::Disk,
            Some(13) => Self::Full,
            Some(11) => Self::Damaged,
            Some(26) => Self::NoDatabase,
            _ => Self::Other,
        }
    }
}

impl DatabaseError {
    /// A failure with the file `path`. This also checks the file's disk.
    pub(crate) fn at(path: &Path, source: sqlx::Error) -> Self {
        let trouble = Trouble::at(path, &source);
        Self { source, trouble }
    }

    /// Whether the tables, or a value in them, are not the program's, because something else changed them.
    pub fn is_altered(&self) -> bool {
        matches!(self.trouble, Trouble::Tables | Trouble::Value)
    }

    /// Whether retrying cannot help, because the disk or the file itself is broken.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Disk | Trouble::Damaged | Trouble::NoDatabase
        )
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(source: sqlx::Error) -> Self {
        let trouble = Trouble::of(&source);
        Self { source, trouble }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.trouble {
            Trouble::Busy => "another process keeps the file locked; wait until it has ended, and try again",
            Trouble::ReadOnly => {
                "the file cannot be written; see that its user owns file and folder, that both may be written, and \
                 that the disk is not mounted read-only"
            }
            Trouble::CannotOpen => {
                "the file, or one beside it, cannot be opened; see that it is there, and that file and folder \
                 belong to the user who runs this"
            }
            Trouble::Disk => {
                "the disk reports an error, or is gone or read-only; see the system's log (dmesg), and bring the \
                 disk back"
            }
            Trouble::Full => "the disk is full; make room",
            Trouble::Damaged => "the file is damaged; restore a backup",
            Trouble::NoDatabase => "the file is not a SQLite database; bring the right file back",
            Trouble::Tables | Trouble::Value | Trouble::Other => {
                return match &self.source {
                    // Its Display has a code before the message.
                    sqlx::Error::Database(error) => f.write_str(error.message()),
                    // Our own, for an invalid value.
                    sqlx::Error::Decode(error) => error.fmt(f),
                    error => error.fmt(f),
                };
            }
        })
    }
}

impl Error for DatabaseError {}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::error::{DatabaseError as Answer, ErrorKind};

    use super::*;

    /// SQLite's answer of this extended code.
    #[derive(Debug)]
    struct Code(i32);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("disk I/O error")
        }
    }

    impl Error for Code {}

    impl Answer for Code {
        fn message(&self) -> &'static str {
            "disk I/O error"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    /// Regression: a disk with no room for the index of the write-ahead log was reported as broken.
    #[test]
    fn an_index_that_cannot_grow_means_a_full_disk() {
        const IOERR_READ: i32 = 266;
        for (code, said, lasting) in [
            (4_874, "the disk is full; make room", false),
            (IOERR_READ, "the disk reports an error", true),
        ] {
            let error = DatabaseError::from(sqlx::Error::Database(Box::new(Code(code))));
            assert!(error.to_string().starts_with(said), "{error}");
            assert_eq!(error.is_lasting(), lasting);
        }
        // The disk of this test has room, so the error is an error of the disk.
        let dir = tempfile::tempdir().unwrap();
        let error = sqlx::Error::Database(Box::new(Code(IOERR_READ)));
        assert_eq!(Trouble::at(dir.path(), &error), Trouble::Disk);
    }
}
