//! Connections for all clients: one set of timeouts, one error.

use std::time::Duration;

use thiserror::Error;
use tonic::transport::{Channel, Endpoint};

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
/// # Errors
/// [`Unreachable`]: no connection within 5 s, or `address` is not one such as
/// `http://127.0.0.1:7700`.
pub async fn connect(
    who: &'static str,
    address: &str,
    calls: Option<Duration>,
) -> Result<Channel, Unreachable> {
    let unreachable = |why: String| Unreachable {
        who,
        address: merits_text::shown::document(address),
        why,
    };
    // Connections have no TLS of their own.
    let is_http = |scheme: &str| scheme.eq_ignore_ascii_case("http://");
    if !address.get(..7).is_some_and(is_http) {
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
    let connected = endpoint.connect().await;
    connected.map_err(|error| unreachable(transport_words(&error)))
}

/// Advice for a text that is not an address.
const NO_ADDRESS: &str =
    "this is not a server address. Write one like http://127.0.0.1:7700, with its port";

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
        let connection = runtime.block_on(connect("coordinator", address, None));
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
            "https://127.0.0.1:7700",
            "http://",
            "http:// x",
        ] {
            let message = told(address);
            assert!(message.contains(NO_ADDRESS), "{message}");
        }
    }
}
