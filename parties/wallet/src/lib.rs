//! The person's side: one seed, and everything that belongs to it on a ledger.
//!
//! - [`keys`]: secrets, commitments and voucher keys under the seed
//! - [`view`]: the person's credits and consents, found from seed and ledger alone
//! - [`consent`]: links, tickets and withdrawals
//! - [`choice`], [`spend`]: the choice of notes to spend, and the statements about them
//! - [`attest_code`]: attestations as QR codes
//! - [`photograph`]: reads QR codes from photographs
//! - [`prover`]: the proofs of a person's statements
//! - [`report`]: the wallet's reports for its person, as plain data
//! - [`net`]: a wallet with its copy of the ledger; [`directory`]: its files; [`backup`]: the seed
//!   under a passphrase; [`making`]: a new wallet, its backup, and a restored one. These four need the
//!   feature `net`, which is on by default; the other modules do not use the network.
//! - [`recompute`]: computes a proven credit again from the person's own records
//! - [`credits`], [`ledger`]: accounts in custody, on a ledger without tickets
//!
//! A wallet does not trust a coordinator: it acts on its own verified copy of the log and refuses a
//! log that was rewritten. It shares every derivation with the code that makes claims
//! ([`merits_primitives::owner`]), so it needs no message from a distributor.

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
pub mod making;
#[cfg(feature = "net")]
pub mod net;
mod note_paths;
pub mod photograph;
pub mod prover;
pub mod recompute;
pub mod report;
pub mod spend;
mod spend_error;
pub mod view;
