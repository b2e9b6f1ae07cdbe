//! Constraints, witness programs and the prover of the MERITS statements.
