//! Files from which a server continues: only its user can access them, and they can be written.

#[cfg(unix)]
use std::fs;
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use crate::{GuardError, NotRegular, check_folder, explain, private};

/// Opens a file that a server or command must be able to write, or makes it if `options` say so. It belongs to
/// this user, nobody else may replace it, and its mode is 0600 afterwards, for any umask.
///
/// # Errors
/// [`GuardError`]: [`GuardError::NotWritable`] names mode and owner; [`GuardError::NoFile`] is for
/// something that is not a regular file.
pub fn open_state(path: &Path, options: &mut OpenOptions) -> Result<File, GuardError> {
    check_folder(path)?;
    #[cfg(unix)]
    require_writable(path)?;
    private(path, options).map_err(|source| match NotRegular::in_error(&source) {
        Some(found) => GuardError::NoFile {
            path: path.to_owned(),
            found,
        },
        None => not_writable(path, source),
    })
}

/// Opens a file in order to lock it, or makes it.
///
/// # Errors
/// Those of [`open_state`].
pub fn open_lock(path: &Path) -> Result<File, GuardError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    open_state(path, &mut options)
}

/// Root can write to a file despite its mode, and to other users' files, whose own program then
/// cannot. So both mode and owner are checked.
#[cfg(unix)]
fn require_writable(path: &Path) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(GuardError::Foreign {
            place: crate::Guarded::File(path.to_owned()),
            owner,
            user,
        });
    }
    if metadata.is_file() && metadata.mode() & 0o600 != 0o600 {
        let error = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "its mode lets its owner not read and write it",
        );
        return Err(not_writable(path, error));
    }
    Ok(())
}

fn not_writable(path: &Path, source: io::Error) -> GuardError {
    #[cfg(unix)]
    let facts = {
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        match fs::metadata(path) {
            Ok(metadata) => format!(
                "mode {:03o}, owner {}; this program runs as {user}",
                metadata.mode() & 0o777,
                metadata.uid()
            ),
            Err(_) => format!("it is not there; this program runs as {user}"),
        }
    };
    #[cfg(not(unix))]
    let facts = String::new();
    GuardError::NotWritable {
        path: path.to_owned(),
        facts,
        source: explain::writing(source),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn state_is_its_users_alone_and_can_be_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        };
        open_lock(&path).expect("made");
        assert_eq!(mode(), 0o600);
        fs::write(&path, "kept").expect("written");
        set(&path, 0o664);
        open_lock(&path).expect("ours");
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read(&path).expect("read"), b"kept");
        for closed in [0o400, 0o444, 0o200] {
            set(&path, closed);
            let said = open_lock(&path).expect_err("closed").to_string();
            for part in ["journal cannot be written", "owner", "chmod 600"] {
                assert!(said.contains(part), "{said}");
            }
            assert!(said.contains(&format!("mode {closed:o}")), "{said}");
            assert_eq!(mode(), closed, "nobody decides that for its owner");
        }
        set(&path, 0o600);
        set(dir.path(), 0o777);
        let open = open_lock(&path).expect_err("others may replace it");
        assert!(matches!(open, GuardError::Writable { mode: 0o777, .. }));
        set(dir.path(), 0o700);
        // A link is followed, and all folders on the way count.
        let (near, far) = (dir.path().join("near"), dir.path().join("far"));
        for folder in [&near, &far] {
            fs::create_dir(folder).expect("made");
            set(folder, 0o700);
        }
        let (first, second) = (near.join("first"), far.join("second"));
        std::os::unix::fs::symlink(&path, &second).expect("linked");
        std::os::unix::fs::symlink("../far/second", &first).expect("linked");
        open_lock(&first).expect("ours");
        for folder in [&near, &far, &dir.path().to_owned()] {
            set(folder, 0o777);
            let open = open_lock(&first).expect_err("others may replace it");
            assert!(
                matches!(open, GuardError::Writable { mode: 0o777, .. }),
                "{open}"
            );
            set(folder, 0o700);
        }
        // A link to nothing means that something is lost.
        let nothing = near.join("nothing");
        std::os::unix::fs::symlink(far.join("none"), &nothing).expect("linked");
        let lost = open_lock(&nothing).expect_err("a link to nothing");
        assert!(lost.to_string().contains("a link to nothing"), "{lost}");
        assert!(!lost.is_missing() && !far.join("none").exists());
        // Regression: it was said of a circle that nothing is there.
        let (one, other) = (near.join("one"), near.join("other"));
        std::os::unix::fs::symlink(&one, &other).expect("linked");
        std::os::unix::fs::symlink(&other, &one).expect("linked");
        let circle = open_lock(&one).expect_err("a circle").to_string();
        assert!(
            circle.contains("links lead in a circle") && !circle.contains("not there"),
            "{circle}"
        );
        // Only root can give files away.
        if chown(&path, Some(1), None).is_ok() {
            let foreign = open_lock(&path).expect_err("another's");
            assert!(matches!(foreign, GuardError::Foreign { owner: 1, .. }));
        }
    }
}
