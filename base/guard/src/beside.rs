//! A file that is written under a temporary name in the same folder and renamed when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    explain,
    folder::{Folder, folder_of},
    mode,
};

/// The mode of files that everybody may read: only their owner writes them.
const PUBLIC: u32 = 0o644;

/// The users who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    Owner,
    /// Everybody whom the umask permits, and always its owner.
    Everybody,
}

/// A new file beside another. If it is dropped before it has its name, it is deleted.
#[derive(Debug)]
pub struct Beside {
    /// The name that it will get.
    name: PathBuf,
    path: PathBuf,
    folder: Folder,
    /// Whether `path` is still this file. Afterwards another file may get that name.
    is_there: bool,
}

impl Beside {
    /// Makes a new file in the folder of `name`, under a name that no file had.
    ///
    /// # Errors
    /// The system's, in words.
    pub fn make(name: &Path, readers: Readers) -> io::Result<(Self, File)> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let folder = Folder::of(name)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            let mode = match readers {
                Readers::Owner => 0o600,
                Readers::Everybody => PUBLIC,
            };
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        }
        #[cfg(not(unix))]
        let _ = readers;
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let part = format!(".merits-{}-{number}.part", std::process::id());
            let path = folder_of(name).join(part);
            match options.open(&path) {
                Ok(file) => {
                    // It exists from here on, and is deleted if the rest fails.
                    let beside = Self {
                        name: name.to_owned(),
                        path,
                        folder,
                        is_there: true,
                    };
                    match readers {
                        Readers::Owner => mode::private(&file),
                        Readers::Everybody => mode::shared(&file, PUBLIC),
                    }
                    .map_err(explain::writing)?;
                    return Ok((beside, file));
                }
                // An earlier process with this number was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Its folder was opened above, so it is there: a file system of the kernel, such as /proc.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "its folder takes no new files: name a file in another one",
                    ));
                }
                Err(error) => return Err(explain::writing(error)),
            }
        }
    }

    /// Where the file is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is still under that name: afterwards the name is free.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// The folder of both names.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Gives the file its name, replacing any file that has it.
    ///
    /// # Errors
    /// The system's.
    pub fn rename(&mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.name).map_err(explain::writing)?;
        self.is_there = false;
        Ok(())
    }

    /// Gives the file its name if that is free.
    ///
    /// # Errors
    /// The system's: of the kind `AlreadyExists` where the name is taken.
    pub fn link(&mut self) -> io::Result<()> {
        fs::hard_link(&self.path, &self.name).map_err(explain::writing)?;
        let _ = self.delete();
        Ok(())
    }

    /// The same, also on a file system without links. Unlike a rename, a link does not replace a file that was
    /// created there meanwhile.
    ///
    /// # Errors
    /// Those of [`Beside::link`].
    pub fn take_name(&mut self) -> io::Result<()> {
        match self.link() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                ) && fs::symlink_metadata(&self.name).is_err() =>
            {
                self.rename()
            }
            linked => linked,
        }
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// The system's.
    pub fn delete(&mut self) -> io::Result<()> {
        self.is_there = false;
        fs::remove_file(&self.path)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if self.is_there {
            let _ = self.delete();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a renamed file was deleted under its first name, which another process could
    /// have by then.
    #[test]
    fn what_has_its_name_is_deleted_no_more() {
        let dir = tempfile::tempdir().expect("a directory");
        let name = dir.path().join("file");
        for give in [Beside::rename, Beside::link, Beside::delete] {
            let (mut beside, _file) = Beside::make(&name, Readers::Owner).expect("made");
            give(&mut beside).expect("it works");
            let path = beside.path().to_owned();
            fs::write(&path, "another's").expect("the name is free");
            drop(beside);
            assert_eq!(fs::read(&path).expect("it stays"), b"another's");
            fs::remove_file(&path).expect("there");
            let _ = fs::remove_file(&name);
        }
        let (beside, _file) = Beside::make(&name, Readers::Owner).expect("made");
        let path = beside.path().to_owned();
        assert!(path.exists());
        drop(beside);
        assert!(!path.exists());
        // A name that is taken is not replaced by a link, and nothing is left.
        fs::write(&name, "somebody's").expect("written");
        let (mut beside, _file) = Beside::make(&name, Readers::Owner).expect("made");
        let taken = beside.link().expect_err("taken");
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        drop(beside);
        assert_eq!(fs::read(&name).expect("read"), b"somebody's");
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
    }
}
