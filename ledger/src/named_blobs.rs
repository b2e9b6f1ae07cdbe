//! The blobs that an entry names. Exactly these must come with it.

use merits_verifier::{
    codec::{Canonical as _, CodecError},
    entry::{Leaf, kind_of},
    groth16::VerifyingKey,
};

use crate::blob::{Blob, BlobDigest};
use crate::entry::{Entry, Kind, PublishedKey};
use crate::refusal::Refusal;

/// Blobs that a party's entries may name in a day (UTC). A day's blobs of a party are 16 MiB at most.
pub const BLOBS_A_DAY: u32 = 16;

/// The blobs that the entry of a leaf names. The caller must have them before it checks the leaf. Empty if
/// the bytes are not a leaf: the rules refuse such bytes.
pub fn named_by(leaf: &[u8]) -> Vec<BlobDigest> {
    // Nearly all leaves are of kinds that name no blobs, so they are not decoded here.
    let kind = kind_of(leaf).and_then(Kind::of);
    if !kind.is_some_and(|kind| kind.may_name_blobs) {
        return Vec::new();
    }
    let Ok(leaf) = Leaf::from_bytes(leaf) else {
        return Vec::new();
    };
    match Entry::decode(leaf.entry.kind, &leaf.entry.statement) {
        Some(Ok(entry)) => entry.blobs(),
        Some(Err(_)) | None => Vec::new(),
    }
}

/// Checks that the blobs that came with a leaf are those that it names, each once, and no other. Call this
/// before you check fetched leaves: the transport, and not the log, may have changed the blobs.
///
/// # Errors
/// [`Refusal::BlobMissing`], [`Refusal::BlobUnexpected`].
pub fn check(leaf: &[u8], blobs: &[Blob]) -> Result<(), Refusal> {
    check_named(&named_by(leaf), blobs)
}

/// The published key whose canonical encoding is the blob with this digest.
pub(crate) fn key_of(digest: &BlobDigest, blobs: &[Blob]) -> Result<VerifyingKey, Refusal> {
    let blob = blobs.iter().find(|blob| blob.digest() == *digest);
    let blob = blob.ok_or(Refusal::BlobMissing { digest: *digest })?;
    let key = VerifyingKey::from_bytes(blob.bytes())?;
    if key.ic.len() <= PublishedKey::MOST_POINTS_HERE {
        let what = "verifying key as a blob, which is small enough for the entry";
        return Err(CodecError::NotCanonical { what }.into());
    }
    Ok(key)
}

/// Checks that the blobs are the named ones: each once, and no others.
pub(crate) fn check_named(named: &[BlobDigest], blobs: &[Blob]) -> Result<(), Refusal> {
    for (position, blob) in blobs.iter().enumerate() {
        let digest = blob.digest();
        let before = blobs.get(..position).unwrap_or_default();
        if !named.contains(&digest) || before.iter().any(|other| other.digest() == digest) {
            return Err(Refusal::BlobUnexpected { digest });
        }
    }
    let is_there = |digest: &BlobDigest| blobs.iter().any(|blob| blob.digest() == *digest);
    match named.iter().find(|digest| !is_there(digest)) {
        Some(digest) => Err(Refusal::BlobMissing { digest: *digest }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(byte: u8) -> Blob {
        Blob::new(vec![byte; 9]).expect("small")
    }

    #[test]
    fn missing_foreign_and_doubled_blobs_are_named() {
        let (one, two) = (blob(1), blob(2));
        let named = [one.digest(), two.digest()];
        assert_eq!(check_named(&named, &[two.clone(), one.clone()]), Ok(()));
        assert_eq!(check_named(&[], &[]), Ok(()));
        let digest = two.digest();
        let missing = Err(Refusal::BlobMissing { digest });
        assert_eq!(check_named(&named, std::slice::from_ref(&one)), missing);
        let digest = blob(3).digest();
        let foreign = Err(Refusal::BlobUnexpected { digest });
        let three = [one.clone(), two.clone(), blob(3)];
        assert_eq!(check_named(&named, &three), foreign);
        // A replaced blob is reported as unexpected, and not only as missing.
        assert_eq!(check_named(&named, &[one.clone(), blob(3)]), foreign);
        let digest = one.digest();
        let doubled = Err(Refusal::BlobUnexpected { digest });
        assert_eq!(check_named(&named, &[one.clone(), two, one]), doubled);
    }
}
