//! The integration tests of this crate, one program, a module a topic.

mod builder;
mod differential;
mod earn;
mod jubjub;
mod packs;
mod prepared_prover;
mod prover;
mod redeem;
mod simd_prover;
mod ticket;
