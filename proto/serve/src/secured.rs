//! The TLS handshake of a connection.
//!
//! A handshake runs in the connection's task, never in the loop that accepts, and within the time
//! that an HTTP/2 preface may take, so a silent peer holds no more over TLS than over plain text.
//! It takes one of the calls that its address may begin, because it costs computing.

use std::{net::IpAddr, sync::Arc, time::Instant};

use merits_tls::{Peer, ServerTls, words};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::{connection::Connection, limits::Limits, stream::Stream};

/// Most bytes that wait inside of TLS to be sent. They are no part of the counted memory.
const UNSENT: usize = 32 * 1_024;

/// Makes the handshake, if there is TLS, and learns who is at the other end. `None` if it failed,
/// which is logged.
pub(crate) async fn secure(
    tls: Option<&ServerTls>,
    stream: TcpStream,
    address: IpAddr,
    connection: &Arc<Connection>,
    limits: &Limits,
) -> Option<(Stream, Peer)> {
    let Some(tls) = tls else {
        return Some((Stream::Plain(stream), Peer::Plain));
    };
    if connection.place.0.begin(Instant::now()).is_err() {
        tracing::warn!(%address, "a TLS handshake is refused: its address begins more than it may in a second");
        return None;
    }
    let shake = TlsAcceptor::from(tls.config()).accept(stream);
    let left = limits
        .handshake_timeout
        .saturating_sub(connection.age_at(Instant::now()));
    match tokio::time::timeout(left, shake).await {
        Ok(Ok(mut stream)) => {
            stream.get_mut().1.set_buffer_limit(Some(UNSENT));
            let peer = tls.peer(stream.get_ref().1);
            Some((Stream::Tls(Box::new(stream)), peer))
        }
        Ok(Err(error)) => {
            let why = words(&error);
            tracing::warn!(%address, %why, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::warn!(%address, "a TLS handshake did not end in its time");
            None
        }
    }
}
