//! One holder's half of an epoch's view keys: of A, which opens single claims, and of At, which
//! opens totals.
//!
//! A = A_sup + A_wit and At likewise (`docs/src/design-supervision.md`, "View keys"). Today each
//! half has one holder. A half is nevertheless stored as a share with a place in a quorum, so that
//! distributed key generation only needs to replace [`ViewKeyShare::generate`]. Each epoch has its
//! own keys; a holder keeps old shares as long as claims of their epoch may be opened.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use merits_guard::{Guard, GuardError, Secret, input, output::Readers};
use merits_ledger::entry::{HalfKeys, ProvenHalf};
use merits_primitives::{
    dleq::{Context, Equality, Possession},
    ids::{Epoch, Origin, PartyId},
    jubjub::{Point, Scalar, random_scalar, scalar_from_bytes, scalar_to_bytes},
};
use merits_verifier::possession::possession_context;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::{side::Side, view::QuorumHalf};

/// Most bytes of a share's file.
const MOST_BYTES: usize = 4_096;

/// A holder's place in the quorum of its side. Until quorums are built, always 1 of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharePlace {
    /// Counted from 1.
    pub index: u16,
    /// Holders on this side.
    pub holders: u16,
    /// How many of them must answer.
    pub threshold: u16,
}

impl SharePlace {
    /// The whole half with one holder.
    pub const SOLE: Self = Self {
        index: 1,
        holders: 1,
        threshold: 1,
    };
}

/// A holder's secret share of both keys of one epoch.
pub struct ViewKeyShare {
    origin: Origin,
    epoch: Epoch,
    side: Side,
    place: SharePlace,
    claim: Zeroizing<Scalar>,
    total: Zeroizing<Scalar>,
}

impl std::fmt::Debug for ViewKeyShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ViewKeyShare({}, epoch {}, {}, ..)",
            self.origin, self.epoch.0, self.side
        )
    }
}

/// Why a published half is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the {side} half of the {key} key has no valid proof of possession: {holder} cannot show that it knows the secret"
)]
pub struct UnprovenHalf {
    /// On which side.
    pub side: Side,
    /// `claim` or `total`.
    pub key: &'static str,
    /// Its publisher.
    pub holder: PartyId,
}

/// Checks that the holder of a published half knows its secrets, for this log and epoch.
///
/// # Errors
/// [`UnprovenHalf`] names the half.
pub fn verify_half(
    origin: &Origin,
    epoch: Epoch,
    side: Side,
    half: &ProvenHalf,
) -> Result<(), UnprovenHalf> {
    let HalfKeys {
        holder,
        claim,
        total,
    } = half.keys;
    let context = |which| possession_context(origin, epoch, which, &holder);
    let fault = |key| UnprovenHalf { side, key, holder };
    half.claim_possession
        .verify(&claim, &context(side.claim_half()))
        .map_err(|_| fault("claim"))?;
    half.total_possession
        .verify(&total, &context(side.total_half()))
        .map_err(|_| fault("total"))
}

