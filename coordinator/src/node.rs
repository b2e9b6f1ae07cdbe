//! A running coordinator: start, serve, stop.
//!
//! Threads: the caller's tokio runtime serves gRPC and waits; the verification pool computes; the
//! sequencer runs on a separate thread with its own runtime and owns the writing connection.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use merits_guard::LockedFile;
use merits_ledger::storage::{Storage as _, StorageReader};
use merits_primitives::calendar::Day;
use merits_proto::{
    ledger::{
        blobs_server::BlobsServer, cosignatures_server::CosignaturesServer,
        ledger_server::LedgerServer,
    },
    limits::{
        BLOBS_REQUEST_MESSAGE, COSIGNATURES_REQUEST_MESSAGE, LEDGER_REQUEST_MESSAGE,
        REGISTRY_REQUEST_MESSAGE, VERIFIER_REQUEST_MESSAGE,
    },
    registry::registry_server::RegistryServer,
    verifier::verifier_server::VerifierServer,
};
use merits_replica::HighWaterMark;
use merits_serve::{Health, HttpServer, Security, Server};
use merits_verifier::log::LogKey;
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    archive::Archive,
    clock::Clock,
    clock_peers::{self, Verdict},
    completeness,
    config::{ClockConfig, Config},
    cosigning::{Cosigning, Witness, require_newest},
    data_dir::lock_data_dir,
    error::{ConfigError, StartError},
    founding,
    intake::Intake,
    keys::Keys,
    log_key,
    lookups::Lookups,
    needs::Needs,
    notes::{Notes, SharedRoots},
    opening::{Opening, start_sequencer},
    place::{self, Place},
    sequencer::SequencerError,
    services::{
        self, BlobsService, CosignaturesService, LedgerService, NotesService, RegistryService,
        VerifierService,
    },
    tiles::Tiles,
    timekeeper::{NOTE_EVERY, Timekeeper},
    verify_pool::{PoolLimits, VerifyPool},
};

/// How often the clock, the files and the stored log are checked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A running coordinator. Dropping it stops it without waiting; [`Coordinator::shutdown`] stops
/// it gracefully.
#[derive(Debug)]
pub struct Coordinator {
    address: SocketAddr,
    tiles: Option<SocketAddr>,
    log_key: LogKey,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), StartError>>,
}

/// How a coordinator begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beginning {
    /// An existing ledger continues.
    #[default]
    GoOn,
    /// The same after a stop of more than a day, or with a clock that nobody else confirms: today is this day, by a
    /// clock that is not this machine's.
    AfterPause(Day),
    /// A ledger is founded.
    Found,
}

