//! Plain HTTP/1.1 under the limits of every server, for readers and writers that speak no gRPC: a
//! log's tiles, a witness's `add-checkpoint`.
//!
//! It speaks no TLS: what it serves is public, and what its callers send and get is signed.
//!
//! Health, reflection and streams of items belong to gRPC and are not served here.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use thiserror::Error;
pub use tonic::body::Body;

/// What a plain HTTP server answers.
pub trait Site: fmt::Debug + Send + Sync + 'static {
    /// Most bytes that a request for this path and its answer hold at a time. A long answer whose
    /// parts are made one after the other holds one part.
    fn weight(&self, path: &str) -> usize;

    /// Answers a request. The future is dropped when the peer goes away.
    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}

/// A body that is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("the body has more than {most} bytes")]
    TooLong {
        /// Most bytes.
        most: usize,
    },
    /// The peer stopped sending it.
    #[error("the body ends early")]
    Broken,
}

/// Reads a request's body of at most `most` bytes.
///
/// # Errors
/// [`BodyError`].
pub fn read_body(body: Body, most: usize) -> BoxFuture<'static, Result<Bytes, BodyError>> {
    Box::pin(async move {
        match Limited::new(body, most).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(BodyError::TooLong { most })
            }
            Err(_) => Err(BodyError::Broken),
        }
    })
}

/// An answer of plain text, which no cache keeps.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
