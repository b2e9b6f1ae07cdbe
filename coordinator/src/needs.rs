//! What a coordinator needs in order to serve and to append. Its health depends on these.

use std::{path::PathBuf, sync::Arc};

use merits_ledger::storage::StoreFailure;
use merits_replica::HighWaterMark;
use thiserror::Error;

use crate::{
    archive::Archive,
    config::Config,
    intake::Intake,
    published::Published,
    timekeeper::{OutOfStep, Timekeeper},
    writing::{CannotWrite, Writing},
};

/// A missing need.
#[derive(Debug, Error)]
pub(crate) enum Missing {
    #[error(transparent)]
    Clock(#[from] OutOfStep),
    #[error(transparent)]
    Writing(#[from] CannotWrite),
    #[error(
        "the database {} is not there: is its disk mounted? Bring it back, and restart the coordinator",
        .0.display()
    )]
    Database(PathBuf),
    #[error("nothing can be appended: {0}")]
    Mark(#[from] merits_replica::MarkError),
    #[error("the stored log cannot be read: {0}")]
    Unreadable(#[from] StoreFailure),
    #[error("the newest published entry is not in the stored log: run `merits coordinator fsck`")]
    Entry,
    #[error("looking for the files stopped unexpectedly")]
    Interrupted,
}

/// What to check.
#[derive(Debug)]
pub(crate) struct Needs {
    time: Arc<Timekeeper>,
    writing: Arc<Writing>,
    published: Arc<Published>,
    archive: Archive,
    database: PathBuf,
    data_dir: PathBuf,
    mark: PathBuf,
}

impl Needs {
    pub(crate) fn of(config: &Config, intake: &Intake) -> Self {
        Self {
            time: Arc::clone(&intake.time),
            writing: Arc::clone(&intake.writing),
            published: Arc::clone(&intake.published),
            archive: intake.archive.clone(),
            database: config.database(),
            data_dir: config.data_dir.clone(),
            mark: config.high_water_mark.clone(),
        }
    }

    /// Checks once. It waits for the disk and for a free connection as long as necessary.
    ///
    /// # Errors
    /// [`Missing`]: the first missing need.
    pub(crate) async fn look(&self) -> Result<(), Missing> {
        self.time.now()?;
        self.writing.check()?;
        let (database, data_dir) = (self.database.clone(), self.data_dir.clone());
        let mark = self.mark.clone();
        let files = move || {
            if !database.is_file() {
                return Err(Missing::Database(database));
            }
            HighWaterMark::place(&mark, &data_dir)?;
            Ok(())
        };
        let looked = tokio::task::spawn_blocking(files).await;
        looked.map_err(|_| Missing::Interrupted)??;
        // No connection has read the newest leaf before.
        let size = self.published.read().checkpoint.size;
        let newest = self.archive.page(size.saturating_sub(1), size).await?;
        if newest.is_empty() && size > 0 {
            return Err(Missing::Entry);
        }
        Ok(())
    }
}
