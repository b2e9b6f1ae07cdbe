//! Serving: accepts connections, watches them, stops.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use merits_proto::limits::INFRASTRUCTURE_REQUEST_MESSAGE;
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, mpsc, watch},
};
use tonic::{body::Body, codegen::Service, server::NamedService, service::Routes};
use tonic_health::{
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use crate::{
    call,
    callers::Caller,
    connection::{Connection, Counted, GOOD_BYE, Verdict, Watch},
    dialect::Dialect,
    health::Health,
    limits::{Limits, LimitsError},
    shared::{HEALTH, Phase, REFLECTION, Room, Shared},
    weights::{INFRASTRUCTURE, Weights},
};

/// Why a server ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listening socket.
    #[error("the socket that this server listens on failed: {0}. Start the server again")]
    Socket(io::Error),
    /// The reflection service.
    #[error("gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The configuration.
    #[error("in the configuration, {0}")]
    Limits(#[from] LimitsError),
}

/// In words. No source, which would follow on the screen.
impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        Self::Socket(merits_guard::words::reading(error))
    }
}

/// A server that is being configured.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    routes: Routes,
    weights: Vec<(&'static str, Weights)>,
    health: Health,
}

impl Server {
    /// A server with no service except health. `limits` are checked when it serves.
    pub fn new(limits: &Limits) -> Self {
        let reporter = HealthReporter::new();
        let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()))
            .max_decoding_message_size(INFRASTRUCTURE_REQUEST_MESSAGE);
        Self {
            limits: limits.clone(),
            routes: Routes::new(health),
            weights: Vec::new(),
            health: Health::new(reporter),
        }
    }

    /// Adds a service, and states what its calls may hold.
    #[must_use]
    pub fn service<S>(mut self, service: S, weights: Weights) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.weights.push((S::NAME, weights));
        self.health.has(S::NAME);
        self
    }

    /// The health that callers are told. Services count as healthy until reported otherwise.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves on `listener` until `stop` resolves. Then it accepts nothing new, lets calls in
    /// flight finish within the limits, and cuts the rest, whatever the peers do.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub fn serve<'a>(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), ServeError>> {
        Box::pin(self.serve_until(listener, Box::pin(stop)))
    }

    async fn serve_until(
        self,
        listener: TcpListener,
        stop: BoxFuture<'_, ()>,
    ) -> Result<(), ServeError> {
        self.limits.check()?;
        let mut names: Vec<_> = self.weights.iter().map(|(name, _)| *name).collect();
        names.push(HEALTH);
        names.sort_unstable();
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(merits_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            names
                .iter()
                .fold(builder, |builder, name| builder.with_service_name(*name))
        };
        let new = reflection()
            .build_v1()?
            .max_decoding_message_size(INFRASTRUCTURE_REQUEST_MESSAGE);
        // Current standard clients still ask for this version.
        let old = reflection()
            .build_v1alpha()?
            .max_decoding_message_size(INFRASTRUCTURE_REQUEST_MESSAGE);
        let routes = self.routes.add_service(new).add_service(old).prepare();
        let mut weights = self.weights;
        weights.extend(REFLECTION.map(|name| (name, INFRASTRUCTURE)));

        // Health does not know names for which nothing was reported.
        self.health.set(self.health.is_serving()).await;
        let service = Served {
            limits: self.limits,
            dialect: Dialect::Grpc(routes),
            weights,
            health: Some(self.health),
        };
        run(service, listener, stop).await
    }
}

/// What is served, whatever it speaks.
pub(crate) struct Served {
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) weights: Vec<(&'static str, Weights)>,
    pub(crate) health: Option<Health>,
}

