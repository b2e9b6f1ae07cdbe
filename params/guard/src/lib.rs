//! Who may read or write a file of ours: one check for keys, secrets, records and prepared keys.
//!
//! A secret that others could read is no secret, and one that others could replace is theirs: a
//! wallet under a seed that somebody put there is somebody's wallet. So a file is taken only if it
//! belongs to this user or to root, nobody else may write it, nobody else may read it where it is
//! private, and nobody else may replace it: its folder too belongs to this user or to root, and
//! only they may write into it (in a folder such as `/tmp`, whose sticky bit is set, nobody
//! replaces other people's files).
//!
//! What is no regular file (a pipe, a terminal) has no owner to guard it from: none is asked of it.
//! Out of scope: folders above the file's own, access control lists, root.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// What others may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Read it, but not change it.
    Trusted,
    /// Nothing.
    Private,
}

/// Why a file is not used. Never holds a part of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The system's answer.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody else's.
    #[error(
        "{} belongs to another user (number {owner}; this program runs as {user}), who could have \
         put anything there: make a file of your own, or run the program as its owner",
        path.display()
    )]
    Foreign {
        /// The file or its folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Others could have changed or replaced it.
    #[error(
        "{} has mode {mode:03o}, so others may have changed or replaced what is in it: make sure \
         that it is yours, then take their right to write (chmod go-w)",
        path.display()
    )]
    Writable {
        /// The file or its folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Whose it is.
        owner: u32,
    },
    /// Others could have read it.
    #[error(
        "{} has mode {mode:03o}: others may have read the secret in it; set 600 if none did, else \
         make a new one",
        path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No Unix permissions to go by.
    #[error("{}: this system does not say who may write a file", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
}

impl GuardError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a file for reading, and checks the opened file and its folder.
///
/// # Errors
/// [`GuardError`].
pub fn open(path: &Path, guard: Guard) -> Result<File, GuardError> {
    let io = |source| GuardError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    check(path, &file.metadata().map_err(io)?, guard)?;
    Ok(file)
}

/// Checks an opened file, by its own metadata, and its folder.
///
/// # Errors
/// [`GuardError`].
pub fn check(path: &Path, metadata: &Metadata, guard: Guard) -> Result<(), GuardError> {
    if !metadata.is_file() {
        return Ok(());
    }
    owned(path, metadata)?;
    if guard == Guard::Private {
        unread(path, metadata)?;
    }
    check_folder(path)?;
    // The folder of a link's file counts as well.
    match fs::canonicalize(path) {
        Ok(real) if real != path => check_folder(&real),
        _ => Ok(()),
    }
}

/// Makes or empties a file that only its owner reads (mode 0600). Where it lies is for whoever names
/// the place: see [`check_folder`].
///
/// # Errors
/// As for opening.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    private(path, &mut options)
}

/// Makes such a file; none is overwritten.
///
/// # Errors
/// As for opening: of the kind `AlreadyExists` when there is one.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(path, &mut options)
}

fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(path)?;
    // One that was there before keeps its mode otherwise. A pipe has none.
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    Ok(file)
}

/// Checks the folder of a file that is there or shall be made: nobody else may replace what is in it.
///
/// # Errors
/// [`GuardError`].
pub fn check_folder(path: &Path) -> Result<(), GuardError> {
    let folder = match path.parent() {
        None => return Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    let metadata = fs::metadata(folder).map_err(|source| GuardError::Io {
        path: folder.to_owned(),
        source,
    })?;
    owned(folder, &metadata)
}

/// Refuses what belongs to others than this user and root, or what others may write.
#[cfg(unix)]
fn owned(path: &Path, metadata: &Metadata) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let user = rustix::process::geteuid().as_raw();
    if owner != user && owner != 0 {
        return Err(GuardError::Foreign {
            path: path.to_owned(),
            owner,
            user,
        });
    }
    // In a sticky folder nobody renames or removes other people's files.
    let sticky = metadata.is_dir() && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !sticky {
        return Err(GuardError::Writable {
            path: path.to_owned(),
            mode,
            owner,
        });
    }
    Ok(())
}

#[cfg(unix)]
fn unread(path: &Path, metadata: &Metadata) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(GuardError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn owned(path: &Path, _: &Metadata) -> Result<(), GuardError> {
    Err(GuardError::Unsupported {
        path: path.to_owned(),
    })
}

#[cfg(not(unix))]
fn unread(path: &Path, _: &Metadata) -> Result<(), GuardError> {
    Err(GuardError::Unsupported {
        path: path.to_owned(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn only_the_owner_reads_it_whatever_was_there_before() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("bundle.jsonl");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        create(&path).expect("made");
        assert_eq!(mode(), 0o600);
        fs::write(&path, "old").expect("written");
        set(&path, 0o644);
        create(&path).expect("emptied");
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read(&path).expect("read"), b"");
        let again = create_new(&path).expect_err("there already");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn what_others_may_read_write_or_replace_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let folder = dir.path().join("keys");
        fs::create_dir(&folder).expect("made");
        let path = folder.join("seed.key");
        create(&path).expect("made");
        open(&path, Guard::Private).expect("ours alone");
        for (mode, private, trusted) in [
            (0o640, false, true),
            (0o604, false, true),
            (0o620, false, false),
            (0o602, false, false),
            (0o400, true, true),
        ] {
            set(&path, mode);
            assert_eq!(open(&path, Guard::Private).is_ok(), private, "{mode:o}");
            assert_eq!(open(&path, Guard::Trusted).is_ok(), trusted, "{mode:o}");
        }
        set(&path, 0o600);
        for (mode, taken) in [
            (0o770, false),
            (0o777, false),
            (0o1777, true),
            (0o755, true),
        ] {
            set(&folder, mode);
            assert_eq!(open(&path, Guard::Private).is_ok(), taken, "{mode:o}");
            let other = folder.join("other.key");
            assert_eq!(check_folder(&other).is_ok(), taken, "{mode:o}");
        }
        let missing = open(&folder.join("none"), Guard::Private).expect_err("not there");
        assert!(missing.is_missing());
        // A link does not hide where its file lies.
        let open_folder = dir.path().join("open");
        fs::create_dir(&open_folder).expect("made");
        create(&open_folder.join("seed.key")).expect("made");
        set(&open_folder, 0o777);
        let link = folder.join("link.key");
        std::os::unix::fs::symlink(open_folder.join("seed.key"), &link).expect("linked");
        assert!(matches!(
            open(&link, Guard::Private),
            Err(GuardError::Writable { .. })
        ));
    }

    /// Only root can give files away.
    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("seed.key");
        create(&path).expect("made");
        if chown(&path, Some(1), None).is_err() {
            return;
        }
        let foreign = open(&path, Guard::Private).expect_err("another's");
        assert!(matches!(foreign, GuardError::Foreign { owner: 1, .. }));
        chown(&path, Some(0), None).expect("given back");
        chown(dir.path(), Some(1), None).expect("given away");
        assert!(matches!(
            open(&path, Guard::Private),
            Err(GuardError::Foreign { owner: 1, .. })
        ));
    }
}
