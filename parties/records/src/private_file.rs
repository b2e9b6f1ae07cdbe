//! Files that hold what people did: records, salts, pseudonyms, refused rows.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Makes or empties a file that only its owner reads (mode 0600).
///
/// # Errors
/// As for opening.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // One that was there before keeps its mode otherwise.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_owner_reads_it_whatever_was_there_before() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("bundle.jsonl");
        let mode = || {
            std::fs::metadata(&path)
                .expect("there")
                .permissions()
                .mode()
                & 0o777
        };
        create(&path).expect("made");
        assert_eq!(mode(), 0o600);
        std::fs::write(&path, "old").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        create(&path).expect("emptied");
        assert_eq!(mode(), 0o600);
        assert_eq!(std::fs::read(&path).expect("read"), b"");
    }
}
