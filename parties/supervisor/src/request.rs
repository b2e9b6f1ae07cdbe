//! The hidden content of an opening request, and the result of an opening.

use std::path::{Path, PathBuf};

use merits_guard::output::{self, Readers};
use merits_ledger::entry::{MAX_BASIS_BYTES, OpeningContent};
use merits_primitives::{
    calendar::Timestamp,
    dleq::Context,
    earned::Earned,
    field,
    identity::IdentityCommitment,
    ids::{Credits, EntryId, Epoch, Origin, PartyId, Quantity},
    owner::Handle,
};
use merits_text::damage::Damage;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroize;

/// An invalid basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BasisError {
    /// Nothing is opened without a reason.
    #[error("the basis is empty: state the ground for opening the claim (--basis)")]
    Empty,
    /// Over the limit.
    #[error(
        "the basis has {found} bytes, but at most {MAX_BASIS_BYTES} are allowed: cite the file instead"
    )]
    TooLong {
        /// Its length.
        found: usize,
    },
}

/// The content of a request for one claim, with a fresh nonce. The log only has its commitment. The
/// requester keeps the content, shows it to the holders, and reveals it by the deadline.
///
/// # Errors
/// [`BasisError`].
pub fn request_content(
    entry: EntryId,
    claim: u16,
    basis: &str,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<OpeningContent, BasisError> {
    let basis = basis.trim();
    if basis.is_empty() {
        return Err(BasisError::Empty);
    }
    if basis.len() > MAX_BASIS_BYTES {
        return Err(BasisError::TooLong { found: basis.len() });
    }
    let mut nonce = [0u8; 32];
    rng.fill_bytes(&mut nonce);
    Ok(OpeningContent {
        entry,
        claim,
        basis: basis.to_owned(),
        nonce,
    })
}

/// The context of a partial a·E for one claim: log, epoch, request, entry, claim, holder.
pub fn opening_context(
    origin: &Origin,
    epoch: Epoch,
    request: &EntryId,
    entry: &EntryId,
    claim: u16,
    holder: &PartyId,
) -> Context {
    Context::new(
        "merits/partial/opening/v1",
        &[
            origin.as_str().as_bytes(),
            &epoch.0.to_le_bytes(),
            &request.0,
            &entry.0,
            &claim.to_le_bytes(),
            &holder.0,
        ],
    )
}

/// The hash of who made a redemption for the log. The request's nonce hides it, because registered commitments are public.
pub fn identity_hash(
    request: &EntryId,
    content: &OpeningContent,
    identity: &IdentityCommitment,
) -> [u8; 32] {
    field::digest(
        "merits/opening-redeemer/v1",
        &[&request.0, &content.nonce, &field::to_bytes(identity)],
    )
}

/// The result of an opening.
#[derive(Clone, PartialEq, Eq)]
pub struct OpeningResult {
    /// The credits of the claim, and its measure if the scale has one.
    pub earned: Earned,
    /// The person's pseudonym at the source.
    pub handle: Handle,
}

impl std::fmt::Debug for OpeningResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpeningResult(..)")
    }
}

impl OpeningResult {
    /// The hash of the result for the log. The request's nonce hides it, because v and w are small,
    /// and the distributor and the source know h.
    pub fn hash(&self, request: &EntryId, content: &OpeningContent) -> [u8; 32] {
        field::digest(
            "merits/opening-result/v2",
            &[
                &request.0,
                &content.nonce,
                &field::to_bytes(&self.earned.element()),
                &field::to_bytes(&self.handle),
            ],
        )
    }
}

/// Why a file does not say which claim was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestFileError {
    /// Reading failed, or it is another kind of file.
    #[error("request file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something is not in it.
    #[error(
        "request file {}: it holds no {what}: take the file that `merits supervisor open` wrote",
        path.display()
    )]
    Lacks {
        /// The file.
        path: PathBuf,
        /// What.
        what: &'static str,
    },
}

