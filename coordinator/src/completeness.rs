//! Whether the stored log has all its leaves and notes. Counting them takes longer the longer the log is, so it is
//! done while the coordinator serves, and not before.

use std::time::Duration;

use merits_ledger::storage::StoreFailure;

use crate::{
    archive::Archive,
    error::StartError,
    notes::{self, NotesError},
};

/// When it is tried again after the store could not be read.
const AGAIN: Duration = Duration::from_secs(60);

/// Counts leaves and reads all rows of notes, until it was possible once.
///
/// # Errors
/// [`StartError::Damaged`] if one is missing: with a gap, followers cannot read the log, and wallets find no paths of
/// their notes. A store that cannot be read now is not a gap: the coordinator's health says so.
pub(crate) async fn check(archive: Archive) -> Result<(), StartError> {
    loop {
        match missing(&archive).await {
            Ok(None) => return Ok(()),
            Ok(Some(gap)) => return Err(StartError::Damaged(gap)),
            Err(error) => {
                tracing::warn!(%error, "whether leaves or notes are missing could not be checked yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// What is missing, if anything.
async fn missing(archive: &Archive) -> Result<Option<String>, StoreFailure> {
    let (count, last) = archive.leaf_count().await?;
    let expected = last.map_or(0, |last| last + 1);
    if count != expected {
        return Ok(Some(format!(
            "the log has {expected} leaves, and {count} are stored"
        )));
    }
    match notes::require_all(archive).await {
        Ok(()) => Ok(None),
        Err(NotesError::Store(failure)) => Err(failure),
        Err(gap) => Ok(Some(gap.to_string())),
    }
}
