//! Offline kits: a folder with what a third party needs besides a receipt.
//!
//! | file | |
//! |---|---|
//! | `ledger.toml` | the log's key and the facts that the ledger was founded on |
//! | `*.receipt` | a receipt of each entry that governs others: parties, scales, keys, terms, offers |
//!
//! A reader that has the log key from a trusted place need not trust anything else in a kit:
//! [`Kit::history`] checks the inclusion and the signature of each entry, and applies the ledger's
//! rules to them one by one. Batches and entries of people are not in a kit.
//!
//! [`write()`] makes a kit from receipts, [`Kit::read`] opens one. [`Kit::show`] verifies a receipt
//! and returns what it shows; [`Kit::attested`] does so for an attestation. Both use [`offline`],
//! which checks a receipt against any state. Nothing here needs a network or an async runtime.

mod attested;
mod error;
pub mod offline;
mod shown;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use merits_guard::output::{Kind, Output, Readers};
use merits_ledger::{Entry, History, LedgerPolicy};
use merits_primitives::ids::PartyId;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    groth16::KeyPolicy,
    log::LogKey,
    receipt::{RECEIPT_HEADER, Receipt},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

pub use self::{
    attested::AttestedError,
    error::KitError,
    shown::{Extent, NamedParty, RedeemedOffer, ShowError, ShownReceipt, Shows, Signer},
};

/// A receipt's file, which everybody may read. A newer receipt of the entry replaces it.
pub const RECEIPT: Kind<'static> =
    Kind::new("a receipt", Readers::Everybody).replacing(RECEIPT_HEADER.as_bytes());

/// The founding facts of a kit.
const FACTS_KIND: Kind<'static> =
    Kind::new("a kit's founding facts", Readers::Everybody).replacing(b"log_key = ");

const FACTS: &str = "ledger.toml";
const EXTENSION: &str = "receipt";

/// `ledger.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    log_key: String,
    authority: String,
    least_claims_per_total: u32,
    tickets: bool,
    anchor_seconds: u32,
}

/// Writes the kit of a ledger into `directory`, which is made if it does not exist. `receipts` are
/// those of the entries that govern others ([`Entry::governs`]); other receipts are skipped.
/// Returns the number of receipts written.
///
/// # Errors
/// [`KitError`], or the error of `receipts`.
pub fn write<E: From<KitError>>(
    log: &LogKey,
    policy: &LedgerPolicy,
    receipts: impl IntoIterator<Item = Result<Receipt, E>>,
    directory: &Path,
) -> Result<usize, E> {
    merits_guard::create_shared_folder(directory).map_err(KitError::io(directory))?;
    let facts = Facts {
        log_key: log.to_string(),
        authority: hex::encode(policy.authority.0),
        least_claims_per_total: policy.least_claims_per_total,
        tickets: policy.tickets,
        anchor_seconds: policy.anchor_seconds,
    };
    let facts = toml::to_string(&facts).map_err(KitError::from)?;
    let put = |name: &str, kind, text: &str| -> Result<(), KitError> {
        Ok(Output::write(&directory.join(name), kind, text.as_bytes())?)
    };
    put(FACTS, FACTS_KIND, &facts)?;
    let mut written = 0;
    for receipt in receipts {
        let receipt = receipt?;
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
        written += 1;
    }
    Ok(written)
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
        let facts: Facts = match toml::from_str(&text) {
            Ok(facts) => facts,
            Err(source) => {
                let source = Box::new(source);
                return Err(KitError::Facts { path, source });
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
        Ok(Self {
            directory: directory.to_owned(),
            log,
            authority: PartyId(authority),
            least_claims_per_total: facts.least_claims_per_total,
            tickets: facts.tickets,
            anchor_seconds: facts.anchor_seconds,
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
        }
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
        for file in fs::read_dir(directory).map_err(KitError::io(directory))? {
            let path = file.map_err(KitError::io(directory))?.path();
            let extension = path.extension();
            if extension.is_none_or(|extension| extension != EXTENSION) {
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
            if let Err(source) = history.push(&leaf, rng) {
                let source = Box::new(source);
                return Err(KitError::Rules { path, source });
            }
        }
        Ok(history)
    }
}
