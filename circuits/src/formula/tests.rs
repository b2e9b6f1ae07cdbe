//! Interpreter and circuit agree; other outputs are refused; nothing in a witness may vary; the
//! witness program and the builder's own computation give the same wires.

mod kinds;

use ark_ff::{AdditiveGroup as _, Field as _};
use merits_formula::{
    Decimal, Declarations, Field, FieldKind, NamedConstant, Outputs, Record, Schema, Typed,
    check_approved as check,
};
use merits_primitives::{Fr, figures::PublicNumber, ids::PeriodKind};
use proptest::prelude::*;

use crate::builder::{Builder, Circuit};
use crate::formula_circuit::FormulaCircuit;
use crate::gadgets::bits;

/// 162.72 g/km and 20 km a day.
const VALUES: [PublicNumber; 2] = [PublicNumber(16_272), PublicNumber(20_000)];

/// A circuit that demands `public outputs = F(records; constants)`.
struct Harness {
    typed: Typed,
    alone: FormulaCircuit,
}

impl Harness {
    fn new(source: &str, schema: &Schema, constants: &[NamedConstant]) -> Self {
        let declarations = Declarations::new(schema.clone(), source);
        Self::of(&declarations.with_constants(constants.iter().cloned()))
    }

    fn of(declarations: &Declarations) -> Self {
        let typed = check(declarations)
            .unwrap_or_else(|faults| panic!("{}: {faults:#?}", declarations.credits));
        let alone = FormulaCircuit::build(&typed);
        Self { typed, alone }
    }

    fn circuit(&self) -> &Circuit {
        self.alone.circuit()
    }

    /// Constraints of the formula alone.
    fn cost(&self) -> usize {
        self.alone.constraints()
    }

    fn eval(&self, records: &[Record], constants: &[PublicNumber]) -> Outputs {
        self.typed.eval(records, constants).expect("good records")
    }

    fn assignment(&self, records: &[Record], constants: &[PublicNumber]) -> Vec<Fr> {
        let outputs = self.eval(records, constants);
        let assignment = self.alone.assignment(records, constants, outputs);
        assignment.unwrap_or_else(|error| panic!("{}: {error}", self.typed.source()))
    }

    fn accepts(&self, records: &[Record], constants: &[PublicNumber], credits: u64) -> bool {
        let outputs = Outputs {
            credits,
            measure: None,
        };
        let assignment = self.alone.assignment(records, constants, outputs);
        self.circuit()
            .check(&assignment.expect("a witness"))
            .is_ok()
    }

    /// Native and circuit give the same outputs, one more or less is refused, and building with
    /// values gives the same wires as the witness program.
    fn agree(&self, records: &[Record], constants: &[PublicNumber]) -> Result<u64, TestCaseError> {
        let outputs = self.eval(records, constants);
        let mut assignment = self.assignment(records, constants);
        prop_assert_eq!(
            self.circuit().check(&assignment),
            Ok(()),
            "{} of {:?}",
            self.typed.source(),
            records
        );
        if self.typed.schema().max_records <= 6 {
            // Building again for each case takes long with more.
            let inputs = self
                .alone
                .inputs(records, constants, outputs)
                .expect("a layout");
            let (circuit, traced) = FormulaCircuit::traced(&self.typed, inputs).expect("a witness");
            prop_assert_eq!(circuit.r1cs.digest(), self.circuit().r1cs.digest());
            prop_assert_eq!(&traced, &assignment);
        }
        let first = constants.len() + 1;
        let claimed = [Some(outputs.credits), outputs.measure];
        for (at, value) in claimed.into_iter().flatten().enumerate() {
            for wrong in [Fr::from(value) + Fr::ONE, Fr::from(value) - Fr::ONE] {
                assignment[first + at] = wrong;
                prop_assert!(self.circuit().check(&assignment).is_err());
            }
            assignment[first + at] = Fr::from(value);
        }
        Ok(outputs.credits)
    }

    /// Adds to each wire that the formula made, one at a time, and expects refusal. Returns the
    /// wires that may vary: each occurs only beside factors that are 0, so its value has no effect
    /// (the quotient of a zero test whose number is 0).
    fn sweep(&self, assignment: &[Fr]) -> usize {
        let circuit = self.circuit();
        let r1cs = &circuit.r1cs;
        let inputs: Vec<usize> = (circuit.input_labels.iter())
            .map(|(_, wire)| wire.index())
            .collect();
        let mut free = 0;
        let mut changed = assignment.to_vec();
        for wire in r1cs.n_public as usize + 1..assignment.len() {
            if inputs.contains(&wire) {
                continue;
            }
            for delta in [Fr::ONE, -Fr::ONE, Fr::from(1u64 << 40)] {
                changed[wire] = assignment[wire] + delta;
                if r1cs.is_satisfied(&changed).is_ok() {
                    free += 1;
                    assert!(self.has_no_part(wire, assignment), "wire {wire} may vary");
                    break;
                }
            }
            changed[wire] = assignment[wire];
        }
        free
    }

