//! The socket that a server listens on, and advice for when it cannot.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use futures::future::BoxFuture;
use thiserror::Error;
use tokio::net::TcpListener;

/// A server cannot listen on its configured address.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {}", advice(error))]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// The system's error. It is not `#[source]`, because the text would be printed twice.
    pub error: io::Error,
}

/// Opens the socket of a server.
///
/// # Errors
/// [`ListenError`], which says what to change.
pub fn listen(address: SocketAddr) -> BoxFuture<'static, Result<TcpListener, ListenError>> {
    Box::pin(async move {
        TcpListener::bind(address)
            .await
            .map_err(|error| ListenError {
                address,
                error: merits_guard::explain::reading(error),
            })
    })
}

fn advice(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program has this port, perhaps this server, started twice. Stop it, or set another \
             port as `listen` in the configuration"
        }
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address. Set one that it has as `listen` in the configuration, or \
             0.0.0.0 for all of them"
        }
        ErrorKind::PermissionDenied => {
            "this user may not use this port. Set a port from 1024 on as `listen` in the configuration"
        }
        _ => {
            return format!(
                "{error}. Set an address that this machine has, with a free port, as `listen` in the configuration"
            );
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the error was only the system's text.
    #[tokio::test]
    async fn a_socket_that_cannot_be_had_says_what_to_change() {
        let first = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let first = first.expect("a free port");
        let taken = first.local_addr().expect("an address");
        // A documentation address, which no machine has.
        let nowhere = SocketAddr::from(([192, 0, 2, 1], 7_700));
        for (address, says) in [
            (taken, "another program has this port"),
            (nowhere, "no such address"),
        ] {
            let error = listen(address).await.expect_err("refused").to_string();
            assert!(
                error.contains(&address.to_string())
                    && error.contains(says)
                    && error.contains("`listen`")
                    && !error.contains("os error"),
                "{error}"
            );
        }
    }
}
