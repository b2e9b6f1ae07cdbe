//! The files of a holder's halves: their owners, and when one is made.
//!
//! A half that the log has published is never made again, because another one cannot open what was
//! encrypted under the first. So before one is made, the log is checked for this holder's half of
//! the epoch, and the journal for an earlier half.

use std::path::{Path, PathBuf};

use merits_primitives::ids::{Epoch, PartyId};
use merits_replica::{HighWaterMark, LedgerConfigError, MarkError};
use thiserror::Error;

use crate::{
    config::WitnessConfig,
    journal::{Journal, JournalError},
    side::Side,
    view::{LedgerView, PublishedHalf},
    view_key::{KeyFileError, ViewKeyShare},
};

/// Why a holder's halves cannot be used, or why none is made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SharesError {
    /// The configuration has no file for it.
    #[error("`shares` names no file for epoch {}: add one", .0.0)]
    NoFile(Epoch),
    /// A file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The `[ledger]` table names no high-water mark, beside which the journal's mark is.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The high-water mark may not be where it is.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// One file for the journal and for what a mark needs.
    #[error(
        "`journal` names {}, which is kept for the high-water mark {} or beside it: name another file for the \
         journal, or for the mark",
        journal.display(),
        mark.display()
    )]
    JournalIsMark {
        /// The journal.
        journal: PathBuf,
        /// The high-water mark.
        mark: PathBuf,
    },
    /// A file of the other side, another epoch or another log.
    #[error(
        "{} is the {found}: name the files of this holder's own halves in `shares`, epoch by epoch",
        path.display()
    )]
    OtherHalf {
        /// The file.
        path: PathBuf,
        /// A description of it.
        found: String,
    },
    /// The log has a half of this holder, but its file is gone.
    #[error(
        "the log has epoch {} with this {side}'s half, and {} {found}: bring the file back from your backup; \
         none was made. Another half opens nothing that was encrypted under this epoch, so without the file \
         its claims and totals are never opened. If it is lost for good, tell the other institutions, and open \
         the next epoch with a new half",
        epoch.0,
        path.display()
    )]
    Lost {
        /// The epoch.
        epoch: Epoch,
        /// The side.
        side: Side,
        /// The expected path of the half.
        path: PathBuf,
        /// What is there instead, as the end of a sentence.
        found: &'static str,
    },
    /// A half was made here but is gone, and the log does not have it yet.
    #[error(
        "the journal {} was begun with a half, but no file in `shares` exists: bring {} back from \
         your backup; none was made. If it is lost, and the supervisor has not opened an epoch with its public \
         side, tell the supervisor to throw that away, delete the empty journal, and make another",
        journal.display(),
        path.display()
    )]
    Gone {
        /// The journal.
        journal: PathBuf,
        /// Where the half should be.
        path: PathBuf,
    },
    /// Others hold the epoch's halves.
    #[error(
        "epoch {} is open, and the {side}'s half in it is another party's: make a half for an epoch that is \
         not open yet",
        epoch.0
    )]
    Taken {
        /// The epoch.
        epoch: Epoch,
        /// On which side.
        side: Side,
    },
    /// No half exists yet, and none ever existed.
    #[error(
        "no half of a view key is there yet: make one first (`merits witness half`, or `merits supervisor \
         epoch` for the supervisor's)"
    )]
    None,
    /// The journal was lost.
    #[error(
        "the journal {} is not there, and this holder has halves of view keys, in its files or in the log: a \
         holder without its journal does not know what it answered, so no journal is begun and no half is made. \
         Bring the journal back from its copy",
        .0.display()
    )]
    NoJournal(PathBuf),
}

