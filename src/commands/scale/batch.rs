//! One batch of a scale's own examples, to prove.

use anyhow::{Context as _, bail};
use merits_circuits::earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness};
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    commitment::RecordSalt,
    context::Context,
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};

/// All wires of a full batch: the examples' claims, over and over.
pub(super) fn assignment(manifest: &Manifest, circuit: &EarnCircuit) -> anyhow::Result<Vec<Fr>> {
    let capacity = circuit.capacity();
    let examples = manifest.examples();
    let Some(first) = examples.first() else {
        bail!("{} has no examples to prove", manifest.id());
    };
    // A batch is of one period.
    let period = first.period;
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
    let key = |secret: u64| Point::mul_base(&Scalar::from(secret)).context("not zero");
    let terms = EarnTerms {
        asset: manifest.asset(),
        expiry: manifest.expiry(period),
        period,
        context: Context(Fr::from(5u64)),
        view_key: key(7)?,
        total_key: key(11)?,
        constants: manifest.public_values(period),
    };
    let statement = witness.statement(manifest.formula(), capacity, &terms)?;
    let inputs = circuit.inputs(&statement, &witness)?;
    let assignment = circuit.circuit().program.run(&inputs)?;
    circuit.circuit().check(&assignment)?;
    Ok(assignment)
}
