//! One holder's part: as far as the messages allow, from wherever it stopped.
//!
//! The order of each step is: take what others published, compute, store the state, publish. So a process
//! that is killed between any two steps publishes the same bytes when it comes back. The share's file is on
//! the disk before the secrets of the ceremony are erased.

use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_guard::GuardError;
use merits_guard::LockedFile;
use merits_primitives::ids::PartyId;
use merits_threshold::{
    message::{Round, Slot},
    participant::{Participant, ParticipantFault},
    standing::{self, Standing},
};
use merits_verifier::codec::Canonical as _;
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    board::{Board, BoardError},
    plan::Checked,
    share_file::{About, QuorumShare},
    vault::{self, Left, SealedFileError, Vault},
};

/// A message of this holder that is not published yet, and its round.
pub type Unpublished = (Round, Vec<u8>);

/// Who runs it: a party with its keys.
pub struct Runner<'r> {
    /// The party.
    pub party: PartyId,
    /// Its Ed25519 key.
    pub signing: &'r SigningKey,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({}, ..)", self.party)
    }
}

/// The files of one holder's part.
#[derive(Debug, Clone, Copy)]
pub struct Places<'p> {
    /// The file of the state, on this machine alone.
    pub state: &'p Path,
    /// The file of the share, on this machine alone.
    pub share: &'p Path,
}

/// A step that was done and is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The state is stored.
    Stored,
    /// A message is published.
    Published(Round),
    /// The share has its file.
    ShareWritten,
    /// The state has the name under which it ends.
    SetAside,
    /// How it ended is stored, without its secret.
    EndStored,
    /// The secrets of the ceremony are overwritten and removed.
    Erased,
}

/// Why it does not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DkgError {
    /// Not a holder.
    #[error("this party is not among the holders of the plan")]
    NotPlanned,
    /// The protocol.
    #[error(transparent)]
    Participant(#[from] ParticipantFault),
    /// State or share.
    #[error(transparent)]
    File(#[from] SealedFileError),
    /// The folder of the messages.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The lock.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// Two at once.
    #[error("another process has the state {0} open: wait until it ends")]
    InUse(PathBuf),
    /// The lock's file.
    #[error("{path}: {source}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file where the share belongs.
    #[error("{0} is there already, and holds another share: name another file for this one")]
    OtherShare(PathBuf),
    /// Nothing to compare a share with.
    #[error("the key generation is not done by the messages so far: run it to its end first")]
    NotDone,
    /// Not a share of this half.
    #[error(
        "{0} is not a share of the half that this key generation made: look for the right file or backup"
    )]
    Foreign(PathBuf),
    /// A share of this half, and another holder's.
    #[error(
        "{path} is the share of {holder}, not of {me}, whose configuration this is: name {me}'s own share. Each share \
         belongs to its holder's machine alone"
    )]
    OthersShare {
        /// The file.
        path: PathBuf,
        /// Its holder's name.
        holder: String,
        /// The name of the party that asks.
        me: String,
    },
    /// The passphrase of the state is not that of the share.
    #[error("the share {path} was written before, and does not open: {source}")]
    ShareUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SealedFileError,
    },
}

/// How far it is, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The state of the whole.
    pub progress: Progress,
    /// Files in the folder that count as absent, and why.
    pub ignored: Vec<String>,
    /// Whether this command erased the secrets of an attempt that made no key.
    pub erased: bool,
}

/// The state of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Others must publish.
    Waiting {
        /// The round.
        round: String,
        /// The names of those who are waited for.
        missing: Vec<String>,
    },
    /// The attempt ended without a key.
    Failed {
        /// Who did what.
        guilty: Vec<Guilty>,
    },
    /// Its deadline is past by the log's time, and it made no key.
    Expired {
        /// The deadline.
        deadline: String,
    },
    /// There is a key.
    Done {
        /// How many of how many.
        threshold: String,
        /// The half of A, in hexadecimal.
        claim_key: String,
        /// The half of At, in hexadecimal.
        total_key: String,
    },
}

