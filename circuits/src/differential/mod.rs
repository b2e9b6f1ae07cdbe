//! Compares interpreter and circuit on random records and against dishonest provers.
//!
//! For a checked formula, [`Differential`] compares three things on records in and out of bounds:
//! the exact interpreter, the witness program, and the constraints.
//!
//! - In bounds, the constraints accept the interpreter's outputs. With the witness of the right
//!   outputs they refuse others: one more, one less, and the outputs of other records.
//! - The witness program and synthesis give the same assignment, wire by wire.
//! - Out of bounds, both refuse.
//! - **Lies**: each time the prover has a choice (the bits of a number, an inverse, a quotient, a
//!   comparison's outcome) it makes another choice, computes the rest from it, and claims the
//!   outputs that result. If the constraints then accept other outputs, they have a hole.
//! - **Freedom**: near the right witness, no wires may vary together, however many, unless they
//!   occur only beside a factor 0 and so have no effect.
//!
//! [`run`] does all of that on a given formula (`merits scale test --random N`), [`fuzz`] on
//! formulas that are drawn as well. Both are reproduced by their seed.

mod dishonest;
mod freedom;

use std::fmt;

use ark_ff::{AdditiveGroup, Field};
use merits_formula::generate::{self, Acceptance, Dice};
use merits_formula::{Decimal, Outputs, Record, SourceId, Typed};
use merits_params::r1cs::evaluate;
use merits_primitives::{Fr, figures::PublicNumber};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::formula_circuit::{AssignmentError, FormulaCircuit};
use dishonest::{Run, claims, lie};

/// How many lies are tried on each list of records by default.
pub const LIES: usize = 24;

/// Circuits beyond this size are not searched for lies and freedom on every list of records, so
/// that a run of many formulas is not spent on a few.
const LARGE: usize = 20_000;

/// The number of comparisons of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Formulas.
    pub formulas: u64,
    /// Lists of records within bounds on which interpreter and circuit agreed.
    pub agreed: u64,
    /// Assignments of the witness program that synthesis gives too.
    pub traced: u64,
    /// Lists of records out of bounds that both refused.
    pub out_of_bounds: u64,
    /// Wrong outputs that the constraints refused.
    pub wrong: u64,
    /// Lies that the constraints refused.
    pub lies: u64,
    /// Lies that did not change the outputs, and were accepted with the right outputs.
    pub idle_lies: u64,
    /// Witnesses near which no wire can vary.
    pub rigid: u64,
    /// Wires that may vary because their value has no effect.
    pub idle_wires: u64,
    /// Constraints of all formulas, without their records.
    pub constraints: u64,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The interpreter refuses records that it must accept.
    #[error("the interpreter refuses records within bounds: {0}")]
    Interpreter(String),
    /// The witness program refuses records that it must accept.
    #[error("records within bounds have no witness: {0}")]
    NoWitness(AssignmentError),
    /// The constraints refuse the interpreter's outputs.
    #[error("the constraints refuse the interpreter's outputs: {0}")]
    Refused(String),
    /// The constraints accept outputs that the interpreter does not give.
    #[error("the constraints accept wrong outputs beside the right witness")]
    WrongAccepted,
    /// The interpreter accepts records out of bounds.
    #[error("the interpreter accepts records that are {0:?}")]
    OutOfBoundsEvaluated(generate::Spoilt),
    /// The constraints accept records out of bounds.
    #[error("the constraints accept records that are {0:?}")]
    OutOfBoundsAccepted(generate::Spoilt),
    /// A lie gives other outputs.
    #[error("the constraints accept other outputs from a prover that lies in {sections}: {lies}")]
    Forged {
        /// The false claims, by instruction.
        lies: String,
        /// The sections of the circuit.
        sections: String,
    },
    /// Synthesis computes other wires than the witness program.
    #[error("the witness program and synthesis give different assignments")]
    Traced,
    /// Wires that are not fixed.
    #[error("wires whose values have an effect may vary together: {0}")]
    Free(String),
}

