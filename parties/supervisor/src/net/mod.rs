//! The network rim: the `Supervision` service that each holder serves, its client, the replica
//! behind both, and a supervisor's procedures over all of them.

mod client;
mod follow;
mod service;
mod session;

pub use client::{HolderClient, HolderError};
pub use service::{Clock, Follow, FollowError, HolderService, ServeError, SystemClock, serve};
pub use session::{OpenedClaim, PublishedTotal, Session, SessionError};
