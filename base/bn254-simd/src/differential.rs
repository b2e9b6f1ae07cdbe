//! Compares the engine with arkworks on inputs that are likely to reveal errors: limbs of all ones,
//! values beside multiples of the prime, equal and opposite points, scalars whose digits carry,
//! lengths off by one.
//!
//! It is compiled for this crate's tests and with the feature `differential`. It is inside the crate
//! so that it can reach internals. `examples/bn254_fuzz.rs` runs it for any time:
//!
//! `cargo run --release -p merits-bn254-simd --features differential --example bn254_fuzz -- --minutes 60 --seed 1`
//!
//! A part, a seed and a number identify a case and reproduce it ([`run`]).

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ark_std::rand::{SeedableRng, rngs::StdRng};

use crate::path::{Kind, Path};

mod additions;
#[cfg(target_arch = "x86_64")]
mod coordinates;
mod field;
mod inputs;
mod msm;
mod pairings;
mod permutations;
mod proof;
mod scalars;
mod transforms;
mod words;

/// The number of comparisons that a case made, or the values that differed.
type Outcome = Result<u64, String>;

/// A part of the engine to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Lanes over the base field, against integers.
    BaseLanes,
    /// Lanes over the scalar field, against integers.
    ScalarLanes,
    /// Words over the base field, against integers.
    BaseWords,
    /// Words over the scalar field, against integers.
    ScalarWords,
    /// Coordinates of both groups in lanes, at their bounds.
    Coordinates,
    /// Inverses, and conversions of lanes.
    Inverses,
    /// Batches of affine additions in G1, exceptional pairs among them.
    AdditionsG1,
    /// The same in G2.
    AdditionsG2,
    /// Sums of many lists of points in G1.
    ListsG1,
    /// The same in G2.
    ListsG2,
    /// Signed digits and buckets of scalars.
    Digits,
    /// Multi-scalar multiplication in G1.
    MsmG1,
    /// The same in G2.
    MsmG2,
    /// Several multiplications that share their scalars.
    MsmShared,
    /// Transforms, there and to the coset.
    Transforms,
    /// From an assignment to the scalars of H.
    Reduction,
    /// Products of pairings.
    PairingProducts,
    /// Points times short coefficients, each on its own.
    Multiples,
    /// Poseidon's permutation of many states.
    Permutations,
    /// Which elements are squares.
    Squares,
    /// Whole proofs, with `ark-groth16` and `taceo-groth16`.
    Proofs,
}

