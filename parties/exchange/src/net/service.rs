//! The exchange's gRPC service.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use merits_party::ledger::LedgerPort;
use merits_proto::{
    Fault, OfferPage, RedemptionRequest, VoucherRequest,
    exchange::{
        GetVoucherRequest, GetVoucherResponse, ListOffersRequest, ListOffersResponse,
        RedeemRequest, RedeemResponse,
        exchange_server::{Exchange as ExchangeRpc, ExchangeServer},
    },
    limits::{EXCHANGE_ANSWER_MESSAGE, EXCHANGE_REQUEST_MESSAGE},
};
use merits_serve::{Limits, ServeError, Server, Weights};
use thiserror::Error;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use crate::exchange::Exchange;

/// The memory of calls: a request, and an answer while it is made and sent.
const WEIGHTS: Weights = Weights::of_all(2 * (EXCHANGE_REQUEST_MESSAGE + EXCHANGE_ANSWER_MESSAGE));

/// How often the exchange searches for redemptions without a voucher.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

struct Service<L> {
    exchange: Arc<Exchange<L>>,
}

#[tonic::async_trait]
impl<L: LedgerPort> ExchangeRpc for Service<L> {
    async fn list_offers(
        &self,
        request: Request<ListOffersRequest>,
    ) -> Result<Response<ListOffersResponse>, Status> {
        let page = OfferPage::try_from(request.into_inner())?;
        let offers = self.exchange.offers(page).await?;
        Ok(Response::new(ListOffersResponse {
            offers: offers.into_iter().map(Into::into).collect(),
        }))
    }

    async fn redeem(
        &self,
        request: Request<RedeemRequest>,
    ) -> Result<Response<RedeemResponse>, Status> {
        let request = RedemptionRequest::try_from(request.into_inner())?;
        let done = self
            .exchange
            .redeem(request)
            .await
            .inspect_err(|fault| tracing::info!(reason = %fault.reason, "refused"))?;
        tracing::info!(leaf = done.receipt.index, "redeemed");
        Ok(Response::new(RedeemResponse {
            receipt: done.receipt.to_string(),
            voucher: Some(done.voucher.into()),
        }))
    }

    async fn get_voucher(
        &self,
        request: Request<GetVoucherRequest>,
    ) -> Result<Response<GetVoucherResponse>, Status> {
        let request = VoucherRequest::try_from(request.into_inner())?;
        let voucher = self.exchange.voucher(request).await?;
        Ok(Response::new(GetVoucherResponse {
            voucher: Some(voucher.into()),
        }))
    }
}

/// Why the service ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServeError),
    /// The log or the store, before anything was served.
    #[error("the exchange cannot start: {0}")]
    Start(Box<Fault>),
}

/// Gives vouchers to redemptions that a crash left without one, then serves on `listener` until
/// `stop` resolves and finishes the calls in flight. It is healthy while its ledger and its store
/// can be reached.
///
/// # Errors
/// [`RunError`].
pub async fn serve<L: LedgerPort>(
    exchange: Arc<Exchange<L>>,
    listener: TcpListener,
    limits: &Limits,
    stop: impl Future<Output = ()> + Send,
) -> Result<SocketAddr, RunError> {
    let address = listener.local_addr().map_err(ServeError::from)?;
    reconcile(&exchange)
        .await
        .map_err(|fault| RunError::Start(Box::new(fault)))?;
    let service = Service {
        exchange: Arc::clone(&exchange),
    };
    let service = ExchangeServer::new(service)
        .max_decoding_message_size(EXCHANGE_REQUEST_MESSAGE)
        .max_encoding_message_size(EXCHANGE_ANSWER_MESSAGE);
    let server = Server::new(limits).service(service, WEIGHTS);
    let health = server.health();
    tracing::info!(%address, "serving Exchange");
    tokio::select! {
        served = server.serve(listener, stop) => served?,
        never = health.follow(RECONCILE_EVERY, || async {
            reconcile(&exchange).await?;
            exchange.ready().await
        }) => match never {},
    }
    Ok(address)
}

async fn reconcile<L: LedgerPort>(exchange: &Exchange<L>) -> Result<(), Fault> {
    let report = exchange.reconcile().await?;
    if report.assigned > 0 {
        tracing::info!(count = report.assigned, "gave redemptions their vouchers");
    }
    for redemption in &report.missing {
        tracing::error!(%redemption, "a redemption in the log has no voucher in stock");
    }
    Ok(())
}
