//! Why a command of a distributor failed.

use std::path::{Path, PathBuf};

use merits_guard::output::OutputError;
use merits_keyfile::KeyFileError;
use merits_params::manifest::ManifestError;
use merits_party::{identity::IdentityError, lookup::LookupError, store_key::StoreKeyError};
use merits_primitives::ids::{EntryId, NameError, ScaleId};
use merits_records::{MappingError, ReadError};
use merits_replica::{FollowError, JoinError, LedgerConfigError, ReplicaError};
use thiserror::Error;

use crate::{
    disclosing::DiscloseError, ingest::IngestError, loading::LoadError, outbox::OutboxError,
    publishing::PublishError, run::RunError, store::StoreError, terms::TermsError,
    tickets::TicketFault,
};

/// Why a command of a distributor failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DistributorError {
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The other keys.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Store and master key do not belong together.
    #[error(transparent)]
    StoreKey(#[from] StoreKeyError),
    /// The `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The scale's name in the configuration.
    #[error(transparent)]
    Scale(#[from] NameError),
    /// The store cannot be opened.
    #[error("{}", named_once(path, source))]
    Open {
        /// The store.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// There is no store yet.
    #[error("no store exists at {}: run `merits distributor run`, which creates it", .0.display())]
    NoStore(PathBuf),
    /// There is nothing to copy.
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store has lost receipts.
    #[error(
        "wrote {written} receipts into {}; the store has lost those of other entries that are on the ledger: {}. \
         Restore it from a copy",
        .directory.display(),
        .lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    ReceiptsLost {
        /// Receipts that were written.
        written: usize,
        /// The directory.
        directory: PathBuf,
        /// Entries whose receipts are lost.
        lost: Vec<EntryId>,
    },
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The ledger could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// There is no copy of the log yet.
    #[error("there is no copy of the log at {} yet: `merits distributor run` fetches it", .0.display())]
    NoReplica(PathBuf),
    /// The copy of the log has no leaf yet.
    #[error("the copy of the log is empty: `merits distributor run` brings it up to date")]
    EmptyReplica,
    /// No version of the scale was approved.
    #[error(
        "the ledger has no approved version of {0}: its issuer proposes one, and a supervisor approves it"
    )]
    NotApproved(ScaleId),
    /// The approved manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A named party or entry.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The mapping of the records.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The records.
    #[error("records {}", .path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A file that cannot be read.
    #[error("{what}{}: {source}", .path.display())]
    Input {
        /// A description, followed by a blank.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Writing an output.
    #[error("{}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The sources of the scale link people themselves.
    #[error(
        "the sources of {0} link people themselves (`merits source link`): only for a scale that is marked \
         `vouched` does the distributor say whose accounts these are"
    )]
    NotVouched(ScaleId),
    /// Terms that were not published.
    #[error("{}: {source}", .path.display())]
    Publish {
        /// The document.
        path: PathBuf,
        /// Why.
        source: PublishError,
    },
    /// People give no tickets on this ledger.
    #[error("{}", TicketFault::Custody)]
    InCustody,
    /// No records say which accounts there are.
    #[error("the accounts are not known: give --input with their records")]
    AccountsUnknown,
    /// The ledger does not know this distributor.
    #[error(transparent)]
    Admission(#[from] PublishError),
    /// The ledger's terms.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// Tickets that could not be deposited.
    #[error(transparent)]
    Deposit(#[from] OutboxError),
    /// Records that could not be taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The prover.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The thread that loaded the prover panicked: a bug.
    #[error("loading the proving key stopped, which is this program's fault: run again")]
    LoadingLost,
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A disclosure.
    #[error(transparent)]
    Disclose(#[from] DiscloseError),
}

/// Why a store cannot be opened, after its name, if the reason does not have it.
fn named_once(path: &Path, source: &StoreError) -> String {
    let (path, reason) = (path.display().to_string(), source.to_string());
    if reason.contains(&path) {
        return reason;
    }
    format!("{path}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the store's name stood before a reason that begins with it.
    #[test]
    fn a_store_that_cannot_be_opened_is_named_once() {
        let path = PathBuf::from("data/records.sqlite");
        let missing = merits_sqlite::FileError::Missing { path: path.clone() };
        for source in [StoreError::BeforeTickets, StoreError::File(missing)] {
            let said = DistributorError::Open {
                path: path.clone(),
                source,
            };
            let said = said.to_string();
            assert_eq!(said.matches("data/records.sqlite").count(), 1, "{said}");
        }
    }
}