impl Coordinator {
    /// Starts a coordinator of an existing ledger. Returns when it serves.
    ///
    /// # Errors
    /// As [`Coordinator::begin`].
    pub fn start(
        config: Config,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, StartError>> {
        Self::begin(config, clock, Beginning::GoOn)
    }

    /// Founds a ledger and starts its coordinator.
    ///
    /// # Errors
    /// As [`Coordinator::begin`].
    pub fn found(
        config: Config,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, StartError>> {
        Self::begin(config, clock, Beginning::Found)
    }

    /// Loads and checks the log, then serves it. Returns when it serves.
    ///
    /// # Errors
    /// [`StartError`]: an invalid configuration, a missing ledger or an unexpected one, files that
    /// cannot be used, a database of another program, version, log or key, a damaged or older one,
    /// other founding parameters, a clock that cannot be right.
    pub fn begin(
        config: Config,
        clock: Arc<dyn Clock>,
        beginning: Beginning,
    ) -> BoxFuture<'static, Result<Self, StartError>> {
        Box::pin(async move {
            config.check()?;
            let place = place::of(&config);
            Self::begin_at(place, config, clock, beginning).await
        })
    }

    /// [`Coordinator::begin`] for a ledger at `place`.
    pub(crate) async fn begin_at<P: Place>(
        place: P,
        config: Config,
        clock: Arc<dyn Clock>,
        beginning: Beginning,
    ) -> Result<Self, StartError> {
        let policy = config.policy()?;
        let mut rng = StdRng::from_rng(&mut rand::rng());
        // Nothing is made until all checks have passed. If there is no folder yet, there is no
        // lock to take first.
        let lock = if beginning == Beginning::Found {
            founding::allow(&config, &place).await?;
            None
        } else {
            // Do this before anything is opened: SQLite makes files beside a database with the same
            // mode.
            if place.exists() {
                place.keep_private().map_err(Into::into)?;
            }
            founding::require(&config, &place).await?;
            let lock = lock_data_dir(&config)?;
            require_writable(&place).await?;
            Some(lock)
        };
        let security = config.security()?;
        let listener = merits_serve::listen(config.listen).await?;
        let address = address_of(&listener)?;
        security
            .serving(address)
            .map_err(|error| ConfigError::Value {
                key: "listen",
                reason: error.to_string(),
            })?;
        let tiles = match config.log.listen {
            None => None,
            Some(address) => Some(merits_serve::listen(address).await?),
        };
        let tiles_address = tiles.as_ref().map(address_of).transpose()?;

        let verdict = clock_peers::ask(&config.clock, &security, &*clock).await;
        if let Verdict::Wrong(deviation) = verdict {
            return Err(StartError::Clock(format!(
                "{deviation}: set it right. If it is right and the others are wrong, remove them from \
                 `clock.peers`"
            )));
        }
        let lock = match lock {
            Some(lock) => lock,
            None => {
                founding::say_time(&*clock, verdict);
                founding::found(&config, &place, &policy, &mut rng).await?
            }
        };
        let signer = log_key::load(&config.log_key_file(), &policy.origin)?;
        let signer = Arc::new(signer.ok_or_else(|| StartError::LogKeyMissing {
            path: config.log_key_file(),
            database: config.database(),
        })?);
        let mark_file = HighWaterMark::place(&config.high_water_mark, &config.data_dir)?;
        if !mark_file.exists() {
            return Err(StartError::MarkMissing {
                path: mark_file,
                database: config.database(),
            });
        }
        let mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, signer.public())?;
        if mark.newest().is_none() {
            return Err(StartError::MarkMissing {
                path: mark.path().to_owned(),
                database: config.database(),
            });
        }
        let time = Arc::new(Timekeeper::start(clock, &config.data_dir));
        time.hear(verdict);
        let (queue, waiting) = mpsc::channel(config.sequencer.queue);
        let opening = Opening {
            place: place.clone(),
            config: config.clone(),
            policy,
            signer: Arc::clone(&signer),
            mark,
            time: Arc::clone(&time),
            today: match beginning {
                Beginning::AfterPause(today) => Some(today),
                Beginning::GoOn | Beginning::Found => None,
            },
        };
        let started = start_sequencer(opening, waiting).await?;
        time.note();
        let log_key = signer.public().clone();
        let size = started.published.checkpoint().0.size;
        require_newest(config.log.asked()?, &log_key, size).await?;
        let readers = place.readers(config.database.readers).await;
        let readers = readers.map_err(Into::into)?;
        let archive = Archive::new(readers);
        let (stop, stopping) = watch::channel(false);
        let intake = Arc::new(Intake {
            origin: log_key.origin().clone(),
            published: started.published,
            lookups: Lookups::start(archive.clone()),
            notes: Notes::new(archive.clone()),
            archive,
            pool: start_pool(&config)?,
            keys: Keys::new(),
            queue,
            signer,
            time: Arc::clone(&time),
            writing: started.writing,
            door: Arc::new(Semaphore::new(config.sequencer.queue)),
            parties: Arc::new(Semaphore::new(config.sequencer.queue.div_ceil(2))),
            people: Arc::new(Semaphore::new(config.sequencer.queue.div_ceil(2))),
            verifications: Arc::new(Semaphore::new(config.verification.queue)),
            stopping,
        });
        let serving = Serving {
            place,
            stop: stop.clone(),
            ended: started.ended,
            lock,
            time,
            tiles,
        };
        let server = tokio::spawn(serving.run(config, listener, intake, log_key.clone()));
        Ok(Self {
            address,
            tiles: tiles_address,
            log_key,
            stop,
            server,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves the log's tiles, if it does.
    pub fn tiles_address(&self) -> Option<SocketAddr> {
        self.tiles
    }

    /// The key that verifies its checkpoints.
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// Waits until it stops by itself, which only happens after a failure.
    ///
    /// # Errors
    /// Why it failed.
    pub fn failed(&mut self) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move {
            (&mut self.server)
                .await
                .unwrap_or_else(|e| Err(StartError::Server(e.to_string())))
        })
    }

    /// Stops gracefully: calls in flight finish, the queue is drained, the database is closed.
    ///
    /// # Errors
    /// What went wrong while it ran or stopped. Acknowledged entries are durable nevertheless.
    pub fn shutdown(self) -> BoxFuture<'static, Result<(), StartError>> {
        Box::pin(async move {
            let mut this = self;

            this.stop.send_replace(true);
            this.failed().await
        })
    }
}

