//! The prover over our own kernels, `merits-bn254-simd`: several times as fast as the peers on
//! processors with AVX-512 IFMA, and still faster on others.

use ark_ff::Field;
use merits_bn254_simd::{KeyError, KeyPoints, Matrix, Path, PreparedKey as Kernels, TableBudget};
use merits_params::r1cs::SparseMatrix;
use merits_params::zkey::Zkey;
use merits_primitives::Fr;
use merits_verifier::groth16::{PreparedKey, Proof, VerifyingKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{ProveError, Prover, non_zero, self_check};

/// `merits-bn254-simd` over a snarkjs key.
#[derive(Debug)]
pub struct SimdProver {
    kernels: Kernels,
    vk: VerifyingKey,
    self_check: Option<PreparedKey>,
}

impl SimdProver {
    /// A prover with a key from the key store, laid out for this processor.
    ///
    /// # Errors
    /// [`KeyError`] if the key's parts do not belong together.
    pub fn new(zkey: Zkey) -> Result<Self, KeyError> {
        Self::on_path(zkey, Path::preferred())
    }

    /// The same with a chosen implementation of the arithmetic, for tests and measurements.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on_path(zkey: Zkey, path: Path) -> Result<Self, KeyError> {
        let (kernels, vk) = prepare(zkey, path, TableBudget::default())?;
        Ok(Self::of(kernels, vk))
    }

    pub(super) fn of(kernels: Kernels, vk: VerifyingKey) -> Self {
        Self {
            kernels,
            vk,
            self_check: None,
        }
    }

    /// The key as the kernels have it: for measurements of a proof's parts.
    #[must_use]
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Verifies each proof before it is returned (about 2 ms).
    #[must_use]
    pub fn with_self_check(mut self, key: PreparedKey) -> Self {
        self.self_check = Some(key);
        self
    }
}

impl Prover for SimdProver {
    fn prove(&self, assignment: &[Fr], rng: &mut dyn CryptoRng) -> Result<Proof, ProveError> {
        let expected = self.kernels.wires();
        if assignment.len() != expected {
            return Err(ProveError::WireCount {
                expected,
                given: assignment.len(),
            });
        }
        if assignment.first() != Some(&Fr::ONE) {
            return Err(ProveError::NoOne);
        }
        let mut rng = rng;
        let blinding = Zeroizing::new([non_zero(&mut rng), non_zero(&mut rng)]);
        let proof = self
            .kernels
            .prove(assignment, blinding[0], blinding[1])
            .map_err(|error| ProveError::Backend(error.to_string()))?;
        let proof = Proof::new(proof.a, proof.b, proof.c)?;
        self_check(self.self_check.as_ref(), &self.vk, &proof, assignment)?;
        Ok(proof)
    }

    fn verifying_key(&self) -> &VerifyingKey {
        &self.vk
    }
}

/// Lays a key out. The points that were read are freed query by query.
pub(super) fn prepare(
    zkey: Zkey,
    path: Path,
    tables: TableBudget,
) -> Result<(Kernels, VerifyingKey), KeyError> {
    let Zkey { key, a, b, .. } = zkey;
    let (a, b) = rayon::join(move || matrix(&a), move || matrix(&b));
    let points = KeyPoints {
        alpha_g1: key.vk.alpha,
        beta_g1: key.beta_g1,
        beta_g2: key.vk.beta,
        delta_g1: key.delta_g1,
        delta_g2: key.vk.delta,
        a: key.a.into(),
        b_g1: key.b_g1.into(),
        b_g2: key.b_g2.into(),
        l: key.l.into(),
        h: key.h.into(),
    };
    Ok((Kernels::new(path, points, a, b, tables)?, key.vk))
}

fn matrix(rows: &SparseMatrix) -> Matrix {
    Matrix::from_rows(rows.iter().map(|row| row.iter().copied()))
}
