//! How every gRPC server of MERITS serves.
//!
//! Whoever reaches a server's port may be anybody. This crate bounds what anybody can take: one set
//! of [`Limits`] for connections, calls, requests a second, memory and time; a stop that ends within
//! its time whatever the peers do; [`Health`] that follows what the services need; and a
//! [`logging`] that nobody can make grow at will.
//!
//! In scope: the transport from the listening socket to the call, and back to the last byte of the
//! answer. Out of scope: what a call means, who may ask it, and how much computing it is worth;
//! servers bound that themselves, with [`InWork`] for items of streams.
//!
//! Memory is counted before it is used: a call begins only when there is room for all that it may
//! hold ([`Weights`]), and gives it back when the peer has taken the last byte and no work on it goes
//! on ([`Memory`]). A peer that does not read holds what it has, and nothing more, until it is cut.
//!
//! Who holds much is asked to move first. Each call is judged by the bytes that move on it, so that no
//! other call speaks for it; who holds something may never hold more than is left; and one address's
//! own bounds press nobody else.

mod activity;
mod bound;
mod call;
mod callers;
mod connection;
mod descriptors;
mod health;
mod in_work;
mod limits;
mod listening;
pub mod logging;
mod paced;
mod pressure;
mod room;
mod server;
mod weights;

pub use health::{Health, LOOK};
pub use in_work::{InWork, ItemMemory, ItemPlace};
pub use limits::{Limits, LimitsError};
pub use listening::{ListenError, listen};
pub use paced::{Paced, SPACING};
pub use room::Memory;
pub use server::{ServeError, Server};
pub use weights::Weights;