/// A fault with everything that reproduces it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// Which list of records of the run, from 0.
    pub case: u64,
    /// What went wrong.
    pub fault: Fault,
    /// The scale's texts and declarations.
    pub formula: String,
    /// The records.
    pub records: Vec<Record>,
    /// The public numbers.
    pub numbers: Vec<PublicNumber>,
    /// The interpreter's outputs.
    pub expected: Option<Outputs>,
    /// The outputs that the constraints accept.
    pub got: Option<Outputs>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.fault)?;
        writeln!(f, "seed {}, case {}", self.seed, self.case)?;
        writeln!(f, "{}", self.formula)?;
        let numbers: Vec<u64> = self.numbers.iter().map(|number| number.0).collect();
        writeln!(f, "public numbers {numbers:?}")?;
        for (at, record) in self.records.iter().enumerate() {
            writeln!(f, "record {at}: {:?}", record.0)?;
        }
        writeln!(f, "expected {:?}, got {:?}", self.expected, self.got)
    }
}

impl std::error::Error for Failure {}

impl Counts {
    /// The sum of both.
    pub fn add(&mut self, other: &Self) {
        self.formulas += other.formulas;
        self.agreed += other.agreed;
        self.traced += other.traced;
        self.out_of_bounds += other.out_of_bounds;
        self.wrong += other.wrong;
        self.lies += other.lies;
        self.idle_lies += other.idle_lies;
        self.rigid += other.rigid;
        self.idle_wires += other.idle_wires;
        self.constraints += other.constraints;
    }
}

/// Tries a formula on `cases` random lists of records: half of them with these public numbers, if
/// any are given, all others with random ones.
///
/// # Errors
/// The first [`Failure`].
pub fn run(
    formula: &Typed,
    numbers: Option<&[PublicNumber]>,
    seed: u64,
    cases: u64,
) -> Result<Counts, Box<Failure>> {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let mut dice = Dice::new(&mut source);
    let tried = Differential::new(formula);
    let mut counts = tried.begun();
    let large = tried.circuit.circuit().r1cs.n_constraints() > LARGE;
    for case in 0..cases {
        // Lies and freedom cost a hundred times as much as a comparison.
        let deep = case < 4 || (!large && case % 16 == 0);
        let given = numbers
            .filter(|_| case % 2 == 0)
            .map(<[PublicNumber]>::to_vec);
        let numbers = given.unwrap_or_else(|| generate::numbers(&mut dice, formula));
        let records = generate::records(&mut dice, formula.schema(), &tried.marks);
        let lies = if deep { LIES } else { 0 };
        tried
            .case(&mut dice, &records, &numbers, lies, &mut counts)
            .map_err(|fault| {
                Box::new(Failure {
                    seed,
                    case,
                    ..*fault
                })
            })?;
    }
    Ok(counts)
}

/// Draws a formula and tries it on `cases` lists of records.
///
/// # Errors
/// The first [`Failure`].
pub fn fuzz(
    seed: u64,
    cases: u64,
    lies: usize,
    acceptance: &mut Acceptance,
) -> Result<Counts, Box<Failure>> {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let mut dice = Dice::new(&mut source);
    let formula = generate::draw(&mut dice, acceptance);
    let tried = Differential::new(&formula);
    let mut counts = tried.begun();
    let large = tried.circuit.circuit().r1cs.n_constraints() > LARGE;
    for case in 0..cases {
        let numbers = generate::numbers(&mut dice, &formula);
        let records = generate::records(&mut dice, formula.schema(), &tried.marks);
        let lies = if large && case > 0 { 0 } else { lies };
        tried
            .case(&mut dice, &records, &numbers, lies, &mut counts)
            .map_err(|fault| {
                Box::new(Failure {
                    seed,
                    case,
                    ..*fault
                })
            })?;
    }
    Ok(counts)
}

/// A formula with its circuit, ready to be tried.
#[derive(Debug)]
pub struct Differential {
    circuit: FormulaCircuit,
    marks: Vec<Decimal>,
    /// Wires of the public outputs, each with the constraint that demands it.
    outputs: Vec<(usize, usize)>,
    /// Which wires the prover fills: neither public numbers nor records.
    varies: Vec<bool>,
    claims: Vec<usize>,
}

