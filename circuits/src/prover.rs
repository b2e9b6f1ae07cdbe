//! The prover, behind one narrow interface: key and assignment in, proof out.

mod loading;
mod simd;

use ark_bn254::Bn254;
use ark_ff::{Field, Zero};
use merits_params::r1cs::SparseMatrix;
use merits_params::zkey::Zkey;
use merits_primitives::{Fr, field};
use merits_verifier::groth16::{self, PreparedKey, Proof, ProofFormatError, VerifyingKey};
use rand_core::CryptoRng;
use taceo_groth16::{CircomReduction, ConstraintMatrices, Groth16};
use zeroize::Zeroizing;

pub use loading::{LoadError, LoadedProver};
pub use merits_bn254_simd::{
    KeyError, Label, LayoutError, Path as SimdPath, Phases, PreparedFile, Readiness, TableBudget,
};
pub use simd::SimdProver;

/// Makes proofs for one circuit under one key. Load it once, then use it for many proofs.
pub trait Prover: Send + Sync {
    /// Proves that the assignment (all wires, in wire order) satisfies the circuit.
    ///
    /// `rng` blinds the proof: anybody who can predict it may learn about the witness.
    ///
    /// # Errors
    /// [`ProveError`].
    fn prove(&self, assignment: &[Fr], rng: &mut dyn CryptoRng) -> Result<Proof, ProveError>;

    /// The verifying key of the proofs.
    fn verifying_key(&self) -> &VerifyingKey;
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The assignment is for another circuit: a programming error of the caller.
    #[error("the key's circuit has {expected} wires but the assignment has {given}")]
    WireCount {
        /// Wires of the circuit.
        expected: usize,
        /// Values given.
        given: usize,
    },
    /// Wire 0 is not the constant one: a programming error of the caller.
    #[error("wire 0 of the assignment is not one")]
    NoOne,
    /// The self-check found that the proof does not verify: the assignment does not satisfy the
    /// circuit, or the key is for another one.
    #[error(
        "the proof does not verify: the witness breaks the statement (check it to see where), \
         the key belongs to another circuit, or its prepared file is bad (delete the folder \
         `prepared` beside the key: it is made again)"
    )]
    DoesNotVerify,
    /// The prover gave a point that no honest proof has.
    #[error("the prover made an unusable proof: {0}")]
    Unusable(#[from] ProofFormatError),
    /// The prover refused.
    #[error("the prover failed: {0}")]
    Backend(String),
}

/// `taceo-groth16` over a snarkjs key.
pub struct CircomProver {
    key: taceo_groth16::ProvingKey<Bn254>,
    matrices: ConstraintMatrices<Fr>,
    vk: VerifyingKey,
    self_check: Option<PreparedKey>,
}

impl std::fmt::Debug for CircomProver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CircomProver")
            .field("constraints", &self.matrices.num_constraints)
            .field("verifying_key", &self.vk.digest())
            .field("self_check", &self.self_check.is_some())
            .finish()
    }
}

impl CircomProver {
    /// A prover with a key from the key store. The points move, they are not copied.
    #[must_use]
    pub fn new(zkey: Zkey) -> Self {
        let (n_wires, n_instance) = (zkey.n_wires(), zkey.n_public() + 1);
        let (a, b) = rayon::join(|| matrix(&zkey.a), || matrix(&zkey.b));
        let matrices = ConstraintMatrices {
            num_instance_variables: n_instance,
            num_witness_variables: n_wires - n_instance,
            num_constraints: a.len(),
            a_num_non_zero: zkey.a.non_zero(),
            b_num_non_zero: zkey.b.non_zero(),
            c_num_non_zero: 0,
            a,
            b,
            // Circom's reduction takes C as A * B.
            c: Vec::new(),
        };
        let key = zkey.key;
        let vk = key.vk;
        Self {
            key: taceo_groth16::ProvingKey {
                vk: taceo_groth16::VerifyingKey {
                    alpha_g1: vk.alpha,
                    beta_g2: vk.beta,
                    gamma_g2: vk.gamma,
                    delta_g2: vk.delta,
                    gamma_abc_g1: vk.ic.clone(),
                },
                beta_g1: key.beta_g1,
                delta_g1: key.delta_g1,
                a_query: key.a,
                b_g1_query: key.b_g1,
                b_g2_query: key.b_g2,
                h_query: key.h,
                l_query: key.l,
            },
            matrices,
            vk,
            self_check: None,
        }
    }

    /// Verifies each proof before it is returned (about 2 ms), so that a witness that breaks the
    /// statement, or faulty memory, is found here and not by another party.
    #[must_use]
    pub fn with_self_check(mut self, key: PreparedKey) -> Self {
        self.self_check = Some(key);
        self
    }
}

impl Prover for CircomProver {
    fn prove(&self, assignment: &[Fr], rng: &mut dyn CryptoRng) -> Result<Proof, ProveError> {
        let expected = self.key.a_query.len();
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
        let proof = Groth16::<Bn254>::prove::<CircomReduction>(
            &self.key,
            blinding[0],
            blinding[1],
            &self.matrices,
            assignment,
        )
        .map_err(|report| ProveError::Backend(report.to_string()))?;
        let proof = Proof::new(proof.a, proof.b, proof.c)?;
        self_check(self.self_check.as_ref(), &self.vk, &proof, assignment)?;
        Ok(proof)
    }

    fn verifying_key(&self) -> &VerifyingKey {
        &self.vk
    }
}

/// Verifies a proof before it is returned, if the prover has this check switched on.
fn self_check(
    key: Option<&PreparedKey>,
    vk: &VerifyingKey,
    proof: &Proof,
    assignment: &[Fr],
) -> Result<(), ProveError> {
    let Some(key) = key else { return Ok(()) };
    let inputs = &assignment[1..=vk.public_inputs()];
    groth16::verify(key, proof, inputs).map_err(|_| ProveError::DoesNotVerify)
}

fn non_zero(rng: &mut impl CryptoRng) -> Fr {
    loop {
        let value: Fr = field::random(rng);
        if !value.is_zero() {
            return value;
        }
    }
}

fn matrix(rows: &SparseMatrix) -> Vec<Vec<(Fr, usize)>> {
    rows.iter()
        .map(|row| {
            row.iter()
                .map(|(wire, value)| (*value, *wire as usize))
                .collect()
        })
        .collect()
}
