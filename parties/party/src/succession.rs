//! A new signing key takes the place of a party's present one.
//!
//! The new key's file comes first, then the entry, then the names of the files. A run that ended in
//! between is gone on with by the next one.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use merits_guard::output::{Readers, replace_own};
use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::{Entry, entry::KeySucceeded};
use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_replica::{ClientError, FollowError, JoinError, ReplicaError};
use merits_verifier::signature::PublicKey;
use rand_core::CryptoRng;
use serde::Serialize;
use std::io::Write as _;
use thiserror::Error;

use crate::config::{HolderError, holder_of};

/// Why a key was not succeeded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The configuration.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// The new key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The ledger could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The coordinator, or the ledger's rules.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The ledger does not know the party.
    #[error(
        "the ledger has no party {0}: see that the configuration has the party's name, the right ledger \
         and the party's own key; a party that is new is admitted first"
    )]
    Unknown(PartyId),
    /// The file is not the party's present key.
    #[error(
        "{} is not the key that the ledger has for {party}: put the present one there (copies of earlier \
         ones end with a number)",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The party.
        party: PartyId,
    },
    /// Another file has the name that the former key would get.
    #[error(
        "{} is another key than the present one, which is to be kept under this name: move it away. The \
         new key is on the ledger; run the same command again",
        path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// A file could not get its name.
    #[error("{}: {source}. The new key is on the ledger; run the same command again", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A key that was succeeded. It names files, and holds no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Succeeded {
    /// The party.
    #[serde(serialize_with = "crate::report::text")]
    pub party: PartyId,
    /// Changes of its keys so far.
    pub generation: u32,
    /// File of the present key.
    pub present: PathBuf,
    /// File of the key before.
    pub former: PathBuf,
    /// Until when the key before signs, as the ledger says; `None` if it ended at once.
    #[serde(serialize_with = "optional")]
    pub until: Option<Timestamp>,
    /// An earlier key that this change cut off.
    pub cut_off: Option<CutOff>,
}

/// A key that would have signed for some time still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CutOff {
    /// Its file.
    pub file: PathBuf,
    /// Until when it would have signed.
    #[serde(serialize_with = "crate::report::text")]
    pub until: Timestamp,
}

fn optional<S: serde::Serializer>(
    until: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match until {
        None => serializer.serialize_none(),
        Some(until) => crate::report::text(until, serializer),
    }
}

/// Gives the party of a configuration a new signing key. The old one signs for `grace` still. Without a grace, every
/// earlier key ends at once, also one that was to sign for some time after `now`.
///
/// # Errors
/// [`SuccessionError`]; the same call again goes on where this one ended.
pub async fn succeed(
    config: &Path,
    grace: Duration,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Succeeded, SuccessionError> {
    let holder = holder_of(config)?;
    let (party, path) = (holder.party, holder.signing_key);
    let beside = |end: &str| {
        let mut name = path.clone();
        name.as_mut_os_string().push(end);
        name
    };
    let next = beside(".next");
    // Made once: a run that ended before went no further with another.
    merits_keyfile::load_or_create(&next, KeyKind::Signing, rng)?;
    let new = merits_keyfile::signing_key(&next, KeyKind::Signing)?;
    let origin = holder.ledger.origin().map_err(HolderError::Ledger)?;
    let follower = holder.ledger.of_commands().follow().await?;
    follower.sync().await?;
    let look = || -> Result<_, SuccessionError> {
        let replica = follower.replica();
        let known = replica.state()?.parties().get(&party).cloned();
        known.ok_or(SuccessionError::Unknown(party))
    };
    let known = look()?;
    let mut cut_off = None;
    let generation = if known.signing_key == PublicKey::of(&new) {
        known.generation
    } else if known.signing_key == PublicKey::of(&holder.signing) {
        let generation = known.generation.saturating_add(1);
        let succeeded = KeySucceeded::new(&origin, &party, generation, &new, grace);
        let entry = Entry::KeySucceeded(succeeded).sign(&origin, party, None, &holder.signing);
        follower.client().submit(&entry).await?;
        // The key before the present one has the number of the change before.
        let earlier = known.former.filter(|earlier| now < earlier.until);
        cut_off = earlier.map(|earlier| CutOff {
            file: merits_keyfile::former_key(&path, known.generation),
            until: earlier.until,
        });
        follower.sync().await?;
        generation
    } else {
        return Err(SuccessionError::OtherKey { path, party });
    };
    // What the ledger promises, also if an earlier run asked for another grace.
    let promised = look()?.former.filter(|former| now < former.until);
    let until = promised.map(|former| former.until);
    let at = |path: &Path, source| SuccessionError::File {
        path: path.to_owned(),
        source,
    };
    let kept = merits_keyfile::party_file(&path);
    replace_own(&kept, Readers::Everybody, |out| {
        writeln!(out, "{}", hex::encode(party.0))
    })
    .map_err(|source| at(&kept, source))?;
    let former = merits_keyfile::former_key(&path, generation);
    // A link first, so that there is a key under the name at any time.
    match fs::hard_link(&path, &former) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(at(&former, error));
        }
        // An earlier run made it, or it is somebody's: the present key would be lost then.
        Err(_) if !is_same_file(&path, &former).map_err(|error| at(&former, error))? => {
            return Err(SuccessionError::Taken { path: former });
        }
        _ => {}
    }
    merits_guard::folder::rename(&next, &path).map_err(|source| at(&path, source))?;
    Ok(Succeeded {
        party,
        generation,
        present: path,
        former,
        until,
        cut_off,
    })
}

fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_same_file_and_a_copy_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("key"), "key").unwrap();
        fs::hard_link(at("key"), at("link")).unwrap();
        fs::copy(at("key"), at("copy")).unwrap();
        assert!(is_same_file(&at("key"), &at("link")).unwrap());
        assert!(!is_same_file(&at("key"), &at("copy")).unwrap());
    }
}
