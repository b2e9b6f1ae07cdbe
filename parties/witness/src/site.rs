//! C2SP tlog-witness over HTTP: `POST /add-checkpoint`, and `GET /<origin hash>/checkpoint` for
//! monitors.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use merits_guard::output::{self, Readers};
use merits_primitives::calendar::Timestamp;
use merits_proto::{
    limits::ADD_CHECKPOINT_BYTES,
    witness::{ADD_CHECKPOINT, AddCheckpoint, SIZE_TYPE, monitoring_path},
};
use merits_serve::site::{Body, BodyError, Site, read_body, text};
use merits_verifier::log::Evidence;

use crate::{
    cosigner::{Cosigner, Refused},
    validating::Validator,
};

/// How long a checkpoint waits for its validation. The log asks again for the next one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request and its parts; a note and its copies.
const BYTES: usize = 3 * ADD_CHECKPOINT_BYTES;

/// A witness's two resources. Clones share the witness.
#[derive(Clone)]
pub struct WitnessSite {
    cosigner: Arc<Mutex<Cosigner>>,
    validator: Option<Arc<Validator>>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    monitoring: Arc<str>,
    evidence: Arc<PathBuf>,
}

impl fmt::Debug for WitnessSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WitnessSite")
    }
}

impl WitnessSite {
    /// The resources of a witness. `clock` gives the time of its cosignatures.
    pub fn new(
        cosigner: Cosigner,
        validator: Option<Validator>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let path = format!("/{}", monitoring_path(cosigner.log().origin().as_str()));
        let mut evidence = cosigner.state().path().as_os_str().to_owned();
        evidence.push("-evidence.txt");
        Self {
            cosigner: Arc::new(Mutex::new(cosigner)),
            validator: validator.map(Arc::new),
            clock: Arc::new(clock),
            monitoring: path.into(),
            evidence: Arc::new(evidence.into()),
        }
    }

    fn cosigner(&self) -> MutexGuard<'_, Cosigner> {
        // A panic leaves the state as it is on disk or newer than in memory, never the other way.
        self.cosigner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn add_checkpoint(&self, body: Body) -> Response<Body> {
        let body = match read_body(body, ADD_CHECKPOINT_BYTES).await {
            Ok(body) => body,
            Err(error @ BodyError::TooLong { .. }) => {
                return text(StatusCode::PAYLOAD_TOO_LARGE, format!("{error}\n"));
            }
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        let request = match AddCheckpoint::parse(&body) {
            Ok(request) => request,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        let checked = self.cosigner().check(&request);
        let checkpoint = match checked {
            Ok(checkpoint) => checkpoint,
            Err(refused) => return self.refusal(refused).await,
        };
        let valid = match &self.validator {
            None => false,
            Some(validator) => match validator.holds(&checkpoint, PATIENCE).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%error, size = checkpoint.size, "no validating cosignature");
                    false
                }
            },
        };
        // Another request may have come first, so everything is checked again. It waits for a disk.
        let site = self.clone();
        let added = tokio::task::spawn_blocking(move || {
            let now = (site.clock)();
            site.cosigner().add(&request, valid, now)
        });
        match added.await {
            Ok(Ok(lines)) => text(StatusCode::OK, lines),
            Ok(Err(refused)) => self.refusal(refused).await,
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed\n"),
        }
    }

    async fn refusal(&self, refused: Refused) -> Response<Body> {
        let status = match &refused {
            Refused::UnknownLog(_) => StatusCode::NOT_FOUND,
            Refused::NotSigned(_) => StatusCode::FORBIDDEN,
            Refused::Backwards { .. } => StatusCode::BAD_REQUEST,
            Refused::OtherSize { .. } => StatusCode::CONFLICT,
            Refused::Inconsistent { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Refused::State(error) => {
                tracing::error!(%error, "nothing is cosigned");
                // Paths of this machine are nobody else's business.
                let said = "the witness cannot write its state\n";
                return text(StatusCode::INTERNAL_SERVER_ERROR, said);
            }
        };
        let mut response = text(status, format!("{refused}\n"));
        if status == StatusCode::CONFLICT {
            let kind = HeaderValue::from_static(SIZE_TYPE);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        if let Refused::Inconsistent {
            evidence: Some(evidence),
        } = refused
        {
            self.keep(*evidence).await;
        }
        response
    }

    /// Keeps the first evidence against the log in a file, for good.
    async fn keep(&self, evidence: Evidence) {
        let path = Arc::clone(&self.evidence);
        let kept = tokio::task::spawn_blocking(move || {
            if path.exists() {
                return Ok(());
            }
            let evidence = evidence.to_string();
            output::replace_own(&path, Readers::Owner, |out| {
                std::io::Write::write_all(out, evidence.as_bytes())
            })
        });
        match kept.await {
            Ok(Ok(())) => tracing::error!(
                evidence = %self.evidence.display(),
                "THE LOG SIGNED TWO HISTORIES: show the evidence to the supervisors and the other parties (`merits verify evidence`)"
            ),
            Ok(Err(error)) => {
                tracing::error!(%error, "THE LOG SIGNED TWO HISTORIES, and the evidence could not be written")
            }
            Err(_) => {}
        }
    }

    async fn newest(&self) -> Response<Body> {
        let now = (self.clock)();
        let shown = self.cosigner().shown(now);
        match shown {
            Ok(Some(signed)) => text(StatusCode::OK, signed.to_string()),
            Ok(None) => text(StatusCode::NOT_FOUND, "nothing was cosigned so far\n"),
            Err(refused) => self.refusal(refused).await,
        }
    }
}

impl Site for WitnessSite {
    fn weight(&self, _: &str) -> usize {
        BYTES
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let site = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path();
            let adds = path.strip_prefix('/') == Some(ADD_CHECKPOINT);
            match parts.method {
                Method::POST if adds => site.add_checkpoint(body).await,
                Method::GET | Method::HEAD if path == &*site.monitoring => site.newest().await,
                _ if adds || path == &*site.monitoring => {
                    text(StatusCode::METHOD_NOT_ALLOWED, "not with this method\n")
                }
                _ => text(StatusCode::NOT_FOUND, "there is no such resource\n"),
            }
        }
        .boxed()
    }
}
