//! A holder's share of a half, on its own machine and under a passphrase.
//!
//! The threshold is a field of this file, because the formats of the library that makes the shares do not agree on
//! it from one release to the next.

use std::path::Path;

use merits_primitives::{
    ids::{Epoch, Origin, PartyId},
    jubjub::{POINT_BYTES, Point, Scalar, scalar_from_bytes, scalar_to_bytes},
};
use merits_threshold::{
    Side, Threshold, ceremony::Ceremony, quorum::SecretShare, standing::Outcome,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::sealed_file::{Public, SealedFile, SealedFileError};

/// What everybody may know of a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The log.
    pub origin: String,
    /// The epoch.
    pub epoch: u32,
    /// The attempt of the key generation.
    pub attempt: u32,
    /// On which side.
    pub side: Side,
    /// The holder's id, in hexadecimal.
    pub holder: String,
    /// How many of how many.
    pub threshold: Threshold,
    /// The half of A, in hexadecimal.
    pub claim_key: String,
    /// The half of At, in hexadecimal.
    pub total_key: String,
}

impl Public for About {
    const KIND: &'static str = "view-key-quorum-share/v1";
}

/// A holder's share of the half of both keys.
#[derive(Debug)]
pub struct QuorumShare {
    about: About,
    holder: PartyId,
    origin: Origin,
    claim: SecretShare,
    total: SecretShare,
    keys: [Point; 2],
}

impl QuorumShare {
    /// The share that a key generation gave.
    pub fn new(ceremony: &Ceremony, outcome: &Outcome, [claim, total]: [SecretShare; 2]) -> Self {
        let keys = [outcome.claim.key(), outcome.total.key()];
        let [claim_key, total_key] = keys.map(|key| hex::encode(key.to_bytes()));
        let about = About {
            origin: ceremony.origin().as_str().to_owned(),
            epoch: ceremony.epoch().0,
            attempt: ceremony.attempt(),
            side: ceremony.side(),
            holder: hex::encode(claim.holder().0),
            threshold: ceremony.threshold(),
            claim_key,
            total_key,
        };
        Self {
            about,
            holder: claim.holder(),
            origin: ceremony.origin().clone(),
            claim,
            total,
            keys,
        }
    }

    /// What everybody may know.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The holder.
    pub fn holder(&self) -> PartyId {
        self.holder
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.about.epoch)
    }

    /// The share of the half of A.
    pub fn claim(&self) -> &SecretShare {
        &self.claim
    }

    /// The share of the half of At.
    pub fn total(&self) -> &SecretShare {
        &self.total
    }

    /// The halves of A and At.
    pub fn keys(&self) -> [Point; 2] {
        self.keys
    }

    /// Writes the share to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`SealedFileError`]; a file that is there is never replaced.
    pub fn write(
        &self,
        path: &Path,
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealedFileError> {
        let file = SealedFile::new(path, self.about.clone(), passphrase, rng)?;
        let mut secret = Zeroizing::new([0; 64]);
        let (claim, total) = secret.split_at_mut(32);
        claim.copy_from_slice(&*Zeroizing::new(scalar_to_bytes(self.claim.value())));
        total.copy_from_slice(&*Zeroizing::new(scalar_to_bytes(self.total.value())));
        file.make(secret.as_ref(), rng)
    }

    /// Reads a share.
    ///
    /// # Errors
    /// [`SealedFileError`].
    pub fn read(path: &Path, passphrase: &str) -> Result<Self, SealedFileError> {
        let (file, secret) = SealedFile::<About>::open(path, passphrase)?;
        let form = |why: &str| SealedFileError::Form {
            path: path.to_owned(),
            kind: About::KIND,
            why: why.to_owned(),
        };
        let about = file.public().clone();
        let origin = Origin::new(&about.origin).map_err(|error| form(&error.to_string()))?;
        let holder = fixed(&about.holder).ok_or_else(|| form("its holder is damaged"))?;
        let holder = PartyId(holder);
        let key = |digits: &str| {
            fixed::<POINT_BYTES>(digits)
                .and_then(|bytes| Point::from_bytes(&bytes).ok())
                .ok_or_else(|| form("a public key in it is damaged"))
        };
        let keys = [key(&about.claim_key)?, key(&about.total_key)?];
        let (claim, total) = secret
            .split_at_checked(32)
            .ok_or_else(|| form("the share is short"))?;
        let share = |half: &[u8]| {
            scalar(half)
                .and_then(|value| SecretShare::new(holder, value))
                .ok_or_else(|| form("a share is not in 1..l"))
        };
        Ok(Self {
            claim: share(claim)?,
            total: share(total)?,
            about,
            holder,
            origin,
            keys,
        })
    }
}

fn fixed<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

fn scalar(bytes: &[u8]) -> Option<Zeroizing<Scalar>> {
    let mut word = Zeroizing::new([0; 32]);
    if bytes.len() != word.len() {
        return None;
    }
    word.copy_from_slice(bytes);
    scalar_from_bytes(&word).map(Zeroizing::new)
}
