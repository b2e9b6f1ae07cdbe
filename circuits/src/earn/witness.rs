//! The private side of a batch, the public side computed from it, and both laid out for the
//! witness program.

use merits_formula::{EvalError, Record, Schema, SequenceError, Typed};
use merits_primitives::{
    Fr,
    commitment::{Opening, RecordCommitment, RecordSalt},
    context::Context,
    earned::Earned,
    figures::PublicNumber,
    ids::{AssetId, Credits, Expiry, Period, Quantity},
    jubjub::Point,
    note,
    owner::{self, Handle, OwnerKey},
    view_encryption::{self, Exponent},
};
use merits_verifier::{
    Statement,
    statement::earn::{ClaimPublic, EarnStatement, MeasureTotal},
};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::{EarnCircuit, records::slot_inputs};
use crate::element;

/// The distributor's secret data of one claim.
#[derive(Clone)]
pub struct ClaimWitness {
    /// K: the secret owner key of the note.
    pub key: OwnerKey,
    /// h: the person's pseudonym at the source.
    pub handle: Handle,
    /// s: the salt of the commitment.
    pub salt: RecordSalt,
    /// The records, in order.
    pub records: Vec<Record>,
    /// e: the ephemeral exponent of the audit encryption, never used for anything else.
    pub exponent: Exponent,
}

/// The private side of a batch. Its claims are the present ones; the circuit fills the remaining
/// places with absent claims.
#[derive(Clone, Debug)]
pub struct EarnWitness {
    /// The claims.
    pub claims: Vec<ClaimWitness>,
    /// r: blinds the total.
    pub total_exponent: Exponent,
    /// r2: blinds the measure's total. Present if and only if the scale has a measure. Must differ
    /// from r.
    pub measure_exponent: Option<Exponent>,
}

/// The values that the ledger's state fixes for a batch.
#[derive(Clone, Debug)]
pub struct EarnTerms {
    /// The ledger's number of the scale id.
    pub asset: AssetId,
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
    /// Period of the records.
    pub period: Period,
    /// H(origin, distributor, scale id, version).
    pub context: Context,
    /// A: the view key.
    pub view_key: Point,
    /// At: the view key for totals.
    pub total_key: Point,
    /// Public values of the constants, in the manifest's order.
    pub constants: Vec<PublicNumber>,
}

/// Why a batch cannot be stated or laid out. The distributor's data is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessFault {
    /// More claims than the circuit has room for.
    #[error("{found} claims, but the scale's circuit has room for {capacity}: split the batch")]
    TooManyClaims {
        /// Claims of the witness.
        found: usize,
        /// B.
        capacity: usize,
    },
    /// Records that the schema does not allow.
    #[error("claim {claim}: {error}; such records cannot be claimed")]
    Records {
        /// Index of the claim.
        claim: usize,
        /// What is wrong.
        error: Box<SequenceError>,
    },
    /// The formula has no value here.
    #[error("claim {claim}: the formula gives no credits: {error}")]
    Formula {
        /// Index of the claim.
        claim: usize,
        /// Why.
        error: Box<EvalError>,
    },
    /// Values without a layout: a field is wider than its bits, or a record has other fields.
    #[error("claim {claim}, record {record}: it does not fit the schema's layout")]
    Layout {
        /// Index of the claim.
        claim: usize,
        /// Index of the record.
        record: usize,
    },
    /// A point of a total is the identity: it happens by chance once in 2^250 batches.
    #[error("the batch's total is the identity: choose another exponent")]
    TotalIsIdentity,
    /// A scale with a measure, and no exponent for its total.
    #[error("the scale has a measure, but the batch has no exponent r2 for its total")]
    NoMeasureExponent,
    /// Public inputs of another shape.
    #[error(
        "{found} public inputs, but the circuit takes {expected}: statement and circuit are of different shapes"
    )]
    PublicCount {
        /// Inputs given.
        found: usize,
        /// Inputs of the circuit.
        expected: usize,
    },
}

/// The commitment to a claim's records, and the outputs that the records earn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// C.
    pub commitment: RecordCommitment,
    /// v, and w if the scale has a measure.
    pub earned: Earned,
}

impl std::fmt::Debug for ClaimWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimWitness")
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl Drop for ClaimWitness {
    fn drop(&mut self) {
        // The exponent wipes itself.
        self.key.0.zeroize();
        self.handle.0.zeroize();
        self.salt.0.zeroize();
        self.records
            .iter_mut()
            .for_each(|record| record.0.zeroize());
    }
}

