//! Spending a wallet's notes on a ledger with tickets, in memory. Every rule is the ledger's own.
//! Each statement is checked natively before a trapdoor makes the proof, so a statement that a
//! circuit would refuse is refused here.

mod attest;
mod purse;
mod redeem;
