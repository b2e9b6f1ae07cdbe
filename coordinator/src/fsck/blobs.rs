//! The blobs that entries name.

use std::collections::BTreeSet;

use merits_ledger::{Blob, BlobDigest, storage::Inspection};

use super::Report;
use crate::error::StartError;

/// Compares the stored blobs with those that entries name, in both directions.
pub(super) async fn check_blobs<N: Inspection>(
    db: &mut N,
    named: &BTreeSet<BlobDigest>,
    report: &mut Report,
) -> Result<(), StartError> {
    let mut missing = named.clone();
    let mut after = Vec::new();
    while let Some((digest, bytes)) = db.next_blob(&after).await.map_err(N::explain)? {
        let shown = hex::encode(&digest);
        match <[u8; 32]>::try_from(digest.as_slice()).map(BlobDigest) {
            Ok(known) if named.contains(&known) => {
                missing.remove(&known);
                if !Blob::new(bytes).is_ok_and(|blob| blob.digest() == known) {
                    report.find("blob", format!("{shown} holds bytes of another digest"));
                }
            }
            _ => report.find("blob", format!("{shown} is named by no entry")),
        }
        after = digest;
    }
    for digest in missing {
        report.find(
            "blob",
            format!("{digest} is missing, and an entry names it"),
        );
    }
    Ok(())
}