/// Makes sure that entries can be stored, before anything is served: a coordinator that cannot
/// write would refuse the first entry.
async fn require_writable<P: Place>(place: &P) -> Result<(), StartError> {
    if let Some(store) = place.open().await.map_err(Into::into)? {
        let ended = store.end().await;
        ended.map_err(<P::Storage as StorageReader>::explain)?;
    }
    Ok(())
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    (listener.local_addr())
        .map_err(|error| StartError::Server(format!("the socket has no address: {error}")))
}

/// The servers while they run: what they need until their orderly end.
struct Serving<P> {
    place: P,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), SequencerError>>,
    lock: LockedFile,
    time: Arc<Timekeeper>,
    tiles: Option<TcpListener>,
}

impl<P: Place> Serving<P> {
    async fn run(
        mut self,
        config: Config,
        listener: TcpListener,
        intake: Arc<Intake>,
        log_key: LogKey,
    ) -> Result<(), StartError> {
        let security = config.security()?;
        let cosigning = self.cosign(&config, &intake, &log_key)?;
        let server = server(&config, &intake, log_key).secured(&security);
        let health = server.health();
        // Health does not know a service by name if nothing was ever reported for it.
        health.set(true).await;
        let mut stopping = self.stop.subscribe();
        let served = server.serve(listener, async move {
            // An error means that the handle is gone: stop as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
        tokio::pin!(served);
        let tiles = self.serve_tiles(&config, &intake);
        let needs = Needs::of(&config, &intake);
        let watch = tokio::spawn(watch(
            Arc::clone(&self.time),
            needs,
            health.clone(),
            (config.clock.clone(), security),
        ));

        let mut stopped = self.stop.subscribe();
        let mut early_end = None;
        let mut damage = None;
        let mut counting = tokio::spawn(completeness::check(intake.archive.clone()));
        let counted = async {
            (&mut counting).await.unwrap_or_else(|error| {
                // Then nothing is known to be damaged.
                tracing::error!(%error, "the check for missing leaves and notes ended");
                Ok(())
            })
        };
        let result = tokio::select! {
            served = &mut served => Some(served),
            ended = &mut self.ended => {
                early_end = Some(ended);
                None
            }
            _ = stopped.wait_for(|stop| *stop) => None,
            Err(found) = counted => {
                tracing::error!(error = %found, "the stored log is damaged");
                damage = Some(found);
                None
            }
        };
        counting.abort();
        // Nothing reports "serving" again after this.
        watch.abort();
        let _ = watch.await;
        self.time.note();
        health.set(false).await;
        intake.close();
        self.stop.send_replace(true);
        // This ends within the stop timeout, and then no call holds the intake.
        let result = match result {
            Some(result) => result,
            None => served.await,
        };
        // They read the store, which is closed below.
        for task in [tiles, cosigning].into_iter().flatten() {
            let _ = task.await;
        }
        let archive = intake.archive.clone();
        // Dropping the last handle of the intake joins the pool's threads, and its end of the
        // queue tells the sequencer to finish.
        let drained = tokio::task::spawn_blocking(move || drop(intake));
        let _ = drained.await;
        let ended = match early_end {
            Some(ended) => Some(ended),
            None => tokio::time::timeout(config.server.stop_timeout, self.ended)
                .await
                .ok(),
        };
        archive.close().await;
        // However it ended, the place is complete for anybody who copies it.
        let settled = self.place.settle().await.map_err(Into::into);
        drop(self.lock);
        let end = match (ended, result) {
            (None, _) => Err(StartError::Server("the queue was not drained".into())),
            (Some(Ok(Ok(()))), Err(error)) => Err(StartError::Server(error.to_string())),
            (Some(Ok(Ok(()))), Ok(())) => Ok(()),
            (Some(Ok(Err(error))), _) => {
                tracing::error!(%error, "the sequencer failed");
                Err(StartError::Server(error.to_string()))
            }
            (Some(Err(_)), _) => Err(StartError::Server("the sequencer's thread panicked".into())),
        };
        let end = damage.map_or(end, Err);
        match (end, settled) {
            (Ok(()), Err(error)) => Err(error),
            (Err(end), Err(error)) => {
                tracing::error!(%error, "the database's file alone is not complete");
                Err(end)
            }
            (end, Ok(())) => end,
        }
    }
}

impl<P> Serving<P> {
    /// Asks the witnesses, if there are any, until the stop.
    fn cosign(
        &self,
        config: &Config,
        intake: &Intake,
        key: &LogKey,
    ) -> Result<Option<JoinHandle<()>>, StartError> {
        let Some(policy) = config.log.policy()? else {
            return Ok(None);
        };
        let cosigning = Cosigning {
            archive: intake.archive.clone(),
            published: Arc::clone(&intake.published),
            key: key.clone(),
            policy,
            witnesses: (config.log.asked()?.into_iter())
                .map(|(address, keys)| Witness::new(address, keys))
                .collect(),
        };
        Ok(Some(tokio::spawn(cosigning.run(self.stop.subscribe()))))
    }

    /// Serves the log's tiles until the stop.
    fn serve_tiles(&mut self, config: &Config, intake: &Intake) -> Option<JoinHandle<()>> {
        let listener = self.tiles.take()?;
        let site = Tiles {
            archive: intake.archive.clone(),
            published: Arc::clone(&intake.published),
        };
        let server = HttpServer::new(&config.server, site);
        let mut stopping = self.stop.subscribe();
        Some(tokio::spawn(async move {
            let stop = async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            };
            if let Err(error) = server.serve(listener, stop).await {
                tracing::error!(%error, "the log's tiles are not served");
            }
        }))
    }
}

/// Updates health, asks the peers for their clocks, and records the time.
async fn watch(
    time: Arc<Timekeeper>,
    needs: Needs,
    health: Health,
    (config, security): (ClockConfig, Security),
) {
    let asking = async {
        if config.peers.is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(config.ask_every).await;
            time.hear(clock_peers::ask(&config, &security, time.clock()).await);
        }
    };
    let noting = async {
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            // It waits for a disk.
            let time = Arc::clone(&time);
            let _ = tokio::task::spawn_blocking(move || time.note()).await;
        }
    };
    let confirming = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            time.confirm();
        }
    };
    let following = health.follow(LOOK_EVERY, || needs.look());
    tokio::select! {
        () = noting => {}
        () = asking => {}
        () = confirming => {}
        never = following => match never {},
    }
}

