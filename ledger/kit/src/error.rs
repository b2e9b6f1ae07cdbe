//! Why a kit cannot be written or used.

use std::{
    io,
    path::{Path, PathBuf},
};

use merits_guard::output::OutputError;
use merits_ledger::ReplayError;
use merits_verifier::{log::LogKeyError, receipt::ReceiptError};
use thiserror::Error;

/// Why a kit cannot be written or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KitError {
    /// Reading or writing failed.
    #[error("offline kit {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The founding facts cannot be written as text: a bug.
    #[error("the kit's founding facts: {0}")]
    Unwritten(#[from] toml::ser::Error),
    /// The log has an entry that this program does not know.
    #[error("leaf {index} holds an entry that this program cannot read: use a newer one")]
    Unknown {
        /// Its leaf.
        index: u64,
    },
    /// No founding facts.
    #[error(
        "offline kit {}: it has no {file} that can be read: name the kit's folder, or get the kit again (`merits kit`)",
        directory.display()
    )]
    NoFacts {
        /// The kit.
        directory: PathBuf,
        /// What is missing.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A kit of a ledger in an older form.
    #[error(
        "offline kit {}: it is of an older version of MERITS, and this version reads only ledgers that were founded \
         since: use it, and the receipts that belong to it, with a program of that version. If the ledger was founded \
         anew, get a kit of the new one (`merits kit`)",
        .0.display()
    )]
    Earlier(PathBuf),
    /// The founding facts are invalid.
    #[error(
        "{}: the kit's founding facts cannot be read{}: the file was cut off or changed; get the kit again \
         (`merits kit`)",
        path.display(),
        line.map_or_else(String::new, |line| format!(" from line {line} on"))
    )]
    Facts {
        /// The file.
        path: PathBuf,
        /// The line at fault, from 1, if the parser names one.
        line: Option<usize>,
    },
    /// The log's key.
    #[error("{}: log_key: {source}", path.display())]
    LogKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LogKeyError,
    },
    /// The founding supervisor.
    #[error(
        "{}: authority: 64 hexadecimal digits of a party id are expected: {source}",
        path.display()
    )]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: hex::FromHexError,
    },
    /// The board's facts are none.
    #[error("{}: board: {source}", path.display())]
    Board {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: merits_ledger::BoardFactsError,
    },
    /// A blob's file is not there, or does not hold the blob of its name.
    #[error(
        "{}: the kit lacks this file, or it does not hold the blob of its name; get the kit again (`merits kit`)",
        path.display()
    )]
    Blob {
        /// The file.
        path: PathBuf,
    },
    /// A receipt does not hold.
    #[error("offline kit {}: {source}; get the kit again (`merits kit`)", path.display())]
    Receipt {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ReceiptError>,
    },
    /// There are no receipts.
    #[error("offline kit {}: no receipts in it; get the kit again (`merits kit`)", .0.display())]
    Empty(PathBuf),
    /// The ledger's rules refuse an entry after the kit's earlier entries.
    #[error("offline kit {}: {source}", path.display())]
    Rules {
        /// The receipt's file.
        path: PathBuf,
        /// Why.
        source: Box<ReplayError>,
    },
}

impl KitError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path,
            source: merits_guard::explain::writing(source),
        }
    }
}
