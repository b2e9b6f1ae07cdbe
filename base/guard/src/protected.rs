//! The files that a command must not overwrite, under any of their names.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::output::OutputError;

/// The files that a command reads, that its configuration names, and that it writes.
#[derive(Debug, Default)]
pub struct Protected {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    what: String,
    /// The part of the path that exists, with every link followed.
    path: PathBuf,
    /// The file itself, under any name.
    node: Option<(u64, u64)>,
    /// Including everything in it.
    folder: bool,
}

impl Protected {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Protects a file, whether it exists or not, and the files that a database or a lock keeps
    /// beside it. `what` names it, in words with an article.
    pub fn keep(&mut self, path: &Path, what: impl Into<String>) {
        self.remember(path, what.into(), false);
    }

    /// Protects a folder with everything in it.
    pub fn keep_folder(&mut self, path: &Path, what: impl Into<String>) {
        self.remember(path, what.into(), true);
    }

    /// Protects a file no longer as `what`, because this command is for it. Other descriptions of the same file, and
    /// other files, keep their protection.
    pub fn release(&mut self, path: &Path, what: &str) {
        let path = resolve(path);
        self.kept
            .retain(|kept| kept.path != path || kept.what != what);
    }

    /// Refuses an output that is protected, under any name. Afterwards the output itself is
    /// protected, so that no other output is the same file.
    ///
    /// # Errors
    /// [`OutputError::Protected`].
    pub fn admit(&mut self, output: &Path, what: impl Into<String>) -> Result<(), OutputError> {
        self.judge(output)?;
        self.keep(output, what);
        Ok(())
    }

    fn judge(&self, output: &Path) -> Result<(), OutputError> {
        let path = resolve(output);
        let node = node(output);
        let kept = self.kept.iter().find(|kept| {
            (node.is_some() && kept.node == node)
                || kept.path == path
                || (kept.folder && path.starts_with(&kept.path))
                || kept.beside().any(|beside| beside == path)
        });
        match kept {
            None => Ok(()),
            Some(kept) => Err(OutputError::Protected {
                path: output.to_owned(),
                what: kept.what.clone(),
            }),
        }
    }

    fn remember(&mut self, path: &Path, what: String, folder: bool) {
        self.kept.push(Kept {
            what,
            path: resolve(path),
            node: node(path),
            folder,
        });
    }
}

impl Kept {
    /// The files that databases, locks and replacements keep beside a file.
    fn beside(&self) -> impl Iterator<Item = PathBuf> {
        let with = |suffix: &&str| {
            let mut name = OsString::from(&self.path);
            name.push(suffix);
            PathBuf::from(name)
        };
        let suffixes = ["-wal", "-shm", "-journal", ".lock", ".journal", ".new"];
        suffixes
            .iter()
            .map(with)
            .chain([self.path.with_extension("lock")])
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// The path with every link followed as far as it is there.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => resolve(parent).join(name),
        (_, Some(name)) => {
            fs::canonicalize(".").map_or_else(|_| name.into(), |here| here.join(name))
        }
        _ => path.to_owned(),
    }
}

/// Device and inode number of the file under a name, with links followed.
#[cfg(unix)]
fn node(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn node(_: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_released_file_is_an_output_under_that_description_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let here = |name: &str| dir.path().join(name);
        let mut kept = Protected::new();
        for name in ["share-1", "share-2"] {
            kept.keep(&here(name), "`quorum_shares`");
        }
        kept.keep(&here("journal"), "`quorum_shares`");
        kept.keep(&here("journal"), "`journal`");
        for name in ["share-1", "journal", "share-1.new", "other"] {
            kept.release(&here(name), "`quorum_shares`");
        }
        kept.admit(&here("share-1"), "the share").expect("released");
        for name in [
            "share-1",
            "share-2",
            "share-2.new",
            "share-2.lock",
            "journal",
        ] {
            kept.admit(&here(name), "the state").expect_err(name);
        }
    }

    #[test]
    fn an_output_is_not_a_file_that_the_command_needs_under_any_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let here = |name: &str| dir.path().join(name);
        fs::write(here("input.csv"), "a").expect("written");
        fs::create_dir(here("replica")).expect("made");
        fs::hard_link(here("input.csv"), here("hard")).expect("linked");
        symlink(here("input.csv"), here("soft")).expect("linked");
        symlink(dir.path(), here("again")).expect("linked");
        let mut kept = Protected::new();
        kept.keep(&here("input.csv"), "the input");
        kept.keep(&here("store.sqlite"), "`store` of the configuration");
        kept.keep_folder(&here("replica"), "`replica` of the configuration");
        for name in [
            "input.csv",
            "./again/input.csv",
            "hard",
            "soft",
            "store.sqlite",
            "again/store.sqlite",
            "store.sqlite-wal",
            "store.lock",
            "replica/checkpoint",
            "again/replica/new",
        ] {
            let error = kept.admit(&here(name), "the output").expect_err(name);
            assert!(matches!(error, OutputError::Protected { .. }), "{error}");
        }
        kept.admit(&here("out"), "the bundle").expect("free");
        kept.admit(&here("rejects"), "the rejects file")
            .expect("free");
        let error = kept.admit(&here("again/out"), "the rejects file");
        let said = error.expect_err("taken").to_string();
        assert!(said.contains("is the bundle"), "{said}");
    }
}
