//! The building blocks of statements: hashes, curve arithmetic, bits and comparisons, as
//! constraints.
//!
//! Each gadget says what it costs, what its caller must guarantee, and why its wires have one
//! value only.

pub mod bits;
pub mod compare;
pub mod jubjub;
pub mod poseidon;
