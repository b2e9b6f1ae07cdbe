//! Serving: accepts connections, watches them, stops.

use std::{
    convert::Infallible,
    future::Future,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use merits_proto::limits::INFRASTRUCTURE_REQUEST_MESSAGE;
use merits_tls::{PlainText, Security, ServerTls};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, mpsc, watch},
};
use tonic::{body::Body, codegen::Service, server::NamedService, service::Routes};
use tonic_health::{
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use crate::{
    callers::Caller,
    connection::Connection,
    dialect::Dialect,
    driving::{Tasks, drive},
    health::Health,
    limits::{Limits, LimitsError},
    shared::{HEALTH, Phase, REFLECTION, Room, Shared, TICK},
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
    /// Plain text where it may not be, or TLS without a certificate.
    #[error("{0}")]
    PlainText(#[from] PlainText),
}

/// In words. No source, which would follow on the screen.
impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        Self::Socket(merits_guard::explain::reading(error))
    }
}

/// A server that is being configured.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    security: Security,
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
            security: Security::default(),
            routes: Routes::new(health),
            weights: Vec::new(),
            health: Health::new(reporter),
        }
    }

    /// Serves as `security` says. Without it a server speaks plain text, on this machine only.
    #[must_use]
    pub fn secured(mut self, security: &Security) -> Self {
        self.security = security.clone();
        self
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
        let tls = self.security.serving(listener.local_addr()?)?;
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
            tls,
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
    pub(crate) tls: Option<ServerTls>,
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
        tls,
        limits,
        dialect,
        weights,
        health,
    } = service;
    limits.check()?;
    // Ends when every task of every connection has dropped its sender.
    let (alive, mut ended) = mpsc::channel(1);
    let (end, _) = watch::channel(Phase::Serving);
    let shared = Arc::new(Shared::new(tls, limits, weights, end.subscribe()));
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
    let in_time = tokio::time::timeout(shared.limits.stop_timeout, ended.recv()).await;
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
            (stream, address.ip()),
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
