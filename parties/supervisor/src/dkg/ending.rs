//! The end of a share: its file is overwritten and removed, and no other file ever is.
//!
//! The file is judged by its public part before anything is touched. Then the order is: FILE becomes FILE.destroyed;
//! the secret in FILE.destroyed is overwritten with zeros, and that is on the disk; the entry goes to the ledger;
//! FILE.destroyed is removed. FILE.destroyed keeps its public part to the end. So a run that was killed at any step is
//! continued by the next one, which judges what it finds in the same way. A file that is not there proves nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use merits_primitives::{
    ids::{Epoch, Origin, PartyId},
    jubjub::Point,
};
use merits_threshold::{Side, half::QuorumHalf};
use thiserror::Error;

use super::{
    sealed_file::{self, SealedFileError},
    share_file::About,
};

/// What the name of a file gets when its end begins.
const MARKER: &str = ".destroyed";

/// Why a file is not destroyed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndFault {
    /// Neither the file nor what an earlier run left of it.
    #[error(
        "{} is not there, and neither is {}, which a run that was stopped leaves: nothing was destroyed, and nothing \
         was recorded. Name the file of this holder's share, or a copy of it",
        path.display(),
        marker.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What an earlier run would have left.
        marker: PathBuf,
    },
    /// A link.
    #[error(
        "{} is a link, and was not touched: name the file that it leads to, so that nothing but the share is \
         destroyed",
        .0.display()
    )]
    Link(PathBuf),
    /// Another share.
    #[error(
        "{} is {found}, and was not touched. What is to be destroyed is {wanted}: name its file",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// A share that the epoch did not take.
    #[error(
        "{} is a share of attempt {attempt}, whose half epoch {} did not take, and was not touched: name the file of \
         the share that the epoch has",
        path.display(),
        epoch.0
    )]
    OtherAttempt {
        /// The file.
        path: PathBuf,
        /// The attempt.
        attempt: u32,
        /// The epoch.
        epoch: Epoch,
    },
    /// Not a share's file.
    #[error("{source}. It was not touched: name the file of this holder's share")]
    NoShare {
        /// What it is.
        source: SealedFileError,
    },
    /// The system refused while the share was overwritten.
    #[error(transparent)]
    File(#[from] SealedFileError),
    /// The system refused.
    #[error("share {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The one share that a command may destroy: a holder's own, of the half that the epoch has.
#[derive(Debug, Clone)]
pub(crate) struct Doomed {
    pub(crate) origin: Origin,
    pub(crate) epoch: Epoch,
    pub(crate) side: Side,
    pub(crate) holder: PartyId,
    /// The halves of A and At.
    pub(crate) keys: [Point; 2],
}

impl Doomed {
    /// The holder's share of the half that an epoch has.
    pub(crate) fn of(
        origin: &Origin,
        (epoch, side): (Epoch, Side),
        half: &QuorumHalf,
        holder: PartyId,
    ) -> Self {
        Self {
            origin: origin.clone(),
            epoch,
            side,
            holder,
            keys: [half.claim.key(), half.total.key()],
        }
    }

    fn judge(&self, path: &Path, found: &About) -> Result<(), EndFault> {
        let own = found.origin == self.origin.as_str()
            && found.epoch == self.epoch.0
            && found.side == self.side
            && found.holder == hex::encode(self.holder.0);
        if !own {
            return Err(EndFault::Other {
                path: path.to_owned(),
                found: in_words(
                    (found.side, found.epoch),
                    &merits_text::display::line(&found.holder),
                    &merits_text::display::line(&found.origin),
                ),
                wanted: in_words(
                    (self.side, self.epoch.0),
                    &self.holder.to_string(),
                    self.origin.as_str(),
                ),
            });
        }
        let keys = self.keys.map(|key| hex::encode(key.to_bytes()));
        if keys != [found.claim_key.clone(), found.total_key.clone()] {
            return Err(EndFault::OtherAttempt {
                path: path.to_owned(),
                attempt: found.attempt,
                epoch: self.epoch,
            });
        }
        Ok(())
    }
}

fn in_words((side, epoch): (Side, u32), holder: &str, origin: &str) -> String {
    let many = side.many();
    format!("the share of {holder} in the {many}' half of epoch {epoch} of {origin}")
}

/// A share's file on its way to its end. Nothing is touched before [`Ending::overwrite`].
#[derive(Debug)]
pub(crate) struct Ending {
    path: PathBuf,
    marker: PathBuf,
    is_whole: bool,
    is_begun: bool,
}

impl Ending {
    /// Judges the file, and what an earlier run left of it.
    pub(crate) fn judge(path: &Path, doomed: &Doomed) -> Result<Self, EndFault> {
        let mut marker = path.to_owned();
        marker.as_mut_os_string().push(MARKER);
        let is_whole = is_the_share(path, doomed)?;
        let is_begun = is_the_share(&marker, doomed)?;
        if !is_whole && !is_begun {
            let path = path.to_owned();
            return Err(EndFault::Missing { path, marker });
        }
        Ok(Self {
            path: path.to_owned(),
            marker,
            is_whole,
            is_begun,
        })
    }

    /// Overwrites the secret. It is gone from the disk when this returns.
    pub(crate) fn overwrite(&self) -> Result<(), EndFault> {
        if self.is_begun {
            sealed_file::erase::<About>(&self.marker)?;
        }
        if self.is_whole {
            // What is left of an earlier run has no secret any more.
            merits_guard::folder::rename(&self.path, &self.marker).map_err(io_at(&self.path))?;
            sealed_file::erase::<About>(&self.marker)?;
        }
        Ok(())
    }

    /// Removes what is left, once the ledger has the entry.
    pub(crate) fn remove(&self) -> Result<(), EndFault> {
        let removed = fs::File::open(&self.marker).and_then(|file| {
            fs::remove_file(&self.marker)?;
            merits_guard::folder::sync_name(&self.marker, &file)
        });
        removed.map_err(io_at(&self.marker))
    }
}

/// Whether the share is there; anything else that is there is refused.
fn is_the_share(path: &Path, doomed: &Doomed) -> Result<bool, EndFault> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(EndFault::Link(path.to_owned())),
        Ok(_) => {
            let found = sealed_file::public_part::<About>(path);
            let found = found.map_err(|source| EndFault::NoShare { source })?;
            doomed.judge(path, &found)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_at(path)(error)),
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> EndFault {
    move |source| EndFault::Io {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}
