//! Why a wallet's command failed.

use merits_ledger::Refusal;
use merits_params::terms::TermsError;
use merits_primitives::ids::{EntryId, NameError};
use merits_records::handover::HandoverError;
use merits_replica::{ClientError, FollowError, JoinError, ReplicaError};
use merits_verifier::attestation::PackingError;
use thiserror::Error;

use crate::{
    attest_code::CodeError, consent::ConsentError, directory::DirectoryError, prover::ProvingError,
    recompute::RecomputeError, spend::SpendError, view::ScanError,
};

/// Why a wallet's command failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WalletError {
    /// Its files.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
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
    /// Its copy cannot be scanned.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The copy is empty.
    #[error("the wallet's copy of the ledger is empty: leave --offline out once")]
    EmptyCopy,
    /// There is no connection.
    #[error("this needs the coordinator: leave --offline out")]
    Offline,
    /// Not an id of a scale.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No such scale.
    #[error("the ledger has the scales: {known}")]
    UnknownScale {
        /// The existing ones.
        known: String,
        /// The ledger's version, period or figures.
        source: Refusal,
    },
    /// There is nothing to register.
    #[error(
        "this wallet's identity is already registered and valid: there is nothing to register. If its seed \
         was stolen, make a new wallet and let the registrar register you again"
    )]
    Registered,
    /// The number of identities exceeds a byte.
    #[error("all 256 identities of this seed were used up: make a new wallet")]
    UsedUp,
    /// The ledger's rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Consents.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// A file for another party.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// Nothing to consent to.
    #[error(
        "{distributor} has published no terms for {scale}: ask it to (`merits distributor terms --publish`)"
    )]
    NoTerms {
        /// The distributor's name.
        distributor: String,
        /// The scale.
        scale: String,
    },
    /// Terms that this program does not read.
    #[error("{distributor}'s terms for {scale} cannot be consented to: {source}")]
    UnreadableTerms {
        /// The distributor's name.
        distributor: String,
        /// The scale.
        scale: String,
        /// Why.
        source: TermsError,
    },
    /// Terms that do not agree with distributor and scale.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// A manifest that this program does not read.
    #[error("the manifest of {0} cannot be read")]
    UnreadableManifest(String),
    /// A leaf to which the state refers.
    #[error("leaf {0} of the copy holds no terms")]
    NoTermsAt(u64),
    /// No period was named.
    #[error("no period is named: state one with --period, such as 2026-W10")]
    NoPeriod,
    /// The distributor's name for the person is not known.
    #[error("state with --account your name in the distributor's records")]
    NoAccount,
    /// There is no consent to withdraw.
    #[error("no consent to {distributor} for {scale} is in force: see `merits wallet history`")]
    NothingToWithdraw {
        /// The distributor's name.
        distributor: String,
        /// The scale.
        scale: String,
    },
    /// Tickets differ by source.
    #[error("{0} counts by source: state with --source whose records the ticket is about")]
    CountsBySource(String),
    /// Spending.
    #[error(transparent)]
    Spend(#[from] SpendError),
    /// Proofs.
    #[error(transparent)]
    Proving(#[from] ProvingError),
    /// An empty id.
    #[error("an id is expected: give its first digits")]
    NoId,
    /// No such entry.
    #[error("no {what} has an id that begins with {text}")]
    UnknownEntry {
        /// The kind of entry.
        what: &'static str,
        /// The given text.
        text: String,
    },
    /// Several such entries.
    #[error("several ids begin with {0}: type more digits")]
    SeveralEntries(String),
    /// The offer can be redeemed at several exchanges.
    #[error("the offer can be redeemed at several exchanges: choose one with --at")]
    SeveralExchanges,
    /// No credits of that bucket.
    #[error("{}", listed_buckets(day, known))]
    NoBucket {
        /// The first day on which they would no longer be valid.
        day: String,
        /// The days of the existing credits.
        known: Vec<String>,
    },
    /// The entry has no voucher.
    #[error("entry {0} is an attestation or a merge: there is no voucher for it")]
    NoVoucher(EntryId),
    /// The redemption is in the log, and the copy could not be brought up to date.
    #[error(
        "redemption {id} is in the log; `merits wallet voucher --redemption {id}` gets its voucher"
    )]
    NotYetSeen {
        /// The redemption.
        id: EntryId,
        /// Why.
        source: Box<WalletError>,
    },
    /// The exchange's receipt is for an entry that the log does not show to this wallet.
    #[error(
        "the exchange showed a receipt for redemption {id}, which this wallet's copy of the log does not have: \
         keep the receipt and show it to a supervisor\n{receipt}"
    )]
    NotInLog {
        /// The redemption.
        id: EntryId,
        /// The receipt's text.
        receipt: String,
    },
    /// The wallet's own redemption is not found by its keys.
    #[error("this redemption is not found in this wallet's copy of the log: scan again")]
    NotOwn,
    /// A voucher cannot be stored.
    #[error(transparent)]
    Voucher(#[from] merits_guard::output::OutputError),
    /// A folder for vouchers or tickets.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The voucher's file cannot be written as text: a bug.
    #[error("the voucher's file: {0}")]
    Unwritten(#[from] serde_json::Error),
    /// The receipt gives no attestation.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The attestation fits into no QR code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Own records.
    #[error(transparent)]
    Recompute(#[from] RecomputeError),
}

fn listed_buckets(day: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "you have no such credits".to_owned();
    }
    format!(
        "no credits of yours are good until before {day}; you have some that are good until before {}",
        known.join(", ")
    )
}
