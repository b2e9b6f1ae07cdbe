//! One call: whether it may begin, what it holds, and how long it may take.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use merits_proto::{Fault, FieldPath, Reason};
use tonic::{Code, Status, body::Body};

use crate::{
    connection::{Activity, Connection},
    dialect::Dialect,
    in_work::Source,
    room::{self, Memory},
    shared::Shared,
    weights::{UNIT, Wanted},
};

/// Answers a request, or returns why it cannot.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    dialect: Dialect,
    request: Request<Incoming>,
) -> Response<Answer> {
    let call = Activity::begin(&connection);
    let caller = &connection.place.0;
    let admitted = match caller.begin(Instant::now()) {
        Ok(()) => room::admit(&shared, &connection, wanted(&shared, &dialect, &request)).await,
        Err(wait) => Err(too_fast(wait)),
    };
    match admitted {
        Ok(memory) => {
            let source = Source {
                shared,
                connection,
                call,
            };
            serve(source, memory, dialect, request).await
        }
        Err(fault) => {
            tracing::debug!(reason = %fault.reason, "a call is refused");
            let cuts = dialect.is_http();
            dialect.refusal(fault).map(|body| Answer {
                body,
                open: None,
                ended: None,
                cuts,
            })
        }
    }
}

/// The resources that a call needs, and its headers.
fn wanted(shared: &Shared, dialect: &Dialect, request: &Request<Incoming>) -> Wanted {
    let path = request.uri().path();
    match dialect.wanted(path).unwrap_or_else(|| shared.wanted(path)) {
        Wanted::Units(units) => {
            let headers = request.headers().iter();
            let bytes: usize = headers
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum();
            let headers = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
            Wanted::Units(units.saturating_add(headers))
        }
        health => health,
    }
}

fn too_fast(wait: Duration) -> Fault {
    let message = "more calls than one address may begin in a second: send it again later, or more items in one stream";
    Fault {
        retry_after: Some(wait.max(Duration::from_millis(1))),
        ..Fault::new(
            Code::ResourceExhausted,
            Reason::TooFast,
            FieldPath::NONE,
            message,
        )
    }
}

/// Values that are released with the answer's last byte.
#[derive(Debug)]
struct Open {
    call: Arc<Activity>,
    #[expect(dead_code, reason = "held while the call is open")]
    memory: Memory,
}

async fn serve(
    source: Source,
    memory: Memory,
    mut dialect: Dialect,
    request: Request<Incoming>,
) -> Response<Answer> {
    let call = Arc::clone(&source.call);
    let cuts = dialect.is_http();
    let watching = !cuts && Shared::is_watching(request.uri().path());
    let stopping = watching.then(|| source.shared.stopping());
    let limit = source.shared.limits.request_timeout;
    let timeout = asked_timeout(request.headers()).map_or(limit, |asked| asked.min(limit));
    call.admit(!http_body::Body::is_end_stream(request.body()));
    let peer = source.connection.peer();
    let mut request = request.map(|body| {
        Body::new(Incomings {
            body,
            call: Arc::clone(&call),
        })
    });
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(memory.clone());
    request.extensions_mut().insert(source);
    let open = Arc::new(Open {
        call: Arc::clone(&call),
        memory,
    });
    let answered = tokio::select! {
        answered = tokio::time::timeout(timeout, dialect.answer(request)) => {
            answered.map_err(|_| Fault::timed_out())
        }
        () = Arc::clone(&call).is_ended() => Err(room::ended()),
    };
    let answered = answered.unwrap_or_else(|fault| dialect.refusal(fault));
    call.answered();
    let ended = async move {
        let stopped = async {
            match stopping {
                Some(stopping) => stopping.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = call.is_ended() => room::ended(),
            () = stopped => Fault::stopping(),
        }
    };
    answered.map(|body| Answer {
        body,
        open: Some(open),
        ended: Some(Box::pin(ended)),
        cuts,
    })
}

/// The caller's own limit: at most 8 digits and a unit.
fn asked_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// An incoming request.
struct Incomings {
    body: Incoming,
    call: Arc<Activity>,
}

impl http_body::Body for Incomings {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                self.call.read(frame.data_ref().map_or(0, Bytes::len));
                if self.body.is_end_stream() {
                    self.call.read_to_end();
                }
            }
            Poll::Ready(_) => self.call.read_to_end(),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Incomings {
    fn drop(&mut self) {
        // The service continues without the rest.
        self.call.read_to_end();
    }
}

/// An outgoing answer.
pub(crate) struct Answer {
    body: Body,
    /// `None` for a call that was refused.
    open: Option<Arc<Open>>,
    /// Why it must end before its service ends it.
    ended: Option<Ended>,
    /// Plain HTTP has no place for a reason after an answer has begun: its connection is cut, so
    /// that nobody takes a part for the whole.
    cuts: bool,
}

type Ended = Pin<Box<dyn Future<Output = Fault> + Send>>;

impl http_body::Body for Answer {
    type Data = Unread;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Unread>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_pending()
            && let Some(ended) = &mut self.ended
            && let Poll::Ready(fault) = ended.as_mut().poll(cx)
        {
            self.ended = None;
            // Release what the service still holds now, not after the peer has read the reason.
            self.body = Body::empty();
            return Poll::Ready(Some(if self.cuts {
                Err(fault.into())
            } else {
                Ok(Frame::trailers(trailers(fault)))
            }));
        }
        let open = self.open.clone();
        frame.map_ok(|frame| frame.map_data(|bytes| Unread::new(bytes, open)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends an answer early.
fn trailers(fault: Fault) -> HeaderMap {
    let (parts, ()) = Status::from(fault).into_http::<()>().into_parts();
    parts.headers
}

/// Bytes of an answer, counted until they are on their way to the peer: HTTP/2 advances them when
/// it writes them to the socket. The peer's windows decide when that is, and it may be long after
/// this call's body was dropped.
#[derive(Debug)]
pub(crate) struct Unread {
    bytes: Bytes,
    open: Option<Arc<Open>>,
}

impl Unread {
    fn new(bytes: Bytes, open: Option<Arc<Open>>) -> Self {
        if let Some(open) = &open {
            open.call.unread(bytes.len());
        }
        Self { bytes, open }
    }
}

impl Buf for Unread {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(open) = &self.open {
            open.call.taken(count);
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.call.forget(self.bytes.len());
        }
    }
}