impl WitnessConfig {
    /// The path of the journal's mark: beside the high-water mark, with the suffix `.journal`.
    ///
    /// # Errors
    /// [`SharesError`]: no high-water mark is named, it may not be where it is, or the journal is a file of the marks.
    pub(crate) fn journal_mark(&self) -> Result<PathBuf, SharesError> {
        let ledger = self.ledger.clone().of_a_server()?;
        let mark = ledger.high_water_mark.unwrap_or_default();
        let mark = HighWaterMark::place(&mark, &ledger.replica)?;
        let with = |suffix: &str| {
            let mut path = mark.clone();
            path.as_mut_os_string().push(suffix);
            path
        };
        let journal = resolved(&self.journal);
        if ["", ".lock", ".journal"].map(with).contains(&journal) {
            return Err(SharesError::JournalIsMark { journal, mark });
        }
        Ok(with(".journal"))
    }
}

/// A path with links resolved; its last part need not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let parent = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    let found = path.canonicalize().ok().or_else(parent);
    found.unwrap_or_else(|| path.to_owned())
}

/// A half that may not be on the disk yet.
#[derive(Debug)]
pub struct InHand<'c> {
    share: ViewKeyShare,
    /// The path to write it to, if it is new.
    new: Option<(&'c WitnessConfig, &'c Path)>,
}

impl InHand<'_> {
    /// The half.
    pub fn share(&self) -> &ViewKeyShare {
        &self.share
    }

    /// Writes it, if it is new; the journal and its mark begin with the first.
    ///
    /// # Errors
    /// [`SharesError`]; then no half and no journal is left.
    pub fn keep(self) -> Result<ViewKeyShare, SharesError> {
        let Some((config, path)) = self.new else {
            return Ok(self.share);
        };
        let begins = !config.journal.exists();
        if begins {
            if config.shares.iter().any(|share| share.exists()) {
                return Err(SharesError::NoJournal(config.journal.clone()));
            }
            drop(Journal::begin(&config.journal, &config.journal_mark()?)?);
        }
        if let Err(error) = self.share.write(path) {
            if begins {
                // It is empty, so nothing was answered. Its mark, at no lines, hinders no journal that begins.
                let _ = std::fs::remove_file(&config.journal);
            }
            return Err(error.into());
        }
        Ok(self.share)
    }
}

/// The holder's half of an epoch: from its file, or a new one if neither the log nor the journal knows of
/// one. Nothing is written.
///
/// # Errors
/// [`SharesError`].
pub fn of_epoch<'c>(
    config: &'c WitnessConfig,
    log: &(impl LedgerView + ?Sized),
    holder: &PartyId,
    side: Side,
    epoch: Epoch,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<InHand<'c>, SharesError> {
    let path = file(config, epoch).ok_or(SharesError::NoFile(epoch))?;
    let published = log.epoch(epoch).map(|halves| *halves.side(side));
    if let Some(half) = &published
        && half.holder != *holder
    {
        return Err(SharesError::Taken { epoch, side });
    }
    let lost = |found| SharesError::Lost {
        epoch,
        side,
        path: path.to_owned(),
        found,
    };
    // Refuse also if the files of the halves are lost with it: they may be restored, but the
    // answers are not.
    require_journal(config, log, holder, side)?;
    merits_guard::require_file_if_any(path).map_err(KeyFileError::Exposed)?;
    if path.exists() {
        let share = ViewKeyShare::read(path)?;
        require_own(&share, path, log, side, Some(epoch))?;
        return match &published {
            Some(half) if !share.matches(half) => Err(lost(OTHER)),
            _ => Ok(InHand { share, new: None }),
        };
    }
    if published.is_some() {
        return Err(lost(GONE));
    }
    let none = !config.shares.iter().any(|share| share.exists());
    if none && config.journal.exists() && held(log, holder, side).next().is_none() {
        let (journal, path) = (config.journal.clone(), path.to_owned());
        return Err(SharesError::Gone { journal, path });
    }
    let share = ViewKeyShare::generate(log.origin().clone(), epoch, side, rng);
    let new = Some((config, path));
    Ok(InHand { share, new })
}

/// The halves that a holder answers with.
#[derive(Debug)]
pub struct Held {
    /// The existing halves.
    pub shares: Vec<ViewKeyShare>,
    /// Published halves that are lost: their epochs are not answered for.
    pub lost: Vec<SharesError>,
}

