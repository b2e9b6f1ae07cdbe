//! One call: whether it may begin, what it holds, how long it may take.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use merits_proto::{Fault, reason};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status, body::Body, codegen::Service as _, service::Routes};

use crate::{
    connection::{Call, Connection, Reading},
    in_work::InWork,
    server::Shared,
};

/// A call that holds more units than this is large. Half of all memory is for the others, so that
/// streams and pages do not keep single entries out.
const LARGE: u32 = 256;

/// A call waits so long for room before it is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a caller who found no room should come back.
const RETRY: Duration = Duration::from_millis(500);

/// Answers a request, or says why not.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    routes: Routes,
    request: Request<Incoming>,
) -> Response<Body> {
    let call = connection.call();
    match admit(&shared, &connection, request.uri().path()).await {
        Ok((held, units)) => {
            let open = Arc::new(Open {
                call,
                held,
                connection,
            });
            serve(&shared, open, units, routes, request).await
        }
        Err(fault) => {
            tracing::debug!(reason = %fault.reason, "a call is not taken");
            refusal(fault.into())
        }
    }
}

/// Permits that a call holds until its answer is sent.
type Held = Vec<OwnedSemaphorePermit>;

async fn admit(shared: &Shared, connection: &Connection, path: &str) -> Result<(Held, u32), Fault> {
    let caller = &connection.place.0;
    caller.begin(Instant::now()).map_err(too_fast)?;
    let units = shared.units(path);
    let mut held = Vec::with_capacity(7);
    for calls in [&caller.calls, &shared.calls] {
        let permit = Arc::clone(calls).try_acquire_owned().map_err(|_| {
            shared.pressed.now();
            Fault::busy(RETRY)
        })?;
        held.push(permit);
    }
    let room = async {
        let mut held = Vec::with_capacity(5);
        let large = units > LARGE;
        for (memory, of_large_calls) in [
            (&connection.memory, false),
            (&caller.large, true),
            (&caller.memory, false),
            (&shared.large, true),
            (&shared.memory, false),
        ] {
            if large || !of_large_calls {
                held.push(room(shared, memory, units).await?);
            }
        }
        Ok::<_, AcquireError>(held)
    };
    match tokio::time::timeout(PATIENCE, room).await {
        Ok(Ok(more)) => held.extend(more),
        Ok(Err(_)) => return Err(Fault::stopping()),
        Err(_) => return Err(no_room()),
    }
    Ok((held, units))
}

async fn room(
    shared: &Shared,
    memory: &Arc<Semaphore>,
    units: u32,
) -> Result<OwnedSemaphorePermit, AcquireError> {
    if let Ok(permit) = Arc::clone(memory).try_acquire_many_owned(units) {
        return Ok(permit);
    }
    let _pressing = shared.pressed.while_held();
    Arc::clone(memory).acquire_many_owned(units).await
}

fn too_fast(wait: Duration) -> Fault {
    let message = "more calls than one address may begin in a second: send it again later, or more items in one stream";
    Fault {
        retry_after: Some(wait.max(Duration::from_millis(1))),
        ..Fault::new(Code::ResourceExhausted, reason::TOO_FAST, "", message)
    }
}

fn no_room() -> Fault {
    let message = "there is no room for one more call: earlier calls of this connection, of this address or of all together hold it; read their answers";
    Fault {
        retry_after: Some(RETRY),
        ..Fault::new(Code::ResourceExhausted, reason::BUSY, "", message)
    }
}

/// What ends with the answer's last byte.
struct Open {
    #[expect(dead_code, reason = "counts the call while it is open")]
    call: Call,
    #[expect(dead_code, reason = "holds room while the call is open")]
    held: Held,
    connection: Arc<Connection>,
}

async fn serve(
    shared: &Shared,
    open: Arc<Open>,
    units: u32,
    mut routes: Routes,
    request: Request<Incoming>,
) -> Response<Body> {
    let (in_service, reading) = open.connection.in_service();
    let stopping: Option<Stopping> =
        Shared::is_watching(request.uri().path()).then(|| Box::pin(shared.stopping()) as Stopping);
    let limit = shared.limits.request_timeout();
    let timeout = asked_timeout(request.headers()).map_or(limit, |asked| asked.min(limit));
    let mut request = request.map(|body| Body::new(Incomings { body, reading }));
    let items = Arc::clone(&open.connection.place.0.items);
    request.extensions_mut().insert(InWork::new(items, units));
    let answered = tokio::time::timeout(timeout, routes.call(request)).await;
    drop(in_service);
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => refusal(Status::deadline_exceeded(
            "the call took longer than this server, or the caller, allows",
        )),
    };
    response.map(|body| {
        Body::new(Answer {
            body,
            open,
            stopping,
        })
    })
}

fn refusal(status: Status) -> Response<Body> {
    let (parts, ()) = status.into_http::<()>().into_parts();
    Response::from_parts(parts, Body::empty())
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

/// A request as it comes in.
struct Incomings {
    body: Incoming,
    reading: Arc<Reading>,
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
            Poll::Ready(Some(Ok(_))) => {
                self.reading.touch();
                if self.body.is_end_stream() {
                    self.reading.end();
                }
            }
            Poll::Ready(_) => self.reading.end(),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let end = self.body.is_end_stream();
        if end {
            self.reading.end();
        }
        end
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer as it goes out.
struct Answer {
    body: Body,
    open: Arc<Open>,
    /// Of an answer that only ends when the server does.
    stopping: Option<Stopping>,
}

type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let open = Arc::clone(&self.open);
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Poll::Pending, Some(stopping)) = (&frame, &mut self.stopping)
            && stopping.as_mut().poll(cx).is_ready()
        {
            self.stopping = None;
            return Poll::Ready(Some(Ok(Frame::trailers(stopped()))));
        }
        frame.map_ok(|frame| frame.map_data(|bytes| unread(bytes, open)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What ends an answer that only watches.
fn stopped() -> HeaderMap {
    let (parts, ()) = Status::from(Fault::stopping())
        .into_http::<()>()
        .into_parts();
    parts.headers
}

/// Bytes of an answer, counted until the peer has taken them: HTTP/2 drops them when they are in
/// the socket's buffer, which is after this call's body is gone.
fn unread(bytes: Bytes, open: Arc<Open>) -> Bytes {
    open.connection.unread(bytes.len());
    Bytes::from_owner(Unread { bytes, open })
}

struct Unread {
    bytes: Bytes,
    open: Arc<Open>,
}

impl AsRef<[u8]> for Unread {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.open.connection.taken(self.bytes.len());
    }
}
