//! Files that one process at a time works on.

use std::{
    fs::{File, TryLockError},
    ops::{Deref, DerefMut},
};

/// A file with this process's lock on it, which ends when this is dropped.
///
/// A lock belongs to the opened file, not to the process. A child process that another thread starts has each open
/// file of its parent until it runs its own program. So closing the file ends a lock some time later, and unlocking
/// ends it now.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Takes the lock, without waiting for it.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] while somebody else has it.
    #[expect(
        clippy::disallowed_methods,
        reason = "everybody else locks a file by this"
    )]
    pub fn lock(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // If it fails, closing the file ends the lock.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a lock was held for as long as a child process that was being started had the file.
    #[test]
    fn a_lock_ends_with_its_owner_though_the_file_is_still_open_elsewhere() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let open = || crate::open_lock(&path).expect("opened");
        let held = LockedFile::lock(open()).expect("free");
        // What a child has until it runs its own program.
        let inherited = held.try_clone().expect("cloned");
        let second = LockedFile::lock(open()).expect_err("held");
        assert!(matches!(second, TryLockError::WouldBlock));
        drop(held);
        LockedFile::lock(open()).expect("free again");
        drop(inherited);
    }
}
