//! `merits.notes.v1.Notes`.
//!
//! Its answers are the largest, and the same for everybody, so they are bytes that all who ask share.
//! The generated server makes a message and its bytes anew for each, so this is a server of its own.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use merits_proto::{
    Fault,
    limits::NOTES_REQUEST_MESSAGE,
    notes::{GetBucketRequest, GetBucketsRequest, notes_server},
};
use merits_serve::Weights;
use tonic::{
    Status, Streaming,
    body::Body,
    codec::Codec as _,
    codegen::{BoxFuture, Service},
    server::NamedService,
};
use tonic_prost::ProstCodec;

use crate::{
    notes::{BUCKET_CHUNKS, BucketRoots, CHUNK, LEAF_BYTES},
    published::Published,
    timekeeper::Timekeeper,
};

/// What calls hold: the pieces of a bucket, and a copy of the last one; all else is everybody's.
pub(crate) const WEIGHTS: Weights =
    Weights::of_all(8 * 1_024 + BUCKET_CHUNKS * size_of::<Bytes>() + CHUNK * LEAF_BYTES);

/// Serves the note tree, in buckets.
#[derive(Clone, Debug)]
pub(crate) struct NotesService {
    pub(crate) published: Arc<Published>,
    pub(crate) time: Arc<Timekeeper>,
    /// Held while roots are made: whoever asks meanwhile waits for them instead of making them again.
    pub(crate) roots: Arc<Mutex<BucketRoots>>,
}

impl NotesService {
    /// A `GetBucketsResponse`.
    async fn get_buckets(&self) -> Result<Vec<Bytes>, Fault> {
        let anchor = {
            let view = self.published.read();
            let time = self.time.now_or(view.state.time());
            view.state.anchor(time)
        };
        let Some(anchor) = anchor else {
            return Ok(Vec::new());
        };
        let (roots, published) = (Arc::clone(&self.roots), Arc::clone(&self.published));
        let size = anchor.size;
        let make = move || -> Option<Bytes> {
            // A root is pushed whole or not at all.
            let mut roots = roots.lock().unwrap_or_else(PoisonError::into_inner);
            roots.of(&anchor, |index| published.read().notes.bucket(index))
        };
        let answer = tokio::task::spawn_blocking(make)
            .await
            .map_err(|_| Fault::internal())?;
        let answer = answer.ok_or_else(|| {
            tracing::error!(size, "the kept notes are not the state's");
            Fault::internal()
        })?;
        Ok(vec![answer])
    }

    /// A `GetBucketResponse`.
    fn get_bucket(&self, index: u32) -> Result<Vec<Bytes>, Fault> {
        let index = usize::try_from(index).ok();
        let pieces = index.and_then(|index| self.published.read().notes.bucket(index));
        pieces.ok_or_else(|| Fault::not_found("index", "there is no note in this bucket"))
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (head, body) = request.into_parts();
        let method = head
            .uri
            .path()
            .strip_prefix("/merits.notes.v1.Notes/")
            .unwrap_or_default();
        let pieces = match method {
            "GetBuckets" => {
                let _: GetBucketsRequest = message(body).await?;
                self.get_buckets().await?
            }
            "GetBucket" => {
                let request: GetBucketRequest = message(body).await?;
                self.get_bucket(request.index)?
            }
            _ => return Err(Status::unimplemented("")),
        };
        Response::builder()
            .header(http::header::CONTENT_TYPE, "application/grpc")
            .body(Body::new(Pieces::of(pieces)?))
            .map_err(|_| Fault::internal().into())
    }
}

/// The message of a request that has one.
async fn message<M>(body: Body) -> Result<M, Status>
where
    M: prost::Message + Default + Send + 'static,
{
    let decoder = ProstCodec::<M, M>::default().decoder();
    let mut messages = Streaming::new_request(decoder, body, None, Some(NOTES_REQUEST_MESSAGE));
    let message = messages.message().await?;
    // To its end, as of every call with one request.
    messages.trailers().await?;
    message.ok_or_else(|| Status::internal("Missing request message."))
}

impl NamedService for NotesService {
    const NAME: &'static str = notes_server::SERVICE_NAME;
}

impl Service<Request<Body>> for NotesService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let answer = service.answer(request).await;
            Ok(answer.unwrap_or_else(|status| status.into_http()))
        })
    }
}

/// An answer of one message, in pieces.
struct Pieces {
    pieces: VecDeque<Bytes>,
    is_over: bool,
}

impl Pieces {
    fn of(message: Vec<Bytes>) -> Result<Self, Fault> {
        let length: usize = message.iter().map(Bytes::len).sum();
        // gRPC's header: not compressed, and how long.
        let mut header = BytesMut::with_capacity(5);
        header.put_u8(0);
        header.put_u32(u32::try_from(length).map_err(|_| Fault::internal())?);
        let mut pieces = VecDeque::from(message);
        pieces.push_front(header.freeze());
        let is_over = false;
        Ok(Self { pieces, is_over })
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if std::mem::replace(&mut self.is_over, true) {
            return Poll::Ready(None);
        }
        let status = http::HeaderName::from_static("grpc-status");
        let ok = http::HeaderValue::from_static("0");
        let trailers = HeaderMap::from_iter([(status, ok)]);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}