/// A holder at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guilty {
    /// Its name.
    pub name: String,
    /// What it did.
    pub fault: String,
}

/// Goes as far as the messages in a folder allow. `done` is told of each step when it is on the disk.
///
/// # Errors
/// [`DkgError`].
pub fn advance(
    plan: &Checked,
    runner: &Runner<'_>,
    folder: &Path,
    places: Places<'_>,
    passphrase: &str,
    rng: &mut impl CryptoRng,
    done: &mut dyn FnMut(Step),
) -> Result<Report, DkgError> {
    let board = Board::new(folder, &plan.ceremony, &plan.signing_keys);
    let (messages, _) = board.read()?;
    let party = runner.party;
    let seen = standing::standing(&plan.ceremony, &messages);
    // The state of an attempt that failed may be gone, and what is published says why it failed.
    if matches!(seen, Standing::Failed(_)) && !vault::is_there(places.state) {
        return status(plan, folder).map_err(DkgError::from);
    }
    let mut running = Running::open(plan, party, &messages, places, passphrase, rng, done)?;
    loop {
        let (messages, ignored) = board.read()?;
        let (seen, unpublished) = running.take(&messages, rng, done)?;
        if unpublished.is_empty() {
            running.finish(&seen, passphrase, rng, done)?;
            let ignored = ignored.into_iter();
            let ignored = ignored.map(|file| format!("{}: {}", file.path.display(), file.why));
            return Ok(Report {
                progress: progress(plan, &seen),
                ignored: ignored.collect(),
                erased: false,
            });
        }
        for (round, message) in unpublished {
            board.publish(Slot { round, party }, &message, runner.signing)?;
            done(Step::Published(round));
        }
    }
}

/// One holder's part between its steps, wherever the messages travel: in a folder, or in the log.
pub struct Running<'r> {
    plan: &'r Checked,
    places: Places<'r>,
    vault: Vault,
    state: Participant,
    _lock: LockedFile,
}

impl std::fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({:?}, ..)", self.places)
    }
}

impl<'r> Running<'r> {
    /// The state of an earlier run, or a new one. No other process has it meanwhile.
    ///
    /// # Errors
    /// [`DkgError`].
    pub fn open(
        plan: &'r Checked,
        party: PartyId,
        messages: &standing::Board,
        places: Places<'r>,
        passphrase: &str,
        rng: &mut impl CryptoRng,
        done: &mut dyn FnMut(Step),
    ) -> Result<Self, DkgError> {
        if !plan.ceremony.has(&party) {
            return Err(DkgError::NotPlanned);
        }
        let lock = lock(places.state)?;
        let (vault, state) = open(plan, party, messages, places, passphrase, rng, done)?;
        Ok(Self {
            plan,
            places,
            vault,
            state,
            _lock: lock,
        })
    }

    /// Takes what was published, and stores this holder's messages before it gives those that are not published
    /// yet, in the order of the rounds.
    ///
    /// # Errors
    /// [`DkgError`].
    pub fn take(
        &mut self,
        messages: &standing::Board,
        rng: &mut impl CryptoRng,
        done: &mut dyn FnMut(Step),
    ) -> Result<(Standing, Vec<Unpublished>), DkgError> {
        let ceremony = &self.plan.ceremony;
        let before = Zeroizing::new(self.state.to_bytes());
        let seen = if self.state.has_ended() {
            standing::standing(ceremony, self.state.recorded())
        } else {
            self.state.advance(ceremony, messages)?
        };
        let after = Zeroizing::new(self.state.to_bytes());
        if before != after {
            self.vault.save(&self.state, rng)?;
            done(Step::Stored);
        }
        let unpublished = self.state.unpublished(messages).into_iter();
        let unpublished = unpublished.map(|(round, message)| (round, message.to_vec()));
        Ok((seen, unpublished.collect()))
    }

