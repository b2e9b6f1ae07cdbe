//! The mirror of the constraints: the same invariants, computed on plain values.
//!
//! A test demands that [`check`] accepts exactly what the circuit accepts. Each violation names
//! its invariant in `docs/src/statement-earn.md`.

use ark_ff::AdditiveGroup;
use merits_formula::{EvalError, SequenceError, Typed};
use merits_primitives::{
    Fr,
    context::Context,
    earned::Earned,
    field,
    figures::PublicNumber,
    ids::{AssetId, Credits, Expiry, Period, Quantity},
    jubjub::Point,
    owner::{self, HiddenEarned},
    sum::WideSum,
    view_encryption::{self, Total},
};
use merits_verifier::statement::earn as layout;

use super::circuit::layout_of;
use super::witness::{EarnTerms, EarnWitness};

/// An invariant that a batch violates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EarnViolation {
    /// A precondition that verifiers establish outside the circuit does not hold, so the statement
    /// is meaningless.
    #[error("precondition: {0}: the statement must be made from the ledger's state")]
    Precondition(&'static str),
    /// EARN-1.
    #[error("EARN-1: n is not the number of present claims, {present} of at most {capacity}")]
    Presence {
        /// Claims of the witness.
        present: usize,
        /// B.
        capacity: usize,
    },
    /// EARN-2.
    #[error("EARN-2: absent claim {claim} has a public input other than 0")]
    AbsentNotZero {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-3.
    #[error("EARN-3: claim {claim} has more records than slots")]
    Slots {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-4.
    #[error("EARN-4: claim {claim}, record {record}: a field is out of bounds")]
    Bounds {
        /// Index of the claim.
        claim: usize,
        /// Index of the record.
        record: usize,
    },
    /// EARN-5.
    #[error("EARN-5: claim {claim}, record {record}: its key is not above the one before")]
    Order {
        /// Index of the claim.
        claim: usize,
        /// Index of the record.
        record: usize,
    },
    /// EARN-6.
    #[error("EARN-6: claim {claim}: C does not commit to these records, period, person and salt")]
    Commitment {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-7.
    #[error("EARN-7: claim {claim}: u hides other credits than the formula's {credits}")]
    Credits {
        /// Index of the claim.
        claim: usize,
        /// The formula's credits.
        credits: Credits,
    },
    /// EARN-15: the credits are right, the measure beside them is not.
    #[error("EARN-15: claim {claim}: u hides another measure than the formula's {measure}")]
    Measure {
        /// Index of the claim.
        claim: usize,
        /// The formula's measure.
        measure: Quantity,
    },
    /// EARN-7: the formula itself has no value here.
    #[error("EARN-7: claim {claim}: the formula gives no credits: {error}")]
    Formula {
        /// Index of the claim.
        claim: usize,
        /// Why.
        error: Box<EvalError>,
    },
    /// EARN-8.
    #[error("EARN-8: claim {claim}: cm is not the note of these credits, expiry, asset and key")]
    Note {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-9.
    #[error("EARN-9: claim {claim}: b binds another owner key or person")]
    Binding {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-10.
    #[error("EARN-10: claim {claim}: Ey is not the y of e·B8")]
    Ephemeral {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-11.
    #[error("EARN-11: claim {claim}: cv or ch does not encrypt v or h under A")]
    Audit {
        /// Index of the claim.
        claim: usize,
    },
    /// EARN-12.
    #[error("EARN-12: T1 is not r·B8")]
    TotalEphemeral,
    /// EARN-13.
    #[error("EARN-13: T2 does not encrypt the sum of present credits under At")]
    Total,
    /// EARN-16.
    #[error("EARN-16: M1 is not r2·B8")]
    MeasureEphemeral,
    /// EARN-17.
    #[error("EARN-17: M2 does not encrypt the sum of present measures under At")]
    MeasureTotal,
}

/// Checks public inputs against a witness, invariant by invariant.
///
/// # Errors
/// The first [`EarnViolation`], in the order of the circuit's sections.
pub fn check(
    formula: &Typed,
    capacity: usize,
    publics: &[Fr],
    witness: &EarnWitness,
) -> Result<(), EarnViolation> {
    let place = layout_of(formula, capacity);
    if publics.len() != place.input_count() {
        return Err(EarnViolation::Precondition(
            "the number of public inputs is wrong",
        ));
    }
    let terms = terms(formula, publics)?;
    let present = witness.claims.len();
    if present > capacity || publics[layout::COUNT] != Fr::from(present as u64) {
        return Err(EarnViolation::Presence { present, capacity });
    }
    let (mut credits, mut measure) = (WideSum::ZERO, WideSum::ZERO);
    for claim in 0..capacity {
        let first = place.claim_offset(claim);
        let public = &publics[first..first + layout::CLAIM_INPUTS];
        if claim < present {
            let earned = check_claim(formula, &terms, public, witness, claim)?;
            credits += earned.credits;
            measure += earned.measure.unwrap_or_default();
        } else if public.iter().any(|input| *input != Fr::ZERO) {
            return Err(EarnViolation::AbsentNotZero { claim });
        }
    }
    let total = |exponent, sum| view_encryption::encrypt_total(exponent, &terms.total_key, sum);
    let credits = total(&witness.total_exponent, credits);
    match differing(&credits, &publics[layout::T1..layout::T1 + 4]) {
        Some(Half::Ephemeral) => return Err(EarnViolation::TotalEphemeral),
        Some(Half::Sum) => return Err(EarnViolation::Total),
        None => {}
    }
    let Some(at) = place.measure_offset() else {
        return Ok(());
    };
    let Some(exponent) = &witness.measure_exponent else {
        return Err(EarnViolation::MeasureEphemeral);
    };
    match differing(&total(exponent, measure), &publics[at..at + 4]) {
        Some(Half::Ephemeral) => Err(EarnViolation::MeasureEphemeral),
        Some(Half::Sum) => Err(EarnViolation::MeasureTotal),
        None => Ok(()),
    }
}

/// A point of a total.
enum Half {
    Ephemeral,
    Sum,
}

/// The first point of a total that differs from four public inputs.
fn differing(total: &Total, publics: &[Fr]) -> Option<Half> {
    let (ephemeral, sum) = publics.split_at(2);
    if ephemeral != [total.t1.x, total.t1.y] {
        Some(Half::Ephemeral)
    } else if sum != [total.t2.x, total.t2.y] {
        Some(Half::Sum)
    } else {
        None
    }
}

fn check_claim(
    formula: &Typed,
    terms: &EarnTerms,
    public: &[Fr],
    witness: &EarnWitness,
    claim: usize,
) -> Result<Earned, EarnViolation> {
    let witness = &witness.claims[claim];
    formula
        .schema()
        .check_sequence(&witness.records)
        .map_err(|error| match error {
            SequenceError::TooMany { .. } => EarnViolation::Slots { claim },
            SequenceError::Record { index, .. } => EarnViolation::Bounds {
                claim,
                record: index,
            },
            SequenceError::Order { index, .. } => EarnViolation::Order {
                claim,
                record: index,
            },
        })?;
    let worth = witness
        .worth(formula, terms)
        .map_err(|error| EarnViolation::Formula {
            claim,
            error: Box::new(error),
        })?;
    let expected = witness.public(&worth, terms);
    let demand = |at: usize, value: Fr, violation: EarnViolation| {
        if public[at] == value {
            Ok(())
        } else {
            Err(violation)
        }
    };
    demand(
        layout::CLAIM_COMMITMENT,
        expected.c.0,
        EarnViolation::Commitment { claim },
    )?;
    demand(
        layout::CLAIM_BINDING,
        expected.b.0,
        EarnViolation::Binding { claim },
    )?;
    let binding = owner::bind(&witness.key, &witness.handle);
    let (earned, hidden) = (worth.earned, HiddenEarned(public[layout::CLAIM_HIDDEN]));
    if hidden != expected.u {
        let other = binding.reveal(hidden, earned.measure.is_some());
        let same_credits = other.is_some_and(|other| other.credits == earned.credits);
        return Err(match earned.measure.filter(|_| same_credits) {
            Some(measure) => EarnViolation::Measure { claim, measure },
            None => EarnViolation::Credits {
                claim,
                credits: earned.credits,
            },
        });
    }
    demand(
        layout::CLAIM_NOTE,
        expected.cm.0,
        EarnViolation::Note { claim },
    )?;
    demand(
        layout::CLAIM_EPHEMERAL,
        expected.ey.0,
        EarnViolation::Ephemeral { claim },
    )?;
    demand(
        layout::CLAIM_CREDITS,
        expected.cv.0,
        EarnViolation::Audit { claim },
    )?;
    demand(
        layout::CLAIM_HANDLE,
        expected.ch.0,
        EarnViolation::Audit { claim },
    )?;
    Ok(earned)
}

/// Reads the shared public inputs back into the types that the ledger's state has.
fn terms(formula: &Typed, publics: &[Fr]) -> Result<EarnTerms, EarnViolation> {
    let fault = EarnViolation::Precondition;
    let number = |at: usize| field::to_u64(&publics[at]);
    let point = |at: usize| Point::from_xy(publics[at], publics[at + 1]).ok();
    if publics[layout::SCHEMA] != formula.schema().id().0 {
        return Err(fault("the schema is not the formula's"));
    }
    let expiry = number(layout::EXPIRY).and_then(|expiry| u32::try_from(expiry).ok());
    let mut constants = Vec::with_capacity(formula.constants().len());
    for (i, declared) in formula.constants().iter().enumerate() {
        let value = number(layout::CONSTANTS + i);
        let value = value.filter(|value| declared.check_public(*value).is_ok());
        let value = value.ok_or(fault("a constant lies outside its interval"))?;
        constants.push(PublicNumber(value));
    }
    Ok(EarnTerms {
        asset: AssetId(number(layout::ASSET).ok_or(fault("the asset is not a 64-bit number"))?),
        expiry: Expiry(expiry.ok_or(fault("the expiry is not a 32-bit number"))?),
        period: number(layout::PERIOD)
            .and_then(Period::from_u64)
            .ok_or(fault("the period is not a valid one"))?,
        context: Context(publics[layout::CONTEXT]),
        view_key: point(layout::VIEW_KEY).ok_or(fault("A is not a valid key"))?,
        total_key: point(layout::TOTAL_KEY).ok_or(fault("At is not a valid key"))?,
        constants,
    })
}