impl Differential {
    /// Compiles a formula.
    #[must_use]
    pub fn new(formula: &Typed) -> Self {
        let circuit = FormulaCircuit::build(formula);
        let built = circuit.circuit();
        let first = formula.constants().len() + 1;
        let count = 1 + usize::from(formula.measure().is_some());
        let demands = |wire: usize| {
            (0..built.r1cs.n_constraints()).rev().find(|at| {
                let row = built.r1cs.constraint(*at);
                let within = row.c.iter().any(|(of, _)| *of as usize == wire);
                within && row.a.is_empty() && row.b.is_empty()
            })
        };
        let outputs: Vec<(usize, usize)> = (first..first + count)
            .filter_map(|wire| Some((wire, demands(wire)?)))
            .collect();
        let mut varies = vec![true; built.r1cs.n_wires as usize];
        varies[..first].fill(false);
        for (_, wire) in &built.input_labels {
            varies[wire.index()] = false;
        }
        Self {
            marks: generate::marks(formula.declarations()),
            claims: claims(&built.program),
            outputs,
            varies,
            circuit,
        }
    }

    /// The circuit.
    #[must_use]
    pub const fn circuit(&self) -> &FormulaCircuit {
        &self.circuit
    }

    /// A report of one formula with nothing tried yet.
    fn begun(&self) -> Counts {
        Counts {
            formulas: 1,
            constraints: self.circuit.constraints() as u64,
            ..Counts::default()
        }
    }

    /// Tries everything on these records, with this many lies.
    ///
    /// # Errors
    /// The first [`Failure`], whose seed and case are for the caller to fill in.
    pub fn case(
        &self,
        dice: &mut Dice<'_>,
        records: &[Record],
        numbers: &[PublicNumber],
        lies: usize,
        counts: &mut Counts,
    ) -> Result<(), Box<Failure>> {
        let formula = self.circuit.formula();
        let failure = |fault: Fault, expected: Option<Outputs>, got: Option<Outputs>| {
            Box::new(Failure {
                seed: 0,
                case: 0,
                fault,
                formula: described(formula),
                records: records.to_vec(),
                numbers: numbers.to_vec(),
                expected,
                got,
            })
        };
        let expected = (formula.eval(records, numbers))
            .map_err(|error| failure(Fault::Interpreter(error.to_string()), None, None))?;
        let assignment = (self.circuit.assignment(records, numbers, expected))
            .map_err(|error| failure(Fault::NoWitness(error), Some(expected), None))?;
        if let Err(unsatisfied) = self.circuit.circuit().check(&assignment) {
            let got = self.outputs_of(&assignment);
            let fault = Fault::Refused(unsatisfied.to_string());
            return Err(failure(fault, Some(expected), got));
        }
        counts.agreed += 1;
        if lies > 0 {
            let inputs = self.circuit.inputs(records, numbers, expected);
            let traced = inputs.and_then(|inputs| FormulaCircuit::traced(formula, inputs));
            let same = traced.is_ok_and(|(circuit, wires)| {
                wires == assignment && circuit.r1cs == self.circuit.circuit().r1cs
            });
            if !same {
                return Err(failure(Fault::Traced, Some(expected), None));
            }
            counts.traced += 1;
        }
        for wrong in self.wrong_outputs(dice, records, numbers, expected) {
            let mut claimed = assignment.clone();
            self.publish(&mut claimed, wrong);
            if self.accepts(&claimed) {
                return Err(failure(Fault::WrongAccepted, Some(expected), Some(wrong)));
            }
            counts.wrong += 1;
        }
        if let Some((spoilt, how)) = generate::spoilt(dice, formula.schema(), records) {
            if formula.eval(&spoilt, numbers).is_ok() {
                return Err(failure(Fault::OutOfBoundsEvaluated(how), None, None));
            }
            if self.any_output_accepted(&spoilt, numbers) {
                return Err(failure(Fault::OutOfBoundsAccepted(how), None, None));
            }
            counts.out_of_bounds += 1;
        }
        if lies > 0 {
            self.lies(dice, records, numbers, expected, lies, counts)
                .and_then(|()| self.rigid(&assignment, counts))
                .map_err(|(fault, got)| failure(fault, Some(expected), got))?;
        }
        Ok(())
    }