    /// Writes the share of a key generation that is done, and erases the secrets of one that is over.
    ///
    /// # Errors
    /// [`DkgError`].
    pub fn finish(
        &mut self,
        seen: &Standing,
        passphrase: &str,
        rng: &mut impl CryptoRng,
        done: &mut dyn FnMut(Step),
    ) -> Result<(), DkgError> {
        if self.state.has_ended() {
            return Ok(());
        }
        match seen {
            Standing::Waiting { .. } => Ok(()),
            Standing::Failed(_) => {
                erase(&self.vault, &mut self.state, self.places.state, rng, done)
            }
            Standing::Done(outcome) => {
                let ceremony = &self.plan.ceremony;
                let shares = self.state.shares(ceremony)?;
                let share = QuorumShare::new(ceremony, outcome, shares);
                keep(&share, self.places.share, passphrase, rng, done)?;
                erase(&self.vault, &mut self.state, self.places.state, rng, done)
            }
        }
    }
}

/// How far the key generation is by the folder alone, for anybody.
///
/// # Errors
/// [`BoardError`].
pub fn status(plan: &Checked, folder: &Path) -> Result<Report, BoardError> {
    let (messages, ignored) = Board::new(folder, &plan.ceremony, &plan.signing_keys).read()?;
    Ok(Report {
        progress: progress(plan, &standing::standing(&plan.ceremony, &messages)),
        ignored: ignored
            .into_iter()
            .map(|file| format!("{}: {}", file.path.display(), file.why))
            .collect(),
        erased: false,
    })
}

/// Erases this party's state of an attempt that is over without a key, without its passphrase: its file is overwritten
/// and removed. Returns whether there was one. No other process has it meanwhile.
///
/// # Errors
/// [`DkgError`]: also a file of something else, which is not touched.
pub(crate) fn discard(plan: &Checked, party: PartyId, state: &Path) -> Result<bool, DkgError> {
    if !vault::is_there(state) {
        return Ok(false);
    }
    let _lock = lock(state)?;
    Ok(vault::discard(state, &plan.ceremony, party)?)
}

/// Opens the file of this party's share, and compares it with the half that the messages give: that a share, or a
/// backup of it, can be used is known only so.
///
/// # Errors
/// [`DkgError`].
pub fn check(
    plan: &Checked,
    party: PartyId,
    folder: &Path,
    share: &Path,
    passphrase: &str,
) -> Result<About, DkgError> {
    let (messages, _) = Board::new(folder, &plan.ceremony, &plan.signing_keys).read()?;
    compare(plan, party, &messages, share, passphrase)
}

/// The same, with messages from anywhere.
pub(crate) fn compare(
    plan: &Checked,
    party: PartyId,
    messages: &standing::Board,
    share: &Path,
    passphrase: &str,
) -> Result<About, DkgError> {
    let Standing::Done(outcome) = standing::standing(&plan.ceremony, messages) else {
        return Err(DkgError::NotDone);
    };
    let found = QuorumShare::read(share, passphrase)?;
    let belongs = found.keys() == [outcome.claim.key(), outcome.total.key()]
        && found.about().threshold == plan.ceremony.threshold()
        && found.claim().belongs_to(&outcome.claim)
        && found.total().belongs_to(&outcome.total);
    if !belongs {
        return Err(DkgError::Foreign(share.to_owned()));
    }
    if found.holder() != party {
        return Err(DkgError::OthersShare {
            path: share.to_owned(),
            holder: name(plan, &found.holder()),
            me: name(plan, &party),
        });
    }
    Ok(found.about().clone())
}

