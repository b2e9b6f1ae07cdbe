//! The person's side: one seed, and all that it gives on a ledger.
//!
//! - [`keys`]: secrets, commitments and voucher keys under the seed
//! - [`view`]: what the person has, found from seed and ledger alone
//! - [`consent`]: links, tickets and withdrawals
//! - [`choice`], [`spend`]: which notes pay, and what is proven about them
//! - [`attest_code`]: attestations as QR codes
//! - [`photograph`]: QR codes out of photographs
//! - [`prover`]: the proofs of a person's statements
//! - [`report`]: what the wallet tells its person, as plain data
//! - [`net`]: a wallet at work on its copy of the ledger; [`directory`]: its files; [`backup`]: the seed under a
//!   passphrase. These three need the feature `net`, which is on by default; the rest needs no network.
//! - [`recompute`]: a proven credit worked out again from own records
//! - [`credits`], [`ledger`]: accounts in custody, on a ledger without tickets
//!
//! A wallet trusts no coordinator: what it shows and acts on comes out of its own verified copy of
//! the log, and a log that was rewritten is refused. It shares every derivation with the code that
//! makes claims ([`merits_primitives::owner`]), so it needs no message from a distributor.

pub mod attest_code;
#[cfg(feature = "net")]
pub mod backup;
pub mod choice;
pub mod consent;
pub mod credits;
#[cfg(feature = "net")]
pub mod directory;
pub mod keys;
pub mod ledger;
#[cfg(feature = "net")]
pub mod net;
pub mod photograph;
pub mod prover;
pub mod recompute;
pub mod report;
pub mod spend;
pub mod view;
