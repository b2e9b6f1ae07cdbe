//! The distributor: record store, claims, prover node, outbox.
