//! `merits.notes.v1.Notes`.
//!
//! A bucket has two megabytes and is sent while it is read from the store. The generated server
//! builds a whole message first, so this is a hand-written server.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use merits_primitives::note_tree::BUCKET;
use merits_proto::{
    Fault, fields,
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
    notes::{CHUNK, NOTE_BYTES, Notes, NotesError, SharedRoots},
    published::Published,
    timekeeper::Timekeeper,
};

/// The memory of calls: a chunk of a bucket that is read, and one that is sent.
pub(crate) const WEIGHTS: Weights = Weights::of_all(8 * 1_024 + 3 * CHUNK as usize * NOTE_BYTES);

/// Serves the note tree, in buckets.
#[derive(Clone, Debug)]
pub(crate) struct NotesService {
    pub(crate) published: Arc<Published>,
    pub(crate) notes: Notes,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) roots: SharedRoots,
}

impl NotesService {
    /// A `GetBucketsResponse`.
    async fn get_buckets(&self) -> Result<Message, Fault> {
        let anchor = {
            let view = self.published.read();
            let time = self.time.now_or(view.state.time());
            view.state.anchor(time)
        };
        let Some(anchor) = anchor else {
            return Message::of(0, futures::stream::empty());
        };
        let answer = self.roots.of(anchor, &self.notes).await;
        let answer = answer.map_err(|error| {
            tracing::error!(%error, "the roots of the notes cannot be made");
            Fault::internal()
        })?;
        Message::of(answer.len(), futures::stream::iter([Ok(answer)]))
    }

    /// A `GetBucketResponse`.
    fn get_bucket(&self, index: u32) -> Result<Message, Fault> {
        let count = self.published.read().state.note_count();
        let first = u64::from(index) * BUCKET;
        let notes = first..count.min(first + BUCKET);
        if notes.is_empty() {
            return Err(Fault::not_found(
                fields::INDEX,
                "there is no note in this bucket",
            ));
        }
        // At most 2^16.
        let length = (notes.end - notes.start) as usize * NOTE_BYTES;
        Message::of(length, self.notes.encoded(notes))
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (head, body) = request.into_parts();
        let method = head
            .uri
            .path()
            .strip_prefix("/merits.notes.v1.Notes/")
            .unwrap_or_default();
        let message = match method {
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
            .body(Body::new(message))
            .map_err(|_| Fault::internal().into())
    }
}

/// The message of a request with exactly one.
async fn message<M>(body: Body) -> Result<M, Status>
where
    M: prost::Message + Default + Send + 'static,
{
    let decoder = ProstCodec::<M, M>::default().decoder();
    let mut messages = Streaming::new_request(decoder, body, None, Some(NOTES_REQUEST_MESSAGE));
    let message = messages.message().await?;
    // Read it to its end, as for every call with one request.
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

/// An answer of one message, in pieces that are produced while they are sent.
struct Message {
    pieces: BoxStream<'static, Result<Bytes, Status>>,
    is_over: bool,
}

impl Message {
    /// A message of this many bytes, which must be the total of the pieces.
    fn of(
        length: usize,
        pieces: impl Stream<Item = Result<Bytes, NotesError>> + Send + 'static,
    ) -> Result<Self, Fault> {
        // gRPC's header: the compression flag and the length.
        let mut header = BytesMut::with_capacity(5);
        header.put_u8(0);
        header.put_u32(u32::try_from(length).map_err(|_| Fault::internal())?);
        let header = futures::stream::iter([Ok(header.freeze())]);
        let pieces = pieces.map_err(|error| {
            tracing::error!(%error, "the stored notes cannot be read");
            Status::from(Fault::internal())
        });
        Ok(Self {
            pieces: header.chain(pieces).boxed(),
            is_over: false,
        })
    }
}

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match ready!(self.pieces.as_mut().poll_next(context)) {
            Some(Ok(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
            Some(Err(status)) => {
                self.is_over = true;
                return Poll::Ready(Some(Err(status)));
            }
            None => self.is_over = true,
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
