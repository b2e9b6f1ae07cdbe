//! How every server of MERITS serves: gRPC ([`Server`]), and plain HTTP/1.1 for readers of a log
//! and for witnesses ([`HttpServer`]), under the same limits.
//!
//! Anybody may reach a server's port. This crate bounds what a caller can use:
//!
//! - one set of [`Limits`] for connections, calls, requests per second, memory and time;
//! - a stop that ends in time, whatever the peers do;
//! - [`Health`] that depends on what the services need;
//! - [`logging`] that callers cannot make grow at will.
//!
//! With TLS, services learn who is at the other end of a call's connection ([`peer`]). Whether that
//! may call is theirs to decide.
//!
//! In scope: the transport from the listening socket to the call, and back to the last byte of the
//! answer. Out of scope: the meaning of a call, who may make it, and how much computing it may
//! cost. Servers bound that themselves, with [`InWork`] for items of streams.
//!
//! Memory is counted before it is used. A call begins only when there is room for everything that it may hold
//! ([`Weights`]). It releases the room when the peer has received the last byte and all work on the call has
//! ended ([`Memory`]). A peer that does not read keeps what it holds, and gets nothing more, until it is cut.
//!
//! The callers that hold most must move first. Each call is judged by the bytes that move on it, so
//! other calls do not count for it. A caller that holds something may never hold more than is left.
//! The bounds of one address do not affect other addresses.

mod bound;
mod call;
mod callers;
mod connection;
mod descriptors;
mod dialect;
mod driving;
mod health;
mod http_server;
mod in_work;
mod limits;
mod listening;
pub mod logging;
mod paced;
mod pressure;
mod room;
mod secured;
mod server;
pub mod settings;
mod shared;
pub mod site;
mod stream;
mod weights;

pub use health::{Health, LOOK};
pub use http_server::HttpServer;
pub use in_work::{InWork, ItemMemory, ItemPlace};
pub use limits::{Limits, LimitsError};
pub use listening::{ListenError, listen};
pub use merits_tls::{Peer, PeerFault, Security};
pub use paced::{Paced, SPACING};
pub use room::Memory;
pub use server::{ServeError, Server};
pub use site::Site;
pub use weights::Weights;

/// Who is at the other end of a call's connection. A request that did not come through a
/// [`Server`], as in a test of a service, is nobody's.
pub fn peer<T>(request: &tonic::Request<T>) -> Peer {
    let peer = request.extensions().get::<Peer>();
    peer.cloned().unwrap_or(Peer::Stranger)
}
