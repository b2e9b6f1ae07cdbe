//! The holder's side of the wire.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use merits_ledger::entry::OpeningContent;
use merits_proto::{
    Fault, PartialRequest, SealedPartial as WireSealed, TotalPartialRequest,
    limits::{SUPERVISION_ANSWER_MESSAGE, SUPERVISION_REQUEST_MESSAGE},
    reason,
    supervision::{
        RequestPartialRequest, RequestPartialResponse, RequestTotalPartialRequest,
        RequestTotalPartialResponse,
        supervision_server::{Supervision, SupervisionServer},
    },
};
use merits_verifier::possession::TotalsKey;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};

use crate::{
    holder::{Holder, OpeningAsk, Refused, TotalAsk},
    view::LedgerView,
};

/// The holder's verified copy of the log.
pub trait Follow: Send + Sync + 'static {
    /// Follows the log to its present end, verifying all of it, and lets `read` see the copy.
    /// `read` may take milliseconds and must not be run on an async worker's thread.
    fn synced<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn LedgerView) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, FollowError>> + Send;
}

/// The copy cannot be brought up to date, so the holder does not answer.
#[derive(Debug, Clone, Error)]
#[error("this holder's copy of the log cannot be brought up to date: {0}")]
pub struct FollowError(pub String);

/// Where a holder reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Unix milliseconds.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A clock before 1970 reads as 1970; deadlines then never pass, and the journal shows it.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The service of one holder.
#[derive(Debug)]
pub struct HolderService<F, C> {
    holder: Arc<Mutex<Holder>>,
    follow: F,
    clock: C,
}

impl<F: Follow, C: Clock> HolderService<F, C> {
    /// A holder behind its own copy of the log.
    pub fn new(holder: Holder, follow: F, clock: C) -> Self {
        Self {
            holder: Arc::new(Mutex::new(holder)),
            follow,
            clock,
        }
    }

    /// Runs one answer against the synchronised copy. Openings are few: one lock orders them,
    /// and with them the journal.
    async fn answer<A: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Holder, &dyn LedgerView, u64) -> Result<A, Refused> + Send + 'static,
    ) -> Result<A, Fault> {
        let (holder, now) = (Arc::clone(&self.holder), self.clock.now());
        self.follow
            .synced(move |view| {
                // A panic inside an answer leaves no half-made state: the journal comes last.
                let mut holder = holder.lock().unwrap_or_else(PoisonError::into_inner);
                decide(&mut holder, view, now)
            })
            .await
            .map_err(|error| {
                tracing::error!(%error, "a holder cannot follow its log");
                Fault::new(Code::Unavailable, reason::BUSY, "", error.to_string())
            })?
            .map_err(|refused| fault(&refused))
    }
}

#[tonic::async_trait]
impl<F: Follow, C: Clock> Supervision for HolderService<F, C> {
    async fn request_partial(
        &self,
        request: Request<RequestPartialRequest>,
    ) -> Result<Response<RequestPartialResponse>, Status> {
        let checked = PartialRequest::try_from(request.into_inner())?;
        let request = checked.request;
        let ask = OpeningAsk {
            origin: checked.origin,
            request,
            content: OpeningContent {
                entry: checked.entry,
                claim: checked.claim,
                basis: checked.basis,
                nonce: checked.nonce,
            },
        };
        let answer = self
            .answer(move |holder, view, now| {
                holder.answer_opening(view, &ask, now, &mut rand::rng())
            })
            .await
            .inspect_err(|fault| tracing::warn!(%request, reason = %fault.reason, "refused"))?;
        tracing::info!(%request, "answered an opening");
        let sealed = WireSealed {
            holder: answer.holder,
            encapsulated_key: answer.sealed.encapsulated,
            ciphertext: answer.sealed.ciphertext,
        };
        Ok(Response::new(sealed.into()))
    }

    async fn request_total_partial(
        &self,
        request: Request<RequestTotalPartialRequest>,
    ) -> Result<Response<RequestTotalPartialResponse>, Status> {
        let checked = TotalPartialRequest::try_from(request.into_inner())?;
        let batches = checked.entries.len();
        let ask = TotalAsk {
            origin: checked.origin,
            key: TotalsKey {
                asset: checked.asset,
                period: checked.period,
                epoch: checked.epoch,
                output: checked.output,
            },
            entries: checked.entries,
        };
        let answer = self
            .answer(move |holder, view, now| holder.answer_total(view, &ask, now, &mut rand::rng()))
            .await
            .inspect_err(|fault| tracing::warn!(batches, reason = %fault.reason, "refused"))?;
        tracing::info!(batches, "answered a total");
        Ok(Response::new(RequestTotalPartialResponse {
            holder: answer.holder.0.to_vec(),
            partial: answer.partial.to_bytes().to_vec(),
            dleq: answer.proof.to_bytes().to_vec(),
        }))
    }
}

/// Serves a holder on `listener` until `stop` resolves, then finishes the calls under way.
///
/// # Errors
/// What the transport says.
pub async fn serve<F: Follow, C: Clock>(
    service: HolderService<F, C>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<SocketAddr, ServeError> {
    let address = listener.local_addr()?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_serving::<SupervisionServer<HolderService<F, C>>>()
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(merits_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.to_string()))?;
    let supervision = SupervisionServer::new(service)
        .max_decoding_message_size(SUPERVISION_REQUEST_MESSAGE)
        .max_encoding_message_size(SUPERVISION_ANSWER_MESSAGE);
    tracing::info!(%address, "serving Supervision");
    Server::builder()
        .add_service(supervision)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop)
        .await?;
    Ok(address)
}

/// Why a holder's service ended.
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
}

/// A refusal on the wire: its code, and for an overlap the first entry that does not fit.
fn fault(refused: &Refused) -> Fault {
    let (code, field) = match refused {
        Refused::OtherLog { .. } => (Code::InvalidArgument, "origin".to_owned()),
        Refused::RequestNotLogged(_) => (Code::NotFound, "request".to_owned()),
        Refused::NoSuchBatch(_) => (Code::NotFound, "entry".to_owned()),
        Refused::NoSuchClaim { .. } => (Code::NotFound, "claim".to_owned()),
        Refused::Overlap { answered } => (Code::FailedPrecondition, format!("entries[{answered}]")),
        Refused::Set(_) => (Code::FailedPrecondition, "entries".to_owned()),
        Refused::NotASupervisor(_) | Refused::Suspended(_) => {
            (Code::PermissionDenied, "request".to_owned())
        }
        Refused::Journal(error) => {
            tracing::error!(%error, "a holder cannot write its journal");
            return Fault::internal();
        }
        _ => (Code::FailedPrecondition, "request".to_owned()),
    };
    Fault::new(code, refused.code(), field, refused.to_string())
}
