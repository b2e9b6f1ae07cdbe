//! The supervisor and the log witness: admission, view-key halves, openings with a trace.
//!
//! Both roles hold one half of each view key and serve the same `Supervision` service ([`holder`]). The supervisor
//! also admits parties, approves scales ([`scale_review`]), opens epochs, and requests openings ([`requester`]) and
//! totals ([`totals`]); [`net::Supervisor`] does all of this. The rules are pure functions of a [`view::LedgerView`].
//!
//! `docs/src/supervision.md` gives the protocol and why it leaves a trace.

pub mod acts;
pub mod asking;
pub mod board;
pub mod check;
pub mod config;
pub mod discrete_log;
pub mod dkg;
pub mod held;
pub mod holder;
pub mod journal;
pub mod ledger_view;
pub mod net;
mod report;
pub mod request;
pub mod requester;
pub mod scale_review;
pub mod shares;
pub mod side;
pub mod totals;
pub mod view;
pub mod view_key;
