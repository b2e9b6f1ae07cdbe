//! Offline kits: a folder with what a third party needs besides a receipt.
//!
//! | file | |
//! |---|---|
//! | `ledger.toml` | the log's key and the facts that the ledger was founded on |
//! | `*.receipt` | a receipt of each entry that governs others: parties, scales, keys, terms, offers |
//! | `*.blob` | what those entries name by digest, such as a large verifying key |
//!
//! A reader that has the log key from a trusted place need not trust anything else in a kit:
//! [`Kit::history`] checks the inclusion and the signature of each entry, and applies the ledger's
//! rules to them one by one. Batches and entries of people are not in a kit.
//!
//! [`write()`] makes a kit from receipts, [`Kit::read`] opens one. [`Kit::show`] verifies a receipt
//! and returns what it shows; [`Kit::attested`] does so for an attestation. Both use [`offline`],
//! which checks a receipt against any state. Nothing here needs a network or an async runtime.

// A new kind of entry, or a new act, must say here what a kit shows of it.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod attested;
mod error;
mod marks;
mod named;
pub mod offline;
mod said;
mod shown;
mod shows;

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use merits_guard::output::{Kind, Output, Readers};
use merits_ledger::{
    Blob, BlobDigest, BoardFacts, Entry, History, LedgerPolicy, blob::MAX_BLOB_BYTES, named_blobs,
};
use merits_primitives::ids::PartyId;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    groth16::KeyPolicy,
    log::LogKey,
    receipt::{RECEIPT_HEADER, Receipt, ReceiptError},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

pub use self::{
    attested::{Attested, AttestedError},
    error::KitError,
    named::NamedParty,
    said::Said,
    shown::{Extent, ShowError, ShownReceipt, Signer},
    shows::{RedeemedOffer, Shows},
};

/// A receipt's file, which everybody may read. A newer receipt of the entry replaces it.
pub const RECEIPT: Kind<'static> =
    Kind::new("a receipt", Readers::Everybody).replacing(RECEIPT_HEADER.as_bytes());

/// The founding facts of a kit.
const FACTS_KIND: Kind<'static> =
    Kind::new("a kit's founding facts", Readers::Everybody).replacing(b"log_key = ");

const FACTS: &str = "ledger.toml";
const EXTENSION: &str = "receipt";

/// A blob that an entry names, which everybody may read.
const BLOB_KIND: Kind<'static> =
    Kind::new("a kit's blob", Readers::Everybody).replacing(BLOB_HEADER.as_bytes());

/// The first word of a blob's file; its bytes follow in hexadecimal digits.
const BLOB_HEADER: &str = "merits-blob/v1";

/// Bytes of a blob's file, at most.
const MOST_BLOB_TEXT: u64 = 2 * MAX_BLOB_BYTES as u64 + 64;

fn blob_name(digest: BlobDigest) -> String {
    format!("{digest}.blob")
}

/// `ledger.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    log_key: String,
    authority: String,
    least_claims_per_total: u32,
    tickets: bool,
    anchor_seconds: u32,
    board: String,
}

