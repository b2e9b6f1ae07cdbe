//! The owner's side: derives keys from a seed and reads own credits from the ledger alone.
//!
//! Today a wallet reads; tickets, redemptions and recovery come with the statements that carry
//! them. It shares every derivation with the code that makes claims
//! ([`merits_primitives::owner`]), which is why it needs no message from a distributor.

pub mod credits;
pub mod ledger;
