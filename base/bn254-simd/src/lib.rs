//! BN254 on arkworks types, eight lanes at a time: multi-scalar multiplication, transforms, pairings,
//! Poseidon, and a Groth16 prover for circom's keys.
//!
//! - [`Bases`] and [`msm_g1`], [`msm_g2`]: sums of points times scalars, right for every input.
//! - [`PreparedKey`]: a proving key laid out once, and proofs from it. With the same blinding they
//!   are the points that `ark-groth16` and `taceo-groth16` give.
//! - [`PreparedFile`]: such a key on disk, mapped by every process that proves with it.
//! - [`Permutation`]: Poseidon's permutation of many states. [`are_nonzero_squares`]: which of many
//!   elements are squares. [`square_roots`], [`square_roots_in_extension`] and [`are_in_g2`]: the
//!   expensive parts of decompressing many points.
//! - [`Path`]: AVX-512 IFMA is chosen at run time where the processor has it; elsewhere the same
//!   algorithms run on 64-bit words. [`PATH_VARIABLE`] forces either.
//!
//! Nothing here is constant-time: times and memory accesses depend on scalars and assignments.
//! Intermediate values stay in memory that is reused, and are not wiped.
//!
//! `unsafe` is confined to the modules `isa` and `map`; their module docs say why they are sound.
//! Method and figures: `docs/src/prover.md`.
#![deny(unsafe_code)]
// What only the vector paths need: other processors, and browsers, build without it.
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unused_imports, unused_mut, unused_variables)
)]

mod affine;
mod buffer;
#[cfg(any(test, feature = "peers"))]
mod circom_reduction;
mod coordinate;
mod curve;
#[cfg(any(test, feature = "differential"))]
pub mod differential;
mod fft;
#[cfg(target_arch = "x86_64")]
mod fft_ifma;
#[cfg(target_arch = "x86_64")]
mod field;
mod groth16;
mod inversion;
#[cfg(target_arch = "x86_64")]
mod isa;
mod job;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod layout;
mod layout_error;
mod lists;
mod map;
mod modulus;
mod msm;
mod multiples;
mod pages;
mod pairing;
mod path;
mod poseidon;
#[cfg(target_arch = "x86_64")]
mod poseidon_ifma;
mod poseidon_rounds;
#[cfg(target_arch = "x86_64")]
mod powers;
mod qap;
mod roots;
mod scalars;
mod squares;
mod store;
mod subgroup;
mod table_shape;
mod tables;
#[cfg(target_arch = "x86_64")]
mod unrolled;
mod words;

#[cfg(any(test, feature = "peers"))]
pub use circom_reduction::CircomReduction;
pub use curve::Group;
pub use fft::domain_generator;
pub use groth16::{KeyError, KeyPoints, Phases, PreparedKey, Proof, ProveError};
pub use layout::{Label, Prepared, PreparedFile, Readiness};
pub use layout_error::LayoutError;
pub use msm::{Bases, G1Bases, G2Bases, LengthMismatch, msm_g1, msm_g2};
pub use pairing::{PreparedLines, SplitScalar, multiply_each, pairing_product};
pub use path::{PATH_VARIABLE, Path, PathError};
pub use poseidon::Permutation;
pub use poseidon_rounds::{PartialRound, Rounds};
pub use qap::Matrix;
pub use roots::{square_roots, square_roots_in_extension};
pub use scalars::Scalars;
pub use squares::are_nonzero_squares;
pub use subgroup::are_in_g2;
pub use table_shape::TableShape;
pub use tables::TableBudget;
