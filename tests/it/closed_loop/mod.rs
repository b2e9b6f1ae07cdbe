//! The closed loop under attack, with the real circuits and keys of `ticket` and `redeem`.
//!
//! Credits belong to the person who did the deed: nobody else's records, ticket or notes make
//! any, nobody claims a period twice, nobody spends a note twice, and none change hands. Each test
//! is one attack, carried as far as it gets: what the ledger's rules refuse is submitted with a
//! real proof; what a circuit refuses is shown to have no witness, and refused in words before.
//! That an attack failed counts only with its reason.
//!
//! The keys of earn batches have a trapdoor (what batches prove is tested elsewhere), and the log is
//! in memory; all else is what people and parties run.

mod consents;
mod identities;
mod spendings;
mod town;
