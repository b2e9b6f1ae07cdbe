//! Code that every party's program needs and that belongs to no role.
//!
//! - [`identity`]: a party's keys and name on one ledger, and its application to be admitted
//! - [`public_line`]: the lines that parties give to a supervisor before they can write to the ledger
//! - [`config`]: the `[ledger]` table of any role's configuration
//! - [`outputs`]: the files that a command must not overwrite
//! - [`store_key`]: the master key of a store, which is never replaced for an existing store
//! - [`ledger`]: the ledger as a party sees it: its verified copy, and a way to append
//! - [`succession`]: a new signing key in the place of the present one
//! - [`lookup`]: parties and entries of the ledger, by what people type
//! - [`report`]: reports of several roles, as programs read them
//! - [`stop_signal`] and [`machine_time`]: the end of a server, and the machine's clock
//! - [`Retry`]: how a call that got no answer is made again
//!
//! A role's crate may depend on this one, but not the other way round.

pub mod config;
pub mod identity;
pub mod ledger;
pub mod lookup;
pub mod outputs;
pub mod public_line;
pub mod report;
mod stop;
pub mod store_key;
pub mod succession;

pub use merits_replica::{Retry, machine_time};
pub use stop::stop_signal;
