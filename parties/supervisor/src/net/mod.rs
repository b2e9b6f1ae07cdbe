//! The network rim: the `Supervision` service that each holder serves, its client, and the
//! replica behind both.

mod client;
mod service;

pub use client::{HolderClient, HolderError};
pub use service::{Clock, Follow, FollowError, HolderService, ServeError, SystemClock, serve};