    /// Outputs that these records do not have: near ones, and those of fewer or other records.
    fn wrong_outputs(
        &self,
        dice: &mut Dice<'_>,
        records: &[Record],
        numbers: &[PublicNumber],
        expected: Outputs,
    ) -> Vec<Outputs> {
        let formula = self.circuit.formula();
        let moved = |credits: u64, measure: Option<u64>| Outputs { credits, measure };
        let Outputs { credits, measure } = expected;
        let mut wrong = vec![
            moved(credits.wrapping_add(1), measure),
            moved(credits.wrapping_sub(1), measure),
            moved(0, measure),
            moved(formula.max_value(), measure),
            moved(dice.between(0, u64::MAX), measure),
        ];
        if let Some(measure) = measure {
            wrong.extend([
                moved(credits, Some(measure.wrapping_add(1))),
                moved(credits, Some(measure.wrapping_sub(1))),
                moved(measure, Some(credits)),
            ]);
        }
        let mut fewer = records.to_vec();
        if !fewer.is_empty() {
            fewer.remove(dice.below(fewer.len()));
        }
        let others = generate::records(dice, formula.schema(), &self.marks);
        let evaluated = [fewer, others].map(|records| formula.eval(&records, numbers).ok());
        wrong.extend(evaluated.into_iter().flatten());
        wrong.retain(|outputs| *outputs != expected);
        wrong
    }

    /// Lies about one claim or two, and computes the rest from the lies.
    fn lies(
        &self,
        dice: &mut Dice<'_>,
        records: &[Record],
        numbers: &[PublicNumber],
        expected: Outputs,
        lies: usize,
        counts: &mut Counts,
    ) -> Result<(), (Fault, Option<Outputs>)> {
        let built = self.circuit.circuit();
        let inputs = (self.circuit.inputs(records, numbers, expected))
            .map_err(|error| (Fault::NoWitness(error), None))?;
        if self.claims.is_empty() {
            return Ok(());
        }
        for _ in 0..lies {
            let first = dice.below(self.claims.len());
            let mut chosen = vec![first];
            // Often the next one or two after it, because related values are made together.
            match dice.below(4) {
                0 => chosen.push(first + 1),
                1 => chosen.push(first + 1 + dice.below(3)),
                2 => chosen.push(dice.below(self.claims.len())),
                _ => {}
            }
            chosen.retain(|at| *at < self.claims.len());
            chosen.sort_unstable();
            chosen.dedup();
            let mut run = Run::new(&built.program, &inputs);
            let mut told = Vec::new();
            for at in &chosen {
                let op = self.claims[*at];
                run.to(op);
                let lie = lie(dice, &built.program, op);
                run.lie(lie);
                told.push((op, lie));
            }
            run.to(usize::MAX);
            let mut wires = run.wires;
            self.settle(&mut wires);
            if !self.accepts(&wires) {
                counts.lies += 1;
                continue;
            }
            let right = self.outputs.iter().zip(publics(expected));
            if right
                .clone()
                .all(|((wire, _), value)| wires[*wire] == value)
            {
                counts.idle_lies += 1;
                continue;
            }
            let sections = told
                .iter()
                .map(|(op, _)| built.program.origins.path_at(*op));
            let fault = Fault::Forged {
                sections: sections.collect::<Vec<_>>().join(", "),
                lies: format!("{told:?}"),
            };
            return Err((fault, self.outputs_of(&wires)));
        }
        Ok(())
    }

