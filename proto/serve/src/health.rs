//! Health that depends on what a service needs.

use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tonic_health::{ServingStatus, server::HealthReporter};

/// The health of one server: of all its services, and of the whole (`""`).
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    names: Arc<Mutex<Vec<&'static str>>>,
    serving: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Health {
    pub(crate) fn new(reporter: HealthReporter) -> Self {
        Self {
            reporter,
            names: Arc::new(Mutex::new(vec![""])),
            serving: Arc::new(AtomicBool::new(true)),
            ended: Arc::default(),
        }
    }

    pub(crate) fn has(&self, name: &'static str) {
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name);
    }

    /// Whether it serves, as last reported.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// The server stops: from now on it does not serve, whatever the checks of the services report.
    pub(crate) async fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.set(false).await;
    }

    /// Tells callers whether the services can work.
    pub async fn set(&self, serving: bool) {
        let serving = serving && !self.ended.load(Ordering::SeqCst);
        self.serving.store(serving, Ordering::Relaxed);
        let names = self
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in names {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Checks periodically, at the interval `every`, whether the services have what they need, and
    /// reports it. It never ends by itself. A check that takes longer than `every` plus [`LOOK`]
    /// counts as a no.
    pub async fn follow<F, E>(&self, every: Duration, mut look: impl FnMut() -> F) -> Infallible
    where
        F: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        loop {
            let found = match tokio::time::timeout(every + LOOK, look()).await {
                Ok(found) => found.map_err(|error| error.to_string()),
                Err(_) => Err("no answer came in time".to_owned()),
            };
            match (found, self.is_serving()) {
                (Ok(()), false) => {
                    tracing::info!("serving again: this service has what it needs");
                    self.set(true).await;
                }
                (Err(error), true) => {
                    tracing::error!(%error, "not serving: this service lacks what it needs");
                    self.set(false).await;
                }
                (Ok(()), true) | (Err(_), false) => {}
            }
            tokio::time::sleep(every).await;
        }
    }
}

/// How long a check may take beyond its interval.
pub const LOOK: Duration = Duration::from_secs(10);
