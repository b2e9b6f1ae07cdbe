//! Why a command of a supervisor or a holder failed.

use std::{io, path::PathBuf};

use merits_ledger::{CheckError, Refusal, rows::RowError};
use merits_params::{keystore::KeyStoreError, manifest::ManifestError};
use merits_party::{identity::IdentityError, lookup::LookupError};
use merits_primitives::ids::{EntryId, Epoch, NameError, PartyId, PeriodKind};
use merits_replica::{ClientError, FollowError, JoinError, LedgerConfigError, ReplicaError};
use merits_sealing::SealError;
use merits_serve::{ListenError, ServeError};
use thiserror::Error;

use super::{EndorsingError, SessionError};
use crate::{
    acts::ApplicationFault, check::CheckFault, journal::JournalError, scale_review::ReviewFault,
    shares::SharesError, side::Side, view_key::UnprovenHalf,
};

/// Why a command of a supervisor or a holder failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// The `[ledger]` table.
    #[error(transparent)]
    Config(#[from] LedgerConfigError),
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The sealing key is not valid.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// Its ledger cannot be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Its copy cannot be brought up to date.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The coordinator.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its copy cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// Its copy's rows cannot be read.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// No such party or entry.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Not an id of a scale.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The ledger's rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger would refuse it.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The application is not signed.
    #[error(transparent)]
    Application(#[from] ApplicationFault),
    /// People could mistake one name for the other.
    #[error(
        "the name {name:?} looks like {known:?}, which party {id} has: people would take one for the other. Ask \
         for another name, or admit it with --distinct"
    )]
    LooksAlike {
        /// The applicant.
        name: String,
        /// The admitted party.
        known: String,
        /// Its id.
        id: PartyId,
    },
    /// The scale counts by other periods.
    #[error(
        "{scale} counts by {kind:?}, but {period} is of another kind: name a period as the scale counts"
    )]
    OtherPeriods {
        /// The scale.
        scale: String,
        /// Its kind of period.
        kind: PeriodKind,
        /// What was named.
        period: String,
    },
    /// The address that a holder serves on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Serving a holder.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is nothing left to approve.
    #[error("{scale} version {version} is already {standing}")]
    NotWaiting {
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
        /// Its standing.
        standing: String,
    },
    /// No proposal waits.
    #[error("nobody proposed {scale} version {version}: its issuer does (`merits issuer propose`)")]
    NotProposed {
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
    },
    /// The entry is not a proposal of this version.
    #[error(
        "entry {entry} did not propose {scale} version {version}: name the entry that `merits issuer \
         propose` printed"
    )]
    OtherProposal {
        /// What was named.
        entry: EntryId,
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
    },
    /// Several proposals wait as one version.
    #[error(
        "{scale} version {version} was proposed more than once: choose one with --proposal; {each}"
    )]
    SeveralProposals {
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
        /// Each entry, and who made it.
        each: String,
    },
    /// The proposal must not be approved.
    #[error(transparent)]
    Review(#[from] ReviewFault),
    /// No such act.
    #[error(
        "no entry of this ledger proposed act {0}, or the entry enacted it: see `merits board status`"
    )]
    NoAct(EntryId),
    /// The epoch is already open.
    #[error("epoch {} is already open on this ledger; nothing was made", .0.0)]
    EpochOpen(Epoch),
    /// No attempt is done.
    #[error(
        "no attempt to make the {}' half of epoch {} is done: its holders run `dkg run` to the end first",
        side.many(),
        epoch.0
    )]
    NoHalf {
        /// The epoch.
        epoch: Epoch,
        /// The side.
        side: Side,
    },
    /// Several attempts are done.
    #[error(
        "several halves of the {} for epoch {} are done: {}. Any holders of that side can have made one of them, so look \
         at who holds each, and name one by `--{side}-attempt`",
        side.many(),
        epoch.0,
        .attempts.join("; ")
    )]
    SeveralHalves {
        /// The epoch.
        epoch: Epoch,
        /// The side.
        side: Side,
        /// The attempts, in words.
        attempts: Vec<String>,
    },
    /// The halves of view keys.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// The other side's half.
    #[error(transparent)]
    Half(#[from] UnprovenHalf),
    /// Its copy, for supervision.
    #[error(transparent)]
    Unreadable(#[from] crate::view::Unreadable),
    /// What was answered.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An opening or a total.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A request that another supervisor shows.
    #[error(transparent)]
    Endorsing(#[from] EndorsingError),
    /// The folder of requests.
    #[error("requests {}: {source}", path.display())]
    Requests {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A request file.
    #[error("request file {}: {source}", path.display())]
    RequestFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The opening is not done.
    #[error(
        "the request file holds no result: the opening is not completed, so run `merits supervisor resume` \
         once the witness answers"
    )]
    NotCompleted,
    /// A request without a claim.
    #[error("the request file names no claim: take the file that `merits supervisor open` wrote")]
    NoContent,
    /// A disclosure.
    #[error("disclosure {}: {source}", path.display())]
    Disclosure {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The batch that a request names.
    #[error("the batch is not in the copy: the next command that asks the coordinator fetches it")]
    BatchMissing,
    /// The entry that a request names.
    #[error("entry {0} is not an earn batch: only earn batches have claims, so name one")]
    NotABatch(EntryId),
    /// The claim that a request names.
    #[error("the batch has no claim {0}: its claims are counted from 0")]
    NoClaim(u16),
    /// The manifest on the ledger.
    #[error(transparent)]
    Manifest(#[from] Box<ManifestError>),
    /// The disclosure is invalid.
    #[error(transparent)]
    Checked(#[from] CheckFault),
    /// Keys of the statements that people prove.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The thread that made a key panicked: a bug.
    #[error("the making of the key stopped, which is this program's fault: start it again")]
    Interrupted,
}