impl Part {
    /// Every part.
    pub const ALL: &'static [Self] = &[
        Self::BaseLanes,
        Self::ScalarLanes,
        Self::BaseWords,
        Self::ScalarWords,
        Self::Coordinates,
        Self::Inverses,
        Self::AdditionsG1,
        Self::AdditionsG2,
        Self::ListsG1,
        Self::ListsG2,
        Self::Digits,
        Self::MsmG1,
        Self::MsmG2,
        Self::MsmShared,
        Self::Transforms,
        Self::Reduction,
        Self::PairingProducts,
        Self::Multiples,
        Self::Permutations,
        Self::Squares,
        Self::Proofs,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::BaseLanes => "base-lanes",
            Self::ScalarLanes => "scalar-lanes",
            Self::BaseWords => "base-words",
            Self::ScalarWords => "scalar-words",
            Self::Coordinates => "coordinates",
            Self::Inverses => "inverses",
            Self::AdditionsG1 => "additions-g1",
            Self::AdditionsG2 => "additions-g2",
            Self::ListsG1 => "lists-g1",
            Self::ListsG2 => "lists-g2",
            Self::Digits => "digits",
            Self::MsmG1 => "msm-g1",
            Self::MsmG2 => "msm-g2",
            Self::MsmShared => "msm-shared",
            Self::Transforms => "transforms",
            Self::Reduction => "reduction",
            Self::PairingProducts => "pairing-products",
            Self::Multiples => "multiples",
            Self::Permutations => "permutations",
            Self::Squares => "squares",
            Self::Proofs => "proofs",
        }
    }

    fn case(self, path: Path, rng: &mut StdRng) -> Outcome {
        match self {
            Self::BaseLanes => field::lanes::<ark_bn254::Fq>(path, rng),
            Self::ScalarLanes => field::lanes::<ark_bn254::Fr>(path, rng),
            Self::BaseWords => words::words_of::<ark_bn254::Fq>(rng),
            Self::ScalarWords => words::words_of::<ark_bn254::Fr>(rng),
            Self::Coordinates => match path.0 {
                // This machine has no AVX-512 IFMA.
                Kind::Scalar => Ok(0),
                #[cfg(target_arch = "x86_64")]
                Kind::Ifma(isa) => coordinates::case(isa, rng),
            },
            Self::Inverses => field::inverses(path, rng),
            Self::AdditionsG1 => additions::pairs::<ark_bn254::g1::Config>(path, rng),
            Self::AdditionsG2 => additions::pairs::<ark_bn254::g2::Config>(path, rng),
            Self::ListsG1 => additions::lists::<ark_bn254::g1::Config>(path, rng),
            Self::ListsG2 => additions::lists::<ark_bn254::g2::Config>(path, rng),
            Self::Digits => scalars::digits(rng),
            Self::MsmG1 => msm::sums::<ark_bn254::g1::Config>(path, rng),
            Self::MsmG2 => msm::sums::<ark_bn254::g2::Config>(path, rng),
            Self::MsmShared => msm::shared(path, rng),
            Self::Transforms => transforms::transforms(path, rng),
            Self::Reduction => transforms::reduction(path, rng),
            Self::PairingProducts => pairings::products(path, rng),
            Self::Multiples => pairings::multiples(path, rng),
            Self::Permutations => permutations::permutations(path, rng),
            Self::Squares => permutations::squares(path, rng),
            Self::Proofs => proof::proofs(path, rng),
        }
    }
}

/// A case in which the engine and its reference disagree, or the engine panics.
#[derive(Debug)]
pub struct Difference {
    /// What was compared.
    pub part: Part,
    /// The name of the path that ran.
    pub path: &'static str,
    /// The run's seed.
    pub seed: u64,
    /// The case's number.
    pub case: u64,
    /// Inputs and results.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on the {} path, seed {}, case {}: {}",
            self.part.name(),
            self.path,
            self.seed,
            self.case,
            self.what
        )
    }
}

impl std::error::Error for Difference {}

/// Runs one case and returns how many comparisons it made.
///
/// # Errors
/// [`Difference`], which the same arguments reproduce.
pub fn run(part: Part, path: Path, seed: u64, case: u64) -> Result<u64, Difference> {
    let name = u64::from_le_bytes(core::array::from_fn(|i| {
        part.name().as_bytes().get(i).copied().unwrap_or(0)
    }));
    // Different for every different (part, seed, case).
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, case, name, part as u64]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = StdRng::from_seed(key);
    let outcome = catch_unwind(AssertUnwindSafe(|| part.case(path, &mut rng)));
    let what = match outcome {
        Ok(Ok(comparisons)) => return Ok(comparisons),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", text.unwrap_or("with no message"))
        }
    };
    Err(Difference {
        part,
        path: path.name(),
        seed,
        case,
        what,
    })
}

/// Returns an error unless the two are equal. `what` is only called to build
/// the error.
fn same<T: PartialEq + fmt::Debug>(got: &T, want: &T, what: impl FnOnce() -> String) -> Outcome {
    if got == want {
        return Ok(1);
    }
    Err(format!("{}: got {got:x?}, want {want:x?}", what()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short run of the comparisons that `examples/bn254_fuzz.rs` makes for hours.
    #[test]
    fn a_short_run_finds_no_difference() {
        for path in Path::all() {
            for part in Part::ALL {
                for case in 0..12 {
                    if let Err(difference) = run(*part, path, 1, case) {
                        panic!("{difference}");
                    }
                }
            }
        }
    }

    #[test]
    fn parts_have_names_of_their_own() {
        for (i, part) in Part::ALL.iter().enumerate() {
            assert!(Part::ALL[..i].iter().all(|p| p.name() != part.name()));
        }
    }
}
