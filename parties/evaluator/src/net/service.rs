//! The evaluator's gRPC service.

use std::{
    fmt,
    future::Future,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use merits_ledger::State;
use merits_party::{
    ledger::{LedgerFault, LedgerPort},
    machine_time,
};
use merits_primitives::ids::EntryId;
use merits_proto::{
    EvaluationAnswer, EvaluationRequest, Fault, FieldPath, fields,
    limits::UNIQUENESS_MESSAGE,
    uniqueness::{
        EvaluateRequest, EvaluateResponse,
        uniqueness_server::{Uniqueness, UniquenessServer},
    },
};
use merits_replica::ClientError;
use merits_serve::{Limits, Paced, Peer, PeerFault, Security, ServeError, Server, Weights, peer};
use merits_verifier::Reason;
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status};

use crate::{
    acts::Evaluator,
    judge::{Refused, Verdict, judge},
    key::{EvaluatorKey, check_element},
};

/// Gives the evaluator's share of the present key, if it has one: after a dealing it is another one.
pub type Renew = Arc<dyn Fn(&State) -> Option<EvaluatorKey> + Send + Sync>;

/// The service of an evaluator over its copy of the log.
#[derive(Debug)]
pub struct UniquenessService<L> {
    evaluator: Evaluator,
    share: Arc<Share>,
    ledger: L,
    /// Anybody may ask, so synchronisations are shared and spaced.
    paced: Paced<LedgerFault>,
    /// Numbers run without a gap, so evaluations are counted one at a time.
    turn: tokio::sync::Mutex<()>,
}

/// The share that the evaluator answers with.
struct Share {
    present: RwLock<Arc<EvaluatorKey>>,
    renew: Option<Renew>,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}

impl Share {
    /// The share for this state. A server goes on when shares were dealt anew.
    fn of(&self, evaluator: &Evaluator, state: &State) -> Arc<EvaluatorKey> {
        let present = Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner));
        let record = state.people().tag_key();
        let expected = record.and_then(|record| record.key.share_of(&evaluator.party()));
        if expected.is_none_or(|expected| expected == present.public()) {
            return present;
        }
        match self.renew.as_ref().and_then(|renew| renew(state)) {
            Some(renewed) => {
                let renewed = Arc::new(renewed);
                let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
                *present = Arc::clone(&renewed);
                renewed
            }
            None => present,
        }
    }
}

/// What a request gets, and with which share.
struct Judged {
    verdict: Verdict,
    key: Arc<EvaluatorKey>,
    generation: u32,
}

impl<L: LedgerPort> UniquenessService<L> {
    /// An evaluator with its keys and its own copy of the log.
    pub fn new(evaluator: Evaluator, key: EvaluatorKey, ledger: L) -> Self {
        Self::over(evaluator, key, None, ledger)
    }

    /// The same, which takes its next share by `renew` when shares were dealt anew.
    pub fn renewing(evaluator: Evaluator, key: EvaluatorKey, renew: Renew, ledger: L) -> Self {
        Self::over(evaluator, key, Some(renew), ledger)
    }

