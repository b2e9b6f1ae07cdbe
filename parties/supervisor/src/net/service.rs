//! The holder's gRPC service.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use merits_ledger::entry::OpeningContent;
use merits_primitives::calendar::Timestamp;
use merits_proto::{
    Fault, PartialRequest, SealedPartial as WireSealed, TotalPartialRequest, fields,
    limits::{SUPERVISION_ANSWER_MESSAGE, SUPERVISION_REQUEST_MESSAGE},
    supervision::{
        RequestPartialRequest, RequestPartialResponse, RequestTotalPartialRequest,
        RequestTotalPartialResponse,
        supervision_server::{Supervision, SupervisionServer},
    },
};
use merits_serve::{Limits, Paced, Security, ServeError, Server, Weights, peer};
use merits_verifier::{FieldPath, Reason, possession::TotalsKey};
use thiserror::Error;
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status};

use crate::{
    holder::{Holder, OpeningAsk, Refused, TotalAsk, TotalPartial},
    journal::JournalError,
    totals::SetFault,
    view::LedgerView,
};

/// The holder's verified copy of the log.
pub trait Follow: Send + Sync + 'static {
    /// Follows the log to its present end, verifying all of it.
    fn sync(&self) -> impl Future<Output = Result<(), FollowError>> + Send;

    /// Runs `read` on the present copy. `read` may take milliseconds and must not run on an async
    /// worker's thread.
    fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn LedgerView) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, FollowError>> + Send;

    /// Both: `read` sees the copy at the log's present end.
    fn synced<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn LedgerView) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, FollowError>> + Send {
        async move {
            self.sync().await?;
            self.look(read).await
        }
    }
}

/// The copy cannot be brought up to date, so the holder does not answer.
#[derive(Debug, Clone, Error)]
#[error("this holder's copy of the log cannot be brought up to date: {0}")]
pub struct FollowError(pub String);

/// What a holder lacks in order to answer.
#[derive(Debug, Error)]
enum Missing {
    #[error(transparent)]
    Log(#[from] FollowError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("a look at the journal stopped unexpectedly, which is this program's fault")]
    Panicked,
}

/// The holder's clock.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970; deadlines then never pass, and the journal shows it.
        merits_replica::machine_time()
    }
}

/// The service of one holder.
#[derive(Debug)]
pub struct HolderService<F, C> {
    holder: Arc<Mutex<Holder>>,
    follow: F,
    /// Anybody may ask, so synchronisations are shared and spaced.
    paced: Paced<FollowError>,
    clock: C,
}

impl<F: Follow, C: Clock> HolderService<F, C> {
    /// A holder with its own copy of the log.
    pub fn new(holder: Holder, follow: F, clock: C) -> Self {
        Self {
            holder: Arc::new(Mutex::new(holder)),
            follow,
            paced: Paced::new(),
            clock,
        }
    }

    /// Computes one answer from the synchronised copy. Openings are few, so one lock orders them
    /// and the journal. `known` means that the caller's request was already found in the log: such
    /// a caller does not wait with unauthenticated ones.
    async fn answer<A: Send + 'static>(
        &self,
        known: bool,
        decide: impl FnOnce(&mut Holder, &dyn LedgerView, Timestamp) -> Result<A, Fault>
        + Send
        + 'static,
    ) -> Result<A, Fault> {
        let sync = self.follow.sync();
        if known {
            self.paced.sync(sync).await
        } else {
            self.paced.sync_for_strangers(sync).await
        }
        .map_err(|error| behind(&error))?;
        let now = self.clock.now();
        self.look(move |holder, view| decide(holder, view, now))
            .await?
    }

    /// Reads the present holder and copy.
    async fn look<A: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Holder, &dyn LedgerView) -> A + Send + 'static,
    ) -> Result<A, Fault> {
        let holder = Arc::clone(&self.holder);
        self.follow
            .look(move |view| look(&mut lock(&holder), view))
            .await
            .map_err(|error| behind(&error))
    }

    /// What the holder needs to answer: a journal that it can write, and its log.
    async fn needs(&self) -> Result<(), Missing> {
        let holder = Arc::clone(&self.holder);
        let ready = tokio::task::spawn_blocking(move || lock(&holder).ready());
        ready.await.map_err(|_| Missing::Panicked)??;
        Ok(self.paced.sync(self.follow.sync()).await?)
    }
}

fn lock(holder: &Mutex<Holder>) -> MutexGuard<'_, Holder> {
    // A panic inside an answer leaves no partial state, because the journal comes last.
    holder.lock().unwrap_or_else(PoisonError::into_inner)
}

fn behind(error: &FollowError) -> Fault {
    tracing::error!(%error, "a holder cannot follow its log");
    // Paths of its files are only for its operator.
    let message = "this holder's copy of the log cannot be brought up to date now; ask again later. Its operator \
                   finds the cause in its log";
    Fault {
        retry_after: Some(Duration::from_secs(2)),
        ..Fault::new(Code::Unavailable, Reason::Busy, FieldPath::NONE, message)
    }
}