impl ClaimWitness {
    /// The witness of an absent claim: no records and zeros. Its presence flag of 0 forces its
    /// public inputs to 0. Its inner constraints hold, because the formula has a value on no records
    /// and every exponent has a point.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            key: OwnerKey(Fr::from(0u64)),
            handle: Handle(Fr::from(0u64)),
            salt: RecordSalt(Fr::from(0u64)),
            records: Vec::new(),
            exponent: Exponent::from_bytes(&[0; 32]),
        }
    }

    /// C, for these records without a check.
    #[must_use]
    pub fn commitment(&self, schema: &Schema, period: Period) -> RecordCommitment {
        let opening = Opening {
            schema: schema.id(),
            period,
            // A schema holds at most 512 records; more have been refused before.
            count: u16::try_from(self.records.len()).unwrap_or(u16::MAX),
            handle: self.handle,
            salt: self.salt,
            packed: &schema.pack(&self.records),
        };
        opening.commitment()
    }

    /// C and the outputs of the records, without a check of the records.
    pub(super) fn worth(&self, formula: &Typed, terms: &EarnTerms) -> Result<Worth, EvalError> {
        let outputs = formula.eval(&self.records, &terms.constants)?;
        Ok(Worth {
            commitment: self.commitment(formula.schema(), terms.period),
            earned: Earned {
                credits: Credits(outputs.credits),
                measure: outputs.measure.map(Quantity),
            },
        })
    }

    /// The public values of a claim of this worth.
    pub(super) fn public(&self, worth: &Worth, terms: &EarnTerms) -> ClaimPublic {
        let (c, earned) = (worth.commitment, worth.earned);
        let credits = earned.credits;
        let binding = owner::bind(&self.key, &self.handle);
        let sealed =
            view_encryption::encrypt(&self.exponent, &terms.view_key, c, earned, &self.handle);
        ClaimPublic {
            c,
            b: binding.b,
            cm: note::note_commitment(credits, terms.expiry, terms.asset, &self.key),
            u: binding.hide(earned),
            ey: sealed.ey,
            cv: sealed.cv,
            ch: sealed.ch,
        }
    }

    /// Private inputs in the order of `claim::claim`.
    fn inputs(&self, schema: &Schema, out: &mut Vec<Fr>) -> Result<(), usize> {
        out.extend([self.key.0, self.handle.0, self.salt.0]);
        slot_inputs(schema, &self.records, out)?;
        out.extend(self.exponent.bits().map(element::of_bit));
        Ok(())
    }
}