/// The halves in the files of the configuration, compared with this holder's halves in the log.
///
/// # Errors
/// [`SharesError`]: no file holds a half that the log has.
pub fn all(
    config: &WitnessConfig,
    log: &(impl LedgerView + ?Sized),
    holder: &PartyId,
    side: Side,
) -> Result<Held, SharesError> {
    let mut shares = Vec::with_capacity(config.shares.len());
    for path in &config.shares {
        merits_guard::require_file_if_any(path).map_err(KeyFileError::Exposed)?;
        if !path.exists() {
            continue;
        }
        let share = ViewKeyShare::read(path)?;
        require_own(&share, path, log, side, None)?;
        shares.push(share);
    }
    require_journal(config, log, holder, side)?;
    let mut lost = Vec::new();
    let mut kept = 0usize;
    for (epoch, half) in held(log, holder, side) {
        let of_epoch = || shares.iter().filter(|share| share.epoch() == epoch);
        if of_epoch().any(|share| share.matches(&half)) {
            kept += 1;
            continue;
        }
        let Some(path) = file(config, epoch) else {
            lost.push(SharesError::NoFile(epoch));
            continue;
        };
        let found = if of_epoch().next().is_some() {
            OTHER
        } else {
            GONE
        };
        lost.push(SharesError::Lost {
            epoch,
            side,
            path: path.to_owned(),
            found,
        });
    }
    // A holder that cannot open anything must not appear to serve.
    if kept == 0 && !lost.is_empty() {
        return Err(lost.swap_remove(0));
    }
    if shares.is_empty() {
        return Err(match config.shares.first() {
            Some(path) if config.journal.exists() => SharesError::Gone {
                journal: config.journal.clone(),
                path: path.clone(),
            },
            _ => SharesError::None,
        });
    }
    Ok(Held { shares, lost })
}

/// The epochs that have this holder's half on this side.
fn held<'l>(
    log: &'l (impl LedgerView + ?Sized),
    holder: &'l PartyId,
    side: Side,
) -> impl Iterator<Item = (Epoch, PublishedHalf)> + 'l {
    (1..)
        .map_while(move |number| Some((Epoch(number), *log.epoch(Epoch(number))?.side(side))))
        .filter(move |(_, half)| half.holder == *holder)
}

/// Refuses a holder that the log knows but whose journal is gone: its earlier answers must not be
/// forgotten.
fn require_journal(
    config: &WitnessConfig,
    log: &(impl LedgerView + ?Sized),
    holder: &PartyId,
    side: Side,
) -> Result<(), SharesError> {
    // A dangling link does not mean that the half is lost.
    merits_guard::require_file_if_any(&config.journal).map_err(JournalError::from)?;
    if config.journal.exists() || held(log, holder, side).next().is_none() {
        return Ok(());
    }
    Err(SharesError::NoJournal(config.journal.clone()))
}

/// Refuses a file that belongs to the other side, another epoch or another log.
fn require_own(
    share: &ViewKeyShare,
    path: &Path,
    log: &(impl LedgerView + ?Sized),
    side: Side,
    epoch: Option<Epoch>,
) -> Result<(), SharesError> {
    let own = share.side() == side
        && share.origin() == log.origin()
        && epoch.is_none_or(|epoch| epoch == share.epoch());
    if own {
        return Ok(());
    }
    Err(SharesError::OtherHalf {
        path: path.to_owned(),
        found: format!(
            "{}'s half of epoch {} of {}",
            share.side(),
            share.epoch().0,
            share.origin()
        ),
    })
}

/// The file that the configuration names for an epoch.
fn file(config: &WitnessConfig, epoch: Epoch) -> Option<&Path> {
    let index = usize::try_from(epoch.0).ok()?.checked_sub(1)?;
    config.shares.get(index).map(PathBuf::as_path)
}

const GONE: &str = "is not there";
const OTHER: &str = "holds another half";
