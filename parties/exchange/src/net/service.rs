//! The exchange's side of the wire.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use merits_proto::{
    Fault, OfferPage, RedemptionRequest, VoucherRequest,
    exchange::{
        GetVoucherRequest, GetVoucherResponse, ListOffersRequest, ListOffersResponse,
        RedeemRequest, RedeemResponse,
        exchange_server::{Exchange as ExchangeRpc, ExchangeServer},
    },
    limits::{EXCHANGE_ANSWER_MESSAGE, EXCHANGE_REQUEST_MESSAGE},
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, SemaphorePermit},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::{exchange::Exchange, ledger::LedgerPort};

/// Requests in work at once; more are told to come back. Each costs a proof's verification, which
/// waits for the same few cores.
const IN_WORK: usize = 512;

/// After which somebody who found the queue full should come back.
const RETRY: Duration = Duration::from_millis(500);

/// How often the exchange looks for redemptions without a voucher.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

struct Service<L> {
    exchange: Arc<Exchange<L>>,
    work: Semaphore,
}

impl<L> Service<L> {
    fn permit(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.work.try_acquire().map_err(|_| Fault::busy(RETRY))
    }
}

#[tonic::async_trait]
impl<L: LedgerPort> ExchangeRpc for Service<L> {
    async fn list_offers(
        &self,
        request: Request<ListOffersRequest>,
    ) -> Result<Response<ListOffersResponse>, Status> {
        let page = OfferPage::try_from(request.into_inner())?;
        let _permit = self.permit()?;
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
        let _permit = self.permit()?;
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
        let _permit = self.permit()?;
        let voucher = self.exchange.voucher(request).await?;
        Ok(Response::new(GetVoucherResponse {
            voucher: Some(voucher.into()),
        }))
    }
}

/// Why the service ended.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The listening socket.
    #[error("the listening socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The transport.
    #[error("the gRPC server: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The reflection service.
    #[error("gRPC reflection: {0}")]
    Reflection(String),
    /// The log or the store, before anything was served.
    #[error("the exchange cannot start: {0}")]
    Start(Box<Fault>),
}

/// Gives redemptions that a crash left without a voucher theirs, then serves on `listener` until
/// `stop` resolves and finishes the calls under way.
///
/// # Errors
/// [`ServeError`].
pub async fn serve<L: LedgerPort>(
    exchange: Arc<Exchange<L>>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<SocketAddr, ServeError> {
    let address = listener.local_addr()?;
    reconcile(&exchange)
        .await
        .map_err(|fault| ServeError::Start(Box::new(fault)))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ExchangeServer<Service<L>>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(merits_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.to_string()))?;
    let service = Service {
        exchange: Arc::clone(&exchange),
        work: Semaphore::new(IN_WORK),
    };
    let service = ExchangeServer::new(service)
        .max_decoding_message_size(EXCHANGE_REQUEST_MESSAGE)
        .max_encoding_message_size(EXCHANGE_ANSWER_MESSAGE);
    tracing::info!(%address, "serving Exchange");
    let served = Server::builder()
        .add_service(service)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop);
    tokio::select! {
        served = served => served?,
        () = keep_up(&exchange) => {}
    }
    Ok(address)
}

/// Follows the log for as long as the service runs; never ends by itself.
async fn keep_up<L: LedgerPort>(exchange: &Exchange<L>) {
    loop {
        tokio::time::sleep(RECONCILE_EVERY).await;
        if let Err(fault) = reconcile(exchange).await {
            tracing::warn!(%fault, "could not look for redemptions without a voucher; trying again");
        }
    }
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