    fn over(evaluator: Evaluator, key: EvaluatorKey, renew: Option<Renew>, ledger: L) -> Self {
        let present = RwLock::new(Arc::new(key));
        Self {
            evaluator,
            share: Arc::new(Share { present, renew }),
            ledger,
            paced: Paced::new(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Counts first, then answers. If this process ends in between, the registrar asks again and is
    /// answered for the existing entry.
    async fn answer(
        &self,
        request: EvaluationRequest,
        peer: &Peer,
    ) -> Result<EvaluationAnswer, Fault> {
        peer.is_known()?;
        check_element(&request.blinded)
            .map_err(|error| Fault::malformed(fields::BLINDED_ELEMENT, error.to_string()))?;
        // Before doing anything for a caller, check whether a registrar signed the request. If the
        // evaluator's copy says no, it may be behind, so it is brought up to date for all such
        // callers together.
        match self.judge_now(&request, peer).await? {
            Ok(_) => self.paced.sync(self.ledger.sync()).await,
            // Refusals that a newer copy could not change.
            Err(denied @ Denied::Request(Refused::OtherLog { .. })) => return Err(denied.into()),
            Err(_) => self.paced.sync_for_strangers(self.ledger.sync()).await,
        }
        .map_err(|fault| ledger_fault(&fault))?;
        // Unknown callers are refused, and known elements answered, without waiting for a turn.
        let judged = self.judge_now(&request, peer).await??;
        let entry = match judged.verdict {
            Verdict::Counted(entry) => entry,
            Verdict::New { .. } => self.count(&request, peer).await?,
        };
        let evaluation = judged
            .key
            .evaluate(&request.blinded)
            .map_err(|error| Fault::malformed(fields::BLINDED_ELEMENT, error.to_string()))?;
        tracing::info!(registrar = %request.registrar, %entry, "answered an evaluation");
        Ok(EvaluationAnswer {
            evaluated: evaluation.element,
            proof: evaluation.proof,
            entry,
            party: self.evaluator.party(),
            generation: judged.generation,
        })
    }

    async fn count(&self, request: &EvaluationRequest, peer: &Peer) -> Result<EntryId, Fault> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let (number, digest) = match self.judge(request, peer).await?.verdict {
                // The same request came twice, and the other one had its turn first.
                Verdict::Counted(entry) => return Ok(entry),
                Verdict::New { number, request } => (number, request),
            };
            let entry = self.evaluator.count(request.registrar, number, digest);
            match self.ledger.submit(&entry).await {
                Ok(_) => return Ok(entry.id()),
                // Another process of this evaluator took the number.
                Err(fault)
                    if refusal(&fault)
                        .is_some_and(|told| told.reason == Reason::EvaluationNumber) => {}
                Err(fault) => return Err(ledger_fault(&fault)),
            }
        }
        Err(Fault::busy(RETRY_AFTER))
    }

    /// After following the log to its present end.
    async fn judge(&self, request: &EvaluationRequest, peer: &Peer) -> Result<Judged, Fault> {
        let synced = self.paced.sync(self.ledger.sync()).await;
        synced.map_err(|fault| ledger_fault(&fault))?;
        Ok(self.judge_now(request, peer).await??)
    }

    /// Decides by the present copy. The outer error is that of the copy.
    async fn judge_now(
        &self,
        request: &EvaluationRequest,
        peer: &Peer,
    ) -> Result<Result<Judged, Denied>, Fault> {
        let (request, peer) = (request.clone(), peer.clone());
        let (evaluator, share) = (self.evaluator.clone(), Arc::clone(&self.share));
        let judged = self
            .ledger
            .look(move |replica| {
                let state = replica.state().map_err(|error| copy_unusable(&error))?;
                let now = machine_time();
                let key = share.of(&evaluator, state);
                let own = (evaluator.party(), key.public());
                let verdict = judge(own, state, &request, now);
                let verdict = verdict.map_err(|error| copy_unusable(&error))?;
                Ok(verdict.map_err(Denied::Request).and_then(|verdict| {
                    // Its certificate holds by its key and standing now.
                    let registrar = state.parties().active(&request.registrar);
                    let keys: Vec<_> = registrar.map_err(Refused::Registrar)?.keys(now).collect();
                    peer.is(state.origin(), &request.registrar, &keys, now)?;
                    let record = state.people().tag_key();
                    Ok(Judged {
                        verdict,
                        key,
                        generation: record.map_or(0, |record| record.generation),
                    })
                }))
            })
            .await;
        judged.map_err(|fault| ledger_fault(&fault))?
    }
}

#[tonic::async_trait]
impl<L: LedgerPort> Uniqueness for UniquenessService<L> {
    async fn evaluate(
        &self,
        request: Request<EvaluateRequest>,
    ) -> Result<Response<EvaluateResponse>, Status> {
        let peer = peer(&request);
        let request = EvaluationRequest::try_from(request.into_inner())?;
        let registrar = request.registrar;
        let answer = self
            .answer(request, &peer)
            .await
            .inspect_err(|fault| tracing::warn!(%registrar, reason = %fault.reason, "refused"))?;
        Ok(Response::new(answer.into()))
    }
}

/// The memory of calls: a request and an answer, twice.
const WEIGHTS: Weights = Weights::of_all(8 * UNIQUENESS_MESSAGE);

/// How often the evaluator checks whether its log can be followed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Serves an evaluator on `listener` until `stop` resolves, then finishes the calls in flight. It
/// is healthy while its log can be followed.
///
/// # Errors
/// [`ServeError`].
pub async fn serve<L: LedgerPort>(
    service: UniquenessService<L>,
    listener: TcpListener,
    limits: &Limits,
    security: &Security,
    stop: impl Future<Output = ()> + Send,
) -> Result<SocketAddr, ServeError> {
    let address = listener.local_addr()?;
    let service = Arc::new(service);
    let uniqueness = UniquenessServer::from_arc(Arc::clone(&service))
        .max_decoding_message_size(UNIQUENESS_MESSAGE)
        .max_encoding_message_size(UNIQUENESS_MESSAGE);
    let server = Server::new(limits)
        .secured(security)
        .service(uniqueness, WEIGHTS);
    let health = server.health();
    tracing::info!(%address, "serving Uniqueness");
    tokio::select! {
        served = server.serve(listener, stop) => served?,
        never = health.follow(LOOK_EVERY, || service.paced.sync(service.ledger.sync())) => match never {},
    }
    Ok(address)
}

/// Why a caller gets no evaluation.
#[derive(Debug)]
enum Denied {
    /// The request.
    Request(Refused),
    /// The connection is not the registrar's.
    Connection(PeerFault),
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        Self::Request(refused)
    }
}

