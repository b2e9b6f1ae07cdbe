//! An evaluator's shares on its machine: the present one, and the end of old ones.
//!
//! Everything that an evaluator publishes in a dealing, and the share that it gets, follows from two seeds of its own and
//! the log: one of a holder, and one of a dealer. They are files for each dealing beside `voprf_key`, made before
//! anything is published. So a run that is killed goes on, and there is no other state.

use std::{
    fs::OpenOptions,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::{
    State,
    rows::RowError,
    state::{TagDealing, TagKeyRecord},
};
use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_threshold::tags::{
    board::{TagProgress, WrongShare},
    dealing::{Dealing, DealingFault},
    participant::{ParticipantFault, TagParticipant},
};
use thiserror::Error;

use crate::{
    config::EvaluatorConfig,
    key::{EvaluatorKey, EvaluatorKeyError},
};

/// Why an evaluator's shares cannot be dealt, found or erased.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SharesError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// A file of a seed.
    #[error(transparent)]
    Key(#[from] EvaluatorKeyError),
    /// These parties cannot deal.
    #[error(transparent)]
    Dealing(#[from] DealingFault),
    /// This party's part.
    #[error(transparent)]
    Participant(#[from] ParticipantFault),
    /// No such dealing.
    #[error(
        "{opener} opened no dealing of generation {generation} on this ledger: it runs `merits evaluator shares open`"
    )]
    NotOpened {
        /// Who should have.
        opener: PartyId,
        /// The generation after the present one.
        generation: u32,
    },
    /// A dealer dealt a wrong share.
    #[error(
        "the dealing failed: the share that {} dealt {} is not the one that it committed to. Open another dealing \
         without {}. This machine's seeds of it are erased",
        .0.dealer, .0.holder, .0.dealer
    )]
    Failed(WrongShare),
    /// The deadline is past by this machine's clock.
    #[error(
        "the dealing took messages until {0}: open another. This machine's seeds of it are erased by the next command \
         after the log's next entry"
    )]
    Over(Timestamp),
    /// The deadline is past by the log's time.
    #[error(
        "the dealing took messages until {0}: open another. This machine's seeds of it are erased"
    )]
    Expired(Timestamp),
    /// Another dealing of the same generation was done first.
    #[error("another dealing, which {0} opened, was done first: the shares are those of it")]
    Overtaken(PartyId),
    /// The opener opened another dealing than the one that was agreed to.
    #[error(
        "the opener's dealing is {found} now, and not {agreed}: it may give shares to others. Look at it with `merits \
         evaluator shares run --look` before you take part"
    )]
    OtherDealing {
        /// The one that this party takes part in.
        agreed: String,
        /// The opener's newest one.
        found: String,
    },
    /// A file cannot be erased.
    #[error("{}: the old secret cannot be erased: {source}", path.display())]
    Erase {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<KeyFileError> for SharesError {
    fn from(error: KeyFileError) -> Self {
        Self::Key(error.into())
    }
}

impl EvaluatorConfig {
    /// This evaluator's share of the present key; `None` if it holds none.
    ///
    /// # Errors
    /// [`SharesError`].
    pub(crate) fn present_key(
        &self,
        state: &State,
        party: PartyId,
    ) -> Result<Option<EvaluatorKey>, SharesError> {
        let Some(record) = state.people().tag_key() else {
            return Ok(None);
        };
        if record.key.share_of(&party).is_none() {
            return Ok(None);
        }
        let Some(opener) = record.dealt_by else {
            return Ok(Some(EvaluatorKey::load(&self.voprf_key)?));
        };
        let (stored, dealing) = dealing_of(state, record.generation, opener)?;
        let seed = merits_keyfile::load(&self.seed_file(&dealing, HOLDER), KeyKind::Voprf)?;
        let part = TagParticipant::new(&dealing, party, &seed, None)?;
        Ok(Some(part.share(&stored.board)?.into()))
    }

    /// Erases every seed file but a holder's of the present share, once that share is at hand, and those of dealings that
    /// are under way.
    pub(crate) fn erase_old(
        &self,
        state: &State,
        party: PartyId,
    ) -> Result<Vec<PathBuf>, SharesError> {
        // A holder whose new share cannot be made loses nothing.
        self.present_key(state, party)?;
        let record = state.people().tag_key();
        let mut keep = Vec::new();
        match record.and_then(|record| Some((record.generation, record.dealt_by?))) {
            Some((generation, opener)) => {
                let (_, present) = dealing_of(state, generation, opener)?;
                if present.is_holder(&party) {
                    keep.push(self.seed_file(&present, HOLDER));
                }
            }
            // A whole key, or one that was made and not announced yet.
            None => keep.push(self.voprf_key.clone()),
        }
        for (stored, seeds) in self.next_dealings(state)? {
            if !is_over(&stored, &seeds.dealing, state.time()) {
                keep.extend(seeds.files);
            }
        }
        let files = self.seed_files().into_iter();
        erase_all(files.filter(|path| !keep.contains(path)))
    }

    /// Erases the seeds of dealings that ended without shares, as far as the ledger names them: no share is made of them,
    /// and with a dealer's seed a later thief would compute the share that it dealt.
    pub(crate) fn erase_over(&self, state: &State) -> Result<Vec<PathBuf>, SharesError> {
        let mut over = Vec::new();
        for (stored, seeds) in self.next_dealings(state)? {
            if is_over(&stored, &seeds.dealing, state.time()) {
                over.extend(seeds.files);
            }
        }
        erase_all(over.into_iter().filter(|path| path.exists()))
    }

    /// The dealings of the next generation, with the files of this evaluator's seeds.
    fn next_dealings(&self, state: &State) -> Result<Vec<(TagDealing, Seeds)>, SharesError> {
        let present = state.people().tag_key();
        let next = next_generation(present);
        let mut dealings = Vec::new();
        for (opener, _) in state.parties().iter() {
            if let Some(stored) = state.people().tag_dealings().get(next, opener)? {
                let dealing = stored.dealing(state.origin(), *opener)?;
                let files = [HOLDER, DEALER].map(|whose| self.seed_file(&dealing, whose));
                dealings.push((stored, Seeds { dealing, files }));
            }
        }
        Ok(dealings)
    }

    /// A seed of this evaluator's part in a dealing.
    pub(crate) fn seed_file(&self, dealing: &Dealing, whose: &str) -> PathBuf {
        let mut name = self.voprf_key.clone().into_os_string();
        let short = short_name(dealing);
        name.push(format!(".{short}{whose}"));
        name.into()
    }

    /// The file of a whole key and those of all dealings, as far as they are there.
    fn seed_files(&self) -> Vec<PathBuf> {
        let folder = folder_of(&self.voprf_key);
        let Some(own) = self.voprf_key.file_name().and_then(|name| name.to_str()) else {
            return Vec::new();
        };
        let is_seed = |name: &str| {
            let rest = name.strip_prefix(own);
            rest.is_some_and(|rest| {
                rest.is_empty()
                    || rest.strip_prefix('.').is_some_and(|digits| {
                        let digits = digits.strip_suffix(DEALER).unwrap_or(digits);
                        digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
                    })
            })
        };
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names = names.filter(|name| is_seed(name));
        let mut files: Vec<PathBuf> = names
            .map(|name| self.voprf_key.with_file_name(name))
            .collect();
        files.sort();
        files
    }
}

/// This evaluator's seeds of a dealing.
struct Seeds {
    dealing: Dealing,
    files: [PathBuf; 2],
}

/// Whether no message of a dealing is taken any more and no share comes of it, by the log's time. One that is done is
/// the present key's.
fn is_over(stored: &TagDealing, dealing: &Dealing, time: Timestamp) -> bool {
    match stored.board.progress(dealing) {
        TagProgress::Waiting { .. } => time > stored.opened.deadline,
        TagProgress::Failed(_) => true,
        TagProgress::Done(_) => false,
    }
}

/// The generation after the present one.
pub(crate) fn next_generation(present: Option<&TagKeyRecord>) -> u32 {
    present
        .map_or(0, |record| record.generation)
        .saturating_add(1)
}

fn erase_all(files: impl Iterator<Item = PathBuf>) -> Result<Vec<PathBuf>, SharesError> {
    let mut erased = Vec::new();
    for path in files {
        match erase(&path) {
            Ok(()) => erased.push(path),
            Err(source) => return Err(SharesError::Erase { path, source }),
        }
    }
    Ok(erased)
}

/// A dealing for people and in names of files: the start of its digest.
pub(crate) fn short_name(dealing: &Dealing) -> String {
    let digest = dealing.digest();
    let start = digest.first_chunk::<8>();
    start.map_or_else(String::new, hex::encode)
}

pub(crate) fn dealing_of(
    state: &State,
    generation: u32,
    opener: PartyId,
) -> Result<(TagDealing, Dealing), SharesError> {
    let stored = state.people().tag_dealings().get(generation, &opener)?;
    let stored = stored.ok_or(SharesError::NotOpened { opener, generation })?;
    let dealing = stored.dealing(state.origin(), opener)?;
    Ok((stored, dealing))
}

/// Overwrites and removes a file. A copy that the disk or a backup keeps is out of reach.
fn erase(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![b'0'; usize::try_from(length).unwrap_or(0)];
    file.write_all(&zeros)?;
    file.sync_all()?;
    std::fs::remove_file(path)?;
    // The removal is on the disk too.
    std::fs::File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The end of the name of a holder's seed.
pub(crate) const HOLDER: &str = "";
/// The end of the name of a dealer's seed.
pub(crate) const DEALER: &str = ".dealer";
