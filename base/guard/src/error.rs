//! Why a file is not used, and what others could have done with it.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{NotRegular, Secret, explain};

/// Why a file is not used. Never holds a part of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The system's answer.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error(
        "{} belongs to another user (number {owner}; this program runs as {user}), who could have \
         put anything there: make {} of your own, or run the program as its owner",
        place.named(),
        place.noun()
    )]
    Foreign {
        /// The file or its folder.
        place: Guarded,
        /// Its owner.
        owner: u32,
        /// The user of this program.
        user: u32,
    },
    /// Others could have changed or replaced it.
    #[error(
        "{} has mode {mode:03o}, so others may have changed or replaced what is in it: make sure \
         that it is yours, then take their right to write (chmod go-w {})",
        place.named(),
        place.path().display()
    )]
    Writable {
        /// The file or its folder.
        place: Guarded,
        /// Its permission bits.
        mode: u32,
        /// Whose it is.
        owner: u32,
    },
    /// Others could have read it.
    #[error(
        "{} has mode {mode:03o}, so others may have read it. Take their rights away (chmod 600 {}). {}",
        path.display(),
        path.display(),
        secret.worth().when_exposed
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// What it holds.
        secret: Secret,
        /// Its permission bits.
        mode: u32,
    },
    /// Data that must be kept in it could not be written.
    #[error(
        "{} cannot be written ({facts}): {source}. See that this user owns it and its folder, that both may be \
         written (chmod 600 {}), and that the disk is neither full nor mounted read-only",
        path.display(),
        path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Its mode and owner.
        facts: String,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not a regular file, and one is expected.
    #[error("{}: {found}", path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
        /// What it is, and what to do.
        found: NotRegular,
    },
    /// There are no Unix permissions to check.
    #[error("{}: this system does not say who may write a file", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
}

/// The file or folder that others could have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guarded {
    /// The file itself.
    File(PathBuf),
    /// The folder that contains it, or will contain it.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: PathBuf,
    },
}

impl Guarded {
    /// The file, or the folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Folder { folder, .. } => folder,
        }
    }

    fn named(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Folder { folder, file } => {
                format!("{}: its folder {}", file.display(), folder.display())
            }
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::File(_) => "a file",
            Self::Folder { .. } => "a folder",
        }
    }
}

impl GuardError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// An adapter for `map_err` after reading `path`.
    pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            match NotRegular::in_error(&source) {
                Some(found) => Self::NoFile { path, found },
                None => Self::Io {
                    path,
                    source: explain::reading(source),
                },
            }
        }
    }
}
