//! Whether the disk of a file has room.

use std::path::Path;

use crate::real;

/// Whether the disk of a file has no room for another block or another file.
pub(crate) fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(folder(&real(path)))
        .is_ok_and(|disk| has_no_room(disk.f_blocks, disk.f_bavail, disk.f_files, disk.f_favail))
}

/// A file system that counts no blocks or no files gives 0 for all of them.
fn has_no_room(blocks: u64, free_blocks: u64, files: u64, free_files: u64) -> bool {
    (blocks > 0 && free_blocks == 0) || (files > 0 && free_files == 0)
}

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_blocks_or_files_is_full() {
        for (blocks, free_blocks, files, free_files, full) in [
            (100, 0, 10, 5, true),
            (100, 50, 10, 0, true),
            (100, 1, 10, 1, false),
            // The file system does not count its files or its blocks.
            (100, 1, 0, 0, false),
            (0, 0, 0, 0, false),
        ] {
            assert_eq!(has_no_room(blocks, free_blocks, files, free_files), full);
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_full(&dir.path().join("store.sqlite")));
    }
}
