//! A verified copy of a ledger: follow, check consistency, apply, submit.