impl ViewKeyShare {
    /// Samples both secrets.
    pub fn generate(
        origin: Origin,
        epoch: Epoch,
        side: Side,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Self {
        Self {
            origin,
            epoch,
            side,
            place: SharePlace::SOLE,
            claim: Zeroizing::new(random_scalar(rng)),
            total: Zeroizing::new(random_scalar(rng)),
        }
    }

    /// The log whose keys these are.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The place in the side's quorum.
    pub fn place(&self) -> SharePlace {
        self.place
    }

    /// The public halves with proofs of possession, made for the party `holder`.
    pub fn public(&self, holder: &PartyId, rng: &mut impl rand_core::CryptoRng) -> ProvenHalf {
        let mut prove = |secret: &Scalar, half| {
            let context = possession_context(&self.origin, self.epoch, half, holder);
            // Neither secret is zero, because sampling and reading both refuse zero.
            let public = Point::mul_base(secret).expect("a view-key secret is not zero");
            let proof =
                Possession::prove(secret, &context, rng).expect("a view-key secret is not zero");
            (public, proof)
        };
        let (claim, claim_possession) = prove(&self.claim, self.side.claim_half());
        let (total, total_possession) = prove(&self.total, self.side.total_half());
        let keys = HalfKeys {
            holder: *holder,
            claim,
            total,
        };
        ProvenHalf {
            keys,
            claim_possession,
            total_possession,
        }
    }

    /// Whether these are the secrets of a half that the log published.
    pub fn matches(&self, published: &QuorumHalf) -> bool {
        Point::mul_base(&self.claim) == Some(published.claim.key())
            && Point::mul_base(&self.total) == Some(published.total.key())
    }

    /// a·E for one claim, with its proof in `context`.
    pub fn claim_partial(
        &self,
        ephemeral: &Point,
        context: &Context,
        rng: &mut impl rand_core::CryptoRng,
    ) -> (Point, Equality) {
        partial(&self.claim, ephemeral, context, rng)
    }

    /// a·ΣT1 for a total, with its proof in `context`.
    pub fn total_partial(
        &self,
        sum: &Point,
        context: &Context,
        rng: &mut impl rand_core::CryptoRng,
    ) -> (Point, Equality) {
        partial(&self.total, sum, context, rng)
    }

    /// Writes the share to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`KeyFileError`]; an existing file is never overwritten.
    pub fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let file = KeyFile {
            kind: FILE_KIND.to_owned(),
            origin: self.origin.as_str().to_owned(),
            epoch: self.epoch.0,
            side: self.side,
            place: self.place,
            claim: hex(&self.claim),
            total: hex(&self.total),
        };
        let text = Zeroizing::new(
            serde_json::to_vec_pretty(&file).map_err(|error| io(path, error.into()))?,
        );
        // Reading it would refuse it.
        merits_guard::check_folder(path).map_err(KeyFileError::Exposed)?;
        merits_guard::output::make_own(path, Readers::Owner, |out| out.write_all(&text))
            .map_err(|error| io(path, error))
    }

    /// Reads a share.
    ///
    /// # Errors
    /// [`KeyFileError`], also when others than its owner may read the file.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let opened =
            merits_guard::open(path, Guard::Private(Secret::ViewKeyHalf)).map_err(|error| {
                if error.is_missing() {
                    return KeyFileError::Missing(path.to_owned());
                }
                KeyFileError::Exposed(error)
            })?;
        // Allocate it at once: a vector that grows leaves copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
        input::whole(opened, &mut text, MOST_BYTES as u64).map_err(|error| io(path, error))?;
        let content = |fault: String| KeyFileError::Content {
            path: path.to_owned(),
            fault,
        };
        if text.trim_ascii().is_empty() {
            return Err(content("is empty".to_owned()));
        }
        let file: KeyFile = serde_json::from_slice(&text).map_err(|error| {
            // serde_json's message contains the position and kind of the fault, not the secret's
            // digits.
            content(if error.is_eof() {
                "is damaged: it ends early".to_owned()
            } else {
                format!("is not a view-key file (line {})", error.line())
            })
        })?;
        if file.kind != FILE_KIND {
            return Err(content(format!(
                "is not a view-key file of the kind {FILE_KIND}"
            )));
        }
        let scalar = |digits: &str, what: &str| {
            unhex(digits).ok_or_else(|| content(format!("is damaged: {what} is not in 1..l")))
        };
        Ok(Self {
            origin: Origin::new(&file.origin)
                .map_err(|error| content(format!("is damaged: {error}")))?,
            epoch: Epoch(file.epoch),
            side: file.side,
            place: file.place,
            claim: scalar(&file.claim, "claim")?,
            total: scalar(&file.total, "total")?,
        })
    }
}

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The system refused.
    #[error("view-key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file does not exist.
    #[error(
        "there is no view-key file {}: {}",
        .0.display(),
        Secret::ViewKeyHalf.worth().when_lost
    )]
    Missing(PathBuf),
    /// Others may read, change or replace it.
    #[error("view-key file {0}")]
    Exposed(GuardError),
    /// It is not a valid view-key file.
    #[error(
        "view-key file {} {fault}; {}",
        path.display(),
        Secret::ViewKeyHalf.worth().when_lost
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// The fault, as the end of a sentence.
        fault: String,
    },
}

