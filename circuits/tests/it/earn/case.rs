//! Batches that satisfy the statement, to start from.

use std::collections::BTreeSet;

use ark_ff::AdditiveGroup;
use merits_circuits::{
    builder::Circuit,
    earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness},
};
use merits_formula::{
    ConstantDecl, Decimal, Declarations, Field, FieldKind, Measure, Record, Schema, Typed, check,
};
use merits_params::r1cs::Term;
use merits_primitives::{
    Fr,
    context::Context,
    field,
    figures::PublicNumber,
    ids::{AssetId, Expiry, Period, PeriodIndex, PeriodKind},
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};
use merits_verifier::Statement;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The formula of cycling-week.
pub(crate) const CYCLING: &str = "
    math.floor(
      trips
        .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
        .groups(t, day(t.start))
        .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
        .sum()
      * factor / 1000)
";

/// 162.72 g/km, 20 km a day.
pub(crate) const CONSTANTS: [PublicNumber; 2] = [PublicNumber(16_272), PublicNumber(20_000)];

/// A shape, its circuit, and a batch with its public inputs.
pub(crate) struct Case {
    pub(crate) circuit: EarnCircuit,
    pub(crate) witness: EarnWitness,
    pub(crate) publics: Vec<Fr>,
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// cycling-week with room for this many trips. `narrow` bounds duration and distance away from
/// powers of two, so that bounds cost constraints.
pub(crate) fn cycling(records: u16, narrow: bool) -> Typed {
    check(&declarations(records, narrow)).expect("a good formula")
}

/// The same with a measure: metres of all trips, counted or not.
pub(crate) fn measured(records: u16) -> Typed {
    let mut all = declarations(records, true);
    all.measure = Some(Measure {
        unit: String::new(),
        cel: "trips.map(t, t.distance).sum()".into(),
    });
    check(&all).expect("a good formula")
}

fn declarations(records: u16, narrow: bool) -> Declarations {
    let int = |name: &str, min, max| Field {
        name: name.into(),
        kind: FieldKind::Int { min, max },
        unit: String::new(),
        key: false,
    };
    let start = Field {
        name: "start".into(),
        kind: FieldKind::TimeInPeriod,
        unit: "min".into(),
        key: true,
    };
    let fields = if narrow {
        vec![
            start,
            int("duration", 60, 14_400),
            int("distance", 0, 50_000),
        ]
    } else {
        vec![
            start,
            int("duration", 0, 65_535),
            int("distance", 0, 65_535),
        ]
    };
    let schema = Schema::new("cycling-trip", "trips", PeriodKind::Week, fields, records);
    let constants = [("factor", "0", "500", 2), ("daily_cap", "0", "50000", 0)];
    let constants = constants.map(|(name, low, high, exponent)| ConstantDecl {
        name: name.into(),
        interval: [decimal(low), decimal(high)],
        exponent,
    });
    Declarations::new(schema.expect("a good schema"), CYCLING)
        .with_constants(constants.map(Into::into))
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn exponent(rng: &mut StdRng) -> Exponent {
    Exponent::from_bytes(&rng.random())
}

pub(crate) fn terms() -> EarnTerms {
    let key = |n: u64| Point::mul_base(&Scalar::from(n)).expect("not zero");
    EarnTerms {
        asset: AssetId(7),
        expiry: Expiry(2027),
        period: Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(2_333),
        },
        context: Context(Fr::from(99u64)),
        view_key: key(0x00c0_ffee_1234_5678),
        total_key: key(0x0bad_cafe_8765_4321),
        constants: CONSTANTS.to_vec(),
    }
}

/// A week of this many trips, which the narrow schema allows too.
pub(crate) fn week(rng: &mut StdRng, trips: usize) -> Vec<Record> {
    let mut starts = BTreeSet::new();
    while starts.len() < trips {
        starts.insert(rng.random_range(0..10_080u64));
    }
    let record = |start| {
        Record(vec![
            start,
            rng.random_range(60..12_000),
            rng.random_range(0..30_000),
        ])
    };
    starts.into_iter().map(record).collect()
}

pub(crate) fn claim(rng: &mut StdRng, trips: usize) -> ClaimWitness {
    ClaimWitness {
        key: OwnerKey(field::random(rng)),
        handle: Handle(field::random(rng)),
        salt: field::random(rng),
        records: week(rng, trips),
        exponent: exponent(rng),
    }
}

/// Claims with these numbers of trips.
pub(crate) fn batch(rng: &mut StdRng, trips: &[usize]) -> EarnWitness {
    EarnWitness {
        claims: trips.iter().map(|n| claim(rng, *n)).collect(),
        total_exponent: exponent(rng),
        // Not used if the scale has no measure.
        measure_exponent: Some(exponent(rng)),
    }
}

pub(crate) fn publics(circuit: &EarnCircuit, witness: &EarnWitness) -> Vec<Fr> {
    let statement = witness.statement(circuit.formula(), circuit.capacity(), &terms());
    statement.expect("a good batch").public_inputs()
}

impl Case {
    /// A satisfying batch of a shape.
    pub(crate) fn new(formula: &Typed, capacity: usize, trips: &[usize], seed: u64) -> Self {
        let circuit = EarnCircuit::build(formula, capacity);
        let witness = batch(&mut rng(seed), trips);
        let publics = publics(&circuit, &witness);
        Self {
            circuit,
            witness,
            publics,
        }
    }

