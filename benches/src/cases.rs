//! What is measured: the shipped scale, other sizes of it, and batches of real weeks.
//!
//! Criterion's benchmarks take the same cases.

use std::io::BufRead;

use anyhow::{Context as _, ensure};
use merits_circuits::earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness};
use merits_formula::Record;
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    context::Context,
    field,
    ids::{Period, PeriodIndex, PeriodKind},
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};
use merits_records::{Mapping, Plan, ReadOptions};
use merits_verifier::Statement as _;
use rand::{RngExt as _, rngs::StdRng};
use zeroize::Zeroizing;

const SCALE: &str = include_str!("../../params/scales/cycling-week/scale.toml");
const MAPPING: &str = include_str!("../../examples/cycling/mapping.toml");
const TRIPS: &[u8] = include_bytes!("../../examples/cycling/trips.csv");

/// R and B of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// R: records that a claim has room for.
    pub records: u16,
    /// B: claims that a proof has room for.
    pub claims: u16,
}

/// The shipped choice.
pub const SHIPPED: Size = Size {
    records: 40,
    claims: 16,
};

/// The cycling scale at some size; everything else is as shipped.
pub fn scale(size: Size) -> anyhow::Result<Manifest> {
    let text = SCALE
        .replace(
            "max_records = 40",
            &format!("max_records = {}", size.records),
        )
        .replace("claims = 16", &format!("claims = {}", size.claims));
    let manifest = Manifest::from_toml(&text)?;
    ensure!(
        (manifest.schema().max_records, manifest.claims_per_proof()) == (size.records, size.claims),
        "the shipped scale no longer has the size that is replaced here"
    );
    Ok(manifest)
}

/// The weeks of trips in a file: the records of the claims, and how many trips each week has.
pub struct Weeks {
    weeks: Vec<Vec<Record>>,
    counts: Vec<usize>,
}

impl Weeks {
    /// The weeks of the trips that come with the command.
    pub fn shipped() -> anyhow::Result<Self> {
        Self::read(TRIPS)
    }

    /// The weeks of a file, read with the shipped mapping.
    pub fn read(input: impl BufRead) -> anyhow::Result<Self> {
        let manifest = scale(SHIPPED)?;
        let plan = Plan::new(&Mapping::from_toml(MAPPING)?, manifest.schema())?;
        let reading = merits_records::read(
            input,
            &plan,
            ReadOptions::default(),
            &mut |_| Ok(()),
            &mut |_| {},
        )?;
        let weeks: Vec<_> = reading.groups.into_iter().map(|g| g.records).collect();
        let over = reading.refused.iter().map(|group| group.count as usize);
        let mut counts: Vec<_> = weeks.iter().map(Vec::len).chain(over).collect();
        counts.sort_unstable();
        ensure!(!counts.is_empty(), "the file has no week with trips");
        Ok(Self { weeks, counts })
    }

    /// How many weeks have at least one trip, including those over the shipped size. Never zero.
    pub fn count(&self) -> usize {
        self.counts.len()
    }

    /// The number of trips of the week at this share of all weeks, ordered by trips: 0.5 is the
    /// median.
    pub fn quantile(&self, share: f64) -> usize {
        // Weeks are far fewer than 2^52.
        let at = (share * (self.counts.len() - 1) as f64).round() as usize;
        self.counts[at]
    }

    /// Weeks with more trips than this.
    pub fn above(&self, records: u16) -> usize {
        let most = usize::from(records);
        self.counts.len() - self.counts.partition_point(|count| *count <= most)
    }

    /// This many weeks with `over` to `most` trips (`over` excluded), spread evenly over the file.
    pub fn pick(&self, count: usize, over: u16, most: u16) -> anyhow::Result<Vec<Vec<Record>>> {
        let range = usize::from(over) + 1..=usize::from(most);
        let fitting: Vec<_> = self
            .weeks
            .iter()
            .filter(|w| range.contains(&w.len()))
            .collect();
        ensure!(!fitting.is_empty(), "no week has {over} to {most} trips");
        Ok((0..count)
            .map(|i| fitting[i * fitting.len() / count].clone())
            .collect())
    }
}

/// Weeks as full as the size allows: the most that a batch can cost.
pub fn full_weeks(size: Size) -> Vec<Vec<Record>> {
    let trip = |i: u64, j: u64| Record(vec![170 * j + i, 600 + i, 2_000 + j]);
    (0..u64::from(size.claims))
        .map(|i| (0..u64::from(size.records)).map(|j| trip(i, j)).collect())
        .collect()
}

/// A circuit with a batch for it.
pub struct Case {
    pub circuit: EarnCircuit,
    pub terms: EarnTerms,
    pub witness: EarnWitness,
}

impl Case {
    /// A full batch of these weeks, with keys, salts and exponents from `rng`.
    pub fn new(
        manifest: &Manifest,
        circuit: EarnCircuit,
        weeks: Vec<Vec<Record>>,
        rng: &mut StdRng,
    ) -> anyhow::Result<Self> {
        let period = Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(2_333),
        };
        let key = |n: u64| Point::mul_base(&Scalar::from(n)).context("a key of zero");
        let terms = EarnTerms {
            asset: manifest.asset(),
            expiry: manifest.expiry(period),
            period,
            context: Context(Fr::from(5u64)),
            view_key: key(0x00c0_ffee)?,
            total_key: key(0x0bad_cafe)?,
            constants: manifest.public_values(manifest.validity().from),
        };
        let claims = weeks.into_iter().map(|records| ClaimWitness {
            key: OwnerKey(field::random(rng)),
            handle: Handle(field::random(rng)),
            salt: field::random(rng),
            records,
            exponent: Exponent::from_bytes(&rng.random()),
        });
        let witness = EarnWitness {
            claims: claims.collect(),
            total_exponent: Exponent::from_bytes(&rng.random()),
            measure_exponent: None,
        };
        Ok(Self {
            circuit,
            terms,
            witness,
        })
    }

    /// The shipped circuit with a batch of real weeks.
    pub fn shipped(rng: &mut StdRng) -> anyhow::Result<Self> {
        let manifest = scale(SHIPPED)?;
        let circuit = EarnCircuit::build(manifest.formula(), usize::from(SHIPPED.claims));
        let weeks = Weeks::shipped()?.pick(usize::from(SHIPPED.claims), 0, SHIPPED.records)?;
        Self::new(&manifest, circuit, weeks, rng)
    }

    /// Inputs of the witness program, public ones first.
    pub fn inputs(&self) -> anyhow::Result<Zeroizing<Vec<Fr>>> {
        let statement =
            self.witness
                .statement(self.circuit.formula(), self.circuit.capacity(), &self.terms)?;
        Ok(self.circuit.inputs(&statement, &self.witness)?)
    }

    /// All wires, checked against the constraints.
    pub fn assignment(&self) -> anyhow::Result<Zeroizing<Vec<Fr>>> {
        let circuit = self.circuit.circuit();
        let wires = Zeroizing::new(circuit.program.run(&self.inputs()?)?);
        circuit.check(&wires)?;
        Ok(wires)
    }

    /// Public inputs, as a verifier computes them.
    pub fn publics(&self) -> anyhow::Result<Vec<Fr>> {
        let (formula, capacity) = (self.circuit.formula(), self.circuit.capacity());
        let statement = self.witness.statement(formula, capacity, &self.terms)?;
        Ok(statement.public_inputs())
    }
}