fn server(config: &Config, intake: &Arc<Intake>, log_key: LogKey) -> Server {
    let registry = RegistryService {
        published: Arc::clone(&intake.published),
        log_key,
    };
    let notes = NotesService {
        published: Arc::clone(&intake.published),
        time: Arc::clone(&intake.time),
        notes: intake.notes.clone(),
        roots: SharedRoots::default(),
    };
    let ledger = LedgerServer::new(LedgerService(Arc::clone(intake)));
    let server = Server::new(&config.server)
        .service(
            ledger.max_decoding_message_size(LEDGER_REQUEST_MESSAGE),
            services::ledger::WEIGHTS,
        )
        .service(
            BlobsServer::new(BlobsService(Arc::clone(intake)))
                .max_decoding_message_size(BLOBS_REQUEST_MESSAGE),
            services::blobs::WEIGHTS,
        )
        .service(
            CosignaturesServer::new(CosignaturesService {
                intake: Arc::clone(intake),
                asks: !config.log.witnesses.is_empty(),
            })
            .max_decoding_message_size(COSIGNATURES_REQUEST_MESSAGE),
            services::cosignatures::WEIGHTS,
        )
        .service(
            RegistryServer::new(registry).max_decoding_message_size(REGISTRY_REQUEST_MESSAGE),
            services::registry::WEIGHTS,
        )
        .service(notes, services::notes::WEIGHTS);
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
        linger: config.verification.linger,
        // Each permit has at most one job in the pool: one of an unknown submitter, and one after
        // that.
        queue: 2 * config.sequencer.queue + 1 + config.verification.queue,
        parties_percent: config.verification.parties_percent,
    };
    VerifyPool::start(limits).map_err(|source| StartError::File {
        action: "start the verification threads of",
        path: config.data_dir.clone(),
        source: merits_guard::explain::starting_thread(source),
    })
}
