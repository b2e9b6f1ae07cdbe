//! Field codec, Poseidon and its tags, Baby Jubjub keys, identities, notes, view-key encryption:
//! the parts that provers and verifiers share. The crate does not depend on constraint systems or
//! serialization formats.
//!
//! Builds without `std` (feature `std`, on by default); it needs only an allocator. With the feature
//! `simd`, `merits-bn254-simd` computes many independent values in eight lanes.
//!
//! Each module implements one concept of `docs/src/design-cryptography.md`, in that page's notation.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod calendar;
pub mod commitment;
pub mod context;
pub mod dleq;
pub mod earned;
mod edwards;
pub mod element;
mod exponent;
pub mod field;
pub mod figures;
mod fixed_base;
pub mod group;
pub mod identity;
pub mod ids;
pub mod jubjub;
pub mod message;
pub mod note;
pub mod note_tree;
pub mod nullifier;
pub mod owner;
pub mod poseidon;
pub mod products;
pub mod residue;
pub mod scope;
pub mod sum;
pub mod tags;
pub mod threshold;
pub mod view_encryption;

pub use ark_bn254::Fr;
