//! The building blocks of statements: hashes, curve arithmetic, bits and comparisons, as
//! constraints.
//!
//! Each gadget's docs state its cost, what its caller must guarantee, and why its wires have only one
//! value.

pub mod bits;
pub mod compare;
pub mod jubjub;
pub mod poseidon;
