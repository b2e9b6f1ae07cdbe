//! What differs between gRPC and plain HTTP: who answers, and how a refusal of the server itself is
//! said.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode, header};
use merits_proto::{Fault, Reason};
use tonic::{Status, body::Body, codegen::Service as _, service::Routes};

use crate::{
    site::{self, Site},
    weights::{UNIT, Wanted},
};

/// The services of a server. Clones share them.
#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    Grpc(Routes),
    Http(Arc<dyn Site>),
}

/// Bytes that a peer has sent at least once it speaks: in HTTP/2 the preface and the header of the
/// SETTINGS frame that must follow it; in HTTP/1.1 anything, because hyper bounds the time of a
/// request's headers.
const HTTP2_PREFACE: u64 = 24 + 9;
const HTTP1_PREFACE: u64 = 1;

impl Dialect {
    pub(crate) async fn answer(&mut self, request: Request<Body>) -> Response<Body> {
        match self {
            Self::Grpc(routes) => match routes.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Self::Http(site) => site.answer(request).await,
        }
    }

    /// What a request holds, if its path alone decides it.
    pub(crate) fn wanted(&self, path: &str) -> Option<Wanted> {
        match self {
            Self::Grpc(_) => None,
            Self::Http(site) => {
                let units = site.weight(path).div_ceil(UNIT);
                Some(Wanted::Units(u32::try_from(units).unwrap_or(u32::MAX)))
            }
        }
    }

    pub(crate) fn is_http(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    pub(crate) fn preface(&self) -> u64 {
        if self.is_http() {
            HTTP1_PREFACE
        } else {
            HTTP2_PREFACE
        }
    }

    /// The answer to a call that the server refuses before its service sees it.
    pub(crate) fn refusal(&self, fault: Fault) -> Response<Body> {
        if !self.is_http() {
            let (parts, ()) = Status::from(fault).into_http::<()>().into_parts();
            return Response::from_parts(parts, Body::empty());
        }
        let status = if fault.reason == Reason::TooFast {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let mut response = site::text(status, format!("{}\n", fault.message));
        let seconds = fault.retry_after.unwrap_or(Duration::ZERO).as_secs() + 1;
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}
