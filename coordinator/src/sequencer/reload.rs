//! Loads from the store what a sequencer needs to continue.

use std::sync::Arc;

use merits_ledger::LedgerPolicy;
use merits_ledger_sqlite::Writer;
use merits_replica::HighWaterMark;
use merits_verifier::log::LogSigner;

use super::Log;
use crate::{
    config::Config,
    error::StartError,
    founding,
    published::View,
    schema,
    startup::{self, Loaded},
};

/// Opens the database for writing, checks that it can be written, and loads the stored log. The
/// high-water mark is raised to it.
pub(crate) async fn reload(
    config: &Config,
    policy: LedgerPolicy,
    signer: &LogSigner,
    mark: &mut HighWaterMark,
) -> Result<(Writer, Loaded), StartError> {
    let path = config.database();
    let Some(db) = schema::open_writer(&path).await? else {
        return Err(founding::missing(config));
    };
    let mut writer = Writer::new(db);
    let readers = schema::open_readers(&path, 1).await?;
    let rng = &mut rand::rng();
    let loaded = startup::load(&readers, &mut writer, config, policy, signer, mark, rng).await;
    readers.close().await;
    Ok((writer, loaded?))
}

/// The public view of a loaded log, and the sequencer's own state.
pub(crate) fn parts(loaded: Loaded) -> (View, Log) {
    let Loaded {
        state,
        digest,
        frontier,
        edge,
        checkpoint,
        signed,
    } = loaded;
    let view = View {
        state: state.clone(),
        checkpoint,
        signed: Arc::new(signed),
    };
    let log = Log {
        state,
        digest,
        frontier,
        edge,
    };
    (view, log)
}
