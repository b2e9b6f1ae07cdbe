//! The server of a [`Site`].

use std::{future::Future, sync::Arc};

use futures::future::BoxFuture;
use tokio::net::TcpListener;

use crate::{
    dialect::Dialect,
    limits::Limits,
    server::{self, ServeError, Served},
    site::Site,
};

/// A plain HTTP server that is being configured.
#[derive(Debug)]
pub struct HttpServer {
    limits: Limits,
    site: Arc<dyn Site>,
}

impl HttpServer {
    /// A server of a site. `limits` are checked when it serves.
    pub fn new(limits: &Limits, site: impl Site) -> Self {
        Self {
            limits: limits.clone(),
            site: Arc::new(site),
        }
    }

    /// Serves on `listener` until `stop` resolves, and ends as [`crate::Server::serve`] does.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub fn serve<'a>(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), ServeError>> {
        let service = Served {
            tls: None,
            limits: self.limits,
            dialect: Dialect::Http(self.site),
            weights: Vec::new(),
            health: None,
        };
        Box::pin(server::run(service, listener, Box::pin(stop)))
    }
}
