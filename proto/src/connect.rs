//! Connections for all clients: one set of timeouts, one error.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use merits_tls::{Expected, Security, rustls::pki_types::ServerName, words};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    codegen::{Service, http::Uri},
    transport::{Channel, Endpoint},
};

use crate::transport::transport_words;

/// A server could not be reached. Nothing was sent to it.
#[derive(Debug, Error)]
#[error("the {who} at {address} cannot be reached: {why}")]
pub struct Unreachable {
    /// The server, such as "coordinator".
    pub who: &'static str,
    /// The address that was tried.
    pub address: String,
    /// The reason, and what to do.
    why: String,
}

/// Opens a connection, which reconnects by itself later.
///
/// `who` names the server in errors. `calls` limits every call; `None` for servers that may work on
/// an answer for as long as they need. A server that was killed, stopped or cut off may leave the
/// connection open, so silent connections are pinged.
///
/// `security` says whether TLS is spoken, and where plain text may be. `expected` is who must be at
/// the other end of TLS, at every reconnection too.
///
/// # Errors
/// [`Unreachable`]: no connection within 5 s, `address` is not one such as
/// `https://ledger.example.org:7700`, or `security` refuses it or the server.
pub async fn connect(
    who: &'static str,
    address: &str,
    calls: Option<Duration>,
    security: &Security,
    expected: Expected,
) -> Result<Channel, Unreachable> {
    let unreachable = |why: String| Unreachable {
        who,
        address: merits_text::display::document(address),
        why,
    };
    let begins = |scheme: &str| {
        let start = address.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if !begins("http://") && !begins("https://") {
        return Err(unreachable(NO_ADDRESS.to_owned()));
    }
    let mut endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|_| unreachable(NO_ADDRESS.to_owned()))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    if let Some(timeout) = calls {
        endpoint = endpoint.timeout(timeout);
    }
    let uri = endpoint.uri();
    let tls = security
        .calling(uri.scheme_str(), uri.host())
        .map_err(|error| unreachable(error.to_string()))?;
    let connected = match tls {
        None => endpoint.connect().await,
        Some(tls) => {
            let config = tls.config(expected);
            let config = config.map_err(|error| unreachable(error.to_string()))?;
            let secured = Secured(TlsConnector::from(config));
            endpoint.connect_with_connector(secured).await
        }
    };
    connected.map_err(|error| unreachable(cause(&error)))
}

/// Advice for a text that is not an address.
const NO_ADDRESS: &str =
    "this is not a server address. Write one like http://127.0.0.1:7700, with its port";

/// Connects over TCP and makes the TLS handshake.
#[derive(Clone)]
struct Secured(TlsConnector);

/// What went wrong, in words.
#[derive(Debug, Error)]
#[error("{0}")]
struct Told(String);

impl Service<Uri> for Secured {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = Told;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Told>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Told>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.0.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(bare.to_owned())
                .map_err(|_| Told(format!("{bare:?} is no name of a host")))?;
            let port = uri.port_u16().unwrap_or(HTTPS_PORT);
            let stream = TcpStream::connect((bare, port)).await;
            let stream = stream.map_err(|error| Told(transport_words(&error)))?;
            // Answers are small and awaited.
            let _ = stream.set_nodelay(true);
            let shaken = connector.connect(name, stream).await;
            let stream = shaken.map_err(|error| Told(words(&error)))?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The port of an `https` address that names none.
const HTTPS_PORT: u16 = 443;

/// Why there is no connection: what this module says already, or else the transport in words.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    loop {
        if let Some(Told(words)) = inner.downcast_ref() {
            return merits_text::display::document(words);
        }
        match inner.source() {
            Some(source) => inner = source,
            None => return transport_words(error),
        }
    }
}

/// A server on the same continent answers a connection well within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before a ping asks whether the server is still there.
const PING_AFTER: Duration = Duration::from_secs(5);
/// How long a ping may stay unanswered, with allowance for a busy machine. After both times, calls
/// in flight on a dead connection fail and can be repeated.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(connect(
            "coordinator",
            address,
            None,
            &Security::default(),
            Expected::AnyServer,
        ));
        connection.unwrap_err().to_string()
    }

    /// Regression: "Connection refused (os error 111)", and "invalid uri character".
    #[test]
    fn a_server_that_is_not_there_and_a_bad_address_are_told_apart() {
        // A port that was just free, with no listener.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        assert_eq!(
            told(&address),
            format!(
                "the coordinator at {address} cannot be reached: nothing listens there: start the server, or \
                 correct the address or its port"
            )
        );
        for address in [
            "no address",
            "",
            "127.0.0.1:7700",
            "ftp://127.0.0.1:7700",
            "http://",
            "https://",
            "http:// x",
        ] {
            let message = told(address);
            assert!(message.contains(NO_ADDRESS), "{message}");
        }
    }

    #[test]
    fn plain_text_leaves_this_machine_on_purpose_only() {
        let message = told("http://192.0.2.1:7700");
        assert!(message.contains("insecure_plaintext"), "{message}");
        let message = told("https://127.0.0.1:7700");
        assert!(message.contains("no TLS is configured"), "{message}");
    }
}
