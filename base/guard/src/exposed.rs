//! The warning about an input that is for this user alone, but that others may read.
//!
//! A voucher, a ticket or a request is written with mode 0600, and arrives by mail or from a stick
//! with mode 644. A command reads it all the same, because nothing of its own depends on it, and
//! says what the mode means. Keys and passphrases are refused instead: see [`crate::open`].

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// The content of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Codes that anyone who reads them can use.
    Vouchers,
    /// Personal data: data from people, or records about them.
    People,
    /// A seed under a passphrase.
    Backup,
}

/// An input that others may read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    path: PathBuf,
    mode: u32,
    holds: Holds,
}

impl Exposed {
    /// Judges a file. `None` if only its owner may read and write it, if it is not a regular file,
    /// or if it cannot be looked at: reading it tells more then.
    #[must_use]
    pub fn of(path: &Path, holds: Holds) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let mode = mode(&found);
        let exposed = found.is_file() && mode & 0o077 != 0;
        exposed.then(|| Self {
            path: path.to_owned(),
            mode,
            holds,
        })
    }
}

#[cfg(unix)]
fn mode(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(found) & 0o777
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let why = match self.holds {
            Holds::Vouchers => "anyone who reads a code can use its voucher",
            Holds::People => "it holds personal data that only its receiver may read",
            Holds::Backup => "somebody who has it can try passphrases",
        };
        write!(
            f,
            "{path} has mode {:o}, so other users of this machine may have read or changed it, and {why}: take their \
             rights away (chmod 600 {path})",
            self.mode
        )
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_wider_mode_is_reported_with_its_meaning() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("codes.txt");
        assert_eq!(Exposed::of(&path, Holds::Vouchers), None, "not there");
        assert_eq!(Exposed::of(dir.path(), Holds::Vouchers), None, "a folder");
        fs::write(&path, "A-1\n").expect("written");
        for (mode, told) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o604, true),
            (0o644, true),
            (0o602, true),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let exposed = Exposed::of(&path, Holds::Vouchers);
            assert_eq!(exposed.is_some(), told, "{mode:o}");
            if let Some(exposed) = exposed {
                let said = exposed.to_string();
                assert!(said.contains(&format!("mode {mode:o}")), "{said}");
                assert!(said.contains("can use its voucher"), "{said}");
                assert!(
                    said.contains("chmod 600 ") && said.contains("codes.txt"),
                    "{said}"
                );
            }
        }
    }
}
