//! A running coordinator: start, serve, stop.
//!
//! Threads: the caller's tokio runtime serves gRPC and waits; the verification pool computes; one
//! thread of its own, with its own runtime, is the sequencer and owns the writing connection.

use std::{
    fs::{self, File, TryLockError},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use merits_ledger::{KeyRing, LedgerPolicy};
use merits_proto::{
    ledger::ledger_server::LedgerServer,
    limits::{
        LEDGER_REQUEST_MESSAGE, NOTES_REQUEST_MESSAGE, REGISTRY_REQUEST_MESSAGE,
        VERIFIER_REQUEST_MESSAGE,
    },
    notes::notes_server::NotesServer,
    registry::registry_server::RegistryServer,
    verifier::verifier_server::VerifierServer,
};
use merits_serve::Server;
use merits_verifier::log::{LogKey, LogSigner};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    archive::Archive,
    clock::Clock,
    config::Config,
    error::StartError,
    intake::Intake,
    log_key,
    log_writer::LogWriter,
    notes::BucketRoots,
    published::{Published, View},
    schema,
    sequencer::{Ready, Sequencer, SequencerError},
    services::{self, LedgerService, NotesService, RegistryService, VerifierService},
    startup::{self, Loaded},
    verify_pool::{PoolLimits, VerifyPool},
};

/// A running coordinator. Dropping it stops it without waiting; [`Coordinator::shutdown`] stops
/// it gracefully.
#[derive(Debug)]
pub struct Coordinator {
    address: SocketAddr,
    log_key: LogKey,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), StartError>>,
}

impl Coordinator {
    /// Starts a coordinator: loads and checks the log, then serves it. Returns when it serves.
    ///
    /// # Errors
    /// [`StartError`]: a configuration that cannot be, files that cannot be used, a database of
    /// another program, version, log or key, or a damaged one.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        config.check()?;
        let policy = config.policy()?;
        let lock = lock_data_dir(&config)?;
        let key_file = config.log_key_file();
        let signer = Arc::new(log_key::load_or_generate(
            &key_file,
            &policy.origin,
            &mut rand::rng(),
        )?);
        let listener =
            TcpListener::bind(config.listen)
                .await
                .map_err(|source| StartError::Listen {
                    address: config.listen,
                    source,
                })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: config.listen,
            source,
        })?;

        let (queue, waiting) = mpsc::channel(config.sequencer.queue);
        let started = start_sequencer(&config, policy, Arc::clone(&signer), clock, waiting).await?;
        let log_key = signer.public().clone();
        let readers = schema::open_readers(&config.database(), config.database.readers).await?;
        let (stop, stopping) = watch::channel(false);
        let intake = Arc::new(Intake {
            origin: log_key.origin().clone(),
            published: started.published,
            archive: Archive::new(readers),
            pool: start_pool(&config)?,
            keys: KeyRing::new(),
            preparing: [Semaphore::new(1), Semaphore::new(1)],
            queue,
            signer,
            clock: started.clock,
            submissions: Arc::new(Semaphore::new(config.sequencer.queue)),
            strangers: Semaphore::new(config.sequencer.queue.div_ceil(2)),
            verifications: Arc::new(Semaphore::new(config.verification.queue)),
            stopping,
        });
        let rim = Rim {
            stop: stop.clone(),
            ended: started.ended,
            lock,
        };
        let server = tokio::spawn(rim.serve(config, listener, intake, log_key.clone()));
        Ok(Self {
            address,
            log_key,
            stop,
            server,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its checkpoints are verified with.
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// Waits until it stops by itself, which it does only when it failed.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn failed(&mut self) -> Result<(), StartError> {
        (&mut self.server)
            .await
            .unwrap_or_else(|e| Err(StartError::Server(e.to_string())))
    }

    /// Stops gracefully: calls in flight finish, the queue is drained, the database is closed.
    ///
    /// # Errors
    /// What went wrong while it ran or stopped; what was acknowledged is durable all the same.
    pub async fn shutdown(mut self) -> Result<(), StartError> {
        self.stop.send_replace(true);
        self.failed().await
    }
}

/// The gRPC server around the intake.
struct Rim {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), SequencerError>>,
    lock: File,
}