impl From<PeerFault> for Denied {
    fn from(fault: PeerFault) -> Self {
        Self::Connection(fault)
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Request(refused) => fault(&refused),
            Denied::Connection(fault) => fault.into(),
        }
    }
}
fn fault(refused: &Refused) -> Fault {
    let code = match refused {
        Refused::OtherLog { .. } => Code::InvalidArgument,
        Refused::Registrar(_) => Code::PermissionDenied,
        Refused::Signature(_) => Code::Unauthenticated,
        Refused::NotOpened => Code::FailedPrecondition,
    };
    Fault::new(code, refused.code(), refused.field(), refused.to_string())
}

/// The ledger's refusal of an entry, if the fault is one. Retrying gives the same.
fn refusal(fault: &LedgerFault) -> Option<&Fault> {
    let LedgerFault::Client(error) = fault else {
        return None;
    };
    match &**error {
        ClientError::Refused { fault, .. } if !fault.may_retry() => Some(fault),
        _ => None,
    }
}

fn ledger_fault(fault: &LedgerFault) -> Fault {
    if let Some(refused) = refusal(fault) {
        tracing::error!(%fault, "an evaluation could not be counted, so it is not answered");
        let message = &refused.message;
        return Fault::new(
            Code::FailedPrecondition,
            refused.reason.clone(),
            FieldPath::NONE,
            format!("the evaluation could not be counted, so it is not answered: {message}"),
        );
    }
    match fault {
        LedgerFault::Client(_) => later("the log accepts no entry of the evaluator now", fault),
        _ => copy_unusable(fault),
    }
}

/// The evaluator's own copy cannot be brought up to date or read.
fn copy_unusable(why: &dyn std::fmt::Display) -> Fault {
    later(
        "the evaluator's copy of the log cannot be brought up to date now",
        why,
    )
}

/// The same call may succeed later. Paths of the evaluator's files are only for its operator.
fn later(message: &str, why: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%why, "{message}");
    let mut answer = Fault::new(
        Code::Unavailable,
        Reason::Busy,
        FieldPath::NONE,
        format!("{message}; ask again later. Its operator finds the cause in its log"),
    );
    answer.retry_after = Some(RETRY_AFTER);
    answer
}

/// How often a number is tried that another process of the same evaluator may take.
const ATTEMPTS: usize = 5;
/// A restarted coordinator is up again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: for a copy on a full disk, the error was "the log cannot be reached", with the
    /// copy's path.
    #[test]
    fn callers_learn_what_is_wrong_and_nothing_of_files() {
        const CAUSE: &str = "/srv/evaluator/copy.sqlite: the disk is full";
        let mut busy = Fault::new(Code::Unavailable, Reason::Busy, FieldPath::NONE, CAUSE);
        busy.retry_after = Some(RETRY_AFTER);
        let client = LedgerFault::from(ClientError::Refused {
            fault: Box::new(busy),
            notice: None,
            note: None,
        });
        assert!(client.to_string().contains("disk is full"), "{client}");
        for (answer, says) in [
            (copy_unusable(&CAUSE), "copy of the log"),
            (
                ledger_fault(&LedgerFault::ReadingStopped),
                "copy of the log",
            ),
            (ledger_fault(&client), "accepts no entry"),
        ] {
            assert!(answer.may_retry() && answer.message.contains(says));
            assert!(!answer.message.contains("/srv"), "{answer}");
        }
    }
}
