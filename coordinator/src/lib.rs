//! Orders the ledger, verifies proofs in batches, serves the transparency log over gRPC.
