//! Spending own notes on a ledger with tickets, in memory. Every rule is the ledger's own, and what
//! is proven is checked natively before a trapdoor makes the proof: what a circuit would refuse is
//! refused here.

mod attest;
mod purse;
mod redeem;