/// The requester's file for one opening: written before the request is sent, completed when it
/// is answered.
#[derive(Clone, Serialize, Deserialize)]
pub struct RequestFile {
    /// The log.
    pub origin: String,
    /// Id of the OpeningRequested entry, in hexadecimal.
    pub request: String,
    /// Id of the earn entry, in hexadecimal.
    pub entry: String,
    /// The claim's position.
    pub claim: u16,
    /// Legal basis.
    pub basis: String,
    /// In hexadecimal.
    pub nonce: String,
    /// Whether it opens who made a redemption, and not a claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redeemer: bool,
    /// Unix milliseconds.
    pub deadline: Timestamp,
    /// The result, once opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultFile>,
    /// Who made the redemption, once opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityFile>,
    /// The ledger's signed refusal of the request, as the log's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// The opened identity in a [`RequestFile`].
#[derive(Clone, Serialize, Deserialize)]
pub struct IdentityFile {
    /// The identity commitment: 32 little-endian bytes in hexadecimal, as in the entry that registered it.
    pub commitment: String,
    /// The hash that the log carries, in hexadecimal.
    pub hash: String,
}

impl Drop for IdentityFile {
    fn drop(&mut self) {
        self.commitment.zeroize();
    }
}

/// The opened values in a [`RequestFile`].
#[derive(Clone, Serialize, Deserialize)]
pub struct ResultFile {
    /// v.
    pub credits: Credits,
    /// w, of a scale with a measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Quantity>,
    /// h: 32 little-endian bytes in hexadecimal.
    pub handle: String,
    /// The hash that the log carries, in hexadecimal.
    pub hash: String,
}

impl Drop for ResultFile {
    fn drop(&mut self) {
        self.credits.0.zeroize();
        if let Some(measure) = &mut self.measure {
            measure.0.zeroize();
        }
        self.handle.zeroize();
    }
}

impl RequestFile {
    /// The file for a request that is about to be logged under the id `request`.
    pub fn new(
        origin: &Origin,
        request: &EntryId,
        content: &OpeningContent,
        deadline: Timestamp,
    ) -> Self {
        Self {
            origin: origin.as_str().to_owned(),
            request: request.to_hex(),
            entry: content.entry.to_hex(),
            claim: content.claim,
            basis: content.basis.clone(),
            nonce: EntryId(content.nonce).to_hex(),
            deadline,
            redeemer: false,
            result: None,
            identity: None,
            refusal: None,
        }
    }

    /// The same for a request about who made a redemption.
    #[must_use]
    pub fn of_redeemer(mut self) -> Self {
        self.redeemer = true;
        self
    }

    /// Adds who made the redemption.
    #[must_use]
    pub fn identified(mut self, identity: &IdentityCommitment, hash: &[u8; 32]) -> Self {
        self.identity = Some(IdentityFile {
            commitment: EntryId(field::to_bytes(identity)).to_hex(),
            hash: EntryId(*hash).to_hex(),
        });
        self
    }

    /// Adds the ledger's signed refusal of the request.
    #[must_use]
    pub fn refused(mut self, note: &str) -> Self {
        self.refusal = Some(note.to_owned());
        self
    }

    /// Adds the result.
    #[must_use]
    pub fn completed(mut self, opened: &OpeningResult, hash: &[u8; 32]) -> Self {
        self.result = Some(ResultFile {
            credits: opened.earned.credits,
            measure: opened.earned.measure,
            handle: EntryId(field::to_bytes(&opened.handle)).to_hex(),
            hash: EntryId(*hash).to_hex(),
        });
        self
    }

    /// The request's entry id; `None` when the file holds no such id.
    pub fn request_id(&self) -> Option<EntryId> {
        EntryId::from_hex(&self.request)
    }