const FILE_KIND: &str = "merits-view-key-share-v1";

#[derive(Serialize, Deserialize)]
struct KeyFile {
    kind: String,
    origin: String,
    epoch: u32,
    side: Side,
    place: SharePlace,
    claim: String,
    total: String,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.claim.zeroize();
        self.total.zeroize();
    }
}

fn partial(
    secret: &Scalar,
    base: &Point,
    context: &Context,
    rng: &mut impl rand_core::CryptoRng,
) -> (Point, Equality) {
    // The secret is not zero: sampling and reading both refuse it.
    Equality::prove(secret, base, context, rng).expect("a view-key secret is not zero")
}

fn io(path: &Path, source: std::io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}

fn hex(secret: &Scalar) -> String {
    let bytes = Zeroizing::new(scalar_to_bytes(secret));
    merits_primitives::ids::EntryId(*bytes).to_hex()
}

fn unhex(digits: &str) -> Option<Zeroizing<Scalar>> {
    let bytes = Zeroizing::new(merits_primitives::ids::EntryId::from_hex(digits)?.0);
    let scalar = scalar_from_bytes(&bytes)?;
    (scalar != Scalar::from(0u64)).then_some(Zeroizing::new(scalar))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share() -> ViewKeyShare {
        let origin = Origin::new("ledger.test/merits").unwrap();
        ViewKeyShare::generate(origin, Epoch(1), Side::Witness, &mut rand::rng())
    }

    #[test]
    fn possession_is_bound_to_log_epoch_half_and_holder() {
        let share = share();
        let holder = PartyId([1; 32]);
        let half = share.public(&holder, &mut rand::rng());
        let verify = |origin: &Origin, epoch, side, half: &ProvenHalf| {
            verify_half(origin, epoch, side, half).map_err(|fault| fault.key)
        };
        assert_eq!(
            verify(share.origin(), Epoch(1), Side::Witness, &half),
            Ok(())
        );
        let elsewhere = Origin::new("other.test/merits").unwrap();
        assert!(verify(&elsewhere, Epoch(1), Side::Witness, &half).is_err());
        assert!(verify(share.origin(), Epoch(2), Side::Witness, &half).is_err());
        assert!(verify(share.origin(), Epoch(1), Side::Supervisor, &half).is_err());
        let mut of_another = half.clone();
        of_another.keys.holder = PartyId([2; 32]);
        assert!(verify(share.origin(), Epoch(1), Side::Witness, &of_another).is_err());
        let mut swapped = half;
        swapped.keys.total = swapped.keys.claim;
        swapped.total_possession = swapped.claim_possession;
        assert_eq!(
            verify(share.origin(), Epoch(1), Side::Witness, &swapped),
            Err("total")
        );
    }

    #[test]
    fn the_file_gives_the_share_again_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("half.json");
        let share = share();
        share.write(&path).unwrap();
        let again = ViewKeyShare::read(&path).unwrap();
        assert_eq!(*again.claim, *share.claim);
        assert_eq!(*again.total, *share.total);
        assert!(
            matches!(share.write(&path), Err(KeyFileError::Io { .. })),
            "never overwritten"
        );
        assert!(!format!("{share:?}").contains(&hex(&share.claim)));
        let text = std::fs::read_to_string(&path).unwrap();
        for (written, found) in [
            ("", "is empty"),
            (&text[..text.len() / 2], "ends early"),
            ("half\n", "is not a view-key file"),
            (&text.replace(FILE_KIND, "x"), "is not a view-key file"),
            (&text.replace(&hex(&share.claim), "00"), "is damaged"),
        ] {
            std::fs::write(&path, written).unwrap();
            let said = ViewKeyShare::read(&path).unwrap_err().to_string();
            assert!(said.contains(found), "{said}");
            assert!(said.contains("put it back from your backup"), "{said}");
        }
        std::fs::write(&path, &text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(
                ViewKeyShare::read(&path),
                Err(KeyFileError::Exposed(GuardError::Readable {
                    mode: 0o644,
                    ..
                }))
            ));
        }
    }
}
