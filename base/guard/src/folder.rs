//! Folders: how they are made, and how a new name gets onto the disk with its folder.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{explain, mode};

/// The folder of a file, opened before any work is done for the file.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// `None` if files may be made but the folder may not be read, as in a drop box (mode 1733).
    handle: Option<File>,
}

impl Folder {
    /// Opens the folder of the file `path`.
    ///
    /// # Errors
    /// The system's, in words. A folder that cannot be read is not an error.
    pub fn of(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        Self::opened(folder, open_folder(folder))
    }

    fn opened(path: &Path, opened: io::Result<File>) -> io::Result<Self> {
        let handle = match opened {
            Ok(handle) => Some(handle),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            Err(error) => return Err(explain::writing(error)),
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

    /// Puts the names in the folder on the disk. If the folder cannot be synchronised, this synchronises the file
    /// system of `file`, which is in the folder.
    ///
    /// # Errors
    /// The system's, if the disk fails. A file system that does not know the call is not an error.
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

/// Opens a folder for synchronising. It never waits for something that is not a folder.
fn open_folder(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    options.open(path)
}

/// Puts the name of a file that was just made on the disk.
///
/// # Errors
/// Those of [`Folder::sync`].
pub fn sync_name(path: &Path, file: &File) -> io::Result<()> {
    Folder::of(path)?.sync(file)
}

/// Gives a file that is on the disk another name of the same folder, where a file may be. Afterwards the
/// name is on the disk too.
///
/// # Errors
/// The system's, in words.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to).map_err(explain::writing)?;
    Folder::of(to)
        .and_then(|folder| folder.sync(&File::open(to)?))
        .map_err(explain::writing)
}

/// The folder of a file, which is `.` for a name alone.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder, and the missing folders above it: only their owner enters them (mode 0700, for any
/// umask). An existing folder keeps its mode.
///
/// # Errors
/// The system's, in words.
pub fn create_folder(path: &Path) -> io::Result<()> {
    make_folder(path, 0o700)
}

/// Makes a folder for files that everybody may read, and the missing folders above it: the umask
/// says who else enters them, and nobody else writes into them. Their owner enters and writes in
/// any case.
///
/// # Errors
/// The system's, in words.
pub fn create_shared_folder(path: &Path) -> io::Result<()> {
    make_folder(path, 0o755)
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    // A relative name's parent.
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    match make_one_folder(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A link to a folder counts as a folder.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is not a folder, and a folder must be made there: name another, or move this away",
            ));
        }
        made => return made.map_err(explain::writing),
    }
    // One after another, because the next can be made only once its owner may enter the one before.
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => make_folder(above, mode)?,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the folder that this runs in is gone: change to one that exists",
            ));
        }
    }
    match make_one_folder(path, mode) {
        // Another program made it at the same time.
        Err(_) if path.is_dir() => Ok(()),
        made => made.map_err(explain::writing),
    }
}

/// Makes a folder whose owner has the rights in `mode`, for any umask.
fn make_one_folder(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    builder.create(path)?;
    mode::shared_folder(path, mode)
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
    use std::os::{fd::OwnedFd, unix::fs::PermissionsExt as _};

    use super::*;

    /// Regression: a written file was reported as not written.
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

    #[test]
    fn a_made_folder_is_the_owners_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b");
        create_folder(&path).expect("made");
        for folder in [dir.path().join("a"), path.clone()] {
            let mode = fs::metadata(folder).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        create_folder(&path).expect("there already");
        create_folder(Path::new("")).expect("here");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "an existing folder keeps its mode");
    }
}