    /// The content; `None` when the file holds none.
    pub fn content(&self) -> Option<OpeningContent> {
        Some(OpeningContent {
            entry: EntryId::from_hex(&self.entry)?,
            claim: self.claim,
            basis: self.basis.clone(),
            nonce: EntryId::from_hex(&self.nonce)?.0,
        })
    }

    /// The request's id and content in a file.
    ///
    /// # Errors
    /// [`RequestFileError`].
    pub fn asked(path: &Path) -> Result<(EntryId, OpeningContent), RequestFileError> {
        let file = Self::read(path).map_err(|source| RequestFileError::Read {
            path: path.to_owned(),
            source,
        })?;
        let lacks = |what| RequestFileError::Lacks {
            path: path.to_owned(),
            what,
        };
        let id = file.request_id().ok_or_else(|| lacks("id of a request"))?;
        let content = file.content().ok_or_else(|| lacks("entry or nonce"))?;
        Ok((id, content))
    }

    /// The result; `None` when there is none yet or it is malformed.
    pub fn opened(&self) -> Option<OpeningResult> {
        let result = self.result.as_ref()?;
        let handle = field::from_bytes(&EntryId::from_hex(&result.handle)?.0).ok()?;
        Some(OpeningResult {
            earned: Earned {
                credits: result.credits,
                measure: result.measure,
            },
            handle,
        })
    }

    /// Writes the file atomically (a temporary file, then a rename), readable by its owner only.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        output::replace_own(path, Readers::Owner, |out| {
            Ok(serde_json::to_writer_pretty(out, self)?)
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The system's error; invalid data when it is not such a file.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let text = merits_text::file::read(path)?;
        serde_json::from_str(&text).map_err(|error| {
            let damage = Damage::of(text.as_bytes(), None, error.line());
            let why = format!("it cannot be read as a request for an opening: {damage}");
            std::io::Error::new(std::io::ErrorKind::InvalidData, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::Fr;

    #[test]
    fn a_request_needs_a_basis_of_sane_length() {
        let new = |basis: &str| request_content(EntryId([1; 32]), 0, basis, &mut rand::rng());
        assert_eq!(new("  "), Err(BasisError::Empty));
        assert_eq!(
            new(&"x".repeat(MAX_BASIS_BYTES + 1)),
            Err(BasisError::TooLong {
                found: MAX_BASIS_BYTES + 1
            })
        );
    }

    #[test]
    fn the_file_gives_content_and_result_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("request.json");
        let origin = Origin::new("ledger.test/merits").unwrap();
        let content = request_content(EntryId([1; 32]), 3, "audit", &mut rand::rng()).unwrap();
        let opened = OpeningResult {
            earned: Earned {
                credits: Credits(9),
                measure: Some(Quantity(4)),
            },
            handle: Handle(Fr::from(5u64)),
        };
        let request = EntryId([7; 32]);
        let hash = opened.hash(&request, &content);
        let file = RequestFile::new(&origin, &request, &content, Timestamp::from_millis(99))
            .completed(&opened, &hash);
        file.write(&path).unwrap();
        let again = RequestFile::read(&path).unwrap();
        assert_eq!(again.content(), Some(content));
        assert_eq!(again.opened(), Some(opened));
        assert_eq!(again.request_id(), Some(request));
        let asked = RequestFile::asked(&path).unwrap();
        assert_eq!(Some(asked.1.clone()), again.content());
        assert_eq!(asked.0, request);
        // What was cut out by hand is named, with the file.
        let (mut without_id, mut without_nonce) = (again.clone(), again.clone());
        without_id.request = "1".to_owned();
        without_nonce.nonce.clear();
        for (altered, says) in [
            (without_id, "no id of a request"),
            (without_nonce, "no entry or nonce"),
        ] {
            altered.write(&path).unwrap();
            let fault = RequestFile::asked(&path).unwrap_err().to_string();
            assert!(
                fault.contains(says) && fault.contains("request.json"),
                "{fault}"
            );
        }
    }
}
