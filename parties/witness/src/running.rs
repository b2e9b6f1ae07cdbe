//! A running witness.

use std::{future::Future, net::SocketAddr};

use futures::future::BoxFuture;
use merits_primitives::calendar::Timestamp;
use merits_serve::HttpServer;
use tokio::net::TcpListener;

use crate::{
    config::CosignerConfig, cosigner::Cosigner, error::RunError, site::WitnessSite, state::State,
    validating::Validator,
};

/// A witness that is about to serve.
#[derive(Debug)]
pub struct Running {
    config: CosignerConfig,
    listener: TcpListener,
    site: WitnessSite,
}

impl Running {
    /// Opens keys, state and copy, and listens. `clock` gives the time of cosignatures.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open(
        config: CosignerConfig,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<Self, RunError>> {
        Box::pin(async move {
            let log = config.log()?;
            let (signer, validating) = (config.signer()?, config.validating_signer()?);
            let state = State::open(&config.state, signer.public(), &log)?;
            let listener = merits_serve::listen(config.listen).await?;
            let validator = match &config.validating {
                None => None,
                Some(validating) => {
                    let ledger = validating.ledger.clone().of_a_server()?;
                    Some(Validator::start(ledger.follow().await?))
                }
            };
            let cosigner = Cosigner::new(log, signer, validating, state);
            let site = WitnessSite::new(cosigner, validator, clock);
            Ok(Self {
                config,
                listener,
                site,
            })
        })
    }

    /// Where it serves.
    ///
    /// # Errors
    /// [`RunError::Socket`].
    pub fn address(&self) -> Result<SocketAddr, RunError> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `stop`.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn serve<'a>(
        self,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), RunError>> {
        let server = HttpServer::new(&self.config.server, self.site);
        let serving = server.serve(self.listener, stop);
        Box::pin(async move { Ok(serving.await?) })
    }
}