    fn has_no_part(&self, wire: usize, assignment: &[Fr]) -> bool {
        let r1cs = &self.circuit().r1cs;
        let holds = |row: &[(u32, Fr)]| row.iter().any(|(at, _)| *at as usize == wire);
        (0..r1cs.n_constraints()).all(|i| {
            let row = r1cs.constraint(i);
            let is_zero = |row| merits_params::r1cs::evaluate(row, assignment) == Fr::ZERO;
            !holds(row.c) && (!holds(row.a) || is_zero(row.b)) && (!holds(row.b) || is_zero(row.a))
        })
    }
}

fn field(name: &str, kind: FieldKind, key: bool) -> Field {
    Field {
        name: name.into(),
        kind,
        unit: String::new(),
        key,
    }
}

fn trips(max_records: u16) -> Schema {
    let int = |name: &str| {
        let kind = FieldKind::Int {
            min: 0,
            max: 65_535,
        };
        field(name, kind, false)
    };
    let start = field("start", FieldKind::TimeInPeriod, true);
    let fields = vec![start, int("duration"), int("distance")];
    Schema::new("trip", "trips", PeriodKind::Week, fields, max_records).unwrap()
}

fn constant(name: &str, high: i64, exponent: u8) -> NamedConstant {
    NamedConstant {
        name: name.into(),
        interval: [Decimal::integer(0), Decimal::integer(high)],
        exponent,
        unit: String::new(),
        dated: false,
    }
}

fn constants() -> Vec<NamedConstant> {
    vec![constant("factor", 500, 2), constant("daily_cap", 50_000, 0)]
}

const CYCLING: &str = "math.floor(trips
    .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
    .groups(t, day(t.start))
    .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
    .sum() * factor / 1000)";

fn cycling() -> Harness {
    Harness::new(CYCLING, &trips(40), &constants())
}

fn records(rows: &[[u64; 3]]) -> Vec<Record> {
    rows.iter().map(|row| Record(row.to_vec())).collect()
}

fn week(most: usize) -> impl Strategy<Value = Vec<Record>> {
    let duration = prop_oneof![
        0..=65_535u64,
        118..=122u64,
        10_798..=10_802u64,
        0..=11_000u64
    ];
    let distance = prop_oneof![Just(0u64), 0..=65_535u64, 0..=3000u64, 19_990..=20_010u64];
    let trip = (0..=10_079u64, duration, distance).prop_map(|(a, b, c)| [a, b, c]);
    prop::collection::vec(trip, 0..=most).prop_map(|mut rows| {
        rows.sort_unstable();
        rows.dedup_by_key(|row| row[0]);
        records(&rows)
    })
}

#[test]
fn cycling_takes_the_constraints_that_are_argued_for() {
    let harness = cycling();
    // 33 a record: at least 120 s 3, at most 10,800 s 5, gated distance 2; 17 to tell day and
    // minute, split by day 6.
    // A day's cap: 22 bits of the distance and 1. Floor: 18 bits of the quotient, 17 of the
    // remainder, 5 for it to stay below 100,000, and the product of metres and factor.
    let expected = 40 * 33 + 7 * 23 + 18 + 17 + 5 + 1;
    assert_eq!(
        harness.cost(),
        expected,
        "{:#?}",
        harness.circuit().sections
    );
}

#[test]
fn boundaries() {
    let harness = cycling();
    for (rows, expected) in [
        (vec![], 0),
        (vec![[0, 119, 1000]], 0),
        (vec![[0, 120, 1000]], 162),
        (vec![[0, 10_800, 1000]], 162),
        (vec![[0, 10_801, 1000]], 0),
        (vec![[0, 600, 0]], 0),
        (vec![[0, 600, 20_000]], 3254),
        (vec![[0, 600, 20_001]], 3254),
        (vec![[10_079, 600, 65_535]], 3254),
        (vec![[1439, 600, 15_000], [1440, 600, 15_000]], 4881),
        ((0..40).map(|i| [i * 251, 600, 65_535]).collect(), 22_780),
    ] {
        let credits = harness.agree(&records(&rows), &VALUES).unwrap();
        assert_eq!(credits, expected, "{rows:?}");
    }
    let full: Vec<[u64; 3]> = (0..40).map(|i| [i * 251, 600, 65_535]).collect();
    let most = harness.agree(&records(&full), &[50_000, 50_000].map(PublicNumber));
    assert_eq!(most.unwrap(), 175_000);
    assert_eq!(
        harness
            .agree(&records(&full), &[0, 0].map(PublicNumber))
            .unwrap(),
        0
    );
}

#[test]
fn another_record_or_constant_does_not_give_the_same_credits() {
    let harness = cycling();
    let rows = records(&[[490, 600, 3000]]);
    let longer = records(&[[490, 600, 3007]]);
    assert!(harness.accepts(&rows, &VALUES, 488));
    assert!(!harness.accepts(&longer, &VALUES, 488));
    assert!(!harness.accepts(&rows, &[16_472, 20_000].map(PublicNumber), 488));
    assert!(!harness.accepts(&rows, &[16_272, 2000].map(PublicNumber), 488));
}