    /// All inputs of the witness program.
    pub(crate) fn inputs(&self) -> Vec<Fr> {
        let inputs = self.circuit.inputs_of(&self.publics, &self.witness);
        inputs.expect("it has a layout").to_vec()
    }

    /// All wires.
    pub(crate) fn assignment(&self) -> Vec<Fr> {
        self.circuit
            .circuit()
            .program
            .run(&self.inputs())
            .expect("a witness exists")
    }

    /// The circuit's verdict on these public inputs and this witness.
    pub(crate) fn circuit_accepts(&self, publics: &[Fr], witness: &EarnWitness) -> bool {
        let Ok(inputs) = self.circuit.inputs_of(publics, witness) else {
            return false;
        };
        let circuit = self.circuit.circuit();
        circuit
            .program
            .run(&inputs)
            .is_ok_and(|wires| circuit.check(&wires).is_ok())
    }

    /// Position of a private input, by its label, in [`Case::inputs`].
    pub(crate) fn input(&self, label: &str) -> usize {
        let circuit = self.circuit.circuit();
        let found = circuit
            .input_labels
            .iter()
            .position(|(other, _)| other == label);
        circuit.public_labels.len() + found.unwrap_or_else(|| panic!("no input {label}"))
    }

    /// Position of a public input, by its label.
    pub(crate) fn public(&self, label: &str) -> usize {
        let found = self
            .circuit
            .circuit()
            .public_labels
            .iter()
            .position(|l| l == label);
        found.unwrap_or_else(|| panic!("no public input {label}"))
    }
}

pub(crate) fn evaluate(terms: &[Term], wires: &[Fr]) -> Fr {
    terms
        .iter()
        .fold(Fr::ZERO, |sum, (wire, c)| sum + *c * wires[*wire as usize])
}

/// Whether constraint `i` holds.
pub(crate) fn holds(circuit: &Circuit, i: usize, wires: &[Fr]) -> bool {
    let row = circuit.r1cs.constraint(i);
    evaluate(row.a, wires) * evaluate(row.b, wires) == evaluate(row.c, wires)
}

/// Sections of all constraints that do not hold, not of the first only.
pub(crate) fn violated(circuit: &Circuit, wires: &[Fr]) -> BTreeSet<String> {
    (0..circuit.r1cs.n_constraints())
        .filter(|i| !holds(circuit, *i, wires))
        .map(|i| circuit.section_of(i))
        .collect()
}