/// Serves until `stop` resolves, and then ends in time.
pub(crate) async fn run(
    service: Served,
    listener: TcpListener,
    stop: BoxFuture<'_, ()>,
) -> Result<(), ServeError> {
    let Served {
        limits,
        dialect,
        weights,
        health,
    } = service;
    limits.check()?;
    // Ends when every task of every connection has dropped its sender.
    let (alive, mut ended) = mpsc::channel(1);
    let (end, _) = watch::channel(Phase::Serving);
    let shared = Arc::new(Shared::new(limits, weights, end.subscribe()));
    tokio::select! {
        () = stop => {}
        never = accept(&listener, &shared, &dialect, &alive) => match never {},
    }
    drop(listener);
    drop(alive);
    drop(dialect);
    if let Some(health) = health {
        health.end().await;
    }
    end.send_replace(Phase::Stopping);
    let in_time = tokio::time::timeout(shared.limits.stop_timeout(), ended.recv()).await;
    if in_time.is_err() {
        tracing::warn!("calls were still open at the stop timeout and are cut");
        end.send_replace(Phase::Cutting);
        // Now only work that never awaits can keep a task alive.
        let _ = tokio::time::timeout(CUT, ended.recv()).await;
    }
    Ok(())
}

/// How long tasks that were cut may take to end.
const CUT: Duration = Duration::from_secs(1);

/// How long a new connection waits for another one to become unused.
const LATER: Duration = Duration::from_secs(12);

/// Accepts connections. It never ends by itself.
async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    dialect: &Dialect,
    alive: &mpsc::Sender<Infallible>,
) -> Infallible {
    let mut failures = Failures::default();
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                failures.pause(&error).await;
                continue;
            }
        };
        failures.over();
        let Some(place) = shared.callers.place(address.ip()) else {
            tracing::warn!(address = %address.ip(), "an address has all the connections that it may have: one more is closed");
            continue;
        };
        let Some(permit) = permit(shared, &place.0).await else {
            tracing::warn!(address = %address.ip(), "all connections are taken: one more of an address that has others is closed");
            continue;
        };
        // Answers are small and awaited: send them without delay.
        let _ = stream.set_nodelay(true);
        let connection = Arc::new(Connection::new(place, &shared.limits, dialect.preface()));
        shared.remember(&connection);
        let task = drive(
            Arc::clone(shared),
            dialect.clone(),
            stream,
            connection,
            Tasks {
                phase: shared.phase.clone(),
                alive: alive.clone(),
            },
        );
        tokio::spawn(async move {
            tracing::debug!(%address, "a connection begins");
            task.await;
            drop(permit);
        });
    }
}

/// Takes room for a connection of `caller`, and makes room if there is none.
async fn permit(shared: &Shared, caller: &Arc<Caller>) -> Option<OwnedSemaphorePermit> {
    let begun = Instant::now();
    loop {
        if let Ok(permit) = shared.places.try_take(1) {
            return Some(permit);
        }
        match shared.make_room(caller) {
            Room::Soon => {}
            Room::Later if begun.elapsed() < LATER => {}
            Room::Later | Room::Never => return None,
        }
        // The semaphore is never closed.
        if let Ok(Ok(permit)) = tokio::time::timeout(TICK, shared.places.take(1)).await {
            return Some(permit);
        }
    }
}

/// Failed accepts, mostly because no file descriptor is left. A success now and then, when a
/// descriptor was free for a moment, does not end the failure. One line is logged when the failure
/// begins and one when it is over.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    last: Option<Instant>,
}

impl Failures {
    async fn pause(&mut self, error: &io::Error) {
        if self.count == 0 {
            let error = merits_proto::transport_words(error);
            tracing::error!(%error, "cannot accept connections; trying again until it works");
        }
        let pause = Duration::from_millis(50 << self.count.min(5));
        self.count += 1;
        self.last = Some(Instant::now());
        tokio::time::sleep(pause.min(Duration::from_secs(1))).await;
    }

    fn over(&mut self) {
        if self.last.is_none_or(|last| last.elapsed() < QUIET) {
            return;
        }
        tracing::warn!(failures = self.count, "connections are accepted again");
        *self = Self::default();
    }
}

