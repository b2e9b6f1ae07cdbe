//! Errors of a database in terms that operators understand: SQLite's own are for programmers.

use std::{error::Error, fmt};

/// A failure of SQLite. Its text says what happened and what to do; callers add the path.
///
/// It has no source, because SQLite's text would follow on the screen.
#[derive(Debug)]
pub struct DatabaseError(sqlx::Error);

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
    /// Anything else.
    Other,
}

impl Trouble {
    /// By SQLite's primary result code.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        let code = match error {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Some(13),
            sqlx::Error::Io(_) => Some(10),
            _ => None,
        };
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
    /// Whether the tables are not the program's, because something else changed them.
    pub fn is_of_the_tables(&self) -> bool {
        Trouble::of(&self.0) == Trouble::Tables
    }

    /// Whether retrying cannot help, because the disk or the file itself is broken.
    pub fn is_lasting(&self) -> bool {
        matches!(
            Trouble::of(&self.0),
            Trouble::Disk | Trouble::Damaged | Trouble::NoDatabase
        )
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match Trouble::of(&self.0) {
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
            Trouble::Tables | Trouble::Other => {
                return match &self.0 {
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