    /// Whether any wires can vary together near this assignment.
    fn rigid(
        &self,
        assignment: &[Fr],
        counts: &mut Counts,
    ) -> Result<(), (Fault, Option<Outputs>)> {
        let built = self.circuit.circuit();
        let outputs: Vec<usize> = self.outputs.iter().map(|(wire, _)| *wire).collect();
        let found = freedom::freedom(&built.r1cs, assignment, |wire| self.varies[wire], &outputs);
        counts.idle_wires += found.idle as u64;
        if found.undecided {
            return Ok(());
        }
        if found.joint.is_empty() && found.outputs.is_empty() {
            counts.rigid += 1;
            return Ok(());
        }
        let sections = found
            .joint
            .iter()
            .chain(&found.outputs)
            .take(12)
            .map(|wire| {
                let holds = |at: &usize| {
                    let row = built.r1cs.constraint(*at);
                    let mut terms = row.a.iter().chain(row.b).chain(row.c);
                    terms.any(|(of, _)| *of as usize == *wire)
                };
                let row = (0..built.r1cs.n_constraints()).find(holds);
                let section = row.map_or_else(String::new, |row| built.section_of(row));
                format!("wire {wire} in {section}")
            });
        let fault = Fault::Free(sections.collect::<Vec<_>>().join(", "));
        Err((fault, None))
    }

    /// Whether the constraints accept these records with the outputs that follow from them.
    fn any_output_accepted(&self, records: &[Record], numbers: &[PublicNumber]) -> bool {
        let nothing = Outputs {
            credits: 0,
            measure: self.circuit.formula().measure().map(|_| 0),
        };
        let Ok(inputs) = self.circuit.inputs(records, numbers, nothing) else {
            return false;
        };
        let mut run = Run::new(&self.circuit.circuit().program, &inputs);
        run.to(usize::MAX);
        let mut wires = run.wires;
        self.settle(&mut wires);
        self.accepts(&wires)
    }

    /// Sets the public outputs to the values that the wires give.
    fn settle(&self, wires: &mut [Fr]) {
        for (output, row) in &self.outputs {
            wires[*output] = Fr::ZERO;
            let row = self.circuit.circuit().r1cs.constraint(*row).c;
            let rest = evaluate(row, wires);
            let factor = row.iter().find(|(wire, _)| *wire as usize == *output);
            let inverse = factor.and_then(|(_, factor)| factor.inverse());
            wires[*output] = -rest * inverse.unwrap_or(Fr::ZERO);
        }
    }

    fn publish(&self, wires: &mut [Fr], outputs: Outputs) {
        for ((wire, _), value) in self.outputs.iter().zip(publics(outputs)) {
            wires[*wire] = value;
        }
    }

    fn accepts(&self, wires: &[Fr]) -> bool {
        let r1cs = &self.circuit.circuit().r1cs;
        (0..r1cs.n_constraints()).all(|at| {
            let row = r1cs.constraint(at);
            evaluate(row.a, wires) * evaluate(row.b, wires) == evaluate(row.c, wires)
        })
    }

    /// The outputs that the wires give, if they are small.
    fn outputs_of(&self, wires: &[Fr]) -> Option<Outputs> {
        use ark_ff::PrimeField as _;
        let mut settled = wires.to_vec();
        self.settle(&mut settled);
        let value = |at: usize| {
            let (wire, _) = self.outputs.get(at)?;
            let limbs = settled[*wire].into_bigint().0;
            limbs[1..].iter().all(|limb| *limb == 0).then_some(limbs[0])
        };
        Some(Outputs {
            credits: value(0)?,
            measure: value(1),
        })
    }
}

/// Public inputs of the outputs.
fn publics(outputs: Outputs) -> impl Iterator<Item = Fr> + Clone {
    [Some(outputs.credits), outputs.measure]
        .into_iter()
        .flatten()
        .map(Fr::from)
}

/// All parts of a formula as text, to reproduce a failure elsewhere.
fn described(formula: &Typed) -> String {
    let declared = formula.declarations();
    let mut text = format!("{:#?}\n", declared.schema);
    for constant in &declared.constants {
        text += &format!("{constant:?}\n");
    }
    for table in &declared.tables {
        text += &format!("{table:?}\n");
    }
    for (at, step) in declared.steps.iter().enumerate() {
        text += &format!(
            "step {}: {}\n",
            step.name,
            declared.text(SourceId::Step(at))
        );
    }
    text += &format!("credits in {:?}: {}\n", declared.unit, declared.credits);
    if let Some(measure) = &declared.measure {
        text += &format!("measure in {:?}: {}\n", measure.unit, measure.cel);
    }
    text
}
