//! Builds a running sequencer from a configuration, on a separate thread with its own runtime.

use std::{path::PathBuf, sync::Arc, thread};

use merits_guard::explain::starting_thread;
use merits_ledger::LedgerPolicy;
use merits_primitives::calendar::Day;
use merits_replica::HighWaterMark;
use merits_verifier::log::LogSigner;
use tokio::sync::{mpsc, oneshot};

use crate::{
    config::Config,
    error::StartError,
    place::Place,
    published::Published,
    sequencer::{Ready, Sequencer, SequencerError, parts, reload},
    timekeeper::Timekeeper,
    writing::Writing,
};

/// The values that the sequencer's thread returns when the log is loaded.
pub(crate) struct Started {
    pub(crate) published: Arc<Published>,
    pub(crate) writing: Arc<Writing>,
    pub(crate) ended: oneshot::Receiver<Result<(), SequencerError>>,
}

/// The parts of a sequencer.
pub(crate) struct Opening<P> {
    pub(crate) place: P,
    pub(crate) config: Config,
    pub(crate) policy: LedgerPolicy,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) mark: HighWaterMark,
    pub(crate) time: Arc<Timekeeper>,
    /// Today, as an operator stated it.
    pub(crate) today: Option<Day>,
}

/// Loads the log on a separate thread, which then runs the sequencer. Returns when the log is
/// loaded.
pub(crate) async fn start_sequencer<P: Place>(
    opening: Opening<P>,
    waiting: mpsc::Receiver<Ready>,
) -> Result<Started, StartError> {
    let (loaded, ready) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let run = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(source) => {
                let (action, path) = ("start the sequencer of", opening.config.data_dir);
                let _ = loaded.send(Err(StartError::File {
                    action,
                    path,
                    source: starting_thread(source),
                }));
                return;
            }
        };
        runtime.block_on(async move {
            match open(opening).await {
                Err(error) => {
                    let _ = loaded.send(Err(error));
                }
                Ok(sequencer) => {
                    let shared = (
                        Arc::clone(&sequencer.published),
                        Arc::clone(&sequencer.writing),
                    );
                    if loaded.send(Ok(shared)).is_ok() {
                        let _ = end.send(sequencer.run(waiting).await);
                    }
                }
            }
        });
    };
    thread::Builder::new()
        .name("sequencer".into())
        .spawn(run)
        .map_err(|source| StartError::File {
            action: "start the sequencer of",
            path: PathBuf::from("this process"),
            source: starting_thread(source),
        })?;
    let (published, writing) = ready
        .await
        .map_err(|_| StartError::Server("the sequencer's thread panicked at its start".into()))??;
    Ok(Started {
        published,
        writing,
        ended,
    })
}

/// Opens the store, loads the log, and makes the sequencer from it.
async fn open<P: Place>(opening: Opening<P>) -> Result<Sequencer<P>, StartError> {
    let Opening {
        place,
        config,
        policy,
        signer,
        mut mark,
        time,
        today,
    } = opening;
    let (store, loaded) = reload(&place, &config, policy.clone(), &signer, &mut mark).await?;
    let newest_leaf = (loaded.checkpoint.size > 0).then(|| loaded.state.time());
    time.judge_start(newest_leaf, today)?;
    let (view, log) = parts(loaded);
    Ok(Sequencer {
        place,
        store,
        log,
        signer,
        time,
        mark,
        published: Arc::new(Published::new(view)),
        writing: Arc::default(),
        config,
        policy,
    })
}
