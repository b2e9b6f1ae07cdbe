//! The networked part: the `Supervision` service that each holder serves, its client, the replica
//! behind both, and a supervisor's procedures over all of them ([`Supervisor`]).

mod adopting;
mod client;
mod completed;
mod endorsing;
mod epoch_times;
mod error;
mod follow;
mod generating;
mod generation;
mod holding;
mod quorum_epoch;
mod seat;
mod service;
mod session;
mod session_error;
mod supervisor;

pub use adopting::Adopted;
pub use client::{HolderClient, HolderError};
pub use endorsing::{EndorsingError, RequestShown};
pub use error::SupervisorError;
pub use generating::{GenerationError, KeyMaker};
pub use generation::{Generation, PLAN, Which};
pub use quorum_epoch::QuorumEpoch;
pub use seat::{ActReport, Decided, Seat};
pub use service::{Clock, Follow, FollowError, HolderService, SystemClock, serve};
pub use session::{Opened, OpenedClaim, PublishedTotal, Session};
pub use session_error::SessionError;
pub use supervisor::Supervisor;
