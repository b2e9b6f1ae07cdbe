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
    dkg::{share_file::QuorumShare, vault::SealedFileError},
    held::HeldShare,
    journal::{Journal, JournalError},
    side::Side,
    view::{LedgerView, QuorumHalf, Unreadable},
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
    /// The journal was begun for a half or a share, and the log does not have it yet, and it is not there.
    #[error(
        "the journal {} was begun for a half or a share, and {} not there: none was made now. If its key generation is \
         not done yet, go on with it (`merits {side} dkg run`). If it was made, bring it back from your backup. If it \
         is lost, and no epoch was opened with its public side, tell the supervisors to throw that away, delete the \
         empty journal, and make another",
        journal.display(),
        listed(missing)
    )]
    Gone {
        /// The journal.
        journal: PathBuf,
        /// Where a half or a share should be.
        missing: Vec<PathBuf>,
        /// On which side.
        side: Side,
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
    /// No half and no share exists yet, and none ever existed.
    #[error(
        "this {side} has no half of a view key and no share of one yet{}. Make a half that it holds alone (`merits {}`), \
         or a share together with others (`merits {side} dkg run`, after `dkg open`), whose file `quorum_shares` names",
        if missing.is_empty() { String::new() } else { format!(": {} not there", listed(missing)) },
        match side {
            Side::Supervisor => "supervisor epoch",
            Side::Witness => "witness half",
        }
    )]
    None {
        /// The side.
        side: Side,
        /// The files that the configuration names.
        missing: Vec<PathBuf>,
    },
    /// The log has a share of this holder, but no file has it.
    #[error(
        "this holder has a share of the {}' half of epoch {}, and no file in `quorum_shares` holds it{}: add the \
         file that `dkg run` wrote, or bring it back from your backup. If it is lost for good, tell the other \
         holders: fewer of them may lose theirs now",
        side.many(),
        epoch.0,
        if missing.is_empty() { String::new() } else { format!(" ({} not there)", listed(missing)) }
    )]
    ShareLost {
        /// The epoch.
        epoch: Epoch,
        /// On which side.
        side: Side,
        /// The files of `quorum_shares` that are not there.
        missing: Vec<PathBuf>,
    },
    /// Nobody said the passphrase.
    #[error(
        "`quorum_shares` names files under a passphrase: name `passphrase_file` in the configuration, or run the \
         command in a terminal, which asks"
    )]
    NoPassphrase,
    /// A share's file cannot be used.
    #[error(transparent)]
    Sealed(#[from] SealedFileError),
    /// The copy of the log cannot be read.
    #[error(transparent)]
    Copy(#[from] Unreadable),
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
    /// Whether a file of a half, or of a share of one, is there.
    fn has_files(&self) -> bool {
        let mut files = self.shares.iter().chain(&self.quorum_shares);
        files.any(|file| file.exists())
    }

    /// Begins the journal and its mark, unless they are there: before this holder has its first share, so that no
    /// answer is ever given without a journal.
    ///
    /// # Errors
    /// [`SharesError::NoJournal`]: shares are there, or were, and the journal is gone.
    pub(crate) fn begin_journal(
        &self,
        log: &(impl LedgerView + ?Sized),
        holder: &PartyId,
        side: Side,
    ) -> Result<(), SharesError> {
        require_journal(self, log, holder, side)?;
        self.begin_journal_if_none()?;
        Ok(())
    }

    /// Begins the journal and its mark, unless the journal is there. Returns whether it did.
    fn begin_journal_if_none(&self) -> Result<bool, SharesError> {
        if self.journal.exists() {
            return Ok(false);
        }
        if self.has_files() {
            return Err(SharesError::NoJournal(self.journal.clone()));
        }
        drop(Journal::begin(&self.journal, &self.journal_mark()?)?);
        Ok(true)
    }

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
        let begins = config.begin_journal_if_none()?;
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
    let published = log.quorum(epoch, side);
    if let Some(half) = &published
        && !(half.is_sole() && half.has(holder))
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
    let none = !config.has_files();
    if none && config.journal.exists() && held(log, holder, side).next().is_none() {
        return Err(SharesError::Gone {
            journal: config.journal.clone(),
            missing: vec![path.to_owned()],
            side,
        });
    }
    let share = ViewKeyShare::generate(log.origin().clone(), epoch, side, rng);
    let new = Some((config, path));
    Ok(InHand { share, new })
}

/// The halves, and shares of halves, that a holder answers with.
#[derive(Debug)]
pub struct Held {
    /// The existing ones.
    pub shares: Vec<HeldShare>,
    /// Published ones that are lost: their epochs are not answered for.
    pub lost: Vec<SharesError>,
}

/// The halves and shares in the files of the configuration, compared with what the log has of this holder. Shares of
/// quorums need the passphrase.
///
/// # Errors
/// [`SharesError`]: no file holds anything that the log has of this holder.
pub fn all(
    config: &WitnessConfig,
    log: &(impl LedgerView + ?Sized),
    holder: &PartyId,
    side: Side,
    passphrase: Option<&str>,
) -> Result<Held, SharesError> {
    let mut shares = Vec::with_capacity(config.shares.len());
    for path in &config.shares {
        merits_guard::require_file_if_any(path).map_err(KeyFileError::Exposed)?;
        if !path.exists() {
            continue;
        }
        let share = ViewKeyShare::read(path)?;
        require_own(&share, path, log, side, None)?;
        shares.push(HeldShare::Sole(share));
    }
    for path in &config.quorum_shares {
        merits_guard::require_file_if_any(path).map_err(KeyFileError::Exposed)?;
        if path.exists() {
            let passphrase = passphrase.ok_or(SharesError::NoPassphrase)?;
            let share = QuorumShare::read(path, passphrase)?;
            require_own_share(&share, path, log, holder, side)?;
            shares.push(HeldShare::Quorum(share));
        }
    }
    require_journal(config, log, holder, side)?;
    let mut lost = Vec::new();
    let mut kept = 0usize;
    for (epoch, half) in held(log, holder, side) {
        if log.destroyed(epoch, side, holder)? {
            continue;
        }
        let mut of_epoch = shares.iter().filter(|share| share.epoch() == epoch);
        if of_epoch.any(|share| share.belongs_to(*holder, &half)) {
            kept += 1;
            continue;
        }
        let other = shares.iter().any(|share| share.epoch() == epoch);
        lost.push(if !half.is_sole() {
            let missing = missing(&config.quorum_shares);
            SharesError::ShareLost {
                epoch,
                side,
                missing,
            }
        } else if let Some(path) = file(config, epoch) {
            SharesError::Lost {
                epoch,
                side,
                path: path.to_owned(),
                found: if other { OTHER } else { GONE },
            }
        } else {
            SharesError::NoFile(epoch)
        });
    }
    // A holder that cannot open anything must not appear to serve.
    if kept == 0 && !lost.is_empty() {
        return Err(lost.swap_remove(0));
    }
    if shares.is_empty() {
        let missing = missing(config.shares.iter().chain(&config.quorum_shares));
        return Err(if config.journal.exists() && !missing.is_empty() {
            SharesError::Gone {
                journal: config.journal.clone(),
                missing,
                side,
            }
        } else {
            SharesError::None { side, missing }
        });
    }
    Ok(Held { shares, lost })
}

/// Those of the files that are not there.
fn missing<'f>(files: impl IntoIterator<Item = &'f PathBuf>) -> Vec<PathBuf> {
    let missing = files.into_iter().filter(|file| !file.exists());
    missing.cloned().collect()
}

/// Files as the beginning of a sentence that ends with "not there".
fn listed(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    format!(
        "{} {}",
        names.join(", "),
        if files.len() == 1 { "is" } else { "are" }
    )
}

/// The epochs of whose half on this side this holder has something.
fn held<'l>(
    log: &'l (impl LedgerView + ?Sized),
    holder: &'l PartyId,
    side: Side,
) -> impl Iterator<Item = (Epoch, QuorumHalf)> + 'l {
    (1..)
        .map_while(move |number| Some((Epoch(number), log.quorum(Epoch(number), side)?)))
        .filter(move |(_, half)| half.has(holder))
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

/// Refuses a share of another party, side or log.
fn require_own_share(
    share: &QuorumShare,
    path: &Path,
    log: &(impl LedgerView + ?Sized),
    holder: &PartyId,
    side: Side,
) -> Result<(), SharesError> {
    let about = share.about();
    if about.side == side && share.origin() == log.origin() && share.holder() == *holder {
        return Ok(());
    }
    Err(SharesError::OtherHalf {
        path: path.to_owned(),
        found: format!(
            "share of {} in the {}'s half of epoch {} of {}",
            share.holder(),
            about.side,
            about.epoch,
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