/// Writes the kit of a ledger into `directory`, which is made if it is not there. `receipts` are those of the
/// entries that govern others ([`Entry::governs`]), with the blobs that they name; any other receipt is passed
/// over. Returns the number of receipts written.
///
/// # Errors
/// [`KitError`], or the error of `receipts`. Nothing is left of a kit whose folder this call made.
pub fn write<E: From<KitError>>(
    log: &LogKey,
    policy: &LedgerPolicy,
    receipts: impl IntoIterator<Item = Result<(Receipt, Vec<Blob>), E>>,
    directory: &Path,
) -> Result<usize, E> {
    let had_folder = directory.exists();
    merits_guard::create_shared_folder(directory).map_err(KitError::io(directory))?;
    let mut files = Vec::new();
    let written = write_files(log, policy, receipts, directory, &mut files);
    if written.is_err() && !had_folder {
        // Part of a kit would show less than the ledger, and the folder would be in the way of the next attempt.
        for file in files {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir(directory);
    }
    written
}

/// Writes the files of a kit, and notes the name of each before.
fn write_files<E: From<KitError>>(
    log: &LogKey,
    policy: &LedgerPolicy,
    receipts: impl IntoIterator<Item = Result<(Receipt, Vec<Blob>), E>>,
    directory: &Path,
    files: &mut Vec<PathBuf>,
) -> Result<usize, E> {
    let facts = Facts {
        log_key: log.to_string(),
        authority: hex::encode(policy.authority.0),
        least_claims_per_total: policy.least_claims_per_total,
        tickets: policy.tickets,
        anchor_seconds: policy.anchor_seconds,
        board: policy.board.to_string(),
    };
    let facts = toml::to_string(&facts).map_err(KitError::from)?;
    let mut put = |name: &str, kind, text: &str| -> Result<(), KitError> {
        let path = directory.join(name);
        files.push(path.clone());
        Ok(Output::write(&path, kind, text.as_bytes())?)
    };
    put(FACTS, FACTS_KIND, &facts)?;
    let mut written = 0;
    for receipt in receipts {
        let (receipt, blobs) = receipt?;
        let index = receipt.index;
        let entry = Leaf::from_bytes(&receipt.leaf)
            .ok()
            .and_then(|leaf| Entry::decode(leaf.entry.kind, &leaf.entry.statement)?.ok())
            .ok_or(KitError::Unknown { index })?;
        if !entry.governs() {
            continue;
        }
        let kind = entry.kind_name().replace(' ', "-");
        let name = format!("{index:08}-{kind}.{EXTENSION}");
        put(&name, RECEIPT, &receipt.to_string())?;
        for blob in blobs {
            let text = format!("{BLOB_HEADER} {}\n", hex::encode(blob.bytes()));
            put(&blob_name(blob.digest()), BLOB_KIND, &text)?;
        }
        written += 1;
    }
    Ok(written)
}

/// Whether a file's name is that of a receipt.
fn is_receipt(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension == EXTENSION)
}

/// Whether a kit is of a ledger in an older form: then a receipt in it is. Its founding facts may have too few keys, as
/// those of a file that was cut off.
fn is_earlier(directory: &Path) -> Result<bool, KitError> {
    let files = fs::read_dir(directory).map_err(merits_guard::explain::reading);
    for file in files.map_err(KitError::io(directory))? {
        let path = file.map_err(KitError::io(directory))?.path();
        // What cannot be read is told when it is needed.
        if is_receipt(&path)
            && let Ok(text) = merits_text::file::read(&path)
        {
            match Receipt::parse(&text) {
                Ok(_) => return Ok(false),
                Err(ReceiptError::Earlier { .. }) => return Ok(true),
                Err(_) => {}
            }
        }
    }
    Ok(false)
}

/// A kit that was opened. Its receipts are read and checked by [`Kit::history`].
#[derive(Debug, Clone)]
pub struct Kit {
    directory: PathBuf,
    log: LogKey,
    authority: PartyId,
    least_claims_per_total: u32,
    tickets: bool,
    anchor_seconds: u32,
    board: BoardFacts,
}