#[test]
fn no_wire_of_the_formula_may_vary() {
    let harness = Harness::new(CYCLING, &trips(4), &constants());
    let rows = records(&[
        [5, 600, 3000],
        [9, 100, 50],
        [1500, 20_000, 7],
        [1501, 700, 25_000],
    ]);
    let assignment = harness.assignment(&rows, &VALUES);
    // The quotients of the two trips that count, the inverse in the zero test of the high bits of
    // 100 s, which are all 0, and those of the two pairs of trips on one day.
    assert_eq!(harness.sweep(&assignment), 5);
    let at_cap = records(&[[5, 600, 20_000]]);
    let assignment = harness.assignment(&at_cap, &VALUES);
    // The quotient of the one trip, and of the three slots without one the high bits and the day,
    // which is 0 as that of the trip.
    assert_eq!(harness.sweep(&assignment), 7);
}

/// Formulas with constructs that the cycling scale lacks.
const OTHERS: [&str; 24] = [
    "trips.size()",
    "groups(trips, day(trips.start)).size()",
    "groups(trips, t, day(t.start)).filter(g, g.size() >= 2).size()",
    "trips.groups(t, day(t.start)).map(g, g.filter(t, t.distance > 2990).size()).sum()",
    "trips.filter(t, !(t.distance < 100)).size()",
    "trips.filter(t, t.distance == 50 || t.duration < 1000).size()",
    "trips.filter(t, t.distance != 0).size()",
    "trips.filter(t, t.distance * 3 > t.duration).size()",
    "trips.filter(t, t.distance == t.duration || t.start >= 5000).map(t, t.distance + 1).sum()",
    "math.greatest(0, trips.size() - 3)",
    "math.greatest(3, trips.size(), 2)",
    "math.least(3, trips.size(), 5) + math.least(trips.size(), 1)",
    "math.floor(trips.map(t, t.distance).sum() / 3)",
    "math.floor(trips.map(t, t.distance).sum() * 0.1)",
    "math.floor(trips.map(t, t.distance).sum() / 0.25)",
    "math.greatest(0, math.floor(-trips.map(t, t.distance).sum() / 3) + 20000)",
    "trips.map(t, math.floor(t.distance / 7)).sum()",
    "trips.filter(t, t.distance > 99).filter(t, t.duration > 300).size()",
    "trips.filter(t, t.start / 60 >= 24 && t.distance >= 49.5 && t.distance <= 2999.5).size()",
    "trips.groups(t, day(t.start)).map(g, math.least(g.size(), 1) * 5 + 1).sum()",
    "trips.filter(t, t.duration > 600).groups(t, day(t.start)).filter(g, g.map(t, t.distance).sum() > 3000).map(g, g.size() * 2).sum()",
    "trips.groups(t, math.floor(t.distance / 20000)).map(g, g.size() * g.size()).sum()",
    "trips.filter(t, !(t.duration >= 120 && t.duration <= 10800)).size()",
    "trips.filter(t, day(t.start) == 5 || day(t.start) == 6).map(t, t.distance * t.duration).sum()",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn interpreter_and_circuit_agree_on_cycling(
        rows in week(40),
        factor in prop_oneof![Just(16_272u64), 0..=50_000u64],
        cap in prop_oneof![Just(20_000u64), 0..=50_000u64],
    ) {
        thread_local!(static HARNESS: Harness = cycling());
        HARNESS.with(|harness| harness.agree(&rows, &[factor, cap].map(PublicNumber)))?;
    }

    #[test]
    fn interpreter_and_circuit_agree_on_other_formulas(rows in week(6), at in 0..OTHERS.len()) {
        thread_local!(static HARNESSES: Vec<Harness> = OTHERS
            .iter()
            .map(|source| Harness::new(source, &trips(6), &[]))
            .collect());
        HARNESSES.with(|harnesses| harnesses[at].agree(&rows, &[]))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_wire_of_other_formulas_may_vary(rows in week(4), at in 0..OTHERS.len()) {
        let harness = Harness::new(OTHERS[at], &trips(4), &[]);
        harness.sweep(&harness.assignment(&rows, &[]));
    }
}

#[test]
fn thresholds_of_five_bits_against_every_value() {
    use num_bigint::BigInt;
    for least in 0..=33u64 {
        let mut b = Builder::new();
        let wanted = b.public("holds");
        let number = bits::input_bits(&mut b, "x", 5);
        let holds = super::threshold::at_least(&mut b, &number, &BigInt::from(least)).bit(&mut b);
        b.assert_equal(holds.lc(), &wanted);
        let circuit = b.finish();
        for value in 0..32u64 {
            for claimed in [false, true] {
                let mut inputs = vec![Fr::from(claimed)];
                inputs.extend((0..5).map(|i| Fr::from(value >> i & 1)));
                let assignment = circuit.program.run(&inputs).unwrap();
                let accepted = circuit.check(&assignment).is_ok();
                assert_eq!(accepted, claimed == (value >= least), "{value} >= {least}");
            }
        }
    }
}
