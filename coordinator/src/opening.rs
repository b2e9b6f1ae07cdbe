//! From a configuration to a running sequencer, on a thread of its own with its own runtime.

use std::{path::PathBuf, sync::Arc, thread};

use merits_ledger::LedgerPolicy;
use merits_ledger_sqlite::Writer;
use merits_replica::HighWaterMark;
use merits_verifier::log::LogSigner;
use tokio::sync::{mpsc, oneshot};

use crate::{
    config::Config,
    error::StartError,
    founding,
    published::{Published, View},
    schema,
    sequencer::{Ready, Sequencer, SequencerError},
    startup::{self, Loaded},
    timekeeper::Timekeeper,
};

/// What the sequencer's thread hands over when the log is loaded.
pub(crate) struct Started {
    pub(crate) published: Arc<Published>,
    pub(crate) ended: oneshot::Receiver<Result<(), SequencerError>>,
}

/// What a sequencer is made of.
pub(crate) struct Opening {
    pub(crate) config: Config,
    pub(crate) policy: LedgerPolicy,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) mark: HighWaterMark,
    pub(crate) time: Arc<Timekeeper>,
    /// Today, by somebody's word.
    pub(crate) today: Option<u32>,
}

/// Loads the log on a thread of its own, which then runs the sequencer. Returns when it is loaded.
pub(crate) async fn start_sequencer(
    opening: Opening,
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
                    source,
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
                    if loaded.send(Ok(Arc::clone(&sequencer.published))).is_ok() {
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
            source,
        })?;
    let published = ready
        .await
        .map_err(|_| StartError::Server("the sequencer's thread panicked at its start".into()))??;
    Ok(Started { published, ended })
}

/// Opens the database, loads the log, and makes the sequencer of it.
async fn open(opening: Opening) -> Result<Sequencer, StartError> {
    let Opening {
        config,
        policy,
        signer,
        mut mark,
        time,
        today,
    } = opening;
    let path = config.database();
    let Some(db) = schema::open_writer(&path).await? else {
        return Err(founding::missing(&config));
    };
    let mut writer = Writer::new(db);
    let readers = schema::open_readers(&path, 1).await?;
    let rng = &mut rand::rng();
    let loaded = startup::load(
        &readers,
        &mut writer,
        &config,
        policy,
        &signer,
        &mut mark,
        rng,
    )
    .await?;
    readers.close().await;
    let newest_leaf = (loaded.checkpoint.size > 0).then(|| loaded.state.time());
    time.judge_start(newest_leaf, today)?;
    let Loaded {
        state,
        digest,
        notes,
        frontier,
        edge,
        checkpoint,
        signed,
    } = loaded;
    let view = View {
        state: state.clone(),
        notes,
        checkpoint,
        signed: Arc::new(signed),
    };
    Ok(Sequencer {
        writer,
        state,
        digest,
        frontier,
        edge,
        signer,
        time,
        mark,
        published: Arc::new(Published::new(view)),
        group: config.sequencer.group,
    })
}