impl EarnWitness {
    /// The public side of the batch: computes every claim's public values and the total.
    ///
    /// # Errors
    /// [`WitnessFault`]: records that the schema refuses, no credits, too many claims.
    pub fn statement(
        &self,
        formula: &Typed,
        capacity: usize,
        terms: &EarnTerms,
    ) -> Result<EarnStatement, WitnessFault> {
        self.room(capacity)?;
        let worth = self
            .claims
            .par_iter()
            .enumerate()
            .map(|(claim, witness)| {
                check_records(formula.schema(), claim, witness)?;
                witness
                    .worth(formula, terms)
                    .map_err(|error| WitnessFault::Formula {
                        claim,
                        error: Box::new(error),
                    })
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.state(formula, capacity, terms, &worth)
    }

    /// [`EarnWitness::statement`] for a caller that has already computed the worth of each claim
    /// from the same records. If the worths do not match the records, nobody can prove the
    /// statement.
    ///
    /// # Errors
    /// As [`EarnWitness::statement`], except for the formula's.
    ///
    /// # Panics
    /// If the number of worths is not the number of claims.
    pub fn statement_of_worth(
        &self,
        formula: &Typed,
        capacity: usize,
        terms: &EarnTerms,
        worth: &[Worth],
    ) -> Result<EarnStatement, WitnessFault> {
        assert_eq!(worth.len(), self.claims.len(), "one worth for each claim");
        self.room(capacity)?;
        for (claim, witness) in self.claims.iter().enumerate() {
            check_records(formula.schema(), claim, witness)?;
        }
        self.state(formula, capacity, terms, worth)
    }

    fn room(&self, capacity: usize) -> Result<(), WitnessFault> {
        let found = self.claims.len();
        if found > capacity {
            return Err(WitnessFault::TooManyClaims { found, capacity });
        }
        Ok(())
    }

    fn state(
        &self,
        formula: &Typed,
        capacity: usize,
        terms: &EarnTerms,
        worth: &[Worth],
    ) -> Result<EarnStatement, WitnessFault> {
        let claims = self
            .claims
            .par_iter()
            .zip(worth)
            .map(|(witness, worth)| witness.public(worth, terms))
            .collect();
        let point = |point| Point::from_affine(point).map_err(|_| WitnessFault::TotalIsIdentity);
        let total = |exponent, sum| view_encryption::encrypt_total(exponent, &terms.total_key, sum);
        let credits = worth.iter().map(|worth| worth.earned.credits);
        let credits = total(&self.total_exponent, credits.collect());
        let measure = match (formula.measure(), &self.measure_exponent) {
            (None, _) => None,
            (Some(_), None) => return Err(WitnessFault::NoMeasureExponent),
            (Some(_), Some(exponent)) => {
                let measured = worth.iter().filter_map(|worth| worth.earned.measure);
                let measure = total(exponent, measured.collect());
                Some(MeasureTotal {
                    m1: point(measure.t1)?,
                    m2: point(measure.t2)?,
                })
            }
        };
        Ok(EarnStatement {
            asset: terms.asset,
            expiry: terms.expiry,
            schema: formula.schema().id(),
            period: terms.period,
            context: terms.context,
            a: terms.view_key,
            at: terms.total_key,
            t1: point(credits.t1)?,
            t2: point(credits.t2)?,
            constants: terms.constants.clone(),
            measure,
            claims,
            capacity,
        })
    }
}

/// The records of a claim, in the schema's form.
fn check_records(
    schema: &Schema,
    claim: usize,
    witness: &ClaimWitness,
) -> Result<(), WitnessFault> {
    schema
        .check_sequence(&witness.records)
        .map_err(|error| WitnessFault::Records {
            claim,
            error: Box::new(error),
        })
}

impl EarnCircuit {
    /// All inputs of the witness program: the statement's, then the private ones. Wiped on drop.
    ///
    /// # Errors
    /// [`WitnessFault`] if the witness has no layout in this circuit. It does not check whether the
    /// inputs satisfy the constraints.
    pub fn inputs(
        &self,
        statement: &EarnStatement,
        witness: &EarnWitness,
    ) -> Result<Zeroizing<Vec<Fr>>, WitnessFault> {
        self.inputs_of(&statement.public_inputs(), witness)
    }

    /// [`EarnCircuit::inputs`] for any public inputs, also for those that no statement has.
    ///
    /// # Errors
    /// As [`EarnCircuit::inputs`].
    pub fn inputs_of(
        &self,
        publics: &[Fr],
        witness: &EarnWitness,
    ) -> Result<Zeroizing<Vec<Fr>>, WitnessFault> {
        let (found, capacity) = (witness.claims.len(), self.capacity());
        if found > capacity {
            return Err(WitnessFault::TooManyClaims { found, capacity });
        }
        let expected = self.circuit().public_labels.len();
        if publics.len() != expected {
            return Err(WitnessFault::PublicCount {
                found: publics.len(),
                expected,
            });
        }
        let schema = self.formula().schema();
        // The size is known, so the vector never moves and leaves no copy behind.
        let mut inputs = Zeroizing::new(Vec::with_capacity(self.circuit().program.n_inputs()));
        inputs.extend_from_slice(publics);
        inputs.extend((0..capacity).map(|i| element::of_bit(i < found)));
        inputs.extend(witness.total_exponent.bits().map(element::of_bit));
        if self.formula().measure().is_some() {
            let exponent = witness.measure_exponent.as_ref();
            let exponent = exponent.ok_or(WitnessFault::NoMeasureExponent)?;
            inputs.extend(exponent.bits().map(element::of_bit));
        }
        let absent = ClaimWitness::absent();
        let rest = std::iter::repeat_n(&absent, capacity - found);
        for (claim, witness) in witness.claims.iter().chain(rest).enumerate() {
            witness
                .inputs(schema, &mut inputs)
                .map_err(|record| WitnessFault::Layout { claim, record })?;
        }
        Ok(inputs)
    }
}
