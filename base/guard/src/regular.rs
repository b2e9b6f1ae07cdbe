//! Opens files that must be regular.
//!
//! If the name of a journal led to a pipe, the program would wait for ever for a writer. So a file
//! is opened without waiting, and the opened descriptor is checked: nobody can put a pipe in its
//! place between the check and the use.

use std::{
    fs::{self, File, FileType, OpenOptions},
    io,
    path::Path,
};

use crate::input;

/// Opens a regular file with these options, and nothing else. It never waits.
///
/// # Errors
/// The system's; [`NotRegular`] inside an error of the kind `InvalidInput` for something that is
/// not a regular file.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Opening some devices has an effect, so an existing path is checked before.
    if let Ok(found) = fs::metadata(path) {
        require(&found.file_type())?;
    }
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
    }
    let opened = options.open(path);
    // The system's error does not say that the path is a pipe or a folder, nor what to do.
    if opened.is_err()
        && let Ok(found) = fs::metadata(path)
    {
        require(&found.file_type())?;
    }
    let file = opened?;
    require(&file.metadata()?.file_type())?;
    Ok(file)
}

fn require(kind: &FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        NotRegular::of(kind),
    ))
}

/// The thing that was found under a name where a file is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {found}, and a file is expected: {}", self.advice())]
pub struct NotRegular {
    /// What it is, with an article.
    pub found: &'static str,
}

impl NotRegular {
    pub(crate) fn of(kind: &FileType) -> Self {
        Self {
            found: input::name(kind),
        }
    }

    /// The [`NotRegular`] in an error of [`open`], if there is one.
    pub(crate) fn in_error(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    pub(crate) fn advice(self) -> &'static str {
        if self.found == "a folder" {
            "name a file in it"
        } else {
            "name a file, or move this away"
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::{GuardError, create, create_new, open_lock, open_state};

    /// Regression: a pipe as a journal was opened for reading and writing, and read for ever. The
    /// test checks that nothing here waits.
    #[test]
    fn what_is_no_file_is_never_opened_as_state() {
        let dir = tempfile::tempdir().expect("a directory");
        let here = |name: &str| dir.path().join(name);
        let made = std::process::Command::new("mkfifo")
            .arg(here("pipe"))
            .status();
        assert!(made.expect("mkfifo runs").success());
        fs::create_dir(here("folder")).expect("made");
        let _socket = UnixListener::bind(here("socket")).expect("bound");
        std::os::unix::fs::symlink(here("pipe"), here("link")).expect("linked");
        for (name, found, advice) in [
            ("pipe", "a pipe", "move this away"),
            ("link", "a pipe", "move this away"),
            ("folder", "a folder", "name a file in it"),
            ("socket", "a socket", "move this away"),
        ] {
            let path = here(name);
            let options = |append| {
                let mut options = OpenOptions::new();
                options.read(true).append(append).write(true).create(true);
                options
            };
            for refused in [
                open_lock(&path),
                open_state(&path, &mut options(true)),
                open_state(&path, &mut options(false)),
            ] {
                let error = refused.expect_err("no file");
                let said = error.to_string();
                assert!(matches!(error, GuardError::NoFile { .. }), "{said}");
                assert!(!said.contains("chmod"), "{said}");
                for part in [name, found, "a file is expected", advice] {
                    assert!(said.contains(part), "{said}");
                }
            }
            for refused in [create(&path), input::open(&path)] {
                let error = refused.expect_err("no file");
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
                let said = error.to_string();
                assert!(said.contains(found) && said.contains(advice), "{said}");
            }
            let there = create_new(&path).expect_err("there");
            assert!(there.to_string().contains(found), "{there}");
        }
        let device = open_lock(Path::new("/dev/null")).map(drop);
        assert!(device.is_err());
    }

    /// The kind is that of the opened file, even if something else was found before.
    #[test]
    fn the_opened_file_is_the_checked_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        let mut options = OpenOptions::new();
        let pipe = options
            .read(true)
            .write(true)
            .open(&path)
            .expect("a pipe opens");
        let kind = pipe.metadata().expect("known").file_type();
        let error = require(&kind).expect_err("a pipe");
        assert_eq!(
            NotRegular::in_error(&error),
            Some(NotRegular { found: "a pipe" })
        );
    }
}
