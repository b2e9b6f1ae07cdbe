//! Why an opening or a total stopped, and how to go on.

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_replica::ClientError;
use thiserror::Error;

use super::{client::HolderError, service::FollowError};
use crate::{
    request::BasisError,
    requester::OpeningFault,
    totals::{SetFault, TotalFault},
    view::Unreadable,
};

/// Why a procedure stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The supervisor's copy.
    #[error(transparent)]
    Copy(#[from] Unreadable),
    /// The basis.
    #[error(transparent)]
    Basis(#[from] BasisError),
    /// The claim is not on the ledger.
    #[error("claim {claim} of entry {entry} is not in the verified copy of the log")]
    NoSuchClaim {
        /// The batch.
        entry: EntryId,
        /// From 0.
        claim: u16,
    },
    /// The redemption is not on the ledger.
    #[error("entry {0} is not a redemption in the verified copy of the log")]
    NoSuchRedemption(EntryId),
    /// The request file.
    #[error("request file {path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too few holders can be reached, and the ledger was told nothing.
    #[error(
        "{needed} holders of the view key must answer, and {reached} can be reached{}. Nothing went on the ledger: \
         have their servers started, or correct `holders` in the configuration, and open again",
        each(.unreachable)
    )]
    TooFewReached {
        /// The thresholds of both sides.
        needed: usize,
        /// How many are connected.
        reached: usize,
        /// Why others are not.
        unreachable: Vec<HolderError>,
    },
    /// Too few holders answered rightly, and why others gave no answer.
    #[error("{few}{}", each(.unanswered))]
    Unanswered {
        /// Which side, and how many.
        few: Box<Self>,
        /// One for each that gave no answer.
        unanswered: Vec<HolderError>,
    },
    /// The request is on the ledger, and the opening is not finished.
    #[error(
        "the opening is not finished, and its request is on the ledger: entry {request}. What it is about is in \
         {path}. When the cause is removed, go on with `merits supervisor resume --config FILE {path}`: `open` would \
         put a second request on the ledger. By {deadline} the content must be revealed, opened or not (`merits \
         supervisor reveal --config FILE {path}`)",
        path = file.display()
    )]
    Requested {
        /// The OpeningRequested entry.
        request: EntryId,
        /// The request file.
        file: std::path::PathBuf,
        /// By when the content must be revealed. No holder answers later.
        deadline: Timestamp,
        /// Why it stopped.
        source: Box<Self>,
    },
    /// The coordinator gave no answer that says whether the request is on the ledger.
    #[error(
        "it is not known whether the request is on the ledger: entry {request}. What it is about is in {path}. Go on \
         with `merits supervisor resume --config FILE {path}`, which sends it if it is not there: `open` could put a \
         second request on the ledger. If it is there, its content must be revealed by {deadline}, opened or not \
         (`merits supervisor reveal --config FILE {path}`)",
        path = file.display()
    )]
    MaybeRequested {
        /// The OpeningRequested entry.
        request: EntryId,
        /// The request file.
        file: std::path::PathBuf,
        /// By when the content must be revealed.
        deadline: Timestamp,
        /// What the coordinator, or the network, said.
        source: Box<Self>,
    },
    /// The log signed that it refuses the request.
    #[error(
        "the ledger refused the request {request}. What it is about is kept in {path}, with the refusal that the log \
         signed. Open again when the cause is removed. If the log has the request all the same, reveal it (`merits \
         supervisor reveal --config FILE {path}`), and show the refusal: the log broke its word",
        path = file.display()
    )]
    RefusedRequest {
        /// The OpeningRequested entry.
        request: EntryId,
        /// Where the request file is now.
        file: std::path::PathBuf,
        /// What the ledger said.
        source: Box<ClientError>,
    },
    /// The ledger does not have the request, and the file would not make it.
    #[error(
        "request {request} of the file {path} is not on this ledger, and this supervisor did not make it: name the \
         file of a request of its own"
    )]
    NotRequested {
        /// The request that the file names.
        request: EntryId,
        /// The file.
        path: std::path::PathBuf,
    },
    /// Holders seal their answers to the requester alone.
    #[error(
        "request {request} is of supervisor {requester}: only that supervisor can go on with it. To agree with it, run \
         `merits supervisor endorse-opening --config FILE REQUEST`"
    )]
    OthersRequest {
        /// The OpeningRequested entry.
        request: EntryId,
        /// Who asked.
        requester: PartyId,
    },
    /// The content in the file is not what the log's request commits to.
    #[error(
        "the file {path} is not what request {request} on the ledger commits to: somebody altered it. Name the file that \
         the opening wrote"
    )]
    Altered {
        /// The OpeningRequested entry.
        request: EntryId,
        /// The file.
        path: std::path::PathBuf,
    },
    /// The opening is over, and this file does not have what it showed.
    #[error(
        "request {request} is completed in the log, so no holder answers it again, and the file {path} does not hold \
         the result whose hash is in the log: name the file that the opening wrote. If it is lost, open again with a \
         new request"
    )]
    Completed {
        /// The OpeningRequested entry.
        request: EntryId,
        /// The file.
        path: std::path::PathBuf,
    },
    /// Other members must endorse the request before holders answer.
    #[error(
        "{found} of {needed} supervisors in standing endorse the request with its content. Give the request file to \
         the others by a way that you trust: each looks at it and runs `merits supervisor endorse-opening --config FILE \
         REQUEST`"
    )]
    NotEndorsed {
        /// Those that do, the requester among them.
        found: usize,
        /// Those that it takes.
        needed: u16,
    },
    /// The request file is for something else.
    #[error("request file {path} holds no request for {origin}")]
    OtherFile {
        /// The file.
        path: std::path::PathBuf,
        /// This log.
        origin: String,
    },
    /// The coordinator.
    #[error(transparent)]
    Coordinator(#[from] ClientError),
    /// The copy.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A holder.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// The answers.
    #[error(transparent)]
    Opening(#[from] OpeningFault),
    /// The set.
    #[error(transparent)]
    Set(#[from] SetFault),
    /// The answers for a total.
    #[error(transparent)]
    Total(#[from] TotalFault),
}

fn each(errors: &[HolderError]) -> String {
    errors.iter().map(|error| format!("; {error}")).collect()
}
