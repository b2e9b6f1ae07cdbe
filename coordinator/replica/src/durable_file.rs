//! Files that are replaced whole: after a crash there is the old one or the new one. Their owner alone reads and
//! writes them, whatever the umask was.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Makes sure that [`replace`] will be able to: makes the file that it would rename, and deletes it.
///
/// # Errors
/// The path that failed, and why.
pub fn prove_replaceable(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    let new = beside(path);
    merits_guard::create(&new)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::remove_file(&new))
        .map_err(|error| (new, error))
}

/// Replaces `path` by `text`; both the file and its name are on disk afterwards.
///
/// # Errors
/// The path that failed, and why.
pub fn replace(path: &Path, text: &str) -> Result<(), (PathBuf, io::Error)> {
    let new = beside(path);
    let mut file = merits_guard::create(&new).map_err(|error| (new.clone(), error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| (new.clone(), error))?;
    fs::rename(&new, path).map_err(|error| (path.to_owned(), error))?;
    // The rename is on disk once the folder is.
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| (folder.to_owned(), error))
}

/// What is renamed to it.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
