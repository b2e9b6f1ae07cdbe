//! The file that says where an audit stopped, so that the next one verifies the newer leaves only.
//!
//! It holds the ledger's name, key and founding facts, the size and root of the leaves that were verified, and the
//! state that they make: its rows and its used values. An Ed25519 key of the auditor's own signs all of it.
//!
//! The next audit trusts a file with a good signature for one thing: that this auditor verified the signatures, the
//! proofs and the rules of those leaves. It still reads all leaves, and compares their tree with the root in the
//! file, and what is stored with the state. A file that anybody changed, or that is of another ledger or of another
//! version of the state, is refused; it is never taken for an audit from the first leaf. An older file of the same
//! auditor only makes the audit longer.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::{Signature, Signer as _};
use merits_guard::{
    explain::writing,
    input,
    output::{self, Readers},
};
use merits_ledger::{
    LedgerPolicy, State, UniqueSet,
    rows::{MemoryRows, RowKey, Table},
    storage::STATE_VERSION,
};
use merits_primitives::field;
use merits_verifier::log::{Hash, LogKey};
use thiserror::Error;

/// The auditor's key.
pub use ed25519_dalek::SigningKey;

use crate::run::Start;

/// Why the file of an earlier audit cannot be used. Nothing was audited.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// It cannot be read or written.
    #[error("the progress of the audit in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is another file, cut off, or changed.
    #[error(
        "the progress of an earlier audit in {} was not signed by this auditor's key, or was changed since. \
         Nothing was audited. Find out who can write to it. Then move it away, and audit from the first leaf",
        .0.display()
    )]
    NotSigned(PathBuf),
    /// It is of another ledger.
    #[error(
        "the progress of an earlier audit in {} is of another ledger: it was made for {found}, not for \
         {expected}, or under other founding facts. Name another file",
        path.display()
    )]
    OtherLedger {
        /// The file.
        path: PathBuf,
        /// The log key of its ledger.
        found: String,
        /// The log key of this ledger.
        expected: String,
    },
    /// Another version of the program made it.
    #[error(
        "the progress of an earlier audit in {} was made by another version of this program, whose rules may be \
         others. Move it away, and audit from the first leaf",
        .0.display()
    )]
    OtherVersion(PathBuf),
}

/// Writes where an audit stopped. `root` is the root of the leaves that make the state.
///
/// # Errors
/// [`ProgressError::Io`]. Then an earlier file is still there.
pub fn save(
    path: &Path,
    key: &SigningKey,
    log: &LogKey,
    state: &State,
    root: &Hash,
) -> Result<(), ProgressError> {
    let Some(rows) = state.memory() else {
        let source =
            io::Error::other("the state is not in memory: this is a bug, please report it");
        return Err(at(path)(source));
    };
    let mut bytes = encode(log, state, root, rows);
    let signature = key.sign(&signed_bytes(&bytes));
    bytes.extend(signature.to_bytes());
    output::replace_own(path, Readers::Owner, |out| {
        out.write_all(&bytes).map_err(writing)
    })
    .map_err(at(path))
}

/// Reads where an audit of this ledger by this auditor stopped; `None` if there is no such file.
///
/// # Errors
/// [`ProgressError`].
pub fn load(
    path: &Path,
    key: &SigningKey,
    log: &LogKey,
    policy: &LedgerPolicy,
) -> Result<Option<Start>, ProgressError> {
    let bytes = match input::read(path, u64::MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let not_signed = || ProgressError::NotSigned(path.to_owned());
    // Nothing is decoded before the signature is checked.
    let (bytes, signature) = bytes
        .split_last_chunk::<SIGNATURE>()
        .ok_or_else(not_signed)?;
    let signature = Signature::from_bytes(signature);
    let verifying = key.verifying_key();
    verifying
        .verify_strict(&signed_bytes(bytes), &signature)
        .map_err(|_| not_signed())?;
    let mut input = Input(bytes);
    let version = input.part().ok_or_else(not_signed)?;
    if version != VERSION.as_bytes() || input.number() != Some(u64::from(STATE_VERSION)) {
        return Err(ProgressError::OtherVersion(path.to_owned()));
    }
    let found = input.part().ok_or_else(not_signed)?;
    let facts = input.part().ok_or_else(not_signed)?;
    if found != log.to_string().as_bytes() || facts != facts_of(policy) {
        return Err(ProgressError::OtherLedger {
            path: path.to_owned(),
            found: String::from_utf8_lossy(found).into_owned(),
            expected: log.to_string(),
        });
    }
    decode(input, policy).ok_or_else(not_signed).map(Some)
}

fn encode(log: &LogKey, state: &State, root: &Hash, rows: &MemoryRows) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, VERSION.as_bytes());
    number(&mut out, u64::from(STATE_VERSION));
    put(&mut out, log.to_string().as_bytes());
    put(&mut out, &facts_of(state.policy()));
    number(&mut out, state.size());
    put(&mut out, root);
    number(&mut out, rows.iter().count() as u64);
    for (key, value) in rows.iter() {
        out.push(key.table.number());
        put(&mut out, &key.key);
        put(&mut out, value);
    }
    let mut used: Vec<_> = rows.uniques().iter().collect();
    // One state has one file.
    used.sort_unstable();
    number(&mut out, used.len() as u64);
    for ((set, value), leaf) in used {
        out.push(*set as u8);
        out.extend(value);
        number(&mut out, *leaf);
    }
    out
}

/// `None` for bytes that [`encode`] does not write.
fn decode(mut input: Input<'_>, policy: &LedgerPolicy) -> Option<Start> {
    let size = input.number()?;
    let root = Hash::try_from(input.part()?).ok()?;
    let count = input.number()?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let table = Table::from_number(input.byte()?)?;
        let key = input.part()?.to_vec();
        rows.push((RowKey { table, key }, input.part()?.to_vec()));
    }
    let count = input.number()?;
    let mut used = Vec::new();
    for _ in 0..count {
        let set = UniqueSet::from_number(input.byte()?)?;
        let value = input.array::<32>()?;
        used.push(((set, value), input.number()?));
    }
    let state = State::restored(policy.clone(), MemoryRows::restored(rows, used)).ok()?;
    let is_whole = input.0.is_empty() && state.size() == size;
    is_whole.then_some(Start { root, state })
}

/// What identifies the founding facts.
fn facts_of(policy: &LedgerPolicy) -> [u8; 32] {
    let facts = policy.facts();
    let parts: Vec<&[u8]> = facts
        .iter()
        .flat_map(|(fact, value)| [fact.as_bytes(), value.as_bytes()])
        .collect();
    field::digest("merits/audit-facts/v1", &parts)
}

/// What the auditor's key signs.
fn signed_bytes(bytes: &[u8]) -> [u8; 32] {
    field::digest("merits/audit-progress/v1", &[bytes])
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_le_bytes());
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    number(out, part.len() as u64);
    out.extend(part);
}

/// Bytes that are still to be read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn part(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ProgressError + use<> {
    let path = path.to_owned();
    move |source| ProgressError::Io { path, source }
}

/// The first bytes of the file, and the layout of what follows.
const VERSION: &str = "merits audit progress v1";

/// Bytes of an Ed25519 signature.
const SIGNATURE: usize = 64;
