//! Checks who owns the files of a store and whether they can be written. This happens before a
//! server listens, because the first failed write would end it.

use std::{
    fs::{self, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use crate::{
    beside,
    error::FileError,
    real,
    unwritable::{folder_is_closed, not_writable},
};

/// Makes the file of a store if there is none, and then does what [`keep_private`] does.
///
/// # Errors
/// Those of [`keep_private`].
pub fn restrict(path: &Path) -> Result<(), FileError> {
    merits_guard::check_folder(path)?;
    // An existing path is checked as it is. A new file is made only if nothing exists there, not even a
    // dangling link.
    if fs::symlink_metadata(path).is_ok() {
        return keep_private(path);
    }
    match merits_guard::create_new(path) {
        Ok(_) => require_files(path),
        // Another program made it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep_private(path),
        Err(error) if is_forbidden(&error) => Err(not_writable(path)),
        Err(error) => Err(FileError::io("create", path)(error)),
    }
}

/// Sets mode 0600 on a store's file and on SQLite's files beside it, for any umask. Follows a link. Refuses a
/// path that is not a regular file, belongs to another user, may be replaced by others, or may not be written
/// by its owner.
///
/// # Errors
/// [`FileError::Exposed`] for a path that is not a regular file, and for a folder that others may write,
/// [`FileError::OtherUser`], [`FileError::NotWritable`], [`FileError::Io`].
pub fn keep_private(path: &Path) -> Result<(), FileError> {
    merits_guard::check_folder(path)?;
    let path = &*real(path);
    require_files(path)?;
    let metadata = fs::metadata(path).map_err(FileError::io("read", path))?;
    require_own(path, &metadata)?;
    let mode = metadata.mode() & 0o777;
    // Somebody set this mode on purpose. Only root could still write.
    if mode & 0o600 != 0o600 || folder_is_closed(path) {
        return Err(not_writable(path));
    }
    if mode != 0o600 {
        set_private(path)?;
    }
    // SQLite makes these with the file's mode, even if SQLite itself cannot use that mode later.
    for suffix in BESIDE {
        let path = beside(path, suffix);
        if let Ok(metadata) = fs::metadata(&path) {
            require_own(&path, &metadata)?;
            if metadata.mode() & 0o777 != 0o600 {
                set_private(&path)?;
            }
        }
    }
    Ok(())
}

/// The files that SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses a store that is not a regular file, and such a path among SQLite's files beside it, before SQLite
/// opens them. SQLite would block on a pipe, and report a disk error for a folder or a dangling link. A
/// missing path is not refused.
///
/// # Errors
/// [`FileError::Exposed`], which says what the file is instead.
pub fn require_files(path: &Path) -> Result<(), FileError> {
    for suffix in [""].iter().chain(&BESIDE) {
        merits_guard::require_file_if_any(&beside(path, suffix))?;
    }
    Ok(())
}

fn set_private(path: &Path) -> Result<(), FileError> {
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| {
        if is_forbidden(&error) {
            not_writable(path)
        } else {
            FileError::io("restrict", path)(error)
        }
    })
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

fn require_own(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == user {
        return Ok(());
    }
    Err(FileError::OtherUser {
        path: path.to_owned(),
        owner,
        user,
    })
}
