//! Modes of new files and folders, for any umask.
//!
//! The umask removes rights when a file is made, also the owner's rights: under the umask 0777 a
//! backup has mode 000, and nobody can enter a new folder. So the mode is set again afterwards.

#[cfg(unix)]
use std::fs::{self, Metadata};
use std::{fs::File, io, path::Path};

/// The rights that a mode gives to the owner.
#[cfg(unix)]
const OWNERS: u32 = 0o700;

/// Sets the mode of a file that was just made to be its owner's alone.
#[cfg(unix)]
pub(crate) fn private(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

/// Gives the owner of a file that was just made the rights in `mode`; the umask decides the rights
/// of others.
#[cfg(unix)]
pub(crate) fn shared(file: &File, mode: u32) -> io::Result<()> {
    match missing(&file.metadata()?, mode) {
        None => Ok(()),
        Some(mode) => file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode)),
    }
}

/// The same for a folder.
#[cfg(unix)]
pub(crate) fn shared_folder(path: &Path, mode: u32) -> io::Result<()> {
    match missing(&fs::symlink_metadata(path)?, mode) {
        None => Ok(()),
        Some(mode) => fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)),
    }
}

/// The mode with the owner's rights of `mode` added, if some are missing.
#[cfg(unix)]
fn missing(metadata: &Metadata, mode: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let (has, owners) = (metadata.mode() & 0o7777, mode & OWNERS);
    (has & OWNERS != owners).then_some((has & !OWNERS) | owners)
}

#[cfg(not(unix))]
pub(crate) fn private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn shared(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn shared_folder(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::fs::MetadataExt as _, process::Command};

    use crate::{
        create, create_folder, create_new, create_shared_folder, open_lock,
        output::{Kind, Output, Readers, replace_own},
    };

    use super::*;

    /// Where the process makes its files that a shell started under another umask: the umask is the whole process's,
    /// and other tests run beside this one.
    const FOLDER: &str = "MERITS_GUARD_TEST_FOLDER";

    /// Regression: files of mode 000, and folders that their owner could not enter.
    #[test]
    fn no_umask_takes_the_owners_rights() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return make_all(Path::new(&folder));
        }
        for umask in ["0777", "0577", "0022", "0000"] {
            let dir = tempfile::tempdir().expect("a directory");
            let ran = Command::new("sh")
                .args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")])
                .arg(std::env::current_exe().expect("this program"))
                .args([
                    "--exact",
                    "mode::tests::no_umask_takes_the_owners_rights",
                    "--test-threads",
                    "1",
                ])
                .env(FOLDER, dir.path())
                .output()
                .expect("it runs");
            assert!(ran.status.success(), "{umask}: {ran:?}");
            let mode = |name: &str| {
                let made = fs::metadata(dir.path().join(name));
                made.unwrap_or_else(|error| panic!("{umask}: {name}: {error}"))
                    .mode()
                    & 0o777
            };
            for name in ["created", "new", "lock", "private", "own"] {
                assert_eq!(mode(name), 0o600, "{umask}: {name}");
            }
            for name in ["a", "a/b", "a/b/c"] {
                assert_eq!(mode(name), 0o700, "{umask}: {name}");
            }
            let others = 0o777 & !u32::from_str_radix(umask, 8).expect("a mode");
            assert_eq!(mode("public"), 0o600 | (0o044 & others), "{umask}");
            for name in ["d", "d/e"] {
                assert_eq!(mode(name), 0o700 | (0o055 & others), "{umask}: {name}");
            }
        }
    }

    fn make_all(folder: &Path) {
        let here = |name: &str| folder.join(name);
        create(&here("created")).expect("made");
        create_new(&here("new")).expect("made");
        open_lock(&here("lock")).expect("made");
        replace_own(&here("own"), Readers::Owner, |_| Ok(())).expect("made");
        create_folder(&here("a/b/c")).expect("made");
        create_shared_folder(&here("d/e")).expect("made");
        for (name, readers) in [("private", Readers::Owner), ("public", Readers::Everybody)] {
            Output::write(&here(name), Kind::new("a file", readers), b"text").expect("made");
        }
        for name in ["a/b/c/in", "d/e/in"] {
            create_new(&here(name)).expect("its owner enters the folder");
        }
    }
}
