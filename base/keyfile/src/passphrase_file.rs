//! A file with a passphrase in one line.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use merits_guard::{Guard, GuardError, Secret};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::{PassphraseError, passphrase_of_file};

/// Most bytes of a passphrase's file.
pub const MOST_BYTES: usize = 4_096;

/// Why a file gives no passphrase. No variant holds a part of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassphraseFileError {
    /// Others may read or replace it.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// Reading failed.
    #[error("passphrase file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Too long for a passphrase.
    #[error(
        "passphrase file {}: it is longer than {MOST_BYTES} bytes: name the file with the passphrase. If an older \
         merits made the backup from such a file, the passphrase is its first line: write that alone into a file",
        .0.display()
    )]
    TooLong(PathBuf),
    /// Not text.
    #[error("passphrase file {}: it is not UTF-8 text: save the file as UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// Not one line.
    #[error("passphrase file {}: {source}", path.display())]
    Lines {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PassphraseError,
    },
}

/// Reads the passphrase in a file that only its owner may read: its only line that is not blank. `secret` says what
/// the passphrase protects, for advice.
///
/// # Errors
/// [`PassphraseFileError`].
pub fn read(path: &Path, secret: Secret) -> Result<Zeroizing<String>, PassphraseFileError> {
    // A buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MOST_BYTES));
    merits_guard::open(path, Guard::Private(secret))?
        .take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| PassphraseFileError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::reading(source),
        })?;
    if bytes.len() > MOST_BYTES {
        return Err(PassphraseFileError::TooLong(path.to_owned()));
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| PassphraseFileError::NotUtf8(path.to_owned()))?;
    let line = passphrase_of_file(text).map_err(|source| PassphraseFileError::Lines {
        path: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_gives_its_only_line_or_says_why_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("words");
        let read = |bytes: &[u8], mode| {
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            super::read(&path, Secret::Passphrase)
        };
        let good = read("\u{feff}wheel salt lantern\r\n\n".as_bytes(), 0o600);
        assert_eq!(*good.expect("a passphrase"), "wheel salt lantern");
        let longest = vec![b'a'; MOST_BYTES];
        assert_eq!(read(&longest, 0o600).expect("it fits").len(), MOST_BYTES);
        let longer = vec![b'a'; MOST_BYTES + 1];
        for (bytes, mode, says) in [
            (&longer[..], 0o600, "longer than 4096 bytes"),
            (b"caf\xe9 lantern wheel", 0o600, "not UTF-8"),
            (b"one two\nthree four\n", 0o600, "2 lines with text"),
            (b"wheel salt lantern", 0o644, "644"),
        ] {
            let fault = read(bytes, mode).expect_err(says).to_string();
            assert!(fault.contains(says) && fault.contains("words"), "{fault}");
            assert!(!fault.contains("three"), "{fault}");
        }
        let missing = super::read(&dir.path().join("none"), Secret::Passphrase);
        let fault = missing.expect_err("no file").to_string();
        assert!(fault.contains("none"), "{fault}");
    }
}