impl Kit {
    /// Opens the kit in `directory`.
    ///
    /// # Errors
    /// [`KitError`]: no founding facts, or invalid ones.
    pub fn read(directory: &Path) -> Result<Self, KitError> {
        let path = directory.join(FACTS);
        let text = merits_text::file::read(&path).map_err(|source| KitError::NoFacts {
            directory: directory.to_owned(),
            file: FACTS,
            source,
        })?;
        if is_earlier(directory)? {
            return Err(KitError::Earlier(directory.to_owned()));
        }
        let facts: Facts = match toml::from_str(&text) {
            Ok(facts) => facts,
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = before.map(|before| 1 + before.matches('\n').count());
                return Err(KitError::Facts { path, line });
            }
        };
        let log = match LogKey::parse(&facts.log_key) {
            Ok(log) => log,
            Err(source) => return Err(KitError::LogKey { path, source }),
        };
        let mut authority = [0u8; 32];
        if let Err(source) = hex::decode_to_slice(&facts.authority, &mut authority) {
            return Err(KitError::Authority { path, source });
        }
        let board = match facts.board.parse() {
            Ok(board) => board,
            Err(source) => return Err(KitError::Board { path, source }),
        };
        Ok(Self {
            directory: directory.to_owned(),
            log,
            authority: PartyId(authority),
            least_claims_per_total: facts.least_claims_per_total,
            tickets: facts.tickets,
            anchor_seconds: facts.anchor_seconds,
            board,
        })
    }

    /// The key of the kit's log.
    pub fn log_key(&self) -> &LogKey {
        &self.log
    }

    /// The ledger's founding parameters. The reader chooses `keys`.
    pub fn policy(&self, keys: KeyPolicy) -> LedgerPolicy {
        LedgerPolicy {
            origin: self.log.origin().clone(),
            authority: self.authority,
            keys,
            least_claims_per_total: self.least_claims_per_total,
            tickets: self.tickets,
            anchor_seconds: self.anchor_seconds,
            board: self.board.clone(),
        }
    }

    /// The blobs that a leaf names, from the kit's files.
    ///
    /// # Errors
    /// [`KitError::Blob`] for one that is not there or has other bytes.
    pub(crate) fn blobs_of(&self, leaf: &[u8]) -> Result<Vec<Blob>, KitError> {
        let read = |digest: BlobDigest| {
            let path = self.directory.join(blob_name(digest));
            let text = merits_text::file::read_at_most(&path, MOST_BLOB_TEXT);
            let text = match text {
                Ok(text) => text,
                // Not there, or not what was written.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::FileTooLarge
                    ) =>
                {
                    return Err(KitError::Blob { path });
                }
                Err(error) => return Err(KitError::io(&path)(error)),
            };
            text.trim_end()
                .strip_prefix(BLOB_HEADER)
                .and_then(|digits| hex::decode(digits.trim_start()).ok())
                .and_then(|bytes| Blob::new(bytes).ok())
                .filter(|blob| blob.digest() == digest)
                .ok_or(KitError::Blob { path })
        };
        named_blobs::named_by(leaf).into_iter().map(read).collect()
    }

    /// The history that the kit's entries make, up to the leaf with index `until`, which is not in it.
    ///
    /// # Errors
    /// [`KitError`]: no receipts, or one that does not hold or breaks the ledger's rules.
    pub fn history(
        &self,
        until: u64,
        keys: KeyPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<History, KitError> {
        // In the order of the log, not of the files.
        let mut leaves = BTreeMap::new();
        let mut receipts = 0;
        let directory = &self.directory;
        let files = fs::read_dir(directory).map_err(merits_guard::explain::reading);
        for file in files.map_err(KitError::io(directory))? {
            let path = file.map_err(KitError::io(directory))?.path();
            if !is_receipt(&path) {
                continue;
            }
            let text = merits_text::file::read(&path).map_err(KitError::io(&path))?;
            let read = Receipt::parse(&text)
                .and_then(|receipt| Ok((receipt.verify(&self.log)?.index(), receipt.leaf)));
            let (index, leaf) = match read {
                Ok(read) => read,
                Err(source) => {
                    let source = Box::new(source);
                    return Err(KitError::Receipt { path, source });
                }
            };
            receipts += 1;
            if index < until {
                leaves.insert(index, (leaf, path));
            }
        }
        if receipts == 0 {
            return Err(KitError::Empty(directory.clone()));
        }
        let mut history = History::new(self.policy(keys));
        for (leaf, path) in leaves.into_values() {
            let blobs = self.blobs_of(&leaf)?;
            if let Err(source) = history.push(&leaf, blobs, rng) {
                let source = Box::new(source);
                return Err(KitError::Rules { path, source });
            }
        }
        Ok(history)
    }
}
