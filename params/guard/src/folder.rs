//! The folder of a file that is written: a new name is on the disk once its folder is.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// The folder of a file, opened before any work is done for the file.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// `None` where files may be made and the folder not be read, as in a drop box (mode 1733).
    handle: Option<File>,
}

impl Folder {
    /// Opens the folder of the file `path`.
    ///
    /// # Errors
    /// The system's. That the folder cannot be read is none.
    pub fn of(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        Self::opened(folder, File::open(folder))
    }

    fn opened(path: &Path, opened: io::Result<File>) -> io::Result<Self> {
        let handle = match opened {
            Ok(handle) => Some(handle),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the names in the folder on the disk. Where the folder cannot be synchronised, the file system of
    /// `file`, which lies in it, is.
    ///
    /// # Errors
    /// The system's, of a disk that fails. A file system that does not know the call is none.
    pub fn sync(&self, file: &File) -> io::Result<()> {
        let synced = match &self.handle {
            Some(handle) => handle.sync_all(),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        match synced {
            Err(error) if is_unknown(&error) => sync_file_system(file),
            synced => synced,
        }
    }
}

/// Puts the name of a file that was just made on the disk.
///
/// # Errors
/// As [`Folder::sync`].
pub fn sync_name(path: &Path, file: &File) -> io::Result<()> {
    Folder::of(path)?.sync(file)
}

/// The folder of a file, which is `.` for a name alone.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether the system says that this cannot be synchronised (EINVAL, ENOTSUP, ENOSYS), and not that it failed.
fn is_unknown(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

#[cfg(target_os = "linux")]
fn sync_file_system(file: &File) -> io::Result<()> {
    match rustix::fs::syncfs(file).map_err(io::Error::from) {
        Err(error) if is_unknown(&error) => Ok(()),
        synced => synced,
    }
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    /// The fault: what was written was reported as not written.
    #[test]
    fn a_folder_that_cannot_be_synchronised_is_no_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let file = File::create(&path).expect("made");
        sync_name(&path, &file).expect("as folders are");
        // The system answers EINVAL for a pipe, as some file systems do for a folder.
        let (reader, _writer) = io::pipe().expect("a pipe");
        let pipe = File::from(OwnedFd::from(reader));
        let said = pipe.sync_all().expect_err("no file");
        assert_eq!(said.kind(), io::ErrorKind::InvalidInput);
        let refusing = Folder::opened(dir.path(), Ok(pipe)).expect("taken");
        refusing.sync(&file).expect("by its file system");
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        let closed = Folder::opened(dir.path(), denied).expect("taken");
        closed.sync(&file).expect("by its file system");
        let missing = Folder::of(&dir.path().join("none/file")).expect_err("none");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
