//! Keys that nobody holds alone: one half of a view key, made by its n holders together and used by t of them.
//!
//! - [`ceremony`]: who makes which half (origin, epoch, attempt, side), and what binds all messages to it.
//! - [`message`]: what the holders publish, round by round.
//! - [`dealing`]: one holder's polynomials, and the shares that it deals.
//! - [`standing`]: what anybody can tell from the published messages: who is waited for, who is at fault, and
//!   which key came out.
//! - [`participant`]: one holder's part. It does no input or output: its caller stores it before it publishes
//!   anything, so a restart publishes the same bytes.
//! - [`quorum`]: one finished key. Partials are checked against each holder's verification share and combined.
//! - [`half`]: one side's half of both keys.
//! - [`total`]: opened totals, from both sides' partials.
//! - [`tags`]: the key of the uniqueness tags, over another group and by a protocol of its own.
//!
//! Key generation is that of FROST by `frost-core` ([`suite`] has the group). `docs/src/supervision.md` gives
//! the rounds, and what is not promised.
//!
//! Out of scope: who may take part, when a holder is late, where messages travel, and files.

pub mod ceremony;
pub mod dealing;
pub mod half;
pub mod message;
pub mod participant;
pub mod quorum;
mod side;
pub mod standing;
pub mod suite;
pub mod tags;
mod threshold;
pub mod total;

pub use side::Side;
pub use threshold::{Threshold, ThresholdFault};
