//! Why a file cannot be written.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use rustix::fs::{Access, StatVfsMountFlags};

use crate::{
    beside,
    error::FileError,
    real,
    room::{folder, is_full},
};

/// Whether the folder's mode prevents its owner from making files in it.
pub(crate) fn folder_is_closed(path: &Path) -> bool {
    fs::metadata(folder(path)).is_ok_and(|metadata| {
        let own = metadata.uid() == rustix::process::geteuid().as_raw();
        own && metadata.mode() & 0o300 != 0o300
    })
}

/// Why a file cannot be written, as far as the system shows it.
pub(crate) fn not_writable(path: &Path) -> FileError {
    let path = &*real(path);
    let folder = folder(path);
    let facts = NotWritable::of(path);
    let read_only = |path: &Path| {
        rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY))
    };
    let denied = |path: &Path, access| rustix::fs::access(path, access).is_err();
    if read_only(folder) || read_only(path) {
        return facts
            .because("its disk is mounted read-only: mount it for writing (mount -o remount,rw)");
    }
    let mode = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.mode() & 0o777);
    let exists = path.exists();
    if exists && (mode(path) & 0o600 != 0o600 || denied(path, Access::READ_OK | Access::WRITE_OK)) {
        let advice = format!("its mode forbids it: chmod 600 {}", path.display());
        return facts.because(advice);
    }
    if folder_is_closed(path) || denied(folder, Access::WRITE_OK | Access::EXEC_OK) {
        let user = rustix::process::geteuid().as_raw();
        let owner = fs::metadata(folder).map_or(user, |metadata| metadata.uid());
        let advice = if owner == user {
            format!("chmod u+rwx {}", folder.display())
        } else {
            format!(
                "it belongs to user {owner}: chown {user} {}",
                folder.display()
            )
        };
        return facts.because(format!(
            "files are made beside it, and its folder {} (mode {:03o}) forbids that: {advice}",
            folder.display(),
            mode(folder)
        ));
    }
    for suffix in ["-wal", "-shm"] {
        let beside = beside(path, suffix);
        if beside.exists() && denied(&beside, Access::READ_OK | Access::WRITE_OK) {
            let advice = format!(
                "{} beside it forbids it: chmod 600 {}",
                beside.display(),
                beside.display()
            );
            return facts.because(advice);
        }
    }
    if is_full(path) {
        return facts.because("its disk is full: make room");
    }
    facts.because(
        "see that the user who runs this owns file and folder, and that the disk is not mounted read-only",
    )
}

/// Mode and owner of a file that cannot be written.
pub(crate) struct NotWritable<'a> {
    path: &'a Path,
    facts: String,
}

impl<'a> NotWritable<'a> {
    pub(crate) fn of(path: &'a Path) -> Self {
        let user = rustix::process::geteuid().as_raw();
        let facts = match fs::metadata(path) {
            Ok(metadata) => format!(
                "mode {:03o}, owner {}; this program runs as {user}",
                metadata.mode() & 0o777,
                metadata.uid()
            ),
            Err(_) => format!("this program runs as {user}"),
        };
        Self { path, facts }
    }

    pub(crate) fn because(self, why: impl Into<String>) -> FileError {
        FileError::NotWritable {
            path: self.path.to_owned(),
            facts: self.facts,
            why: why.into(),
        }
    }
}
