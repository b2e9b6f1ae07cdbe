//! Runs the shipped records of every shipped scale through the circuit of that scale: the
//! interpreter's outputs satisfy the constraints, and one credit more does not.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use merits_circuits::earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness};
use merits_formula::Record;
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    commitment::RecordSalt,
    context::Context,
    ids::{Expiry, Period},
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};
use merits_records::{Mapping, Plan, ReadOptions, read_file};
use merits_verifier::Statement as _;
use merits_verifier::statement::earn::CLAIM_CREDITS;

type Outcome = Result<(), Box<dyn Error>>;

/// Claims of a batch here: two that earn much, one that earns little, one absent.
const CAPACITY: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The records of each claim, by period.
type Claims = BTreeMap<Period, Vec<Vec<Record>>>;

/// The claims of the shipped file by period.
fn claims(manifest: &Manifest) -> Result<Claims, Box<dyn Error>> {
    let examples = root().join("examples");
    let (records, mapping) = match manifest.id().as_str() {
        "cycling-week" => ("cycling/trips.csv".into(), "cycling/mapping.toml".into()),
        name => (
            format!("{name}/records.csv"),
            format!("{name}/mapping.toml"),
        ),
    };
    let mapping = Mapping::from_toml(&fs::read_to_string(examples.join(mapping))?)?;
    let plan = Plan::new(&mapping, manifest.schema())?;
    let file = examples.join(records);
    let reading = read_file(
        &file,
        &plan,
        ReadOptions::default(),
        &mut |_| Ok(()),
        &mut |_| {},
    )?;
    let mut periods = BTreeMap::<Period, Vec<_>>::new();
    for group in reading.groups {
        periods.entry(group.period).or_default().push(group.records);
    }
    Ok(periods)
}

fn key(n: u64) -> Result<Point, Box<dyn Error>> {
    Ok(Point::mul_base(&Scalar::from(n)).ok_or("a zero key")?)
}

fn batch(manifest: &Manifest, claims: Vec<Vec<Record>>) -> EarnWitness {
    let claim = |(i, records)| ClaimWitness {
        key: OwnerKey(Fr::from(1_000 + i)),
        handle: Handle(Fr::from(2_000 + i)),
        salt: RecordSalt(Fr::from(3_000 + i)),
        records,
        exponent: Exponent::from_bytes(&[i as u8 ^ 0x5a; 32]),
    };
    EarnWitness {
        claims: (0u64..).zip(claims).map(claim).collect(),
        total_exponent: Exponent::from_bytes(&[0x77; 32]),
        measure_exponent: manifest
            .measure()
            .map(|_| Exponent::from_bytes(&[0x33; 32])),
    }
}

#[test]
fn shipped_records_satisfy_the_circuit_of_their_scale() -> Outcome {
    let mut scales = 0;
    for entry in fs::read_dir(root().join("params/scales"))? {
        let path = entry?.path().join("scale.toml");
        let manifest = Manifest::from_toml(&fs::read_to_string(&path)?)?;
        let name = manifest.id().as_str().to_owned();
        let circuit = EarnCircuit::build(manifest.formula(), CAPACITY);
        for (period, claims) in claims(&manifest)? {
            let constants = manifest.public_values(period);
            let mut earned = Vec::new();
            for records in claims {
                let outputs = manifest.formula().eval(&records, &constants)?;
                earned.push((outputs.credits, records));
            }
            earned.sort_by_key(|(credits, _)| *credits);
            let few = earned.first().cloned();
            let much = earned.into_iter().rev().take(CAPACITY - 2);
            let (credits, claims): (Vec<u64>, Vec<_>) = much.chain(few).unzip();
            let terms = EarnTerms {
                asset: manifest.asset(),
                expiry: Expiry(2027),
                period,
                context: Context(Fr::from(5u64)),
                view_key: key(12_345)?,
                total_key: key(54_321)?,
                constants,
            };
            let witness = batch(&manifest, claims);
            let statement = witness.statement(circuit.formula(), CAPACITY, &terms)?;
            let inputs = circuit.inputs(&statement, &witness)?;
            let wires = circuit.circuit().program.run(&inputs)?;
            circuit
                .circuit()
                .check(&wires)
                .map_err(|fault| format!("{name}, {}: {fault}", period.label()))?;

            // The first claim's ciphertext says one credit more; nothing else is changed.
            let mut public = statement.public_inputs();
            let first = circuit.layout().claim_offset(0);
            public[first + CLAIM_CREDITS] += Fr::from(1u64);
            let wires = circuit
                .circuit()
                .program
                .run(&circuit.inputs_of(&public, &witness)?)?;
            assert!(
                circuit.circuit().check(&wires).is_err(),
                "{name}, {}: {} credits pass for one more",
                period.label(),
                credits[0]
            );
        }
        scales += 1;
    }
    assert!(scales >= 9, "only {scales} scales were found");
    Ok(())
}