impl Rim {
    async fn serve(
        mut self,
        config: Config,
        listener: TcpListener,
        intake: Arc<Intake>,
        log_key: LogKey,
    ) -> Result<(), StartError> {
        let server = server(&config, &intake, log_key);
        let health = server.health();
        let mut stopping = self.stop.subscribe();
        let served = server.serve(listener, async move {
            // An error means that the handle is gone: stop as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
        tokio::pin!(served);

        let mut stopped = self.stop.subscribe();
        let mut early_end = None;
        let result = tokio::select! {
            served = &mut served => Some(served),
            ended = &mut self.ended => {
                early_end = Some(ended);
                None
            }
            _ = stopped.wait_for(|stop| *stop) => None,
        };
        health.set(false).await;
        intake.close();
        self.stop.send_replace(true);
        // Ends within the stop timeout, and no call holds the intake then.
        let result = match result {
            Some(result) => result,
            None => served.await,
        };
        let archive = intake.archive.clone();
        // Dropping the last handle of the intake joins the pool's threads, and its end of the
        // queue tells the sequencer to finish.
        let drained = tokio::task::spawn_blocking(move || drop(intake));
        let _ = drained.await;
        let ended = match early_end {
            Some(ended) => ended,
            None => match tokio::time::timeout(config.server.stop_timeout(), self.ended).await {
                Ok(ended) => ended,
                Err(_) => return Err(StartError::Server("the queue was not drained".into())),
            },
        };
        archive.close().await;
        drop(self.lock);
        match (ended, result) {
            (Ok(Ok(())), Err(error)) => Err(StartError::Server(error.to_string())),
            (Ok(Ok(())), Ok(())) => Ok(()),
            (Ok(Err(error)), _) => {
                tracing::error!(%error, "the sequencer failed");
                Err(StartError::Server(error.to_string()))
            }
            (Err(_), _) => Err(StartError::Server("the sequencer's thread panicked".into())),
        }
    }
}

fn server(config: &Config, intake: &Arc<Intake>, log_key: LogKey) -> Server {
    let registry = RegistryService {
        published: Arc::clone(&intake.published),
        log_key,
    };
    let notes = NotesService {
        published: Arc::clone(&intake.published),
        clock: Arc::clone(&intake.clock),
        roots: Arc::new(Mutex::new(BucketRoots::default())),
    };
    let ledger = LedgerServer::new(LedgerService(Arc::clone(intake)));
    let server = Server::new(&config.server)
        .service(
            ledger.max_decoding_message_size(LEDGER_REQUEST_MESSAGE),
            services::ledger::WEIGHTS,
        )
        .service(
            RegistryServer::new(registry).max_decoding_message_size(REGISTRY_REQUEST_MESSAGE),
            services::registry::WEIGHTS,
        )
        .service(
            NotesServer::new(notes).max_decoding_message_size(NOTES_REQUEST_MESSAGE),
            services::notes::WEIGHTS,
        );
    if !config.verification.for_others {
        return server;
    }
    let verifier = VerifierServer::new(VerifierService(Arc::clone(intake)));
    server.service(
        verifier.max_decoding_message_size(VERIFIER_REQUEST_MESSAGE),
        services::verifier::WEIGHTS,
    )
}

fn start_pool(config: &Config) -> Result<VerifyPool, StartError> {
    let limits = PoolLimits {
        threads: config.verification_threads(),
        batch: config.verification.batch,
        linger: config.linger(),
        // Each permit has at most one job in the pool.
        queue: config.sequencer.queue + config.verification.queue,
        parties_percent: config.verification.parties_percent,
    };
    VerifyPool::start(limits).map_err(|source| StartError::File {
        action: "start the verification threads of",
        path: config.data_dir.clone(),
        source,
    })
}

/// Makes the data directory, and holds its lock as long as the file lives.
fn lock_data_dir(config: &Config) -> Result<File, StartError> {
    let file = |action, path: &PathBuf, source| StartError::File {
        action,
        path: path.clone(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|source| file("create", &config.data_dir, source))?;
    let path = config.data_dir.join("coordinator.lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| file("open", &path, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(file("lock", &path, source)),
    }
}

/// What the sequencer's thread hands over when the log is loaded.
struct Started {
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    ended: oneshot::Receiver<Result<(), SequencerError>>,
}

async fn start_sequencer(
    config: &Config,
    policy: LedgerPolicy,
    signer: Arc<LogSigner>,
    clock: Arc<dyn Clock>,
    waiting: mpsc::Receiver<Ready>,
) -> Result<Started, StartError> {
    let (loaded, ready) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let (config, sequencer_clock) = (config.clone(), Arc::clone(&clock));
    let run = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(source) => {
                let (action, path) = ("start the sequencer of", config.data_dir);
                let _ = loaded.send(Err(StartError::File {
                    action,
                    path,
                    source,
                }));
                return;
            }
        };
        runtime.block_on(async move {
            match open(&config, policy, signer, sequencer_clock).await {
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
    Ok(Started {
        published,
        clock,
        ended,
    })
}

/// Opens the database, loads the log, and makes the sequencer of it.
async fn open(
    config: &Config,
    policy: LedgerPolicy,
    signer: Arc<LogSigner>,
    clock: Arc<dyn Clock>,
) -> Result<Sequencer, StartError> {
    let path = config.database();
    let mut writer = LogWriter::new(schema::open_writer(&path).await?);
    let readers = schema::open_readers(&path, 1).await?;
    let key_file = config.log_key_file();
    let loaded = startup::load(
        &mut writer,
        &readers,
        policy,
        &signer,
        &key_file,
        &mut rand::rng(),
    )
    .await?;
    readers.close().await;
    let Loaded {
        state,
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
        frontier,
        edge,
        signer,
        clock,
        published: Arc::new(Published::new(view)),
        group: config.sequencer.group,
    })
}