/// The state of an earlier run, or a new one.
fn open(
    plan: &Checked,
    party: PartyId,
    messages: &standing::Board,
    places: Places<'_>,
    passphrase: &str,
    rng: &mut impl CryptoRng,
    done: &mut dyn FnMut(Step),
) -> Result<(Vault, Participant), DkgError> {
    let own = |state: &Participant| {
        if state.ceremony() == plan.ceremony.digest() && state.me() == party {
            Ok(())
        } else {
            Err(ParticipantFault::OtherCeremony)
        }
    };
    match Vault::left(places.state, passphrase)? {
        Left::Nothing => {}
        Left::Removed => done(Step::Erased),
        Left::Whole(vault, mut state) => {
            own(&state)?;
            end(&vault, &mut state, places.state, rng, done)?;
            return Ok((vault, state));
        }
    }
    if places.state.exists() {
        let (vault, state) = Vault::open(places.state, passphrase)?;
        own(&state)?;
        return Ok((vault, state));
    }
    // Before anything is made: the ceremony would end without a place for its share.
    if places.share.exists() {
        return Err(DkgError::OtherShare(places.share.to_owned()));
    }
    // A state that was lost is not made again: its messages would contradict the published ones.
    if let Some(slot) = messages.keys().find(|slot| slot.party == party) {
        let round = slot.round;
        return Err(ParticipantFault::NotMine { round }.into());
    }
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut());
    let state = Participant::begin(&plan.ceremony, party, seed)?;
    let vault = Vault::create(places.state, &plan.ceremony, &state, passphrase, rng)?;
    done(Step::Stored);
    Ok((vault, state))
}

/// Writes the share, unless an earlier run did.
fn keep(
    share: &QuorumShare,
    path: &Path,
    passphrase: &str,
    rng: &mut impl CryptoRng,
    done: &mut dyn FnMut(Step),
) -> Result<(), DkgError> {
    if path.exists() {
        let there = QuorumShare::read(path, passphrase).map_err(|source| {
            let path = path.to_owned();
            DkgError::ShareUnreadable { path, source }
        })?;
        let same = there.about() == share.about()
            && there.claim().public() == share.claim().public()
            && there.total().public() == share.total().public();
        if !same {
            return Err(DkgError::OtherShare(path.to_owned()));
        }
        return Ok(());
    }
    share.write(path, passphrase, rng)?;
    done(Step::ShareWritten);
    Ok(())
}

fn erase(
    vault: &Vault,
    state: &mut Participant,
    path: &Path,
    rng: &mut impl CryptoRng,
    done: &mut dyn FnMut(Step),
) -> Result<(), DkgError> {
    vault::set_aside(path)?;
    done(Step::SetAside);
    end(vault, state, path, rng, done)
}

/// Goes on with the end of a state that was set aside.
fn end(
    vault: &Vault,
    state: &mut Participant,
    path: &Path,
    rng: &mut impl CryptoRng,
    done: &mut dyn FnMut(Step),
) -> Result<(), DkgError> {
    state.end();
    vault.make(state, rng)?;
    done(Step::EndStored);
    vault::end_set_aside(path)?;
    done(Step::Erased);
    Ok(())
}

/// Whether there is a state of an earlier run, whose passphrase is known.
pub fn has_state(path: &Path) -> bool {
    vault::is_there(path)
}

fn lock(state: &Path) -> Result<LockedFile, DkgError> {
    let mut path = state.to_owned();
    path.as_mut_os_string().push(".lock");
    match LockedFile::lock(merits_guard::open_lock(&path)?) {
        Ok(lock) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DkgError::InUse(state.to_owned())),
        Err(TryLockError::Error(source)) => Err(DkgError::Lock { path, source }),
    }
}

/// A holder's name on the ledger.
fn name(plan: &Checked, party: &PartyId) -> String {
    let name = plan.names.get(party).cloned();
    name.unwrap_or_else(|| party.to_string())
}

pub(crate) fn progress(plan: &Checked, seen: &Standing) -> Progress {
    let name = |party: &PartyId| name(plan, party);
    match seen {
        Standing::Waiting { round, missing } => Progress::Waiting {
            round: round.name().to_owned(),
            missing: missing.iter().map(name).collect(),
        },
        Standing::Failed(blames) => Progress::Failed {
            guilty: blames
                .iter()
                .map(|blame| Guilty {
                    name: name(&blame.party),
                    fault: blame.fault.to_string(),
                })
                .collect(),
        },
        Standing::Done(outcome) => Progress::Done {
            threshold: outcome.claim.threshold().to_string(),
            claim_key: hex::encode(outcome.claim.key().to_bytes()),
            total_key: hex::encode(outcome.total.key().to_bytes()),
        },
    }
}
