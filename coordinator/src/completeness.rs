//! Whether the stored log has all its leaves and notes. Counting them takes longer the longer the log is, so it is
//! done while the coordinator serves, and not before.

use crate::{
    archive::Archive,
    error::StartError,
    notes::{self, NotesError},
};

/// Counts leaves and reads all rows of notes, once.
///
/// # Errors
/// [`StartError::Damaged`] if one is missing: with a gap, followers cannot read the log, and wallets find no paths of
/// their notes. A store that cannot be read now is not a gap: the coordinator's health says so.
pub(crate) async fn check(archive: Archive) -> Result<(), StartError> {
    let found = async {
        let (count, last) = archive.leaf_count().await?;
        let expected = last.map_or(0, |last| last + 1);
        if count != expected {
            return Ok(Some(format!(
                "the log has {expected} leaves, and {count} are stored"
            )));
        }
        match notes::require_all(&archive).await {
            Ok(()) => Ok(None),
            Err(NotesError::Store(failure)) => Err(failure),
            Err(gap) => Ok(Some(gap.to_string())),
        }
    };
    match found.await {
        Ok(None) => Ok(()),
        Ok(Some(gap)) => Err(StartError::Damaged(gap)),
        Err(error) => {
            tracing::warn!(%error, "whether leaves or notes are missing could not be checked");
            Ok(())
        }
    }
}
