//! BN254 on arkworks types, fast.
#![deny(unsafe_code)]

mod affine;
#[cfg(target_arch = "x86_64")]
mod affine_ifma;
mod curve;
mod fft;
#[cfg(target_arch = "x86_64")]
mod fft_ifma;
#[cfg(target_arch = "x86_64")]
mod field;
mod groth16;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod isa;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod lists;
mod modulus;
mod msm;
mod path;
mod qap;
mod scalars;

pub use curve::Group;
pub use fft::domain_generator;
pub use groth16::{KeyError, KeyPoints, PreparedKey, Proof, ProveError};
pub use msm::{Bases, G1Bases, G2Bases, LengthMismatch, msm_g1, msm_g2};
pub use path::{PATH_VARIABLE, Path};
pub use qap::Matrix;
pub use scalars::Scalars;