#[tonic::async_trait]
impl<F: Follow, C: Clock> Supervision for HolderService<F, C> {
    async fn request_partial(
        &self,
        request: Request<RequestPartialRequest>,
    ) -> Result<Response<RequestPartialResponse>, Status> {
        let peer = peer(&request);
        peer.is_known().map_err(Fault::from)?;
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
        // Before doing anything for a caller, check whether its request is in the log. If the
        // holder's copy does not have it, the copy may be behind, so it is brought up to date for
        // all such callers together.
        let shown = ask.clone();
        let known = self
            .look(move |_, view| Holder::is_requester(view, &shown))
            .await?
            .map_err(|error| fault(&error.into()))?;
        let answer = self
            .answer(known, move |holder, view, now| {
                // Anybody may learn that a request is not in the log.
                let logged = view.request(&ask.request).map_err(|e| fault(&e.into()))?;
                if let Some(logged) = logged
                    && let Some(party) = view.party(&logged.requester)
                {
                    let keys: Vec<_> = party.keys(now).collect();
                    peer.is(view.origin(), &logged.requester, &keys, now)?;
                }
                holder
                    .answer_opening(view, &ask, now, &mut rand::rng())
                    .map_err(|refused| fault(&refused))
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
        let number = checked.number;
        let ask = TotalAsk {
            origin: checked.origin,
            key: TotalsKey {
                asset: checked.asset,
                period: checked.period,
                epoch: checked.epoch,
                output: checked.output,
            },
            number,
        };
        // Anybody may repeat a question and gets the stored answer.
        let again = ask.clone();
        let given = self.look(move |holder, _| holder.given_total(&again));
        if let Some(answer) = given.await? {
            return Ok(total_response(answer));
        }
        let answer = self
            .answer(false, move |holder, view, now| {
                holder
                    .answer_total(view, &ask, now, &mut rand::rng())
                    .map_err(|refused| fault(&refused))
            })
            .await
            .inspect_err(|fault| tracing::warn!(number, reason = %fault.reason, "refused"))?;
        tracing::info!(number, "answered a total");
        Ok(total_response(answer))
    }
}

fn total_response(answer: TotalPartial) -> Response<RequestTotalPartialResponse> {
    Response::new(RequestTotalPartialResponse {
        holder: answer.holder.0.to_vec(),
        partial: answer.partial.to_bytes().to_vec(),
        dleq: answer.proof.to_bytes().to_vec(),
    })
}

/// The memory of calls: a request, encoded and decoded, and an answer.
const WEIGHTS: Weights =
    Weights::of_all(3 * SUPERVISION_REQUEST_MESSAGE + 2 * SUPERVISION_ANSWER_MESSAGE);

/// How often a holder checks whether its log can be followed and its journal written.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Serves a holder on `listener` until `stop` resolves, then finishes the calls in flight. It is
/// healthy while its log can be followed and its journal written.
///
/// # Errors
/// [`ServeError`].
pub async fn serve<F: Follow, C: Clock>(
    service: HolderService<F, C>,
    listener: TcpListener,
    limits: &Limits,
    security: &Security,
    stop: impl Future<Output = ()> + Send,
) -> Result<SocketAddr, ServeError> {
    let address = listener.local_addr()?;
    let service = Arc::new(service);
    let supervision = SupervisionServer::from_arc(Arc::clone(&service))
        .max_decoding_message_size(SUPERVISION_REQUEST_MESSAGE)
        .max_encoding_message_size(SUPERVISION_ANSWER_MESSAGE);
    let server = Server::new(limits)
        .secured(security)
        .service(supervision, WEIGHTS);
    let health = server.health();
    tracing::info!(%address, "serving Supervision");
    tokio::select! {
        served = server.serve(listener, stop) => served?,
        never = health.follow(LOOK_EVERY, || service.needs()) => match never {},
    }
    Ok(address)
}

/// A refusal on the wire: its code and its field.
fn fault(refused: &Refused) -> Fault {
    let (code, field) = match refused {
        Refused::OtherLog { .. } => (Code::InvalidArgument, FieldPath::name(fields::ORIGIN)),
        Refused::RequestNotLogged(_) => (Code::NotFound, FieldPath::name(fields::REQUEST)),
        Refused::NoSuchBatch(_) | Refused::NoSuchRedemption(_) => {
            (Code::NotFound, FieldPath::name(fields::ENTRY))
        }
        Refused::NoSuchClaim { .. } => (Code::NotFound, FieldPath::name(fields::CLAIM)),
        Refused::Copy(error) | Refused::Set(SetFault::Copy(error)) => {
            tracing::error!(%error, "a holder cannot read its copy of the log");
            return Fault::internal();
        }
        Refused::Set(_) => (Code::FailedPrecondition, FieldPath::name(fields::NUMBER)),
        Refused::NotASupervisor(_) | Refused::Suspended(_) => {
            (Code::PermissionDenied, FieldPath::name(fields::REQUEST))
        }
        Refused::NotVouched { .. } => {
            tracing::warn!(%refused, "a holder's copy is not cosigned");
            return Fault {
                retry_after: Some(Duration::from_secs(2)),
                ..Fault::new(
                    Code::Unavailable,
                    refused.code(),
                    FieldPath::NONE,
                    refused.to_string(),
                )
            };
        }
        Refused::Journal(error) => {
            tracing::error!(%error, "a holder cannot use its journal");
            return Fault::cannot_write();
        }
        _ => (Code::FailedPrecondition, FieldPath::name(fields::REQUEST)),
    };
    Fault::new(code, refused.code(), field, refused.to_string())
}
