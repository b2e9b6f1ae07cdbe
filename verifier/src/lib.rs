//! Verify MERITS proofs, log inclusion and receipts: synchronous and small, the crate that others embed.
