//! Loads from the store what a sequencer needs to continue.

use std::sync::Arc;

use merits_ledger::{LedgerPolicy, storage::Storage as _};
use merits_replica::HighWaterMark;
use merits_verifier::log::LogSigner;

use super::Log;
use crate::{
    config::Config,
    error::StartError,
    founding,
    place::Place,
    published::View,
    startup::{self, Loaded},
};

/// Opens the store for writing, proves that it can be written, and loads what is stored. The high-water mark is
/// raised to it.
pub(crate) async fn reload<P: Place>(
    place: &P,
    config: &Config,
    policy: LedgerPolicy,
    signer: &LogSigner,
    mark: &mut HighWaterMark,
) -> Result<(P::Storage, Loaded), StartError> {
    let Some(mut store) = place.open().await.map_err(Into::into)? else {
        return Err(founding::missing(config, place));
    };
    let rng = &mut rand::rng();
    match startup::load(place, &mut store, config, policy, signer, mark, rng).await {
        Ok(loaded) => Ok((store, loaded)),
        Err(error) => {
            // That it cannot be read says more.
            let _ = store.end().await;
            Err(error)
        }
    }
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
