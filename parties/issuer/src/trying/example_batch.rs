//! One batch of a scale's own examples, to prove.

use merits_circuits::{
    builder::Unsatisfied,
    earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness, WitnessFault},
    program::WitnessError,
};
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    commitment::RecordSalt,
    context::Context,
    ids::ScaleId,
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};
use thiserror::Error;

/// Why there is no batch of the examples.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExampleBatchError {
    /// The scale has none.
    #[error("{0} has no examples to prove")]
    NoExamples(ScaleId),
    /// An example is not what a claim can be.
    #[error(transparent)]
    Witness(#[from] WitnessFault),
    /// The witness program fails.
    #[error(transparent)]
    Program(#[from] WitnessError),
    /// The batch breaks a constraint, which is a fault of this program.
    #[error(transparent)]
    Unsatisfied(#[from] Unsatisfied),
}

/// All wires of a full batch: the claims of the examples of the first example's period, over and over.
///
/// # Errors
/// [`ExampleBatchError`].
pub fn example_batch(
    manifest: &Manifest,
    circuit: &EarnCircuit,
) -> Result<Vec<Fr>, ExampleBatchError> {
    let capacity = circuit.capacity();
    let examples = manifest.examples();
    let none = || ExampleBatchError::NoExamples(manifest.id().clone());
    // A batch is of one period.
    let period = examples.first().ok_or_else(none)?.period;
    let records: Vec<_> = examples
        .iter()
        .filter(|example| example.period == period)
        .map(|example| &example.records)
        .collect();
    let claims = (0u64..)
        .zip(records.iter().cycle())
        .take(capacity)
        .map(|(i, records)| ClaimWitness {
            key: OwnerKey(Fr::from(1_000 + i)),
            handle: Handle(Fr::from(2_000 + i)),
            salt: RecordSalt(Fr::from(3_000 + i)),
            records: (*records).clone(),
            exponent: Exponent::from_bytes(&[1 + (i % 255) as u8; 32]),
        });
    let witness = EarnWitness {
        claims: claims.collect(),
        total_exponent: Exponent::from_bytes(&[77; 32]),
        measure_exponent: manifest.measure().map(|_| Exponent::from_bytes(&[78; 32])),
    };
    let key = |secret: u64| Point::mul_base(&Scalar::from(secret)).expect("the secret is not 0");
    let terms = EarnTerms {
        asset: manifest.asset(),
        expiry: manifest.expiry(period),
        period,
        context: Context(Fr::from(5u64)),
        view_key: key(7),
        total_key: key(11),
        constants: manifest.public_values(period),
    };
    let statement = witness.statement(manifest.formula(), capacity, &terms)?;
    let inputs = circuit.inputs(&statement, &witness)?;
    let assignment = circuit.circuit().program.run(&inputs)?;
    circuit.circuit().check(&assignment)?;
    Ok(assignment)
}
