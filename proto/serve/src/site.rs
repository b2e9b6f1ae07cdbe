//! Plain HTTP/1.1 under the limits of every server, for readers and writers that speak no gRPC: a
//! log's tiles, a witness's `add-checkpoint`.
//!
//! Health, reflection and streams of items belong to gRPC and are not served here.

use std::{fmt, future::Future, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use thiserror::Error;
use tokio::net::TcpListener;
pub use tonic::body::Body;

use crate::{
    dialect::Dialect,
    limits::Limits,
    server::{self, ServeError, Served},
};

/// What a plain HTTP server answers.
pub trait Site: fmt::Debug + Send + Sync + 'static {
    /// Most bytes that a request for this path and its answer hold at a time. A long answer whose
    /// parts are made one after the other holds one part.
    fn weight(&self, path: &str) -> usize;

    /// Answers a request. The future is dropped when the peer goes away.
    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}

/// A plain HTTP server that is being configured.
#[derive(Debug)]
pub struct HttpServer {
    limits: Limits,
    site: Arc<dyn Site>,
}

impl HttpServer {
    /// A server of a site. `limits` are checked when it serves.
    pub fn new(limits: &Limits, site: impl Site) -> Self {
        Self {
            limits: limits.clone(),
            site: Arc::new(site),
        }
    }

    /// Serves on `listener` until `stop` resolves, and ends as [`crate::Server::serve`] does.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub fn serve<'a>(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), ServeError>> {
        let service = Served {
            limits: self.limits,
            dialect: Dialect::Http(self.site),
            weights: Vec::new(),
            health: None,
        };
        Box::pin(server::run(service, listener, Box::pin(stop)))
    }
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