/// The failure is over when no accept has failed for this long.
const QUIET: Duration = Duration::from_secs(2);

/// How often a connection is checked.
const TICK: Duration = Duration::from_millis(200);

/// Flow control of input: a connection may send this much before it is read. This buffer is not
/// part of the counted memory and exists once for each connection, so it is small: one entry.
const CONNECTION_WINDOW: u32 = 64 * 1_024;
const STREAM_WINDOW: u32 = 64 * 1_024;
/// Flow control of output: a stream produces nothing more while this much waits.
const SEND_BUFFER: usize = 64 * 1_024;
/// Request headers: a few metadata entries. They count as memory that the call holds.
const HEADER_BYTES: u32 = 16 * 1_024;
/// How often an idle connection is pinged, and how long its answer may take.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);

/// Serves one connection to its end.
async fn drive(
    shared: Arc<Shared>,
    dialect: Dialect,
    stream: TcpStream,
    connection: Arc<Connection>,
    tasks: Tasks,
) {
    let phase = tasks.phase.clone();
    let io = TokioIo::new(Counted {
        stream,
        connection: Arc::clone(&connection),
    });
    let is_http = dialect.is_http();
    let service = {
        let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
        service_fn(move |request| {
            let answer = call::answer(
                Arc::clone(&shared),
                Arc::clone(&connection),
                dialect.clone(),
                request,
            );
            async { Ok::<_, Infallible>(answer.await) }
        })
    };
    if is_http {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.limits.handshake_timeout())
            .max_buf_size(SEND_BUFFER)
            .serve_connection(io, service);
        let served = std::pin::pin!(served);
        attend(
            served,
            |c| c.graceful_shutdown(),
            &shared,
            &connection,
            phase,
        )
        .await;
        // Its call runs inside the connection's own future.
        drop(tasks);
    } else {
        let served = http2::Builder::new(tasks)
            .timer(TokioTimer::new())
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_concurrent_streams(shared.limits.streams_per_connection)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADER_BYTES)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .serve_connection(io, service);
        let served = std::pin::pin!(served);
        attend(
            served,
            |c| c.graceful_shutdown(),
            &shared,
            &connection,
            phase,
        )
        .await;
    }
}

/// Watches a connection while it is served, and ends it when it must end.
async fn attend<C: Future<Output = hyper::Result<()>>>(
    mut served: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    shared: &Shared,
    connection: &Connection,
    phase: watch::Receiver<Phase>,
) {
    let (mut stop, mut end) = (phase.clone(), phase);
    let mut watch = Watch::new();
    let mut stopping = None;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut served => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = connection.is_cut() => return,
            _ = stop.wait_for(|phase| *phase > Phase::Serving), if stopping.is_none() => {
                if !connection.is_greeted() {
                    return;
                }
                stopping = Some(Instant::now());
                shut_down(served.as_mut());
            }
            _ = end.wait_for(|phase| *phase == Phase::Cutting) => return,
            _ = tick.tick() => {
                let now = Instant::now();
                if stopping.is_some_and(|since| now.saturating_duration_since(since) >= GOOD_BYE)
                    && connection.calls() == 0
                {
                    return;
                }
                let pressed = shared.presses(connection, now);
                match watch.judge(connection, &shared.limits, pressed, now) {
                    Verdict::Keep => {}
                    Verdict::Close(why) => {
                        tracing::debug!(why, "a connection is closed");
                        shut_down(served.as_mut());
                    }
                    Verdict::Cut(why) => {
                        tracing::info!(why, "a connection is cut");
                        return;
                    }
                }
            }
        }
    }
}

/// Runs the calls of a connection, each until its end or the server's.
#[derive(Clone, Debug)]
struct Tasks {
    phase: watch::Receiver<Phase>,
    alive: mpsc::Sender<Infallible>,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                _ = tasks.phase.wait_for(|phase| *phase == Phase::Cutting) => {}
            }
            drop(tasks.alive);
        });
    }
}
